"""Operators of ONNX that reduce axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import operation
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.onnx.reading import axes_of
from mnet_cost.importing.mapping.reductions import reduce
from mnet_cost.importing.mapping.values import Value

_REDUCTIONS = {
    "ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "max", "ReduceMin": "min",
    "ReduceProd": "product", "ReduceL2": "norm", "ReduceL1": "l1",
    "ReduceSumSquare": "sum_square", "ReduceLogSum": "log_sum", "ReduceLogSumExp": "log_sum_exp",
}  # fmt: skip
_OF_ONE = {"l1": "absolute", "norm": "absolute", "sum_square": "square", "log_sum": "log"}
"""What a reduction is where it has one element to reduce; others leave it as it is."""


def _reduction(name: str) -> Rule:
    def rule(b: Builder, call: Call) -> Value:
        x, axes = call.input(0), axes_of(call, 1)
        if not axes and call.get("noop_with_empty_axes", 0):
            return operation(b, x, _OF_ONE[name]) if name in _OF_ONE else x
        keep = bool(call.get("keepdims", 1))
        if (result := _known(x, name, keep)) is not None:
            return result
        return reduce(b, x, name, axes or (), keep=keep)

    return rule


def _known(x: Value, reduction: str, keep: bool) -> Value | None:
    """The reduction of known whole numbers in one row, as exporters calculate sizes."""
    if x.known is None or x.rank != 1 or not all(type(number) is int for number in x.known):
        return None
    function = _OF_KNOWN.get(reduction)
    if function is None or not x.known:
        return None
    shape = (1,) if keep else ()
    return Value(shape, x.dtype, known=(function(x.known),), static=True)


def _product(numbers: tuple[int, ...]) -> int:
    product = 1
    for number in numbers:
        product *= number
    return product


_OF_KNOWN: Mapping[str, Callable[[tuple[int, ...]], int]] = {
    "sum": sum, "max": max, "min": min, "product": _product,
}  # fmt: skip


def position(reduction: str) -> Rule:
    """ArgMax and ArgMin: as many comparisons as for the largest element."""

    def rule(b: Builder, call: Call) -> Value:
        axis = call.get("axis", 0)
        keep = bool(call.get("keepdims", 1))
        made = reduce(b, call.input(0), reduction, (axis,), keep=keep)
        return made._replace(dtype="int64")

    return rule


RULES: Mapping[str, Rule] = {
    **{name: _reduction(ours) for name, ours in _REDUCTIONS.items()},
    "ArgMax": position("max"),
    "ArgMin": position("min"),
}
