"""What differs between two networks: causes with what each changes, layers, a sentence, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import Any

from mnet_cost.differences.diff import Cause, Diff, LayerChange
from mnet_cost.differences.reasons import Reason
from mnet_cost.metrics import TOTALS, Metric, find_metric, named
from mnet_cost.report.cell_text import cell
from mnet_cost.report.file_keys import file_numbers
from mnet_cost.report.matrix import broken_name
from mnet_cost.report.types import ASKED, Change, Column, Form, Table
from mnet_cost.units import format_count

_SHOWN = named(("mult_adds", "params", "peak_memory"))
_MOST_CAUSES = 16
"""Causes that have a row of their own where nobody asks for all."""
_MOSTLY = 0.5
"""The share of a difference that a cause has to have to be called the main one."""


def causes_table(diff: Diff, names: Sequence[str], everything: bool = False) -> Table:
    """A row for each cause, with what it adds to totals and times; their sum is the last row.

    Causes that move little share a row, unless `everything` is asked for.
    """
    causes: tuple[Cause, ...] = diff.causes
    rest: tuple[Cause, ...] = ()
    idle = 0
    if not everything:
        moving = tuple([cause for cause in causes if not _is_idle(diff, cause)])
        if moving:
            causes, idle = moving, len(causes) - len(moving)
        if len(causes) > _MOST_CAUSES:
            causes, rest = _largest(diff, causes)
    columns = (
        Column("cause", "cause", "prose", ASKED),
        Column("layers", "layers", "count", 7,
               help="Layers that it changes, adds or removes, or whose inputs have other sizes."),
        *(Column(metric.key, _title(metric), _form(metric), 9) for metric in _SHOWN),
        *(
            Column(f"{device}_latency_s", device, "seconds", ASKED, broken_name(device))
            for device in diff.devices
        ),
    )  # fmt: skip
    rows = [_row(diff, _with_lines(cause), [cause]) for cause in causes]
    if rest:
        rows.append(_row(diff, f"{len(rest)} more causes", rest))
    total = (
        "all together",
        None,
        *(_change(diff.total(metric.name)) for metric in _SHOWN),
        *(_change(diff.latency_s(device)) for device in diff.devices),
    )
    note = sentence(diff, names)
    if idle:
        note += f"; {idle} more cause{'s' * (idle > 1)} of 0 in all columns: --diff"
    if not diff.causes:
        return Table("causes", "Causes: nothing differs", columns[:1], ())
    table = Table("causes", f"Causes: from {names[0]} to {names[1]}", columns, tuple(rows), total)
    return table._replace(note=note)


def _is_idle(diff: Diff, cause: Cause) -> bool:
    """Whether all that is shown of a cause is 0."""
    cells = _row(diff, "", [cause])[2:]
    return all(isinstance(change, Change) and not change.value for change in cells)


def _largest(diff: Diff, causes: Sequence[Cause]) -> tuple[tuple[Cause, ...], tuple[Cause, ...]]:
    """Of some causes those that move most of anything, in their order, and the others."""

    def largest_share(cause: Cause) -> float:
        shares = [
            abs(cause.changes[metric.name]) / (diff.first.totals[metric.name] or 1)
            for metric in _SHOWN
        ]
        shares += [
            abs(cause.latency_s[device]) / sum(abs(each.latency_s[device]) for each in diff.causes)
            for device in diff.devices
            if cause.latency_s[device]
        ]
        return max(shares)

    ranked = sorted(causes, key=largest_share, reverse=True)
    few = {id(cause) for cause in ranked[: _MOST_CAUSES - 1]}
    return (
        tuple(cause for cause in causes if id(cause) in few),
        tuple(cause for cause in causes if id(cause) not in few),
    )


def _row(diff: Diff, text: str, causes: Sequence[Cause]) -> tuple[Any, ...]:
    return (
        text,
        len({name for cause in causes for name in (*cause.layers, *cause.follows)}),
        *(
            None
            if diff.total(metric.name) is None
            else Change(sum(cause.changes[metric.name] for cause in causes))
            for metric in _SHOWN
        ),
        *(
            None
            if diff.latency_s(device) is None
            else Change(fsum(cause.latency_s[device] for cause in causes))
            for device in diff.devices
        ),
    )


def _change(value: float | None) -> Change | None:
    return None if value is None else Change(value)


def _title(metric: Metric) -> str:
    return metric.title.replace(" ", "\n")


def _form(metric: Metric) -> Form:
    return "bytes" if metric.unit == "bytes" else "count"


def _with_lines(cause: Cause) -> str:
    """The cause and where it is written: `alpha` 1 -> 0.5 (net.yaml:12 -> 14).

    Reasons that act together have rows of their own, which say where.
    """
    if len(cause.reasons) > 1:
        return cause.text
    lines = ", ".join(dict.fromkeys(filter(None, map(_line, cause.reasons))))
    return f"{cause.text} ({lines})" if lines else cause.text


def _line(reason: Reason) -> str:
    """Its lines in both specs: `net.yaml:12 -> 14`."""
    if not reason.first or not reason.other:
        return reason.first or reason.other
    path, _, line = reason.first.rpartition(":")
    other_path, _, other_line = reason.other.rpartition(":")
    if path != other_path:
        return f"{reason.first} -> {reason.other}"
    return reason.first if line == other_line else f"{path}:{line} -> {other_line}"


def layers_table(diff: Diff, names: Sequence[str]) -> Table:
    """The layers that are not the same, each beside the layer that it is in the other network."""
    columns = (
        Column("status", "status"),
        Column("first", names[0], "text", ASKED),
        Column("other", names[1], "text", ASKED),
        Column("what", "what differs", "prose", 6),
        *(Column(metric.key, _title(metric), "count", 8) for metric in _SHOWN[:2]),
    )
    rows = [
        (
            change.status,
            change.first and change.first.name,
            change.other and change.other.name,
            _what(change),
            *(Change(change.change(metric.name)) for metric in _SHOWN[:2]),
        )
        for change in diff.layers
        if change.status != "same"
    ]
    title = "Layers that differ"
    if not rows:
        return Table("layer_changes", f"{title}: none", columns[:1], ())
    same = diff.count("same")
    return Table("layer_changes", title, columns, tuple(rows), note=f"{same:,} layers are the same")


def _what(change: LayerChange) -> str | None:
    """The fields of a layer that differ, or the types of its inputs."""
    if change.fields:
        return ", ".join(f"{field.name} {field.first} -> {field.other}" for field in change.fields)
    if change.first is None or change.other is None:
        return change.kind
    if change.first.input_types != change.other.input_types:
        before, after = (", ".join(layer.input_types) for layer in (change.first, change.other))
        return f"reads {before} -> {after}"
    return None


def sentence(diff: Diff, names: Sequence[str]) -> str:
    """What the difference is, and what most of it is due to."""
    first, other = names
    metric = next((each for each in _SHOWN if diff.total(each.name)), None)
    if metric is None and any(diff.total(each.name) is None for each in _SHOWN[:2]):
        return f"{first} and {other} cannot be compared by their totals, which are not known"
    if metric is None:
        return f"{first} and {other} have the same totals"
    total = diff.total(metric.name) or 0
    size = _size(metric, abs(total))
    head = f"{other} has {size} {'more' if total > 0 else 'less'} {metric.title} than {first}"
    if metric.unit == "":
        head = head.replace(" less ", " fewer ")
    moving = [cause for cause in diff.causes if cause.changes[metric.name]]
    largest = max(moving, key=lambda cause: cause.changes[metric.name] / total)
    share = largest.changes[metric.name] / total
    if len(moving) == 1:
        return f"{head}, all due to: {largest.text}"
    changed = cell(Change(largest.changes[metric.name]), _form(metric))
    if _MOSTLY <= share <= 1:
        return f"{head}, mostly due to: {largest.text} ({changed})"
    return f"{head}, due to {len(moving)} causes; the largest: {largest.text} ({changed})"


def _size(metric: Metric, value: int) -> str:
    return cell(value, "bytes") if metric.unit == "bytes" else format_count(value)


def diff_document(diff: Diff, names: Sequence[str]) -> dict[str, Any]:
    """The same for JSON: all causes, and what became of each layer."""
    return {
        "first": names[0],
        "other": names[1],
        "totals": {total.file_key: diff.total(total.name) for total in TOTALS},
        "devices": [_time(device, diff.latency_s(device)) for device in diff.devices],
        "causes": [
            {
                "text": cause.text,
                "reasons": [
                    {
                        "what": reason.what,
                        "text": reason.text,
                        "first": reason.first or None,
                        "other": reason.other or None,
                    }
                    for reason in cause.reasons
                ],
                "layers": list(cause.layers),
                "follows": list(cause.follows),
                "changes": {
                    find_metric(name).file_key: None if diff.total(name) is None else change
                    for name, change in cause.changes.items()
                },
                "devices": [
                    _time(device, None if diff.latency_s(device) is None else seconds)
                    for device, seconds in cause.latency_s.items()
                ],
            }
            for cause in diff.causes
        ],
        "layers": [_layer_document(change) for change in diff.layers],
    }


def _time(device: str, seconds: float | None) -> dict[str, Any]:
    return {"name": device, **file_numbers({"latency_s": seconds})}


def _layer_document(change: LayerChange) -> dict[str, Any]:
    return {
        "status": change.status,
        "kind": change.kind,
        "first": change.first and change.first.name,
        "other": change.other and change.other.name,
        "fields": [field._asdict() for field in change.fields],
        "causes": [reason.text for reason in change.reasons],
        "mult_adds": change.change("mult_adds"),
        "params": change.change("params"),
    }
