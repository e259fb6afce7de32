"""Features of boxes, cut out of maps: RoIAlign and RoI pooling of any dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_pair, plain_sizes
from mnet_cost.importing.mapping.parts import unbind
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value, mixing

_MOST_MAPS = 64
"""Most maps that boxes are cut out of."""


def region_pool(
    b: Builder, kind: str, x: Value, boxes: Value, size: tuple[int, int], fields: Mapping[str, Any]
) -> Value:
    """Features [R, C, P, Q] of boxes [R, 4] in maps [N, C, H, W].

    With a batch, each example has one map, and the boxes of all examples are the first axis.
    """
    if x.rank != 4 or boxes.rank != 2:
        raise Unmapped("is of maps [N, C, H, W] and boxes [R, 4]")
    channels, *_ = plain_sizes(x.shape[1:])
    regions: Dim = boxes.shape[0]
    if isinstance(x.shape[0], Batch):
        if not isinstance(regions, Batch) or x.shape[0] != Batch(1):
            raise mixing()
        maps = [x]
    else:
        if x.shape[0] > _MOST_MAPS:
            raise Unmapped(f"cuts boxes out of {x.shape[0]} maps")
        maps = unbind(b, x, 0) if x.shape[0] > 1 else [b.reshaped(x, x.shape[1:])]
    stated = {"size": plain_pair(list(size)), **fields}
    return b.layer(kind, (*maps, boxes), (regions, channels, *size), stated)
