"""Settings that a page should know, the most likely ones first.

A user moves one control, then a second one. So each control is moved by itself before pairs are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from math import prod
from typing import Any

from mnet_cost.explorer.knobs import Control, Select, Slider
from mnet_cost.models.types import BATCH

_ALL = 600
"""Most positions of a slider, and most combinations of values, that are tried."""

Setting = dict[str, Any]


class Likely:
    """Settings around that of the model, and those that sources publish."""

    def __init__(self, controls: Sequence[Control], published: Sequence[Mapping[str, Any]]) -> None:
        self.now: Setting = {control.name: control.default for control in controls}
        """The setting of the model."""
        self._published = published
        self._values: dict[str, list[Any]] = {}
        self._few: dict[str, list[Any]] = {}
        """Values of each control that moves, and a few of them, the ends of a slider among them."""
        for control in sorted(controls, key=_order):
            if isinstance(control, Slider):
                positions = control.positions()
                self._values[control.name] = _some(positions, _ALL)
                self._few[control.name] = _some(positions, 5)
            elif isinstance(control, Select):
                self._values[control.name] = self._few[control.name] = list(control.values)
        self._selects = [control.name for control in controls if isinstance(control, Select)]

    def singles(self) -> list[Setting]:
        """One control moved, in rough steps first; then what sources publish."""
        return _each_once(self._singles())

    def pairs(self) -> list[Setting]:
        """Two controls moved."""
        return _each_once(self._pairs())

    def others(self) -> list[Setting]:
        """All values of selects with each other, if these are not too many."""
        chosen = {name: self._few[name] for name in self._selects}
        if prod(map(len, chosen.values())) > _ALL:
            return []
        return [
            {**self.now, **dict(zip(chosen, values, strict=True))}
            for values in product(*chosen.values())
        ]

    def _singles(self) -> Iterator[Setting]:
        for values in (self._few, self._values):
            for name, moved in values.items():
                for value in moved:
                    yield {**self.now, name: value}
        for row in self._published:
            yield {**self.now, **row}

    def _pairs(self) -> Iterator[Setting]:
        for (name, moved), (other, beside) in combinations(self._few.items(), 2):
            for value in moved:
                for second in beside:
                    yield {**self.now, name: value, other: second}


def _order(control: Control) -> tuple[bool, bool]:
    """The batch, which many rules tell from a single example, then selects, then sliders."""
    return control.name != BATCH, not isinstance(control, Select)


def _each_once(settings: Iterable[Setting]) -> list[Setting]:
    found: dict[tuple[Any, ...], Setting] = {}
    for setting in settings:
        found.setdefault(tuple([(type(value), value) for value in setting.values()]), setting)
    return list(found.values())


def _some(values: list[Any], count: int) -> list[Any]:
    """So many of the values at equal distances, both ends among them."""
    if len(values) <= count:
        return values
    return [values[round(i * (len(values) - 1) / (count - 1))] for i in range(count)]
