"""onnxruntime and OpenVINO on a small network: times, kernels of layers, and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from small_network import small
from spec_text import network

from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runtimes import load_runtime
from mnet_cost.measure.runtimes.base import Program, RunError, RunSettings

for _package in ("torch", "onnx", "onnxscript"):
    pytest.importorskip(_package)

RUNTIMES = [
    pytest.param(
        name, marks=pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed")
    )
    for name in ("onnxruntime", "openvino")
]

Prepared = tuple[str, Runnable, Program]


@pytest.fixture(scope="module", params=RUNTIMES)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    runnable = small(tmp_path_factory.mktemp("small"))
    return request.param, runnable, load_runtime(request.param).prepare(runnable, RunSettings())


def test_a_network_runs(prepared: Prepared) -> None:
    _, _, program = prepared
    assert program.precision == "fp32"
    assert 0 < program.time() < 60


def test_arithmetic_elsewhere_stays_as_it_is(prepared: Prepared) -> None:
    """onnxruntime turns denormal numbers off in the thread that makes its first session."""
    numpy = pytest.importorskip("numpy")
    _, _, program = prepared
    program.time()
    program.profile(1)
    assert numpy.float32(1e-40) * numpy.float32(1) > 0


def test_all_kernels_are_joined_to_layers(prepared: Prepared) -> None:
    """Each but a copy of the network's input, and each layer that does something has one."""
    name, runnable, program = prepared
    profile = program.profile(3)
    assert profile is not None
    layers = runnable.layers_of_node()
    joined: set[str] = set()
    for kernel in profile.kernels:
        found = {layer for node in kernel.nodes for layer in layers[node]}
        assert found or kernel.is_layout, kernel
        assert kernel.seconds >= 0
        joined |= found
    # A runtime may do nothing at all for what only changes a shape.
    assert set(runnable.layers) - joined <= {"drop", "pixel", "rows", "shuffled"}
    assert profile.runs == 3
    assert profile.inference_s is not None
    assert not list(runnable.folder.glob("tmp*"))
    if name == "onnxruntime":
        assert 0 <= profile.overhead_s < 1e-4


def test_the_convolution_of_each_layer_is_its_own(prepared: Prepared) -> None:
    _, runnable, program = prepared
    profile = program.profile(2)
    assert profile is not None
    layers = runnable.layers_of_node()
    convolutions = [
        {layer for node in kernel.nodes for layer in layers[node]}
        & {"stem", "depthwise", "squeeze", "project"}
        for kernel in profile.kernels
        if "Conv" in kernel.operator and "Convert" not in kernel.operator
    ]
    assert sorted(map(sorted, convolutions)) == [["depthwise"], ["project"], ["squeeze"], ["stem"]]


@pytest.mark.parametrize("name", RUNTIMES)
def test_settings_are_those_that_are_asked_for(name: str) -> None:
    runtime = load_runtime(name)
    environment: Mapping[str, str] = runtime.environment(RunSettings(threads=2))
    assert runtime.version()[0].isdigit()
    assert all(isinstance(value, str) and value for value in environment.values())


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("settings", [{"precision": "int8"}, {"device": "cuda"}])
def test_settings_that_cannot_be(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"int8|cuda"):
        load_runtime(name).prepare(small(tmp_path), RunSettings(**settings))


class Foreign(Runnable):
    """A file with a node that no runtime has."""

    def onnx(self) -> Path:
        import onnx

        path = self.folder / "foreign.onnx"
        text = """
            <ir_version: 8, opset_import: ["" : 13, "nowhere" : 1]>
            g (float[1, 3, 32, 32] image) => (float[1, 3, 32, 32] y) {
                a = Relu(image)
                y = nowhere.Frobnicate(a)
            }
        """
        model = onnx.parser.parse_model(text)
        for number, node in enumerate(model.graph.node):
            node.name = f"n{number}"
        path.write_bytes(model.SerializeToString())
        return path

    def layers_of_node(self) -> Mapping[str, tuple[str, ...]]:
        return {"n0": ("first",), "n1": ("second",)}


@pytest.mark.parametrize("name", RUNTIMES)
def test_an_operator_that_a_runtime_does_not_have(name: str, tmp_path: Path) -> None:
    text = """
        layers:
          - {id: first, relu: {}}
          - {id: second, silu: {}}
        """
    with pytest.raises(RunError) as caught:
        load_runtime(name).prepare(Foreign("net", network(text), tmp_path), RunSettings())
    lines = str(caught.value).splitlines()
    assert "has no operator `Frobnicate` as the layer `second` needs it" in lines[0]
    assert lines[0].startswith("x:7:5: ")
    assert "second" in lines[1]
    assert lines[-1] == "hint: another runtime may have it: `--runtime torch`"
