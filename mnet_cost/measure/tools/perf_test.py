"""onnxruntime's `onnxruntime_perf_test`: its averages are in milliseconds, percentiles in seconds.

Source: what it prints (onnxruntime/test/perftest/performance_runner.cc). Inferences a second are no
latency, and where runs overlap (`-c`) the time of one is not what it takes alone.
"""

from __future__ import annotations

import re

from mnet_cost.errors import Source
from mnet_cost.measure.tools.base import (
    Times,
    ToolRun,
    number,
    place,
    plain_lines,
    refused,
    seconds,
)

TOOL = "onnxruntime_perf_test"

_AVERAGE = re.compile(
    r"Average (?:inference )?time cost(?: total)?: ?([-+.\deE]{1,30}) (ms|s|us)\b"
)
_FIGURE = re.compile(r"(Min|Max|P50) Latency(?::| is) ?([-+.\deE]{1,30}) (sec|s|ms)\b")
_REQUESTS = re.compile(r"Total (?:inference requests|iterations): ?(\d{1,12})")
_SUM = re.compile(r"Total inference time cost: ?([-+.\deE]{1,30}) s\b")
_SPAN = re.compile(r"Total inference run time: ?([-+.\deE]{1,30}) s\b")
_THREADS = re.compile(r"Setting intra_op_num_threads to (\d{1,4})\b")
_PROVIDER = re.compile(r"[Uu]sing (\w{1,40})ExecutionProvider")
_NAMES = {"Min": "fastest_s", "Max": "slowest_s", "P50": "median_s"}
_OVERLAP = 0.9
"""Of the sum of all runs: what takes less has run several at once."""


def read(source: Source) -> tuple[ToolRun, ...] | None:
    """The run of a log."""
    lines = plain_lines(source)
    figures: dict[str, float] = {}
    runs, total, wall, threads, runtime, at = None, None, None, None, "onnxruntime", None
    is_ours = False
    for index, line in enumerate(lines):
        line = line[:1000]
        span = place(source, index + 1)
        is_ours = is_ours or "Session creation time cost" in line
        if match := _AVERAGE.search(line):
            figures["mean_s"] = seconds(number(match[1]) or 0.0, match[2], span)
            at = at or index + 1
        elif match := _FIGURE.search(line):
            figures[_NAMES[match[1]]] = seconds(number(match[2]) or 0.0, match[3], span)
            if match[1] == "P50":
                at = index + 1
        elif match := _REQUESTS.search(line):
            runs = int(match[1])
        elif match := _SUM.search(line):
            total = number(match[1])
        elif match := _SPAN.search(line):
            wall = number(match[1])
        elif match := _THREADS.search(line):
            threads = int(match[1]) or None
        elif match := _PROVIDER.search(line):
            runtime = _RUNTIMES.get(match[1].lower(), f"onnxruntime-{match[1].lower()}")
    if at is None or not ({"mean_s", "median_s"} & figures.keys()):
        if is_ours:
            raise refused(source, TOOL, "the run has failed, or the log is cut off")
        return None
    if not is_ours and runs is None:
        return None
    notes: tuple[str, ...] = ()
    overlapped = bool(total and wall and wall < _OVERLAP * total)
    if overlapped:
        notes = (
            "several inferences ran at once (`-c`): the time of one is longer than alone, so "
            "measure again with `-c 1`",
        )
    return (
        ToolRun(
            tool=TOOL, runtime=runtime, times=Times(**figures, runs=runs), threads=threads,
            span=place(source, at), notes=notes, overlapped=overlapped,
        ),
    )  # fmt: skip


_RUNTIMES = {"cpu": "onnxruntime", "cuda": "onnxruntime-cuda", "openvino": "openvino"}
