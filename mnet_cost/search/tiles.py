"""Values of numbers on one rectangle of a grid, where more is decided than on all of it.

A maximum that bounds decide there is one of its operands, and joins the matrix product of the
sum that it is part of. What is left is calculated point by point, once for all numbers that use
it. Not here: how numbers come to be (`separable.py`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnet_cost.search.separable import Grid
from mnet_cost.search.sums import (
    ONES,
    VECTOR_FUNCTIONS,
    Factor,
    Matrices,
    Number,
    Sum,
    add_to,
    is_of_rows,
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

    def __init__(
        self, grid: Grid, rectangle: Rectangle, scratch: list[NDArray[Any]] | None = None
    ) -> None:
        self.grid = grid
        self._scratch = [] if scratch is None else scratch
        """Arrays that are free, which the processor has in its cache: tiles hand them on."""
        self.rectangle = rectangle
        self._rows = slice(rectangle.top, rectangle.bottom)
        self._columns = slice(rectangle.left, rectangle.right)
        self._blocks = grid.bounds.blocks_of(*rectangle)
        self._decided: dict[int, Number | None] = {}
        self._arms: dict[int, list[Number]] = {}
        self._arrays: dict[int, NDArray[Any]] = {}
        self._values: dict[int, tuple[Sum, NDArray[Any]]] = {}
        """Sums that were calculated here, by their identity."""

    def fill(self, number: Number, out: NDArray[Any]) -> None:
        """Write the values of `number` into `out`, which has the shape of the rectangle, and is not
        changed as long as the tile is used."""
        if not isinstance(number, Sum):
            out[...] = number
            return
        known = self._values.get(id(number))
        if known is not None:
            out[...] = known[1]
            return
        self._calculate(number, out)
        self._values[id(number)] = number, out

    def values(self, number: Sum) -> NDArray[Any]:
        """The values of `number`, not to be written to."""
        known = self._values.get(id(number))
        if known is None:
            known = self._values[id(number)] = number, self._empty()
            self._calculate(*known)
        return known[1]

    def release(self) -> None:
        """Give back the arrays of nodes; nothing is calculated afterwards."""
        self._scratch += self._arrays.values()
        self._arrays.clear()

    def _empty(self) -> NDArray[Any]:
        """An array to write to."""
        while self._scratch:
            array = self._scratch.pop()
            if array.shape == self.rectangle.shape:
                return array
        return np.empty(self.rectangle.shape)

    def _calculate(self, number: Sum, out: NDArray[Any]) -> None:
        terms: dict[int, Factor] = {}
        nodes: dict[int, Factor] = {}
        self._gather_nodes(number.nodes, None, terms, nodes)
        part: NDArray[Any] | None = None
        is_blank = False
        if number.terms:
            self.grid.matrices(number).fill(out, self._rows, self._columns)
            if terms:
                part = self._empty()
                self._products(terms, part)
                np.add(out, part, out=out)
        elif terms:
            self._products(terms, out)
        else:
            is_blank = True
        for node, row in nodes.items():
            values = self._values_of_node(node)
            factor = row if isinstance(row, float) else row[:, None]
            if is_blank:
                np.multiply(values, factor, out=out)
                is_blank = False
            elif isinstance(row, float) and row == 1.0:
                np.add(out, values, out=out)
            elif isinstance(row, float) and row == -1.0:
                np.subtract(out, values, out=out)
            else:
                part = self._empty() if part is None else part
                np.multiply(values, factor, out=part)
                np.add(out, part, out=out)
        if is_blank:
            out[...] = 0.0
        if part is not None:
            self._scratch.append(part)

    def _products(self, terms: dict[int, Factor], out: NDArray[Any]) -> None:
        """The sum of rows times columns of this rectangle."""
        columns = {column: self.grid.columns[column][self._columns] for column in terms}
        Matrices(terms, columns).fill(out)

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
        self._gather_nodes(number.nodes, factor, terms, nodes)

    def _gather_nodes(
        self,
        number_nodes: dict[int, Factor],
        factor: Factor | None,
        terms: dict[int, Factor],
        nodes: dict[int, Factor],
    ) -> None:
        for node, row in number_nodes.items():
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
                arms = self._arms[index] = [
                    operand
                    for operand, may_be in zip(
                        node.operands, self.grid.bounds.may_be_largest(index), strict=True
                    )
                    if may_be[self._blocks].any()
                ]
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

    def _values_of_node(self, index: int) -> NDArray[Any]:
        values = self._arrays.get(index)
        if values is None:
            values = self._arrays[index] = self._new_values(index)
        return values

    def _new_values(self, index: int) -> NDArray[Any]:
        name, operands = self.grid.nodes[index]
        if name == "maximum":
            operands = tuple(self._arms[index])
        values, spare = self._empty(), []
        arguments = []
        for operand in operands:
            argument, is_spare = self._operand(operand)
            arguments.append(argument)
            if is_spare:
                spare.append(argument)
        if name == "maximum":
            np.maximum(arguments[0], arguments[1], out=values)
            for argument in arguments[2:]:
                np.maximum(values, argument, out=values)
        else:
            values[...] = VECTOR_FUNCTIONS[name](*arguments)
        self._scratch += spare
        return values

    def _operand(self, number: Number) -> tuple[Any, bool]:
        """Values as an array, or as a number where it is one; and whether it is an array that
        nobody else reads."""
        if not isinstance(number, Sum):
            return number, False
        if is_of_rows(number):
            row = number.terms[ONES]
            return row if isinstance(row, float) else row[self._rows, None], False
        if self.grid.uses[id(number)] > 1 or id(number) in self._values:
            return self.values(number), False
        values = self._empty()
        self._calculate(number, values)
        return values, True
