"""Rows of stored tensors: embeddings, and tables that are looked up at positions known beforehand.

A table that is looked up so is the same each time, so it is stored as it comes out: with the shape
of the result, and as many trained numbers as the table has. Not here: which values it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_pair
from mnet_cost.importing.mapping.owners import is_trained
from mnet_cost.importing.mapping.values import (
    Dim,
    Unmapped,
    Value,
    elements,
    has_batch,
    layer_shape,
    mixing,
)


def embedding(b: Builder, table: Value, indices: Value) -> Value:
    """Rows of a stored table [V, F] for indices [...]: [..., F]."""
    if table.stored is None or table.rank != 2 or not is_trained(table.stored):
        raise Unmapped("looks up in a table that is not trained, or has not two axes")
    shape = (*indices.shape, table.shape[1])
    if indices.static:
        return looked_up(b, table, shape)
    vocabulary, features = table.shape
    fields = {"vocabulary": vocabulary, "features": features}
    return b.layer("embedding", (indices,), shape, fields, owns=[table.stored])


def looked_up(b: Builder, table: Value, shape: Sequence[Dim]) -> Value:
    """What is looked up in a stored table at positions that are stored, too."""
    shape = tuple(shape)
    own = list(Value(shape).own_shape)
    if table.stored is None or not own:
        raise Unmapped("looks up in a tensor that is not stored")
    if not is_trained(table.stored):
        return b.layer("constant", (), shape, {"shape": own, "values": "zeros"})
    if b.owners.is_parameter(table):
        raise Unmapped("looks up in a table that another layer reads as it is")
    trained = table.stored.elements
    fields = {"shape": own, "trained": trained if own != list(table.shape) else None}
    return b.layer("parameter", (), shape, fields, owns=[table.stored])


def made_of(b: Builder, values: Sequence[Value], shape: Sequence[Dim], dtype: str | None) -> Value:
    """What is made of stored tensors alone in a way that no layer has: it is stored as it comes
    out, with as many trained numbers as all of them have."""
    shape = tuple(shape)
    own = layer_shape(shape)
    sources = {b.owners.canonical(x): x for value in values for x in b.owners.sources(value)}
    trained = [
        x for x in sources.values() if is_trained(x) and not b.owners.is_elsewhere(x, values)
    ]
    fields: dict[str, Any] = {"shape": list(own)}
    if trained:
        b.owners.release(trained)
        total = sum(x.elements for x in trained)
        fields["trained"] = total if total != elements(shape) else None
        wire = b.stored_layer("parameter", own, fields, trained)
    else:
        wire = b.stored_layer("constant", own, fields | {"values": "zeros"}, ())
    return Value(shape, dtype, wire, static=True)


def at_stored_positions(b: Builder, x: Value, axes: Sequence[int], positions: Value) -> Value:
    """x at positions along `axes`, which are neighbours, where the positions are stored but not
    known: [..., *axes, ...] -> [..., *positions, ...].

    The kind of as much work is a `resize` that copies an element for each of its outputs.
    """
    first, last = axes[0], axes[-1]
    if list(axes) != list(range(first, last + 1)) or not positions.static:
        raise Unmapped("takes positions that are calculated, or along axes that are apart")
    ahead, behind = x.shape[:first], x.shape[last + 1 :]
    if has_batch(x.shape[first:]):
        raise mixing()
    shape = (*ahead, *positions.shape, *behind)
    batch = ahead[: 1 if has_batch(ahead[:1]) else 0]
    if has_batch(ahead[len(batch) :]):
        raise Unmapped("takes positions of a tensor whose batch is not the first axis")
    columns = elements(behind)
    image = (*batch, elements(ahead[len(batch) :]), elements(x.shape[first : last + 1]), columns)
    wanted = (*image[:-2], elements(positions.shape), columns)
    fields = {"size": plain_pair([elements(positions.shape), columns])}
    b.notes["`resize` stands for taking elements at stored positions, which is as much work"] = None
    made = b.layer("resize", (b.reshaped(x, image),), wanted, fields, dtype=x.dtype)
    return b.reshaped(made, shape)


def constant(b: Builder, shape: Sequence[Dim], dtype: str | None, number: float | None) -> Value:
    """A stored tensor of one number; of unknown ones where that is None."""
    shape = tuple(shape)
    plain = all(isinstance(size, int) for size in shape)
    elements = 1
    for size in shape:
        elements *= size if isinstance(size, int) else 1
    if number is not None and plain and elements <= _FEW_KNOWN:
        return Value(shape, dtype, known=(number,) * elements, static=True)
    own = list(Value(shape).own_shape) or [1]
    values = "ones" if number == 1 else "zeros"
    made = b.layer("constant", (), own, {"shape": own, "values": values})
    return made._replace(shape=shape, dtype=dtype)


_FEW_KNOWN = 64
