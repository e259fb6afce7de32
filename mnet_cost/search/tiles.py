"""Values of numbers on one rectangle of a grid, where more is decided than on all of it.

A maximum that bounds decide there is one of its operands, and joins the matrix product of the
sum that it is part of. What is left is calculated point by point, once for all numbers that use
it. Not here: how numbers come to be (`separable.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnet_cost.search.separable import Grid
from mnet_cost.search.sums import (
    ONES,
    VECTOR_FUNCTIONS,
    Factor,
    Number,
    Sum,
    add_to,
)


class Rectangle(NamedTuple):
    """Some rows and columns of a grid, from the first to before the last."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left


class Tile:
    """Values of numbers on one rectangle of a grid, where more is decided than on all of it."""

    def __init__(self, grid: Grid, rectangle: Rectangle) -> None:
        self.grid = grid
        self.rectangle = rectangle
        self._rows = slice(rectangle.top, rectangle.bottom)
        self._columns = slice(rectangle.left, rectangle.right)
        self._blocks = grid.bounds.blocks_of(*rectangle)
        self._decided: dict[int, Number | None] = {}
        self._arms: dict[int, list[Number]] = {}
        self._arrays: dict[int, NDArray[Any]] = {}

    def fill(self, number: Number, out: NDArray[Any]) -> None:
        """Write the values of `number` into `out`, which has the shape of the rectangle."""
        if not isinstance(number, Sum):
            out[...] = number
            return
        terms: dict[int, Factor] = {}
        nodes: dict[int, Factor] = {}
        self._gather(number, None, terms, nodes)
        self._products(terms, out)
        for node, row in nodes.items():
            values = self._values_of_node(node)
            if not isinstance(row, float):
                values = values * row[:, None]
            elif row == -1.0:
                np.subtract(out, values, out=out)
                continue
            elif row != 1.0:
                values = values * row
            np.add(out, values, out=out)

    def values(self, number: Number) -> NDArray[Any]:
        """A new array of the values of `number`."""
        out = np.empty(self.rectangle.shape)
        self.fill(number, out)
        return out

    def _products(self, terms: dict[int, Factor], out: NDArray[Any]) -> None:
        """The sum of rows times columns: one matrix product."""
        columns = self.grid.columns
        left: list[Any] = []
        right: list[Any] = []
        same: Any = None  # of all rows
        for column, row in terms.items():
            if isinstance(row, float):
                if column == ONES:
                    part: Any = row
                else:
                    part = columns[column][self._columns] * row
                same = part if same is None else same + part
            else:
                left.append(row)
                right.append(columns[column][self._columns])
        if not left:
            out[...] = 0.0 if same is None else same
            return
        if len(terms) == 1 and ONES in terms:
            out[...] = left[0][:, None]
            return
        np.matmul(np.stack(left, axis=1), np.stack(right), out=out)
        if same is not None:
            np.add(out, same, out=out)

    def _gather(
        self,
        number: Sum,
        factor: Factor | None,
        terms: dict[int, Factor],
        nodes: dict[int, Factor],
    ) -> None:
        """Add `number` times `factor` to `terms` and `nodes`; decided nodes are replaced."""
        for column, row in number.terms.items():
            part = row if isinstance(row, float) else row[self._rows]
            add_to(terms, column, part if factor is None else part * factor)
        for node, row in number.nodes.items():
            part = row if isinstance(row, float) else row[self._rows]
            if factor is not None:
                part = part * factor
            decided = self._decide(node)
            if isinstance(decided, Sum):
                same = isinstance(part, float) and part == 1.0
                self._gather(decided, None if same else part, terms, nodes)
            elif decided is not None:
                add_to(terms, ONES, part * decided)
            else:
                add_to(nodes, node, part)

    def _decide(self, index: int) -> Number | None:
        """What a node is on all of the rectangle, if bounds say it."""
        if index not in self._decided:
            node = self.grid.nodes[index]
            decided: Number | None = None
            if node.name == "maximum":
                arms = self._alive(node.operands)
                self._arms[index] = arms
                if len(arms) == 1:
                    decided = arms[0]
            elif node.name == "where":
                low, high = self._bounds(node.operands[0])
                if low.min() > 0 or high.max() < 1:
                    decided = node.operands[1 if low.min() > 0 else 2]
            elif node.name in ("less", "less_equal"):
                low, high = self._bounds(node.operands[0])
                if high.max() < 0:
                    decided = 1.0
                elif low.min() > 0:
                    decided = 0.0
            self._decided[index] = decided
        return self._decided[index]

    def _bounds(self, number: Number) -> tuple[NDArray[Any], NDArray[Any]]:
        low, high = self.grid.bounds.by_block(number)
        return low[self._blocks], high[self._blocks]

    def _alive(self, operands: Sequence[Number]) -> list[Number]:
        """Operands that can be the largest somewhere in the rectangle."""
        bounds = [self._bounds(operand) for operand in operands]
        best = np.maximum.reduce([low for low, _ in bounds])
        alive = [
            operand
            for operand, (_, high) in zip(operands, bounds, strict=True)
            if (high > best).any()
        ]
        if alive:
            # An operand may be the largest where its own lower end is the best of all.
            for operand, (low, _) in zip(operands, bounds, strict=True):
                if not any(operand is other for other in alive) and (low == best).any():
                    alive.append(operand)
            return alive
        tops = [float(high.max()) for _, high in bounds]
        return [operands[tops.index(max(tops))]]

    def _values_of_node(self, index: int) -> NDArray[Any]:
        values = self._arrays.get(index)
        if values is None:
            values = self._arrays[index] = self._new_values(index)
        return values

    def _new_values(self, index: int) -> NDArray[Any]:
        name, operands = self.grid.nodes[index]
        if name == "maximum":
            first, *others = self._arms[index]
            most = self.values(first)
            for other in others:
                np.maximum(most, self._operand(other), out=most)
            return most
        arguments = [self._operand(operand) for operand in operands]
        values: NDArray[Any] = np.asarray(VECTOR_FUNCTIONS[name](*arguments), dtype=float)
        return values

    def _operand(self, number: Number) -> Any:
        """Values as an array, or as a number where it is one."""
        if not isinstance(number, Sum):
            return number
        if not number.terms and len(number.nodes) == 1:
            ((node, row),) = number.nodes.items()
            if isinstance(row, float) and row == 1.0 and self._decide(node) is None:
                return self._values_of_node(node)
        return self.values(number)
