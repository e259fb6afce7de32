"""Patterns: layers that a person writes as one are joined. Each pass makes a graph of a graph."""

from __future__ import annotations

from collections.abc import Callable

from mnet_cost.importing.layer_graph import LayerGraph

PASSES: tuple[Callable[[LayerGraph], LayerGraph], ...] = ()
"""In their order."""


def simplified(graph: LayerGraph) -> LayerGraph:
    """The graph with its patterns joined: the same mult-adds, params and shapes of what stays."""
    for apply in PASSES:
        graph = apply(graph)
    return graph
