"""What a runtime launches under its rules, and the activation memory that it needs for it.

Runtimes with the same rules launch the same kernels, so each set of rules is looked at once. Of a
kernel nothing is in memory but what flows in and out, and the copy of windows that it may make.
Not here: whether that fits, which a device knows.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.analysis.fits import Activations
from mnet_cost.analysis.kernels import Kernel, form_kernels
from mnet_cost.analysis.memory import MemoryTrace, trace_memory
from mnet_cost.analysis.traffic import scratch_bytes
from mnet_cost.analysis.work import LayerCost
from mnet_cost.network import Network
from mnet_cost.tensors import DType


class Launch(NamedTuple):
    """Kernels under one set of rules, and their memory."""

    kernels: tuple[Kernel, ...]
    memory: MemoryTrace
    units: tuple[tuple[int, ...], ...]
    """Steps of each kernel, by index."""
    scratch: dict[int, int]
    """Bytes of scratch, by the step that needs them."""


def launch(
    network: Network, costs: tuple[LayerCost, ...], precision: DType, rules: frozenset[str]
) -> Launch:
    """What is launched for `network` under `rules`."""
    kernels = form_kernels(network, costs, precision, rules)
    place = {step.name: i for i, step in enumerate(network.steps)}
    units = tuple([tuple([place[one.step.name] for one in kernel.layers]) for kernel in kernels])
    scratch = {
        unit[0]: needed
        for unit, kernel in zip(units, kernels, strict=True)
        if "im2col" in rules and (needed := scratch_bytes(kernel, rules))
    }
    memory = trace_memory(
        network,
        precision,
        groups=units,
        in_place="in_place" in rules,
        concat_in_place="concat_in_place" in rules,
        scratch=scratch,
    )
    return Launch(kernels, memory, units, scratch)


def activations_of(
    launched: Launch, network: Network, precision: DType, rules: frozenset[str]
) -> Activations:
    """What activations need where they are all in one arena."""
    from mnet_cost.analysis.arena import plan_arena  # for devices with weights apart alone

    arena = plan_arena(
        network,
        precision,
        groups=launched.units,
        in_place="in_place" in rules,
        concat_in_place="concat_in_place" in rules,
        scratch=launched.scratch,
    )
    memory = launched.memory
    return Activations(
        arena.bytes,
        memory.peak_bytes,
        memory.live_at_peak,
        network.steps[memory.peak_step].name,
    )
