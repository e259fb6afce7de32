"""An estimate beside the run that it is of: in total, by kernel, and why the two differ.

A run was measured here, or is read from a file. The profile is asked for the runtime, the threads
and the precision of the run; what it cannot give is said, since the error is then of something
else. Not here: how kernels meet layers (`joining.py`), and what the gap to the lower bound is made
of (`gap.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.runtimes import (
    named,
    same_version,
    takes_runtime,
    with_runtime,
)
from mnet_cost.devices.threads import takes_threads, with_threads
from mnet_cost.devices.types import ACCELERATORS
from mnet_cost.measure.runs.gap import Gap, split_gap
from mnet_cost.measure.runs.joining import Joined, JoinedKernel, gives_time, join
from mnet_cost.measure.runs.kinds import KindShare, kind_shares
from mnet_cost.measure.runs.run_files import Run, RunNetwork
from mnet_cost.network import Network
from mnet_cost.tensors import PRECISIONS

NOT_PROFILED = "its kernels were not measured"
"""A warning of a run that was stopped, or failed, before they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """A run, and the estimate of it."""

    run: Run
    analysis: Analysis
    """Of the network on the profile, if there is one."""
    joined: Joined | None
    """None where the runtime does not time its kernels."""
    gap: Gap
    kinds: tuple[KindShare, ...]
    differences: tuple[str, ...]
    """How the profile differs from what was measured: the error is of that, too."""
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        error = "no estimate" if self.error is None else f"{100 * self.error:+.1f} %"
        return f"<Validation {self.run.reference} under {self.run.runtime}: {error}>"

    @property
    def estimate(self) -> DeviceEstimate | None:
        """None without a profile."""
        return self.analysis.devices[0] if self.analysis.devices else None

    @property
    def estimate_s(self) -> float | None:
        """The estimated time; None without one, and where it is no more than a lower bound."""
        estimate = self.estimate
        if estimate is None or not gives_time(estimate):
            return None
        return self.analysis.latency_s(estimate)

    @property
    def bound_s(self) -> float | None:
        """The lower bound on the peaks of the profile."""
        return None if self.estimate is None else self.estimate.bound_s

    @property
    def ratio(self) -> float | None:
        """Estimated over measured time."""
        return None if self.estimate_s is None else self.estimate_s / self.run.median_s

    @property
    def error(self) -> float | None:
        """Estimated over measured time, less 1."""
        return None if self.ratio is None else self.ratio - 1

    @property
    def is_inside(self) -> bool | None:
        """Whether the measured time is in the band; None without a band."""
        estimate = self.estimate
        if self.estimate_s is None or estimate is None:
            return None
        if estimate.low_s is None or estimate.high_s is None:
            return None
        return estimate.low_s <= self.run.median_s <= estimate.high_s

    @property
    def is_noise(self) -> bool | None:
        """Whether the error is no larger than the noise floor; None where either is not known."""
        if self.error is None or self.run.noise is None:
            return None
        return abs(self.error) <= self.run.noise

    @property
    def worst(self) -> tuple[JoinedKernel, ...]:
        """Kernels by how many seconds the estimate is off, most first; those without an estimate
        by how long they take, after all others."""
        if self.joined is None:
            return ()
        return tuple(
            sorted(
                self.joined.kernels,
                key=lambda each: (
                    each.error_s is None,
                    -each.seconds if each.error_s is None else -abs(each.error_s),
                ),
            )
        )


def validate_run(run: Run, network: Network, device: DeviceProfile | None = None) -> Validation:
    """A run beside what `device` says of it, if there is one.

    `network` is that of the run. Raises `DeviceError` for a profile that cannot be.
    """
    differences: tuple[str, ...] = ()
    devices: list[DeviceProfile] = []
    precision = None
    if device is not None:
        device, differences = as_measured(device, run)
        devices = [device]
        precision, about = _precision(run, network)
        differences += about
    analysis = analyze_network(network, devices, precision=precision)
    estimate = analysis.devices[0] if devices else None
    if estimate is not None and estimate.basis is None:
        differences += (f"no estimate: {'; '.join(estimate.notes)}",)
    elif estimate is not None and not gives_time(estimate):
        name = estimate.device.name
        said = f"no estimate: of {run.runtime} on {name} no more than a lower bound is known"
        differences += (said,)
    joined = None
    if run.profile is not None:
        nodes = RunNetwork(network, run.layers_of_node)
        joined = join(nodes, run.profile, estimate, run.median_s)
    return Validation(
        run=run,
        analysis=analysis,
        joined=joined,
        gap=split_gap(run.median_s, run.fastest_s, estimate, joined),
        kinds=kind_shares(analysis.layers, estimate, joined),
        differences=differences,
        notes=(*_notes(run, analysis, joined), *_about_version(device, run)),
    )


def as_measured(device: DeviceProfile, run: Run) -> tuple[DeviceProfile, tuple[str, ...]]:
    """The profile under the runtime and with the threads of a run, as far as it has them, and
    sentences on what it does not have."""
    differences = []
    name = device.name
    if device.runtime != run.runtime:
        if takes_runtime(device, run.runtime):
            device = with_runtime(device, run.runtime)
        else:
            differences.append(
                f"{name} is of the runtime {device.runtime}, and {run.runtime} was measured: the "
                "error is also the difference of the two"
            )
    if device.threads != run.threads:
        if device.device_class not in ACCELERATORS and takes_threads(device, run.threads):
            differences.append(
                f"{name} is of {_threads(device.threads)}, and {_threads(run.threads)} ran: the "
                "estimate is carried over as other devices gain from threads"
            )
            device = with_threads(device, run.threads)
        elif device.device_class not in ACCELERATORS:
            differences.append(
                f"{name} is of {_threads(device.threads)}, and {_threads(run.threads)} ran: the "
                "error is also the difference of the two"
            )
    if run.device and (device.device_class == "gpu") != (run.device != "cpu"):
        differences.append(
            f"{name} is a {device.device_class}, and the network ran on {run.device}"
        )
    return device, tuple(differences)


def _about_version(device: DeviceProfile | None, run: Run) -> list[str]:
    """A note where a profile was fitted to another version of the runtime that ran."""
    if device is None or device.runtime != run.runtime or not run.version:
        return []
    version = device.runtime_version
    if version is None or same_version(version, run.version):
        return []
    fitted = f"{device.name} was fitted to times of {named(device.runtime, version)}"
    return [f"{fitted}, and {named(run.runtime, run.version)} ran"]


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count != 1 else ''}"


def _precision(run: Run, network: Network) -> tuple[str | None, tuple[str, ...]]:
    """The precision to ask for, and a sentence where it is not that of the run."""
    stated = network.spec.precision
    if stated is not None:
        if stated.name == run.precision:
            return None, ()
        return None, (
            f"the spec states {stated.name}, of which the estimate is, and {run.precision} ran",
        )
    if run.precision in PRECISIONS:
        return run.precision, ()
    return None, (f"nothing is known of {run.precision}, in which it ran: the estimate is of fp32",)


def _notes(run: Run, analysis: Analysis, joined: Joined | None) -> list[str]:
    notes = []
    if analysis.unmodelled:
        listed = ", ".join(analysis.unmodelled[:3]) + ", ..." * (len(analysis.unmodelled) > 3)
        notes.append(f"no estimate in total: the cost of {listed} is unknown")
    estimate = analysis.devices[0] if analysis.devices else None
    if estimate is not None and estimate.bound_s and run.median_s < estimate.bound_s:
        notes.append(
            "the run took less than the lower bound: a peak of the profile is lower than that of "
            "this machine, or the runtime does less work than the spec says"
        )
    if joined is None and NOT_PROFILED not in run.warnings:
        notes.append(f"{run.runtime} does not say what its kernels take")
    elif joined is not None and joined.scale < 1:
        notes.append(
            f"kernels took longer in the profile than the run without a profiler: each is taken "
            f"{joined.scale:.2f} times as long, and nothing is left between kernels"
        )
    notes += run.warnings
    return notes


def summary(validations: Sequence[Validation]) -> dict[str, float | int | None]:
    """Errors of several networks together: `median` and `mean` of their sizes, `within_10`, the
    share that is within 10 %, `inside`, the share of bands that hold the measured time, and
    `noise`, the median noise floor. None where nothing is known."""
    from statistics import fmean, median

    errors = [abs(each.error) for each in validations if each.error is not None]
    inside = [each.is_inside for each in validations if each.is_inside is not None]
    noises = [each.run.noise for each in validations if each.run.noise is not None]
    return {
        "networks": len(errors),
        "median": median(errors) if errors else None,
        "mean": fmean(errors) if errors else None,
        "within_10": fmean(error <= 0.1 for error in errors) if errors else None,
        "inside": fmean(inside) if inside else None,
        "noise": median(noises) if noises else None,
    }
