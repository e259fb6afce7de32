"""Parts of a graph that a person writes as one layer, and what looks like them and is not."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest
from layer_graphs import Layers, with_all_passes

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns import recognized
from mnet_cost.importing.resolution import layer_of


def totals(graph: LayerGraph) -> tuple[int, int]:
    """(mult-adds, params) of a graph that shares nothing."""
    mult_adds = params = 0
    for layer in graph.layers:
        work = layer_of(layer).work(
            tuple([graph.type_of(wire) for wire in layer.inputs]), layer.types[0]
        )
        assert work is not None
        mult_adds += work.mult_adds
        params += work.params
    return mult_adds, params


def patterns(graph: LayerGraph) -> list[tuple[str, dict[str, Any]]]:
    """(Kind, fields) of the layers after all passes; counts and the output are as before."""
    after = recognized(graph)
    assert after == with_all_passes(graph), "a pass was left out that changes the graph"
    assert totals(after) == totals(graph)
    shapes = [[g.type_of(wire).shape for wire in g.outputs] for g in (graph, after)]
    assert shapes[0] == shapes[1]
    return [(layer.kind, dict(layer.fields)) for layer in after.layers]


def kinds(graph: LayerGraph) -> list[str]:
    return [kind for kind, _ in patterns(graph)]


def heads(layers: Layers, x: Wire, rows: int, heads: int, size: int) -> Wire:
    """[L, heads * size] as [heads, L, size]."""
    split = layers.add("reshape", x, shape=[rows, heads, size])
    return layers.add("transpose", split, axes=[1, 0, 2])


def attention(
    separate: bool = True, bias: tuple[bool, ...] = (True,) * 4, factor: float = 0.5, **extra: Any
) -> LayerGraph:
    """Attention of 10 positions with 8 features in 2 heads, from its parts."""
    layers = Layers((10, 8))
    x = layers.input()
    if separate:
        query, key, value = (
            heads(layers, layers.add("linear", x, features=8, bias=has), 10, 2, 4)
            for has in bias[:3]
        )
    else:
        packed = layers.add("linear", x, features=24, bias=bias[0])
        split = layers.add("reshape", packed, shape=[10, 3, 2, 4])
        turned = layers.add("transpose", split, axes=[1, 2, 0, 3])
        query, key, value = (
            layers.add("take", turned, index=number, axis=-4) for number in range(3)
        )
    if extra.get("fused"):
        mixed = layers.add("scaled_dot_product_attention", query, key, value)
    else:
        query = layers.add("elementwise", query, operation="multiply", number=factor)
        turned = layers.add("transpose", key, axes=[0, 2, 1])
        scores = layers.add("matmul", query, turned)
        if "table" in extra:
            scores = layers.add("add", scores, layers.add("parameter", shape=extra["table"]))
        mixed = layers.add("matmul", layers.add("softmax", scores, axis=-1), value)
    together = layers.add("transpose", mixed, axes=[1, 0, 2])
    joined = layers.add("reshape", together, shape=[10, 8])
    layers.add("linear", joined, features=8, bias=bias[3])
    return layers.graph()


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("fused", [False, True])
def test_attention_from_its_parts(separate: bool, fused: bool) -> None:
    assert patterns(attention(separate, fused=fused)) == [("attention", {"heads": 2})]


def test_attention_without_biases_has_none() -> None:
    graph = attention(bias=(False,) * 4)
    assert patterns(graph) == [("attention", {"heads": 2, "bias": False})]


def test_a_table_is_a_score_bias() -> None:
    assert patterns(attention(table=[2, 10, 10])) == [
        ("parameter", {"shape": [2, 10, 10]}),
        ("attention", {"heads": 2, "score_bias": True}),
    ]


def test_four_biases_that_do_not_agree_stay_linear_layers() -> None:
    made = kinds(attention(bias=(True, False, True, True)))
    assert "attention" not in made
    assert made.count("linear") == 4
    assert made.count("scaled_dot_product_attention") == 1


def test_scores_that_are_scaled_otherwise_stay() -> None:
    assert "scaled_dot_product_attention" not in kinds(attention(factor=0.7))


def test_heads_that_are_mixed_up_are_no_attention() -> None:
    layers = Layers((10, 8))
    x = layers.input()
    parts = [layers.add("linear", x, features=8) for _ in range(3)]
    query, key, value = (heads(layers, part, 10, 2, 4) for part in parts)
    mixed = layers.add("scaled_dot_product_attention", query, key, value)
    layers.add("linear", layers.add("reshape", mixed, shape=[10, 8]), features=8)
    assert "attention" not in kinds(layers.graph())


def test_a_vision_transformer_begins_with_words_of_the_language() -> None:
    layers = Layers((3, 32, 32))
    x = layers.add("conv2d", layers.input(), channels=8, kernel=8, stride=8, padding=0)
    x = layers.add("transpose", layers.add("flatten", x, axes=2), axes=[1, 0])
    x = layers.add("concat", layers.add("parameter", shape=[1, 8]), x, axis=-2)
    x = layers.add("add", x, layers.add("parameter", shape=[17, 8]))
    layers.add("layer_norm", x, axis=-1)
    assert kinds(layers.graph()) == [
        "conv2d", "to_sequence", "class_token", "position_embedding", "layer_norm",
    ]  # fmt: skip


def test_a_block_with_channels_last_is_one_of_images() -> None:
    layers = Layers((16, 8, 8))
    start = layers.add("conv2d", layers.input(), channels=16, kernel=3)
    x = layers.add("transpose", start, axes=[1, 2, 0])
    x = layers.add("layer_norm", x, axis=-1)
    x = layers.add("linear", x, features=64)
    x = layers.add("gelu", x)
    x = layers.add("linear", x, features=16, bias=False)
    x = layers.add("transpose", x, axes=[2, 0, 1])
    x = layers.add("multiply", layers.add("parameter", shape=[16, 1, 1]), x)
    layers.add("add", x, start)
    assert patterns(layers.graph())[1:] == [
        ("layer_norm", {"axis": "channels"}),
        ("conv2d", {"channels": 64, "kernel": 1, "bias": True}),
        ("gelu", {}),
        ("conv2d", {"channels": 16, "kernel": 1}),
        ("scale", {"axis": -3}),
        ("add", {}),
    ]


def test_a_list_that_grows() -> None:
    layers = Layers((4, 8, 8))
    parts = [layers.input()]
    for _ in range(3):
        joined = parts[0] if len(parts) == 1 else layers.add("concat", *parts, axis="channels")
        parts.append(layers.add("conv2d", joined, channels=4, kernel=3))
    layers.add("concat", *parts, axis="channels")
    after = recognized(layers.graph())
    assert [len(layer.inputs) for layer in after.layers if layer.kind == "concat"] == [2, 2, 2]
    assert totals(after) == totals(layers.graph())


def erf_gelu(layers: Layers, x: Wire) -> None:
    inside = layers.add("elementwise", x, operation="divide", number=sqrt(2))
    curve = layers.add("elementwise", inside, operation="erf")
    gate = layers.add("elementwise", curve, operation="add", number=1)
    product = layers.add("multiply", x, gate)
    layers.add("elementwise", product, operation="multiply", number=0.5)


def tanh_gelu(layers: Layers, x: Wire) -> None:
    cube = layers.add("elementwise", x, operation="power", number=3)
    cube = layers.add("elementwise", cube, operation="multiply", number=0.044715)
    inside = layers.add("add", x, cube)
    inside = layers.add("elementwise", inside, operation="multiply", number=0.7978845608)
    gate = layers.add("tanh", inside)
    gate = layers.add("elementwise", gate, operation="add", number=1.0)
    half = layers.add("elementwise", x, operation="multiply", number=0.5)
    layers.add("multiply", half, gate)


def swish(layers: Layers, x: Wire) -> None:
    layers.add("multiply", x, layers.add("sigmoid", x))


def straight_swish(layers: Layers, x: Wire) -> None:
    gate = layers.add("elementwise", x, operation="add", number=3)
    gate = layers.add("relu6", gate)
    gate = layers.add("elementwise", gate, operation="divide", number=6)
    layers.add("multiply", x, gate)


def straight_sigmoid(layers: Layers, x: Wire) -> None:
    inside = layers.add("elementwise", x, operation="multiply", number=1 / 6)
    inside = layers.add("elementwise", inside, operation="add", number=0.5)
    layers.add("elementwise", inside, operation="clamp", low=0, high=1)


def no_swish(layers: Layers, x: Wire) -> None:
    gate = layers.add("elementwise", x, operation="add", number=2)
    layers.add("multiply", x, layers.add("sigmoid", gate))


@pytest.mark.parametrize(
    ("make", "made"),
    [
        (erf_gelu, [("gelu", {})]),
        (tanh_gelu, [("elementwise", {"operation": "gelu_tanh"})]),
        (swish, [("silu", {})]),
        (straight_swish, [("hard_swish", {})]),
        (straight_sigmoid, [("hard_sigmoid", {})]),
    ],
)
def test_activations_from_their_parts(make: Any, made: object) -> None:
    layers = Layers((4, 8, 8))
    make(layers, layers.input())
    assert patterns(layers.graph()) == made


def test_what_is_nearly_an_activation_stays() -> None:
    layers = Layers((4, 8, 8))
    no_swish(layers, layers.input())
    assert kinds(layers.graph()) == ["elementwise", "sigmoid", "multiply"]


def test_layer_norm_from_its_parts() -> None:
    layers = Layers((10, 8))
    x = layers.add("linear", layers.input(), features=8)
    mean = layers.add("reduce", x, operation="mean", axes=[-1], keep=True)
    centred = layers.add("elementwise", x, mean, operation="subtract")
    squares = layers.add("elementwise", centred, operation="power", number=2)
    variance = layers.add("reduce", squares, operation="mean", axes=[-1], keep=True)
    variance = layers.add("elementwise", variance, operation="add", number=1e-6)
    root = layers.add("elementwise", variance, operation="sqrt")
    y = layers.add("elementwise", centred, root, operation="divide")
    y = layers.add("multiply", y, layers.add("parameter", shape=[8]))
    layers.add("add", y, layers.add("parameter", shape=[8]))
    assert patterns(layers.graph())[1:] == [("layer_norm", {"axis": -1, "epsilon": 1e-6})]


def test_channels_that_are_shuffled() -> None:
    layers = Layers((8, 4, 4))
    x = layers.add("reshape", layers.input(), shape=[2, 4, 4, 4])
    x = layers.add("transpose", x, axes=[1, 0, 2, 3])
    layers.add("reshape", x, shape=[8, 4, 4])
    assert patterns(layers.graph()) == [("channel_shuffle", {"groups": 2})]


def test_channels_that_become_positions() -> None:
    layers = Layers((8, 4, 4))
    x = layers.add("reshape", layers.input(), shape=[2, 2, 2, 4, 4])
    x = layers.add("transpose", x, axes=[0, 3, 1, 4, 2])
    layers.add("reshape", x, shape=[2, 8, 8])
    assert patterns(layers.graph()) == [("pixel_shuffle", {"factor": 2})]


def test_windows_and_back() -> None:
    layers = Layers((16, 8, 8))
    x = layers.add("conv2d", layers.input(), channels=16, kernel=1)
    x = layers.add("transpose", x, axes=[1, 2, 0])
    x = layers.add("reshape", x, shape=[2, 4, 2, 4, 16])
    x = layers.add("transpose", x, axes=[0, 2, 1, 3, 4])
    x = layers.add("reshape", x, shape=[4, 16, 16])
    x = layers.add("linear", x, features=16)
    x = layers.add("reshape", x, shape=[2, 2, 4, 4, 16])
    x = layers.add("transpose", x, axes=[0, 2, 1, 3, 4])
    x = layers.add("reshape", x, shape=[8, 8, 16])
    x = layers.add("transpose", x, axes=[2, 0, 1])
    layers.add("conv2d", x, channels=16, kernel=1)
    assert patterns(layers.graph())[1:4] == [
        ("window_partition", {"window": 4}),
        ("linear", {"features": 16}),
        ("window_merge", {"window": 4, "height": 8, "width": 8}),
    ]


def test_a_table_of_distances() -> None:
    layers = Layers((3, 49, 8))
    table = layers.add("parameter", shape=[2401, 3], trained=507)
    square = layers.add("reshape", table, shape=[49, 49, -1])
    bias = layers.add("transpose", square, axes=[2, 0, 1])
    x = layers.add("matmul", layers.input(), layers.input(), transpose_second=True)
    layers.add("add", x, bias)
    assert patterns(layers.graph())[0] == ("relative_position_bias", {"window": 7, "heads": 3})


def test_what_is_an_output_stays() -> None:
    layers = Layers((4, 8, 8))
    gate = layers.add("sigmoid", layers.input())
    x = layers.add("multiply", layers.input(), gate)
    assert kinds(layers.graph(gate, x)) == ["sigmoid", "multiply"]


def test_a_norm_of_a_pooled_image_is_one_of_a_vector() -> None:
    layers = Layers((8, 6, 6))
    x = layers.add("conv2d", layers.input(), channels=8, kernel=3)
    x = layers.add("global_avg_pool", x, keep=True)
    x = layers.add("transpose", x, axes=[1, 2, 0])
    x = layers.add("layer_norm", x, axis=-1)
    x = layers.add("transpose", x, axes=[2, 0, 1])
    x = layers.add("flatten", x)
    layers.add("linear", x, features=3)
    assert kinds(layers.graph()) == ["conv2d", "global_avg_pool", "layer_norm", "linear"]


def test_constants_that_are_made_of_constants() -> None:
    layers = Layers((4, 9))
    table = layers.add("constant", shape=[9], values="ones")
    table = layers.add("elementwise", table, operation="multiply", number=0.5)
    table = layers.add("elementwise", table, operation="sin")
    layers.add("add", layers.input(), table)
    assert patterns(layers.graph()) == [("constant", {"shape": [9]}), ("add", {})]


def test_a_constant_of_which_two_are_made_stays_one() -> None:
    layers = Layers((4, 9))
    table = layers.add("constant", shape=[9], values="ones")
    first = layers.add("elementwise", table, operation="sin")
    second = layers.add("elementwise", table, operation="cos")
    layers.add("add", layers.add("multiply", layers.input(), first), second)
    assert kinds(layers.graph()).count("constant") == 1


def test_attention_of_products_and_sums() -> None:
    """As both exporters of ONNX write linear layers: a product, then a sum with the bias."""
    layers = Layers((10, 8))

    def linear(x: Wire, features: int) -> Wire:
        product = layers.add("linear", x, features=features, bias=False)
        return layers.add("add", layers.add("parameter", shape=[features]), product)

    packed = linear(layers.input(), 24)
    split = layers.add("reshape", packed, shape=[10, 3, 2, 4])
    turned = layers.add("transpose", split, axes=[1, 2, 0, 3])
    parts = [layers.add("slice", turned, start=i, stop=i + 1, axis=-4) for i in range(3)]
    query, key, value = (layers.add("reshape", part, shape=[2, 10, 4]) for part in parts)
    mixed = layers.add("scaled_dot_product_attention", query, key, value)
    together = layers.add("transpose", mixed, axes=[1, 0, 2])
    linear(layers.add("reshape", together, shape=[10, 8]), 8)
    assert patterns(layers.graph()) == [("attention", {"heads": 2})]


@pytest.mark.parametrize(
    ("size", "kind", "fields", "bias"),
    [
        ((4, 6, 6), "conv2d", {"channels": 8, "kernel": 3}, [8, 1, 1]),
        ((4, 6, 6), "depthwise_conv2d", {"kernel": 3}, [4, 1, 1]),
        ((4, 6, 6), "conv_transpose2d", {"channels": 8, "kernel": 2}, [8, 1, 1]),
        ((4, 6, 6, 6), "conv3d", {"channels": 8, "kernel": 3}, [8, 1, 1, 1]),
        ((5, 4, 6), "linear", {"features": 8, "bias": False}, [1, 8]),
    ],
)
def test_a_bias_is_part_of_its_layer(
    size: tuple[int, ...], kind: str, fields: dict[str, Any], bias: list[int]
) -> None:
    layers = Layers(size)
    product = layers.add(kind, layers.input(), **fields)
    layers.add("add", product, layers.add("parameter", shape=bias))
    ((made, stated),) = patterns(layers.graph())
    assert (made, stated.get("bias", True)) == (kind, True)


@pytest.mark.parametrize("bias", [[1], [8, 6, 8], [6], [1, 1, 8], [1, 8, 1, 1]])
def test_what_is_no_bias_of_channels_stays(bias: list[int]) -> None:
    layers = Layers((4, 6, 8))
    product = layers.add("conv2d", layers.input(), channels=8, kernel=3)
    if bias == [6]:
        product = layers.add("slice", product, stop=6, axis=-1)
    layers.add("add", product, layers.add("parameter", shape=bias))
    assert kinds(layers.graph())[-1] == "add"


def test_a_bias_that_two_sums_read_stays() -> None:
    layers = Layers((10, 8))
    bias = layers.add("parameter", shape=[8])
    x = layers.input()
    for _ in range(2):
        x = layers.add("add", layers.add("linear", x, features=8, bias=False), bias)
    assert kinds(layers.graph()).count("add") == 2


def test_a_bias_is_added_once() -> None:
    layers = Layers((10, 8))
    x = layers.add("linear", layers.input(), features=8)
    layers.add("add", x, layers.add("parameter", shape=[8]))
    assert kinds(layers.graph())[-1] == "add"


@pytest.mark.parametrize(
    ("first", "second", "made"),
    [
        ({"start": 3}, {"stop": 3}, {"shift": -3, "axis": -2}),
        ({"start": 53}, {"stop": 53}, {"shift": 3, "axis": -2}),
        ({"start": -3}, {"stop": 53}, {"shift": 3, "axis": -2}),
        ({"start": 3}, {"stop": 4}, None),
        ({"start": 3, "stop": 55}, {"stop": 3}, None),
        ({"stop": 3}, {"start": 3}, None),
        ({"start": 3, "step": 2}, {"stop": 3}, None),
    ],
)
def test_an_end_in_front_of_a_start_is_a_roll(
    first: dict[str, Any], second: dict[str, Any], made: dict[str, Any] | None
) -> None:
    layers = Layers((4, 56, 8))
    x = layers.add("sigmoid", layers.input())
    parts = [layers.add("slice", x, axis=-2, **fields) for fields in (first, second)]
    layers.add("concat", *parts, axis=-2)
    kind, fields = patterns(layers.graph())[-1]
    assert (kind == "roll") == (made is not None)
    assert made is None or fields == made


def test_parts_along_another_axis_are_no_roll() -> None:
    layers = Layers((4, 8, 8))
    parts = [
        layers.add("slice", layers.input(), axis=-1, **fields)
        for fields in ({"start": 4}, {"stop": 4})
    ]
    layers.add("concat", *parts, axis=-2)
    assert kinds(layers.graph())[-1] == "concat"


def test_a_table_is_stored_as_it_is_read() -> None:
    layers = Layers((3, 49, 49))
    table = layers.add("parameter", shape=[49, 49, 3], trained=507)
    bias = layers.add("transpose", table, axes=[2, 0, 1])
    layers.add("add", layers.input(), bias)
    assert patterns(layers.graph())[0] == ("parameter", {"shape": [3, 49, 49], "trained": 507})


def test_a_key_whose_front_axes_are_parted_behind_its_transpose() -> None:
    layers = Layers((2, 3, 10, 4))
    x = layers.input()
    flat = layers.add("reshape", x, shape=[6, 10, 4])
    turned = layers.add("transpose", flat, axes=[0, 2, 1])
    key = layers.add("reshape", turned, shape=[2, 3, 4, 10])
    query = layers.add("elementwise", x, operation="multiply", number=0.5)
    scores = layers.add("matmul", query, key)
    layers.add("matmul", layers.add("softmax", scores, axis=-1), x)
    assert kinds(layers.graph()) == ["scaled_dot_product_attention"]


def test_queries_and_keys_with_features_first() -> None:
    layers = Layers((3, 4, 10))
    x = layers.input()
    query, value = (layers.add("transpose", x, axes=[0, 2, 1]) for _ in range(2))
    query = layers.add("elementwise", query, operation="multiply", number=0.5)
    scores = layers.add("matmul", query, layers.add("sigmoid", x))
    layers.add("matmul", layers.add("softmax", scores, axis=-1), value)
    made = kinds(layers.graph())
    assert sorted(made) == ["scaled_dot_product_attention", "sigmoid", *["transpose"] * 3]


def test_what_nobody_reads_and_only_moves_is_left_out() -> None:
    layers = Layers((10, 8))
    x = layers.add("linear", layers.input(), features=8)
    turned = layers.add("transpose", x, axes=[1, 0])
    layers.add("slice", turned, stop=1, axis=-2)
    layers.add("linear", turned, features=4)  # a program runs it, so it stays, and what it reads
    layers.add("slice", x, stop=1, axis=-2)
    whole = layers.add("slice", x, stop=10, axis=-2)
    layers.add("softmax", layers.add("slice", whole, start=1, axis=-2))
    graph = layers.graph(layers.add("relu", whole))
    assert kinds(graph) == ["linear", "transpose", "linear", "slice", "softmax", "relu"]


@pytest.mark.parametrize(
    ("zeros", "conv", "expected"),
    [
        ({"padding": [0, 1, 0, 1]}, {"padding": 0}, [("conv2d", [0, 1, 0, 1])]),
        ({"padding": [0, 1, 0, 1]}, {"padding": "valid"}, [("conv2d", [0, 1, 0, 1])]),
        ({"padding": [1, 1, 1, 1]}, {"padding": 0}, [("pad", [1, 1, 1, 1]), ("conv2d", 0)]),
        ({"padding": [-1, 1, 0, 1]}, {"padding": 0}, [("pad", [-1, 1, 0, 1]), ("conv2d", 0)]),
        ({"padding": [0, 1, 0, 1]}, {"padding": 1}, [("pad", [0, 1, 0, 1]), ("conv2d", 1)]),
        (
            {"padding": [0, 1, 0, 1], "value": 1.0},
            {"padding": 0},
            [("pad", [0, 1, 0, 1]), ("conv2d", 0)],
        ),
    ],
)
def test_uneven_zeros_before_a_convolution_are_its_padding(
    zeros: dict[str, Any], conv: dict[str, Any], expected: list[tuple[str, Any]]
) -> None:
    layers = Layers((3, 16, 16))
    padded = layers.add("pad", layers.input(), **zeros)
    layers.add("conv2d", padded, channels=4, kernel=3, stride=2, **conv)
    made = patterns(layers.graph())
    assert [(kind, fields["padding"]) for kind, fields in made] == expected


def test_a_pattern_that_would_turn_the_axis_of_a_later_layer_is_left_out() -> None:
    # The axes of a product are not known; those of the attention that it would become are, and
    # `concat` would then join the features, not the channels.
    layers = Layers((8, 8, 8))
    x = layers.input()
    scores = layers.add("matmul", x, layers.add("transpose", x, axes=[0, 2, 1]))
    scaled = layers.add("elementwise", scores, operation="multiply", number=8**-0.5)
    made = layers.add("matmul", layers.add("softmax", scaled, axis=-1), x)
    layers.add("concat", made, made)
    found = patterns(layers.graph())
    assert ("concat", {}) in found
    assert "scaled_dot_product_attention" not in [kind for kind, _ in found]


def test_a_model_of_views_that_change_nothing_keeps_them() -> None:
    layers = Layers((8, 8))
    layers.add("reshape", layers.add("identity", layers.input()), shape=[8, 8])
    assert [layer.kind for layer in recognized(layers.graph()).layers] == ["identity", "reshape"]


def test_what_a_sum_repeats_anyway_is_not_repeated() -> None:
    layers = Layers((4, 1, 8), (4, 6, 8))
    rows = layers.add("concat", *[layers.input()] * 6, axis=-2)
    turned = layers.add("transpose", rows, axes=[0, 2, 1])
    other = layers.add("transpose", layers.input(1), axes=[0, 2, 1])
    made = layers.add("add", turned, other)
    assert kinds(layers.graph(made)) == ["reshape", "transpose", "add"]


def test_what_nothing_repeats_stays_repeated() -> None:
    layers = Layers((4, 1, 8))
    rows = layers.add("concat", *[layers.input()] * 6, axis=-2)
    assert kinds(layers.graph(layers.add("add", rows, layers.input()))) == ["concat", "add"]
    layers = Layers((4, 1, 8))
    rows = layers.add("concat", *[layers.input()] * 6, axis=-2)
    assert kinds(layers.graph(layers.add("relu", rows))) == ["concat", "relu"]
