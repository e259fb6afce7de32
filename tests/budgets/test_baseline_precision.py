"""Baselines of a spec whose stated precision is another one now."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.errors import UsageError

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


def git(*words: str) -> None:
    setting = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *setting, *words], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    Path("net.yaml").write_text(NET)
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")


def stated(text: str, precision: str) -> None:
    Path("net.yaml").write_text(text.replace("layers:", f"precision: {precision}\nlayers:", 1))


def test_a_precision_that_changed_is_a_cause_of_its_own() -> None:
    stated(NET, "int8")
    git("commit", "-qam", "int8")
    stated(NET, "fp32")
    check = mnet_cost.check("net.yaml", limits=["weight_bytes<=1 MB"], baseline="git:HEAD")
    judged = {each.metric.name: each for each in check.judgements if each.before is not None}
    before = judged["weight_bytes"].before
    assert before is not None
    assert (before.value, judged["weight_bytes"].number.value) == (4824, 4 * 4824)
    assert before.precision == "int8"
    (cause,) = before.causes
    assert (cause.text, cause.change) == ("precision int8 -> fp32", 3 * 4824)
    assert cause.places == (("net.yaml", 5),)
    assert judged["params"].verdict == "within"
    document = check.to_dict()["checks"]
    said = {each["metric"]: each["baseline"] for each in document if each["baseline"]}
    assert said["weight_bytes"]["precision"] == "int8"
    text = check.report(width=200)
    assert "was 4.82 kB at int8 in git:HEAD" in text
    assert "moved by" in text
    assert "precision int8 -> fp32 (net.yaml:5): +14.5 kB" in text


def test_a_precision_and_a_line_that_changed_have_a_part_each() -> None:
    # What was not stated was at the default, not at the precision that is stated now.
    stated(NET.replace("floor(64 * alpha)", "floor(80 * alpha)"), "fp16")
    check = mnet_cost.check("net.yaml", limits=["weight_bytes<=1 MB"], baseline="git:HEAD")
    judged = {each.metric.name: each for each in check.judgements if each.before is not None}
    weight_bytes = judged["weight_bytes"]
    assert weight_bytes.before is not None
    assert (weight_bytes.verdict, weight_bytes.before.value) == ("within", 4 * 4824)
    assert weight_bytes.number.value == 2 * (216 + 72 * 80)
    assert weight_bytes.before.precision == "fp32"
    assert "was 19.3 kB at fp32 in git:HEAD" in check.report(width=200)
    git("commit", "-qam", "wide and fp16")
    stated(NET, "fp32")
    check = mnet_cost.check("net.yaml", limits=["weight_bytes<=1 MB"], baseline="git:main")
    (judgement,) = [each for each in check.judgements if each.before is not None
                    and each.metric.name == "weight_bytes"]  # fmt: skip
    assert judgement.before is not None
    assert judgement.before.value == 2 * 5976
    assert [(cause.text, cause.change) for cause in judgement.before.causes] == [
        ("precision fp16 -> fp32", 2 * 5976)
    ]


def test_a_range_is_compared_at_the_precision_that_it_had() -> None:
    stated(NET, "int8")
    git("commit", "-qam", "int8")
    stated(NET, "fp32")
    Path("budgets.yaml").write_text(
        "format: 1\nbudgets:\n  - {model: net.yaml, at: {alpha: [0.5, 1.0]}, weight_bytes: 1 MB}\n"
    )
    check = mnet_cost.check(budgets="budgets.yaml", baseline="git:HEAD")
    (judgement,) = [each for each in check.judgements if each.before is not None
                    and each.metric.name == "weight_bytes"]  # fmt: skip
    assert judgement.before is not None
    assert (judgement.verdict, judgement.before.precision) == ("over", "int8")
    assert judgement.number.value == 4 * (judgement.before.value or 0)
    assert judgement.before.causes[0].text == "precision int8 -> fp32"


def test_a_document_of_another_precision_is_refused_by_name() -> None:
    assert main(["analyze", "net.yaml", "--format", "json", "-o", "base.json"]) == 0
    stated(NET, "int8")
    with pytest.raises(UsageError, match="none in int8, as it is now: it was in fp32"):
        mnet_cost.check("net.yaml", baseline="base.json")
