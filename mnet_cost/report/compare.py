"""The report of `compare`: a matrix of networks, then what two of them differ in.

All ratios are "x of the first": a figure of a network over that of the first one. Blocks that
differ and why the ratios of times are not those of mult-adds are shown of two networks; of more
where they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.differences.compare import COMPARED, TimeRatio, ratio, ratio_breakdowns
from mnet_cost.differences.diff import diff as make_diff
from mnet_cost.errors import Problem, UsageError
from mnet_cost.report.alerts import misfit_alerts
from mnet_cost.report.analysis_json import analysis_document
from mnet_cost.report.conventions import convention_notes
from mnet_cost.report.diff import causes_table, diff_document, layers_table
from mnet_cost.report.differences import difference_tables, differences_document
from mnet_cost.report.estimates import STARS, basis_notes, outside_note, unknown_notes
from mnet_cost.report.matrix import (
    common_setting,
    matrix_tables,
    with_figures,
)
from mnet_cost.report.placement import placement_notes
from mnet_cost.report.ratio_breakdown import (
    breakdown_document,
    interval_table,
    sentences,
    time_ratios,
    why_table,
)
from mnet_cost.report.records import network_records, part_records
from mnet_cost.report.rows import Grain, distinct
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import Report, Table


def compare_report(
    names: Sequence[str],
    analyses: Sequence[Analysis],
    by: Grain | None = None,
    why: bool | None = None,
    diff: bool | None = None,
) -> Report:
    """Networks side by side, each figure with its ratio to the first network's.

    `by` is the grain of the rows that differ, if there are to be some. `why` says whether to break
    the ratios of times down: None does for two networks. `diff` says whether to show what caused
    the differences of two networks: None does for related ones, and True shows all causes and
    layers. Raises `UsageError` for a diff of more than two.
    """
    names = distinct(names)
    if diff and len(names) > 2:
        raise UsageError(
            Problem(f"a diff is of two networks, not {len(names)}",
                    hint="compare each with the first one by itself")
        )  # fmt: skip
    breakdowns = [ratio_breakdowns(analyses[0], other) for other in analyses[1:]]
    ratios = time_ratios(analyses)
    tables = matrix_tables(names, analyses, ratios)
    explained = len(names) == 2 if why is None else why
    grain: Grain = by or "block"
    is_diffed = len(names) == 2 and (_are_related(analyses) if diff is None else diff)
    alike = len(names) == 2 and analyses[0].precision == analyses[1].precision
    changes = make_diff(*analyses) if is_diffed or (by == "layer" and alike) else None
    if analyses[0].devices and explained:
        tables.append(interval_table(names, analyses, ratios))
        if any(breakdowns):
            tables.append(why_table(names, breakdowns))
    if changes is not None and is_diffed and (diff or changes.causes):
        tables.append(causes_table(changes, names, everything=bool(diff)))
    if changes is not None and (diff or by == "layer"):
        tables.append(layers_table(changes, names))
    elif by is not None:
        tables += difference_tables(names, analyses, grain)
    notes = tuple(unknown_notes(analyses[0].devices))
    if any(estimate.is_marked for analysis in analyses for estimate in analysis.devices):
        notes += (STARS,)
    notes += tuple(
        [
            f"{name} on {note}"
            for name, analysis in zip(names, analyses, strict=True)
            for note in placement_notes(analysis.devices)
        ]
    )
    if explained:
        notes += sentences(names, breakdowns)
    records: Table
    if by is None and diff and changes is not None:
        records = causes_table(changes, names, everything=True)
    elif by is None:
        records = with_figures(network_records(names, analyses), analyses)
    else:
        records = part_records(names, analyses, by)
    return Report(
        title=_title(names),
        subtitle=_subtitle(analyses),
        facts=(),
        tables=tuple(tables),
        notes=notes[:_FEW],
        document=lambda: {
            **_document(names, analyses, ratios, breakdowns, grain),
            "diff": None if changes is None else diff_document(changes, names),
        },
        records=records,
        long_form=True,
        more_notes=(*notes[_FEW:], *_notes(names, analyses)),
        alerts=tuple(misfit_alerts(analyses, names)),
    )


_MOST_LAYERS = 20_000
"""Of networks whose causes are shown though nobody asks for them: some seconds."""
_FEW = 3
"""Sentences that are shown without `--notes`."""


def _are_related(analyses: Sequence[Analysis]) -> bool:
    """Whether the networks come from one file or have one in common that they extend, or whether
    their specs have one name, as two revisions of a file have; and are analyzed alike."""
    if len({analysis.precision for analysis in analyses}) > 1:
        return False
    specs = [analysis.network.spec for analysis in analyses]
    files = [
        {spec.path, *(source.path for source in (spec.extension.named if spec.extension else ()))}
        for spec in specs
    ]
    return bool(set.intersection(*files)) or len({spec.name for spec in specs}) == 1


def _title(names: Sequence[str]) -> str:
    if len(names) == 2:
        return " vs ".join(names)
    return f"{len(names)} networks, each figure with its ratio to that of {names[0]}"


def _subtitle(analyses: Sequence[Analysis]) -> str:
    spec, setting = analyses[0].network.spec, common_setting(analyses)
    if any(analysis.network.spec.path != spec.path for analysis in analyses):
        return setting
    return f"{spec.name}{f' ({spec.source})' if spec.source else ''} · {setting}"


def _notes(names: Sequence[str], analyses: Sequence[Analysis]) -> tuple[str, ...]:
    """What is counted, what the times are, and which are beyond what a fit has seen."""
    notes = [
        f"{name}: {note}"
        for name, analysis in zip(names, analyses, strict=True)
        for note in convention_notes(analysis)
    ]
    notes += basis_notes(analyses[0].devices, energy=False)
    for name, analysis in zip(names, analyses, strict=True):
        notes += [
            f"{name} on {estimate.device.name}, {outside_note(estimate)}"
            for estimate in analysis.devices
            if estimate.outside
        ]
    return tuple(notes)


def _document(
    names: Sequence[str],
    analyses: Sequence[Analysis],
    ratios: Sequence[dict[str, TimeRatio]],
    breakdowns: Sequence[tuple[Any, ...]],
    by: Grain,
) -> dict[str, Any]:
    return {
        "schema": schema_id("compare"),
        "baseline": names[0],
        "models": [
            {"name": name} | analysis_document(analysis)
            for name, analysis in zip(names, analyses, strict=True)
        ],
        "ratios": [
            {
                "model": name,
                **{
                    f"{total.key}_ratio": ratio(total.of(analyses[0]), total.of(analysis))
                    for total in COMPARED
                },
                "devices": [
                    {
                        "name": device,
                        "latency_ratio": against.value,
                        "latency_ratio_low": against.low,
                        "latency_ratio_high": against.high,
                        "tie": against.tie,
                        "same_kernels": against.same_kernels,
                    }
                    for device, against in times.items()
                ],
            }
            for name, analysis, times in zip(names, analyses, ratios, strict=True)
        ],
        "ratio_breakdowns": [
            {"model": name, **breakdown_document(breakdown)}
            for name, parts in zip(names[1:], breakdowns, strict=True)
            for breakdown in parts
        ],
        "differences": differences_document(names, analyses, by),
    }
