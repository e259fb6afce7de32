"""Blocks written out again: the entries of a block in place of a call of it."""

from __future__ import annotations

from mnet_cost.importing.blocks.grammar import Grammar, Option, Source


def unfold(grammar: Grammar, number: int, caller: int, place: int) -> bool:
    """Write the entries of a block in place of one call of it; False where it cannot be.

    The block must have no options. The call may be in all copies of a block.
    """
    rule, around = grammar.rules[number], grammar.rules[caller]
    if rule.options or any(option.start <= place < option.stop for option in around.options):
        return False
    call = around.slots[place]
    length = len(rule.slots)

    def moved(source: Source) -> Source:
        if source.slot < place:
            return source
        return Source(source.slot + length - 1, source.number)

    inner = [
        slot._replace(
            sources=tuple(
                [
                    call.sources[-1 - source.slot]
                    if source.slot < 0
                    else Source(source.slot + place, source.number)
                    for source in slot.sources
                ]
            )
        )
        for slot in rule.slots
    ]
    after = [
        slot._replace(sources=tuple([moved(source) for source in slot.sources]))
        for slot in around.slots[place + 1 :]
    ]
    around.slots = [*around.slots[:place], *inner, *after]
    around.options = [
        Option(
            option.start + (length - 1) * (option.start > place),
            option.stop + (length - 1) * (option.stop > place),
            moved(option.instead),
        )
        for option in around.options
    ]
    gone: set[int] = set()
    for frame in around.frames:
        child = frame[place]
        assert child is not None, "a call outside of options is always there"
        gone.add(child)
        frame[place : place + 1] = rule.frames[child]
    if caller == 0:
        grammar.outputs = tuple([moved(source) for source in grammar.outputs])
    _remove_frames(grammar, number, gone)
    return True


def _remove_frames(grammar: Grammar, number: int, gone: set[int]) -> None:
    """Forget copies of a rule, and the rule where none is left."""
    rule = grammar.rules[number]
    left = [index for index in range(len(rule.frames)) if index not in gone]
    renumbered = {old: new for new, old in enumerate(left)}
    rule.frames = [rule.frames[index] for index in left]
    for caller, place in grammar.callers(number):
        for frame in grammar.rules[caller].frames:
            child = frame[place]
            if child is not None:
                frame[place] = renumbered[child]
    if not left:
        del grammar.rules[number]
    grammar.forget_numbers()
