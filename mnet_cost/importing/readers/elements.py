"""Elements of stored tensors, from the bytes that hold them: numbers of every type of ONNX.

Types are called as ONNX calls them, and bytes are in its order: little-endian, and of numbers
smaller than a byte the first one is in the low bits. Small floats are from the ONNX documentation
("Float stored in 8 bits", "Float stored in 4 bits"; arXiv:2209.05433, arXiv:2206.02915).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from mnet_cost.tensors import product


class SmallFloat(NamedTuple):
    """A float of at most a byte: a sign, where it has one, exponent and mantissa."""

    exponent: int
    """Bits."""
    mantissa: int
    """Bits."""
    bias: int
    is_signed: bool = True
    has_infinity: bool = False
    """Whether the largest exponent is for infinity and NaN, as in IEEE 754."""
    nan: tuple[int, ...] = ()
    """The codes of NaN, where that is not so."""

    def value(self, code: int) -> float:
        """The number that the bits `code` stand for."""
        if code in self.nan:
            return math.nan
        fraction = code & ((1 << self.mantissa) - 1)
        exponent = code >> self.mantissa & ((1 << self.exponent) - 1)
        sign = -1.0 if self.is_signed and code >> (self.mantissa + self.exponent) else 1.0
        if self.has_infinity and exponent == (1 << self.exponent) - 1:
            return math.nan if fraction else sign * math.inf
        if exponent or not self.mantissa:  # else it is subnormal
            fraction += 1 << self.mantissa
        return sign * math.ldexp(
            fraction, max(exponent, bool(self.mantissa)) - self.bias - self.mantissa
        )


_CODES = {
    "float32": "f", "float64": "d", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H",
    "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "bool": "?", "float16": "e",
}  # fmt: skip
"""Letters of the module `struct`."""
_SMALL_FLOATS = {
    "float8e4m3fn": SmallFloat(4, 3, 7, nan=(0x7F, 0xFF)),
    "float8e4m3fnuz": SmallFloat(4, 3, 8, nan=(0x80,)),
    "float8e5m2": SmallFloat(5, 2, 15, has_infinity=True),
    "float8e5m2fnuz": SmallFloat(5, 2, 16, nan=(0x80,)),
    "float8e8m0": SmallFloat(8, 0, 127, is_signed=False, nan=(0xFF,)),
    "float4e2m1": SmallFloat(2, 1, 1),
}
_BITS = {
    "float32": 32, "float64": 64, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16, "int32": 32,
    "uint32": 32, "int64": 64, "uint64": 64, "bool": 8, "float16": 16, "bfloat16": 16,
    "complex64": 64, "complex128": 128, "float8e4m3fn": 8, "float8e4m3fnuz": 8, "float8e5m2": 8,
    "float8e5m2fnuz": 8, "float8e8m0": 8, "float4e2m1": 4, "int4": 4, "uint4": 4, "int2": 2,
    "uint2": 2,
}  # fmt: skip


def size_bytes(dtype: str, shape: tuple[int, ...]) -> int | None:
    """Bytes of a tensor; None for strings, which have no fixed size."""
    bits = _BITS.get(dtype)
    return None if bits is None else -(-bits * product(shape) // 8)


def from_bytes(dtype: str, data: memoryview, count: int) -> tuple[Any, ...]:
    """The first `count` elements of `data`, which holds at least so many; not for strings."""
    if code := _CODES.get(dtype):
        return struct.unpack_from(f"<{count}{code}", data)
    if dtype == "bfloat16":
        return tuple(map(_bfloat16, struct.unpack_from(f"<{count}H", data)))
    if dtype in ("complex64", "complex128"):
        parts = struct.unpack_from(f"<{2 * count}{'f' if dtype == 'complex64' else 'd'}", data)
        return tuple(map(complex, parts[::2], parts[1::2]))
    bits = _BITS[dtype]
    mask, in_byte = (1 << bits) - 1, 8 // bits
    codes = [data[number // in_byte] >> number % in_byte * bits & mask for number in range(count)]
    if small := _SMALL_FLOATS.get(dtype):
        return tuple(map(small.value, codes))
    if dtype.startswith("u"):
        return tuple(codes)
    return tuple(code - (1 << bits) if code >> (bits - 1) else code for code in codes)


def from_codes(dtype: str, codes: Sequence[int], count: int) -> tuple[Any, ...]:
    """`count` elements of a type of at most 32 bits, from numbers that hold the bits of an element
    each, or of all in a byte where elements are smaller; none where there are not as many."""
    width = max(1, _BITS[dtype] // 8)
    if len(codes) * width != size_bytes(dtype, (count,)):
        return ()
    mask = (1 << 8 * width) - 1
    data = b"".join((code & mask).to_bytes(width, "little") for code in codes)
    return from_bytes(dtype, memoryview(data), count)


def _bfloat16(code: int) -> float:
    (value,) = struct.unpack("<f", struct.pack("<I", code << 16))
    return float(value)
