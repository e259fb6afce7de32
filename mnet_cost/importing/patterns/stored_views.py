"""Stored tensors that are read in another shape or order: stored as they are read.

Exporters of ONNX store tables of biases as they looked them up, and turn them each time. A runtime
turns them once, so they are the same numbers in another order.
"""

from __future__ import annotations

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor


def stored_views(graph: LayerGraph) -> LayerGraph:
    """`parameter` in the shape in which its only reader has it."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None or layer.kind not in ("reshape", "flatten", "transpose"):
            continue
        (table,) = layer.inputs
        stored = editor.made_by(table, "parameter")
        if stored is None or table.layer is None or not editor.is_inner(table):
            continue
        if editor.made_by(Wire(number)) is None:
            continue
        fields = {**stored.fields, "shape": list(editor.shape(Wire(number)))}
        new = editor.add("parameter", (), (table.layer, number), **fields)
        if new is not None:
            editor.replace(Wire(number), new)
    return editor.result()
