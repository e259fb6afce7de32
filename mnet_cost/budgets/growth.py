"""What grew since a baseline, by how much, and what made it grow.

Of each setting that is checked, totals and times are compared with those of a `Baseline`, and what
grew by more than its tolerance is `over`. Causes are those of `differences/diff.py`. Not here:
where the numbers of before are from (`baseline.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.budgets.baseline import Baseline, Missing, Setting, value_of
from mnet_cost.budgets.entries import Bound, Budget
from mnet_cost.budgets.judgements import Before, Judgement, MovedBy, Settings
from mnet_cost.budgets.network_ranges import (
    COMPARED,
    NetworkRange,
    key_of,
    numbers_compared,
)
from mnet_cost.budgets.verdicts import UNKNOWN, Interval, Verdict, verdict_of, worst_of
from mnet_cost.devices import DeviceProfile
from mnet_cost.differences.diff import Cause, diff
from mnet_cost.differences.snapshots import Snapshot, snapshot_of
from mnet_cost.errors import (
    Problem,
    Source,
    Span,
    UsageError,
)
from mnet_cost.metrics import Metric, find_metric, named
from mnet_cost.network import elaborate

if TYPE_CHECKING:
    from mnet_cost.budgets.range_numbers import RangeNumbers  # NumPy

OPTION = "--tolerance"

USUAL = named(("mult_adds", "params", "peak_memory", "latency"))
"""What is compared where nobody asks for more."""

TIME_TOLERANCE = 0.01
"""Of a time where none is stated: less is no difference between networks that a device shows.
Counts may not grow at all."""

MOST_CAUSES = 3

_PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?%")


def parse_tolerances(text: str | None) -> dict[str, float]:
    """Shares by which numbers may grow, by name of the metric: `mult_adds=2%,latency=5%`.

    Raises `UsageError` with the place of what is wrong.
    """
    if text is None:
        return {}
    source, at = Source(OPTION, text), 0
    tolerances: dict[str, float] = {}
    for raw in text.split(","):
        start = at + len(raw) - len(raw.lstrip())
        span = Span(source, 1, start + 1, start + max(len(raw.strip()), 1) + 1)
        at += len(raw) + 1
        name, equals, share = (part.strip() for part in raw.partition("="))
        match = _PERCENT.fullmatch(share)
        if not name or not equals or match is None:
            hint = "write METRIC=SHARE%, as in `mult_adds=2%,latency=5%`"
            raise UsageError(Problem(f"`{raw.strip()}` is no tolerance", span, hint))
        try:
            metric = find_metric(name, COMPARED)
        except UsageError as error:
            raise UsageError([each._replace(span=span) for each in error.problems]) from None
        if metric.name in tolerances:
            raise UsageError(Problem(f"the tolerance of `{name}` is stated twice", span))
        tolerances[metric.name] = float(match[1]) / 100
    return tolerances


def compared_metrics(tolerances: Mapping[str, float], limited: Iterable[str] = ()) -> list[Metric]:
    """`USUAL`, and those metrics that have a tolerance or are `limited` by a budget."""
    asked = {*tolerances, *limited}
    return [metric for metric in COMPARED if metric in USUAL or metric.name in asked]


def refuse_tolerances_of_nothing(
    tolerances: Mapping[str, float], devices: Iterable[DeviceProfile], text: str
) -> None:
    """`UsageError` for a tolerance of times where there is no device; `text` is what was typed."""
    if any(True for _ in devices):
        return
    for name in tolerances:
        if find_metric(name, COMPARED).per_device:
            place = re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", text)
            start, end = place.span() if place else (0, len(text))
            span = Span(Source(OPTION, text), 1, start + 1, end + 1)
            hint = "name one with `--device`, or in a budget"
            raise UsageError(Problem("no time is compared: no device is named", span, hint))


def compare_with(
    baseline: Baseline, setting: Setting, metrics: Sequence[Metric],
    tolerances: Mapping[str, float],
) -> Iterator[Judgement]:  # fmt: skip
    """A judgement for each number of a setting that is compared with a baseline."""
    before, now = baseline.snapshot(setting), snapshot_of(setting.analysis)
    at = {knob: str(value) for knob, value in setting.knobs.items()}
    causes = _Causes()
    for metric, device in numbers_compared(metrics, setting.devices):
        value = value_of(now, metric, device)
        if isinstance(before, Missing):
            record = Before(baseline.name, None, 0.0, is_new=True)
            yield _judgement(setting, at, metric, device, record, value, before.why)
            continue
        record = Before(baseline.name, value_of(before, metric, device),
                        _tolerance(tolerances, metric),
                        precision=_other(before.precision, now.precision))  # fmt: skip
        if record.value is not None and value is not None and value > record.most:
            record = record._replace(causes=causes.of(before, now, metric, device))
        why = _why(record, value, device)
        yield _judgement(setting, at, metric, device, record, value, why)


def compare_range(
    baseline: Baseline, range_: NetworkRange, metrics: Sequence[Metric],
    tolerances: Mapping[str, float],
) -> Iterator[Judgement]:  # fmt: skip
    """A judgement for each number of a range: every setting is compared with the same one of the
    baseline, and the setting that grew most is reported."""
    from mnet_cost.budgets.range_numbers import range_numbers  # NumPy

    now, before = range_numbers(range_, metrics), baseline.numbers(range_, metrics)
    settings: dict[int, Setting] = {}
    causes = _Causes()
    for metric, device in numbers_compared(metrics, range_.devices):
        values = now.values[key_of(metric, device)]
        growth = _Growth(None, 0, len(values))
        if not isinstance(before, Missing):
            was = before.values[key_of(metric, device)]
            growth = _growth_of(values, was, _tolerance(tolerances, metric))
        counts: dict[Verdict, int] = {
            "over": growth.over,
            "undecided": growth.unknown,
            "within": len(values) - growth.over - growth.unknown,
        }
        counts["undecided"] -= sum(now.broken.values())
        counts = {verdict: count for verdict, count in counts.items() if count}
        place = growth.place
        if place is None:
            place = _largest(values)
        worst = {} if place is None else range_.setting(place)
        judged = Settings(counts, now.broken, worst)
        record = Before(baseline.name, None, 0.0, is_new=isinstance(before, Missing))
        if place is None:  # there is no network, or no number
            yield _without_number(range_, metric, device, record, judged)
            continue
        if place not in settings:
            settings[place] = _setting_of(range_, worst)
        setting, value = settings[place], _number_at(values, place)
        if isinstance(before, Missing):
            judgement = _judgement(setting, range_.at, metric, device, record, value, before.why)
            yield replace(judgement, settings=judged)
            continue
        record = Before(baseline.name, _number_at(was, place), _tolerance(tolerances, metric),
                        precision=_other(baseline.precision(range_), range_.precision)
                        )  # fmt: skip
        if growth.over:
            snapshot = baseline.snapshot_in_range(setting)
            if isinstance(snapshot, Snapshot):
                present = snapshot_of(setting.analysis)
                record = record._replace(causes=causes.of(snapshot, present, metric, device))
        why = _why_of_range(baseline, before, now, values, was, device)
        judgement = _judgement(setting, range_.at, metric, device, record, value, why)
        verdict = worst_of([*counts, *(["undecided"] if now.broken else [])])  # type: ignore[list-item]
        yield replace(judgement, verdict=verdict, settings=judged)


class _Growth(NamedTuple):
    """How a number grew over the settings of a range."""

    place: int | None
    """The setting that grew most; None where none can be compared."""
    over: int
    """Settings that grew by more than the tolerance."""
    unknown: int
    """Settings of which one of the numbers is not known."""


def _growth_of(values: Any, was: Any, tolerance: float) -> _Growth:
    """The growth of a number, setting by setting. What was nothing grew without bound."""
    import numpy

    known = ~(numpy.isnan(values) | numpy.isnan(was))
    over = known & (values > was * (1 + tolerance))
    with numpy.errstate(divide="ignore", invalid="ignore"):
        ratio = numpy.where(was > 0, values / was, numpy.where(values > 0, numpy.inf, 1.0))
    ratio = numpy.where(known, ratio, -1.0)
    place = int(ratio.argmax()) if known.any() else None
    return _Growth(place, int(over.sum()), int((~known).sum()))


def _largest(values: Any) -> int | None:
    """The setting with the largest number; None where none is known."""
    import numpy

    return None if numpy.isnan(values).all() else int(numpy.nanargmax(values))


def _number_at(values: Any, place: int) -> float | None:
    """The number of a setting; None where it is not known."""
    value = float(values[place])
    return None if value != value else value


def _setting_of(range_: NetworkRange, values: Mapping[str, Any]) -> Setting:
    knobs = {**range_.fixed, **values}
    network = elaborate(range_.spec, knobs)
    analysis = analyze_network(network, range_.devices, precision=range_.precision)
    return Setting(range_.spec, knobs, analysis)


class _Causes:
    """What made numbers grow, of each pair of snapshots once."""

    def __init__(self) -> None:
        self._causes: dict[tuple[str, ...], tuple[Cause, ...]] = {}
        self._alike: dict[tuple[str, ...], Snapshot] = {}
        """Networks of before at the precision of now, where that was another one."""

    def of(
        self, before: Snapshot, now: Snapshot, metric: Metric, device: DeviceProfile | None
    ) -> tuple[MovedBy, ...]:
        """The causes that made a number grow most."""
        key = tuple(f"{knob}={value}" for knob, value in now.knobs.items())
        if key not in self._causes:
            alike = before
            if before.precision != now.precision:
                alike = self._alike[key] = _at_precision_of(before, now)
            self._causes[key] = diff(alike, now).causes
        moved = _moved_by(self._causes[key], metric, device)
        if key in self._alike:
            moved = [*moved, _by_precision(before, self._alike[key], now, metric, device)]
        growing = [each for each in moved if each.change > 0]
        return tuple(sorted(growing, key=lambda each: -each.change)[:MOST_CAUSES])


def _other(before: str, now: str) -> str:
    """The precision of before, where it is another one."""
    return before if before != now else ""


def _at_precision_of(before: Snapshot, now: Snapshot) -> Snapshot:
    """The network of before at the precision of now, stated by its spec or asked for as now: so
    the step to it is that of the precision alone."""
    assert before.analysis is not None  # a document has no other precision
    assert now.analysis is not None
    spec = before.analysis.network.spec.with_precision(now.analysis.network.spec.precision)
    network = elaborate(spec, before.knobs)
    devices = [estimate.device for estimate in before.analysis.devices]
    return snapshot_of(analyze_network(network, devices, precision=now.precision))


def _by_precision(
    before: Snapshot, alike: Snapshot, now: Snapshot, metric: Metric, device: DeviceProfile | None
) -> MovedBy:
    """What the change of the precision made of a number."""
    first, other = value_of(before, metric, device), value_of(alike, metric, device)
    change = 0.0 if first is None or other is None else other - first
    assert now.analysis is not None
    node = now.analysis.network.spec.node.value.get("precision")
    places = () if node is None else ((node.source.path, node.line),)
    return MovedBy(f"precision {before.precision} -> {now.precision}", places, change)


def _tolerance(tolerances: Mapping[str, float], metric: Metric) -> float:
    return tolerances.get(metric.name, TIME_TOLERANCE if metric.per_device else 0.0)


def are_kept(judgements: Sequence[Judgement], analysis: Analysis) -> bool:
    """Whether a network is within all limits that follow from a baseline, of a setting."""
    estimates = {id(estimate.device): estimate for estimate in analysis.devices}
    for judgement in judgements:
        if judgement.limit is not None:
            value = judgement.metric.of(analysis, estimates.get(id(judgement.device)))
            if value is None or value > judgement.limit.value:
                return False
    return True


def _why(before: Before, value: float | None, device: DeviceProfile | None) -> str:
    """Why nothing can be said; empty where both numbers are known."""
    on = f" on {device.name}" if device is not None else ""
    if value is None:
        return f"it is not known now{on}"
    return f"it is not known{on} in {before.baseline}" if before.value is None else ""


def _why_of_range(
    baseline: Baseline, before: RangeNumbers, now: RangeNumbers, values: Any, was: Any,
    device: DeviceProfile | None,
) -> str:  # fmt: skip
    """Why nothing can be said of some settings; empty where all are compared."""
    if now.broken:
        return f"no network: {max(now.broken, key=now.broken.__getitem__)}"
    if before.broken:
        cause = max(before.broken, key=before.broken.__getitem__)
        return f"no network in {baseline.name}: {cause}"
    on = f" on {device.name}" if device is not None else ""
    if (values != values).any():
        return f"it is not known now{on}"
    return f"it is not known{on} in {baseline.name}" if (was != was).any() else ""


def _moved_by(
    causes: Sequence[Cause], metric: Metric, device: DeviceProfile | None
) -> list[MovedBy]:
    """What each cause made of a number."""
    moved = []
    for cause in causes:
        change = cause.changes[metric.name] if device is None else cause.latency_s[device.name]
        present = [_split(reason.other) for reason in cause.reasons]
        past = [_split(reason.first) for reason in cause.reasons if not reason.other]
        moved.append(MovedBy(cause.text, _known(present), change, _known(past)))
    return moved


def _known(places: Sequence[tuple[str, int] | None]) -> tuple[tuple[str, int], ...]:
    return tuple(dict.fromkeys(place for place in places if place is not None))


def _split(place: str) -> tuple[str, int] | None:
    """(path, line) of `specs/net.yaml:12`; None where a reason has no place."""
    path, _, line = place.rpartition(":")
    return (path, int(line)) if path and line.isdecimal() else None


def _judgement(
    setting: Setting, at: Mapping[str, str], metric: Metric, device: DeviceProfile | None,
    before: Before, value: float | None, why: str,
) -> Judgement:  # fmt: skip
    number = UNKNOWN if value is None else Interval(value, value, value)
    limit = None
    if before.value is not None:
        limit = Bound(before.most, f"{100 * before.tolerance:g} %")
    return Judgement(
        spec=setting.spec, at=at, knobs=setting.analysis.network.knobs,
        precision=setting.analysis.precision, device=device, part=None, metric=metric,
        verdict="undecided" if limit is None else verdict_of(number, limit, None), number=number,
        limit=limit, warning=None, why=why, budget=Budget(), before=before,
    )  # fmt: skip


def _without_number(
    range_: NetworkRange, metric: Metric, device: DeviceProfile | None, before: Before,
    settings: Settings,
) -> Judgement:  # fmt: skip
    """A range of which no setting has the number now."""
    why = "it is not known now"
    if settings.broken:
        why = f"no network: {max(settings.broken, key=settings.broken.__getitem__)}"
    return Judgement(
        spec=range_.spec, at=range_.at, knobs=range_.fixed, precision=range_.precision,
        device=device, part=None, metric=metric, verdict="undecided", number=UNKNOWN, limit=None,
        warning=None, why=why, budget=Budget(), settings=settings, before=before,
    )  # fmt: skip
