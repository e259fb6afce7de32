"""Baselines: a revision or a file, what grew since, and which lines made it grow."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import mnet_cost
from mnet_cost.budgets.growth import parse_tolerances
from mnet_cost.budgets.judgements import Judgement
from mnet_cost.cli import main
from mnet_cost.errors import MnetCostError, UsageError
from mnet_cost.results import Check

NET = """\
format: 1
name: net
knobs: {alpha: {default: 1.0, published: [0.5, 0.75, 1.0]}}
input: {image: [3, 32, 32]}
layers:
  - conv2d: {channels: floor(8 * alpha), kernel: 3}
  - {id: body, conv2d: {channels: floor(64 * alpha), kernel: 3}}
  - global_avg_pool
variants:
  wide: {knobs: {alpha: 2.0}}
"""
DEVICE = "pixel_1_tflite"


def git(*words: str) -> None:
    setting = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *setting, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    Path("net.yaml").write_text(NET)
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return tmp_path


def grown() -> None:
    Path("net.yaml").write_text(NET.replace("floor(64 * alpha)", "floor(80 * alpha)"))


def by_metric(check: Check) -> dict[str, Judgement]:
    return {judgement.metric.name: judgement for judgement in check.judgements}


def test_nothing_grew(repository: Path) -> None:
    check = mnet_cost.check("net.yaml", baseline="git:HEAD", devices=[DEVICE])
    assert [(each.metric.name, each.verdict) for each in check.judgements] == [
        ("mult_adds", "within"), ("params", "within"), ("peak_memory", "within"),
        ("latency", "within"),
    ]  # fmt: skip
    assert check.passes


def test_what_grew_is_over_with_the_line_that_did_it(repository: Path) -> None:
    grown()
    check = mnet_cost.check("net.yaml", baseline="git:HEAD", devices=[DEVICE])
    judged = by_metric(check)
    assert {name: each.verdict for name, each in judged.items()} == {
        "mult_adds": "over", "params": "over", "peak_memory": "over", "latency": "over",
    }  # fmt: skip
    params = judged["params"]
    assert params.before is not None
    assert (params.before.value, params.number.value) == (4824, 216 + 72 * 80)
    (cause,) = params.before.causes
    assert cause.change == 72 * 16
    assert cause.places == (("net.yaml", 7),)
    assert "64" in cause.text
    assert "80" in cause.text
    assert params.changes is not None
    assert [change.knob for change in params.changes] == ["alpha"]
    value = params.changes[0].value
    smaller = mnet_cost.check(
        f"net.yaml@alpha={value}", limits=["params<=4824", "mult_adds<=4.94 M"]
    )
    assert smaller.passes


def test_a_tolerance_is_a_share_of_what_it_was(repository: Path) -> None:
    grown()
    tolerance = "mult_adds=30%,params=23.7%,latency=40%,weights=0%"
    check = mnet_cost.check("net.yaml", baseline="git:HEAD", devices=[DEVICE], tolerance=tolerance)
    verdicts = {name: each.verdict for name, each in by_metric(check).items()}
    assert pytest.approx(1.2388, abs=1e-4) == 5976 / 4824
    assert verdicts == {
        "mult_adds": "within", "params": "over", "weights": "over", "peak_memory": "over",
        "latency": "within",
    }  # fmt: skip


def test_metrics_that_a_budget_limits_are_compared_too(repository: Path) -> None:
    check = mnet_cost.check("net.yaml", limits=["traffic<=1 GB"], baseline="git:HEAD")
    assert [each.metric.name for each in check.judgements] == [
        "traffic", "mult_adds", "params", "traffic", "peak_memory",
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["check", "analyze"])
def test_a_file_that_was_written_before(
    repository: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = ["--limit", "latency<=1s"] if command == "check" else []
    words = [command, "net.yaml", *limit, "--device", DEVICE]
    assert main([*words, "--format", "json", "-o", "base.json"]) == 0
    assert by_metric(mnet_cost.check("net.yaml", baseline="base.json", devices=[DEVICE]))[
        "latency"
    ].verdict == "within"  # fmt: skip
    grown()
    check = mnet_cost.check("net.yaml", baseline="base.json", devices=[DEVICE])
    params = by_metric(check)["params"]
    assert params.before is not None
    assert [(cause.change, cause.places) for cause in params.before.causes] == [
        (72 * 16, (("net.yaml", 7),))
    ]  # fmt: skip
    assert by_metric(check)["latency"].verdict == "over"
    other = mnet_cost.check("net.yaml", baseline="base.json", devices=["h100"])
    assert by_metric(other)["latency"].why == "it is not known on h100 in base.json"


def test_the_document_of_a_comparison_fits_its_schema(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from schemas import checked

    grown()
    assert main(["check", "net.yaml", "--baseline", "git:HEAD", "--format", "json"]) == 1
    document = json.loads(checked(capsys.readouterr().out))
    assert document["checks"][0]["baseline"]["name"] == "git:HEAD"
    assert document["checks"][0]["baseline"]["causes"][0]["places"] == [
        {"path": "net.yaml", "line": 7}
    ]


def test_what_is_new_is_undecided(repository: Path) -> None:
    Path("new.yaml").write_text(NET.replace("name: net", "name: new"))
    check = mnet_cost.check("new.yaml", "net.yaml", baseline="git:HEAD")
    new = [each for each in check.judgements if each.spec.name == "new"]
    assert {(each.verdict, each.why) for each in new} == {("undecided", "it is not in git:HEAD")}
    assert check.passes
    Path("net.yaml").write_text(NET + "  tall: {knobs: {alpha: 3.0}}\n")
    (judgement, *_) = mnet_cost.check("net.yaml:tall", baseline="git:HEAD").judgements
    assert judgement.why == "git:HEAD has no variant `tall`"
    with_knob = NET.replace("knobs: {", "knobs: {beta: 1, ").replace("kernel: 3", "kernel: beta")
    Path("net.yaml").write_text(with_knob)
    (judgement, *_) = mnet_cost.check("net.yaml@beta=3", baseline="git:HEAD").judgements
    assert judgement.why.startswith("in git:HEAD it is no network: ")


def test_a_spec_that_is_shipped_may_be_in_no_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = repository.parent / "shipped"
    shipped.mkdir(exist_ok=True)
    (shipped / "net.yaml").write_text(NET)
    for module in ("mnet_cost.models.library", "mnet_cost.budgets.baseline"):
        monkeypatch.setattr(f"{module}.specs_folder", lambda: shipped)
    (judgement, *_) = mnet_cost.check("net", baseline="git:HEAD").judgements
    assert judgement.why == "it is shipped with the program, and in no git repository"
    elsewhere = repository.parent / "elsewhere.yaml"
    elsewhere.write_text(NET)
    with pytest.raises(MnetCostError, match="is in no git repository"):
        mnet_cost.check(str(elsewhere), baseline="git:HEAD")


def test_a_height_and_a_width_are_found_in_a_file(repository: Path) -> None:
    fixed = NET.replace("[3, 32, 32]", "[3, size, size]").replace("knobs: {", "knobs: {size: 32, ")
    Path("net.yaml").write_text(fixed)
    check = mnet_cost.check("net.yaml@size=16x24", limits=["params<=1M"])
    Path("base.json").write_text(check.report(format="json"))
    again = mnet_cost.check("net.yaml@size=16x24", limits=["params<=1M"], baseline="base.json")
    assert {each.verdict for each in again.judgements} == {"within"}
    with pytest.raises(UsageError, match="none at size=24x16: nothing can be compared"):
        mnet_cost.check("net.yaml@size=24x16", baseline="base.json")


def test_a_file_in_a_revision_may_have_had_another_name(repository: Path) -> None:
    Path("other.yaml").write_text(NET)
    check = mnet_cost.check("other.yaml", baseline="git:HEAD:net.yaml")
    assert {each.verdict for each in check.judgements} == {"within"}
    with pytest.raises(UsageError, match="is one file, and 2 specs are checked"):
        mnet_cost.check("other.yaml", "net.yaml", baseline="git:HEAD:net.yaml")


@pytest.mark.parametrize(
    ("baseline", "said"),
    [
        ("git:HED", "there is no revision `HED`"),
        ("git:", "`git:` names no revision"),
        ("git:HEAD:", "`git:HEAD:` names no revision"),
        ("none.json", "none.json: cannot be read: no such file"),
        ("net.yaml", "net.yaml: is not JSON"),
        ("other.json", "other.json: is a document `mnet-cost/analysis/1`, not `mnet-cost/check/"),
        ("list.json", "list.json: is no document of mnet-cost"),
        ("lenet.json", "lenet.json: is of lenet5, and net is checked"),
    ],
)
def test_baselines_that_are_none(repository: Path, baseline: str, said: str) -> None:
    Path("other.json").write_text('{"schema": "mnet-cost/analysis/1"}')
    Path("list.json").write_text("[]")
    if baseline == "lenet.json":
        assert main(["analyze", "lenet5", "--format", "json", "-o", baseline]) == 0
    with pytest.raises(MnetCostError) as caught:
        mnet_cost.check("net.yaml", baseline=baseline)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("params", "`params` is no tolerance"),
        ("params=2", "`params=2` is no tolerance"),
        ("params=-2%", "`params=-2%` is no tolerance"),
        ("params=nan%", "`params=nan%` is no tolerance"),
        ("parms=2%", "there is no metric `parms`"),
        ("energy=2%", "there is no metric `energy`"),
        ("params=2%,,", "`` is no tolerance"),
        ("params=2%,params=3%", "the tolerance of `params` is stated twice"),
    ],
)
def test_tolerances_that_cannot_be(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_tolerances(text)
    assert said in str(caught.value)
    assert "--tolerance:1:" in str(caught.value)


def test_tolerances_are_shares() -> None:
    assert parse_tolerances(None) == {}
    assert parse_tolerances("mult_adds=2%, latency = 12.5 %") == {
        "mult_adds": 0.02, "latency": 0.125,
    }  # fmt: skip
