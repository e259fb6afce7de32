"""Older networks and MLPerf Tiny, worked out by hand where no reference counts are at hand."""

from __future__ import annotations

import pytest
from counts import cost, counts

from mnet_cost.models.library import load_model
from mnet_cost.printed import parse_printed, rounding_of

FILES = (
    "alexnet", "autoencoder", "densenet", "ds_cnn", "googlenet", "inception_v3", "lenet5",
    "mlperf_tiny_mobilenet_v1", "resnet", "resnet8", "squeezenet", "vgg",
)  # fmt: skip


def block_mult_adds(reference: str, *blocks: str) -> int:
    """Mult-adds of all layers in these blocks of a network."""
    return sum(
        layer.mult_adds
        for layer in cost(reference).layers
        if layer.step.name.split(".")[0] in blocks
    )


@pytest.mark.parametrize("name", FILES)
def test_published_counts_are_ours(name: str) -> None:
    for row in load_model(name).spec.published:
        reference = f"{name}:{row.variant}" if row.variant else name
        assert not row.at
        counted = counts(reference)
        for figure, printed in row.figures.items():
            if figure in ("mult_adds", "params"):
                way = rounding_of(getattr(counted, figure), printed)
                assert way is not None, (row.source, reference, figure, printed)


@pytest.mark.parametrize("name", FILES)
def test_every_variant_is_counted(name: str) -> None:
    spec = load_model(name).spec
    assert spec.warnings == ()
    assert spec.source
    for variant in spec.variants:
        assert cost(f"{name}:{variant}").coverage == 1.0


@pytest.mark.parametrize("blocks", [(3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3)])
def test_resnet_with_the_stride_where_the_paper_has_it(blocks: tuple[int, ...]) -> None:
    # In the first block of conv3, conv4 and conv5 the first 1x1 acts on a quarter of the positions:
    # 256*128*(56*56 - 28*28) = 512*256*(28*28 - 14*14) = 1024*512*(14*14 - 7*7) = 77,070,336 less
    depth = 3 * sum(blocks) + 2
    new, old = counts(f"resnet{depth}"), counts(f"resnet{depth}_v1")
    assert new.mult_adds - old.mult_adds == 3 * 77_070_336
    assert (new.params, new.bn_affine) == (old.params, old.bn_affine)
    if depth == 50:  # the paper prints 3.8 G
        assert old.mult_adds == 3_857_973_248


def test_alexnet_of_2012() -> None:
    # 55*55*96*(11*11*3) + 27*27*256*(5*5*48) + 13*13*384*(3*3*256)
    # + 13*13*384*(3*3*192) + 13*13*256*(3*3*192)
    convs = [105_415_200, 223_948_800, 149_520_384, 112_140_288, 74_760_192]
    # 6*6*256*4096 + 4096*4096 + 4096*1000
    linear = [37_748_736, 16_777_216, 4_096_000]
    counted = counts("alexnet_2012")
    assert counted.mult_adds == sum(convs) + sum(linear) == 724_406_816
    assert counted.grouped == 223_948_800 + 112_140_288 + 74_760_192
    assert counted.fc == sum(linear)
    # 34,848 + 307,200 + 884,736 + 663,552 + 442,368 weights of convolutions and those of the
    # linear layers, and 96 + 256 + 384 + 384 + 256 + 4096 + 4096 + 1000 biases
    assert counted.params == 2_332_704 + sum(linear) + 10_568 == 60_965_224
    assert counted.bias == 10_568


GOOGLENET_TABLE_1 = [
    # block, `ops` of Table 1 of arXiv:1409.4842
    (("conv2_reduce", "conv2"), "360 M"),
    (("inception_3a",), "128 M"),
    (("inception_3b",), "304 M"),
    (("inception_4a",), "73 M"),
    (("inception_4b",), "88 M"),
    (("inception_4c",), "100 M"),
    (("inception_4d",), "119 M"),
    (("inception_4e",), "170 M"),
    (("inception_5b",), "71 M"),
    (("logits",), "1 M"),
]


@pytest.mark.parametrize(("blocks", "ops"), GOOGLENET_TABLE_1)
def test_googlenet_of_2014(blocks: tuple[str, ...], ops: str) -> None:
    mult_adds = block_mult_adds("googlenet_2014", *blocks)
    assert rounding_of(mult_adds, parse_printed(ops)) in ("rounded", "truncated")


def test_googlenet_of_2014_where_its_table_differs() -> None:
    # Table 1 prints 34M for the first layer; 7*7*3*64*112*112 are 118M.
    assert block_mult_adds("googlenet_2014", "conv1") == 118_013_952
    # It prints 54M for inception (5a); the branches it lists are 1,042,432 weights on 7*7.
    assert block_mult_adds("googlenet_2014", "inception_5a") == 1_042_432 * 49 == 51_079_168


def test_inception_v3_with_its_auxiliary_classifier() -> None:
    # On 17x17x768 a pool to 5x5, then 1x1 to 128, 5x5 to 768 at one position, and 1000 classes:
    mult_adds = [768 * 128 * 25, 128 * 768 * 25, 768 * 1000]
    plain, both = counts("inception_v3"), counts("inception_v3_aux")
    assert both.mult_adds - plain.mult_adds == sum(mult_adds) == 5_683_200
    # weights and norms of both convolutions, weights and biases of the linear layer
    params = [98_304 + 256, 2_457_600 + 1_536, 768_000 + 1_000]
    assert both.params - plain.params == sum(params) == 3_326_696
    assert len(cost("inception_v3_aux").network.outputs) == 2
    assert plain.params == 23_834_568


def test_lenet5_as_in_1998() -> None:
    # Section II.B: 156 (C1), 12 (S2), 1,516 (C3), 32 (S4), 48,120 (C5), 10,164 (F6) trained
    counted = counts("lenet5_1998")
    assert counted.params == 156 + 12 + 1_516 + 32 + 48_120 + 10_164 == 60_000
    # Table I: six maps of C3 see three maps of S2, nine see four, one sees all six: 60 kernels.
    # 25*6*28*28 + 6*14*14 + 25*60*10*10 + 16*5*5 + 25*16*120 + 120*84
    assert counted.mult_adds == 117_600 + 1_176 + 150_000 + 400 + 48_000 + 10_080
    shapes = {tensor.name: tensor.type.shape for tensor in cost("lenet5_1998").network.tensors}
    assert shapes["c5.tanh"] == (120, 1, 1)


def test_lenet5_as_it_is_built_today() -> None:
    # C3 sees everything, pools are not trained, ten linear outputs: 156 + 2,416 + 48,120 + 10,164
    # + 850 params; 117,600 + 240,000 + 48,000 + 10,080 + 840 mult-adds
    counted = counts("lenet5")
    assert (counted.mult_adds, counted.params) == (416_520, 61_706)


def test_visual_wake_words() -> None:
    # 27*8 on 48*48 positions; then (channels in, channels out, positions), each a 3x3 depthwise
    # and a 1x1 convolution
    separable = [
        (8, 16, 48 * 48), (16, 32, 24 * 24), (32, 32, 24 * 24), (32, 64, 12 * 12),
        (64, 64, 12 * 12), (64, 128, 6 * 6), *[(128, 128, 6 * 6)] * 5, (128, 256, 3 * 3),
        (256, 256, 3 * 3),
    ]  # fmt: skip
    mult_adds = sum((9 * a + a * b) * positions for a, b, positions in separable)
    counted = counts("mlperf_tiny_mobilenet_v1")
    assert counted.mult_adds == 27 * 8 * 48 * 48 + mult_adds + 256 * 2 == 7_489_664
    # It is MobileNet V1 0.25 at 96 pixels, but each of the 2,736 outputs of its convolutions has a
    # bias before its norm (Keras' default, which the reference model leaves as it is).
    plain = counts("mobilenet_v1@alpha=0.25,resolution=96,classes=2")
    assert counted.mult_adds == plain.mult_adds
    assert counted.params - plain.params == 2_736 == counted.bn_running // 2
    assert counted.params == 216_322


def test_image_classification() -> None:
    # stem, then three stacks of two 3x3, and a 1x1 beside all but the first
    stem, first = 27 * 16 * 1024, 2 * 9 * 16 * 16 * 1024
    second = (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32) * 256
    third = (9 * 32 * 64 + 9 * 64 * 64 + 32 * 64) * 64
    counted = counts("resnet8")
    assert counted.mult_adds == stem + first + second + third + 64 * 10 == 12_501_632
    # 77,360 weights, 346 biases, and 2 * 240 of the norms; the norms store 2 * 240 more
    assert (counted.params, counted.bias, counted.bn_running) == (78_186, 346, 480)
    assert counted.params - counted.bn_affine == 77_360 + 346


def test_keyword_spotting() -> None:
    # 10*4 taps to 64 channels on 25*5 positions, four times 3x3 depthwise and 1x1, 64 to 12
    counted = counts("ds_cnn")
    assert counted.mult_adds == 125 * (40 * 64 + 4 * (9 * 64 + 64 * 64)) + 64 * 12 == 2_656_768
    # 2,624 + 4 * (640 + 4,160) + 780 with biases, and nine norms of 128
    assert counted.params == 2_624 + 4 * 4_800 + 780 + 9 * 128 == 23_756


def test_anomaly_detection() -> None:
    # 640-128-128-128-128-8-128-128-128-128-640
    counted = counts("autoencoder")
    assert counted.mult_adds == 2 * (640 * 128 + 3 * 128 * 128 + 128 * 8) == 264_192
    # 8 * 128 + 8 + 640 biases, and norms of 8 * 128 + 8
    assert counted.params == 264_192 + 1_672 + 2 * 1_032 == 267_928
