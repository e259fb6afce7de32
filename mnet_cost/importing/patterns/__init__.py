"""Passes over a graph of layers: parts that a person writes as one become one.

Each takes a graph and gives a graph. Mult-adds, params and the shapes of tensors that remain stay
the same; what is read and written can become less. `recognized` is all of them, in their order. A
pass is imported and run where a graph has kinds that it looks for: most graphs need few of them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from mnet_cost.importing.layer_graph import LayerGraph


class Pass(NamedTuple):
    """A pass, and what it looks for."""

    place: str
    """Its module and function."""
    needs: tuple[frozenset[str], ...]
    """It changes nothing in a graph that has no kind of one of these sets."""

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph with the patterns of this pass."""
        module, _, name = self.place.partition(".")
        function: Callable[[LayerGraph], LayerGraph] = getattr(
            import_module(f"{__name__}.{module}"), name
        )
        return function(graph)


def _pass(place: str, *needs: str) -> Pass:
    return Pass(place, tuple([frozenset(kinds.split()) for kinds in needs]))


_VIEWS = _pass("views.joined_views", "reshape flatten transpose identity")
_FACTORS = _pass("channels.trained_factors", "multiply", "parameter")

PASSES: tuple[Pass, ...] = (
    _pass("constants.made_constants", "constant"),
    _pass("unread.without_unread"),
    _VIEWS,
    _pass("paddings.joined_paddings", "pad", "conv2d depthwise_conv2d"),
    _pass("repeats.broadcast_repeats", "concat", "add multiply elementwise"),
    _pass("biases.added_biases", "add", "parameter"),
    _pass("rolls.rolls", "concat", "slice"),
    _pass("shuffles.shuffles", "reshape", "transpose"),
    _pass("norms.norms", "reduce", "elementwise"),
    _pass(
        "activations.activations",
        "multiply elementwise",
        "sigmoid hard_sigmoid relu6 elementwise",
    ),
    _pass("concat.growing_lists", "concat"),
    _pass("attention.dot_products", "matmul", "softmax"),
    _pass("attention.whole_attention", "scaled_dot_product_attention", "linear"),
    _VIEWS,
    _pass("windows.windows", "reshape", "transpose"),
    _pass("stored_views.stored_views", "parameter", "reshape flatten transpose"),
    _VIEWS,
    _FACTORS,
    _pass("channels_last.channels_in_front", "transpose"),
    _FACTORS,
    _pass("vectors.vectors", "reshape flatten"),
    _VIEWS,
    _pass(
        "channels.whole_image_pools",
        "reduce reshape flatten",
        "reduce global_avg_pool global_max_pool",
    ),
    _pass("sequences.sequences", "transpose parameter", "reshape flatten concat add"),
    _VIEWS,
)
"""All passes, in the order in which each finds what the ones before it made."""


def recognized(graph: LayerGraph) -> LayerGraph:
    """The graph with the patterns of all passes; as it was where no layer would be left."""
    first = graph
    kinds = {layer.kind for layer in graph.layers}
    for each in PASSES:
        if all(not kinds.isdisjoint(needed) for needed in each.needs):
            made = each.run(graph)
            if made is not graph:
                graph, kinds = made, {layer.kind for layer in made.layers}
    return graph if graph.layers else first
