"""Other settings that a number may be of: batches, sizes of the input, numbers of classes.

Only knobs of the spec are set. What is tried are the values that sources have published, and those
that people use often. Not here: which of them gives a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mnet_cost.errors import MnetCostError
from mnet_cost.models.types import BATCH, MAX_BATCH
from mnet_cost.network import Network, elaborate
from mnet_cost.reconciliation.readings import NetworkCounts

RESOLUTIONS = (
    28, 32, 64, 96, 112, 128, 160, 192, 224, 227, 240, 256, 260, 288, 299, 300, 320, 331, 336, 352,
    380, 384, 416, 448, 456, 480, 512, 528, 600, 608, 640, 768, 800, 1024, 1280,
)  # fmt: skip
"""Pixels of a side that networks are often counted at."""
CLASSES = (2, 10, 11, 20, 21, 80, 90, 91, 100, 101, 200, 365, 1000, 1001, 11221, 21841, 21843)
"""Numbers of classes of the usual data sets, with and without a background."""
_USUAL = {"resolution": RESOLUTIONS, "classes": CLASSES}

MOST_LAYERS = 5_000
"""Networks with more layers are not counted at other settings: each takes as long as the first."""


def at_batch(network: Network, batch: int) -> NetworkCounts | None:
    """The network with another batch; None where there is no such batch."""
    return _at(network, {BATCH: batch}) if 0 < batch <= MAX_BATCH else None


def other_settings(network: Network) -> Iterator[tuple[Mapping[str, Any], NetworkCounts]]:
    """(changed knobs, counts) for each other setting that holds."""
    if len(network.steps) > MOST_LAYERS:
        return
    tried: list[Mapping[str, Any]] = []
    for name, knob in network.spec.knobs.items():
        values = [*knob.choices, *knob.published, *_USUAL.get(name, ())]
        for value in dict.fromkeys(values):
            if value != network.knobs.get(name):
                tried.append({name: value})
    for row in network.spec.published:
        if row.own and len(row.setting) > 1:
            own = network.knobs
            tried.append({name: value for name, value in row.setting.items()
                          if value != own.get(name)})  # fmt: skip
    for changed in [each for i, each in enumerate(tried) if each and each not in tried[:i]]:
        counts = _at(network, changed)
        if counts is not None:
            yield changed, counts


def _at(network: Network, changed: Mapping[str, Any]) -> NetworkCounts | None:
    """The counts with changed knobs; None where the network does not hold there."""
    try:
        return NetworkCounts(elaborate(network.spec, {**network.knobs, **changed}))
    except MnetCostError:
        return None
