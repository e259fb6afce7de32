"""Outlines of costs with slots of a program in the place of numbers, as the document has them.

Equal rows are written once, and slots of a column as differences to the slot before, since many
layers differ by as much: that is what keeps the page small. `explorer/src/document.ts` says what
each key holds, and `explorer/src/costs.ts` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
        """All lists, by their index."""
        return [[list(layers) for layers in kernels] for kernels in self._number_of]


def outline_data(
    outline: Outline,
    names: Sequence[str],
    symbols: Sequence[Sequence[str]],
    values: Sequence[Sequence[Any]],
    kernel_layers: KernelLayers,
    slot: SlotOf,
) -> dict[str, Any]:
    """An outline of a network whose layers have these names, and in their formulas these `symbols`
    and `values`."""
    return {
        "totals": {name: slot(total) for name, total in outline.totals.items()},
        "layers": _layer_table(outline.layers, symbols, values, slot),
        "memory": _memory_data(outline, names, slot),
        "devices": [_device_data(device, kernel_layers, slot) for device in outline.devices],
    }


def _layer_table(
    layers: Sequence[LayerRow],
    symbols: Sequence[Sequence[str]],
    values: Sequence[Sequence[Any]],
    slot: SlotOf,
) -> dict[str, Any]:
    rows = [
        (
            *[slot(getattr(layer, name)) for name in _OF_LAYERS],
            tuple(map(slot, layer.shape)),
            tuple([slot(layer.symbols[name]) for name in used]),
            tuple(map(slot, numbers)),
        )
        for layer, used, numbers in zip(layers, symbols, values, strict=True)
    ]
    return table_data(rows, _OF_LAYERS, ("shape", "symbols", "values"))


def _memory_data(outline: Outline, names: Sequence[str], slot: SlotOf) -> dict[str, Any]:
    number_of = {name: number for number, name in enumerate(names)}
    tensors = outline.tensors
    return {
        "live": differences([slot(number) for number in outline.live]),
        "name": [number_of.get(tensor.name, tensor.name) for tensor in tensors],
        "bytes": differences([slot(tensor.bytes) for tensor in tensors]),
        "first": [tensor.first for tensor in tensors],
        "last": [tensor.last for tensor in tensors],
    }


def _device_data(
    device: DeviceOutline, kernel_layers: KernelLayers, slot: SlotOf
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
        "kernels": table_data(rows, _OF_KERNELS, ("level_bytes",)),
    }


def _sentence_data(sentence: Sentence, slot: SlotOf) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "one": sentence.one,
        "holds": slot(sentence.holds),
        "number": slot(sentence.number),
    }


def table_data(
    rows: Sequence[tuple[Any, ...]], columns: Sequence[str], lists: Sequence[str]
) -> dict[str, Any]:
    """Rows of slots, first one for each of `columns`, then a tuple for each of `lists`."""
    number_of: dict[tuple[Any, ...], int] = {}
    row = [number_of.setdefault(entry, len(number_of)) for entry in rows]
    distinct = list(number_of)
    return {
        "row": row,
        "columns": {
            name: differences([entry[i] for entry in distinct]) for i, name in enumerate(columns)
        },
        "lists": {
            name: _list_data([entry[i] for entry in distinct])
            for i, name in enumerate(lists, len(columns))
        },
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


def differences(slots: Sequence[Slot]) -> list[Slot]:
    """Slots as differences, each to the one before that is known; the first one to 0."""
    written: list[Slot] = []
    before = 0
    for slot in slots:
        written.append(None if slot is None else slot - before)
        before = before if slot is None else slot
    return written
