"""Layers that rearrange: other shapes for the same elements, padding, resizing.

A view is another name for the same memory and does no work; the others copy. A type that the
elements have stays. Ignored here: transposes that a runtime turns into strides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mnet_cost.layers.axes import fixed
from mnet_cost.layers.base import Effect, Layer, Makes, Reads, Work, both, image_sizes
from mnet_cost.layers.conv import sides
from mnet_cost.layers.fields import Pair, Real, RealPair, Sides, Sizes, Whole, Word, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved
from mnet_cost.tensors import (
    SIZE_NAMES,
    Check,
    RuleViolation,
    Size,
    TensorType,
    floor,
    largest,
    product,
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

    Shapes      axis i of the output is axis axes[i] of the input, counted from 0
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a copy
    Source      PyTorch documentation of permute
    """

    kind: ClassVar[str] = "transpose"
    memory_format: ClassVar[MemoryFormat] = "permuted"

    axes: tuple[int, ...] = spec_field(Sizes(0), "positions of the input's axes, from 0")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        axes = [fixed(axis) for axis in self.axes]
        rank = len(x.shape)
        if sorted(axes) != list(range(rank)):
            wanted = "0" if rank == 1 else f"each of 0 to {rank - 1}"
            raise RuleViolation(f"axes {axes} must hold {wanted} once")
        return TensorType(tuple(x.shape[axis] for axis in axes), x.dtype)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements = output.elements
        return Work(input_elements=elements, output_elements=elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pad(Layer):
    """Rows and columns of a constant around an image.

    Shapes      [..., C, H, W] -> [..., C, H + top + bottom, W + left + right]
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads C * H * W, writes the output: a copy
    Source      PyTorch documentation of ConstantPad2d
    """

    kind: ClassVar[str] = "pad"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"

    padding: Any = spec_field(Sides(()), "rows and columns on each side")
    value: float = spec_field(Real(), "what they hold", default=0.0)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, height, width = image_sizes(x, self.kind)
        top, bottom, left, right = sides(self.padding)
        return TensorType(
            (*x.shape[:-3], channels, height + (top + bottom), width + (left + right)), x.dtype
        )

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return Work(input_elements=inputs[0].elements, output_elements=output.elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize(Layer):
    """An image of another size, each element the nearest or a mean of the four around it.

    Shapes      [..., C, H, W] -> [..., C, P, Q], the size, or P = floor(H * scale)
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  nearest 0; bilinear 7 per output element: a * x00 + b * x01 + c * x10 + d * x11,
                four multiplications and three additions, with weights worked out beforehand
    Bytes       reads C * H * W, writes C * P * Q
    Source      PyTorch documentation of Upsample
    """

    kind: ClassVar[str] = "resize"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    memory_format: ClassVar[MemoryFormat] = "batched"

    size: Any = spec_field(Pair(), "height and width of the output", default=None)
    scale: Any = spec_field(RealPair(), "output size / input size", default=None)
    mode: str = spec_field(Word(("nearest", "bilinear")), "how to interpolate", default="nearest")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, height, width = image_sizes(x, self.kind)
        if (self.size is None) == (self.scale is None):
            raise RuleViolation("needs either `size` or `scale`")
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
            vector_ops=7 * outputs if self.mode == "bilinear" else 0,
            input_elements=inputs[0].elements,
            output_elements=outputs,
        )
