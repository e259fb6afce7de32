"""Precisions that a file states for its layers, and types of elements by the names of ONNX."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.tensors import DTYPES, DType


def with_precisions(graph: LayerGraph, dtypes: Mapping[str, str]) -> LayerGraph:
    """The layers with the precisions of their nodes; `dtypes` has the types of their outputs by the
    names of nodes."""
    layers = [
        layer._replace(precision=precision_of(dtypes.get(layer.origin.nodes[0], "")))
        for layer in graph.layers
    ]
    return graph._replace(layers=tuple(layers))


_DTYPES: Mapping[str, DType] = {
    name: DTYPES[dtype]
    for dtype, names in {
        "int8": ("int8", "bool"),
        "uint8": ("uint8",),
        "int16": ("int16", "uint16"),
        "int32": ("int32", "uint32"),
        "int64": ("int64", "uint64"),
    }.items()
    for name in names
}
"""Of tensors of whole numbers; others have the precision of the analysis."""


def dtype_of(name: str | None) -> DType | None:
    """The type of elements that do not have the precision of the analysis, else None."""
    return None if name is None else _DTYPES.get(name)


def precision_of(dtype: str) -> str | None:
    """The precision in which quantized tensors of a type are calculated with; None for other types.

    A spec says of all that have 8 bits that they are int8: size and work are the same.
    """
    return _QUANTIZED.get(dtype)


_QUANTIZED = {"int8": "int8", "uint8": "int8", "int16": "int16", "uint16": "int16"}


def name_of(dtype: DType | None) -> str | None:
    """The name of a type, as ONNX calls it too."""
    return None if dtype is None else dtype.name
