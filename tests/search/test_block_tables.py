"""Tables of blocks give what single analyses give, or say that they cannot."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mnet_cost import load_device
from mnet_cost.analysis.costs import network_costs
from mnet_cost.errors import SpecError
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate
from mnet_cost.search.blocks import cost_columns, cost_values
from mnet_cost.search.space_costs import SpaceCosts
from mnet_cost.search.spaces import describe_space

DEVICES = ("pixel_1_tflite", "raspberry_pi_4_ncnn")

HEAD = """
format: 1
name: space
knobs:
  resolution: 32
  depth: {default: 3, choices: [1, 2, 3]}
  on: {default: true, choices: [true, false]}
input: {image: [3, resolution, resolution]}
blocks:
  block:
    arguments: {kernel: {choose: [3, 5]}, t: {choose: [1, 2, 3]}, out: 16, s: 1, nl: relu}
    layers:
      - {id: expand, conv2d: {channels: t * input.channels, kernel: 1}}
      - batch_norm
      - nl
      - {id: depthwise, depthwise_conv2d: {kernel: kernel, stride: s}}
      - nl
      - {id: project, conv2d: {channels: out, kernel: 1}}
      - {add: [input, previous], when: s == 1 and input.channels == out}
"""

SPACES = {
    "depth by when": """
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3, stride: 2}}
  - relu
  - {id: a, block: {s: 2}}
  - {id: b, block: {}, when: depth >= 2}
  - {id: c, block: {}, when: depth >= 3}
  - {id: d, block: {out: 24}}
  - global_avg_pool
  - linear: {features: 10}
""",
    "two choices": """
layers:
  - {id: stem, conv2d: {channels: {choose: [8, 16]}, kernel: 3}}
  - relu
  - {id: deep, conv2d: {channels: 24, kernel: {choose: [1, 3, 5]}}}
  - relu
""",
    "widths that go on": """
layers:
  - {id: stem, conv2d: {channels: {choose: [8, 12, 16]}, kernel: 3, stride: 2}}
  - relu
  - {id: a, block: {out: {choose: [16, 24, 40]}, s: 2}}
  - {id: b, block: {out: input.channels}}
  - {id: c, block: {out: {choose: [24, 48]}}}
  - {id: d, block: {out: 48, s: 2}}
  - global_avg_pool
  - linear: {features: 10}
""",
    "copies": """
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3, stride: 2}}
  - {id: body, block: {}, repeat: {choose: [1, 2, 3]}}
  - {id: end, conv2d: {channels: 8, kernel: {choose: [1, 3]}}}
  - relu
""",
    "words": """
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3, stride: 2}}
  - {id: a, block: {nl: {choose: [relu, hard_swish, silu]}}}
  - {id: b, block: {nl: {choose: [relu, identity]}, s: 2}}
  - {id: c, layers: [{conv2d: {channels: 16, kernel: 1}}, relu], when: on}
  - {id: d, block: {}}
""",
    "layers that fuse into either": """
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3, stride: 2}}
  - {id: pool, max_pool2d: {kernel: 2}, when: on}
  - {id: act, relu6: {}, when: depth >= 2}
  - {id: a, block: {}}
  - {id: scale, batch_norm: {}, when: depth >= 3}
  - {id: b, block: {}}
""",
}

LINKED = """
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3, stride: 2}}
  - {id: a, block: {}}
  - {id: b, block: {}, when: on}
  - {id: c, block: {}}
  - {add: [b, previous], when: depth >= 2}
  - {id: d, block: {out: a.channels}}
"""
"""Its last blocks name tensors of the first ones, so that all have to be seen together."""

U_NET = """
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3, padding: same}}
  - {id: down1, block: {}}
  - {id: pool1, max_pool2d: {kernel: 2, stride: 2}}
  - {id: down2, block: {out: 24}}
  - {id: pool2, max_pool2d: {kernel: 2, stride: 2}}
  - {id: middle, block: {out: 24}}
  - {id: up2, resize: {scale: 2}}
  - concat: [down2, up2]
  - {id: right2, block: {out: 16}}
  - {id: up1, resize: {scale: 2}}
  - concat: [down1, up1]
  - {id: right1, block: {out: 8}}
"""


def compare(text: str, tmp_path: Path, count: int = 200, **knobs: list[object]) -> SpaceCosts:
    """Hold `count` samples of a space against single analyses of their references."""
    path = tmp_path / "space.yaml"
    path.write_text(text)
    return compare_space(str(path), count, **knobs)


def compare_space(reference: str, count: int = 200, **knobs: list[object]) -> SpaceCosts:
    """The same for a space by its reference."""
    model = load_model(reference)
    space = describe_space(model, knobs, reference)
    scorer = SpaceCosts(space, [load_device(name) for name in DEVICES])
    samples = scorer.space.draw(count, seed=1)
    costs = scorer.costs(samples)
    assert set(costs) == set(cost_columns(scorer.metrics, scorer.devices))
    for number in range(count):
        setting = scorer.space.reached(samples[:, number])
        network = elaborate(model.spec, {**space.model.knobs, **setting})
        single = cost_values(scorer.metrics, network_costs(network, scorer.devices))
        for key, ours in zip(scorer.keys, single, strict=True):
            if key in scorer.left_out:
                assert np.isnan(costs[key][number]), key
            elif "@" in key and ours is not None:
                assert costs[key][number] == pytest.approx(ours, rel=1e-12), key
            elif ours is None:
                assert np.isnan(costs[key][number]), key
            else:
                assert costs[key][number] == ours, key
    return scorer


@pytest.mark.parametrize("name", SPACES)
def test_tables_are_exact(name: str, tmp_path: Path) -> None:
    scorer = compare(HEAD + SPACES[name], tmp_path)
    assert scorer.why_whole == ""
    assert scorer.whole == 0


def test_what_cannot_be_told_apart_is_analyzed_whole(tmp_path: Path) -> None:
    scorer = compare(HEAD + LINKED, tmp_path, 20)
    assert "what cannot be told apart from it have 7,776 combinations" in scorer.why_whole
    assert scorer.whole == 20


def test_blocks_below_a_skip_connection_are_one_part(tmp_path: Path) -> None:
    scorer = compare(HEAD + U_NET, tmp_path, 40)
    assert (scorer.why_whole, scorer.whole) == ("", 0)
    assert scorer.tables is not None
    assert scorer.tables.networks >= 6**4  # all options of its four inner blocks together


def test_once_for_all() -> None:
    scorer = compare_space("ofa_mobilenet_v3", 40)
    assert (scorer.why_whole, scorer.whole) == ("", 0)
    assert scorer.tables is not None
    assert scorer.tables.networks == 19  # 9 options of each block, for depths of 4 and of 3, and 2


def test_fewer_samples_are_the_first_of_more() -> None:
    space = describe_space(load_model("ofa_mobilenet_v3"))
    assert space.points == 3**5 * 9**20
    assert np.array_equal(space.draw(70_000, 1)[:, :100], space.draw(100, 1))
    assert not np.array_equal(space.draw(100, 1), space.draw(100, 2))


def test_a_time_that_is_not_known_is_not_zero() -> None:
    space = describe_space(load_model("ofa_mobilenet_v3"))
    scorer = SpaceCosts(space, [load_device("pixel_1_tflite")], "bf16")
    assert scorer.is_exact
    assert np.isnan(scorer.costs(space.draw(2, 1))["latency_ms@pixel_1_tflite"]).all()


def test_networks_that_do_not_hold_are_counted_by_cause(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(
        HEAD
        + """
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3}}
  - {id: a, block: {}}
  - {id: end, conv2d: {channels: 8, kernel: {choose: [3, 99]}, padding: 0}}
"""
    )
    scorer = SpaceCosts(describe_space(load_model(str(path))))
    samples = scorer.space.draw(40, 1)
    block = scorer.block(samples)
    assert (scorer.why_whole, scorer.whole) == ("", 0)
    broken = int(
        (samples[[axis.name for axis in scorer.space.axes].index("end.kernel")] == 1).sum()
    )
    (cause,) = block.broken
    assert cause.startswith("`conv2d`: a window 99 high does not fit into an image 32 high")
    assert block.broken[cause] == broken > 0
    assert len(block.metrics["mult_adds"]) == 40 - broken


BREAKS = {
    "in several blocks": """
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3, stride: {choose: [1, 2, 4]}}}
  - {id: a, conv2d: {channels: 16, kernel: {choose: [1, 3, 20]}, padding: 0}}
  - relu
  - {id: b, conv2d: {channels: 16, kernel: {choose: [1, 3, 9]}, padding: 0}}
  - relu
  - {id: c, conv2d: {channels: {choose: [4, 8, 16]}, kernel: {choose: [1, 29]}, padding: 0}}
""",
    "in the deepest network": """
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3, stride: 2}}
  - {id: a, conv2d: {channels: 16, kernel: {choose: [1, 3]}}, repeat: {choose: [1, 2, 3]}}
  - {id: b, conv2d: {channels: 16, kernel: {choose: [3, 5, 33]}, padding: 0}, when: depth >= 3}
  - {id: c, conv2d: {channels: 24 // (depth - 2), kernel: {choose: [1, 3]}}}
""",
    "whatever follows an option": """
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3, stride: {choose: [1, 32]}}}
  - {id: a, conv2d: {channels: {choose: [8, 16]}, kernel: {choose: [3, 5]}, padding: 0}}
  - relu
""",
}


@pytest.mark.parametrize("name", BREAKS)
def test_networks_that_break_leave_the_tables_exact(name: str, tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(HEAD + BREAKS[name])
    scorer = SpaceCosts(describe_space(load_model(str(path))), [load_device(DEVICES[0])])
    samples = scorer.space.draw(400, 1)
    costs = scorer.costs(samples)
    assert (scorer.why_whole, scorer.whole) == ("", 0)
    causes: Counter[str] = Counter()
    for number in range(400):
        try:
            totals = scorer.analysis(samples[:, number]).totals
        except SpecError as error:
            causes[re.sub(r"[0-9]+", "0", error.problems[0].message)] += 1
            assert np.isnan(costs["mult_adds"][number])
        else:
            assert costs["mult_adds"][number] == totals.mult_adds
    shown: Counter[str] = Counter()  # a layer is called as it is in one of the networks
    for cause, count in scorer.broken.items():
        shown[re.sub(r"[0-9]+", "0", cause)] += count
    assert shown == causes
    assert 0 < sum(causes.values()) < 400
