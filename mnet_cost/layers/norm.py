"""Normalization: by stored statistics, by those of the tensor itself, by length.

Counted as at inference. Batch normalization has a scale and a shift per channel, made from
stored statistics beforehand; the others need a pass over the tensor before the first element
comes out, so they are fused into no other layer. Ignored here: the few operations per statistic
(not per element), and folding into the layer before, which the analysis of kernels decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.axes import channel_axis, named_axis
from mnet_cost.layers.base import (
    Effect,
    Effort,
    Layer,
    Makes,
    Reads,
    Work,
    channel_sizes,
    image_sizes,
)
from mnet_cost.layers.fields import AXIS, Flag, Real, Whole, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved
from mnet_cost.tensors import Check, Size, TensorType, product

_STATISTICS = 5
"""Operations per element to subtract a mean and divide by a deviation: an addition for the mean;
a subtraction, a multiplication and an addition for the variance; a multiplication. The
difference to the mean is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNorm(Layer):
    """Batch normalization: scale and shift of each channel by its running statistics.

    Shapes      any, unchanged; C is the size of the axis
    Mult-adds   0
    Weights     0
    Params      2 * C if affine; buffers 2 * C, the running mean and variance
                (the scalar counter of batches that PyTorch stores as well is not counted)
    Vector ops  2 per element: one multiplication, one addition
    Bytes       reads and writes each element, reads the params and buffers
    Source      arXiv:1502.03167, algorithm 2; PyTorch documentation of BatchNorm2d
    """

    kind: ClassVar[str] = "batch_norm"
    reads: ClassVar[Reads] = "axis"
    makes: ClassVar[Makes] = "same"
    effort: ClassVar[Effort] = "arithmetic"
    is_foldable: ClassVar[bool] = True
    memory_format: ClassVar[MemoryFormat] = "batched"
    effect: ClassVar[Effect] = "elementwise"

    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )
    affine: bool = spec_field(Flag(), "train a scale and a shift per channel", default=True)
    epsilon: float = spec_field(Real(0.0), "added to the variance", default=1e-5)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        named_axis(x, self.axis, self.kind)
        return TensorType(x.shape)

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        axis = named_axis(inputs[0], self.axis, self.kind)
        return (inputs[0].shape[axis], axis)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        channels, elements = x.shape[named_axis(x, self.axis, self.kind)], x.elements
        return Work(
            vector_ops=2 * elements,
            params=2 * channels if self.affine else 0,
            buffers=2 * channels,
            input_elements=elements,
            output_elements=elements,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        # The mean and the deviation of the batch.
        axis = named_axis(inputs[0].type, self.axis, self.kind)
        statistics = 2 * output.shape[axis]
        if self._moves(inputs[0]):
            return Saved(elements=output.elements, per_batch=statistics)
        return Saved(inputs=(0,), per_batch=statistics)

    def _moves(self, x: GradInput) -> bool:
        """Whether torch moves the axis to the end, and copies what it then has."""
        return not self.is_native(x.type)

    def is_native(self, x: TensorType) -> bool:
        """Whether torch has a module for the axis: features, or channels of a signal, an image or a
        volume, as many axes from the end; what is in front is joined with the batch."""
        axis = named_axis(x, self.axis, self.kind)
        return axis in (-1, -3) or (axis == channel_axis(x) and x.layout is not None)

    def is_permuted(self, inputs: tuple[GradInput, ...]) -> bool:
        (x,) = inputs
        if self._moves(x):
            return True
        return x.permuted and len(x.type.shape) == -named_axis(x.type, self.axis, self.kind)

    def makes_contiguous(self, x: GradInput) -> bool:
        if self._moves(x):
            return False
        return x.permuted and len(x.type.shape) > -named_axis(x.type, self.axis, self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNorm(Layer):
    """Layer normalization: mean 0 and variance 1 along an axis, at each position of the others.

    Shapes      any, unchanged; C is the size of the axis
    Mult-adds   0
    Weights     0
    Params      C if affine (+ C with bias); without affine there is no bias either
    Vector ops  5 per element: addition for the mean; subtraction, multiplication, addition for
                the variance; multiplication. One more if affine, and one more with bias
    Bytes       reads and writes each element, reads the params
    Source      arXiv:1607.06450, equation 3; PyTorch documentation of LayerNorm
    """

    kind: ClassVar[str] = "layer_norm"
    reads: ClassVar[Reads] = "axis"
    makes: ClassVar[Makes] = "same"
    effort: ClassVar[Effort] = "curve"

    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )
    affine: bool = spec_field(Flag(), "train a scale for each place of the axis", default=True)
    bias: bool = spec_field(Flag(), "if affine, train a shift as well", default=True)
    epsilon: float = spec_field(Real(0.0), "added to the variance", default=1e-5)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        named_axis(x, self.axis, self.kind)
        return TensorType(x.shape)

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...] | None:
        axis = named_axis(inputs[0], self.axis, self.kind)
        return (inputs[0].shape[axis],) if self.affine else None

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        channels, elements = x.shape[named_axis(x, self.axis, self.kind)], x.elements
        trained = self.affine * (1 + self.bias)
        return Work(
            vector_ops=(_STATISTICS + trained) * elements,
            params=trained * channels if trained else 0,
            input_elements=elements,
            output_elements=elements,
        )

    def moves_around(self, inputs: tuple[TensorType, ...]) -> int:
        # The axis becomes the last one, and what it was afterwards.
        return 2 * (named_axis(inputs[0], self.axis, self.kind) != -1)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        size = output.shape[named_axis(output, self.axis, self.kind)]
        return Saved(inputs=(0,), statistics=2 * (output.elements // size))

    def is_permuted(self, inputs: tuple[GradInput, ...]) -> bool:
        # torch moves another axis to the end, and back.
        return named_axis(inputs[0].type, self.axis, self.kind) != -1


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupNorm(Layer):
    """Group normalization: mean 0 and variance 1 in each group of channels of an image.

    Shapes      [..., C, H, W], or a signal [..., C, L] or a volume [..., C, D, H, W], unchanged;
                groups divide C
    Mult-adds   0
    Weights     0
    Params      2 * C if affine
    Vector ops  5 per element: addition for the mean; subtraction, multiplication, addition for
                the variance; multiplication. Two more if affine
    Bytes       reads and writes each element, reads the params
    Source      arXiv:1803.08494, section 3; PyTorch documentation of GroupNorm
    """

    kind: ClassVar[str] = "group_norm"
    reads: ClassVar[Reads] = "channels"
    makes: ClassVar[Makes] = "image"
    effort: ClassVar[Effort] = "curve"
    memory_format: ClassVar[MemoryFormat] = "batched"

    groups: Size = spec_field(Whole(), "groups of channels, each with statistics of its own")
    affine: bool = spec_field(Flag(), "train a scale and a shift per channel", default=True)
    epsilon: float = spec_field(Real(0.0), "added to the variance", default=1e-5)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, *_ = channel_sizes(x, self.kind)
        check(
            channels % self.groups == 0,
            "{} groups do not divide {} channels",
            self.groups,
            channels,
        )
        return TensorType(x.shape)

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...] | None:
        return _image_norm_needs(inputs[0], self.groups) if self.affine else None

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return _image_norm(inputs[0], self.affine)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        ahead = product(output.shape[: -self.own_axes(output)])
        return Saved(inputs=(0,), statistics=2 * ahead * self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceNorm(Layer):
    """Instance normalization: mean 0 and variance 1 in each channel of an image.

    Shapes      [..., C, H, W], or a signal [..., C, L] or a volume [..., C, D, H, W], unchanged
    Mult-adds   0
    Weights     0
    Params      2 * C if affine
    Vector ops  5 per element: addition for the mean; subtraction, multiplication, addition for
                the variance; multiplication. Two more if affine
    Bytes       reads and writes each element, reads the params
    Source      arXiv:1607.08022, section 2; PyTorch documentation of InstanceNorm2d
    """

    kind: ClassVar[str] = "instance_norm"
    reads: ClassVar[Reads] = "channels"
    makes: ClassVar[Makes] = "image"
    effort: ClassVar[Effort] = "curve"
    memory_format: ClassVar[MemoryFormat] = "batched"

    affine: bool = spec_field(Flag(), "train a scale and a shift per channel", default=False)
    epsilon: float = spec_field(Real(0.0), "added to the variance", default=1e-5)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channel_sizes(x, self.kind)
        return TensorType(x.shape)

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...] | None:
        (x,) = inputs
        return _image_norm_needs(x, channel_sizes(x, self.kind)[0]) if self.affine else None

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return _image_norm(inputs[0], self.affine)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        channels = 1 - self.own_axes(output)
        return Saved(inputs=(0,), statistics=2 * product(output.shape[:channels]))


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalResponseNorm(Layer):
    """Division by the strength of neighbours: x / (k + alpha / size * sum of squares) ** beta.

    The sum is over `size` channels around the element's own, at the same place.

    Shapes      [..., C, H, W], unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  size + 4 per element: square, size - 1 additions, multiplication by alpha / size,
                addition of k, power, division; channels beyond the first and the last count
    Bytes       reads and writes each element
    Source      Krizhevsky et al., NIPS 2012, section 3.3; PyTorch documentation of
                LocalResponseNorm, whose alpha is divided by size
    """

    kind: ClassVar[str] = "local_response_norm"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    effort: ClassVar[Effort] = "lrn"
    memory_format: ClassVar[MemoryFormat] = "batched"

    size: Size = spec_field(Whole(), "channels in the sum", default=5)
    alpha: float = spec_field(Real(), "factor of the mean of squares", default=1e-4)
    beta: float = spec_field(Real(), "exponent", default=0.75)
    k: float = spec_field(Real(), "added before the power", default=1.0)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        image_sizes(x, self.kind)
        return TensorType(x.shape)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements = output.elements
        return Work(
            vector_ops=(self.size + 4) * elements,
            input_elements=elements,
            output_elements=elements,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        # Squares with channels of zeros around them, what the power is taken of, the divisor.
        channels, elements = output.shape[-3], output.elements
        squares = elements // channels * (channels + self.size - 1)
        return Saved(inputs=(0,), elements=squares + 2 * elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class L2Normalize(Layer):
    """Length 1 along an axis: x / max(sqrt(sum of squares), epsilon).

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  3 per element: square, addition, division
    Bytes       reads and writes each element
    Source      PyTorch documentation of torch.nn.functional.normalize
    """

    kind: ClassVar[str] = "l2_normalize"
    reads: ClassVar[Reads] = "axis"
    makes: ClassVar[Makes] = "same"
    effort: ClassVar[Effort] = "curve"

    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )
    epsilon: float = spec_field(Real(0.0), "least length to divide by", default=1e-12)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        named_axis(x, self.axis, self.kind)
        return TensorType(x.shape)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements = output.elements
        return Work(vector_ops=3 * elements, input_elements=elements, output_elements=elements)

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        # Each length, and what is divided by: that, but at least epsilon.
        size = output.shape[named_axis(output, self.axis, self.kind)]
        return Saved(inputs=(0,), elements=2 * (output.elements // size))


def _image_norm(x: TensorType, affine: bool) -> Work:
    """Statistics of parts of an image, and a scale and a shift per channel if `affine`."""
    elements = x.elements
    return Work(
        vector_ops=(_STATISTICS + 2 * affine) * elements,
        params=2 * channel_sizes(x, "group_norm")[0] if affine else 0,
        input_elements=elements,
        output_elements=elements,
    )


def _image_norm_needs(x: TensorType, groups: Size) -> tuple[object, ...]:
    """`needs`: the channels, and whether a group is one element, which torch treats differently."""
    channels, *sizes = channel_sizes(x, "group_norm")
    return (channels, channels // groups * product(tuple(sizes)) == 1)
