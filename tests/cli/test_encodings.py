"""Piped output in other encodings: no sign is lost, and no letter of a user's."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mnet_cost
from mnet_cost.escaping import is_visible, plain

ROOT = Path(__file__).resolve().parent.parent.parent
ENCODINGS = ("gbk", "cp1252", "latin-1", "ascii", "cp437", "utf-8")
SIGNS = {
    "gbk": ("us", "≥", "·"),
    "cp1252": ("µs", ">=", "·"),
    "latin-1": ("µs", ">=", "·"),
    "ascii": ("us", ">=", "|"),
    "cp437": ("µs", "≥", "·"),
    "utf-8": ("µs", "≥", "·"),
}
"""How an encoding says microseconds, at least, and what is between two settings."""

SMALL = ("analyze", "mobilenet_v1", "--alpha", "0.25", "--resolution", "96", "--device", "h100")


def output(encoding: str, *arguments: str, cwd: Path = ROOT) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of the program, its streams in an encoding."""
    environment = {
        **os.environ,
        "PYTHONIOENCODING": encoding,
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "mnet_cost", *arguments],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=environment,
    )
    return done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_signs_keep_their_meaning(encoding: str) -> None:
    microseconds, least, between = SIGNS[encoding]
    status, out, err = output(encoding, *SMALL)
    assert (status, err) == (0, "")
    assert "?" not in out
    assert "\\" not in out
    assert f"alpha 0.25 {between} rho 1 {between} resolution 96" in out
    assert re.search(rf"stem +8x48x48 .* 1\.31 {microseconds} +3\.5 ", out)
    assert re.search(rf"h100 +{least}37\.9 {microseconds} +any +yes +{least}18\.6 mJ +bound", out)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_tables_stay_in_line(encoding: str) -> None:
    _, out, _ = output(encoding, *SMALL)
    lines = out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("device "))
    header, row = lines[start], lines[start + 1]
    for title in ("time", "fits", "energy", "compute %"):
        end = header.index(title) + len(title)
        if title == "fits":
            assert row[header.index(title) :].startswith("yes")
        else:
            assert row[end - 1] != " "
            assert row[end : end + 1] in ("", " ")


@pytest.mark.parametrize("encoding", ["gbk", "cp1252", "ascii"])
@pytest.mark.parametrize(
    "arguments",
    [
        (*SMALL, "--format", "markdown"),
        ("compare", "mobilenet_v1@alpha=0.25", "mobilenet_v2", "--device", "h100"),
        ("devices", "pixel_1_tflite"),
        ("explain", "mobilenet_v1", "separable.conv2d"),
        ("models", "show", "mobilenet_v1"),
    ],
)
def test_no_command_loses_a_sign(encoding: str, arguments: tuple[str, ...]) -> None:
    status, out, err = output(encoding, *arguments)
    _, expected, _ = output("utf-8", *arguments)
    assert (status, err) == (0, "")
    assert out.count("?") == expected.count("?")
    assert re.findall(r"\\[xuU][0-9a-f]", out) == []
    # But for how wide columns are, it is what the signs of the encoding make of the same text.
    assert words(out) == words(plain(expected, encoding))


def words(text: str) -> str:
    """A text without what fills columns, breaks lines, and escapes signs of Markdown."""
    return re.sub(r"[\s:\\-]+", "", text)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("gbk", "Zo\\xeb 名 \\U0001f600"),
        ("cp1252", "Zoë \\u540d \\U0001f600"),
        ("ascii", "Zo\\xeb \\u540d \\U0001f600"),
        ("utf-8", "Zoë 名 😀"),
    ],
)
def test_letters_are_never_lost(encoding: str, shown: str, tmp_path: Path) -> None:
    path = tmp_path / "Zoë 名 😀.yaml"
    path.write_text(
        "format: 1\nname: n\nsource: Zoë 名 😀\ninput: {x: [3, 8, 8]}\nlayers: [relu]\n",
        encoding="utf-8",
    )
    status, out, err = output(encoding, "analyze", path.name, "--device", "none", cwd=tmp_path)
    assert (status, err) == (0, "")
    assert out.startswith(f"n  ({shown})\n")
    path.write_text("layers: []\n", encoding="utf-8")
    status, out, err = output(encoding, "analyze", path.name, "--device", "none", cwd=tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith(f"mnet-cost: {shown}.yaml")


@pytest.mark.parametrize("encoding", ["gbk", "cp1252", "ascii"])
@pytest.mark.parametrize("form", ["json", "html"])
def test_data_is_the_same_in_every_encoding(encoding: str, form: str) -> None:
    assert output(encoding, *SMALL, "--format", form) == output("utf-8", *SMALL, "--format", form)


def test_all_signs_of_the_program_have_plain_ones() -> None:
    """A sign that is new in the code needs a line in the table of plain signs."""
    package = Path(mnet_cost.__file__).parent
    # They name characters to look for, which nobody prints; so do keys of dictionaries.
    patterns = ("escaping.py", "lookalikes.py", "yamlfile.py")
    for file in package.rglob("*.py"):
        if file.name in patterns:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        about = ast.get_docstring(tree, clean=False)  # of a module: it is not shown
        keys = {key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys}
        for node in ast.walk(tree):
            if node not in keys and isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = "" if node.value == about else node.value
                for sign in filter(is_visible, text):
                    assert not plain(sign, "ascii").startswith("\\") or sign == "\\", (file, sign)
