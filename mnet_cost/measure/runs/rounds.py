"""Networks measured so that their times can be believed: in rounds, beside a reference network.

A round times every network once, in an order of its own, and the reference network at its start,
at its end and in between. What the reference takes in a round, over what it takes in all rounds, is
how fast the machine was then: each time of the round is divided by it, so that drift cancels. Not
here: one series of runs (`timing.py`), the file of what was measured (`recorded.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runs.environment import Environment
from mnet_cost.measure.runtimes.base import RunSettings, Runtime

REFERENCE = "mobilenet_v1@alpha=0.25,resolution=128"
"""The reference network: it runs under every runtime, in a few milliseconds at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to measure."""

    rounds: int = 3
    seconds: float = 0.5
    """The most that runs of one network take in one round, without warming up."""
    fewest_runs: int = 5
    """In each round, however long they take."""
    interval: float = 0.01
    """Runs end before their time where the median is known so well: half of its 95 % confidence
    interval, as a share of it."""
    reference: str | None = REFERENCE
    """The network that is run in every round to tell drift; None for none."""
    cpus: tuple[int, ...] | None = None
    """The CPUs to run on; None for a choice, empty for all."""
    patient: bool = False
    """Whether to wait while others use the machine."""
    patience_s: float = 600.0
    """The longest wait of a session, in seconds."""
    memory: bool = False
    """Whether to measure memory, each network in a process of its own."""
    energy: str | None = None
    """Where energy is read: `auto`, `rapl`, `jetson` or a meter's log by its path; None: nowhere."""
    seed: int = 0
    """Of the orders of the rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What one network took. Times are of one inference, with the whole batch, in seconds."""

    reference: str
    """The network, as it is named in results: `mobilenet_v1@alpha=0.5`."""
    runtime: str
    version: str
    """Of the runtime."""
    precision: str
    """In which it was computed, as the runtime says."""
    threads: int
    batch: int
    rounds_s: tuple[tuple[float, ...], ...]
    """Each run of each round, as measured. Of a round that was read from a file, its median."""
    median_s: float
    """Median of the medians of its rounds, each divided by how slow the machine was then."""
    fastest_s: float
    """The fastest run, as measured."""
    low_s: float
    high_s: float
    """10th and 90th percentile of its runs, as measured."""
    runs: int
    """In all rounds."""
    spread: float | None
    """Of its rounds, drift taken out: largest less smallest median, as a share of `median_s`; None
    of one round."""
    peak_memory_bytes: int | None = None
    """By how much resident memory grew, at most, while it was prepared and run; None: unknown."""
    energy_j: float | None = None
    """Of one inference, with what the machine takes beside it; None: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A network that could not be measured, and why."""

    reference: str
    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What was measured, where, and how well."""

    timed: tuple[Timed, ...]
    """In the order in which the networks were given; those that could not be measured are left
    out."""
    environment: Environment
    noise: float | None
    """Noise floor: how far one round is from the median of the others, drift taken out, as a share
    of it; median over all rounds of all networks. None where no network has two rounds."""
    drift: float | None = None
    """How far the machine drifted: the reference network's slowest round over its fastest, less 1;
    None without a reference or of one round."""
    warnings: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    interrupted: bool = False
    """Whether somebody stopped it: some rounds are missing."""

    def measurements(self) -> tuple[Measurement, ...]:
        """What was measured as rows, one a network, which `calibrate` takes."""
        raise NotImplementedError


def measure(
    runnables: Sequence[Runnable],
    runtime: Runtime,
    settings: RunSettings,
    plan: Plan,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Session:
    """Measure networks.

    `progress(done, total)` is called before and after each network of each round. A network that
    cannot run is a `Failure` and the others go on. KeyboardInterrupt ends it early: what was
    measured until then is there.
    """
    raise NotImplementedError
