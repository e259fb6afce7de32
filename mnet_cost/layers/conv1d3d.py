"""Convolutions of signals and of volumes.

They act on [..., channels, length] and [..., channels, depth, height, width]; axes in front
multiply the work. The rules are those of images (`conv.py`) along one axis or three. Ignored here:
algorithms that spend fewer multiplications.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mnet_cost.layers.base import Convolution, Effort, Layer, Makes, Reads, Work, on_each_axis
from mnet_cost.layers.conv import (
    DILATION,
    KERNEL,
    STRIDE,
    TRAINED,
    check_groups,
    conv_work,
    following,
    saved_image,
    window_positions,
    window_sizes,
)
from mnet_cost.layers.fields import Flag, SignalEnds, Triple, VolumeSides, Whole, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved
from mnet_cost.tensors import Check, Size, TensorType, product

_PADDING = "zeros around the {}; `same` gives ceil(size / stride)"


@dataclass(frozen=True, slots=True, kw_only=True)
class AxesConvolution(Layer):
    """What convolutions along one axis or three share: all of their rules."""

    effort: ClassVar[Effort] = "convolution"
    width_field: ClassVar[str | None] = "channels"
    memory_format: ClassVar[MemoryFormat] = "batched"
    buffers_are_weights: ClassVar[bool] = True

    channels: Size = spec_field(Whole(), "output channels")
    kernel: Any = spec_field(Whole(), KERNEL)
    stride: Any = spec_field(Whole(), STRIDE, default=1)
    padding: Any = spec_field(SignalEnds(), _PADDING.format("signal"), default="same")
    dilation: Any = spec_field(Whole(), DILATION, default=1)
    groups: Size = spec_field(Whole(), "parts that do not see each other", default=1)
    bias: bool = spec_field(Flag(), "add a constant per output channel", default=False)
    trained: bool = spec_field(Flag(), TRAINED, default=True)

    def variety(self) -> str:
        axes = len(self.kernel) if isinstance(self.kernel, tuple) else self._axes
        return f"{self.kind} {'x'.join(map(str, on_each_axis(self.kernel, axes)))}"

    @property
    def _axes(self) -> int:
        """How many axes the kernel has."""
        return self.own_axes(TensorType(())) - 1

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, *sizes = window_sizes(x, self)
        check_groups(check, self.groups, channels, self.channels)
        positions = window_positions(
            check, tuple(sizes), self.kernel, self.stride, self.padding, self.dilation
        )
        return TensorType((*x.shape[: -1 - self._axes], self.channels, *positions))

    def following(self, before: tuple[TensorType, ...], after: tuple[TensorType, ...]) -> Layer:
        layer: Layer = following(self, before[0], after[0])
        return layer

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-1 - self._axes],)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        axes = self._axes
        positions = product(output.shape[: -1 - axes]) * product(output.shape[-axes:])
        taps = x.shape[-1 - axes] // self.groups
        kernel = on_each_axis(self.kernel, axes)
        return conv_work(self, x, output, kernel, taps, positions)

    def convolution(self, inputs: tuple[TensorType, ...], output: TensorType) -> Convolution:
        axes = self._axes
        kernel, stride, dilation = (
            (1,) * (2 - axes) + on_each_axis(value, axes)
            for value in (self.kernel, self.stride, self.dilation)
        )
        depth, rows, columns = (1,) * (3 - axes) + output.shape[-axes:]
        return Convolution(
            self.groups,
            inputs[0].shape[-1 - axes] // self.groups,
            output.shape[-1 - axes] // self.groups,
            kernel,
            stride,
            dilation,
            rows,
            columns,
            product(output.shape[: -1 - axes]),
            depth,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return saved_image(self, inputs, output)


class Conv1d(AxesConvolution):
    """Convolution of a signal with `channels` kernels, in `groups` separate parts.

    Shapes      [..., C, L] -> [..., K, P]; `same`: P = ceil(L / stride)
    Mult-adds   kernel * (C / groups) * K * P; positions over padding count
    Weights     kernel * (C / groups) * K
    Params      weights (+ K with bias); not trained: 0, and as many buffers
    Vector ops  K * P with bias
    Bytes       reads C * L, kernel and bias, writes K * P
    Source      PyTorch documentation of Conv1d
    """

    __slots__ = ()

    kind: ClassVar[str] = "conv1d"
    reads: ClassVar[Reads] = "signal"
    makes: ClassVar[Makes] = "signal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv3d(AxesConvolution):
    """Convolution of a volume with `channels` kernels, in `groups` separate parts.

    Shapes      [..., C, D, H, W] -> [..., K, N, P, Q]; `same`: N = ceil(D / stride)
    Mult-adds   kernel_d * kernel_h * kernel_w * (C / groups) * K * N * P * Q; positions over
                padding count
    Weights     kernel_d * kernel_h * kernel_w * (C / groups) * K
    Params      weights (+ K with bias); not trained: 0, and as many buffers
    Vector ops  K * N * P * Q with bias
    Bytes       reads C * D * H * W, kernel and bias, writes K * N * P * Q
    Source      PyTorch documentation of Conv3d
    """

    kind: ClassVar[str] = "conv3d"
    reads: ClassVar[Reads] = "volume"
    makes: ClassVar[Makes] = "volume"

    kernel: Any = spec_field(Triple(), KERNEL)
    stride: Any = spec_field(Triple(), STRIDE, default=1)
    padding: Any = spec_field(VolumeSides(), _PADDING.format("volume"), default="same")
    dilation: Any = spec_field(Triple(), DILATION, default=1)
