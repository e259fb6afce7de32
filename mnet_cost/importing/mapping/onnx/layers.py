"""Operators of ONNX with stored weights, norms and pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Literal

from mnet_cost.importing.mapping.activations import log_softmax, softmax
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import (
    Ends,
    channels_first,
    convolution,
    non_default,
    plain_padding,
    plain_pair,
    plain_sizes,
    transposed_convolution,
)
from mnet_cost.importing.mapping.einsum import einsum
from mnet_cost.importing.mapping.elementwise import binary, comparison, function, operation
from mnet_cost.importing.mapping.images import pad
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat, slice_of, transpose
from mnet_cost.importing.mapping.norms import batch_norm, group_norm, layer_norm
from mnet_cost.importing.mapping.onnx.arithmetic import number, scaled, short
from mnet_cost.importing.mapping.onnx.reading import version
from mnet_cost.importing.mapping.pools import pool
from mnet_cost.importing.mapping.products import linear, matmul
from mnet_cost.importing.mapping.reductions import positions, reduce
from mnet_cost.importing.mapping.stored import constant
from mnet_cost.importing.mapping.values import Dim, Refused, Unmapped, Value


def conv(b: Builder, call: Call) -> Value:
    """Conv."""
    x, weight = call.input(0), call.input(1)
    axes = weight.rank - 2
    stride, dilation = per_axis(call, "strides", axes), per_axis(call, "dilations", axes)
    ends = padding(call, x, weight.shape[2:], stride, dilation)
    return convolution(b, x, weight, call.optional(2), stride, ends, dilation, call.get("group", 1))


def causal_convolution(b: Builder, call: Call) -> list[Value]:
    """CausalConvWithState: each channel of [N, C, L] by itself, behind the positions that were
    before; and the last positions, for those that will be."""
    x, weight, past = call.input(0), call.input(1), call.optional(3)
    if x.rank != 3 or weight.rank != 3:
        raise Unmapped("is of sequences [N, C, L]")
    before = plain_sizes(weight.shape[2:])[0] - 1
    joined = (
        pad(b, x, {2: (before, 0)}, "constant", 0.0) if past is None else concat(b, (past, x), 2)
    )
    made = convolution(b, joined, weight, call.optional(2), [1], [(0, 0)], [1], channels_of(x))
    activation = call.get("activation", "none")
    if activation not in ("none", "silu", "swish"):
        raise Unmapped(f"has activation {activation}")
    if activation != "none":
        made = function(b, made, "silu")
    if len(call.node.outputs) < 2 or not call.node.outputs[1]:
        return [made]
    if not before:
        return [made, Value((*x.shape[:2], 0), x.dtype, known=())]
    return [made, slice_of(b, joined, 2, -before, None)]


def per_axis(call: Call, name: str, axes: int) -> list[int]:
    """A number for each axis that a window slides over; 1 by default."""
    numbers = list(call.get(name, [1] * axes))
    if len(numbers) != axes or any(n < 1 for n in numbers):
        raise Unmapped(f"has {name} {numbers} for {axes} axes")
    return numbers


def padding(
    call: Call, x: Value, kernel: Sequence[Dim], stride: Sequence[int], dilation: Sequence[int]
) -> Ends | Literal["same"]:
    """Padding of a window: ONNX has all numbers before, then all after."""
    axes = len(stride)
    word = call.get("auto_pad", "NOTSET")
    if word == "VALID":
        return [(0, 0)] * axes
    if word == "SAME_UPPER":
        return "same"
    if word == "SAME_LOWER":  # as `same`, with an odd row or column in front
        ends = []
        sizes = plain_sizes(x.shape[2:])
        for old, k, s, d in zip(sizes, plain_sizes(kernel), stride, dilation, strict=True):
            total = max(0, (-(-old // s) - 1) * s + d * (k - 1) + 1 - old)
            ends.append((total - total // 2, total // 2))
        return ends
    if word != "NOTSET":
        raise Unmapped(f"has auto_pad {word}")
    pads = list(call.get("pads", [0] * 2 * axes))
    if len(pads) != 2 * axes:
        raise Unmapped(f"has {len(pads)} pads for {axes} axes")
    return list(zip(pads[:axes], pads[axes:], strict=True))


def conv_transpose(b: Builder, call: Call) -> Value:
    """ConvTranspose: the size of the output may be stated, and then says what is cut off."""
    x, weight = call.input(0), call.input(1)
    axes = weight.rank - 2
    stride, dilation = per_axis(call, "strides", axes), per_axis(call, "dilations", axes)
    more = list(call.get("output_padding", [0] * axes))
    kernel = plain_sizes(weight.shape[2:])
    wanted = call.get("output_shape")
    word = call.get("auto_pad", "NOTSET")
    if len(more) != axes or x.rank != axes + 2:
        raise Unmapped(
            f"has {len(more)} sizes to add and {x.rank - 2} axes for {axes} of the kernel"
        )
    if wanted is None and word in ("NOTSET", "VALID"):
        ends = padding(call, x, kernel, stride, dilation)
        assert ends != "same"
        return transposed_convolution(
            b, x, weight, call.optional(2), stride, ends, more, dilation, call.get("group", 1)
        )
    if wanted is not None and len(wanted) < axes:
        raise Unmapped(f"has sizes of the output for other axes than {axes}")
    cut = []
    for i, old in enumerate(plain_sizes(x.shape[2:])):
        whole = (old - 1) * stride[i] + more[i] + dilation[i] * (kernel[i] - 1) + 1
        target = old * stride[i] if wanted is None else wanted[len(wanted) - axes + i]
        total = whole - target
        less = total // 2
        cut.append((less, total - less) if word != "SAME_UPPER" else (total - less, less))
    return transposed_convolution(
        b, x, weight, call.optional(2), stride, cut, more, dilation, call.get("group", 1)
    )


def gemm(b: Builder, call: Call) -> Value:
    """Gemm: alpha * A B + beta * C."""
    x, weight, bias = call.input(0), call.input(1), call.optional(2)
    alpha, beta = short(call.get("alpha", 1.0)), short(call.get("beta", 1.0))
    if x.rank != 2 or weight.rank != 2:
        raise Unmapped("has tensors that are no matrices")
    if call.get("transA", 0):
        x = transpose(b, x, (1, 0))
    trans = bool(call.get("transB", 0))
    if bias is not None and beta == 0:
        bias = None
    if weight.static:
        x = b.for_each(x)
    if weight.stored is not None and not x.static and (alpha, beta) == (1, 1):
        return linear(b, x, weight, bias, transposed=not trans)
    product = scaled(b, matmul(b, x, weight, transpose_second=trans), alpha)
    return product if bias is None else binary(b, product, scaled(b, bias, beta), "add")


def mat_mul(b: Builder, call: Call) -> Value:
    """MatMul: vectors are matrices of one row or one column."""
    return product(b, call.input(0), call.input(1))


def product(b: Builder, first: Value, second: Value) -> Value:
    """The matrix product of NumPy."""
    if first.rank == 0 or second.rank == 0:
        raise Unmapped("multiplies a number")
    rows, columns = first.rank == 1, second.rank == 1
    if rows:
        first = b.reshaped(first, (1, *first.shape))
    if columns:
        second = b.reshaped(second, (*second.shape, 1))
    made = matmul(b, first, second)
    shape = list(made.shape)
    if columns:
        del shape[-1]
    if rows:
        del shape[-1 if columns else -2]
    return b.reshaped(made, shape)


def einsum_rule(b: Builder, call: Call) -> Value:
    """Einsum."""
    return einsum(b, call.get("equation", ""), [x for x in call.inputs if x is not None])


def batch_norm_rule(b: Builder, call: Call) -> Value:
    """BatchNormalization at inference."""
    if call.get("training_mode", 0):
        raise Refused(
            "normalizes by the examples of a batch, as in training",
            "export the model in evaluation mode: `model.eval()`",
        )
    x = call.input(0)
    scale, shift, mean, variance = (call.input(i) for i in range(1, 5))
    return batch_norm(b, x, 1, scale, shift, mean, variance, call.get("epsilon", 1e-5))


def layer_norm_rule(kind: str) -> Rule:
    """LayerNormalization and RMSNormalization: over all axes from `axis` on. The mean and the
    deviation, where somebody reads them, are reductions of their own."""

    def rule(b: Builder, call: Call) -> list[Value]:
        x = call.input(0)
        axes = range(x.place(call.get("axis", -1)), x.rank)
        epsilon = call.get("epsilon", 1e-5)
        made = [layer_norm(b, x, axes, call.optional(1), call.optional(2), epsilon, kind)]
        if len(call.node.outputs) > 1:
            made.append(reduce(b, x, "mean", axes, keep=True))
        if len(call.node.outputs) > 2:
            deviation = reduce(b, x, "deviation", axes, keep=True)
            made.append(operation(b, deviation, "reciprocal"))
        return made

    return rule


def channels_of(x: Value) -> int:
    """The size of axis 1."""
    if x.rank < 2:
        raise Unmapped("has no channels")
    return plain_sizes(x.shape[1:2])[0]


def instance_norm(b: Builder, call: Call) -> Value:
    """InstanceNormalization: each channel by its own statistics."""
    x = call.input(0)
    channels = channels_of(x)
    return group_norm(b, x, channels, call.input(1), call.input(2), call.get("epsilon", 1e-5))


def group_norm_rule(b: Builder, call: Call) -> Value:
    """GroupNormalization: before version 21, scale and shift are those of groups."""
    x, scale, shift = (call.input(i) for i in range(3))
    groups = call.get("num_groups", 1)
    channels = channels_of(x)
    epsilon = call.get("epsilon", 1e-5)
    if scale.shape == (channels,) or groups == channels:
        return group_norm(b, x, groups, scale, shift, epsilon)
    if groups < 1 or channels % groups:
        raise Unmapped(f"has {groups} groups of {channels} channels")
    apart = (x.shape[0], groups, channels // groups, *x.shape[2:])
    normed = b.reshaped(group_norm(b, x, groups, None, None, epsilon), apart)
    ones = [1] * (len(apart) - 2)
    normed = binary(b, normed, b.reshaped(scale, (groups, *ones)), "multiply")
    normed = binary(b, normed, b.reshaped(shift, (groups, *ones)), "add")
    return b.reshaped(normed, x.shape)


def mean_variance_norm(b: Builder, call: Call) -> Value:
    """MeanVarianceNormalization over positions."""
    x = call.input(0)
    axes = [x.place(axis) for axis in call.get("axes", (0, 2, 3))]
    mean = reduce(b, x, "mean", axes, keep=True)
    deviation = reduce(b, x, "deviation", axes, keep=True)
    shifted = binary(b, x, mean, "subtract")
    return binary(b, shifted, binary(b, deviation, number(1e-9), "add"), "divide")


def local_response_norm(b: Builder, call: Call) -> Value:
    """LRN."""
    x = call.input(0)
    if x.rank != 4 or x.batch_axis not in (None, 0):
        raise Unmapped("is of images [N, C, H, W]")
    fields = {
        "size": call.get("size", 1),
        "alpha": short(call.get("alpha", 1e-4)),
        "beta": short(call.get("beta", 0.75)),
        "k": short(call.get("bias", 1.0)),
    }
    return b.layer("local_response_norm", (x,), x.shape, fields)


def length_norm(b: Builder, call: Call) -> Value:
    """LpNormalization: by the sum of squares or of absolute values."""
    x, axis = call.input(0), call.get("axis", -1)
    if call.get("p", 2) == 2:
        return b.layer("l2_normalize", (x,), x.shape, {"axis": x.axis(axis)})
    sizes = b.layer("elementwise", (x,), x.shape, {"operation": "absolute"})
    return binary(b, x, reduce(b, sizes, "sum", (axis,), keep=True), "divide")


def pool_rule(statistic: Literal["avg", "max"]) -> Rule:
    """AveragePool and MaxPool."""

    def rule(b: Builder, call: Call) -> Value:
        x = call.input(0)
        kernel = per_axis(call, "kernel_shape", x.rank - 2)
        stride = per_axis(call, "strides", len(kernel))
        dilation = per_axis(call, "dilations", len(kernel))
        if len(call.node.outputs) > 1 and call.node.outputs[1]:
            raise Unmapped("also says where the largest elements are")
        return pool(
            b,
            x,
            statistic,
            kernel,
            stride,
            padding(call, x, kernel, stride, dilation),
            dilation,
            round_up=bool(call.get("ceil_mode", 0)),
            count_include_pad=bool(call.get("count_include_pad", 0)),
        )

    return rule


def global_pool(operation: str) -> Rule:
    """GlobalAveragePool and others: axes of positions stay, with size 1."""

    def rule(b: Builder, call: Call) -> Value:
        x = call.input(0)
        if operation == "norm" and call.get("p", 2) != 2:
            raise Unmapped(f"is a norm of power {call.get('p')}")
        return reduce(b, x, operation, positions(x), keep=True)

    return rule


def softmax_rule(name: Literal["softmax", "log"]) -> Rule:
    """Softmax and LogSoftmax: before version 13 along all axes from `axis` on."""

    def rule(b: Builder, call: Call) -> Value:
        x = call.input(0)
        shares = log_softmax if name == "log" else softmax
        if version(b) >= 13:
            return shares(b, x, call.get("axis", -1))
        place = x.place(call.get("axis", 1)) if x.rank > 1 else 0
        behind = plain_sizes(x.shape[place:])
        if len(behind) == 1:
            return shares(b, x, place)
        flat = b.reshaped(x, (*x.shape[:place], prod(behind)))
        return b.reshaped(shares(b, flat, place), x.shape)

    return rule


def recurrent(kind: Literal["lstm", "gru"]) -> Rule:
    """LSTM and GRU of [T, N, F], or of [N, T, F] with `layout` 1: states of all steps
    [T, directions, N, H], and the last ones."""

    def rule(b: Builder, call: Call) -> list[Value]:
        x, kernel, bias = call.input(0), call.input(1), call.optional(3)
        stored = [kernel.stored, call.input(2).stored, None if bias is None else bias.stored]
        if None in stored[: 2 + (bias is not None)]:
            raise Unmapped("has weights that are not stored")
        if any(call.optional(i) is not None for i in (4, 7)):
            raise Unmapped("has lengths of its own for each example, or peepholes")
        directions = kernel.shape[0] if kernel.rank == 3 else None
        features = call.get("hidden_size")
        if x.rank != 3 or directions not in (1, 2) or not isinstance(features, int):
            raise Unmapped("is not of sequences, or does not say how many features it has")
        if len(call.node.outputs) > 2 and call.node.outputs[2]:
            raise Unmapped("gives the memory of the last step")
        is_reverse = call.get("direction", "forward") == "reverse"
        needs_all = bool(call.node.outputs[0])
        fields = {
            "features": features,
            "bidirectional": True if directions == 2 else None,
            "bias": None if bias is not None else False,
            "output": None if needs_all else "last",
        }
        if not call.get("layout", 0):
            x = transpose(b, x, (1, 0, 2))
        ahead = x.shape[: 2 if needs_all else 1]
        states = b.layer(kind, (x,), (*ahead, directions * features), fields, owns=stored)
        apart = b.reshaped(states, (*ahead, directions, features))
        if not needs_all:
            return [apart, apart if call.get("layout", 0) else transpose(b, apart, (1, 0, 2))]
        made = [apart if call.get("layout", 0) else transpose(b, apart, (1, 2, 0, 3))]
        if len(call.node.outputs) > 1 and call.node.outputs[1]:
            if directions == 2:
                raise Unmapped("gives the states of all steps and the last ones, in two directions")
            last = slice_of(b, apart, 1, 0, 1) if is_reverse else slice_of(b, apart, 1, -1, None)
            last = b.reshaped(last, (ahead[0], directions, features))
            made.append(last if call.get("layout", 0) else transpose(b, last, (1, 0, 2)))
        return made

    return rule


def attention_rule(b: Builder, call: Call) -> list[Value]:
    """Attention: of heads [N, heads, L, F], or of [N, L, heads * F] with `q_num_heads`.

    Scores are a product, a mask is added, and what a cache holds comes first.
    """
    query, key, value = (call.input(i) for i in range(3))
    mask = call.optional(3)
    if any(x.rank not in (3, 4) or x.rank != query.rank for x in (query, key, value)):
        raise Unmapped("is of tensors that have not three or four axes")
    if call.optional(6) is not None or call.get("local_window_size"):
        raise Unmapped("has lengths of its own for each example, or a window")
    flat = query.rank == 3
    heads, kv_heads = call.get("q_num_heads"), call.get("kv_num_heads")
    if flat:
        query = _heads(b, query, heads)
        key, value = _heads(b, key, kv_heads), _heads(b, value, kv_heads)
    caches = [call.optional(4), call.optional(5)]
    if caches[0] is not None and caches[1] is not None:
        key, value = concat(b, (caches[0], key), 2), concat(b, (caches[1], value), 2)
    present = [key, value]
    groups = _groups(query, key)
    if groups != 1:  # several queries share a key: rows of one product
        query = _rows_of_groups(b, query, groups)
    features = plain_sizes(query.shape[-1:])[0]
    scale = call.get("scale", features**-0.5)
    scores = scaled(b, product(b, query, transpose(b, key, (0, 1, 3, 2))), short(scale))
    full = (*scores.shape[:2], scores.shape[2], scores.shape[3])
    if groups != 1:
        scores = _apart(b, scores, groups)
    whole = scores
    if softcap := short(call.get("softcap", 0.0)):
        whole = scaled(b, function(b, scaled(b, whole, 1 / softcap), "tanh"), softcap)
    if mask is not None:
        whole = binary(b, whole, mask, "add")
    elif call.get("is_causal", 0):
        steps = plain_sizes(whole.shape[-2:])
        whole = binary(b, whole, constant(b, steps, None, None), "add")
    shares = softmax(b, whole, -1)
    made = shares
    if groups != 1:
        made = b.reshaped(shares, full)
    made = product(b, made, value)
    if groups != 1:
        made = _apart(b, made, groups)
    if flat:
        width = plain_sizes((made.shape[1], made.shape[3]))
        made = b.reshaped(
            transpose(b, made, (0, 2, 1, 3)),
            (made.shape[0], made.shape[2], width[0] * width[1]),
        )
    mode = call.get("qk_matmul_output_mode", 0)
    if not 0 <= mode <= 3:
        raise Unmapped(f"gives scores in mode {mode}")
    extra = (scores, whole, whole, shares)[mode]
    return [made, *present, extra][: len(call.node.outputs)]


def _heads(b: Builder, x: Value, heads: Any) -> Value:
    """x [N, L, heads * F] as [N, heads, L, F]."""
    if x.rank != 3:
        raise Unmapped(f"has heads in a tensor of {x.rank} axes")
    (width,) = plain_sizes(x.shape[2:])
    if not isinstance(heads, int) or heads < 1 or width % heads:
        raise Unmapped(f"has {heads} heads of {width} features")
    apart = b.reshaped(x, (*x.shape[:2], heads, width // heads))
    return transpose(b, apart, (0, 2, 1, 3))


def _groups(query: Value, key: Value) -> int:
    """How many heads of queries share a head of keys."""
    many, few = plain_sizes((query.shape[1], key.shape[1]))
    if many % few:
        raise Unmapped(f"has {many} heads of queries for {few} of keys")
    return many // few


def _rows_of_groups(b: Builder, x: Value, groups: int) -> Value:
    heads, steps, features = plain_sizes(x.shape[1:])
    return b.reshaped(x, (x.shape[0], heads // groups, groups * steps, features))


def _apart(b: Builder, x: Value, groups: int) -> Value:
    heads, rows, columns = plain_sizes(x.shape[1:])
    return b.reshaped(x, (x.shape[0], heads * groups, rows // groups, columns))


def rotary(b: Builder, call: Call) -> Value:
    """RotaryEmbedding: halves of features are turned by angles of tables [L, F / 2]."""
    x, cosine, sine = (call.input(i) for i in range(3))
    flat = x.rank == 3
    heads = call.get("num_heads", 0)
    if call.get("interleaved", 0):
        raise Unmapped("has features that are interleaved")
    if call.optional(3) is not None:
        raise Unmapped("looks up positions in its tables")
    if flat:
        x = _heads(b, x, heads)
    size = plain_sizes(x.shape[-1:])[0]
    turned_size = call.get("rotary_embedding_dim", 0) or size
    rest = [slice_of(b, x, 3, turned_size, None)] if turned_size < size else []
    half = turned_size // 2
    first, second = slice_of(b, x, 3, 0, half), slice_of(b, x, 3, half, turned_size)
    tables = [b.reshaped(t, (t.shape[0], 1, *t.shape[1:])) for t in (cosine, sine)]
    products = [
        [binary(b, part, table, "multiply") for table in tables] for part in (first, second)
    ]
    turned = [
        binary(b, products[0][0], products[1][1], "subtract"),
        binary(b, products[0][1], products[1][0], "add"),
    ]
    made = concat(b, [*turned, *rest], 3)
    if flat:
        made = b.reshaped(transpose(b, made, (0, 2, 1, 3)), call.input(0).shape)
    return made


def hard_max(b: Builder, call: Call) -> Value:
    """Hardmax: 1 where an element is the largest along an axis, else 0."""
    x = call.input(0)
    if version(b) < 13:
        raise Unmapped("is along several axes, as before version 13")
    largest = reduce(b, x, "max", (call.get("axis", -1),), keep=True)
    return comparison(b, x, largest, "equal")._replace(dtype=x.dtype)


def length_pool(b: Builder, call: Call) -> Value:
    """LpPool: the root of the sum of squares in each window."""
    x = call.input(0)
    if call.get("p", 2) != 2:
        raise Unmapped(f"is a norm of power {call.get('p')}")
    squares = operation(b, x, "square")
    means = pool_rule("avg")(b, call._replace(inputs=(squares,)))
    assert isinstance(means, Value)
    size = prod(call.get("kernel_shape", ()))
    return operation(b, scaled(b, means, size), "sqrt")


def deformed(b: Builder, call: Call) -> Value:
    """DeformConv: offsets, and a mask, are inputs."""
    x, weight, offset = call.input(0), call.input(1), call.input(2)
    bias, mask = call.optional(3), call.optional(4)
    if weight.rank != 4 or weight.stored is None or (bias is not None and bias.stored is None):
        raise Unmapped("has a kernel that is not stored, or is no convolution of an image")
    stride, dilation = per_axis(call, "strides", 2), per_axis(call, "dilations", 2)
    channels, *kernel = plain_sizes((weight.shape[0], *weight.shape[2:]))
    ends = padding(call, x, kernel, stride, dilation)
    fields = {
        "channels": channels,
        "kernel": plain_pair(kernel),
        "stride": non_default(plain_pair(stride), 1),
        "padding": plain_padding(ends, kernel, stride, dilation),
        "dilation": non_default(plain_pair(dilation), 1),
        "groups": non_default(call.get("group", 1), 1),
        "bias": True if bias is not None else None,
    }
    inputs = (x, offset) if mask is None else (x, offset, mask)
    owns = [weight.stored, None if bias is None else bias.stored]
    return b.layer("deform_conv2d", inputs, channels_first(x), fields, owns=owns)


RULES: Mapping[str, Rule] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "CausalConvWithState": causal_convolution,
    "DeformConv": deformed,
    "Gemm": gemm,
    "MatMul": mat_mul,
    "Einsum": einsum_rule,
    "BatchNormalization": batch_norm_rule,
    "LayerNormalization": layer_norm_rule("layer_norm"),
    "RMSNormalization": layer_norm_rule("rms_norm"),
    "InstanceNormalization": instance_norm,
    "GroupNormalization": group_norm_rule,
    "MeanVarianceNormalization": mean_variance_norm,
    "LRN": local_response_norm,
    "LpNormalization": length_norm,
    "AveragePool": pool_rule("avg"),
    "MaxPool": pool_rule("max"),
    "GlobalAveragePool": global_pool("mean"),
    "GlobalMaxPool": global_pool("max"),
    "GlobalLpPool": global_pool("norm"),
    "Softmax": softmax_rule("softmax"),
    "LogSoftmax": softmax_rule("log"),
    "Attention": attention_rule,
    "RotaryEmbedding": rotary,
    "Hardmax": hard_max,
    "LpPool": length_pool,
    "LSTM": recurrent("lstm"),
    "GRU": recurrent("gru"),
}
