"""Windows of an image from reshapes and transposes, what they are undone by, and their biases.

`reshape, transpose, reshape` with the channels last is `window_partition` or `window_merge`; a
transpose on one side goes where the rest of the network has its channels in front. A table that is
looked up at the distances of two positions is `relative_position_bias`.
"""

from __future__ import annotations

from math import isqrt

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor

_SWAP = [0, 2, 1, 3, 4]


def windows(graph: LayerGraph) -> LayerGraph:
    """`window_partition`, `window_merge` and `relative_position_bias` for their parts."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None or editor.made_by(Wire(number)) is None:
            continue
        if layer.kind == "reshape":
            _windows(editor, number)
        elif layer.kind == "transpose":
            _distances(editor, number)
    return editor.result()


def _windows(editor: Editor, last: int) -> None:
    """Three layers from [H, W, C] to [N, w * w, C], or back."""
    (swapped,) = editor.layers[last].inputs
    swap = editor.made_by(swapped, "transpose")
    if swap is None or list(swap.fields["axes"]) != _SWAP or not editor.is_inner(swapped):
        return
    (split,) = swap.inputs
    first = editor.made_by(split, "reshape")
    if first is None or not editor.is_inner(split) or split.layer is None or swapped.layer is None:
        return
    (x,) = first.inputs
    before, after = editor.shape(x), editor.shape(Wire(last))
    replaced = (split.layer, swapped.layer, last)
    new: Wire | None = None
    if len(before) == 3 and len(after) == 3:
        rows, high, columns, wide, channels = editor.shape(split)
        is_merge = columns == wide and high != wide
        if high == columns == wide:
            is_merge = editor.made_by(x, "attention", "linear") is not None
        if (
            not is_merge
            and before == (rows * high, columns * wide, channels)
            and (after == (rows * columns, high * wide, channels))
        ):
            window = high if high == wide else [high, wide]
            image = editor.add("transpose", (x,), replaced[:1], axes=[2, 0, 1])
            if image is not None:
                new = editor.add("window_partition", (image,), replaced, window=window)
        else:
            rows, columns, high, wide, channels = editor.shape(split)
            if before == (rows * columns, high * wide, channels) and (
                after == (rows * high, columns * wide, channels)
            ):
                window = high if high == wide else [high, wide]
                image = editor.add(
                    "window_merge", (x,), replaced, window=window, height=after[0], width=after[1]
                )
                if image is not None:
                    new = editor.add("transpose", (image,), replaced, axes=[1, 2, 0])
    if new is not None and editor.shape(new) == after:
        editor.replace(Wire(last), new)


def _distances(editor: Editor, last: int) -> None:
    """A table [(w * w)^2, heads] of (2 * w - 1)^2 trained rows as [heads, w * w, w * w]."""
    layer = editor.layers[last]
    if list(layer.fields["axes"]) != [2, 0, 1]:
        return
    (square,) = layer.inputs
    shaped = editor.made_by(square, "reshape")
    if shaped is None or not editor.is_inner(square) or square.layer is None:
        return
    (rows,) = shaped.inputs
    table = editor.made_by(rows, "parameter")
    if table is None or not editor.is_inner(rows) or rows.layer is None:
        return
    positions, _, heads = editor.shape(square)
    window = isqrt(positions)
    trained = table.fields.get("trained")
    if window * window != positions or trained != (2 * window - 1) ** 2 * heads:
        return
    new = editor.add(
        "relative_position_bias", (), (rows.layer, square.layer, last), window=window, heads=heads
    )
    if new is not None and editor.shape(new) == editor.shape(Wire(last)):
        editor.replace(Wire(last), new)
