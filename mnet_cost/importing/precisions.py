"""Precisions that a written spec states: one for all layers, and those of layers that have another.

A layer for which a file states none calculates with real numbers. A view has the precision of its
input, so nothing is stated of it. Not here: what a file says of its tensors, which mapping reads.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.layers import KINDS

REAL = "fp32"
"""What a layer without a stated precision has in a spec that states one for all."""


class Precisions(NamedTuple):
    """What a spec says of the precisions of its layers."""

    common: str | None
    """Of the spec; None where at most half of the layers have the same."""
    own: tuple[str | None, ...]
    """Beside each layer; None where nothing is said."""


def precisions_of(graph: LayerGraph) -> Precisions:
    """The precisions that a spec of `graph` states."""
    has_own = [KINDS[layer.kind].has_precision() for layer in graph.layers]
    counts = Counter(
        layer.precision for layer, is_own in zip(graph.layers, has_own, strict=True) if is_own
    )
    common = next((name for name, count in counts.items() if 2 * count > counts.total()), None)
    own: list[str | None] = []
    for layer, is_own in zip(graph.layers, has_own, strict=True):
        first = layer.shares if layer.tied_to is None else layer.tied_to
        stated = layer.precision if first is None else graph.layers[first].precision
        if common is not None:
            stated = None if stated == common else stated or REAL
        own.append(stated if is_own else None)
    return Precisions(common, tuple(own))
