"""Topologies of SCALE-Sim: a line of CSV for each convolution or matrix product.

A convolution has the sizes of its image, its filter, channels, filters and one stride:
`conv, 226, 226, 3, 3, 3, 64, 1,`. In the other form every line is a matrix product: `fc, M, N, K,`.
The format has no padding, so that the image is as large as its windows reach; no groups, but for
depthwise layers, whose names have `DP` in them; no batch; no order but that of the lines. Source:
scalesim 3.0.0, topology_utils.py, which reads topologies of version 2 as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mnet_cost.errors import OutputError, Problem
from mnet_cost.exporting.loops import ConvolutionNest, LayerNests, Nest, ProductNest, nests_of
from mnet_cost.exporting.written import Written, summary
from mnet_cost.network import Network

MOST_LINES = 1_000_000

_CONVOLUTIONS = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
    "Num Filter, Strides,"
)
_PRODUCTS = "Layer, M, N, K,"


class _Line(NamedTuple):
    """A line, and how often it has to be there."""

    numbers: tuple[int, ...]
    times: int = 1
    is_depthwise: bool = False


def scale_sim_topology(network: Network, products: bool = False) -> Written:
    """The topology of one example; with `products` in the form of matrix products.

    Raises `OutputError` where it would have too many lines, or none.
    """
    layers, others = nests_of(network)
    lines, notes = [_PRODUCTS if products else _CONVOLUTIONS], dict[str, None]()
    count = sum(_line(nest, products).times for layer in layers for nest in layer.nests)
    if count > MOST_LINES:
        hint = "each group, head and image of a layer is a line of its own"
        raise OutputError(Problem(f"the topology would have {count:,} lines", hint=hint))
    if not count:
        raise OutputError(f"{network.spec.title} has no layer that a topology can say")
    for layer in layers:
        for nest in layer.nests:
            line = _line(nest, products)
            lines += _texts(_name(layer, nest, line), line)
            notes.update(dict.fromkeys(_notes(nest, line, products)))
    if network.batch != 1:
        notes["it is of one example: the format has no batch"] = None
    notes["it has no precision, and no edges between layers"] = None
    return summary("\n".join(lines) + "\n", layers, others, tuple(notes))


def _line(nest: Nest, products: bool) -> _Line:
    if isinstance(nest, ProductNest):
        return _product_line(nest, products)
    sizes = nest.sizes
    if products or not _is_plain(nest):
        return _product_line(nest.as_product(), products)
    height, width = (
        (count - 1) * step + kernel
        for count, step, kernel in zip(
            (sizes.rows, sizes.columns), sizes.stride, sizes.kernel, strict=True
        )
    )
    kernel, step = sizes.kernel, sizes.stride[0]
    if sizes.is_depthwise:
        numbers = (height, width, *kernel, sizes.groups, sizes.channels_out, step)
        return _Line(numbers, sizes.images, is_depthwise=True)
    numbers = (height, width, *kernel, sizes.channels_in, sizes.channels_out, step)
    return _Line(numbers, sizes.images * sizes.groups)


def _is_plain(nest: ConvolutionNest) -> bool:
    """Whether the format can say it: one stride, and no space between taps."""
    sizes = nest.sizes
    is_dense = all(d == 1 or k == 1 for d, k in zip(sizes.dilation, sizes.kernel, strict=True))
    return is_dense and sizes.stride[0] == sizes.stride[1]


def _product_line(nest: ProductNest, products: bool) -> _Line:
    rows, times = nest.repeats * nest.rows, nest.matrices
    if products:
        return _Line((rows, nest.columns, nest.depth), times)
    return _Line((rows, 1, 1, 1, nest.depth, nest.columns, 1), times)


def _name(layer: LayerNests, nest: Nest, line: _Line) -> str:
    """A name in a cell of CSV; `DP` is in names of depthwise layers alone."""
    parts = [layer.step.name, *([nest.part] if nest.part else [])]
    name = re.sub(r"[^\w.-]", "_", ".".join(parts), flags=re.ASCII).replace("DP", "Dp")
    return f"{name}.DP" if line.is_depthwise else name


def _texts(name: str, line: _Line) -> Iterator[str]:
    numbers = ", ".join(map(str, line.numbers))
    for number in range(1, line.times + 1):
        yield f"{name}{f'.{number}' if line.times > 1 else ''}, {numbers},"


def _notes(nest: Nest, line: _Line, products: bool) -> Iterator[str]:
    if nest.note:
        yield nest.note
    if isinstance(nest, ConvolutionNest):
        if not products and not _is_plain(nest):
            yield "convolutions with dilation or two strides as matrix products of their windows"
        if not products and nest.sizes.groups > 1 and not line.is_depthwise:
            yield "groups as a line each"
    if nest.kernel_source is not None:
        yield "products of two results as if the second were stored"
