"""Which layers the operations of a runtime do the work of, by the values of their results.

Converters rename operations, fuse some and split others, but results stay: what a fused
convolution gives is what the last of its layers gives in torch. So torch and the runtime run the
same weights on the same inputs, and results that have the same statistics are the same tensor, in
whatever layout. Between tensors that both have, all nodes of torch belong to the operations there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import fx

if TYPE_CHECKING:
    from mnet_cost.measure.runs.artifacts import Runnable

_SAME_MEAN = 1e-3
_SAME_EXTREME = 3e-2
"""How far statistics of the same tensor may be apart, of its root mean square. Winograd's tiles
and other orders of sums are well within."""


class Statistics(NamedTuple):
    """What does not depend on the order of a tensor's elements."""

    size: int
    root_mean_square: float
    mean: float
    mean_magnitude: float
    lowest: float
    highest: float

    def is_like(self, other: Statistics) -> bool:
        """Whether both may be of the same tensor."""
        scale = max(self.root_mean_square, other.root_mean_square)
        apart = [abs(one - two) for one, two in zip(self, other, strict=True)]
        return (
            self.size == other.size
            and max(apart[1:4]) <= _SAME_MEAN * scale
            and max(apart[4:]) <= _SAME_EXTREME * scale
        )


def statistics_of(values: Any) -> Statistics | None:
    """Of an array or a tensor; None where it has no elements."""
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        return None
    return Statistics(
        array.size,
        float(np.sqrt(np.mean(np.square(array)))),
        float(np.mean(array)),
        float(np.mean(np.abs(array))),
        float(np.min(array)),
        float(np.max(array)),
    )


class Operation(NamedTuple):
    """An operation of a runtime."""

    inputs: tuple[Hashable, ...]
    """Tensors that it reads, as the runtime calls them; without stored ones."""
    outputs: tuple[Hashable, ...]
    is_alias: bool = False
    """Whether its outputs are its input, under other names."""


class Owners(NamedTuple):
    """What an operation belongs to."""

    layers: tuple[str, ...]
    """In the order of the network; empty where it is not known."""
    is_layout: bool = False
    """Whether it only lays out the result of its layers anew."""


def owners_of(
    runnable: Runnable,
    operations: Sequence[Operation],
    inputs: Sequence[Hashable],
    values: Mapping[Any, Statistics | None],
) -> list[Owners]:
    """The layers of each of `operations`, which are in the order in which they run.

    `inputs` are the runtime's tensors for the inputs of the network, in their order; `values` are
    those of its tensors after a run on `runnable.inputs()`.
    """
    return _Matching(runnable, operations, inputs, values).owners()


class _Values(fx.Interpreter):  # type: ignore[misc]
    """Runs a module, and keeps the statistics of each result."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.found: dict[fx.Node, Statistics | None] = {}

    def run_node(self, node: fx.Node) -> Any:
        result = super().run_node(node)
        if isinstance(result, torch.Tensor) and not result.is_complex():
            self.found[node] = statistics_of(result.double().numpy())
        return result


class _Matching:
    def __init__(
        self,
        runnable: Runnable,
        operations: Sequence[Operation],
        inputs: Sequence[Hashable],
        values: Mapping[Any, Statistics | None],
    ) -> None:
        module = runnable.module()
        run = _Values(module)
        with torch.inference_mode():
            run.run(*runnable.inputs())
        self._operations = operations
        self._values = values
        self._statistics = run.found
        self._position = {node: number for number, node in enumerate(module.graph.nodes)}
        self._readers: dict[Hashable, list[int]] = {}
        for number, operation in enumerate(operations):
            for name in operation.inputs:
                self._readers.setdefault(name, []).append(number)
        self._made_by: dict[fx.Node, int] = {}
        placeholders = [node for node in module.graph.nodes if node.op == "placeholder"]
        self._ends = set(placeholders)
        """Nodes whose results the runtime has as well."""
        self._sources: dict[Hashable, frozenset[fx.Node]] = {
            name: frozenset([node]) for name, node in zip(inputs, placeholders, strict=False)
        }
        """The last such nodes before each tensor of the runtime."""
        self._known = set(self._sources)
        """Tensors of the runtime that torch has as well, in some layout."""

    def owners(self) -> list[Owners]:
        layouts = [self._match(number) for number in range(len(self._operations))]
        layers: list[list[str]] = [[] for _ in self._operations]
        for node, number in self._made_by.items():
            layers[number] += self._between(node)
        for number in reversed(range(len(layers))):  # a step on the way to a result of torch
            layers[number] = layers[number] or self._of_readers(number, layers)
        return [
            Owners(tuple(dict.fromkeys(layout or names)), bool(layout))
            for names, layout in zip(layers, layouts, strict=True)
        ]

    def _match(self, number: int) -> list[str]:
        """Find the nodes that have the results of an operation; the layers of its result, where
        that is its input in another layout."""
        operation = self._operations[number]
        sources = frozenset[fx.Node]().union(
            *(self._sources.get(name, frozenset()) for name in operation.inputs)
        )
        layout: list[str] = []
        for name in operation.outputs:
            self._sources[name] = sources
            node = None if operation.is_alias else self._node_of(number, name, sources)
            if node is not None:
                self._made_by[node] = number
                self._ends.add(node)
                self._sources[name] = frozenset([node])
                self._known.add(name)
            elif any(self._are_like(name, other) for other in self._known & {*operation.inputs}):
                self._known.add(name)
                layout += [
                    _layer(source) for source in sorted(sources, key=self._position.__getitem__)
                ]
        return [layer for layer in layout if layer]

    def _node_of(self, number: int, name: Hashable, sources: Iterable[fx.Node]) -> fx.Node | None:
        """The node with the result `name`, of those that follow `sources` with none in between
        that the runtime has as well."""
        mine = self._values.get(name)
        if mine is None:
            return None
        chain = self._chain(mine, self._nearest(mine, sources))
        if not chain:
            return None
        # A batch norm of new weights changes nothing, nor does a dropout: as many of the
        # operations that follow have the same result as have a node of their own there.
        return chain[max(0, len(chain) - self._repeats(number, mine))]

    def _nearest(self, mine: Statistics, sources: Iterable[fx.Node]) -> fx.Node | None:
        reached: set[fx.Node] = set()
        pending = list(sources) or [node for node in self._position if not node.all_input_nodes]
        while pending:
            for user in pending.pop().users:
                if user not in reached and user not in self._ends:
                    reached.add(user)
                    pending.append(user)
        for node in sorted(reached, key=self._position.__getitem__):
            theirs = self._statistics.get(node)
            if theirs is not None and mine.is_like(theirs):
                return node
        return None

    def _chain(self, mine: Statistics, node: fx.Node | None) -> list[fx.Node]:
        """A node, and those after it with the same result that alone read it."""
        chain: list[fx.Node] = []
        while node is not None:
            chain.append(node)
            after = next(iter(node.users)) if len(node.users) == 1 else None
            theirs = None if after is None else self._statistics.get(after)
            same = theirs is not None and mine.is_like(theirs) and after not in self._ends
            node = after if same else None
        return chain

    def _repeats(self, number: int, mine: Statistics) -> int:
        """How many operations in a row, from one on, have the same result."""
        count = 1
        while True:
            readers = [
                reader
                for name in self._operations[number].outputs
                for reader in self._readers.get(name, ())
            ]
            if len(readers) != 1 or self._operations[readers[0]].is_alias:
                return count
            number = readers[0]
            outputs = self._operations[number].outputs
            theirs = self._values.get(outputs[0]) if len(outputs) == 1 else None
            if theirs is None or not mine.is_like(theirs):
                return count
            count += 1

    def _are_like(self, name: Hashable, other: Hashable) -> bool:
        mine, theirs = self._values.get(name), self._values.get(other)
        return mine is not None and theirs is not None and mine.is_like(theirs)

    def _between(self, node: fx.Node) -> list[str]:
        """The layers of a node and of those before it, up to results that the runtime has."""
        found: set[fx.Node] = {node}
        pending = [node]
        while pending:
            for before in pending.pop().all_input_nodes:
                if before not in found and before not in self._ends:
                    found.add(before)
                    pending.append(before)
        ordered = sorted(found, key=self._position.__getitem__)
        return [layer for layer in map(_layer, ordered) if layer]

    def _of_readers(self, number: int, layers: Sequence[Sequence[str]]) -> list[str]:
        for name in self._operations[number].outputs:
            for reader in self._readers.get(name, ()):
                if layers[reader]:
                    return list(layers[reader])
        return []


def _layer(node: fx.Node) -> str:
    return str(node.meta.get("layer", ""))
