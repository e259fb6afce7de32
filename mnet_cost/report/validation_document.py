"""What `validate` writes for programs: the JSON document, and the rows of CSV.

Rows are kernels, and below them what is no kernel of a layer, so that the measured times of the
rows of a network add up to that of its row `network`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mnet_cost.measure.runs.joining import JoinedKernel, MeasuredKernel
from mnet_cost.measure.runs.run_files import Run
from mnet_cost.measure.runs.validate import Validation, summary
from mnet_cost.network import Network, Step
from mnet_cost.report.analysis_json import origin_document
from mnet_cost.report.file_keys import file_numbers, plain_value
from mnet_cost.report.metric_columns import metric_column
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import Column, Table

ROWS = ("network", "kernel", "layout", "other", "between")
"""What a row of CSV can be."""


def validation_document(names: Sequence[str], validations: Sequence[Validation]) -> dict[str, Any]:
    """The document of some runs and their estimates."""
    return {
        "schema": schema_id("validation"),
        "summary": summary(validations),
        "networks": [
            _network_document(name, each) for name, each in zip(names, validations, strict=True)
        ],
    }


def _network_document(name: str, validation: Validation) -> dict[str, Any]:
    analysis, estimate = validation.analysis, validation.estimate
    network = analysis.network
    timed = validation.estimate_s is not None
    return {
        "model": name,
        "spec": network.spec.path,
        "variant": network.spec.variant,
        "knobs": {
            knob: plain_value(value) for knob, value in network.knobs.items() if knob != "batch"
        },
        "run": run_document(validation.run),
        "device": None if estimate is None else estimate.device.name,
        "estimate": None
        if estimate is None
        else {
            "precision": estimate.precision,
            "basis": estimate.basis,
            **file_numbers(
                {
                    "latency_s": validation.estimate_s,
                    "latency_low_s": estimate.low_s if timed else None,
                    "latency_high_s": estimate.high_s if timed else None,
                    "bound_s": estimate.bound_s,
                }
            ),
            "outside": list(estimate.outside),
            "weight_bytes": analysis.sums.weight_bytes,
            "peak_activation_bytes": analysis.memory.peak_bytes,
            "energy_mj": estimate.energy.energy_j * 1e3
            if estimate.energy and estimate.energy.energy_j is not None
            else None,
        },
        "ratio": validation.ratio,
        "inside": validation.is_inside,
        "within_noise": validation.is_noise,
        "differences": list(validation.differences),
        "gap": file_numbers({f"{part}_s": s for part, s in validation.gap.parts.items()}),
        "kinds": [
            {
                "kind": row.kind,
                "mult_adds": row.mult_adds,
                "params": row.params,
                **file_numbers({"measured_s": row.measured_s, "estimate_s": row.estimate_s}),
            }
            for row in validation.kinds
        ],
        "kernels": _kernels_document(validation),
    }


def run_document(run: Run) -> dict[str, Any]:
    """How a network ran, and how long it took."""
    return {
        "runtime": run.runtime,
        "runtime_version": run.version or None,
        "device": run.device or None,
        "precision": run.precision,
        "threads": run.threads,
        "batch": run.batch,
        "rounds": run.rounds,
        "runs": run.runs,
        **file_numbers(
            {
                "median_s": run.median_s,
                "fastest_s": run.fastest_s,
                "low_s": run.low_s,
                "high_s": run.high_s,
            }
        ),
        "noise": run.noise,
        "peak_memory_bytes": run.peak_memory_bytes,
        "energy_mj": None if run.energy_j is None else run.energy_j * 1e3,
        "environment": dict(run.environment),
    }


def _kernels_document(validation: Validation) -> dict[str, Any] | None:
    joined = validation.joined
    if joined is None:
        return None
    network = validation.analysis.network
    return {
        "joined_share": joined.joined_share,
        "scale": joined.scale,
        "groups": [_group_document(network, each) for each in validation.worst],
        "layout": [_measured_document(each) for each in joined.layout],
        "other": [_measured_document(each) for each in joined.unjoined],
        "between_ms": joined.between_s * 1e3,
        "without_kernel": [
            {"layer": each.layer, "reason": each.reason, "host": each.host}
            for each in joined.without_kernel
        ],
        "unmeasured": [
            {"name": each.kernel.name, **file_numbers({"estimate_s": each.latency_s})}
            for each in joined.unmeasured
        ],
    }


def _group_document(network: Network, group: JoinedKernel) -> dict[str, Any]:
    return {
        "name": group.name,
        "kind": group.kind,
        **_place(network, group.step),
        "layers": list(group.layers),
        "mult_adds": group.mult_adds,
        "params": group.params,
        **file_numbers(
            {
                "measured_s": group.seconds,
                "estimate_s": group.estimate_s,
                "bound_s": group.bound_s,
            }
        ),
        "measured": [_measured_document(each) for each in group.measured],
        "estimated": [each.kernel.name for each in group.estimates],
    }


def _place(network: Network, step: Step) -> dict[str, Any]:
    """Where a layer is written, and the nodes of a model file that it stands for."""
    place = {"spec": step.node.source.path, "line": step.line}
    return place | origin_document(step, network.spec)


def _measured_document(measured: MeasuredKernel) -> dict[str, Any]:
    return {
        "name": measured.kernel.name,
        "operator": measured.kernel.operator,
        "measured_ms": measured.seconds * 1e3,
        "layers": list(measured.layers),
    }


def validation_records(names: Sequence[str], validations: Sequence[Validation]) -> Table:
    """A row for each network, each of its kernels, and what is no kernel of a layer."""
    columns = (
        Column("model", "network"),
        Column("row", "row"),
        Column("name", "name"),
        Column("kind", "kind"),
        Column("layers", "layers"),
        Column("spec", "spec"),
        Column("line", "line", "count"),
        metric_column("mult_adds"),
        metric_column("params"),
        Column("measured_s", "measured", "seconds"),
        Column("estimate_s", "estimate", "seconds"),
        Column("estimate_low_s", "low", "seconds"),
        Column("estimate_high_s", "high", "seconds"),
        metric_column("lower_bound"),
        Column("noise", "noise", "number"),
        Column("runtime", "runtime"),
        Column("runtime_version", "version"),
        Column("precision", "precision"),
        Column("threads", "threads", "count"),
        Column("batch", "batch", "count"),
        Column("device", "device"),
    )
    rows = [row for name, each in zip(names, validations, strict=True) for row in _rows(name, each)]
    return Table("validation", "", columns, tuple(rows))


def _rows(name: str, validation: Validation) -> Iterator[tuple[Any, ...]]:
    run, estimate, joined = validation.run, validation.estimate, validation.joined
    device = None if estimate is None else estimate.device.name
    setting = (run.runtime, run.version or None, run.precision, run.threads, run.batch, device)
    timed = estimate is not None and validation.estimate_s is not None
    sums = validation.analysis.sums
    yield (
        name, "network", name, None, (), validation.analysis.network.spec.path, None,
        sums.mult_adds, sums.params, run.median_s, validation.estimate_s,
        estimate.low_s if timed and estimate else None,
        estimate.high_s if timed and estimate else None,
        validation.bound_s, run.noise, *setting,
    )  # fmt: skip
    if joined is None:
        return
    for group in validation.worst:
        yield (
            name, "kernel", group.name, group.kind, group.layers, group.step.node.source.path,
            group.step.line, group.mult_adds, group.params, group.seconds, group.estimate_s,
            None, None, group.bound_s, None, *setting,
        )  # fmt: skip
    others = [("layout", each) for each in joined.layout]
    others += [("other", each) for each in joined.unjoined]
    for row, each in others:
        yield (
            name, row, each.kernel.name, each.kernel.operator, each.layers, None, None, None, None,
            each.seconds, None, None, None, None, None, *setting,
        )  # fmt: skip
    yield (
        name, "between", None, None, (), None, None, None, None, joined.between_s,
        estimate.inference_s or None if timed and estimate else None,
        None, None, None, None, *setting,
    )  # fmt: skip
