"""Layers that join several tensors: sums, products, concatenation.

Sums and products broadcast as in torch: axes are aligned from the last on, an axis of size 1 meets
any size, as in squeeze-and-excitation, and an axis that is not there counts as 1. Ignored here:
concatenation that a runtime avoids by writing the parts side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.axes import joint_layout, named_axis
from mnet_cost.layers.base import Effect, Effort, Layer, Makes, Reads, Work
from mnet_cost.layers.fields import AXIS, spec_field
from mnet_cost.layers.gradient import GradInput, Saved
from mnet_cost.tensors import Check, RuleViolation, Size, TensorType, axis_names, met, product


def _meet(first: tuple[Size, ...], other: tuple[Size, ...]) -> bool:
    """Whether plain sizes are equal, or 1 where the other is larger."""
    return all(a == b or 1 in (a, b) for a, b in zip(first, other, strict=True))


def broadcast_shape(first: tuple[Size, ...], other: tuple[Size, ...]) -> tuple[Size, ...]:
    """The shape of what is calculated element by element from tensors of two shapes that meet."""
    if len(first) < len(other):
        first, other = other, first
    ahead = len(first) - len(other)
    return (*first[:ahead], *map(met, first[ahead:], other))


class Broadcast(Layer):
    """What sums and products share: the shape rule, and one operation per further input."""

    __slots__ = ()

    makes: ClassVar[Makes] = "same"
    arity: ClassVar[tuple[int, int | None]] = (2, None)
    effect: ClassVar[Effect] = "elementwise"
    effort: ClassVar[Effort] = "arithmetic"

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        shape = inputs[0].shape
        message = "needs sizes that are equal or 1, from the last axis on, not {} and {}"
        if self.called != self.kind:
            message = f"`{self.called}` {message}"
        for x in inputs[1:]:
            for a, b in zip(reversed(shape), reversed(x.shape), strict=False):
                check((a == b) | (a == 1) | (b == 1), message, a, b)
            shape = broadcast_shape(shape, x.shape)
        return TensorType(shape)

    @property
    def called(self) -> str:
        """What messages call it."""
        return self.kind

    def shape_hint(self, inputs: tuple[TensorType, ...]) -> str | None:
        if not all(isinstance(size, int) for x in inputs for size in x.shape):
            return None
        largest_rank = max(len(x.shape) for x in inputs)
        whole = next(x for x in inputs if len(x.shape) == largest_rank)
        for x in inputs:
            missing = largest_rank - len(x.shape)
            for behind in range(1, missing + 1):
                shape = (1,) * (missing - behind) + x.shape + (1,) * behind
                if _meet(shape, whole.shape):
                    return f"axes of size 1 make {x} fit: `reshape: {{shape: {list(shape)}}}`"
            if not missing:
                differing = [
                    (axis, a, b)
                    for axis, (a, b) in enumerate(zip(whole.shape, x.shape, strict=True))
                    if not _meet((a,), (b,))
                ]
                if len(differing) == 1 and differing[0][0] == largest_rank - 3:
                    return f"`conv2d: {{channels: {differing[0][1]}, kernel: 1}}` makes {x} fit"
                if differing and differing[0][0] >= largest_rank - 2 and largest_rank >= 3:
                    size = list(whole.shape[-2:])
                    return f"`resize: {{size: {size}}}` or a stride makes {x} fit"
        return None

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        outputs = output.elements
        return Work(
            vector_ops=(len(inputs) - 1) * outputs,
            input_elements=sum(x.elements for x in inputs),
            output_elements=outputs,
        )


class Add(Broadcast):
    """Sum of two or more tensors.

    Shapes      equal, or 1 where another is larger -> the larger; axes are aligned from the last
                on, and one that is not there counts as 1
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  one per output element and input after the first: additions
    Bytes       reads all inputs, writes the output
    Source      arXiv:1512.03385, equation 1; PyTorch documentation, "Broadcasting semantics"
    """

    __slots__ = ()

    kind: ClassVar[str] = "add"
    is_sum: ClassVar[bool] = True


class Multiply(Broadcast):
    """Product of two or more tensors, element by element.

    Shapes      equal, or 1 where another is larger -> the larger; axes are aligned from the last
                on, and one that is not there counts as 1
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  one per output element and input after the first: multiplications
    Bytes       reads all inputs, writes the output
    Source      arXiv:1709.01507, equation 4; PyTorch documentation, "Broadcasting semantics"
    """

    __slots__ = ()

    kind: ClassVar[str] = "multiply"

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        # One product after the other: each factor is the gradient of the other one.
        saved, between, static = set[int](), 0, 0
        shape, needs = inputs[0].type.shape, inputs[0].needs_gradient
        is_static = inputs[0].is_static
        for number, x in enumerate(inputs[1:], 1):
            if needs:
                saved.add(number)
            if x.needs_gradient and number == 1:
                saved.add(0)
            elif x.needs_gradient and is_static:
                static += product(shape)
            elif x.needs_gradient:
                between += product(shape)
            is_static = is_static and x.is_static
            shape = broadcast_shape(shape, x.type.shape)
            needs = needs or x.needs_gradient
        return Saved(inputs=tuple(sorted(saved)), elements=between, static=(static, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Concat(Layer):
    """Tensors one after the other along an axis.

    Shapes      equal but for the axis -> the sum of the sizes along the axis
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads all inputs, writes the output: a copy
    Source      PyTorch documentation of cat
    """

    kind: ClassVar[str] = "concat"
    reads: ClassVar[Reads] = "axis"
    makes: ClassVar[Makes] = "same"
    arity: ClassVar[tuple[int, int | None]] = (1, None)

    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        first, rank = inputs[0], len(inputs[0].shape)
        joined = self.joined(inputs)
        names = axis_names(rank, joint_layout(inputs))
        axis_name = f"`{names[joined]}`" if joined >= -len(names) else f"axis {joined}"
        mismatch = f"needs equal shapes except for {axis_name}"
        for x in inputs[1:]:
            if len(x.shape) != rank:
                raise RuleViolation(mismatch)
            for axis in range(-rank, 0):
                if axis != joined:
                    check(x.shape[axis] == first.shape[axis], mismatch)
        sizes = list(first.shape)
        sizes[joined] = sum(x.shape[joined] for x in inputs)
        dtypes = {x.dtype for x in inputs}
        return TensorType(tuple(sizes), first.dtype if len(dtypes) == 1 else None)

    def joined(self, inputs: tuple[TensorType, ...]) -> int:
        """The axis along which inputs are put one after the other, from the end."""
        shape, layout = inputs[0].shape, joint_layout(inputs)
        return named_axis(TensorType(shape, None, layout), self.axis, self.kind)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return Work(input_elements=sum(x.elements for x in inputs), output_elements=output.elements)

    def is_permuted(self, inputs: tuple[GradInput, ...]) -> bool:
        return len(inputs[0].type.shape) == 3 and all(x.permuted for x in inputs)
