"""ncnn's `benchncnn`: a line for each of its networks, in milliseconds.

Source: what it prints (benchmark/benchncnn.cpp of Tencent/ncnn).
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

TOOL = "benchncnn"

_ROW = re.compile(
    r"(\S{1,200})  ?min = {1,20}([-+.\deE]{1,30})  ?max = {1,20}([-+.\deE]{1,30})"
    r"  ?avg = {1,20}([-+.\deE]{1,30})"
)
_SETTING = re.compile(r"(loop_count|num_threads|gpu_device) = (-?\d{1,6})\b")


def read(source: Source) -> tuple[ToolRun, ...] | None:
    """A run for each network."""
    settings: dict[str, int] = {}
    runs: list[ToolRun] = []
    for index, line in enumerate(plain_lines(source)):
        text = line[:1000]
        if match := _SETTING.search(text):
            settings[match[1]] = int(match[2])
        elif match := _ROW.search(text):
            span = place(source, index + 1)
            low, high, mean = (
                seconds(number(word) or 0.0, "ms", span) for word in match.groups()[1:]
            )
            is_gpu = settings.get("gpu_device", -1) >= 0
            threads = settings.get("num_threads", 0)
            runs.append(
                ToolRun(
                    tool=TOOL,
                    runtime="ncnn-vulkan" if is_gpu else "ncnn",
                    network=match[1],
                    times=Times(
                        mean_s=mean, fastest_s=low, slowest_s=high,
                        runs=settings.get("loop_count"),
                    ),
                    threads=None if is_gpu or threads < 1 else threads,
                    precision="int8" if match[1].endswith("_int8") else "",
                    span=span,
                )
            )  # fmt: skip
    if not runs:
        if {"loop_count", "num_threads"} <= settings.keys():
            raise refused(source, TOOL, "the run has failed, or the log is cut off")
        return None
    return tuple(runs)
