"""Which entry of one spec is which entry of another: as texts, whatever layers they make.

Lists of entries are aligned as sequences, outermost first: the root, the contents of groups that
are a pair, and the entries of two blocks once for each pair of blocks. An entry is the one that
says the same, or the one of its kind or block with the most values in common; one with an id is the
one with that id. Not here: the layers of entries, which is `correspondence.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mnet_cost.differences.alignment import Numbers
from mnet_cost.differences.reasons import Values
from mnet_cost.differences.sequences import Budget, align_items, unique_pairs
from mnet_cost.differences.snapshots import entry_values
from mnet_cost.models.types import MODIFIERS, Block, Entry, GroupBody, ModelSpec

_HEAD, _SAME, _VALUES, _ID = 40, 60, 20, 40
"""What agreement is worth: that two say the same, more than that one was edited."""

ROOT = ""
"""The name of the list `layers` of a spec, among those of its blocks."""


class EntryPairs(NamedTuple):
    """Entries of two lists that stand for each other, with all in groups among them."""

    of_first: dict[int, Entry]
    """The entry of the other spec by the identity of the node of that of the first."""
    of_other: dict[int, Entry]
    moved: set[int]
    """Identities of the nodes, of both specs, of entries that stand elsewhere among the others."""


class SpecAlignment:
    """The entries of two specs, aligned where that is asked for."""

    def __init__(self, first: ModelSpec, other: ModelSpec) -> None:
        self.renamed = renamed_blocks(first, other)
        """The name in the other spec of each block of the first that was renamed."""
        self._first, self._other = _lists(first), _lists(other)
        self._numbers = Numbers()
        self._budget = Budget()
        self._pairs: dict[tuple[str, str], EntryPairs] = {}

    def pairs(self, first: str, other: str) -> EntryPairs:
        """The pairs of entries of two blocks, by their names; of `layers` by `ROOT`."""
        pairs = self._pairs.get((first, other))
        if pairs is None:
            pairs = self._pairs[first, other] = EntryPairs({}, {}, set())
            self._align(self._first.get(first, ()), self._other.get(other, ()), pairs)
        return pairs

    @property
    def moved(self) -> set[int]:
        """Identities of the nodes of all entries that were moved."""
        return set().union(*[pairs.moved for pairs in self._pairs.values()])

    def _align(self, first: Sequence[Entry], other: Sequence[Entry], pairs: EntryPairs) -> None:
        ours = [
            _Evidence(index, entry, self._numbers, self.renamed)
            for index, entry in enumerate(first)
        ]
        theirs = [_Evidence(index, entry, self._numbers, {}) for index, entry in enumerate(other)]
        mine, yours = ([each for each in side if each.has_id] for side in (ours, theirs))
        for one, two in unique_pairs(mine, yours, lambda entry: entry.unique):
            ours[one].is_found = theirs[two].is_found = True
        places = dict(align_items(ours, theirs, self._budget))
        left = [entry for entry in mine if entry.index not in places]
        done = set(places.values())
        left_there = [entry for entry in yours if entry.index not in done]
        for one, two in unique_pairs(left, left_there, lambda entry: entry.unique):
            places[one] = two
            if ours[one].kind == theirs[two].kind:
                pairs.moved.update((id(first[one].node), id(other[two].node)))
        places |= _replaced(places, len(first), len(other))
        for one, two in places.items():
            pairs.of_first[id(first[one].node)] = other[two]
            pairs.of_other[id(other[two].node)] = first[one]
            old, new = first[one].body, other[two].body
            if isinstance(old, GroupBody) and isinstance(new, GroupBody):
                self._align(old.entries, new.entries, pairs)


def _replaced(places: dict[int, int], first: int, other: int) -> dict[int, int]:
    """Pairs of entries of two kinds: between two pairs, where as many are left on both sides."""
    replaced: dict[int, int] = {}
    done = set(places.values())
    start = 0
    for one in (*sorted(places), first):
        start_there = places[start - 1] + 1 if start else 0
        end_there = places[one] if one < first else other
        gap = range(start_there, end_there)
        if one - start == len(gap) and not done & set(gap):
            replaced |= dict(zip(range(start, one), gap, strict=True))
        start = one + 1
    return replaced


def _lists(spec: ModelSpec) -> dict[str, tuple[Entry, ...]]:
    blocks = [block for block in spec.blocks.values() if isinstance(block, Block)]
    return {ROOT: spec.entries, **{block.name: block.entries for block in blocks}}


def renamed_blocks(first: ModelSpec, other: ModelSpec) -> dict[str, str]:
    """The name in `other` of each block of `first` that was renamed.

    That is a block of a name that only one spec has, with at least half of the entries of the
    longer one.
    """
    blocks = [
        {name: entries for name, entries in _lists(spec).items() if name != ROOT}
        for spec in (first, other)
    ]
    renamed: dict[str, str] = {}
    left = [name for name in blocks[1] if name not in blocks[0]]
    for name in blocks[0]:
        if name in blocks[1]:
            continue
        texts = _texts(blocks[0][name])
        for there in left:
            others = _texts(blocks[1][there])
            if 2 * (texts & others).total() >= max(texts.total(), others.total()):
                renamed[name] = there
                left.remove(there)
                break
    return renamed


def _texts(entries: Sequence[Entry]) -> Counter[str]:
    return Counter(repr(entry.node.plain()) for entry in entries)


def renamed_values(values: Values, names: Mapping[str, str]) -> Values:
    """What an entry says, with the names of some blocks replaced."""
    if not names:
        return values
    renamed = []
    for key, text in values:
        head, dot, name = key.partition(".")
        renamed.append((names.get(head, head) + dot + name, names.get(text, text)))
    return tuple(renamed)


class _Evidence:
    """What an entry is recognised by."""

    __slots__ = ("exact", "has_id", "index", "is_found", "kind", "name", "text", "unique", "values")

    def __init__(
        self, index: int, entry: Entry, numbers: Numbers, names: Mapping[str, str]
    ) -> None:
        data = entry.node.plain()
        values = renamed_values(entry_values(entry.node), names)
        heads = [key.partition(".")[0] for key, _ in values]
        head = next((each for each in heads if each not in MODIFIERS), "layers")
        self.has_id = isinstance(data, dict) and "id" in data
        identity = data["id"] if self.has_id else None
        contents = repr(data.get("layers")) if isinstance(data, dict) else ""
        self.index = index
        self.kind = numbers["head", head]
        self.values = frozenset(values)
        self.text = numbers["text", values, contents]
        self.exact = numbers["exact", values, contents, identity]
        self.name = numbers["name", entry.name]
        self.unique = numbers["id", identity]
        self.is_found = False

    def likeness(self, other: _Evidence) -> int:
        """How much two entries of one kind have in common; 0 where one is another one by its id."""
        has_same_id = self.has_id and other.has_id and self.unique == other.unique
        if self.kind != other.kind or ((self.is_found or other.is_found) and not has_same_id):
            return 0
        agreement = _SAME
        if self.text != other.text:
            most = max(len(self.values), len(other.values))
            agreement = _VALUES * len(self.values & other.values) // most
        return _HEAD + agreement + (_ID if has_same_id else 0)
