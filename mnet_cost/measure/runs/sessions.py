"""What comes of rounds: the time of each network with its spread, and how well all is known."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from mnet_cost.errors import MnetCostError, Source, Span
from mnet_cost.measure.drift import noise_floor, settle, slowness
from mnet_cost.measure.measurements import Measurement, role_of
from mnet_cost.measure.runs.environment import Environment
from mnet_cost.measure.runs.recorded import SOURCE, Round, Setting
from mnet_cost.models.library import split_reference


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
    steady_s: tuple[float, ...]
    """The median of each round, drift taken out."""
    median_s: float
    """Median of `steady_s`."""
    fastest_s: float
    """The fastest run, as measured."""
    low_s: float
    high_s: float
    """10th and 90th percentile of the runs of a round, as measured: the median round's."""
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
    error: MnetCostError


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
        return tuple([_measurement(timed, self.environment) for timed in self.timed])


def _measurement(timed: Timed, environment: Environment) -> Measurement:
    span = Span(Source(SOURCE, timed.reference), 1, 1, len(timed.reference) + 1)
    return Measurement(
        model=timed.reference,
        latency_s=timed.median_s,
        device="",
        processor=environment.processor or "",
        runtime=timed.runtime,
        precision=timed.precision,
        threads=timed.threads,
        batch=timed.batch,
        family=split_reference(timed.reference)[0],
        run="",
        source=SOURCE,
        energy_j=timed.energy_j,
        span=span,
        time_span=span,
        runtime_version=timed.version,
        date=environment.date,
        rounds_s=timed.steady_s,
        role=role_of(timed.reference),
    )


class Network(NamedTuple):
    """A network that is asked for."""

    reference: str
    """As results name it."""
    model: str
    """As rows name it."""
    batch: int


def session_of(
    networks: Sequence[Network],
    rounds: Sequence[Round],
    setting: Setting,
    environment: Environment,
    *,
    warnings: Iterable[str] = (),
    failures: Iterable[Failure] = (),
    interrupted: bool = False,
) -> Session:
    """What `rounds`, those of the reference network among them, say of `networks`."""
    reference: dict[Hashable, list[float]] = {}
    for each in rounds:
        if each.model == setting.reference and each.batch == 1:
            reference.setdefault(each.run, []).append(each.median_s)
    slow = slowness(reference)
    timed = [
        _timed(network, own, setting, slow)
        for network in networks
        if (own := [each for each in rounds if (each.model, each.batch) == network[1:]])
    ]
    others = [each.steady_s for each in timed if _is_other(each, networks, setting)]
    return Session(
        timed=tuple(timed),
        environment=environment,
        noise=noise_floor(others),
        drift=max(slow.values()) / min(slow.values()) - 1 if len(slow) > 1 else None,
        warnings=tuple(warnings),
        failures=tuple(failures),
        interrupted=interrupted,
    )


def _is_other(timed: Timed, networks: Sequence[Network], setting: Setting) -> bool:
    """Whether a network is not the reference, which does not differ from itself."""
    models = [each.model for each in networks if (each.reference, each.batch)
              == (timed.reference, timed.batch)]  # fmt: skip
    return timed.batch != 1 or setting.reference not in models


def _timed(
    network: Network,
    rounds: Sequence[Round],
    setting: Setting,
    slow: Mapping[Hashable, float],
) -> Timed:
    by_run: dict[Hashable, list[Round]] = {}
    # A round in which each run was disturbed says nothing beside one in which some were not.
    rounds = [each for each in rounds if each.runs] or rounds
    for each in rounds:
        by_run.setdefault(each.run, []).append(each)
    medians = {run: median([each.median_s for each in own]) for run, own in by_run.items()}
    settled = settle(medians, slow)
    energies = [each.energy_j for each in rounds if each.energy_j is not None]
    peaks = [each.peak_memory_bytes for each in rounds if each.peak_memory_bytes is not None]
    return Timed(
        reference=network.reference,
        runtime=setting.runtime,
        version=setting.runtime_version,
        precision=rounds[0].precision,
        threads=setting.threads,
        batch=network.batch,
        rounds_s=tuple(
            tuple(time for each in own for time in each.times_s or (each.median_s,))
            for own in by_run.values()
        ),
        steady_s=settled.rounds_s,
        median_s=settled.median_s,
        fastest_s=min(each.fastest_s for each in rounds),
        low_s=median([each.low_s for each in rounds]),
        high_s=median([each.high_s for each in rounds]),
        runs=sum(each.runs for each in rounds),
        spread=settled.spread,
        peak_memory_bytes=max(peaks, default=None),
        energy_j=median(energies) if energies else None,
    )
