"""Energy of one inference on a device: power times time, else joules per mult-add and per byte.

A processor's power hardly depends on what it computes, so watts times seconds is the better way
(`docs/explanation/accuracy.md`) and the only one of a device with a power: its energies are
comparable. Joules per mult-add and per byte leave out idling, leakage and all other operations, so
they are always a lower bound, and so is power times a lower bound of the time; a lower bound has no
upper end. What adds up to nothing is not known. Not here: batteries, radios, screens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from typing import NamedTuple

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.traffic import Traffic
from mnet_cost.devices import DeviceProfile, Sourced
from mnet_cost.devices.sourced import ASSUMED_SPREAD, NUMBER_BASES, range_of

_BASES = (*NUMBER_BASES, "bound")
"""Strongest first: those of numbers, and `bound` for a time that is only a lower bound."""

_OF_TIMES = {"calibrated": "measured", "fitted": "fitted", "datasheet": "derived", "bound": "bound"}
"""The basis of a time by the basis of its estimate: a time from a data sheet is derived."""


METHODS = ("power x time", "power x lower bound", "mult-adds and bytes")
"""How an energy is worked out. Energies of different methods cannot be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Joules of one inference of the whole batch."""

    energy_j: float
    low_j: float
    high_j: float | None
    """None where `energy_j` is a lower bound: nothing that is known ends it upwards."""
    basis: str
    """The weakest of what went in, `bound` where the time is one."""
    how: str
    """`power x time`, `power x lower bound` or `mult-adds and bytes`; then whether it is a lower
    bound, what is missing, and what is assumed."""

    @property
    def method(self) -> str:
        """Which of `METHODS` it is."""
        return next(method for method in METHODS if self.how.startswith(method))

    @property
    def is_lower_bound(self) -> bool:
        return self.high_j is None


class Timing(NamedTuple):
    """A time with its band, as the estimate of latency has it."""

    seconds: float | None
    low: float | None
    high: float | None
    basis: str
    is_lower_bound: bool


def estimate_energy(
    device: DeviceProfile,
    precision: str,
    kernels: Sequence[Kernel],
    traffic: Sequence[Traffic],
    timing: Timing,
) -> Energy | None:
    """Energy of `kernels`, of which `traffic` passes the levels of `device`.

    None if it is unknown: of a device with a power where the time is, or nothing at least is drawn.
    """
    if device.power_w is None:
        return _mult_adds_and_bytes(device, precision, kernels, traffic)
    if not timing.seconds:
        return None
    energy = _power_times_time(device, device.power_w, timing.seconds, timing)
    return energy if energy.energy_j else None


def _power_times_time(
    device: DeviceProfile, power_w: Sourced, seconds: float, timing: Timing
) -> Energy:
    """The errors of both are independent: their ratios are added as squares of logarithms."""
    low_w, high_w = range_of(power_w)
    watts = low_w if timing.is_lower_bound else power_w.value
    energy_j = watts * seconds
    how = "power x lower bound" if timing.basis == "bound" else "power x time"
    downwards = [(watts, low_w)]
    if timing.low is not None:
        downwards.append((seconds, timing.low))
    high_j = None
    if timing.is_lower_bound:
        how += " of some kernels" if timing.basis != "bound" else ""
        how += ": a lower bound"
    else:
        upwards = [(high_w, power_w.value)]
        if timing.high is not None:
            upwards.append((timing.high, seconds))
        high_j = energy_j * _together(upwards)
    how += _assumption("power", (power_w,))
    stated = device.power_stated
    if stated is not None and device.threads > stated.threads:
        s = "s" if stated.threads > 1 else ""
        how += f"; power carried over from {stated.threads} thread{s} to {device.threads}, assumed"
    basis = _weakest((power_w.basis, _OF_TIMES[timing.basis]))
    return Energy(
        energy_j=energy_j,
        low_j=energy_j / _together(downwards),
        high_j=high_j,
        basis=basis,
        how=how,
    )


def _mult_adds_and_bytes(
    device: DeviceProfile, precision: str, kernels: Sequence[Kernel], traffic: Sequence[Traffic]
) -> Energy | None:
    """A sum of energies; their low ends add up, since all of a part has the same error."""
    mult_adds = sum([kernel.mult_adds for kernel in kernels])
    energies = {"mult-adds": device.mac_energy_j.get(precision), **device.byte_energy_j}
    parts: list[tuple[int, Sourced]] = []
    missing = []
    for what, amount in {"mult-adds": mult_adds, **_moved(traffic)}.items():
        energy = energies.get(what)
        if amount and energy is not None:
            parts.append((amount, energy))
        elif amount != 0:
            missing.append(what)
    if not parts:
        return None
    if any(kernel.anchor.work is None for kernel in kernels):
        missing.append("layers of unknown cost")
    how = "mult-adds and bytes: a lower bound"
    if missing:
        how += f" without {', '.join(missing)}"
    how += _assumption("energies", [figure for _, figure in parts])
    return Energy(
        energy_j=sum([amount * figure.value for amount, figure in parts]),
        low_j=sum([amount * range_of(figure)[0] for amount, figure in parts]),
        high_j=None,
        basis=_weakest([figure.basis for _, figure in parts]),
        how=how,
    )


def _assumption(what: str, numbers: Iterable[Sourced]) -> str:
    if all(number.low is not None or number.high is not None for number in numbers):
        return ""
    return f"; {what} known to {100 * ASSUMED_SPREAD:.0f} %, which is assumed"


def _together(ratios: Iterable[tuple[float, float]]) -> float:
    """The error of a product of independent factors, each a ratio (larger, smaller) >= 1."""
    squares = 0.0
    for larger, smaller in ratios:
        if larger > smaller:
            squares += inf if smaller <= 0 else log(larger / smaller) ** 2
    return exp(sqrt(squares)) if squares < inf else inf


def _moved(traffic: Sequence[Traffic]) -> dict[str, int | None]:
    """Bytes that pass each level in all; None where they are unknown."""
    moved: dict[str, int | None] = {}
    for kernel in traffic:
        for flow in kernel:
            so_far, passing = moved.get(flow.level, 0), flow.bytes
            moved[flow.level] = None if so_far is None or passing is None else so_far + passing
    return moved


def _weakest(bases: Iterable[str]) -> str:
    return max(bases, key=_BASES.index)
