"""ATen operators that move elements, take parts, make tensors, or only pass them on."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping import parts
from mnet_cost.importing.mapping.at_positions import Slices, gather_slices
from mnet_cost.importing.mapping.aten.arguments import (
    ALL_THE_REST,
    flag,
    optional_whole,
    places,
    plain,
    plain_whole,
    real,
    sizes,
    tensors,
    whole,
    wholes,
    word,
)
from mnet_cost.importing.mapping.aten.positions import of_each_example
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.images import pad
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import (
    concat,
    expand,
    slice_of,
    take,
    tile,
    transpose,
)
from mnet_cost.importing.mapping.positions import Positions, spread
from mnet_cost.importing.mapping.stored import at_stored_positions, constant, looked_up
from mnet_cost.importing.mapping.values import Unmapped, Value, joined_shape


def size(b: Builder, call: Call) -> Value:
    """sym_size: a size as a known number."""
    x = call.tensor("self")
    return Value((), "int64", known=(x.shape[x.place(whole(call, "dim"))],), static=True)


def same(b: Builder, call: Call) -> Value:
    """Operators that give their input: in evaluation mode, or for costs."""
    return call.tensor("input" if "input" in call.arguments else "self")


def dropout(b: Builder, call: Call) -> Value:
    """dropout, which a program that was exported for training has."""
    x = same(b, call)
    if not flag(call, "train"):
        return x
    return b.layer("dropout", (x,), x.shape, {"rate": real(call, "p", 0.5)})


def reshape(b: Builder, call: Call) -> Value:
    """view and reshape."""
    name = "size" if "size" in call.arguments else "shape"
    return b.reshaped_to(call.tensor("self"), sizes(call, name))


def reshape_as(b: Builder, call: Call) -> Value:
    """view_as and reshape_as."""
    return b.reshaped_to(call.tensor("self"), call.tensor("other").shape)


def flatten(b: Builder, call: Call) -> Value:
    """flatten: axes `start_dim` to `end_dim` joined."""
    x = call.tensor("self")
    if not x.rank:
        return b.reshaped(x, (1,))
    first, last = x.place(whole(call, "start_dim", 0)), x.place(whole(call, "end_dim", -1))
    if first >= last:
        return x
    return b.reshaped_to(x, (*x.shape[:first], -1, *x.shape[last + 1 :]))


def unflatten(b: Builder, call: Call) -> Value:
    """unflatten: one axis as several."""
    x = call.tensor("self")
    place = x.place(whole(call, "dim"))
    return b.reshaped_to(x, (*x.shape[:place], *sizes(call, "sizes"), *x.shape[place + 1 :]))


def permute(b: Builder, call: Call) -> Value:
    """permute."""
    return transpose(b, call.tensor("self"), wholes(call, "dims"))


def swap(b: Builder, call: Call) -> Value:
    """transpose and its like: two axes change places."""
    x = call.tensor("self")
    named = ("dim0", "dim1") if "dim0" in call.arguments else ("axis0", "axis1")
    first, second = (x.place(whole(call, name, -1 - i)) for i, name in enumerate(named))
    order = list(range(x.rank))
    order[first], order[second] = second, first
    return transpose(b, x, order)


def turned(b: Builder, call: Call) -> Value:
    """t, numpy_T and mT."""
    x = call.tensor("self")
    if x.rank < 2:
        return x
    order = list(range(x.rank))
    return transpose(b, x, [*order[:-2], order[-1], order[-2]])


def unsqueeze(b: Builder, call: Call) -> Value:
    """unsqueeze: a new axis of size 1."""
    x = call.tensor("self")
    axis = whole(call, "dim")
    place = axis + x.rank + 1 if axis < 0 else axis
    made = (*x.shape[:place], 1, *x.shape[place:])
    if x.positions and (result := spread(x, made)) is not None:
        return result
    return b.reshaped(x, made)


def squeeze(b: Builder, call: Call) -> Value:
    """squeeze: axes of size 1 go."""
    x = call.tensor("self")
    gone = {place for place in places(call, x) if x.shape[place] == 1}
    return b.reshaped(x, [size for i, size in enumerate(x.shape) if i not in gone])


def repeated(b: Builder, call: Call) -> Value:
    """expand: axes of size 1 are repeated; -1 leaves an axis as it is."""
    x = call.tensor("self")
    target = call.tensor("other").shape if "other" in call.arguments else sizes(call, "size")
    return expand(b, x, [1 if size == -1 else size for size in target])


def copies(b: Builder, call: Call) -> Value:
    """repeat: so many copies along each axis, of which new ones are in front."""
    x = call.tensor("self")
    counts = sizes(call, "repeats" if "repeats" in call.arguments else "dims")
    x = b.reshaped(x, (1,) * (len(counts) - x.rank) + x.shape)
    if any(isinstance(count, Batch) for count in counts):
        wanted = [
            count if x.shape[place] == 1 else x.shape[place] for place, count in enumerate(counts)
        ]
        if wanted != [count if count != 1 else x.shape[i] for i, count in enumerate(counts)]:
            raise Unmapped("repeats several positions for each example")
        return expand(b, x, wanted)
    return tile(b, x, [count for count in counts if isinstance(count, int)])


def padded(b: Builder, call: Call) -> Value:
    """pad and its like: (before, after) for each axis, the last one first."""
    x = call.tensor("self")
    numbers = wholes(call, "pad" if "pad" in call.arguments else "padding")
    ends = {x.rank - 1 - i: (numbers[2 * i], numbers[2 * i + 1]) for i in range(len(numbers) // 2)}
    mode = word(call, "mode", _PAD_MODES.get(call.node.operator, "constant"))
    value = 0.0 if call.get("value") is None else real(call, "value")
    return pad(b, x, ends, mode, value)


_PAD_MODES = {
    "aten.reflection_pad1d.default": "reflect",
    "aten.reflection_pad2d.default": "reflect",
    "aten.replication_pad1d.default": "replicate",
    "aten.replication_pad2d.default": "replicate",
}


def cat(b: Builder, call: Call) -> Value:
    """cat; what has no elements is left out."""
    values = tensors(call, "tensors")
    filled = [x for x in values if x.shape != (0,)] or values
    return concat(b, filled, whole(call, "dim", 0))


def stack(b: Builder, call: Call) -> Value:
    """stack."""
    return parts.stack(b, tensors(call, "tensors"), whole(call, "dim", 0))


def split(b: Builder, call: Call) -> list[Value]:
    """split into parts of one size, or of several."""
    x, axis = call.tensor("self"), whole(call, "dim", 0)
    name = next(x for x in ("split_sizes", "split_size") if x in call.arguments)
    given = call.get(name)
    if isinstance(given, list):
        return parts.split(b, x, axis, wholes(call, name))
    return parts.split_evenly(b, x, axis, whole(call, name))


def chunk(b: Builder, call: Call) -> list[Value]:
    """chunk: at most so many parts, of which the last may be smaller."""
    x, axis, count = call.tensor("self"), whole(call, "dim", 0), whole(call, "chunks")
    if count < 1:
        raise Unmapped(f"cuts into {count} parts")
    return parts.split_evenly(b, x, axis, -(-parts.plain_size(x, axis) // count))


def unbind(b: Builder, call: Call) -> list[Value]:
    """unbind."""
    return parts.unbind(b, call.tensor("self"), whole(call, "dim", 0))


def stretch(b: Builder, call: Call) -> Value:
    """slice."""
    x = call.tensor("self")
    stop = optional_whole(call, "end")
    if stop is not None and stop >= ALL_THE_REST:
        stop = None
    start = 0 if call.get("start") is None else whole(call, "start")
    return slice_of(b, x, whole(call, "dim", 0), start, stop, whole(call, "step", 1))


def narrow(b: Builder, call: Call) -> Value:
    """narrow."""
    start = whole(call, "start")
    return slice_of(
        b, call.tensor("self"), whole(call, "dim"), start, start + whole(call, "length")
    )


def select(b: Builder, call: Call) -> Value:
    """select: one position, whose axis goes."""
    return take(b, call.tensor("self"), whole(call, "dim"), whole(call, "index"))


def index(b: Builder, call: Call) -> Value:
    """index: x[:, i, j], where a table is looked up or a known list of positions is taken."""
    x, given = call.tensor("self"), call.get("indices")
    if not isinstance(given, list) or not all(i is None or isinstance(i, Value) for i in given):
        raise Unmapped("has indices that are no tensors")
    axes = [place for place, value in enumerate(given) if value is not None]
    if not axes:
        return x
    if (
        (stated := call.stated(0)) is not None
        and x.stored is not None
        and all(given[place].static for place in axes)
    ):
        return looked_up(b, x, stated)
    if len(axes) == 1 and given[axes[0]].known is not None:
        return _picked(b, x, axes[0], given[axes[0]])
    if (found := of_each_example(b, x, given)) is not None:
        return gather_slices(b, x, *found)
    shape = joined_shape([given[place].shape for place in axes])
    if any(given[place].dtype == "bool" for place in axes):
        raise Unmapped("takes as many elements as a mask has, which is not known")
    static = all(given[place].static for place in axes)
    if len(axes) == 1 and not static:
        return gather_slices(b, x, given[axes[0]], Slices(axes[0]))
    return at_stored_positions(b, x, axes, Value(shape, static=static))


def index_select(b: Builder, call: Call) -> Value:
    """index_select."""
    return _picked(b, call.tensor("self"), whole(call, "dim"), call.tensor("index"))


def _picked(b: Builder, x: Value, axis: int, positions: Value) -> Value:
    if positions.known is None and not positions.static:
        return gather_slices(b, x, positions, Slices(x.place(axis)))
    if positions.known is None:
        return at_stored_positions(b, x, [x.place(axis)], positions)
    if positions.rank > 1 or positions.dtype == "bool":
        raise Unmapped("takes positions that are not known")
    taken = parts.picked(b, x, axis, [plain_whole(i, "index") for i in positions.known])
    if positions.rank:
        return taken
    place = x.place(axis)
    return b.reshaped(taken, taken.shape[:place] + taken.shape[place + 1 :])


def roll(b: Builder, call: Call) -> Value:
    """roll."""
    return parts.roll(b, call.tensor("self"), wholes(call, "shifts"), wholes(call, "dims", []))


def unfold(b: Builder, call: Call) -> Value:
    """unfold: windows that slide along an axis."""
    return parts.sliding_windows(
        b,
        call.tensor("self"),
        whole(call, "dimension"),
        whole(call, "size"),
        whole(call, "step"),
    )


def numbers(b: Builder, call: Call) -> Value:
    """arange: whole numbers one after the other, known where they are few."""
    start, step = real(call, "start", 0), real(call, "step", 1)
    end = plain(call.get("end"), "end")
    if isinstance(end, Batch) and start == 0 and step == 1:  # the numbers of the examples
        return Value((end,), call.dtypes[0], static=True, positions=Positions(0, (1,)))
    stop = real(call, "end")
    if not step:
        raise Unmapped("has a step of 0")
    count = max(0, -int(-(stop - start) // step))
    if not count:
        raise Unmapped("makes nothing")
    if count <= FEW_NUMBERS:
        known = tuple([start + i * step for i in range(count)])
        return Value((count,), call.dtypes[0], known=known, static=True)
    return constant(b, (count,), call.dtypes[0], None)


FEW_NUMBERS = 64
"""So many numbers of `arange` are known, since they may be positions."""


def _filled(number: float | None) -> Rule:
    """A tensor of one number: that of `fill_value` where `number` is None."""

    def rule(b: Builder, call: Call) -> Value:
        value = number
        if value is None and call.get("fill_value") is not None:
            value = real(call, "fill_value")
        shape = call.stated(0)
        if shape is None:
            raise Unmapped("makes a tensor of a shape that is not known")
        return constant(b, shape, call.dtypes[0], value)

    return rule


def nothing(b: Builder, call: Call) -> list[Value]:
    """Checks that give no tensor."""
    return []


_SAME = (
    "aten.contiguous.default", "aten.clone.default", "aten.alias.default", "aten.detach.default",
    "aten.detach_.default", "aten.lift_fresh_copy.default", "aten.lift.default",
    "aten._to_copy.default", "aten.to.dtype", "aten.to.dtype_layout", "aten.to.device",
    "aten.to.other", "aten.type_as.default", "aten.float.default", "aten.view.dtype",
    "aten.resolve_conj.default", "aten.positive.default", "aten.requires_grad_.default",
)  # fmt: skip
_DROPOUTS = (
    "aten.dropout.default", "aten.dropout_.default", "aten.feature_dropout.default",
    "aten.feature_dropout_.default", "aten.alpha_dropout.default", "aten.native_dropout.default",
)  # fmt: skip
_NOTHING = (
    "aten._assert_tensor_metadata.default", "aten._assert_async.msg", "aten._assert_scalar.default",
    "aten.sym_constrain_range_for_size.default", "aten.sym_constrain_range.default",
)  # fmt: skip

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_SAME, same),
    **dict.fromkeys(_DROPOUTS, dropout),
    **dict.fromkeys(_NOTHING, nothing),
    "aten.sym_size.int": size,
    "aten.view.default": reshape,
    "aten.reshape.default": reshape,
    "aten._unsafe_view.default": reshape,
    "aten.view_as.default": reshape_as,
    "aten.reshape_as.default": reshape_as,
    "aten.flatten.using_ints": flatten,
    "aten.unflatten.int": unflatten,
    "aten.permute.default": permute,
    "aten.transpose.int": swap,
    "aten.swapaxes.default": swap,
    "aten.t.default": turned,
    "aten.numpy_T.default": turned,
    "aten.mT.default": turned,
    "aten.unsqueeze.default": unsqueeze,
    "aten.squeeze.default": squeeze,
    "aten.squeeze.dim": squeeze,
    "aten.squeeze.dims": squeeze,
    "aten.expand.default": repeated,
    "aten.expand_as.default": repeated,
    "aten.repeat.default": copies,
    "aten.tile.default": copies,
    "aten.pad.default": padded,
    "aten.constant_pad_nd.default": padded,
    **dict.fromkeys(_PAD_MODES, padded),
    "aten.cat.default": cat,
    "aten.concat.default": cat,
    "aten.stack.default": stack,
    "aten.split.Tensor": split,
    "aten.split.sizes": split,
    "aten.split_with_sizes.default": split,
    "aten.chunk.default": chunk,
    "aten.unbind.int": unbind,
    "aten.slice.Tensor": stretch,
    "aten.narrow.default": narrow,
    "aten.select.int": select,
    "aten.index.Tensor": index,
    "aten.index_select.default": index_select,
    "aten.roll.default": roll,
    "aten.unfold.default": unfold,
    "aten.arange.default": numbers,
    "aten.arange.start": numbers,
    "aten.arange.start_step": numbers,
    "aten.zeros.default": _filled(0),
    "aten.zeros_like.default": _filled(0),
    "aten.new_zeros.default": _filled(0),
    "aten.ones.default": _filled(1),
    "aten.ones_like.default": _filled(1),
    "aten.new_ones.default": _filled(1),
    "aten.full.default": _filled(None),
    "aten.full_like.default": _filled(None),
    "aten.new_full.default": _filled(None),
    "aten.scalar_tensor.default": _filled(None),
}
