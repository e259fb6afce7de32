"""ATen operators of recurrence: several layers on top of each other in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mnet_cost.importing.graph import Stored
from mnet_cost.importing.mapping.aten.arguments import flag, tensors, whole
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat, transpose
from mnet_cost.importing.mapping.recurrent import last_states
from mnet_cost.importing.mapping.values import Unmapped, Value

_GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def recurrent(kind: Literal["lstm", "gru", "rnn"], function: str | None = None) -> Rule:
    """lstm, gru, rnn_tanh, rnn_relu: states of all steps [N, T, directions * H], and those of the
    last step of each layer [layers * directions, N, H]."""

    def rule(b: Builder, call: Call) -> list[Value]:
        x, params = call.tensor("input"), _stored(tensors(call, "params"))
        first = call.get("hx")
        if not all(state.static for state in (first if isinstance(first, list) else [first])):
            raise Unmapped("begins with a state that is calculated")
        if x.rank != 3:
            raise Unmapped("is of one sequence, without a batch")
        layers, both = whole(call, "num_layers"), flag(call, "bidirectional")
        wants_states, wants_last, wants_memory = (
            number < len(call.node.outputs) and b.is_read(call.node.outputs[number])
            for number in range(3)
        )
        unread = call.unread()
        wants_states = wants_states or unread is None
        if wants_memory:
            raise Unmapped("gives the memory of the last step")
        cells = layers * (2 if both else 1)
        if not cells or len(params) % cells:
            raise Unmapped(f"has {len(params)} tensors for {cells} layers and directions")
        turned = not flag(call, "batch_first")
        if turned:
            x = transpose(b, x, (1, 0, 2))
        fields = {
            "bidirectional": both or None,
            "bias": None if flag(call, "has_biases", True) else False,
            "function": function,
            **_sizes(kind, params[: len(params) // cells]),
        }
        if not wants_last:
            stacked = {**fields, "layers": layers if layers > 1 else None}
            x, last = _layer(b, kind, x, stacked, params), None
        else:  # layer by layer, since the last states of all of them are wanted
            finals, count = [], len(params) // layers
            for number in range(layers):
                own = params[number * count : (number + 1) * count]
                is_top = number == layers - 1 and not wants_states
                x = _layer(b, kind, x, {**fields, "output": "last" if is_top else None}, own)
                finals.append(_final(b, x, both, is_top))
            last = concat(b, finals, 0)
        if not wants_states and unread is not None:
            return [unread, *([] if last is None else [last])]
        states = transpose(b, x, (1, 0, 2)) if turned else x
        return [states] if last is None else [states, last]

    return rule


def _stored(params: Sequence[Value]) -> list[Stored]:
    stored = [x.stored for x in params]
    if any(x is None for x in stored):
        raise Unmapped("has weights that are not stored")
    return [x for x in stored if x is not None]


def _sizes(kind: str, cell: Sequence[Stored]) -> dict[str, Any]:
    """Features and the size of a projection, from the tensors of one direction of a layer."""
    if len(cell) < 2 or any(len(x.shape) != 2 for x in cell[:2]):
        raise Unmapped("has weights that are no matrices")
    features = cell[0].shape[0] // _GATES[kind]
    state = cell[1].shape[1]
    return {"features": features, "projection": state if state != features else None}


def _layer(
    b: Builder, kind: str, x: Value, fields: Mapping[str, Any], owns: Sequence[Stored]
) -> Value:
    state = fields["projection"] or fields["features"]
    width = state * (2 if fields["bidirectional"] else 1)
    ahead = x.shape[: 1 if fields.get("output") == "last" else 2]
    return b.layer(kind, (x,), (*ahead, width), fields, owns=owns)


def _final(b: Builder, states: Value, both: bool, is_last: bool) -> Value:
    """The last states [directions, N, H] of a layer's states [N, T, directions * H], or of [N,
    directions * H], which are the last ones already."""
    directions = 2 if both else 1
    (width,) = plain_sizes(states.shape[-1:])
    apart = b.reshaped(states, (*states.shape[:-1], directions, width // directions))
    last = apart if is_last else last_states(b, apart)
    return transpose(b, last, (1, 0, 2))


RULES: Mapping[str, Rule] = {
    "aten.lstm.input": recurrent("lstm"),
    "aten.gru.input": recurrent("gru"),
    "aten.rnn_tanh.input": recurrent("rnn"),
    "aten.rnn_relu.input": recurrent("rnn", "relu"),
}
