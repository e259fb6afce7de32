"""Countings that papers and their code use: what each counts of a layer.

A table states a counting for each quantity. Where a figure does not agree with it, the other
countings are tried. Only countings that somebody printed figures of are here: the more there are,
the more figures agree by chance.
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
    """A way to count a quantity."""

    name: str
    """As tables state it."""
    amount: Callable[[Costs, Costs], int]
    """The count of some layers, from their costs and those of all layers of their network."""


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
    """A norm without a scale has a shift, a mean and a variance: 3 numbers where we count 4."""
    norms = [cost for cost in costs if isinstance(cost.step.layer, BatchNorm)]
    stored = sum(cost.params + cost.buffers for cost in norms)
    return _without_norms(costs, whole) + 3 * stored // 4


COUNTINGS: Mapping[str, tuple[Counting, ...]] = {
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
"""The countings of each quantity. `weights` are kernels alone; `params` is everything trained."""

SHARES: Mapping[str, str] = {"mult_adds_share": "mult_adds", "params_share": "params"}
"""Shares of the whole network: the quantity of each."""

QUANTITIES = (*COUNTINGS, *SHARES)
"""The keys of cells with figures."""


def countings_for(what: str, own: str) -> list[Counting]:
    """The countings of the quantity or share `what`, the table's `own` first."""
    return sorted(COUNTINGS[SHARES.get(what, what)], key=lambda counting: counting.name != own)


def counted(what: str, counting: Counting, costs: Costs, whole: Costs) -> Fraction:
    """The quantity `what` of the layers in `costs`, or their share, 0 to 1, of the `whole`."""
    number = Fraction(counting.amount(costs, whole))
    return number / (counting.amount(whole, whole) or 1) if what in SHARES else number
