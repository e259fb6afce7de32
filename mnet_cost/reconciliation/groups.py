"""Layers that are written alike: groups of the layers of a kind that may have another form.

What one line of a spec writes is one group. In a network that was read from a file each layer has a
line of its own, so that layers with the same neighbours are a group as well: the pools of all
squeeze-excites are one, the last pool is another. Not here: what another form counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from mnet_cost.analysis.work import LayerCost
from mnet_cost.layers import FAMILIES
from mnet_cost.network import Network
from mnet_cost.network.types import Step

_MOST_SUBSETS = 4
"""Groups of which every set may be written in another form."""
_MOST_GROUPS = 16
"""Groups of which each, and all but each, may be written in another form."""
_MOST_ACTIVATIONS = 3
"""Activations one after the other that are looked through."""
_ACTIVATIONS = frozenset(FAMILIES["Activations"])


def group_sets(network: Network, costs: Sequence[LayerCost]) -> Iterator[list[LayerCost]]:
    """All of `costs`, and then sets of the groups that they make; each set once."""
    if not costs:
        return
    lines = _grouped(costs, lambda cost: cost.step.line)
    groupings = [lines]
    if len(lines) > _MOST_SUBSETS:
        groupings.insert(0, _grouped(costs, _Neighbours(network).of))
    yield list(costs)
    known = {len(costs) * (0,)}
    places = {cost.step.name: place for place, cost in enumerate(costs)}
    for groups in groupings:
        for some in _subsets(groups):
            every = sorted(
                [cost for group in some for cost in group],
                key=lambda cost: places[cost.step.name],
            )
            key = tuple([places[cost.step.name] for cost in every])
            if key not in known and len(every) < len(costs):
                known.add(key)
                yield every


class _Neighbours:
    """What stands around layers. Activations are looked through: whichever is there is alike."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._readers: dict[int, list[Step]] = {}
        for step in network.steps:
            for tensor in step.inputs:
                self._readers.setdefault(tensor, []).append(step)

    def of(self, cost: LayerCost) -> tuple[object, ...]:
        """Kinds of the layers before, beside and behind a layer."""
        step = cost.step
        return (
            tuple([self._before(tensor) for tensor in step.inputs]),
            tuple(sorted({each.layer.kind for tensor in step.inputs
                          for each in self._readers[tensor] if each.name != step.name})),
            tuple(sorted(self._behind(step))),
        )  # fmt: skip

    def _before(self, tensor: int) -> str:
        for _ in range(_MOST_ACTIVATIONS):
            producer = self._network.tensors[tensor].producer
            if producer is None:
                return ""
            step = self._network.steps[producer]
            if step.layer.kind not in _ACTIVATIONS:
                return step.layer.kind
            tensor = step.inputs[0]
        return "activation"

    def _behind(self, step: Step) -> set[str]:
        steps, kinds = [step], set()
        for _ in range(_MOST_ACTIVATIONS):
            readers = [each for step in steps for tensor in step.outputs
                       for each in self._readers.get(tensor, ())]  # fmt: skip
            steps = [each for each in readers if each.layer.kind in _ACTIVATIONS]
            kinds.update([each.layer.kind for each in readers
                          if each.layer.kind not in _ACTIVATIONS])  # fmt: skip
        return kinds


def _grouped(
    costs: Sequence[LayerCost], key: Callable[[LayerCost], object]
) -> list[list[LayerCost]]:
    groups: dict[object, list[LayerCost]] = {}
    for cost in costs:
        groups.setdefault(key(cost), []).append(cost)
    return list(groups.values())


def _subsets(groups: list[list[LayerCost]]) -> Iterator[tuple[list[LayerCost], ...]]:
    """Every set of few groups; of more, each group and all but each; of many, nothing."""
    count = len(groups)
    if count > _MOST_GROUPS:
        return
    if count <= _MOST_SUBSETS:
        sizes: tuple[int, ...] = tuple(range(1, count))
    else:
        sizes = (1, count - 1)
    for size in sizes:
        yield from combinations(groups, size)
