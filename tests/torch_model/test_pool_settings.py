"""Random settings of pools against torch's own functions: the same shape, or both refuse.

One difference is meant: the language refuses dilation above the size of the image, where torch
gives minus infinity for windows that miss it.
"""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from mnet_cost.errors import SpecError
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.torch_model import build_module

SETTINGS = 1500


def pooled(kind: str, fields: dict[str, Any], sizes: tuple[int, int]) -> Network | None:
    """The network of one pool; None where the language refuses it."""
    spec = f"format: 1\nname: x\ninput: {{x: [2, {sizes[0]}, {sizes[1]}]}}\n"
    try:
        return elaborate(parse_spec(f"{spec}layers:\n  - {entry(kind, fields)}\n"))
    except SpecError:
        return None


def entry(kind: str, fields: dict[str, Any]) -> str:
    """A layer of a spec."""
    text = ", ".join(f"{name}: {str(value).lower()}" for name, value in fields.items())
    return f"{kind}: {{{text}}}"


def by_torch(kind: str, fields: dict[str, Any], sizes: tuple[int, int]) -> tuple[int, ...] | None:
    """Height and width by torch's own function on the meta device; None where it refuses."""
    x = torch.empty(1, 2, *sizes, device="meta")
    options: dict[str, Any] = {"ceil_mode": fields["round_up"]}
    if kind == "max_pool2d":
        options["dilation"] = fields["dilation"]
    function = F.max_pool2d if kind == "max_pool2d" else F.avg_pool2d
    try:
        pooled = function(x, fields["kernel"], fields["stride"], fields["padding"], **options)
    except RuntimeError:
        return None
    return tuple(pooled.shape[2:])


def drawn(r: Random, kind: str) -> tuple[dict[str, Any], tuple[int, int]]:
    """Fields that torch has as well, and the size of the image."""

    def pair(low: int, high: int) -> list[int]:
        return [r.randint(low, high), r.randint(low, high)]

    fields: dict[str, Any] = {
        "kernel": pair(1, 5),
        "stride": pair(1, 4),
        "padding": pair(0, 3),
        "round_up": r.random() < 0.5,
    }
    if kind == "max_pool2d":
        fields["dilation"] = pair(1, 3) if r.random() < 0.5 else [1, 1]
    return fields, (r.randint(1, 9), r.randint(1, 9))


@pytest.mark.parametrize("kind", ["max_pool2d", "avg_pool2d"])
def test_the_same_shape_or_both_refuse(kind: str) -> None:
    r, seen = Random(5), {True: 0, False: 0}
    for _ in range(SETTINGS):
        fields, sizes = drawn(r, kind)
        network, torchs = pooled(kind, fields, sizes), by_torch(kind, fields, sizes)
        dilation = fields.get("dilation", [1, 1])
        if network is None and any(map(int.__gt__, dilation, sizes)):
            continue
        shape = None if network is None else network.tensors[-1].type.shape[1:]
        assert shape == torchs, (fields, sizes)
        seen[shape is None] += 1
    assert min(seen.values()) > 200


@pytest.mark.parametrize("kind", ["max_pool2d", "avg_pool2d"])
def test_every_window_sees_the_image(kind: str) -> None:
    r, accepted, on_all = Random(7), 0, {"stride": [1, 1], "padding": "same"}
    for number in range(SETTINGS):
        fields, sizes = drawn(r, kind)
        if number % 5 == 0:
            fields |= on_all
        elif number % 2:
            fields["padding"] = [r.randint(0, 2) for _ in range(4)]
        network = pooled(kind, fields, sizes)
        if network is None:
            continue
        accepted += 1
        with torch.no_grad():
            output = build_module(network)(torch.randn(2, 2, *sizes))
        assert output.shape[1:] == network.tensors[-1].type.shape, (fields, sizes)
        assert output.isfinite().all(), (fields, sizes)
        down = pooled(kind, fields | {"round_up": False}, sizes)
        if fields["round_up"] and down is not None:
            fewer = map(int.__lt__, network.tensors[-1].type.shape, down.tensors[-1].type.shape)
            assert not any(fewer), (fields, sizes)
    assert accepted > 400


def test_a_window_with_a_middle_sees_the_image_at_any_dilation() -> None:
    refused = 0
    for kernel, stride, dilation, size in product(range(1, 6), (1, 2, 3), (1, 5, 9), (1, 4, 7)):
        fields = {"kernel": kernel, "stride": stride, "padding": "same", "dilation": dilation}
        network = pooled("max_pool2d", fields, (size, 8))
        if kernel % 2 or dilation <= size:
            assert network is not None, (fields, size)
            with torch.no_grad():
                output = build_module(network)(torch.randn(1, 2, size, 8))
            assert output.shape[1:] == network.tensors[-1].type.shape, (fields, size)
            assert output.isfinite().all(), (fields, size)
        else:
            refused += network is None
    assert refused > 10
