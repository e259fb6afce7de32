"""What a layer with a few channels more or less changes in each metric.

For each channel group (`network/groups.py`) the network is made again, narrower and wider, and
analyzed by the same passes; nothing is derived. Runtimes compute channels in vectors and tiles, so
time is a staircase: beside one step down and up, the next full tiles below and above are looked at.
Not here: what a change costs in accuracy, which nobody knows before training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import gcd
from typing import NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.costs import NetworkCosts, network_costs
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.analysis.terms import PACKS
from mnet_cost.devices.latency_models import CoefficientFit
from mnet_cost.errors import Problem, UsageError
from mnet_cost.metrics import Metric
from mnet_cost.network.groups import ChannelGroup, FixedLayer, find_groups
from mnet_cost.network.parts import check_part
from mnet_cost.network.rebuild import MisfitError, with_layers
from mnet_cost.tensors import RuleViolation

_MOST_LAYERS = 5_000_000
"""Layers that are analyzed for one answer: a few minutes."""
_PER_GROUP = 4
"""Networks that are analyzed for a group, about."""
_MOST_FREE = 16
"""Tiles, or steps on a device without tiles, that are tried while they cost nothing."""
_LEAST_SAVING = 0.001
"""Layers are worth thinning if the next full tile below saves at least this share of the time."""


class Change(NamedTuple):
    """The network with another width of one group."""

    channels: int
    """Of the layer that names the group."""
    costs: NetworkCosts


class Staircase(NamedTuple):
    """What the width of a group does to the time on one device."""

    device: str
    tile: int | None
    """Channels that are computed or kept together; None where the model of the device's time has
    no steps in channels."""
    lower: Change | None
    """The next full tile below, without a tile one step less; None where there is none."""
    higher: Change | None
    """The next full tile above, or one step more."""
    free_channels: int | None
    """How many channels more take no more time; None without a time."""
    time_share: float | None
    """Share of the time that `lower` saves."""
    mult_adds_share: float | None
    """Share of the mult-adds that `lower` saves."""

    @property
    def gain(self) -> float | None:
        """Time that `lower` saves for its mult-adds: 1 where both fall by the same share."""
        if self.time_share is None or not self.mult_adds_share:
            return None
        return self.time_share / self.mult_adds_share


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSensitivity:
    """What a group costs one step narrower, as it is, and one step wider."""

    name: str
    """The layer that names the group."""
    group: ChannelGroup
    fewer: Change | None
    """One step less; None where nothing is left of a layer, or a rule refuses the size."""
    more: Change | None
    stairs: tuple[Staircase, ...]
    """One for each device."""

    def __repr__(self) -> str:
        return f"<GroupSensitivity {self.name}: {self.group.channels} channels>"


class Unchangeable(NamedTuple):
    """A layer whose width cannot change while the fields of other layers stay, and why."""

    name: str
    channels: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityResult:
    """The sensitivities of a network, and the analysis of it as it is."""

    analysis: Analysis
    costs: NetworkCosts
    """The numbers of `analysis` alone."""
    groups: tuple[GroupSensitivity, ...]
    """In the order of the network."""
    unchangeable: tuple[Unchangeable, ...]

    def __repr__(self) -> str:
        return f"<SensitivityResult {self.analysis.network.spec.title}: {len(self.groups)} groups>"

    def with_lower_bounds(self) -> SensitivityResult:
        """The same for the analysis that gives lower bounds, where layers have no cost rule."""
        return replace(self, analysis=self.analysis.with_lower_bounds())

    def staircase(self, sensitivity: GroupSensitivity, device: int) -> Staircase:
        """The staircase of one of `groups` on a device by its number; without the numbers that
        follow from totals where these are refused."""
        stairs = sensitivity.stairs[device]
        if self.analysis.has_totals:
            return stairs
        return stairs._replace(free_channels=None, time_share=None, mult_adds_share=None)

    def worth_thinning(self, device: int) -> list[GroupSensitivity]:
        """Groups that lose more time than mult-adds at the next full tile below, on one device by
        its number: the most time for a mult-add first. Outputs of the network are none."""
        thin = []
        for sensitivity in self.groups:
            stairs = self.staircase(sensitivity, device)
            gain, saved = stairs.gain, stairs.time_share
            if gain is None or saved is None or sensitivity.group.is_output:
                continue
            if gain > 1 and saved >= _LEAST_SAVING:
                thin.append((-gain, sensitivity))
        return [sensitivity for _, sensitivity in sorted(thin, key=lambda item: item[0])]

    def free(self, device: int) -> list[GroupSensitivity]:
        """Groups that can be wider without more time on one device, by the most channels."""
        free = [(self.staircase(each, device).free_channels or 0, each) for each in self.groups]
        return [each for channels, each in sorted(free, key=lambda item: -item[0]) if channels]

    def difference(
        self, change: Change | None, metric: Metric, device: int | None = None
    ) -> float | None:
        """A metric after a change, less the metric as it is; None where one of both is unknown or
        refused. `device` is the number of one of the analysis' devices."""
        if change is None or (metric.needs_totals and not self.analysis.has_totals):
            return None
        return _difference(self.costs, change.costs, metric, device)


def find_sensitivities(
    analysis: Analysis,
    layer: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SensitivityResult:
    """The sensitivity of each channel group, or of those that start in one layer or block.

    `progress` is called with the groups that are done and all of them. Raises
    `ModelReferenceError` where no layer or block is called `layer`, and `UsageError` where it
    would take too long.
    """
    network = analysis.network
    if analysis.sparsity is not None or analysis.schedule is not None:
        message = "a sensitivity is that of a dense network in the order of its spec"
        raise UsageError(Problem(message, hint="leave out `sparsity` and `schedule`"))
    if layer is not None:
        check_part(network, layer)
    channel_groups, fixed_layers = find_groups(network, layer)
    _refuse_too_many(analysis, len(channel_groups))
    costs = analysis.costs
    groups: list[GroupSensitivity] = []
    unchangeable = [_unchangeable(analysis, fixed) for fixed in fixed_layers]
    for done, group in enumerate(channel_groups):
        progress(done, len(channel_groups))
        result = _sensitivity(analysis, costs, group)
        if isinstance(result, FixedLayer):
            unchangeable.append(_unchangeable(analysis, result))
        else:
            groups.append(result)
    progress(len(channel_groups), len(channel_groups))
    return SensitivityResult(
        analysis=analysis, costs=costs, groups=tuple(groups), unchangeable=tuple(unchangeable)
    )


def _refuse_too_many(analysis: Analysis, groups: int) -> None:
    steps = len(analysis.network.steps)
    if groups * steps * _PER_GROUP > _MOST_LAYERS:
        message = (
            f"{groups:,} groups of {steps:,} layers would take too long: each is analyzed some "
            "times with the whole network"
        )
        raise UsageError(Problem(message, hint="name a layer or a block to look at"))


def _unchangeable(analysis: Analysis, fixed: FixedLayer) -> Unchangeable:
    step = analysis.network.steps[fixed.step]
    width = getattr(step.layer, str(step.layer.width_field))
    return Unchangeable(step.name, width, fixed.reason)


def _sensitivity(
    analysis: Analysis, costs: NetworkCosts, group: ChannelGroup
) -> GroupSensitivity | FixedLayer:
    """The sensitivity of one group; why there is none where no rule takes it wider or narrower."""
    changes = _Changes(analysis, group)
    fewer, more = changes.at(-1), changes.at(1)
    if fewer is None and more is None:
        return FixedLayer(group.starts[0], changes.reason)
    return GroupSensitivity(
        name=analysis.network.steps[group.starts[0]].name,
        group=group,
        fewer=fewer,
        more=more,
        stairs=tuple(
            [
                _staircase(costs, changes, estimate, number)
                for number, estimate in enumerate(analysis.devices)
            ]
        ),
    )


class _Changes:
    """The networks of one group at other widths, each analyzed once."""

    def __init__(self, analysis: Analysis, group: ChannelGroup) -> None:
        self.group = group
        self.reason = ""
        """Why the last network is none that could not be made."""
        self._network = analysis.network
        self._known: dict[int, Change | None] = {}
        self._costs = partial(
            network_costs,
            devices=[estimate.device for estimate in analysis.devices],
            precision=analysis.precision,
            convention=analysis.convention,
        )

    def at(self, steps: int) -> Change | None:
        """So many steps wider, or narrower below 0; None where a rule refuses it."""
        if steps not in self._known:
            self._known[steps] = self._made(steps)
        return self._known[steps]

    def _made(self, steps: int) -> Change | None:
        group = self.group
        if any(member.channels + steps * member.change < 1 for member in group.members):
            self.reason = "nothing would be left of it"
            return None
        try:
            network = with_layers(self._network, group.layers(self._network, steps))
        except (MisfitError, RuleViolation) as refusal:
            self.reason = str(refusal)
            return None
        return Change(group.channels + steps * group.step, self._costs(network))


def tile_of(estimate: DeviceEstimate) -> int | None:
    """Channels that a device computes or keeps together, by the model of its time; None where the
    model has no steps in channels."""
    fit = estimate.latency_fit
    return fit.tile if isinstance(fit, CoefficientFit) and fit.tile > 1 else None


def _staircase(
    before: NetworkCosts, changes: _Changes, estimate: DeviceEstimate, number: int
) -> Staircase:
    tile = tile_of(estimate)
    lower, higher = changes.at(-1), changes.at(1)
    if tile is not None:
        down = _steps_to(changes.group, tile, -1)
        lower = None if down is None else changes.at(down)
        up = _steps_to(changes.group, tile, 1)
        higher = None if up is None else changes.at(up)
    time_share = mult_adds_share = None
    if lower is not None:
        after = lower.costs
        time_share = _share(before.devices[number].latency_s, after.devices[number].latency_s)
        mult_adds_share = _share(before.mult_adds, after.mult_adds)
    return Staircase(
        device=estimate.device.name,
        tile=tile,
        lower=lower,
        higher=higher,
        free_channels=_free_channels(before, changes, tile, number),
        time_share=time_share,
        mult_adds_share=mult_adds_share,
    )


def _steps_to(group: ChannelGroup, multiple: int, direction: int) -> int | None:
    """Steps to the next multiple of channels below or above; None where no step leads to one."""
    for count in range(1, multiple + 1):
        channels = group.channels + direction * count * group.step
        if channels <= 0:
            return None
        if channels % multiple == 0:
            return direction * count
    return None


def _free_channels(
    before: NetworkCosts, changes: _Changes, tile: int | None, number: int
) -> int | None:
    """The most channels more that take no more time.

    Between full vectors and tiles a channel more never takes less time, so these are looked at, one
    after another, until one takes more time; without a tile one step after another.
    """
    time_s = before.devices[number].latency_s
    if time_s is None:
        return None
    group, free = changes.group, 0
    for up, may_stop in _ups(group, tile):
        change = changes.at(up)
        after_s = None if change is None else change.costs.devices[number].latency_s
        if after_s is not None and after_s <= time_s:
            free = up * group.step
        elif may_stop:
            break
    return free


def _ups(group: ChannelGroup, tile: int | None) -> Iterator[tuple[int, bool]]:
    """Steps up to look at, and whether none behind can take less time where this one takes more:
    multiples of the smallest vector, which all others are multiples of; without a tile each."""
    unit = 1
    if tile is not None:
        unit = PACKS[0] if group.channels % tile and tile % PACKS[0] == 0 else tile
    first = _steps_to(group, unit, 1)
    if first is None:
        return
    each = unit // gcd(unit, group.step)
    for count in range(_MOST_FREE * (tile or 1) // unit):
        up = first + each * count
        yield up, (group.channels + up * group.step) % (tile or 1) == 0


def _share(before: float | None, after: float | None) -> float | None:
    return None if not before or after is None else (before - after) / before


def _difference(
    before: NetworkCosts, after: NetworkCosts, metric: Metric, device: int | None
) -> float | None:
    if metric.of_network is not None:
        first, second = metric.of_network(before), metric.of_network(after)
    else:
        assert metric.of_device is not None
        assert device is not None
        first, second = (metric.of_device(costs.devices[device]) for costs in (before, after))
    return None if first is None or second is None else second - first
