"""An order of the layers that needs less memory, and whether any order needs less still.

The buffers that are alive depend on the set of units that have run, not on their order. So an order
is a path through sets of units, and the search wants the path with the least peak. Where every
order has to pass through one unit, the units before and after it are searched separately. A unit
that leaves no more memory than before and stays below the peak so far runs at once, and so does a
chain of units that ends in such a state: waiting cannot give a better order. The search takes the
set with the least peak first, so the first whole order has the least peak. It gives up after a
number of sets; then a beam search over the best sets finds an order without a proof.

Sources: dynamic programming over what has run, Liberis and Lane, arXiv:1910.05110 (a library of
theirs reorders TensorFlow Lite files); division at single nodes and a budget that bounds the
search, Ahn et al., SERENITY, arXiv:2003.02369. The code is our own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

from mnet_cost.analysis.buffers import find_buffers
from mnet_cost.analysis.memory import trace_memory
from mnet_cost.analysis.schedule_cuts import Segment, cut, find_lives
from mnet_cost.analysis.sharing import MemoryRules
from mnet_cost.network import Network
from mnet_cost.tensors import DType

STATES = 20_000
"""Sets of units that the search looks at before it gives up a proof."""

_MOVES = 200_000  # units tried, over all sets, for each of the three tries at a segment
_PAIRS = 4_000_000  # of units in the segments that are looked at: what is between them takes time
_SEARCHES = 8  # segments that are searched, those first that need most
_NARROW, _WIDE = 4, 48  # sets of one size that a beam keeps
_USUAL = MemoryRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """An order of steps and the most bytes of activations alive in it."""

    order: tuple[str, ...] = field(repr=False)
    peak_bytes: int
    spec_peak_bytes: int
    """The peak of the order that the network came with."""
    optimal: bool
    """Whether no order has a lower peak; False where that is not proven."""
    how: str
    """How the order was found."""


def best_schedule(
    network: Network,
    precision: DType,
    rules: MemoryRules = _USUAL,
    *,
    states: int = STATES,
) -> Schedule:
    """The order with the least peak of `trace_memory`, whose parameters these are.

    It is the order of `network` where no better one is found. Deterministic, and bounded by the
    number of `states`: for graphs too wide for it the result is not proven to be the least.
    """
    trace = trace_memory(network, precision, rules)
    buffers = find_buffers(network, precision, rules)
    live = [trace.live_bytes[unit[0]] for unit in buffers.units]
    beside = rules.beside
    pieces = cut(buffers, beside)
    floor = max([live[piece[0]] for piece in pieces if len(piece) == 1], default=0)
    lives = None
    segments = []
    left_out = False
    pairs = _PAIRS
    for piece in pieces:
        if len(piece) > 1 and max(live[number] for number in piece) > floor:
            pairs -= len(piece) ** 2
            if pairs < 0:
                left_out = True
                break
            lives = lives or find_lives(buffers)
            segments.append(Segment(buffers, lives, piece, beside))
    floor = max([floor, *(segment.floor for segment in segments)])
    ways = ["no search: too many layers side by side"] if left_out else []
    order = list(range(len(live)))
    peaks = {piece.start: max(live[number] for number in piece) for piece in pieces}
    for segment in sorted(segments, key=lambda segment: -segment.floor):
        units = segment.units
        if peaks[units.start] > floor and len(ways) < _SEARCHES:
            result = _search(segment, floor, peaks[units.start], states)
            floor = max(floor, result.floor)
            ways.append(result.how)
            if result.order is not None:
                peaks[units.start] = segment.peak_of(result.order)
                order[units.start : units.stop] = [units.start + unit for unit in result.order]
    peak = max(peaks.values())
    how = " and ".join(sorted(set(ways))) or "no layer runs with less"
    names = network.schedule
    if peak < trace.peak_bytes:
        names = tuple(
            network.steps[index].name for number in order for index in buffers.units[number]
        )
    return Schedule(
        order=names,
        peak_bytes=peak,
        spec_peak_bytes=trace.peak_bytes,
        optimal=peak <= floor,
        how=how,
    )


class _Found(NamedTuple):
    order: tuple[int, ...] | None
    """None where no order is better than the spec's."""
    floor: int
    """No order of the segment has a lower peak than this."""
    how: str


def _search(segment: Segment, floor: int, best: int, states: int) -> _Found:
    """An order of a segment with a peak below `best`. One below `floor` gains nothing."""
    order = _beam(segment, floor, best, _NARROW)
    if order is not None:
        best = segment.peak_of(order)
        if best <= floor:
            return _Found(order, floor, "greedy search")
    exact, proven = _least_first(segment, floor, best, states)
    if exact is not None or proven >= best:
        return _Found(exact or order, proven, "exact search")
    wide = _beam(segment, floor, best, _WIDE)
    return _Found(wide or order, proven, "beam search")


class _State(NamedTuple):
    """A set of units that have run, as bits, and how it was reached with the peak that it has."""

    done: int
    ready: int
    bytes: int
    """Alive after they have run."""
    peak: int
    before: _State | None
    units: tuple[int, ...]
    """The units that have run since `before`."""

    def path(self) -> tuple[int, ...]:
        runs: list[tuple[int, ...]] = []
        state: _State | None = self
        while state is not None:
            runs.append(state.units)
            state = state.before
        return tuple(unit for units in reversed(runs) for unit in units)


class _Spent(Exception):
    """All moves of a search are spent."""


class _Moves:
    """Moves through a segment, counted."""

    def __init__(self, segment: Segment, limit: int) -> None:
        self.segment = segment
        self.left = limit

    def start(self, floor: int) -> _State:
        segment = self.segment
        return _State(0, segment.first_ready, segment.bytes_before, floor, None, ())

    def after(self, state: _State, below: int) -> list[_State]:
        """The states that can follow a state, with a peak less than `below`."""
        followers = []
        for unit in _bits(state.ready):
            needed, left = self._run(state.done, state.bytes, unit)
            if needed < below:
                ready = self.segment.ready_after(state.done, state.ready, unit)
                done = state.done | 1 << unit
                followers.append(_State(done, ready, left, max(state.peak, needed), state, (unit,)))
        return followers

    def _run(self, done: int, alive: int, unit: int) -> tuple[int, int]:
        self.left -= 1
        if self.left < 0:
            raise _Spent
        return self.segment.run(done, alive, unit)

    def settled(self, state: _State) -> _State:
        """The state after what costs nothing: fits below its peak, and leaves no more memory."""
        segment, peak = self.segment, state.peak
        done, ready, alive, ran = state.done, state.ready, state.bytes, list(state.units)
        again = True
        while again:
            again = False
            for unit in _bits(ready):
                chain, now, open_, bytes_ = [], done, ready, alive
                here: int | None = unit
                while here is not None:
                    needed, bytes_ = self._run(now, bytes_, here)
                    if needed > peak:
                        break
                    chain.append(here)
                    before_it = open_
                    open_ = segment.ready_after(now, open_, here)
                    now |= 1 << here
                    if bytes_ <= alive:
                        ready, done, alive = open_, now, bytes_
                        ran += chain
                        again = True
                        break
                    new = open_ & ~before_it
                    here = new.bit_length() - 1 if new and not new & (new - 1) else None
        return _State(done, ready, alive, peak, state.before, tuple(ran))


def _least_first(
    segment: Segment, floor: int, best: int, states: int
) -> tuple[tuple[int, ...] | None, int]:
    """The least order below `best` if there is one, and a peak that none is below."""
    moves = _Moves(segment, _MOVES)
    reached: dict[int, int] = {}
    heap: list[tuple[int, int, int, int, _State]] = []
    proven = floor
    try:
        heap.append((floor, 0, 0, 0, moves.start(floor)))
        while heap:
            peak, _, _, _, state = heappop(heap)
            proven = max(proven, peak)
            if reached.get(state.done, peak) < peak:
                continue
            raw, state = state.done, moves.settled(state)
            if state.done == segment.all_done:
                return state.path(), proven
            if state.done != raw:
                if reached.get(state.done, best) <= peak:
                    continue
                reached[state.done] = peak
            for follower in moves.after(state, best):
                if reached.get(follower.done, best) <= follower.peak:
                    continue
                reached[follower.done] = follower.peak
                if len(reached) > states:
                    return None, proven
                left = (segment.all_done ^ follower.done).bit_count()
                heappush(heap, (follower.peak, left, follower.bytes, len(reached), follower))
    except _Spent:
        return None, proven
    return None, best


def _beam(segment: Segment, floor: int, best: int, width: int) -> tuple[int, ...] | None:
    """An order below `best` by keeping the `width` best sets of each size."""
    moves = _Moves(segment, _MOVES)
    levels: dict[int, dict[int, _State]] = {0: {0: moves.start(floor)}}

    def keep(state: _State) -> None:
        same_size = levels.setdefault(state.done.bit_count(), {})
        known = same_size.get(state.done)
        if known is None or state.peak < known.peak:
            same_size[state.done] = state

    try:
        for level in range(len(segment.units)):
            ranked = sorted(
                levels.pop(level, {}).values(),
                key=lambda state: (state.peak, state.bytes, state.done),
            )
            for raw in ranked[:width]:
                state = moves.settled(raw)
                if state.done != raw.done:
                    keep(state)
                else:
                    for follower in moves.after(state, best):
                        keep(follower)
    except _Spent:
        return None
    final = levels.get(len(segment.units), {}).get(segment.all_done)
    return None if final is None else final.path()


def _bits(mask: int) -> list[int]:
    bits = []
    while mask:
        low = mask & -mask
        bits.append(low.bit_length() - 1)
        mask ^= low
    return bits
