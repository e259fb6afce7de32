"""Limits on metrics of a sweep, as they are typed: `latency@pixel_1_tflite<=20ms`, `params<=2M`.

A point over a limit, or whose number is not known, is on no front. Numbers have the units that
their metrics have: `20ms`, `320KiB`, `5mJ`, `150M`, `70%`. With a confidence, a limit is on the
end of the band that a measurement is within with that probability. Not here: fronts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import Problem, Source, Span, UnitError, UsageError
from mnet_cost.metrics import METRICS, Metric, find_metric
from mnet_cost.search.accuracies import Accuracy
from mnet_cost.search.amounts import SYMBOLS, number_of
from mnet_cost.search.blocks import column_of
from mnet_cost.search.objectives import Objective, objective_of
from mnet_cost.units import format_si

OPTION = "--limit"
_SIGNS = ("<=", ">=")
_SIGN = re.compile(r"[<>=≤≥]+")
_FORM = "a limit is METRIC<=NUMBER or METRIC>=NUMBER, as in `latency@pixel_1_tflite<=20ms`"
_ROUNDING = 1e-12
"""Share of a time or an energy that may be lost where it is added up."""
_MOST_PERCENT = 1000
"""Larger shares of a limit are not shown: they say less than the numbers."""
BAND_CONFIDENCE = 0.9
"""How many of the measurements are below the high end of a band, or above its low end: a band holds
80 % of them, and as many are below as above."""


class BandEnd(NamedTuple):
    """The end of a band on which a limit is, in the place of the number itself."""

    objective: Objective
    """The column of the band's end."""
    power: float
    """Of the ratio of the band's end to the number: 1 is the end of the band itself."""


class Limit(NamedTuple):
    """The most or the least that a column may be."""

    objective: Objective
    """Which column it is."""
    is_most: bool
    value: float
    """In the unit of files."""
    text: str
    """As it was typed."""
    end: BandEnd | None = None
    """Where a confidence is asked for, of a number that has a band."""

    @property
    def column(self) -> str:
        return self.objective.column

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All columns that it needs."""
        return (self.objective, self.end.objective) if self.end is not None else (self.objective,)

    def with_confidence(self, confidence: float) -> Limit:
        """The limit on the end of the band that a measurement is within with this probability, from
        0.5 on; the same where the number has no band.

        Errors are taken to be normal in logarithms, beside the 0.9 that a band was set by.
        """
        name = f"{self.objective.metric.name}_{'high' if self.is_most else 'low'}"
        metric = next((metric for metric in METRICS if metric.name == name), None)
        if metric is None:
            return self
        from statistics import NormalDist  # 10 ms, for a confidence alone

        normal = NormalDist()
        power = normal.inv_cdf(confidence) / normal.inv_cdf(BAND_CONFIDENCE)
        device = self.objective.device
        end = Objective(metric, column_of(metric, device), device)
        return self._replace(end=BandEnd(end, power))

    def values(self, table: Mapping[str, Any]) -> Any:
        """The numbers that are limited; None where no point has one."""
        values = table[self.column]
        if self.end is None or values is None:
            return values
        ends = table[self.end.objective.column]
        if ends is None or self.end.power == 1:
            return ends
        import numpy

        # Not a power of the ratio: of no known end, the power 0 would be 1.
        return values * numpy.exp(self.end.power * numpy.log(ends / values))

    def excess(self, table: Mapping[str, Any], points: int) -> Any:
        """For each point the share of the limit that it is over by; at most 0 where it is within,
        infinite where its number is not known."""
        import numpy

        values = self.values(table)
        if values is None:
            return numpy.full(points, numpy.inf)
        over = self.over(values)
        return numpy.where(numpy.isnan(values), numpy.inf, over / (self.value or 1.0))

    def over(self, values: Any) -> Any:
        """By how much numbers are over the limit, or under one that is the least; at most 0 within.

        Times and energies are sums whose last bits depend on who adds them up: a limit has room
        for that. Counts are exact.
        """
        room = self.value * _ROUNDING if self.objective.metric.unit in ("s", "J") else 0.0
        return values - self.value - room if self.is_most else self.value - values - room


def parse_limits(
    texts: Sequence[str | Limit],
    devices: Sequence[DeviceProfile],
    accuracies: Sequence[Accuracy],
) -> tuple[Limit, ...]:
    """The limits that `texts` state, one each; a column has at most one of each kind.

    Raises `UsageError` for what is no limit, for a metric or device that is not there, for a
    number without the unit of its metric, and for limits that no number is within.
    """
    limits: dict[tuple[str, bool], Limit] = {}
    for text in texts:
        limit = _limit(text, devices, accuracies) if isinstance(text, str) else text
        key = limit.column, limit.is_most
        if key in limits:
            both = f"`{limits[key].text}` and `{text}`"
            raise UsageError(f"{both} limit the same number: state one of them")
        limits[key] = limit
        most, least = limits.get((limit.column, True)), limits.get((limit.column, False))
        if most is not None and least is not None and most.value < least.value:
            both = f"`{most.text}` and `{least.text}`"
            raise UsageError(f"{both} contradict each other: no number is within both")
    return tuple(limits.values())


def option_limits(
    options: Mapping[str, str], devices: Sequence[DeviceProfile]
) -> tuple[Limit, ...]:
    """The limits that options such as `--latency 20ms` state, as metric -> text: the most of each,
    on each device where it is of a device. Raises `UsageError` for a text that is no such number,
    and for a metric of a device where there is none."""
    limits = []
    for name, text in options.items():
        metric = find_metric(name)
        option = f"--{name.replace('_', '-')}"
        try:
            value = number_of(text, metric)
        except UnitError as error:
            span = Span(Source(option, text), 1, 1, max(len(text), 1) + 1)
            raise UsageError([problem._replace(span=span) for problem in error.problems]) from None
        if metric.per_device and not devices:
            hint = "add --device NAME: `mnet-cost devices` lists them"
            raise UsageError(Problem(f"`{option}` is of a device, and there is none", hint=hint))
        for device in devices if metric.per_device else (None,):
            where = f"@{device.name}" if device is not None else ""
            objective = Objective(metric, column_of(metric, device), device)
            limits.append(Limit(objective, True, value, f"{name}{where}<={text.strip()}"))
    return tuple(limits)


def _limit(text: str, devices: Sequence[DeviceProfile], accuracies: Sequence[Accuracy]) -> Limit:
    source = Source(OPTION, text)
    sign = _SIGN.search(text)

    def span(first: int, last: int) -> Span:
        return Span(source, 1, first + 1, max(last, first + 1) + 1)

    if sign is None:
        raise UsageError(Problem(f"`{text}` is no limit", span(0, len(text)), _FORM))
    word, number = text[: sign.start()].strip(), text[sign.end() :].strip()
    if sign[0] not in _SIGNS:
        likely = ">=" if set(sign[0]) & set(">≥") else "<="
        hint = f"write `{word}{likely}{number}`"
        where = span(sign.start(), sign.end())
        raise UsageError(Problem(f"`{sign[0]}` is no sign of a limit", where, hint))
    if not word or not number:
        missing = "the metric" if not word else "the number"
        raise UsageError(Problem(f"{missing} is missing in `{text}`", span(0, len(text)), _FORM))
    try:
        objective = objective_of(word, devices, accuracies)
        value = number_of(number, objective.metric)
    except (UsageError, UnitError) as error:
        is_number = isinstance(error, UnitError)
        where = span(text.index(number, sign.end()), len(text)) if is_number else span(0, len(word))
        raise UsageError([problem._replace(span=where) for problem in error.problems]) from None
    return Limit(objective, sign[0] == "<=", value, text)


def excess_of(limits: Sequence[Limit], table: Mapping[str, Any], points: int) -> Any:
    """For each point the largest share of a limit that it is over by; at most 0 where it is within
    all of them."""
    import numpy

    worst = numpy.full(points, -numpy.inf)
    for limit in limits:
        worst = numpy.maximum(worst, limit.excess(table, points))
    return worst


class LimitTally:
    """How many points of a sweep are within its limits, and which comes closest where none is."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        self.limits = tuple(limits)
        self.within = 0
        self.closest: tuple[float, Mapping[str, float]] | None = None
        """The least excess of a point, and its numbers by the column."""

    def add(self, table: Mapping[str, Any], points: int) -> None:
        """Take in the next table."""
        if not self.limits or not points:
            return
        excess = excess_of(self.limits, table, points)
        self.within += int((excess <= 0).sum())
        at = int(excess.argmin())
        least = float(excess[at])
        if least < float("inf") and (self.closest is None or least < self.closest[0]):
            self.closest = (
                least,
                {limit.column: float(limit.values(table)[at]) for limit in self.limits},
            )

    def merge(self, other: LimitTally) -> None:
        """Take in the tally of other points."""
        self.within += other.within
        if other.closest and (self.closest is None or other.closest[0] < self.closest[0]):
            self.closest = other.closest

    def refuse_unmet(self) -> None:
        """`UsageError` where there are limits and no point is within all of them: it says what
        the closest point has."""
        if not self.limits or self.within:
            return
        said = " and ".join(limit.text for limit in self.limits)
        message = f"no point is within the limit {said}"
        if len(self.limits) > 1:
            message = f"no point is within the limits {said}"
        if self.closest is None:
            columns = " or ".join(limit.column for limit in self.limits)
            raise UsageError(Problem(message, hint=f"{columns} is not known of any point"))
        hints = []
        for limit in self.limits:
            value = self.closest[1][limit.column]
            over = value - limit.value if limit.is_most else limit.value - value
            if over > 0:
                hints.append(_overrun(limit, value, over))
        raise UsageError(Problem(message, hint=f"the closest point has {'; '.join(hints)}"))


def _overrun(limit: Limit, value: float, over: float) -> str:
    """What the closest point has of a limit, and by how much it misses it."""
    metric = limit.objective.metric
    shown = [_shown(number, metric) for number in (value, over)]
    percent = 100 * over / limit.value if limit.value else 0.0
    share = f" ({percent:.3g} %)" if 0 < percent < _MOST_PERCENT else ""
    side = "over" if limit.is_most else "under"
    return f"{limit.objective.title} {shown[0]}, {shown[1]}{share} {side} the limit"


def _shown(number: float, metric: Metric) -> str:
    if metric.unit == "%":
        return f"{number:.1f} %"
    return format_si(number / metric.file_factor, SYMBOLS.get(metric.unit, ""), 4)
