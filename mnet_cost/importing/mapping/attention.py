"""Attention that a file has as one operator: scaled products of queries, keys and values."""

from __future__ import annotations

import math

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
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
) -> Value:
    """softmax(Q K^T * scale + bias) V for query [..., L, F], key [..., S, F], value [..., S, V].

    Axes in front (batch, heads) are broadcast. `bias` [..., L, S] is a mask or is added. By default
    the scale is 1 / sqrt(F).
    """
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


def _of_scores(b: Builder, bias: Value, rank: int, leading: tuple[int | Batch, ...]) -> Value:
    """A bias of the scores, which have an axis for the heads of the layer: one here."""
    if bias.rank < 2:
        bias = b.reshaped(bias, (1,) * (2 - bias.rank) + bias.shape)
    if bias.rank > 2:
        bias = of_rank(b, bias, rank, leading)
    shape = (*bias.shape[:-2], 1, *bias.shape[-2:])
    return b.reshaped(bias, shape)
