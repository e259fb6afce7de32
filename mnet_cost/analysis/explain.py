"""Every number of a layer as a formula: the rules, run on numbers that remember how they arose.

There is no second set of formulas to keep in step: `Traced` sizes go through the very methods
`infer` and `work` that count, and come out with the text of the arithmetic.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mnet_cost.layers import Layer, Work
from mnet_cost.network import Network, Step
from mnet_cost.tensors import TensorType, axis_names, is_symbolic, require

_SUM, _QUOTIENT, _PRODUCT, _ATOM = 1, 2, 3, 4  # how tightly a formula holds together


class Traced:
    """A number with the formula it came from, in names and in values."""

    __slots__ = ("binding", "names", "value", "values")

    def __init__(self, value: Any, names: str, values: str = "", binding: int = _ATOM) -> None:
        self.value = value
        self.names = names
        self.values = values or str(value)
        self.binding = binding

    def _combine(
        self, other: Any, sign: str, apply: Callable[[Any, Any], Any], binding: int, swap: bool
    ) -> Any:
        if not isinstance(other, (Traced, int, float)):
            return NotImplemented
        right = other if isinstance(other, Traced) else Traced(other, str(other))
        if (
            type(other) in (int, bool)
            and other == 0
            and (sign == "*" or (sign in "+-" and not swap))
        ):
            return 0 if sign == "*" else self
        if sign == "*" and other is True:  # a condition as a factor
            return self
        left, right = (right, self) if swap else (self, right)
        if sign == "*" and 1 in (_plain_one(left), _plain_one(right)):
            return right if _plain_one(left) == 1 else left
        # a * (b * c) is a * b * c; but a - (b - c) and a // (b * c) need their parentheses, and
        # a * (b // c) would be read as (a * b) // c without them.
        tight = binding if sign in "*+" else _ATOM
        names, values = (
            f"{_in(a, left.binding, binding)} {sign} {_in(b, right.binding, tight)}"
            for a, b in ((left.names, right.names), (left.values, right.values))
        )
        return Traced(apply(left.value, right.value), names, values, binding)

    def __add__(self, other: Any) -> Any:
        return self._combine(other, "+", operator.add, _SUM, swap=False)

    def __radd__(self, other: Any) -> Any:
        if other == 0 and not isinstance(other, Traced):
            return self  # where sum() starts
        return self._combine(other, "+", operator.add, _SUM, swap=True)

    def __sub__(self, other: Any) -> Any:
        return self._combine(other, "-", operator.sub, _SUM, swap=False)

    def __rsub__(self, other: Any) -> Any:
        return self._combine(other, "-", operator.sub, _SUM, swap=True)

    def __mul__(self, other: Any) -> Any:
        return self._combine(other, "*", operator.mul, _PRODUCT, swap=False)

    def __rmul__(self, other: Any) -> Any:
        return self._combine(other, "*", operator.mul, _PRODUCT, swap=True)

    def __floordiv__(self, other: Any) -> Any:
        return self._combine(other, "//", operator.floordiv, _QUOTIENT, swap=False)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._combine(other, "//", operator.floordiv, _QUOTIENT, swap=True)

    def __truediv__(self, other: Any) -> Any:
        return self._combine(other, "/", operator.truediv, _QUOTIENT, swap=False)

    def __mod__(self, other: Any) -> Any:
        return self._combine(other, "%", operator.mod, _QUOTIENT, swap=False)

    def __neg__(self) -> Traced:
        return Traced(-self.value, f"-{_in(self.names, self.binding, _ATOM)}",
                      f"-{_in(self.values, self.binding, _ATOM)}", _PRODUCT)  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _value(other))

    def __ne__(self, other: object) -> bool:
        return bool(self.value != _value(other))

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < _value(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= _value(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > _value(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= _value(other))

    def __hash__(self) -> int:
        return hash(self.value)

    def __index__(self) -> int:
        return operator.index(self.value)

    def __str__(self) -> str:
        return str(self.value)

    def apply(self, name: str, *operands: Any) -> Traced:
        """`floor`, `maximum` and so on, as `tensors` asks for them."""
        words, function = _CALLS[name]
        traced = [
            operand if isinstance(operand, Traced) else Traced(operand, str(operand))
            for operand in operands
        ]
        if name == "ceil_div":
            dividend, divisor = traced
            if divisor.value == 1:
                return dividend
            quotient = dividend._combine(divisor, "/", operator.truediv, _QUOTIENT, swap=False)
            names, values = quotient.names, quotient.values
        else:
            names = ", ".join(operand.names for operand in traced)
            values = ", ".join(operand.values for operand in traced)
        value = function(*(operand.value for operand in traced))
        return Traced(value, f"{words}({names})", f"{words}({values})")


_CALLS: dict[str, tuple[str, Callable[..., Any]]] = {
    "floor": ("floor", math.floor),
    "ceil": ("ceil", math.ceil),
    "rint": ("round", round),
    "maximum": ("max", max),
    "minimum": ("min", min),
    "gcd": ("gcd", math.gcd),
    "ceil_div": ("ceil", lambda dividend, divisor: -(-dividend // divisor)),
}


def _in(text: str, binding: int, around: int) -> str:
    return f"({text})" if binding < around else text


def _value(other: Any) -> Any:
    return other.value if isinstance(other, Traced) else other


def _plain_one(number: Traced) -> Any:
    return number.value if number.names == "1" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """One number of a layer: what it is, `names = values = value`."""

    what: str
    names: str
    values: str
    value: Any


COUNTS = Work._fields

_SIZE_LETTERS = {
    "channels": "C", "depth": "D", "height": "H", "width": "W", "length": "L", "features": "F",
}  # fmt: skip
_PARTS = {
    ("height", "width"): ("_h", "_w"),
    ("depth", "height", "width"): ("_d", "_h", "_w"),
}
"""Endings of the names of numbers in a list, by what the list holds; else the words themselves."""


def explain_step(network: Network, step: Step) -> tuple[Formula, ...]:
    """Formulas of the sizes of the output and of every count that is not 0, for one example."""
    named = tuple([_named(type_, suffix) for type_, suffix in _inputs(network, step)])
    layer = _with_named_fields(step.layer)
    output = layer.infer(require, *named)
    formulas = []
    labels = _axis_labels(network.tensors[step.output].type)
    for label, size in zip(labels, output.shape, strict=True):
        formulas.append(_formula(f"output {label}", size))
    work = layer.work(named, _named(network.tensors[step.output].type, "out"))
    if work is not None:
        formulas += [
            _formula(words_for_count(what), getattr(work, what))
            for what in COUNTS
            if getattr(work, what) != 0
        ]
    return tuple(formulas)


def words_for_count(count: str) -> str:
    """What a formula of one of `COUNTS` is called."""
    return count.replace("_", " ").replace("mult adds", "mult-adds")


def _formula(what: str, number: Any) -> Formula:
    if isinstance(number, Traced):
        return Formula(what=what, names=number.names, values=number.values, value=number.value)
    return Formula(what=what, names=str(number), values=str(number), value=number)


def _axis_labels(type_: TensorType) -> tuple[str, ...]:
    rank = len(type_.shape)
    names = axis_names(rank, type_.layout)
    leading = tuple(f"axis {i}" for i in range(rank - len(names)))
    return leading + names


def _inputs(network: Network, step: Step) -> list[tuple[TensorType, str]]:
    """The types that a step reads, each with the ending of the names of its sizes."""
    types = [network.tensors[index].type for index in step.inputs]
    several = len(types) > 1
    return [(type_, f"in{i + 1}" if several else "in") for i, type_ in enumerate(types)]


def symbols_of(network: Network, step: Step) -> dict[str, Any]:
    """The values of the names in formulas of a step, as numbers of any kind."""
    symbols: dict[str, Any] = {}
    made = (network.tensors[step.output].type, "out")
    for type_, suffix in (*_inputs(network, step), made):
        symbols.update(zip(_size_names(type_, suffix), type_.shape, strict=True))
    for field in dataclasses.fields(step.layer):
        value = getattr(step.layer, field.name)
        for name, number in zip(_field_names(field, value), _as_tuple(value), strict=False):
            symbols[name] = number
    return symbols


def _size_names(type_: TensorType, suffix: str) -> list[str]:
    return [f"{_SIZE_LETTERS.get(label, 'N')}_{suffix}" for label in _axis_labels(type_)]


def _named(type_: TensorType, suffix: str) -> TensorType:
    shape: Any = tuple(
        [
            Traced(size, name)
            for size, name in zip(type_.shape, _size_names(type_, suffix), strict=True)
        ]
    )
    return TensorType(shape, type_.dtype, type_.layout)


def _is_size(value: Any) -> bool:
    return (isinstance(value, (int, float)) and not isinstance(value, bool)) or is_symbolic(value)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _field_names(field: dataclasses.Field[Any], value: Any) -> list[str]:
    """Names of the numbers that a field holds; none of one that holds something else."""
    if _is_size(value):
        return [field.name]
    if not isinstance(value, tuple) or not all(map(_is_size, value)):
        return []
    words = field.metadata["kind"].words_of_list(len(value))
    if not words:
        return []
    return [field.name + part for part in _PARTS.get(words) or [f"_{word}" for word in words]]


def _with_named_fields(layer: Layer) -> Layer:
    """`layer` with its numbers replaced by numbers that know the field's name."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(layer):
        value = getattr(layer, field.name)
        names = _field_names(field, value)
        if names:
            traced = tuple([Traced(*each) for each in zip(_as_tuple(value), names, strict=True)])
            changes[field.name] = traced if isinstance(value, tuple) else traced[0]
    return dataclasses.replace(layer, **changes) if changes else layer
