"""Zeros that a program puts around an image before a convolution: its `padding`.

PyTorch has no uneven padding in its convolutions, so a program that pads as TensorFlow does pads in
a step of its own. Even zeros stay a step: they may make up a multiple, which depends on the size of
the image, and a convolution with even padding would not say so.
"""

from __future__ import annotations

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.paddings import is_uneven
from mnet_cost.importing.patterns.editor import Editor
from mnet_cost.layers.conv import sides


def joined_paddings(graph: LayerGraph) -> LayerGraph:
    """`padding` for uneven zeros that only a convolution without padding reads."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None or layer.kind not in ("conv2d", "depthwise_conv2d"):
            continue
        wire, (padded,) = Wire(number), layer.inputs
        zeros = editor.made_by(padded, "pad")
        if zeros is None or editor.made_by(wire) is None or not editor.is_inner(padded):
            continue
        is_zero = zeros.fields.keys() == {"padding"} and zeros.precision == layer.precision
        if layer.fields.get("padding", "same") not in (0, "valid") or not is_zero:
            continue
        padding = zeros.fields["padding"]
        padding = list(sides(tuple(padding) if isinstance(padding, list) else padding))
        assert padded.layer is not None
        if min(padding) < 0 or not is_uneven(layer._replace(fields={"padding": padding})):
            continue
        fields = {**layer.fields, "padding": padding}
        new = editor.add(layer.kind, zeros.inputs, (padded.layer, number), **fields)
        if new is not None and editor.shape(new) == editor.shape(wire):
            editor.replace(wire, new)
    return editor.result()
