"""Paths that are none, lead nowhere or in circles: a message that names each, of all commands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mnet_cost.cli import main

LONG = "n" * 300
NET = "format: 1\nname: net\ninput: {x: [3]}\nlayers: [{linear: {features: 2}}]\n"
TIMES = "model,latency_ms\nmobilenet_v1,100\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a model, times, a link to itself, a folder and a file named by a byte."""
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET)
    Path("times.csv").write_text(TIMES)
    Path("circle").symlink_to("circle")
    Path("circle.yaml").symlink_to("circle.yaml")
    Path("folder.yaml").mkdir()
    Path("folder").mkdir()


TOO_LONG = "file name too long"
CIRCLE = "too many levels of symbolic links"
READ = {
    LONG + ".yaml": TOO_LONG,
    f"folder/{LONG}": TOO_LONG,
    f"./{LONG}/x.yaml": TOO_LONG,
    "circle.yaml": CIRCLE,
    "circle/net.yaml": CIRCLE,
    "folder.yaml": "is a directory",
    "net.yaml/net.yaml": "not a directory",
    "nowhere/net.yaml": "no such file or directory",
    "byte\udce9.yaml": "no such file or directory",
    "half\ud800.yaml": "the system has no name with the character U+D800",
    "a\0b.yaml": "a path cannot hold a NUL character",
}
"""Paths of files to be read, and what is said of each."""
WRITTEN = {
    LONG: TOO_LONG,
    f"{LONG}/out.csv": TOO_LONG,
    "circle": CIRCLE,
    "circle/out.csv": CIRCLE,
    "folder": "is a directory",
    "net.yaml/out.csv": "not a directory",
    "nowhere/out.csv": (
        "no such file or directory\n"
        "hint: there is no folder `nowhere`: make it first, or choose another one"
    ),
    "half\ud800.csv": "the system has no name with the character U+D800",
    "a\0b.csv": "a path cannot hold a NUL character",
    "/dev/full": "no space left on device",
}
"""Paths of files to be written."""


def message(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that fails says."""
    status = main(arguments)
    captured = capsys.readouterr()
    assert status == 2, captured
    assert captured.out == ""
    return captured.err.removeprefix("mnet-cost: ")


def shown(path: str) -> str:
    """A path as messages show it."""
    return path.replace("\0", "\\x00").replace("\ud800", "\\ud800").replace("\udce9", "\\udce9")


READERS: dict[str, list[str]] = {
    "analyze": ["analyze", "PATH"],
    "variant": ["analyze", "PATH:small@alpha=1"],
    "device": ["analyze", "net.yaml", "--device", "PATH"],
    "compare": ["compare", "net.yaml", "PATH"],
    "explain": ["explain", "PATH"],
    "devices": ["devices", "PATH"],
    "devices for": ["devices", "--for", "PATH"],
    "export": ["export", "PATH", "-o", "net.py"],
    "models": ["models", "show", "PATH"],
    "times": ["calibrate", "--from", "PATH", "--device", "pixel_1", "-o", "p.yaml"],
    "base": ["calibrate", "--from", "times.csv", "--device", "PATH", "-o", "p.yaml"],
    "into": ["calibrate", "--from", "times.csv", "--into", "PATH"],
}


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("path", READ)
def test_a_file_to_be_read(capsys: pytest.CaptureFixture[str], command: str, path: str) -> None:
    arguments = [word.replace("PATH", path) for word in READERS[command]]
    error = message(capsys, *arguments)
    assert error == f"{shown(path)}: cannot be read: {READ[path]}\n"


WRITERS: dict[str, list[str]] = {
    "analyze": ["analyze", "net.yaml", "--device", "none", "--format", "text", "-o", "PATH"],
    "compare": ["compare", "net.yaml", "net.yaml", "--device", "none", "-o", "PATH"],
    "schema": ["schema", "-o", "PATH"],
    "calibrate": ["calibrate", "--from", "times.csv", "--device", "raspberry_pi_4", "-o", "PATH"],
}


@pytest.mark.parametrize("command", WRITERS)
@pytest.mark.parametrize("path", WRITTEN)
def test_a_file_to_be_written(capsys: pytest.CaptureFixture[str], command: str, path: str) -> None:
    before = sorted(os.listdir())
    arguments = [word.replace("PATH", path) for word in WRITERS[command]]
    error = message(capsys, *arguments)
    assert error == f"{shown(path)}: cannot be written: {WRITTEN[path]}\n"
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("name", [LONG, f"{LONG}:v", f"{LONG}@alpha=1", "\ud800", "a\0"])
def test_a_name_that_is_none(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert message(capsys, "analyze", name).startswith(f"there is no model `{shown(name)}`")
    error = message(capsys, "analyze", "net.yaml", "--device", name)
    assert error.startswith(f"there is no device `{shown(name)}`")


@pytest.mark.parametrize("path", [path for path in READ if "\ud800" not in path])
def test_a_model_that_a_cell_names(capsys: pytest.CaptureFixture[str], path: str) -> None:
    data = f"model,latency_ms\n{path},100\n{LONG},100\n".encode(errors="surrogateescape")
    Path("times.csv").write_bytes(data)
    error = message(
        capsys, "calibrate", "--from", "times.csv", "--device", "raspberry_pi_4", "-o", "p.yaml"
    )
    if "\udce9" in path:
        assert error.startswith("times.csv:2: is not UTF-8 text: byte 0xe9\n")
        return
    assert error.startswith("times.csv:2:1: ")
    assert f"cannot be read: {READ[path]}\n" in error
    assert f"times.csv:3:1: there is no model `{LONG}`\n" in error


def test_names_as_long_as_the_system_takes(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("n" * 250 + ".yaml", "\u540d" * 83 + ".yaml"):
        Path(name).write_text(NET)
        target = name.replace(".yaml", ".json")
        assert main(["analyze", name, "--device", "none", "-o", target]) == 0
        assert Path(target).read_text(encoding="utf-8").startswith("{\n")
        assert main(["export", name, "-o", name.replace(".yaml", ".py")]) == 0
        assert capsys.readouterr().out == ""


def test_a_name_of_other_bytes_than_text(capsys: pytest.CaptureFixture[str]) -> None:
    name = "byte\udce9.yaml"
    Path(name).write_text(NET.replace("features: 2", "features: two"))
    error = message(capsys, "analyze", name)
    assert error.startswith("byte\\udce9.yaml:4:30: `features` needs a number")
    Path(name).write_text(NET)
    for form in ("text", "json", "csv", "markdown", "html"):
        target = f"out\udce9.{form}"
        words = ["compare", name, "net.yaml", "--device", "none", "--format", form, "-o", target]
        assert main(words) == 0
        written = Path(target).read_text(encoding="utf-8")
        assert re.search(r"byte\\+udce9\.yaml", written)  # JSON and Markdown escape the escape


@pytest.mark.parametrize(
    ("command", "shown"), [("calibrate --from ''", "``"), ("analyze net.yaml -o ''", "-o")]
)
def test_an_empty_name(capsys: pytest.CaptureFixture[str], command: str, shown: str) -> None:
    assert main(shlex.split(command)) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mnet-cost: {shown}: cannot be ")
    assert error.endswith(": the name is empty\n")


SHIPPED = "is shipped: its name has no folder and no ending"


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("analyze nett.yaml", "did you mean `net.yaml`?"),
        ("analyze ./NET.yml", "did you mean `net.yaml`?"),
        ("analyze folder/../nett.yaml", "did you mean `net.yaml`?"),
        ("calibrate --from tmies.csv", "did you mean `times.csv`?"),
        (
            "analyze net.yaml -o foldr/out.csv",
            "there is no folder `foldr`: make it first, or choose another one",
        ),
        ("analyze nowhere/net.yaml", None),
        ("analyze z.yaml", None),
        ("analyze vgg.YAML", f"`vgg` {SHIPPED}"),
        ("compare net.yaml specs/vgg", f"`vgg` {SHIPPED}"),
        ("export a/vgg.yaml:vgg16@classes=3 -o x.py", f"`vgg` {SHIPPED}"),
        ("analyze net.yaml --device ./nett.yaml", "did you mean `net.yaml`?"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_there(
    capsys: pytest.CaptureFixture[str], command: str, hint: str | None
) -> None:
    assert main(command.split()) == 2
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.endswith(": no such file or directory")
    assert rest == ([f"hint: {hint}"] if hint else [])


def test_a_working_directory_that_is_gone() -> None:
    script = (
        "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone');"
        "from mnet_cost.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    root = Path(__file__).resolve().parents[2]

    def run(*arguments: str) -> tuple[int, str]:
        shutil.rmtree("gone", ignore_errors=True)
        process = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            env={**os.environ, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
        )
        return process.returncode, process.stderr

    gone = "the working directory is not there any more"
    net = str(Path("net.yaml").resolve())
    assert run("analyze", "net.yaml") == (2, f"mnet-cost: net.yaml: cannot be read: {gone}\n")
    assert run("analyze", net, "-o", "x.csv") == (
        2, f"mnet-cost: x.csv: cannot be written: {gone}\n",
    )  # fmt: skip
    assert run("analyze", "mobilenet_v1", "--device", "pixel_1") == (0, "")
    assert run("compare", net, "mobilenet_v1") == (0, "")
    assert run("models")[0] == 0
    times = str(Path("times.csv").resolve())
    status, err = run(
        "calibrate", "--from", times, "--device", "./p.yaml", "-o", "/nowhere/at/all.yaml"
    )
    assert (status, err) == (2, f"mnet-cost: ./p.yaml: cannot be read: {gone}\n")
