"""Parts of a network that can be ordered independently, and the memory of their units.

`schedule.py` searches them for the best order. The network is cut at each unit that every order
runs after all units before it and before all units after it. Within a segment, the set of units
that have run is the bits of a number, and the buffers that are alive follow from that set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mnet_cost.analysis.sharing import Buffers, may_write_over

_NEVER = 1 << 62  # a place after all others


class Lives(NamedTuple):
    """For each buffer, the units that write and read it, in the order of the spec."""

    writers: dict[int, list[int]]
    """-1 is the caller."""
    readers: dict[int, list[int]]
    """The number of units is the caller."""
    first: dict[int, int]
    """The tensor of it that is there first."""
    touched: list[list[int]]
    """For each unit, the buffers that it writes or reads, each once."""


def find_lives(buffers: Buffers) -> Lives:
    """Who writes and reads each buffer that is ever in memory."""
    network, buffer_of = buffers.network, buffers.buffer_of
    absent = buffers.fused_away | buffers.weights
    real = {buffer_of[tensor] for tensor in range(len(buffer_of)) if tensor not in absent}
    lives = Lives({}, {}, {}, [])
    for index, buffer in enumerate(buffer_of):
        lives.first.setdefault(buffer, index)
        lives.writers.setdefault(buffer, [])
        lives.readers.setdefault(buffer, [])
    for index in network.inputs:
        lives.writers[buffer_of[index]].append(-1)
    for number, unit in enumerate(buffers.units):
        written, read = (
            dict.fromkeys(
                buffer_of[tensor]
                for index in unit
                for tensor in getattr(network.steps[index], what)
            )
            for what in ("outputs", "inputs")
        )
        for buffer in written:
            lives.writers[buffer].append(number)
        for buffer in read:
            lives.readers[buffer].append(number)
        lives.touched.append([buffer for buffer in written | read if buffer in real])
    for index in network.outputs:
        lives.readers[buffer_of[index]].append(len(buffers.units))
    return lives


def cut(buffers: Buffers, scratch: Mapping[int, int]) -> list[range]:
    """Units in pieces of the order of the spec that no order can mix; linear.

    A unit is a piece of its own if all before it lead to it, and it leads to all after it. What
    only names weights takes no memory and may stand anywhere before its readers, so it does not
    count; unless an input of the network is there for the first unit alone, whichever that is.
    """
    network, units = buffers.network, buffers.units
    idle = _idle_units(buffers, scratch)
    unit_of = {index: number for number, unit in enumerate(units) for index in unit}
    next_reader = [len(units)] * len(units)
    last_source = [-1] * len(units)
    for number, unit in enumerate(units):
        for index in unit:
            for tensor in network.steps[index].inputs:
                producer = network.tensors[tensor].producer
                source = number if producer is None else unit_of[producer]
                if source != number and source not in idle:
                    next_reader[source] = min(next_reader[source], number)
                    last_source[number] = max(last_source[number], source)
    reached = [True] * len(units)  # whether all before a unit lead to it
    furthest = 0
    for number in range(len(units)):
        reached[number] = furthest <= number
        if number not in idle:
            furthest = max(furthest, next_reader[number])
    nearest = len(units)
    pieces: list[range] = []
    alone = [False] * len(units)
    for number in reversed(range(len(units))):
        alone[number] = reached[number] and nearest >= number
        if number not in idle:
            nearest = min(nearest, last_source[number])
    start = 0
    for number in range(len(units)):
        if alone[number]:
            if start < number:
                pieces.append(range(start, number))
            pieces.append(range(number, number + 1))
            start = number + 1
    if start < len(units):
        pieces.append(range(start, len(units)))
    return pieces


def _idle_units(buffers: Buffers, scratch: Mapping[int, int]) -> frozenset[int]:
    """Units that do nothing but name weights, if all inputs of the network are needed."""
    network, weights = buffers.network, buffers.weights
    if not weights:
        return frozenset()
    needed = {buffers.buffer_of[tensor] for step in network.steps for tensor in step.inputs}
    needed.update(buffers.buffer_of[tensor] for tensor in network.outputs)
    if not needed.issuperset(network.inputs):
        return frozenset()
    return frozenset(
        number
        for number, unit in enumerate(buffers.units)
        if all(weights.issuperset(network.steps[index].outputs) for index in unit)
        and scratch.keys().isdisjoint(unit)
    )


class Segment:
    """Units that run after all before them and before all after them, numbered from 0."""

    def __init__(
        self, buffers: Buffers, lives: Lives, units: range, scratch: Mapping[int, int]
    ) -> None:
        self.units = units
        """Their numbers in `buffers.units`."""
        self.all_done = (1 << len(units)) - 1
        self._buffers = buffers
        self._lives = lives
        self._scratch = [sum(scratch.get(i, 0) for i in buffers.units[unit]) for unit in units]
        self._waits, self._followers = self._order()
        self.first_ready = sum(1 << unit for unit, mask in enumerate(self._waits) if not mask)
        self._saved: dict[tuple[int, int], int] = {}
        self._takes = [self._may_take(unit) for unit in units]
        self._overwrites_itself = self._with_dead_ends() if buffers.in_place else frozenset()
        self.bytes_before, self._at_start, touched = self._buffers_here()
        self._touches = [
            [
                (*touched[buffer], 1 << take.index(buffer) if buffer in take else 0)
                for buffer in lives.touched[unit]
            ]
            for unit, take in zip(units, self._takes, strict=True)
        ]
        self.floor = self._floor(touched)
        """A peak that no order of the units is below."""

    def _order(self) -> tuple[list[int], list[list[int]]]:
        network, start = self._buffers.network, self.units.start
        unit_of = {i: unit - start for unit in self.units for i in self._buffers.units[unit]}
        waits = [0] * len(self.units)
        followers: list[list[int]] = [[] for _ in self.units]
        for index, unit in unit_of.items():
            for tensor in network.steps[index].inputs:
                producer = network.tensors[tensor].producer
                source = None if producer is None else unit_of.get(producer)
                if source is not None and source != unit and not waits[unit] >> source & 1:
                    waits[unit] |= 1 << source
                    followers[source].append(unit)
        return waits, followers

    def _buffers_here(self) -> tuple[int, int, dict[int, tuple[int, int, int]]]:
        """Bytes alive before the segment, those that only its start needs, and by buffer (bytes,
        writers, readers); -1 is for writers before and readers after the segment."""
        start, stop = self.units.start, self.units.stop
        sizes, writers, readers = self._buffers.sizes, self._lives.writers, self._lives.readers
        before = at_start = 0
        for buffer, written in writers.items():
            if written and written[0] < start and buffer not in self._buffers.weights:
                if readers[buffer] and readers[buffer][-1] >= start:
                    before += sizes[buffer]
                elif not readers[buffer] and start == 0:
                    at_start += sizes[buffer]
        touched = {}
        for buffer in {buffer for unit in self.units for buffer in self._lives.touched[unit]}:
            there = writers[buffer][0] < start
            stays = bool(readers[buffer]) and readers[buffer][-1] >= stop
            writes = reads = -1
            if not there:
                writes = sum(1 << unit - start for unit in writers[buffer] if unit < stop)
            if not stays:
                reads = sum(1 << unit - start for unit in readers[buffer] if unit >= start)
            touched[buffer] = (sizes[buffer], writes, reads)
        return before, at_start, touched

    def run(self, done: int, alive: int, unit: int) -> tuple[int, int]:
        """Bytes alive while a unit runs after those in `done`, and afterwards."""
        now = done | 1 << unit
        needed = alive + self._scratch[unit]
        left, dying = alive, 0
        for bytes_, writers, readers, take in self._touches[unit]:
            dies = readers >= 0 and not readers & ~now
            if writers < 0 or writers & done:
                if dies:
                    left -= bytes_
                    dying |= take
            else:
                needed += bytes_
                if not dies:
                    left += bytes_
        if dying or unit in self._overwrites_itself:
            needed -= self._saved_by(unit, dying)
        if not done:
            needed += self._at_start
        return needed, left

    def ready_after(self, done: int, ready: int, unit: int) -> int:
        """The units that can run next, once `unit` has run."""
        done |= 1 << unit
        ready ^= 1 << unit
        for other in self._followers[unit]:
            if not self._waits[other] & ~done:
                ready |= 1 << other
        return ready

    def peak_of(self, order: Sequence[int]) -> int:
        """The most bytes alive in an order of the units."""
        done = peak = 0
        alive = self.bytes_before
        for unit in order:
            needed, alive = self.run(done, alive, unit)
            peak = max(peak, needed)
            done |= 1 << unit
        return peak

    def _may_take(self, number: int) -> list[int]:
        """Buffers from outside that the layers of a unit may write over, once nobody waits."""
        buffers, network = self._buffers, self._buffers.network
        candidates = []
        if buffers.in_place:
            for index in buffers.units[number]:
                step = network.steps[index]
                if step.layer.effect != "elementwise":
                    continue
                for tensor in step.inputs:
                    buffer = buffers.buffer_of[tensor]
                    if (
                        self._lives.writers[buffer][0] < number
                        and buffer not in buffers.fixed
                        and buffer not in candidates
                    ):
                        candidates.append(buffer)
        return candidates

    def _with_dead_ends(self) -> frozenset[int]:
        """Units that write to a buffer in memory, though no later unit reads it."""
        lives, start = self._lives, self.units.start
        return frozenset(
            unit - start
            for unit in self.units
            if len(self._buffers.units[unit]) > 1
            and any(
                lives.writers[buffer][0] == unit and lives.readers[buffer][-1:] <= [unit]
                for buffer in lives.touched[unit]
            )
        )

    def _saved_by(self, unit: int, dying: int) -> int:
        """Bytes that need no room, since they are written over buffers nobody waits for."""
        saved = self._saved.get((unit, dying))
        if saved is None:
            takes = [buffer for i, buffer in enumerate(self._takes[unit]) if dying >> i & 1]
            saved = self._saved[unit, dying] = self._written_over(self.units[unit], takes)
        return saved

    def _written_over(self, number: int, free: list[int]) -> int:
        """Bytes of a unit that lie where other bytes lay, `free` among them."""
        buffers, lives = self._buffers, self._lives
        buffer_of, sizes, steps = buffers.buffer_of, buffers.sizes, buffers.network.steps
        unit, counted = buffers.units[number], lives.touched[number]
        run = _UnitRun(buffer_of, free)
        last: dict[int, int] = {}
        for place, index in enumerate(unit):
            for tensor in steps[index].inputs:
                last[tensor] = place
                if buffer_of[tensor] in run.until:
                    run.until[buffer_of[tensor]] = place
        for place, index in enumerate(unit):
            run.place = place
            step = steps[index]
            for output in step.outputs:
                buffer = buffer_of[output]
                if lives.first[buffer] == output:
                    other = may_write_over(buffers, step, number, run)
                    if other is None:
                        run.made.append(buffer)
                    else:
                        run.lies[buffer] = other
                root = run.buffer_of(output)
                if root in run.until or root in run.made:
                    # Who reads what is free has run already, wherever the spec has it.
                    outside = buffer not in free and lives.readers[buffer][-1:] > [number]
                    end = _NEVER if outside else last.get(output, place)
                    run.until[root] = max(run.until.get(root, -1), end)
        there = {root for root in run.lies.values() if root not in run.made or root in counted}
        saved = 0
        for buffer, root in run.lies.items():
            if buffer in counted:
                saved += sizes[buffer] if root in there else 0
                there.add(root)
        return saved

    def _floor(self, touched: Mapping[int, tuple[int, int, int]]) -> int:
        """What has been written for a unit and what is needed after it are there while it runs."""
        before, after = list(self._waits), [0] * len(self.units)
        for unit in range(len(self.units)):
            for other in self._followers[unit]:
                before[other] |= before[unit]
        for unit in reversed(range(len(self.units))):
            for other in self._followers[unit]:
                after[unit] |= after[other] | 1 << other
        through = self.bytes_before - sum(b for b, writers, _ in touched.values() if writers < 0)
        floor = 0
        for unit in range(len(self.units)):
            own = 1 << unit
            earlier, later = before[unit] | own, after[unit] | own
            needed = through + self._scratch[unit]
            for bytes_, writers, readers in touched.values():
                if writers & earlier and readers & later:
                    needed += bytes_
            dying = 0
            for bytes_, _, readers, take in self._touches[unit]:
                if not readers & later:
                    needed += bytes_  # nobody reads it
                if readers >= 0 and not readers & after[unit]:
                    dying |= take
            if needed > floor:
                floor = max(floor, needed - self._saved_by(unit, dying))
        return floor


class _UnitRun:
    """Steps of a unit that run when nobody else waits for the buffers `free`: an `Occupancy`."""

    def __init__(self, buffer_of: list[int], free: list[int]) -> None:
        self._own_buffer_of = buffer_of
        self.place = 0
        """The place of the step that runs, within the unit."""
        self.until = dict.fromkeys(free, -1)
        """The last place in the unit that needs a buffer."""
        self.lies: dict[int, int] = {}
        """For each buffer that is written over another one: that other buffer."""
        self.made: list[int] = []
        """Buffers of the unit's own, in memory or not."""

    def buffer_of(self, tensor: int) -> int:
        buffer = self._own_buffer_of[tensor]
        return self.lies.get(buffer, buffer)

    def is_free(self, buffer: int) -> bool:
        return self.until.get(buffer, _NEVER) <= self.place

    def is_new(self, buffer: int) -> bool:
        return buffer in self.made
