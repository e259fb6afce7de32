"""What a tool of others said of a run: times with their names, how it ran; and parts of readers.

A reader knows its tool's output by its content, not by the name of a file. Nothing of a file is
evaluated, and work is linear in its size. Not here: which files there are (`reading.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from mnet_cost.errors import MeasurementError, Problem, Source, Span
from mnet_cost.measure.runtimes.base import RuntimeKernel, RuntimeProfile

Statistic = Literal["median", "mean", "fastest", "stated"]

UNITS: Mapping[str, float] = {
    "s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9,
}  # fmt: skip
"""Seconds in each unit that tools print."""

LONGEST_LINE = 200_000
"""Characters of a line that is looked at; a delegate of TFLite names all of its tensors."""
_LEAST_S, _MOST_S = 1e-9, 1e5
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_COLORS = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_MOST_ABOVE = 1.3
"""How far the kernels of a run may sum to more than the run: profiling itself takes time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds of one quantity over the runs of a tool; None is what it does not say."""

    median_s: float | None = None
    mean_s: float | None = None
    fastest_s: float | None = None
    slowest_s: float | None = None
    stated_s: float | None = None
    """Of a table that does not say what it is."""
    runs: int | None = None

    @property
    def statistic(self) -> Statistic:
        """Which of them `value_s` is: the median, else the mean, else the fastest run."""
        return self._chosen[0]

    @property
    def value_s(self) -> float:
        """The time by which a run is compared."""
        return self._chosen[1]

    @property
    def _chosen(self) -> tuple[Statistic, float]:
        values: tuple[tuple[Statistic, float | None], ...] = (
            ("median", self.median_s), ("mean", self.mean_s), ("fastest", self.fastest_s),
            ("stated", self.stated_s),
        )  # fmt: skip
        return next((name, value) for name, value in values if value is not None)

    @classmethod
    def of_runs(cls, seconds: Sequence[float]) -> Times:
        """Of the times of all runs."""
        return cls(
            median_s=median(seconds), mean_s=math.fsum(seconds) / len(seconds),
            fastest_s=min(seconds), slowest_s=max(seconds), runs=len(seconds),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRun:
    """One network that a tool ran. Empty text and None are what its output does not say."""

    tool: str
    runtime: str
    """As profiles name it."""
    network: str = ""
    """As the tool calls it: mostly the path of a file on the device."""
    quantity: str = "inference"
    """What `times` are of, in the tool's words."""
    times: Times | None = None
    """Of one inference of a whole batch. None where there are times of operators alone."""
    others: Mapping[str, Times] = field(default_factory=dict)
    """Other quantities, by the tool's words. A throughput is none of them."""
    runtime_version: str = ""
    threads: int | None = None
    precision: str = ""
    batch: int | None = None
    overlapped: bool = False
    """Whether inferences ran at once, so that no time is that of one alone."""
    profile: RuntimeProfile | None = None
    """Times of operators; `nodes` are names of nodes, or of tensors, of the model's file."""
    span: Span
    """Where its time stands in the file, or where the output begins."""
    notes: tuple[str, ...] = ()
    """What a user has to know of these times, a sentence each."""


Reader = Callable[[Source], "tuple[ToolRun, ...] | None"]
"""The runs in an output; None for the output of another tool. `MeasurementError` for its tool's
output without times, or with times that cannot be."""


def number(text: str) -> float | None:
    """The finite number that a text is; None for other text."""
    if len(text) > 60 or not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def plain_lines(source: Source) -> list[str]:
    """The lines without colors; of one that is too long, its beginning."""
    return [
        _COLORS.sub("", line[:LONGEST_LINE]) if "\x1b" in line else line[:LONGEST_LINE]
        for line in source.lines()
    ]


def place(source: Source, line: int) -> Span:
    """The whole of a line, by its number from 1."""
    return Span(source, line, 1, len(source.line(line)) + 1)


def seconds(value: float, unit: str, span: Span) -> float:
    """A time in seconds; `MeasurementError` for what no inference can take."""
    time = value * UNITS[unit]
    if not _LEAST_S <= time <= _MOST_S:
        raise MeasurementError(
            Problem(f"no inference takes {value:g} {unit}", span, "is the log complete?")
        )
    return time


def refused(source: Source, tool: str, hint: str, line: int = 1) -> MeasurementError:
    """The error of an output of a tool in which there is no time."""
    message = f"this is the output of {tool}, and it has no time of an inference"
    return MeasurementError(Problem(message, place(source, line), hint))


def checked_profile(
    kernels: Sequence[RuntimeKernel], runs: int, whole_s: float | None
) -> tuple[RuntimeProfile | None, tuple[str, ...]]:
    """A profile, and what is to be said of it: None where its kernels take far more than a run.

    Then they are in another unit, or stand twice in the output.
    """
    if not kernels:
        return None, ()
    total = math.fsum(kernel.seconds for kernel in kernels)
    if whole_s is not None and total > _MOST_ABOVE * whole_s:
        note = (
            f"times of operators are not used: together they are {total * 1e3:.4g} ms, and an "
            f"inference takes {whole_s * 1e3:.4g} ms"
        )
        return None, (note,)
    return RuntimeProfile(kernels=tuple(kernels), runs=runs), ()


def run_of_numbers(fields: Sequence[str], pattern: str) -> int | None:
    """Where fields begin that are numbers (`n`), or numbers with a percent sign (`p`), as `pattern`
    has them; None if nowhere. What is in front is a type, what follows is a name: both may hold
    blanks, commas and numbers."""
    kinds = [_kind(text) for text in fields]
    size = len(pattern)
    for start in range(1, len(fields) - size + 1):
        if all(kinds[start + i] == pattern[i] for i in range(size)):
            return start
    return None


def _kind(text: str) -> str:
    if text.endswith("%"):
        return "p" if number(text[:-1]) is not None else ""
    return "n" if number(text) is not None else ""
