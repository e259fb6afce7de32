"""What working out one network may take: one budget for all that a small file can multiply.

A file of 500 bytes can ask for a million copies, arguments or additions. Each is paid for before it
is made, in microseconds that it costs a slow core, elaboration and analysis together; a list of
entries, a call and an expression are each paid for at once, so that counting costs nothing. Not
here: what a file may hold itself, which its size bounds.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from mnet_cost.errors import Problem
from mnet_cost.models.types import Entry
from mnet_cost.network.scopes import Frame, LimitFailed, kind_node
from mnet_cost.yamlfile import Node

BUDGET = 5_000_000
"""Microseconds. A network of 100,000 layers takes some 3,500,000 in blocks of three, and
4,500,000 where each is a block of its own with an argument."""

PRICES = {
    "entries": 20.0,
    "blocks, groups and copies": 20.0,
    "inputs of layers": 2.8,
    "outputs of layers that have several": 4.0,
    "arguments": 2.0,
    "operations of arithmetic": 0.7,
    "layers used again": 6.0,
    "characters of names": 0.02,  # for the memory that they take
}


class ListCost(NamedTuple):
    """What a list of entries costs each time that it is walked, what is inside its blocks apart."""

    entries: int
    inputs: int
    characters: int
    """Of the names in it."""
    price: float
    """Of all this, but for characters, which the path in front of them adds to."""


class Budget:
    """What is left, and what was paid for so far."""

    __slots__ = ("_lists", "left", "paid")

    def __init__(self) -> None:
        self.left: float = BUDGET
        self.paid = dict.fromkeys(PRICES, 0)
        self._lists: dict[int, ListCost] = {}  # by identity: the spec keeps its lists alive

    def pay(self, what: str, count: int, frame: Frame, node: Node) -> None:
        """Pay for `count` of `what` at `node`; `LimitFailed` when the budget does not suffice."""
        self.paid[what] += count
        self.left -= PRICES[what] * count
        if self.left < 0:
            self._refuse(frame, node)

    def pay_list(self, entries: tuple[Entry, ...], path: str, frame: Frame, node: Node) -> None:
        """Pay for walking `entries` at `path` once, as `node` of `frame` says."""
        cost = self._lists.get(id(entries))
        if cost is None:
            cost = self._lists[id(entries)] = _list_cost(entries)
        characters = cost.characters + len(path) * cost.entries
        paid = self.paid
        paid["blocks, groups and copies"] += 1
        paid["entries"] += cost.entries
        paid["inputs of layers"] += cost.inputs
        paid["characters of names"] += characters
        self.left -= cost.price + PRICES["characters of names"] * characters
        if self.left < 0:
            self._refuse(frame, node)

    def _refuse(self, frame: Frame, node: Node) -> NoReturn:
        most = max(self.paid, key=lambda what: PRICES[what] * self.paid[what])
        raise LimitFailed(
            Problem(
                f"working out this network takes too long: {self.paid[most]:,} {most} up to here",
                kind_node(node).span(),
                "repeat less often, or write what is repeated with less in it",
                frame.trail(),
            )
        )


def _list_cost(entries: tuple[Entry, ...]) -> ListCost:
    inputs = sum(len(entry.sources) for entry in entries if entry.sources)
    price = (
        PRICES["blocks, groups and copies"]
        + PRICES["entries"] * len(entries)
        + PRICES["inputs of layers"] * inputs
    )
    return ListCost(len(entries), inputs, sum(len(entry.name) for entry in entries), price)
