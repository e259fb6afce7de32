"""What times cannot be: less than the peaks allow, at odds with each other, or with every fit.

Each check returns what is wrong, at the user's own cells. The limits are from the honest tables of
`benchmarks/accuracy`, 377 of processors and 39 of accelerators, and from those of processors
shuffled, turned around and in mixed units.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from mnet_cost.errors import Problem
from mnet_cost.measure.arrays import Array
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import Kernels
from mnet_cost.units import format_seconds

T = TypeVar("T")

MOST_APART = 2.0
"""Times of one network at one setting: a processor whose clock changes stays below."""
MOST_OFF = 2.0
"""The factor by which what was left out is off in the median: 2 honest tables of processors are
further off and 2 of accelerators, and three in four of shuffled ones."""
MOST_OFF_AGAINST = 1.3
"""The same where what should take longer took less, as in one honest table, of a GPU."""
_FEWEST_EQUAL = 3
"""Networks: two may be rounded to the same time."""
_UNEQUAL = 2.0
"""Mult-adds of the largest over the smallest of networks that cannot take the same time."""
_DIGITS = 4
_SHOWN = 3
"""Rows that an error about all of them names."""


def by_network(rows: Sequence[Measurement], values: Sequence[T]) -> dict[tuple[str, int], list[T]]:
    """Values of the rows that measure one network at one batch."""
    found: dict[tuple[str, int], list[T]] = {}
    for row, value in zip(rows, values, strict=True):
        found.setdefault((row.model, row.batch), []).append(value)
    return found


def repeat_noise(rows: Sequence[Measurement]) -> float:
    """Standard deviation of logarithms of times of one network; 0 where none has several."""
    squares, freedom = 0.0, 0
    for times in by_network(rows, [math.log(row.latency_s) for row in rows]).values():
        squares += float(np.sum((np.array(times) - np.mean(times)) ** 2))
        freedom += len(times) - 1
    return math.sqrt(squares / freedom) if freedom else 0.0


def below_roofs(
    rows: Sequence[Measurement], roofs: Sequence[Array], profile: str
) -> Iterator[Problem]:
    """Rows whose time the peaks of a profile rule out."""
    least = [float(one.sum()) for one in roofs]
    wrong = [i for i, row in enumerate(rows) if row.latency_s < least[i]]
    for i in wrong:
        row, hint = rows[i], None
        if i == wrong[-1]:
            hint = (
                "is it in milliseconds, and of this device, precision and number of threads? A "
                "peak that is wrong is to be mended in the profile"
            )
        yield Problem(
            f"`{row.model}` took {format_seconds(row.latency_s, _DIGITS)}, and on the peaks of "
            f"{profile} takes {format_seconds(least[i], _DIGITS)} at least",
            row.time_span,
            hint,
        )


def at_odds(rows: Sequence[Measurement]) -> Iterator[Problem]:
    """Networks that were measured at one setting with times too far apart, both rows of each."""
    for some in by_network(rows, rows).values():
        first, last = (pick(some, key=lambda row: row.latency_s) for pick in (min, max))
        if last.latency_s > MOST_APART * first.latency_s:
            took = f"`{first.model}` took {{}} here, and {{}} in {{}}"
            fast, slow = format_seconds(first.latency_s), format_seconds(last.latency_s)
            yield Problem(took.format(fast, slow, _line(last)), first.time_span)
            hint = "one network at one setting: leave out what is wrong, or choose with `--where`"
            yield Problem(took.format(slow, fast, _line(first)), last.time_span, hint)


def _line(row: Measurement) -> str:
    return f"{row.span.source.path}:{row.span.line}"


def all_equal(rows: Sequence[Measurement], kernels: Sequence[Kernels]) -> Iterator[Problem]:
    """Networks of different size that all took the same time: somebody filled in a column."""
    sizes = [sum(kernel.mult_adds for kernel in one) for one in kernels]
    same = len({row.latency_s for row in rows}) == 1
    several = len(by_network(rows, rows)) >= _FEWEST_EQUAL
    if same and several and max(sizes) > _UNEQUAL * min(sizes):
        yield Problem(
            f"all took {format_seconds(rows[0].latency_s)}, and the largest has "
            f"{max(sizes) / max(min(sizes), 1):,.3g} times the mult-adds of the smallest",
            rows[0].time_span,
            "are these measurements, each of the network in its row?",
        )


def without_sense(
    rows: Sequence[Measurement], left_out_s: Sequence[float | None]
) -> Iterator[Problem]:
    """Times of which none can be foretold from the others, the worst rows first."""
    known = [(row, one) for row, one in zip(rows, left_out_s, strict=True) if one is not None]
    if not known:
        return
    measured = np.log([row.latency_s for row, _ in known])
    errors = np.log([one for _, one in known]) - measured
    off = math.exp(float(np.median(np.abs(errors))))
    against = _correlation(measured, measured + errors) < 0
    if off <= (MOST_OFF_AGAINST if against else MOST_OFF):
        return
    yield Problem(
        "these times are not those of one device: from the others each is foretold "
        f"{off:,.3g} times too long or too short in the median"
        + (", and what should take longer took less" if against else ""),
        hint="are units, devices or settings mixed, are rows beside the wrong network, or does the "
        "clock change while it measures? Few rows that are right need more beside them",
    )
    for i in np.argsort(-np.abs(errors), kind="stable")[:_SHOWN]:
        row, one = known[i]
        yield Problem(
            f"`{row.model}` took {format_seconds(row.latency_s)}, and is foretold to take "
            f"{format_seconds(one)}",
            row.time_span,
        )


def _correlation(one: Array, other: Array) -> float:
    """From -1 to 1; 0 of what does not vary, or is too little to tell."""
    if len(one) <= 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
