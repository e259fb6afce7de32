"""What a runtime launches: layers joined into kernels.

One rule, that of every inference runtime: an element-wise layer with one input (a norm, an
activation) rides on the layer that makes its input, if nothing else reads that input. Its own
arithmetic and the trip of its input through memory then cost nothing. Views cost nothing at
all. Residual additions stay kernels of their own. Not here: what single runtimes do beyond.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.analysis.work import LayerCost
from mnet_cost.network import Network, Step


class Kernel(NamedTuple):
    """An anchor layer and what rides on it. Bytes and counts at the batch of the analysis."""

    anchor: LayerCost
    layers: tuple[LayerCost, ...]
    """All its layers, the anchor first."""
    weight_bytes: int
    input_bytes: int
    output_bytes: int

    @property
    def name(self) -> str:
        return self.anchor.step.name

    @property
    def mult_adds(self) -> int:
        return self.anchor.mult_adds

    @property
    def vector_ops(self) -> int:
        """Operations beside mult-adds that take time of their own.

        None where there are mult-adds: a bias starts the accumulator, what rides along is done
        on the accumulator before it is written.
        """
        return 0 if self.anchor.mult_adds else self.anchor.vector_ops

    @property
    def traffic_bytes(self) -> int:
        """Bytes read and written."""
        return self.weight_bytes + self.input_bytes + self.output_bytes


def form_kernels(network: Network, costs: tuple[LayerCost, ...]) -> tuple[Kernel, ...]:
    """The kernels of `network` in the order in which they are launched."""
    readers = [0] * len(network.tensors)
    for step in network.steps:
        for index in step.inputs:
            readers[index] += 1
    for index in network.outputs:
        readers[index] += 1
    groups: list[list[LayerCost]] = []
    group_of: dict[int, list[LayerCost]] = {}  # by the tensor that a group ends with
    for cost in costs:
        step = cost.step
        effect = step.layer.effect
        group = group_of.get(step.inputs[0]) if step.inputs else None
        rides = effect != "compute" and len(step.inputs) == 1 and readers[step.inputs[0]] == 1
        if rides and effect == "view" and not _is_whole(network, step):
            continue  # what acts on a part of a tensor does not ride on what makes all of it
        if rides and group is not None:
            group.append(cost)
            group_of[step.output] = group
            continue
        if effect == "view":
            continue  # no kernel, and nothing rides across a tensor that others read
        group = [cost]
        groups.append(group)
        group_of[step.output] = group
    return tuple([_kernel(group) for group in groups])


def _is_whole(network: Network, step: Step) -> bool:
    """Whether a view holds all of its input."""
    tensors = network.tensors
    return tensors[step.output].type.elements == tensors[step.inputs[0]].type.elements


def _kernel(group: list[LayerCost]) -> Kernel:
    anchor = group[0]
    if len(group) == 1:
        return Kernel(
            anchor, (anchor,), anchor.read_weight_bytes, anchor.input_bytes, anchor.output_bytes
        )
    written = [cost.output_bytes for cost in group if cost.step.layer.effect != "view"]
    return Kernel(
        anchor,
        tuple(group),
        sum([cost.read_weight_bytes for cost in group]),
        anchor.input_bytes,
        written[-1],
    )
