"""Operators of TFLite that calculate each element by itself, and reductions.

Quantization is no layer: what it does is in the precision of the layers around it.
"""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping import activations
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import (
    binary,
    comparison,
    function,
    known_result,
    operation,
    select,
)
from mnet_cost.importing.mapping.known import calculate
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.operands import (
    as_output,
    axis_of,
    is_image,
    known_numbers,
    left_of,
    made,
)
from mnet_cost.importing.mapping.reductions import reduce
from mnet_cost.importing.mapping.tflite.layers import fused
from mnet_cost.importing.mapping.values import Unmapped, Value

_KINDS: Mapping[str, str] = {
    "LOGISTIC": "sigmoid", "TANH": "tanh",
    "HARD_SWISH": "hard_swish",
}  # fmt: skip
_OPERATIONS: Mapping[str, str] = {
    "ABS": "absolute", "CEIL": "ceil", "COS": "cos", "ELU": "elu", "EXP": "exp", "FLOOR": "floor",
    "LOG": "log", "LOGICAL_NOT": "logical_not", "NEG": "negate", "ROUND": "round", "RSQRT": "rsqrt",
    "SIGN": "sign", "SIN": "sin", "SQRT": "sqrt", "SQUARE": "square",
}  # fmt: skip
_BOUNDS: Mapping[str, tuple[float, float | None]] = {
    "RELU": (0, None), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1), "RELU_0_TO_1": (0, 1),
}  # fmt: skip
_BINARY: Mapping[str, str] = {
    "ADD": "add", "SUB": "subtract", "MUL": "multiply", "DIV": "divide", "POW": "power",
    "MINIMUM": "minimum", "MAXIMUM": "maximum", "FLOOR_MOD": "modulo",
}  # fmt: skip
_COMPARISONS: Mapping[str, str] = {
    "EQUAL": "equal", "NOT_EQUAL": "not_equal", "LESS": "less", "LESS_EQUAL": "less_or_equal",
    "GREATER": "greater", "GREATER_EQUAL": "greater_or_equal", "LOGICAL_AND": "logical_and",
    "LOGICAL_OR": "logical_or",
}  # fmt: skip
_REDUCTIONS: Mapping[str, str] = {
    "MEAN": "mean", "SUM": "sum", "REDUCE_MAX": "max", "REDUCE_MIN": "min",
    "REDUCE_PROD": "product",
}  # fmt: skip
_OF_SIZES: Mapping[str, str] = {
    "sum": "add", "product": "multiply", "max": "maximum", "min": "minimum",
}  # fmt: skip
"""Reductions of known numbers: the function that joins two of them."""


def _operands(b: Builder, call: Call, least: int = 1) -> list[Value]:
    """All inputs, in the order of axes of the output; at least so many."""
    numbers = range(max(least, len(call.inputs)))
    rank = max(call.input(number).rank for number in numbers)
    return [as_output(b, call, number, rank) for number in numbers]


def _binary(name: str) -> Rule:
    return fused(lambda b, call: binary(b, *_two(b, call), name))


def _two(b: Builder, call: Call) -> tuple[Value, Value]:
    first, second = call.input(0), call.input(1)
    if first.known is not None and second.known is not None:
        return first, second
    first, second = _operands(b, call, 2)[:2]
    return first, second


def _comparison(name: str) -> Rule:
    return lambda b, call: comparison(b, *_two(b, call), name)


def selected(b: Builder, call: Call) -> Value:
    """SELECT, SELECT_V2."""
    condition, first, other = _operands(b, call, 3)[:3]
    return select(b, condition, first, other)


def floor_quotient(b: Builder, call: Call) -> Value:
    """FLOOR_DIV."""
    operands = _two(b, call)
    result = known_result("floor_divide", operands)
    if result is not None:
        return result
    return operation(b, binary(b, *operands, "divide"), "floor")


def _kind(kind: str) -> Rule:
    return lambda b, call: function(b, _operands(b, call)[0], kind)


def _operation(name: str) -> Rule:
    return lambda b, call: operation(b, _operands(b, call)[0], name)


def _clamp(low: float, high: float | None) -> Rule:
    return lambda b, call: activations.clamp(b, _operands(b, call)[0], low, high)


def gelu(b: Builder, call: Call) -> Value:
    """GELU: by tanh where it is approximate."""
    approximation = "tanh" if call.get("approximate") else "none"
    return activations.gelu(b, _operands(b, call)[0], approximation)


def leaky_relu(b: Builder, call: Call) -> Value:
    """LEAKY_RELU."""
    return activations.leaky_relu(b, _operands(b, call)[0], _as_written(call.get("alpha")))


def prelu(b: Builder, call: Call) -> Value:
    """PRELU: a slope for each channel, one for all, or one for each element."""
    x, slopes = _operands(b, call, 2)[:2]
    if slopes.rank > x.rank:
        raise Unmapped(f"has slopes of {slopes.rank} axes for {x.rank}")
    if slopes.rank < x.rank:
        slopes = b.reshaped(slopes, (*[1] * (x.rank - slopes.rank), *slopes.shape))
    if sum(size != 1 for size in slopes.shape) > 1:
        below = binary(b, operation(b, x, "minimum", number=0), slopes, "multiply")
        return binary(b, activations.clamp(b, x, 0, None), below, "add")
    return activations.prelu(b, x, slopes)


def softmax(b: Builder, call: Call) -> Value:
    """SOFTMAX over the last axis, of elements times beta."""
    x = _operands(b, call)[0]
    if (beta := call.get("beta")) != 1:
        x = operation(b, x, "multiply", number=_as_written(beta))
    return activations.softmax(b, x, axis_of(call, 0, -1))


def log_softmax(b: Builder, call: Call) -> Value:
    """LOG_SOFTMAX over the last axis."""
    return activations.log_softmax(b, _operands(b, call)[0], axis_of(call, 0, -1))


def _as_written(number: float) -> float:
    """A number of which the file has 32 bits, as somebody wrote it: 0.1."""
    return float(f"{number:.7g}")


def l2_normalization(b: Builder, call: Call) -> Value:
    """L2_NORMALIZATION over the last axis."""
    x = _operands(b, call)[0]
    return b.layer("l2_normalize", (x,), x.shape, {"axis": x.axis(axis_of(call, 0, -1))})


def local_response_normalization(b: Builder, call: Call) -> Value:
    """LOCAL_RESPONSE_NORMALIZATION over channels; alpha is a factor of the sum."""
    x = _operands(b, call)[0]
    size = 2 * call.get("radius") + 1
    fields = {
        "size": size,
        "alpha": _as_written(call.get("alpha") * size),
        "beta": _as_written(call.get("beta")),
        "k": _as_written(call.get("bias")),
    }
    return b.layer("local_response_norm", (x,), x.shape, fields)


def squared_difference(b: Builder, call: Call) -> Value:
    """SQUARED_DIFFERENCE."""
    first, second = _operands(b, call, 2)[:2]
    return operation(b, binary(b, first, second, "subtract"), "square")


def add_n(b: Builder, call: Call) -> Value:
    """ADD_N."""
    wires, shape = b.joined(_operands(b, call))
    return b.layer("add", wires, shape) if len(wires) > 1 else call.input(0)


def same(b: Builder, call: Call) -> Value:
    """CAST, QUANTIZE, DEQUANTIZE: other types of the same elements."""
    x = _operands(b, call)[0]
    return x._replace(dtype=call.dtypes[0] or x.dtype)


def reduction(name: str) -> Rule:
    """MEAN, SUM and so on over axes that are known."""

    def rule(b: Builder, call: Call) -> Value:
        x = call.input(0)
        if x.known is not None and x.rank == 1 and name in _OF_SIZES:
            return _of_sizes(x, _OF_SIZES[name], bool(call.get("keep_dims")))
        axes = [axis_of(call, 0, axis) for axis in known_numbers(call, 1, "axes")]
        keeps = bool(call.get("keep_dims"))
        if not axes:
            return made(b, call, x, is_image=is_image(call, 0))
        result = reduce(b, x, name, axes, keep=keeps)
        if keeps:
            return made(b, call, result, is_image=is_image(call, 0))
        return left_of(b, call, result, x.rank, axes)

    return rule


def _of_sizes(x: Value, function: str, keeps: bool) -> Value:
    """The sum, product or largest of known numbers along their one axis."""
    result = (x.known or ())[:1]
    for element in (x.known or ())[1:]:
        reduced = calculate(function, result, (element,))
        if reduced is None:
            raise Unmapped("has a result that is not known")
        result = reduced
    if not result:
        raise Unmapped("is of no elements")
    return Value((1,) if keeps else (), x.dtype, known=result, static=True)


RULES: Mapping[str, Rule] = {
    **{name: _kind(kind) for name, kind in _KINDS.items()},
    **{name: _operation(ours) for name, ours in _OPERATIONS.items()},
    **{name: _clamp(*bounds) for name, bounds in _BOUNDS.items()},
    **{name: _binary(ours) for name, ours in _BINARY.items()},
    **{name: _comparison(ours) for name, ours in _COMPARISONS.items()},
    **{name: reduction(ours) for name, ours in _REDUCTIONS.items()},
    "GELU": gelu,
    "LEAKY_RELU": leaky_relu,
    "PRELU": prelu,
    "SOFTMAX": softmax,
    "LOG_SOFTMAX": log_softmax,
    "L2_NORMALIZATION": l2_normalization,
    "LOCAL_RESPONSE_NORMALIZATION": local_response_normalization,
    "FLOOR_DIV": floor_quotient,
    "SQUARED_DIFFERENCE": squared_difference,
    "ADD_N": add_n,
    "SELECT": selected,
    "SELECT_V2": selected,
    "CAST": same,
    "QUANTIZE": same,
    "DEQUANTIZE": same,
}
