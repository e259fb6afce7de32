"""Norms and activations of a pooled image: of a vector, where its axes of size 1 then go anyway."""

from __future__ import annotations

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor
from mnet_cost.layers.axes import named_axis

_POINTWISE = frozenset(("relu", "gelu", "silu", "hard_swish", "sigmoid", "tanh", "dropout"))
_ALONG = frozenset(("layer_norm", "rms_norm", "l2_normalize"))


def vectors(graph: LayerGraph) -> LayerGraph:
    """The graph with a flatten of [C, 1, 1] before the layers in front of it, where it can be."""
    editor = Editor(graph)
    for number in list(editor.layers):
        wire = Wire(number)
        while (moved := _moved(editor, wire)) is not None:
            wire = moved
    return editor.result()


def _moved(editor: Editor, wire: Wire) -> Wire | None:
    """The flatten after it was moved in front of one layer; None where there is none to pass."""
    if wire.layer is None or wire.layer not in editor.layers:
        return None
    if editor.made_by(wire, "flatten", "reshape") is None or len(editor.shape(wire)) != 1:
        return None
    (source,) = editor.layers[wire.layer].inputs
    layer = editor.made_by(source)
    if layer is None or len(layer.inputs) != 1 or not editor.is_inner(source):
        return None
    (x,) = layer.inputs
    fields = dict(layer.fields)
    shape = editor.shape(x)
    if editor.shape(source) != shape or max(shape) != editor.shape(wire)[0] or len(shape) < 2:
        return None
    if layer.kind in _ALONG:
        axis = named_axis(editor.type_of(x), fields.pop("axis", None), layer.kind)
        if shape[axis] != editor.shape(wire)[0]:
            return None
    elif layer.kind not in _POINTWISE:
        return None
    assert source.layer is not None
    flat = editor.add("reshape", (x,), (wire.layer,), shape=list(editor.shape(wire)))
    if flat is None:
        return None
    new = editor.add(layer.kind, (flat,), (source.layer, wire.layer), **fields)
    if new is None or editor.shape(new) != editor.shape(wire):
        return None
    editor.replace(wire, new)
    return flat
