"""Why layers of two networks differ: which entries of the specs were changed, and what follows.

A layer is changed by its own entry, by a call around it, by `let` or by a knob; or it is as it was
and its inputs are not. Then the cause is whatever changed the axes of these inputs (`origins.py`).
A layer of one network alone is there by an entry that was added or removed, or by what decides
whether an entry that both specs have makes a layer. Not here: what the differences cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mnet_cost.differences.correspondence import Correspondence, EndPair, with_names
from mnet_cost.differences.definitions import Definitions
from mnet_cost.differences.lets import layers_of_lets
from mnet_cost.differences.origins import (
    UNCHANGED,
    Applied,
    Origin,
    flat_origin,
    origin_of_output,
    reasons_at,
    sizes_of,
)
from mnet_cost.differences.reasons import (
    DECIDING,
    NOTHING,
    REST,
    Reason,
    Reasons,
    bounded,
    changed_entry,
    differing_keys,
    entry_pairs,
    head_of,
    new_entry,
    place_of,
    values_text,
    words_of,
)
from mnet_cost.differences.snapshots import LayerSnapshot, Snapshot, value_text
from mnet_cost.layers import Layer
from mnet_cost.models.naming import WORD
from mnet_cost.models.types import MODIFIERS, ModelSpec
from mnet_cost.tensors import TensorType

_FEW = 3
"""Reasons that are told together where nothing tells which of them it is."""


class Effect(NamedTuple):
    """A layer of the first network, of the other or of both, and why it is not the same in both."""

    first: int | None
    other: int | None
    own: Reasons
    """Reasons that are changes of the layer itself."""
    reasons: Reasons
    """All of them: with those that come with its inputs."""


def find_effects(
    first: Snapshot, other: Snapshot, match: Correspondence, knobs: Mapping[str, Reason]
) -> tuple[Effect, ...]:
    """Each layer of both networks with its reasons: in the order of `other`, removed ones last.

    `knobs` are those that have different values in both.
    """
    return _Search(first, other, match, knobs).effects()


class _Side:
    """One of both networks, with its layers by the names of the tensors that they make."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.layers = snapshot.layers
        self.place = {layer.name: index for index, layer in enumerate(snapshot.layers)}
        analysis = snapshot.analysis
        self.spec: ModelSpec | None = None if analysis is None else analysis.network.spec
        self.paired: dict[int, int] = {}
        """The layer of the other network by the layer of this one."""

    def producer(self, tensor: str) -> int | None:
        """The layer that makes a tensor; None for an input of the network."""
        index = self.place.get(tensor)
        return self.place.get(tensor.rpartition(".")[0]) if index is None else index

    def layer(self, index: int) -> Layer | None:
        analysis = self.snapshot.analysis
        return None if analysis is None else analysis.network.steps[index].layer

    def types(self, index: int) -> tuple[TensorType, ...]:
        """Types of the inputs of a layer, of a network that was analyzed here."""
        assert self.snapshot.analysis is not None
        network = self.snapshot.analysis.network
        return tuple([network.tensors[i].type for i in network.steps[index].inputs])

    def output(self, index: int) -> TensorType:
        """The type of the output of a layer, of a network that was analyzed here."""
        assert self.snapshot.analysis is not None
        network = self.snapshot.analysis.network
        return network.tensors[network.steps[index].output].type


_Calls = tuple[tuple[_Side, str], tuple[_Side, str]]
"""A call of the first network and the one of the other that it is, by their paths."""


def _inputs_of(call: tuple[_Side, str]) -> list[str]:
    """Names of the tensors that a call takes."""
    side, path = call
    assert side.snapshot.analysis is not None
    network = side.snapshot.analysis.network
    return [network.tensors[index].name for index in network.calls[path].inputs]


class _Search:
    """Goes through the layers of the other network in order, from reasons to what follows."""

    def __init__(
        self,
        first: Snapshot,
        other: Snapshot,
        match: Correspondence,
        knobs: Mapping[str, Reason],
    ) -> None:
        self.first, self.other = _Side(first), _Side(other)
        self.has_specs = first.analysis is not None and other.analysis is not None
        self.match = match
        for mine, theirs in match.pairs:
            self.first.paired[mine], self.other.paired[theirs] = theirs, mine
        lets: dict[str, frozenset[str]] = {}
        if first.analysis is not None and other.analysis is not None:
            lets = layers_of_lets(first.analysis.network.spec, other.analysis.network)
        self.definitions = Definitions(self.first.spec, self.other.spec, knobs, match.renamed, lets)
        self.by_input: list[tuple[bool, int]] = []
        """Layers of one network alone, (whether of the other, index), by a `when` or `repeat` that
        speaks of an input."""
        self.added = self._lonely(self.other)
        self.removed = self._lonely(self.first)
        self._every: Reasons | None = None
        self.first_calls: dict[str, _Calls] = {}
        """Calls of both networks by the path in the first."""
        self.other_calls: dict[str, _Calls] = {}
        """The same by the path in the other."""
        for path_there, path in match.calls.items():
            calls = (self.first, path), (self.other, path_there)
            self.first_calls[path] = self.other_calls[path_there] = calls
        self.origins: dict[str, Origin] = {}
        """By tensor of the other network."""
        self.lost: dict[str, tuple[Reasons, ...]] = {}
        """What removed layers did to the axes of a tensor of the first network."""

    def effects(self) -> tuple[Effect, ...]:
        effects = self._pass()
        if self.by_input:
            # What changed the inputs is known now, and with it why these layers are there.
            for is_added, index in self.by_input:
                reasons = self._around(index, self.other if is_added else self.first)
                reasons = reasons or self.definitions.all or frozenset((REST,))
                (self.added if is_added else self.removed)[index] = reasons
            effects = self._pass()
        return effects

    def _pass(self) -> tuple[Effect, ...]:
        self._every = None
        self.origins.clear()
        self.lost.clear()
        self._inputs()
        for index in range(len(self.first.layers)):
            if index not in self.first.paired:
                self._pass_removed(index)
        effects = [
            self._pair(self.other.paired[index], index)
            if index in self.other.paired
            else self._new(index)
            for index in range(len(self.other.layers))
        ]
        return (
            *effects,
            *(Effect(index, None, reasons, reasons) for index, reasons in self.removed.items()),
        )

    # --- layers of one network only

    def _lonely(self, side: _Side) -> dict[int, Reasons]:
        """Why layers of a network have none in the other one."""
        return {
            index: self._reasons_of_lonely(index, layer, side)
            for index, layer in enumerate(side.layers)
            if index not in side.paired
        }

    def _reasons_of_lonely(self, index: int, layer: LayerSnapshot, side: _Side) -> Reasons:
        is_added = side is self.other
        match = self.match.around_other if is_added else self.match.around_first
        around = match.get(index, ())
        if not around:
            return new_entry(layer.entries[0], is_added)
        for depth, (first, other) in enumerate(around, 1):
            if first.block and other.block and first.block != other.block:
                return self._reasons_of_block(around[:depth])
        first, other = around[-1]
        if head_of(first) != head_of(other):
            return frozenset((changed_entry(first, other),))
        if len(around) < len(layer.entries) and first.block and other.block:
            return new_entry(layer.entries[len(around)], is_added)
        reasons, speaks_of_input = self._reasons_of_presence(around)
        if reasons:
            return reasons
        if speaks_of_input:
            self.by_input.append((is_added, index))
            return NOTHING
        return self.definitions.all or frozenset((REST,))

    def _reasons_of_presence(self, around: Sequence[EndPair]) -> tuple[Reasons, bool]:
        """Why an entry that both specs have makes a layer in one network only.

        That is up to `when`, `repeat` and the names that stand for kinds, and to what these are
        written with. The second is whether they speak of the input of a block.
        """
        first, other = around[-1]
        words = {head_of(other)} | words_of(
            value for end in (first, other) for value in end.values if value[0] in DECIDING
        )
        reasons: set[Reason] = set()
        if differing_keys(first, other) & set(DECIDING):
            reasons.add(changed_entry(first, other, decides=True))
        more, words = self._through(around[:-1], words)
        reasons |= more
        return frozenset(reasons) | self.definitions.of(words), "input" in words

    def _reasons_of_block(self, around: Sequence[EndPair]) -> Reasons:
        """Why calls call two blocks: by another name, or by one that stands for another block."""
        first, other = around[-1]
        if head_of(first) != head_of(other):
            return frozenset((changed_entry(first, other),))
        reasons, words = self._through(around[:-1], {head_of(other)})
        return reasons | self.definitions.of(words) or self.definitions.all

    def _through(self, calls: Sequence[EndPair], words: set[str]) -> tuple[Reasons, set[str]]:
        """Reasons of arguments and defaults that names in some calls are given by, and the names
        that these are written with."""
        reasons: set[Reason] = set()
        for first, other in reversed(calls):
            if other.block in ("", "group"):
                continue
            if any(key.rpartition(".")[2] in words for key in differing_keys(first, other)):
                reasons.add(changed_entry(first, other, decides=False))
            more, words = self.definitions.through(other, words)
            reasons |= more
        return frozenset(reasons), words

    def _pass_removed(self, index: int) -> None:
        """Note which axes a removed layer changed, for those that read what it read."""
        layer = self.first.layers[index]
        reasons = self.removed[index]
        if len(layer.inputs) != 1:
            return
        before, after = sizes_of(layer.input_types[0]), sizes_of(layer.output_type)
        lost = self.lost.get(layer.inputs[0], ())
        if len(before) != len(after):
            self.lost[layer.name] = tuple([reasons for _ in after])
            return
        lost = lost or (NOTHING,) * len(before)
        self.lost[layer.name] = tuple(
            [
                was | (reasons if size != new else NOTHING)
                for was, size, new in zip(lost, before, after, strict=True)
            ]
        )

    def _new(self, index: int) -> Effect:
        """An added layer: its axes are due to it, unless they are those of its only input."""
        layer, own = self.other.layers[index], self.added[index]
        origin = Origin.of(tuple([own for _ in sizes_of(layer.output_type)]), NOTHING)
        if len(layer.inputs) == 1:
            before, after = sizes_of(layer.input_types[0]), sizes_of(layer.output_type)
            if len(before) == len(after):
                given = self.origins.get(layer.inputs[0], UNCHANGED)
                by_axis = [
                    reasons_at(given, axis) | (NOTHING if size == before[axis] else own)
                    for axis, size in enumerate(after)
                ]
                origin = Origin.of(tuple(by_axis), given.rest)
        self.origins[layer.name] = origin
        return Effect(None, index, own, own)

    # --- layers of both networks

    def _inputs(self) -> None:
        """Origins of the inputs of the other network."""
        before = dict(self.first.snapshot.inputs)
        unnamed = [type_ for _, type_ in self.first.snapshot.inputs]
        for place, (name, type_) in enumerate(self.other.snapshot.inputs):
            old = before.get(name) or (unnamed[place] if place < len(unnamed) else None)
            if old == type_:
                continue
            reasons = self._input_reasons(name, old, type_, place)
            sizes, old_sizes = sizes_of(type_), sizes_of(old or "")
            if len(sizes) != len(old_sizes) or sizes == old_sizes:
                self.origins[name] = Origin.of(tuple([reasons for _ in sizes]), reasons)
                continue
            self.origins[name] = Origin.of(
                tuple(
                    [
                        reasons if size != was else NOTHING
                        for size, was in zip(sizes, old_sizes, strict=True)
                    ]
                ),
                NOTHING,
            )

    def _input_reasons(self, name: str, old: str | None, new: str, place: int) -> Reasons:
        text = f"input `{name}` {values_text(old or '', new)}"
        if self.first.spec is None or self.other.spec is None:
            return frozenset((Reason("input", text),))
        nodes = [
            spec.inputs[place].node if place < len(spec.inputs) else None
            for spec in (self.first.spec, self.other.spec)
        ]
        if nodes[0] is not None and nodes[1] is not None and nodes[0].plain() == nodes[1].plain():
            words = set(WORD.findall(value_text(nodes[1].plain())))
            reasons = self.definitions.of(words) or self.definitions.all
            if reasons:
                return reasons
        return frozenset((Reason("input", text, *map(place_of, nodes)),))

    def _pair(self, first: int, other: int) -> Effect:
        mine, theirs = self.first.layers[first], self.other.layers[other]
        carried, by_input = self._carried(first, other)
        own: Reasons = NOTHING
        if mine.fields != theirs.fields or mine.kind != theirs.kind:
            own = self._own_reasons(mine, theirs)
            if not own:  # the fields speak of an input, of the layer or of a block around it
                carried |= self._around(other, self.other)
                own_or_rest = carried or self._unknown()
                self._set_origin(theirs, flat_origin(mine, theirs, own_or_rest))
                return Effect(first, other, NOTHING, own_or_rest)
        own = own or self._rewired(mine, theirs)
        reasons = bounded(own | carried)
        if not reasons and (mine.costs != theirs.costs or mine.output_type != theirs.output_type):
            own = reasons = self._differing_text(mine, theirs) or self._unknown()
        if mine.output_type != theirs.output_type:
            self._set_origin(theirs, self._origin(first, other, own, by_input))
        return Effect(first, other, own, reasons)

    def _set_origin(self, layer: LayerSnapshot, origin: Origin) -> None:
        self.origins[layer.name] = origin

    def _carried(self, first: int, other: int) -> tuple[Reasons, list[Origin]]:
        """What comes with the inputs of a pair: together, and for each input."""
        mine, theirs = self.first.layers[first], self.other.layers[other]
        origins: list[Origin] = []
        together: Reasons = NOTHING
        if len(mine.inputs) != len(theirs.inputs):
            wired = self._wiring(mine, theirs)
            together |= wired
        for place, tensor in enumerate(theirs.inputs):
            if place >= len(mine.inputs):
                origins.append(Origin.of((), together))
                continue
            old, new = mine.input_types[place], theirs.input_types[place]
            if old == new:
                origins.append(UNCHANGED)
                continue
            origin = self._origin_of_input(mine, theirs, place, tensor)
            origins.append(origin)
            together |= origin.all
        return together, origins

    def _origin_of_input(
        self, mine: LayerSnapshot, theirs: LayerSnapshot, place: int, tensor: str
    ) -> Origin:
        """Why the input at `place` of a pair has another type."""
        before, after = sizes_of(mine.input_types[place]), sizes_of(theirs.input_types[place])
        given = self.origins.get(self._name(tensor), UNCHANGED)
        lost = self.lost.get(mine.inputs[place], ())
        wired = NOTHING
        if not self._are_partners(mine.inputs[place], tensor):
            wired = self._wiring(mine, theirs)
        if len(before) != len(after):
            every = given.all.union(*lost) | wired or self._unknown()
            return Origin.of((), every)
        by_axis = tuple(
            [
                NOTHING
                if size == was
                else reasons_at(given, axis) | (lost[axis] if axis < len(lost) else NOTHING) | wired
                for axis, (was, size) in enumerate(zip(before, after, strict=True))
            ]
        )
        rest = NOTHING
        if not any(by_axis):  # a dtype, or a size of an output that is not the first
            rest = given.all.union(*lost) | wired or self._unknown()
        return Origin.of(by_axis, rest)

    def _unknown(self) -> Reasons:
        """Why something differs that nothing near it tells: what is written anywhere, or where
        that is the same, layers that came and went, if these have few reasons."""
        if self.definitions.all:
            return self.definitions.all
        if self._every is None:
            every = NOTHING.union(*self.added.values(), *self.removed.values())
            self._every = every if 0 < len(every) <= _FEW else frozenset((REST,))
        return self._every

    def _name(self, tensor: str) -> str:
        """The layer whose origin a tensor has."""
        producer = self.other.producer(tensor)
        return tensor if producer is None else self.other.layers[producer].name

    def _are_partners(self, first: str, other: str) -> bool:
        """Whether two tensors stand for each other, but for layers that were added or removed."""
        mine, theirs = self._source(self.first, first), self._source(self.other, other)
        if isinstance(mine, int) and isinstance(theirs, int):
            return self.first.paired.get(mine) == theirs
        return isinstance(mine, str) and isinstance(theirs, str)

    def _source(self, side: _Side, tensor: str) -> int | str | None:
        """The layer of both networks, or the input, that a tensor comes from through layers of
        one network only; None where those have several inputs."""
        while True:
            producer = side.producer(tensor)
            if producer is None:
                return tensor
            if producer in side.paired:
                return producer
            inputs = side.layers[producer].inputs
            if len(inputs) != 1:
                return None
            (tensor,) = inputs

    def _rewired(self, mine: LayerSnapshot, theirs: LayerSnapshot) -> Reasons:
        """The reason that a pair reads other layers of the same types, as its entry says."""
        if mine.entry.values == theirs.entry.values or not self.has_specs:
            return NOTHING
        for first, other in zip(mine.inputs, theirs.inputs, strict=False):
            if not self._are_partners(first, other):
                return frozenset((changed_entry(mine.entry, theirs.entry),))
        return NOTHING

    def _lonely_producers(self, first: Sequence[str], other: Sequence[str]) -> Reasons:
        """The reasons of layers of one network only that make some tensors."""
        reasons: Reasons = NOTHING
        for side, tensors, those in (
            (self.other, other, self.added),
            (self.first, first, self.removed),
        ):
            for tensor in tensors:
                producer = side.producer(tensor)
                if producer is not None:
                    reasons |= those.get(producer, NOTHING)
        return reasons

    def _moved(
        self, first: Sequence[str], other: Sequence[str], *pairs: tuple[LayerSnapshot, ...]
    ) -> Reasons:
        """The reasons that entries around what makes some tensors, or around some pairs, stand
        elsewhere."""
        if not self.match.moved:
            return NOTHING
        ends = list(pairs)
        for tensor in first:
            mine = self.first.producer(tensor)
            if mine in self.first.paired:
                ends.append((self.first.layers[mine], self.other.layers[self.first.paired[mine]]))
        for tensor in other:
            theirs = self.other.producer(tensor)
            if theirs in self.other.paired:
                partner = self.other.paired[theirs]
                ends.append((self.first.layers[partner], self.other.layers[theirs]))
        return frozenset(
            Reason("changed", f"`{new.name}` moved", old.place, new.place)
            for one, two in ends
            for old, new in entry_pairs(one, two)
            if old in self.match.moved and new in self.match.moved
        )

    def _wiring(self, mine: LayerSnapshot, theirs: LayerSnapshot) -> Reasons:
        """Why a pair reads other tensors: by its entry, or since layers are new or gone."""
        if mine.entry.values != theirs.entry.values and self.has_specs:
            return frozenset((changed_entry(mine.entry, theirs.entry),))
        reasons = self._lonely_producers(mine.inputs, theirs.inputs)
        reasons = (
            reasons
            or self._moved(mine.inputs, theirs.inputs, (mine, theirs))
            or self._differing_text(mine, theirs)
        )
        if reasons or self.has_specs:
            return reasons or self._unknown()
        text = f"`{theirs.kind}` reads another layer"
        return frozenset((Reason("changed", text, mine.entry.place, theirs.entry.place),))

    def _entry_pairs(self, mine: LayerSnapshot, theirs: LayerSnapshot) -> list[EndPair]:
        names = self.match.renamed
        return [(with_names(old, names), new) for old, new in entry_pairs(mine, theirs)]

    def _own_reasons(self, mine: LayerSnapshot, theirs: LayerSnapshot) -> Reasons:
        """Why the fields of a pair differ, as far as it is written around the layer."""
        if not self.has_specs:
            changed = [
                f"`{name}` {values_text(old, new)}"
                for (name, old), (_, new) in zip(mine.fields, theirs.fields, strict=False)
                if old != new
            ]
            text = f"`{theirs.kind}` {', '.join(changed)}"
            return frozenset((Reason("changed", text, mine.entry.place, theirs.entry.place),))
        entries = self._entry_pairs(mine, theirs)
        for depth, (old, new) in enumerate(entries, 1):
            if old.block != new.block:
                return self._reasons_of_block(entries[:depth])
        reasons: set[Reason] = set()
        words: set[str] = set()
        for old, new in reversed(entries):
            keys = differing_keys(old, new)
            if new.block in ("", "group"):
                if not new.block:
                    keys = {key for key in keys if key.partition(".")[0] not in MODIFIERS}
                    words = words_of(new.values)
                else:
                    keys = set()
            else:
                keys = {key for key in keys if key.rpartition(".")[2] in words}
                more, words = self.definitions.through(new, words)
                reasons |= more
            if keys:
                reasons.add(changed_entry(old, new, decides=False))
        defined = self.definitions.of(words)
        return frozenset(reasons) | self.definitions.of_layer(theirs.name, defined) or defined

    def _differing_text(self, mine: LayerSnapshot, theirs: LayerSnapshot) -> Reasons:
        """The innermost entry around a pair that says something else, if there is one."""
        if self.has_specs:
            entries = self._entry_pairs(mine, theirs)
            for depth in range(len(entries), 0, -1):
                old, new = entries[depth - 1]
                if old.block != new.block:
                    return self._reasons_of_block(entries[:depth])
                if old.values != new.values:
                    return frozenset((changed_entry(old, new),))
        return self.definitions.all

    def _around(self, index: int, side: _Side) -> Reasons:
        """Reasons of the inputs of all blocks around a layer of one network, as far as both have
        them; or else of the network's."""
        if not self.has_specs:
            return NOTHING
        assert side.snapshot.analysis is not None
        path = side.snapshot.analysis.network.steps[index].block_path
        matches = self.first_calls if side is self.first else self.other_calls
        reasons: Reasons = NOTHING
        while path:
            ends = matches.get(path)
            for mine, theirs in zip(*map(_inputs_of, ends), strict=False) if ends else ():
                reasons |= self._of_tensors(mine, theirs)
            path = path.rpartition(".")[0]
        if not reasons:
            inputs = [name for name, _ in self.other.snapshot.inputs]
            reasons = NOTHING.union(*[self.origins.get(name, UNCHANGED).all for name in inputs])
        return bounded(reasons)

    def _of_tensors(self, first: str, other: str) -> Reasons:
        """Why a tensor of the other network is not what one of the first is."""
        reasons = self.origins.get(self._name(other), UNCHANGED).all
        reasons = reasons.union(*self.lost.get(first, ()))
        if not self._are_partners(first, other):
            reasons |= self._lonely_producers((first,), (other,)) | self._moved((first,), (other,))
        return reasons

    def _origin(self, first: int, other: int, own: Reasons, by_input: Sequence[Origin]) -> Origin:
        """Why the output of a pair has another type: by its fields, or by axes of its inputs."""
        layer, old_layer = self.other.layer(other), self.first.layer(first)
        if layer is None or old_layer is None:
            every = own.union(*[origin.all for origin in by_input])
            return flat_origin(self.first.layers[first], self.other.layers[other], every)
        return origin_of_output(
            Applied(old_layer, self.first.types(first), self.first.output(first)),
            Applied(layer, self.other.types(other), self.other.output(other)),
            own,
            by_input,
        )
