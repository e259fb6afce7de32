"""The part of a sweep's request that is about design spaces: their axes, scores and candidates.

Apart from `sweep_request.py`, since it needs NumPy, which a plan of a grid does not. Not here: what
a user may ask for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from mnet_cost.devices import DeviceProfile
from mnet_cost.metrics import Metric
from mnet_cost.search.accuracies import surfaces_of
from mnet_cost.search.block_rows import MAX_NETWORKS
from mnet_cost.search.blocks import COSTS, Block
from mnet_cost.search.selection import Candidates, Drawn
from mnet_cost.search.space_costs import SpaceScores, table_metrics
from mnet_cost.search.spaces import describe_space
from mnet_cost.search.sweep_request import Network, SweepRequest


def described(network: Network) -> Network:
    """`network` with all axes of its design space; raises what `describe_space` raises."""
    space = describe_space(network.model, network.axes, network.name)
    axes = {axis.name: axis.options for axis in space.axes}
    # Where nothing is published, the network as it is by default need not hold.
    surfaces = surfaces_of(network.model, axes) if network.model.spec.published else ()
    return replace(network, model=space.model, axes=axes, surfaces=surfaces)


def usual_costs(devices: Sequence[DeviceProfile], precisions: Sequence[str]) -> tuple[Metric, ...]:
    """The costs that tables can have at one of the precisions at least."""
    known = {metric for precision in precisions for metric in table_metrics(devices, precision)}
    return tuple([metric for metric in COSTS if metric in known])


def with_scores(request: SweepRequest, asked: Collection[str]) -> SweepRequest:
    """`request` with the scores of its spaces, and the candidates of a random sample; `asked` are
    the columns that a user has named."""
    selection = request.selection
    assert selection is not None
    networks = []
    for network in request.networks:
        space = describe_space(network.model, network.axes, network.name)
        scores = SpaceScores(
            space, request.devices, request.convention, request.metrics, asked,
            request.lower_bound, selection.count or MAX_NETWORKS,
        )  # fmt: skip
        for precision in network.precisions:
            scores.at(precision)
        space = scores.space
        axes = {axis.name: axis.options for axis in space.axes}
        candidates: Candidates | None = None
        if not selection.is_search:
            candidates = Drawn(space, selection.count, selection.seed)
        networks.append(replace(network, axes=axes, space=scores, candidates=candidates))
    every = {knob: values for network in networks for knob, values in network.axes.items()}
    return replace(request, networks=tuple(networks), axes=every)


def space_blocks(request: SweepRequest, network: Network) -> Iterator[Block]:
    """The candidates of a network, some at a time, at all precisions."""
    assert network.space is not None
    if network.candidates is not None:
        for samples in network.candidates.pieces():
            for precision in network.precisions:
                yield network.space.at(precision).block(samples)
