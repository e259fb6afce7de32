"""EfficientNet, RegNet, ConvNeXt, ViT, PoolFormer and others: worked by hand, and as printed."""

from __future__ import annotations

import pytest

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.models.library import load_model, model_path
from mnet_cost.models.load import read_spec
from mnet_cost.printed import rounding_of

FILES = (
    "convnext",
    "efficientnet",
    "efficientnet_lite",
    "nasnet_mobile",
    "poolformer",
    "regnet",
    "shufflenet_v2",
    "swin",
    "vit",
)
NOT_AS_PRINTED = {
    # The README does not say what its MAdds count beside convolutions and the linear layer.
    ("efficientnet_lite:efficientnet_lite0", "mult_adds"): (407_000_000, 385_187_552),
    ("efficientnet_lite:efficientnet_lite1", "mult_adds"): (631_000_000, 600_185_232),
    ("efficientnet_lite:efficientnet_lite2", "mult_adds"): (899_000_000, 859_736_272),
    ("efficientnet_lite:efficientnet_lite3", "mult_adds"): (1_440_000_000, 1_383_321_872),
    ("efficientnet_lite:efficientnet_lite4", "mult_adds"): (2_640_000_000, 2_553_034_336),
    # The README prints 45.0 G in one table and 47.0 G in the next.
    ("convnext:convnext_base@resolution=384", "mult_adds"): (45_000_000_000, 45_122_117_632),
}
"""Printed, and what it is."""


def cost(reference: str) -> Analysis:
    model = load_model(reference)
    return analyze(model.spec, model.knobs)


def inside(analysis: Analysis, path: str) -> tuple[int, int]:
    """Mult-adds and params of the layers below `path`."""
    layers = [layer for layer in analysis.layers if layer.step.name.startswith(f"{path}.")]
    return sum(layer.mult_adds for layer in layers), sum(layer.params for layer in layers)


@pytest.mark.parametrize("name", FILES)
def test_published_counts(name: str) -> None:
    off = {}
    rows = read_spec(model_path(name)).published
    assert rows
    for row in rows:
        setting = ",".join(f"{knob}={value}" for knob, value in row.at.items())
        reference = name + (f":{row.variant}" if row.variant else "")
        reference += f"@{setting}".lower() if setting else ""
        totals = cost(reference).totals
        counted = {"mult_adds": totals.mult_adds, "params": totals.params}
        for figure, printed in row.figures.items():
            if figure in counted and rounding_of(counted[figure], printed) is None:
                off[reference, figure] = (int(printed.value), counted[figure])
    assert off == {
        key: value for key, value in NOT_AS_PRINTED.items() if key[0].startswith(name + ":")
    }


@pytest.mark.parametrize("name", FILES)
def test_everything_is_counted(name: str) -> None:
    for variant in read_spec(model_path(name)).variants or ("",):
        analysis = cost(f"{name}:{variant}".rstrip(":"))
        assert analysis.unmodelled == ()
        assert analysis.network.tensors[analysis.layers[-1].step.output].type.shape == (1000,)


def test_lite0_is_b0_without_squeeze_and_excite() -> None:
    # expanded and squeezed channels of the 16 blocks of arXiv:1905.11946, Table 1
    squeezes = [(32, 8), (96, 4), (144, 6), (144, 6), (240, 10), (240, 10), (480, 20), (480, 20)]
    squeezes += [(480, 20), (672, 28), (672, 28), (672, 28), *[(1152, 48)] * 4]
    b0, lite0 = cost("efficientnet_b0").totals, cost("efficientnet_lite0").totals
    assert b0.mult_adds - lite0.mult_adds == sum(2 * e * s for e, s in squeezes) == 627_200
    assert b0.params - lite0.params == sum(2 * e * s + e + s for e, s in squeezes) == 636_540
    assert b0.buffers == lite0.buffers == 42_016


def test_compound_scaling() -> None:
    # B4 has 1.4 times the channels, and 1.8 times the layers, rounded up: 1, 2, 2, 3, 3, 4, 1
    # become 2, 4, 4, 6, 6, 8, 2; of Lite 4 stem, head, first and last stage stay
    for name, blocks, head in [("b4", 32, (1792, 12, 12)), ("lite4", 30, (1280, 10, 10))]:
        layers = cost(f"efficientnet_{name}").layers
        kinds = [layer.step.layer.kind for layer in layers]
        assert kinds.count("depthwise_conv2d") == blocks
        assert [layer.output.shape for layer in layers if layer.step.name == "head"] == [head]


def test_regnet_squeezes_what_comes_in() -> None:
    # Stage 2 of Y-400MF starts from 48 channels: 12 are left, a quarter, in all of 104 channels.
    analysis = cost("regnet_y_400mf")
    first, later = "stage_2.block", "stage_2.block_2.1"
    assert inside(analysis, f"{first}.squeeze_excite") == (2 * 104 * 12, 2 * 104 * 12 + 104 + 12)
    assert inside(analysis, f"{later}.squeeze_excite") == (2 * 104 * 26, 2 * 104 * 26 + 104 + 26)
    # groups of 8: each of 104 outputs at 28 x 28 sees 3 x 3 x 8 inputs
    grouped = next(layer for layer in analysis.layers if layer.step.name == f"{first}.conv2d_2")
    assert grouped.mult_adds == 9 * 8 * 104 * 28 * 28 == 5_870_592


def test_regnet_x_is_without_squeeze_and_excite() -> None:
    analysis = cost("regnet_x_400mf")
    assert not [layer for layer in analysis.layers if layer.step.layer.kind == "sigmoid"]
    assert analysis.totals.params == 5_495_976


def test_convnext_block() -> None:
    # 96 channels at 56 x 56: 7x7 depthwise, then to 4 * 96 channels and back
    analysis = cost("convnext_tiny")
    kernels = 49 * 96 + 2 * 4 * 96 * 96
    shifts = 96 + 4 * 96 + 96
    norm_and_scale = 2 * 96 + 96
    expected = (56 * 56 * kernels, kernels + shifts + norm_and_scale)
    assert inside(analysis, "stage1.2") == expected == (245_962_752, 79_296)
    assert analysis.totals.buffers == 0


@pytest.mark.parametrize(
    ("variant", "params", "at_224", "at_193"),
    [
        ("s12", 11915176, 1812267008, 1331597312),
        ("s24", 21388968, 3392208896, 2492370944),
        ("s36", 30862760, 4972150784, 3653144576),
        ("m36", 56172520, 8758788096, 6435231744),
        ("m48", 73473448, 11533320192, 8473663488),
    ],
)
def test_poolformer_is_that_of_timm(variant: str, params: int, at_224: int, at_193: int) -> None:
    """timm 1.0.31, its convolutions and matrix products counted as torch dispatches them."""
    for resolution, mult_adds in ((224, at_224), (193, at_193)):
        totals = cost(f"poolformer_{variant}@resolution={resolution}").totals
        assert (totals.params, totals.mult_adds) == (params, mult_adds)


def test_vit_block() -> None:
    # 197 tokens of 768 features: 4 projections and 2 layers of 4 x 768 are 12 * 768 ** 2
    # weights; scores and their use multiply 197 x 197 pairs by 768 features, twice.
    analysis = cost("vit_b_16")
    mult_adds = 197 * 12 * 768**2 + 2 * 197**2 * 768
    expected = (mult_adds, 12 * 768**2 + 13 * 768)
    assert inside(analysis, "encoder.7") == expected == (1_453_954_560, 7_087_872)
    # beside the blocks: patches, token, positions, norm, classes
    beside = 16 * 16 * 3 * 768 + 768 + 768 + 197 * 768 + 2 * 768 + 769 * 1000
    assert analysis.totals.params == 12 * 7_087_872 + beside == 86_567_656


def test_vit_tokens() -> None:
    # (resolution / patch) ** 2 and the class token
    for reference, tokens in [
        ("vit_b_16", 197),
        ("vit_b_32", 50),
        ("vit_h_14@resolution=518", 1370),
    ]:
        analysis = cost(reference)
        positions = [
            layer for layer in analysis.layers if layer.step.layer.kind == "position_embedding"
        ]
        assert [layer.output.shape[0] for layer in positions] == [tokens]


@pytest.mark.parametrize(
    ("variant", "c2", "here", "paper"),
    [
        ("x0_5", 48, 40_476_448, 40_476_448),  # Table 8 prints 41 M
        ("x1_0", 116, 144_907_992, 145_814_296),  # 146 M
        ("x1_5", 176, 295_759_392, 298_970_656),  # 299 M
        ("x2_0", 244, 583_253_464, 590_783_000),  # 591 M
    ],
)
def test_shufflenet_of_the_authors(variant: str, c2: int, here: int, paper: int) -> None:
    # Their first unit keeps its 24 channels on the left, where torchvision has c2 / 2: with 1x1
    # convolutions of i * i + (c/2) * (c - i) in place of i * (c/2) + (c/2) * (c/2) weights at
    # 28 x 28, that is (c/2 - i) ** 2 more. Stages 3 and 4 double their channels: i is c/2.
    more = 28 * 28 * (c2 // 2 - 24) ** 2
    assert cost(f"shufflenet_v2_{variant}").totals.mult_adds == here
    assert cost(f"shufflenet_v2_{variant}@authors=true").totals.mult_adds == paper == here + more


def test_nasnet_is_keras_nasnet() -> None:
    # keras_applications/nasnet.py@2661dac: model.summary() of NASNetMobile prints
    # 5,326,716 params, 5,289,978 of them trainable and 36,738 not
    totals = cost("nasnet_mobile").totals
    assert (totals.params, totals.buffers) == (5_289_978, 36_738)
    assert totals.mult_adds == 563_638_816  # the paper and its README print 564 M


def test_nasnet_last_cell() -> None:
    # Two inputs of 1056 channels at 7 x 7 are projected to 176; the five separable convolutions
    # of Figure 4 (5x5, 3x3, 5x5, 3x3, 3x3) are applied twice each.
    projected = 2 * 1056 * 176
    depthwise = 2 * 176 * (25 + 9 + 25 + 9 + 9)
    pointwise = 2 * 5 * 176 * 176
    norms = (2 + 2 * 5) * 2 * 176
    kernels = projected + depthwise + pointwise
    expected = (7 * 7 * kernels, kernels + norms)
    assert inside(cost("nasnet_mobile"), "c4") == expected == (34_720_224, 712_800)


@pytest.mark.parametrize(
    ("variant", "params", "at"),
    [
        ("t", 28_288_354, {224: 4_490_566_656, 448: 17_959_962_624, 256: 7_345_441_536}),
        ("t", 28_288_354, {225: 4_490_566_656, 100: 1_299_876_864, 33: 518_717_184}),
        ("s", 49_606_258, {224: 8_740_875_264, 448: 34_961_197_056, 193: 7_150_814_592}),
        ("b", 87_768_224, {224: 15_430_946_816, 448: 61_720_715_264, 256: 25_188_045_824}),
    ],
)
def test_swin_is_that_of_torchvision(variant: str, params: int, at: dict[int, int]) -> None:
    """Products that the modules of torchvision 0.29.1 run on the meta device: at 256 pixels their
    sides of 64, 32, 16 and 8 are padded to whole windows, and at 100 the 25 before merging, too."""
    for resolution, mult_adds in at.items():
        totals = cost(f"swin_{variant}@resolution={resolution}").totals
        assert (totals.mult_adds, totals.params) == (mult_adds, params)


def test_swin_shifts_no_single_window() -> None:
    # at 100 pixels sides are 25, 13, 7 and 4: windows of the last two stages are whole images
    masks = {
        layer.step.name.split(".")[0]: layer.output.shape
        for layer in cost("swin_t@resolution=100").layers
        if layer.step.layer.kind == "window_mask"
    }
    assert masks == {"stage1": (16, 1, 49, 49), "stage2": (4, 1, 49, 49)}


@pytest.mark.parametrize(
    ("variant", "params", "of_128", "of_512"),
    [
        ("135m", 134_515_008, 17_779_654_656, 77_913_391_104),
        ("360m", 361_821_120, 47_311_749_120, 201_326_592_000),
        ("1_7b", 1_711_376_384, 220_653_944_832, 901_943_132_160),
    ],
)
def test_smollm2_is_that_of_transformers(
    variant: str, params: int, of_128: int, of_512: int
) -> None:
    """Products that LlamaForCausalLM of transformers 5.24.0, of these sizes and with a tied head,
    runs on the meta device (a TorchDispatchMode), and the params that it has."""
    for tokens, mult_adds in ((128, of_128), (512, of_512)):
        totals = cost(f"smollm2_{variant}@tokens={tokens}").totals
        assert (totals.mult_adds, totals.params) == (mult_adds, params)


def test_smollm2_by_hand() -> None:
    """A token passes all matrices but the embedding, whose rows are looked up; and attention in
    9 heads of 64 features, to all 512 tokens: what is masked is counted, too."""
    analysis = cost("smollm2_135m")
    hidden, keys, mlp, vocabulary = 576, 3 * 64, 1536, 49_152
    of_layer = 2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * mlp
    attention = 2 * 9 * 64 * 512
    per_token = 30 * (of_layer + attention) + vocabulary * hidden
    assert analysis.totals.mult_adds == 512 * per_token
    assert analysis.totals.params == 30 * (of_layer + 2 * hidden) + hidden + vocabulary * hidden
    assert analysis.totals.buffers == 2 * 512 * 32  # cosines and sines of half a head
