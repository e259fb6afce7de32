"""The report of several batch sizes: one row for each network, batch and device.

Throughput grows with the batch, and so does the time that one answer takes: the table has both. Not
here: what a batch changes, which the analyses know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.report.document import analysis_document
from mnet_cost.report.estimates import basis_notes, unknown_notes
from mnet_cost.report.rows import time_cell
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import Column, Report, Table, Time

_COLUMNS = (
    Column("model", "network", "text"),
    Column("batch", "batch", "number"),
    Column("device", "device", "text"),
    Column("basis", "basis", "text", 8),
    Column("threads", "threads", "number", 3),
    Column("latency_s", "time per batch", "seconds"),
    Column("image_s", "time per image", "seconds"),
    Column("images_per_s", "images/s", "number"),
    Column("mult_adds", "mult-adds", "count", 4),
    Column("peak_memory_bytes", "peak memory", "bytes", 5),
)


def batches_report(
    names: Sequence[str],
    analyses: Sequence[Sequence[Analysis]],
    lower_bound: bool = False,
) -> Report:
    """Times per batch and per image; `analyses` has those of each of `names`, by batch."""
    rows = [
        row
        for name, by_batch in zip(names, analyses, strict=True)
        for analysis in by_batch
        for row in _rows(name, analysis, lower_bound)
    ]
    first = analyses[0][0]
    batches = ", ".join(str(analysis.network.batch) for analysis in analyses[0])
    return Report(
        title=" vs ".join(names),
        subtitle=f"batches {batches} · {first.precision}",
        facts=(),
        tables=(Table("batches", "Batches", _COLUMNS, tuple(rows)),),
        notes=_notes(rows, first.devices),
        document=lambda: {
            "schema": schema_id("batches"),
            "analyses": [
                {
                    "name": name,
                    **analysis_document(analysis, lower_bound),
                    "throughput": [
                        _throughput(analysis, estimate, lower_bound)
                        for estimate in analysis.devices
                    ],
                }
                for name, by_batch in zip(names, analyses, strict=True)
                for analysis in by_batch
            ],
        },
    )


def _notes(rows: Sequence[tuple[Any, ...]], estimates: Sequence[DeviceEstimate]) -> tuple[str, ...]:
    """What the times are; those of all networks and batches rest on the same."""
    notes = basis_notes(estimates, energy=False, ranges=False) + unknown_notes(estimates)
    if any(isinstance(cell, Time) and cell.least for row in rows for cell in row):
        notes.insert(0, "images/s beside a lower bound (≥) are the most that any run can reach")
    return tuple(notes)


def _rows(name: str, analysis: Analysis, lower_bound: bool) -> list[tuple[Any, ...]]:
    """One row for each device; one without a time where there is no device."""
    batch = analysis.network.batch
    counts = (analysis.total("mult_adds", lower_bound), analysis.memory.peak_bytes)
    if not analysis.devices:
        return [(name, batch, *[None] * 6, *counts)]
    rows: list[tuple[Any, ...]] = []
    for estimate in analysis.devices:
        device = estimate.device
        time = time_cell(analysis, estimate, lower_bound)
        image_s = None if time is None else Time(time.seconds / batch, time.least, time.outside)
        images_per_s = None if time is None else _whole(batch / time.seconds)
        basis = None if time is None else estimate.basis
        rows.append(
            (name, batch, device.name, basis, device.threads, time, image_s, images_per_s, *counts)
        )
    return rows


def _whole(images: float) -> float:
    """Images without a fraction that nobody reads."""
    return round(images) if images >= 100 else images


def _throughput(analysis: Analysis, estimate: DeviceEstimate, lower_bound: bool) -> dict[str, Any]:
    seconds, batch = analysis.latency_s(estimate, lower_bound), analysis.network.batch
    return {
        "device": estimate.device.name,
        "basis": estimate.basis if seconds else None,
        "batch_ms": seconds * 1e3 if seconds else None,
        "image_ms": seconds * 1e3 / batch if seconds else None,
        "images_per_s": batch / seconds if seconds else None,
    }
