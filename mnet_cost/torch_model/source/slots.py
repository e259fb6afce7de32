"""What the instances of a class construct: a slot for each name, with columns of arguments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

from mnet_cost.torch_model.same import SameConv2d
from mnet_cost.torch_model.source.columns import (
    CHANNELS,
    MISSING,
    Column,
    all_same,
    defined,
    gaps,
    kind_of,
)
from mnet_cost.torch_model.source.instances import Copies, Instance
from mnet_cost.torch_model.source.plan import Classes, DifferentError, Mask, Slot, aligned
from mnet_cost.torch_model.source.record import Made, defaults


class Slots:
    """Finds the slots of some calls."""

    def __init__(
        self, members: Sequence[Instance], classes: Classes, kinds: Collection[str]
    ) -> None:
        self.members = members
        self.classes = classes
        self.kinds = kinds
        """Names that layers have when nobody gave them one."""
        self.all: Mask = (True,) * len(members)

    def found(self) -> list[Slot]:
        made = [dict((one.shares or one).made) for one in self.members]
        lines = {act.name: act.line for one in self.members for act in one.acts}
        slots: list[Slot] = []
        for name in aligned([list(one) for one in made], lines):
            there = [one.get(name) for one in made]
            try:
                slots.append(self._slot(name, there))
            except DifferentError:
                if not all(one is None or isinstance(one, Copies) for one in there):
                    raise
                slots += self._unlike(name, there)
        return slots

    def _unlike(self, name: str, there: list[Any]) -> list[Slot]:
        """Copies that are of several classes, each by itself."""
        rows = [() if one is None else one.elements for one in there]
        found = []
        for i in range(max(map(len, rows))):
            elements = [row[i] if i < len(row) else None for row in rows]
            mask = tuple(one is not None for one in elements)
            slot = self._single(f"{name}.{i + 1}", mask, elements)
            slot.of_sequence = True
            found.append(slot)
        return found

    def _slot(self, name: str, there: list[Any]) -> Slot:
        mask = tuple(one is not None for one in there)
        if not any(isinstance(one, Copies) for one in there):
            return self._single(name, mask, there)
        if not all(isinstance(one, Copies) for one in there if one is not None):
            raise DifferentError
        counts = [0 if one is None else len(one.elements) for one in there]
        elements = [list(one.elements) if one is not None else [] for one in there]
        flat = [one for row in elements for one in row]
        whole = self._single(name, (True,) * len(flat), flat)
        slot = Slot(name, self.all, whole.factory)
        slot.count = Column(list(counts), "count", name, "count")
        rows: dict[str, list[Any]] = {}
        for argument, column in whole.columns.items():
            values = iter(column.values)
            lists = [[next(values) for _ in range(count)] for count in counts]
            steps = [_step(one) for one in lists]
            growing = any(step not in (0, None, MISSING) for step in steps)
            if None in steps or (growing and max(counts) < 3):
                rows[argument] = lists
                continue
            starts = [one[0] if one else MISSING for one in lists]
            slot.columns[argument] = Column(starts, argument, column.layer, column.kind)
            if growing:
                growth = Column(steps, "growth", name, CHANNELS)
                slot.steps[argument] = growth
        if rows:
            each = [
                tuple(zip(*(rows[argument][i] for argument in rows), strict=True))
                if len(rows) > 1
                else tuple(next(iter(rows.values()))[i])
                for i in range(len(counts))
            ]
            wanted = [one if one else MISSING for one in each]
            slot.order = tuple(whole.columns)
            slot.rows = tuple(rows), Column(wanted, f"{name}_sizes", name, "rows")
        return slot

    def _single(self, name: str, mask: Mask, there: list[Any]) -> Slot:
        present = [one for one in there if one is not None]
        if isinstance(present[0], Instance):
            if not all(isinstance(one, Instance) for one in present):
                raise DifferentError
            plans = {id(self.classes[one]): self.classes[one] for one in present}
            if len(plans) != 1:
                raise DifferentError
            (plan,) = plans.values()
            given = [None if one is None else plan.arguments(one) for one in there]
            slot = Slot(name, mask, plan)
            for parameter in plan.parameters:
                slot.columns[parameter.name] = Column(
                    [MISSING if one is None else one[parameter.name] for one in given],
                    parameter.name,
                    self.label(name),
                    parameter.kind,
                )
            return slot
        if not all(isinstance(one, Made) for one in present):
            raise DifferentError
        factories = {one.factory for one in present}
        if len(factories) > 1 and SameConv2d in factories and all(one.same for one in present):
            there = [None if one is None else _padding_same(one) for one in there]
            factories = {SameConv2d}
        if len(factories) > 1:
            raise DifferentError
        (factory,) = factories
        usual = defaults(factory)
        slot = Slot(name, mask, factory)
        names = dict.fromkeys(key for one in there if one is not None for key in one.arguments)
        for argument in names:
            values = [
                MISSING
                if one is None
                else one.arguments.get(argument, usual.get(argument, MISSING))
                for one in there
            ]
            label = self.label(name)
            slot.columns[argument] = Column(values, argument, label, kind_of(argument))
        return slot

    def label(self, name: str) -> str:
        """The name of a layer, if somebody gave it one."""
        last = next(part for part in reversed(name.split(".")) if not part.isdigit())
        stem, _, number = last.rpartition("_")
        return "" if (stem if number.isdigit() else last) in self.kinds else last


def _padding_same(made: Made) -> Made:
    arguments = {name: one for name, one in made.arguments.items() if name != "padding"}
    return made._replace(factory=SameConv2d, arguments=arguments)


def _step(values: list[Any]) -> Any:
    """By how much values grow; None if not evenly."""
    if len(values) < 2:
        return MISSING
    if not defined(values) or (all_same(values) and not gaps(values)):
        return 0
    if any(type(one) is not int for one in values):
        return None
    steps = {b - a for a, b in pairwise(values)}
    return steps.pop() if len(steps) == 1 else None
