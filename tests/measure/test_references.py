"""What a user names as a network: which file of it is run, with which inputs, and whose nodes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runs.references import FileRunnable, layers_by_node, runnable_of
from mnet_cost.measure.runtimes.base import RunError, RunSettings
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate

onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def weights(name: str, *shape: int) -> Any:
    return numpy_helper.from_array(torch.full(shape, 0.1).numpy(), name)


def written(
    path: Path, batch: int | str = "N", name: str = "c", domain: str = "", **fields: Any
) -> Path:
    """A file with a convolution, a batch normalization, ReLU and a mean."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name=name, pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["a", "s", "s", "s", "s"], ["b"], name="norm"),
        helper.make_node("Relu", ["b"], ["r"], name=name, domain=domain),
        helper.make_node("GlobalAveragePool", ["r"], ["y"], name="mean"),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, "h", "w_"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 4, 1, 1])],
        [weights("w", 4, 3, 3, 3), weights("s", 4)],
        value_info=[helper.make_tensor_value_info("r", TensorProto.FLOAT, [batch, 4, "h", "w_"])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8, **fields), path)
    return path


def named(path: Path, **knobs: Any) -> Runnable:
    folder = path.parent / "files"
    folder.mkdir(exist_ok=True)
    return runnable_of(f"{path}@h=8,w_=6", folder, knobs or None)


def test_a_name_of_the_library_is_written_directly_where_that_is_asked_for(tmp_path: Path) -> None:
    runnable = runnable_of("squeezenet", tmp_path, {"resolution": 64}, direct=True)
    assert type(runnable) is Runnable
    assert runnable.given(".onnx") is None
    model = onnx.load(runnable.onnx())
    assert model.producer_name == "mnet-cost"
    names = [node.name for node in model.graph.node]
    assert list(runnable.layers_of_node()) == names
    assert set().union(*runnable.layers_of_node().values()) <= set(runnable.layers)


def test_what_cannot_be_written_directly_goes_through_torch(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "format: 1\nname: net\ninput: {x: [3, 8, 8]}\nlayers: [{pad: {padding: 1, mode: reflect}}, "
        "{conv2d: {channels: 4, kernel: 3}}]\n"
    )
    runnable = runnable_of(str(spec), tmp_path, direct=True)
    assert onnx.load(runnable.onnx()).producer_name == "pytorch"
    assert len(list(tmp_path.glob("*.onnx"))) == 1


def test_an_onnx_file_is_run_as_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "net.onnx", name="")
    runnable = named(path, batch=2)
    assert type(runnable) is FileRunnable
    assert runnable.given(".onnx") == path
    assert runnable.given(".tflite") is None
    (x,) = runnable.inputs()
    assert x.shape == (2, 3, 8, 6)
    # Nodes without a name have in a copy the one by which the importer calls them.
    copy = onnx.load(runnable.onnx())
    assert runnable.onnx() != path
    names = [node.name for node in copy.graph.node]
    assert all(names)
    assert len(set(names)) == 4
    original = onnx.load(path)
    assert [node.op_type for node in copy.graph.node] == [
        node.op_type for node in original.graph.node
    ]
    assert copy.graph.initializer == original.graph.initializer
    layers = runnable.layers_of_node()
    assert set(names) <= layers.keys()
    assert set().union(*layers.values()) == set(runnable.layers)


def test_a_file_whose_nodes_have_names_is_not_copied(tmp_path: Path) -> None:
    path = written(tmp_path / "net.onnx")
    model = onnx.load(path)
    model.graph.node[2].name = "relu"
    onnx.save(model, path)
    assert named(path).onnx() == path
    assert named(path).layers_of_node()["relu"]


def test_onnxruntime_runs_it_and_its_kernels_lead_to_layers(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from mnet_cost.measure.runtimes import load_runtime

    runnable = named(written(tmp_path / "net.onnx", name=""))
    program = load_runtime("onnxruntime").prepare(runnable, RunSettings())
    assert program.time() > 0
    profile = program.profile(3)
    assert profile is not None
    layers = runnable.layers_of_node()
    joined = {
        layer for kernel in profile.kernels for node in kernel.nodes for layer in layers[node]
    }
    assert joined == set(runnable.layers)


def test_mnn_runs_the_sizes_that_a_file_leaves_open(tmp_path: Path) -> None:
    """Its converter takes each of them as 1."""
    pytest.importorskip("MNN")
    pytest.importorskip("onnxscript")
    from mnet_cost.measure.runtimes import load_runtime

    runnable = named(written(tmp_path / "net.onnx"), batch=3)
    program: Any = load_runtime("mnn").prepare(runnable, RunSettings())
    assert program.time() > 0
    assert [tensor.getShape() for tensor, _ in program._results] == [(3, 4, 1, 1)]
    assert [tensor.getShape() for tensor, _ in program._inputs] == [(3, 3, 8, 6)]


def test_mnn_finds_inputs_by_the_names_of_the_file(tmp_path: Path) -> None:
    """torch has called inputs `input.1`, which is no name in a spec."""
    pytest.importorskip("MNN")
    pytest.importorskip("onnxscript")
    from mnet_cost.measure.runtimes import load_runtime

    model = onnx.load(written(tmp_path / "net.onnx"))
    model.graph.input[0].name = model.graph.node[0].input[0] = "input.1"
    onnx.save(model, tmp_path / "net.onnx")
    program: Any = load_runtime("mnn").prepare(named(tmp_path / "net.onnx"), RunSettings())
    assert len(program._inputs) == 1


def quantized(path: Path) -> Path:
    """A file with one convolution between Q and DQ."""
    stored = [
        numpy_helper.from_array(torch.ones(4, 3, 3, 3, dtype=torch.int8).numpy(), "w"),
        numpy_helper.from_array(torch.tensor(0.5).numpy(), "scale"),
        numpy_helper.from_array(torch.tensor(0, dtype=torch.int8).numpy(), "zero"),
    ]
    nodes = [
        helper.make_node(operator, [name, "scale", "zero"], [made], name=made)
        for operator, name, made in (
            ("QuantizeLinear", "x", "x_q"), ("DequantizeLinear", "x_q", "x_d"),
            ("DequantizeLinear", "w", "w_d"),
        )
    ]  # fmt: skip
    nodes += [
        helper.make_node("Conv", ["x_d", "w_d"], ["a"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("QuantizeLinear", ["a", "scale", "zero"], ["a_q"], name="a_q"),
        helper.make_node("DequantizeLinear", ["a_q", "scale", "zero"], ["y"], name="y"),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 8, 8])],
        stored,
    )  # fmt: skip
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_quantized_file_computes_in_int8(tmp_path: Path, name: str) -> None:
    """Whatever precision is asked for: a row that said fp32 would be fitted as such."""
    pytest.importorskip(name)
    pytest.importorskip("onnxscript")
    from mnet_cost.measure.runtimes import load_runtime

    runnable = runnable_of(str(quantized(tmp_path / "net.onnx")), tmp_path)
    assert load_runtime(name).prepare(runnable, RunSettings()).precision == "int8"


def test_rounds_of_a_quantized_file_are_not_measured_again(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from mnet_cost.measure.runs.rounds import Plan, measure
    from mnet_cost.measure.runtimes import load_runtime

    runnable = runnable_of(str(quantized(tmp_path / "net.onnx")), tmp_path)
    output = tmp_path / "times.csv"
    plan = Plan(rounds=1, seconds=0.001, reference=None, cpus=())
    for _ in range(2):
        session = measure(
            [runnable], load_runtime("onnxruntime"), RunSettings(), plan, output=str(output)
        )
        assert [(each.precision, each.runs > 0) for each in session.timed] == [("int8", True)]
    assert len(output.read_text(encoding="utf-8").splitlines()) == 2


def test_a_file_of_one_example_does_not_run_two(tmp_path: Path) -> None:
    runnable = named(written(tmp_path / "net.onnx", batch=1), batch=2)
    with pytest.raises(RunError, match="is of 1 example, and cannot run 2"):
        runnable.inputs()
    assert named(tmp_path / "net.onnx").inputs()[0].shape == (1, 3, 8, 6)


def test_operators_that_would_need_code_are_refused(tmp_path: Path) -> None:
    runnable = named(written(tmp_path / "net.onnx", domain="com.evil"))
    with pytest.raises(RunError, match=r"`com.evil.Relu`, which is no operator of ONNX"):
        runnable.onnx()


def test_inputs_have_the_types_of_the_file(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Mul", ["rows", "half"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, [1, 5]),
            helper.make_tensor_value_info("half", TensorProto.FLOAT, [1, 5, 4]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5, 4])],
        [weights("table", 7, 4)],
    )  # fmt: skip
    path = tmp_path / "net.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path
    )
    ids, half = runnable_of(str(path), tmp_path).inputs()
    assert (ids.dtype, tuple(ids.shape)) == (torch.int64, (1, 5))
    assert int(ids.max()) < 7
    assert (half.dtype, tuple(half.shape)) == (torch.float32, (1, 5, 4))


def test_other_files_are_built_anew_for_a_runtime_that_does_not_take_them(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    network = elaborate(load_model("ds_cnn").spec, {})
    from mnet_cost.torch_model.export import export_network

    path = tmp_path / "net.pt2"
    export_network(network, str(path))
    runnable = runnable_of(str(path), tmp_path)
    assert runnable.given(".pt2") == path
    assert onnx.load(runnable.onnx()).producer_name == "pytorch"
    assert len(runnable.module()(*runnable.inputs())) == network.batch
    assert set().union(*layers_by_node(runnable.network).values()) == set(runnable.layers)


def test_nothing_of_torch_or_onnx_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, mnet_cost.measure.runs.references, mnet_cost.measure.tools.reading; "
        "assert not {'torch', 'onnx', 'numpy', 'onnxruntime'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
