"""Numbers of all points of a grid as sums of products, and the functions of vectors.

A `Sum` is a sum of products of a row vector and a column vector, plus *nodes* times rows. A node
is an operation that has no such sum: it is evaluated point by point. Columns and nodes are known
by their index in the `Grid` that made them (`separable.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnet_cost.recording import Graph

Vector = NDArray[np.float64]
Factor = float | Vector
"""What a column or a node is multiplied by: a vector of rows, or one number for all rows."""

ONES = 0
"""The index of the column of ones."""


class Sum:
    """A number of each point: products of rows and columns, and nodes times rows."""

    __slots__ = ("_block_bounds", "_bounds", "nodes", "terms")

    def __init__(self, terms: dict[int, Factor], nodes: dict[int, Factor]) -> None:
        self.terms = terms
        """Rows by the index of the column that they are multiplied by."""
        self.nodes = nodes
        """Rows by the index of the node."""
        self._bounds: tuple[float, float] | None = None
        self._block_bounds: tuple[NDArray[Any], NDArray[Any]] | None = None


Number = float | Sum


class Matrices:
    """Terms as one product of matrices, (rows x terms) and (terms x columns)."""

    __slots__ = ("_columns", "_rows", "_same")

    def __init__(self, terms: Mapping[int, Factor], columns: Mapping[int, Vector]) -> None:
        left = [row for row in terms.values() if not isinstance(row, float)]
        right = [columns[c] for c, row in terms.items() if not isinstance(row, float)]
        # What is the same in all rows is one term.
        same = [
            row if column == ONES else columns[column] * row
            for column, row in terms.items()
            if isinstance(row, float)
        ]
        self._same: Any = sum(same[1:], same[0]) if same else 0.0
        if left and same:
            left.append(np.ones_like(left[0]))
            right.append(np.broadcast_to(self._same, right[0].shape))
        self._rows = np.array(left).T if left else None
        self._columns = np.array(right) if left else None

    def fill(
        self, out: NDArray[Any], rows: slice = slice(None), columns: slice = slice(None)
    ) -> None:
        """Write the sums of some rows and columns into `out`."""
        if self._rows is None or self._columns is None:
            out[...] = self._same if isinstance(self._same, float) else self._same[columns]
        elif len(self._columns) == 1:  # a matrix product takes longer
            np.multiply(self._rows[rows], self._columns[:, columns], out=out)
        else:
            np.matmul(self._rows[rows], self._columns[:, columns], out=out)


class Undecided(NamedTuple):
    """A node: an operation that has no sum of products."""

    name: str
    operands: tuple[Number, ...]


def is_of_rows(number: Sum) -> bool:
    """Whether a number depends on the row alone."""
    return not number.nodes and len(number.terms) == 1 and ONES in number.terms


def add_to(terms: dict[int, Factor], key: int, row: Factor) -> None:
    """Add a row to what a column or a node is multiplied by."""
    old = terms.get(key)
    terms[key] = row if old is None else old + row


def difference(terms: dict[int, Factor], others: dict[int, Factor]) -> dict[int, Factor]:
    """`terms` minus `others`, without what is 0 for all rows."""
    rest = dict(terms)
    for key, row in others.items():
        old = rest.get(key)
        if old is None:
            rest[key] = -row
        elif old is row:
            del rest[key]
        else:
            new = old - row
            if _is_zero(new):
                del rest[key]
            else:
                rest[key] = new
    return rest


def _is_zero(row: Factor) -> bool:
    if isinstance(row, float):
        return row == 0.0
    return bool(row[0] == 0.0) and not row.any()


def total(numbers: Iterable[Number]) -> Number:
    """The sum of numbers."""
    terms: dict[int, Factor] = {}
    nodes: dict[int, Factor] = {}
    own: set[int] = set()  # columns whose row was made here, and can be written to
    constant = 0.0
    for number in numbers:
        if not isinstance(number, Sum):
            constant += number
            continue
        for column, row in number.terms.items():
            old = terms.get(column)
            if old is None:
                terms[column] = row
            elif column in own and isinstance(old, np.ndarray):
                np.add(old, row, out=old)
            else:
                terms[column] = old + row
                own.add(column)
        for node, row in number.nodes.items():
            add_to(nodes, node, row)
    if constant:
        add_to(terms, ONES, constant)
    return simplest(terms, nodes)


def simplest(terms: dict[int, Factor], nodes: dict[int, Factor]) -> Number:
    """A sum, or the number that it is at all points."""
    if not nodes:
        if not terms:
            return 0.0
        if len(terms) == 1:
            row = terms.get(ONES)
            if isinstance(row, float):
                return row
    return Sum(terms, nodes)


def _whole_quotient(a: Any, b: Any) -> Any:
    """`a // b` of whole numbers up to 2^53, whose rounded quotient is never rounded across a whole
    one: ten times as fast as `np.floor_divide`."""
    return np.floor(np.true_divide(a, b))


def _common_divisors(a: Any, b: Any) -> Any:
    return np.gcd(np.asarray(a).astype(np.int64), np.asarray(b).astype(np.int64))


VECTOR_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.true_divide,
    "floor": np.floor,
    "ceil": np.ceil,
    "rint": np.rint,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "equal": np.equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "where": np.where,
    "remainder": np.mod,
    "floor_divide": np.floor_divide,
    "whole_quotient": _whole_quotient,
    "gcd": _common_divisors,
}
INCREASING = ("floor", "ceil", "rint", "sqrt", "exp", "log")
_ROUNDED = ("floor", "ceil", "rint", "floor_divide", "remainder")


def vector_function(graph: Graph, index: int) -> Callable[..., Any]:
    """The NumPy function of a node, which gives doubles."""
    node = graph.nodes[index]
    if node.name == "floor_divide" and all(graph.whole[operand] for operand in node.operands):
        return _whole_quotient
    return VECTOR_FUNCTIONS[node.name]


def needs_one_axis(graph: Graph, index: int) -> bool:
    """Whether a node rounds what is not whole: sums are rounded, so by the last bit of one a whole
    number could be missed."""
    node = graph.nodes[index]
    return node.name in _ROUNDED and not all(graph.whole[operand] for operand in node.operands)
