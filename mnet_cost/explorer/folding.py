"""Large networks with blocks in the place of their layers, so that a page stays small.

A row is what a block has of one variety: the shares of varieties stay those of the layers. Sums are
those of the layers, recorded or not. Not here: networks of a usual size, whose rows are layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

from mnet_cost.explorer.recorded import (
    DeviceOutline,
    KernelRow,
    LayerRow,
    LiveTensorRow,
    Outline,
)
from mnet_cost.tensors import largest_of

MOST_ROWS = 3000

_SUMMED = KernelRow._fields[2:-1]


class Row(NamedTuple):
    """Some layers that are shown as one."""

    name: str
    variety: str
    layers: tuple[int, ...]


def rows_of(names: Sequence[str], varieties: Sequence[str]) -> tuple[Row, ...] | None:
    """The rows of layers with these names, at most `MOST_ROWS`; None where each layer is one.

    Blocks are as far inside as there is room for.
    """
    if len(names) <= MOST_ROWS:
        return None
    parts = [name.split(".") for name in names]
    deepest = max(map(len, parts))
    for depth in range(deepest - 1, 0, -1):
        rows: dict[tuple[str, str], list[int]] = {}
        for number, (path, variety) in enumerate(zip(parts, varieties, strict=True)):
            rows.setdefault((".".join(path[:depth]), variety), []).append(number)
        if len(rows) <= MOST_ROWS:
            break
    else:  # no blocks at all
        rows = {}
        for number, variety in enumerate(varieties):
            rows.setdefault(("all", variety), []).append(number)
    return tuple(
        [
            Row(
                names[layers[0]] if len(layers) == 1 else f"{path}.{variety}",
                variety,
                tuple(layers),
            )
            for (path, variety), layers in rows.items()
        ]
    )


def folded(outline: Outline, rows: Sequence[Row]) -> Outline:
    """An outline with `rows` in the place of layers, and of kernels by their anchors."""
    row_of = {layer: number for number, row in enumerate(rows) for layer in row.layers}
    live = [largest_of([outline.live[layer] for layer in row.layers]) for row in rows]
    return outline._replace(
        layers=tuple([_layer(outline, row) for row in rows]),
        live=tuple(live),
        tensors=tuple(
            [
                LiveTensorRow(f"all alive in {row.name}", live[number], number, number)
                for number, row in enumerate(rows)
            ]
        ),
        devices=tuple([_device(device, row_of, rows) for device in outline.devices]),
    )


def _layer(outline: Outline, row: Row) -> LayerRow:
    layers = [outline.layers[layer] for layer in row.layers]
    if len(layers) == 1:
        return layers[0]._replace(symbols={}, work=())
    counts = [_sum([layer[place] for layer in layers]) for place in range(3, 8)]
    return LayerRow(layers[-1].shape, {}, (), *counts)


def _device(device: DeviceOutline, row_of: dict[int, int], rows: Sequence[Row]) -> DeviceOutline:
    kernels: dict[int, list[KernelRow]] = {}
    for kernel in device.kernels:
        kernels.setdefault(row_of[kernel.layers[0]], []).append(kernel)
    return device._replace(
        kernels=tuple(
            [_kernel(rows[number].name, number, each) for number, each in kernels.items()]
        )
    )


def _kernel(name: str, row: int, kernels: Sequence[KernelRow]) -> KernelRow:
    sums = {field: _sum([getattr(kernel, field) for kernel in kernels]) for field in _SUMMED}
    levels = zip(*[kernel.level_bytes for kernel in kernels], strict=True)
    of_levels = tuple([_sum(each) for each in levels])
    return kernels[0]._replace(name=name, layers=(row,), level_bytes=of_levels, **sums)


def _sum(numbers: Sequence[Any]) -> Any:
    """A sum; unknown where one of them is."""
    if any(number is None for number in numbers):
        return None
    return reduce(lambda total, number: total + number, numbers)
