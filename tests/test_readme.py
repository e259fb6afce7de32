"""The README's commands do what it shows. `--update-golden` writes its outputs anew."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from mnet_cost.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"

_BLOCK = re.compile(r"```console\n\$ (mnet-cost [^\n]*)\n(.*?)```", re.DOTALL)


def output_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    main(command.split()[1:])
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_console_blocks_show_real_output(
    in_root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    update_golden: bool,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    # What a command would write is not left in the checkout.
    monkeypatch.setattr("mnet_cost.cli.output.write_whole", lambda target, text: None)
    text = README.read_text(encoding="utf-8")
    assert len(_BLOCK.findall(text)) >= 4

    def real(match: re.Match[str]) -> str:
        return f"```console\n$ {match[1]}\n{output_of(match[1], capsys)}```"

    fresh = _BLOCK.sub(real, text)
    if update_golden:
        README.write_text(fresh, encoding="utf-8")
        text = fresh
    assert text == fresh


@pytest.mark.parametrize("command", ["analyze", "compare", "devices"])
def test_options_are_listed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = README.read_text(encoding="utf-8")
    listed = text[text.index("\nA MODEL is ") : text.index("Exit status: ")]
    with pytest.raises(SystemExit):
        main([command, "--help"])
    usage = capsys.readouterr().out.partition("\n\n")[0]
    options = set(re.findall(r"--[a-z-]+", usage)) - {"--for"}
    assert {option for option in options if not re.search(rf"{option}\b(?!-)", listed)} == set()


def test_python_blocks_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_the_first_spec_analyzes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    block = re.search(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    path = tmp_path / "tiny.yaml"
    path.write_text(block[1], encoding="utf-8")
    assert main(["analyze", str(path)]) == 0
    assert capsys.readouterr().err == ""


def test_the_device_profile_loads(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    block = re.search(r"```yaml\n(format: 1\nname: my_board.*?)```", text, re.DOTALL)
    assert block
    path = tmp_path / "my_board.yaml"
    path.write_text(block[1], encoding="utf-8")
    assert main(["analyze", "mobilenet_v1", "--device", str(path)]) == 0


def test_the_measurements_are_those_of_the_benchmark() -> None:
    """`docs/times.csv` is shown whole, and each row of it stands in the table that it names."""
    text = (ROOT / "docs" / "times.csv").read_text(encoding="utf-8")
    assert f"```text\n{text}```" in README.read_text(encoding="utf-8")
    table = ROOT / "benchmarks" / "accuracy" / "measurements" / "ncnn_cpu.csv"
    with table.open(newline="", encoding="utf-8") as file:
        known = [frozenset(row.items()) for row in csv.DictReader(file)]
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 4
    for row in rows:
        assert any(row.items() <= known_row for known_row in known), row


def test_ci_runs_the_readmes_test_command() -> None:
    text = README.read_text(encoding="utf-8")
    install = "python -m pip install --editable '.[test]' --constraint constraints.txt"
    assert f"{install} && python -m pytest\n" in text
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert install.replace("install ", "install --quiet ") in script
    assert script.rstrip().endswith("python -m pytest")


def test_every_command_is_in_the_readme() -> None:
    from mnet_cost.cli import COMMANDS

    text = README.read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"`mnet-cost {command.__name__.rpartition('.')[2]}" in text
