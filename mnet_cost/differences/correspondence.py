"""Which layers and calls of two networks stand for each other.

Entries are aligned first, as texts (`entries.py`). Then a call of one network is the call that the
same entry makes in the same call, copy by copy, and so are layers. Layers that only one network
makes by such entries may still be the same, under blocks that were wrapped, unwrapped or unrolled:
where most of them are, between two pairs, they are aligned as layers (`alignment.py`). Documents
have no entries, and are aligned as layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mnet_cost.differences.alignment import align_layers
from mnet_cost.differences.entries import ROOT, EntryPairs, SpecAlignment, renamed_values
from mnet_cost.differences.sequences import Pair, increasing
from mnet_cost.differences.snapshots import LayerSnapshot, Snapshot, SpecEntry, entry_values
from mnet_cost.models.types import Entry
from mnet_cost.network import Network

EndPair = tuple[SpecEntry, SpecEntry]
"""An entry of the first spec and the one of the other that it is."""


@dataclass(frozen=True, slots=True)
class Correspondence:
    """What of two networks stands for each other."""

    pairs: tuple[Pair, ...]
    """Indices of layers of the first and of the other network, in the order of the other."""
    calls: dict[str, str] = field(default_factory=dict)
    """Path of a call of the first network by that of the other."""
    around_first: dict[int, tuple[EndPair, ...]] = field(default_factory=dict)
    """By layer of the first network: the pairs of entries that lead to it, outermost first, up to
    the first that is in one spec alone, or that makes something in one network alone."""
    around_other: dict[int, tuple[EndPair, ...]] = field(default_factory=dict)
    """The same by layer of the other network."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """The name in the other spec of each block of the first that was renamed: entries of the first
    are told by it."""
    moved: frozenset[SpecEntry] = frozenset()
    """Entries, of both specs, that stand elsewhere among those around them."""


def correspond(first: Snapshot, other: Snapshot) -> Correspondence:
    """The layers of two networks that stand for each other, each at most once, of one kind."""
    if first.analysis is None or other.analysis is None:
        return Correspondence(align_layers(first.layers, other.layers))
    return _Match(first, other, first.analysis.network, other.analysis.network).correspondence()


class _Tree:
    """The calls and layers of a network by the entries that make them."""

    def __init__(self, snapshot: Snapshot, network: Network) -> None:
        self.layers = snapshot.layers
        self.calls = network.calls
        self.chains: dict[str, tuple[str, ...]] = {"": ()}
        """The paths of the calls around and with a call, outermost first."""
        self.made: dict[tuple[str, int, int], str] = {}
        """Path of a call by that of the call around it, the identity of the node of its entry, and
        the number of the copy."""
        self.leaves: dict[tuple[str, int, int], list[int]] = {}
        """Layers by the same."""
        self.keys: list[tuple[str, int, int]] = []
        """Those of the layers."""
        for path, call in self.calls.items():
            self.made[self._around(path), id(call.node), call.copy or 1] = path
        for index, step in enumerate(network.steps):
            path = step.block_path
            copy = step.name[len(path) + 1 if path else 0 :].partition(".")[2]
            key = self.chain(path)[-1:], id(step.node), int(copy) if copy.isdecimal() else 1
            self.keys.append((key[0][0] if key[0] else "", *key[1:]))
            self.leaves.setdefault(self.keys[-1], []).append(index)

    def _around(self, path: str) -> str:
        """The path of the call around a call; empty for none."""
        parent = path.rpartition(".")[0]
        while parent and parent not in self.calls:
            parent = parent.rpartition(".")[0]
        return parent

    def chain(self, path: str) -> tuple[str, ...]:
        chain = self.chains.get(path)
        if chain is None:
            around = self.chain(self._around(path))
            chain = (*around, path) if path in self.calls else around
            self.chains[path] = chain
        return chain

    def list_of(self, path: str) -> str:
        """The name of the block whose entries a call lists; of a group, that it stands in."""
        while path and self.calls[path].block == "group":
            path = self._around(path)
        return self.calls[path].block if path else ROOT


class _Match:
    """Matches two trees from the root down."""

    def __init__(
        self, first: Snapshot, other: Snapshot, network: Network, other_network: Network
    ) -> None:
        self.first, self.other = _Tree(first, network), _Tree(other, other_network)
        self.specs = SpecAlignment(network.spec, other_network.spec)
        self.of_other: dict[str, str | None] = {"": ""}
        """The call of the first network by that of the other; None where there is none."""
        self.of_first: dict[str, str] = {"": ""}

    def correspondence(self) -> Correspondence:
        for path in self.other.calls:
            self._call(path)
        pairs: list[Pair] = []
        for (around, node, copy), theirs in self.other.leaves.items():
            mine = self.of_other[around]
            if mine is None:
                continue
            entry = self._entries(mine, around).of_other.get(node)
            indices = self.first.leaves.get((mine, id(entry.node), copy), ()) if entry else ()
            pairs += [
                (one, two)
                for one, two in zip(indices, theirs, strict=False)
                if self.first.layers[one].kind == self.other.layers[two].kind
            ]
        pairs.sort(key=lambda pair: pair[1])
        pairs += _between(self.first.layers, self.other.layers, pairs)
        pairs.sort(key=lambda pair: pair[1])
        return Correspondence(
            tuple(pairs),
            {path: match for path, match in self.of_other.items() if match},
            {index: self._around(index, True) for index in range(len(self.first.layers))},
            {index: self._around(index, False) for index in range(len(self.other.layers))},
            self.specs.renamed,
            self._moved(),
        )

    def _entries(self, first: str, other: str) -> EntryPairs:
        return self.specs.pairs(self.first.list_of(first), self.other.list_of(other))

    def _call(self, path: str) -> str | None:
        """The call of the first network that a call of the other is."""
        if path not in self.of_other:
            self.of_other[path] = None
            chain = self.other.chain(path)
            around = chain[-2] if len(chain) > 1 else ""
            mine = self._call(around)
            if mine is not None:
                call = self.other.calls[path]
                entry = self._entries(mine, around).of_other.get(id(call.node))
                key = (mine, id(entry.node), call.copy or 1) if entry else None
                match = self.first.made.get(key) if key else None
                if match is not None:
                    self.of_other[path] = match
                    self.of_first[match] = path
        return self.of_other[path]

    def _around(self, index: int, is_first: bool) -> tuple[EndPair, ...]:
        """The pairs of entries that lead to a layer of one network."""
        side, there = (self.first, self.other) if is_first else (self.other, self.first)
        partner_of = self.of_first if is_first else self.of_other
        chain = side.chain(side.keys[index][0])
        entries = side.layers[index].entries
        pairs: list[EndPair] = []
        outer = outer_there = ""
        for path, entry in zip((*chain, None), entries, strict=True):
            node = id(side.calls[path].node) if path is not None else side.keys[index][1]
            ends = (outer, outer_there) if is_first else (outer_there, outer)
            lists = self._entries(*ends)
            partner = (lists.of_first if is_first else lists.of_other).get(node)
            if partner is None:
                break
            match = partner_of.get(path) if path is not None else None
            block = there.calls[match].block if match else ""
            end = _entry(partner, block)
            ends_here = (entry, end) if is_first else (end, entry)
            pairs.append((with_names(ends_here[0], self.specs.renamed), ends_here[1]))
            if match is None or path is None:
                break
            outer, outer_there = path, match
        return tuple(pairs)

    def _moved(self) -> frozenset[SpecEntry]:
        """The entries around layers that were moved."""
        moved = self.specs.moved
        if not moved:
            return frozenset()
        entries: set[SpecEntry] = set()
        for side in (self.first, self.other):
            for layer, (around, node, _) in zip(side.layers, side.keys, strict=True):
                nodes = [*(id(side.calls[path].node) for path in side.chain(around)), node]
                entries |= {
                    entry for entry, each in zip(layer.entries, nodes, strict=True) if each in moved
                }
        return frozenset(entries)


def with_names(entry: SpecEntry, names: Mapping[str, str]) -> SpecEntry:
    """An entry of the first spec, with blocks that were renamed named as in the other."""
    if not names:
        return entry
    block = names.get(entry.block, entry.block)
    return entry._replace(values=renamed_values(entry.values, names), block=block)


def _entry(entry: Entry, block: str) -> SpecEntry:
    node = entry.node
    return SpecEntry(
        entry.name, node.source.path, node.line, node.column, entry_values(node), block
    )


def _between(
    first: Sequence[LayerSnapshot], other: Sequence[LayerSnapshot], pairs: Sequence[Pair]
) -> list[Pair]:
    """Pairs of layers that no entry made pairs, between two pairs: where most are the same."""
    mine, theirs = dict(pairs), {pair[1] for pair in pairs}
    anchors = sorted((two, one) for one, two in increasing(sorted(pairs)))
    more: list[Pair] = []
    start, start_there = 0, 0
    for end_there, end in (*anchors, (len(other), len(first))):
        left = [index for index in range(start, end) if index not in mine]
        left_there = [index for index in range(start_there, end_there) if index not in theirs]
        if left and left_there:
            aligned = [
                (left[one], left_there[two])
                for one, two in align_layers(
                    [first[index] for index in left], [other[index] for index in left_there]
                )
            ]
            same = [(one, two) for one, two in aligned if first[one].fields == other[two].fields]
            if 2 * len(same) >= max(len(left), len(left_there)):
                more += aligned
        start, start_there = end + 1, end_there + 1
    return more
