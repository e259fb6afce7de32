"""Layers of Keras that work on sequences: embeddings, attention, recurrent layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mnet_cost.importing.graph import Stored
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.keras.parameters import argument, flag, stored, whole
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.operands import in_file_order, made
from mnet_cost.importing.mapping.stored import embedding as looked_up
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value, layer_shape
from mnet_cost.importing.readers.keras import ARGUMENTS, NAMED
from mnet_cost.importing.readers.keras_json import Input
from mnet_cost.layers import KINDS
from mnet_cost.tensors import TensorType


def embedding(b: Builder, call: Call) -> Value:
    """Embedding."""
    sizes = (whole(call, "input_dim"), whole(call, "output_dim"))
    return made(b, call, looked_up(b, stored(call, "embeddings", sizes), in_file_order(b, call, 0)))


def attention(b: Builder, call: Call) -> list[Value]:
    """MultiHeadAttention of sequences, to themselves or to a context that keys and values share."""
    names = ("query", "value", "key")
    given = {**dict(zip(names, call.get(ARGUMENTS), strict=False)), **call.get(NAMED)}
    read = {name: x.number for name in names if isinstance(x := given.get(name), Input)}
    if len(read) < len(call.inputs) or not {"query", "value"} <= read.keys():
        raise Unmapped("has a mask")
    if any(map(b.is_read, call.node.outputs[1:])):
        raise Unmapped("gives its scores")
    tensors = {name: call.node.inputs[number] for name, number in read.items()}
    if tensors.get("key", tensors["value"]) != tensors["value"]:
        raise Unmapped("has keys and values of different tensors")
    query, value = (in_file_order(b, call, read[name]) for name in ("query", "value"))
    heads, features = whole(call, "num_heads"), whole(call, "key_dim")
    axes = argument(call, "attention_axes", [1])
    if (
        query.rank != 3
        or axes not in ([1], 1, [-2], -2)
        or whole(call, "value_dim", features) != features
        or argument(call, "output_shape") is not None
        or argument(call, "sliding_window") is not None
        or flag(call, "use_gate", default=False)
    ):
        raise Unmapped("is not plain attention along one axis, with values of the size of keys")
    (width,) = plain_sizes(query.shape[-1:])
    (depth,) = plain_sizes(value.shape[-1:])
    has_bias = flag(call, "use_bias", default=True)
    fields = {
        "heads": heads,
        "features": heads * features if heads * features != width else None,
        "bias": None if has_bias else False,
        "causal": True if given.get("use_causal_mask") is True else None,
    }
    inputs = (query,) if tensors["query"] == tensors["value"] else (query, value)
    sizes = {"query": width, "key": depth, "value": depth, "output": width}
    owns: list[Stored | None] = []
    for part, size in sizes.items():
        owns.append(stored(call, f"{part}/kernel", (size, heads * features)).stored)
        if has_bias:
            of = width if part == "output" else heads * features
            owns.append(stored(call, f"{part}/bias", (of,)).stored)
    result = made(b, call, b.layer("attention", inputs, query.shape, fields, owns=owns))
    return [result, *[Value(()) for _ in call.node.outputs[1:]]]


def recurrent(kind: Literal["lstm", "gru", "rnn"]) -> Rule:
    """LSTM, GRU and SimpleRNN.

    The kinds have two trained constants for each gate and unit, as a GRU has by default
    (`reset_after`). One with a single constant is `opaque`, and its cost is stated.
    """

    def rule(b: Builder, call: Call) -> Value | list[Value]:
        x, units = in_file_order(b, call, 0), whole(call, "units")
        if x.rank != 3 or len(call.inputs) != 1 or units < 1:
            raise Unmapped("is not of one sequence, or begins with a state that it is given")
        if any(map(b.is_read, call.node.outputs[1:])):
            raise Unmapped("gives its last state")
        if kind == "gru" and not flag(call, "reset_after", default=False):
            raise Unmapped("applies its reset gate before the product")
        if flag(call, "stateful", default=False) or flag(call, "go_backwards", default=False):
            raise Unmapped("keeps its state from one run to the next, or goes backwards")
        inner = argument(call, "activation", "tanh")
        fields: dict[str, Any] = {"features": units}
        if kind == "rnn" and inner == "relu":
            fields["function"] = "relu"
        elif inner != "tanh" or argument(call, "recurrent_activation", "sigmoid") != "sigmoid":
            raise Unmapped("has other functions than tanh and sigmoid")
        has_all = flag(call, "return_sequences", default=False)
        if not has_all:
            fields["output"] = "last"
        has_bias = flag(call, "use_bias", default=True)
        if not has_bias:
            fields["bias"] = False
        gates = _GATES[kind]
        (seen,) = plain_sizes(x.shape[2:])
        parts = {"kernel": seen, "recurrent_kernel": units}
        if has_bias:
            parts["bias"] = 2 if kind == "gru" else 1
        owns = [stored(call, part, (size, gates * units)).stored for part, size in parts.items()]
        shape = (*x.shape[: 2 if has_all else 1], units)
        if not has_bias or kind == "gru":
            result = b.layer(kind, (x,), shape, fields, owns=owns)
        else:
            stated = _with_one_bias(kind, x, shape, fields, gates * units)
            result = b.layer("opaque", (x,), shape, stated, owns=owns)
            b.notes[
                f"{call.node.operator} has one bias for each gate, and `{kind}` two: it is "
                "`opaque`, with what it costs"
            ] = None
        unread = [Value((x.shape[0], units)) for _ in call.node.outputs[1:]]
        return [made(b, call, result), *unread]

    return rule


_GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def _with_one_bias(
    kind: str, x: Value, shape: Sequence[Dim], fields: dict[str, Any], biases: int
) -> dict[str, Any]:
    """The fields of an opaque layer that costs as much as the kind, with one bias less."""
    layer = KINDS[kind](**fields)
    made = TensorType(layer_shape(shape))
    work = layer.work((TensorType(layer_shape(x.shape)),), made)
    assert work is not None
    return {
        "operation": kind,
        "shape": list(made.shape),
        "mult_adds": work.mult_adds,
        "vector_ops": work.vector_ops,
        "params": work.params - biases,
    }


RULES: Mapping[str, Rule] = {
    "Embedding": embedding,
    "MultiHeadAttention": attention,
    "LSTM": recurrent("lstm"),
    "GRU": recurrent("gru"),
    "SimpleRNN": recurrent("rnn"),
}
