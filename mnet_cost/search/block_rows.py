"""What blocks cost by their options, seen in whole networks.

A part is some units of a space (`partition.py`) between two cuts. Whole networks are looked at
until each part has been seen with all of its options; what they cost by parts fills the rows. A
row holds sums, maxima, and the state that the part leaves: what enters the next. A network that
breaks fills the row of the part that it breaks in with the cause, since all before it holds. Where
parts cannot be told apart they are joined, and where that makes them too large, `NotSeparable`
says so. Not here: what samples cost (`block_tables.py`).
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
    Layout,
    NotSeparable,
    State,
    UnitCosts,
    lay_out,
    measure,
    sums_of,
    unit_of,
    unit_reads,
)
from mnet_cost.search.partition import find_units, reuses
from mnet_cost.search.spaces import Samples, Space, with_choices
from mnet_cost.search.tracing import BrokenNetwork, trace

Ints = npt.NDArray[np.int64]

MAX_NETWORKS = 10_000
"""Networks that are looked at before the first sample is: a minute or two."""
MAX_ROWS = 4096
"""Most combinations of options of one part: each has to be seen."""
_MOST_VAIN = 12
"""Networks in a row that may show nothing new before the rest is left to the samples."""
_UNSEEN = "unseen"
_MANY = "tables of blocks would need {} networks, and fewer are asked for or can be looked at"
_MOST_BROKEN = 1000
"""Networks in a row that may break before the rest is left to the samples."""


class Row(NamedTuple):
    """What a part costs with some options, in one state."""

    sums: tuple[float, ...]
    peaks: tuple[float, ...]
    leaves: State
    reached: frozenset[str] = frozenset()
    """Choices that its entries have read."""
    cause: str = ""
    """Why networks break in it; empty where they do not."""
    is_seen: bool = True
    """Whether the part was in a network that holds or that broke in it: else its costs are not
    known, and what it leaves is no more than a name."""


class _Seen(NamedTuple):
    """One network that was looked at."""

    setting: Mapping[str, int]
    """The index of the option of each axis."""
    layout: Layout
    costs: UnitCosts
    choices: frozenset[str]
    """Those that the network has."""


class _Broken(NamedTuple):
    """A network that broke."""

    setting: Mapping[str, int]
    unit: int
    """The first one that failed."""
    reads: tuple[frozenset[str], ...]
    """By unit, the axes that it depended on until then."""
    input_reads: frozenset[str]
    cause: str


class Part:
    """Some units, and what has been seen of them."""

    def __init__(self, first: int, last: int) -> None:
        self.first = first
        self.last = last
        self.axes: list[int] = []
        """Numbers of the axes that it depends on."""
        self.choices: list[str] = []
        """The axes of choices whose entries are in it."""
        self.states: dict[State, int] = {}
        self.rows: list[Row] = []
        self.known: dict[tuple[int, tuple[Any, ...], frozenset[str]], int] = {}
        """Rows by state, layers and the choices that they have read."""
        self.cells: Ints = np.empty((0,), np.int64)
        """Numbers of rows by state and options; -1 where nothing has been seen."""
        self.avoided: set[tuple[int, ...]] = set()
        """Options with which a network broke in this part, in a state that was not known."""


class BlockRows:
    """Rows of the parts of a space on some devices. `NotSeparable` where there can be none."""

    def __init__(
        self,
        space: Space,
        devices: Sequence[DeviceProfile],
        precision: str = "fp32",
        most: int = MAX_NETWORKS,
        with_terms: bool = True,
    ) -> None:
        """`most` is how many networks may be looked at before the first sample is. Seconds of the
        terms of a fit are 0 without `with_terms`."""
        if reuses(space.model.spec):
            raise NotSeparable("layers are used once more with the same weights")
        self.space = space
        self.devices = tuple(devices)
        self.precision = precision
        self.most = min(most, MAX_NETWORKS)
        self.with_terms = with_terms
        self.networks = 0
        """Whole networks that were looked at to fill the tables."""
        self.causes: list[str] = []
        """Why networks break."""
        self._seen: list[_Seen] = []
        self._broken: list[_Broken] = []
        self._links: set[tuple[int, int]] = set()
        self.inference_s = [0.0] * len(self.devices)
        self._prepare()
        self._fill()

    # --- what is where

    def _prepare(self) -> None:
        """Units and parts, before anything is known of costs."""
        space = self.space
        layers = set()
        for setting in ({axis.name: axis.options[-1] for axis in space.axes}, {}):
            try:
                layers |= {step.name for step in trace(space.model, setting).network.steps}
            except BrokenNetwork as broken:
                layers |= set(broken.names)
        self.units = find_units(
            space.model.spec, [axis.name for axis in space.axes if "." in axis.name], layers
        )
        self._names = frozenset(axis.name for axis in space.axes)
        self.number = {axis.name: number for number, axis in enumerate(space.axes)}
        self._links |= set(self.units.links)
        self._unit_reads: list[set[int]] = [set() for _ in self.units.paths]
        self.input_axes: list[int] = []
        self._make_parts()

    def _make_parts(self) -> None:
        """Parts as the links and what units depend on make them, with what has been seen."""
        joined = [False] * len(self.units.paths)  # with the unit before
        for first, last in self._links:
            for unit in range(first + 1, last + 1):
                joined[unit] = True
        reads = self._unit_reads
        for unit in range(1, len(joined)):
            if reads[unit] <= reads[unit - 1] and len(reads[unit - 1]) <= 0:
                joined[unit] = True
        self.parts: list[Part] = []
        for unit, with_last in enumerate(joined):
            if with_last and self.parts:
                self.parts[-1].last = unit
            else:
                self.parts.append(Part(unit, unit))
        self.initial: dict[tuple[int, ...], int] = {}
        for part in self.parts:
            part.axes = sorted(set().union(*reads[part.first : part.last + 1]))
            own = self.units.paths[part.first : part.last + 1]
            paths = {path: 0 for unit in own for path in unit}
            part.choices = [
                name for name in self._names if "." in name and unit_of(name, paths) is not None
            ]
            combinations = prod(self.counts(part.axes))
            if combinations > MAX_ROWS:
                name = self.units.paths[part.first][0]
                raise NotSeparable(
                    f"`{name}` and what cannot be told apart from it have {combinations:,} "
                    "combinations of options"
                )
            part.cells = np.full((0, *self.counts(part.axes)), -1)
        for seen in self._seen:
            self._enter(seen)
        for broken in self._broken:
            self._enter_broken(broken)

    def counts(self, axes: Sequence[int]) -> tuple[int, ...]:
        """How many options axes have."""
        return tuple(len(self.space.axes[axis].options) for axis in axes)

    # --- what is seen

    def _look(self, setting: Mapping[str, int]) -> bool:
        """Look at one network; whether it shows anything new. `setting` is made of indices."""
        space = self.space
        values = {axis.name: axis.options[setting[axis.name]] for axis in space.axes}
        try:
            traced = trace(space.model, values)
        except BrokenNetwork as broken:
            return self._look_at_broken(setting, broken)
        self._refuse_new(traced.network.choices)
        layout = lay_out(traced, self.units, self._names, self.precision)
        self.networks += 1
        links, changed = set(layout.links), self._note_reads(layout.reads, traced.input_reads)
        choices = frozenset(traced.network.choices)
        if (
            links <= self._links
            and not changed
            and (costs := self._costs_of(layout, choices)) is not None
        ):
            seen = _Seen(setting, layout, costs, choices)
        else:
            analysis = analyze_network(traced.network, self.devices, precision=self.precision)
            costs, spanned = measure(analysis, layout, self.with_terms)
            links |= set(spanned)
            seen = _Seen(setting, layout, costs, choices)
            self.inference_s = [estimate.inference_s for estimate in analysis.devices]
        self._seen.append(seen)
        if changed or not links <= self._links:
            self._links |= links
            self._make_parts()
            return True
        return self._enter(seen)

    def _refuse_new(self, choices: Mapping[str, Sequence[Any]]) -> None:
        """Raise `_NewChoices` for choices that the space has not."""
        unknown = choices.keys() - self._names - self.space.model.knobs.keys()
        if unknown:
            raise _NewChoices({name: choices[name] for name in unknown})

    def _note_reads(self, reads: Sequence[frozenset[str]], input_reads: frozenset[str]) -> bool:
        """Take in what units and inputs depend on; whether any of it is new."""
        changed = False
        for unit, names in enumerate(reads):
            numbers = {self.number[name] for name in names}
            changed |= not numbers <= self._unit_reads[unit]
            self._unit_reads[unit] |= numbers
        inputs = sorted({self.number[name] for name in input_reads & self._names})
        changed |= inputs != self.input_axes
        self.input_axes = inputs
        return changed

    def _look_at_broken(self, setting: Mapping[str, int], network: BrokenNetwork) -> bool:
        """Note where a network broke; whether that shows anything new."""
        self.networks += 1
        self._refuse_new(network.choices)
        units = {path: unit for unit, paths in enumerate(self.units.paths) for path in paths}
        unit = unit_of(network.path, units)
        if unit is None:  # the network as a whole: no part is to blame
            return False
        reads = unit_reads(network.reads, network.decisions, self.units, self._names)
        broken = _Broken(setting, unit, reads, network.input_reads, network.cause)
        self._broken.append(broken)
        if self._note_reads(reads, network.input_reads):
            self._make_parts()
            return True
        return self._enter_broken(broken)

    def _enter_broken(self, broken: _Broken) -> bool:
        """Fill the row in which a network breaks; whether it is new.

        What leaves a part before it may not have been seen, since no network with these options
        has held. That gets a name of its own, and the options are avoided until all others are
        known.
        """
        inputs = tuple([broken.setting[self.space.axes[axis].name] for axis in self.input_axes])
        state = self.initial.get(inputs)
        if state is None:
            state = self.initial[inputs] = self._state(self.parts[0], (_UNSEEN, inputs))
        for place, part in enumerate(self.parts):
            cell = (state, *self._wide_options(broken.setting, part, broken.reads))
            exact = (state, *self._options(broken.setting, part))
            number = int(part.cells[exact])
            if part.last >= broken.unit:
                break
            following = self.parts[place + 1]
            if number < 0:
                part.avoided.add(exact[1:])
                number = len(part.rows)
                part.cells[cell] = np.where(part.cells[cell] < 0, number, part.cells[cell])
                part.rows.append(Row((), (), (_UNSEEN, place, number), is_seen=False))
            state = self._state(following, part.rows[number].leaves)
        if number >= 0 and part.rows[number].is_seen:
            return False
        if broken.cause not in self.causes:
            self.causes.append(broken.cause)
        seen = np.array([row.is_seen for row in part.rows] + [False])  # -1 is the last
        part.cells[cell] = np.where(seen[part.cells[cell]], part.cells[cell], len(part.rows))
        part.rows.append(Row((), (), (), cause=broken.cause))
        return True

    @staticmethod
    def _state(part: Part, state: State) -> int:
        """The number of a state that enters a part."""
        number = part.states.setdefault(state, len(part.states))
        if number == len(part.cells):
            fresh = np.full((1, *part.cells.shape[1:]), -1)
            part.cells = np.concatenate([part.cells, fresh])
        return number

    def _options(self, setting: Mapping[str, int], part: Part) -> tuple[int, ...]:
        return tuple([setting[self.space.axes[axis].name] for axis in part.axes])

    def _wide_options(
        self, setting: Mapping[str, int], part: Part, reads: Sequence[frozenset[str]]
    ) -> list[Any]:
        """The option of each axis of a part, and all options of those that a network did not
        read in it."""
        names = frozenset().union(*reads[part.first : part.last + 1])
        axes = [self.space.axes[number].name for number in part.axes]
        return [setting[name] if name in names else slice(None) for name in axes]

    def _costs_of(self, layout: Layout, choices: frozenset[str]) -> UnitCosts | None:
        """What a network costs whose parts have all been seen; None where one is new."""
        sums = [(0.0,) * sums_of(len(self.devices))] * len(self.units.paths)
        peaks = [(0.0,) * (1 + len(self.devices))] * len(self.units.paths)
        for part in self.parts:
            number = self._known(part, layout, choices)
            if number is None:
                return None
            row = part.rows[number]
            sums[part.first], peaks[part.first] = row.sums, row.peaks
        return UnitCosts(tuple(sums), tuple(peaks))

    def _row(self, seen: _Seen, part: Part, reached: frozenset[str]) -> Row:
        units = slice(part.first, part.last + 1)
        sums = tuple([sum(column) for column in zip(*seen.costs.sums[units], strict=True)])
        peaks = tuple([max(column) for column in zip(*seen.costs.peaks[units], strict=True)])
        return Row(sums, peaks, seen.layout.states[part.last + 1], reached)

    def _known(self, part: Part, layout: Layout, choices: frozenset[str]) -> int | None:
        state = part.states.get(layout.states[part.first])
        if state is None:
            return None
        contents = layout.contents[part.first : part.last + 1]
        return part.known.get((state, contents, choices.intersection(part.choices)))

    def _enter(self, seen: _Seen) -> bool:
        """Fill the rows that a network shows; whether any is new."""
        layout, new = seen.layout, False
        inputs = tuple([seen.setting[self.space.axes[axis].name] for axis in self.input_axes])
        for place, part in enumerate(self.parts):
            units = slice(part.first, part.last + 1)
            state = self._state(part, layout.states[part.first])
            if place == 0:
                self.initial[inputs] = state
            cell = (state, *self._wide_options(seen.setting, part, layout.reads))
            reached = seen.choices.intersection(part.choices)
            key = (state, layout.contents[units], reached)
            number = part.known.get(key)
            if number is None:
                number = part.known[key] = len(part.rows)
                part.rows.append(self._row(seen, part, reached))
            if np.any(part.cells[cell] != number):
                new = True
                part.cells[cell] = number
        return new

    # --- networks that fill the tables

    def _fill(self) -> None:
        """Look at networks until each part has been seen with all of its options."""
        while True:
            try:
                self._fill_once()
                return
            except _NewChoices as more:
                self.space = with_choices(self.space, more.choices)
                self._seen, self._broken, self._links = [], [], set()
                self._prepare()

    def _fill_once(self) -> None:
        self._look({axis.name: len(axis.options) - 1 for axis in self.space.axes})
        self._refuse_many()
        generator, vain, broken = np.random.default_rng(0), 0, 0
        while vain < _MOST_VAIN and broken < _MOST_BROKEN:
            setting = self._next(generator)
            if setting is None:
                return
            if self.networks >= self.most:
                raise NotSeparable(_MANY.format(f"more than {self.most:,}"))
            known = len(self._seen)
            is_new = self._look(setting)
            if len(self._seen) == known:
                broken = 0 if is_new else broken + 1
                continue
            vain, broken = 0 if is_new else vain + 1, 0
            for network in self._broken:  # what they break in may have been seen now
                self._enter_broken(network)

    def _refuse_many(self) -> None:
        """`NotSeparable` where each part with all of its options takes too many networks."""
        first = {*self.input_axes, *self.parts[0].axes}  # which enter it together
        needed = max([prod(self.counts(part.axes)) for part in self.parts])
        needed = max(needed, prod(self.counts(sorted(first))))
        if needed > self.most:
            raise NotSeparable(_MANY.format(f"{needed:,} or more"))

    def _next(self, generator: np.random.Generator) -> dict[str, int] | None:
        """Options of a network that shows as much new as can be foreseen; None if nothing is."""
        # Options that broke a network are tried once more, of one part at a time.
        first = int(generator.integers(len(self.parts)))
        for retried in (first, 0):
            chosen, shows_new = self._choose(generator, retried)
            if shows_new:
                return {
                    axis.name: chosen.get(number, 0) for number, axis in enumerate(self.space.axes)
                }
        return None

    def _choose(self, generator: np.random.Generator, retried: int) -> tuple[dict[int, int], bool]:
        """(options by axis, whether they show anything new); of avoided options only those of a
        part from the number `retried` on."""
        chosen: dict[int, int] = {}
        missing_inputs = self._missing_inputs(generator)
        shows_new = missing_inputs is not None
        if missing_inputs is not None:
            chosen = dict(zip(self.input_axes, missing_inputs, strict=True))
        for place, part in enumerate(self.parts):
            # States that are not met now may be met with other options before.
            at = (slice(None), *[chosen.get(axis, slice(None)) for axis in part.axes])
            free = [axis for axis in part.axes if axis not in chosen]
            cells = part.cells[at]
            seen = np.array([row.is_seen for row in part.rows] + [False])  # -1 is the last
            # Of states that have no more than a name samples show what they need.
            met = [state[0] is not _UNSEEN for state in part.states]
            missing = np.argwhere(~seen[cells[met]])[:, 1:]
            fresh = self._not_avoided(part, free, chosen, missing)
            sound = np.array([row.is_seen and not row.cause for row in part.rows] + [False])
            holds = np.argwhere(sound[cells])[:, 1:]
            if len(fresh):
                shows_new = True
                options = fresh[-1]  # the last options are the deepest, as a rule
            elif len(missing) and not shows_new and place >= retried:
                shows_new = True
                options = missing[int(generator.integers(len(missing)))]
            elif len(holds):
                options = holds[int(generator.integers(len(holds)))]
            else:
                options = [int(generator.integers(count)) for count in self.counts(free)]
            chosen.update(zip(free, map(int, options), strict=True))
        return chosen, shows_new

    @staticmethod
    def _not_avoided(
        part: Part, free: Sequence[int], chosen: Mapping[int, int], missing: Any
    ) -> Any:
        """The rows of `missing`, options of the `free` axes, with which nothing has broken."""
        if not part.avoided:
            return missing
        fresh = []
        for options in missing:
            option = {**chosen, **dict(zip(free, map(int, options), strict=True))}
            if tuple([option[axis] for axis in part.axes]) not in part.avoided:
                fresh.append(options)
        return fresh

    def _missing_inputs(self, generator: np.random.Generator) -> tuple[int, ...] | None:
        """Options of what the inputs depend on with which no network has been seen."""
        seen = {number for state, number in self.parts[0].states.items() if state[0] is not _UNSEEN}
        missing = [
            options
            for options in np.ndindex(*self.counts(self.input_axes))
            if self.initial.get(options) not in seen
        ]
        # With the first of them all may break: so it is another one each time.
        return missing[int(generator.integers(len(missing)))] if missing else None

    def look_at(self, samples: Samples) -> bool:
        """Fill the rows that samples meet; whether any is new."""
        new = False
        for sample in samples.T:
            indices = zip(self.space.axes, sample, strict=True)
            new |= self._look({axis.name: int(index) for axis, index in indices})
        return new


class _NewChoices(Exception):
    """Choices that no network had so far."""

    def __init__(self, choices: Mapping[str, Sequence[Any]]) -> None:
        super().__init__(choices)
        self.choices = choices
