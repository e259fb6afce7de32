"""Kernels that write their result over the input that they still read.

A convolution or pooling reads its input row by row. Its result can begin before the input in memory
and follow it: what it writes over has been read. Together they take the larger of the two, and the
rows of a window. Compilers for microcontrollers do that (depthwise convolutions in place: MCUNet,
arXiv:2007.10319, section 3.2). Only where the kernel is all that ever reads its input: so it does
not depend on the order of kernels.
"""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.layers.base import both
from mnet_cost.layers.pool import AvgPool2d, MaxPool2d
from mnet_cost.network import Network
from mnet_cost.tensors import agreed, largest, smallest

OVERLAP_RULES = frozenset(("overlap_depthwise", "overlap_windows", "overlap_pointwise"))


def overlap_bytes(
    network: Network, kernels: Sequence[Kernel], rules: frozenset[str]
) -> list[int | None]:
    """For each kernel, the bytes of its result that lie over its input; None where none may."""
    if OVERLAP_RULES.isdisjoint(rules):
        return [None] * len(kernels)
    readers = [0] * len(network.tensors)
    for step in network.steps:
        for tensor in step.inputs:
            readers[tensor] += 1
    for tensor in network.outputs:
        readers[tensor] += 1
    joined = _joined(network) if "concat_in_place" in rules else frozenset()
    return [_overlap(network, kernel, rules, readers, joined) for kernel in kernels]


def _joined(network: Network) -> frozenset[int]:
    """Tensors that may be a part of another one."""
    return frozenset(
        tensor
        for step in network.steps
        if step.layer.kind == "concat"
        for tensor in (*step.inputs, *step.outputs)
    )


def _overlap(
    network: Network,
    kernel: Kernel,
    rules: frozenset[str],
    readers: Sequence[int],
    joined: frozenset[int],
) -> int | None:
    step, sizes = kernel.anchor.step, kernel.convolution
    if sizes is None:
        if "overlap_windows" not in rules or not isinstance(step.layer, MaxPool2d | AvgPool2d):
            return None
        window, _ = both(step.layer.kernel)
    else:
        kind = "depthwise" if sizes.is_depthwise else "windows"
        if f"overlap_{'pointwise' if sizes.is_pointwise else kind}" not in rules:
            return None
        window = sizes.kernel[0]
    tensor = step.inputs[0]
    read = network.tensors[tensor]
    if (
        # A view, a second operand or another reader needs the input as it was.
        [whole for whole, _ in kernel.reads] != [tensor]
        or readers[tensor] != 1
        or len(kernel.writes) != 1
        or not joined.isdisjoint((tensor, kernel.writes[0]))
        or len(read.type.shape) != 3
        or (read.producer is None and "overlap_inputs" not in rules)
        or (read.producer is not None and network.steps[read.producer].layer.effect == "view")
        or not agreed(read.type.shape[1] > 0)
    ):
        return None
    taken = read.type.elements * kernel.element_bytes * kernel.batch
    kept = taken // read.type.shape[1] * window
    overlap: int = largest(smallest(taken, kernel.output_bytes) - kept, 0)
    return overlap
