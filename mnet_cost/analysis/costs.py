"""What a network costs as numbers alone, without a word about them.

Numbers are ints and floats for one network, arrays for many candidates, or recorded numbers, whose
expressions are evaluated for a grid of candidates (`search/grids.py`). Each is None where it is
not known, which a device and a network's structure decide, and no size. Not here: layers,
kernels, notes, what binds: an `Analysis` has those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis.capacity import memory_needed
from mnet_cost.analysis.conventions import find_convention, mult_adds_by
from mnet_cost.analysis.energy import joules
from mnet_cost.analysis.kernels import Kernel, form_kernels
from mnet_cost.analysis.memory import peak_bytes
from mnet_cost.analysis.runtime_plan import memory_rules
from mnet_cost.analysis.times import network_time
from mnet_cost.analysis.work import Totals, add_up, count_work, settle_precision
from mnet_cost.devices import DeviceProfile
from mnet_cost.network import Network

Count = Any
"""A number of one network, an array of candidates, or a recorded number."""


class DeviceCosts(NamedTuple):
    """What a network takes on one device at one precision; the batch is in it."""

    device: str
    """The device's name."""
    latency_s: Count | None
    low_s: Count | None
    high_s: Count | None
    """The band that holds 80 % of measurements; None where no error is known."""
    bound_s: Count | None
    """The lower bound on the device's peaks."""
    energy_j: Count | None
    energy_low_j: Count | None
    energy_high_j: Count | None
    memory_bytes: Count | None
    """What the main memory has to hold: weights and activations, or activations alone where
    weights stay in a storage. Without gaps of an arena, so it can be a few bytes more."""


class NetworkCosts(NamedTuple):
    """What a network costs at one setting; the batch is in it."""

    mult_adds: Count
    """As the convention counts them."""
    vector_ops: Count
    params: Count
    weights: Count
    weight_bytes: Count
    activation_bytes: Count
    traffic_bytes: Count
    peak_bytes: Count
    """Most activations alive at once, by layers."""
    devices: tuple[DeviceCosts, ...] = ()
    buffers: Count | None = None
    """Stored numbers that are not trained."""
    is_partial: bool = False
    """Whether layers of unknown cost are left out, so that sums are lower bounds."""


def network_costs(
    network: Network,
    devices: Sequence[DeviceProfile] = (),
    precision: str | None = None,
    convention: str = "paper",
    *,
    bands: bool = True,
    energies: bool = True,
) -> NetworkCosts:
    """What `network` costs on `devices`: the numbers of `analyze_network`, by the same rules.

    Ends of ranges of times are None without `bands` and `energies`, which follow from them, and
    energies without `energies`: what nobody asks for need not be calculated.

    Its sizes are plain numbers, arrays of candidates that all rules accept, or recorded numbers.
    Raises `Differs` where structure depends on what candidates do not agree on, and `UsageError`
    for an unknown precision or convention.
    """
    dtype, counting = settle_precision(network.spec, precision), find_convention(convention)
    costs = count_work(network, dtype)
    totals = add_up(costs)
    kernels_of: dict[frozenset[str], tuple[Kernel, ...]] = {}
    peak_of: dict[frozenset[str], Count] = {}
    for rules in dict.fromkeys([device.kernel_rules for device in devices]):
        kernels = kernels_of[rules] = form_kernels(network, costs, dtype, rules)
        peak_of[rules] = peak_bytes(network, dtype, memory_rules(network, kernels, rules))
    of_network = costs_of_totals(
        totals, peak_bytes(network, dtype), is_partial=any(cost.work is None for cost in costs)
    )
    return of_network._replace(
        mult_adds=sum(mult_adds_by(counting, costs, network)),
        devices=tuple(
            [
                _device_costs(
                    device,
                    dtype.name,
                    kernels_of[device.kernel_rules],
                    memory_needed(device, totals.weight_bytes, peak_of[device.kernel_rules]),
                    bands or energies,
                    energies,
                )
                for device in devices
            ]
        ),
    )


def costs_of_totals(totals: Totals, peak: Count, *, is_partial: bool) -> NetworkCosts:
    """The costs of a network without those of devices; `peak` is in bytes."""
    return NetworkCosts(
        mult_adds=totals.mult_adds,
        vector_ops=totals.vector_ops,
        params=totals.params,
        weights=totals.weights,
        weight_bytes=totals.weight_bytes,
        activation_bytes=totals.activation_bytes,
        traffic_bytes=totals.traffic_bytes,
        peak_bytes=peak,
        buffers=totals.buffers,
        is_partial=is_partial,
    )


def _device_costs(
    device: DeviceProfile,
    precision: str,
    kernels: tuple[Kernel, ...],
    memory_bytes: Count | None,
    bands: bool,
    energies: bool,
) -> DeviceCosts:
    time = network_time(kernels, device, precision, band=bands)
    if time is None:
        return DeviceCosts(device.name, None, None, None, None, None, None, None, memory_bytes)
    energy = None
    if energies:
        traffic = [least.traffic for least in time.least]
        energy = joules(device, precision, kernels, traffic, time.timing)
    return DeviceCosts(
        device.name,
        time.latency_s,
        time.low_s,
        time.high_s,
        time.bound_s,
        None if energy is None else energy.energy_j,
        None if energy is None else energy.low_j,
        None if energy is None else energy.high_j,
        memory_bytes,
    )
