"""ExecuTorch: the log of `executor_runner`, and the inspector's table of an ETDump (TSV or text).

Source: what they print (examples/portable/executor_runner and devtools/inspector of
pytorch/executorch). The inspector converts times of the runtime to the unit of its columns, but not
those of delegates that count in another unit, so operators that take more than the whole are not
used (pytorch/executorch issue 4504).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping

from mnet_cost.errors import MeasurementError, Problem, Source
from mnet_cost.measure.runtimes.base import RuntimeKernel
from mnet_cost.measure.tools.base import (
    UNITS,
    Times,
    ToolRun,
    checked_profile,
    number,
    place,
    plain_lines,
    refused,
    seconds,
)

TOOL = "ExecuTorch"

_ITERATION = re.compile(r"\bIteration \d{1,9} of \d{1,9}: ([-+.\deE]{1,30}) ms")
_TOTAL = re.compile(r"Model executed successfully (\d{1,9}) time\(s\) in ([-+.\deE]{1,30}) ms")
_AVERAGE = re.compile(r"\b(\d{1,9}) inference took ([-+.\deE]{1,30}) ms, avg ([-+.\deE]{1,30}) ms")
_LOADED = re.compile(r"Model file (\S{1,400}) is loaded")
_THREADS = re.compile(r"Resetting threadpool with num threads = (\d{1,4})\b")
_LOG = re.compile(r"executor_runner\.cpp:\d")

_EXECUTE = "Method::execute"
_NO_KERNELS = frozenset(
    (_EXECUTE, "Method::init", "Program::load_method", "OPERATOR_CALL", "DELEGATE_CALL")
)
"""Events around operators, or around all operators of a delegate."""
_LONGEST_ROW = 20_000
_NAME, _BLOCK = "event_name", "event_block_name"
_TIME = re.compile(r"(p50|avg|min|max)(?: ?\((\w{1,8})\))?")
_STATISTICS: Mapping[str, str] = {
    "p50": "median_s", "avg": "mean_s", "min": "fastest_s", "max": "slowest_s",
}  # fmt: skip


def read(source: Source) -> tuple[ToolRun, ...] | None:
    """The run of a log, or of the inspector's table."""
    lines = plain_lines(source)
    header = next((i for i, line in enumerate(lines) if _NAME in line and "p50" in line), None)
    if header is not None:
        return (_read_table(source, lines, header),)
    if not any(_LOG.search(line) for line in lines):
        return None
    return (_read_log(source, lines),)


def _read_log(source: Source, lines: list[str]) -> ToolRun:
    iterations: list[float] = []
    times, at, network, threads = None, 1, "", None
    for index, line in enumerate(lines):
        span = place(source, index + 1)
        if match := _ITERATION.search(line):
            iterations.append(_time(match[1], "ms", source, index))
            at = index + 1
        elif match := _TOTAL.search(line):
            runs = max(int(match[1]), 1)
            whole = seconds((number(match[2]) or 0.0) / runs, "ms", span)
            times, at = Times(mean_s=whole, runs=runs), index + 1
        elif match := _AVERAGE.search(line):
            times = Times(mean_s=_time(match[3], "ms", source, index), runs=int(match[1]))
            at = index + 1
        elif match := _LOADED.search(line):
            network = match[1]
        elif match := _THREADS.search(line):
            threads = int(match[1]) or None
    notes: tuple[str, ...] = ()
    if iterations:
        times = Times.of_runs(iterations)
    if times is None:
        hint = "`--num_executions 50` of a current version prints the time of each run"
        raise refused(source, "executor_runner", hint)
    if times.runs == 1:
        notes = ("it is the time of one run, the first: `--num_executions 50` measures more",)
    return ToolRun(
        tool="executor_runner", runtime="executorch", network=network, times=times,
        threads=threads, span=place(source, at), notes=notes,
    )  # fmt: skip


def _time(text: str, unit: str, source: Source, index: int) -> float:
    return seconds(number(text) or 0.0, unit, place(source, index + 1))


# --- the inspector's table


def _read_table(source: Source, lines: list[str], header: int) -> ToolRun:
    separator = next((mark for mark in "\t│|" if mark in lines[header]), ",")
    columns = _cells(lines[header], separator)
    if _NAME not in columns:
        raise MeasurementError(Problem(f"there is no column `{_NAME}`", place(source, header + 1)))
    units: dict[str, tuple[int, str]] = {}
    for number_, column in enumerate(columns):
        if match := _TIME.fullmatch(column):
            units[match[1]] = (number_, match[2] or "")
    span = place(source, header + 1)
    if any(unit not in UNITS for _, unit in units.values()) or not units:
        unit = next((unit for _, unit in units.values() if unit not in UNITS), "")
        hint = "the inspector's `target_time_scale` is the unit, `include_units=True` writes it"
        message = f"`{unit}` is no unit of time" if unit else "its times have no unit"
        raise MeasurementError(Problem(message, span, hint))
    name_at = columns.index(_NAME)
    block_at = columns.index(_BLOCK) if _BLOCK in columns else None
    rows = [
        (index, cells, "" if block_at is None else cells[block_at])
        for index, cells in _rows(lines, header, len(columns), separator)
    ]
    whole = [row for row in rows if row[1][name_at] == _EXECUTE]
    if not whole:
        hint = f"the row `{_EXECUTE}` has the time of a whole inference"
        raise refused(source, "the inspector of ExecuTorch", hint, header + 1)
    index, cells, block = whole[-1]
    figures = {
        _STATISTICS[key]: _time(cells[at], unit, source, index)
        for key, (at, unit) in units.items()
        if number(cells[at]) is not None
    }
    if not figures:
        raise MeasurementError(Problem("this row has no time", place(source, index + 1)))
    key = "p50" if "p50" in units else "avg"
    at, unit = units.get(key, next(iter(units.values())))
    operators = columns.index("op_types") if "op_types" in columns else None
    kernels = [
        RuntimeKernel(
            name=row[name_at],
            operator=_operator(row[operators]) if operators is not None else row[name_at],
            seconds=max(number(row[at]) or 0.0, 0.0) * UNITS[unit],
            nodes=(),
        )
        for _, row, own in rows
        if own == block and row[name_at] not in _NO_KERNELS
    ]
    times = Times(**figures, runs=None)
    profile, notes = checked_profile(kernels, 1, times.value_s)
    return ToolRun(
        tool="the inspector of ExecuTorch", runtime="executorch", times=times, profile=profile,
        quantity=_EXECUTE, span=place(source, index + 1), notes=notes,
    )  # fmt: skip


def _cells(line: str, separator: str) -> list[str]:
    """The cells of a row: between bars in text, tabs in TSV, commas in CSV."""
    line = line[:_LONGEST_ROW]
    if separator == ",":
        try:
            return [cell.strip() for cell in next(csv.reader([line]), [])]
        except csv.Error:  # a line of another program
            return []
    if separator != "\t":
        line = line.strip().strip(separator)
    return [cell.strip().strip('"') for cell in line.split(separator)]


def _rows(
    lines: list[str], header: int, width: int, separator: str
) -> Iterator[tuple[int, list[str]]]:
    for index in range(header + 1, len(lines)):
        if lines[index].strip():
            cells = _cells(lines[index], separator)
            if len(cells) == width:
                yield index, cells


def _operator(text: str) -> str:
    """The first of `['aten.convolution.default', ...]`."""
    match = re.match(r"\[?'([\w.:]{1,100})'", text)
    return match[1] if match else ""
