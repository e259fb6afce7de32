"""Graphs of layers are folded into specs that a person would have written, and stay the same."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from layer_graphs import Layers, library_graph

from mnet_cost.importing.blocks.arguments import solved
from mnet_cost.importing.blocks.grammar import Grammar, Option, Rule, Slot, Source
from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.legal_names import legal
from mnet_cost.importing.names import snake_case
from mnet_cost.importing.write import flat_data
from mnet_cost.importing.written import written, wrong
from mnet_cost.models.dump import dump_data
from mnet_cost.models.library import model_names, model_path

HERE = Path(__file__).resolve().parent

READ = (
    "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "resnet:resnet50", "efficientnet", "vit",
    "convnext", "densenet", "shufflenet_v2", "googlenet", "swin", "yolov8",
)  # fmt: skip
"""Networks whose folded spec was read, line by line."""


def structure_lines(text: str) -> int:
    """Lines of `blocks` and `layers` that are not empty and no comment."""
    count, inside = 0, False
    for line in text.splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            inside = line.startswith(("blocks:", "layers:"))
        count += inside and bool(line.strip()) and not line.lstrip().startswith("#")
    return count


@pytest.fixture(scope="module")
def graphs() -> dict[str, LayerGraph]:
    """The networks of the library, without modules; all but the few of most layers."""
    graphs = {name: library_graph(name) for name in model_names()}
    return {name: graph for name, graph in graphs.items() if len(graph.layers) < 200}


@pytest.mark.parametrize("name", READ)
def test_a_folded_network_reads_like_this(name: str, update_golden: bool) -> None:
    data = written(library_graph(name)).data
    path = HERE / "folded" / f"{name.replace(':', '_')}.yaml"
    text = dump_data(data)
    if update_golden:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("mobilenet_v2", "mobilenet_v2"),
        ("resnet:resnet50", "resnet"),
        ("vit", "vit"),
        ("convnext", "convnext"),
        ("densenet", "densenet"),
    ],
)
@pytest.mark.parametrize("scopes", [False, True])
def test_folded_is_no_longer_than_what_a_person_wrote(name: str, ours: str, scopes: bool) -> None:
    by_hand = Path(model_path(ours)).read_text(encoding="utf-8")
    text = dump_data(written(library_graph(name, scopes)).data)
    assert structure_lines(text) <= 1.2 * structure_lines(by_hand)


def test_each_network_of_the_library_is_the_same_when_it_is_folded(
    graphs: dict[str, LayerGraph],
) -> None:
    for name, graph in graphs.items():
        result = written(graph)  # compares each form with the graph, layer by layer
        assert not any("flat" in note for note in result.notes), name
        folded, flat = (len(str(data)) for data in (result.data, flat_data(graph)))
        assert folded <= flat, name


def test_modules_give_borders_and_names(graphs: dict[str, LayerGraph]) -> None:
    plain = written(library_graph("densenet")).data
    named = written(library_graph("densenet", scopes=True)).data
    assert set(plain["blocks"]) == {"dense", "norm_act_conv_pool"}
    assert set(named["blocks"]) == {"dense", "transition"}
    assert "bottleneck" in written(library_graph("mobilenet_v2", scopes=True)).data["blocks"]


def test_folding_is_the_same_each_time() -> None:
    graph = library_graph("mobilevit")
    assert dump_data(written(graph).data) == dump_data(written(graph).data)


def test_a_wrong_spec_is_found(graphs: dict[str, LayerGraph]) -> None:
    data = flat_data(graphs["mobilenet_v1"])
    assert wrong(data, graphs["mobilenet_v1"]) is None
    data["layers"][3]["depthwise_conv2d"]["kernel"] = 5
    message = wrong(data, graphs["mobilenet_v1"])
    assert message == "layer 3 (separable.depthwise_conv2d): kernel 5 instead of 3"


def test_each_entry_of_a_flat_spec_is_called_as_its_node() -> None:
    layers = Layers((3, 8, 8))
    x = layers.add("conv2d", layers.input(), channels=4, kernel=3)
    x = layers.add("relu", x)
    graph = layers.graph()
    names = ("/features/0/Conv", "conv_2")
    graph = graph._replace(
        layers=tuple(
            [
                layer._replace(origin=layer.origin._replace(nodes=(name,)))
                for layer, name in zip(graph.layers, names, strict=True)
            ]
        )
    )
    assert flat_data(graph)["layers"] == [
        {"id": "features_0_Conv", "conv2d": {"channels": 4, "kernel": 3}},
        {"id": "conv_2", "relu": {}},
    ]


def test_ids_are_never_like_the_names_that_entries_have_without_them() -> None:
    layers = Layers((3, 8, 8))
    x = layers.add("relu", layers.input())
    for _ in range(3):
        x = layers.add("sigmoid", x)
    graph = layers.graph()
    names = ("relu_2", "relu_2", "input", "9")
    graph = graph._replace(
        layers=tuple(
            [
                layer._replace(origin=layer.origin._replace(nodes=(name,)))
                for layer, name in zip(graph.layers, names, strict=True)
            ]
        )
    )
    ids = [entry["id"] for entry in flat_data(graph)["layers"]]
    assert ids == ["relu_2_1", "relu_2_2", "input_", "n_9"] or len(set(ids)) == 4
    assert wrong(flat_data(graph), graph) is None


def test_a_block_of_two_inputs() -> None:
    layers = Layers((8, 16, 16))
    x = layers.add("conv2d", layers.input(), channels=8, kernel=3)
    y = layers.add("conv2d", x, channels=8, kernel=1)
    for _ in range(5):
        z = layers.add("conv2d", y, channels=8, kernel=3)
        z = layers.add("batch_norm", z)
        z = layers.add("relu", z)
        joined = layers.add("add", z, x)
        w = layers.add("sigmoid", joined)
        x, y = y, layers.add("multiply", w, y)
    graph = layers.graph()
    data = written(graph).data
    (block,) = data["blocks"].values()
    assert len(block["input"]) == 2


def chain(count: int, kinds: int) -> LayerGraph:
    """A chain of layers that repeats nothing for long."""
    layers = Layers((8, 8, 8))
    names = ("relu", "sigmoid", "tanh", "silu", "batch_norm", "hard_sigmoid")[:kinds]
    made = [layers.add(name, layers.input()) for name in names]
    types = [layers.layers[wire.layer or 0] for wire in made]
    state, result = 1, []
    for number in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        layer = types[(state >> 16) % kinds]
        result.append(layer._replace(inputs=(Wire(number - 1) if number else Wire(None),)))
    graph = layers.graph()
    return graph._replace(layers=tuple(result), outputs=(Wire(count - 1),))


def test_a_large_graph_is_folded_in_seconds() -> None:
    graph = chain(1_500, 6)
    start = time.process_time()
    data = written(graph).data
    assert time.process_time() - start < 30  # three seconds on a machine that does nothing else
    assert "blocks" in data


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("InvertedResidual", "inverted_residual"),
        ("Conv2dNormActivation", "conv2d_norm_activation"),
        ("_DenseLayer", "dense_layer"),
        ("ConvNeXtBlock", "conv_next_block"),
        ("SEBlock", "se_block"),
        ("MLP", "mlp"),
        ("BasicBlockV2", "basic_block_v2"),
        ("ViTBlock", "vit_block"),
    ],
)
def test_words_of_a_class_name(name: str, words: str) -> None:
    assert snake_case(name) == words


@pytest.mark.parametrize(
    ("name", "name_of_entry"),
    [
        ("relu", "relu_"),
        ("relu_2", "relu_2_"),
        ("conv2d_2", "conv2d_2_"),
        ("input", "input_"),
        ("previous3", "previous3_"),
        ("2d/conv:0", "n_2d_conv_0"),
        ("///", None),
        ("Größe", "Gr_e"),
        ("stage_2", "stage_2"),
    ],
)
def test_names_that_entries_may_have(name: str, name_of_entry: str | None) -> None:
    assert legal(name) == name_of_entry


def test_a_flag_of_a_block_in_a_block_has_its_name_in_both() -> None:
    layers = Layers((8, 4, 4))
    x = layers.input()
    for has_gate in (True, False):
        x = layers.add("conv2d", x, channels=8, kernel=3)
        x = layers.add("sigmoid", x) if has_gate else x
        x = layers.add("max_pool2d", layers.add("relu", x), kernel=3, stride=1)
    grammar = Grammar([layers.graph()])
    conv, sigmoid, relu, pool = grammar.rules[0].slots[:4]
    first = Source(-1)
    inner = Rule([conv, sigmoid, relu], 1)
    inner.options = [Option(1, 2, Source(0))]
    inner.frames = [[0, 1, 2], [4, None, 5]]
    number = grammar.add(inner)
    outer = Rule([Slot(None, number, (first,)), pool._replace(sources=(Source(0),))], 1)
    outer.frames = [[0, 3], [1, 6]]
    called = grammar.add(outer)
    network = Rule([Slot(None, called, (first,)), Slot(None, called, (Source(0),))], 1)
    network.frames = [[0, 1]]
    grammar.rules[0] = network
    rules = solved(grammar)
    names = [[argument.name for argument in rules[n].arguments] for n in (number, called)]
    assert names == [["with_sigmoid"], ["with_sigmoid"]]


def separable(sizes: list[int | list[int]], stem: list[int]) -> LayerGraph:
    """A stem, and separable convolutions with a padding of each; those that are lists stride."""
    layers = Layers((3, 64, 64))
    x = layers.add(
        "conv2d", layers.input(), channels=8, kernel=3, stride=2, padding=stem, bias=True
    )
    for padding in sizes:
        stride = 2 if isinstance(padding, list) else 1
        x = layers.add("depthwise_conv2d", x, kernel=3, stride=stride, padding=padding)
        x = layers.add("batch_norm", x)
        x = layers.add("relu", x)
        x = layers.add("conv2d", x, channels=8 * stride, kernel=1, padding=0)
        x = layers.add("relu", x)
    return layers.graph()


def test_uneven_padding_is_the_word_where_it_is_that_of_tensorflow() -> None:
    text = dump_data(written(separable([1, [0, 1, 0, 1], 1, [0, 1, 0, 1], 1], [0, 1, 0, 1])).data)
    assert "padding [0, 1, 0, 1], which may be that of one size" in text  # and so no knob
    assert text.partition("blocks:\n")[2].splitlines() == [
        "  separable:",
        "    arguments: {channels: required, stride: 1}",
        "    layers:",
        "      - depthwise_conv2d: {kernel: 3, stride: stride}",
        "      - batch_norm",
        "      - relu",
        "      - conv2d: {channels: channels, kernel: 1}",
        "      - relu",
        "",
        "layers:",
        "  - conv2d: {channels: 8, kernel: 3, stride: 2, bias: true}",
        "  - separable: {channels: 8}",
        "  - separable: {channels: 16, stride: 2}",
        "  - separable: {channels: 8}",
        "  - separable: {channels: 16, stride: 2}",
        "  - separable: {channels: 8}",
    ]


def test_uneven_padding_on_the_other_side_stays() -> None:
    graph = separable([1, [1, 0, 1, 0], 1, [1, 0, 1, 0], 1], [1, 0, 1, 0])
    assert dump_data(written(graph).data).count("padding: [1, 0, 1, 0]") > 1


def test_a_copy_with_another_kernel_is_no_copy() -> None:
    layers = Layers((3, 64, 64))
    x = layers.input()
    for number in range(6):
        kernel, stride = (1, 1) if number else (3, 2)
        x = layers.add("conv2d", x, channels=32, kernel=kernel, stride=stride, padding=kernel // 2)
        x = layers.add("relu6", x)
        x = layers.add("depthwise_conv2d", x, kernel=3)
        x = layers.add("relu6", x)
        x = layers.add("conv2d", x, channels=8, kernel=1)
    text = dump_data(written(layers.graph()).data)
    assert text.endswith(
        "layers:\n"
        "  - conv2d: {channels: 32, kernel: 3, stride: 2, padding: 1}\n"
        "  - relu6\n"
        "  - depthwise_conv2d: {kernel: 3}\n"
        "  - relu6\n"
        "  - conv2d: {channels: 8, kernel: 1}\n"
        "  - {inverted_residual: {}, repeat: 5}\n"
    )
