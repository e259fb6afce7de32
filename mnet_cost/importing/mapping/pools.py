"""Pools over windows. Those over all positions are reductions (`reductions.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import (
    Ends,
    channels_first,
    non_default,
    plain_padding,
    plain_pair,
)
from mnet_cost.importing.mapping.values import Unmapped, Value


def pool(
    b: Builder,
    x: Value,
    statistic: Literal["avg", "max"],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Ends | Literal["same"],
    dilation: Sequence[int] | None = None,
    *,
    round_up: bool = False,
    count_include_pad: bool = False,
) -> Value:
    """A pool over windows of [N, C, L], [N, C, H, W] or [N, C, D, H, W]."""
    axes = len(kernel)
    if axes not in (1, 2, 3) or x.rank != axes + 2:
        raise Unmapped(f"is a pool over {axes} axes of a tensor of {x.rank}")
    dilation = dilation or [1] * axes
    if statistic == "avg" and set(dilation) != {1}:
        raise Unmapped("is a mean over elements that are not side by side")
    fields: dict[str, Any] = {
        "kernel": plain_pair(kernel),
        "stride": non_default(plain_pair(stride), 1),
        "padding": plain_padding(padding, kernel, stride, dilation),
        "dilation": non_default(plain_pair(dilation), 1),
        "round_up": round_up or None,
    }
    if statistic == "avg" and count_include_pad and padding != "same" and any(map(any, padding)):
        fields["count_include_pad"] = True
    return b.layer(f"{statistic}_pool{axes}d", (x,), channels_first(x), fields)
