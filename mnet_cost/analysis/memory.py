"""Activation memory over the schedule, by liveness.

A buffer lives from the unit that writes it to the last unit that reads it; network inputs live
from the start, outputs to the end. A unit is a step, or some steps that a runtime runs as one
kernel. Views are names for the same buffer, and an element-wise layer writes over its input when
nothing reads that input afterwards, as inference runtimes do (`sharing.py`). Weights, trained
tensors among them, are not activations and are counted apart. Not here: alignment and gaps, which
are in `arena.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

from mnet_cost.analysis.buffers import find_buffers
from mnet_cost.analysis.sharing import Buffers, MemoryRules, Unit, may_write_over
from mnet_cost.network import Network
from mnet_cost.tensors import DType, largest_of
from mnet_cost.units import format_bytes


class LiveTensor(NamedTuple):
    """A tensor that is in memory at some step."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryTrace:
    """Bytes of activations alive while each step runs, and the step where most are."""

    live_bytes: tuple[int, ...]
    """Bytes alive at each step; the steps of a unit run together."""
    peak_bytes: int
    peak_step: int
    """The first step of its unit."""
    live_at_peak: tuple[LiveTensor, ...]
    """Largest first."""

    def __repr__(self) -> str:
        steps = len(self.live_bytes)
        return f"<MemoryTrace of {steps} steps: {format_bytes(self.peak_bytes)} peak>"


class Lifetime(NamedTuple):
    """Some bytes, and the numbers of the first and the last unit that need them."""

    name: str
    bytes: int
    first: int
    last: int
    tensors: tuple[int, ...] = ()
    """All that ever lie there, as indices into `Network.tensors`; scratch holds none."""


_USUAL = MemoryRules()


def trace_memory(network: Network, precision: DType, rules: MemoryRules = _USUAL) -> MemoryTrace:
    """Liveness of all tensors over `network.steps`, batch included, under the rules of a runtime.

    Linear in the number of layers: buffers are events (allocate, free), not a set per step.
    Raises `ValueError` for units that cannot be.
    """
    buffers = find_buffers(network, precision, rules)
    units, sizes = buffers.units, buffers.sizes
    lives = _Lives(buffers)
    live = _live_bytes(buffers, lives, _by_unit(units, rules.beside))
    peak = largest_of(live)
    at = live.index(peak)
    step = network.steps[units[at][0]]
    written_over = _by_unit(units, rules.overlaps).get(at, 0)
    overlapped = lives.buffer_of(step.inputs[0]) if written_over else None
    alive = [
        LiveTensor(name, sizes[root] - (written_over if root == overlapped else 0))
        for root, name in _occupants(buffers, lives, at).items()
        if lives.birth[root] <= at <= lives.number_at[lives.death[root]]
    ]
    scratch = _by_unit(units, rules.scratch)
    if at in scratch:
        alive.append(LiveTensor(f"scratch of {step.name}", scratch[at]))
    alive.sort(key=lambda tensor: -tensor.bytes)
    by_step = live
    if rules.units:
        by_step = [0] * len(network.steps)
        for number, unit in enumerate(units):
            for index in unit:
                by_step[index] = live[number]
    return MemoryTrace(
        live_bytes=tuple(by_step),
        peak_bytes=peak,
        peak_step=units[at][0],
        live_at_peak=tuple(alive),
    )


def peak_bytes(network: Network, precision: DType, rules: MemoryRules = _USUAL) -> Any:
    """The peak of `trace_memory` alone, for sizes of any kind."""
    return largest_of(live_bytes(network, precision, rules))


def live_bytes(network: Network, precision: DType, rules: MemoryRules = _USUAL) -> list[Any]:
    """Bytes alive while each unit runs, for sizes of any kind; a unit is a step without rules."""
    buffers = find_buffers(network, precision, rules)
    return _live_bytes(buffers, _Lives(buffers), _by_unit(buffers.units, rules.beside))


def _live_bytes(buffers: Buffers, lives: _Lives, beside: Mapping[int, int]) -> list[int]:
    """Bytes alive while each unit runs."""
    units, sizes = buffers.units, buffers.sizes
    change = [0] * (len(units) + 2)  # outputs outlive the last unit
    for root in lives.roots:
        size, birth, end = sizes[root], lives.birth[root], lives.number_at[lives.death[root]] + 1
        # Never `+=`, which writes into an array.
        change[birth] = change[birth] + size
        change[end] = change[end] - size
    live = list(accumulate(change[: len(units)]))
    for number, needed in beside.items():
        live[number] = live[number] + needed
    return live


def find_lifetimes(
    network: Network, precision: DType, rules: MemoryRules = _USUAL
) -> tuple[Lifetime, ...]:
    """The buffers that `trace_memory` adds up, with their first and last units; outputs stay.

    An input that a result lies over ends before that result begins, but for the rest of it.
    """
    buffers = find_buffers(network, precision, rules)
    lives = _Lives(buffers)
    final = len(buffers.units) - 1
    tensors: dict[int, list[int]] = {root: [] for root in lives.roots}
    for index in range(len(network.tensors)):
        root = lives.buffer_of(index)
        if root in tensors:
            tensors[root].append(index)
    lifetimes = [
        Lifetime(
            network.tensors[root].name,
            buffers.sizes[root],
            lives.birth[root],
            min(lives.number_at[lives.death[root]], final),
            tuple(held),
        )
        for root, held in tensors.items()
    ]
    place = {root: i for i, root in enumerate(tensors)}
    for number, overlap in _by_unit(buffers.units, rules.overlaps).items():
        at = place[lives.buffer_of(network.steps[buffers.units[number][0]].inputs[0])]
        life = lifetimes[at]
        rest = life._replace(bytes=life.bytes - overlap, first=number)
        if life.first == number:  # an input of the network, which is there before
            lifetimes[at] = rest
        else:
            lifetimes[at] = life._replace(last=number - 1)
            lifetimes.append(rest._replace(name=f"rest of {life.name}"))
    for number, needed in _by_unit(buffers.units, rules.scratch).items():
        name = network.steps[buffers.units[number][0]].name
        lifetimes.append(Lifetime(f"scratch of {name}", needed, number, number))
    return tuple(lifetimes)


def _by_unit(units: Sequence[Unit], by_step: Mapping[int, int]) -> dict[int, int]:
    """Bytes by the number of the unit, where there are some."""
    bytes_of: dict[int, int] = {}
    if by_step:
        for number, unit in enumerate(units):
            needed = [by_step[index] for index in unit if index in by_step]
            if needed:
                bytes_of[number] = sum(needed)
    return bytes_of


class _Lives:
    """Buffers as they are born, written over and left, unit by unit: an `Occupancy`."""

    __slots__ = (
        "birth",
        "death",
        "now",
        "number",
        "number_at",
        "own_buffer_of",
        "root_of",
        "roots",
    )

    def __init__(self, buffers: Buffers) -> None:
        count = len(buffers.buffer_of)
        self.own_buffer_of = buffers.buffer_of
        self.root_of = list(range(count))
        """The buffer whose memory each buffer has: another one, if it was written over that."""
        self.birth = [-1] * count
        """The first unit of each buffer, as its number."""
        self.death = [-1] * count
        """The last use of each buffer, as a place in the running order."""
        self.number_at: list[int] = []
        """The unit of each place; after the last place, the number of units."""
        self.now = self.number = 0
        """Place and unit of the step that runs."""
        self.roots: list[int] = []
        """Buffers that are ever in memory."""
        self._run(buffers)

    def buffer_of(self, tensor: int) -> int:
        return self.root_of[self.own_buffer_of[tensor]]

    def is_free(self, buffer: int) -> bool:
        return self.death[buffer] <= self.now

    def is_new(self, buffer: int) -> bool:
        return self.birth[buffer] == self.number

    def _run(self, buffers: Buffers) -> None:
        buffer_of, last_reads, steps = self.own_buffer_of, buffers.last_reads, buffers.network.steps
        birth, death, root_of, number_at = self.birth, self.death, self.root_of, self.number_at
        for index in buffers.network.inputs:
            birth[index] = 0
            death[index] = max(death[index], last_reads[index])
        now = 0
        for number, unit in enumerate(buffers.units):
            self.number = number
            for member in unit:
                step = steps[member]
                self.now = now
                now += 1
                number_at.append(number)
                for output in step.outputs:
                    buffer = buffer_of[output]
                    root = root_of[buffer]
                    if birth[root] < 0:
                        other = None
                        if step.layer.effect == "elementwise":  # else it never does
                            other = may_write_over(buffers, step, number, self)
                        if other is None:
                            birth[root] = number
                        else:
                            root_of[buffer] = root = other
                    if last_reads[output] > death[root]:
                        death[root] = last_reads[output]
        number_at.append(len(buffers.units))
        self.roots = [index for index, first in enumerate(birth) if first >= 0]
        absent = buffers.fused_away | buffers.weights
        if absent:
            real = {
                root_of[buffer] for index, buffer in enumerate(buffer_of) if index not in absent
            }
            self.roots = [root for root in self.roots if root in real]


def _occupants(buffers: Buffers, lives: _Lives, at: int) -> dict[int, str]:
    """The name of what is in each buffer while unit `at` runs: of the tensor written last.

    A concatenation in place is called by its result, of which there may be only parts yet.
    """
    network = buffers.network
    place = [0] * len(network.steps)
    for now, index in enumerate([index for unit in buffers.units for index in unit]):
        place[index] = now
    after = sum([len(unit) for unit in buffers.units[: at + 1]])
    roots, buffer_of, root_of = set(lives.roots), lives.own_buffer_of, lives.root_of
    latest: dict[int, tuple[int, str]] = {}
    for index, tensor in enumerate(network.tensors):
        root = root_of[buffer_of[index]]
        made = -1 if tensor.producer is None else place[tensor.producer]
        if root not in roots or (made >= after and root != index):
            continue
        if root not in latest or made > latest[root][0]:
            latest[root] = (made, tensor.name)
    return {root: name for root, (_, name) in sorted(latest.items())}
