"""A report: tables with named and typed columns, facts, notes, and the same as a JSON document.

Cells are numbers and words, never formatted text: every format shows the same values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

Form = Literal[
    "text",
    "prose",
    "quantity",
    "count",
    "bytes",
    "seconds",
    "percent",
    "share",
    "ratio",
    "number",
    "setting",
    "range",
]
"""What a column holds: text is cut where the room is short, prose wrapped; counts are exact
integers; percents and shares are fractions, and a share has a bar beside its number; a range is
two numbers; a setting is the value of a knob, with all its digits."""

Mark = Literal["bad", "measured", "datasheet", "bound", "largest", "better", "worse"]
"""What a cell means beyond its words, which a terminal shows as a colour: `bad` does not fit or is
over a limit; the time rests on measurements, on a data sheet, or is a lower bound; `largest` is the
largest share; a number is `better` or `worse` than before. The words or numbers of the cell say the
same without colour."""

ASKED = 10
"""The weight of a column that is never left out: the reader has asked for it."""
SPARE = 0
"""Columns of this weight or less are for wide screens and files: those of one weight are left out
together, before all others, and only `--notes` says so."""

MOST_NOTES = 3
"""Notes that are always shown; all others come with `--notes`."""


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


class Change(NamedTuple):
    """How much more a number is than another one, with its sign; in the unit of its column."""

    value: float
    is_exact: bool = False
    """Whether people see all digits of a count, not a short form."""


class AtLeast(NamedTuple):
    """A quantity that is no more than a lower bound."""

    value: float
    unit: str


class Range(NamedTuple):
    """From one number to another: of seconds, or of ratios."""

    low: float
    high: float
    unit: Literal["s", "x"] = "s"


class Marked(NamedTuple):
    """A cell with a meaning that a terminal can show as a colour. Files have its value alone."""

    value: Any
    mark: Mark


class Absent(NamedTuple):
    """No number, and why in a word, which people read in its place. CSV has an empty cell."""

    why: str


class Compared(NamedTuple):
    """A figure, and below it its ratio to another one: `0.53x`. Counts are short."""

    value: Any
    ratio: float | None
    word: str = ""
    """A word that stands beside the ratio; empty for none."""


class Column(NamedTuple):
    """A column. `key` names it in files, `title` where people read; where the room is short,
    `short` stands in the place of `title`, and columns of low `weight` go first. Both may have
    several lines."""

    key: str
    title: str
    form: Form = "text"
    weight: int = 9
    short: str = ""
    help: str = ""
    """What the column holds, as a sentence; `--notes` shows it."""
    needs: str = ""
    """The key of another column, without which it says nothing: it is left out with that. Two that
    need each other go together."""


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
    brief: str = ""
    """What stands in the place of `detail` where all facts share a line."""
    more: bool = False
    """As text it is shown with `--notes` only."""
    whole: bool = False
    """Where facts share lines, it has one of its own, with its detail."""


class Report(NamedTuple):
    """The output of a command, in this order: alerts, title, answer, facts, tables, notes."""

    title: str
    subtitle: str
    facts: tuple[Fact, ...]
    tables: tuple[Table, ...]
    """The first is the one that CSV writes, if there are no `records`."""
    notes: tuple[str, ...]
    """At most `MOST_NOTES`: those that change how a number is read."""
    document: Callable[[], dict[str, Any]]
    """For JSON, which alone needs it; the notes are added when it is written."""
    records: Table | Callable[[], Table] | None = None
    """What CSV writes instead, where the tables are made for reading; or what makes it, where that
    takes as long as all the rest."""
    more_notes: tuple[str, ...] = ()
    """All other notes: as text with `--notes`, in other formats always."""
    alerts: tuple[str, ...] = ()
    """Lines above everything else: a network that fits no device, a limit that is exceeded."""
    answer: tuple[Table, ...] = ()
    """Tables that stand above the facts."""
    facts_in_line: bool = False
    """As text, facts stand one after another in a line, with what is brief of each; with `--notes`
    each has a line of its own."""
    bulky: str | None = None
    """The key of the document below which a list of other documents is."""
    long_form: bool = False
    """Whether Markdown has the records in the place of the tables, as CSV does."""

    def recorded(self) -> Table | None:
        """The records, made where they were not."""
        records = self.records
        return records if records is None or isinstance(records, Table) else records()
