"""Layers of ncnn that calculate each element by itself, and reductions."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping import activations
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import binary, function, operation
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.ncnn.layers import hard_sigmoid, hard_swish, per_channel
from mnet_cost.importing.mapping.ncnn.parameters import axis_of, numbers, parameter, real, whole
from mnet_cost.importing.mapping.reductions import reduce
from mnet_cost.importing.mapping.values import Unmapped, Value

_UNARY = {
    0: "absolute", 1: "negate", 2: "floor", 3: "ceil", 4: "square", 5: "sqrt", 6: "rsqrt",
    7: "exp", 8: "log", 9: "sin", 10: "cos", 15: "reciprocal", 18: "round",
}  # fmt: skip
_TANH = 16
_BINARY = {
    0: "add", 1: "subtract", 2: "multiply", 3: "divide", 4: "maximum", 5: "minimum", 6: "power",
}  # fmt: skip
_REVERSED = {7: "subtract", 8: "divide", 9: "power"}
_ELTWISE = {0: "multiply", 1: "add", 2: "maximum"}
_REDUCTIONS = {0: "sum", 3: "mean", 4: "max", 5: "min", 6: "product", 8: "norm"}


def binary_op(b: Builder, call: Call) -> Value:
    """BinaryOp: of two blobs, or of a blob and a number."""
    kind = whole(call, 0, 0)
    name = _BINARY.get(kind) or _REVERSED.get(kind)
    if name is None:
        raise Unmapped(f"has operation {kind}")
    if parameter(call, 1, 0):
        first, second = call.input(0), Value((), "float32", known=(real(call, 2, 0.0),))
    else:
        first, second = _of_one_rank(b, call.input(0), call.input(1))
    if kind in _REVERSED:
        first, second = second, first
    return binary(b, first, second, name)


def _of_one_rank(b: Builder, first: Value, second: Value) -> tuple[Value, Value]:
    """Two blobs that are broadcast: one of fewer axes is along the last ones where sizes are equal,
    else along the first ones."""
    if first.rank < second.rank:
        return _of_rank(b, first, second), second
    if second.rank < first.rank:
        return first, _of_rank(b, second, first)
    return first, second


def _of_rank(b: Builder, small: Value, large: Value) -> Value:
    own = small.shape[1:] if small.batch_axis == 0 else small.shape
    if own[-1:] in (large.shape[-1:], (1,)):
        lead = small.shape[: small.rank - len(own)]
        return b.reshaped(small, (*lead, *[1] * (large.rank - 1 - len(own)), *own))
    return per_channel(b, small, large)


def eltwise(b: Builder, call: Call) -> Value:
    """Eltwise: a product, a sum or the largest of several blobs."""
    name = _ELTWISE.get(whole(call, 0, 0))
    if name is None or parameter(call, 1):
        raise Unmapped("has an operation that is not known, or coefficients")
    result = call.input(0)
    for number in range(1, len(call.inputs)):
        result = binary(b, result, call.input(number), name)
    return result


def unary_op(b: Builder, call: Call) -> Value:
    """UnaryOp."""
    kind = whole(call, 0, 0)
    if kind == _TANH:
        return function(b, call.input(0), "tanh")
    if kind not in _UNARY:
        raise Unmapped(f"has operation {kind}")
    return operation(b, call.input(0), _UNARY[kind])


def relu(b: Builder, call: Call) -> Value:
    """ReLU, with a slope below 0 or without."""
    slope = real(call, 0, 0.0)
    x = call.input(0)
    return activations.leaky_relu(b, x, slope) if slope else activations.clamp(b, x, 0, None)


def reduction(b: Builder, call: Call) -> Value:
    """Reduction over some axes, or all."""
    x = call.input(0)
    name = _REDUCTIONS.get(whole(call, 0, 0))
    if name is None:
        raise Unmapped(f"has operation {parameter(call, 0)}")
    given = None if parameter(call, 1, 1) else numbers(call, 3)
    axes = range(1, x.rank) if given is None else [axis_of(x, axis) for axis in given]
    result = reduce(b, x, name, list(axes), keep=bool(parameter(call, 4, 0)))
    if (factor := real(call, 2, 1.0)) != 1:
        result = operation(b, result, "multiply", number=factor)
    return result


def gelu(b: Builder, call: Call) -> Value:
    """GELU: fast is by tanh."""
    return activations.gelu(b, call.input(0), "tanh" if parameter(call, 0, 0) else "none")


def _kind(kind: str) -> Rule:
    return lambda b, call: function(b, call.input(0), kind)


def _operation(name: str) -> Rule:
    return lambda b, call: operation(b, call.input(0), name)


RULES: Mapping[str, Rule] = {
    "BinaryOp": binary_op,
    "Eltwise": eltwise,
    "UnaryOp": unary_op,
    "ReLU": relu,
    "Reduction": reduction,
    "GELU": gelu,
    "Clip": lambda b, call: activations.clamp(
        b, call.input(0), real(call, 0, -3.4e38), real(call, 1, 3.4e38)
    ),
    "HardSigmoid": lambda b, call: hard_sigmoid(
        b, call.input(0), real(call, 0, 0.2), real(call, 1, 0.5)
    ),
    "HardSwish": lambda b, call: hard_swish(
        b, call.input(0), real(call, 0, 0.2), real(call, 1, 0.5)
    ),
    "ELU": lambda b, call: activations.elu(b, call.input(0), real(call, 0, 0.1)),
    "Sigmoid": _kind("sigmoid"),
    "TanH": _kind("tanh"),
    "Swish": _kind("silu"),
    "Mish": _operation("mish"),
    "Softplus": _operation("softplus"),
    "SELU": _operation("selu"),
    "Exp": _operation("exp"),
    "Log": _operation("log"),
    "AbsVal": _operation("absolute"),
}
