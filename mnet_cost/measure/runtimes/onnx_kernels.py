"""Which nodes of an ONNX file a kernel of a runtime does, found by the tensors.

A runtime rewrites a graph before it runs it: it folds, merges, fuses, changes layouts. Names of
nodes change with that, names of tensors seldom. So a kernel does the nodes that stand, in the file,
between the tensors that it reads and those that it makes. Where a tensor has a name of its own
(blocked layouts of onnxruntime, parts of a fusion), its kernel says what it holds, or the kernels
on both sides of it are taken together. Where the nodes between cannot be told, a kernel has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

LAYOUT_OPERATORS = frozenset(
    {
        *("ReorderInput", "ReorderOutput", "Transpose", "Cast", "Reshape", "Squeeze", "Unsqueeze"),
        *("Reorder", "Convert"),  # of OpenVINO
    }
)
"""Operators whose output has the values of their first input."""

_SHAPES = frozenset({"Shape", "Size"})
_COPIES = frozenset({"Identity", "Dropout"})
_NUMBERED = re.compile(r"(_token_\d+)+\Z")
_PART = re.compile(r"/\d+\Z")
_BLOCKED = ("_bn_nchwc", "_nchwc")
"""What onnxruntime appends to the name of a tensor to name the node that makes it in its blocked
layout; the first where a convolution does a batch norm."""


class Operation(NamedTuple):
    """A node of a graph, with the tensors that the graphs inside it read from around them."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    """Empty names for inputs that are left out."""
    outputs: tuple[str, ...]
    attributes: bytes = b""
    """All attributes: nodes with the same operator, attributes and inputs make the same values."""
    activation: str = ""
    """What else a fused convolution does at its end."""
    nodes: tuple[str, ...] = ()
    """Of a kernel: the nodes of the file that it does, in their order, where the runtime says it.
    Its outputs are then those of the last."""


class Work(NamedTuple):
    """What a kernel does."""

    nodes: tuple[str, ...]
    """Of the file, in its order; empty where nothing says it."""
    is_layout: bool = False
    """Whether it only copies a tensor, which `nodes` make, into another layout."""


def operations_of(graph: GraphProto) -> list[Operation]:
    """The nodes of a graph, in order; those of graphs inside a node are part of it."""
    return [_operation(node) for node in graph.node]


def read_file(path: Path) -> tuple[list[str], list[Operation]]:
    """The inputs and the nodes of an ONNX file. Its weights, and files beside it, are not read."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value.name for value in graph.input if value.name not in stored]
    return inputs, operations_of(graph)


def _operation(node: NodeProto) -> Operation:
    activations = [
        entry.s.decode() for entry in node.attribute if entry.name == "activation" and entry.s
    ]
    return Operation(
        node.name,
        node.op_type,
        (*node.input, *dict.fromkeys(_captured(node))),
        tuple(node.output),
        b"".join(sorted(entry.SerializeToString() for entry in node.attribute)),
        activations[0] if activations else "",
    )


def _captured(node: NodeProto) -> Iterator[str]:
    """Tensors that the graphs inside a node read from outside."""
    for entry in node.attribute:
        for graph in (*([entry.g] if entry.HasField("g") else []), *entry.graphs):
            own = {value.name for value in (*graph.input, *graph.initializer)}
            for inner in graph.node:
                for name in (*inner.input, *_captured(inner)):
                    if name and name not in own:
                        yield name
                own.update(inner.output)


def works(
    inputs: Iterable[str], file: Sequence[Operation], optimized: Sequence[Operation]
) -> list[Work]:
    """What each node of the optimized graph does of the file whose inputs are `inputs`."""
    return _Join(_File(inputs, file), optimized).works()


class _File:
    """The graph of the file, in which equal tensors are one."""

    def __init__(self, inputs: Iterable[str], operations: Sequence[Operation]) -> None:
        self.of: dict[str, int] = {}
        """The number of each tensor, the same for equal ones."""
        self.fed: list[bool] = []
        """For each number whether it depends on the inputs of the graph."""
        self.makers: list[list[int]] = []
        """Places of the operations that make it, all of them equal; none for an input."""
        self.operations = operations
        self.place = {operation.name: place for place, operation in enumerate(operations)}
        self.readers: dict[int, list[int]] = {}
        numbers: dict[object, int] = {}
        for name in inputs:
            self._add(name, True)
        for place, operation in enumerate(operations):
            for name in operation.inputs:
                if name and name not in self.of:  # an initializer
                    self._add(name, False)
            read = [self.of[name] if name else -1 for name in operation.inputs]
            for number in dict.fromkeys(read):
                self.readers.setdefault(number, []).append(place)
            if operation.operator in _COPIES and len(read) > 0 and read[0] >= 0:
                self.of[operation.outputs[0]] = read[0]
                continue
            fed = operation.operator not in _SHAPES and any(
                number >= 0 and self.fed[number] for number in read
            )
            for port, name in enumerate(operation.outputs):
                same = (operation.operator, operation.attributes, tuple(read), port)
                if same in numbers:
                    self.of[name] = numbers[same]
                    self.makers[numbers[same]].append(place)
                elif name:
                    numbers[same] = self._add(name, fed)
                    self.makers[-1].append(place)

    def _add(self, name: str, fed: bool) -> int:
        self.of[name] = len(self.fed)
        self.fed.append(fed)
        self.makers.append([])
        return self.of[name]

    def between(self, inputs: Iterable[int], outputs: Iterable[int]) -> set[int] | None:
        """Places of the operations that make `outputs` from `inputs`; None where they need more.

        What is the same for all inputs is computed beforehand, and left out.
        """
        found: set[int] = set()
        known = set(inputs)
        waiting = [number for number in outputs if number not in known]
        while waiting:
            number = waiting.pop()
            if number in known or not self.fed[number]:
                continue
            known.add(number)
            if not self.makers[number]:
                return None
            found.update(self.makers[number])
            first = self.operations[self.makers[number][0]]
            waiting += [self.of[name] for name in first.inputs if name]
        return found

    def tail(self, places: set[int], others: Iterable[int]) -> set[int]:
        """Those of `others` that need nothing but what `places` make, and so on."""
        return self.made_of(self.made_by(places), others) if places else set()

    def made_by(self, places: Iterable[int]) -> set[int]:
        """The tensors that the operations at `places` make."""
        return {
            self.of[name] for place in places for name in self.operations[place].outputs if name
        }

    def made_of(self, known: Iterable[int], places: Iterable[int]) -> set[int]:
        """Those of `places`, of operations, that need nothing but the tensors `known`."""
        made = set(known)
        found: set[int] = set()
        for place in sorted(places):
            operation = self.operations[place]
            numbers = [self.of[name] for name in operation.inputs if name]
            if all(number in made or not self.fed[number] for number in numbers):
                made.update(self.of[name] for name in operation.outputs if name)
                found.add(place)
        return found


def _reach(operations: Sequence[Operation], start: int, up: bool) -> set[str]:
    """Tensors that an operation reads, and that those read which make them, as far as they are of
    `operations`; or, not `up`, those it makes, and so on."""
    found: set[str] = set()
    waiting = [operations[start]]
    while waiting:
        one = waiting.pop()
        new = {name for name in (one.inputs if up else one.outputs) if name} - found
        found |= new
        waiting += [
            other for other in operations if new.intersection(other.outputs if up else other.inputs)
        ]
    return found


class _Join:
    """The optimized graph, whose tensors lead to those of the file."""

    def __init__(self, file: _File, optimized: Sequence[Operation]) -> None:
        self.file = file
        self.optimized = optimized
        self.number: dict[str, int] = {}
        """Of each tensor whose values are known to be one of the file."""
        for operation in optimized:
            for name in operation.inputs:
                if name in file.of:
                    self.number.setdefault(name, file.of[name])
            for port, name in enumerate(operation.outputs):
                number = self._number(operation, port, name) if name else None
                if number is not None:
                    self.number[name] = number

    def _number(self, operation: Operation, port: int, output: str) -> int | None:
        """The number of an output."""
        if output in self.file.of:
            return self.file.of[output]
        blocked = self._blocked(operation)
        if blocked is not None and port == 0:
            return self._after_sum(operation, blocked)
        place = self._place(operation)
        if place is not None:
            outputs = self.file.operations[place].outputs
            return self.file.of[outputs[port]] if port < len(outputs) else None
        if operation.operator in LAYOUT_OPERATORS:
            return self.number.get(operation.inputs[0])
        return None

    def _blocked(self, operation: Operation) -> int | None:
        """The number of the tensor after which an operation in blocked layout is named."""
        name = _NUMBERED.sub("", operation.name)
        for ending in _BLOCKED:
            number = self.file.of.get(name.removesuffix(ending)) if name.endswith(ending) else None
            if number is not None:
                return number
        return None

    def _place(self, operation: Operation) -> int | None:
        """Where the file has this operation, or the last that it is, by its name."""
        if operation.nodes:
            return self.file.place.get(operation.nodes[-1])
        for name in (operation.name, _NUMBERED.sub("", operation.name)):
            place = self.file.place.get(name)
            if place is not None and self.file.operations[place].operator == operation.operator:
                return place
        return None

    def _after_sum(self, operation: Operation, number: int) -> int | None:
        """What a convolution in blocked layout makes, whose name says what it made before a sum and
        an activation were made part of it."""
        if operation.inputs[3:4] not in ((), ("",)):
            added = self.number.get(operation.inputs[3])
            sums = {
                self.file.of[reader.outputs[0]]
                for reader in self._readers(number)
                if reader.operator == "Add"
                and {self.file.of.get(name) for name in reader.inputs} == {number, added}
            }
            if len(sums) != 1:
                return None
            (number,) = sums
        if not operation.activation:
            return number
        makers = self.file.makers[number]
        if makers and self.file.operations[makers[0]].operator == operation.activation:
            return number
        activated = {
            self.file.of[reader.outputs[0]]
            for reader in self._readers(number)
            if reader.operator == operation.activation
        }
        return activated.pop() if len(activated) == 1 else None

    def _readers(self, number: int) -> Iterator[Operation]:
        return (self.file.operations[place] for place in self.file.readers.get(number, ()))

    def works(self) -> list[Work]:
        """What each of the operations does, in their order."""
        found: dict[int, Work] = {}
        for group in self._groups():
            for place, work in zip(group, self._works_of(group), strict=True):
                found[place] = work
        return [found[place] for place in range(len(self.optimized))]

    def _groups(self) -> list[list[int]]:
        """Places of operations, together where tensors between them are not known."""
        above = list(range(len(self.optimized)))

        def top(place: int) -> int:
            while above[place] != place:
                above[place] = above[above[place]]
                place = above[place]
            return place

        maker: dict[str, int] = {}
        for place, operation in enumerate(self.optimized):
            for name in operation.inputs:
                if name in maker:
                    above[top(place)] = top(maker[name])
            for name in operation.outputs:
                if name and name not in self.number:
                    maker[name] = place
        groups: dict[int, list[int]] = {}
        for place in range(len(self.optimized)):
            groups.setdefault(top(place), []).append(place)
        return list(groups.values())

    def _works_of(self, group: Sequence[int]) -> list[Work]:
        operations = [self.optimized[place] for place in group]
        made = {name for operation in operations for name in operation.outputs}
        read = self._numbers(name for one in operations for name in one.inputs if name not in made)
        between = self.file.between(read, self._numbers(made))
        if not between:
            return [self._alone(operation, between is not None) for operation in operations]
        if len(group) == 1:
            return [self._named(between | self._told(operations[0]))]
        return self._divided(operations, between, read)

    def _numbers(self, names: Iterable[str]) -> set[int]:
        return {self.number[name] for name in names if name in self.number}

    def _divided(
        self, operations: Sequence[Operation], between: set[int], read: set[int]
    ) -> list[Work]:
        """The work of operations that do the nodes `between` together.

        An operation does what it is by its name, what else of the same layers leads to that, and
        what needs nothing but that. Others do of the rest what can be made of the tensors that
        lead to them, and is needed for those that they lead to. A copy for which nothing is left
        copies what the operation before it made.
        """
        own = [self._own(operation, between) for operation in operations]
        rest = between.difference(*own)
        for done in own:
            needed = self.file.between(read, self.file.made_by(done)) or set()
            layers = {self._layer(place) for place in done}
            alike = {place for place in rest & needed if self._layer(place) in layers}
            done |= self._calculated(alike)
            rest -= done
        for done in own:
            tail = self.file.tail(done, rest)
            done |= tail
            rest -= tail
        every = list(own)
        for number, operation in enumerate(operations):
            if not own[number]:
                above = self._numbers(_reach(operations, number, up=True))
                below = self._numbers(_reach(operations, number, up=False))
                needed = self.file.between(read, below) or set()
                done = rest & needed & self.file.made_of(above, between)
                if operation.operator in LAYOUT_OPERATORS:
                    done -= self._calculated(done)
                every[number] = done
        works = []
        for operation, done in zip(operations, every, strict=True):
            if done or operation.operator not in LAYOUT_OPERATORS:
                works.append(self._named(done))
            else:
                copied = self._copied(operations, own, operation)
                works.append(self._named(copied)._replace(is_layout=True))
        return works

    def _layer(self, place: int) -> str:
        """The layer of a node: `block.silu` of `block.silu/2`."""
        return _PART.sub("", self.file.operations[place].name)

    def _calculated(self, places: set[int]) -> set[int]:
        """Those of some nodes of the file that are no copies."""
        operations = self.file.operations
        return {each for each in places if operations[each].operator not in LAYOUT_OPERATORS}

    def _own(self, operation: Operation, between: set[int]) -> set[int]:
        """The nodes of `between` that an operation is by its name, or by what the runtime says."""
        places = self._told(operation)
        place = self._place(operation)
        if place is None and operation.operator not in LAYOUT_OPERATORS:
            name = operation.name.rstrip("/").rpartition("/")[0]  # `matmul/...Fusion`
            place = self.file.place.get(name)
            if place is None and (blocked := self._blocked(operation)) is not None:
                return self._own_blocked(operation, blocked) & between
        return (places or ({place} if place is not None else set())) & between

    def _own_blocked(self, operation: Operation, number: int) -> set[int]:
        """What a convolution in blocked layout does that is named after the tensor `number`: what
        makes it, and the sum and the activation after it."""
        last = self._after_sum(operation, number)
        read = {number, *self._numbers(operation.inputs)}
        after = None if last is None else self.file.between(read, [last])
        found = {*self.file.makers[number], *(after or ())}
        for place in self.file.makers[number]:
            maker = self.file.operations[place]
            if maker.operator == operation.activation:  # of which the name is
                found.update(self.file.makers[self.file.of[maker.inputs[0]]])
        return found

    def _told(self, operation: Operation) -> set[int]:
        return {self.file.place[name] for name in operation.nodes if name in self.file.place}

    def _copied(
        self, operations: Sequence[Operation], own: Sequence[set[int]], copy: Operation
    ) -> set[int]:
        """What makes the tensor that a copy reads."""
        if copy.inputs[0] in self.number:
            return set(self.file.makers[self.number[copy.inputs[0]]])
        makers = (n for n, one in enumerate(operations) if copy.inputs[0] in one.outputs)
        return next((own[number] for number in makers), set())

    def _alone(self, operation: Operation, is_copy: bool) -> Work:
        """The work of an operation between whose tensors there is nothing, or too much."""
        place = self._place(operation)
        if place is not None:
            return self._named(self._told(operation) | {place})
        if is_copy and operation.operator in LAYOUT_OPERATORS:
            number = self.number.get(operation.inputs[0])
            makers = self.file.makers[number] if number is not None else ()
            return self._named(set(makers))._replace(is_layout=True)
        return Work(())

    def _named(self, places: Iterable[int]) -> Work:
        return Work(tuple(self.file.operations[place].name for place in sorted(places)))
