"""Blocks that use themselves: how deep, what ends them, and what all else makes of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.differences.diff import diff
from mnet_cost.errors import SpecError
from mnet_cost.models.dump import dump_spec
from mnet_cost.models.load import parse_spec, read_spec
from mnet_cost.network import budget, elaborate

HOURGLASS = """\
format: 1
name: hourglass
source: arXiv:1603.06937, section 3.1 and figures 3 and 4
knobs: {features: 256, order: 4}
input: {image: [256, 64, 64]}
blocks:
  residual:
    layers:
      - batch_norm
      - relu
      - conv2d: {channels: features // 2, kernel: 1}
      - batch_norm
      - relu
      - conv2d: {channels: features // 2, kernel: 3}
      - batch_norm
      - relu
      - conv2d: {channels: features, kernel: 1}
      - add: [input, previous]
  hourglass:
    recursion: 4
    arguments: {order: required}
    layers:
      - {id: skip, residual: {}}
      - {max_pool2d: {kernel: 2, stride: 2}, from: input}
      - residual
      - {id: inner, hourglass: {order: order - 1}, when: order > 1}
      - {id: innermost, residual: {}, when: order == 1}
      - residual
      - resize: {scale: 2}
      - add: [skip, previous]
layers:
  - {id: first, hourglass: {order: order}}
variants:
  shallow: {layers: {first: {hourglass: {order: 2}}}}
  column:
    knobs: {order: 6}
    blocks:
      hourglass:
        recursion: 6
        arguments: {order: required}
        layers: [residual, {hourglass: {order: order - 1}, when: order > 1}]
"""

RESIDUAL = 256 * 128 + 9 * 128 * 128 + 128 * 256
"""Weights of a residual module, and its mult-adds at each position."""


def refusal(text: str, **knobs: object) -> str:
    with pytest.raises(SpecError) as caught:
        elaborate(parse_spec(text), knobs)
    return str(caught.value)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_an_hourglass_of_each_order(order: int) -> None:
    totals = analyze(parse_spec(HOURGLASS), {"order": order}).totals
    # At each size a residual on the skip connection, and two around what is inside; with the
    # innermost one there are three at the smallest size.
    positions = 0
    for depth in range(order):
        side = 64 >> depth
        positions += side**2 + 2 * (side // 2) ** 2
    positions += (64 >> order) ** 2
    assert totals.mult_adds == RESIDUAL * positions
    modules = 3 * order + 1
    assert totals.params == modules * (RESIDUAL + 2 * 256 + 4 * 128)


def test_calls_have_paths() -> None:
    network = elaborate(parse_spec(HOURGLASS))
    calls = [path for path, call in network.calls.items() if call.block == "hourglass"]
    assert calls == ["first", "first.inner", "first.inner.inner", "first.inner.inner.inner"]
    innermost = "first.inner.inner.inner.innermost.conv2d_2"
    step = next(step for step in network.steps if step.name == innermost)
    assert network.tensors[step.output].type.shape == (128, 4, 4)


def test_deeper_than_it_says() -> None:
    assert "`hourglass` uses itself more than 4 deep" in refusal(HOURGLASS, order=5)
    deeper = HOURGLASS.replace("recursion: 4", "recursion: 6")
    assert len(elaborate(parse_spec(deeper), {"order": 6}).calls) == 6 + 3 * 6 + 1


def test_where_nothing_can_end_it() -> None:
    message = refusal(HOURGLASS.replace(", when: order > 1", ""))
    assert "the block `hourglass` uses itself without end" in message
    assert "hint: give an entry that goes around a `when`, which ends it" in message


def test_where_a_condition_never_ends_it() -> None:
    endless = HOURGLASS.replace("when: order > 1", "when: order < 9")
    message = refusal(endless)
    assert "`hourglass` uses itself more than 4 deep" in message
    assert "end it with `when` in this entry, or raise `recursion: 4` of the block" in message
    message = refusal(endless.replace("    recursion: 4\n", ""))
    assert "blocks are nested more than 32 deep" in message
    assert "hint: end a block that uses itself with `when`" in message


def test_without_a_bound_of_its_own() -> None:
    spec = parse_spec(HOURGLASS.replace("    recursion: 4\n", ""))
    assert analyze(spec).totals == analyze(parse_spec(HOURGLASS)).totals
    assert len(elaborate(spec, {"order": 6}).calls) == 6 + 3 * 6 + 1


def test_variants_and_specs_that_extend(tmp_path: Path) -> None:
    shallow = analyze(parse_spec(HOURGLASS, "shallow")).totals
    assert shallow == analyze(parse_spec(HOURGLASS), {"order": 2}).totals
    column = analyze(parse_spec(HOURGLASS, "column")).totals
    assert column.mult_adds == 6 * RESIDUAL * 64**2
    (tmp_path / "parent.yaml").write_text(HOURGLASS)
    child = tmp_path / "child.yaml"
    start = "format: 1\nname: child\nextends: parent.yaml\n"
    child.write_text(start + "layers: {first: {hourglass: {order: 2}}}\n")
    assert analyze(read_spec(str(child))).totals == shallow
    child.write_text(start + "layers: {first: {hourglass: {order: 5}}}\n")
    with pytest.raises(SpecError) as caught:
        elaborate(read_spec(str(child)))
    message = str(caught.value)
    assert "parent.yaml:26:21: `hourglass` uses itself more than 4 deep" in message
    assert "in hourglass (first), line 4" in message


def test_what_is_dumped_is_the_same_network() -> None:
    spec = parse_spec(HOURGLASS)
    text = dump_spec(spec)
    assert "    recursion: 4\n" in text
    assert parse_spec(text) == spec
    assert analyze(parse_spec(text)).totals == analyze(spec).totals


def test_blocks_that_use_each_other() -> None:
    text = """\
format: 1
name: mutual
input: {image: [8, 32, 32]}
blocks:
  odd:
    arguments: {n: required}
    layers: [{conv2d: {channels: 8, kernel: 3}}, {even: {n: n - 1}, when: n > 1}]
  even:
    recursion: 2
    arguments: {n: required}
    layers: [{conv2d: {channels: 8, kernel: 1}}, {odd: {n: n - 1}, when: n > 1}]
layers:
  - {id: both, odd: {n: 5}}
"""
    totals = analyze(parse_spec(text)).totals
    assert totals.params == 3 * (9 * 8 * 8) + 2 * (8 * 8)  # odd at 5, 3, 1; even at 4, 2
    assert "`even` uses itself more than 2 deep" in refusal(text.replace("n: 5", "n: 6"))
    endless = refusal(text.replace(", when: n > 1", ""))
    assert "blocks use each other in a circle without end: `odd`, which is used by" in endless


def test_use_shares_all_levels() -> None:
    twice = HOURGLASS.replace(
        "order: order}}\nvariants", "order: order}}\n  - {id: again, use: first}\nvariants"
    )
    once, both = analyze(parse_spec(HOURGLASS)).totals, analyze(parse_spec(twice)).totals
    assert both.params == once.params
    assert both.mult_adds == 2 * once.mult_adds


def test_use_within_a_recursion() -> None:
    """Copies of the block inside itself: one calls itself, the other has its weights once more."""
    text = """\
format: 1
name: shared
input: {image: [8, 32, 32]}
blocks:
  tree:
    recursion: 3
    arguments: {n: required}
    layers:
      - {id: own, conv2d: {channels: 8, kernel: 3}}
      - {id: left, tree: {n: n - 1}, when: n > 1}
      - {id: right, use: left, when: n > 1}
layers: [{tree: {n: 3}}]
"""
    totals = analyze(parse_spec(text)).totals
    assert totals.params == 3 * 576
    assert totals.mult_adds == (1 + 2 + 4) * 576 * 1024


def test_a_recursion_that_doubles_is_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """\
format: 1
name: doubling
input: {image: [8, 32, 32]}
blocks:
  fork: {recursion: 31, layers: [relu, {fork: {}, repeat: 2}]}
layers: [fork]
"""
    assert "`fork` uses itself more than 31 deep" in refusal(text)
    monkeypatch.setattr(budget, "BUDGET", 300_000)
    doubling = text.replace("layers: [relu, {fork", "arguments: {n: 30}, layers: [relu, {fork")
    doubling = doubling.replace("{fork: {}, repeat", "{fork: {n: n - 1}, when: n > 0, repeat")
    start = time.process_time()
    assert "working out this network takes too long" in refusal(doubling)
    assert time.process_time() - start < 5


def test_a_change_inside_is_one_cause() -> None:
    spec = parse_spec(HOURGLASS)
    wider = parse_spec(HOURGLASS.replace("features // 2, kernel: 3", "features // 2, kernel: 5"))
    difference = diff(analyze(spec), analyze(wider))
    (cause,) = [cause for cause in difference.causes if cause.changes["mult_adds"]]
    assert len(cause.layers) == 13
    change = analyze(wider).totals.mult_adds - analyze(spec).totals.mult_adds
    assert cause.changes["mult_adds"] == change
