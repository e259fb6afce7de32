"""Reads tables of FlatBuffers, by a description of the fields that are wanted.

The format (flatbuffers.dev/internals) is a web of offsets: a table says where its list of fields
is, and that list where in the table each field is. A file can hold anything, so every offset is
checked before it is followed, each table is read once however many offsets lead to it, and the
number of values is bounded. Large contents stay views of the file, which may be mapped into memory.
What a table means is not known here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_VALUES = 10_000_000
"""Most values in one file: an operator has about sixty, with its tensors."""
_BYTES_PER_VALUE = 64
"""So many bytes of text are as much work as one value."""


class FlatBufferError(ValueError):
    """Bytes that are no table of the expected kind; says at which byte of the file."""


class Field(NamedTuple):
    """A wanted field of a table."""

    name: str
    type: str
    """A number (`int8`, `uint8`, `uint16`, `int32`, `uint32`, `int64`, `uint64`, `float`); `bool`;
    `text`; the name of a table; `bytes`, a view of them; `place`, where a table of a kind that
    another field tells begins."""
    default: Any = None
    """Of a number that the file leaves out, as its schema says."""
    repeated: bool = False


Table = Mapping[int, Field]
"""The wanted fields by their slots: their places in the schema, from 0."""

_CODES = {
    "int8": "b", "uint8": "B", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q",
    "uint64": "Q", "float": "f", "bool": "?",
}  # fmt: skip
_NUMBERS = {name: struct.Struct(f"<{code}") for name, code in _CODES.items()}
_SIZES = {name: number.size for name, number in _NUMBERS.items()}
_I32, _U32, _U16 = _NUMBERS["int32"], _NUMBERS["uint32"], _NUMBERS["uint16"]
_U16_PAIR = struct.Struct("<HH")


class Reader:
    """Reads tables of `tables` in `data`."""

    def __init__(self, data: memoryview, tables: Mapping[str, Table]) -> None:
        self._data = data
        self._size = len(data)
        self._tables = tables
        self._left = MAX_VALUES
        self._read: dict[tuple[str, int], Any] = {}

    def root(self, name: str) -> dict[str, Any]:
        """The table `name` that the whole data is. Raises `FlatBufferError`."""
        return self.table(name, self._target(0))

    def table(self, name: str, place: int) -> dict[str, Any]:
        """The table `name` that begins at a byte: what is wanted of it, by name.

        What the file leaves out is its default, an empty list, or None. The result is shared with
        whoever asks for the same table again. Raises `FlatBufferError`.
        """
        known: dict[str, Any] | None = self._read.get((name, place))
        if known is None:
            known = self._read[name, place] = self._table(name, place)
        return known

    def _table(self, name: str, place: int) -> dict[str, Any]:
        wanted = self._tables[name]
        self._charge(2 + len(wanted), place)
        self._within(place, 4, f"the table `{name}`")
        listed = place - _I32.unpack_from(self._data, place)[0]
        self._within(listed, 4, f"the fields of `{name}`")
        size, width = _U16_PAIR.unpack_from(self._data, listed)
        self._within(place, width, f"the table `{name}`")
        self._within(listed, size, f"the fields of `{name}`")
        slots = max(0, (size - 4) // 2)
        result = {}
        for slot, field in wanted.items():
            offset = _U16.unpack_from(self._data, listed + 4 + 2 * slot)[0] if slot < slots else 0
            if offset:
                needs = 4 if field.repeated else _SIZES.get(field.type, 4)
                if offset + needs > width:
                    raise FlatBufferError(
                        f"`{field.name}` is outside of its table at byte {place:,}"
                    )
                result[field.name] = self._field(field, place + offset)
            else:
                result[field.name] = () if field.repeated else field.default
        return result

    def _field(self, field: Field, place: int) -> Any:
        if not field.repeated and field.type in _NUMBERS:
            return _NUMBERS[field.type].unpack_from(self._data, place)[0]
        target = self._target(place)
        if field.type == "place":
            return target
        if not field.repeated and field.type in self._tables:
            return self.table(field.type, target)
        kind = f"{field.type}{'s' if field.repeated else ''}"
        known = self._read.get((kind, target))
        if known is None:
            known = self._read[kind, target] = self._vector(field, target)
        return known

    def _vector(self, field: Field, place: int) -> Any:
        """What begins with a number of elements: a list, text or bytes."""
        self._within(place, 4, f"`{field.name}`")
        count: int = _U32.unpack_from(self._data, place)[0]
        first = place + 4
        size = _SIZES.get(field.type, 4) if field.repeated else 1
        self._within(first, count * size, f"`{field.name}`")
        if field.type == "bytes":
            return self._data[first : first + count]
        if field.type == "text":
            self._charge(count // _BYTES_PER_VALUE, place)
            try:
                return str(self._data[first : first + count], "utf-8")
            except UnicodeDecodeError:
                raise FlatBufferError(f"`{field.name}` at byte {place:,} is no text") from None
        self._charge(count, place)
        if field.type in _NUMBERS:
            return struct.unpack_from(f"<{count}{_CODES[field.type]}", self._data, first)
        places = range(first, first + 4 * count, 4)
        return [self.table(field.type, self._target(element)) for element in places]

    def _target(self, place: int) -> int:
        """Where the offset at `place` leads to; whether that is in the file is not checked."""
        self._within(place, 4, "an offset")
        offset: int = _U32.unpack_from(self._data, place)[0]
        return place + offset

    def _within(self, place: int, size: int, what: str) -> None:
        """Raise `FlatBufferError` where not all `size` bytes are in the file."""
        if place < 0 or place + size > self._size:
            raise FlatBufferError(f"{what} at byte {place:,} is outside of the file")

    def _charge(self, values: int, place: int) -> None:
        self._left -= values
        if self._left < 0:
            raise FlatBufferError(f"more than {MAX_VALUES:,} values before byte {place:,}")
