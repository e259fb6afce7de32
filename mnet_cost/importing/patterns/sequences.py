"""Images as sequences and back, and what Vision Transformers put in front of and on a sequence.

`flatten, transpose` is `to_sequence`, `transpose, reshape` is `to_image`; a trained row joined in
front is `class_token`, a trained table added is `position_embedding`.
"""

from __future__ import annotations

from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph, Wire
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
            if number in editor.layers:
                _to_image_by_rows(editor, wire)
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
    """[C, H, W] to [H, W, C] to [H * W, C]; layers that work along C alone may be between."""
    assert wire.layer is not None
    (last,) = editor.layers[wire.layer].inputs
    between: list[int] = []
    while True:
        layer = editor.made_by(last)
        if layer is None or last.layer is None or not editor.is_inner(last):
            return
        if layer.kind == "transpose":
            break
        if not _works_along_the_last(editor, layer) or len(editor.shape(last)) != 3:
            return
        between.append(last.layer)
        last = layer.inputs[0]
    if list(layer.fields["axes"]) != [1, 2, 0]:
        return
    (image,) = layer.inputs
    _, height, width = editor.shape(image)
    if editor.shape(wire) != (height * width, editor.shape(wire)[-1]):
        return
    if not between:
        _replace_by_sequence(editor, wire, image, (last.layer, wire.layer))
        return
    if editor.type_of(image).layout in ("sequence", "signal", "volume"):
        return
    current = editor.add("to_sequence", (image,), (last.layer,))
    for number in reversed(between):
        moved = editor.layers[number]
        if current is None:
            return
        fields = dict(moved.fields)
        if "axis" in fields:
            fields["axis"] = -1
        replaced = (number, wire.layer) if number == between[0] else (number,)
        current = editor.add(moved.kind, (current,), replaced, **fields)
    if current is not None and editor.shape(current) == editor.shape(wire):
        editor.replace(wire, current)


_POINTWISE = frozenset(("relu", "relu6", "gelu", "silu", "hard_swish", "dropout", "linear"))


def _works_along_the_last(editor: Editor, layer: ImportedLayer) -> bool:
    """Whether a layer does the same at each position of the axes before the last."""
    if len(layer.inputs) != 1:
        return False
    if layer.kind in ("layer_norm", "rms_norm", "scale", "l2_normalize"):
        axis = layer.fields.get("axis")
        return axis in (-1, "features") or (
            axis is None and editor.type_of(layer.inputs[0]).layout == "sequence"
        )
    return layer.kind in _POINTWISE


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


def _to_image_by_rows(editor: Editor, wire: Wire) -> None:
    """[H * W, C] to [H, W, C] to [C, H, W]."""
    assert wire.layer is not None
    layer = editor.layers[wire.layer]
    (rows,) = layer.inputs
    before = editor.made_by(rows, "reshape")
    if before is None or list(layer.fields["axes"]) != [2, 0, 1] or not editor.is_inner(rows):
        return
    (sequence,) = before.inputs
    height, width, channels = editor.shape(rows)
    if editor.shape(sequence) != (height * width, channels) or rows.layer is None:
        return
    new = editor.add("to_image", (sequence,), (rows.layer, wire.layer), height=height, width=width)
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
