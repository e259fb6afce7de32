"""The verdict on a printed figure, given ours: computed, never stored.

The table's own counting comes first, whatever its rounding; then other countings, and the other
settings that the file names, the closest rounding first. What a file states about a cell (a typo,
a reason) is accepted only where the figures agree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple, get_args

from mnet_cost.papers.types import Cell, PrintedFigure
from mnet_cost.printed import Printed, Rounding, rounding_of

Verdict = Literal[
    "exact", "rounded", "truncated", "rounded twice", "fitted", "convention", "typo",
    "not reproducible", "not computed", "unexplained", "refuted",
]  # fmt: skip
"""What the printed figure of a cell is, compared with ours.

exact, rounded, truncated, rounded twice: our figure by the table's own counting, with that
rounding. fitted: the same, with settings that the source does not state. convention: our figure by
another counting or at another setting. typo: our figure is the file's correction, or the printed
figure is that of the setting that the file gives as meant. not reproducible: no figure of ours, and
the file has a reason. unexplained: no figure of ours, and no reason. refuted: the file has a reason
or a correction that our figure contradicts. not computed: our figure is not known.
"""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
FAULTS: frozenset[Verdict] = frozenset(("not computed", "unexplained", "refuted"))
"""Verdicts for which a file of tables or a spec must be corrected."""

_ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)
"""The closest first."""


class Ours(NamedTuple):
    """A figure of ours."""

    value: Fraction | str
    """A number, or words in a table of layers."""
    setting: str
    """The reference of the network that it is of."""
    counting: str = ""
    """The name of its counting; empty for words."""


class Match(NamedTuple):
    """A figure of ours that is the printed one, and how it was rounded."""

    ours: Ours
    rounding: Rounding


class Judgement(NamedTuple):
    """A verdict and the figures that it rests on."""

    verdict: Verdict
    ours: Ours | None = None
    """Our figure for the cell, by the table's own counting; None if it is not known."""
    match: Match | None = None
    """The figure of ours that is the printed figure; None if there is none."""
    right: Match | None = None
    """The figure of ours that is the file's correction; None if there is none."""
    note: str = ""
    """The reason of the verdict, in words; empty if there is none."""


def judge(
    cell: Cell,
    own: Ours,
    others: Sequence[Ours] = (),
    meant: Sequence[Ours] = (),
    truncated: bool = False,
) -> Judgement:
    """The verdict on `cell`; the module says in which order the figures are tried.

    `own` is our figure by the table's own counting, `others` are those by other countings and at
    the settings that the file names, `meant` those of the setting that must be meant. Where the
    table states that its figures are `truncated`, no figure is taken for rounded.
    """
    if match := _best([own], cell.printed, truncated):
        verdict: Verdict = "fitted" if cell.chosen else match.rounding
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


def settings_of(
    printed: PrintedFigure, candidates: Sequence[Ours], truncated: bool = False
) -> set[str]:
    """The settings of the candidates that are rounded to `printed`."""
    return {
        candidate.setting for candidate in candidates if _rounding(candidate, printed, truncated)
    }


def _unless_refuted(cell: Cell, judgement: Judgement) -> Judgement:
    """The judgement, or `refuted` if the file corrects or explains a figure that is ours."""
    if cell.typo is None and not cell.why:
        return judgement
    said = cell.why or f"should be {cell.typo}"
    return judgement._replace(verdict="refuted", note=f"it is ours; the file says: {said}")


def _rounding(ours: Ours, printed: PrintedFigure, truncated: bool) -> Rounding | None:
    if isinstance(printed, str) or isinstance(ours.value, str):
        return "exact" if ours.value == printed else None
    if not truncated or ours.value == printed.value:
        return rounding_of(ours.value, printed)
    return "truncated" if printed.value and _cut(ours.value, printed) == printed.value else None


def _cut(value: Fraction, printed: Printed) -> Fraction:
    """A number without the digits that are not printed."""
    return value // printed.step * printed.step


def _best(candidates: Sequence[Ours], printed: PrintedFigure, truncated: bool) -> Match | None:
    """The candidate with the closest rounding to `printed`, the first of several; None if none."""
    matches = [
        Match(candidate, rounding)
        for candidate in candidates
        if (rounding := _rounding(candidate, printed, truncated))
    ]
    return min(matches, key=lambda match: _ROUNDINGS.index(match.rounding), default=None)
