"""The amounts of each cost term that a kernel has: a fitted time is made of them.

Time is the sum of amounts times coefficients (`devices/terms.py` lists the terms, a latency fit has
the coefficients). Amounts are millions of multiplications, of elements or of weights; elements
rather than bytes, since the coefficients depend on the precision. Kinds of kernels have terms of
their own where runtimes have different code for them. Not here: cost coefficients, and what is
known of a device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis.kernels import STEM_CHANNELS, Kernel
from mnet_cost.analysis.winograd import applies, cheapest_tiling, has_winograd
from mnet_cost.devices.coefficients import Caches
from mnet_cost.devices.terms import INFERENCE, TERM_NAMES
from mnet_cost.layers.axes import channel_axis
from mnet_cost.layers.base import AttentionSizes, Convolution, Layer
from mnet_cost.tensors import (
    TensorType,
    agreed,
    ceil_div,
    is_equal,
    is_nothing,
    largest,
    logarithm,
    smallest,
    square_root,
    where,
)

_MILLION = 1e6
PACKS = (4, 8, 16)
"""Channels that are kept together in memory, where a runtime packs them; each divides the next."""

NONE = 0.0
"""The amount of a term that a kernel does not have: this object, since others can be arrays."""


def kernel_amounts(
    kernels: Sequence[Kernel],
    rules: frozenset[str],
    tile: int = 1,
    caches: Caches | None = None,
    network: Sequence[Kernel] | None = None,
) -> tuple[tuple[float, ...], ...]:
    """Amounts of each kernel, in the order of `TERMS`.

    `tile` is how many output channels are computed together; with the rules `pack_channels` and
    `block_channels`, how many are kept together. What `caches` do not hold has terms of its own;
    they hold what all kernels of the `network` read, `kernels` if nothing else is given.
    """
    far = NONE if caches is None else _far_weights(network or kernels, caches)
    known: dict[tuple[object, ...], tuple[float, ...]] = {}
    per_kernel = []
    for kernel in kernels:
        curves = _fused_curves(kernel)
        key: tuple[object, ...] = (
            id(kernel.anchor.work), kernel.input_elements, kernel.output_elements,
            kernel.trained_elements, kernel.input_bytes, kernel.output_bytes, kernel.converted,
            kernel.attention, kernel.moves_around, curves,
        )  # fmt: skip
        try:
            amounts = known.get(key)
        except TypeError:  # arrays have no hash
            amounts, key = None, (id(kernel),)
        if amounts is None:
            counted = _amounts(kernel, rules, tile)
            if kernel.converted:
                _add_conversions(counted, kernel)
            if kernel.attention is not None:
                _add_parts_of_attention(counted, kernel, kernel.attention)
            if kernel.moves_around:
                _add_moves(counted, kernel)
            if curves is not NONE:
                counted["curve"] = counted.get("curve", NONE) + curves
            if caches is not None:
                _add_far(counted, kernel, caches, far)
            amounts = known[key] = tuple([counted.get(name, NONE) for name in TERM_NAMES])
        per_kernel.append(amounts)
    return tuple(per_kernel)


def network_amounts(
    kernels: Sequence[Kernel],
    rules: frozenset[str],
    tile: int = 1,
    caches: Caches | None = None,
) -> tuple[tuple[float, ...], ...]:
    """Amounts of each kernel of a network, and in a last row what an inference has besides."""
    besides = [NONE] * len(TERM_NAMES)
    besides[INFERENCE] = 1.0
    return (*kernel_amounts(kernels, rules, tile, caches), tuple(besides))


def _amounts(kernel: Kernel, rules: frozenset[str], tile: int) -> dict[str, float]:
    layer, work = kernel.anchor.step.layer, kernel.anchor.work
    moved = (kernel.input_elements + kernel.output_elements) / _MILLION
    if work is None:
        return {"kernel": 1.0}
    if kernel.convolution is not None:
        return _convolution(kernel, kernel.convolution, rules, tile, moved)
    params = (layer.stored_with_weights(work) + kernel.trained_elements) / _MILLION
    if layer.effort == "linear" and is_equal(
        kernel.output_elements, kernel.anchor.output.shape[-1]
    ):
        return {"kernel": 1.0, "vector_weights": params}
    if layer.effort in ("linear", "matmul"):
        multiplied = kernel.mult_adds / _MILLION
        amounts = {
            "kernel": 1.0, "matmul": multiplied, "pointwise_elements": moved, "weights": params,
        }  # fmt: skip
        if layer.effort == "matmul" and not is_nothing(kernel.anchor.vector_ops):
            amounts["softmax"] = kernel.anchor.vector_ops / _MILLION
        return amounts
    if layer.effort == "resize":
        return {"kernel": 1.0, "resize": kernel.output_elements / _MILLION}
    if layer.effort == "pooling":
        return _pooling(kernel, rules, tile)
    if layer.effort in ("move", "permute"):
        # Where convolutions keep channels in blocks, all else runs in the plain layout.
        whole = layer.keeps_rows and "block_channels" in rules
        return {"kernel": 1.0, "move_kernels": 1.0, "move" if whole else layer.effort: moved}
    if layer.effort == "arithmetic":
        amounts = {"kernel": 1.0, "elementwise": moved}
        own = kernel.trained or not is_nothing(layer.stored_with_weights(work))
        if own and _is_image(kernel.anchor.output) and _shifts(layer):
            amounts["image"] = kernel.output_elements / _MILLION
        return amounts
    return {"kernel": 1.0, layer.effort: moved}


def _shifts(layer: Layer) -> bool:
    """Whether a layer adds or subtracts. A normalization does that once: minus a mean, over a
    deviation; or times a factor, plus an offset; or as a norm."""
    return getattr(layer, "operation", layer.kind) in ("add", "subtract", "batch_norm")


def _is_image(x: TensorType) -> bool:
    """Whether a tensor has the few channels of an image."""
    return len(x.shape) > 2 and agreed(x.shape[channel_axis(x)] <= STEM_CHANNELS)


def _pooling(kernel: Kernel, rules: frozenset[str], tile: int) -> dict[str, float]:
    # A window of side k takes k times the outputs: rows are shared between neighbours.
    out = square_root(kernel.vector_ops / _MILLION * (kernel.output_elements / _MILLION))
    amounts = {"kernel": 1.0, "pooling": kernel.input_elements / _MILLION + out}
    output = kernel.anchor.output
    if "block_channels" in rules and kernel.anchor.step.layer.kind == "avg_pool2d":
        fills = output.shape[channel_axis(output)] % tile == 0
        amounts["unpacked_pooling"] = where(fills, 0.0, kernel.vector_ops / _MILLION)
    return amounts


def _convolution(
    kernel: Kernel, sizes: Convolution, rules: frozenset[str], tile: int, moved: float
) -> dict[str, float]:
    layer, work = kernel.anchor.step.layer, kernel.anchor.work
    assert work is not None
    weights = (layer.stored_with_weights(work) + kernel.trained_elements) / _MILLION
    is_pointwise = sizes.is_pointwise
    if is_pointwise and is_equal(kernel.output_elements, sizes.groups * sizes.channels_out):
        return {"kernel": 1.0, "vector_weights": weights}  # as a linear layer: one position
    packs, blocks = "pack_channels" in rules, "block_channels" in rules
    stem = agreed(sizes.groups == 1) and agreed(sizes.channels_in <= STEM_CHANNELS)
    multiplied = kernel.mult_adds / _MILLION
    if not packs:
        multiplied = multiplied * tile_waste(sizes, tile)
    amounts = {"kernel": 1.0, "weights": weights}
    if blocks:
        outside = _outside_blocks(sizes, tile)
        term = "unpacked_depthwise" if sizes.is_depthwise else "unpacked"
        amounts[term] = where(outside, kernel.mult_adds / _MILLION, 0.0)
        if not sizes.is_depthwise and not stem:
            padded = ceil_div(sizes.channels_in, tile) * tile / sizes.channels_in
            multiplied = multiplied * where(outside, 1.0, padded)
    if sizes.is_depthwise:
        small = all(agreed(size <= 3) for size in sizes.kernel)
        amounts["depthwise_3x3" if small else "depthwise_5x5"] = multiplied
        amounts["depthwise_elements"] = moved
        if packs:
            channels = sizes.groups * sizes.channels_out
            amounts["unpacked_depthwise"] = multiplied * _unpacked(channels, tile)
        return amounts
    if "split_groups" in rules:
        amounts["groups"] = sizes.groups - 1.0
    elif blocks:
        amounts["groups"] = where(outside, sizes.groups - 1.0, 0.0)
    if packs:
        worst = _unpacked(sizes.channels_out, tile)
        if not stem:
            worst = largest(worst, _unpacked(sizes.channels_in, tile))
        amounts["unpacked"] = multiplied * worst
    amounts["pointwise_elements" if is_pointwise else "dense_elements"] = moved
    if is_pointwise:
        amounts["pointwise"] = multiplied
    elif stem:
        amounts["stem"] = multiplied
    elif has_winograd(kernel.element_bytes, rules) and applies(sizes):
        del amounts["dense_elements"]  # its transforms are what reads and writes
        tiling = cheapest_tiling(sizes)
        amounts["winograd"] = tiling.multiplications * kernel.batch / _MILLION
        amounts["winograd_tiles"] = tiling.transformed * kernel.batch / _MILLION
    else:
        # Runtimes without Winograd carry windows out as matrix products, which 1x1 kernels are;
        # those with it have code of its own for what Winograd does not do.
        term = "dense" if has_winograd(kernel.element_bytes, rules) else "windows"
        amounts[term] = multiplied
    return amounts


def _outside_blocks(sizes: Convolution, tile: int) -> Any:
    """Whether a convolution has no kernel for blocks of `tile` channels and runs without them.

    Source: ONNX Runtime, core/optimizer/nchwc_transformer.cc.
    """
    if sizes.is_depthwise:
        return sizes.groups * sizes.channels_out % 4 != 0
    if agreed(sizes.groups > 1):
        return (sizes.channels_in % tile != 0) | (sizes.channels_out % tile != 0)
    return (sizes.channels_in % 4 != 0) & (sizes.channels_in >= tile)


def _fused_curves(kernel: Kernel) -> Any:
    """Elements in and out of functions with an exponential or a root that are fused into a kernel:
    they save the way through memory, but no work."""
    curves = [
        2 * fused.output.elements * kernel.batch / _MILLION
        for fused in kernel.layers[1:]
        if fused.step.layer.effort == "curve"
    ]
    return sum(curves) if curves else NONE


def _add_parts_of_attention(
    amounts: dict[str, float], kernel: Kernel, sizes: AttentionSizes
) -> None:
    """The amounts of attention that is several kernels, beside those of a fused one.

    Queries, keys, values and the means of values are put apart by heads, and together again. Each
    product reads and writes what a fused kernel keeps.
    """
    per_million = kernel.batch / _MILLION
    products = sizes.sequences + 2 * sizes.scores + sizes.read_again
    if sizes.projections:  # what makes queries, keys and values, and what reads the means
        products = products + sizes.sequences
    amounts["pointwise_elements"] += products * per_million
    amounts["move"] = 2 * sizes.sequences * per_million
    amounts["move_kernels"] = 4.0
    # Two products, the softmax, and the four that put elements elsewhere.
    amounts["kernel"] += 6.0 + sizes.projections


def _add_moves(amounts: dict[str, float], kernel: Kernel) -> None:
    """The amounts of kernels that put all elements elsewhere, before or after."""
    moved = (kernel.input_elements + kernel.output_elements) / _MILLION
    for term, amount in (("kernel", 1.0), ("move_kernels", 1.0), ("move", moved)):
        amounts[term] = amounts.get(term, NONE) + amount * kernel.moves_around


def _add_conversions(amounts: dict[str, float], kernel: Kernel) -> None:
    """The amounts of kernels that put tensors into another layout: each permutes a tensor."""
    moved = {
        "kernel": float(len(kernel.converted)),
        "move_kernels": float(len(kernel.converted)),
        "permute": 2 * sum(kernel.converted) / _MILLION,
    }
    for term, amount in moved.items():
        amounts[term] = amounts.get(term, NONE) + amount


def _far_weights(kernels: Sequence[Kernel], caches: Caches) -> Any:
    """The share of a network's weights that no cache holds from one inference to the next: none up
    to the first size, all from the second on."""
    least, most = caches.weights
    stored = largest(sum([kernel.weight_bytes for kernel in kernels]), least)
    return smallest(logarithm(stored / least) / math.log(most / least), 1.0)


def _add_far(amounts: dict[str, float], kernel: Kernel, caches: Caches, far: Any) -> None:
    """The amounts of weights and elements that no cache holds, beside those of all."""
    weights = amounts.get("weights", NONE) + amounts.get("vector_weights", NONE)
    if weights is not NONE:
        amounts["far_weights"] = weights * far
    least, most = caches.activations
    moved = kernel.input_bytes + kernel.output_bytes
    share = smallest(largest((moved - least) / (most - least), 0.0), 1.0)
    amounts["far_elements"] = (kernel.input_elements + kernel.output_elements) / _MILLION * share


def tile_waste(sizes: Convolution, tile: int) -> float:
    """How many times the multiplications are computed, since output channels come in tiles."""
    if tile == 1:
        return 1.0
    channels = sizes.channels_out * (sizes.groups if sizes.is_depthwise else 1)
    waste: float = ceil_div(channels, tile) * tile / channels
    return waste


def _unpacked(channels: int, tile: int) -> float:
    """0 where `channels` fill packs of `tile`, 1 where they can only be computed one by one."""
    if tile <= 1:
        return 0.0
    unpacked = 1.0
    for pack in PACKS:
        if pack <= tile:
            unpacked = where(channels % pack == 0, (tile / pack - 1) / (tile - 1), unpacked)
    return unpacked
