"""Convolutions: standard and grouped, depthwise, transposed.

All act on [..., channels, height, width]; axes in front (regions, frames) multiply the work.
Ignored here: algorithms that spend fewer multiplications (Winograd, FFT).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple

from mnet_cost.layers.base import (
    Convolution,
    Effort,
    Layer,
    Makes,
    Reads,
    Work,
    both,
    image_sizes,
    kernel_variety,
    on_each_axis,
)
from mnet_cost.layers.fields import Flag, Pair, Sides, Whole, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved, Saves
from mnet_cost.tensors import (
    SIZE_NAMES,
    Check,
    Layout,
    RuleViolation,
    Size,
    TensorType,
    ceil_div,
    is_equal,
    largest,
    product,
)

KERNEL = "size of the kernel"
STRIDE = "step between outputs"
DILATION = "distance between taps of the kernel"
TRAINED = "train kernel and bias; else they are constants: buffers, not params"
GAIN = (
    "standardize the kernel of each output channel, and scale it by a trained factor: it is made "
    "before inference"
)
PADDING = "zeros around the image; `same` gives ceil(size / stride)"


def sides(padding: Any) -> tuple[Any, Any, Any, Any]:
    """(top, bottom, left, right): rows and columns of explicit padding; 0 for `valid`."""
    (top, bottom), (left, right) = ends(padding, 2)
    return (top, bottom, left, right)


def ends(padding: Any, axes: int) -> tuple[tuple[Any, Any], ...]:
    """(before, after) along each of `axes` axes of explicit padding; 0 for `valid`."""
    if isinstance(padding, str):
        return ((0, 0),) * axes
    each = on_each_axis(padding, axes)
    if len(each) == axes and axes > 1:
        return tuple([(size, size) for size in each])
    if len(each) == 1:
        return ((each[0], each[0]),)
    return tuple([(each[2 * axis], each[2 * axis + 1]) for axis in range(axes)])


def is_same(padding: Any) -> bool:
    """Whether `padding` is the word `same` (comparing an array with a word would warn)."""
    return isinstance(padding, str) and padding == "same"


AXES: Mapping[int, tuple[str, tuple[str, ...]]] = {
    1: ("a signal", ("long",)),
    2: ("an image", ("high", "wide")),
    3: ("a volume", ("deep", "high", "wide")),
}
"""What a window slides over, and its axes, by their number."""

LAYOUT_OF_AXES: Mapping[int, Layout] = {1: "signal", 2: "image", 3: "volume"}
"""The layout of a tensor whose windows slide over so many axes."""


def window_positions(
    check: Check,
    sizes: tuple[Size, ...],
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any = 1,
    round_up: bool = False,
) -> tuple[Size, ...]:
    """Sizes of the output, one for each axis, of a window that slides over an image of `sizes`.

    `same`: ceil(size / stride). Otherwise floor((size + padding - span) / stride) + 1 with
    span = dilation * (kernel - 1) + 1. With `round_up` ceil(...) + 1, less a last window that
    would start beyond the image and its leading padding. Source: PyTorch documentation of Conv2d
    and MaxPool2d; TensorFlow documentation, "Neural network, padding", for `same`.
    """
    axes = len(sizes)
    strides = on_each_axis(stride, axes)
    if is_same(padding):
        return tuple([ceil_div(size, step) for size, step in zip(sizes, strides, strict=True)])
    whole, names = AXES[axes]
    positions = []
    for axis, size, (before, after), k, s, d in zip(
        names,
        sizes,
        ends(padding, axes),
        on_each_axis(kernel, axes),
        strides,
        on_each_axis(dilation, axes),
        strict=True,
    ):
        span = d * (k - 1) + 1
        added = before + after
        room = size + added - span
        if round_up:
            room = room + (s - 1)
        check(
            room >= 0,
            "a window {} " + axis + f" does not fit into {whole} {{}} " + axis + " with padding {}",
            span,
            size,
            added,
        )
        count = room // s + 1
        if round_up:
            count = count - ((count - 1) * s >= size + before)
        positions.append(count)
    return tuple(positions)


def window_sizes(x: TensorType, layer: Layer) -> tuple[Size, ...]:
    """Channels, then the sizes of what a window of `layer` slides over.

    Raises `RuleViolation` for a tensor with too few axes.
    """
    axes = layer.own_axes(x)
    if len(x.shape) < axes:
        whole, _ = AXES[axes - 1]
        names = SIZE_NAMES[LAYOUT_OF_AXES[axes - 1]]
        raise RuleViolation(f"`{layer.kind}` needs {whole} [{', '.join(names)}]")
    return x.shape[-axes:]


class TorchWindow(NamedTuple):
    """A window as torch slides it, for plain numbers.

    kernel, stride, dilation  one for each axis: (height, width)
    padding   (left, right, top, bottom), the last axis first: rows and columns that the windows see
              around the image
    rounding  how torch counts the windows if it pads both sides by `before`: `floor`, `ceil` (pools
              alone have it); None where its own padding sees other windows, so that the tensor has
              to be padded before
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...]
    rounding: Literal["floor", "ceil"] | None

    @property
    def before(self) -> tuple[int, ...]:
        """The padding in front along each axis: (top, left)."""
        return self.padding[-2::-2]


def torch_window(
    layer: Any, x: TensorType, output: TensorType, kernel: tuple[int, ...] | None = None
) -> TorchWindow:
    """The window of a convolution or a pool that slides over `x`: its axes behind the channels.

    `output` is what its shape rule gives; `kernel` its size where no field has it. Source: PyTorch
    documentation of Conv2d, MaxPool2d and AvgPool2d: padding is at most half a window of a pool,
    and with ceil_mode a last window may reach beyond the padding, but must not start there.
    ceil_mode is not used where it leaves such a window out: ONNX leaves none out before operator
    set 22 (its MaxPool and AveragePool).
    """
    axes = layer.own_axes(x) - 1
    kernel = on_each_axis(layer.kernel if kernel is None else kernel, axes)
    stride = on_each_axis(layer.stride, axes)
    dilation = on_each_axis(getattr(layer, "dilation", 1), axes)
    is_pool = layer.effort == "pooling"
    pads, floors, ceils = [], True, is_pool
    for i in range(axes):
        size, count = x.shape[i - axes], output.shape[i - axes]
        span, step = dilation[i] * (kernel[i] - 1) + 1, stride[i]
        needed = (count - 1) * step + span - size
        declared = None if is_same(layer.padding) else ends(layer.padding, axes)[i]
        before = max(needed, 0) // 2 if declared is None else declared[0]
        after = max(needed - before, 0)
        pads.append((before, after))
        room = size + 2 * before - span
        floors = floors and room // step + 1 == count
        ceils = ceils and ceil_div(room, step) + 1 == count
        if is_pool and 2 * before > kernel[i]:
            floors = ceils = False
        if axes == 3 and hasattr(layer, "count_include_pad") and size < kernel[i]:
            floors = ceils = False  # avg_pool3d refuses it, whatever the padding
        if getattr(layer, "count_include_pad", False):
            # torch counts what lies in as much padding behind the image as in front of it.
            counted = after if declared is None else min(after, declared[1])
            ceils = ceils and counted == min(after, before)
    padding = tuple([pad for axis in reversed(pads) for pad in axis])
    rounding: Literal["floor", "ceil"] | None = "floor" if floors else "ceil" if ceils else None
    return TorchWindow(kernel, stride, dilation, padding, rounding)


def saved_image(
    layer: Any,
    inputs: tuple[GradInput, ...],
    output: TensorType,
    kernel: tuple[int, ...] | None = None,
) -> Saved:
    """What autograd saves of the input: itself, or the copy of it that padding makes.

    torch makes a copy where its own padding cannot be used, often with `same` and a stride.
    """
    x = inputs[0].type
    window = torch_window(layer, x, output, kernel)
    if window.rounding is not None:
        return Saved(inputs=(0,))
    axes = len(window.kernel)
    added = window.padding
    image = tuple([x.shape[-1 - i] + added[2 * i] + added[2 * i + 1] for i in range(axes)])
    return Saved(elements=product(x.shape[:-axes]) * product(image))


def check_groups(check: Check, groups: Size, channels_in: Size, channels_out: Size) -> None:
    check(
        channels_in % groups == 0, "{} groups do not divide {} input channels", groups, channels_in
    )
    check(
        channels_out % groups == 0,
        "{} groups do not divide {} output channels",
        groups,
        channels_out,
    )


def check_gain(check: Check, layer: Any, numbers: Size) -> None:
    """Refuse a `gain` of kernels that cannot be standardized; `numbers` are those of a channel."""
    if layer.gain and not layer.trained:
        raise RuleViolation(f"`{layer.kind}` has a trained `gain` or a constant kernel, not both")
    if layer.gain:
        check(numbers > 1, "`gain` standardizes kernels of several numbers, and these have one")


def saved_kernel(layer: Any, weights: int, channels: int) -> int:
    """Elements that autograd saves to make a kernel with a `gain`, once for the batch: the
    standardized kernel, the scaled one, and the mean and deviation of each channel."""
    return 2 * (weights + channels) if layer.gain else 0


def following(layer: Any, before: TensorType, after: TensorType) -> Any:
    """A convolution with as many groups as input channels, for other input channels: it stays
    depthwise, with as many kernels for each channel."""
    axis = -layer.own_axes(before)
    if is_equal(layer.groups, 1) or not is_equal(layer.groups, before.shape[axis]):
        return layer
    channels = after.shape[axis]
    return replace(layer, groups=channels, channels=layer.channels // layer.groups * channels)


def conv_work(
    layer: Any,
    x: TensorType,
    output: TensorType,
    kernel: tuple[Size, ...],
    taps: Size,
    positions: Size,
) -> Work:
    """Work of a convolution for one example.

    `taps` is the number of input channels that each output channel reads; `positions` is the number
    of places at which the kernel is applied.
    """
    channels_out = output.shape[-1 - len(kernel)]
    # Factors of positions and of channels stay apart: with one array along each, the product
    # then spans both axes only once. Dividing before multiplying keeps it exact below 2**53.
    weights = product(kernel) * taps * channels_out
    stored = weights + channels_out if layer.bias else weights
    if getattr(layer, "gain", False):
        stored = stored + channels_out
    outputs = output.elements
    return Work(
        mult_adds=weights * positions,
        vector_ops=outputs if layer.bias else 0,
        weights=weights,
        params=stored if layer.trained else 0,
        buffers=0 if layer.trained else stored,
        input_elements=x.elements,
        output_elements=outputs,
    )


def convolution_sizes(
    layer: Any,
    x: TensorType,
    output: TensorType,
    groups: Size,
    slides_over: TensorType,
    kernel: tuple[Size, ...] | None = None,
) -> Convolution:
    """Its sizes; `slides_over` is the tensor at whose positions the kernel is applied, `kernel` its
    size where no field has it."""
    return Convolution(
        groups,
        x.shape[-3] // groups,
        output.shape[-3] // groups,
        both(layer.kernel if kernel is None else kernel),
        both(layer.stride),
        both(layer.dilation),
        slides_over.shape[-2],
        slides_over.shape[-1],
        product(output.shape[:-3]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2d(Layer):
    """Convolution of an image with `channels` kernels, in `groups` separate parts.

    Shapes      [..., C, H, W] -> [..., K, P, Q]; `same`: P = ceil(H / stride)
    Mult-adds   kernel_h * kernel_w * (C / groups) * K * P * Q; positions over padding count
    Weights     kernel_h * kernel_w * (C / groups) * K
    Params      weights (+ K with bias, + K with gain); not trained: 0, and as many buffers
    Vector ops  K * P * Q with bias
    Bytes       reads C * H * W and params, writes K * P * Q
    Source      arXiv:1704.04861, section 3.1; PyTorch documentation of Conv2d;
                arXiv:2101.08692, equation 1 (gain)
    """

    kind: ClassVar[str] = "conv2d"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    effort: ClassVar[Effort] = "convolution"
    width_field: ClassVar[str | None] = "channels"
    memory_format: ClassVar[MemoryFormat] = "batched"
    buffers_are_weights: ClassVar[bool] = True

    channels: Size = spec_field(Whole(), "output channels")
    kernel: Any = spec_field(Pair(), KERNEL)
    stride: Any = spec_field(Pair(), STRIDE, default=1)
    padding: Any = spec_field(Sides(), PADDING, default="same")
    dilation: Any = spec_field(Pair(), DILATION, default=1)
    groups: Size = spec_field(Whole(), "parts that do not see each other", default=1)
    bias: bool = spec_field(Flag(), "add a constant per output channel", default=False)
    trained: bool = spec_field(Flag(), TRAINED, default=True)
    gain: bool = spec_field(Flag(), GAIN, default=False)

    def variety(self) -> str:
        return kernel_variety(self.kind, self.kernel)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, height, width = image_sizes(x, self.kind)
        check_groups(check, self.groups, channels, self.channels)
        check_gain(check, self, product(both(self.kernel)) * (channels // self.groups))
        rows, columns = window_positions(
            check, (height, width), self.kernel, self.stride, self.padding, self.dilation
        )
        return TensorType((*x.shape[:-3], self.channels, rows, columns))

    def following(self, before: tuple[TensorType, ...], after: tuple[TensorType, ...]) -> Layer:
        layer: Layer = following(self, before[0], after[0])
        return layer

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-3],)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        positions = product(output.shape[:-3]) * (output.shape[-2] * output.shape[-1])
        (x,) = inputs
        taps = x.shape[-3] // self.groups
        return conv_work(self, x, output, both(self.kernel), taps, positions)

    def convolution(self, inputs: tuple[TensorType, ...], output: TensorType) -> Convolution:
        return convolution_sizes(self, inputs[0], output, self.groups, output)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        saved = saved_image(self, inputs, output)
        weights = self.work((inputs[0].type,), output).weights
        return saved._replace(per_batch=saved_kernel(self, weights, output.shape[-3]))


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConv2d(Layer):
    """Convolution of each channel on its own, with `multiplier` kernels per channel.

    Shapes      [..., C, H, W] -> [..., C * multiplier, P, Q]; `same`: P = ceil(H / stride)
    Mult-adds   kernel_h * kernel_w * C * multiplier * P * Q; positions over padding count
    Weights     kernel_h * kernel_w * C * multiplier
    Params      weights (+ C * multiplier with bias, as many with gain); not trained: 0, and as
                many buffers
    Vector ops  C * multiplier * P * Q with bias
    Bytes       reads C * H * W and params, writes C * multiplier * P * Q
    Source      arXiv:1704.04861, equation 3; arXiv:2101.08692, equation 1 (gain)
    """

    kind: ClassVar[str] = "depthwise_conv2d"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    effort: ClassVar[Effort] = "convolution"
    memory_format: ClassVar[MemoryFormat] = "batched"
    buffers_are_weights: ClassVar[bool] = True

    kernel: Any = spec_field(Pair(), KERNEL)
    stride: Any = spec_field(Pair(), STRIDE, default=1)
    padding: Any = spec_field(Sides(), PADDING, default="same")
    dilation: Any = spec_field(Pair(), DILATION, default=1)
    multiplier: Size = spec_field(Whole(), "output channels per input channel", default=1)
    bias: bool = spec_field(Flag(), "add a constant per output channel", default=False)
    trained: bool = spec_field(Flag(), TRAINED, default=True)
    gain: bool = spec_field(Flag(), GAIN, default=False)

    def variety(self) -> str:
        return kernel_variety(self.kind, self.kernel)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, height, width = image_sizes(x, self.kind)
        check_gain(check, self, product(both(self.kernel)))
        rows, columns = window_positions(
            check, (height, width), self.kernel, self.stride, self.padding, self.dilation
        )
        return TensorType((*x.shape[:-3], channels * self.multiplier, rows, columns))

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-3],)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        positions = product(output.shape[:-3]) * (output.shape[-2] * output.shape[-1])
        return conv_work(self, x, output, both(self.kernel), 1, positions)

    def convolution(self, inputs: tuple[TensorType, ...], output: TensorType) -> Convolution:
        return convolution_sizes(self, inputs[0], output, inputs[0].shape[-3], output)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        saved = saved_image(self, inputs, output)
        weights = self.work((inputs[0].type,), output).weights
        return saved._replace(per_batch=saved_kernel(self, weights, output.shape[-3]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvTranspose2d(Layer):
    """Transposed convolution: each input position adds a kernel to the output.

    Shapes      [..., C, H, W] -> [..., K, P, Q]; `same`: P = H * stride, otherwise
                P = (H - 1) * stride + dilation * (kernel_h - 1) + 1 + output_padding - padding
    Mult-adds   kernel_h * kernel_w * (C / groups) * K * H * W: positions of the input
    Weights     kernel_h * kernel_w * (C / groups) * K
    Params      weights (+ K with bias); not trained: 0, and as many buffers
    Vector ops  K * P * Q with bias
    Bytes       reads C * H * W, kernel and bias, writes K * P * Q
    Source      PyTorch documentation of ConvTranspose2d
    """

    kind: ClassVar[str] = "conv_transpose2d"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    effort: ClassVar[Effort] = "convolution"
    width_field: ClassVar[str | None] = "channels"
    memory_format: ClassVar[MemoryFormat] = "batched"
    buffers_are_weights: ClassVar[bool] = True
    saves: ClassVar[Saves] = "inputs"

    channels: Size = spec_field(Whole(), "output channels")
    kernel: Any = spec_field(Pair(), KERNEL)
    stride: Any = spec_field(Pair(), "step between kernels in the output", default=1)
    padding: Any = spec_field(
        Sides(), "rows and columns cut off the output; `same` gives size * stride", default="same"
    )
    output_padding: Any = spec_field(Pair(0), "rows and columns added at the end", default=0)
    dilation: Any = spec_field(Pair(), DILATION, default=1)
    groups: Size = spec_field(Whole(), "parts that do not see each other", default=1)
    bias: bool = spec_field(Flag(), "add a constant per output channel", default=False)
    trained: bool = spec_field(Flag(), TRAINED, default=True)

    def variety(self) -> str:
        return kernel_variety(self.kind, self.kernel)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, height, width = image_sizes(x, self.kind)
        check_groups(check, self.groups, channels, self.channels)
        strides, dilations, extra = (
            both(self.stride),
            both(self.dilation),
            both(self.output_padding),
        )
        for i in (0, 1):
            check(
                extra[i] < largest(strides[i], dilations[i]),
                "output_padding {} must be below stride {} or dilation {}",
                extra[i],
                strides[i],
                dilations[i],
            )
        if is_same(self.padding):
            for size in extra:
                check(
                    size == 0, "padding `same` fixes the output: give output_padding with a number"
                )
            return TensorType(
                (*x.shape[:-3], self.channels, height * strides[0], width * strides[1])
            )
        top, bottom, left, right = sides(self.padding)
        kernels = both(self.kernel)
        rows, columns = (
            (size - 1) * strides[i] + dilations[i] * (kernels[i] - 1) + 1 + extra[i] - cut
            for i, size, cut in ((0, height, top + bottom), (1, width, left + right))
        )
        check(rows >= 1, "padding {} leaves nothing of the output", self.padding)
        check(columns >= 1, "padding {} leaves nothing of the output", self.padding)
        return TensorType((*x.shape[:-3], self.channels, rows, columns))

    def following(self, before: tuple[TensorType, ...], after: tuple[TensorType, ...]) -> Layer:
        layer: Layer = following(self, before[0], after[0])
        return layer

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-3],)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        positions = product(x.shape[:-3]) * (x.shape[-2] * x.shape[-1])
        taps = x.shape[-3] // self.groups
        return conv_work(self, x, output, both(self.kernel), taps, positions)

    def convolution(self, inputs: tuple[TensorType, ...], output: TensorType) -> Convolution:
        return convolution_sizes(self, inputs[0], output, self.groups, inputs[0])
