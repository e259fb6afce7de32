"""Norms of Keras, and layers that scale by known or by trained numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnet_cost.importing.mapping import norms as family
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import binary, number
from mnet_cost.importing.mapping.keras.parameters import argument, flag, real, stored, whole
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.operands import (
    as_image,
    axis_of,
    in_file_order,
    is_image,
    made,
)
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value


def _made(b: Builder, call: Call, value: Value) -> Value:
    return made(b, call, value, is_image=is_image(call, 0))


def _affine(call: Call, size: Dim, *, default: bool = True) -> tuple[Value | None, Value | None]:
    scale = stored(call, "gamma", (size,)) if flag(call, "scale", default=default) else None
    shift = stored(call, "beta", (size,)) if flag(call, "center", default=default) else None
    return scale, shift


def batch_norm(b: Builder, call: Call) -> Value:
    """BatchNormalization."""
    x, axis = call.input(0), _axis(call, argument(call, "axis", -1))
    size = x.shape[axis]
    scale, shift = _affine(call, size)
    mean = stored(call, "moving_mean", (size,), trained=False)
    variance = stored(call, "moving_variance", (size,), trained=False)
    epsilon = real(call, "epsilon", 1e-3)
    return _made(b, call, family.batch_norm(b, x, axis, scale, shift, mean, variance, epsilon))


def _axis(call: Call, axis: Any) -> int:
    """The place of the one axis that a layer works along."""
    if isinstance(axis, list) and len(axis) == 1:
        (axis,) = axis
    if type(axis) is not int:
        raise Unmapped("works along several axes")
    return axis_of(call, 0, axis)


def layer_norm(kind: str) -> Rule:
    """LayerNormalization and RMSNormalization, over one axis or the last ones."""

    def rule(b: Builder, call: Call) -> Value:
        x, axes = call.input(0), argument(call, "axis", -1)
        epsilon = real(call, "epsilon", 1e-3 if kind == "layer_norm" else 1e-6)
        own = "rms_norm" if flag(call, "rms_scaling", default=False) else kind
        if isinstance(axes, list) and len(axes) > 1:
            x = in_file_order(b, call, 0)
            if any(type(axis) is not int for axis in axes):
                raise Unmapped("has no numbers as `axis`")
            sizes = [x.shape[place] for place in sorted(x.place(axis) for axis in axes)]
            scale = _scale(call, own, sizes)
            shift = _shift(call, own, sizes)
            return made(b, call, family.layer_norm(b, x, axes, scale, shift, epsilon, own))
        axis = _axis(call, axes)
        sizes = [x.shape[axis]]
        scale, shift = _scale(call, own, sizes), _shift(call, own, sizes)
        return _made(b, call, family.layer_norm(b, x, (axis,), scale, shift, epsilon, own))

    return rule


def _scale(call: Call, kind: str, sizes: list[Dim]) -> Value | None:
    has = kind == "rms_norm" or flag(call, "scale", default=True)
    return stored(call, "gamma", sizes) if has else None


def _shift(call: Call, kind: str, sizes: list[Dim]) -> Value | None:
    has = kind == "layer_norm" and flag(call, "center", default=True)
    return stored(call, "beta", sizes) if has else None


def group_norm(b: Builder, call: Call) -> Value:
    """GroupNormalization: -1 groups are as many as there are channels."""
    x, groups = call.input(0), whole(call, "groups", 32)
    axis = _axis(call, argument(call, "axis", -1))
    is_last = axis == x.rank - 1 and not is_image(call, 0)
    if is_last:
        x = as_image(b, x, x.rank)
    elif axis != 1:
        raise Unmapped("has groups along an axis in the middle")
    size = x.shape[1]
    groups = size if groups == -1 and isinstance(size, int) else groups
    scale, shift = _affine(call, size)
    result = family.group_norm(b, x, groups, scale, shift, real(call, "epsilon", 1e-3))
    return made(b, call, result, is_image=is_last or is_image(call, 0))


def normalization(b: Builder, call: Call) -> Value:
    """Normalization: minus a mean, divided by a deviation, which nothing trains."""
    x = call.input(0)
    if flag(call, "invert", default=False):
        raise Unmapped("is inverted")
    given = argument(call, "axis")
    place = None if given in (None, []) else _axis(call, given)
    shape = () if place is None else (x.shape[place], *[1] * (x.rank - 1 - place))
    mean = stored(call, "mean", shape, trained=False)
    deviation = stored(call, "variance", shape, trained=False)
    if place is None and argument(call, "mean") is not None:
        mean, deviation = number(0), number(1)  # what numbers these are is no matter of costs
    return _made(b, call, binary(b, binary(b, x, mean, "subtract"), deviation, "divide"))


def rescaling(b: Builder, call: Call) -> Value:
    """Rescaling: times a number, plus a number."""
    scale, offset = real(call, "scale", 1.0), real(call, "offset", 0.0)
    result = call.input(0)
    if scale != 1:
        result = binary(b, result, number(scale), "multiply")
    if offset:
        result = binary(b, result, number(offset), "add")
    return _made(b, call, result)


def layer_scale(b: Builder, call: Call) -> Value:
    """LayerScale of ConvNeXt in keras.applications: a trained factor for each channel."""
    x, place = call.input(0), axis_of(call, 0, -1)
    shape = (whole(call, "projection_dim"), *[1] * (x.rank - 1 - place))
    return _made(b, call, binary(b, x, stored(call, "gamma", shape), "multiply"))


RULES: Mapping[str, Rule] = {
    "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm("layer_norm"),
    "RMSNormalization": layer_norm("rms_norm"),
    "GroupNormalization": group_norm,
    "Normalization": normalization,
    "Rescaling": rescaling,
    "LayerScale": layer_scale,
}
