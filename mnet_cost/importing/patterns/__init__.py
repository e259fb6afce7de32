"""Passes over a graph of layers: parts that a person writes as one become one.

Each takes a graph and gives a graph. Mult-adds, params and the shapes of tensors that remain stay
the same; what is read and written can become less. `recognized` is all of them, in their order.
"""

from __future__ import annotations

from collections.abc import Callable

from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.patterns.activations import activations
from mnet_cost.importing.patterns.attention import dot_products, whole_attention
from mnet_cost.importing.patterns.biases import added_biases
from mnet_cost.importing.patterns.channels import trained_factors, whole_image_pools
from mnet_cost.importing.patterns.channels_last import channels_in_front
from mnet_cost.importing.patterns.concat import growing_lists
from mnet_cost.importing.patterns.constants import made_constants
from mnet_cost.importing.patterns.norms import norms
from mnet_cost.importing.patterns.paddings import joined_paddings
from mnet_cost.importing.patterns.repeats import broadcast_repeats
from mnet_cost.importing.patterns.rolls import rolls
from mnet_cost.importing.patterns.sequences import sequences
from mnet_cost.importing.patterns.shuffles import shuffles
from mnet_cost.importing.patterns.stored_views import stored_views
from mnet_cost.importing.patterns.unread import without_unread
from mnet_cost.importing.patterns.vectors import vectors
from mnet_cost.importing.patterns.views import joined_views
from mnet_cost.importing.patterns.windows import windows

PASSES: tuple[Callable[[LayerGraph], LayerGraph], ...] = (
    made_constants,
    without_unread,
    joined_views,
    joined_paddings,
    broadcast_repeats,
    added_biases,
    rolls,
    shuffles,
    norms,
    activations,
    growing_lists,
    dot_products,
    whole_attention,
    joined_views,
    windows,
    stored_views,
    joined_views,
    trained_factors,
    channels_in_front,
    trained_factors,
    vectors,
    joined_views,
    whole_image_pools,
    sequences,
    joined_views,
)
"""All passes, in the order in which each finds what the ones before it made."""


def recognized(graph: LayerGraph) -> LayerGraph:
    """The graph with the patterns of all passes."""
    for recognize in PASSES:
        graph = recognize(graph)
    return graph
