"""What is no regular file is refused at once, wherever a file is read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnet_cost.errors import DeviceError, MeasurementError, MnetCostError, PaperError, SpecError
from mnet_cost.yamlfile import read_text

pytestmark = pytest.mark.skipif(os.name != "posix", reason="named pipes are POSIX")


@pytest.fixture(params=["pipe", "socket", "device", "link to a pipe"])
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A path at which no regular file stands."""
    path = tmp_path / "odd.yaml"
    if request.param == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(tmp_path)  # names of sockets are short
            server.bind(path.name)
            yield path
        return
    if request.param == "device":
        path.symlink_to("/dev/zero")
    elif request.param == "pipe":
        os.mkfifo(path)
    else:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to(tmp_path / "pipe")
    yield path


@pytest.mark.parametrize("error", [SpecError, DeviceError, PaperError, MeasurementError])
def test_texts(odd: Path, error: type[MnetCostError], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(odd.parent)
    with pytest.raises(error) as caught:
        read_text(str(odd), error)
    kind = {"S": "a socket", "p": "a named pipe", "c": "a device"}
    mode = os.stat(odd).st_mode
    letter = {0o140000: "S", 0o010000: "p", 0o020000: "c"}[mode & 0o170000]
    assert str(caught.value) == f"{odd}: cannot be read: it is {kind[letter]}, not a file"


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: is a directory"):
        read_text(str(tmp_path))


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole: no disk is used
    with pytest.raises(SpecError, match="is larger than 16 MiB, which is the limit"):
        read_text(str(path))


COMMANDS = {
    "model": ["analyze", "{odd}"],
    "device": ["analyze", "mobilenet_v1", "--device", "{odd}"],
    "paper": ["paper", "{odd}"],
    "measurements": ["calibrate", "--from", "{odd}", "--device", "pixel_1"],
    "model of a row": ["calibrate", "--from", "{csv}", "--device", "pixel_1"],
}


@pytest.mark.parametrize("what", COMMANDS)
def test_commands_end_at_once(what: str, tmp_path: Path) -> None:
    odd, table = tmp_path / "odd.yaml", tmp_path / "table.csv"
    os.mkfifo(odd)
    table.write_text(f"model,latency_ms\n{odd},10\n")
    arguments = [part.format(odd=odd, csv=table) for part in COMMANDS[what]]
    done = subprocess.run(
        [sys.executable, "-m", "mnet_cost", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 2
    assert "it is a named pipe, not a file" in done.stderr
