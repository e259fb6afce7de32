"""Rules of linear layers, attention, recurrence and trained tensors (see `emitter.Rule`)."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import nn

from mnet_cost.layers.attention import Attention, MatMul, ScaledDotProductAttention
from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.parameters import ClassToken, Embedding, PositionEmbedding, Scale
from mnet_cost.layers.recurrent import Gru, Lstm, Recurrent, Rnn
from mnet_cost.tensors import TensorType
from mnet_cost.torch_model import modules
from mnet_cost.torch_model.emitter import Emitter, Types, aligned, folded, unfolded


def linear(e: Emitter, layer: Linear, xs: list[Any], types: Types, outputs: Types) -> Any:
    return e.module(nn.Linear, types[0].shape[-1], layer.features, bias=layer.bias)(xs[0])


def matmul(e: Emitter, layer: MatMul, xs: list[Any], types: Types, outputs: Types) -> Any:
    first, second = aligned(e, xs, types)
    if layer.transpose_second:
        second = e.call(torch.transpose, second, -2, -1)
    return e.call(torch.matmul, first, second)


def _leading(outputs: Types) -> dict[str, tuple[int, ...]]:
    """`leading` as `modules.attend` takes it: the axes between N and the matrices, if any."""
    leading = outputs[0].shape[:-2]
    return {"leading": leading} if leading else {}


def _options(layer: Attention | ScaledDotProductAttention) -> dict[str, Any]:
    """What differs from attention in which each query sees all keys with a head of its own."""
    grouped = {} if layer.kv_heads in (None, layer.heads) else {"kv_heads": layer.kv_heads}
    return grouped | ({"causal": True} if layer.causal else {})


def _score_bias(e: Emitter, bias: Any, type_: TensorType, outputs: Types) -> Any:
    """`bias` with all axes of the scores, [N, ..., heads, L, S]: those in front that it has not
    are 1."""
    missing = len(outputs[0].shape) + 1 - len(type_.shape)
    return e.call(torch.unflatten, bias, 0, (-1, *[1] * missing)) if missing else bias


def scaled_dot_product_attention(
    e: Emitter, layer: ScaledDotProductAttention, xs: list[Any], types: Types, outputs: Types
) -> Any:
    if len(xs) == 4:
        xs = [*xs[:3], _score_bias(e, xs[3], types[3], outputs)]
    return e.call(modules.attend, *xs, heads=layer.heads, **_options(layer), **_leading(outputs))


def attention(e: Emitter, layer: Attention, xs: list[Any], types: Types, outputs: Types) -> Any:
    place = layer.context_place(len(xs))
    width, context = types[0].shape[-1], types[place].shape[-1]
    features = width if layer.features is None else layer.features
    inner = e.module(
        modules.Attention, width, context, features, layer.heads, bias=layer.bias, **_options(layer)
    )
    if layer.score_bias:  # it comes after the context, in whose place is the query itself
        xs = [xs[0], xs[place], _score_bias(e, xs[-1], types[-1], outputs)]
    return inner(*xs, **_leading(outputs))


def _recurrent(
    e: Emitter, layer: Recurrent, x: Any, type_: TensorType, output: TensorType, factory: Any,
    **options: Any,
) -> Any:  # fmt: skip
    inner = e.module(
        factory, type_.shape[-1], layer.features, num_layers=layer.layers, bias=layer.bias,
        batch_first=True, bidirectional=layer.bidirectional, **options,
    )  # fmt: skip
    both_results = inner(folded(e, x, type_, 2))
    if layer.output == "sequence":
        return unfolded(e, e.call(operator.getitem, both_results, 0), output, 2)
    states = e.call(operator.getitem, both_results, 1)
    if factory is nn.LSTM:  # (states, memories)
        states = e.call(operator.getitem, states, 0)
    directions = 2 if layer.bidirectional else 1
    last = e.call(torch.narrow, states, 0, (layer.layers - 1) * directions, directions)
    state = e.call(torch.flatten, e.call(torch.transpose, last, 0, 1), 1)
    return unfolded(e, state, output, 1)


def lstm(e: Emitter, layer: Lstm, xs: list[Any], types: Types, outputs: Types) -> Any:
    projection = {} if layer.projection is None else {"proj_size": layer.projection}
    return _recurrent(e, layer, xs[0], types[0], outputs[0], nn.LSTM, **projection)


def gru(e: Emitter, layer: Gru, xs: list[Any], types: Types, outputs: Types) -> Any:
    return _recurrent(e, layer, xs[0], types[0], outputs[0], nn.GRU)


def rnn(e: Emitter, layer: Rnn, xs: list[Any], types: Types, outputs: Types) -> Any:
    other = {} if layer.function == "tanh" else {"nonlinearity": layer.function}
    return _recurrent(e, layer, xs[0], types[0], outputs[0], nn.RNN, **other)


def scale(e: Emitter, layer: Scale, xs: list[Any], types: Types, outputs: Types) -> Any:
    axis = named_axis(types[0], layer.axis, layer.kind)
    return e.module(modules.Scale, types[0].shape[axis], -1 - axis, layer.initial)(xs[0])


def class_token(e: Emitter, layer: ClassToken, xs: list[Any], types: Types, outputs: Types) -> Any:
    return e.module(modules.ClassToken, types[0].shape[-1])(xs[0])


def position_embedding(
    e: Emitter, layer: PositionEmbedding, xs: list[Any], types: Types, outputs: Types
) -> Any:
    return e.module(modules.PositionEmbedding, *types[0].shape[-2:])(xs[0])


def embedding(e: Emitter, layer: Embedding, xs: list[Any], types: Types, outputs: Types) -> Any:
    return e.module(nn.Embedding, layer.vocabulary, layer.features)(xs[0])
