"""Other settings that a number may be of: batches, sizes of the input, numbers of classes.

What is tried are the values of knobs that sources have published, and those that people use often.
Where an image has a size that no knob sets, the spec is read again with another one. Not here:
which setting gives a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mnet_cost.errors import MnetCostError
from mnet_cost.models.dump import dump_data
from mnet_cost.models.load import parse_spec
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

INPUT = "input"
"""What stands for the size of an image in the place of a knob."""
_RESOLUTION = "resolution"
_WITHOUT = ("variants", "published", "budgets")
"""Sections that say nothing of the network."""

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
    yield from _other_images(network)


def value_of(network: Network, name: str) -> Any:
    """What a network has for a knob, or for the size of its image."""
    return network.knobs[name] if name in network.knobs else _size(network.tensors[0].type.shape)


def _size(shape: tuple[Any, ...]) -> str:
    return f"{shape[-2]}x{shape[-1]}"


def _other_images(network: Network) -> Iterator[tuple[Mapping[str, Any], NetworkCounts]]:
    """The network with an image of another size, where the spec states one as numbers."""
    data = {key: part for key, part in network.spec.data.items() if key not in _WITHOUT}
    inputs = data.get("input")
    if not isinstance(inputs, dict) or len(inputs) != 1 or _RESOLUTION in network.spec.knobs:
        return
    ((name, declared),) = inputs.items()
    shape: Any = declared.get("shape") if isinstance(declared, dict) else declared
    if not _is_image(shape):
        return
    for side in RESOLUTIONS:
        other = [shape[0], side, side]
        if other == shape:
            continue
        changed = {**declared, "shape": other} if isinstance(declared, dict) else other
        try:
            spec = parse_spec(dump_data(data | {"input": {name: changed}}))
            counts = NetworkCounts(elaborate(spec, network.knobs))
        except MnetCostError:
            continue
        yield {INPUT: _size(tuple(other))}, counts


def _is_image(shape: Any) -> bool:
    """Whether a shape is three whole numbers: channels, height and width."""
    return isinstance(shape, list) and len(shape) == 3 and all(type(n) is int for n in shape)


def _at(network: Network, changed: Mapping[str, Any]) -> NetworkCounts | None:
    """The counts with changed knobs; None where the network does not hold there."""
    try:
        return NetworkCounts(elaborate(network.spec, {**network.knobs, **changed}))
    except MnetCostError:
        return None
