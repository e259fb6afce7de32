"""Ways to count one network: each convention, other forms of its layers, and known defects.

A reading is a convention with the choices that a spec leaves open: whether a pool is a module or a
mean, whether attention is fused. Each choice is a cause of its own. Readings with fewer choices
come first, and there is a bound on how many are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import combinations, islice, product
from types import MappingProxyType
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
from mnet_cost.analysis.tool_defects import DEFECTS, MODULE_DEFECTS, Defect, ModuleDefect
from mnet_cost.analysis.work import LayerCost, count_work
from mnet_cost.layers import Layer
from mnet_cost.network import Network
from mnet_cost.papers.counting import COUNTINGS
from mnet_cost.reconciliation.groups import group_sets
from mnet_cost.reconciliation.types import ALL_TOOLS, STATED_AT_NOTHING, Cause
from mnet_cost.tensors import DTYPES

PAPER = find_convention("paper")

MOST_READINGS = 4096
"""Most readings of a convention."""
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
    """Whether a rule or a choice says of every layer what the tool counts, and no choice is about
    the modules of one tool."""
    leaves_out: bool = False
    """Whether it leaves out what the convention counts, as of layers that a tool misses."""
    uncounted: tuple[Cause, ...] = ()
    """Choices by which layers are counted at nothing, as we count them, so that they add 0."""


class _Option(NamedTuple):
    """One choice, or several that go together."""

    causes: tuple[Cause, ...]
    kinds: Set[str] = frozenset()
    """The kinds of layers that it is about."""
    layers: Set[str] = frozenset()
    """Names of the layers that it is about: no other choice is made for them."""
    replaced: Mapping[str, int] = MappingProxyType({})
    """What the convention itself has for these layers: mult-adds by the words of the cause."""
    leaves_out: bool = False

    @property
    def change(self) -> int:
        """What it adds to the total of the convention."""
        added: int = sum(cause.mult_adds for cause in self.causes)
        return added - sum(self.replaced.values())


class NetworkCounts:
    """The layers of a network at one setting, counted once and read in many ways."""

    def __init__(self, network: Network, is_own: bool = False) -> None:
        """`is_own`: whether it is the setting that was asked for. What depends on the classes of
        modules is tried there alone."""
        self.network = network
        self._is_own = is_own
        self.costs = count_work(network, DTYPES["fp32"])
        self.mult_adds: int = sum([cost.mult_adds for cost in self.costs])
        stated = [cost for cost in self.costs if cost.work and cost.step.layer.states_work]
        self.stated = _names(stated)
        """Layers whose work the spec states."""
        self.stated_mult_adds: int = sum([cost.mult_adds for cost in stated])
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
        amounts = mult_adds_by(convention, self.costs, self.network)
        if convention.rules is None:
            return amounts
        return [0 if cost.step.name in self.stated else amount
                for cost, amount in zip(self.costs, amounts, strict=True)]  # fmt: skip

    def uncovered(self, convention: Convention) -> tuple[str, ...]:
        """Layers of which it is not known what the tool counts."""
        reservations = count_by(convention, self.costs, self.network).reservations
        return tuple(
            name
            for reservation in reservations
            if reservation.agreement == "not covered"
            for name in reservation.layers
            if name not in self.stated
        )

    def _base(self, convention: Convention) -> tuple[Reading, Count]:
        """The reading without any choice, and the count that it is."""
        count = count_by(convention, self.costs, self.network)
        items = [
            Cause(item.what, item.mult_adds, known=_KNOWN.get(item.what, ""))
            for item in count.items
        ]
        if convention.rules is not None and self.stated_mult_adds:
            items.append(Cause(STATED_AT_NOTHING, -self.stated_mult_adds, self.stated, ALL_TOOLS))
        total = self.mult_adds + sum(cause.mult_adds for cause in items)
        return Reading(convention, tuple(items), total, 0, not self._open_kinds(count)), count

    def _open_kinds(self, count: Count) -> set[str]:
        """Kinds of layers of which it is not known what the tool counts."""
        return {
            reservation.kind
            for reservation in count.reservations
            if reservation.agreement == "not covered"
            and not set(self.stated).issuperset(reservation.layers)
        }

    def _made(self, convention: Convention) -> Iterator[Reading]:
        base, count = self._base(convention)
        yield base
        of_modules = [
            list(self._of_modules(convention, defect)) for defect in MODULE_DEFECTS if self._is_own
        ]
        axes = [
            *[list(self._forms(convention, reservation)) for reservation in count.reservations],
            self._defects(convention),
            [*self._uncounted(base, of_modules)],
            *of_modules,
        ]
        if convention is PAPER:
            axes.append([_Option((cause,)) for cause in self._countings()])
        open_kinds = self._open_kinds(count)
        for chosen in islice(_choices([axis for axis in axes if axis]), MOST_READINGS):
            causes, uncounted = _causes(base.causes, chosen)
            yield Reading(
                convention,
                causes,
                base.total + sum(option.change for option in chosen),
                sum(len(option.causes) for option in chosen),
                not open_kinds.difference(*[option.kinds for option in chosen])
                and not any(option.leaves_out and option.layers for option in chosen),
                any(option.leaves_out for option in chosen),
                uncounted,
            )

    def _uncounted(
        self, base: Reading, of_modules: Sequence[Sequence[_Option]]
    ) -> Iterator[_Option]:
        """Each item of the convention that may be left out, unless a known defect says so."""
        known = [dict(option.replaced) for options in of_modules for option in options]
        for item in base.causes:
            replaced = {item.what: item.mult_adds}
            if item.mult_adds > 0 and replaced not in known:
                cause = Cause(f"{item.what}{_NOT_COUNTED}", 0)
                yield _Option((cause,), replaced=replaced, leaves_out=True)

    def _forms(self, convention: Convention, reservation: Reservation) -> Iterator[_Option]:
        """Other forms of all layers of a reservation, and of groups of them."""
        names = set(reservation.layers).difference(self.stated)
        for costs in group_sets(self.network, [c for c in self.costs if c.step.name in names]):
            replaced = self._items(convention, costs)
            change = sum(self._form_change(convention, reservation, cost) for cost in costs)
            if change:
                cause = Cause(
                    _form_words(convention, reservation, costs[0]),
                    change + sum(replaced.values()),
                    () if len(costs) == len(names) else _names(costs),
                )
                yield _Option((cause,), {reservation.kind}, set(_names(costs)), replaced)

    def _of_modules(self, convention: Convention, defect: ModuleDefect) -> Iterator[_Option]:
        """Layers that a tool counts in another way, because of what their modules are."""
        if convention.name != defect.convention:
            return
        amounts = {
            cost.step.name: defect.amount(counted)
            for cost in self.costs
            if (may_be := defect.layers.get(type(cost.step.layer))) is not None
            and (counted := counted_layer(cost, self.network)) is not None
            and may_be(counted, self._kind_before(cost))
        }
        costs = [cost for cost in self.costs if cost.step.name in amounts]
        for some in group_sets(self.network, costs):
            cause = Cause(
                defect.what,
                sum(amounts[cost.step.name] for cost in some),
                () if len(some) == len(costs) else _names(some),
                defect.known,
            )
            replaced = self._items(convention, some)
            option = _Option((cause,), frozenset(), set(_names(some)), replaced, leaves_out=True)
            if option.change:
                yield option

    def _kind_before(self, cost: LayerCost) -> str:
        """The kind of the layer whose output a layer reads first; empty where it is an input."""
        inputs = cost.step.inputs
        producer = self.network.tensors[inputs[0]].producer if inputs else None
        return "" if producer is None else self.network.steps[producer].layer.kind

    def _items(self, convention: Convention, costs: Sequence[LayerCost]) -> dict[str, int]:
        """What a convention counts of some layers beside our mult-adds, by the words for it."""
        items = count_by(convention, tuple(costs), self.network).items
        return {item.what: item.mult_adds for item in items}

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
        if self.stated_mult_adds:
            yield Cause(STATED_AT_NOTHING, -self.stated_mult_adds, self.stated, ALL_TOOLS)


def _form_words(convention: Convention, reservation: Reservation, cost: LayerCost) -> str:
    """What is taken of the layers of a reservation."""
    rule = (convention.rules or {})[type(cost.step.layer)]
    if reservation.agreement == "not covered":
        return f"{rule.parts[0].what}, for {reservation.kind} that {convention.name} leaves open"
    return f"{reservation.kind} as {rule.otherwise}, not {rule.written}"


def _causes(
    items: Sequence[Cause], chosen: Sequence[_Option]
) -> tuple[tuple[Cause, ...], tuple[Cause, ...]]:
    """Causes of a reading, and those that add nothing. What a choice replaces is taken off the
    items of the convention, so that no two causes are about the same layer."""
    amounts = {item.what: item.mult_adds for item in items}
    for option in chosen:
        for what, amount in option.replaced.items():
            amounts[what] -= amount
    causes = [item._replace(mult_adds=amounts[item.what]) for item in items]
    causes += [cause for option in chosen for cause in option.causes]
    return (
        tuple([cause for cause in causes if cause.mult_adds]),
        tuple([cause for cause in causes[len(items) :] if not cause.mult_adds]),
    )


def _names(costs: Sequence[LayerCost]) -> tuple[str, ...]:
    return tuple([cost.step.name for cost in costs])


def _choices(axes: Sequence[Sequence[_Option]]) -> Iterator[tuple[_Option, ...]]:
    """At most one option of each axis, and at least one in all: those of few axes first. No layer
    is in two of them."""
    for count in range(1, len(axes) + 1):
        for some in combinations(axes, count):
            yield from filter(_are_of_other_layers, product(*some))


def _are_of_other_layers(options: Sequence[_Option]) -> bool:
    """Whether no layer, and no item of the convention as a whole, is in two options."""
    if len(options) == 1:
        return True
    layers = [name for option in options for name in option.layers]
    wholes = [what for option in options if not option.layers for what in option.replaced]
    others = [what for option in options if option.layers for what in option.replaced]
    return len(layers) == len(set(layers)) and not set(wholes).intersection(others)


def _are_apart(defects: Sequence[Defect]) -> bool:
    """Whether no kind is in two of them, so that no layer is taken twice."""
    kinds = [kind for defect in defects for kind in defect.amounts]
    return len(kinds) == len(set(kinds)) and not (len(defects) > 1 and Layer in kinds)
