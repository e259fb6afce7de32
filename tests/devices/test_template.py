"""`devices init NAME`: a profile to fill in."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.devices import CLASSES, device_names, load_device
from mnet_cost.devices.load import parse_device
from mnet_cost.devices.template import device_template

VALUES = {
    "title": "a board",
    "macs": "9.6 GMAC/s",
    "vector": "9.6 Gop/s",
    "source": "its manual",
    "size": "2 GB",
    "bandwidth": "6.4 GB/s",
}


def filled_in(text: str) -> str:
    """A template as a user fills it in."""
    return re.sub(r"(\w+): FILL_IN", lambda match: f"{match[1]}: {VALUES[match[1]]}", text)


@pytest.mark.parametrize("device_class", CLASSES)
def test_a_profile_that_is_filled_in_gives_times(device_class: str) -> None:
    device = parse_device(filled_in(device_template("mine", device_class)), "mine.yaml")
    assert (device.name, device.device_class) == ("mine", device_class)
    (estimate,) = mnet_cost.analyze("mobilenet_v1", devices=[device]).devices
    cores = device_class not in ("accelerator", "gpu", "microcontroller")
    assert estimate.basis == ("datasheet" if cores else "bound")
    assert estimate.latency_s is not None


@pytest.mark.parametrize("device_class", ["board", "microcontroller", "gpu"])
def test_what_is_optional_loads_too(device_class: str) -> None:
    head, _, body = filled_in(device_template("mine", device_class)).partition("format: 1")
    body = re.sub(r"^( {0,4})# ", r"\1", body, flags=re.MULTILINE)
    device = parse_device(f"{head}format: 1{body}", "mine.yaml")
    assert device.cores is not None
    assert [level.name for level in device.memory] == ["L1", "L2", "main"]
    assert device.storage is not None
    assert device.compute["fp32"].tile is not None
    assert device.power_w is not None
    assert device.kernel_overhead_s is not None


def test_what_is_not_filled_in_is_named_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["devices", "init", "my_board"]) == 0
    assert capsys.readouterr().out == (
        "my_board.yaml: replace each FILL_IN, then `mnet-cost devices ./my_board.yaml` shows the "
        "profile\n"
    )
    text = Path("my_board.yaml").read_text(encoding="utf-8")
    assert main(["analyze", "lenet5", "--device", "my_board.yaml"]) == 2
    err = capsys.readouterr().err
    lines = [i for i, line in enumerate(text.splitlines(), 1) if ": FILL_IN" in line]
    assert re.findall(r"my_board\.yaml:(\d+):\d+: this is to be filled in", err) == [
        str(line) for line in lines
    ]
    Path("my_board.yaml").write_text(filled_in(text), encoding="utf-8")
    assert main(["analyze", "lenet5", "--device", "my_board.yaml"]) == 0
    assert main(["devices", "my_board.yaml"]) == 0


def test_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("precious")
    for words in (["init", "mine"], ["init", "other", "-o", "mine.yaml"]):
        assert main(["devices", *words]) == 2
        assert capsys.readouterr().err.startswith("mnet-cost: mine.yaml: is there already\nhint:")
    assert Path("mine.yaml").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["init", "pixel_1"], "the name `pixel_1` is taken\nhint: `mnet-cost devices pixel_1`"),
        (["init", "all"], "the name `all` is taken\n"),
        (["init", "a/b"], "`a/b` is no name of a device\nhint: a letter, then"),
        (["init", "mine.yaml"], "`mine.yaml` is no name of a device\n"),
        (["init", "null"], "`null` is no name of a device\n"),
        (["init", ""], "`` is no name of a device\n"),
        (["init", "x" * 65], f"`{'x' * 65}` is no name of a device\n"),
        (["init", "mine", "--class", "bord"], "there is no class `bord`\nhint: did you mean"),
        (["init"], "`devices init` takes one name"),
        (["init", "a", "b"], "`devices init` takes one name"),
        (["init", "a", "--for", "lenet5"], "`devices init` takes one name"),
        (["pixel_1", "--class", "board"], "`--class` chooses among all profiles\nhint: leave"),
        (["--class", "fone"], "there is no class `fone`\nhint: did you mean `phone`?"),
    ],
)
def test_refused(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["devices", *words]) == 2
    assert capsys.readouterr().err.startswith(f"mnet-cost: {message}")
    assert list(tmp_path.iterdir()) == []


def test_a_class_of_devices_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--class", "laptop", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)["devices"]
    names = [name for name in device_names() if load_device(name).device_class == "laptop"]
    assert sorted(device["name"] for device in listed) == sorted(names)
    words = ["--class", "microcontroller", "--precision", "int8", "--format", "json"]
    assert main(["devices", "--for", "mobilenet_v1", *words]) == 0
    devices = json.loads(capsys.readouterr().out)["devices"]
    assert {load_device(device["name"]).device_class for device in devices} == {"microcontroller"}
    assert len(devices) == 14
