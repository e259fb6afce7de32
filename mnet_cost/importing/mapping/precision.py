"""Precisions that a file states for its layers, which a spec has no word for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from mnet_cost.importing.layer_graph import LayerGraph

_COUNTED = dict.fromkeys(("int8", "uint8"), ": `--precision int8` counts so")


def with_precisions(graph: LayerGraph, precisions: Mapping[str, str]) -> LayerGraph:
    """The layers with the precisions of their nodes, by the names of those, and a note of them."""
    layers = [
        layer._replace(precision=precisions.get(layer.origin.nodes[0])) for layer in graph.layers
    ]
    counts = Counter(layer.precision for layer in layers if layer.precision is not None)
    notes = [
        f"{'all' if count == len(layers) else f'{count} of {len(layers)}'} layers are {precision} "
        f"in the file{_COUNTED.get(precision, '')}"
        for precision, count in counts.items()
    ]
    return graph._replace(layers=tuple(layers), notes=(*graph.notes, *notes))
