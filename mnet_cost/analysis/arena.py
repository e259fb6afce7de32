"""Where each buffer lies, if all of them are in one block of memory.

Runtimes of microcontrollers give out memory once, before the first inference: each buffer has an
offset for good, and buffers that are alive together must not overlap. So the block can need more
than the peak, by gaps and by alignment. Two ways are tried and the better taken: the largest
buffers first, each at the lowest offset where it fits among those it meets, as the
GreedyMemoryPlanner of TensorFlow Lite Micro does (tflite-micro, micro/memory_planner/
greedy_memory_planner.cc); and the same in the order in which the buffers are born.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Sequence
from heapq import heappop, heappush
from math import inf
from typing import NamedTuple

from mnet_cost.analysis.memory import Lifetime, find_lifetimes
from mnet_cost.analysis.sharing import MemoryRules
from mnet_cost.network import Network
from mnet_cost.tensors import DType

_SORTED = 4000  # buffers up to which the largest are placed first, which takes their number squared

_USUAL = MemoryRules()


class Slot(NamedTuple):
    """A buffer in the arena: its bytes, and the units from the first to the last that need it."""

    name: str
    offset: int
    bytes: int
    first: int
    last: int
    tensors: tuple[int, ...]
    """All that ever lie there, as indices into `Network.tensors`."""


class Arena(NamedTuple):
    """A block of memory that holds all buffers, each when it is alive."""

    slots: tuple[Slot, ...]
    """In the order in which the lives of their buffers begin."""
    bytes: int
    alignment: int
    how: str
    """`largest first` or `by birth`."""


def plan_arena(
    network: Network,
    precision: DType,
    rules: MemoryRules = _USUAL,
    *,
    alignment: int = 16,
) -> Arena:
    """Offsets for the buffers of `trace_memory`, whose parameters these are.

    Offsets are multiples of `alignment`; the arena ends where its last buffer does.
    """
    lives = find_lifetimes(network, precision, rules)
    slots = _by_birth(lives, alignment)
    how = "by birth"
    if len(lives) <= _SORTED:
        largest_first = _largest_first(lives, alignment)
        if _end(largest_first) <= _end(slots):
            slots, how = largest_first, "largest first"
    slots.sort(key=lambda slot: (slot.first, slot.offset))
    return Arena(tuple(slots), _end(slots), alignment, how)


def _end(slots: Sequence[Slot]) -> int:
    return max(slot.offset + slot.bytes for slot in slots)


def _largest_first(lives: Sequence[Lifetime], alignment: int) -> list[Slot]:
    """Each at the lowest offset at which it overlaps none of those before that it meets."""
    placed: list[tuple[int, int, Slot]] = []  # by offset
    for life in sorted(lives, key=lambda life: (-life.bytes, life.first)):
        offset = 0
        for start, _, other in placed:
            if other.first <= life.last and life.first <= other.last:
                if offset + life.bytes <= start:
                    break
                offset = max(offset, _aligned(start + other.bytes, alignment))
        slot = Slot(life.name, offset, *life[1:])
        insort(placed, (offset, len(placed), slot))
    return [slot for _, _, slot in placed]


def _by_birth(lives: Sequence[Lifetime], alignment: int) -> list[Slot]:
    """Each at the lowest offset that is free when it is born."""
    free: list[tuple[int, float]] = [(0, inf)]  # from and to, in their order
    alive: list[tuple[int, int, int]] = []  # last unit, and from and to where there is a buffer
    slots = []
    for life in sorted(lives, key=lambda life: (life.first, -life.bytes)):
        while alive and alive[0][0] < life.first:
            _, start, end = heappop(alive)
            _release(free, start, end)
        number = 0
        while _aligned(free[number][0], alignment) + life.bytes > free[number][1]:
            number += 1  # the last gap has no end
        begin, until = free[number]
        offset = _aligned(begin, alignment)
        taken = offset + life.bytes
        gaps: tuple[tuple[int, float], ...] = ((begin, offset), (taken, until))
        free[number : number + 1] = [gap for gap in gaps if gap[0] < gap[1]]
        heappush(alive, (life.last, offset, taken))
        slots.append(Slot(life.name, offset, *life[1:]))
    return slots


def _release(free: list[tuple[int, float]], start: int, end: float) -> None:
    """Free the bytes from `start` to `end`, and join them to the free gaps beside them."""
    number = bisect(free, (start, end))
    if free[number][0] == end:  # the last gap has no end, so there is one behind
        end = free.pop(number)[1]
    if number and free[number - 1][1] == start:
        number -= 1
        start = free.pop(number)[0]
    free.insert(number, (start, end))


def _aligned(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment
