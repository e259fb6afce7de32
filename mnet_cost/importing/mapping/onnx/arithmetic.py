"""Operators of ONNX that calculate element by element, without activations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce as fold
from typing import Any

from mnet_cost.importing.graph import FEW_WHOLE
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import (
    binary,
    comparison,
    number,
    operation,
    scaled,
    select,
)
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import slice_of
from mnet_cost.importing.mapping.onnx.reading import LARGEST, tensors
from mnet_cost.importing.mapping.stored import constant
from mnet_cost.importing.mapping.values import Unmapped, Value, plain
from mnet_cost.importing.readers.onnx_messages import TENSOR_TYPES

_BINARY = {"Add": "add", "Sub": "subtract", "Mul": "multiply", "Div": "divide", "Pow": "power"}
_OPERATIONS = {
    "Abs": "absolute", "Acos": "acos", "Acosh": "acosh", "Asin": "asin", "Asinh": "asinh",
    "Atan": "atan", "Atanh": "atanh", "BitwiseNot": "bitwise_not", "Ceil": "ceil",
    "Cos": "cos", "Cosh": "cosh", "Erf": "erf", "Exp": "exp", "Floor": "floor", "Log": "log",
    "Mish": "mish", "Neg": "negate",
    "Reciprocal": "reciprocal", "Round": "round", "Sign": "sign", "Sin": "sin", "Sinh": "sinh",
    "Softplus": "softplus", "Softsign": "softsign", "Sqrt": "sqrt", "Tan": "tan",
}  # fmt: skip
_COMPARISONS = {
    "Equal": "equal", "Greater": "greater", "GreaterOrEqual": "greater_or_equal", "Less": "less",
    "LessOrEqual": "less_or_equal", "And": "logical_and", "Or": "logical_or",
    "Xor": "logical_xor",
}  # fmt: skip
_BITS = {"BitwiseAnd": "bitwise_and", "BitwiseOr": "bitwise_or", "BitwiseXor": "bitwise_xor"}
_OF_MANY = {"Max": "maximum", "Min": "minimum", "Sum": "add"}


def _binary(name: str) -> Rule:
    def rule(b: Builder, call: Call) -> Value:
        first, other = call.input(0), call.input(1)
        if first.positions or other.positions:
            from mnet_cost.importing.mapping.positions import added, multiplied

            made = added(first, other) if name == "add" else None
            made = multiplied(first, other) if name == "multiply" else made
            if made is not None:
                return made
        return binary(b, first, other, name)

    return rule


def _operation(name: str) -> Rule:
    return lambda b, call: operation(b, call.input(0), name)


def _comparison(name: str) -> Rule:
    return lambda b, call: comparison(b, call.input(0), call.input(1), name)


def _of_many(name: str) -> Rule:
    return lambda b, call: fold(lambda x, y: binary(b, x, y, name), tensors(call))


def mean(b: Builder, call: Call) -> Value:
    """Mean of several tensors, element by element."""
    parts = tensors(call)
    total = fold(lambda x, y: binary(b, x, y, "add"), parts)
    return scaled(b, total, 1 / len(parts))


def modulo(b: Builder, call: Call) -> Value:
    """Mod: x - y * floor(x / y); with `fmod` what is left has the sign of x, not of y."""
    x, y = call.input(0), call.input(1)
    if not call.get("fmod", 0):
        return binary(b, x, y, "modulo")
    whole = operation(b, binary(b, x, y, "divide"), "trunc")
    return binary(b, x, binary(b, whole, y, "multiply"), "subtract")


def negation(b: Builder, call: Call) -> Value:
    """Not."""
    return operation(b, call.input(0), "logical_not")._replace(dtype="bool")


def cast(b: Builder, call: Call) -> Value:
    """Cast: another type for the same numbers."""
    return as_type(call.input(0), TENSOR_TYPES.get(call.get("to", 0)))


def cast_like(b: Builder, call: Call) -> Value:
    """CastLike: the type of another tensor."""
    return as_type(call.input(0), call.input(1).dtype)


def as_type(x: Value, dtype: str | None) -> Value:
    """x as a tensor of `dtype`. It makes no layer: kernels convert what they read or write."""
    known = x.known
    if known is not None and dtype is not None:
        known = _converted(known, dtype)
    return x._replace(dtype=dtype, known=known)


def _converted(elements: tuple[Any, ...], dtype: str) -> tuple[Any, ...] | None:
    """Known numbers as `dtype` has them; None where that is not plain."""
    try:
        if dtype.startswith(("int", "uint")):
            return tuple([int(x) if isinstance(x, (float, bool)) else x for x in elements])
        if dtype == "bool":
            return tuple([bool(x) for x in elements])
        if dtype in ("float32", "float64"):
            return tuple([float(x) if isinstance(x, int) else x for x in elements])
    except (ValueError, OverflowError):  # infinity and NaN are no whole numbers
        return None
    return elements if dtype.startswith(("float", "bfloat")) else None


def where(b: Builder, call: Call) -> Value:
    """Where."""
    return select(b, call.input(0), call.input(1), call.input(2))


def is_nan(b: Builder, call: Call) -> Value:
    """IsNaN."""
    return operation(b, call.input(0), "is_nan")._replace(dtype="bool")


def is_infinite(b: Builder, call: Call) -> Value:
    """IsInf: of both signs, or of one, where a number is beyond all others."""
    x = call.input(0)
    below, above = call.get("detect_negative", 1), call.get("detect_positive", 1)
    if below and above:
        return operation(b, x, "is_infinite")._replace(dtype="bool")
    if not below and not above:
        raise Unmapped("looks for infinity of neither sign")
    name = "greater" if above else "less"
    return comparison(b, x, number(LARGEST if above else -LARGEST), name)


def triangle(b: Builder, call: Call) -> Value:
    """Trilu: times a mask of 0 and 1."""
    x = call.input(0)
    mask = constant(b, plain(x.shape[-2:]), x.dtype, None)
    return binary(b, x, mask, "multiply")


def one_hot(b: Builder, call: Call) -> Value:
    """OneHot: whether an index is that of each place of a new axis, then one of two values."""
    indices, depth = call.input(0), call.input(1).number
    if not isinstance(depth, (int, float)) or not 0 < depth <= FEW_WHOLE:
        raise Unmapped("has a depth that is not known, or is large")
    axis = call.get("axis", -1)
    place = axis + indices.rank + 1 if axis < 0 else axis
    if not 0 <= place <= indices.rank:
        raise Unmapped(f"has a new axis {axis} beside {indices.rank}")
    column = b.reshaped(indices, (*indices.shape[:place], 1, *indices.shape[place:]))
    places = Value((int(depth),), "int64", known=tuple(range(int(depth))), static=True)
    places = b.reshaped(places, (int(depth), *[1] * (indices.rank - place)))
    same = comparison(b, column, places, "equal")
    values = call.input(2)
    off, on = (slice_of(b, values, 0, i, i + 1) for i in range(2))
    return select(b, same, on, off)


RULES: Mapping[str, Rule] = {
    **{name: _binary(ours) for name, ours in _BINARY.items()},
    **{name: _binary(ours) for name, ours in _BITS.items()},
    **{name: _operation(ours) for name, ours in _OPERATIONS.items()},
    **{name: _comparison(ours) for name, ours in _COMPARISONS.items()},
    **{name: _of_many(ours) for name, ours in _OF_MANY.items()},
    "Mean": mean,
    "Mod": modulo,
    "Not": negation,
    "Cast": cast,
    "CastLike": cast_like,
    "Where": where,
    "IsNaN": is_nan,
    "IsInf": is_infinite,
    "Trilu": triangle,
    "OneHot": one_hot,
}
