"""Which layers of a graph hold numbers that depend on the size of its images.

A graph is relative if it has none: then it can be asked about at any resolution. Each layer is
tried at twice the size by the rules of its own kind. It holds such a number if it does not fit
there, if tensors that it stores would have other shapes, if what it makes stays as large as it was
though its input grew, or if a `-1` in a reshape takes up what is no change of its own axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph, Wire
from mnet_cost.layers import KINDS, Layer
from mnet_cost.models.calls import known_fields
from mnet_cost.network.inference import infer_outputs
from mnet_cost.tensors import RuleViolation, TensorType, axis_names, require

FACTOR = 2

_SHIFT = 2
"""A slice that leaves out so many positions in front, or fewer, does so at any size."""

_STORED = "what it stores has a size of the image"


class ResolutionLiteral(NamedTuple):
    """A layer that is right at one size of the images only."""

    layer: int
    reason: str
    """`shape [49, 768] holds a size of the image`."""
    is_stored: bool = False
    """Whether tensors that it stores have such a size."""


def image_inputs(graph: LayerGraph) -> tuple[int, ...]:
    """Numbers of the inputs that are images, or may be."""
    return tuple(
        [
            number
            for number, declared in enumerate(graph.inputs)
            if len(declared.type.shape) == 3 and declared.type.layout in (None, "input", "image")
        ]
    )


def resolution_literals(graph: LayerGraph) -> tuple[ResolutionLiteral, ...]:
    """The layers that hold a number which depends on the size of the images."""
    images = image_inputs(graph)
    types: dict[Wire, TensorType] = {}
    for number, declared in enumerate(graph.inputs):
        is_image = number in images
        types[Wire(None, number)] = _larger(declared.type, FACTOR) if is_image else declared.type
    return tuple(_literals(graph, types))


def resized(graph: LayerGraph, factor: int = FACTOR) -> LayerGraph | None:
    """The same layers on images `factor` times as high and wide; None where they do not fit."""
    images = image_inputs(graph)
    inputs = tuple(
        [
            declared._replace(type=_larger(declared.type, factor)) if number in images else declared
            for number, declared in enumerate(graph.inputs)
        ]
    )
    types = {Wire(None, number): declared.type for number, declared in enumerate(inputs)}
    layers = []
    for number, layer in enumerate(graph.layers):
        try:
            made = infer_outputs(
                layer_of(layer), tuple([types[wire] for wire in layer.inputs]), require
            )
        except RuleViolation:
            return None
        for place, type_ in enumerate(made):
            types[Wire(number, place)] = type_
        layers.append(layer._replace(types=made))
    return graph._replace(inputs=inputs, layers=tuple(layers))


def _larger(type_: TensorType, factor: int) -> TensorType:
    *front, height, width = type_.shape
    return TensorType((*front, factor * height, factor * width), type_.dtype, type_.layout)


def _literals(graph: LayerGraph, types: dict[Wire, TensorType]) -> Iterator[ResolutionLiteral]:
    for number, layer in enumerate(graph.layers):
        before = tuple([graph.type_of(wire) for wire in layer.inputs])
        after = tuple([types[wire] for wire in layer.inputs])
        made = layer_of(layer)
        reason, outputs = None, layer.types
        if any(a.shape != b.shape for a, b in zip(before, after, strict=True)):
            reason = _reason(layer, made, before, after)
            if reason is None:
                try:
                    outputs = infer_outputs(made, after, require)
                except RuleViolation as violation:
                    reason = str(violation)
        if reason is not None:
            yield ResolutionLiteral(number, reason, reason == _STORED)
        for place, type_ in enumerate(outputs):
            types[Wire(number, place)] = type_


def layer_of(layer: ImportedLayer) -> Layer:
    """The layer with its fields converted, as elaboration makes it."""
    kind = KINDS[layer.kind]
    known = known_fields(kind)
    fields = {
        name: known[name].kind.convert(value, require) for name, value in layer.fields.items()
    }
    return kind(**fields)


def stores(layer: ImportedLayer, inputs: tuple[TensorType, ...]) -> bool:
    """Whether a layer stores something, trained or not: what `use` shares."""
    work = layer_of(layer).work(inputs, layer.types[0])
    return work is None or bool(work.params or work.buffers)


def _reason(
    layer: ImportedLayer,
    made: Layer,
    before: tuple[TensorType, ...],
    after: tuple[TensorType, ...],
) -> str | None:
    """Why a layer that fits at both sizes is right at one of them only; None if it is not so."""
    if made.needs(before) != made.needs(after):
        return _STORED
    fields: dict[str, Any] = dict(layer.fields)
    x, y = before[0], after[0]
    if layer.kind == "reshape":
        if not reshapes_alike(x.shape, y.shape, fields["shape"]):
            return f"shape {fields['shape']} holds a size of the image"
    elif layer.kind == "resize" and fields.get("size") is not None:
        return f"size {fields['size']}"
    elif layer.kind in ("window_merge", "to_image"):
        return f"height {fields['height']}"
    elif layer.kind == "slice":
        stop = fields.get("stop")
        is_end = stop is not None and stop > 0
        start = fields.get("start", 0)
        is_start = start < 0 or start > max(fields.get("step", 1), _SHIFT)
        if (is_end or is_start) and _grows(fields.get("axis"), x, y):
            return f"it is cut at {stop if is_end else start}"
    elif layer.kind == "pad" and fields.get("mode", "constant") == "constant":
        if fields.get("padding") and x.shape[-2:] != y.shape[-2:]:
            return f"padding {fields['padding']}, which may make up a multiple"
    elif _is_uneven(fields.get("padding")):
        return f"padding {fields['padding']}, which may be that of one size"
    elif layer.kind == "split" and fields.get("sizes") and _grows(fields.get("axis"), x, y):
        return f"parts of {fields['sizes']}"
    elif layer.kind == "opaque" and not _follows_inputs(fields.get("shape")):
        return f"shape {fields['shape']}"
    elif layer.kind == "avg_pool2d" and _covers(fields, x) and not _covers(fields, y):
        return "its window is the whole image"
    return None


def _is_uneven(padding: Any) -> bool:
    """Whether a window has more padding behind than in front, as `same` has at some sizes."""
    if not isinstance(padding, list) or len(padding) < 4:
        return False
    return any(padding[i] != padding[i + 1] for i in range(0, len(padding), 2))


def reshapes_alike(before: Sequence[int], after: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether a reshape to `shape` does with sizes `after` what it does with sizes `before`."""
    known = 1
    for size in shape:
        known *= size if size != -1 else 1
    elements, grown = prod(before), prod(after)
    if grown % known or (-1 not in shape and grown != known):
        return False
    old = [elements // known if size == -1 else size for size in shape]
    new = [grown // known if size == -1 else size for size in shape]
    return views_alike(before, after, old, new)


def views_alike(
    before: Sequence[int], after: Sequence[int], old: Sequence[int], new: Sequence[int]
) -> bool:
    """Whether a reshape from `after` to `new` is that from `before` to `old`, at other sizes.

    Axes are taken in groups that have as many elements before the reshape as after it. In each
    group that has to stay so: then only a `-1` whose own axes have grown grows.
    """
    i = j = 0
    while i < len(before) or j < len(old):
        a, b, c, d = 1, 1, 1, 1
        while True:
            if a <= b and i < len(before):
                a, c, i = a * before[i], c * after[i], i + 1
            elif j < len(old):
                b, d, j = b * old[j], d * new[j], j + 1
            elif i < len(before):
                a, c, i = a * before[i], c * after[i], i + 1
            if a == b and (a > 1 or (i == len(before) and j == len(old))):
                break
            if i == len(before) and j == len(old):
                break
        if c != d:
            return False
    return True


def _grows(axis: Any, x: TensorType, y: TensorType) -> bool:
    """Whether an axis is longer in `y`; the default of a slice or split is the channels."""
    rank = len(x.shape)
    names = axis_names(rank, x.layout)
    if axis is None:
        axis = "channels" if "channels" in names else "features"
    at = axis if isinstance(axis, int) else names.index(axis) - len(names) if axis in names else -1
    return bool(x.shape[at] != y.shape[at])


def _follows_inputs(shape: Any) -> bool:
    """Whether the shape of an opaque layer is written as that of its input."""
    return shape is None or isinstance(shape, str) or any(isinstance(s, str) for s in shape)


def _covers(fields: dict[str, Any], x: TensorType) -> bool:
    kernel = fields["kernel"]
    sizes = kernel if isinstance(kernel, list) else [kernel, kernel]
    return tuple(sizes) == tuple(x.shape[-2:])
