"""Files of a sweep: Parquet, CSV and JSON, written table by table in bounded memory.

A file has a row for each point, with the columns of the request and the flags of the front; a cell
without a value is null, in CSV empty. Parquet has a description of the sweep in its metadata, JSON
(`mnet-cost/sweep-points/1`: one object, its `points` a record on each line) beside its points. A
file is there whole or not at all. What an interrupt or a full disk leaves becomes
`NAME.partial.parquet`, which says that it is partial. Not here: how points are evaluated.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from errno import ENOTDIR
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from mnet_cost.errors import OutputError, Problem, one_of
from mnet_cost.escaping import csv_cell
from mnet_cost.paths import draft_of, file_to_write, naming
from mnet_cost.search.single import knob_type, word_of
from mnet_cost.search.summary import Summary, Table, length_of
from mnet_cost.search.sweep_description import description_of, result_of
from mnet_cost.search.sweep_request import FLAGS, Column, SweepRequest
from mnet_cost.search.words import Words
from mnet_cost.torch_model.installed import require

SCHEMA = "mnet-cost/sweep-points/1"
ENDINGS = (".parquet", ".csv", ".json")

ROW_GROUP = 131_072
"""Rows of a row group of Parquet: what a reader skips or takes as a whole."""

_TEXT_ROWS = 8192  # rows that are objects of Python at a time
_FOOTER_BYTES = 200  # for each column of a row group, and more than it takes
_HALF = re.compile("[\ud800-\udfff]")


def is_folder(path: str) -> bool:
    """Whether a sweep that is written to `path` is a folder of files: it ends in a slash, or is
    one."""
    return path.endswith(("/", os.sep)) or os.path.isdir(path)


def refuse_existing(path: str, force: bool, endings: Sequence[str] = ENDINGS) -> None:
    """`OutputError` for a file that cannot be written at the end of a sweep: of an ending that is
    none of `endings`, in a folder that is not there, or there already, unless `force`."""
    ending = Path(path).suffix.lower()
    with naming(path, "cannot be written", shown="-o"):
        target, mode = file_to_write(path)
    if ending not in endings:
        hint = f"an ending is {one_of(endings)}"
        if endings is ENDINGS:
            hint += "; a folder ends in `/`"
        what = f"no sweep is written as `{ending}`" if ending else "the name has no ending"
        if path.endswith(("/", os.sep)):
            what, hint = "is a folder", f"name a file in it; {hint}"
        raise OutputError(Problem(f"{path}: {what}", hint=hint))
    if not target.parent.is_dir():
        with naming(path, "cannot be written"):
            os.stat(target.parent)
            raise NotADirectoryError(ENOTDIR, "not a directory")
    if mode and not stat.S_ISREG(mode):
        raise OutputError(f"{path}: cannot be written: it is no regular file")
    if mode and not force:
        hint = "choose another name, or overwrite it with --force"
        raise OutputError(Problem(f"{path}: is there already", hint=hint))


def write_sweep(
    path: str,
    request: SweepRequest,
    tables: Iterable[Table],
    summary: Summary,
    *,
    force: bool = False,
) -> None:
    """Write `tables`, which have flags, to a file of the kind that the ending of `path` says.

    `tables` is read once, and no more than two of them are kept. What `summary` counts of broken
    points is read at the end. Raises `OutputError` where the file cannot be written, with what was
    written kept beside it; an interrupt keeps that, too, and carries a note of it. Any other error
    leaves nothing. Raises `MissingPackageError` for Parquet without pyarrow.
    """
    refuse_existing(path, force)
    ending = Path(path).suffix.lower()
    if ending == ".parquet":
        require("pyarrow", extra="sweep")
    interrupt: KeyboardInterrupt | None = None
    with naming(path, "cannot be written", shown="-o"):
        target, mode = file_to_write(path)
        draft = draft_of(target)
        # An error of the system that `tables` raises is none of this file.
        file: SweepFile | None = None
        try:
            file = _OPENED[ending](draft, request)
            for table in tables:
                file.add(table)
            file.flush()
            file.finish(result_of(file.rows, summary, partial=False))
            if mode:
                draft.chmod(stat.S_IMODE(mode))
            draft.replace(target)
        except (OSError, KeyboardInterrupt) as reason:
            kept = _kept(file, draft, target, summary, force) if file is not None else None
            said = kept or "nothing of it could be kept"
            if isinstance(reason, OSError):
                raise OutputError(_problem(path, reason, said)) from None
            interrupt = reason
            interrupt.add_note(f"{path}: {said}")
        finally:
            if file is not None:
                file.close()
            with suppress(OSError):
                draft.unlink(missing_ok=True)
    if interrupt is not None:
        raise interrupt


def _problem(path: str, reason: OSError, said: str) -> Problem:
    return Problem(f"{path}: cannot be written: {reason_of(reason)}", hint=said)


def reason_of(error: OSError) -> str:
    """Why the system refuses. Some libraries put a story of their own into `strerror`."""
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def _kept(file: SweepFile, draft: Path, target: Path, summary: Summary, force: bool) -> str | None:
    """Finish what is whole of a draft, and name it as partial: a sentence about it, or None where
    there is nothing, or that is impossible too."""
    try:
        file.cut()
        if not file.rows:
            return None
        file.finish(result_of(file.rows, summary, partial=True))
        partial = _partial_name(target, force)
        draft.replace(partial)
    except (OSError, ValueError):  # a disk without room for the footer; a writer that broke
        return None
    points = "point is" if file.rows == 1 else f"{file.rows:,} points are"
    return f"the first {points} in {partial.name}"


def _partial_name(target: Path, force: bool) -> Path:
    """`NAME.partial.parquet`, with a number where it is taken and nothing may be overwritten."""
    for number in count(1):
        mark = ".partial" if number == 1 else f".partial{number}"
        name = target.with_name(f"{target.stem}{mark}{target.suffix}")
        if force or not os.path.lexists(name):
            return name
    raise AssertionError


# --- kinds of files


class SweepFile(Protocol):
    """A file that is being written."""

    rows: int
    """Rows that were written whole."""

    def __init__(self, draft: Path, request: SweepRequest) -> None: ...

    def add(self, table: Table) -> None:
        """Write a table, or keep it until there is more."""

    def flush(self) -> None:
        """Write what is still kept."""

    def cut(self) -> None:
        """After an error: forget what was not written whole, and cannot be."""

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the end of the file."""

    def close(self) -> None:
        """Give the file back; it is whole only after `finish`."""


class ParquetFile:
    """Row groups of equal length, each written in one call that no interrupt divides."""

    def __init__(
        self, draft: Path, request: SweepRequest, columns: Sequence[Column] | None = None
    ) -> None:
        import pyarrow
        from pyarrow import parquet

        self.rows = 0
        self._columns = tuple(columns or (*request.columns, *FLAGS))
        self._pending: list[Any] = []
        self._is_steady = True  # not within `add`, where an interrupt leaves rows in doubt
        types = {
            "word": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
            "bool": pyarrow.bool_(),
            "int64": pyarrow.int64(),
            "float64": pyarrow.float64(),
        }
        full = _without_gaps(request)
        self._schema = pyarrow.schema(
            [pyarrow.field(c.name, types[c.kind], c.name not in full) for c in self._columns]
        )
        selected = {
            *request.axes,
            *[flag.name for flag in FLAGS],
            *[each.column for each in request.objectives],
        }
        self._sink = pyarrow.OSFile(os.fspath(draft), "wb")
        self._writer = parquet.ParquetWriter(
            self._sink,
            self._schema,
            compression="lz4",  # as small as zstd, and faster
            use_dictionary=[c.name for c in self._columns if c.kind == "word"],
            # Doubles whose bytes stand apart are smaller, and so faster written.
            use_byte_stream_split=[c.name for c in self._columns if c.kind == "float64"],
            # The least and most of a group take half as long as its values: they are for what
            # rows are selected by.
            write_statistics=[
                c.name for c in self._columns if c.name in selected and c.kind != "word"
            ],
            store_schema=False,  # words are plain strings for whoever reads them
        )
        description = {"schema": SCHEMA, **description_of(request)}
        self._description = {key: _metadata(value) for key, value in description.items()}
        self._end_bytes = sum(map(len, self._description.values())) + 2**17

    def add(self, table: Table) -> None:
        import pyarrow

        self._is_steady = False
        arrays = [
            _array(column, table[column.name], length_of(table), self._schema.field(i).type)
            for i, column in enumerate(self._columns)
        ]
        self._pending.append(pyarrow.Table.from_arrays(arrays, schema=self._schema))
        if sum(map(len, self._pending)) >= ROW_GROUP:
            pending = pyarrow.concat_tables(self._pending)
            whole = len(pending) // ROW_GROUP * ROW_GROUP
            for start in range(0, whole, ROW_GROUP):
                self._write(pending.slice(start, ROW_GROUP))
            self._pending = [pending.slice(whole)]
        self._is_steady = True

    def _write(self, group: Any) -> None:
        # A writer that fails within a row group cannot end its file: the room is taken before,
        # with that for the end. Where the system takes no room ahead, that is left to luck.
        groups = self.rows // ROW_GROUP + 2
        room = group.nbytes + 2**16 + groups * len(self._columns) * _FOOTER_BYTES + self._end_bytes
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._sink.fileno(), self._sink.tell(), room)
        self._writer.write_table(group, row_group_size=ROW_GROUP)
        self.rows += len(group)

    def flush(self) -> None:
        import pyarrow

        rest, self._pending = self._pending, []
        if sum(map(len, rest)):
            self._write(pyarrow.concat_tables(rest))

    def cut(self) -> None:
        if self._is_steady:
            with suppress(OSError):  # without room they are lost
                self.flush()
        self._pending = []

    def finish(self, result: Mapping[str, Any]) -> None:
        self._writer.add_key_value_metadata(
            {**self._description, **{key: _metadata(value) for key, value in result.items()}}
        )
        self._writer.close()
        self._sink.flush()
        os.ftruncate(self._sink.fileno(), self._sink.tell())
        self._sink.close()

    def close(self) -> None:
        with suppress(OSError, ValueError):  # after an error of its own it is not asked for more
            if self._writer.is_open:
                self._writer.close()
            self._sink.close()


def _without_gaps(request: SweepRequest) -> set[str]:
    """Columns that have a value in each row: of them no file says where they have none."""
    knobs = [
        knob
        for knob, values in request.axes.items()
        if knob_type(values) != "str"
        and all(knob in each.axes for each in request.networks)
        # A choice has none where its block is left out.
        and not (request.selection is not None and "." in knob)
    ]
    names = ["model"] if all(each.name for each in request.networks) else []
    return {*names, "precision", *knobs, *[flag.name for flag in FLAGS]}


def _metadata(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _array(column: Column, values: Any, points: int, kind: Any) -> Any:
    """A column as an array of Arrow; null for NaN and for an empty word."""
    import numpy
    import pyarrow

    if values is None:
        return pyarrow.nulls(points, kind)
    if column.kind == "word":
        return _words(values)
    unknown = None
    if values.dtype.kind == "f" and numpy.isnan(values.min(initial=0)):  # as where there is a NaN
        unknown = numpy.isnan(values)
        if column.kind != "float64":
            values = numpy.where(unknown, 0.0, values)
    return _on_memory(values.astype(column.kind, copy=False), unknown, kind)


def _words(values: Words) -> Any:
    """Words as numbers into a dictionary."""
    import numpy
    import pyarrow

    words = [_whole(word) for word in values.words]
    codes = values.codes
    if len(set(words)) < len(words):  # two of them are written alike
        places = {word: code for code, word in enumerate(dict.fromkeys(words))}
        codes = numpy.array([places[word] for word in words])[codes]
        words = list(places)
    unknown = codes == words.index("") if "" in words else None
    return pyarrow.DictionaryArray.from_arrays(
        _on_memory(codes.astype(numpy.int32), unknown, pyarrow.int32()),
        pyarrow.array(words, type=pyarrow.string()),
    )


def _on_memory(values: Any, unknown: Any, kind: Any) -> Any:
    """An array of Arrow on the memory of NumPy's, null where `unknown` is true.

    NumPy packs bits several times faster than Arrow does.
    """
    import numpy
    import pyarrow

    def packed(bits: Any) -> Any:
        return numpy.packbits(bits, bitorder="little")

    data = packed(values) if values.dtype == bool else numpy.ascontiguousarray(values)
    valid = None if unknown is None else pyarrow.py_buffer(packed(~unknown))
    return pyarrow.Array.from_buffers(kind, len(values), [valid, pyarrow.py_buffer(data)])


def _whole(word: str) -> str:
    """A word without halves of characters (undecodable bytes of a path), which no file holds."""
    return _HALF.sub(lambda match: f"\\u{ord(match[0]):04x}", word)


class _TextFile:
    """What CSV and JSON have in common: text goes to the file as it is made, and what was not
    written whole is cut off."""

    def __init__(self, draft: Path, request: SweepRequest) -> None:
        self.rows = 0
        self._columns = (*request.columns, *FLAGS)
        self._file = open(draft, "wb", buffering=0)  # noqa: SIM115
        self._size = 0
        try:
            self._write(self._head(request))
        except OSError:
            self._file.close()
            raise

    def add(self, table: Table) -> None:
        points = length_of(table)
        for start in range(0, points, _TEXT_ROWS):
            part = slice(start, min(start + _TEXT_ROWS, points))
            columns = [_cells(column, table[column.name], part) for column in self._columns]
            self._write(self._rows(zip(*columns, strict=True)))
            self.rows += part.stop - part.start

    def _write(self, text: str) -> None:
        data = memoryview(text.encode())
        size = self._size + len(data)
        while data:
            data = data[self._file.write(data) :]
        self._size = size

    def flush(self) -> None:
        pass  # nothing is kept

    def cut(self) -> None:
        self._file.seek(self._size)
        self._file.truncate()

    def finish(self, result: Mapping[str, Any]) -> None:
        self._write(self._end(result))
        self._file.close()

    def close(self) -> None:
        self._file.close()

    def _head(self, request: SweepRequest) -> str:
        raise NotImplementedError

    def _rows(self, rows: Iterator[tuple[Any, ...]]) -> str:
        raise NotImplementedError

    def _end(self, result: Mapping[str, Any]) -> str:
        raise NotImplementedError


class CsvFile(_TextFile):
    """A row of names, then a row for each point."""

    def _head(self, request: SweepRequest) -> str:
        return self._rows(iter([tuple(column.name for column in self._columns)]))

    def _rows(self, rows: Iterator[tuple[Any, ...]]) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            [csv_cell(value) if isinstance(value, str) else _csv_flag(value) for value in row]
            for row in rows
        )
        return text.getvalue()

    def _end(self, result: Mapping[str, Any]) -> str:
        return ""


def _csv_flag(value: Any) -> Any:
    return word_of(value) if isinstance(value, bool) else value


class JsonFile(_TextFile):
    """`{"schema": ..., "sweep": {...}, "points": [...], "result": {...}}`."""

    def _head(self, request: SweepRequest) -> str:
        head = f'"schema": {json.dumps(SCHEMA)},\n"sweep": {json.dumps(description_of(request))}'
        return f'{{{head},\n"points": ['

    def _rows(self, rows: Iterator[tuple[Any, ...]]) -> str:
        names = [column.name for column in self._columns]
        lines = [json.dumps(dict(zip(names, row, strict=True)), allow_nan=False) for row in rows]
        return (",\n" if self.rows else "\n") + ",\n".join(lines)

    def _end(self, result: Mapping[str, Any]) -> str:
        return f'\n],\n"result": {json.dumps(result)}}}\n'


def _cells(column: Column, values: Any, part: slice) -> list[Any]:
    """Cells as values of Python; None for what is unknown."""
    import numpy

    if values is None:
        return [None] * (part.stop - part.start)
    values = values[part]
    if column.kind == "word":
        return [_whole(word) or None for word in values.tolist()]
    if values.dtype.kind != "f":
        return list(values.tolist())
    kind: type = {"int64": int, "bool": bool}.get(column.kind, float)
    if not numpy.isnan(values).any():
        return list(values.astype(kind).tolist())
    return [None if value != value else kind(value) for value in values.tolist()]


_OPENED: Mapping[str, Callable[[Path, SweepRequest], SweepFile]] = {
    ".parquet": ParquetFile,
    ".csv": CsvFile,
    ".json": JsonFile,
}
