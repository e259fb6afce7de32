"""`use` for each kind on other inputs, against torch: what the language takes, torch carries out.

Each kind is put on one tensor and its weights are used on another, of every pair of shapes. What
is accepted has the shapes that are said, and the params and buffers; what is refused differs in
what the stored tensors are made for.
"""

from __future__ import annotations

import json
from itertools import product
from random import Random
from typing import Any

import pytest
from oracle import build, disagreements
from random_fields import FIELDS, Draft
from random_networks import DRAWN
from torch import nn

from mnet_cost.errors import SpecError
from mnet_cost.layers import KINDS
from mnet_cost.layers.fields import fields_of
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import RuleViolation, TensorType, require

Shape = tuple[int, ...]

SHAPES: tuple[Shape, ...] = (
    (6,), (12,), (3, 6), (6, 12), (6, 8, 8), (12, 8, 8), (8, 6, 6), (6, 1, 1), (3, 6, 8),
    (2, 6, 4, 4),
)  # fmt: skip
TRIES = 2


class OnShapes(Draft):
    """Draws fields for a kind on inputs of its own making, which it remembers."""

    def __init__(self, r: Random, first: Shape) -> None:
        super().__init__(r, {"x0": TensorType(first)})

    def any(self, least_rank: int = 1, exact_rank: int | None = None) -> str:
        if len(self.types["x0"].shape) < (exact_rank or least_rank):
            raise RuleViolation("too few axes")
        return "x0"

    def fresh(self, shape: Shape) -> str:
        return self.new_input(shape)

    def new_input(self, shape: Shape, dtype: str | None = None) -> str:
        name = f"x{len(self.types)}"
        self.types[name] = TensorType(shape)
        return name


def drawn(kind: str, shape: Shape, seed: int) -> tuple[dict[str, Any], list[Shape]] | None:
    """Fields of a layer that takes an input of that shape first, and the shapes of its inputs."""
    draft = OnShapes(Random(seed), shape)
    try:
        fields, names = FIELDS[kind](draft)
        shapes = [draft.types[name].shape for name in names]
        known = fields_of(KINDS[kind])
        layer = KINDS[kind](
            **{name: known[name].kind.convert(value, require) for name, value in fields.items()}
        )
        layer.infer_all(require, *map(TensorType, shapes))
    except RuleViolation:
        return None
    return fields, shapes


def spec_of(
    kind: str, fields: dict[str, Any], first: list[Shape], then: list[Shape] | None
) -> dict[str, Any]:
    """A layer on inputs of the shapes `first`, and once more on those of `then`."""
    typed = {"dtype": "int64"} if kind == "embedding" else {}
    inputs: dict[str, Any] = {}
    entries: list[dict[str, Any]] = [{"id": "first", kind: fields}]
    if then is not None:
        entries.append({"id": "again", "use": "first"})
    for entry, shapes in zip(entries, (first, then or []), strict=False):
        names = [f"{entry['id']}_{number}" for number in range(len(shapes))]
        inputs |= {n: {"shape": list(s), **typed} for n, s in zip(names, shapes, strict=True)}
        entry |= {"from": names} if names else {}
    outputs = [
        f"{entry['id']}.0" if kind in ("split", "top_k") else entry["id"] for entry in entries
    ]
    return {"format": 1, "name": "x", "input": inputs, "layers": entries, "outputs": outputs}


def elaborated(data: dict[str, Any]) -> Network | None:
    """The network of a model file; None where it is refused."""
    try:
        return elaborate(parse_spec(json.dumps(data)))
    except SpecError:
        return None


def modules(network: Network) -> list[Any]:
    """Of each module with stored tensors: its class, settings, and the shapes of the tensors."""
    return [
        (
            type(module),
            {name: value for name, value in vars(module).items() if not name.startswith("_")},
            [tuple(tensor.shape) for tensor in module.state_dict().values()],
        )
        for module in build(network).modules()
        if type(module) is not nn.Module and not list(module.children())
    ]


@pytest.mark.parametrize("kind", [kind for kind in DRAWN if not KINDS[kind].is_stored])
def test_what_is_accepted_torch_carries_out(kind: str) -> None:
    accepted = 0
    for shape, other, seed in product(SHAPES, SHAPES, range(TRIES)):
        first, then = drawn(kind, shape, seed), drawn(kind, other, seed)
        if first is None or then is None or len(first[1]) != len(then[1]):
            continue
        (fields, inputs), (_, others) = first, then
        alone = elaborated(spec_of(kind, fields, others, None))
        if alone is None:
            continue  # these fields do not go with the other inputs
        network = elaborated(spec_of(kind, fields, inputs, others))
        if network is None:
            before = elaborated(spec_of(kind, fields, inputs, None))
            assert before is not None
            assert modules(before) != modules(alone), (kind, fields, inputs, others)
            continue
        assert not disagreements(network), (kind, fields, inputs, others)
        accepted += 1
    assert accepted
