"""The file of what was measured: a row for each network in each round, as `calibrate` reads it.

A row is written as soon as it is measured, so that whatever ends the program leaves the rows before
it. The same command goes on from there: rows that are there are not measured again. Not here: what
rows say together (`drift.py`).
"""

from __future__ import annotations

import codecs
import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO

from mnet_cost.errors import MeasurementError, OutputError, Problem, UsageError
from mnet_cost.escaping import printable
from mnet_cost.files import open_file
from mnet_cost.measure.measurements import NO_REFERENCE, read_cells, role_of
from mnet_cost.models.library import STDIN, is_path, is_revision, split_reference
from mnet_cost.paths import naming

COLUMNS = (
    "model", "latency_ms", "runtime", "runtime_version", "threads", "precision", "batch",
    "processor", "run", "reference", "runs", "left_out", "fastest_ms", "low_ms", "high_ms",
    "energy_uj", "peak_memory_bytes", "others_cpus", "date", "source", "role",
)  # fmt: skip
SOURCE = "mnet-cost measure"
"""What rows name as their source."""
_DIGITS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one network took in one round; times are of one inference, in seconds."""

    model: str
    """As it is named in the file."""
    run: int
    """The number of the round, from 1; no two rounds of a file have one number."""
    precision: str
    """In which it was computed."""
    batch: int
    median_s: float
    fastest_s: float
    low_s: float
    high_s: float
    runs: int
    """Those in which no other program got the CPU; 0 where the times are of others."""
    left_out: int = 0
    """Runs in which other programs got the CPU."""
    times_s: tuple[float, ...] = ()
    """Each run; empty where it was read from a file."""
    energy_j: float | None = None
    peak_memory_bytes: int | None = None
    others_cpus: float | None = None
    """CPUs that other programs kept busy meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the rows of one command have in common."""

    runtime: str
    runtime_version: str
    threads: int
    processor: str
    reference: str
    """The reference network as the file names it, or `none`."""


class Recorder:
    """The rows of one file: those that are there, and those that are added."""

    def __init__(self, path: str, setting: Setting) -> None:
        """Read what is there. Raises `UsageError` for rows that are of something else,
        `MeasurementError` for a file that is no such file."""
        self.path = path
        self._setting = setting
        self.rounds: tuple[Round, ...] = ()
        """Those with the threads and the reference of the command, in any precision."""
        self.last_run = 0
        """The largest number of a round."""
        if os.path.exists(path) and not _mend(path):
            self._read()

    def _read(self) -> None:
        read_cells(self.path)  # says what is wrong with a cell, and where
        rows = []
        for line, cells in _rows(self.path):
            self._check(cells)
            try:
                run = int(cells["run"])
                self.last_run = max(self.last_run, run)
                if self._is_ours(cells):
                    rows.append(_round(cells, run))
            except (KeyError, ValueError) as error:
                message = f"{self.path}:{line}: this row is none of `measure`: {error}"
                hint = "take the row out, or write to another file"
                raise MeasurementError(Problem(message, hint=hint)) from None
        self.rounds = tuple(rows)

    def _check(self, cells: Mapping[str, str]) -> None:
        """Raise `UsageError` for a row that another runtime or another machine has made."""
        for column, what in (
            ("runtime", "the runtime"),
            ("runtime_version", "the version of the runtime"),
            ("processor", "the processor"),
        ):
            here, there = getattr(self._setting, column), cells.get(column, "")
            if there != here:
                message = (
                    f"{self.path} was measured elsewhere: {what} is "
                    f"`{there or 'not stated'}` there, and `{here}` here"
                )
                hint = "times of both have nothing in common: write to another file"
                raise UsageError(Problem(message, hint=hint))

    def _is_ours(self, cells: Mapping[str, str]) -> bool:
        setting = self._setting
        return (
            cells["threads"] == str(setting.threads)
            and cells["reference"] == setting.reference
            and float(cells["latency_ms"]) > 0
        )

    def add(self, round_: Round, date: str) -> None:
        """Write a row to the end of the file, whole."""
        setting = self._setting
        cells = {
            "model": round_.model,
            "latency_ms": _milliseconds(round_.median_s),
            "runtime": setting.runtime,
            "runtime_version": setting.runtime_version,
            "threads": setting.threads,
            "precision": round_.precision,
            "batch": round_.batch,
            "processor": setting.processor,
            "run": round_.run,
            "reference": setting.reference,
            "runs": round_.runs,
            "left_out": round_.left_out,
            "fastest_ms": _milliseconds(round_.fastest_s),
            "low_ms": _milliseconds(round_.low_s),
            "high_ms": _milliseconds(round_.high_s),
            "energy_uj": "" if round_.energy_j is None else f"{round_.energy_j * 1e6:.{_DIGITS}g}",
            "peak_memory_bytes": round_.peak_memory_bytes,
            "others_cpus": "" if round_.others_cpus is None else f"{round_.others_cpus:.2f}",
            "date": date,
            "source": SOURCE,
            "role": role_of(round_.model),
        }
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        with naming(self.path, "cannot be written", shown="-o"), open(self.path, "ab") as file:
            if file.tell() == 0:
                writer.writerow(COLUMNS)
            writer.writerow([cells[column] for column in COLUMNS])
            file.write(text.getvalue().encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())


def _mend(path: str) -> bool:
    """Take away a last line that was not finished; whether nothing is left.

    Only of a file that begins as ours do: another one is not touched, and refused.
    """
    header = ",".join(COLUMNS)
    with naming(path, "cannot be read", MeasurementError), open_file(path) as file:
        content = file.read()
    if not content:
        return True
    first, _, rest = content.partition(b"\n")
    if first.decode("utf-8-sig", "replace").rstrip("\r") != header:
        if header.encode().startswith(content.removeprefix(codecs.BOM_UTF8)):
            rest = b""  # it ended within the header
        else:
            message = f"{path} is there already, with other columns"
            raise UsageError(Problem(message, hint="write to another file: it is not written over"))
    elif content.endswith(b"\n"):
        return not rest
    kept = content[: content.rfind(b"\n") + 1]
    with naming(path, "cannot be written"), open(path, "r+b") as file:
        file.truncate(len(kept))
    return not kept


def _rows(path: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row, with its line."""
    with (
        naming(path, "cannot be read", MeasurementError),
        open(path, encoding="utf-8-sig", newline="") as file,
    ):
        reader = csv.DictReader(file)
        for cells in reader:
            found = {key: value or "" for key, value in cells.items() if isinstance(key, str)}
            yield reader.line_num, found


def _round(cells: Mapping[str, str], run: int) -> Round:
    """What a row says; `ValueError` for what is no number."""
    return Round(
        model=cells["model"],
        run=run,
        precision=cells["precision"],
        batch=int(cells["batch"]),
        median_s=float(cells["latency_ms"]) / 1e3,
        fastest_s=float(cells["fastest_ms"]) / 1e3,
        low_s=float(cells["low_ms"]) / 1e3,
        high_s=float(cells["high_ms"]) / 1e3,
        runs=int(cells["runs"]),
        left_out=int(cells["left_out"]),
        energy_j=float(cells["energy_uj"]) * 1e-6 if cells["energy_uj"] else None,
        peak_memory_bytes=int(cells["peak_memory_bytes"]) if cells["peak_memory_bytes"] else None,
        others_cpus=float(cells["others_cpus"]) if cells["others_cpus"] else None,
    )


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.{_DIGITS}g}"


def row_name(reference: str, path: str | None) -> str:
    """How a row of the file `path` names the network of a reference: a file of the user's from the
    folder of that file, as `calibrate` looks for it.

    Without `path` as it is. Raises `UsageError` for a network that no row can name.
    """
    if path is None or reference == NO_REFERENCE:
        return reference
    name, _, _ = split_reference(reference)
    if name == STDIN or is_revision(name):
        what = "the spec on stdin" if name == STDIN else f"`{name}`"
        hint = "write the spec to a file beside it"
        raise UsageError(Problem(f"a row of {printable(path)} cannot name {what}", hint=hint))
    if not is_path(name):
        return reference
    folder = os.path.realpath(os.path.dirname(path) or os.curdir)
    real = os.path.realpath(name)
    try:
        below = os.path.relpath(real, folder)
    except ValueError:  # on different drives
        below = os.pardir
    if below.split(os.sep, 1)[0] == os.pardir:
        hint = "write the file to the folder of the network, or above it"
        message = f"`{name}` is not in the folder of {printable(path)}, nor below it"
        raise OutputError(Problem(message, hint=hint))
    # With the dot it is a path, and no formula of a spreadsheet, whatever it begins with.
    return f"./{below.replace(os.sep, '/')}{reference[len(name) :]}"
