"""`diff(first, other)`: what differs between two networks, and what each cause moves the totals by.

Knobs that both have are set from one value to the other one after another, in the order of the
first spec, with an analysis in between: the effects of such steps add up. Then the specs differ,
and each difference of a layer is booked to the reasons of that layer (`causes.py`). Reasons that a
layer has together are a cause of their own, since nothing says how much is due to which. So causes
add up to the differences of the totals: counts and the peak exactly, times but for rounding.
Energies follow from times and powers, and are booked to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any, Literal, NamedTuple

from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.differences.booking import Booking
from mnet_cost.differences.causes import Effect, find_effects
from mnet_cost.differences.correspondence import correspond
from mnet_cost.differences.reasons import Reason, values_text
from mnet_cost.differences.snapshots import LayerSnapshot, Snapshot, snapshot_of, value_text
from mnet_cost.errors import MnetCostError, Problem, UsageError
from mnet_cost.models.types import BATCH, ModelSpec
from mnet_cost.models.variants import PATCHED
from mnet_cost.network import elaborate

Status = Literal["same", "changed", "follows", "renamed", "added", "removed"]
"""`changed`: it has other fields or reads other layers. `follows`: only its inputs have other
types. `renamed`: it is the same under another name."""


_MOST_STEPS = 16
"""Knobs that are set one after another; all others are set together."""


class FieldChange(NamedTuple):
    """A field of a layer that has two values."""

    name: str
    first: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChange:
    """A layer of both networks, of the first or of the other."""

    first: LayerSnapshot | None
    other: LayerSnapshot | None
    status: Status
    fields: tuple[FieldChange, ...]
    reasons: tuple[Reason, ...]
    """Why it is not the same; empty where it is."""

    @property
    def name(self) -> str:
        """In the other network, and in the first where it was removed."""
        return self._layer.name

    @property
    def kind(self) -> str:
        return self._layer.kind

    @property
    def _layer(self) -> LayerSnapshot:
        layer = self.other or self.first
        assert layer is not None
        return layer

    def change(self, metric: str) -> int:
        """What it adds to the difference of a total."""
        return (self.other.cost(metric) if self.other else 0) - (
            self.first.cost(metric) if self.first else 0
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One reason, or several together, and what they change."""

    reasons: tuple[Reason, ...]
    layers: tuple[str, ...]
    """Layers that were changed, added or removed."""
    follows: tuple[str, ...]
    """Layers that differ only since their inputs do."""
    changes: Mapping[str, int]
    """What is added to each total, by name of the metric."""
    latency_s: Mapping[str, float]
    """What is added to the time, by name of the device."""

    @property
    def text(self) -> str:
        """In plain words: `alpha` 1 -> 0.5; of several reasons each with its line."""
        if len(self.reasons) == 1:
            return self.reasons[0].text
        return " with ".join(map(_text_with_line, self.reasons))

    @property
    def changes_nothing(self) -> bool:
        return not any(self.changes.values()) and not any(self.latency_s.values())

    def __repr__(self) -> str:
        return f"<Cause {self.text}: {self.changes['mult_adds']:+,} mult-adds>"


def _text_with_line(reason: Reason) -> str:
    place = reason.other or reason.first
    return f"{reason.text} (line {place.rpartition(':')[2]})" if place else reason.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What differs between two networks. The first is what changes start from."""

    first: Snapshot
    other: Snapshot
    layers: tuple[LayerChange, ...]
    """In the order of the other network; layers that were removed follow the layer before them."""
    causes: tuple[Cause, ...]
    """Knobs, then the specs in their order, then what several causes do together."""
    devices: tuple[str, ...]
    """Those that both were analyzed on."""

    def total(self, metric: str) -> int | None:
        """The difference of a total; None where one of both is refused."""
        first, other = self.first.totals[metric], self.other.totals[metric]
        return None if first is None or other is None else other - first

    def latency_s(self, device: str) -> float | None:
        """The difference of the times on a device; None where one of both is unknown."""
        first, other = self.first.on(device), self.other.on(device)
        if first is None or other is None or first.latency_s is None or other.latency_s is None:
            return None
        return other.latency_s - first.latency_s

    def count(self, status: Status) -> int:
        """How many layers have that status."""
        return sum(change.status == status for change in self.layers)

    def __repr__(self) -> str:
        return f"<Diff {self.first.title} -> {self.other.title}: {len(self.causes)} causes>"


def diff(first: Analysis | Snapshot, other: Analysis | Snapshot) -> Diff:
    """What differs between two networks that were analyzed alike.

    Raises `UsageError` where their precisions or conventions differ. Devices of one alone are left
    out. Between a snapshot of a document and anything else, settings are causes like all others.
    """
    first = first if isinstance(first, Snapshot) else snapshot_of(first)
    other = other if isinstance(other, Snapshot) else snapshot_of(other)
    _refuse_unlike(first, other)
    match = correspond(first, other)
    steps, last, pending = _knob_steps(first, other)
    booking = Booking([device.name for device in first.devices if other.on(device.name)])
    for step in steps:
        booking.book_step(*step)
    if last is first:
        effects = find_effects(first, other, match, pending)
        booking.book_specs(first, other, effects)
    else:
        effects = find_effects(first, other, match, _differing_knobs(first, other))
        if last is not other:
            rest = find_effects(last, other, correspond(last, other), pending)
            booking.book_specs(last, other, rest)
    return Diff(
        first=first,
        other=other,
        layers=_layer_changes(first, other, effects),
        causes=_causes(booking),
        devices=tuple(booking.devices),
    )


def _refuse_unlike(first: Snapshot, other: Snapshot) -> None:
    for what, one, two in (
        ("precision", first.precision, other.precision),
        ("convention", first.convention, other.convention),
    ):
        if one != two:
            raise UsageError(
                Problem(
                    f"{first.title} was analyzed with the {what} {one}, {other.title} with {two}",
                    hint=f"analyze both with one {what}",
                )
            )


def _causes(booking: Booking) -> tuple[Cause, ...]:
    """The causes that change anything, and knobs that do not."""
    causes = [
        Cause(
            reasons=reasons,
            layers=tuple(account.layers),
            follows=tuple(account.follows),
            changes=account.changes,
            latency_s={device: fsum(parts) for device, parts in account.seconds.items()},
        )
        for reasons, account in booking.accounts()
    ]
    return tuple(
        [
            cause
            for cause in causes
            if not cause.changes_nothing or cause.layers or cause.reasons[0].what == "knob"
        ]
    )


# --- knobs


class _Step(NamedTuple):
    """A knob, or several that only go together, set to their other values."""

    before: Snapshot
    after: Snapshot
    reasons: tuple[Reason, ...]


def _differing_knobs(first: Snapshot, other: Snapshot) -> dict[str, Reason]:
    """Knobs of both that have two values, in the order of the first; the batch comes last."""
    old, new = _knob_values(first), _knob_values(other)
    reasons = {}
    for name in (*(name for name in old if name in new and name != BATCH), BATCH):
        values = old.get(name, 1), new.get(name, 1)
        if values[0] != values[1]:
            places = [_knob_place(snapshot, name) for snapshot in (first, other)]
            text = values_text(*(value_text(_plain(value)) for value in values))
            where = places if places[0] != places[1] else ()
            reasons[name] = Reason("knob", f"{name} {text}", *where)
    return reasons


def _knob_values(snapshot: Snapshot) -> dict[str, Any]:
    """Values of all knobs; of a choice that nobody made its first option."""
    analysis = snapshot.analysis
    choices = {} if analysis is None else analysis.network.choices
    return {**{name: options[0] for name, options in choices.items()}, **snapshot.knobs}


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float)) or value is None else str(value)


def _knob_place(snapshot: Snapshot, name: str) -> str:
    """Where a knob is declared; empty for the batch and choices."""
    if snapshot.analysis is None:
        return ""
    section = snapshot.analysis.network.spec.node.value.get("knobs")
    node = section.keys.get(name) if section is not None else None
    return "" if node is None else f"{node.source.path}:{node.line}"


def _knob_steps(
    first: Snapshot, other: Snapshot
) -> tuple[list[_Step], Snapshot, dict[str, Reason]]:
    """Steps from the knobs of `first` to those of `other` on the first spec, the network after
    them, and knobs that differ still: the first spec cannot have their other values."""
    differing = _differing_knobs(first, other)
    if first.analysis is None or other.analysis is None or not differing:
        return [], first, differing
    spec = first.analysis.network.spec
    values = _knob_values(other)
    is_one = _is_one_network(spec, other.analysis.network.spec)
    steps: list[_Step] = []
    now, waiting = first, dict[str, Reason]()
    for place, (name, reason) in enumerate(differing.items(), 1):
        waiting[name] = reason
        if is_one and place == len(differing):
            after = other
        elif len(steps) == _MOST_STEPS and place < len(differing):
            continue
        else:
            knobs = {**now.knobs, **{each: values[each] for each in waiting}}
            analysis = _analyzed(first.analysis, spec, knobs)
            if analysis is None:
                continue
            after = snapshot_of(analysis)
        steps.append(_Step(now, after, tuple(waiting.values())))
        now, waiting = after, {}
    return steps, now, waiting


def _is_one_network(first: ModelSpec, other: ModelSpec) -> bool:
    """Whether two specs make the same networks, whatever else they say and where it stands.

    Defaults of knobs are values of knobs, which are compared as such.
    """

    def parts(spec: ModelSpec) -> Any:
        data = {name: spec.data.get(name) for name in PATCHED}
        return {**data, "knobs": sorted(data["knobs"] or {})}

    return bool(parts(first) == parts(other))


def _analyzed(like: Analysis, spec: ModelSpec, knobs: Mapping[str, Any]) -> Analysis | None:
    """`spec` with `knobs`, analyzed like `like`; None where it cannot have them."""
    try:
        network = elaborate(spec, knobs)
        return _with_bounds_of(
            like,
            analyze_network(
                network,
                [estimate.device for estimate in like.devices],
                precision=like.precision,
                convention=like.convention,
                schedule="spec" if like.schedule is None else "best",
                sparsity=() if like.sparsity is None else like.sparsity.rules,
            ),
        )
    except MnetCostError:
        return None


def _with_bounds_of(like: Analysis, analysis: Analysis) -> Analysis:
    return analysis.with_lower_bounds() if like.gives_lower_bounds else analysis


# --- layers


def _layer_changes(
    first: Snapshot, other: Snapshot, effects: Sequence[Effect]
) -> tuple[LayerChange, ...]:
    """What became of each layer; removed ones follow the layer before them."""
    removed = [effect for effect in effects if effect.other is None]
    after: dict[int | None, list[LayerChange]] = {}
    place = {effect.first: effect for effect in effects if effect.other is not None}
    for effect in removed:
        assert effect.first is not None
        before = effect.first - 1
        while before >= 0 and before not in place:
            before -= 1
        key = place[before].other if before >= 0 else None
        after.setdefault(key, []).append(_layer_change(first, other, effect))
    changes = after.get(None, [])
    for effect in effects:
        if effect.other is not None:
            changes.append(_layer_change(first, other, effect))
            changes += after.get(effect.other, ())
    return tuple(changes)


def _layer_change(first: Snapshot, other: Snapshot, effect: Effect) -> LayerChange:
    mine = None if effect.first is None else first.layers[effect.first]
    theirs = None if effect.other is None else other.layers[effect.other]
    fields: tuple[FieldChange, ...] = ()
    if mine is None:
        status: Status = "added"
    elif theirs is None:
        status = "removed"
    else:
        old = dict(mine.fields)
        fields = tuple(
            [
                FieldChange(name, old.get(name, ""), value)
                for name, value in theirs.fields
                if old.get(name, "") != value
            ]
        )
        if effect.own or fields:
            status = "changed"
        elif effect.reasons:
            status = "follows"
        else:
            status = "same" if mine.name == theirs.name else "renamed"
    return LayerChange(
        first=mine,
        other=theirs,
        status=status,
        fields=fields,
        reasons=tuple(sorted(effect.reasons)),
    )
