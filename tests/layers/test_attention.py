from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, evaluate, kind_of, refusal

from mnet_cost.layers import KINDS, Layer, Work
from mnet_cost.layers.attention import Attention, MatMul, ScaledDotProductAttention
from mnet_cost.layers.conv import Conv2d
from mnet_cost.layers.linear import Linear

WINDOWS = (64, 49, 96)

EXAMPLES = [
    # 3*4*5; reads 12 + 20
    Example(MatMul(), ((3, 4), (4, 5)), (3, 5), Work(60, 0, 0, 0, 0, 32, 15)),
    # 2 * 3*4*5; reads 24 + 40
    Example(
        MatMul(transpose_second=True),
        ((2, 3, 4), (2, 5, 4)),
        (2, 3, 5),
        Work(120, 0, 0, 0, 0, 64, 30),
    ),
    # one matrix for seven: 7 * 3*4*5; reads 84 + 20
    Example(MatMul(), ((7, 3, 4), (1, 4, 5)), (7, 3, 5), Work(420, 0, 0, 0, 0, 104, 105)),
    Example(MatMul(), ((1, 3, 4), (7, 4, 5)), (7, 3, 5), Work(420, 0, 0, 0, 0, 152, 105)),
    # an axis that is not there counts as 1
    Example(MatMul(), ((7, 3, 4), (4, 5)), (7, 3, 5), Work(420, 0, 0, 0, 0, 104, 105)),
    Example(MatMul(), ((3, 4), (2, 7, 4, 5)), (2, 7, 3, 5), Work(840, 0, 0, 0, 0, 292, 210)),
    Example(MatMul(), ((7, 3, 4), (2, 1, 4, 5)), (2, 7, 3, 5), Work(840, 0, 0, 0, 0, 124, 210)),
    # 3*5*4 to match, 3*5*6 to mix; 6 for each of 3*5 scores; reads 12 + 20 + 30
    Example(
        ScaledDotProductAttention(),
        ((3, 4), (5, 4), (5, 6)),
        (3, 6),
        Work(150, 90, 0, 0, 0, 62, 18),
    ),
    # two heads have as many products, of half the size, but twice the scores
    Example(
        ScaledDotProductAttention(heads=2),
        ((3, 4), (5, 4), (5, 6)),
        (3, 6),
        Work(150, 180, 0, 0, 0, 62, 18),
    ),
    # Swin-T, first stage: 64 windows of 7*7. 64 * 2 * 49*49*96; 6 * 3 * 64 * 49*49
    Example(
        ScaledDotProductAttention(heads=3),
        (WINDOWS, WINDOWS, WINDOWS),
        WINDOWS,
        Work(29_503_488, 2_765_952, 0, 0, 0, 903_168, 301_056),
    ),
    # eight heads on an axis share keys and values: 8 * 2 * 10*10*4; reads 320 + 40 + 40
    Example(
        ScaledDotProductAttention(),
        ((8, 10, 4), (1, 10, 4), (1, 10, 4)),
        (8, 10, 4),
        Work(6400, 4800, 0, 0, 0, 400, 320),
    ),
    # a bias for each head: 7 instead of 6 for each of 2*3*5 scores, 2*3*5 more elements read
    Example(
        ScaledDotProductAttention(heads=2),
        ((3, 4), (5, 4), (5, 6), (2, 3, 5)),
        (3, 6),
        Work(150, 210, 0, 0, 0, 92, 18),
    ),
    # a mask of keys for all queries and heads; causal scores are counted in full
    Example(
        ScaledDotProductAttention(heads=2, causal=True),
        ((3, 4), (5, 4), (5, 6), (5,)),
        (3, 6),
        Work(150, 210, 0, 0, 0, 67, 18),
    ),
    # six heads of queries, 24 / 6 = 4 wide, on two of keys (8) and values (2 * 3): 3*5*24 to match,
    # 3*5*18 to mix; 6 for each of 6*3*5 scores; reads 3*24 + 5*8 + 5*6
    Example(
        ScaledDotProductAttention(heads=6, kv_heads=2),
        ((3, 24), (5, 8), (5, 6)),
        (3, 18),
        Work(630, 540, 0, 0, 0, 142, 54),
    ),
    # ViT-B/16: 4 * 197*768*768 + 2 * 197*197*768; scores 6 * 12*197*197, biases 4 * 197*768;
    # 4 * 768*768 weights and 4 * 768 biases
    Example(
        Attention(heads=12),
        ((197, 768),),
        (197, 768),
        Work(524_391_936, 3_399_432, 2_359_296, 2_362_368, 0, 151_296, 151_296),
    ),
    # Llama 3 8B, one layer of 10 tokens (32 heads, 8 of keys and values, 128 wide, no bias):
    # 2 * 10*4096*4096 + 2 * 10*4096*1024 + 2 * 10*10*4096; 6 * 32*10*10; weights 2 * 4096*4096
    # + 2 * 4096*1024
    Example(
        Attention(heads=32, kv_heads=8, causal=True, bias=False),
        ((10, 4096),),
        (10, 4096),
        Work(420_249_600, 19_200, 41_943_040, 41_943_040, 0, 40_960, 40_960),
    ),
    # queries 3*8*12 and 3*12*8 back, keys and values 2 * 5*6*4 (12 / 3 * 1), products 2 * 3*5*12;
    # scores 7 * 3*3*5, biases 3*12 + 2 * 5*4 + 3*8; weights 2 * 8*12 + 2 * 6*4, biases 12 + 8 + 8;
    # reads 24 + 30 + 45
    Example(
        Attention(heads=3, features=12, kv_heads=1, score_bias=True),
        ((3, 8), (5, 6), (3, 3, 5)),
        (3, 8),
        Work(1176, 415, 240, 268, 0, 99, 24),
    ),
    # the bias of a sequence to itself: 4 * 3*8*8 + 2 * 3*3*8; 7 * 4*3*3
    Example(
        Attention(heads=4, bias=False, score_bias=True),
        ((3, 8), (1, 3)),
        (3, 8),
        Work(912, 252, 256, 256, 0, 27, 24),
    ),
    # twice 4 * 3*8*8 + 2 * 3*3*8; twice 6 * 4*3*3
    Example(
        Attention(heads=4, bias=False),
        ((2, 3, 8),),
        (2, 3, 8),
        Work(1824, 432, 256, 256, 0, 48, 48),
    ),
    # query 3*8*4, keys and values 2 * 5*6*4, output 3*4*8, products 2 * 3*5*4;
    # scores 6 * 2*3*5, biases 12 + 2*20 + 24; weights 2 * 8*4 + 2 * 6*4, biases 3*4 + 8
    Example(
        Attention(heads=2, features=4),
        ((3, 8), (5, 6)),
        (3, 8),
        Work(552, 256, 112, 132, 0, 54, 24),
    ),
    # the same queries for two contexts are projected once: 3*8*8 + 2 * 2*5*8*8 + 2*3*8*8
    # + 2 * 2*3*5*8; scores 6 * 2*3*5, biases 24 + 2*80 + 48
    Example(
        Attention(heads=1),
        ((1, 3, 8), (2, 5, 8)),
        (2, 3, 8),
        Work(2336, 412, 256, 288, 0, 104, 48),
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


def test_vit_b_16() -> None:
    """17.564 G mult-adds and 86,567,656 params: torchvision 0.29.2, meta of ViT_B_16_Weights."""
    width, length = 768, 197
    total = Work()
    encoder: list[tuple[Layer, Shape]] = [
        (Attention(heads=12), (length, width)),
        (Linear(features=3072), (length, width)),
        (Linear(features=width), (length, 3072)),
    ]
    for layer, shape in [
        (Conv2d(channels=width, kernel=16, stride=16, padding="valid", bias=True), (3, 224, 224)),
        *encoder * 12,
        (Linear(features=1000), (width,)),
    ]:
        work = evaluate(layer, shape)[1]
        assert work is not None
        total += work
    assert total.mult_adds == 17_563_828_224
    norms, class_token, positions = 25 * 2 * width, width, length * width
    assert total.params + norms + class_token + positions == 86_567_656


def test_attention_is_its_parts() -> None:
    """Spelled out, it takes the same mult-adds, params and operations."""
    query, context = (2, 3, 8), (2, 5, 6)
    parts: list[tuple[Layer, tuple[Shape, ...]]] = [
        (Linear(features=4), (query,)),
        (Linear(features=4), (context,)),
        (Linear(features=4), (context,)),
        (ScaledDotProductAttention(heads=2), ((2, 3, 4), (2, 5, 4), (2, 5, 4))),
        (Linear(features=8), ((2, 3, 4),)),
    ]
    total = Work()
    for layer, shapes in parts:
        work = evaluate(layer, *shapes)[1]
        assert work is not None
        total += work
    whole = evaluate(Attention(heads=2, features=4), query, context)[1]
    assert whole is not None
    assert whole[:5] == total[:5]


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (MatMul(), ((3, 4), (5, 4)), "needs equal inner sizes, not 4 and 5"),
        (MatMul(transpose_second=True), ((3, 4), (4, 5)), "needs equal inner sizes, not 4 and 5"),
        (MatMul(), ((4,), (4, 5)), "needs matrices: `reshape` makes a row or a column of a vector"),
        (MatMul(), ((2, 1, 3, 4), (3, 2, 4, 5)), "needs equal axes in front of the last two"),
        (MatMul(), ((2, 3, 4), (3, 4, 5)), "needs equal axes in front of the last two"),
        (
            ScaledDotProductAttention(),
            ((3, 4), (5, 6), (5, 6)),
            "needs as many features in query and key, not 4 and 6",
        ),
        (
            ScaledDotProductAttention(),
            ((3, 4), (5, 4), (6, 4)),
            "needs a value for each key, not 6 for 5",
        ),
        (
            ScaledDotProductAttention(heads=3),
            ((3, 4), (5, 4), (5, 6)),
            "4 features do not divide into 3 heads",
        ),
        (
            ScaledDotProductAttention(heads=4),
            ((3, 4), (5, 4), (5, 6)),
            "6 features do not divide into 4 heads",
        ),
        (
            ScaledDotProductAttention(),
            ((2, 3, 4), (3, 5, 4), (2, 5, 6)),
            "needs equal axes in front of the last two",
        ),
        (
            ScaledDotProductAttention(heads=2),
            ((3, 4), (5, 4), (5, 6), (3, 3, 5)),
            "the score bias does not fit the scores, [2, 3, 5] (heads, queries, keys last)",
        ),
        (
            ScaledDotProductAttention(heads=2),
            ((7, 3, 4), (7, 5, 4), (1, 5, 6), (5, 3)),
            "the score bias does not fit the scores, [7, 2, 3, 5] (heads, queries, keys last)",
        ),
        (
            ScaledDotProductAttention(),
            ((3, 4), (5, 4), (5, 6), (1, 1, 1, 1)),
            "the score bias does not fit the scores, [1, 3, 5] (heads, queries, keys last)",
        ),
        (
            ScaledDotProductAttention(heads=4, kv_heads=3),
            ((3, 8), (5, 6), (5, 6)),
            "3 kv_heads do not divide 4 heads",
        ),
        (
            ScaledDotProductAttention(heads=4, kv_heads=2),
            ((3, 8), (5, 8), (5, 6)),
            "needs 4 features in the key, as many in each of 2 kv_heads as in each of 4 heads of "
            "the query, not 8",
        ),
        (
            ScaledDotProductAttention(heads=4, kv_heads=2),
            ((3, 8), (5, 4), (5, 7)),
            "7 features of the value do not divide into 2 kv_heads",
        ),
        (Attention(heads=4, kv_heads=8), ((7, 8),), "8 kv_heads do not divide 4 heads"),
        (
            Attention(heads=4, score_bias=True),
            ((7, 8),),
            "needs a sequence in front of the score bias",
        ),
        (
            Attention(heads=4),
            ((7, 8), (5, 8), (7, 5)),
            "needs `score_bias: true` to add its third input to the scores",
        ),
        (
            Attention(heads=4, score_bias=True),
            ((7, 8), (5, 8), (7, 7)),
            "the score bias does not fit the scores, [4, 7, 5] (heads, queries, keys last)",
        ),
        (Attention(heads=5), ((7, 8),), "8 features do not divide into 5 heads"),
        (Attention(heads=4, features=6), ((7, 8),), "6 features do not divide into 4 heads"),
        (Attention(heads=1), ((8,),), "needs matrices with equally many axes"),
        (Attention(heads=1), ((7, 8), (2, 7, 8)), "needs matrices with equally many axes"),
        (Attention(heads=1), ((2, 7, 8), (3, 7, 8)), "needs equal axes in front of the last two"),
    ],
)
def test_refusal(layer: Layer, shapes: tuple[Shape, ...], message: str) -> None:
    assert refusal(layer, *shapes) == message


def test_heads_of_keys_and_values_are_as_many_by_default() -> None:
    shapes = (3, 8), (5, 6)
    assert evaluate(Attention(heads=4, kv_heads=4), *shapes) == evaluate(
        Attention(heads=4), *shapes
    )


def test_alias() -> None:
    assert KINDS["multi_head_attention"] is KINDS["attention"] is Attention
