"""In which order the nodes of a recorded graph are calculated, and what each depends on.

Not here: how they are calculated (`separable.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mnet_cost.recording import Graph

ROW, COLUMN = 1, 2
"""What a node of a graph depends on, as bits."""

Steps = Sequence[tuple[int, tuple[int, ...]]]
"""Nodes with their operands, which are calculated before them."""


def steps_to(graph: Graph, targets: Sequence[int], depends: Sequence[int]) -> Steps:
    """What has to be calculated for `targets`, in order: nodes with their operands.

    Sums of sums that nothing else uses are one sum of all their operands, and so are maxima.
    """
    indices = graph.needed(targets)
    nodes = graph.nodes
    joins = [index for index in indices if nodes[index].name in _JOINED]
    uses = Counter([operand for index in indices for operand in nodes[index].operands])
    uses.update(dict.fromkeys(targets, 2))  # a value of its own
    joined: dict[int, tuple[int, ...]] = {}
    absorbed: set[int] = set()
    for index in joins:
        if depends[index] != ROW | COLUMN:
            continue
        name, operands, _ = nodes[index]
        flat: tuple[int, ...] = ()
        for operand in operands:
            if operand in joined and uses[operand] == 1 and nodes[operand].name == name:
                flat += joined[operand]
                absorbed.add(operand)
            else:
                flat += (operand,)
        joined[index] = flat
    return [
        (index, joined.get(index, nodes[index].operands))
        for index in indices
        if index not in absorbed
    ]


_JOINED = ("add", "maximum")


def among(steps: Steps, targets: Sequence[int]) -> Steps:
    """Those of `steps` that `targets` need."""
    needed = set(targets)
    chosen = []
    for index, operands in reversed(steps):
        if index in needed:
            needed.update(operands)
            chosen.append((index, operands))
    return chosen[::-1]


def dependencies(graph: Graph, rows: Sequence[int], columns: Sequence[int]) -> list[int]:
    """What each node of `graph` depends on, for inputs that are on rows and on columns."""
    depends = [0] * len(graph.nodes)
    for index in rows:
        depends[index] = ROW
    for index in columns:
        depends[index] = COLUMN
    for index, node in enumerate(graph.nodes):
        for operand in node.operands:
            depends[index] |= depends[operand]
    return depends
