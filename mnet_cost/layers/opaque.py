"""Operations whose result has a known shape, and whose work no rule counts.

Unknown is not zero: a network with such a layer has no total, only a lower bound that says so,
unless the spec states what the layer costs. Not here: what the operation does, which nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mnet_cost.layers.base import Effort, Layer, Work
from mnet_cost.layers.fields import MAX_COUNT, SAME, Shape, Shapes, Whole, Word, spec_field
from mnet_cost.layers.gradient import GradInput
from mnet_cost.tensors import Check, Layout, RuleViolation, Size, TensorType, agreed

_COUNT = Whole(0, MAX_COUNT)
_COSTS = ("mult_adds", "params", "vector_ops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque(Layer):
    """Some operation with any number of inputs, on which the spec has the last word.

    Its cost is known where `mult_adds`, `params` and `vector_ops` are stated, all three of them.

    Shapes      any -> the stated shape, or several: `outputs`; `same` is that of the first input
    Mult-adds   as stated, for one example; else unknown
    Weights     0 where the cost is stated: it has no kernel of a convolution or linear layer
    Params      as stated; else unknown
    Vector ops  as stated, for one example; else unknown
    Bytes       where the cost is stated: reads all inputs and the params, writes all outputs
    Source      whoever wrote the spec
    """

    kind: ClassVar[str] = "opaque"
    is_known: ClassVar[bool] = False
    arity: ClassVar[tuple[int, int | None]] = (0, None)

    operation: str = spec_field(Word(), "what it does, in a word")
    shape: tuple[Size, ...] | str | None = spec_field(
        Shape(), "shape of its one output, without the batch", default=None
    )
    outputs: tuple[tuple[Size, ...] | str, ...] | None = spec_field(
        Shapes(), "shapes of its outputs, where it has several", default=None
    )
    mult_adds: Size | None = spec_field(_COUNT, "mult-adds for one example", default=None)
    params: Size | None = spec_field(_COUNT, "trained elements", default=None)
    vector_ops: Size | None = spec_field(_COUNT, "other operations for one example", default=None)

    @property
    def states_work(self) -> bool:  # type: ignore[override]
        """As in `Layer`."""
        return self.mult_adds is not None

    @property
    def effort(self) -> Effort:  # type: ignore[override]
        """As in `Layer`: what costs as much as the stated numbers say."""
        if self.mult_adds is not None and agreed(self.mult_adds > 0):
            return "matmul"
        return "move" if self.vector_ops is None or agreed(self.vector_ops == 0) else "curve"

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        return self.infer_all(check, *inputs)[0]

    def infer_all(self, check: Check, *inputs: TensorType) -> tuple[TensorType, ...]:
        stated = [name for name in _COSTS if getattr(self, name) is not None]
        if stated and len(stated) < len(_COSTS):
            missing = next(name for name in _COSTS if name not in stated)
            raise RuleViolation(
                f"`{self.kind}` states `{stated[0]}` and no `{missing}`: state all of "
                "`mult_adds`, `params` and `vector_ops`, or none"
            )
        if (self.shape is None) == (self.outputs is None):
            raise RuleViolation("needs either `shape` or `outputs`")
        if not inputs and SAME in self._shapes:
            raise RuleViolation(f"`{self.kind}` has no input whose shape `{SAME}` could be")
        return self._types(inputs)

    @property
    def _shapes(self) -> tuple[Any, ...]:
        return (self.shape,) if self.outputs is None else self.outputs

    def _types(self, inputs: tuple[TensorType, ...]) -> tuple[TensorType, ...]:
        return tuple(
            [TensorType(inputs[0].shape if shape == SAME else shape) for shape in self._shapes]
        )

    def layout(self, inputs: tuple[TensorType, ...]) -> Layout | None:
        return inputs[0].layout if all(shape == SAME for shape in self._shapes) else None

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return tuple(x.shape for x in inputs)  # nobody knows more

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work | None:
        if self.mult_adds is None or self.params is None or self.vector_ops is None:
            return None
        return Work(
            mult_adds=self.mult_adds,
            vector_ops=self.vector_ops,
            params=self.params,
            input_elements=sum([x.elements for x in inputs]),
            output_elements=sum([made.elements for made in self._types(inputs)]),
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> None:
        return None
