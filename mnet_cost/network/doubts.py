"""Which doubts about the axes of tensors are left once the whole network is there.

A layer that takes what may be a stack of sequences for an image is in doubt when it is placed. The
tensors that hold the same axes, layer after layer, are looked at together: a convolution that reads
one of them says what all of them are. What is left is said once for them. Not here: what is in
doubt about one layer alone (`layers/axes.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mnet_cost.layers import Layer
from mnet_cost.layers.axes import Doubt, named_layout, says_image, says_sequence
from mnet_cost.models.types import Entry
from mnet_cost.network.scopes import Frame
from mnet_cost.network.types import Step, Tensor


class Noted(NamedTuple):
    """A doubt about one input of a layer, where it was placed."""

    frame: Frame
    entry: Entry
    layer: Layer
    tensor: int
    doubt: Doubt


def unsettled(
    noted: Sequence[Noted], steps: Sequence[Step], tensors: Sequence[Tensor]
) -> list[Noted]:
    """Those of `noted` that nothing in the network settles; linear in its size."""
    group = _groups(steps, len(tensors))
    images, sequences = set[int](), set[int]()
    for index, tensor in enumerate(tensors):
        layer = None if tensor.producer is None else steps[tensor.producer].layer
        if layer is None or not _keeps_axes(layer):
            layout = tensor.type.layout
        else:
            layout = named_layout(getattr(layer, "axis", None), None)
        if layout == "image":
            images.add(group[index])
        elif layout == "sequence":
            sequences.add(group[index])
    for step in steps:
        for index in step.inputs:
            if says_image(step.layer, tensors[index].type):
                images.add(group[index])
            elif says_sequence(step.layer):
                sequences.add(group[index])
    silent = images - sequences
    left = []
    for one in noted:
        if one.doubt.is_guess:
            if group[one.tensor] in silent:
                continue
            silent.add(group[one.tensor])
        left.append(one)
    return left


def _keeps_axes(layer: Layer) -> bool:
    """Whether the axes of the output are what those of the inputs are, for all the layer says."""
    return layer.makes == "same" or layer.reads == "channels"


def _groups(steps: Sequence[Step], count: int) -> list[int]:
    """Of each tensor one that has the same axes as it, the same one for all of them."""
    parent = list(range(count))

    def find(index: int) -> int:
        while parent[index] != index:
            parent[index] = index = parent[parent[index]]
        return index

    for step in steps:
        if step.inputs and _keeps_axes(step.layer):
            root = find(step.inputs[0])
            for index in (*step.inputs[1:], *step.outputs):
                parent[find(index)] = root
    return [find(index) for index in range(count)]
