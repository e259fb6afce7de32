"""Recorded numbers: rules run once on them, and what they calculated can be evaluated again.

A `Recorded` number has a value and knows the expression that it came from, a node of a `Graph`.
Equal expressions are one node. The truth of a condition is the outcome at this value, and becomes
a guard: what was recorded holds for all values of the inputs at which every guard comes out the
same. So code with `if` is recorded correctly, and code that is arithmetic has few guards.

Products of whole numbers are kept as one node with sorted factors: up to 2^53 their order does not
matter, and common factors can be cancelled exactly. Plain whole numbers that are added to a whole
number are added up first, so that a layer that keeps its size has the size of its input, by the
same node. Other floating-point arithmetic keeps its order.

Not here: evaluation for many values (`search/programs.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple


class Node(NamedTuple):
    """One operation of a graph."""

    name: str
    """`input`, `constant`, `product` (of whole numbers), or the name of an operation below."""
    operands: tuple[int, ...]
    """Indices of nodes."""
    value: Any = None
    """Of a constant its value, of an input its name, of a product its coefficient."""


class Graph:
    """Expressions of recorded numbers; an operand has a smaller index than what it is used in."""

    __slots__ = ("_index_of", "nodes", "whole")

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.whole: list[bool] = []
        """Whether each node is a whole number, whatever the inputs are."""
        self._index_of: dict[tuple[Any, ...], int] = {}

    def index(self, name: str, operands: tuple[int, ...], value: Any, whole: bool) -> int:
        """The node of this operation, a new one if there is none yet."""
        key = (name, operands, value)
        index = self._index_of.get(key)
        if index is None:
            index = self._index_of[key] = len(self.nodes)
            self.nodes.append(Node(name, operands, value))
            self.whole.append(whole)
        return index

    def needed(self, targets: Iterable[int]) -> list[int]:
        """`targets` and the nodes that they are calculated from, operands first, no inputs."""
        seen = set(targets)
        waiting = list(seen)
        while waiting:
            for operand in self.nodes[waiting.pop()].operands:
                if operand not in seen:
                    seen.add(operand)
                    waiting.append(operand)
        return sorted(index for index in seen if self.nodes[index].name != "input")


class Recording:
    """One run of rules on recorded numbers; several runs can share a graph."""

    def __init__(self, graph: Graph | None = None) -> None:
        self.graph = graph or Graph()
        self.guards: dict[int, bool] = {}
        """Conditions that structure depended on, by node, and how they came out."""
        self._numbers: dict[int, Recorded] = {}
        self._made: dict[tuple[Any, tuple[int, ...]], Recorded] = {}
        """Numbers by their operation (of a product, by its coefficient) and operands."""
        self._constants: dict[float, int] = {}

    def input(self, name: str, value: float, whole: bool) -> Recorded:
        """A number that can be another one later; `whole` where it always is a whole number."""
        return self._number(self.graph.index("input", (), name, whole), value, whole)

    def constant(self, value: float) -> int:
        """The node of a number that is the same for all inputs."""
        node = self._constants.get(value)
        if node is None:
            node = self.graph.index("constant", (), value, _is_whole(value))
            self._constants[value] = node
        return node

    def node_of(self, value: Any) -> int:
        """The node of a number, recorded or plain."""
        return value.node if type(value) is Recorded else self.constant(value)

    def guard(self, condition: Recorded) -> bool:
        """The outcome of a condition, which the recording depends on from now on."""
        outcome: bool = condition.value
        self.guards[condition.node] = outcome
        return outcome

    def operation(
        self, name: str, operands: tuple[int, ...], value: Any, whole: bool = False
    ) -> Recorded:
        """The number that an operation on nodes gives, here with the value `value`."""
        key = (name, operands)
        number = self._made.get(key)
        if number is None:
            node = self.graph.index(name, operands, None, whole)
            number = self._made[key] = self._number(node, value, whole)
        return number

    def product(self, coefficient: int, factors: tuple[int, ...], value: Any) -> Any:
        """coefficient * factors, all of them whole numbers."""
        if not coefficient or not factors:
            return coefficient
        if coefficient == 1 and len(factors) == 1:
            return self._numbers[factors[0]]
        key = (coefficient, factors)
        number = self._made.get(key)
        if number is None:
            ordered = tuple(sorted(factors))
            node = self.graph.index("product", ordered, coefficient, True)
            number = self._number(node, value, True)
            number.coefficient, number.factors = coefficient, ordered
            self._made[key] = number
        return number

    def _number(self, node: int, value: Any, whole: bool) -> Recorded:
        number = self._numbers.get(node)
        if number is None:
            number = self._numbers[node] = Recorded(self, node, value, whole)
        return number


_PLAIN = (int, float)  # and bool, which is an int

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "rint": round,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "maximum": max,
    "minimum": min,
    "gcd": math.gcd,
}
_ROUNDED = ("floor", "ceil", "rint")
_SYMMETRIC = ("maximum", "minimum", "gcd")


class Recorded:
    """A number, or a condition, with the node it came from. See `tensors.Number`."""

    __slots__ = (
        "base",
        "coefficient",
        "factors",
        "is_whole",
        "node",
        "offset",
        "recording",
        "value",
    )

    __array_ufunc__ = None  # NumPy leaves operators to it

    def __init__(self, recording: Recording, node: int, value: Any, whole: bool) -> None:
        self.recording = recording
        self.node = node
        self.value = value
        self.is_whole = whole
        """Whether it is a whole number for all inputs."""
        self.coefficient = 1
        self.factors: tuple[int, ...] = (node,)
        """Of a whole number: what it is a product of, by nodes."""
        self.base: Recorded = self
        self.offset = 0
        """Of a whole number: it is another one and so much more."""

    @property
    def is_condition(self) -> bool:
        return isinstance(self.value, bool)

    def __repr__(self) -> str:
        return f"<Recorded {self.value} of node {self.node}>"

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, form: str) -> str:
        return format(self.value, form)

    def __hash__(self) -> int:
        return object.__hash__(self)

    # --- structure that depends on it

    def __bool__(self) -> bool:
        """The outcome of a condition, as a guard. A number has no truth: it may be unknown."""
        if not isinstance(self.value, bool):
            raise TypeError("a recorded number has no truth value: compare it")
        return self.recording.guard(self)

    def __index__(self) -> int:
        return int(self.agreed_value())

    def __int__(self) -> int:
        raise TypeError("a recorded number stays recorded: use `floor`")

    def __float__(self) -> float:
        raise TypeError("a recorded number stays recorded")

    def agreed_value(self) -> Any:
        """The plain value, which the recording depends on from now on."""
        if isinstance(self.value, bool):
            return bool(self)
        value = self.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        same = self == value
        return value if isinstance(same, Recorded) and self.recording.guard(same) else self.value

    # --- arithmetic

    def __add__(self, other: Any) -> Any:
        if type(other) is not Recorded:
            if not isinstance(other, _PLAIN):
                return NotImplemented
            return self if other == 0 else self._sum("add", other)
        return self._sum("add", other)

    def __radd__(self, other: Any) -> Any:
        return self.__add__(other)

    def __sub__(self, other: Any) -> Any:
        if type(other) is not Recorded:
            if not isinstance(other, _PLAIN):
                return NotImplemented
            return self if other == 0 else self._sum("subtract", other)
        return 0 if other is self else self._sum("subtract", other)

    def __rsub__(self, other: Any) -> Any:
        if not isinstance(other, _PLAIN):
            return NotImplemented
        return -self if other == 0 else self._sum("subtract", other, swap=True)

    def _sum(self, name: str, other: Any, swap: bool = False) -> Recorded:
        recording = self.recording
        if type(other) is int and self.is_whole and not isinstance(self.value, bool):
            if not swap:
                return self._and_more(other if name == "add" else -other)
            if self.offset:
                return self.base._sum(name, other - self.offset, swap=True)
        first, a = self.node, self.value
        if type(other) is Recorded:
            whole = self.is_whole and other.is_whole
            second, b = other.node, other.value
        else:
            whole = self.is_whole and (type(other) is int or _is_whole(other))
            second, b = recording.constant(other), other
        if name == "add":
            operands = (first, second) if first < second else (second, first)
            return recording.operation(name, operands, a + b, whole)
        if swap:
            return recording.operation(name, (second, first), b - a, whole)
        return recording.operation(name, (first, second), a - b, whole)

    def _and_more(self, number: int) -> Recorded:
        """The sum of this whole number and a plain one."""
        base, offset = self.base, self.offset + number
        if not offset:
            return base
        recording = self.recording
        first, second = base.node, recording.constant(offset)
        operands = (first, second) if first < second else (second, first)
        found = recording.operation("add", operands, base.value + offset, True)
        found.base, found.offset = base, offset
        return found

    def __neg__(self) -> Any:
        return self * -1

    def __abs__(self) -> Any:
        return self.apply("maximum", self, -self)

    def __mul__(self, other: Any) -> Any:
        if type(other) is not Recorded:
            if not isinstance(other, _PLAIN):
                return NotImplemented
            if other == 1:
                return self if not isinstance(self.value, bool) else self._times(1)
            if other == 0:
                return 0
        return self._times(other)

    def __rmul__(self, other: Any) -> Any:
        return self.__mul__(other)

    def _times(self, other: Any) -> Any:
        recording = self.recording
        if type(other) is Recorded:
            value = self.value * other.value
            if self.is_whole and other.is_whole:
                return recording.product(
                    self.coefficient * other.coefficient, self.factors + other.factors, value
                )
            second = other.node
        else:
            value = self.value * other
            if self.is_whole and (type(other) is int or _is_whole(other)):
                return recording.product(self.coefficient * int(other), self.factors, value)
            second = recording.constant(other)
        first = self.node
        if first > second:
            first, second = second, first
        return recording.operation("multiply", (first, second), value)

    def __truediv__(self, other: Any) -> Any:
        if type(other) is not Recorded and not isinstance(other, _PLAIN):
            return NotImplemented
        return _quotient("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        if not isinstance(other, _PLAIN):
            return NotImplemented
        return _quotient("divide", other, self)

    def __floordiv__(self, other: Any) -> Any:
        if type(other) is not Recorded and not isinstance(other, _PLAIN):
            return NotImplemented
        return _quotient("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        if not isinstance(other, _PLAIN):
            return NotImplemented
        return _quotient("floor_divide", other, self)

    def __mod__(self, other: Any) -> Any:
        if type(other) is not Recorded and not isinstance(other, _PLAIN):
            return NotImplemented
        return _quotient("remainder", self, other)

    def __rmod__(self, other: Any) -> Any:
        if not isinstance(other, _PLAIN):
            return NotImplemented
        return _quotient("remainder", other, self)

    def __pow__(self, other: Any) -> Any:
        if other == 2:
            return self * self
        if other == 0.5:
            return self.apply("sqrt", self)
        raise TypeError(f"no rule records a power of {other}")

    # --- conditions

    def __eq__(self, other: object) -> Any:
        return self._compared("equal", other, lambda a, b: a == b)

    def __ne__(self, other: object) -> Any:
        same = self._compared("equal", other, lambda a, b: a == b)
        return ~same if isinstance(same, Recorded) else not same

    def __lt__(self, other: Any) -> Any:
        return self._compared("less", other, lambda a, b: a < b)

    def __le__(self, other: Any) -> Any:
        return self._compared("less_equal", other, lambda a, b: a <= b)

    def __gt__(self, other: Any) -> Any:
        return self._compared("less", other, lambda a, b: a < b, swap=True)

    def __ge__(self, other: Any) -> Any:
        return self._compared("less_equal", other, lambda a, b: a <= b, swap=True)

    def _compared(
        self, name: str, other: Any, compare: Callable[[Any, Any], bool], swap: bool = False
    ) -> Any:
        if other is self:
            return name != "less"
        if type(other) is not Recorded and not isinstance(other, _PLAIN):
            return NotImplemented if name != "equal" else False
        recording = self.recording
        first: Any = self
        second: Any = other
        if self.is_whole and _is_whole(other) and not isinstance(self.value, bool):
            first, second = _without_common_factors(self, other)
        if swap:
            first, second = second, first
        if type(first) is not Recorded and type(second) is not Recorded:
            return compare(first, second)
        operands = (recording.node_of(first), recording.node_of(second))
        if name == "equal":
            operands = (min(operands), max(operands))
        outcome = bool(compare(_value(first), _value(second)))
        return recording.operation(name, operands, outcome, True)

    def __and__(self, other: Any) -> Any:
        if isinstance(other, bool):
            return self if other else False
        if other is self:
            return self
        operands = (self.node, other.node)
        return self.recording.operation("and", operands, self.value and other.value, True)

    __rand__ = __and__

    def __or__(self, other: Any) -> Any:
        if isinstance(other, bool):
            return True if other else self
        if other is self:
            return self
        operands = (self.node, other.node)
        return self.recording.operation("or", operands, self.value or other.value, True)

    __ror__ = __or__

    def __invert__(self) -> Any:
        name, operands, _ = self.recording.graph.nodes[self.node]
        if name == "not":
            return self.recording._number(operands[0], not self.value, True)
        return self.recording.operation("not", (self.node,), not self.value, True)

    # --- what no operator says

    def met(self, a: Any, b: Any) -> Any:
        """See `tensors.met`: of equal sizes the one that was there first, so that a block that
        adds its input to its result has no sizes of its own."""
        if a is b or (type(b) is int and b == 1):
            return a
        if type(a) is int and a == 1:
            return b
        if _value(a) != _value(b) or not self.recording.guard(a == b):
            return self.apply("maximum", a, b)
        if type(a) is Recorded and type(b) is Recorded:
            return a if a.node < b.node else b
        return b if type(a) is Recorded else a

    def apply(self, name: str, *operands: Any) -> Any:
        """See `tensors.Number`."""
        recording = self.recording
        if name == "ceil_div":
            a, b = operands
            return a if type(b) is int and b == 1 and _is_whole(a) else -(-a // b)
        if name == "where":
            return _where(recording, *operands)
        if name in _ROUNDED and self.is_whole:
            return self
        if len(operands) == 2 and operands[0] is operands[1]:
            return self
        value = _FUNCTIONS[name](*map(_value, operands))
        whole = name in _ROUNDED or (name in _SYMMETRIC and all(map(_is_whole, operands)))
        nodes = tuple(map(recording.node_of, operands))
        if name in _SYMMETRIC:
            nodes = tuple(sorted(nodes))
        return recording.operation(name, nodes, value, whole)


def _value(number: Any) -> Any:
    return number.value if type(number) is Recorded else number


def _is_whole(number: Any) -> bool:
    if type(number) is Recorded:
        return number.is_whole
    return isinstance(number, int) or number.is_integer()


def _factors(number: Any) -> tuple[int, tuple[int, ...]]:
    """A whole number as a coefficient and nodes that are multiplied."""
    if type(number) is not Recorded:
        return int(number), ()
    return number.coefficient, number.factors


def _without_common_factors(first: Recorded, other: Any) -> tuple[Any, Any]:
    """Both divided by what they have in common, which is guarded to be above zero."""
    recording = first.recording
    coefficient, factors = _factors(first)
    others, other_factors = _factors(other)
    common = math.gcd(coefficient, others)
    if common == 1 and (not other_factors or set(factors).isdisjoint(other_factors)):
        return first, other  # nearly always
    left, right = list(factors), list(other_factors)
    divisor: Any = 1
    for factor in factors:
        if factor in right:
            number = recording._numbers[factor]
            if not number.value > 0 or isinstance(number.value, bool):
                continue
            recording.guard(number > 0)
            left.remove(factor)
            right.remove(factor)
            divisor = divisor * number.value
    if common > 1:
        coefficient, others, divisor = coefficient // common, others // common, divisor * common
    if len(left) == len(factors) and common <= 1:
        return first, other
    return (
        recording.product(coefficient, tuple(left), _exact(first.value, divisor)),
        recording.product(others, tuple(right), _exact(_value(other), divisor)),
    )


def _exact(value: Any, divisor: Any) -> Any:
    """A quotient of whole numbers that leaves nothing over."""
    return value // divisor


def _quotient(name: str, a: Any, b: Any) -> Any:
    """a / b, a // b or a % b of which one is recorded; both stay exact where they are whole."""
    recording = a.recording if type(a) is Recorded else b.recording
    whole = _is_whole(a) and _is_whole(b)
    if type(b) is not Recorded and b == 1 and (whole or name == "divide"):
        return 0 if name == "remainder" else a
    if whole:
        if type(a) is Recorded and name != "remainder":
            a, b = _without_common_factors(a, b)
            if type(b) is not Recorded and b == 1:
                return a
            if type(a) is not Recorded and type(b) is not Recorded:
                return a / b if name == "divide" else a // b
        elif a is b and name == "remainder":
            recording.guard(b != 0)
            return 0
    x, y = _value(a), _value(b)
    value = x / y if name == "divide" else x // y if name == "floor_divide" else x % y
    operands = (recording.node_of(a), recording.node_of(b))
    return recording.operation(name, operands, value, whole and name != "divide")


def _where(recording: Recording, condition: Recorded, a: Any, b: Any) -> Any:
    if a is b or (type(a) is not Recorded and type(b) is not Recorded and a == b):
        return a
    operands = (condition.node, recording.node_of(a), recording.node_of(b))
    value = _value(a) if condition.value else _value(b)
    return recording.operation("where", operands, value, _is_whole(a) and _is_whole(b))
