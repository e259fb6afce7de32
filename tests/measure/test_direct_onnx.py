"""ONNX written without torch: values beside torch's module, and operators beside its exporter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mnet_cost.measure.runs.direct_onnx import DirectModel, direct_model, small_graph_file
from mnet_cost.models.library import load_model
from mnet_cost.models.load import read_spec
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import Network, elaborate

onnx = pytest.importorskip("onnx")
np = pytest.importorskip("numpy")

ROOT = Path(__file__).parents[2]
GRAPHS = next(
    path for top in ("specs", "benchmarks") for path in (ROOT / top).rglob("small_graphs.yaml")
)
SMALL = {"size": 9, "channels": 16, "wide": 24, "count": 2, "group": 4}
"""Knobs under which every variant has all of its kinds and little to compute."""
ATTENTION = {"channels": 128}
BY_VARIANT = {
    "attention": ATTENTION,
    "norm_attention": ATTENTION,
    "windowed": {"size": 6, "window": 3, "channels": 32},
    "pixel_unshuffle": {"size": 8},
}


def variants() -> list[str]:
    node = read_spec(str(GRAPHS)).node
    return list(node.value["variants"].value)


def network_of(variant: str, **knobs: Any) -> Network:
    more = BY_VARIANT.get(variant, {})
    return elaborate(read_spec(str(GRAPHS), variant), {**SMALL, **more, **knobs})


def of(layers: list[Any], shape: list[int], **knobs: Any) -> Network:
    spec: ModelSpec = spec_from_data(
        {"format": 1, "name": "n", "input": {"x": shape}, "layers": layers}
    )
    return elaborate(spec, knobs)


def written(network: Network, weights: Mapping[str, Any] | None = None) -> DirectModel:
    direct = direct_model(network, weights)
    assert direct is not None
    onnx.checker.check_model(direct.model, full_check=True)
    return direct


def operators(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


def disagreement(network: Network) -> float:
    """The largest difference from torch's module with weights that are not all alike, of its
    largest value."""
    torch = pytest.importorskip("torch")
    runtime = pytest.importorskip("onnxruntime")
    from mnet_cost.torch_model.graph import build_module
    from mnet_cost.torch_model.names import module_path

    module = build_module(network).eval()
    numbers = torch.Generator().manual_seed(1)
    for name, tensor in module.state_dict().items():
        if name.endswith(("running_var", "norm.weight")):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=numbers))
        elif tensor.is_floating_point():
            tensor.copy_(0.3 * torch.randn(tensor.shape, generator=numbers))
    weights = {
        step.name + name.removeprefix(module_path(step.name)): tensor.numpy()
        for step in network.steps
        for name, tensor in module.state_dict().items()
        if name.startswith(module_path(step.name) + ".")
    }
    inputs = [
        torch.randn((network.batch, *network.tensors[index].type.shape), generator=numbers)
        for index in network.inputs
    ]
    with torch.no_grad():
        expected = module(*inputs)
    session = runtime.InferenceSession(
        written(network, weights).model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_inputs()]
    found = session.run(None, {name: x.numpy() for name, x in zip(names, inputs, strict=True)})
    expected = expected if isinstance(expected, tuple) else (expected,)
    differences = [0.0]
    for one, other in zip(expected, found, strict=True):
        assert one.shape == other.shape
        differences.append(float(np.abs(one.numpy() - other).max() / np.abs(one.numpy()).max()))
    return max(differences)


@pytest.mark.parametrize("variant", variants())
def test_values_are_those_of_the_module_of_torch(variant: str) -> None:
    assert disagreement(network_of(variant, batch=2)) < 1e-4


LAYERS: dict[str, tuple[list[Any], list[int]]] = {
    "pads": (
        [{"max_pool2d": {"kernel": 3, "stride": 2}}, {"conv2d": {"channels": 4, "kernel": 4}}],
        [3, 10, 10],
    ),
    "ceiling": (
        [{"avg_pool2d": {"kernel": 2, "stride": 2, "padding": 0, "round_up": True}}],
        [3, 7, 7],
    ),
    "counted": (
        [{"avg_pool2d": {"kernel": 3, "padding": 1, "count_include_pad": True}}],
        [3, 7, 7],
    ),
    "functions": (
        ["relu6", "hard_swish", "tanh", {"leaky_relu": {"slope": 0.2}}, "softmax"],
        [3, 5, 5],
    ),
    "global": (
        [{"global_max_pool": {}}, {"linear": {"features": 5, "bias": False}}, {"dropout": {}}],
        [3, 5, 5],
    ),
    "dilated": (
        [{"conv2d": {"channels": 6, "kernel": 3, "dilation": 2, "groups": 3, "bias": True}}],
        [3, 9, 9],
    ),
    "corners": ([{"resize": {"scale": 2, "mode": "bilinear", "align_corners": True}}], [3, 4, 4]),
    "flat": (["flatten", {"linear": {"features": 4}}], [3, 2, 2]),
    "sequence": (
        [
            "to_sequence",
            {"linear": {"features": 6, "bias": False}},
            {"layer_norm": {"bias": False}},
        ],
        [3, 2, 2],
    ),
    "norms": (
        [
            {"conv2d": {"channels": 4, "kernel": 1, "bias": True}},
            "batch_norm",
            {"batch_norm": {"affine": False}},
        ],
        [3, 4, 4],
    ),
    "three": (
        [{"id": "a", "relu": {}}, {"id": "b", "sigmoid": {}}, {"add": ["x", "a", "b"]}],
        [3, 4, 4],
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_values_of_other_settings(name: str) -> None:
    layers, shape = LAYERS[name]
    assert disagreement(of(layers, shape)) < 1e-4


def test_two_norms_that_follow_a_convolution_are_folded_into_it() -> None:
    layers, shape = LAYERS["norms"]
    direct = written(of(layers, shape))
    assert operators(direct.model) == ["Conv"]
    assert direct.layers == {"conv2d": ("conv2d", "batch_norm", "batch_norm_2")}


def test_a_norm_of_a_tensor_that_others_read_stays() -> None:
    layers = [
        {"id": "c", "conv2d": {"channels": 3, "kernel": 1}},
        {"id": "n", "batch_norm": {}},
        {"add": ["c", "n"]},
    ]
    assert operators(written(of(layers, [3, 4, 4])).model) == ["Conv", "BatchNormalization", "Add"]


def test_nodes_have_the_names_of_their_steps() -> None:
    direct = written(network_of("pair_silu", count=1))
    names = [node.name for node in direct.model.graph.node]
    assert names == [
        "unit.1.expand.conv2d", "unit.1.expand.act", "unit.1.expand.act/2", "unit.1.project.conv2d",
    ]  # fmt: skip
    assert direct.layers["unit.1.expand.conv2d"] == (
        "unit.1.expand.conv2d",
        "unit.1.expand.batch_norm",
    )
    assert direct.layers["unit.1.expand.act/2"] == ("unit.1.expand.act",)
    results = [node.output[0] for node in direct.model.graph.node]
    assert results[1:3] == ["unit.1.expand.act/1.0", "unit.1.expand.act"]


def test_outputs_that_are_inputs_or_twice_there_have_nodes_of_their_own() -> None:
    data = {
        "format": 1, "name": "n", "input": {"x": [2, 3]},
        "layers": [{"id": "a", "identity": {}}, {"id": "b", "relu": {}}],
        "outputs": ["a", "b", "b"],
    }  # fmt: skip
    direct = written(elaborate(spec_from_data(data), {}))
    assert operators(direct.model) == ["Relu", "Identity", "Identity"]
    assert len({value.name for value in direct.model.graph.output}) == 3


@pytest.mark.parametrize(
    "layers",
    [
        [{"conv2d": {"channels": 4, "kernel": 1}}, {"pad": {"padding": 1, "mode": "reflect"}}],
        [{"resize": {"scale": 2, "mode": "bicubic"}}],
        [{"conv2d": {"channels": 4, "kernel": 3, "gain": True}}],
        [{"conv2d": {"channels": 3, "kernel": 1}, "id": "a"}, {"use": "a"}],
        [{"parameter": {"shape": [3, 8, 8]}, "id": "p"}, {"add": ["x", "p"]}],
        [{"avg_pool2d": {"kernel": 4}}],
    ],
    ids=["kind", "mode", "gain", "use", "static", "average"],
)
def test_what_is_not_written_here_is_left_to_torch(layers: list[Any], tmp_path: Path) -> None:
    assert direct_model(of(layers, [3, 8, 8])) is None
    assert small_graph_file(of(layers, [3, 8, 8]), tmp_path / "n.onnx") is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_the_same_each_time(tmp_path: Path) -> None:
    network = network_of("squeeze_excite")
    layers = small_graph_file(network, tmp_path / "a.onnx")
    small_graph_file(network, tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    model = onnx.load(tmp_path / "a.onnx")
    assert layers is not None
    assert list(layers) == [node.name for node in model.graph.node]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.onnx", "b.onnx"]


def test_torch_is_not_imported() -> None:
    code = (
        "import sys; from mnet_cost.models.library import load_model; "
        "from mnet_cost.network import elaborate; "
        "from mnet_cost.measure.runs.direct_onnx import direct_model; "
        "assert 'onnx' not in sys.modules and 'numpy' not in sys.modules; "
        "assert direct_model(elaborate(load_model('squeezenet').spec, {})) is not None; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "reference",
    ["small:dense_block", "small:squeeze_excite", "small:norm_attention", "small:channel_shuffle",
     "small:local_response_norm", "small:resize_2", "small:mlp", "small:pair_silu", "small:linear",
     "mobilenet_v3_small", "shufflenet_v2", "googlenet"],
)  # fmt: skip
def test_operators_are_those_that_the_exporter_chooses(reference: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    from mnet_cost.torch_model.export import export_network

    name, _, variant = reference.partition(":")
    network = network_of(variant) if variant else elaborate(load_model(name).spec, {})
    export_network(network, str(tmp_path / "net.onnx"))
    exported = onnx.load(tmp_path / "net.onnx")
    direct = written(network)
    assert operators(direct.model) == operators(exported)
    inputs = [len(node.input) for node in direct.model.graph.node]
    assert inputs == [len(node.input) for node in exported.graph.node]
