"""Winograd's minimal filtering for 3x3 convolutions of stride 1: what it multiplies.

F(m, 3) makes a tile of m x m outputs with (m + 2)^2 multiplications for each pair of channels,
where plain convolution takes 9 m^2; tiles and kernels have to be transformed before and after. A
tile that reaches over the edge costs as much as a full one, so sizes make steps.
Source: arXiv:1509.09308, sections 3 and 4. Not here: accuracy, which falls with larger tiles.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

from mnet_cost.layers.base import Convolution
from mnet_cost.tensors import are_equal, ceil_div, is_equal, smallest, where

SIDES = (2, 4, 6)
"""Outputs on each side of a tile; runtimes have F(2, 3), F(4, 3) and F(6, 3)."""

_TRANSFORM = 12
"""What transforming an element costs beside a multiplication, as far as the choice of tiles goes:
about the fitted coefficient of `winograd_tiles` over that of `winograd`."""


class Tiling(NamedTuple):
    """What a choice of tiles costs for one example, all groups together."""

    multiplications: int
    transformed: int
    """Elements of tiles, of inputs and of outputs."""


def applies(convolution: Convolution) -> bool:
    """Whether it is a dense 3x3 convolution of stride 1; of an image, since its kernel has two
    axes."""
    return (
        are_equal(convolution.kernel, (3, 3))
        and _slides_by_one(convolution)
        and not convolution.is_depthwise
    )


def has_winograd(element_bytes: int, rules: frozenset[str]) -> bool:
    """Whether a runtime has these tiles at a precision."""
    return ("winograd" if element_bytes > 1 else "winograd_int8") in rules


def _slides_by_one(convolution: Convolution) -> bool:
    return all(is_equal(step, 1) for step in (*convolution.stride, *convolution.dilation))


def tilings(convolution: Convolution) -> tuple[Tiling, ...]:
    """The cost of each size of tile."""
    channels_in, channels_out = convolution.channels_in, convolution.channels_out
    costs = []
    for side in SIDES:
        tiles = ceil_div(convolution.rows, side) * ceil_div(convolution.columns, side)
        points = tiles * (side + 2) ** 2 * convolution.groups * convolution.images
        costs.append(
            Tiling(points * channels_in * channels_out, points * (channels_in + channels_out))
        )
    return tuple(costs)


def cheapest_tiling(convolution: Convolution) -> Tiling:
    """The tiles that a runtime would take: with the least of multiplying and transforming."""
    cheapest, *others = tilings(convolution)
    for tiling in others:
        cheaper = _cost(tiling) < _cost(cheapest)
        cheapest = Tiling(
            where(cheaper, tiling.multiplications, cheapest.multiplications),
            where(cheaper, tiling.transformed, cheapest.transformed),
        )
    return cheapest


def _cost(tiling: Tiling) -> int:
    """Of multiplying and transforming, in multiplications."""
    return tiling.multiplications + _TRANSFORM * tiling.transformed


def fewest_of_any(convolution: Convolution) -> int | None:
    """What no tiles for kernels of any size multiply less than; None where tiles do not apply.

    Runtimes have them for 5x5, 1x7 and depthwise kernels, too (Arm Compute Library, MNN), and FFT
    of tiles of 16 x 16 takes no less. On an axis on which the kernel has one element, tiles save
    nothing.
    """
    if not _slides_by_one(convolution):
        return None
    points = 1
    for size, kernel in zip(convolution.outputs, convolution.kernel, strict=True):
        tiled = [ceil_div(size, side) * (side + kernel - 1) for side in SIDES]
        points = points * reduce(smallest, tiled, size * kernel)
    groups = convolution.groups * convolution.images
    return points * groups * convolution.channels_in * convolution.channels_out


def fewest_multiplications(convolution: Convolution) -> int:
    """A bound: no choice of tiles multiplies less."""
    return reduce(smallest, [tiling.multiplications for tiling in tilings(convolution)])
