"""Budgets as they are written: what is read, which network they are about, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnet_cost.budgets.entries import typed_budgets
from mnet_cost.budgets.files import Plan, plan_checks
from mnet_cost.errors import BudgetError, MnetCostError, UsageError

NET = """\
format: 1
name: net
knobs: {alpha: 1.0, size: {default: 32, choices: [16, 32]}}
input: {image: [3, size, size]}
layers:
  - conv2d: {channels: floor(8 * alpha), kernel: 3}
  - {id: body, conv2d: {channels: 8, kernel: 3}, repeat: 2}
  - global_avg_pool
  - linear: {features: 10}
variants:
  wide: {knobs: {alpha: 2.0}}
  same:
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET)
    return tmp_path


def budget_file(entries: str, name: str = "budget.yaml") -> None:
    Path(name).write_text(f"format: 1\nbudgets:\n{entries}")


def problems(*models: str, files: tuple[str, ...] = ()) -> str:
    with pytest.raises(MnetCostError) as caught:
        plan_checks(models, files)
    return str(caught.value)


def about(plan: Plan) -> list[tuple[str, list[str]]]:
    return [(each.spec.title, sorted(each.budget.limits)) for each in plan.budgets]


def test_an_entry_is_read(folder: Path) -> None:
    budget_file(
        "  - model: net.yaml:wide\n"
        "    at: {alpha: '0.5:1.0:0.25', size: [16, 32], batch: 2}\n"
        "    device: [pixel_1, h100]\n"
        "    precision: int8\n"
        "    latency: 20 ms\n"
        "    params: 4.3 M\n"
        "    peak_memory: 320 KiB\n"
        "    warn: {latency: 18 ms}\n"
        "    reason: one frame of the camera\n"
    )
    (planned,) = plan_checks(["budget.yaml"]).budgets
    budget = planned.budget
    assert planned.spec.title == "net:wide"
    assert budget.at == {"alpha": (0.5, 0.75, 1.0), "size": (16, 32), "batch": (2,)}
    assert budget.texts == {"alpha": "0.5:1.0:0.25", "size": "16,32", "batch": "2"}
    assert [device.name for device in budget.devices] == ["pixel_1", "h100"]
    assert budget.precisions == ("int8",)
    assert {name: bound.value for name, bound in budget.limits.items()} == {
        "latency": 0.02, "params": 4.3e6, "peak_memory": 320 * 1024,
    }  # fmt: skip
    assert budget.warnings["latency"].value == 0.018
    assert budget.reason == "one frame of the camera"
    assert budget.limits["params"].node is not None
    assert budget.limits["params"].node.line == 8


def test_all_problems_of_a_file_come_at_once(folder: Path) -> None:
    budget_file(
        "  - {model: net.yaml, parms: 3}\n"
        "  - {model: net.yaml, latency: 20 ms}\n"
        "  - {model: net.yaml, device: pixel_1, latency: 20}\n"
        "  - {model: net.yaml, device: pixel_99, latency: 20 ms}\n"
        "  - {model: net.yaml, params: 1 M, warn: {params: 2 M}}\n"
        "  - {model: net.yaml, at: {alpha: '1.0:0.5:0.1'}, params: 1}\n"
        "  - {model: net.yaml, at: {alhpa: 1}, params: 1}\n"
        "  - {model: nets.yaml, params: 1}\n"
        "  - {params: 1}\n"
        "  - {model: net.yaml, part: body, device: pixel_1, energy: 1 mJ}\n"
        "  - {model: net.yaml, latency_ms: 20}\n"
        "  - {model: net.yaml, top1: 70}\n"
        "  - {model: net.yaml, precision: int7, params: 1}\n"
        "  - {model: net.yaml}\n"
        "  - {model: net.yaml:tall, params: 1}\n"
        "  - {model: ../net.yaml, params: 1}\n"
        "  - 3\n"
    )
    text = problems("budget.yaml")
    for line, said in {
        3: "a budget has no key `parms`\n    3 |   - {model: net.yaml, parms: 3}\n"
           "      |                       ^^^^^\nhint: did you mean `params`?",
        4: "`latency` is of a device, and this budget names none",
        5: "`20` has no unit; a time is asked for",
        6: "there is no device `pixel_99`",
        7: "a warning above the limit never comes: `params` is limited to 1 M",
        8: "the range `1.0:0.5:0.1` is empty: 0.5 is less than 1.0",
        9: "net has no knob `alhpa`",
        10: "nets.yaml: cannot be read: no such file or directory",
        11: "this budget is of no model",
        12: "`energy` is of a whole network",
        13: "a budget has no key `latency_ms`",
        14: "a budget has no key `top1`",
        15: "there is no precision `int7`",
        16: "this budget limits nothing",
        17: "net.yaml: there is no variant `tall`",
        18: "`../net.yaml` is not in the folder of budget.yaml, nor below it",
        19: "a budget is a mapping of limits",
    }.items():  # fmt: skip
        assert f"budget.yaml:{line}:" in text, line
        assert said in text, (line, text)
    assert text.count("budget.yaml:") == 17


def test_limits_that_contradict_each_other(folder: Path) -> None:
    budget_file(
        "  - {model: net.yaml, params: 1 M}\n"
        "  - {model: net.yaml, at: {alpha: 1.0}, params: 2 M}\n"
        "  - {model: net.yaml, at: {alpha: 0.5}, params: 2 M}\n"
        "  - {model: net.yaml@alpha=0.5, params: 3 M}\n"
        "  - {model: net.yaml, part: body, params: 2 M}\n"
        "  - {model: net.yaml, precision: int8, params: 2 M}\n"
    )
    text = problems("budget.yaml")
    assert text.count("is limited already") == 2
    said = "budget.yaml:4:49: `params` is limited already for the same network and setting, at line"
    assert f"{said} 3" in text
    assert "budget.yaml:6:41: `params` is limited already" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format: 2\nbudgets: [{model: net.yaml, params: 1}]\n", "reads format 1, not `2`"),
        ("budgets: [{model: net.yaml, params: 1}]\n", "starts with `format: 1`"),
        ("format: 1\nbudgets: {model: net.yaml}\n", "`budgets` is a list of entries with limits"),
        ("format: 1\nbudgets: []\n", "`budgets` is a list of entries with limits"),
        ("format: 1\nbudget: 1\nbudgets: [{model: net.yaml, params: 1}]\n", "has no part `budget`"),
        ("format: 1\nbudgets: [{model: net.yaml, params: [1]}]\n", "is a number with its unit"),
        ("format: 1\nbudgets: [{model: net.yaml, params: -1}]\n", "`-1` is negative"),
        ("format: 1\nbudgets: [{model: net.yaml, params: 3 MB}]\n", "is no number of things"),
        ("format: 1\nbudgets: [{model: net.yaml, memory: 3 KB}]\n", "there is no unit `KB`"),
        ("format: 1\nbudgets: [{model: net.yaml, params: 1, warn: []}]\n", "`warn` is a mapping"),
        ("format: 1\nbudgets: [{model: net.yaml, params: 1, at: 3}]\n", "`at` is a mapping"),
        ("format: 1\nbudgets: [{model: net.yaml, params: 1, at: {alpha: []}}]\n", "has no value"),
        ("format: 1\nbudgets: [{model: net.yaml, params: 1, reason: 3}]\n", "a reason is a text"),
        ("format: 1\nbudgets: [{model: net.yaml@alpha=1, at: {alpha: 2}, params: 1}]\n", "twice"),
    ],
)  # fmt: skip
def test_what_a_file_of_budgets_cannot_be(folder: Path, text: str, said: str) -> None:
    Path("budget.yaml").write_text(text)
    assert said in problems("budget.yaml")


def test_budgets_of_a_spec_are_those_of_its_variants(folder: Path) -> None:
    own = "budgets:\n  - {params: 1 M}\n  - {variant: wide, mult_adds: 1 M, params: 2 M}\n"
    Path("net.yaml").write_text(NET + own)
    all_of_it = [("net", ["params"]), ("net:wide", ["mult_adds", "params"])]
    assert about(plan_checks(["net.yaml"])) == all_of_it
    assert about(plan_checks(["net.yaml:wide"])) == all_of_it[1:]
    both = plan_checks(["net.yaml:wide", "net.yaml:same"])
    assert about(both) == [*all_of_it[1:], ("net:same", ["params"])]
    (planned, _) = plan_checks(["net.yaml@alpha=0.5"]).budgets
    assert planned.knobs == {"alpha": 0.5}


def test_budgets_do_not_come_along_with_a_network(folder: Path) -> None:
    Path("net.yaml").write_text(NET + "budgets:\n  - {params: 1 M}\n")
    child = "format: 1\nname: child\nextends: net.yaml\n"
    Path("child.yaml").write_text(child)
    assert plan_checks(["child.yaml"]).without == ("child.yaml",)
    Path("child.yaml").write_text(child + "budgets:\n  - {params: 2 M}\n")
    assert about(plan_checks(["child.yaml"])) == [("child", ["params"])]


@pytest.mark.parametrize(
    ("budgets", "said"),
    [
        ("budgets: 3", "`budgets` is a list of entries with limits"),
        ("budgets: [3]", "a budget is a mapping of limits"),
        ("budgets: [{variant: wid, params: 1}]", "there is no variant `wid`"),
    ],
)
def test_the_form_of_budgets_is_a_part_of_a_spec(folder: Path, budgets: str, said: str) -> None:
    Path("net.yaml").write_text(NET + budgets + "\n")
    assert said in problems("net.yaml")


def test_a_spec_has_its_own_budgets_else_those_beside_it(folder: Path) -> None:
    budget_file("  - {model: net.yaml, params: 1 M}\n  - {model: lenet5, buffers: 3}\n")
    assert about(plan_checks(["net.yaml"])) == [("net", ["params"])]
    assert about(plan_checks(["lenet5"])) == [("lenet5", ["buffers"])]
    assert about(plan_checks([])) == [("net", ["params"]), ("lenet5", ["buffers"])]
    Path("net.yaml").write_text(NET + "budgets:\n  - {mult_adds: 1 M}\n")
    assert about(plan_checks(["net.yaml"])) == [("net", ["mult_adds"])]
    assert about(plan_checks(["net.yaml"], ["budget.yaml"])) == [("net", ["params"])]
    both = plan_checks(["net.yaml"], ["budget.yaml"], typed_budgets(["weights<=1"], (), ["fp32"]))
    assert about(both) == [("net", ["weights"]), ("net", ["params"])]


def test_what_is_named_twice_is_checked_once(folder: Path) -> None:
    budget_file("  - {model: net.yaml, params: 1 M}\n")
    assert len(plan_checks(["net.yaml", "budget.yaml", "./net.yaml"]).budgets) == 1


def test_a_hook_is_given_files_of_all_kinds(folder: Path) -> None:
    others = {
        "a.yaml": "on: push\njobs: {a: &x {b: 1}, c: *x}\n",
        "b.yaml": "{{ if .Values }}\nformat: 1\n{{ end }}\n",
        "c@2:3.yaml": "format: 1\nname: mine\nbasis: fitted\n",
        "d.yml": "- 1\n- 2\n",
        "e.yaml": "",
        "f.txt": "budgets",
    }
    for name, text in others.items():
        Path(name).write_text(text)
    budget_file("  - {model: net.yaml, params: 1 M}\n")
    plan = plan_checks([*others, "net.yaml"], skip_others=True)
    assert plan.skipped == tuple(others)
    assert len(plan.budgets) == 1
    Path("g.yaml").write_text("format: 1\nlayers:\n  - [\n")  # ours, and broken
    with pytest.raises(MnetCostError, match=r"g\.yaml"):
        plan_checks(["g.yaml"], skip_others=True)


def test_a_problem_of_a_spec_is_its_own(folder: Path) -> None:
    Path("net.yaml").write_text(NET.replace("kernel: 3", "kernal: 3", 1))
    budget_file("  - {model: net.yaml, params: 1 M}\n")
    text = problems("budget.yaml")
    assert "net.yaml:6:" in text
    assert "did you mean `kernel`?" in text
    assert "named at budget.yaml:3:13" in text


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("params>=3", "`params>=3` is no budget: a budget is the most that a cost may be"),
        ("params<=3 MB", "is no number of things"),
        ("latency<=3ms", "`latency` is of a device, and there is none"),
        ("parms<=3", "there is no metric `parms`"),
    ],
)
def test_limits_that_are_typed(limit: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        typed_budgets([limit], (), ["fp32"])
    assert said in str(caught.value)


def test_nothing_to_check(folder: Path) -> None:
    assert "there is nothing to check, and no budget.yaml" in problems()
    with pytest.raises(UsageError, match="a limit needs a network to check"):
        plan_checks([], (), typed_budgets(["params<=3"], (), ["fp32"]))
    budget_file("  - {model: net.yaml, params: 1 M}\n")
    with pytest.raises(UsageError, match="a limit needs a network to check"):
        plan_checks(["budget.yaml"], (), typed_budgets(["params<=3"], (), ["fp32"]))
    budget_file("  - {model: lenet5, params: 1 M}\n", "other.yaml")
    assert len(plan_checks(["budget.yaml"], ["other.yaml"]).budgets) == 2
    assert "net.yaml: there is no variant `wid`" in problems("net.yaml:wid")
    assert "a file of budgets has no variants and no knobs" in problems("./budget.yaml:wide")
    assert "this is a model, not a file of budgets" in problems("net.yaml", files=("net.yaml",))


def test_a_hostile_file_has_at_most_a_hundred_problems(folder: Path) -> None:
    budget_file("  - {model: net.yaml, parms: 3}\n" * 900)
    with pytest.raises(BudgetError) as caught:
        plan_checks(["budget.yaml"])
    assert len(caught.value.problems) == 101


@pytest.mark.parametrize("where", ["", "specs/", "specs/small/"])
def test_budgets_of_a_repository_may_stand_above_the_spec(
    folder: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "specs" / "small").mkdir(parents=True)
    (folder / ".git").mkdir()
    path = Path(where, "net.yaml")
    path.write_text(NET)
    budget_file(f"  - {{model: {path}, params: 1 M}}\n")
    planned = [("net", ["params"])]
    assert about(plan_checks([str(path)], skip_others=True)) == planned
    assert about(plan_checks([str(path.absolute())], skip_others=True)) == planned
    monkeypatch.chdir(folder / where)
    assert about(plan_checks(["net.yaml"])) == planned


def test_the_nearest_budgets_that_name_a_spec_are_its_own(folder: Path) -> None:
    (folder / "specs").mkdir()
    Path("specs/net.yaml").write_text(NET)
    budget_file("  - {model: specs/net.yaml, params: 1 M}\n")
    assert plan_checks(["specs/net.yaml"]).without == ("specs/net.yaml",)  # not a repository
    (folder / ".git").mkdir()
    budget_file("  - {model: other.yaml, mult_adds: 1 M}\n", "specs/budget.yaml")
    Path("specs/other.yaml").write_text(NET)
    assert about(plan_checks(["specs/net.yaml"])) == [("net", ["params"])]
    budget_file("  - {model: net.yaml, mult_adds: 1 M}\n", "specs/budget.yaml")
    assert about(plan_checks(["specs/net.yaml"])) == [("net", ["mult_adds"])]


def test_a_spec_that_another_argument_checks_is_not_without_a_budget(folder: Path) -> None:
    (folder / "specs").mkdir()
    Path("specs/net.yaml").write_text(NET)
    budget_file("  - {model: specs/net.yaml, params: 1 M}\n", "ci.yaml")
    for models in (["specs/net.yaml", "ci.yaml"], ["ci.yaml", "specs/net.yaml"]):
        assert plan_checks(models).without == ()


@pytest.mark.parametrize("skip_others", [False, True])
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "format: 1\nbudget: [{model: net.yaml, params: 1}]\n",
         "a.yaml:2:1: a file of budgets has no part `budget`\n    2 | budget: [{model: net.yaml, "
         "params: 1}]\n      | ^^^^^^\nhint: did you mean `budgets`?"),
        ("a.yaml", "budget: [{model: net.yaml, params: 1}]\n", "did you mean `budgets`?"),
        ("a.yaml", "budgets: [{model: net.yaml, params: 1}]\n", "starts with `format: 1`"),
        ("a.yaml", "format: 1\nbugdets: [{model: net.yaml}]\n", "did you mean `budgets`?"),
        ("budget.yaml", "entries: []\n", "a file of budgets has no part `entries`"),
        ("budget.yaml", "- {model: net.yaml}\n", "a file of budgets is a mapping"),
        ("budget.yaml", "budgets: [\n", "budget.yaml:2:1: "),
    ],
)  # fmt: skip
def test_misspelt_budgets_are_no_file_of_others(
    folder: Path, name: str, text: str, said: str, skip_others: bool
) -> None:
    Path(name).write_text(text)
    with pytest.raises(MnetCostError) as caught:
        plan_checks([name], skip_others=skip_others)
    assert said in str(caught.value)


def test_a_hook_skips_what_is_not_utf_8(folder: Path) -> None:
    Path("latin.yaml").write_bytes("jobs: {name: größe}\n".encode("latin-1"))
    Path("wide.yaml").write_bytes("jobs: {name: größe}\n".encode("utf-16"))
    assert plan_checks(["latin.yaml", "wide.yaml"], skip_others=True).skipped == (
        "latin.yaml", "wide.yaml",
    )  # fmt: skip
    Path("net.yaml").write_bytes(NET.replace("name: net", "name: größe").encode("latin-1"))
    with pytest.raises(MnetCostError, match=r"net\.yaml:2: is not UTF-8 text"):
        plan_checks(["net.yaml"], skip_others=True)


def test_a_hook_takes_a_spec_that_only_extends_another(folder: Path) -> None:
    Path("child.yaml").write_text("format: 1\nname: child\nextends: net.yaml\n")
    budget_file("  - {model: child.yaml, params: 1 M}\n")
    assert about(plan_checks(["child.yaml"], skip_others=True)) == [("child", ["params"])]


def test_contradictions_through_defaults_and_names_are_seen(folder: Path) -> None:
    budget_file(
        "  - {model: net.yaml, params: 5 M}\n"
        "  - {model: net.yaml:same, params: 4 M}\n"
        "  - {model: net.yaml, at: {batch: 1}, params: 4 M}\n"
        "  - {model: net.yaml, at: {batch: 2}, params: 4 M}\n"
    )
    text = problems("budget.yaml")
    assert [line for line in (4, 5, 6) if f"budget.yaml:{line}:" in text] == [4, 5]


def test_knobs_of_the_command_line_contradict_no_entry(folder: Path) -> None:
    budget_file("  - {model: net.yaml, at: {alpha: 0.75}, params: 1 k}\n"
                "  - {model: net.yaml, params: 5 k}\n")  # fmt: skip
    first, second = plan_checks(["net.yaml@alpha=0.75"]).budgets
    assert (first.fixed, second.fixed) == ({"alpha": 0.75}, {"alpha": 0.75})


@pytest.mark.parametrize("files", [(), ("budget.yaml",)])
@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("net.yaml@alpha=abc", "the knob `alpha` of net needs a number, not 'abc'"),
        ("net.yaml@nope=3", "net has no knob `nope`\nhint: it has `alpha`, `size` and `batch`"),
        ("net.yaml:nope", "net.yaml: there is no variant `nope`"),
        ("net.yaml:wide@size=17", "the knob `size` of net:wide is one of 16, 32, not 17"),
    ],
)
def test_what_a_model_does_not_have_is_no_problem_of_its_budgets(
    folder: Path, model: str, said: str, files: tuple[str, ...]
) -> None:
    budget_file("  - {model: net.yaml, at: {alpha: 1}, params: 1 k}\n"
                "  - {model: net.yaml, params: 5 k}\n")  # fmt: skip
    text = problems(model, files=files)
    assert said in text
    assert "budget.yaml" not in text


def test_a_problem_hides_no_other_of_the_entry_and_each_is_shown_once(folder: Path) -> None:
    budget_file("  - {model: net.yaml, at: {alhpa: 1}, params: 3 MB}\n"
                "  - {model: net.yaml:wid, params: 3 MB}\n")  # fmt: skip
    text = problems("budget.yaml")
    assert text.count("is no number of things") == 2
    assert "net has no knob `alhpa`" in text
    assert "there is no variant `wid`" in text
    Path("net.yaml").write_text(NET.replace("kernel: 3", "kernal: 3", 1))
    budget_file("  - {model: net.yaml, params: 1 M}\n  - {model: net.yaml:wide, params: 1 M}\n"
                "  - {model: net.yaml, mult_adds: 1 M}\n")  # fmt: skip
    text = problems("budget.yaml")
    assert text.count("did you mean `kernel`?") == 1


@pytest.mark.parametrize(
    ("key", "meant"),
    [("time", "latency"), ("macs", "mult_adds"), ("MACs", "mult_adds"), ("ram", "memory"),
     ("RAM", "memory"), ("parameters", "params"), ("FLOPs", "flops"), ("peak_ram", "peak_memory")],
)  # fmt: skip
def test_keys_of_other_tools_are_known(folder: Path, key: str, meant: str) -> None:
    budget_file(f"  - {{model: net.yaml, device: pixel_1, {key}: 3}}\n")
    assert f"hint: did you mean `{meant}`?" in problems("budget.yaml")
