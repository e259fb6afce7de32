"""Model files of other tools by their endings: which reader each has, and the spec of a file.

Nothing of a file is run. A spec that is read here has the layers of the file one after the other;
`imports.py` folds them into blocks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

from mnet_cost.errors import ModelFileError, Problem, one_of
from mnet_cost.importing.flat import layer_data
from mnet_cost.importing.graph import Batch, Dialect, Graph, Tensor
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.mapper import map_graph
from mnet_cost.importing.patterns import recognized
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.models.types import ModelSpec


class Format(NamedTuple):
    """A format of model files."""

    reader: str
    """Module and function that make a `Graph` of a path; imported when a file needs it."""


FORMATS: Mapping[str, Format] = {
    ".onnx": Format("onnx.read_onnx"),
    ".pt2": Format("pt2.read_pt2"),
    ".tflite": Format("tflite.read_tflite"),
    ".param": Format("ncnn.read_ncnn"),
    ".keras": Format("keras.read_keras"),
}
"""By the ending of the file."""


def read_graph(path: str | os.PathLike[str]) -> Graph:
    """The graph of operators in a file; its ending says which format it has.

    Raises `ModelFileError` for a file that cannot be read, or is of another format.
    """
    name = os.fsdecode(path)
    form = FORMATS.get(os.path.splitext(name)[1].lower())
    if form is None:
        raise ModelFileError(
            Problem(
                f"{name}: the ending says what a model file is: {one_of(list(FORMATS))}",
                hint="a PyTorch module is named by what makes it: torchvision.models:resnet50",
            )
        )
    module, _, function = form.reader.partition(".")
    read: Callable[[str], Graph] = getattr(
        import_module(f"mnet_cost.importing.readers.{module}"), function
    )
    return read(name)


_IMAGE_AXES: Mapping[Dialect, tuple[int, int]] = {"tflite": (1, 2), "keras": (1, 2)}
"""Which axes of an input of four are height and width, where they are not the last two."""


def with_images(
    graph: Graph, shapes: Mapping[str, Sequence[int]], height: int, width: int
) -> tuple[Graph, dict[str, tuple[int, ...]]]:
    """The graph of a file on images of another size, without what the file states of sizes.

    Its second part is `shapes`, which states sizes of inputs, with that size. Whether the operators
    fit there, and what they make, is for mapping to say.
    """
    rows, columns = _IMAGE_AXES.get(graph.dialect, (2, 3))

    def of_size(shape: Sequence[Any]) -> tuple[Any, ...]:
        changed = list(shape)
        if len(shape) == 4:
            changed[rows], changed[columns] = height, width
        return tuple(changed)

    inputs = [
        tensor._replace(shape=None if tensor.shape is None else of_size(tensor.shape))
        for tensor in graph.inputs
    ]
    changed = graph._replace(
        inputs=tuple(inputs),
        outputs=tuple(map(_open, graph.outputs)),
        tensors={name: _open(tensor) for name, tensor in graph.tensors.items()},
    )
    return changed, {name: of_size(shape) for name, shape in shapes.items()}


def _open(tensor: Tensor) -> Tensor:
    """A tensor of which the number of axes is stated alone."""
    if tensor.shape is None:
        return tensor
    sizes = [size if isinstance(size, Batch) else "?" for size in tensor.shape]
    return tensor._replace(shape=tuple(sizes))


_MAPPERS: Mapping[Dialect, str] = {
    "tflite": "map_tflite",
    "ncnn": "map_ncnn",
    "keras": "map_keras",
}
"""Dialects whose graphs are changed before their nodes are mapped, or whose layers afterwards: the
function that does all of it."""


def layers_of(
    graph: Graph,
    shapes: Mapping[str, Sequence[int]] | None = None,
    has_batch: bool = True,
    sizes: Mapping[str, int] | None = None,
) -> LayerGraph:
    """The layers of a graph, one to one; arguments as `map_graph`."""
    module = import_module(f"mnet_cost.importing.mapping.{graph.dialect}")
    mapper: Callable[..., LayerGraph]
    if graph.dialect in _MAPPERS:
        mapper = getattr(module, _MAPPERS[graph.dialect])
    else:
        mapper = partial(map_graph, table=module.TABLE)
    layers = mapper(graph, shapes=shapes, has_batch=has_batch, sizes=sizes)
    if not layers.layers:
        raise ModelFileError(f"{graph.source}: has no layers: its outputs are its inputs")
    return layers


def read_spec(path: str, sizes: dict[str, Any]) -> ModelSpec:
    """The model in a file, layer by layer, with joined patterns and without blocks.

    `sizes` are sizes that the file leaves open, by its symbols, and shapes of inputs by their names
    (`1x3x224x224`); those are taken out of it.
    """
    graph = read_graph(path)
    names = {tensor.name for tensor in graph.inputs}
    shapes = {
        name: _shape(path, name, sizes.pop(name))
        for name in list(sizes)
        if name in names and isinstance(sizes[name], str)
    }
    symbols = {size for x in graph.inputs for size in x.shape or () if isinstance(size, str)}
    given = {name: sizes.pop(name) for name in list(sizes) if name in symbols}
    for name, size in given.items():
        if type(size) is not int or size < 1:
            raise ModelFileError(f"{path}: the size `{name}` is a whole number, not {size}")
    return spec_of(recognized(layers_of(graph, shapes, sizes=given)), path)


def _shape(path: str, name: str, text: str) -> tuple[int, ...]:
    sizes = text.split("x")
    if not all(size.isdecimal() and int(size) for size in sizes):
        raise ModelFileError(
            Problem(
                f"{path}: `{text}` is no shape of the input `{name}`",
                hint=f"write the batch first: {path}@{name}=1x3x224x224",
            )
        )
    return tuple([int(size) for size in sizes])


def spec_of(layers: LayerGraph, path: str) -> ModelSpec:
    """A spec with an entry for each layer, which is called as its node is in the file."""
    data = layer_data(layers)
    spec = spec_from_data(data, path)
    entries = zip(data["layers"], layers.layers, strict=True)
    spec.origins = {entry["id"]: layer.origin for entry, layer in entries}
    return spec
