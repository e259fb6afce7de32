"""Pooling: windows that slide, cover the whole image, or adapt to a wanted size.

All act on [..., channels, height, width]. One operation per element that a window visits; for
an average that is one addition less and one division. Ignored here: sums shared between windows
that overlap, and that windows over padding visit less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mnet_cost.layers.base import Effort, Layer, Makes, Reads, Work, channel_sizes, on_each_axis
from mnet_cost.layers.conv import (
    AXES,
    ends,
    is_same,
    saved_image,
    window_positions,
    window_sizes,
)
from mnet_cost.layers.fields import Flag, Pair, Sides, spec_field
from mnet_cost.layers.gradient import INDEX_BYTES, GradInput, MemoryFormat, Saved
from mnet_cost.tensors import Check, Layout, Size, TensorType, common_divisor, product

_KERNEL = "size of the window"
_STRIDE = "step between windows"
_PADDING = (
    "around the image, never the largest, at most half the kernel; `same` gives ceil(size / stride)"
)
ROUND_UP = "let a last window reach beyond the image and its padding"
_AVG_PADDING = "zeros around the image, at most half the kernel; `same` gives ceil(size / stride)"
_KEEP = "keep height and width as axes of size 1"


def windows(check: Check, layer: Any, x: TensorType, dilation: Any = 1) -> TensorType:
    """Type of the output of a pool, each of whose windows must see an element of the image.

    Without one a largest element is minus infinity, and a mean is divided by 0. So each side is
    padded by at most half of `kernel`, as in PyTorch (pool2d_shape_check of its
    aten/src/ATen/native/Pool.h), and elements of a window are no further apart than the image is
    large, which PyTorch does not ask. With a middle they may be: `same` puts that on the image.
    """
    _, *sizes = window_sizes(x, layer)
    axes = len(sizes)
    whole, names = AXES[axes]
    for axis, size, kernel, apart, pads in zip(
        names,
        sizes,
        on_each_axis(layer.kernel, axes),
        on_each_axis(dilation, axes),
        ends(layer.padding, axes),
        strict=True,
    ):
        for added in pads:
            message = "padding {} is more than half of a kernel {} " + axis
            check(2 * added <= kernel, message, added, kernel)
        message = f"with dilation {{}} a window can miss {whole} {{}} " + axis
        has_middle = (kernel % 2 == 1) & is_same(layer.padding)
        check((kernel == 1) | (apart <= size) | has_middle, message, apart, size)
    positions = window_positions(
        check,
        tuple(sizes),
        layer.kernel,
        layer.stride,
        layer.padding,
        dilation,
        layer.round_up,
    )
    return TensorType((*x.shape[:-axes], *positions))


def window_work(layer: Any, x: TensorType, output: TensorType) -> Work:
    kernel = on_each_axis(layer.kernel, layer.own_axes(x) - 1)
    outputs = output.elements
    return Work(
        vector_ops=product(kernel) * outputs,
        input_elements=x.elements,
        output_elements=outputs,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPool2d(Layer):
    """Largest element in each window.

    Shapes      [..., C, H, W] -> [..., C, P, Q]; `same`: P = ceil(H / stride)
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  kernel_h * kernel_w per output element: comparisons, the first with minus infinity
    Bytes       reads C * H * W, writes C * P * Q
    Source      PyTorch documentation of MaxPool2d; `round_up` is its ceil_mode
    """

    kind: ClassVar[str] = "max_pool2d"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    effort: ClassVar[Effort] = "pooling"
    memory_format: ClassVar[MemoryFormat] = "batched"

    kernel: Any = spec_field(Pair(), _KERNEL)
    stride: Any = spec_field(Pair(), _STRIDE, default=1)
    padding: Any = spec_field(Sides(), _PADDING, default="same")
    dilation: Any = spec_field(Pair(), "distance between elements of a window", default=1)
    round_up: bool = spec_field(Flag(), ROUND_UP, default=False)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return windows(check, self, x, self.dilation)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return window_work(self, inputs[0], output)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        indices = INDEX_BYTES * output.elements
        return saved_image(self, inputs, output)._replace(bytes=indices)


@dataclass(frozen=True, slots=True, kw_only=True)
class AvgPool2d(Layer):
    """Mean of each window.

    Shapes      [..., C, H, W] -> [..., C, P, Q]; `same`: P = ceil(H / stride)
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  kernel_h * kernel_w per output element: additions and one division
    Bytes       reads C * H * W, writes C * P * Q
    Source      PyTorch documentation of AvgPool2d; `round_up` is its ceil_mode
    """

    kind: ClassVar[str] = "avg_pool2d"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    effort: ClassVar[Effort] = "pooling"
    memory_format: ClassVar[MemoryFormat] = "batched"

    kernel: Any = spec_field(Pair(), _KERNEL)
    stride: Any = spec_field(Pair(), _STRIDE, default=1)
    padding: Any = spec_field(Sides(), _AVG_PADDING, default="same")
    round_up: bool = spec_field(Flag(), ROUND_UP, default=False)
    count_include_pad: bool = spec_field(
        Flag(), "divide by the whole window, padding too", default=False
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return windows(check, self, x)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return window_work(self, inputs[0], output)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return saved_of_means(self, inputs, output)


def saved_of_means(layer: Any, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
    """What autograd saves of an average pool."""
    saved = saved_image(layer, inputs, output)
    whole = layer.count_include_pad and not _reaches_beyond(layer, inputs[0].type, output)
    if saved.inputs or whole:
        return saved
    # torch divides by the number of elements in each window in a step of its own.
    return saved._replace(per_batch=product(output.shape[1 - layer.own_axes(output) :]))


def _reaches_beyond(layer: Any, x: TensorType, output: TensorType) -> bool:
    """Whether a last window sees more than the image and its padding."""
    if not layer.round_up or is_same(layer.padding):
        return False
    axes = layer.own_axes(x) - 1
    kernel, stride = on_each_axis(layer.kernel, axes), on_each_axis(layer.stride, axes)
    return any(
        (output.shape[i - axes] - 1) * stride[i] + kernel[i] > x.shape[i - axes] + before + after
        for i, (before, after) in enumerate(ends(layer.padding, axes))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalPool(Layer):
    """What pools over the whole image share: the shape rule and the work rule. A tensor that is
    known to be a signal or a volume is pooled over all of its axes behind the channels."""

    effort: ClassVar[Effort] = "pooling"
    reads: ClassVar[Reads] = "spatial"
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    keep: bool = spec_field(Flag(), _KEEP, default=False)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        axes = len(channel_sizes(x, self.kind)) - 1
        channels = x.shape[:-axes]
        return TensorType((*channels, *[1] * axes) if self.keep else channels)

    def layout(self, inputs: tuple[TensorType, ...]) -> Layout | None:
        layout = inputs[0].layout
        if self.keep:
            return layout if layout == "signal" or layout == "volume" else "image"
        return "sequence"  # of several images, channels stay behind

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        elements = x.elements
        return Work(vector_ops=elements, input_elements=elements, output_elements=output.elements)


class GlobalAvgPool(GlobalPool):
    """Mean of each channel.

    Shapes      [..., C, H, W] -> [..., C], or [..., C, 1, 1] with keep; a signal [..., C, L] and a
                volume [..., C, D, H, W] likewise
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  one per input element: additions and one division per channel
    Bytes       reads C * H * W, writes C
    Source      arXiv:1312.4400, section 3.2; PyTorch documentation of AdaptiveAvgPool2d
    """

    __slots__ = ()

    kind: ClassVar[str] = "global_avg_pool"


class GlobalMaxPool(GlobalPool):
    """Largest element of each channel.

    Shapes      [..., C, H, W] -> [..., C], or [..., C, 1, 1] with keep; a signal [..., C, L] and a
                volume [..., C, D, H, W] likewise
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  one per input element: comparisons, the first with minus infinity
    Bytes       reads C * H * W, writes C
    Source      PyTorch documentation of AdaptiveMaxPool2d
    """

    __slots__ = ()

    kind: ClassVar[str] = "global_max_pool"

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return Saved(inputs=(0,), output=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptivePool(Layer):
    """What pools to a wanted size share.

    Output i of o along an axis of n sees the elements from floor(i * n / o) to
    ceil((i + 1) * n / o). Windows overlap by one element at each inner border that does not fall
    between two elements, which is o - gcd(n, o) times: together they visit n + o - gcd(n, o).
    """

    effort: ClassVar[Effort] = "pooling"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    memory_format: ClassVar[MemoryFormat] = "batched"

    size: Any = spec_field(Pair(), "height and width of the output")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        _, *sizes = window_sizes(x, self)
        axes = len(sizes)
        return TensorType((*x.shape[:-axes], *on_each_axis(self.size, axes)))

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        axes = self.own_axes(x) - 1
        visited = [
            _visited(size, windows)
            for size, windows in zip(x.shape[-axes:], output.shape[-axes:], strict=True)
        ]
        return Work(
            vector_ops=product(x.shape[:-axes]) * product(tuple(visited)),
            input_elements=x.elements,
            output_elements=output.elements,
        )


def _visited(size: Size, windows: Size) -> Size:
    visited: Size = size + windows - common_divisor(size, windows)
    return visited


class AdaptiveMeanPool(AdaptivePool):
    """Means, of windows over an image, a signal or a volume."""

    __slots__ = ()

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        # To a single element it is a mean, whose gradient needs no more than the sizes.
        axes = self.own_axes(output) - 1
        return Saved() if output.shape[-axes:] == (1,) * axes else Saved(inputs=(0,))


class AdaptiveMaxPool(AdaptivePool):
    """Largest elements, of windows over an image, a signal or a volume."""

    __slots__ = ()

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return Saved(inputs=(0,), bytes=INDEX_BYTES * output.elements)


class AdaptiveAvgPool2d(AdaptiveMeanPool):
    """Means of windows spread evenly over the image.

    Shapes      [..., C, H, W] -> [..., C, P, Q], the wanted size
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  C * (H + P - gcd(H, P)) * (W + Q - gcd(W, Q)): additions and one division per output
    Bytes       reads C * H * W, writes C * P * Q
    Source      PyTorch documentation of AdaptiveAvgPool2d; windows of its AdaptiveAveragePooling
    """

    __slots__ = ()

    kind: ClassVar[str] = "adaptive_avg_pool2d"


class AdaptiveMaxPool2d(AdaptiveMaxPool):
    """Largest elements of windows spread evenly over the image.

    Shapes      [..., C, H, W] -> [..., C, P, Q], the wanted size
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  C * (H + P - gcd(H, P)) * (W + Q - gcd(W, Q)): comparisons
    Bytes       reads C * H * W, writes C * P * Q
    Source      PyTorch documentation of AdaptiveMaxPool2d
    """

    __slots__ = ()

    kind: ClassVar[str] = "adaptive_max_pool2d"
