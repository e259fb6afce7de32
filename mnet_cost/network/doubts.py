"""Which doubts about the axes of tensors are left once the whole network is there.

A layer that takes what may be a stack of sequences for an image is in doubt when it is placed. The
tensors that hold the same axes, layer after layer, are looked at together: a convolution that reads
one of them says what all of them are. Where a layer that reads sequences says so instead, the guess
was wrong, and counts rest on it: that is no network. What is left is said once for them. Not here:
what is in doubt about one layer alone (`layers/axes.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mnet_cost.layers import Layer
from mnet_cost.layers.axes import Doubt, named_layout, says_image, says_sequence
from mnet_cost.models.types import Entry
from mnet_cost.network.frames import Frame
from mnet_cost.network.types import Step, Tensor


class Noted(NamedTuple):
    """A doubt about one input of a layer, where it was placed."""

    frame: Frame
    entry: Entry
    layer: Layer
    tensor: int
    doubt: Doubt


class Wrong(NamedTuple):
    """A guess of an image that some layer, `reader`, reads as sequences, and none as an image."""

    noted: Noted
    reader: Step


def judge(
    noted: Sequence[Noted], steps: Sequence[Step], tensors: Sequence[Tensor]
) -> tuple[list[Noted], list[Wrong]]:
    """(What nothing in the network settles, what is wrong) of `noted`; linear in its size."""
    group = _groups(steps, len(tensors))
    images, sequences = set[int](), set[int]()
    readers: dict[int, Step] = {}
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
            elif says_sequence(step.layer) and len(tensors[index].type.shape) >= 3:
                sequences.add(group[index])
                readers.setdefault(group[index], step)
    silent = images - sequences
    left, wrong = [], []
    for doubtful in noted:
        if doubtful.doubt.is_guess:
            root = group[doubtful.tensor]
            if root in silent:
                continue
            if root in readers and root not in images:
                wrong.append(Wrong(doubtful, readers[root]))
                continue
            silent.add(root)
        left.append(doubtful)
    return left, wrong


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
