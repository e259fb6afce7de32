"""Norms: what those of any dialect become. A scale and a shift belong to the norm where they are
stored and trained; otherwise they are layers of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.elementwise import binary
from mnet_cost.importing.mapping.owners import is_trained
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value, elements

_EPSILON = 1e-5


def batch_norm(
    b: Builder,
    x: Value,
    axis: int,
    scale: Value | None,
    shift: Value | None,
    mean: Value,
    variance: Value,
    epsilon: float,
) -> Value:
    """Running statistics of each channel along `axis`, with a scale and a shift or without."""
    if mean.stored is None or variance.stored is None:
        raise Unmapped("has statistics that are not stored")
    affine = is_affine(scale, shift)
    fields = {
        "axis": x.axis(axis),
        "affine": None if affine else False,
        "epsilon": _epsilon(epsilon),
    }
    owns = [v.stored for v in (scale, shift) if v is not None and affine]
    owns += [mean.stored, variance.stored]
    result = b.layer("batch_norm", (x,), x.shape, fields, owns=owns)
    return result if affine else _scaled(b, result, scale, shift, x.rank - 1 - x.place(axis))


def layer_norm(
    b: Builder,
    x: Value,
    axes: Sequence[int],
    scale: Value | None,
    shift: Value | None,
    epsilon: float,
    kind: str = "layer_norm",
) -> Value:
    """Statistics over `axes`, the last ones, or one other; `kind` may also be `rms_norm`.

    Several axes are joined before it, and are apart again afterwards.
    """
    places = sorted(x.place(axis) for axis in axes)
    plain_sizes([x.shape[place] for place in places])
    if len(places) > 1:
        if places != list(range(places[0], x.rank)):
            raise Unmapped("is a norm over several axes that are not the last ones")
        joined = elements(x.shape[places[0] :])
        shape: tuple[Dim, ...] = (*x.shape[: places[0]], joined)
        flat = b.reshaped(x, shape)
        parts = [None if v is None else b.reshaped(v, (joined,)) for v in (scale, shift)]
        result = layer_norm(b, flat, (len(shape) - 1,), parts[0], parts[1], epsilon, kind)
        return b.reshaped(result, x.shape)
    (place,) = places
    size = x.shape[place]
    trains_scale = _is_vector(scale, size)
    trains_shift = trains_scale and kind == "layer_norm" and _is_vector(shift, size)
    fields: dict[str, Any] = {
        "axis": x.axis(place),
        "affine": None if trains_scale else False,
        "epsilon": _epsilon(epsilon),
    }
    if kind == "layer_norm" and trains_scale and not trains_shift:
        fields["bias"] = False
    owns = [scale.stored] if trains_scale and scale is not None else []
    owns += [shift.stored] if trains_shift and shift is not None else []
    result = b.layer(kind, (x,), x.shape, fields, owns=owns)
    behind = x.rank - 1 - place
    rest = (None if trains_scale else scale, None if trains_shift else shift)
    return _scaled(b, result, *rest, behind)


def group_norm(
    b: Builder,
    x: Value,
    groups: int,
    scale: Value | None,
    shift: Value | None,
    epsilon: float,
) -> Value:
    """Statistics over groups of channels of [N, C, ...]; as many groups as channels are an instance
    norm."""
    channels, *positions = plain_sizes(x.shape[1:])
    if x.batch_axis not in (None, 0) or not positions:
        raise Unmapped("is a norm of channels over positions that are not there")
    image = x
    if x.rank != 4:  # the kinds take a tensor of three axes for an image
        image = b.reshaped(x, (x.shape[0], channels, 1, elements(positions)))
    if groups < 1 or channels % groups:
        raise Unmapped(f"has {groups} groups of {channels} channels")
    affine = is_affine(scale, shift) and scale is not None and scale.shape == (channels,)
    fields: dict[str, Any] = {"epsilon": _epsilon(epsilon)}
    if groups == channels:
        kind = "instance_norm"
        fields["affine"] = affine or None
    else:
        kind = "group_norm"
        fields |= {"groups": groups, "affine": None if affine else False}
    owns = [v.stored for v in (scale, shift) if v is not None and affine]
    result = b.layer(kind, (image,), image.shape, fields, owns=owns)
    if not affine:
        result = _scaled(b, result, scale, shift, 2)
    return b.reshaped(result, x.shape)


def is_affine(scale: Value | None, shift: Value | None) -> bool:
    """Whether scale and shift are both trained, so that a norm has them for its own."""
    return all(
        v is not None and v.stored is not None and is_trained(v.stored) for v in (scale, shift)
    )


def _is_vector(value: Value | None, size: Dim) -> bool:
    stored = None if value is None else value.stored
    return stored is not None and is_trained(stored) and stored.elements == size


def _scaled(b: Builder, x: Value, scale: Value | None, shift: Value | None, behind: int) -> Value:
    """x times `scale` plus `shift`, of an axis that has `behind` axes behind it. Those that change
    nothing, as exporters write them where there are none, make no layer."""
    for operand, operation, neutral in ((scale, "multiply", 1), (shift, "add", 0)):
        if operand is None or (operand.known is not None and set(operand.known) == {neutral}):
            continue
        shape = (*operand.shape, *[1] * behind)
        x = binary(b, x, b.reshaped(operand, shape) if behind else operand, operation)
    return x


def _epsilon(epsilon: float) -> float | None:
    """As a spec says it: from a file it comes with the precision of 32 bits."""
    plain = float(f"{epsilon:.6g}")
    return None if plain == _EPSILON else plain
