"""Totals of a network with a layer of unknown cost: every report answers from one decision."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import mnet_cost
from mnet_cost.cli import main

REPORTS = Path(mnet_cost.__file__).parent / "report"


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a network whose second layer has no cost rule."""
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("NO_COLOR", "1")
    path = tmp_path / "odd.yaml"
    path.write_text(
        "format: 1\nname: odd\ninput: {x: [3, 4000, 4000]}\nlayers:\n"
        "  - conv2d: {channels: 40, kernel: 3}\n"
        "  - opaque: {operation: sort, shape: [64, 300, 300]}\n"
    )
    return str(path)


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints; its status is 3 where totals are refused."""
    assert main([*arguments]) == (0 if "--lower-bound" in arguments else 3)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        ["analyze", "ODD", "--device", "stm32h743"],
        ["analyze", "ODD", "--device", "stm32h743", "--device", "h100"],
        ["analyze", "ODD", "--batch", "1,2", "--device", "stm32h743", "--device", "h100"],
        ["compare", "ODD", "lenet5", "--device", "stm32h743"],
        ["devices", "--for", "ODD", "stm32h743", "h100"],
    ],
    ids=["analyze", "analyze on two", "batches", "compare", "devices --for"],
)
def test_no_report_says_what_does_not_fit_before_totals_are_given(
    command: list[str], odd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [odd if word == "ODD" else word for word in command]
    text = output(capsys, *command, "--notes")
    assert "does not fit" not in text
    rows = [line.split() for line in text.splitlines() if line.strip().startswith("stm32h743 ")]
    assert not [row for row in rows if "no" in row]
    text = output(capsys, *command, "--notes", "--lower-bound")
    assert "does not fit stm32h743: activations " in text


def test_json_says_the_same(odd: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("analyze", odd, "--device", "stm32h743", "--format", "json")
    document = json.loads(output(capsys, *command))
    assert (document["totals"]["params"], document["totals"]["lower_bound"]) == (None, False)
    assert document["totals"]["peak_memory_bytes"] == 4 * (40 + 3) * 4000**2
    assert document["devices"][0]["memory_fits"] is None
    document = json.loads(output(capsys, *command, "--lower-bound"))
    assert (document["totals"]["params"], document["totals"]["lower_bound"]) == (1080, True)
    assert document["devices"][0]["memory_fits"] is False


def test_an_analysis_decides_and_python_users_may_ask_once_or_each_time(odd: str) -> None:
    analysis = mnet_cost.analyze(odd, devices=["pixel_1"])
    (estimate,) = analysis.devices
    bounds = analysis.with_lower_bounds()
    assert (analysis.has_totals, bounds.has_totals) == (False, True)
    assert (analysis.total("params"), analysis.total("params", lower_bound=True)) == (None, 1080)
    assert bounds.total("params") == 1080
    assert analysis.latency_s(estimate) is None
    assert bounds.latency_s(estimate) == analysis.latency_s(estimate, lower_bound=True)
    assert bounds.latency_s(estimate) == estimate.latency_s is not None
    assert bounds.report() == analysis.report(lower_bound=True) != analysis.report()
    assert bounds.to_dict() == analysis.to_dict(lower_bound=True)
    comparison = mnet_cost.compare(analysis, "lenet5", devices=["pixel_1"])
    assert repr(comparison) == (
        "<Comparison odd at least 17.28 G vs lenet5 416.5 k mult-adds on pixel_1>"
    )
    assert comparison.to_dict()["ratios"][1]["params_ratio"] is None
    assert comparison.to_dict(lower_bound=True)["ratios"][1]["params_ratio"] == 61_706 / 1080


def test_a_whole_network_has_totals_either_way() -> None:
    analysis = mnet_cost.analyze("lenet5", devices=["pixel_1"])
    assert analysis.has_totals
    assert analysis.to_dict(lower_bound=True) == analysis.to_dict()


def test_no_report_is_told_whether_to_give_totals() -> None:
    told = [
        f"{path.name}: {node.name}"
        for path in sorted(REPORTS.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        for argument in (*node.args.args, *node.args.kwonlyargs)
        if argument.arg in ("lower_bound", "refused")
    ]
    assert told == []
