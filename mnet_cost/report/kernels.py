"""Kernels of a network on a device, those that take longest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.lower_bounds import ridge_point
from mnet_cost.analysis.time_breakdown import time_breakdown
from mnet_cost.errors import Problem, UsageError
from mnet_cost.report.rows import part_word
from mnet_cost.report.types import Column, Table

TOP = 15
"""Kernels that are shown where nobody says how many."""

_COLUMNS = (
    Column("name", "kernel"),
    Column("fused", "with", "text", 4),
    Column("mult_adds", "mult-adds", "count", 3),
    Column("latency_s", "time", "seconds"),
    Column("latency_share", "time %", "percent"),
    Column("compute_s", "compute", "seconds", 8),
    Column("memory_s", "memory", "seconds", 8),
    Column("overhead_s", "launch", "seconds", 7),
    Column("bound_s", "bound", "seconds", 6),
    Column("bound", "bound", "text", 6),
    Column("intensity", "MACs/B", "number", 5),
    Column("ridge", "ridge", "text", 5),
)


def kernel_table(analysis: Analysis, top: int, lower_bound: bool) -> Table:
    """The `top` kernels on the first device."""
    if not analysis.devices:
        hint = "`--device NAME`; `--by layer` needs none"
        raise UsageError(Problem("which kernels there are depends on a device", hint=hint))
    estimate = analysis.devices[0]
    device = estimate.device
    whole_s = analysis.latency_s(estimate, lower_bound)
    ridge = ridge_point(device, estimate.precision)
    ordered = sorted(estimate.kernels, key=lambda one: -(one.latency_s or 0.0))
    shown = ordered[:top]
    if estimate.latency_s is None:
        title = f"Kernels on {device.name}: {'; '.join(estimate.notes)}"
    else:
        title = f"Kernels on {device.name} ({estimate.basis})"
    if ridge is not None:
        title += f", ridge point {ridge:.3g} mult-adds per byte"
    return Table(
        "kernels",
        title,
        _COLUMNS,
        tuple(_row(estimate, one, whole_s, ridge) for one in shown),
        note=_note(estimate, shown, whole_s, ridge),
    )


def _row(
    estimate: DeviceEstimate, one: KernelEstimate, whole_s: float | None, ridge: float | None
) -> tuple[Any, ...]:
    kernel, seconds = one.kernel, one.latency_s
    fused = dict.fromkeys(cost.step.layer.kind for cost in kernel.layers[1:])
    side = None
    if ridge is not None and one.intensity is not None:
        side = "below" if one.intensity < ridge else "above"
    return (
        kernel.name,
        " + ".join(fused) or None,
        None if kernel.anchor.work is None else kernel.mult_adds,
        seconds,
        seconds / whole_s if seconds is not None and whole_s else None,
        *time_breakdown(estimate, one),
        one.lower_bound.seconds,
        part_word(one.bound),
        one.intensity,
        side,
    )


def _is_raised(one: KernelEstimate) -> bool:
    """Whether the lower bound is above the sum of cost coefficients."""
    by_coefficients = sum([part or 0.0 for part in (one.compute_s, one.memory_s, one.overhead_s)])
    return (one.latency_s or 0.0) > by_coefficients * (1 + 1e-9)


def _note(
    estimate: DeviceEstimate,
    kernels: Sequence[KernelEstimate],
    whole_s: float | None,
    ridge: float | None,
) -> str:
    shown, count = len(kernels), len(estimate.kernels)
    if not shown:
        return ""
    seconds = sum([one.latency_s or 0.0 for one in kernels])
    share = f", {100 * seconds / whole_s:.0f} % of the time" if whole_s else ""
    first = f"{shown} of {count} kernels{share}"
    if shown < count:
        first += "; --top N shows more"
    overheads = "" if estimate.adds_up else "memory: what it takes beyond compute; "
    note = (
        f"{first}\ntime = compute + memory + launch; {overheads}lower bound: the least time on the "
        "device's peaks; bound: what limits it"
    )
    if estimate.adds_up and any(_is_raised(one) for one in kernels):
        note += "; where the lower bound is above the sum, the part that limits it has the rest"
    if ridge is not None:
        note += (
            "\nbelow the ridge point the bandwidth of main memory binds, if nothing stays in "
            "caches; above it the peak"
        )
    return note
