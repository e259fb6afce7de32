"""What moved between two checks of the same networks: numbers, limits and verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mnet_cost.budgets.judgements import CheckResult, Judgement
from mnet_cost.budgets.verdicts import VERDICTS
from mnet_cost.report.check import amount_text, metric_title, network_name, number_text
from mnet_cost.report.moved import NOTHING_MOVED, change_of
from mnet_cost.report.types import ASKED, Column, Mark, Marked, Table

_COLUMNS = (
    Column("network", "network", "text", ASKED),
    Column("metric", "metric", "text", ASKED),
    Column("before", "before", "quantity", ASKED),
    Column("after", "after", "quantity", ASKED),
    Column("change", "change", "quantity", ASKED),
    Column("verdict", "verdict", "text", ASKED),
)


def check_moved_tables(before: CheckResult, after: CheckResult) -> list[Table]:
    """A row for each number and each limit that is another one now, and for limits that are new or
    gone. Without a difference there is one table without rows, whose title says so."""
    old, new = _by_name(before.judgements), _by_name(after.judgements)
    rows = [row for key, each in new.items() for row in _rows(old.get(key), each)]
    rows += [
        (network_name(each), metric_title(each), number_text(each), "no limit", "", "")
        for key, each in old.items()
        if key not in new
    ]
    return [Table("moved", "What moved", _COLUMNS, tuple(rows)) if rows else NOTHING_MOVED]


def _by_name(judgements: Iterable[Judgement]) -> dict[tuple[str, str, int], Judgement]:
    """Judgements by network and metric; several limits of one metric are counted."""
    found: dict[tuple[str, str, int], Judgement] = {}
    for each in judgements:
        name, metric = network_name(each), metric_title(each)
        number = sum(key[:2] == (name, metric) for key in found)
        found[name, metric, number] = each
    return found


def _rows(before: Judgement | None, after: Judgement) -> list[tuple[Any, ...]]:
    name, metric = network_name(after), metric_title(after)
    verdict = _verdict(before, after)
    if before is None:
        return [(name, metric, "no limit", number_text(after), "", verdict)]
    rows: list[tuple[Any, ...]] = []
    numbers = before.number.value, after.number.value
    if numbers[0] != numbers[1]:
        change, mark = change_of(after.metric, *numbers)
        texts = number_text(before), number_text(after)
        rows.append((name, metric, *texts, Marked(change, mark) if mark else change, verdict))
    limits = before.bound.value, after.bound.value
    if limits[0] != limits[1]:
        change, _ = change_of(after.metric, *limits)
        texts = amount_text(before, limits[0]), amount_text(after, limits[1])
        rows.append((name, f"limit of {metric}", *texts, change, "" if rows else verdict))
    if not rows and before.verdict != after.verdict:
        rows.append((name, metric, number_text(before), number_text(after), "", verdict))
    return rows


def _verdict(before: Judgement | None, after: Judgement) -> Any:
    """`over -> within`; one word where it is the same."""
    if before is None or before.verdict == after.verdict:
        return after.verdict
    is_worse = VERDICTS.index(after.verdict) < VERDICTS.index(before.verdict)
    mark: Mark = "worse" if is_worse else "better"
    return Marked(f"{before.verdict} -> {after.verdict}", mark)
