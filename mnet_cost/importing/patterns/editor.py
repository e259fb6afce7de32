"""A graph of layers while a pattern rewrites it.

Layers have numbers that stay: those of the graph, and new ones after them. A new layer stands where
the last of those it replaces stood. What nobody reads any more is left out at the end, and all
types are inferred anew by the rules of the kinds, so a rewrite that changes a shape is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph, Wire
from mnet_cost.layers import KINDS
from mnet_cost.models.calls import known_fields
from mnet_cost.models.types import Origin
from mnet_cost.network.inference import infer_outputs
from mnet_cost.tensors import RuleViolation, TensorType, require


class Editor:
    """The layers of a graph by number, who reads what, and what was replaced."""

    def __init__(self, graph: LayerGraph, keeps_new: bool = False) -> None:
        """With `keeps_new`, new layers stay until the end although nobody reads them yet."""
        self.graph = graph
        self._keeps_new = keeps_new
        self._replaced: dict[Wire, Wire] = {}
        self.layers: dict[int, ImportedLayer] = dict(enumerate(graph.layers))
        self.outputs = list(graph.outputs)
        self._places: dict[int, tuple[int, int]] = {n: (n, 0) for n in self.layers}
        self._readers: dict[Wire, list[int]] = {}
        for number, layer in self.layers.items():
            for wire in layer.inputs:
                self._readers.setdefault(wire, []).append(number)
        self._fixed = {
            other
            for layer in graph.layers
            for other in (layer.shares, layer.tied_to)
            if other is not None
        } | {
            number
            for number, layer in self.layers.items()
            if layer.shares is not None or layer.tied_to is not None
        }
        self._unread = {
            number for number, layer in self.layers.items() if not self._is_read(number, layer)
        }
        self.changed = False

    # --- looking

    def current(self, wire: Wire) -> Wire:
        """The tensor that is there now for one that may have been replaced."""
        while wire in self._replaced:
            wire = self._replaced[wire]
        return wire

    def type_of(self, wire: Wire) -> TensorType:
        """The type of a tensor."""
        if wire.layer is None:
            return self.graph.inputs[wire.number].type
        return self.layers[wire.layer].types[wire.number]

    def shape(self, wire: Wire) -> tuple[int, ...]:
        """The shape of a tensor, for one example."""
        return self.type_of(wire).shape

    def made_by(self, wire: Wire, *kinds: str) -> ImportedLayer | None:
        """The layer that makes a tensor, if it is of one of the kinds and shares nothing."""
        if wire.layer is None or wire.layer in self._fixed:
            return None
        layer = self.layers[wire.layer]
        return layer if not kinds or layer.kind in kinds else None

    def readers(self, wire: Wire) -> list[int]:
        """Numbers of the layers that read a tensor, once for each time."""
        return self._readers.get(wire, [])

    def is_inner(self, wire: Wire, count: int = 1) -> bool:
        """Whether a tensor is read so many times, and is no output of the model."""
        return len(self.readers(wire)) == count and wire not in self.outputs

    def operation(self, wire: Wire, *operations: str) -> ImportedLayer | None:
        """The `elementwise` layer that makes a tensor, if it has one of the operations."""
        layer = self.made_by(wire, "elementwise")
        return layer if layer is not None and layer.fields["operation"] in operations else None

    # --- changing

    def add(
        self, kind: str, inputs: Iterable[Wire], replaced: Iterable[int], **fields: Any
    ) -> Wire | None:
        """Add a layer in place of others; its first output. None where it would not fit.

        Fields that have their default are left out. Its origin is that of all it replaces.
        """
        inputs, numbers = tuple(inputs), sorted(set(replaced))
        known = known_fields(KINDS[kind])
        stated = {
            name: value
            for name, value in fields.items()
            if known[name].required or value != known[name].default
        }
        types = self._types(kind, stated, inputs)
        if types is None:
            return None
        number = max(self.layers) + 1
        origins = [self.layers[old].origin for old in numbers]
        last = origins[-1]
        common = last.scopes
        for origin in origins:
            length = 0
            while length < min(len(common), len(origin.scopes)) and (
                common[length] == origin.scopes[length]
            ):
                length += 1
            common = common[:length]
        origin = Origin(
            tuple(dict.fromkeys(node for each in origins for node in each.nodes)),
            last.tensors,
            common,
        )
        precision = self.layers[numbers[-1]].precision
        self.layers[number] = ImportedLayer(
            kind, stated, inputs, types, origin, precision=precision
        )
        self._places[number] = (self._places[numbers[-1]][0], number)
        for wire in inputs:
            self._readers.setdefault(wire, []).append(number)
        return Wire(number)

    def replace(self, old: Wire, new: Wire) -> None:
        """Let all who read a tensor read another one of the same shape."""
        assert self.shape(old) == self.shape(new), "a pattern keeps shapes"
        self._replaced[old] = new
        for number in self._readers.pop(old, []):
            layer = self.layers[number]
            inputs = tuple([new if wire == old else wire for wire in layer.inputs])
            if inputs != layer.inputs:
                self.layers[number] = layer._replace(inputs=inputs)
            self._readers.setdefault(new, []).append(number)
        self.outputs = [new if wire == old else wire for wire in self.outputs]
        self.changed = True
        if old.layer is not None:
            self._drop(old.layer)

    def is_unread(self, number: int) -> bool:
        """Whether nobody reads a layer, and nobody shares what it stores."""
        return number not in self._fixed and not self._is_read(number, self.layers[number])

    def leave_out(self, number: int) -> None:
        """Leave out a layer that is unread; what it reads stays."""
        for wire in self.layers.pop(number).inputs:
            self._readers[wire].remove(number)
        self.changed = True

    def _drop(self, number: int) -> None:
        """Forget a layer that nobody reads, and what only it read."""
        layer = self.layers[number]
        if self._is_read(number, layer) or number in self._unread or number in self._fixed:
            return
        if self._keeps_new and number >= len(self.graph.layers):
            return
        del self.layers[number]
        for wire in layer.inputs:
            readers = self._readers[wire]
            readers.remove(number)
            if not readers and wire.layer is not None and wire.layer in self.layers:
                self._drop(wire.layer)

    def _is_read(self, number: int, layer: ImportedLayer) -> bool:
        wires = [Wire(number, place) for place in range(len(layer.types))]
        return any(self._readers.get(wire) or wire in self.outputs for wire in wires)

    def _types(
        self, kind: str, fields: dict[str, Any], inputs: tuple[Wire, ...]
    ) -> tuple[TensorType, ...] | None:
        return inferred(kind, fields, tuple([self.type_of(wire) for wire in inputs]))

    def result(self) -> LayerGraph:
        """The graph as it is now, its layers in an order in which they can run."""
        if not self.changed:
            return self.graph
        self._keeps_new = False
        for number in sorted(self.layers, reverse=True):
            if number in self.layers and number >= len(self.graph.layers):
                self._drop(number)  # a pattern began with it, and did not fit after all
        order = sorted(self.layers, key=self._places.__getitem__)
        numbers = {old: new for new, old in enumerate(order)}
        types: dict[Wire, TensorType] = {}
        layers = []

        def moved(wire: Wire) -> Wire:
            return wire if wire.layer is None else Wire(numbers[wire.layer], wire.number)

        for old in order:
            layer = self.layers[old]
            inputs = tuple([moved(wire) for wire in layer.inputs])
            given = tuple(
                [
                    self.graph.inputs[wire.number].type if wire.layer is None else types[wire]
                    for wire in inputs
                ]
            )
            made = inferred(layer.kind, dict(layer.fields), given)
            if made is None or [x.shape for x in made] != [x.shape for x in layer.types]:
                raise AssertionError(f"a pattern has changed {layer.kind} ({layer.origin.nodes})")
            for place, type_ in enumerate(made):
                types[Wire(numbers[old], place)] = type_
            layers.append(
                layer._replace(
                    inputs=inputs,
                    types=made,
                    shares=None if layer.shares is None else numbers[layer.shares],
                    tied_to=None if layer.tied_to is None else numbers[layer.tied_to],
                )
            )
        return self.graph._replace(
            layers=tuple(layers), outputs=tuple([moved(wire) for wire in self.outputs])
        )


def inferred(
    kind: str, fields: dict[str, Any], inputs: tuple[TensorType, ...]
) -> tuple[TensorType, ...] | None:
    """Types of the outputs of a layer; None where it does not fit its inputs."""
    layer_class = KINDS[kind]
    known = known_fields(layer_class)
    try:
        converted = {
            name: known[name].kind.convert(value, require) for name, value in fields.items()
        }
        return infer_outputs(layer_class(**converted), inputs, require)
    except RuleViolation:
        return None
