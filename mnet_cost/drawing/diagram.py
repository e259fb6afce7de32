"""What is drawn of a network, or of one of its blocks: boxes with costs, and what flows between.

A box is a layer, or a block with its copies together. Inputs, and where it ends, are boxes of their
own; those of a block are the tensors that it reads and leaves. Times are those of the first device.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.work import LayerCost
from mnet_cost.explorer.varieties import variety_of
from mnet_cost.network import Network, Step
from mnet_cost.network.parts import check_part, is_within
from mnet_cost.report.rows import Group, Times, groups, shape_text

Grain = Literal["block", "layer"]
VARIETIES = {
    "1x1": "1x1 convolution",
    "depthwise": "depthwise",
    "convolution": "other convolution",
    "linear": "linear",
    "product": "attention, products",
    "recurrent": "recurrent",
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


class Totals(NamedTuple):
    """What all that is drawn costs; None is unknown."""

    mult_adds: int | None = None
    params: int | None = None
    is_at_least: bool = False
    """Whether layers without a cost rule are left out."""
    time_s: float | None = None
    time_is_at_least: bool = False


class Diagram(NamedTuple):
    """A network, or a block of one, as it is drawn."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[int, int], ...]
    """From one box to another, by their positions: sorted, each once."""
    device: str | None
    """Whose times these are; None where shares are of mult-adds."""
    totals: Totals
    block: str | None = None
    """The path of the block that is drawn alone."""


def diagram_of(analysis: Analysis, by: Grain = "block", block: str | None = None) -> Diagram:
    """The boxes of a network, or of the block at a path alone, in the order in which they run.

    Of copies the first is drawn: `middle` stands for `middle.1`. Raises `ModelReferenceError` where
    there is no such block.
    """
    network = analysis.network
    if block is not None:
        check_part(network, block)
        if block not in network.calls and f"{block}.1" in network.calls:
            block = f"{block}.1"
    timed = next((each for each in analysis.devices if each.latency_s is not None), None)
    times = Times(timed, analysis.latency_s(timed)) if timed else None
    steps = [step for step in network.steps if is_within(step.name, block)]
    inputs, outputs = _ends(network, steps) if block else (network.inputs, network.outputs)
    boxes = [
        Box(network.tensors[i].name, "input", shape_text(network.tensors[i].type)) for i in inputs
    ]
    box_of = {index: number for number, index in enumerate(inputs)}  # by tensor
    rows = groups(analysis, by, block)
    of_step: dict[str, int] = {}
    for group in rows:
        of_step.update(dict.fromkeys((cost.step.name for cost in group.layers), len(boxes)))
        boxes.append(_box(analysis, group, times))
    for step in steps:
        box_of.update(dict.fromkeys(step.outputs, of_step[step.name]))
    arrows = {
        (box_of[tensor], of_step[step.name])
        for step in steps
        for tensor in step.inputs
        if box_of[tensor] != of_step[step.name]
    }
    for tensor in outputs:
        found = network.tensors[tensor]
        arrows.add((box_of[tensor], len(boxes)))
        boxes.append(Box("output", "output", shape_text(found.type)))
    device = timed.device.name if timed else None
    title = network.spec.title if block is None else f"{network.spec.title}: {block}"
    totals = _totals(analysis, rows, times)
    return Diagram(title, tuple(boxes), tuple(sorted(arrows)), device, totals, block)


def _ends(network: Network, steps: Sequence[Step]) -> tuple[Sequence[int], Sequence[int]]:
    """The tensors that some steps read and others make, and those they leave to others."""
    made = {tensor for step in steps for tensor in step.outputs}
    inside = {step.name for step in steps}
    read = dict.fromkeys(tensor for step in steps for tensor in step.inputs if tensor not in made)
    left = {tensor for step in network.steps if step.name not in inside for tensor in step.inputs}
    left.update(network.outputs)
    return list(read), [tensor for tensor in sorted(made) if tensor in left]


def _totals(analysis: Analysis, rows: Sequence[Group], times: Times | None) -> Totals:
    """The sums of what is drawn; the whole network's are those of its analysis."""
    drawn = Group("", "", tuple(cost for row in rows for cost in row.layers))
    is_whole = len(drawn.layers) == len(analysis.layers)
    time_s, is_least = None, False
    if times is not None:
        time_s = times.whole_s if is_whole else times.seconds(drawn)
        names = {cost.step.name for cost in drawn.layers}
        is_least = times.estimate.basis == "bound" or not names.isdisjoint(times.estimate.untimed)
    mult_adds = params = None
    if is_whole:
        mult_adds, params = analysis.total("mult_adds"), analysis.total("params")
    elif drawn.modelled or analysis.gives_lower_bounds:
        mult_adds, params = drawn.mult_adds, drawn.params
    return Totals(mult_adds, params, not drawn.modelled, time_s, is_least)


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
