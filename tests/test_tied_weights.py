"""`weights_of`: a layer whose kernel is the trained matrix of another layer, which counts once."""

from __future__ import annotations

import numpy as np
import pytest
from spec_text import network

from mnet_cost.analysis import analyze_network
from mnet_cost.analysis.traffic import kernel_traffic
from mnet_cost.analysis.work import LayerCost, count_work
from mnet_cost.devices import load_device
from mnet_cost.layers.linear import Linear
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.network.groups import find_groups
from mnet_cost.network.rebuild import MisfitError, with_layers
from mnet_cost.network.types import dead_ends
from mnet_cost.report.analysis_json import analysis_document
from mnet_cost.tensors import DTYPES, Mask

HEAD = "input: {tokens: {shape: [7], dtype: int64}}\n"
DECODER = HEAD + (
    "knobs: {width: 8, words: 50}\nlayers:\n"
    "  - {id: table, embedding: {vocabulary: words, features: width}}\n"
    "  - {id: inner, linear: {features: 16}}\n"
    "  - {id: back, linear: {features: width, bias: false}}\n"
    "  - {id: head, linear: {features: words}, weights_of: table}\n"
)


def costs(net: Network) -> dict[str, LayerCost]:
    return {cost.step.name: cost for cost in count_work(net, DTYPES["fp32"])}


def test_the_matrix_counts_once_and_the_bias_is_its_own() -> None:
    net = network(DECODER)
    head = costs(net)["head"]
    assert (head.params, head.weight_bytes, head.mult_adds) == (50, 200, 7 * 400)
    # It is no kernel of the embedding: as one of the head it is among the weights.
    assert (head.weights, head.read_weight_bytes) == (400, 450 * 4)
    totals = analyze_network(net).totals
    assert totals.params == 400 + 144 + 128 + 50
    assert totals.weights == 128 + 128 + 400
    assert totals.weight_bytes == totals.params * 4


@pytest.mark.parametrize(
    ("first", "second", "params", "weights"),
    [
        # an embedding that takes the kernel of a linear layer
        ("linear: {features: 7, bias: false}, from: x", "embedding: {vocabulary: 7, features: 5}, "
         "from: t", 35, 35),
        ("linear: {features: 7}, from: x", "linear: {features: 7}, from: x", 35 + 7 + 7, 35),
        ("embedding: {vocabulary: 7, features: 5}, from: t", "embedding: {vocabulary: 7, "
         "features: 5}, from: t", 35, 0),
        ("parameter: {shape: [7, 5]}", "linear: {features: 7, bias: false}, from: x", 35, 35),
    ],
)  # fmt: skip
def test_who_may_take_from_whom(first: str, second: str, params: int, weights: int) -> None:
    text = (
        "input: {x: [3, 5], t: {shape: [4], dtype: int64}}\nlayers:\n"
        f"  - {{id: owner, {first}}}\n  - {{id: taker, {second}, weights_of: owner}}\n"
        "  - {id: again, linear: {features: 7, bias: false}, from: x, weights_of: taker}\n"
    )
    net = network(text)
    assert [step.tied_to for step in net.steps] == [None, 0, 0]
    totals = analyze_network(net).totals
    # `again` adds nothing to params; a kernel of one of them at least, the matrix is one weight.
    assert (totals.params, totals.weights) == (params, 35)
    assert analyze_network(network(text.rsplit("  - ", 1)[0])).totals.weights == weights
    assert not [step for step in dead_ends(net) if step.layer.kind == "parameter"]


def test_a_device_reads_the_matrix_once_for_all() -> None:
    """An embedding reads rows, so the head is the first to read all of the matrix."""
    second = "  - {id: second, linear: {features: words}, from: back, weights_of: table}\n"
    net = network(DECODER + second)
    kernels = {kernel.name: kernel for kernel in analyze_network(net).kernels}
    assert kernels["table"].weight_bytes == 0
    assert kernels["head"].weight_bytes == kernels["second"].weight_bytes == 450 * 4
    assert kernels["head"].trained == kernels["second"].trained == ((1, 1600),)


def test_the_second_head_finds_the_matrix_where_there_is_room() -> None:
    second = "  - {id: second, linear: {features: words}, from: back, weights_of: table}\n"
    kernels = analyze_network(network(DECODER + second, words=200_000)).kernels
    *_, head, again = kernel_traffic(kernels, load_device("raspberry_pi_4_ncnn"))
    # A matrix of 200,000 x 8 and as many biases do not fit into the caches, outside of which only
    # the biases are new to the second head.
    assert head[0].weight_bytes == again[0].weight_bytes == 7_200_000
    outside = head[-1].weight_bytes
    assert outside
    assert again[-1].weight_bytes == pytest.approx(outside / 9)


def test_schedules_and_rebuilt_networks_keep_the_tie() -> None:
    net = network(
        HEAD + "layers:\n  - {id: aside, embedding: {vocabulary: 9, features: 2}, from: tokens}\n"
        "  - {id: table, embedding: {vocabulary: 6, features: 4}, from: tokens}\n"
        "  - {id: head, linear: {features: 6}, weights_of: table}\noutputs: [aside, head]\n"
    )
    moved = net.with_schedule(["table", "head", "aside"])
    assert [step.tied_to for step in moved.steps] == [None, 0, None]
    assert moved != net
    with pytest.raises(MisfitError) as caught:
        with_layers(net, {2: Linear(features=5)})
    assert "cannot use the weights of `table`" in str(caught.value)


def test_groups_change_both_or_none() -> None:
    found = find_groups(network(DECODER))
    members = [{net_step(member.step): member.change for member in group.members}
               for group in found.groups]  # fmt: skip
    # The width of the table is the size that the head reads; the head makes as many features as
    # the table has rows, which no width changes.
    assert members == [{"table": 1, "back": 1}, {"inner": 1}]
    assert [net_step(layer.step) for layer in found.fixed] == ["head"]


def net_step(index: int) -> str:
    return ("table", "inner", "back", "head")[index]


def test_a_table_of_its_own_follows() -> None:
    net = network(
        "input: {x: [3, 5]}\nlayers:\n  - {id: p, parameter: {shape: [7, 5]}}\n"
        "  - {id: head, linear: {features: 7}, from: x, weights_of: p}\n"
    )
    (group,) = find_groups(net).groups
    assert [(member.step, member.change) for member in group.members] == [(1, 1)]
    assert list(group.fields) == [0, 1]


def test_a_block_used_again_has_the_weights_of_the_first_call() -> None:
    net = network(
        "input: {x: {shape: [4], dtype: int64}}\nblocks:\n  model:\n    layers:\n"
        "      - {id: table, embedding: {vocabulary: 9, features: 3}}\n"
        "      - {id: head, linear: {features: 9, bias: false}, weights_of: table}\n"
        "layers:\n  - {id: first, model: {}, from: x}\n  - {id: again, use: first, from: x}\n"
        "  - {id: last, linear: {features: 9, bias: false}, from: again.table, "
        "weights_of: again.head}\n"
        "outputs: [first, last]\n"
    )
    assert [(step.shares, step.tied_to) for step in net.steps] == [
        (None, None), (None, 0), (0, None), (1, None), (None, 0),
    ]  # fmt: skip
    assert analyze_network(net).totals.params == 27


def test_arrays_of_candidates() -> None:
    spec = parse_spec("format: 1\nname: net\n" + DECODER)
    check = Mask()
    elaborate(spec, {"width": np.array([4, 8, 12])}, check)
    assert check.valid is None or np.all(check.valid)
    wrong = parse_spec(
        "format: 1\nname: net\n" + DECODER.replace("features: words}", "features: 40}")
    )
    check = Mask()
    elaborate(wrong, {"words": np.array([30, 40, 50])}, check)
    assert list(np.asarray(check.valid)) == [False, True, False]


def test_reports_name_the_owner() -> None:
    layers = analysis_document(analyze_network(network(DECODER)))["layers"]
    assert [layer["shares_weights_with"] for layer in layers] == [None, None, None, "table"]


def test_a_variant_without_the_tie() -> None:
    text = (
        "format: 1\nname: net\n"
        + DECODER
        + (
            "  - {id: gone, relu: {}, when: 1 > 2}\n"
            "variants:\n  untied: {layers: {head: {weights_of: null}, gone: {when: null}}}\n"
        )
    )
    tied, untied = (elaborate(parse_spec(text, variant)) for variant in (None, "untied"))
    assert [step.tied_to for step in untied.steps] == [None] * 5
    params = [analyze_network(net).totals.params for net in (tied, untied)]
    assert params == [722, 722 + 400]
