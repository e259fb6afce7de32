"""Specs written and read again."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hostile_text import TEXTS, shows
from hypothesis import example, given, settings
from hypothesis import strategies as st
from random_specs import specs

from mnet_cost.errors import Source
from mnet_cost.models.dump import dump_data, dump_spec
from mnet_cost.models.library import load_model, model_names
from mnet_cost.models.load import parse_spec
from mnet_cost.yamlfile import parse_yaml

SHIPPED = [
    f"{name}:{variant}" if variant else name
    for name in model_names()
    for variant in (None, *load_model(name).spec.variants)
]


def exact(data: Any) -> str:
    """Data as text that tells 1, 1.0 and true apart, whatever the order of keys."""
    return json.dumps(data, sort_keys=True)


@pytest.mark.parametrize("reference", SHIPPED)
def test_shipped_specs_come_back(reference: str) -> None:
    spec = load_model(reference).spec
    text = dump_spec(spec)
    again = parse_spec(text)
    assert again == spec
    assert exact(again.data) == exact(spec.data)
    assert dump_spec(again) == text
    assert max(map(len, text.splitlines())) <= 100
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_a_variant_is_applied_and_gone() -> None:
    full = load_model("mobilenet_v1:full").spec
    text = dump_spec(full)
    assert "variants" not in text
    assert "separable: full_conv" in text
    assert parse_spec(text) == full != load_model("mobilenet_v1").spec


def test_equal_specs_have_equal_data_wherever_they_come_from() -> None:
    text = "format: 1\nname: m\ninput: {x: [3]}\nlayers: [relu]\n"
    spec = parse_spec(text, path="one.yaml")
    assert spec == parse_spec("# the same\n" + text, path="two.yaml")
    assert spec == parse_spec(text + "variants: {plain: {}}\n", variant="plain")
    assert spec != parse_spec(text.replace("relu", "tanh"))
    assert spec != text


LONG_WORDS = ["branch_with_a_long_name_" + letter for letter in "abcde"]

SPEC: dict[str, Any] = {
    "layers": [
        "relu",
        {"conv2d": {"channels": 8, "kernel": [3, 5]}},
        {"id": "middle", "separable": {"channels": 512}, "repeat": 5},
        {"depthwise_conv2d": {"kernel": "min(k, 3)", "stride": "s"}},
        {"add": ["input", "previous"]},
        {"layers": ["relu", {"conv2d": {"channels": "c", "kernel": 1}}], "when": "k > 1"},
        {"id": "join", "concat": {}, "from": LONG_WORDS},
        {"pad": {"padding": [0, 1, "max(k, 1)", 0]}, "id": "edge"},
        {"conv2d": {"channels": {"choose": [8, 16]}, "kernel": 1.5}},
    ],
    "blocks": {
        "act": "relu",
        "one": {"layers": ["relu"]},
        "two": {"input": ["a", "b"], "arguments": {"c": "required", "k": "max(1, 2)"}},
    },
    "name": "a-model",
    "format": 1,
    "input": {"image": {"shape": [3, "size", "size"], "dtype": "uint8"}},
    "knobs": {"k": 3, "c": {"default": 8, "help": "channels, all of them"}},
    "let": {"f(x, y)": "x + y", "size": "f(1, 2)"},
    "outputs": ["edge", "middle.2"],
    "source": "a paper: with a colon, and #1",
    "variants": {"none": {}, "less": {"layers": {"middle": None}, "knobs": {"k": 1}}},
}

TEXT = """\
format: 1
name: a-model
source: "a paper: with a colon, and #1"
knobs:
  k: 3
  c: {default: 8, help: "channels, all of them"}
let:
  f(x, y): x + y
  size: f(1, 2)

input: {image: {shape: [3, size, size], dtype: uint8}}

blocks:
  act: relu
  one: {layers: [relu]}
  two:
    input: [a, b]
    arguments:
      c: required
      k: max(1, 2)

layers:
  - relu
  - conv2d: {channels: 8, kernel: [3, 5]}
  - {id: middle, separable: {channels: 512}, repeat: 5}
  - depthwise_conv2d:
      kernel: min(k, 3)
      stride: s
  - add: [input, previous]
  - layers:
      - relu
      - conv2d: {channels: c, kernel: 1}
    when: k > 1
  - id: join
    concat: {}
    from:
      - branch_with_a_long_name_a
      - branch_with_a_long_name_b
      - branch_with_a_long_name_c
      - branch_with_a_long_name_d
      - branch_with_a_long_name_e
  - pad:
      padding:
        - 0
        - 1
        - max(k, 1)
        - 0
    id: edge
  - conv2d: {channels: {choose: [8, 16]}, kernel: 1.5}

outputs: [edge, middle.2]

variants:
  none: {}
  less: {layers: {middle: null}, knobs: {k: 1}}
"""


def test_the_form() -> None:
    assert dump_data(SPEC) == TEXT
    assert parse_yaml(Source("text", TEXT)).plain() == SPEC


def test_a_long_list_of_numbers_or_names_goes_on_on_the_next_line() -> None:
    data = {
        "layers": [
            {"constant": {"values": [number / 8 for number in range(30)]}},
            {"concat": {"axis": -3}, "from": [f"part{number}" for number in range(14)]},
            {"layers": [f"convolution_with_a_long_name_{number}" for number in range(4)]},
        ]
    }
    text = """\
layers:
  - constant:
      values: [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.125, 1.25, 1.375, 1.5,
               1.625, 1.75, 1.875, 2.0, 2.125, 2.25, 2.375, 2.5, 2.625, 2.75, 2.875, 3.0, 3.125,
               3.25, 3.375, 3.5, 3.625]
  - concat: {axis: -3}
    from: [part0, part1, part2, part3, part4, part5, part6, part7, part8, part9, part10, part11,
           part12, part13]
  - layers:
      - convolution_with_a_long_name_0
      - convolution_with_a_long_name_1
      - convolution_with_a_long_name_2
      - convolution_with_a_long_name_3
"""
    assert dump_data(data) == text
    assert exact(parse_yaml(Source("spec.yaml", text)).plain()) == exact(data)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("no", '"no"'),  # a word: only YAML 1.1 takes it for a flag
        ("true", '"true"'),
        ("null", '"null"'),
        ("~", '"~"'),
        ("", '""'),
        ("1", '"1"'),
        ("1e3", '"1e3"'),
        ("0o17", '"0o17"'),
        ("0x1F", '"0x1F"'),
        ("010", '"010"'),
        (".inf", '".inf"'),
        ("1_000", '"1_000"'),
        ("- a", '"- a"'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        (" a", '" a"'),
        ("*a", '"*a"'),
        ("<<", '"<<"'),
        ("k, the channels", "k, the channels"),
        ("2 * alpha", "2 * alpha"),
        ("two\nlines", '"two\\nlines"'),
        ("naïve 模型", "naïve 模型"),
        ("\x00\x85\u2028\u202e", '"\\x00\\x85\\u2028\\u202e"'),
        (True, "true"),
        (None, "null"),
        (1, "1"),
        (1.0, "1.0"),
        (1e300, "1e+300"),
        (16**28 - 1, hex(16**28 - 1)),
    ],
)
def test_scalars(value: object, text: str) -> None:
    written = dump_data({"value": value})
    assert written == f"value: {text}\n"
    assert exact(parse_yaml(Source("text", written)).plain()) == exact({"value": value})


@pytest.mark.parametrize(
    "text",
    ["yes", "No", "on", "OFF", "null", "~", "true", "010", "0b11", "1_000", "1:30", "190:20:30.15",
     ".5", "1.5e+3", ".inf", "2024-01-31", "2024-01-31 10:00:00", "=", "<<", "y", "n", "relu"],
)  # fmt: skip
def test_texts_are_texts_to_readers_of_yaml_1_1_too(text: str) -> None:
    data = {"layers": [{"id": text, "conv2d": {text: text}, "from": [text, "a, b"]}]}
    assert yaml.safe_load(dump_data(data)) == data


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("width(c)", "width(c)"),
        ("a: b", '"a: b"'),
        ("1e3", '"1e3"'),
        ("[", '"["'),
    ],
)
def test_scalars_on_a_line(value: object, text: str) -> None:
    written = dump_data({"outputs": {"value": value}})
    assert written == f"outputs: {{value: {text}}}\n"
    assert parse_yaml(Source("text", written)).plain() == {"outputs": {"value": value}}


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**29), 10**29)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.text("(){}[],:#-? \"'1e.0x\n", max_size=6)
    | st.sampled_from(["no", "1e3", "0o17", "010", "null", "max(a, b)", "- x", "<<", "&a", "!t"])
)
KEYS = (
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
    | st.text("(){}[],:#-? \"'1e.0x\n", min_size=1, max_size=6)
    | st.sampled_from(["<<", "null", "1", "010", "f(a, b)", "layers", "conv2d"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
SECTIONS = st.sampled_from(["knobs", "let", "input", "layers", "variants", "source", "other"])


@settings(max_examples=400)
@given(st.dictionaries(SECTIONS | KEYS, VALUES, min_size=1, max_size=5))
@example({"knobs": {"a": [["b", ["c, d"]], {}]}})
@example({"layers": [[[]], [["a" * 99]], {}, [{"a": ["b" * 99]}]]})
@example({"a": {"b": ["(", "a, b"]}})
def test_any_data_comes_back(data: dict[str, Any]) -> None:
    written = dump_data(data)
    assert exact(parse_yaml(Source("text", written)).plain()) == exact(data)


@settings(max_examples=150)
@given(specs())
def test_any_spec_comes_back(data: dict[str, Any]) -> None:
    spec = parse_spec(json.dumps(data))  # JSON is YAML, with every text in quotes
    again = parse_spec(dump_spec(spec))
    assert again == spec
    assert exact(again.data) == exact(data)


@given(TEXTS.filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)))
def test_what_does_not_show_is_written_as_an_escape(text: str) -> None:
    data = {"format": 1, "name": "n", "source": text, "published": {text or "p": [{"note": text}]}}
    written = dump_data(data)
    assert shows(written)
    assert parse_yaml(Source("n.yaml", written)).plain() == data
