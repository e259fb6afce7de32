"""Baselines: what networks cost before.

    baseline = open_baseline("git:main")
    baseline.snapshot(setting)

A baseline is a revision of the repository (`git:REV`, or `git:REV:PATH` where the spec had another
path) or what `check --format json` or `analyze --format json` wrote before. Not here: what grew
since (`growth.py`), and budgets.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.budgets import network_ranges
from mnet_cost.budgets.network_ranges import (
    NetworkRange,
    StoredRange,
    key_of,
    numbers_compared,
    value_key,
)
from mnet_cost.devices import DeviceProfile
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
from mnet_cost.metrics import Metric
from mnet_cost.models.library import is_revision, load_model, split_reference
from mnet_cost.models.types import BATCH, ModelSpec
from mnet_cost.network import elaborate
from mnet_cost.paths import real_path
from mnet_cost.search.accuracies import PRECISION
from mnet_cost.search.single import word_of
from mnet_cost.shipped import specs_folder

if TYPE_CHECKING:
    from mnet_cost.budgets.range_numbers import RangeNumbers  # NumPy

BASELINE_OPTION = "--baseline"


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
    """Why a baseline has no numbers of a setting: it is new."""

    why: str


class Baseline:
    """What networks cost before."""

    def __init__(self, name: str) -> None:
        self.name = name

    def snapshot(self, setting: Setting) -> Snapshot | Missing:
        """The network at the same setting, as it was.

        Raises `UsageError` where there is the network, and no telling what it was at this setting.
        """
        raise NotImplementedError

    def numbers(self, range_: NetworkRange, metrics: Sequence[Metric]) -> RangeNumbers | Missing:
        """The numbers of all settings of a range, as they were. Raises as `snapshot`."""
        raise NotImplementedError

    def precision(self, range_: NetworkRange) -> str:
        """The precision that `numbers` are of."""
        return range_.precision

    def snapshot_in_range(self, setting: Setting) -> Snapshot | Missing:
        """The network at a setting of a range of which there are numbers."""
        return self.snapshot(setting)

    def check(self, specs: Sequence[ModelSpec]) -> None:
        """`UsageError` where the baseline is of other networks altogether."""


def open_baseline(name: str) -> Baseline:
    """The baseline of that name; `UsageError` for a file that is none."""
    if is_revision(name):
        return _Revision(name)
    from mnet_cost.report.range_file import read_baseline  # reads what reports write

    return _Document(name, *read_baseline(name))


class _Revision(Baseline):
    """Specs as they are in a revision of their repository."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        from mnet_cost.models.revisions import PREFIX, is_file_in_revision

        self._is_file = is_file_in_revision(name)
        self._variant: str | None = None
        if self._is_file:
            _, self._variant, knobs = split_reference(name)
            if knobs:
                hint = "a network is compared at its own setting: `mnet-cost compare` takes knobs"
                message = "a baseline has no knobs of its own"
                raise UsageError(Problem(message, self._span(name.rindex("@")), hint))
        elif name == PREFIX or name.endswith(":"):
            hint = "git:main, or git:main:specs/net.yaml"
            raise UsageError(Problem(f"`{name}` names no revision", hint=hint))
        self._specs: dict[tuple[str, str | None], ModelSpec | Missing] = {}

    def _span(self, start: int, end: int | None = None) -> Span:
        """A part of what was typed, from a place on."""
        end = len(self.name) if end is None else end
        return Span(Source(BASELINE_OPTION, self.name), 1, start + 1, end + 1)

    def check(self, specs: Sequence[ModelSpec]) -> None:
        if self._is_file:
            what, kind = {spec.path for spec in specs}, "file"
            if self._variant is not None:
                what, kind = {f"{spec.path}:{spec.variant}" for spec in specs}, "network"
            if len(what) > 1:
                hint = "git:REV alone is the same file of each in that revision"
                are = "specs are" if kind == "file" else "are"
                message = f"`{self.name}` is one {kind}, and {len(what)} {are} checked"
                raise UsageError(Problem(message, hint=hint))

    def snapshot(self, setting: Setting) -> Snapshot | Missing:
        spec = self._spec(setting.spec)
        if isinstance(spec, Missing):
            return spec
        try:
            network = elaborate(spec, setting.knobs)
        except MnetCostError as error:
            return self._no_network(error.problems[0].message)
        precision = precision_before(spec, setting.spec, setting.analysis.precision)
        return snapshot_of(analyze_network(network, setting.devices, precision=precision))

    def precision(self, range_: NetworkRange) -> str:
        spec = self._spec(range_.spec)
        if isinstance(spec, Missing):
            return range_.precision
        return precision_before(spec, range_.spec, range_.precision)

    def numbers(self, range_: NetworkRange, metrics: Sequence[Metric]) -> RangeNumbers | Missing:
        from mnet_cost.budgets.range_numbers import range_numbers  # NumPy

        spec = self._spec(range_.spec)
        if isinstance(spec, Missing):
            return spec
        try:
            precision = precision_before(spec, range_.spec, range_.precision)
            numbers = range_numbers(range_._replace(spec=spec, precision=precision), metrics)
        except MnetCostError as error:
            return self._no_network(error.problems[0].message)
        if not numbers.is_there.any():
            return self._no_network(max(numbers.broken, key=numbers.broken.__getitem__))
        return numbers

    def _no_network(self, cause: str) -> Missing:
        return Missing(f"in {self.name} it is no network: {cause}")

    def _spec(self, spec: ModelSpec) -> ModelSpec | Missing:
        """The spec as it was; it is read once."""
        key = spec.path, spec.variant
        if key not in self._specs:
            self._specs[key] = self._read(spec)
        return self._specs[key]

    def _read(self, spec: ModelSpec) -> ModelSpec | Missing:
        from mnet_cost.models.revisions import AbsentFileError, NoRepositoryError

        reference = self.name
        if not self._is_file:
            # An absolute path is of its own repository, wherever the working directory is.
            reference = f"{self.name}:{os.path.abspath(spec.path).replace(os.sep, '/')}"
        if spec.variant is not None and self._variant is None:
            reference += f":{spec.variant}"
        try:
            return load_model(reference).spec
        except AbsentFileError as error:
            if self._is_file:
                raise self._as_typed(error) from None
            return Missing(f"it is not in {self.name}")
        except NoRepositoryError as error:
            if self._is_file or real_path(spec.path).parent != real_path(specs_folder()):
                raise self._as_typed(error) from None
            return Missing("it is shipped with the program, and in no git repository")
        except ModelReferenceError as error:
            is_new = self._variant is None and spec.variant is not None
            if is_new and "variant" in error.problems[0].message:
                return Missing(f"{self.name} has no variant `{spec.variant}`")
            raise self._as_typed(error) from None
        except SpecError as error:
            return Missing(f"in {self.name} it is no model: {error.problems[0].message}")

    def _as_typed(self, error: ModelReferenceError) -> UsageError:
        """The error with the place in what was typed, not in the reference that it was made to."""
        problems = []
        for problem in error.problems:
            span = problem.span
            if span is None or span.end > len(self.name) + 1:
                problems.append(problem._replace(span=self._span(0)))
            else:
                problems.append(problem._replace(span=self._span(span.column - 1, span.end - 1)))
        return UsageError(problems)


class _Document(Baseline):
    """What was written before."""

    def __init__(
        self, name: str, snapshots: Sequence[Snapshot], ranges: Sequence[StoredRange]
    ) -> None:
        super().__init__(name)
        self._networks: dict[tuple[str, str | None], _Stored] = {}
        for snapshot in snapshots:
            self._stored(snapshot).snapshots.append(snapshot)
        for stored in ranges:
            self._stored(stored).ranges.append(stored)
        self._partners: dict[tuple[str, str | None], _Stored | None] = {}

    def _stored(self, part: Snapshot | StoredRange) -> _Stored:
        key = _normal(part.spec), part.variant
        return self._networks.setdefault(key, _Stored(part.title, part.spec, [], []))

    def check(self, specs: Sequence[ModelSpec]) -> None:
        """Find what each network was: that of the same path and variant, or else of the same title,
        where there is one such network that is not another one by its path."""
        keys = {(_normal(spec.path), spec.variant): spec for spec in specs}
        self._partners = {key: self._networks.get(key) for key in keys}
        taken: dict[str, ModelSpec] = {}
        for key, spec in keys.items():
            if self._partners[key] is not None:
                continue
            same = [stored for other, stored in self._networks.items()
                    if stored.title == spec.title and other not in keys]  # fmt: skip
            if len(same) > 1:
                known = " and ".join(dict.fromkeys(stored.spec for stored in same))
                message = f"{self.name}: `{spec.title}` is {known}, and none of {spec.path}"
                raise UsageError(Problem(message, hint=self._hint))
            if same:
                first = taken.setdefault(spec.title, spec)
                if first is not spec:
                    message = f"{self.name}: `{spec.title}` of {same[0].spec} would be "
                    message += f"both {first.path} and {spec.path}"
                    raise UsageError(Problem(message, hint=self._hint))
                self._partners[key] = same[0]
        if specs and not any(self._partners.values()):
            known = ", ".join(dict.fromkeys(stored.title for stored in self._networks.values()))
            titles = ", ".join(sorted({spec.title for spec in specs}))
            message = f"{self.name}: is of {known or 'no network'}, and {titles} is checked"
            raise UsageError(Problem(message, hint=self._hint))

    @property
    def _hint(self) -> str:
        from mnet_cost.report.range_file import write_again

        return write_again(self.name)

    def _partner(self, spec: ModelSpec) -> _Stored | Missing:
        partner = self._partners[_normal(spec.path), spec.variant]
        return Missing(f"it is not in {self.name}") if partner is None else partner

    def snapshot(self, setting: Setting) -> Snapshot | Missing:
        partner = self._partner(setting.spec)
        if isinstance(partner, Missing):
            return partner
        precision = setting.analysis.precision
        snapshot = partner.snapshot(setting.knobs, precision)
        return snapshot or self._without(setting.spec, setting.knobs, precision, partner)

    def snapshot_in_range(self, setting: Setting) -> Snapshot | Missing:
        partner = self._partner(setting.spec)
        if isinstance(partner, Missing):
            return partner
        snapshot = partner.snapshot(setting.knobs, setting.analysis.precision)
        return snapshot or Missing(f"{self.name} has its numbers alone")

    def numbers(self, range_: NetworkRange, metrics: Sequence[Metric]) -> RangeNumbers | Missing:
        from mnet_cost.budgets.range_numbers import no_numbers, take_stored  # NumPy

        partner = self._partner(range_.spec)
        if isinstance(partner, Missing):
            return partner
        numbers = no_numbers(range_, metrics)
        for stored in partner.ranges:
            if set(stored.axes) == set(range_.axes) and _is_same_setting(
                range_.fixed, range_.precision, stored
            ):
                if stored.numbers is None:
                    message = (
                        f"{self.name}: holds no numbers of ranges of more than "
                        f"{network_ranges.MAX_STORED:,} settings"
                    )
                    hint = "compare with git:REV, or take fewer values"
                    raise UsageError(Problem(message, hint=hint))
                take_stored(numbers, range_, stored)
        for place in (~numbers.is_there).nonzero()[0].tolist():
            knobs = {**range_.fixed, **range_.setting(place)}
            snapshot = partner.snapshot(knobs, range_.precision)
            if snapshot is None:
                return self._without(range_.spec, knobs, range_.precision, partner)
            numbers.is_there[place] = True
            for metric, device in numbers_compared(metrics, range_.devices):
                value = value_of(snapshot, metric, device)
                if value is not None:
                    numbers.values[key_of(metric, device)][place] = value
        return numbers

    def _without(
        self, spec: ModelSpec, knobs: Mapping[str, Any], precision: str, partner: _Stored
    ) -> Missing:
        """Why there is no such setting, where one of its knobs is new; `UsageError` for another."""
        known = partner.knobs
        for knob in knobs:
            if knob not in known and knob != BATCH and "." not in knob:
                return Missing(f"{self.name} has no knob `{knob}` of it")
        listed = ",".join(f"{knob}={word_of(value)}" for knob, value in knobs.items())
        at = f"at {listed}" if listed else "without knobs"
        others = [each.precision for each in partner.snapshots
                  if _is_same_setting(knobs, each.precision, each)]  # fmt: skip
        if others:
            at = f"in {precision}, as it is now: it was in {', '.join(dict.fromkeys(others))}"
        elif precision != PRECISION:
            at += f" in {precision}"
        message = f"{self.name}: has {spec.path} at other settings, and none {at}"
        raise UsageError(Problem(f"{message}: nothing can be compared", hint=self._hint))


class _Stored(NamedTuple):
    """All that a document has of a network."""

    title: str
    spec: str
    """Its path."""
    snapshots: list[Snapshot]
    ranges: list[StoredRange]

    @property
    def knobs(self) -> set[str]:
        """The knobs that it had."""
        knobs = {knob for snapshot in self.snapshots for knob in snapshot.knobs}
        return knobs.union(*({*stored.knobs, *stored.axes} for stored in self.ranges))

    def snapshot(self, knobs: Mapping[str, Any], precision: str) -> Snapshot | None:
        """The analysis with these knobs set and the others at their defaults of then."""
        same = [each for each in self.snapshots if _is_same_setting(knobs, precision, each)]
        return max(same, key=lambda each: len(each.stated), default=None)


def _is_same_setting(
    knobs: Mapping[str, Any], precision: str, part: Snapshot | StoredRange
) -> bool:
    """Whether a part of a document is at the same setting as one of now with these knobs set.

    A knob that is not set was at its default then, whatever that was: a default that is changed
    is a change of the network.
    """
    if part.precision != precision:
        return False
    if any(knob not in knobs for knob in part.stated if knob != BATCH):
        return False
    setting = {**({BATCH: 1} if BATCH in part.knobs else {}), **knobs}
    return all(
        knob in part.knobs and value_key(part.knobs[knob]) == value_key(value)
        for knob, value in setting.items()
    )


def precision_before(was: ModelSpec, now: ModelSpec, precision: str) -> str:
    """The precision of a spec as it was, where that of the spec as it is now is known: the one that
    it stated, or the one that is asked for, which is the default where the spec of now states its
    own."""
    if was.precision is not None:
        return was.precision.name
    return precision if now.precision is None else PRECISION


def _normal(path: str) -> str:
    """A path as others may have written it."""
    return path if is_revision(path) else os.path.normpath(path).replace(os.sep, "/")


def value_of(snapshot: Snapshot, metric: Metric, device: DeviceProfile | None) -> float | None:
    if device is None:
        return snapshot.totals[metric.name]
    return next((each.latency_s for each in snapshot.devices if each.name == device.name), None)
