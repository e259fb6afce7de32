"""Operators of ONNX that read and write at positions, and that go along an axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.along import cumulative, flip, top_k
from mnet_cost.importing.mapping.at_positions import (
    Slices,
    gather_elements,
    gather_slices,
    scatter_elements,
    scatter_slices,
    shape_there,
)
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import binary, number
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat, slice_of
from mnet_cost.importing.mapping.onnx.reading import setting, sizes_of, whole
from mnet_cost.importing.mapping.parts import plain_size
from mnet_cost.importing.mapping.stored import constant, made_of
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value, elements

_MOST_PARTS = 64
"""Most examples of one tensor that are turned round one by one."""

_REDUCTIONS = {
    "none": "assign", "add": "add", "mul": "multiply", "max": "maximum", "min": "minimum",
}  # fmt: skip


def _reduction(call: Call) -> str:
    name = call.get("reduction", "none")
    if name not in _REDUCTIONS:
        raise Unmapped(f"has the reduction {name}")
    return _REDUCTIONS[name]


def elements_at(b: Builder, call: Call) -> Value:
    """GatherElements."""
    return gather_elements(b, call.input(0), call.input(1), call.get("axis", 0))


def put_elements(b: Builder, call: Call) -> Value:
    """ScatterElements, and Scatter before version 11."""
    x, index, updates = (call.input(i) for i in range(3))
    return scatter_elements(b, x, index, updates, call.get("axis", 0), _reduction(call))


def slices_at(b: Builder, call: Call) -> Value:
    """GatherND: the last axis of the positions counts along as many axes."""
    x, index, shared = call.input(0), call.input(1), call.get("batch_dims", 0)
    at = Slices(shared, shared, tuples=True)
    if x.static and index.static:
        return made_of(b, (x, index), shape_there(x, index, at), x.dtype)
    return gather_slices(b, x, index, at)


def put_slices(b: Builder, call: Call) -> Value:
    """ScatterND."""
    x, index, updates = (call.input(i) for i in range(3))
    return scatter_slices(b, x, index, updates, Slices(0, tuples=True), _reduction(call))


def put_in_cache(b: Builder, call: Call) -> Value:
    """TensorScatter: positions one after the other, from one that each example has."""
    cache, update, first = call.input(0), call.input(1), call.optional(2)
    axis = cache.place(call.get("axis", -2))
    length, whole_length = plain_size(update, axis), plain_size(cache, axis)
    if first is None:
        return concat(b, (update, slice_of(b, cache, axis, length, None)), axis)
    steps = Value((length,), "int64", known=tuple(range(length)), static=True)
    index = binary(b, b.reshaped(first, (*first.shape, 1)), steps, "add")
    if call.get("mode", "linear") == "circular":
        index = binary(b, index, number(whole_length), "modulo")
    return scatter_slices(b, cache, index, update, Slices(axis, 1), "assign")


def running(operation: str) -> Rule:
    """CumSum and CumProd."""

    def rule(b: Builder, call: Call) -> Value:
        axis = call.input(1).number
        if type(axis) is not int:
            raise Unmapped("has an axis that is not known")
        return cumulative(
            b,
            call.input(0),
            operation,
            axis,
            exclusive=bool(call.get("exclusive", 0)),
            reverse=bool(call.get("reverse", 0)),
        )

    return rule


def largest(b: Builder, call: Call) -> list[Value]:
    """TopK: how many is an attribute before version 10."""
    counts = [call.get("k")] if call.optional(1) is None else setting(call, "k", 1)
    (count,) = whole(counts or [None])
    smallest = not call.get("largest", 1)
    return list(top_k(b, call.input(0), count, call.get("axis", -1), smallest=smallest))


def reversed_parts(b: Builder, call: Call) -> Value:
    """ReverseSequence: the first positions of each example, as many as its length, turned round."""
    x, lengths = call.input(0), call.input(1).known
    time, axis = x.place(call.get("time_axis", 0)), x.place(call.get("batch_axis", 1))
    if lengths is None:
        raise Unmapped("has lengths that are not known")
    if len(set(lengths)) == 1:
        return _reversed(b, x, time, lengths[0])
    if isinstance(x.shape[axis], Batch) or x.shape[axis] != len(lengths) or time == axis:
        raise Unmapped(f"has {len(lengths)} lengths for {x.shape[axis]} examples")
    if len(lengths) > _MOST_PARTS:
        raise Unmapped(f"turns {len(lengths)} examples round one by one")
    parts = [slice_of(b, x, axis, i, i + 1) for i in range(len(lengths))]
    turned = [_reversed(b, part, time, n) for part, n in zip(parts, lengths, strict=True)]
    return concat(b, turned, axis)


def _reversed(b: Builder, x: Value, axis: int, length: int) -> Value:
    size = plain_size(x, axis)
    if not 0 <= length <= size:
        raise Unmapped(f"turns {length} of {size} positions round")
    if length < 2:
        return x
    first = flip(b, slice_of(b, x, axis, 0, length), [axis])
    return first if length == size else concat(b, (first, slice_of(b, x, axis, length, None)), axis)


def max_unpool(b: Builder, call: Call) -> Value:
    """MaxUnpool: elements put where a pool has found them, among zeros. Positions count over the
    whole tensor, of one example where the batch is its first axis."""
    x, index = call.input(0), call.input(1)
    if x.rank < 3 or index.shape != x.shape or x.batch_axis not in (None, 0):
        raise Unmapped("is of maps [N, C, ...] with a position for each element")
    shape = (*x.shape[:2], *_unpooled(call, x.shape[2:]))
    batch = x.shape[:1] if x.batch_axis == 0 else ()
    if batch:
        index = binary(b, index, number(elements(shape)), "modulo")
    zeros = constant(b, (*batch, elements(shape)), x.dtype, 0)
    flat = [b.reshaped(value, (*batch, elements(x.shape))) for value in (index, x)]
    made = scatter_elements(b, zeros, flat[0], flat[1], -1, "assign")
    return b.reshaped(made, shape)


def _unpooled(call: Call, sizes: Sequence[Dim]) -> list[Dim]:
    if (stated := call.optional(2)) is not None:
        return list(sizes_of(stated)[-len(sizes) :])
    kernel, axes = call.get("kernel_shape", ()), len(sizes)
    stride, pads = call.get("strides", [1] * axes), call.get("pads", [0] * 2 * axes)
    if not len(kernel) == len(stride) == axes or len(pads) != 2 * axes:
        raise Unmapped(f"has a window that does not fit {axes} axes")
    made: list[Dim] = []
    for size, k, s, before, after in zip(
        whole(sizes), kernel, stride, pads[:axes], pads[axes:], strict=True
    ):
        made.append((size - 1) * s + k - before - after)
    return made


def _or_stored(rule: Rule, shape: Callable[[Sequence[Value]], Sequence[Dim]]) -> Rule:
    """The rule, but what is made of stored tensors alone is stored as it comes out."""

    def rule_of_activations(b: Builder, call: Call) -> Value | list[Value]:
        inputs = [x for x in call.inputs if x is not None]
        if len(inputs) < 2 or not all(x.static for x in inputs):
            return rule(b, call)
        return made_of(b, inputs, shape(inputs), inputs[0].dtype)

    return rule_of_activations


def _first(inputs: Sequence[Value]) -> Sequence[Dim]:
    return inputs[0].shape


RULES: Mapping[str, Rule] = {
    "GatherElements": _or_stored(elements_at, lambda inputs: inputs[1].shape),
    "GatherND": slices_at,
    "ScatterElements": _or_stored(put_elements, _first),
    "Scatter": _or_stored(put_elements, _first),
    "ScatterND": _or_stored(put_slices, _first),
    "TensorScatter": put_in_cache,
    "CumSum": _or_stored(running("sum"), _first),
    "CumProd": _or_stored(running("product"), _first),
    "TopK": largest,
    "ReverseSequence": reversed_parts,
    "MaxUnpool": max_unpool,
}
