"""Two sequences aligned: pairs of their items, in one order on both sides, with most in common.

It takes the product of the numbers of items that are left between an equal start and an equal end;
where that is large, they are cut at what is unique in both, ids first. Not here: what makes items
alike, which is `entries.py` for entries of specs and `alignment.py` for layers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

Pair = tuple[int, int]
"""Indices of an item of the first sequence and of the item of the other that it is."""

_WELL_COMPARED, _MOST_COMPARED = 200_000, 6_000_000
"""Pairs that are weighed against each other although ids tell an order, some tenth of a second; and
in all, some two seconds."""

_SKIP_FIRST, _SKIP_OTHER, _PAIR = range(3)


class Item(Protocol):
    """An item of a sequence."""

    index: int
    kind: int
    """Items of two kinds are never a pair."""
    exact: int
    """Equal where nothing that is seen of two items differs."""
    name: int
    unique: int
    """What an item that is in both sequences once is recognised by."""
    is_found: bool
    """Whether the other sequence has one item of that `unique`: it is paired with no other one."""

    def likeness(self, other: Any) -> int:
        """How much both have in common; 0 where they cannot be a pair."""
        ...


Items = Sequence[Item]


class Budget:
    """How many pairs may still be weighed."""

    def __init__(self) -> None:
        self.pairs = _MOST_COMPARED


def unique_pairs(ours: Items, theirs: Items, key: Callable[[Item], Hashable]) -> list[Pair]:
    """Pairs of items whose `key` no other item has on its side, in the order of `ours`."""
    once = Counter(map(key, ours))
    once_there = Counter(map(key, theirs))
    place = {key(item): item.index for item in theirs if once_there[key(item)] == 1}
    return [
        (item.index, place[key(item)])
        for item in ours
        if once[key(item)] == 1 and key(item) in place
    ]


def _between(ours: Items, theirs: Items, anchors: Sequence[Pair], budget: Budget) -> list[Pair]:
    """`anchors`, which are in one order on both sides, and the pairs of what is between them."""
    pairs = list(anchors)
    first = other = 0
    place = {item.index: number for number, item in enumerate(ours)}
    place_there = {item.index: number for number, item in enumerate(theirs)}
    ends = [(place[mine], place_there[yours]) for mine, yours in anchors]
    for first_end, other_end in (*ends, (len(ours), len(theirs))):
        pairs += align_items(ours[first:first_end], theirs[other:other_end], budget)
        first, other = first_end + 1, other_end + 1
    return pairs


def align_items(ours: Items, theirs: Items, budget: Budget) -> list[Pair]:
    """The pairs of some items: equal ones at both ends, then the best of what is between."""
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
        mine, yours = ([item for item in side if item.is_found] for side in (ours, theirs))
        anchors = increasing(unique_pairs(mine, yours, lambda item: (item.kind, item.unique)))
    if size > budget.pairs:
        for key in (lambda item: item.exact, lambda item: (item.kind, item.name)):
            anchors = anchors or increasing(unique_pairs(ours, theirs, key))
    if anchors:
        return pairs + _between(ours, theirs, anchors, budget)
    if not 0 < size <= budget.pairs:
        return pairs
    budget.pairs -= size
    return pairs + _best(ours, theirs)


def increasing(pairs: Sequence[Pair]) -> list[Pair]:
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


def _best(ours: Items, theirs: Items) -> list[Pair]:
    """The pairs, in one order on both sides, with the most in common together.

    Of several that are as good it is the one whose pairs come first.
    """
    rows, columns = len(ours), len(theirs)
    by_kind: dict[int, list[int]] = {}
    for column, item in enumerate(theirs):
        by_kind.setdefault(item.kind, []).append(column)
    # below[j]: what the items after this row and from column j on have in common.
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
