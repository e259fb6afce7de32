"""What a block says of its numbers: literals, sizes of its input, its arguments.

For each place of a number in a block its values in all copies are known. If they are equal, the
value is written. If they are a multiple of a size of the input, or of another argument, that is
written. Else the place is an argument, as are all places with the same values. A part that some
copies lack has a condition: one that the sizes already say, else an argument that is a flag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.importing.blocks.grammar import Grammar, Rule, Source, word_of
from mnet_cost.importing.blocks.leaves import KIND, Number
from mnet_cost.importing.blocks.made_up import made_up
from mnet_cost.layers import KINDS
from mnet_cost.models.calls import known_fields
from mnet_cost.tensors import TensorType, axis_names

Vector = tuple[Number | None, ...]
"""A number in each copy of a block; None where a copy does not have the place."""

ByKnob = Callable[[tuple[Number, ...]], str | None]
"""An expression of the knob for the values in each of the graphs; None where there is none."""

WIDTHS = frozenset(
    ("channels", "features", "groups", "heads", "kv_heads", "sizes", "start", "stop")
)
_SPATIAL = frozenset(("height", "width", "size", "shape", "stop", "start", "sizes"))
_ALONG_IMAGE = frozenset(("height", "width", "length"))
_WITH_DEFAULT = frozenset(("stride", "dilation", "groups", "multiplier"))
_LAST = frozenset(("padding", "output_padding"))
"""Fields that may follow from a kernel, so they are looked at after it."""

FLAG = "flag"
MAX_FACTOR = 64
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


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


def input_names(rule: Rule) -> tuple[str, ...]:
    """What the inputs of a block are called in it."""
    if rule.inputs == 1:
        return ("input",)
    last = rule.slots[-1]
    if rule.inputs == 2 and word_of(last) in ("add", "concat"):
        return ("main", "beside") if Source(-2) in last.sources else ("beside", "main")
    return tuple(_ORDINALS[: rule.inputs])


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


class _New(NamedTuple):
    """An argument that has no name yet; `{n}` stands for it in texts."""

    field: str
    vector: Vector
    slot: int
    place: str
    """Where it first stands: of a call, the argument of the called block."""


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
        self.new: list[_New] = []
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
        names = self._names()
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
        if all(_is_equal(value, values[0]) for value in values):
            return values[0]
        by_sample = self._by_sample(vector)
        if by_sample is not None and self.by_knob is not None:
            text = self.by_knob(by_sample)
            if text is not None:
                return text
        text = self._of_tensors(slot, field, place, vector)
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
            if name not in self.guessed and _follows(field, name):
                text = _multiple(vector, sizes, name, place == field)
                if text is not None:
                    return text
        for number, new in enumerate(self.new):
            written = _of_argument(field, vector, new, number)
            if written is not None:
                text, filled = written
                self.new[number] = new._replace(vector=filled)
                return text
        for at, sizes_of in self.later_sizes:
            for name, sizes in sizes_of.items():
                if at < slot and _follows(field, name):
                    text = _multiple(vector, sizes, name, place == field)
                    if text is not None:
                        return text
        for name in [
            name for name in sizes_here if name in self.guessed
        ]:  # rather than an argument more
            if _follows(field, name):
                text = _multiple(vector, sizes_here[name], name, place == field)
                if text is not None:
                    return text
        self.new.append(_New(field, vector, slot, place))
        return f"{{{len(self.new) - 1}}}"

    def _of_tensors(self, slot: int, field: str, place: str, vector: Vector) -> str | None:
        """A number that differs between graphs as a size of a tensor before the slot.

        In a block its input comes first, then the nearest tensor. None for other numbers.
        """
        if not self._differs_between_graphs(vector):
            return None
        is_alone = place == field
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
        for combined in (_equal_size, _multiple_of_size, _product, made_up):
            for sizes in candidates:
                text = combined(field, vector, sizes, is_alone)
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
            if value is not None and not _is_equal(found.setdefault(sample, value), value):
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
                vector = tuple([_size(type_, axis) for type_ in types])
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
        self.new.append(_New(FLAG, tuple(present), start, FLAG))
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
                same = _compared(sizes, own)
                differs = [None if value is None else not value for value in same]
                for stride, steps in strides:
                    one = [None if step is None else step == 1 for step in steps]
                    both = _joined(one, same, all)
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

    def _default(self, new: _New) -> Number | None:
        counts = Counter(_Hashed(value) for value in new.vector if value is not None)
        commonest = counts.most_common(1)[0][0].value
        if new.field == FLAG or new.field == KIND or None in new.vector:
            return commonest
        if new.field in _WITH_DEFAULT:
            return 1 if 1 in new.vector else commonest
        if new.field in WIDTHS or new.field in _SPATIAL:
            return None
        return commonest if 2 * counts[_Hashed(commonest)] > len(new.vector) else None

    # --- names of arguments

    def _names(self) -> list[str]:
        """Names of the new arguments: by their fields, or by what they are good for."""
        by_field: dict[str, list[int]] = {}
        for number, new in enumerate(self.new):
            by_field.setdefault(new.field, []).append(number)
        names = [""] * len(self.new)
        taken = set(input_names(self.rule)) | set(KINDS)
        for field, numbers in by_field.items():
            for number, name in zip(numbers, self._field_names(field, numbers), strict=True):
                while name in taken:
                    name = (
                        f"{name}_{_ORDINALS[min(number, 7)]}" if name in KINDS else f"other_{name}"
                    )
                taken.add(name)
                names[number] = name
        return names

    def _field_names(self, field: str, numbers: list[int]) -> list[str]:
        if field == FLAG:
            return [self._flag_name(self.new[number]) for number in numbers]
        if field == KIND:
            return _numbered("activation", len(numbers))
        if field in ("channels", "features"):
            if len(numbers) == 1:
                return [field]
            roles = [self._role(self.new[number].slot) for number in numbers]
            roles[max(range(len(numbers)), key=lambda at: self.new[numbers[at]].slot)] = field
            if len(set(roles)) == len(roles):
                return roles
            return [f"{field[0]}{count + 1}" for count in range(len(numbers))]
        return _numbered(field, len(numbers))

    def _role(self, slot: int) -> str:
        """What a width inside a block is: before a depthwise convolution, or before a gate."""
        after = [word_of(other) for other in self.rule.slots[slot + 1 : slot + 6]]
        before = [word_of(other) for other in self.rule.slots[max(slot - 2, 0) : slot]]
        if any(word.startswith("depthwise") for word in after[:3]):
            return "expanded"
        pools = any("pool" in word or word == "reduce" for word in before)
        if pools and any("sigmoid" in word for word in after[:4]):
            return "squeezed"
        return "hidden"

    def _flag_name(self, new: _New) -> str:
        if new.place != FLAG:  # the flag of a block that is called here
            return new.place
        option = next(option for option in self.rule.options if option.start == new.slot)
        slots = self.rule.slots[option.start : option.stop]
        words = [word_of(slot) for slot in slots]
        if "multiply" in words and any("sigmoid" in word for word in words):
            return "se"  # squeeze and excite
        if words == ["add"]:
            return "residual"
        after = [word_of(slot) for slot in self.rule.slots[option.stop :]]
        if any("conv" in word for word in words):
            if option.start == 0 and any(word.startswith("depthwise") for word in after):
                return "expand"
            if option.start and slots[0].sources == (Source(-1),) and "add" in after:
                return "project"
        if words == ["activation"]:
            return "activated"
        named = next((word for word in words if word), "")
        return f"with_{named.removesuffix('2d')}" if named else "extended"


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


def _numbered(name: str, count: int) -> list[str]:
    if count == 1:
        return [name]
    return [
        f"{_ORDINALS[at]}_{name}" if at < len(_ORDINALS) else f"{name}_of_{at + 1}"
        for at in range(count)
    ]


def _is_equal(a: object, b: object) -> bool:
    return a == b and isinstance(a, (str, bool)) == isinstance(b, (str, bool))


def _size(type_: TensorType | None, axis: str) -> int | None:
    if type_ is None:
        return None
    names = axis_names(len(type_.shape), type_.layout)
    if axis not in names or len(type_.shape) < len(names):
        return None
    return type_.shape[names.index(axis) - len(names)]


def _follows(field: str, size: str) -> bool:
    """Whether a field may be written as a multiple of a size of an input."""
    axis = size.rpartition(".")[2]
    if axis in ("channels", "features"):
        return field in WIDTHS or field in ("shape", "start", "stop")
    return field in _SPATIAL


def _multiple(vector: Vector, base: Vector, name: str, is_alone: bool) -> str | None:
    """`3 * name`, `name // 2` or `name`, where that is the number in all copies."""
    pairs = [(v, b) for v, b in zip(vector, base, strict=True) if v is not None]
    if not all(isinstance(v, int) and isinstance(b, int) and v > 0 and b > 0 for v, b in pairs):
        return None
    numbers = [(int(v), int(b)) for v, b in pairs if b is not None]
    v, b = numbers[0]
    if v % b == 0 and v // b <= MAX_FACTOR and all(x == y * (v // b) for x, y in numbers):
        return name if v == b else f"{v // b} * {name}"
    if b % v == 0 and b // v <= MAX_FACTOR and all(y == x * (b // v) for x, y in numbers):
        return f"{name} // {b // v}"
    return None


def _equal_size(
    field: str, vector: Vector, sizes: Mapping[str, Vector], is_alone: bool
) -> str | None:
    """A size of a tensor that is the number in all copies."""
    for name, own in sizes.items():
        if _follows(field, name) and name.rpartition(".")[2] in _ALONG_IMAGE and own == vector:
            return name
    return None


def _multiple_of_size(
    field: str, vector: Vector, sizes: Mapping[str, Vector], is_alone: bool
) -> str | None:
    """A multiple or a part of a size of a tensor that is the number in all copies."""
    for name, own in sizes.items():
        if _follows(field, name) and name.rpartition(".")[2] in _ALONG_IMAGE:
            text = _multiple(vector, own, name, is_alone)
            if text is not None:
                return text
    return None


def _product(field: str, vector: Vector, sizes: Mapping[str, Vector], is_alone: bool) -> str | None:
    """The positions of an image, or a multiple or part of them, that are the number."""
    heights = [name for name in sizes if name.endswith(".height")]
    if field not in _SPATIAL or not heights:
        return None
    height = heights[0]
    width = height.removesuffix("height") + "width"
    if width not in sizes:
        return None
    positions = tuple(
        [
            a * b if isinstance(a, int) and isinstance(b, int) else None
            for a, b in zip(sizes[height], sizes[width], strict=True)
        ]
    )
    text = _multiple(vector, positions, f"{height} * {width}", is_alone)
    if text is None or "//" not in text:
        return text
    return f"({height} * {width}) // {text.rpartition('// ')[2]}"


def _of_argument(field: str, vector: Vector, new: _New, number: int) -> tuple[str, Vector] | None:
    """(The number as an expression of an argument that there is, that argument's values).

    Where the argument was not needed so far, it takes the value that this number needs.
    """
    name = f"{{{number}}}"
    overlap = [
        (v, b) for v, b in zip(vector, new.vector, strict=True) if v is not None and b is not None
    ]
    if 2 * len(overlap) <= sum(v is not None for v in vector):
        return None
    if field == new.field and all(_is_equal(v, b) for v, b in overlap):
        filled = tuple([b if v is None else v for v, b in zip(vector, new.vector, strict=True)])
        return name, filled
    if field in WIDTHS and new.field in ("channels", "features"):
        return _multiple_of_argument(vector, new.vector, name)
    if field == "padding" and new.field == "dilation":
        return _multiple_of_argument(vector, new.vector, name)
    is_half = all(isinstance(b, int) and v == b // 2 for v, b in overlap)
    if (field, new.field) == ("padding", "kernel") and len(overlap) == len(vector) and is_half:
        return f"{name} // 2", new.vector
    return None


def _multiple_of_argument(vector: Vector, base: Vector, name: str) -> tuple[str, Vector] | None:
    known = [(v, b) for v, b in zip(vector, base, strict=True) if b is not None]
    text = _multiple(tuple([v for v, _ in known]), tuple([b for _, b in known]), name, True)
    if text is None:
        return None
    v, b = next((v, b) for v, b in known if v is not None)
    assert isinstance(v, int)
    assert isinstance(b, int)
    filled: list[Number | None] = []
    for value, own in zip(vector, base, strict=True):
        if own is None and isinstance(value, int):
            own = value * b // v
            if own * v != value * b or (b > v and own // (b // v) != value):
                return None
        filled.append(own)
    return text, tuple(filled)


def _compared(a: Vector, b: Vector) -> list[bool | None]:
    return [None if x is None or y is None else x == y for x, y in zip(a, b, strict=True)]


def _joined(
    a: Sequence[bool | None],
    b: Sequence[bool | None],
    how: Callable[[tuple[bool, bool]], bool],
) -> list[bool | None]:
    return [None if x is None or y is None else how((x, y)) for x, y in zip(a, b, strict=True)]


def default_of(word: str, field: str) -> Any:
    """The default of a field of a kind or short form; None also where it has none."""
    return known_fields(KINDS[word])[field].default
