"""ATen operators that calculate each element by itself, and those that calculate with sizes."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping import activations
from mnet_cost.importing.mapping.aten.arguments import (
    operand,
    optional_real,
    real,
    whole,
    word,
)
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import (
    binary,
    comparison,
    function,
    known_result,
    operation,
    select,
)
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.values import Unmapped, Value


def _number(number: float) -> Value:
    return Value((), None, known=(number,), static=True)


def _binary(name: str) -> Rule:
    return lambda b, call: binary(b, operand(call, "self"), operand(call, "other"), name)


def _comparison(name: str) -> Rule:
    return lambda b, call: comparison(b, operand(call, "self"), operand(call, "other"), name)


def _of_conditions(name: str) -> Rule:
    """`&`, `|`, `^` and `~`, which are `logical_and` and so on where they are of conditions."""
    logical = name.replace("bitwise", "logical")

    def rule(b: Builder, call: Call) -> Value:
        x = operand(call, "self")
        others = [operand(call, "other")] if "other" in call.arguments else []
        dtypes = [call.dtypes[0], *[each.dtype for each in (x, *others)]]
        stated = next((dtype for dtype in dtypes if dtype not in ("bool", None)), None)
        if stated is not None:
            made = binary(b, x, others[0], name) if others else operation(b, x, name)
            return made._replace(dtype=stated)
        if not others:
            return operation(b, x, logical)._replace(dtype="bool")
        return comparison(b, x, others[0], logical)

    return rule


def _sum(name: str, is_reversed: bool = False) -> Rule:
    """self + alpha * other, or self - alpha * other, or other - alpha * self."""

    def rule(b: Builder, call: Call) -> Value:
        first, second = operand(call, "self"), operand(call, "other")
        if is_reversed:
            first, second = second, first
        factor = real(call, "alpha", 1)
        if factor != 1:
            second = binary(b, second, _number(factor), "multiply")
        return binary(b, first, second, name)

    return rule


def _quotient(b: Builder, call: Call) -> Value:
    result = binary(b, operand(call, "self"), operand(call, "other"), "divide")
    rounding = call.get("rounding_mode")
    if rounding is None:
        return result
    if rounding != "floor":
        raise Unmapped(f"rounds by `{rounding}`")
    return operation(b, result, "floor", "floor")


def _power(b: Builder, call: Call) -> Value:
    x, exponent = operand(call, "self"), operand(call, "exponent")
    named = {2: "square", 0.5: "sqrt", -0.5: "rsqrt", -1: "reciprocal"}
    if x.known is None and exponent.number in named:
        return operation(b, x, named[exponent.number])
    return binary(b, x, exponent, "power")


def _add_product(b: Builder, call: Call) -> Value:
    """self + value * tensor1 * tensor2."""
    operands = [operand(call, name) for name in ("self", "tensor1", "tensor2")]
    factor = real(call, "value", 1)
    wires, shape = b.joined(operands)
    fields = {"operation": "add_product", "number": None if factor == 1 else factor}
    return b.layer("elementwise", wires, shape, fields)


def _where(b: Builder, call: Call) -> Value:
    return select(b, operand(call, "condition"), operand(call, "self"), operand(call, "other"))


def _masked_fill(b: Builder, call: Call) -> Value:
    return select(b, operand(call, "mask"), operand(call, "value"), operand(call, "self"))


def _clamp(b: Builder, call: Call) -> Value:
    x = operand(call, "self")
    return activations.clamp(b, x, optional_real(call, "min"), optional_real(call, "max"))


def _hard_tanh(b: Builder, call: Call) -> Value:
    low, high = real(call, "min_val", -1), real(call, "max_val", 1)
    return activations.clamp(b, operand(call, "self"), low, high)


def _elu(b: Builder, call: Call) -> Value:
    if real(call, "scale", 1) != 1 or real(call, "input_scale", 1) != 1:
        raise Unmapped("scales its input or its output")
    return activations.elu(b, operand(call, "self"), real(call, "alpha", 1))


def _softplus(b: Builder, call: Call) -> Value:
    if real(call, "beta", 1) != 1:
        raise Unmapped("has a factor `beta`")
    return operation(b, operand(call, "self"), "softplus")


def _kind(kind: str) -> Rule:
    return lambda b, call: function(b, operand(call, "self"), kind)


def _operation(name: str, known: str | None = None) -> Rule:
    return lambda b, call: operation(b, operand(call, "self"), name, known)


def _known(name: str, *arguments: str) -> Rule:
    """A function of numbers that has no layer: sizes, comparisons of them, conditions."""

    def rule(b: Builder, call: Call) -> Value:
        operands = [operand(call, argument) for argument in arguments]
        result = known_result(name, operands)
        if result is None:
            raise Unmapped("is of tensors that are not known")
        return result

    return rule


def _same(b: Builder, call: Call) -> Value:
    """A number as another type."""
    x = operand(call, "a" if "a" in call.arguments else "x")
    if x.known is None:
        raise Unmapped("is of a number that is not known")
    return x


_SAME_NAMES = (
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "erf", "expm1", "log10",
    "log1p", "log2", "log_sigmoid", "sin", "sinh", "tan", "trunc",
)  # fmt: skip
"""Functions that have the same name as operations of `elementwise`."""


def _condition(name: str) -> Rule:
    return lambda b, call: operation(b, operand(call, "self"), name)._replace(dtype="bool")


_ONE: Mapping[str, Rule] = {
    "relu": _kind("relu"),
    "relu6": _kind("relu6"),
    "sigmoid": _kind("sigmoid"),
    "tanh": _kind("tanh"),
    "silu": _kind("silu"),
    "hardswish": _kind("hard_swish"),
    "hardsigmoid": _kind("hard_sigmoid"),
    "mish": _operation("mish"),
    "selu": _operation("selu"),
    "exp": _operation("exp", "exp"),
    "log": _operation("log", "log"),
    "sqrt": _operation("sqrt", "sqrt"),
    "rsqrt": _operation("rsqrt"),
    "square": _operation("square"),
    "reciprocal": _operation("reciprocal", "reciprocal"),
    "abs": _operation("absolute", "absolute"),
    "neg": _operation("negate", "negate"),
    "sign": _operation("sign"),
    "floor": _operation("floor", "floor"),
    "ceil": _operation("ceil", "ceil"),
    "round": _operation("round", "round"),
    **{name: _operation(name) for name in _SAME_NAMES},
    "logical_not": _condition("logical_not"),
    "isnan": _condition("is_nan"),
    "isinf": _condition("is_infinite"),
    "softplus": _softplus,
    "elu": _elu,
    "hardtanh": _hard_tanh,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp,
    "gelu": lambda b, call: activations.gelu(
        b, operand(call, "self"), word(call, "approximate", "none")
    ),
    "leaky_relu": lambda b, call: activations.leaky_relu(
        b, operand(call, "self"), real(call, "negative_slope", 0.01)
    ),
}
"""Functions of one tensor, with their names without `aten.` and `.default`."""

_SIZES: Mapping[str, Rule] = {
    "_operator.add": _known("add", "a", "b"),
    "_operator.sub": _known("subtract", "a", "b"),
    "_operator.mul": _known("multiply", "a", "b"),
    "_operator.floordiv": _known("floor_divide", "a", "b"),
    "_operator.truediv": _known("true_divide", "a", "b"),
    "_operator.mod": _known("modulo", "a", "b"),
    "_operator.pow": _known("power", "a", "b"),
    "_operator.neg": _known("negate", "a"),
    "_operator.pos": _same,
    "_operator.eq": _known("equal", "a", "b"),
    "_operator.ne": _known("not_equal", "a", "b"),
    "_operator.lt": _known("less", "a", "b"),
    "_operator.le": _known("less_or_equal", "a", "b"),
    "_operator.gt": _known("greater", "a", "b"),
    "_operator.ge": _known("greater_or_equal", "a", "b"),
    "_operator.and_": _known("logical_and", "a", "b"),
    "_operator.or_": _known("logical_or", "a", "b"),
    "math.trunc": _known("trunc", "x"),
    "torch.sym_float": _same,
    "torch.sym_int": _known("trunc", "a"),
    "torch.sym_max": _known("maximum", "a", "b"),
    "torch.sym_min": _known("minimum", "a", "b"),
    "torch.sym_not": _known("logical_not", "a"),
    "torch.sym_sqrt": _known("sqrt", "a"),
    "torch.sym_ite": _known("select", "b", "t", "f"),
}
"""Functions of sizes, which are Python's."""

_COMPARED = {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_or_equal",
    "gt": "greater",
    "ge": "greater_or_equal",
    "logical_and": "logical_and",
    "logical_or": "logical_or",
    "logical_xor": "logical_xor",
}
_OVERLOADS = ("Tensor", "Scalar", "default")


def _overloads(name: str, rule: Rule, *overloads: str) -> dict[str, Rule]:
    """The rule of an operator by its full names, in place and not."""
    return {f"aten.{name}{place}.{x}": rule for place in ("", "_") for x in overloads}


def _rules() -> dict[str, Rule]:
    rules: dict[str, Rule] = dict(_SIZES)
    for name, rule in _ONE.items():
        rules |= _overloads(name, rule, "default")
    both = _overloads
    rules |= both("add", _sum("add"), "Tensor", "Scalar")
    rules |= both("sub", _sum("subtract"), "Tensor", "Scalar")
    rules |= both("rsub", _sum("subtract", is_reversed=True), "Tensor", "Scalar")
    rules |= both("mul", _binary("multiply"), "Tensor", "Scalar")
    rules |= both("div", _quotient, "Tensor", "Scalar", "Tensor_mode", "Scalar_mode")
    rules |= both("remainder", _binary("modulo"), "Tensor", "Scalar", "Scalar_Tensor")
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not"):
        overloads = ("default",) if name == "bitwise_not" else ("Tensor", "Scalar")
        rules |= both(name, _of_conditions(name), *overloads)
    rules |= both("pow", _power, "Tensor_Scalar", "Tensor_Tensor", "Scalar")
    rules |= both("maximum", _binary("maximum"), "default")
    rules |= both("minimum", _binary("minimum"), "default")
    rules |= both("max", _binary("maximum"), "other")
    rules |= both("min", _binary("minimum"), "other")
    rules |= both("addcmul", _add_product, "default")
    rules |= both("where", _where, "self", "ScalarSelf", "ScalarOther", "Scalar")
    rules |= both("masked_fill", _masked_fill, "Scalar", "Tensor")
    for name, known in _COMPARED.items():
        rules |= both(name, _comparison(known), *_OVERLOADS)
    rules["aten.softmax.int"] = rules["aten._softmax.default"] = lambda b, call: (
        activations.softmax(b, call.tensor("self"), whole(call, "dim"))
    )
    rules["aten.log_softmax.int"] = rules["aten._log_softmax.default"] = lambda b, call: (
        activations.log_softmax(b, call.tensor("self"), whole(call, "dim"))
    )
    rules["aten.prelu.default"] = lambda b, call: activations.prelu(
        b, call.tensor("self"), call.tensor("weight")
    )
    rules["aten.glu.default"] = lambda b, call: activations.gated(
        b, call.tensor("self"), whole(call, "dim", -1)
    )
    return rules


RULES: Mapping[str, Rule] = _rules()
