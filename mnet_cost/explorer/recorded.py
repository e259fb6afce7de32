"""What a network costs, layer by layer and kernel by kernel, as numbers of any kind.

It is `analyze_network` in outline: the same functions, in the same order, without the words that
are read off one network. On plain numbers it has the numbers of an `Analysis`; on recorded ones it
has the expressions that the page replays. What is not known is None, and NaN where a size decides
it. Not here: at which settings it is recorded (`structures.py`), and how it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis.capacity import check_capacity
from mnet_cost.analysis.conventions import count_by, find_convention
from mnet_cost.analysis.costs import costs_of_totals
from mnet_cost.analysis.energy import estimate_energy
from mnet_cost.analysis.explain import symbols_of
from mnet_cost.analysis.kernels import Kernel, form_kernels, precision_of
from mnet_cost.analysis.latency import differences_of, why_no_time, words_for_untimed
from mnet_cost.analysis.lower_bounds import LowerBounds, least_parts
from mnet_cost.analysis.memory import find_lifetimes, live_bytes
from mnet_cost.analysis.runtime_plan import memory_rules
from mnet_cost.analysis.stored_weights import stored_weight_bytes
from mnet_cost.analysis.time_breakdown import parts_of
from mnet_cost.analysis.times import NetworkTime, network_time, operands_of
from mnet_cost.analysis.work import LayerCost, add_up, count_work, settle_precision
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.latency_models import CoefficientFit
from mnet_cost.devices.runtimes import runtime_notes, version_note
from mnet_cost.network import Network
from mnet_cost.tensors import DType, largest_of, where

Count = Any
"""A number of any kind; None is unknown."""

TOTALS = (
    "mult_adds",
    "vector_ops",
    "params",
    "weights",
    "weight_bytes",
    "activation_bytes",
    "traffic_bytes",
    "peak_bytes",
)


class LayerRow(NamedTuple):
    """One layer. Counts include the batch, sizes and `work` do not."""

    shape: tuple[Count, ...]
    symbols: dict[str, Count]
    """Values of the names that formulas of the layer can have."""
    work: tuple[Count, ...]
    """Counts for one example, in the order of `Work`; empty where they are unknown."""
    mult_adds: Count
    params: Count
    weight_bytes: Count
    input_bytes: Count
    output_bytes: Count


class LiveTensorRow(NamedTuple):
    """A tensor in memory, from the first layer that needs it to the last."""

    name: str
    bytes: Count
    first: int
    last: int


class KernelRow(NamedTuple):
    """One kernel, in seconds and bytes of an inference of the whole batch."""

    name: str
    layers: tuple[int, ...]
    """Indices of its layers, the anchor first."""
    latency_s: Count
    compute_s: Count
    memory_s: Count
    overhead_s: Count
    """What the time is made of: they add up to it."""
    bound_compute_s: Count
    bound_memory_s: Count
    mult_adds: Count
    traffic_bytes: Count
    level_bytes: tuple[Count, ...]
    """Of each level of the device."""


class Sentence(NamedTuple):
    """Something that is said where `holds` is true; `{}` in `text` stands for `number`."""

    text: str
    holds: Count
    number: Count = None
    one: str = ""
    """What is said instead where the number is 1."""


class CapacityRow(NamedTuple):
    """What has to be in a memory, and the room there."""

    what: str
    where: str
    needed_bytes: Count
    available_bytes: Count
    is_least: bool
    """Whether more can be needed: an arena has gaps, and to find them is a search."""


class DeviceOutline(NamedTuple):
    """What the network takes on one device."""

    basis: str | None
    """None where there is no time."""
    latency_s: Count
    low_s: Count
    high_s: Count
    bound_s: Count
    inference_s: Count
    untimed: Count
    """How many kernels have no time."""
    energy_j: Count
    energy_low_j: Count
    energy_high_j: Count
    energy_how: str
    notes: tuple[Sentence, ...]
    outside: tuple[Sentence, ...]
    capacity: tuple[CapacityRow, ...]
    kernels: tuple[KernelRow, ...]


class Outline(NamedTuple):
    """What a network costs at one precision."""

    precision: str
    totals: dict[str, Count]
    """By the names in `TOTALS`; all but the peak None where a layer has no cost rule, if no lower
    bound is asked for."""
    layers: tuple[LayerRow, ...]
    live: tuple[Count, ...]
    """Bytes of activations while each layer runs."""
    tensors: tuple[LiveTensorRow, ...]
    devices: tuple[DeviceOutline, ...]
    unmodelled: tuple[str, ...]


def outline_costs(
    network: Network,
    devices: Sequence[DeviceProfile] = (),
    precision: str | None = None,
    convention: str = "paper",
    lower_bound: bool = False,
) -> Outline:
    """What `network` costs on `devices`: the numbers of `analyze_network`, by the same rules.

    `lower_bound` gives sums and times although some layers have no cost rule.
    Raises `UsageError` for an unknown precision or convention, and for another precision than the
    spec states.
    """
    dtype, counting = settle_precision(network.spec, precision), find_convention(convention)
    costs = count_work(network, dtype)
    counted = count_by(counting, costs, network).layers
    live = live_bytes(network, dtype)
    totals, peak = add_up(counted), largest_of(live)
    unmodelled = tuple([cost.step.name for cost in costs if cost.work is None])
    of_network = costs_of_totals(totals, peak, is_partial=bool(unmodelled))
    has_totals = lower_bound or not unmodelled
    plans: dict[frozenset[str], _Plan] = {}
    for device in devices:
        if device.kernel_rules not in plans:
            plans[device.kernel_rules] = _plan(network, costs, dtype, device.kernel_rules)
    return Outline(
        precision=dtype.name,
        totals={
            name: getattr(of_network, name) if has_totals or name == "peak_bytes" else None
            for name in TOTALS
        },
        layers=tuple([_layer_row(network, cost) for cost in counted]),
        live=tuple(live),
        tensors=tuple([LiveTensorRow(*life[:4]) for life in find_lifetimes(network, dtype)]),
        devices=tuple(
            [
                _on_device(plans[device.kernel_rules], device, dtype.name, totals.weight_bytes,
                           has_total=has_totals)
                for device in devices
            ]
        ),
        unmodelled=unmodelled,
    )  # fmt: skip


def _layer_row(network: Network, cost: LayerCost) -> LayerRow:
    known = cost.work is not None

    def count(number: Count) -> Count:
        return number if known else None

    return LayerRow(
        tuple(cost.output.shape),
        symbols_of(network, cost.step),
        () if cost.work is None else tuple(cost.work),
        count(cost.mult_adds),
        count(cost.params),
        count(cost.weight_bytes),
        count(cost.input_bytes),
        count(cost.output_bytes),
    )


class _Plan(NamedTuple):
    """What is launched under one set of kernel rules."""

    kernels: tuple[Kernel, ...]
    layers: tuple[tuple[int, ...], ...]
    """Of each kernel, as indices."""
    peak_bytes: Count


def _plan(
    network: Network, costs: tuple[LayerCost, ...], dtype: DType, rules: frozenset[str]
) -> _Plan:
    kernels = form_kernels(network, costs, dtype, rules)
    sharing = memory_rules(network, kernels, rules)
    return _Plan(kernels, sharing.units, largest_of(live_bytes(network, dtype, sharing)))


def _on_device(
    plan: _Plan, device: DeviceProfile, precision: str, weight_bytes: Count, *, has_total: bool
) -> DeviceOutline:
    kernels = plan.kernels
    if has_total and device.storage is not None:
        weight_bytes = stored_weight_bytes(plan.kernels, precision, weight_bytes)
    capacity = _capacity(device, weight_bytes if has_total else None, plan.peak_bytes)
    time = network_time(kernels, device, precision)
    if time is None:
        why = Sentence(why_no_time(kernels, device, precision), True)
        return _without_total(capacity, (why,))
    if not has_total:
        return _without_total(capacity, kernels=_kernel_rows(plan, time, precision))
    traffic = [least.traffic for least in time.least]
    energy = estimate_energy(device, precision, kernels, traffic, time.timing)
    scaled = () if device.scaled is None else (Sentence(f"scaled {device.scaled}", True),)
    words = version_note(device)
    version = () if words is None else (Sentence(words, True),)
    untimed = _untimed(time, kernels)
    return DeviceOutline(
        basis=time.basis,
        latency_s=time.latency_s,
        low_s=time.low_s,
        high_s=time.high_s,
        bound_s=time.bound_s,
        inference_s=time.inference_s,
        untimed=untimed,
        energy_j=None if energy is None else energy.energy_j,
        energy_low_j=None if energy is None else energy.low_j,
        energy_high_j=None if energy is None else energy.high_j,
        energy_how="" if energy is None else energy.how,
        notes=_notes(time, device, precision, untimed),
        outside=(
            *[Sentence(*difference) for difference in differences_of(time, kernels)],
            *scaled,
            *version,
        ),
        capacity=capacity,
        kernels=_kernel_rows(plan, time, precision),
    )


def _without_total(
    capacity: tuple[CapacityRow, ...],
    notes: tuple[Sentence, ...] = (),
    kernels: tuple[KernelRow, ...] = (),
) -> DeviceOutline:
    """A device of which the time of the network is not known."""
    return DeviceOutline(
        None, None, None, None, None, None, None, None, None, None, "", notes, (), capacity, kernels
    )


def _untimed(time: NetworkTime, kernels: Sequence[Kernel]) -> Count:
    """How many kernels nothing times; those of which the launch alone is known are among them."""
    if time.fits:
        return sum([kernel.anchor.work is None for kernel in kernels])
    known = [
        0 if kernel.anchor.work is None else least_parts(kernel, least).is_known
        for kernel, least in zip(kernels, time.least, strict=True)
    ]
    return len(kernels) - sum([where(is_known, 1, 0) for is_known in known])


def _notes(
    time: NetworkTime, device: DeviceProfile, precision: str, untimed: Count
) -> tuple[Sentence, ...]:
    """What is not known of the time."""
    notes = []
    if time.basis == "bound":
        lower_bounds = LowerBounds(device, device.compute.get(precision), device.compute)
        notes += [Sentence(note, True) for note in lower_bounds.notes()]
    notes += [Sentence(note, True) for note in runtime_notes(device, precision, time.basis)]
    one, several = words_for_untimed(time.basis)
    return (*notes, Sentence(several, untimed > 0, untimed, one))


def _capacity(
    device: DeviceProfile, weight_bytes: Count, peak_bytes: Count
) -> tuple[CapacityRow, ...]:
    """What has to fit where; nothing where the weights are not known."""
    if weight_bytes is None:
        return ()
    return tuple(
        [
            CapacityRow(
                check.what,
                check.where,
                check.needed_bytes,
                check.available_bytes,
                device.storage is not None and check.what == "activations",
            )
            for check in check_capacity(device, weight_bytes, peak_bytes)
        ]
    )


def _kernel_rows(plan: _Plan, time: NetworkTime, precision: str) -> tuple[KernelRow, ...]:
    rows = []
    for number, kernel in enumerate(plan.kernels):
        operands = operands_of(time, kernel, number)
        least = least_parts(kernel, time.least[number])
        fit = time.fits.get(precision_of(kernel, precision))
        parts = parts_of(operands, least, adds_up=isinstance(fit, CoefficientFit))
        is_modelled = kernel.anchor.work is not None
        rows.append(
            KernelRow(
                kernel.name,
                plan.layers[number],
                operands.known.latency_s,
                *parts,
                least.compute_s if is_modelled else None,
                least.known_memory_s if is_modelled else None,
                kernel.mult_adds,
                kernel.traffic_bytes,
                tuple([flow.bytes for flow in time.least[number].traffic]),
            )
        )
    return tuple(rows)
