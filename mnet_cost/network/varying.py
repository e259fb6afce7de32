"""Numbers that know how they change with the widths of layers, and conditions that know what they
ask of these changes.

The rules of shapes run on them (`tensors.py` says what they have to be able to do). A number has a
value, and for each width how much it changes by where that width changes by one: exact for sums
and multiples of one width, which sizes of networks are; for products of two widths the first-order
part. Not here: which changes satisfy all conditions (`groups.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any, Literal, NamedTuple

Parts = Mapping[int, Any]
"""By the number of a width, an int or a `Fraction`."""


class Demand(NamedTuple):
    """What a condition asks of the changes of widths: the sum of parts times changes is 0
    (`equal`), or a multiple of `divisor` (`multiple`)."""

    kind: Literal["equal", "multiple"]
    parts: Parts
    divisor: int = 1


class Condition:
    """A condition with its truth at the present widths, and what keeps it true."""

    __slots__ = ("demands", "truth")

    is_condition = True

    def __init__(self, truth: bool, demands: tuple[Demand, ...] = ()) -> None:
        self.truth = truth
        self.demands = demands if truth else ()

    def __bool__(self) -> bool:
        return self.truth

    def __or__(self, other: Any) -> Condition:
        """The first of both that holds now is what has to go on holding."""
        return self if self.truth or not other else _condition(other)

    def __ror__(self, other: Any) -> Condition:
        return _condition(other) | self

    def __and__(self, other: Any) -> Condition:
        second = _condition(other)
        return Condition(self.truth and second.truth, (*self.demands, *second.demands))

    __rand__ = __and__

    # A condition is a factor or a summand of 0 or 1.

    def __add__(self, other: Any) -> Any:
        return int(self.truth) + other

    __radd__ = __add__

    def __rsub__(self, other: Any) -> Any:
        return other - int(self.truth)

    def __mul__(self, other: Any) -> Any:
        return int(self.truth) * other

    __rmul__ = __mul__

    def apply(self, name: str, *operands: Any) -> Any:
        """The choice between two numbers by a condition: the one that is chosen at present."""
        if name != "where":
            raise TypeError(f"no condition is an operand of `{name}`")
        condition, a, b = operands
        return a if condition else b


def _condition(value: Any) -> Condition:
    return value if isinstance(value, Condition) else Condition(bool(value))


class Remainder(NamedTuple):
    """What is left of a varying number by a divisor."""

    value: int
    parts: Parts
    divisor: int

    def __eq__(self, other: object) -> Any:
        holds = self.value == _value(other)
        return Condition(holds, (Demand("multiple", self.parts, self.divisor),))

    def __ne__(self, other: object) -> Any:
        return Condition(self.value != _value(other))

    def __hash__(self) -> int:
        return hash(self.value)


class Varying:
    """A number and how it changes with widths; sizes are whole. See `tensors.Number`."""

    __slots__ = ("parts", "value")

    def __init__(self, value: Any, parts: Parts) -> None:
        self.value = value
        self.parts = parts

    def __repr__(self) -> str:
        return f"<Varying {self.value}: {dict(self.parts)}>"

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, form: str) -> str:
        return format(self.value, form)

    def __hash__(self) -> int:
        return hash(self.value)

    def __index__(self) -> int:
        return int(self.value)

    def agreed_value(self) -> int:
        """The number itself: where structure depends on it, the changed network will tell."""
        return int(self.value)

    def __add__(self, other: Any) -> Any:
        return varying(self.value + _value(other), _sum(self.parts, 1, _parts(other), 1))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return varying(self.value - _value(other), _sum(self.parts, 1, _parts(other), -1))

    def __rsub__(self, other: Any) -> Any:
        return varying(_value(other) - self.value, _sum(_parts(other), 1, self.parts, -1))

    def __neg__(self) -> Any:
        return 0 - self

    def __mul__(self, other: Any) -> Any:
        a, b = self.value, _value(other)
        return varying(a * b, _sum(self.parts, b, _parts(other), a))

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        return _quotient(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _quotient(other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.value / _value(other)  # no size is a real number

    def __rtruediv__(self, other: Any) -> Any:
        return _value(other) / self.value

    def __mod__(self, other: Any) -> Any:
        divisor = _value(other)
        if _parts(other):  # both vary: what is left of them is known for the present alone
            return self.value % divisor
        return Remainder(self.value % divisor, self.parts, divisor)

    def __rmod__(self, other: Any) -> Any:
        return _value(other) % self.value

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, (int, float, Varying)):
            return NotImplemented
        difference = _sum(self.parts, 1, _parts(other), -1)
        return Condition(self.value == _value(other), (Demand("equal", difference),))

    def __ne__(self, other: object) -> Any:
        return Condition(self.value != _value(other))

    def __lt__(self, other: Any) -> Any:
        return Condition(self.value < _value(other))

    def __le__(self, other: Any) -> Any:
        return Condition(self.value <= _value(other))

    def __gt__(self, other: Any) -> Any:
        return Condition(self.value > _value(other))

    def __ge__(self, other: Any) -> Any:
        return Condition(self.value >= _value(other))

    def apply(self, name: str, *operands: Any) -> Any:
        """As `tensors.Number` says; of two numbers the one that is chosen at present is chosen."""
        if name in _ROUNDED:
            return varying(_ROUNDED[name](self.value), self.parts)
        if name in ("maximum", "minimum"):
            a, b = operands
            larger = bool(_value(b) > _value(a))
            return b if larger == (name == "maximum") and _value(a) != _value(b) else a
        if name == "where":
            condition, a, b = operands
            return a if condition else b
        if name == "ceil_div":
            a, b = operands
            return _quotient(a + (b - 1), b)
        raise TypeError(f"no size is a `{name}` of widths")


_ROUNDED: Mapping[str, Callable[[Any], int]] = {"floor": floor, "ceil": ceil, "rint": round}


def varying(value: Any, parts: Parts) -> Any:
    """A plain number where nothing changes it."""
    return Varying(value, parts) if parts else value


def parts_of(size: Any) -> Parts:
    """How a size changes with widths; nothing for a plain number."""
    return _parts(size)


def _value(number: Any) -> Any:
    return number.value if isinstance(number, (Varying, Remainder)) else number


def _parts(number: Any) -> Parts:
    return number.parts if isinstance(number, Varying) else {}


def _sum(first: Parts, factor: Any, other: Parts, other_factor: Any) -> Parts:
    """factor * first + other_factor * other, without what cancels."""
    total = {width: part * factor for width, part in first.items()} if factor else {}
    if other_factor:
        for width, part in other.items():
            total[width] = total.get(width, 0) + part * other_factor
    return {width: part for width, part in total.items() if part}


def _quotient(a: Any, b: Any) -> Any:
    """a // b; by the rule of quotients, which is exact where b does not change."""
    dividend, divisor = _value(a), _value(b)
    parts = _sum(_parts(a), Fraction(1, divisor), _parts(b), Fraction(-dividend, divisor**2))
    return varying(dividend // divisor, parts)
