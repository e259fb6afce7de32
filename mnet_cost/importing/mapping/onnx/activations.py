"""Activations of ONNX."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping import activations
from mnet_cost.importing.mapping.activations import clamp
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import (
    binary,
    comparison,
    function,
    number,
    operation,
    scaled,
    select,
)
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.onnx.reading import number_of, short, tensors, version
from mnet_cost.importing.mapping.values import Unmapped, Value

_KINDS = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "HardSwish": "hard_swish",
}  # fmt: skip
_SELU = (1.67326319217681884765625, 1.05070102214813232421875)
"""Defaults of alpha and gamma."""


def _kind(kind: str) -> Rule:
    return lambda b, call: function(b, call.input(0), kind)


def leaky_relu(b: Builder, call: Call) -> Value:
    """LeakyRelu."""
    return activations.leaky_relu(b, call.input(0), short(call.get("alpha", 0.01)))


def prelu(b: Builder, call: Call) -> Value:
    """PRelu: slopes are broadcast, from the last axis on."""
    slope = call.input(1)
    if slope.rank == 1:
        slope = b.reshaped(slope, (1, *slope.shape))
    return activations.prelu(b, call.input(0), slope)


def elu(b: Builder, call: Call) -> Value:
    """Elu."""
    return activations.elu(b, call.input(0), short(call.get("alpha", 1.0)))


def celu(b: Builder, call: Call) -> Value:
    """Celu: alpha * elu(x / alpha)."""
    alpha = short(call.get("alpha", 1.0))
    if not alpha:
        raise Unmapped("divides by an `alpha` of 0")
    return scaled(b, operation(b, scaled(b, call.input(0), 1 / alpha), "elu"), alpha)


def selu(b: Builder, call: Call) -> Value:
    """Selu; with constants of its own it is an elu times a number."""
    alpha, gamma = call.get("alpha", _SELU[0]), call.get("gamma", _SELU[1])
    if (short(alpha), short(gamma)) == tuple(map(short, _SELU)):
        return operation(b, call.input(0), "selu")
    return scaled(b, operation(b, call.input(0), "elu", number=short(alpha)), short(gamma))


def hard_sigmoid(b: Builder, call: Call) -> Value:
    """HardSigmoid: min(max(alpha * x + beta, 0), 1)."""
    x, alpha, beta = call.input(0), call.get("alpha", 0.2), call.get("beta", 0.5)
    if short(alpha) == short(1 / 6) and beta == 0.5:
        return function(b, x, "hard_sigmoid")
    shifted = binary(b, scaled(b, x, short(alpha)), number(short(beta)), "add")
    return clamp(b, shifted, 0.0, 1.0)


def swish(b: Builder, call: Call) -> Value:
    """Swish: x * sigmoid(alpha * x)."""
    x, alpha = call.input(0), short(call.get("alpha", 1.0))
    if alpha == 1:
        return function(b, x, "silu")
    return binary(b, x, function(b, scaled(b, x, alpha), "sigmoid"), "multiply")


def swiglu(b: Builder, call: Call) -> Value:
    """SwiGLU of two tensors: swish of the first, times the second."""
    gate, up = call.input(0), call.input(1)
    alpha = short(call.get("alpha", 1.0))
    if len(tensors(call)) != 2 or call.get("limit") is not None:
        raise Unmapped("has a limit, or one tensor for both halves")
    active = (
        function(b, gate, "silu")
        if alpha == 1
        else binary(b, gate, function(b, scaled(b, gate, alpha), "sigmoid"), "multiply")
    )
    return binary(b, active, up, "multiply")


def gelu(b: Builder, call: Call) -> Value:
    """Gelu, exact or by tanh."""
    return activations.gelu(b, call.input(0), call.get("approximate", "none"))


def clip(b: Builder, call: Call) -> Value:
    """Clip: bounds are attributes before version 11."""
    x = call.input(0)
    low, high = number_of(call, "min", 1), number_of(call, "max", 2)
    if version(b) < 11:  # the largest number of 32 bits stands for none
        low = None if low is not None and low < -3e38 else low
        high = None if high is not None and high > 3e38 else high
    return clamp(b, x, low, high)


def thresholded_relu(b: Builder, call: Call) -> Value:
    """ThresholdedRelu: x where it is above alpha, else 0."""
    x = call.input(0)
    above = comparison(b, x, number(short(call.get("alpha", 1.0))), "greater")
    return select(b, above, x, number(0.0))


def shrink(b: Builder, call: Call) -> Value:
    """Shrink: towards 0 by `bias` beyond `lambd`, else 0: x - clamp(x) where both are equal."""
    x, bound, bias = call.input(0), call.get("lambd", 0.5), call.get("bias", 0.0)
    if bias == bound:
        return binary(b, x, clamp(b, x, -short(bound), short(bound)), "subtract")
    beyond = comparison(b, operation(b, x, "absolute"), number(short(bound)), "greater")
    if bias:
        shift = binary(b, operation(b, x, "sign"), number(short(bias)), "multiply")
        return select(b, beyond, binary(b, x, shift, "subtract"), number(0.0))
    return select(b, beyond, x, number(0.0))


RULES: Mapping[str, Rule] = {
    **{name: _kind(kind) for name, kind in _KINDS.items()},
    "LeakyRelu": leaky_relu,
    "PRelu": prelu,
    "Elu": elu,
    "Celu": celu,
    "Selu": selu,
    "HardSigmoid": hard_sigmoid,
    "Swish": swish,
    "SwiGLU": swiglu,
    "Gelu": gelu,
    "Clip": clip,
    "ThresholdedRelu": thresholded_relu,
    "Shrink": shrink,
}
