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
from itertools import product
from typing import Any, NamedTuple

from mnet_cost.metrics import METRICS, Metric
from mnet_cost.models.published import ACCURACIES, DATASETS, PublishedRow
from mnet_cost.models.types import BATCH, Model
from mnet_cost.network import elaborate
from mnet_cost.search.single import knob_type, word_of
from mnet_cost.search.words import Words

PUBLISHED, INTERPOLATED = "published", "interpolated"
_BASES = ("", INTERPOLATED, PUBLISHED)
PRECISION = "fp32"
"""Accuracies are those of networks as they were trained."""


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
        self, accuracy: Accuracy, axes: Mapping[str, Sequence[Any]], sources: Sequence[list[_Node]]
    ) -> None:
        self.accuracy = accuracy
        self._axes = axes
        self._words = {knob for knob, axis in axes.items() if knob_type(axis) == "str"}
        """Knobs whose columns are words."""
        self._sources = sources

    def figures(self, knobs: Mapping[str, Any], points: int) -> tuple[Any, Any]:
        """(figures, `Words` of what each rests on) for columns of knobs; NaN and an empty word
        for none."""
        import numpy

        figures = numpy.full(points, numpy.nan)
        basis = numpy.zeros(points, dtype=numpy.int8)  # places in `_BASES`
        places: dict[tuple[str, Any], Any] = {}  # where a knob has a value
        for nodes in self._sources:
            for node in nodes:
                settings = list(zip(self._axes, node.at, strict=True))
                for knob, value in settings:
                    if (knob, value) not in places:
                        places[knob, value] = self._is_at(knobs, knob, value)
                here = numpy.logical_and.reduce([places[setting] for setting in settings])
                if here.any():
                    here &= numpy.isnan(figures)
                    figures[here], basis[here] = node.value, _BASES.index(PUBLISHED)
        if self._sources:
            between = self._interpolated(knobs, points, self._sources[0])
            here = numpy.isnan(figures) & ~numpy.isnan(between)
            figures[here], basis[here] = between[here], _BASES.index(INTERPOLATED)
        return figures, Words(basis, _BASES)

    def _is_at(self, knobs: Mapping[str, Any], knob: str, value: Any) -> Any:
        return knobs[knob] == (word_of(value) if knob in self._words else value)

    def _interpolated(self, knobs: Mapping[str, Any], points: int, nodes: list[_Node]) -> Any:
        """NaN where no cell has all of its corners."""
        import numpy

        result = numpy.full(points, numpy.nan)
        spots = {knob: {node.at[i] for node in nodes} for i, knob in enumerate(self._axes)}
        running = [
            knob
            for knob, axis in self._axes.items()
            if len(spots[knob]) > 1 and knob_type(axis) in ("int64", "float64")
            and all(isinstance(value, (int, float)) for value in spots[knob])
        ]  # fmt: skip
        fixed = [knob for knob in self._axes if knob not in running]
        place = {knob: i for i, knob in enumerate(self._axes)}
        grids: dict[tuple[Any, ...], list[_Node]] = {}
        for node in nodes:
            grids.setdefault(tuple(node.at[place[knob]] for knob in fixed), []).append(node)
        for setting, inside in grids.items():
            here = numpy.ones(points, dtype=bool)
            for knob, value in zip(fixed, setting, strict=True):
                here &= self._is_at(knobs, knob, value)
            at = [tuple(node.at[place[knob]] for knob in running) for node in inside]
            columns = [knobs[knob][here] for knob in running]
            if running:
                result[here] = _in_cells(at, [node.value for node in inside], columns)
        return result


def _in_cells(at: Sequence[tuple[Any, ...]], values: Sequence[float], columns: list[Any]) -> Any:
    """Multilinear between the points `at` which `values` stand; NaN where a corner is missing."""
    import numpy

    marks = [numpy.array(sorted({spot[k] for spot in at}), dtype=float)
             for k in range(len(columns))]  # fmt: skip
    table = numpy.full([len(mark) for mark in marks], numpy.nan)
    for spot, value in zip(at, values, strict=True):
        cell = [int(mark.searchsorted(x)) for mark, x in zip(marks, spot, strict=True)]
        table[tuple(cell)] = value
    inside = numpy.ones(len(columns[0]), dtype=bool)
    sides = []
    for mark, column in zip(marks, columns, strict=True):
        inside &= (column >= mark[0]) & (column <= mark[-1])
        low = numpy.clip(numpy.searchsorted(mark, column, side="right") - 1, 0, len(mark) - 1)
        # On a mark the cell is flat: nothing is asked of its neighbours.
        high = numpy.where(mark[low] >= column, low, numpy.minimum(low + 1, len(mark) - 1))
        width = numpy.where(high > low, mark[high] - mark[low], 1.0)
        share = numpy.where(high > low, (column - mark[low]) / width, 0.0)
        sides.append(((low, 1 - share), (high, share)))
    total = numpy.zeros(len(columns[0]))
    for corner in product(*sides):
        weight: Any = 1.0
        for _, share in corner:
            weight = weight * share
        total = total + weight * table[tuple(index for index, _ in corner)]
    return numpy.where(inside, total, numpy.nan)


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
    return tuple(
        Surface(
            accuracy,
            axes,
            [
                [_Node(at, value) for at, value in nodes.items()]
                for nodes in sorted(by_source.values(), key=len, reverse=True)
            ],
        )
        for accuracy, by_source in nodes_of.items()
    )


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
            knob in axes or fixed.get(knob, known.default) == row.at.get(knob, known.default)
            for knob, known in model.spec.knobs.items()
        ):
            yield row


def _value(model: Model, knob: str, row: PublishedRow, choices: Mapping[str, Sequence[Any]]) -> Any:
    """The value of a swept knob in a row: figures are of the first option of a choice."""
    if knob in model.spec.knobs:
        return row.at.get(knob, model.spec.knobs[knob].default)
    options = choices.get(knob)
    return options[0] if options else None
