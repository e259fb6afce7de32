"""Specs from plain data: equal to those of the text, with places in it, and what is refused."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

import pytest
from hostile_text import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st
from random_specs import specs

import mnet_cost
from mnet_cost import spec_from_data
from mnet_cost.errors import SpecError
from mnet_cost.models import plain_data
from mnet_cost.models.dump import dump_data
from mnet_cost.models.library import load_model, model_names
from mnet_cost.models.load import parse_spec
from mnet_cost.models.plain_data import DataSource
from mnet_cost.yamlfile import Node


def small(**more: Any) -> dict[str, Any]:
    """Data of a network of one convolution."""
    layers = [{"conv2d": {"channels": 8, "kernel": 3}}, "relu"]
    return {"format": 1, "name": "m", "input": {"x": [3, 8, 8]}, "layers": layers, **more}


def nodes_of(node: Node) -> Iterator[Node]:
    """All nodes of a tree, with those of keys."""
    yield node
    if isinstance(node.value, dict):
        for key, value in node.value.items():
            yield node.keys[key]
            yield from nodes_of(value)
    elif isinstance(node.value, list):
        for item in node.value:
            yield from nodes_of(item)


def places(root: Node) -> list[Any]:
    """All that a tree says of places, in the order of places."""
    found = [
        (node.extent, node.line, node.column, node.end, node.quoted, node.text)
        for node in nodes_of(root)
        if not isinstance(node.value, (dict, list))
    ]
    return sorted(found)


def problem(data: Any, **more: Any) -> str:
    """The message of the error that the data raises."""
    with pytest.raises(SpecError) as caught:
        spec_from_data(data, **more)
    return str(caught.value)


@pytest.mark.parametrize("name", model_names())
def test_library(name: str) -> None:
    spec = load_model(name).spec
    for variant in (None, *spec.variants):
        own = spec if variant is None else load_model(f"{name}:{variant}").spec
        assert spec_from_data(own.data) == own
        if not spec.extension:
            assert spec_from_data(spec.data, variant=variant) == own
    of_data = spec_from_data(spec.data)
    of_text = parse_spec(dump_data(spec.data))
    for attribute in ("name", "source", "variants", "knobs", "published"):
        assert getattr(of_data, attribute) == getattr(of_text, attribute), attribute
    assert of_data.root.source.__class__ is DataSource
    assert of_data.root.source._written is None, "places were made although nobody asked"


@settings(max_examples=60, deadline=None)
@given(specs())
def test_places_are_those_of_the_text(data: dict[str, Any]) -> None:
    of_data, of_text = spec_from_data(data), parse_spec(dump_data(data))
    assert of_data == of_text
    assert of_data.warnings == () or len(of_data.warnings) == len(of_text.warnings)
    assert places(of_data.root) == places(of_text.root)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**29), 10**29) | st.floats(allow_nan=False,
    allow_infinity=False) | TEXTS.filter(lambda text: text.isascii() or not any(
    "\ud800" <= c <= "\udfff" for c in text)),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(TEXTS.filter(lambda text: 0 < len(text) < 90 and not any(
    "\ud800" <= c <= "\udfff" for c in text)), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
SECTION = st.sampled_from(["let", "blocks", "layers", "published", "knobs", "variants", "outputs"])


@settings(max_examples=150, deadline=None)
@given(SECTION, PLAIN)
def test_whatever_is_plain_has_a_text(section: str, value: Any) -> None:
    """Errors of data that mean nothing show their line, as those of its text do."""
    data = small() | {section: value}
    messages: list[Any] = []
    for make in (spec_from_data, lambda data, path: parse_spec(dump_data(data), path=path)):
        try:
            messages.append(make(data, path="x.yaml"))
        except SpecError as error:
            messages.append(str(error))
    assert messages[0] == messages[1]


def test_an_error_shows_the_line_that_the_data_would_be() -> None:
    data = small(
        layers=["relu", {"conv2d": {"channels": "wdith", "kernel": 3}}], knobs={"width": 8}
    )
    assert problem(data) == (
        "<data>:10:24: `channels` needs a number, and `wdith` is not a knob, an argument or a name "
        "in `let`\n"
        "   10 |   - conv2d: {channels: wdith, kernel: 3}\n"
        "      |                        ^^^^^\n"
        "hint: did you mean `width`?"
    )
    assert problem(data, path="net.onnx").startswith("net.onnx:10:24: ")


def test_layers_have_lines() -> None:
    network = mnet_cost.elaborate(spec_from_data(small()))
    assert [step.line for step in network.steps] == [7, 8]
    assert network.steps[0].node.source.line(7) == "  - conv2d: {channels: 8, kernel: 3}"


class Size(IntEnum):
    """A whole number of a type of its own."""

    EIGHT = 8


class Text(str):
    """A text of a type of its own, whose methods lie."""

    def __str__(self) -> str:
        return "lie"

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 1


class Pair(NamedTuple):
    """A tuple of a type of its own."""

    height: int
    width: int


def test_types_that_stand_for_plain_ones() -> None:
    numpy = pytest.importorskip("numpy")
    plain = small()
    plain["layers"][0]["conv2d"] |= {"kernel": [3, 5], "channels": 8}
    for channels in (numpy.int64(8), numpy.uint8(8), Size.EIGHT):
        for kernel in ((3, 5), Pair(3, 5), [numpy.int32(3), 5]):
            fields = OrderedDict(kernel=kernel, channels=channels)
            spec = spec_from_data(small(layers=({Text("conv2d"): fields}, Text("relu"))))
            assert spec == parse_spec(dump_data(plain))
            assert type(spec.data["layers"][0]["conv2d"]["channels"]) is int
            assert all(type(key) is str for key in spec.data["layers"][0])
    assert spec_from_data(small(knobs={"a": numpy.float64(0.5)})).data["knobs"] == {"a": 0.5}


def test_data_that_changes_later() -> None:
    data = small()
    spec = spec_from_data(data)
    data["layers"][0]["conv2d"]["kernel"] = 5
    data["layers"].clear()
    assert spec == spec_from_data(small())
    assert mnet_cost.analyze(spec).totals.mult_adds == 8 * 3 * 9 * 64
    assert spec.root.source.line(8) == "  - relu"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1, 2}, "a `set` is not plain data"),
        (b"8", "a `bytes` is not plain data"),
        (1j, "a `complex` is not plain data"),
        (object(), "a `object` is not plain data"),
        (float("nan"), "`nan` is not a finite number"),
        (float("-inf"), "`-inf` is not a finite number"),
        (10**33 * 10, "a number of more than 30 digits is too long"),
        (-(10**30), "a number of more than 30 digits is too long"),
        ("\ud83d", "U+D83D is half a character, which no file can hold"),
    ],
)
def test_values_that_are_not_plain(value: Any, message: str) -> None:
    data = small(layers=["relu", {"conv2d": {"channels": 8, "kernel": [3, value]}}])
    text = problem(data)
    assert text.splitlines()[0] == f"<data>: layers[1].conv2d.kernel[1]: {message}"
    numpy = pytest.importorskip("numpy")
    data = small(layers=[{"conv2d": {"channels": numpy.float32(8), "kernel": numpy.ones(2)}}])
    assert [line for line in problem(data).splitlines() if line.startswith("<data>")] == [
        "<data>: layers[0].conv2d.channels: a `numpy.float32` is not plain data",
        "<data>: layers[0].conv2d.kernel: a `numpy.ndarray` is not plain data",
    ]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (3, "layers[0].conv2d.3: a key is a text, not `3`"),
        (None, "layers[0].conv2d.None: a key is a text, not `None`"),
        ((1, 2), "layers[0].conv2d.tuple: a key is a text, not `tuple`"),
        ("", "layers[0].conv2d: a key is an empty text"),
        ("k" * 1001, f"layers[0].conv2d.{'k' * 1001}: a key of 1001 characters is too long"),
        ("\udc00", "layers[0].conv2d.\\udc00: U+DC00 is half a character, which no file can hold"),
        (Text("kernel"), "layers[0].conv2d.kernel: two keys have this text"),
    ],
)
def test_keys_that_are_not_plain(key: Any, message: str) -> None:
    fields = {"channels": 8, "kernel": 3, key: 3}
    text = problem(small(layers=[{"conv2d": fields}]))
    assert text.splitlines()[0][:1000] == f"<data>: {message}"[:997] + "..." * (len(message) > 992)


def test_data_without_an_end() -> None:
    cycle = small()
    cycle["layers"].append({"layers": cycle["layers"]})
    assert problem(cycle) == "<data>: a list or dict holds itself"
    twins: list[Any] = []
    twins += [twins] * 1000
    assert problem(small(layers=twins)) == "<data>: a list or dict holds itself"
    itself = small()
    itself["blocks"] = itself
    assert problem(itself) == "<data>: a list or dict holds itself"
    deep: Any = "relu"
    for _ in range(100_000):
        deep = [deep]
    assert problem(small(layers=deep)) == "<data>: more than 64 levels of nesting"


def test_more_than_a_file_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_data, "MAX_BYTES", 2**20)
    message = "<data>: is more than a file of 1 MiB can hold"
    doubled: Any = ["relu"]
    for _ in range(40):
        doubled = [doubled, doubled]
    assert problem(small(layers=doubled)) == message
    assert problem(small(layers=[1] * 1_000_000)) == message
    assert problem(small(layers=[["x" * 100_000] * 11, []])) == message
    text = problem(small(layers=[{"conv2d": {"channels": [set()] * 20_000, "kernel": 3}}]))
    assert text.count("is not plain data") == 100
    assert text.endswith("more than 100 problems: the rest is not shown")


@pytest.mark.parametrize("data", [None, [], "format: 1", 3, (), [small()]])
def test_data_that_is_no_dict(data: Any) -> None:
    name = "list" if data == () else type(data).__name__
    name = "tuple" if data == () else name
    message = f"<data>: a model is a dict that starts with `format`, not a `{name}`"
    assert problem(data) == message


def test_extends(tmp_path: Any) -> None:
    data = {"format": 1, "name": "half", "extends": "mobilenet_v1", "knobs": {"alpha": 0.5}}
    assert mnet_cost.analyze(spec_from_data(data)).totals.mult_adds == 149_497_088
    (tmp_path / "base.yaml").write_text(dump_data(small()))
    data = {"format": 1, "name": "beside", "extends": "./base.yaml"}
    assert "is not a file" in problem(data)
    spec = spec_from_data(data, path=str(tmp_path / "beside.yaml"))
    assert mnet_cost.analyze(spec).totals.params == 216


def test_pickles() -> None:
    for spec in (spec_from_data(small()), spec_from_data(load_model("mobilenet_v1").spec.data)):
        data = pickle.dumps(spec)
        again = pickle.loads(data)
        assert again == spec
        assert again.root.source.text == spec.root.source.text == dump_data(spec.data)
        assert places(again.root) == places(spec.root)
    analysis = mnet_cost.analyze(spec_from_data(small()))
    again = pickle.loads(pickle.dumps(analysis))
    assert again == analysis
    assert [step.line for step in again.network.steps] == [7, 8]


def test_many_flat_layers() -> None:
    layers: list[Any] = []
    for number in range(2_000):
        layers += [{"id": f"x{number}", "conv2d": {"channels": 8, "kernel": 1}}, "relu"]
    data = small(layers=layers)
    spec = spec_from_data(data)
    assert spec == parse_spec(dump_data(data))
    assert spec.entries[-2].node.line == 3 + 3 + 2 * 2_000 - 1
