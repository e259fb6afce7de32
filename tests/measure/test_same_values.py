"""Which layers operations of a runtime belong to, by the values of their results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_networks import runnable

torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")

from mnet_cost.measure.runtimes import same_values  # noqa: E402
from mnet_cost.measure.runtimes.same_values import (  # noqa: E402
    Operation,
    Owners,
    owners_of,
    statistics_of,
)


@pytest.fixture
def values(tmp_path: Path) -> dict[str, Any]:
    """The result of each layer in torch, and of the input."""
    network = runnable(tmp_path)
    run = same_values._Values(network.module())
    with torch.inference_mode():
        run.run(*network.inputs())
    return {str(node.meta.get("layer", node.name)): found for node, found in run.found.items()}


def owners(tmp_path: Path, operations: list[Operation], values: dict[str, Any]) -> list[Owners]:
    return owners_of(runnable(tmp_path), operations, ["in"], values)


def test_fused_operations_have_all_their_layers(tmp_path: Path, values: dict[str, Any]) -> None:
    of = {
        "in": values["image"],
        "a": values["activation"],  # pad, convolution, norm and activation in one
        "b": values["depthwise"],
        "c": values["sum"],  # a convolution that adds
        "d": values["pool"],
        "e": values["logits"],
    }
    operations = [
        Operation(("in",), ("a",)),
        Operation(("a",), ("b",)),
        Operation(("b", "a"), ("c",)),
        Operation(("c",), ("d",)),
        Operation(("d",), ("e",)),
    ]
    assert [found.layers for found in owners(tmp_path, operations, of)] == [
        ("stem", "norm", "activation"),
        ("depthwise",),
        ("pointwise", "sum"),
        ("pool",),
        ("logits",),
    ]


def test_a_layer_of_several_operations(tmp_path: Path, values: dict[str, Any]) -> None:
    of = {
        "in": values["image"],
        "laid": values["image"],
        "half": statistics_of(numpy.arange(7.0)),
        "a": values["activation"],
    }
    operations = [
        Operation(("in",), ("laid",)),
        Operation(("laid",), ("half",)),
        Operation(("half",), ("a",)),
    ]
    layers = ("stem", "norm", "activation")
    found = owners(tmp_path, operations, of)
    assert [found[1], found[2]] == [Owners(layers), Owners(layers)]
    assert found[0].layers == layers  # an input of the network is no layer's result


def test_what_is_laid_out_anew(tmp_path: Path, values: dict[str, Any]) -> None:
    of = {"in": values["image"], "a": values["activation"], "b": values["activation"]}
    operations = [Operation(("in",), ("a",)), Operation(("a",), ("b",))]
    found = owners(tmp_path, operations, of)
    assert found[1] == Owners(("activation",), is_layout=True)


def test_other_values_have_no_owner(tmp_path: Path) -> None:
    of = {"in": None, "a": statistics_of(numpy.arange(5.0))}
    assert owners(tmp_path, [Operation(("in",), ("a",))], of) == [Owners(())]


def test_statistics_do_not_depend_on_the_layout() -> None:
    numbers = numpy.random.default_rng(0).normal(size=(2, 3, 4))
    one, other = statistics_of(numbers), statistics_of(numbers.transpose(2, 0, 1))
    assert one is not None
    assert other is not None
    assert one.is_like(other)
    twice = statistics_of(numbers * 1.01)
    assert twice is not None
    assert not one.is_like(twice)
    assert statistics_of(numpy.zeros((0, 3))) is None
