"""Attention of ONNX, and embeddings of positions by turning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnet_cost.importing.mapping.activations import softmax
from mnet_cost.importing.mapping.at_positions import Slices, gather_slices
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.elementwise import binary, function, scaled
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat, slice_of, transpose
from mnet_cost.importing.mapping.onnx.products import product
from mnet_cost.importing.mapping.onnx.reading import short
from mnet_cost.importing.mapping.parts import stack
from mnet_cost.importing.mapping.stored import constant
from mnet_cost.importing.mapping.values import Unmapped, Value


def attention_rule(b: Builder, call: Call) -> list[Value]:
    """Attention: of heads [N, heads, L, F], or of [N, L, heads * F] with `q_num_heads`.

    Scores are a product, a mask is added, and what a cache holds comes first.
    """
    query, key, value = (call.input(i) for i in range(3))
    mask = call.optional(3)
    if any(x.rank not in (3, 4) or x.rank != query.rank for x in (query, key, value)):
        raise Unmapped("is of tensors that have not three or four axes")
    if call.optional(6) is not None or call.get("local_window_size"):
        raise Unmapped("has lengths of its own for each example, or a window")
    flat = query.rank == 3
    heads, kv_heads = call.get("q_num_heads"), call.get("kv_num_heads")
    if flat:
        query = _heads(b, query, heads)
        key, value = _heads(b, key, kv_heads), _heads(b, value, kv_heads)
    caches = [call.optional(4), call.optional(5)]
    if caches[0] is not None and caches[1] is not None:
        key, value = concat(b, (caches[0], key), 2), concat(b, (caches[1], value), 2)
    present = [key, value]
    groups = _groups(query, key)
    if groups != 1:  # several queries share a key: rows of one product
        query = _rows_of_groups(b, query, groups)
    features = plain_sizes(query.shape[-1:])[0]
    scale = call.get("scale", features**-0.5)
    scores = scaled(b, product(b, query, transpose(b, key, (0, 1, 3, 2))), short(scale))
    full = (*scores.shape[:2], scores.shape[2], scores.shape[3])
    if groups != 1:
        scores = _apart(b, scores, groups)
    whole = scores
    if softcap := short(call.get("softcap", 0.0)):
        whole = scaled(b, function(b, scaled(b, whole, 1 / softcap), "tanh"), softcap)
    if mask is not None:
        whole = binary(b, whole, mask, "add")
    elif call.get("is_causal", 0):
        steps = plain_sizes(whole.shape[-2:])
        whole = binary(b, whole, constant(b, steps, None, None), "add")
    shares = softmax(b, whole, -1)
    made = shares
    if groups != 1:
        made = b.reshaped(shares, full)
    made = product(b, made, value)
    if groups != 1:
        made = _apart(b, made, groups)
    if flat:
        width = plain_sizes((made.shape[1], made.shape[3]))
        made = b.reshaped(
            transpose(b, made, (0, 2, 1, 3)),
            (made.shape[0], made.shape[2], width[0] * width[1]),
        )
    mode = call.get("qk_matmul_output_mode", 0)
    if not 0 <= mode <= 3:
        raise Unmapped(f"gives scores in mode {mode}")
    extra = (scores, whole, whole, shares)[mode]
    return [made, *present, extra][: len(call.node.outputs)]


def _heads(b: Builder, x: Value, heads: Any) -> Value:
    """x [N, L, heads * F] as [N, heads, L, F]."""
    if x.rank != 3:
        raise Unmapped(f"has heads in a tensor of {x.rank} axes")
    (width,) = plain_sizes(x.shape[2:])
    if not isinstance(heads, int) or heads < 1 or width % heads:
        raise Unmapped(f"has {heads} heads of {width} features")
    apart = b.reshaped(x, (*x.shape[:2], heads, width // heads))
    return transpose(b, apart, (0, 2, 1, 3))


def _groups(query: Value, key: Value) -> int:
    """How many heads of queries share a head of keys."""
    many, few = plain_sizes((query.shape[1], key.shape[1]))
    if many % few:
        raise Unmapped(f"has {many} heads of queries for {few} of keys")
    return many // few


def _rows_of_groups(b: Builder, x: Value, groups: int) -> Value:
    heads, steps, features = plain_sizes(x.shape[1:])
    return b.reshaped(x, (x.shape[0], heads // groups, groups * steps, features))


def _apart(b: Builder, x: Value, groups: int) -> Value:
    heads, rows, columns = plain_sizes(x.shape[1:])
    return b.reshaped(x, (x.shape[0], heads * groups, rows // groups, columns))


def rotary(b: Builder, call: Call) -> Value:
    """RotaryEmbedding: pairs of features are turned by angles of tables [N, L, F / 2], or of rows
    of tables [rows, F / 2]. A pair is one of each half, or, interleaved, two neighbours."""
    x, cosine, sine = (call.input(i) for i in range(3))
    flat = x.rank == 3
    heads = call.get("num_heads", 0)
    if (rows := call.optional(3)) is not None:
        cosine, sine = (gather_slices(b, t, rows, Slices(0)) for t in (cosine, sine))
    interleaved = bool(call.get("interleaved", 0))
    if flat:
        x = _heads(b, x, heads)
    size = plain_sizes(x.shape[-1:])[0]
    turned_size = call.get("rotary_embedding_dim", 0) or size
    rest = [slice_of(b, x, 3, turned_size, None)] if turned_size < size else []
    half = turned_size // 2
    if interleaved:
        first, second = (slice_of(b, x, 3, i, turned_size, 2) for i in range(2))
    else:
        first, second = slice_of(b, x, 3, 0, half), slice_of(b, x, 3, half, turned_size)
    tables = [b.reshaped(t, (t.shape[0], 1, *t.shape[1:])) for t in (cosine, sine)]
    products = [
        [binary(b, part, table, "multiply") for table in tables] for part in (first, second)
    ]
    turned = [
        binary(b, products[0][0], products[1][1], "subtract"),
        binary(b, products[0][1], products[1][0], "add"),
    ]
    if interleaved:
        turned = [b.reshaped(stack(b, turned, 4), (*x.shape[:3], turned_size))]
    made = concat(b, [*turned, *rest], 3)
    if flat:
        made = b.reshaped(transpose(b, made, (0, 2, 1, 3)), call.input(0).shape)
    return made


RULES: Mapping[str, Rule] = {
    "Attention": attention_rule,
    "RotaryEmbedding": rotary,
}
