"""Whether a written spec is the graph that it was written of: layer by layer, before it is kept.

Folding never changes the order of layers, so step i of the network has to be layer i of the graph:
the same kind and fields, precision, inputs and shapes. From that equal mult-adds and params
follow. Not here: whether the layers are what the file says, which their shapes show in mapping.
"""

from __future__ import annotations

from mnet_cost.importing.blocks.leaves import Leaves, axis_of
from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph, Wire
from mnet_cost.importing.paddings import PADDED, always_same, pads_at
from mnet_cost.importing.precisions import precisions_of
from mnet_cost.importing.resolution import layer_of, stores
from mnet_cost.layers.fields import field_values
from mnet_cost.models.calls import known_fields
from mnet_cost.network import Network
from mnet_cost.network.types import Step
from mnet_cost.tensors import TensorType


def difference(network: Network, graph: LayerGraph) -> str | None:
    """The first thing in which a network is not the graph; None where there is none."""
    if len(network.steps) != len(graph.layers):
        return f"{len(network.steps)} layers instead of {len(graph.layers)}"
    precisions = precisions_of(graph)
    for number, (step, own) in enumerate(zip(network.steps, precisions.own, strict=True)):
        stated = None if step.precision is None else step.precision.name
        if stated != (own or precisions.common) and step.layer.has_precision():
            return f"layer {number}: precision {stated} instead of {own or precisions.common}"
    wires: dict[int, Wire] = {index: Wire(None, n) for n, index in enumerate(network.inputs)}
    for number, (step, layer) in enumerate(zip(network.steps, graph.layers, strict=True)):
        for place, output in enumerate(step.outputs):
            wires[output] = Wire(number, place)
        what = _difference_of(network, graph, step, layer, wires)
        if what is not None:
            return f"layer {number} ({', '.join(layer.origin.nodes) or layer.kind}): {what}"
    outputs = tuple([wires[index] for index in network.outputs])
    if outputs != graph.outputs:
        return f"outputs {outputs} instead of {graph.outputs}"
    return None


def other_structure(first: LayerGraph, second: LayerGraph) -> str | None:
    """In what two graphs differ that is no number; None where they do not."""
    leaves, own = Leaves(first, True), Leaves(second, True)
    for number, (a, b) in enumerate(zip(first.layers, second.layers, strict=False)):
        if (a.inputs, a.shares, a.tied_to) != (b.inputs, b.shares, b.tied_to) or (
            leaves.leaf(a).key != own.leaf(b).key
        ):
            nodes = ", ".join(a.origin.nodes) or a.kind
            return f"layer {number} ({nodes}) becomes another one"
    if len(first.layers) != len(second.layers):
        return f"{len(first.layers)} layers become {len(second.layers)}"
    if first.outputs != second.outputs:
        return "the outputs become others"
    return None


def _difference_of(
    network: Network, graph: LayerGraph, step: Step, layer: ImportedLayer, wires: dict[int, Wire]
) -> str | None:
    if step.layer.kind != layer.kind:
        return f"{step.layer.kind} instead of {layer.kind}"
    fields = known_fields(type(step.layer))
    written = {
        name: value
        for name, value in field_values(step.layer).items()
        if value != _plain(fields[name].default)
    }
    given = {
        name: value for name, value in layer.fields.items() if value != _plain(fields[name].default)
    }
    if axis_of(layer, tuple([graph.type_of(wire) for wire in layer.inputs])) is not None:
        written.pop("axis", None)  # compared as a number below
        given.pop("axis", None)
    x = graph.type_of(layer.inputs[0]) if layer.inputs else None
    ours, theirs = _canonical(layer, written, x), _canonical(layer, given, x)
    if ours != theirs:
        return ", ".join(
            f"{name} {ours.get(name)} instead of {theirs.get(name)}"
            for name in sorted(ours.keys() | theirs.keys())
            if ours.get(name) != theirs.get(name)
        )
    given_types = tuple([graph.type_of(wire) for wire in layer.inputs])
    types = tuple([network.tensors[index].type for index in step.inputs])
    own = layer._replace(fields=field_values(step.layer))
    if axis_number(own, types) != axis_number(layer, given_types) or (
        step.layer.needs(types) != layer_of(layer).needs(given_types)
    ):
        return "it works along another axis"
    inputs = tuple([wires[index] for index in step.inputs])
    if inputs != layer.inputs:
        return f"inputs {inputs} instead of {layer.inputs}"
    shares = step.shares if stores(layer, given_types) else None  # `use` of a block: all its layers
    if (shares, step.tied_to) != (layer.shares, layer.tied_to):
        return "other layers that it shares weights with"
    shapes = [network.tensors[index].type.shape for index in step.outputs]
    if shapes != [type_.shape for type_ in layer.types]:
        return f"shapes {shapes} instead of {[type_.shape for type_ in layer.types]}"
    return None


def axis_number(layer: ImportedLayer, inputs: tuple[TensorType, ...]) -> int | None:
    """The axis that a layer works along on inputs of these types; None where it has none."""
    axis = axis_of(layer, inputs)
    return None if axis is None else axis[0]


def _canonical(
    layer: ImportedLayer, fields: dict[str, object], x: TensorType | None
) -> dict[str, object]:
    """Fields where those that are equal on the input `x` are written in one way."""
    canonical: dict[str, object] = {}
    for name, value in fields.items():
        if isinstance(value, list) and name != "shape":
            if name == "padding" and len(value) == 4 and value[::2] == value[1::2]:
                value = value[::2]
            if len({(type(item), item) for item in value}) == 1 and name != "sizes":
                value = value[0]
        canonical[name] = value
    if x is not None and layer.kind in PADDED:
        stated = layer._replace(fields=fields)
        if always_same(stated)[0]:
            canonical.pop("padding", None)
        else:
            canonical["padding"] = pads_at(stated, x) or canonical.get("padding")
    return canonical


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
