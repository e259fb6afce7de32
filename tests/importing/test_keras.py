"""Models of Keras: their layers as ours, calls and models in models, and files that are damaged.

Params and shapes are those that Keras 3.15.1 gives for the same layers.
"""

from __future__ import annotations

import copy
import csv
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from keras_files import (
    Json,
    called,
    functional,
    given,
    layer,
    operation,
    sequential,
    tensor,
    written,
)

import mnet_cost
from mnet_cost.errors import ModelFileError
from mnet_cost.importing.files import layers_of
from mnet_cost.importing.graph import Batch
from mnet_cost.importing.imports import import_model
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.readers import archive
from mnet_cost.importing.readers import keras as reader
from mnet_cost.importing.readers.contents import Unreadable
from mnet_cost.importing.readers.keras import graph_of, read_keras

IMAGE = [20, 24, 6]


def layers(config: Json, version: str = "3.15.1") -> LayerGraph:
    return layers_of(graph_of(config, {"keras_version": version}, "net.keras"))


def kinds(config: Json, version: str = "3.15.1") -> list[tuple[str, dict[str, Any]]]:
    return [(made.kind, dict(made.fields)) for made in layers(config, version).layers]


def of(shape: list[int | None], *entries: Json) -> tuple[tuple[int, ...], int]:
    """(Shape of the output, params) of layers one after the other."""
    graph = layers(sequential(given(shape), *entries))
    (output,) = graph.outputs
    return graph.type_of(output).shape, params(graph)


def params(graph: LayerGraph) -> int:
    """Trained elements, by the rules of the kinds."""
    from mnet_cost.importing.resolution import layer_of

    total = 0
    for made in graph.layers:
        work = layer_of(made).work(tuple(map(graph.type_of, made.inputs)), made.types[0])
        assert work is not None
        total += work.params if made.shares is None else 0
    return total


def problem(config: Any) -> str:
    with pytest.raises((ModelFileError, Unreadable)) as caught:
        layers(config)
    return str(caught.value)


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_keras(path)
    return str(caught.value).replace(str(path), "FILE")


def conv(**config: Any) -> Json:
    return layer("Conv2D", **({"filters": 8, "kernel_size": [3, 3]} | config))


def test_a_file(tmp_path: Path) -> None:
    model = sequential(
        given([28, 28, 1]),
        layer("Conv2D", "c", filters=32, kernel_size=[3, 3], activation="relu"),
        layer("MaxPooling2D", "p", pool_size=[2, 2]),
        layer("Flatten", "f"),
        layer("Dropout", "d", rate=0.5),
        layer("Dense", "fc", units=10, activation="softmax"),
    )
    path = written(tmp_path / "digits.keras", model)
    graph = read_keras(path)
    assert (graph.dialect, graph.name, graph.source) == (
        "keras", "digits", "digits.keras, a model of Keras 3.15.1",
    )  # fmt: skip
    assert graph.inputs[0].shape == (Batch(1), 28, 28, 1)
    assert [node.name for node in graph.nodes] == ["c", "p", "f", "d", "fc"]
    analysis = mnet_cost.analyze(str(path))
    assert (analysis.totals.params, analysis.totals.mult_adds) == (54410, 248768)
    assert import_model(path).text.splitlines()[-6:] == [
        "  - conv2d: {channels: 32, kernel: 3, padding: 0, bias: true}",
        "  - relu",
        "  - max_pool2d: {kernel: 2, stride: 2, padding: 0}",
        "  - flatten",
        "  - linear: {features: 10}",
        "  - softmax",
    ]


@pytest.mark.parametrize(
    ("entry", "shape", "count"),
    [
        (conv(padding="same", strides=[3, 3]), (8, 7, 8), 440),
        (conv(padding="valid", strides=2), (8, 9, 11), 440),
        (conv(kernel_size=[3, 5], dilation_rate=2, groups=2, use_bias=False), (8, 16, 16), 360),
        (layer("DepthwiseConv2D", kernel_size=3, depth_multiplier=2, strides=2), (12, 9, 11), 120),
        (
            layer(
                "SeparableConv2D", filters=9, kernel_size=[3, 5], depth_multiplier=2,
                strides=[3, 3], padding="same",
            ),
            (9, 7, 8),
            297,
        ),
        (layer("Conv2DTranspose", filters=8, kernel_size=3, strides=2, padding="same"),
         (8, 40, 48), 440),
        (layer("Conv2DTranspose", filters=8, kernel_size=3, strides=2), (8, 41, 49), 440),
        (layer("Conv2DTranspose", filters=8, kernel_size=2, strides=3), (8, 60, 72), 200),
        (layer("Conv2DTranspose", filters=8, kernel_size=4, strides=3, padding="same"),
         (8, 60, 72), 776),
        (layer("Conv2DTranspose", filters=8, kernel_size=4, strides=2, padding="same",
               output_padding=1), (8, 39, 47), 776),
        (layer("MaxPooling2D", pool_size=[3, 3], strides=[2, 2], padding="same"), (6, 10, 12), 0),
        (layer("AveragePooling2D", pool_size=[2, 3]), (6, 10, 8), 0),
        (layer("GlobalAveragePooling2D"), (6,), 0),
        (layer("ZeroPadding2D", padding=[[1, 2], [3, 4]]), (6, 23, 31), 0),
        (layer("Cropping2D", cropping=[[0, 1], [2, 1]]), (6, 19, 21), 0),
        (layer("UpSampling2D", size=[2, 3]), (6, 40, 72), 0),
        (layer("Flatten"), (2880,), 0),
        (layer("Dense", units=4), (20, 24, 4), 28),
        (layer("Reshape", target_shape=[6, -1]), (6, 480), 0),
        (layer("Permute", dims=[3, 1, 2]), (6, 20, 24), 0),
    ],
)  # fmt: skip
def test_layers_of_images(entry: Json, shape: tuple[int, ...], count: int) -> None:
    assert of([*IMAGE], entry) == (shape, count)


@pytest.mark.parametrize(
    ("entry", "kind", "fields", "count"),
    [
        (layer("BatchNormalization", epsilon=0.001), "batch_norm", {"epsilon": 0.001}, 16),
        (layer("LayerNormalization", epsilon=1e-5), "layer_norm", {"axis": "channels"}, 16),
        (layer("LayerNormalization", epsilon=1e-5, center=False), "layer_norm",
         {"axis": "channels", "bias": False}, 8),
        (layer("GroupNormalization", groups=4, epsilon=1e-5), "group_norm", {"groups": 4}, 16),
        (layer("GroupNormalization", groups=-1, epsilon=1e-5), "instance_norm",
         {"affine": True}, 16),
        (layer("PReLU", shared_axes=[1, 2]), "prelu", {}, 8),
        (layer("ReLU", max_value=6.0), "relu6", {}, 0),
        (layer("LeakyReLU", negative_slope=0.1), "leaky_relu", {"slope": 0.1}, 0),
        (layer("ELU"), "elementwise", {"operation": "elu"}, 0),
        (layer("Softmax"), "softmax", {"axis": "channels"}, 0),
        (layer("Activation", activation="hard_swish"), "hard_swish", {}, 0),
        (layer("Activation", activation="gelu"), "gelu", {}, 0),
        (layer("Rescaling", scale=2.0), "elementwise",
         {"operation": "multiply", "number": 2.0}, 0),
        (layer("GlobalMaxPooling2D", keepdims=True), "global_max_pool", {"keep": True}, 0),
    ],
)  # fmt: skip
def test_layers_behind_a_convolution(
    entry: Json, kind: str, fields: dict[str, Any], count: int
) -> None:
    graph = layers(sequential(given([*IMAGE]), conv(kernel_size=1), entry))
    assert (graph.layers[1].kind, dict(graph.layers[1].fields)) == (kind, fields)
    assert params(graph) - (6 * 8 + 8) == count
    assert len(graph.layers) == 2


def test_norms_with_a_shift_alone_and_slopes_of_each_element() -> None:
    shape, count = of(
        [*IMAGE], conv(kernel_size=1), layer("BatchNormalization", scale=False), layer("PReLU")
    )
    assert (shape, count) == ((8, 20, 24), 56 + 8 + 8 * 20 * 24)


def test_channels_first() -> None:
    first = {"data_format": "channels_first"}
    model = sequential(
        given([6, 20, 24]),
        conv(strides=2, **first),
        layer("BatchNormalization", axis=1),
        layer("MaxPooling2D", pool_size=2, **first),
        layer("GlobalAveragePooling2D", **first),
        layer("Dense", units=4),
    )
    made = [(x.kind, x.types[0].shape) for x in layers(model).layers]
    assert made == [
        ("conv2d", (8, 9, 11)), ("batch_norm", (8, 9, 11)), ("max_pool2d", (8, 4, 5)),
        ("global_avg_pool", (8,)), ("linear", (4,)),
    ]  # fmt: skip


def test_signals_and_volumes() -> None:
    pooled = of(
        [16, 4],
        layer("MaxPooling1D", pool_size=[2]),
        layer("Conv1D", filters=4, kernel_size=[3], groups=2),
        layer("UpSampling1D", size=3),
        layer("ZeroPadding1D", padding=[2, 2]),
        layer("GlobalAveragePooling1D"),
    )
    assert pooled == ((4,), 28)
    causal = layer("Conv1D", filters=8, kernel_size=5, padding="causal", dilation_rate=2)
    assert of([30, 4], causal) == ((8, 30), 168)
    volume = layer("Conv3D", filters=4, kernel_size=3, strides=2, padding="same")
    assert of([8, 9, 10, 2], volume, layer("GlobalAveragePooling3D")) == ((4,), 220)


def test_sequences() -> None:
    words = sequential(
        given([12], dtype="int32"),
        layer("Embedding", input_dim=50, output_dim=16),
        layer("GlobalAveragePooling1D"),
        layer("Dense", units=3),
    )
    assert params(layers(words)) == 851
    assert [kind for kind, _ in kinds(words)] == ["embedding", "reduce", "linear"]
    gru = layer("GRU", units=3, reset_after=True, return_sequences=True)
    assert of([12, 5], gru) == ((12, 3), 3 * (3 * (5 + 3) + 6))
    assert of([12, 5], layer("LSTM", units=6, use_bias=False)) == ((6,), 4 * 6 * (5 + 6))


def test_one_bias_for_each_gate_is_opaque_with_its_cost() -> None:
    ((kind, fields),) = kinds(sequential(given([12, 5]), layer("LSTM", units=6)))
    assert (kind, fields["operation"], fields["shape"]) == ("opaque", "lstm", [6])
    assert (fields["params"], fields["mult_adds"]) == (4 * 6 * (5 + 6) + 24, 12 * 4 * 6 * 11)


def attention(**kwargs: Any) -> Json:
    query = tensor("x", [None, 12, 16])
    entry = layer("MultiHeadAttention", "a", num_heads=4, key_dim=4, value_dim=4)
    return functional([given([12, 16]), called(entry, ([query], {"value": query, **kwargs}))], "a")


def test_attention() -> None:
    assert kinds(attention()) == [("attention", {"heads": 4})]
    assert kinds(attention(use_causal_mask=True)) == [("attention", {"heads": 4, "causal": True})]
    assert params(layers(attention())) == 4 * 16 * 16 + 4 * 16
    context = tensor("c", [None, 9, 10])
    entry = layer("MultiHeadAttention", "a", num_heads=2, key_dim=4, use_bias=False)
    call = called(entry, [tensor("x", [None, 12, 16]), context])
    graph = layers(functional([given([12, 16]), given([9, 10], "c"), call], "a", "net", ["x", "c"]))
    assert params(graph) == 2 * 16 * 8 + 2 * 10 * 8
    assert graph.layers[0].types[0].shape == (12, 16)


def test_a_layer_that_is_called_twice_has_its_weights_once() -> None:
    size = [None, 16, 16, 4]
    model = functional(
        [
            given([16, 16, 4]),
            called(
                layer("Conv2D", "c", filters=4, kernel_size=3, padding="same"),
                tensor("x", size),
                tensor("c", size),
            ),
            called(layer("Add", "a"), [[tensor("c", size, 1), tensor("x", size)]]),
        ],
        "a",
    )
    graph = layers(model)
    assert [made.shares for made in graph.layers] == [None, 0, None]
    assert params(graph) == 4 * 4 * 9 + 4


def inner(name: str = "inner", **more: Any) -> Json:
    model = sequential(
        given([8, 8, 4], "i"),
        layer("Conv2D", "c", filters=4, kernel_size=3, padding="same"),
        layer("ReLU", "r"),
        name=name,
    )
    return model | more


def test_models_in_models() -> None:
    size = [None, 8, 8, 4]
    outer = functional(
        [
            given([8, 8, 4]),
            called(inner(), tensor("x", size), tensor("inner", size)),
            called(inner("other"), tensor("inner", size, 1)),
        ],
        "other",
    )
    graph = graph_of(outer, {}, "net.keras")
    assert [node.name for node in graph.nodes] == [
        "inner/c", "inner/r", "inner/c:2", "inner/r:2", "other/c", "other/r",
    ]  # fmt: skip
    assert [scope.path for scope in graph.nodes[4].scopes] == ["other"]
    assert params(layers_of(graph)) == 2 * (4 * 4 * 9 + 4)


def test_a_model_in_two_others_has_its_weights_once() -> None:
    size = [None, 8, 8, 4]
    shared: dict[str, Any] = {"shared_object_id": 7}
    middle = functional(
        [given([8, 8, 4]), called(inner(**shared), tensor("x", size))], "inner", "middle"
    )
    model = functional(
        [
            given([8, 8, 4]),
            called(inner(**shared), tensor("x", size)),
            called(middle, tensor("inner", size)),
        ],
        # Keras counts the calls of a Functional from 1 here: the first is its own.
        [["middle", 1, 0]],
    )
    assert params(layers(model)) == 4 * 4 * 9 + 4


def test_calls_of_keras_2() -> None:
    conv = layer("Conv2D", "c", filters=4, kernel_size=[3, 3], padding="same")
    merge = layer("Concatenate", "j", axis=-1)
    model = functional(
        [
            layer("InputLayer", "x", batch_input_shape=[None, 8, 8, 4]) | {"inbound_nodes": []},
            conv | {"inbound_nodes": [[["x", 0, 0, {}]]]},
            inner() | {"inbound_nodes": [[["c", 0, 0, {}]]]},
            merge | {"inbound_nodes": [[["c", 0, 0, {}], ["inner", 1, 0, {}]]]},
        ],
        "j",
    )
    graph = layers(model, "2.15.0")
    assert [made.kind for made in graph.layers] == ["conv2d", "conv2d", "relu", "concat"]
    assert graph.layers[3].types[0].shape == (8, 8, 8)


def test_hard_sigmoid_was_another_function_in_keras_2() -> None:
    model = sequential(given([4]), layer("Activation", activation="hard_sigmoid"))
    assert [kind for kind, _ in kinds(model)] == ["hard_sigmoid"]
    assert [fields.get("number") for _, fields in kinds(model, "2.15.0")] == [0.2, 0.5, None]


def test_functions_beside_layers() -> None:
    size = [None, 8, 8, 4]
    part = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": 2}}
    whole = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}
    model = functional(
        [
            given([8, 8, 4]),
            called(conv(filters=4, kernel_size=1, name="c"), tensor("x", size)) | {"name": "c"},
            called(operation("Add", "a"), [tensor("c", size), 3.0]),
            called(operation("GetItem", "g"), [tensor("a", size), [whole, part]]),
            called(operation("Mean", "m", axis=[1, 2]), tensor("g", [None, 4, 8, 4])),
        ],
        "m",
    )
    made = layers(model).layers
    assert [x.kind for x in made] == ["conv2d", "elementwise", "slice", "global_avg_pool"]
    assert made[2].fields == {"step": 2, "axis": "height"}


def custom(entry: Json, name: str = "Custom>Own") -> Json:
    return entry | {"module": None, "registered_name": name}


@pytest.mark.parametrize(
    "entry",
    [
        layer("Lambda", "l", function={"class_name": "__lambda__", "config": {"code": "4wEA"}}),
        custom(layer("Conv2D", "l", filters=3, kernel_size=1)),
        layer("Conv2D", "l") | {"module": "builtins", "registered_name": "Conv2D"},
        layer("Dense", "l", units=4, activation={"module": "own", "class_name": "function",
                                                 "config": "relu", "registered_name": "own"}),
    ],
)  # fmt: skip
def test_what_others_have_written_is_opaque_with_its_shape(entry: Json) -> None:
    size = [None, 8, 8, 4]
    after = called(layer("Flatten", "f"), tensor("l", [None, 5, 6, 7]))
    model = functional([given([8, 8, 4]), called(entry, tensor("x", size)), after], "f")
    (opaque, flat) = layers(model).layers
    assert opaque.kind == "opaque"
    assert opaque.types[0].shape == (5, 6, 7)
    assert flat.types[0].shape == (210,)


def test_what_others_have_written_is_refused_where_nothing_says_its_shape() -> None:
    model = sequential(given([8]), layer("Lambda", "l"))
    assert (
        "node `l` (Lambda) has no rule, and the file does not state the shape of its output"
        in problem(model)
    )
    stated = sequential(given([8]), layer("Lambda", "l", output_shape=[3]))
    assert kinds(stated) == [("opaque", {"operation": "lambda", "shape": [3]})]


def test_open_sizes() -> None:
    model = sequential(given([None, None, 3]), conv())
    hint = "give it: `FILE@height=224`, or for `import` --shape x=1,224,224,3"
    with pytest.raises(ModelFileError) as caught:
        layers(model)
    assert hint in str(caught.value)
    graph = graph_of(model, {}, "net.keras")
    made = layers_of(graph, sizes={"height": 20, "width": 30})
    assert made.layers[0].types[0].shape == (8, 18, 28)
    made = layers_of(graph, {"x": (1, 20, 30, 3)})
    assert made.layers[0].types[0].shape == (8, 18, 28)


def test_an_input_that_a_chain_does_not_name() -> None:
    first = conv() | {"build_config": {"input_shape": [None, 20, 24, 6]}}
    graph = graph_of(sequential(first), {}, "net.keras")
    assert graph.inputs[0].shape == (Batch(1), 20, 24, 6)
    assert "does not state the shape of its input `input`" in problem(sequential(conv()))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ([], "the model should be an object of JSON"),
        ({"class_name": "Own", "config": {"name": "own"}}, "`Own` is a class of its own"),
        (sequential(), "does not state the shape of its input `input`"),
        (functional([], "y"), "has no layer `x`, which is an input"),
        (functional([given([4]), given([4])], "x"), "two layers of a model have one name"),
        (functional([given([4])], "y"), "reads output 0 of call 0 of `y`, which nothing makes"),
        (functional([given([4]), called(layer("Dense", "d", units=2), tensor("d"))], "d"),
         "nodes need each other's outputs"),
        (functional([given([4]), called(layer("Dense", "d", units=2), tensor("q"))], "d"),
         "reads `q:0`, which nothing makes"),
        (functional([given([4]), called(layer("ReLU", "r"), tensor("x", None, 0, 10**9))], "r"),
         "which nothing makes"),
        (sequential(given([-4]), layer("ReLU")), "`x` has a shape that is none"),
        (sequential(given([4]), layer("Dense", units=10**30)), "has no whole number as `units`"),
    ],
)  # fmt: skip
def test_models_that_are_none(config: Any, words: str) -> None:
    assert words in problem(config)


def test_models_in_models_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each model calls the next one twice, and none has a layer: 2^30 calls in a few kB.
    model = functional([given([4])], "x", "m30")
    for number in range(29, -1, -1):
        below = f"m{number + 1}"
        calls = called(model | {"name": below}, tensor("x"), tensor(below))
        model = functional([given([4]), calls], [[below, 2, 0]], f"m{number}")
    assert "calls more than 100,000 layers" in problem(model)
    monkeypatch.setattr(reader, "_MAX_DEPTH", 5)
    assert "more than 5 models inside of each other" in problem(model)


def test_archives_that_are_no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.keras"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    assert "an HDF5 file, as `.h5` files of Keras are" in refusal(path)
    assert "load_model(FILE).save('net.keras')" in refusal(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("data.pkl", b"")
    assert refusal(path).startswith("FILE: is a zip archive without the `config.json` of Keras")
    written(path, sequential(given([4]), layer("ReLU")))
    path.write_bytes(path.read_bytes().replace(b"metadata.json", b"config.json\0\0"))
    assert refusal(path).startswith("FILE: has the member `config.json` twice")
    written(path, b"[" * 100_000)
    assert "nested too deep" in refusal(path)
    monkeypatch.setattr(archive, "MAX_JSON_BYTES", 100)
    written(path, sequential(given([4]), layer("ReLU")))
    assert "the most are 100" in refusal(path)


def test_weights_are_not_opened(tmp_path: Path) -> None:
    model = sequential(given([4]), layer("ReLU"))
    path = written(tmp_path / "net.keras", model, more=b"no weights")
    assert [node.operator for node in read_keras(path).nodes] == ["ReLU"]


def test_mutated_models_give_layers_or_an_error() -> None:
    size = [None, 8, 8, 4]
    whole = functional(
        [
            given([8, 8, 4]),
            called(conv(name="c", padding="same", activation="relu"), tensor("x", size)),
            called(inner(), tensor("x", size), tensor("inner", size)),
            called(layer("BatchNormalization", "b"), tensor("conv2d", [None, 8, 8, 8])),
            called(layer("Concatenate", "j"), [[tensor("b", [None, 8, 8, 8]),
                                                tensor("inner", size, 1)]]),
            called(layer("Cropping2D", "k", cropping=[[1, 0], [0, 1]]),
                   tensor("j", [None, 8, 8, 12])),
            called(operation("Multiply", "m"), [tensor("k", [None, 7, 7, 12]), 2.0]),
            called(layer("GlobalAveragePooling2D", "g"), tensor("m", [None, 7, 7, 12])),
            called(layer("Dense", "d", units=5), tensor("g", [None, 12])),
        ],
        "d",
    )  # fmt: skip
    whole["config"]["layers"][1]["name"] = "conv2d"
    assert layers(whole).layers[-1].types[0].shape == (5,)
    chance = random.Random(15)
    values: list[Any] = [
        None, 0, -1, 10**30, 1.5, "", "s", True, [], {}, [[[]]], "same", "inner", 3, [1, 2],
        "Sequential", "Functional", "Lambda", "Reshape", "LSTM", "MultiHeadAttention", "Permute",
    ]  # fmt: skip
    outcomes = {"layers": 0, "error": 0}
    for _ in range(1500):
        config = copy.deepcopy(whole)
        for _ in range(chance.choice((1, 1, 2))):
            place: Any = config
            while True:
                key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
                below = place[key]
                if not isinstance(below, (dict, list)) or not below or chance.random() < 0.1:
                    break
                place = below
            place[key] = chance.choice(values)
        try:
            layers(config)
            outcomes["layers"] += 1
        except (ModelFileError, Unreadable):
            outcomes["error"] += 1
    assert outcomes["layers"] > 300
    assert outcomes["error"] > 300


OURS = {
    "MobileNet": "mobilenet_v1", "MobileNetV2": "mobilenet_v2", "EfficientNetB0": "efficientnet_b0",
    "MobileNetV3Large": "mobilenet_v3_large", "DenseNet121": "densenet121",
    "ConvNeXtTiny": "convnext_tiny",
}  # fmt: skip
"""Our own files of the same networks. Others differ: ResNet50 of Keras has its strides in other
convolutions and biases, InceptionV3 no factors in its norms, MobileNetV3Small biases."""


def test_figures_of_keras_are_those_of_our_own_files() -> None:
    with (Path(__file__).parent / "keras_networks.csv").open() as file:
        rows = {row["network"]: row for row in csv.DictReader(file)}
    assert len(rows) == 11
    for name, own in OURS.items():
        totals = mnet_cost.analyze(own).totals
        row = rows[name]
        assert totals.params == int(row["trainable"]), name
        assert totals.mult_adds == int(row["mult_adds"]), name
