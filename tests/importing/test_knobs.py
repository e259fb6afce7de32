"""Knobs recovered from imports at several values, and the size of images."""

from __future__ import annotations

import re

import pytest
from layer_graphs import Layers, library_graph

from mnet_cost.importing.knobs import Expressions, NotOfferedError, Sample, with_knob
from mnet_cost.importing.resolution import reshapes_alike, resolution_literals
from mnet_cost.importing.written import written
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.network import elaborate


def samples(name: str, knob: str, *values: float) -> list[Sample]:
    return [Sample(value, library_graph(name, False, **{knob: value})) for value in values]


def test_a_width_that_is_made_divisible_is_recovered() -> None:
    data = with_knob("width_mult", samples("mobilenet_v2", "alpha", 1.0, 0.5, 1.4, 0.35))
    assert data["knobs"]["width_mult"] == {
        "default": 1.0,
        "help": "recovered from imports at 1.0, 0.5, 1.4; exact at 0.35",
    }
    assert data["let"] == {"width(channels)": "make_divisible(channels * width_mult)"}
    assert data["layers"][-6]["conv2d"]["channels"] == "make_divisible(1280 * max(1, width_mult))"
    network = elaborate(spec_from_data(data), {"width_mult": 0.75})
    ours = library_graph("mobilenet_v2", alpha=0.75)
    shapes = [network.tensors[step.output].type.shape for step in network.steps]
    assert shapes == [layer.types[0].shape for layer in ours.layers]


def test_the_size_of_images_is_a_knob_beside_another_one() -> None:
    data = with_knob("alpha", samples("mobilenet_v1", "alpha", 1.0, 0.5, 0.75))
    assert data["knobs"]["resolution"] == {"default": 224, "help": "pixels on each side"}
    network = elaborate(spec_from_data(data), {"alpha": 0.25, "resolution": 160})
    ours = library_graph("mobilenet_v1", alpha=0.25, resolution=160)
    shapes = [network.tensors[step.output].type.shape for step in network.steps]
    assert shapes == [layer.types[0].shape for layer in ours.layers]
    fixed = with_knob("depth", samples("vit", "depth", 12, 6, 3))
    assert list(fixed["knobs"]) == ["depth"]


def test_a_whole_number_is_recovered_inside_blocks() -> None:
    data = with_knob("growth", samples("densenet", "growth", 32, 48, 24))
    dense = data["blocks"]["dense"]["layers"]
    assert [dense[2], dense[5]] == [
        {"conv2d": {"channels": "4 * growth", "kernel": 1}},
        {"conv2d": {"channels": "growth", "kernel": 3}},
    ]


def test_what_no_sample_shows_is_not_offered() -> None:
    text = "no knob `alpha`: at 1.4, layer 146 (last): channels 1280 instead of 1792"
    with pytest.raises(NotOfferedError, match=re.escape(text)):
        with_knob("alpha", samples("mobilenet_v2", "alpha", 1.0, 0.5, 1.4))


def test_a_depth_is_how_often_a_block_is_repeated() -> None:
    data = with_knob("depth", samples("vit", "depth", 12, 6, 3))
    assert data["layers"][4] == {"encoder": {}, "repeat": "depth"}
    data = with_knob("n", samples("resnet:resnet50", "n4", 6, 8, 4))
    assert {"bottleneck": {"channels": 256}, "repeat": "n - 1"} in data["layers"]


def test_layers_that_come_and_go_are_refused() -> None:
    depths = [Sample(value, library_graph(name)) for value, name in enumerate(("vit", "mixer"), 1)]
    text = "no knob `n`: from 1 to 2 layer 2 (class_token) becomes another one"
    with pytest.raises(NotOfferedError, match=re.escape(text)):
        with_knob("n", [*depths, Sample(3, depths[0].graph)])


def test_two_values_are_too_few() -> None:
    with pytest.raises(NotOfferedError, match="at least three different values of `alpha`"):
        with_knob("alpha", samples("mobilenet_v1", "alpha", 1.0, 0.5))


@pytest.mark.parametrize(
    ("at", "values", "text"),
    [
        ((1.0, 0.5, 0.35), (24, 16, 8), "make_divisible(24 * k)"),
        ((1.0, 0.5, 1.4), (1280, 1280, 1792), "make_divisible(1280 * max(1, k))"),
        ((0.5, 0.75), (25, 37), "floor(50 * k)"),
        ((32, 48), (128, 192), "4 * k"),
        ((224, 256), (14, 16), "k // 16"),
        ((224, 256), (197, 257), "(k // 16) * (k // 16) + 1"),
        ((224, 256), (3, 5), None),
        ((1.0, 0.5), (3, 7), None),
    ],
)
def test_expressions(at: tuple[float, ...], values: tuple[int, ...], text: str | None) -> None:
    assert Expressions("k", at).text(values) == text


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet", "vit_free", "convnext", "mobilenet_v1"])
def test_a_relative_graph_has_a_resolution(name: str) -> None:
    graph = library_graph("poolformer" if name == "vit_free" else name)
    result = written(graph)
    assert result.notes == ()
    assert result.data["knobs"] == {"resolution": {"default": 224, "help": "pixels on each side"}}
    for size in (160, 288):
        network = elaborate(spec_from_data(result.data), {"resolution": size})
        ours = library_graph("poolformer" if name == "vit_free" else name, resolution=size)
        shapes = [network.tensors[step.output].type.shape for step in network.steps]
        assert shapes == [layer.types[0].shape for layer in ours.layers]


def test_a_table_of_positions_fixes_the_size() -> None:
    result = written(library_graph("vit"))
    assert "knobs" not in result.data
    assert result.notes == (
        "right at 224x224 only, since position_embedding (position_embedding) holds a size: "
        "what it stores has a size of the image",
    )
    assert result.data["source"] == f"library; {result.notes[0]}"


def test_sizes_in_a_reshape_are_seen_where_minus_one_takes_up_the_rest() -> None:
    layers = Layers((8, 14, 14))
    x = layers.add("conv2d", layers.input(), channels=8, kernel=1)
    x = layers.add("to_sequence", x)
    x = layers.add("reshape", x, shape=[196, -1])
    graph = layers.graph()
    assert resolution_literals(graph)[0].reason == "shape [196, -1] holds a size of the image"


@pytest.mark.parametrize(
    ("before", "after", "shape", "alike"),
    [
        ((196, 768), (784, 768), (-1, 768), True),
        ((196, 768), (784, 768), (196, -1), False),
        ((8, 14, 14), (8, 28, 28), (8, -1), True),
        ((8, 14, 14), (8, 28, 28), (2, 4, -1), True),
        ((8, 14, 14), (8, 28, 28), (-1, 196), False),
        ((196, 768), (784, 768), (-1, 12, 64), True),
        ((196, 768), (784, 768), (14, 14, 768), False),
        ((1, 1, 8), (1, 1, 8), (8,), True),
        ((4, 1, 6), (8, 1, 6), (-1, 6), True),
    ],
)
def test_what_a_reshape_does_at_another_size(
    before: tuple[int, ...], after: tuple[int, ...], shape: tuple[int, ...], alike: bool
) -> None:
    assert reshapes_alike(before, after, shape) is alike


def test_a_pool_of_the_whole_image_fixes_the_size() -> None:
    layers = Layers((8, 7, 7))
    x = layers.add("conv2d", layers.input(), channels=8, kernel=1)
    layers.add("avg_pool2d", x, kernel=7, stride=1, padding=0)
    result = written(layers.graph())
    assert result.notes == (
        "right at 7x7 only, since avg_pool2d (node_1) holds a size: its window is the whole image",
    )


def test_height_and_width_that_differ_are_two_knobs() -> None:
    layers = Layers((3, 64, 48))
    x = layers.add("conv2d", layers.input(), channels=8, kernel=3, stride=2)
    layers.add("global_avg_pool", x)
    data = written(layers.graph()).data
    assert data["input"] == {"x": [3, "image_height", "image_width"]}
    network = elaborate(spec_from_data(data), {"image_height": 32, "image_width": 96})
    assert network.tensors[network.steps[0].output].type.shape == (8, 16, 48)
