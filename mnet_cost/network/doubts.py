"""Which doubts about the axes of tensors are left when the whole network is known.

A layer may treat a tensor as an image that may be a stack of sequences. That is a doubt when the
layer is placed. Tensors that have the same axes, layer after layer, form a group. A convolution
that reads one of them proves that all are images. If only layers of sequences, signals or volumes
read them, the guess was wrong, and so are the counts: that is an error. Each group that is still in
doubt gets one warning; two axes are a sequence without a doubt, unless a layer reads them as a
signal. Not here: doubts about one layer alone (`layers/axes.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mnet_cost.layers import Layer
from mnet_cost.layers.axes import Doubt, named_layout, read_as, says_image
from mnet_cost.models.types import Entry
from mnet_cost.network.frames import Frame
from mnet_cost.network.types import Step, Tensor
from mnet_cost.tensors import LAYOUTS


class Noted(NamedTuple):
    """A doubt about one input of a layer, where it was placed."""

    frame: Frame
    entry: Entry
    layer: Layer
    tensor: int
    doubt: Doubt


class Wrong(NamedTuple):
    """A guess of an image or a sequence, where the layer `reader` reads something else, and no
    layer reads an image."""

    noted: Noted
    reader: Step


def judge(
    noted: Sequence[Noted], steps: Sequence[Step], tensors: Sequence[Tensor]
) -> tuple[list[Noted], list[Wrong]]:
    """(doubts that nothing in the network settles, wrong guesses) among `noted`, in linear time."""
    group = _groups(steps, len(tensors))
    images, others, signals = set[int](), set[int](), set[int]()
    readers: dict[int, Step] = {}
    for index, tensor in enumerate(tensors):
        layer = None if tensor.producer is None else steps[tensor.producer].layer
        if layer is None or not _keeps_axes(layer):
            layout = tensor.type.layout
        else:
            layout = named_layout(getattr(layer, "axis", None), None)
        if layout == "image":
            images.add(group[index])
        elif layout in LAYOUTS:
            others.add(group[index])
    for step in steps:
        for index in step.inputs[: step.layer.laid_out_inputs(len(step.inputs))]:
            if says_image(step.layer, tensors[index].type):
                images.add(group[index])
            elif (layout := read_as(step.layer)) is not None:
                if len(tensors[index].type.shape) >= 3 or layout == "signal":
                    others.add(group[index])
                    readers.setdefault(group[index], step)
                if layout == "signal":
                    signals.add(group[index])
    silent = images - others
    left, wrong = [], []
    for doubtful in noted:
        if doubtful.doubt.guess is not None:
            root = group[doubtful.tensor]
            is_sequence = doubtful.doubt.guess == "sequence"
            if root in silent or (is_sequence and root not in signals):
                continue
            if root in readers and root not in images:
                wrong.append(Wrong(doubtful, readers[root]))
                continue
            silent.add(root)
        left.append(doubtful)
    return left, wrong


def _keeps_axes(layer: Layer) -> bool:
    """Whether the layer leaves the meaning of the axes as it is in the inputs."""
    return layer.makes == "same" or layer.reads == "channels"


def _groups(steps: Sequence[Step], count: int) -> list[int]:
    """For each tensor the index of its group: tensors with the same axes have the same index."""
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
