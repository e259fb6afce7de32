"""Graphs of layers for tests: made of our own networks, or by hand."""

from __future__ import annotations

from typing import Any

from mnet_cost.importing.layer_graph import (
    ImportedInput,
    ImportedLayer,
    LayerGraph,
    Wire,
)
from mnet_cost.importing.patterns import PASSES
from mnet_cost.layers import KINDS, Layer
from mnet_cost.layers.fields import field_values, fields_of
from mnet_cost.models.library import load_model
from mnet_cost.models.types import Origin, Scope
from mnet_cost.network import Network, elaborate
from mnet_cost.network.inference import infer_outputs
from mnet_cost.tensors import TensorType, require


def library_graph(name: str, scopes: bool = False, **knobs: Any) -> LayerGraph:
    """A network of the library as a graph, with blocks as modules if `scopes`."""
    model = load_model(name)
    return graph_of(elaborate(model.spec, {**model.knobs, **knobs}), scopes)


def graph_of(network: Network, scopes: bool = False) -> LayerGraph:
    """A network as a graph, one layer for each step."""
    wires = {index: Wire(None, number) for number, index in enumerate(network.inputs)}
    layers = []
    for number, step in enumerate(network.steps):
        for place, output in enumerate(step.outputs):
            wires[output] = Wire(number, place)
        layers.append(
            ImportedLayer(
                step.layer.kind,
                stated_fields(step.layer),
                tuple([wires[index] for index in step.inputs]),
                tuple([network.tensors[output].type for output in step.outputs]),
                Origin(
                    (step.name,),
                    (network.tensors[step.output].name,),
                    scopes_of(network, step.block_path) if scopes else (),
                ),
                step.shares,
                step.tied_to,
            )
        )
    inputs = [network.tensors[index] for index in network.inputs]
    return LayerGraph(
        network.spec.title.replace(":", "_"),
        "library",
        tuple([ImportedInput(tensor.name, tensor.type) for tensor in inputs]),
        tuple(layers),
        tuple([wires[index] for index in network.outputs]),
    )


def stated_fields(layer: Layer) -> dict[str, Any]:
    """The fields of a layer that a spec has to state."""
    fields = fields_of(type(layer))
    stated = {}
    for name, value in field_values(layer).items():
        default = fields[name].default
        default = list(default) if isinstance(default, tuple) else default
        if fields[name].required or value != default:
            stated[name] = value
    return stated


def scopes_of(network: Network, path: str) -> tuple[Scope, ...]:
    """Blocks around a step as modules; the class of `inverted_residual` is `InvertedResidual`."""
    scopes = []
    parts = path.split(".") if path else []
    for count in range(1, len(parts) + 1):
        call = network.calls.get(".".join(parts[:count]))
        if call is not None:
            words = "Sequential" if call.block == "group" else call.block
            name = "".join(word[:1].upper() + word[1:] for word in words.split("_"))
            scopes.append(Scope(call.path, name))
    return tuple(scopes)


def with_all_passes(graph: LayerGraph) -> LayerGraph:
    """The graph after all passes, those among them that find nothing they look for."""
    after = graph
    for each in PASSES:
        after = each.run(after)
    return after if after.layers else graph


class Layers:
    """Makes a graph layer by layer: `x = layers.add("conv2d", x, channels=8, kernel=3)`."""

    def __init__(self, *shapes: tuple[int, ...], **layouts: Any) -> None:
        self.inputs = tuple(
            [
                ImportedInput(f"x{number}" if number else "x", TensorType(shape, None, "input"))
                for number, shape in enumerate(shapes)
            ]
        )
        self.layers: list[ImportedLayer] = []
        self.scopes: tuple[Scope, ...] = ()

    def input(self, number: int = 0) -> Wire:
        """An input of the graph."""
        return Wire(None, number)

    def add(self, kind: str, *inputs: Wire, **fields: Any) -> Wire:
        """Add a layer; its first output. Types are those of our own rules."""
        graph = self.graph()
        kind_class = KINDS[kind]
        known = fields_of(kind_class)
        converted = {
            name: known[name].kind.convert(value, require) for name, value in fields.items()
        }
        layer = kind_class(**converted)
        types = infer_outputs(layer, tuple([graph.type_of(wire) for wire in inputs]), require)
        number = len(self.layers)
        self.layers.append(
            ImportedLayer(
                layer.kind,
                stated_fields(layer),
                inputs,
                types,
                Origin((f"node_{number}",), (f"t{number}",), self.scopes),
            )
        )
        return Wire(number)

    def graph(self, *outputs: Wire) -> LayerGraph:
        """The graph; its output is the last layer unless others are named."""
        last = (Wire(len(self.layers) - 1),) if self.layers else ()
        return LayerGraph("made", "by hand", self.inputs, tuple(self.layers), outputs or last)
