"""Images as sequences and back, and what Vision Transformers put in front of and on a sequence.

`flatten, transpose` is `to_sequence`, `transpose, reshape` is `to_image`; a trained row joined in
front is `class_token`, a trained table added is `position_embedding`.
"""

from __future__ import annotations

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor


def sequences(graph: LayerGraph) -> LayerGraph:
    """`to_sequence`, `to_image`, `class_token` and `position_embedding` for their parts."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        wire = Wire(number)
        if layer is None or editor.made_by(wire) is None:
            continue
        if layer.kind == "transpose":
            _from_flat(editor, wire)
        elif layer.kind in ("reshape", "flatten"):
            _from_channels_last(editor, wire)
            if number in editor.layers:
                _to_image(editor, wire)
        elif layer.kind == "concat":
            _class_token(editor, wire)
        elif layer.kind == "add":
            _position_embedding(editor, wire)
    return editor.result()


def _from_flat(editor: Editor, wire: Wire) -> None:
    """[C, H, W] to [C, H * W] to [H * W, C]."""
    assert wire.layer is not None
    layer = editor.layers[wire.layer]
    (flat,) = layer.inputs
    before = editor.made_by(flat, "flatten", "reshape")
    if before is None or list(layer.fields["axes"]) != [1, 0] or not editor.is_inner(flat):
        return
    assert flat.layer is not None
    _replace_by_sequence(editor, wire, before.inputs[0], (flat.layer, wire.layer))


def _from_channels_last(editor: Editor, wire: Wire) -> None:
    """[C, H, W] to [H, W, C] to [H * W, C]."""
    assert wire.layer is not None
    (last,) = editor.layers[wire.layer].inputs
    before = editor.made_by(last, "transpose")
    if before is None or list(before.fields["axes"]) != [1, 2, 0] or not editor.is_inner(last):
        return
    assert last.layer is not None
    _replace_by_sequence(editor, wire, before.inputs[0], (last.layer, wire.layer))


def _replace_by_sequence(
    editor: Editor, wire: Wire, image: Wire, replaced: tuple[int, ...]
) -> None:
    type_ = editor.type_of(image)
    if len(type_.shape) != 3 or type_.layout in ("sequence", "signal", "volume"):
        return
    channels, height, width = type_.shape
    if editor.shape(wire) != (height * width, channels):
        return
    new = editor.add("to_sequence", (image,), replaced)
    if new is not None:
        editor.replace(wire, new)


def _to_image(editor: Editor, wire: Wire) -> None:
    """[H * W, C] to [C, H * W] to [C, H, W]."""
    assert wire.layer is not None
    (turned,) = editor.layers[wire.layer].inputs
    before = editor.made_by(turned, "transpose")
    shape = editor.shape(wire)
    if before is None or list(before.fields["axes"]) != [1, 0] or not editor.is_inner(turned):
        return
    if len(shape) != 3 or shape[0] != editor.shape(turned)[0]:
        return
    assert turned.layer is not None
    new = editor.add(
        "to_image", before.inputs, (turned.layer, wire.layer), height=shape[1], width=shape[2]
    )
    if new is not None:
        editor.replace(wire, new)


def _class_token(editor: Editor, wire: Wire) -> None:
    assert wire.layer is not None
    layer = editor.layers[wire.layer]
    if len(layer.inputs) != 2 or len(editor.shape(wire)) != 2:
        return
    token, sequence = layer.inputs
    length, features = editor.shape(sequence)
    made = editor.made_by(token, "parameter")
    if made is None or "trained" in made.fields or not editor.is_inner(token):
        return
    if editor.shape(token) != (1, features) or editor.shape(wire) != (length + 1, features):
        return
    assert token.layer is not None
    new = editor.add("class_token", (sequence,), (token.layer, wire.layer))
    if new is not None:
        editor.replace(wire, new)


def _position_embedding(editor: Editor, wire: Wire) -> None:
    assert wire.layer is not None
    inputs = editor.layers[wire.layer].inputs
    if len(inputs) != 2 or len(editor.shape(wire)) != 2:
        return
    for table, sequence in (inputs, inputs[::-1]):
        made = editor.made_by(table, "parameter")
        if (
            made is not None
            and "trained" not in made.fields
            and editor.is_inner(table)
            and editor.made_by(sequence, "parameter", "constant") is None
            and editor.shape(table) == editor.shape(sequence) == editor.shape(wire)
        ):
            assert table.layer is not None
            new = editor.add("position_embedding", (sequence,), (table.layer, wire.layer))
            if new is not None:
                editor.replace(wire, new)
            return
