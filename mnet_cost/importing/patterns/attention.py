"""Attention from its parts: projections, heads, scores, softmax, values, a last projection.

First `matmul, softmax, matmul` becomes `scaled_dot_product_attention`. Then, with linear layers on
all sides, that becomes `attention`: if heads and features lie as that kind has them, and if all
four projections have a bias or none has one. Mult-adds and params stay the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor
from mnet_cost.importing.patterns.elements import Atom, View, view_of
from mnet_cost.tensors import product

_CLOSE = 1e-3
"""How far a factor may be from 1 / sqrt(d), as a share of it."""


def dot_products(graph: LayerGraph) -> LayerGraph:
    """`scaled_dot_product_attention` for a softmax of scaled scores between two products."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is not None and layer.kind == "matmul" and editor.made_by(Wire(number)):
            _dot_product(editor, number)
    return editor.result()


def _dot_product(editor: Editor, number: int) -> None:
    layer = editor.layers[number]
    shares, value = layer.inputs
    softmax = editor.made_by(shares, "softmax")
    if softmax is None or not editor.is_inner(shares) or layer.fields.get("transpose_second"):
        return
    if softmax.fields.get("axis") not in (-1, "features", "width"):
        return
    replaced = [number, shares.layer or 0]
    (scores,) = softmax.inputs
    biases: list[Wire] = []
    while (added := editor.made_by(scores, "add")) is not None:
        if len(added.inputs) != 2 or not editor.is_inner(scores):
            return
        assert scores.layer is not None
        replaced.append(scores.layer)
        first, second = added.inputs
        is_second = editor.made_by(second, "matmul", "elementwise", "add") is not None and (
            editor.made_by(first, "matmul", "elementwise", "add") is None
        )
        scores, bias = (second, first) if is_second else (first, second)
        biases.append(bias)
    found = _scores(editor, scores)
    if found is None:
        return
    query, key, factor, between = found
    if any(len(editor.shape(wire)) < 2 for wire in (query, key, value)):
        return
    features = editor.shape(query)[-1]
    factor *= _factor(editor, query)[1] * _factor(editor, key)[1]
    query, key = _factor(editor, query)[0], _factor(editor, key)[0]
    if abs(factor * features**0.5 - 1) > _CLOSE:
        return
    inputs: tuple[Wire, ...] = (query, key, value)
    if biases:
        total: Wire | None = biases[-1]
        for more in reversed(biases[:-1]):
            assert total is not None
            at = [wire.layer for wire in (total, more) if wire.layer is not None]
            total = editor.add("add", (total, more), at) if at else None
            if total is None:
                return
        assert total is not None
        shaped = _bias_of_one_head(editor, total)
        if shaped is None:
            return
        inputs = (*inputs, shaped)
    new = editor.add("scaled_dot_product_attention", inputs, [*replaced, *between])
    if new is not None and editor.shape(new) == editor.shape(Wire(number)):
        editor.replace(Wire(number), new)


def _bias_of_one_head(editor: Editor, bias: Wire) -> Wire | None:
    """A bias of scores [..., L, S] as one of [..., heads, L, S] where there is one head."""
    own = editor.shape(bias)
    if len(own) < 3:
        return bias
    if bias.layer is None:
        return None
    return editor.add("reshape", (bias,), (bias.layer,), shape=[*own[:-2], 1, *own[-2:]])


class _Scores(NamedTuple):
    query: Wire
    key: Wire
    factor: float
    layers: tuple[int, ...]


def _scores(editor: Editor, wire: Wire) -> _Scores | None:
    """What scores are a product of; the key as [..., S, d]."""
    factor, layers = 1.0, []
    while editor.is_inner(wire):
        scaled = editor.operation(wire, "multiply", "divide")
        number = None if scaled is None else scaled.fields.get("number")
        if scaled is None or number is None or len(scaled.inputs) != 1 or len(scaled.fields) > 2:
            break
        assert wire.layer is not None
        layers.append(wire.layer)
        factor *= number if scaled.fields["operation"] == "multiply" else 1 / number
        wire = scaled.inputs[0]
    made = editor.made_by(wire, "matmul")
    if made is None or not editor.is_inner(wire) or wire.layer is None:
        return None
    query, key = made.inputs
    layers.append(wire.layer)
    if made.fields.get("transpose_second"):
        return _Scores(query, key, factor, tuple(layers))
    key, scale = _factor(editor, key)
    rows = _turned(editor, key)
    if rows is None:
        turned = editor.made_by(_factor(editor, query)[0], "transpose")
        if turned is None or not _swaps(turned.fields["axes"]) or key.layer is None:
            return None
        # Features come before positions in query and key: those of the key are turned as well.
        order = [*range(len(editor.shape(key)) - 2), -1, -2]
        rows = editor.add("transpose", (key,), (key.layer,), axes=order)
    if rows is None:
        return None
    between = () if key.layer is None else (key.layer,)
    return _Scores(query, rows, factor * scale, (*layers, *between))


def _turned(editor: Editor, key: Wire) -> Wire | None:
    """A key [..., d, S] as [..., S, d], where a transpose made it; axes in front may be joined or
    parted behind that."""
    made = editor.made_by(key, "transpose", "reshape")
    if made is None or key.layer is None:
        return None
    (before,) = made.inputs
    if made.kind == "reshape":
        shape = editor.shape(key)
        if editor.shape(before)[-2:] != shape[-2:] or not editor.is_inner(before):
            return None
        rows = None if editor.made_by(before, "reshape") else _turned(editor, before)
        if rows is None:
            return None
        sizes = [*shape[:-2], shape[-1], shape[-2]]
        return editor.add("reshape", (rows,), (key.layer,), shape=sizes)
    axes = list(made.fields["axes"])
    if _swaps(axes):
        return before
    return editor.add("transpose", (before,), (key.layer,), axes=[*axes[:-2], axes[-1], axes[-2]])


def _swaps(axes: list[int]) -> bool:
    """Whether an order of axes changes the places of the last two alone."""
    rank = len(axes)
    return [axis % rank for axis in axes] == [*range(rank - 2), rank - 1, rank - 2]


def _factor(editor: Editor, wire: Wire) -> tuple[Wire, float]:
    """(The tensor before it was multiplied by a number, that number)."""
    factor = 1.0
    while editor.is_inner(wire):
        scaled = editor.operation(wire, "multiply", "divide")
        number = None if scaled is None else scaled.fields.get("number")
        if scaled is None or number is None or len(scaled.inputs) != 1 or len(scaled.fields) > 2:
            break
        factor *= number if scaled.fields["operation"] == "multiply" else 1 / number
        wire = scaled.inputs[0]
    return wire, factor


def whole_attention(graph: LayerGraph) -> LayerGraph:
    """`attention` for a dot product with linear layers on all sides."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None or layer.kind != "linear" or editor.made_by(Wire(number)) is None:
            continue
        _whole(editor, number)
    return editor.result()


class _Projection(NamedTuple):
    """Heads of a linear layer's output: query, key or value."""

    linear: int
    x: Wire
    heads: int
    features: int
    offset: int
    bias: bool
    layers: tuple[int, ...]


def _whole(editor: Editor, last: int) -> None:
    out = editor.layers[last]
    mixed = view_of(editor, out.inputs[0])
    core = editor.made_by(mixed.base, "scaled_dot_product_attention")
    if core is None or mixed.base.layer is None or mixed.factor != 1.0:
        return
    if core.fields.get("heads", 1) != 1 or core.fields.get("kv_heads") is not None:
        return
    query, key, value = (_projection(editor, wire) for wire in core.inputs[:3])
    if query is None or key is None or value is None:
        return
    heads, features = query.heads, query.features
    if (key.heads, value.heads, key.features, value.features) != (heads, heads, features, features):
        return
    if not _splits_alike(editor, query, key, value, heads * features):
        return
    biases = {query.bias, key.bias, value.bias, out.fields.get("bias", True)}
    x, context = query.x, key.x
    width = editor.shape(x)[-1]
    if len(biases) != 1 or value.x != context or out.fields["features"] != width:
        return
    if not _puts_heads_together(editor, mixed, heads, features):
        return
    if editor.shape(Wire(last)) != editor.shape(x):
        return
    inputs: list[Wire] = [x] if x == context else [x, context]
    fields: dict[str, Any] = {"heads": heads}
    replaced = [last, mixed.base.layer, *mixed.layers]
    for part in (query, key, value):
        replaced += [part.linear, *part.layers]
    if len(core.inputs) == 4:
        bias = _bias(editor, core.inputs[3], heads)
        if bias is None:
            return
        inputs.append(bias)
        fields["score_bias"] = True
    if heads * features != width:
        fields["features"] = heads * features
    if not biases.pop():
        fields["bias"] = False
    if core.fields.get("causal"):
        fields["causal"] = True
    new = editor.add("attention", inputs, replaced, **fields)
    if new is not None and editor.shape(new) == editor.shape(Wire(last)):
        editor.replace(Wire(last), new)


def _projection(editor: Editor, wire: Wire) -> _Projection | None:
    """The heads of a linear layer that a tensor [..., heads, L, d] is; None if it is not that."""
    view = view_of(editor, wire)
    linear = editor.made_by(view.base, "linear")
    if linear is None or view.base.layer is None or view.factor != 1.0:
        return None
    x = linear.inputs[0]
    shape = editor.shape(view.base)
    rank = len(shape)
    if rank < 2 or len(view.axes) < 2:
        return None
    *front, length, inner = view.axes
    if length != _axis_atoms(rank - 2, shape[rank - 2]) or len(inner) != 1:
        return None
    (feature,) = inner
    if feature.axis != rank - 1 or feature.step != 1:
        return None
    heads, leading = 1, []
    for atom in (atom for axis in front for atom in axis):
        if atom.axis == rank - 1:
            if heads != 1 or atom.step != feature.size:
                return None
            heads = atom.size
        else:
            leading.append(atom)
    wanted = [Atom(axis, 1, size) for axis, size in enumerate(shape[:-2]) if size > 1]
    if leading != wanted:
        return None
    return _Projection(
        view.base.layer, x, heads, feature.size, view.offset(rank - 1),
        bool(linear.fields.get("bias", True)), view.layers,
    )  # fmt: skip


def _axis_atoms(axis: int, size: int) -> tuple[Atom, ...]:
    return (Atom(axis, 1, size),) if size > 1 else ()


def _splits_alike(
    editor: Editor, query: _Projection, key: _Projection, value: _Projection, width: int
) -> bool:
    """Whether query, key and value take all of what their linear layers make, each its own part."""
    parts: dict[int, list[int]] = {}
    for part in (query, key, value):
        parts.setdefault(part.linear, []).append(part.offset)
    for linear, offsets in parts.items():
        made = editor.layers[linear].fields["features"]
        if sorted(offsets) != [width * number for number in range(len(offsets))]:
            return False
        if made != width * len(offsets):
            return False
        if len(set(editor.readers(Wire(linear)))) > len(offsets):
            return False
    return True


def _puts_heads_together(editor: Editor, mixed: View, heads: int, features: int) -> bool:
    """Whether the last projection reads [..., L, heads * d] of the heads' outputs [..., L, d]."""
    shape = editor.shape(mixed.base)
    rank = len(shape)
    if len(mixed.axes) < 2 or mixed.offsets:
        return False
    *front, length, inner = mixed.axes
    if length != _axis_atoms(rank - 2, shape[-2]):
        return False
    if heads == 1:
        return inner == _axis_atoms(rank - 1, features)
    if inner[-1:] != _axis_atoms(rank - 1, features) or len(inner) != 2:
        return False
    (axis, step, size), _ = inner
    if size != heads:
        return False
    if shape[axis] == heads:
        rest = [Atom(a, 1, n) for a, n in enumerate(shape[:-2]) if n > 1 and a != axis]
    elif step == 1 and shape[axis] % heads == 0:  # heads and axes in front are one axis
        rest = [
            Atom(a, heads if a == axis else 1, n // heads if a == axis else n)
            for a, n in enumerate(shape[:-2])
            if n > 1
        ]
    else:
        return False
    return [atom for axis_ in front for atom in axis_] == rest


def _bias(editor: Editor, wire: Wire, heads: int) -> Wire | None:
    """A bias of the scores of heads that are an axis in front, as one of [..., heads, L, S]."""
    shape = editor.shape(wire)
    if len(shape) < 3:
        return wire
    if shape[-3] != 1:
        return None  # it differs by what was taken for an axis in front
    rest = (*shape[:-3], *shape[-2:])
    if len(rest) > 2 and rest[-3] not in (1, heads):
        return None
    if len(rest) > 3 and product(rest[:-3]) == 1:
        rest = rest[-3:]
    made = editor.made_by(wire, "reshape")
    if made is not None and editor.shape(made.inputs[0]) == rest:
        return made.inputs[0]
    if wire.layer is None:
        return None
    return editor.add("reshape", (wire,), (wire.layer,), shape=list(rest))
