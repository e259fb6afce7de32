"""When the size of images is a knob: what programs and files do at other sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from layer_graphs import Layers

from mnet_cost.errors import UsageError
from mnet_cost.importing.image_sizes import OperatorsAt, Program
from mnet_cost.importing.imports import import_model
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.written import written
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.network import Network, elaborate

Graph = Callable[[int, int], LayerGraph]


def padded(sides: Callable[[int], tuple[int, int]]) -> Graph:
    """A convolution of stride 2 behind rows and columns that depend on the size."""

    def graph(height: int, width: int) -> LayerGraph:
        layers = Layers((3, height, width))
        x = layers.add("pad", layers.input(), padding=[*sides(height), *sides(width)])
        x = layers.add("conv2d", x, channels=8, kernel=3, stride=2, padding=0)
        layers.add("relu", x)
        return layers.graph()

    return graph


def patches(height: int, width: int) -> LayerGraph:
    layers = Layers((3, height, width))
    x = layers.add("conv2d", layers.input(), channels=8, kernel=4, stride=4, padding=0)
    layers.add("relu", x)
    return layers.graph()


def runs_where(accepts: Callable[[int], bool]) -> OperatorsAt:
    """A program that runs the same wherever it accepts both sides."""
    return lambda height, width: ("conv2d",) if accepts(height) and accepts(width) else None


def shapes(network: Network) -> list[tuple[int, ...]]:
    return [network.tensors[step.output].type.shape for step in network.steps]


def test_zeros_of_tensorflow_are_padding_same() -> None:
    graph = padded(lambda size: (0, 1) if size % 2 == 0 else (1, 1))
    data = written(graph(32, 32), program=Program(graph)).data
    assert data["layers"] == [{"conv2d": {"channels": 8, "kernel": 3, "stride": 2}}, "relu"]
    network = elaborate(spec_from_data(data), {"resolution": (33, 34)})
    assert shapes(network) == [(8, 17, 17), (8, 17, 17)]


def test_zeros_that_are_the_same_at_each_size_stay() -> None:
    graph = padded(lambda size: (0, 1))
    data = written(graph(32, 32), program=Program(graph)).data
    assert data["layers"][0] == {"pad": {"padding": [0, 1, 0, 1]}}
    assert data["knobs"]["resolution"]["default"] == 32
    assert "knobs" not in written(graph(32, 32)).data, "one size does not tell"


def test_zeros_that_make_up_a_multiple_are_an_expression() -> None:
    graph = padded(lambda size: (0, -size % 5))
    data = written(graph(32, 32), program=Program(graph)).data
    assert data["layers"][0] == {
        "pad": {"padding": [0, "-input.height % 5", 0, "-input.width % 5"]}
    }
    network = elaborate(spec_from_data(data), {"resolution": (41, 35)})
    assert shapes(network)[0] == (3, 45, 35)


def test_what_must_divide_an_image_is_part_of_the_knob() -> None:
    program = Program(patches, runs_where(lambda size: size % 4 == 0))
    data = written(patches(96, 96), program=program).data
    assert data["knobs"]["resolution"]["multiple_of"] == 4
    spec = spec_from_data(data)
    assert shapes(elaborate(spec, {"resolution": (100, 8)}))[0] == (8, 25, 2)
    with pytest.raises(UsageError, match="is a multiple of 4, not 98") as caught:
        elaborate(spec, {"resolution": 98})
    assert "hint: 96 or 100" in str(caught.value)


def test_each_side_has_its_own_default_and_one_multiple() -> None:
    program = Program(patches, runs_where(lambda size: size % 4 == 0))
    knobs = written(patches(96, 64), program=program).data["knobs"]
    assert knobs["image_height"] == {"default": 96, "multiple_of": 4, "help": "rows"}
    assert knobs["image_width"] == {"default": 64, "multiple_of": 4, "help": "columns"}


def test_a_program_that_takes_one_size_gives_no_knob() -> None:
    program = Program(patches, runs_where(lambda size: size == 96))
    result = written(patches(96, 96), program=program)
    assert "knobs" not in result.data
    assert result.notes == ("right at 96x96 only, since the program is another one at other sizes",)


def test_a_spec_has_to_refuse_what_an_export_refuses() -> None:
    """Where it is not known what runs, an export that is refused says it."""

    def graph(height: int, width: int) -> LayerGraph | None:
        return patches(height, width) if height % 4 == width % 4 == 0 else None

    assert "knobs" not in written(patches(96, 96), program=Program(graph)).data


def module(forward: Callable[[Any, Any], Any]) -> Any:
    """A module with a convolution `c` to 8 channels, and a linear layer `l` of 8 features."""
    torch: Any = pytest.importorskip("torch")

    class Made(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.c = torch.nn.Conv2d(3, 8, 1)
            self.l = torch.nn.Linear(8, 4)

        def forward(self, x: Any) -> Any:
            return forward(self, self.c(x))

    return Made().eval()


def rows(m: Any, x: Any) -> Any:
    return m.l(x.flatten(2).transpose(1, 2))


def resized(m: Any, x: Any) -> Any:
    import torch

    return rows(m, torch.nn.functional.interpolate(x, size=(32, 32)))


def halved_if_large(m: Any, x: Any) -> Any:
    return rows(m, x[:, :, ::2] if x.shape[2] > 48 else x)


def repeated(m: Any, x: Any) -> Any:
    return rows(m, x).repeat(1, x.shape[2] // 32, 1)


def attention_if_small(m: Any, x: Any) -> Any:
    y = x.flatten(2).transpose(1, 2)
    return m.l(y @ y.transpose(1, 2) @ y) if y.shape[1] < 9000 else m.l(y)


FIXING = {
    "a literal reshape that mixes the batch": lambda m, x: m.l(x.view(-1, 8, 1024).transpose(1, 2)),
    "a literal reshape that changes nothing": lambda m, x: m.l(
        x.view(x.shape[0], 8, 32, -1).mean(2).transpose(1, 2)
    ),
    "a resize to the size that it has": resized,
    "another operator from a size on": halved_if_large,
    "no product of matrices on large images": attention_if_small,
    "repeated as often as the size says": repeated,
}


@pytest.mark.parametrize("forward", FIXING.values(), ids=FIXING.keys())
def test_a_module_that_is_another_one_elsewhere_is_fixed(forward: Any) -> None:
    imported = import_model(module(forward), shapes={"x": (1, 3, 32, 32)})
    assert not imported.spec.knobs
    assert any("right at 32x32 only" in note for note in imported.notes)


def test_a_module_that_checks_its_input_has_a_multiple() -> None:
    def forward(m: Any, x: Any) -> Any:
        assert x.shape[2] % 8 == 0
        assert x.shape[3] % 8 == 0
        return rows(m, x)

    imported = import_model(module(forward), shapes={"x": (1, 3, 32, 32)})
    assert imported.spec.knobs["resolution"].multiple_of == 8
    assert shapes(elaborate(imported.spec, {"resolution": 40}))[-1] == (1600, 4)


def test_a_module_of_convolutions_is_free() -> None:
    imported = import_model(module(rows), shapes={"x": (1, 3, 32, 32)})
    assert imported.spec.knobs["resolution"].multiple_of == 1
    assert shapes(elaborate(imported.spec, {"resolution": (7, 9)}))[-1] == (63, 4)


@pytest.mark.parametrize(("literal", "is_free"), [((1, 3, 8, -1), False), ((0, 0, 0, -1), True)])
def test_a_number_of_a_file_that_leaves_no_layer_fixes_it(
    tmp_path: Path, literal: tuple[int, ...], is_free: bool
) -> None:
    onnx: Any = pytest.importorskip("onnx")
    from onnx_files import model, tensor

    helper = onnx.helper
    shape = helper.make_tensor("shape", onnx.TensorProto.INT64, [4], literal)
    path = tmp_path / "net.onnx"
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Reshape", ["a", "shape"], ["b"]),
        helper.make_node("AveragePool", ["b"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    onnx.save(model(nodes, outputs=[tensor("y", (1, 3, 4, 4))], stored=[shape]), path)
    assert bool(import_model(path).spec.knobs) is is_free
