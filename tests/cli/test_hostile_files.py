"""Commands on files that are full of hostile text: nothing but text comes out, in every format."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hostile_text import shows
from markdown_it import MarkdownIt

from mnet_cost.cli import main
from mnet_cost.devices import load_device
from mnet_cost.devices.library import device_path
from mnet_cost.models.dump import dump_data
from mnet_cost.report import FORMATS
from mnet_cost.yamlfile import read_yaml

HOSTILE = (
    "=1+1 \x1b[31m\x1b]0;t\x07 <script>x</script><img src=x onerror=x> ![x](http://a.b) [x](y:z) "
    '`x` a|b \\ """ \u202e\u2066 \x9b \x85 \u2028 [bold]x[/bold] &lt; {x} %s \u3164 \\'
)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TAGS = re.compile(
    "html|head|meta|title|style|body|main|header|section|div|h1|h2|p|span|dl|dt|dd|table|caption|"
    "thead|tbody|tfoot|tr|th|td|small|svg|rect|br|wbr|ul|li|details|summary"
)
ATTRIBUTES = re.compile(
    "lang|charset|name|http-equiv|content|class|role|tabindex|aria-label|aria-hidden|scope|title|"
    "width|height"
)

SPEC = {
    "format": 1,
    "name": "n",
    "source": HOSTILE,
    "knobs": {"alpha": 1.0, "unused": 2},
    "input": {"x": [3, 32, 32]},
    "layers": [{"conv2d": {"channels": 4, "kernel": 3}}, "relu", "global_avg_pool"],
    "published": {
        HOSTILE: [
            {"params": "108", "note": HOSTILE},
            {"top1": 70, "at": {"alpha": 0.5}, "note": HOSTILE},
        ]
    },
}


class Tags(HTMLParser):
    """Refuses tags and attributes that a report does not have."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert TAGS.fullmatch(tag), tag
        assert all(ATTRIBUTES.fullmatch(name) for name, _ in attrs), attrs

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_pi = unknown_decl = handle_comment


def check(form: str, out: str) -> None:
    """Assert that an output has only text and what a report of that form is made of."""
    assert shows(out)
    if form == "json":
        json.loads(out)
    elif form == "html":
        Tags().feed(out)
    elif form == "csv":
        for row in csv.reader(io.StringIO(out, newline="")):
            for cell in row:
                number = re.fullmatch(r"-?[\d.]+(e[-+]\d+)?", cell)
                assert number or not cell.lstrip().startswith(("=", "+", "-", "@")), cell
    elif form == "markdown":
        for token in MARKDOWN.parse(out):
            assert not token.type.startswith(("html", "fence", "code")), token
            for child in token.children or ():
                assert child.type in ("text", "text_special", "softbreak", "hardbreak"), child


def hostile(value: Any, keys: frozenset[str]) -> Any:
    """Plain data with the hostile text in front of the texts at `keys`."""
    if isinstance(value, dict):
        return {
            key: f"{HOSTILE} {inner}"
            if key in keys and isinstance(inner, str)
            else hostile(inner, keys)
            for key, inner in value.items()
        }
    return [hostile(item, keys) for item in value] if isinstance(value, list) else value


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Hostile files, in a folder of a hostile name."""
    monkeypatch.setenv("NO_COLOR", "1")
    folder = tmp_path / "=1\x1b[31m\u202e[bold]<b>`|\n\\"
    folder.mkdir()
    monkeypatch.chdir(folder)
    paths = {}
    words = frozenset(("title", "name", "runtime", "source", "note", "why"))
    device = read_yaml(str(device_path("raspberry_pi_4"))).plain()
    paper = read_yaml(
        str(device_path("h100").parent.parent / "papers" / "mobilenet_v1.yaml")
    ).plain()
    paper["tables"] = paper["tables"][1:3]
    for name, data in (
        ("spec", SPEC),
        ("device", hostile(device, words)),
        ("paper", hostile(paper, words)),
    ):
        path = folder / f"{name}\x1b]0;x\x07.yaml"
        path.write_text(dump_data(data), encoding="utf-8")
        paths[name] = str(path)
    return paths


COMMANDS = (
    "analyze SPEC --device DEVICE",
    "analyze SPEC --device DEVICE --by kernel",
    "compare SPEC SPEC@alpha=0.5 --device DEVICE",
    "explain SPEC --device DEVICE",
    "explain SPEC conv2d --device DEVICE",
    "models show SPEC",
    "models mobilenet_v1 --cost --device DEVICE",
    "devices DEVICE",
    "devices DEVICE DEVICE",
    "devices --for SPEC DEVICE",
    "paper PAPER",
    "check SPEC --device DEVICE --limit latency<=1us --limit params<=1",
)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("command", COMMANDS)
def test_reports_hold_nothing_but_text(
    command: str, form: str, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        re.sub("SPEC|DEVICE|PAPER", lambda match: files[match[0].lower()], word)
        for word in command.split()
    ]
    status = main([*words, "--format", form])
    out, err = capsys.readouterr()
    assert status in (0, 1), err
    assert out
    check(form, out)
    assert shows(err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze", "\x1b[31m\u202e.yaml"],
        ["analyze", "a\nmnet-cost: warning: all is well.yaml"],
        ["analyze", "mobilenet_v1:\x1b[31m"],
        ["analyze", "mobilenet_v1@\x1b[31m=1"],
        ["analyze", "mobilenet_v1", "--set", "alpha=\x1b[31m"],
        ["analyze", "mobilenet_v1", "--device", "\x1b[31m"],
        ["analyze", "mobilenet_v1", "--what-if", "\x1b[31m=2"],
        ["analyze", "mobilenet_v1", "--convention", "\x1b[31m"],
        ["analyze", "mobilenet_v1", "-o", "no/\x1b[31m/folder.txt"],
        ["analyze", "mobilenet_v1", "--\x1b[31m"],
        ["analyze", "mobilenet_v1", "\x1b[31m"],
        ["\x1b[31m\x9b\u202e"],
        ["explain", "mobilenet_v1", "\x1b[31m"],
        ["layers", "\x1b[31m"],
        ["paper", "\x1b[31m"],
        ["paper", "mobilenet_v1", "--table", "\x1b[31m"],
        ["models", "\x1b[31m"],
        ["devices", "\x1b[31m"],
        ["export", "mobilenet_v1", "-o", "\x1b[31m.txt"],
        ["calibrate", "--from", "\x1b[31m.csv"],
        ["train", "mobilenet_v1", "--epochs", "\x1b[31m"],
        ["train", "mobilenet_v1", "--data", "\x1b[31m"],
    ],
)
def test_errors_show_what_was_typed(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments)
    except SystemExit as end:  # argparse
        status = int(end.code or 0)
    out, err = capsys.readouterr()
    assert status == 2 or not err
    assert shows(out)
    assert shows(err)
    assert "\nmnet-cost: warning" not in err


def test_errors_in_hostile_files(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad\x1b[31m.yaml"
    bad.write_text(dump_data({**SPEC, HOSTILE: HOSTILE, "layers": [HOSTILE]}), encoding="utf-8")
    assert main(["analyze", str(bad)]) == 2
    rows = tmp_path / "bad\u202e.csv"
    rows.write_text(f"model,latency_ms,{HOSTILE[1:20]}\n{HOSTILE[:9]},1,2\n", encoding="utf-8")
    assert main(["calibrate", "--from", str(rows)]) == 2
    assert main(["paper", files["spec"]]) == 2
    assert main(["analyze", "mobilenet_v1", "--device", files["paper"]]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert shows(err)
    assert r"\x1b[31m" in err


@pytest.mark.parametrize("form", FORMATS)
def test_calibrated_profiles_of_hostile_measurements(
    form: str, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("numpy")
    word = HOSTILE.replace('"', '""')
    rows = [
        f'{model},"{family} {word}",{latency},"{word}","{word}"'
        for model, family, latency in (
            ("mobilenet_v1@resolution=96", "V1", 25.0),
            ("mobilenet_v2@resolution=96", "IR", 19.2),
            ("resnet8", "ResNet", 5.9),
        )
    ]
    times = Path("times \x1b[31m\u202e\n.csv")
    times.write_text("\n".join(["model,family,latency_ms,source,device", *rows]), encoding="utf-8")
    words = ["calibrate", "--from", str(times), "--device", files["device"], "--format", form]
    assert main([*words, "-o", "out.yaml", "--name", HOSTILE]) == 0
    out, err = capsys.readouterr()
    check(form, out)
    assert shows(err)
    written = Path("out.yaml").read_text(encoding="utf-8")
    assert shows(written)
    assert load_device("out.yaml").latency
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert shows(out)
    check(form, err)


def test_commands_to_copy_are_quoted_for_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    name = "$(touch here); `x` 'y'.yaml"
    knobs = {"alpha": {"default": 1, "choices": [1, 2]}}
    Path(name).write_text(dump_data({**SPEC, "knobs": knobs, "published": {}}), encoding="utf-8")
    assert main(["models", "show", name]) == 0
    out = capsys.readouterr().out
    notes = [line.removeprefix("* ") for line in out.splitlines() if "* mnet-cost" in line]
    assert [shlex.split(note)[1:] for note in notes] == [
        ["analyze", name],
        ["explain", name],
        ["compare", name, "vs", f"{name}@alpha=2"],
    ]
