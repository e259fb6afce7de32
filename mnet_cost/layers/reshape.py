"""Layers that rearrange: other shapes for the same elements, padding, resizing.

A view is another name for the same memory and does no work; the others copy. A type that the
elements have stays. Ignored here: transposes that a runtime turns into strides.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from mnet_cost.layers.axes import fixed
from mnet_cost.layers.base import Effect, Effort, Layer, Makes, Reads, Work, both, image_sizes
from mnet_cost.layers.conv import sides
from mnet_cost.layers.fields import (
    ANY_WHOLE,
    Flag,
    Pair,
    Real,
    RealPair,
    Sides,
    Sizes,
    Whole,
    Word,
    spec_field,
)
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved
from mnet_cost.tensors import (
    MAX_AXES,
    SIZE_NAMES,
    Check,
    RuleViolation,
    Size,
    TensorType,
    floor,
    largest,
    product,
    smallest,
)


class View(Layer):
    """What views share: no work, and by default the type of the input."""

    __slots__ = ()

    effect: ClassVar[Effect] = "view"

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return x

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return Work()


class Identity(View):
    """Its input.

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       none: another name for the same memory
    Source      PyTorch documentation of Identity
    """

    __slots__ = ()

    kind: ClassVar[str] = "identity"
    makes: ClassVar[Makes] = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropout(View):
    """Zeroes elements by chance while training; its input at inference, which is counted here.

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       none: another name for the same memory
    Source      PyTorch documentation of Dropout
    """

    kind: ClassVar[str] = "dropout"
    makes: ClassVar[Makes] = "same"

    rate: float = spec_field(Real(0.0, 1.0), "probability of a zero", default=0.5)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        if self.rate in (0, 1):
            return Saved(per_batch=int(self.rate))  # all or nothing: at most one factor
        return Saved(elements=output.elements)  # the factors 0 and 1 / (1 - rate)

    def is_view_in_training(self, inputs: tuple[GradInput, ...]) -> bool:
        return self.rate == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten(View):
    """Trailing axes joined into one.

    Shapes      [..., C, H, W] -> [..., C * H * W]; a signal [..., C, L] -> [..., C * L] and a
                volume [..., C, D, H, W] likewise; lower ranks -> one axis of all elements
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       none: another name for the same memory
    Source      PyTorch documentation of Flatten
    """

    kind: ClassVar[str] = "flatten"
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    axes: int | None = spec_field(
        Whole(),
        "trailing axes to join; by default 3, or all there are; 2 of a signal, 4 of a volume",
        default=None,
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        rank = len(x.shape)
        axes = self._own_axes(x) if self.axes is None else fixed(self.axes)
        if axes > rank:
            raise RuleViolation(f"joins {axes} axes of a tensor that has {rank}")
        return TensorType((*x.shape[:-axes], product(x.shape[-axes:])), x.dtype)

    def _own_axes(self, x: TensorType) -> int:
        if x.layout == "signal" or x.layout == "volume":
            return len(SIZE_NAMES[x.layout])
        return min(len(x.shape), 3)

    def is_strided(self, inputs: tuple[GradInput, ...]) -> bool:
        return False

    def is_view_in_training(self, inputs: tuple[GradInput, ...]) -> bool:
        return not inputs[0].permuted and not inputs[0].strided


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape(View):
    """The same elements in another shape.

    Shapes      any -> the wanted shape; -1 stands for what remains
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       none: another name for the same memory
    Source      PyTorch documentation of reshape
    """

    kind: ClassVar[str] = "reshape"
    sizes_field: ClassVar[str | None] = "shape"
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    shape: tuple[Size, ...] = spec_field(Sizes(-1), "sizes of the output, one of them may be -1")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        for size in self.shape:
            check(size != 0, "a size must be at least 1, or -1 for all that remains, not 0")
        check(sum(size < 0 for size in self.shape) <= 1, "only one size may be -1")
        elements = x.elements
        remains = elements // product(tuple(largest(size, 1) for size in self.shape))
        # At a size of -1 the factor is 1 and what remains is the larger; elsewhere it is 0.
        shape = tuple(largest(size, remains * (size < 0)) for size in self.shape)
        check(
            product(shape) == elements,
            "cannot make {} elements into {}",
            elements,
            list(self.shape),
        )
        return TensorType(shape, x.dtype)

    def is_strided(self, inputs: tuple[GradInput, ...]) -> bool:
        return False

    def is_view_in_training(self, inputs: tuple[GradInput, ...]) -> bool:
        return not inputs[0].permuted and not inputs[0].strided


@dataclass(frozen=True, slots=True, kw_only=True)
class Transpose(Layer):
    """Axes in another order.

    Shapes      axis i of the output is axis axes[i] of the input
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a copy
    Source      PyTorch documentation of permute
    """

    kind: ClassVar[str] = "transpose"
    effort: ClassVar[Effort] = "permute"
    memory_format: ClassVar[MemoryFormat] = "permuted"

    axes: tuple[int, ...] = spec_field(
        Sizes(-MAX_AXES), "positions of the input's axes, from 0; below 0 from the end"
    )

    @property
    def keeps_rows(self) -> bool:  # type: ignore[override]
        """As in `Layer`. Rows and columns of a matrix may be several axes each."""
        order = self.order(len(self.axes))
        parts = sum(after != before + 1 for before, after in pairwise([-1, *order]))
        return parts <= 2 or order[-1] == len(order) - 1

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return TensorType(tuple(x.shape[axis] for axis in self.order(len(x.shape))), x.dtype)

    def order(self, rank: int) -> list[int]:
        """The axes of an input of `rank` axes in their new order, from 0."""
        axes = [fixed(axis) for axis in self.axes]
        order = [axis + rank * (axis < 0) for axis in axes]
        if sorted(order) != list(range(rank)):
            wanted = "0" if rank == 1 else f"each of 0 to {rank - 1}"
            raise RuleViolation(f"axes {axes} must hold {wanted} once")
        return order

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements = output.elements
        return Work(input_elements=elements, output_elements=elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pad(Layer):
    """Rows and columns around an image, and channels before and after it; cut off where below 0.

    Shapes      [..., C, H, W] -> [..., C + before + after, H + top + bottom, W + left + right]
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads what stays of the input (all of it in other modes than `constant`), writes
                the output: a copy
    Source      PyTorch documentation of ConstantPad2d, ReflectionPad2d, ReplicationPad2d,
                CircularPad2d
    """

    kind: ClassVar[str] = "pad"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"

    padding: Any = spec_field(
        Sides((), ANY_WHOLE), "rows and columns on each side; below 0 to cut off", default=None
    )
    channels: Any = spec_field(
        Pair(ANY_WHOLE, ("before", "after")),
        "channels in front and behind",
        default=None,
    )
    mode: str = spec_field(
        Word(("constant", "reflect", "replicate", "circular")),
        "what they hold: a constant, the image mirrored at its edge, its edge, or its other side",
        default="constant",
    )
    value: float = spec_field(Real(), "the constant", default=0.0)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        image = image_sizes(x, self.kind)
        if self.padding is None and self.channels is None:
            raise RuleViolation("needs `padding` or `channels`")
        if self.mode != "constant":
            if self.channels is not None:
                raise RuleViolation(f"cannot have `channels` in mode `{self.mode}`")
            check(self.value == 0, "cannot have a `value` in mode `" + self.mode + "`")
        for name, size, kept, (before, after) in zip(
            ("channels", "height", "width"), image, self._kept(x), self.ends(), strict=True
        ):
            check(kept >= 1, "nothing is left of " + name + " {}", size)
            if self.mode in ("reflect", "circular"):
                does, most = ("mirror", size - 1) if self.mode == "reflect" else ("repeat", size)
                added = largest(before, after)
                check(
                    added <= most,
                    "cannot " + does + " {} behind an edge: of " + name + " {} there are {}",
                    added,
                    size,
                    most,
                )
        sizes = [
            size + (before + after)
            for size, (before, after) in zip(image, self.ends(), strict=True)
        ]
        return TensorType((*x.shape[:-3], *sizes), x.dtype)

    def ends(self) -> tuple[tuple[Size, Size], tuple[Size, Size], tuple[Size, Size]]:
        """(before, after) for channels, height and width."""
        top, bottom, left, right = sides(0 if self.padding is None else self.padding)
        return both(0 if self.channels is None else self.channels), (top, bottom), (left, right)

    def _kept(self, x: TensorType) -> list[Size]:
        """Of channels, height and width what is not cut off."""
        return [
            size + (smallest(before, 0) + smallest(after, 0))
            for size, (before, after) in zip(x.shape[-3:], self.ends(), strict=True)
        ]

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        read = x.elements
        if self.mode == "constant":
            read = product((*x.shape[:-3], *self._kept(x)))
        return Work(input_elements=read, output_elements=output.elements)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        # torch does `circular` by copies of slices, which save nothing
        return Saved(inputs=(0,) if self.copies_edges() and self.mode != "circular" else ())

    def copies_edges(self) -> bool:
        """Whether torch does it with one of its other modes, and not by cutting alone."""
        numbers = [number for pair in self.ends() for number in pair]
        return self.mode != "constant" and (max(numbers) > 0 or min(numbers) == 0)

    def is_permuted(self, inputs: tuple[GradInput, ...]) -> bool:
        (x,) = inputs
        if self.mode == "circular" and self.copies_edges():  # torch fills a new tensor
            return False
        return x.permuted and (self.mode == "constant" or len(x.type.shape) == 3)

    def makes_contiguous(self, x: GradInput) -> bool:
        return self.mode != "constant" and x.permuted and len(x.type.shape) > 3


_RESIZE_OPS = {"nearest": 0, "bilinear": 4 + 3, "bicubic": 16 + 15}
"""Operations for each element, with weights worked out beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize(Layer):
    """An image of another size, each element the nearest or a mean of the 4 or 16 around it.

    Shapes      [..., C, H, W] -> [..., C, P, Q], the size, or P = floor(H * scale)
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  nearest 0; bilinear 7 per output element: a * x00 + b * x01 + c * x10 + d * x11,
                four multiplications and three additions, with weights worked out beforehand;
                bicubic 31: sixteen multiplications and fifteen additions
    Bytes       reads C * H * W, writes C * P * Q
    Source      PyTorch documentation of Upsample
    """

    kind: ClassVar[str] = "resize"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    memory_format: ClassVar[MemoryFormat] = "batched"

    @property
    def effort(self) -> Effort:  # type: ignore[override]
        return "move" if self.mode == "nearest" else "resize"

    size: Any = spec_field(Pair(), "height and width of the output", default=None)
    scale: Any = spec_field(RealPair(), "output size / input size", default=None)
    mode: str = spec_field(
        Word(("nearest", "bilinear", "bicubic")), "how to interpolate", default="nearest"
    )
    align_corners: bool = spec_field(
        Flag(),
        "corners of the output are those of the input, not half a step outside (not for nearest)",
        default=False,
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, height, width = image_sizes(x, self.kind)
        if (self.size is None) == (self.scale is None):
            raise RuleViolation("needs either `size` or `scale`")
        if self.align_corners and self.mode == "nearest":
            raise RuleViolation("cannot have `align_corners` in mode `nearest`")
        if self.scale is None:
            rows, columns = both(self.size)
        else:
            down, across = both(self.scale)
            rows, columns = floor(height * down), floor(width * across)
            check(rows >= 1, "scale {} leaves nothing of height {}", down, height)
            check(columns >= 1, "scale {} leaves nothing of width {}", across, width)
        moved = self.mode == "nearest"
        return TensorType((*x.shape[:-3], channels, rows, columns), x.dtype if moved else None)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        outputs = output.elements
        return Work(
            vector_ops=_RESIZE_OPS[self.mode] * outputs,
            input_elements=inputs[0].elements,
            output_elements=outputs,
        )
