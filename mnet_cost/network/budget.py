"""How much work the elaboration of one network may take: one budget for all of it.

A file of 500 bytes can ask for a million copies, arguments or additions. Each is charged before it
is made, in microseconds of a slow core for elaboration and analysis together. A list of entries, a
call and an expression are each charged at once, so that counting costs nothing. Not here: limits on
what a file itself holds, which its size bounds.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from mnet_cost.errors import Problem
from mnet_cost.models.types import Entry
from mnet_cost.network.frames import Frame, LimitFailed, kind_node
from mnet_cost.yamlfile import Node

BUDGET = 5_000_000
"""Microseconds. A network of 100,000 layers takes some 3,500,000 in blocks of three, and
4,500,000 where each is a block of its own with an argument."""

COSTS_US = {
    "entries": 20.0,
    "blocks, groups and copies": 20.0,
    "inputs of layers": 2.8,
    "outputs of layers that have several": 4.0,
    "arguments": 2.0,
    "operations of arithmetic": 0.7,
    "layers used again": 6.0,
    "characters of names": 0.02,  # for the memory that they take
}
"""Microseconds of one of each."""


class ListCost(NamedTuple):
    """What it costs to walk a list of entries once, without what is inside its blocks."""

    entries: int
    inputs: int
    characters: int
    """Of the names in it."""
    microseconds: float
    """What all this costs but for the characters, which the path in front of them adds to."""


class Budget:
    """Microseconds left, and how much of each kind was spent so far."""

    __slots__ = ("_lists", "left", "spent")

    def __init__(self) -> None:
        self.left: float = BUDGET
        self.spent = dict.fromkeys(COSTS_US, 0)
        self._lists: dict[int, ListCost] = {}  # by identity: the spec keeps its lists alive

    def spend(self, what: str, count: int, frame: Frame, node: Node) -> None:
        """Charge `count` of `what`, a key of `COSTS_US`.

        Raises `LimitFailed` at `node` where too little is left.
        """
        self.spent[what] += count
        self.left -= COSTS_US[what] * count
        if self.left < 0:
            self._refuse(frame, node)

    def spend_list(self, entries: tuple[Entry, ...], path: str, frame: Frame, node: Node) -> None:
        """Charge one walk of `entries` at `path`, which `node` of `frame` asks for."""
        cost = self._lists.get(id(entries))
        if cost is None:
            cost = self._lists[id(entries)] = _list_cost(entries)
        characters = cost.characters + len(path) * cost.entries
        spent = self.spent
        spent["blocks, groups and copies"] += 1
        spent["entries"] += cost.entries
        spent["inputs of layers"] += cost.inputs
        spent["characters of names"] += characters
        self.left -= cost.microseconds + COSTS_US["characters of names"] * characters
        if self.left < 0:
            self._refuse(frame, node)

    def _refuse(self, frame: Frame, node: Node) -> NoReturn:
        most = max(self.spent, key=lambda what: COSTS_US[what] * self.spent[what])
        raise LimitFailed(
            Problem(
                f"working out this network takes too long: {self.spent[most]:,} {most} up to here",
                kind_node(node).span(),
                "use fewer copies, or fewer layers in each of them",
                frame.trail(),
            )
        )


def _list_cost(entries: tuple[Entry, ...]) -> ListCost:
    inputs = sum(len(entry.sources) for entry in entries if entry.sources)
    microseconds = (
        COSTS_US["blocks, groups and copies"]
        + COSTS_US["entries"] * len(entries)
        + COSTS_US["inputs of layers"] * inputs
    )
    return ListCost(len(entries), inputs, sum(len(entry.name) for entry in entries), microseconds)
