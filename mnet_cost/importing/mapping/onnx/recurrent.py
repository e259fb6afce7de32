"""Layers of ONNX that have a state from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import convolution, plain_sizes
from mnet_cost.importing.mapping.elementwise import function
from mnet_cost.importing.mapping.images import pad
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat, slice_of, transpose
from mnet_cost.importing.mapping.onnx.reading import channels_of
from mnet_cost.importing.mapping.values import Unmapped, Value


def causal_convolution(b: Builder, call: Call) -> list[Value]:
    """CausalConvWithState: each channel of [N, C, L] by itself, behind the positions that were
    before; and the last positions, for those that will be."""
    x, weight, past = call.input(0), call.input(1), call.optional(3)
    if x.rank != 3 or weight.rank != 3:
        raise Unmapped("is of sequences [N, C, L]")
    before = plain_sizes(weight.shape[2:])[0] - 1
    joined = (
        pad(b, x, {2: (before, 0)}, "constant", 0.0) if past is None else concat(b, (past, x), 2)
    )
    made = convolution(b, joined, weight, call.optional(2), [1], [(0, 0)], [1], channels_of(x))
    activation = call.get("activation", "none")
    if activation not in ("none", "silu", "swish"):
        raise Unmapped(f"has activation {activation}")
    if activation != "none":
        made = function(b, made, "silu")
    if len(call.node.outputs) < 2 or not call.node.outputs[1]:
        return [made]
    if not before:
        return [made, Value((*x.shape[:2], 0), x.dtype, known=())]
    return [made, slice_of(b, joined, 2, -before, None)]


def recurrent(kind: Literal["lstm", "gru"]) -> Rule:
    """LSTM and GRU of [T, N, F], or of [N, T, F] with `layout` 1: states of all steps
    [T, directions, N, H], and the last ones."""

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
        if len(call.node.outputs) > 2 and call.node.outputs[2]:
            raise Unmapped("gives the memory of the last step")
        is_reverse = call.get("direction", "forward") == "reverse"
        needs_all = bool(call.node.outputs[0])
        fields = {
            "features": features,
            "bidirectional": True if directions == 2 else None,
            "bias": None if bias is not None else False,
            "output": None if needs_all else "last",
        }
        if not call.get("layout", 0):
            x = transpose(b, x, (1, 0, 2))
        ahead = x.shape[: 2 if needs_all else 1]
        states = b.layer(kind, (x,), (*ahead, directions * features), fields, owns=stored)
        apart = b.reshaped(states, (*ahead, directions, features))
        if not needs_all:
            return [apart, apart if call.get("layout", 0) else transpose(b, apart, (1, 0, 2))]
        made = [apart if call.get("layout", 0) else transpose(b, apart, (1, 2, 0, 3))]
        if len(call.node.outputs) > 1 and call.node.outputs[1]:
            if directions == 2:
                raise Unmapped("gives the states of all steps and the last ones, in two directions")
            last = slice_of(b, apart, 1, 0, 1) if is_reverse else slice_of(b, apart, 1, -1, None)
            last = b.reshaped(last, (ahead[0], directions, features))
            made.append(last if call.get("layout", 0) else transpose(b, last, (1, 0, 2)))
        return made

    return rule


RULES: Mapping[str, Rule] = {
    "CausalConvWithState": causal_convolution,
    "LSTM": recurrent("lstm"),
    "GRU": recurrent("gru"),
}
