"""A number with its source and standing."""

from __future__ import annotations

from typing import NamedTuple

STANDINGS = ("datasheet", "measured", "fitted", "derived", "assumed")
"""Where a number may come from: published specification, published measurement, a fit to
published measurements, arithmetic shown in the source, nothing better."""

ASSUMED_SPREAD = 0.3
"""Half width of the range of a number whose sources leave none, as a share of it."""


class Sourced(NamedTuple):
    """A number, in the unit that its field names, and why to believe it.

    `low` and `high` are the range that its sources leave, where they state one.
    """

    value: float
    source: str
    standing: str
    low: float | None = None
    high: float | None = None


def range_of(number: Sourced) -> tuple[float, float]:
    """What the sources of a number leave; 30 % either way where they are silent."""
    if number.low is None and number.high is None:
        return number.value * (1 - ASSUMED_SPREAD), number.value * (1 + ASSUMED_SPREAD)
    low = number.value if number.low is None else number.low
    return low, number.value if number.high is None else number.high
