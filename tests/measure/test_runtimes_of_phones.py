"""ncnn, MNN and LiteRT as runtimes: they run, name layers, and refuse what they do not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_networks import runnable
from tflite_files import Op, T, tflite_file

from mnet_cost.measure.runs.references import runnable_for, runnable_of
from mnet_cost.measure.runtimes import load_runtime
from mnet_cost.measure.runtimes.base import RunError, RunSettings
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate

pytest.importorskip("torch")

NEEDED = {
    "ncnn": ("ncnn", "pnnx"),
    "mnn": ("MNN", "onnx", "onnxscript"),
    "tflite": ("ai_edge_litert", "litert_torch"),
}
LAYERS = {"stem", "norm", "activation", "depthwise", "pointwise", "sum", "pool", "logits"}


@pytest.fixture(params=NEEDED)
def name(request: pytest.FixtureRequest) -> str:
    """A runtime that is installed with its converter."""
    for module in NEEDED[request.param]:
        pytest.importorskip(module, exc_type=ImportError)
    return str(request.param)


def test_it_runs(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    network = runnable(tmp_path)
    program = load_runtime(name).prepare(network, RunSettings())
    assert program.precision == "fp32"
    assert program.time() > 0
    profile = program.profile(2)
    if name == "tflite":
        assert profile is None
    else:
        assert profile is not None
        assert profile.runs == 2
        assert 0 <= profile.overhead_s <= min(kernel.seconds for kernel in profile.kernels)
        layers: set[str] = set()
        for kernel in profile.kernels:
            for node in kernel.nodes:
                layers.update(network.layers_of_node()[node] if name == "mnn" else (node,))
        assert layers == LAYERS
    program.close()
    assert capfd.readouterr() == ("", "")  # its own words are not the command's output


def test_a_file_that_is_named_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("MNN")
    pytest.importorskip("onnxscript")
    monkeypatch.chdir(tmp_path)
    Path("net.onnx").write_bytes(runnable(tmp_path).onnx().read_bytes())
    Path("folder").mkdir()
    model = load_model("net.onnx")
    file = runnable_for("net.onnx", elaborate(model.spec, model.knobs), Path("folder"))
    assert load_runtime("mnn").prepare(file, RunSettings()).time() > 0
    wrong = elaborate(model.spec, {**model.knobs, "batch": 4})
    with pytest.raises(RunError) as refused:
        load_runtime("onnxruntime").prepare(
            runnable_for("net.onnx", wrong, Path("folder")), RunSettings()
        )
    assert str(refused.value).startswith("net.onnx: is of 1 example, and cannot run 4\nhint: leave")


def test_each_run_of_mnn_has_the_same_inputs(tmp_path: Path) -> None:
    """MNN reuses the memory of inputs: what is left there is another input, of other numbers."""
    for module in NEEDED["mnn"]:
        pytest.importorskip(module, exc_type=ImportError)
    program: Any = load_runtime("mnn").prepare(runnable(tmp_path), RunSettings())
    results = []
    for _ in range(3):
        program.time()
        results.append(program._results[0][1].getNumpyData().tolist())
    assert results[0] == results[1] == results[2]


def test_other_settings_are_refused(tmp_path: Path, name: str) -> None:
    runtime = load_runtime(name)
    for settings in (RunSettings(precision="fp16"), RunSettings(device="cuda")):
        with pytest.raises(RunError):
            runtime.prepare(runnable(tmp_path), settings)
        with pytest.raises(RunError):
            runtime.environment(settings)


def test_ncnn_has_no_batch(tmp_path: Path) -> None:
    pytest.importorskip("ncnn")
    with pytest.raises(RunError, match="one example at a time, not 4"):
        load_runtime("ncnn").prepare(runnable(tmp_path, batch=4), RunSettings())


def test_an_operator_that_ncnn_has_not(tmp_path: Path) -> None:
    pytest.importorskip("ncnn")
    pytest.importorskip("pnnx")
    spec = """\
format: 1
name: small
input: {image: [3, 16, 16]}
layers:
  - {id: stem, conv2d: {channels: 4, kernel: 3}}
  - {id: best, top_k: {count: 2, axis: width}}
"""
    with pytest.raises(RunError) as caught:
        load_runtime("ncnn").prepare(runnable(tmp_path, spec), RunSettings())
    assert "ncnn has no operator `torch.topk` of `best`" in str(caught.value)
    assert "{id: best" in str(caught.value)


def given(folder: Path, batch: int = 1, open_batch: bool = False, kind: str = "float32") -> Path:
    """A TFLite file with one convolution."""
    signature = (-1, 8, 6, 3) if open_batch else ()
    scales = 0 if kind == "float32" else 1
    tensors = [
        T("x", (batch, 8, 6, 3), kind, signature=signature, scales=scales),
        T("w", (4, 3, 3, 3), kind, data=True, scales=scales),
        T("b", (4,), "float32" if kind == "float32" else "int32", data=True),
        T("y", (batch, 8, 6, 4), kind, scales=scales),
    ]
    options = {"stride_w": 1, "stride_h": 1, "padding": "SAME"}
    path = folder / "net.tflite"
    path.write_bytes(tflite_file(tensors, [Op("CONV_2D", ["x", "w", "b"], ["y"], options)]))
    return path


@pytest.mark.parametrize(("kind", "precision"), [("float32", "fp32"), ("int8", "int8")])
def test_litert_runs_a_given_file_as_it_is(tmp_path: Path, kind: str, precision: str) -> None:
    """No converter is asked for: the file itself is read."""
    pytest.importorskip("ai_edge_litert")
    path = given(tmp_path, kind=kind)
    program = load_runtime("tflite").prepare(runnable_of(str(path), tmp_path), RunSettings())
    assert program.time() > 0
    assert program.precision == precision
    program.close()
    assert [file.name for file in tmp_path.iterdir()] == ["net.tflite"]


def test_litert_and_the_batch_of_a_given_file(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    runtime = load_runtime("tflite")
    path = str(given(tmp_path, open_batch=True))
    program = runtime.prepare(runnable_of(path, tmp_path, {"batch": 3}), RunSettings())
    assert program.time() > 0
    path = str(given(tmp_path))
    with pytest.raises(RunError, match="is of 1 example, and cannot run 3"):
        runtime.prepare(runnable_of(path, tmp_path, {"batch": 3}), RunSettings())


def test_litert_says_what_it_cannot_run_of_a_given_file(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "net.tflite"
    tensors = [T("x", (1, 8, 6, 3)), T("y", (1, 8, 6, 3))]
    path.write_bytes(tflite_file(tensors, [Op("OfNobody", ["x"], ["y"])]))
    with pytest.raises(RunError, match=r"LiteRT cannot run it: .*OfNobody"):
        load_runtime("tflite").prepare(runnable_of(str(path), tmp_path), RunSettings())
