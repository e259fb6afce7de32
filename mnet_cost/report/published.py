"""Published figures in reports: those of the setting analyzed, and whether ours are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.models.published import (
    ACCURACIES,
    COUNTS,
    FIGURES,
    PublishedRow,
    published_at,
)
from mnet_cost.printed import Printed, rounding_of
from mnet_cost.report.types import Fact


def published_rows(analysis: Analysis) -> tuple[PublishedRow, ...]:
    """The rows about the network at the setting that was analyzed."""
    network = analysis.network
    settings = {
        name: value
        for name, value in network.knobs.items()
        if name not in network.choices or value != network.choices[name][0]
    }
    return published_at(network.spec, settings)


def published_facts(analysis: Analysis) -> tuple[Fact, ...]:
    """A line for each row: one figure, then the others and the source."""
    facts = []
    for row in published_rows(analysis):
        (first, text), *rest = _in_order(row)
        words = [
            FIGURES[first],
            *(f"{_with_unit(name, one)} {FIGURES[name]}" for name, one in rest),
        ]
        note = f" ({row.note})" if row.note else ""
        detail = f"{', '.join(words)}; {row.source}{note}"
        facts.append(Fact("published", _with_unit(first, text), "text", detail))
    return tuple(facts)


def published_document(rows: Sequence[PublishedRow]) -> list[dict[str, Any]]:
    """Rows for JSON: percents and counts as numbers."""
    return [
        {
            "source": row.source,
            "note": row.note or None,
            "figures": {name: number(name, one) for name, one in row.figures.items()},
        }
        for row in rows
    ]


def number(name: str, figure: Printed) -> int | float:
    """A figure as a number: percents as they are, counts whole where they are."""
    whole = name in COUNTS and figure.value.denominator == 1
    return int(figure.value) if whole else float(figure.value)


class Accuracy(NamedTuple):
    """The accuracy that a source prints, for a cell of a table."""

    text: str
    metric: str
    source: str


def accuracy(rows: Sequence[PublishedRow], metric: str | None = None) -> Accuracy | None:
    """The first accuracy among rows, of one metric where that is given."""
    for row in rows:
        for name in ACCURACIES:
            if name in row.texts and metric in (None, name):
                return Accuracy(row.texts[name].strip(), ACCURACIES[name], row.source)
    return None


def shared_metric(networks: Sequence[Sequence[PublishedRow]]) -> str | None:
    """The accuracy that is published for most networks; None if there is none."""
    counts = {
        name: sum(accuracy(rows, name) is not None for rows in networks) for name in ACCURACIES
    }
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


class Meeting(NamedTuple):
    """A count of ours beside the printed one."""

    ours: int
    way: str
    """How ours became what is printed, or by how much it differs."""


def meet(name: str, printed: Printed, analysis: Analysis) -> Meeting | None:
    """Our count for a printed one; None where ours is unknown.

    Papers mean all that is trained by params, or kernels alone: what fits is taken.
    """
    if analysis.unmodelled:
        return None
    totals = analysis.totals
    if name == "mult_adds":
        ways = [("", totals.mult_adds)]
    else:
        ways = [("", totals.params), (", kernels alone", totals.weights)]
    for what, count in ways:
        way = rounding_of(count, printed)
        if way is not None:
            return Meeting(count, way + what)
    ours = ways[0][1]
    if not printed.value:
        return Meeting(ours, "differs")
    percent = float(100 * (ours / printed.value - 1))
    digits = f"{percent:+.0f}" if abs(percent) >= 10 else f"{percent:+.2g}"
    return Meeting(ours, f"differs by {digits} %")


def _in_order(row: PublishedRow) -> list[tuple[str, str]]:
    """Figures and their texts, in the order of `FIGURES`."""
    return [(name, row.texts[name].strip()) for name in FIGURES if name in row.texts]


def _with_unit(name: str, text: str) -> str:
    if name in ACCURACIES:
        return f"{text} %"
    return f"{int(text):,}" if text.isdigit() else text
