"""What a printed figure is, given ours: computed, never stored.

The counting of the table comes first, in whatever way it was printed; then the other ways of
counting and the other settings that the file names, the closest way of printing first. What a
file says about a cell (a typo, a reason) is believed only where the figures agree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple, get_args

from mnet_cost.papers.types import Cell, Figure
from mnet_cost.printed import Printed, Way, way_printed

Verdict = Literal[
    "exact", "rounded", "truncated", "rounded twice", "fitted", "convention", "typo",
    "not reproducible", "not computed", "unexplained", "refuted",
]  # fmt: skip
"""exact ... rounded twice: ours by the table's own counting, printed that way. fitted: the same,
with settings that the source does not state. convention: ours by another counting, or at another
setting. typo: ours is what the file says should be printed, or the printed figure is of the
setting that it says is meant. not reproducible: nothing gives it, for the file's reason. not
computed: our figure is not known. unexplained: nothing gives it, and there is no reason. refuted:
the file gives a reason or a correction, and our figure says otherwise."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
FAULTS: frozenset[Verdict] = frozenset(("not computed", "unexplained", "refuted"))
"""Verdicts that say that a file of tables, or a spec, is to be mended."""

_WAYS: tuple[Way, ...] = get_args(Way)


class Ours(NamedTuple):
    """A figure of ours: the setting it is of, and how it was counted."""

    value: Fraction | str
    setting: str
    counting: str = ""


class Match(NamedTuple):
    """A figure of ours, and the way in which it was printed."""

    ours: Ours
    way: Way


class Judgement(NamedTuple):
    """A verdict and the figures that it rests on."""

    verdict: Verdict
    ours: Ours | None = None
    """Our figure of the row, as the table counts."""
    match: Match | None = None
    """Which figure of ours the printed one is."""
    right: Match | None = None
    """Which figure of ours the file's correction is."""
    note: str = ""


def judge(
    cell: Cell,
    own: Ours,
    others: Sequence[Ours] = (),
    meant: Sequence[Ours] = (),
    truncated: bool = False,
) -> Judgement:
    """What `cell` is: `own` is our figure as the table counts; see the module for the order.

    `truncated` is what the table says of its figures, and then no other way of printing counts.
    """
    if match := _best([own], cell.printed, truncated):
        verdict: Verdict = "fitted" if cell.chosen else match.way
        return _unless_refuted(cell, Judgement(verdict, own, match, note=cell.chosen))
    other = _best(others, cell.printed, truncated)
    correction = f"should be {cell.typo}"
    if cell.typo is not None and (right := _best([own], cell.typo, truncated)):
        return Judgement("typo", own, other, right, correction)
    if other:
        return _unless_refuted(cell, Judgement("convention", own, other, note=cell.chosen))
    if match := _best(meant, cell.printed, truncated):
        return Judgement("typo", own, match, note="the row must be of another setting")
    if cell.typo is not None:
        if right := _best(others, cell.typo, truncated):
            return Judgement("typo", own, None, right, correction)
        return Judgement("refuted", own, note=f"{correction}, says the file; ours is not that")
    if cell.why:
        return Judgement("not reproducible", own, note=cell.why)
    return Judgement("unexplained", own)


def settings_of(printed: Figure, candidates: Sequence[Ours], truncated: bool = False) -> set[str]:
    """The settings with a figure that `printed` may be."""
    return {one.setting for one in candidates if _way(one, printed, truncated) is not None}


def _unless_refuted(cell: Cell, found: Judgement) -> Judgement:
    """A figure that is ours needs no correction and no reason."""
    if cell.typo is None and not cell.why:
        return found
    said = cell.why or f"should be {cell.typo}"
    return found._replace(verdict="refuted", note=f"it is ours; the file says: {said}")


def _way(ours: Ours, printed: Figure, truncated: bool) -> Way | None:
    if isinstance(printed, str) or isinstance(ours.value, str):
        return "exact" if ours.value == printed else None
    if not truncated or ours.value == printed.value:
        return way_printed(ours.value, printed)
    return "truncated" if printed.value and _cut(ours.value, printed) == printed.value else None


def _cut(value: Fraction, printed: Printed) -> Fraction:
    """A number without the digits that are not printed."""
    return value // printed.step * printed.step


def _best(candidates: Sequence[Ours], printed: Figure, truncated: bool) -> Match | None:
    """The candidate that was printed in the closest way, the first of several."""
    matches = [
        Match(one, way) for one in candidates if (way := _way(one, printed, truncated)) is not None
    ]
    return min(matches, key=lambda match: _WAYS.index(match.way), default=None)
