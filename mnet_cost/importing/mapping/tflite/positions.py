"""Operators of TFLite that read and write at positions, and that go along an axis."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping.along import cumulative, flip, top_k
from mnet_cost.importing.mapping.at_positions import Slices, gather_slices, scatter_slices
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.operands import (
    axis_of,
    in_file_order,
    is_image,
    known_number,
    known_numbers,
    left_of,
    made,
)
from mnet_cost.importing.mapping.reductions import reduce
from mnet_cost.importing.mapping.stored import constant
from mnet_cost.importing.mapping.values import Value


def slices_at(b: Builder, call: Call) -> Value:
    """GATHER at calculated positions; `batch_dims` axes in front are those of both."""
    x, index = in_file_order(b, call, 0), in_file_order(b, call, 1)
    at = Slices(x.place(call.get("axis", 0)), call.get("batch_dims", 0))
    return made(b, call, gather_slices(b, x, index, at))


def places(b: Builder, call: Call) -> Value:
    """GATHER_ND: the last axis of the positions counts along as many axes."""
    x, index = in_file_order(b, call, 0), in_file_order(b, call, 1)
    return made(b, call, gather_slices(b, x, index, Slices(0, tuples=True)))


def put(b: Builder, call: Call) -> Value:
    """SCATTER_ND: sums at positions, among zeros of a known shape."""
    index, updates = in_file_order(b, call, 0), in_file_order(b, call, 1)
    shape = known_numbers(call, 2, "sizes")
    zeros = constant(b, shape, updates.dtype, 0)
    at = Slices(0, tuples=True)
    return made(b, call, scatter_slices(b, zeros, index, updates, at, "add"))


def place_of(reduction: str) -> Rule:
    """ARG_MAX and ARG_MIN: as many comparisons as for the largest element."""

    def rule(b: Builder, call: Call) -> Value:
        x = call.input(0)
        place = axis_of(call, 0, known_number(call, 1, "axes"))
        found = reduce(b, x, reduction, (place,), keep=False)
        return left_of(b, call, found, x.rank, [place])._replace(dtype=call.dtypes[0])

    return rule


def running_sum(b: Builder, call: Call) -> Value:
    """CUMSUM."""
    place = axis_of(call, 0, known_number(call, 1, "axes"))
    sums = cumulative(
        b,
        call.input(0),
        "sum",
        place,
        exclusive=bool(call.get("exclusive", False)),
        reverse=bool(call.get("reverse", False)),
    )
    return made(b, call, sums, is_image=is_image(call, 0))


def largest(b: Builder, call: Call) -> list[Value]:
    """TOPK_V2: along the last axis."""
    x = in_file_order(b, call, 0)
    values, positions = top_k(b, x, known_number(call, 1, "counts"), -1)
    return [made(b, call, values), positions]


def reversed_axes(b: Builder, call: Call) -> Value:
    """REVERSE_V2."""
    axes = [axis_of(call, 0, axis) for axis in known_numbers(call, 1, "axes")]
    return made(b, call, flip(b, call.input(0), axes), is_image=is_image(call, 0))


RULES: Mapping[str, Rule] = {
    "GATHER_ND": places,
    "SCATTER_ND": put,
    "ARG_MAX": place_of("max"),
    "ARG_MIN": place_of("min"),
    "CUMSUM": running_sum,
    "TOPK_V2": largest,
    "REVERSE_V2": reversed_axes,
}
