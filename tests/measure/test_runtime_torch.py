"""torch as a runtime: times, precision, threads, kernels that belong to layers, clocks of a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_networks import runnable

from mnet_cost.measure.runtimes import load_runtime
from mnet_cost.measure.runtimes.base import RunError, RunSettings

torch = pytest.importorskip("torch")

LAYERS = ("stem", "norm", "activation", "depthwise", "pointwise", "sum", "pool", "logits")


@pytest.mark.parametrize("name", ["torch", "torch-channels-last"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_kernels_are_of_layers(tmp_path: Path, name: str, precision: str) -> None:
    program = load_runtime(name).prepare(
        runnable(tmp_path, batch=2), RunSettings(precision=precision)
    )
    assert program.precision == precision
    assert program.time() > 0
    profile = program.profile(3)
    assert profile is not None
    assert profile.runs == 3
    assert tuple(dict.fromkeys(kernel.nodes for kernel in profile.kernels)) == tuple(
        (layer,) for layer in LAYERS
    )
    operators = [kernel.operator for kernel in profile.kernels]
    assert operators[:4] == ["pad", "Conv2d", "BatchNorm2d", "relu"]  # both of the first: stem
    assert all(kernel.seconds > 0 for kernel in profile.kernels)
    assert profile.inference_s is not None
    assert 0 < profile.overhead_s < profile.inference_s
    program.close()


def test_memory_has_channels_innermost(tmp_path: Path) -> None:
    network = runnable(tmp_path)
    program: Any = load_runtime("torch-channels-last").prepare(network, RunSettings())
    stem = program.prepared.module.stem.weight
    assert stem.is_contiguous(memory_format=torch.channels_last)
    assert program.prepared.inputs[0].stride() == (768, 1, 48, 3)
    assert network.module().stem.weight.is_contiguous()  # that of others stays as it is


def test_torch_is_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    program: Any = load_runtime("torch").prepare(runnable(tmp_path), RunSettings(threads=1))
    module = program.prepared.module
    module.register_forward_pre_hook(
        lambda *_: seen.append((torch.get_num_threads(), torch.is_inference_mode_enabled()))
    )
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    torch.set_float32_matmul_precision("high")
    try:
        program.time()
        assert seen == [(1, True)]
        assert torch.get_num_threads() == 3
        assert torch.get_float32_matmul_precision() == "high"
        assert not torch.is_inference_mode_enabled()
    finally:
        torch.set_num_threads(before)
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (RunSettings(precision="int8"), "torch does not run networks in int8 here"),
        (RunSettings(device="npu"), "not on `npu`"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, settings: RunSettings, message: str) -> None:
    runtime = load_runtime("torch")
    with pytest.raises(RunError, match=message):
        runtime.prepare(runnable(tmp_path), settings)
    with pytest.raises(RunError, match=message):
        runtime.environment(settings)


def test_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RunError, match="finds no GPU with CUDA"):
        load_runtime("torch").prepare(runnable(tmp_path), RunSettings(device="cuda"))


def test_a_layer_that_fails_is_named(tmp_path: Path) -> None:
    network = runnable(tmp_path)
    network.module().logits.in_features = 3
    network.module().logits.weight = torch.nn.Parameter(torch.zeros(5, 3))
    with pytest.raises(RunError) as caught:
        load_runtime("torch").prepare(network, RunSettings())
    shown = str(caught.value)
    assert "small: torch cannot run `logits` (Linear) in fp32: mat1 and mat2" in shown
    assert "{id: logits, linear: {features: 5}}" in shown  # the line of the spec


def test_another_precision_is_not_called_by_the_name_that_was_asked_for(tmp_path: Path) -> None:
    network = runnable(tmp_path)
    network.module().activation_of_fp32 = torch.nn.Module()
    relu = next(node for node in network.module().graph.nodes if "relu" in node.name)
    relu.target = lambda x: torch.relu(x).float()
    with pytest.raises(
        RunError, match=r"cannot run `activation` .* in bf16: its result is torch.f"
    ):
        load_runtime("torch").prepare(network, RunSettings(precision="bf16"))


class Event:
    """Stands in for `torch.cuda.Event`: each is a millisecond after the one before."""

    recorded = 0

    def __init__(self, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None:
        Event.recorded += 1
        self.number = Event.recorded

    def elapsed_time(self, end: Event) -> float:
        """Milliseconds."""
        return float(end.number - self.number)


def test_a_gpu_is_timed_by_its_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No GPU here: the network runs on the processor, and events are made up."""
    from mnet_cost.measure.runtimes import torch_modules

    waits: list[None] = []
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waits.append(None))
    monkeypatch.setattr(torch_modules, "_WARM_S", 0.01)
    prepared = torch_modules.prepared_module(runnable(tmp_path), RunSettings())
    from mnet_cost.measure.runtimes.torch_eager import EagerProgram

    program = EagerProgram(prepared, RunSettings(device="cuda"))
    runs: list[None] = []
    prepared.module.register_forward_pre_hook(lambda *_: runs.append(None))
    assert program.time() == 0.001
    warm = len(runs)
    assert warm > 2, "its clocks are low after a rest"
    assert program.time() == 0.001
    assert len(runs) == warm + 1
    profile = program.profile(2)
    assert {kernel.seconds for kernel in profile.kernels} == {0.001}
    assert profile.overhead_s == 0.001
    assert profile.inference_s == 0.001 * (2 * len(profile.kernels) + 1)
    assert waits
