"""Ways to count one network: each convention, other forms of its layers, and known defects.

A reading is a convention with the choices that a spec leaves open: whether a pool is a module or a
mean, whether attention is fused. Each choice is a cause of its own. Readings with fewer choices
come first, and there is a bound on how many are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from itertools import combinations, islice, product
from typing import NamedTuple

from mnet_cost.analysis.conventions import (
    Convention,
    Count,
    Reservation,
    count_by,
    counted_layer,
    find_convention,
    mult_adds_by,
)
from mnet_cost.analysis.tool_defects import DEFECTS, Defect
from mnet_cost.analysis.work import LayerCost, count_work
from mnet_cost.layers import Layer
from mnet_cost.network import Network
from mnet_cost.papers.counting import COUNTINGS
from mnet_cost.reconciliation.types import Cause
from mnet_cost.tensors import DTYPES

PAPER = find_convention("paper")

MOST_READINGS = 4096
"""Most readings of a convention."""
_MOST_LINES = 4
"""Lines of the spec with layers of a kind, of which every set may be written in another form."""
_MOST_DEFECTS = 2
"""Defects that a reading has together."""
_NOT_COUNTED = ", not counted"
_KNOWN = {defect.what: defect.known for defect in DEFECTS}
_SKIPPED_COUNTINGS = ("conv + linear", "2 x mult-adds (FLOPs)")
"""Countings of papers that the convention `paper` is, and that a factor is."""


class Reading(NamedTuple):
    """One way to count a network at one setting."""

    convention: Convention
    causes: tuple[Cause, ...]
    """What is counted beside our mult-adds; without causes of 0."""
    total: int
    choices: int
    """How many choices it takes beside the convention itself."""
    is_whole: bool
    """Whether a rule or a choice says of every layer what the tool counts."""
    leaves_out: bool = False
    """Whether it leaves out what the convention counts, as of layers that a tool misses."""


class _Option(NamedTuple):
    """One choice, or several that go together."""

    causes: tuple[Cause, ...]
    kinds: Set[str] = frozenset()
    """The kinds of layers that it is about."""


class NetworkCounts:
    """The layers of a network at one setting, counted once and read in many ways."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.costs = count_work(network, DTYPES["fp32"])
        self.mult_adds: int = sum([cost.mult_adds for cost in self.costs])
        self._bases: dict[str, Reading] = {}
        self._readings: dict[str, tuple[Reading, ...]] = {}

    @property
    def unmodelled(self) -> tuple[str, ...]:
        """Layers of unknown work."""
        return tuple([cost.step.name for cost in self.costs if cost.work is None])

    def readings(self, convention: Convention) -> tuple[Reading, ...]:
        """All readings by a convention, those with the fewest choices first."""
        if convention.name not in self._readings:
            readings = sorted(self._made(convention), key=lambda reading: reading.choices)
            self._readings[convention.name] = tuple(readings)
        return self._readings[convention.name]

    def base(self, convention: Convention) -> Reading:
        """The reading without any choice."""
        if convention.name not in self._bases:
            self._bases[convention.name] = self._base(convention)[0]
        return self._bases[convention.name]

    def by_layer(self, convention: Convention) -> list[int]:
        """Mult-adds of each layer by a convention."""
        return mult_adds_by(convention, self.costs, self.network)

    def uncovered(self, convention: Convention) -> tuple[str, ...]:
        """Layers of which it is not known what the tool counts."""
        reservations = count_by(convention, self.costs, self.network).reservations
        return tuple(
            name
            for reservation in reservations
            if reservation.agreement == "not covered"
            for name in reservation.layers
        )

    def _base(self, convention: Convention) -> tuple[Reading, Count]:
        """The reading without any choice, and the count that it is."""
        count = count_by(convention, self.costs, self.network)
        items = tuple(
            [Cause(item.what, item.mult_adds, known=_KNOWN.get(item.what, ""))
             for item in count.items]
        )  # fmt: skip
        total = self.mult_adds + sum(cause.mult_adds for cause in items)
        return Reading(convention, items, total, 0, not _open_kinds(count)), count

    def _made(self, convention: Convention) -> Iterator[Reading]:
        base, count = self._base(convention)
        yield base
        items = base.causes
        axes = [
            [
                _Option((cause,), {reservation.kind})
                for cause in self._forms(convention, reservation)
            ]
            for reservation in count.reservations
        ]
        axes.append(self._defects(convention))
        axes.append([_Option((Cause(f"{item.what}{_NOT_COUNTED}", -item.mult_adds),))
                     for item in items if item.mult_adds > 0])  # fmt: skip
        if convention is PAPER:
            axes.append([_Option((cause,)) for cause in self._countings()])
        for chosen in islice(_choices(axes), MOST_READINGS):
            causes = tuple([cause for option in chosen for cause in option.causes])
            added = sum(cause.mult_adds for cause in causes)
            left = _open_kinds(count).difference(*[option.kinds for option in chosen])
            yield Reading(
                convention,
                _without_zeros(items, causes),
                base.total + added,
                len(causes),
                not left,
                any(cause.what.endswith(_NOT_COUNTED) for cause in causes),
            )

    def _forms(self, convention: Convention, reservation: Reservation) -> Iterator[Cause]:
        """Other forms of all layers of a reservation, and of those of some lines of the spec: what
        one line writes is written alike in other code, too."""
        names = set(reservation.layers)
        groups: dict[int, list[LayerCost]] = {}
        for cost in self.costs:
            if cost.step.name in names:
                groups.setdefault(cost.step.line, []).append(cost)
        count = len(groups) if len(groups) <= _MOST_LINES else 1
        sets = [groups.values(), *_parts(list(groups.values()), count)]
        for some in sets:
            costs = [cost for group in some for cost in group]
            is_all = len(costs) == len(names)
            amount = sum(self._form_change(convention, reservation, cost) for cost in costs)
            if amount:
                yield Cause(
                    _form_words(convention, reservation, costs[0]),
                    amount,
                    () if is_all else tuple([cost.step.name for cost in costs]),
                )

    def _form_change(
        self, convention: Convention, reservation: Reservation, cost: LayerCost
    ) -> int:
        """What a layer in its other form, or as the rule counts it where it holds, adds."""
        counted = counted_layer(cost, self.network)
        if counted is None:
            return 0
        if reservation.agreement == "not covered":
            parts = (convention.rules or {})[type(cost.step.layer)].parts
            return sum(part.amount(counted) for part in parts)
        own = count_by(convention, (cost,), self.network).reservations
        return sum(part.mult_adds for part in own)

    def _defects(self, convention: Convention) -> list[_Option]:
        """Sets of defects in layers that the convention counts as we do."""
        own = self.by_layer(convention)
        as_ours = [cost for cost, amount in zip(self.costs, own, strict=True)
                   if amount == cost.mult_adds]  # fmt: skip
        causes = [
            (defect, cause)
            for defect in DEFECTS
            if (convention is PAPER or convention.name in defect.conventions)
            and (cause := self._defect(defect, as_ours)) is not None
        ]
        return [
            _Option(
                tuple([cause for _, cause in some]),
                {kind.kind for defect, _ in some for kind in defect.amounts if kind is not Layer},
            )
            for count in range(1, _MOST_DEFECTS + 1)
            for some in combinations(causes, count)
            if _are_apart([defect for defect, _ in some])
        ]

    def _defect(self, defect: Defect, costs: Sequence[LayerCost]) -> Cause | None:
        amount = 0
        for cost in costs:
            rule = defect.amounts.get(Layer if defect.of_used_again else type(cost.step.layer))
            if rule is None or (defect.of_used_again and cost.step.shares is None):
                continue
            counted = counted_layer(cost, self.network)
            amount += 0 if counted is None else rule(counted)
        return Cause(defect.what, amount, known=defect.known) if amount else None

    def _countings(self) -> Iterator[Cause]:
        """What countings of papers leave out."""
        for counting in COUNTINGS["mult_adds"]:
            if counting.name not in _SKIPPED_COUNTINGS:
                left_out = counting.amount(self.costs, self.costs) - self.mult_adds
                if left_out:
                    known = "tables of papers"
                    yield Cause(f"counted {counting.name}", left_out, known=known)


def _form_words(convention: Convention, reservation: Reservation, cost: LayerCost) -> str:
    """What is taken of the layers of a reservation."""
    rule = (convention.rules or {})[type(cost.step.layer)]
    if reservation.agreement == "not covered":
        return f"{reservation.kind} after all: {rule.parts[0].what}"
    return f"{reservation.kind} as {rule.otherwise}, not {rule.written}"


def _open_kinds(count: Count) -> set[str]:
    """Kinds of layers of which it is not known what the tool counts."""
    return {
        reservation.kind
        for reservation in count.reservations
        if reservation.agreement == "not covered"
    }


def _without_zeros(items: tuple[Cause, ...], choices: tuple[Cause, ...]) -> tuple[Cause, ...]:
    """All causes; of an item that is not counted, only that it is not."""
    absent = {cause.what for cause in choices if cause.what.endswith(_NOT_COUNTED)}
    return (
        *[item for item in items if item.what + _NOT_COUNTED not in absent],
        *[cause._replace(mult_adds=0) if cause.what in absent else cause for cause in choices],
    )


def _choices(axes: Sequence[Sequence[_Option]]) -> Iterator[tuple[_Option, ...]]:
    """At most one option of each axis, and at least one in all: those of few axes first."""
    for count in range(1, len(axes) + 1):
        for some in combinations(axes, count):
            yield from product(*some)


def _parts(groups: list[list[LayerCost]], most: int) -> Iterator[tuple[list[LayerCost], ...]]:
    """Sets of groups, of up to `most` and fewer than all of them."""
    for count in range(1, min(most, len(groups) - 1) + 1):
        yield from combinations(groups, count)


def _are_apart(defects: Sequence[Defect]) -> bool:
    """Whether no kind is in two of them, so that no layer is taken twice."""
    kinds = [kind for defect in defects for kind in defect.amounts]
    return len(kinds) == len(set(kinds)) and not (len(defects) > 1 and Layer in kinds)
