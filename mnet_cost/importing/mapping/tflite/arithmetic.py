"""Operators of TFLite that calculate each element by itself, and reductions.

Quantization is no layer: what it does is in the precision of the layers around it.
"""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import binary, function, known_result, operation
from mnet_cost.importing.mapping.known import calculate
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.tflite.images import channels_last
from mnet_cost.importing.mapping.tflite.layers import fused
from mnet_cost.importing.mapping.tflite.operands import (
    as_output,
    axis_of,
    is_image,
    known_numbers,
    made,
    permuted,
)
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value, own_shape

_KINDS: Mapping[str, str] = {
    "RELU": "relu", "RELU6": "relu6", "LOGISTIC": "sigmoid", "TANH": "tanh",
    "HARD_SWISH": "hard_swish",
}  # fmt: skip
_OPERATIONS: Mapping[str, str] = {
    "ABS": "absolute", "CEIL": "ceil", "COS": "cos", "ELU": "elu", "EXP": "exp", "FLOOR": "floor",
    "LOG": "log", "NEG": "negate", "ROUND": "round", "RSQRT": "rsqrt", "SIGN": "sign",
    "SIN": "sin", "SQRT": "sqrt", "SQUARE": "square",
}  # fmt: skip
_KNOWN = frozenset(("absolute", "ceil", "exp", "floor", "log", "negate", "round", "sqrt"))
"""Operations that are calculated where the elements are known."""
_BOUNDS: Mapping[str, tuple[float, float]] = {"RELU_N1_TO_1": (-1, 1), "RELU_0_TO_1": (0, 1)}
_BINARY: Mapping[str, str] = {
    "ADD": "add", "SUB": "subtract", "MUL": "multiply", "DIV": "divide", "POW": "power",
    "MINIMUM": "minimum", "MAXIMUM": "maximum",
}  # fmt: skip
_KNOWN_BINARY: Mapping[str, str] = {
    "FLOOR_DIV": "floor_divide", "FLOOR_MOD": "modulo", "EQUAL": "equal",
    "NOT_EQUAL": "not_equal", "LESS": "less", "LESS_EQUAL": "less_or_equal", "GREATER": "greater",
    "GREATER_EQUAL": "greater_or_equal", "LOGICAL_AND": "and", "LOGICAL_OR": "or",
}  # fmt: skip
"""Operators that only calculate with sizes."""
_REDUCTIONS: Mapping[str, str] = {
    "MEAN": "mean", "SUM": "sum", "REDUCE_MAX": "max", "REDUCE_MIN": "min",
    "REDUCE_PROD": "product",
}  # fmt: skip
_OF_SIZES: Mapping[str, str] = {
    "sum": "add", "product": "multiply", "max": "maximum", "min": "minimum",
}  # fmt: skip
"""Reductions of known numbers: the function that joins two of them."""


def _operands(b: Builder, call: Call) -> list[Value]:
    """All inputs, in the order of axes of the output."""
    rank = max(x.rank for x in call.inputs if x is not None)
    return [as_output(b, call, number, rank) for number in range(len(call.inputs))]


def _binary(name: str) -> Rule:
    return fused(lambda b, call: binary(b, *_two(b, call), name))


def _two(b: Builder, call: Call) -> tuple[Value, Value]:
    first, second = call.input(0), call.input(1)
    if first.known is not None and second.known is not None:
        return first, second
    first, second = _operands(b, call)[:2]
    return first, second


def _of_known(name: str) -> Rule:
    def rule(b: Builder, call: Call) -> Value:
        result = known_result(name, (call.input(0), call.input(1)))
        if result is None:
            raise Unmapped("has no layer, unless both tensors are known")
        return result

    return rule


def _kind(kind: str) -> Rule:
    return lambda b, call: function(b, _operands(b, call)[0], kind)


def _operation(name: str) -> Rule:
    known = name if name in _KNOWN else None
    return lambda b, call: operation(b, _operands(b, call)[0], name, known)


def _clamp(low: float, high: float) -> Rule:
    return lambda b, call: operation(b, _operands(b, call)[0], "clamp", low=low, high=high)


def gelu(b: Builder, call: Call) -> Value:
    """GELU: by tanh where it is approximate."""
    x = _operands(b, call)[0]
    return operation(b, x, "gelu_tanh") if call.get("approximate") else function(b, x, "gelu")


def leaky_relu(b: Builder, call: Call) -> Value:
    """LEAKY_RELU."""
    slope = float(f"{call.get('alpha'):.7g}")  # as written: the file has 32 bits of it
    return function(b, _operands(b, call)[0], "leaky_relu", slope=slope if slope != 0.01 else None)


def prelu(b: Builder, call: Call) -> Value:
    """PRELU: a slope for each channel, or one for all."""
    x, slopes = _operands(b, call)
    if slopes.stored is None:
        raise Unmapped("has slopes that are not stored")
    own = slopes.shape[-x.rank :]
    axes = [place - len(own) for place, size in enumerate(own) if size != 1]
    if len(axes) > 1:
        raise Unmapped(f"has slopes of shape {list(map(str, slopes.shape))}")
    if not axes:
        return b.layer("prelu", (x,), x.shape, {"per_channel": False}, owns=(slopes.stored,))
    fields = {"axis": x.axis(axes[0])}
    return b.layer("prelu", (x,), x.shape, fields, owns=(slopes.stored,))


def softmax(b: Builder, call: Call) -> Value:
    """SOFTMAX over the last axis, of elements times beta."""
    x = _operands(b, call)[0]
    axis = x.axis(axis_of(call, 0, -1))
    if (beta := call.get("beta")) != 1:
        x = operation(b, x, "multiply", number=beta)
    return b.layer("softmax", (x,), x.shape, {"axis": axis})


def log_softmax(b: Builder, call: Call) -> Value:
    """LOG_SOFTMAX over the last axis."""
    x = _operands(b, call)[0]
    shares = b.layer("softmax", (x,), x.shape, {"axis": x.axis(axis_of(call, 0, -1))})
    return operation(b, shares, "log")


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
        "alpha": call.get("alpha") * size,
        "beta": call.get("beta"),
        "k": call.get("bias"),
    }
    return b.layer("local_response_norm", (x,), x.shape, fields)


def squared_difference(b: Builder, call: Call) -> Value:
    """SQUARED_DIFFERENCE."""
    first, second = _operands(b, call)[:2]
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
        result = _reduced(b, x, name, sorted(set(axes)), keeps)
        if keeps or not is_image(call, 0):
            return made(b, call, result, is_image=keeps and is_image(call, 0))
        # What is left of an image goes into the order of the file.
        left = [axis for axis in range(x.rank) if axis not in axes]
        wanted = [axis for axis in channels_last(range(x.rank)) if axis not in axes]
        return made(b, call, permuted(b, result, [left.index(axis) for axis in wanted]))

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


def _reduced(b: Builder, x: Value, name: str, axes: list[int], keeps: bool) -> Value:
    shape: tuple[Dim, ...] = tuple(
        [
            1 if axis in axes else size
            for axis, size in enumerate(x.shape)
            if keeps or axis not in axes
        ]
    )
    places = [x.axis(axis) for axis in axes]
    if all(x.shape[axis] == 1 for axis in axes):
        return b.reshaped(x, shape)
    is_global = x.rank == 4 and axes == [2, 3] and name in ("mean", "max") and x.batch_axis == 0
    if is_global:
        kind = "global_avg_pool" if name == "mean" else "global_max_pool"
        return b.layer(kind, (x,), shape, {"keep": True if keeps else None})
    if not own_shape(shape):
        raise Unmapped("leaves one number for each example")
    fields = {"operation": name, "axes": places, "keep": True if keeps else None}
    return b.layer("reduce", (x,), shape, fields)


RULES: Mapping[str, Rule] = {
    **{name: _kind(kind) for name, kind in _KINDS.items()},
    **{name: _operation(ours) for name, ours in _OPERATIONS.items()},
    **{name: _clamp(*bounds) for name, bounds in _BOUNDS.items()},
    **{name: _binary(ours) for name, ours in _BINARY.items()},
    **{name: _of_known(ours) for name, ours in _KNOWN_BINARY.items()},
    **{name: reduction(ours) for name, ours in _REDUCTIONS.items()},
    "GELU": gelu,
    "LEAKY_RELU": leaky_relu,
    "PRELU": prelu,
    "SOFTMAX": softmax,
    "LOG_SOFTMAX": log_softmax,
    "L2_NORMALIZATION": l2_normalization,
    "LOCAL_RESPONSE_NORMALIZATION": local_response_normalization,
    "SQUARED_DIFFERENCE": squared_difference,
    "ADD_N": add_n,
    "CAST": same,
    "QUANTIZE": same,
    "DEQUANTIZE": same,
}
