"""A picture of a comparison: times with their ranges on each device, and accuracy against time.

Each network has a colour. A time that is a lower bound is an open triangle, from which the time
goes on to the right. Accuracies are published ones, of one metric and one dataset.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.errors import OutputError, Problem, UsageError, one_of
from mnet_cost.metrics import find_metric
from mnet_cost.paths import whole_file
from mnet_cost.report.matrix import published_accuracies
from mnet_cost.report.rows import band_cell, distinct, time_cell
from mnet_cost.report.sweep_plot import ENDINGS, shown_text
from mnet_cost.torch_model.installed import require

_MOST_TIMES = 120
"""Rows of a picture: more could not be read."""
_LOG_RATIO = 30
_MS = 1e3


class _Time(NamedTuple):
    """A time on a device, in milliseconds, and its range."""

    middle: float
    low: float
    high: float
    is_bound: bool


class _Point(NamedTuple):
    """A network with an accuracy: its number, its time, its accuracy in percent and what that
    is."""

    number: int
    time: _Time
    accuracy: float
    what: str


def check_compare_plot(path: str) -> None:
    """Raise what a plot would raise after all networks were analyzed."""
    if Path(path).suffix.lower() not in ENDINGS or path.endswith(("/", "\\")):
        raise OutputError(f"{path or '--plot'}: a plot ends in {one_of(ENDINGS)}")
    require("matplotlib", extra="sweep")


def plot_compare(path: str, names: Sequence[str], analyses: Sequence[Analysis]) -> None:
    """Draw networks side by side into a PNG or SVG file, which is there whole or not at all.

    Raises `UsageError` where no time is known, or more than can be shown, `OutputError` for a file
    that cannot be written, `MissingPackageError` without matplotlib.
    """
    check_compare_plot(path)
    figure = _figure(distinct(names), analyses)
    with whole_file(path) as draft:
        figure.savefig(draft, format=Path(path).suffix.lower()[1:], dpi=150)


def _figure(names: Sequence[str], analyses: Sequence[Analysis]) -> Any:
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    times = [_times(analysis) for analysis in analyses]
    devices = [i for i in range(len(times[0])) if any(own[i] for own in times)]
    if not devices:
        hint = "--device names devices; `mnet-cost devices` lists them"
        raise UsageError(Problem("a plot needs times, and none is known", hint=hint))
    rows = len(devices) * len(names)
    if rows > _MOST_TIMES:
        raise UsageError(Problem(f"{rows} times are too many for a plot",
                                 hint="name fewer devices or networks"))  # fmt: skip
    points = _points(analyses, [own[devices[0]] for own in times])
    palette = colormaps["tab10"]
    colours = [palette(number % palette.N) for number in range(len(names))]
    size = (11.0 if len(points) > 1 else 7.0, max(3.2, 1.5 + 0.28 * rows))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2 if len(points) > 1 else 1, squeeze=False)[0]
    titles = [estimate.device.name for estimate in analyses[0].devices]
    panels[0].set_title("times, with ranges that hold four of five measurements", fontsize=9)
    middles = []
    for place, i in enumerate(devices):
        start = place * (len(names) + 1)
        middles.append(start + (len(names) - 1) / 2)
        for number, own in enumerate(times):
            _mark(panels[0], own[i], start + number, colours[number])
    panels[0].set_yticks(middles, [shown_text(titles[i]) for i in devices])
    panels[0].invert_yaxis()
    for name, colour in zip(names, colours, strict=True):
        panels[0].plot([], [], "o", color=colour, label=shown_text(name))
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    _finish(panels[0], [time for own in times for time in own if time])
    if len(points) > 1:
        panels[1].set_title(f"accuracy and time on {shown_text(titles[devices[0]])}", fontsize=9)
        panels[1].set_ylabel(shown_text(points[0].what))
        panels[1].margins(0.15)
        for point in points:
            _mark(panels[1], point.time, point.accuracy, colours[point.number])
            panels[1].annotate(
                shown_text(names[point.number]), (point.time.middle, point.accuracy),
                xytext=(5, 6), textcoords="offset points", fontsize=8,
            )  # fmt: skip
        _finish(panels[1], [point.time for point in points])
    return figure


def _times(analysis: Analysis) -> list[_Time | None]:
    """The time on each device, where it is known."""
    found: list[_Time | None] = []
    for estimate in analysis.devices:
        time, band = time_cell(analysis, estimate), band_cell(analysis, estimate)
        if time is None:
            found.append(None)
            continue
        low, high = (band.low, band.high) if band else (time.seconds, time.seconds)
        found.append(_Time(time.seconds * _MS, low * _MS, high * _MS, time.least))
    return found


def _points(analyses: Sequence[Analysis], times: Sequence[_Time | None]) -> list[_Point]:
    """Networks with an accuracy and a time."""
    metric, dataset, figures = published_accuracies(analyses)
    if metric is None:
        return []
    what = f"{find_metric(metric).title} (%){f' on {dataset}' if dataset else ''}, published"
    return [
        _Point(number, time, float(figures[number] or 0.0), what)
        for number, time in enumerate(times)
        if time is not None and figures[number] is not None
    ]


def _mark(axes: Any, time: _Time | None, y: float, colour: Any) -> None:
    """A time as a point with its range, or, of a lower bound, as an open triangle."""
    if time is None:
        return
    if time.is_bound:
        axes.plot([time.middle], [y], ">", markersize=6, markerfacecolor="none", color=colour)
        return
    errors = [[max(time.middle - time.low, 0.0)], [max(time.high - time.middle, 0.0)]]
    axes.errorbar([time.middle], [y], xerr=errors, fmt="o", markersize=5, color=colour,
                  elinewidth=1.2, capsize=3)  # fmt: skip


def _finish(axes: Any, times: Sequence[_Time]) -> None:
    """The axis of times, logarithmic where they span much, and lines to read them by."""
    least, most = min(time.low for time in times), max(time.high for time in times)
    if least > 0 and most > _LOG_RATIO * least:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    else:
        axes.set_xlim(left=0)
    bounds = "; open triangles: lower bounds" if any(time.is_bound for time in times) else ""
    axes.set_xlabel(f"ms{bounds}")
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
