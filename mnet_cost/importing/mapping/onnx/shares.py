"""Softmax of ONNX, and the losses that begin with one."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Literal

from mnet_cost.importing.mapping.activations import log_softmax, softmax
from mnet_cost.importing.mapping.at_positions import Slices, gather_elements, gather_slices
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.elementwise import binary, comparison, number, operation, select
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.onnx.reading import version
from mnet_cost.importing.mapping.reductions import reduce
from mnet_cost.importing.mapping.stored import constant
from mnet_cost.importing.mapping.values import Unmapped, Value


def softmax_rule(name: Literal["softmax", "log"]) -> Rule:
    """Softmax and LogSoftmax: before version 13 along all axes from `axis` on."""

    def rule(b: Builder, call: Call) -> Value:
        x = call.input(0)
        shares = log_softmax if name == "log" else softmax
        if version(b) >= 13:
            return shares(b, x, call.get("axis", -1))
        place = x.place(call.get("axis", 1)) if x.rank > 1 else 0
        behind = plain_sizes(x.shape[place:])
        if len(behind) == 1:
            return shares(b, x, place)
        flat = b.reshaped(x, (*x.shape[:place], prod(behind)))
        return b.reshaped(shares(b, flat, place), x.shape)

    return rule


def hard_max(b: Builder, call: Call) -> Value:
    """Hardmax: 1 where an element is the largest along an axis, else 0."""
    x = call.input(0)
    if version(b) < 13:
        raise Unmapped("is along several axes, as before version 13")
    largest = reduce(b, x, "max", (call.get("axis", -1),), keep=True)
    return comparison(b, x, largest, "equal")._replace(dtype=x.dtype)


def log_likelihood(b: Builder, call: Call) -> Value:
    """NegativeLogLikelihoodLoss of logarithms [N, C, ...] and classes [N, ...]."""
    return _loss(b, call, call.input(0))


def cross_entropy(b: Builder, call: Call) -> list[Value]:
    """SoftmaxCrossEntropyLoss: the same of the logarithm of a softmax, which is a second output."""
    logarithms = log_softmax(b, call.input(0), 1)
    return [_loss(b, call, logarithms), logarithms][: len(call.node.outputs)]


def _loss(b: Builder, call: Call, logarithms: Value) -> Value:
    """Of each class that is right: minus its logarithm, times its weight."""
    classes, weights = call.input(1), call.optional(2)
    if classes.rank + 1 != logarithms.rank or classes.rank < 1:
        raise Unmapped("has classes with other axes than the scores")
    ignored, reduction = call.get("ignore_index"), call.get("reduction", "mean")
    if reduction not in ("none", "sum", "mean"):
        raise Unmapped(f"has the reduction {reduction}")
    column = b.reshaped(classes, (classes.shape[0], 1, *classes.shape[1:]))
    right = b.reshaped(gather_elements(b, logarithms, column, 1), classes.shape)
    losses = operation(b, right, "negate")
    shares = None
    if weights is not None:
        shares = gather_slices(b, weights, classes, Slices(0))
    elif ignored is not None and reduction == "mean":
        shares = constant(b, classes.shape, losses.dtype, 1)
    if shares is not None and weights is not None:
        losses = binary(b, losses, shares, "multiply")
    if ignored is not None:
        left_out = comparison(b, classes, number(ignored), "equal")
        losses = select(b, left_out, number(0.0), losses)
        if shares is not None and reduction == "mean":
            shares = select(b, left_out, number(0.0), shares)
    if reduction == "none":
        return losses
    if shares is None or reduction == "sum":
        return reduce(b, losses, reduction, (), keep=False)
    total, whole = (reduce(b, x, "sum", (), keep=False) for x in (losses, shares))
    return binary(b, total, whole, "divide")


RULES: Mapping[str, Rule] = {
    "Softmax": softmax_rule("softmax"),
    "LogSoftmax": softmax_rule("log"),
    "Hardmax": hard_max,
    "NegativeLogLikelihoodLoss": log_likelihood,
    "SoftmaxCrossEntropyLoss": cross_entropy,
}
