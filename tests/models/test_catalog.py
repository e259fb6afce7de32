"""The networks that can be named, and the search among them."""

from __future__ import annotations

from pathlib import Path

import pytest
from effort import work_of

from mnet_cost.errors import ModelReferenceError
from mnet_cost.models import library
from mnet_cost.models.catalog import read_catalog, search
from mnet_cost.models.library import load_model
from mnet_cost.models.variants import changes_nothing

HEAD = "format: 1\nname: x\ninput: {x: [3, 8, 8]}\nlayers: [{id: a, relu: {}}]\n"
CHANGE = "{layers: {a: tanh}}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of specs in place of the shipped ones."""
    monkeypatch.setattr(library, "specs_folder", lambda: tmp_path)
    files = {
        "resnet": "variants: {resnet50: {}, resnet18: CHANGE, resnext50: CHANGE, wide: CHANGE}",
        "mobilenet_v1": "source: arXiv:1704.04861\nvariants: {separable: , full: CHANGE}",
        "mobilenet_v2": "variants: {full: CHANGE, lite: CHANGE}",
        "lite": "",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(HEAD + text.replace("CHANGE", CHANGE) + "\n")
    return tmp_path


def names(*words: str) -> list[str]:
    return [network.name for network in search(read_catalog().networks, words)]


def test_each_network_once(folder: Path) -> None:
    catalog = read_catalog()
    assert catalog.broken == ()
    assert [(network.name, network.names, network.variant) for network in catalog.networks] == [
        ("lite", ("lite",), None),
        ("mobilenet_v1", ("mobilenet_v1", "mobilenet_v1:separable", "separable"), None),
        ("mobilenet_v1:full", ("mobilenet_v1:full",), "full"),
        ("mobilenet_v2", ("mobilenet_v2",), None),
        ("mobilenet_v2:full", ("mobilenet_v2:full",), "full"),
        ("mobilenet_v2:lite", ("mobilenet_v2:lite",), "lite"),
        ("resnet50", ("resnet", "resnet:resnet50", "resnet50"), None),
        ("resnet18", ("resnet:resnet18", "resnet18"), "resnet18"),
        ("resnext50", ("resnet:resnext50", "resnext50"), "resnext50"),
        ("resnet:wide", ("resnet:wide", "wide"), "wide"),
    ]


def test_every_name_loads_the_network_that_it_stands_for() -> None:
    for network in read_catalog().networks:
        for name in network.names:
            spec = load_model(name).spec
            assert spec.path == network.path
            same = network.variant is None and changes_nothing(network.root, spec.variant or "")
            assert spec.variant == network.variant or same


def test_a_broken_file_does_not_hide_the_others(folder: Path) -> None:
    (folder / "broken.yaml").write_text("name: [full\n")
    catalog = read_catalog()
    assert len(catalog.networks) == 10
    (error,) = catalog.broken
    assert str(error).startswith(str(folder / "broken.yaml:1:7: not valid YAML"))
    assert load_model("wide").spec.title == "x:wide"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["resnet50"], ["resnet50"]),
        (["RESNET"], ["resnet50", "resnet18", "resnext50", "resnet:wide"]),
        (["resnt50"], ["resnet50", "resnext50"]),
        (["MobileNetV2"], ["mobilenet_v2", "mobilenet_v2:full", "mobilenet_v2:lite"]),
        (["mobilnet", "full"], ["mobilenet_v1:full", "mobilenet_v2:full"]),
        (["1704.04861"], ["mobilenet_v1", "mobilenet_v1:full"]),
        (["separable"], ["mobilenet_v1"]),
        (["lite"], ["lite", "mobilenet_v2:lite"]),
        (["50"], ["resnet50", "resnext50"]),
        (
            ["lite", "resnet"],
            ["lite", "mobilenet_v2:lite", "resnet50", "resnet18", "resnext50", "resnet:wide"],
        ),
        (
            ["mobilenet_v2", "resnet18"],
            ["mobilenet_v2", "mobilenet_v2:full", "mobilenet_v2:lite", "resnet18"],
        ),
        (["mobilenet_v1", "full"], ["mobilenet_v1:full"]),
        (["res*50", "lite"], ["resnet50", "resnext50", "lite", "mobilenet_v2:lite"]),
        (["*_v?"], ["mobilenet_v1", "mobilenet_v2"]),
    ],
)
def test_search(folder: Path, words: list[str], expected: list[str]) -> None:
    assert names(*words) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["xyzzy"], "no network matches `xyzzy`\nhint: `mnet-cost models` lists all"),
        (
            ["lite", "resnett", "xyzzy"],
            "no network matches `xyzzy`\nhint: `mnet-cost models` lists all",
        ),
        (["nothing*"], "no network matches `nothing*`\nhint: `mnet-cost models` lists all"),
    ],
)
def test_nothing_found(folder: Path, words: list[str], message: str) -> None:
    with pytest.raises(ModelReferenceError) as caught:
        names(*words)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    [
        "variants:\n  odd: CHANGE",
        "variants: {'odd': CHANGE}",
        'variants: {"odd":CHANGE}',
        'variants: {"o\\x64d": CHANGE}',
        "variants:\n  ? odd\n  : CHANGE",
        "variants: {? odd : CHANGE}",
        "variants:\n  ? odd # a comment\n  : CHANGE",
        '"variants": {"odd"   : CHANGE}',
        "variants: {\n  odd :\n    CHANGE}",
    ],
)
def test_a_bare_variant_is_found_however_it_is_written(folder: Path, text: str) -> None:
    (folder / "other.yaml").write_text(HEAD + "# odd: one\n")
    (folder / "new.yaml").write_text(HEAD + text.replace("CHANGE", CHANGE) + "\n")
    assert load_model("odd").spec.path.endswith("new.yaml")


def test_a_bare_variant_does_not_read_every_file() -> None:
    whole = work_of(lambda: load_model("mobilenet_v1:full"))
    assert work_of(lambda: load_model("full")) < 2 * whole


def test_a_bare_variant_may_be_in_a_broken_file(folder: Path) -> None:
    (folder / "new.yaml").write_text("variants: {odd: {}\n")
    with pytest.raises(Exception, match=r"new\.yaml:.*not valid YAML"):
        load_model("odd")
    with pytest.raises(ModelReferenceError, match=r"there is no model `fulll`"):
        load_model("fulll")
