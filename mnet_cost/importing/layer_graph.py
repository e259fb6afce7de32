"""A model as layers of our kinds, one after the other: what mapping makes of a graph of operators.

Types have no batch, as in a `Network`, whose steps these layers become. Each layer remembers the
nodes, tensors and modules of the file that it stands for. Passes of `patterns/` make another layer
graph of one. Not here: blocks, names of entries, YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mnet_cost.models.types import Origin
from mnet_cost.tensors import TensorType


class Wire(NamedTuple):
    """A tensor: an output of a layer, or an input of the model."""

    layer: int | None
    """Index of the layer; None for an input of the model."""
    number: int = 0
    """Which of its outputs, or which input of the model."""


class ImportedLayer(NamedTuple):
    """One layer: a kind with the fields that a spec states, applied to tensors."""

    kind: str
    fields: Mapping[str, Any]
    """Plain data, as in YAML; without fields that have their default."""
    inputs: tuple[Wire, ...]
    types: tuple[TensorType, ...]
    """Of its outputs, for one example."""
    origin: Origin
    shares: int | None = None
    """Index of the earlier layer whose stored tensors it uses (`use`)."""
    tied_to: int | None = None
    """Index of the earlier layer whose trained matrix is its kernel (`weights_of`)."""
    precision: str | None = None
    """Of its outputs and weights, where the file states one (`int8`)."""


class ImportedInput(NamedTuple):
    """An input of the model."""

    name: str
    """As the file calls it."""
    type: TensorType


class LayerGraph(NamedTuple):
    """A model as layers. They are in the order in which they can run."""

    name: str
    source: str
    inputs: tuple[ImportedInput, ...]
    layers: tuple[ImportedLayer, ...]
    outputs: tuple[Wire, ...]
    notes: tuple[str, ...] = ()
    """What a reader of the spec has to know, a sentence each: `12 params are read by no layer`."""

    def type_of(self, wire: Wire) -> TensorType:
        """The type of a tensor."""
        if wire.layer is None:
            return self.inputs[wire.number].type
        return self.layers[wire.layer].types[wire.number]
