"""Which tensors may share memory: the rules of a runtime, and one function that applies them.

An element-wise layer may write its result over an input that no later layer reads.
`may_write_over` decides that for the trace of an order, for concatenations in place and for the
search of an order. Each of these knows another part of the running order, and passes it as an
`Occupancy`. Not here: how buffers are found (`buffers.py`) and how long they live (`memory.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from mnet_cost.network import Network, Step
from mnet_cost.tensors import is_equal

Unit = tuple[int, ...]
"""Indices of steps that run at once, in the order of the schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRules:
    """How a runtime shares the memory of a network."""

    units: tuple[Unit, ...] = ()
    """Indices of steps that run as one unit; a step in none of them is a unit of its own."""
    in_place: bool = True
    """Whether an element-wise layer writes over an input that nobody waits for."""
    concat_in_place: bool = False
    """Whether inputs of a concatenation are parts of its result from their birth on."""
    scratch: Mapping[int, int] = field(default_factory=dict)
    """Bytes that a step needs beside tensors while its unit runs, by the index of the step."""
    overlaps: Mapping[int, int] = field(default_factory=dict)
    """Bytes of the result of a step's unit that lie over its first input, which nobody else ever
    reads, by the index of the step."""

    @property
    def beside(self) -> Mapping[int, int]:
        """Bytes beside whole tensors while the unit of a step runs: less than none where they
        overlap."""
        if not self.overlaps:
            return self.scratch
        beside = dict(self.scratch)
        for index, overlap in self.overlaps.items():
            beside[index] = beside.get(index, 0) - overlap
        return beside


class Buffers(NamedTuple):
    """Which tensors are one buffer, and how the steps form units."""

    network: Network
    units: tuple[Unit, ...]
    """In running order: each unit as early as its first step and its inputs allow."""
    sizes: list[int]
    """Bytes by tensor; a buffer has those of the tensor that it is known by."""
    buffer_of: list[int]
    """For each tensor, the tensor that names its buffer."""
    last_reads: list[int]
    """The place in the running order of each tensor's last use; of an output, the one after all."""
    fused_away: frozenset[int]
    """Tensors that one unit writes and reads, and nobody else: they are never in memory."""
    weights: frozenset[int]
    """Stored tensors, what is made of them alone, and views: in the memory of weights, not in that
    of activations."""
    fixed: frozenset[int]
    """Buffers that nobody writes over: inputs of the network, the caller's, and weights."""
    reordered_reads: tuple[frozenset[int], ...]
    """By unit of several steps: tensors that it reads in another order than element by element,
    and tensors that are only a part of their buffer. Empty where each step is a unit."""
    in_place: bool


class Occupancy(Protocol):
    """Which tensor is in which buffer at the moment when a step runs."""

    def buffer_of(self, tensor: int) -> int:
        """The buffer that a tensor lies in, by the tensor that it is known by."""

    def is_free(self, buffer: int) -> bool:
        """Whether no other step needs what is in the buffer, once this step has read it."""

    def is_new(self, buffer: int) -> bool:
        """Whether the unit of the step has made it itself."""


def may_write_over(buffers: Buffers, step: Step, number: int, occupancy: Occupancy) -> int | None:
    """The buffer that `step`, of unit `number`, writes its output over; None for memory of its own.

    That is the buffer of the first input that can be written over, one from outside the unit if
    there is one. The output has to fill the whole buffer, and whatever the step reads there has to
    be read element by element: element i for element i of the output, as many bytes each. In a
    buffer from outside, that holds for whatever the unit reads.
    """
    if step.layer.effect != "elementwise" or not buffers.in_place:
        return None
    sizes, output, inputs = buffers.sizes, step.outputs[0], step.inputs
    size = sizes[output]
    if not is_equal(sizes[buffers.buffer_of[output]], size):
        return None  # a part of something larger has its place
    new = None
    by_step: set[int] | None = None  # buffers that the step, or its unit, reads out of order
    by_unit: set[int] | None = None
    for tensor in inputs:
        buffer = occupancy.buffer_of(tensor)
        if (
            buffer in buffers.fixed
            or not occupancy.is_free(buffer)
            or not is_equal(sizes[buffer], size)
            or not is_equal(sizes[tensor], size)
        ):
            continue
        if len(inputs) > 1:
            if by_step is None:
                unaligned = [tensor for tensor in inputs if not is_aligned(buffers, step, tensor)]
                by_step = {occupancy.buffer_of(tensor) for tensor in unaligned}
            if buffer in by_step:
                continue
        if occupancy.is_new(buffer):
            new = buffer if new is None else new
            continue
        if buffers.reordered_reads:
            if by_unit is None:
                by_unit = {
                    occupancy.buffer_of(tensor) for tensor in buffers.reordered_reads[number]
                }
            if buffer in by_unit:
                continue
        return buffer
    return new


def is_aligned(buffers: Buffers, step: Step, tensor: int) -> bool:
    """Whether `step` reads an input byte by byte where it writes its output, if both lie there.

    An input that is repeated along an axis is smaller than the output; a part is larger.
    """
    sizes, tensors, output = buffers.sizes, buffers.network.tensors, step.output
    return is_equal(sizes[tensor], sizes[output]) and is_equal(
        tensors[tensor].type.elements, tensors[output].type.elements
    )
