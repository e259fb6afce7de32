"""Bytes of each kernel that pass each level of a device's memory: what no runtime can avoid.

All that a kernel reads and writes passes the innermost level. A level further out is passed by the
bytes that the levels inside it cannot hold until their next use, in the best case. A handover is a
result that only the next kernel reads. The levels inside hold a tensor as far as there is room
beside the largest handover since its last use, and all weights, which each inference needs, as far
as there is room beside the largest handover of all. So traffic falls from level to level outwards
and is a lower bound, whatever a cache throws out. Outside of a level of unknown size it is None,
never zero. Not here: how long the traffic takes, and how much energy.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from functools import cached_property, reduce
from itertools import pairwise
from math import ceil
from typing import Any, NamedTuple

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.winograd import applies, has_winograd
from mnet_cost.devices import DeviceProfile, MemoryLevel
from mnet_cost.layers.conv import ConvTranspose2d
from mnet_cost.tensors import largest, largest_of, product, smallest


class LevelTraffic(NamedTuple):
    """Bytes of one kernel that pass one level; None where they are unknown.

    They are no whole numbers where a part of the weights stays inside.
    """

    level: str
    weight_bytes: int | None
    activation_bytes: int | None

    @property
    def bytes(self) -> int | None:
        """All of them."""
        if self.weight_bytes is None or self.activation_bytes is None:
            return None
        return self.weight_bytes + self.activation_bytes


_Use = tuple[int, int]
"""Bytes that are used again, and how large a memory has to be to keep all of them until then."""

Traffic = tuple[LevelTraffic, ...]
"""The traffic of one kernel, innermost level first and storage last."""

_IM2COL = frozenset(("im2col",))


def kernel_traffic(kernels: Sequence[Kernel], device: DeviceProfile) -> tuple[Traffic, ...]:
    """The traffic of each kernel, for kernels that are launched in this order."""
    flows = _Flows(kernels, device)
    columns = []
    for level, inside in zip(device.memory, _insides(device.memory), strict=True):
        if inside is None:
            columns.append([LevelTraffic(level.name, None, None)] * len(kernels))
        elif inside:
            columns.append(flows.outside(level.name, inside))
        else:
            columns.append(flows.all(level.name))
    if device.storage:
        name = device.storage.name
        columns.append([LevelTraffic(name, kernel.weight_bytes, 0) for kernel in kernels])
    return tuple(zip(*columns, strict=True)) if columns else ((),) * len(kernels)


class _Flows:
    """The bytes that flow in and out of kernels; the traffic of each level follows from them."""

    def __init__(self, kernels: Sequence[Kernel], device: DeviceProfile) -> None:
        self._kernels = kernels
        self._stored_apart = device.storage is not None
        rules = device.kernel_rules
        self._copies = None
        if "im2col" in rules:
            self._copies = [(scratch_bytes(kernel, rules), kernel.batch) for kernel in kernels]

    def all(self, level: str) -> list[LevelTraffic]:
        """Traffic of a level that has none inside."""
        traffic = [
            LevelTraffic(
                level, 0 if self._stored_apart else kernel.weight_bytes,
                kernel.input_bytes + kernel.output_bytes,
            )
            for kernel in self._kernels
        ]  # fmt: skip
        return self._with_copies(traffic, 0)

    def outside(self, level: str, inside: int) -> list[LevelTraffic]:
        """Traffic of a level that has `inside` bytes of memory inside."""
        own, missing = self._weights, 0
        total = sum(own)
        if not self._stored_apart:
            missing = smallest(total, largest(total + self._largest_handover - inside, 0))
        # No product of two sizes, which can be too large for a double.
        share: Any = 1 if missing is total else missing / largest(total, 1)
        traffic = []
        for weights, read, written in zip(own, *self._uses, strict=True):
            activations = spilled = 0
            for size, reach in read:
                if (reach > inside) is not False:  # of plain numbers nothing else is asked
                    activations = activations + _beyond(size, reach, inside)
            for size, reach in written:  # what is read again later has to be written first
                if (reach > inside) is not False:
                    spilled = largest(spilled, _beyond(size, reach, inside))
            traffic.append(LevelTraffic(level, weights * share, activations + spilled))
        return self._with_copies(traffic, inside)

    def _with_copies(self, traffic: list[LevelTraffic], inside: int) -> list[LevelTraffic]:
        """A copy of windows is written, and read at once."""
        if self._copies is None:
            return traffic
        copied = []
        for (level, weights, activations), (size, times) in zip(traffic, self._copies, strict=True):
            assert activations is not None
            passing = 2 * times * largest(size - inside, 0)
            copied.append(LevelTraffic(level, weights, activations + passing))
        return copied

    @cached_property
    def _weights(self) -> list[int]:
        """Bytes of weights that each kernel is the first to read: later they may be in a cache."""
        own_bytes = []
        seen: dict[int, int] = {}  # of trained tensors, the most that a kernel has read so far
        for kernel in self._kernels:
            own = sum([cost.weight_bytes for cost in kernel.layers])
            for tensor, size in kernel.trained:
                own = own + largest(size - seen.get(tensor, 0), 0)
                seen[tensor] = largest(size, seen.get(tensor, 0))
            own_bytes.append(smallest(own, kernel.weight_bytes))
        return own_bytes

    @cached_property
    def _handovers(self) -> list[int]:
        return _handovers(self._kernels)

    @cached_property
    def _largest_handover(self) -> Any:
        return largest_of(self._handovers) if self._handovers else 0

    @cached_property
    def _uses(self) -> tuple[list[list[_Use]], list[list[_Use]]]:
        return _uses(self._kernels, self._handovers)


def scratch_bytes(kernel: Kernel, rules: frozenset[str] = _IM2COL) -> int:
    """Bytes of the copy of its windows that a kernel makes under the rule `im2col`, else 0.

    kernel_h * kernel_w * C_in * positions elements, one example at a time. 1x1 convolutions need
    none, since their input is that copy already (arXiv:1704.04861, section 3.1), and depthwise
    and transposed ones have kernels of their own. Nor do those that Winograd's tiles are taken for.
    """
    sizes = kernel.convolution
    if "im2col" not in rules or sizes is None or sizes.is_pointwise or sizes.is_depthwise:
        return 0
    if isinstance(kernel.anchor.step.layer, ConvTranspose2d):
        return 0
    if has_winograd(kernel.element_bytes, rules) and applies(sizes):
        return 0
    elements: int = product(sizes.kernel) * sizes.groups * sizes.channels_in * sizes.positions
    return elements * kernel.element_bytes


def _beyond(size: int, reach: int, inside: int) -> Any:
    """Bytes of `size` that are not kept until their next use, which takes `reach`."""
    left = reach - inside if (reach > inside) is True else largest(reach - inside, 0)
    return left if reach is size else smallest(size, left)


class _LargestSince:
    """The largest of numbers since one of them, while more are appended.

    Plain numbers are kept as far as they are larger than all after them. Of others that is not
    known: what was the largest of them is carried on from one question to the next.
    """

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._places: list[int] = []
        """Of those in `_kept`."""
        self._kept: list[int] = []
        self._so_far: dict[int, tuple[int, int]] = {}
        """By the place of the first, how many numbers were looked at, and their largest."""
        self._plain = True

    def append(self, number: int) -> None:
        place = len(self._numbers)
        self._numbers.append(number)
        self._plain = self._plain and isinstance(number, (int, float))
        if self._plain:
            while self._kept and self._kept[-1] <= number:
                self._places.pop()
                self._kept.pop()
            self._places.append(place)
            self._kept.append(number)

    def since(self, first: int) -> int:
        if self._plain:
            return self._kept[bisect_left(self._places, first)]
        upto, most = self._so_far.get(first, (first, 0))
        most = reduce(largest, self._numbers[upto:], most)
        self._so_far[first] = len(self._numbers), most
        return most


def _insides(levels: Sequence[MemoryLevel]) -> list[int | None]:
    """Bytes that the levels inside each level hold together; None where a size is unknown.

    Together, since a cache need not hold a second time what is in one inside it.
    """
    insides: list[int | None] = []
    inside: int | None = 0
    for level in levels:
        insides.append(inside)
        if level.size_bytes is None or inside is None:
            inside = None
        else:
            inside += ceil(level.size_bytes.value)
    return insides


def _handovers(kernels: Sequence[Kernel]) -> list[int]:
    """Bytes that each kernel hands to the next, which alone reads them: else 0.

    To throw those out costs a trip there and back. What is read later as well may be thrown out in
    any case, so it cannot be held against others that wait.
    """
    readers = Counter([tensor for kernel in kernels for tensor, _ in kernel.reads])
    handovers = [0] * len(kernels)
    for now, (kernel, following) in enumerate(pairwise(kernels)):
        if len(kernel.writes) == 1 and readers[kernel.writes[0]] == 1:
            read_bytes = dict(following.reads).get(kernel.writes[0], 0)
            handovers[now] = smallest(kernel.output_bytes, read_bytes)
    return handovers


def _uses(
    kernels: Sequence[Kernel], handovers: Sequence[int]
) -> tuple[list[list[_Use]], list[list[_Use]]]:
    """What each kernel reads, and what is read, or left, of what it writes.

    A tensor competes with the largest handover since it was last used: both are there at the same
    time.
    """
    read: list[list[_Use]] = []
    written: list[list[_Use]] = []
    since: dict[int, int] = {}  # the first handover that a tensor has to wait for
    writer: dict[int, int] = {}
    since_then = _LargestSince()
    for now, kernel in enumerate(kernels):
        uses = []
        for tensor, size in kernel.reads or ((-1, kernel.input_bytes),):
            first = since.get(tensor, 0) if tensor >= 0 else now
            reach = size
            if first < now:
                reach = reach + since_then.since(first)
            uses.append((size, reach))
            if tensor in writer:
                written[writer[tensor]].append((size, reach))
            since[tensor] = now
        read.append(uses)
        written.append([(kernel.output_bytes, kernel.output_bytes)])
        for tensor in kernel.writes:
            since[tensor] = now + 1
            writer[tensor] = now
        since_then.append(handovers[now])
    return read, written
