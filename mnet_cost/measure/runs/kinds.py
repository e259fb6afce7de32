"""Which kinds of layers have the mult-adds, and which take the time.

The MobileNets paper prints shares of mult-adds and of parameters (arXiv:1704.04861, table 2: 1x1
convolutions have 95 % of the mult-adds) and argues that time follows them. Here the shares of the
measured and of the estimated time stand beside these. A kernel counts whole, with the layers that
are fused into it, for the kind that its mult-adds are of.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import fsum
from typing import NamedTuple

from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.work import LayerCost
from mnet_cost.measure.runs.joining import Joined, gives_time

LAYOUT = "copies into other layouts"
OTHER = "kernels of no known layer"
BETWEEN = "between kernels"


class KindShare(NamedTuple):
    """What one kind of layers has of a network. None is unknown, or does not apply."""

    kind: str
    """A kind of layers, or one of the names above."""
    mult_adds: int | None
    params: int | None
    measured_s: float | None
    estimate_s: float | None


class _Sums:
    """Numbers of one kind, while they are added up."""

    def __init__(self) -> None:
        self.mult_adds = 0
        self.params = 0
        self.measured_s: list[float] = []
        self.estimate_s: list[float | None] = []

    def share(self, kind: str) -> KindShare:
        known = [seconds for seconds in self.estimate_s if seconds is not None]
        is_known = bool(known) and len(known) == len(self.estimate_s)
        return KindShare(
            kind,
            self.mult_adds,
            self.params,
            fsum(self.measured_s) if self.measured_s else None,
            fsum(known) if is_known else None,
        )


def kind_shares(
    layers: Iterable[LayerCost], estimate: DeviceEstimate | None, joined: Joined | None
) -> tuple[KindShare, ...]:
    """A row for each kind, those with most of the measured time, else of the mult-adds, first;
    then what is no kernel of a layer. Each column adds up to the whole network."""
    known = estimate is not None and gives_time(estimate)
    sums: dict[str, _Sums] = {}
    left = {cost.step.name: cost for cost in layers}
    if joined is not None:
        for group in joined.kernels:
            own = sums.setdefault(group.kind, _Sums())
            own.measured_s.append(group.seconds)
            own.estimate_s.append(group.estimate_s)
            _take(own, group.layers, left)
        estimates: Iterable[KernelEstimate] = joined.unmeasured
    else:
        estimates = estimate.kernels if estimate is not None else ()
    for each in estimates:
        own = sums.setdefault(each.kernel.anchor.step.layer.variety(), _Sums())
        own.estimate_s.append(each.latency_s if known else None)
        _take(own, [cost.step.name for cost in each.kernel.layers], left)
    for name, cost in [*left.items()]:
        if cost.mult_adds or cost.params:  # nothing says what its kernel takes, if it has one
            _take(sums.setdefault(cost.step.layer.variety(), _Sums()), [name], left)
    rows = [own.share(kind) for kind, own in sums.items()]
    rows.sort(key=lambda row: (-(row.measured_s or 0.0), -(row.mult_adds or 0)))
    return (*rows, *_others(estimate, joined))


def _take(sums: _Sums, names: Iterable[str], left: dict[str, LayerCost]) -> None:
    """Add the counts of layers, each once."""
    for name in names:
        cost = left.pop(name, None)
        if cost is not None:
            sums.mult_adds += cost.mult_adds
            sums.params += cost.params


def _others(estimate: DeviceEstimate | None, joined: Joined | None) -> list[KindShare]:
    """What is no kernel of a layer: of the estimate the constant part of an inference."""
    inference_s = estimate.inference_s if estimate is not None and gives_time(estimate) else None
    if joined is None:
        return [KindShare(BETWEEN, None, None, None, inference_s)] if inference_s else []
    rows = [
        KindShare(LAYOUT, None, None, joined.layout_s, None) if joined.layout else None,
        KindShare(OTHER, None, None, joined.unjoined_s, None) if joined.unjoined else None,
        KindShare(BETWEEN, None, None, joined.between_s, inference_s or None),
    ]
    return [row for row in rows if row is not None]
