"""Measured kernels beside the layers of a network and the kernels of its estimate.

A runtime and an estimate need not form the same kernels. So they meet at layers: kernels of either
that have a layer in common are one group, whose measured time stands beside its estimated time.
What no layer is known of, copies into other layouts, and the time between kernels have parts of
their own. All parts add up to the time of a run without a profiler. Not here: what each runtime
says (`runtimes/`), and why the measured time is above the lower bound (`gap.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Literal, NamedTuple, Protocol

from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.work import LayerCost, count_work, settle_precision
from mnet_cost.errors import Span
from mnet_cost.measure.runtimes.base import RuntimeKernel, RuntimeProfile
from mnet_cost.network import Network, Step

Reason = Literal["stored", "view", "folded", "fused", "not named"]
"""Why no measured kernel is a layer's: its result is stored, it only looks at a tensor in another
way, it is folded into weights, it is done by the kernel of another layer, or the runtime names no
kernel for it."""


class Joinable(Protocol):
    """A network whose kernels were measured: `artifacts.Runnable`, or a run that was recorded."""

    @property
    def network(self) -> Network:
        """Whose layers are meant."""

    def layers_of_node(self) -> Mapping[str, tuple[str, ...]]:
        """Names of layers by the names of nodes that a runtime reports."""


class WithoutKernel(NamedTuple):
    """A layer that no measured kernel is known to belong to."""

    layer: str
    reason: Reason
    host: str | None = None
    """The layer whose kernel does its work, where it is folded or fused."""


class MeasuredKernel(NamedTuple):
    """One kernel of the runtime, and its part of the time of a run without a profiler."""

    kernel: RuntimeKernel
    seconds: float
    layers: tuple[str, ...] = ()
    """In the order of the network; empty where none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedKernel:
    """Measured kernels and kernels of the estimate that do the work of the same layers."""

    measured: tuple[MeasuredKernel, ...]
    """In the order in which they ran; one or more."""
    estimates: tuple[KernelEstimate, ...]
    """Empty where there is no estimate, or it has no kernel for these layers."""
    layers: tuple[str, ...]
    """Names of all layers of either, in the order of the network."""
    step: Step
    """The layer with most mult-adds, after which the group is named."""
    kind: str
    """What the layers with mult-adds are; where none has any, what `step` is."""
    mult_adds: int
    params: int
    seconds: float
    estimate_s: float | None
    """0 where the estimate says that these layers take no time; None where it has no time, or a
    lower bound alone."""
    bound_s: float | None
    """The least that they can take, as far as it is known; None where nothing is."""

    @property
    def name(self) -> str:
        """That of the layer with most mult-adds."""
        return self.step.name

    @property
    def span(self) -> Span:
        """Where the spec writes that layer."""
        return self.step.node.span()

    @property
    def error_s(self) -> float | None:
        """Estimated less measured seconds."""
        return None if self.estimate_s is None else self.estimate_s - self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A measured time by kernels: `timed_s` is the sum of `kernels`, `layout`, `unjoined` and
    `between_s`."""

    timed_s: float
    kernels: tuple[JoinedKernel, ...]
    """In the order of the network."""
    layout: tuple[MeasuredKernel, ...]
    """Kernels that only copy a tensor into another layout, with the layers whose tensor it is."""
    unjoined: tuple[MeasuredKernel, ...]
    """Kernels of which no layer is known."""
    between_s: float
    """What is left: the runtime itself, and whatever its profile does not show."""
    scale: float
    """1; below it where kernels took longer in the profile, profiler's own time subtracted, than
    the run without: then all of them are taken that much shorter, and nothing is left between."""
    without_kernel: tuple[WithoutKernel, ...]
    """Layers in no measured kernel, in the order of the network."""
    unmeasured: tuple[KernelEstimate, ...]
    """Kernels of the estimate of which no layer has a measured kernel."""

    @property
    def layout_s(self) -> float:
        """Copies into other layouts."""
        return fsum(each.seconds for each in self.layout)

    @property
    def unjoined_s(self) -> float:
        """Kernels of which no layer is known."""
        return fsum(each.seconds for each in self.unjoined)

    @property
    def joined_s(self) -> float:
        """Kernels that belong to layers."""
        return fsum(each.seconds for each in self.kernels)

    @property
    def joined_share(self) -> float | None:
        """Share of the time of kernels that belongs to layers, or to the layout of a tensor of a
        known layer; None where no kernel took any time."""
        copies_s = fsum(each.seconds for each in self.layout if each.layers)
        all_s = self.joined_s + self.layout_s + self.unjoined_s
        return (self.joined_s + copies_s) / all_s if all_s else None


def join(
    runnable: Joinable, profile: RuntimeProfile, estimate: DeviceEstimate | None, timed_s: float
) -> Joined:
    """The kernels of `profile`, which together take `timed_s` seconds without the profiler.

    What the profiler adds to each kernel is subtracted, and no kernel gets below 0.
    """
    network = runnable.network
    measured, scale = _measured(network, profile, runnable.layers_of_node(), timed_s)
    layout = tuple([each for each in measured if each.kernel.is_layout])
    working = [each for each in measured if not each.kernel.is_layout]
    unjoined = tuple([each for each in working if not each.layers])
    working = [each for each in working if each.layers]
    named = {layer for each in working for layer in each.layers}
    without_kernel = _without_kernel(network, named)
    known = estimate is not None and gives_time(estimate)
    estimates = estimate.kernels if estimate is not None else ()
    groups = _Groups(network)
    for each in working:
        groups.unite(each.layers)
    for kernel_time in estimates:
        groups.unite([cost.step.name for cost in kernel_time.kernel.layers])
    for other in without_kernel:
        if other.host is not None:
            groups.unite((other.layer, other.host))
    counted = count_work(network, settle_precision(network.spec, None))
    costs = {cost.step.name: cost for cost in counted}
    kernels: list[JoinedKernel] = []
    unmeasured: list[KernelEstimate] = []
    for layers in groups.listed():
        inside = set(layers)
        own = tuple([each for each in working if each.layers[0] in inside])
        theirs = tuple([each for each in estimates if each.kernel.name in inside])
        if own:
            kernels.append(_joined(own, theirs, [costs[name] for name in layers], known))
        else:
            unmeasured += theirs
    parts = [each.seconds for each in kernels]
    parts += [each.seconds for each in (*layout, *unjoined)]
    return Joined(
        timed_s=timed_s,
        kernels=tuple(kernels),
        layout=layout,
        unjoined=unjoined,
        between_s=max(timed_s - fsum(parts), 0.0) if scale == 1.0 else 0.0,
        scale=scale,
        without_kernel=without_kernel,
        unmeasured=tuple(unmeasured),
    )


def _measured(
    network: Network,
    profile: RuntimeProfile,
    layers_of_node: Mapping[str, tuple[str, ...]],
    timed_s: float,
) -> tuple[list[MeasuredKernel], float]:
    """Each kernel with its layers and its part of the time, and what all were scaled by."""
    seconds = [max(kernel.seconds - profile.overhead_s, 0.0) for kernel in profile.kernels]
    all_s = fsum(seconds)
    scale = timed_s / all_s if all_s > timed_s else 1.0
    place = {step.name: i for i, step in enumerate(network.steps)}
    measured = []
    for kernel, own_s in zip(profile.kernels, seconds, strict=True):
        layers = {
            layer
            for node in kernel.nodes
            for layer in layers_of_node.get(node, (node,))
            if layer in place
        }
        ordered = tuple(sorted(layers, key=place.__getitem__))
        measured.append(MeasuredKernel(kernel, own_s * scale, ordered))
    return measured, scale


def _without_kernel(network: Network, named: set[str]) -> tuple[WithoutKernel, ...]:
    """The layers that no measured kernel names, each with the reason."""
    host_of: dict[int, Step] = {}  # by tensor: the layer with a kernel that makes it, or its base
    place = {step.name: i for i, step in enumerate(network.steps)}
    without = []
    for step in network.steps:
        host: Step | None = step
        if step.name not in named:
            hosts = [host_of[index] for index in step.inputs if index in host_of]
            host = max(hosts, key=lambda each: place[each.name], default=None)
            reason = _reason(step, host)
            is_done = reason in ("folded", "fused")
            without.append(
                WithoutKernel(step.name, reason, host.name if host and is_done else None)
            )
            if reason == "not named":
                host = None
        if host is not None:
            host_of.update(dict.fromkeys(step.outputs, host))
    return tuple(without)


def _reason(step: Step, host: Step | None) -> Reason:
    if step.is_static:
        return "stored"
    if step.layer.effect == "view":
        return "view"
    if step.layer.effect == "compute" or host is None:
        return "not named"
    return "folded" if step.layer.is_foldable else "fused"


def gives_time(estimate: DeviceEstimate) -> bool:
    """Whether there is an estimate, and no lower bound in its place."""
    return estimate.basis not in (None, "bound") and not estimate.untimed


class _Groups:
    """Layers that belong together, since a kernel has them: sets that are united."""

    def __init__(self, network: Network) -> None:
        self._parent = {step.name: step.name for step in network.steps}

    def _root(self, layer: str) -> str:
        parent = self._parent
        while parent[layer] != layer:
            parent[layer] = parent[parent[layer]]
            layer = parent[layer]
        return layer

    def unite(self, layers: Iterable[str]) -> None:
        first, *others = [self._root(layer) for layer in layers]
        self._parent.update(dict.fromkeys(others, first))

    def listed(self) -> list[list[str]]:
        """All groups, and their layers, in the order of the network."""
        groups: dict[str, list[str]] = {}
        for layer in self._parent:
            groups.setdefault(self._root(layer), []).append(layer)
        return list(groups.values())


def _joined(
    measured: tuple[MeasuredKernel, ...],
    estimates: tuple[KernelEstimate, ...],
    costs: Sequence[LayerCost],
    is_estimated: bool,
) -> JoinedKernel:
    """A group; `is_estimated`: there is a time for the network, so that no kernel is no time."""
    main = max(costs, key=lambda cost: (cost.mult_adds, cost.step.layer.effect == "compute"))
    times = [each.latency_s for each in estimates]
    known_times = [seconds for seconds in times if seconds is not None]
    is_known = is_estimated and len(known_times) == len(times)
    bounds = [each.lower_bound.seconds for each in estimates]
    known_bounds = [seconds for seconds in bounds if seconds is not None]
    kinds = dict.fromkeys(cost.step.layer.variety() for cost in costs if cost.mult_adds)
    return JoinedKernel(
        measured=measured,
        estimates=estimates,
        layers=tuple([cost.step.name for cost in costs]),
        step=main.step,
        kind=" + ".join(kinds) or main.step.layer.variety(),
        mult_adds=sum([cost.mult_adds for cost in costs]),
        params=sum([cost.params for cost in costs]),
        seconds=fsum(each.seconds for each in measured),
        estimate_s=fsum(known_times) if is_known else None,
        bound_s=fsum(known_bounds) if known_bounds else None,
    )
