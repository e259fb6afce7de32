"""What a program runs at one size of its images, and whether that is the same at another.

`readers/eager.py` finds it. It is less than a graph: who reads what is left out.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from mnet_cost.importing.resolution import views_alike


class View(NamedTuple):
    """A tensor that is given another shape."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def runs_alike(first: Sequence[Hashable], second: Sequence[Hashable]) -> bool:
    """Whether a program runs the same at two sizes, as far as `operators_at` tells."""
    return len(first) == len(second) and all(
        a == b or (isinstance(a, View) and isinstance(b, View) and _views_alike(a, b))
        for a, b in zip(first, second, strict=True)
    )


def operator_names(operators: Sequence[Hashable]) -> list[Hashable]:
    """What `operators_at` gives, without numbers and shapes."""
    return [
        operator[0] if isinstance(operator, tuple) and not isinstance(operator, View) else "view"
        for operator in operators
    ]


def _views_alike(a: View, b: View) -> bool:
    """Whether the same axes are joined and parted at two sizes."""
    if (len(a.before), len(a.after)) != (len(b.before), len(b.after)):
        return False
    return views_alike(a.before, b.before, a.after, b.after)
