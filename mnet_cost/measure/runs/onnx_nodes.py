"""The nodes of ONNX that each kind of layer becomes, for `direct_onnx.py`.

A rule writes what torch's exporter writes for the functions in `torch_model/rules/` (torch 2.13,
operator set 20): a mean of pixels is a ReduceMean, SiLU a Sigmoid and a Mul, attention 24 nodes.
Values are [N, *shape]. Fields that a rule does not write raise `NotWritten`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod, sqrt
from typing import TYPE_CHECKING, Any, Protocol

from mnet_cost.layers import Layer
from mnet_cost.layers.activation import (
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
)
from mnet_cost.layers.attention import Attention
from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.conv import Conv2d, DepthwiseConv2d, TorchWindow, torch_window
from mnet_cost.layers.elementwise import Add, Concat, Multiply
from mnet_cost.layers.layout import ChannelShuffle, ToSequence
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import BatchNorm, LayerNorm, LocalResponseNorm
from mnet_cost.layers.pool import AvgPool2d, GlobalAvgPool, GlobalMaxPool, MaxPool2d
from mnet_cost.layers.rearrange import PixelUnshuffle, WindowMerge, WindowPartition
from mnet_cost.layers.reshape import Dropout, Flatten, Identity, Resize
from mnet_cost.layers.select import Split
from mnet_cost.tensors import TensorType

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float32]

Values = Sequence[str]
Types = tuple[TensorType, ...]


class NotWritten(Exception):
    """A layer that is left to torch's exporter; no error of a user's."""


class Writer(Protocol):
    """What rules write with, one step at a time; `direct_onnx.py` says what each call does."""

    batch: int
    """Examples that the graph takes."""

    def node(self, operator: str, inputs: Values, **attributes: Any) -> str: ...

    def parts(self, operator: str, inputs: Values, count: int, **attributes: Any) -> list[str]: ...

    def whole(self, name: str, numbers: Sequence[int]) -> str: ...

    def number(self, name: str, value: float) -> str: ...

    def tensor(self, name: str, array: Numbers) -> str: ...

    def zeros_or(self, name: str, array: Numbers) -> str | None: ...

    def weight(self, name: str, shape: Sequence[int], deviation: float) -> Numbers: ...

    def constant(self, name: str, size: int, value: float) -> Numbers: ...

    def folded(self, channels: int) -> list[tuple[Numbers, Numbers]]: ...

    def statistics(
        self, layer: BatchNorm, channels: int
    ) -> tuple[Numbers, Numbers, Numbers, Numbers]: ...


Rule = Callable[[Writer, Any, list[str], Types, Types], "str | Sequence[str]"]
"""(writer, layer, values of its inputs, their types, types of its outputs) -> value, or values."""


def _image(type_: TensorType, axes: int = 3) -> tuple[int, ...]:
    """The shape of a tensor that has no axes in front; `NotWritten` for others."""
    if len(type_.shape) != axes:
        raise NotWritten
    return type_.shape


# --- windows


def _pads(window: TorchWindow) -> list[int]:
    """(top, left, bottom, right), as ONNX takes them."""
    left, right, top, bottom = window.padding
    return [top, left, bottom, right]


def _conv(w: Writer, layer: Any, xs: list[str], types: Types, outputs: Types, groups: int) -> str:
    if not layer.trained or getattr(layer, "gain", False):
        raise NotWritten
    channels_in, *_ = _image(types[0])
    channels, *_ = _image(outputs[0])
    window = torch_window(layer, types[0], outputs[0])
    shape = (channels, channels_in // groups, *window.kernel)
    kernel = w.weight("weight", shape, sqrt(2 / (channels * prod(window.kernel))))
    bias = w.constant("bias", channels, 0.0) if layer.bias else None
    for factor, summand in w.folded(channels):
        kernel = kernel * factor[:, None, None, None]
        bias = summand if bias is None else bias * factor + summand
    inputs = [xs[0], w.tensor("weight", kernel)]
    if bias is not None and (name := w.zeros_or("bias", bias)):
        inputs.append(name)
    pads = _pads(window)
    if window.rounding == "floor":  # torch then pads both sides alike
        pads = [*window.before, *window.before]
    return w.node(
        "Conv", inputs, group=groups, pads=pads, strides=window.stride,
        dilations=window.dilation, kernel_shape=window.kernel,
    )  # fmt: skip


def _conv2d(w: Writer, layer: Conv2d, xs: list[str], types: Types, outputs: Types) -> str:
    return _conv(w, layer, xs, types, outputs, layer.groups)


def _depthwise(
    w: Writer, layer: DepthwiseConv2d, xs: list[str], types: Types, outputs: Types
) -> str:
    return _conv(w, layer, xs, types, outputs, _image(types[0])[0])


def _padded(w: Writer, x: str, window: TorchWindow, value: float | None) -> str:
    left, right, top, bottom = window.padding
    ends = w.whole("pads", [0, 0, top, left, 0, 0, bottom, right])
    return w.node("Pad", [x, ends] + ([] if value is None else [w.number("edge", value)]))


def _max_pool(w: Writer, layer: MaxPool2d, xs: list[str], types: Types, outputs: Types) -> str:
    _image(types[0])
    window, x = torch_window(layer, types[0], outputs[0]), xs[0]
    pads = [*window.before, *window.before]
    if window.rounding is None:
        x, pads = _padded(w, x, window, float("-inf")), [0, 0, 0, 0]
    return w.node(
        "MaxPool", [x], pads=pads, strides=window.stride, dilations=window.dilation,
        kernel_shape=window.kernel, ceil_mode=int(window.rounding == "ceil"),
    )  # fmt: skip


def _avg_pool(w: Writer, layer: AvgPool2d, xs: list[str], types: Types, outputs: Types) -> str:
    _image(types[0])
    window = torch_window(layer, types[0], outputs[0])
    if window.rounding is None:
        raise NotWritten
    return w.node(
        "AveragePool", xs, pads=[*window.before, *window.before], strides=window.stride,
        kernel_shape=window.kernel, ceil_mode=int(window.rounding == "ceil"),
        count_include_pad=int(layer.count_include_pad),
    )  # fmt: skip


def _global(operator: str) -> Rule:
    def rule(w: Writer, layer: Any, xs: list[str], types: Types, outputs: Types) -> str:
        axes = w.whole("axes", range(1 - layer.own_axes(types[0]), 0))
        return w.node(operator, [xs[0], axes], keepdims=int(layer.keep))

    return rule


def _resize(w: Writer, layer: Resize, xs: list[str], types: Types, outputs: Types) -> str:
    channels, *sizes = _image(outputs[0])
    if layer.mode != "bilinear":
        raise NotWritten
    place = "align_corners" if layer.align_corners else "half_pixel"
    return w.node(
        "Resize", [xs[0], "", "", w.whole("sizes", [w.batch, channels, *sizes])], mode="linear",
        coordinate_transformation_mode=place, nearest_mode="floor",
    )  # fmt: skip


# --- matrices


def _linear(w: Writer, layer: Linear, xs: list[str], types: Types, outputs: Types) -> str:
    matrix = w.weight("weight", (layer.features, types[0].shape[-1]), 0.01)
    bias = w.constant("bias", layer.features, 0.0) if layer.bias else None
    return _product(w, xs[0], len(types[0].shape), "", matrix, bias)


def _product(w: Writer, x: str, axes: int, name: str, matrix: Numbers, bias: Numbers | None) -> str:
    """x [N, ..., C] times the transposed matrix [F, C], and a bias: Gemm takes one row each."""
    if axes == 1:
        inputs = [x, w.tensor(f"{name}weight", matrix)]
        if bias is not None and (stored := w.zeros_or(f"{name}bias", bias)):
            inputs.append(stored)
        return w.node("Gemm", inputs, transB=1)
    product = w.node("MatMul", [x, w.tensor(f"{name}weight", matrix.T)])
    if bias is None:
        return product
    return w.node("Add", [product, w.tensor(f"{name}bias", bias)])


def _attention(w: Writer, layer: Attention, xs: list[str], types: Types, outputs: Types) -> str:
    is_plain = layer.kv_heads in (None, layer.heads) and not layer.causal and not layer.score_bias
    if not is_plain:
        raise NotWritten
    place = layer.context_place(len(xs))
    *ahead, length, width = types[0].shape
    *_, keys, context = types[place].shape
    if len(ahead) > 1 or len(types[place].shape) != len(types[0].shape):
        raise NotWritten
    features, heads, many = layer.features or width, layer.heads, w.batch * prod(ahead)
    parts = []
    for name, x, rows, source in (
        ("query", xs[0], length, width),
        ("key", xs[place], keys, context),
        ("value", xs[place], keys, context),
    ):
        made = _projection(w, layer, f"{name}.", x, len(types[0].shape), features, source)
        parts.append((made, rows))
    depth = features // heads
    shapes = {
        rows: w.whole(f"heads_of_{rows}", [many, rows, heads, depth]) for rows in {length, keys}
    }
    query, key, value = (
        w.node("Transpose", [w.node("Reshape", [x, shapes[rows]])], perm=[0, 2, 1, 3])
        for x, rows in parts
    )
    flat = w.node("Reshape", [key, w.whole("keys", [many * heads, keys, depth])])
    turned = w.node("Transpose", [flat], perm=[0, 2, 1])
    turned = w.node("Reshape", [turned, w.whole("turned", [many, heads, depth, keys])])
    root = w.number("root", depth**-0.25)
    scores = w.node("MatMul", [w.node("Mul", [query, root]), w.node("Mul", [turned, root])])
    mixed = w.node("MatMul", [w.node("Softmax", [scores], axis=-1), value])
    mixed = w.node("Transpose", [mixed], perm=[0, 2, 1, 3])
    joined = w.whole("joined", [w.batch, *ahead, length, features])
    mixed = w.node("Reshape", [mixed, joined])
    return _projection(w, layer, "out.", mixed, len(types[0].shape), width, features)


def _projection(
    w: Writer, layer: Attention, name: str, x: str, axes: int, features: int, width: int
) -> str:
    matrix = w.weight(f"{name}weight", (features, width), sqrt(2 / (features + width)))
    bias = w.constant(f"{name}bias", features, 0.0) if layer.bias else None
    return _product(w, x, axes, name, matrix, bias)


# --- norms and functions of elements


def _batch_norm(w: Writer, layer: BatchNorm, xs: list[str], types: Types, outputs: Types) -> str:
    channels, *_ = _image(types[0])
    if named_axis(types[0], layer.axis, layer.kind) != -3:
        raise NotWritten
    names = ("weight", "bias", "running_mean", "running_var")
    numbers = zip(names, w.statistics(layer, channels), strict=True)
    stored = [w.tensor(name, array) for name, array in numbers]
    return w.node("BatchNormalization", [xs[0], *stored], epsilon=layer.epsilon)


def _layer_norm(w: Writer, layer: LayerNorm, xs: list[str], types: Types, outputs: Types) -> str:
    if not layer.affine:
        raise NotWritten
    axis, rank = named_axis(types[0], layer.axis, layer.kind), len(types[0].shape)
    size = types[0].shape[axis]
    # The axis becomes the last one, and what it was afterwards; the batch stays the first.
    order = [place for place in range(rank + 1) if place != rank + 1 + axis] + [rank + 1 + axis]
    x = w.node("Transpose", xs[:1], perm=order) if axis != -1 else xs[0]
    inputs = [x, w.tensor("weight", w.constant("weight", size, 1.0))]
    if layer.bias:
        inputs.append(w.tensor("bias", w.constant("bias", size, 0.0)))
    x = w.node("LayerNormalization", inputs, axis=-1, epsilon=layer.epsilon)
    if axis == -1:
        return x
    return w.node("Transpose", [x], perm=[order.index(place) for place in range(rank + 1)])


def _local_response_norm(
    w: Writer, layer: LocalResponseNorm, xs: list[str], types: Types, outputs: Types
) -> str:
    shape, size = _image(types[0]), layer.size
    square = w.node("Mul", [xs[0], xs[0]])
    deep = w.node("Reshape", [square, w.whole("deep", [w.batch, 1, *shape])])
    ends = w.whole("ends", [0, 0, size // 2, 0, 0, 0, 0, (size - 1) // 2, 0, 0])
    mean = w.node(
        "AveragePool", [w.node("Pad", [deep, ends])], kernel_shape=[size, 1, 1],
        strides=[1, 1, 1], count_include_pad=1,
    )  # fmt: skip
    mean = w.node("Squeeze", [mean, w.whole("single", [1])])
    mean = w.node("Mul", [mean, w.number("alpha", layer.alpha)])
    total = w.node("Add", [mean, w.number("k", layer.k)])
    return w.node("Div", [xs[0], w.node("Pow", [total, w.number("beta", layer.beta)])])


def _function(operator: str, **attributes: Any) -> Rule:
    def rule(w: Writer, layer: Layer, xs: list[str], types: Types, outputs: Types) -> str:
        return w.node(operator, xs, **attributes)

    return rule


def _relu6(w: Writer, layer: Relu6, xs: list[str], types: Types, outputs: Types) -> str:
    return w.node("Clip", [xs[0], w.number("low", 0.0), w.number("high", 6.0)])


def _leaky_relu(w: Writer, layer: LeakyRelu, xs: list[str], types: Types, outputs: Types) -> str:
    return w.node("LeakyRelu", xs, alpha=layer.slope)


def _silu(w: Writer, layer: Silu, xs: list[str], types: Types, outputs: Types) -> str:
    return w.node("Mul", [xs[0], w.node("Sigmoid", xs)])


def _softmax(w: Writer, layer: Softmax, xs: list[str], types: Types, outputs: Types) -> str:
    return w.node("Softmax", xs, axis=named_axis(types[0], layer.axis, layer.kind))


# --- several inputs, several outputs, other shapes


def _joined(operator: str) -> Rule:
    def rule(w: Writer, layer: Layer, xs: list[str], types: Types, outputs: Types) -> str:
        if len({len(type_.shape) for type_ in types}) > 1:
            raise NotWritten
        total, *rest = xs
        for x in rest:
            total = w.node(operator, [total, x])
        return total

    return rule


def _concat(w: Writer, layer: Concat, xs: list[str], types: Types, outputs: Types) -> str:
    return w.node("Concat", xs, axis=1 + len(types[0].shape) + layer.joined(types))


def _split(w: Writer, layer: Split, xs: list[str], types: Types, outputs: Types) -> Sequence[str]:
    if len(outputs) == 1:
        raise NotWritten
    axis = named_axis(types[0], layer.axis, layer.kind)
    sizes = w.whole("sizes", [output.shape[axis] for output in outputs])
    place = len(types[0].shape) + 1 + axis
    return w.parts("Split", [xs[0], sizes], len(outputs), axis=place)


def _channel_shuffle(
    w: Writer, layer: ChannelShuffle, xs: list[str], types: Types, outputs: Types
) -> str:
    channels, *sizes = _image(types[0])
    groups = layer.groups
    apart = w.whole("apart", [w.batch, groups, channels // groups, *sizes])
    turned = w.node("Transpose", [w.node("Reshape", [xs[0], apart])], perm=[0, 2, 1, 3, 4])
    return w.node("Reshape", [turned, w.whole("joined", [w.batch, channels, *sizes])])


def _reshaped(w: Writer, layer: Flatten, xs: list[str], types: Types, outputs: Types) -> str:
    return w.node("Reshape", [xs[0], w.whole("shape", [w.batch, *outputs[0].shape])])


def _to_sequence(w: Writer, layer: ToSequence, xs: list[str], types: Types, outputs: Types) -> str:
    channels, *sizes = _image(types[0])
    flat = w.node("Reshape", [xs[0], w.whole("flat", [w.batch, channels, prod(sizes)])])
    return w.node("Transpose", [flat], perm=[0, 2, 1])


def _pixel_unshuffle(
    w: Writer, layer: PixelUnshuffle, xs: list[str], types: Types, outputs: Types
) -> str:
    channels, height, width = _image(types[0])
    factor = layer.factor
    apart = [channels, height // factor, factor, width // factor, factor]
    x = w.node("Reshape", [xs[0], w.whole("apart", [w.batch, *apart])])
    x = w.node("Transpose", [x], perm=[0, 1, 3, 5, 2, 4])
    return w.node("Reshape", [x, w.whole("joined", [w.batch, *outputs[0].shape])])


def _window_partition(
    w: Writer, layer: WindowPartition, xs: list[str], types: Types, outputs: Types
) -> str:
    channels, *_ = _image(types[0])
    (rows, columns), (high, wide) = layer.window_grid(types)
    apart = w.whole("apart", [w.batch, channels, rows, high, columns, wide])
    x = w.node("Transpose", [w.node("Reshape", [xs[0], apart])], perm=[0, 2, 4, 3, 5, 1])
    return w.node("Reshape", [x, w.whole("joined", [w.batch, *outputs[0].shape])])


def _window_merge(
    w: Writer, layer: WindowMerge, xs: list[str], types: Types, outputs: Types
) -> str:
    *_, channels = _image(types[0])
    (rows, columns), (high, wide) = layer.window_grid(types)
    apart = w.whole("apart", [w.batch, rows, columns, high, wide, channels])
    x = w.node("Transpose", [w.node("Reshape", [xs[0], apart])], perm=[0, 5, 1, 3, 2, 4])
    return w.node("Reshape", [x, w.whole("joined", [w.batch, *outputs[0].shape])])


def _same(w: Writer, layer: Layer, xs: list[str], types: Types, outputs: Types) -> str:
    return xs[0]


NODES: dict[type[Layer], Rule] = {
    Conv2d: _conv2d,
    DepthwiseConv2d: _depthwise,
    MaxPool2d: _max_pool,
    AvgPool2d: _avg_pool,
    GlobalAvgPool: _global("ReduceMean"),
    GlobalMaxPool: _global("ReduceMax"),
    Resize: _resize,
    Linear: _linear,
    Attention: _attention,
    PixelUnshuffle: _pixel_unshuffle,
    WindowPartition: _window_partition,
    WindowMerge: _window_merge,
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
    LocalResponseNorm: _local_response_norm,
    Relu: _function("Relu"),
    Relu6: _relu6,
    LeakyRelu: _leaky_relu,
    Sigmoid: _function("Sigmoid"),
    HardSigmoid: _function("HardSigmoid", alpha=1 / 6, beta=0.5),
    Tanh: _function("Tanh"),
    Silu: _silu,
    HardSwish: _function("HardSwish"),
    Gelu: _function("Gelu", approximate="none"),
    Softmax: _softmax,
    Add: _joined("Add"),
    Multiply: _joined("Mul"),
    Concat: _concat,
    Split: _split,
    ChannelShuffle: _channel_shuffle,
    ToSequence: _to_sequence,
    Flatten: _reshaped,
    Dropout: _same,
    Identity: _same,
}
"""The rule of each kind that is written here; torch's exporter writes the others."""
