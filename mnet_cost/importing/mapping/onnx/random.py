"""Operators of ONNX that make random numbers.

They are as a stored tensor: what it takes to make them depends on the generator, which no file
says. A note says so where one is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import comparison
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.stored import constant
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value
from mnet_cost.importing.readers.onnx_messages import TENSOR_TYPES


def _numbers(b: Builder, call: Call, shape: Sequence[Dim], dtype: str | None) -> Value:
    if any(isinstance(size, int) and size < 1 for size in shape):
        raise Unmapped("has a size that is not above 0")
    b.notes[f"random numbers ({call.node.operator}) count as a stored tensor"] = None
    return constant(b, shape, TENSOR_TYPES.get(call.get("dtype", 0), dtype), None)


def of_shape(b: Builder, call: Call) -> Value:
    """RandomNormal, RandomUniform: of the stated shape."""
    return _numbers(b, call, call.get("shape", ()), "float32")


def like(b: Builder, call: Call) -> Value:
    """RandomNormalLike, RandomUniformLike: of the shape of the input."""
    x = call.input(0)
    return _numbers(b, call, x.shape, x.dtype)


def bernoulli(b: Builder, call: Call) -> Value:
    """Bernoulli: 1 where a random number is below that of the input."""
    x = call.input(0)
    numbers = _numbers(b, call, x.shape, x.dtype)
    dtype = TENSOR_TYPES.get(call.get("dtype", 0), x.dtype)
    return comparison(b, numbers, x, "less")._replace(dtype=dtype)


RULES: Mapping[str, Rule] = {
    "RandomNormal": of_shape,
    "RandomUniform": of_shape,
    "RandomNormalLike": like,
    "RandomUniformLike": like,
    "Bernoulli": bernoulli,
}
