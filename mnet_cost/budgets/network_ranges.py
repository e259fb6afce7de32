"""Ranges of a network that a baseline is compared at, and their numbers in a document.

Every setting of a range is compared with the same setting of the baseline. A document therefore
holds the numbers of each setting, as many as `MAX_STORED`. Not here: how settings are evaluated
(`range_numbers.py`), and what files look like (`report/range_file.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from mnet_cost.devices import DeviceProfile
from mnet_cost.metrics import TOTALS, Metric, find_metric
from mnet_cost.models.types import ModelSpec
from mnet_cost.search.single import word_of

MAX_STORED = 4096
"""Most settings of a range whose numbers a document holds: some 0.4 MB without devices."""

COMPARED = (*TOTALS, find_metric("latency"))
"""What can be compared with a baseline."""


class NetworkRange(NamedTuple):
    """A network at all combinations of values of some knobs."""

    spec: ModelSpec
    fixed: Mapping[str, Any]
    """The knobs that have one value."""
    axes: Mapping[str, tuple[Any, ...]]
    at: Mapping[str, str]
    """All of them, as they were written."""
    devices: tuple[DeviceProfile, ...]
    precision: str

    @property
    def points(self) -> int:
        """All settings."""
        return prod(map(len, self.axes.values()))

    def setting(self, number: int) -> dict[str, Any]:
        """The values of the axes at a setting; the last axis varies first."""
        values: dict[str, Any] = {}
        for knob, choices in reversed(list(self.axes.items())):
            number, place = divmod(number, len(choices))
            values[knob] = choices[place]
        return {knob: values[knob] for knob in self.axes}


class StoredRange(NamedTuple):
    """The numbers of a range, as a document has them."""

    title: str
    spec: str
    """Path of the spec."""
    variant: str | None
    precision: str
    knobs: Mapping[str, Any]
    """Those beside the axes, the batch among them."""
    stated: tuple[str, ...]
    """Those of them that were set."""
    axes: Mapping[str, Sequence[Any]]
    numbers: Mapping[tuple[str, str], Sequence[float | None]] | None
    """(name of the metric, name of the device or nothing) -> its number at each setting, in the
    units of the program; None where there were too many settings."""


def numbers_compared(
    metrics: Sequence[Metric], devices: Sequence[DeviceProfile]
) -> list[tuple[Metric, DeviceProfile | None]]:
    """Each metric, on each device where it is of one."""
    pairs: list[tuple[Metric, DeviceProfile | None]] = []
    for metric in metrics:
        pairs += [(metric, device) for device in (devices if metric.per_device else (None,))]
    return pairs


def value_key(value: Any) -> float | str:
    """What equal values of a knob have in common; a file has a list for a height and a width."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return word_of(value)


def key_of(metric: Metric, device: DeviceProfile | None) -> tuple[str, str]:
    """What a number is called among those of a setting."""
    return metric.name, "" if device is None else device.name
