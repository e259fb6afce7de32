"""A recorded graph as compact lists, which the page replays, and its conditions at many settings.

One letter an operation; a capital one where the result is a whole number, which is exact up to 2^53
and marked beyond that. Operands are lists by letter and place, since what stands there is much
alike, and so packs well. In such a list an operand is

- from 1 to `NEAR` the distance back to a node that is near,
- below 0 the constant -1 - i,
- from NEAR + 1 on a node far away, by the distance between it and the one before it in that list:
  NEAR + 1 + 2 d forwards, NEAR + 2 d backwards.

A sum of several numbers, `j`, stands for a chain of additions of which nothing else is read. Blocks
that are alike have the same nodes, so each term stands once: slots in rising order. `j` has how
many they are, `j0` the distance back to the last one, `j1` the differences between them, `j2` how
often each is added beyond once.

`explorer/src/program.ts` reads and runs the same lists.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mnet_cost.recording import Graph, Recorded

LETTERS = {
    "add": "a",
    "subtract": "s",
    "multiply": "m",
    "divide": "d",
    "floor_divide": "f",
    "remainder": "r",
    "floor": "l",
    "ceil": "c",
    "rint": "i",
    "sqrt": "q",
    "exp": "e",
    "log": "g",
    "maximum": "x",
    "minimum": "n",
    "gcd": "v",
    "where": "w",
    "equal": "t",
    "less": "u",
    "less_equal": "y",
    "and": "b",
    "or": "o",
    "not": "z",
}
"""Of all operations but products and long sums: `p` has two factors, `k` a coefficient and one
factor, `h` a coefficient and some factors, whose number is in a list of its own."""

NEAR = 32
"""Nodes back that are near."""

Slot = int | None
"""Of a number: its node from 0 on, inputs first, or -1 - i for constant i; None is unknown."""


class Program:
    """The nodes of a graph that some numbers need, as lists; it grows with these numbers."""

    def __init__(self, graph: Graph, inputs: Sequence[int]) -> None:
        self._graph = graph
        self._constants: dict[str, int] = {}
        """By how they are written."""
        self._operations: list[str] = []
        self._operands: dict[str, list[int]] = {}
        """By letter and place: `a0`, `a1`."""
        self._far: dict[str, int] = {}
        """The last node far away in each of these lists."""
        self._names = [graph.nodes[node].value for node in inputs]
        self._slot_of = {node: slot for slot, node in enumerate(inputs)}

    def __len__(self) -> int:
        """How many operations there are."""
        return len(self._operations)

    def add(self, targets: Iterable[int]) -> None:
        """Have the nodes `targets`, and what they are calculated from."""
        targets = set(targets)
        needed = self._missing(targets)
        links = self._links(needed, targets)
        terms: dict[int, dict[int, int]] = {}
        for node in needed:
            name, operands, value = self._graph.nodes[node]
            if name == "constant":
                self._slot_of[node] = self._constant(value)
            elif name == "add" and (node in links or not links.isdisjoint(operands)):
                found = _joined([terms.pop(operand, {operand: 1}) for operand in operands])
                if node in links:
                    terms[node] = found
                else:
                    self._append_sum(node, found)
            else:
                self._append(node, name, operands, value)

    def _missing(self, targets: set[int]) -> list[int]:
        """`targets` and what they need as far as it is not there, operands first."""
        nodes, known = self._graph.nodes, self._slot_of
        missing = {node for node in targets if node not in known}
        waiting = list(missing)
        while waiting:
            for operand in nodes[waiting.pop()].operands:
                if operand not in known and operand not in missing:
                    missing.add(operand)
                    waiting.append(operand)
        return sorted(missing)

    def _links(self, needed: Sequence[int], targets: set[int]) -> set[int]:
        """Additions of which nothing but one more addition of the same kind is calculated."""
        nodes, whole = self._graph.nodes, self._graph.whole
        reader: dict[int, int] = {}
        """Of each node what reads it; -1 where that is more than one."""
        for node in needed:
            for operand in nodes[node].operands:
                reader[operand] = -1 if operand in reader else node
        return {
            node
            for node in needed
            if nodes[node].name == "add"
            and node not in targets
            and (after := reader[node]) >= 0
            and nodes[after].name == "add"
            and whole[after] == whole[node]
        }

    def slot(self, number: Any) -> Slot:
        """The slot of a number, plain or recorded; a recorded one is among the targets."""
        if number is None:
            return None
        if isinstance(number, Recorded):
            return self._slot_of[number.node]
        return self._constant(number)

    def node_slot(self, node: int) -> int:
        """The slot of a node that is among the targets."""
        return self._slot_of[node]

    def data(self) -> dict[str, Any]:
        """For the document. Constants of slots that are asked for before this are among it."""
        return {
            "inputs": self._names,
            "constants": [_WORDS.get(text) or json.loads(text) for text in self._constants],
            "operations": "".join(self._operations),
            "operands": self._operands,
        }

    def _constant(self, value: Any) -> int:
        text = repr(int(value) if isinstance(value, (bool, int)) else float(value))
        if text.endswith(".0") and text != "-0.0":  # 1 and 1.0 are one constant
            text = text[:-2]
        return -1 - self._constants.setdefault(text, len(self._constants))

    def _append_sum(self, node: int, terms: Mapping[int, int]) -> None:
        letter = "J" if self._graph.whole[node] else "j"
        times: Counter[int] = Counter()
        for operand, count in terms.items():
            times[self._slot_of[operand]] += count
        slots = sorted(times)
        lists = self._operands
        lists.setdefault(letter, []).append(len(slots))
        # The last one is the nearest, and the same distance away for many.
        own, before = len(self._names) + len(self._operations), slots[0]
        lists.setdefault(f"{letter}0", []).append(own - slots[-1])
        steps = lists.setdefault(f"{letter}1", [])
        for slot in slots[1:]:
            steps.append(slot - before)
            before = slot
        lists.setdefault(f"{letter}2", []).extend([times[slot] - 1 for slot in slots])
        self._operations.append(letter)
        self._slot_of[node] = own

    def _append(self, node: int, name: str, operands: tuple[int, ...], value: Any) -> None:
        own = len(self._names) + len(self._operations)
        slots = [self._slot_of[operand] for operand in operands]
        if name != "product":
            letter = LETTERS[name]
        elif value == 1 and len(operands) == 2:
            letter = "p"
        elif len(operands) == 1:
            letter, slots = "k", [self._constant(value), *slots]
        else:
            letter, slots = "h", [self._constant(value), *slots]
        if self._graph.whole[node]:
            letter = letter.upper()
        if letter in "hH":
            self._operands.setdefault(letter, []).append(len(operands))
        for place, slot in enumerate(slots):
            key = f"{letter}{min(place, 2)}"
            self._operands.setdefault(key, []).append(self._written(key, own, slot))
        self._operations.append(letter)
        self._slot_of[node] = own

    def _written(self, key: str, own: int, slot: int) -> int:
        if slot < 0:
            return slot
        if own - slot <= NEAR:
            return own - slot
        step = slot - self._far.get(key, 0)
        self._far[key] = slot
        return NEAR + 1 + 2 * step if step >= 0 else NEAR - 2 * step


def _joined(sums: Sequence[dict[int, int]]) -> dict[int, int]:
    """The terms of a sum of sums, in the dictionary of the longest."""
    found, *others = sorted(sums, key=len, reverse=True)
    for other in others:
        for node, count in other.items():
            found[node] = found.get(node, 0) + count
    return found


_WORDS = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
"""Constants that JSON has no word for, as a browser reads them."""


class Replay:
    """Conditions of a graph at many values of its inputs at once, by the functions of sweeps."""

    def __init__(self, graph: Graph, conditions: Mapping[int, bool]) -> None:
        from mnet_cost.search.sums import vector_function

        self._conditions = conditions
        self._steps = [
            (
                node,
                graph.nodes[node],
                None if graph.nodes[node].value is not None else vector_function(graph, node),
            )
            for node in graph.needed(conditions)
        ]

    def hold(self, inputs: Mapping[int, Any]) -> Any:
        """Where all conditions come out as they did: an array of flags, for arrays of inputs."""
        import numpy

        values = dict(inputs)
        with numpy.errstate(all="ignore"):
            for node, (_, operands, value), function in self._steps:
                if function is not None:
                    values[node] = function(*[values[operand] for operand in operands])
                else:  # a constant, or a product with its coefficient
                    for operand in operands:
                        value = value * values[operand]
                    values[node] = value
        held: Any = True
        for node, outcome in self._conditions.items():
            held = held & (numpy.asarray(values[node], dtype=bool) == outcome)
        return held
