"""Verdicts on budgets: at a setting, at all of a range, of a part; what costs most, what passes."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

import mnet_cost
from mnet_cost.budgets.check import check_budgets
from mnet_cost.budgets.entries import LIMITED, PART_METRICS, Bound
from mnet_cost.budgets.files import plan_checks
from mnet_cost.budgets.judgements import CheckResult, Judgement
from mnet_cost.budgets.verdicts import UNKNOWN, Interval, failing_verdicts, verdict_of, worst_of
from mnet_cost.cli import main
from mnet_cost.errors import BudgetError, MnetCostError, UsageError
from mnet_cost.metrics import find_metric
from mnet_cost.report.check import details, sentence

UNMODELLED = """\
format: 1
name: odd
knobs: {width: 8}
input: {image: [3, 8, 8]}
layers:
  - conv2d: {channels: width, kernel: 3}
  - {id: mystery, opaque: {operation: magic, shape: [8, 8, 8]}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(entries: str, fail_on: str = "over") -> CheckResult:
    Path("budget.yaml").write_text(f"format: 1\nbudgets:\n{entries}")
    return check_budgets(plan_checks(["budget.yaml"]), failing_verdicts(fail_on))


def only(entries: str, fail_on: str = "over") -> Judgement:
    (judgement,) = checked(entries, fail_on).judgements
    return judgement


BOUND = Bound(10.0, "10 ms")


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        (Interval(10, 10, 10), "within"),
        (Interval(11, 11, 11), "over"),
        (Interval(9, 8, 10), "within"),
        (Interval(9, 8, 11), "undecided"),
        (Interval(11, 10, 13), "undecided"),
        (Interval(12, 11, 13), "over"),
        (Interval(9, 9, None), "undecided"),
        (Interval(11, 11, None), "over"),
        (Interval(11, None, None), "undecided"),
        (UNKNOWN, "undecided"),
    ],
)
def test_a_verdict_follows_from_the_band(number: Interval, verdict: str) -> None:
    assert verdict_of(number, BOUND, None) == verdict


def test_a_warning_is_about_the_number_itself() -> None:
    warning = Bound(8.0, "8 ms")
    assert verdict_of(Interval(9, 7, 10), BOUND, warning) == "warn"
    assert verdict_of(Interval(8, 7, 10), BOUND, warning) == "within"
    assert verdict_of(Interval(9, 7, 11), BOUND, warning) == "undecided"
    assert verdict_of(Interval(9, 7, 11), None, warning) == "warn"
    assert verdict_of(Interval(7, 7, None), None, warning) == "undecided"


def test_numbers_are_those_of_an_analysis() -> None:
    limits = ", ".join(f"{metric.name}: {_amount(metric.unit)}" for metric in LIMITED)
    result = checked(f"  - {{model: lenet5, device: pixel_1_tflite, {limits}}}\n")
    analysis = mnet_cost.analyze("lenet5", devices=["pixel_1_tflite"])
    values = {each.metric.name: each.number.value for each in result.judgements}
    assert values == {
        metric.name: metric.of(analysis, analysis.devices[0]) for metric in LIMITED
    }  # fmt: skip
    time = next(each for each in result.judgements if each.metric.name == "latency")
    (estimate,) = analysis.devices
    assert time.number == (estimate.latency_s, estimate.low_s, estimate.high_s)


def _amount(unit: str) -> str:
    return {"": "1", "bytes": "1 B", "s": "1 ns", "J": "1 nJ"}[unit]


SMALL = """\
format: 1
name: small
knobs: {alpha: 1.0, size: 32}
input: {image: [3, size, size]}
layers:
  - conv2d: {channels: floor(16 * alpha), kernel: 3, stride: 2}
  - relu
  - conv2d: {channels: 24, kernel: 3}
  - global_avg_pool
"""
ALPHAS, SIZES = (0.25, 0.5, 1.0, 2.0, 3.0), (8, 16, 48, 96)
RANGE = f"{{alpha: {list(ALPHAS)}, size: {list(SIZES)}}}"


@pytest.mark.parametrize(
    ("metric", "limit", "device"),
    [
        ("params", "4 k", "none"),
        ("peak_memory", "20 kB", "none"),
        ("latency", "600 us", "pixel_1_tflite"),
        ("latency", "3.92 us", "h100"),
        ("latency", "1 s", "stm32h743"),
        ("energy", "2 mJ", "h100"),
        ("lower_bound", "30 us", "pixel_1_tflite"),
    ],
)
def test_every_setting_of_a_range_is_judged_as_alone(metric: str, limit: str, device: str) -> None:
    Path("small.yaml").write_text(SMALL)
    on = "" if device == "none" else f", device: {device}"
    whole = only(f"  - {{model: small.yaml, at: {RANGE}{on}, {metric}: {limit}}}\n")
    assert whole.settings is not None
    entries = [
        f"  - {{model: small.yaml, at: {{alpha: {alpha}, size: {size}}}{on}, {metric}: {limit}}}\n"
        for alpha, size in product(ALPHAS, SIZES)
    ]
    alone = dict(zip(product(ALPHAS, SIZES), checked("".join(entries)).judgements, strict=True))
    counts = Counter(each.verdict for each in alone.values())
    assert dict(whole.settings.counts) == counts
    assert len(counts) > 1 or device == "stm32h743"
    assert whole.verdict == worst_of(counts)
    failing = [at for at, each in alone.items() if each.verdict != "within"]
    assert dict(whole.settings.kept) == ({} if whole.verdict != "over" else {
        "alpha": tuple(alpha for alpha in ALPHAS if alpha not in {at[0] for at in failing}),
        "size": tuple(size for size in SIZES if size not in {at[1] for at in failing}),
    })  # fmt: skip
    known = [each.number.value for each in alone.values()
             if each.number.value is not None and each.verdict == whole.verdict]  # fmt: skip
    if not known:
        assert whole.number == UNKNOWN
        assert whole.why == "no fp32 rate in the profile (it has int8): time is unknown"
        return
    assert whole.number.value == max(known)
    worst = whole.settings.worst
    assert alone[worst["alpha"], worst["size"]].number == whole.number


def test_a_range_of_which_some_settings_are_no_network() -> None:
    judgement = only("  - {model: mobilenet_v1, at: {resolution: [1, 2, 224]}, params: 5 M}\n")
    settings = judgement.settings
    assert settings is not None
    assert settings.points == 3
    assert not settings.broken  # padding lets a network have one pixel
    narrow = only("  - {model: mobilenet_v1, at: {alpha: [0.01, 0.5]}, params: 5 M}\n")
    assert narrow.settings is not None
    assert (narrow.verdict, dict(narrow.settings.counts)) == ("undecided", {"within": 1})
    assert narrow.why == "no network: `channels` must be at least 1, not 0"
    over = only("  - {model: mobilenet_v1, at: {alpha: [0.01, 0.5]}, params: 1 M}\n")
    assert over.verdict == "over"
    none = only("  - {model: mobilenet_v1, at: {alpha: [0.01, 0.02]}, params: 5 M}\n")
    assert (none.verdict, none.number) == ("undecided", UNKNOWN)


@pytest.mark.parametrize("metric", PART_METRICS)
def test_parts_add_up_to_the_network(metric: str) -> None:
    amount = _amount(find_metric(metric).unit)
    analysis = mnet_cost.analyze("lenet5", devices=["pixel_1_tflite"])
    parts = dict.fromkeys(step.name.partition(".")[0] for step in analysis.network.steps)
    numbers = []
    for part in parts:
        entry = f"{{model: lenet5, part: {part}, device: pixel_1_tflite, {metric}: {amount}}}"
        value = only(f"  - {entry}\n").number.value
        numbers += [] if value is None else [value]
    whole = find_metric(metric).of(analysis, analysis.devices[0])
    if metric == "latency":
        whole -= analysis.devices[0].inference_s
    if metric == "peak_memory":
        assert max(numbers) == whole
    else:
        assert sum(numbers) == pytest.approx(whole, rel=1e-12)


def test_a_part_has_the_band_of_a_network_of_its_kernels() -> None:
    entry = "  - {model: mobilenet_v1, part: middle, device: pixel_1_tflite, latency: 47 ms}\n"
    number = only(entry).number
    assert number.value is not None
    (estimate,) = mnet_cost.analyze("mobilenet_v1", devices=["pixel_1_tflite"]).devices
    middle = [each for each in estimate.kernels if each.kernel.name.startswith("middle")]
    times = [each.latency_s or 0.0 for each in middle]
    assert len(times) == 10  # five separable convolutions
    assert number.value == pytest.approx(sum(times))
    assert number.low is not None
    assert number.high is not None
    assert number.low < 0.047 < number.value < number.high
    assert only(entry).verdict == "undecided"


def test_a_part_for_all_values_of_a_range() -> None:
    at = "{alpha: [0.5, 1.0]}"
    judgement = only(f"  - {{model: mobilenet_v1, at: {at}, part: middle, mult_adds: 100 M}}\n")
    assert judgement.settings is not None
    assert dict(judgement.settings.counts) == {"within": 1, "over": 1}
    assert judgement.number.value == 261_416_960
    assert judgement.settings.worst == {"alpha": 1.0}
    assert judgement.settings.kept == {"alpha": (0.5,)}


CHOICES = """\
format: 1
name: choices
knobs: {size: 32, wide: true}
input: {image: [3, size, size]}
layers:
  - {id: stem, conv2d: {channels: 8, kernel: 5, padding: valid}}
  - {id: body, when: wide, conv2d: {channels: 64, kernel: 3, padding: valid}}
"""


def test_a_part_that_some_settings_of_a_range_do_not_have() -> None:
    Path("choices.yaml").write_text(CHOICES)
    start = "  - {model: choices.yaml, part: body"
    wide = only(f"{start}, at: {{wide: [true, false]}}, params: 5 k}}\n")
    assert wide.settings is not None
    assert (wide.verdict, dict(wide.settings.counts)) == ("undecided", {"within": 1})
    assert wide.why == "no number of body: choices has no layer or block `body` at wide=False"
    assert "of 2 settings 1 within, 1 without a number" in sentence(wide)
    small = only(f"{start}, at: {{size: [2, 3, 6, 32]}}, params: 4 k}}\n")
    assert small.settings is not None
    assert (small.verdict, dict(small.settings.counts)) == ("over", {"over": 1})
    assert small.settings.points == 4
    assert small.why.startswith("no number of body, 1 of 3: `conv2d`: a window 5 high")
    assert small.why.endswith("at size=2")
    none = only(f"{start}, at: {{size: [2, 3]}}, params: 4 k}}\n")
    assert (none.verdict, none.number) == ("undecided", UNKNOWN)
    with pytest.raises(BudgetError, match="has no layer or block `bodi`"):
        checked(f"{start[:-4]}bodi, at: {{wide: [true, false]}}, params: 5 k}}\n")


def test_settings_that_are_no_network_are_counted_once() -> None:
    Path("choices.yaml").write_text(CHOICES)
    entry = "  - {model: choices.yaml, at: {size: [2, 3, 6, 32]}, params: 3 k}\n"
    said = sentence(only(entry))
    assert "of 4 settings 1 over, 3 no network; no network, 1 of 3: `conv2d`: a window 5" in said


def test_entries_that_cost_most() -> None:
    result = checked(
        "  - {model: mobilenet_v1, params: 1 M, peak_memory: 1 kB}\n"
        "  - {model: mobilenet_v1, part: middle, mult_adds: 1 M}\n"
    )
    params, peak, part = result.judgements
    analysis = mnet_cost.analyze("mobilenet_v1")
    weights = sum(cost.params for cost in analysis.layers if cost.step.name.startswith("middle."))
    first = params.entries[0]
    assert (first.name, first.line) == ("middle", 44)
    assert first.path.endswith("specs/mobilenet_v1.yaml")
    assert first.share == weights / analysis.totals.params
    assert [entry.name for entry in peak.entries] == ["separable"]
    assert [(entry.name, entry.line) for entry in part.entries] == [
        ("middle.conv2d", 24), ("middle.depthwise_conv2d", 21),
    ]  # fmt: skip


def test_the_smallest_change_of_one_knob_passes_and_a_smaller_one_does_not() -> None:
    judgement = only("  - {model: mobilenet_v1, mult_adds: 420 M}\n")
    assert judgement.verdict == "over"
    assert judgement.changes is not None
    changes = {change.knob: change.value for change in judgement.changes}
    assert changes == {"alpha": 0.85, "resolution": 192, "rho": pytest.approx(0.857, abs=0.01)} or (
        changes == {"alpha": 0.85, "resolution": 192}
    )
    for alpha, is_within in ((0.85, True), (0.9, False)):
        total = mnet_cost.analyze("mobilenet_v1", alpha=alpha).totals.mult_adds
        assert (total <= 420e6) == is_within


def test_a_change_keeps_all_limits_of_the_budget() -> None:
    judgements = checked("  - {model: mobilenet_v1, mult_adds: 420 M, params: 2 M}\n").judgements
    assert [judgement.verdict for judgement in judgements] == ["over", "over"]
    assert judgements[0].changes == judgements[1].changes
    assert judgements[0].changes is not None
    assert [change.knob for change in judgements[0].changes] == ["alpha"]  # params have no pixels


def test_what_would_pass_is_within_its_limit_and_not_undecided() -> None:
    entry = "  - {model: mobilenet_v1, device: pixel_1_tflite, latency: 100 ms}\n"
    judgement = only(entry)
    assert judgement.verdict == "over"
    assert judgement.changes is not None
    alpha = judgement.changes[0]
    assert alpha.knob == "alpha"
    for value, verdict in ((alpha.value, "within"), (alpha.value + 0.05, "undecided")):
        device = ", device: pixel_1_tflite, latency: 100 ms}\n"
        assert only(f"  - {{model: mobilenet_v1, at: {{alpha: {value}}}{device}").verdict == verdict


def test_a_limit_that_nobody_can_tell_hides_no_change() -> None:
    entry = "  - {model: mobilenet_v1, device: h100, latency: 1 s, mult_adds: 420 M}\n"
    for judgement in checked(entry).judgements:
        if judgement.verdict == "over":
            assert judgement.changes is not None
            assert [change.knob for change in judgement.changes] == ["alpha", "resolution"]


def test_no_single_knob_is_enough() -> None:
    judgement = only("  - {model: mobilenet_v1, params: 1 k}\n")
    assert (judgement.changes, judgement.tried) == ((), ("alpha", "resolution"))
    ranged = only("  - {model: mobilenet_v1, at: {alpha: [0.5, 1.0]}, params: 1 k}\n")
    assert dict(details(judgement))["to pass"] == (
        "no single knob is enough (tried: alpha, resolution)"
    )
    assert dict(details(ranged))["to pass"] == "no single knob is enough (tried: alpha)"


def test_a_hint_of_a_range_holds_for_all_limits_of_the_entry() -> None:
    at = "{alpha: [0.25, 0.5, 1.0], resolution: [128, 224]}"
    for part in ("", ", part: middle"):
        entry = f"{{model: mobilenet_v1, at: {at}{part}, params: 1.2 M, mult_adds: 50 M}}"
        params, mult_adds = checked(f"  - {entry}\n").judgements
        assert (params.verdict, mult_adds.verdict) == ("over", "over")
        assert params.settings is not None
        assert mult_adds.settings is not None
        assert params.settings.kept == mult_adds.settings.kept
        assert dict(details(params))["would pass"] == "with alpha=0.25 (any resolution)"


def test_the_search_for_changes_is_bounded_by_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnet_cost.budgets.changes.MAX_LAYERS", 100)
    first, second = checked(
        "  - {model: mobilenet_v1, params: 1 k}\n  - {model: mobilenet_v1, weights: 2 k}\n"
    ).judgements
    assert (first.changes, first.tried) == (
        (),
        (),
    )  # two networks of 83 layers, and no knob to its end
    assert second.changes is None
    assert "to pass" not in dict(details(first))


def test_what_is_not_known_is_undecided_and_says_why() -> None:
    Path("odd.yaml").write_text(UNMODELLED)
    result = checked(
        "  - {model: lenet5, device: stm32h743, latency: 1 s}\n"
        "  - {model: lenet5, device: h100, latency: 1 s}\n"
    )
    unknown, bound = result.judgements
    assert unknown.why == "no fp32 rate in the profile (it has int8): time is unknown"
    assert bound.why == "no more than a lower bound is known on h100"
    assert (unknown.verdict, bound.verdict) == ("undecided", "undecided")
    assert result.failing == []
    fails = only("  - {model: lenet5, device: h100, latency: 1 s}\n", "undecided")
    assert fails.changes == ()  # it was looked for one, since it fails


def test_sums_that_leave_layers_out_are_lower_bounds() -> None:
    Path("odd.yaml").write_text(UNMODELLED)
    for limit, verdict in (("300", "undecided"), ("200", "over")):
        judgement = only(f"  - {{model: odd.yaml, params: {limit}}}\n")
        assert judgement.number == (216, 216, None)
        assert judgement.verdict == verdict
        assert judgement.why == ("the cost of `mystery` is unknown" if limit == "300" else "")
    assert only("  - {model: odd.yaml, peak_memory: 1 MB}\n").verdict == "within"
    widths = tuple(range(1, 41))  # more settings than are analyzed one by one
    ranged = only(f"  - {{model: odd.yaml, at: {{width: {list(widths)}}}, params: 300}}\n")
    assert ranged.settings is not None
    over = sum(27 * width > 300 for width in widths)
    assert dict(ranged.settings.counts) == {"over": over, "undecided": len(widths) - over}
    assert ranged.number == (27 * 40, 27 * 40, None)


def test_which_verdicts_fail() -> None:
    assert failing_verdicts("over") == {"over"}
    assert failing_verdicts("undecided, warn") == {"over", "undecided", "warn"}
    assert failing_verdicts("never") == frozenset()
    for wrong in ("within", "never,over", "", "undecide"):
        with pytest.raises(UsageError):
            failing_verdicts(wrong)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{model: mobilenet_v1, at: {alpha: -1}, params: 1}", "named at budget.yaml:3:32"),
        ("{model: mobilenet_v1, at: {alpha: wide}, params: 1}", "budget.yaml:3:32"),
        ("{model: mobilenet_v1, part: middel, params: 1}", "budget.yaml:3:33: mobilenet_v1 has no "
         "layer or block `middel`"),
        ("{model: mobilenet_v1, at: {alpha: '0.0001:1:0.0001', rho: '0.001:1:0.001', "
         "batch: '1:9:1'}, params: 1}", "ranges have 90,000,000 settings, of 1,000,000 at most"),
        ("{model: mobilenet_v1, part: middle, at: {alpha: '0.0001:1:0.0001'}, params: 1}",
         "with these, ranges of parts have 10,000 settings, of 1,000 at most"),
    ],
)  # fmt: skip
def test_what_cannot_be_checked_is_shown_at_its_line(entry: str, said: str) -> None:
    with pytest.raises(BudgetError) as caught:
        checked(f"  - {entry}\n")
    assert said in str(caught.value)
    assert "budget.yaml:3:" in str(caught.value)


def test_all_ranges_of_a_run_are_bounded_together() -> None:
    at = "{alpha: '0.001:1:0.001', resolution: '1:600:1'}"
    entry = f"  - {{model: mobilenet_v1, at: {at}, params: 1 M}}\n"
    with pytest.raises(BudgetError, match=r"budget\.yaml:4:.* 1,200,000 settings"):
        checked(entry + entry.replace("params", "mult_adds"))


def test_the_api() -> None:
    check = mnet_cost.check("mobilenet_v1", limits=["params<=4.3M", "mult_adds<=500M"])
    assert repr(check) == "<Check 1 over, 1 within>"
    assert not check.passes
    assert [judgement.metric.name for judgement in check.failing] == ["mult_adds"]
    assert check.to_dict()["counts"] == {"over": 1, "undecided": 0, "warn": 0, "within": 1}
    assert check.to_file("junit").startswith("<?xml")
    assert mnet_cost.check("mobilenet_v1", limits="params<=9M").passes
    with pytest.raises(UsageError, match="there is no file of a check `xml`"):
        check.to_file("xml")  # type: ignore[arg-type]


def test_the_api_refuses_what_it_would_ignore() -> None:
    with pytest.raises(UsageError, match="nothing was checked"):
        mnet_cost.check("mobilenet_v1")
    limits = ["params<=9M"]
    with pytest.raises(UsageError, match="--tolerance is of a baseline, and there is none"):
        mnet_cost.check("lenet5", limits=limits, tolerance="params=3%")
    Path("net.yaml").write_text(SMALL + "budgets: [{params: 9 M}]\n")
    with pytest.raises(UsageError, match="--device is for the limits of --limit"):
        mnet_cost.check("net.yaml", devices=["pixel_1"])
    with pytest.raises(UsageError, match="--precision is for the limits of --limit"):
        mnet_cost.check("net.yaml", precision="int8")
    base = mnet_cost.check("lenet5", limits=limits).to_dict()
    Path("base.json").write_text(json.dumps(base))
    with pytest.raises(UsageError, match="no time is compared"):
        mnet_cost.check("lenet5", baseline="base.json", tolerance="latency=3%")


def test_a_limit_names_its_device() -> None:
    (judgement,) = mnet_cost.check("lenet5", limits=["latency@pixel_1<=2ms"]).result.judgements
    assert judgement.device is not None
    assert judgement.device.name == "pixel_1"
    two = mnet_cost.check(
        "lenet5", limits=["latency<=2ms", "latency@h100 <= 2ms"], devices=["pixel_1"]
    ).result.judgements
    assert [each.device.name for each in two if each.device] == ["pixel_1", "h100"]
    with pytest.raises(MnetCostError, match="there is no device `pixel_99`"):
        mnet_cost.check("lenet5", limits="latency@pixel_99<=2ms")
    with pytest.raises(UsageError, match="limit the same number: state one of them"):
        mnet_cost.check("lenet5", limits=["latency@h100<=2ms", "latency@h100<=3ms"])
    with pytest.raises(UsageError, match="`params` is the same on every device"):
        mnet_cost.check("lenet5", limits="params@h100<=2M")


def test_a_precision_is_of_what_a_baseline_compares_as_well() -> None:
    base = mnet_cost.check("lenet5", limits="params<=9M", precision="int8").to_dict()
    Path("base.json").write_text(json.dumps(base))
    check = mnet_cost.check("lenet5", baseline="base.json", precision="int8")
    assert {each.precision for each in check.result.judgements} == {"int8"}


def test_places_are_seen_from_the_root_of_the_repository(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "nets").mkdir()
    (folder / "nets" / "small.yaml").write_text(SMALL)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder))
    monkeypatch.chdir(folder / "nets")
    check = mnet_cost.check("small.yaml", limits="params<=1k")
    assert check.to_file("github").startswith("::error file=nets/small.yaml,line=8,")
    assert '"uri": "nets/small.yaml"' in check.to_file("sarif")
    monkeypatch.delenv("GITHUB_WORKSPACE")
    assert check.to_file("github").startswith("::error file=small.yaml,line=8,")


def test_nothing_is_said_of_a_number_that_is_not_known() -> None:
    Path("budget.yaml").write_text(
        "format: 1\nbudgets: [{model: lenet5, device: [stm32h743, h100], latency: 1 s}]\n"
    )
    check = mnet_cost.check("budget.yaml")
    assert all(
        each.number.value is not None or not each.entries for each in check.result.judgements
    )
    assert "marked" not in check.report()


def test_what_limits_of_an_entry_have_in_common_is_said_once() -> None:
    Path("budget.yaml").write_text(
        "format: 1\nbudgets:\n  - {model: mobilenet_v1, params: 1 k, mult_adds: 1 k, warn: "
        "{peak_memory: 1 kB}, reason: a small phone}\n"
        "  - {model: mobilenet_v1, at: {alpha: [0.5, 1.0]}, weights: 1 k}\n"
    )
    report = mnet_cost.check("budget.yaml").report()
    assert report.startswith("3 over, 1 warn\n4 limits on 1 network: 3 fail\n")
    assert report.count("no single knob is enough (tried: alpha, resolution)") == 1
    assert report.count("a small phone") == 1
    assert report.count("budget.yaml:3") == 1


def test_rows_of_a_table_have_all_that_a_range_is_judged_by() -> None:
    Path("budget.yaml").write_text(
        "format: 1\nbudgets: [{model: mobilenet_v1, at: {alpha: [0.01, 0.5, 1.0]}, params: 2 M, "
        "warn: {params: 1 M}}]\n"
    )
    assert main(["check", "budget.yaml", "--format", "csv", "-o", "rows.csv"]) == 1
    with Path("rows.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["limit"], row["warn"], row["before"]) == ("2000000.0", "1000000.0", "")
    assert row["worst"] == "alpha=1.0"
    counts = [row[f"settings_{name}"] for name in ("over", "undecided", "warn", "within", "broken")]
    assert counts == ["1", "0", "1", "0", "1"]


@pytest.mark.parametrize("width", range(60, 90))
def test_a_number_and_its_unit_stay_on_one_line(width: int) -> None:
    Path("budget.yaml").write_text(
        "format: 1\nbudgets: [{model: mobilenet_v1, device: pixel_1_tflite, latency: 60 ms, "
        "params: 4 M}]\n"
    )
    report = mnet_cost.check("budget.yaml").report(width=width)
    assert not re.search(r"\d\n +(%|ms|M)\b|\d\n +%", report)
