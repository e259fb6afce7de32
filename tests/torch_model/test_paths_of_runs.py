"""Paths that are none, lead nowhere or in circles, where networks are trained or exported."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("PIL")

from small_training import image_folder, tiny_file  # noqa: E402

from mnet_cost.cli import main  # noqa: E402

LONG = "n" * 300
TOO_LONG = "file name too long"
CIRCLE = "too many levels of symbolic links"
NUL = "a path cannot hold a NUL character"
NO_FOLDER = "hint: there is no folder `nowhere`: make it first, or choose another one"
HALF = "the system has no name with the character U+D800"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_file(tmp_path)
    Path("circle").symlink_to("circle")
    Path("circle.onnx").symlink_to("circle.onnx")
    Path("folder.onnx").mkdir()


def message(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The first line of what a command that fails says."""
    before = sorted(os.listdir())
    assert main(arguments) == 2
    assert sorted(os.listdir()) == before
    return capsys.readouterr().err.removeprefix("mnet-cost: ").splitlines()[0]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere", "nowhere: is not there"),
        ("tiny.yaml", "tiny.yaml: is no folder"),
        ("tiny.yaml/x", "tiny.yaml/x: is not there"),
        (LONG, f"{LONG}: cannot be read: {TOO_LONG}"),
        ("circle", f"circle: cannot be read: {CIRCLE}"),
        ("circle/x", f"circle/x: cannot be read: {CIRCLE}"),
        ("a\0b", f"a\\x00b: cannot be read: {NUL}"),
        ("\ud800", f"\\ud800: cannot be read: {HALF}"),
        ("", "--data: cannot be read: the name is empty"),
    ],
)
def test_data(capsys: pytest.CaptureFixture[str], path: str, words: str) -> None:
    assert message(capsys, "train", "tiny.yaml", "--data", path) == words


@pytest.mark.parametrize("resume", [[], ["--resume"]])
@pytest.mark.parametrize(
    ("path", "words"),
    [
        (LONG, f"{LONG}: cannot be used: {TOO_LONG}"),
        (f"{LONG}/x", f"{LONG}/x: cannot be used: {TOO_LONG}"),
        ("circle", f"circle: cannot be used: {CIRCLE}"),
        ("a\0b", f"a\\x00b: cannot be used: {NUL}"),
        ("\ud800", f"\\ud800: cannot be used: {HALF}"),
    ],
)
def test_a_folder_for_a_run(
    capsys: pytest.CaptureFixture[str], resume: list[str], path: str, words: str
) -> None:
    error = message(
        capsys, "train", "tiny.yaml", "--data", "digits", "--epochs", "1", "--out", path, *resume
    )
    assert error == words


def test_a_file_where_a_run_is_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "tiny.yaml", "--data", "digits", "--epochs", "1", "--out"]
    assert message(capsys, *words, "tiny.yaml") == "tiny.yaml: cannot be made: file exists"
    error = message(capsys, *words, "tiny.yaml/run")
    assert error == "tiny.yaml/run: cannot be made: not a directory"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere.pt", "no such file or directory"),
        ("folder.onnx", "is a directory"),
        (LONG, TOO_LONG),
        ("circle", CIRCLE),
        ("a\0b", NUL),
        ("\ud800", HALF),
    ],
)
def test_weights(capsys: pytest.CaptureFixture[str], path: str, words: str) -> None:
    shown = path.replace("\0", "\\x00").replace("\ud800", "\\ud800")
    expected = f"{shown}: cannot be read: {words}"
    lines = ["export", "tiny.yaml", "--weights", path, "-o", "x.pt2"]
    assert main(lines) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"mnet-cost: {expected}"
    taught = ["--teacher", "tiny.yaml", "--teacher-weights", path]
    error = message(capsys, "train", "tiny.yaml", "--data", "digits", *taught)
    assert error == expected


@pytest.mark.parametrize("ending", [".py", ".pt2", ".onnx"])
@pytest.mark.parametrize(
    ("path", "words"),
    [
        (LONG, TOO_LONG),
        (f"{LONG}/x", TOO_LONG),
        ("circle/x", CIRCLE),
        ("nowhere/x", f"no such file or directory\n{NO_FOLDER}"),
        ("tiny.yaml/x", "not a directory"),
        ("a\0b", NUL),
        ("\ud800", HALF),
    ],
)
def test_a_file_to_export_to(
    capsys: pytest.CaptureFixture[str], path: str, words: str, ending: str
) -> None:
    pytest.importorskip("onnxscript")
    before = sorted(os.listdir())
    assert main(["export", "tiny.yaml", "-o", path + ending]) == 2
    shown = path.replace("\0", "\\x00").replace("\ud800", "\\ud800")
    expected = f"mnet-cost: {shown}{ending}: cannot be written: {words}"
    assert capsys.readouterr().err.endswith(f"{expected}\n")
    assert sorted(os.listdir()) == before


def test_a_folder_and_a_circle_to_export_to(capsys: pytest.CaptureFixture[str]) -> None:
    for path, words in (("folder.onnx", "is a directory"), ("circle.onnx", CIRCLE)):
        assert main(["export", "tiny.yaml", "-o", path]) == 2
        expected = f"mnet-cost: {path}: cannot be written: {words}"
        assert capsys.readouterr().err.splitlines()[-1] == expected


def test_names_that_are_made_of_long_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of runs, which nobody said: none is longer than the system takes."""
    latin, wide = f"{'n' * 249}.yaml", "\u540d" * 80 + ".yaml"
    for name in (latin, wide):
        Path(name).write_text(Path("tiny.yaml").read_text())
    image_folder(Path("i" * 255), {"dark": 4, "light": 4}, mode="L")
    common = ["--epochs", "1", "--batch", "4", "--threads", "1", "--workers", "0"]
    models = [latin, wide, f"./{latin}"]
    words = ["train", "--compare", *models, "--data", "i" * 255, "--resolution", "8", *common]
    assert main(words) == 0, capsys.readouterr().err
    (run,) = Path("runs").iterdir()
    assert len(os.fsencode(run.name)) <= 255
    assert len(list(run.glob("*/best.pt"))) == 3
