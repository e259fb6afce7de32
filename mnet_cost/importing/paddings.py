"""Paddings of convolutions and pools: in numbers, and whether they are `same` by another name.

`same` is a number on both sides at a stride of 1. At others it depends on the size of the input,
and TensorFlow's puts the odd row or column behind: then files state uneven numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mnet_cost.importing.layer_graph import ImportedLayer
from mnet_cost.layers.base import on_each_axis
from mnet_cost.layers.conv import ends
from mnet_cost.tensors import TensorType

PADDED = frozenset(
    ("conv2d", "depthwise_conv2d", "conv1d", "conv3d", "dynamic_conv2d", "max_pool2d")
)
"""Kinds where numbers of `padding` can be the same thing as the word `same`."""

_AXES = {"conv1d": 1, "conv3d": 3}

Pads = tuple[tuple[int, int], ...]
"""(Before, after) along each axis."""


def pads_at(layer: ImportedLayer, x: TensorType) -> Pads | None:
    """The padding of a layer on an input, in numbers; None where its kernel is an input, too."""
    padding = layer.fields.get("padding", "same")
    if padding == "same":
        return _same_at(layer, x)
    if "kernel" not in layer.fields:
        return None
    given = tuple(padding) if isinstance(padding, list) else padding
    return ends(given, _AXES.get(layer.kind, 2))


def is_same_at(layer: ImportedLayer, x: TensorType) -> bool:
    """Whether the padding of a layer is what `same` is on this input."""
    pads = pads_at(layer, x)
    return pads is not None and pads == _same_at(layer, x)


def is_uneven(layer: ImportedLayer) -> bool:
    """Whether numbers of the padding differ before and after along some axis."""
    padding = layer.fields.get("padding")
    if not isinstance(padding, list):
        return False
    return any(a != b for a, b in ends(tuple(padding), _AXES.get(layer.kind, 2)))


def always_same(layer: ImportedLayer) -> tuple[bool, Any]:
    """(Whether its padding is `same`, whatever the size of the input; that padding in numbers).

    With a stride of 1, or a kernel of 1, `same` is a number on both sides.
    """
    if layer.kind not in PADDED or "kernel" not in layer.fields:
        return False, None
    wanted = []
    for k, s, d in _windows(layer):
        if (s != 1 and k != 1) or d * (k - 1) % 2:
            return False, None
        wanted.append(d * (k - 1) // 2)
    number: Any = wanted[0] if len(set(wanted)) == 1 else wanted
    padding = layer.fields.get("padding", "same")
    if padding == "same":
        return True, number
    given = tuple(padding) if isinstance(padding, list) else padding
    return ends(given, len(wanted)) == tuple([(each, each) for each in wanted]), number


def writes_same(layers: Iterable[tuple[ImportedLayer, TensorType]]) -> bool:
    """Whether layers on their inputs pad as TensorFlow does where `same` is no number."""
    words = numbers = 0
    for layer, x in layers:
        if layer.kind in PADDED and not always_same(layer)[0]:
            is_same = layer.fields.get("padding", "same") == "same" or is_same_at(layer, x)
            words += is_same and (is_uneven(layer) or "padding" not in layer.fields)
            numbers += not is_same
    return words > numbers


def _same_at(layer: ImportedLayer, x: TensorType) -> Pads | None:
    if "kernel" not in layer.fields:
        return None
    sizes = x.shape[-_AXES.get(layer.kind, 2) :]
    pads = []
    for size, (k, s, d) in zip(sizes, _windows(layer), strict=True):
        needed = max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
        pads.append((needed // 2, needed - needed // 2))
    return tuple(pads)


def _windows(layer: ImportedLayer) -> list[tuple[int, int, int]]:
    """(Kernel, stride, dilation) along each axis."""
    axes = _AXES.get(layer.kind, 2)
    parts = []
    for name in ("kernel", "stride", "dilation"):
        value = layer.fields.get(name, 1)
        parts.append(on_each_axis(tuple(value) if isinstance(value, list) else value, axes))
    return list(zip(*parts, strict=True))
