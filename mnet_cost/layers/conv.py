"""Convolutions: standard and grouped, depthwise, transposed.

All act on [..., channels, height, width]; axes in front (regions, frames) multiply the work.
Ignored here: algorithms that spend fewer multiplications (Winograd, FFT).
"""

from __future__ import annotations

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
)
from mnet_cost.layers.fields import Flag, Pair, Sides, Whole, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved, Saves
from mnet_cost.tensors import Check, Size, TensorType, ceil_div, is_equal, largest, product

KERNEL = "size of the kernel"
STRIDE = "step between outputs"
DILATION = "distance between taps of the kernel"
_TRAINED = "train kernel and bias; else they are constants: buffers, not params"
PADDING = "zeros around the image; `same` gives ceil(size / stride)"


def sides(padding: Any) -> tuple[Any, Any, Any, Any]:
    """(top, bottom, left, right): rows and columns of explicit padding; 0 for `valid`."""
    if isinstance(padding, str):  # comparing an array with a word would not give a flag
        return (0, 0, 0, 0)
    if not isinstance(padding, tuple):
        return (padding, padding, padding, padding)
    if len(padding) == 4:
        return padding
    height, width = padding
    return (height, height, width, width)


def is_same(padding: Any) -> bool:
    """Whether `padding` is the word `same` (comparing an array with a word would warn)."""
    return isinstance(padding, str) and padding == "same"


def window_positions(
    check: Check,
    sizes: tuple[Size, Size],
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any = 1,
    round_up: bool = False,
) -> tuple[Size, Size]:
    """(height, width) of the output of a window that slides over an image of `sizes`.

    `same`: ceil(size / stride). Otherwise floor((size + padding - span) / stride) + 1 with
    span = dilation * (kernel - 1) + 1. With `round_up` ceil(...) + 1, less a last window that
    would start beyond the image and its leading padding. Source: PyTorch documentation of Conv2d
    and MaxPool2d; TensorFlow documentation, "Neural network, padding", for `same`.
    """
    strides = both(stride)
    if is_same(padding):
        return (ceil_div(sizes[0], strides[0]), ceil_div(sizes[1], strides[1]))
    top, bottom, left, right = sides(padding)
    positions = []
    for axis, size, before, after, k, s, d in zip(
        ("high", "wide"),
        sizes,
        (top, left),
        (bottom, right),
        both(kernel),
        strides,
        both(dilation),
        strict=True,
    ):
        span = d * (k - 1) + 1
        added = before + after
        room = size + added - span
        if round_up:
            room = room + (s - 1)
        check(
            room >= 0,
            "a window {} " + axis + " does not fit into an image {} " + axis + " with padding {}",
            span,
            size,
            added,
        )
        count = room // s + 1
        if round_up:
            count = count - ((count - 1) * s >= size + before)
        positions.append(count)
    return (positions[0], positions[1])


class TorchWindow(NamedTuple):
    """A window as torch slides it, for plain numbers.

    kernel, stride, dilation  (height, width)
    padding   (left, right, top, bottom): rows and columns that the windows see around the image
    rounding  how torch counts the windows if it pads both sides by (top, left): `floor`, `ceil`
              (pools alone have it); None where its own padding sees other windows, so that the
              tensor has to be padded before
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int]
    rounding: Literal["floor", "ceil"] | None


def torch_window(
    layer: Any, x: TensorType, output: TensorType, kernel: tuple[int, ...] | None = None
) -> TorchWindow:
    """The window of a convolution or a pool that slides over `x`, [..., height, width].

    `output` is what its shape rule gives; `kernel` its size where no field has it. Source: PyTorch
    documentation of Conv2d, MaxPool2d and AvgPool2d: padding is at most half a window of a pool,
    and with ceil_mode a last window may reach beyond the padding, but must not start there.
    ceil_mode is not used where it leaves such a window out: ONNX leaves none out before operator
    set 22 (its MaxPool and AveragePool).
    """
    kernel = both(layer.kernel if kernel is None else kernel)
    stride = both(layer.stride)
    dilation = both(getattr(layer, "dilation", 1))
    is_pool = layer.effort == "pooling"
    pads, floors, ceils = [], True, is_pool
    for i, side in ((0, 0), (1, 2)):
        size, count = x.shape[i - 2], output.shape[i - 2]
        span, step = dilation[i] * (kernel[i] - 1) + 1, stride[i]
        needed = (count - 1) * step + span - size
        declared = None if is_same(layer.padding) else sides(layer.padding)[side : side + 2]
        before = max(needed, 0) // 2 if declared is None else declared[0]
        after = max(needed - before, 0)
        pads.append((before, after))
        room = size + 2 * before - span
        floors = floors and room // step + 1 == count
        ceils = ceils and ceil_div(room, step) + 1 == count
        if is_pool and 2 * before > kernel[i]:
            floors = ceils = False
        if getattr(layer, "count_include_pad", False):
            # torch counts what lies in as much padding behind the image as in front of it.
            counted = after if declared is None else min(after, declared[1])
            ceils = ceils and counted == min(after, before)
    (top, bottom), (left, right) = pads
    rounding: Literal["floor", "ceil"] | None = "floor" if floors else "ceil" if ceils else None
    return TorchWindow(kernel, stride, dilation, (left, right, top, bottom), rounding)


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
    left, right, top, bottom = window.padding
    image = (x.shape[-2] + top + bottom) * (x.shape[-1] + left + right)
    return Saved(elements=product(x.shape[:-2]) * image)


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


def _following(layer: Conv2d | ConvTranspose2d, before: TensorType, after: TensorType) -> Layer:
    """A convolution with as many groups as input channels, for other input channels: it stays
    depthwise, with as many kernels for each channel."""
    if is_equal(layer.groups, 1) or not is_equal(layer.groups, before.shape[-3]):
        return layer
    channels = after.shape[-3]
    return replace(layer, groups=channels, channels=layer.channels // layer.groups * channels)


def _conv_work(layer: Any, x: TensorType, output: TensorType, taps: Size, positions: Size) -> Work:
    """Work of a convolution for one example.

    `taps` is the number of input channels that each output channel reads; `positions` is the number
    of places at which the kernel is applied.
    """
    channels_out = output.shape[-3]
    kernel_height, kernel_width = both(layer.kernel)
    # Factors of positions and of channels stay apart: with one array along each, the product
    # then spans both axes only once. Dividing before multiplying keeps it exact below 2**53.
    weights = kernel_height * kernel_width * taps * channels_out
    stored = weights + channels_out if layer.bias else weights
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
    Params      weights (+ K with bias); not trained: 0, and as many buffers
    Vector ops  K * P * Q with bias
    Bytes       reads C * H * W, kernel and bias, writes K * P * Q
    Source      arXiv:1704.04861, section 3.1; PyTorch documentation of Conv2d
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
    trained: bool = spec_field(Flag(), _TRAINED, default=True)

    def variety(self) -> str:
        return kernel_variety(self.kind, self.kernel)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, height, width = image_sizes(x, self.kind)
        check_groups(check, self.groups, channels, self.channels)
        rows, columns = window_positions(
            check, (height, width), self.kernel, self.stride, self.padding, self.dilation
        )
        return TensorType((*x.shape[:-3], self.channels, rows, columns))

    def following(self, before: tuple[TensorType, ...], after: tuple[TensorType, ...]) -> Layer:
        return _following(self, before[0], after[0])

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-3],)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        positions = product(output.shape[:-3]) * (output.shape[-2] * output.shape[-1])
        (x,) = inputs
        taps = x.shape[-3] // self.groups
        return _conv_work(self, x, output, taps, positions)

    def convolution(self, inputs: tuple[TensorType, ...], output: TensorType) -> Convolution:
        return convolution_sizes(self, inputs[0], output, self.groups, output)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return saved_image(self, inputs, output)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConv2d(Layer):
    """Convolution of each channel on its own, with `multiplier` kernels per channel.

    Shapes      [..., C, H, W] -> [..., C * multiplier, P, Q]; `same`: P = ceil(H / stride)
    Mult-adds   kernel_h * kernel_w * C * multiplier * P * Q; positions over padding count
    Weights     kernel_h * kernel_w * C * multiplier
    Params      weights (+ C * multiplier with bias); not trained: 0, and as many buffers
    Vector ops  C * multiplier * P * Q with bias
    Bytes       reads C * H * W, kernel and bias, writes C * multiplier * P * Q
    Source      arXiv:1704.04861, equation 3
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
    trained: bool = spec_field(Flag(), _TRAINED, default=True)

    def variety(self) -> str:
        return kernel_variety(self.kind, self.kernel)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, height, width = image_sizes(x, self.kind)
        rows, columns = window_positions(
            check, (height, width), self.kernel, self.stride, self.padding, self.dilation
        )
        return TensorType((*x.shape[:-3], channels * self.multiplier, rows, columns))

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-3],)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        positions = product(output.shape[:-3]) * (output.shape[-2] * output.shape[-1])
        return _conv_work(self, x, output, 1, positions)

    def convolution(self, inputs: tuple[TensorType, ...], output: TensorType) -> Convolution:
        return convolution_sizes(self, inputs[0], output, inputs[0].shape[-3], output)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return saved_image(self, inputs, output)


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
    trained: bool = spec_field(Flag(), _TRAINED, default=True)

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
        return _following(self, before[0], after[0])

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-3],)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        positions = product(x.shape[:-3]) * (x.shape[-2] * x.shape[-1])
        taps = x.shape[-3] // self.groups
        return _conv_work(self, x, output, taps, positions)

    def convolution(self, inputs: tuple[TensorType, ...], output: TensorType) -> Convolution:
        return convolution_sizes(self, inputs[0], output, self.groups, inputs[0])
