"""The report of `reconcile`: each number beside ours, and the causes that add up to the gap.

A table for each number goes from our mult-adds, cause by cause, to the number as printed. Other
readings that give it, too, are in a table of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mnet_cost.reconciliation.types import (
    STATED,
    STATED_AT_NOTHING,
    UNEXPLAINED,
    UNPRINTED,
    Cause,
    Explanation,
    Reconciled,
    ReconciliationResult,
)
from mnet_cost.report.file_keys import plain_value
from mnet_cost.report.matrix import settings_words
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import ASKED, MOST_NOTES, Change, Column, Report, Table

_OURS = "convolutions, linear layers and matrix products"
_MOST_NAMES = 3

_COLUMNS = (
    Column("cause", "cause", "prose", ASKED),
    Column("mult_adds", "mult-adds", "count", ASKED, help="what the cause adds or takes away"),
    Column(
        "layers", "layers", "prose", 5, help="the layers that it is about, if not all of a kind"
    ),
    Column("known", "known of", "prose", 4, help="tools that are known to count so"),
)

_MEANINGS = {
    "possible": "possible: the sum fits to the last unit, and no tool is known to count so",
    "truncated": "truncated: further digits are cut off",
    "rounded twice": "rounded twice: first to a digit more, then to the number",
}


def reconcile_report(result: ReconciliationResult) -> Report:
    """Every number with its best explanation, and what else would give it."""
    network = result.network
    notes = list(_notes(result))
    others = _others_table(result)
    return Report(
        title=f"{network.spec.title}: {_title(result)}",
        subtitle=" · ".join(settings_words(network.knobs)),
        facts=(),
        tables=(
            *[_table(result, each, i) for i, each in enumerate(result.figures, start=1)],
            *([others] if others else []),
        ),
        notes=tuple(notes[:MOST_NOTES]),
        more_notes=(*notes[MOST_NOTES:], *_more_notes(result)),
        document=lambda: _document(result),
        records=_records(result),
    )


def _title(result: ReconciliationResult) -> str:
    if len(result.figures) == 1:
        (only,) = result.figures
        return f"{only.figure.printed} is {what_it_is(only)}"
    explained = sum(each.is_explained for each in result.figures)
    return f"{explained} of {len(result.figures)} numbers are explained"


def what_it_is(reconciled: Reconciled) -> str:
    """What a number is, in words: `what thop counts`."""
    best, tool = reconciled.best, reconciled.figure.tool
    if best.verdict == "unexplained":
        return "not explained"
    if not best.conventions:
        words = "a sum that fits"
    elif best.conventions == ("paper",) and any(cause.known for cause in best.causes):
        words = "our count, as others are known to change it"
    elif best.verdict == "possible":
        words = f"what {_conventions(best)} would count"
    else:
        words = f"what {_conventions(best)} count{'s' * (len(best.conventions) == 1)}"
        words += " if layers are written so" * bool(best.choices)
    if best.setting:
        words += " at " + ", ".join(settings_words(best.setting))
    if best.factor == 2:
        words += ", as FLOPs"
    if best.verdict not in ("exact", "possible"):
        words += f", {best.verdict}"
    if reconciled.is_other:
        words += f", not what {tool} counts"
    return words


def _conventions(explanation: Explanation) -> str:
    names = explanation.conventions
    if len(names) > _MOST_NAMES:
        return _listed(names)
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _table(result: ReconciliationResult, reconciled: Reconciled, number: int) -> Table:
    """From our mult-adds to the number, cause by cause."""
    best = reconciled.best
    first, *causes = _from_products(result, best)
    rows: list[tuple[Any, ...]] = [(first.what, first.mult_adds, "", "")]
    rows += [
        (cause.what, Change(cause.mult_adds, is_exact=True), _layers(cause), cause.known)
        for cause in causes
    ]
    figure = reconciled.figure
    columns = tuple(
        column for i, column in enumerate(_COLUMNS) if any(row[i] != "" for row in rows)
    )
    kept = [_COLUMNS.index(column) for column in columns]
    total = ("as printed", figure.value, "", "")
    return Table(
        f"number_{number}",
        f"{figure.text}: {what_it_is(reconciled)}",
        columns,
        tuple([tuple([row[i] for i in kept]) for row in rows]),
        tuple([total[i] for i in kept]),
    )


def _from_products(result: ReconciliationResult, explanation: Explanation) -> Iterator[Cause]:
    """All that adds up to the number: convolutions, linear layers and matrix products first, and
    what the spec states only where it is counted."""
    yield Cause(_OURS, result.mult_adds - result.stated)
    causes = [cause for cause in explanation.causes if cause.what != STATED_AT_NOTHING]
    if result.stated and len(causes) == len(explanation.causes):
        yield Cause(STATED, result.stated)
    yield from causes


def _layers(cause: Cause) -> str:
    return _listed(cause.layers)


def _others_table(result: ReconciliationResult) -> Table | None:
    """Explanations after the best: what else gives a number, or comes close to it."""
    rows = [
        (
            each.figure.text,
            ", ".join(other.conventions) or None,
            other.total,
            other.verdict if other.verdict != "unexplained" else None,
            "; ".join(
                f"{cause.mult_adds:+,} {cause.what}"
                for cause in other.causes
                if cause.what not in (UNPRINTED, UNEXPLAINED)
            ),
        )
        for each in result.figures
        for other in each.explanations[1:]
    ]
    if not rows:
        return None
    columns = (
        Column("number", "number", "text", ASKED),
        Column("conventions", "convention", "text", ASKED),
        Column("total", "counts", "count", 9, help="what it counts, without rounding"),
        Column("verdict", "verdict", "text", 8),
        Column("causes", "causes", "prose", 7),
    )
    is_explained = all(each.is_explained for each in result.figures)
    title = "Others that give it, too" if is_explained else "Others, the closest first"
    return Table("others", title, columns, tuple(rows))


def _notes(result: ReconciliationResult) -> Iterator[str]:
    if result.unmodelled:
        named = _listed(result.unmodelled)
        yield f"our mult-adds are a lower bound: the work of {named} is unknown"
    for each in result.figures:
        if each.is_explained:
            continue
        gap = each.best.causes[-1].mult_adds
        percent = 100 * abs(gap) / each.figure.value
        share = f"{percent:,.0f} % of it" if percent >= 10 else f"{percent:.2g} % of it"
        share = "less than 0.01 % of it" if percent < 0.01 else share
        closest = _conventions(each.best) + (", as FLOPs" if each.best.factor == 2 else "")
        yield f"{each.figure.text}: {gap:+,} are not explained, {share}; the closest is {closest}"
        if each.uncovered:
            yield (f"{closest} does not cover {_listed(each.uncovered)}: the gap may be theirs")
        if each.suspects:
            said = "; ".join(f"{s.what} has {s.mult_adds:,}" for s in each.suspects)
            yield f"as large as the gap, to 5 %: {said}"
    for each in result.figures:
        if each.is_explained and each.best.uncounted:
            yield f"{each.figure.text}: at 0, as in our count: {_uncounted(each.best)}"
    verdicts = {each.best.verdict for each in result.figures}
    yield from (words for verdict, words in _MEANINGS.items() if verdict in verdicts)


def _uncounted(explanation: Explanation) -> str:
    """Choices that add nothing, with the layers and who is known to count so."""
    return "; ".join(
        cause.what
        + (f" ({_layers(cause)})" if cause.layers else "")
        + (f"; known of {cause.known}" if cause.known else "")
        for cause in explanation.uncounted
    )


def _more_notes(result: ReconciliationResult) -> Iterator[str]:
    if any(each.best.factor == 2 and not each.best.setting for each in result.figures):
        yield "twice the mult-adds are FLOPs, and what a tool counts for a batch of 2 as well"
    if any(each.figure.coarse for each in result.figures):
        yield "zeros at the end of a number may be digits that were rounded away"
    yield "1 mult-add = 1 MAC = 2 FLOPs"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _records(result: ReconciliationResult) -> Table:
    """A row for each cause of each explanation."""
    columns = (
        Column("number", "number", "text"),
        Column("tool", "tool", "text"),
        Column("printed", "printed", "count"),
        Column("rank", "rank", "count", help="1 is the best explanation of a number"),
        Column("verdict", "verdict", "text"),
        Column("conventions", "conventions", "text"),
        Column("factor", "factor", "count"),
        Column("cause", "cause", "text"),
        Column("mult_adds", "mult-adds", "count"),
        Column("known", "known of", "text"),
    )
    rows = [
        (
            each.figure.text, each.figure.tool, each.figure.value, rank, explanation.verdict,
            " ".join(explanation.conventions), explanation.factor, cause.what, cause.mult_adds,
            cause.known or None,
        )
        for each in result.figures
        for rank, explanation in enumerate(each.explanations, start=1)
        for cause in _from_products(result, explanation)
    ]  # fmt: skip
    return Table("causes", "", columns, tuple(rows))


def _document(result: ReconciliationResult) -> dict[str, Any]:
    return {
        "schema": schema_id("reconcile"),
        "model": result.network.spec.title,
        "knobs": {name: plain_value(value) for name, value in result.network.knobs.items()},
        "mult_adds": result.mult_adds,
        "lower_bound": bool(result.unmodelled),
        "unmodelled": list(result.unmodelled),
        "numbers": [_number_document(each) for each in result.figures],
    }


def _number_document(reconciled: Reconciled) -> dict[str, Any]:
    figure = reconciled.figure
    return {
        "number": figure.text,
        "tool": figure.tool,
        "printed": figure.value,
        "step": float(figure.printed.step),
        "explained": reconciled.is_explained,
        "explanations": [
            {
                "verdict": each.verdict,
                "conventions": list(each.conventions),
                "knobs": {name: plain_value(value) for name, value in each.setting.items()},
                "factor": each.factor,
                "total": each.total,
                "causes": [
                    {
                        "what": cause.what,
                        "mult_adds": cause.mult_adds,
                        "layers": list(cause.layers),
                        "known": cause.known or None,
                    }
                    for cause in each.causes
                ],
                "uncounted": [
                    {
                        "what": cause.what,
                        "layers": list(cause.layers),
                        "known": cause.known or None,
                    }
                    for cause in each.uncounted
                ],
            }
            for each in reconciled.explanations
        ],
        "suspects": [
            {"what": each.what, "mult_adds": each.mult_adds} for each in reconciled.suspects
        ],
        "uncovered": list(reconciled.uncovered),
    }
