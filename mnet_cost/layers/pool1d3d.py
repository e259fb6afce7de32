"""Pooling of signals and of volumes: windows that slide, or adapt to a wanted size.

They act on [..., channels, length] and [..., channels, depth, height, width]. The rules are those
of images (`pool.py`) along one axis or three. Pools over all positions are the same kinds for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mnet_cost.layers.base import Effort, Layer, Makes, Reads, Work
from mnet_cost.layers.conv import saved_image
from mnet_cost.layers.fields import Flag, SignalEnds, Triple, VolumeSides, Whole, spec_field
from mnet_cost.layers.gradient import INDEX_BYTES, GradInput, MemoryFormat, Saved
from mnet_cost.layers.pool import (
    ROUND_UP,
    AdaptiveMaxPool,
    AdaptiveMeanPool,
    saved_of_means,
    window_work,
    windows,
)
from mnet_cost.tensors import Check, TensorType

_KERNEL = "size of the window"
_STRIDE = "step between windows"
_PADDING = (
    "around the {}, never the largest, at most half the kernel; `same` gives ceil(size / stride)"
)
_AVG_PADDING = "zeros around the {}, at most half the kernel; `same` gives ceil(size / stride)"
_APART = "distance between elements of a window"
_WHOLE = "divide by the whole window, padding too"


@dataclass(frozen=True, slots=True, kw_only=True)
class AxesMaxPool(Layer):
    """What sliding maxima along one axis or three share: all of their rules."""

    effort: ClassVar[Effort] = "pooling"
    memory_format: ClassVar[MemoryFormat] = "batched"

    kernel: Any = spec_field(Whole(), _KERNEL)
    stride: Any = spec_field(Whole(), _STRIDE, default=1)
    padding: Any = spec_field(SignalEnds(), _PADDING.format("signal"), default="same")
    dilation: Any = spec_field(Whole(), _APART, default=1)
    round_up: bool = spec_field(Flag(), ROUND_UP, default=False)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        return windows(check, self, inputs[0], self.dilation)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return window_work(self, inputs[0], output)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        indices = INDEX_BYTES * output.elements
        return saved_image(self, inputs, output)._replace(bytes=indices)


class MaxPool1d(AxesMaxPool):
    """Largest element in each window of a signal.

    Shapes      [..., C, L] -> [..., C, P]; `same`: P = ceil(L / stride)
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  kernel per output element: comparisons, the first with minus infinity
    Bytes       reads C * L, writes C * P
    Source      PyTorch documentation of MaxPool1d; `round_up` is its ceil_mode
    """

    __slots__ = ()

    kind: ClassVar[str] = "max_pool1d"
    reads: ClassVar[Reads] = "signal"
    makes: ClassVar[Makes] = "signal"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPool3d(AxesMaxPool):
    """Largest element in each window of a volume.

    Shapes      [..., C, D, H, W] -> [..., C, N, P, Q]; `same`: N = ceil(D / stride)
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  kernel_d * kernel_h * kernel_w per output element: comparisons, the first with minus
                infinity
    Bytes       reads C * D * H * W, writes C * N * P * Q
    Source      PyTorch documentation of MaxPool3d; `round_up` is its ceil_mode
    """

    kind: ClassVar[str] = "max_pool3d"
    reads: ClassVar[Reads] = "volume"
    makes: ClassVar[Makes] = "volume"

    kernel: Any = spec_field(Triple(), _KERNEL)
    stride: Any = spec_field(Triple(), _STRIDE, default=1)
    padding: Any = spec_field(VolumeSides(), _PADDING.format("volume"), default="same")
    dilation: Any = spec_field(Triple(), _APART, default=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AxesAvgPool(Layer):
    """What sliding means along one axis or three share: all of their rules."""

    effort: ClassVar[Effort] = "pooling"
    memory_format: ClassVar[MemoryFormat] = "batched"

    kernel: Any = spec_field(Whole(), _KERNEL)
    stride: Any = spec_field(Whole(), _STRIDE, default=1)
    padding: Any = spec_field(SignalEnds(), _AVG_PADDING.format("signal"), default="same")
    round_up: bool = spec_field(Flag(), ROUND_UP, default=False)
    count_include_pad: bool = spec_field(Flag(), _WHOLE, default=False)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        return windows(check, self, inputs[0])

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return window_work(self, inputs[0], output)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return saved_of_means(self, inputs, output)


class AvgPool1d(AxesAvgPool):
    """Mean of each window of a signal.

    Shapes      [..., C, L] -> [..., C, P]; `same`: P = ceil(L / stride)
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  kernel per output element: additions and one division
    Bytes       reads C * L, writes C * P
    Source      PyTorch documentation of AvgPool1d; `round_up` is its ceil_mode
    """

    __slots__ = ()

    kind: ClassVar[str] = "avg_pool1d"
    reads: ClassVar[Reads] = "signal"
    makes: ClassVar[Makes] = "signal"


@dataclass(frozen=True, slots=True, kw_only=True)
class AvgPool3d(AxesAvgPool):
    """Mean of each window of a volume.

    Shapes      [..., C, D, H, W] -> [..., C, N, P, Q]; `same`: N = ceil(D / stride)
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  kernel_d * kernel_h * kernel_w per output element: additions and one division
    Bytes       reads C * D * H * W, writes C * N * P * Q
    Source      PyTorch documentation of AvgPool3d; `round_up` is its ceil_mode
    """

    kind: ClassVar[str] = "avg_pool3d"
    reads: ClassVar[Reads] = "volume"
    makes: ClassVar[Makes] = "volume"

    kernel: Any = spec_field(Triple(), _KERNEL)
    stride: Any = spec_field(Triple(), _STRIDE, default=1)
    padding: Any = spec_field(VolumeSides(), _AVG_PADDING.format("volume"), default="same")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveAvgPool1d(AdaptiveMeanPool):
    """Means of windows spread evenly over a signal.

    Shapes      [..., C, L] -> [..., C, P], the wanted size
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  C * (L + P - gcd(L, P)): additions and one division per output
    Bytes       reads C * L, writes C * P
    Source      PyTorch documentation of AdaptiveAvgPool1d
    """

    kind: ClassVar[str] = "adaptive_avg_pool1d"
    reads: ClassVar[Reads] = "signal"
    makes: ClassVar[Makes] = "signal"

    size: Any = spec_field(Whole(), "length of the output")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveMaxPool1d(AdaptiveMaxPool):
    """Largest elements of windows spread evenly over a signal.

    Shapes      [..., C, L] -> [..., C, P], the wanted size
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  C * (L + P - gcd(L, P)): comparisons
    Bytes       reads C * L, writes C * P
    Source      PyTorch documentation of AdaptiveMaxPool1d
    """

    kind: ClassVar[str] = "adaptive_max_pool1d"
    reads: ClassVar[Reads] = "signal"
    makes: ClassVar[Makes] = "signal"

    size: Any = spec_field(Whole(), "length of the output")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveAvgPool3d(AdaptiveMeanPool):
    """Means of windows spread evenly over a volume.

    Shapes      [..., C, D, H, W] -> [..., C, N, P, Q], the wanted size
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  C * (D + N - gcd(D, N)) * (H + P - gcd(H, P)) * (W + Q - gcd(W, Q)): additions and
                one division per output
    Bytes       reads C * D * H * W, writes C * N * P * Q
    Source      PyTorch documentation of AdaptiveAvgPool3d
    """

    kind: ClassVar[str] = "adaptive_avg_pool3d"
    reads: ClassVar[Reads] = "volume"
    makes: ClassVar[Makes] = "volume"

    size: Any = spec_field(Triple(), "depth, height and width of the output")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveMaxPool3d(AdaptiveMaxPool):
    """Largest elements of windows spread evenly over a volume.

    Shapes      [..., C, D, H, W] -> [..., C, N, P, Q], the wanted size
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  C * (D + N - gcd(D, N)) * (H + P - gcd(H, P)) * (W + Q - gcd(W, Q)): comparisons
    Bytes       reads C * D * H * W, writes C * N * P * Q
    Source      PyTorch documentation of AdaptiveMaxPool3d
    """

    kind: ClassVar[str] = "adaptive_max_pool3d"
    reads: ClassVar[Reads] = "volume"
    makes: ClassVar[Makes] = "volume"

    size: Any = spec_field(Triple(), "depth, height and width of the output")
