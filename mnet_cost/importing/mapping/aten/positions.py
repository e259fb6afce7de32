"""ATen operators that read and write at positions, and that go along an axis."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.graph import FEW_WHOLE
from mnet_cost.importing.mapping import images
from mnet_cost.importing.mapping.along import cumulative, flip, top_k
from mnet_cost.importing.mapping.at_positions import (
    Slices,
    gather_elements,
    gather_slices,
    scatter_elements,
    scatter_slices,
)
from mnet_cost.importing.mapping.aten.arguments import (
    flag,
    on_axes,
    optional_whole,
    places,
    real,
    whole,
    wholes,
)
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import comparison
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import slice_of
from mnet_cost.importing.mapping.parts import stack
from mnet_cost.importing.mapping.positions import positions_of
from mnet_cost.importing.mapping.reductions import reduce
from mnet_cost.importing.mapping.stored import constant
from mnet_cost.importing.mapping.values import ALONE, Unmapped, Value


def gather(b: Builder, call: Call) -> Value:
    """gather and take_along_dim."""
    index = call.tensor("index" if "index" in call.arguments else "indices")
    return gather_elements(b, call.tensor("self"), index, whole(call, "dim"))


_REDUCTIONS = {
    "add": "add", "sum": "add", "multiply": "multiply", "prod": "multiply", "amax": "maximum",
    "amin": "minimum",
}  # fmt: skip


def scatter(b: Builder, call: Call) -> Value:
    """scatter, scatter_add and scatter_reduce."""
    x, index = call.tensor("self"), call.tensor("index")
    given = call.get("src", call.get("value"))
    if isinstance(given, Value) and given.rank:
        updates = given
        for place, size in enumerate(index.shape):  # what is put there may be larger
            if isinstance(size, int) and updates.shape[place] != size:
                updates = slice_of(b, updates, place, 0, size)
    else:
        number = real(call, "src" if "src" in call.arguments else "value")
        updates = constant(b, index.shape, x.dtype, number)
    reduction = "add" if "scatter_add" in call.node.operator else call.get("reduce", "assign")
    operation = _REDUCTIONS.get(reduction, reduction)
    if operation not in ("assign", *_REDUCTIONS.values()) or not flag(call, "include_self", True):
        raise Unmapped(f"has the reduction `{reduction}`")
    return scatter_elements(b, x, index, updates, whole(call, "dim"), operation)


def of_each_example(b: Builder, x: Value, given: list[Value | None]) -> tuple[Value, Slices] | None:
    """x[examples, i, j, ...], where the first index has the number of each example: positions in
    each of them; None for other indices."""
    first, *others = given
    if x.batch_axis != 0 or first is None or not others or any(i is None for i in others):
        return None
    counted = positions_of(first)
    if counted is None or first.batch_axis != 0 or counted.start or counted.steps[0] != 1:
        return None
    if any(size != 1 for size in first.shape[1:]):
        return None
    along = [i for i in others if i is not None]
    if any(i.shape != along[0].shape or i.shape[:1] != (ALONE,) for i in along):
        return None
    if len(along) == 1:
        return along[0], Slices(1, 1)
    return stack(b, along, along[0].rank), Slices(1, 1, tuples=True)


def put(b: Builder, call: Call) -> Value:
    """index_put: x[examples, i] = y, or x[i] = y without a batch."""
    x, given, updates = call.tensor("self"), call.get("indices"), call.tensor("values")
    if not isinstance(given, list) or not all(i is None or isinstance(i, Value) for i in given):
        raise Unmapped("has indices that are no tensors")
    operation = "add" if flag(call, "accumulate") else "assign"
    if (found := of_each_example(b, x, given)) is not None:
        return scatter_slices(b, x, found[0], updates, found[1], operation)
    if len(given) != 1 or given[0] is None:
        raise Unmapped("puts elements at positions along several axes")
    return scatter_slices(b, x, given[0], updates, Slices(0), operation)


def put_along(b: Builder, call: Call) -> Value:
    """index_add and index_copy: at positions along an axis, which are the same for each slice."""
    x, index, updates = call.tensor("self"), call.tensor("index"), call.tensor("source")
    if real(call, "alpha", 1) != 1:
        raise Unmapped("has a factor `alpha`")
    operation = "add" if "index_add" in call.node.operator else "assign"
    return scatter_slices(b, x, index, updates, Slices(x.place(whole(call, "dim"))), operation)


def largest(b: Builder, call: Call) -> list[Value]:
    """topk."""
    x, count, axis = call.tensor("self"), whole(call, "k"), whole(call, "dim", -1)
    return list(top_k(b, x, count, axis, smallest=not flag(call, "largest", True)))


def ordered(b: Builder, call: Call) -> list[Value]:
    """sort: the largest or smallest elements, all of them."""
    x, axis = call.tensor("self"), whole(call, "dim", -1)
    count = x.shape[x.place(axis)]
    if not isinstance(count, int):
        raise Unmapped("puts examples in order")
    return list(top_k(b, x, count, axis, smallest=not flag(call, "descending")))


def extreme(reduction: str) -> Rule:
    """max and min along an axis, and where they are, if somebody reads that."""

    def rule(b: Builder, call: Call) -> list[Value]:
        x, keep = call.tensor("self"), flag(call, "keepdim")
        if len(call.node.outputs) < 2 or not b.is_read(call.node.outputs[1]):
            return [reduce(b, x, reduction, places(call, x), keep=keep)]
        place = x.place(whole(call, "dim"))
        both = top_k(b, x, 1, place, smallest=reduction == "min")
        if keep:
            return list(both)
        return [b.reshaped(y, (*y.shape[:place], *y.shape[place + 1 :])) for y in both]

    return rule


def place_of(reduction: str) -> Rule:
    """argmax and argmin: as many comparisons as for the largest element."""

    def rule(b: Builder, call: Call) -> Value:
        x, axis = call.tensor("self"), optional_whole(call, "dim")
        made = reduce(b, x, reduction, () if axis is None else (axis,), keep=flag(call, "keepdim"))
        return made._replace(dtype="int64")

    return rule


def running(operation: str) -> Rule:
    """cumsum and cumprod."""
    return lambda b, call: cumulative(b, call.tensor("self"), operation, whole(call, "dim"))


def sampled(b: Builder, call: Call) -> Value:
    """grid_sampler."""
    modes, outside = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
    numbers = whole(call, "interpolation_mode", 0), whole(call, "padding_mode", 0)
    if not all(0 <= number < 3 for number in numbers):
        raise Unmapped(f"has modes {numbers}")
    x, grid = call.tensor("input"), call.tensor("grid")
    corners = flag(call, "align_corners")
    return images.grid_sample(b, x, grid, modes[numbers[0]], outside[numbers[1]], corners)


def folded(b: Builder, call: Call) -> Value:
    """col2im."""
    kernel, dilation, padding, stride = _window(call)
    ends = [(n, n) for n in padding]
    size = wholes(call, "output_size")
    return images.fold(b, call.tensor("self"), size, kernel, stride, ends, dilation)


def unfolded(b: Builder, call: Call) -> Value:
    """im2col."""
    kernel, dilation, padding, stride = _window(call)
    ends = [(n, n) for n in padding]
    return images.unfold(b, call.tensor("self"), kernel, stride, ends, dilation)


def _window(call: Call) -> list[list[int]]:
    names = {"kernel_size": 1, "dilation": 1, "padding": 0, "stride": 1}
    return [on_axes(call, name, 2, default) for name, default in names.items()]


def one_hot(b: Builder, call: Call) -> Value:
    """one_hot: whether a number is that of each place of a new last axis."""
    x, classes = call.tensor("self"), whole(call, "num_classes", -1)
    if not 0 < classes <= FEW_WHOLE:
        raise Unmapped(f"has {classes} classes")
    numbers = Value((classes,), "int64", known=tuple(range(classes)), static=True)
    made = comparison(b, b.reshaped(x, (*x.shape, 1)), numbers, "equal")
    return made._replace(dtype="int64")


def at_rows(b: Builder, x: Value, axis: int, index: Value) -> Value:
    """x at calculated positions along an axis."""
    return gather_slices(b, x, index, Slices(x.place(axis)))


RULES: Mapping[str, Rule] = {
    "aten.gather.default": gather,
    "aten.take_along_dim.default": gather,
    **dict.fromkeys(
        (
            "aten.scatter.src", "aten.scatter.value", "aten.scatter_.src", "aten.scatter_.value",
            "aten.scatter.reduce", "aten.scatter.value_reduce", "aten.scatter_add.default",
            "aten.scatter_add_.default", "aten.scatter_reduce.two", "aten.scatter_reduce_.two",
        ),
        scatter,
    ),
    "aten.index_put.default": put,
    "aten.index_put_.default": put,
    **dict.fromkeys(
        ("aten.index_add.default", "aten.index_add_.default", "aten.index_copy.default"), put_along
    ),
    "aten.topk.default": largest,
    "aten.sort.default": ordered,
    "aten.argsort.default": lambda b, call: ordered(b, call)[1],
    "aten.max.dim": extreme("max"),
    "aten.min.dim": extreme("min"),
    "aten.argmax.default": place_of("max"),
    "aten.argmin.default": place_of("min"),
    "aten.cumsum.default": running("sum"),
    "aten.cumprod.default": running("product"),
    "aten.flip.default": lambda b, call: flip(b, call.tensor("self"), wholes(call, "dims")),
    "aten.grid_sampler.default": sampled,
    "aten.col2im.default": folded,
    "aten.im2col.default": unfolded,
    "aten.one_hot.default": one_hot,
}  # fmt: skip
