"""`check` on the command line: exit statuses, files, GitHub, the hook and the action."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import yaml
from hostile_text import TEXTS, shows
from hypothesis import given, settings
from schemas import checked

from mnet_cost.budgets.causes import EntryCost
from mnet_cost.budgets.entries import Bound, Budget
from mnet_cost.budgets.judgements import CheckResult, Judgement
from mnet_cost.budgets.verdicts import Interval
from mnet_cost.cli import build_parser, main
from mnet_cost.devices import load_device
from mnet_cost.escaping import printable
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.report.check_files import to_github, to_junit, to_sarif

ROOT = Path(__file__).resolve().parent.parent.parent

NET = """\
format: 1
name: net
knobs: {alpha: {default: 1.0, published: [0.5, 0.75, 1.0]}}
input: {image: [3, 32, 32]}
layers:
  - conv2d: {channels: floor(8 * alpha), kernel: 3}
  - {id: body, conv2d: {channels: floor(64 * alpha), kernel: 3}}
  - global_avg_pool
"""
OWN = """\
budgets:
  - params: 4 k
    peak_memory: 1 MB
    reason: what is free
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "net.yaml").write_text(NET + OWN)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["check", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_failures_come_first_with_their_causes(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "net.yaml")
    assert (status, err) == (1, "")
    assert out == (
        "1 over, 1 within\n"
        "2 limits on 1 network: 1 fails\n"
        "\n"
        "verdict       what\n"
        "over          net: params 4,824, limit 4 k, 824 (20.6 %) over\n"
        "  costs most  body 95.5 % (net.yaml:7), conv2d 4.5 % (net.yaml:6)\n"
        "  would pass  with alpha=0.95 (now 1.0)\n"
        "  reason      what is free\n"
        "  budget      net.yaml:10\n"
        "\n"
        "Within\n"
        "network  metric       number  limit  of limit\n"
        "net      peak memory  295 kB  1 MB      0.29x\n"
    )


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["net.yaml"], 1),
        (["net.yaml", "--fail-on", "never"], 0),
        (["net.yaml@alpha=0.5"], 0),
        (["net.yaml", "--limit", "params<=5k"], 0),
        (["lenet5", "--limit", "latency<=1s", "--device", "h100"], 0),
        (["lenet5", "--limit", "latency<=1s", "--device", "h100", "--fail-on", "undecided"], 1),
        (["lenet5"], 2),
        (["lenet5", "--skip-others"], 0),
        (["lenet5", "net.yaml@alpha=0.5"], 0),
        (["lenet5", "--device", "h100"], 2),
        (["lenet5", "--tolerance", "params=1%"], 2),
        (["lenet5", "--limit", "parms<=3"], 2),
        (["nets.yaml"], 2),
        (["net.yaml", "--budget", "nothing.yaml"], 2),
        (["net.yaml", "--fail-on", "undecide"], 2),
        ([], 2),
    ],
)
def test_exit_statuses(words: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *words)[0] == status


def test_a_model_without_budgets_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "lenet5", "net.yaml@alpha=0.5")
    assert (status, err) == (
        0, "mnet-cost: lenet5: there is no budget, so nothing was checked\n",
    )  # fmt: skip
    assert "* lenet5: no budget" in out
    status, out, err = run(capsys, "lenet5")
    assert (status, out) == (2, "")
    assert "mnet-cost: nothing was checked" in err


def test_reports_are_written_beside_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("a.xml", "a.sarif", "a.json", "a.md", "a.csv", "a.html")
    words = [word for name in names for word in ("--report", name)]
    status, out, _ = run(capsys, "net.yaml", *words)
    assert status == 1
    assert out.startswith("1 over")
    assert all(Path(name).stat().st_size > 100 for name in names)
    checked(Path("a.json").read_text())
    status, out, _ = run(capsys, "net.yaml", "-o", "b.sarif")
    assert (status, out) == (1, "")
    assert Path("b.sarif").read_text() == Path("a.sarif").read_text()
    status, out, err = run(capsys, "net.yaml", "--report", "net.yaml")
    assert (status, out) == (2, "")
    assert "net.yaml: no report is written as `.yaml`\nhint: an ending is `.xml`, `.sarif`" in err
    os.symlink("net.yaml", "net.xml")
    assert "net.xml: is read by this command" in run(capsys, "net.yaml", "--report", "net.xml")[2]
    assert Path("net.yaml").read_text() == NET + OWN


def test_junit_has_a_case_for_each_limit(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "net.yaml", "--format", "junit")
    root = ElementTree.fromstring(out)
    assert root.tag == "testsuites"
    assert (root.attrib["tests"], root.attrib["failures"]) == ("2", "1")
    cases = root.findall("testsuite/testcase")
    assert [(case.attrib["classname"], case.attrib["name"]) for case in cases] == [
        ("net", "params, limit 4 k"), ("net", "peak memory, limit 1 MB"),
    ]  # fmt: skip
    (failure,) = root.iter("failure")
    assert failure.attrib["type"] == "over"
    assert failure.text is not None
    assert "would pass: with alpha=0.95 (now 1.0)" in failure.text


def sarif(text: str) -> list[dict[str, Any]]:
    """The results of a log that has all that version 2.1.0 requires."""
    log = json.loads(text)
    assert log["version"] == "2.1.0"
    (only_run,) = log["runs"]
    driver = only_run["tool"]["driver"]
    assert driver["name"] == "mnet-cost"
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(set(rules)) == len(rules)
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    results: list[dict[str, Any]] = only_run["results"]
    for result in results:
        assert result["message"]["text"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert re.fullmatch("[0-9a-f]{32}", result["partialFingerprints"]["budget/v1"])
        for location in (*result["locations"], *result.get("relatedLocations", ())):
            place = location["physicalLocation"]
            assert place["region"]["startLine"] >= 1
            uri = place["artifactLocation"]["uri"]
            assert re.fullmatch(r"file:///|(file:///)?[A-Za-z0-9._~/%-]+", uri), uri
    return results


def test_sarif_leads_to_the_entry_that_costs_most(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "net.yaml", "--format", "sarif")
    (result,) = sarif(out)
    assert (result["ruleId"], result["level"]) == ("budget/params", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "net.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 7}
    assert result["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 10}
    Path("net.yaml").write_text(NET + OWN.replace("4 k", "3 k").replace("1 MB", "2 MB"))
    _, out, _ = run(capsys, "net.yaml", "--format", "sarif")
    assert sarif(out)[0]["partialFingerprints"] == result["partialFingerprints"]


def test_a_spec_that_is_shipped_is_beside_the_users_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("budget.yaml").write_text("format: 1\nbudgets: [{model: mobilenet_v1, params: 1 M}]\n")
    _, out, _ = run(capsys, "--format", "sarif")
    (result,) = sarif(out)
    first, other = result["locations"][0], result["relatedLocations"][0]
    assert first["physicalLocation"]["artifactLocation"]["uri"] == "budget.yaml"
    assert other["physicalLocation"]["artifactLocation"]["uri"].startswith("file:///")
    _, out, _ = run(capsys, "--format", "github")
    assert out.startswith("::error file=budget.yaml,line=2,title=params is over its limit::over: ")


def test_github_sees_annotations_and_a_summary(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    Path("summary.md").write_text("before\n")
    status, out, _ = run(capsys, "net.yaml")
    assert status == 1
    lines = out.splitlines()
    token = lines[0].removeprefix("::stop-commands::")
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert lines[1] == "1 over, 1 within"
    assert lines.index(f"::{token}::") == len(lines) - 2
    assert lines[-1].startswith("::error file=net.yaml,line=7,title=params is over its limit::")
    summary = Path("summary.md").read_text()
    assert summary.startswith("before\n## 1 over, 1 within\n")
    status, out, _ = run(capsys, "net.yaml", "--format", "text")  # who asks for text has text
    assert out.startswith("1 over")
    assert Path("summary.md").read_text() == summary


SPEC = parse_spec(NET)
DEVICE = load_device("pixel_1")


def made_up(text: str) -> CheckResult:
    """A result with `text` wherever somebody else may have written one."""
    from mnet_cost.metrics import find_metric

    judgements = [
        Judgement(
            spec=SPEC, at={text or "x": text}, knobs=elaborate(SPEC).knobs, precision="fp32",
            device=DEVICE, part=text or None, metric=find_metric("params"), verdict=verdict,
            number=Interval(5, 5, 5), limit=Bound(4, text), warning=None, why=text,
            budget=Budget(reason=text), entries=(EntryCost(text, text or ".", 3, 0.5),),
        )
        for verdict in ("over", "undecided")
    ]  # fmt: skip
    return CheckResult(
        judgements=tuple(judgements), analyses=(), fail_on=frozenset(["over"]),
    )  # fmt: skip


@settings(max_examples=25)
@given(TEXTS)
def test_hostile_text_is_text_in_all_formats(text: str) -> None:
    result = made_up(text)
    root = ElementTree.fromstring(to_junit(result))
    assert len(root.findall("testsuite/testcase")) == 2
    assert printable(text) in "".join(case.attrib["name"] for case in root.iter("testcase"))
    for logged in sarif(to_sarif(result)):
        assert "](" not in logged["message"]["text"]
        assert shows(logged["message"]["text"])
    commands = to_github(result).splitlines()
    assert len(commands) == 2
    for command, level in zip(commands, ("error", "notice"), strict=True):
        match = re.fullmatch(rf"::{level} file=([^,:]*),line=3,title=([^,:]*)::(.*)", command)
        assert match is not None, command
        message = unquote(match[3].replace("%25", "%2525")).replace("%25", "%")
        assert f"reason: {printable(text)}" in message if text else True


def test_a_log_has_the_worst_results_of_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    over, undecided = made_up("x").judgements
    many = replace(made_up("x"), judgements=(undecided, undecided, over))
    monkeypatch.setattr("mnet_cost.report.check_files.MOST_RESULTS", 2)
    assert [logged["level"] for logged in sarif(to_sarif(many))] == ["error", "note"]


def test_the_hook_takes_files_as_pre_commit_gives_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["language"], hook["types"]) == (
        "mnet-cost-check", "python", ["yaml"],
    )  # fmt: skip
    words = hook["entry"].split()
    assert words[0] == "mnet-cost"
    options = build_parser().parse_args([*words[1:], "a.yaml"])
    assert (options.command, options.models, options.skip_others) == ("check", ["a.yaml"], True)
    Path("ci.yaml").write_text("on: push\njobs: {a: 1}\n")
    Path("x@2.yaml").write_text("a: 1\n")
    assert main([*words[1:], "ci.yaml", "x@2.yaml"]) == 0
    capsys.readouterr()
    assert main([*words[1:], "ci.yaml", "net.yaml"]) == 1


def action_step(name: str) -> dict[str, Any]:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    (step,) = [each for each in action["runs"]["steps"] if each["name"] == name]
    return dict(step)


def test_the_action_hands_inputs_over_as_variables_alone() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    step = action_step("Check budgets")
    for each in action["runs"]["steps"]:
        assert "${{" not in each["run"]
        assert each["shell"] == "bash"
    named = {re.findall(r"inputs\.([\w-]+)", value)[0] for value in step["env"].values()}
    assert named == set(action["inputs"])


HOSTILE = "$(touch pwned)`touch pwned`; touch pwned #\n--fail-on=never\nwith blank.yaml\n*\r\n\n"


def test_the_action_runs_nothing_of_its_inputs(folder: Path) -> None:
    step = action_step("Check budgets")
    tools = folder / "tools"
    tools.mkdir()
    (tools / "mnet-cost").write_text('#!/bin/bash\nprintf "%s\\0" "$@" > words\nexit 7\n')
    (tools / "mnet-cost").chmod(0o755)
    environment = {
        **os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"), **dict.fromkeys(step["env"], HOSTILE),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (7, "")
    assert not (folder / "pwned").exists()
    assert (folder / "output").read_text() == f"sarif={folder}/mnet-cost.sarif\n"
    words = (folder / "words").read_bytes().decode().split("\0")[:-1]
    lines = [line.removesuffix("\r") for line in HOSTILE.split("\n") if line.removesuffix("\r")]
    assert words == [
        "check", f"--fail-on={HOSTILE}", f"--report={folder}/mnet-cost.sarif",
        *[f"--budget={line}" for line in lines], *lines, f"--baseline={HOSTILE}", "--", *lines,
    ]  # fmt: skip


def test_the_action_without_models_checks_what_the_folder_names(folder: Path) -> None:
    (folder / "budget.yaml").write_text("format: 1\nbudgets: [{model: net.yaml, params: 1 k}]\n")
    assert main(["check", "--fail-on=over", "--report=x.sarif", "--"]) == 1
    assert len(sarif((folder / "x.sarif").read_text())) == 1
