"""Blocks that differ in parts which some of them do not have: one block, whose parts have `when`.

Two rules are merged where the entries of one are those of the other without some stretches, and
what reads such a stretch reads in the other what the stretch itself reads. So a residual addition,
an expansion, a projection on the shortcut become options. Not here: the condition of each `when`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from mnet_cost.importing.blocks.grammar import Grammar, Option, Rule, Slot, Source
from mnet_cost.importing.blocks.sharing import Sharing

MAX_OPTIONS = 3
_LEAST_COMMON = 3
"""Entries that two blocks have in common at least, and half of the larger one."""


class Merge(NamedTuple):
    slots: list[Slot]
    options: list[Option]
    first: list[int | None]
    """For each slot, that of the first rule."""
    second: list[int | None]


def merge_options(grammar: Grammar) -> bool:
    """Merge the two blocks that have most in common, if any can be; whether there were two."""
    best: tuple[int, int, int, Merge] | None = None
    sharing = Sharing(grammar)
    numbers = sorted(number for number in grammar.rules if number and not sharing.partakes(number))
    called, sizes = _called(grammar), _sizes(grammar)
    for at, first in enumerate(numbers):
        for second in numbers[at + 1 :]:
            if grammar.rules[first].inputs != grammar.rules[second].inputs:
                continue
            if second in called[first] or first in called[second]:
                continue
            merge = _merged(grammar, first, second, sizes)
            if merge is None:
                continue
            common = _common(merge, sizes)
            if best is None or common > best[0]:
                best = common, first, second, merge
    if best is None:
        return False
    _, first, second, merge = best
    apply_merge(grammar, first, second, merge)
    return True


def _called(grammar: Grammar) -> dict[int, set[int]]:
    """The rules that each rule calls, directly or through others."""
    called: dict[int, set[int]] = {}
    for number in grammar.order():
        inner = {slot.rule for slot in grammar.rules[number].slots if slot.rule is not None}
        called[number] = inner.union(*(called[rule] for rule in inner))
    return called


def _sizes(grammar: Grammar) -> dict[int, int]:
    """How many layers each rule has, with all of its options."""
    sizes: dict[int, int] = {}
    for number in grammar.order():
        slots = grammar.rules[number].slots
        sizes[number] = sum(1 if slot.rule is None else sizes[slot.rule] for slot in slots)
    return sizes


def _common(merge: Merge, sizes: dict[int, int]) -> int:
    """How many layers the two rules of a merge have in common."""
    return sum(
        1 if slot.rule is None else sizes[slot.rule]
        for slot, a, b in zip(merge.slots, merge.first, merge.second, strict=True)
        if a is not None and b is not None
    )


def _merged(grammar: Grammar, first: int, second: int, sizes: dict[int, int]) -> Merge | None:
    """The entries of two rules together; None where they cannot be one block."""
    a, b = grammar.rules[first], grammar.rules[second]
    if 2 * min(sizes[first], sizes[second]) < max(sizes[first], sizes[second]):
        return None
    merge = _united(a, b)
    if merge is None:
        return None
    common = _common(merge, sizes)
    whole = sum(1 if slot.rule is None else sizes[slot.rule] for slot in merge.slots)
    return merge if common >= _LEAST_COMMON and 2 * common >= whole else None


def _united(a: Rule, b: Rule) -> Merge | None:
    keys_a, keys_b = ([(s.key, s.rule, s.outputs) for s in rule.slots] for rule in (a, b))
    if len(keys_a) != len(keys_b):
        larger, smaller = (keys_a, keys_b) if len(keys_a) > len(keys_b) else (keys_b, keys_a)
        gap = len(larger) - len(smaller)
        for start in range(len(smaller), -1, -1):
            if larger[:start] == smaller[:start] and larger[start + gap :] == smaller[start:]:
                long = list(range(len(larger)))
                short = [*range(start), *[None] * gap, *range(start, len(smaller))]
                pair = (long, short) if larger is keys_a else (short, long)
                merge = checked_merge(a, b, *pair)
                if merge is not None:
                    return merge
    return _aligned(a, b, keys_a, keys_b)


def _aligned(
    a: Rule, b: Rule, keys_a: Sequence[Hashable], keys_b: Sequence[Hashable]
) -> Merge | None:
    """Rules that each have parts which the other has not."""
    first: list[int | None] = []
    second: list[int | None] = []
    matcher = SequenceMatcher(None, keys_a, keys_b, autojunk=False)
    for word, a0, a1, b0, b1 in matcher.get_opcodes():
        if word == "replace":
            return None
        first += range(a0, a1) if a1 > a0 else [None] * (b1 - b0)
        second += range(b0, b1) if b1 > b0 else [None] * (a1 - a0)
    return checked_merge(a, b, first, second)


def checked_merge(
    a: Rule, b: Rule, first: list[int | None], second: list[int | None]
) -> Merge | None:
    """The merge of an alignment, if its parts can be left out."""
    in_a = {old: new for new, old in enumerate(first) if old is not None}
    in_b = {old: new for new, old in enumerate(second) if old is not None}
    slots: list[Slot] = []
    options: list[Option] = []
    for rule, places in ((a, in_a), (b, in_b)):
        for option in rule.options:
            inside = {places[old] for old in range(option.start, option.stop)}
            start, stop = min(inside), max(inside) + 1
            if len(inside) != stop - start:
                return None
            moved = Option(start, stop, _mapped(option.instead, places))
            if moved not in options:
                options.append(moved)
    gaps = _gaps(first, second)
    for start, stop in gaps:
        if any(o.start <= start and stop <= o.stop for o in options):
            continue
        if any(o.start < stop and start < o.stop for o in options):
            return None
        rule, places = (a, in_a) if second[start] is None else (b, in_b)
        mine = first if rule is a else second
        instead = read_instead(rule, mine[start], mine[stop - 1], places)
        if instead is None:
            return None
        options.append(Option(start, stop, instead))
    options.sort()
    if len(options) > MAX_OPTIONS or any(
        before.stop > after.start for before, after in pairwise(options)
    ):
        return None
    for x, y in zip(first, second, strict=True):
        rule, old, places = (a, x, in_a) if x is not None else (b, y, in_b)
        assert old is not None
        slot = rule.slots[old]
        slots.append(slot._replace(sources=tuple([_mapped(s, places) for s in slot.sources])))
    merge = Merge(slots, options, first, second)
    # What each rule reads has to be what the merged one reads with its parts left out.
    for rule, mine, places in ((a, first, in_a), (b, second, in_b)):
        for new, old in enumerate(mine):
            if old is None:
                continue
            for wanted, merged in zip(rule.slots[old].sources, slots[new].sources, strict=True):
                source = merged
                while source.slot >= 0 and mine[source.slot] is None:
                    source = next(o.instead for o in options if o.start <= source.slot < o.stop)
                if source != _mapped(wanted, places):
                    return None
    return merge


def read_instead(
    rule: Rule, start: int | None, last: int | None, places: dict[int, int]
) -> Source | None:
    """What is read where a stretch is left out: the tensor that it reads, the entry before it."""
    assert start is not None
    assert last is not None
    if rule.slots[last].outputs != 1:
        return None
    outer: dict[Source, None] = {}
    for slot in rule.slots[start : last + 1]:
        outer.update((source, None) for source in slot.sources if source.slot < start)
    previous = Source(start - 1) if start else Source(-1)
    if previous in outer and (start or rule.inputs == 1):
        return _mapped(previous, places)
    if len(outer) == 1:
        return _mapped(next(iter(outer)), places)
    return None


def _gaps(first: list[int | None], second: list[int | None]) -> list[tuple[int, int]]:
    """Stretches that one of the two has not."""
    gaps: list[tuple[int, int]] = []
    lacking: str | None = None
    for at, (x, y) in enumerate(zip(first, second, strict=True)):
        now = "a" if x is None else "b" if y is None else None
        if now is not None and now == lacking:
            gaps[-1] = (gaps[-1][0], at + 1)
        elif now is not None:
            gaps.append((at, at + 1))
        lacking = now
    return gaps


def _mapped(source: Source, places: dict[int, int]) -> Source:
    return source if source.slot < 0 else Source(places[source.slot], source.number)


def apply_merge(grammar: Grammar, first: int, second: int, merge: Merge) -> None:
    a, b = grammar.rules[first], grammar.rules[second]
    moved = len(a.frames)
    a.frames = [
        *([None if old is None else frame[old] for old in merge.first] for frame in a.frames),
        *([None if old is None else frame[old] for old in merge.second] for frame in b.frames),
    ]
    a.slots, a.options = merge.slots, merge.options
    for caller, place in grammar.callers(second):
        rule = grammar.rules[caller]
        rule.slots[place] = rule.slots[place]._replace(rule=first)
        for frame in rule.frames:
            child = frame[place]
            if child is not None:
                frame[place] = child + moved
    del grammar.rules[second]
    grammar.forget_numbers()
