"""Ways in and out of the program: no command, stdin, files of other tools, endings."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnet_cost.cli import COMMANDS, main
from mnet_cost.models import library

NET = """\
format: 1
name: net
knobs: {width: 2}
input: {x: [3]}
layers: [{linear: {features: width}}]
variants: {wide: {knobs: {width: 8}}}
"""


class Stdin:
    """A stream of bytes, as `sys.stdin` is."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.fixture(autouse=True)
def forget_stdin() -> Iterator[None]:
    library._stdin.cache_clear()
    yield
    library._stdin.cache_clear()


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(words)
    return (status, *capsys.readouterr())


def test_no_command_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys)
    assert (status, err) == (0, "")
    for name in COMMANDS:
        assert f"\n    {name}" in out
    examples = [line for line in out.splitlines() if line.startswith("  mnet-cost ")]
    assert len(examples) == 3


def test_examples_of_the_overview_run(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    for line in capsys.readouterr().out.splitlines():
        if line.startswith("  mnet-cost "):
            words = line.split("    ")[0].split()[1:]
            assert main(words) == 0


@pytest.mark.parametrize(
    ("reference", "mult_adds"), [("-", 6), ("-:wide", 24), ("-@width=5", 15), ("-:wide@width=3", 9)]
)
def test_a_spec_on_stdin(
    reference: str,
    mult_adds: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(NET.encode()))
    status, out, _ = run(capsys, "analyze", "--device", "none", "--format", "csv", "--", reference)
    assert status == 0
    (row,) = csv.DictReader(io.StringIO(out))
    assert row["mult_adds"] == str(mult_adds)


def test_stdin_named_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(NET.encode()))
    status, out, err = run(capsys, "compare", "--device", "none", "--", "-", "vs", "-:wide")
    assert (status, err) == (0, "")
    assert "4.00x" in out


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "mnet-cost: stdin: is empty\n"),
        (b"\xff\n", "mnet-cost: stdin:1: is not UTF-8 text: byte 0xff\n"),
        (NET.replace("[3]", "[0]").encode(), "mnet-cost: stdin:4:13: "),
        (b"#" * (16 * 2**20 + 1), "mnet-cost: stdin: is larger than 16 MiB"),
    ],
    ids=["empty", "bytes", "a bad spec", "too much"],
)
def test_what_is_wrong_on_stdin(
    data: bytes, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(data))
    status, out, err = run(capsys, "analyze", "-", "--device", "none")
    assert (status, out) == (2, "")
    assert err.startswith(message)


@pytest.mark.parametrize(
    "name", ["net.onnx", "./a/NET.ONNX", "net.pt2", "net.tflite", "a.param", "net.keras"]
)
def test_a_model_file_that_is_not_there(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "analyze", name)
    assert status == 2
    assert "cannot be read: no such file or directory" in err
    assert err.startswith("mnet-cost: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("ending", ["pt", "h5", "pb", "safetensors"])
def test_other_endings_say_what_they_are(ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "compare", "mobilenet_v1", f"net.{ending}")
    assert status == 2
    assert err.startswith(f"mnet-cost: net.{ending}: is a ")


@pytest.mark.parametrize("ending", [".pdf", ".xlsx", ".yaml", ".onnx"])
def test_a_report_in_no_format(
    ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / f"out{ending}"
    words = ["analyze", "lenet5", "--device", "none", "-o", str(target)]
    status, _, err = run(capsys, *words)
    assert status == 2
    assert f"no report is written as `{ending}`\nhint: an ending is `.txt`, `.text`, " in err
    assert not target.exists()
    assert main([*words, "--format", "csv"]) == 0  # then any ending will do
    assert target.read_text().startswith("model,")


@pytest.mark.parametrize("ending", ["", ".txt", ".TXT", ".log"])
def test_a_report_as_text(ending: str, tmp_path: Path) -> None:
    target = tmp_path / f"out{ending}"
    assert main(["analyze", "lenet5", "--device", "none", "-o", str(target)]) == 0
    assert target.read_text().startswith("lenet5 ")
