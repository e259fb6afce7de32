"""A picture of a sweep: its points in light colours, and the front with the error of its times.

The first objective is held against the second; an accuracy is on the vertical axis, and a latency
on the horizontal one. Each network has a colour of its own. Names are shown as they are: no sign
in them is taken for a formula. Not here: which points are on the front.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mnet_cost.errors import Problem, UsageError
from mnet_cost.escaping import printable
from mnet_cost.paths import whole_file
from mnet_cost.search.objectives import Objective
from mnet_cost.search.summary import Summary, Table, length_of
from mnet_cost.search.sweep_files import refuse_existing
from mnet_cost.search.sweep_request import SweepRequest
from mnet_cost.torch_model.installed import require

ENDINGS = (".png", ".svg")

_MOST_POINTS = 20_000
_MOST_BARS = 20  # error bars of one network: more hide what is below them
_LOG_RATIO = 30  # an axis whose values span more is logarithmic
_UNITS = {"s": "ms", "J": "mJ", "bytes": "MB", "%": "%", "": "M"}
_FACTORS = {"bytes": 1e-6, "": 1e-6}  # what numbers of files are multiplied by


class _Axis(NamedTuple):
    """One objective as an axis."""

    objective: Objective

    @property
    def label(self) -> str:
        return shown_text(f"{self.objective.title} ({_UNITS[self.objective.metric.unit]})")

    def values(self, numbers: Any) -> Any:
        return numbers * _FACTORS.get(self.objective.metric.unit, 1.0)


def check_plot(path: str, request: SweepRequest, force: bool) -> None:
    """Raise what `plot_sweep` would raise after all points were evaluated."""
    refuse_existing(path, force, ENDINGS)
    require("matplotlib", extra="sweep")
    if len(request.objectives) < 2:
        hint = "name two, such as `--pareto mult_adds,peak_memory`"
        raise UsageError(Problem("a plot needs two metrics of the front", hint=hint))


def plot_sweep(
    path: str,
    request: SweepRequest,
    summary: Summary,
    tables: Iterable[Table],
    *,
    force: bool = False,
) -> None:
    """Draw the points of `tables`, read once, and the front of `summary` into a PNG or SVG file.

    The file is there whole or not at all. Raises `UsageError` for a front of one objective,
    `OutputError` for a file that cannot be written, `MissingPackageError` without matplotlib.
    """
    check_plot(path, request, force)
    x, y = _axes(request.objectives)
    figure = _figure(request, summary, _points(request, tables, x, y), x, y)
    with whole_file(path) as draft:
        figure.savefig(draft, format=Path(path).suffix.lower()[1:], dpi=150)


def _axes(objectives: Sequence[Objective]) -> tuple[_Axis, _Axis]:
    """(horizontal, vertical) of the first two objectives."""
    first, second = objectives[:2]
    is_swapped = (first.accuracy is not None and second.accuracy is None) or (
        second.is_time and not first.is_time
    )
    return (_Axis(second), _Axis(first)) if is_swapped else (_Axis(first), _Axis(second))


def _points(
    request: SweepRequest, tables: Iterable[Table], x: _Axis, y: _Axis
) -> Mapping[str, list[Any]]:
    """Network -> arrays of [x, y], some points of all, evenly thinned."""
    import numpy

    step = -(-request.points // _MOST_POINTS)
    points: dict[str, list[Any]] = {}
    before = 0
    for table in tables:
        columns = [table[axis.objective.column] for axis in (x, y)]
        taken = slice(-before % step, None, step)
        before += length_of(table)
        if any(column is None for column in columns):
            continue
        pairs = numpy.stack([axis.values(column[taken])
                             for axis, column in zip((x, y), columns, strict=True)])  # fmt: skip
        points.setdefault(str(table["model"][0]), []).append(pairs)
    return points


def _figure(
    request: SweepRequest, summary: Summary, points: Mapping[str, list[Any]], x: _Axis, y: _Axis
) -> Any:
    import numpy
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    palette = colormaps["tab10"]
    rows = sorted(summary.front_rows, key=lambda row: row[x.objective.column])
    ends = [[axis.values(row[axis.objective.column]) for row in rows] for axis in (x, y)]
    axes.plot(*ends, color="0.35", linewidth=1, zorder=2)
    for number, network in enumerate(request.networks):
        color = palette(number % palette.N)
        if network.name in points:
            xs, ys = numpy.concatenate(points[network.name], axis=1)
            axes.scatter(xs, ys, s=5, color=color, alpha=0.25, linewidths=0, zorder=1,
                         rasterized=True)  # fmt: skip
        own = [row for row in rows if row["model"] == network.name]
        front = [[axis.values(row[axis.objective.column]) for row in own] for axis in (x, y)]
        axes.errorbar(*front, xerr=_errors(x, own), fmt="o", markersize=4, color=color,
                      elinewidth=0.8, capsize=2, zorder=3, label=shown_text(network.name),
                      errorevery=max(1, len(own) // _MOST_BARS))  # fmt: skip
    for axis, span, scale in ((x, axes.xaxis, axes.set_xscale), (y, axes.yaxis, axes.set_yscale)):
        known = summary.spans.get(axis.objective.column)
        if known is not None and known.low > 0 and known.high > _LOG_RATIO * known.low:
            scale("log")
        span.set_label_text(axis.label)
    title = "front: line and markers; light: all points" if points else "front"
    axes.set_title(title, fontsize=9, color="0.3")
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="best", fontsize=9)
    return figure


def _errors(axis: _Axis, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Distances from a latency to the ends of its range, as [2, points]; None for no latency."""
    objective = axis.objective
    if not objective.is_time or not rows:
        return None
    low, high = (objective.column.replace("latency", f"latency_{end}", 1) for end in
                 ("low", "high"))  # fmt: skip
    middle = objective.column
    return [
        [max(row[middle] - row[low], 0.0) if row[low] is not None else 0.0 for row in rows],
        [max(row[high] - row[middle], 0.0) if row[high] is not None else 0.0 for row in rows],
    ]


def shown_text(text: str) -> str:
    """A text for matplotlib, which takes what stands between two `$` for a formula, and leaves
    out of a legend what begins with `_`."""
    shown = printable(text)
    shown = shown.replace("$", "\\$")
    return f"\u200b{shown}" if shown.startswith("_") else shown
