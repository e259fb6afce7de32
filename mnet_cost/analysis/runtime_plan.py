"""The kernels that a runtime launches under its rules, their order, and their activation memory.

Runtimes with the same rules launch the same kernels, so each set of rules is analyzed once. A
kernel has only its inputs, its outputs and its copy of windows in memory, so the best order of
kernels need not be the best order of layers. Not here: whether the memory fits, since that depends
on the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mnet_cost.analysis.capacity import Activations
from mnet_cost.analysis.kernels import Kernel, form_kernels
from mnet_cost.analysis.memory import MemoryTrace, trace_memory
from mnet_cost.analysis.overlaps import overlap_bytes
from mnet_cost.analysis.sharing import MemoryRules
from mnet_cost.analysis.traffic import scratch_bytes
from mnet_cost.analysis.work import LayerCost
from mnet_cost.network import Network
from mnet_cost.tensors import DType, is_nothing
from mnet_cost.units import format_bytes

if TYPE_CHECKING:
    from mnet_cost.analysis.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimePlan:
    """Kernels under one set of rules, and their memory."""

    network: Network
    """With its steps in the order in which the kernels run."""
    precision: DType
    rules: frozenset[str]
    kernels: tuple[Kernel, ...]
    memory: MemoryTrace
    sharing: MemoryRules
    """The rules of memory that follow from the kernels; a unit is the steps of one kernel."""
    schedule: Schedule | None = None
    """How the order was found, where a better one than that of the spec was looked for."""
    spec_order: RuntimePlan | None = None
    """The same kernels in the order of the spec, where a better one was looked for."""

    def __repr__(self) -> str:
        peak = format_bytes(self.memory.peak_bytes)
        return f"<RuntimePlan {self.network.spec.title}: {len(self.kernels)} kernels, {peak} peak>"


def launch(
    network: Network, costs: tuple[LayerCost, ...], precision: DType, rules: frozenset[str]
) -> RuntimePlan:
    """The kernels that are launched for `network` under `rules`, in its order."""
    return _plan(network, form_kernels(network, costs, precision, rules), precision, rules)


def _plan(
    network: Network, kernels: tuple[Kernel, ...], precision: DType, rules: frozenset[str]
) -> RuntimePlan:
    sharing = memory_rules(network, kernels, rules)
    memory = trace_memory(network, precision, sharing)
    return RuntimePlan(
        network=network,
        precision=precision,
        rules=rules,
        kernels=kernels,
        memory=memory,
        sharing=sharing,
    )


def memory_rules(network: Network, kernels: Sequence[Kernel], rules: frozenset[str]) -> MemoryRules:
    """How a runtime with these rules shares memory; a unit is the steps of one kernel."""
    place = {step.name: i for i, step in enumerate(network.steps)}
    units = tuple([tuple([place[cost.step.name] for cost in kernel.layers]) for kernel in kernels])
    scratch = {}
    if "im2col" in rules:
        for unit, kernel in zip(units, kernels, strict=True):
            needed = scratch_bytes(kernel, rules)
            if not is_nothing(needed):
                scratch[unit[0]] = needed
    overlaps = {
        unit[0]: overlap
        for unit, overlap in zip(units, overlap_bytes(network, kernels, rules), strict=True)
        if overlap is not None
    }
    return MemoryRules(
        units=units,
        in_place="in_place" in rules,
        concat_in_place="concat_in_place" in rules,
        scratch=scratch,
        overlaps=overlaps,
    )


def in_best_order(plan: RuntimePlan) -> RuntimePlan:
    """The same kernels in the order with the least peak that is found, the spec's if none is."""
    from mnet_cost.analysis.schedule import best_schedule  # where one is asked for alone

    network, precision, rules = plan.network, plan.precision, plan.rules
    schedule = best_schedule(network, precision, plan.sharing)
    best = plan
    if schedule.order != network.schedule:
        # The kernels are those of the converter, which saw the order of the spec.
        place = {name: i for i, name in enumerate(schedule.order)}
        kernels = tuple(sorted(plan.kernels, key=lambda kernel: place[kernel.name]))
        best = _plan(network.with_schedule(schedule.order), kernels, precision, rules)
    return replace(best, schedule=schedule, spec_order=plan)


def in_smallest_arena(plan: RuntimePlan) -> tuple[RuntimePlan, Activations]:
    """The order, the one found or the spec's, whose arena is smaller, and what it needs.

    A lower peak can leave gaps that take more than it saves.
    """
    needed = activations_of(plan)
    if plan.spec_order is None:
        return plan, needed
    as_in_spec, chosen = needed, plan
    if plan.spec_order.network is not plan.network:
        as_in_spec = activations_of(plan.spec_order)
    if as_in_spec.arena_bytes < needed.arena_bytes:
        chosen, needed = plan.spec_order, as_in_spec
    schedule = plan.schedule
    # No arena is smaller than the least peak.
    least = schedule is not None and schedule.optimal and needed.arena_bytes == schedule.peak_bytes
    return chosen, replace(needed, spec_order_bytes=as_in_spec.arena_bytes, is_least=least)


def activations_of(plan: RuntimePlan) -> Activations:
    """Bytes that activations need where all are in one arena."""
    from mnet_cost.analysis.arena import plan_arena  # for devices with weights apart alone

    arena = plan_arena(plan.network, plan.precision, plan.sharing)
    memory = plan.memory
    return Activations(
        arena_bytes=arena.bytes,
        peak_bytes=memory.peak_bytes,
        alive=memory.live_at_peak,
        at=plan.network.steps[memory.peak_step].name,
    )
