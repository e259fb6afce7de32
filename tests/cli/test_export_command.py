"""`mnet-cost export` with bad input: what it says before it needs torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnet_cost.cli import main


def test_an_unknown_ending(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("net.txt", "net", "net.pt"):
        assert main(["export", "mobilenet_v1", "-o", name]) == 2
        assert capsys.readouterr().err == (
            f"mnet-cost: {name}: the ending says what to write: `.onnx`, `.pt2` or `.py`\n"
            "hint: .onnx for other runtimes, .pt2 for torch.export.load, .py for source\n"
        )
        assert not Path(name).exists()


def test_no_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["export", "mobilenet_v1"])
    assert stopped.value.code == 2
    assert "-o/--output" in capsys.readouterr().err


def test_an_unknown_knob(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "mobilenet_v1", "--set", "alfa=1", "-o", "net.py"]) == 2
    assert "alfa" in capsys.readouterr().err


def test_the_weights_are_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.pt2"
    path.write_text("weights")
    assert main(["export", "mobilenet_v1", "--weights", str(path), "-o", str(path)]) == 2
    assert "is read by this command" in capsys.readouterr().err
    assert path.read_text() == "weights"


@pytest.mark.parametrize("name", ["net.onnx", "net.pt2", "net.py"])
def test_torch_is_missing(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnet_cost.torch_model.installed.find_spec", lambda name: None)
    assert main(["export", "mobilenet_v1", "-o", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err == (
        "mnet-cost: this needs the package `torch`, which is not installed\n"
        "hint: python -m pip install 'mnet-cost[torch]'\n"
    )
    assert not (tmp_path / name).exists()
