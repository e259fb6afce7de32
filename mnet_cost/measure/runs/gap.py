"""Why a network takes longer than its lower bound: the measured time in parts that add up to it.

The lower bound is a part of the measured time, and the rest is the gap. Kernels take in the fastest
run what they take in the profile; where that is more than all of it, they are shortened alike. So
jitter is time between kernels as far as there is some. What cannot be told apart is a part of its
own, and a part that nothing is known of is None, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum

from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.measure.runs.joining import Joined

PARTS = {
    "compute_bound": "the least time, at the peak rate, of the mult-adds of kernels that the rate "
    "bounds",
    "memory_bound": "the least time, at the peak bandwidth, of the bytes of kernels that the "
    "bandwidth bounds",
    "inefficiency": "what kernels of known layers take beyond their lower bounds",
    "unbounded": "kernels of which no lower bound is known",
    "layout": "copies of tensors into other layouts",
    "other_kernels": "kernels that belong to no known layer, less the lower bounds of layers that "
    "have no measured kernel",
    "launch": "launches of kernels as the estimate has them, as far as they fit between kernels",
    "between": "what is left between kernels: the runtime itself, what interrupts it, and kernel "
    "launches where nothing is known of them",
    "not_told_apart": "all that is beyond the lower bound, where the runtime does not time kernels",
    "jitter": "what a run takes longer than the fastest run: the median less the fastest",
}
"""What each part is, in the order in which they are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Seconds that add up to `measured_s`; None is a part that nothing is known of."""

    measured_s: float
    """Median of the runs."""
    compute_bound_s: float | None
    memory_bound_s: float | None
    inefficiency_s: float | None
    unbounded_s: float | None
    layout_s: float | None
    other_kernels_s: float | None
    launch_s: float | None
    between_s: float | None
    not_told_apart_s: float | None
    jitter_s: float

    @property
    def parts(self) -> dict[str, float | None]:
        """Seconds by the names of `PARTS`."""
        return {name: getattr(self, f"{name}_s") for name in PARTS}

    @property
    def bound_s(self) -> float | None:
        """Sum of the lower bounds of all kernels of the estimate."""
        if self.compute_bound_s is None or self.memory_bound_s is None:
            return None
        return self.compute_bound_s + self.memory_bound_s

    @property
    def gap_s(self) -> float | None:
        """Measured less lower bound."""
        return None if self.bound_s is None else self.measured_s - self.bound_s


def split_gap(
    median_s: float,
    fastest_s: float,
    estimate: DeviceEstimate | None,
    joined: Joined | None,
) -> Gap:
    """The parts of a measured time; `joined` is None where the runtime does not time kernels.

    A part is negative where the measured kernels take less than their lower bound, which a peak
    that is too low explains.
    """
    kernels = estimate.kernels if estimate is not None else ()
    bounds = [_bound(each) for each in kernels]
    known = [bound for bound in bounds if bound is not None]
    compute_s = fsum(seconds for seconds, computes in known if computes)
    memory_s = fsum(seconds for seconds, computes in known if not computes)
    jitter_s = median_s - fastest_s
    bound_s = compute_s + memory_s
    inefficiency_s = unbounded_s = layout_s = other_s = launch_s = between_s = None
    not_told_apart_s = None
    if joined is None:
        not_told_apart_s = fastest_s - bound_s
    else:
        kernels_s = joined.joined_s + joined.layout_s + joined.unjoined_s
        share = min(fastest_s / kernels_s, 1.0) if kernels_s else 1.0
        bounded = [(each.seconds, each.bound_s) for each in joined.kernels if each.bound_s]
        inefficiency_s = fsum(seconds * share - bound for seconds, bound in bounded)
        unbounded_s = share * fsum(each.seconds for each in joined.kernels if not each.bound_s)
        layout_s = share * joined.layout_s
        unmeasured = [_bound(each) for each in joined.unmeasured]
        other_s = share * joined.unjoined_s - fsum(each[0] for each in unmeasured if each)
        between_s = max(fastest_s - share * kernels_s, 0.0)
        launches = [each.overhead_s for each in kernels if each.overhead_s is not None]
        if launches:
            launch_s = min(fsum(launches), between_s)
            between_s -= launch_s
    return Gap(
        measured_s=median_s,
        compute_bound_s=compute_s if known else None,
        memory_bound_s=memory_s if known else None,
        inefficiency_s=inefficiency_s if known else None,
        unbounded_s=unbounded_s,
        layout_s=layout_s,
        other_kernels_s=other_s,
        launch_s=launch_s,
        between_s=between_s,
        not_told_apart_s=not_told_apart_s,
        jitter_s=jitter_s,
    )


def _bound(kernel_time: KernelEstimate) -> tuple[float, bool] | None:
    """The lower bound of a kernel, and whether its mult-adds bind it; None where none is known."""
    lower_bound = kernel_time.lower_bound
    seconds = lower_bound.seconds
    return None if seconds is None else (seconds, lower_bound.bound(None) == "compute")
