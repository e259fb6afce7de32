"""One edited line of a spec of the library is one cause, which names that line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.differences.diff import Cause, diff
from mnet_cost.models.load import parse_spec

SPECS = Path(__file__).parents[2] / "specs"
Edit = Callable[[list[str]], object]


def removed(line: int) -> Edit:
    return lambda lines: lines.pop(line - 1)


def doubled(line: int) -> Edit:
    return lambda lines: lines.insert(line, lines[line - 1])


def swapped(line: int) -> Edit:
    return lambda lines: lines.insert(line, lines.pop(line - 1))


def replaced(line: int, old: str, new: str) -> Edit:
    def edit(lines: list[str]) -> None:
        assert old in lines[line - 1]
        lines[line - 1] = lines[line - 1].replace(old, new)

    return edit


def causes(text: str, edit: Edit) -> tuple[Cause, ...]:
    lines = text.splitlines()
    edit(lines)
    specs = parse_spec(text, path="a.yaml"), parse_spec("\n".join(lines), path="b.yaml")
    found = diff(*map(analyze, specs))
    for metric, change in found.causes[0].changes.items() if found.causes else ():
        assert change + sum(cause.changes[metric] for cause in found.causes[1:]) == found.total(
            metric
        )
    return found.causes


def lines_of(found: tuple[Cause, ...]) -> list[tuple[str, str, str]]:
    """(text, place in the first spec, place in the other) of each cause."""
    return [(each.text, each.reasons[0].first, each.reasons[0].other) for each in found]


@pytest.mark.parametrize(
    ("name", "edit", "expected"),
    [
        ("mobilenet_v1", removed(39), ("`separable` removed", "a.yaml:39", "")),
        ("mobilenet_v2", doubled(43), ("`bottlenecks` added", "", "b.yaml:44")),
        ("mobilenet_v2", removed(46), ("`bottlenecks` removed", "a.yaml:46", "")),
        ("efficientnet", removed(67), ("`stage` removed", "a.yaml:67", "")),
        # What is there by `when: input.channels == ...` follows what changed the input.
        ("mobilenet_v3_small", removed(55), ("`bneck` removed", "a.yaml:55", "")),
        ("resnet", swapped(83), ("`conv4` moved", "a.yaml:83", "b.yaml:84")),
        ("googlenet", swapped(55), ("`inception_4a` moved", "a.yaml:55", "b.yaml:56")),
        # The contents of a block are one entry, however often and by whatever it is called.
        ("mobilenet_v3_small", replaced(21, "hard_swish", "relu"),
         ("`hard_swish` -> `relu`", "a.yaml:21", "b.yaml:21")),
    ],
)  # fmt: skip
def test_one_edited_line_is_one_cause(
    name: str, edit: Edit, expected: tuple[str, str, str]
) -> None:
    text = (SPECS / f"{name}.yaml").read_text()
    assert lines_of(causes(text, edit)) == [expected]


def test_a_block_that_stands_for_another_is_the_cause_of_what_it_held() -> None:
    name = "mobilenet_v3_small"
    found = diff(analyze(name), analyze(f"{name}:minimalistic"))
    assert [(cause.text, cause.changes["mult_adds"]) for cause in found.causes][1:] == [
        ("block `HS` -> `RE`", 0),
        ("block `SE` -> `identity`", -458752),
    ]


SPEC = """\
format: 1
name: net
knobs: {alpha: 1, size: 16, deep: true}
let: {"w(c)": round(c * alpha)}
input: {image: [3, size, size]}
blocks:
  body:
    arguments: {c: required, k: 3}
    layers:
      - depthwise_conv2d: {kernel: k}
      - relu
      - conv2d: {channels: w(c), kernel: 1}
      - relu
layers:
  - {id: stem, conv2d: {channels: 8, kernel: 3}}
  - {sigmoid: {}, when: deep}
  - {body: {c: 16}, when: deep}
  - body: {c: 16}
  - {id: middle, body: {c: 16}, repeat: 4}
  - body: {c: 32}
  - {id: pool, global_avg_pool: {}}
"""
FOUR = "  - {id: middle, body: {c: 16}, repeat: 4}\n"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # What decides whether an entry makes a layer, even where it makes none then.
        ([("16}, when: deep", "16}, when: not deep")],
         [("`body` `when` deep -> not deep", "a.yaml:17", "b.yaml:17")]),
        ([("{}, when: deep", "{}, when: not deep")],
         [("`sigmoid` `when` deep -> not deep", "a.yaml:16", "b.yaml:16")]),
        ([("repeat: 4", "repeat: 0")], [("`body` `repeat` 4 -> 0", "a.yaml:19", "b.yaml:19")]),
        # It is told apart from what else the entry says.
        ([("body: {c: 16}, repeat: 4", "body: {c: 16, k: 5}, repeat: 3")],
         [("`body` `k` none -> 5", "a.yaml:19", "b.yaml:19"),
          ("`body` `repeat` 4 -> 3", "a.yaml:19", "b.yaml:19")]),
        # A call is a unit: what stands in its place is no layer in it.
        ([("- body: {c: 32}", "- conv2d: {channels: 32, kernel: 1}")],
         [("`body` -> `conv2d`", "a.yaml:20", "b.yaml:20")]),
        # A name is no difference, and does not hide one.
        ([("  body:\n", "  unit:\n"), ("body: {", "unit: {")], []),
        ([("  body:\n", "  unit:\n"), ("body: {", "unit: {"), ("kernel: k", "kernel: 2 * k - 1")],
         [("`depthwise_conv2d` `kernel` k -> 2 * k - 1", "a.yaml:10", "b.yaml:10")]),
        # A definition is a reason of what it changes, and of nothing else.
        ([("round(c", "floor(c"), ("body: {c: 32}", "body: {c: 33}")],
         [("`body` `c` 32 -> 33", "a.yaml:20", "b.yaml:20")]),
        ([("round(c * alpha)", "c + 8 * (c // 32)"), ("body: {c: 16}, when: deep",
         "body: {c: 18}, when: deep")],
         [("`body` `c` 16 -> 18", "a.yaml:17", "b.yaml:17"),
          ("`let` w: (c) round(c * alpha) -> (c) c + 8 * (c // 32)", "a.yaml:4", "b.yaml:4")]),
        # Copies may be written one by one.
        ([(FOUR, "  - body: {c: 16}\n" * 4)], []),
        ([(FOUR, "  - body: {c: 16}\n" * 2 + "  - body: {c: 16, k: 5}\n  - body: {c: 16}\n")],
         [("`body` `k` none -> 5", "a.yaml:19", "b.yaml:21")]),
        # Layers that were in a block, too.
        ([("  - body: {c: 32}\n", "  - depthwise_conv2d: {kernel: 3}\n  - relu\n"
           "  - conv2d: {channels: 31, kernel: 1}\n  - relu\n")],
         [("`conv2d` `channels` w(c) -> 31", "a.yaml:12", "b.yaml:22")]),
    ],
)  # fmt: skip
def test_edits_of_calls(
    changes: list[tuple[str, str]], expected: list[tuple[str, str, str]]
) -> None:
    text = SPEC
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)

    def edit(lines: list[str]) -> None:
        lines[:] = text.splitlines()

    assert lines_of(causes(SPEC, edit)) == expected


def test_layers_at_both_peaks_have_the_names_that_they_have_now() -> None:
    """`body_3.conv2d` of the first network is `body_4.conv2d` of the other."""

    def edit(lines: list[str]) -> None:
        lines[16:17] = ["  - {body: {c: 64}, when: deep}", "  - body: {c: 16}"]

    assert [(each.text, each.changes["peak_memory"]) for each in causes(SPEC, edit)] == [
        ("`body` `c` 16 -> 64", 65536),
        ("`body` added", 65536),
        ("the peak is at `body_2.depthwise_conv2d`, not at `body_4.conv2d`", -49152),
    ]
