"""How many lines a block saves, and how well it reads: which window becomes the next one.

Counted are lines of the written spec, where equal neighbours are one line with `repeat`. What
reads better counts as a share of that: the borders of a module, few arguments, a beginning that a
person would choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mnet_cost.importing.blocks.grammar import Grammar, Rule, Slot, Source, parts_a_unit, word_of
from mnet_cost.importing.blocks.modules import Modules
from mnet_cost.importing.blocks.sharing import Sharing
from mnet_cost.importing.blocks.windows import Effort, Place, Window, windows

HEADER = 3
"""Lines of a block beside its entries: the name, `arguments`, `layers`."""

_CLOSELY = 12
"""So many of the windows that save most are looked at closely."""

_ENDING = ("channel_shuffle", "reshape", "transpose", "activation", "dropout", "concat")
"""Kinds that end a block rather than begin one."""

_PAIR = 12
"""Lines that a block of two layers has to save beside its own: most people write the two."""

_LARGE = 6
"""Layers of a block that stands for itself."""

_MOST_COPIES = 24
"""Copies of a window whose numbers are compared."""

_WEIGHTED = ("conv", "depthwise", "linear", "attention", "norm")


class Scores:
    """The windows of a grammar, compared."""

    def __init__(self, grammar: Grammar, modules: Modules, only_calls: bool = False) -> None:
        """With `only_calls`, windows are calls of modules: the author's own borders."""
        self.grammar = grammar
        self.modules = modules
        self.only_calls = only_calls
        self._raws: dict[int, list[int]] = {}
        self._lines: dict[int, list[int]] = {}
        self._sizes: dict[int, int] = {}

    def best(self, effort: Effort) -> Window | None:
        """The window that makes the best block; None where none saves a line."""
        self._raws = {
            number: [self.grammar.raw(rule, place) for place in range(len(rule.slots))]
            for number, rule in self.grammar.rules.items()
        }
        self._lines = {number: self._line_counts(number) for number in self.grammar.rules}
        self._sizes = {}
        rough: list[tuple[float, int, Window]] = []
        sharing = Sharing(self.grammar)
        for number, found in enumerate(windows(self.grammar, effort)):
            # Without equal neighbours it would be less: a bound that costs nothing.
            if len(found.places) * found.length > found.length + HEADER and self.saved(found) > 0:
                window = self._chosen(found)
                window = None if window is None else sharing.fitting(window)
                saved = 0 if window is None else self.saved(window)
                if window is not None and saved > 0:
                    rough.append((-saved, number, window))
        rough.sort(key=lambda entry: entry[:2])
        scored = []
        for saved, number, window in rough[:_CLOSELY]:
            alike, is_stem = self._alike(window)
            if alike is not None and self.saved(alike) > 0:
                scored.append((self.score(alike, self.saved(alike)), -2 * number - 1, alike))
                if is_stem:
                    continue
            scored.append((self.score(window, -saved), -2 * number, window))
        if not scored:
            return None
        score, _, window = max(scored, key=lambda entry: entry[:2])
        return window if score > 0 else None

    def saved(self, window: Window) -> float:
        """Lines that are saved by writing a window as a block."""
        first = window.places[0]
        lines = self._lines[first.rule]
        body = 1 + lines[first.start + window.length] - lines[first.start + 1]
        now = 0
        for place in window.places:
            lines = self._lines[place.rule]
            now += lines[place.start + window.length] - lines[place.start]
        calls = len(window.places)
        for before, place in pairwise(window.places):
            calls -= self._repeats(before, place, window.length)
        inputs = (window.inputs - 1) * (1 + 0.8 * calls) if window.inputs > 1 else 0
        return now - calls - 1.4 * body - HEADER - inputs

    def score(self, window: Window, saved: float) -> float:
        """Lines saved, less what makes the block hard to read."""
        spans = [self._span(place, window.length) for place in window.places[:_MOST_COPIES]]
        share = 1.0
        are_calls = all(self.modules.is_call(*span) for span in spans)
        if are_calls:
            share += 0.15
        elif sum(self.modules.cuts(*span) for span in spans) * 2 > len(spans):
            share -= 0.1
        slots = self.grammar.rules[window.places[0].rule].slots
        if any(part in word_of(slots[window.places[0].start]) for part in _WEIGHTED):
            share += 0.02
        elif word_of(slots[window.places[0].start]) in _ENDING:
            share -= 0.03
        if not are_calls:
            parted = sum(self._parts_a_unit(place, window.length) for place in window.places)
            share -= 0.7 * parted / len(window.places)
        place = window.places[0]
        begins = slots[place.start].sources
        if len(begins) > 1 and all(source.slot < place.start for source in begins):
            share -= 0.2  # the end of something that began before
        arguments = self._arguments(window)
        calls = len(window.places)
        is_pair = window.length == 2 and all(
            slot.rule is None for slot in slots[place.start : place.start + 2]
        )
        if is_pair and not self.only_calls:
            saved -= _PAIR
        return saved * share - arguments * (1 + 0.15 * calls) - max(0, arguments - 5) * calls * 0.3

    def _chosen(self, window: Window) -> Window | None:
        """A window where it has borders that a block may have; of calls, the places that are.

        A module may begin with a norm or an activation, but is more than these two.
        """
        if not self.only_calls:
            return None if self._mixes(window) else window
        calls = [
            place
            for place in window.places
            if (window.length > 2 or not self._parts_a_unit(place, window.length))
            and self.modules.exact(*self._span(place, window.length)) is not None
        ]
        return window._replace(places=tuple(calls)) if len(calls) > 1 else None

    def _parts_a_unit(self, place: Place, length: int) -> bool:
        """Whether a window begins or ends between a weighted layer and its norm or activation."""
        slots = self.grammar.rules[place.rule].slots
        return parts_a_unit(slots, place.start) or parts_a_unit(slots, place.start + length)

    def _mixes(self, window: Window) -> bool:
        """Whether a window is a whole block and layers before or after it that could stay out."""
        place = window.places[0]
        slots = self.grammar.rules[place.rule].slots[place.start : place.start + window.length]
        if all(slot.rule is not None for slot in slots):
            return False
        first, last = slots[0], slots[-1]
        is_chain = all(source.slot >= place.start for slot in slots[1:] for source in slot.sources)
        return (is_chain and self._is_large(first)) or (
            len(last.sources) == 1 and self._is_large(last)
        )

    def _is_large(self, slot: Slot) -> bool:
        if slot.rule is None:
            return False
        if slot.rule not in self._sizes:
            rule = self.grammar.rules[slot.rule]
            self._sizes[slot.rule] = len(self.grammar.layers_of(rule, 0))
        return self._sizes[slot.rule] >= _LARGE

    def _alike(self, window: Window) -> tuple[Window | None, bool]:
        """(A window without the few copies that have another kernel than nearly all, or None where
        there are no such copies; whether they are no copies: they begin with that kernel, as a stem
        does, and it is not the only one)."""
        if len(window.places) < 4:
            return None, False
        odd: list[set[Place]] = []
        for offset in range(window.length):
            values: dict[object, list[Place]] = {}
            for place in window.places:
                rule = self.grammar.rules[place.rule]
                child = rule.frames[0][place.start + offset]
                if rule.slots[place.start + offset].rule is None and child is not None:
                    numbers = self.grammar.leaves[child].numbers
                    if "kernel" in numbers:
                        values.setdefault(numbers["kernel"], []).append(place)
            few = [places for places in values.values() if 4 * len(places) < len(window.places)]
            if values:
                odd.append({place for places in few for place in places})
        is_stem = len(odd) > 1 and bool(odd[0])
        gone = odd[0] if is_stem else set[Place]().union(*odd)
        left = tuple([place for place in window.places if place not in gone])
        return (window._replace(places=left) if gone and len(left) > 1 else None), is_stem

    def _span(self, place: Place, length: int) -> tuple[int, int]:
        rule = self.grammar.rules[place.rule]
        first = self.grammar.layers_of(_part(rule, place.start), 0)[0]
        last = self.grammar.layers_of(_part(rule, place.start + length - 1), 0)[-1]
        return first % self.grammar.count, last % self.grammar.count + 1

    def _line_counts(self, number: int) -> list[int]:
        """Lines before each slot of a rule, where copies of the entry before are no line."""
        slots, raws = self.grammar.rules[number].slots, self._raws[number]
        counts = [0]
        for at, slot in enumerate(slots):
            is_copy = (
                at > 0
                and raws[at] == raws[at - 1]
                and slot.key == slots[at - 1].key
                and slot.sources == (Source(at - 1),)
                and len(slots[at - 1].sources) == 1
            )
            counts.append(counts[-1] + (not is_copy))
        return counts

    def _repeats(self, before: Place, place: Place, length: int) -> bool:
        """Whether a copy is written as one more of the copy before it."""
        if before.rule != place.rule or before.start + length != place.start:
            return False
        raws = self._raws[place.rule]
        if raws[before.start : place.start] != raws[place.start : place.start + length]:
            return False
        return all(
            source.slot >= place.start - 1
            for slot in self.grammar.rules[place.rule].slots[place.start : place.start + length]
            for source in slot.sources
        )

    def _arguments(self, window: Window) -> int:
        """About how many arguments the block would have."""
        columns: list[list[int]] = []
        for place in _spread(window.places):
            rule = self.grammar.rules[place.rule]
            for number in range(min(len(rule.frames), 4)):
                layers: list[int] = []
                for at in range(place.start, place.start + window.length):
                    layers += self.grammar.layers_of(_part(rule, at, number), 0)
                columns.append(layers)
        if len({len(layers) for layers in columns}) != 1:
            return 3  # blocks with optional parts: not compared here
        graphs, count = self.grammar.graphs, self.grammar.count
        inputs = []
        for layers in columns:
            graph = graphs[layers[0] // count]
            read = graph.layers[layers[0] % count].inputs
            shape = graph.type_of(read[0]).shape if read else (1,)
            inputs.append(shape[-3] if len(shape) > 2 else shape[-1])
        free: list[tuple[object, ...]] = []
        for position in range(len(columns[0])):
            leaves = [self.grammar.leaves[layers[position]] for layers in columns]
            for name in leaves[0].numbers:
                vector = tuple([leaf.numbers.get(name) for leaf in leaves])
                if len(set(vector)) > 1 and not any(
                    _proportional(vector, base) for base in (inputs, *free)
                ):
                    free.append(vector)
        return len(free)


def _part(rule: Rule, at: int, frame: int = 0) -> Rule:
    """One slot of a rule, in one copy, as a rule of its own."""
    part = Rule([rule.slots[at]], 0)
    part.frames.append([rule.frames[frame][at]])
    return part


def _proportional(vector: Sequence[object], base: Sequence[object]) -> bool:
    numbers = [(a, b) for a, b in zip(vector, base, strict=True)]
    a0, b0 = numbers[0]
    return all(
        isinstance(a, (int, float))
        and isinstance(b, (int, float))
        and isinstance(a0, (int, float))
        and isinstance(b0, (int, float))
        and a * b0 == a0 * b
        for a, b in numbers
    ) or list(vector) == list(base)


def _spread(places: Sequence[Place]) -> Sequence[Place]:
    step = -(-len(places) // _MOST_COPIES)
    return places[::step]
