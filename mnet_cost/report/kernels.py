"""Kernels of a network on a device, those that take longest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.lower_bounds import ridge_point
from mnet_cost.analysis.time_breakdown import time_breakdown
from mnet_cost.errors import Problem, UsageError
from mnet_cost.report.metric_columns import metric_column
from mnet_cost.report.rows import part_word
from mnet_cost.report.types import ASKED, SPARE, Absent, Column, Table

TOP = 15
"""Kernels that are shown where nobody says how many."""

_COLUMNS = (
    Column("name", "kernel", "text", ASKED, help="named after the layer that it is built around"),
    Column("fused", "with", "text", 4, help="layers that are fused into it"),
    metric_column("mult_adds", help="of the batch; 1 is 2 FLOPs"),
    metric_column("latency", ASKED, help="compute + memory + launch"),
    Column("latency_share", "%", "share", ASKED, help="of the time of the network"),
    Column("compute_s", "compute", "seconds", 8, help="time of mult-adds and other operations"),
    Column("memory_s", "memory", "seconds", 8, help="time of moving bytes"),
    Column("overhead_s", "launch", "seconds", 7, help="time of launching the kernel"),
    metric_column("lower_bound", 6, help="the least time on the peaks of the device")._replace(
        title="bound"
    ),
    Column("bound", "limit", "text", 6, help="what the bound comes from"),
    Column("intensity", "MACs/B", "number", SPARE, help="mult-adds per byte moved"),
    Column(
        "ridge",
        "ridge",
        "text",
        -1,
        help="below the ridge point the bandwidth of main memory limits the kernel, if nothing "
        "stays in caches; above it the peak",
    ),
)


def kernel_table(analysis: Analysis, top: int) -> Table:
    """The `top` kernels on the first device."""
    if not analysis.devices:
        hint = "`--device NAME`; `--by layer` needs none"
        raise UsageError(Problem("which kernels there are depends on a device", hint=hint))
    estimate = analysis.devices[0]
    device = estimate.device
    whole_s = analysis.latency_s(estimate)
    ridge = ridge_point(device, estimate.precision)
    ordered = sorted(estimate.kernels, key=lambda kernel: -(kernel.latency_s or 0.0))
    shown = ordered[:top]
    if estimate.latency_s is None:
        title = f"Kernels on {device.name}: {'; '.join(estimate.notes)}"
    else:
        title = f"Kernels on {device.name} ({estimate.basis}){_extent(estimate, shown, whole_s)}"
    if ridge is not None:
        title += f", ridge point {ridge:.3g} mult-adds per byte"
    return Table(
        "kernels",
        title,
        _COLUMNS,
        tuple(_row(estimate, kernel, whole_s, ridge) for kernel in shown),
    )


def _row(
    estimate: DeviceEstimate,
    kernel_time: KernelEstimate,
    whole_s: float | None,
    ridge: float | None,
) -> tuple[Any, ...]:
    kernel, seconds = kernel_time.kernel, kernel_time.latency_s
    bound_s, intensity = kernel_time.lower_bound.seconds, kernel_time.intensity
    parts = time_breakdown(estimate, kernel_time)
    fused = dict.fromkeys(cost.step.layer.kind for cost in kernel.layers[1:])
    side = None
    if ridge is not None and intensity is not None:
        side = "below" if intensity < ridge else "above"
    return (
        kernel.name,
        " + ".join(fused) or Absent(""),
        Absent("unknown") if kernel.anchor.work is None else kernel.mult_adds,
        Absent("unknown") if seconds is None else seconds,
        seconds / whole_s if seconds is not None and whole_s else Absent(""),
        *(Absent("unknown") if part is None else part for part in parts),
        Absent("unknown") if bound_s is None else bound_s,
        part_word(kernel_time.bound),
        Absent("") if intensity is None else intensity,
        side or Absent(""),
    )


def _is_raised(kernel_time: KernelEstimate) -> bool:
    """Whether the lower bound is above the sum of cost coefficients."""
    parts = (kernel_time.compute_s, kernel_time.memory_s, kernel_time.overhead_s)
    by_coefficients = sum([part or 0.0 for part in parts])
    return (kernel_time.latency_s or 0.0) > by_coefficients * (1 + 1e-9)


def kernel_notes(estimate: DeviceEstimate) -> list[str]:
    """The meaning of the parts of a kernel's time."""
    notes = []
    if not estimate.adds_up:
        notes.append("kernels: memory is the time that moving bytes takes beyond compute")
    elif any(_is_raised(kernel) for kernel in estimate.kernels):
        notes.append(
            "kernels: where the bound is above the sum of the cost coefficients, the time is the "
            "bound, and the part that limits it has the rest"
        )
    return notes


def _extent(
    estimate: DeviceEstimate, shown: Sequence[KernelEstimate], whole_s: float | None
) -> str:
    """How many of the kernels are shown, and how much of the time is theirs."""
    count = len(estimate.kernels)
    if len(shown) == count:
        return f": all {count}"
    seconds = sum([kernel.latency_s or 0.0 for kernel in shown])
    share = f", {100 * seconds / whole_s:.0f} % of the time" if whole_s else ""
    return f": {len(shown)} of {count}{share} (--top N shows more)"
