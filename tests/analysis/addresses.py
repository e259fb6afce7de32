"""Where the elements of a tensor lie, by NumPy's own slices: for the allocator of the tests.

All shapes have the batch in front; of a trained tensor it is 1. Indices count the elements of the
tensor that is viewed, read or joined, row by row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mnet_cost.layers import Layer

Indices = np.ndarray[Any, np.dtype[np.int64]]


def _numbered(shape: tuple[int, ...]) -> Indices:
    return np.arange(int(np.prod(shape))).reshape(shape)


def _axis(layer: Any, rank: int) -> int:
    """The axis of a layer, from the end; `rank` is that of one example."""
    names = {1: ["features"], 2: ["length", "features"]}.get(rank, ["channels", "height", "width"])
    name = layer.axis or ("channels" if rank >= 3 else "features")
    return names.index(name) - len(names)


def view_of(layer: Layer, shape: tuple[int, ...], number: int) -> Indices:
    """The elements of its input that the output `number` of a view is."""
    numbers: Indices = _numbered(shape)
    kind, any_layer = layer.kind, layer  # their fields are those of the kind
    fields: Any = any_layer
    if kind == "split":
        axis = _axis(layer, len(shape) - 1)
        sizes = fields.sizes or (shape[axis] // fields.parts,) * fields.parts
        numbers = np.split(numbers, np.cumsum(sizes)[:-1], axis=axis)[number]
    elif kind == "slice":
        axis = _axis(layer, len(shape) - 1) % len(shape)
        cut = slice(fields.start, fields.stop)
        numbers = numbers[(*(slice(None) for _ in range(axis)), cut)]
    elif kind == "take":
        numbers = np.take(numbers, fields.index, axis=_axis(layer, len(shape) - 1))
    else:
        assert kind in ("identity", "dropout", "flatten", "reshape")
    return numbers.ravel()


def read_by(shape: tuple[int, ...], output: tuple[int, ...]) -> Indices:
    """The element of an input that a layer reads for each element that it writes."""
    return np.broadcast_to(_numbered(shape), output).ravel()


def region_of(layer: Layer, shapes: list[tuple[int, ...]], number: int) -> Indices:
    """The elements of a concatenation that its input `number` becomes; all have one batch."""
    axis = _axis(layer, len(shapes[0]) - 1)
    whole = list(shapes[0])
    whole[axis] = sum(shape[axis] for shape in shapes)
    ends = np.cumsum([shape[axis] for shape in shapes])[:-1]
    return np.split(_numbered(tuple(whole)), ends, axis=axis)[number].ravel()
