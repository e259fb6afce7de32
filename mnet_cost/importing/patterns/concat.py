"""A list of tensors that grows, and is joined anew each time it has grown.

DenseNet joins `[a, b]`, then `[a, b, c]`: the second is the first and `c`. The elements are the
same ones in the same order; as many are written, and fewer tensors are read.
"""

from __future__ import annotations

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor


def growing_lists(graph: LayerGraph) -> LayerGraph:
    """`concat: [input, previous]` for joins of a list that grows."""
    editor = Editor(graph)
    joined: dict[tuple[object, tuple[Wire, ...]], Wire] = {}
    lengths: set[int] = set()
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None or layer.kind != "concat" or editor.made_by(Wire(number)) is None:
            continue
        inputs, axis = layer.inputs, layer.fields.get("axis")
        joined.setdefault((axis, inputs), Wire(number))
        lengths.add(len(inputs))
        for length in sorted((n for n in lengths if n < len(inputs)), reverse=True):
            start = joined.get((axis, inputs[:length]))
            if start is None or start.layer == number or start.layer not in editor.layers:
                continue
            fields = dict(layer.fields)
            new = editor.add("concat", (start, *inputs[length:]), (number,), **fields)
            if new is not None:
                editor.replace(Wire(number), new)
                joined[axis, inputs] = new
            break
    return editor.result()
