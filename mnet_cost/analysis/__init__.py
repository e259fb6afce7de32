"""Analysis: passes from a network to its cost, and `analyze`, which calls them in order.

A pass is a function; what it needs are its parameters, what it finds is its frozen result.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from mnet_cost.analysis.capacity import Activations, check_capacity
from mnet_cost.analysis.conventions import (
    Agreement,
    ConventionItem,
    Reservation,
    agreement_of,
    count_by,
    find_convention,
)
from mnet_cost.analysis.costs import DeviceCosts, NetworkCosts, costs_of_totals
from mnet_cost.analysis.kernels import Kernel, form_kernels
from mnet_cost.analysis.latency import DeviceEstimate, estimate_latency
from mnet_cost.analysis.memory import MemoryTrace, trace_memory
from mnet_cost.analysis.runtime_plan import RuntimePlan, in_best_order, in_smallest_arena, launch
from mnet_cost.analysis.sparsity import (
    Sparsity,
    Zeros,
    find_zeros,
    sparse_kernels,
    weight_bytes_on,
    zeros_note,
)
from mnet_cost.analysis.stored_weights import stored_weight_bytes
from mnet_cost.analysis.training import TrainingCost, training_cost
from mnet_cost.analysis.work import LayerCost, Totals, add_up, count_work, settle_precision
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.choice import Device, choose_devices
from mnet_cost.errors import Problem, UsageError, did_you_mean
from mnet_cost.models.library import load_model
from mnet_cost.models.types import BATCH, Model, ModelSpec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DType
from mnet_cost.units import format_bytes, format_count

if TYPE_CHECKING:
    from mnet_cost.analysis.schedule import Schedule
    from mnet_cost.devices.operators import OperatorList

__all__ = ["Analysis", "TrainingCost", "analyze", "analyze_network", "training_cost"]

SCHEDULES = ("spec", "best")
"""Orders of the layers, and of the kernels of each device: as they stand in the spec, or with the
least peak memory."""

_MOST_SHOWN = 3
"""Devices of which the one line of an analysis has the time, and layers that an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All that is known of one network at one setting. Counts include the batch."""

    network: Network
    precision: str
    convention: str
    layers: tuple[LayerCost, ...]
    """One a step, in schedule order; `mult_adds` as the convention counts them."""
    sums: Totals
    """Sums of `layers`: `totals` unless a layer is `unmodelled`, else lower bounds of them."""
    convention_items: tuple[ConventionItem, ...]
    """What the convention adds to the mult-adds of the paper."""
    memory: MemoryTrace
    kernels: tuple[Kernel, ...]
    """The kernels on the first device; without a device, by the rules that most runtimes share."""
    devices: tuple[DeviceEstimate, ...]
    unmodelled: tuple[str, ...]
    """Names of layers whose work is unknown."""
    schedule: Schedule | None = None
    """How the order of `network` was found, where a better one than the spec's was looked for. It
    is that of the layers: kernels of a device are in an order of their own."""
    sparsity: Sparsity | None = None
    """Zeros among the weights, where some were asked for. The counts above are dense."""
    runtime_plans: tuple[RuntimePlan, ...] = ()
    """What is launched by the kernel rules of `devices`, each set of rules once."""
    reservations: tuple[Reservation, ...] = ()
    """Layers whose mult-adds are not those of the convention's tool for certain."""
    gives_lower_bounds: bool = False
    """Whether sums over the layers that have a cost rule are given where there is no total."""

    def __repr__(self) -> str:
        """One line: what was analyzed, and what it costs."""
        network = self.network
        changed = {
            name: value for name, value in network.knobs.items() if value != _default(network, name)
        }
        head = " ".join(
            [
                network.spec.title,
                *(f"{name}={value}" for name, value in changed.items()),
                self.precision,
            ]
        )
        least = "at least " if self.unmodelled else ""
        costs = [
            f"{least}{format_count(self.sums.mult_adds)} mult-adds",
            f"{least}{format_count(self.sums.params)} params",
            f"{format_bytes(self.memory.peak_bytes)} peak",
            *(
                f"{estimate.device.name} {estimate.time_text}"
                for estimate in self.devices[:_MOST_SHOWN]
            ),
        ]
        more = len(self.devices) - _MOST_SHOWN
        if more > 0:
            costs.append(f"{more} more device{'s' if more > 1 else ''}")
        return f"<Analysis {head}: {', '.join(costs)}>"

    @property
    def totals(self) -> Totals:
        """What all layers cost together; `UsageError` where the cost of one is unknown.

        `with_lower_bounds()` gives the sums over the other layers instead.
        """
        if self.has_totals:
            return self.sums
        names = self.unmodelled[:_MOST_SHOWN]
        listed = ", ".join(names) + ", ..." * (len(self.unmodelled) > len(names))
        raise UsageError(
            Problem(
                f"no total: the cost of {listed} is unknown",
                hint="`with_lower_bounds().totals` is the sum of the rest, "
                "and `opaque` layers can state their cost in the spec",
            )
        )

    @property
    def stated(self) -> tuple[str, ...]:
        """Names of layers whose work the spec states, so that no rule counts it."""
        return tuple(
            [
                cost.step.name
                for cost in self.layers
                if cost.step.layer.states_work and cost.work is not None
            ]
        )

    @property
    def convention_agreement(self) -> Agreement:
        """Whether `totals.mult_adds` is what the convention's tool counts."""
        doubts = [reservation.agreement for reservation in self.reservations]
        return agreement_of(find_convention(self.convention), doubts)

    @property
    def paper_mult_adds(self) -> int:
        """Mult-adds without what a convention adds or leaves out: those that take time. Raises as
        `totals` does."""
        return self.totals.mult_adds - sum(item.mult_adds for item in self.convention_items)

    @property
    def has_totals(self) -> bool:
        """Whether totals and times are given: all layers have a cost rule, or lower bounds do."""
        return self.gives_lower_bounds or not self.unmodelled

    def with_lower_bounds(self) -> Self:
        """The same analysis, which gives lower bounds where there is no total."""
        return replace(self, gives_lower_bounds=True)

    def total(self, key: str, lower_bound: bool = False) -> int | None:
        """One of the totals by its name or key in `metrics.py`; None where it is refused."""
        from mnet_cost.metrics import TOTALS, find_metric

        total: int | None = find_metric(key, TOTALS).of(self._giving(lower_bound))
        return total

    def latency_s(self, estimate: DeviceEstimate, lower_bound: bool = False) -> float | None:
        """Time on one of `devices`; None where it is unknown or refused like a total."""
        return estimate.latency_s if self._giving(lower_bound).has_totals else None

    def _giving(self, lower_bounds: bool) -> Self:
        return self.with_lower_bounds() if lower_bounds else self

    @property
    def costs(self) -> NetworkCosts:
        """The numbers alone, as `network_costs` has them; of zeros what devices know."""
        return self.total_costs._replace(devices=tuple(map(costs_on, self.devices)))

    @property
    def total_costs(self) -> NetworkCosts:
        """`costs` without those of devices."""
        return costs_of_totals(self.sums, self.memory.peak_bytes, is_partial=bool(self.unmodelled))

    @property
    def coverage(self) -> float:
        """Share of layers whose work is known, from 0 to 1."""
        return 1 - len(self.unmodelled) / len(self.layers)


def costs_on(estimate: DeviceEstimate) -> DeviceCosts:
    """The numbers of an estimate alone."""
    energy, needed = estimate.energy, estimate.memory_fits
    return DeviceCosts(
        device=estimate.device.name,
        latency_s=estimate.latency_s,
        low_s=estimate.low_s,
        high_s=estimate.high_s,
        bound_s=estimate.bound_s,
        energy_j=energy.energy_j if energy else None,
        energy_low_j=energy.low_j if energy else None,
        energy_high_j=energy.high_j if energy else None,
        memory_bytes=needed[0].needed_bytes - needed[0].gap_bytes if needed else None,
    )


def _default(network: Network, knob: str) -> Any:
    """The value that a knob has where none is set: of `{choose: [...]}` it is the first option."""
    if knob == BATCH:
        return 1
    options = network.choices.get(knob)
    return options[0] if options else network.spec.knobs[knob].default


def analyze(
    model: Model | ModelSpec | str | os.PathLike[str],
    knobs: Mapping[str, Any] | None = None,
    devices: Iterable[Device] = (),
    *,
    precision: str | None = None,
    convention: str = "paper",
    schedule: str = "spec",
    sparsity: Sequence[Zeros] = (),
) -> Analysis:
    """The cost of `model` with `knobs` (the built-in `batch` among them) on `devices`.

    `model` and `devices` may be names or paths, as `load_model` and `load_device` take them, and
    `knobs` go over those that the model brings along. Raises `SpecError` for sizes that do not
    fit, `ModelReferenceError` for an unknown knob, `UsageError` for a value that a knob cannot
    have and for an unknown precision, convention or schedule. It takes milliseconds, and imports
    no framework. Without a `precision` it is the one that the spec states, else fp32; to ask for
    another than the spec states is a `UsageError`. The schedule `best` is the order of layers with
    the least peak memory; to find it can take seconds. `sparsity` says which weights are zero:
    `[Zeros(0.5, fours=True)]`.
    """
    if isinstance(model, (str, os.PathLike)):
        model = load_model(model)
    if isinstance(model, Model):
        model, knobs = model.spec, {**model.knobs, **(knobs or {})}
    elif not isinstance(model, ModelSpec):
        raise TypeError(f"a model is a name, a path or what load_model gives, not {model!r}")
    return analyze_network(
        elaborate(model, knobs),
        choose_devices(devices),
        precision=precision,
        convention=convention,
        schedule=schedule,
        sparsity=sparsity,
    )


def analyze_network(
    network: Network,
    devices: Sequence[DeviceProfile] = (),
    *,
    precision: str | None = None,
    convention: str = "paper",
    schedule: str = "spec",
    sparsity: Sequence[Zeros] = (),
) -> Analysis:
    """The cost of an elaborated network, in its own schedule or the `best` one."""
    dtype, counting = settle_precision(network.spec, precision), find_convention(convention)
    is_best = _is_best(schedule)
    costs = count_work(network, dtype)
    rules = dict.fromkeys(device.kernel_rules for device in devices)
    runtime_plans = tuple([launch(network, costs, dtype, rule) for rule in rules])
    better = None
    if is_best:
        runtime_plans = tuple([in_best_order(runtime_plan) for runtime_plan in runtime_plans])
        network, better = _in_best_order(network, dtype)
        costs = count_work(network, dtype)
    count = count_by(counting, costs, network)
    memory = trace_memory(network, dtype)
    kernels = runtime_plans[0].kernels if runtime_plans else form_kernels(network, costs, dtype)
    zeros = find_zeros(network, costs, dtype, sparsity) if sparsity else None
    unmodelled = tuple(cost.step.name for cost in costs if cost.work is None)
    analysis = Analysis(
        network=network,
        precision=dtype.name,
        convention=convention,
        layers=count.layers,
        sums=add_up(count.layers),
        convention_items=count.items,
        memory=memory,
        kernels=kernels,
        devices=(),
        unmodelled=unmodelled,
        schedule=better,
        sparsity=zeros,
        runtime_plans=runtime_plans,
        reservations=count.reservations,
    )
    return replace(analysis, devices=estimate_devices(analysis, devices))


def _is_best(schedule: str) -> bool:
    if schedule not in SCHEDULES:
        hint = did_you_mean(schedule, SCHEDULES) or "there are " + ", ".join(SCHEDULES)
        raise UsageError(Problem(f"there is no schedule `{schedule}`", hint=hint))
    return schedule == "best"


def _in_best_order(network: Network, dtype: DType) -> tuple[Network, Schedule]:
    """The layers in the order with the least peak, whatever a device makes of them."""
    from mnet_cost.analysis.schedule import best_schedule

    best = best_schedule(network, dtype)
    if best.order != network.schedule:
        network = network.with_schedule(best.order)
    return network, best


def estimate_devices(
    analysis: Analysis, devices: Sequence[DeviceProfile]
) -> tuple[DeviceEstimate, ...]:
    """Times and memory on `devices`, whose kernel rules are among those of
    `analysis.runtime_plans`."""
    runtime_plans = {runtime_plan.rules: runtime_plan for runtime_plan in analysis.runtime_plans}
    arenas = {
        rules: in_smallest_arena(runtime_plans[rules])
        for rules in dict.fromkeys(
            device.kernel_rules for device in devices if device.storage is not None
        )
    }
    estimates = []
    for device in devices:
        plan, needed = runtime_plans[device.kernel_rules], None
        if device.storage is not None:
            plan, needed = arenas[device.kernel_rules]
        estimates.append(_estimate(analysis, plan, device, needed))
    return tuple(estimates)


def _estimate(
    analysis: Analysis, plan: RuntimePlan, device: DeviceProfile, needed: Activations | None
) -> DeviceEstimate:
    """Time and memory on one device, which may have use of zeros."""
    precision, zeros = analysis.precision, analysis.sparsity
    kernels, weight_bytes = plan.kernels, analysis.sums.weight_bytes
    if zeros is not None:
        kernels = sparse_kernels(kernels, zeros, device, precision)
        weight_bytes = weight_bytes_on(zeros, device, precision, weight_bytes)
    if device.storage is not None:
        weight_bytes = stored_weight_bytes(plan.kernels, precision, weight_bytes)
    fits = check_capacity(device, weight_bytes, plan.memory.peak_bytes, needed, plan.schedule)
    estimate = estimate_latency(kernels, device, precision, fits)
    if device.operators is not None:
        estimate = _placed(analysis, plan, estimate, device.operators)
    if zeros is None or not zeros.zeros or estimate.latency_s is None:
        return estimate
    return replace(estimate, notes=(*estimate.notes, zeros_note(kernels, zeros, device, precision)))


def _placed(
    analysis: Analysis, plan: RuntimePlan, estimate: DeviceEstimate, operators: OperatorList
) -> DeviceEstimate:
    """The estimate with what runs on the accelerator and, if not all does, the time by unit."""
    from mnet_cost.analysis.placement import place  # for accelerators alone

    network = analysis.network
    placement = place(network, analysis.layers, plan.kernels, operators, plan.precision)
    split = None
    if placement.off:
        from mnet_cost.analysis.fallback import split_time

        split = split_time(network, placement, estimate.device)
    return replace(estimate, placement=placement, split=split)
