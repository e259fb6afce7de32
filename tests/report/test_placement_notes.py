"""What reports say of layers that an accelerator does not run, where they show no such layers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.cli import main
from mnet_cost.devices import load_device
from mnet_cost.models.library import load_model
from mnet_cost.report.placement import placement_notes, share_text
from mnet_cost.report.types import Absent

SAID = (
    "coral_usb: times are as if all layers ran on the accelerator; `mnet-cost analyze` shows for "
    "one network which do"
)
COMMANDS = {
    "sweep": ["sweep", "mobilenet_v3_small", "--alpha", "0.5,1", "--precision", "int8"],
    "fit": ["fit", "mobilenet_v3_small", "--alpha", "0.5,1", "--precision", "int8",
            "--limit", "latency<=5 ms"],
    "check": ["check", "mobilenet_v3_small", "--precision", "int8", "--limit", "latency<=5 ms"],
}  # fmt: skip


def said(capsys: pytest.CaptureFixture[str], command: str, *more: str) -> str:
    main([*COMMANDS[command], *more])
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_times_of_many_networks_are_said_to_know_nothing_of_what_falls_back(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert SAID in said(capsys, command, "--device", "coral_usb")
    assert "as if all layers" not in said(capsys, command, "--device", "pixel_3_tflite_4_threads")


def test_no_time_no_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert "as if all layers" not in said(
        capsys, "sweep", "--device", "coral_usb", "--metrics", "mult_adds,params"
    )
    main(["check", "mobilenet_v3_small", "--precision", "int8", "--device", "coral_usb",
          "--limit", "params<=5M"])  # fmt: skip
    assert "as if all layers" not in capsys.readouterr().out


def test_a_share_with_a_sign_is_no_arrow() -> None:
    """`36.1->99.9 %` reads as a change."""
    model = load_model("yolov8")
    (found,) = analyze(model, devices=[load_device("coral_usb")], precision="int8").devices
    assert share_text(found.placement) == "36.1 to >99.9 %"
    (found,) = analyze(model, devices=[load_device("hailo_8")], precision="int8").devices
    assert share_text(found.placement) == ">99.9 to 100 %"


def test_nothing_on_the_accelerator_is_no_time_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The 2 ms of a call by USB are in its lower bound, and nothing would call it."""
    monkeypatch.chdir(tmp_path)
    Path("vol.yaml").write_text(
        "format: 1\nname: vol\ninput: {volume: [3, 8, 32, 32]}\nlayers:\n"
        "  - conv3d: {channels: 16, kernel: 3, stride: 2}\n  - relu\n"
    )
    estimates = analyze(
        load_model("./vol.yaml"), devices=[load_device("coral_usb")], precision="int8"
    ).devices
    assert placement_notes(estimates) == [
        "coral_usb: 2 layers on the processor, and none on the accelerator: ≥ says nothing of the "
        "processor"
    ]


def test_a_share_of_unknown_mult_adds_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody knows how many mult-adds an opaque layer has: not none, and not 3.6 % elsewhere."""
    monkeypatch.chdir(tmp_path)
    Path("op.yaml").write_text(
        "format: 1\nname: op\ninput: {image: [3, 32, 32]}\nlayers:\n"
        "  - conv2d: {channels: 16, kernel: 3}\n  - opaque: {operation: magic, shape: same}\n"
        "  - conv2d: {channels: 16, kernel: 3}\n"
    )
    for more in ([], ["--lower-bound"]):
        main(["analyze", "op.yaml", "--device", "coral_usb", "--precision", "int8", *more,
              "--format", "json"])  # fmt: skip
        placement = json.loads(capsys.readouterr().out)["devices"][0]["placement"]
        assert placement["accelerated_mult_adds"] == 3 * 16 * 9 * 32 * 32
    estimates = analyze(
        load_model("./op.yaml"), devices=[load_device("coral_usb")], precision="int8"
    ).devices
    assert share_text(estimates[0].placement) == Absent("unknown")
    monkeypatch.setenv("COLUMNS", "160")
    main(["analyze", "op.yaml", "--device", "coral_usb", "--precision", "int8"])
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "nobody knows" in line]
    assert row.split()[-3:] == ["unknown", "opaque", "6"]
