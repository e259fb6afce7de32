"""The layers of ncnn: a rule for each type reads its parameters and calls the family.

Blobs are [C, H, W], as images are here, and get an axis for the batch in front. Parameters are
known by number (github.com/Tencent/ncnn, docs/developer-guide/operators.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnet_cost.importing.graph import Graph
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.mapper import Table, map_graph
from mnet_cost.importing.mapping.ncnn import arithmetic, layers, movement
from mnet_cost.importing.mapping.precision import with_precisions

TABLE = Table(rules={**layers.RULES, **arithmetic.RULES, **movement.RULES}, refused={})


def map_ncnn(
    graph: Graph,
    shapes: Mapping[str, Sequence[int]] | None = None,
    has_batch: bool = True,
    sizes: Mapping[str, int] | None = None,
) -> LayerGraph:
    """The layers of a graph of ncnn layers; arguments are those of `map_graph`.

    Raises `ModelFileError` for what is refused.
    """
    result = map_graph(graph, TABLE, shapes, has_batch, sizes)
    nodes = [name.rpartition(".")[0] for name, x in graph.stored.items() if x.quantization]
    return with_precisions(result, dict.fromkeys(nodes, "int8"))
