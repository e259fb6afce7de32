"""Convolutions whose kernel is calculated from the input, anew for each example.

Not here: kernels that are made of stored tensors alone, which `convolutions.py` maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import (
    Ends,
    non_default,
    plain_padding,
    plain_pair,
)
from mnet_cost.importing.mapping.values import ALONE, Unmapped, Value


def dynamic_convolution(
    b: Builder,
    x: Value,
    weight: Value,
    stride: Sequence[int],
    padding: Ends | Literal["same"],
    dilation: Sequence[int],
    groups: int | Batch,
) -> Value:
    """A convolution of each example with a kernel of its own.

    Files join the batch with the channels, since no operator does it otherwise:
    x [1, batch * C, H, W], weight [batch * K, C / groups, *kernel], with batch * groups groups.
    """
    if x.rank != 4 or weight.rank != 4 or not isinstance(groups, Batch):
        raise Unmapped("has a kernel that is calculated from the input")
    channels = x.shape[1]
    outputs = weight.shape[0]
    if x.shape[0] != 1 or not isinstance(channels, Batch) or not isinstance(outputs, Batch):
        raise Unmapped("has a kernel for each example, and not the batch among the channels")
    kernel = [size for size in weight.shape[2:] if isinstance(size, int)]
    image = (ALONE, channels.times, *x.shape[2:])
    kernels = (ALONE, outputs.times, *weight.shape[1:])
    fields: dict[str, Any] = {
        "stride": non_default(plain_pair(stride), 1),
        "padding": plain_padding(padding, kernel, stride, dilation),
        "dilation": non_default(plain_pair(dilation), 1),
        "groups": non_default(groups.times, 1),
    }
    inputs = (b.reshaped(x, image), b.reshaped(weight, kernels))
    made = b.layer("dynamic_conv2d", inputs, lambda type_: (ALONE, *type_.shape), fields)
    return b.reshaped(made, (1, outputs, *made.shape[2:]))
