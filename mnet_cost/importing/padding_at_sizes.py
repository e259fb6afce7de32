"""Zeros in front of a window that programs count out for each size: padding `same`.

Programs that follow TensorFlow add [0, 1] at even sizes and [1, 1] at odd ones, in an operator of
its own. One size does not tell that from padding that is always [0, 1], so it takes the same
program at several sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph, Wire
from mnet_cost.importing.mapping.values import LARGEST
from mnet_cost.importing.patterns.editor import Editor

_FIELDS = {"conv2d": 0.0, "depthwise_conv2d": 0.0, "max_pool2d": -LARGEST}
"""Kinds whose padding can be `same`, with what they pad with: -inf is written so."""


def with_same_padding(graphs: Sequence[LayerGraph]) -> tuple[LayerGraph, ...]:
    """Graphs of one program at several sizes, with `same` where their padding shows that."""
    if len({len(graph.layers) for graph in graphs}) > 1:
        return tuple(graphs)
    editors = [Editor(graph) for graph in graphs]
    for number, layer in enumerate(graphs[0].layers):
        if layer.kind != "pad":
            continue
        readers = editors[0].readers(Wire(number))
        window = readers[0] if len(readers) == 1 else None
        if window is None or not all(_is_alone(editor, number, window) for editor in editors):
            continue
        pads = [pad_sides(editor.layers[number]) for editor in editors]
        if len({str(sides) for sides in pads}) < 2 or not all(
            _is_same(editor, number, window) for editor in editors
        ):
            continue
        for editor in editors:
            pad, own = editor.layers[number], editor.layers[window]
            fields = {name: value for name, value in own.fields.items() if name != "padding"}
            inputs = (*pad.inputs, *own.inputs[1:])
            new = editor.add(own.kind, inputs, (number, window), **fields)
            assert new is not None, "the sizes were compared"
            editor.replace(Wire(window), new)
    return tuple([editor.result() for editor in editors])


def _is_alone(editor: Editor, number: int, window: int) -> bool:
    """Whether a padded tensor is read by one window alone, which has no padding of its own."""
    pad = editor.layers[number]
    own = editor.made_by(Wire(window))
    return (
        pad.kind == "pad"
        and own is not None
        and own.kind in _FIELDS
        and pad.fields.get("value", 0.0) == _FIELDS[own.kind]
        and pad.fields.get("mode", "constant") == "constant"
        and not pad.fields.get("channels")
        and own.fields.get("padding") in (0, [0, 0], "valid")
        and not own.fields.get("round_up")
        and own.inputs[0] == Wire(number)
        and editor.is_inner(Wire(number))
    )


def _is_same(editor: Editor, number: int, window: int) -> bool:
    """Whether the zeros are those of `same`: the last window ends with the image, and an odd zero
    is behind."""
    pad, fields = editor.layers[number], editor.layers[window].fields
    sides = pad_sides(pad)
    for axis, size in enumerate(editor.shape(pad.inputs[0])[-2:]):
        kernel, stride, dilation = (
            _on_axis(fields.get(name, default), axis)
            for name, default in (("kernel", 1), ("stride", 1), ("dilation", 1))
        )
        span = dilation * (kernel - 1) + 1
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
        if sides[2 * axis : 2 * axis + 2] != [total // 2, total - total // 2]:
            return False
    return True


def _on_axis(value: Any, axis: int) -> int:
    return int(value[axis] if isinstance(value, list) else value)


def pad_sides(pad: ImportedLayer) -> list[int]:
    """Rows above and below, columns on the left and on the right."""
    padding = pad.fields.get("padding") or 0
    if not isinstance(padding, list):
        return [padding] * 4
    return [padding[0]] * 2 + [padding[1]] * 2 if len(padding) == 2 else list(padding)
