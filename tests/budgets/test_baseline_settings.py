"""Baselines: which setting of then a setting of now is compared with, and ranges of settings."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.errors import MnetCostError, UsageError
from mnet_cost.results import Check

NET = """\
format: 1
name: net
knobs: {a: {default: 1, published: [1, 2, 4]}, b: {default: 3}}
input: {image: [3, 8, 8]}
layers:
  - global_avg_pool
  - linear: {features: "FEATURES"}
variants:
  wide: {knobs: {b: 9}}
"""
OTHER = NET.replace("FEATURES", "10 * a + b")


def git(*words: str) -> None:
    setting = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *setting, *words], check=True, capture_output=True)


def write(features: str, path: str = "net.yaml", **default: int) -> None:
    text = NET.replace("FEATURES", features)
    for knob, value in default.items():
        text = text.replace(f"{knob}: {{default: {NET.split(knob + ': {default: ')[1][0]}",
                            f"{knob}: {{default: {value}")  # fmt: skip
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(text)


def budget(at: str) -> None:
    Path("budget.yaml").write_text(
        f"format: 1\nbudgets:\n  - {{model: net.yaml, at: {at}, params: 1 M}}\n"
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    write("10 * a + b")
    return tmp_path


@pytest.fixture
def repository(folder: Path) -> None:
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")


def params(check: Check) -> tuple[str, float | None, float | None]:
    """(verdict, number, number in the baseline) of the params."""
    (judgement,) = [
        each for each in check.judgements if each.before and each.metric.name == "params"
    ]
    assert judgement.before is not None
    return judgement.verdict, judgement.number.value, judgement.before.value


def remember(*models: str, command: str = "check") -> None:
    limit = ["--limit", "params<=1M"] if command == "check" and "budget.yaml" not in models else []
    assert main([command, *models, *limit, "--format", "json", "-o", "base.json"]) == 0


# --- one setting


@pytest.mark.parametrize("command", ["check", "analyze"])
def test_a_default_of_now_is_compared_with_the_default_of_then(command: str) -> None:
    remember("net.yaml", command=command)
    write("10 * a + b", a=2)
    check = mnet_cost.check("net.yaml", baseline="base.json")
    assert params(check) == ("over", 4 * 23, 4 * 13)
    assert [cause.text for cause in check.judgements[1].before.causes]  # type: ignore[union-attr]


def test_all_settings_in_a_document_and_the_default_among_them() -> None:
    remember("net.yaml", "net.yaml@a=2")
    write("10 * a + b", a=2)
    assert params(mnet_cost.check("net.yaml", limits=["params<=1M"], baseline="base.json")) == (
        "over", 92, 52,
    )  # fmt: skip
    assert params(mnet_cost.check("net.yaml@a=2", baseline="base.json")) == ("within", 92, 92)


def test_a_setting_that_is_stated_equals_the_same_one_as_a_default() -> None:
    remember("net.yaml")
    write("10 * a + b", b=5)
    assert params(mnet_cost.check("net.yaml@a=1", baseline="base.json")) == ("over", 60, 52)
    remember("net.yaml@a=1,b=3")
    with pytest.raises(UsageError) as caught:
        mnet_cost.check("net.yaml", baseline="base.json")
    assert str(caught.value) == (
        "base.json: has net.yaml at other settings, and none without knobs: nothing can be compared"
        "\nhint: write it again with `mnet-cost check ... --format json -o base.json`, or compare "
        "with git:REV"
    )


def test_specs_of_one_name_are_told_apart_by_their_paths() -> None:
    write("50 * a", "specs/net.yaml")
    write("10 * a", "other/net.yaml")
    remember("specs/net.yaml", "other/net.yaml")
    write("20 * a", "other/net.yaml")
    check = mnet_cost.check("./other/net.yaml", baseline="base.json")
    assert params(check) == ("over", 80, 40)
    write("20 * a", "moved/net.yaml")
    with pytest.raises(UsageError, match=r"`net` is specs/net.yaml and other/net.yaml"):
        mnet_cost.check("moved/net.yaml", baseline="base.json")
    remember("specs/net.yaml")
    assert params(mnet_cost.check("moved/net.yaml", baseline="base.json")) == ("within", 80, 200)
    both = mnet_cost.check("moved/net.yaml", "specs/net.yaml", baseline="base.json")
    new = [each for each in both.judgements if each.spec.path == "moved/net.yaml"]
    assert {(each.verdict, each.why) for each in new} == {("undecided", "it is not in base.json")}
    with pytest.raises(UsageError, match=r"both other/net.yaml and moved/net.yaml"):
        mnet_cost.check("other/net.yaml", "moved/net.yaml", baseline="base.json")


def test_a_spec_that_is_renamed_in_its_place_is_the_same() -> None:
    remember("net.yaml")
    Path("net.yaml").write_text(OTHER.replace("name: net", "name: new").replace("10 *", "11 *"))
    assert params(mnet_cost.check("net.yaml", baseline="base.json")) == ("over", 56, 52)


# --- revisions


def test_a_file_that_is_named_has_to_be_there(repository: None) -> None:
    with pytest.raises(MnetCostError) as caught:
        mnet_cost.check("net.yaml", baseline="git:HEAD:nofile.yaml")
    assert str(caught.value).startswith(
        "--baseline:1:10: there is no `nofile.yaml` in HEAD\n"
        "    1 | git:HEAD:nofile.yaml\n"
    )  # fmt: skip
    with pytest.raises(MnetCostError, match="there is no variant `tall`"):
        mnet_cost.check("net.yaml", baseline="git:HEAD:net.yaml:tall")


def test_what_is_typed_is_shown(repository: None) -> None:
    with pytest.raises(MnetCostError) as caught:
        mnet_cost.check("net.yaml", baseline="git:nope")
    first, *rest = str(caught.value).split("\n")
    assert first == "--baseline:1:5: there is no revision `nope`"
    assert rest[:2] == ["    1 | git:nope", "      |     ^^^^"]


def test_variants_of_a_baseline_are_used_and_knobs_refused(repository: None) -> None:
    check = mnet_cost.check("net.yaml", baseline="git:HEAD:net.yaml:wide")
    assert params(check) == ("within", 52, 76)
    with pytest.raises(UsageError) as caught:
        mnet_cost.check("net.yaml", baseline="git:HEAD:net.yaml@a=4")
    assert str(caught.value).startswith("--baseline:1:18: a baseline has no knobs of its own\n")
    with pytest.raises(UsageError, match="is one network, and 2 are checked"):
        mnet_cost.check("net.yaml", "net.yaml:wide", limits=["params<=1M"],
                        baseline="git:HEAD:net.yaml:wide")  # fmt: skip


def test_what_is_new_is_said_once_with_its_numbers(
    repository: None, capsys: pytest.CaptureFixture[str]
) -> None:
    write("10 * a + b", "new.yaml")
    assert main(["check", "new.yaml", "--baseline", "git:HEAD"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert (
        "undecided net: nothing to compare mult-adds 39, params 52, peak memory 780 B with; "
        "it is not in git:HEAD"
    ) in text
    assert text.count("git:HEAD") == 1
    assert main(["check", "new.yaml", "--baseline", "git:HEAD", "--format", "github"]) == 0
    assert capsys.readouterr().out.count("::notice") == 1


# --- ranges


RANGES = "{a: [1, 2, 4]}"


@pytest.mark.parametrize("kind", ["git", "document"])
def test_every_setting_of_a_range_is_compared(kind: str, repository: None) -> None:
    """The setting that is largest does not move; another one grows."""
    budget(RANGES)
    remember("budget.yaml")
    baseline = "git:HEAD" if kind == "git" else "base.json"
    check = mnet_cost.check("budget.yaml", baseline=baseline)
    assert params(check) == ("within", 52, 52)
    write("10 * a + b + 5 * floor((a - 1) * (4 - a) / 2)")
    check = mnet_cost.check("budget.yaml", baseline=baseline)
    assert params(check) == ("over", 4 * 28, 4 * 23)
    judgement = next(each for each in check.failing if each.metric.name == "params")
    assert judgement.settings is not None
    assert (judgement.settings.worst, judgement.settings.counts) == (
        {"a": 2}, {"over": 1, "within": 2},
    )  # fmt: skip
    assert judgement.knobs["a"] == 2
    within = mnet_cost.check("budget.yaml", baseline=baseline, tolerance="params=30%,mult_adds=30%")
    assert within.passes
    if kind == "git":
        assert judgement.before is not None
        assert judgement.before.causes[0].change == 20
        assert judgement.before.causes[0].places == (("net.yaml", 7),)


def test_of_a_range_the_largest_growth_is_reported(repository: None) -> None:
    budget(RANGES)
    write("10 * a + b + 5 * floor((2 - a) * (4 - a) / 3) + 7 * floor((a - 1) * (a - 2) / 6)")
    check = mnet_cost.check("budget.yaml", baseline="git:HEAD")
    assert params(check) == ("over", 4 * 18, 4 * 13)  # 38 % more, of a=4 16 %
    write("20 - 2 * a + b")
    check = mnet_cost.check("budget.yaml", baseline="git:HEAD")
    assert params(check) == ("over", 4 * 21, 4 * 13)


@pytest.mark.parametrize("kind", ["git", "document"])
def test_a_range_with_another_default_of_a_knob_it_does_not_set(
    kind: str, repository: None
) -> None:
    budget(RANGES)
    remember("budget.yaml")
    write("10 * a + b", a=4, b=4)
    check = mnet_cost.check("budget.yaml", baseline="git:HEAD" if kind == "git" else "base.json")
    assert params(check) == ("over", 4 * 14, 4 * 13)


def test_a_range_has_to_be_in_the_document() -> None:
    budget("{a: [1, 2]}")
    remember("budget.yaml")
    budget("{a: [2, 1]}")
    assert mnet_cost.check("budget.yaml", baseline="base.json").passes
    budget("{a: [1, 2, 3]}")
    with pytest.raises(UsageError, match=r"base.json: has net.yaml at other settings, and none at "
                                         r"a=3: nothing can be compared"):  # fmt: skip
        mnet_cost.check("budget.yaml", baseline="base.json")
    remember("net.yaml")
    with pytest.raises(UsageError, match="none at a=2"):
        mnet_cost.check("budget.yaml", baseline="base.json")


def test_a_range_of_too_many_settings_is_not_in_a_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mnet_cost.budgets.network_ranges.MAX_STORED", 2)
    budget(RANGES)
    remember("budget.yaml")
    assert json.loads(Path("base.json").read_text())["ranges"][0]["numbers"] is None
    with pytest.raises(UsageError, match="holds no numbers of ranges of more than 2 settings"):
        mnet_cost.check("budget.yaml", baseline="base.json")


def test_settings_that_are_no_network_on_either_side(repository: None) -> None:
    budget(RANGES)
    write("10 * a + b - 100 * floor((a - 1) * (a - 2) / 6)")
    check = mnet_cost.check("budget.yaml", baseline="git:HEAD")
    assert params(check)[0] == "undecided"
    git("commit", "-q", "-a", "-m", "second")
    write("10 * a + b + floor((2 - a) * (4 - a) / 3)")
    (judgement,) = [each for each in mnet_cost.check("budget.yaml", baseline="git:main").judgements
                    if each.before and each.metric.name == "params"]  # fmt: skip
    assert judgement.verdict == "over"
    assert judgement.settings is not None
    assert judgement.settings.counts == {"over": 1, "within": 1, "undecided": 1}


@pytest.mark.parametrize("at", ["{c: [1, 2]}", "{a: [1, 2], c: 1}"])
def test_a_knob_that_is_new_is_said_once(
    at: str, repository: None, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("net.yaml").write_text(OTHER.replace("knobs: {a", "knobs: {c: {default: 1}, a"))
    budget(at)
    assert main(["check", "--baseline", "git:HEAD"]) == 0
    text = capsys.readouterr().out
    assert text.count("nothing to compare") == text.count("knob `c`") == 1


def test_times_of_a_range_and_the_schema(
    repository: None, capsys: pytest.CaptureFixture[str]
) -> None:
    from schemas import checked

    Path("budget.yaml").write_text(
        "format: 1\nbudgets:\n  - {model: net.yaml, at: {a: [1, 2]}, device: h100, params: 1 M}\n"
    )
    remember("budget.yaml")
    document = json.loads(checked(Path("base.json").read_text()))
    (stored,) = document["ranges"]
    assert stored["axes"] == {"a": [1, 2]}
    assert stored["numbers"]["params"] == [52, 92]
    write("1000 * a + b")
    for baseline in ("base.json", "git:HEAD"):
        assert main(["check", "budget.yaml", "--baseline", baseline, "--format", "json"]) == 1
        document = json.loads(checked(capsys.readouterr().out))
        times = [each for each in document["checks"] if each["metric"].startswith("latency")]
        assert [each["baseline"]["value"] for each in times] != [None]
    for key, value, said in (
        ("numbers", {"params": [52]}, "`params` is not a number or null for each setting"),
        ("axes", {"a": []}, "`a` is not some values of a knob"),
        ("points", "two", "`points` is not a whole number"),
    ):
        document = json.loads(Path("base.json").read_text())
        document["ranges"][0][key] = value
        Path("bad.json").write_text(json.dumps(document))
        with pytest.raises(UsageError, match=said):
            mnet_cost.check("budget.yaml", baseline="bad.json")


# --- places, and what has nothing to compare


def test_what_was_removed_is_shown_at_the_spec_of_now(
    repository: None, capsys: pytest.CaptureFixture[str]
) -> None:
    smaller = OTHER.replace("- global_avg_pool\n", "- flatten\n")
    Path("net.yaml").write_text(smaller)
    remember("net.yaml")
    for baseline in ("git:HEAD", "base.json"):
        if baseline == "base.json":
            Path("net.yaml").write_text(
                OTHER.replace("  - global_avg_pool\n", "  - global_avg_pool\n\n\n  - flatten\n")
            )
            remember("net.yaml")
            Path("net.yaml").write_text(smaller)
        assert main(["check", "net.yaml", "--baseline", baseline, "--format", "sarif"]) == 1
        for result in json.loads(capsys.readouterr().out)["runs"][0]["results"]:
            place = result["locations"][0]["physicalLocation"]
            assert place["artifactLocation"]["uri"] == "net.yaml"
            assert place["region"]["startLine"] <= len(smaller.split("\n"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tolerance", "latency=3%"],
         "--tolerance:1:1: no time is compared: no device is named\n"
         "    1 | latency=3%\n      | ^^^^^^^\nhint: name one with `--device`, or in a budget"),
    ],
)  # fmt: skip
def test_a_tolerance_of_nothing(
    words: list[str], said: str, repository: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "net.yaml", "--baseline", "git:HEAD", *words]) == 2
    assert said in capsys.readouterr().err


def test_the_precision_is_that_of_the_comparison(
    repository: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["check", "net.yaml", "--precision", "int8"]
    assert main([*words, "--baseline", "git:HEAD", "--format", "json"]) == 0
    assert {each["precision"] for each in json.loads(capsys.readouterr().out)["checks"]} == {"int8"}
    assert main(words) == 2
    assert "--precision is for the limits of --limit" in capsys.readouterr().err
    budget("{a: 2}")
    assert main(["check", "net.yaml", "--precision", "int8", "--device", "h100",
                 "--baseline", "git:HEAD"]) == 0  # fmt: skip
    assert (
        "--device and --precision are not used: all budgets say theirs" in capsys.readouterr().err
    )


def test_two_networks_of_one_name_are_two_in_reports(capsys: pytest.CaptureFixture[str]) -> None:
    write("50 * a", "specs/net.yaml")
    words = ["check", "net.yaml", "specs/net.yaml", "--limit", "params<=10", "--format"]
    assert main([*words, "sarif"]) == 1
    results = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert len({each["partialFingerprints"]["budget/v1"] for each in results}) == 2
    assert main([*words, "junit"]) == 1
    text = capsys.readouterr().out
    assert '<testsuite tests="1"' in text
    assert 'name="net (net.yaml)"' in text
    assert 'name="net (specs/net.yaml)"' in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema": "mnet-cost/check/99"}',
         "is a document `mnet-cost/check/99`, not `mnet-cost/check/2`"),
        ('{"schema": "mnet-cost/fit/1"}',
         "is a document `mnet-cost/fit/1`, not `mnet-cost/check/2` or `mnet-cost/analysis/6`"),
        ("{}", "is no document of mnet-cost, not `mnet-cost/check/2` or `mnet-cost/analysis/6`"),
    ],
)  # fmt: skip
def test_documents_that_are_no_baseline(text: str, said: str) -> None:
    Path("bad.json").write_text(text)
    with pytest.raises(UsageError) as caught:
        mnet_cost.check("net.yaml", baseline="bad.json")
    assert str(caught.value) == (
        f"bad.json: {said}\nhint: write it again with "
        "`mnet-cost check ... --format json -o bad.json`, or compare with git:REV"
    )
