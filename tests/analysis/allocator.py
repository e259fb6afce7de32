"""A naive allocator: blocks of memory as sets of tensors, searched through again at each step.

It shares no code with the analysis. `Rules` are what `trace_memory` is told beside the network.
"""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from mnet_cost.network import Network, Step


class Rules(NamedTuple):
    """How a runtime uses memory."""

    groups: tuple[tuple[int, ...], ...] = ()
    in_place: bool = True
    concat_in_place: bool = False
    scratch: dict[int, int] = {}  # noqa: RUF012

    def of(self, network: Network, ordered: Network) -> Rules:
        """The same rules for the network in another order."""
        place = {step.name: i for i, step in enumerate(ordered.steps)}
        moved = [place[step.name] for step in network.steps]
        return self._replace(
            groups=tuple(tuple(moved[i] for i in group) for group in self.groups),
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


def size_of(network: Network, index: int) -> int:
    type_ = network.tensors[index].type
    elements = 1
    for size in type_.shape:
        elements *= size
    return int(elements * (type_.dtype.bytes if type_.dtype else 4) * network.batch)


def units_of(network: Network, groups: tuple[tuple[int, ...], ...]) -> list[list[int]]:
    """Units in the order in which they run."""
    waiting = [sorted(group) for group in groups]
    grouped = {i for group in waiting for i in group}
    waiting += [[i] for i in range(len(network.steps)) if i not in grouped]
    known, order = set(network.inputs), []
    while waiting:
        ready = []
        for unit in waiting:
            made = {one for i in unit for one in network.steps[i].outputs}
            read = {one for i in unit for one in network.steps[i].inputs}
            if read <= known | made:
                ready.append(unit)
        order.append(min(ready))
        waiting.remove(order[-1])
        known |= {one for i in order[-1] for one in network.steps[i].outputs}
    return order


class Block:
    """Memory that holds tensors."""

    def __init__(self, size: int, caller: bool = False) -> None:
        self.size = size
        self.caller = caller
        self.held: set[int] = set()
        self.before = False
        """Whether it was there before the unit that runs now."""


def simulate(network: Network, how: Rules) -> list[int]:
    """Bytes alive while each step runs, with blocks of memory as sets of tensors."""
    units = units_of(network, how.groups)
    running = [network.steps[i] for unit in units for i in unit]
    inside = _inside(network, units)
    parts = _parts(network, how, units, inside) if how.concat_in_place else []
    blocks = []
    for index in network.inputs:
        block = Block(size_of(network, index), caller=True)
        block.held.add(index)
        blocks.append(block)
    live = [0] * len(network.steps)
    done = 0
    for unit in units:
        for block in blocks:
            block.before = True
        blurred = _blurred(network, unit)
        for i in unit:
            step = network.steps[i]
            done += 1
            later = set(network.outputs).union(*(one.inputs for one in running[done:]))
            for output in step.outputs:
                block = _block_for(network, how, step, output, blocks, parts, later, blurred)
                block.held.add(output)
        real = [block for block in blocks if not block.held <= inside]
        bytes_ = sum(block.size for block in real) + sum(how.scratch.get(i, 0) for i in unit)
        for i in unit:
            live[i] = bytes_
        blocks = [block for block in real if block.held & later]
    return live


def _block_for(
    network: Network,
    how: Rules,
    step: Step,
    output: int,
    blocks: list[Block],
    parts: list[tuple[set[int], int]],
    later: set[int],
    blurred: set[int],
) -> Block:
    planned = next(((held, size) for held, size in parts if output in held), None)
    for block in blocks:
        if planned and block.held & planned[0]:
            return block
        if step.layer.effect == "view" and step.inputs and step.inputs[0] in block.held:
            return block
    size = planned[1] if planned else size_of(network, output)
    whole = size == size_of(network, output)
    if step.layer.effect == "elementwise" and how.in_place and whole:
        free = []
        for one in step.inputs:
            (block,) = (block for block in blocks if one in block.held)
            usable = not block.caller and block.size == size and not block.held & later
            if usable and not (block.before and block.held & blurred):
                free.append(block)
        free.sort(key=lambda block: not block.before)
        if free:
            return free[0]
    blocks.append(Block(size))
    return blocks[-1]


def _inside(network: Network, units: list[list[int]]) -> set[int]:
    """Tensors that only the unit that makes them reads."""
    found = set()
    for unit in units:
        steps = [network.steps[i] for i in unit]
        others = [step for i, step in enumerate(network.steps) if i not in unit]
        for one in {one for step in steps for one in step.outputs}:
            own = any(one in step.inputs for step in steps)
            if own and one not in network.outputs and not any(one in s.inputs for s in others):
                found.add(one)
    return found


def _blurred(network: Network, unit: list[int]) -> set[int]:
    """What goes into a layer of the unit that is not element by element, however far back."""
    found: set[int] = set()
    if len(unit) == 1:
        return found
    while True:
        size = len(found)
        for i in unit:
            step = network.steps[i]
            if step.layer.effect == "compute" or found & set(step.outputs):
                found |= set(step.inputs)
        if len(found) == size:
            return found


def _parts(
    network: Network, how: Rules, units: list[list[int]], inside: set[int]
) -> list[tuple[set[int], int]]:
    """Buffers with all that will ever be in them by plan: views, and parts of concatenations."""
    steps = sorted(network.steps, key=lambda step: step.outputs)
    unit_of = {network.steps[i].name: number for number, unit in enumerate(units) for i in unit}
    sets = [({i}, size_of(network, i)) for i in range(len(network.tensors))]
    edges = {(one, step.name) for step in steps for one in step.inputs}

    def where(one: int) -> tuple[set[int], int]:
        return next(entry for entry in sets if one in entry[0])

    def merge(step: Step, part: int, whole: int) -> None:
        small, large = where(part), where(whole)
        for one in small[0]:
            edges.discard((one, step.name))
        sets.remove(small)
        large[0].update(small[0])

    for step in steps:
        if step.layer.effect == "view" and step.inputs:
            for output in step.outputs:
                if where(output) is not where(step.inputs[0]):
                    sets.remove(where(output))
                where(step.inputs[0])[0].add(output)
            for one in set(step.inputs):
                if one in where(step.output)[0]:
                    edges.discard((one, step.name))
    own = set(network.inputs) | set(network.outputs)
    read = {one for step in steps for one in step.inputs}

    def made_from(held: set[int], size: int) -> tuple[Step, int] | None:
        maker = next((s for s in steps if s.output == min(held)), None)
        if len(held) > 1 and any(s.layer.kind == "concat" and s.output in held for s in steps):
            maker = next(
                s for s in reversed(steps) if s.layer.kind == "concat" and s.output in held
            )
        if maker is None or not how.in_place or maker.layer.effect != "elementwise":
            return None
        unit = units[unit_of[maker.name]]
        made_here = {one for i in unit for one in network.steps[i].outputs}
        fitting = []
        for one in maker.inputs:
            source, bytes_ = where(one)
            others = [edge for edge in edges if edge[0] in source and edge[1] != maker.name]
            if bytes_ == size and not source & own and not others and source <= read:
                fitting.append(one)
        outer = [one for one in fitting if one not in made_here]
        outer = [one for one in outer if one not in _blurred(network, unit)]
        inner = [one for one in fitting if one in made_here]
        return (maker, (outer + inner)[0]) if outer + inner else None

    for concat in steps:
        whole = concat.output
        if concat.layer.kind != "concat" or whole in inside:
            continue
        for one in concat.inputs:
            step, part = concat, one
            types = network.tensors[one].type.dtype, network.tensors[whole].type.dtype
            if types[0] != types[1]:
                continue
            while True:
                held, size = where(part)
                if whole in held or held & own or size != size_of(network, part):
                    break
                further = made_from(held, size)
                merge(step, part, whole)
                if further is None:
                    break
                step, part = further
    return sets
