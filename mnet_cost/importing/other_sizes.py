"""The same program on images of other sizes: numbers that are sizes of its tensors.

Where a layer holds a size of the image, a program is exported at a second size, and what differs
there is written as sizes of earlier tensors. Where the program runs on a third size, the spec has
to be the same network as well. Not here: exports, and expressions.
"""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.importing.check import other_structure
from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph
from mnet_cost.importing.padding_at_sizes import pad_sides, with_same_padding

SECOND = (2, 3)
"""How many times as high and wide the images of the second size are. They are not square, so that
a height is not taken for a width."""

THIRD = (33, 65)
"""How much higher and wider those of the third size are: sizes that no stride divides."""


def second_size(height: int, width: int) -> tuple[int, int]:
    """Images on which numbers that depend on sizes are seen."""
    return SECOND[0] * height, SECOND[1] * width


def third_size(height: int, width: int) -> tuple[int, int]:
    """Images on which a spec is checked."""
    return height + THIRD[0], width + THIRD[1]


def related(graphs: Sequence[LayerGraph]) -> tuple[LayerGraph, ...] | None:
    """A graph at several sizes of its images, with `-1` in reshapes for the size that differs most.

    None where the layers are other ones at one of the sizes.
    """
    graphs = with_same_padding(graphs)
    graphs = [
        graph._replace(layers=tuple([_with_both_sizes(layer) for layer in graph.layers]))
        for graph in graphs
    ]
    if any(other_structure(graphs[0], graph) is not None for graph in graphs[1:]):
        return None
    columns = [_alike(layers) for layers in zip(*[graph.layers for graph in graphs], strict=True)]
    return tuple(
        [
            graph._replace(layers=layers)
            for graph, layers in zip(graphs, zip(*columns, strict=True), strict=True)
        ]
    )


def _with_both_sizes(layer: ImportedLayer) -> ImportedLayer:
    """A layer with a height and a width, or four sides, where it has one number for them."""
    if layer.kind == "pad" and layer.fields.get("padding") is not None:
        return layer._replace(fields={**layer.fields, "padding": pad_sides(layer)})
    size = layer.fields.get("size") if layer.kind == "resize" else None
    if not isinstance(size, int):
        return layer
    return layer._replace(fields={**layer.fields, "size": [size, size]})


def _alike(layers: tuple[ImportedLayer, ...]) -> tuple[ImportedLayer, ...]:
    """One layer at several sizes; a reshape has `-1` at the same axis at all of them."""
    shapes = [layer.types[0].shape for layer in layers]
    first, second = shapes[:2]
    differing = [axis for axis, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]
    if layers[0].kind != "reshape" or not differing:
        return layers
    rest = max(differing, key=lambda axis: second[axis] / first[axis])
    return tuple(
        [
            layer._replace(
                fields={**layer.fields, "shape": [*shape[:rest], -1, *shape[rest + 1 :]]}
            )
            for layer, shape in zip(layers, shapes, strict=True)
        ]
    )
