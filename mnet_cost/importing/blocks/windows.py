"""Stretches of entries that come more than once: what could become a block.

A window is a stretch of slots of one rule. It can be a block if all that it makes stays inside, but
for its last output, and if it reads few tensors from outside. Two windows are copies if their slots
have equal keys and read the same places inside, and outside tensors in the same order. Windows grow
a slot at a time, and only those of which a copy is left; all of it within a number of steps.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from mnet_cost.importing.blocks.grammar import Grammar, Rule, Slot, Source

MAX_WINDOW = 80
MAX_INPUTS = 4
NEVER = 1 << 60
"""The last reader of a tensor that leaves its rule."""


class Place(NamedTuple):
    """Where a window begins."""

    rule: int
    start: int


class Window(NamedTuple):
    """A stretch that comes more than once; its copies do not overlap."""

    length: int
    places: tuple[Place, ...]
    inputs: int
    """How many tensors it reads from outside."""


class Effort:
    """Steps that are left for the search, so that a large graph is not waited for."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def longest(self, slots: int) -> int:
        """The longest windows to look for in so many slots."""
        return min(MAX_WINDOW, self.left // max(slots, 1))


def windows(grammar: Grammar, effort: Effort) -> Iterator[Window]:
    """All windows that could be blocks, the shorter ones first."""
    sequences = {n: rule for n, rule in grammar.rules.items() if not rule.options}
    last_reader = {n: last_readers(grammar, n) for n in sequences}
    alive = [Place(n, s) for n, rule in sequences.items() for s in range(len(rule.slots))]
    outside: dict[Place, dict[Source, int]] = {place: {} for place in alive}
    reach = dict.fromkeys(alive, -1)
    names: dict[Place, int] = dict.fromkeys(alive, 0)
    longest = effort.longest(len(alive))
    effort.left -= 5 * len(alive)  # to compare the windows, and to rewrite the rules
    for length in range(1, longest + 1):
        effort.left -= len(alive)
        interned: dict[Hashable, int] = {}
        groups: dict[int, list[Place]] = {}
        for place in alive:
            slots = sequences[place.rule].slots
            at = place.start + length - 1
            if at >= len(slots):
                continue
            if length > 1:
                before = last_reader[place.rule][at - 1]
                if before > reach[place]:
                    reach[place] = before
            if reach[place] >= NEVER:
                continue
            slot = slots[at]
            token = _token(slot, place.start, outside[place])
            if len(outside[place]) > MAX_INPUTS:
                continue
            name = interned.setdefault((names[place], token), len(interned))
            names[place] = name
            groups.setdefault(name, []).append(place)
        alive = []
        for places in groups.values():
            if len(places) < 2:
                continue
            alive += places
            if length < 2:
                continue
            closed = [
                place
                for place in places
                if reach[place] < place.start + length
                and sequences[place.rule].slots[place.start + length - 1].outputs == 1
            ]
            apart = _apart(closed, length)
            if len(apart) > 1:
                yield Window(length, tuple(apart), len(outside[apart[0]]))
            last = _last_apart(closed, length) if len(apart) < len(closed) else apart
            if last != apart and len(last) > 1:
                yield Window(length, tuple(last), len(outside[last[0]]))
        if len(alive) < 2 or effort.left <= 0:
            return


def fold_window(grammar: Grammar, window: Window) -> int:
    """Make a rule of a window, and calls of its copies; the number of the rule."""
    rule = Rule([], window.inputs)
    for number, place in enumerate(window.places):
        outer: dict[Source, int] = {}
        slots = grammar.rules[place.rule].slots[place.start : place.start + window.length]
        inner = [_relative(slot, place.start, outer) for slot in slots]
        if not number:
            rule.slots = inner
    called = grammar.add(rule)
    for caller in dict.fromkeys(place.rule for place in window.places):
        starts = [place.start for place in window.places if place.rule == caller]
        _replace(grammar.rules[caller], starts, window.length, called, rule)
        if caller == 0:
            grammar.outputs = _moved(grammar.outputs, starts, window.length)
    grammar.forget_numbers()
    return called


def _replace(caller: Rule, starts: list[int], length: int, called: int, rule: Rule) -> None:
    """Replace stretches of a rule by calls, and give the called rule its copies."""
    slots: list[Slot] = []
    children: list[list[int | None]] = [[] for _ in caller.frames]
    at, begins = 0, set(starts)
    while at < len(caller.slots):
        if at not in begins:
            slots.append(caller.slots[at])
            for frame, own in zip(caller.frames, children, strict=True):
                own.append(frame[at])
            at += 1
            continue
        outer: dict[Source, int] = {}
        for slot in caller.slots[at : at + length]:
            _relative(slot, at, outer)
        slots.append(Slot(None, called, tuple(outer)))
        for frame, own in zip(caller.frames, children, strict=True):
            part = frame[at : at + length]
            own.append(len(rule.frames))
            rule.frames.append(part)
        at += length
    caller.slots = [slot._replace(sources=_moved(slot.sources, starts, length)) for slot in slots]
    caller.frames = children


def _moved(sources: tuple[Source, ...], starts: list[int], length: int) -> tuple[Source, ...]:
    """Sources after the stretches that begin at `starts` have become one slot each."""
    return tuple([_moved_source(source, starts, length) for source in sources])


def _moved_source(source: Source, starts: list[int], length: int) -> Source:
    if source.slot < 0:
        return source
    before = bisect_right(starts, source.slot)
    if before and source.slot < starts[before - 1] + length:
        return Source(starts[before - 1] - (before - 1) * (length - 1), source.number)
    return Source(source.slot - before * (length - 1), source.number)


def _token(slot: Slot, start: int, outside: dict[Source, int]) -> Hashable:
    sources = []
    for source in slot.sources:
        if source.slot >= start:
            sources.append((source.slot - start, source.number))
        else:
            sources.append((-1 - outside.setdefault(source, len(outside)), 0))
    return (slot.key, slot.rule, slot.outputs, tuple(sources))


def _relative(slot: Slot, start: int, outside: dict[Source, int]) -> Slot:
    sources = [
        Source(source.slot - start, source.number)
        if source.slot >= start
        else Source(-1 - outside.setdefault(source, len(outside)))
        for source in slot.sources
    ]
    return slot._replace(sources=tuple(sources))


def last_readers(grammar: Grammar, number: int) -> list[int]:
    """The last slot that reads each slot of a rule; `NEVER` for what leaves the rule."""
    rule = grammar.rules[number]
    last = list(range(len(rule.slots)))
    for place, slot in enumerate(rule.slots):
        for source in slot.sources:
            if source.slot >= 0:
                last[source.slot] = place
    leaving = grammar.outputs if number == 0 else (Source(len(rule.slots) - 1),)
    for source in leaving:
        if source.slot >= 0:
            last[source.slot] = NEVER
    return last


def _last_apart(places: list[Place], length: int) -> list[Place]:
    """The places that do not overlap, from the last back: what begins like them may be a stem."""
    apart: list[Place] = []
    for place in sorted(places, reverse=True):
        if not apart or place.rule != apart[-1].rule or place.start + length <= apart[-1].start:
            apart.append(place)
    return apart[::-1]


def _apart(places: list[Place], length: int) -> list[Place]:
    """The places that do not overlap, from the first on."""
    apart: list[Place] = []
    for place in sorted(places):
        if not apart or place.rule != apart[-1].rule or place.start >= apart[-1].start + length:
            apart.append(place)
    return apart
