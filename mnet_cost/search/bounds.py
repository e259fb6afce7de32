"""Bounds of numbers on a grid: the least and the most on all of it, and in each of its blocks.

A block is some rows and some columns. The bounds of a row times a column follow from those of
both, and a sum's from those of its terms, so they are wide where terms of other signs cancel. They
are exact where there is one term. Not here: what is decided by them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnet_cost.search.sums import (
    INCREASING,
    VECTOR_FUNCTIONS,
    Factor,
    Number,
    Sum,
    Undecided,
    Vector,
)

_BLOCK = 16
"""Least rows and columns of a block."""
_MOST_BLOCKS = 48
"""On each axis."""

Blocks = tuple[NDArray[Any], NDArray[Any]]
"""Least and most by block: arrays of blocks of rows x blocks of columns."""


class Bounds:
    """Bounds of numbers of one grid, whose `columns` and `nodes` it shares."""

    def __init__(
        self, shape: tuple[int, int], columns: list[Vector], nodes: list[Undecided]
    ) -> None:
        self._shape = shape
        self._columns = columns
        self._nodes = nodes
        self._node_bounds: dict[int, Blocks] = {}
        self._largest: dict[int, list[NDArray[np.bool_]]] = {}
        self._row_starts = _block_starts(shape[0])
        self._column_starts = _block_starts(shape[1])
        self._row_blocks: dict[int, tuple[Any, ...]] = {}
        self._column_blocks: dict[int, tuple[Any, ...]] = {}

    def of(self, number: Sum) -> tuple[float, float]:
        """Least and most that a number can be on the grid."""
        if number._bounds is None:
            number._bounds = self._by_axes(number)
        return number._bounds

    def close(self, number: Sum) -> tuple[float, float]:
        """The same by blocks: closer, and more work.

        `of` does not become closer by it: what is decided about a number, and so its last bits,
        must not depend on what else was calculated.
        """
        low, high = self.of(number)
        lows, highs = self.by_block(number)
        return max(low, float(lows.min())), min(high, float(highs.max()))

    def _by_axes(self, number: Sum) -> tuple[float, float]:
        low = high = 0.0
        for column, row in number.terms.items():
            least, most = self.ends_of(row)
            left, right = self.of_column(column)[:2]
            if left >= 0:  # nearly always
                low += least * (left if least >= 0 else right)
                high += most * (right if most >= 0 else left)
            else:
                products = least * left, least * right, most * left, most * right
                low += min(products)
                high += max(products)
        for node, row in number.nodes.items():
            lows, highs = self._of_node(node)
            ends = float(lows.min()), float(highs.max())
            ends_of_product = [r * end if r else 0.0 for r in self.ends_of(row) for end in ends]
            low += min(ends_of_product)
            high += max(ends_of_product)
        return low, high

    def of_rows(self, row: Factor) -> tuple[Any, ...]:
        """(least, most, least of each block, most of each block) of a row."""
        if isinstance(row, float):
            blocks = np.full(len(self._row_starts), row)
            return row, row, blocks, blocks
        known = self._row_blocks.get(id(row))
        if known is None:
            known = self._row_blocks[id(row)] = (*_vector_bounds(row, self._row_starts), row)
        return known

    def ends_of(self, row: Factor) -> tuple[float, float]:
        """The least and the most of a row."""
        if isinstance(row, float):
            return row, row
        known = self.of_rows(row)
        return known[0], known[1]

    def of_column(self, column: int) -> tuple[Any, ...]:
        known = self._column_blocks.get(column)
        if known is None:
            known = _vector_bounds(self._columns[column], self._column_starts)
            self._column_blocks[column] = known
        return known

    def by_block(self, number: Number) -> Blocks:
        """Least and most in each block of the grid."""
        if not isinstance(number, Sum):
            constant = np.full((len(self._row_starts), len(self._column_starts)), number)
            return constant, constant
        if number._block_bounds is None:
            low, high = self._of_terms(number)
            for node, row in number.nodes.items():
                _add_products(low, high, self.of_rows(row), self._of_node(node))
            number._block_bounds = low, high
        return number._block_bounds

    def _of_terms(self, number: Sum) -> Blocks:
        """The bounds of a sum without its nodes: a matrix product for each end."""
        ends: tuple[list[Any], list[Any], list[Any], list[Any]] = ([], [], [], [])
        low, high = (np.zeros((len(self._row_starts), len(self._column_starts))) for _ in range(2))
        for column, row in number.terms.items():
            rows, columns = self.of_rows(row), self.of_column(column)
            if columns[0] < 0:
                column_bounds = columns[2][None, :], columns[3][None, :]
                _add_products(low, high, rows, column_bounds)
            elif rows[0] >= 0:
                _extend(ends, rows[2], columns[2], rows[3], columns[3])
            elif rows[1] <= 0:
                _extend(ends, rows[2], columns[3], rows[3], columns[2])
            else:
                _extend(ends, np.maximum(rows[2], 0.0), columns[2],
                        np.maximum(rows[3], 0.0), columns[3])  # fmt: skip
                _extend(ends, np.minimum(rows[2], 0.0), columns[3],
                        np.minimum(rows[3], 0.0), columns[2])  # fmt: skip
        if ends[0]:
            low += np.array(ends[0]).T @ np.array(ends[1])
            high += np.array(ends[2]).T @ np.array(ends[3])
        return low, high

    def _of_node(self, index: int) -> Blocks:
        known = self._node_bounds.get(index)
        if known is None:
            known = self._node_bounds[index] = self._new_of_node(self._nodes[index])
        return known

    def _new_of_node(self, node: Undecided) -> Blocks:
        bounds = [self.by_block(operand) for operand in node.operands]
        lows, highs = [low for low, _ in bounds], [high for _, high in bounds]
        if node.name == "maximum":
            return np.maximum.reduce(lows), np.maximum.reduce(highs)
        if node.name in INCREASING:
            function = VECTOR_FUNCTIONS[node.name]
            with np.errstate(all="ignore"):
                return _unknown_where_nan(function(lows[0]), function(highs[0]))
        if node.name in ("equal", "less", "less_equal"):
            return np.zeros_like(lows[0]), np.ones_like(lows[0])
        if node.name == "where":
            return np.minimum(lows[1], lows[2]), np.maximum(highs[1], highs[2])
        if node.name in ("multiply", "divide", "whole_quotient"):
            a, b = (lows[0], highs[0]), (lows[1], highs[1])
            with np.errstate(all="ignore"):
                if node.name == "multiply":
                    products = [x * y for x in a for y in b]
                else:
                    products = [x / y for x in a for y in b]
            low, high = np.minimum.reduce(products), np.maximum.reduce(products)
            if node.name != "multiply":
                crosses = (lows[1] <= 0) & (highs[1] >= 0)
                low, high = np.where(crosses, -np.inf, low), np.where(crosses, np.inf, high)
            if node.name == "whole_quotient":
                low, high = np.floor(low - abs(low) * 1e-15), np.floor(high + abs(high) * 1e-15)
            return _unknown_where_nan(low, high)
        return np.full_like(lows[0], -np.inf), np.full_like(lows[0], np.inf)

    def may_be_largest(self, index: int) -> list[NDArray[np.bool_]]:
        """Of a node that is a maximum: in which blocks each operand can be the largest."""
        known = self._largest.get(index)
        if known is None:
            bounds = [self.by_block(operand) for operand in self._nodes[index].operands]
            best = np.maximum.reduce([low for low, _ in bounds])
            # Where its lower end is the best of all, an operand can be the largest, too.
            known = [(high > best) | (low == best) for low, high in bounds]
            self._largest[index] = known
        return known

    def blocks_of(self, top: int, bottom: int, left: int, right: int) -> tuple[slice, slice]:
        """The blocks that these rows and columns touch, to before the last."""
        height, width = (_block_size(count) for count in self._shape)
        return slice(top // height, -(-bottom // height)), slice(left // width, -(-right // width))


def _block_size(count: int) -> int:
    return max(_BLOCK, -(-count // _MOST_BLOCKS))


def _block_starts(count: int) -> NDArray[np.intp]:
    return np.arange(0, count, _block_size(count))


def _vector_bounds(vector: Any, starts: NDArray[np.intp]) -> tuple[Any, ...]:
    lows, highs = np.minimum.reduceat(vector, starts), np.maximum.reduceat(vector, starts)
    return float(lows.min()), float(highs.max()), lows, highs


def _extend(ends: tuple[list[Any], ...], *parts: Any) -> None:
    for end, part in zip(ends, parts, strict=True):
        end.append(part)


def _add_products(low: Any, high: Any, rows: tuple[Any, ...], others: Blocks) -> None:
    """Add the bounds of a row times something to bounds of blocks."""
    least, most = rows[2][:, None], rows[3][:, None]
    if rows[0] == rows[1] == 1.0:
        low += others[0]
        high += others[1]
        return
    with np.errstate(invalid="ignore"):
        products = [row * other for row in (least, most) for other in others]
    if not np.isfinite(others).all():  # 0 of what has no bound is 0
        products = [np.where(np.isnan(product), 0.0, product) for product in products]
    low += np.minimum(np.minimum(products[0], products[1]), np.minimum(products[2], products[3]))
    high += np.maximum(np.maximum(products[0], products[1]), np.maximum(products[2], products[3]))


def _unknown_where_nan(low: NDArray[Any], high: NDArray[Any]) -> Blocks:
    return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
