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
from collections.abc import Iterator, Mapping
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
from mnet_cost.models.library import is_path, split_reference
from mnet_cost.tensors import PRECISIONS
from mnet_cost.yamlfile import read_text

REQUIRED = ("model", "latency_ms")
OPTIONAL = (
    "device", "processor", "runtime", "precision", "threads", "batch", "family", "run", "date",
    "source", "energy_uj",
)  # fmt: skip

_MOST_MS = 1e8
"""A day: whoever waits longer has mistaken the unit."""


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


def read_measurements(path: str | os.PathLike[str]) -> tuple[Measurement, ...]:
    """The rows of a CSV file; `MeasurementError` with all that is wrong."""
    name = os.fspath(path)
    source = read_text(name, error=MeasurementError)
    problems = ProblemList()
    rows: list[Measurement] = []
    with suppress(TooManyProblemsError):
        rows = list(_rows(source, problems))
    if not rows and not problems:
        message = f"{name} has no measurements"
        problems.append(Problem(message, hint=f"a header, {_HEADER}, and a row for each"))
    if problems:
        raise MeasurementError(problems)
    return tuple(rows)


_HEADER = "`model,latency_ms,runtime,threads,precision,source`"


def _rows(source: Source, problems: ProblemList) -> Iterator[Measurement]:
    lines = source.text.splitlines(keepends=True)
    try:
        reader = csv.DictReader(lines, strict=True)
        header = reader.fieldnames or ()
        _check_header(source, header, problems)
        if problems:
            return
        for row in reader:
            cells = _Row(source, reader.line_num, row, problems)
            if None in row:  # where csv puts what is beyond the header
                cells.problem(
                    "", "this row has more cells than the header",
                    "a cell with a comma stands in quotes: `\"net@alpha=1,resolution=96\"`",
                )  # fmt: skip
            elif (measurement := _measurement(cells)) is not None:
                yield measurement
    except csv.Error as error:
        span = Span(source, reader.line_num or 1, 1, 2)
        problems.append(Problem(f"this is no CSV: {error}", span))


def _check_header(source: Source, header: object, problems: ProblemList) -> None:
    names = tuple(header) if isinstance(header, (list, tuple)) else ()
    whole = Span(source, 1, 1, len(source.line(1)) + 1)
    known = (*REQUIRED, *OPTIONAL)
    for name in REQUIRED:
        if name not in names:
            near = next((one for one in names if did_you_mean(str(one), (name,))), None)
            hint = f"is it `{near}`?" if near else f"a header is {_HEADER}"
            problems.append(Problem(f"there is no column `{name}`", whole, hint))
    for name in names:
        if names.count(name) > 1 and name in known:
            problems.append(Problem(f"the column `{name}` is there twice", whole))
            break
        if name not in known and (close := did_you_mean(str(name), OPTIONAL)):
            problems.append(Problem(f"there is no column `{name}`", whole, close))


class _Row:
    """The cells of one row, with their places."""

    def __init__(
        self, source: Source, line: int, cells: Mapping[str, str | None], problems: ProblemList
    ) -> None:
        self.source, self.line, self.cells, self.problems = source, line, cells, problems

    def text(self, column: str) -> str:
        return (self.cells.get(column) or "").strip()

    def span(self, column: str) -> Span:
        line, text = self.source.line(self.line), self.text(column)
        start = line.find(text) if text else 0
        end = start + len(text) if text and start >= 0 else len(line)
        return Span(self.source, self.line, max(start, 0) + 1, end + 1)

    def problem(self, column: str, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(message, self.span(column), hint))

    def number(self, column: str, most: float) -> float | None:
        """A number above zero; None where there is none, or a wrong one, which is reported."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            hint = "milliseconds as a plain number: `13.4`" if column == "latency_ms" else None
            self.problem(column, f"`{text}` in `{column}` is no number", hint)
            return None
        if not (math.isfinite(value) and 0 < value <= most):
            self.problem(column, f"`{column}` must be above zero and at most {most:g}, not {text}")
            return None
        return value

    def whole(self, column: str, most: int) -> int | None:
        value = self.number(column, most)
        if value is None or value == int(value):
            return None if value is None else int(value)
        self.problem(column, f"`{column}` must be a whole number, not {self.text(column)}")
        return None


def _measurement(row: _Row) -> Measurement | None:
    before = len(row.problems)
    model, precision = row.text("model"), row.text("precision")
    if not model:
        row.problem("model", "this row names no `model`")
    milliseconds = row.number("latency_ms", _MOST_MS)
    if not row.text("latency_ms"):
        row.problem("latency_ms", "this row has no `latency_ms`", "leave the row out")
    if precision and precision not in PRECISIONS:
        hint = did_you_mean(precision, PRECISIONS) or f"it is {one_of(PRECISIONS)}"
        row.problem("precision", f"there is no precision `{precision}`", hint)
    threads, batch = row.whole("threads", 4096), row.whole("batch", 1_000_000)
    energy = row.number("energy_uj", 1e12)
    if len(row.problems) > before or milliseconds is None:
        return None
    return Measurement(
        model=_from_here(model, row.source.path),
        latency_s=milliseconds / 1e3,
        device=row.text("device"),
        processor=row.text("processor"),
        runtime=row.text("runtime"),
        precision=precision or "fp32",
        threads=threads,
        batch=batch or 1,
        family=row.text("family") or model.partition("@")[0].partition(":")[0],
        run=row.text("run"),
        source=row.text("source"),
        energy_j=None if energy is None else energy * 1e-6,
        span=row.span("model"),
    )


def _from_here(model: str, file: str) -> str:
    """A path in a reference is seen from the folder of the file that names it."""
    name = model.partition("@")[0]
    name = split_reference(name)[0] if ":" in name else name
    if not is_path(name) or os.path.isabs(name):
        return model
    return os.path.normpath(Path(file).parent / name) + model[len(name) :]


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
            known = list(dict.fromkeys(_value(one, column) for one in measurements))
            hint = did_you_mean(value, known) or f"there are {', '.join(known[:12])}"
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
        counted = {value: values.count(value) for value in dict.fromkeys(values)}
        if len(counted) == 1:
            continue
        words = ", ".join(
            f"`{value}` ({count})" if value else f"not stated ({count})"
            for value, count in list(counted.items())[:8]
        )
        place = next(i for i, value in enumerate(values) if value != values[0])
        most = max(counted, key=lambda value: (bool(value), counted[value]))
        hint = f"a fit is of one: `--where {column}={most}`"
        message = f"rows of several {several}: {words}"
        problems.append(Problem(message, measurements[place].span, hint))
    if problems:
        raise MeasurementError(problems)
    return measurements[0]


_SEVERAL = {
    "device": "devices", "runtime": "runtimes", "threads": "numbers of threads",
}  # fmt: skip
_CHOOSABLE = (*_SEVERAL, "precision", "batch", "family", "run", "model")


def _value(one: Measurement, column: str) -> str:
    value = getattr(one, column)
    return "" if value is None else str(value)
