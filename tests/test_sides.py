"""Inputs that are not square, of specs with one knob for both sides."""

from __future__ import annotations

import json
import pickle

import pytest

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.shipped import specs_folder


def written(name: str, old: str, new: str) -> mnet_cost.ModelSpec:
    """A shipped spec with its input written by hand."""
    text = (specs_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    return mnet_cost.parse_spec(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "sides"),
    [
        ("mobilenet_v1", "[3, size, size]", "[3, 480, 640]", "480x640"),
        ("resnet", "[3, resolution, resolution]", "[3, 192, 256]", (192, 256)),
        ("deeplabv3_mobilenet_v2", "[3, resolution, resolution]", "[3, 257, 513]", [257, 513]),
    ],
)
def test_counts_are_those_of_a_spec_with_these_sides(
    name: str, old: str, new: str, sides: object
) -> None:
    found = mnet_cost.analyze(name, resolution=sides, devices=["pixel_1"])
    expected = mnet_cost.analyze(written(name, old, new), devices=["pixel_1"])
    assert found.totals == expected.totals
    assert found.memory == expected.memory
    assert [one.type for one in found.network.tensors] == [
        one.type for one in expected.network.tensors
    ]
    assert found.devices[0].latency_s == expected.devices[0].latency_s


def test_height_comes_first() -> None:
    network = mnet_cost.analyze("mobilenet_v1", resolution="480x640", rho=0.5).network
    assert network.tensors[0].type.shape == (3, 240, 320)
    assert str(network.knobs["resolution"]) == "480x640"


def test_equal_sides_are_one_number() -> None:
    square = mnet_cost.analyze("mobilenet_v1", resolution="224x224")
    assert square.network.knobs["resolution"] == 224
    assert square == mnet_cost.analyze("mobilenet_v1")


def test_let_that_depends_on_no_side_stays_one_number() -> None:
    text = """\
format: 1
name: n
knobs: {resolution: 32, width: 4}
let: {wide: 2 * width, half: resolution / 2, twice(x): 2 * x, large: twice(half)}
input: {image: [3, large, half]}
layers: [{conv2d: {channels: wide, kernel: 3}}]
"""
    network = mnet_cost.analyze(mnet_cost.parse_spec(text), resolution=(32, 64)).network
    assert network.tensors[0].type.shape == (3, 32, 32)
    assert network.tensors[1].type.shape[0] == 8


def refused(text: str, **knobs: object) -> str:
    with pytest.raises(mnet_cost.MnetCostError) as caught:
        mnet_cost.analyze(mnet_cost.parse_spec(text), **knobs)  # type: ignore[arg-type]
    return str(caught.value)


HEAD = "format: 1\nname: n\nknobs: {resolution: 32}\n"


@pytest.mark.parametrize(
    ("rest", "place"),
    [
        ("input: {image: [3, resolution, resolution]}\n"
         "layers: [{parameter: {shape: [resolution]}}]\n",
         "<text>:5:30"),
        ("input: {image: [3, resolution, resolution]}\n"
         "layers: [flatten, {linear: {features: resolution * 2}}]\n", "<text>:5:50"),
        ("input: {image: [3, resolution, resolution]}\n"
         "layers: [{relu: {}, when: resolution > 3}]\n", "<text>:5:38"),
        ("let: {half(x): x / resolution}\ninput: {image: [3, resolution, resolution]}\n"
         "layers: [flatten, {linear: {features: half(64)}}]\n", "<text>:4:18"),
        ("input: {x: [resolution, 4]}\nlayers: [relu]\n", "<text>:4:13"),
        ("input: {x: {shape: [2, resolution, 4], layout: sequence}}\nlayers: [relu]\n",
         "<text>:4:24"),
        ("input: {image: [resolution, 8, 8]}\nlayers: [relu]\n", "<text>:4:17"),
    ],
)  # fmt: skip
def test_what_needs_one_number_is_refused_at_its_line(rest: str, place: str) -> None:
    message = refused(HEAD + rest, resolution="16x32")
    assert message.startswith(place)
    assert "not 16x32: only the height and width of an input can differ" in message


def test_each_side_is_a_value_of_the_knob() -> None:
    spec = "format: 1\nname: n\nknobs: {r: {default: 32, choices: [32, 64]}}\n"
    spec += "input: {image: [3, r, r]}\nlayers: [relu]\n"
    assert mnet_cost.analyze(mnet_cost.parse_spec(spec), r="32x64").totals.vector_ops == 6144
    assert refused(spec, r="32x33") == "the knob `r` of n is one of 32, 64, not 33"
    image = HEAD + "input: {image: [3, resolution, resolution]}\nlayers: [relu]\n"
    assert "must be at least 1, not 0" in refused(image, resolution="0x5")
    for bad in ("480x", "1x2x3", "axb", (1, 2, 3), ("a", 2), [True, 2]):
        assert "needs a number, not" in refused(spec, r=bad)


def test_sides_go_through_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["mobilenet_v1", "--resolution", "480x640", "--device", "none"]
    assert main(["analyze", *words]) == 0
    out = capsys.readouterr().out
    assert "resolution 480x640" in out
    assert "input image 3x480x640" in out
    assert main(["analyze", *words, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model"]["knobs"]["resolution"] == [480, 640]
    assert document["model"]["input_shapes"] == {"image": [3, 480, 640]}
    assert main(["compare", "mobilenet_v1@resolution=192x256", "mobilenet_v2", *words[1:]]) == 0
    assert main(["explain", *words]) == 0


def test_a_copy_has_the_sides() -> None:
    analysis = mnet_cost.analyze("mobilenet_v2", resolution=(192, 256))
    assert pickle.loads(pickle.dumps(analysis)) == analysis
