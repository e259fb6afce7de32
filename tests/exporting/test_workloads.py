"""Workloads of simulators have the mult-adds of the network, or say which layers they leave out."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from recount import gemm_mult_adds, scale_sim_lines, scale_sim_mult_adds, zigzag_mult_adds

from mnet_cost.analysis.work import add_up, count_work
from mnet_cost.cli import main
from mnet_cost.errors import OutputError
from mnet_cost.exporting.scale_sim import scale_sim_topology
from mnet_cost.exporting.zigzag import zigzag_workload
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES

FP32, INT8 = DTYPES["fp32"], DTYPES["int8"]

NETWORKS = (
    "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "resnet50", "shufflenet_v2_x1_0",
    "regnet_x_400mf", "inception_v3", "googlenet", "densenet121", "vit_b_16", "swin_t",
    "convnext_tiny", "unet", "deeplabv3_mobilenet_v2", "yolov8n", "smollm2", "lenet5",
)  # fmt: skip


def network(reference: str) -> Network:
    model = load_model(reference)
    return elaborate(model.spec, model.knobs)


def small(layers: str, inputs: str = "{x: [8, 12, 14]}", batch: int = 1) -> Network:
    text = f"format: 1\nname: s\ninput: {inputs}\nlayers: {layers}\n"
    return elaborate(parse_spec(text), {"batch": batch})


def mult_adds(net: Network) -> int:
    return add_up(count_work(net, FP32)).mult_adds


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_the_library(name: str) -> None:
    net = network(name)
    total = mult_adds(net)
    for products in (False, True):
        written = scale_sim_topology(net, products)
        recounted = (gemm_mult_adds if products else scale_sim_mult_adds)(written.text)
        assert recounted == written.mult_adds == written.all_mult_adds == total
        assert written.left_out == ()
    written = zigzag_workload(net, INT8)
    assert zigzag_mult_adds(written.text) == written.mult_adds == total


KINDS = [
    ("[{conv2d: {channels: 6, kernel: 3, stride: 2}}]", "{x: [8, 12, 14]}"),
    ("[{conv2d: {channels: 6, kernel: [3, 5], padding: [1, 0, 2, 3]}}]", "{x: [8, 12, 14]}"),
    ("[{conv2d: {channels: 6, kernel: 3, padding: 0, stride: 4}}]", "{x: [8, 12, 14]}"),
    ("[{conv2d: {channels: 6, kernel: 3, dilation: 2}}]", "{x: [8, 12, 14]}"),
    ("[{conv2d: {channels: 6, kernel: 1, dilation: 2, stride: 3}}]", "{x: [8, 12, 14]}"),
    ("[{conv2d: {channels: 6, kernel: 3, stride: [2, 1]}}]", "{x: [8, 12, 14]}"),
    ("[{conv2d: {channels: 6, kernel: 3, groups: 2}}]", "{x: [8, 12, 14]}"),
    ("[{conv2d: {channels: 16, kernel: 3, groups: 8}}]", "{x: [8, 12, 14]}"),
    ("[{conv2d: {channels: 6, kernel: 3, groups: 2}}]", "{x: [3, 8, 12, 14]}"),
    ("[{depthwise_conv2d: {kernel: 5, multiplier: 2}}]", "{x: [8, 12, 14]}"),
    ("[{depthwise_conv2d: {kernel: 5, stride: 2}}]", "{x: [3, 8, 12, 14]}"),
    ("[{conv_transpose2d: {channels: 6, kernel: 3, stride: 2}}]", "{x: [8, 12, 14]}"),
    ("[{conv_transpose2d: {channels: 6, kernel: 2, stride: 2, groups: 2}}]", "{x: [8, 12, 14]}"),
    ("[{conv1d: {channels: 6, kernel: 5, stride: 2, dilation: 2}}]", "{x: [4, 21]}"),
    ("[{conv3d: {channels: 6, kernel: 3, stride: 2, groups: 2}}]", "{x: [4, 5, 7, 8]}"),
    ("[{dynamic_conv2d: {}, from: [x, k]}]", "{x: [8, 6, 6], k: [4, 8, 3, 3]}"),
    ("[{deform_conv2d: {channels: 4, kernel: 3}, from: [x, y]}]", "{x: [8, 6, 6], y: [18, 6, 6]}"),
    ("[{linear: {features: 7}}]", "{x: [5, 12]}"),
    ("[{linear: {features: 7}}]", "{x: [12]}"),
    ("[{matmul: {}, from: [x, y]}]", "{x: [3, 1, 5, 12], y: [1, 4, 12, 6]}"),
    ("[{matmul: {transpose_second: true}, from: [x, y]}]", "{x: [5, 12], y: [6, 12]}"),
    ("[{attention: {heads: 3}}]", "{x: [5, 12]}"),
    ("[{attention: {heads: 6, kv_heads: 2, features: 24}}]", "{x: [5, 12]}"),
    ("[{attention: {heads: 3}, from: [x, y]}]", "{x: [2, 5, 12], y: [2, 9, 8]}"),
    (
        "[{scaled_dot_product_attention: {heads: 2}, from: [x, y, z]}]",
        "{x: [5, 12], y: [9, 12], z: [9, 6]}",
    ),
    ("[{lstm: {features: 6}}]", "{x: [5, 12]}"),
    ("[{lstm: {features: 6, layers: 3, bidirectional: true, projection: 4}}]", "{x: [2, 5, 12]}"),
    ("[{gru: {features: 6, layers: 2, output: last}}]", "{x: [5, 12]}"),
    (
        "[{id: p, parameter: {shape: [5, 12]}}, {linear: {features: 12}}, {add: [x, previous]}]",
        "{x: [5, 12]}",
    ),
]


@pytest.mark.parametrize(("layers", "inputs"), KINDS)
def test_kinds_of_layers(layers: str, inputs: str) -> None:
    """Each kind with mult-adds; the batch is in a ZigZag workload alone."""
    if "layout" not in inputs and "conv1d" in layers:
        inputs = "{x: {shape: [4, 21], layout: signal}}"
    if "conv3d" in layers:
        inputs = "{x: {shape: [4, 5, 7, 8], layout: volume}}"
    one, three = small(layers, inputs), small(layers, inputs, batch=3)
    for net in (one, three):
        for products in (False, True):
            written = scale_sim_topology(net, products)
            recounted = (gemm_mult_adds if products else scale_sim_mult_adds)(written.text)
            assert recounted == mult_adds(one)
            assert ("it is of one example: the format has no batch" in written.notes) == (
                net is three
            )
        assert zigzag_mult_adds(zigzag_workload(net, FP32).text) == mult_adds(net)


def test_a_topology_line_by_line() -> None:
    net = small(
        "[{id: DPN, conv2d: {channels: 6, kernel: 3, stride: 2}}, relu, {depthwise_conv2d: "
        "{kernel: 3}}, {conv2d: {channels: 4, kernel: 3, dilation: 2}}, global_avg_pool, "
        "{linear: {features: 10}}]"
    )
    written = scale_sim_topology(net)
    assert written.text == (
        "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, "
        "Strides,\n"
        "DpN, 13, 15, 3, 3, 8, 6, 2,\n"
        "depthwise_conv2d.DP, 8, 9, 3, 3, 6, 1, 1,\n"
        "conv2d, 42, 1, 1, 1, 54, 4, 1,\n"
        "linear, 1, 1, 1, 1, 4, 10, 1,\n"
    )
    assert written.notes == (
        "convolutions with dilation or two strides as matrix products of their windows",
        "it has no precision, and no edges between layers",
        "layers without mult-adds are left out: 1 relu, 1 global_avg_pool",
    )
    assert scale_sim_topology(net, products=True).text.splitlines()[:3] == [
        "Layer, M, N, K,",
        "DpN, 42, 6, 72,",
        "depthwise_conv2d.1, 42, 1, 9,",
    ]


def test_only_depthwise_layers_are_called_so() -> None:
    """The simulator takes every line with `DP` in its name for a layer of one channel a time."""
    for name in NETWORKS:
        for line, numbers in scale_sim_lines(scale_sim_topology(network(name)).text):
            assert ("DP" in line) == line.endswith(".DP") or ".DP." in line
            assert "DP" not in line or len(numbers) == 7


def test_a_workload_names_where_operands_are_from() -> None:
    net = small("[{id: a, linear: {features: 12}}, gelu, {id: b, attention: {heads: 3}}, "
                "{add: [b, a]}, {id: c, linear: {features: 4}}]", "{x: [5, 12]}")  # fmt: skip
    entries = yaml.safe_load(zigzag_workload(net, INT8).text)
    assert {entry["name"]: entry["operand_source"] for entry in entries} == {
        "a": {"I": 0, "W": 0},
        "b.query": {"I": 0, "W": 1},
        "b.key": {"I": 0, "W": 2},
        "b.value": {"I": 0, "W": 3},
        "b.scores": {"I": 1, "W": 2},
        "b.values": {"I": 4, "W": 3},
        "b.output": {"I": 5, "W": 6},
        "c": {"I": 6, "W": 7},
    }
    assert entries[0]["operand_precision"] == {"W": 8, "I": 8, "O": 16, "O_final": 8}
    assert entries[4]["equation"] == "O[b][d][k]+=I[b][d][c]*W[b][c][k]"
    assert dict(zip(entries[4]["loop_dims"], entries[4]["loop_sizes"], strict=True)) == {
        "C": 4, "D": 5, "K": 5, "B": 3,
    }  # fmt: skip


def test_padding_is_that_of_the_windows() -> None:
    net = small("[{conv2d: {channels: 4, kernel: [3, 5], stride: 2, padding: [1, 0, 2, 3]}}]")
    (entry,) = yaml.safe_load(zigzag_workload(net, FP32).text)
    assert entry["dimension_relations"] == ["ix=2*ox+1*fx", "iy=2*oy+1*fy"]
    # 12 rows and 1 above are read by 6 windows of 3, 14 columns and 2 + 3 by 8 windows of 5.
    assert (entry["pr_loop_sizes"], entry["padding"]) == ([14, 12], [[2, 3], [1, 0]])


def test_what_cannot_be_said_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, target = tmp_path / "odd.yaml", tmp_path / "odd.csv"
    path.write_text(
        "format: 1\nname: odd\ninput: {x: [8, 6, 6]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 3}\n  - opaque: {operation: sort, shape: [4, 6, 6]}\n"
    )
    command = ["export", str(path), "-o", str(target), "--as", "scale-sim"]
    assert main(command) == 3
    assert not target.exists()
    assert capsys.readouterr().err.splitlines() == [
        "mnet-cost: no total: the cost of opaque is unknown",
        "hint: --lower-bound gives the sum of the rest",
    ]
    assert main([*command, "--lower-bound"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"mnet-cost: {target} has 10,368 of at least 10,368 mult-adds of one example",
        "mnet-cost: it cannot say: opaque",
        "mnet-cost: note: it has no precision, and no edges between layers",
    ]
    for make in (scale_sim_topology, lambda net: zigzag_workload(net, FP32)):
        with pytest.raises(OutputError, match="has no layer that a"):
            make(small("[relu]"))


def test_too_many_lines_are_refused() -> None:
    wide = small("[{depthwise_conv2d: {kernel: 3}}]", "{x: [1000001, 4, 4]}")
    assert len(scale_sim_topology(wide).text.splitlines()) == 2
    with pytest.raises(OutputError, match="the topology would have 1,000,001 lines"):
        scale_sim_topology(wide, products=True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["-o", "net.csv"],
            "net.csv: the ending says what to write: `.onnx`, `.pt2` or `.py`\nhint: a workload of "
            "a simulator is asked for by --as `scale-sim`, `scale-sim-gemm` or `zigzag`",
        ),
        (
            ["-o", "net.csv", "--as", "scale-sim", "--seed", "4"],
            "--as scale-sim has no weights: --weights, --seed and --dynamic-batch are for networks",
        ),
        (
            ["-o", "net.csv", "--as", "scale-sim", "--precision", "int8"],
            "--precision is of a ZigZag workload, not of --as scale-sim",
        ),
        (["-o", "net.py", "--precision", "int8"], "--precision is of --as zigzag and --as "
         "model-explorer"),
        (["-o", "net.py", "--device", "pixel_1"], "--device is of node data: --as model-explorer"),
        (["-o", "net.json", "--as", "model-explorer"], "lenet5: node data are for the nodes of a "
         "model file, and this is a spec\nhint: name the file itself: model.onnx, model.pt2, "
         "model.tflite"),
        (
            ["-o", "net.yaml", "--as", "zigzag", "--precision", "int3"],
            "there is no precision `int3`\nhint: there are fp32, fp16, bf16, int8",
        ),
    ],
)  # fmt: skip
def test_wrong_words(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["export", "lenet5", *words]) == 2
    assert capsys.readouterr().err == f"mnet-cost: {message}\n"
    assert list(tmp_path.iterdir()) == []
