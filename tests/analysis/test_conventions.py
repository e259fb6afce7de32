"""Other tools' totals to the last unit, and the gap itemized."""

from __future__ import annotations

import pytest

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.analysis.conventions import CONVENTIONS, find_convention
from mnet_cost.errors import ModelReferenceError
from mnet_cost.models.library import load_model, model_names
from mnet_cost.models.load import parse_spec

PAPER = 568_740_352

MOBILENET_V1 = {
    "paper": PAPER,
    "torch": PAPER,
    "fvcore": 578_875_904,
    "ptflops": 568_741_352,
    "thop": 588_962_304,
    "torchinfo": 568_763_240,
    "timm": 578_825_728,
    "openvino": 573_783_040,
}


def test_every_convention_is_here() -> None:
    assert {convention.name for convention in CONVENTIONS} == set(MOBILENET_V1)
    assert all(convention.summary and convention.source for convention in CONVENTIONS)


@pytest.mark.parametrize(("name", "total"), MOBILENET_V1.items())
@pytest.mark.parametrize("batch", [1, 4])
def test_mobilenet_v1(name: str, total: int, batch: int) -> None:
    found = analyze(load_model("mobilenet_v1").spec, {"batch": batch}, convention=name)
    assert found.convention == name
    assert found.totals.mult_adds == batch * total
    assert sum(item.mult_adds for item in found.convention_items) == batch * (total - PAPER)
    assert found.totals.params == 4_231_976


@pytest.mark.parametrize("model", model_names())
@pytest.mark.parametrize("name", MOBILENET_V1)
def test_layers_and_items_add_up(model: str, name: str) -> None:
    spec = load_model(model).spec
    paper, found = analyze(spec), analyze(spec, convention=name)
    assert sum(layer.mult_adds for layer in found.layers) == found.totals.mult_adds
    gap = found.totals.mult_adds - paper.totals.mult_adds
    assert sum(item.mult_adds for item in found.convention_items) == gap
    assert found.totals._replace(mult_adds=0) == paper.totals._replace(mult_adds=0)
    assert found.kernels == paper.kernels  # what runs does not depend on how it is counted


def items(layers: str, name: str) -> dict[str, int]:
    head = "format: 1\nname: hand\ninput: {image: [3, 6, 6]}\nlayers:\n"
    found: Analysis = analyze(parse_spec(head + layers), convention=name)
    return {item.what: item.mult_adds for item in found.convention_items}


@pytest.mark.parametrize("name", ["ptflops", "torchinfo"])
def test_a_bias_is_one_per_output(name: str) -> None:
    # As VGG has them: 4 * 6 * 6 outputs of the convolution, then 7.
    vgg = """\
  - conv2d: {channels: 4, kernel: 3, bias: true}
  - relu
  - flatten
  - linear: {features: 7}
"""
    assert items(vgg, name) == {"bias at 1 per output": 4 * 6 * 6 + 7}
    assert items(vgg.replace("bias: true", "bias: false"), name) == {"bias at 1 per output": 7}
    depthwise = "  - depthwise_conv2d: {kernel: 3, stride: 2, bias: true}\n"
    assert items(depthwise, name) == {"bias at 1 per output": 3 * 3 * 3}


@pytest.mark.parametrize("name", ["paper", "torch", "fvcore", "thop", "timm", "openvino"])
def test_a_bias_is_free(name: str) -> None:
    assert items("  - conv2d: {channels: 4, kernel: 3, bias: true}\n", name) == {}


@pytest.mark.parametrize("name", MOBILENET_V1)
def test_biases_inside_a_layer_are_not_one_per_output(name: str) -> None:
    sequence = "  - flatten: {axes: 2}\n"
    assert items(sequence + "  - attention: {heads: 4}\n", name) == {}
    assert items(sequence + "  - lstm: {features: 4}\n", name) == {}


@pytest.mark.parametrize(
    ("name", "affine", "plain"), [("fvcore", 2, 1), ("timm", 2, 1), ("thop", 4, 2)]
)
def test_norms(name: str, affine: int, plain: int) -> None:
    what = f"batch-norm at {affine} per element"
    assert items("  - batch_norm\n", name) == {what: affine * 108}
    assert items("  - batch_norm: {affine: false}\n", name) == {what: plain * 108}


def test_what_else_fvcore_counts() -> None:
    # By fvcore 0.1.5 on these layers: layer_norm 20,736, group_norm 720, instance_norm 1,296,
    # upsample_bilinear2d and upsample_nearest2d 2,304 each.
    norms = """\
  - conv2d: {channels: 4, kernel: 1}
  - group_norm: {groups: 2}
  - instance_norm
  - instance_norm: {affine: true}
  - resize: {scale: 2, mode: bilinear}
  - resize: {scale: 2}
  - layer_norm
  - layer_norm: {affine: false}
"""
    assert items(norms, "fvcore") == {
        "layer, group and instance norm at 5 per element": 20_736 + 720 + 1_296,
        "upsampling at 1 or (bilinear) 4 per output": 2 * 2_304,
    }


def test_torchinfo_counts_the_params_of_norms() -> None:
    assert items("  - batch_norm\n", "torchinfo") == {"batch-norm params, once": 6}


def test_average_pools() -> None:
    window = "  - avg_pool2d: {kernel: 2, stride: 2}\n"
    adaptive = "  - adaptive_avg_pool2d: {size: 2}\n"
    everything = "  - global_avg_pool\n"
    assert items(window, "fvcore") == {}  # it has no handle for avg_pool2d
    assert items(adaptive, "fvcore") == {"adaptive average pooling at 1 per input": 108}
    assert items(everything, "fvcore") == {"adaptive average pooling at 1 per input": 108}
    both = "adaptive average pooling at 1 per input and output"
    assert items(window, "thop") == {"average pooling at 1 per output": 27}
    assert items(adaptive, "thop") == {both: 108 + 12}
    assert items(everything, "thop") == {both: 108 + 3}
    assert items("  - max_pool2d: {kernel: 2}\n", "thop") == {}


def test_unknown_work_stays_unknown() -> None:
    opaque = "  - opaque: {operation: sort, shape: [3, 6, 6]}\n"
    for name in MOBILENET_V1:
        assert items(opaque, name) == {}


def test_unknown_convention() -> None:
    with pytest.raises(ModelReferenceError) as caught:
        find_convention("fvcor")
    assert str(caught.value) == (
        "there is no counting convention `fvcor`\nhint: did you mean `fvcore`?"
    )
    with pytest.raises(ModelReferenceError, match=r"hint: there are paper, torch, fvcore"):
        find_convention("mine")
