"""Totals of a network with a layer of unknown cost: every report answers from one decision."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.errors import UsageError

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


def test_totals_are_refused_by_name_unless_lower_bounds_are_asked_for(odd: str) -> None:
    analysis = mnet_cost.analyze(odd)
    with pytest.raises(UsageError) as refused:
        _ = analysis.totals
    assert refused.value.problems[0].message == "no total: the cost of opaque is unknown"
    assert "with_lower_bounds().totals" in str(refused.value)
    with pytest.raises(UsageError, match="no total"):
        _ = analysis.paper_mult_adds
    bounds = analysis.with_lower_bounds()
    assert (bounds.totals.params, bounds.paper_mult_adds) == (1080, 1080 * 4000**2)
    assert bounds.totals == analysis.sums
    assert repr(analysis) == (
        "<Analysis odd fp32: at least 17.28 G mult-adds, at least 1.080 k params, 2.75 GB peak>"
    )


def test_a_convention_gives_no_sum_of_some_layers(
    odd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(odd, "a", encoding="utf-8") as file:
        file.write("  - batch_norm\n")
    command = ("analyze", odd, "--convention", "thop", "--notes")
    refused = output(capsys, *command)
    assert "* beside the convention paper: +23,040,000 batch-norm at 4 per element" in refused
    assert "mult-adds by the convention paper" not in refused
    assert "at least 17,280,000,000 mult-adds by the convention paper" in output(
        capsys, *command, "--lower-bound"
    )


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


STATED = """\
format: 1
name: stated
knobs: {c: 8}
input: {image: [3, 32, 32]}
blocks:
  odd:
    layers:
      - id: fft
        opaque:
          operation: fft
          outputs: [same, [input.channels // 2, input.height, 1]]
          mult_adds: 2 * input.channels * input.height
          params: 4
          vector_ops: 0
      - {relu: {}, from: fft.0}
layers:
  - conv2d: {channels: c, kernel: 3}
  - {id: odd, odd: {}}
  - {conv2d: {channels: 4, kernel: 1}, from: odd.fft.1}
"""


def test_a_stated_cost_counts_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    Path("stated.yaml").write_text(STATED)
    conv, last = 8 * 3 * 9 * 32 * 32, 4 * 4 * 32
    assert main(["analyze", "stated.yaml", "--batch", "2", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["totals"]["mult_adds"] == 2 * (conv + 2 * 8 * 32 + last)
    assert document["totals"]["params"] == 8 * 3 * 9 + 4 + 4 * 4
    assert (document["totals"]["coverage"], document["totals"]["unmodelled"]) == (1.0, [])
    assert document["totals"]["stated"] == ["odd.fft"]
    odd = document["layers"][1]
    assert (odd["input_bytes"], odd["output_bytes"]) == (2 * 4 * 8192, 2 * 4 * (8192 + 4 * 32))
    assert main(["analyze", "stated.yaml", "--device", "pixel_1", "--notes"]) == 0
    text = capsys.readouterr().out
    assert "* the cost of odd.fft is what the spec states: no rule counts it" in text
    assert "3 of 4 layers have a cost rule, 1 a stated cost" in text
    assert main(["explain", "stated.yaml", "odd.fft"]) == 0
    assert "its work is what the spec states: no rule counts it" in capsys.readouterr().out
    swept = mnet_cost.sweep("stated.yaml", c="2:6:2").columns["mult_adds"]
    assert list(swept) == [
        mnet_cost.analyze("stated.yaml", c=c).totals.mult_adds for c in (2, 4, 6)
    ]
