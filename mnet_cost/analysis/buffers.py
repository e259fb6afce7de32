"""What shares memory in a network, in whatever order it runs.

A view is the memory of its input. Where concatenations are in place, their inputs are parts of
the result, and what an input was made from in place is the same part, if nothing else reads it.
Steps that run as one unit keep to themselves what only they write and read. What depends on the
order (whether a layer may write over its input, how long a buffer lives) is in `memory.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from mnet_cost.network import Network, Step
from mnet_cost.tensors import DType

Unit = tuple[int, ...]
"""Indices of steps that run at once, in the order of the schedule."""


class Buffers(NamedTuple):
    """Which tensors are one buffer, and how the steps form units."""

    network: Network
    units: tuple[Unit, ...]
    """In the order in which they run: each where its first step stands, or once it can."""
    sizes: list[int]
    """Bytes by tensor; a buffer has those of the tensor that it is known by."""
    homes: list[int]
    """By tensor: the tensor that its buffer is known by."""
    last_reads: list[int]
    """By tensor, as a place in the running order of steps; of an output the place after all."""
    inside: frozenset[int]
    """Tensors that one unit writes and reads, and nobody else: they are never in memory."""
    blurred: tuple[frozenset[int], ...]
    """By unit: tensors that it reads from elsewhere in another order than element by element, so
    that it cannot write over them."""
    in_place: bool


def find_buffers(
    network: Network,
    precision: DType,
    groups: Sequence[Sequence[int]] = (),
    in_place: bool = True,
    concat_in_place: bool = False,
) -> Buffers:
    """The buffers of `network`; linear in the number of layers, but for sorting `groups`.

    `groups` are indices of steps that run as one unit; a step in none of them is a unit of its
    own. Raises `ValueError` for groups that share a step or wait for each other.
    """
    steps, tensors, batch = network.steps, network.tensors, network.batch
    width = precision.bytes
    sizes = [
        tensor.type.elements * (width if tensor.type.dtype is None else tensor.type.dtype.bytes)
        * batch
        for tensor in tensors
    ]  # fmt: skip
    homes = list(range(len(tensors)))
    for step in steps:
        if step.layer.effect == "view" and step.inputs:
            for output in step.outputs:
                homes[output] = homes[step.inputs[0]]
    units = _form_units(network, groups)
    last = [0] * len(tensors)
    place = 0
    for unit in units:
        for index in unit:
            step = steps[index]
            for one in step.inputs:
                last[one] = place
            for one in step.outputs:
                last[one] = place
            place += 1
    for one in network.outputs:
        last[one] = place
    inside: frozenset[int] = frozenset()
    blurred: tuple[frozenset[int], ...] = ()
    if groups:
        inside = _inside(network, units)
        blurred = tuple(_blurred(network, unit) for unit in units)
    found = Buffers(network, units, sizes, homes, last, inside, blurred, in_place)
    if concat_in_place:
        _join_parts(found)
    return found


def _first_output(step: Step) -> int:
    return step.outputs[0]


def _form_units(network: Network, groups: Sequence[Sequence[int]]) -> tuple[Unit, ...]:
    count = len(network.steps)
    if not groups:
        return tuple([(index,) for index in range(count)])
    group_of: dict[int, Unit] = {}
    for group in groups:
        unit = tuple(sorted(group))
        for index in unit:
            if index in group_of or not 0 <= index < count:
                raise ValueError(f"step {index} is in two groups, or there is no such step")
            group_of[index] = unit
    alone = [group_of.get(index, (index,)) for index in range(count)]
    units = [unit for index, unit in enumerate(alone) if unit[0] == index]
    return _in_running_order(network, units)


def _in_running_order(network: Network, units: list[Unit]) -> tuple[Unit, ...]:
    """`units`, each as early as it may run; they come by their first steps."""
    unit_of = {index: number for number, unit in enumerate(units) for index in unit}
    waits = []
    for number, unit in enumerate(units):
        producers = {
            network.tensors[one].producer for index in unit for one in network.steps[index].inputs
        }
        waits.append({unit_of[one] for one in producers if one is not None} - {number})
    if all(max(before, default=-1) < number for number, before in enumerate(waits)):
        return tuple(units)
    after: list[list[int]] = [[] for _ in units]
    for number, before in enumerate(waits):
        for other in before:
            after[other].append(number)
    missing = [len(before) for before in waits]
    ready = [number for number, count in enumerate(missing) if not count]
    heapify(ready)
    order = []
    while ready:
        number = heappop(ready)
        order.append(units[number])
        for other in after[number]:
            missing[other] -= 1
            if not missing[other]:
                heappush(ready, other)
    if len(order) < len(units):
        raise ValueError("groups of steps wait for each other")
    return tuple(order)


def _inside(network: Network, units: tuple[Unit, ...]) -> frozenset[int]:
    steps = network.steps
    unit_of = {index: number for number, unit in enumerate(units) for index in unit}
    read, seen_outside = set(), set(network.outputs)
    for index, step in enumerate(steps):
        for one in step.inputs:
            producer = network.tensors[one].producer
            read.add(one)
            if producer is None or unit_of[producer] != unit_of[index]:
                seen_outside.add(one)
    return frozenset(read - seen_outside)


def _blurred(network: Network, unit: Unit) -> frozenset[int]:
    if len(unit) == 1:
        return frozenset()
    found: set[int] = set()
    for index in reversed(unit):
        step = network.steps[index]
        if step.layer.effect == "compute" or not found.isdisjoint(step.outputs):
            found.update(step.inputs)
    return frozenset(found)


def _join_parts(buffers: Buffers) -> None:
    """Make inputs of concatenations parts of the result, by changing `homes`.

    A tensor is a part of one buffer at most: of the concatenation that the spec has first. Inputs
    and outputs of the network are memory of their own, and so is an input that is a piece of
    something larger, or of another type than the result.
    """
    network, homes = buffers.network, buffers.homes
    steps, tensors = network.steps, network.tensors
    parent: dict[int, int] = {}

    def find(tensor: int) -> int:
        root = homes[tensor]
        path = []
        while root in parent:
            path.append(root)
            root = parent[root]
        for one in path:
            parent[one] = root
        return root

    readers: list[list[Step]] = [[] for _ in tensors]
    for step in steps:
        for one in set(step.inputs):
            readers[one].append(step)
    fixed = {homes[one] for one in (*network.inputs, *network.outputs)}
    reads = [0] * len(tensors)  # by buffer, those of steps that do not write to it
    for one, home in enumerate(homes):
        reads[home] += sum(homes[step.output] != home for step in readers[one])
        if not readers[one]:
            reads[home] = len(steps) * len(tensors)  # a dead end stays what it is
    unit_of = {index: number for number, unit in enumerate(buffers.units) for index in unit}

    def source(home: int) -> tuple[Step, int] | None:
        """The element-wise step that makes a buffer, and the input that it may write over."""
        maker = tensors[home].producer
        if not buffers.in_place or maker is None or steps[maker].layer.effect != "elementwise":
            return None
        step, number = steps[maker], unit_of[maker]
        choice = None
        own = Counter(find(one) for one in set(step.inputs))
        for one in step.inputs:
            root = find(one)
            if root in fixed or buffers.sizes[root] != buffers.sizes[home]:
                continue
            if reads[root] != own[root]:
                continue
            producer = tensors[one].producer
            if producer is not None and unit_of[producer] == number:
                choice = choice or (step, one)
            elif not buffers.blurred or one not in buffers.blurred[number]:
                return step, one
        return choice

    for step in sorted(steps, key=_first_output):
        whole = step.output
        if step.layer.kind != "concat" or whole in buffers.inside:
            continue
        own = Counter(find(one) for one in set(step.inputs))
        for one in step.inputs:
            by, part = step, one
            while True:
                root = find(part)
                if (
                    root == find(whole)
                    or root in fixed
                    or buffers.sizes[root] != buffers.sizes[part]
                    or (by is step and tensors[one].type.dtype != tensors[whole].type.dtype)
                ):
                    break
                # What was made from in place is read by nothing else.
                reads[whole] += reads[root] - own[root] if by is step else 0
                parent[root] = whole
                further = source(root)
                if further is None:
                    break
                by, part = further
    for one in range(len(tensors)):
        homes[one] = find(one)
