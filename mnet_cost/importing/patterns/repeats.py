"""A tensor that is repeated along an axis, and then met by one that repeats it anyway.

Programs expand a tensor before a sum or product; both broadcast, so it need not be. Transposes may
stand between. Where nothing broadcasts it, it stays repeated.
"""

from __future__ import annotations

from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor
from mnet_cost.layers.axes import named_axis

_BROADCAST = ("add", "multiply", "elementwise")


def broadcast_repeats(graph: LayerGraph) -> LayerGraph:
    """Sums and products of a tensor of size 1 along an axis in place of it many times."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is not None and layer.kind == "concat" and _repeats(editor, layer):
            _leave_out(editor, number)
    return editor.result()


def _repeats(editor: Editor, layer: ImportedLayer) -> bool:
    """Whether a `concat` is one tensor several times, along an axis of size 1."""
    if len(layer.inputs) < 2 or len(set(layer.inputs)) > 1:
        return False
    x = editor.type_of(layer.inputs[0])
    return x.shape[named_axis(x, layer.fields.get("axis"), layer.kind)] == 1


def _leave_out(editor: Editor, number: int) -> None:
    """Let what broadcasts a repeated tensor read the tensor itself."""
    large, small = Wire(number), editor.layers[number].inputs[0]
    replaced = [number]
    while editor.made_by(large) is not None and editor.is_inner(large):
        (reader,) = editor.readers(large)
        layer = editor.layers[reader]
        replaced.append(reader)
        if layer.kind == "transpose":
            turned = editor.add("transpose", (small,), (reader,), axes=layer.fields["axes"])
            if turned is None:
                return
            large, small = Wire(reader), turned
        elif layer.kind in _BROADCAST and len(layer.inputs) == 2:
            inputs = tuple([small if wire == large else wire for wire in layer.inputs])
            new = editor.add(layer.kind, inputs, replaced, **layer.fields)
            if new is not None and editor.shape(new) == editor.shape(Wire(reader)):
                editor.replace(Wire(reader), new)
            return
        else:
            return
