"""Outputs of other tools as runs: which layers their operators are, and what they leave open."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from profiles import FITTED
from spec_text import network

from mnet_cost.cli import main
from mnet_cost.errors import MeasurementError, Source, Span
from mnet_cost.measure.runs.run_files import is_record
from mnet_cost.measure.runs.tool_runs import run_of_tool
from mnet_cost.measure.runs.validate import validate_run
from mnet_cost.measure.runtimes.base import RuntimeKernel, RuntimeProfile
from mnet_cost.measure.tools.base import Times, ToolRun
from mnet_cost.models.types import Origin

NET = network("layers: [{id: a, conv2d: {channels: 4, kernel: 3}}, {id: b, relu: {}}]")
NET.spec.origins = {"a": Origin(("Conv_0",), ("net/conv",)), "b": Origin(("Relu_1",), ("net/out",))}


def kernel(seconds: float, *nodes: str) -> RuntimeKernel:
    return RuntimeKernel(name="+".join(nodes), operator="CONV_2D", seconds=seconds, nodes=nodes)


def told(**fields: Any) -> ToolRun:
    profile = RuntimeProfile(kernels=(kernel(2e-3, "net/out"), kernel(1e-4, "other")), runs=50)
    given: dict[str, Any] = {
        "tool": "benchmark_model",
        "runtime": "tflite",
        "network": "/data/net.tflite",
        "times": Times(mean_s=3e-3, fastest_s=2.5e-3, runs=50),
        "threads": 1,
        "precision": "fp32",
        "profile": profile,
        "span": Span(Source("log.txt", "x"), 1, 1, 2),
    }
    return ToolRun(**given | fields)


def test_operators_lead_to_layers_by_the_names_in_the_file() -> None:
    run = run_of_tool(told(), "net.tflite", NET)
    assert (run.median_s, run.fastest_s, run.runs) == (3e-3, 2.5e-3, 50)
    assert (run.noise, run.low_s, run.device) == (None, None, "")
    found = validate_run(run, NET, replace(FITTED, runtime="tflite"))
    assert found.joined is not None
    (group,) = found.joined.kernels
    # The convolution writes the tensor of the relu that is fused into it.
    assert (group.name, group.layers, group.seconds) == ("a", ("a", "b"), 2e-3)
    assert found.joined.unjoined_s == pytest.approx(1e-4)
    assert found.joined.between_s == pytest.approx(9e-4)
    assert "benchmark_model says no median: the run is the time `mean`" in found.notes


def test_what_a_tool_does_not_say_is_said() -> None:
    run = run_of_tool(told(threads=None, precision="", profile=None), "net.tflite", NET)
    assert (run.threads, run.precision, run.profile) == (1, "fp32", None)
    assert "benchmark_model does not say the precision: it is taken as fp32" in run.warnings
    assert "benchmark_model does not say the number of threads: it is taken as 1" in run.warnings
    assert not any("calls the network" in warning for warning in run.warnings)
    other = run_of_tool(told(network="squeezenet"), "mobilenet_v1", NET).warnings
    assert "benchmark_model calls the network `squeezenet`: it is taken as mobilenet_v1" in other
    run = run_of_tool(told(times=None), "net.tflite", NET)
    assert run.median_s == pytest.approx(2.1e-3)
    with pytest.raises(MeasurementError, match="says no time"):
        run_of_tool(told(times=None, profile=None), "net.tflite", NET)
    with pytest.raises(MeasurementError, match="it ran a batch of 8"):
        run_of_tool(told(batch=8), "net.tflite", NET)


LOG = """\
&&&& RUNNING TensorRT.trtexec # trtexec --onnx=net.onnx
[08/21/2023-14:59:10] [I] Model: net.onnx
[08/21/2023-14:59:25] [I] GPU Compute Time: min = 0.6 ms, max = 2 ms, mean = 1.1 ms, median = 1 ms
"""


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.txt"
    log.write_text(LOG)
    assert main(["validate", "lenet5", "--from", str(log), "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["networks"]
    assert (found["run"]["runtime"], found["run"]["median_ms"]) == ("tensorrt", 1.0)
    assert found["kernels"] is None
    assert main(["validate", "--from", str(log)]) == 2
    assert "does not say which network it is of" in capsys.readouterr().err


ROWS = """\
loop_count = 8
num_threads = 4
squeezenet  min =    3.50  max =    3.80  avg =    3.60
resnet18  min =   15.50  max =   15.80  avg =   15.60
"""
ROUNDS = """\
model,latency_ms,run,reference,batch
lenet5,1.0,1,none,1
lenet5,1.2,2,none,1
lenet5,7.0,1,none,8
ds_cnn,2.0,1,none,1
"""


def test_a_file_of_several_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def times(text: str, *models: str) -> list[float]:
        (tmp_path / "log").write_text(text)
        assert main(["validate", *models, "--from", str(tmp_path / "log"), "--format", "json"]) == 0
        networks = json.loads(capsys.readouterr().out)["networks"]
        return [found["run"]["median_ms"] for found in networks]

    assert times(ROWS, "squeezenet=squeezenet1_1") == pytest.approx([3.6])
    assert times(ROWS, "resnet18=lenet5", "squeezenet=ds_cnn") == pytest.approx([15.6, 3.6])
    assert times(ROUNDS, "lenet5", "ds_cnn") == pytest.approx([1.1, 2.0])
    assert times(ROUNDS, "lenet5@batch=8") == pytest.approx([7.0])
    assert main(["validate", "lenet5", "--from", str(tmp_path / "log"), "--batch", "2"]) == 2
    (tmp_path / "log").write_text(ROWS)
    assert main(["validate", "lenet5", "--from", str(tmp_path / "log")]) == 2
    assert "`squeezenet=MODEL` says which network that is" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[" * 100_000, "{}", "\x00", "model,latency_ms\n"])
def test_files_of_nobody(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x"
    path.write_text(text)
    assert isinstance(is_record(str(path)), bool)
    assert main(["validate", "lenet5", "--from", str(path)]) == 2
    assert capsys.readouterr().err.startswith("mnet-cost: ")
