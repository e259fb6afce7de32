"""TensorRT's `trtexec`: its log, and what `--exportTimes` and `--exportProfile` write.

The time of a network is its *GPU compute time*: from the first kernel to the last. Its *latency* is
that with copies to the GPU and back. A throughput says neither, since inferences overlap. Source:
what it prints (samples/common/sampleReporting.cpp of NVIDIA/TensorRT, from 7 on).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mnet_cost.errors import MeasurementError, Problem, Source
from mnet_cost.measure.runtimes.base import RuntimeKernel, RuntimeProfile
from mnet_cost.measure.tools.base import (
    Times,
    ToolRun,
    checked_profile,
    number,
    place,
    plain_lines,
    refused,
    seconds,
)

TOOL = "trtexec"
COMPUTE = "GPU compute time"
LATENCY = "latency with transfers"

_PREFIX = re.compile(r"(?:\[[\d/:. -]{1,40}\] )?\[[IWEV]\] ?")
_SUMMARY: Mapping[str, str] = {
    "GPU Compute Time": COMPUTE, "Latency": LATENCY, "Enqueue Time": "enqueue time",
    "H2D Latency": "transfer to the GPU", "D2H Latency": "transfer from the GPU",
}  # fmt: skip
_HEADINGS: Mapping[str, str] = {
    "Host Latency": LATENCY, "GPU Compute": COMPUTE, "Enqueue Time": "enqueue time",
}  # fmt: skip
"""Of version 7, where each figure has a line."""
_STATISTICS: Mapping[str, str] = {
    "min": "fastest_s", "max": "slowest_s", "mean": "mean_s", "median": "median_s",
}  # fmt: skip
_FIGURE = re.compile(r"(min|max|mean|median)(?: =|:) ([-+.\deE]{1,30}) ms")
_QUERIES = re.compile(r"Timing trace has (\d{1,12}) queries")
_OPTION = re.compile(r"(Model|Precision|Batch|Version|TensorRT version): (.{1,400})")
_BINDING = re.compile(
    r"[Ii]nput binding for \S{1,400} (?:with dimensions|is) (\d{1,9})x[\dx]{1,60}"
)
_PROFILE = re.compile(r"=== Profile \((\d{1,12}) iterations ?\) ===")


def read(source: Source) -> tuple[ToolRun, ...] | None:
    """The run of a log, of measured runs or of a profile in JSON."""
    start = source.text[:200].lstrip()
    if start.startswith("["):
        head = source.text[:4000]
        if '"latencyMs"' in head or '"averageMs"' in head or '"computeMs"' in head:
            return (_read_json(source),)
    lines = [_PREFIX.sub("", line, count=1) for line in plain_lines(source)]
    marks = (
        "=== Performance summary ===",
        "&&&& RUNNING TensorRT.trtexec",
        "=== Model Options ===",
    )
    is_log = any(mark in line for line in lines for mark in marks)
    if not is_log and not any(_PROFILE.match(line.strip()) for line in lines):
        return None
    begun = [index for index, line in enumerate(lines) if marks[0] in line]
    if len(begun) > 1:
        message = "a second run ends here: which network has which time is not clear"
        hint = "give each network a file of its own"
        raise MeasurementError(Problem(message, place(source, begun[1] + 1), hint))
    return (_read_log(source, lines),)


def _read_log(source: Source, lines: list[str]) -> ToolRun:
    figures: dict[str, dict[str, float]] = {}
    line_of: dict[str, int] = {}
    options: dict[str, str] = {}
    heading, runs, batch, profile_at = "", None, None, None
    for index, line in enumerate(lines):
        text = line.strip()
        name, colon, rest = text.partition(":")
        quantity = _SUMMARY.get(name) if colon else None
        if text in _HEADINGS:
            heading = _HEADINGS[text]
        elif quantity is None and heading and name in _STATISTICS:
            quantity, rest = heading, text
        if quantity is not None:
            found = {_STATISTICS[match[1]]: match[2] for match in _FIGURE.finditer(rest[:600])}
            for key, word in found.items():
                value = number(word)
                if value is not None:
                    figures.setdefault(quantity, {})[key] = value
                    line_of[quantity] = index + 1
        elif match := _QUERIES.search(text):
            runs = int(match[1])
        elif match := _BINDING.search(text):
            batch = batch or int(match[1])
        elif match := _OPTION.match(text):
            options.setdefault(match[1], match[2].strip())
        elif _PROFILE.match(text):
            profile_at = index
    times = {
        quantity: _times(source, found, line_of[quantity], runs)
        for quantity, found in figures.items()
        if quantity in (COMPUTE, LATENCY) and found.keys() - {"slowest_s"}
    }
    chosen = COMPUTE if COMPUTE in times else LATENCY if LATENCY in times else None
    kernels, profiled = _table(lines, profile_at)
    if chosen is None and not kernels:
        failed = next((i for i, text in enumerate(lines) if "FAILED" in text), 0)
        hint = "the build has failed, or the log is cut off; `--skipInference` measures nothing"
        raise refused(source, TOOL, hint, failed + 1)
    whole = times[chosen].mean_s or times[chosen].value_s if chosen else None
    profile, notes = checked_profile(kernels, profiled, whole)
    precision, said = _precision(options.get("Precision", ""))
    stated = options.get("Batch", "")
    if stated.isascii() and stated.isdigit():
        batch = int(stated[:9])
    return ToolRun(
        tool=TOOL,
        runtime="tensorrt",
        network=options.get("Model", ""),
        quantity=chosen or COMPUTE,
        times=times.pop(chosen) if chosen else None,
        others=times,
        runtime_version=options.get("TensorRT version", options.get("Version", "")),
        precision=precision,
        batch=batch,
        profile=profile,
        span=place(source, line_of[chosen] if chosen else (profile_at or 0) + 1),
        notes=(*notes, *said),
    )


def _times(source: Source, found: Mapping[str, float], line: int, runs: int | None) -> Times:
    span = place(source, line)
    return Times(**{key: seconds(value, "ms", span) for key, value in found.items()}, runs=runs)


def _precision(text: str) -> tuple[str, tuple[str, ...]]:
    """The lowest precision that the engine may have, which decides its times."""
    allowed = [word.strip().lower() for word in text.split(" (")[0].split("+")]
    lowest = next((word for word in ("int8", "fp16", "bf16", "fp32") if word in allowed), "")
    if lowest in ("", "fp32"):
        return lowest, ()
    return lowest, (f"the engine may use {' and '.join(allowed)}: TensorRT chooses for each layer",)


def _table(lines: list[str], start: int | None) -> tuple[list[RuntimeKernel], int]:
    """Layers of a profile, and of how many iterations it is."""
    if start is None:
        return [], 0
    match = _PROFILE.match(lines[start].strip())
    runs = int(match[1]) if match else 1
    kernels: list[RuntimeKernel] = []
    for line in lines[start + 1 :]:
        words = line.split()
        if not words or "Layer" in words:
            if kernels:
                break
            continue
        if number(words[0]) is not None:  # from 8.4 on the name comes last
            count = next((i for i, word in enumerate(words) if number(word) is None), len(words))
            numbers, name = words[:count], " ".join(words[count:])
        else:
            count = next(
                (i for i, word in enumerate(reversed(words)) if number(word) is None), len(words)
            )
            numbers, name = words[len(words) - count :], " ".join(words[: len(words) - count])
        if len(numbers) < 3 or name == "Total":
            break
        # Time over all iterations, mean, median from 8.5 on, percent.
        time = number(numbers[2] if len(numbers) >= 4 else numbers[1]) or 0.0
        kernels.append(_kernel(name, max(time, 0.0) * 1e-3))
    return kernels, runs


def _kernel(name: str, time_s: float) -> RuntimeKernel:
    layout = re.match(r"Reformatting CopyNode for (?:Input|Output) Tensor \d{1,6} to ", name)
    body = name[layout.end() :] if layout else name
    return RuntimeKernel(
        name=name, operator="Reformat" if layout else "", seconds=time_s, nodes=_nodes(body),
        is_layout=layout is not None,
    )  # fmt: skip


def _nodes(name: str) -> tuple[str, ...]:
    """Nodes that TensorRT joined: `conv1 + relu1`, `PWN(sigmoid1, mul1)`; none where it says the
    ends of a part of the graph alone (`{ForeignNode[a...b]}`)."""
    if "ForeignNode[" in name:
        return ()
    parts = re.split(r" \+ |, ", name.replace("PWN(", "").replace("POINTWISE(", ""))
    return tuple(word for part in parts if (word := part.strip().rstrip(")").strip()))


# --- JSON


def _read_json(source: Source) -> ToolRun:
    entries = _loaded(source)
    span = place(source, 1)
    profiled = [entry for entry in entries if isinstance(entry.get("name"), str)]
    if profiled:
        kernels = []
        for entry in profiled:
            value = _ms(entry.get("medianMs", entry.get("averageMs")))
            if value is None or value < 0:
                message = f"the layer `{entry['name'][:200]}` has no time"
                raise MeasurementError(Problem(message, span))
            kernels.append(_kernel(entry["name"], value * 1e-3))
        count = next((entry["count"] for entry in entries if type(entry.get("count")) is int), 1)
        profile: RuntimeProfile | None = RuntimeProfile(kernels=tuple(kernels), runs=max(count, 1))
        return ToolRun(tool=TOOL, runtime="tensorrt", quantity=COMPUTE, profile=profile, span=span)
    found: dict[str, list[float]] = {COMPUTE: [], LATENCY: []}
    for entry in entries:
        for key, quantity in (("computeMs", COMPUTE), ("latencyMs", LATENCY)):
            value = _ms(entry.get(key))
            if value is not None:
                found[quantity].append(seconds(value, "ms", span))
    times = {quantity: Times.of_runs(runs) for quantity, runs in found.items() if runs}
    chosen = COMPUTE if COMPUTE in times else LATENCY if LATENCY in times else None
    if chosen is None:
        raise refused(source, TOOL, "`--exportTimes` writes the time of each run")
    return ToolRun(
        tool=TOOL, runtime="tensorrt", quantity=chosen, times=times.pop(chosen), others=times,
        span=span,
    )  # fmt: skip


def _ms(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and abs(value) < 1e12 else None


def _loaded(source: Source) -> list[dict[str, Any]]:
    try:
        entries = json.loads(source.text, parse_int=_whole)
    except json.JSONDecodeError as error:
        line = max(error.lineno, 1)
        message = f"this is no JSON: {error.msg}"
        raise MeasurementError(Problem(message, place(source, line), "is it whole?")) from None
    except RecursionError:
        raise MeasurementError(Problem("lists are nested too deep", place(source, 1))) from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise refused(source, TOOL, "`--exportTimes` and `--exportProfile` write a list")
    return entries


def _whole(text: str) -> int | float:
    return int(text) if len(text) < 19 else float(text[:300])
