"""Choices of many blocks in a few columns: `kernel` is `3575 33-- 577-`, a word for each part.

A design space has a choice or two for each of its blocks, and no screen has room for all of them.
Options of the blocks of one part follow each other; `-` is a block that is left out. JSON and files
have each choice in a column of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.search.single import word_of

_ABSENT = "-"


def is_choice(axis: str) -> bool:
    """Whether an axis is a choice of a block, and no knob."""
    return "." in axis


class CompactChoice(NamedTuple):
    """Choices of the same name."""

    title: str
    axes: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"choices_{self.title}"

    def text(self, row: Mapping[str, Any]) -> str:
        """The options of a point."""
        parts: dict[str, list[str]] = {}
        for axis in self.axes:
            value = row.get(axis)
            part = axis.rpartition(".")[0].partition(".")[0]
            parts.setdefault(part, []).append(_ABSENT if value is None else word_of(value))
        words = []
        for options in parts.values():
            short = all(len(option) == 1 for option in options)
            words.append(("" if short else ",").join(options))
        return " ".join(words)


def compact_choices(axes: Sequence[str]) -> list[CompactChoice]:
    """The choices `axes` by their names."""
    by_name: dict[str, list[str]] = {}
    for axis in axes:
        by_name.setdefault(axis.rpartition(".")[2], []).append(axis)
    return [CompactChoice(name, tuple(own)) for name, own in by_name.items()]
