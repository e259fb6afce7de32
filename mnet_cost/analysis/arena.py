"""Where each buffer lies, if all of them are in one block of memory.

Runtimes of microcontrollers give out memory once, before the first inference: each buffer has an
offset for good, and buffers that are alive together must not overlap. So the block can need more
than the peak, by gaps and by alignment. Two ways are tried and the better taken: the largest
buffers first, each at the lowest offset where it fits among those it meets, as the
GreedyMemoryPlanner of TensorFlow Lite Micro does (tflite-micro, micro/memory_planner/
greedy_memory_planner.cc); and the same in the order in which the buffers are born.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mnet_cost.analysis.memory import Lifetime, find_lifetimes
from mnet_cost.network import Network
from mnet_cost.tensors import DType


class Slot(NamedTuple):
    """A buffer in the arena: its bytes, and the units from the first to the last that need it."""

    name: str
    offset: int
    bytes: int
    first: int
    last: int


class Arena(NamedTuple):
    """A block of memory that holds all buffers, each when it is alive."""

    slots: tuple[Slot, ...]
    """In the order in which they are born."""
    bytes: int
    alignment: int
    how: str
    """`largest first` or `by birth`."""


def plan_arena(
    network: Network,
    precision: DType,
    *,
    groups: Sequence[Sequence[int]] = (),
    in_place: bool = True,
    concat_in_place: bool = False,
    scratch: Mapping[int, int] | None = None,
    alignment: int = 16,
) -> Arena:
    """Offsets for the buffers of `trace_memory`, whose parameters these are.

    Offsets are multiples of `alignment`; the arena ends where its last buffer does.
    """
    lives = find_lifetimes(
        network,
        precision,
        groups=groups,
        in_place=in_place,
        concat_in_place=concat_in_place,
        scratch=scratch,
    )
    by_birth = sorted(lives, key=lambda one: (one.first, -one.bytes))
    by_size = sorted(by_birth, key=lambda one: -one.bytes)
    largest_first, first_fit = _place(by_size, alignment), _place(by_birth, alignment)
    how = "largest first" if _end(largest_first) <= _end(first_fit) else "by birth"
    slots = largest_first if how == "largest first" else first_fit
    slots.sort(key=lambda slot: (slot.first, slot.offset))
    return Arena(tuple(slots), _end(slots), alignment, how)


def _end(slots: Sequence[Slot]) -> int:
    return max(slot.offset + slot.bytes for slot in slots)


def _place(lives: Sequence[Lifetime], alignment: int) -> list[Slot]:
    """Each at the lowest offset at which it overlaps none of those before that it meets."""
    meets = _Placed(max(one.last for one in lives) + 1)
    slots = []
    for one in lives:
        offset = 0
        for other in meets.during(one):
            if offset + one.bytes <= other.offset:
                break
            end = other.offset + other.bytes
            offset = max(offset, -(-end // alignment) * alignment)
        slot = Slot(one.name, offset, one.bytes, one.first, one.last)
        meets.add(slot)
        slots.append(slot)
    return slots


class _Placed:
    """Slots by the time in which they are taken."""

    def __init__(self, units: int) -> None:
        self._width = max(1, int(units**0.5))  # units are looked through in stretches
        self._stretches: list[list[tuple[int, int, Slot]]] = [
            [] for _ in range(units // self._width + 1)
        ]
        self._count = 0

    def add(self, slot: Slot) -> None:
        self._count += 1
        for stretch in self._stretches[slot.first // self._width : slot.last // self._width + 1]:
            insort(stretch, (slot.offset, self._count, slot))

    def during(self, one: Lifetime) -> list[Slot]:
        """Those that are alive together with `one`, by offset."""
        found = {
            (offset, count, slot)
            for stretch in self._stretches[one.first // self._width : one.last // self._width + 1]
            for offset, count, slot in stretch
            if slot.first <= one.last and one.first <= slot.last
        }
        return [slot for _, _, slot in sorted(found)]
