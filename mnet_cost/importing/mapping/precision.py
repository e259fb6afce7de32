"""Precisions that a file states for its layers."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.builder import precision_of


def with_precisions(graph: LayerGraph, dtypes: Mapping[str, str]) -> LayerGraph:
    """The layers with the precisions of their nodes; `dtypes` has the types of their outputs by the
    names of nodes."""
    layers = [
        layer._replace(precision=precision_of(dtypes.get(layer.origin.nodes[0], "")))
        for layer in graph.layers
    ]
    return graph._replace(layers=tuple(layers))
