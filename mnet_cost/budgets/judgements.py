"""What a check says: a judgement for each limit, and all of them as the result of a run.

Not here: how numbers are found and judged (`check.py`, `ranges.py`, `baseline.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.budgets.causes import EntryCost
from mnet_cost.budgets.entries import Bound, Budget
from mnet_cost.budgets.network_ranges import NetworkRange
from mnet_cost.budgets.verdicts import Interval, Verdict, worst_of
from mnet_cost.devices import DeviceProfile
from mnet_cost.metrics import Metric
from mnet_cost.models.types import ModelSpec


class Settings(NamedTuple):
    """How the settings of a range are judged."""

    counts: Mapping[Verdict, int]
    broken: Mapping[str, int]
    """Cause -> settings at which there is no network, or not the part that is limited."""
    worst: Mapping[str, Any]
    """The values of the range's knobs where the number is largest; empty where none is known."""
    kept: Mapping[str, tuple[Any, ...]] = MappingProxyType({})
    """For each knob of the range its values with which the limits of the budget that fail are kept,
    whatever the others are; none of a range in which nothing fails, or in which a setting is no
    network."""

    @property
    def points(self) -> int:
        """All settings."""
        return sum(self.counts.values()) + sum(self.broken.values())

    def why_broken(self, part: str | None) -> str:
        """Why settings have no network, or no number of a part: the cause of most of them."""
        what = "no network" if part is None else f"no number of {part}"
        if not self.broken:
            return what
        cause = max(self.broken, key=self.broken.__getitem__)
        total = sum(self.broken.values())
        share = f", {self.broken[cause]:,} of {total:,}" if len(self.broken) > 1 else ""
        return f"{what}{share}: {cause}"


def kept_by_all(kept: Sequence[Mapping[str, tuple[Any, ...]]]) -> dict[str, tuple[Any, ...]]:
    """The values of each knob that all limits are kept with, of those of each limit."""
    if not kept:
        return {}
    return {
        knob: tuple([value for value in values if all(value in each[knob] for each in kept)])
        for knob, values in kept[0].items()
    }


class KnobChange(NamedTuple):
    """A value of one knob with which a budget would be kept, the others as they are."""

    knob: str
    value: Any
    present: Any


class Changes(NamedTuple):
    """What was found by a search for what would pass."""

    passing: tuple[KnobChange, ...]
    """For each knob the nearest value with which no limit of the budget would fail."""
    tried: tuple[str, ...]
    """As `Judgement.tried`."""


class MovedBy(NamedTuple):
    """What changed a number since a baseline, and by how much."""

    text: str
    places: tuple[tuple[str, int], ...]
    """(path, line) of each entry that was changed or added, as it is now."""
    change: float
    """In the unit of the metric."""
    past_places: tuple[tuple[str, int], ...] = ()
    """(path, line) of each entry that is not there any more, as it was in the baseline."""


class Before(NamedTuple):
    """A number in a baseline."""

    baseline: str
    """As it was named: `git:main`, `base.json`."""
    value: float | None
    """None where it is not known."""
    tolerance: float
    """The share of it by which it may grow."""
    causes: tuple[MovedBy, ...] = ()
    """What made it grow, the largest first."""
    is_new: bool = False
    """Whether the baseline does not have the network, or the setting, at all."""
    precision: str = ""
    """That of the number, where it was another one than now."""

    @property
    def most(self) -> float:
        """The most that it may be now; nothing where it is not known."""
        return 0.0 if self.value is None else self.value * (1 + self.tolerance)


_NO_BOUND = Bound(0.0, "unknown")
"""Where a baseline does not know the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one limit of one network."""

    spec: ModelSpec
    at: Mapping[str, str]
    """Values of knobs that are set, as they were written."""
    knobs: Mapping[str, Any]
    """The setting that the number is of; of a range the worst one."""
    precision: str
    device: DeviceProfile | None
    part: str | None
    metric: Metric
    verdict: Verdict
    number: Interval
    limit: Bound | None
    warning: Bound | None
    why: str
    """Why it is undecided, as a sentence; empty where its band says so."""
    budget: Budget
    settings: Settings | None = None
    entries: tuple[EntryCost, ...] = ()
    """The entries of the spec that cost most, where it is not within."""
    changes: tuple[KnobChange, ...] | None = None
    """For each knob the smallest change with which no limit of the budget would fail; None where
    nobody looked for one."""
    tried: tuple[str, ...] = ()
    """Knobs of which all usual values were tried, or those up to one that passes."""
    before: Before | None = None
    """The number in the baseline that it is compared with."""
    is_outside: bool = False
    """Whether the time is beyond what its fit has seen."""

    def with_changes(self, changes: Changes | None) -> Judgement:
        """The judgement with what was found by a search; itself where there was none."""
        if changes is None:
            return self
        return replace(self, changes=changes.passing, tried=changes.tried)

    @property
    def bound(self) -> Bound:
        """What the number is over: the limit, or where there is none the warning's."""
        bound = self.warning if self.verdict == "warn" else self.limit
        return bound or self.limit or self.warning or _NO_BOUND

    @property
    def over_by(self) -> float | None:
        """How far the number is over its bound, negative where it is not; None if unknown."""
        if self.number.value is None or self.bound is _NO_BOUND:
            return None
        return self.number.value - self.bound.value


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """All verdicts of a run."""

    judgements: tuple[Judgement, ...]
    analyses: tuple[Analysis, ...]
    """One for each setting that was analyzed."""
    fail_on: frozenset[Verdict]
    ranges: tuple[NetworkRange, ...] = ()
    """One for each network that was checked at all settings of a range."""
    without: tuple[str, ...] = ()
    """Models for which there is no budget."""
    skipped: tuple[str, ...] = ()
    """Files that are neither a model nor budgets."""

    def of(self, *verdicts: Verdict) -> list[Judgement]:
        """The judgements with these verdicts."""
        return [judgement for judgement in self.judgements if judgement.verdict in verdicts]

    @property
    def failing(self) -> list[Judgement]:
        """Those that fail the check."""
        return self.of(*self.fail_on)

    @property
    def verdict(self) -> Verdict:
        """The worst of all verdicts."""
        return worst_of(judgement.verdict for judgement in self.judgements)
