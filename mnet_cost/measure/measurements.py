"""Files of measured times: one row a measurement, with the network, where it ran, and how long.

Columns `model` and `latency_ms` must be there; those of `OPTIONAL` may be; others are not read, but
for a throughput in place of a latency. All problems of the rows that are asked for are raised at
once, each at the user's own cell. Not here: whether the network is there, which elaborating it
tells, and rounds of one measurement, which become one row (`drift.py`).
"""

from __future__ import annotations

import csv
import math
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from mnet_cost.devices.runtimes import is_date
from mnet_cost.errors import (
    MeasurementError,
    ModelReferenceError,
    Problem,
    ProblemList,
    Source,
    Span,
    TooManyProblemsError,
    did_you_mean,
    one_of,
)
from mnet_cost.measure.throughputs import (
    NO_LATENCY,
    is_inverse,
    says_throughput,
    throughput_column,
)
from mnet_cost.models.library import SMALL_GRAPHS, is_path, path_beside, refuse_revision
from mnet_cost.tensors import PRECISIONS
from mnet_cost.yamlfile import read_text

REQUIRED = ("model", "latency_ms")
OPTIONAL = (
    "device", "processor", "runtime", "precision", "threads", "batch", "family", "run", "date",
    "runtime_version", "source", "energy_uj", "measured_as", "reference", "role",
)  # fmt: skip
OF_ROUNDS = (
    "runs", "left_out", "fastest_ms", "low_ms", "high_ms", "peak_memory_bytes", "others_cpus",
)  # fmt: skip
"""What `measure` writes beside, for readers and to go on from: nobody is told that `calibrate` does
not read it."""
NO_REFERENCE = "none"
"""In the column `reference`, of rounds that have none."""

_KNOWN = (*REQUIRED, *OPTIONAL)
_FEWEST_LETTERS = 5
"""Of a word whose slips are told from other words."""

NETWORK, SMALL_GRAPH = ROLES = ("network", "small graph")


def role_of(reference: str) -> str:
    """The role of what a reference names."""
    return SMALL_GRAPH if reference[: name_length(reference)] == SMALL_GRAPHS else NETWORK


_LEAST_MS = 1e-6
_MOST_MS = 1e8
"""A nanosecond and a day: what is outside has mistaken the unit."""
_MOST_COLUMNS = 100
"""Whose names are held against those that are known: a hostile file has a million."""
_EVERYTHING: Mapping[str, str] = MappingProxyType({})
"""What rows must say where all are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One network, measured once. Empty text and None are what the file does not say."""

    model: str
    """A reference; a path in it is seen from the working directory."""
    latency_s: float
    device: str
    processor: str
    runtime: str
    precision: str
    threads: int | None
    batch: int
    family: str
    """Networks of one design; the name of the network where the file does not say."""
    run: str
    source: str
    energy_j: float | None
    span: Span
    """Its model's cell."""
    time_span: Span
    """Its time's cell."""
    runtime_version: str = ""
    date: str = ""
    """Of the measurement or its source, as it stands there."""
    reference: str = ""
    """The network that ran in the same round to tell drift, or `none`; empty for a time that is no
    round of several. A path in it is seen from the working directory."""
    is_disturbed: bool = False
    """Whether another program got the CPU in each run of the round."""
    rounds_s: tuple[float, ...] = ()
    """Of each round, drift taken out, where `latency_s` is the median of several."""
    role: str = NETWORK
    """`network`, or `small graph`: one kind of layer or a few, which a fit learns from and nobody
    wants to know the time of."""

    @property
    def is_small_graph(self) -> bool:
        return self.role == SMALL_GRAPH

    @property
    def version(self) -> str:
        """What tells versions of the runtime apart: its number, else the date; empty for neither.
        Other words in `date` are those of a source, such as a round of a benchmark."""
        return self.runtime_version or (self.date if is_date(self.date) else "")


class Reading(NamedTuple):
    """The rows of a file that were asked for, and all problems of their cells."""

    rows: tuple[Measurement, ...]
    unfit: tuple[Measurement, ...]
    """Rows with a wrong cell and so no time (NaN), whose network can be looked for all the same."""
    others: tuple[Measurement, ...]
    """Rows that were not asked for, as far as they can be read: they are not judged."""
    problems: tuple[Problem, ...]
    unread: tuple[str, ...]
    """Columns of which nothing is taken."""


def read_measurements(path: str | os.PathLike[str]) -> tuple[Measurement, ...]:
    """The rows of a CSV file; `MeasurementError` with all that is wrong."""
    reading = read_cells(path)
    raise_if_any(reading.problems)
    return reading.rows


def read_cells(path: str | os.PathLike[str], where: Mapping[str, str] = _EVERYTHING) -> Reading:
    """The rows of a CSV file that have these values, good and bad, and the others.

    Raises `MeasurementError` if it cannot be read at all.
    """
    name = os.fspath(path)
    source = read_text(name, error=MeasurementError)
    reader = _Reader(source, where)
    with suppress(TooManyProblemsError):
        reader.read()
    problems, rows = reader.problems, reader.rows
    if not rows and not reader.others and not problems:
        what = "has no measurements" if source.text.strip() else "is empty"
        hint = f"a file is a header, {_HEADER}, and a row for each measurement"
        problems.append(Problem(f"{name}: {what}", hint=hint))
    known = (*_KNOWN, *OF_ROUNDS) if "reference" in reader.header else _KNOWN
    return Reading(
        tuple(row for row in rows if not math.isnan(row.latency_s)),
        tuple(row for row in rows if math.isnan(row.latency_s)),
        tuple(reader.others),
        tuple(problems),
        tuple(dict.fromkeys(name for name in reader.header if name and name not in known)),
    )


def raise_if_any(problems: Iterable[Problem]) -> None:
    """Raise `MeasurementError` with as many problems as one can read."""
    bounded = ProblemList()
    with suppress(TooManyProblemsError):
        for problem in problems:
            bounded.append(problem)
    if bounded:
        raise MeasurementError(bounded)


_HEADER = "`model,latency_ms,runtime,threads,precision,source`"
_QUOTES = 'a cell with a comma stands in quotes: `"net@alpha=1,resolution=96"`'


class _Reader:
    """Reads one file; `rows`, `others` and `problems` grow along the way."""

    def __init__(self, source: Source, where: Mapping[str, str]) -> None:
        self._source, self._where = source, where
        self.header: tuple[str, ...] = ()
        self.rows: list[Measurement] = []
        self.others: list[Measurement] = []
        self.problems = ProblemList()
        self._throughput = ""
        self._inverse: list[bool | None] = []
        """Of the rows that are asked for, whether a latency is the inverse of a throughput."""

    def read(self) -> None:
        source = self._source
        # Lines as errors count them: csv alone would not break where editors and `Source` do.
        reader = csv.reader([line + "\n" for line in source.lines()], strict=True)
        line = 1
        try:
            for cells in reader:
                self._row(cells, line)
                if self.problems and not self.header:
                    return
                line = reader.line_num + 1  # of the next row: a cell may have several lines
        except csv.Error as error:
            hint = 'a quote inside of quotes is written twice: `""`'
            if "unexpected end" in str(error) or "field limit" in str(error):
                hint = "a quote in this row is not closed"
            span = Span(source, line, 1, len(source.line(line)) + 1)
            self.problems.append(Problem(f"this is no CSV: {error}", span, hint))
        known = [inverse for inverse in self._inverse if inverse is not None]
        if self.rows and known and all(known):
            self.problems.append(
                Problem(
                    f"`latency_ms` is 1000 / `{self._throughput}` in all rows that have both",
                    self.rows[0].time_span,
                    f"{NO_LATENCY}; if none overlapped, say so in a column `measured_as`: "
                    f"`1000 / {self._throughput}, one at a time`",
                )
            )

    def _row(self, cells: Sequence[str], line: int) -> None:
        """Take a row: the first is the header, which stays empty where it is wrong."""
        if not any(cell.strip() for cell in cells):
            return
        if not self.header:
            names = tuple(name.strip() for name in cells)
            whole = Span(self._source, line, 1, len(self._source.line(line)) + 1)
            _check_header(whole, names, self.problems)
            self.header = () if self.problems else names
            self._throughput = throughput_column(names) or ""
            return
        row = _Row(self._source, line, dict(zip(self.header, cells, strict=False)))
        if any(cell.strip() for cell in cells[len(self.header) :]):
            row.problem("", "this row has more cells than the header", _QUOTES)
            self.problems.append(row.problems[0])  # whoever asked: cells are not in their columns
            return
        asked = all(_stated(row, column) == value for column, value in self._where.items())
        measurement = _measurement(row)
        if asked:
            self._inverse.append(is_inverse(row.cells, self._throughput))
            for problem in row.problems:
                self.problems.append(problem)
            self.rows += [] if measurement is None else [measurement]
        elif measurement is not None and not row.problems:
            self.others.append(measurement)


def _check_header(whole: Span, names: Sequence[str], problems: ProblemList) -> None:
    for mark, words in ((";", "`;`"), ("\t", "tabs")):
        if len(names) == 1 and mark in names[0]:
            hint = "commas go between cells, and a number has a point: `13.4`"
            problems.append(Problem(f"the columns are separated by {words}", whole, hint))
            return
    for name in REQUIRED:
        if name not in names:
            near = next((column for column in names if did_you_mean(column.lower(), (name,))), None)
            hint = f"is it `{near}`?" if near else f"a header is {_HEADER}"
            rate = throughput_column(names) if name == "latency_ms" and not near else None
            if rate is not None:
                hint = f"`{rate}` is none: {NO_LATENCY}; measure one inference after another"
            problems.append(Problem(f"there is no column `{name}`", whole, hint))
    for name in names[:_MOST_COLUMNS]:
        if name in _KNOWN and names.count(name) > 1:
            hint = "one of them must go, or have another name"
            problems.append(Problem(f"the column `{name}` is there twice", whole, hint))
            break
        meant = _misspelt(name)
        if meant is not None:
            hint = f"did you mean `{meant}`?"
            problems.append(Problem(f"there is no column `{name}`", whole, hint))


def _misspelt(name: str) -> str | None:
    """The optional column that a name is a slip of: other capitals or marks, or one letter off.

    Word for word, so that `source_device` is a column of its own. In short words one letter makes
    another word (`date`, `rate`), as does another first letter (`batch`, `patch`) or a digit
    (`device2`).
    """
    if name in _KNOWN:
        return None
    words = _words(name)
    for known in OPTIONAL:
        meant = _words(known)
        if len(words) == len(meant) and all(map(_is_slip, words, meant)):
            return known
    return None


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\s_-]+", name.casefold()) if word]


def _is_slip(word: str, meant: str) -> bool:
    """Whether a word is another one but for a letter more, less or changed, or two swapped."""
    if word == meant:
        return True
    if len(meant) < _FEWEST_LETTERS or word[:1] != meant[0] or not word.isalpha():
        return False
    short, long = sorted((word, meant), key=len)
    if len(long) - len(short) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = short[at + 1 : at + 2] + short[at] + short[at + 2 :]
    return short[at + 1 :] == long[at + 1 :] or swapped == long[at:]


class _Row:
    """The cells of one row, with their places; `problems` grows as they are read."""

    def __init__(self, source: Source, line: int, cells: Mapping[str, str]) -> None:
        self.source, self.line, self.cells = source, line, cells
        self.problems: list[Problem] = []

    def text(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def span(self, column: str) -> Span:
        """Where a cell stands; the row where that is not to be told."""
        line, start = self.source.line(self.line), 0
        for name in self.cells:  # in order: what stands before may have the same text in it
            text = self.text(name)
            column_at = line.find(text, start)
            if column_at < 0:
                break
            if name == column and text:
                return Span(self.source, self.line, column_at + 1, column_at + len(text) + 1)
            start = column_at + len(text)
        return Span(self.source, self.line, 1, len(line) + 1)

    def problem(self, column: str, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(message, self.span(column), hint))

    def number(self, column: str, least: float, most: float) -> float | None:
        """A number above zero; None where there is none, or a wrong one, which is reported."""
        text = self.text(column)
        if not text:
            return None
        value = _number(text)
        if value is None:
            hint = _QUOTES if "=" in text else "a plain number with a point: `13.4`"
            self.problem(column, f"`{text}` in `{column}` is no number", hint)
        elif not math.isfinite(value) and text.strip("+-").isalpha():  # 1e400 is a number
            what, hint = "number", "leave it empty where it is not known"
            if column == "latency_ms":
                what, hint = "time", "leave out rows without a time"
            self.problem(column, f"`{text}` in `{column}` is no {what}", hint)
        elif not value > 0:
            hint = "leave out what is not known: unknown is not zero"
            self.problem(column, f"`{column}` must be above zero, not {text}", hint)
        elif not least <= value <= most:
            bound = f"under {least:,.10g}" if value < least else f"over {most:,.10g}"
            unit = {"latency_ms": "milliseconds", "energy_uj": "microjoules"}.get(column)
            hint = f"it is in {unit}: is this another unit?" if unit else "leave out what is wrong"
            self.problem(column, f"`{column}` is absurd: {text} is {bound}", hint)
        else:
            return value
        return None

    def whole(self, column: str, most: int) -> int | None:
        value = self.number(column, 0.0, most)
        if value is None or value == int(value):
            return None if value is None else int(value)
        hint = "leave it empty where it is not known"
        self.problem(column, f"`{column}` must be a whole number, not {self.text(column)}", hint)
        return None


def _number(text: str) -> float | None:
    """The number in a text, which may be `nan` or `inf`; None for a text that is no number."""
    if text.isascii() and "_" not in text:  # float() takes 1_000 and digits of all scripts
        with suppress(ValueError):
            return float(text)
    return None


_NOT_STATED: Mapping[str, str] = MappingProxyType(
    {"precision": "fp32", "batch": "1", "role": NETWORK}
)
"""The value of an empty cell."""


def _stated(row: _Row, column: str) -> str:
    """What a row says in a column, as `_value` has it of a good row; a wrong cell as it stands."""
    text = row.text(column)
    if column == "model":
        with suppress(ModelReferenceError):
            return from_here(text, row.source.path)
        return text
    if column == "family":
        model = row.text("model")
        return text or model[: name_length(model)]
    number = _number(text) if column in ("threads", "batch") else None
    if number is not None and math.isfinite(number) and number == int(number):
        return str(int(number))
    return text or _NOT_STATED.get(column, "")


def _measurement(row: _Row) -> Measurement | None:
    """What a row says, without a time where a cell is wrong; None where no network is named that
    may be read."""
    before = len(row.problems)
    model, precision = row.text("model"), row.text("precision")
    if not model:
        row.problem("model", "this row names no `model`", "which network was measured?")
    milliseconds = row.number("latency_ms", _LEAST_MS, _MOST_MS)
    if not row.text("latency_ms"):
        rate = throughput_column([name for name in row.cells if row.text(name)])
        if rate is None:
            row.problem("latency_ms", "this row has no `latency_ms`", "leave the row out")
        else:
            message = f"this row has `{rate}` and no `latency_ms`"
            row.problem(rate, message, f"{NO_LATENCY}: leave the row out")
    elif says_throughput(row.text("measured_as")):
        message = f"`{row.text('measured_as')}` is no latency"
        row.problem("measured_as", message, f"{NO_LATENCY}: leave the row out")
    if precision and precision not in PRECISIONS:
        hint = did_you_mean(precision, PRECISIONS) or f"it is {one_of(PRECISIONS)}"
        row.problem("precision", f"there is no precision `{precision}`", hint)
    role = row.text("role") or NETWORK
    if role not in ROLES:
        row.problem("role", f"there is no role `{role}`", f"it is {one_of(ROLES)}")
    threads, batch = row.whole("threads", 4096), row.whole("batch", 1_000_000)
    energy = row.number("energy_uj", 0.0, 1e12)
    network = _network(row, "model")
    beside = _network(row, "reference") if row.text("reference") != NO_REFERENCE else NO_REFERENCE
    if network is None:
        return None
    good = len(row.problems) == before
    return Measurement(
        model=network,
        latency_s=milliseconds / 1e3 if good and milliseconds else math.nan,
        device=row.text("device"),
        processor=row.text("processor"),
        runtime=row.text("runtime"),
        precision=precision if precision in PRECISIONS else "fp32",
        threads=threads,
        batch=batch or 1,
        family=row.text("family") or model[: name_length(model)],
        run=row.text("run"),
        source=row.text("source"),
        energy_j=None if energy is None else energy * 1e-6,
        span=row.span("model"),
        time_span=row.span("latency_ms"),
        runtime_version=row.text("runtime_version"),
        date=row.text("date"),
        role=role,
        reference=beside or "",
        is_disturbed=bool(beside) and row.text("runs") == "0",
    )


def _network(row: _Row, column: str) -> str | None:
    """The network that a cell names; None where it is empty, or may not be read, which is
    reported."""
    model = row.text(column)
    if not model:
        return None
    try:
        return from_here(model, row.source.path)
    except ModelReferenceError as error:
        for problem in error.problems:
            row.problem(column, problem.message, problem.hint)
    return None


def from_here(model: str, file: str) -> str:
    """A path in a reference is seen from the folder of the file that names it.

    Raises `ModelReferenceError` for one that leads out of that folder, and for a revision.
    """
    refuse_revision(model)
    name = model[: name_length(model)]
    return path_beside(file, name) + model[len(name) :] if is_path(name) else model


def name_length(model: str) -> int:
    """Where a variant or knobs begin: folders may have `@` and `:` in their names."""
    slash = max(model.rfind("/"), model.rfind("\\")) + 1
    marks = [at for at in (model.find(mark, slash) for mark in "@:") if at >= 0]
    return min(marks, default=len(model))


def check_columns(where: Mapping[str, str]) -> None:
    """Raise `MeasurementError` for a column by which rows cannot be chosen."""
    for column in where:
        if column not in _CHOOSABLE:
            hint = did_you_mean(column, _CHOOSABLE) or f"there are {', '.join(_CHOOSABLE)}"
            raise MeasurementError(Problem(f"rows cannot be chosen by `{column}`", hint=hint))


def chosen(
    measurements: tuple[Measurement, ...], where: Mapping[str, str]
) -> tuple[Measurement, ...]:
    """The measurements whose columns have these values; `MeasurementError` if there are none."""
    check_columns(where)
    for column, value in where.items():
        kept = tuple(
            measurement for measurement in measurements if _value(measurement, column) == value
        )
        if not kept:
            known = [
                word
                for word in {_value(measurement, column): None for measurement in measurements}
                if word
            ]
            named = [f"`{word}`" for word in known]
            more = ", ..." if len(named) > _SHOWN else ""
            hint = did_you_mean(value, known) or (
                f"there {'are' if len(named) > 1 else 'is'} {', '.join(named[:_SHOWN])}{more}"
                if named
                else f"no row states its {column}"
            )
            raise MeasurementError(Problem(f"no row has the {column} `{value}`", hint=hint))
        measurements = kept
    return measurements


def of_one_setting(measurements: tuple[Measurement, ...]) -> Measurement:
    """The first of measurements that are of one device, runtime and number of threads.

    Raises `MeasurementError` where they are not: their times have nothing in common.
    """
    problems = ProblemList()
    for column, several in _SEVERAL.items():
        values = [_value(measurement, column) for measurement in measurements]
        counted = Counter(values)
        if len(counted) == 1:
            continue
        words = ", ".join(
            f"`{value}` ({count})" if value else f"not stated ({count})"
            for value, count in list(counted.items())[:_SHOWN]
        ) + (", ..." if len(counted) > _SHOWN else "")
        place = next(i for i, value in enumerate(values) if value != values[0])
        most = max(counted, key=lambda value: (bool(value), counted[value]))
        hint = f"a fit is of one: `--where {shlex.quote(f'{column}={most}')}`"
        message = f"rows of several {several}: {words}"
        problems.append(Problem(message, measurements[place].span, hint))
    if problems:
        raise MeasurementError(problems)
    return measurements[0]


_SEVERAL = {
    "device": "devices", "runtime": "runtimes", "threads": "numbers of threads",
}  # fmt: skip
_SHOWN = 8
_CHOOSABLE = (
    *_SEVERAL, "precision", "batch", "family", "run", "date", "runtime_version", "model", "role",
)  # fmt: skip


def _value(measurement: Measurement, column: str) -> str:
    value = getattr(measurement, column)
    return "" if value is None else str(value)
