"""Attention that a file has as one operator: scaled products of queries, keys and values."""

from __future__ import annotations

import math

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.products import of_rank
from mnet_cost.importing.mapping.values import Unmapped, Value, joined_shape, mixing


def attention(
    b: Builder,
    query: Value,
    key: Value,
    value: Value,
    bias: Value | None,
    *,
    causal: bool = False,
    scale: float | None = None,
    grouped: bool = False,
) -> Value:
    """softmax(Q K^T * scale + bias) V for query [..., L, F], key [..., S, F], value [..., S, V].

    Axes in front (batch, heads) are broadcast. `bias` [..., L, S] is a mask or is added. By default
    the scale is 1 / sqrt(F). `grouped`: several heads of queries share a head of keys and values.
    """
    if grouped:
        return _grouped(b, query, key, value, bias, causal, scale)
    operands = (query, key, value)
    if any(x.rank < 2 for x in operands):
        raise Unmapped("has queries, keys or values of one axis")
    if any(isinstance(size, Batch) for x in operands for size in x.shape[-2:]):
        raise mixing()
    features = query.shape[-1]
    assert isinstance(features, int)
    if scale is not None and not math.isclose(scale, features**-0.5, rel_tol=1e-5):
        b.notes["scores of attention are scaled by another number than 1 / sqrt(features)"] = None
    leading = joined_shape([x.shape[:-2] for x in operands])
    rank = len(leading) + 2
    inputs = [of_rank(b, x, rank, leading) for x in operands]
    if bias is not None:
        inputs.append(_of_scores(b, bias, rank, leading))
    fields = {"causal": True if causal else None}
    shape = (*leading, query.shape[-2], value.shape[-1])
    return b.layer("scaled_dot_product_attention", inputs, shape, fields)


def _grouped(
    b: Builder,
    query: Value,
    key: Value,
    value: Value,
    bias: Value | None,
    causal: bool,
    scale: float | None,
) -> Value:
    """The same with an axis for the queries of each group, [..., groups, queries, L, F], along
    which keys and values are broadcast."""
    if any(x.rank < 3 for x in (query, key, value)) or key.shape[-3] != value.shape[-3]:
        raise Unmapped("has no heads, or others of keys than of values")
    many, few = plain_sizes((query.shape[-3], key.shape[-3]))
    if many % few:
        raise Unmapped(f"has {many} heads of queries for {few} of keys")

    def apart(x: Value, groups: int, rest: int) -> Value:
        return b.reshaped(x, (*x.shape[:-3], groups, rest, *x.shape[-2:]))

    if bias is not None and bias.rank > 2:
        whole = bias.shape[-3] != 1
        bias = apart(bias, *((few, many // few) if whole else (1, 1)))
    made = attention(
        b,
        apart(query, few, many // few),
        apart(key, few, 1),
        apart(value, few, 1),
        bias,
        causal=causal,
        scale=scale,
    )
    return b.reshaped(made, (*query.shape[:-1], value.shape[-1]))


def _of_scores(b: Builder, bias: Value, rank: int, leading: tuple[int | Batch, ...]) -> Value:
    """A bias of the scores, which have an axis for the heads of the layer: one here."""
    if bias.rank < 2:
        bias = b.reshaped(bias, (1,) * (2 - bias.rank) + bias.shape)
    if bias.rank > 2:
        bias = of_rank(b, bias, rank, leading)
    shape = (*bias.shape[:-2], 1, *bias.shape[-2:])
    return b.reshaped(bias, shape)
