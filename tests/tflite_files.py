"""Writes small TFLite files, table by table, for tests of the reader.

Contents of tensors are zeros unless values are given. Offsets lead from a table to what was written
behind it, as the format wants. Slots are those of schema.fbs; options of operators are taken from
the table of the reader, whose slots are tested against a file of bytes that is written by hand.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.importing.readers.tflite_schema import BUILTINS, NAMES, OPTIONS, TENSOR_TYPES

_CODES = {
    "int8": "b", "uint8": "B", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
    "float": "f", "bool": "?",
}  # fmt: skip
_FORMATS = {"float32": "f", "int32": "i", "int64": "q", "int8": "b", "uint8": "B", "float16": "e",
            "bool": "?"}  # fmt: skip


class Number(NamedTuple):
    """A number in a table."""

    type: str
    value: float


class Numbers(NamedTuple):
    """A list of numbers."""

    type: str
    values: Sequence[float]


Table = Mapping[int, Any]
"""Fields by their slots: `Number`, `Numbers`, `str`, `bytes`, a table, or a list of tables."""


class T(NamedTuple):
    """A tensor."""

    name: str
    shape: Sequence[int]
    dtype: str = "float32"
    data: Sequence[float] | bool = False
    """Its elements, where they are stored; True for zeros."""
    signature: Sequence[int] = ()
    scales: int = 0
    """How many scales it is quantized with."""
    axis: int = 0
    """The axis of the scales."""


class Op(NamedTuple):
    """An operator. A name that is not builtin is that of a custom one."""

    operator: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    options: Mapping[str, Any] = {}


def tflite_file(
    tensors: Sequence[T],
    operators: Sequence[Op],
    inputs: Sequence[str] = ("x",),
    outputs: Sequence[str] = ("y",),
    description: str = "written for a test",
) -> bytes:
    """The bytes of a model of one graph."""
    numbers = {tensor.name: i for i, tensor in enumerate(tensors)}
    numbers[""] = -1
    codes = list(dict.fromkeys(op.operator for op in operators))
    buffers: list[Table] = [{}]
    written = []
    for tensor in tensors:
        stored = tensor.data is not False
        written.append(_tensor(tensor, len(buffers) if stored else 0))
        if stored:
            buffers.append({0: _contents(tensor)})
    subgraph = {
        0: written,
        1: Numbers("int32", [numbers[name] for name in inputs]),
        2: Numbers("int32", [numbers[name] for name in outputs]),
        3: [_operator(op, codes.index(op.operator), numbers) for op in operators],
    }
    return encoded(
        {
            0: Number("uint32", 3),
            1: [_code(code) for code in codes],
            2: [subgraph],
            3: description,
            4: buffers,
        }
    )


def _contents(tensor: T) -> bytes:
    count = 1
    for size in tensor.shape:
        count *= size
    values = tensor.data if not isinstance(tensor.data, bool) else [0] * count
    return struct.pack(f"<{len(values)}{_FORMATS[tensor.dtype]}", *values)


def _tensor(tensor: T, buffer: int) -> Table:
    table: dict[int, Any] = {
        0: Numbers("int32", tensor.shape),
        1: Number("int8", TENSOR_TYPES.index(tensor.dtype)),
        2: Number("uint32", buffer),
        3: tensor.name,
    }
    if tensor.scales:
        scales = Numbers("float", [0.5] * tensor.scales)
        zeros = Numbers("int64", [0] * tensor.scales)
        table[4] = {2: scales, 3: zeros, 6: Number("int32", tensor.axis)}
    if tensor.signature:
        table[7] = Numbers("int32", tensor.signature)
    return table


def _code(operator: str) -> Table:
    if operator not in BUILTINS:
        return {0: Number("int8", 32), 1: operator, 3: Number("int32", 32)}
    number = BUILTINS.index(operator)
    return {0: Number("int8", min(number, 127)), 3: Number("int32", number)}


def _operator(op: Op, code: int, numbers: Mapping[str, int]) -> Table:
    table: dict[int, Any] = {
        0: Number("uint32", code),
        1: Numbers("int32", [numbers[name] for name in op.inputs]),
        2: Numbers("int32", [numbers[name] for name in op.outputs]),
    }
    if op.options:
        options = OPTIONS[op.operator]
        fields: dict[int, Any] = {}
        for slot, field in options.fields.items():
            if field.name in op.options:
                value = op.options[field.name]
                if field.name in NAMES:
                    value = NAMES[field.name].index(value)
                kind = Numbers if field.repeated else Number
                fields[slot] = kind(field.type, value)
        assert len(fields) == len(op.options), f"{op.operator} has no such options: {op.options}"
        table[3] = Number("uint8", options.number)
        table[4] = fields
    return table


def encoded(root: Table, identifier: bytes = b"TFL3") -> bytes:
    """The bytes of a table and all that it holds."""
    file = bytearray(4) + identifier
    struct.pack_into("<I", file, 0, _write_table(file, root))
    return bytes(file)


def _write_table(file: bytearray, table: Table) -> int:
    """Where the table begins."""
    places, size = {}, 4
    for slot, value in table.items():
        width = struct.calcsize(f"<{_CODES[value.type]}") if isinstance(value, Number) else 4
        size = -(-size // width) * width
        places[slot] = size
        size += width
    slots = max(table, default=-1) + 1
    _align(file, 4)
    listed = len(file)
    file += struct.pack("<HH", 4 + 2 * slots, size)
    file += struct.pack(f"<{slots}H", *[places.get(slot, 0) for slot in range(slots)])
    _align(file, 8)
    begin = len(file)
    file += struct.pack("<i", begin - listed) + bytes(size - 4)
    for slot, value in table.items():
        place = begin + places[slot]
        if isinstance(value, Number):
            struct.pack_into(f"<{_CODES[value.type]}", file, place, value.value)
        else:
            struct.pack_into("<I", file, place, _write(file, value) - place)
    return begin


def _write(file: bytearray, value: Any) -> int:
    """Where a table, a list, text or bytes begin."""
    if isinstance(value, Mapping):
        return _write_table(file, value)
    _align(file, 4)
    begin = len(file)
    if isinstance(value, str):
        value = value.encode()
        file += struct.pack("<I", len(value)) + value + b"\0"
    elif isinstance(value, bytes):
        file += struct.pack("<I", len(value)) + value
    elif isinstance(value, Numbers):
        if value.type in ("int64", "uint64"):
            file += bytes(4)
            begin += 4
        file += struct.pack(f"<I{len(value.values)}{_CODES[value.type]}", len(value.values),
                            *value.values)  # fmt: skip
    else:
        file += struct.pack("<I", len(value)) + bytes(4 * len(value))
        written: dict[int, int] = {}  # a table that is in the list twice is one table
        for i, element in enumerate(value):
            if id(element) not in written:
                written[id(element)] = _write(file, element)
            place = begin + 4 + 4 * i
            struct.pack_into("<I", file, place, written[id(element)] - place)
    return begin


def _align(file: bytearray, width: int) -> None:
    file += bytes(-len(file) % width)
