"""Published figures in reports: those of the setting analyzed, and whether ours are the same."""

from __future__ import annotations

from collections import Counter
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
    """A fact for each row: one figure, then the others and the source. Only the first is shown
    always."""
    facts = []
    for i, row in enumerate(published_rows(analysis)):
        (first, text), *rest = _in_order(row)
        words = [
            FIGURES[first],
            *(f"{_with_unit(name, figure)} {FIGURES[name]}" for name, figure in rest),
        ]
        dataset = row.measured_on(first) if first in ACCURACIES else None
        if dataset not in (None, "ImageNet"):  # which top-1 goes without saying
            words[0] += f" on {dataset}"
        note = f" ({row.note})" if row.note else ""
        detail = f"{', '.join(words)}; {row.source}{note}"
        value = _with_unit(first, text)
        facts.append(Fact("published", value, "text", detail, more=i > 0, whole=True))
    return tuple(facts)


def published_document(rows: Sequence[PublishedRow]) -> list[dict[str, Any]]:
    """Rows for JSON: percents and counts as numbers."""
    return [
        {
            "source": row.source,
            "dataset": dataset_of(row),
            "note": row.note or None,
            "figures": {name: number(name, figure) for name, figure in row.figures.items()},
        }
        for row in rows
    ]


def dataset_of(row: PublishedRow) -> str | None:
    """What the first accuracy of a row is measured on; None where it has none, or that is not
    known."""
    return next((row.measured_on(name) for name in row.texts if name in ACCURACIES), None)


def number(name: str, figure: Printed) -> int | float:
    """A figure as a number: percents as they are, counts whole where they are."""
    whole = name in COUNTS and figure.value.denominator == 1
    return int(figure.value) if whole else float(figure.value)


class Accuracy(NamedTuple):
    """The accuracy that a source prints, for a cell of a table."""

    text: str
    metric: str
    """A key of `ACCURACIES`."""
    dataset: str | None
    source: str


def accuracies(rows: Sequence[PublishedRow]) -> list[Accuracy]:
    """Accuracies among rows, in the order of the rows and of `ACCURACIES`."""
    return [
        Accuracy(row.texts[name].strip(), name, row.measured_on(name), row.source)
        for row in rows
        for name in ACCURACIES
        if name in row.texts
    ]


def shared_metric(networks: Sequence[Sequence[PublishedRow]]) -> tuple[str, str | None] | None:
    """The metric and dataset that are published for most networks; None if there is none."""
    counts = Counter(
        key
        for rows in networks
        for key in dict.fromkeys((figure.metric, figure.dataset) for figure in accuracies(rows))
    )
    order = list(ACCURACIES)
    best = sorted(counts, key=lambda key: (-counts[key], order.index(key[0])))
    return best[0] if best else None


class Meeting(NamedTuple):
    """A count of ours beside the printed one."""

    ours: int
    way: str
    """How our figure is rounded to the printed one, or by how much it differs."""


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
