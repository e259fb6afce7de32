"""Activation memory over the schedule, by liveness.

A buffer lives from the unit that writes it to the last unit that reads it; network inputs live
from the start, outputs to the end. A unit is a step, or some steps that a runtime runs as one
kernel. Views are names for the same buffer, and an element-wise layer writes over its input when
nothing reads that input afterwards, as inference runtimes do. Weights are not activations and are
counted apart. Not here: alignment and gaps, which are in `arena.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from mnet_cost.analysis.buffers import Buffers, Unit, find_buffers
from mnet_cost.network import Network, Step
from mnet_cost.tensors import DType


class LiveTensor(NamedTuple):
    """A tensor that is in memory at some step."""

    name: str
    bytes: int


class MemoryTrace(NamedTuple):
    """Bytes of activations alive while each step runs, and the step where most are."""

    live_bytes: tuple[int, ...]
    """By step; the steps of a unit run at once."""
    peak_bytes: int
    peak_step: int
    """The first step of its unit."""
    live_at_peak: tuple[LiveTensor, ...]
    """Largest first."""


class Lifetime(NamedTuple):
    """Some bytes, and the numbers of the first and the last unit that need them."""

    name: str
    bytes: int
    first: int
    last: int


def trace_memory(
    network: Network,
    precision: DType,
    *,
    groups: Sequence[Sequence[int]] = (),
    in_place: bool = True,
    concat_in_place: bool = False,
    scratch: Mapping[int, int] | None = None,
) -> MemoryTrace:
    """Liveness of all tensors over `network.steps`, batch included.

    `groups` are indices of steps that run as one unit: what only they write and read is never in
    memory. A layer writes over its input only with `in_place`. With `concat_in_place` the inputs
    of a concatenation are parts of its result from their birth on, where they can be. `scratch`
    are bytes that a step needs beside tensors while its unit runs, by the index of the step.

    Linear in the number of layers: buffers are events (allocate, free), not a set per step.
    """
    buffers = find_buffers(network, precision, groups, in_place, concat_in_place)
    units = buffers.units
    buffer, birth, death = _lives(buffers)
    change = [0] * (len(units) + 2)  # outputs outlive the last unit
    for root in birth:
        change[birth[root]] += buffers.sizes[root]
        change[death[root] + 1] -= buffers.sizes[root]
    live = list(accumulate(change[: len(units)]))
    extra = _scratch_by_unit(units, scratch) if scratch else {}
    for number, needed in extra.items():
        live[number] += needed
    peak = max(live)
    at = live.index(peak)
    alive = [
        LiveTensor(name, buffers.sizes[root])
        for root, name in _occupants(buffers, buffer, birth, at).items()
        if birth[root] <= at <= death[root]
    ]
    if at in extra:
        step = network.steps[units[at][0]]
        alive.append(LiveTensor(f"scratch of {step.name}", extra[at]))
    alive.sort(key=lambda tensor: -tensor.bytes)
    by_step = live
    if groups:
        by_step = [0] * len(network.steps)
        for number, unit in enumerate(units):
            for index in unit:
                by_step[index] = live[number]
    return MemoryTrace(tuple(by_step), peak, units[at][0], tuple(alive))


def find_lifetimes(
    network: Network,
    precision: DType,
    *,
    groups: Sequence[Sequence[int]] = (),
    in_place: bool = True,
    concat_in_place: bool = False,
    scratch: Mapping[int, int] | None = None,
) -> tuple[Lifetime, ...]:
    """What `trace_memory` adds up, each with the units that need it; outputs to the end."""
    buffers = find_buffers(network, precision, groups, in_place, concat_in_place)
    _, birth, death = _lives(buffers)
    final = len(buffers.units) - 1
    lives = [
        Lifetime(network.tensors[root].name, buffers.sizes[root], first, min(death[root], final))
        for root, first in birth.items()
    ]
    for number, needed in _scratch_by_unit(buffers.units, scratch or {}).items():
        name = network.steps[buffers.units[number][0]].name
        lives.append(Lifetime(f"scratch of {name}", needed, number, number))
    return tuple(lives)


def _scratch_by_unit(units: Sequence[Unit], scratch: Mapping[int, int]) -> dict[int, int]:
    """Bytes by the number of the unit, where there are some."""
    found = {}
    for number, unit in enumerate(units):
        needed = sum(scratch.get(index, 0) for index in unit)
        if needed:
            found[number] = needed
    return found


def _lives(buffers: Buffers) -> tuple[list[int], dict[int, int], dict[int, int]]:
    """The buffer that each home is in, and the first and last unit of each buffer.

    A layer writes over the first of its inputs that it can, one from outside its unit if there
    is one. Buffers that are never in memory are left out.
    """
    network, homes, last_reads = buffers.network, buffers.homes, buffers.last_reads
    sizes, steps = buffers.sizes, network.steps
    buffer = list(range(len(homes)))
    birth = [-1] * len(homes)
    death = [-1] * len(homes)  # as a place in the running order
    pinned = set()  # the caller's memory: never written over
    for index in network.inputs:
        home = homes[index]
        pinned.add(home)
        birth[home] = 0
        death[home] = max(death[home], last_reads[index])
    number_at: list[int] = []  # by place

    def written_over(home: int, step: Step, now: int, number: int) -> int | None:
        inner = None
        if sizes[step.output] != sizes[home]:
            return None  # a part of a concatenation has its place
        for index in step.inputs:
            other = buffer[homes[index]]
            if death[other] > now or other in pinned or sizes[other] != sizes[home]:
                continue
            if birth[other] == number:
                inner = other if inner is None else inner
            elif not buffers.blurred or not _is_blurred(buffers, buffer, number, other):
                return other
        return inner

    for number, unit in enumerate(buffers.units):
        for member in unit:
            step = steps[member]
            now = len(number_at)
            number_at.append(number)
            for output in step.outputs:
                home = homes[output]
                root = buffer[home]
                if birth[root] < 0:
                    other = None
                    if buffers.in_place and step.layer.effect == "elementwise":
                        other = written_over(home, step, now, number)
                    if other is None:
                        birth[root] = number
                    else:
                        buffer[home] = root = other
                if last_reads[output] > death[root]:
                    death[root] = last_reads[output]
    number_at.append(len(buffers.units))
    roots = [index for index, first in enumerate(birth) if first >= 0]
    if buffers.inside:
        real = {buffer[home] for index, home in enumerate(homes) if index not in buffers.inside}
        roots = [root for root in roots if root in real]
    return (
        buffer,
        {root: birth[root] for root in roots},
        {root: number_at[death[root]] for root in roots},
    )


def _is_blurred(buffers: Buffers, buffer: list[int], number: int, root: int) -> bool:
    return any(buffer[buffers.homes[index]] == root for index in buffers.blurred[number])


def _occupants(
    buffers: Buffers, buffer: list[int], birth: dict[int, int], at: int
) -> dict[int, str]:
    """The name of what is in each buffer while unit `at` runs: of the tensor written last.

    A concatenation in place is called by its result, of which there may be only parts yet.
    """
    network = buffers.network
    place = {index: now for now, index in enumerate(i for unit in buffers.units for i in unit)}
    after = sum(len(unit) for unit in buffers.units[: at + 1])
    latest: dict[int, tuple[int, str]] = {}
    for index, tensor in enumerate(network.tensors):
        root = buffer[buffers.homes[index]]
        made = -1 if tensor.producer is None else place[tensor.producer]
        if root not in birth or (made >= after and root != index):
            continue
        if root not in latest or made > latest[root][0]:
            latest[root] = (made, tensor.name)
    return {root: name for root, (_, name) in sorted(latest.items())}
