"""Layers that share what they store, while a graph is being folded.

`use: NAME` takes the weights of an earlier layer or block, and a path leads into blocks. So a copy
of a block may share in two ways: inside, where its own layers use each other, as in all copies; or
as a whole, where all that it stores is that of one earlier copy. Then its call is a `use`. A copy
that shares a part with something outside cannot be said, and is no copy.
"""

from __future__ import annotations

from itertools import chain

from mnet_cost.importing.blocks.grammar import Grammar, Rule, Slot
from mnet_cost.importing.blocks.windows import Place, Window
from mnet_cost.importing.resolution import stores

Path = tuple[tuple[int, int], ...]
"""(Rule, slot) from a list of entries to an entry inside of one of them."""


class Sharing:
    """Who shares with whom, in a grammar as it is now.

    Layers are meant by their numbers in the first graph, and copies are those in it.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.owner = {
            number: layer.shares
            for number, layer in enumerate(grammar.graphs[0].layers)
            if layer.shares is not None
        }
        self._partakes = set(self.owner) | set(self.owner.values())
        self._copies: dict[int, dict[int, list[tuple[int, ...]]]] = {}
        self._counts: dict[int, list[int]] = {}

    def partakes(self, number: int, start: int = 0, stop: int | None = None) -> bool:
        """Whether layers of some slots of a rule share something."""
        if not self.owner:
            return False
        counts = self._counts.get(number)
        if counts is None:
            copies = self._own(number).values()
            counts = self._counts[number] = [0]
            for layers in zip(*copies, strict=True):
                shares = any(not self._partakes.isdisjoint(own) for own in layers)
                counts.append(counts[-1] + shares)
        return counts[-1 if stop is None else stop] > counts[start]

    def is_use(self, number: int, at: int) -> bool:
        """Whether a slot of a rule is a `use` of an earlier one."""
        layers = next(iter(self._own(number).values()))[at]
        return any(self.owner.get(layer, layer) < layers[0] for layer in layers)

    def path(self, number: int, at: int) -> Path:
        """The way from a rule to the entry whose weights its slot `at` uses."""
        frame, slots = next(iter(self._own(number).items()))
        first = next(layer for layer in slots[at] if layer in self.owner)
        return self._way(number, frame, self.owner[first], self.grammar.rules[number].slots[at])

    def fitting(self, window: Window) -> Window | None:
        """The copies of a window that can be one block; None where there are not two."""
        length = window.length
        if not any(
            self.partakes(place.rule, place.start, place.start + length) for place in window.places
        ):
            return window
        own: dict[tuple[int | None, ...], list[tuple[Place, tuple[int, ...]]]] = {}
        used: list[tuple[Place, tuple[int, ...]]] = []
        for place in window.places:
            copies = [
                tuple(chain.from_iterable(slots[place.start : place.start + length]))
                for slots in self._own(place.rule).values()
            ]
            forms = {self._form(layers) for layers in copies}
            form = forms.pop() if len(forms) == 1 else None
            if form is not None:
                own.setdefault(form, []).append((place, copies[0]))
            elif not forms and all(self._is_whole(layers) for layers in copies):
                used.append((place, copies[0]))
        if not own:
            return None
        chosen = max(own.values(), key=len)
        stored = {layer: layers for _, layers in chosen for layer in layers}
        places = [place for place, _ in chosen]
        for place, layers in used:
            first = next(layer for layer in layers if layer in self.owner)
            theirs = stored.get(self.owner[first])
            if theirs is not None and self._is_copy(layers, theirs):
                places.append(place)
        return window._replace(places=tuple(sorted(places))) if len(places) > 1 else None

    def _form(self, layers: tuple[int, ...]) -> tuple[int | None, ...] | None:
        """Which layers of a copy use which of its own; None where one uses something outside."""
        if self._partakes.isdisjoint(layers):
            return (None,) * len(layers)
        at = {layer: number for number, layer in enumerate(layers)}
        form = [at.get(self.owner[x], -1) if x in self.owner else None for x in layers]
        return None if -1 in form else tuple(form)

    def _is_whole(self, layers: tuple[int, ...]) -> bool:
        """Whether all that layers store is that of layers outside."""
        inside = set(layers)
        return all(
            self.owner[layer] not in inside if layer in self.owner else not self._stores(layer)
            for layer in layers
        )

    def _is_copy(self, layers: tuple[int, ...], theirs: tuple[int, ...]) -> bool:
        """Whether layers are those of an earlier copy once more, with the same numbers."""
        leaves = self.grammar.leaves
        return (
            len(layers) == len(theirs)
            and layers[0] > theirs[-1]
            and all(
                leaves[mine].key == leaves[other].key
                and leaves[mine].numbers == leaves[other].numbers
                and self.owner.get(mine, other) == other
                for mine, other in zip(layers, theirs, strict=True)
            )
        )

    def _stores(self, number: int) -> bool:
        graph = self.grammar.graphs[0]
        layer = graph.layers[number]
        return stores(layer, tuple([graph.type_of(wire) for wire in layer.inputs]))

    def _own(self, number: int) -> dict[int, list[tuple[int, ...]]]:
        """By copy, the layers of each slot: of copies that are written, not a `use` as a whole."""
        copies = self._copies.get(number)
        if copies is None:
            copies = self._copies[number] = {}
            rule = self.grammar.rules[number]
            for frame in range(len(rule.frames)):
                if self.grammar.first_layer(rule, frame) < self.grammar.count:
                    slots = self._slots(rule, frame)
                    if self._form(tuple(chain.from_iterable(slots))) is not None:
                        copies[frame] = slots
        return copies

    def _slots(self, rule: Rule, frame: int) -> list[tuple[int, ...]]:
        slots: list[tuple[int, ...]] = []
        for slot, child in zip(rule.slots, rule.frames[frame], strict=True):
            if child is None:
                slots.append(())
            elif slot.rule is None:
                slots.append((child,))
            else:
                called = self.grammar.rules[slot.rule]
                slots.append(tuple(self.grammar.layers_of(called, child)))
        return slots

    def _way(self, number: int, frame: int, wanted: int, user: Slot) -> Path:
        """The way to a layer, or to the call that has it of the rule that `user` calls."""
        rule = self.grammar.rules[number]
        at = next(n for n, layers in enumerate(self._slots(rule, frame)) if wanted in layers)
        called, child = rule.slots[at].rule, rule.frames[frame][at]
        if called is None or called == user.rule:
            return ((number, at),)
        assert child is not None
        return ((number, at), *self._way(called, child, wanted, user))
