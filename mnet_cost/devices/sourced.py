"""A number with its source and standing."""

from __future__ import annotations

from typing import NamedTuple

STANDINGS = ("datasheet", "measured", "fitted", "derived", "assumed")
"""Where a number may come from: published specification, published measurement, a fit to
published measurements, arithmetic shown in the source, nothing better."""


class Sourced(NamedTuple):
    """A number, in the unit that its field names, and why to believe it.

    `low` and `high` are the range that its sources leave, where they state one.
    """

    value: float
    source: str
    standing: str
    low: float | None = None
    high: float | None = None
