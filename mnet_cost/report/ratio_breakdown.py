"""Times of networks side by side, and why the ratios of times are not those of mult-adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.differences.compare import Overhead, RatioBreakdown, TimeRatio, time_ratio
from mnet_cost.report.cell_text import cell
from mnet_cost.report.metric_columns import metric_column
from mnet_cost.report.rows import band_cell, part_word, time_cell, without_unknown
from mnet_cost.report.types import ASKED, Column, Range, Table

_SAME = "same kernels"
_CLOSE = 0.02
"""Ratios that differ by less say the same."""


def time_ratios(analyses: Sequence[Analysis]) -> list[dict[str, TimeRatio]]:
    """Ratios of the times of each network over those of the first, by device."""
    ratios = []
    for analysis in analyses:
        known = analyses[0].has_totals and analysis.has_totals
        ratios.append(
            {
                first.device.name: time_ratio(first, other) if known else TimeRatio(value=None)
                for first, other in zip(analyses[0].devices, analysis.devices, strict=True)
            }
        )
    return ratios


def interval_table(
    names: Sequence[str],
    analyses: Sequence[Analysis],
    ratios: Sequence[dict[str, TimeRatio]],
) -> Table:
    """Times with their ranges, and ratios with theirs; the networks of a device together."""
    columns = (
        Column("device", "device"),
        Column("model", "network"),
        metric_column("latency"),
        Column("band_s", "80 % range", "range", 6),
        Column("ratio", "x of", "ratio"),
        Column("interval", "80 % range", "range", 8),
        Column("tie", "tie"),
    )
    rows = []
    for i, first in enumerate(analyses[0].devices):
        for name, analysis, times in zip(names, analyses, ratios, strict=True):
            estimate, against = analysis.devices[i], times[first.device.name]
            is_first = analysis is analyses[0]
            has_range = not is_first and against.low is not None and against.high is not None
            rows.append(
                (
                    first.device.name,
                    name,
                    time_cell(analysis, estimate),
                    band_cell(analysis, estimate),
                    None if is_first else against.value,
                    Range(against.low or 0.0, against.high or 0.0, "x") if has_range else None,
                    None if is_first else _tie_word(against),
                )
            )
    note = f"x of: the time, over that of {names[0]}"
    if any(row[5] is not None for row in rows):
        note += (
            "; its range holds four of five measured ratios, and is narrower than those of the "
            "times, since both are off alike"
        )
    words = {row[6] for row in rows}
    if "tie" in words:
        note += "; tie: the range holds 1, so it is not certain which is faster"
    if _SAME in words:
        note += f"; {_SAME}: nothing that takes time differs"
    table = Table("times", "Times with their ranges", columns, tuple(rows), note=note)
    return without_unknown(table, ("band_s", "interval", "tie"))


def _tie_word(ratio: TimeRatio) -> str | None:
    if ratio.same_kernels:
        return _SAME
    return "tie" if ratio.tie else None


def why_table(names: Sequence[str], breakdowns: Sequence[tuple[RatioBreakdown, ...]]) -> Table:
    """Each ratio of times as a product, and what takes the rest of the other's time."""
    columns = (
        Column("model", "network", "text", 8),
        Column("device", "device"),
        Column("mult_adds_ratio", "mult-\nadds", "ratio"),
        Column("coefficient_ratio", "time per\nmult-add", "ratio"),
        Column("time_ratio", "time", "ratio"),
        Column("first_mac_share", "first: on\nMACs %", "percent", ASKED),
        Column("other_mac_share", "other: on\nMACs %", "percent", ASKED),
        Column("rest", "other: the rest %", "prose", 7),
    )
    pairs = [
        (name, breakdown)
        for name, parts in zip(names[1:], breakdowns, strict=True)
        for breakdown in parts
    ]
    has_each = any(_is_not_one(breakdown.coefficient_ratio) for _, breakdown in pairs)
    rows = [
        (
            name if len(names) > 2 else None,
            breakdown.device,
            breakdown.mult_adds_ratio,
            breakdown.coefficient_ratio if has_each else None,
            breakdown.time_ratio,
            breakdown.first_mac_share,
            breakdown.other_mac_share,
            _overhead_text(breakdown.other_overheads, 2),
        )
        for name, breakdown in pairs
    ]
    per = "x time per mult-add " if has_each else ""
    note = (
        f"ratios: x of {names[0]}; time = mult-adds {per}x first % / other %, the shares of their "
        "times that mult-adds take"
    )
    if any(
        breakdown.coefficient_ratio is None and breakdown.time_ratio and breakdown.mult_adds_ratio
        for _, breakdown in pairs
    ):
        note += "; no product where mult-adds take no time of their own in one of the two"
    table = Table("why", "Why times and mult-adds differ", columns, tuple(rows), note=note)
    return without_unknown(table, ("model", "coefficient_ratio"))


def _is_not_one(ratio: float | None) -> bool:
    return ratio is not None and abs(ratio - 1) >= _CLOSE / 4


def _overhead_text(overheads: tuple[Overhead, ...], most: int) -> str | None:
    shown = [
        f"{overhead.kind}: {part_word(overhead.bound)} {100 * overhead.share:.1f}"
        for overhead in overheads[:most]
        if overhead.share >= 0.001
    ]
    return ", ".join(shown) or None


def sentences(
    names: Sequence[str], breakdowns: Sequence[tuple[RatioBreakdown, ...]]
) -> tuple[str, ...]:
    """Why times and mult-adds differ, in words: a sentence for each device and network."""
    said: list[str | None] = []
    for name, parts in zip(names[1:], breakdowns, strict=True):
        same = [breakdown.device for breakdown in parts if breakdown.same_kernels]
        if same:
            said.append(f"{', '.join(same)}: {names[0]} and {name} have the same kernels")
        said += [_sentence(names[0], name, part) for part in parts if not part.same_kernels]
    return tuple([text for text in said if text])


def _sentence(first: str, other: str, breakdown: RatioBreakdown) -> str | None:
    if breakdown.time_ratio is None or breakdown.mult_adds_ratio is None:
        return None
    by_bound = " by the lower bounds" if breakdown.basis == "bound" else ""
    tie = ", which is a tie" if breakdown.tie else ""
    head = (
        f"{breakdown.device}: {other} has {cell(breakdown.mult_adds_ratio, 'ratio')} the mult-adds "
        f"of {first} and takes {cell(breakdown.time_ratio, 'ratio')} the time{by_bound}{tie}"
    )
    each = _each(other, breakdown.coefficient_ratio)
    mine, theirs = breakdown.first_mac_share or 0.0, breakdown.other_mac_share or 0.0
    if mine and abs(theirs - mine) <= _CLOSE * mine:
        spend = f"spend {100 * theirs:.0f} % of their time on mult-adds"
        return f"{head}. {f'{each}, and both' if each else 'Both'} {spend}"
    slower, rest = (
        (other, breakdown.other_overheads) if theirs < mine else (first, breakdown.first_overheads)
    )
    reasons = ", ".join(
        f"{100 * part.share:.0f} % {_reason(part)}" for part in rest[:3] if part.share >= 0.01
    )
    share = f"{slower} spends {100 * min(mine, theirs):.0f} % of its time on mult-adds"
    beside = f"{100 * max(mine, theirs):.0f} % in {first if slower == other else other}"
    words = f"{share}, against {beside}{f'; {reasons}' if reasons else ''}"
    return f"{head}. {f'{each}, and ' if each else ''}{words}"


def _each(other: str, coefficient_ratio: float | None) -> str:
    """How long a mult-add of the other network takes."""
    if coefficient_ratio is None or abs(coefficient_ratio - 1) < _CLOSE:
        return ""
    return f"A mult-add of {other} takes {cell(coefficient_ratio, 'ratio')} the time"


def _reason(overhead: Overhead) -> str:
    if overhead.bound == "overhead":
        of_all = overhead.kind == "each inference"
        return f"goes to {'each inference' if of_all else f'kernel launches of {overhead.kind}'}"
    if overhead.bound == "compute":
        return f"goes to operations of {overhead.kind} that are no mult-adds"
    return f"goes to {part_word(overhead.bound)} traffic of {overhead.kind}"


def breakdown_document(breakdown: RatioBreakdown) -> dict[str, Any]:
    """A breakdown for JSON."""
    return asdict(breakdown) | {
        "first_overheads": [asdict(part) for part in breakdown.first_overheads],
        "other_overheads": [asdict(part) for part in breakdown.other_overheads],
    }
