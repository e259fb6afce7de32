"""Tables as a paper prints them, each row with the network that it stands for.

A cell holds what is printed, to the digit, and never a verdict: that is computed. Not here: our
own figures, which `reproduce` finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from mnet_cost.printed import Printed

Figure = Printed | str
"""A number with the step of its last digit, or words, as in a table of layers."""


class Cell(NamedTuple):
    """One printed figure, and what the file says of it where it cannot be ours."""

    what: str
    """A quantity (see `counting`) or a property of layers (see `properties`)."""
    printed: Figure
    typo: Figure | None = None
    """What should be printed."""
    why: str = ""
    """Why nothing gives the printed figure."""
    to: str = ""
    """What one unit of the last digit that counts is worth, where that is not the last printed."""
    chosen: str = ""
    """Settings of the network that the source does not state, and that give the figure."""


class Part(NamedTuple):
    """Which layers of a network a row speaks of; all of them where nothing is said."""

    layers: tuple[str, ...] = ()
    """Paths of layers or blocks, where `*` stands for any name: `middle.*.conv2d`."""
    kind: str = ""
    """All layers of a kind: `conv2d 1x1`."""


class Row(NamedTuple):
    """One row: a network, or a part of one, and its cells."""

    name: str
    model: str | None
    """A model reference; None where the row is quoted and nothing is computed."""
    part: Part
    cells: tuple[Cell, ...]
    published: tuple[str, ...] = ()
    """Accuracies and times as printed, one per title of the table."""
    tried: tuple[str, ...] = ()
    """Other settings that the figures may be of."""
    meant: str | None = None
    """The setting that must be meant, where the row is labelled wrongly."""


class PrintedTable(NamedTuple):
    """One table. `counting` says how its quantities are counted, `truncated` which are cut."""

    id: str
    title: str
    source: str
    counting: Mapping[str, str]
    published: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    truncated: frozenset[str] = frozenset()


class Paper(NamedTuple):
    """The tables of a paper, and of the tables that its authors published elsewhere."""

    name: str
    title: str
    source: str
    tables: tuple[PrintedTable, ...]
    path: str = ""
    left_out: Mapping[str, str] = MappingProxyType({})
    """Tables of the paper that are not here, and why."""
