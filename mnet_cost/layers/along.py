"""Layers that go along one axis: running sums and products, the largest elements, the other order.

Ignored here: runtimes that work on parts of the axis at a time, and what sorting takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.axes import named_axes, named_axis
from mnet_cost.layers.base import Effort, Layer, Makes, Reads, Work
from mnet_cost.layers.fields import AXIS, Axes, Flag, Whole, Word, spec_field
from mnet_cost.layers.gradient import INDEX_BYTES, GradInput, MemoryFormat, Saved
from mnet_cost.layers.layout import Copy
from mnet_cost.tensors import DTYPES, Check, Size, TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class Cumulative(Layer):
    """The sum or product of all elements up to each one, along an axis.

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  1 per element
    Bytes       reads and writes each element
    Source      PyTorch documentation of cumsum and cumprod; ONNX: CumSum (exclusive, reverse)
    """

    kind: ClassVar[str] = "cumulative"
    reads: ClassVar[Reads] = "axis"
    makes: ClassVar[Makes] = "same"
    effort: ClassVar[Effort] = "arithmetic"

    operation: str = spec_field(Word(("sum", "product")), "what is made of the elements")
    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )
    exclusive: bool = spec_field(
        Flag(), "without the element itself: the first one becomes 0, or 1", default=False
    )
    reverse: bool = spec_field(Flag(), "from the end of the axis on", default=False)

    def along(self, x: TensorType) -> int:
        """The axis, counted from the end."""
        return named_axis(x, self.axis, self.kind)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        self.along(x)
        return TensorType(x.shape, x.dtype)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements = output.elements
        return Work(vector_ops=elements, input_elements=elements, output_elements=elements)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        if self.operation == "sum":
            return Saved()
        # Of another order torch has copies: of the input, and of what it gives before that.
        copied = self.reverse + (self.reverse or self.exclusive)
        inputs_saved = () if self.reverse else (0,)
        is_own = not self.reverse and not self.exclusive
        return Saved(inputs_saved, output=is_own, elements=copied * output.elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopK(Layer):
    """The largest elements along an axis, in order: `ID.0`; and where they are: `ID.1`.

    Shapes      the axis has `count`; both outputs are alike, the second of whole numbers
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  1 per input element: a comparison with the smallest that is kept. Putting them in
                order is not counted
    Bytes       reads the input, writes both outputs
    Source      PyTorch documentation of topk; ONNX: TopK
    """

    kind: ClassVar[str] = "top_k"
    reads: ClassVar[Reads] = "axis"
    makes: ClassVar[Makes] = "same"
    effort: ClassVar[Effort] = "pooling"
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    count: Size = spec_field(Whole(), "how many are kept; all of them are a sort")
    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )
    smallest: bool = spec_field(Flag(), "the smallest ones instead", default=False)

    def along(self, x: TensorType) -> int:
        """The axis, counted from the end."""
        return named_axis(x, self.axis, self.kind)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        return self.infer_all(check, *inputs)[0]

    def infer_all(self, check: Check, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        axis = self.along(x)
        whole = x.shape[axis]
        check(self.count <= whole, "cannot keep {} of {} elements", self.count, whole)
        sizes = list(x.shape)
        sizes[axis] = self.count
        return TensorType(tuple(sizes), x.dtype), TensorType(tuple(sizes), DTYPES["int64"])

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements = inputs[0].elements
        return Work(
            vector_ops=elements, input_elements=elements, output_elements=2 * output.elements
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return Saved(bytes=INDEX_BYTES * output.elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip(Copy):
    """The elements along some axes in the other order.

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a copy
    Source      PyTorch documentation of flip
    """

    kind: ClassVar[str] = "flip"
    makes: ClassVar[Makes] = "same"

    axes: tuple[str | int, ...] = spec_field(Axes(), "the axes along which the order changes")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        self.places(x)
        return TensorType(x.shape, x.dtype)

    def places(self, x: TensorType) -> tuple[int, ...]:
        """The axes, counted from the end."""
        return named_axes(x, self.axes, self.kind)
