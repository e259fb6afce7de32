"""The JSON Schema of model files: complete, valid, and right about good and bad files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from random_specs import specs

from mnet_cost.errors import Source
from mnet_cost.layers import KINDS, LAYERS, Layer
from mnet_cost.layers.fields import fields_of
from mnet_cost.models.library import load_model, model_names, model_path
from mnet_cost.models.load import parse_spec
from mnet_cost.models.schema import json_schema
from mnet_cost.models.sections import SECTIONS
from mnet_cost.shipped import specs_folder
from mnet_cost.yamlfile import parse_yaml, read_yaml

SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)

GOOD = """\
format: 1
name: good
knobs:
  alpha: {default: 1.0, choices: [0.5, 1.0], published: [1.0], help: width}
  side: {default: 32, multiple_of: 8}
  depth: 2
  act: relu
  deep: true
let:
  width(c, d): make_divisible(c * alpha, d)
  size: 32
input: {image: {shape: [3, size, 32], dtype: uint8}, mask: [1, size, "size + 0"]}
blocks:
  same: relu
  pair:
    input: [left, right]
    arguments: {channels: required, kernel: {choose: [3, 5]}, bias: false}
    layers:
      - {conv2d: {channels: channels, kernel: kernel, bias: bias}, from: left}
      - {id: sum, add: [previous, right]}
layers:
  - {id: stem, conv2d: {channels: "width(8, 4)", kernel: [3, "max(1, 3)"]}, from: image}
  - {id: wide, conv2d: {channels: 8, kernel: 1, padding: [0, 1, 0, 1]}, from: mask}
  - {pad: {padding: 1}, from: stem, when: deep and not (depth < 2)}
  - {max_pool2d: {kernel: 3, padding: valid}, repeat: depth, when: true}
  - {id: joined, pair: {channels: 8}, from: [stem, wide]}
  - {id: group, layers: [relu, {mul: [input, previous]}], repeat: {choose: [1, 2]}}
  - {id: again, use: stem, from: image}
  - concat: [joined, joined.sum]
  - relu: [joined]
  - batch_norm:
  - global_avg_pool: {keep: true}
  - flatten
  - linear: {features: 10.0}
outputs: [joined, joined.sum]
variants:
  plain:
  other: {knobs: {depth: 3}, let: {size: 64}, layers: {group: null}, blocks: {same: tanh}}
published:
  "a paper, Table 1":
    - {variant: other, at: {alpha: 0.5, act: tanh}, top1: 70.6, mult_adds: 569 M, params: 42}
    - {map: 22.1, note: at 320 pixels}
"""


def complaints(text: str) -> list[str]:
    return [
        error.json_path for error in VALIDATOR.iter_errors(parse_yaml(Source("", text)).plain())
    ]


def test_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert list(SCHEMA["properties"]) == list(SECTIONS)


def test_every_reference_leads_somewhere() -> None:
    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*map(references, part.values()))
        return set().union(*map(references, part)) if isinstance(part, list) else set()

    assert references(SCHEMA) == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


@pytest.mark.parametrize("name", model_names())
def test_shipped_specs_are_valid(name: str) -> None:
    assert list(VALIDATOR.iter_errors(read_yaml(model_path(name)).plain())) == []
    for variant in load_model(name).spec.variants:
        assert list(VALIDATOR.iter_errors(load_model(f"{name}:{variant}").spec.data)) == []


def test_everything_that_the_language_has_is_valid() -> None:
    assert complaints(GOOD) == []
    assert parse_spec(GOOD).name == "good"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("format: 1", "format: 2"),
        ("name: good", "name: a good one"),
        ("name: good\n", ""),
        ("outputs:", "output:"),
        ("outputs: [joined, joined.sum]", "outputs: joined"),
        ("{default: 1.0, choices", "{value: 1.0, choices"),
        ("published: [1.0]", "publishd: [1.0]"),
        ("\npublished:", "\npublishd:"),
        ("depth: 2", "depth: [1, 2]"),
        ("depth: 2", "depth: 1 + 1"),
        ("dtype: uint8", "dtype: byte"),
        ("shape: [3, size, 32]", "sizes: [3, size, 32]"),
        ("shape: [3, size, 32]", "shape: 3"),
        ("input: [left, right]", "inputs: [left, right]"),
        ("input: [left, right]", "input: [left]"),
        ("  same: relu", "  same: {arguments: {}}"),
        ("channels: required, kernel: {choose", "channels: required, kernel: {chose"),
        ("    layers:\n      - {conv2d", "    entries:\n      - {conv2d"),
        ("bias: bias}, from: left", "bias: 1}, from: left"),
        ("conv2d: {channels: channels, ", "conv2d: {filters: channels, "),
        ("channels: channels, kernel: kernel", "channels: channels"),
        ("channels: channels, kernel", "channels: 0, kernel"),
        ("padding: [0, 1, 0, 1]", "padding: [0, 1, 0]"),
        ("padding: [0, 1, 0, 1]", "padding: -1"),
        ("  - {pad: {padding: 1}, from", "  - {pixel_shuffle: {}, from"),
        ("from: stem, when", "from: 1, when"),
        ("from: stem, when", "from: stem..1, when"),
        ("from: [stem, wide]", "from: []"),
        ("id: joined", "id: previous"),
        ("id: joined", "id: the sum"),
        ("repeat: depth", "repeat: -1"),
        ("repeat: depth", "repeat: 1.5"),
        ("when: true", "when: 1"),
        ("use: stem", "use: {id: stem}"),
        ("{id: again, use: stem, from: image}", "{id: again, from: image}"),
        ("  - concat: [joined", "  - concat: [3, joined"),
        ("  - relu: [joined]", "  - relu: [joined, stem]"),
        ("  - flatten\n", "  - add\n"),
        ("  - flatten\n", "  - conv2d\n"),
        ("  - flatten\n", "  - flatten:2\n"),
        ("  - flatten\n", "  - 1\n"),
        ("  - flatten\n", "  - {}\n"),
        ("linear: {features: 10.0}", "linear: 10"),
        ("linear: {features: 10.0}", "linear: {features: 10, units: 10}"),
        ("linear: {features: 10.0}", "linear: {features: [10]}"),
        ("  plain:\n", "  plain: {layer: {}}\n"),
        ("{depth: 3}", "3"),
        ("map: 22.1, note", "note"),
        ("map: 22.1", "map: 221"),
        ("map: 22.1", "mAP: 22.1"),
        ("map: 22.1, note: at 320 pixels", "map: 22.1, note: 320"),
        ("at: {alpha: 0.5, act: tanh}", "at: [alpha]"),
        ("mult_adds: 569 M", "mult_adds: 569 MMAC"),
        ("variant: other, at", "variant: 1, at"),
    ],
)
def test_mistakes_are_found(right: str, wrong: str) -> None:
    assert GOOD.count(right) == 1
    assert complaints(GOOD.replace(right, wrong))


CHILD = """\
format: 1
name: child
extends: good
knobs: {alpha: 0.5, depth: null, act: {help: of all}}
let:
blocks: {same: null, more: {layers: [relu]}}
layers:
  stem: {id: first}
  wide: null
  flatten: tanh
  linear: [relu, {linear: {features: 10}}]
outputs: [first]
variants: {v: {layers: {relu: null}}}
"""


def test_what_a_spec_that_extends_another_may_leave_out_and_patch() -> None:
    assert complaints(CHILD) == []
    assert complaints(CHILD.replace("extends: good\n", ""))
    assert complaints(CHILD.partition("outputs")[0].replace("extends: good\n", ""))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("extends: good", "extends: [good]"),
        ("extends: good", "extends:"),
        ("name: child\n", ""),
        ("{alpha: 0.5, depth: null, act: {help: of all}}", "[alpha]"),
        ("wide: null", "wide: 3"),
        ("outputs: [first]", "outputs: first"),
        ("variants: {v: {layers", "variants: {v: {layer"),
        ("blocks:", "block:"),
    ],
)
def test_mistakes_of_patches_are_found(right: str, wrong: str) -> None:
    assert CHILD.count(right) == 1
    assert complaints(CHILD.replace(right, wrong))


def test_unknown_kinds_pass_because_they_may_be_blocks() -> None:
    assert (
        complaints(GOOD.replace("  - flatten\n", "  - mystery\n  - enigma: {any: thing}\n")) == []
    )


@settings(max_examples=100)
@given(specs())
def test_what_loads_is_valid(data: dict[str, Any]) -> None:
    assert parse_spec(json.dumps(data)).data == data
    assert list(VALIDATOR.iter_errors(data)) == []


@pytest.mark.parametrize("name", KINDS)
def test_fields_of_every_kind(name: str) -> None:
    layer: type[Layer] = KINDS[name]
    reference = SCHEMA["$defs"]["entry"]["properties"][name]["$ref"]
    kind = SCHEMA["$defs"][reference.removeprefix("#/$defs/")]
    fields = fields_of(layer)
    assert list(kind["properties"]) == list(fields)
    assert kind.get("required", []) == [field.name for field in fields.values() if field.required]
    assert (layer.__doc__ or "").splitlines()[0] in kind["description"]
    for field in fields.values():
        assert field.help in kind["properties"][field.name]["description"]
        assert kind["properties"][field.name].get("default") == field.default
    data = parse_yaml(Source("", GOOD)).plain()
    data["layers"] = [{name: {"no_such_field": 1}}]
    assert not VALIDATOR.is_valid(data)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.kind)
def test_defaults_are_valid_values(layer: type[Layer]) -> None:
    needed = {
        "channels": 8, "kernel": 3, "features": 8, "size": 2, "axes": [0], "shape": [4],
        "padding": 1, "operation": "sort", "groups": 2, "height": 2, "vocabulary": 8, "heads": 2,
        "regions": 9, "index": 0, "factor": 2, "shift": 1, "window": 2, "values": "zeros",
        "axis": -1, "count": 2,
    }  # fmt: skip
    if layer.kind in ("reduce", "flip"):
        needed["axes"] = [-1]  # from the end
    fields = fields_of(layer).values()
    given = {
        field.name: needed[field.name] if field.required else field.default
        for field in fields
        if field.required or field.default is not None
    }
    data = parse_yaml(Source("", GOOD)).plain()
    data["layers"] = [{layer.kind: given}]
    assert list(VALIDATOR.iter_errors(data)) == []


def test_the_shipped_file_is_up_to_date(pytestconfig: pytest.Config) -> None:
    path = specs_folder() / "schema.json"
    text = json.dumps(SCHEMA, indent=2) + "\n"
    if pytestconfig.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "run pytest --update-golden"
