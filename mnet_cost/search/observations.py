"""What one network of a space costs by units, and where it may be cut between them.

A cut is allowed where one tensor alone passes, in memory of its own size, and where no kernel has
layers of both sides, now or with another neighbour. Then all that a unit costs depends on the type
of what enters it and on its own layers, but for lower bounds, of which only the most that they
can be is known. Each network that is looked at is checked; nothing is assumed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.buffers import find_buffers
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.memory import find_lifetimes
from mnet_cost.analysis.sharing import MemoryRules
from mnet_cost.analysis.terms import kernel_amounts
from mnet_cost.analysis.times import relative_coefficients, summands
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit, RooflineFit
from mnet_cost.devices.terms import INFERENCE, TERMS
from mnet_cost.network import Network
from mnet_cost.search.partition import Units
from mnet_cost.search.tracing import Sources, TracedNetwork
from mnet_cost.tensors import DTYPES

COUNTS = ("mult_adds", "vector_ops", "params", "weights", "buffers", "weight_bytes",
          "activation_bytes", "traffic_bytes")  # fmt: skip
"""Sums over layers, by their names in `Totals`."""

TIMES = 2 + len(TERMS)
"""Sums of one device: seconds, the most that lower bounds can be whatever the neighbours are, and
the seconds of each term of a fit."""


def sums_of(device: int) -> int:
    """The place of the first sum of the device of that number."""
    return len(COUNTS) + device * TIMES


def inference_of(device: int) -> int:
    """The column of what an inference takes on a device besides its kernels, among its terms."""
    return sums_of(device) + 2 + INFERENCE


State = tuple[Any, ...]
"""What enters a unit, as far as it matters to what the unit costs."""


class NotSeparable(Exception):
    """Units of a space cannot be looked at apart, and why."""


class Layout(NamedTuple):
    """Where the units of one network are."""

    starts: tuple[int, ...]
    """The first step of each unit and, at the end, the number of steps."""
    states: tuple[State, ...]
    """What enters each unit and, at the end, what leaves the last."""
    contents: tuple[tuple[Any, ...], ...]
    """The layers of each unit and what they read of each other; equal ones cost the same on equal
    states."""
    reads: tuple[Sources, ...]
    """What the layers of each unit depend on."""
    links: tuple[tuple[int, int], ...]
    """(first, last) of units between which this network may not be cut."""


class UnitCosts(NamedTuple):
    """What each unit of one network costs, the batch included."""

    sums: tuple[tuple[float, ...], ...]
    """By unit: the `COUNTS`, then those of each device (`TIMES`), NaN where it has no time."""
    peaks: tuple[tuple[float, ...], ...]
    """By unit: most bytes of activations alive in it, by layers and as each device runs them; 0
    where it has no layers."""


def lay_out(traced: TracedNetwork, units: Units, axes: Sources, precision: str) -> Layout:
    """Where the units of a network are; `NotSeparable` where they do not follow each other."""
    network = traced.network
    starts = _starts(network, units)
    places = sorted(set(starts[1:-1]) - {0, len(network.steps)})
    passing = _passing(network)
    closed = {place for place in places if not _is_open(network, passing[place], place)}
    closed |= _with_other_memory(network, passing, places, precision, MemoryRules())
    return Layout(
        starts,
        tuple([_state(network, passing[start]) for start in starts]),
        tuple([_content(network, start, end) for start, end in pairwise(starts)]),
        unit_reads(traced.reads, traced.decisions, units, axes),
        tuple([_around(starts, place) for place in sorted(closed)]),
    )


def measure(
    analysis: Analysis, layout: Layout, with_terms: bool = True
) -> tuple[UnitCosts, tuple[tuple[int, int], ...]]:
    """What each unit costs, and pairs (first, last) of units that a runtime does not tell apart:
    its kernels have layers of both, or its memory. Seconds of terms are 0 without `with_terms`.

    Raises `NotSeparable` where an estimate of a kernel depends on more than the kernel.
    """
    if analysis.unmodelled:
        raise NotSeparable(f"no rule counts what `{analysis.unmodelled[0]}` does")
    starts = layout.starts
    unit_of_step = [
        unit for unit, (start, end) in enumerate(pairwise(starts)) for _ in range(start, end)
    ]
    number_of = {
        step.name: unit for unit, step in zip(unit_of_step, analysis.network.steps, strict=True)
    }
    sums = [[0.0] * sums_of(len(analysis.devices)) for _ in starts[1:]]
    for unit, cost in zip(unit_of_step, analysis.layers, strict=True):
        row = sums[unit]
        row[0] += cost.mult_adds
        row[1] += cost.vector_ops
        row[2] += cost.params
        row[3] += cost.weights
        row[4] += cost.buffers
        row[5] += cost.weight_bytes
        row[6] += cost.output_bytes
        row[7] += cost.traffic_bytes
    links = set()
    for number, estimate in enumerate(analysis.devices):
        first = sums_of(number)
        if estimate.precision != analysis.precision:
            raise NotSeparable(f"layers are in {estimate.precision}, as they state")
        if estimate.basis is None:  # no rate at this precision
            for row in sums:
                row[first : first + TIMES] = (float("nan"),) * TIMES
            continue
        for kernel, seconds in zip(
            estimate.kernels, _kernel_times(estimate, with_terms), strict=True
        ):
            units = {number_of[layer.step.name] for layer in kernel.kernel.layers}
            if len(units) > 1:
                links.add((min(units), max(units)))
            row = sums[min(units)]
            for place, part in enumerate(seconds, first):
                row[place] += part
    lives = [analysis.memory.live_bytes]
    plans = {plan.rules: plan for plan in analysis.runtime_plans}
    passing = _passing(analysis.network)
    places = sorted(set(starts[1:-1]) - {0, len(analysis.network.steps)})
    closed: set[int] = set()
    for rules in dict.fromkeys([estimate.device.kernel_rules for estimate in analysis.devices]):
        sharing = plans[rules].sharing
        closed |= _with_other_memory(analysis.network, passing, places, analysis.precision, sharing)
    links.update([_around(starts, place) for place in closed])
    lives += [plans[estimate.device.kernel_rules].memory.live_bytes
              for estimate in analysis.devices]  # fmt: skip
    peaks = [
        tuple([float(max(live[start:end], default=0)) for live in lives])
        for start, end in pairwise(starts)
    ]
    _compare_with_totals(analysis, sums, peaks)
    return UnitCosts(tuple(map(tuple, sums)), tuple(peaks)), tuple(sorted(links))


def _kernel_times(estimate: DeviceEstimate, with_terms: bool) -> list[list[float]]:
    """What each kernel adds to the `TIMES` of a device."""
    fit = estimate.latency_fit
    terms: list[list[float]] = [[0.0] * len(TERMS) for _ in estimate.kernels]
    if with_terms and isinstance(fit, CoefficientFit):
        device, kernels = estimate.device, [kernel.kernel for kernel in estimate.kernels]
        coefficients = relative_coefficients(fit, device, estimate.precision)
        if shared_coefficients(fit.shared, estimate.precision, device.threads).caches:
            raise NotSeparable(
                f"what the caches of {device.name} hold depends on the weights of all blocks"
            )
        amounts_of = kernel_amounts(kernels, device.kernel_rules, fit.tile)
        for own, kernel, amounts in zip(terms, kernels, amounts_of, strict=True):
            for term, seconds in summands(fit, kernel, amounts, coefficients):
                own[term] += seconds
    times = []
    for timed, own in zip(estimate.kernels, terms, strict=True):
        most_s = _most_bound(estimate.device, timed)
        if most_s is None or not _is_local(estimate, timed, most_s):
            raise NotSeparable(
                f"the lower bound of `{timed.kernel.name}` on {estimate.device.name} may be "
                "above its estimate, and depends on other blocks"
            )
        times.append([timed.latency_s or 0.0, most_s, *own])
    return times


def _starts(network: Network, units: Units) -> tuple[int, ...]:
    """The first step of each unit and the number of steps, for steps in the order of the spec."""
    unit_of_path = {path: unit for unit, paths in enumerate(units.paths) for path in paths}
    starts, current = [0], 0
    for number, step in enumerate(network.steps):
        unit = unit_of(step.name, unit_of_path)
        if unit is None or unit < current:
            raise NotSeparable(f"`{step.name}` is in no block that was known before")
        starts += [number] * (unit - current)
        current = unit
    return (*starts, *[len(network.steps)] * (len(units.paths) - current))


def unit_of(path: str, unit_of_path: Mapping[str, int]) -> int | None:
    """The unit that holds what is at `path`."""
    while path:
        if path in unit_of_path:
            return unit_of_path[path]
        path = path.rpartition(".")[0]
    return None


def _passing(network: Network) -> list[list[int]]:
    """By place between steps, the tensors that are made before it and needed after it."""
    last = [-1] * len(network.tensors)
    for number, step in enumerate(network.steps):
        for tensor in step.inputs:
            last[tensor] = number
    for tensor in network.outputs:
        last[tensor] = len(network.steps)
    passing: list[list[int]] = [[] for _ in range(len(network.steps) + 1)]
    for index, made in enumerate(network.tensors):
        first = 0 if made.producer is None else made.producer + 1
        for place in range(first, last[index] + 1):
            passing[place].append(index)
    return passing


def _is_open(network: Network, passing: Sequence[int], place: int) -> bool:
    """Whether one tensor passes alone, and no kernel could reach across: a layer that is no kernel
    of its own may be fused into what makes the only tensor that it reads."""
    if len(passing) != 1:
        return False
    (tensor,) = passing
    readers = [step for step in network.steps[place:] if tensor in step.inputs]
    alone = sum([step.inputs.count(tensor) for step in readers]) == 1
    fuses = alone and tensor not in network.outputs and readers[0].layer.effect != "compute"
    return not fuses or network.tensors[tensor].producer is None


def _with_other_memory(
    network: Network,
    passing: Sequence[Sequence[int]],
    places: Sequence[int],
    precision: str,
    rules: MemoryRules,
) -> set[int]:
    """The places at which other memory is alive than that of the tensor that passes."""
    dtype = DTYPES[precision]
    running = find_buffers(network, dtype, rules).units
    change = [0] * (len(running) + 2)
    for life in find_lifetimes(network, dtype, rules):
        change[life.first + 1] += life.bytes
        change[life.last + 1] -= life.bytes
    alive = list(accumulate(change))
    last_steps = list(accumulate([max(unit) for unit in running], max))
    closed = set()
    for place in places:
        done = bisect_left(last_steps, place)  # units that run before
        types = [network.tensors[tensor].type for tensor in passing[place]]
        own = sum([kind.elements * (kind.dtype or dtype).bytes for kind in types])
        apart = sum(map(len, running[:done])) == place
        if not apart or alive[done] != own * network.batch:
            closed.add(place)
    return closed


def _state(network: Network, passing: Sequence[int]) -> State:
    """The tensors at one place: their types, and what can matter of how they were made."""
    state: list[Any] = []
    for index in passing:
        tensor = network.tensors[index]
        maker = None if tensor.producer is None else network.steps[tensor.producer]
        made_by = None if maker is None else (maker.layer.effect, maker.is_static)
        state.append((tensor.type, made_by))
    return tuple(state)


def _content(network: Network, start: int, end: int) -> tuple[Any, ...]:
    """Layers, and for each input how far back its step is; what enters has no number."""
    content = []
    for step in network.steps[start:end]:
        sources = []
        for index in step.inputs:
            producer = network.tensors[index].producer
            inside = producer is not None and producer >= start
            sources.append(
                (producer - start, network.steps[producer].outputs.index(index))
                if inside and producer is not None
                else None
            )
        content.append((step.layer, *sources))
    return tuple(content)


def unit_reads(
    read: Mapping[str, Sources], decisions: Mapping[str, Sources], units: Units, axes: Sources
) -> tuple[Sources, ...]:
    """What each unit depends on: its own values, and what decides about the blocks around it."""
    unit_of_path = {path: unit for unit, paths in enumerate(units.paths) for path in paths}
    reads: list[set[str]] = [set() for _ in units.paths]
    for path, sources in read.items():
        unit = unit_of(path.rstrip("."), unit_of_path)
        if unit is not None:
            reads[unit] |= sources
    for path, sources in decisions.items():
        if unit_of(path, unit_of_path) is not None:
            continue
        for unit, paths in enumerate(units.paths):
            if not path or any(inner.startswith(f"{path}.") for inner in paths):
                reads[unit] |= sources
    return tuple([frozenset(sources) & axes for sources in reads])


def _around(starts: Sequence[int], place: int) -> tuple[int, int]:
    """The unit with the step before `place`, and that with the step at it."""
    before = max(unit for unit, start in enumerate(starts[:-1]) if start < place)
    after = max(unit for unit, start in enumerate(starts[:-1]) if start <= place)
    return before, after


def _most_bound(device: DeviceProfile, kernel: KernelEstimate) -> float | None:
    """The most that the lower bound of a kernel can be, whatever it shares its caches with: then
    all that it reads and writes passes each level. None where a size is not known."""
    bound = kernel.lower_bound
    most_s = bound.compute_s or 0.0
    if not bound.traffic:
        return most_s
    levels = (*device.memory, *((device.storage,) if device.storage else ()))
    innermost = bound.traffic[0].bytes
    for level, traffic in zip(levels, bound.traffic, strict=True):
        passed = traffic.bytes if level is device.storage else innermost
        if passed is None:
            return None
        if level.bytes_per_s is not None:
            most_s = max(most_s, passed / level.bytes_per_s.most)
    return most_s


def _is_local(estimate: DeviceEstimate, kernel: KernelEstimate, most_bound_s: float) -> bool:
    """Whether an estimate is above any lower bound that the kernel could have."""
    own = _without_bound(estimate, kernel)
    return own is not None and own >= most_bound_s


def _without_bound(estimate: DeviceEstimate, kernel: KernelEstimate) -> float | None:
    """What an estimate would be if there were no lower bound; None where it is one."""
    parts = (kernel.compute_s, kernel.memory_s, kernel.overhead_s)
    fit = estimate.latency_fit
    if fit is None or None in parts:
        return None
    compute_s, memory_s, overhead_s = (part or 0.0 for part in parts)
    if isinstance(fit, CoefficientFit):
        return compute_s + memory_s + overhead_s
    assert isinstance(fit, RooflineFit)
    return max(compute_s, memory_s)


def _compare_with_totals(
    analysis: Analysis, sums: Sequence[Sequence[float]], peaks: Sequence[Sequence[float]]
) -> None:
    """Raise `NotSeparable` where units do not add up to the network."""
    for column, name in enumerate(COUNTS):
        if sum([row[column] for row in sums]) != getattr(analysis.totals, name):
            raise NotSeparable(f"{name} of its blocks do not add up to those of the network")
    plans = {plan.rules: plan.memory.peak_bytes for plan in analysis.runtime_plans}
    most = [analysis.memory.peak_bytes]
    for number, estimate in enumerate(analysis.devices):
        most.append(plans[estimate.device.kernel_rules])
        if estimate.latency_s is None:
            continue
        column, whole = sums_of(number), estimate.latency_s - estimate.inference_s
        if abs(sum([row[column] for row in sums]) - whole) > 1e-12 * whole:
            raise NotSeparable(f"times of blocks do not add up on {estimate.device.name}")
    if [max(column) for column in zip(*peaks, strict=True)] != most:
        raise NotSeparable("the peak memory is that of no block")
