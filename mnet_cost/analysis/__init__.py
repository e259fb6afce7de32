"""Analysis: passes from a network to its cost, and `analyze`, which calls them in order.

A pass is a function; what it needs are its parameters, what it finds is its frozen result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis.conventions import ConventionItem, count_by, find_convention
from mnet_cost.analysis.kernels import Kernel, form_kernels
from mnet_cost.analysis.latency import DeviceEstimate, estimate_latency
from mnet_cost.analysis.memory import MemoryTrace, trace_memory
from mnet_cost.analysis.training import TrainingCost, training_cost
from mnet_cost.analysis.work import LayerCost, Totals, add_up, count_work
from mnet_cost.devices import DEFAULT_KERNEL_RULES, DeviceProfile
from mnet_cost.errors import ModelReferenceError, Problem
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES, PRECISIONS, DType

__all__ = ["Analysis", "TrainingCost", "analyze", "analyze_network", "training_cost"]


class Analysis(NamedTuple):
    """All that is known of one network at one setting. Counts include the batch."""

    network: Network
    precision: str
    convention: str
    layers: tuple[LayerCost, ...]
    """One a step, in schedule order; `mult_adds` as the convention counts them."""
    totals: Totals
    """Sums of `layers`: lower bounds while `unmodelled` is not empty."""
    convention_items: tuple[ConventionItem, ...]
    """What the convention adds to the mult-adds of the paper."""
    memory: MemoryTrace
    kernels: tuple[Kernel, ...]
    """By the rules that hold without a device; each of `devices` has those of its own."""
    devices: tuple[DeviceEstimate, ...]
    unmodelled: tuple[str, ...]
    """Names of layers whose work is unknown."""

    @property
    def paper_mult_adds(self) -> int:
        """Mult-adds without what a convention adds: those that take time."""
        return self.totals.mult_adds - sum(item.mult_adds for item in self.convention_items)

    def total(self, key: str, lower_bound: bool = False) -> int | None:
        """One of the totals by its name; None where it is refused."""
        value: int = getattr(self.totals, key)
        return None if self.refuses(lower_bound) else value

    def latency_s(self, estimate: DeviceEstimate, lower_bound: bool = False) -> float | None:
        """Time on one of `devices`; None where it is unknown or refused like a total."""
        return None if self.refuses(lower_bound) else estimate.latency_s

    def refuses(self, lower_bound: bool) -> bool:
        """Whether there are no totals, since they would be lower bounds that nobody asked for."""
        return bool(self.unmodelled) and not lower_bound

    @property
    def coverage(self) -> float:
        """Share of layers whose work is known, from 0 to 1."""
        return 1 - len(self.unmodelled) / len(self.layers)


def analyze(
    model: Model | ModelSpec,
    knobs: Mapping[str, Any] | None = None,
    devices: Sequence[DeviceProfile] = (),
    *,
    precision: str = "fp32",
    convention: str = "paper",
) -> Analysis:
    """The cost of `model` with `knobs` (the built-in `batch` among them) on `devices`.

    `knobs` go over those that the model brings along. Raises `SpecError` for sizes that do not
    fit, `ModelReferenceError` for an unknown knob, precision or convention. It takes
    milliseconds, and imports no framework.
    """
    if isinstance(model, Model):
        model, knobs = model.spec, {**model.knobs, **(knobs or {})}
    return analyze_network(
        elaborate(model, knobs), devices, precision=precision, convention=convention
    )


def find_precision(name: str) -> DType:
    """The type of that name; `ModelReferenceError` when no analysis can be asked for it."""
    if name in PRECISIONS:
        return DTYPES[name]
    hint = "there are " + ", ".join(PRECISIONS)
    raise ModelReferenceError(Problem(f"there is no precision `{name}`", hint=hint))


def analyze_network(
    network: Network,
    devices: Sequence[DeviceProfile] = (),
    *,
    precision: str = "fp32",
    convention: str = "paper",
) -> Analysis:
    """The cost of an elaborated network, in its own schedule."""
    dtype, counting = find_precision(precision), find_convention(convention)
    costs = count_work(network, dtype)
    counted, items = count_by(counting, costs, network.batch)
    totals = add_up(counted)
    memory = trace_memory(network, dtype)
    kernels = form_kernels(network, costs, dtype)
    by_rules = {DEFAULT_KERNEL_RULES: kernels}
    for device in devices:
        if device.kernel_rules not in by_rules:
            by_rules[device.kernel_rules] = form_kernels(network, costs, dtype, device.kernel_rules)
    estimates = tuple(
        estimate_latency(
            by_rules[device.kernel_rules],
            device,
            precision,
            totals.weight_bytes,
            memory.peak_bytes,
        )
        for device in devices
    )
    unmodelled = tuple(cost.step.name for cost in costs if cost.work is None)
    return Analysis(
        network, precision, convention, counted, totals, items, memory, kernels, estimates,
        unmodelled,
    )  # fmt: skip
