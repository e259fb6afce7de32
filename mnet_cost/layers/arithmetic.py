"""Functions of each element: of one tensor, of a tensor and a number, of two or three tensors.

`OPERATIONS` says of each function what it calculates, how many operations that takes, what autograd
saves and which function of torch it is. Operations are counted as those of activations: one per
arithmetic operation, comparison, root or transcendental function, with constants worked out
beforehand. Sums and products of tensors are the kinds `add` and `multiply`. Ignored here: how long
each function takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from mnet_cost.layers.base import Effort, Work
from mnet_cost.layers.elementwise import Broadcast
from mnet_cost.layers.fields import Flag, Real, Word, spec_field
from mnet_cost.layers.gradient import GradInput, Saved
from mnet_cost.tensors import Check, RuleViolation, TensorType

Inputs = tuple[GradInput, ...]
SavedRule = Callable[["Elementwise", Inputs, TensorType], Saved]

NumberUse = Literal["none", "always", "instead", "factor"]
"""What the field `number` is for. always: the function is of a tensor and a number. instead: the
number takes the place of the second tensor. factor: a constant of the function that has a default.
"""


def _nothing(layer: Elementwise, inputs: Inputs, output: TensorType) -> Saved:
    return Saved()


def _inputs(layer: Elementwise, inputs: Inputs, output: TensorType) -> Saved:
    return Saved(inputs=tuple(range(len(inputs))))


def _output(layer: Elementwise, inputs: Inputs, output: TensorType) -> Saved:
    return Saved(output=True)


def _input_and_copy(layer: Elementwise, inputs: Inputs, output: TensorType) -> Saved:
    # softsign: the divisor; log_sigmoid: exp(-|x|), which torch saves on a CPU alone.
    return Saved(inputs=(0,), elements=output.elements)


def _quotient(layer: Elementwise, inputs: Inputs, output: TensorType) -> Saved:
    if len(inputs) == 1:  # torch writes c / x as (1 / x) * c
        return Saved(elements=output.elements if layer.reversed else 0)
    return Saved(inputs=(0, 1) if inputs[1].needs_gradient else (1,))


def _power(layer: Elementwise, inputs: Inputs, output: TensorType) -> Saved:
    return Saved(inputs=tuple(range(len(inputs))), output=len(inputs) == 2 or layer.reversed)


def _factors(layer: Elementwise, inputs: Inputs, output: TensorType) -> Saved:
    _, first, second = inputs
    return Saved(inputs=(1,) * second.needs_gradient + (2,) * first.needs_gradient)


def _condition(layer: Elementwise, inputs: Inputs, output: TensorType) -> Saved:
    flags = inputs[0].type.elements  # one for each element of the condition
    return Saved(static=(0, flags)) if inputs[0].is_static else Saved(bytes=flags)


def _remainder(layer: Elementwise, inputs: Inputs, output: TensorType) -> Saved:
    is_of_two = len(inputs) == 2 and inputs[1].needs_gradient
    return Saved(inputs=(0, 1) if is_of_two else ())


class Operation(NamedTuple):
    """One function of each element."""

    formula: str
    """Of the elements x, y and z of the inputs and the number c."""
    operations: int
    """For each element of the output."""
    torch: str
    """The name of the function in `torch` or `torch.nn.functional`."""
    effort: Effort = "arithmetic"
    saves: SavedRule = _nothing
    tensors: int = 1
    """Inputs, where no number takes the place of the second."""
    number: NumberUse = "none"
    is_flag: bool = False
    """Whether the result is 1 or 0, which has no gradient."""
    is_of_bits: bool = False
    """Whether it is of the bits of whole numbers, which have no gradient."""


def _flag(formula: str, torch: str, tensors: int = 1, number: NumberUse = "none") -> Operation:
    """A condition of each element: the number 1 or 0."""
    return Operation(formula, 1, torch, tensors=tensors, number=number, is_flag=True)


def _bits(formula: str, torch: str, tensors: int = 2) -> Operation:
    """A function of each bit of whole numbers."""
    return Operation(formula, 1, torch, tensors=tensors, is_of_bits=True)


OPERATIONS: Mapping[str, Operation] = {
    # of one tensor
    "exp": Operation("exp(x)", 1, "exp", "curve", _output),
    "log": Operation("log(x)", 1, "log", "curve", _inputs),
    "sqrt": Operation("sqrt(x)", 1, "sqrt", "curve", _output),
    "rsqrt": Operation("1 / sqrt(x)", 2, "rsqrt", "curve", _output),
    "square": Operation("x * x", 1, "square", "arithmetic", _inputs),
    "reciprocal": Operation("1 / x", 1, "reciprocal", "curve", _output),
    "absolute": Operation("|x|", 1, "abs", "arithmetic", _inputs),
    "negate": Operation("-x", 1, "neg"),
    "sign": Operation("-1, 0 or 1", 1, "sign"),
    "floor": Operation("floor(x)", 1, "floor"),
    "ceil": Operation("ceil(x)", 1, "ceil"),
    "round": Operation("round(x)", 1, "round"),
    "trunc": Operation("x without its fraction", 1, "trunc"),
    "expm1": Operation("exp(x) - 1", 1, "expm1", "curve", _output),
    "log1p": Operation("log(1 + x)", 1, "log1p", "curve", _inputs),
    "log2": Operation("log(x) / log(2)", 1, "log2", "curve", _inputs),
    "log10": Operation("log(x) / log(10)", 1, "log10", "curve", _inputs),
    "sin": Operation("sin(x)", 1, "sin", "curve", _inputs),
    "cos": Operation("cos(x)", 1, "cos", "curve", _inputs),
    "tan": Operation("tan(x)", 1, "tan", "curve", _output),
    "asin": Operation("arcsin(x)", 1, "asin", "curve", _inputs),
    "acos": Operation("arccos(x)", 1, "acos", "curve", _inputs),
    "atan": Operation("arctan(x)", 1, "atan", "curve", _inputs),
    "sinh": Operation("sinh(x)", 1, "sinh", "curve", _inputs),
    "cosh": Operation("cosh(x)", 1, "cosh", "curve", _inputs),
    "asinh": Operation("arsinh(x)", 1, "asinh", "curve", _inputs),
    "acosh": Operation("arcosh(x)", 1, "acosh", "curve", _inputs),
    "atanh": Operation("artanh(x)", 1, "atanh", "curve", _inputs),
    "logical_not": _flag("1 if x is 0, else 0", "logical_not"),
    "is_nan": _flag("1 if x is no number, else 0", "isnan"),
    "is_infinite": _flag("1 if x is infinite, else 0", "isinf"),
    "bitwise_not": _bits("-1 - x: each bit of x the other way round", "bitwise_not", 1),
    "erf": Operation("erf(x)", 1, "erf", "curve", _inputs),
    "softplus": Operation("log(1 + exp(x))", 3, "softplus", "curve", _inputs),
    "mish": Operation(
        "x * tanh(softplus(x)), where softplus(x) is log(1 + exp(x))", 5, "mish", "curve", _inputs
    ),
    "elu": Operation(
        "x if x > 0 else c * (exp(x) - 1), where c is 1 by default",
        4, "elu", "curve", _inputs, number="factor",
    ),
    "selu": Operation(
        "1.0507 * (x if x > 0 else 1.6733 * (exp(x) - 1))", 5, "selu", "curve", _inputs
    ),
    "softsign": Operation("x / (1 + |x|)", 3, "softsign", "curve", _input_and_copy),
    "log_sigmoid": Operation("-log(1 + exp(-x))", 5, "logsigmoid", "curve", _input_and_copy),
    "gelu_tanh": Operation(
        "x * 0.5 * (1 + tanh(0.7979 * (x + 0.0447 * x * x * x)))", 9, "gelu", "curve", _inputs
    ),
    "clamp": Operation("min(max(x, low), high), or one of both", 1, "clamp", "arithmetic", _inputs),
    # of a tensor and a number
    "add": Operation("x + c", 1, "add", number="always"),
    "multiply": Operation("x * c", 1, "mul", number="always"),
    # of two tensors, or of a tensor and a number
    "subtract": Operation("x - y", 1, "sub", tensors=2, number="instead"),
    "divide": Operation("x / y", 1, "div", "curve", _quotient, 2, "instead"),
    "power": Operation("x to the power of y", 1, "pow", "curve", _power, 2, "instead"),
    "minimum": Operation("min(x, y)", 1, "minimum", "arithmetic", _inputs, 2, "instead"),
    "maximum": Operation("max(x, y)", 1, "maximum", "arithmetic", _inputs, 2, "instead"),
    "modulo": Operation(
        "x - y * floor(x / y)", 1, "remainder", "curve", _remainder, 2, "instead"
    ),
    "equal": _flag("1 if x == y, else 0", "eq", 2, "instead"),
    "not_equal": _flag("1 if x != y, else 0", "ne", 2, "instead"),
    "less": _flag("1 if x < y, else 0", "lt", 2, "instead"),
    "less_or_equal": _flag("1 if x <= y, else 0", "le", 2, "instead"),
    "greater": _flag("1 if x > y, else 0", "gt", 2, "instead"),
    "greater_or_equal": _flag("1 if x >= y, else 0", "ge", 2, "instead"),
    "logical_and": _flag("1 if neither x nor y is 0, else 0", "logical_and", 2),
    "logical_or": _flag("1 if x or y is not 0, else 0", "logical_or", 2),
    "logical_xor": _flag("1 if one of x and y is 0, else 0", "logical_xor", 2),
    "bitwise_and": _bits("the bits that x and y have", "bitwise_and"),
    "bitwise_or": _bits("the bits that x or y has", "bitwise_or"),
    "bitwise_xor": _bits("the bits that one of x and y has", "bitwise_xor"),
    # of three tensors
    "add_product": Operation(
        "x + c * y * z, where c is 1 by default", 2, "addcmul", "arithmetic", _factors, 3, "factor"
    ),
    "select": Operation("y if x > 0 else z", 1, "where", "arithmetic", _condition, 3),
}  # fmt: skip
"""What the kind `elementwise` can calculate."""

REVERSIBLE = ("subtract", "divide", "power")
"""Operations for which the number can come first."""
_REVERSIBLE_NAMES = "`subtract`, `divide` and `power`"
_SCALES = ("negate", "add", "multiply", "subtract", "divide")
_TENSOR_KINDS = {"add": "`add: [a, b]`", "multiply": "`multiply: [a, b]`"}
_COUNTS = {1: "one input", 2: "two inputs", 3: "three inputs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Elementwise(Broadcast):
    """A function of each element of one, two or three tensors, or of a tensor and a number c.

    Of one      exp, expm1, log, log1p, log2, log10, sqrt, rsqrt, square, reciprocal, absolute,
                negate, sign, floor, ceil, round, trunc; sin, cos, tan, sinh, cosh, and asin, acos,
                atan, asinh, acosh, atanh; erf, softplus, mish, elu, selu, softsign, log_sigmoid,
                gelu_tanh; logical_not, is_nan, is_infinite; bitwise_not; clamp with `low`, `high`
                or both
    And c       add, multiply, and those of two with `number`; `reversed`: c - x, c / x, c to the
                power of x
    Of two      subtract, divide, power, modulo, minimum, maximum (sums and products: `add`,
                `multiply`); equal, not_equal, less, less_or_equal, greater, greater_or_equal,
                logical_and, logical_or, logical_xor, which give the numbers 1 and 0; bitwise_and,
                bitwise_or, bitwise_xor of whole numbers
    Of three    add_product: x + number * y * z; select: y where x > 0, else z
    Shapes      equal, or 1 where another is larger -> the larger; axes are aligned from the last
                on, and one that is not there counts as 1
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  per output element: rsqrt 2; softplus, softsign 3; elu 4; mish, selu, log_sigmoid
                5; gelu_tanh 9; clamp 1 for each bound; add_product 2, with `number` 3; others 1
    Bytes       reads all inputs, writes the output
    Source      PyTorch documentation of these functions (add_product: addcmul, select: where) and
                "Broadcasting semantics"; arXiv:1908.08681 (mish); arXiv:1511.07289 (elu);
                arXiv:1706.02515 (selu); arXiv:1606.08415, section 2 (gelu_tanh)
    """

    kind: ClassVar[str] = "elementwise"
    arity: ClassVar[tuple[int, int | None]] = (1, 3)

    operation: str = spec_field(Word(tuple(OPERATIONS)), "the function")
    number: float | None = spec_field(Real(), "the number c", default=None)
    reversed: bool = spec_field(Flag(), "whether the number comes first: c - x", default=False)
    low: float | None = spec_field(Real(), "of clamp: smaller elements become this", default=None)
    high: float | None = spec_field(Real(), "of clamp: larger elements become this", default=None)

    # What is one of a kind elsewhere depends on the operation here.

    @property
    def effort(self) -> Effort:  # type: ignore[override]
        """As in `Layer`. To divide by a number is to multiply by a constant."""
        if self.operation == "divide" and self.number is not None and not self.reversed:
            return "arithmetic"
        return OPERATIONS[self.operation].effort

    @property
    def is_clamp(self) -> bool:  # type: ignore[override]
        """As in `Layer`."""
        return self.operation == "clamp" or (
            self.operation in ("minimum", "maximum") and self.number is not None
        )

    @property
    def is_foldable(self) -> bool:  # type: ignore[override]
        """As in `Layer`: the same scale and shift for all channels."""
        is_quotient = self.operation == "divide" and self.reversed
        has_number = self.operation == "negate" or self.number is not None
        return self.operation in _SCALES and has_number and not is_quotient

    def variety(self) -> str:
        return f"{self.kind} {self.operation}"

    @property
    def called(self) -> str:
        return self.operation

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        self._check_fields()
        operation = OPERATIONS[self.operation]
        wanted = operation.tensors - (operation.number == "instead" and self.number is not None)
        if len(inputs) != wanted:
            raise RuleViolation(self._wrong_count(len(inputs), wanted))
        if self.low is not None and self.high is not None:
            check(
                self.low <= self.high,
                "`clamp`: `low` is {}, above `high`, {}",
                self.low,
                self.high,
            )
        # Not `super()`: a slotted dataclass is made anew, and 3.11 then looks up the old one.
        return Broadcast.infer(self, check, *inputs)

    def _check_fields(self) -> None:
        """Raise `RuleViolation` for fields that the operation has no use of, or misses."""
        use = OPERATIONS[self.operation].number
        name = f"`{self.called}`"
        if use == "always" and self.number is None:
            raise RuleViolation(
                f"{name} needs a `number`; of tensors it is {_TENSOR_KINDS[self.operation]}"
            )
        if use == "none" and self.number is not None:
            raise RuleViolation(f"{name} has no `number`")
        if self.reversed and self.operation not in REVERSIBLE:
            raise RuleViolation(f"{name} has no `reversed`: {_REVERSIBLE_NAMES} have it")
        if self.reversed and self.number is None:
            raise RuleViolation(f"{name} needs a `number`, which comes first with `reversed`")
        bounds = (self.low is not None) + (self.high is not None)
        if self.operation == "clamp" and not bounds:
            raise RuleViolation(f"{name} needs `low`, `high` or both")
        if self.operation != "clamp" and bounds:
            raise RuleViolation(f"{name} has no `low` and `high`: `clamp` has them")

    def _wrong_count(self, given: int, wanted: int) -> str:
        name = f"`{self.called}`"
        if self.operation in _TENSOR_KINDS:
            return (
                f"{name} is of one input and a number; of tensors it is "
                f"{_TENSOR_KINDS[self.operation]}"
            )
        if OPERATIONS[self.operation].number == "instead":
            if self.number is not None:
                return f"{name} has a `number`, so it takes one input, not {given}"
            return f"{name} takes two inputs, or one and a `number`, not {given}"
        return f"{name} takes {_COUNTS[wanted]}, not {given}"

    def shape_hint(self, inputs: tuple[TensorType, ...]) -> str | None:
        return Broadcast.shape_hint(self, inputs) if len(inputs) > 1 else None

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        operations = OPERATIONS[self.operation].operations
        if self.operation == "clamp":
            operations = (self.low is not None) + (self.high is not None)
        elif self.operation == "add_product":
            operations += self.number is not None
        return Work(
            vector_ops=operations * output.elements,
            input_elements=sum(x.elements for x in inputs),
            output_elements=output.elements,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return OPERATIONS[self.operation].saves(self, inputs, output)

    def passes_gradient(self, position: int) -> bool:
        operation = OPERATIONS[self.operation]
        if operation.is_flag or operation.is_of_bits:
            return False
        return self.operation != "select" or position > 0
