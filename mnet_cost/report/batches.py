"""The report of several batch sizes: one row for each network, device and batch.

Throughput grows with the batch, and so does the time until an answer is there: the table has both.
Not here: what a batch changes, which the analyses know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.report.alerts import misfit_alerts
from mnet_cost.report.analysis_json import analysis_document
from mnet_cost.report.estimates import fits_cell, threads_cell, time_notes, unknown_notes
from mnet_cost.report.file_keys import file_numbers
from mnet_cost.report.marks import by_basis
from mnet_cost.report.matrix import settings_words
from mnet_cost.report.metric_columns import metric_column, metric_of
from mnet_cost.report.records import network_records
from mnet_cost.report.rows import band_cell, time_cell, without, without_unknown
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import ASKED, SPARE, Column, Report, Table, Time

_COLUMNS = (
    Column("model", "network", "text", ASKED),
    Column("device", "device", "text", ASKED),
    Column("batch", "batch", "number", ASKED, help="examples that run together"),
    metric_column("latency", ASKED, help="of the whole batch"),
    Column("band_s", "80 % range", "range", 6, help="four of five measurements are expected in it"),
    Column("image_s", "per image", "seconds", ASKED, help="the time over the batch"),
    Column("images_per_s", "images/s", "number", ASKED, help="the batch over the time"),
    Column("runtime", "runtime", "text", 7, help="the program that runs it; any: not said"),
    Column("threads", "threads", "number", 7, "thr.", help="processor threads that it uses"),
    Column("fits", "fits", "text", 8, help="whether weights and activations fit the memory; -: its "
           "size is not known"),
    metric_column("peak_memory", 5, "peak\nmemory",
                  help="of activations, with the layers in the order of the spec"),
    Column("basis", "basis", "text", ASKED, help="what the time rests on"),
    metric_column("mult_adds", SPARE, help="of the whole batch"),
)  # fmt: skip
_OF_DEVICES = tuple(
    column.key
    for column in _COLUMNS
    if column.key not in ("model", "batch", "peak_memory_bytes", "mult_adds")
)
_RATES = (Column("image_s", "per image", "seconds"), Column("images_per_s", "images/s", "number"))


def batches_report(
    names: Sequence[str],
    analyses: Sequence[Sequence[Analysis]],
) -> Report:
    """Times per batch and per image; `analyses` has those of each of `names`, by batch."""
    every = [analysis for by_batch in analyses for analysis in by_batch]
    name_of = [name for name, by_batch in zip(names, analyses, strict=True) for _ in by_batch]
    rows = [
        row for name, by_batch in zip(names, analyses, strict=True) for row in _rows(name, by_batch)
    ]
    first = every[0]
    table = without_unknown(Table("batches", "", _COLUMNS, tuple(rows)), ("band_s",))
    if len(names) == 1:
        table = without(table, ("model",))
    if not first.devices:
        table = without(table, _OF_DEVICES)
    batches = ", ".join(str(analysis.network.batch) for analysis in analyses[0])
    knobs = {knob: value for knob, value in first.network.knobs.items() if knob != "batch"}
    words = settings_words(knobs) if len(names) == 1 else []
    estimates = first.devices
    notes = unknown_notes(estimates)
    if any(estimate.basis == "bound" for estimate in estimates):
        notes.insert(
            0, "≥ is a lower bound of the time; no run does more images/s than stand there"
        )
    return Report(
        title=" vs ".join(names),
        subtitle=" · ".join([*words, f"batches {batches}", first.precision]),
        facts=(),
        tables=(),
        notes=tuple(notes),
        document=lambda: {
            "schema": schema_id("batches"),
            "analyses": [
                {"name": name}
                | analysis_document(analysis)
                | {"throughput": [_throughput(analysis, estimate) for estimate in analysis.devices]}
                for name, analysis in zip(name_of, every, strict=True)
            ],
        },
        records=_with_rates(network_records(name_of, every)),
        more_notes=tuple(time_notes(first, estimates)),
        alerts=tuple(misfit_alerts(every, at_batch(names, analyses))),
        answer=(table,),
        long_form=True,
    )


def at_batch(names: Sequence[str], analyses: Sequence[Sequence[Analysis]]) -> list[str]:
    """The name of each analysis in alerts: `mobilenet_v2 at batch 8`."""
    return [
        f"{name} at batch {analysis.network.batch}"
        for name, by_batch in zip(names, analyses, strict=True)
        for analysis in by_batch
    ]


def _rows(name: str, by_batch: Sequence[Analysis]) -> list[tuple[Any, ...]]:
    """Rows of one network: the batches of a device together; one for each without a device."""
    if not by_batch[0].devices:
        return [
            (name, None, analysis.network.batch, *[None] * 7, metric_of("peak_memory", analysis),
             None, metric_of("mult_adds", analysis))
            for analysis in by_batch
        ]  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for number in range(len(by_batch[0].devices)):
        for analysis in by_batch:
            estimate, batch = analysis.devices[number], analysis.network.batch
            time = time_cell(analysis, estimate)
            rows.append(
                (
                    name,
                    estimate.device.name,
                    batch,
                    time,
                    band_cell(analysis, estimate),
                    None if time is None else Time(time.seconds / batch, time.least, time.outside),
                    None if time is None else _whole(batch / time.seconds),
                    estimate.device.runtime,
                    threads_cell(estimate.device),
                    fits_cell(analysis, estimate),
                    metric_of("peak_memory", analysis),
                    None if time is None else by_basis(estimate.basis, estimate.basis),
                    metric_of("mult_adds", analysis),
                )
            )
    return rows


def _with_rates(records: Table) -> Table:
    """Records of networks with the time of an image and images per second beside the time."""
    keys = [column.key for column in records.columns]
    batch, time = keys.index("batch"), keys.index("latency_s")
    rows = []
    for row in records.rows:
        seconds = row[time].seconds if row[time] else None
        rates = (seconds / row[batch], row[batch] / seconds) if seconds else (None, None)
        rows.append((*row[: time + 1], *rates, *row[time + 1 :]))
    columns = (*records.columns[: time + 1], *_RATES, *records.columns[time + 1 :])
    return records._replace(columns=columns, rows=tuple(rows))


def _whole(images: float) -> float:
    """Images without a fraction that nobody reads."""
    return round(images) if images >= 100 else images


def _throughput(analysis: Analysis, estimate: DeviceEstimate) -> dict[str, Any]:
    seconds, batch = analysis.latency_s(estimate), analysis.network.batch
    return {
        "device": estimate.device.name,
        "basis": estimate.basis if seconds else None,
        **file_numbers(
            {"latency_s": seconds or None, "image_s": seconds / batch if seconds else None}
        ),
        "images_per_s": batch / seconds if seconds else None,
    }
