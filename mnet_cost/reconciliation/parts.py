"""Parts of a network that may explain a gap: layers, kinds and blocks whose count is the gap.

A part is taken for a cause only where its count is the gap to the last unit, and the number states
enough digits: in a network of many layers some part is always close.
"""

from __future__ import annotations

from collections.abc import Iterator

from mnet_cost.analysis.conventions import Convention
from mnet_cost.reconciliation.figures import Figure
from mnet_cost.reconciliation.readings import NetworkCounts
from mnet_cost.reconciliation.types import Cause, Suspect

_LEAST_DIGITS = 6
"""Digits of a number that can single out a part."""
_MOST_PARTS = 5
_CLOSE = 0.05
"""How far from a gap the count of a part may be, as a share of the gap, to be close to it."""


def left_out_parts(
    counts: NetworkCounts, convention: Convention, figure: Figure, factor: int
) -> Iterator[Cause]:
    """Parts without which, or with which twice, the total is the figure, to the last unit."""
    if figure.digits < _LEAST_DIGITS or figure.value % factor:
        return
    gap = figure.value // factor - counts.base(convention).total
    if not gap:
        return
    number = 0
    for what, layers, amount in _parts(counts, convention):
        if amount == abs(gap):
            how = "left out" if gap < 0 else "counted twice"
            yield Cause(f"{what} {how}", gap, layers)
            number += 1
            if number == _MOST_PARTS:
                return


def close_parts(counts: NetworkCounts, convention: Convention, gap: int) -> tuple[Suspect, ...]:
    """Parts whose count is close to a gap, the closest first."""
    if not 0 < gap < counts.base(convention).total:
        return ()
    close = [
        Suspect(what, amount)
        for what, _, amount in _parts(counts, convention)
        if abs(amount - gap) <= _CLOSE * gap
    ]
    close.sort(key=lambda suspect: abs(suspect.mult_adds - gap))
    return tuple(close[:_MOST_PARTS])


def _parts(
    counts: NetworkCounts, convention: Convention
) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """(words, layers, mult-adds) of each kind, each block or entry at the top, and each layer."""
    amounts = counts.by_layer(convention)
    kinds: dict[str, list[tuple[str, int]]] = {}
    entries: dict[str, list[tuple[str, int]]] = {}
    for cost, amount in zip(counts.costs, amounts, strict=True):
        if amount:
            name = cost.step.name
            kinds.setdefault(cost.step.layer.kind, []).append((name, amount))
            entries.setdefault(name.partition(".")[0], []).append((name, amount))
    for kind, members in kinds.items():
        if len(members) > 1:
            yield f"all {len(members)} layers {kind}", _names(members), _sum(members)
    for entry, members in entries.items():
        if len(members) > 1:
            yield f"block {entry}", _names(members), _sum(members)
    for members in kinds.values():
        for name, amount in members:
            yield f"layer {name}", (name,), amount


def _names(members: list[tuple[str, int]]) -> tuple[str, ...]:
    return tuple([name for name, _ in members])


def _sum(members: list[tuple[str, int]]) -> int:
    return sum([amount for _, amount in members])
