"""Lists of entries with calls of one another: a graph of layers while it is being folded.

Rule 0 is the network, each other rule a block. A rule has slots, one for each entry, and frames:
its copies, each with a child for each slot, a layer or a frame of the called rule. So every number
that stands somewhere in a block is known for all of its copies. Several graphs of one structure
are folded together: then rule 0 has a frame for each. The order of the layers never changes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from copy import copy
from typing import NamedTuple

from mnet_cost.importing.blocks.leaves import Leaf, Leaves
from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph, Wire
from mnet_cost.tensors import TensorType


class Source(NamedTuple):
    """A tensor that a slot reads: an output of an earlier slot, or an input of the rule."""

    slot: int
    """Below 0 for an input: -1 for the first, -2 for the second."""
    number: int = 0


class Slot(NamedTuple):
    """An entry of a rule: a layer, or a call."""

    key: Hashable
    """Of a leaf; for a call, None."""
    rule: int | None
    sources: tuple[Source, ...]
    outputs: int = 1


class Option(NamedTuple):
    """Slots from `start` to `stop` that some frames do not have."""

    start: int
    stop: int
    instead: Source
    """What is read in place of the last of them where they are not there."""


class Rule:
    """A block, or the network."""

    def __init__(self, slots: list[Slot], inputs: int) -> None:
        self.slots = slots
        self.inputs = inputs
        self.options: list[Option] = []
        self.frames: list[list[int | None]] = []
        """Children of each copy by slot: a layer, or a frame of the called rule. None where the
        slot is not there."""


class Grammar:
    """The rules of one or more graphs that have the same layers, but for numbers."""

    def __init__(self, graphs: Sequence[LayerGraph]) -> None:
        first = graphs[0]
        self.graphs = tuple(graphs)
        self.count = len(first.layers)
        self.leaves: list[Leaf] = []
        for graph in graphs:
            maker = Leaves(graph, len(graphs) > 1)
            self.leaves += [maker.leaf(layer) for layer in graph.layers]
        pinned = _pinned(first)
        slots = [
            Slot(
                (leaf.key, number if number in pinned else None),
                None,
                tuple([_source(wire) for wire in layer.inputs]),
                len(layer.types),
            )
            for number, (layer, leaf) in enumerate(
                zip(first.layers, self.leaves[: self.count], strict=True)
            )
        ]
        top = Rule(slots, len(first.inputs))
        for sample in range(len(graphs)):
            top.frames.append(list(range(sample * self.count, (sample + 1) * self.count)))
        self.rules: dict[int, Rule] = {0: top}
        self.outputs = tuple([_source(wire) for wire in first.outputs])
        self._last = 0
        self._raw: dict[Hashable, int] = {}
        self._raw_of_frame: dict[tuple[int, int], int] = {}

    def copy(self) -> Grammar:
        """The same rules, to be changed apart from these."""
        other = copy(self)
        other.rules = {}
        for number, rule in self.rules.items():
            own = other.rules[number] = Rule(list(rule.slots), rule.inputs)
            own.options = list(rule.options)
            own.frames = [list(frame) for frame in rule.frames]
        other.forget_numbers()
        return other

    def layer(self, child: int) -> ImportedLayer:
        """The layer of a leaf's child."""
        sample, number = divmod(child, self.count)
        return self.graphs[sample].layers[number]

    def add(self, rule: Rule) -> int:
        """Add a rule; its number."""
        self._last += 1
        self.rules[self._last] = rule
        return self._last

    def callers(self, number: int) -> list[tuple[int, int]]:
        """(rule, slot) of each entry that calls a rule."""
        return [
            (caller, place)
            for caller, rule in self.rules.items()
            for place, slot in enumerate(rule.slots)
            if slot.rule == number
        ]

    def order(self) -> list[int]:
        """The rules, each after those that it calls; the network is the last."""
        done: dict[int, None] = {}

        def visit(number: int) -> None:
            if number not in done:
                for slot in self.rules[number].slots:
                    if slot.rule is not None:
                        visit(slot.rule)
                done[number] = None

        visit(0)
        return list(done)

    def first_layer(self, rule: Rule, frame: int) -> int:
        """The first layer of a copy, counted through all graphs."""
        for slot, child in zip(rule.slots, rule.frames[frame], strict=True):
            if child is not None:
                if slot.rule is None:
                    return child
                return self.first_layer(self.rules[slot.rule], child)
        raise AssertionError("a copy has a layer")

    def layers_of(self, rule: Rule, frame: int) -> list[int]:
        """All layers of a copy, in their order."""
        layers: list[int] = []
        for slot, child in zip(rule.slots, rule.frames[frame], strict=True):
            if child is None:
                continue
            if slot.rule is None:
                layers.append(child)
            else:
                layers += self.layers_of(self.rules[slot.rule], child)
        return layers

    def effective(self, rule: Rule, frame: int, source: Source) -> Source:
        """What a source is in a copy: another one where slots are left out."""
        children = rule.frames[frame]
        while source.slot >= 0 and children[source.slot] is None:
            source = next(
                option.instead
                for option in rule.options
                if option.start <= source.slot < option.stop
            )
        return source

    def input_type(self, number: int, frame: int, position: int) -> TensorType | None:
        """The type of an input of a copy; None where nothing in it reads that input."""
        rule = self.rules[number]
        if number == 0:
            return self.graphs[frame].inputs[position].type
        wanted = Source(-1 - position)
        for place, child in enumerate(rule.frames[frame]):
            if child is None:
                continue
            slot = rule.slots[place]
            for at, source in enumerate(slot.sources):
                if self.effective(rule, frame, source) == wanted:
                    if slot.rule is not None:
                        inner = self.input_type(slot.rule, child, at)
                        if inner is None:
                            continue
                        return inner
                    layer = self.layer(child)
                    graph = self.graphs[child // self.count]
                    return graph.type_of(layer.inputs[at])
        return None

    def source_type(self, number: int, frame: int, source: Source) -> TensorType | None:
        """The type of a tensor of a copy; None where it is an input that nothing in it reads."""
        rule = self.rules[number]
        source = self.effective(rule, frame, source)
        if source.slot < 0:
            return self.input_type(number, frame, -1 - source.slot)
        called, child = rule.slots[source.slot].rule, rule.frames[frame][source.slot]
        assert child is not None
        if called is not None:
            return self.output_type(called, child)
        return self.layer(child).types[source.number]

    def output_type(self, number: int, frame: int) -> TensorType:
        """The type of what a copy gives."""
        rule = self.rules[number]
        for slot, child in zip(reversed(rule.slots), reversed(rule.frames[frame]), strict=True):
            if child is not None:
                if slot.rule is not None:
                    return self.output_type(slot.rule, child)
                return self.layer(child).types[0]
        raise AssertionError("a copy has a layer")

    def raw(self, rule: Rule, place: int) -> int:
        """Equal for slots that have the same numbers in all copies of the rule."""
        slot = rule.slots[place]
        parts: list[Hashable] = [slot.rule]
        for children in rule.frames:
            child = children[place]
            parts.append(None if child is None else self._raw_child(slot.rule, child))
        return self._interned(tuple(parts))

    def _raw_child(self, number: int | None, child: int) -> int:
        if number is None:
            layer = self.layer(child)
            if layer.shares is not None:
                return self._interned((child, layer.shares))  # a `use` is never repeated
            return self._interned(id(self.leaves[child]))
        known = self._raw_of_frame.get((number, child))
        if known is None:
            rule = self.rules[number]
            parts = tuple(
                [
                    None if inner is None else self._raw_child(slot.rule, inner)
                    for slot, inner in zip(rule.slots, rule.frames[child], strict=True)
                ]
            )
            known = self._raw_of_frame[number, child] = self._interned((number, parts))
        return known

    def _interned(self, value: Hashable) -> int:
        return self._raw.setdefault(value, len(self._raw))

    def forget_numbers(self) -> None:
        """Forget what `raw` knows of copies, whose rules have changed."""
        self._raw_of_frame = {}


def _source(wire: Wire) -> Source:
    return Source(-1 - wire.number) if wire.layer is None else Source(wire.layer, wire.number)


def _pinned(graph: LayerGraph) -> set[int]:
    """Layers with one matrix: `weights_of` takes no path into blocks, so both stay outside."""
    pinned: set[int] = set()
    for number, layer in enumerate(graph.layers):
        if layer.tied_to is not None:
            pinned |= {number, layer.tied_to}
    return pinned


def word_of(slot: Slot) -> str:
    """The kind of a slot, as far as copies have it in common; empty for a call."""
    key = slot.key
    return str(key[0][0]) if isinstance(key, tuple) else ""


_NORMS = ("batch_norm", "group_norm", "instance_norm")


def parts_a_unit(slots: Sequence[Slot], at: int) -> bool:
    """Whether a slot is the norm or activation of the weighted layer before it."""
    if not 0 < at < len(slots) or slots[at].sources != (Source(at - 1),):
        return False
    word, before = word_of(slots[at]), word_of(slots[at - 1])
    is_weighted = "conv" in before or before == "linear"
    if word == "activation":
        return is_weighted or "norm" in before or before == "add"
    return word in _NORMS and is_weighted
