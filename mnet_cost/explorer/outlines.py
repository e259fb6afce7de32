"""Outlines of costs with slots of a program in the place of numbers, as the document has them.

Equal rows are written once for all structures of a network, and numbers of a list as differences to
the one before, since many layers differ by as much: that is what keeps the page small.
`explorer/src/document.ts` says what each key holds, and `explorer/src/reading.ts` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from mnet_cost.explorer.program import Slot
from mnet_cost.explorer.recorded import DeviceOutline, KernelRow, LayerRow, Outline, Sentence
from mnet_cost.recording import Recorded

SlotOf = Callable[[Any], Slot]

DEVICE_NUMBERS = (
    "latency_s",
    "low_s",
    "high_s",
    "bound_s",
    "inference_s",
    "untimed",
    "energy_j",
    "energy_low_j",
    "energy_high_j",
)
_OF_LAYERS = ("mult_adds", "params", "weight_bytes", "input_bytes", "output_bytes")
_OF_KERNELS = (
    "latency_s",
    "compute_s",
    "memory_s",
    "overhead_s",
    "bound_compute_s",
    "bound_memory_s",
    "mult_adds",
    "traffic_bytes",
)


def recorded_in(value: Any) -> Iterator[int]:
    """The nodes of all recorded numbers in an outline."""
    if isinstance(value, Recorded):
        yield value.node
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from recorded_in(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from recorded_in(item)


class KernelLayers:
    """Layers of the kernels of devices; those with the same rules launch the same."""

    def __init__(self) -> None:
        self._number_of: dict[tuple[tuple[int, ...], ...], int] = {}

    def number(self, kernels: Sequence[KernelRow]) -> int:
        """The index of the list of layers of these kernels."""
        key = tuple([kernel.layers for kernel in kernels])
        return self._number_of.setdefault(key, len(self._number_of))

    def data(self) -> list[list[list[int]]]:
        """All lists, by their index; the first layer of a kernel as the difference to that of the
        kernel before, each other one to the layer before."""
        return [_steps_of(kernels) for kernels in self._number_of]


def _steps_of(kernels: Sequence[Sequence[int]]) -> list[list[int]]:
    written, before = [], 0
    for layers in kernels:
        first = layers[0] if layers else before
        written.append([first - before, *differences(layers)[1:]] if layers else [])
        before = first
    return written


class Table:
    """Rows of slots, first one for each of `columns`, then a tuple for each of `lists`."""

    def __init__(self, columns: Sequence[str], lists: Sequence[str]) -> None:
        self._columns = columns
        self._lists = lists
        self._number_of: dict[tuple[Any, ...], int] = {}

    def __len__(self) -> int:
        return len(self._number_of)

    def rows(self, entries: Iterable[tuple[Any, ...]]) -> list[int]:
        """Indices of rows, new ones where there are none yet; as differences."""
        number_of = self._number_of
        return differences([number_of.setdefault(entry, len(number_of)) for entry in entries])

    def data(self) -> dict[str, Any]:
        """All rows, by columns."""
        rows = list(self._number_of)
        return {
            "columns": {
                name: differences([row[i] for row in rows]) for i, name in enumerate(self._columns)
            },
            "lists": {
                name: _list_data([row[i] for row in rows])
                for i, name in enumerate(self._lists, len(self._columns))
            },
        }


class Tables:
    """The rows of layers and kernels of all structures at one precision."""

    def __init__(self, devices: int) -> None:
        self.layers = Table(_OF_LAYERS, ("shape", "symbols", "values"))
        self.kernels = [Table(_OF_KERNELS, ("level_bytes",)) for _ in range(devices)]

    def __len__(self) -> int:
        return len(self.layers) + sum(map(len, self.kernels))

    def data(self) -> dict[str, Any]:
        """For the document."""
        return {
            "layers": self.layers.data(),
            "kernels": [kernels.data() for kernels in self.kernels],
        }


def outline_data(
    outline: Outline,
    names: Sequence[str],
    symbols: Sequence[Sequence[str]],
    values: Sequence[Sequence[Any]],
    kernel_layers: KernelLayers,
    tables: Tables,
    slot: SlotOf,
) -> dict[str, Any]:
    """An outline of a network whose layers have these names, and in their formulas these `symbols`
    and `values`. Rows go to `tables`."""
    return {
        "totals": {name: slot(total) for name, total in outline.totals.items()},
        "layers": tables.layers.rows(_layer_rows(outline.layers, symbols, values, slot)),
        "memory": _memory_data(outline, names, slot),
        "devices": [
            _device_data(device, kernel_layers, table, slot)
            for device, table in zip(outline.devices, tables.kernels, strict=True)
        ],
    }


def _layer_rows(
    layers: Sequence[LayerRow],
    symbols: Sequence[Sequence[str]],
    values: Sequence[Sequence[Any]],
    slot: SlotOf,
) -> list[tuple[Any, ...]]:
    return [
        (
            *[slot(getattr(layer, name)) for name in _OF_LAYERS],
            tuple(map(slot, layer.shape)),
            tuple([slot(layer.symbols[name]) for name in used]),
            tuple(map(slot, numbers)),
        )
        for layer, used, numbers in zip(layers, symbols, values, strict=True)
    ]


def _memory_data(outline: Outline, names: Sequence[str], slot: SlotOf) -> dict[str, Any]:
    number_of = {name: number for number, name in enumerate(names)}
    tensors = outline.tensors
    return {
        "live": differences([slot(number) for number in outline.live]),
        "name": [
            number_of[tensor.name] - tensor.first if tensor.name in number_of else tensor.name
            for tensor in tensors
        ],
        "bytes": differences([slot(tensor.bytes) for tensor in tensors]),
        "first": differences([tensor.first for tensor in tensors]),
        "last": [tensor.last - tensor.first for tensor in tensors],
    }


def _device_data(
    device: DeviceOutline, kernel_layers: KernelLayers, table: Table, slot: SlotOf
) -> dict[str, Any]:
    rows = [
        (
            *[slot(getattr(kernel, name)) for name in _OF_KERNELS],
            tuple(map(slot, kernel.level_bytes)),
        )
        for kernel in device.kernels
    ]
    return {
        "basis": device.basis,
        "energy_how": device.energy_how,
        "numbers": {name: slot(getattr(device, name)) for name in DEVICE_NUMBERS},
        "notes": [_sentence_data(sentence, slot) for sentence in device.notes],
        "outside": [_sentence_data(sentence, slot) for sentence in device.outside],
        "capacity": [
            {
                "what": row.what,
                "where": row.where,
                "needed": slot(row.needed_bytes),
                "available": slot(row.available_bytes),
                "is_least": row.is_least,
            }
            for row in device.capacity
        ],
        "kernel_layers": kernel_layers.number(device.kernels),
        "kernels": table.rows(rows),
    }


def _sentence_data(sentence: Sentence, slot: SlotOf) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "one": sentence.one,
        "holds": slot(sentence.holds),
        "number": slot(sentence.number),
    }


def _list_data(lists: Sequence[Sequence[Slot]]) -> dict[str, Any]:
    """Lists of slots: how long each is, and the column of each place."""
    lengths = [len(slots) for slots in lists]
    return {
        "lengths": lengths,
        "places": [
            differences([slots[place] for slots in lists if place < len(slots)])
            for place in range(max(lengths, default=0))
        ],
    }


def differences(slots: Sequence[Any]) -> list[Any]:
    """Numbers as differences, each to the one before that is known; the first one to 0."""
    written: list[Slot] = []
    before = 0
    for slot in slots:
        written.append(None if slot is None else slot - before)
        before = before if slot is None else slot
    return written
