"""Axes by name and by number, images and stacks of sequences, and what is in doubt about them."""

from __future__ import annotations

import pytest

from mnet_cost.analysis.work import count_work
from mnet_cost.errors import SpecError
from mnet_cost.layers import KINDS
from mnet_cost.layers.fields import AXIS, fields_of
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES

STACK = "{shape: [64, 49, 96], layout: sequence}"
IMAGE = "{shape: [64, 49, 96], layout: image}"
UNSAID = "[64, 49, 96]"


def network(layers: str, x: str) -> Network:
    return elaborate(parse_spec(f"format: 1\nname: n\ninput: {{x: {x}}}\nlayers: [{layers}]\n"))


def params(layers: str, x: str) -> int:
    """Params and buffers of all layers."""
    costs = count_work(network(layers, x), DTYPES["fp32"])
    return sum(cost.params + cost.buffers for cost in costs)


def warnings(layers: str, x: str) -> list[str]:
    return [warning.message for warning in network(layers, x).warnings]


SIZES = {-3: 64, -2: 49, -1: 96}
COUNTED = {"batch_norm": 4, "layer_norm": 2, "scale": 1, "prelu": 1}
"""Stored elements of a layer for each place of its axis."""


@pytest.mark.parametrize("kind", COUNTED)
@pytest.mark.parametrize(
    ("axis", "x", "place"),
    [
        ("channels", IMAGE, -3), ("height", IMAGE, -2), ("width", IMAGE, -1),
        ("length", STACK, -2), ("features", STACK, -1), ("width", STACK, -1),
        ("channels", UNSAID, -3), ("features", UNSAID, -1), ("length", UNSAID, -2),
        *((number, x, number) for number in (-3, -2, -1) for x in (IMAGE, STACK, UNSAID)),
    ],
)  # fmt: skip
def test_an_axis_that_is_said(kind: str, axis: object, x: str, place: int) -> None:
    layers = f"{{{kind}: {{axis: {axis}}}}}"
    assert params(layers, x) == COUNTED[kind] * SIZES[place]
    assert warnings(layers, x) == []


@pytest.mark.parametrize("kind", COUNTED)
def test_what_is_known_is_not_asked(kind: str) -> None:
    assert params(kind, IMAGE) == COUNTED[kind] * 64
    assert params(kind, STACK) == COUNTED[kind] * 96
    assert params(f"relu, {kind}", STACK) == COUNTED[kind] * 96
    assert warnings(kind, IMAGE) == warnings(f"relu, {kind}", STACK) == []


ALONG = [kind for kind, layer in KINDS.items() if fields_of(layer).get("axis")]


def test_kinds_with_an_axis() -> None:
    assert sorted(ALONG) == [
        "batch_norm", "concat", "cumulative", "gather", "l2_normalize", "layer_norm", "prelu",
        "rms_norm", "roll", "scale", "scatter", "slice", "softmax", "split", "take", "top_k",
    ]  # fmt: skip
    assert all(fields_of(KINDS[kind])["axis"].kind is AXIS for kind in ALONG)


NEEDED = {
    "split": "parts: 1", "take": "index: 0", "roll": "shift: 1", "cumulative": "operation: sum",
    "top_k": "count: 3",
}  # fmt: skip


@pytest.mark.parametrize("kind", [kind for kind in ALONG if kind not in ("gather", "scatter")])
@pytest.mark.parametrize("before", ["", "relu, ", "{reshape: {shape: [64, 49, 96]}}, "])
def test_a_guess_is_said_once(kind: str, before: str) -> None:
    last = "{identity: {}, from: best.0}" if kind == "top_k" else "identity"
    named_id = "id: best, " if kind == "top_k" else ""
    layers = f"{before}{{{named_id}{kind}: {{{NEEDED.get(kind, '')}}}}}, {last}"
    named = (
        "`x` (line 3)" if not before else f"`{'relu' if 'relu' in before else 'reshape'}` (line 4)"
    )
    taken = "an image [channels, height, width]"
    if kind == "take":
        taken = "64 sequences of 49 positions with 96 features"
        if "reshape" in before:
            return  # `take` of length says itself what it needs
    assert warnings(layers, UNSAID) == [f"`{kind}` treats {named}, [64, 49, 96], as {taken}"]


def test_one_slope_has_no_axis() -> None:
    assert warnings("{prelu: {per_channel: false}}", UNSAID) == []
    assert params("{prelu: {per_channel: false}}", UNSAID) == 1


@pytest.mark.parametrize(
    "layer",
    ["{attention: {heads: 2}}", "{lstm: {features: 3}}", "class_token", "position_embedding",
     "{to_image: {height: 7}}", "{take: {index: 0}}"],
)  # fmt: skip
def test_images_are_no_sequences(layer: str) -> None:
    kind = layer.strip("{").partition(":")[0]
    of_image = "64 sequences of 49 positions with 96 features, but it is an image"
    text = f"`{kind}` treats `relu` (line 4), [64, 49, 96], as {of_image}"
    if kind != "take":  # which finds no `length` there
        assert warnings(f"relu, {layer}", IMAGE) == [text]
    assert warnings(f"relu, {layer}", STACK) == []
    assert warnings(layer, UNSAID) == [
        f"`{kind}` treats `x` (line 3), [64, 49, 96], as "
        "64 sequences of 49 positions with 96 features"
    ]
    assert warnings(f"{{reshape: {{shape: [64, 49, 96]}}}}, {layer}", UNSAID) == []


@pytest.mark.parametrize(
    "layer",
    ["{attention: {heads: 3, score_bias: true}, from: [q, x]}",
     "{scaled_dot_product_attention: {heads: 3}, from: [q, q, q, x]}"],
)  # fmt: skip
def test_a_bias_of_scores_is_neither_image_nor_sequence(layer: str) -> None:
    layers = f"{{id: q, parameter: {{shape: [49, 96]}}}}, {layer}"
    assert warnings(layers, "[3, 49, 49]") == []
    assert warnings(layers, "{shape: [3, 49, 49], layout: image}") == []
    # What else reads it is in doubt as before, and attention settles nothing.
    kind = layer.strip("{").partition(":")[0]
    normed = f"{layers}, {{group_norm: {{groups: 3}}, from: x}}"
    assert warnings(normed, "[3, 49, 49]") == [
        "`group_norm` treats `x` (line 3), [3, 49, 49], as an image [channels, height, width]",
        f"no output depends on `{kind}`",
    ]


@pytest.mark.parametrize(
    "layer",
    ["{conv2d: {channels: 2, kernel: 1}}", "{max_pool2d: {kernel: 2}}", "global_avg_pool",
     "instance_norm", "{group_norm: {groups: 2}}", "{pad: {padding: 1}}", "to_sequence"],
)  # fmt: skip
def test_stacks_are_no_images(layer: str) -> None:
    kind = layer.strip("{").partition(":")[0]
    taken = "`linear` (line 4), [64, 49, 96], as an image, but it is a stack of sequences"
    assert warnings(f"{{linear: {{features: 96}}}}, {layer}", STACK) == [f"`{kind}` treats {taken}"]
    assert warnings(f"{layer}", IMAGE) == []
    guessed = ["`{}` treats `x` (line 3), [64, 49, 96], as an image [channels, height, width]"]
    said = [guessed[0].format(kind)] if "norm" in kind else []
    assert warnings(layer, UNSAID) == said


def test_linear_on_an_image() -> None:
    layers = "{conv2d: {channels: 4, kernel: 1}}, {linear: {features: 5}}"
    assert warnings(layers, "[3, 8, 8]") == [
        "`linear` treats `conv2d` (line 4), [4, 8, 8], as 32 rows of 8 features, but it is an image"
    ]
    assert warnings("{linear: {features: 5}}", UNSAID) == [
        "`linear` treats `x` (line 3), [64, 49, 96], as 3136 rows of 96 features"
    ]
    assert warnings("{linear: {features: 5}}", STACK) == []


@pytest.mark.parametrize(
    ("x", "warned"),
    [
        ("[224, 224, 3]", True), ("[480, 640, 1]", True), ("[16, 16, 4]", True),
        ("[2, 64, 48, 3]", True), ("[3, 224, 224]", False), ("[8, 100, 1]", False),
        ("[224, 224, 2]", False), ("{shape: [224, 224, 3], layout: image}", False),
        ("{shape: [224, 224, 3], dtype: uint8}", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "layer", ["{conv2d: {channels: 2, kernel: 3}}", "{avg_pool2d: {kernel: 2}}", "global_avg_pool"]
)
def test_channels_that_come_last(x: str, warned: bool, layer: str) -> None:
    assert bool(warnings(f"identity, {layer}", x)) is warned
    if warned and x == "[224, 224, 3]":
        kind = layer.strip("{").partition(":")[0]
        assert warnings(layer, x) == [
            f"`{kind}` treats `x` (line 3), [224, 224, 3], as an image of 224 channels, 224 high "
            "and 3 wide"
        ]


@pytest.mark.parametrize(
    ("layers", "layout"),
    [
        ("{conv2d: {channels: 4, kernel: 1}}, relu", "image"),
        ("{linear: {features: 7}}, relu, dropout", "sequence"),
        ("{attention: {heads: 1}}, {add: [previous, x]}", "sequence"),
        ("to_sequence, {reshape: {shape: [7, 7, 4096]}}", None),
        ("{layer_norm: {axis: features}}", "sequence"),
        ("{layer_norm: {axis: -1}}", "input"),
        ("{transpose: {axes: [1, 2, 0]}}", None),
    ],
)
def test_a_tensor_remembers_what_it_is(layers: str, layout: str | None) -> None:
    x = "[64, 49, 96]" if "to_seq" not in layers else "[64, 49, 64]"
    assert network(layers, x).tensors[-1].type.layout == layout


def test_several_images_pooled_are_rows_of_channels() -> None:
    assert params("global_avg_pool, batch_norm", "[5, 2, 8, 4, 4]") == 4 * 8


def test_a_block_is_warned_of_once() -> None:
    text = (
        "format: 1\nname: n\ninput: {x: [8, 8, 8]}\nblocks:\n  b:\n    layers:\n"
        "      - {reshape: {shape: [8, 8, 8]}}\n      - softmax\nlayers:\n  - {b: {}, repeat: 3}\n"
    )
    (warning,) = elaborate(parse_spec(text)).warnings
    assert warning.span is not None
    assert warning.span.line == 8
    assert warning.hint == (
        "name the axis: `axis: channels`, `axis: features`, or by number: `axis: -1`"
    )


GUESSING = ["batch_norm", "scale", "layer_norm", "{concat: [previous, x]}", "{split: {parts: 1}}",
            "instance_norm", "{prelu: {}}, softmax"]  # fmt: skip


@pytest.mark.parametrize("guess", GUESSING)
@pytest.mark.parametrize(
    "evidence",
    ["relu, {conv2d: {channels: 2, kernel: 1}}", "{max_pool2d: {kernel: 2}, from: x}",
     "{softmax: {axis: channels}, from: x}", "{add: [x, other]}", "dropout, global_avg_pool"],
)  # fmt: skip
@pytest.mark.parametrize("size", ["[3, 64, 96]", "[64, 49, 96]"])
def test_what_another_layer_says_is_no_guess(guess: str, evidence: str, size: str) -> None:
    inputs = f"{{x: {size}, other: {{shape: {size}, layout: image}}}}"
    last = "{add: [previous, previous]}, flatten, {id: end, linear: {features: 1}}"
    text = f"{{relu: {{}}, from: x}}, {{id: g, layers: [{guess}]}}, {evidence}, {last}"
    text = text.replace("{id: g, layers: [{split: {parts: 1}}]}", "{split: {parts: 1}, id: g}")
    if "split" in guess:
        text = text.replace("id: g}, relu", "id: g}, {relu: {}, from: g.0}")
        text = text.replace("id: g}, dropout", "id: g}, {dropout: {}, from: g.0}")
    net = elaborate(parse_spec(f"format: 1\nname: n\ninput: {inputs}\nlayers: [{text}]\n"))
    assert [warning.message for warning in net.warnings if "treats" in warning.message] == []


READERS = ["{attention: {heads: 3}}", "{linear: {features: 2}}", "{lstm: {features: 2}}"]


@pytest.mark.parametrize("guess", ["batch_norm", "{layer_norm: {affine: false}}", "scale"])
@pytest.mark.parametrize("reader", READERS)
def test_a_guess_that_another_layer_contradicts_is_refused(guess: str, reader: str) -> None:
    kind, name = guess.strip("{").partition(":")[0], reader.strip("{").partition(":")[0]
    with pytest.raises(SpecError) as caught:
        network(f"{guess}, relu, {reader}", UNSAID)
    (problem,) = caught.value.problems
    assert problem.message == (
        f"`{kind}` treats `x` (line 3), [64, 49, 96], as an image [channels, height, width], "
        f"and `{name}` (line 4) as sequences"
    )
    assert problem.hint is not None
    assert problem.hint.startswith("name the axis: `axis: channels`, `axis: features`")
    # Both ways out lead out.
    named = guess.strip("{}").removesuffix(": {affine: false") + ": {axis: features}"
    assert network(f"{{{named}}}, relu, {reader}", UNSAID).steps
    assert network(f"{guess}, relu, {reader}", STACK).warnings == ()


@pytest.mark.parametrize("reader", READERS)
def test_what_is_read_in_both_ways_is_said(reader: str) -> None:
    texts = f"batch_norm, {{conv2d: {{channels: 2, kernel: 1}}, from: x}}, {reader}"
    assert len(warnings(texts, UNSAID)) == 2


def test_a_guess_is_said_for_each_tensor_of_its_own() -> None:
    text = "{id: a, layer_norm: {}, from: x}, {reshape: {shape: [96, 49, 64]}}, layer_norm, softmax"
    assert warnings(text, UNSAID) == [
        f"`layer_norm` treats {tensor} as an image [channels, height, width]"
        for tensor in ("`x` (line 3), [64, 49, 96],", "`reshape` (line 4), [96, 49, 64],")
    ]


def test_equal_copies_are_looked_at_one_by_one() -> None:
    text = """
format: 1
name: n
input: {left: [64, 49, 96], right: [64, 49, 96]}
blocks: {norm: {layers: [layer_norm]}}
layers:
  - {norm: {}, from: left}
  - {id: c, conv2d: {channels: 2, kernel: 1}}
  - {id: other, norm: {}, from: right}
outputs: [c, other]
"""
    (warning,) = elaborate(parse_spec(text)).warnings
    assert warning.message.startswith("`layer_norm` treats `right` (line 4)")


SIGNAL, VOLUME = "{shape: [6, 40], layout: signal}", "{shape: [6, 4, 8, 9], layout: volume}"


@pytest.mark.parametrize(
    ("layers", "x", "layout", "stored"),
    [
        ("batch_norm, relu, scale, {prelu: {}}", SIGNAL, "signal", 24 + 6 + 6),
        ("batch_norm, dropout, layer_norm", VOLUME, "volume", 24 + 12),
        ("{conv1d: {channels: 4, kernel: 1}}, batch_norm", "[6, 40]", "signal", 24 + 16),
        ("{conv3d: {channels: 4, kernel: 1}}, batch_norm", "[6, 4, 8, 9]", "volume", 24 + 16),
        ("{max_pool1d: {kernel: 2}}, {group_norm: {groups: 3}}", "[6, 40]", "signal", 12),
        ("{avg_pool3d: {kernel: 2}}, {instance_norm: {affine: true}}", VOLUME, "volume", 12),
        ("{split: {parts: 2}, id: s}, {batch_norm: {}, from: s.1}", SIGNAL, "signal", 12),
        ("{concat: [x, x]}, batch_norm", VOLUME, "volume", 48),
        ("to_sequence, batch_norm", SIGNAL, "sequence", 24),
        ("{global_avg_pool: {keep: true}}, batch_norm", VOLUME, "volume", 24),
        ("{layer_norm: {axis: length}}", SIGNAL, "signal", 80),
        ("{layer_norm: {axis: depth}}", VOLUME, "volume", 8),
        ("{batch_norm: {axis: height}}", VOLUME, "volume", 32),
    ],
)
def test_channels_of_signals_and_volumes(layers: str, x: str, layout: str, stored: int) -> None:
    made = network(layers, x)
    assert made.tensors[-1].type.layout == layout
    assert params(layers, x) == stored
    assert [warning.message for warning in made.warnings if "treats" in warning.message] == []


@pytest.mark.parametrize(
    ("layers", "x", "taken"),
    [
        ("{linear: {features: 2}}", SIGNAL, "6 rows of 40 features, but it is a signal"),
        ("{lstm: {features: 2}}", SIGNAL,
         "a sequence of 6 positions with 40 features, but it is a signal"),
        ("{attention: {heads: 1}}", "{shape: [2, 6, 40], layout: signal}",
         "2 sequences of 6 positions with 40 features, but it is a stack of signals"),
        ("{conv2d: {channels: 2, kernel: 1}}", VOLUME, "an image, but it is a volume"),
        ("{pad: {padding: 1}}", "{shape: [2, 6, 40], layout: signal}",
         "an image, but it is a stack of signals"),
        ("{conv1d: {channels: 2, kernel: 1}}", IMAGE, "a signal, but it is an image"),
        ("{conv3d: {channels: 2, kernel: 1}}", "{shape: [2, 6, 9, 9], layout: image}",
         "a volume, but it is an image"),
        ("{max_pool1d: {kernel: 2}}", STACK, "a signal, but it is a stack of sequences"),
        ("{conv1d: {channels: 2, kernel: 1}}", "{shape: [40, 6], layout: sequence}",
         "a signal, but it is a sequence"),
    ],
)  # fmt: skip
def test_signals_and_volumes_are_neither_images_nor_sequences(
    layers: str, x: str, taken: str
) -> None:
    kind = layers.strip("{").partition(":")[0]
    (warning,) = warnings(layers, x)
    assert warning.startswith(f"`{kind}` treats `x` (line 3), [")
    assert warning.endswith(f"], as {taken}")


def test_a_convolution_on_what_a_layer_of_sequences_made() -> None:
    """Features are last there: a kernel would slide over them."""
    text = "{linear: {features: 8}}, {conv1d: {channels: 4, kernel: 3}}"
    assert warnings(text, "[40, 6]") == [
        "`conv1d` treats `linear` (line 4), [40, 8], as a signal, but it is a sequence"
    ]
    turned = (
        "{linear: {features: 8}}, {transpose: {axes: [1, 0]}}, {conv1d: {channels: 4, kernel: 3}}"
    )
    assert warnings(turned, "[40, 6]") == []


@pytest.mark.parametrize(
    ("reader", "x", "guess"),
    [
        ("{conv1d: {channels: 2, kernel: 3}}", "[6, 40]", "a sequence [length, features]"),
        ("{max_pool1d: {kernel: 3}}", "[2, 6, 40]", "an image [channels, height, width]"),
        ("{conv3d: {channels: 2, kernel: 1}}", "[6, 4, 8, 9]",
         "an image [channels, height, width]"),
    ],
)  # fmt: skip
def test_a_guess_that_a_signal_or_a_volume_contradicts_is_refused(
    reader: str, x: str, guess: str
) -> None:
    name = reader.strip("{").partition(":")[0]
    layout = "volume" if "3d" in reader else "signal"
    with pytest.raises(SpecError) as caught:
        network(f"batch_norm, relu, {reader}", x)
    (problem,) = caught.value.problems
    assert problem.message == (
        f"`batch_norm` treats `x` (line 3), {x}, as {guess}, and `{name}` (line 4) as {layout}s"
    )
    assert (
        network(f"batch_norm, relu, {reader}", f"{{shape: {x}, layout: {layout}}}").warnings == ()
    )


def test_two_axes_are_a_sequence_without_a_doubt() -> None:
    assert warnings("batch_norm, relu, {linear: {features: 3}}", "[40, 6]") == []
    assert warnings("{reshape: {shape: [40, 6]}}, softmax", "[6, 40]") == []


def test_channels_last_are_no_evidence() -> None:
    assert warnings("batch_norm, {conv2d: {channels: 2, kernel: 3}}", "[224, 224, 3]") == [
        "`batch_norm` treats `x` (line 3), [224, 224, 3], as an image [channels, height, width]",
        "`conv2d` treats `batch_norm` (line 4), [224, 224, 3], as an image of 224 channels, "
        "224 high and 3 wide",
    ]
