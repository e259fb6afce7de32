"""A profile of this machine in some minutes: peaks, small graphs, whole networks, a fit.

Everything that is measured is in a CSV file at once, so whoever ends the program loses nothing, and
the same command goes on. What is measured next, and how often, follows from the time that is left:
each graph and network once, then again. Not here: how a time is taken (`rounds.py`), which graphs
say most (`machine_plan.py`), and the fit, which is that of any rows.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.errors import MeasurementError, Problem
from mnet_cost.measure.calibrate import Calibration, calibrate
from mnet_cost.measure.drift import noise_of
from mnet_cost.measure.least_times import as_extended, limits_of
from mnet_cost.measure.measurements import NETWORK, Measurement, role_of
from mnet_cost.measure.networks import Networks, kernels_of, read_rows
from mnet_cost.measure.profiles import profile_text
from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runs.machine import Machine
from mnet_cost.measure.runs.machine_plan import WHOLE_NETWORKS, MachinePlan
from mnet_cost.measure.runs.peaks import Peaks, measure_peaks
from mnet_cost.measure.runs.peaks_text import base_of, peaks_lines, tile_of
from mnet_cost.measure.runs.pinning import can_pin, choose_cpus
from mnet_cost.measure.runs.references import runnable_of
from mnet_cost.measure.runs.rounds import REFERENCE, Plan, check_plan, measure
from mnet_cost.measure.runs.sessions import Session
from mnet_cost.measure.runtimes.base import RunSettings, Runtime
from mnet_cost.measure.settings import own_setting
from mnet_cost.measure.versions import version_notes, version_of
from mnet_cost.models.types import BATCH

PRECISION = "fp32"
ROUNDS = 3
MOST_ROUNDS = 9
"""Rounds on a machine that is not quiet, if there is time for them."""
_QUIET = 0.03
"""A noise floor that further rounds need not lower."""
QUICK_S = 20.0
_GRAPH_S, _NETWORK_S = 0.1, 0.3
"""The most that runs of one take in a round."""
_AGAIN_GRAPH_S, _AGAIN_NETWORK_S = 0.4, 1.0
"""What one takes in a further round, warming up and all, where nothing has to be prepared anew."""
_MORE_GRAPHS = 5
_AT_ONCE = 5
"""Measured before the time that is left is looked at again."""
_FOR_THE_FIT = 0.1
"""Part of the time that is left to the fit."""
_SAID = 3
"""Reasons that are shown where nothing could run."""
_ROUNDED = 1.001
"""How much further peaks are raised, since a profile has four digits of them."""

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRequest:
    """What a user asks of `calibrate --runtime`."""

    runtime: Runtime
    record: str
    """The CSV file of rows."""
    name: str
    threads: int = 1
    seconds: float = 180.0
    quick: bool = False
    """Whether one network is to set the scale, with the shared coefficients."""
    title: str | None = None
    device_class: str | None = None
    comment: tuple[str, ...] = ()
    """How the profile was made, for its first lines."""
    cpus: tuple[int, ...] | None = None
    """The CPUs to run on; None for a choice."""
    patient: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineProfile:
    """A profile of this machine, and how far off it is."""

    text: str
    """YAML, as `load_device` reads it from a file."""
    calibration: Calibration
    runtime_version: str | None
    notes: tuple[str, ...]


def calibrate_machine(
    request: MachineRequest,
    *,
    progress: Progress | None = None,
    say: Say | None = None,
    machine: Machine | None = None,
    peaks: Peaks | None = None,
) -> MachineProfile:
    """Measure this machine and fit a profile to it.

    `progress(seconds, all)` is called as time goes by, `say(text)` with what is done. `peaks` are
    measured unless they are given. KeyboardInterrupt passes through: the rows are in the file.
    Raises `UsageError` for threads that cannot be, `RunError` where nothing runs, and
    `MeasurementError` where the fit is worse than mult-adds alone.
    """
    machine = machine or Machine()
    with tempfile.TemporaryDirectory(prefix="mnet-cost-") as folder:
        running = _Running(request, machine, Path(folder), progress or _quiet, say or _quiet)
        peaks = running.begin(peaks)
        if request.quick:
            running.measure(WHOLE_NETWORKS[:1], ROUNDS)
        else:
            running.measure_all(peaks)
    return fitted(request, peaks, tuple(running.notes.values()))


def _quiet(*said: object) -> None:
    pass


@dataclass
class _Running:
    """One session: what was measured, and how much time is left."""

    request: MachineRequest
    machine: Machine
    folder: Path
    progress: Progress
    say: Say
    notes: dict[str, str] = field(default_factory=dict)
    """By their text without figures."""
    failed: set[str] = field(default_factory=set)
    runnables: dict[str, Runnable] = field(default_factory=dict)
    """Kept from round to round, since torch takes long to export one."""
    cpus: tuple[int, ...] | None = None
    _part_s: float = 0.0
    """Seconds that the last part of a round took."""

    def begin(self, peaks: Peaks | None) -> Peaks:
        """Check what is asked for, and measure the peaks."""
        request = self.request
        self._started = self.machine.now()
        self._seconds = QUICK_S if request.quick else request.seconds
        self._settings = RunSettings(threads=request.threads, precision=PRECISION)
        self.cpus = request.cpus
        check_plan(self._plan(_NETWORK_S, 1), self._settings, self.machine)
        if self.cpus is None and can_pin():
            self.cpus = choose_cpus(self.machine, request.threads)
        self._tick()
        return peaks or measure_peaks(request.threads, self.machine, self.cpus or ())

    def measure_all(self, peaks: Peaks) -> None:
        """Small graphs and networks, each once and then again, as long as there is time."""
        plan = machine_plan(self.request, peaks)
        began = self.machine.now()
        # Networks are what the error is of, so graphs leave half of the time to them.
        graphs = self._measure_parts(plan.first(), 1, self._left() / 2)
        graph_s = (self.machine.now() - began) / len(graphs)
        networks: list[str] = []
        network_s = 0.0
        for reference in WHOLE_NETWORKS:
            after = self._again(graphs, [*networks, reference]) + network_s
            if networks and self._left() < after:
                self._note("there was no time for all whole networks")
                break
            began = self.machine.now()
            networks.append(reference)
            self.measure([reference], 1)
            network_s = self.machine.now() - began
        while self._left() > self._again(graphs, networks) + _MORE_GRAPHS * graph_s:
            more = plan.more(self.rows(), _MORE_GRAPHS, self.failed)
            if not more:
                break
            graphs += more
            self.measure(more, 1)
        self._measure_again(networks, graphs)

    def _measure_again(self, *groups: Sequence[str]) -> None:
        """Further rounds of the same: more of them where rounds differ."""
        for rounds in range(2, MOST_ROUNDS + 1):
            if rounds > ROUNDS and (noise_of(self.rows()) or 0.0) < _QUIET:
                break
            done = [len(self._measure_parts(group, rounds, 0.0)) for group in groups]
            if done != [len(group) for group in groups]:
                if rounds <= ROUNDS:
                    self._note(f"there was not time enough for {ROUNDS} rounds of all")
                break

    def _measure_parts(
        self, references: Sequence[str], rounds: int, least_left: float
    ) -> list[str]:
        """Measure some at a time, as long as `least_left` seconds would remain after the next ones;
        returns those that were measured. In round 1 the first ones are measured in any case."""
        done: list[str] = []
        took = self._part_s if rounds > 1 else 0.0
        for place in range(0, len(references), _AT_ONCE):
            if (done or rounds > 1) and self._left() - took < least_left:
                break
            part = references[place : place + _AT_ONCE]
            began = self.machine.now()
            self.measure(part, rounds)
            took = self._part_s = self.machine.now() - began
            done += part
        return done

    def measure(self, references: Sequence[str], rounds: int) -> None:
        """Rounds of these, until each has as many; those of the file count."""
        references = [each for each in references if each not in self.failed]
        if not references:
            return
        seconds = _NETWORK_S if role_of(references[0]) == NETWORK else _GRAPH_S
        for reference in references:
            if reference not in self.runnables:
                self.runnables[reference] = runnable_of(
                    reference, self.folder, {BATCH: 1}, direct=True
                )
        session = measure(
            [self.runnables[reference] for reference in references],
            self.request.runtime,
            self._settings,
            self._plan(seconds, rounds),
            progress=lambda done, total: self._tick(),
            say=self.say,
            output=self.request.record,
            machine=self.machine,
        )
        self._take(session)

    def _take(self, session: Session) -> None:
        for warning in session.warnings:
            self._note(warning)
        for failure in session.failures:
            self.failed.add(failure.reference)
            said = failure.error.problems[0].message
            self._note(f"{failure.reference} was left out: {said}")
        if session.interrupted:
            raise KeyboardInterrupt

    def rows(self) -> tuple[Measurement, ...]:
        """What the file has by now."""
        return rows_of(self.request)

    def _plan(self, seconds: float, rounds: int) -> Plan:
        return Plan(
            rounds=rounds, seconds=seconds, cpus=self.cpus, patient=self.request.patient,
            reference=None if self.request.quick else REFERENCE,
        )  # fmt: skip

    def _again(self, graphs: Sequence[str], networks: Sequence[str]) -> float:
        """Seconds of the further rounds."""
        one = len(graphs) * _AGAIN_GRAPH_S + len(networks) * _AGAIN_NETWORK_S
        return (ROUNDS - 1) * one

    def _left(self) -> float:
        """Seconds for measuring."""
        return (1 - _FOR_THE_FIT) * self._seconds - (self.machine.now() - self._started)

    def _tick(self) -> None:
        elapsed = self.machine.now() - self._started
        self.progress(int(min(elapsed, self._seconds)), int(self._seconds))

    def _note(self, text: str) -> None:
        """Said once, whatever its figures are: each part of a session may say it again."""
        self.notes.setdefault(re.sub(r"\d+(\.\d+)?", "0", text), text)


def machine_plan(request: MachineRequest, peaks: Peaks) -> MachinePlan:
    """What to measure with this runtime."""
    runtime = request.runtime.name
    setting = own_setting(runtime, request.device_class, peaks.pipeline, PRECISION)
    shared = shared_coefficients(setting.shared, PRECISION, request.threads)
    tile, _ = tile_of(peaks, runtime)
    return MachinePlan(setting, shared, tile, float(peaks.largest_cache), Networks())


def rows_of(request: MachineRequest) -> tuple[Measurement, ...]:
    """The rows of the file that are of this setting, each network once."""
    where = {"threads": str(request.threads), "precision": PRECISION}
    return read_rows([request.record], where).measurements


def fitted(request: MachineRequest, peaks: Peaks, said: Sequence[str] = ()) -> MachineProfile:
    """The profile that the rows of the file speak for.

    Raises `MeasurementError` where there are none, or where they say less than mult-adds alone.
    """
    rows = rows_of(request) if os.path.exists(request.record) else ()
    if all(row.model == row.reference for row in rows):
        what = "no small graph and no whole network could run"
        raise MeasurementError(Problem(what, hint="; ".join(said[:_SAID]) or None))
    runtime = request.runtime.name
    base = base_of(peaks, runtime, request.name, request.device_class)
    networks = Networks()
    factor = _raised_by(rows, base, runtime, networks)
    if factor > 1:
        base = base_of(peaks, runtime, request.name, request.device_class, factor)
    tile, _ = tile_of(peaks, runtime)
    calibration = calibrate(
        rows, tile=tile, device_class=request.device_class, threads=request.threads, base=base,
        runtime=runtime, form="coefficients", source=_source(rows), networks=networks,
    )  # fmt: skip
    refuse_worse(calibration, request.record)
    version = version_of(rows)
    title = request.title or f"{peaks.processor or 'this machine'}, with {runtime}"
    text = profile_text(
        name=request.name,
        title=title,
        basis="calibrated",
        runtime=runtime,
        threads=request.threads,
        kernels=calibration.kernel_rules,
        fits={PRECISION: calibration.fit},
        device_class=request.device_class,
        comment=request.comment,
        runtime_version=version,
        peaks=peaks_lines(peaks, runtime, factor),
    )
    return MachineProfile(
        text=text,
        calibration=calibration,
        runtime_version=version,
        notes=(*said, *version_notes(rows)),
    )


def _raised_by(
    rows: Sequence[Measurement], base: DeviceProfile, runtime: str, networks: Networks
) -> float:
    """By how much peaks must be raised, so that none of the rows is faster; 1 where none is."""
    kernels = kernels_of(rows, base.kernel_rules, networks)
    peaks = as_extended(base, base.kernel_rules, base.threads, runtime)
    faster = [
        limits_of(own, peaks, PRECISION, runtime).least_s / row.latency_s
        for row, own in zip(rows, kernels, strict=True)
    ]
    most = max(faster)
    return most * _ROUNDED if most > 1 else 1.0


def _source(rows: Sequence[Measurement]) -> str:
    graphs = sum(row.is_small_graph for row in rows)
    networks = len(rows) - graphs
    said = f"{networks} network{'s' if networks != 1 else ''}"
    said += f" and {graphs} small graphs" if graphs else ""
    # The reference network has one for each part of a session.
    rounds = max(len(row.rounds_s) for row in rows if row.model != row.reference)
    return f"own measurement: {said} on this machine, medians of up to {rounds} rounds"


def refuse_worse(calibration: Calibration, record: str) -> None:
    """Raise `MeasurementError` for a fit that is further off than mult-adds alone."""
    held_out = calibration.fit.held_out
    if held_out is None or held_out.by_mult_adds is None:
        return
    if held_out.mean > held_out.by_mult_adds:
        raise MeasurementError(
            Problem(
                f"what was left out is {100 * held_out.mean:.0f} % off in the mean by the fit, and "
                f"{100 * held_out.by_mult_adds:.0f} % by mult-adds alone: nothing is written",
                hint=f"the rows are in {record}; measure on a quiet machine, to another file, or "
                "more networks to this one (`mnet-cost measure`)",
            )
        )
