"""Arithmetic of known numbers: sizes, axes and bounds that a graph calculates.

A size that is proportional to the batch stays so where it is multiplied with or divided by a whole
number. What has no such result is not known: `Unknown`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mnet_cost.importing.graph import Batch
from mnet_cost.tensors import product

_MOST_BITS = 64
"""Of whole numbers: larger ones are no sizes."""


class Unknown(Exception):
    """A result that is no number, and no multiple of the batch."""


def _multiply(a: Any, b: Any) -> Any:
    if isinstance(a, Batch) and isinstance(b, Batch):
        raise Unknown
    if isinstance(b, Batch):
        a, b = b, a
    if isinstance(a, Batch):
        if not isinstance(b, int) or b < 1:
            raise Unknown
        return a if b == 1 else Batch(a.times * b)
    return a * b


def _divide(a: Any, b: Any) -> Any:
    """Division as ONNX and C do it: of whole numbers towards zero."""
    if isinstance(a, Batch):
        return _floor_divide(a, b)
    if isinstance(b, Batch) or not b:
        raise Unknown
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return a / b


def _floor_divide(a: Any, b: Any) -> Any:
    if isinstance(a, Batch) and isinstance(b, Batch):
        if a.times % b.times:
            raise Unknown
        return a.times // b.times
    if isinstance(a, Batch) and isinstance(b, int) and b > 0 and a.times % b == 0:
        return Batch(a.times // b)
    if isinstance(a, Batch) or isinstance(b, Batch) or not b:
        raise Unknown
    return a // b


def _power(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and not 0 <= b <= _MOST_BITS:
        raise Unknown  # a quotient, or a number that nobody could store
    return a**b


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(*operands: Any) -> Any:
        if any(isinstance(operand, Batch) for operand in operands):
            raise Unknown
        try:
            return function(*operands)
        except (ArithmeticError, ValueError, TypeError):
            raise Unknown from None

    return apply


def _equal(a: Any, b: Any) -> bool:
    # A network has any number of examples: what a single one would change is not followed.
    return bool(a == b)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "add": _plain(operator.add),
    "subtract": _plain(operator.sub),
    "multiply": _multiply,
    "divide": _divide,
    "floor_divide": _floor_divide,
    "true_divide": _plain(operator.truediv),
    "modulo": _plain(operator.mod),
    "power": _plain(_power),
    "negate": _plain(operator.neg),
    "absolute": _plain(abs),
    "minimum": _plain(min),
    "maximum": _plain(max),
    "floor": _plain(math.floor),
    "ceil": _plain(math.ceil),
    "round": _plain(round),
    "sqrt": _plain(math.sqrt),
    "exp": _plain(math.exp),
    "log": _plain(math.log),
    "reciprocal": _plain(lambda x: 1 / x),
    "equal": _equal,
    "not_equal": lambda a, b: not _equal(a, b),
    "less": _plain(operator.lt),
    "less_or_equal": _plain(operator.le),
    "greater": _plain(operator.gt),
    "greater_or_equal": _plain(operator.ge),
    "logical_and": _plain(lambda a, b: bool(a) and bool(b)),
    "logical_or": _plain(lambda a, b: bool(a) or bool(b)),
    "logical_xor": _plain(lambda a, b: bool(a) != bool(b)),
    "logical_not": _plain(operator.not_),
    "bitwise_and": _plain(operator.and_),
    "bitwise_or": _plain(operator.or_),
    "bitwise_xor": _plain(operator.xor),
    "select": lambda condition, a, b: a if condition else b,
}
"""What can be calculated of known numbers, one element at a time."""


def calculate(function: str, *operands: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The elements of a function of tensors of known elements, which have equally many or one.

    None where that is not a number, or not a multiple of the batch.
    """
    length = max(map(len, operands))
    if any(len(operand) not in (1, length) for operand in operands):
        return None
    if any(isinstance(element, str) for operand in operands for element in operand):
        return None
    apply = FUNCTIONS[function]
    try:
        made = tuple([apply(*[x[i if len(x) > 1 else 0] for x in operands]) for i in range(length)])
    except (Unknown, ArithmeticError):
        return None
    if any(isinstance(x, int) and x.bit_length() > _MOST_BITS for x in made):
        return None
    return made


def strides(shape: Sequence[int]) -> list[int]:
    """Elements from one position to the next, for each axis, in row-major order."""
    result, step = [], 1
    for size in reversed(shape):
        result.append(step)
        step *= size
    return result[::-1]


def permuted(
    elements: Sequence[Any], shape: Sequence[int], order: Sequence[int]
) -> tuple[Any, ...]:
    """The elements of a tensor with its axes in another order."""
    steps = strides(shape)
    positions = [0]
    for axis in order:
        positions = [p + i * steps[axis] for p in positions for i in range(shape[axis])]
    return tuple([elements[p] for p in positions])


def taken(
    elements: Sequence[Any], shape: Sequence[int], axis: int, positions: Sequence[int]
) -> tuple[Any, ...]:
    """The elements at some positions of an axis, in the order of `positions`."""
    step = strides(shape)[axis]
    block = step * shape[axis]
    return tuple(
        [
            element
            for start in range(0, len(elements), block or 1)
            for i in positions
            for element in elements[start + i * step : start + (i + 1) * step]
        ]
    )


def joined(
    parts: Sequence[Sequence[Any]], shapes: Sequence[Sequence[int]], axis: int
) -> tuple[Any, ...]:
    """The elements of tensors one after the other along an axis."""
    elements: list[Any] = []
    for row in range(product(tuple(shapes[0][:axis]))):
        for part, shape in zip(parts, shapes, strict=True):
            size = strides(shape)[axis] * shape[axis]
            elements += part[row * size : (row + 1) * size]
    return tuple(elements)


def broadcast(
    elements: Sequence[Any], shape: Sequence[int], wanted: Sequence[int]
) -> tuple[Any, ...]:
    """The elements of a tensor that is repeated along its axes of size 1, or in front of them."""
    shape = (1,) * (len(wanted) - len(shape)) + tuple(shape)
    steps = strides(shape)
    positions = [0]
    for axis, size in enumerate(wanted):
        step = steps[axis] if shape[axis] != 1 else 0
        positions = [p + i * step for p in positions for i in range(size)]
    return tuple([elements[p] for p in positions])
