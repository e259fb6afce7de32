"""A graph of layers while a pattern rewrites it.

Layers have numbers that stay: those of the graph, and new ones after them. A new layer stands where
the last of those it replaces stood. What nobody reads any more is left out at the end. The types of
all that reads other types are inferred anew by the rules of the kinds, so a rewrite that would
change a shape shows: then the graph stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
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
        self._next = len(graph.layers)
        self._outputs = list(graph.outputs)
        self._is_output = set(graph.outputs)
        self._places: dict[int, tuple[int, int]] = {}
        """Where layers stand that are new, among those of the graph."""
        self._given: dict[int, tuple[TensorType, ...]] = {}
        """Types of the inputs of new layers, of which their own types were inferred."""
        self._readers: dict[Wire, dict[int, int]] = {}
        """How many times each layer reads a tensor."""
        self._reads: dict[Wire, int] = {}
        """How many times a tensor is read."""
        self._fixed: set[int] = set()
        for number, layer in enumerate(graph.layers):
            for wire in layer.inputs:
                self._read(wire, number)
            for other in (layer.shares, layer.tied_to):
                if other is not None:
                    self._fixed |= {other, number}
        read = {wire.layer for wire in (*self._readers, *self._outputs)}
        self._unread = {number for number in self.layers if number not in read}
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
        readers = self._readers.get(wire, {})
        return [number for number, times in readers.items() for _ in range(times)]

    def is_inner(self, wire: Wire, count: int = 1) -> bool:
        """Whether a tensor is read so many times, and is no output of the model."""
        return self._reads.get(wire, 0) == count and wire not in self._is_output

    def is_read_only_by(self, wire: Wire, numbers: Set[int]) -> bool:
        """Whether a tensor is no output of the model, and no other layer than these reads it."""
        return wire not in self._is_output and self._readers.get(wire, {}).keys() <= numbers

    def is_output(self, wire: Wire) -> bool:
        """Whether a tensor is an output of the model."""
        return wire in self._is_output

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
        given = tuple([self.type_of(wire) for wire in inputs])
        types = inferred(kind, stated, given)
        if types is None:
            return None
        number = self._next
        self._next += 1
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
        self._given[number] = given
        self._places[number] = (self._place(numbers[-1])[0], number)
        for wire in inputs:
            self._read(wire, number)
        return Wire(number)

    def replace(self, old: Wire, new: Wire) -> None:
        """Let all who read a tensor read another one of the same shape."""
        assert self.shape(old) == self.shape(new), "a pattern keeps shapes"
        self._replaced[old] = new
        for number, times in self._readers.pop(old, {}).items():
            layer = self.layers[number]
            inputs = tuple([new if wire == old else wire for wire in layer.inputs])
            self.layers[number] = layer._replace(inputs=inputs)
            self._read(new, number, times)
        self._reads.pop(old, None)
        if old in self._is_output:
            self._outputs = [new if wire == old else wire for wire in self._outputs]
            self._is_output = set(self._outputs)
        self.changed = True
        if old.layer is not None:
            self._drop(old.layer)

    def is_unread(self, number: int) -> bool:
        """Whether nobody reads a layer, and nobody shares what it stores."""
        return number not in self._fixed and not self._is_read(number, self.layers[number])

    def leave_out(self, number: int) -> None:
        """Leave out a layer that is unread; what it reads stays."""
        for wire in self.layers.pop(number).inputs:
            self._reads[wire] -= self._readers[wire].pop(number, 0)
        self.changed = True

    def _read(self, wire: Wire, number: int, times: int = 1) -> None:
        """A layer reads a tensor, so many times more."""
        readers = self._readers.setdefault(wire, {})
        readers[number] = readers.get(number, 0) + times
        self._reads[wire] = self._reads.get(wire, 0) + times

    def _drop(self, first: int) -> None:
        """Forget a layer that nobody reads, and what only it read."""
        left = [first]
        while left:
            number = left.pop()
            layer = self.layers.get(number)
            if layer is None or number in self._unread or number in self._fixed:
                continue
            if self._is_read(number, layer):
                continue
            if self._keeps_new and number >= len(self.graph.layers):
                continue
            del self.layers[number]
            for wire in layer.inputs:
                times = self._readers[wire].pop(number, 0)
                self._reads[wire] -= times
                if not self._reads[wire] and wire.layer is not None:
                    left.append(wire.layer)

    def _is_read(self, number: int, layer: ImportedLayer) -> bool:
        wires = [Wire(number, place) for place in range(len(layer.types))]
        return any(self._reads.get(wire) or wire in self._is_output for wire in wires)

    def _place(self, number: int) -> tuple[int, int]:
        return self._places.get(number, (number, 0))

    def result(self) -> LayerGraph:
        """The graph as it is now, its layers in an order in which they can run.

        A new layer can say what its axes are, and so change the default axis of a layer that reads
        it: then the graph stays as it was.
        """
        if not self.changed:
            return self.graph
        self._keeps_new = False
        for number in sorted(self.layers, reverse=True):
            if number in self.layers and number >= len(self.graph.layers):
                self._drop(number)  # a pattern began with it, and did not fit after all
        order = sorted(self.layers, key=self._place)
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
            if given == self._given_types(old):
                made: tuple[TensorType, ...] | None = layer.types
            else:
                made = inferred(layer.kind, dict(layer.fields), given)
            if made is None or [x.shape for x in made] != [x.shape for x in layer.types]:
                return self.graph
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
            layers=tuple(layers), outputs=tuple([moved(wire) for wire in self._outputs])
        )

    def _given_types(self, number: int) -> tuple[TensorType, ...]:
        """Types of the inputs of which the types of a layer were inferred."""
        if number in self._given:
            return self._given[number]
        return tuple([self.graph.type_of(wire) for wire in self.graph.layers[number].inputs])


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
