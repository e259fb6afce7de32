"""The JSON document of an analysis. Its keys are stable, and `schemas.py` says what each means."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.time_breakdown import PARTS, time_breakdown, time_shares
from mnet_cost.analysis.training import TrainingCost
from mnet_cost.layers.fields import field_values
from mnet_cost.metrics import TOTALS
from mnet_cost.models.types import BATCH, ModelSpec
from mnet_cost.network.types import Network, Step
from mnet_cost.report.capacity import memory_fits
from mnet_cost.report.file_keys import file_numbers
from mnet_cost.report.metric_columns import ENERGIES, TIMES, metric_document
from mnet_cost.report.placement import placement_document
from mnet_cost.report.published import published_document, published_rows
from mnet_cost.report.rows import basis_cell
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.sparsity import sparsity_document
from mnet_cost.report.training_step import training_document
from mnet_cost.tensors import TensorType


def analysis_document(analysis: Analysis, training: TrainingCost | None = None) -> dict[str, Any]:
    """The JSON document of an analysis, and of a training step if that was asked for."""
    network = analysis.network
    return {
        "schema": schema_id("analysis"),
        "model": model_document(analysis),
        "convention": analysis.convention,
        "convention_items": [
            {"what": item.what, "mult_adds": item.mult_adds} for item in analysis.convention_items
        ],
        "convention_agreement": analysis.convention_agreement,
        "convention_reservations": [
            {**asdict(reservation), "layers": list(reservation.layers)}
            for reservation in analysis.reservations
        ],
        "totals": {
            **metric_document([total.name for total in TOTALS], analysis),
            "lower_bound": bool(analysis.unmodelled) and analysis.has_totals,
            "coverage": analysis.coverage,
            "unmodelled": list(analysis.unmodelled),
            "stated": list(analysis.stated),
        },
        "published": published_document(published_rows(analysis)),
        "layers": [_layer_document(analysis, i) for i in range(len(analysis.layers))],
        "memory": {
            "peak_bytes": analysis.memory.peak_bytes,
            "peak_at": network.steps[analysis.memory.peak_step].name,
            "live_at_peak": [
                {"name": tensor.name, "bytes": tensor.bytes}
                for tensor in analysis.memory.live_at_peak
            ],
            "schedule": list(network.schedule),
            **_schedule_document(analysis),
        },
        "devices": [device_document(analysis, estimate) for estimate in analysis.devices],
        "training": training_document(analysis, training),
        "sparsity": sparsity_document(analysis),
        "what_if": None,
    }


def _schedule_document(analysis: Analysis) -> dict[str, Any]:
    schedule = analysis.schedule
    return {
        "schedule_kind": "spec" if schedule is None else "best",
        "schedule_is_optimal": None if schedule is None else schedule.optimal,
        "spec_order_peak_bytes": (
            analysis.memory.peak_bytes if schedule is None else schedule.spec_peak_bytes
        ),
    }


def model_document(analysis: Analysis) -> dict[str, Any]:
    """Which network was analyzed, and at what setting."""
    network, spec = analysis.network, analysis.network.spec
    tensors = network.tensors
    return {
        "name": spec.name,
        "source": spec.source or None,
        "spec": spec.path,
        "variant": spec.variant,
        "knobs": {name: value for name, value in network.knobs.items() if name != "batch"},
        "stated": [name for name in network.stated if name != BATCH],
        "batch": network.batch,
        "precision": analysis.precision,
        "input_shapes": {tensors[i].name: list(tensors[i].type.shape) for i in network.inputs},
    }


def _spec_of_line(step: Step, spec: ModelSpec) -> dict[str, str]:
    """The spec that a line is of, where that is not the one of the model but one it extends."""
    source = step.node.source
    return {} if source is spec.node.source else {"spec": source.path}


def origin_document(step: Step, spec: ModelSpec) -> dict[str, list[str]]:
    """The nodes and tensors of a model file that a layer stands for; nothing for those of specs."""
    origin = spec.origins.get(step.name)
    return {} if origin is None else {"nodes": [*origin.nodes], "tensors": [*origin.tensors]}


def type_document(network: Network, type_: TensorType) -> dict[str, Any]:
    """The shape of a tensor for one example, and its dtype where the precision does not decide."""
    dtype = network.dtype_of(type_)
    return {"shape": list(type_.shape), "dtype": dtype and dtype.name}


def _layer_document(analysis: Analysis, index: int) -> dict[str, Any]:
    cost = analysis.layers[index]
    network, step = analysis.network, cost.step
    known = cost.work is not None
    dtype = network.dtype_of(cost.output)

    def count(value: int) -> int | None:
        return value if known else None

    return {
        "name": step.name,
        "kind": step.layer.kind,
        "block": step.block_path or None,
        "line": step.line,
        **_spec_of_line(step, network.spec),
        **origin_document(step, network.spec),
        "fields": field_values(step.layer),
        "inputs": [network.tensors[i].name for i in step.inputs],
        "input_types": [type_document(network, network.tensors[i].type) for i in step.inputs],
        "output_shape": list(cost.output.shape),
        "output_dtype": dtype and dtype.name,
        "mult_adds": count(cost.mult_adds),
        "vector_ops": count(cost.vector_ops),
        "params": count(cost.params),
        "weights": count(cost.weights),
        "buffers": count(cost.buffers),
        "weight_bytes": count(cost.weight_bytes),
        "input_bytes": count(cost.input_bytes),
        "output_bytes": count(cost.output_bytes),
        "traffic_bytes": count(cost.traffic_bytes),
        "shares_weights_with": owner.name if (owner := network.owner_of(step)) else None,
    }


def device_document(analysis: Analysis, estimate: DeviceEstimate) -> dict[str, Any]:
    """One of the `devices`; times are None where they are refused like totals."""
    device, refused = estimate.device, not analysis.has_totals
    energy = None if refused else estimate.energy
    shares = {} if refused else time_shares(estimate)
    return {
        "name": device.name,
        "basis": basis_cell(analysis, estimate),
        "runtime": device.runtime,
        "runtime_version": device.runtime_version,
        "asked_version": device.asked_version,
        "threads": device.threads,
        **metric_document(TIMES, analysis, estimate),
        "shares": {part: shares.get(part, 0.0) for part in PARTS} if shares else None,
        "outside": list(estimate.outside),
        "untimed": list(estimate.untimed),
        **metric_document(ENERGIES, analysis, estimate),
        "energy_basis": energy and energy.basis,
        "energy_method": energy and energy.method,
        "energy_how": energy and energy.how,
        "memory_fits": memory_fits(analysis, estimate),
        "capacity_checks": [
            {
                "what": check.what,
                "where": check.where,
                "needed_bytes": check.needed_bytes,
                "available_bytes": check.available_bytes,
                "fits": None if refused else check.fits,
                "over_bytes": None if refused else check.over_bytes,
                "gap_bytes": check.gap_bytes,
                "spec_order_bytes": check.spec_order_bytes,
                "is_least": check.is_least,
                "because": [] if refused else [tensor._asdict() for tensor in check.because],
                "at": None if refused else check.at or None,
            }
            for check in estimate.memory_fits
        ],
        "notes": list(estimate.notes),
        "placement": placement_document(estimate),
        "kernels": [
            {
                "name": kernel.kernel.name,
                "layers": [cost.step.name for cost in kernel.kernel.layers],
                **kernel_times(estimate, kernel),
                "intensity": kernel.intensity,
            }
            for kernel in estimate.kernels
        ],
    }


def kernel_times(estimate: DeviceEstimate, kernel: KernelEstimate) -> dict[str, Any]:
    """The time of a kernel with the parts that add up to it, and its lower bound."""
    times = {
        "latency_s": kernel.latency_s,
        **time_breakdown(estimate, kernel)._asdict(),
        "bound_s": kernel.lower_bound.seconds,
    }
    return {**file_numbers(times), "bound": kernel.bound}
