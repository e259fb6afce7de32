"""Linear layers: a matrix product with trained weights.

They act on the last axis; axes in front (regions, positions of a sequence) multiply the work.
Ignored here: matrix products of two activations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.base import Effort, Layer, Makes, Reads, Work
from mnet_cost.layers.fields import Flag, Whole, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saves
from mnet_cost.tensors import Check, Size, TensorType, product


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(Layer):
    """Matrix product of the last axis with `features` rows of weights.

    Shapes      [..., C] -> [..., features]
    Mult-adds   C * features for each position in front
    Weights     C * features
    Params      weights (+ features with bias)
    Vector ops  one per output element with bias
    Bytes       reads the input and the params, writes the output
    Source      PyTorch documentation of Linear
    """

    kind: ClassVar[str] = "linear"
    reads: ClassVar[Reads] = "features"
    makes: ClassVar[Makes] = "sequence"
    effort: ClassVar[Effort] = "linear"
    saves: ClassVar[Saves] = "inputs"
    memory_format: ClassVar[MemoryFormat] = "contiguous"
    width_field: ClassVar[str | None] = "features"
    takes_weights: ClassVar[bool] = True

    features: Size = spec_field(Whole(), "size of the last axis of the output")
    bias: bool = spec_field(Flag(), "add a trained constant per feature", default=True)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return TensorType((*x.shape[:-1], self.features))

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-1],)

    def matrix(self, inputs: tuple[TensorType, ...]) -> tuple[Size, Size]:
        return self.features, inputs[0].shape[-1]

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        weights = x.shape[-1] * self.features
        outputs = output.elements
        return Work(
            mult_adds=product(x.shape[:-1]) * weights,
            vector_ops=outputs if self.bias else 0,
            weights=weights,
            params=weights + self.features if self.bias else weights,
            input_elements=x.elements,
            output_elements=outputs,
        )

    def makes_contiguous(self, x: GradInput) -> bool:
        return x.permuted and len(x.type.shape) > 1
