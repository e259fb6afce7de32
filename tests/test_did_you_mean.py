"""Hints for names that people type: other spellings, other tools' names, starts, slips."""

from __future__ import annotations

import pytest

from mnet_cost.cli import main
from mnet_cost.devices.library import device_names
from mnet_cost.devices.other_names import OTHER_DEVICES
from mnet_cost.errors import ModelReferenceError, SpecError, did_you_mean, meant_names
from mnet_cost.layers import KINDS, LAYERS
from mnet_cost.layers.other_names import OTHER_FIELDS, OTHER_KINDS
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec


@pytest.mark.parametrize(
    ("name", "candidates", "meant"),
    [
        ("ReLU", ["prelu", "relu", "relu6"], ["relu"]),
        ("Mobilenet-V1", ["mobilenet_v1", "mobilenet_v2"], ["mobilenet_v1"]),
        ("mobilenet_v3", ["mobilenet_v1", "mobilenet_v3_small", "mobilenet_v3_large"],
         ["mobilenet_v3_large", "mobilenet_v3_small"]),
        ("net", ["net_d", "net_c", "net_b", "net_a"], ["net_a", "net_b", "net_c"]),
        ("ne", ["net_a", "net_b"], []),
        ("bacth_norm", ["batch_norm", "layer_norm"], ["batch_norm"]),
        ("xyz", ["batch_norm", "layer_norm"], []),
        ("", ["a"], []),
        ("n" * 81, ["n" * 81], []),
    ],
)  # fmt: skip
def test_meant_names(name: str, candidates: list[str], meant: list[str]) -> None:
    assert meant_names(name, candidates) == meant


def test_other_names_stand_before_slips_and_behind_other_spellings() -> None:
    assert did_you_mean("fc", ["linear", "fa"], {"fc": "linear"}) == "did you mean `linear`?"
    assert did_you_mean("FC", ["linear", "f_c"], {"fc": "linear"}) == "did you mean `f_c`?"
    assert did_you_mean("fc", ["conv"], {"fc": "linear"}) is None  # which is not there


TYPED = {
    "swish": "silu", "SiLU": "silu", "ReLU": "relu", "bn": "batch_norm", "fc": "linear",
    "upsample": "resize", "dwconv": "depthwise_conv2d", "Conv2d": "conv2d",
    "BatchNorm2d": "batch_norm", "Dense": "linear", "AvgPool2D": "avg_pool2d",
    "GlobalAveragePooling2D": "global_avg_pool", "InvertedResidualz": None,
}  # fmt: skip


@pytest.mark.parametrize("kind", TYPED)
def test_kinds_that_people_type(kind: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(f"format: 1\nname: n\ninput: {{x: [3, 8, 8]}}\nlayers: [{kind}]\n")
    meant = TYPED[kind]
    hint = f"did you mean `{meant}`?" if meant else "`mnet-cost layers` lists the kinds"
    (problem,) = caught.value.problems
    assert problem.hint == hint


def test_fields_that_people_type() -> None:
    layer = "{conv2d: {filters: 8, kernel_size: 3, strides: 2, use_bias: true}}"
    with pytest.raises(SpecError) as caught:
        parse_spec(f"format: 1\nname: n\ninput: {{x: [3, 8, 8]}}\nlayers: [{layer}]\n")
    hints = [problem.hint for problem in caught.value.problems]
    assert hints == [f"did you mean `{name}`?" for name in ("channels", "kernel", "stride", "bias")]


def test_what_is_meant_is_there() -> None:
    fields = {name for layer in LAYERS for name in layer.__dataclass_fields__}
    assert set(OTHER_KINDS.values()) <= set(KINDS)
    assert set(OTHER_FIELDS.values()) <= fields
    assert set(OTHER_DEVICES.values()) <= set(device_names())
    for names in (OTHER_KINDS, OTHER_FIELDS, OTHER_DEVICES):
        assert all(name.isalnum() and name == name.lower() for name in names)


def test_models_that_people_type() -> None:
    with pytest.raises(ModelReferenceError, match=r"`mobilenet_v3_large` or `mobilenet_v3_small`"):
        load_model("mobilenet_v3")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["analyze", "mobilenet_v1", "--device", "rpi4"], "did you mean `raspberry_pi_4`?"),
        (["analyze", "mobilenet_v1", "--width", "0.5"], "did you mean `--alpha`?"),
        (["analyze", "mobilenet_v1", "--batch-size", "2"], "did you mean `--batch`?"),
        (["analyze", "mobilenet_v1", "--devise", "h100"], "did you mean `--device`?"),
        (["analyse", "mobilenet_v1"], "did you mean `analyze`?"),
    ],
)
def test_words_of_the_command_line(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: object = main(words)
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert f"hint: {hint}\n" in capsys.readouterr().err
