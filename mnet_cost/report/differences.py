"""Layers, blocks or kinds in which networks differ, in the order of the networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.differences.compare import ratio
from mnet_cost.metrics import Metric, named
from mnet_cost.report.rows import Grain, Group, groups
from mnet_cost.report.types import ASKED, Column, Table

_COUNTS = named(("mult_adds", "params"))
_WHAT: dict[Grain, str] = {"layer": "Layers", "block": "Blocks", "kind": "Kinds"}

_Row = tuple[str, list[Group | None]]


def difference_tables(names: Sequence[str], analyses: Sequence[Analysis], by: Grain) -> list[Table]:
    """Mult-adds and params of what differs: of two networks in one table, with ratios."""
    differing = _differing(analyses, by)
    if not differing:
        return [Table("differences", f"{_WHAT[by]} that differ: none", (Column(by, by),), ())]
    note = "-: not in that network" if any(None in row for _, row in differing) else ""
    title = f"{_WHAT[by]} that differ"
    if len(names) == 2:
        columns = [Column(by, by, "text", ASKED)]
        for count in _COUNTS:
            weight = 9 if count.name == "mult_adds" else 6
            columns += [Column(f"{i}_{count.key}", f"{name}\n{count.title}", "count", weight)
                        for i, name in enumerate(names)]  # fmt: skip
            columns.append(Column(f"{count.key}_ratio", "x of", "ratio", weight))
        rows = [(label, *_two(row)) for label, row in differing]
        note = f"x of: {names[1]} over {names[0]}{f'; {note}' if note else ''}"
        return [Table("differences", title, tuple(columns), tuple(rows), note=note)]
    return [
        Table(
            f"differences_{count.key}",
            f"{title}: {count.title}",
            (
                Column(by, by, "text", ASKED),
                *(Column(f"{i}_{count.key}", name, "count", ASKED) for i, name in enumerate(names)),
            ),
            tuple((label, *(_count(group, count) for group in row)) for label, row in differing),
            note=note,
        )
        for count in _COUNTS
    ]


def _two(row: Sequence[Group | None]) -> list[Any]:
    cells: list[Any] = []
    for count in _COUNTS:
        first, other = (_count(group, count) for group in row)
        cells += [first, other, ratio(first, other)]
    return cells


def differences_document(
    names: Sequence[str], analyses: Sequence[Analysis], by: Grain
) -> list[dict[str, Any]]:
    """The same for JSON: counts of each network that has the part."""
    return [
        {
            "by": by,
            "name": label,
            "models": [
                {"model": name, **{count.key: _count(group, count) for count in _COUNTS}}
                for name, group in zip(names, row, strict=True)
                if group is not None
            ],
        }
        for label, row in _differing(analyses, by)
    ]


def _count(group: Group | None, count: Metric) -> int | None:
    """The same quantity of a part; None where it is unknown or the network has no such part."""
    if group is None or not group.modelled:
        return None
    value: int = getattr(group, count.key)
    return value


def _differing(analyses: Sequence[Analysis], by: Grain) -> list[_Row]:
    by_name = [{group.name: group for group in groups(analysis, by)} for analysis in analyses]
    rows = []
    for name in _merged([list(parts) for parts in by_name]):
        row = [parts.get(name) for parts in by_name]
        if _differ(row):
            rows.append((next(group.label for group in row if group), row))
    return rows


def _merged(orders: list[list[str]]) -> list[str]:
    """All names, those of later networks after the name that they follow there."""
    first = dict.fromkeys(orders[0])
    known = set(first)
    following: dict[str | None, list[str]] = {}
    for order in orders[1:]:
        place: str | None = None
        for name in order:
            if name in known:
                place = name if name in first else place
            else:
                known.add(name)
                following.setdefault(place, []).append(name)
    merged = list(following.get(None, ()))
    for name in first:
        merged += [name, *following.get(name, ())]
    return merged


def _differ(row: Sequence[Group | None]) -> bool:
    def key(group: Group | None) -> Any:
        return group and (group.mult_adds, group.params, group.copies, group.modelled)

    return any(key(group) != key(row[0]) for group in row[1:])
