"""Files that cannot be written: no folder, a full disk, and one that is full half way. Each command
that writes says so in the same words, and leaves nothing behind."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mnet_cost.cli import main

NET = """\
format: 1
name: net
knobs: {w: 4}
input: {x: [3, 8, 8]}
layers:
  - conv2d: {channels: w, kernel: 3}
"""

COMMANDS = {
    "analyze text": ("analyze net.yaml --format text -o", ".txt"),
    "analyze html": ("analyze net.yaml -o", ".html"),
    "analyze json": ("analyze net.yaml -o", ".json"),
    "analyze csv": ("analyze net.yaml -o", ".csv"),
    "analyze markdown": ("analyze net.yaml -o", ".md"),
    "compare": ("compare net.yaml lenet5 -o", ".html"),
    "compare plot svg": ("compare net.yaml lenet5 --plot", ".svg"),
    "compare plot png": ("compare net.yaml lenet5 --plot", ".png"),
    "check": ("check net.yaml --limit params<=2M -o", ".html"),
    "check report": ("check net.yaml --limit params<=2M --report", ".xml"),
    "check sarif": ("check net.yaml --limit params<=2M -o", ".sarif"),
    "draw svg": ("draw net.yaml -o", ".svg"),
    "draw png": ("draw net.yaml -o", ".png"),
    "draw dot": ("draw net.yaml -o", ".dot"),
    "draw graphml": ("draw net.yaml -o", ".graphml"),
    "explain": ("explain net.yaml -o", ".html"),
    "explore": ("explore net.yaml -o", ".html"),
    "export": ("export net.yaml --as scale-sim -o", ".csv"),
    "fit": ("fit net.yaml --limit params<=2M --set w=1:9:1 -o", ".html"),
    "layers": ("layers -o", ".html"),
    "models": ("models -o", ".html"),
    "devices": ("devices -o", ".html"),
    "paper": ("paper -o", ".html"),
    "reconcile": ("reconcile net.yaml --with 0.57G -o", ".html"),
    "schema": ("schema -o", ".json"),
    "sensitivity": ("sensitivity net.yaml -o", ".html"),
    "sweep csv": ("sweep net.yaml --set w=1:9:1 -o", ".csv"),
    "sweep json": ("sweep net.yaml --set w=1:9:1 -o", ".json"),
    "sweep plot": ("sweep net.yaml --set w=1:9:1 --plot", ".svg"),
}
"""Each command that writes a file, before its name, and an ending."""
_KEPT = {"sweep csv", "sweep json"}
"""Commands that keep the points that were written, as a file that says it is partial."""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET)


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """Files have no room beyond `size` bytes."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def words(name: str, target: str) -> list[str]:
    command, ending = COMMANDS[name]
    if "plot" in command or "draw" in command or "png" in name:
        pytest.importorskip("matplotlib")
    return [*command.split(), target + ending]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_is_not_there(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = words(name, "none/out")
    assert main(given) == 2
    err = capsys.readouterr().err
    assert f"mnet-cost: {given[-1]}: cannot be written: no such file or directory" in err
    assert "hint: there is no folder `none`: make it first, or choose another one" in err
    assert os.listdir() == ["net.yaml"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_is_full_half_way(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = words(name, "out")
    with full_after(40):
        assert main(given) == 2
    err = capsys.readouterr().err
    assert f"{given[-1]}: cannot be written: file too large" in err
    left = set(os.listdir()) - {"net.yaml"}
    assert all(".partial" in file for file in left) if name in _KEPT else not left


@pytest.mark.parametrize("name", [name for name in COMMANDS if not name.startswith("sweep")])
def test_a_full_disk_leaves_the_old_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = words(name, "out")
    Path(given[-1]).write_text("old")
    with full_after(40):
        assert main(given) == 2
    assert "file too large" in capsys.readouterr().err  # which, uncaught, is a file as well
    assert Path(given[-1]).read_text() == "old"
    assert set(os.listdir()) == {"net.yaml", given[-1]}
