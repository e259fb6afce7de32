"""The report of `sensitivity`: what each group of layers changes one step narrower and wider.

Numbers are differences: the network after the change less the network as it is. What is worth
thinning and what costs nothing stands first, then a row for each group, on each device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.changes.sensitivity import Change, GroupSensitivity, SensitivityResult, Staircase
from mnet_cost.metrics import METRICS, Metric, find_metric
from mnet_cost.report.conventions import convention_notes
from mnet_cost.report.estimates import basis_notes, unknown_notes
from mnet_cost.report.file_keys import file_numbers, plain_value
from mnet_cost.report.matrix import settings_words
from mnet_cost.report.metric_columns import metric_column
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import (
    ASKED,
    MOST_NOTES,
    SPARE,
    Column,
    Quantity,
    Report,
    Table,
)
from mnet_cost.units import format_seconds

_MOST_BEST = 3
"""Rows of the tables that stand first."""
_ENDS = ("latency_low", "latency_high", "energy_low", "energy_high")
"""Ends of ranges: what is wrong with an estimate is wrong before and after."""

DIFFERENCES: tuple[Metric, ...] = tuple(
    metric
    for metric in METRICS
    if metric.name not in _ENDS and (metric.of_network or metric.of_device)
)
"""Metrics of which differences are given."""
_SHOWN = ("mult_adds", "params", "peak_memory")
"""Totals that tables have."""


def sensitivity_report(result: SensitivityResult) -> Report:
    """Differences of all metrics by group, at one step less and one step more."""
    analysis = result.analysis
    network, spec = analysis.network, analysis.network.spec
    devices = range(len(analysis.devices))
    answer = [
        table
        for device in devices
        for table in (_thin_table(result, device), _free_table(result, device))
        if table.rows
    ]
    numbers: Sequence[int | None] = devices or (None,)
    tables = [_groups_table(result, device) for device in numbers] if result.groups else []
    if result.unchangeable:
        tables.append(_unchangeable_table(result))
    notes = [*_answer_notes(result), *unknown_notes(analysis.devices)]
    settings = " · ".join([*settings_words(network.knobs), analysis.precision])
    return Report(
        title=f"{spec.title}: a channel less or more",
        subtitle=settings,
        facts=(),
        tables=tuple(tables),
        notes=tuple(notes[:MOST_NOTES]),
        more_notes=(*notes[MOST_NOTES:], *_meanings(), *convention_notes(analysis),
                    *basis_notes(analysis.devices, energy=False)),
        document=lambda: _document(result),
        records=_records(result),
        answer=tuple(answer),
    )  # fmt: skip


def _answer_notes(result: SensitivityResult) -> list[str]:
    notes = []
    if not result.groups:
        notes.append("no layer has a width that can change")
    for device, estimate in enumerate(result.analysis.devices):
        name = estimate.device.name
        stairs = [each.stairs[device] for each in result.groups]
        if not stairs or estimate.latency_s is None or not result.analysis.has_totals:
            continue
        if not result.worth_thinning(device):
            notes.append(
                f"on {name} no layer saves a larger share of the time than of the mult-adds at "
                "the next width below"
            )
        if stairs[0].tile is None:
            notes.append(
                f"the model of the time on {name} has no steps in channels: each channel counts"
            )
        elif not result.free(device):
            notes.append(f"no channel more costs nothing on {name}")
    return notes


def _meanings() -> list[str]:
    return [
        "layers of a row change together: sums, products and shared weights need equal widths; "
        "all other fields of all layers stay",
        "differences are of one model: they have no range, since what is wrong with an estimate "
        "is wrong before and after",
        "what fewer channels cost in accuracy is not known",
    ]


def _seconds(value: float | None) -> Quantity | None:
    return None if value is None else Quantity(value, "s")


def _thin_table(result: SensitivityResult, device: int) -> Table:
    """Layers that lose the most time for a mult-add."""
    columns = (
        Column("layer", "layer", "text", ASKED),
        Column("channels", "channels", "number", ASKED),
        Column("lower_channels", "to", "number", ASKED, help="the next full tile below"),
        Column("latency_s", "saves", "seconds", ASKED, help="time of the whole network"),
        Column("time_share", "% time", "percent", ASKED),
        Column("mult_adds_share", "% mult-adds", "percent"),
        Column("gain", "gain", "ratio", help="share of the time that is saved over that of the "
               "mult-adds"),
    )  # fmt: skip
    latency = find_metric("latency")
    rows = []
    for each in result.worth_thinning(device)[:_MOST_BEST]:
        stairs = each.stairs[device]
        if stairs.lower is not None:
            saved = result.difference(stairs.lower, latency, device) or 0.0
            rows.append(
                (
                    each.name,
                    each.group.channels,
                    stairs.lower.channels,
                    -saved,
                    stairs.time_share,
                    stairs.mult_adds_share,
                    stairs.gain,
                )
            )
    name = result.analysis.devices[device].device.name
    return Table("worth_thinning", f"Worth thinning on {name}", columns, tuple(rows))


def _free_table(result: SensitivityResult, device: int) -> Table:
    """Layers that can be wider without more time."""
    columns = (
        Column("layer", "layer", "text", ASKED),
        Column("channels", "channels", "number", ASKED),
        Column("free_channels", "more for nothing", "number", ASKED),
    )
    rows = [
        (each.name, each.group.channels, each.stairs[device].free_channels)
        for each in result.free(device)[:_MOST_BEST]
    ]
    name = result.analysis.devices[device].device.name
    return Table("free", f"Channels that cost nothing on {name}", columns, tuple(rows))


def _groups_table(result: SensitivityResult, device: int | None) -> Table:
    """A row for each group; counts once, with the first device.

    Where the device has a tile, the next full tiles stand before single steps, which leave tiles
    and tell little of them.
    """
    totals = _SHOWN if not device else ()
    has_tile = device is not None and result.groups[0].stairs[device].tile is not None
    steps = [
        Column("step", "step", "number", 1 if has_tile else 8, help="the smallest change of the "
               "layer that fits"),
        *(
            metric_column(total, 7)._replace(
                key=f"{find_metric(total).key}_{side}",
                title=f"{find_metric(total).title}\n{words}",
                weight=SPARE if side == "more" else 1 if has_tile else 7,
                help=f"difference at {words}",
            )
            for side, words in (("fewer", "a step less"), ("more", "a step more"))
            for total in totals
        ),
    ]  # fmt: skip
    tiles = []
    if device is not None:
        weight = 1 if has_tile else ASKED
        steps += [
            Column("latency_s_fewer", "time\na step less", "seconds", weight),
            Column("latency_s_more", "time\na step more", "seconds", weight),
        ]
        weight = 9 if has_tile else 5
        tiles = [
            Column("lower_channels", "next\nbelow", "number", weight, help="channels of the next "
                   "full tile below, or one step less", needs="lower_latency_s"),
            Column("lower_latency_s", "time\nthere", "seconds", weight - 1, needs="lower_channels"),
            Column("gain", "gain", "ratio", weight - 1, help="share of the time that is saved "
                   "there over that of the mult-adds"),
            Column("free_channels", "free", "number", weight - 2 if has_tile else 6,
                   help="channels more that take no more time"),
            Column("higher_channels", "next\nabove", "number", weight - 3 if has_tile else 3,
                   help="channels of the next full tile above, or one step more",
                   needs="higher_latency_s"),
            Column("higher_latency_s", "time\nthere", "seconds", weight - 4 if has_tile else 2,
                   needs="higher_channels"),
        ]  # fmt: skip
    columns = [
        Column("layer", "layer", "text", ASKED),
        Column("layers", "layers", "number", 5 if has_tile else 8, help="how many change together"),
        Column("channels", "channels", "number", ASKED),
        *(tiles if has_tile else ()),
        *steps,
        *(() if has_tile else tiles),
    ]
    rows = [
        _row(result, each, [column.key for column in columns], device) for each in result.groups
    ]
    title = "Changes"
    if device is not None:
        estimate = result.analysis.devices[device]
        tile = result.groups[0].stairs[device].tile
        title = f"Changes on {estimate.device.name}"
        if result.analysis.has_totals and estimate.latency_s is not None:
            title += f", which takes {format_seconds(estimate.latency_s)}"
        title += f", {tile} channels in a tile" if tile else ""
    note = "* an output of the network" if any(e.group.is_output for e in result.groups) else ""
    return Table("groups", title, tuple(columns), tuple(rows), note=note)


def _row(
    result: SensitivityResult, each: GroupSensitivity, keys: Sequence[str], device: int | None
) -> tuple[Any, ...]:
    """The cells of a group below columns of these keys."""
    group = each.group
    cells: dict[str, Any] = {
        "layer": ("*" if group.is_output else "") + each.name,
        "layers": len(group.members),
        "channels": group.channels,
        "step": group.step,
    }
    for side, change in (("fewer", each.fewer), ("more", each.more)):
        for metric in map(find_metric, _SHOWN):
            cells[f"{metric.key}_{side}"] = result.difference(change, metric)
    if device is not None:
        stairs, latency = result.staircase(each, device), find_metric("latency")
        cells |= {
            "latency_s_fewer": result.difference(each.fewer, latency, device),
            "latency_s_more": result.difference(each.more, latency, device),
            "free_channels": stairs.free_channels,
            "lower_channels": _channels(stairs.lower),
            "lower_latency_s": result.difference(stairs.lower, latency, device),
            "gain": stairs.gain,
            "higher_channels": _channels(stairs.higher),
            "higher_latency_s": result.difference(stairs.higher, latency, device),
        }
    return tuple([cells[key] for key in keys])


def _channels(change: Change | None) -> int | None:
    return None if change is None else change.channels


def _unchangeable_table(result: SensitivityResult) -> Table:
    columns = (
        Column("layer", "layer", "text", ASKED),
        Column("channels", "channels", "number"),
        Column("reason", "why", "prose", ASKED),
    )
    return Table("unchangeable", "Widths that cannot change", columns, tuple(result.unchangeable))


def _records(result: SensitivityResult) -> Table:
    """A row for each group and device, with all differences."""
    sides = ("fewer", "more", "lower", "higher")
    columns = [
        Column("layer", "layer"),
        Column("layers", "layers"),
        Column("channels", "channels", "number"),
        Column("step", "step", "number"),
        Column("is_output", "output"),
        Column("device", "device"),
        Column("tile", "tile", "number"),
        Column("free_channels", "free", "number"),
        Column("time_share", "time share", "number"),
        Column("mult_adds_share", "mult-adds share", "number"),
    ]
    for side in sides:
        columns.append(Column(f"{side}_channels", side, "number"))
        columns += [
            Column(f"{side}_{metric.key}", f"{side} {metric.title}", "number")
            for metric in DIFFERENCES
        ]
    steps = result.analysis.network.steps
    rows = []
    for each in result.groups:
        group = each.group
        names = " ".join(steps[member.step].name for member in group.members)
        head = (each.name, names, group.channels, group.step, group.is_output)
        numbers = range(len(each.stairs))
        stairs: Sequence[Staircase | None] = [result.staircase(each, i) for i in numbers] or [None]
        for number, stair in enumerate(stairs):
            row: list[Any] = [*head, *(getattr(stair, key, None) for key in _STAIR_KEYS)]
            ends = (getattr(stair, "lower", None), getattr(stair, "higher", None))
            for change in (each.fewer, each.more, *ends):
                row.append(_channels(change))
                for metric in DIFFERENCES:
                    known = stair is not None or not metric.per_device
                    row.append(result.difference(change, metric, number) if known else None)
            rows.append(tuple(row))
    return Table("groups", "", tuple(columns), tuple(rows))


_STAIR_KEYS = ("device", "tile", "free_channels", "time_share", "mult_adds_share")


def _document(result: SensitivityResult) -> dict[str, Any]:
    analysis = result.analysis
    network = analysis.network
    return {
        "schema": schema_id("sensitivity"),
        "model": network.spec.title,
        "knobs": {name: plain_value(value) for name, value in network.knobs.items()},
        "precision": analysis.precision,
        "convention": analysis.convention,
        "lower_bound": bool(analysis.unmodelled),
        "devices": [
            {
                "name": estimate.device.name,
                "worth_thinning": [each.name for each in result.worth_thinning(number)],
                **file_numbers({"latency_s": analysis.latency_s(estimate)}),
            }
            for number, estimate in enumerate(analysis.devices)
        ],
        "groups": [_group_document(result, each) for each in result.groups],
        "unchangeable": [fixed._asdict() for fixed in result.unchangeable],
    }


def _group_document(result: SensitivityResult, each: GroupSensitivity) -> dict[str, Any]:
    group, steps = each.group, result.analysis.network.steps
    return {
        "layer": each.name,
        "channels": group.channels,
        "step": group.step,
        "is_output": group.is_output,
        "layers": [
            {
                "name": steps[member.step].name,
                "line": steps[member.step].line,
                "channels": member.channels,
                "step": member.change,
            }
            for member in group.members
        ],
        "following": [
            steps[index].name
            for index in group.fields
            if index not in {member.step for member in group.members}
        ],
        "fewer": _change_document(result, each.fewer),
        "more": _change_document(result, each.more),
        "devices": [
            {
                "name": stairs.device,
                "tile": stairs.tile,
                "free_channels": stairs.free_channels,
                "time_share": stairs.time_share,
                "mult_adds_share": stairs.mult_adds_share,
                "gain": stairs.gain,
                "lower": _width_document(result, stairs.lower, number),
                "higher": _width_document(result, stairs.higher, number),
            }
            for number, stairs in enumerate(
                [result.staircase(each, i) for i in range(len(each.stairs))]
            )
        ],
    }


def _change_document(result: SensitivityResult, change: Change | None) -> dict[str, Any] | None:
    """Differences of all metrics: those of the network, then those on each device."""
    if change is None:
        return None
    return {
        **_totals_document(result, change),
        "devices": [
            {"name": estimate.device.name, **_device_document(result, change, number)}
            for number, estimate in enumerate(result.analysis.devices)
        ],
    }


def _width_document(
    result: SensitivityResult, change: Change | None, device: int
) -> dict[str, Any] | None:
    """The same for one device by its number."""
    if change is None:
        return None
    return {**_totals_document(result, change), **_device_document(result, change, device)}


def _totals_document(result: SensitivityResult, change: Change) -> dict[str, Any]:
    totals = [metric for metric in DIFFERENCES if not metric.per_device]
    numbers = {metric.key: result.difference(change, metric) for metric in totals}
    return {"channels": change.channels, **file_numbers(numbers)}


def _device_document(result: SensitivityResult, change: Change, device: int) -> dict[str, Any]:
    of_devices = [metric for metric in DIFFERENCES if metric.per_device]
    return file_numbers({m.key: result.difference(change, m, device) for m in of_devices})
