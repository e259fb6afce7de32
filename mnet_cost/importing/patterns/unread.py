"""Layers that only move numbers, and that nobody reads: left out.

Exporters leave views of tensors that were asked for their size alone. What multiplies, adds or
stores something stays, read or not: a program runs it, and counts of other tools have it.
"""

from __future__ import annotations

from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph
from mnet_cost.importing.patterns.editor import Editor
from mnet_cost.importing.resolution import layer_of


def without_unread(graph: LayerGraph) -> LayerGraph:
    """The graph without views that nobody reads, and without what only those read."""
    editor = Editor(graph)
    for number in sorted(editor.layers, reverse=True):
        if editor.is_unread(number) and _only_moves(editor, editor.layers[number]):
            editor.leave_out(number)
    return editor.result()


def _only_moves(editor: Editor, layer: ImportedLayer) -> bool:
    inputs = tuple([editor.type_of(wire) for wire in layer.inputs])
    work = None if not inputs else layer_of(layer).work(inputs, layer.types[0])
    return work is not None and not (
        work.mult_adds or work.vector_ops or work.params or work.buffers
    )
