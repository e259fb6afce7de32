"""torch.compile as a runtime: its kernels lead to layers; without a compiler it says so."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_networks import runnable

from mnet_cost.measure.runtimes import load_runtime
from mnet_cost.measure.runtimes.base import RunError, RunSettings

torch = pytest.importorskip("torch")

SPEC = """\
format: 1
name: small
input: {image: [3, 8, 8]}
layers:
  - {id: stem, conv2d: {channels: 4, kernel: 3}}
  - {id: norm, batch_norm: {}}
  - {id: activation, silu: {}}
  - {id: pool, global_avg_pool: {}}
  - {id: logits, linear: {features: 5}}
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
def test_kernels_are_of_layers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = load_runtime("torch-compile").prepare(runnable(tmp_path, SPEC), RunSettings())
    assert program.precision == "fp32"
    assert program.time() > 0
    profile = program.profile(2)
    if profile is None:
        pytest.skip(f"torch {torch.__version__} does not say what kernels were made of")
    layers = [kernel.nodes for kernel in profile.kernels]
    assert {layer for nodes in layers for layer in nodes} == {
        *("stem", "norm", "activation", "pool", "logits")
    }
    assert any({"norm", "activation", "pool"} <= {*nodes} for nodes in layers)  # one loop
    assert all(kernel.seconds > 0 for kernel in profile.kernels)
    program.close()
    assert capfd.readouterr() == ("", "")


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mnet_cost.measure.runtimes import torch_compile

    with torch_compile._quiet():
        from torch._inductor import cpp_builder

    def missing() -> str:
        raise RuntimeError("No working C++ compiler found")

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", missing)
    with pytest.raises(RunError, match=r"needs a C\+\+ compiler") as caught:
        load_runtime("torch-compile").prepare(runnable(tmp_path), RunSettings())
    assert "environment variable CXX" in str(caught.value)


def test_events_are_matched_in_order() -> None:
    from mnet_cost.measure.runtimes.torch_compile import _matched, _Origin

    origins = [
        _Origin("cpp_fused_relu_0", ("a",)),
        _Origin("extern_kernels.convolution", ("b",)),
        _Origin("torch.ops.aten.max_pool2d.default", ("c",)),
        _Origin("extern_kernels.convolution", ("d",)),
    ]
    events = ["cpp_fused_relu_0", "aten::view", "aten::convolution", "aten::max_pool2d",
              "aten::convolution", "aten::convolution"]  # fmt: skip
    found = [None if origin is None else origin.layers[0] for origin in _matched(events, origins)]
    assert found == ["a", None, "b", "c", "d", None]


def test_nodes_are_found_in_stack_traces() -> None:
    from mnet_cost.measure.runtimes.torch_compile import _origins

    nodes = [
        SimpleNamespace(name="relu_1", meta={"layer": "block.relu"}),
        SimpleNamespace(name="stem", meta={"layer": "stem"}),
    ]
    module = SimpleNamespace(graph=SimpleNamespace(nodes=nodes))
    trace = 'File "<eval_with_key>.7", line 5, in forward\\n    relu_1 = F.relu(stem);  stem = None'
    written = f'{{"cpp_fused_relu_0:1": ["{trace.replace(chr(34), chr(92) + chr(34))}"]}}'
    made = [SimpleNamespace(inductor_provenance_stack_traces_str=written)]
    found = _origins(module, made)
    assert found is not None
    assert [(origin.kernel, origin.layers) for origin in found] == [
        ("cpp_fused_relu_0", ("block.relu",))
    ]
    assert _origins(module, [SimpleNamespace()]) is None
