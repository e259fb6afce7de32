"""Padding that makes a size up to a multiple, as an expression of that size.

Windows and patches that do not fit an image are made to fit by zeros behind it: 3 rows below 32 for
windows of 5. In a spec that is `-conv.height % 5`, which no single size shows.
"""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.blocks.leaves import Number

_MOST = 128
"""The largest number that a size is made up to a multiple of."""


def made_up(
    field: str,
    vector: tuple[Number | None, ...],
    sizes: Mapping[str, tuple[Number | None, ...]],
) -> str | None:
    """The text for numbers that make a size of a tensor up to a multiple; None for others."""
    if field != "padding" or all(value == vector[0] for value in vector):
        return None
    for name, own in sizes.items():
        if name.rpartition(".")[2] not in ("height", "width"):
            continue
        pairs = [(v, size) for v, size in zip(vector, own, strict=True) if v is not None]
        if not all(isinstance(v, int) and isinstance(size, int) for v, size in pairs):
            continue
        whole = [(int(v), int(size or 0)) for v, size in pairs]
        for number in range(2, _MOST + 1):
            if all(v == -size % number for v, size in whole):
                return f"-{name} % {number}"
    return None
