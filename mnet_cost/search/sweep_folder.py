"""A sweep as a folder of files. Several processes write it; killing any of them damages no file.

    sweep.json              what the sweep is of, and at the end what became of it
    front.parquet           the points of the front, at the end
    points/00012.parquet    the points of one share, with their flags
    state/scans/00012.parquet   what the objectives of a share say: its own front
    state/scan.parquet          the same of all shares
    state/rows/00012.parquet    the points of a share that are shown, and spans of its metrics

A file is written under a name of its own and then renamed, so it is there whole or not at all, and
says of which sweep it is: what is missing is what is left to do. Not here: what a share has in it
(`sweep_shares.py`).
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from mnet_cost.errors import OutputError, Problem
from mnet_cost.search.fronts import Front
from mnet_cost.search.objectives import Objective
from mnet_cost.search.summary import Scan, Span, Spans, Table
from mnet_cost.search.sweep_description import digest_of, identity_of
from mnet_cost.search.sweep_files import ParquetFile, reason_of
from mnet_cost.search.sweep_request import FLAGS, Column, SweepRequest
from mnet_cost.search.words import Words

SCHEMA = "mnet-cost/sweep-folder/1"
MANIFEST = "sweep.json"
FRONT = "front.parquet"
_POINTS, _STATE = "points", "state"

_OWN = re.compile(r"(sweep\.json|front\.parquet|scan\.parquet|\d{5,}\.parquet)")
_DRAFT = re.compile(r"\.(.+)\.[0-9a-f]{8}\.part")
_NUMBER = Column("#", "int64")
"""Which point of the sweep a row is, counted over all shares. No knob has such a name."""


def _manifest_of(path: Path) -> Mapping[str, Any]:
    """What the manifest of a folder says; nothing where it has none that can be read."""
    try:
        data = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _footer_of(path: Path) -> tuple[int, Mapping[bytes, bytes]]:
    """(rows, metadata) of a Parquet file; nothing where there is none that can be read."""
    from pyarrow import ArrowException, parquet

    try:
        footer = parquet.read_metadata(path)
    except (OSError, ArrowException):
        return 0, {}
    return footer.num_rows, footer.metadata or {}


class ShareRows(NamedTuple):
    """What is kept of a share beside its points."""

    rows: Mapping[int, Mapping[str, Any]]
    """Points that are shown, by their numbers."""
    spans: Spans
    near_ties: int


class SweepFolder:
    """The files of one sweep. `identity` is what it is of, the same for whoever works on it."""

    def __init__(self, path: Path, request: SweepRequest, share_points: int) -> None:
        self.path = path
        self.request = request
        self.identity = {**identity_of(request), "task_points": share_points}
        self.digest = digest_of(self.identity)

    @staticmethod
    def task_points_of(path: Path) -> int | None:
        """The points of a task of the sweep that a folder holds; None where it holds none."""
        sweep = _manifest_of(path).get("sweep")
        points = sweep.get("task_points") if isinstance(sweep, dict) else None
        return points if type(points) is int and points > 0 else None

    # --- the folder

    def check(self, force: bool) -> None:
        """See that the folder is free, or holds this sweep: then it goes on.

        Raises `OutputError` where it holds something else: another sweep, unless `force`, or files
        that are none of a sweep.
        """
        with self._said(self.path, hint=None):
            names = set(os.listdir(self.path)) if self.path.exists() else set()
            if not self.path.parent.is_dir():
                raise OutputError(
                    f"{self.path}: cannot be written: {self.path.parent} is no folder"
                )
            others = sorted(names - {MANIFEST, FRONT, _POINTS, _STATE})
            if others:
                hint = "name a new folder"
                what = f"{self.path}: has other files in it than those of a sweep: {others[0]}"
                raise OutputError(Problem(what, hint=hint))
            if names:
                known = _manifest_of(self.path)
                if known.get("sha256") != self.digest and not force:
                    raise OutputError(self._other_sweep(known))

    def prepare(self) -> None:
        """Make the folder, unless it holds this sweep; take another sweep away."""
        is_known = False
        with self._said(self.path, hint=None):
            if _manifest_of(self.path).get("sha256") == self.digest:
                is_known = True
            else:
                self._clear()
            folders = [self.path, self.path / _STATE / "scans", self.path / _STATE / "rows"]
            if not self.request.front_only:
                folders.append(self.path / _POINTS)
            for folder in folders:
                folder.mkdir(parents=folder != self.path, exist_ok=True)
        if not is_known:
            self._write_manifest(None)

    def _other_sweep(self, known: Mapping[str, Any]) -> Problem:
        hint = "name a new folder, or overwrite it with --force"
        before = known.get("sweep")
        if known.get("schema") != SCHEMA or not isinstance(before, dict):
            what = f"{self.path}: is there already, and no {MANIFEST} says of what it is"
            return Problem(what, hint=hint)
        different = [
            key.removesuffix("_sha256").replace("_", " ")
            for key in self.identity
            if before.get(key) != json.loads(json.dumps(self.identity[key]))
        ]
        what = ", ".join(dict.fromkeys(different))
        return Problem(f"{self.path}: holds another sweep: not the same {what}", hint=hint)

    def _clear(self) -> None:
        """Take away what another sweep has written, the manifest first."""
        for path in [self.path / MANIFEST, *self._files()]:
            is_own = _OWN.fullmatch(path.name) or _DRAFT.fullmatch(path.name)
            if is_own and not self._is_of_this(path):
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        folders = (".", _POINTS, _STATE, f"{_STATE}/scans", f"{_STATE}/rows")
        return [file for name in folders for file in sorted((self.path / name).glob("*"))
                if file.is_file()]  # fmt: skip

    def _write_manifest(self, result: Mapping[str, Any] | None) -> None:
        data = {"schema": SCHEMA, "sha256": self.digest, "sweep": self.identity, "result": result}
        with self._drafted(self.path / MANIFEST) as draft:
            draft.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")

    def finish(self, result: Mapping[str, Any], front: Sequence[Mapping[str, Any]]) -> None:
        """Write the front and what became of the sweep; take away what ended processes left."""
        columns = (*self.request.columns, *FLAGS)
        table = table_of(front, columns)
        self._write(self.path / FRONT, [table], columns, result)
        self._write_manifest(result)
        with suppress(OSError):
            for path in self._files():
                if _DRAFT.fullmatch(path.name):
                    path.unlink(missing_ok=True)

    # --- files of shares

    def refuse_others(self, shares: int) -> None:
        """`OutputError` for files among those of points that are none of them: who reads the folder
        as one table would read them, too."""
        with self._said(self.path, hint=None):
            own = {self._points(share).name for share in range(shares)}
            folder = self.path / _POINTS
            names = os.listdir(folder) if folder.is_dir() else []
            for name in sorted(names):
                if name not in own and not _DRAFT.fullmatch(name):
                    hint = "take it away, or name a new folder"
                    what = f"{folder / name}: is no file of this sweep"
                    raise OutputError(Problem(what, hint=hint))

    def has_scan(self, share: int) -> bool:
        """Whether a share was scanned."""
        return self._is_whole(self._scan(share), share)

    def has_share(self, share: int) -> bool:
        """Whether a share is done."""
        points = self.request.front_only or self._is_whole(self._points(share), share)
        return points and self._is_whole(self._rows(share), share)

    def _points(self, share: int) -> Path:
        return self.path / _POINTS / f"{share:05}.parquet"

    def _scan(self, share: int | None) -> Path:
        state = self.path / _STATE
        return state / "scan.parquet" if share is None else state / "scans" / f"{share:05}.parquet"

    def _rows(self, share: int) -> Path:
        return self.path / _STATE / "rows" / f"{share:05}.parquet"

    def write_scan(self, share: int | None, scan: Scan) -> None:
        """The scan of a share, or that of all of them."""
        front, best = scan.front, scan.best_rows
        numbers = numpy.concatenate([front.rows, best])
        values = numpy.full((len(numbers), len(self.request.objectives)), numpy.nan)
        values[: len(front)] = front.vectors
        values[len(front) :, 0] = scan.best_values
        columns = [_NUMBER, Column("front", "bool"), *_objective_columns(self.request.objectives)]
        table = {
            "model": numbers,  # its length is that of the table
            _NUMBER.name: numbers,
            "front": numpy.arange(len(numbers)) < len(front),
            **{f"objective_{i}": values[:, i] for i in range(values.shape[1])},
        }
        limits = {"within": scan.limits.within, "closest": scan.limits.closest}
        result = {"valid": scan.valid, "broken": dict(scan.broken), "limits": limits}
        self._write(self._scan(share), [table], columns, result, share)

    def read_scan(self, share: int | None, top: int) -> Scan:
        """What `write_scan` wrote, with `top` of the best points."""
        table, metadata = self._read(self._scan(share))
        scan = Scan(self.request, top)
        scan.valid = int(metadata["valid"])
        scan.broken = Counter(metadata["broken"])
        scan.limits.within = int(metadata["limits"]["within"])
        scan.limits.closest = metadata["limits"]["closest"]
        numbers = table[_NUMBER.name].to_numpy()
        of_front = table["front"].to_numpy()
        columns = [
            table[column.name].to_numpy() for column in _objective_columns(self.request.objectives)
        ]
        values = numpy.stack(columns, axis=1)
        scan.front = Front(len(columns))
        scan.front.vectors, scan.front.rows = values[of_front], numbers[of_front]
        scan.best_rows, scan.best_values = numbers[~of_front][:top], values[~of_front, 0][:top]
        return scan

    def write_points(self, share: int, tables: Iterable[Table]) -> None:
        """All points of a share; `tables` have flags."""
        self._write(self._points(share), tables, (*self.request.columns, *FLAGS), {}, share)

    def write_rows(self, share: int, shown: ShareRows) -> None:
        """What is kept of a share beside its points; this comes last of a share."""
        columns = (*self.request.columns, *FLAGS)
        numbers = numpy.array(list(shown.rows), dtype=numpy.int64)
        table = {**table_of(list(shown.rows.values()), columns), _NUMBER.name: numbers}
        result = {"spans": shown.spans, "near_ties": shown.near_ties}
        self._write(self._rows(share), [table], (*columns, _NUMBER), result, share)

    def read_rows(self, share: int) -> ShareRows:
        """What `write_rows` wrote."""
        table, metadata = self._read(self._rows(share))
        rows = {row.pop(_NUMBER.name): row for row in table.to_pylist()}
        spans = Spans({name: Span(*span) for name, span in metadata["spans"].items()})
        return ShareRows(rows, spans, int(metadata["near_ties"]))

    # --- files

    def _is_whole(self, path: Path, share: int | None = None) -> bool:
        """Whether a file is there, and is what this sweep has written for a share."""
        rows, said = _footer_of(path)
        expected = self._mark(share, rows)
        return all(said.get(key.encode()) == text.encode() for key, text in expected.items())

    def _is_of_this(self, path: Path) -> bool:
        """Whether a file says that it is of this sweep."""
        _, said = _footer_of(path)
        return said.get(b"sweep_sha256") == self.digest.encode()

    def _mark(self, share: int | None, rows: int) -> dict[str, str]:
        """What tells a file from those of other sweeps and shares, and from a part of it."""
        return {"sweep_sha256": self.digest, "task": json.dumps(share), "rows": json.dumps(rows)}

    def _read(self, path: Path) -> tuple[Any, Mapping[str, Any]]:
        """The rows of a file, and the values of its metadata."""
        from pyarrow import ArrowException, parquet

        with self._said(path, "cannot be read", hint=None):
            try:
                with parquet.ParquetFile(path) as file:
                    metadata = file.metadata.metadata
                    return file.read(), json.loads(metadata[b"result"])
            except (ArrowException, KeyError, TypeError, ValueError) as error:
                hint = "take it away, and run the same command again"
                what = f"{path}: cannot be read: {str(error).splitlines()[0]}"
                raise OutputError(Problem(what, hint=hint)) from None

    def _write(
        self,
        path: Path,
        tables: Iterable[Table],
        columns: Sequence[Column],
        result: Mapping[str, Any],
        share: int | None = None,
    ) -> None:
        with self._drafted(path) as draft:
            file = ParquetFile(draft, self.request, columns)
            try:
                for table in tables:
                    file.add(table)
                file.flush()
                file.finish({**self._mark(share, file.rows), "result": result})
            finally:
                file.close()

    @contextmanager
    def _drafted(self, path: Path) -> Iterator[Path]:
        """A file to write, which gets its name `path` when the block has ended well."""
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        with self._said(path):
            try:
                yield draft
                with draft.open("rb") as file:
                    os.fsync(file.fileno())  # so that no name leads to half of a file
                draft.replace(path)
            except FileNotFoundError:
                # Another process that works on this sweep has written the same, and cleaned up.
                if not path.exists():
                    raise
            finally:
                with suppress(OSError):
                    draft.unlink(missing_ok=True)

    @contextmanager
    def _said(
        self,
        path: Path,
        what: str = "cannot be written",
        hint: str | None = "what was written stays: the same command goes on from there",
    ) -> Iterator[None]:
        """Errors of the system as `OutputError`."""
        try:
            yield
        except OSError as error:
            if isinstance(error, FileNotFoundError) and hint and not self.path.is_dir():
                hint = "every worker needs this folder, at the same path"
            said = f"{path}: {what}: {reason_of(error)}"
            raise OutputError(Problem(said, hint=hint)) from None


def _objective_columns(objectives: Sequence[Objective]) -> list[Column]:
    return [Column(f"objective_{i}", "float64") for i in range(len(objectives))]


def table_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> Table:
    """Points one by one as a table."""
    table: dict[str, Any] = {}
    for column in columns:
        values = [row[column.name] for row in rows]
        if column.kind == "word":
            table[column.name] = Words.of(["" if value is None else value for value in values])
        elif column.kind == "bool":
            table[column.name] = numpy.array(values, dtype=bool)
        else:
            table[column.name] = numpy.array(
                [numpy.nan if value is None else value for value in values], dtype=float
            )
    return table
