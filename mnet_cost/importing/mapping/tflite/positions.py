"""Matrices that are applied at each position: what Keras writes as three operators, as one.

A dense layer of Keras on a tensor of more than two axes comes as RESHAPE to rows, FULLY_CONNECTED,
and RESHAPE back. The rows are never anything but the positions of the first tensor in their order,
so the product can be taken where they are, as FULLY_CONNECTED with `keep_num_dims` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mnet_cost.importing.graph import Graph, Node, Shape


def at_positions(graph: Graph) -> Graph:
    """The graph with those three operators as one, which has the name of the product."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    reads = Counter(name for node in graph.nodes for name in node.inputs)
    reads.update(tensor.name for tensor in graph.outputs)
    shapes = {tensor.name: tensor.shape for tensor in (*graph.inputs, *graph.tensors.values())}
    gone: set[str] = set()
    made: dict[str, Node] = {}
    for last in graph.nodes:
        product = _only_maker(last, "RESHAPE", makers, reads)
        first = product and _only_maker(product, "FULLY_CONNECTED", makers, reads)
        if product is None or first is None or first.operator != "RESHAPE":
            continue
        weight = graph.stored.get(product.inputs[1])
        before, after = shapes.get(first.inputs[0]), shapes.get(last.outputs[0])
        if weight is None or not _keeps_positions(before, after, weight.shape):
            continue
        gone.update((first.name, product.name))
        made[last.name] = product._replace(
            inputs=(first.inputs[0], *product.inputs[1:]),
            outputs=last.outputs,
            attributes={**product.attributes, "keep_num_dims": True},
        )
    nodes = [made.get(node.name, node) for node in graph.nodes if node.name not in gone]
    return graph._replace(nodes=tuple(nodes))


def _only_maker(
    node: Node, operator: str, makers: Mapping[str, Node], reads: Mapping[str, int]
) -> Node | None:
    """What makes the first input of `node`, an `operator`, if nothing else reads that."""
    if node.domain or node.operator != operator or len(node.inputs) < 2:
        return None
    maker = makers.get(node.inputs[0])
    return maker if maker is not None and reads[node.inputs[0]] == 1 else None


def _keeps_positions(before: Shape | None, after: Shape | None, weight: Sequence[int]) -> bool:
    """Whether a matrix [K, C] can make [..., K] of [..., C], with other sizes stated and equal."""
    return (
        before is not None
        and after is not None
        and len(before) > 2
        and len(weight) == 2
        and before[:-1] == after[:-1]
        and (after[-1], before[-1]) == tuple(weight)
        and not any(isinstance(size, str) for size in before)
    )
