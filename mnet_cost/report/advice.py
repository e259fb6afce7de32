"""What `analyze --advise` adds to a report: the changes with the most to gain, what each saves in
each metric, and what to write where.
"""

from __future__ import annotations

from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.changes.advice import BESIDE, Advice, AdviceResult, missing_bytes
from mnet_cost.differences.compare import ratio
from mnet_cost.metrics import METRICS, find_metric
from mnet_cost.models.published import ACCURACIES
from mnet_cost.report.file_keys import file_numbers
from mnet_cost.report.metric_columns import metric_column
from mnet_cost.report.rows import without
from mnet_cost.report.types import ASKED, MOST_NOTES, Absent, Column, Quantity, Range, Report, Table
from mnet_cost.units import format_bytes, format_seconds

SAVED = tuple([metric for metric in METRICS if metric.of_network or metric.of_device])
"""Metrics that are given before and after a change."""


def with_advice(report: Report, result: AdviceResult) -> Report:
    """`report`, with a table of changes above its facts, and the lines of the spec to write."""
    notes, more = _notes(result), _more_notes(result)
    tables = []
    if result.advice:
        tables = [_changes_table(result), *_lines_tables(result), _savings_table(result)]
    every = (*notes, *report.notes)
    return report._replace(
        answer=(*report.answer, *tables),
        notes=every[:MOST_NOTES],
        more_notes=(*every[MOST_NOTES:], *more, *report.more_notes),
        document=lambda: {**report.document(), "advice": advice_document(result)},
    )


def _notes(result: AdviceResult) -> list[str]:
    name = result.device.device.name
    if not result.analysis.has_totals:
        return [f"no advice for {name}: a layer has no cost rule"]
    notes = []
    if not result.advice:
        notes.append(f"no change that was looked at saves anything on {name}")
    if any(advice.time.tie for advice in result.advice):
        notes.append("tie: it is not certain that the change saves time")
    for advice in result.other_precisions:
        after = advice.analysis.devices[0]
        if after.latency_s is not None and advice.time.value is not None:
            notes.append(
                f"{after.precision} saves time too: {format_seconds(after.latency_s)}, "
                f"{advice.time.value:.2f}x"
            )
    return notes


def _more_notes(result: AdviceResult) -> list[str]:
    notes = []
    if result.advice:
        notes.append(
            "each change was made alone and analyzed; accuracies are those that one source prints "
            "for both settings"
        )
    if len(result.analysis.devices) > 1:
        notes.append(f"the advice is for {result.device.device.name} alone, the first device")
    if result.left_out:
        notes.append(
            f"{result.left_out} changes were not looked at, since the network has "
            f"{len(result.analysis.network.steps):,} layers"
        )
    return notes


def _changes_table(result: AdviceResult) -> Table:
    missing = missing_bytes(result.device)
    columns = (
        Column("advice", "", "number", ASKED),
        Column("change", "change", "text", ASKED),
        Column("latency_saved_s", "saves", "seconds", ASKED, help="time of the whole network"),
        Column("latency_ratio", "x of", "ratio", ASKED, help="the time after over that before"),
        Column("latency_ratio_range", "80 % range", "range", 8, help="of measured ratios"),
        Column("tie", "tie", "text", ASKED),
        *(
            [Column("missing_bytes", "memory\nstill missing", "bytes", ASKED, help="what the "
                    "network needs beyond the memory of the device")]
            if missing
            else []
        ),
        Column("accuracy", "accuracy", "text", ASKED, help="in percent, before and after, where a "
               "source prints both"),
        Column("setting", "how", "text", ASKED, help="an option, or lines of the spec below"),
    )  # fmt: skip
    rows = []
    for number, advice in enumerate(result.advice, 1):
        how = advice.setting or f"lines below, {number}"
        times = advice.time
        known = times.low is not None and times.high is not None and not times.same_kernels
        rows.append(
            (
                number,
                advice.change,
                _saved(result.analysis, advice, "latency"),
                times.value,
                Range(times.low or 0.0, times.high or 0.0, "x") if known else None,
                "tie" if times.tie else "",
                *([missing_bytes(advice.analysis.devices[0])] if missing else []),
                _accuracy_cell(advice),
                how,
            )
        )
    title = f"Advice for {result.device.device.name}"
    if missing:
        title += f", on which {format_bytes(missing)} of memory are missing"
    table = Table("advice", title, columns, tuple(rows))
    is_tie = any(advice.time.tie for advice in result.advice)
    return table if is_tie else without(table, ("tie",))


def _accuracy_cell(advice: Advice) -> str | Absent:
    change = advice.accuracy
    if change is None:
        return Absent("not known")
    return f"{ACCURACIES[change.name]} {change.before:g} -> {change.after:g}"


def _lines_tables(result: AdviceResult) -> list[Table]:
    """What to write in the spec, for each change of it."""
    columns = (
        Column("advice", "", "number", ASKED),
        Column("line", "line", "number", ASKED),
        Column("before", "now", "text", ASKED),
        Column("after", "write", "text", ASKED),
    )
    rows: list[tuple[Any, ...]] = [
        (number, line.number, line.before.strip(), line.after.strip())
        for number, advice in enumerate(result.advice, 1)
        for line in advice.lines
    ]
    if not rows:
        return []
    path = next(advice.path for advice in result.advice if advice.lines)
    return [Table("advice_lines", f"What to write in {path}", columns, tuple(rows))]


def _savings_table(result: AdviceResult) -> Table:
    """What each change saves beside time; below zero it is more than before."""
    known = [
        name
        for name in [metric.name for metric in BESIDE]
        if any(_saved(result.analysis, advice, name) is not None for advice in result.advice)
    ]
    columns = [Column("advice", "", "number", ASKED)]
    for place, name in enumerate(known):
        metric = find_metric(name)
        weight = 9 - place
        columns += [
            metric_column(name, weight)._replace(key=f"{metric.key}_saved"),
            Column(
                f"{name}_share",
                "%",
                "percent",
                weight,
                help=f"share of the {metric.title}",
                needs=f"{metric.key}_saved",
            ),
        ]
    rows = []
    for number, advice in enumerate(result.advice, 1):
        row: list[Any] = [number]
        for name in known:
            saved = _saved(result.analysis, advice, name)
            is_energy = find_metric(name).unit == "J" and saved is not None
            row.append(Quantity(saved or 0.0, "J") if is_energy else saved)
            row.append(_share(result.analysis, advice, name))
        rows.append(tuple(row))
    return Table("savings", "What each saves beside time", tuple(columns), tuple(rows))


def _numbers(before: Analysis, advice: Advice, name: str) -> tuple[Any, Any]:
    """A metric before and after a change; on the first device where it is one of a device."""
    metric, after = find_metric(name), advice.analysis
    if metric.per_device:
        return metric.of(before, before.devices[0]), metric.of(after, after.devices[0])
    return metric.of(before), metric.of(after)


def _saved(before: Analysis, advice: Advice, name: str) -> float | None:
    first, other = _numbers(before, advice, name)
    return None if first is None or other is None else first - other


def _share(before: Analysis, advice: Advice, name: str) -> float | None:
    after = ratio(*_numbers(before, advice, name))
    return None if after is None else 1 - after


def advice_document(result: AdviceResult) -> dict[str, Any]:
    """The advice for JSON."""
    return {
        "device": result.device.device.name,
        "missing_bytes": missing_bytes(result.device),
        "looked_at": result.looked_at,
        "left_out": result.left_out,
        "changes": [_change_document(result.analysis, advice) for advice in result.advice],
    }


def _change_document(before: Analysis, advice: Advice) -> dict[str, Any]:
    numbers = {metric.key: _numbers(before, advice, metric.name) for metric in SAVED}
    return {
        "kind": advice.kind,
        "change": advice.change,
        "setting": advice.setting,
        "spec": advice.path,
        "lines": [
            {"line": line.number, "before": line.before, "after": line.after}
            for line in advice.lines
        ],
        "before": file_numbers({key: first for key, (first, _) in numbers.items()}),
        "after": file_numbers({key: other for key, (_, other) in numbers.items()}),
        "missing_bytes": missing_bytes(advice.analysis.devices[0]),
        "latency_ratio": advice.time.value,
        "latency_ratio_low": advice.time.low,
        "latency_ratio_high": advice.time.high,
        "tie": advice.time.tie,
        "accuracy": None if advice.accuracy is None else advice.accuracy._asdict(),
    }
