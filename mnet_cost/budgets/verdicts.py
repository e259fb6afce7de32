"""Verdicts: whether a number that is known within a band is within its limit.

An exact number is within a limit or over it. Of a number with a band, the high end within the limit
is `within`, the low end over it is `over`, and all else is `undecided`; so is a lower bound that is
within, and what is not known at all. A number that is within its limit, and over the limit of a
warning, is `warn`. Not here: where limits and numbers come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from mnet_cost.analysis.costs import DeviceCosts, NetworkCosts
from mnet_cost.analysis.latency import basis_of
from mnet_cost.budgets.entries import Bound
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import Problem, UsageError, did_you_mean, one_of
from mnet_cost.metrics import Metric, find_metric

Verdict = Literal["over", "undecided", "warn", "within"]
VERDICTS: tuple[Verdict, ...] = ("over", "undecided", "warn", "within")
"""The worst first."""

NEVER = "never"
FAILING = ("over", "undecided", "warn", NEVER)
"""Words of `--fail-on`: what fails besides `over`, or that nothing fails."""


class Interval(NamedTuple):
    """A number, and between which numbers it is. None is not known."""

    value: float | None
    low: float | None
    high: float | None

    @property
    def is_least(self) -> bool:
        """Whether it is no more than a lower bound."""
        return self.value is not None and self.high is None

    @property
    def has_band(self) -> bool:
        """Whether it has two ends that differ."""
        return self.low is not None and self.high is not None and self.low != self.high


UNKNOWN = Interval(None, None, None)


class Ends(NamedTuple):
    """The metrics that are the ends of the band of a metric; no high end of a lower bound."""

    low: Metric
    high: Metric | None


def ends_of(metric: Metric, device: DeviceProfile | None, precision: str) -> Ends:
    """What ends the band of a metric: another metric, or itself where it is exact.

    A time that is only a lower bound has no high end. Those of arrays and of one network are alike.
    """
    if metric.name == "latency" and device is not None:
        if basis_of(device, precision) == "bound":
            return Ends(metric, None)
        return Ends(find_metric("latency_low"), find_metric("latency_high"))
    if metric.name == "energy":
        return Ends(find_metric("energy_low"), find_metric("energy_high"))
    return Ends(metric, metric)


def interval_of(
    metric: Metric,
    costs: NetworkCosts,
    device: DeviceProfile | None = None,
    on_device: DeviceCosts | None = None,
    precision: str = "fp32",
) -> Interval:
    """The number of a metric with its band; sums that leave layers out are lower bounds."""

    def read(asked: Metric | None) -> float | None:
        if asked is None:
            return None
        if asked.of_network is not None:
            number: float | None = asked.of_network(costs)
            return number
        return None if on_device is None or asked.of_device is None else asked.of_device(on_device)

    value = read(metric)
    if value is None:
        return UNKNOWN
    ends = ends_of(metric, device, precision)
    low, high = read(ends.low), read(ends.high)
    if metric.needs_totals and costs.is_partial:
        high = None
    if low is None and metric.name == "latency":  # no error is known: nothing is faster than this
        low = read(find_metric("lower_bound"))
    return Interval(value, low, high)


def verdict_of(number: Interval, limit: Bound | None, warning: Bound | None) -> Verdict:
    """The verdict on a number; a warning is about the number itself, whatever its band."""
    if number.value is None:
        return "undecided"
    if limit is not None:
        if number.low is not None and number.low > limit.value:
            return "over"
        if number.high is None or number.high > limit.value:
            return "undecided"
    if warning is not None and number.value > warning.value:
        return "warn"
    if warning is not None and limit is None and number.is_least:
        return "undecided"
    return "within"


def worst_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts; `within` where there is none."""
    return min(verdicts, key=VERDICTS.index, default="within")


def failing_verdicts(text: str) -> frozenset[Verdict]:
    """The verdicts that fail: `over` and those that `text` names, separated by commas; none where
    it is `never`. Raises `UsageError`."""
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in FAILING:
            hint = did_you_mean(word, FAILING) or f"it is {one_of(FAILING)}"
            raise UsageError(Problem(f"`{word}` is no verdict that can fail", hint=hint))
    if NEVER in words:
        if len(words) > 1:
            raise UsageError(f"`{NEVER}` stands alone: nothing fails then")
        return frozenset()
    return frozenset(["over", *[verdict for verdict in VERDICTS if verdict in words]])
