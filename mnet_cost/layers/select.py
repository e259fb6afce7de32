"""Layers that pick: parts of a tensor along one axis.

A part is a view of the same memory: it does no work, and all of that memory stays in use as long as
the part does. Ignored here: runtimes that copy a part since they cannot address it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.axes import fixed, named_axis
from mnet_cost.layers.base import Makes, Reads
from mnet_cost.layers.fields import ANY_WHOLE, AXIS, Sizes, Whole, spec_field
from mnet_cost.layers.gradient import GradInput
from mnet_cost.layers.reshape import View
from mnet_cost.tensors import Check, Layout, RuleViolation, Size, TensorType, ceil_div

_ANY = Whole(ANY_WHOLE)


def _resized(x: TensorType, axis: int, size: Size) -> TensorType:
    sizes = list(x.shape)
    sizes[axis] = size
    return TensorType(tuple(sizes), x.dtype)


def _is_within_rows(x: GradInput, axis: int) -> bool:
    """Whether a part along `axis` is strided: it is, unless the axis is the first one."""
    return x.strided or axis != -len(x.type.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(View):
    """A tensor cut along an axis; `ID.0`, `ID.1`, ... are its parts.

    Shapes      `parts` equal ones, or one for each of `sizes`, which add up to the whole
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       none: other names for the same memory
    Source      PyTorch documentation of chunk and split; arXiv:1807.11164, figure 3
    """

    kind: ClassVar[str] = "split"
    reads: ClassVar[Reads] = "axis"
    sizes_field: ClassVar[str | None] = "sizes"
    makes: ClassVar[Makes] = "same"

    parts: int | None = spec_field(Whole(), "number of equal parts", default=None)
    sizes: tuple[Size, ...] | None = spec_field(Sizes(), "size of each part", default=None)
    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        return self.infer_all(check, *inputs)[0]

    def infer_all(self, check: Check, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        axis = named_axis(x, self.axis, self.kind)
        whole = x.shape[axis]
        if (self.parts is None) == (self.sizes is None):
            raise RuleViolation("needs either `parts` or `sizes`")
        if self.sizes is None:
            parts = fixed(self.parts)
            check(whole % parts == 0, "cannot cut {} into {} equal parts", whole, parts)
            return (_resized(x, axis, whole // parts),) * parts
        total = sum(self.sizes)
        check(total == whole, "the sizes add up to {}, and the axis has {}", total, whole)
        return tuple([_resized(x, axis, size) for size in self.sizes])

    def is_strided(self, inputs: tuple[GradInput, ...]) -> bool:
        return _is_within_rows(inputs[0], named_axis(inputs[0].type, self.axis, self.kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(View):
    """A stretch of a tensor along an axis, or every `step`th position of it.

    Shapes      the axis has ceil((stop - start) / step); the others stay
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       none: another name for the same memory
    Source      PyTorch documentation of narrow; positions count from 0 as in Python
    """

    kind: ClassVar[str] = "slice"
    reads: ClassVar[Reads] = "axis"
    makes: ClassVar[Makes] = "same"

    start: Size = spec_field(_ANY, "first position, from 0; below 0 from the end", default=0)
    stop: Size | None = spec_field(
        _ANY, "position after the last; below 0 from the end; by default the end", default=None
    )
    step: Size = spec_field(Whole(), "distance between positions", default=1)
    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        axis = named_axis(x, self.axis, self.kind)
        whole = x.shape[axis]
        start = _from_start(self.start, whole)
        stop = whole if self.stop is None else _from_start(self.stop, whole)
        check((start >= 0) & (stop <= whole), "{} to {} is not within 0 to {}", start, stop, whole)
        check(start < stop, "nothing is between {} and {}", start, stop)
        return _resized(x, axis, ceil_div(stop - start, self.step))

    def is_strided(self, inputs: tuple[GradInput, ...]) -> bool:
        axis = named_axis(inputs[0].type, self.axis, self.kind)
        return self.step > 1 or _is_within_rows(inputs[0], axis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Take(View):
    """One position of a tensor along an axis, which goes.

    Shapes      [..., length, features] -> [..., features], and so for other axes
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       none: another name for the same memory
    Source      PyTorch documentation of select
    """

    kind: ClassVar[str] = "take"
    reads: ClassVar[Reads] = "sequence"

    index: Size = spec_field(_ANY, "the position, from 0; below 0 from the end")
    axis: str | int | None = spec_field(
        AXIS, "the axis; by default length of a sequence", default=None
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        axis = self.taken(x)
        whole = x.shape[axis]
        index = _from_start(self.index, whole)
        check(
            (index >= 0) & (index < whole),
            "needs a position from -{} to {}, not {}",
            whole,
            whole - 1,
            self.index,
        )
        sizes = list(x.shape)
        del sizes[axis]
        if not sizes:
            raise RuleViolation("needs a tensor of two axes or more")
        return TensorType(tuple(sizes), x.dtype)

    def taken(self, x: TensorType) -> int:
        """The axis that goes, from the end."""
        return named_axis(x, "length" if self.axis is None else self.axis, self.kind)

    def layout(self, inputs: tuple[TensorType, ...]) -> Layout | None:
        (x,) = inputs
        axis = self.taken(x)
        if x.layout == "sequence":  # a stack of fewer, or of one position of each
            return None if axis == -1 else "sequence"
        return x.layout if axis < -3 else None

    def is_strided(self, inputs: tuple[GradInput, ...]) -> bool:
        return _is_within_rows(inputs[0], self.taken(inputs[0].type))


def _from_start(position: Size, whole: Size) -> Size:
    return position + whole * (position < 0)  # a comparison is a factor 0 or 1: no `if`
