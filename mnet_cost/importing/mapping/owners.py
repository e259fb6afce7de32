"""Who owns what is stored in a file: each stored tensor belongs to the first layer that reads it.

A second layer shares it (`use`), takes its matrix (`weights_of`), or reads the same `parameter`.
Not here: how layers are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mnet_cost.importing.graph import Graph, Stored
from mnet_cost.importing.layer_graph import ImportedLayer, Wire
from mnet_cost.importing.mapping.turned import read_both_ways
from mnet_cost.importing.mapping.values import Value
from mnet_cost.layers import Layer
from mnet_cost.network.inference import can_share, can_tie
from mnet_cost.tensors import TensorType


class Owners:
    """The layers that stored tensors of `graph` belong to; `layers` are those so far."""

    def __init__(
        self, graph: Graph, layers: Sequence[ImportedLayer], type_of: Callable[[Wire], TensorType]
    ) -> None:
        self._graph = graph
        self._layers = layers
        self._type = type_of
        # All in the order of layers, so that `undo` looks at no more than it takes back.
        self._owners: dict[str, int] = {}
        """The layer that each stored tensor belongs to, by the name of the tensor."""
        self._parameters: dict[tuple[str, tuple[int, ...]], Wire] = {}
        """Stored tensors that are layers, by name and shape."""
        self.again: dict[int, str] = {}
        """Layers that own a stored tensor which another one owns: the tensor is counted twice."""
        self._both_ways: frozenset[str] | None = None
        """Names of stored matrices that products read both ways; looked for when first needed."""
        self._stored: dict[int, tuple[Stored, ...]] = {}
        """The stored tensors that a layer is made of, by the index of the layer."""

    def layer_of(self, stored: Stored) -> int | None:
        """The layer that a stored tensor belongs to."""
        return self._owners.get(self.canonical(stored))

    def parameter(self, stored: Stored, own: tuple[int, ...]) -> Wire | None:
        """The tensor that a stored one is as a layer, in this shape."""
        return self._parameters.get((self.canonical(stored), own))

    def add_parameter(self, stored: Stored, own: tuple[int, ...], wire: Wire) -> None:
        """A stored tensor has become one of a layer, in this shape."""
        self._parameters[self.canonical(stored), own] = wire

    def add_stored(self, layer: int, stored: Sequence[Stored]) -> None:
        """A layer is what these stored tensors come out as."""
        self._stored[layer] = tuple(stored)

    def undo(self, count: int) -> None:
        """Forget all layers but the first `count`."""
        while self._owners and next(reversed(self._owners.values())) >= count:
            self._owners.popitem()
        while self._stored and next(reversed(self._stored)) >= count:
            self._stored.popitem()
        while self.again and next(reversed(self.again)) >= count:
            self.again.popitem()
        while self._parameters and (next(reversed(self._parameters.values())).layer or 0) >= count:
            self._parameters.popitem()

    def canonical(self, stored: Stored) -> str:
        """The name of a stored tensor, the first one where it has several."""
        return self._graph.same_storage.get(stored.name, stored.name)

    def sources(self, value: Value) -> list[Stored]:
        """The stored tensors that a static value is made of."""
        if value.spread is not None:
            value = value.spread
        if value.wire is None:
            return [] if value.stored is None else [value.stored]
        sources: dict[str, Stored] = {}
        for index in self._behind(value.wire):
            for stored in self._stored.get(index, ()):
                sources.setdefault(self.canonical(stored), stored)
        return list(sources.values())

    def _behind(self, wire: Wire) -> dict[int, None]:
        """The layers that a tensor is made by, that of the tensor included."""
        seen: dict[int, None] = {}
        left = [wire.layer]
        while left:
            index = left.pop()
            if index is not None and index not in seen:
                seen[index] = None
                left += [wire.layer for wire in self._layers[index].inputs]
        return seen

    def is_elsewhere(self, stored: Stored, values: Iterable[Value]) -> bool:
        """Whether a stored tensor belongs to a layer that none of `values` is made by."""
        owner = self.layer_of(stored)
        wires = [x.wire for x in values if x.wire is not None]
        return owner is not None and not any(owner in self._behind(wire) for wire in wires)

    def trains(self, value: Value) -> bool:
        """Whether a static value is made of trained tensors, among others."""
        return any(is_trained(stored) for stored in self.sources(value))

    def release(self, stored: Iterable[Stored]) -> None:
        """Forget that stored tensors belong to a layer `parameter`: what is made of them becomes
        part of another layer, which will own them."""
        for x in stored:
            name = self.canonical(x)
            owner = self._owners.get(name)
            if owner is not None and self._layers[owner].kind in ("parameter", "constant"):
                del self._owners[name]

    def is_read_both_ways(self, stored: Stored) -> bool:
        """Whether products read a stored matrix as it is and under a transpose."""
        if self._both_ways is None:
            self._both_ways = read_both_ways(self._graph)
        return self.canonical(stored) in self._both_ways

    def turned(self, value: Value) -> Stored | None:
        """The table of an `embedding` whose transpose a static value is, else None."""
        if value.wire is None or value.wire.layer is None:
            return None
        layer = self._layers[value.wire.layer]
        if layer.kind != "transpose" or value.rank != 2 or layer.inputs[0].layer is None:
            return None
        (stored, *others) = self._stored.get(layer.inputs[0].layer, (None,))
        if stored is None or others or stored.shape != value.shape[::-1]:
            return None
        owner = self.layer_of(stored)
        is_table = owner is not None and self._layers[owner].kind == "embedding"
        return stored if is_table else None

    def is_parameter(self, value: Value) -> bool:
        """Whether a stored tensor is a layer `parameter`, since another layer reads it, too."""
        if value.stored is not None and self.is_read_both_ways(value.stored):
            return True
        owner = value.stored and self.layer_of(value.stored)
        return isinstance(owner, int) and self._layers[owner].kind == "parameter"

    def claim(
        self,
        index: int,
        layer: Layer,
        types: tuple[TensorType, ...],
        stored: list[Stored],
        made: Sequence[Layer],
    ) -> tuple[int | None, int | None]:
        """(layer whose stored tensors it shares, layer whose matrix it takes) for a new layer on
        inputs of `types`; `made` are the layers so far."""
        names = [self.canonical(x) for x in stored]
        owners = {self._owners[name] for name in names if name in self._owners}
        for owner in sorted(owners):
            theirs = made[owner]
            their_types = tuple([self._type(wire) for wire in self._layers[owner].inputs])
            root = self._layers[owner].shares
            whole = len(owners) == 1 and all(name in self._owners for name in names)
            if whole and can_share(theirs, their_types, layer, types):
                return owner if root is None else root, None
            if can_tie(theirs, their_types, layer, types) and layer.takes_weights:
                others = [name for name in names if self._owners.get(name, owner) != owner]
                if others:  # a bias that another layer has, too
                    self.again[index] = min(others)
                self._own(names, index)
                return None, owner
        if owners:
            self.again[index] = min(names)
        self._own(names, index)
        return None, None

    def _own(self, names: Iterable[str], index: int) -> None:
        for name in names:
            self._owners.setdefault(name, index)


def is_trained(stored: Stored) -> bool:
    """Whether a stored tensor counts as trained: where the file does not say, all real numbers but
    single ones without an axis, which are settings."""
    if stored.trained is not None:
        return stored.trained
    if not stored.shape:
        return False
    return stored.dtype.startswith(("float", "bfloat")) or stored.quantization is not None
