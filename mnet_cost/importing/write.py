"""Writes a grammar as plain data of a spec: what YAML text is made of.

An entry has an `id` only where somebody refers to it, or all have one (flat: names of the file's
nodes). `from` is left out where it is the entry before, fields where they have their default, and
equal entries in a row are one with `repeat`. Not here: which layers become a block.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from mnet_cost.importing.blocks.argument_names import input_names
from mnet_cost.importing.blocks.arguments import ByKnob, Solved, default_of, solved
from mnet_cost.importing.blocks.expressions import WIDTHS
from mnet_cost.importing.blocks.grammar import Grammar, Option, Slot, Source, word_of
from mnet_cost.importing.blocks.leaves import KIND, place_value
from mnet_cost.importing.flat import Data, heading, input_data, names_of_inputs, wish_of
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.legal_names import NOT_ENTRIES, legal, unique
from mnet_cost.importing.names import BlockNames
from mnet_cost.importing.precisions import Precisions, precisions_of
from mnet_cost.importing.shared_names import SharedNames
from mnet_cost.layers import KINDS
from mnet_cost.models.calls import known_fields


class Knobs(NamedTuple):
    """Knobs that a spec offers, and how numbers of it follow from them."""

    declared: Mapping[str, Data]
    by_knob: ByKnob | None = None
    sizes: Mapping[tuple[int, int], str] = {}
    """The text of a size of an input, by (number of the input, axis)."""


NO_KNOBS = Knobs({})


class UnwritableError(Exception):
    """The grammar has a form that the language cannot say: a simpler one can be written."""


def flat_data(graph: LayerGraph, knobs: Knobs = NO_KNOBS) -> Data:
    """The graph one to one: an entry for each layer, called as its node is in the file."""
    return spec_data(Grammar([graph]), knobs, named=True)


def spec_data(grammar: Grammar, knobs: Knobs = NO_KNOBS, named: bool = False) -> Data:
    """Plain data of a spec; with `named` each entry of the network has an `id`.

    Raises `UnwritableError` for an option that the language cannot say, `NotRecoveredError` for a
    number that no expression of a knob gives.
    """
    graph = grammar.graphs[0]
    numbers = solved(grammar, knobs.by_knob)
    blocks = BlockNames(grammar)
    precisions = precisions_of(graph)
    data = heading(graph, precisions)
    if knobs.declared:
        data["knobs"] = {name: dict(knob) for name, knob in knobs.declared.items()}
    inputs = names_of_inputs(graph.inputs)
    data["input"] = input_data(graph.inputs, inputs, knobs.sizes)
    shared = SharedNames(grammar)
    lists: dict[int, _List] = {}
    for number in grammar.order():
        names = input_names(grammar.rules[number]) if number else inputs
        lists[number] = _List(
            grammar, number, numbers, blocks.names, precisions, names, named and not number, shared
        )
    callers_first = [number for number in reversed(grammar.order()) if number]
    if callers_first:
        data["blocks"] = {
            blocks.names[number]: _block(grammar, number, numbers, lists[number])
            for number in callers_first
        }
    top = lists[0]
    data["layers"] = top.entries()
    last = Source(len(grammar.rules[0].slots) - 1)
    if grammar.outputs != (last,):
        data["outputs"] = [top.reference(source) for source in grammar.outputs]
    return data


def _block(grammar: Grammar, number: int, numbers: Mapping[int, Solved], entries: _List) -> Data:
    inputs = input_names(grammar.rules[number])
    data: Data = {}
    if len(inputs) > 1:
        data["input"] = list(inputs)
    arguments = {
        argument.name: "required" if argument.default is None else argument.default
        for argument in numbers[number].arguments
    }
    if arguments:
        data["arguments"] = arguments
    data["layers"] = entries.entries()
    return data


class _List:
    """One list of entries: the network, or what is in a block."""

    def __init__(
        self,
        grammar: Grammar,
        number: int,
        numbers: Mapping[int, Solved],
        names: Mapping[int, str],
        precisions: Precisions,
        inputs: tuple[str, ...],
        named: bool,
        shared: SharedNames,
    ) -> None:
        self.grammar = grammar
        self.shared = shared
        self.number = number
        self.rule = grammar.rules[number]
        self.solved = numbers[number]
        self.numbers = numbers
        self.blocks = names
        self.precisions = precisions
        self.inputs = inputs
        self.named = named
        self._readers: dict[Source, list[Slot]] = {}
        """The slots that read a tensor."""
        for slot in self.rule.slots:
            for source in dict.fromkeys(slot.sources):
                self._readers.setdefault(source, []).append(slot)
        self._slots = {child: at for at, child in enumerate(self.rule.frames[0])}
        """The slot of each child of the first copy."""
        self.ids = shared.ids[number] = self._ids()

    def entries(self) -> list[Any]:
        """The entries, equal ones in a row as one with `repeat`."""
        entries: list[Any] = []
        at = 0
        while at < len(self.rule.slots):
            option = next((n for n, o in enumerate(self.rule.options) if o.start == at), None)
            if option is not None:
                entries.append(self._option(option))
                at = self.rule.options[option].stop
                continue
            stop = self._run(at)
            entries.append(self._entry(at, repeat=stop - at, identity=self.ids.get(stop - 1)))
            at = stop
        return entries

    def reference(self, source: Source, group: Option | None = None) -> str:
        """What a tensor is called, here or in a group of this list."""
        if group is not None and source == group.instead:
            return "input"
        if source.slot < 0:
            name = self.inputs[-1 - source.slot]
            if self.rule.inputs == 1 and self.number == 0:
                name = "input"
            if group is not None and name == "input":
                raise UnwritableError("a group cannot read the input of the block around it")
            return name
        name = self.ids[source.slot]
        if self.rule.slots[source.slot].outputs > 1:
            return f"{name}.{source.number}"
        return name

    # --- entries

    def _run(self, at: int) -> int:
        """The end of the entries from `at` on that are one entry with `repeat`."""
        stop = at + 1
        slots = self.rule.slots
        if len(slots[at].sources) != 1 or slots[at].outputs != 1 or self.named:
            return stop
        options = self.rule.options
        entry = self._entry(at)
        if isinstance(entry, dict) and ("use" in entry or "weights_of" in entry):
            return stop
        used = self.shared.named(self.number)
        while (
            stop < len(slots)
            and stop - 1 not in self.ids
            and stop not in used
            and slots[stop].key == slots[at].key
            and slots[stop].rule == slots[at].rule
            and slots[stop].sources == (Source(stop - 1),)
            and not any(option.start <= stop < option.stop for option in options)
            and self._body(stop) == self._body(at)
        ):
            stop += 1
        return stop

    def _entry(
        self,
        at: int,
        *,
        group: Option | None = None,
        repeat: int = 1,
        identity: str | None = None,
        when: str | None = None,
    ) -> Any:
        slot = self.rule.slots[at]
        word, fields, modifiers = self._body(at)
        sources = self._written_sources(at, group)
        entry: Data = {} if identity is None else {"id": identity}
        if word == "use":
            entry["use"] = fields
        elif sources is not None and not fields and (len(sources) > 1 or identity is None):
            entry[word], sources = sources, None
        else:
            entry[word] = fields
        if sources is not None:
            entry["from"] = sources if len(sources) > 1 else sources[0]
        entry |= modifiers
        if when is not None:
            entry["when"] = when
        if repeat > 1:
            entry["repeat"] = repeat
        if len(entry) == 1 and not fields and slot is not None and entry[word] == {}:
            return word
        return entry

    def _option(self, number: int) -> Any:
        """The entry, or group of entries, that has a `when`."""
        option = self.rule.options[number]
        when = self._text(self.solved.conditions[number])
        identity = self.ids.get(option.stop - 1)
        if option.stop - option.start == 1:
            return self._entry(option.start, identity=identity, when=when)
        entries = []
        for at in range(option.start, option.stop):
            own = None if at == option.stop - 1 else self.ids.get(at)
            entries.append(self._entry(at, group=option, identity=own))
        entry: Data = {} if identity is None else {"id": identity}
        entry["layers"] = entries
        if option.instead != self._previous(option.start):
            entry["from"] = self.reference(option.instead)
        return entry | {"when": when}

    def _previous(self, at: int, group: Option | None = None) -> Source | None:
        """The tensor that `previous` is before a slot; None where it is not one tensor."""
        if group is not None and at == group.start:
            return group.instead
        if at == 0:
            return Source(-1) if self.rule.inputs == 1 else None
        ended = next((option for option in self.rule.options if option.stop == at), None)
        if ended is not None and ended.instead != self._previous(ended.start):
            return None  # without the option, `previous` is not what stands for it
        return Source(at - 1) if self.rule.slots[at - 1].outputs == 1 else None

    def _written_sources(self, at: int, group: Option | None) -> list[str] | None:
        """The inputs of an entry, or None where it is the entry before."""
        slot = self.rule.slots[at]
        previous = self._previous(at, group)
        if not slot.sources or slot.sources == (previous,):
            return None
        return [
            "previous" if source == previous else self.reference(source, group)
            for source in slot.sources
        ]

    def _body(self, at: int) -> tuple[str, Any, Data]:
        """(Kind or block, fields or arguments, `weights_of` and `precision`) of a slot."""
        slot = self.rule.slots[at]
        texts = {place: self._text(text) for place, text in self.solved.slots[at].items()}
        used = self.shared.used(self.number, at)
        if used is not None:
            return "use", used, {}
        if slot.rule is not None:
            arguments = {}
            for argument in self.numbers[slot.rule].arguments:
                if argument.name not in texts:
                    continue  # of an option that no copy has
                text = texts[argument.name]
                is_needed = argument.default is None or argument.field in WIDTHS
                if is_needed or not _is_same(text, argument.default):
                    arguments[argument.name] = text
            return self.blocks[slot.rule], arguments, {}
        child = next(c for c in (frame[at] for frame in self.rule.frames) if c is not None)
        layer, leaf = self.grammar.layer(child), self.grammar.leaves[child]
        modifiers = {}
        if layer.tied_to is not None:
            modifiers["weights_of"] = self.ids[self._slot_of(layer.tied_to)]
        precision = self.precisions.own[child % self.grammar.count]
        if precision is not None:
            modifiers["precision"] = precision
        if KIND in texts:
            return str(texts[KIND]), {}, modifiers
        fields = {}
        for name in default_names(leaf.word):
            if name in leaf.fixed:
                if name != "axis" or not self._is_usual_axis(at):
                    fields[name] = leaf.fixed[name]
                continue
            value = place_value(texts, name)
            if value == [] or (name == "padding" and self._is_same_padding(at)):
                continue
            if not _is_same(value, default_of(leaf.word, name)):
                fields[name] = value
        return leaf.word, fields, modifiers

    def _text(self, text: Any) -> Any:
        """A value with the names of slots in it."""
        if isinstance(text, str) and "@" in text:
            return _SLOT.sub(lambda match: self.ids[int(match[1])], text)
        return text

    def _is_same_padding(self, at: int) -> bool:
        children = [frame[at] for frame in self.rule.frames]
        return all(c is None or self.grammar.leaves[c].is_same for c in children)

    def _is_usual_axis(self, at: int) -> bool:
        children = [frame[at] for frame in self.rule.frames]
        return all(c is None or self.grammar.leaves[c].is_usual_axis for c in children)

    # --- ids

    def _ids(self) -> dict[int, str]:
        """Names of the slots that somebody refers to."""
        needed = dict.fromkeys(self._referred())
        if self.named:
            needed = dict.fromkeys(range(len(self.rule.slots)))
        taken = {*self.inputs, *self.blocks.values(), *NOT_ENTRIES}
        ids = unique({at: self._wish(at) for at in sorted(needed)}, taken)
        for at in range(len(self.rule.slots)):
            # Without an id it is called as the entry inside of a block that it uses.
            if at not in ids and self.shared.inner_name(self.number, at) in taken:
                names = (legal(f"{self._wish(at)}_again{n or ''}", taken) for n in count())
                ids[at] = next(name for name in names if name is not None)
                taken.add(ids[at])
        return ids

    def _referred(self) -> list[int]:
        """Slots that are read by name."""
        referred = set(self.shared.named(self.number))
        for at, slot in enumerate(self.rule.slots):
            group = next(
                (o for o in self.rule.options if o.start <= at < o.stop and o.stop - o.start > 1),
                None,
            )
            previous = self._previous(at, group)
            for source in slot.sources:
                if source.slot >= 0 and source != previous:
                    if group is not None and source == group.instead:
                        continue
                    referred.add(source.slot)
        for option in self.rule.options:
            is_group = option.stop - option.start > 1
            is_named = option.instead != self._previous(option.start)
            if is_group and is_named and option.instead.slot >= 0:
                referred.add(option.instead.slot)
        for texts in self.solved.slots:
            for text in texts.values():
                if isinstance(text, str):
                    referred |= {int(at) for at in _SLOT.findall(text)}
        if self.number == 0:
            last = Source(len(self.rule.slots) - 1)
            if self.grammar.outputs != (last,):
                referred |= {source.slot for source in self.grammar.outputs if source.slot >= 0}
            for at, slot in enumerate(self.rule.slots):
                if slot.rule is None:
                    child = self.rule.frames[0][at]
                    assert child is not None
                    layer = self.grammar.layer(child)
                    if layer.tied_to is not None:
                        referred.add(self._slot_of(layer.tied_to))
        return sorted(referred)

    def _slot_of(self, layer: int) -> int:
        """The slot of the network that is a layer which others share."""
        return self._slots[layer]

    def _wish(self, at: int) -> str:
        """What a slot would best be called."""
        slot = self.rule.slots[at]
        if self.named:
            child = self.rule.frames[0][at]
            assert child is not None
            return wish_of(self.grammar.layer(child).origin.nodes)
        if slot.outputs > 1 and word_of(slot) != "top_k":
            return "halves" if slot.outputs == 2 else "parts"
        readers = self._readers.get(Source(at), [])
        words = [word_of(reader) for reader in readers]
        word = word_of(slot)
        stored = {
            "relative_position_bias": "position", "window_mask": "mask", "constant": "table",
            "parameter": "trained",
        }  # fmt: skip
        if word in stored:
            return stored[word]
        for reader, kind in zip(readers, words, strict=True):
            place = reader.sources.index(Source(at))
            if kind == "add" and len(reader.sources) == 2:
                option = next((o for o in self.rule.options if o.stop == at + 1), None)
                if option is not None and option.instead.slot < 0:
                    return "shortcut"
                if len(readers) == 1 and self.number:
                    return "main"
            if kind == "concat" and len(reader.sources) > 1 and len(readers) == 1:
                return "branch" if self.number else "part"
            if kind in ("attention", "scaled_dot_product_attention") and len(reader.sources) > 2:
                return ("query", "key", "value", "bias")[min(place, 3)]
        if word:
            named = _RESULTS.get(word, _without_digits(word))
            return "value" if named in KINDS else named
        return "x" if self.number else self.blocks[slot.rule or 0].partition("_")[0]


_SLOT = re.compile(r"@(\d+)")

_RESULTS = {
    "conv2d": "conv", "depthwise_conv2d": "depthwise", "batch_norm": "normed",
    "layer_norm": "normed", "group_norm": "normed", "rms_norm": "normed", "activation": "act",
    "add": "sum", "multiply": "product", "concat": "joined", "linear": "projected",
    "max_pool2d": "pooled", "avg_pool2d": "pooled", "global_avg_pool": "pooled",
    "reshape": "reshaped", "transpose": "transposed", "slice": "part", "resize": "resized",
    "softmax": "shares", "matmul": "scores", "window_partition": "windows", "sigmoid": "gate",
    "window_merge": "merged", "box_decode": "boxes", "roll": "rolled", "embedding": "embedded",
    "attention": "attended", "flatten": "flattened", "to_sequence": "sequence", "pad": "padded",
    "to_image": "as_image", "take": "taken", "elementwise": "value", "reduce": "reduced",
    "scale": "scaled", "identity": "x", "dropout": "x", "hard_sigmoid": "gate",
    "scaled_dot_product_attention": "attended", "channel_shuffle": "shuffled",
    "gather": "gathered", "scatter": "scattered", "top_k": "best", "cumulative": "sums",
    "grid_sample": "sampled", "fold": "folded", "flip": "flipped",
}  # fmt: skip
"""What the output of a layer is called where others read it."""


def _without_digits(word: str) -> str:
    return word.removesuffix("2d").rstrip("0123456789_") or "x"


def default_names(word: str) -> Sequence[str]:
    """The fields of a kind or short form, in the order of its class."""
    return tuple(known_fields(KINDS[word]))


def _is_same(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, (bool, str)) == isinstance(b, (bool, str))
