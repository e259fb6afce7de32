"""Activations: functions of each element, and softmax.

Vector operations are those of the formula in the docstring: one per arithmetic operation,
comparison or transcendental function, with constants worked out beforehand. Ignored here: that
an exponential takes longer than an addition, and the tables that runtimes use instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.base import Effect, Effort, Layer, Makes, Reads, Work
from mnet_cost.layers.fields import AXIS, Flag, Real, spec_field
from mnet_cost.layers.gradient import GradInput, Saved, Saves
from mnet_cost.tensors import Check, TensorType


class Activation(Layer):
    """What the functions of each element share: shapes, and operations per element."""

    __slots__ = ()

    makes: ClassVar[Makes] = "same"
    effect: ClassVar[Effect] = "elementwise"
    effort: ClassVar[Effort] = "arithmetic"
    ops_per_element: ClassVar[int]

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return TensorType(x.shape)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements = output.elements
        return Work(
            vector_ops=self.ops_per_element * elements,
            input_elements=elements,
            output_elements=elements,
        )


class Relu(Activation):
    """Rectifier: max(x, 0).

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  1 per element: one comparison
    Bytes       reads and writes each element
    Source      PyTorch documentation of ReLU
    """

    __slots__ = ()

    kind: ClassVar[str] = "relu"
    is_clamp: ClassVar[bool] = True
    ops_per_element: ClassVar[int] = 1
    saves: ClassVar[Saves] = "output"


class Relu6(Activation):
    """Rectifier with a ceiling: min(max(x, 0), 6).

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  2 per element: two comparisons
    Bytes       reads and writes each element
    Source      PyTorch documentation of ReLU6; arXiv:1801.04381, section 3.1
    """

    __slots__ = ()

    kind: ClassVar[str] = "relu6"
    is_clamp: ClassVar[bool] = True
    ops_per_element: ClassVar[int] = 2
    saves: ClassVar[Saves] = "inputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyRelu(Activation):
    """Rectifier with a fixed slope below zero: x if x > 0, else slope * x.

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  2 per element: one comparison, one multiplication
    Bytes       reads and writes each element
    Source      PyTorch documentation of LeakyReLU
    """

    kind: ClassVar[str] = "leaky_relu"
    is_clamp: ClassVar[bool] = True
    ops_per_element: ClassVar[int] = 2
    saves: ClassVar[Saves] = "inputs"

    slope: float = spec_field(Real(), "factor of elements below zero", default=0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prelu(Activation):
    """Rectifier with a trained slope below zero: x if x > 0, else slope * x.

    Shapes      any, unchanged; C is the size of the axis
    Mult-adds   0
    Weights     0
    Params      C if per_channel, else 1
    Vector ops  2 per element: one comparison, one multiplication
    Bytes       reads and writes each element, reads the params
    Source      arXiv:1502.01852, section 2.1; PyTorch documentation of PReLU
    """

    kind: ClassVar[str] = "prelu"
    reads: ClassVar[Reads] = "axis"
    is_clamp: ClassVar[bool] = True
    ops_per_element: ClassVar[int] = 2

    per_channel: bool = spec_field(Flag(), "one slope per channel, not one for all", default=True)
    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        named_axis(x, self.axis, self.kind)
        return TensorType(x.shape)

    def guesses_axis(self) -> bool:
        return self.per_channel and self.axis is None

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        if not self.per_channel:
            return ()
        axis = named_axis(inputs[0], self.axis, self.kind)
        return (inputs[0].shape[axis], axis)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        slopes = x.shape[named_axis(x, self.axis, self.kind)] if self.per_channel else 1
        # Not `super()`: a slotted dataclass is made anew, and 3.11 then looks up the old one.
        return Activation.work(self, inputs, output)._replace(params=slopes)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return Saved(inputs=(0,), bytes=output.elements)  # a flag each: which of the two it is


class Sigmoid(Activation):
    """Logistic function: 1 / (1 + exp(-x)).

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  4 per element: negation, exponential, addition, division
    Bytes       reads and writes each element
    Source      PyTorch documentation of Sigmoid
    """

    __slots__ = ()

    kind: ClassVar[str] = "sigmoid"
    is_cheap: ClassVar[bool] = True
    effort: ClassVar[Effort] = "curve"
    ops_per_element: ClassVar[int] = 4
    saves: ClassVar[Saves] = "output"


class HardSigmoid(Activation):
    """Logistic function in straight pieces: min(max(x + 3, 0), 6) / 6.

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  4 per element: addition, two comparisons, division
    Bytes       reads and writes each element
    Source      arXiv:1905.02244, section 5.2; PyTorch documentation of Hardsigmoid
    """

    __slots__ = ()

    kind: ClassVar[str] = "hard_sigmoid"
    is_cheap: ClassVar[bool] = True
    ops_per_element: ClassVar[int] = 4
    saves: ClassVar[Saves] = "inputs"


class Tanh(Activation):
    """Hyperbolic tangent: tanh(x).

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  1 per element: one transcendental function
    Bytes       reads and writes each element
    Source      PyTorch documentation of Tanh
    """

    __slots__ = ()

    kind: ClassVar[str] = "tanh"
    is_cheap: ClassVar[bool] = True
    effort: ClassVar[Effort] = "curve"
    ops_per_element: ClassVar[int] = 1
    saves: ClassVar[Saves] = "output"


class Silu(Activation):
    """Swish: x * (1 / (1 + exp(-x))).

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  5 per element: four of the sigmoid, one multiplication
    Bytes       reads and writes each element
    Source      arXiv:1702.03118; PyTorch documentation of SiLU
    """

    __slots__ = ()

    kind: ClassVar[str] = "silu"
    effort: ClassVar[Effort] = "curve"
    ops_per_element: ClassVar[int] = 5
    saves: ClassVar[Saves] = "inputs"


class HardSwish(Activation):
    """Swish in straight pieces: x * (min(max(x + 3, 0), 6) / 6).

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  5 per element: four of the hard sigmoid, one multiplication
    Bytes       reads and writes each element
    Source      arXiv:1905.02244, section 5.2; PyTorch documentation of Hardswish
    """

    __slots__ = ()

    kind: ClassVar[str] = "hard_swish"
    is_cheap: ClassVar[bool] = True
    ops_per_element: ClassVar[int] = 5
    saves: ClassVar[Saves] = "inputs"


class Gelu(Activation):
    """Gaussian error linear unit: x * 0.5 * (1 + erf(x * sqrt(0.5))).

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  5 per element: three multiplications, error function, addition
    Bytes       reads and writes each element
    Source      arXiv:1606.08415; PyTorch documentation of GELU
    """

    __slots__ = ()

    kind: ClassVar[str] = "gelu"
    effort: ClassVar[Effort] = "curve"
    ops_per_element: ClassVar[int] = 5
    saves: ClassVar[Saves] = "inputs"


SOFTMAX_OPS = 5
"""Operations per element: see `Softmax`. Attention has the same ones inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Layer):
    """Shares that add up to 1 along an axis: exp(x - max) / sum(exp(x - max)).

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  5 per element: comparison, subtraction, exponential, addition, division
    Bytes       reads and writes each element
    Source      PyTorch documentation of Softmax
    """

    kind: ClassVar[str] = "softmax"
    reads: ClassVar[Reads] = "axis"
    makes: ClassVar[Makes] = "same"
    effort: ClassVar[Effort] = "curve"
    saves: ClassVar[Saves] = "output"

    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        named_axis(x, self.axis, self.kind)
        return TensorType(x.shape)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements = output.elements
        return Work(
            vector_ops=SOFTMAX_OPS * elements, input_elements=elements, output_elements=elements
        )
