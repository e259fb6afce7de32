"""Which cells a terminal shows in a colour: what the basis of a time means."""

from __future__ import annotations

from typing import Any

from mnet_cost.report.types import Mark, Marked

_OF_BASES: dict[str, Mark] = {
    "calibrated": "measured", "fitted": "measured", "datasheet": "datasheet", "bound": "bound",
}  # fmt: skip


def by_basis(value: Any, basis: str | None) -> Any:
    """`value`, marked with what its basis is."""
    return value if value is None or basis is None else Marked(value, _OF_BASES[basis])
