"""The first table of `compare`: a row for each network, a column for each total and each device.

Below each figure stands what it is of the first network's: `0.53x`. Where there are more devices
than a screen has columns for, times have tables of their own, with a row for each device.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.differences.compare import TimeRatio, ratio
from mnet_cost.metrics import find_metric
from mnet_cost.report.conventions import AGREEMENT_COLUMN, marks_of
from mnet_cost.report.estimates import threads_cell
from mnet_cost.report.marks import by_basis
from mnet_cost.report.metric_columns import metric_column, metric_of
from mnet_cost.report.published import accuracies, published_rows, shared_metric
from mnet_cost.report.rows import time_cell, without_unknown
from mnet_cost.report.types import ASKED, Absent, Column, Compared, Table

_SHOWN = {"mult_adds": ASKED, "params": 8, "peak_memory": 8}
"""Totals that have a column, with its weight."""
_MOST_DEVICES = 4
"""So many have columns beside the totals."""
_BESIDE = 1
"""Networks beside the first in a table with a row for each device."""

Ratios = Sequence[dict[str, TimeRatio]]


def common_setting(analyses: Sequence[Analysis]) -> str:
    """What is the same for all: batch, precision, and knobs with one value."""
    knobs = _knobs(analyses)
    shown = {name: values[0] for name, values in knobs.items() if not _differs(values)}
    precisions = dict.fromkeys(analysis.precision for analysis in analyses)
    if len(precisions) > 1:
        precisions = dict.fromkeys(
            f"{analysis.network.spec.title} {analysis.precision}" for analysis in analyses
        )
    return " · ".join([*settings_words(shown), ", ".join(precisions)])


def settings_words(knobs: Mapping[str, Any]) -> list[str]:
    """`alpha 0.5`, `batch 1`."""
    return [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in knobs.items()
    ]


def _knobs(analyses: Sequence[Analysis]) -> dict[str, list[Any]]:
    """Values of each knob by network, None for a network without it.

    A knob that not all networks have counts only if one of them sets it to another value than its
    default.
    """
    names = dict.fromkeys(name for analysis in analyses for name in analysis.network.knobs)
    return {
        name: [analysis.network.knobs.get(name) for analysis in analyses]
        for name in names
        if all(name in analysis.network.knobs for analysis in analyses)
        or any(_is_set(analysis, name) for analysis in analyses)
    }


def _is_set(analysis: Analysis, name: str) -> bool:
    """Whether a network has a knob, and at another value than the default."""
    knob, settings = analysis.network.spec.knobs.get(name), analysis.network.knobs
    return name in settings and (knob is None or settings[name] != knob.default)


def _differs(values: Sequence[Any]) -> bool:
    return any(value != values[0] for value in values)


def matrix_tables(
    names: Sequence[str],
    analyses: Sequence[Analysis],
    ratios: Ratios,
) -> list[Table]:
    """Totals and times of all networks, each with its ratio to the first."""
    devices = len(analyses[0].devices)
    if devices <= _MOST_DEVICES:
        return [_matrix(names, analyses, ratios, devices)]
    first = _matrix(names, analyses, ratios, 0)
    others = range(1, len(names))
    chunks = [others[i : i + _BESIDE] for i in range(0, len(others), _BESIDE)]
    return [first, *(_by_device(names, analyses, ratios, part) for part in chunks)]


def _matrix(
    names: Sequence[str],
    analyses: Sequence[Analysis],
    ratios: Ratios,
    devices: int,
) -> Table:
    differing = [name for name, values in _knobs(analyses).items() if _differs(values)]
    marks = marks_of(analyses[0])
    columns = [
        Column("model", "network", "text", ASKED),
        *(Column(knob, knob, "number", _weight(knob, names, analyses)) for knob in differing),
        *(
            metric_column(total, weight, _two_lines(find_metric(total).title))
            for total, weight in _SHOWN.items()
        ),
        *([AGREEMENT_COLUMN._replace(weight=8)] if marks else []),
        *(device_column(estimate) for estimate in analyses[0].devices[:devices]),
    ]
    rows = []
    for name, analysis, times in zip(names, analyses, ratios, strict=True):
        first = analysis is analyses[0]
        row: list[Any] = [name, *(analysis.network.knobs.get(knob) for knob in differing)]
        for total in _SHOWN:
            value = metric_of(total, analysis)
            against = ratio(metric_of(total, analyses[0]), value)
            row.append(None if value is None else Compared(value, None if first else against))
        own_marks = marks_of(analysis)
        if marks:
            row.append(own_marks.of(analysis.layers) if own_marks else None)
        for estimate in analysis.devices[:devices]:
            row.append(_time(analysis, estimate, times[estimate.device.name], first))
        rows.append(tuple(row))
    note = f"0.50x: half of the figure of {names[0]}"
    if devices and any(_is_tied(times.values()) for times in ratios[1:]):
        note += "; tie: it is not certain which is faster"
    if marks:
        note += f"; mult-adds by the convention {analyses[0].convention}"
    table = Table("matrix", "", tuple(columns), tuple(rows), note=note)
    return _with_accuracy(table, analyses)


def _weight(knob: str, names: Sequence[str], analyses: Sequence[Analysis]) -> int:
    """The weight of a knob's column: little where the names of the networks say its values."""
    for name, analysis in zip(names, analyses, strict=True):
        settings, default = analysis.network.knobs, analysis.network.spec.knobs.get(knob)
        is_default = default is not None and settings.get(knob) == default.default
        if knob in settings and not is_default and f"{knob}=" not in name:
            return ASKED
    return 6


def _is_tied(ratios: Iterable[TimeRatio]) -> bool:
    return any(ratio.tie for ratio in ratios)


def _with_accuracy(table: Table, analyses: Sequence[Analysis]) -> Table:
    """The table, which has a row for each network, with a last column of published figures of one
    metric on one dataset."""
    metric, dataset, figures = published_accuracies(analyses)
    if metric is None:
        return table
    column = metric_column(metric, 7)
    if dataset:
        column = column._replace(title=f"{column.title}\n{dataset}")
    rows = [(*row, figure) for row, figure in zip(table.rows, figures, strict=True)]
    return table._replace(columns=(*table.columns, column), rows=tuple(rows))


def with_figures(records: Table, analyses: Sequence[Analysis]) -> Table:
    """`records` of networks on devices, with the same published figures and what they are of."""
    metric, dataset, figures = published_accuracies(analyses)
    if metric is None:
        return records
    each = [
        (None if text is None else float(text), None if text is None else dataset)
        for text, analysis in zip(figures, analyses, strict=True)
        for _ in analysis.devices or (None,)
    ]
    columns = (metric_column(metric), Column("dataset", "dataset"))
    rows = [(*row, *more) for row, more in zip(records.rows, each, strict=True)]
    return records._replace(columns=(*records.columns, *columns), rows=tuple(rows))


def published_accuracies(
    analyses: Sequence[Analysis],
) -> tuple[str | None, str | None, list[str | None]]:
    """The metric and dataset that are published for most networks, and the figure of each."""
    published = [published_rows(analysis) for analysis in analyses]
    shared = shared_metric(published)
    if shared is None:
        return None, None, [None] * len(published)
    figures = []
    for rows in published:
        own = {
            (figure.metric, figure.dataset): figure.text for figure in reversed(accuracies(rows))
        }
        figures.append(own.get(shared))
    return *shared, figures


def device_column(estimate: DeviceEstimate) -> Column:
    """The column of times on a device, headed by how it runs a network and the basis."""
    name, (runtime, basis) = estimate.device.name, how_run(estimate)
    title = "\n".join((name, runtime, basis))
    words = runtime.replace(", ", ",\n").replace("any ", "any\n")
    return Column(name, title, "seconds", ASKED, "\n".join((broken_name(name), words, basis)))


def _two_lines(title: str) -> str:
    """A heading of two words in two lines."""
    return title.replace(" ", "\n").replace("-", "-\n")


def broken_name(name: str, most: int = 11) -> str:
    """A long name in several lines, each of whole words where they are not longer than a line."""
    lines = [""]
    for word in re.findall("[^_@:]*[_@:]?", name):
        if lines[-1] and len(lines[-1]) + len(word) > most:
            lines.append("")
        lines[-1] += word
    return "\n".join(lines)


def how_run(estimate: DeviceEstimate) -> tuple[str, str]:
    """`ncnn, 1 thread` and the basis: what a time has to be read with."""
    device = estimate.device
    runtime = "any runtime" if device.runtime == "any" else device.runtime
    if not isinstance(threads_cell(device), Absent):
        runtime += f", {device.threads} thread{'s' * (device.threads != 1)}"
    return runtime, estimate.basis or "unknown"


def _time(
    analysis: Analysis,
    estimate: DeviceEstimate,
    against: TimeRatio,
    first: bool,
) -> Any:
    time = time_cell(analysis, estimate)
    if time is None:
        return None
    word = "" if first or not against.tie else "tie"
    cell = Compared(time, None if first else against.value, word)
    return by_basis(cell, estimate.basis)


def _by_device(
    names: Sequence[str],
    analyses: Sequence[Analysis],
    ratios: Ratios,
    others: range,
) -> Table:
    """A row for each device: the first network, and some others beside it."""
    shown = [0, *others]
    columns = [
        Column("device", "device", "text", ASKED),
        Column("runtime", "runtime", "text", 8),
        Column("threads", "threads", "number", 8, "thr."),
        Column("basis", "basis", "text", 8),
    ]
    for i in shown:
        columns.append(Column(f"{i}_latency_s", names[i], "seconds", ASKED))
        if i:
            columns.append(Column(f"{i}_ratio", "x of first", "ratio", ASKED, "x of"))
            columns.append(Column(f"{i}_tie", "tie", "text", 5))
    rows = []
    unknown = 0
    for k, estimate in enumerate(analyses[0].devices):
        device = estimate.device
        if all(analyses[i].devices[k].latency_s is None for i in shown):
            unknown += 1
            continue
        row: list[Any] = [device.name, device.runtime, threads_cell(device), estimate.basis]
        for i in shown:
            theirs = analyses[i].devices[k]
            row.append(time_cell(analyses[i], theirs))
            if i:
                against = ratios[i][device.name]
                row += [against.value, "tie" if against.tie else None]
        rows.append(tuple(row))
    named = " and ".join(names[i] for i in others)
    title = f"Times of {named} beside {names[0]}"
    note = f"x of first: the time, over that of {names[0]}"
    if any(_is_tied(ratios[i].values()) for i in others):
        note += "; tie: it is not certain which is faster"
    if unknown:
        note += f"; {unknown} of {len(analyses[0].devices)} devices have no time and are left out"
    table = Table(f"times_{others[0]}", title, tuple(columns), tuple(rows), note=note)
    return without_unknown(table, tuple(f"{i}_tie" for i in others))
