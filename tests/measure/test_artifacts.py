"""A network as a module and as an ONNX file, and how their nodes lead to layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

from small_network import DO_NOTHING, small  # noqa: E402
from spec_text import network  # noqa: E402

from mnet_cost.measure.runs.artifacts import Runnable  # noqa: E402
from mnet_cost.measure.runtimes.base import RunError  # noqa: E402


@pytest.fixture(scope="module")
def runnable(tmp_path_factory: pytest.TempPathFactory) -> Runnable:
    return small(tmp_path_factory.mktemp("small"))


def test_each_node_of_the_module_knows_its_layer(runnable: Runnable) -> None:
    graph = runnable.module().graph
    layers = [node.meta.get("layer") for node in graph.nodes if node.op.startswith("call")]
    assert list(dict.fromkeys(layers)) == list(runnable.layers)
    assert [node.meta.get("layer") for node in graph.nodes if node.op == "placeholder"] == [None]
    assert not runnable.module().training


def test_the_weights_are_the_same_each_time(tmp_path: Path) -> None:
    first, second = (small(tmp_path).module().state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "layers",
    [
        "depthwise_conv2d: {kernel: 3, bias: false}}, {batch_norm: {}}, {relu: {}}, "
        "{conv2d: {channels: 8, kernel: 1, bias: false}}, {batch_norm: {}}, {relu: {}",
        "linear: {features: 8}}, {relu: {}",
    ],
)
def test_numbers_of_deep_networks_are_not_denormal(tmp_path: Path, layers: str) -> None:
    """Arithmetic on those takes many times as long."""
    deep = network(f"input: {{x: [8, 8, 8]}}\nlayers: [{', '.join([f'{{{layers}}}'] * 80)}]")
    runnable = Runnable("deep", deep, tmp_path)
    with torch.no_grad():
        result = runnable.module()(*runnable.inputs())
    assert 1e-25 < float(result.abs().max()) < 1e25


def test_nodes_are_named_after_layers(runnable: Runnable) -> None:
    """Merged and folded layers are of the node that does them."""
    layers = runnable.layers_of_node()
    names = [node.name for node in onnx.load(runnable.onnx()).graph.node]
    assert names == list(layers)
    assert layers["stem"] == ("stem", "stem_norm")
    assert layers["once"] == ("once", "twice")
    assert layers["halves"] == ("halves",)
    assert layers["smooth"] == layers["smooth/2"] == ("smooth",)
    assert layers["attend/24"] == ("attend",)
    assert {layer for found in layers.values() for layer in found} == (
        set(runnable.layers) - DO_NOTHING
    )


def test_the_file_is_written_once_and_beside_others(runnable: Runnable) -> None:
    path = runnable.onnx()
    assert path == runnable.onnx()
    assert path.parent == runnable.folder
    assert path.name.startswith("small_x_1_")
    assert path.suffix == ".onnx"
    onnx.checker.check_model(str(path))


def test_inputs_have_the_batch_and_indices_are_in_range(tmp_path: Path) -> None:
    text = """
        input: {image: [3, 8, 8], words: [6]}
        layers:
          - {id: table, embedding: {vocabulary: 5, features: 3}, from: words}
          - {id: rows, to_sequence: {}, from: image}
          - {id: both, concat: {axis: length}, from: [rows, table]}
        """
    image, words = Runnable("two", network(text), tmp_path).inputs()
    assert image.shape == (1, 3, 8, 8)
    assert 0.8 < float(image.std()) < 1.2
    assert words.shape == (1, 6)
    assert words.dtype == torch.int64
    assert set(words.flatten().tolist()) <= set(range(5))
    assert len(set(words.flatten().tolist())) > 1


def test_a_shared_layer_is_named_by_each_use(tmp_path: Path) -> None:
    text = """
        layers:
          - {id: first, conv2d: {channels: 3, kernel: 3, padding: same}}
          - {id: again, use: first}
        """
    runnable = Runnable("shared", network(text), tmp_path)
    assert dict(runnable.layers_of_node()) == {"first": ("first",), "again": ("again",)}
    assert len(onnx.load(runnable.onnx()).graph.initializer) == 1


def test_more_weights_than_a_file_holds(tmp_path: Path) -> None:
    text = "layers: [{id: wide, linear: {features: 200000}}, {id: wider, linear: {features: 3000}}]"
    runnable = Runnable("big", network(text), tmp_path)
    with torch.device("meta"):
        runnable._module = build(runnable)
    with pytest.raises(RunError) as caught:
        runnable.onnx()
    assert str(caught.value) == (
        "big has 2.4 GB of weights: one ONNX file holds no more than 2.1 GB\n"
        "hint: measure it with `--runtime torch`, which needs no file"
    )
    assert not list(tmp_path.iterdir())


def test_what_torch_cannot_export(tmp_path: Path) -> None:
    text = """
        input: {words: [6, 4]}
        layers: [{id: memory, lstm: {features: 8, projection: 3}}]
        """
    with pytest.raises(RunError) as caught:
        Runnable("net@x=1", network(text), tmp_path).onnx()
    assert str(caught.value) == (
        "net@x=1: ONNX has no LSTM with a projection: `memory`\n"
        "hint: measure it with `--runtime torch`, which needs no file"
    )


def build(runnable: Runnable) -> Any:
    from mnet_cost.torch_model.graph import build_module

    return build_module(runnable.network)
