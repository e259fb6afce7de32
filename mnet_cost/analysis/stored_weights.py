"""Bytes of weights as integer runtimes store them: beside int8 weights, biases are int32.

A bias is added to the sum of products, so it has the width of the accumulator (TensorFlow Lite,
8-bit quantization specification). A norm that is folded into a convolution leaves one bias for each
channel. So that is of kernels, not of layers. Not here: scales of channels, which some runtimes
keep in code, and what a file stores beside weights.
"""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.analysis.kernels import Kernel, precision_of
from mnet_cost.tensors import DTYPES, agreed

_INTEGERS = ("int8", "uint8")
_BIAS_BYTES = DTYPES["int32"].bytes


def stored_weight_bytes(kernels: Sequence[Kernel], precision: str, weight_bytes: int) -> int:
    """Bytes in storage of a network whose layers have `weight_bytes`, where `precision` is that of
    the analysis."""
    total = weight_bytes
    for kernel in kernels:
        if precision_of(kernel, precision) in _INTEGERS:
            total = total + _more(kernel)
    return total


def _more(kernel: Kernel) -> int:
    """What biases take more than one byte each, and a folded norm than its params."""
    anchor = kernel.anchor
    if anchor.work is None or not agreed(anchor.work.weights > 0):
        return 0
    biases = anchor.params - anchor.weights
    norms = [cost for cost in kernel.layers[1:] if cost.step.layer.is_foldable]
    replaced = biases + sum([cost.weight_bytes for cost in norms])
    if norms and not agreed(biases > 0):
        sizes, shape = kernel.convolution, anchor.output.shape
        biases = shape[-1] if sizes is None else sizes.groups * sizes.channels_out
    more: int = biases * _BIAS_BYTES - replaced
    return more
