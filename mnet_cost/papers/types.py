"""Tables as a paper prints them, each row with the network that it is of.

A cell holds the printed figure, to the digit, and never a verdict, which is computed. Not here: our
own figures, which `reproduce` computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from mnet_cost.printed import Printed

PrintedFigure = Printed | str
"""A number with the step of its last digit, or words in a table of layers."""


class Cell(NamedTuple):
    """A printed figure, and what the file states about it where it is not ours."""

    what: str
    """A quantity (see `counting`) or a property of layers (see `properties`)."""
    printed: PrintedFigure
    typo: PrintedFigure | None = None
    """The figure that should be printed; None if the file has no correction."""
    why: str = ""
    """The reason why no figure of ours is the printed one; empty if the file has none."""
    to: str = ""
    """The step that the figure is rounded to, as `100 M`, if that is not the last digit's."""
    chosen: str = ""
    """Settings that the source does not state, chosen because they give the figure."""


class NetworkPart(NamedTuple):
    """The layers of a network that a row is of; all layers if both fields are empty."""

    layers: tuple[str, ...] = ()
    """Paths of layers or blocks, with `*` for any name: `middle.*.conv2d`."""
    kind: str = ""
    """The kind of the layers: `conv2d 1x1`."""


class Row(NamedTuple):
    """A row: a network, or a part of a network, and its cells."""

    name: str
    model: str | None
    """A model reference; None where the row is quoted and nothing is computed."""
    part: NetworkPart
    cells: tuple[Cell, ...]
    published: tuple[str, ...] = ()
    """Accuracies and times as printed, in the order of the table's titles."""
    tried: tuple[str, ...] = ()
    """Model references of other settings that the figures may be of."""
    meant: str | None = None
    """The model reference that must be meant, where the label of the row is wrong."""


class PrintedTable(NamedTuple):
    """A table of a paper."""

    id: str
    title: str
    source: str
    counting: Mapping[str, str]
    """The name of the counting of each quantity."""
    published: tuple[str, ...]
    """The titles of the columns of accuracies and times."""
    rows: tuple[Row, ...]
    note: str = ""
    truncated: frozenset[str] = frozenset()
    """The quantities whose further digits are cut off, not rounded."""


class Paper(NamedTuple):
    """The tables of a paper, with those that its authors published elsewhere."""

    name: str
    title: str
    source: str
    tables: tuple[PrintedTable, ...]
    path: str = ""
    left_out: Mapping[str, str] = MappingProxyType({})
    """Tables of the paper that are not here, by id, each with the reason."""
