"""All combinations of knob values of one network, evaluated as grids of rows and columns.

Knobs that meet in an expression which is no sum of products are on one axis; the others are
spread so that both axes are short. The grid is evaluated in strips (`strips.py`), which tasks of
several workers can share out. Knobs that are no numbers, and choices, which decide structure, have
a grid for each combination. Not here: files, fronts, several networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnet_cost.devices import DeviceProfile
from mnet_cost.metrics import named
from mnet_cost.models.types import Model
from mnet_cost.search.blocks import BLOCK_POINTS, COSTS, Block, Rectangle, cost_columns
from mnet_cost.search.programs import Program, ProgramLibrary, Question, record
from mnet_cost.search.single import knob_array, knob_type
from mnet_cost.search.strips import Part, Settings, Strip
from mnet_cost.search.words import repeated

Column = NDArray[Any]

_MOST_ROWS = 2048
_MOST_COLUMNS = 8192
"""Of a strip."""
_MOST_TRIED = 10
"""Knobs, or groups of them, for which both axes are tried."""
_ROUNDS = ("floor", "ceil", "rint", "remainder", "floor_divide", "gcd")


class Task(NamedTuple):
    """A share of a grid sweep: whole grids of some combinations of words and choices, or some rows
    of the grid of one."""

    first: int
    """The first combination, by its number."""
    end: int
    """The number after the last combination."""
    top: int
    bottom: int | None
    """None: all rows from `top` on."""
    points: int


class GridSweep:
    """All combinations of `axes`, the values of each knob, for one network.

    `metrics` are names of the metrics to calculate; without them it is all.
    """

    def __init__(
        self,
        model: Model,
        axes: Mapping[str, Sequence[Any]],
        devices: Sequence[DeviceProfile] = (),
        precisions: Sequence[str] = ("fp32",),
        *,
        convention: str = "paper",
        metrics: Sequence[str] | None = None,
        lower_bound: bool = False,
    ) -> None:
        self.points = prod([len(values) for values in axes.values()])
        self._axes = axes
        self._kinds = {name: knob_type(values) for name, values in axes.items()}
        self._model = model
        self._precisions = tuple(precisions)
        self._settings = (
            tuple(devices), self._precisions, convention,
            COSTS if metrics is None else named(metrics),
            lower_bound,
        )  # fmt: skip
        self._columns = frozenset(cost_columns(self._settings[3], self._settings[0]))
        numbers = {name: values for name, values in axes.items() if _is_numeric(name, values)}
        self._numbers = {name: values for name, values in numbers.items() if len(values) > 1}
        others = {name: axes[name] for name in axes if name not in self._numbers}
        self._combinations = [
            dict(zip(others, values, strict=True)) for values in product(*others.values())
        ]
        self._latest: tuple[int, _NumberGrid] | None = None

    def tasks(self, points: int) -> list[Task]:
        """Shares of about `points` settings each, the same in every process."""
        grid = prod(map(len, self._numbers.values()))
        count = len(self._combinations)
        if grid <= points:  # which takes no recording: there may be many combinations
            step = points // grid
            return [
                Task(first, end, 0, None, (end - first) * grid)
                for first in range(0, count, step)
                for end in [min(first + step, count)]
            ]
        tasks = []
        for number in range(count):
            height, width = self._grid(number).shape
            rows = max(1, points // width)
            for top in range(0, height, rows):
                bottom = min(top + rows, height)
                tasks.append(Task(number, number + 1, top, bottom, (bottom - top) * width))
        return tasks

    def parts(
        self,
        block_points: int = BLOCK_POINTS,
        task: Task | None = None,
        columns: frozenset[str] | None = None,
    ) -> Iterator[tuple[Mapping[str, Any], Part]]:
        """Rectangles of at most `block_points` settings, of all or of one task; with each the
        knobs that are the same in it. What a task gives does not depend on tasks before it.

        `columns` are names of the columns of metrics to evaluate; None stands for all. The settings
        that hold, their order and the values do not depend on it. Raises `ValueError` for a name
        that no column has.
        """
        unknown = (columns or frozenset()) - self._columns
        if unknown:
            raise ValueError(f"no column {', '.join(sorted(unknown))}")
        first, end, top, bottom, _ = task or Task(0, len(self._combinations), 0, None, self.points)
        for number in range(first, end):
            for part in self._grid(number).parts(block_points, top, bottom, columns):
                yield self._combinations[number], part

    def blocks(
        self,
        name: str,
        block_points: int = BLOCK_POINTS,
        task: Task | None = None,
        columns: frozenset[str] | None = None,
    ) -> Iterator[Block]:
        """`parts` as columns of settings that hold. `name` is what blocks call the model.

        Settings come in the order of rows, then of columns, which is not that of `axes`.
        """
        for words, part in self.parts(block_points, task, columns):
            yield from _blocks(name, words, part, self._precisions, self._axes, self._kinds)

    def _grid(self, number: int) -> _NumberGrid:
        """The grid of a combination. Only the latest is kept: there may be many."""
        if self._latest is None or self._latest[0] != number:
            self._latest = None
            fixed = {**self._model.knobs, **self._combinations[number]}
            question = _question(self._model, fixed, self._numbers, *self._settings)
            self._latest = number, _NumberGrid(question, self._numbers)
        return self._latest[1]


def evaluate_points(
    model: Model,
    points: Mapping[str, Sequence[float]],
    devices: Sequence[DeviceProfile] = (),
    precisions: Sequence[str] = ("fp32",),
    *,
    convention: str = "paper",
    metrics: Sequence[str] | None = None,
    lower_bound: bool = False,
) -> Iterator[Block]:
    """Settings that are no grid: the values of each knob, as many of each, point by point.

    Much slower than a grid of as many points, since nothing is shared between them.
    """
    chosen = COSTS if metrics is None else named(metrics)
    question = _question(
        model, model.knobs, points, tuple(devices), tuple(precisions), convention, chosen,
        lower_bound,
    )  # fmt: skip
    kinds = {name: knob_type(values) for name, values in points.items()}
    for part in _NumberGrid(question, points, paired=True).parts(_MOST_ROWS):
        yield from _blocks(model.name, {}, part, precisions, points, kinds)


def _question(
    model: Model, fixed: Mapping[str, Any], numbers: Mapping[str, Sequence[Any]], *settings: Any
) -> Question:
    devices, precisions, convention, metrics, lower_bound = settings
    return Question(
        spec=model.spec,
        fixed=fixed,
        inputs=tuple(numbers),
        whole=frozenset([name for name, values in numbers.items() if all(map(_is_whole, values))]),
        devices=devices,
        precisions=precisions,
        convention=convention,
        metrics=metrics,
        lower_bound=lower_bound,
    )


def _is_numeric(name: str, values: Sequence[Any]) -> bool:
    """Whether a knob's values are numbers that can be recorded. Choices decide structure."""
    return "." not in name and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    )


def _is_whole(value: float) -> bool:
    return isinstance(value, int) or value.is_integer()


def _blocks(
    model: str,
    words: Mapping[str, Any],
    part: Part,
    precisions: Sequence[str],
    axes: Mapping[str, Sequence[Any]],
    kinds: Mapping[str, str],
) -> Iterator[Block]:
    """The settings of a part that hold, as columns; `axes` has the values that were given, `kinds`
    of which type the columns of knobs are."""
    height, width = part.shape
    holds = None if part.holds is None else part.holds.reshape(-1)
    points = height * width if holds is None else int(np.count_nonzero(holds))

    def flat(values: Any) -> Column:
        column = np.broadcast_to(values, (height, width)).reshape(-1)
        return column if holds is None else column[holds]

    def of_knob(name: str, values: Column) -> Column:
        return flat(values.astype(kinds[name]))

    knobs = {
        **{
            name: repeated(knob_array([value], axes[name]), points) for name, value in words.items()
        },
        **{name: of_knob(name, values[:, None]) for name, values in part.rows.items()},
        **{name: of_knob(name, values[None, :]) for name, values in part.columns.items()},
    }
    for precision in precisions:
        columns = {
            column: flat(values)
            for (own, column), values in part.metrics.items()
            if own == precision
        }
        rectangle = Rectangle(part.rows, part.columns, part.holds)
        yield Block(model, precision, knobs, columns, part.broken, rectangle)


class _NumberGrid:
    """The grid of knobs that are numbers; programs that were recorded serve all of it."""

    def __init__(
        self, question: Question, values: Mapping[str, Sequence[Any]], paired: bool = False
    ) -> None:
        self._values = {name: np.array(column, dtype=float) for name, column in values.items()}
        self._paired = paired
        """Whether values of knobs belong together, instead of being combined."""
        programs = [record(question, {name: column[0] for name, column in values.items()})]
        if programs[0].problem is not None:  # which says little of how knobs meet
            programs.append(record(question, {name: v[-1] for name, v in values.items()}))
        self._programs = ProgramLibrary(question, programs)
        self._groups = [frozenset([name]) for name in values]
        if paired:
            self._join(frozenset(values))
        else:
            for program in programs:
                self._join_groups(program)
        self._rows: tuple[str, ...] = ()
        self._columns: tuple[str, ...] = ()
        self._choose_axes()

    def _join_groups(self, program: Program) -> None:
        """Join knobs that meet where a number is rounded, so that axes do not part them."""
        graph = program.graph
        names = list(program.inputs)
        bits = {program.inputs[name]: 1 << number for number, name in enumerate(names)}
        origins: list[int] = []  # of each node the inputs that it depends on, as bits
        meeting = set()
        for index, node in enumerate(graph.nodes):
            origin = bits.get(index, 0)
            for operand in node.operands:
                origin |= origins[operand]
            origins.append(origin)
            if (
                node.name in _ROUNDS
                and origin & (origin - 1)
                and (index < program.shape_nodes or not all(graph.whole[o] for o in node.operands))
            ):
                meeting.add(origin)
        for origin in meeting:
            self._join(frozenset([name for name in names if bits[program.inputs[name]] & origin]))

    def _join(self, names: frozenset[str]) -> None:
        """Put knobs on one axis."""
        meeting = [group for group in self._groups if group & names]
        rest = [group for group in self._groups if not group & names]
        self._groups = [frozenset().union(*meeting), *rest]

    def _choose_axes(self) -> None:
        """Split the groups so that axes are short; the first knobs are on rows."""
        order = list(self._values)
        groups = sorted(self._groups, key=lambda group: min(order.index(name) for name in group))
        splits = []
        # Of many knobs the first ones are tried on either axis, and the others are on columns.
        tried = min(max(len(groups) - 1, 0), _MOST_TRIED)
        for sides in product((0, 1), repeat=tried):
            on_rows = {
                name
                for group, side in zip(groups, (0, *sides), strict=False)
                if side == 0
                for name in group
            }
            rows = tuple([name for name in order if name in on_rows])
            columns = tuple([name for name in order if name not in on_rows])
            splits.append((self._length(rows) + self._length(columns), sides, rows, columns))
        _, _, self._rows, self._columns = min(splits)
        self._programs.use_axes(self._rows, self._columns)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._length(self._rows), self._length(self._columns)

    def parts(
        self,
        block_points: int,
        top: int = 0,
        bottom: int | None = None,
        outputs: frozenset[str] | None = None,
    ) -> Iterator[Part]:
        """The rows from `top` to before `bottom`, strip by strip.

        Each call begins with the programs of the start: another one that holds for a setting may
        round its last bits differently.
        """
        programs = self._programs.copy()
        height, width = self.shape
        bottom = height if bottom is None else bottom
        columns_at_once = min(width, _MOST_COLUMNS)
        rows_at_once = max(1, min(_MOST_ROWS, block_points // columns_at_once))
        for start in range(top, bottom, rows_at_once):
            rows = self._settings(self._rows, start, min(start + rows_at_once, bottom))
            for left in range(0, width, columns_at_once):
                end = min(left + columns_at_once, width)
                columns = self._settings(self._columns, left, end)
                yield Strip(programs, rows, columns, outputs).evaluate()

    def _length(self, names: Sequence[str]) -> int:
        if self._paired:
            return max([len(self._values[name]) for name in names], default=1)
        length = 1
        for name in names:
            length *= len(self._values[name])
        return length

    def _settings(self, names: Sequence[str], start: int, end: int) -> Settings:
        """Values of knobs of one axis, from position `start` to before `end`."""
        if self._paired:
            return {name: self._values[name][start:end] for name in names}
        positions = np.arange(start, end)
        settings: dict[str, NDArray[np.float64]] = {}
        for name in reversed(names):
            values = self._values[name]
            settings[name] = values[positions % len(values)]
            positions = positions // len(values)
        return {name: settings[name] for name in names}
