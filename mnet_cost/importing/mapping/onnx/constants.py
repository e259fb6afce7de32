"""Operators of ONNX that make tensors of nothing but numbers: constants, ranges, windows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mnet_cost.importing.graph import FEW, FEW_WHOLE, Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.onnx.reading import sizes_of, stored
from mnet_cost.importing.mapping.positions import Positions
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value, own_shape
from mnet_cost.importing.readers.onnx_messages import TENSOR_TYPES
from mnet_cost.tensors import product


def constant(b: Builder, call: Call) -> Value:
    """Constant: a tensor, a number or a list of numbers."""
    value = call.get("value", call.get("sparse_value"))
    if isinstance(value, Value) and value.stored is not None:
        name = call.node.outputs[0]
        return value._replace(stored=value.stored._replace(name=name, trained=False))
    for name, dtype in (("float", "float32"), ("int", "int64"), ("string", "string")):
        if f"value_{name}" in call.arguments:
            return Value((), dtype, known=(call.get(f"value_{name}"),), static=True)
        if f"value_{name}s" in call.arguments:
            numbers = tuple(call.get(f"value_{name}s"))
            return Value((len(numbers),), dtype, known=numbers, static=True)
    raise Unmapped("has no value")


def filled(b: Builder, call: Call) -> Value:
    """ConstantOfShape."""
    sizes = sizes_of(call.input(0))
    value = call.get("value")
    if value is not None and not isinstance(value, Value):
        raise Unmapped("has a value that is no tensor")
    number = 0.0 if value is None else value.number
    dtype = "float32" if value is None else value.dtype
    return made(call, sizes, dtype, number)


def made(call: Call, sizes: tuple[Dim, ...], dtype: str | None, number: Any) -> Value:
    """A tensor in which all elements are `number`: known where they are few."""
    if any(isinstance(size, int) and size < 0 for size in sizes):
        raise Unmapped("has a negative size")
    if all(isinstance(size, int) for size in sizes) and number is not None:
        count = product(tuple(sizes))
        if count <= (FEW if isinstance(number, float) else FEW_WHOLE):
            return Value(tuple(sizes), dtype, known=(number,) * count, static=True)
    if 0 in own_shape(sizes):
        raise Unmapped("has no elements")
    return stored(call, tuple(sizes), dtype)


def numbers_between(b: Builder, call: Call) -> Value:
    """Range: from `start` to before `limit` in steps of `delta`."""
    first, limit, step = (call.input(number).number for number in range(3))
    if first is None or limit is None or not step:
        raise Unmapped("has bounds that are not known")
    if isinstance(limit, Batch) and type(first) is int and step == 1:
        made = Positions(first, (1,))
        return Value((limit,), call.input(0).dtype, static=True, positions=made)
    if not all(isinstance(x, (int, float)) and math.isfinite(x) for x in (first, limit, step)):
        raise Unmapped("counts examples, or has no end")
    count = max(0, math.ceil((limit - first) / step))
    dtype = call.input(0).dtype
    if count <= FEW_WHOLE:
        known = tuple([first + step * i for i in range(count)])
        return Value((count,), dtype, known=known, static=True)
    return stored(call, (count,), dtype)


def same_shape(number: float) -> Rule:
    """The rule of an operator that fills the shape of its input."""

    def rule(b: Builder, call: Call) -> Value:
        x = call.input(0)
        dtype = TENSOR_TYPES.get(call.get("dtype", 0), x.dtype)
        return made(call, x.shape, dtype, number if x.rank == 0 else None)

    return rule


def window(b: Builder, call: Call) -> Value:
    """HannWindow, HammingWindow, BlackmanWindow."""
    size = call.input(0).number
    if not isinstance(size, int) or size < 1:
        raise Unmapped("has a size that is not known")
    return stored(call, (size,), TENSOR_TYPES[call.get("output_datatype", 1)])


def mel_weights(b: Builder, call: Call) -> Value:
    """MelWeightMatrix: [bins of the spectrum, mel bins]."""
    mel_bins, length = (call.input(number).number for number in range(2))
    if not isinstance(mel_bins, int) or not isinstance(length, int):
        raise Unmapped("has sizes that are not known")
    return stored(call, (length // 2 + 1, mel_bins), TENSOR_TYPES[call.get("output_datatype", 1)])


RULES: Mapping[str, Rule] = {
    "Constant": constant,
    "ConstantOfShape": filled,
    "Range": numbers_between,
    "EyeLike": same_shape(1),
    "HannWindow": window,
    "HammingWindow": window,
    "BlackmanWindow": window,
    "MelWeightMatrix": mel_weights,
}
