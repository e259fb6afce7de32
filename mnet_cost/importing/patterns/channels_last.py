"""Layers that work with the channels last, between two transposes: as layers of an image.

ConvNeXt, Swin and others put the channels last for norms and linear layers, and back. All layers
that a transpose to channels last leads to are looked at together. Linear layers become convolutions
1x1, norms have `axis: channels`: as many mult-adds and params. It is done where fewer transposes
are left than there were.
"""

from __future__ import annotations

from typing import Any

from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor

_TO_LAST = [1, 2, 0]
_TO_FIRST = [2, 0, 1]
_POINTWISE = frozenset(
    ("relu", "relu6", "gelu", "silu", "hard_swish", "sigmoid", "tanh", "dropout", "leaky_relu")
)
_JOINS = frozenset(("add", "multiply"))
_AXES = {-1: -3, -2: -1, -3: -2, "features": -3, "width": -3, "length": -1}
"""The axis of an image for an axis of the same tensor with the channels last."""


def channels_in_front(graph: LayerGraph) -> LayerGraph:
    """The graph with layers that work with channels last as layers of images."""
    tried = _moved(_with_images(graph))
    if _transposes(tried) < _transposes(graph) and len(tried.layers) <= len(graph.layers):
        return tried
    tried = _moved(graph)
    return tried if _transposes(tried) < _transposes(graph) else graph


def _with_images(graph: LayerGraph) -> LayerGraph:
    """The graph with images, transposed, where sequences are seen as rows of images."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers[number]
        if layer.kind not in ("reshape", "flatten") or editor.made_by(Wire(number)) is None:
            continue
        (x,) = layer.inputs
        before, after = editor.shape(x), editor.shape(Wire(number))
        new: Wire | None = None
        if len(before) == 2 and len(after) == 3 and before[1] == after[2]:
            image = editor.add("to_image", (x,), (number,), height=after[0], width=after[1])
            if image is not None:
                new = editor.add("transpose", (image,), (number,), axes=_TO_LAST)
        elif len(before) == 3 and len(after) == 2 and before[2] == after[1]:
            if editor.type_of(x).layout not in (None, "sequence"):
                continue
            image = editor.add("transpose", (x,), (number,), axes=_TO_FIRST)
            if image is not None:
                new = editor.add("to_sequence", (image,), (number,))
        if new is not None and editor.shape(new) == after:
            editor.replace(Wire(number), new)
    return editor.result()


def _moved(graph: LayerGraph) -> LayerGraph:
    """The graph with all layers between transposes moved, whether that pays or not."""
    editor = Editor(graph, keeps_new=True)
    images: dict[Wire, Wire] = {}
    """The image with channels in front, for tensors that have them last."""
    for number in list(editor.layers):
        layer = editor.layers[number]
        wire = Wire(number)
        if editor.made_by(wire) is None or len(layer.types) != 1:
            continue
        if layer.kind == "transpose" and len(editor.shape(wire)) == 3:
            (x,) = layer.inputs
            if list(layer.fields["axes"]) == _TO_LAST:
                images[wire] = x
            elif list(layer.fields["axes"]) == _TO_FIRST and x in images:
                images[wire] = images[x]  # the same tensor: read in its place
            continue
        if not layer.inputs or not all(x in images for x in layer.inputs):
            continue
        moved = _on_channels(editor, layer)
        if moved is None:
            continue
        if len(editor.shape(wire)) != 3:
            continue
        kind, fields = moved
        new = editor.add(kind, [images[x] for x in layer.inputs], (number,), **fields)
        height, width, channels = editor.shape(wire)
        if new is not None and editor.shape(new) == (channels, height, width):
            images[wire] = new
    _read_images(editor, images)
    return editor.result()


def _read_images(editor: Editor, images: dict[Wire, Wire]) -> None:
    """Let all who still read a tensor with channels last read the image, transposed."""
    for wire, moved in list(images.items()):
        assert wire.layer is not None
        image = editor.current(moved)
        layer = editor.layers.get(wire.layer)
        if layer is None:
            continue
        if layer.kind == "transpose":
            if list(layer.fields["axes"]) == _TO_FIRST:
                editor.replace(wire, image)
            continue
        last = editor.add("transpose", (image,), (image.layer or 0, wire.layer), axes=_TO_LAST)
        if last is not None:
            editor.replace(wire, last)


def _transposes(graph: LayerGraph) -> int:
    return sum(layer.kind == "transpose" for layer in graph.layers)


def _on_channels(editor: Editor, layer: ImportedLayer) -> tuple[str, dict[str, Any]] | None:
    """(Kind, fields) of a layer on images that does what this one does with channels last."""
    if any(len(editor.shape(x)) != 3 for x in layer.inputs):
        return None
    fields = dict(layer.fields)
    if layer.kind in _POINTWISE or layer.kind == "elementwise":
        return layer.kind, fields
    if layer.kind in _JOINS:
        return layer.kind, fields
    if layer.kind == "linear":
        bias = fields.pop("bias", True)
        return "conv2d", {"channels": fields["features"], "kernel": 1, "bias": bias}
    axis = fields.get("axis")
    if axis is None and editor.type_of(layer.inputs[0]).layout == "sequence":
        axis = -1
    if layer.kind in ("layer_norm", "rms_norm", "scale", "l2_normalize"):
        return (layer.kind, {**fields, "axis": "channels"}) if _AXES.get(axis) == -3 else None
    if layer.kind in ("slice", "concat", "roll") and axis in _AXES:
        names = {-3: "channels", -2: "height", -1: "width"}
        return layer.kind, {**fields, "axis": names[_AXES[axis]]}
    return None
