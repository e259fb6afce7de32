"""Times of networks side by side, and where mult-adds and time part."""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.analysis import Analysis
from mnet_cost.report.cells import cell
from mnet_cost.report.rows import band_cell, part_word, time_cell, without_unknown
from mnet_cost.report.types import Column, Range, Table
from mnet_cost.search.compare import Overhead, RatioBreakdown, TimeRatio, time_ratio

_SAME = "same kernels"
_CLOSE = 0.02
"""Ratios that differ by less say the same."""


def time_ratios(analyses: Sequence[Analysis], lower_bound: bool) -> list[dict[str, TimeRatio]]:
    """Ratios of the first network's times over those of each, by device."""
    found = []
    for analysis in analyses:
        refused = analyses[0].refuses(lower_bound) or analysis.refuses(lower_bound)
        found.append(
            {
                mine.device.name: TimeRatio(None) if refused else time_ratio(mine, theirs)
                for mine, theirs in zip(analyses[0].devices, analysis.devices, strict=True)
            }
        )
    return found


def times_table(
    names: Sequence[str],
    analyses: Sequence[Analysis],
    ratios: Sequence[dict[str, TimeRatio]],
    lower_bound: bool,
) -> Table:
    """Times with their basis, and ratios with their intervals; a device's networks together."""
    columns = (
        Column("device", "device"),
        Column("basis", "basis"),
        Column("model", "network"),
        Column("latency_s", "time", "seconds"),
        Column("band_s", "80 % band", "range", 6),
        Column("ratio", "ratio", "ratio"),
        Column("interval", "80 % interval", "range", 8),
        Column("tie", "tie"),
    )
    rows = []
    for i in range(len(analyses[0].devices)):
        for name, analysis, found in zip(names, analyses, ratios, strict=True):
            estimate = analysis.devices[i]
            one = found[estimate.device.name]
            itself = analysis is analyses[0]
            rows.append(
                (
                    estimate.device.name,
                    None if analysis.refuses(lower_bound) else estimate.basis,
                    name,
                    time_cell(analysis, estimate, lower_bound),
                    band_cell(analysis, estimate, lower_bound),
                    one.value,
                    None if itself or one.low is None else Range(one.low, one.high or 0.0, "x"),
                    None if itself else _tie_word(one),
                )
            )
    note = f"ratio: {names[0]} over each"
    if any(row[6] is not None for row in rows):
        note += (
            "; interval: holds four of five measured ratios, narrower than two bands since both "
            "times are off alike"
        )
    said = {row[7] for row in rows}
    if "tie" in said:
        note += "; tie: it holds 1, so it cannot be told which is faster"
    if _SAME in said:
        note += f"; {_SAME}: nothing that takes time differs"
    table = Table("times", "Time", columns, tuple(rows), note=note)
    return without_unknown(table, ("band_s", "interval", "tie"))


def _tie_word(one: TimeRatio) -> str | None:
    if one.same_kernels:
        return _SAME
    return "tie" if one.tie else None


def why_table(names: Sequence[str], why: Sequence[tuple[RatioBreakdown, ...]]) -> Table:
    """Each ratio of times as a product, and what is not multiplying."""
    columns = (
        Column("pair", "over", "text", 8),
        Column("device", "device"),
        Column("mult_adds_ratio", "MACs", "ratio"),
        Column("coefficient_ratio", "per MAC", "ratio"),
        Column("time_ratio", "time", "ratio"),
        Column("first_mac_share", "multiplying %", "percent", 10),
        Column("other_mac_share", "then %", "percent", 10),
        Column("rest", "what else takes time then, %", "prose", 7),
    )
    found = [(name, one) for name, parts in zip(names[1:], why, strict=True) for one in parts]
    each = any(_is_not_one(one.coefficient_ratio) for _, one in found)
    rows = [
        (
            name if len(names) > 2 else None,
            one.device,
            one.mult_adds_ratio,
            one.coefficient_ratio if each else None,
            one.time_ratio,
            one.first_mac_share,
            one.other_mac_share,
            _overhead_text(one.other_overheads, 2),
        )
        for name, one in found
    ]
    what = "; per MAC: what one mult-add takes there, over what it takes then" if each else ""
    note = (
        f"multiplying: share of the time that mult-adds take, in {names[0]} and then in the other"
        f"{what}; time ratio = MACs ratio {'x per MAC ' if each else ''}x then / multiplying"
    )
    if any(
        one.coefficient_ratio is None and one.time_ratio and one.mult_adds_ratio for _, one in found
    ):
        note += "; no product where one of them multiplies in no time of its own"
    table = Table("why", "Where mult-adds and time part", columns, tuple(rows), note=note)
    return without_unknown(table, ("pair", "coefficient_ratio"))


def _is_not_one(ratio: float | None) -> bool:
    return ratio is not None and abs(ratio - 1) >= _CLOSE / 4


def _overhead_text(rest: tuple[Overhead, ...], most: int) -> str | None:
    shown = [
        f"{one.kind}: {part_word(one.bound)} {100 * one.share:.1f}"
        for one in rest[:most]
        if one.share >= 0.001
    ]
    return ", ".join(shown) or None


def sentences(names: Sequence[str], why: Sequence[tuple[RatioBreakdown, ...]]) -> tuple[str, ...]:
    """Why times part, in words: one sentence for each device and network."""
    found: list[str | None] = []
    for name, parts in zip(names[1:], why, strict=True):
        same = [one.device for one in parts if one.same_kernels]
        if same:
            found.append(f"{', '.join(same)}: {names[0]} and {name} have the same kernels")
        found += [_sentence(names[0], name, one) for one in parts if not one.same_kernels]
    return tuple([text for text in found if text])


def _sentence(first: str, other: str, one: RatioBreakdown) -> str | None:
    if one.time_ratio is None or one.mult_adds_ratio is None:
        return None
    by_bound = " at least" if one.basis == "bound" else ""
    head = (
        f"{one.device}: {first} has {cell(one.mult_adds_ratio, 'ratio')} the mult-adds of {other} "
        f"and takes{by_bound} {cell(one.time_ratio, 'ratio')} the time"
        f"{', a tie' if one.tie else ''}"
    )
    each = _each(first, other, one.coefficient_ratio)
    mine, theirs = one.first_mac_share or 0.0, one.other_mac_share or 0.0
    if mine and abs(theirs - mine) <= _CLOSE * mine:
        both = f"both spend {100 * theirs:.0f} % of theirs multiplying"
        return f"{head}: {each + '; ' if each else ''}{both}"
    slower, rest = (other, one.other_overheads) if theirs < mine else (first, one.first_overheads)
    reasons = ", ".join(
        f"{100 * part.share:.0f} % is {_reason(part.bound)} of {part.kind}"
        for part in rest[:3]
        if part.share >= 0.01
    )
    reasons = reasons or "many small parts are not multiplying"
    return f"{head}; {each + ', and ' if each else ''}of {slower}'s time {reasons}"


def _each(first: str, other: str, coefficient_ratio: float | None) -> str:
    """Which network's mult-adds take longer, each of them."""
    if coefficient_ratio is None or abs(coefficient_ratio - 1) < _CLOSE:
        return ""
    slower, times = (
        (first, coefficient_ratio) if coefficient_ratio > 1 else (other, 1 / coefficient_ratio)
    )
    return f"a mult-add of {slower} takes {times:.2f}x as long"


def _reason(bound: str) -> str:
    if bound == "overhead":
        return "runtime_plans"
    if bound == "compute":
        return "operations beside mult-adds"
    return f"{part_word(bound)} traffic"


def ratio_document(found: dict[str, TimeRatio]) -> dict[str, dict[str, object]]:
    """Intervals of ratios for JSON, by device."""
    return {
        device: {
            "low": one.low,
            "high": one.high,
            "tie": one.tie,
            "same_kernels": one.same_kernels,
        }
        for device, one in found.items()
    }
