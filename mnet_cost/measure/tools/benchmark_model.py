"""TFLite's `benchmark_model`: its log, and its times of operators as a table or as CSV.

Times of runs are in microseconds, those of operators in milliseconds. Source: what it prints
(tensorflow/lite/tools/benchmark/benchmark_model.cc and core/util/stats_calculator.cc).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from mnet_cost.errors import MeasurementError, Problem, Source
from mnet_cost.measure.runtimes.base import RuntimeKernel
from mnet_cost.measure.tools.base import (
    Times,
    ToolRun,
    checked_profile,
    number,
    place,
    plain_lines,
    refused,
    run_of_numbers,
    seconds,
)

TOOL = "benchmark_model"

_COUNT = re.compile(r"\bcount=(\d{1,12})((?: [a-z0-9]{1,8}=[-+.\deE]{1,30}){1,12})")
_TIMINGS = re.compile(r"Inference timings in us: .{0,200}?Inference \(avg\): ([-+.\deE]{1,30})")
_GRAPH = re.compile(r"(?:^|\s)Graph: \[([^\]]{1,1000})\]")
_HEADERS = ("[node type]", "node type,")
_REGULAR = "Operator-wise Profiling Info for Regular Benchmark Runs"
_TITLE = re.compile(r"=+ ([A-Z][\w ]{0,60}) =+")
_RUN_ORDER = "Run Order"


def read(source: Source) -> tuple[ToolRun, ...] | None:
    """The run of a log, or the times of operators of a CSV."""
    lines = plain_lines(source)
    _refuse_several(source, lines)
    settings = _settings(lines)
    logged = _logged(source, lines)
    header = _header(lines)
    if logged is None and header is None:
        if "Graph" in settings and any("Running benchmark for at least" in line for line in lines):
            raise refused(source, TOOL, "the run has failed, or the log is cut off")
        return None
    times = None if logged is None else logged.times
    kernels = [] if header is None else _kernels(lines, header)
    if times is None and not kernels:
        raise refused(source, TOOL, "the table is cut off", (header or 0) + 1)
    whole = None if times is None else times.mean_s
    runs = (times.runs if times else None) or 1
    profile, notes = checked_profile(kernels, runs, whole)
    precision, said = _precision(settings)
    line = logged.line if logged else (header or 0) + 1
    return (
        ToolRun(
            tool=TOOL,
            runtime=_runtime(settings),
            network=settings.get("Graph", ""),
            times=times,
            threads=_threads(settings),
            precision=precision,
            profile=profile,
            span=place(source, line),
            notes=(*notes, *said),
        ),
    )


def _refuse_several(source: Source, lines: list[str]) -> None:
    """Raise for logs of several networks in one file: a time of one would be that of another."""
    first = ""
    for index, line in enumerate(lines):
        if match := _GRAPH.search(line):
            if first and match[1] != first:
                message = f"the log of `{match[1][:100]}` begins here, behind that of another"
                hint = "give each network a file of its own"
                raise MeasurementError(Problem(message, place(source, index + 1), hint))
            first = match[1]


class _Logged(NamedTuple):
    times: Times
    line: int


def _logged(source: Source, lines: list[str]) -> _Logged | None:
    """The times of the regular runs, which come after those of warming up."""
    counts, timings, begun = None, None, 0
    for index, line in enumerate(lines):
        begun += "Running benchmark for at least" in line
        if begun >= 2 and (match := _COUNT.search(line)):
            counts = (match, index)
        elif match := _TIMINGS.search(line):
            timings = (match, index)
            break  # what follows are counts of operators
    if timings is None and counts is None:
        return None
    index = timings[1] if timings else counts[1] if counts else 0
    span = place(source, index + 1)
    stated: dict[str, float] = {}
    runs = None
    if counts is not None:
        runs = int(counts[0][1])
        for word in counts[0][2].split():
            key, _, text = word.partition("=")
            value = number(text)
            if value is not None:
                stated[key] = value
        if runs == 1:  # `count=1 curr=...`
            stated = {"avg": stated["curr"]} if "curr" in stated else {}
    mean = number(timings[0][1]) if timings else stated.get("avg")
    if mean is None:
        raise refused(source, TOOL, "the log is cut off", index + 1)

    def time(key: str) -> float | None:
        return seconds(stated[key], "us", span) if key in stated else None

    times = Times(
        median_s=time("median"), mean_s=seconds(mean, "us", span), fastest_s=time("min"),
        slowest_s=time("max"), runs=runs,
    )  # fmt: skip
    return _Logged(times, index + 1)


def _settings(lines: list[str]) -> dict[str, str]:
    """What the tool lists of its own settings: `Num threads: [4]`."""
    settings: dict[str, str] = {}
    for line in lines[:2000]:
        before, bracket, behind = line.partition(": [")
        value, end, _ = behind.partition("]")
        if bracket and end:
            settings[before.rpartition(": ")[2].strip()] = value.strip()
    return settings


def _threads(settings: Mapping[str, str]) -> int | None:
    for key in ("#threads used for CPU inference", "Num threads"):
        value = settings.get(key, "")
        if value.isascii() and value.isdigit() and 1 <= int(value[:5]) <= 4096:
            return int(value)
    return None


_DELEGATES: Mapping[str, str] = {
    "use gpu": "tflite-gpu", "use nnapi": "tflite-nnapi", "use hexagon": "tflite-hexagon",
    "use coreml": "tflite-coreml",
}  # fmt: skip
"""Runtimes that do the work of TFLite, by the setting that says so."""
_YES = ("1", "true")


def _runtime(settings: Mapping[str, str]) -> str:
    for key, value in settings.items():
        runtime = _DELEGATES.get(key.lower())
        if runtime and value in _YES:
            return runtime
    return "tflite"


def _precision(settings: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """fp16 on a GPU, unless it is forbidden; which precision a file has is not in the log."""
    lower = {key.lower(): value for key, value in settings.items()}
    forbidden = lower.get("allow lower precision in gpu", "1") not in _YES
    if _runtime(settings) != "tflite-gpu" or forbidden:
        return "", ()
    return "fp16", ("the GPU delegate computes in fp16, since the log does not forbid it",)


def _header(lines: list[str]) -> int | None:
    """The header of the table of the regular runs in the order in which operators run."""
    start = next((i for i, line in enumerate(lines) if _REGULAR in line), 0)
    title = ""
    for index in range(start, len(lines)):
        if match := _TITLE.search(lines[index]):
            title = match[1]
        if title == _RUN_ORDER and any(mark in lines[index] for mark in _HEADERS):
            return index
    return None


def _kernels(lines: list[str], header: int) -> list[RuntimeKernel]:
    head = lines[header]
    is_csv = "[node type]" not in head
    start = head.find(_HEADERS[is_csv])
    if is_csv:
        columns = [column.strip() for column in head[start:].split(",")]
    else:
        columns = re.findall(r"\[([^\]]{1,30})\]", head[start:])
    columns = [column.lower().replace("_", " ") for column in columns]
    if columns[:1] != ["node type"] or columns[-1:] != ["name"] or "avg ms" not in columns:
        return []
    numeric = columns[1:-1]
    pattern = "".join("p" if "%" in column else "n" for column in numeric)
    average = numeric.index("avg ms")
    called = numeric.index("times called") if "times called" in numeric else None
    kernels = []
    for index in range(header + 1, len(lines)):
        # A log of a phone has a prefix of its own in each line, as long as that of the header.
        line = lines[index][start:] if start > 0 and is_csv else lines[index]
        if not line.strip() or _TITLE.search(line):
            break
        fields = [word.strip() for word in line.split(",")] if is_csv else line.split()
        first = run_of_numbers(fields, pattern)
        if first is None:
            continue
        between = ", " if is_csv else " "
        time = number(fields[first + average]) or 0.0
        count = 1 if called is None else int(number(fields[first + called]) or 1)
        name = between.join(fields[first + len(pattern) :])
        kind = between.join(fields[:first])
        kernels.append(
            RuntimeKernel(
                name=name or kind,
                operator=kind.rpartition(": ")[2],
                seconds=max(time, 0.0) * max(count, 1) * 1e-3,
                nodes=_nodes(name),
            )
        )
    return kernels


def _nodes(name: str) -> tuple[str, ...]:
    """Tensors that an operator makes: `[a, b]:3` is the third of the operators."""
    inner, _, _ = name.rpartition("]")
    if not name.startswith("[") or not inner:
        return ()
    return tuple(word.strip() for word in inner[1:].split(", ") if word.strip())
