"""Tables of what blocks cost by their options: what a network costs is a sum of rows.

Rows of neighbouring parts (`block_rows.py`) make tables as large as a lookup stays cheap. A sample
that meets a row that no network has filled is NaN until it is looked at itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mnet_cost.devices import DeviceProfile
from mnet_cost.search.block_rows import MAX_NETWORKS, BlockRows, Part
from mnet_cost.search.observations import inference_of, sums_of
from mnet_cost.search.spaces import Samples, Space

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MAX_CELLS = 20_000
"""Most rows of a table that several parts share: one lookup for all of them."""
_CHUNK = 1 << 13
"""Samples looked up together, with arrays that stay in a cache."""


class Table(NamedTuple):
    """Rows of neighbouring parts by state and options."""

    axes: tuple[int, ...]
    counts: tuple[int, ...]
    """Options of each axis."""
    sums: Doubles
    """(rows, columns); NaN where nothing has been seen."""
    peaks: Doubles
    """(rows, columns)."""
    leaves: Ints
    """The state that the parts leave."""
    states: int
    """The last of them are those of networks that have broken before, by cause, and of those that
    have met what has not been seen; there are none where no network breaks."""
    patterns: Ints
    """By row, which of the rows of `has` says what networks have."""
    has: Flags
    """(patterns, axes of the space): whether a network has that choice, or whether another table
    says so."""


class Found(NamedTuple):
    """What tables know of some samples."""

    sums: Doubles
    """(samples, columns); NaN where a sample meets a row that has not been seen, which no network
    that breaks is looked at for."""
    peaks: Doubles
    causes: Ints
    """The number of the cause for which a network breaks (`BlockTables.causes`), -1 for none."""


class BlockTables:
    """Tables for a space on some devices. `NotSeparable` where there can be none."""

    def __init__(
        self,
        space: Space,
        devices: Sequence[DeviceProfile],
        precision: str = "fp32",
        *,
        sums: Sequence[int] | None = None,
        peaks: Sequence[int] | None = None,
        most: int = MAX_NETWORKS,
    ) -> None:
        """`sums` and `peaks` are the columns of `UnitCosts` that are wanted, all where None; `most`
        networks may be looked at."""
        self.sum_columns = list(range(sums_of(len(devices))) if sums is None else sums)
        terms = {first + 2 for first in map(sums_of, range(len(devices)))}
        with_terms = not terms.isdisjoint(self.sum_columns)
        self.rows = BlockRows(space, devices, precision, most, with_terms=with_terms)
        self.peak_columns = list(range(1 + len(devices)) if peaks is None else peaks)
        self._compile()

    @property
    def space(self) -> Space:
        """With all choices that were met."""
        return self.rows.space

    @property
    def networks(self) -> int:
        """Whole networks that were looked at to fill the tables."""
        return self.rows.networks

    @property
    def causes(self) -> list[str]:
        """Why networks break."""
        return self.rows.causes

    def look_at(self, samples: Samples) -> bool:
        """Fill the rows that samples meet; whether any is new."""
        new = self.rows.look_at(samples)
        self._compile()
        return new

    # --- tables

    def _compile(self) -> None:
        """Tables of neighbouring parts together, as large as a lookup stays cheap."""
        self.tables: list[Table] = []
        for part, following in zip(self.rows.parts, [*self.rows.parts[1:], None], strict=True):
            table = self._table(part, following)
            if self.tables:
                last = self.tables[-1]
                axes = sorted({*last.axes, *table.axes})
                if last.states * prod(self.rows.counts(axes)) <= MAX_CELLS:
                    self.tables[-1] = self._together(last, table)
                    continue
            self.tables.append(table)
        counts = self.rows.counts(self.rows.input_axes)
        self._entering = np.full(counts, -1)
        for options, state in self.rows.initial.items():
            self._entering[options] = state

    def steps(self) -> Iterator[Table]:
        """A table of each part alone, in their order; the last leaves state 0 where it holds."""
        for part, following in zip(self.rows.parts, [*self.rows.parts[1:], None], strict=True):
            yield self._table(part, following)

    def _table(self, part: Part, following: Part | None) -> Table:
        """The rows of one part. A network that breaks costs nothing from there on, and goes from
        part to part in a state that is the cause; where networks break, one that meets what has
        not been seen does so in a last state, so that it meets no cause later on."""
        unseen = len(part.rows)
        sums = np.full((unseen + 2, len(self.sum_columns)), np.nan)
        peaks = np.full((unseen + 2, len(self.peak_columns)), np.nan)
        next_states = len(following.states) if following else 1
        leaves = np.full(unseen + 2, -1)
        for number, row in enumerate(part.rows):
            if row.cause:
                sums[number], peaks[number] = 0.0, 0.0
                leaves[number] = next_states + self.causes.index(row.cause)
                continue
            leaves[number] = following.states.get(row.leaves, -1) if following else 0
            if not row.is_seen:
                continue
            sums[number] = [row.sums[column] for column in self.sum_columns]
            peaks[number] = [row.peaks[column] for column in self.peak_columns]
        passing = unseen + 1  # the row of what has broken before
        sums[passing], peaks[passing], leaves[passing] = 0.0, 0.0, 0
        cells = part.cells.reshape(-1)
        cells = np.where(cells < 0, unseen, cells)
        # Where what leaves is a state in which the next part has not been seen, nothing is known.
        cells = np.where(leaves[cells] < 0, unseen, cells)
        ends = len(self.causes) + 1 if self.causes else 0
        lost = next_states + ends - 1 if ends else 0
        known = np.where(cells == unseen, lost, leaves[cells])
        options = prod(self.rows.counts(part.axes))
        cells = np.concatenate([cells, np.full(options * ends, passing)])
        broken = next_states + np.repeat(np.arange(ends), options)
        patterns, has = self._patterns(part)
        return Table(
            tuple(part.axes), self.rows.counts(part.axes), sums[cells], peaks[cells],
            np.concatenate([known, broken]), len(part.cells) + ends, patterns[cells], has,
        )  # fmt: skip

    def _patterns(self, part: Part) -> tuple[Ints, Flags]:
        """`Table.patterns` by the rows of a part, and `Table.has`. Of a network that breaks or has
        not been seen nothing is said to be left out."""
        place = {axis.name: number for number, axis in enumerate(self.space.axes)}
        own = [place[name] for name in part.choices]
        has = np.ones((len(part.rows) + 2, len(place)), bool)
        for number, row in enumerate(part.rows):
            if row.is_seen and not row.cause:
                has[number, own] = [name in row.reached for name in part.choices]
        patterns, numbers = np.unique(has, axis=0, return_inverse=True)
        return numbers.reshape(-1), patterns

    def _together(self, first: Table, other: Table) -> Table:
        """One table for two that follow each other."""
        axes = tuple(sorted({*first.axes, *other.axes}))
        counts = self.rows.counts(axes)
        grid = np.indices((first.states, *counts)).reshape(len(axes) + 1, -1)
        option = dict(zip(axes, grid[1:], strict=True))
        first_rows = _cells(grid[0], [option[axis] for axis in first.axes], first, grid.shape[1])
        leaves, options = first.leaves[first_rows], [option[axis] for axis in other.axes]
        other_rows = _cells(leaves, options, other, grid.shape[1])
        both = first.patterns[first_rows] * len(other.has) + other.patterns[other_rows]
        met, patterns = np.unique(both, return_inverse=True)
        return Table(
            axes, counts, first.sums[first_rows] + other.sums[other_rows],
            np.maximum(first.peaks[first_rows], other.peaks[other_rows]),
            other.leaves[other_rows], first.states,
            patterns, first.has[met // len(other.has)] & other.has[met % len(other.has)],
        )  # fmt: skip

    # --- samples

    def costs(self, samples: Samples) -> Found:
        """What is known of samples, in the columns that are wanted."""
        count = samples.shape[1]
        found = Found(
            np.empty((count, len(self.sum_columns))),
            np.empty((count, len(self.peak_columns))),
            np.full(count, -1),
        )
        for start in range(0, count, _CHUNK):
            chunk = slice(start, start + _CHUNK)
            into = Found(found.sums[chunk], found.peaks[chunk], found.causes[chunk])
            self._look_up(samples[:, chunk], into)
        for number, inference_s in enumerate(self.rows.inference_s):
            for column in (sums_of(number), inference_of(number)):
                if column in self.sum_columns:
                    found.sums[:, self.sum_columns.index(column)] += inference_s
        return found

    def _look_up(self, samples: Samples, found: Found) -> None:
        """Fill `found` for some samples."""
        sums, peaks, causes = found
        state: Ints | None = None
        entering = self._entering
        if entering.size > 1 or entering.item() != 0:
            state = self._states(samples)
        more_sums, more_peaks = np.empty_like(sums), np.empty_like(peaks)
        for number, table in enumerate(self.tables):
            cells = _cells(state, [samples[axis] for axis in table.axes], table, len(peaks))
            # `clip` is the fast way to fill an array that is there; no cell is out of bounds.
            if number:
                np.take(table.sums, cells, axis=0, out=more_sums, mode="clip")
                sums += more_sums
                np.take(table.peaks, cells, axis=0, out=more_peaks, mode="clip")
                np.maximum(peaks, more_peaks, out=peaks)
            else:
                np.take(table.sums, cells, axis=0, out=sums, mode="clip")
                np.take(table.peaks, cells, axis=0, out=peaks, mode="clip")
            if number + 1 < len(self.tables):
                several = self.tables[number + 1].states > 1
                state = table.leaves[cells] if several else None
            elif self.causes:
                causes[:] = table.leaves[cells] - 1
                causes[causes == len(self.causes)] = -1
        if entering.min() < 0:
            unseen = self._states(samples) < 0
            sums[unseen], causes[unseen] = np.nan, -1

    def _states(self, samples: Samples) -> Ints:
        """The state that enters each network; -1 where none has been seen with these inputs."""
        inputs = tuple(samples[self.rows.input_axes].astype(np.intp))
        return np.broadcast_to(self._entering[inputs], samples.shape[1])

    def reached(self, samples: Samples) -> Flags:
        """(axes, samples): whether the network of a sample has that choice; knobs are in all, and
        of a network that breaks nothing is said to be left out."""
        result = np.ones(samples.shape, bool)
        state: Ints | None = self._states(samples)
        for table in self.tables:
            options = [samples[axis] for axis in table.axes]
            cells = _cells(state, options, table, samples.shape[1])
            state = table.leaves[cells]
            patterns = table.patterns[cells]
            for axis in np.flatnonzero(~table.has.all(axis=0)):
                np.take(table.has[:, axis], patterns, out=result[axis], mode="clip")
        return result


def _cells(
    state: Ints | None, options: Sequence[npt.NDArray[Any]], table: Table, count: int
) -> Ints:
    """Numbers of rows of `table` for `count` states (None: all are in the first) and options."""
    size = table.states * prod(table.counts)
    cells: npt.NDArray[Any] = np.zeros(count, np.uint16 if size <= 1 << 16 else np.int64)
    if state is not None:
        cells += np.maximum(state, 0).astype(cells.dtype)
    for option, options_of_axis in zip(options, table.counts, strict=True):
        cells *= cells.dtype.type(options_of_axis)
        np.add(cells, option, out=cells, casting="unsafe")
    return cells.astype(np.intp)
