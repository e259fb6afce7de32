"""Operators of ONNX on quantized tensors. They say how numbers are stored, and make no layers.

QuantizeLinear and DequantizeLinear around a layer, and operators with scales of their own, set the
precision of the layer. Scales and zero points are settings. Those of `com.microsoft` are what ONNX
Runtime makes of a quantized model (onnxruntime/docs/ContribOperators.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnet_cost.importing.graph import Quantization
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import binary
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat
from mnet_cost.importing.mapping.onnx import (
    activations,
    arithmetic,
    convolutions,
    pools,
    products,
    shares,
)
from mnet_cost.importing.mapping.reductions import all_axes, reduce
from mnet_cost.importing.mapping.values import Unmapped, Value
from mnet_cost.importing.readers.onnx_messages import TENSOR_TYPES

_CONTRIB = "com.microsoft"


def quantize(b: Builder, call: Call) -> Value:
    """QuantizeLinear: its result is what the layer before it gives."""
    zero = call.optional(2)
    dtype = TENSOR_TYPES.get(call.get("output_dtype", 0)) or (zero.dtype if zero else None)
    return quantized(b, call.input(0), dtype or "uint8", call.get("axis", 1))


def quantized(b: Builder, x: Value, dtype: str, axis: int | None = None) -> Value:
    """x as numbers of `dtype`, which is the precision of the layer that makes it."""
    if x.wire is None and x.stored is not None:
        stored = x.stored._replace(quantization=Quantization(dtype, axis))
        return x._replace(dtype=dtype, stored=stored, known=None)
    b.set_precision(x, dtype)
    return x._replace(dtype=dtype, known=None)


def dequantize(b: Builder, call: Call) -> Value:
    """DequantizeLinear: weights that are stored in few bits count as what they stand for."""
    x = call.input(0)
    scale = call.input(1)
    if x.wire is None and x.stored is not None and x.stored.quantization is None:
        x = quantized(b, x, x.stored.dtype, call.get("axis", 1))
    return x._replace(dtype=scale.dtype or "float32", known=None)


def quantize_by_range(b: Builder, call: Call) -> list[Value]:
    """DynamicQuantizeLinear: the range is that of each example, where a runtime takes the batch."""
    x = call.input(0)
    largest, smallest = (reduce(b, x, name, all_axes(x), keep=True) for name in ("max", "min"))
    span = binary(b, largest, smallest, "subtract")
    span = b.reshaped(span, span.shape[:1] if span.batch_axis is not None else ())
    scale = span._replace(shape=())
    return [quantized(b, x, "uint8"), scale, scale._replace(dtype="uint8")]


def _with_inputs(call: Call, places: tuple[int, ...]) -> Call:
    """The call with the inputs of a plain operator alone."""
    inputs = tuple([call.optional(place) for place in places])
    while inputs and inputs[-1] is None:
        inputs = inputs[:-1]
    return call._replace(inputs=inputs)


def as_plain(rule: Callable[[Builder, Call], Any], *places: int) -> Rule:
    """The rule of an operator that is a plain one on quantized tensors, with its inputs at
    `places` among scales and zero points."""

    def of_quantized(b: Builder, call: Call) -> Value:
        plain = _with_inputs(call, places)
        dtype = plain.input(0).dtype or "uint8"
        inputs = [x if x is None else _weights(b, x) for x in plain.inputs]
        made = rule(b, plain._replace(inputs=tuple(inputs)))
        if not isinstance(made, Value):
            raise Unmapped("gives several tensors")
        return quantized(b, made, dtype)

    return of_quantized


def _weights(b: Builder, x: Value) -> Value:
    """A stored tensor of whole numbers as the weights that it stands for."""
    if x.wire is None and x.stored is not None and x.stored.quantization is None:
        return quantized(b, x, x.stored.dtype)
    return x


def join(b: Builder, call: Call) -> Value:
    """QLinearConcat: scale and zero point of the result, then each tensor with its own."""
    parts = [call.input(place) for place in range(2, len(call.inputs), 3)]
    return quantized(b, concat(b, parts, call.get("axis", 0)), parts[0].dtype or "uint8")


def _contrib(names: Mapping[str, Rule]) -> dict[str, Rule]:
    return {f"{_CONTRIB}.{name}": rule for name, rule in names.items()}


RULES: Mapping[str, Rule] = {
    "QuantizeLinear": quantize,
    "DequantizeLinear": dequantize,
    "DynamicQuantizeLinear": quantize_by_range,
    "QLinearConv": as_plain(convolutions.conv, 0, 3, 8),
    "QLinearMatMul": as_plain(products.mat_mul, 0, 3),
    "ConvInteger": as_plain(convolutions.conv, 0, 1),
    "MatMulInteger": as_plain(products.mat_mul, 0, 1),
    **_contrib(
        {
            "QuantizeLinear": quantize,
            "DequantizeLinear": dequantize,
            "QLinearAdd": as_plain(arithmetic.RULES["Add"], 0, 3),
            "QLinearMul": as_plain(arithmetic.RULES["Mul"], 0, 3),
            "QLinearSigmoid": as_plain(activations.RULES["Sigmoid"], 0),
            "QLinearLeakyRelu": as_plain(activations.RULES["LeakyRelu"], 0),
            "QLinearSoftmax": as_plain(shares.RULES["Softmax"], 0),
            "QLinearAveragePool": as_plain(pools.RULES["AveragePool"], 0),
            "QLinearGlobalAveragePool": as_plain(pools.RULES["GlobalAveragePool"], 0),
            "QLinearConcat": join,
            "QGemm": as_plain(products.RULES["Gemm"], 0, 3, 6),
        }
    ),
}
