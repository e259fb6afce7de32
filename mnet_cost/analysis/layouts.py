"""Tensors that a runtime converts from one layout to another, by the rules of its kernels.

With `own_layout` all kernels keep tensors in a layout of the runtime's own, so images of more than
4 channels that come into the network, or go out of it, are converted. With `block_channels` a
tensor has blocks of `tile` channels or not, by the kernel that makes it, and is converted for the
kernels that need it the other way: once for all of them. A walk over the kernels in their order
tells which. Not here: what a conversion costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis.kernels import LAYOUT_RULES, STEM_CHANNELS, Kernel
from mnet_cost.layers.axes import channel_axis
from mnet_cost.layers.base import Convolution
from mnet_cost.tensors import TensorType, agreed, are_equal, is_equal, where

_IMAGE_RANK = 3
"""The least of tensors that have several layouts."""


class Conversions(NamedTuple):
    """Those that a kernel needs before it runs, or after it. Arrays where sizes are."""

    elements: Any
    """Of all tensors that are converted, at the batch."""
    tensors: Any
    """How many these are."""


NOTHING = Conversions(0.0, 0.0)


def conversions(
    kernels: Sequence[Kernel], rules: frozenset[str], tile: int
) -> list[Conversions] | None:
    """The conversions of each of `kernels`, which are all of a network; None without layouts."""
    if not LAYOUT_RULES & rules:
        return None
    return _at_the_ends(kernels) if "own_layout" in rules else _of_blocks(kernels, tile)


def outside_blocks(sizes: Convolution, tile: int) -> Any:
    """Whether a convolution has no kernel for blocks of `tile` channels and runs without them.

    Source: ONNX Runtime, core/optimizer/nchwc_transformer.cc.
    """
    if sizes.is_depthwise:
        return sizes.groups * sizes.channels_out % 4 != 0
    if agreed(sizes.groups > 1):
        return (sizes.channels_in % tile != 0) | (sizes.channels_out % tile != 0)
    return (sizes.channels_in % 4 != 0) & (sizes.channels_in >= tile)


def _at_the_ends(kernels: Sequence[Kernel]) -> list[Conversions]:
    here = {tensor for kernel in kernels for tensor in kernel.writes}
    found = []
    for kernel in kernels:
        converted = []
        for (tensor, _), type_ in zip(kernel.reads, kernel.read_types, strict=True):
            if tensor not in here:
                here.add(tensor)
                converted.append(type_)
        if kernel.makes_output:
            converted.append(kernel.layers[-1].output)
        sizes = [type_.elements * kernel.batch for type_ in converted if _is_ordered(type_)]
        found.append(Conversions(sum(sizes), float(len(sizes))) if sizes else NOTHING)
    return found


def _is_ordered(x: TensorType) -> bool:
    """Whether the order of elements depends on the layout. Images of few channels do not count:
    convolutions read them as they come."""
    if len(x.shape) < _IMAGE_RANK:
        return False
    channels = x.shape[channel_axis(x)]
    return agreed(channels > STEM_CHANNELS) and not is_equal(x.elements, channels)


class _Walk:
    """The layouts of tensors so far. All flags are 1 or 0, or arrays of these."""

    def __init__(self, tile: int) -> None:
        self.tile = tile
        self.blocked: dict[int, Any] = {}
        """Whether a tensor has blocks; those that are not here do not."""
        self.converted: dict[int, Any] = {}
        """Whether there is a copy of a tensor in the other layout."""

    def take(self, kernel: Kernel) -> Conversions:
        """The next kernel."""
        elements, tensors = 0.0, 0.0
        *needed, makes = self._needed(kernel)
        for (tensor, _), type_, need in zip(kernel.reads, kernel.read_types, needed, strict=True):
            if need is None or len(type_.shape) < _IMAGE_RANK:
                continue
            other = abs(self.blocked.get(tensor, 0.0) - need)
            new = other * (1.0 - self.converted.get(tensor, 0.0))
            self.converted[tensor] = self.converted.get(tensor, 0.0) + new
            elements = elements + new * (type_.elements * kernel.batch)
            tensors = tensors + new
        self.blocked.update(dict.fromkeys(kernel.writes, makes))
        if kernel.makes_output:
            elements = elements + makes * (kernel.layers[-1].output.elements * kernel.batch)
            tensors = tensors + makes
        return Conversions(elements, tensors)

    def _needed(self, kernel: Kernel) -> list[Any]:
        """Whether each tensor that a kernel reads must have blocks, None where either will do; and
        last whether what it makes has them."""
        tile, types = self.tile, kernel.read_types
        layer = kernel.anchor.step.layer
        if kernel.convolution is not None:
            sizes = kernel.convolution
            inside = where(outside_blocks(sizes, tile), 0.0, 1.0)
            few = agreed(sizes.groups == 1) and agreed(sizes.channels_in < tile)
            return [None if few else inside, *[inside] * len(types[1:]), inside]
        came = [self.blocked.get(tensor, 0.0) for tensor, _ in kernel.reads]
        if layer.kind in ("max_pool2d", "avg_pool2d"):
            fills = where(_channels(kernel.anchor.output) % tile == 0, 1.0, 0.0)
            return [*[fills] * len(types), fills]
        if layer.kind == "resize":
            return [*[1.0] * len(types), 1.0]
        all_blocked: Any = 1.0 if came else 0.0
        for flag in came:
            all_blocked = all_blocked * flag
        if layer.kind == "concat":
            for type_ in types:
                all_blocked = all_blocked * where(_channels(type_) % tile == 0, 1.0, 0.0)
            return [*[all_blocked] * len(types), all_blocked]
        shape = kernel.anchor.output.shape
        if layer.effect == "elementwise" and all(are_equal(each.shape, shape) for each in types):
            return [*[all_blocked] * len(types), all_blocked]
        return [*[0.0] * len(types), 0.0]


def _of_blocks(kernels: Sequence[Kernel], tile: int) -> list[Conversions]:
    walk = _Walk(tile)
    return [walk.take(kernel) for kernel in kernels]


def _channels(x: TensorType) -> Any:
    return x.shape[channel_axis(x)]
