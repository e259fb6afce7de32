"""What is drawn of a network: boxes with costs, and what flows between them.

A box is a layer, or a block with its copies together. Inputs of the network, and where it ends, are
boxes of their own. Times are those of the first device.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.work import LayerCost
from mnet_cost.explorer.varieties import variety_of
from mnet_cost.report.rows import Group, Times, groups, shape_text

Grain = Literal["block", "layer"]
VARIETIES = {
    "1x1": "1x1 convolution",
    "depthwise": "depthwise",
    "convolution": "other convolution",
    "linear": "linear, matrix products",
    "pooling": "pooling",
    "other": "other",
}
"""Varieties of layers, which figures tell by colour, and what a legend calls them."""


class Part(NamedTuple):
    """How much of a box is of one variety."""

    variety: str
    amount: float


class Box(NamedTuple):
    """A block with its copies, a layer, an input, or the end of the network."""

    name: str
    kind: str
    """Of the layer, or the name of the block; `input` and `output` for the ends."""
    shape: str
    """Of its output, for one example: `512x14x14`."""
    copies: int = 1
    layers: int = 0
    mult_adds: int | None = None
    """Of the batch; None where it is not known."""
    params: int | None = None
    time_s: float | None = None
    """On the first device; None where it is not known, or spent in the kernel of another box."""
    share: float | None = None
    """Of the network's time, or without times of its mult-adds, from 0 to 1."""
    variety: str = "other"
    """That of most of its mult-adds."""
    parts: tuple[Part, ...] = ()
    """Its time, or without times its mult-adds, by variety."""


class Diagram(NamedTuple):
    """A network as it is drawn."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[int, int], ...]
    """From one box to another, by their positions: sorted, each once."""
    device: str | None
    """Whose times these are; None where shares are of mult-adds."""
    analysis: Analysis


def diagram_of(analysis: Analysis, by: Grain = "block") -> Diagram:
    """The boxes of a network, a block or a layer each, in the order in which they run."""
    network = analysis.network
    timed = next((each for each in analysis.devices if each.latency_s is not None), None)
    times = Times(timed, analysis.latency_s(timed)) if timed else None
    boxes = [
        Box(network.tensors[i].name, "input", shape_text(network.tensors[i].type))
        for i in network.inputs
    ]
    box_of = {index: number for number, index in enumerate(network.inputs)}  # by tensor
    rows = groups(analysis, by)
    of_step: dict[str, int] = {}
    for group in rows:
        of_step.update(dict.fromkeys((cost.step.name for cost in group.layers), len(boxes)))
        boxes.append(_box(analysis, group, times))
    for step in network.steps:
        box_of.update(dict.fromkeys(step.outputs, of_step[step.name]))
    arrows = {
        (box_of[tensor], of_step[step.name])
        for step in network.steps
        for tensor in step.inputs
        if box_of[tensor] != of_step[step.name]
    }
    for tensor in network.outputs:
        found = network.tensors[tensor]
        arrows.add((box_of[tensor], len(boxes)))
        boxes.append(Box("output", "output", shape_text(found.type)))
    device = timed.device.name if timed else None
    title = network.spec.title
    return Diagram(title, tuple(boxes), tuple(sorted(arrows)), device, analysis)


def _box(analysis: Analysis, group: Group, times: Times | None) -> Box:
    amounts: dict[str, float] = {}
    mult_adds: Counter[str] = Counter()
    for cost in group.layers:
        variety = variety_of(cost.step)
        mult_adds[variety] += cost.mult_adds
        amounts[variety] = amounts.get(variety, 0.0) + _amount(cost, times)
    seconds = times.seconds(group) if times else None
    total = analysis.total("mult_adds")
    share = times.share(group) if times else None
    if times is None and group.modelled and total:
        share = group.mult_adds / total
    last = group.layers[-1]
    return Box(
        group.name,
        group.kind,
        shape_text(last.output),
        group.copies,
        len(group.layers),
        group.mult_adds if group.modelled else None,
        group.params if group.modelled else None,
        seconds,
        share,
        mult_adds.most_common(1)[0][0] if group.mult_adds else variety_of(group.layers[0].step),
        tuple([Part(variety, amount) for variety, amount in amounts.items() if amount]),
    )


def _amount(cost: LayerCost, times: Times | None) -> float:
    """The time of the kernel that a layer is the anchor of, or its mult-adds."""
    if times is None:
        return cost.mult_adds
    return times.seconds(Group(cost.step.name, "", (cost,))) or 0.0
