"""Activation memory over the schedule, by liveness.

A buffer lives from the step that writes it to the last step that reads it; network inputs live
from the start, outputs to the end. Views are names for the same buffer, and an element-wise
layer writes over its input when nothing reads that input afterwards, as inference runtimes do.
Weights are not activations and are counted apart. Not here: alignment, fragmentation, scratch.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

from mnet_cost.network import Network
from mnet_cost.tensors import DType


class LiveTensor(NamedTuple):
    """A tensor that is in memory at some step."""

    name: str
    bytes: int


class MemoryTrace(NamedTuple):
    """Bytes of activations alive while each step runs, and the step where most are."""

    live_bytes: tuple[int, ...]
    peak_bytes: int
    peak_step: int
    live_at_peak: tuple[LiveTensor, ...]
    """Largest first."""


def trace_memory(network: Network, precision: DType) -> MemoryTrace:
    """Liveness of all tensors over `network.steps`, batch included.

    Linear in the number of layers: buffers are events (allocate, free), not a set per step.
    """
    steps, tensors = network.steps, network.tensors
    last_read = _last_reads(network)
    sizes = [
        tensor.type.elements * (tensor.type.dtype or precision).bytes * network.batch
        for tensor in tensors
    ]
    buffer = list(range(len(tensors)))  # a buffer is known by the first tensor in it
    birth = [0] * len(tensors)
    death = list(last_read)
    occupants: dict[int, list[int]] = {}
    pinned = set(network.inputs)  # the caller's memory: never written over
    for now, step in enumerate(steps):
        for output in step.outputs:
            birth[output] = now
        effect = step.layer.effect
        home = None
        output = step.outputs[0]
        if effect == "view" and step.inputs:
            home = buffer[step.inputs[0]]
        elif effect == "elementwise":
            home = next(
                (
                    buffer[index]
                    for index in step.inputs
                    if death[buffer[index]] <= now
                    and buffer[index] not in pinned
                    and sizes[buffer[index]] == sizes[output]
                ),
                None,
            )
        if home is not None:
            for output in step.outputs:
                buffer[output] = home
                death[home] = max(death[home], last_read[output])
                occupants.setdefault(home, [home]).append(output)
    change = [0] * (len(steps) + 2)  # outputs outlive the last step
    roots = [index for index in range(len(tensors)) if buffer[index] == index]
    for root in roots:
        change[birth[root]] += sizes[root]
        change[death[root] + 1] -= sizes[root]
    live = tuple(accumulate(change[: len(steps)]))
    peak = max(live)
    peak_step = live.index(peak)
    alive = [
        LiveTensor(
            tensors[_occupant(occupants.get(root, [root]), birth, peak_step)].name, sizes[root]
        )
        for root in roots
        if birth[root] <= peak_step <= death[root]
    ]
    alive.sort(key=lambda tensor: -tensor.bytes)
    return MemoryTrace(live, peak, peak_step, tuple(alive))


def _last_reads(network: Network) -> list[int]:
    """Last step that reads each tensor; the step that writes it where none does.

    Outputs are read by the caller, after the last step: no layer writes over one.
    """
    last = [0 if tensor.producer is None else tensor.producer for tensor in network.tensors]
    for now, step in enumerate(network.steps):
        for index in step.inputs:
            last[index] = now
    for index in network.outputs:
        last[index] = len(network.steps)
    return last


def _occupant(members: list[int], birth: list[int], now: int) -> int:
    """The tensor that is in a buffer at step `now`."""
    return max((index for index in members if birth[index] <= now), key=lambda index: birth[index])
