"""`roll`, from the end and the start of an axis put together in the other order.

ONNX has no operator for it, so exporters write two slices and a concat.
"""

from __future__ import annotations

from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor
from mnet_cost.layers.axes import named_axis


def rolls(graph: LayerGraph) -> LayerGraph:
    """`roll` for two slices of a tensor that change places along an axis."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is not None and layer.kind == "concat" and editor.made_by(Wire(number)):
            _roll(editor, number, layer)
    return editor.result()


def _roll(editor: Editor, number: int, layer: ImportedLayer) -> None:
    parts = [editor.made_by(wire, "slice") for wire in layer.inputs]
    if len(parts) != 2 or parts[0] is None or parts[1] is None:
        return
    if parts[0].inputs != parts[1].inputs or not all(map(editor.is_inner, layer.inputs)):
        return
    (x,) = parts[0].inputs
    axis = _axis(editor, layer)
    if any(_axis(editor, part) != axis for part in parts if part is not None):
        return
    size = editor.shape(x)[axis]
    (cut, stop), (start, middle) = (_bounds(part, size) for part in parts if part is not None)
    if (start, stop, middle) != (0, size, cut):
        return
    shift = size - cut if 2 * cut > size else -cut
    replaced = [wire.layer for wire in layer.inputs if wire.layer is not None]
    new = editor.add("roll", (x,), [*replaced, number], shift=shift, axis=axis)
    if new is not None:
        editor.replace(Wire(number), new)


def _axis(editor: Editor, layer: ImportedLayer) -> int:
    """The axis along which a layer cuts or joins, from the end."""
    return named_axis(editor.type_of(layer.inputs[0]), layer.fields.get("axis"), layer.kind)


def _bounds(layer: ImportedLayer, size: int) -> tuple[int, int]:
    """The first position of a slice, and that after its last one; equal where it takes steps."""
    fields = layer.fields
    if fields.get("step", 1) != 1:
        return 0, 0
    start, stop = fields.get("start", 0), fields.get("stop")
    stop = size if stop is None else stop
    return start % size if start < 0 else start, stop % size if stop < 0 else stop
