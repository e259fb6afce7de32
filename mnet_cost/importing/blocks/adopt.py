"""Stretches of the network that become part of a block that there is already.

A stretch that lacks some parts of a block is one more copy of it, without those parts. A layer that
follows some calls of a block, and reads only what they read and make, is an optional end of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from mnet_cost.importing.blocks.grammar import Grammar, Option, Rule, Slot, Source, parts_a_unit
from mnet_cost.importing.blocks.options import (
    MAX_OPTIONS,
    apply_merge,
    checked_merge,
    read_instead,
)
from mnet_cost.importing.blocks.sharing import Sharing
from mnet_cost.importing.blocks.unfold import unfold
from mnet_cost.importing.blocks.windows import Place, Window, fold_window, last_readers

_LEAST_LEFT = 5
"""Entries of a stretch that is made a copy of a larger block."""


def adopt_alike(grammar: Grammar) -> bool:
    """Make a stretch of entries a copy of a block that has more: the first one that there is.

    What the stretch lacks are options of the block, and at most one more of its parts.
    """
    sharing = Sharing(grammar)
    for number in sorted(number for number in grammar.rules if number):
        rule = grammar.rules[number]
        if sharing.partakes(number):
            continue
        for lacking in _reductions(rule):
            reduced = _reduced(rule, lacking)
            if reduced is None:
                continue
            place = _found(grammar, number, reduced, lacking)
            if place is None:
                continue
            if sharing.partakes(place.rule, place.start, place.start + len(reduced)):
                continue
            second = fold_window(grammar, Window(len(reduced), (place,), rule.inputs))
            left = [None if at in lacking else at for at in range(len(rule.slots))]
            numbered = iter(range(len(reduced)))
            mine = [None if at is None else next(numbered) for at in left]
            merge = checked_merge(rule, grammar.rules[second], list(range(len(rule.slots))), mine)
            if merge is None:
                unfold(grammar, second, place.rule, place.start)
                continue
            apply_merge(grammar, number, second, merge)
            return True
    return False


def _reductions(rule: Rule) -> Iterator[frozenset[int]]:
    """Slots that a copy could lack: some of the options, and one more stretch."""
    count = len(rule.slots)
    chosen = [frozenset[int]()]
    for option in rule.options:
        chosen += [slots | set(range(option.start, option.stop)) for slots in chosen]
    for slots in chosen:
        if slots:
            yield slots
    if len(rule.options) < MAX_OPTIONS:
        for slots in chosen:
            for start in range(count):
                for stop in range(start + 1, count):
                    gap = frozenset(range(start, stop))
                    if parts_a_unit(rule.slots, start) or parts_a_unit(rule.slots, stop):
                        continue
                    if _is_apart(rule, start, stop) and not gap & slots:
                        yield slots | gap


def _is_apart(rule: Rule, start: int, stop: int) -> bool:
    """Whether a stretch is on one side of each option, and can be left out."""
    if any(option.start < stop and start < option.stop for option in rule.options):
        return False
    return (
        read_instead(rule, start, stop - 1, {at: at for at in range(len(rule.slots))}) is not None
    )


def _reduced(rule: Rule, lacking: frozenset[int]) -> list[Slot] | None:
    """The slots of a rule without some; None if too few are left, or what is left reads nothing."""
    left = [at for at in range(len(rule.slots)) if at not in lacking]
    if len(left) < _LEAST_LEFT or 3 * len(left) < len(rule.slots):
        return None
    gaps = list(rule.options)
    inside: list[int] = sorted(at for at in lacking if not any(
        option.start <= at < option.stop for option in rule.options
    ))  # fmt: skip
    if inside:
        places = {at: at for at in range(len(rule.slots))}
        instead = read_instead(rule, inside[0], inside[-1], places)
        assert instead is not None
        gaps.append(Option(inside[0], inside[-1] + 1, instead))
    numbers = {old: new for new, old in enumerate(left)}
    slots = []
    for at in left:
        sources = []
        for source in rule.slots[at].sources:
            while source.slot >= 0 and source.slot in lacking:
                source = next(g.instead for g in gaps if g.start <= source.slot < g.stop)
            if source.slot >= 0:
                source = Source(numbers[source.slot], source.number)
            sources.append(source)
        slots.append(rule.slots[at]._replace(sources=tuple(sources)))
    return slots


def _found(
    grammar: Grammar, number: int, wanted: list[Slot], lacking: frozenset[int]
) -> Place | None:
    """Where a list of slots stands in another rule, and only its last output is read elsewhere.

    A stretch that begins with a kernel which no copy of the block has is a stem, not a block.
    """
    kernels = [_kernels_at(grammar, number, at) for at in range(len(grammar.rules[number].slots))]
    kernels = [known for at, known in enumerate(kernels) if at not in lacking]
    for other, rule in grammar.rules.items():
        if other == number or rule.options:
            continue
        for start in range(len(rule.slots) - len(wanted) + 1):
            if parts_a_unit(rule.slots, start) or parts_a_unit(rule.slots, start + len(wanted)):
                continue
            if rule.slots[start].key != wanted[0].key or not _stands(grammar, other, start, wanted):
                continue
            own = [_kernels_at(grammar, other, at) for at in range(start, start + len(wanted))]
            begins = next((at for at, known in enumerate(kernels) if known), 0)
            if own[begins] <= kernels[begins]:
                return Place(other, start)
    return None


def _kernels_at(grammar: Grammar, number: int, at: int) -> frozenset[object]:
    """The kernels that a slot of a rule has in its copies; none for a call."""
    rule = grammar.rules[number]
    if rule.slots[at].rule is not None:
        return frozenset()
    leaves = [grammar.leaves[child] for frame in rule.frames if (child := frame[at]) is not None]
    kernels = [
        tuple(leaf.numbers.get(place) for place in ("kernel", "kernel.0", "kernel.1"))
        for leaf in leaves
    ]
    return frozenset(kernel for kernel in kernels if any(size is not None for size in kernel))


def _stands(grammar: Grammar, number: int, start: int, wanted: list[Slot]) -> bool:
    rule = grammar.rules[number]
    outer: dict[int, Source] = {}
    for offset, slot in enumerate(wanted):
        actual = rule.slots[start + offset]
        if (slot.key, slot.rule, slot.outputs) != (actual.key, actual.rule, actual.outputs):
            return False
        for source, real in zip(slot.sources, actual.sources, strict=True):
            if source.slot < 0:
                if real.slot >= start or outer.setdefault(source.slot, real) != real:
                    return False
            elif real != Source(source.slot + start, source.number):
                return False
    if list(outer) != sorted(outer, reverse=True) or len(set(outer.values())) < len(outer):
        return False
    last = last_readers(grammar, number)
    stop = start + len(wanted)
    return all(last[at] < stop for at in range(start, stop - 1))


def absorb_tails(grammar: Grammar) -> bool:
    """Make what follows some calls of a block an optional end of the block; whether there was one.

    That is a layer which reads the block's output, that nobody else reads, and inputs of the block.
    """
    sharing = Sharing(grammar)
    for number in sorted(number for number in grammar.rules if number):
        rule = grammar.rules[number]
        if sharing.partakes(number):
            continue
        if len(rule.options) >= MAX_OPTIONS or _ends_with_option(rule):
            continue
        tails: dict[tuple[object, tuple[Source, ...]], list[tuple[int, int]]] = {}
        for caller, place in grammar.callers(number):
            tail = _tail(grammar, caller, place, len(rule.slots))
            if tail is not None and not sharing.partakes(caller, place + 1, place + 2):
                tails.setdefault(tail, []).append((caller, place))
        best = max(tails.items(), key=lambda entry: len(entry[1]), default=None)
        if best is not None and (
            len(best[1]) > 1 or (best[1][0][0] and len(grammar.rules[best[1][0][0]].slots) < 4)
        ):
            _absorb(grammar, number, best[1])
            return True
    return False


def _ends_with_option(rule: Rule) -> bool:
    return any(option.stop == len(rule.slots) for option in rule.options)


def _tail(
    grammar: Grammar, caller: int, place: int, length: int
) -> tuple[object, tuple[Source, ...]] | None:
    """(Key of the layer after a call, what it reads as seen in the block); None if it cannot move
    into the block."""
    rule = grammar.rules[caller]
    if rule.options or place + 1 >= len(rule.slots):
        return None
    call, slot = rule.slots[place], rule.slots[place + 1]
    if slot.rule is not None or slot.outputs != 1 or len(slot.sources) < 2:
        return None
    sources = []
    for source in slot.sources:
        if source == Source(place):
            sources.append(Source(length - 1))
        elif source in call.sources:
            sources.append(Source(-1 - call.sources.index(source)))
        else:
            return None
    readers = sum(source.slot == place for other in rule.slots for source in other.sources)
    is_output = caller == 0 and any(source.slot == place for source in grammar.outputs)
    if Source(length - 1) not in sources or readers != 1 or is_output:
        return None
    return slot.key, tuple(sources)


def _absorb(grammar: Grammar, number: int, calls: list[tuple[int, int]]) -> None:
    """Move the layer after each of some calls into the block."""
    rule = grammar.rules[number]
    end = len(rule.slots)
    caller, place = calls[0]
    tail = _tail(grammar, caller, place, end)
    assert tail is not None
    slot = grammar.rules[caller].slots[place + 1]._replace(sources=tail[1])
    ends: dict[int, int] = {}
    for caller, place in sorted(calls, reverse=True):
        around = grammar.rules[caller]
        for frame in around.frames:
            call, child = frame[place], frame.pop(place + 1)
            assert call is not None
            assert child is not None
            ends[call] = child
        del around.slots[place + 1]

        def moved(source: Source, place: int = place) -> Source:
            return source if source.slot <= place else Source(source.slot - 1, source.number)

        around.slots = [
            each._replace(sources=tuple([moved(source) for source in each.sources]))
            for each in around.slots
        ]
        if caller == 0:
            grammar.outputs = tuple([moved(source) for source in grammar.outputs])
    rule.slots.append(slot)
    for index, frame in enumerate(rule.frames):
        frame.append(ends.get(index))
    if len(ends) < len(rule.frames):
        rule.options.append(Option(end, end + 1, Source(end - 1)))
    grammar.forget_numbers()
