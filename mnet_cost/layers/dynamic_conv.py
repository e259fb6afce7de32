"""Convolutions that take more than an image: kernels, or the places of their taps, as inputs.

What is computed at run time for each example is an activation, not a weight. Ignored here: the few
operations for each place where a tap looks, which are the same for all channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

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
from mnet_cost.layers.conv import (
    DILATION,
    KERNEL,
    PADDING,
    STRIDE,
    check_groups,
    convolution_sizes,
    saved_image,
    window_positions,
)
from mnet_cost.layers.fields import Flag, Pair, Sides, Whole, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved
from mnet_cost.tensors import Check, RuleViolation, Size, TensorType, is_equal, product, smallest


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicConv2d(Layer):
    """Convolution of an image with a kernel that is an input: each example has its own.

    Shapes      image [C, H, W], then kernel [K, C / groups, kernel_h, kernel_w] -> [K, P, Q];
                `same`: P = ceil(H / stride)
    Mult-adds   kernel_h * kernel_w * (C / groups) * K * P * Q; positions over padding count
    Weights     0: the kernel is an activation
    Params      0
    Vector ops  0
    Bytes       reads C * H * W and the kernel, writes K * P * Q
    Source      arXiv:1904.04971, section 3 (CondConv)
    """

    kind: ClassVar[str] = "dynamic_conv2d"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    effort: ClassVar[Effort] = "convolution"
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    stride: Any = spec_field(Pair(), STRIDE, default=1)
    padding: Any = spec_field(Sides(), PADDING, default="same")
    dilation: Any = spec_field(Pair(), DILATION, default=1)
    groups: Size = spec_field(Whole(), "parts that do not see each other", default=1)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        x, kernel = inputs
        if len(x.shape) != 3 or len(kernel.shape) != 4:
            raise RuleViolation(
                "needs an image [channels, height, width], then a kernel [channels of the output, "
                "channels of the image / groups, height, width]"
            )
        channels, height, width = x.shape
        made, taps, *window = kernel.shape
        check_groups(check, self.groups, channels, made)
        check(
            taps * self.groups == channels,
            "the kernel reads {} channels in each of {} groups, and the image has {}",
            taps,
            self.groups,
            channels,
        )
        rows, columns = window_positions(
            check, (height, width), tuple(window), self.stride, self.padding, self.dilation
        )
        return TensorType((made, rows, columns))

    def following(self, before: tuple[TensorType, ...], after: tuple[TensorType, ...]) -> Layer:
        if is_equal(self.groups, 1) or not is_equal(self.groups, before[0].shape[-3]):
            return self
        return replace(self, groups=after[0].shape[-3])

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        x, kernel = inputs
        return Work(
            mult_adds=kernel.elements * (output.shape[-2] * output.shape[-1]),
            input_elements=x.elements + kernel.elements,
            output_elements=output.elements,
        )

    def convolution(self, inputs: tuple[TensorType, ...], output: TensorType) -> Convolution:
        x, kernel = inputs
        return convolution_sizes(self, x, output, self.groups, output, kernel.shape[-2:])

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        saved = saved_image(self, inputs, output, inputs[1].type.shape[-2:])
        return saved._replace(inputs=(*saved.inputs, 1))

    def makes_contiguous(self, x: GradInput) -> bool:
        # Its first axis is joined with the batch.
        return x.permuted or x.strided or x.is_static

    def backward_mult_adds(
        self, inputs: tuple[GradInput, ...], output: TensorType
    ) -> tuple[int, int]:
        x, kernel = inputs
        forward = self.work((x.type, kernel.type), output).mult_adds
        return forward * (x.needs_gradient + kernel.needs_gradient), 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeformConv2d(Layer):
    """Convolution whose taps look beside their places, by offsets that are an input.

    Shapes      image [..., C, H, W], offsets [..., G * 2 * T, P, Q] and perhaps a mask
                [..., G * T, P, Q], with T = kernel_h * kernel_w taps and G groups of channels that
                have offsets of their own -> [..., K, P, Q]; `same`: P = ceil(H / stride).
                The offset of a tap is (down, right)
    Mult-adds   T * (C / groups) * K * P * Q
    Weights     T * (C / groups) * K
    Params      weights (+ K with bias)
    Vector ops  7 * C * T * P * Q to interpolate between four elements, as in `resize`; with a mask
                one more product each; K * P * Q with bias
    Bytes       reads the offsets, the mask, the params, and C * H * W, but no more than the 4
                elements around each place; writes K * P * Q
    Source      arXiv:1703.06211, section 2.1; arXiv:1811.11168, section 3.2, for the mask;
                torchvision documentation of deform_conv2d
    """

    kind: ClassVar[str] = "deform_conv2d"
    arity: ClassVar[tuple[int, int | None]] = (2, 3)
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    effort: ClassVar[Effort] = "matmul"
    width_field: ClassVar[str | None] = "channels"
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    channels: Size = spec_field(Whole(), "output channels")
    kernel: Any = spec_field(Pair(), KERNEL)
    stride: Any = spec_field(Pair(), STRIDE, default=1)
    padding: Any = spec_field(Sides(), PADDING, default="same")
    dilation: Any = spec_field(Pair(), DILATION, default=1)
    groups: Size = spec_field(Whole(), "parts that do not see each other", default=1)
    bias: bool = spec_field(Flag(), "add a trained constant per output channel", default=False)

    def variety(self) -> str:
        return kernel_variety(self.kind, self.kernel)

    def _taps(self) -> Size:
        height, width = both(self.kernel)
        taps: Size = height * width
        return taps

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        x, offsets, *masks = inputs
        channels, height, width = image_sizes(x, self.kind)
        check_groups(check, self.groups, channels, self.channels)
        rows, columns = window_positions(
            check, (height, width), self.kernel, self.stride, self.padding, self.dilation
        )
        leading, taps = x.shape[:-3], self._taps()
        if any(len(beside.shape) != len(x.shape) for beside in (offsets, *masks)):
            raise RuleViolation("needs offsets, and a mask, with as many axes as the image")
        for beside in (offsets, *masks):
            for size, wanted in zip(beside.shape[:-3], leading, strict=True):
                check(size == wanted, "needs equal axes in front of the channels")
            check(
                (beside.shape[-2] == rows) & (beside.shape[-1] == columns),
                "needs offsets, and a mask, for each of {} by {} positions of its output",
                rows,
                columns,
            )
        placed = offsets.shape[-3]
        check(
            placed % (2 * taps) == 0,
            "needs two offsets for each of {} taps, or a multiple: {} channels do not divide",
            taps,
            placed,
        )
        sharing = placed // (2 * taps)
        check(channels % sharing == 0, "{} groups of offsets do not divide {} channels",
              sharing, channels)  # fmt: skip
        for mask in masks:
            check(
                mask.shape[-3] * 2 == placed,
                "needs a mask of half as many channels as offsets: {} and {}",
                mask.shape[-3],
                placed,
            )
        return TensorType((*leading, self.channels, rows, columns))

    def following(self, before: tuple[TensorType, ...], after: tuple[TensorType, ...]) -> Layer:
        if is_equal(self.groups, 1) or not is_equal(self.groups, before[0].shape[-3]):
            return self
        channels = after[0].shape[-3]
        return replace(self, groups=channels, channels=self.channels // self.groups * channels)

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-3],)

    def sampled_elements(self, inputs: tuple[TensorType, ...]) -> Size:
        """Elements that are interpolated: one for each channel, tap and position."""
        x, offsets, *_ = inputs
        positions = product(offsets.shape[:-3]) * (offsets.shape[-2] * offsets.shape[-1])
        elements: Size = positions * (self._taps() * x.shape[-3])
        return elements

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        x, *beside = inputs
        weights = self._taps() * (x.shape[-3] // self.groups) * self.channels
        positions = product(output.shape[:-3]) * (output.shape[-2] * output.shape[-1])
        sampled, outputs = self.sampled_elements(inputs), output.elements
        return Work(
            mult_adds=weights * positions,
            vector_ops=(6 + len(inputs) - 1) * sampled + (outputs if self.bias else 0),
            weights=weights,
            params=weights + self.channels if self.bias else weights,
            input_elements=smallest(x.elements, 4 * sampled) + sum(b.elements for b in beside),
            output_elements=outputs,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        # The product saves what was interpolated; interpolation saves the image and the places; the
        # product with a mask saves both factors. Axes that are joined make a copy of permuted ones.
        x, offsets, *masks = inputs
        sampled = self.sampled_elements(tuple([each.type for each in inputs]))
        taps, stacked = self._taps(), len(x.type.shape) > 3
        saved, elements = [], sampled
        moves = x.needs_gradient or offsets.needs_gradient
        if moves:
            elements += offsets.type.elements
            if x.permuted and (stacked or offsets.type.shape[-3] > 2 * taps):
                elements += x.type.elements
            else:
                saved.append(0)
        for mask in masks:
            if mask.needs_gradient:
                elements += sampled
            if moves and mask.permuted and stacked:
                elements += mask.type.elements
            elif moves:
                saved.append(2)
        return Saved(inputs=tuple(saved), elements=elements)
