"""Tables of what blocks cost by their options: what a network costs is a sum of rows.

A part is some units of a space (`partition.py`) between two cuts. Whole networks are looked at
until each part has been seen with all of its options; what they cost by parts fills the tables. A
row holds sums, a maximum, and the state that the part leaves: what enters the next. A sample that
meets a row that no network has filled is looked at itself. Where parts cannot be told apart they
are joined, and where that makes them too large, `NotSeparable` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mnet_cost.analysis import analyze_network
from mnet_cost.devices import DeviceProfile
from mnet_cost.search.observations import (
    COUNTS,
    Layout,
    NotSeparable,
    State,
    UnitCosts,
    lay_out,
    measure,
)
from mnet_cost.search.partition import find_units, reuses
from mnet_cost.search.spaces import Samples, Space, with_choices
from mnet_cost.search.tracing import trace

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_ROWS = 4096
"""Most combinations of options of one part: each has to be seen."""
MAX_CELLS = 20_000
"""Most rows of a table that several parts share: one lookup for all of them."""
_MOST_VAIN = 12
"""Networks in a row that may show nothing new before the rest is left to the samples."""
_CHUNK = 1 << 13
"""Samples looked up together, with arrays that stay in a cache."""


class _Row(NamedTuple):
    """What a part costs with some options, in one state."""

    sums: tuple[float, ...]
    peak: float
    leaves: State


class _Seen(NamedTuple):
    """One network that was looked at."""

    setting: Mapping[str, int]
    """The index of the option of each axis."""
    layout: Layout
    costs: UnitCosts


class _Part:
    """Some units, and what has been seen of them."""

    def __init__(self, first: int, last: int) -> None:
        self.first = first
        self.last = last
        self.axes: list[int] = []
        """Numbers of the axes that it depends on."""
        self.states: dict[State, int] = {}
        self.rows: list[_Row] = []
        self.known: dict[tuple[int, tuple[Any, ...]], int] = {}
        """Rows by state and layers."""
        self.cells: Ints = np.empty((0,), np.int64)
        """Numbers of rows by state and options; -1 where nothing has been seen."""


class Table(NamedTuple):
    """Rows of neighbouring parts by state and options."""

    axes: tuple[int, ...]
    counts: tuple[int, ...]
    """Options of each axis."""
    sums: Doubles
    """(rows, columns); NaN where nothing has been seen."""
    peaks: Doubles
    leaves: Ints
    """The state that the parts leave."""
    states: int


class BlockTables:
    """Tables for a space on some devices. `NotSeparable` where there can be none."""

    def __init__(
        self, space: Space, devices: Sequence[DeviceProfile], precision: str = "fp32"
    ) -> None:
        if reuses(space.model.spec):
            raise NotSeparable("layers are used once more with the same weights")
        self.space = space
        self.devices = tuple(devices)
        self.precision = precision
        self.networks = 0
        """Whole networks that were looked at to fill the tables."""
        self._seen: list[_Seen] = []
        self._links: set[tuple[int, int]] = set()
        self._inference_s = [0.0] * len(self.devices)
        self._prepare()
        self._fill()
        self._compile()

    # --- what is where

    def _prepare(self) -> None:
        """Units and parts, before anything is known of costs."""
        space = self.space
        middle = {axis.name: axis.options[-1] for axis in space.axes}
        networks = [trace(space.model, middle).network, trace(space.model, {}).network]
        layers = {step.name for network in networks for step in network.steps}
        self._units = find_units(
            space.model.spec, [axis.name for axis in space.axes if "." in axis.name], layers
        )
        self._names = frozenset(axis.name for axis in space.axes)
        self._number = {axis.name: number for number, axis in enumerate(space.axes)}
        self._links |= set(self._units.links)
        self._unit_reads: list[set[int]] = [set() for _ in self._units.paths]
        self._input_axes: list[int] = []
        self._make_parts()

    def _make_parts(self) -> None:
        """Parts as the links and what units depend on make them, with what has been seen."""
        joined = [False] * len(self._units.paths)  # with the unit before
        for first, last in self._links:
            for unit in range(first + 1, last + 1):
                joined[unit] = True
        reads = self._unit_reads
        for unit in range(1, len(joined)):
            if reads[unit] <= reads[unit - 1] and len(reads[unit - 1]) <= 0:
                joined[unit] = True
        self._parts: list[_Part] = []
        for unit, with_last in enumerate(joined):
            if with_last and self._parts:
                self._parts[-1].last = unit
            else:
                self._parts.append(_Part(unit, unit))
        self._initial: dict[tuple[int, ...], int] = {}
        for part in self._parts:
            part.axes = sorted(set().union(*reads[part.first : part.last + 1]))
            combinations = prod(self._counts(part.axes))
            if combinations > MAX_ROWS:
                name = self._units.paths[part.first][0]
                raise NotSeparable(
                    f"`{name}` and what cannot be told apart from it have {combinations:,} "
                    "combinations of options"
                )
            part.cells = np.full((0, *self._counts(part.axes)), -1)
        for seen in self._seen:
            self._enter(seen)

    def _counts(self, axes: Sequence[int]) -> tuple[int, ...]:
        return tuple(len(self.space.axes[axis].options) for axis in axes)

    # --- what is seen

    def _look(self, setting: Mapping[str, int]) -> bool:
        """Look at one network; whether it shows anything new. `setting` is made of indices."""
        space = self.space
        values = {axis.name: axis.options[setting[axis.name]] for axis in space.axes}
        traced = trace(space.model, values)
        unknown = traced.network.choices.keys() - self._names - space.model.knobs.keys()
        if unknown:
            raise _NewChoices({name: traced.network.choices[name] for name in unknown})
        layout = lay_out(traced, self._units, self._names, self.precision)
        self.networks += 1
        links, changed = set(layout.links), False
        for unit, names in enumerate(layout.reads):
            numbers = {self._number[name] for name in names}
            changed |= not numbers <= self._unit_reads[unit]
            self._unit_reads[unit] |= numbers
        inputs = sorted({self._number[name] for name in traced.input_reads & self._names})
        changed |= inputs != self._input_axes
        self._input_axes = inputs
        if links <= self._links and not changed and (costs := self._costs_of(layout)) is not None:
            seen = _Seen(setting, layout, costs)
        else:
            analysis = analyze_network(traced.network, self.devices, precision=self.precision)
            costs, spanned = measure(analysis, layout)
            links |= set(spanned)
            seen = _Seen(setting, layout, costs)
            self._inference_s = [estimate.inference_s for estimate in analysis.devices]
        self._seen.append(seen)
        if changed or not links <= self._links:
            self._links |= links
            self._make_parts()
            return True
        return self._enter(seen)

    def _costs_of(self, layout: Layout) -> UnitCosts | None:
        """What a network costs whose parts have all been seen; None where one is new."""
        width = len(COUNTS) + len(self.devices)
        sums = [(0.0,) * width] * len(self._units.paths)
        peaks = [0.0] * len(self._units.paths)
        for part in self._parts:
            number = self._known(part, layout)
            if number is None:
                return None
            row = part.rows[number]
            sums[part.first], peaks[part.first] = row.sums, row.peak
        return UnitCosts(tuple(sums), tuple(peaks))

    def _known(self, part: _Part, layout: Layout) -> int | None:
        state = part.states.get(layout.states[part.first])
        if state is None:
            return None
        return part.known.get((state, layout.contents[part.first : part.last + 1]))

    def _enter(self, seen: _Seen) -> bool:
        """Fill the rows that a network shows; whether any is new."""
        layout, new = seen.layout, False
        inputs = tuple([seen.setting[self.space.axes[axis].name] for axis in self._input_axes])
        for place, part in enumerate(self._parts):
            units = slice(part.first, part.last + 1)
            state = part.states.setdefault(layout.states[part.first], len(part.states))
            if place == 0:
                self._initial[inputs] = state
            if state == len(part.cells):
                fresh = np.full((1, *part.cells.shape[1:]), -1)
                part.cells = np.concatenate([part.cells, fresh])
            names = frozenset().union(*layout.reads[units])
            cell = (state, *[
                seen.setting[axis.name] if axis.name in names else slice(None)
                for axis in [self.space.axes[number] for number in part.axes]
            ])  # fmt: skip
            key = (state, layout.contents[units])
            number = part.known.get(key)
            if number is None:
                number = part.known[key] = len(part.rows)
                part.rows.append(_row(seen, part))
            if np.any(part.cells[cell] != number):
                new = True
                part.cells[cell] = number
        return new

    # --- networks that fill the tables

    def _fill(self) -> None:
        """Look at networks until each part has been seen with all of its options."""
        while True:
            try:
                self._look({axis.name: len(axis.options) - 1 for axis in self.space.axes})
                generator, vain = np.random.default_rng(0), 0
                while vain < _MOST_VAIN:
                    setting = self._next(generator)
                    if setting is None:
                        return
                    vain = 0 if self._look(setting) else vain + 1
                return
            except _NewChoices as more:
                self.space = with_choices(self.space, more.choices)
                self._seen, self._links = [], set()
                self._prepare()

    def _next(self, generator: np.random.Generator) -> dict[str, int] | None:
        """Options of a network that shows as much new as can be foreseen; None if nothing is."""
        chosen: dict[int, int] = {}
        anything = False
        missing_inputs = self._missing_inputs()
        if missing_inputs is not None:
            chosen, anything = dict(zip(self._input_axes, missing_inputs, strict=True)), True
        for part in self._parts:
            # States that are not met now may be met with other options before.
            place = (slice(None), *[chosen.get(axis, slice(None)) for axis in part.axes])
            free = [axis for axis in part.axes if axis not in chosen]
            missing = np.argwhere(part.cells[place] < 0)
            if len(missing):
                anything = True
                options = missing[-1][1:]  # the last options are the deepest, as a rule
            else:
                options = [
                    int(generator.integers(len(self.space.axes[axis].options))) for axis in free
                ]
            chosen.update(zip(free, map(int, options), strict=True))
        if not anything:
            return None
        return {axis.name: chosen.get(number, 0) for number, axis in enumerate(self.space.axes)}

    def _missing_inputs(self) -> tuple[int, ...] | None:
        """Options of what the inputs depend on with which no network has been seen."""
        for options in np.ndindex(*self._counts(self._input_axes)):
            if options not in self._initial:
                return options
        return None

    # --- tables

    def _compile(self) -> None:
        """Tables of neighbouring parts together, as large as a lookup stays cheap."""
        self.tables: list[Table] = []
        for part, following in zip(self._parts, [*self._parts[1:], None], strict=True):
            table = self._table(part, following)
            if self.tables:
                last = self.tables[-1]
                axes = sorted({*last.axes, *table.axes})
                if last.states * prod(self._counts(axes)) <= MAX_CELLS:
                    self.tables[-1] = self._together(last, table)
                    continue
            self.tables.append(table)
        counts = self._counts(self._input_axes)
        self._entering = np.full(counts, -1)
        for options, state in self._initial.items():
            self._entering[options] = state

    def _table(self, part: _Part, following: _Part | None) -> Table:
        """The rows of one part."""
        width = len(COUNTS) + len(self.devices)
        sums = np.array([*[row.sums for row in part.rows], (np.nan,) * width])
        peaks = np.array([*[row.peak for row in part.rows], np.nan])
        leaves = [following.states.get(row.leaves, -1) if following else 0 for row in part.rows]
        cells = part.cells.reshape(-1)
        # Where what leaves is a state in which the next part has not been seen, nothing is known.
        known = np.array([*leaves, -1])[cells]
        cells = np.where(known < 0, len(part.rows), cells)
        return Table(
            tuple(part.axes), self._counts(part.axes), sums[cells], peaks[cells],
            np.maximum(known, 0), len(part.cells),
        )  # fmt: skip

    def _together(self, first: Table, other: Table) -> Table:
        """One table for two that follow each other."""
        axes = tuple(sorted({*first.axes, *other.axes}))
        counts = self._counts(axes)
        grid = np.indices((first.states, *counts)).reshape(len(axes) + 1, -1)
        option = dict(zip(axes, grid[1:], strict=True))
        first_rows = _cells(grid[0], [option[axis] for axis in first.axes], first, grid.shape[1])
        leaves, options = first.leaves[first_rows], [option[axis] for axis in other.axes]
        other_rows = _cells(leaves, options, other, grid.shape[1])
        return Table(
            axes, counts, first.sums[first_rows] + other.sums[other_rows],
            np.maximum(first.peaks[first_rows], other.peaks[other_rows]),
            other.leaves[other_rows], first.states,
        )  # fmt: skip

    # --- samples

    def costs(self, samples: Samples) -> tuple[Doubles, Doubles]:
        """(sums, peaks) of samples: one row for each column, then one number for each sample.

        NaN where a sample meets a row that has not been seen.
        """
        count = samples.shape[1]
        sums, peaks = np.empty((count, len(COUNTS) + len(self.devices))), np.empty(count)
        for start in range(0, count, _CHUNK):
            chunk = slice(start, start + _CHUNK)
            self._look_up(samples[:, chunk], sums[chunk], peaks[chunk])
        sums[:, len(COUNTS) :] += self._inference_s
        return sums, peaks

    def _look_up(self, samples: Samples, sums: Doubles, peaks: Doubles) -> None:
        """Fill `sums` and `peaks` for some samples."""
        state: Ints | None = None
        if self._entering.size > 1:
            state = self._entering[tuple(samples[self._input_axes].astype(np.intp))]
        more_sums, more_peaks = np.empty_like(sums), np.empty_like(peaks)
        for number, table in enumerate(self.tables):
            cells = _cells(state, [samples[axis] for axis in table.axes], table, len(peaks))
            # `clip` is the fast way to fill an array that is there; no cell is out of bounds.
            if number:
                np.take(table.sums, cells, axis=0, out=more_sums, mode="clip")
                sums += more_sums
                np.take(table.peaks, cells, out=more_peaks, mode="clip")
                np.maximum(peaks, more_peaks, out=peaks)
            else:
                np.take(table.sums, cells, axis=0, out=sums, mode="clip")
                np.take(table.peaks, cells, out=peaks, mode="clip")
            if number + 1 < len(self.tables):
                several = self.tables[number + 1].states > 1
                state = table.leaves[cells] if several else None

    def look_at(self, sample: Samples) -> None:
        """Fill the rows that a sample meets."""
        setting = {
            axis.name: int(index) for axis, index in zip(self.space.axes, sample, strict=True)
        }
        self._look(setting)
        self._compile()


class _NewChoices(Exception):
    """Choices that no network had so far."""

    def __init__(self, choices: Mapping[str, Sequence[Any]]) -> None:
        super().__init__(choices)
        self.choices = choices


def _row(seen: _Seen, part: _Part) -> _Row:
    units = slice(part.first, part.last + 1)
    sums = tuple([sum(column) for column in zip(*seen.costs.sums[units], strict=True)])
    return _Row(sums, max(seen.costs.peaks[units]), seen.layout.states[part.last + 1])


def _cells(
    state: Ints | None, options: Sequence[npt.NDArray[Any]], table: Table, count: int
) -> Ints:
    """Numbers of rows of `table` for `count` states (None: all are in the first) and options."""
    size = table.states * prod(table.counts)
    cells: npt.NDArray[Any] = np.zeros(count, np.uint16 if size <= 1 << 16 else np.int64)
    if state is not None:
        cells += state.astype(cells.dtype)
    for option, options_of_axis in zip(options, table.counts, strict=True):
        cells *= cells.dtype.type(options_of_axis)
        np.add(cells, option, out=cells, casting="unsafe")
    return cells.astype(np.intp)
