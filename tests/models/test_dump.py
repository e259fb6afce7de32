"""Specs written and read again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

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
    one = parse_spec(text, path="one.yaml")
    assert one == parse_spec("# the same\n" + text, path="two.yaml")
    assert one == parse_spec(text + "variants: {plain: {}}\n", variant="plain")
    assert one != parse_spec(text.replace("relu", "tanh"))
    assert one != text


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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("no", "no"),  # a word: only YAML 1.1 takes it for a flag
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
        ("1_000", "1_000"),
        ("- a", '"- a"'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        (" a", '" a"'),
        ("*a", '"*a"'),
        ("<<", "<<"),
        ("k, the channels", "k, the channels"),
        ("2 * alpha", "2 * alpha"),
        ("two\nlines", '"two\\nlines"'),
        ("naïve 模型", "naïve 模型"),
        ("\x00\x85\u2028", '"\\0\\N\\L"'),
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


@settings(max_examples=1000, deadline=None)
@given(st.dictionaries(SECTIONS | KEYS, VALUES, min_size=1, max_size=5))
@example({"knobs": {"a": [["b", ["c, d"]], {}]}})
@example({"layers": [[[]], [["a" * 99]], {}, [{"a": ["b" * 99]}]]})
@example({"a": {"b": ["(", "a, b"]}})
def test_any_data_comes_back(data: dict[str, Any]) -> None:
    written = dump_data(data)
    assert exact(parse_yaml(Source("text", written)).plain()) == exact(data)


NUMBERS = st.integers(1, 64) | st.sampled_from(["c", "2 * c", "max(c, k)", "floor(c / 2)", "010"])
HELP = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KNOB_VALUES = (
    st.integers(-5, 100) | st.floats(0, 1) | st.booleans() | st.sampled_from(["no", "fast"])
)


def entry_lists() -> st.SearchStrategy[list[Any]]:
    """Lists of entries that the loader accepts where `c` and `k` are names."""
    bodies = st.one_of(
        st.sampled_from([{"relu": {}}, {"batch_norm": None}, {"dropout": {"rate": 0.5}}]),
        st.fixed_dictionaries({"add": st.just(["input", "previous"])}),
        st.builds(lambda c: {"linear": {"features": c}}, NUMBERS),
        st.builds(
            lambda c, k, more: {"conv2d": {"channels": c, "kernel": k, **more}},
            NUMBERS | st.builds(lambda a, b: {"choose": [a, b]}, NUMBERS, NUMBERS),
            st.integers(1, 7) | st.just([1, "max(c, k)"]),
            st.sampled_from([{}, {"padding": "same"}, {"padding": [0, 1, 0, 1]}, {"bias": True}]),
        ),
    )
    modifiers = st.fixed_dictionaries(
        {},
        optional={
            "from": st.sampled_from(["previous", "input"]),
            "when": st.sampled_from([True, "k > 1", "max(c, k) == 2 and not k < 1"]),
            "repeat": st.integers(0, 9) | st.just("min(k, 3)"),
        },
    )

    def merge(body: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
        listed = any(isinstance(value, list) and value[:1] == ["input"] for value in body.values())
        return body | {key: v for key, v in extra.items() if not (listed and key == "from")}

    entries = st.just("relu") | st.builds(merge, bodies, modifiers)
    nested = st.recursive(
        st.lists(entries, min_size=1, max_size=4),
        lambda inner: st.lists(
            entries | st.builds(lambda e, m: {"layers": e, **m}, inner, modifiers),
            min_size=1,
            max_size=3,
        ),
        max_leaves=6,
    )
    return nested


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Data of a model file that loads."""
    knob = st.fixed_dictionaries(
        {"default": KNOB_VALUES},
        optional={"help": HELP, "published": st.lists(KNOB_VALUES, min_size=1, max_size=3)},
    )
    data: dict[str, Any] = {
        "format": 1,
        "name": draw(st.sampled_from(["m", "010", "no", "a.b-c"])),
        "input": {"x": draw(st.sampled_from([[3, 8, 8], ["c", "max(k, 8)", 8]]))},
        "knobs": {"c": 8, "k": draw(knob)},
        "let": {"f(a, b)": "a + b", "late": draw(NUMBERS)},
        "layers": draw(entry_lists()),
        "blocks": {"body": {"arguments": {"q": draw(NUMBERS)}, "layers": draw(entry_lists())}},
    }
    if draw(st.booleans()):
        data["source"] = "." + draw(HELP)
    if draw(st.booleans()):
        data["layers"].append({"body": {"q": draw(NUMBERS)}, "id": "last"})
        data["outputs"] = ["last"]
        data["variants"] = {"none": None, "other": {"layers": {"last": draw(entry_lists())[0]}}}
    return dict(draw(st.permutations(list(data.items()))))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(specs())
def test_any_spec_comes_back(data: dict[str, Any]) -> None:
    spec = parse_spec(json.dumps(data))  # JSON is YAML, with every text in quotes
    again = parse_spec(dump_spec(spec))
    assert again == spec
    assert exact(again.data) == exact(data)
