"""The time of a kernel as it is calculated: terms with their prices or a roofline, and the roof."""

from __future__ import annotations

from typing import Any, NamedTuple

from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate, relative_prices, summands
from mnet_cost.analysis.roof import Roofs
from mnet_cost.analysis.terms import kernel_amounts
from mnet_cost.devices.fits import PriceFit, RooflineFit
from mnet_cost.devices.terms import TERMS
from mnet_cost.report.document import kernel_times
from mnet_cost.units import format_bytes, format_count, format_seconds, format_si

_MILLION = 1e6


class PricedTerm(NamedTuple):
    """One summand: `amount` x `price` x the scale of the fit, `speedup` times as fast."""

    term: str
    amount: float
    """Multiplications, elements, weights or launches."""
    price: float
    """Relative to a multiplication in a large 1x1 convolution."""
    speedup: float
    """By zeros among the weights."""
    seconds: float


def priced_terms(estimate: DeviceEstimate, one: KernelEstimate) -> tuple[PricedTerm, ...]:
    """The summands of a kernel's time; none where it was not made with prices."""
    fit, device = estimate.fit, estimate.device
    if not isinstance(fit, PriceFit) or one.latency_s is None:
        return ()
    (amounts,) = kernel_amounts((one.kernel,), device.kernel_rules, fit.tile)
    prices = relative_prices(fit, device, estimate.precision)
    found = []
    for i, seconds in summands(fit, one.kernel, amounts, prices):
        term, amount, price = TERMS[i], amounts[i], prices[i]
        # Launches are counted one by one, and priced as if they were millions.
        if term.part == "overhead":
            price *= _MILLION
        else:
            amount *= _MILLION
        speedup = one.kernel.speedup if term.part == "compute" else 1.0
        found.append(PricedTerm(term.name, amount, price, speedup, seconds))
    return tuple(found)


def time_lines(estimate: DeviceEstimate, one: KernelEstimate) -> str:
    """How the time came about, in lines."""
    if one.latency_s is None:
        return "no rule counts what it does"
    fit = estimate.fit
    if isinstance(fit, PriceFit):
        scale = format_seconds(fit.scale_s.value)
        lines = [
            f"{found.term} {format_count(found.amount)} x {_price(found.price)} x {scale}"
            f"{_faster(found.speedup)} = {format_seconds(found.seconds)}"
            for found in priced_terms(estimate, one)
        ]
        return "\n".join([*lines, _roof_line(estimate, one)])
    if isinstance(fit, RooflineFit):
        return f"{_fitted_line(fit, one)}\n{_roof_line(estimate, one)}"
    launch = f" + launch {_seconds(one.overhead_s)}" if one.overhead_s else ""
    words = f"max(compute {_seconds(one.compute_s)}, memory {_seconds(one.memory_s)}){launch}"
    return f"{words}\n{_compute_values(estimate, one)}; {_memory_values(estimate, one)}; " + (
        f"bound by {one.bound}"
    )


def _faster(speedup: float) -> str:
    return "" if speedup == 1 else f" / {speedup:g}"


def _price(price: float) -> str:
    return f"{price:,.0f}" if price >= 1000 else f"{price:.4g}"


def _fitted_line(fit: RooflineFit, one: KernelEstimate) -> str:
    kernel = one.kernel
    compute = (
        f"compute {kernel.mult_adds:,} / {format_si(fit.macs_per_s.value, 'MAC/s')}"
        f"{_faster(kernel.speedup)} = {_seconds(one.compute_s)}"
    )
    memory = ""
    if fit.bytes_per_s is not None:
        memory = (
            f", memory {format_bytes(kernel.traffic_bytes)} / "
            f"{format_si(fit.bytes_per_s.value, 'B/s')} = {_seconds(one.memory_s)}"
        )
    launch = f" + launch {_seconds(one.overhead_s)}" if one.overhead_s else ""
    return f"max({compute}{memory}){launch}"


def _roof_line(estimate: DeviceEstimate, one: KernelEstimate) -> str:
    roof = one.roof
    if roof.seconds is None:
        return "roof: unknown, since no peak is"
    line = (
        f"roof {_seconds(roof.seconds)} = max({_compute_values(estimate, one)}; "
        f"{_memory_values(estimate, one)})"
    )
    priced = sum([found.seconds for found in priced_terms(estimate, one)])
    if estimate.adds_up and roof.seconds > priced:
        line += f": above the sum {_seconds(priced)}, so it is taken"
    return line


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else format_seconds(value)


def _compute_values(estimate: DeviceEstimate, one: KernelEstimate) -> str:
    """Operations that the roof counts, over their rate."""
    kernel, rate = one.kernel, estimate.device.compute.get(estimate.precision)
    if rate is None:
        return "no peak is known"
    if not kernel.mult_adds:
        if rate.vector_ops_per_s is None:
            return "no rate for vector ops"
        return f"{kernel.vector_ops:,} / {format_si(rate.vector_ops_per_s.value, 'op/s')}"
    needed = Roofs(estimate.device, rate).multiplications(kernel) / kernel.mult_adds
    times = "" if needed == 1 else f" x {needed:.4g}"
    peak = format_si(rate.macs_per_s.value, "MAC/s")
    return f"{kernel.mult_adds:,}{times} / {peak}{_faster(kernel.speedup)}"


def _memory_values(estimate: DeviceEstimate, one: KernelEstimate) -> str:
    """Bytes that pass the level that takes longest, and its bandwidth."""
    device, seconds = estimate.device, one.roof.memory_s
    for level in (*device.memory, *([device.storage] if device.storage else [])):
        if level.name == one.roof.level and level.bytes_per_s and seconds is not None:
            moved = format_bytes(round(seconds * level.bytes_per_s.value))
            return f"{moved} / {format_si(level.bytes_per_s.value, 'B/s')} at {level.name}"
    return f"{format_bytes(one.kernel.traffic_bytes)} at no known bandwidth"


def time_document(estimate: DeviceEstimate, one: KernelEstimate) -> dict[str, Any]:
    """The same for JSON, in milliseconds."""
    return {
        "device": estimate.device.name,
        "standing": estimate.standing,
        **kernel_times(estimate, one),
        "terms": [
            {
                "term": found.term,
                "amount": found.amount,
                "price": found.price,
                "speedup": found.speedup,
                "latency_ms": 1e3 * found.seconds,
            }
            for found in priced_terms(estimate, one)
        ],
    }
