"""Lists of what an accelerator runs: those that are shipped, and every way to get one wrong."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from mnet_cost.devices import device_names, load_device
from mnet_cost.devices.library import operator_list_names, operator_list_path
from mnet_cost.devices.operators import Condition, load_operators, setting_names
from mnet_cost.errors import DeviceError

GOOD = """\
format: 1
name: mine
title: An accelerator
version: compiler 1.0
source: a guess
unlisted: processor
partition: islands
precisions: [int8]
every_layer: [batch == 1]
runs: [relu, add]
limits:
  conv2d: [kernel <= 7, "input.channels % 4 == 0"]
  resize: {needs: [nearest], precisions: [fp16]}
  softmax:
    - {condition: rank == 2, text: a vector}
made_of:
  silu: [add, relu]
unsure:
  relu: the document is vague
does_not_run:
  gelu: a guess
"""
PROFILE = """\
format: 1
name: chip
title: A chip
basis: datasheet
runtime: any
threads: 1
compute:
  int8: {macs: 1 TMAC/s, basis: assumed, source: guess}
memory:
  - {level: host, bandwidth: 1 GB/s, basis: assumed, source: guess}
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def list_message(text: str) -> str:
    Path("list.yaml").write_text(text)
    load_operators.__globals__["_load"].cache_clear()
    with pytest.raises(DeviceError) as caught:
        load_operators("list.yaml")
    return str(caught.value)


def profile_message(text: str) -> str:
    Path("chip.yaml").write_text(text)
    with pytest.raises(DeviceError) as caught:
        load_device("./chip.yaml")
    return str(caught.value)


@pytest.mark.parametrize("name", operator_list_names())
def test_each_shipped_list_states_its_document(name: str) -> None:
    operators = load_operators(str(operator_list_path(name)))
    assert operators.name == name
    assert operators.source
    assert operators.version
    assert {"conv2d", "depthwise_conv2d", "relu", "relu6", "add"} - set(operators.made_of) <= set(
        operators.limits
    )
    for kind, parts in operators.made_of.items():
        assert kind not in operators.limits
        # What a list does not name is not supported by it, or not known.
        assert parts
        assert not set(parts) & set(operators.made_of)


def test_profiles_that_name_a_list() -> None:
    named = {name: device.operators.name for name in device_names()
             if (device := load_device(name)).operators}  # fmt: skip
    assert named == {
        "coral_usb": "edgetpu",
        "ethos_u55_128": "ethos_u",
        "ethos_u55_256": "ethos_u",
        "hailo_8": "hailo",
        "pixel_4_hexagon": "hexagon_delegate",
        "rk3588_npu": "rknn",
    }


def test_a_list_is_read() -> None:
    Path("list.yaml").write_text(GOOD)
    operators = load_operators("list.yaml")
    assert operators.every_layer == (Condition("batch == 1"),)
    assert list(operators.limits) == ["relu", "add", "conv2d", "resize", "softmax"]
    assert operators.limits["softmax"].needs == (Condition("rank == 2", "a vector"),)
    assert operators.limits["resize"].precisions == ("fp16",)
    assert operators.made_of == {"silu": ("add", "relu")}
    assert operators.unsure["relu"].text == "the document is vague"
    assert operators.refused == {"gelu": "a guess"}


def test_a_profile_with_a_list_goes_to_another_process() -> None:
    device = load_device("coral_usb")
    assert pickle.loads(pickle.dumps(device)).operators == device.operators


def test_what_conditions_may_ask() -> None:
    assert setting_names("depthwise_conv2d") == (
        "kernel", "kernel_height", "kernel_width", "stride", "stride_height", "stride_width",
        "dilation", "dilation_height", "dilation_width", "multiplier", "bias", "trained", "gain",
        "padding",
    )  # fmt: skip
    assert {"nearest", "bilinear", "scale_height", "align_corners"} <= set(setting_names("resize"))
    assert "axis" in setting_names("softmax")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "runs: [relu,",
            "runs: [relux,",
            "list.yaml:10:8: there is no kind of layer `relux`\n   10 | runs: [relux, add]\n"
            "      |        ^^^^^\nhint: did you mean `relu`",
            id="unknown kind",
        ),
        pytest.param(
            "kernel <= 7",
            "kernle <= 7",
            "list.yaml:12:12: conditions of `conv2d` know no `kernle`\n"
            "   12 |   conv2d: [kernle <= 7,",
            id="unknown setting",
        ),
        pytest.param(
            "input.channels %",
            "image.channels %",
            'list.yaml:12:26: conditions of `conv2d` know no `image`\n   12 |   conv2d: [kernel <= '
            '7, "image.channels',
            id="unknown tensor, in quotes",
        ),
        pytest.param(
            "kernel <= 7", "kernel <=", "expected a number, a name or `(`", id="no expression"
        ),
        pytest.param("[nearest]", "[cubic]", "conditions of `resize` know no `cubic`", id="word"),
        pytest.param("islands", "island", "`island` is no partition", id="partition"),
        pytest.param("precisions: [int8]", "precisions: [int9]", "no precision `int9`", id="int9"),
        pytest.param("source: a guess\n", "", "must state `source`", id="no source"),
        pytest.param("silu: [add, relu]", "silu: []", "must name the kinds", id="made of nothing"),
        pytest.param(
            "silu: [add, relu]",
            "silu: [add, relu]\n  mish: [silu]",
            "`silu` is itself made of other kinds",
            id="made of made",
        ),
        pytest.param("gelu: a guess", "relu: a guess", "`relu` is listed as running", id="both"),
        pytest.param("format: 1", "format: 2", "reads `format: 1` only", id="format"),
        pytest.param("{condition: rank == 2, text: a vector}", "{text: a vector}",
                     "a condition must state `condition`", id="no condition"),
    ],
)  # fmt: skip
def test_errors_show_the_line(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    assert expected in list_message(GOOD.replace(old, new))


def test_all_errors_of_a_list_come_at_once() -> None:
    text = list_message(GOOD.replace("relu, add", "relux, add").replace("kernel", "kernle"))
    assert "relux" in text
    assert "kernle" in text


def test_a_profile_finds_its_list_beside_it() -> None:
    Path("list.yaml").write_text(GOOD)
    Path("chip.yaml").write_text(
        PROFILE + "operators: ./list.yaml\nfallback: rk3588\ncrossing: host\n"
    )
    device = load_device("./chip.yaml")
    assert device.operators
    assert device.operators.name == "mine"
    assert device.fallback
    assert device.fallback.name == "rk3588"
    assert device.crossing
    assert device.crossing.bytes_per_s
    assert device.crossing.bytes_per_s.value == 1e9


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("operators: edgetpux\n", "there is no list of operators `edgetpux`"),
        ("operators: ./none.yaml\n", "`./none.yaml` is no list of operators"),
        ("operators: edgetpu\ncrossing: hots\n", "there is no memory level `hots`"),
        ("operators: edgetpu\nfallback: rk35888\n", "cannot run what the accelerator does not"),
        ("fallback: rk3588\n", "`fallback` without `operators`"),
        ("operators: edgetpu\nfallback: ./chip.yaml\n", "cannot fall back itself"),
        ("operators: edgetpu\nfallback: hailo_8\n", "`hailo_8` is an accelerator itself"),
    ],
)
def test_errors_of_a_profile(added: str, expected: str) -> None:
    text = profile_message(PROFILE + added)
    assert expected in text
    assert "chip.yaml:11" in text or "chip.yaml:12" in text


def test_all_problems_of_a_list_beside_the_profile_are_shown_at_their_lines() -> None:
    Path("typos.yaml").write_text(GOOD.replace("[relu, add]", "[relv, ad]").replace("kernel", "k"))
    text = profile_message(PROFILE + "operators: ./typos.yaml\nfallback: hailo_8\n")
    assert "typos.yaml:10:8: there is no kind of layer `relv`\n   10 | runs: [relv, ad]\n" in text
    assert "typos.yaml:10:14: there is no kind of layer `ad`" in text
    assert "typos.yaml:12:12: conditions of `conv2d` know no `k`" in text
    assert "chip.yaml:12:11: `hailo_8` is an accelerator itself" in text
    assert "/./" not in text


def test_of_a_list_that_is_somewhere_else_no_line_is_shown(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("root:x:0:0\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "chip.yaml").write_text(PROFILE + "operators: ../secret.yaml\n")
    with pytest.raises(DeviceError) as caught:
        load_device("sub/chip.yaml")
    assert "`../secret.yaml` is no list of operators" in str(caught.value)
    assert "x:0:0" not in str(caught.value)


def test_profiles_that_name_each_other_in_a_ring_are_refused() -> None:
    Path("base.yaml").write_text(PROFILE + "operators: edgetpu\nfallback: ./chip.yaml\n")
    text = profile_message(
        "format: 1\nname: chip\ntitle: A chip\nbasis: datasheet\nruntime: any\nthreads: 1\n"
        "extends: ./base.yaml\n"
    )
    assert "cannot fall back itself" in text


def test_another_runtime_has_no_list_of_the_profile_that_it_extends() -> None:
    text = (
        "format: 1\nname: chip\ntitle: A chip\nbasis: datasheet\nruntime: {}\nthreads: 1\n"
        "extends: coral_usb\n"
    )
    Path("chip.yaml").write_text(text.format("tflite"))
    assert load_device("./chip.yaml").operators is not None
    Path("chip.yaml").write_text(text.format("onnxruntime"))
    assert load_device("./chip.yaml").operators is None
