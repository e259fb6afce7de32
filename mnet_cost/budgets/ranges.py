"""Budgets for all values of a range: every setting is judged, as a sweep evaluates it.

Numbers of settings are columns of NumPy; the rules of verdicts are those of `verdicts.py`, column
by column. Where layers of unknown cost leave sums out, a second pass has their lower bounds. Not
here: budgets at one setting, and of parts of a network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.budgets.entries import Bound, Budget
from mnet_cost.budgets.judgements import Settings, kept_by_all
from mnet_cost.budgets.verdicts import VERDICTS, Verdict, ends_of, worst_of
from mnet_cost.devices import DeviceProfile
from mnet_cost.metrics import Metric, find_metric
from mnet_cost.models.types import Model
from mnet_cost.search.blocks import column_of
from mnet_cost.search.single import word_of
from mnet_cost.search.summary import Table, length_of
from mnet_cost.search.sweep import evaluate
from mnet_cost.search.sweep_request import SweepRequest, plan_sweep
from mnet_cost.torch_model.installed import require


class RangeCheck(NamedTuple):
    """The verdict on one limit at all settings of a range."""

    metric: Metric
    device: DeviceProfile | None
    verdict: Verdict
    settings: Settings


def check_range(
    model: Model, axes: Mapping[str, Sequence[Any]], budget: Budget, precision: str,
    fail_on: frozenset[Verdict],
) -> list[RangeCheck]:  # fmt: skip
    """A check for each metric that is limited, on each device where it is of one.

    Needs NumPy. Raises what `plan_sweep` raises.
    """
    require("numpy", extra="numpy")
    request = _request(model, axes, budget, precision, lower_bound=False)
    partial = _request(model, axes, budget, precision, lower_bound=True)
    tallies = [
        _Tally(metric, device, precision, budget, axes)
        for metric in budget.metrics
        for device in (budget.devices if metric.per_device else (None,))
    ]
    broken: Counter[str] = Counter()
    tables = evaluate(request, broken=broken)
    least: Iterator[Table] | None = None
    for number, table in enumerate(tables):
        if least is None and any(tally.has_gaps(table) for tally in tallies):
            least = evaluate(partial)
            for _ in range(number):
                next(least)
        lower = table if least is None else next(least)
        for tally in tallies:
            tally.add(table, lower)
    failing = [tally for tally in tallies if tally.verdict(broken) in fail_on]
    kept = kept_by_all([tally.kept() for tally in failing]) if not broken else {}
    return [tally.result(broken, kept if tally in failing else {}) for tally in tallies]


def _request(
    model: Model, axes: Mapping[str, Sequence[Any]], budget: Budget, precision: str,
    lower_bound: bool,
) -> SweepRequest:  # fmt: skip
    """The sweep with the columns that are limited, and the ends of their bands."""
    names = {metric.name for metric in budget.metrics}
    names |= {f"{name}_{end}" for name in ("latency", "energy") if name in names
              for end in ("low", "high")}  # fmt: skip
    if "latency" in names:
        names.add("lower_bound")
    return plan_sweep(
        [model.spec.title], [model], axes, budget.devices, precisions=(precision,),
        metrics=[find_metric(name) for name in sorted(names)], lower_bound=lower_bound,
    )  # fmt: skip


class _Tally:
    """The settings of one limit, table by table."""

    def __init__(
        self, metric: Metric, device: DeviceProfile | None, precision: str, budget: Budget,
        axes: Mapping[str, Sequence[Any]],
    ) -> None:  # fmt: skip
        self.metric, self.device = metric, device
        self.limit: Bound | None = budget.limits.get(metric.name)
        self.warning: Bound | None = budget.warnings.get(metric.name)
        self._ends = ends_of(metric, device, precision)
        self._counts: Counter[Verdict] = Counter()
        self._worst: dict[Verdict, tuple[float, Mapping[str, Any]]] = {}
        self._axes = axes
        self._failing: dict[str, set[Any]] = {knob: set() for knob in axes}
        """Cells of each knob at settings that are not within the limit."""

    def has_gaps(self, table: Table) -> bool:
        """Whether there are settings without the number."""
        import numpy

        values = table[column_of(self.metric, self.device)]
        return values is None or bool(numpy.isnan(values).any())

    def add(self, table: Table, lower: Table) -> None:
        """Take in a table, and the same with lower bounds in the place of what is left out."""
        import numpy

        points = length_of(table)
        value = self._column(self.metric, lower, points)
        is_partial = numpy.isnan(self._column(self.metric, table, points))
        low, high = (self._column(end, lower, points) for end in self._ends)
        high = numpy.where(is_partial, numpy.nan, high)
        if self.metric.name == "latency":
            bound = self._column(find_metric("lower_bound"), lower, points)
            low = numpy.where(numpy.isnan(low), bound, low)
        verdicts = self._verdicts(value, low, high)
        for number, verdict in enumerate(VERDICTS):
            chosen = verdicts == number
            count = int(chosen.sum())
            if not count:
                continue
            self._counts[verdict] += count
            if verdict != "within":
                for knob, cells in self._failing.items():
                    if len(cells) < len(self._axes[knob]):
                        cells |= _cells(table[knob][chosen])
            known = numpy.where(chosen, value, -numpy.inf)
            known = numpy.where(numpy.isnan(known), -numpy.inf, known)
            at = int(known.argmax())
            best = self._worst.get(verdict)
            if known[at] > (-numpy.inf if best is None else best[0]):
                self._worst[verdict] = float(known[at]), _knobs_at(table, at)

    def _column(self, metric: Metric | None, table: Table, points: int) -> Any:
        """A column in the units of the program; NaN where it is not known."""
        import numpy

        values = None if metric is None else table.get(column_of(metric, self.device))
        if values is None or metric is None:
            return numpy.full(points, numpy.nan)
        return values / metric.file_factor if metric.file_factor != 1 else values

    def _verdicts(self, value: Any, low: Any, high: Any) -> Any:
        """`verdict_of` of each setting, as places in `VERDICTS`; what is NaN compares as false."""
        import numpy

        over, undecided, warn, within = range(len(VERDICTS))
        result = numpy.full(len(value), within)
        if self.warning is not None:
            if self.limit is None:
                result = numpy.where(numpy.isnan(high), undecided, result)
            result = numpy.where(value > self.warning.value, warn, result)
        if self.limit is not None:
            result = numpy.where(high <= self.limit.value, result, undecided)
            result = numpy.where(low > self.limit.value, over, result)
        return numpy.where(numpy.isnan(value), undecided, result)

    def verdict(self, broken: Mapping[str, int]) -> Verdict:
        """The verdict on all settings: the worst of them; one that is no network is undecided."""
        return worst_of([*self._counts, *(["undecided"] if broken else [])])  # type: ignore[list-item]

    def kept(self) -> dict[str, tuple[Any, ...]]:
        """For each knob its values with which all settings are within this limit."""
        kept: dict[str, tuple[Any, ...]] = {}
        for knob, values in self._axes.items():
            failing = {_value_of(cell, values) for cell in self._failing[knob]}
            kept[knob] = tuple([value for value in values if value not in failing])
        return kept

    def result(self, broken: Mapping[str, int], kept: Mapping[str, tuple[Any, ...]]) -> RangeCheck:
        """The check of this limit; with `kept`, the values that all limits which fail are kept
        with."""
        worst = next((self._worst[each] for each in VERDICTS if each in self._worst), None)
        setting: Mapping[str, Any] = {} if worst is None else worst[1]
        knobs = {knob: _value_of(setting[knob], values) for knob, values in self._axes.items()
                 if knob in setting}  # fmt: skip
        settings = Settings(dict(self._counts), dict(broken), knobs, kept)
        return RangeCheck(self.metric, self.device, self.verdict(broken), settings)


def _cells(column: Any) -> set[Any]:
    """The different cells of a column, of which `Words` have as many as words."""
    import numpy

    return set(numpy.unique(numpy.asarray(column)).tolist())


def _knobs_at(table: Table, at: int) -> dict[str, Any]:
    """The cells of one row of a table."""
    return {
        name: column[at : at + 1].tolist()[0]
        for name, column in table.items()
        if column is not None
    }


def _value_of(cell: Any, values: Sequence[Any]) -> Any:
    """The value of a knob that a cell stands for: words stand for flags and sides, too."""
    return next(value for value in values if value == cell or word_of(value) == cell)
