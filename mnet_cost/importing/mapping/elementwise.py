"""Functions of each element: sums, products, activations, of tensors and of known numbers.

Where all operands are known (sizes, bounds), the result is calculated and makes no layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.importing.graph import FEW_WHOLE
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.known import FUNCTIONS, broadcast, calculate
from mnet_cost.importing.mapping.values import Value, elements, joined_shape, plain

_MIRRORED = {
    **{name: name for name in ("add", "multiply", "minimum", "maximum", "equal", "not_equal")},
    "less": "greater", "less_or_equal": "greater_or_equal",
    "greater": "less", "greater_or_equal": "less_or_equal",
}  # fmt: skip
"""The same function with its two tensors in the other order."""


def known_result(function: str, operands: Sequence[Value]) -> Value | None:
    """The result of a function of known tensors, where it is known, too."""
    if any(x.numbers is None or x.batch_axis is not None for x in operands):
        return None
    shape = plain(joined_shape([x.shape for x in operands]))
    if elements(shape) > FEW_WHOLE:
        return None
    repeated = [broadcast(x.numbers or (), plain(x.shape), shape) for x in operands]
    result = calculate(function, *repeated)
    if result is None:
        return None
    return Value(shape, operands[0].dtype, known=result, static=True)


def function(b: Builder, x: Value, kind: str, known: str | None = None, **fields: Any) -> Value:
    """A function of one tensor that is a kind (`relu`) or an operation (`exp`) of its own.

    `known` is its name among those of known numbers, where it has one.
    """
    if known is not None and (result := known_result(known, (x,))) is not None:
        return result
    return b.layer(kind, (x,), x.shape, fields)


def operation(b: Builder, x: Value, name: str, known: str | None = None, **fields: Any) -> Value:
    """A function of one tensor that `elementwise` has; of known numbers it is calculated."""
    if known is None and not fields and name in FUNCTIONS:
        known = name
    return function(b, x, "elementwise", known, operation=name, **fields)


def binary(b: Builder, first: Value, second: Value, name: str) -> Value:
    """A sum, a product, or a function of two tensors that `elementwise` has.

    A known number becomes the number of the layer, where the function has one.
    """
    result = known_result(name, (first, second))
    if result is not None:
        return result
    from mnet_cost.layers.arithmetic import OPERATIONS, REVERSIBLE  # many classes: only if needed

    for x, other, is_reversed in ((first, second, False), (second, first, True)):
        value = other.number
        if value is None or not isinstance(value, (int, float)) or other.rank > x.rank:
            continue
        turned = True if is_reversed and name in REVERSIBLE else None
        own = _MIRRORED.get(name) if is_reversed and not turned else name
        if own is None or OPERATIONS[own].number not in ("always", "instead"):
            continue
        fields = {"operation": own, "number": _number(value), "reversed": turned}
        return b.layer("elementwise", (x,), x.shape, fields)
    wires, shape = b.joined((first, second))
    if name in ("add", "multiply"):
        return b.layer(name, wires, shape)
    return b.layer("elementwise", wires, shape, {"operation": name})


def number(value: float) -> Value:
    """A known number."""
    return Value((), "float32", known=(value,), static=True)


def scaled(b: Builder, x: Value, factor: float) -> Value:
    """x times a number, which makes no layer where it is 1."""
    return x if factor == 1 else binary(b, x, number(factor), "multiply")


def comparison(b: Builder, first: Value, second: Value, name: str) -> Value:
    """A condition of two tensors: `equal`, `less`, `logical_and` and so on."""
    return binary(b, first, second, name)._replace(dtype="bool")


def select(b: Builder, condition: Value, first: Value, other: Value) -> Value:
    """`first` where the condition holds, else `other`."""
    result = known_result("select", (condition, first, other))
    if result is not None:
        return result._replace(dtype=first.dtype)
    wires, shape = b.joined((condition, first, other))
    return b.layer("elementwise", wires, shape, {"operation": "select"}, dtype=first.dtype)


def _number(number: int | float | bool) -> int | float:
    return int(number) if isinstance(number, bool) else number
