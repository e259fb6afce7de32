"""Recurrent layers of ONNX: states of all steps, and the last ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import transpose
from mnet_cost.importing.mapping.recurrent import last_states
from mnet_cost.importing.mapping.values import Unmapped, Value

Kind = Literal["lstm", "gru", "rnn"]

_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "lstm": ("sigmoid", "tanh", "tanh"), "gru": ("sigmoid", "tanh"), "rnn": ("tanh",),
}  # fmt: skip
"""What the kinds make gates and states by, for each direction."""


def recurrent(kind: Kind) -> Rule:
    """LSTM, GRU and RNN of [T, N, F], or of [N, T, F] with `layout` 1: states of all steps
    [T, directions, N, H], and the last ones [directions, N, H]."""

    def rule(b: Builder, call: Call) -> list[Value]:
        x, kernel, bias = call.input(0), call.input(1), call.optional(3)
        stored = [kernel.stored, call.input(2).stored, None if bias is None else bias.stored]
        if None in stored[: 2 + (bias is not None)]:
            raise Unmapped("has weights that are not stored")
        if any(call.optional(i) is not None for i in (4, 7)):
            raise Unmapped("has lengths of its own for each example, or peepholes")
        directions = kernel.shape[0] if kernel.rank == 3 else None
        features = call.get("hidden_size")
        if x.rank != 3 or directions not in (1, 2) or not isinstance(features, int):
            raise Unmapped("is not of sequences, or does not say how many features it has")
        wants_states, wants_last, wants_memory = (_is_wanted(b, call, i) for i in range(3))
        unread = call.unread()
        wants_states = wants_states or unread is None
        if wants_memory:
            raise Unmapped("gives the memory of the last step")
        if call.get("input_forget", 0) or call.get("clip") is not None:
            raise Unmapped("joins two of its gates, or cuts off what is large")
        fields: dict[str, Any] = {
            "features": features,
            "bidirectional": True if directions == 2 else None,
            "bias": None if bias is not None else False,
            "output": None if wants_states else "last",
            **_function(kind, call, directions),
        }
        turned = not call.get("layout", 0)
        if turned:
            x = transpose(b, x, (1, 0, 2))
        ahead = x.shape[: 2 if wants_states else 1]
        states = b.layer(kind, (x,), (*ahead, directions * features), fields, owns=stored)
        apart = b.reshaped(states, (*ahead, directions, features))
        if not wants_states and unread is not None:
            return [unread, transpose(b, apart, (1, 0, 2)) if turned else apart]
        made = [transpose(b, apart, (1, 2, 0, 3)) if turned else apart]
        if wants_last:
            is_reverse = call.get("direction", "forward") == "reverse"
            last = last_states(b, apart, is_reverse=is_reverse)
            made.append(transpose(b, last, (1, 0, 2)) if turned else last)
        return made

    return rule


def _is_wanted(b: Builder, call: Call, number: int) -> bool:
    names = call.node.outputs
    return number < len(names) and bool(names[number]) and b.is_read(names[number])


def _function(kind: Kind, call: Call, directions: int) -> dict[str, str]:
    """The field for what makes the state, where the kind has a choice."""
    given = [name.lower() for name in call.get("activations", [])]
    if not given or given == [*_FUNCTIONS[kind] * directions]:
        return {}
    if kind == "rnn" and given == ["relu"] * directions:
        return {"function": "relu"}
    raise Unmapped(f"has the functions {', '.join(given)[:60]}")


RULES: Mapping[str, Rule] = {
    "LSTM": recurrent("lstm"),
    "GRU": recurrent("gru"),
    "RNN": recurrent("rnn"),
}
