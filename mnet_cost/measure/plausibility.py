"""What times cannot be: beyond what peaks allow, at odds with each other, or with every fit.

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
from mnet_cost.measure.least_times import MOST_CONSTANT_S, Limits
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import Kernels
from mnet_cost.units import format_seconds

T = TypeVar("T")

MOST_APART = 2.0
"""Times of one network at one setting: a processor whose clock changes stays below."""
MOST_OFF = 2.0
"""The factor by which what was left out is off in the median, where what is predicted hardly rises
with what was measured: three honest tables are further off, and three in four of shuffled ones."""
MOST_OFF_TOGETHER = 10.0
"""The same where both rise together, as far as two networks or `_FEWEST_TOGETHER` can show: honest
tables of two networks are off by up to 7.3 (OpenVINO on two sockets), and of more by up to 3.9 (a
Jetson TX2); two networks in mixed units by 137 or more."""
MOST_OFF_AGAINST = 1.3
"""The same where what should take longer took less, as in one honest table, of a GPU."""
MOST_OFF_ALONE = 100.0
"""The same for a row by itself: of 2,346 rows in 180 honest tables of three networks and more the
worst is off by 19 (ncnn with Vulkan on a Station M3), and one in another unit by a thousand."""
_FEWEST_TOGETHER = 5
"""Networks: three or four rise together by chance."""
_TOGETHER = 0.72
"""Correlation of logarithms: shuffled tables of five networks and more stay below 0.26, those in
mixed units below 0.71."""
_FEWEST_EQUAL = 3
"""Networks: two may be rounded to the same time."""
_UNEQUAL = 2.0
"""Mult-adds of the largest over the smallest of networks that cannot take the same time."""
_DIGITS = 4
_SHOWN = 3
"""Rows that an error about all of them names."""


def by_network(rows: Sequence[Measurement], values: Sequence[T]) -> dict[tuple[str, int], list[T]]:
    """Values of the rows that measure one network at one batch."""
    networks: dict[tuple[str, int], list[T]] = {}
    for row, value in zip(rows, values, strict=True):
        networks.setdefault((row.model, row.batch), []).append(value)
    return networks


def repeat_noise(rows: Sequence[Measurement]) -> float:
    """Standard deviation of logarithms of times of one network, in rows or in rounds of a row; 0
    where none has several."""
    squares, freedom = 0.0, 0
    every = by_network(rows, [row.rounds_s or (row.latency_s,) for row in rows])
    for times in ([math.log(s) for row in times for s in row] for times in every.values()):
        squares += float(np.sum((np.array(times) - np.mean(times)) ** 2))
        freedom += len(times) - 1
    return math.sqrt(squares / freedom) if freedom else 0.0


def out_of_limits(
    rows: Sequence[Measurement], limits: Sequence[Limits], profile: str
) -> Iterator[Problem]:
    """Rows whose time the peaks of a profile rule out: shorter, or far longer, than any runtime."""
    wrong = [
        (row, limit)
        for row, limit in zip(rows, limits, strict=True)
        if not limit.least_s <= row.latency_s <= limit.most_s
    ]
    for row, limit in wrong:
        took = f"`{row.model}` took {format_seconds(row.latency_s, _DIGITS)}, "
        if row.latency_s < limit.least_s:
            least = format_seconds(limit.least_s, _DIGITS)
            took += f"and on the peaks of {profile} takes {least} at least"
        else:
            assert limit.bound_s is not None
            ratio = row.latency_s / limit.bound_s
            with_one = " with one thread" if limit.is_processor else ""
            took += (
                f"{ratio:,.0f} times its lower bound on {profile}{with_one}, "
                f"{format_seconds(limit.bound_s, _DIGITS)}: no runtime is so slow"
            )
        yield Problem(took, row.time_span, _unit_hint(wrong) if row is wrong[-1][0] else None)


_UNITS = {
    "seconds": (1e3, "multiply them by 1,000"),
    "microseconds": (1e-3, "divide them by 1,000"),
    "nanoseconds": (1e-6, "divide them by 1,000,000"),
}
"""How many milliseconds they are, and how they become those."""


def _unit_hint(wrong: Sequence[tuple[Measurement, Limits]]) -> str:
    """A hint: the unit that these times may be in, or where else to look."""
    for unit, (milliseconds, how) in _UNITS.items():
        if all(
            limits.least_s <= row.latency_s * milliseconds <= limits.most_s for row, limits in wrong
        ):
            return f"`latency_ms` is in milliseconds: are these {unit}? Then {how}"
    return (
        "is it in milliseconds, and of this device, precision and number of threads? A peak that "
        "is wrong is to be mended in the profile"
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
    sizes = [sum(kernel.mult_adds for kernel in network_kernels) for network_kernels in kernels]
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
    """Times of which none can be predicted from the others, the worst rows first."""
    known = [
        (row, predicted_s)
        for row, predicted_s in zip(rows, left_out_s, strict=True)
        if predicted_s is not None
    ]
    if not known:
        return
    measured = np.log([row.latency_s for row, _ in known])
    predicted = np.log([predicted_s for _, predicted_s in known])
    errors = predicted - measured
    off = math.exp(float(np.median(np.abs(errors))))
    together = _agreement(measured, predicted)
    against = together < 0
    enough = len(known) == 2 or len(known) >= _FEWEST_TOGETHER
    most = MOST_OFF_TOGETHER if enough and together >= _TOGETHER else MOST_OFF
    if off <= (MOST_OFF_AGAINST if against else most):
        return
    yield Problem(
        "these times are not those of one device: from the others each is predicted "
        f"{off:,.3g} times too long or too short in the median"
        + (", and what should take longer took less" if against else ""),
        hint="are units, devices or settings mixed, are rows beside the wrong network, or does the "
        "clock change while it measures? Few rows that are right need more beside them",
    )
    for i in np.argsort(-np.abs(errors), kind="stable")[:_SHOWN]:
        row, predicted_s = known[i]
        yield Problem(
            f"`{row.model}` took {format_seconds(row.latency_s)}, and is predicted to take "
            f"{format_seconds(predicted_s)}",
            row.time_span,
        )


def out_of_place(
    rows: Sequence[Measurement], left_out_s: Sequence[float | None]
) -> Iterator[Problem]:
    """Problems of rows whose time is far from the time predicted from the other rows."""
    for row, predicted_s in zip(rows, left_out_s, strict=True):
        most_s = math.inf if predicted_s is None else MOST_OFF_ALONE * predicted_s + MOST_CONSTANT_S
        if predicted_s is None or predicted_s / MOST_OFF_ALONE <= row.latency_s <= most_s:
            continue
        yield Problem(
            f"`{row.model}` took {format_seconds(row.latency_s)}, and from the others is predicted "
            f"to take {format_seconds(predicted_s)}",
            row.time_span,
            "is it in milliseconds, as the others are, and beside its own network?",
        )


def _agreement(measured: Array, predicted: Array) -> float:
    """How far logarithms rise together, from -1 to 1.

    Each of two is predicted as the other one's time and what sets them apart, so what is predicted
    tells whether that is the right way round once the measured difference is taken off.
    """
    if len(measured) > 2:
        return _correlation(measured, predicted)
    apart = np.diff(measured)
    return math.copysign(1.0, float(np.sum(apart * (np.diff(predicted) + apart))))


def _correlation(first: Array, second: Array) -> float:
    """From -1 to 1; 0 of what does not vary."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
