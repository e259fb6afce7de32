"""Published accuracies as columns of a sweep: what a source prints for a point, and between them.

A point that a source prints has its figure, `published`. A point between printed ones has an
`interpolated` figure: linear in each numeric knob between neighbouring printed values, and only in
cells whose corners one source prints all, so never outside of what was measured. Any other point
has none. Where sources differ, the one that prints most points of the sweep goes first, then the
first in the file; figures of one source alone are interpolated, since recipes of training differ.
Figures are those of networks in fp32. Not here: how accurate a network nobody trained would be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from mnet_cost.metrics import METRICS, Metric
from mnet_cost.models.published import ACCURACIES, DATASETS, PublishedRow
from mnet_cost.models.types import BATCH, Model
from mnet_cost.network import elaborate
from mnet_cost.search.blocks import Block
from mnet_cost.search.single import knob_type, word_of
from mnet_cost.search.words import Words, repeated

PUBLISHED, INTERPOLATED = "published", "interpolated"
_BASES = ("", INTERPOLATED, PUBLISHED)
PRECISION = "fp32"
"""Accuracies are those of networks as they were trained."""

_PIECE = 1 << 16
"""Points that are interpolated at once: few enough to stay in a cache."""


def _code(basis: str) -> Any:
    """The number of a basis in columns of them."""
    import numpy

    return numpy.int8(_BASES.index(basis))


class Accuracy(NamedTuple):
    """One figure on one dataset; None where the source names none."""

    name: str
    dataset: str | None

    @property
    def column(self) -> str:
        """`top1` on the usual dataset of such figures, else `top1@DATASET`."""
        if self.dataset == DATASETS.get(self.name):
            return self.name
        return f"{self.name}@{self.dataset}"

    @property
    def basis_column(self) -> str:
        """The column that says what the figure rests on."""
        return f"{self.column}_basis"

    @property
    def metric(self) -> Metric:
        return next(metric for metric in METRICS if metric.name == self.name)


class _Node(NamedTuple):
    """A figure and the values that the swept knobs have there."""

    at: tuple[Any, ...]
    value: float


class Surface:
    """The figures of one accuracy over the swept knobs of one model."""

    def __init__(
        self,
        accuracy: Accuracy,
        axes: Mapping[str, Sequence[Any]],
        sources: Mapping[str, Sequence[_Node]],
    ) -> None:
        self.accuracy = accuracy
        self.sources = tuple(sources)
        """Who prints the figures. Where several print one for a point, that of the first counts,
        and figures between points are of the first alone."""
        self._axes = axes
        self._kinds = {knob: knob_type(axis) for knob, axis in axes.items()}
        self._nodes = list(sources.values())

    @property
    def reaches_axes(self) -> bool:
        """Whether some values of the axes are printed, or between printed ones."""
        for nodes in self._nodes:
            if any(all(value in self._axes[knob] for knob, value in zip(self._axes, node.at,
                       strict=True)) for node in nodes):  # fmt: skip
                return True
        return any(
            all(value in self._axes[knob] for knob, value in fixed.items())
            and all(
                any(low <= value <= high for value in self._axes[knob])
                for knob, (low, high) in grid.ends().items()
            )
            for fixed, grid in self._grids()
        )

    def figures(self, block: Block) -> tuple[Any, Words]:
        """(figure, what it rests on) of each point; NaN and an empty word for none."""
        import numpy

        if not block.points:
            return numpy.empty(0), Words(numpy.empty(0, dtype=numpy.int8), _BASES)
        lines = _Lines(block, self._kinds)
        figures = numpy.full(lines.shape, numpy.nan)
        for fixed, grid in self._grids():
            rows, columns = lines.where(fixed, grid)
            step = max(1, _PIECE // max(len(columns), 1))
            for start in range(0, len(rows), step):
                piece = rows[start : start + step], columns
                figures[_area(*piece)] = _in_cells(grid, *lines.values(grid.knobs, *piece))
        basis = numpy.where(numpy.isnan(figures), numpy.int8(0), _code(INTERPOLATED))
        for nodes in reversed(self._nodes):  # what is written last stays
            for node in nodes:
                area = _area(*lines.where(dict(zip(self._axes, node.at, strict=True))))
                figures[area], basis[area] = node.value, _code(PUBLISHED)
        holds = None if block.rectangle is None else block.rectangle.holds
        held = slice(None) if holds is None else holds.reshape(-1)
        return figures.reshape(-1)[held], Words(basis.reshape(-1)[held], _BASES)

    def _grids(self) -> Iterator[tuple[Mapping[str, Any], _Grid]]:
        """What the first source prints: a grid over the numeric knobs that run in it, for each
        setting of the others."""
        nodes = self._nodes[0] if self._nodes else []
        spots = {knob: {node.at[i] for node in nodes} for i, knob in enumerate(self._axes)}
        running = [
            knob
            for knob in self._axes
            if len(spots[knob]) > 1 and self._kinds[knob] in ("int64", "float64")
            and all(isinstance(value, (int, float)) for value in spots[knob])
        ]  # fmt: skip
        grids: dict[tuple[Any, ...], _Grid] = {}
        for node in nodes if running else ():
            fixed = dict(zip(self._axes, node.at, strict=True))
            spot = tuple([fixed.pop(knob) for knob in running])
            key = tuple(fixed.items())
            grids.setdefault(key, _Grid(running, {})).figures[spot] = node.value
        for key, grid in grids.items():
            yield dict(key), grid


class _Grid(NamedTuple):
    """Figures over some numeric knobs, in whose cells others are interpolated."""

    knobs: Sequence[str]
    figures: dict[tuple[float, ...], float]
    """By the values of `knobs`; some combinations of them may be missing."""

    def ends(self) -> Mapping[str, tuple[float, float]]:
        """The smallest and the largest value of each knob."""
        columns = zip(*self.figures, strict=True)
        return {
            knob: (min(column), max(column))
            for knob, column in zip(self.knobs, columns, strict=True)
        }


class _Lines:
    """The rows and the columns of a block. Knobs are compared and searched for each line, which is
    little beside the points; of a block that is no rectangle each point is a row."""

    def __init__(self, block: Block, kinds: Mapping[str, str]) -> None:
        rows, columns, _ = block.rectangle or (block.knobs, {}, None)
        height, width = [len(next(iter(side.values()), (0,))) for side in (rows, columns)]
        same = [knob for knob in kinds if knob not in rows and knob not in columns]
        self.shape = height, width
        self._rows = {**rows, **{knob: repeated(block.knobs[knob][:1], height) for knob in same}}
        self._rows = {
            knob: _as_kind(values, kinds.get(knob)) for knob, values in self._rows.items()
        }
        self._columns = {
            knob: _as_kind(values, kinds.get(knob)) for knob, values in columns.items()
        }
        self._kinds = kinds
        self._places: dict[tuple[str, Any], Any] = {}

    def where(self, setting: Mapping[str, Any], grid: _Grid | None = None) -> tuple[Any, Any]:
        """(rows, columns) in which knobs have the values of `setting`, and are inside of `grid`."""
        import numpy

        ends = grid.ends() if grid else {}
        lines = []
        for knobs, length in zip((self._rows, self._columns), self.shape, strict=True):
            marks = numpy.ones(length, dtype=bool)
            for knob in setting.keys() & knobs:
                marks &= self._is_at(knob, setting[knob])
            for knob in ends.keys() & knobs:
                low, high = ends[knob]
                marks &= (knobs[knob] >= low) & (knobs[knob] <= high)
            lines.append(numpy.flatnonzero(marks))
        return lines[0], lines[1]

    def values(self, knobs: Sequence[str], rows: Any, columns: Any) -> tuple[Any, Any]:
        """(knob -> its value in each of `rows`, knob -> its value in each of `columns`)."""
        return (
            {knob: self._rows[knob][rows] for knob in knobs if knob in self._rows},
            {knob: self._columns[knob][columns] for knob in knobs if knob in self._columns},
        )

    def _is_at(self, knob: str, value: Any) -> Any:
        if (knob, value) not in self._places:
            wanted = word_of(value) if self._kinds[knob] == "str" else value
            values = self._rows[knob] if knob in self._rows else self._columns[knob]
            self._places[knob, value] = values == wanted
        return self._places[knob, value]


def _as_kind(values: Any, kind: str | None) -> Any:
    """A column of a part of an axis as that of the whole axis, which may have words where the part
    has numbers alone."""
    if kind != "str" or isinstance(values, Words):
        return values
    return Words.of(map(word_of, values.tolist()))


def _area(rows: Any, columns: Any) -> tuple[Any, Any]:
    """An index of where rows meet columns; neighbouring ones are slices, which are faster."""
    spans = [
        slice(lines[0], lines[-1] + 1)
        if len(lines) and lines[-1] - lines[0] == len(lines) - 1
        else lines
        for lines in (rows, columns)
    ]
    if any(isinstance(span, slice) for span in spans):
        return spans[0], spans[1]
    return rows[:, None], columns


def _in_cells(grid: _Grid, rows: Mapping[str, Any], columns: Mapping[str, Any]) -> Any:
    """Figures where rows meet columns, given the values of the grid's knobs there, which are inside
    of it: linear in each knob, and NaN where a cell lacks a corner."""
    import numpy

    order = [grid.knobs.index(knob) for knob in (*rows, *columns)]
    spots = [tuple([spot[k] for k in order]) for spot in grid.figures]
    marks = [numpy.array(sorted(set(axis)), dtype=float) for axis in zip(*spots, strict=True)]
    table = numpy.full([len(mark) for mark in marks], numpy.nan)
    for spot, value in zip(spots, grid.figures.values(), strict=True):
        cell = [int(mark.searchsorted(x)) for mark, x in zip(marks, spot, strict=True)]
        table[tuple(cell)] = value
    of_rows, of_columns = marks[: len(rows)], marks[len(rows) :]
    table = table.reshape(prod(map(len, of_rows)), -1)
    along: Any = 0.0
    for place, weight in _corners(of_rows, list(rows.values())):
        along = along + weight[:, None] * table[place]
    total: Any = 0.0
    for place, weight in _corners(of_columns, list(columns.values())):
        if weight.any():
            total = total + weight * along.take(place, axis=1)
    return total


def _corners(marks: Sequence[Any], columns: Sequence[Any]) -> list[tuple[Any, Any]]:
    """The corners of the cell of each line: (its place in the table, its weight)."""
    import numpy

    corners: list[tuple[Any, Any]] = [(numpy.zeros(1, dtype=numpy.int64), numpy.ones(1))]
    for mark, column in zip(marks, columns, strict=True):
        low = mark.searchsorted(column, side="right") - 1
        # On a mark the cell is flat: nothing is asked of its neighbours.
        high = numpy.where(mark[low] >= column, low, low + 1)
        width = numpy.where(high > low, mark[high] - mark[low], 1.0)
        share = (column - mark[low]) / width
        corners = [
            (place * len(mark) + end, weight * part)
            for place, weight in corners
            for end, part in ((low, 1 - share), (high, share))
        ]
    return corners


def surfaces_of(model: Model, axes: Mapping[str, Sequence[Any]]) -> tuple[Surface, ...]:
    """What is published for `model` where the knobs of `axes` run, and its other knobs stand."""
    nodes_of: dict[Accuracy, dict[str, dict[tuple[Any, ...], float]]] = {}
    axes = {knob: axis for knob, axis in axes.items() if knob != BATCH}  # it changes no accuracy
    choices = _choices(model, axes)
    for row in _rows(model, axes, choices):
        for name in ACCURACIES:
            if name in row.texts:
                accuracy = Accuracy(name, row.measured_on(name))
                by_source = nodes_of.setdefault(accuracy, {})
                at = tuple(_value(model, knob, row, choices) for knob in axes)
                value = float(row.figures[name].value)
                by_source.setdefault(row.source, {}).setdefault(at, value)
    surfaces = [
        Surface(
            accuracy,
            axes,
            {
                source: [_Node(at, value) for at, value in nodes.items()]
                for source, nodes in sorted(
                    by_source.items(), key=lambda item: len(item[1]), reverse=True
                )
            },
        )
        for accuracy, by_source in nodes_of.items()
    ]
    return tuple([surface for surface in surfaces if surface.reaches_axes])


def _choices(model: Model, axes: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
    """The choices of the network, where some are set or swept: only elaboration finds them."""
    if not any("." in name for name in (*model.knobs, *axes)):
        return {}
    fixed = {name: value for name, value in model.knobs.items() if name not in axes}
    return elaborate(model.spec, fixed).choices


def _rows(
    model: Model, axes: Mapping[str, Any], choices: Mapping[str, Sequence[Any]]
) -> Iterator[PublishedRow]:
    """Rows about the network with its fixed knobs where they stand."""
    fixed = {name: value for name, value in model.knobs.items() if name not in axes}
    if any("." in name and choices[name][0] != value for name, value in fixed.items()
           if name in choices):  # fmt: skip
        return  # with another option picked it is another network
    for row in model.spec.published:
        if row.own and all(
            knob in axes or fixed.get(knob, known.default) == row.setting.get(knob, known.default)
            for knob, known in model.spec.knobs.items()
        ):
            yield row


def _value(model: Model, knob: str, row: PublishedRow, choices: Mapping[str, Sequence[Any]]) -> Any:
    """The value of a swept knob in a row: figures are of the first option of a choice."""
    if knob in model.spec.knobs:
        return row.setting.get(knob, model.spec.knobs[knob].default)
    options = choices.get(knob)
    return options[0] if options else None
