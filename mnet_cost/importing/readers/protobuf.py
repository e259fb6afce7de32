"""Reads messages of protocol buffers, by tables that say which fields are wanted.

The wire format (protobuf.dev/programming-guides/encoding) is a list of numbered values, so a
reader that skips what it does not want is small. Nothing is copied: bytes stay views of the file,
which may be mapped into memory. A file can hold anything, so sizes are checked before they are
believed, and the number of values and the nesting are bounded. What a message means is not known
here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_VALUES = 10_000_000
"""Most values in one file, those that are skipped too; a message counts as `_MESSAGE` of them."""
MAX_DEPTH = 32
"""How deep messages may be nested."""
_MESSAGE = 8  # the memory that a message takes, in that of numbers


class WireError(ValueError):
    """Bytes that are no message of the expected kind; says at which byte of the file."""


class Field(NamedTuple):
    """A wanted field of a message."""

    name: str
    type: str
    """`int` (signed), `float`, `double`, `text`, `bytes`, or the name of a message."""
    repeated: bool = False
    first: int | None = None
    """How many of its values are wanted: those behind the first ones are skipped. None is all."""


Message = Mapping[int, Field]
"""The wanted fields by their numbers."""

_FIXED = {1: 8, 5: 4}
_NUMBERS = {"float": ("<f", 5), "double": ("<d", 1)}


class Reader:
    """Decodes messages of `messages` in `data`."""

    def __init__(self, data: memoryview, messages: Mapping[str, Message]) -> None:
        self._data = data
        self._messages = messages
        self._left = MAX_VALUES
        self._lists: dict[str, list[str]] = {}
        """Names of the repeated fields of each message."""

    def message(self, name: str) -> dict[str, Any]:
        """The whole data as a message `name`: what is wanted of it, by name.

        A repeated field is a list, empty where there is none; any other field is its last value,
        and is left out where there is none. Raises `WireError`.
        """
        return self._message(name, 0, len(self._data), 0)

    def _message(self, kind: str, start: int, end: int, depth: int) -> dict[str, Any]:
        if depth > MAX_DEPTH:
            raise WireError(f"messages are nested more than {MAX_DEPTH} deep at byte {start:,}")
        data, messages = self._data, self._messages
        wanted = messages[kind]
        lists = self._lists.get(kind)
        if lists is None:
            lists = self._lists[kind] = [x.name for x in wanted.values() if x.repeated]
        result: dict[str, Any] = {field: [] for field in lists}
        value: Any = None
        values = self._left - _MESSAGE
        position = start
        while position < end:
            values -= 1
            if values < 0:
                raise _too_many()
            place = position
            key = data[position]
            position += 1
            if key >= 0x80:  # most numbers are one byte
                key, position = self._varint(place, end)
            number, wire = key >> 3, key & 7
            if not number:
                raise WireError(f"a field without a number at byte {place:,}")
            first = position
            if wire == 2:
                size = data[position] if position < end else 0x80
                if size < 0x80:
                    first = position + 1
                else:
                    size, first = self._varint(position, end)
                position = first + size
            elif wire == 0:
                value = data[position] if position < end else 0x80
                if value < 0x80:
                    position += 1
                else:
                    value, position = self._varint(position, end)
            elif wire in _FIXED:
                position += _FIXED[wire]
            else:
                raise WireError(f"wire type {wire} at byte {place:,}")
            if position > end:
                raise WireError(f"a field at byte {place:,} goes on behind its message")
            field = wanted.get(number)
            if field is None:
                continue
            name, type_, repeated, most = field
            if most is not None:
                most -= len(result[name])
                if most <= 0:
                    continue
            if wire == 2:
                if type_ == "text":
                    value = _text(data[first:position], name, first)
                elif type_ == "bytes":
                    value = data[first:position]
                else:
                    self._left = values
                    if type_ in messages:
                        value = self._message(type_, first, position, depth + 1)
                        values = self._left
                    else:
                        numbers = self._packed(field, first, position, most)
                        values = self._left
                        result[name].extend(numbers)
                        continue
            elif wire == 0:
                if type_ != "int":
                    raise WireError(f"a number in the place of `{name}` at byte {place:,}")
                value = _signed(value)
            else:
                value = self._fixed(field, first, wire)
            if repeated:
                result[name].append(value)
            else:
                result[name] = value
        if values < 0:
            raise _too_many()
        self._left = values
        return result

    def _count(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise _too_many()

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        """(the number at `position`, the position behind it)."""
        data = self._data
        value = shift = 0
        while position < end:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, position
            shift += 7
            if shift > 63:
                raise WireError(f"a number of more than ten bytes before byte {position:,}")
        raise WireError(f"the file ends within a number at byte {end:,}")

    def _packed(self, field: Field, first: int, last: int, most: int | None) -> list[Any]:
        """Numbers one after the other, the first `most` of them."""
        if not field.repeated:
            raise WireError(f"a list in the place of `{field.name}` at byte {first:,}")
        if field.type == "int":
            values: list[Any] = []
            while first < last and len(values) != most:
                self._count(1)
                value, first = self._varint(first, last)
                values.append(_signed(value))
            return values
        code, wire = _NUMBERS[field.type]
        size = _FIXED[wire]
        if (last - first) % size:
            raise WireError(f"`{field.name}` at byte {first:,} ends within a number")
        if most is not None:
            last = min(last, first + most * size)
        self._count((last - first) // size)
        return [value for (value,) in struct.iter_unpack(code, self._data[first:last])]

    def _fixed(self, field: Field, first: int, wire: int) -> Any:
        code, expected = _NUMBERS.get(field.type, ("", 0))
        if wire != expected:
            raise WireError(
                f"{_FIXED[wire]} bytes in the place of `{field.name}` at byte {first:,}"
            )
        return struct.unpack_from(code, self._data, first)[0]


def _text(part: memoryview, name: str, first: int) -> str:
    try:
        return str(part, "utf-8")
    except UnicodeDecodeError:
        raise WireError(f"`{name}` at byte {first:,} is no text") from None


def _too_many() -> WireError:
    return WireError(f"more than {MAX_VALUES:,} values")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
