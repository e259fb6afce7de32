"""Stored matrices that are read as they are and under a transpose.

`x @ w` and `y @ w.t()` have one matrix. A layer `linear` owns it in one of both orientations, so a
matrix that products read both ways is a `parameter` that all of them read. A table of vectors is
the exception: what multiplies with its transpose is a `linear` with the same matrix. Not here:
transposes that a program that wrote the file has carried out and stored: those are two tensors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mnet_cost.importing.graph import Graph, Node, Reference

_TRANSPOSES = frozenset(
    ("Transpose", "TRANSPOSE", "aten.t.default", "aten.transpose.int", "aten.permute.default",
     "aten.numpy_T.default", "aten.mT.default", "aten.matrix_H.default")
)  # fmt: skip
_LOOKUPS = frozenset(
    ("Gather", "GATHER", "aten.embedding.default", "aten.index.Tensor", "aten.index_select.default")
)
"""Operators that read rows of a table."""


def read_both_ways(graph: Graph) -> frozenset[str]:
    """Names of matrices that a transpose reads and another operator, none of which looks up."""
    turned = {
        _canonical(graph, name)
        for node in graph.nodes
        if node.operator in _TRANSPOSES
        for name in read_by(node)
        if name in graph.stored and len(graph.stored[name].shape) == 2
    }
    if not turned:
        return frozenset()
    plain: set[str] = set()
    tables: set[str] = set()
    for node in graph.nodes:
        if node.operator not in _TRANSPOSES:
            names = {_canonical(graph, name) for name in read_by(node)}
            (tables if node.operator in _LOOKUPS else plain).update(names & turned)
    return frozenset(plain - tables)


def read_by(node: Node) -> Iterable[str]:
    """Names of the tensors that a node reads."""
    yield from node.inputs
    yield from _references(node.attributes.values())


def _references(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if isinstance(value, Reference):
            yield value.name
        elif isinstance(value, list):
            yield from _references(value)


def _canonical(graph: Graph, name: str) -> str:
    return graph.same_storage.get(name, name)
