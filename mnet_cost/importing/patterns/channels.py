"""Factors of channels, and pools of a whole image."""

from __future__ import annotations

from typing import Any

from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor


def trained_factors(graph: LayerGraph) -> LayerGraph:
    """`scale` for a product with a trained factor for each channel."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None or layer.kind != "multiply" or len(layer.inputs) != 2:
            continue
        for factor, x in (layer.inputs, layer.inputs[::-1]):
            made = editor.made_by(factor, "parameter")
            axis = _factor_axis(editor, factor, x)
            if made is None or "trained" in made.fields or axis is None:
                continue
            if not editor.is_inner(factor) or editor.shape(x) != editor.shape(Wire(number)):
                continue
            assert factor.layer is not None
            type_ = editor.type_of(x)
            fields: dict[str, Any] = {"axis": axis}
            if (type_.layout, axis) in (("image", -3), ("sequence", -1)):
                fields = {}
            new = editor.add("scale", (x,), (factor.layer, number), **fields)
            if new is not None:
                editor.replace(Wire(number), new)
                break
    return editor.result()


def _factor_axis(editor: Editor, factor: Wire, x: Wire) -> int | None:
    """The axis, from the end, that a factor has a number for each place of."""
    shape = editor.shape(factor)
    axes = [axis - len(shape) for axis, size in enumerate(shape) if size != 1]
    if len(axes) != 1 or len(shape) > len(editor.shape(x)):
        return None
    return axes[0] if editor.shape(x)[axes[0]] == shape[axes[0]] else None


def whole_image_pools(graph: LayerGraph) -> LayerGraph:
    """`global_avg_pool` for means over height and width, and without axes that are then removed."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None or editor.made_by(Wire(number)) is None:
            continue
        if layer.kind == "reduce":
            _pool(editor, number, layer)
        elif layer.kind in ("reshape", "flatten"):
            (source,) = layer.inputs
            pool = editor.made_by(source, "global_avg_pool", "global_max_pool")
            if pool is None or not pool.fields.get("keep") or not editor.is_inner(source):
                continue
            if editor.shape(Wire(number)) == editor.shape(source)[:-2]:
                assert source.layer is not None
                new = editor.add(pool.kind, pool.inputs, (source.layer, number))
                if new is not None:
                    editor.replace(Wire(number), new)
    return editor.result()


def _pool(editor: Editor, number: int, layer: ImportedLayer) -> None:
    (x,) = layer.inputs
    type_ = editor.type_of(x)
    axes = layer.fields["axes"]
    axes = sorted(map(str, axes if isinstance(axes, list) else [axes]))
    if layer.fields["operation"] != "mean" or type_.layout != "image":
        return
    if axes in (["-1", "-2"], ["height", "width"]):
        fields = {"keep": True} if layer.fields.get("keep") else {}
        new = editor.add("global_avg_pool", (x,), (number,), **fields)
        if new is not None:
            editor.replace(Wire(number), new)
