"""A number with its source and basis."""

from __future__ import annotations

from dataclasses import dataclass, replace

NUMBER_BASES = ("datasheet", "measured", "fitted", "derived", "assumed")
"""Where a number may come from: published specification, published measurement, a fit to
published measurements, arithmetic shown in the source, nothing better."""

ASSUMED_SPREAD = 0.3
"""Half width of the range of a number whose sources leave none, as a share of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """A number, in the unit that its field names, and why to believe it.

    `low` and `high` are the range that its sources leave, where they state one.
    """

    value: float
    source: str
    basis: str
    low: float | None = None
    high: float | None = None

    @property
    def least(self) -> float:
        """The lower end of the range, the number itself without one."""
        return self.value if self.low is None else self.low

    @property
    def most(self) -> float:
        """The upper end of the range, the number itself without one."""
        return self.value if self.high is None else self.high

    def times(self, factor: float) -> Sourced:
        """The number and its range, each multiplied; where it comes from stays."""
        low, high = (None if end is None else end * factor for end in (self.low, self.high))
        return replace(self, value=self.value * factor, low=low, high=high)


def range_of(number: Sourced) -> tuple[float, float]:
    """The range that the sources of a number leave; 30 % either way where they state none."""
    if number.low is None and number.high is None:
        return number.value * (1 - ASSUMED_SPREAD), number.value * (1 + ASSUMED_SPREAD)
    return number.least, number.most
