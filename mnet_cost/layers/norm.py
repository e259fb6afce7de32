"""Normalization with stored statistics.

Counted as at inference: one scale and one shift per channel, made from mean, variance and the
trained values beforehand. Ignored here: the statistics of a training step, and folding into the
layer before, which the analysis of kernels decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.base import Effect, Layer, Work, channel_axis
from mnet_cost.layers.fields import Flag, Real, spec_field
from mnet_cost.tensors import Check, TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNorm(Layer):
    """Batch normalization: scale and shift of each channel by its running statistics.

    Shapes      any, unchanged; C is the channels of an image, else the features
    Mult-adds   0
    Weights     0
    Params      2 * C if affine; buffers 2 * C, the running mean and variance
                (the scalar counter of batches that PyTorch stores as well is not counted)
    Vector ops  2 per element: one multiplication, one addition
    Bytes       reads and writes each element, reads the params and buffers
    Source      arXiv:1502.03167, algorithm 2; PyTorch documentation of BatchNorm2d
    """

    kind: ClassVar[str] = "batch_norm"
    effect: ClassVar[Effect] = "elementwise"

    affine: bool = spec_field(Flag(), "train a scale and a shift per channel", default=True)
    epsilon: float = spec_field(Real(0.0), "added to the variance", default=1e-5)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return TensorType(x.shape)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        channels, elements = x.shape[channel_axis(x)], x.elements
        return Work(
            vector_ops=2 * elements,
            params=2 * channels if self.affine else 0,
            buffers=2 * channels,
            input_elements=elements,
            output_elements=elements,
        )
