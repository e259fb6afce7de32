"""What is made of constants alone is a constant: masks and tables of positions.

Programs make them step by step each time they run; a runtime makes them beforehand. Only layers
without mult-adds and params are taken, so no count changes. The numbers themselves are not kept,
as little as those of any other large table of a file.
"""

from __future__ import annotations

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor
from mnet_cost.importing.resolution import layer_of

_LEAST = 2
"""Layers that make a constant, from which on one is written in their place."""


def made_constants(graph: LayerGraph) -> LayerGraph:
    """`constant` for what several layers make of constants."""
    editor = Editor(graph)
    made: dict[Wire, tuple[int, ...]] = {}
    """The layers that make a constant, for each tensor that is one."""
    for number, layer in enumerate(graph.layers):
        if editor.made_by(Wire(number)) is None:
            continue
        if layer.kind == "constant":
            made[Wire(number)] = (number,)
        elif layer.inputs and all(wire in made for wire in layer.inputs):
            if not _is_free(graph, number):
                continue
            own = {number}.union(*(made[wire] for wire in layer.inputs))
            for place in range(len(layer.types)):
                made[Wire(number, place)] = tuple(sorted(own))
    for wire, layers in made.items():
        if any(number not in editor.layers for number in layers):
            continue
        ends = any(Wire(reader) not in made for reader in editor.readers(wire))
        if len(layers) < _LEAST or wire in editor.outputs or not ends:
            continue
        if not _is_closed(editor, wire, layers):
            continue  # another constant is made of the same ones: each would be stored
        new = editor.add("constant", (), layers, shape=list(editor.shape(wire)))
        if new is not None:
            editor.replace(wire, new)
    return editor.result()


def _is_closed(editor: Editor, end: Wire, layers: tuple[int, ...]) -> bool:
    """Whether nobody but these layers reads what they make, but for the last tensor."""
    return all(
        Wire(number, place) == end
        or (
            Wire(number, place) not in editor.outputs
            and all(reader in layers for reader in editor.readers(Wire(number, place)))
        )
        for number in layers
        for place in range(len(editor.layers[number].types))
    )


def _is_free(graph: LayerGraph, number: int) -> bool:
    """Whether a layer has neither mult-adds nor params."""
    layer = graph.layers[number]
    if layer.kind == "opaque":
        return True
    work = layer_of(layer).work(
        tuple([graph.type_of(wire) for wire in layer.inputs]), layer.types[0]
    )
    return work is not None and not work.mult_adds and not work.params
