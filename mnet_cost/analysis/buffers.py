"""Which tensors of a network share memory, in whatever order it runs.

A view is in the memory of its input. Stored tensors, and what is made of them alone, are weights,
which are in no buffer of activations. Where concatenations are in place, their inputs are parts of
the result; if such an input was itself made in place, and nothing else reads its source, the source
is in the same part. A tensor that only one unit writes and reads is in no buffer. How long a buffer
lives depends on the order: that is in `memory.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from mnet_cost.analysis.sharing import Buffers, MemoryRules, Unit, is_aligned, may_write_over
from mnet_cost.network import Network, Step
from mnet_cost.tensors import DType, agreed, is_equal


def find_buffers(network: Network, precision: DType, rules: MemoryRules) -> Buffers:
    """The buffers of `network`; linear in the number of layers, but for sorting units.

    Raises `ValueError` for units that share a step or wait for each other.
    """
    steps, tensors, batch = network.steps, network.tensors, network.batch
    width = precision.bytes
    sizes = [
        tensor.type.elements * (width if tensor.type.dtype is None else tensor.type.dtype.bytes)
        * batch
        for tensor in tensors
    ]  # fmt: skip
    buffer_of = list(range(len(tensors)))
    stored: set[int] = set()
    for step in steps:
        if step.is_static:
            stored.update(step.outputs)
        elif step.layer.effect == "view":
            for output in step.outputs:
                buffer_of[output] = buffer_of[step.inputs[0]]
    units = _form_units(network, rules.units)
    last = [0] * len(tensors)
    place = 0
    for unit in units:
        for index in unit:
            step = steps[index]
            for tensor in step.inputs:
                last[tensor] = place
            for tensor in step.outputs:
                last[tensor] = place
            place += 1
    for tensor in network.outputs:
        last[tensor] = place
    weights = frozenset(
        [tensor for tensor, buffer in enumerate(buffer_of) if buffer in stored] if stored else ()
    )
    buffers = Buffers(
        network, units, sizes, buffer_of, last,
        fused_away=_fused_away(network, units) if rules.units else frozenset(),
        weights=weights,
        fixed=frozenset([*network.inputs, *stored]),
        reordered_reads=(),
        in_place=rules.in_place,
    )  # fmt: skip
    if rules.units:
        buffers = buffers._replace(
            reordered_reads=tuple([_reordered_reads(buffers, unit) for unit in units])
        )
    if rules.concat_in_place:
        _join_parts(buffers)
    if rules.units:  # last, since inputs of concatenations are parts only now
        buffers = buffers._replace(reordered_reads=_with_parts(buffers))
    return buffers


def _first_output(step: Step) -> int:
    return step.outputs[0]


def _form_units(network: Network, groups: Sequence[Unit]) -> tuple[Unit, ...]:
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
    if _is_running_order(network, units, unit_of):  # nearly always
        return tuple(units)
    waits = []
    for number, unit in enumerate(units):
        producers = {
            network.tensors[tensor].producer
            for index in unit
            for tensor in network.steps[index].inputs
        }
        before = {unit_of[producer] for producer in producers if producer is not None}
        waits.append(before - {number})
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


def _is_running_order(network: Network, units: list[Unit], unit_of: dict[int, int]) -> bool:
    """Whether no unit waits for a later one."""
    tensors, steps = network.tensors, network.steps
    for number, unit in enumerate(units):
        for index in unit:
            for tensor in steps[index].inputs:
                producer = tensors[tensor].producer
                if producer is not None and unit_of[producer] > number:
                    return False
    return True


def _fused_away(network: Network, units: tuple[Unit, ...]) -> frozenset[int]:
    steps = network.steps
    unit_of = {index: number for number, unit in enumerate(units) for index in unit}
    read, seen_outside = set(), set(network.outputs)
    for index, step in enumerate(steps):
        for tensor in step.inputs:
            producer = network.tensors[tensor].producer
            read.add(tensor)
            if producer is None or unit_of[producer] != unit_of[index]:
                seen_outside.add(tensor)
    return frozenset(read - seen_outside)


def _reordered_reads(buffers: Buffers, unit: Unit) -> frozenset[int]:
    """Tensors that flow, over any number of steps, into a layer that is not element-wise."""
    if len(unit) == 1:
        return frozenset()
    reordered_reads: set[int] = set()
    for index in reversed(unit):
        step = buffers.network.steps[index]
        mixes = step.layer.effect == "compute" and not _has_one_element(buffers.network, step)
        if mixes or not reordered_reads.isdisjoint(step.outputs):
            reordered_reads.update(step.inputs)
        else:
            for tensor in step.inputs:
                if not is_aligned(buffers, step, tensor):
                    reordered_reads.add(tensor)
    return frozenset(reordered_reads)


def _has_one_element(network: Network, step: Step) -> bool:
    """Whether all that a step reads and writes is one element, which has no order."""
    types = [network.tensors[tensor].type for tensor in (*step.inputs, *step.outputs)]
    # The batch is asked for last: a recording of one example mostly holds for several then.
    return all(agreed(type_.elements == 1) for type_ in types) and agreed(network.batch == 1)


def _with_parts(buffers: Buffers) -> tuple[frozenset[int], ...]:
    """`reordered_reads` and, by unit, the tensors it reads that are a part of a buffer.

    A part has fewer elements than the buffer, and its first may lie anywhere in it.
    """
    sizes, steps = buffers.sizes, buffers.network.steps
    parts = {
        tensor
        for tensor, buffer in enumerate(buffers.buffer_of)
        if tensor != buffer and not is_equal(sizes[tensor], sizes[buffer])
    }
    if not parts:
        return buffers.reordered_reads
    return tuple(
        [
            tensors.union([tensor for i in unit for tensor in steps[i].inputs if tensor in parts])
            for tensors, unit in zip(buffers.reordered_reads, buffers.units, strict=True)
        ]
    )


class _Parts:
    """Buffers while inputs of concatenations become parts of the result: an `Occupancy`.

    No order decides whether somebody waits for a buffer: it is free if one step alone reads it.
    """

    def __init__(self, buffers: Buffers) -> None:
        network, buffer_of = buffers.network, buffers.buffer_of
        self._buffers = buffers
        self._parent: dict[int, int] = {}
        self.kept = {*buffers.fixed, *(buffer_of[tensor] for tensor in network.outputs)}
        """Buffers that are memory of their own: inputs and outputs of the network, weights."""
        self._reads = [0] * len(buffer_of)  # by buffer, those of steps that do not write to it
        readers: list[list[Step]] = [[] for _ in buffer_of]
        for step in network.steps:
            for tensor in set(step.inputs):
                readers[tensor].append(step)
        never = len(network.steps) * len(buffer_of)
        for tensor, buffer in enumerate(buffer_of):
            self._reads[buffer] += sum(buffer_of[step.output] != buffer for step in readers[tensor])
            if not readers[tensor]:
                self._reads[buffer] = never  # a dead end stays what it is
        self._unit_of = {
            index: number for number, unit in enumerate(buffers.units) for index in unit
        }
        self._birth = [len(buffers.units)] * len(buffer_of)  # by buffer, the unit that makes it
        for tensor, buffer in enumerate(buffer_of):
            self._birth[buffer] = min(self._birth[buffer], self._unit_that_makes(tensor))
        self._own: Counter[int] = Counter()  # by buffer, reads of the step that is looked at
        self._number = -1  # its unit

    def _unit_that_makes(self, tensor: int) -> int:
        producer = self._buffers.network.tensors[tensor].producer
        return -1 if producer is None else self._unit_of[producer]

    def buffer_of(self, tensor: int) -> int:
        root, path = self._buffers.buffer_of[tensor], []
        while root in self._parent:
            path.append(root)
            root = self._parent[root]
        for passed in path:
            self._parent[passed] = root
        return root

    def is_free(self, buffer: int) -> bool:
        return buffer not in self.kept and self._reads[buffer] == self._own[buffer]

    def is_new(self, buffer: int) -> bool:
        return self._birth[buffer] == self._number

    def reads_of(self, step: Step) -> Counter[int]:
        """How many tensors of each buffer a step reads."""
        return Counter([self.buffer_of(tensor) for tensor in set(step.inputs)])

    def join(self, part: int, whole: int, own: int) -> None:
        """Make a buffer a part of another, whose step reads `own` of its tensors."""
        self._parent[part] = whole
        self._reads[whole] += self._reads[part] - own
        self._birth[whole] = min(self._birth[whole], self._birth[part])

    def join_source(self, buffer: int, whole: int) -> int | None:
        """Make what `buffer` was made from in place a part as well; None if it was not."""
        maker = self._buffers.network.tensors[buffer].producer
        if maker is None:
            return None
        step = self._buffers.network.steps[maker]
        self._own, self._number = self.reads_of(step), self._unit_of[maker]
        source = may_write_over(self._buffers, step, self._number, self)
        if source is not None:
            self.join(source, whole, self._own[source])
        return source


def _join_parts(buffers: Buffers) -> None:
    """Make inputs of concatenations parts of the result, by changing `buffer_of`.

    A tensor is a part of one buffer at most: of the concatenation that the spec has first. Inputs
    and outputs of the network and weights are memory of their own, and so is an input that is a
    piece of something larger, or of another type than the result.
    """
    tensors, sizes, parts = buffers.network.tensors, buffers.sizes, _Parts(buffers)
    for step in sorted(buffers.network.steps, key=_first_output):
        whole = step.output
        if step.layer.kind != "concat" or whole in buffers.fused_away:
            continue
        own = parts.reads_of(step)
        for tensor in step.inputs:
            root = parts.buffer_of(tensor)
            if (
                root != whole
                and root not in parts.kept
                and is_equal(sizes[root], sizes[tensor])
                and tensors[tensor].type.dtype == tensors[whole].type.dtype
            ):
                parts.join(root, whole, own[root])
                part: int | None = root
                while part is not None:
                    part = parts.join_source(part, whole)
    for tensor in range(len(tensors)):
        buffers.buffer_of[tensor] = parts.buffer_of(tensor)
