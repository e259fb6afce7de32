"""Amounts of terms and Winograd's tiles, worked by hand."""

from __future__ import annotations

import pytest

from mnet_cost.analysis.kernels import form_kernels
from mnet_cost.analysis.terms import kernel_amounts, network_amounts, tile_waste
from mnet_cost.analysis.winograd import (
    applies,
    cheapest_tiling,
    fewest_multiplications,
    fewest_of_any,
    tilings,
)
from mnet_cost.analysis.work import count_work
from mnet_cost.devices.coefficients import Caches
from mnet_cost.devices.terms import INFERENCE, TERM_NAMES, TERMS
from mnet_cost.layers import LAYERS
from mnet_cost.layers.arithmetic import OPERATIONS, Elementwise
from mnet_cost.layers.base import Convolution
from mnet_cost.layers.gather import Scatter
from mnet_cost.layers.opaque import Opaque
from mnet_cost.layers.reshape import Resize
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.tensors import DTYPES


def amounts(
    layer: str,
    *rules: str,
    shape: str = "[8, 7, 7]",
    tile: int = 1,
    batch: int = 1,
    precision: str = "fp32",
    caches: Caches | None = None,
) -> dict[str, float]:
    """Those of a network of one layer that are not zero; in ones, not millions."""
    text = f"format: 1\nname: hand\ninput: {{x: {shape}}}\nlayers:\n  - {layer}\n"
    network = elaborate(parse_spec(text), {"batch": batch})
    dtype, words = DTYPES[precision], frozenset(rules)
    kernels = form_kernels(network, count_work(network, dtype), dtype, words)
    (values,) = kernel_amounts(kernels, words, tile, caches)
    return {
        name: round(amount if name in ("kernel", "move_kernels", "groups") else amount * 1e6, 6)
        for name, amount in zip(TERM_NAMES, values, strict=True)
        if amount
    }


def test_a_1x1_convolution() -> None:
    assert amounts("conv2d: {channels: 16, kernel: 1}") == {
        "pointwise": 8 * 16 * 49,
        "pointwise_elements": (8 + 16) * 49,
        "weights": 128,
        "kernel": 1,
    }


def test_weights_are_read_once_whatever_the_batch() -> None:
    batch_1 = amounts("conv2d: {channels: 16, kernel: 1}")
    batch_4 = amounts("conv2d: {channels: 16, kernel: 1}", batch=4)
    assert batch_4["pointwise"] == 4 * batch_1["pointwise"]
    assert batch_4["pointwise_elements"] == 4 * batch_1["pointwise_elements"]
    assert batch_4["weights"] == batch_1["weights"]


@pytest.mark.parametrize("batch", [1, 4])
def test_a_product_with_a_trained_tensor_is_as_a_linear_layer(batch: int) -> None:
    layers = "{id: p, parameter: {shape: [6, 9]}}\n  - {matmul: {}, from: [x, p]}"
    product = amounts(layers, shape="[5, 6]", batch=batch)
    assert product["weights"] == 54
    assert product["pointwise_elements"] == (5 * 6 + 5 * 9) * batch
    layer = "linear: {features: 9, bias: false}"
    assert product == amounts(layer, shape="[5, 6]", batch=batch)


def test_a_3x3_convolution_with_and_without_winograd() -> None:
    layer = "conv2d: {channels: 16, kernel: 3}"
    assert amounts(layer) == {
        "windows": 9 * 8 * 16 * 49,
        "dense_elements": (8 + 16) * 49,
        "weights": 9 * 8 * 16,
        "kernel": 1,
    }
    # 7 x 7 outputs: 4 tiles of 4 x 4, of 36 points each.
    assert amounts(layer, "winograd") == {
        "winograd": 144 * 8 * 16,
        "winograd_tiles": 144 * (8 + 16),
        "weights": 9 * 8 * 16,
        "kernel": 1,
    }
    strided = amounts("conv2d: {channels: 16, kernel: 3, stride: 2}", "winograd")
    assert strided["dense"] == 9 * 8 * 16 * 16


def test_winograd_at_int8_is_a_rule_of_its_own() -> None:
    layer = "conv2d: {channels: 16, kernel: 3}"
    for precision, rule in (("fp32", "winograd"), ("fp16", "winograd"), ("int8", "winograd_int8")):
        tiled = amounts(layer, rule, precision=precision)
        assert tiled["winograd"] == 144 * 8 * 16
        assert "windows" not in tiled
    # A runtime that has tiles at another precision alone multiplies matrices at this one.
    for precision, rule in (("fp32", "winograd_int8"), ("int8", "winograd")):
        plain = amounts(layer, rule, precision=precision)
        assert plain["windows"] == 9 * 8 * 16 * 49
        assert "winograd" not in plain


def test_the_first_convolution_has_a_term_of_its_own() -> None:
    convolution = amounts("conv2d: {channels: 16, kernel: 3, stride: 2}", shape="[3, 8, 8]")
    assert convolution["stem"] == 9 * 3 * 16 * 16
    # Few channels in a group are no image.
    grouped = amounts("conv2d: {channels: 16, kernel: 3, groups: 4}")
    assert "stem" not in grouped
    assert grouped["windows"] == 9 * 2 * 16 * 49


def test_depthwise() -> None:
    assert amounts("depthwise_conv2d: {kernel: 3}") == {
        "depthwise_3x3": 9 * 8 * 49,
        "depthwise_elements": 16 * 49,
        "weights": 72,
        "kernel": 1,
    }
    assert amounts("depthwise_conv2d: {kernel: 5, stride: 2}")["depthwise_5x5"] == 25 * 8 * 16


def test_what_comes_in_and_goes_out_is_converted_to_a_layout_of_the_runtimes_own() -> None:
    layer = "conv2d: {channels: 16, kernel: 1}"
    plain, own = amounts(layer), amounts(layer, "own_layout")
    # Both tensors are read once and written once more, each by a kernel.
    assert own == plain | {"kernel": 3, "move_kernels": 2, "permute": 2 * (8 + 16) * 49}
    assert amounts(layer, "own_layout", batch=4)["permute"] == 4 * own["permute"]
    # Convolutions read images of few channels as they come, and one position has one order alone.
    image = amounts("conv2d: {channels: 16, kernel: 3}", "own_layout", shape="[3, 8, 8]")
    assert (image["kernel"], image["permute"]) == (2, 2 * 16 * 64)
    pooled = amounts("global_avg_pool", "own_layout")
    assert (pooled["kernel"], pooled["permute"]) == (2, 2 * 8 * 49)
    for shape in ("[5, 6]", "[8, 1, 1]"):
        assert "permute" not in amounts("relu", "own_layout", shape=shape)


def test_an_input_that_two_layers_read_is_converted_once() -> None:
    text = """\
format: 1
name: hand
input: {x: [8, 7, 7]}
layers:
  - {id: left, conv2d: {channels: 16, kernel: 1}, from: x}
  - {id: right, conv2d: {channels: 16, kernel: 1}, from: x}
  - concat: [left, right]
"""
    network = elaborate(parse_spec(text), {})
    kernels = form_kernels(
        network, count_work(network, DTYPES["fp32"]), DTYPES["fp32"], frozenset(("own_layout",))
    )
    assert [kernel.converted for kernel in kernels] == [(8 * 49,), (), (32 * 49,)]


def test_groups_are_launched_one_by_one_where_the_runtime_does() -> None:
    layer = "conv2d: {channels: 8, kernel: 1, groups: 4}"
    assert "groups" not in amounts(layer)
    assert amounts(layer, "split_groups")["groups"] == 3
    assert "groups" not in amounts("depthwise_conv2d: {kernel: 3}", "split_groups")
    # Blocks of channels hold all groups that fill them; others are carried out one by one.
    assert "groups" not in amounts("conv2d: {channels: 8, kernel: 1}", "block_channels", tile=2)
    assert "groups" not in amounts(layer, "block_channels", tile=2)
    assert amounts(layer, "block_channels", tile=4)["groups"] == 3


def test_what_reads_each_weight_once() -> None:
    vector = {"vector_weights": 8 * 3 + 3, "kernel": 1}
    assert amounts("linear: {features: 3}", shape="[8]") == vector
    assert amounts("conv2d: {channels: 3, kernel: 1, bias: true}", shape="[8, 1, 1]") == vector
    rows = amounts("linear: {features: 3}", shape="[5, 8]")
    assert rows == {"matmul": 120, "pointwise_elements": 55, "weights": 27, "kernel": 1}


def test_layers_without_mult_adds() -> None:
    assert amounts("relu") == {"elementwise": 2 * 392, "kernel": 1}
    assert amounts("silu") == {"curve": 2 * 392, "kernel": 1}
    assert amounts("local_response_norm") == {"lrn": 2 * 392, "kernel": 1}
    rolled = amounts("roll: {shift: 1}")
    assert rolled == {"move": 2 * 392, "move_kernels": 1, "kernel": 1}
    for layer in ("channel_shuffle: {groups: 2}", "window_partition: {window: 7}"):
        assert amounts(layer) == {"permute": 2 * 392, "move_kernels": 1, "kernel": 1}
    # A window of side 2 takes twice its outputs: 8 x 3 x 3.
    pool = amounts("max_pool2d: {kernel: 2, stride: 2, padding: 0}")
    assert pool == {"pooling": 392 + 2 * 72, "kernel": 1}


@pytest.mark.parametrize(
    ("layer", "term"),
    [
        ("channel_shuffle: {groups: 2}", "move"),
        ("to_sequence", "move"),
        ("transpose: {axes: [1, 0, 2]}", "move"),
        ("transpose: {axes: [1, 2, 0]}", "move"),  # 8 rows of 49
        ("transpose: {axes: [0, 2, 1]}", "move"),  # 8 matrices of 7 x 7
        ("transpose: {axes: [2, 1, 0]}", "permute"),
        ("window_partition: {window: 7}", "permute"),
        ("pixel_shuffle: {factor: 2}", "permute"),
    ],
)
def test_whole_rows_move_in_a_plain_layout(layer: str, term: str) -> None:
    moved = {term: 2 * 392, "move_kernels": 1, "kernel": 1}
    assert amounts(layer, "block_channels") == moved


def test_attention_is_several_kernels_where_the_runtime_has_no_operator_for_it() -> None:
    # 5 positions of 8 features in 2 heads: queries, keys and values are 40 each, scores 2 x 5 x 5.
    layer = "attention: {heads: 2, bias: false}"
    fused = amounts(layer, shape="[5, 8]")
    assert fused == {
        "matmul": 4 * 5 * 64 + 2 * 25 * 8, "softmax": 6 * 50, "pointwise_elements": 80,
        "weights": 256, "kernel": 1,
    }  # fmt: skip
    split = amounts(layer, "split_operators", shape="[5, 8]")
    # Four projections read and write 40 each; one product reads queries and keys and writes
    # scores, one reads scores and values and writes means. Queries, keys, values and means are put
    # apart by heads or together. With the softmax these are 11 kernels.
    elements = 4 * 80 + 2 * (80 + 50)
    assert split == fused | {
        "pointwise_elements": elements, "move": 4 * 80, "move_kernels": 4, "kernel": 11,
    }  # fmt: skip
    batch = amounts(layer, "split_operators", shape="[5, 8]", batch=3)
    assert (batch["pointwise_elements"], batch["move"]) == (3 * elements, 3 * 320)
    causal = amounts("attention: {heads: 2, bias: false, causal: true}", "split_operators",
                     shape="[5, 8]")  # fmt: skip
    assert causal == split
    windows = amounts(layer, "split_operators", shape="[4, 5, 8]")
    assert (windows["move"], windows["kernel"]) == (4 * 320, 11)


def test_norms_of_channels_and_rolls_move_tensors_around() -> None:
    norm = amounts("layer_norm: {axis: channels}")
    assert norm == {"curve": 2 * 392, "kernel": 1}
    moved = norm | {"kernel": 3, "move_kernels": 2, "move": 2 * 2 * 392}
    assert amounts("layer_norm: {axis: channels}", "split_operators") == moved
    # A mean over any axis is an operator, so that no tensor moves for this one.
    assert amounts("rms_norm: {axis: channels}", "split_operators") == norm
    last = amounts("layer_norm", "split_operators", shape="[5, 8]")
    assert last == {"curve": 80, "kernel": 1}
    # Cut in two and put together, along both axes.
    rolled = amounts("roll: {shift: 1}", "split_operators")
    assert rolled == {"kernel": 4, "move_kernels": 4, "move": 4 * 2 * 392}


def test_an_image_that_is_normalized() -> None:
    """By stored numbers: by two plain ones it is another scale and offset, which costs nothing."""
    with_numbers = amounts("batch_norm", shape="[3, 7, 7]")
    assert with_numbers == {"elementwise": 2 * 147, "image": 147, "kernel": 1}
    assert "image" not in amounts("subtract: {number: 1}", shape="[3, 7, 7]")
    assert "image" not in amounts("batch_norm", shape="[8, 7, 7]")
    assert "image" not in amounts("scale", shape="[3, 7, 7]")  # the sum beside it counts
    assert "image" not in amounts("layer_norm", shape="[49, 3]")


def test_an_inference_is_in_the_last_row() -> None:
    text = "format: 1\nname: hand\ninput: {x: [8, 7, 7]}\nlayers:\n  - relu\n"
    network, fp32 = elaborate(parse_spec(text), {}), DTYPES["fp32"]
    kernels = form_kernels(network, count_work(network, fp32), fp32, frozenset())
    rows = network_amounts(kernels, frozenset())
    assert rows[:-1] == kernel_amounts(kernels, frozenset())
    assert dict(zip(TERM_NAMES, rows[-1], strict=True)) == {
        name: float(name == "inference") for name in TERM_NAMES
    }
    assert rows[0][INFERENCE] == 0


def test_tiles_are_computed_whole() -> None:
    layer = "conv2d: {{channels: {}, kernel: 1}}"
    multiplications = [
        amounts(layer.format(channels), tile=8)["pointwise"] for channels in (41, 47, 48, 49)
    ]
    assert multiplications == [8 * 48 * 49] * 3 + [8 * 56 * 49]
    sizes = Convolution(1, 8, 47, (1, 1), (1, 1), (1, 1), 7, 7, 1)
    assert tile_waste(sizes, 8) == 48 / 47
    assert tile_waste(sizes, 1) == 1


@pytest.mark.parametrize(
    ("channels", "tile", "share"),
    [(16, 8, 0), (12, 8, 1 / 7), (10, 8, 1), (8, 16, 1 / 15), (4, 4, 0), (6, 4, 1)],
)
def test_channels_that_fill_no_pack(channels: int, tile: int, share: float) -> None:
    # Packs of half the width take twice as long, single channels `tile` times.
    shape = f"[{channels * 4}, 7, 7]"
    layer = f"conv2d: {{channels: {channels}, kernel: 1}}"
    terms = amounts(layer, "pack_channels", shape=shape, tile=tile)
    expected = channels * 4 * channels * 49
    assert terms["pointwise"] == expected
    assert terms.get("unpacked", 0) == pytest.approx(share * expected)
    depthwise = amounts(
        "depthwise_conv2d: {kernel: 3}", "pack_channels", shape=f"[{channels}, 7, 7]", tile=tile
    )
    assert depthwise.get("unpacked_depthwise", 0) == pytest.approx(share * 9 * channels * 49)


@pytest.mark.parametrize(
    ("shape", "layer", "expected"),
    [
        # 12 channels in are two blocks of 8, and so are 10 channels out.
        ("[12, 7, 7]", "conv2d: {channels: 10, kernel: 1}", {"pointwise": 16 * 16 * 49}),
        ("[12, 7, 7]", "conv2d: {channels: 10, kernel: 3}", {"windows": 9 * 16 * 16 * 49}),
        ("[16, 7, 7]", "conv2d: {channels: 8, kernel: 3}", {"windows": 9 * 16 * 8 * 49}),
        # An image is not kept in blocks.
        ("[3, 7, 7]", "conv2d: {channels: 10, kernel: 3}", {"stem": 9 * 3 * 16 * 49}),
        # 10 channels in are no multiple of 4: the plain layout, without padding them.
        (
            "[10, 7, 7]",
            "conv2d: {channels: 16, kernel: 3}",
            {"windows": 9 * 10 * 16 * 49, "unpacked": 9 * 10 * 16 * 49},
        ),
        # 6 are fewer than a block, which is padded.
        ("[6, 7, 7]", "conv2d: {channels: 16, kernel: 3}", {"windows": 9 * 8 * 16 * 49}),
        # Groups fill blocks, or run in the plain layout; each group computes a tile of 8 outputs.
        (
            "[16, 7, 7]",
            "conv2d: {channels: 16, kernel: 3, groups: 2}",
            {"windows": 2 * 9 * 8 * 8 * 49},
        ),
        (
            "[16, 7, 7]",
            "conv2d: {channels: 16, kernel: 3, groups: 4}",
            {"windows": 4 * 9 * 4 * 8 * 49, "unpacked": 4 * 9 * 4 * 4 * 49, "groups": 3},
        ),
        ("[12, 7, 7]", "depthwise_conv2d: {kernel: 3}", {"depthwise_3x3": 9 * 16 * 49}),
        (
            "[10, 7, 7]",
            "depthwise_conv2d: {kernel: 3}",
            {"depthwise_3x3": 9 * 16 * 49, "unpacked_depthwise": 9 * 10 * 49},
        ),
        # Of windows that are averaged: 4 elements for each of 12 x 8 x 8 outputs.
        ("[12, 8, 8]", "avg_pool2d: {kernel: 2}", {"unpacked_pooling": 4 * 12 * 64}),
        ("[16, 8, 8]", "avg_pool2d: {kernel: 2}", {}),
        ("[12, 8, 8]", "max_pool2d: {kernel: 2}", {}),
    ],
)
def test_channels_in_blocks(shape: str, layer: str, expected: dict[str, int]) -> None:
    others = {
        "kernel", "weights", "pooling", "depthwise_elements", "pointwise_elements",
        "dense_elements",
    }  # fmt: skip
    found = amounts(layer, "block_channels", shape=shape, tile=8)
    assert {name: found[name] for name in found if name not in others} == expected
    without = amounts(layer, shape=shape, tile=8)
    assert not {"unpacked", "unpacked_depthwise", "unpacked_pooling"} & set(without)


def test_interpolation() -> None:
    resized = amounts("resize: {scale: 2, mode: bilinear}", shape="[12, 8, 8]")
    assert resized == {"resize": 12 * 16 * 16, "kernel": 1}
    copied = amounts("resize: {scale: 2}", shape="[12, 8, 8]")
    assert copied == {"move": 12 * (64 + 256), "move_kernels": 1, "kernel": 1}


def test_scores_of_attention() -> None:
    # Six operations for each of 2 heads x 6 x 6 scores, and four biases of 8 for 6 positions.
    attention = amounts("attention: {heads: 2}", shape="[6, 8]")
    assert attention["softmax"] == 6 * 2 * 36 + 4 * 6 * 8
    assert attention["matmul"] == 4 * 6 * 8 * 8 + 2 * 6 * 6 * 8
    longer = amounts("attention: {heads: 2}", shape="[12, 8]")
    assert longer["softmax"] == 6 * 2 * 144 + 4 * 12 * 8
    assert "softmax" not in amounts("matmul: [x, y]", shape="[6, 8], y: [8, 6]")
    assert amounts("softmax", shape="[6, 8]") == {"curve": 2 * 48, "kernel": 1}


def test_weights_and_elements_that_no_cache_holds() -> None:
    """4096 bytes of weights, in a network with as many, and 1568 + 3136 bytes in and out."""
    layer, shape = "conv2d: {channels: 16, kernel: 1}", "[64, 7, 7]"
    near = amounts(layer, shape=shape)
    assert near["weights"] == 1024
    moved = 64 * 49 + 16 * 49

    def far(weights: tuple[float, float], activations: tuple[float, float]) -> tuple[float, float]:
        found = amounts(layer, shape=shape, caches=Caches(weights, activations))
        assert {name: found[name] for name in near} == near  # beside those of all
        return found.get("far_weights", 0), found.get("far_elements", 0)

    size = 4 * moved
    assert far((4096, 8192), (size, 2 * size)) == (0, 0)
    assert far((1024, 4096), (1, size)) == (1024, moved)
    # Halfway by the logarithm of the size of weights, and by the size of activations.
    assert far((1024, 16384), (size / 2, size * 1.5)) == pytest.approx((512, moved / 2))
    # Fewer bytes than the first size are none, not less than none.
    assert far((1e6, 2e6), (1e6, 2e6)) == (0, 0)
    vector = amounts(
        "linear: {features: 3, bias: false}", shape="[8]", caches=Caches((1, 2), (1, 2))
    )
    assert vector["far_weights"] == vector["vector_weights"] == 24


def test_a_network_decides_which_of_its_weights_are_far() -> None:
    text = (
        "format: 1\nname: hand\ninput: {x: [64, 7, 7]}\nlayers:\n"
        "  - conv2d: {channels: 16, kernel: 1}\n  - conv2d: {channels: 192, kernel: 1}\n"
    )
    network, fp32 = elaborate(parse_spec(text), {}), DTYPES["fp32"]
    kernels = form_kernels(network, count_work(network, fp32), fp32, frozenset())
    caches = Caches((4096, 65536), (1e9, 2e9))  # the network has 16384 bytes
    place = TERM_NAMES.index("far_weights")
    found = [row[place] for row in kernel_amounts(kernels, frozenset(), 1, caches)]
    assert found == pytest.approx([1024e-6 / 2, 3072e-6 / 2])
    (first,) = kernel_amounts(kernels[:1], frozenset(), 1, caches, kernels)
    assert first[place] == pytest.approx(512e-6)
    (alone,) = kernel_amounts(kernels[:1], frozenset(), 1, caches)
    assert alone[place] == 0


def test_each_layer_is_of_a_term_or_has_mult_adds() -> None:
    products = {"convolution", "linear", "matmul", "pooling", "arithmetic"}
    efforts = {operation.effort for operation in OPERATIONS.values()}
    assert efforts <= products | set(TERM_NAMES)  # of which that of `elementwise` is made
    for mult_adds, vector_ops in ((None, None), (0, 0), (0, 1), (1, 0)):  # by what is stated
        stated = Opaque(operation="fft", shape="same", mult_adds=mult_adds, vector_ops=vector_ops)
        assert stated.effort in products | set(TERM_NAMES)
    for operation in ("assign", "add"):
        assert Scatter(axis=-1, operation=operation).effort in products | set(TERM_NAMES)
    for mode in ("nearest", "bilinear", "bicubic"):
        assert Resize(scale=2, mode=mode).effort in products | set(TERM_NAMES)
    for layer in LAYERS:
        if layer in (Elementwise, Opaque, Resize, Scatter):
            continue
        assert layer.effort in products | set(TERM_NAMES), layer.kind


def test_terms_have_one_coefficient_of_one() -> None:
    assert TERM_NAMES[0] == "pointwise"
    assert {term.part for term in TERMS} == {"compute", "memory", "overhead"}
    counted = [term.name for term in TERMS if term.part == "overhead"]
    assert counted == ["kernel", "move_kernels", "groups", "inference"]


def test_tiles_of_winograd() -> None:
    sizes = Convolution(1, 64, 64, (3, 3), (1, 1), (1, 1), 7, 7, 1)
    # F(2), F(4), F(6): 16 tiles of 16 points, 4 of 36, 4 of 64.
    assert [tiling.multiplications for tiling in tilings(sizes)] == [
        256 * 4096,
        144 * 4096,
        256 * 4096,
    ]
    assert cheapest_tiling(sizes).transformed == 144 * 128
    assert fewest_multiplications(sizes) == 144 * 4096 < 9 * 49 * 4096
    # 12 x 12 outputs are four tiles of F(6): a quarter of the plain multiplications, and a bit.
    larger = sizes._replace(rows=12, columns=12)
    assert fewest_multiplications(larger) == 4 * 64 * 4096
    assert applies(sizes)
    for other in (
        sizes._replace(stride=(2, 2)),
        sizes._replace(kernel=(3, 1)),
        sizes._replace(dilation=(2, 2)),
        sizes._replace(groups=64, channels_in=1, channels_out=1),
    ):
        assert not applies(other)


@pytest.mark.parametrize(
    ("kernel", "stride", "groups", "expected"),
    [
        ((3, 3), 1, 1, 4 * 64 * 32 * 32),  # 12 x 12 are four tiles of 6 x 6, each of 8 x 8 points
        ((1, 7), 1, 1, 12 * 2 * 12 * 32 * 32),  # two tiles of 6 on one axis, of 12 points each
        ((1, 1), 1, 1, 144 * 32 * 32),
        ((3, 3), 1, 32, 4 * 64 * 32),  # depthwise
        ((3, 3), 2, 1, None),
    ],
)
def test_no_tiles_multiply_less(
    kernel: tuple[int, int], stride: int, groups: int, expected: int | None
) -> None:
    channels = 32 // groups
    sizes = Convolution(groups, channels, channels, kernel, (stride, stride), (1, 1), 12, 12, 1)
    assert fewest_of_any(sizes) == expected
