"""Operations whose result has a known shape and whose work nobody has modelled.

Unknown is not zero: a network with such a layer has no total, only a lower bound that says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.base import Layer
from mnet_cost.layers.fields import Sizes, Word, spec_field
from mnet_cost.layers.gradient import GradInput
from mnet_cost.tensors import Check, Size, TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque(Layer):
    """Some operation with any number of inputs.

    Shapes      any -> the stated shape
    Mult-adds   unknown
    Weights     unknown
    Params      unknown
    Vector ops  unknown
    Bytes       unknown
    Source      whoever wrote the spec
    """

    kind: ClassVar[str] = "opaque"
    is_known: ClassVar[bool] = False
    arity: ClassVar[tuple[int, int | None]] = (0, None)

    operation: str = spec_field(Word(), "what it does, in a word")
    shape: tuple[Size, ...] = spec_field(Sizes(), "shape of the output, without the batch")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        return TensorType(self.shape)

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return tuple(x.shape for x in inputs)  # nobody knows more

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> None:
        return None

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> None:
        return None
