"""What the instances of a class construct: a slot for each module, with columns of arguments.

Modules of the same name in the instances are one slot. The copies of an entry are one slot as well
if a single expression constructs them all: their arguments are equal, grow evenly from copy to copy
or come from a tuple of values. Otherwise each copy has a slot of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

from mnet_cost.torch_model.same_padding import SameConv2d
from mnet_cost.torch_model.source.argument_columns import (
    CHANNELS,
    MISSING,
    ArgumentColumn,
    all_same,
    defined,
    gaps,
    kind_of,
)
from mnet_cost.torch_model.source.call_tree import Instance, ModuleSequence
from mnet_cost.torch_model.source.class_plan import (
    Classes,
    ConstructorSlot,
    DifferentError,
    Mask,
    aligned,
)
from mnet_cost.torch_model.source.record import Made, defaults


class ConstructorSlots:
    """Computes the slots of a class from its `members`, which are calls of one block.

    `classes` has the class of each instance inside the members.
    """

    def __init__(
        self, members: Sequence[Instance], classes: Classes, kinds: Collection[str]
    ) -> None:
        self.members = members
        self.classes = classes
        self.kinds = kinds
        """Names that layers have when the spec does not name them."""
        self.all: Mask = (True,) * len(members)

    def slots(self) -> list[ConstructorSlot]:
        """The slots in the order of construction; `DifferentError` if the members do not agree."""
        made = [dict((member.shares or member).made) for member in self.members]
        lines = {act.name: act.line for member in self.members for act in member.acts}
        slots: list[ConstructorSlot] = []
        for name in aligned([list(by_name) for by_name in made], lines):
            modules = [by_name.get(name) for by_name in made]
            try:
                slots.append(self._slot(name, modules))
            except DifferentError:
                if not all(
                    module is None or isinstance(module, ModuleSequence) for module in modules
                ):
                    raise
                slots += self._unlike(name, modules)
        return slots

    def _unlike(self, name: str, modules: list[Any]) -> list[ConstructorSlot]:
        """A slot for each copy, where copies are of several classes."""
        rows = [() if sequence is None else sequence.elements for sequence in modules]
        slots = []
        for i in range(max(map(len, rows))):
            elements = [row[i] if i < len(row) else None for row in rows]
            mask = tuple(element is not None for element in elements)
            slot = self._single(f"{name}.{i + 1}", mask, elements)
            slot.of_sequence = True
            slots.append(slot)
        return slots

    def _slot(self, name: str, modules: list[Any]) -> ConstructorSlot:
        mask = tuple(module is not None for module in modules)
        if not any(isinstance(module, ModuleSequence) for module in modules):
            return self._single(name, mask, modules)
        if not all(isinstance(module, ModuleSequence) for module in modules if module is not None):
            raise DifferentError
        counts = [0 if sequence is None else len(sequence.elements) for sequence in modules]
        elements = [list(sequence.elements) if sequence is not None else [] for sequence in modules]
        flat = [element for row in elements for element in row]
        whole = self._single(name, (True,) * len(flat), flat)
        slot = ConstructorSlot(name, self.all, whole.factory)
        slot.count = ArgumentColumn(list(counts), "count", name, "count")
        rows: dict[str, list[Any]] = {}
        for argument, column in whole.columns.items():
            values = iter(column.values)
            lists = [[next(values) for _ in range(count)] for count in counts]
            steps = [_step(row) for row in lists]
            growing = any(step not in (0, None, MISSING) for step in steps)
            if None in steps or (growing and max(counts) < 3):
                rows[argument] = lists
                continue
            starts = [row[0] if row else MISSING for row in lists]
            slot.columns[argument] = ArgumentColumn(starts, argument, column.layer, column.kind)
            if growing:
                growth = ArgumentColumn(steps, "growth", name, CHANNELS)
                slot.steps[argument] = growth
        if rows:
            each = [
                tuple(zip(*(rows[argument][i] for argument in rows), strict=True))
                if len(rows) > 1
                else tuple(next(iter(rows.values()))[i])
                for i in range(len(counts))
            ]
            wanted = [row if row else MISSING for row in each]
            slot.order = tuple(whole.columns)
            slot.rows = tuple(rows), ArgumentColumn(wanted, f"{name}_sizes", name, "rows")
        return slot

    def _single(self, name: str, mask: Mask, modules: list[Any]) -> ConstructorSlot:
        present = [module for module in modules if module is not None]
        if isinstance(present[0], Instance):
            if not all(isinstance(module, Instance) for module in present):
                raise DifferentError
            plans = {id(self.classes[instance]): self.classes[instance] for instance in present}
            if len(plans) != 1:
                raise DifferentError
            (plan,) = plans.values()
            given = [None if instance is None else plan.arguments(instance) for instance in modules]
            slot = ConstructorSlot(name, mask, plan)
            for parameter in plan.parameters:
                slot.columns[parameter.name] = ArgumentColumn(
                    [
                        MISSING if arguments is None else arguments[parameter.name]
                        for arguments in given
                    ],
                    parameter.name,
                    self.label(name),
                    parameter.kind,
                )
            return slot
        if not all(isinstance(module, Made) for module in present):
            raise DifferentError
        factories = {module.factory for module in present}
        if (
            len(factories) > 1
            and SameConv2d in factories
            and all(module.same for module in present)
        ):
            modules = [None if module is None else _padding_same(module) for module in modules]
            factories = {SameConv2d}
        if len(factories) > 1:
            raise DifferentError
        (factory,) = factories
        usual = defaults(factory)
        slot = ConstructorSlot(name, mask, factory)
        names = dict.fromkeys(
            key for module in modules if module is not None for key in module.arguments
        )
        for argument in names:
            values = [
                MISSING
                if module is None
                else module.arguments.get(argument, usual.get(argument, MISSING))
                for module in modules
            ]
            label = self.label(name)
            slot.columns[argument] = ArgumentColumn(values, argument, label, kind_of(argument))
        return slot

    def label(self, name: str) -> str:
        """The last part of a layer's path that is no number; empty if the spec does not name it."""
        last = next(part for part in reversed(name.split(".")) if not part.isdigit())
        stem, _, number = last.rpartition("_")
        return "" if (stem if number.isdigit() else last) in self.kinds else last


def _padding_same(made: Made) -> Made:
    arguments = {name: value for name, value in made.arguments.items() if name != "padding"}
    return made._replace(factory=SameConv2d, arguments=arguments)


def _step(values: list[Any]) -> Any:
    """By how much values grow from copy to copy; None if not evenly, MISSING if not known."""
    if len(values) < 2:
        return MISSING
    if not defined(values) or (all_same(values) and not gaps(values)):
        return 0
    if any(type(value) is not int for value in values):
        return None
    steps = {b - a for a, b in pairwise(values)}
    return steps.pop() if len(steps) == 1 else None
