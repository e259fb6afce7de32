"""A graph of layers as plain data of a spec without blocks: what analyzing a file needs.

Each layer has an entry, called as its node is in the file, with its fields as mapping gave them.
What a spec says beside its layers is made here for folded ones as well. Not here: what a person
would leave out of an entry, and blocks (`write.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnet_cost.importing.layer_graph import ImportedInput, LayerGraph, Wire
from mnet_cost.importing.legal_names import NOT_ENTRIES, legal, unique
from mnet_cost.importing.precisions import Precisions, precisions_of
from mnet_cost.tensors import LAYOUTS

Data = dict[str, Any]
Sizes = Mapping[tuple[int, int], str]
"""The text of a size of an input, by (number of the input, axis)."""


def layer_data(graph: LayerGraph) -> Data:
    """Plain data of a spec with an entry for each layer; each has an `id`."""
    precisions, inputs = precisions_of(graph), names_of_inputs(graph.inputs)
    data = heading(graph, precisions) | {"input": input_data(graph.inputs, inputs, {})}
    wishes = {number: wish_of(layer.origin.nodes) for number, layer in enumerate(graph.layers)}
    ids = unique(wishes, {*inputs, *NOT_ENTRIES})

    def name_of(wire: Wire) -> str:
        if wire.layer is None:
            return inputs[wire.number] if len(inputs) > 1 else "input"
        name = ids[wire.layer]
        return name if len(graph.layers[wire.layer].types) == 1 else f"{name}.{wire.number}"

    entries = []
    previous = Wire(None) if len(inputs) == 1 else None
    for number, layer in enumerate(graph.layers):
        entry: Data = {"id": ids[number]}
        if layer.shares is not None:
            entry["use"] = ids[layer.shares]
        else:
            entry[layer.kind] = dict(layer.fields)
        if layer.inputs and layer.inputs != (previous,):
            sources = [name_of(wire) for wire in layer.inputs]
            entry["from"] = sources if len(sources) > 1 else sources[0]
        if layer.tied_to is not None:
            entry["weights_of"] = ids[layer.tied_to]
        if layer.shares is None and precisions.own[number] is not None:
            entry["precision"] = precisions.own[number]
        entries.append(entry)
        previous = Wire(number) if len(layer.types) == 1 else None
    data["layers"] = entries
    if graph.outputs != (Wire(len(graph.layers) - 1),):
        data["outputs"] = [name_of(wire) for wire in graph.outputs]
    return data


def heading(graph: LayerGraph, precisions: Precisions) -> Data:
    """What a spec says before its inputs."""
    source = "; ".join((graph.source, *graph.notes))
    data: Data = {"format": 1, "name": graph.name, "source": source}
    if precisions.common is not None:
        data["precision"] = precisions.common
    return data


def wish_of(nodes: Sequence[str]) -> str:
    """What an entry for these nodes of a file would best be called."""
    return (legal(nodes[-1]) if nodes else None) or "layer"


def names_of_inputs(inputs: Sequence[ImportedInput]) -> tuple[str, ...]:
    """What the inputs of a model are called in its spec."""
    names: list[str] = []
    for number, declared in enumerate(inputs):
        name = legal(declared.name, names) or f"input{number + 1}"
        if name in ("input_", "input", "previous_") and len(inputs) == 1:
            name = "image" if len(declared.type.shape) == 3 else "x"
        names.append(name)
    return tuple(names)


def input_data(inputs: Sequence[ImportedInput], names: Sequence[str], sizes: Sizes) -> Data:
    """The inputs of a spec, by name."""
    return {
        name: _input(declared, number, sizes)
        for number, (name, declared) in enumerate(zip(names, inputs, strict=True))
    }


def _input(declared: ImportedInput, number: int, sizes: Sizes) -> Any:
    type_ = declared.type
    shape = [sizes.get((number, axis), size) for axis, size in enumerate(type_.shape)]
    if type_.dtype is None and type_.layout not in LAYOUTS:
        return shape
    data: Data = {"shape": shape}
    if type_.dtype is not None:
        data["dtype"] = type_.dtype.name
    if type_.layout in LAYOUTS:
        data["layout"] = type_.layout
    return data
