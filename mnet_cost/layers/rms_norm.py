"""Normalization by the root of the mean square: a layer norm without mean and shift.

A pass over the tensor comes before the first element comes out, as with the norms of `norm.py`.
Ignored here: the few operations per statistic (not per element).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.base import Effort, Layer, Makes, Reads, Work
from mnet_cost.layers.fields import AXIS, Flag, Real, spec_field
from mnet_cost.layers.gradient import GradInput, Saved
from mnet_cost.tensors import Check, TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class RmsNorm(Layer):
    """Root mean square 1 along an axis: x / sqrt(mean(x * x) + epsilon), times a trained scale.

    Shapes      any, unchanged; C is the size of the axis
    Mult-adds   0
    Weights     0
    Params      C if affine
    Vector ops  3 per element: multiplication and addition for the mean square; multiplication. One
                more if affine
    Bytes       reads and writes each element, reads the params
    Source      arXiv:1910.07467, equation 4; PyTorch documentation of RMSNorm
    """

    kind: ClassVar[str] = "rms_norm"
    reads: ClassVar[Reads] = "axis"
    makes: ClassVar[Makes] = "same"
    effort: ClassVar[Effort] = "curve"

    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )
    affine: bool = spec_field(Flag(), "train a scale for each place of the axis", default=True)
    epsilon: float = spec_field(Real(0.0), "added to the mean square", default=1e-5)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        named_axis(x, self.axis, self.kind)
        return TensorType(x.shape)

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...] | None:
        axis = named_axis(inputs[0], self.axis, self.kind)
        return (inputs[0].shape[axis],) if self.affine else None

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        channels, elements = x.shape[named_axis(x, self.axis, self.kind)], x.elements
        return Work(
            vector_ops=(3 + self.affine) * elements,
            params=channels if self.affine else 0,
            input_elements=elements,
            output_elements=elements,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        (x,) = inputs
        rows = output.elements // output.shape[named_axis(output, self.axis, self.kind)]
        # Of the scale the elements before it; else the input, and a factor for each row.
        scaled = output.elements if self.affine else 0
        if not x.needs_gradient:
            return Saved(elements=scaled)
        return Saved(inputs=(0,), elements=scaled, statistics=rows)

    def is_permuted(self, inputs: tuple[GradInput, ...]) -> bool:
        # torch moves another axis to the end, and back.
        moves = named_axis(inputs[0].type, self.axis, self.kind) != -1
        return moves != inputs[0].permuted
