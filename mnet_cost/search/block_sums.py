"""Metrics of a design space that follow from sums and maxima over blocks, and those that do not.

A time adds up, and its band follows from how much of it each term of the fit takes, so from sums
of terms; an energy is a power times that. A lower bound depends on what caches hold of neighbouring
blocks: sums do not tell it. The rules are those of a single analysis. Not here: the sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mnet_cost.analysis.capacity import memory_needed
from mnet_cost.analysis.costs import DeviceCosts, NetworkCosts
from mnet_cost.analysis.energy import Timing, joules
from mnet_cost.analysis.times import band_ends, fit_and_basis, half_width_of
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.latency_models import CoefficientFit
from mnet_cost.metrics import Metric
from mnet_cost.search.observations import COUNTS, TIMES, sums_of

Doubles = npt.NDArray[np.float64]

_BANDS = {"latency_low", "latency_high", "energy", "energy_low", "energy_high"}
_LOW = {"latency_low", "energy_low"}
COUNT_OF = {"flops": "mult_adds", "activations": "activation_bytes", "traffic": "traffic_bytes"}


def why_not(metric: Metric, device: DeviceProfile | None, precision: str) -> str:
    """Why a metric, on a device where it is of one, does not follow from sums over blocks; empty
    where it does, or is not known at all."""
    if device is None or fit_and_basis(device, precision)[1] is None:
        return ""
    if metric.name == "lower_bound":
        return "the lower bound of a block depends on what caches hold of its neighbours"
    moves = device.power_w is None and (device.mac_energy_j or device.byte_energy_j)
    if metric.name.startswith("energy") and moves:
        return (
            f"the energy on {device.name} is that of bytes moved, which depend on what caches hold "
            "of neighbouring blocks"
        )
    return ""


class Columns(NamedTuple):
    """The columns of `UnitCosts` that some metrics need."""

    sums: list[int]
    """The first is that of mult-adds, which every network has."""
    peaks: list[int]


def columns_for(metrics: Sequence[Metric], devices: Sequence[DeviceProfile]) -> Columns:
    """What has to be summed for `metrics`."""
    names = {metric.name for metric in metrics}
    counts = {COUNT_OF.get(name, name) for name in names} & set(COUNTS)
    if "memory" in names:
        counts.add("weight_bytes")
    sums = {0, *[COUNTS.index(name) for name in counts]}
    peaks = {0} if "peak_memory" in names else set()
    for number in range(len(devices)):
        first = sums_of(number)
        if "latency" in names or names & _BANDS:
            sums.add(first)
        if names & _BANDS:
            sums |= set(range(first, first + TIMES))
        if "memory" in names:
            peaks.add(1 + number)
    return Columns(sorted(sums), sorted(peaks))


class SummedCosts(NamedTuple):
    """Costs of many networks."""

    costs: NetworkCosts
    """Arrays; None for what was not summed."""
    uncertain: npt.NDArray[np.bool_]
    """Where the low end of a range may be a lower bound, which sums do not tell."""


def costs_of_sums(
    sums: Doubles,
    peaks: Doubles,
    columns: Columns,
    metrics: Sequence[Metric],
    devices: Sequence[DeviceProfile],
    precision: str,
) -> SummedCosts:
    """Costs of networks from (networks, columns) of sums and of peaks, all of them known."""
    names = {metric.name for metric in metrics}
    place = {column: i for i, column in enumerate(columns.sums)}
    count = {
        name: sums[:, place[column]] if column in place else None
        for column, name in enumerate(COUNTS)
    }
    peak = {column: peaks[:, i] for i, column in enumerate(columns.peaks)}
    uncertain = np.zeros(len(sums), bool)
    of_devices = []
    for number, device in enumerate(devices):
        times = sums[:, [place[i] for i in range(sums_of(number), sums_of(number + 1))
                         if i in place]]  # fmt: skip
        memory = None
        if "memory" in names:
            memory = memory_needed(device, count["weight_bytes"], peak[1 + number])  # type: ignore[arg-type]
        costs, cut = _on_device(device, precision, times, memory)
        of_devices.append(costs)
        if cut is not None and names & _LOW:
            uncertain |= cut
    return SummedCosts(
        NetworkCosts(
            mult_adds=count["mult_adds"],
            vector_ops=count["vector_ops"],
            params=count["params"],
            weights=count["weights"],
            weight_bytes=count["weight_bytes"],
            activation_bytes=count["activation_bytes"],
            traffic_bytes=count["traffic_bytes"],
            peak_bytes=peak.get(0),
            devices=tuple(of_devices),
            buffers=count["buffers"],
        ),
        uncertain,
    )


def _on_device(
    device: DeviceProfile, precision: str, times: Doubles, memory: Any
) -> tuple[DeviceCosts, Any]:
    """Costs on one device, and where the low end of the band may be a lower bound."""
    unknown = DeviceCosts(device.name, None, None, None, None, None, None, None, memory)
    fit, basis = fit_and_basis(device, precision)
    if basis is None or not times.shape[1]:
        return unknown, None
    latency_s: Any = times[:, 0]
    costs = unknown._replace(latency_s=latency_s)
    if times.shape[1] < TIMES or fit is None:
        return costs, None
    shares: tuple[Any, ...] = ()
    if isinstance(fit, CoefficientFit):
        terms = times[:, 2:].T
        whole = terms.sum(axis=0)
        shares = tuple([term / whole if term.any() else 0.0 for term in terms])
    half_width = half_width_of(fit, shares)
    low_s, high_s = band_ends(latency_s, half_width, 0.0)
    costs = costs._replace(low_s=low_s, high_s=high_s)
    if device.power_w is not None:
        timing = Timing(latency_s, low_s, high_s, basis, is_lower_bound=False)
        energy = joules(device, precision, (), (), timing)
        if energy is not None:
            costs = costs._replace(
                energy_j=energy.energy_j, energy_low_j=energy.low_j, energy_high_j=energy.high_j
            )
    return costs, low_s < times[:, 1]
