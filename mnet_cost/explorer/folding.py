"""Large networks with blocks in the place of their layers, so that a page stays small.

A row is what a block has of one variety: the shares of varieties stay those of the layers. A block
with much of the network is shown as several runs of neighbours, so that memory and time along the
network are seen where nothing has blocks, too. Sums are those of the layers, recorded or not. Not
here: networks of a usual size, whose rows are layers.
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
RUNS = 100
"""A block with more than this part of all layers is shown as several runs of them."""

_SUMMED = KernelRow._fields[2:-1]


class Row(NamedTuple):
    """Some layers that are shown as one."""

    name: str
    variety: str
    layers: tuple[int, ...]


def rows_of(names: Sequence[str], varieties: Sequence[str]) -> tuple[Row, ...] | None:
    """The rows of layers with these names; None where each layer is one: of `MOST_ROWS` at most.

    Blocks are as far inside as there is room for, and runs of neighbours where they are large:
    `unit.1 to 16` of a block that has many copies, `conv_1 to conv_50` of layers without blocks.
    """
    if len(names) <= MOST_ROWS:
        return None
    parts = [name.split(".") for name in names]
    for depth in range(max(map(len, parts)) - 1, -1, -1):
        blocks: dict[tuple[str, ...], list[int]] = {}
        for number, path in enumerate(parts):
            blocks.setdefault(tuple(path[:depth]), []).append(number)
        kinds = {(tuple(path[:depth]), kind) for path, kind in zip(parts, varieties, strict=True)}
        if len(kinds) <= MOST_ROWS:
            break
    rows: dict[tuple[str, str], list[int]] = {}
    for block, layers in blocks.items():
        for run in _runs(layers, [parts[layer] for layer in layers], depth, len(names)):
            name = ".".join([*block, *_name_of(run, parts, depth, layers)])
            for layer in run:
                rows.setdefault((name, varieties[layer]), []).append(layer)
    found = [
        Row(names[layers[0]] if len(layers) == 1 else f"{name}.{variety}", variety, tuple(layers))
        for (name, variety), layers in rows.items()
    ]
    return tuple(sorted(found, key=lambda row: row.layers[0]))


def _runs(
    layers: Sequence[int], paths: Sequence[Sequence[str]], depth: int, count: int
) -> list[list[int]]:
    """The layers of a block as runs of about a hundredth of all `count`.

    What is inside of the block by one name is not torn apart.
    """
    least = -(-count // RUNS)
    runs: list[list[int]] = [[]]
    inside: Sequence[str] | None = None
    for layer, path in zip(layers, paths, strict=True):
        name = path[depth : depth + 1]
        if len(layers) > least and len(runs[-1]) >= least and name != inside:
            runs.append([])
        runs[-1].append(layer)
        inside = name
    return runs


def _name_of(
    run: Sequence[int], parts: Sequence[Sequence[str]], depth: int, layers: Sequence[int]
) -> list[str]:
    """What a run is called beside its block: nothing where it is the whole of it."""
    if depth and len(run) == len(layers):
        return []
    first, last = (parts[layer][depth] for layer in (run[0], run[-1]))
    return [first if first == last else f"{first} to {last}"]


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
