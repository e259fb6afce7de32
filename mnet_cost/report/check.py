"""The report of `check`: what is over its limit first, then why and what would pass, then the rest.

Words about a judgement are here, so that text, JUnit, SARIF and annotations say the same of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

from mnet_cost.budgets.judgements import CheckResult, Judgement, KnobChange, MovedBy, Settings
from mnet_cost.budgets.verdicts import VERDICTS
from mnet_cost.models.types import BATCH
from mnet_cost.report.cell_text import cell
from mnet_cost.report.placement import notes_of_many
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import ASKED, Column, Marked, Quantity, Range, Report, Table
from mnet_cost.shipped import specs_folder

_MOST_VALUES = 6
"""Values of a knob that are listed."""


def check_report(result: CheckResult) -> Report:
    """The verdicts of a check, the worst first, each with what is to be said about it."""
    ranked = sorted(result.judgements, key=lambda each: VERDICTS.index(each.verdict))
    noted = [each for each in ranked if each.verdict != "within"]
    within = [each for each in ranked if each.verdict == "within"]
    return Report(
        title=_title(result),
        subtitle=_subtitle(result),
        facts=(),
        tables=(_within_table(within),) if within else (),
        notes=tuple(_notes(result)),
        document=lambda: check_document(result),
        bulky="analyses",
        records=_records(ranked),
        answer=(_noted_table(noted),) if noted else (),
    )


def _title(result: CheckResult) -> str:
    """`2 over, 1 undecided, 9 within`."""
    counts = [(len(result.of(verdict)), verdict) for verdict in VERDICTS]
    said = [f"{count:,} {verdict}" for count, verdict in counts if count]
    return ", ".join(said) or "nothing was checked"


def _subtitle(result: CheckResult) -> str:
    limits = len(result.judgements)
    networks = len({id(each.spec) for each in result.judgements})
    failing = len(result.failing)
    verdict = f"{failing:,} fail" + "s" * (failing == 1) if failing else "none fails"
    return f"{limits:,} limit{'s' * (limits != 1)} on {networks:,} network" + (
        f"{'s' * (networks != 1)}: {verdict}"
    )


def _notes(result: CheckResult) -> list[str]:
    notes = []
    for name in result.without:
        notes.append(f"{name}: no budget")
    if result.skipped:
        notes.append(f"skipped, neither a model nor budgets: {', '.join(result.skipped)}")
    if any(each.is_outside and each.number.has_band for each in result.judgements):
        notes.append("times marked *: the network is beyond what the fit of the device has seen")
    if any(each.settings is not None for each in result.judgements):
        notes.append("of a range the number is that of the worst setting")
    return notes + notes_of_many(
        each.device
        for each in result.judgements
        if each.device is not None and each.metric.unit in ("s", "J")
    )


def network_name(judgement: Judgement) -> str:
    """`mobilenet_v1@alpha=0.5`: the network with the knobs that are set, as they were written."""
    precision = "" if judgement.precision == "fp32" else f" {judgement.precision}"
    return f"{judgement.spec.title}{_setting(judgement.at, '@')}{precision}"


def _setting(knobs: Mapping[str, Any], before: str) -> str:
    listed = ",".join(f"{knob}={value}" for knob, value in knobs.items())
    return f"{before}{listed}" if listed else ""


def metric_title(judgement: Judgement) -> str:
    """`time of middle on pixel_1`."""
    of_part = f" of {judgement.part}" if judgement.part is not None else ""
    on_device = f" on {judgement.device.name}" if judgement.device is not None else ""
    return f"{judgement.metric.title}{of_part}{on_device}"


def number_text(judgement: Judgement) -> str:
    """`25.1 ms [22.0-28.3 ms]` with its band, `at least 3 ms`, `1,331,592`; `unknown`."""
    number = judgement.number
    if number.value is None:
        return "unknown"
    text = amount_text(judgement, number.value)
    if number.low is not None and number.high is not None and number.has_band:
        band = f"{amount_text(judgement, number.low)} - {amount_text(judgement, number.high)}"
        if judgement.metric.unit == "s":
            band = cell(Range(number.low, number.high), "range")
        return f"{'*' * judgement.is_outside}{text} [{band}]"
    return f"{'at least ' * number.is_least}{text}"


def amount_text(judgement: Judgement, value: float) -> str:
    """An amount of the metric with its unit; a count in full."""
    if judgement.metric.unit == "":
        return f"{round(value):,}"
    return cell(Quantity(value, judgement.metric.unit), "quantity")


def excess_text(judgement: Judgement) -> str:
    """How far the number is over its bound, or that it is not: `5.1 ms (25.5 %) over`."""
    over, limit = judgement.over_by, judgement.bound.value
    before = judgement.before
    if before is not None and before.value is not None and over is not None:
        over, limit = (judgement.number.value or 0.0) - before.value, before.value
    if over is None:
        return "unknown"
    percent = 100 * abs(over) / limit if limit else 0.0
    share = f" ({percent:,.0f} %)" if percent >= 100 else f" ({percent:.3g} %)" if percent else ""
    return f"{amount_text(judgement, abs(over))}{share} {_side(over, before is not None)}"


def _side(over: float, is_change: bool) -> str:
    if is_change:
        return "more" if over > 0 else "less"
    return "over" if over > 0 else "below"


def sentence(judgement: Judgement) -> str:
    """The judgement on one line, for those who see one alone."""
    return f"{judgement.verdict}: {_statement(judgement)}"


def _statement(judgement: Judgement) -> str:
    """`mobilenet_v1: time on pixel_1 25.1 ms, limit 20 ms, 5.1 ms (25.5 %) over`."""
    worst = {} if judgement.settings is None else judgement.settings.worst
    said = (
        f"{network_name(judgement)}: {metric_title(judgement)} {number_text(judgement)}"
        f"{_setting(worst, ' at ')}, {limit_text(judgement)}"
    )
    if judgement.verdict in ("over", "warn"):
        said += f", {excess_text(judgement)}"
    if judgement.settings is not None:
        said += f"; {settings_text(judgement)}"
    return f"{said}; {judgement.why}" if judgement.why else said


def limit_text(judgement: Judgement) -> str:
    """`limit 20 ms`; of a baseline `was 4,231,976 in git:main`, with its tolerance."""
    before = judgement.before
    if before is not None and before.is_new:
        return f"not in {before.baseline}"
    if before is None:
        kind = "warning above" if judgement.verdict == "warn" else "limit"
        return f"{kind} {judgement.bound.text}"
    was = "unknown" if before.value is None else amount_text(judgement, before.value)
    may_grow = f" (+{100 * before.tolerance:g} % allowed)" if before.tolerance else ""
    at = f" at {before.precision}" if before.precision else ""
    return f"was {was}{at} in {before.baseline}{may_grow}"


def settings_text(judgement: Judgement) -> str:
    """`5 of 8 settings over`; empty where there is one setting."""
    settings = judgement.settings
    if settings is None:
        return ""
    parts = [f"{count:,} {verdict}" for verdict in VERDICTS
             if (count := settings.counts.get(verdict, 0))]  # fmt: skip
    broken = sum(settings.broken.values())
    if broken:
        parts.append(f"{broken:,} {'no network' if judgement.part is None else 'without a number'}")
    return f"of {settings.points:,} settings {', '.join(parts)}"


def change_text(changes: Sequence[KnobChange]) -> str:
    """`alpha=0.8 (now 1.0) or resolution=160 (now 224)`."""
    return " or ".join(f"{change.knob}={change.value} (now {change.present})" for change in changes)


def details(judgement: Judgement) -> Iterator[tuple[str, str]]:
    """What is to be said about a judgement that is not `within`, each with a label."""
    if judgement.entries:
        entries = [f"{entry.name} {100 * entry.share:.1f} % ({_short(entry.path)}:{entry.line})"
                   for entry in judgement.entries]  # fmt: skip
        yield "costs most", ", ".join(entries)
    if judgement.before is not None:
        moved = [f"{cause.text}{_place_text(cause)}: +{amount_text(judgement, cause.change)}"
                 for cause in judgement.before.causes]  # fmt: skip
        if moved:
            yield "moved by", "; ".join(moved)
    settings = judgement.settings
    if judgement.changes:
        yield "would pass", f"with {change_text(judgement.changes)}"
    elif judgement.tried:
        yield "to pass", _not_enough(judgement.tried)
    elif settings is not None and any(settings.kept.values()):
        yield "would pass", kept_text(settings)
    elif settings is not None and settings.kept:
        yield "to pass", _not_enough(settings.kept)
    if judgement.budget.reason:
        yield "reason", judgement.budget.reason
    if judgement.before is None and judgement.bound.node is not None:
        yield "budget", budget_place(judgement)


def _short(path: str) -> str:
    """A path as it is shown; of a spec of the library elsewhere its name alone."""
    if os.path.isabs(path) and os.path.dirname(path) == str(specs_folder()):
        return os.path.basename(path)
    return path


def _place_text(cause: MovedBy) -> str:
    places = ", ".join(f"{_short(path)}:{line}" for path, line in cause.places or cause.past_places)
    return f" ({places})" if places else ""


def kept_text(settings: Settings) -> str:
    """`with alpha=0.25,0.5 (any resolution)`: values with which all settings of a range pass."""
    parts = []
    for knob, values in settings.kept.items():
        others = " and ".join(other for other in settings.kept if other != knob)
        shown = ",".join(map(str, values))
        if len(values) > _MOST_VALUES:
            shown = f"{values[0]} to {values[-1]}, {len(values):,} values"
        if values:
            parts.append(f"{knob}={shown}" + (f" (any {others})" if others else ""))
    return f"with {' or '.join(parts)}"


def _not_enough(tried: Iterable[str]) -> str:
    return f"no single knob is enough (tried: {', '.join(tried)})"


def _noted_table(judgements: Iterable[Judgement]) -> Table:
    """A row for each judgement, and rows for what is to be said about it: what holds for several
    limits of an entry stands once, below the last of those that follow each other."""
    columns = (
        Column("verdict", "verdict", "text", ASKED),
        Column("what", "what", "prose", ASKED),
    )
    rows: list[tuple[Any, ...]] = []
    shown: set[tuple[Any, ...]] = set()
    groups = grouped(judgements)
    for name, group in groupby(groups, lambda each: (id(each[0].budget), network_name(each[0]))):
        entry = list(group)
        said = [list(details(each)) for each, *_ in entry]
        for number, (each, *others) in enumerate(entry):
            verdict = Marked(each.verdict, "bad") if each.verdict == "over" else each.verdict
            rows.append((verdict, _new_text([each, *others]) if others else _statement(each)))
            later = list(chain.from_iterable(said[number + 1 :]))
            new = [(label, text) for label, text in said[number]
                   if (label, text) not in later and (name, label, text) not in shown]  # fmt: skip
            shown.update((name, label, text) for label, text in new)
            rows += [(f"  {label}", text) for label, text in new]
    return Table("noted", "", columns, tuple(rows))


def grouped(judgements: Iterable[Judgement]) -> list[list[Judgement]]:
    """Judgements that say one thing together: all those on a network that a baseline does not
    have. Every other one is alone."""
    groups: dict[object, list[Judgement]] = {}
    for each in judgements:
        is_new = each.before is not None and each.before.is_new
        key = (each.spec.path, network_name(each), each.why) if is_new else id(each)
        groups.setdefault(key, []).append(each)
    return list(groups.values())


def group_sentence(group: Sequence[Judgement]) -> str:
    """What a group of judgements says, on one line."""
    if len(group) == 1:
        return sentence(group[0])
    return f"{group[0].verdict}: {_new_text(group)}"


def _new_text(group: Sequence[Judgement]) -> str:
    """`net: nothing to compare params 4,824 with; it is not in git:main`."""
    numbers = ", ".join(f"{metric_title(each)} {number_text(each)}" for each in group)
    return f"{network_name(group[0])}: nothing to compare {numbers} with; {group[0].why}"


def _limit_cell(judgement: Judgement) -> str:
    return judgement.bound.text if judgement.before is None else limit_text(judgement)


def _within_table(judgements: Iterable[Judgement]) -> Table:
    columns = (
        Column("network", "network", "text", ASKED),
        Column("metric", "metric", "text", ASKED),
        Column("number", "number", "text", ASKED),
        Column("limit", "limit", "text", ASKED),
        Column("share", "of limit", "ratio", 8),
    )
    rows = [
        (network_name(each), metric_title(each), number_text(each), _limit_cell(each),
         (each.number.value or 0.0) / each.bound.value if each.bound.value else None)
        for each in judgements
    ]  # fmt: skip
    return Table("within", "Within", columns, tuple(rows))


def budget_place(judgement: Judgement) -> str:
    """`budget.yaml:7`; `--limit` where it was typed."""
    if judgement.before is not None:
        return judgement.before.baseline
    node = judgement.bound.node
    return "--limit" if node is None else f"{node.source.path}:{node.line}"


_RECORDS = (
    Column("verdict", "verdict"),
    Column("network", "network"),
    Column("precision", "precision"),
    Column("device", "device"),
    Column("part", "part"),
    Column("metric", "metric"),
    Column("number", "number", "quantity"),
    Column("low", "low end", "quantity"),
    Column("high", "high end", "quantity"),
    Column("limit", "limit", "quantity"),
    Column("warn", "warning above", "quantity"),
    Column("before", "number in the baseline", "quantity"),
    Column("worst", "worst setting"),
    *[Column(f"settings_{name}", f"settings {name}", "count") for name in (*VERDICTS, "broken")],
    Column("budget", "budget"),
    Column("reason", "reason"),
)


def _records(judgements: Sequence[Judgement]) -> Table:
    """A row for each judgement, for CSV."""

    def amount(judgement: Judgement, value: float | None) -> Quantity | None:
        return None if value is None else Quantity(value, judgement.metric.unit)

    rows = tuple(
        [
            (each.verdict, network_name(each), each.precision,
             each.device.name if each.device is not None else None, each.part, each.metric.name,
             amount(each, each.number.value), amount(each, each.number.low),
             amount(each, each.number.high),
             amount(each, None if each.limit is None else each.limit.value),
             amount(each, None if each.warning is None else each.warning.value),
             amount(each, None if each.before is None else each.before.value),
             *_settings_cells(each), budget_place(each), each.budget.reason or None)
            for each in judgements
        ]
    )  # fmt: skip
    return Table("judgements", "", _RECORDS, rows)


def _settings_cells(judgement: Judgement) -> tuple[Any, ...]:
    """The worst setting of a range, and how many of its settings have each verdict or no number."""
    settings = judgement.settings
    if settings is None:
        return (None,) * (2 + len(VERDICTS))
    counts = [settings.counts.get(verdict, 0) for verdict in VERDICTS]
    return _setting(settings.worst, "") or None, *counts, sum(settings.broken.values())


def check_document(result: CheckResult) -> dict[str, Any]:
    """The document of a check; `check --baseline` reads its analyses."""
    from mnet_cost.report.analysis_json import analysis_document  # with all that reports rest on
    from mnet_cost.report.range_file import range_document

    return {
        "schema": schema_id("check"),
        "verdict": result.verdict,
        "fail_on": [verdict for verdict in VERDICTS if verdict in result.fail_on],
        "failing": len(result.failing),
        "counts": {verdict: len(result.of(verdict)) for verdict in VERDICTS},
        "without_budget": list(result.without),
        "skipped": list(result.skipped),
        "checks": [_judgement_document(each, result) for each in result.judgements],
        "analyses": [{**analysis_document(analysis), "notes": []} for analysis in result.analyses],
        "ranges": [range_document(range_) for range_ in result.ranges],
    }


def _judgement_document(judgement: Judgement, result: CheckResult) -> dict[str, Any]:
    node, settings = judgement.bound.node, judgement.settings
    factor = judgement.metric.file_factor

    def amount(value: float | None) -> float | None:
        return value if value is None or factor == 1 else value * factor

    return {
        "network": judgement.spec.title,
        "spec": judgement.spec.path,
        "variant": judgement.spec.variant,
        "at": dict(judgement.at),
        "setting": {name: value for name, value in judgement.knobs.items() if name != BATCH},
        "batch": judgement.knobs.get(BATCH, 1),
        "precision": judgement.precision,
        "device": judgement.device.name if judgement.device is not None else None,
        "part": judgement.part,
        "metric": judgement.metric.file_key,
        "verdict": judgement.verdict,
        "fails": judgement.verdict in result.fail_on,
        "value": amount(judgement.number.value),
        "low": amount(judgement.number.low),
        "high": amount(judgement.number.high),
        "limit": amount(judgement.limit.value) if judgement.limit is not None else None,
        "warn": amount(judgement.warning.value) if judgement.warning is not None else None,
        "why": judgement.why or None,
        "reason": judgement.budget.reason or None,
        "file": None if node is None else node.source.path,
        "line": None if node is None else node.line,
        "settings": None if settings is None else {
            "points": settings.points,
            **{verdict: settings.counts.get(verdict, 0) for verdict in VERDICTS},
            "broken": [{"points": points, "cause": cause}
                       for cause, points in settings.broken.items()],
            "worst": dict(settings.worst) or None,
            "kept": {knob: list(values) for knob, values in settings.kept.items()},
        },
        "baseline": None if judgement.before is None else {
            "name": judgement.before.baseline,
            "is_new": judgement.before.is_new,
            "value": amount(judgement.before.value),
            "precision": judgement.before.precision or judgement.precision,
            "tolerance": judgement.before.tolerance,
            "causes": [
                {"text": cause.text, "change": amount(cause.change),
                 "places": [{"path": path, "line": line} for path, line in cause.places],
                 "past_places": [{"path": path, "line": line}
                                 for path, line in cause.past_places]}
                for cause in judgement.before.causes
            ],
        },
        "entries": [entry._asdict() for entry in judgement.entries],
        "changes": None if judgement.changes is None else [
            change._asdict() for change in judgement.changes
        ],
    }  # fmt: skip
