"""What does not run on an accelerator, why, and which lines of the spec bring it back: what
`analyze` adds to a report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.analysis.placement import Placed, Placement
from mnet_cost.changes.fallback_changes import ReturnChange
from mnet_cost.devices import DeviceProfile
from mnet_cost.metrics import find_metric
from mnet_cost.report.metric_columns import metric_column
from mnet_cost.report.rows import time_cell
from mnet_cost.report.types import ASKED, Absent, Column, Report, Table, Time
from mnet_cost.units import format_bytes, format_seconds

_MOST_ROWS = 8
"""Rows of a table; the rest is one row."""
_BEFORE_AND_AFTER = ("mult_adds", "params")
_AFTER = "after one of these"


def with_placements(
    report: Report,
    analysis: Analysis,
    changes: Sequence[tuple[DeviceEstimate, tuple[ReturnChange, ...]]],
) -> Report:
    """`report`, with a table for each device of which layers do not run on the accelerator."""
    tables: list[Table] = []
    for estimate, found in changes:
        placement = estimate.placement
        if placement is None or placement.is_whole or placement.other_precision is not None:
            continue
        tables.append(_off_table(analysis, estimate, placement))
        if found:
            tables += [_changes_table(analysis, estimate, found), *_lines_tables(analysis, found)]
    by_name = {estimate.device.name: found for estimate, found in changes}

    def document() -> dict[str, Any]:
        document = report.document()
        for device in document["devices"]:
            if device["placement"] is not None:
                found = by_name.get(device["name"], ())
                device["placement"]["changes"] = [_change_document(each) for each in found]
        return document

    return report._replace(answer=(*report.answer, *tables), document=document)


def share_text(placement: Placement | None) -> str | Absent:
    """The share of the mult-adds on the accelerator in a few characters: `all`, `97 %`."""
    if placement is None:
        return Absent("")
    if placement.is_whole:
        return "all"
    if not placement.mult_adds:
        return Absent("unknown")
    least = placement.accelerated_mult_adds / placement.mult_adds
    most = 1 - placement.processor_mult_adds / placement.mult_adds
    low, high = _percent(least), _percent(most)
    if low == high:
        return f"{low} %"
    to = " to " if ">" in low + high else "-"  # `36.1->99.9` reads as a change
    return f"{low}{to}{high} %"


def _percent(share: float) -> str:
    """A percentage that is 0 or 100 only where the share is."""
    if 0 < share < 0.001:
        return "<0.1"
    return ">99.9" if 0.999 < share < 1 else f"{100 * share:.3g}"


def placement_notes(estimates: Sequence[DeviceEstimate]) -> list[str]:
    """What a time leaves out where not all layers run on the accelerator: a sentence a device."""
    notes = []
    for estimate in estimates:
        placement = estimate.placement
        if placement is None or placement.is_whole:
            continue
        name = estimate.device.name
        if placement.other_precision is not None:
            if estimate.latency_s is not None:  # else it is said of the time
                notes.append(
                    f"{name} runs {' and '.join(placement.operators.precisions)} alone: "
                    f"`--precision {placement.other_precision}` shows which layers"
                )
            continue
        if placement.accelerated or placement.unknown:
            notes.append(f"{name}: {_counts(placement)}; {_time_words(estimate)}")
        else:
            notes.append(
                f"{name}: {_counts(placement)}, and none on the accelerator: "
                f"{_time_of_nothing(estimate)}"
            )
    return notes


def notes_of_many(devices: Iterable[DeviceProfile]) -> list[str]:
    """What the times of many networks do not know, where one of the devices has a list."""
    names = dict.fromkeys(device.name for device in devices if device.operators is not None)
    if not names:
        return []
    return [
        f"{', '.join(names)}: times are as if all layers ran on the accelerator; `mnet-cost "
        "analyze` shows for one network which do"
    ]


def _counts(placement: Placement) -> str:
    parts = []
    if placement.off:
        parts.append(f"{_layers(len(placement.off))} on the processor")
    if placement.unknown:
        parts.append(f"of {_layers(len(placement.unknown))} the list does not say where")
    return ", ".join(parts)


def _layers(count: int) -> str:
    return f"{count:,} layer{'s' if count > 1 else ''}"


def _time_words(estimate: DeviceEstimate) -> str:
    if estimate.latency_s is None:
        return "no time is known"
    if estimate.basis == "bound":
        return "≥ is as if all ran on the accelerator"
    return "the time is as if all ran on the accelerator"


def _time_of_nothing(estimate: DeviceEstimate) -> str:
    """What a time is worth that counts calls of an accelerator on which nothing runs."""
    if estimate.latency_s is None:
        return "no time is known"
    what = "≥" if estimate.basis == "bound" else "the time"
    return f"{what} says nothing of the processor"


def more_placement_notes(estimates: Sequence[DeviceEstimate]) -> list[str]:
    """Which lists say what runs where, and the document's reservations."""
    notes = []
    for estimate in estimates:
        placement = estimate.placement
        if placement is None:
            continue
        operators = placement.operators
        head = "all layers run" if placement.is_whole else "what runs"
        notes.append(
            f"{estimate.device.name}: {head} on the accelerator by the list `{operators.name}` "
            f"({operators.version}); `mnet-cost devices {estimate.device.name}` shows it"
        )
        kinds = {each.step.layer.kind for each in placement.layers}
        parts = kinds.union(*(operators.made_of.get(kind, ()) for kind in kinds))
        notes += [
            f"{estimate.device.name}: `{kind}`: {text}"
            for kind, text in operators.caveats.items()
            if kind in parts
        ]
    return notes


def _off_table(analysis: Analysis, estimate: DeviceEstimate, placement: Placement) -> Table:
    """Layers that do not run on the accelerator, by kind and reason."""
    columns = (
        Column("layers", "layers", "number", ASKED, help="how many"),
        Column("kind", "kind", "text", ASKED, help="of the layers"),
        Column("place", "runs on", "text", 8, help="unknown: the list does not say where"),
        Column("reason", "why", "prose", ASKED, help="what the list says"),
        Column("found", "here", "text", 7, help="what the layers have instead"),
        metric_column("mult_adds", 6, help="of these layers"),
        Column("mult_adds_share", "%", "percent", 9, help="of the mult-adds of the network"),
        Column("first", "first", "text", 5, help="the first of them"),
        Column("line", "line", "number", 4, help="of the spec, of the first"),
    )
    costs = {
        cost.step.name: None if cost.work is None else cost.mult_adds for cost in analysis.layers
    }
    groups: dict[tuple[str, str, str], list[Placed]] = {}
    for each in (*placement.off, *placement.unknown):
        key = ("", each.place, _AFTER) if each.after else (
            _kind_of(each), each.place, each.reason)  # fmt: skip
        groups.setdefault(key, []).append(each)
    ordered = sorted(groups.items(), key=lambda group: (group[0][2] == _AFTER, group[0][1]))
    rows = []
    for (kind, place, reason), members in ordered[:_MOST_ROWS]:
        rows.append(_row(analysis, kind or _kinds(members), place, reason, members, costs))
    rest = [each for _, members in ordered[_MOST_ROWS:] for each in members]
    if rest:
        names = f"{len(ordered) - _MOST_ROWS} more"
        rows.append(_row(analysis, _kinds(rest), names, "--format json has all", rest, costs))
    return Table(
        f"placement_{estimate.device.name}", _title(estimate, placement), columns, tuple(rows)
    )


def _kind_of(placed: Placed) -> str:
    layer = placed.step.layer
    return str(getattr(layer, "operation", "")) if layer.kind == "elementwise" else layer.variety()


def _kinds(members: Sequence[Placed]) -> str:
    kinds = list(dict.fromkeys(each.step.layer.kind for each in members))
    return kinds[0] if len(kinds) == 1 else f"{len(kinds)} kinds"


def _row(
    analysis: Analysis,
    kind: str,
    place: str,
    reason: str,
    members: Sequence[Placed],
    costs: dict[str, int | None],
) -> tuple[Any, ...]:
    found = list(dict.fromkeys(each.found for each in members if each.found))
    here = found[0] + (f", and {len(found) - 1} others" if len(found) > 1 else "") if found else ""
    known = [adds for each in members if (adds := costs[each.step.name]) is not None]
    mult_adds: int | Absent = Absent("unknown")
    share: float | Absent = Absent("")
    if len(known) == len(members):
        mult_adds = sum(known)
        if analysis.has_totals and analysis.sums.mult_adds:
            share = mult_adds / analysis.sums.mult_adds
    first = members[0].step
    return (
        len(members), kind, place, reason, here, mult_adds, share, first.name, first.line,
    )  # fmt: skip


def _title(estimate: DeviceEstimate, placement: Placement) -> str:
    """What does not run there, and what of the time by unit is known."""
    total = len(placement.accelerated) + len(placement.off) + len(placement.unknown)
    count = len(placement.off) + len(placement.unknown)
    title = f"Not on the accelerator of {estimate.device.name}: {count:,} of {total:,} layers"
    if placement.crossings:
        size = format_bytes(placement.crossing_bytes)
        crossings = len(placement.crossings)
        title += f"; {crossings:,} tensor{'s' if crossings > 1 else ''} of {size} cross"
        title += "" if crossings > 1 else "es"
    split = estimate.split
    if split is None or placement.unknown:
        return title
    fallback = estimate.device.fallback
    marks = {unit: "≥" if unit in split.least else "" for unit in ("accelerator", "processor")}
    parts = [
        f"{what} {'unknown' if seconds is None else mark + format_seconds(seconds)}"
        for what, seconds, mark in (
            ("on it", split.accelerated_s, marks["accelerator"]),
            (
                f"on {fallback.name}" if fallback else "of the rest",
                split.processor_s,
                marks["processor"],
            ),
            ("of crossings", split.crossing_s, ""),
        )
    ]
    if split.total_s is not None:
        parts.append(f"together {'≥' if split.least else ''}{format_seconds(split.total_s)}")
    return f"{title}; time {', '.join(parts)}"


def _changes_table(
    analysis: Analysis, estimate: DeviceEstimate, changes: Sequence[ReturnChange]
) -> Table:
    """Changes that bring layers back, with costs before and after each."""
    columns = (
        Column("number", "", "number", ASKED),
        Column("change", "change", "text", ASKED),
        Column("returned", "brings back", "number", ASKED, "back", help="so many layers"),
        Column("accelerated", "mult-adds on it", "text", ASKED, "on it", help="after the change"),
        *(metric_column(name, 7, help="of the network") for name in _BEFORE_AND_AFTER),
        metric_column("latency", 8, help=f"on {estimate.device.name}"),
    )
    rows: list[tuple[Any, ...]] = [
        (
            Absent(""), "as it is", Absent(""), share_text(estimate.placement),
            *(find_metric(name).of(analysis) for name in _BEFORE_AND_AFTER),
            _time(analysis, estimate),
        )
    ]  # fmt: skip
    for number, change in enumerate(changes, 1):
        rows.append(
            (
                number, change.change, change.returned, share_text(change.estimate.placement),
                *(find_metric(name).of(change.analysis) for name in _BEFORE_AND_AFTER),
                _time(change.analysis, change.estimate),
            )
        )  # fmt: skip
    title = f"What brings layers back to {estimate.device.name}"
    return Table(f"returns_{estimate.device.name}", title, columns, tuple(rows))


def _time(analysis: Analysis, estimate: DeviceEstimate) -> Time | Absent:
    return time_cell(analysis, estimate) or Absent("unknown")


def _lines_tables(analysis: Analysis, changes: Sequence[ReturnChange]) -> list[Table]:
    """What to write in the spec for each change, those that join others apart."""
    columns = (
        Column("number", "", "number", ASKED),
        Column("line", "line", "number", ASKED),
        Column("before", "now", "text", ASKED),
        Column("after", "write", "text", ASKED),
    )
    rows = [
        (number, line.number, line.before.strip(), line.after.strip())
        for number, change in enumerate(changes, 1)
        if change.change != "all of these"
        for line in change.lines
    ]
    path = analysis.network.spec.root.source.path
    return [Table("return_lines", f"What to write in {path}", columns, tuple(rows))]


def placement_document(estimate: DeviceEstimate) -> dict[str, Any] | None:
    """Where layers run, for JSON; null without a list."""
    placement, split = estimate.placement, estimate.split
    if placement is None:
        return None
    return {
        "operators": placement.operators.name,
        "version": placement.operators.version,
        "precision": placement.precision,
        "is_whole": placement.is_whole,
        "accelerated_mult_adds": placement.accelerated_mult_adds,
        "processor_mult_adds": placement.processor_mult_adds,
        "crossings": None if placement.crossings is None else len(placement.crossings),
        "crossing_bytes": placement.crossing_bytes,
        "layers": [
            {
                "name": each.step.name,
                "place": each.place,
                "reason": each.reason or None,
                "found": each.found or None,
                "after": each.after or None,
            }
            for each in (*placement.off, *placement.unknown)
        ],
        "accelerated_ms": _ms(split.accelerated_s) if split else None,
        "processor_ms": _ms(split.processor_s) if split else None,
        "crossing_ms": _ms(split.crossing_s) if split else None,
        "lower_bound": bool(split and split.least),
        "fallback": estimate.device.fallback.name if estimate.device.fallback else None,
        "changes": [],
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _change_document(change: ReturnChange) -> dict[str, Any]:
    placement = change.estimate.placement
    return {
        "change": change.change,
        "returned": change.returned,
        "lines": [
            {"line": line.number, "before": line.before, "after": line.after}
            for line in change.lines
        ],
        "accelerated_mult_adds": placement and placement.accelerated_mult_adds,
        "mult_adds": find_metric("mult_adds").of(change.analysis),
        "params": find_metric("params").of(change.analysis),
        "latency_ms": _ms(change.analysis.latency_s(change.estimate)),
    }


SHARE_COLUMN = Column(
    "accelerated",
    "accelerated",
    "text",
    7,
    "accel.",
    "share of the mult-adds that runs on the accelerator, by the list of its operators; all: so do "
    "all layers",
)
