"""A report: tables with named and typed columns, facts, notes, and the same as a JSON document.

Cells are numbers and words, never formatted text: every format shows the same values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

Form = Literal[
    "text", "prose", "quantity", "count", "bytes", "seconds", "percent", "ratio", "number", "range"
]
"""What a column holds: text is cut where the room is short, prose wrapped; counts are exact
integers, percents fractions; a range is two numbers."""


class Quantity(NamedTuple):
    """A number with its unit, for columns of numbers of different units."""

    value: float
    unit: str


class Time(NamedTuple):
    """Seconds, for cells that also say how they are to be taken."""

    seconds: float
    least: bool = False
    """It takes so long or longer: a lower bound, or a sum in which something is not known."""
    outside: bool = False
    """The network is beyond what the fit has seen."""


class AtLeast(NamedTuple):
    """A quantity that is no more than a lower bound."""

    value: float
    unit: str


class Range(NamedTuple):
    """From one number to another: of seconds, or of ratios."""

    low: float
    high: float
    unit: Literal["s", "x"] = "s"


class Column(NamedTuple):
    """A column. `key` names it in files, `title` where people read; where the room is short,
    columns of low `weight` go first."""

    key: str
    title: str
    form: Form = "text"
    weight: int = 9


class Table(NamedTuple):
    """Rows of raw values; None is unknown or does not apply."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: tuple[Any, ...] | None = None
    """A last row with sums, if that makes sense."""
    note: str = ""


class Fact(NamedTuple):
    """One line of a header: a label, a value and what is to be said about it."""

    label: str
    value: Any
    form: Form
    detail: str = ""


class Report(NamedTuple):
    """What a command found."""

    title: str
    subtitle: str
    facts: tuple[Fact, ...]
    tables: tuple[Table, ...]
    """The first is the one that CSV writes, if there are no `records`."""
    notes: tuple[str, ...]
    document: Callable[[], dict[str, Any]]
    """For JSON, which alone needs it."""
    records: Table | None = None
    """What CSV writes instead, where the tables are made for reading."""
