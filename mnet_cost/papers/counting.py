"""Ways of counting that papers and their code use, and how each counts some layers.

A table states one way for each quantity; where a figure is not that, the others are tried. Only
ways are here that give figures somebody printed: the more there are, the more match by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from mnet_cost.analysis.work import LayerCost
from mnet_cost.layers.conv import Conv2d
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import BatchNorm

Costs = Sequence[LayerCost]


class Counting(NamedTuple):
    """A way to count. `amount` gets some layers, and all of the network that they are of."""

    name: str
    amount: Callable[[Costs, Costs], int]


def _mult_adds(costs: Costs, whole: Costs) -> int:
    return sum(cost.mult_adds for cost in costs)


def _flops(costs: Costs, whole: Costs) -> int:
    return 2 * _mult_adds(costs, whole)


def _without_linear(costs: Costs, whole: Costs) -> int:
    return sum(cost.mult_adds for cost in costs if not isinstance(cost.step.layer, Linear))


def _without_first(costs: Costs, whole: Costs) -> int:
    first = next((cost for cost in whole if isinstance(cost.step.layer, Conv2d)), None)
    return sum(cost.mult_adds for cost in costs if cost is not first)


def _weights(costs: Costs, whole: Costs) -> int:
    return sum(cost.weights for cost in costs)


def _params(costs: Costs, whole: Costs) -> int:
    return sum(cost.params for cost in costs)


def _without_norms(costs: Costs, whole: Costs) -> int:
    return sum(cost.params for cost in costs if not isinstance(cost.step.layer, BatchNorm))


def _unscaled_norms(costs: Costs, whole: Costs) -> int:
    """A norm without a scale has a shift, a mean and a variance: 3 of what we count 4."""
    norms = [cost for cost in costs if isinstance(cost.step.layer, BatchNorm)]
    stored = sum(cost.params + cost.buffers for cost in norms)
    return _without_norms(costs, whole) + 3 * stored // 4


WAYS: Mapping[str, tuple[Counting, ...]] = {
    "mult_adds": (
        Counting("conv + linear", _mult_adds),
        Counting("without linear layers", _without_linear),
        Counting("without the first convolution", _without_first),
        Counting("2 x mult-adds (FLOPs)", _flops),
    ),
    "params": (
        Counting("weights", _weights),
        Counting("weights + bias", _without_norms),
        Counting("params", _params),
        Counting("weights + bias + shift, mean and variance of norms", _unscaled_norms),
    ),
}
"""By quantity. `weights` are kernels alone; `params` is everything trained, norms included."""

SHARES: Mapping[str, str] = {"mult_adds_share": "mult_adds", "params_share": "params"}
"""Shares of the whole network, and the quantity that they are of."""

QUANTITIES = (*WAYS, *SHARES)


def ways_of(what: str, own: str) -> list[Counting]:
    """The ways to count the quantity or share `what`, that of the table first."""
    return sorted(WAYS[SHARES.get(what, what)], key=lambda way: way.name != own)


def counted(what: str, way: Counting, costs: Costs, whole: Costs) -> Fraction:
    """The quantity or share `what` of `costs`."""
    number = Fraction(way.amount(costs, whole))
    return number / (way.amount(whole, whole) or 1) if what in SHARES else number
