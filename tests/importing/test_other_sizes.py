"""Numbers that are sizes of an image: expressions where a second export shows of what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from layer_graphs import Layers

from mnet_cost.importing.image_sizes import Program
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.written import written
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.network import elaborate

FIXED = "right at 32x32 only, since to_image (node_3) holds a size: height 16"


def as_an_image(height: int, width: int) -> LayerGraph:
    """A sequence that becomes an image again, as programs with `reshape` write it."""
    layers = Layers((3, height, width))
    rows, columns = -(-height // 2), -(-width // 2)
    x = layers.add("conv2d", layers.input(), channels=8, kernel=3, stride=2)
    x = layers.add("to_sequence", x)
    x = layers.add("linear", x, features=16)
    x = layers.add("to_image", x, height=rows, width=columns)
    x = layers.add("reshape", x, shape=[4, 4, rows * columns])
    layers.add("reshape", x, shape=[16, rows, columns])
    return layers.graph()


def half(rounded: Callable[[int], int]) -> Callable[[int, int], LayerGraph]:
    """The upper part of an image: half of its rows, or nearly."""

    def graph(height: int, width: int) -> LayerGraph:
        layers = Layers((3, height, width))
        x = layers.add("conv2d", layers.input(), channels=8, kernel=3)
        x = layers.add("slice", x, axis="height", stop=rounded(height))
        layers.add("global_avg_pool", x)
        return layers.graph()

    return graph


def test_sizes_are_those_of_the_tensor_before() -> None:
    result = written(as_an_image(32, 32), program=Program(as_an_image))
    assert result.notes == ()
    assert result.data["layers"] == [
        {"id": "conv", "conv2d": {"channels": 8, "kernel": 3, "stride": 2}},
        "to_sequence",
        {"linear": {"features": 16}},
        {"id": "as_image", "to_image": {"height": "conv.height", "width": "conv.width"}},
        {"reshape": {"shape": [4, 4, -1]}},
        {"reshape": {"shape": [16, "as_image.height", -1]}},
    ]
    spec = spec_from_data(result.data)
    for height, width in ((48, 80), (33, 31), (32, 64)):
        network = elaborate(spec, {"resolution": (height, width)})
        shapes = [network.tensors[step.output].type.shape for step in network.steps]
        assert shapes == [layer.types[0].shape for layer in as_an_image(height, width).layers]


def test_without_a_second_export_a_size_stays_fixed() -> None:
    assert written(as_an_image(32, 32)).notes == (FIXED,)
    assert written(as_an_image(32, 32), program=Program(lambda height, width: None)).notes == (
        FIXED,
    )


def test_flat_entries_have_sizes_of_tensors_as_well() -> None:
    data = written(as_an_image(32, 32), flat=True, program=Program(as_an_image)).data
    assert data["layers"][3] == {
        "id": "node_3",
        "to_image": {"height": "node_0.height", "width": "node_0.width"},
    }


def test_sizes_in_a_block_are_those_of_its_input() -> None:
    def graph(height: int, width: int) -> LayerGraph:
        layers = Layers((8, height, width))
        x = layers.input()
        for _ in range(3):
            y = layers.add("to_sequence", x)
            y = layers.add("layer_norm", y)
            y = layers.add("linear", y, features=8)
            y = layers.add("to_image", y, height=height, width=width)
            x = layers.add("add", x, y)
            x = layers.add("conv2d", x, channels=8, kernel=3)
        return layers.graph()

    data = written(graph(16, 16), program=Program(graph)).data
    (block,) = data["blocks"].values()
    assert {"to_image": {"height": "input.height", "width": "input.width"}} in block["layers"]
    assert "arguments" not in block


def test_a_third_size_refutes_what_two_sizes_show() -> None:
    """Half of the rows, rounded up in the program: `// 2` is that at even sizes alone."""
    down, up = half(lambda height: height // 2), half(lambda height: -(-height // 2))
    data = written(down(32, 32), program=Program(down)).data
    assert data["layers"][1] == {"slice": {"stop": "conv.height // 2", "axis": -2}}
    result = written(up(32, 32), program=Program(up))
    assert "knobs" not in result.data
    assert result.notes == (
        "right at 32x32 only, since slice (node_1) holds a size: it is cut at 16",
    )


def test_layers_that_come_with_another_size_fix_it() -> None:
    def graph(height: int, width: int) -> LayerGraph:
        layers = Layers((8, height, width))
        x = layers.add("conv2d", layers.input(), channels=8, kernel=3)
        x = layers.add("slice", x, axis="height", stop=height // 2)
        if height > 40:
            layers.add("max_pool2d", x, kernel=3)
        return layers.graph()

    assert "knobs" not in written(graph(32, 32), program=Program(graph)).data


@pytest.mark.parametrize("size", [(32, 32), (48, 32)])
def test_a_module_is_exported_again(size: tuple[int, int]) -> None:
    torch: Any = pytest.importorskip("torch")
    from mnet_cost.importing.imports import import_model

    class Mixer(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.stem = torch.nn.Conv2d(3, 8, 4, 4)
            self.mix = torch.nn.Linear(8, 8)

        def forward(self, x: Any) -> Any:
            x = self.stem(x)
            batch, channels, height, width = x.shape
            y = self.mix(x.flatten(2).transpose(1, 2))
            return x + y.transpose(1, 2).reshape(batch, channels, height, width)

    imported = import_model(Mixer(), shapes={"x": (1, 3, *size)})
    at: dict[str, Any] = {"resolution": 64}
    if size[0] != size[1]:
        at = {"image_height": 64, "image_width": 64}
    network = elaborate(imported.spec, at)
    assert network.tensors[network.outputs[0]].type.shape == (8, 16, 16)


def test_a_size_of_both_axes_is_a_height_and_a_width() -> None:
    def graph(height: int, width: int) -> LayerGraph:
        layers = Layers((8, height, width))
        x = layers.add("conv2d", layers.input(), channels=8, kernel=3)
        y = layers.add("max_pool2d", x, kernel=2, stride=2)
        size: Any = [height, width] if height != width else height
        layers.add("add", x, layers.add("resize", y, size=size))
        return layers.graph()

    data = written(graph(32, 32), program=Program(graph)).data
    assert data["layers"][2] == {"resize": {"size": ["conv.height", "conv.width"]}}
