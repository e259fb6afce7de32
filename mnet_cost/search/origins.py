"""Why a tensor has another type than the one that it stands for, axis by axis.

A size of an output is due to an input if it comes out with the input of one network and not with
that of the other, by the shape rule of the layer. So a layer with channels of its own ends what a
layer before it began, and a stride goes on to all sizes after it. Not here: which tensors stand for
each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mnet_cost.layers import Layer
from mnet_cost.search.reasons import NOTHING, Reasons, bounded
from mnet_cost.search.snapshots import LayerSnapshot
from mnet_cost.tensors import RuleViolation, TensorType, require


class Origin(NamedTuple):
    """Why a tensor has another type than the one of the first network that it stands for."""

    by_axis: tuple[Reasons, ...]
    """For each axis; of an axis that has the same size, nothing."""
    rest: Reasons
    """Of what is no single axis: their number, or outputs of a layer that has several."""

    @classmethod
    def of(cls, by_axis: Iterable[Reasons], rest: Reasons = NOTHING) -> Origin:
        """An origin with sets of bounded size."""
        return cls(tuple([bounded(reasons) for reasons in by_axis]), bounded(rest))

    @property
    def all(self) -> Reasons:
        return bounded(self.rest.union(*self.by_axis))


UNCHANGED = Origin((), NOTHING)


def sizes_of(type_: str) -> tuple[str, ...]:
    """The axes of a type, as texts."""
    shape = type_.partition(" ")[0]
    return () if shape in ("", "scalar") else tuple(shape.split("x"))


def reasons_at(origin: Origin, axis: int) -> Reasons:
    return origin.rest | (origin.by_axis[axis] if axis < len(origin.by_axis) else NOTHING)


def flat_origin(first: LayerSnapshot, other: LayerSnapshot, reasons: Reasons) -> Origin:
    """An origin of which nothing is known by axis."""
    before, after = sizes_of(first.output_type), sizes_of(other.output_type)
    if len(before) != len(after):
        return Origin.of((), reasons)
    return Origin.of(
        [reasons if size != was else NOTHING for was, size in zip(before, after, strict=True)]
    )


class Applied(NamedTuple):
    """A layer of one network with its types."""

    layer: Layer
    inputs: tuple[TensorType, ...]
    output: TensorType
    """The first of several."""


def origin_of_output(
    first: Applied, other: Applied, own: Reasons, by_input: Sequence[Origin]
) -> Origin:
    """Why a layer gives another type in the other network: by its own changes, or by inputs."""
    every = own.union(*[origin.all for origin in by_input])
    before, now = first.output.shape, other.output.shape
    if len(before) != len(now):
        return Origin.of((), every)
    without_own = _inferred(first.layer, other.inputs)
    without_inputs = _inferred(other.layer, first.inputs)
    by_axis: list[Reasons] = []
    for axis, size in enumerate(now):
        if size == before[axis]:
            by_axis.append(NOTHING)
            continue
        reasons: Reasons = NOTHING
        by_own = _size_at(without_own, axis) != size
        by_inputs = _size_at(without_inputs, axis) != size
        if by_own or not by_inputs:
            reasons |= own
        if by_inputs or not by_own or not reasons:
            reasons |= _of_axes(first, other, by_input, axis)
        by_axis.append(reasons or every)
    return Origin.of(by_axis)


def _inferred(layer: Layer, types: tuple[TensorType, ...]) -> TensorType | None:
    """What `layer` makes of inputs; None where they do not fit."""
    least, most = layer.arity
    if len(types) < least or (most is not None and len(types) > most):
        return None
    try:
        return layer.infer(require, *types)
    except RuleViolation:
        return None


def _size_at(type_: TensorType | None, axis: int) -> object:
    return type_.shape[axis] if type_ is not None and axis < len(type_.shape) else None


def _of_axes(first: Applied, other: Applied, origins: Sequence[Origin], axis: int) -> Reasons:
    """The reasons of the input axes that a size of the output is due to.

    Each is taken back alone: where the size changes, or nothing fits any more, it is due to it.
    """
    old, given, size = first.inputs, other.inputs, other.output.shape[axis]
    reasons: Reasons = NOTHING
    everything: Reasons = NOTHING
    for place, origin in enumerate(origins):
        reasons |= origin.rest
        everything |= origin.all
        if place >= len(old) or len(old[place].shape) != len(given[place].shape):
            reasons |= origin.all
            continue
        for number, of_axis in enumerate(origin.by_axis):
            if not of_axis or of_axis <= reasons:
                continue
            shape = list(given[place].shape)
            shape[number] = old[place].shape[number]
            before = TensorType(tuple(shape), given[place].dtype, given[place].layout)
            types = (*given[:place], before, *given[place + 1 :])
            if _size_at(_inferred(other.layer, types), axis) != size:
                reasons |= of_axis
    return reasons or everything
