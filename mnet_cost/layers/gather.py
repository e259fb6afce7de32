"""Layers that read and write at positions which are an input: `gather` and `scatter`.

Positions are whole numbers along an axis. What is at them is moved, so there is no multiplication;
how far apart they are decides how fast that is, and no file says it. Ignored here: that, and the
check of the positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.axes import fixed, named_axis, named_layout
from mnet_cost.layers.base import Effort, Layer, Work
from mnet_cost.layers.fields import AXIS, Flag, Whole, Word, spec_field
from mnet_cost.layers.gradient import INDEX_BYTES, GradInput, MemoryFormat, Saved
from mnet_cost.tensors import Check, Layout, RuleViolation, Size, TensorType, product, smallest


@dataclass(frozen=True, slots=True, kw_only=True)
class AtPositions(Layer):
    """What both share: which axes of a tensor the positions count along."""

    axis: str | int = spec_field(AXIS, "the axis that positions count along")
    of: str = spec_field(
        Word(("elements", "slices")),
        "positions of single elements, with all axes of the tensor, or of whole slices of it",
        default="elements",
    )
    shared: int = spec_field(
        Whole(0), "of slices: how many axes in front both tensors have alike", default=0
    )
    tuples: bool = spec_field(
        Flag(),
        "of slices: the last axis of the positions has one for each of several axes, of which "
        "`axis` is the first",
        default=False,
    )

    def passes_gradient(self, position: int) -> bool:
        return position != 1

    def along(self, x: TensorType) -> int:
        """The axis, counted from the end."""
        return named_axis(x, self.axis, self.kind)

    def counted(self, positions: TensorType) -> int:
        """Along how many neighbouring axes a position counts."""
        return fixed(positions.shape[-1]) if self.tuples else 1

    def _check_elements(self, check: Check, x: TensorType, positions: TensorType) -> None:
        if self.shared or self.tuples:
            raise RuleViolation("has `shared` and `tuples` of slices alone: `of: slices`")
        if len(positions.shape) != len(x.shape):
            raise RuleViolation(
                f"needs positions with as many axes as {x}: {positions}; whole slices have fewer: "
                "`of: slices`"
            )
        axis = self.along(x) + len(x.shape)
        for place, (size, whole) in enumerate(zip(positions.shape, x.shape, strict=True)):
            if place != axis:
                check(size <= whole, "has {} positions where there are {}", size, whole)

    def _slices(self, check: Check, x: TensorType, positions: TensorType) -> tuple[Size, ...]:
        """The shape of what is at the positions."""
        first, shared = self.along(x) + len(x.shape), fixed(self.shared)
        placed = positions.shape[:-1] if self.tuples else positions.shape
        if shared > first or shared > len(placed):
            raise RuleViolation(f"cannot share {shared} axes of {x} and positions {positions}")
        for ours, theirs in zip(x.shape[:shared], placed[:shared], strict=True):
            check(ours == theirs, "shares an axis of {} with one of {} positions", ours, theirs)
        last = first + self.counted(positions)
        if last > len(x.shape):
            raise RuleViolation(f"counts along more axes than there are behind axis {first} of {x}")
        return (*x.shape[:first], *placed[shared:], *x.shape[last:])

    def _layout(self, x: TensorType, axes: int) -> Layout | None:
        """As x where no axis is added or gone."""
        return named_layout(self.axis, x.layout) if axes == len(x.shape) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather(AtPositions):
    """Elements or slices of a tensor, at positions that are an input.

    Shapes      a tensor, then positions. Elements: positions [..., m, ...] of [..., n, ...], with
                as many axes, of which only n may be smaller -> as the positions. Slices:
                [S, A, n, R], positions [S, P] -> [S, A, P, R], S being the shared axes; with tuples
                positions [S, P, k] count along k axes: [S, A, n1, ..., nk, R] -> [S, A, P, R]
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads the positions and what is at them, but no more than the tensor; writes the
                output
    Source      PyTorch documentation of gather and index_select; TensorFlow documentation of gather
                and gather_nd (batch_dims: `shared`); ONNX: Gather, GatherElements, GatherND
    """

    kind: ClassVar[str] = "gather"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        x, positions = inputs
        if self.of == "elements":
            self._check_elements(check, x, positions)
            return TensorType(positions.shape, x.dtype)
        shape = self._slices(check, x, positions)
        return TensorType(shape or (1,), x.dtype)

    def layout(self, inputs: tuple[TensorType, ...]) -> Layout | None:
        x, positions = inputs
        if self.of == "elements":
            return self._layout(x, len(x.shape))
        gone = self.counted(positions) + fixed(self.shared) + self.tuples
        return self._layout(x, len(x.shape) + len(positions.shape) - gone)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        x, positions = inputs
        outputs = output.elements
        return Work(
            input_elements=smallest(x.elements, outputs) + positions.elements,
            output_elements=outputs,
        )

    def makes_contiguous(self, x: GradInput) -> bool:
        return self.of == "slices" and (x.permuted or x.strided)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return Saved(inputs=(0,), bytes=INDEX_BYTES * _placed(self, inputs[1].type))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter(AtPositions):
    """A tensor with other elements or slices at positions that are an input.

    Shapes      a tensor, positions, and what is put there -> the tensor's. Elements: positions and
                what is put there are of one shape, with as many axes as the tensor, and of them
                only that of `axis` may be larger. Slices: [S, A, n, R], positions [S, P], and what
                `gather` would give for them: [S, A, P, R]
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0 for `assign`, else 1 for each element that is put there
    Bytes       reads all three, writes the output: the tensor is copied
    Source      PyTorch documentation of scatter, scatter_add and scatter_reduce; ONNX:
                ScatterElements, ScatterND
    """

    kind: ClassVar[str] = "scatter"
    arity: ClassVar[tuple[int, int | None]] = (3, 3)
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    operation: str = spec_field(
        Word(("assign", "add", "multiply", "maximum", "minimum")),
        "what becomes of an element: the new one, or a function of both",
        default="assign",
    )

    @property
    def effort(self) -> Effort:  # type: ignore[override]
        """As in `Layer`."""
        return "move" if self.operation == "assign" else "arithmetic"

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        x, positions, updates = inputs
        if self.of == "elements":
            self._check_elements(check, x, positions)
            wanted = positions.shape
        else:
            wanted = self._slices(check, x, positions) or (1,)
        if len(updates.shape) != len(wanted):
            raise RuleViolation(f"needs {TensorType(wanted)} to put there, not {updates}")
        for size, needed in zip(updates.shape, wanted, strict=True):
            check(size == needed, "needs {} to put there where it has {}", needed, size)
        return TensorType(x.shape, x.dtype)

    def layout(self, inputs: tuple[TensorType, ...]) -> Layout | None:
        return self._layout(inputs[0], len(inputs[0].shape))

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        x, positions, updates = inputs
        return Work(
            vector_ops=(self.operation != "assign") * updates.elements,
            input_elements=x.elements + positions.elements + updates.elements,
            output_elements=output.elements,
        )

    def makes_contiguous(self, x: GradInput) -> bool:
        return self.of == "slices" and (x.permuted or x.strided)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        placed = INDEX_BYTES * _placed(self, inputs[1].type)
        if self.operation in ("assign", "add"):
            return Saved(bytes=placed)
        return Saved(inputs=(0, 2), output=True, bytes=placed)


def _placed(layer: AtPositions, positions: TensorType) -> int:
    """Numbers of positions that torch keeps: one for each tuple."""
    return int(product(positions.shape[:-1] if layer.tuples else positions.shape))
