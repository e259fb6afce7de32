"""Values of recorded expressions on a grid of rows and columns, as sums of products.

Most sizes of a network are a width, which depends on one knob, times an area, which depends on
another. With one knob on the rows and the other on the columns, a number of the whole grid is a
sum of a few products (row vector) x (column vector): many points cost one matrix product. A
maximum of two such sums is one of them wherever bounds decide it; what no bound decides is a
*node*, which is evaluated point by point. All of it is exact for whole numbers up to 2^53; other
numbers may differ in the last bits from those of a single run, since sums have another order.
Not here: which knobs are rows, and what happens where structure differs (`grids.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mnet_cost.recording import Graph, Node
from mnet_cost.search.bounds import Bounds
from mnet_cost.search.steps import COLUMN, ROW, Steps
from mnet_cost.search.sums import (
    ONES,
    VECTOR_FUNCTIONS,
    Factor,
    Matrices,
    Number,
    Sum,
    Undecided,
    Vector,
    add_to,
    difference,
    is_of_rows,
    needs_one_axis,
    simplest,
    total,
    vector_function,
)

_SMALL = 50_000
"""Points of a grid on which to decide maxima by blocks costs more than to evaluate them."""
_MOST_PRODUCTS = 400
"""A product of two sums with more terms than this is a node."""


class Mixed(Exception):
    """An operation needs knobs on the same axis, which are on both."""


def _compared_bounds(name: str, low: float, high: float) -> float | None:
    """A comparison of a number with 0 that its bounds decide."""
    if low > 0:
        return 0.0
    if high < 0:
        return float(name != "equal")
    if high <= 0 and name == "less_equal":
        return 1.0
    return 0.0 if low >= 0 and name == "less" else None


class Grid:
    """Values of the nodes of a graph on rows x columns, each calculated once.

    `inputs` are vectors of rows and of columns by node, or one number for all points.
    """

    def __init__(
        self,
        graph: Graph,
        depends: list[int],
        shape: tuple[int, int],
        inputs: Mapping[int, float | Vector],
    ) -> None:
        self.graph = graph
        self.depends = depends
        self.height, self.width = shape
        self.is_large = self.height * self.width > _SMALL
        self.columns: list[Vector] = [np.ones(self.width)]
        self.nodes: list[Undecided] = []
        self._vectors: dict[int, Any] = dict(inputs)
        """Values of nodes that depend on one axis at most."""
        self._sums: dict[int, Number] = {}
        self._column_index: dict[bytes, int] = {self.columns[0].tobytes(): ONES}
        self._column_products: dict[tuple[int, int], int] = {}
        self._node_index: dict[tuple[Any, ...], int] = {}
        self.bounds = Bounds(shape, self.columns, self.nodes)
        self.uses: Counter[int] = Counter()
        """In how many nodes a sum is an operand, by its identity."""
        self._matrices: dict[int, tuple[Sum, Matrices]] = {}

    # --- values of nodes

    def vector(self, index: int) -> Any:
        """The value of a node that depends on one axis at most: a number or a vector."""
        return self._vectors[index]

    def calculate(self, steps: Steps) -> None:
        """Calculate nodes from their operands, which come before them."""
        nodes, vectors, sums, depends = self.graph.nodes, self._vectors, self._sums, self.depends
        for index, operands in steps:
            if depends[index] == ROW | COLUMN:
                if index not in sums:
                    sums[index] = self._sum_of(index, nodes[index], operands)
            elif index not in vectors:
                vectors[index] = self._vector_of(index, nodes[index])

    def number(self, index: int) -> Number:
        """The value of a calculated node, whatever it depends on."""
        if self.depends[index] == ROW | COLUMN:
            return self._sums[index]
        number = self._sums.get(index)
        if number is None:
            number = self._sums[index] = self._wrapped(self._vectors[index], self.depends[index])
        return number

    def _wrapped(self, value: Any, depends: int) -> Number:
        if depends == ROW:
            return self.from_rows(value)
        if depends == COLUMN:
            return self.from_columns(value)
        return float(value)

    def from_rows(self, vector: Vector) -> Number:
        """A number that depends on the row alone."""
        vector = vector.astype(float, copy=False)
        return Sum({ONES: vector}, {})

    def from_columns(self, vector: Vector) -> Number:
        """A number that depends on the column alone."""
        vector = vector.astype(float, copy=False)
        if vector.min() == vector.max():
            return float(vector[0])
        return Sum({self._column(vector): 1.0}, {})

    def _column(self, vector: Vector) -> int:
        key = vector.tobytes()
        index = self._column_index.get(key)
        if index is None:
            index = self._column_index[key] = len(self.columns)
            self.columns.append(vector)
        return index

    def _vector_of(self, index: int, node: Node) -> Any:
        vectors = self._vectors
        if node.name == "constant":
            return float(node.value)
        if node.name == "product":
            value = vectors[node.operands[0]]
            for operand in node.operands[1:]:
                value = value * vectors[operand]
            return value * float(node.value)
        value = vector_function(self.graph, index)(*[vectors[operand] for operand in node.operands])
        if not self.depends[index]:
            return float(value)
        return value if value.dtype == np.float64 else value.astype(np.float64)

    def _sum_of(self, index: int, node: Node, operands: tuple[int, ...]) -> Number:
        name = node.name
        if name == "product":
            return self._product(node)
        numbers = [self.number(operand) for operand in operands]
        if name == "add":
            return total(numbers)
        if name == "subtract":
            return self.subtract(numbers[0], numbers[1])
        if name in ("multiply", "and"):
            return self.multiply(numbers[0], numbers[1])
        if name == "divide":
            return self._divide(numbers[0], numbers[1])
        if name == "maximum":
            return self.maximum(numbers)
        if name in ("minimum", "not"):
            if name == "not":
                return self.subtract(1.0, numbers[0])
            return self.scale(self.maximum([self.scale(number, -1.0) for number in numbers]), -1.0)
        if name == "or":
            return self.maximum(numbers)
        if name in ("equal", "less", "less_equal"):
            return self._compare(name, numbers[0], numbers[1])
        if name == "where":
            return self._where(*numbers)
        return self._function(index, name, numbers)

    # --- arithmetic

    def subtract(self, a: Number, b: Number) -> Number:
        """a - b."""
        if not isinstance(b, Sum):
            return total((a, -b))
        if not isinstance(a, Sum):
            a = Sum({ONES: a} if a else {}, {})
        return simplest(difference(a.terms, b.terms), difference(a.nodes, b.nodes))

    def scale(self, number: Number, factor: Factor) -> Number:
        """`number` times one factor for each row, or one for all."""
        if isinstance(factor, float):
            if not isinstance(number, Sum):
                return number * factor
            if factor == 1.0:
                return number
            if factor == 0.0:
                return 0.0
        elif not isinstance(number, Sum):
            return Sum({ONES: factor * number}, {}) if number else 0.0
        return Sum(
            {column: row * factor for column, row in number.terms.items()},
            {node: row * factor for node, row in number.nodes.items()},
        )

    def multiply(self, a: Number, b: Number) -> Number:
        """a * b."""
        if not isinstance(a, Sum):
            return self.scale(b, a)
        if not isinstance(b, Sum):
            return self.scale(a, b)
        for number, other in ((a, b), (b, a)):
            if is_of_rows(number):
                return self.scale(other, number.terms[ONES])
        if a.nodes or b.nodes or len(a.terms) * len(b.terms) > _MOST_PRODUCTS:
            return self._node("multiply", (a, b))
        terms: dict[int, Factor] = {}
        for first, row in a.terms.items():
            for second, other_row in b.terms.items():
                add_to(terms, self._column_product(first, second), row * other_row)
        return Sum(terms, {})

    def _column_product(self, first: int, second: int) -> int:
        if first == ONES or second == ONES:
            return first + second
        key = (first, second) if first < second else (second, first)
        index = self._column_products.get(key)
        if index is None:
            index = self._column(self.columns[first] * self.columns[second])
            self._column_products[key] = index
        return index

    def _product(self, node: Node) -> Number:
        """A product of whole numbers: factors of one axis are multiplied as vectors."""
        row: Factor = float(node.value)
        column: Vector | None = None
        others: list[Number] = []
        for operand in node.operands:
            depends = self.depends[operand]
            if depends == ROW | COLUMN:
                others.append(self._sums[operand])
            elif depends == COLUMN:
                vector = self._vectors[operand]
                column = vector if column is None else column * vector
            else:
                row = row * self._vectors[operand]
        number: Number = row if column is None and isinstance(row, float) else Sum({ONES: row}, {})
        if column is not None:
            number = Sum({self._column(column.astype(float, copy=False)): row}, {})
        for other in others:
            number = self.multiply(number, other)
        return number

    def _divide(self, a: Number, b: Number) -> Number:
        if not isinstance(b, Sum):
            return self.scale(a, 1.0 / b)
        if is_of_rows(b):
            return self.scale(a, 1.0 / b.terms[ONES])
        column = self.column_of(b)
        if column is not None and not (isinstance(a, Sum) and a.nodes):
            return self.multiply(a, self.from_columns(1.0 / column))
        return self._node("divide", (a, b))

    def column_of(self, number: Sum) -> Vector | None:
        """The values of a number that depends on the column alone; None where it does not."""
        if number.nodes or any(not isinstance(row, float) for row in number.terms.values()):
            return None
        vector: Vector = np.zeros(self.width)
        for column, row in number.terms.items():
            vector = vector + self.columns[column] * row
        return vector

    def _axis_values(self, numbers: Sequence[Number]) -> tuple[int, list[Any]] | None:
        """Numbers that all depend on the same axis, as vectors, and the axis."""
        if all(not isinstance(number, Sum) or is_of_rows(number) for number in numbers):
            return ROW, [n.terms[ONES] if isinstance(n, Sum) else n for n in numbers]
        vectors = [self.column_of(n) if isinstance(n, Sum) else n for n in numbers]
        return None if any(vector is None for vector in vectors) else (COLUMN, vectors)

    def _function(self, index: int, name: str, numbers: list[Number]) -> Number:
        """A function of numbers of both axes: by axis if they happen to be of one, else a node."""
        axis = self._axis_values(numbers)
        function = vector_function(self.graph, index)
        if axis is not None:
            depends, vectors = axis
            value = np.asarray(function(*vectors), dtype=float)
            return float(value) if value.ndim == 0 else self._wrapped(value, depends)
        if name == "sqrt" and isinstance(numbers[0], Sum):
            root = self._square_root(numbers[0])
            if root is not None:
                return root
        if needs_one_axis(self.graph, index):
            raise Mixed
        if name == "floor_divide":
            name = "whole_quotient"
        return self._node(name, tuple(numbers))

    def _square_root(self, number: Sum) -> Number | None:
        """Of one product: the product of the roots."""
        if number.nodes or len(number.terms) > 1:
            return None
        ((column, row),) = number.terms.items()
        if self.bounds.ends_of(row)[0] < 0 or self.bounds.of_column(column)[0] < 0:
            return None
        return Sum({self._column(np.sqrt(self.columns[column])): np.sqrt(row)}, {})

    def _node(self, name: str, operands: tuple[Number, ...]) -> Number:
        key = (name, *[id(n) if isinstance(n, Sum) else n for n in operands])
        index = self._node_index.get(key)
        if index is None:
            index = self._node_index[key] = len(self.nodes)
            self.nodes.append(Undecided(name, operands))
            self.uses.update([id(operand) for operand in operands])
        return Sum({}, {index: 1.0})

    # --- for values at points

    def matrices(self, number: Sum) -> Matrices:
        """The terms of a number, for any rows and columns."""
        known = self._matrices.get(id(number))
        if known is None:
            columns = {column: self.columns[column] for column in number.terms}
            known = self._matrices[id(number)] = number, Matrices(number.terms, columns)
        return known[1]

    # --- conditions and choices

    def _sign(self, number: Number) -> int | None:
        """1 or -1 where a number is nowhere below or above 0, and 0 where it is 0; else None."""
        if not isinstance(number, Sum):
            return (number > 0) - (number < 0)
        low, high = self.bounds.of(number)
        if low < 0 < high:
            sign = self._sign_of_two(number)
            if sign is not None:
                return sign
            low, high = self.bounds.close(number)
        return 1 if low >= 0 else -1 if high <= 0 else None

    def _sign_of_two(self, number: Sum) -> int | None:
        """The sign of a difference of two products, by quotients of rows and of columns."""
        if number.nodes or len(number.terms) != 2:
            return None
        (c1, r1), (c2, r2) = number.terms.items()
        rows = [self.bounds.ends_of(row) for row in (r1, r2)]
        if rows[0][0] > 0 and rows[1][1] < 0:
            sign, above, below = 1, (c1, r1), (c2, -r2)
        elif rows[0][1] < 0 and rows[1][0] > 0:
            sign, above, below = -1, (c1, -r1), (c2, r2)
        else:
            return None
        if min(self.bounds.of_column(c)[0] for c in (c1, c2)) <= 0:
            return None
        quotient = np.asarray(above[1] / below[1])
        other = self.columns[below[0]] / self.columns[above[0]]
        if quotient.min() > other.max() * (1 + 1e-15):
            return sign
        if quotient.max() < other.min() * (1 - 1e-15):
            return -sign
        return None

    def _compare(self, name: str, a: Number, b: Number) -> Number:
        """A condition as 1.0 and 0.0."""
        more = self.subtract(a, b)
        function = VECTOR_FUNCTIONS[name]
        if not isinstance(more, Sum):
            return float(function(more, 0.0))
        decided = _compared_bounds(name, *self.bounds.of(more))
        if decided is not None:
            return decided
        on_axis = self._compare_on_axis(function, more)
        if on_axis is not None:
            return on_axis
        sign = self._sign_of_two(more)
        if sign is not None:
            return float(sign < 0 and name != "equal")
        decided = _compared_bounds(name, *self.bounds.close(more))
        return self._node(name, (more, 0.0)) if decided is None else decided

    def _compare_on_axis(self, function: Callable[..., Any], number: Sum) -> Number | None:
        """A comparison with 0 that depends on one axis: also a common factor of all terms."""
        axis = self._axis_values([number])
        if axis is not None:
            return self._wrapped(function(axis[1][0], 0.0).astype(float), axis[0])
        if number.nodes:
            return None
        rows = list(number.terms.values())
        bounds = [self.bounds.ends_of(row) for row in rows]
        if all(low > 0 or high < 0 for low, high in bounds):
            quotients = [np.asarray(row / np.abs(rows[0])) for row in rows]
            if all(quotient.min() == quotient.max() for quotient in quotients):
                columns = np.sum(
                    [
                        self.columns[column] * quotient.flat[0]
                        for column, quotient in zip(number.terms, quotients, strict=True)
                    ],
                    axis=0,
                )
                return self.from_columns(function(columns, 0.0).astype(float))
        if len(number.terms) == 1:  # the sign of a column that is nowhere 0
            ((column, row),) = number.terms.items()
            if self.bounds.of_column(column)[0] > 0:
                return self.from_rows(function(np.asarray(row), 0.0).astype(float))
        return None

    def _where(self, condition: Number, a: Number, b: Number) -> Number:
        if not isinstance(condition, Sum):
            return a if condition else b
        if is_of_rows(condition):
            holds = condition.terms[ONES] != 0
            return total((self._masked_rows(a, holds), self._masked_rows(b, ~holds)))
        column = self.column_of(condition)
        if column is None:
            return self._node("where", (condition, a, b))
        picked = [
            self._masked_columns(number, mask)
            for number, mask in ((a, column != 0), (b, column == 0))
        ]
        return total(picked)

    def _masked_rows(self, number: Number, holds: Any) -> Number:
        """`number` where `holds`, else 0."""
        if not isinstance(number, Sum):
            return Sum({ONES: np.where(holds, number, 0.0)}, {})
        return Sum(
            {column: np.where(holds, row, 0.0) for column, row in number.terms.items()},
            {node: np.where(holds, row, 0.0) for node, row in number.nodes.items()},
        )

    def _masked_columns(self, number: Number, holds: Any) -> Number:
        if not isinstance(number, Sum):
            return self.from_columns(np.where(holds, number, 0.0))
        if number.nodes:
            mask = self.from_columns(holds.astype(float))
            return self._node("where", (mask, number, 0.0))
        terms: dict[int, Factor] = {}
        for column, row in number.terms.items():
            add_to(terms, self._column(np.where(holds, self.columns[column], 0.0)), row)
        return Sum(terms, {})

    def maximum(self, numbers: Sequence[Number]) -> Number:
        """The largest number: one of them where bounds decide, else a node of those left."""
        arms: list[Number] = []
        for number in numbers:
            for arm in self._arms(number):
                if not any(arm is other for other in arms):
                    arms.append(arm)
        arms = self._never_below(arms)
        if len(arms) == 1:
            return arms[0]
        axis = self._axis_values(arms)
        if axis is not None:
            return self._wrapped(np.maximum.reduce(np.broadcast_arrays(*axis[1])), axis[0])
        if len(arms) == 2:
            more = self.subtract(arms[0], arms[1])
            axis = self._axis_values([more]) if isinstance(more, Sum) and not more.nodes else None
            if axis is not None:
                above = self._wrapped(np.maximum(axis[1][0], 0.0), axis[0])
                return total((arms[1], above))
        return self._node("maximum", tuple(arms))

    def _arms(self, number: Number) -> Sequence[Number]:
        if isinstance(number, Sum) and not number.terms and len(number.nodes) == 1:
            ((index, factor),) = number.nodes.items()
            node = self.nodes[index]
            if isinstance(factor, float) and factor == 1.0 and node.name == "maximum":
                return node.operands
        return (number,)

    def _never_below(self, arms: list[Number]) -> list[Number]:
        """`arms` without those that others are never below."""
        bounds = [self.bounds.of(arm) if isinstance(arm, Sum) else (arm, arm) for arm in arms]
        best = max(low for low, _ in bounds)
        top = next(arm for arm, (low, _) in zip(arms, bounds, strict=True) if low == best)
        arms = [arm for arm, (_, high) in zip(arms, bounds, strict=True)
                if arm is top or high > best]  # fmt: skip
        if len(arms) == 1 or not self.is_large:
            return arms
        blocks = [self.bounds.by_block(arm) for arm in arms]
        lows = np.maximum.reduce([low for low, _ in blocks])
        arms = [
            arm
            for arm, (low, high) in zip(arms, blocks, strict=True)
            if (high > lows).any() or (low == lows).any()
        ]
        left: list[Number] = []
        for arm in arms:
            left = self._with_arm(left, arm)
        return left

    def _with_arm(self, arms: list[Number], arm: Number) -> list[Number]:
        """`arms` and one more, without those that another is never below."""
        left: list[Number] = []
        for other in arms:
            more = self.subtract(arm, other)
            sign = self._sign(more)
            if sign is not None and sign <= 0:
                return arms
            if sign is None:
                left.append(other)
        return [*left, arm]
