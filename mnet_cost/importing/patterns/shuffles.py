"""Channels that are shuffled, and channels that become positions: reshape, transpose, reshape."""

from __future__ import annotations

from typing import Any

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor


def shuffles(graph: LayerGraph) -> LayerGraph:
    """`channel_shuffle`, `pixel_shuffle` and `pixel_unshuffle` for their parts."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None or layer.kind != "reshape" or editor.made_by(Wire(number)) is None:
            continue
        (swapped,) = layer.inputs
        swap = editor.made_by(swapped, "transpose")
        if swap is None or swapped.layer is None or not editor.is_inner(swapped):
            continue
        (split,) = swap.inputs
        first = editor.made_by(split, "reshape")
        if first is None or split.layer is None or not editor.is_inner(split):
            continue
        (x,) = first.inputs
        kind = _kind(
            editor.shape(x), editor.shape(split), list(swap.fields["axes"]),
            editor.shape(Wire(number)),
        )  # fmt: skip
        if kind is None or editor.type_of(x).layout in ("sequence", "signal", "volume"):
            continue
        word, fields = kind
        new = editor.add(word, (x,), (split.layer, swapped.layer, number), **fields)
        if new is not None and editor.shape(new) == editor.shape(Wire(number)):
            editor.replace(Wire(number), new)
    return editor.result()


def _kind(
    before: tuple[int, ...], split: tuple[int, ...], axes: list[int], after: tuple[int, ...]
) -> tuple[str, dict[str, Any]] | None:
    """(Kind, fields) of what a reshape, a transpose and a reshape do to an image."""
    if len(before) != 3 or len(after) != 3:
        return None
    channels, height, width = before
    if axes == [1, 0, 2, 3] and after == before and split[2:] == before[1:]:
        return "channel_shuffle", {"groups": split[0]}
    if len(split) != 5:
        return None
    if axes == [0, 3, 1, 4, 2] and split[1] == split[2] and split[3:] == (height, width):
        factor = split[1]
        if after == (split[0], height * factor, width * factor):
            return "pixel_shuffle", {"factor": factor}
    if axes == [0, 2, 4, 1, 3] and split[2] == split[4] and split[0] == channels:
        factor, rows, columns = split[2], split[1], split[3]
        is_whole = (rows * factor, columns * factor) == (height, width)
        if is_whole and after == (channels * factor * factor, rows, columns):
            return "pixel_unshuffle", {"factor": factor}
    return None
