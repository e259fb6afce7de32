"""Biases of linear layers and convolutions, where a program adds them in a step of its own.

Exporters of ONNX write a linear layer as a product and a sum. A trained constant for each feature
or channel that only this sum reads is the bias. Where several sums read one, since an exporter
merges equal ones, it stays: each layer would count it for its own.
"""

from __future__ import annotations

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor
from mnet_cost.layers import KINDS
from mnet_cost.models.calls import known_fields

_AXES = {
    "linear": -1, "conv1d": -2, "conv2d": -3, "depthwise_conv2d": -3, "conv_transpose2d": -3,
    "deform_conv2d": -3, "conv3d": -4,
}  # fmt: skip
"""The axis, from the end, that a bias of each kind has a number for each place of."""


def added_biases(graph: LayerGraph) -> LayerGraph:
    """`bias: true` for a sum of what a layer without bias makes and a trained constant."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None or layer.kind != "add" or len(layer.inputs) != 2:
            continue
        if editor.made_by(Wire(number)) is None:
            continue
        first, second = layer.inputs
        if not _joined(editor, number, first, second):
            _joined(editor, number, second, first)
    return editor.result()


def _joined(editor: Editor, number: int, product: Wire, bias: Wire) -> bool:
    """Whether the sum `number` of a product and a bias has become one layer."""
    layer, trained = editor.made_by(product, *_AXES), editor.made_by(bias, "parameter")
    if layer is None or trained is None or "trained" in trained.fields:
        return False
    if not editor.is_inner(product) or not editor.is_inner(bias):
        return False
    if layer.fields.get("bias", known_fields(KINDS[layer.kind])["bias"].default):
        return False
    if layer.precision != editor.layers[number].precision:
        return False  # the sum is of numbers of another type
    shape, places = editor.shape(product), editor.shape(bias)
    axis = _AXES[layer.kind]
    wanted = tuple([size if i - len(shape) == axis else 1 for i, size in enumerate(shape)])
    if len(places) < -axis or places != wanted[len(wanted) - len(places) :]:
        return False
    assert product.layer is not None
    assert bias.layer is not None
    replaced = (product.layer, bias.layer, number)
    new = editor.add(layer.kind, layer.inputs, replaced, **{**layer.fields, "bias": True})
    if new is None or editor.shape(new) != editor.shape(Wire(number)):
        return False
    editor.replace(Wire(number), new)
    return True
