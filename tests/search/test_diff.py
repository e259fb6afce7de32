"""Causes of differences: they add up, and are those that a reader of both specs would name."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from related_specs import related_specs

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.devices import load_device
from mnet_cost.errors import MnetCostError, UsageError
from mnet_cost.metrics import TOTALS
from mnet_cost.models.dump import dump_data
from mnet_cost.models.library import load_model, model_names
from mnet_cost.models.load import parse_spec
from mnet_cost.search.booking import TOLERANCE
from mnet_cost.search.diff import Diff, diff
from mnet_cost.search.snapshots import ADDITIVE

DEVICES = [load_device(name) for name in ("pixel_1_tflite", "h100")]


def assert_adds_up(found: Diff) -> None:
    """All causes together are the difference of each total and time, and so are all layers."""
    for total in TOTALS:
        booked = sum(cause.changes[total.name] for cause in found.causes)
        assert booked == found.total(total.name), total.name
    for metric in ADDITIVE:
        assert sum(layer.change(metric.name) for layer in found.layers) == found.total(metric.name)
    for device, first, other in zip(
        found.devices, found.first.devices, found.other.devices, strict=True
    ):
        change = found.latency_s(device)
        assert change is not None
        booked_s = sum(cause.latency_s[device] for cause in found.causes)
        longest = max(first.latency_s or 0, other.latency_s or 0)
        assert abs(booked_s - change) <= TOLERANCE * longest


def test_causes_of_random_related_specs_add_up() -> None:
    pairs, status, unexplained = 0, Counter[str](), 0
    seed = 0
    while pairs < 200:
        seed += 1
        first, other, knobs, other_knobs = related_specs(seed)
        try:
            analyses = [
                analyze(parse_spec(dump_data(data)), values, DEVICES[seed % 2 :][:1])
                for data, values in ((first, knobs), (other, other_knobs))
            ]
        except MnetCostError:
            continue  # sizes that do not fit
        found = diff(*analyses)
        assert_adds_up(found)
        assert_one_layer_each(found)
        status.update(layer.status for layer in found.layers)
        unexplained += sum(
            bool(cause.changes["mult_adds"])
            for cause in found.causes
            if any(reason.what == "rest" for reason in cause.reasons)
        )
        pairs += 1
    assert min(status[each] for each in ("same", "changed", "follows", "added", "removed")) > 100
    assert status["renamed"] > 20
    assert not unexplained


def assert_one_layer_each(found: Diff) -> None:
    """Each layer of both networks is in the diff once, and pairs are of one kind."""
    for layers, side in (
        (found.first.layers, [change.first for change in found.layers]),
        (found.other.layers, [change.other for change in found.layers]),
    ):
        there = [layer.name for layer in side if layer is not None]
        assert sorted(there) == sorted(layer.name for layer in layers)
    for change in found.layers:
        if change.first and change.other:
            assert change.first.kind == change.other.kind
        if change.status in ("same", "renamed"):
            assert change.first
            assert change.other
            assert change.first.costs == change.other.costs


def test_causes_of_all_variants_of_the_library_add_up() -> None:
    variants = 0
    for name in model_names():
        base = None
        for variant in load_model(name).spec.variants:
            devices = DEVICES[:1] if name in ("mobilenet_v1", "mnasnet", "resnet") else ()
            base = base or analyze(name, devices=devices)
            found = diff(base, analyze(f"{name}:{variant}", devices=devices))
            assert_adds_up(found)
            variants += 1
    assert variants > 80


SPEC = """\
format: 1
name: net
knobs: {alpha: 1, size: 16}
let: {"width(c)": c * alpha}
input: {image: [3, size, size]}
blocks:
  body:
    arguments: {c: required, k: 3}
    layers:
      - conv2d: {channels: width(c), kernel: k}
      - relu
layers:
  - {id: stem, conv2d: {channels: 8, kernel: 3}}
  - body: {c: 16}
  - {id: middle, body: {c: 16}, repeat: 3}
  - {id: pool, global_avg_pool: {}}
  - {id: logits, linear: {features: 10}}
"""


def analysis_of(text: str, devices: Any = (), **knobs: Any) -> Analysis:
    return analyze(parse_spec(text, path="net.yaml"), knobs, devices)


def causes(old: str, new: str, **knobs: Any) -> list[tuple[str, str, str, int]]:
    """(text, line in the first spec, line in the other, mult-adds) of the causes of a change."""
    found = diff(analysis_of(SPEC), analysis_of(SPEC.replace(old, new), **knobs))
    assert SPEC.replace(old, new) != SPEC or knobs
    assert_adds_up(found)
    return [
        (cause.text, cause.reasons[0].first, cause.reasons[0].other, cause.changes["mult_adds"])
        for cause in found.causes
    ]


STEM = 16 * 16 * 3 * 8 * 9
INNER = 16 * 16 * 9  # mult-adds of a convolution for each pair of channels


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # The next layer only follows: one cause.
        ("channels: 8,", "channels: 4,",
         [("`conv2d` `channels` 8 -> 4", "net.yaml:13", "net.yaml:13",
           -STEM // 2 - INNER * 4 * 16)]),
        # An argument of a call is the cause of what it is used for, and all three copies follow.
        ("- body: {c: 16}", "- body: {c: 24}",
         [("`body` `c` 16 -> 24", "net.yaml:14", "net.yaml:14", INNER * (8 * 8 + 8 * 16))]),
        # An argument that a layer does not use is no cause of it.
        ("- body: {c: 16}", "- body: {c: 16, k: 1}",
         [("`body` `k` none -> 1", "net.yaml:14", "net.yaml:14", -16 * 16 * 8 * 8 * 16)]),
        # A default of a block concerns all calls.
        ("k: 3}", "k: 1}",
         [("`k` of block `body`: 3 -> 1", "net.yaml:8", "net.yaml:8",
           -16 * 16 * 8 * (8 * 16 + 3 * 16 * 16))]),
        # An entry of a block is one cause, however often the block is called.
        ("      - relu\n", "      - relu6\n",
         [("`relu` -> `relu6`", "net.yaml:11", "net.yaml:11", 0)]),
        ("      - relu\n", "      - batch_norm\n      - relu\n",
         [("`batch_norm` added", "", "net.yaml:11", 0)]),
        ("repeat: 3", "repeat: 2",
         [("`body` `repeat` 3 -> 2", "net.yaml:15", "net.yaml:15", -INNER * 16 * 16)]),
        # `let` is the cause of what is written with it, and not the entries.
        ("c * alpha", "c * alpha / 2",
         [("`let` width: (c) c * alpha -> (c) c * alpha / 2", "net.yaml:4", "net.yaml:4",
           -INNER * (8 * 8 + 3 * 16 * 16 - 3 * 8 * 8) - 80)]),
        ("[3, size, size]", "[1, size, size]",
         [("input `image` 3x16x16 -> 1x16x16", "net.yaml:5", "net.yaml:5", -STEM * 2 // 3)]),
        # A default of a knob is a value of the knob.
        ("size: 16}", "size: 8}",
         [("size 16 -> 8", "", "",
           -(STEM + INNER * (8 * 16 + 3 * 16 * 16)) * 3 // 4)]),
        # Names, and blocks around layers, change nothing.
        ("id: middle", "id: centre", []),
        ("  - {id: pool, global_avg_pool: {}}", "  - {id: wrap, layers: [global_avg_pool: {}]}",
         []),
    ],
)  # fmt: skip
def test_the_cause_is_what_was_changed(
    old: str, new: str, expected: list[tuple[str, str, str, int]]
) -> None:
    assert causes(old, new) == expected


def test_an_entry_that_asks_for_its_input_is_there_because_of_it() -> None:
    """Whether the entry makes a layer nowhere else, or elsewhere in the network too."""
    text = SPEC.replace("      - relu\n", "      - {relu: {}, when: input.channels > 10}\n")
    wide = text.replace("channels: 8,", "channels: 12,")
    few = text.replace("{c: 16}", "{c: 4}")
    for first, other in ((text, wide), (few, few.replace("channels: 8,", "channels: 12,"))):
        for old, new, change in ((first, other, "8 -> 12"), (other, first, "12 -> 8")):
            found = diff(analysis_of(old), analysis_of(new))
            assert_adds_up(found)
            assert [cause.text for cause in found.causes] == [f"`conv2d` `channels` {change}"]
            (lonely,) = [each for each in found.layers if each.status in ("added", "removed")]
            assert (lonely.name, lonely.kind) == ("body.relu", "relu")


def test_two_changes_of_one_layer_are_booked_together_only_where_they_meet() -> None:
    new = SPEC.replace("channels: 8,", "channels: 4,").replace("- body: {c: 16}", "- body: {c: 24}")
    found = diff(analysis_of(SPEC), analysis_of(new))
    assert_adds_up(found)
    assert [(cause.text, cause.changes["mult_adds"]) for cause in found.causes] == [
        ("`conv2d` `channels` 8 -> 4", -STEM // 2),
        ("`body` `c` 16 -> 24", INNER * 8 * 16),  # the copies follow from the call alone
        (
            "`conv2d` `channels` 8 -> 4 (line 13) with `body` `c` 16 -> 24 (line 14)",
            INNER * (4 * 24 - 8 * 16),
        ),
    ]
    together = found.causes[2]
    assert together.layers == ("body.conv2d",)


def test_knobs_are_set_one_after_another() -> None:
    first, other = analysis_of(SPEC), analysis_of(SPEC, alpha=2, size=8)
    found = diff(first, other)
    assert_adds_up(found)
    wide = analysis_of(SPEC, alpha=2)
    assert [(cause.text, cause.changes["mult_adds"]) for cause in found.causes] == [
        ("alpha 1 -> 2", wide.totals.mult_adds - first.totals.mult_adds),
        ("size 16 -> 8", other.totals.mult_adds - wide.totals.mult_adds),
    ]


def test_knobs_that_only_go_together_are_one_cause() -> None:
    text = SPEC.replace("alpha: 1,", "alpha: 1, half: 0.5,").replace(
        "c * alpha", "c * alpha * half * 2"
    )
    found = diff(analysis_of(text), analysis_of(text, alpha=0.1, half=5))
    assert [cause.text for cause in found.causes] == ["alpha 1 -> 0.1 with half 0.5 -> 5"]
    assert_adds_up(found)


def test_knobs_come_before_the_spec() -> None:
    new = SPEC.replace("- body: {c: 16}", "- body: {c: 24}")
    found = diff(analysis_of(SPEC), analysis_of(new, size=8))
    assert [(cause.text, cause.changes["mult_adds"]) for cause in found.causes] == [
        ("size 16 -> 8", -(STEM + INNER * (8 * 16 + 3 * 16 * 16)) * 3 // 4),
        ("`body` `c` 16 -> 24", INNER * (8 * 8 + 8 * 16) // 4),
    ]


def test_a_change_of_fusion_is_booked_to_what_changed_it() -> None:
    new = SPEC.replace("      - relu\n", "      - sigmoid\n")
    found = diff(analysis_of(SPEC, DEVICES), analysis_of(new, DEVICES))
    assert [cause.text for cause in found.causes] == ["`relu` -> `sigmoid`"]
    assert_adds_up(found)


@pytest.mark.parametrize(
    ("first", "other", "expected"),
    [
        # Weights that are shared no more are stored twice.
        ("- {id: a, conv2d: {channels: 3, kernel: 1}}\n- use: a",
         "- {id: a, conv2d: {channels: 3, kernel: 1}}\n- conv2d: {channels: 3, kernel: 1}",
         [("`use` -> `conv2d`", 0, 9, 0)]),
        # Another layer of the same type is read; its tensor is alive for longer then.
        ("- {id: a, relu: {}}\n- {id: b, conv2d: {channels: 3, kernel: 1}}\n- add: [b, b]",
         "- {id: a, relu: {}}\n- {id: b, conv2d: {channels: 3, kernel: 1}}\n- add: [a, b]",
         [("`add` [b, b] -> [a, b]", 0, 0, 0)]),
        # The order of two branches: nothing is added or removed.
        ("- {id: a, relu: {}}\n- {id: b, sigmoid: {}, from: a}\n- {id: c, tanh: {}, from: a}\n"
         "- add: [b, c]",
         "- {id: a, relu: {}}\n- {id: c, tanh: {}, from: a}\n- {id: b, sigmoid: {}, from: a}\n"
         "- add: [b, c]", []),
        # Another number of axes.
        ("- flatten\n- linear: {features: 2}", "- global_avg_pool\n- linear: {features: 2}",
         [("`flatten` -> `global_avg_pool`", -2 * 3 * 63, -2 * 3 * 63, 4)]),
    ],
)  # fmt: skip
def test_graphs_of_other_shapes(
    first: str, other: str, expected: list[tuple[str, int, int, int]]
) -> None:
    head = "format: 1\nname: net\ninput: {image: [3, 8, 8]}\nlayers:\n"
    found = diff(analysis_of(head + first), analysis_of(head + other))
    assert_adds_up(found)
    assert_one_layer_each(found)
    assert [
        (cause.text, *(cause.changes[name] for name in ("mult_adds", "params", "peak_memory")))
        for cause in found.causes
    ] == expected


def test_many_changes_together_have_one_name() -> None:
    def text(channels: int) -> str:
        branches = [f"- {{id: b{i}, conv2d: {{channels: {channels}, kernel: 1}}, from: image}}"
                    for i in range(14)]  # fmt: skip
        read = ", ".join(f"b{i}" for i in range(14))
        end = [f"- concat: [{read}]", "- conv2d: {channels: 2, kernel: 1}"]
        head = "format: 1\nname: net\ninput: {image: [3, 4, 4]}\nlayers:"
        return "\n".join([head, *branches, *end]) + "\n"

    found = diff(analysis_of(text(1)), analysis_of(text(2)))
    assert_adds_up(found)
    assert [cause.changes["mult_adds"] for cause in found.causes] == [48] * 14 + [14 * 2 * 16]
    assert found.causes[-1].text == "many changes together"


def test_the_last_of_many_knobs_are_set_together() -> None:
    def text(channels: int) -> str:
        knobs = ", ".join(f"k{i}: {channels}" for i in range(20))
        layers = "".join(f"- conv2d: {{channels: k{i}, kernel: 1}}\n" for i in range(20))
        return (
            f"format: 1\nname: net\nknobs: {{{knobs}}}\ninput: {{image: [3, 4, 4]}}\n"
            f"layers:\n{layers}"
        )

    found = diff(analysis_of(text(1)), analysis_of(text(2)))
    assert_adds_up(found)
    assert [len(cause.reasons) for cause in found.causes] == [1] * 16 + [4]


def test_unlike_analyses_are_refused() -> None:
    first = analyze("lenet5")
    with pytest.raises(UsageError) as caught:
        diff(first, analyze("lenet5", precision="int8"))
    assert str(caught.value) == (
        "lenet5 was analyzed with the precision fp32, lenet5 with int8\n"
        "hint: analyze both with one precision"
    )
    with pytest.raises(UsageError, match="with the convention paper"):
        diff(first, analyze("lenet5", convention="thop"))
