"""Folding: blocks are made of what repeats until no line is saved, then blocks that are nearly the
same are merged, and blocks that are not worth their lines are written out again.

All of it within a number of steps, so a graph of 100,000 layers is folded as far as that reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mnet_cost.importing.blocks.adopt import absorb_tails, adopt_alike
from mnet_cost.importing.blocks.grammar import Grammar
from mnet_cost.importing.blocks.modules import Modules
from mnet_cost.importing.blocks.options import merge_options
from mnet_cost.importing.blocks.scores import Scores
from mnet_cost.importing.blocks.unfold import unfold
from mnet_cost.importing.blocks.windows import Effort, fold_window
from mnet_cost.importing.layer_graph import LayerGraph

STEPS = 800_000
"""Steps of the search: a second or two."""


def folded(graphs: Sequence[LayerGraph], steps: int = STEPS) -> tuple[Grammar, ...]:
    """Ways to fold graphs: blocks without options; if there are such, blocks merged that differ in
    parts; and both once more, where modules of the program become blocks before all else.

    The graphs have the same layers, but for numbers.
    """
    modules = Modules(graphs[0])
    forms: list[Grammar] = []
    for calls_first in (False, True) if modules.are_known else (False,):
        grammar = Grammar(graphs)
        effort = Effort(steps)
        _fold_all(grammar, Scores(grammar, modules, only_calls=calls_first), effort)
        forms += _merged(grammar, modules, effort)
    return tuple(forms)


def _merged(grammar: Grammar, modules: Modules, effort: Effort) -> Iterator[Grammar]:
    """The grammar as it is, and with blocks merged that differ in parts."""
    plain = grammar.copy()
    _fold_all(plain, Scores(plain, modules), effort)
    _unfold_small(plain)
    yield plain
    merged, is_other = True, False
    while merged and effort.left > 0:
        merged = False
        while merge_options(grammar) or adopt_alike(grammar) or absorb_tails(grammar):
            merged = is_other = True
            _unfold_small(grammar)
        if merged:
            _fold_all(grammar, Scores(grammar, modules), effort)
    _unfold_small(grammar)
    if is_other:
        yield grammar


def _fold_all(grammar: Grammar, scores: Scores, effort: Effort) -> None:
    """Make blocks until none saves a line, or the effort is spent."""
    while (window := scores.best(effort)) is not None:
        fold_window(grammar, window)


def _unfold_small(grammar: Grammar) -> None:
    """Write out blocks that one entry calls once, and blocks that do not save a line."""
    changed = True
    while changed:
        changed = False
        for number in sorted(grammar.rules, reverse=True):
            if number == 0 or grammar.rules[number].options:
                continue
            callers = grammar.callers(number)
            is_little = len(callers) == 1 or len(grammar.rules[number].slots) == 1
            if is_little and unfold(grammar, number, *callers[0]):
                changed = True
                break
