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
from math import inf
from typing import Any, NamedTuple

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.traffic import Traffic
from mnet_cost.devices import DeviceProfile, Sourced
from mnet_cost.devices.sourced import ASSUMED_SPREAD, NUMBER_BASES, range_of
from mnet_cost.tensors import (
    agreed,
    exponential,
    is_nothing,
    known_if,
    logarithm,
    square_root,
)

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


class Joules(NamedTuple):
    """An energy as numbers of any kind."""

    energy_j: float
    low_j: float
    high_j: float | None
    """None where `energy_j` is a lower bound."""


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
    """The energy of one network: `joules`, with the words that belong to it."""
    if device.power_w is None:
        parts = _parts(device, precision, kernels, traffic)
        energy = _sum_of(parts)
        if energy is None:
            return None
        how, basis = _of_parts(parts, kernels)
    else:
        energy = _power_times_time(device.power_w, timing)
        if energy is None:
            return None
        how, basis = _of_power(device, device.power_w, timing)
    return Energy(**energy._asdict(), how=how, basis=basis)


def joules(
    device: DeviceProfile,
    precision: str,
    kernels: Sequence[Kernel],
    traffic: Sequence[Traffic],
    timing: Timing,
) -> Joules | None:
    """Energy of `kernels`, of which `traffic` passes the levels of `device`.

    None if it is unknown: of a device with a power where the time is, or nothing at least is drawn.
    """
    if device.power_w is None:
        return _sum_of(_parts(device, precision, kernels, traffic))
    return _power_times_time(device.power_w, timing)


def _power_times_time(power_w: Sourced, timing: Timing) -> Joules | None:
    """The errors of both are independent: their ratios are added as squares of logarithms."""
    seconds = timing.seconds
    if seconds is None or not agreed(seconds > 0):
        return None
    low_w, high_w = range_of(power_w)
    watts = low_w if timing.is_lower_bound else power_w.value
    if not watts:
        return None
    energy_j = watts * seconds
    downwards = [(watts, low_w)]
    if timing.low is not None:
        downwards.append((seconds, timing.low))
    high_j = None
    if not timing.is_lower_bound:
        upwards = [(high_w, power_w.value)]
        if timing.high is not None:
            upwards.append((timing.high, seconds))
        high_j = energy_j * _together(upwards)
    return Joules(energy_j, energy_j / _together(downwards), high_j)


def _of_power(device: DeviceProfile, power_w: Sourced, timing: Timing) -> tuple[str, str]:
    """`how` and `basis` of a power times a time."""
    how = "power x lower bound" if timing.basis == "bound" else "power x time"
    if timing.is_lower_bound:
        how += " of some kernels" if timing.basis != "bound" else ""
        how += ": a lower bound"
    how += _assumption("power", (power_w,))
    stated = device.power_stated
    if stated is not None and device.threads > stated.threads:
        s = "s" if stated.threads > 1 else ""
        how += f"; power carried over from {stated.threads} thread{s} to {device.threads}, assumed"
    return how, _weakest((power_w.basis, _OF_TIMES[timing.basis]))


class _Part(NamedTuple):
    """An amount of something that takes energy, and the energy of each; None is not known."""

    what: str
    amount: int | None
    energy: Sourced | None


def _parts(
    device: DeviceProfile, precision: str, kernels: Sequence[Kernel], traffic: Sequence[Traffic]
) -> list[_Part]:
    mult_adds = sum([kernel.mult_adds for kernel in kernels])
    energies = {"mult-adds": device.mac_energy_j.get(precision), **device.byte_energy_j}
    amounts: dict[str, int | None] = {"mult-adds": mult_adds, **_moved(traffic)}
    return [_Part(what, amount, energies.get(what)) for what, amount in amounts.items()]


def _sum_of(parts: Sequence[_Part]) -> Joules | None:
    """A sum of energies; their low ends add up, since all of a part has the same error."""
    known = [
        (amount, energy) for _, amount, energy in parts if amount is not None and energy is not None
    ]
    is_some: Any = False
    for amount, _ in known:
        is_some = is_some | (amount > 0)
    if is_some is False:
        return None
    return Joules(
        known_if(is_some, sum([amount * energy.value for amount, energy in known])),
        known_if(is_some, sum([amount * range_of(energy)[0] for amount, energy in known])),
        None,
    )


def _of_parts(parts: Sequence[_Part], kernels: Sequence[Kernel]) -> tuple[str, str]:
    """`how` and `basis` of a sum of energies."""
    parts = [part for part in parts if not is_nothing(part.amount)]
    missing = [part.what for part in parts if part.amount is None or part.energy is None]
    figures = [part.energy for part in parts if part.amount is not None and part.energy is not None]
    if any(kernel.anchor.work is None for kernel in kernels):
        missing.append("layers of unknown cost")
    how = "mult-adds and bytes: a lower bound"
    if missing:
        how += f" without {', '.join(missing)}"
    how += _assumption("energies", figures)
    return how, _weakest([figure.basis for figure in figures])


def _assumption(what: str, numbers: Iterable[Sourced]) -> str:
    if all(number.low is not None or number.high is not None for number in numbers):
        return ""
    return f"; {what} known to {100 * ASSUMED_SPREAD:.0f} %, which is assumed"


def _together(ratios: Iterable[tuple[float, float]]) -> float:
    """The error of a product of independent factors, each a ratio (larger, smaller) >= 1."""
    squares = 0.0
    for larger, smaller in ratios:
        if not agreed(smaller > 0):
            return inf
        squares = squares + logarithm(larger / smaller) ** 2
    together: float = exponential(square_root(squares))
    return together


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
