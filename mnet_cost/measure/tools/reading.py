"""Which tool wrote an output, and the runs in it.

`read_tool_runs` and `read_tool_output` are what commands call. A table of measurements in CSV is
read by `measure/measurements.py`.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Sequence

from mnet_cost.errors import MeasurementError, Problem, Source, did_you_mean
from mnet_cost.files import open_file
from mnet_cost.measure.drift import joined_rounds
from mnet_cost.measure.measurements import REQUIRED, read_measurements
from mnet_cost.measure.tools import benchmark_model, benchncnn, executorch, perf_test, trtexec
from mnet_cost.measure.tools.base import Reader, Times, ToolRun
from mnet_cost.paths import naming

READERS: tuple[Reader, ...] = (
    benchmark_model.read,
    trtexec.read,
    executorch.read,
    perf_test.read,
    benchncnn.read,
)
"""Each knows the output of its tool, so their order does not matter."""

TOOLS = (
    "TFLite's benchmark_model, TensorRT's trtexec (log, --exportTimes, --exportProfile), "
    "ExecuTorch's executor_runner and inspector, onnxruntime_perf_test, benchncnn"
)
MAX_BYTES = 16 * 2**20
"""Of an output: trtexec's times of 50,000 runs."""
_SHOWN = 8
_IN_NUMBERS = frozenset("0123456789.eE+-")


def read_tool_output(path: str | os.PathLike[str], network: str | None = None) -> ToolRun:
    """The run in the output of a tool, or in a table of measurements.

    `network` chooses one of several, by the name that the tool gives it. Raises `MeasurementError`
    for a file that no reader knows, that has no time, or that has several networks and none of that
    name.
    """
    runs = read_tool_runs(path)
    if runs is None:
        raise unknown(path)
    return run_of(runs, network)


def unknown(path: str | os.PathLike[str]) -> MeasurementError:
    """The error of a file that no reader knows."""
    hint = f"what can be read is the output of {TOOLS}, or a CSV with {' and '.join(REQUIRED)}"
    message = f"{os.fsdecode(path)}: no tool is known that writes this"
    return MeasurementError(Problem(message, hint=hint))


def run_of(runs: Sequence[ToolRun], network: str | None) -> ToolRun:
    """The run of a network by the tool's name for it; `MeasurementError` where it is not clear."""
    if network is None and len(runs) == 1:
        return runs[0]
    names = [run.network for run in runs]
    found = [run for run in runs if run.network == network]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(f"`{name}`" for name in names[:_SHOWN])
    more = ", ..." if len(names) > _SHOWN else ""
    if network is None:
        message = f"this is of {len(runs)} networks"
        hint = f"say which one is meant: {shown}{more}"
    else:
        message = f"`{network}` stands there {'twice' if found else 'nowhere'}"
        hint = did_you_mean(network, names) or f"there are {shown}{more}"
    raise MeasurementError(Problem(message, runs[0].span, hint))


def read_tool_runs(
    path: str | os.PathLike[str], *, tables: bool = True
) -> tuple[ToolRun, ...] | None:
    """All runs in an output; None for a file that no tool of those that are known wrote.

    A table of measurements is read as well, unless `tables` is false: it has none then. Raises
    `MeasurementError` for a file that cannot be read, and for an output without a time.
    """
    name = os.fsdecode(path)
    source = _source(name)
    if is_table(source):
        return _rows(name) if tables else ()
    for read in READERS:
        runs = read(source)
        if runs is not None:
            _refuse_cut(source, runs)
            return runs
    return None


def _refuse_cut(source: Source, runs: Sequence[ToolRun]) -> None:
    """`MeasurementError` where the file ends in the middle of a line with a time: digits of it may
    be missing."""
    lines = source.lines()
    last = runs[-1].span
    if last.line == len(lines) and lines[-1].rstrip(" ")[-1:] in _IN_NUMBERS:
        hint = "where the last number is whole, end its line with a line break"
        raise MeasurementError(
            Problem("the file ends within this line: is it cut off?", last, hint)
        )


def is_table(source: Source) -> bool:
    """Whether a text is a table of measurements: its first line names the columns."""
    first = next((line for line in source.lines()[:100] if line.strip()), "")[:10_000]
    return not {word.strip(' "') for word in first.split(",")}.isdisjoint(REQUIRED)


def _rows(path: str) -> tuple[ToolRun, ...]:
    return tuple(
        ToolRun(
            tool="a table",
            runtime=row.runtime,
            network=row.model,
            quantity="latency_ms",
            times=Times(stated_s=row.latency_s),
            runtime_version=row.version,
            threads=row.threads,
            precision=row.precision,
            batch=row.batch,
            span=row.time_span,
        )
        for row in joined_rounds(read_measurements(path))
    )


def _source(path: str) -> Source:
    """The text of an output: UTF-8, or UTF-16 as Windows shells write it. Logs of devices hold
    bytes that are neither: they are no letters of a number, and are replaced."""
    with naming(path, "cannot be read", MeasurementError), open_file(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        hint = "the part with the summary, and the table of operators, is enough"
        message = f"{path}: is larger than {MAX_BYTES // 2**20} MiB, which is the limit"
        raise MeasurementError(Problem(message, hint=hint))
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    return Source(path, text, is_file=True)
