"""Which layer of one network is which layer of another.

Both are sequences, in the order in which they run, and the alignment is the one of least change:
pairs of one kind in one order, weighted by how much they have in common. A layer that has an id, or
is in a block that has one, is the layer with that id, wherever it stands. A name that is given by
counting (`conv2d_3`) says little: so an inserted layer is one insertion, and the layers after it
are renamed. Not here: what differs in a pair.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from mnet_cost.search.snapshots import LayerSnapshot

Pair = tuple[int, int]
"""Indices of a layer of the first network and of the layer of the other that it is."""

_KIND = 4
_FIELDS = 4
_LABEL = 3
_ID = 4
_ENTRY = 1
_TYPE = 1
_NAME = 1
"""What agreement is worth. Layers that can be one are rather a pair than one added, one removed."""

_WELL_COMPARED, _MOST_COMPARED = 200_000, 6_000_000
"""Pairs that are weighed against each other although ids tell an order, some tenth of a second; and
in all, some two seconds."""

_SKIP_FIRST, _SKIP_OTHER, _PAIR = range(3)


def align(first: Sequence[LayerSnapshot], other: Sequence[LayerSnapshot]) -> tuple[Pair, ...]:
    """Pairs of layers of two networks, each layer at most once, in the order of `other`.

    In one pair both are of one kind. It takes the product of the numbers of layers that are left
    between an equal start and an equal end; where that is large, they are cut at what is unique in
    both, ids first.
    """
    numbers = _Numbers()
    ours = [_Evidence(index, layer, numbers) for index, layer in enumerate(first)]
    theirs = [_Evidence(index, layer, numbers) for index, layer in enumerate(other)]
    for mine, yours in _unique(ours, theirs, lambda layer: (layer.kind, layer.label), by_id=True):
        ours[mine].is_found = theirs[yours].is_found = True
    pairs = _aligned(ours, theirs, _Budget())
    return tuple(sorted([*pairs, *_moved(ours, theirs, pairs)], key=lambda pair: pair[1]))


class _Numbers(dict[Hashable, int]):
    """A number for each thing that layers are recognised by, since numbers compare fast."""

    def __missing__(self, thing: Hashable) -> int:
        self[thing] = number = len(self)
        return number


class _Evidence:
    """What a layer is recognised by."""

    __slots__ = (
        "block", "depth", "entry", "exact", "fields", "has_fields", "has_id", "index", "is_found",
        "is_known", "kind", "label", "last", "name", "parts", "types",
    )  # fmt: skip

    def __init__(self, index: int, layer: LayerSnapshot, numbers: _Numbers) -> None:
        types = (layer.input_types, layer.output_type)
        self.index = index
        self.parts = layer.label
        self.depth = len(layer.label)
        self.has_fields = bool(layer.fields)
        self.has_id = layer.has_id
        self.is_known = any(part.startswith("=") for part in layer.label)
        """Whether it or a block around it has an id."""
        self.is_found = False
        """Whether the other network has one layer of that label: it is paired with no other one."""
        self.kind = numbers[layer.kind]
        self.name = numbers[layer.name]
        self.label = numbers[layer.label]
        self.last = numbers[layer.label[-1]]
        self.block = numbers[layer.label[:-1]]
        self.fields = numbers[layer.fields]
        self.types = numbers[types]
        self.entry = numbers[layer.entry.values]
        self.exact = numbers[layer.kind, layer.label, layer.fields, types]

    def alike(self, other: _Evidence) -> int:
        """What the labels of two layers say: 0 where they are not alike in their place.

        Two layers are alike in their place if they are so in their blocks, however these are
        called, if one of them was wrapped in more blocks, or if they are in one block.
        """
        if self.label == other.label:
            return _LABEL + (_ID if self.is_known else 0)
        if self.is_found or other.is_found:
            return 0
        if self.last == other.last:
            common = min(self.depth, other.depth)
            if self.depth == other.depth or self.parts[-common:] == other.parts[-common:]:
                return _LABEL if self.has_id else 1
        return 1 if self.block == other.block else 0

    def likeness(self, other: _Evidence) -> int:
        """How much both have in common; 0 where they cannot be one layer.

        Those of one kind can be if they are alike in their place or have the same fields.
        """
        if self.kind != other.kind:
            return 0
        alike = self.alike(other)
        has_same_fields = self.fields == other.fields
        if not alike:
            is_found = self.is_found or other.is_found
            if is_found or not (has_same_fields and self.has_fields):
                return 0
        return (
            _KIND
            + alike
            + (_FIELDS if has_same_fields else 0)
            + (_ENTRY if self.entry == other.entry else 0)
            + (_TYPE if self.types == other.types else 0)
            + (_NAME if self.name == other.name else 0)
        )


_Layers = Sequence[_Evidence]


class _Budget:
    """How many pairs may still be weighed."""

    def __init__(self) -> None:
        self.pairs = _MOST_COMPARED


def _unique(
    ours: _Layers, theirs: _Layers, key: Callable[[_Evidence], Hashable], by_id: bool = False
) -> list[Pair]:
    """Pairs of layers whose `key` no other layer has on its side, in the order of `ours`; `by_id`
    takes only those that have an id, or are in a block that has one."""
    once = Counter(map(key, ours))
    once_there = Counter(map(key, theirs))
    place = {key(layer): layer.index for layer in theirs if once_there[key(layer)] == 1}
    return [
        (layer.index, place[key(layer)])
        for layer in ours
        if (layer.is_known or not by_id) and once[key(layer)] == 1 and key(layer) in place
    ]


def _between(
    ours: _Layers, theirs: _Layers, anchors: Sequence[Pair], budget: _Budget
) -> list[Pair]:
    """`anchors`, which are in one order on both sides, and the pairs of what is between them."""
    pairs = list(anchors)
    first = other = 0
    place = {layer.index: number for number, layer in enumerate(ours)}
    place_there = {layer.index: number for number, layer in enumerate(theirs)}
    ends = [(place[mine], place_there[yours]) for mine, yours in anchors]
    for first_end, other_end in (*ends, (len(ours), len(theirs))):
        pairs += _aligned(ours[first:first_end], theirs[other:other_end], budget)
        first, other = first_end + 1, other_end + 1
    return pairs


def _aligned(ours: _Layers, theirs: _Layers, budget: _Budget) -> list[Pair]:
    """The pairs of some layers: equal ones at both ends, then the best of what is between."""
    pairs: list[Pair] = []
    start, end = 0, min(len(ours), len(theirs))
    while start < end and ours[start].exact == theirs[start].exact:
        pairs.append((ours[start].index, theirs[start].index))
        start += 1
    after = 0
    while after < end - start and ours[-1 - after].exact == theirs[-1 - after].exact:
        after += 1
        pairs.append((ours[-after].index, theirs[-after].index))
    ours, theirs = ours[start : len(ours) - after], theirs[start : len(theirs) - after]
    size = len(ours) * len(theirs)
    anchors: list[Pair] = []
    if size > _WELL_COMPARED:
        mine, yours = ([layer for layer in side if layer.is_found] for side in (ours, theirs))
        anchors = _increasing(_unique(mine, yours, lambda layer: (layer.kind, layer.label)))
    if size > budget.pairs:
        for key in (lambda layer: layer.exact, lambda layer: (layer.kind, layer.name)):
            anchors = anchors or _increasing(_unique(ours, theirs, key))
    if anchors:
        return pairs + _between(ours, theirs, anchors, budget)
    if not 0 < size <= budget.pairs:
        return pairs
    budget.pairs -= size
    return pairs + _best(ours, theirs)


def _increasing(pairs: Sequence[Pair]) -> list[Pair]:
    """As many of `pairs`, which are in order of the first number, as the second allows."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, other) in enumerate(pairs):
        length = bisect_left(ends, other)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [other]
        last[length : length + 1] = [index]
    chain: list[Pair] = []
    index = last[-1] if last else -1
    while index >= 0:
        chain.append(pairs[index])
        index = before[index]
    return chain[::-1]


def _best(ours: _Layers, theirs: _Layers) -> list[Pair]:
    """The pairs, in one order on both sides, with the most in common together.

    Of several that are as good it is the one whose pairs come first.
    """
    rows, columns = len(ours), len(theirs)
    by_kind: dict[int, list[int]] = {}
    for column, layer in enumerate(theirs):
        by_kind.setdefault(layer.kind, []).append(column)
    # below[j]: what the layers after this row and from column j on have in common.
    below = [0] * (columns + 1)
    taken: list[bytearray] = []
    for mine in reversed(ours):
        worth = [0] * columns
        for column in by_kind.get(mine.kind, ()):
            worth[column] = mine.likeness(theirs[column])
        choice = bytearray(columns)
        now = [0] * (columns + 1)
        right = 0
        for column in range(columns - 1, -1, -1):
            most, step = below[column], _SKIP_FIRST
            if right > most:
                most, step = right, _SKIP_OTHER
            if worth[column]:
                paired = below[column + 1] + worth[column]
                if paired >= most:
                    most, step = paired, _PAIR
            now[column] = right = most
            choice[column] = step
        below = now
        taken.append(choice)
    taken.reverse()
    pairs: list[Pair] = []
    row = column = 0
    while row < rows and column < columns:
        step = taken[row][column]
        if step == _PAIR:
            pairs.append((ours[row].index, theirs[column].index))
        row, column = row + (step != _SKIP_OTHER), column + (step != _SKIP_FIRST)
    return pairs


def _moved(ours: _Layers, theirs: _Layers, pairs: Sequence[Pair]) -> list[Pair]:
    """Layers without a pair that have one name in both networks, in a block that has an id."""
    mine, yours = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    left = [layer for layer in ours if layer.index not in mine]
    left_there = [layer for layer in theirs if layer.index not in yours]
    return _unique(left, left_there, lambda layer: (layer.kind, layer.name), by_id=True)
