"""What is made of constants alone is a constant: masks and tables of positions.

Programs make them step by step each time they run; a runtime makes them beforehand. Only layers
without mult-adds and params are taken, so no count changes. The numbers themselves are not kept,
as little as those of any other large table of a file.
"""

from __future__ import annotations

import heapq

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor
from mnet_cost.importing.resolution import layer_of

_LEAST = 2
"""Layers that make a constant, from which on one is written in their place."""


def made_constants(graph: LayerGraph) -> LayerGraph:
    """`constant` for what several layers make of constants."""
    editor = Editor(graph)
    made: set[Wire] = set()
    """The tensors that are constants."""
    for number, layer in enumerate(graph.layers):
        if editor.made_by(Wire(number)) is None:
            continue
        is_made = layer.inputs and all(wire in made for wire in layer.inputs)
        if layer.kind == "constant" or (is_made and _is_free(graph, number)):
            made.update(Wire(number, place) for place in range(len(layer.types)))
    for wire in sorted(made):
        if wire.layer not in editor.layers or editor.is_output(wire):
            continue
        if all(Wire(reader) in made for reader in editor.readers(wire)):
            continue
        layers = _only_for(editor, wire)
        if layers is None or len(layers) < _LEAST:
            continue  # another constant is made of the same ones: each would be stored
        new = editor.add("constant", (), layers, shape=list(editor.shape(wire)))
        if new is not None:
            editor.replace(wire, new)
    return editor.result()


def _only_for(editor: Editor, end: Wire) -> list[int] | None:
    """The layers that make a constant; None where somebody else reads what one of them makes."""
    found: set[int] = set()
    left = [-(end.layer or 0)]  # the last one first: then all who read it were there before
    while left:
        number = -heapq.heappop(left)
        if number in found:
            continue
        found.add(number)
        layer = editor.layers[number]
        for place in range(len(layer.types)):
            wire = Wire(number, place)
            if wire != end and not editor.is_read_only_by(wire, found):
                return None
        for wire in layer.inputs:
            heapq.heappush(left, -(wire.layer or 0))
    return sorted(found)


def _is_free(graph: LayerGraph, number: int) -> bool:
    """Whether a layer has neither mult-adds nor params."""
    layer = graph.layers[number]
    if layer.kind == "opaque":
        return True
    work = layer_of(layer).work(
        tuple([graph.type_of(wire) for wire in layer.inputs]), layer.types[0]
    )
    return work is not None and not work.mult_adds and not work.params
