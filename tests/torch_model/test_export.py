"""Exported files: they load elsewhere and compute the same; nothing is left of what failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from built import for_inference, network_of  # noqa: E402

from mnet_cost.cli import main  # noqa: E402
from mnet_cost.models.library import load_model  # noqa: E402
from mnet_cost.torch_model import build_module  # noqa: E402
from mnet_cost.torch_model.graph import initialize  # noqa: E402

SMALL = "mobilenet_v1@alpha=0.25,resolution=33,classes=7"
pytestmark = pytest.mark.filterwarnings("default")  # torch's exporters warn about their own parts


def weights_of(reference: str, seed: int) -> Any:
    return initialize(build_module(load_model(reference)), seed).eval()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["export", *arguments])
    captured = capsys.readouterr()
    assert captured.out == ""
    return status, captured.err


@pytest.mark.parametrize(
    "reference",
    [
        SMALL,
        "mobilenet_v3_small@resolution=65,classes=7",
        "shufflenet_v2@resolution=65,classes=7,batch=2",
        "vit@resolution=32,depth=2,patch=8,hidden=24,heads=4,mlp=16,classes=7",
    ],
)
def test_onnx_computes_what_the_module_does(
    reference: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    path = tmp_path / "net.onnx"
    status, err = run(capsys, reference, "--seed", "5", "-o", str(path))
    assert status == 0
    assert "random weights" in err
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    network = network_of(load_model(reference))
    (given,) = session.get_inputs()
    assert given.name == "image"
    assert given.shape == [network.batch, *network.tensors[network.inputs[0]].type.shape]
    module = for_inference(load_model(reference))
    x = torch.randn(given.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = module(x)
    (output,) = session.run(None, {given.name: x.numpy()})
    torch.testing.assert_close(torch.from_numpy(output), expected, rtol=1e-3, atol=1e-5)


def test_a_program_computes_what_the_module_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.pt2"
    assert run(capsys, SMALL, "--seed", "5", "-o", str(path))[0] == 0
    program = torch.export.load(path).module()
    x = torch.randn(1, 3, 33, 33)
    with torch.no_grad():
        assert torch.equal(program(x), for_inference(load_model(SMALL))(x))
    assert {name for name, _ in program.named_parameters()} >= {"middle.3.conv2d.weight"}


def test_source_takes_the_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.py"
    assert run(capsys, SMALL, "-o", str(path)) == (0, "")
    scope: dict[str, Any] = {"__name__": "net"}
    exec(path.read_text(encoding="utf-8"), scope)
    module = scope["MobileNetV1"]().eval()
    expected = weights_of(SMALL, 3)
    module.load_state_dict(expected.state_dict())
    x = torch.randn(2, 3, 33, 33)
    with torch.no_grad():
        assert torch.equal(module(x), expected(x))


def test_weights_of_a_file_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, path = tmp_path / "weights.pt", tmp_path / "net.pt2"
    expected = weights_of(SMALL, 11)
    torch.save(expected.state_dict(), weights)
    status, err = run(capsys, SMALL, "--weights", str(weights), "-o", str(path))
    assert status == 0
    assert err == (
        f"mnet-cost: {path} takes 1 example at a time (--batch N, or --dynamic-batch for any)\n"
    )
    x = torch.randn(1, 3, 33, 33)
    with torch.no_grad():
        assert torch.equal(torch.export.load(path).module()(x), expected(x))


def bad_weights(kind: str, path: Path) -> str:
    """A file of weights that cannot be used, and what is said about it."""
    if kind == "other":
        torch.save(weights_of("mobilenet_v1@alpha=0.5,classes=7", 1).state_dict(), path)
        return "is of another network: `stem.weight` is [16, 3, 3, 3] there and [8, 3, 3, 3] here"
    if kind == "short":
        torch.save(weights_of(SMALL, 1).state_dict(), path)
        path.write_bytes(path.read_bytes()[:-5000])
        return "is not whole, or holds no weights"
    if kind == "list":
        torch.save([torch.zeros(3)], path)
        return "holds no weights by name"
    if kind == "code":
        torch.save(weights_of(SMALL, 1), path)  # a whole module
        return "holds more than numbers"
    return "cannot be read: no such file or directory"


@pytest.mark.parametrize("kind", ["other", "short", "list", "code", "missing"])
def test_weights_that_do_not_fit(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, path = tmp_path / "weights.pt", tmp_path / "net.pt2"
    path.write_text("what was there")
    said = bad_weights(kind, weights)
    status, err = run(capsys, SMALL, "--weights", str(weights), "-o", str(path))
    assert status == 2
    assert f"{weights}: {said}" in err
    assert path.read_text() == "what was there"
    assert {file.name for file in tmp_path.iterdir()} <= {"weights.pt", "net.pt2"}


def test_source_has_no_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.py"
    status, err = run(capsys, SMALL, "--weights", "some.pt", "-o", str(path))
    assert status == 2
    assert "PyTorch source has no weights" in err
    assert not path.exists()


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none" / "net.py"
    status, err = run(capsys, SMALL, "-o", str(path))
    assert status == 2
    assert err == (
        f"mnet-cost: {path}: cannot be written: no such file or directory\n"
        f"hint: there is no folder `{path.parent}`: make it first, or choose another one\n"
    )


def test_nothing_is_left_of_a_failed_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(program: Any, file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch.export, "save", full)
    path = tmp_path / "net.pt2"
    path.write_text("what was there")
    status, err = run(capsys, SMALL, "-o", str(path))
    assert status == 2
    assert "no space left on device" in err
    assert [file.name for file in tmp_path.iterdir()] == ["net.pt2"]
    assert path.read_text() == "what was there"


@pytest.mark.parametrize("ending", [".onnx", ".pt2"])
@pytest.mark.parametrize("reference", ["shufflenet_v2_x0_5@resolution=64",
                                       "vit_b_32@resolution=64,depth=1"])  # fmt: skip
def test_a_dynamic_batch_takes_any_number(
    reference: str, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / f"net{ending}"
    status, err = run(capsys, reference, "--dynamic-batch", "--seed", "5", "-o", str(path))
    assert status == 0
    assert "at a time" not in err
    images = torch.rand(5, 3, 64, 64)
    with torch.no_grad():
        expected = weights_of(reference, 5)(images)
        if ending == ".pt2":
            output = torch.export.load(path).module()(images)
        else:
            session = runtime.InferenceSession(str(path))
            output = torch.from_numpy(session.run(None, {"image": images.numpy()})[0])
    torch.testing.assert_close(output, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("seed", ["-1", "9" * 30, "1.5"])
def test_a_seed_that_torch_does_not_take(seed: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["export", SMALL, "--seed", seed, "-o", str(tmp_path / "net.pt2")])
    assert caught.value.code == 2
