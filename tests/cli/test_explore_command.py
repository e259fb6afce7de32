"""`mnet-cost explore` from the outside: the file, and what is refused."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from mnet_cost.cli import main

OPAQUE = (
    "format: 1\nname: net\ninput: {x: [3, 8, 8]}\nlayers:\n"
    "  - opaque: {operation: sort, shape: [4, 8, 8]}\n"
)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of one command."""
    status = main(["explore", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def data_of(text: str) -> Any:
    """The data in the text of a page."""
    packed = re.search(r'id="packed-data">([^<]*)<', text)
    assert packed is not None
    return json.loads(gzip.decompress(base64.b64decode(packed[1])))


def test_a_page_of_one_network(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    given = ("lenet5", "--device", "pixel_1", "--batch", "4", "-o", str(file))
    assert run(capsys, *given) == (0, "", "")
    page = data_of(file.read_text(encoding="utf-8"))
    assert page["format"] == "mnet-cost/explore/1"
    assert [model["title"] for model in page["models"]] == ["lenet5"]
    assert [device["name"] for device in page["devices"]] == ["pixel_1"]
    assert page["arguments"] == ["--batch", "4"]
    batch = next(knob for knob in page["models"][0]["knobs"] if knob["name"] == "batch")
    assert batch["default"] == 4


def test_a_page_of_several_networks(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(
        capsys, "full", "vs", "separable", "separable", "--device", "none", "-o", "-",
        "--alpha", "0.5",
    )  # fmt: skip
    assert (status, err) == (0, "")
    page = data_of(out)
    titles = [model["title"] for model in page["models"]]
    assert titles == ["full", "separable", "separable (2)"]
    assert page["devices"] == []
    assert page["arguments"] == ["--set", "alpha=0.5"]


def test_a_device_of_a_file_is_named_by_its_path(
    capsys: pytest.CaptureFixture[str], in_root: Path
) -> None:
    _, out, _ = run(capsys, "lenet5", "--device", "specs/devices/pixel_1.yaml", "-o", "-")
    assert data_of(out)["devices"][0]["reference"] == "specs/devices/pixel_1.yaml"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet5"], "a page goes to a file\nhint: add `-o page.html`, or `--open`"),
        (["vs", "-o", "x.html"], "there is no network to explore"),
        (["lenet5", "-o", "-", "--open"], "a page on stdout cannot be opened"),
        (["lenet6", "-o", "x.html"], "there is no model `lenet6`"),
        (["lenet5", "--alpha", "1", "-o", "x.html"], "no network here has the knob `alpha`"),
        (["lenet5", "--precision", "fp31", "-o", "x.html"], "there is no precision `fp31`"),
        (["lenet5", "--convention", "x", "-o", "x.html"], "there is no counting convention `x`"),
        (["lenet5", "-o", "/dev/full"], "/dev/full: cannot be written: no space left on device"),
        (["lenet5", "-o", "no/x.html"], "no/x.html: cannot be written: no such file or directory"),
    ],
)
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_the_spec_is_not_written_over(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(OPAQUE, encoding="utf-8")
    status, _, err = run(capsys, str(spec), "-o", str(spec))
    assert status == 2
    assert "is read by this command" in err
    assert spec.read_text(encoding="utf-8") == OPAQUE


def test_layers_of_unknown_cost_are_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    spec, file = tmp_path / "net.yaml", tmp_path / "page.html"
    spec.write_text(OPAQUE, encoding="utf-8")
    status, _, err = run(capsys, str(spec), "-o", str(file))
    assert status == 3
    assert "no total: the cost of opaque is unknown" in err
    assert file.exists()
    assert run(capsys, str(spec), "-o", str(file), "--lower-bound")[0] == 0


def test_a_page_without_a_file_is_a_passing_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: not opened.append(address))
    status, out, err = run(capsys, "lenet5", "--device", "none", "--open")
    assert (status, out) == (0, "")
    (file,) = tmp_path.iterdir()
    assert opened == [file.as_uri()]
    assert str(file) in err
