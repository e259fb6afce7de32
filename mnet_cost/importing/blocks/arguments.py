"""What a block says of its numbers: literals, sizes of its input, its arguments.

For each place of a number in a block its values in all copies are known. If they are equal, the
value is written. If they are a multiple of a size of the input, or of another argument, that is
written. Else the place is an argument, as are all places with the same values. A part that some
copies lack has a condition: one that the sizes already say, else an argument that is a flag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from mnet_cost.importing.blocks.argument_names import FLAG, New, argument_names, input_names
from mnet_cost.importing.blocks.expressions import (
    SPATIAL,
    WIDTHS,
    Vector,
    axis_size,
    compared,
    equal_size,
    follows,
    is_equal,
    joined,
    multiple,
    multiple_of_size,
    of_argument,
    product,
)
from mnet_cost.importing.blocks.grammar import Grammar, Rule, Source
from mnet_cost.importing.blocks.leaves import KIND, Number
from mnet_cost.importing.blocks.made_up import made_up
from mnet_cost.layers import KINDS
from mnet_cost.models.calls import known_fields

ByKnob = Callable[[tuple[Number, ...]], str | None]
"""An expression of the knob for the values in each of the graphs; None where there is none."""

_WITH_DEFAULT = frozenset(("stride", "dilation", "groups", "multiplier"))
_LAST = frozenset(("padding", "output_padding"))
"""Fields that may follow from a kernel, so they are looked at after it."""


class Argument(NamedTuple):
    """An argument of a block."""

    name: str
    field: str
    """What it is a number of: the field where it first stands."""
    vector: Vector
    default: Number | None
    """None where each call has to give it."""


class Solved(NamedTuple):
    """The numbers of a rule as they are written."""

    arguments: tuple[Argument, ...]
    slots: tuple[Mapping[str, Any], ...]
    """By place, for each slot: a literal or the text of an expression."""
    conditions: tuple[str, ...]
    """Of the options, in their order."""


class NotRecoveredError(Exception):
    """A number differs between the graphs, and no expression of the knob gives it."""

    def __init__(self, layer: int, place: str, values: tuple[Number, ...]) -> None:
        super().__init__(layer, place, values)
        self.layer = layer
        self.place = place
        self.values = values


def solved(grammar: Grammar, by_knob: ByKnob | None = None) -> dict[int, Solved]:
    """How the numbers of all rules are written.

    Raises `NotRecoveredError` where numbers of the network differ between the graphs and
    `by_knob` has no expression for them.
    """
    rules: dict[int, Solved] = {}
    for number in grammar.order():
        rules[number] = _Rule(grammar, number, rules, by_knob).solved()
    return rules


def slot_name(slot: int) -> str:
    """What stands for the `id` of a slot in a text, until it has one."""
    return f"@{slot}"


def named_slots(rule: Rule) -> list[int]:
    """Slots of a block with one output that other entries read by name."""
    named = {
        source.slot
        for at, slot in enumerate(rule.slots)
        for source in slot.sources
        if 0 <= source.slot < at - 1
    }
    return sorted(at for at in named if rule.slots[at].outputs == 1)


class _Rule:
    def __init__(
        self, grammar: Grammar, number: int, rules: Mapping[int, Solved], by_knob: ByKnob | None
    ) -> None:
        self.grammar = grammar
        self.number = number
        self.rule = grammar.rules[number]
        self.rules = rules
        self.by_knob = by_knob
        self.samples = [
            grammar.first_layer(self.rule, frame) // grammar.count
            for frame in range(len(self.rule.frames))
        ]
        self.new: list[New] = []
        self.guessed: set[str] = set()
        """Sizes of tensors of which nothing says what their axes are."""
        self.group_sizes: dict[int, dict[str, Vector]] = {}
        self.sizes: dict[str, Vector] = {}
        self.later_sizes: list[tuple[int, dict[str, Vector]]] = []
        self.tensor_sizes: dict[int, dict[str, Vector]] = {}
        if number:
            self.sizes = self._sizes(
                {name: Source(-1 - at) for at, name in enumerate(input_names(self.rule))}
            )
            self.later_sizes = [
                (at, self._sizes({slot_name(at): Source(at)}))
                for at in named_slots(self.rule)
                if not any(option.start <= at < option.stop for option in self.rule.options)
            ]

    def solved(self) -> Solved:
        places = [place for place in self._places() if any(v is not None for v in place[3])]
        places.sort(key=lambda place: place[2] in _LAST)  # stable: else in the order of the slots
        texts: list[dict[str, Any]] = [{} for _ in self.rule.slots]
        for slot, place, field, vector in places:
            texts[slot][place] = self._text(slot, field, place, vector)
        conditions = [self._condition(option) for option in range(len(self.rule.options))]
        names = argument_names(self.rule, self.new)
        for written in texts:
            for place, text in written.items():
                if isinstance(text, str):  # no name has braces in it
                    written[place] = text.format(*names) if "{" in text else text
        arguments = [
            Argument(name, new.field, new.vector, self._default(new))
            for name, new in zip(names, self.new, strict=True)
        ]
        arguments.sort(key=lambda argument: (argument.default is not None, _rank(argument.field)))
        return Solved(
            tuple(arguments),
            tuple(texts),
            tuple([condition.format(*names) for condition in conditions]),
        )

    def _places(self) -> Iterator[tuple[int, str, str, Vector]]:
        """(slot, place, field, values in all copies) of each number."""
        for at, slot in enumerate(self.rule.slots):
            children = [frame[at] for frame in self.rule.frames]
            if slot.rule is not None:
                for argument in self.rules[slot.rule].arguments:
                    vector = tuple([c if c is None else argument.vector[c] for c in children])
                    yield at, argument.name, argument.field, vector
                continue
            leaves = [None if child is None else self.grammar.leaves[child] for child in children]
            first = next(leaf for leaf in leaves if leaf is not None)
            for place in first.numbers:
                field = place.partition(".")[0]
                yield at, place, field, tuple([leaf and leaf.numbers[place] for leaf in leaves])

    def _text(self, slot: int, field: str, place: str, vector: Vector) -> Any:
        """How a number is written: a literal, or a text in which `{n}` is an argument."""
        values = [value for value in vector if value is not None]
        if all(is_equal(value, values[0]) for value in values):
            return values[0]
        by_sample = self._by_sample(vector)
        if by_sample is not None and self.by_knob is not None:
            text = self.by_knob(by_sample)
            if text is not None:
                return text
        text = self._of_tensors(slot, field, vector)
        if text is not None:
            return text
        if self.number == 0:
            layers = self.grammar.layers_of(self.rule, 0)
            at = sum(
                1 if s.rule is None else len(self.grammar.layers_of(self.grammar.rules[s.rule], c))
                for s, c in zip(self.rule.slots[:slot], self.rule.frames[0][:slot], strict=True)
                if c is not None
            )
            raise NotRecoveredError(layers[at], place, tuple(values))
        sizes_here = self._sizes_at(slot)
        for name, sizes in sizes_here.items():
            if name not in self.guessed and follows(field, name):
                text = multiple(vector, sizes, name)
                if text is not None:
                    return text
        for number, new in enumerate(self.new):
            written = of_argument(field, vector, new.field, new.vector, f"{{{number}}}")
            if written is not None:
                text, filled = written
                self.new[number] = new._replace(vector=filled)
                return text
        for at, sizes_of in self.later_sizes:
            for name, sizes in sizes_of.items():
                if at < slot and follows(field, name):
                    text = multiple(vector, sizes, name)
                    if text is not None:
                        return text
        for name in [
            name for name in sizes_here if name in self.guessed
        ]:  # rather than an argument more
            if follows(field, name):
                text = multiple(vector, sizes_here[name], name)
                if text is not None:
                    return text
        self.new.append(New(field, vector, slot, place))
        return f"{{{len(self.new) - 1}}}"

    def _of_tensors(self, slot: int, field: str, vector: Vector) -> str | None:
        """A number that differs between graphs as a size of a tensor before the slot.

        In a block its input comes first, then the nearest tensor. None for other numbers.
        """
        if not self._differs_between_graphs(vector):
            return None
        option = next((o for o in self.rule.options if o.start <= slot < o.stop), None)
        start = slot if option is None else option.start
        candidates = [self._sizes_at(slot)] if self.number else []
        candidates += [
            self._tensor_sizes(at)
            for at in range(start - 1, -1, -1)
            if self.rule.slots[at].outputs == 1
            and not any(o.start <= at < o.stop for o in self.rule.options)
        ]
        if not self.number:
            names = input_names(self.rule)
            if len(names) == 1:
                candidates.append(self._sizes({"input": Source(-1)}))
        for combined in (equal_size, multiple_of_size, product, made_up):
            for sizes in candidates:
                text = combined(field, vector, sizes)
                if text is not None:
                    return text
        return None

    def _tensor_sizes(self, at: int) -> dict[str, Vector]:
        """Sizes of what a slot makes, by the text that is written for them."""
        if at not in self.tensor_sizes:
            self.tensor_sizes[at] = self._sizes({slot_name(at): Source(at)})
        return self.tensor_sizes[at]

    def _differs_between_graphs(self, vector: Vector) -> bool:
        """Whether a number is another one in other graphs, apart from how copies differ."""
        if len(self.grammar.graphs) < 2:
            return False
        values: dict[int, list[Number | None]] = {}
        for sample, value in zip(self.samples, vector, strict=True):
            values.setdefault(sample, []).append(value)
        return any(list(own) != values[0] for own in values.values())

    def _by_sample(self, vector: Vector) -> tuple[Number, ...] | None:
        """The value in each graph, where it is the same in all copies of one graph."""
        found: dict[int, Number] = {}
        for sample, value in zip(self.samples, vector, strict=True):
            if value is not None and not is_equal(found.setdefault(sample, value), value):
                return None
        if len(found) < len(self.grammar.graphs) or len(found) < 2:
            return None
        return tuple([found[sample] for sample in sorted(found)])

    def _sizes_at(self, slot: int) -> Mapping[str, Vector]:
        """Sizes that a slot can speak of: in a group those of the input of the group."""
        for number, option in enumerate(self.rule.options):
            if option.start <= slot < option.stop and option.stop - option.start > 1:
                if number not in self.group_sizes:
                    self.group_sizes[number] = self._sizes({"input": option.instead})
                return self.group_sizes[number]
        return self.sizes

    def _sizes(self, inputs: Mapping[str, Source]) -> dict[str, Vector]:
        """Sizes of tensors in all copies, by the text that is written for them."""
        sizes: dict[str, Vector] = {}
        for name, source in inputs.items():
            types = [
                self.grammar.source_type(self.number, frame, source)
                for frame in range(len(self.rule.frames))
            ]
            for axis in ("channels", "features", "height", "width", "length"):
                vector = tuple([axis_size(type_, axis) for type_ in types])
                if any(value is not None for value in vector):
                    sizes[f"{name}.{axis}"] = vector
                    if any(t is not None and t.layout is None and len(t.shape) > 2 for t in types):
                        self.guessed.add(f"{name}.{axis}")
        return sizes

    def _condition(self, option: int) -> str:
        """When an option is there."""
        start, stop, _ = self.rule.options[option]
        present = [frame[start] is not None for frame in self.rule.frames]
        for text, holds in self._conditions(start, stop):
            if all(a is not None and a == b for a, b in zip(holds, present, strict=True)):
                return text
        for number, new in enumerate(self.new):
            if new.field == FLAG and list(new.vector) == present:
                return f"{{{number}}}"
        self.new.append(New(FLAG, tuple(present), start, FLAG))
        return f"{{{len(self.new) - 1}}}"

    def _conditions(self, start: int, stop: int) -> Iterator[tuple[str, list[bool | None]]]:
        """Conditions that sizes and strides say, and whether each holds in each copy."""
        inputs = [
            (name, sizes)
            for name, sizes in self.sizes.items()
            if name.endswith((".channels", ".features"))
        ]
        outputs = list(self._widths(start, stop))
        strides = [
            (f"{{{number}}}", new.vector)
            for number, new in enumerate(self.new)
            if new.field == "stride"
        ]
        for width, own in outputs:
            for name, sizes in inputs:
                same = compared(sizes, own)
                differs = [None if value is None else not value for value in same]
                for stride, steps in strides:
                    one = [None if step is None else step == 1 for step in steps]
                    both = joined(one, same, all)
                    yield f"{stride} == 1 and {name} == {width}", both
                    yield (
                        f"{stride} > 1 or {name} != {width}",
                        [None if value is None else not value for value in both],
                    )
                yield f"{name} == {width}", same
                yield f"{name} != {width}", differs
        for stride, steps in strides:
            yield f"{stride} == 1", [None if step is None else step == 1 for step in steps]
            yield f"{stride} > 1", [None if step is None else step != 1 for step in steps]

    def _widths(self, start: int, stop: int) -> Iterator[tuple[str, Vector]]:
        """Widths that entries outside of an option make, the last ones first."""
        places = [place for place in self._places() if not start <= place[0] < stop]
        seen: set[Vector] = set()
        for slot, place, field, vector in reversed(places):
            if field not in ("channels", "features") or vector in seen:
                continue
            seen.add(vector)
            text = str(self._text(slot, field, place, vector))
            if not any(slot_name(at) in text for at in range(start, len(self.rule.slots))):
                yield text, vector

    def _default(self, new: New) -> Number | None:
        counts = Counter(_Hashed(value) for value in new.vector if value is not None)
        commonest = counts.most_common(1)[0][0].value
        if new.field == FLAG or new.field == KIND or None in new.vector:
            return commonest
        if new.field in _WITH_DEFAULT:
            return 1 if 1 in new.vector else commonest
        if new.field in WIDTHS or new.field in SPATIAL:
            return None
        return commonest if 2 * counts[_Hashed(commonest)] > len(new.vector) else None

    # --- names of arguments


class _Hashed(NamedTuple):
    """A number that is not equal to one of another type, as True is to 1."""

    value: Number
    type: str = ""

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


_ORDER = ("channels", "features", "heads", "kernel", "stride", "padding", "dilation")


def _rank(field: str) -> int:
    """Where arguments of a field stand in the list: flags are the last."""
    if field in _ORDER:
        return _ORDER.index(field)
    return len(_ORDER) + (field == FLAG)


def default_of(word: str, field: str) -> Any:
    """The default of a field of a kind or short form; None also where it has none."""
    return known_fields(KINDS[word])[field].default
