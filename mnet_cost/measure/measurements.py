"""Files of measured times: one row a measurement, with the network, where it ran, and how long.

Columns `model` and `latency_ms` must be there; `device`, `runtime`, `precision`, `threads`,
`batch`, `family`, `processor`, `run`, `date`, `source` and `energy_uj` may be; others are not read.
All problems of a file are raised at once, each at the user's own cell. Not here: whether the
network is there, which elaborating it tells.
"""

from __future__ import annotations

import csv
import math
import os
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mnet_cost.errors import (
    MeasurementError,
    Problem,
    ProblemList,
    Source,
    Span,
    TooManyProblemsError,
    did_you_mean,
    one_of,
)
from mnet_cost.models.library import is_path
from mnet_cost.tensors import PRECISIONS
from mnet_cost.yamlfile import read_text

REQUIRED = ("model", "latency_ms")
OPTIONAL = (
    "device", "processor", "runtime", "precision", "threads", "batch", "family", "run", "date",
    "source", "energy_uj",
)  # fmt: skip

_LEAST_MS = 1e-6
_MOST_MS = 1e8
"""A nanosecond and a day: what is outside has mistaken the unit."""
_MOST_COLUMNS = 100
"""Whose names are held against those that are known: a hostile file has a million."""


class Measurement(NamedTuple):
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


class Reading(NamedTuple):
    """What a file says, and all that is wrong with its cells."""

    rows: tuple[Measurement, ...]
    unfit: tuple[Measurement, ...]
    """Rows with a wrong cell and so no time (NaN), whose network can be looked for all the same."""
    problems: tuple[Problem, ...]


def read_measurements(path: str | os.PathLike[str]) -> tuple[Measurement, ...]:
    """The rows of a CSV file; `MeasurementError` with all that is wrong."""
    found = read_cells(path)
    raise_if_any(found.problems)
    return found.rows


def read_cells(path: str | os.PathLike[str]) -> Reading:
    """The rows of a CSV file, good and bad; `MeasurementError` if it cannot be read at all."""
    name = os.fspath(path)
    source = read_text(name, error=MeasurementError)
    problems = ProblemList()
    rows: list[Measurement] = []
    with suppress(TooManyProblemsError):
        for one in _rows(source, problems):
            rows.append(one)
    if not rows and not problems:
        what = "has no measurements" if source.text.strip() else "is empty"
        hint = f"a file is a header, {_HEADER}, and a row for each measurement"
        problems.append(Problem(f"{name}: {what}", hint=hint))
    good = tuple(one for one in rows if not math.isnan(one.latency_s))
    unfit = tuple(one for one in rows if math.isnan(one.latency_s))
    return Reading(good, unfit, tuple(problems))


def raise_if_any(problems: Iterable[Problem]) -> None:
    """Raise `MeasurementError` with as many problems as one can read."""
    bounded = ProblemList()
    with suppress(TooManyProblemsError):
        for one in problems:
            bounded.append(one)
    if bounded:
        raise MeasurementError(bounded)


_HEADER = "`model,latency_ms,runtime,threads,precision,source`"
_QUOTES = 'a cell with a comma stands in quotes: `"net@alpha=1,resolution=96"`'


def _rows(source: Source, problems: ProblemList) -> Iterator[Measurement]:
    # Lines as errors count them: csv alone would not break where editors and `Source` do.
    reader = csv.reader([line + "\n" for line in source.lines()], strict=True)
    header: tuple[str, ...] = ()
    line = 1
    try:
        for row in reader:
            cells = _Row(source, line, dict(zip(header, row, strict=False)), problems)
            line = reader.line_num + 1  # of the next row: a cell may have several lines
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = tuple(name.strip() for name in row)
                _check_header(Span(source, cells.line, 1, cells.length + 1), header, problems)
                if problems:
                    return
            elif any(cell.strip() for cell in row[len(header) :]):
                cells.problem("", "this row has more cells than the header", _QUOTES)
            elif (measurement := _measurement(cells)) is not None:
                yield measurement
    except csv.Error as error:
        hint = 'a quote inside of quotes is written twice: `""`'
        if "unexpected end" in str(error) or "field limit" in str(error):
            hint = "a quote in this row is not closed"
        span = Span(source, line, 1, len(source.line(line)) + 1)
        problems.append(Problem(f"this is no CSV: {error}", span, hint))


def _check_header(whole: Span, names: Sequence[str], problems: ProblemList) -> None:
    known = (*REQUIRED, *OPTIONAL)
    for mark, words in ((";", "`;`"), ("\t", "tabs")):
        if len(names) == 1 and mark in names[0]:
            hint = "commas go between cells, and a number has a point: `13.4`"
            problems.append(Problem(f"the columns are separated by {words}", whole, hint))
            return
    for name in REQUIRED:
        if name not in names:
            near = next((one for one in names if did_you_mean(one.lower(), (name,))), None)
            hint = f"is it `{near}`?" if near else f"a header is {_HEADER}"
            problems.append(Problem(f"there is no column `{name}`", whole, hint))
    for name in names[:_MOST_COLUMNS]:
        if name in known and names.count(name) > 1:
            hint = "one of them must go, or have another name"
            problems.append(Problem(f"the column `{name}` is there twice", whole, hint))
            break
        if name not in known and (close := did_you_mean(name.lower(), OPTIONAL)):
            problems.append(Problem(f"there is no column `{name}`", whole, close))


class _Row:
    """The cells of one row, with their places."""

    def __init__(
        self, source: Source, line: int, cells: Mapping[str, str], problems: ProblemList
    ) -> None:
        self.source, self.line, self.cells, self.problems = source, line, cells, problems

    @property
    def length(self) -> int:
        return len(self.source.line(self.line))

    def text(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def span(self, column: str) -> Span:
        """Where a cell stands; the row where that is not to be told."""
        line, start = self.source.line(self.line), 0
        for name in self.cells:  # in order: what stands before may have the same text in it
            text = self.text(name)
            found = line.find(text, start)
            if found < 0:
                break
            if name == column and text:
                return Span(self.source, self.line, found + 1, found + len(text) + 1)
            start = found + len(text)
        return Span(self.source, self.line, 1, len(line) + 1)

    def problem(self, column: str, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(message, self.span(column), hint))

    def number(self, column: str, least: float, most: float) -> float | None:
        """A number above zero; None where there is none, or a wrong one, which is reported."""
        text = self.text(column)
        if not text:
            return None
        value = None
        if text.isascii() and "_" not in text:  # float() takes 1_000 and digits of all scripts
            with suppress(ValueError):
                value = float(text)
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


def _measurement(row: _Row) -> Measurement | None:
    """What a row says, without a time where a cell is wrong; None where no network is named."""
    before = len(row.problems)
    model, precision = row.text("model"), row.text("precision")
    if not model:
        row.problem("model", "this row names no `model`", "which network was measured?")
    milliseconds = row.number("latency_ms", _LEAST_MS, _MOST_MS)
    if not row.text("latency_ms"):
        row.problem("latency_ms", "this row has no `latency_ms`", "leave the row out")
    if precision and precision not in PRECISIONS:
        hint = did_you_mean(precision, PRECISIONS) or f"it is {one_of(PRECISIONS)}"
        row.problem("precision", f"there is no precision `{precision}`", hint)
    threads, batch = row.whole("threads", 4096), row.whole("batch", 1_000_000)
    energy = row.number("energy_uj", 0.0, 1e12)
    if not model:
        return None
    good = len(row.problems) == before
    return Measurement(
        model=_from_here(model, row.source.path),
        latency_s=milliseconds / 1e3 if good and milliseconds else math.nan,
        device=row.text("device"),
        processor=row.text("processor"),
        runtime=row.text("runtime"),
        precision=precision if precision in PRECISIONS else "fp32",
        threads=threads,
        batch=batch or 1,
        family=row.text("family") or model[: _name_length(model)],
        run=row.text("run"),
        source=row.text("source"),
        energy_j=None if energy is None else energy * 1e-6,
        span=row.span("model"),
        time_span=row.span("latency_ms"),
    )


def _from_here(model: str, file: str) -> str:
    """A path in a reference is seen from the folder of the file that names it."""
    name = model[: _name_length(model)]
    if not is_path(name) or os.path.isabs(name):
        return model
    path = os.path.normpath(Path(file).parent / name)
    # Of a file in the working directory the dot is kept where its name alone is no path.
    return (path if is_path(path) else os.path.join(".", path)) + model[len(name) :]


def _name_length(model: str) -> int:
    """Where a variant or knobs begin: folders may have `@` and `:` in their names."""
    slash = max(model.rfind("/"), model.rfind("\\")) + 1
    marks = [at for at in (model.find(mark, slash) for mark in "@:") if at >= 0]
    return min(marks, default=len(model))


def chosen(
    measurements: tuple[Measurement, ...], where: Mapping[str, str]
) -> tuple[Measurement, ...]:
    """Those whose columns have these values; `MeasurementError` where none has."""
    for column, value in where.items():
        if column not in _CHOOSABLE:
            hint = did_you_mean(column, _CHOOSABLE) or f"there are {', '.join(_CHOOSABLE)}"
            raise MeasurementError(Problem(f"rows cannot be chosen by `{column}`", hint=hint))
        kept = tuple(one for one in measurements if _value(one, column) == value)
        if not kept:
            known = [word for word in {_value(one, column): None for one in measurements} if word]
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
        values = [_value(one, column) for one in measurements]
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
_CHOOSABLE = (*_SEVERAL, "precision", "batch", "family", "run", "model")


def _value(one: Measurement, column: str) -> str:
    value = getattr(one, column)
    return "" if value is None else str(value)
