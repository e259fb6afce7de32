"""The time of a kernel as it is calculated: terms with their coefficients or a roofline, and the
lower bound."""

from __future__ import annotations

from typing import Any, NamedTuple

from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.lower_bounds import LowerBounds
from mnet_cost.analysis.times import amounts_of, relative_coefficients, summands
from mnet_cost.devices.latency_models import CoefficientFit, RooflineFit
from mnet_cost.devices.terms import TERMS
from mnet_cost.report.analysis_json import kernel_times
from mnet_cost.report.rows import part_word
from mnet_cost.units import format_bytes, format_count, format_seconds, format_si

_MILLION = 1e6


class TermTime(NamedTuple):
    """One summand: `amount` x `coefficient` x the scale of the fit, `speedup` times as fast."""

    term: str
    amount: float
    """Multiplications, elements, weights or kernel launches."""
    coefficient: float
    """Relative to a multiplication in a large 1x1 convolution."""
    speedup: float
    """The factor by which zeros among the weights make the kernel faster."""
    seconds: float


def term_times(estimate: DeviceEstimate, kernel_time: KernelEstimate) -> tuple[TermTime, ...]:
    """The summands of a kernel's time; none where it was not made with cost coefficients."""
    fit, device = estimate.fit_of(kernel_time), estimate.device
    if not isinstance(fit, CoefficientFit) or kernel_time.latency_s is None:
        return ()
    network = [other.kernel for other in estimate.kernels]
    (amounts,) = amounts_of(fit, device, kernel_time.precision, (kernel_time.kernel,), network)
    coefficients = relative_coefficients(fit, device, kernel_time.precision)
    times = []
    for i, seconds in summands(fit, kernel_time.kernel, amounts, coefficients):
        if not seconds:
            continue
        term, amount, coefficient = TERMS[i], amounts[i], coefficients[i]
        # Launches are counted one by one, and priced as if they were millions.
        if term.part == "overhead":
            coefficient *= _MILLION
        else:
            amount *= _MILLION
        speedup = kernel_time.kernel.speedup if term.part == "compute" else 1.0
        times.append(TermTime(term.name, amount, coefficient, speedup, seconds))
    return tuple(times)


def time_lines(estimate: DeviceEstimate, kernel_time: KernelEstimate) -> str:
    """How the time came about, in lines."""
    if kernel_time.latency_s is None:
        return "no rule counts what it does"
    fit = estimate.fit_of(kernel_time)
    if isinstance(fit, CoefficientFit):
        scale = format_seconds(fit.scale_s.value)
        lines = [
            f"{time.term} {format_count(time.amount)} x {_coefficient(time.coefficient)} "
            f"x {scale}{_faster(time.speedup)} = {format_seconds(time.seconds)}"
            for time in term_times(estimate, kernel_time)
        ]
        return "\n".join([*lines, _bound_line(estimate, kernel_time)])
    if isinstance(fit, RooflineFit):
        return f"{_fitted_line(fit, kernel_time)}\n{_bound_line(estimate, kernel_time)}"
    launch = f" + launch {_seconds(kernel_time.overhead_s)}" if kernel_time.overhead_s else ""
    compute, memory = _seconds(kernel_time.compute_s), _seconds(kernel_time.memory_s)
    return (
        f"max(compute {compute}, memory {memory}){launch}\n"
        f"{_compute_values(estimate, kernel_time)}; {_memory_values(estimate, kernel_time)}; "
        f"bound by {part_word(kernel_time.bound)}"
    )


def _faster(speedup: float) -> str:
    return "" if speedup == 1 else f" / {speedup:g}"


def _coefficient(coefficient: float) -> str:
    return f"{coefficient:,.0f}" if coefficient >= 1000 else f"{coefficient:.4g}"


def _fitted_line(fit: RooflineFit, kernel_time: KernelEstimate) -> str:
    kernel = kernel_time.kernel
    compute = (
        f"compute {kernel.mult_adds:,} / {format_si(fit.macs_per_s.value, 'MAC/s')}"
        f"{_faster(kernel.speedup)} = {_seconds(kernel_time.compute_s)}"
    )
    memory = ""
    if fit.bytes_per_s is not None:
        memory = (
            f", memory {format_bytes(kernel.traffic_bytes)} / "
            f"{format_si(fit.bytes_per_s.value, 'B/s')} = {_seconds(kernel_time.memory_s)}"
        )
    launch = f" + launch {_seconds(kernel_time.overhead_s)}" if kernel_time.overhead_s else ""
    return f"max({compute}{memory}){launch}"


def _bound_line(estimate: DeviceEstimate, kernel_time: KernelEstimate) -> str:
    lower_bound = kernel_time.lower_bound
    if lower_bound.seconds is None:
        return "lower bound: unknown, since no peak is"
    line = (
        f"lower bound {_seconds(lower_bound.seconds)} = "
        f"max({_compute_values(estimate, kernel_time)}; {_memory_values(estimate, kernel_time)})"
    )
    by_coefficients = sum([time.seconds for time in term_times(estimate, kernel_time)])
    if (
        isinstance(estimate.fit_of(kernel_time), CoefficientFit)
        and lower_bound.seconds > by_coefficients
    ):
        line += f": above the sum {_seconds(by_coefficients)}, so it is taken"
    return line


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else format_seconds(value)


def _compute_values(estimate: DeviceEstimate, kernel_time: KernelEstimate) -> str:
    """Operations that the lower bound counts, over their rate."""
    kernel, rate = kernel_time.kernel, estimate.device.compute.get(kernel_time.precision)
    if rate is None:
        return "no peak is known"
    if not kernel.mult_adds:
        if rate.vector_ops_per_s is None:
            return "no rate for vector ops"
        return f"{kernel.vector_ops:,} / {format_si(rate.vector_ops_per_s.value, 'op/s')}"
    needed = LowerBounds(estimate.device, rate).multiplications(kernel) / kernel.mult_adds
    times = "" if needed == 1 else f" x {needed:.4g}"
    peak = format_si(rate.macs_per_s.value, "MAC/s")
    return f"{kernel.mult_adds:,}{times} / {peak}{_faster(kernel.speedup)}"


def _memory_values(estimate: DeviceEstimate, kernel_time: KernelEstimate) -> str:
    """Bytes that pass the level that takes longest, and its bandwidth."""
    device, lower_bound = estimate.device, kernel_time.lower_bound
    seconds = lower_bound.memory_s
    for level in (*device.memory, *([device.storage] if device.storage else [])):
        if level.name == lower_bound.level and level.bytes_per_s and seconds is not None:
            moved = format_bytes(round(seconds * level.bytes_per_s.value))
            return f"{moved} / {format_si(level.bytes_per_s.value, 'B/s')} at {level.name}"
    return f"{format_bytes(kernel_time.kernel.traffic_bytes)} at no known bandwidth"


def time_document(estimate: DeviceEstimate, kernel_time: KernelEstimate) -> dict[str, Any]:
    """The same for JSON, in milliseconds."""
    return {
        "device": estimate.device.name,
        "basis": estimate.basis,
        **kernel_times(estimate, kernel_time),
        "terms": [
            {
                "term": time.term,
                "amount": time.amount,
                "coefficient": time.coefficient,
                "speedup": time.speedup,
                "latency_ms": 1e3 * time.seconds,
            }
            for time in term_times(estimate, kernel_time)
        ],
    }
