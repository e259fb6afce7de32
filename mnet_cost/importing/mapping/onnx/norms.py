"""Norms of ONNX."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import binary, number, operation
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.norms import batch_norm, group_norm, layer_norm
from mnet_cost.importing.mapping.onnx.reading import channels_of, short
from mnet_cost.importing.mapping.reductions import reduce
from mnet_cost.importing.mapping.values import Refused, Unmapped, Value


def batch_norm_rule(b: Builder, call: Call) -> Value:
    """BatchNormalization at inference."""
    if call.get("training_mode", 0):
        raise Refused(
            "normalizes by the examples of a batch, as in training",
            "export the model in evaluation mode: `model.eval()`",
        )
    x = call.input(0)
    scale, shift, mean, variance = (call.input(i) for i in range(1, 5))
    return batch_norm(b, x, 1, scale, shift, mean, variance, call.get("epsilon", 1e-5))


def layer_norm_rule(kind: str) -> Rule:
    """LayerNormalization and RMSNormalization: over all axes from `axis` on. The mean and the
    deviation, where somebody reads them, are reductions of their own."""

    def rule(b: Builder, call: Call) -> list[Value]:
        x = call.input(0)
        axes = range(x.place(call.get("axis", -1)), x.rank)
        epsilon = call.get("epsilon", 1e-5)
        made = [layer_norm(b, x, axes, call.optional(1), call.optional(2), epsilon, kind)]
        if len(call.node.outputs) > 1:
            made.append(reduce(b, x, "mean", axes, keep=True))
        if len(call.node.outputs) > 2:
            deviation = reduce(b, x, "deviation", axes, keep=True)
            made.append(operation(b, deviation, "reciprocal"))
        return made

    return rule


def instance_norm(b: Builder, call: Call) -> Value:
    """InstanceNormalization: each channel by its own statistics."""
    x = call.input(0)
    channels = channels_of(x)
    return group_norm(b, x, channels, call.input(1), call.input(2), call.get("epsilon", 1e-5))


def group_norm_rule(b: Builder, call: Call) -> Value:
    """GroupNormalization: before version 21, scale and shift are those of groups."""
    x, scale, shift = (call.input(i) for i in range(3))
    groups = call.get("num_groups", 1)
    channels = channels_of(x)
    epsilon = call.get("epsilon", 1e-5)
    if scale.shape == (channels,) or groups == channels:
        return group_norm(b, x, groups, scale, shift, epsilon)
    if groups < 1 or channels % groups:
        raise Unmapped(f"has {groups} groups of {channels} channels")
    apart = (x.shape[0], groups, channels // groups, *x.shape[2:])
    normed = b.reshaped(group_norm(b, x, groups, None, None, epsilon), apart)
    ones = [1] * (len(apart) - 2)
    normed = binary(b, normed, b.reshaped(scale, (groups, *ones)), "multiply")
    normed = binary(b, normed, b.reshaped(shift, (groups, *ones)), "add")
    return b.reshaped(normed, x.shape)


def mean_variance_norm(b: Builder, call: Call) -> Value:
    """MeanVarianceNormalization over positions."""
    x = call.input(0)
    axes = [x.place(axis) for axis in call.get("axes", (0, 2, 3))]
    mean = reduce(b, x, "mean", axes, keep=True)
    deviation = reduce(b, x, "deviation", axes, keep=True)
    shifted = binary(b, x, mean, "subtract")
    return binary(b, shifted, binary(b, deviation, number(1e-9), "add"), "divide")


def local_response_norm(b: Builder, call: Call) -> Value:
    """LRN."""
    x = call.input(0)
    if x.rank != 4 or x.batch_axis not in (None, 0):
        raise Unmapped("is of images [N, C, H, W]")
    fields = {
        "size": call.get("size", 1),
        "alpha": short(call.get("alpha", 1e-4)),
        "beta": short(call.get("beta", 0.75)),
        "k": short(call.get("bias", 1.0)),
    }
    return b.layer("local_response_norm", (x,), x.shape, fields)


def length_norm(b: Builder, call: Call) -> Value:
    """LpNormalization: by the sum of squares or of absolute values."""
    x, axis = call.input(0), call.get("axis", -1)
    if call.get("p", 2) == 2:
        return b.layer("l2_normalize", (x,), x.shape, {"axis": x.axis(axis)})
    sizes = b.layer("elementwise", (x,), x.shape, {"operation": "absolute"})
    return binary(b, x, reduce(b, sizes, "sum", (axis,), keep=True), "divide")


RULES: Mapping[str, Rule] = {
    "BatchNormalization": batch_norm_rule,
    "LayerNormalization": layer_norm_rule("layer_norm"),
    "RMSNormalization": layer_norm_rule("rms_norm"),
    "InstanceNormalization": instance_norm,
    "GroupNormalization": group_norm_rule,
    "MeanVarianceNormalization": mean_variance_norm,
    "LRN": local_response_norm,
    "LpNormalization": length_norm,
}
