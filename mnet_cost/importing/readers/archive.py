"""Members of zip archives that anybody may have written: `.pt2` and `.keras` files.

Nothing is unpacked to disk, so names of members lead nowhere. How much is read is bounded by what
the reader asks for, whatever the archive says of itself. Not here: what the members mean.
"""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO

MAX_DIRECTORY_BYTES = 16 << 20
"""The largest list of members: of some 150,000, as many as the parameters of the largest models."""
MAX_JSON_BYTES = 256 << 20
"""The largest text that is read: a program of 100,000 nodes has about as much."""
MAX_JSON_VALUES = 8_000_000
"""Most values in one, which take some 100 bytes each in memory: a node has about 40."""

_END = b"PK\x05\x06"
_END_BYTES = 22
_LARGE_END = b"PK\x06\x06"
_LARGE_END_BYTES = 56
_LONGEST_COMMENT = 1 << 16


class ArchiveError(ValueError):
    """An archive that cannot be read; the message goes on after the name of the file."""


class Archive:
    """An open zip archive. Raises `ArchiveError` for a file that is none."""

    def __init__(self, file: BinaryIO) -> None:
        if _directory_bytes(file) > MAX_DIRECTORY_BYTES:
            raise ArchiveError("lists too many members")
        try:
            self._archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError) as problem:
            raise ArchiveError(f"is a damaged zip archive: {problem}") from None
        members: dict[str, zipfile.ZipInfo] = {}
        for member in self._archive.infolist():
            if member.filename in members:
                raise ArchiveError(f"has the member `{member.filename}` twice")
            members[member.filename] = member
        self.members: Mapping[str, zipfile.ZipInfo] = members
        """By name."""

    def content(self, name: str, most_bytes: int) -> bytes:
        """All of the member `name`. Raises `ArchiveError` if it has more than `most_bytes`."""
        member = self.members.get(name)
        if member is None:
            raise ArchiveError(f"has no `{name}`")
        if member.file_size > most_bytes:
            raise ArchiveError(
                f"has {member.file_size:,} bytes in `{name}`; the most are {most_bytes:,}"
            )
        if member.flag_bits & 1:
            raise ArchiveError(f"has `{name}` encrypted")
        try:
            with self._archive.open(member) as file:
                return file.read(most_bytes)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, EOFError, OSError):
            raise ArchiveError(f"is damaged in `{name}`") from None

    def json(self, name: str) -> Any:
        """The value of the JSON text in the member `name`."""
        text = self.content(name, MAX_JSON_BYTES)
        # A value has a comma, a bracket or a brace of its own: to count them takes no memory.
        if sum(map(text.count, (b",", b"[", b"{"))) > MAX_JSON_VALUES:
            raise ArchiveError(f"has more than {MAX_JSON_VALUES:,} values in `{name}`")
        try:
            return json.loads(text)
        except RecursionError:
            raise ArchiveError(f"is nested too deep in `{name}`") from None
        except ValueError:
            raise ArchiveError(f"has no JSON in `{name}`") from None


def _directory_bytes(file: BinaryIO) -> int:
    """The bytes of the list of members, as the end of the archive states them."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST_COMMENT - _END_BYTES))
    tail = file.read()
    file.seek(0)
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_BYTES:
        raise ArchiveError("is no zip archive, or was cut short")
    stated = _whole(tail, place + 12, "<I")
    large = tail.rfind(_LARGE_END, 0, place)  # that of archives beyond 4 GB, which is before it
    if 0 <= large <= place - _LARGE_END_BYTES:
        return max(_whole(tail, large + 40, "<Q"), stated if stated != 0xFFFFFFFF else 0)
    return stated


def _whole(data: bytes, place: int, form: str) -> int:
    (number,) = struct.unpack_from(form, data, place)
    return int(number)
