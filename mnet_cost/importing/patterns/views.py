"""Reshapes and transposes that follow one another, or do nothing, are one or none."""

from __future__ import annotations

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor

_SHAPES = ("reshape", "flatten")


def joined_views(graph: LayerGraph) -> LayerGraph:
    """One reshape for several in a row, one transpose for several; none where nothing changes."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None:
            continue
        wire = Wire(number)
        if layer.kind in _SHAPES and editor.made_by(wire) is not None:
            _join_shapes(editor, wire)
        elif layer.kind == "transpose" and editor.made_by(wire) is not None:
            _join_transposes(editor, wire)
        elif _does_nothing(editor, wire) and editor.made_by(wire) is not None:
            editor.replace(wire, layer.inputs[0])
    return editor.result()


def _does_nothing(editor: Editor, wire: Wire) -> bool:
    """Whether a layer hands on its one input: also a slice of all of it."""
    assert wire.layer is not None
    layer = editor.layers[wire.layer]
    if layer.kind == "identity":
        return True
    is_whole = layer.kind in ("slice", "concat") and len(layer.inputs) == 1
    return is_whole and editor.shape(layer.inputs[0]) == editor.shape(wire)


def _join_shapes(editor: Editor, wire: Wire) -> None:
    number = wire.layer
    assert number is not None
    (source,) = editor.layers[number].inputs
    if editor.shape(source) == editor.shape(wire):
        editor.replace(wire, source)
        return
    before = editor.made_by(source, *_SHAPES)
    if before is None or not editor.is_inner(source):
        return
    start = before.inputs[0]
    assert source.layer is not None
    replaced = (source.layer, number)
    shape, wanted = editor.shape(start), editor.shape(wire)
    if shape == wanted:
        editor.replace(wire, start)
        return
    joined = None
    for axes in range(2, len(shape) + 1):
        size = 1
        for length in shape[-axes:]:
            size *= length
        if (*shape[:-axes], size) == wanted:
            joined = editor.add("flatten", (start,), replaced, axes=None if axes == 3 else axes)
    if joined is None:
        layer = editor.layers[number]
        stated = layer.fields.get("shape", list(wanted)) if layer.kind == "reshape" else wanted
        joined = editor.add("reshape", (start,), replaced, shape=list(stated))
    if joined is not None and editor.shape(joined) == wanted:
        editor.replace(wire, joined)


def _join_transposes(editor: Editor, wire: Wire) -> None:
    number = wire.layer
    assert number is not None
    layer = editor.layers[number]
    (source,) = layer.inputs
    axes = list(layer.fields["axes"])
    if axes == sorted(axes):
        editor.replace(wire, source)
        return
    shape = editor.shape(source)
    moved = [axis for axis in axes if shape[axis] > 1]
    if moved == sorted(moved):  # only axes of size 1 change their place
        reshaped = editor.add("reshape", (source,), (number,), shape=list(editor.shape(wire)))
        if reshaped is not None:
            editor.replace(wire, reshaped)
        return
    before = editor.made_by(source, "transpose")
    if before is None or not editor.is_inner(source):
        return
    first = before.fields["axes"]
    both = [first[axis] for axis in axes]
    start = before.inputs[0]
    if both == sorted(both):
        editor.replace(wire, start)
        return
    assert source.layer is not None
    joined = editor.add("transpose", (start,), (source.layer, number), axes=both)
    if joined is not None:
        editor.replace(wire, joined)
