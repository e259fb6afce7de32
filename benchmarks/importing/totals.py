"""Sums over the layers of an import, by the rules of the kinds."""

from __future__ import annotations

from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.resolution import layer_of


def totals(layers: LayerGraph) -> tuple[int, int, int]:
    """(mult-adds, params with running statistics, opaque layers)."""
    mult_adds = elements = opaque = 0
    for layer in layers.layers:
        inputs = tuple(layers.type_of(wire) for wire in layer.inputs)
        work = layer_of(layer).work(inputs, layer.types[0])
        if work is None:
            opaque += 1
            continue
        mult_adds += work.mult_adds
        if layer.shares is None and layer.tied_to is None and layer.kind != "constant":
            elements += work.params + work.buffers
    return mult_adds, elements, opaque
