"""Random graphs with parts that repeat, recognized, folded and written, stay the same network."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from layer_graphs import Layers, library_graph, with_all_passes

from mnet_cost.importing.check import difference
from mnet_cost.importing.flat import layer_data
from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns import recognized
from mnet_cost.importing.resolution import layer_of
from mnet_cost.importing.write import flat_data
from mnet_cost.importing.written import written
from mnet_cost.models.library import model_names
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.models.types import Scope
from mnet_cost.network import elaborate

PARTS = (
    "conv2d", "depthwise_conv2d", "relu", "batch_norm", "add", "multiply", "halves", "join",
    "channels_last", "shuffle", "factor", "table", "gate",
)  # fmt: skip
OTHER_PARTS = (
    "hard_gate", "hard_swish", "identity", "flat", "norm", "roll", "rows", "attention", "pool",
)  # fmt: skip


def add_part(layers: Layers, part: str, x: Wire, other: Wire, kernel: int) -> Wire:
    """Add what one word of `PARTS` stands for; all tensors are [8, 8, 8]."""
    if part == "conv2d":
        return layers.add("conv2d", x, channels=8, kernel=kernel)
    if part == "depthwise_conv2d":
        return layers.add("depthwise_conv2d", x, kernel=kernel)
    if part in ("relu", "batch_norm"):
        return layers.add(part, x)
    if part in ("add", "multiply"):
        return layers.add(part, x, other)
    if part == "halves":
        split = layers.add("split", x, parts=2)
        first, second = Wire(split.layer, 0), Wire(split.layer, 1)
        return layers.add("concat", layers.add("relu", first), second)
    if part == "join":
        return layers.add("conv2d", layers.add("concat", x, other), channels=8, kernel=1)
    if part == "channels_last":
        last = layers.add("transpose", x, axes=[1, 2, 0])
        return layers.add("transpose", layers.add("linear", last, features=8), axes=[2, 0, 1])
    if part == "shuffle":
        split = layers.add("reshape", x, shape=[2, 4, 8, 8])
        return layers.add(
            "reshape", layers.add("transpose", split, axes=[1, 0, 2, 3]), shape=[8, 8, 8]
        )
    if part == "factor":
        return layers.add("multiply", layers.add("parameter", shape=[8, 1, 1]), x)
    if part == "table":
        table = layers.add("constant", shape=[8, 8])
        return layers.add("add", x, layers.add("elementwise", table, operation="sin"))
    if part in ("hard_gate", "hard_swish"):
        shifted = layers.add("elementwise", x, operation="add", number=3)
        gate = layers.add("relu6", shifted)
        if part == "hard_gate":
            return layers.add("elementwise", gate, operation="divide", number=6)
        product = layers.add("multiply", gate, x)
        return layers.add("elementwise", product, operation="multiply", number=1 / 6)
    if part == "identity":
        return layers.add("identity", x)
    if part == "flat":
        return layers.add("reshape", layers.add("flatten", x), shape=[8, 8, 8])
    if part == "norm":
        squares = layers.add("elementwise", x, operation="square")
        means = layers.add("reduce", squares, operation="mean", axes=-1, keep=True)
        return layers.add("multiply", x, layers.add("elementwise", means, operation="rsqrt"))
    if part == "roll":
        parts = [layers.add("slice", x, axis=-1, start=3), layers.add("slice", x, axis=-1, stop=3)]
        return layers.add("concat", *parts, axis=-1)
    if part == "rows":
        rows = layers.add("transpose", layers.add("reshape", x, shape=[8, 64]), axes=[1, 0])
        rows = layers.add("add", rows, layers.add("parameter", shape=[64, 8]))
        return layers.add("reshape", layers.add("transpose", rows, axes=[1, 0]), shape=[8, 8, 8])
    if part == "attention":
        key = layers.add("transpose", other, axes=[0, 2, 1])
        scores = layers.add("matmul", x, key)
        scores = layers.add("elementwise", scores, operation="multiply", number=8**-0.5)
        return layers.add("matmul", layers.add("softmax", scores, axis=-1), x)
    if part == "pool":
        pooled = layers.add("reduce", x, operation="mean", axes=[-1, -2], keep=True)
        return layers.add("multiply", x, pooled)
    assert part == "gate"
    return layers.add("multiply", x, layers.add("sigmoid", x))


def random_graph(seed: int, parts: Sequence[str] = PARTS) -> LayerGraph:
    """Motifs of two to nine parts, a few times each, on tensors made before."""
    rng = random.Random(seed)
    layers = Layers(*[(8, 8, 8)] * rng.randint(1, 2))
    made = [layers.input(number) for number in range(len(layers.inputs))]
    motifs = [
        [(rng.choice(parts), rng.randint(1, 4), rng.choice((1, 3, 5))) for _ in range(length)]
        for length in (rng.randint(2, 9) for _ in range(rng.randint(1, 3)))
    ]
    has_modules = rng.random() < 0.5
    for number in range(rng.randint(2, 10)):
        chosen = rng.randrange(len(motifs))
        if has_modules:
            layers.scopes = (Scope(f"stack.{number}", ("Relu", "Input", "Conv2d")[chosen]),)
        for part, back, kernel in motifs[chosen]:
            other = made[-min(back, len(made))]
            made.append(add_part(layers, part, made[-1], other, kernel))
    outputs = [made[-1]]
    if rng.random() < 0.4:
        outputs.append(rng.choice(made[len(layers.inputs) :]))
    return layers.graph(*outputs)


def counts(graph: LayerGraph) -> tuple[int, int]:
    mult_adds = params = 0
    for layer in graph.layers:
        inputs = tuple([graph.type_of(wire) for wire in layer.inputs])
        work = layer_of(layer).work(inputs, layer.types[0])
        assert work is not None
        mult_adds, params = mult_adds + work.mult_adds, params + work.params
    return mult_adds, params


@pytest.mark.parametrize("seed", range(16))
def test_a_random_graph_stays_the_same(seed: int) -> None:
    graph = random_graph(seed)
    after = recognized(graph)
    assert counts(after) == counts(graph)
    for each in (graph, after):
        data = layer_data(each)
        assert difference(elaborate(spec_from_data(data), {}), each) is None
        flat = flat_data(each)
        assert [entry["id"] for entry in data["layers"]] == [x["id"] for x in flat["layers"]]
    for each in (graph, after):
        assert not any("flat" in note for note in written(each).notes)


@pytest.mark.parametrize("seed", range(150))
def test_passes_that_are_left_out_would_change_nothing(seed: int) -> None:
    # Of few parts each: a graph of all of them needs all passes.
    some = random.Random(seed).sample((*PARTS, *OTHER_PARTS), 1 + seed % 4)
    graph = random_graph(seed, some)
    assert recognized(graph) == with_all_passes(graph)


@pytest.mark.parametrize(
    "name", ["mobilenet_v3_large", "vit", "swin", "convnext", "yolov8", "lenet5"]
)
def test_passes_that_are_left_out_would_not_change_a_network(name: str) -> None:
    graph = library_graph(name)
    assert recognized(graph) == with_all_passes(graph)


@pytest.mark.parametrize("name", model_names())
def test_a_network_layer_by_layer_is_the_same(name: str) -> None:
    graph = library_graph(name)
    data, flat = layer_data(graph), flat_data(graph)
    made, other = (elaborate(spec_from_data(each), {}) for each in (data, flat))
    assert difference(made, graph) == difference(other, graph)
    assert [step.name for step in made.steps] == [step.name for step in other.steps]
    assert {key: data[key] for key in data if key != "layers"} == {
        key: flat[key] for key in flat if key != "layers"
    }
