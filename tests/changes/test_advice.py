"""Changes with the most to gain: each saving is an analysis of the network that was changed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from schemas import checked
from spec_text import spec

import mnet_cost
from mnet_cost.analysis import Analysis, analyze, analyze_network
from mnet_cost.changes.advice import Advice, AdviceResult, find_advice, missing_bytes
from mnet_cost.changes.candidates import candidates_of
from mnet_cost.changes.settings import filling_values, step_down
from mnet_cost.cli import main
from mnet_cost.differences.compare import time_ratio
from mnet_cost.errors import UsageError
from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import Knob
from mnet_cost.network import elaborate
from mnet_cost.report import render
from mnet_cost.report.advice import with_advice
from mnet_cost.report.analysis import analysis_report

NCNN = "raspberry_pi_4_ncnn"


def analysis_of(text: str, device: str = NCNN, **knobs: Any) -> Analysis:
    return analyze_network(elaborate(spec(text), knobs), [mnet_cost.load_device(device)])


def of_kind(result: AdviceResult, kind: str) -> list[Advice]:
    return [advice for advice in result.advice if advice.kind == kind]


def check_edits(analysis: Analysis, advice: Advice) -> None:
    """Its lines, written into the text of the spec, give the network that was analyzed."""
    source = analysis.network.spec.root.source
    lines = list(source.lines())
    for line in advice.lines:
        assert lines[line.number - 1] == line.before
        lines[line.number - 1] = line.after
    edited = parse_spec("\n".join(lines), analysis.network.spec.variant, source.path)
    again = analyze_network(
        elaborate(edited, analysis.network.knobs), [analysis.devices[0].device],
        precision=analysis.precision,
    )  # fmt: skip
    assert again.costs == advice.analysis.costs


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "googlenet"])
def test_each_saving_is_an_analysis_of_the_edited_spec(name: str) -> None:
    analysis = analyze(name, devices=[NCNN])
    result = find_advice(analysis, 30)
    edits = [advice for advice in result.advice if advice.lines]
    assert edits
    for advice in edits:
        check_edits(analysis, advice)
    for advice in result.advice:
        assert (advice.setting is None) == bool(advice.lines)
        assert (advice.analysis.devices[0].latency_s or 0) < (analysis.devices[0].latency_s or 0)


def test_knobs_go_one_published_step_down_with_what_it_costs_in_accuracy() -> None:
    analysis = analyze("mobilenet_v1", devices=["pixel_1"])
    variant, width, resolution = find_advice(analysis).advice
    assert variant.setting == "mobilenet_v1:shallow"
    assert (width.change, width.setting) == ("alpha 0.75 instead of 1", "--alpha 0.75")
    assert width.analysis.totals == analyze("mobilenet_v1@alpha=0.75").totals
    assert resolution.setting == "--resolution 192"
    source = "arXiv:1704.04861, Tables 4 to 7"
    assert width.accuracy == ("top1", "ImageNet", 70.6, 68.4, source)
    assert resolution.accuracy == ("top1", "ImageNet", 70.6, 69.1, source)


def test_knobs_that_are_published_together_change_together() -> None:
    result = find_advice(analyze("shufflenet_v2", devices=[NCNN]))
    joint = result.advice[0]
    assert joint.setting == "--set c2=48 --set c3=96 --set c4=192"
    assert joint.accuracy is not None
    assert (joint.accuracy.before, joint.accuracy.after) == (69.362, 60.552)
    assert of_kind(result, "knob") == [joint, next(a for a in result.advice
                                                   if a.setting == "--resolution 192")]  # fmt: skip


@pytest.mark.parametrize(
    ("knob", "now", "published", "lower"),
    [
        (Knob("alpha", 1.0, published=(0.5, 0.75, 1.0)), 1.0, True, 0.75),
        (Knob("alpha", 1.0, published=(0.5, 0.75, 1.0)), 0.9, False, 0.75),
        (Knob("alpha", 1.0, published=(0.5, 0.75, 1.0)), 0.5, False, 0.45),
        (Knob("alpha", 1.0), 1.0, False, 0.95),
        (Knob("alpha", 1.0), 0.05, False, None),
        (Knob("resolution", 224), 224, False, 192),
        (Knob("resolution", 224), 230, False, 224),
        (Knob("resolution", 224), 32, False, None),
        (Knob("resolution", 224, published=(96, 224)), 224, True, 96),
        (Knob("classes", 1000, published=(10, 1000)), 1000, True, None),
        (Knob("groups", 32, published=(1, 32)), 32, False, None),
        (Knob("groups", 32, published=(1, 32)), 32, True, 1),
        (Knob("momentum", 0.9), 0.9, False, None),
        (Knob("wide", True), True, True, None),
    ],
)
def test_steps_down(knob: Knob, now: Any, published: bool, lower: Any) -> None:
    assert step_down(knob, now, lambda value: published) == lower


def test_int8_is_a_setting_whose_errors_do_not_cancel() -> None:
    analysis = analyze("mobilenet_v2", devices=[NCNN])
    (advice,) = of_kind(find_advice(analysis), "precision")
    assert advice.setting == "--precision int8"
    assert advice.accuracy is None
    same = analyze("mobilenet_v2", devices=[NCNN], precision="int8").costs
    assert advice.analysis.costs == same
    low, high = advice.time.low or 0, advice.time.high or 0
    assert high / low > (analysis.devices[0].high_s or 0) / (analysis.devices[0].low_s or 1)


SMALL = "layers:\n  - {id: a, conv2d: {channels: 16, kernel: 1}}\n"
PRODUCTS = "layers:\n" + "".join(
    f"  - {{id: {name}, conv2d: {{channels: 256, kernel: 1}}}}\n" for name in "ab"
)
"""A network whose time is products, which int8 is about."""


@pytest.mark.parametrize(
    ("device", "precisions"),
    [
        ("pixel_6", ["int8", "fp16"]),
        ("sapphire_rapids", ["int8", "bf16"]),
        ("jetson_nano", ["fp16"]),
        ("pixel_1", ["int8"]),
        ("zen3", []),
    ],
)
def test_every_precision_of_the_device_is_looked_at(device: str, precisions: list[str]) -> None:
    result = find_advice(analysis_of(PRODUCTS, device), 9)
    assert [advice.analysis.precision for advice in of_kind(result, "precision")] == precisions


def test_one_precision_stands_before_everything_else_and_the_others_behind() -> None:
    analysis = analyze("mobilenet_v1", devices=["pixel_6"])
    assert [advice.change for advice in find_advice(analysis, 9).advice] == [
        "int8 instead of fp32",
        "variant shallow",
        "alpha 0.75 instead of 1",
        "resolution 192 instead of 224",
        "fp16 instead of fp32",
    ]
    result = find_advice(analysis, 3)
    assert [advice.change for advice in result.other_precisions] == ["fp16 instead of fp32"]
    report = with_advice(analysis_report(analysis, "block"), result)
    # A data sheet is all that is known of either: twice the peak is half the time.
    assert "fp16 saves time too: 9.75 ms, 0.50x" in report.notes


def test_variants_that_change_the_network_are_references() -> None:
    result = find_advice(analyze("mobilenet_v3_small@resolution=192", devices=[NCNN]), 30)
    assert of_kind(result, "variant") == []  # at 192 pixels nobody prints an accuracy
    result = find_advice(analyze("mobilenet_v3_small", devices=[NCNN]), 30)
    (advice,) = of_kind(result, "variant")
    assert (advice.change, advice.setting) == (
        "variant minimalistic", "mobilenet_v3_small:minimalistic"
    )  # fmt: skip
    assert advice.accuracy is not None
    assert (advice.accuracy.before, advice.accuracy.after) == (67.5, 61.9)
    same = analyze(str(advice.setting), devices=[NCNN])
    assert same.costs == advice.analysis.costs


def test_of_variants_the_one_that_saves_the_most_for_its_accuracy_is_first() -> None:
    result = find_advice(analyze("shufflenet_v2:shufflenet_v2_x2_0", devices=[NCNN]), 30)
    assert result.advice[0].setting == "shufflenet_v2:shufflenet_v2_x1_5"
    # Two names of one network are one change; the others stand behind everything else.
    assert [advice.setting for advice in result.advice[-2:]] == [
        "shufflenet_v2:shufflenet_v2_x0_5", "shufflenet_v2"
    ]  # fmt: skip
    assert len(of_kind(result, "variant")) == 3
    # From there a variant is what knobs give too, and stands once.
    result = find_advice(analyze("shufflenet_v2", devices=[NCNN]), 30)
    assert of_kind(result, "variant") == []


def test_variants_of_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "format: 1\nname: mine\ninput: {image: [3, 32, 32]}\nknobs: {width: 64, depth: 1}\n"
        "layers:\n  - {id: a, conv2d: {channels: width, kernel: 3}}\n"
        "  - {id: b, conv2d: {channels: 10, kernel: 1}}\n"
        "variants:\n  thin: {layers: {a: {conv2d: {channels: 32, kernel: 3}}}}\n"
        "  silent: {layers: {a: {conv2d: {channels: 16, kernel: 3}}}}\n"
        "  other: {layers: {b: {conv2d: {channels: 9, kernel: 1}}}}\n"
        "published:\n  here:\n    - {at: {depth: 2}, top1: 70}\n"
        "    - {variant: thin, at: {depth: 2}, top1: 69}\n"
        "    - {variant: other, at: {depth: 2}, top1: 69}\n"
    )
    result = find_advice(analyze(f"{path}@depth=2", devices=[NCNN]), 30)
    (advice,) = of_kind(result, "variant")  # another output is another task
    assert advice.setting == f"{path}:thin@depth=2"
    assert analyze(advice.setting, devices=[NCNN]).costs == advice.analysis.costs
    assert advice.accuracy is not None
    assert (advice.accuracy.before, advice.accuracy.after) == (70, 69)
    back = find_advice(analyze(f"{path}:silent@depth=2", devices=[NCNN]), 30)
    assert of_kind(back, "variant") == []  # both others take longer


def test_whole_numbers_that_are_widths_go_to_the_next_full_tiles() -> None:
    """The halves of 116 channels are 58, which are no multiple of four."""
    network = analyze("shufflenet_v2").network
    assert list(filling_values(network, "c2", 4)) == [112, 120]
    for name in ("c3", "c5", "classes", "resolution", "authors"):
        assert list(filling_values(network, name, 4)) == []
    (advice,) = of_kind(find_advice(analyze("shufflenet_v2", devices=[NCNN]), 9), "channels")
    assert (advice.change, advice.setting) == ("c2 112 instead of 116", "--set c2=112")
    assert advice.analysis.costs == analyze("shufflenet_v2@c2=112", devices=[NCNN]).costs


KNOBS = """
knobs: {n: 30, half: 30, depth: 3, pixels: 30, heads: 6}
input: {image: [3, pixels, pixels]}
layers:
  - {id: a, conv2d: {channels: n, kernel: 1}}
  - {id: b, conv2d: {channels: half // 2, kernel: 1}}
  - {id: c, conv2d: {channels: 8, kernel: 1}, repeat: depth}
  - {id: d, conv2d: {channels: 6 * heads, kernel: 1, groups: 2}}
  - {id: e, conv2d: {channels: 10, kernel: 1}}
"""


def test_what_is_no_width_is_not_rounded() -> None:
    """`half` is a width of nothing one to one, `heads` of six channels each."""
    network = elaborate(spec(KNOBS))
    values = {name: list(filling_values(network, name, 8)) for name in network.spec.knobs}
    assert values == {"n": [24, 32], "half": [], "depth": [], "pixels": [], "heads": []}
    assert list(filling_values(elaborate(spec(KNOBS), {"n": 3}), "n", 8)) == [8]
    assert list(filling_values(elaborate(spec(KNOBS), {"n": 32}), "n", 8)) == []


BLOCKS = """
knobs: {alpha: {default: 0.75, published: [0.75]}}
let: {width(channels): floor(channels * alpha)}
blocks:
  unit:
    arguments: {channels: required, kernel: 5, act: hard_swish}
    layers:
      - {id: wide, conv2d: {channels: width(channels), kernel: 1}}
      - act
      - {id: deep, depthwise_conv2d: {kernel: kernel, padding: kernel // 2}}
      - {id: back, conv2d: {channels: input.channels, kernel: 1}}
      - add: [input, previous]
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 7, padding: 3}}
  - {id: first, unit: {channels: 40}}
  - {id: second, unit: {channels: 64, kernel: 3, act: "silu"}, repeat: 2}
  - {id: logits, conv2d: {channels: 10, kernel: 1}}
"""


def test_arguments_lead_to_the_calls_that_gave_them() -> None:
    """width(40) is 30, width(37) 27, and width(38) 28, a multiple of four."""
    analysis = analysis_of(BLOCKS)
    result = find_advice(analysis, 20)
    lines = {advice.change: [(line.number, line.after.strip()) for line in advice.lines]
             for advice in result.advice if advice.lines}  # fmt: skip
    assert lines["channels 28 instead of 30 in first.wide"] == [
        (18, "- {id: first, unit: {channels: 38}}")
    ]
    assert lines["relu instead of silu in second.1.act, second.2.act"] == [
        (19, '- {id: second, unit: {channels: 64, kernel: 3, act: "relu"}, repeat: 2}')
    ]
    assert lines["relu instead of hard_swish in first.act"] == [
        (9, "arguments: {channels: required, kernel: 5, act: relu}")
    ]
    assert lines["kernel 3 instead of 5 in first.deep"] == [
        (9, "arguments: {channels: required, kernel: 3, act: hard_swish}")
    ]
    # The padding that was written for the kernel goes with it.
    assert lines["kernel 5 instead of 7 in stem"] == [
        (17, "- {id: stem, conv2d: {channels: 16, kernel: 5, padding: 2}}")
    ]
    for advice in result.advice:
        if advice.lines:
            check_edits(analysis, advice)


def test_channels_fill_a_tile_together_with_those_they_are_tied_to() -> None:
    analysis = analysis_of("""
    layers:
      - {id: a, conv2d: {channels: 30, kernel: 3}}
      - {id: b, conv2d: {channels: 30, kernel: 3}}
      - add: [a, b]
      - {id: c, conv2d: {channels: 16, kernel: 1}}
    """)
    (advice,) = of_kind(find_advice(analysis, 10), "channels")
    assert advice.change == "channels 28 instead of 30 in a"
    assert [line.number for line in advice.lines] == [6, 7]
    check_edits(analysis, advice)


def test_a_change_that_would_change_more_is_not_offered() -> None:
    """Without the padding of `same` a smaller kernel leaves a larger image; one number is both the
    kernel and the channels of another layer; a kernel of a let is no number of a layer."""
    analysis = analysis_of("""
    let: {k: 5}
    blocks:
      both:
        arguments: {n: required}
        layers:
          - conv2d: {channels: n, kernel: n}
    layers:
      - conv2d: {channels: 8, kernel: 5, padding: valid}
      - both: {n: 5}
      - conv2d: {channels: 8, kernel: k}
    """)
    assert of_kind(find_advice(analysis, 20), "kernel") == []


def test_kernels_go_from_seven_to_five_and_from_five_to_three() -> None:
    """None is smaller than its stride, so that each pixel is read."""
    analysis = analysis_of("""
    layers:
      - {id: a, conv2d: {channels: 8, kernel: 11, stride: 4}}
      - {id: b, conv2d: {channels: 8, kernel: [10, 4]}}
      - {id: c, conv2d: {channels: 8, kernel: 4, stride: 4}}
      - {id: d, conv2d: {channels: 8, kernel: 5, stride: 4}}
      - {id: e, conv2d: {channels: 8, kernel: 7, stride: [1, 5]}}
      - {id: f, conv2d: {channels: 8, kernel: [5, 1]}}
    """)
    changes = {candidate.change for candidate in candidates_of(analysis)
               if candidate.kind == "kernel"}  # fmt: skip
    assert changes == {"kernel 5 instead of 7 in e", "kernel 3 instead of 5 in f"}


def test_a_tie_that_costs_more_of_something_is_no_advice() -> None:
    """On ncnn 32 channels take a little less time than 30, and more of everything else."""
    analysis = analysis_of("""
    input: {image: [3, 32, 32]}
    layers:
      - {id: a, conv2d: {channels: 64, kernel: 3}, repeat: 4}
      - {id: b, conv2d: {channels: 30, kernel: 1}}
      - {id: c, conv2d: {channels: 10, kernel: 1}}
    """)
    wider = next(c for c in candidates_of(analysis) if c.change == "channels 32 instead of 30 in b")
    made = wider.make()
    assert made is not None
    ratio = time_ratio(analysis.devices[0], made.devices[0])
    assert ratio.tie is True
    assert (ratio.value or 1) < 1
    assert made.totals.params > analysis.totals.params
    changes = [advice.change for advice in find_advice(analysis, 9).advice]
    assert "channels 28 instead of 30 in b" in changes
    assert wider.change not in changes


def test_what_stands_in_another_file_is_not_edited(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "format: 1\nname: mine\nextends: mobilenet_v3_small\n"
        "layers: {head: {linear: {features: 1001}}}\n"
    )
    result = find_advice(analyze(path, devices=[NCNN]), 30)
    assert result.advice
    for advice in result.advice:
        assert advice.kind in ("knob", "precision", "channels")
        assert all(line.number == 4 for line in advice.lines)


def test_a_network_that_does_not_fit_is_made_to() -> None:
    analysis = analyze("mobilenet_v1", devices=["stm32l4r5_tflm"], precision="int8")
    # Of flash, 2 MiB of 4,256,864 bytes of weights and biases; of SRAM, 640 KiB of 1,204,224.
    missing_at_first = (4_256_864 - 2 * 2**20) + (1_204_224 - 640 * 2**10)
    assert missing_bytes(analysis.devices[0]) == missing_at_first
    result = find_advice(analysis, 5)
    missing = [missing_bytes(advice.analysis.devices[0]) for advice in result.advice]
    assert missing == sorted(missing)
    assert missing[-1] < missing_at_first
    text = render(with_advice(analysis_report(analysis, "block"), result), "text", 120)
    assert "Advice for stm32l4r5_tflm, on which 2.71 MB of memory are missing" in text
    assert re.search(r"x of .* still missing  accuracy", text)


def test_a_percent_goes_with_its_number() -> None:
    result = find_advice(analyze("inception_v3", devices=[NCNN]), 1)
    report = with_advice(analysis_report(result.analysis, "block"), result)
    lines = [render(report, "text", width).splitlines() for width in range(30, 121)]
    headings = [each[each.index("What each saves beside time") + 1] for each in lines]
    assert headings[-1].split()[-2:] == ["energy", "%"]
    for heading in headings:
        assert not re.search(r"%  +%", heading)


def test_an_order_of_layers_saves_memory_and_no_time() -> None:
    """Two branches, each wide and then narrow: one after the other, only one wide tensor lives."""
    analysis = analysis_of("""
    layers:
      - {id: a, conv2d: {channels: 8, kernel: 1}}
      - {id: b, conv2d: {channels: 64, kernel: 1}, from: a}
      - {id: c, conv2d: {channels: 64, kernel: 1}, from: a}
      - {id: d, conv2d: {channels: 4, kernel: 1}, from: b}
      - {id: e, conv2d: {channels: 4, kernel: 1}, from: c}
      - add: [d, e]
    """)
    (advice,) = of_kind(find_advice(analysis, 9), "order")
    assert advice.setting == "--schedule best"
    assert (advice.time.value, advice.time.tie) == (1.0, False)
    assert advice.analysis.memory.peak_bytes < analysis.memory.peak_bytes


def test_ties_come_last_and_say_so() -> None:
    result = find_advice(analyze("mobilenet_v3_small", devices=[NCNN]), 6)
    ties = [bool(advice.time.tie) for advice in result.advice]
    assert ties == sorted(ties)
    assert any(ties)
    report = with_advice(analysis_report(result.analysis, "block"), result)
    assert "tie: it is not certain that the change saves time" in report.notes


def test_what_cannot_be_advised() -> None:
    with pytest.raises(UsageError, match="advice is for a device"):
        mnet_cost.advise("mobilenet_v1")
    with pytest.raises(UsageError, match="no time on stm32l4r5_tflm to save: no fp32 rate"):
        mnet_cost.advise("mobilenet_v1", devices=["stm32l4r5_tflm"])
    with pytest.raises(UsageError, match="advice is for dense networks"):
        mnet_cost.advise("mobilenet_v1", devices=["h100"], sparsity=0.5)


def test_a_network_with_nothing_to_change() -> None:
    result = find_advice(analysis_of("layers:\n  - {id: a, conv2d: {channels: 8, kernel: 1}}\n"))
    assert [advice.kind for advice in result.advice] == ["precision"]
    text = render(with_advice(analysis_report(result.analysis, "block"), result), "text", 100)
    assert "What to write" not in text


def test_large_networks_leave_candidates_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnet_cost.changes.advice._MOST_LAYERS", 1000)
    result = find_advice(analyze("mobilenet_v3_small", devices=[NCNN]))
    assert (result.looked_at, result.left_out) == (6, 17)
    report = with_advice(analysis_report(result.analysis, "block"), result)
    assert "17 changes were not looked at, since the network has 156 layers" in report.more_notes


def test_unknown_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(
        "format: 1\nname: odd\ninput: {image: [3, 32, 32]}\nlayers:\n"
        "  - {conv2d: {channels: 16, kernel: 5}}\n  - {opaque: {operation: sort, shape: [9]}}\n"
    )
    command = ["analyze", str(path), "--device", NCNN, "--advise"]
    assert main(command) == 3
    assert f"no advice for {NCNN}: a layer has no cost rule" in capsys.readouterr().out
    assert main([*command, "--lower-bound"]) == 0
    assert "kernel 3 instead of 5 in conv2d" in capsys.readouterr().out


def test_the_command_writes_json(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyze", "mobilenet_v3_small", "--device", NCNN, "--advise", "5"]
    assert main([*command, "--format", "json"]) == 0
    changes = json.loads(checked(capsys.readouterr().out))["advice"]["changes"]
    assert [change["kind"] for change in changes] == [
        "precision", "variant", "knob", "knob", "activation"
    ]  # fmt: skip
    assert changes[4]["lines"][0]["after"] == "  HS: {layers: [relu]}"
    saved = changes[2]["before"]["mult_adds"] - changes[2]["after"]["mult_adds"]
    assert saved == 56_510_400 - analyze("mobilenet_v3_small@resolution=192").totals.mult_adds


@pytest.mark.parametrize("form", ["text", "csv", "markdown", "html"])
def test_the_command_writes_every_form(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyze", "lenet5", "--device", NCNN, "--advise", "1", "--format", form]
    assert main(command) == 0
    out = capsys.readouterr().out.replace("<wbr>", "")  # where HTML may break a long name
    shown = "channels 4 instead of 6 in c1.conv2d" in out
    assert shown == (form != "csv")


def test_several_batches_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "mobilenet_v1", "--batch", "1,8", "--advise"]) == 2
    assert "`--advise` is for a single batch" in capsys.readouterr().err


def test_in_python() -> None:
    advised = mnet_cost.advise("mobilenet_v1", devices=["pixel_1"], count=1)
    assert repr(advised) == "<Advices mobilenet_v1 on pixel_1: variant shallow>"
    assert len(advised.to_dict()["advice"]["changes"]) == 1
    analysis = mnet_cost.analyze("mobilenet_v1", devices=["pixel_1"])
    assert len(mnet_cost.advise(analysis).advice) == 3
