"""Which layer of one network is which layer of another.

Both are sequences, in the order in which they run, and the alignment is the one of least change
between them: pairs of the same kind in the same order, weighted by how much they have in common.
A name that the spec gives is strong evidence, and one that is given by counting (`conv2d_3`) is
weak: so an inserted layer is one insertion, and the layers after it are renamed. What is left over
on both sides and has the same id is a layer that was moved. Not here: what differs in a pair.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

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
"""Pairs that are weighed in one gap where nothing is certain, some tenth of a second; and at most,
some two seconds."""


class _Gap(NamedTuple):
    """Layers of both networks between two pairs."""

    first: int
    first_end: int
    other: int
    other_end: int

    @property
    def size(self) -> int:
        return (self.first_end - self.first) * (self.other_end - self.other)


def align(first: Sequence[LayerSnapshot], other: Sequence[LayerSnapshot]) -> tuple[Pair, ...]:
    """Pairs of layers of two networks, each layer at most once, in the order of `other`.

    In one pair both are of one kind. It takes the product of the numbers of layers that are left
    between an equal start and an equal end; networks whose product is too large are cut at layers
    of equal names first.
    """
    numbers = _Numbers()
    ours = [_Evidence(layer, numbers) for layer in first]
    theirs = [_Evidence(layer, numbers) for layer in other]
    pairs = _aligned(ours, theirs, _Gap(0, len(ours), 0, len(theirs)))
    pairs += _moved(ours, theirs, pairs)
    return tuple(sorted(pairs, key=lambda pair: pair[1]))


class _Numbers(dict[Hashable, int]):
    """A number for each thing that layers are recognised by, since numbers compare fast."""

    def __missing__(self, thing: Hashable) -> int:
        self[thing] = number = len(self)
        return number


class _Evidence:
    """What a layer is recognised by."""

    __slots__ = (
        "block", "depth", "entry", "exact", "fields", "has_fields", "has_id", "is_known", "kind",
        "label", "last", "name", "parts", "types",
    )  # fmt: skip

    def __init__(self, layer: LayerSnapshot, numbers: _Numbers) -> None:
        types = (layer.input_types, layer.output_type)
        self.parts = layer.label
        self.depth = len(layer.label)
        self.has_fields = bool(layer.fields)
        self.has_id = layer.has_id
        self.is_known = any(part.startswith("=") for part in layer.label)
        """Whether it or a block around it has an id."""
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
        if not alike and not (has_same_fields and self.has_fields):
            return 0
        return (
            _KIND
            + alike
            + (_FIELDS if has_same_fields else 0)
            + (_ENTRY if self.entry == other.entry else 0)
            + (_TYPE if self.types == other.types else 0)
            + (_NAME if self.name == other.name else 0)
        )


def _aligned(ours: Sequence[_Evidence], theirs: Sequence[_Evidence], gap: _Gap) -> list[Pair]:
    """The pairs of a gap: equal layers at its ends, then the best of what is between."""
    first, first_end, other, other_end = gap
    pairs: list[Pair] = []
    while first < first_end and other < other_end and ours[first].exact == theirs[other].exact:
        pairs.append((first, other))
        first, other = first + 1, other + 1
    while (
        first < first_end
        and other < other_end
        and ours[first_end - 1].exact == theirs[other_end - 1].exact
    ):
        first_end, other_end = first_end - 1, other_end - 1
        pairs.append((first_end, other_end))
    gap = _Gap(first, first_end, other, other_end)
    if gap.size <= _WELL_COMPARED:
        return pairs + _best(ours, theirs, gap)
    anchors = _anchors(ours, theirs, gap)
    if not anchors:
        return pairs + (_best(ours, theirs, gap) if gap.size <= _MOST_COMPARED else [])
    for start, end in zip((None, *anchors), (*anchors, None), strict=True):
        inner = _Gap(
            start[0] + 1 if start else first,
            end[0] if end else first_end,
            start[1] + 1 if start else other,
            end[1] if end else other_end,
        )
        if inner.size:
            pairs += _aligned(ours, theirs, inner)
    return pairs + anchors


def _anchors(ours: Sequence[_Evidence], theirs: Sequence[_Evidence], gap: _Gap) -> list[Pair]:
    """Layers that can be told apart from all others of a gap, as many as are in one order.

    They have an id, or one around them, or else all that they are recognised by; where a gap is too
    large to be compared, at least their name.
    """
    keys: list[Callable[[_Evidence], tuple[Hashable, ...]]] = [
        lambda layer: (layer.kind, layer.label, layer.is_known),
        lambda layer: (layer.exact, True),
    ]
    if gap.size > _MOST_COMPARED:
        keys.append(lambda layer: (layer.kind, layer.name, True))
    for key in keys:
        mine = [key(layer) for layer in ours[gap.first : gap.first_end]]
        yours = [key(layer) for layer in theirs[gap.other : gap.other_end]]
        once, once_there = Counter(mine), Counter(yours)
        place = {each: index for index, each in enumerate(yours) if once_there[each] == 1}
        candidates = [
            (gap.first + index, gap.other + place[each])
            for index, each in enumerate(mine)
            if once[each] == 1 and each in place and each[-1]
        ]
        if candidates:
            return _increasing(candidates)
    return []


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


def _best(ours: Sequence[_Evidence], theirs: Sequence[_Evidence], gap: _Gap) -> list[Pair]:
    """The pairs of a gap, in one order on both sides, with the most in common together.

    Of several that are as good it is the one whose pairs come first.
    """
    rows, columns = gap.first_end - gap.first, gap.other_end - gap.other
    if not rows or not columns:
        return []
    inner = theirs[gap.other : gap.other_end]
    by_kind: dict[int, list[int]] = {}
    for column, layer in enumerate(inner):
        by_kind.setdefault(layer.kind, []).append(column)
    # best[j]: what the layers from this row and from column j on have in common.
    best = [0] * (columns + 1)
    taken: list[bytearray] = []
    for row in range(gap.first_end - 1, gap.first - 1, -1):
        mine = ours[row]
        worth = [0] * columns
        for column in by_kind.get(mine.kind, ()):
            worth[column] = mine.likeness(inner[column])
        choice = bytearray(columns)
        now = [0] * (columns + 1)
        right = 0
        for column in range(columns - 1, -1, -1):
            most, step = best[column], 0
            if right > most:
                most, step = right, 1
            if worth[column]:
                paired = best[column + 1] + worth[column]
                if paired >= most:
                    most, step = paired, 2
            now[column] = right = most
            choice[column] = step
        best = now
        taken.append(choice)
    taken.reverse()
    pairs: list[Pair] = []
    row = column = 0
    while row < rows and column < columns:
        step = taken[row][column]
        if step == 2:
            pairs.append((gap.first + row, gap.other + column))
        row, column = row + (step != 1), column + (step != 0)
    return pairs


def _moved(
    ours: Sequence[_Evidence], theirs: Sequence[_Evidence], pairs: Sequence[Pair]
) -> list[Pair]:
    """Layers without a pair that have the same id in both networks: they stand elsewhere."""
    paired, paired_there = {first for first, _ in pairs}, {other for _, other in pairs}
    left: dict[tuple[int, int, int], int] = {}
    for index, layer in enumerate(ours):
        if index not in paired and layer.is_known:
            left.setdefault((layer.kind, layer.name, layer.label), index)
    moved = []
    for index, layer in enumerate(theirs):
        key = layer.kind, layer.name, layer.label
        if index not in paired_there and key in left:
            moved.append((left.pop(key), index))
    return moved
