"""What a profile's fit to measured times is: how good, of what, and its cost coefficients."""

from __future__ import annotations

from dataclasses import asdict
from math import exp
from typing import Any

from mnet_cost.analysis.times import relative_coefficients
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit
from mnet_cost.devices.terms import TERMS
from mnet_cost.report.types import Column, Fact, Quantity, Table
from mnet_cost.units import format_count, format_seconds

_MATTERS = 0.1
"""Deviations of less change a coefficient by less than a tenth."""


def fit_facts(precision: str, fit: LatencyFit) -> list[Fact]:
    """Its band, what it was fitted on, and how far it was off on held-out times."""
    width = fit.spread.width * fit.spread.noise
    facts = [
        Fact(
            f"{precision} fit",
            "cost coefficients of terms" if isinstance(fit, CoefficientFit) else "a roofline",
            "text",
            f"band x{exp(-width):.2f} to x{exp(width):.2f}"
            + (
                ", wider by what the cost coefficients leave open"
                if isinstance(fit, CoefficientFit)
                else ""
            ),
        )
    ]
    seen = fit.fitted_on
    if seen is not None:
        macs = " to ".join(format_count(mult_adds, 3) for mult_adds in seen.mult_adds)
        times = " to ".join(map(format_seconds, seen.latency_s))
        facts.append(
            Fact(
                f"{precision} fitted on",
                f"{seen.networks} networks"
                + (f", {seen.small_graphs} small graphs" if seen.small_graphs else ""),
                "text",
                f"{macs} mult-adds, {times}; families: {', '.join(seen.families) or 'not stated'}",
            )
        )
    held_out = fit.held_out
    if held_out is not None:
        facts.append(
            Fact(
                f"{precision} off by",
                f"{100 * held_out.median:.3g} %",
                "text",
                f"in the median, {100 * held_out.mean:.3g} % in the mean, on "
                f"{held_out.measurements} held-out times: {held_out.protocol}",
            )
        )
    elif words := set_by_one(fit):
        facts.append(Fact(f"{precision} off by", "not known", "text", words))
    return facts


def set_by_one(fit: LatencyFit) -> str:
    """What is to be said of a fit to one network, of which no error is known; else nothing."""
    if fit.held_out is not None or fit.fitted_on is None or fit.fitted_on.networks > 1:
        return ""
    return "set by measurements of 1 network, so how far off it is on others is not known"


def coefficient_table(precision: str, fit: CoefficientFit, device: DeviceProfile) -> Table:
    """Cost coefficients that differ from the shared ones by a tenth or more."""
    columns = (
        Column("term", "term"),
        Column("seconds", "each takes", "seconds"),
        Column("coefficient", "coefficient", "number", 7),
        Column("shared", "shared", "number", 6),
        Column("deviation", "over it", "ratio", 8),
        Column("amount", "amount", "prose", 5),
    )
    scale_s = fit.scale_s.value
    shared = shared_coefficients(fit.shared, precision, device.threads).coefficients
    rows = []
    for term, coefficient, common in zip(
        TERMS, relative_coefficients(fit, device, precision), shared, strict=True
    ):
        if abs(fit.deviations.get(term.name, 0.0)) >= _MATTERS:
            each = coefficient * scale_s * (1e6 if term.part == "overhead" else 1.0)
            rows.append((term.name, each, coefficient, common, coefficient / common, term.amount))
    title = f"{precision} cost coefficients that differ from shared ones by a tenth or more"
    return Table(
        f"{precision}_coefficients",
        title if rows else f"{title}: none",
        columns,
        tuple(rows),
        note="coefficient: relative to the scale, which is what a multiplication in a large 1x1 "
        "convolution takes",
    )


def fit_document(fit: LatencyFit) -> dict[str, Any]:
    """A fit for JSON, its covariance apart."""
    numbers: dict[str, Any]
    if isinstance(fit, CoefficientFit):
        numbers = {
            "form": "coefficients",
            "scale": _number(fit.scale_s, "s"),
            "tile": fit.tile,
            "deviations": dict(fit.deviations),
        }
    else:
        numbers = {
            "form": "roofline",
            "macs": _number(fit.macs_per_s, "MAC/s"),
            "bytes": _number(fit.bytes_per_s, "B/s"),
            "inference": _number(fit.inference_s, "s"),
            "kernel": _number(fit.kernel_s, "s"),
        }
    return {
        **numbers,
        "band": asdict(fit.spread),
        "fitted_on": fitted_on_document(fit),
        "held_out": None if fit.held_out is None else asdict(fit.held_out),
    }


def fitted_on_document(fit: LatencyFit) -> dict[str, Any] | None:
    """The range of networks that a fit was made on, for JSON: times in milliseconds."""
    if fit.fitted_on is None:
        return None
    seen: dict[str, Any] = asdict(fit.fitted_on)
    least, most = seen.pop("latency_s")
    return seen | {"latency_ms": [least * 1e3, most * 1e3]}


def _number(number: Any, unit: str) -> dict[str, Any] | None:
    if number is None:
        return None
    return Quantity(number.value, unit)._asdict() | {
        "basis": number.basis, "source": number.source,
    }  # fmt: skip
