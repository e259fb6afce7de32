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
from mnet_cost.printed import Way, way_printed

Verdict = Literal[
    "exact", "rounded", "truncated", "rounded twice", "convention", "typo", "not reproducible",
    "not computed", "unexplained", "refuted",
]  # fmt: skip
"""exact ... rounded twice: ours by the table's own counting, printed that way. convention: ours
by another one, or at another setting. typo: ours is what the file says should be printed, or is
of the setting that it says is meant. not reproducible: nothing gives it, for the file's reason.
not computed: our figure is not known. unexplained: nothing gives it, and there is no reason.
refuted: the file gives a reason or a correction, and our figure says otherwise."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
FAULTS: frozenset[Verdict] = frozenset(("not computed", "unexplained", "refuted"))
"""Verdicts that say that a file of tables, or a spec, is to be mended."""

_WAYS: tuple[Way, ...] = get_args(Way)


class Ours(NamedTuple):
    """A figure of ours: the setting it is of, and how it was counted."""

    value: Fraction | str
    setting: str
    counting: str = ""


class Judgement(NamedTuple):
    """A verdict, with our figure that it rests on and the way in which that was printed."""

    verdict: Verdict
    ours: Ours | None = None
    way: Way | None = None
    note: str = ""


def judge(
    cell: Cell, own: Ours, others: Sequence[Ours] = (), meant: Sequence[Ours] = ()
) -> Judgement:
    """What `cell` is: `own` is our figure as the table counts; see the module for the order."""
    way = _way(own, cell.printed)
    if way is not None:
        found = Judgement(way, own, way)
        return _refuted(cell, found) if cell.typo or cell.why else found
    if best := _best(others, cell.printed):
        found = Judgement("convention", *best)
        return _refuted(cell, found) if cell.typo or cell.why else found
    if best := _best(meant, cell.printed):
        return Judgement("typo", *best, "the row must be of another setting")
    if cell.typo is not None:
        note = f"should be {cell.typo}"
        best = _best([own], cell.typo) or _best(others, cell.typo)
        if best is None:
            return Judgement("refuted", own, None, f"{note}, says the file; ours is not that")
        return Judgement("typo", *best, note)
    if cell.why:
        return Judgement("not reproducible", own, None, cell.why)
    return Judgement("unexplained", own)


def _refuted(cell: Cell, found: Judgement) -> Judgement:
    said = f"should be {cell.typo}" if cell.typo else cell.why
    return Judgement("refuted", found.ours, found.way, f"it is ours; the file says: {said}")


def _way(ours: Ours, printed: Figure) -> Way | None:
    if isinstance(printed, str) or isinstance(ours.value, str):
        return "exact" if ours.value == printed else None
    return way_printed(ours.value, printed)


def _best(candidates: Sequence[Ours], printed: Figure) -> tuple[Ours, Way] | None:
    """The candidate that was printed in the closest way, the first of several."""
    matches = [(one, way) for one in candidates if (way := _way(one, printed)) is not None]
    return min(matches, key=lambda match: _WAYS.index(match[1]), default=None)
