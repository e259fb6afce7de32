"""Reductions: a mean, a sum, a largest element and so on over some of the axes.

The pools of `pool.py` are reductions over all of an image, or over windows. Ignored here: the order
in which a runtime adds up, and passes over the tensor that it needs for a variance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from mnet_cost.layers.axes import joint_layout, named_axes, named_layout
from mnet_cost.layers.base import Effort, Layer, Work
from mnet_cost.layers.fields import Axes, Flag, Word, spec_field
from mnet_cost.layers.gradient import GradInput, Saved
from mnet_cost.tensors import Check, Layout, RuleViolation, Size, TensorType, product


class Reduction(NamedTuple):
    """What one operation of the kind `reduce` takes, and what autograd saves of it."""

    per_input: int
    """Operations for each input element."""
    per_output: int
    """Further operations for each output element."""
    saves_input: bool
    saves_output: bool


REDUCTIONS: Mapping[str, Reduction] = {
    "mean": Reduction(1, 0, saves_input=False, saves_output=False),
    "sum": Reduction(1, 0, saves_input=False, saves_output=False),
    "max": Reduction(1, 0, saves_input=True, saves_output=True),
    "min": Reduction(1, 0, saves_input=True, saves_output=True),
    "product": Reduction(1, 0, saves_input=True, saves_output=True),
    "norm": Reduction(2, 1, saves_input=True, saves_output=True),
    "l1": Reduction(2, 0, saves_input=True, saves_output=True),
    "sum_square": Reduction(2, 0, saves_input=True, saves_output=False),
    "log_sum": Reduction(1, 1, saves_input=False, saves_output=False),
    "log_sum_exp": Reduction(2, 1, saves_input=True, saves_output=True),
    "variance": Reduction(4, 0, saves_input=True, saves_output=False),
    "deviation": Reduction(4, 1, saves_input=True, saves_output=True),
}
"""What the kind `reduce` can calculate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce(Layer):
    """One number of all elements along some axes: mean, sum, max, min, product, norm, and others.

    `norm` is the root of the sum of squares, `l1` the sum of absolute values; `variance` the mean
    of squared differences to the mean (divided by n, not n - 1); `deviation` its root.

    Shapes      the axes go, or have size 1 with keep; at least one axis is left
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  per input element: mean, sum, max, min, product, log_sum 1; norm, sum_square, l1,
                log_sum_exp 2 (a function, addition); variance, deviation 4 (addition for the mean;
                subtraction, multiplication, addition). 1 more per output element: the root of
                norm and deviation, the logarithm of log_sum and log_sum_exp
    Bytes       reads the input, writes the output
    Source      PyTorch documentation of mean, sum, amax, amin, prod, linalg.vector_norm, var, std,
                logsumexp
    """

    kind: ClassVar[str] = "reduce"
    effort: ClassVar[Effort] = "pooling"

    operation: str = spec_field(Word(tuple(REDUCTIONS)), "what is made of the elements")
    axes: tuple[str | int, ...] = spec_field(Axes(), "the axes that go")
    keep: bool = spec_field(Flag(), "keep the axes, with size 1", default=False)

    def places(self, x: TensorType) -> tuple[int, ...]:
        """The axes, counted from the end, in the order in which they are written.

        Raises `RuleViolation` for an axis that x does not have, and for one that stands twice.
        """
        return named_axes(x, self.axes, self.kind)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        places = self.places(x)
        if self.keep:
            sizes = [1 if i - len(x.shape) in places else n for i, n in enumerate(x.shape)]
        else:
            sizes = [n for i, n in enumerate(x.shape) if i - len(x.shape) not in places]
        if not sizes:
            raise RuleViolation(f"`{self.kind}` leaves no axis: `keep: true` keeps them")
        return TensorType(tuple(sizes))

    def layout(self, inputs: tuple[TensorType, ...]) -> Layout | None:
        layout = joint_layout(inputs)
        for axis in self.axes:
            layout = named_layout(axis, layout)
        named = {"image": 3, "sequence": 2}.get(layout or "", 0)
        if not self.keep and any(place >= -named for place in self.places(inputs[0])):
            return None
        return layout if self.keep or named else None

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements, outputs = inputs[0].elements, output.elements
        reduction = REDUCTIONS[self.operation]
        return Work(
            vector_ops=reduction.per_input * elements + reduction.per_output * outputs,
            input_elements=elements,
            output_elements=outputs,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        reduction = REDUCTIONS[self.operation]
        between = self._between(inputs[0].type) if self.operation == "product" else 0
        if self.operation == "log_sum":
            between = output.elements  # the sum
        return Saved((0,) * reduction.saves_input, (), reduction.saves_output, between)

    def _between(self, x: TensorType) -> Size:
        """Elements of the products over some of the axes: torch multiplies over one at a
        time, the first axis first."""
        sizes, elements = list(x.shape), 0
        for place in sorted(self.places(x))[:-1]:
            sizes[place] = 1
            elements += product(tuple(sizes))
        return elements
