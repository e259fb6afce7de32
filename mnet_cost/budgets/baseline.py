"""Baselines: what networks cost before, and what made a number grow since.

    baseline = open_baseline("git:main")
    baseline.snapshot(setting)

A baseline is a revision of the repository (`git:REV`, or `git:REV:PATH` where the spec had another
path) or what `check --format json` or `analyze --format json` wrote before. Of each setting that is
checked, totals and times are compared, and what grew by more than its tolerance is `over`. Causes
are those of `diff.py`. Not here: budgets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.budgets.entries import Bound, Budget
from mnet_cost.budgets.judgements import Before, Judgement, MovedBy
from mnet_cost.budgets.verdicts import UNKNOWN, Interval, verdict_of
from mnet_cost.devices import DeviceProfile
from mnet_cost.differences.diff import Cause, diff
from mnet_cost.differences.snapshots import Snapshot, snapshot_of
from mnet_cost.errors import (
    MnetCostError,
    ModelReferenceError,
    Problem,
    Source,
    Span,
    SpecError,
    UsageError,
)
from mnet_cost.metrics import TOTALS, Metric, find_metric, named
from mnet_cost.models.library import is_revision, load_model
from mnet_cost.models.types import BATCH, ModelSpec
from mnet_cost.network import elaborate
from mnet_cost.paths import real_path
from mnet_cost.search.single import word_of
from mnet_cost.shipped import specs_folder

OPTION = "--tolerance"

COMPARED = (*TOTALS, find_metric("latency"))
"""What can be compared with a baseline."""
USUAL = named(("mult_adds", "params", "peak_memory", "latency"))
"""What is compared where nobody asks for more."""

TIME_TOLERANCE = 0.01
"""Of a time where none is stated: less is no difference between networks that a device shows.
Counts may not grow at all."""

MOST_CAUSES = 3

_PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?%")


class Setting(NamedTuple):
    """A network at one setting, as it is now."""

    spec: ModelSpec
    knobs: Mapping[str, Any]
    """Those that are set."""
    analysis: Analysis

    @property
    def devices(self) -> tuple[DeviceProfile, ...]:
        return tuple([estimate.device for estimate in self.analysis.devices])


class Missing(NamedTuple):
    """Why a baseline has no numbers of a setting."""

    why: str


class Baseline:
    """What networks cost before."""

    def __init__(self, name: str) -> None:
        self.name = name

    def snapshot(self, setting: Setting) -> Snapshot | Missing:
        """The network at the same setting, as it was."""
        raise NotImplementedError

    def check(self, settings: Sequence[Setting]) -> None:
        """`UsageError` where the baseline is of other networks altogether."""


def open_baseline(name: str) -> Baseline:
    """The baseline of that name; `UsageError` for a file that is none."""
    if is_revision(name):
        return _Revision(name)
    from mnet_cost.report.analysis_file import read_snapshots  # reads what reports write

    return _Document(name, read_snapshots(name))


class _Revision(Baseline):
    """Specs as they are in a revision of their repository."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        from mnet_cost.models.revisions import PREFIX, is_file_in_revision

        self._whole = is_file_in_revision(name)
        if not self._whole and (name == PREFIX or name.endswith(":")):
            hint = "git:main, or git:main:specs/net.yaml"
            raise UsageError(Problem(f"`{name}` names no revision", hint=hint))
        self._specs: dict[tuple[str, str | None], ModelSpec | Missing] = {}

    def check(self, settings: Sequence[Setting]) -> None:
        paths = {setting.spec.path for setting in settings}
        if self._whole and len(paths) > 1:
            hint = "git:REV alone is the same file of each in that revision"
            message = f"`{self.name}` is one file, and {len(paths)} specs are checked"
            raise UsageError(Problem(message, hint=hint))

    def snapshot(self, setting: Setting) -> Snapshot | Missing:
        key = setting.spec.path, setting.spec.variant
        if key not in self._specs:
            self._specs[key] = self._spec(setting.spec)
        spec = self._specs[key]
        if isinstance(spec, Missing):
            return spec
        try:
            network = elaborate(spec, setting.knobs)
        except MnetCostError as error:
            return Missing(f"in {self.name} it is no network: {error.problems[0].message}")
        precision = setting.analysis.precision
        return snapshot_of(analyze_network(network, setting.devices, precision=precision))

    def _spec(self, spec: ModelSpec) -> ModelSpec | Missing:
        from mnet_cost.models.revisions import AbsentFileError, NoRepositoryError

        reference = self.name
        if not self._whole:
            # An absolute path is of its own repository, wherever the working directory is.
            reference = f"{self.name}:{os.path.abspath(spec.path).replace(os.sep, '/')}"
        if spec.variant is not None:
            reference += f":{spec.variant}"
        try:
            return load_model(reference).spec
        except AbsentFileError:
            return Missing(f"it is not in {self.name}")
        except NoRepositoryError:
            if real_path(spec.path).parent != real_path(specs_folder()):
                raise
            return Missing("it is shipped with the program, and in no git repository")
        except ModelReferenceError as error:
            if spec.variant is not None and "variant" in error.problems[0].message:
                return Missing(f"{self.name} has no variant `{spec.variant}`")
            raise
        except SpecError as error:
            return Missing(f"in {self.name} it is no model: {error.problems[0].message}")


class _Document(Baseline):
    """What was written before."""

    def __init__(self, name: str, snapshots: Sequence[Snapshot]) -> None:
        super().__init__(name)
        self._snapshots = snapshots

    def check(self, settings: Sequence[Setting]) -> None:
        titles = {setting.spec.title for setting in settings}
        known = dict.fromkeys(snapshot.title for snapshot in self._snapshots)
        if settings and titles.isdisjoint(known):
            listed = ", ".join(known) or "no network"
            message = f"{self.name}: is of {listed}, and {', '.join(sorted(titles))} is checked"
            hint = "`mnet-cost check ... --format json -o FILE` writes a baseline"
            raise UsageError(Problem(message, hint=hint))

    def snapshot(self, setting: Setting) -> Snapshot | Missing:
        analysis = setting.analysis
        same = [
            snapshot
            for snapshot in self._snapshots
            if snapshot.title == setting.spec.title and snapshot.precision == analysis.precision
            and snapshot.knobs.get(BATCH, 1) == analysis.network.batch
            and all(_is_equal(snapshot.knobs.get(knob), value)
                    for knob, value in setting.knobs.items())
        ]  # fmt: skip
        if not same:
            return Missing(f"{self.name} has no analysis of it at this setting")
        now = analysis.network.knobs

        def alike(snapshot: Snapshot) -> int:
            return sum(_is_equal(snapshot.knobs.get(knob), value) for knob, value in now.items())

        return max(same, key=alike)


def _is_equal(first: Any, other: Any) -> bool:
    """Whether two values of a knob are the same; a file has a list for a height and a width."""
    return bool(first == other) or word_of(first) == word_of(other)


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


def compare_with(
    baseline: Baseline, setting: Setting, metrics: Sequence[Metric],
    tolerances: Mapping[str, float],
) -> Iterator[Judgement]:  # fmt: skip
    """A judgement for each number of a setting that is compared with a baseline."""
    before = baseline.snapshot(setting)
    if isinstance(before, Missing):
        record = Before(baseline.name, None, 0.0)
        for metric, device in _numbers(setting, metrics):
            yield _judgement(setting, metric, device, record, None, before.why)
        return
    now = snapshot_of(setting.analysis)
    causes: tuple[Cause, ...] | None = None
    for metric, device in _numbers(setting, metrics):
        tolerance = tolerances.get(metric.name, TIME_TOLERANCE if device is not None else 0.0)
        was, value = _value(before, metric, device), _value(now, metric, device)
        record = Before(baseline.name, was, tolerance)
        if was is not None and value is not None and value > was * (1 + tolerance):
            if causes is None:
                causes = diff(before, now).causes
            record = record._replace(causes=_moved_by(causes, metric, device))
        yield _judgement(setting, metric, device, record, value, _why(record, value, device))


def are_kept(judgements: Sequence[Judgement], analysis: Analysis) -> bool:
    """Whether a network is within all limits that follow from a baseline, of a setting."""
    estimates = {id(estimate.device): estimate for estimate in analysis.devices}
    for judgement in judgements:
        if judgement.limit is not None:
            value = judgement.metric.of(analysis, estimates.get(id(judgement.device)))
            if value is None or value > judgement.limit.value:
                return False
    return True


def _numbers(
    setting: Setting, metrics: Iterable[Metric]
) -> Iterator[tuple[Metric, DeviceProfile | None]]:
    for metric in metrics:
        if metric.per_device:
            for device in setting.devices:
                yield metric, device
        else:
            yield metric, None


def _value(snapshot: Snapshot, metric: Metric, device: DeviceProfile | None) -> float | None:
    if device is None:
        return snapshot.totals[metric.name]
    return next((each.latency_s for each in snapshot.devices if each.name == device.name), None)


def _why(before: Before, value: float | None, device: DeviceProfile | None) -> str:
    """Why nothing can be said; empty where both numbers are known."""
    on = f" on {device.name}" if device is not None else ""
    if value is None:
        return f"it is not known now{on}"
    return f"it is not known{on} in {before.baseline}" if before.value is None else ""


def _moved_by(
    causes: Sequence[Cause], metric: Metric, device: DeviceProfile | None
) -> tuple[MovedBy, ...]:
    """The causes that made a number grow most."""
    moved = []
    for cause in causes:
        change = cause.changes[metric.name] if device is None else cause.latency_s[device.name]
        places = [_split(reason.other or reason.first) for reason in cause.reasons]
        known = dict.fromkeys(place for place in places if place is not None)
        moved.append(MovedBy(cause.text, tuple(known), change))
    growing = [each for each in moved if each.change > 0]
    return tuple(sorted(growing, key=lambda each: -each.change)[:MOST_CAUSES])


def _split(place: str) -> tuple[str, int] | None:
    """(path, line) of `specs/net.yaml:12`; None where a reason has no place."""
    path, _, line = place.rpartition(":")
    return (path, int(line)) if path and line.isdecimal() else None


def _judgement(
    setting: Setting, metric: Metric, device: DeviceProfile | None, before: Before,
    value: float | None, why: str,
) -> Judgement:  # fmt: skip
    number = UNKNOWN if value is None else Interval(value, value, value)
    limit = None
    if before.value is not None:
        limit = Bound(before.value * (1 + before.tolerance), f"{100 * before.tolerance:g} %")
    return Judgement(
        spec=setting.spec, at={knob: str(value) for knob, value in setting.knobs.items()},
        knobs=setting.analysis.network.knobs, precision=setting.analysis.precision, device=device,
        part=None, metric=metric, verdict=verdict_of(number, limit, None), number=number,
        limit=limit, warning=None, why=why, budget=Budget(), before=before,
    )  # fmt: skip
