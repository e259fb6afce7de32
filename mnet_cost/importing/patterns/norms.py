"""Norms along the last axis from their parts: means, squares, a root, a quotient.

`layer_norm` is (x - mean) / sqrt(mean of squares of that + epsilon), times a trained scale, plus a
trained shift; `rms_norm` is that without the mean and the shift.
"""

from __future__ import annotations

from typing import Any

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor


def norms(graph: LayerGraph) -> LayerGraph:
    """`layer_norm` and `rms_norm` for their parts."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None or editor.made_by(Wire(number)) is None or len(layer.inputs) != 2:
            continue
        if layer.kind == "multiply" or editor.operation(Wire(number), "divide") is not None:
            _norm(editor, number)
    return editor.result()


def _norm(editor: Editor, number: int) -> None:
    layer = editor.layers[number]
    found = None
    for centred, root in (layer.inputs, layer.inputs[::-1]):
        found = _epsilon(editor, centred, root, "rsqrt" if layer.kind == "multiply" else "sqrt")
        if found is not None or layer.kind != "multiply":
            break
    if found is None:
        return
    epsilon, layers = found
    replaced = [number, *layers]
    kind, x = "rms_norm", centred
    made = editor.operation(centred, "subtract")
    if made is not None and len(made.inputs) == 2 and _mean_of(editor, made.inputs[1]):
        mean = editor.layers[made.inputs[1].layer or 0]
        if mean.inputs[0] == made.inputs[0]:
            kind, x = "layer_norm", made.inputs[0]
            assert centred.layer is not None
            replaced += [centred.layer, made.inputs[1].layer or 0]
    end, fields = Wire(number), {"axis": -1, "epsilon": epsilon}
    scale = _trained(editor, end, "multiply")
    shift = None if scale is None else _trained(editor, scale[0], "add")
    if scale is None:
        fields["affine"] = False
    else:
        end = scale[0]
        replaced += scale[1]
        if kind == "layer_norm" and shift is not None:
            end = shift[0]
            replaced += shift[1]
        elif kind == "layer_norm":
            fields["bias"] = False
    new = editor.add(kind, (x,), replaced, **fields)
    if new is not None and editor.shape(new) == editor.shape(end):
        editor.replace(end, new)


def _epsilon(
    editor: Editor, centred: Wire, root: Wire, operation: str
) -> tuple[float, list[int]] | None:
    """(epsilon, layers) where `root` is the root of the mean of squares of `centred`."""
    made = editor.operation(root, operation)
    if made is None or not editor.is_inner(root) or root.layer is None:
        return None
    layers, epsilon = [root.layer], 0.0
    (inside,) = made.inputs
    added = editor.operation(inside, "add")
    if added is not None and len(added.inputs) == 1 and editor.is_inner(inside):
        assert inside.layer is not None
        layers.append(inside.layer)
        epsilon = added.fields["number"]
        (inside,) = added.inputs
    if not _mean_of(editor, inside) or not editor.is_inner(inside) or inside.layer is None:
        return None
    layers.append(inside.layer)
    (squares,) = editor.layers[inside.layer].inputs
    square = editor.made_by(squares)
    if square is None or squares.layer is None or not editor.is_inner(squares):
        return None
    layers.append(squares.layer)
    fields: dict[str, Any] = dict(square.fields)
    is_square = (square.kind == "multiply" and square.inputs == (centred, centred)) or (
        square.kind == "elementwise"
        and square.inputs == (centred,)
        and (fields["operation"], fields.get("number")) in (("square", None), ("power", 2))
    )
    return (epsilon, layers) if is_square else None


def _mean_of(editor: Editor, wire: Wire) -> bool:
    """Whether a tensor is a mean along the last axis, which stays."""
    made = editor.made_by(wire, "reduce")
    if made is None or made.fields["operation"] != "mean" or not made.fields.get("keep"):
        return False
    axes = made.fields["axes"]
    return (axes if isinstance(axes, list) else [axes]) in ([-1], ["features"], ["width"])


def _trained(editor: Editor, wire: Wire, kind: str) -> tuple[Wire, list[int]] | None:
    """(The tensor, layers) where a tensor is multiplied by, or added to, a trained vector."""
    if not editor.is_inner(wire):
        return None
    (reader,) = editor.readers(wire)
    layer = editor.layers[reader]
    if layer.kind != kind or len(layer.inputs) != 2:
        return None
    (other,) = [x for x in layer.inputs if x != wire] or [wire]
    made = editor.made_by(other, "parameter")
    if made is None or "trained" in made.fields or not editor.is_inner(other):
        return None
    if editor.shape(other) != editor.shape(wire)[-1:] or other.layer is None:
        return None
    return Wire(reader), [reader, other.layer]
