"""A naive allocator: blocks of memory as sets of tensors, searched through again at each step.

It shares no code with the analysis: what lies where in a block comes from `addresses.py`, byte by
byte. `Rules` are what `trace_memory` is told beside the network.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from addresses import Indices, read_by, region_of, view_of
from hypothesis import strategies as st

from mnet_cost.analysis.sharing import MemoryRules
from mnet_cost.network import Network, Step

Needs = dict[int, list[frozenset[tuple[int, int]]]]
"""By tensor: of each element, the bytes (of which block) that it is made of."""


class Rules(NamedTuple):
    """How a runtime uses memory."""

    units: tuple[tuple[int, ...], ...] = ()
    in_place: bool = True
    concat_in_place: bool = False
    scratch: dict[int, int] = {}  # noqa: RUF012

    @property
    def told(self) -> MemoryRules:
        """The same for the analysis."""
        return MemoryRules(**self._asdict())

    def of(self, network: Network, ordered: Network) -> Rules:
        """The same rules for the network in another order."""
        place = {step.name: i for i, step in enumerate(ordered.steps)}
        moved = [place[step.name] for step in network.steps]
        return self._replace(
            units=tuple(tuple(moved[i] for i in unit) for unit in self.units),
            scratch={moved[i]: bytes_ for i, bytes_ in self.scratch.items()},
        )


@st.composite
def rules(draw: st.DrawFn, network: Network) -> Rules:
    """Rules for a network; groups are pieces of some order in which it can run."""
    groups = []
    if draw(st.booleans()):
        waiting, known = dict(enumerate(network.steps)), set(network.inputs)
        piece: list[int] = []
        while waiting:
            ready = [i for i, step in waiting.items() if known.issuperset(step.inputs)]
            index = draw(st.sampled_from(ready)) if len(ready) > 1 else ready[0]
            known.update(waiting.pop(index).outputs)
            piece.append(index)
            if draw(st.integers(0, 2)) == 0 or not waiting:
                groups.append(tuple(piece))
                piece = []
        groups = [group for group in groups if len(group) > 1 or draw(st.booleans())]
    indices = st.integers(0, len(network.steps) - 1)
    scratch = draw(st.dictionaries(indices, st.integers(1, 100), max_size=3))
    return Rules(tuple(groups), draw(st.booleans()), draw(st.booleans()), scratch)


@lru_cache(maxsize=4)
def weights_of(network: Network) -> frozenset[int]:
    """Trained tensors, and what is made of trained tensors alone."""
    weights: set[int] = set()
    for step in network.steps:
        is_known = bool(step.inputs) and weights.issuperset(step.inputs)
        if step.layer.kind == "parameter" or is_known:
            weights |= set(step.outputs)
    return frozenset(weights)


def width_of(network: Network, index: int) -> int:
    type_ = network.tensors[index].type
    return type_.dtype.bytes if type_.dtype else 4


def shape_of(network: Network, index: int) -> tuple[int, ...]:
    """With the batch in front; a weight is there once for all examples."""
    batch = 1 if index in weights_of(network) else network.batch
    return (batch, *network.tensors[index].type.shape)


def elements_of(network: Network, index: int) -> int:
    elements = 1
    for size in shape_of(network, index):
        elements *= size
    return elements


def size_of(network: Network, index: int) -> int:
    return elements_of(network, index) * width_of(network, index)


def units_of(network: Network, groups: tuple[tuple[int, ...], ...]) -> list[list[int]]:
    """Units in the order in which they run."""
    waiting = [sorted(group) for group in groups]
    grouped = {i for group in waiting for i in group}
    waiting += [[i] for i in range(len(network.steps)) if i not in grouped]
    known, order = set(network.inputs), []
    while waiting:
        ready = []
        for unit in waiting:
            made = {tensor for i in unit for tensor in network.steps[i].outputs}
            read = {tensor for i in unit for tensor in network.steps[i].inputs}
            if read <= known | made:
                ready.append(unit)
        order.append(min(ready))
        waiting.remove(order[-1])
        known |= {tensor for i in order[-1] for tensor in network.steps[i].outputs}
    return order


class Block:
    """Memory that holds tensors, byte by byte."""

    def __init__(self, size: int, first: int, kept: bool = False) -> None:
        self.size = size
        self.first = self.last = first
        """Units that it is there for."""
        self.kept = kept
        """Whether nobody may write over it: it is the caller's, or holds weights."""
        self.held: set[int] = set()
        """All that ever lay in it."""
        self.content = np.full(size, -1)
        """By byte, the number of the value that was written last."""


class Simulation:
    """A network that runs in blocks of memory; every value that is read is looked at."""

    def __init__(self, network: Network, how: Rules) -> None:
        self.network, self.how = network, how
        self.weights = weights_of(network)
        self.shapes = [shape_of(network, i) for i in range(len(network.tensors))]
        self.units = units_of(network, how.units)
        self.inside = _inside(network, self.units) - self.weights
        self.parts = _parts(network, how, self.units, self.inside) if how.concat_in_place else []
        self.blocks: list[Block] = []
        """Those that were ever in the memory of activations."""
        self.live = [0] * len(network.steps)
        """Bytes alive while each step runs."""
        self.block_of: dict[int, Block] = {}
        self.bytes_of: dict[int, Indices] = {}
        """By tensor: of each element the bytes of the block."""
        self.values: dict[int, Indices] = {}
        """By tensor: numbers of what was written, of each element and byte."""
        self.written = 0
        self._run()

    def _run(self) -> None:
        network, final = self.network, len(self.units) - 1
        alive = []
        for index in network.inputs:
            self._place(index, Block(size_of(network, index), 0, kept=True))
            self._write(index, self._fresh(index))
            alive.append(self.block_of[index])
        running = [network.steps[i] for unit in self.units for i in unit]
        done = 0
        for number, unit in enumerate(self.units):
            needs = self._needs(unit)
            before = list(alive)
            for i in unit:
                step = network.steps[i]
                done += 1
                later = set(network.outputs).union(
                    *(later_step.inputs for later_step in running[done:])
                )
                for position, output in enumerate(step.outputs):
                    self._make(step, position, output, number, before, later, needs)
                    if self.block_of[output] not in alive:
                        alive.append(self.block_of[output])
            real = [
                block
                for block in alive
                if block.held - self.inside and not block.held & self.weights
            ]
            bytes_ = sum(block.size for block in real)
            bytes_ += sum(self.how.scratch.get(i, 0) for i in unit)
            for i in unit:
                self.live[i] = bytes_
            for block in real:
                block.last = number
            self.blocks += [block for block in real if block not in self.blocks]
            alive = [block for block in real if block.held & later]
        for block in alive:
            block.last = final
        for index in network.outputs:
            self._read(index)

    def _make(
        self, step: Step, position: int, output: int, number: int, before: list[Block],
        later: set[int], needs: Needs,
    ) -> None:  # fmt: skip
        """Carry out one output of a step where it belongs."""
        network = self.network
        for tensor in step.inputs:
            self._read(tensor)
        if step.layer.effect == "view" and step.inputs:
            (base,) = step.inputs
            chosen = view_of(step.layer, self.shapes[base], position)
            self.block_of[output] = self.block_of[base]
            self.bytes_of[output] = self.bytes_of[base][chosen]
            self.values[output] = self.values[base][chosen]
            self.block_of[output].held.add(output)
            return
        planned = next(((held, size) for held, size in self.parts if output in held), None)
        if planned:
            block = next(
                (self.block_of[tensor] for tensor in planned[0] if tensor in self.block_of),
                Block(planned[1], number),
            )
            self._place(output, block, planned[0][output])
        if not planned or (planned[1] == size_of(network, output) and not block.held - {output}):
            over = self._written_over(step, output, before, later, needs)
            weight = output in self.weights
            self._place(output, over or Block(size_of(network, output), number, kept=weight))
        if step.layer.kind == "concat":
            values = np.full(self.bytes_of[output].shape, -1)
            batch = shape_of(network, output)[0]
            shapes = [(batch, *network.tensors[tensor].type.shape) for tensor in step.inputs]
            for i, tensor in enumerate(step.inputs):
                copied = self.values[tensor][read_by(self.shapes[tensor], shapes[i])]
                if width_of(network, tensor) == width_of(network, output):
                    values[region_of(step.layer, shapes, i)] = copied
            values = np.where(values < 0, self._fresh(output), values)
        else:
            values = self._fresh(output)
        self._check_writes(step, output, values)
        self._write(output, values)

    def _written_over(
        self, step: Step, output: int, before: list[Block], later: set[int], needs: Needs
    ) -> Block | None:
        """The block that a layer writes over: all of it, and element by element."""
        if step.layer.effect != "elementwise" or not self.how.in_place:
            return None
        count = elements_of(self.network, output)
        size = size_of(self.network, output)
        free = []
        for tensor in step.inputs:
            block = self.block_of[tensor]
            if block.kept or block.held & later or block.size != size:
                continue
            if size_of(self.network, tensor) != size or elements_of(self.network, tensor) != count:
                continue
            outer = block in before
            reads = needs if outer else {output: self._needs_of(step, {})}
            if all(
                byte_block != id(block) or (len(elements) == count and byte * count // size == k)
                for elements in reads.values()
                for k, element in enumerate(elements)
                for byte_block, byte in element
            ):
                free.append((not outer, block))
        free.sort(key=lambda entry: entry[0])
        return free[0][1] if free else None

    def _needs(self, unit: list[int]) -> Needs:
        """What the elements of all that a unit makes are made of: bytes from outside it."""
        needs: Needs = {}
        if not self.how.in_place:
            return needs
        for i in unit:
            step = self.network.steps[i]
            if step.layer.effect == "view" and step.inputs:
                (base,) = step.inputs
                base_needs = self._bytes_from(base, needs)
                for position, output in enumerate(step.outputs):
                    chosen = view_of(step.layer, self.shapes[base], position)
                    needs[output] = [base_needs[k] for k in chosen]
            else:
                of_each = self._needs_of(step, needs)
                for output in step.outputs:
                    needs[output] = (
                        of_each
                        if step.layer.effect == "elementwise"
                        else of_each[:1] * elements_of(self.network, output)
                    )
        return needs

    def _needs_of(self, step: Step, needs: Needs) -> list[frozenset[tuple[int, int]]]:
        """What each element of a step's output is made of; of a compute layer, of everything."""
        inputs = [self._bytes_from(tensor, needs) for tensor in step.inputs]
        if step.layer.effect != "elementwise":
            return [frozenset().union(*(element for elements in inputs for element in elements))]
        maps = [read_by(self.shapes[tensor], self.shapes[step.output]) for tensor in step.inputs]
        return [
            frozenset().union(*(elements[by[k]] for elements, by in zip(inputs, maps, strict=True)))
            for k in range(elements_of(self.network, step.output))
        ]

    def _bytes_from(self, tensor: int, needs: Needs) -> list[frozenset[tuple[int, int]]]:
        if tensor in needs:
            return needs[tensor]
        block = id(self.block_of[tensor])
        return [frozenset((block, int(b)) for b in element) for element in self.bytes_of[tensor]]

    def _place(self, tensor: int, block: Block, where: Indices | None = None) -> None:
        if where is None:
            where = np.arange(block.size).reshape(-1, width_of(self.network, tensor))
        block.held.add(tensor)
        self.block_of[tensor], self.bytes_of[tensor] = block, where

    def _fresh(self, tensor: int) -> Indices:
        start = self.written
        self.written += size_of(self.network, tensor)
        return np.arange(start, self.written).reshape(-1, width_of(self.network, tensor))

    def _read(self, tensor: int) -> None:
        """What lies where a tensor was written has to be that tensor."""
        content = self.block_of[tensor].content[self.bytes_of[tensor]]
        assert (content == self.values[tensor]).all(), self.network.tensors[tensor].name

    def _write(self, tensor: int, values: Indices) -> None:
        self.values[tensor] = values
        self.block_of[tensor].content[self.bytes_of[tensor]] = values

    def _check_writes(self, step: Step, output: int, values: Indices) -> None:
        """No layer writes what it still reads, in whatever order it goes over the elements."""
        block, where = self.block_of[output], self.bytes_of[output]
        writer = np.full(block.size, -1)
        changed = block.content[where] != values
        writer[where] = np.where(changed, np.arange(len(where))[:, None], -1)
        for tensor in step.inputs:
            if self.block_of[tensor] is not block:
                continue
            if step.layer.effect != "elementwise":
                assert (writer[self.bytes_of[tensor]] < 0).all(), step.name
                continue
            read = self.bytes_of[tensor][read_by(self.shapes[tensor], self.shapes[output])]
            own = np.arange(len(where))[:, None]
            assert ((writer[read] < 0) | (writer[read] == own)).all(), step.name


def simulate(network: Network, how: Rules) -> list[int]:
    """Bytes alive while each step runs."""
    return Simulation(network, how).live


def _inside(network: Network, units: list[list[int]]) -> set[int]:
    """Tensors that only the unit that makes them reads."""
    inside = set()
    for unit in units:
        steps = [network.steps[i] for i in unit]
        others = [step for i, step in enumerate(network.steps) if i not in unit]
        for tensor in {tensor for step in steps for tensor in step.outputs}:
            own = any(tensor in step.inputs for step in steps)
            if (
                own
                and tensor not in network.outputs
                and not any(tensor in s.inputs for s in others)
            ):
                inside.add(tensor)
    return inside


def _reordered(network: Network, unit: list[int]) -> set[int]:
    """What goes into a layer of the unit that is not element by element, however far back."""
    reordered: set[int] = set()
    while True:
        size = len(reordered)
        for i in unit:
            step = network.steps[i]
            if step.layer.effect == "compute" or reordered & set(step.outputs):
                reordered |= set(step.inputs)
            reordered |= {
                tensor for tensor in step.inputs if not _aligned(network, tensor, step.output)
            }
        if len(reordered) == size:
            return reordered


def _aligned(network: Network, tensor: int, other: int) -> bool:
    return shape_and_width(network, tensor) == shape_and_width(network, other)


def shape_and_width(network: Network, index: int) -> tuple[int, int]:
    return elements_of(network, index), width_of(network, index)


def _parts(
    network: Network, how: Rules, units: list[list[int]], inside: set[int]
) -> list[tuple[dict[int, Indices], int]]:
    """Buffers of all that will ever be in them by plan: views, and parts of concatenations.

    Each with the bytes of the buffer that each tensor has there, and its size.
    """
    steps = sorted(network.steps, key=lambda step: step.outputs)
    unit_of = {network.steps[i].name: number for number, unit in enumerate(units) for i in unit}
    shapes = [shape_of(network, i) for i in range(len(network.tensors))]
    weights = weights_of(network)
    sets = []
    for i in range(len(network.tensors)):
        size = size_of(network, i)
        sets.append(({i: np.arange(size).reshape(-1, width_of(network, i))}, size))
    edges = {(tensor, step.name) for step in steps for tensor in step.inputs}

    def where(tensor: int) -> tuple[dict[int, Indices], int]:
        return next(entry for entry in sets if tensor in entry[0])

    def merge(step: Step, part: int, whole: int, region: Indices) -> None:
        small, large = where(part), where(whole)
        for tensor, bytes_ in small[0].items():
            edges.discard((tensor, step.name))
            large[0][tensor] = region.ravel()[bytes_]
        sets[:] = [entry for entry in sets if entry is not small]

    for step in steps:
        if step.layer.effect == "view" and step.inputs:
            (base,) = step.inputs
            for position, output in enumerate(step.outputs):
                sets[:] = [entry for entry in sets if output not in entry[0]]
                held, _ = where(base)
                held[output] = held[base][view_of(step.layer, shapes[base], position)]
            edges.discard((base, step.name))
    own = set(network.inputs) | set(network.outputs) | weights
    read = {tensor for step in steps for tensor in step.inputs}

    def made_from(held: dict[int, Indices], size: int) -> tuple[Step, int] | None:
        maker = next((s for s in steps if s.output == min(held)), None)
        if len(held) > 1 and any(s.layer.kind == "concat" and s.output in held for s in steps):
            maker = next(
                s for s in reversed(steps) if s.layer.kind == "concat" and s.output in held
            )
        if maker is None or not how.in_place or maker.layer.effect != "elementwise":
            return None
        unit = units[unit_of[maker.name]]
        made_here = {tensor for i in unit for tensor in network.steps[i].outputs}
        fitting = []
        for tensor in maker.inputs:
            source, bytes_ = where(tensor)
            others = [edge for edge in edges if edge[0] in source and edge[1] != maker.name]
            if bytes_ != size or own & set(source) or others or not read.issuperset(source):
                continue
            in_it = {other for other in maker.inputs if other in source}
            outer = min(source) not in made_here
            if not all(_aligned(network, other, maker.output) for other in in_it):
                continue
            if outer and len(unit) > 1 and _reordered(network, unit) & set(source):
                continue
            fitting.append((not outer, tensor))
        fitting.sort(key=lambda entry: entry[0])
        return (maker, fitting[0][1]) if fitting else None

    for concat in steps:
        whole = concat.output
        if concat.layer.kind != "concat" or whole in inside:
            continue
        for number, tensor in enumerate(concat.inputs):
            step, part = concat, tensor
            types = network.tensors[tensor].type.dtype, network.tensors[whole].type.dtype
            if types[0] != types[1]:
                continue
            all_shapes = [
                (network.batch, *network.tensors[other].type.shape) for other in concat.inputs
            ]
            while True:
                held, size = where(part)
                if whole in held or set(held) & own or size != size_of(network, part):
                    break
                if step is concat:
                    region = where(whole)[0][whole][region_of(concat.layer, all_shapes, number)]
                further = made_from(held, size)
                merge(step, part, whole, region)
                if further is None:
                    break
                step, part = further
    return [(held, size) for held, size in sets if len(held) > 1]
