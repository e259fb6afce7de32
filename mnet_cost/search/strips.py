"""Some rows and columns of a grid: which program holds where, and the values of its outputs.

A program that was recorded at one setting holds for the rows and columns at which its guards come
out the same. What is left is recorded anew at one of its settings, until every setting has its
values or a reason why it breaks. Not here: which knobs are rows, and how large a strip is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnet_cost.search.programs import CompiledProgram, Program, ProgramLibrary
from mnet_cost.search.separable import Grid, Mixed
from mnet_cost.search.steps import COLUMN, ROW
from mnet_cost.search.sums import ONES, Number, Sum, is_of_rows
from mnet_cost.search.tiles import Rectangle, Tile

Settings = Mapping[str, NDArray[np.float64]]
"""Values of the knobs of one axis."""

_TILE = 1 << 15
"""Points that are evaluated at once: few enough to stay in a cache."""
_TILE_COLUMNS = 128
_LARGEST = 2.0**53
"""Up to it every whole number is a double."""
_TOO_LARGE = "a count is larger than 2^53"


class Part(NamedTuple):
    """A rectangle of a grid, evaluated: arrays of rows x columns, which may be views."""

    rows: Settings
    """Values of the knobs on the rows."""
    columns: Settings
    metrics: Mapping[tuple[str, str], NDArray[np.float64]]
    """By precision and column."""
    holds: NDArray[np.bool_] | None
    """Which settings hold; None where all do."""
    broken: Mapping[str, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return length_of(self.rows), length_of(self.columns)


def length_of(settings: Settings) -> int:
    """How many settings of an axis there are; one where no knob is on it."""
    return len(next(iter(settings.values()))) if settings else 1


class _Rest(NamedTuple):
    """Rows and columns of a strip that no program was found for yet."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


class Strip:
    """Some rows of a grid, and what is known of them.

    `outputs` are the names of the outputs to evaluate; None stands for all. Which settings hold and
    the values themselves, to the last bit, do not depend on it.
    """

    def __init__(
        self,
        programs: ProgramLibrary,
        rows: Settings,
        columns: Settings,
        outputs: frozenset[str] | None = None,
    ) -> None:
        self._programs = programs
        self._rows = rows
        self._columns = columns
        self._outputs = outputs
        self.shape = length_of(rows), length_of(columns)
        self._arrays: dict[tuple[str, str], NDArray[np.float64]] = {}
        self._views: dict[tuple[str, str], NDArray[np.float64]] = {}
        self._holds: NDArray[np.bool_] | None = None
        self._broken: Counter[str] = Counter()

    def evaluate(self) -> Part:
        """Evaluate every setting, or say why it breaks."""
        waiting = [_Rest(np.arange(self.shape[0]), np.arange(self.shape[1]))]
        with np.errstate(all="ignore"):
            while waiting:
                rest = waiting.pop()
                if not len(rest.rows) or not len(rest.columns):
                    continue
                try:
                    waiting += self._evaluate(rest)
                except Mixed:
                    self._evaluate_by_points(rest)
        metrics = {**self._views, **self._arrays}
        return Part(self._rows, self._columns, metrics, self._holds, dict(self._broken))

    def _evaluate(self, rest: _Rest) -> list[_Rest]:
        """Evaluate what one program holds for, and give back what is left."""
        for compiled in self._programs.compiled():
            left = self._with_program(compiled, rest)
            if left is not None:
                return left
        setting = {
            **{name: values[rest.rows[0]] for name, values in self._rows.items()},
            **{name: values[rest.columns[0]] for name, values in self._columns.items()},
        }
        for compiled in self._programs.others():
            if self._is_at_first(compiled, rest):
                left = self._with_program(compiled, rest)
                if left is not None:
                    self._programs.add(compiled)
                    return left
        compiled = self._programs.record({name: float(value) for name, value in setting.items()})
        left = self._with_program(compiled, rest)
        return self._single(compiled.program, rest) if left is None else left

    def _is_at_first(self, compiled: CompiledProgram, rest: _Rest) -> bool:
        """Whether a program holds for the first setting of `rest`."""
        grid = self._grid(compiled, _Rest(rest.rows[:1], rest.columns[:1]))
        grid.calculate(compiled.for_axis_guards)
        rows, columns = _axis_masks(compiled, grid)
        if not (rows[0] and columns[0]):
            return False
        try:
            grid.calculate(compiled.for_mixed_guards)
            return all(
                _mask_of(grid, grid.number(guard), compiled.program.guards[guard]) is True
                for guard in compiled.mixed_guards
            )
        except Mixed:
            return False

    def _evaluate_by_points(self, rest: _Rest) -> None:
        """Evaluate settings as rows of a grid with one column: knobs of both axes are rounded
        together."""
        shape = len(rest.rows), len(rest.columns)
        points = {
            **{name: np.repeat(values[rest.rows], shape[1]) for name, values in self._rows.items()},
            **{
                name: np.tile(values[rest.columns], shape[0])
                for name, values in self._columns.items()
            },
        }
        part = Strip(self._programs.by_points(), points, {}, self._outputs).evaluate()
        where = np.ix_(rest.rows, rest.columns)
        for key, values in part.metrics.items():
            self._array(key)[where] = values.reshape(shape)
        if part.holds is not None:
            self._all_hold()[where] = part.holds.reshape(shape)
        self._broken.update(part.broken)

    def _all_hold(self) -> NDArray[np.bool_]:
        if self._holds is None:
            self._holds = np.ones(self.shape, dtype=bool)
        return self._holds

    def _single(self, program: Program, rest: _Rest) -> list[_Rest]:
        """The first setting alone, as it was recorded: its guards round otherwise in NumPy."""
        first = _Rest(rest.rows[:1], rest.columns[:1])
        if program.problem is not None:
            self._break(program.problem, first, None)
        for key in filter(self._is_asked, program.outputs):
            value = program.values[key]
            self._array(key)[first.rows[0], first.columns[0]] = np.nan if value is None else value
        return [_Rest(rest.rows[1:], rest.columns), _Rest(first.rows, rest.columns[1:])]

    def _with_program(self, compiled: CompiledProgram, rest: _Rest) -> list[_Rest] | None:
        """What is left of `rest` after a program; None where it holds for none of it."""
        left: list[_Rest] = []
        grid = self._grid(compiled, rest)
        grid.calculate(compiled.for_axis_guards)
        rows, columns = _axis_masks(compiled, grid)
        if not (rows.all() and columns.all()):
            if not (rows.any() and columns.any()):
                return None
            rest = _cut(rest, rows, columns, left)
            grid = self._grid(compiled, rest)
        grid.calculate(compiled.for_mixed_guards)
        for guard in compiled.mixed_guards:
            mask = _mask_of(grid, grid.number(guard), compiled.program.guards[guard])
            if mask is True:
                continue
            if mask is False or not mask.any():
                return None if not left else [*left, rest]
            kept = _split(rest, mask)
            # Rectangles of settings that pass this guard are looked at again, with all guards.
            return [*left, *kept]
        program = compiled.program
        if program.problem is not None:
            self._break(program.problem, rest, None)
            return left
        grid.calculate(compiled.steps_for(self._outputs))
        self._fill(compiled, grid, rest)
        return left

    def _grid(self, compiled: CompiledProgram, rest: _Rest) -> Grid:
        inputs = compiled.program.inputs
        values = {inputs[name]: column[rest.rows] for name, column in self._rows.items()}
        for name, column in self._columns.items():
            values[inputs[name]] = column[rest.columns]
        shape = len(rest.rows), len(rest.columns)
        return Grid(compiled.program.graph, compiled.depends, shape, values)

    def _break(self, cause: str, rest: _Rest, mask: NDArray[np.bool_] | None) -> None:
        """Mark settings as broken."""
        holds, where = self._all_hold(), np.ix_(rest.rows, rest.columns)
        if mask is None:
            holds[where] = False
            self._broken[cause] += len(rest.rows) * len(rest.columns)
        else:
            self._broken[cause] += int((mask & holds[where]).sum())
            holds[where] &= ~mask

    def _array(self, key: tuple[str, str]) -> NDArray[np.float64]:
        array = self._arrays.get(key)
        if array is None:
            view = self._views.pop(key, None)
            array = np.empty(self.shape) if view is None else view.copy()
            self._arrays[key] = array
        return array

    def _fill(self, compiled: CompiledProgram, grid: Grid, rest: _Rest) -> None:
        """Write the outputs of a program into the arrays of the strip.

        A count that is too large breaks its setting, whether it is asked for or not.
        """
        program, all_of_it = compiled.program, self._is_all(rest)
        tiled: dict[tuple[str, str], Sum] = {}
        for key, output in program.outputs.items():
            if not isinstance(output, int):
                if self._is_asked(key):
                    self._write(key, rest, np.full((1, 1), np.nan if output is None else output))
                continue
            if not (self._is_asked(key) or program.graph.whole[output]):
                continue
            number = grid.number(output)
            most = grid.bounds.of(number)[1] if isinstance(number, Sum) else number
            if program.graph.whole[output] and most > _LARGEST:
                values = _values_of(grid, number)
                self._break(_TOO_LARGE, rest, values > _LARGEST)
            elif not self._is_asked(key):
                continue
            elif not isinstance(number, Sum):
                values = np.full((1, 1), number)
            elif is_of_rows(number):
                values = np.asarray(number.terms[ONES])[:, None]
            elif all_of_it:
                tiled[key] = number
                continue
            else:
                values = _values_of(grid, number)
            if self._is_asked(key):
                self._write(key, rest, values)
        if tiled:
            # Together, so that the system gives memory in large pages, in much less time.
            arrays = dict(zip(tiled, np.empty((len(tiled), *self.shape)), strict=True))
            self._arrays.update(arrays)
            for tile in _tiles(grid):
                for key, number in tiled.items():
                    tile.fill(number, _view(arrays[key], tile.rectangle))

    def _is_asked(self, key: tuple[str, str]) -> bool:
        return self._outputs is None or key[1] in self._outputs

    def _is_all(self, rest: _Rest) -> bool:
        return (len(rest.rows), len(rest.columns)) == self.shape

    def _write(self, key: tuple[str, str], rest: _Rest, values: NDArray[np.float64]) -> None:
        if self._is_all(rest):
            self._views[key] = np.broadcast_to(values, self.shape)
        else:
            self._array(key)[np.ix_(rest.rows, rest.columns)] = values


def grid_shape(grid: Grid) -> tuple[int, int]:
    """Rows and columns of a grid."""
    return grid.height, grid.width


def _values_of(grid: Grid, number: Number) -> NDArray[np.float64]:
    """A number at all points of a grid."""
    values = np.empty(grid_shape(grid))
    for tile in _tiles(grid):
        tile.fill(number, _view(values, tile.rectangle))
    return values


def _tiles(grid: Grid) -> Iterator[Tile]:
    """Rectangles that cover a grid, each small enough for a cache."""
    width = min(grid.width, _TILE_COLUMNS)
    height = max(1, _TILE // width)
    scratch: list[NDArray[np.float64]] = []
    for top in range(0, grid.height, height):
        for left in range(0, grid.width, width):
            bottom, right = min(top + height, grid.height), min(left + width, grid.width)
            tile = Tile(grid, Rectangle(top, bottom, left, right), scratch)
            yield tile
            tile.release()


def _view(array: NDArray[np.float64], rectangle: Rectangle) -> NDArray[np.float64]:
    return array[rectangle.top : rectangle.bottom, rectangle.left : rectangle.right]


def _axis_masks(
    compiled: CompiledProgram, grid: Grid
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For which rows and which columns all guards of one axis come out as recorded."""
    rows, columns = np.ones(grid.height, dtype=bool), np.ones(grid.width, dtype=bool)
    for guard in compiled.axis_guards:
        outcome, value = compiled.program.guards[guard], grid.vector(guard)
        depends = compiled.depends[guard]
        if depends == ROW:
            rows &= (value != 0) == outcome
        elif depends == COLUMN:
            columns &= (value != 0) == outcome
    return rows, columns


def _mask_of(grid: Grid, condition: float | Sum, outcome: bool) -> Any:
    """Where a condition comes out as `outcome`: True, False or an array of the grid's shape."""
    if not isinstance(condition, Sum):
        return (condition != 0) == outcome
    if is_of_rows(condition):
        mask = np.broadcast_to(np.asarray(condition.terms[ONES])[:, None] != 0, grid_shape(grid))
    else:
        mask = _values_of(grid, condition) != 0
    mask = mask == outcome
    return True if mask.all() else mask


def _cut(
    rest: _Rest, rows: NDArray[np.bool_], columns: NDArray[np.bool_], left: list[_Rest]
) -> _Rest:
    """The rows and columns of two masks; what is outside goes to `left`."""
    left.append(_Rest(rest.rows[~rows], rest.columns))
    left.append(_Rest(rest.rows[rows], rest.columns[~columns]))
    return _Rest(rest.rows[rows], rest.columns[columns])


def _split(rest: _Rest, mask: NDArray[np.bool_]) -> list[_Rest]:
    """Rectangles in which a mask is the same everywhere: rows of equal pattern together."""
    if len({column.tobytes() for column in mask.T}) < len({row.tobytes() for row in mask}):
        return [
            _Rest(other.columns, other.rows)
            for other in _split(_Rest(rest.columns, rest.rows), np.ascontiguousarray(mask.T))
        ]
    by_pattern: dict[bytes, list[int]] = {}
    for number, row in enumerate(mask):
        by_pattern.setdefault(row.tobytes(), []).append(number)
    parts = []
    for numbers in by_pattern.values():
        pattern = mask[numbers[0]]
        rows = rest.rows[numbers]
        for columns in (rest.columns[pattern], rest.columns[~pattern]):
            if len(columns):
                parts.append(_Rest(rows, columns))
    return parts
