"""Layers that put the same elements elsewhere: channels shuffled, images as sequences and back.

All of them copy, and the type of the elements stays. Ignored here: runtimes that read the
elements where they are, with strides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.base import (
    Effort,
    Layer,
    Makes,
    Reads,
    Work,
    channel_sizes,
    image_sizes,
    sequence_sizes,
)
from mnet_cost.layers.fields import Whole, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat
from mnet_cost.tensors import Check, Size, TensorType, product


class Copy(Layer):
    """What these share: each element is read once and written once, to a place of its own."""

    __slots__ = ()

    effort: ClassVar[Effort] = "permute"

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements = output.elements
        return Work(input_elements=elements, output_elements=elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelShuffle(Copy):
    """Channels dealt out, one from each group in turn, so that the next groups see all of them.

    Shapes      [..., C, H, W], unchanged; groups divide C
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a copy
    Source      arXiv:1707.01083, section 3.1; PyTorch documentation of ChannelShuffle
    """

    kind: ClassVar[str] = "channel_shuffle"
    keeps_rows: ClassVar[bool] = True
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    groups: Size = spec_field(Whole(), "groups that the channels come in")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, _, _ = image_sizes(x, self.kind)
        check(
            channels % self.groups == 0,
            "{} groups do not divide {} channels",
            self.groups,
            channels,
        )
        return x

    def is_view_in_training(self, inputs: tuple[GradInput, ...]) -> bool:
        # One group, or one channel in each: the order stays, and so does the memory.
        is_same = self.groups in (1, inputs[0].type.shape[-3])
        return is_same and not inputs[0].permuted and not inputs[0].strided


class ToSequence(Copy):
    """An image as a sequence of its positions, row by row.

    Shapes      [..., C, H, W] -> [..., H * W, C]; a signal [..., C, L] -> [..., L, C] and a volume
                [..., C, D, H, W] -> [..., D * H * W, C]
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a transposed copy
    Source      PyTorch documentation of flatten and transpose:
                x.flatten(-2).transpose(-1, -2)
    """

    __slots__ = ()

    kind: ClassVar[str] = "to_sequence"
    keeps_rows: ClassVar[bool] = True
    reads: ClassVar[Reads] = "spatial"
    makes: ClassVar[Makes] = "sequence"
    memory_format: ClassVar[MemoryFormat] = "permuted"

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, *sizes = channel_sizes(x, self.kind)
        ahead = x.shape[: -1 - len(sizes)]
        return TensorType((*ahead, product(tuple(sizes)), channels), x.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToImage(Copy):
    """A sequence of positions, row by row, as an image: what `to_sequence` does, undone.

    Shapes      [..., L, F] -> [..., F, H, W], where L = H * W
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a transposed copy
    Source      PyTorch documentation of transpose and unflatten:
                x.transpose(-1, -2).unflatten(-1, (H, W))
    """

    kind: ClassVar[str] = "to_image"
    keeps_rows: ClassVar[bool] = True
    reads: ClassVar[Reads] = "sequence"
    makes: ClassVar[Makes] = "image"
    memory_format: ClassVar[MemoryFormat] = "permuted"

    height: Size = spec_field(Whole(), "rows of the image")
    width: Size | None = spec_field(
        Whole(), "columns of the image; by default length / height", default=None
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        length, features = sequence_sizes(x, self.kind)
        if self.width is None:
            width = length // self.height
            check(
                self.height * width == length,
                "cannot arrange {} positions in {} rows",
                length,
                self.height,
            )
        else:
            width = self.width
            check(
                self.height * width == length,
                "cannot arrange {} positions in {} rows of {}",
                length,
                self.height,
                width,
            )
        return TensorType((*x.shape[:-2], features, self.height, width), x.dtype)
