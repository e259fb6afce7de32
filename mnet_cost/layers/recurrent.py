"""Recurrent layers: one step for each position of a sequence, each with the result before it.

Sequences are [..., length, features]; axes in front multiply the work. Operations per unit are
those of the formulas, sigmoid at 4 and tanh at 1 as in `activation.py`, with biases that only
add up joined beforehand. Ignored here: that steps wait for each other, that kernels too large
for a cache are read at every step, and what passes between stacked layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.axes import fixed
from mnet_cost.layers.base import Effort, Layer, Makes, Reads, Work
from mnet_cost.layers.fields import Flag, Whole, Word, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved
from mnet_cost.tensors import Check, RuleViolation, Size, TensorType, product


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrent(Layer):
    """What recurrent layers share: the shape rule, and gates of two kernels and two biases."""

    reads: ClassVar[Reads] = "sequence"
    makes: ClassVar[Makes] = "sequence"
    memory_format: ClassVar[MemoryFormat] = "contiguous"
    width_field: ClassVar[str | None] = "features"
    gates: ClassVar[int]
    ops_per_unit: ClassVar[int]
    """Vector operations of each unit and step, without bias."""
    bias_ops_per_unit: ClassVar[int]
    saved_per_unit: ClassVar[int] = 7
    """Numbers that torch saves of each unit and step. LSTM: four gates, memory and state before the
    step, tanh of the memory. GRU: two gates, what the third is made of and itself, products with
    it, the state before the step."""

    features: Size = spec_field(Whole(), "units of the state in each direction")
    layers: int = spec_field(Whole(), "layers on top of each other", default=1)
    bidirectional: bool = spec_field(
        Flag(), "go backwards as well, with weights of its own", default=False
    )
    bias: bool = spec_field(Flag(), "add two trained constants per gate and unit", default=True)
    output: str = spec_field(
        Word(("sequence", "last")), "the state at each position, or the final one", "sequence"
    )

    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _state(self) -> Size:
        """Features of the state of one direction."""
        return self.features

    def _projected(self) -> Size:
        """Products, for each step and cell, that make the state of its units."""
        return 0

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if len(x.shape) < 2:
            raise RuleViolation("needs a sequence [length, features]")
        fixed(self.layers)
        leading = x.shape[:-1] if self.output == "sequence" else x.shape[:-2]
        return TensorType((*leading, self._directions() * self._state()))

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-1],)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        units, layers, directions = self.features, fixed(self.layers), self._directions()
        cells, state = layers * directions, self._state()
        seen = x.shape[-1]
        if layers > 1:  # these see the states of all directions
            seen = seen + (layers - 1) * directions * state
        kernels = directions * self.gates * units * (seen + layers * state)
        kernels = kernels + cells * self._projected()
        biases = 2 * self.gates * cells * units
        steps = product(x.shape[:-1])
        ops = self.ops_per_unit + (self.bias_ops_per_unit if self.bias else 0)
        return Work(
            mult_adds=steps * kernels,
            vector_ops=ops * cells * steps * units,
            weights=kernels,
            params=kernels + biases if self.bias else kernels,
            input_elements=x.elements,
            output_elements=output.elements,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        # torch without a fused kernel saves the input step by step, once for each direction;
        # between layers once for both; and some numbers for each step and unit of a cell.
        x, directions = inputs[0].type, self._directions()
        # With a projection it is the product that is projected, and the state besides.
        steps, between = product(x.shape[:-1]), (self.layers - 1) * directions * self._state()
        states = self.saved_per_unit * self.features + (self._state() if self._projected() else 0)
        inside = steps * (between + self.layers * directions * states)
        if x.shape[-2] == 1:  # a single step is in order as it is
            return Saved(inputs=(0,), elements=inside)
        return Saved(elements=directions * x.elements + inside)

    def memory_in_training(self, inputs: tuple[TensorType, ...], output: TensorType) -> int:
        # The final states of all layers are one tensor. Those of the last are a view of it, but for
        # two directions, which are put together in a tensor of their own.
        is_view = self.output == "last" and not self.bidirectional
        return int(output.elements) * (self.layers if is_view else 1)

    def backward_mult_adds(
        self, inputs: tuple[GradInput, ...], output: TensorType
    ) -> tuple[int, int]:
        x = inputs[0].type
        forward = self.work((x,), output).mult_adds
        units, cells = self.gates * self.features, self.layers * self._directions()
        first = x.elements * units * self._directions()
        # The state before the first step is zero and needs no gradient.
        started = product(x.shape[:-2]) * cells * units * self._state()
        return forward - first * (not inputs[0].needs_gradient) - started, forward


@dataclass(frozen=True, slots=True, kw_only=True)
class Lstm(Recurrent):
    """Long short-term memory: four gates, a state and a memory.

    Shapes      [..., T, F] -> [..., T, D * S], or [..., D * S] with output `last`: the final
                states of the last layer; S is the size of the state: H, which is features, or the
                projection; D is 2 if bidirectional, else 1
    Mult-adds   T * 4 * H * (F + S) in each direction, T * 4 * H * (D * S + S) in further layers;
                with a projection T * H * S more in each
    Weights     4 * H * (F + S) in each direction, 4 * H * (D * S + S) in further layers: the
                kernels of input and state, which are matrix products; H * S in each with a
                projection
    Params      weights (+ 8 * H for each layer and direction with bias: two per gate and unit)
    Vector ops  18 per unit, step, layer and direction: three sigmoids and a tanh of gates (13),
                f * c + i * g (3), o * tanh(c) (2); with bias 4 more
    Bytes       reads the input and the params once, writes the output
    Source      Hochreiter and Schmidhuber, Neural Computation 9 (1997), 1735; formulas and
                params of the PyTorch documentation of LSTM; arXiv:1402.1128, section 2, for the
                projection
    """

    kind: ClassVar[str] = "lstm"
    effort: ClassVar[Effort] = "matmul"
    gates: ClassVar[int] = 4
    ops_per_unit: ClassVar[int] = 18
    bias_ops_per_unit: ClassVar[int] = 4

    projection: Size | None = spec_field(
        Whole(), "size of a state that is projected from the units, below features", default=None
    )

    def _state(self) -> Size:
        return self.features if self.projection is None else self.projection

    def _projected(self) -> Size:
        return 0 if self.projection is None else self.features * self.projection

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        if self.projection is not None:
            check(
                self.projection < self.features,
                "a projection has to be below features, not {} of {}",
                self.projection,
                self.features,
            )
        return Recurrent.infer(self, check, *inputs)


class Gru(Recurrent):
    """Gated recurrent unit: three gates and a state.

    Shapes      [..., T, F] -> [..., T, D * H], or [..., D * H] with output `last`: the final
                states of the last layer; H is features, D is 2 if bidirectional, else 1
    Mult-adds   T * 3 * H * (F + H) in each direction, T * 3 * H * (D * H + H) in further layers
    Weights     3 * H * (F + H) in each direction, 3 * H * (D * H + H) in further layers: the
                kernels of input and state, which are matrix products
    Params      weights (+ 6 * H for each layer and direction with bias: two per gate and unit)
    Vector ops  15 per unit, step, layer and direction: two sigmoids (8), tanh(a + r * b) (3),
                (1 - z) * n + z * h (4); with bias 4 more, as b has a bias apart
    Bytes       reads the input and the params once, writes the output
    Source      arXiv:1406.1078, section 2.3; formulas and params of the PyTorch documentation
                of GRU
    """

    __slots__ = ()

    kind: ClassVar[str] = "gru"
    effort: ClassVar[Effort] = "matmul"
    gates: ClassVar[int] = 3
    ops_per_unit: ClassVar[int] = 15
    bias_ops_per_unit: ClassVar[int] = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rnn(Recurrent):
    """Recurrent layer without gates: a function of what comes in and of the state.

    Shapes      [..., T, F] -> [..., T, D * H], or [..., D * H] with output `last`: the final
                states of the last layer; H is features, D is 2 if bidirectional, else 1
    Mult-adds   T * H * (F + H) in each direction, T * H * (D * H + H) in further layers
    Weights     H * (F + H) in each direction, H * (D * H + H) in further layers: the kernels of
                input and state, which are matrix products
    Params      weights (+ 2 * H for each layer and direction with bias: two per unit)
    Vector ops  1 per unit, step, layer and direction: tanh, or a comparison with 0; with bias 1
                more
    Bytes       reads the input and the params once, writes the output
    Source      Elman, Cognitive Science 14 (1990), 179; formula and params of the PyTorch
                documentation of RNN
    """

    kind: ClassVar[str] = "rnn"
    effort: ClassVar[Effort] = "matmul"
    gates: ClassVar[int] = 1
    ops_per_unit: ClassVar[int] = 1
    bias_ops_per_unit: ClassVar[int] = 1
    saved_per_unit: ClassVar[int] = 1

    function: str = spec_field(Word(("tanh", "relu")), "what makes the state", default="tanh")

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        saved = Recurrent.saved_tensors(self, inputs, output)
        # The state before the first step besides: others are those of the step before.
        states = product(inputs[0].type.shape[:-2]) * self.layers * self._directions()
        return saved._replace(elements=saved.elements + states * self.features)
