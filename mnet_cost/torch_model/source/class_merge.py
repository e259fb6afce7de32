"""Calls of one block become one class: what is alike stays, what differs becomes an argument.

Layers are matched by their names, which are the same in every call; a layer that `when` leaves out
is missing in some calls. Values are matched as columns with one value for each call. Where a layer
is left out, its input takes the place of its output: such a symbol has two sources (`source` where
the layer is there, `other` where it is not).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from mnet_cost.torch_model.source.argument_columns import (
    CHANNELS,
    MISSING,
    ArgumentColumn,
    ArgumentExpression,
    ConstructorParameters,
    all_same,
    defined,
    kind_of,
    same,
)
from mnet_cost.torch_model.source.call_tree import Act, Instance, NotAloneError, keyed
from mnet_cost.torch_model.source.class_plan import (
    Classes,
    ClassPlan,
    ConstructorSlot,
    DifferentError,
    Line,
    Mask,
    Run,
    Symbol,
    aligned,
    replaced,
)
from mnet_cost.torch_model.source.constructor_slots import ConstructorSlots
from mnet_cost.torch_model.source.guards import guard
from mnet_cost.torch_model.source.record import RecordedValue, Ref


class ClassMerge:
    """Merges `members`, which are calls of one block, into one class.

    `classes` has the class of each instance inside them, `kinds` the names that layers have when
    the spec does not name them. Raises `DifferentError` where no class fits all members.
    """

    def __init__(
        self, members: Sequence[Instance], classes: Classes, kinds: Collection[str]
    ) -> None:
        self.members = list(members)
        self.classes = classes
        self.all: Mask = (True,) * len(members)
        self.symbols: list[Symbol] = []
        self.known: dict[tuple[int, RecordedValue], list[Symbol]] = {}
        """The symbols that have a value in a call, by (number of the call, value), oldest first."""
        self.runs: list[Run] = []
        self.named = ConstructorSlots(members, classes, kinds)
        self.slots = self.named.slots()
        self.lines: list[Line] = []

    def plans(self) -> list[ClassPlan]:
        """The class, then the classes derived from it.

        Raises `DifferentError` where the members need different classes, and `NotAloneError` for a
        member that cannot share the modules of another one.
        """
        members = self.members
        inputs = list(members[0].inputs)
        if any(list(member.inputs) != inputs for member in members):
            raise DifferentError
        given = {}
        for name in inputs:
            given[name] = Symbol([member.inputs[name] for member in members], name, -1)
        for symbol in given.values():
            self._know(symbol)
        self._lines()
        self._outputs()
        self._identities()
        parameters = ConstructorParameters(*self._sizes())
        columns = [*self._columns()]
        parameters.resolve(columns)
        guards = self._guards(parameters)
        parameters.settle(slot.name.partition(".")[0] for slot in self.slots)
        plan = ClassPlan(
            members[0].family, members[0].name, members, inputs, given, self.slots, self.lines,
            self.runs, [], parameters.declared, guards,
        )  # fmt: skip
        for i, member in enumerate(members):
            if member.shares is not None and member.shares in members:
                original = members.index(member.shares)
                if any(
                    not same(parameter.values[i], parameter.values[original])
                    for parameter in parameters.declared
                    if parameter.values[i] is not MISSING
                ):
                    raise NotAloneError(member.path)
        return self._variants(plan)

    # --- what is given

    def _outputs(self) -> None:
        """Set the symbols of the outputs; calls that return other values have their own list."""
        groups: dict[Any, list[int]] = {}
        for i, member in enumerate(self.members):
            made = {
                value: (key, number)
                for key, act in keyed(member.acts).items()
                for number, value in enumerate(act.results)
            }
            inner = tuple(made.get(value) for value in member.outputs[:-1])
            groups.setdefault((inner, len(member.outputs)), []).append(i)
        self.outputs: dict[tuple[int, ...], list[Symbol]] = {}
        for numbers in groups.values():
            count = len(self.members[numbers[0]].outputs)
            self.outputs[tuple(numbers)] = [
                self._find(
                    [
                        member.outputs[number] if i in numbers else None
                        for i, member in enumerate(self.members)
                    ],
                    len(self.lines),
                )
                for number in range(count)
            ]

    def _variants(self, plan: ClassPlan) -> list[ClassPlan]:
        """The class with the most used choice of outputs; a derived class for each other choice."""
        same_outputs: dict[tuple[Symbol, ...], list[Instance]] = {}
        for numbers, outputs in self.outputs.items():
            users = same_outputs.setdefault(tuple(outputs), [])
            users += [self.members[i] for i in numbers]
        ordered = sorted(same_outputs.items(), key=lambda item: len(item[1]), reverse=True)
        plans: list[ClassPlan] = []
        for given, users in ordered:
            base = plans[0] if plans else None
            plans.append(replace(plan, outputs=list(given), used_by=users, base=base))
        return plans

    def _columns(self) -> Iterable[ArgumentColumn]:
        for slot in self.slots:
            yield from slot.columns.values()
            yield from slot.steps.values()
            if slot.rows is not None:
                yield slot.rows[1]
            if slot.count is not None:
                yield slot.count
        for line in self.lines:
            if isinstance(line.target, ArgumentColumn):
                yield line.target
            for argument in line.arguments.values():
                if isinstance(argument, ArgumentColumn):
                    yield argument

    # --- what is done

    def _lines(self) -> None:
        rows = [keyed(member.acts) for member in self.members]
        places = {key: act.line for row in rows for key, act in row.items()}
        keys = aligned([list(row) for row in rows], places)
        masks = {key: tuple(key in row for row in rows) for key in keys}
        for number, key in enumerate(keys):
            mask = masks[key]
            if mask != self.all:
                if self.runs and self.runs[-1].end == number and self.runs[-1].mask == mask:
                    self.runs[-1] = self.runs[-1]._replace(end=number + 1)
                else:
                    self.runs.append(Run(number, number + 1, mask))
            self.lines.append(self._line(number, key, mask, [row.get(key) for row in rows]))

    def _line(self, number: int, key: tuple[str, int], mask: Mask, acts: list[Any]) -> Line:
        present: list[Act] = [act for act in acts if act is not None]
        target, arguments = self._target(key[0], acts)
        names = list(arguments[next(i for i, act in enumerate(acts) if act)])
        if any(list(given) != names for given in arguments if given is not None):
            raise DifferentError
        matched: dict[str, Any] = {}
        for name in names:
            values = [None if given is None else given[name] for given in arguments]
            matched[name] = self._argument(target, name, key[0], mask, values, number)
        if len({len(act.results) for act in present}) != 1:
            raise DifferentError
        results = []
        for i in range(len(present[0].results)):
            members = [None if act is None else act.results[i] for act in acts]
            label = self._result_label(key[0], members, len(present[0].results))
            results.append(Symbol(members, label, number))
        for result in results:
            self._know(result)
        return Line(key, mask, target, matched, results)

    def _result_label(self, name: str, members: list[RecordedValue | None], count: int) -> str:
        """The name of a value: its layer's, and the inner layer's where a call has several."""
        own = self.named.label(name)
        inner = {value.path.rpartition(".")[2] for value in members if value is not None}
        last = inner.pop() if len(inner) == 1 else ""
        if count == 1 or not last:
            return own
        return f"{name}_{last}" if last.isdigit() or self.named.label(last) else own

    def _target(self, name: str, acts: list[Any]) -> tuple[Any, list[Any]]:
        present: list[Act] = [act for act in acts if act is not None]
        arguments = [None if act is None else act.arguments for act in acts]
        plans = {id(self.classes[act.child]) for act in present if act.child is not None}
        if len(plans) > 1:
            raise DifferentError
        for act in present:
            if act.child is not None and act.child.shares is not None:
                shared = self.classes[act.child.shares]
                if shared is not self.classes[act.child]:
                    raise NotAloneError(act.child.path)
        targets = [act.target for act in present]
        if all(target == targets[0] for target in targets):
            return targets[0], arguments
        if any(isinstance(target, Ref) for target in targets):
            raise DifferentError
        chosen = next((act.target for act in present if act.alternative is None), None)
        alternatives = [act.alternative or (act.target,) for act in present]
        if all(alternative[0] is chosen for alternative in alternatives):
            return chosen, [
                None
                if act is None
                else (act.arguments if act.target is chosen else act.alternative[1])
                for act in acts
            ]
        if any(len(act.arguments) != 1 for act in present):
            raise DifferentError
        column = ArgumentColumn(
            [MISSING if act is None else act.target for act in acts],
            "function",
            self.named.label(name),
            "function",
        )
        return column, [
            None if act is None else {"*0": next(iter(act.arguments.values()))} for act in acts
        ]

    def _argument(
        self, target: Any, name: str, layer: str, mask: Mask, values: list[Any], number: int
    ) -> Any:
        present = [value for value, there in zip(values, mask, strict=True) if there]
        if all(isinstance(value, RecordedValue) for value in present):
            return self._find(values, number)
        if any(_has_values(value) for value in present):
            if len({len(value) for value in present}) != 1:
                raise DifferentError
            return tuple(
                self._find(
                    [None if argument is None else argument[i] for argument in values], number
                )
                for i in range(len(present[0]))
            )
        constants = [value if there else MISSING for value, there in zip(values, mask, strict=True)]
        if name == "sizes" and not all_same(constants):
            constants = _with_rest(constants)
        return ArgumentColumn(constants, name, self.named.label(layer), kind_of(name))

    def _know(self, symbol: Symbol) -> None:
        self.symbols.append(symbol)
        for i, value in enumerate(symbol.members):
            if value is not None:
                self.known.setdefault((i, value), []).append(symbol)

    def _find(self, wanted: list[RecordedValue | None], before: int) -> Symbol:
        """The symbol with the `wanted` value in each call and a line above `before`.

        Where no symbol has all of them, a new symbol may: that of a run where the run is executed,
        and a symbol above the run where it is not. Raises `DifferentError` if there is neither.
        """
        keys = [(i, value) for i, value in enumerate(wanted) if value is not None]
        for symbol in reversed(self.known.get(keys[0], ()) if keys else self.symbols):
            if symbol.line < before and _fits(wanted, symbol.members):
                return symbol
        parts = {symbol for key in keys for symbol in self.known.get(key, ())}
        candidates = [
            (symbol, run)
            for symbol in parts
            if symbol.source is None and symbol.line >= 0
            for run in [self._run_of(symbol.line)]
            if run is not None and run.end <= before
        ]

        def latest_first(candidate: tuple[Symbol, Run]) -> tuple[int, int]:
            symbol = candidate[0]
            return -symbol.line, self.lines[symbol.line].results.index(symbol)

        for symbol, run in sorted(candidates, key=latest_first):
            either = self._either(wanted, symbol, run)
            if either is not None:
                return either
        raise DifferentError

    def _run_of(self, line: int) -> Run | None:
        """The run that has the line; None outside all runs."""
        place = bisect_right(self.runs, line, key=lambda run: run.start) - 1
        return self.runs[place] if place >= 0 and line < self.runs[place].end else None

    def _either(
        self, wanted: list[RecordedValue | None], symbol: Symbol, run: Run
    ) -> Symbol | None:
        fits = [
            value is not None and value is member
            for value, member in zip(wanted, symbol.members, strict=True)
        ]
        if not any(fits) or any(
            there and value is not None and not fit
            for there, value, fit in zip(run.mask, wanted, fits, strict=True)
        ):
            return None
        rest = [None if fit else value for value, fit in zip(wanted, fits, strict=True)]
        try:
            other = self._find(rest, run.start)
        except DifferentError:
            return None
        members = [
            symbol.members[i] if run.mask[i] else other.members[i] for i in range(len(run.mask))
        ]
        either = Symbol(members, symbol.label, run.end - 1, other, symbol)
        self._know(either)
        return either

    # --- what is left out

    def _identities(self) -> None:
        """Replace guards by `nn.Identity` for modules that pass their input on where left out."""
        slots = {slot.name: slot for slot in self.slots}
        kept = []
        for run in self.runs:
            line = self.lines[run.start]
            slot = slots.get(line.target.path) if isinstance(line.target, Ref) else None
            if slot is None or run.end - run.start > 1 or not self._passes(slot, line, run):
                kept.append(run)
                continue
            slot.identity = slot.count is None
            line.mask = self.all
        self.runs = kept

    def _passes(self, slot: ConstructorSlot, line: Line, run: Run) -> bool:
        """Let a module return its input where it is left out; False where that would be wrong."""
        if len(line.results) != 1 or len(line.arguments) != 1:
            return False
        if slot.count is None and slot.mask != run.mask:
            return False
        if sum(other_line.target == line.target for other_line in self.lines) > 1:
            return False
        ((name, argument),) = line.arguments.items()
        (result,) = line.results
        either = [symbol for symbol in self.symbols if symbol.source is result]
        others = [symbol.other for symbol in either if symbol.other is not None] or [argument]
        other = others[0]
        if any(symbol is not other for symbol in others):
            return False
        always = other.line < 0 or other.source is not None
        always = always or self.lines[other.line].mask == self.all
        if not always or any(
            there and value is not input_
            for there, value, input_ in zip(run.mask, argument.members, other.members, strict=True)
        ):
            return False
        line.arguments = {name: other}
        result.members = [
            value if there else input_
            for there, value, input_ in zip(run.mask, result.members, other.members, strict=True)
        ]
        for symbol in either:
            self._replace(symbol, result)
        return True

    def _replace(self, old: Symbol, new: Symbol) -> None:
        for line in self.lines:
            line.arguments = {
                name: replaced(value, old, new) for name, value in line.arguments.items()
            }
        for symbol in self.symbols:
            if symbol.other is old:
                symbol.other = new
        self.symbols.remove(old)
        for outputs in self.outputs.values():
            outputs[:] = [new if symbol is old else symbol for symbol in outputs]

    def _guards(self, parameters: ConstructorParameters) -> dict[Mask, ArgumentExpression]:
        masks: dict[Mask, str] = {}
        for slot in self.slots:
            if slot.mask != self.all and slot.count is None:
                masks.setdefault(slot.mask, slot.name.split(".")[0])
        for run in self.runs:
            first = self.lines[run.start]
            masks.setdefault(run.mask, first.key[0].split(".")[0])
        channels = [
            column.expression
            for column in self._columns()
            if column.kind == CHANNELS and column.expression.constant is MISSING
        ]
        return {mask: guard(mask, label, parameters, channels) for mask, label in masks.items()}

    def _sizes(self) -> tuple[list[Any], list[Any]]:
        first, last = [], []
        for member in self.members:
            values = list(member.inputs.values())
            first.append((values[0].channels if values else None) or MISSING)
            last.append((member.outputs[-1].channels if member.outputs else None) or MISSING)
        return first, last


def _fits(wanted: Sequence[RecordedValue | None], members: Sequence[RecordedValue | None]) -> bool:
    return all(
        value is None or value is member for value, member in zip(wanted, members, strict=True)
    )


def _has_values(argument: Any) -> bool:
    return isinstance(argument, (tuple, list)) and any(
        isinstance(element, RecordedValue) for element in argument
    )


def _with_rest(constants: list[Any]) -> list[Any]:
    """Sizes that differ at a single place, with -1 there: torch computes it from the others."""
    there = defined(constants)
    if len({len(sizes) for sizes in there}) != 1:
        raise DifferentError
    places = [i for i in range(len(there[0])) if len({sizes[i] for sizes in there}) > 1]
    if len(places) != 1:
        return constants
    (place,) = places
    return [
        sizes if sizes is MISSING else (*sizes[:place], -1, *sizes[place + 1 :])
        for sizes in constants
    ]
