"""References to models: names, variants, knobs, paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mnet_cost.errors import ModelReferenceError, SpecError
from mnet_cost.models import library
from mnet_cost.models.library import (
    is_path,
    load_model,
    model_names,
    model_path,
    split_reference,
    split_setting,
)

SPEC = """\
format: 1
name: mine
knobs: {width: 8}
input: {x: [3, 8, 8]}
layers:
  - {id: first, conv2d: {channels: width, kernel: 1}}
variants:
  plain: {layers: {first: identity}}
"""


def refusal(reference: str) -> str:
    with pytest.raises(ModelReferenceError) as caught:
        load_model(reference)
    return str(caught.value)


def test_shipped_models() -> None:
    assert {"densenet", "mobilenet_v1", "mobilenet_v3_large"} <= set(model_names())
    assert model_names() == tuple(sorted(model_names()))
    for name in model_names():
        model = load_model(name)
        assert model.spec.name == name
        assert model.spec.variant is None
        assert model.knobs == {}
        assert model.spec.path == model_path(name)


def test_variants() -> None:
    for name in model_names():
        for variant in load_model(name).spec.variants:
            assert load_model(f"{name}:{variant}").spec.title == f"{name}:{variant}"


@pytest.mark.parametrize(
    ("reference", "title", "knobs"),
    [
        ("mobilenet_v1", "mobilenet_v1", {}),
        ("mobilenet_v1:full", "mobilenet_v1:full", {}),
        ("mobilenet_v1@alpha=0.5", "mobilenet_v1", {"alpha": 0.5}),
        (
            "mobilenet_v1:full@alpha=0.5,resolution=160",
            "mobilenet_v1:full",
            {"alpha": 0.5, "resolution": 160},
        ),
        ("full", "mobilenet_v1:full", {}),
        ("separable@alpha=.25", "mobilenet_v1:separable", {"alpha": 0.25}),
        ("densenet121", "densenet:densenet121", {}),
        ("mobilenet_v1@batch=8, classes = 10", "mobilenet_v1", {"batch": 8, "classes": 10}),
    ],
)
def test_references(reference: str, title: str, knobs: dict[str, Any]) -> None:
    model = load_model(reference)
    assert model.spec.title == title
    assert model.knobs == knobs


def test_a_bare_variant_is_the_same_as_the_full_name() -> None:
    assert load_model("full").spec == load_model("mobilenet_v1:full").spec
    assert load_model("full").spec != load_model("separable").spec


def test_knobs_of_the_call_go_over_those_of_the_reference() -> None:
    model = load_model("mobilenet_v1@alpha=0.5,classes=10", {"alpha": 0.25, "rho": 0.5})
    assert model.knobs == {"alpha": 0.25, "classes": 10, "rho": 0.5}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        ("3", 3),
        ("1e3", 1000.0),
        ("0x10", 16),
        ("true", True),
        ("no", "no"),
        ("fast", "fast"),
        ("a=b", "a=b"),
    ],
)
def test_values_of_knobs(text: str, value: object) -> None:
    knob, parsed = split_setting(f" size = {text} ")
    assert (knob, parsed, type(parsed)) == ("size", value, type(value))


def test_paths(tmp_path: Path) -> None:
    folder = tmp_path / "a:b@c=d"
    folder.mkdir()
    file = folder / "mine.yaml"
    file.write_text(SPEC)
    assert load_model(str(file)).spec.title == "mine"
    assert load_model(f"{file}:plain@width=4").spec.title == "mine:plain"
    assert load_model(f"{file}:plain@width=4").knobs == {"width": 4}
    assert load_model(str(file)).spec.path == str(file)


def test_paths_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(SPEC)
    Path("mobilenet_v1.yaml").write_text(SPEC)
    assert load_model("mine.yaml:plain").spec.title == "mine:plain"
    assert load_model("./mine.yaml").spec.name == "mine"
    assert load_model("mobilenet_v1").spec.name == "mobilenet_v1"  # a name is never a file
    assert load_model("mobilenet_v1.yaml").spec.name == "mine"
    assert refusal("mine") == "there is no model `mine`\nhint: for the file write mine.yaml"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("mobilenet_v1", False),
        ("m.yaml", True),
        ("m.yml", True),
        ("./m", True),
        ("models\\m", True),
        ("m.yaml.bak", False),
    ],
)
def test_what_is_a_path(name: str, path: bool) -> None:
    assert is_path(name) is path


def test_parts_of_a_reference() -> None:
    assert split_reference("a/b:c/d.yaml:v@x=1") == ("a/b:c/d.yaml", "v", {"x": 1})
    assert split_reference("C:\\models\\m.yaml") == ("C:\\models\\m.yaml", None, {})


def test_unknown_names_come_with_a_hint() -> None:
    assert refusal("mobilenet_v11") == (
        "there is no model `mobilenet_v11`\nhint: did you mean `mobilenet_v1`?"
    )
    assert refusal("shalow") == "there is no model `shalow`\nhint: did you mean `shallow`?"
    assert refusal("qqqq") == (
        "there is no model `qqqq`\nhint: `mnet-cost models` lists the models; a file ends in .yaml"
    )
    assert refusal("mobilenet_v1:ful") == (
        f"{model_path('mobilenet_v1')}: there is no variant `ful`\nhint: did you mean `full`?"
    )
    assert refusal("full:shallow").startswith("there is no model `full:shallow`")


@pytest.mark.parametrize(
    "reference", ["", ":full", "@alpha=1", "mobilenet_v1:", "mobilenet_v1@", "mobilenet_v1:@a=1"]
)
def test_what_is_no_reference(reference: str) -> None:
    assert refusal(reference) in (
        f"`{reference}` does not name a model\n"
        "hint: a model is NAME_OR_PATH[:variant][@knob=value,...]",
    )


@pytest.mark.parametrize("setting", ["alpha", "=1", "alpha=", ""])
def test_what_sets_no_knob(setting: str) -> None:
    with pytest.raises(ModelReferenceError) as caught:
        split_setting(setting)
    assert str(caught.value) == (
        f"`{setting}` does not set a knob\nhint: write knob=value, as in alpha=0.5"
    )


def test_a_bad_number_for_a_knob() -> None:
    with pytest.raises(ModelReferenceError, match=r"^the knob `alpha`: `05` starts with 0"):
        split_setting("alpha=05")


def test_a_variant_of_several_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(SPEC.replace("mine", name))
    (tmp_path / "none.yaml").write_text(SPEC[: SPEC.index("variants")])
    monkeypatch.setattr(library, "specs_folder", lambda: tmp_path)
    assert model_names() == ("none", "one", "two")
    assert load_model("two:plain").spec.title == "two:plain"
    assert refusal("plain") == (
        "`plain` is a variant of several models\nhint: say `one:plain` or `two:plain`"
    )


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(SpecError, match=r"^nowhere/m\.yaml: cannot be read: no such file"):
        load_model("nowhere/m.yaml")
