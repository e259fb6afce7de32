"""The order of a graph's nodes: each tensor is made once, and before it is read.

Files have their nodes in such an order; where one does not, its nodes are sorted, and those that do
not depend on each other stay as they are. Nodes that need each other cannot run at all.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from mnet_cost.importing.graph import Node
from mnet_cost.importing.readers.contents import Unreadable

_SHOWN = 5  # nodes of a cycle that a message names


def in_order(nodes: Sequence[Node], given: Iterable[str]) -> tuple[Node, ...]:
    """`nodes` in an order in which they can run, where the tensors `given` are there beforehand.

    Raises `Unreadable` for a tensor that two nodes make or none, and for nodes in a cycle.
    """
    there = set(given)
    makers: dict[str, int] = {}
    is_sorted = True
    for number, node in enumerate(nodes):
        is_sorted = is_sorted and all(name in makers or name in there for name in read(node))
        for name in filter(None, node.outputs):
            if name in makers or name in there:
                raise _made_twice(name, nodes, makers.get(name), node)
            makers[name] = number
    return tuple(nodes) if is_sorted else _sorted(nodes, there, makers)


def read(node: Node) -> Iterable[str]:
    """Names of the tensors that a node reads."""
    return filter(None, node.inputs)


def _sorted(nodes: Sequence[Node], there: set[str], makers: dict[str, int]) -> tuple[Node, ...]:
    readers: list[list[int]] = [[] for _ in nodes]
    missing = [0] * len(nodes)
    for number, node in enumerate(nodes):
        for name in {name for name in read(node) if name not in there}:
            if name not in makers:
                raise Unreadable(
                    f"node `{node.name}` ({node.operator}) reads `{name}`, which nothing makes",
                    "the file is damaged, or a part of a model: export the model again",
                )
            readers[makers[name]].append(number)
            missing[number] += 1
    ready = [number for number, count in enumerate(missing) if not count]
    result: list[Node] = []
    while ready:
        number = heapq.heappop(ready)
        result.append(nodes[number])
        for reader in readers[number]:
            missing[reader] -= 1
            if not missing[reader]:
                heapq.heappush(ready, reader)
    if len(result) < len(nodes):
        raise _cycle(nodes, missing, there, makers)
    return tuple(result)


def _made_twice(name: str, nodes: Sequence[Node], first: int | None, node: Node) -> Unreadable:
    other = (
        "an input or a stored tensor" if first is None else f"an output of `{nodes[first].name}`"
    )
    return Unreadable(
        f"node `{node.name}` ({node.operator}) makes `{name}`, which is already {other}",
        "each tensor has a name of its own: export the model again",
    )


def _cycle(
    nodes: Sequence[Node], missing: list[int], there: set[str], makers: dict[str, int]
) -> Unreadable:
    # Each node that is left waits for another one that is left: a walk back comes round.
    number = next(number for number, count in enumerate(missing) if count)
    walk: dict[int, int] = {}
    while number not in walk:
        walk[number] = len(walk)
        waits_for = (makers[name] for name in read(nodes[number]) if name not in there)
        number = next(maker for maker in waits_for if missing[maker])
    back = list(walk)[walk[number] :]
    cycle = [f"`{nodes[passed].name}`" for passed in (back[0], *back[:0:-1])]
    shown = ", ".join(cycle[:_SHOWN]) + (", ..." if len(cycle) > _SHOWN else "")
    return Unreadable(
        f"nodes need each other's outputs, so none can run first: {shown}",
        "a model is a graph without cycles: export the model again",
    )
