"""Amounts of metrics as they are typed: `20ms`, `320KiB`, `5mJ`, `150M`, `70%`.

Limits of sweeps and of budgets read them alike. Not here: which metric it is.
"""

from __future__ import annotations

from mnet_cost.errors import Problem, UnitError
from mnet_cost.metrics import Metric
from mnet_cost.units import parse_count, parse_quantity

SYMBOLS = {"bytes": "B", "s": "s", "J": "J"}
"""Symbols of the units of metrics, for quantities."""


def number_of(text: str, metric: Metric) -> float:
    """The number that `text` states of a metric, in the unit of files; raises `UnitError`."""
    if metric.unit == "%":
        percent = parse_count(text.removesuffix("%"))
        if percent > 100:
            raise UnitError(Problem(f"`{text}` is more than 100 %"))
        return percent
    if metric.unit:
        return parse_quantity(text, SYMBOLS[metric.unit]) * metric.file_factor
    return parse_count(text)
