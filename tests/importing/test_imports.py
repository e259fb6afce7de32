"""Model files as references, and models as specs: names of nodes, sizes, knobs, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from node_graphs import graph

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.errors import MnetCostError, ModelFileError, ModelReferenceError, UsageError
from mnet_cost.importing.files import layers_of, spec_of
from mnet_cost.importing.imports import is_factory

NCNN = """7767517
5 5
Input            image            0 1 image
Convolution      stem             1 1 image a 0=8 1=3 3=2 4=1 5=1 6=216
ReLU             act              1 1 a b
Pooling          pool             1 1 b c 0=1 4=1
InnerProduct     logits           1 1 c out 0=10 1=1 2=80
"""
"""A network of ncnn: its text has all but the shape of its input."""


@pytest.fixture
def param(tmp_path: Path) -> str:
    path = tmp_path / "net.param"
    path.write_text(NCNN)
    return str(path)


def test_a_file_is_a_reference(param: str) -> None:
    analysis = mnet_cost.analyze(f"{param}@image=1x3x32x32,batch=2")
    assert analysis.totals.mult_adds == 2 * (216 * 16 * 16 + 80)
    assert analysis.totals.params == 216 + 8 + 80 + 10
    assert [cost.step.name for cost in analysis.layers] == ["stem", "act", "pool", "logits"]


def test_each_row_has_its_node_and_tensor(param: str) -> None:
    document = mnet_cost.analyze(f"{param}@image=1x3x32x32").to_dict()
    rows = [(row["nodes"], row["tensors"]) for row in document["layers"]]
    assert rows == [(["stem"], ["a"]), (["act"], ["b"]), (["pool"], ["c"]), (["logits"], ["out"])]


def test_a_size_that_nobody_gives_is_asked_for(param: str) -> None:
    with pytest.raises(ModelFileError, match="does not state the shape of its input `image`"):
        mnet_cost.load_model(param)
    with pytest.raises(ModelFileError, match="`3xax3` is no shape of the input `image`"):
        mnet_cost.load_model(f"{param}@image=3xax3")


def test_variants_and_revisions_are_for_specs(param: str) -> None:
    with pytest.raises(ModelReferenceError, match="variants are for specs"):
        mnet_cost.load_model(f"{param}:small")
    with pytest.raises(MnetCostError, match="files of a revision are for specs"):
        mnet_cost.load_model("git:HEAD:net.onnx")


def test_a_node_is_found_by_its_name_and_by_its_tensor(
    param: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("stem", "a"):
        assert main(["explain", f"{param}@image=1x3x32x32", name, "--device", "none"]) == 0
        assert "55,296" in capsys.readouterr().out  # 216 * 16 * 16


def test_import_writes_a_spec_that_is_the_same(
    param: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "net.yaml"
    assert main(["import", param, "--shape", "image=1,3,32,32", "-o", str(target)]) == 0
    said = capsys.readouterr().err
    assert "4 layers in 13 lines, 55,376 mult-adds, 314 params" in said
    assert target.read_text().splitlines()[3:] == [
        "knobs:",
        "  resolution: {default: 32, help: pixels on each side}",
        "",
        "input: {image: [3, resolution, resolution]}",
        "",
        "layers:",
        "  - conv2d: {channels: 8, kernel: 3, stride: 2, padding: 1, bias: true}",
        "  - relu",
        "  - global_avg_pool",
        "  - linear: {features: 10}",
    ]
    assert mnet_cost.analyze(str(target), resolution=64).totals.mult_adds == 216 * 32 * 32 + 80


def test_one_layer_is_no_layers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "one.param"
    path.write_text("7767517\n2 2\nInput image 0 1 image\nReLU act 1 1 image a\n")
    assert main(["import", str(path), "--shape", "image=1,3,32,32"]) == 0
    assert ": 1 layer in 10 lines, 0 mult-adds, 0 params" in capsys.readouterr().err


def test_nothing_is_written_over_what_is_read(
    param: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", param, "--shape", "image=1,3,32,32", "-o", param]) == 2
    assert Path(param).read_text() == NCNN
    assert "is read by this command" in capsys.readouterr().err


@pytest.mark.parametrize("operator", ["Frobnicate", "Whatever"])
def test_no_totals_with_a_layer_that_has_no_rule(operator: str) -> None:
    nodes = [(operator, ("x",), ("y",)), ("Relu", ("y",), ("z",))]
    made = graph(nodes, {})
    tensors = {"y": made.inputs[0]._replace(name="y")}
    spec = spec_of(layers_of(made._replace(tensors=tensors)), "net.onnx")
    analysis = mnet_cost.analyze(spec)
    assert analysis.unmodelled == ("n0",)
    assert not analysis.has_totals
    assert analysis.coverage == 0.5


def test_specs_of_files_go_to_other_processes(param: str) -> None:
    import pickle

    spec = mnet_cost.load_model(f"{param}@image=1x3x32x32").spec
    assert pickle.loads(pickle.dumps(spec)).origins == spec.origins


def test_what_is_a_factory() -> None:
    assert is_factory("torchvision.models:resnet50")
    assert not is_factory("net.onnx")
    assert not is_factory("folder/net.onnx")
    assert not is_factory("C:/net.onnx")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["import", "resnet50"], "named by what makes it: torchvision.models:resnet50"),
        (["import", "FILE", "--shape", "image=int64:1,3,32,32"], "give the sizes alone"),
        (["import", "FILE", "--knob", "alpha=1,0.5,0.75"], "as in `import torchvision.models:"),
        (["analyze", "FILE@image=1x3x32x32", "--resolution", "64"], "`mnet-cost import` makes a"),
    ],
)
def test_the_way_out(
    words: list[str], hint: str, param: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word.replace("FILE", param) for word in words]) == 2
    assert hint in capsys.readouterr().err.split("\nhint: ", 1)[1]


@pytest.mark.parametrize("shape", ["ids", "ids=int64", "ids=:1,8", "ids=int 64:1,8", "=int64:1,8"])
def test_what_is_no_shape(shape: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["import", "net:Tokens", "--shape", shape])
    said = f"`{shape}` is no shape: write image=1,3,224,224, or ids=int64:1,128 with a type"
    assert said in capsys.readouterr().err


def test_a_file_states_its_types(param: str) -> None:
    with pytest.raises(UsageError, match="the file says which type `image` has, so it cannot be"):
        mnet_cost.load_onnx(param, {"image": ("int8", 1, 3, 32, 32)})
