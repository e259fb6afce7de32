"""Random networks against torch: every layer kind, every field, and what stands around layers.

`python benchmarks/torch_oracle.py` does the same for thousands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

torch = pytest.importorskip("torch")

from oracle import disagreements  # noqa: E402
from random_networks import DRAWN, random_network, random_spec  # noqa: E402

from mnet_cost.layers import LAYERS  # noqa: E402
from mnet_cost.layers.fields import fields_of  # noqa: E402
from mnet_cost.layers.opaque import Opaque  # noqa: E402

SEEDS = range(250)


@pytest.mark.parametrize("seed", SEEDS)
def test_agrees_with_torch(seed: int) -> None:
    network = random_network(seed)
    assert disagreements(network) == []
    assert disagreements(network, "cpu") == []


def test_every_kind_and_every_field_is_there() -> None:
    wanted = {(kind, "") for kind in DRAWN}
    wanted |= {
        (layer_type.kind, name)
        for layer_type in LAYERS
        if layer_type is not Opaque
        for name in fields_of(layer_type)
    }
    drawn = set()
    for seed in range(4 * len(SEEDS)):  # of many kinds, each has few of its own
        for step in random_network(seed).steps:
            layer = step.layer
            drawn.add((layer.kind, ""))
            for name, field in fields_of(type(layer)).items():
                if field.required or getattr(layer, name) != field.default:
                    drawn.add((layer.kind, name))
    assert wanted - drawn == set()
    assert len(DRAWN) == len(LAYERS) - 1


def test_what_stands_around_layers_is_there() -> None:
    """Of 200 networks, so many have each; and all kinds of shapes flow through them."""
    have = dict.fromkeys(
        ("blocks", "arguments", "repeat", "when", "use", "knobs", "outputs", "inputs", "split",
         "leading axes", "vector", "tokens", "uint8", "batch", "expression", "recursion"), 0,
    )  # fmt: skip
    for seed in SEEDS:
        data, network = random_spec(seed), random_network(seed)
        text = json.dumps(data)
        shapes = [tensor.type.shape for tensor in network.tensors]
        marks: Mapping[str, bool] = {
            "blocks": bool(data["blocks"]),
            "arguments": any(block["arguments"] for block in data["blocks"].values()),
            "repeat": any(".2" in step.name for step in network.steps),
            "when": '"when"' in text,
            "use": any(step.shares is not None for step in network.steps),
            "knobs": bool(data["knobs"]),
            "outputs": len(network.outputs) > 1,
            "inputs": len(network.inputs) > 1,
            "split": any(len(step.outputs) > 1 for step in network.steps),
            "leading axes": any(len(shape) > 3 for shape in shapes),
            "vector": any(len(shape) == 1 for shape in shapes),
            "tokens": '"dtype": "int' in text,
            "uint8": '"dtype": "uint8"' in text,
            "batch": network.batch > 1,
            "expression": '" + ' in text or " + 1" in text,
            "recursion": '"recursion"' in text,
        }
        for name, there in marks.items():
            have[name] += there
    assert min(have.values()) >= 6, have


def test_a_seed_is_one_network() -> None:
    assert random_spec(7) == random_spec(7)
    assert random_spec(7) != random_spec(8)
