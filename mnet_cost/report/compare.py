"""The report of `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.models.published import ACCURACIES
from mnet_cost.report.conventions import AGREEMENT_COLUMN, convention_notes, marks_of
from mnet_cost.report.document import analysis_document
from mnet_cost.report.estimates import basis_notes, outside_note, unknown_notes
from mnet_cost.report.published import accuracy, published_rows, shared_metric
from mnet_cost.report.ratio_breakdown import (
    ratio_document,
    sentences,
    time_ratios,
    times_table,
    why_table,
)
from mnet_cost.report.rows import Grain, Group, distinct, groups
from mnet_cost.report.types import Column, Report, Table
from mnet_cost.search.compare import RatioBreakdown, TimeRatio, ratio, ratio_breakdowns

SCHEMA = "mnet-cost/comparison/1"

_MEASURES = (
    ("mult_adds", "mult-adds", "count", 9),
    ("params", "params", "count", 9),
    ("weights", "weights", "count", 3),
    ("traffic_bytes", "traffic", "bytes", 4),
    ("peak_memory_bytes", "peak memory", "bytes", 7),
)


def compare_report(
    names: Sequence[str],
    analyses: Sequence[Analysis],
    by: Grain = "block",
    lower_bound: bool = False,
) -> Report:
    """Totals with ratios (first over each), times, why they part, and the rows that differ."""
    names = distinct(names)
    tables = [_totals(names, analyses, lower_bound)]
    why = [ratio_breakdowns(analyses[0], other) for other in analyses[1:]]
    ratios = time_ratios(analyses, lower_bound)
    if analyses[0].devices:
        tables.append(times_table(names, analyses, ratios, lower_bound))
        tables.append(why_table(names, why))
    differences = _differences(names, analyses, by)
    tables.append(differences)
    spec = analyses[0].network.spec
    same = all(one.network.spec.path == spec.path for one in analyses)
    batches = [str(one.network.batch) for one in analyses]
    batch = " vs ".join(batches if len(set(batches)) > 1 else batches[:1])
    setting = f"batch {batch} · {analyses[0].precision}"
    of_one = f"{spec.name}  ({spec.source})" if spec.source else spec.name
    return Report(
        title=" vs ".join(names),
        subtitle=f"{of_one} · {setting}" if same else setting,
        facts=(),
        tables=tuple(tables),
        notes=(*sentences(names, why), *_notes(names, analyses)),
        document=lambda: _document(names, analyses, ratios, why, differences, lower_bound),
    )


def measure(analysis: Analysis, key: str, lower_bound: bool = False) -> int | None:
    """One of the totals; None where it is refused."""
    if key == "peak_memory_bytes":
        return analysis.memory.peak_bytes
    return analysis.total(key, lower_bound)


def _totals(names: Sequence[str], analyses: Sequence[Analysis], lower_bound: bool) -> Table:
    columns = [Column("model", "network")]
    for key, title, form, weight in _MEASURES:
        columns.append(Column(key, title, form, weight))  # type: ignore[arg-type]
        columns.append(Column(f"{key}_ratio", "ratio", "ratio", weight))
    rows = []
    for name, analysis in zip(names, analyses, strict=True):
        row: list[Any] = [name]
        for key, *_ in _MEASURES:
            value = measure(analysis, key, lower_bound)
            row += [value, ratio(measure(analyses[0], key, lower_bound), value)]
        marks = marks_of(analysis)
        if marks:
            row.append(marks.of(analysis.layers))
        rows.append(tuple(row))
    note = f"ratio: {names[0]} over each"
    if marks_of(analyses[0]):
        columns.append(AGREEMENT_COLUMN._replace(weight=8))
        note += f"; mult-adds by the convention {analyses[0].convention}"
    published = [published_rows(analysis) for analysis in analyses]
    metric = shared_metric(published)
    if metric is not None:
        columns.append(Column(metric, f"{ACCURACIES[metric]} %", "number", 8))
        found = [accuracy(one, metric) for one in published]
        rows = [(*row, one and one.text) for row, one in zip(rows, found, strict=True)]
        sources = "; ".join(dict.fromkeys(one.source for one in found if one))
        note += f"; {ACCURACIES[metric]} as published: {sources}"
    return Table("totals", "Totals", tuple(columns), tuple(rows), note=note)


def _notes(names: Sequence[str], analyses: Sequence[Analysis]) -> tuple[str, ...]:
    """What is counted, what the times are, and which are beyond what a fit has seen."""
    notes = [
        f"{name}: {note}"
        for name, analysis in zip(names, analyses, strict=True)
        for note in convention_notes(analysis)
    ]
    notes += basis_notes(analyses[0].devices, energy=False)
    notes += unknown_notes(analyses[0].devices)
    for name, analysis in zip(names, analyses, strict=True):
        notes += [
            f"{name} on {one.device.name}, {outside_note(one)}"
            for one in analysis.devices
            if one.outside
        ]
    return tuple(notes)


def _differences(names: Sequence[str], analyses: Sequence[Analysis], by: Grain) -> Table:
    by_name = [{group.name: group for group in groups(one, by)} for one in analyses]
    rows = []
    for name in _merged([list(found) for found in by_name]):
        found = [one.get(name) for one in by_name]
        if not _differ(found):
            continue
        row: list[Any] = [next(group.label for group in found if group)]
        for attribute in ("mult_adds", "params"):
            values = [
                getattr(group, attribute) if group and group.modelled else None for group in found
            ]
            row += values
            if len(analyses) == 2:
                row.append(ratio(values[0], values[1]))
        rows.append(tuple(row))
    columns = [Column(by, by)]
    for key, title, weight in (("mult_adds", "mult-adds", 9), ("params", "params", 6)):
        for name in names:
            columns.append(Column(f"{name}_{key}", f"{name} {title}", "count", weight))
        if len(analyses) == 2:
            columns.append(Column(f"{key}_ratio", "ratio", "ratio", weight))
    what = {"layer": "Layers", "block": "Blocks", "kind": "Kinds"}[by]
    return Table(
        "differences",
        f"{what} that differ" if rows else f"{what} that differ: none",
        tuple(columns),
        tuple(rows),
        note="-: not in that network" if any(None in row for row in rows) else "",
    )


def _merged(orders: list[list[str]]) -> list[str]:
    """All names, those of later networks after the one they follow there."""
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


def _differ(found: Sequence[Group | None]) -> bool:
    def key(group: Group | None) -> Any:
        return group and (group.mult_adds, group.params, group.copies, group.modelled)

    return any(key(group) != key(found[0]) for group in found[1:])


def _document(
    names: Sequence[str],
    analyses: Sequence[Analysis],
    ratios: Sequence[dict[str, TimeRatio]],
    why: Sequence[tuple[RatioBreakdown, ...]],
    differences: Table,
    lower_bound: bool,
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "baseline": names[0],
        "models": [
            {"name": name} | analysis_document(analysis, lower_bound)
            for name, analysis in zip(names, analyses, strict=True)
        ],
        "ratios": [
            {
                "model": name,
                **{
                    key: ratio(
                        measure(analyses[0], key, lower_bound), measure(analysis, key, lower_bound)
                    )
                    for key, *_ in _MEASURES
                },
                "latency": {device: one.value for device, one in found.items()},
                "latency_interval": ratio_document(found),
            }
            for name, analysis, found in zip(names, analyses, ratios, strict=True)
        ],
        "ratio_breakdowns": [
            {"model": name}
            | one._asdict()
            | {
                "first_overheads": [part._asdict() for part in one.first_overheads],
                "other_overheads": [part._asdict() for part in one.other_overheads],
            }
            for name, parts in zip(names[1:], why, strict=True)
            for one in parts
        ],
        "differences": [
            dict(zip([column.key for column in differences.columns], row, strict=True))
            for row in differences.rows
        ],
    }
