"""Bars on stderr: where a person sees them, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from mnet_cost.cli import bar as bar_module
from mnet_cost.cli import main
from mnet_cost.cli.bar import Bar, watched


def on_terminal(*arguments: str) -> tuple[str, str]:
    """What a command writes to stdout, and to a terminal as stderr."""
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "mnet_cost", *arguments]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    shown: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(parent, shown))
    reader.start()
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=child, text=True, env=environment, check=True
    )
    os.close(child)
    reader.join()
    os.close(parent)
    return done.stdout, b"".join(shown).decode()


def _read_all(descriptor: int, parts: list[bytes]) -> None:
    with suppress(OSError):  # the other end is closed
        while part := os.read(descriptor, 65536):
            parts.append(part)


def test_a_long_listing_shows_a_bar_at_a_terminal() -> None:
    out, shown = on_terminal("models", "resnet", "--device", "all", "--format", "csv")
    assert out.startswith("name,input,mult_adds,params,")
    assert "analyzing networks" in shown or "reading device profiles" in shown


def test_no_bar_where_stderr_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bar_module, "_WAIT_S", 0.0)
    assert main(["models", "lenet5", "--cost"]) == 0
    assert capsys.readouterr().err == ""


def test_watched_gives_each_item_once() -> None:
    assert list(watched(iter("abc"), "x")) == ["a", "b", "c"]
    with Bar("x") as bar:
        bar(1, 2)
