"""Adds layers to a layer graph while nodes are mapped, and keeps what is stored apart.

A layer's outputs are inferred by the rules of its kind, so there is no second rule of shapes, and
what a mapping says is checked at once. Not here: what operators mean, and whose stored tensors are
(`owners.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mnet_cost.importing.graph import FEW, MAX_NODES, Batch, Graph, Node, Reference, Stored
from mnet_cost.importing.layer_graph import ImportedInput, ImportedLayer, LayerGraph, Wire
from mnet_cost.importing.mapping.owners import Owners, is_trained
from mnet_cost.importing.mapping.precision import dtype_of, name_of, precision_of
from mnet_cost.importing.mapping.values import (
    ALONE,
    Dim,
    Misfit,
    Refused,
    Unmapped,
    Value,
    elements,
    finite,
    joined_shape,
    layer_shape,
    own_shape,
    with_batch,
)
from mnet_cost.layers import KINDS, Layer
from mnet_cost.layers.axes import channel_axis
from mnet_cost.models.calls import known_fields
from mnet_cost.models.types import Origin
from mnet_cost.network.inference import excess, infer_outputs
from mnet_cost.tensors import (
    RuleViolation,
    TensorType,
    axis_names,
    require,
)

Shaped = Sequence[Dim] | Callable[[TensorType], Sequence[Dim]]
"""The shape of an output in the file, or what makes it of the type for one example."""

_ANY_BATCH = 2**31 - 1
"""Stands for a batch of any size where shapes are compared: a prime that divides no size."""

_MOST_COPIES = 64
"""Most copies that are put together; more are no sum of parts that a person would write."""


class Builder:
    """The layers so far, and what makes the next ones.

    `fixed_batch` is the number of examples where the file has a fixed one, else None.
    """

    def __init__(self, graph: Graph, fixed_batch: int | None) -> None:
        self.graph = graph
        self.batch = _ANY_BATCH if fixed_batch is None else fixed_batch
        """How many examples there are when shapes are made concrete."""
        self.inputs: list[ImportedInput] = []
        self.layers: list[ImportedLayer] = []
        self.notes: dict[str, None] = dict.fromkeys(graph.notes)
        self._made: list[Layer] = []
        self._static: list[bool] = []
        self._kinds: dict[tuple[Any, ...], Layer] = {}
        self._types: dict[TensorType, TensorType] = {}
        self._inferred: dict[tuple[int, ...], tuple[TensorType, ...]] = {}
        self.owners = Owners(graph, self.layers, self._type)
        self._node = Origin(())
        self._read: frozenset[str] | None = None
        """Names of the tensors of the file that somebody reads; collected when it is asked for."""

    def at(self, node: Node) -> None:
        """All layers from here on are of `node`."""
        self._node = Origin((node.name,), (), node.scopes)

    def input(self, name: str, shape: tuple[Dim, ...], dtype: str | None) -> Value:
        """A further input of the model."""
        type_ = TensorType(layer_shape(shape), dtype_of(dtype), "input")
        if too_large := excess(type_, require):
            raise Unmapped(too_large)
        self.inputs.append(ImportedInput(name, type_))
        return Value(shape, dtype, Wire(None, len(self.inputs) - 1))

    def layer(
        self,
        kind: str,
        inputs: Sequence[Value | Wire],
        shape: Shaped,
        fields: Mapping[str, Any] | None = None,
        *,
        owns: Iterable[Stored | None] = (),
        dtype: str | None = None,
        precision: str | None = None,
    ) -> Value:
        """The output of a layer that has one.

        `shape` is its shape in the file, or what makes that of the type that the kind infers.
        `owns` are the stored tensors that the layer has for its own (kernel, bias, statistics).
        Raises `Unmapped` where the layer does not fit, and where its output has another shape.
        """
        (value,) = self.outputs(
            kind, inputs, (shape,), fields, owns=owns, dtype=dtype, precision=precision
        )
        return value

    def outputs(
        self,
        kind: str,
        inputs: Sequence[Value | Wire],
        shapes: Sequence[Shaped],
        fields: Mapping[str, Any] | None = None,
        *,
        owns: Iterable[Stored | None] = (),
        dtype: str | None = None,
        precision: str | None = None,
    ) -> tuple[Value, ...]:
        """The outputs of a layer with several, as `layer`."""
        if len(self.layers) >= MAX_NODES:
            raise Refused(f"makes more than {MAX_NODES:,} layers of the model: too many for a spec")
        if kind in _PRODUCTS:
            values = [x for x in inputs if isinstance(x, Value) and x.static]
            if len(values) == len(inputs):
                inputs = list(map(self.for_each, values))
        wires = tuple([x if isinstance(x, Wire) else self.wire(x) for x in inputs])
        types = tuple([self._type(wire) for wire in wires])
        stated = {name: value for name, value in (fields or {}).items() if value is not None}
        given = {name: finite(x) if isinstance(x, float) else x for name, x in stated.items()}
        try:
            layer = self._layer(kind, given)
            least, most = layer.arity
            if len(wires) < least or (most is not None and len(wires) > most):
                raise RuleViolation(f"`{kind}` does not take {len(wires)} inputs")
            made = self._infer(layer, types)
            layer, made, given = self._with_plain_axis(layer, given, types, made)
        except RuleViolation as violation:
            raise Misfit(f"`{kind}`: {violation}") from None
        in_file = [
            tuple(shape(type_) if callable(shape) else shape)
            for type_, shape in zip(made, shapes, strict=True)
        ]
        for type_, whole in zip(made, in_file, strict=True):
            if type_.shape != layer_shape(whole):
                raise Unmapped(f"`{kind}` gives {type_}, and the file has {list(map(str, whole))}")
        index = len(self.layers)
        owned = [x for x in owns if x is not None]
        shares, tied_to = self.owners.claim(index, layer, types, owned, self._made)
        for stored in owned:
            if precision is None and stored.quantization is not None:
                precision = precision_of(stored.quantization.dtype)
        self.layers.append(
            ImportedLayer(kind, given, wires, made, self._node, shares, tied_to, precision)
        )
        self._made.append(layer)
        static = layer.is_stored or (bool(wires) and layer.is_known and self._are_static(wires))
        self._static.append(static)
        return tuple(
            [
                Value(whole, dtype or name_of(type_.dtype), Wire(index, i), static=static)
                for i, (type_, whole) in enumerate(zip(made, in_file, strict=True))
            ]
        )

    def for_each(self, value: Value) -> Value:
        """A value that enters a product. A stored one that the program has expanded over the batch
        is expanded by a layer, so that the product is made for each example."""
        if not value.static or value.batch_axis is None:
            return value
        return self.layer("expand_batch", (value,), value.shape, dtype=value.dtype)

    def wire(self, value: Value) -> Wire:
        """The tensor of a value, with its shape for one example.

        A stored tensor becomes a `parameter` or a `constant` when it is first read.
        """
        if value.wire is not None:
            return value.wire
        if value.spread is not None:
            return self.wire(self.copied(value))
        own = layer_shape(value.shape)
        stored = value.stored
        if stored is None:
            if value.known is None or not all(isinstance(x, (int, float)) for x in value.known):
                raise Unmapped("reads what is no tensor")
            fields: dict[str, Any] = {"shape": list(own), "values": _listed(value.known) or "zeros"}
            return self.stored_layer("constant", own, fields, ())
        wire = self.owners.parameter(stored, own)
        if wire is None:
            wire = self._stored_wire(stored, own)
            self.owners.add_parameter(stored, own, wire)
        return wire

    def _stored_wire(self, stored: Stored, own: tuple[int, ...]) -> Wire:
        owner = self.owners.layer_of(stored)
        if owner is not None and self.layers[owner].kind in ("parameter", "constant"):
            reshaped = self.layer("reshape", (Wire(owner),), own, {"shape": list(own)})
            assert reshaped.wire is not None
            return reshaped.wire
        if is_trained(stored):
            return self.stored_layer("parameter", own, {"shape": list(own)}, (stored,))
        fields = {"shape": list(own), "values": _listed(stored.values) or "zeros"}
        return self.stored_layer("constant", own, fields, (stored,))

    def stored_layer(
        self, kind: str, own: tuple[int, ...], fields: dict[str, Any], stored: Sequence[Stored]
    ) -> Wire:
        """A layer `parameter` or `constant`, which is what some stored tensors come out as."""
        made = self.layer(kind, (), own, fields, owns=stored)
        assert made.wire is not None
        assert made.wire.layer is not None
        self.owners.add_stored(made.wire.layer, stored)
        return made.wire

    def joined(self, values: Sequence[Value]) -> tuple[tuple[Wire, ...], tuple[Dim, ...]]:
        """(tensors, shape in the file) of values that are broadcast together.

        A stored tensor loses the axis that is the batch in the others.
        """
        shape = joined_shape([value.shape for value in values])
        narrow = [value if value.spread is None else value.spread for value in values]
        is_same = joined_shape([value.shape for value in narrow]) == shape
        values = narrow if is_same else [self.copied(value) for value in values]
        rank = len(shape)
        places = {
            rank - value.rank + value.batch_axis for value in values if value.batch_axis is not None
        }
        if len(places) > 1:
            raise Unmapped("joins tensors whose batch is not the same axis")
        wires = []
        for value in values:
            if places and value.batch_axis is None:
                (place,) = places
                value = self.without_axis(value, place - (rank - value.rank), shape[place])
            wires.append(self.wire(value))
        return tuple(wires), shape

    def copied(self, value: Value) -> Value:
        """A broadcast tensor as copies put together; of constants alone it is a constant."""
        if value.spread is None:
            return value
        x = value.spread
        for place, (old, new) in enumerate(zip(x.shape, value.shape, strict=True)):
            if old == new or not isinstance(new, int):
                continue
            shape = (*x.shape[:place], new, *x.shape[place + 1 :])
            if x.static and not self.owners.trains(x):
                own = list(layer_shape(shape))
                zeros = {"shape": own, "values": "zeros"}
                x = self.layer("constant", (), own, zeros)._replace(shape=shape, dtype=x.dtype)
            elif new > _MOST_COPIES:
                raise Unmapped(f"puts {new} copies together")
            else:
                wire = self.wire(x)
                fields = {"axis": x.axis(place)}
                x = self.layer("concat", [wire] * new, shape, fields, dtype=x.dtype)
        return x

    def without_axis(self, value: Value, axis: int, size: Dim) -> Value:
        """A value without batch, to be joined with others in which `axis` is the batch, of `size`.

        `axis` below 0 is one that it does not have.
        """
        if axis < 0 or size != ALONE:
            return value  # an axis that the batch is joined with stays, with size 1 or its own
        if value.shape[axis] != 1:
            raise Unmapped("has a stored tensor that differs from example to example")
        shape = value.shape[:axis] + value.shape[axis + 1 :]
        return self.reshaped(value, shape)

    def reshaped(self, value: Value, shape: Sequence[Dim], remaining: int | None = None) -> Value:
        """The same elements in another shape of the file, which has the batch where it belongs.

        The axis `remaining` of it has the size that remains, whatever that is.
        """
        shape = tuple(shape)
        if elements(shape) != elements(value.shape):
            raise Unmapped(
                f"cannot make {list(map(str, value.shape))} into {list(map(str, shape))}"
            )
        if value.spread is not None:
            value = self.copied(value)
        if value.wire is None or layer_shape(shape) == layer_shape(value.shape):
            kept = value.positions if shape == value.shape else None
            return value._replace(shape=shape, positions=kept)
        kind, fields = _reshape(self._type(value.wire), shape, remaining)
        return self.layer(kind, (value,), shape, fields, dtype=value.dtype)

    def reshaped_to(self, value: Value, target: Sequence[Dim]) -> Value:
        """The same elements in the sizes that a file asks for: one may be -1, for what remains."""
        sizes = [x.times * self.batch if isinstance(x, Batch) else x for x in target]
        whole = elements(value.shape) * (self.batch if value.batch_axis is not None else 1)
        if sizes.count(-1) > 1 or any(size < -1 for size in sizes):
            raise Unmapped(f"cannot be of the shape {list(map(str, target))}")
        remaining = None
        if -1 in sizes:
            others, remaining = 1, sizes.index(-1)
            for size in sizes:
                others *= size if size != -1 else 1
            if not others or whole % others:
                raise Unmapped(f"cannot make {whole} elements into {list(map(str, target))}")
            sizes[remaining] = whole // others
        return self.reshaped(value, with_batch(value.shape, sizes, self.batch), remaining)

    def set_precision(self, value: Value, dtype: str) -> None:
        """The layer that makes a tensor makes numbers of `dtype`, where that is a precision."""
        precision = precision_of(dtype)
        if precision is not None and value.wire is not None and value.wire.layer is not None:
            index = value.wire.layer
            self.layers[index] = self.layers[index]._replace(precision=precision)

    def undo(self, count: int) -> None:
        """Take back all layers but the first `count`: a node has no rule after all."""
        for part in (self.layers, self._made, self._static):
            del part[count:]
        self.owners.undo(count)

    def is_read(self, name: str) -> bool:
        """Whether a tensor of the file is an input of a node, or an output of the model."""
        if self._read is None:
            given = [x.name for x in self.graph.outputs]
            for node in self.graph.nodes:
                given += [*node.inputs, *_references(list(node.attributes.values()))]
            self._read = frozenset(given)
        return name in self._read

    def finished(self, outputs: Sequence[Value], tensors: Mapping[str, Value]) -> LayerGraph:
        """The layer graph, without stored tensors and what is made of them that nobody reads.

        `tensors` are the values of the tensors of the file by name.
        """
        wires = [self.wire(value) for value in outputs]
        names: dict[Wire, list[str]] = {}
        for name, value in tensors.items():
            if value.wire is not None:
                names.setdefault(value.wire, []).append(name)
        kept = self._kept(wires)
        moved = {old: new for new, old in enumerate(kept)}
        layers = [self._renumbered(old, moved, names) for old in kept]
        for index, again in self.owners.again.items():
            if index in moved:
                self.notes[f"{again} is stored once, and counted for each reader"] = None
        outputs_moved = tuple([_moved(wire, moved) for wire in wires])
        unread = sum(
            stored.elements
            for name, stored in self.graph.stored.items()
            if stored.trained
            and name not in self.graph.same_storage
            and self.owners.layer_of(stored) not in moved
        )
        if unread:
            self.notes[f"{unread:,} params of the model are read by no layer"] = None
        return LayerGraph(
            self.graph.name,
            self.graph.source,
            tuple(self.inputs),
            tuple(layers),
            outputs_moved,
            tuple(self.notes),
        )

    def _kept(self, outputs: Sequence[Wire]) -> list[int]:
        """Layers that stay: those that are not static, and static ones that somebody reads."""
        needed = {wire.layer for wire in outputs}
        kept = []
        for index in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[index]
            if self._static[index] and index not in needed:
                continue
            kept.append(index)
            needed.update(wire.layer for wire in layer.inputs)
            needed.update((layer.shares, layer.tied_to))
        return kept[::-1]

    def _renumbered(
        self, old: int, moved: Mapping[int, int], names: Mapping[Wire, list[str]]
    ) -> ImportedLayer:
        layer = self.layers[old]
        tensors = [name for i in range(len(layer.types)) for name in names.get(Wire(old, i), ())]
        return layer._replace(
            inputs=tuple([_moved(wire, moved) for wire in layer.inputs]),
            origin=layer.origin._replace(tensors=tuple(tensors)),
            shares=None if layer.shares is None else moved[layer.shares],
            tied_to=None if layer.tied_to is None else moved[layer.tied_to],
        )

    def _type(self, wire: Wire) -> TensorType:
        if wire.layer is None:
            return self.inputs[wire.number].type
        return self.layers[wire.layer].types[wire.number]

    def _are_static(self, wires: Iterable[Wire]) -> bool:
        return all(wire.layer is not None and self._static[wire.layer] for wire in wires)

    def _layer(self, kind: str, fields: Mapping[str, Any]) -> Layer:
        """The layer with those fields; equal layers are one object."""
        key = (kind, *[(name, _frozen(value)) for name, value in fields.items()])
        layer = self._kinds.get(key)
        if layer is None:
            cls = KINDS[kind]
            known = known_fields(cls)
            for name in fields:
                if name not in known:
                    raise RuleViolation(f"has no field `{name}`")
            values = {
                name: known[name].kind.convert(value, require) for name, value in fields.items()
            }
            layer = self._kinds[key] = cls(**values)
        return layer

    def _infer(self, layer: Layer, types: tuple[TensorType, ...]) -> tuple[TensorType, ...]:
        key = (id(layer), *map(id, types))
        made = self._inferred.get(key)
        if made is None:
            made = infer_outputs(layer, types, require)
            for type_ in made:
                if too_large := excess(type_, require):
                    raise RuleViolation(too_large)
            made = tuple([self._types.setdefault(type_, type_) for type_ in made])
            self._inferred[key] = made
        return made

    def _with_plain_axis(
        self,
        layer: Layer,
        fields: dict[str, Any],
        types: tuple[TensorType, ...],
        made: tuple[TensorType, ...],
    ) -> tuple[Layer, tuple[TensorType, ...], dict[str, Any]]:
        """The same layer with its axis as a person writes it: left out where it is the default of a
        known layout, else by its name where the layout is known."""
        axis = fields.get("axis")
        if not isinstance(axis, int) or not types:
            return layer, made, fields
        x = types[0]
        known = x.layout not in (None, "input")
        if layer.kind in _DEFAULT_AXES and (known or len(x.shape) < 3) and channel_axis(x) == axis:
            other = {name: value for name, value in fields.items() if name != "axis"}
        else:
            names = axis_names(len(x.shape), x.layout)
            if not known or -axis > len(names):
                return layer, made, fields
            other = fields | {"axis": names[axis]}
        layer = self._layer(layer.kind, other)
        return layer, self._infer(layer, types), other


_PRODUCTS = frozenset(
    ("matmul", "linear", "conv1d", "conv2d", "conv3d", "depthwise_conv2d", "conv_transpose2d")
)
"""Kinds with mult-adds that can be applied to stored tensors alone."""

_DEFAULT_AXES = frozenset(("concat", "split", "slice", "batch_norm", "scale", "prelu"))
"""Kinds whose default axis is that of `channel_axis`."""


def _reshape(
    x: TensorType, shape: tuple[Dim, ...], remaining: int | None
) -> tuple[str, dict[str, Any]]:
    """The kind and fields that make x into `shape` of the file: `flatten` where the last axes are
    joined, so that it holds for other sizes, too."""
    before, after = x.shape, layer_shape(shape)
    joined = len(before) - len(after) + 1
    if joined > 1 and after[:-1] == before[: len(after) - 1]:
        usual = x.layout not in ("signal", "volume") and joined == min(len(before), 3)
        return "flatten", {"axes": None if usual else joined}
    sizes = list(after)
    if remaining is not None and shape[remaining] != ALONE:
        sizes[len(own_shape(shape[:remaining]))] = -1
    return "reshape", {"shape": sizes}


def _references(arguments: list[Any]) -> list[str]:
    """Names of the tensors among arguments, and in lists of them."""
    names = []
    for argument in arguments:
        if isinstance(argument, Reference):
            names.append(argument.name)
        elif isinstance(argument, list):
            names += _references(argument)
    return names


def _moved(wire: Wire, moved: Mapping[int, int]) -> Wire:
    return wire if wire.layer is None else Wire(moved[wire.layer], wire.number)


def _listed(values: tuple[Any, ...] | None) -> list[float] | None:
    """The numbers of a constant as a spec states them; None for many, which nobody reads or edits,
    and no cost depends on."""
    if values is None or len(values) > FEW or not all(isinstance(x, (int, float)) for x in values):
        return None
    return [finite(float(x) if isinstance(x, bool) else x) for x in values]


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple([_frozen(part) for part in value])
    return (type(value).__name__, value)
