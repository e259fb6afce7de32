"""Checks of budgets: a verdict for each limit, what makes a number too large, what would pass.

    result = check_budgets(plan_checks(["mobilenet_v1"], typed=budgets))
    result.failing

A budget at one setting takes one analysis. One for all values of a range is evaluated as a sweep is
(`ranges.py`): the verdict holds for each setting, and the worst one is analyzed. Not here:
which budgets there are (`files.py`), and reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice, product
from math import prod
from typing import Any

from mnet_cost.analysis import Analysis, analyze_network, costs_on
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.budgets.causes import (
    EntryCost,
    costliest_entries,
    layers_of,
    part_interval,
)
from mnet_cost.budgets.changes import ChangeSearch
from mnet_cost.budgets.entries import Budget
from mnet_cost.budgets.files import Plan, PlannedBudget
from mnet_cost.budgets.judgements import Changes, CheckResult, Judgement, Settings, kept_by_all
from mnet_cost.budgets.network_ranges import NetworkRange
from mnet_cost.budgets.verdicts import (
    UNKNOWN,
    VERDICTS,
    Interval,
    Verdict,
    interval_of,
    verdict_of,
    worst_of,
)
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import (
    BudgetError,
    MnetCostError,
    Problem,
    ProblemList,
    TooManyProblemsError,
    UsageError,
)
from mnet_cost.metrics import Metric
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.network import Network, elaborate
from mnet_cost.network.parts import PartError

FAIL_ON: frozenset[Verdict] = frozenset(["over"])
"""The verdicts that fail where nobody asks for others."""

MAX_SETTINGS = 1_000_000
"""Most settings of the ranges of all budgets of a run: they are evaluated in a second or some."""
MAX_PART_SETTINGS = 1000
"""Most of those that are of parts, of which each takes an analysis."""

_MOST_NAMED = 3
_MOST_TRIED = 1000


def check_budgets(
    plan: Plan,
    fail_on: frozenset[Verdict] = FAIL_ON,
    baseline: str | None = None,
    tolerances: Mapping[str, float] | None = None,
    tolerance: str | None = None,
) -> CheckResult:
    """The verdicts on all budgets of a plan; with a baseline, on what grew since as well.

    `tolerances` are shares by name of the metric, and `tolerance` the text of them.

    Raises `BudgetError` with all settings that are no network, values that a knob cannot have, and
    parts that are not there.
    """
    checker = _Checker(plan, fail_on)
    judgements: list[Judgement] = []
    problems = ProblemList()
    with suppress(TooManyProblemsError):
        problems += _too_many_settings(plan)
        for planned in () if problems else plan.budgets:
            try:
                judgements += checker.judge(planned)
            except MnetCostError as error:
                for problem in planned.placed(error):
                    if problem not in problems:
                        problems.append(problem)
    if problems:
        raise BudgetError(problems)
    if baseline is not None:
        limited = {metric.name for planned in plan.budgets for metric in planned.budget.metrics}
        judgements += checker.compare(baseline, tolerances or {}, limited, tolerance or "")
    ranges = checker.ranges()
    return CheckResult(
        judgements=tuple(judgements), analyses=tuple(checker.analyses.values()), ranges=ranges,
        fail_on=fail_on, without=plan.without, skipped=plan.skipped,
    )  # fmt: skip


def read_tolerances(text: str | None, baseline: str | None) -> dict[str, float]:
    """The shares by which numbers may grow since a baseline, by name of the metric.

    Raises `UsageError`, also where there is no baseline.
    """
    if baseline is None:
        if text is not None:
            hint = "add --baseline git:main, for example"
            raise UsageError(Problem("--tolerance is of a baseline, and there is none", hint=hint))
        return {}
    from mnet_cost.budgets.growth import parse_tolerances

    return parse_tolerances(text)


def _too_many_settings(plan: Plan) -> Iterator[Problem]:
    """The problem of the budget from which on the ranges of all have too many settings, of networks
    and of parts."""
    counts = {"": 0, "of parts ": 0}
    for planned in plan.budgets:
        budget = planned.budget
        settings = prod(map(len, budget.at.values())) * len(planned.precisions)
        if all(len(values) == 1 for values in budget.at.values()):
            continue
        what, most = ("", MAX_SETTINGS) if budget.part is None else ("of parts ", MAX_PART_SETTINGS)
        before = counts[what]
        counts[what] += settings
        if before <= most < counts[what]:
            message = f"with these, ranges {what}have {counts[what]:,} settings"
            message += f", of {most:,} at most"
            error = UsageError(Problem(message, hint="take larger steps, or fewer knobs"))
            yield from planned.placed(error)


class _Checker:
    """Elaborates and analyzes each setting once."""

    def __init__(self, plan: Plan, fail_on: frozenset[Verdict]) -> None:
        self.fail_on = fail_on
        self.analyses: dict[tuple[Any, ...], Analysis] = {}
        self._networks: dict[tuple[Any, ...], Network] = {}
        self._devices: dict[tuple[Any, ...], dict[int, DeviceProfile]] = {}
        self._search = ChangeSearch()
        self._plan = plan
        for planned in plan.budgets:
            for precision in planned.precisions:
                self._ask(_key(planned.spec, planned.fixed, precision), planned.budget.devices)

    def _ask(self, key: tuple[Any, ...], devices: Sequence[DeviceProfile]) -> None:
        """Have a setting analyzed on these devices as well."""
        asked = self._devices.setdefault(key, {})
        asked.update({id(device): device for device in devices})

    def compare(
        self, name: str, tolerances: Mapping[str, float], limited: Iterable[str], tolerance: str
    ) -> Iterator[Judgement]:
        """Judgements of all settings and ranges, beside the baseline of that name."""
        from mnet_cost.budgets.baseline import Setting, open_baseline
        from mnet_cost.budgets.growth import (
            are_kept,
            compare_range,
            compare_with,
            compared_metrics,
            refuse_tolerances_of_nothing,
        )

        baseline = open_baseline(name)
        settings = [
            Setting(spec, knobs, self._analysis(spec, knobs, precision))
            for spec, knobs, precision in self._settings()
        ]
        ranges = self.ranges()
        specs = [*(setting.spec for setting in settings), *(range_.spec for range_ in ranges)]
        baseline.check(specs)
        devices = [device for setting in settings for device in setting.devices]
        devices += [device for range_ in ranges for device in range_.devices]
        refuse_tolerances_of_nothing(tolerances, devices, tolerance)
        metrics = compared_metrics(tolerances, limited)
        for setting in settings:
            judged = list(compare_with(baseline, setting, metrics, tolerances))
            failing = [each for each in judged if each.verdict in self.fail_on and each.limit]
            changes = None
            if failing:
                changes = self._search.search(
                    setting.spec, setting.knobs, setting.devices, setting.analysis.precision,
                    partial(are_kept, judged),
                )  # fmt: skip
            for judgement in judged:
                is_failing = judgement.verdict in self.fail_on
                yield judgement.with_changes(changes) if is_failing else judgement
        for range_ in ranges:
            yield from compare_range(baseline, range_, metrics, tolerances)

    def _settings(self) -> list[tuple[ModelSpec, dict[str, Any], str]]:
        """The networks that are checked at one setting: spec, knobs that are set, precision."""
        settings = {
            _key(planned.spec, planned.fixed, precision): (planned.spec, planned.fixed, precision)
            for planned in self._plan.budgets
            if not planned.axes
            for precision in planned.precisions
        }
        return list(settings.values())

    def ranges(self) -> tuple[NetworkRange, ...]:
        """The ranges that are checked, each once, with all devices that budgets name."""
        ranges: dict[tuple[Any, ...], NetworkRange] = {}
        for planned in self._plan.budgets:
            axes = planned.axes
            for precision in planned.precisions if axes else ():
                key = _key(planned.spec, planned.fixed, precision), tuple(axes.items())
                range_ = NetworkRange(planned.spec, planned.fixed, axes, _texts(planned),
                                      planned.budget.devices, precision)  # fmt: skip
                first = ranges.setdefault(key, range_)
                devices = {device.name: device for device in (*first.devices, *range_.devices)}
                ranges[key] = first._replace(devices=tuple(devices.values()))
        return tuple(ranges.values())

    def judge(self, planned: PlannedBudget) -> Iterator[Judgement]:
        """The judgements of one budget."""
        budget = planned.budget
        axes = planned.axes
        for precision in planned.precisions:
            if not axes:
                yield from self._at_setting(planned, precision)
            elif budget.part is not None:
                yield from self._part_in_range(planned, precision, axes)
            else:
                yield from self._in_range(planned, precision, axes)

    def _at_setting(self, planned: PlannedBudget, precision: str) -> Iterator[Judgement]:
        analysis = self._analysis(planned.spec, planned.fixed, precision)
        numbers = _numbers(planned.budget, analysis)
        verdicts = [_verdict(planned.budget, metric, number)
                    for metric, _, number in numbers]  # fmt: skip
        changes: Changes | None = None
        if self.fail_on.intersection(verdicts):
            changes = self._search.search(
                planned.spec, planned.fixed, planned.budget.devices, precision,
                partial(self._keeps, planned.budget, verdicts),
            )  # fmt: skip
        for metric, device, number in numbers:
            judgement = _judgement(planned, analysis, metric, device, number)
            if judgement.verdict in self.fail_on:
                judgement = judgement.with_changes(changes)
            yield judgement

    def _in_range(
        self, planned: PlannedBudget, precision: str, axes: Mapping[str, Sequence[Any]]
    ) -> Iterator[Judgement]:
        from mnet_cost.budgets.ranges import check_range  # NumPy

        fixed = planned.fixed
        model = Model(planned.spec, fixed)
        for check in check_range(model, axes, planned.budget, precision, self.fail_on):
            yield self._judged_range(planned, precision, check.metric, check.device, check.verdict,
                                     check.settings)  # fmt: skip

    def _part_in_range(
        self, planned: PlannedBudget, precision: str, axes: Mapping[str, Sequence[Any]]
    ) -> Iterator[Judgement]:
        """A part at each setting of a range, one by one; a setting without it has no number."""
        tallies: list[_Tally] = []
        broken: dict[str, list[str]] = {}
        error: MnetCostError | None = None
        for values in product(*axes.values()):
            setting = dict(zip(axes, values, strict=True))
            try:
                network = elaborate(planned.spec, {**planned.fixed, **setting})
                analysis = analyze_network(network, planned.budget.devices, precision=precision)
                numbers = _numbers(planned.budget, analysis)
            except MnetCostError as reason:
                error = reason if isinstance(reason, PartError) else error
                cause = reason.problems[0].message.partition("\n")[0]
                at = ",".join(f"{knob}={value}" for knob, value in setting.items())
                broken.setdefault(cause, []).append(at)
                continue
            tallies = tallies or [_Tally(metric, device) for metric, device, _ in numbers]
            for tally, (metric, _, number) in zip(tallies, numbers, strict=True):
                tally.add(_verdict(planned.budget, metric, number), number, setting)
        if not tallies and error is not None:
            raise error  # no setting has the part
        missing = {f"{cause} at {at[0]}": len(at) for cause, at in broken.items()}
        if not tallies:
            for metric, device in _limited(planned.budget):
                yield _without_network(planned, precision, metric, device,
                                       Settings({}, missing, {}))  # fmt: skip
            return
        verdicts = [worst_of([*tally.counts, *(["undecided"] if missing else [])])  # type: ignore[list-item]
                    for tally in tallies]  # fmt: skip
        failing = [tally.kept(axes) for tally, verdict in zip(tallies, verdicts, strict=True)
                   if verdict in self.fail_on]  # fmt: skip
        kept = kept_by_all(failing) if not missing else {}
        for tally, verdict in zip(tallies, verdicts, strict=True):
            settings = Settings(tally.counts, missing, tally.worst,
                                kept if verdict in self.fail_on else {})  # fmt: skip
            yield self._judged_range(planned, precision, tally.metric, tally.device, verdict,
                                     settings)  # fmt: skip

    def _judged_range(
        self, planned: PlannedBudget, precision: str, metric: Metric, device: DeviceProfile | None,
        verdict: Verdict, settings: Settings,
    ) -> Judgement:  # fmt: skip
        """The judgement of a range, with the analysis of its worst setting."""
        knobs = {**planned.fixed, **settings.worst}
        if not settings.worst:  # no setting has a number: any network of the range says why
            axes = {knob: values for knob, values in planned.budget.at.items() if knob not in knobs}
            network_knobs = self._some_network(planned, axes)
            if network_knobs is None:
                return _without_network(planned, precision, metric, device, settings)
            knobs = network_knobs
        self._ask(_key(planned.spec, knobs, precision), planned.budget.devices)
        analysis = self._analysis(planned.spec, knobs, precision)
        number = next(number for each, on, number in _numbers(planned.budget, analysis)
                      if each is metric and on is device)  # fmt: skip
        judgement = _judgement(planned, analysis, metric, device, number, verdict)
        why = judgement.why
        if not settings.worst:
            judgement = replace(judgement, number=UNKNOWN, entries=())
        if settings.broken:
            why = settings.why_broken(planned.budget.part)
        return replace(judgement, settings=settings, why=why)

    def _some_network(
        self, planned: PlannedBudget, axes: Mapping[str, Sequence[Any]]
    ) -> dict[str, Any] | None:
        """The knobs of the first setting of a range that is a network; None where few tries find
        none."""
        for values in islice(product(*axes.values()), _MOST_TRIED):
            knobs = {**planned.fixed, **dict(zip(axes, values, strict=True))}
            with suppress(MnetCostError):
                self._network(planned.spec, knobs)
                return knobs
        return None

    def _analysis(self, spec: ModelSpec, knobs: Mapping[str, Any], precision: str) -> Analysis:
        key = _key(spec, knobs, precision)
        devices = tuple(self._devices[key].values())
        analysis = self.analyses.get(key)
        if analysis is None or len(analysis.devices) < len(devices):
            network = self._network(spec, knobs)
            analysis = self.analyses[key] = analyze_network(network, devices, precision=precision)
        return analysis

    def _network(self, spec: ModelSpec, knobs: Mapping[str, Any]) -> Network:
        key = _key(spec, knobs, "")
        if key not in self._networks:
            self._networks[key] = elaborate(spec, knobs)
        return self._networks[key]

    def _keeps(self, budget: Budget, present: Sequence[Verdict], analysis: Analysis) -> bool:
        """Whether a network is within the limits that fail at present, and is at none worse."""
        numbers = _numbers(budget, analysis)
        return all(
            VERDICTS.index(_verdict(budget, metric, number))
            >= VERDICTS.index("within" if verdict in self.fail_on else verdict)
            for (metric, _, number), verdict in zip(numbers, present, strict=True)
        )


class _Tally:
    """Verdicts of the settings of a range, and the setting whose number is largest."""

    def __init__(self, metric: Metric, device: DeviceProfile | None) -> None:
        self.metric, self.device = metric, device
        self.counts: dict[Verdict, int] = {}
        self.number = UNKNOWN
        self.worst: Mapping[str, Any] = {}
        self._failing: list[Mapping[str, Any]] = []
        self._verdict: Verdict = "within"

    def add(self, verdict: Verdict, number: Interval, setting: Mapping[str, Any]) -> None:
        """Take in the next setting."""
        self.counts[verdict] = self.counts.get(verdict, 0) + 1
        if verdict != "within":
            self._failing.append(setting)
        if number.value is None:
            return
        largest = self.number.value is None or number.value > self.number.value
        if worst_of([self._verdict, verdict]) != self._verdict or (
            verdict == self._verdict and largest
        ):
            self._verdict, self.number, self.worst = verdict, number, setting

    def kept(self, axes: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Any, ...]]:
        """For each knob its values with which all settings are within this limit."""
        failing = {knob: {setting[knob] for setting in self._failing} for knob in axes}
        return {knob: tuple([value for value in values if value not in failing[knob]])
                for knob, values in axes.items()}  # fmt: skip


def _key(spec: ModelSpec, knobs: Mapping[str, Any], precision: str) -> tuple[Any, ...]:
    return id(spec), frozenset(knobs.items()), precision


def _numbers(
    budget: Budget, analysis: Analysis
) -> list[tuple[Metric, DeviceProfile | None, Interval]]:
    """The number of each metric that is limited, on each device where it is of one."""
    if budget.part is not None:
        layers_of(analysis, budget.part)  # which must be there, whatever is limited
    costs = analysis.total_costs
    numbers: list[tuple[Metric, DeviceProfile | None, Interval]] = []
    for metric, device in _limited(budget):
        estimate = _estimate(analysis, device)
        if budget.part is not None:
            number = part_interval(metric, analysis, estimate, budget.part)
        else:
            on_device = None if estimate is None else costs_on(estimate)
            number = interval_of(metric, costs, device, on_device, analysis.precision)
        numbers.append((metric, device, number))
    return numbers


def _limited(budget: Budget) -> Iterator[tuple[Metric, DeviceProfile | None]]:
    """Each metric that is limited, on each device where it is of one."""
    for metric in budget.metrics:
        devices: Iterable[DeviceProfile | None] = budget.devices if metric.per_device else (None,)
        for device in devices:
            yield metric, device


def _estimate(analysis: Analysis, device: DeviceProfile | None) -> DeviceEstimate | None:
    return next((each for each in analysis.devices if each.device is device), None)


def _verdict(budget: Budget, metric: Metric, number: Interval) -> Verdict:
    return verdict_of(number, budget.limits.get(metric.name), budget.warnings.get(metric.name))


def _judgement(
    planned: PlannedBudget, analysis: Analysis, metric: Metric, device: DeviceProfile | None,
    number: Interval, verdict: Verdict | None = None,
) -> Judgement:  # fmt: skip
    budget = planned.budget
    estimate = _estimate(analysis, device)
    verdict = verdict or _verdict(budget, metric, number)
    entries: tuple[EntryCost, ...] = ()
    if verdict != "within" and number.value is not None:
        entries = costliest_entries(metric, analysis, estimate, budget.part)
    return Judgement(
        spec=planned.spec, at=_texts(planned), knobs=analysis.network.knobs,
        precision=analysis.precision, device=device, part=budget.part, metric=metric,
        verdict=verdict, number=number, limit=budget.limits.get(metric.name),
        warning=budget.warnings.get(metric.name), budget=budget,
        why=_why(metric, analysis, estimate, number, budget.part) if verdict == "undecided" else "",
        entries=entries, is_outside=metric.per_device and bool(estimate and estimate.outside),
    )  # fmt: skip


def _without_network(
    planned: PlannedBudget, precision: str, metric: Metric, device: DeviceProfile | None,
    settings: Settings,
) -> Judgement:  # fmt: skip
    """A range of which no setting, of those that were tried, is a network."""
    return Judgement(
        spec=planned.spec, at=_texts(planned), knobs=planned.fixed, precision=precision,
        device=device, part=planned.budget.part, metric=metric, verdict="undecided",
        number=UNKNOWN, limit=planned.budget.limits.get(metric.name),
        warning=planned.budget.warnings.get(metric.name),
        why=settings.why_broken(planned.budget.part),
        budget=planned.budget, settings=settings,
    )  # fmt: skip


def _texts(planned: PlannedBudget) -> dict[str, str]:
    """Knobs that are set, as they were written."""
    given = {knob: str(value) for knob, value in planned.knobs.items()}
    return {**given, **planned.budget.texts}


def _why(
    metric: Metric, analysis: Analysis, estimate: DeviceEstimate | None, number: Interval,
    part: str | None,
) -> str:  # fmt: skip
    """Why nobody can tell whether a number is within its limit."""
    if number.has_band:
        return ""
    if metric.needs_totals and analysis.unmodelled:
        names = ", ".join(f"`{name}`" for name in analysis.unmodelled[:_MOST_NAMED])
        more = ", ..." if len(analysis.unmodelled) > _MOST_NAMED else ""
        return f"the cost of {names}{more} is unknown"
    if estimate is None:
        return "it is not known"
    device = estimate.device.name
    if metric.name == "memory":
        return f"the profile of {device} states no main memory"
    if estimate.latency_s is None and estimate.notes:
        return estimate.notes[0]
    if number.value is not None:
        return f"no more than a lower bound is known on {device}"
    if metric.name.startswith("energy"):
        return f"the profile of {device} has no power, and no energy of a mult-add or a byte"
    if part is not None:
        return f"`{part}` has no kernel of its own on {device}"
    return f"the profile of {device} does not tell"
