"""Networks measured so that their times can be believed: in rounds, beside a reference network.

A round times every network once, in an order of its own, and the reference network at its start,
at its end and in between. What the reference takes in a round, over what it takes in all rounds, is
how slow the machine was then: each time of the round is divided by it, so that drift cancels. Not
here: one series of runs (`timing.py`), the arithmetic of rounds (`drift.py`), what comes of them
(`sessions.py`).
"""

from __future__ import annotations

import gc
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mnet_cost.errors import MnetCostError, Problem, UsageError
from mnet_cost.measure.measurements import NO_REFERENCE
from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runs.environment import environment_of, processor_name
from mnet_cost.measure.runs.machine import Load, Machine, Usage, load_between
from mnet_cost.measure.runs.pinning import can_pin, check_cpus, choose_cpus, pinned
from mnet_cost.measure.runs.recorded import Recorder, Round, Setting, row_name
from mnet_cost.measure.runs.sessions import Failure, Network, Session, Timed, session_of
from mnet_cost.measure.runs.timing import run_series, warm_up
from mnet_cost.measure.runtimes.base import Program, RunError, RunSettings, Runtime

if TYPE_CHECKING:
    from mnet_cost.measure.runs.energy import Meter

__all__ = ["Failure", "Plan", "Session", "Timed", "measure"]

REFERENCE = "mobilenet_v1@alpha=0.25,resolution=128"
"""The reference network: it runs under every runtime, in a few milliseconds at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to measure."""

    rounds: int = 3
    seconds: float = 0.5
    """The most that runs of one network take in one round, without warming up."""
    fewest_runs: int = 3
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
    most_s: float | None = None
    """No round begins that would probably end later, in seconds since the first; None: all do."""
    energy: str | None = None
    """Where energy is read: `auto`, `rapl`, `jetson`, or the path of a meter's log; None: not."""
    seed: int = 0
    """Of the orders of the rounds."""


_SAMPLE_S = 0.3
"""How long one looks at what others do."""
_BUSY = 0.1
"""Share of the CPUs that others may keep busy on a quiet machine."""
_STOLEN = 0.02
"""Share of the time that a host may take on a quiet one."""
_NAMED = 3
"""Networks that a warning names."""
_INTERRUPTED = 0.1
"""Share of runs that are left out without a word."""
_LOUD = 0.05
"""A noise floor that is said to be high."""
_REFERENCE_EVERY_S = 3.0
_FREE = 0.5
"""Share of the memory that stays free while networks are kept for the next round."""
_SAY_EVERY_S = 10.0

Progress = Callable[[int, int], None]
Say = Callable[[str], None]


def measure(
    runnables: Sequence[Runnable],
    runtime: Runtime,
    settings: RunSettings,
    plan: Plan,
    *,
    progress: Progress | None = None,
    say: Say | None = None,
    output: str | None = None,
    machine: Machine | None = None,
) -> Session:
    """Measure networks.

    `progress(done, total)` is called before and after each network of each round, `say(text)` while
    it waits. Rows are added to the CSV file `output`, and rounds that it has are not measured
    again. A network that cannot run is a `Failure` and the others go on. KeyboardInterrupt ends it
    early: what was measured until then is there. Raises `UsageError` for CPUs, threads and files
    that cannot be, `RunError` where the reference network cannot run.
    """
    machine = machine or Machine()
    check_plan(plan, settings, machine)
    with tempfile.TemporaryDirectory(prefix="mnet-cost-") as folder:
        reference = _reference(plan, Path(folder))
        setting = Setting(
            runtime=runtime.name,
            runtime_version=runtime.version(),
            threads=settings.threads,
            processor=processor_name(machine) or "",
            reference=row_name(plan.reference or NO_REFERENCE, output),
        )
        running = _Measuring(runtime, settings, plan, setting, machine, reference)
        running.progress, running.say = progress or _quiet, say or _quiet
        if output is not None:
            running.recorder = Recorder(output, setting)
        for runnable in runnables:
            running.add(runnable, row_name(runnable.reference, output))
        return running.run()


def check_plan(plan: Plan, settings: RunSettings, machine: Machine) -> None:
    """`UsageError` for numbers, threads and CPUs that this machine cannot have."""
    for what, number in (("rounds", plan.rounds), ("threads", settings.threads)):
        if number < 1:
            raise UsageError(f"{what} are 1 or more, not {number}")
    if isinstance(plan.seconds, bool) or not isinstance(plan.seconds, (int, float)):
        raise TypeError(f"seconds are a number, not {plan.seconds!r}")
    if not 0 < plan.seconds <= 3600:
        raise UsageError(
            f"runs of one network in a round take up to an hour, not {plan.seconds:g} s"
        )
    cpus = machine.cpus()
    if settings.threads > len(cpus):
        some = f"{len(cpus)} CPU{'s' if len(cpus) > 1 else ''}"
        message = f"{settings.threads} threads on {some} would wait for each other"
        raise UsageError(Problem(message, hint=f"--threads {len(cpus)} is the most here"))
    check_cpus(plan.cpus or (), machine, settings.threads)


def _quiet(*said: object) -> None:
    pass


def _reference(plan: Plan, folder: Path) -> Runnable | None:
    """The reference network, at batch 1."""
    if plan.reference is None:
        return None
    from mnet_cost.models.library import load_model
    from mnet_cost.models.types import BATCH
    from mnet_cost.network import elaborate

    model = load_model(plan.reference)
    return Runnable(plan.reference, elaborate(model.spec, {**model.knobs, BATCH: 1}), folder)


class _Measuring:
    """One session: the networks, what was measured of them, and what is kept for the next round."""

    def __init__(
        self,
        runtime: Runtime,
        settings: RunSettings,
        plan: Plan,
        setting: Setting,
        machine: Machine,
        reference: Runnable | None,
    ) -> None:
        self.runtime, self.settings, self.plan = runtime, settings, plan
        self.setting, self.machine, self.reference = setting, machine, reference
        self.progress: Progress = _quiet
        self.say: Say = _quiet
        self.recorder: Recorder | None = None
        self.networks: dict[Network, Runnable] = {}
        self.rounds: list[Round] = []
        self.failures: dict[Network, Failure] = {}
        self.warnings: dict[str, None] = {}
        self.meter: Meter | None = None
        self._programs: dict[str, Program] = {}
        self._peaks: dict[Network, int | None] = {}
        self._reference_at = 0.0
        self._waited = 0.0
        self._done = self._total = 0
        self._cpus = machine.cpus()
        """Those whose load counts."""

    def add(self, runnable: Runnable, model: str) -> None:
        """A network to measure; once, whoever names it again."""
        self.networks.setdefault(
            Network(runnable.reference, model, runnable.network.batch), runnable
        )

    def run(self) -> Session:
        """Measure all of them."""
        if self.recorder is not None:
            self.rounds += [each for each in self.recorder.rounds if self._is_asked_for(each)]
        if self.plan.energy is not None:
            self._find_meter()
        before = self.machine.usage()
        self.machine.sleep(_SAMPLE_S)
        after = self.machine.usage()
        load = load_between(before, after, self._cpus)
        cpus = self._chosen(before, after)
        environment = environment_of(
            self.machine,
            runtime=self.setting.runtime,
            runtime_version=self.setting.runtime_version,
            details=self.runtime.environment(self.settings),
            pinned=cpus or None,
            others_before=load.others,
        )
        interrupted = False
        start = self.machine.usage()
        try:
            with pinned(cpus):
                self._all_rounds()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            self._close()
        during = load_between(start, self.machine.usage(), self._cpus)
        environment = replace(
            environment,
            others_during=during.others,
            stolen=during.stolen,
            switches_per_s=during.switches_per_s,
        )
        session = session_of(
            tuple(self.networks), self.rounds, self.setting, environment,
            failures=self.failures.values(), interrupted=interrupted,
        )  # fmt: skip
        self._judge(session)
        return replace(session, warnings=tuple(self.warnings))

    def _is_asked_for(self, round_: Round) -> bool:
        """Whether a recorded round is of the precision that this command would measure."""
        if round_.precision == self.settings.precision:
            return True
        return round_.precision == "int8" and any(
            network.model == round_.model
            and (runnable.given_int8(".onnx") or runnable.given_int8(".tflite"))
            for network, runnable in self.networks.items()
        )

    def _find_meter(self) -> None:
        from mnet_cost.measure.runs.energy import find_meter

        assert self.plan.energy is not None
        self.meter = find_meter(self.plan.energy, self.machine)
        if self.meter is None:
            self._warn("energy is unknown: this machine has no counter that can be read")

    def _chosen(self, before: Usage, after: Usage) -> tuple[int, ...]:
        """The CPUs to run on; none where nothing is pinned."""
        if self.plan.cpus is not None:
            return self.plan.cpus
        if not can_pin():
            self._warn("threads were not pinned: the operating system has no way to")
            return ()
        seconds = max(after.at_s - before.at_s, 1e-9)
        busy = {
            cpu: (after.busy_s[cpu] - before.busy_s.get(cpu, 0.0)) / seconds
            for cpu in after.busy_s
        } if before.busy_s and after.busy_s else None  # fmt: skip
        return choose_cpus(self.machine, self.settings.threads, busy)

    def _all_rounds(self) -> None:
        run = max([each.run for each in self.rounds], default=0)
        if self.recorder is not None:
            run = max(run, self.recorder.last_run)
        start, longest = self.machine.now(), 0.0
        self._total = sum(self._missing(network) for network in self.networks)
        self.progress(0, self._total)
        while todo := [network for network in self.networks if self._missing(network)]:
            began = self.machine.now()
            most = self.plan.most_s
            if most is not None and longest and began - start + longest > most:
                break
            run += 1
            self._round(run, todo)
            longest = max(longest, self.machine.now() - began)

    def _missing(self, network: Network) -> int:
        """Rounds that a network lacks."""
        if network in self.failures:
            return 0
        there = {each.run for each in self.rounds if (each.model, each.batch) == network[1:]}
        return max(0, self.plan.rounds - len(there))

    def _round(self, run: int, todo: Sequence[Network]) -> None:
        """Time each of `todo` once, in an order of this round, and the reference in between."""
        order = list(todo)
        random.Random(f"{self.plan.seed} {run}").shuffle(order)
        gc.collect()  # not within series
        self._time_reference(run)
        for network in order:
            self._wait()
            if self.machine.now() - self._reference_at > _REFERENCE_EVERY_S:
                self._time_reference(run)
            self._time_network(run, network)
            self._done += 1
            self.progress(self._done, self._total)
        self._time_reference(run)

    def _time_reference(self, run: int) -> None:
        """A series of the reference network, for the level of this round."""
        if self.reference is None:
            return
        try:
            round_ = self._time(self.reference, self.setting.reference, run, None)
        except MnetCostError as error:
            name = self.reference.reference
            if not any(problem.message.startswith(name) for problem in error.problems):
                raise  # no network can run so
            hint = "`--reference NAME` is another network, `--reference none` none"
            what = f"the reference network {name} cannot run"
            raise RunError((*error.problems, Problem(what, hint=hint))) from None
        self._keep(round_)
        self._reference_at = self.machine.now()

    def _time_network(self, run: int, network: Network) -> None:
        """A series of a network; a failure where it cannot run."""
        runnable = self.networks[network]
        try:
            peak = self._peak_memory(network, runnable)
            round_ = self._time(runnable, network.model, run, self.meter)
        except MnetCostError as error:
            self._fail(network, error)
        except Exception as reason:  # whatever a runtime raises, the others go on
            said = str(reason).strip().partition("\n")[0]
            self._fail(network, RunError(f"{network.reference}: {type(reason).__name__}: {said}"))
        else:
            self._keep(replace(round_, peak_memory_bytes=peak))

    def _time(self, runnable: Runnable, model: str, run: int, meter: Meter | None) -> Round:
        """Prepare a network, where it is not kept, warm it up and run it."""
        plan = self.plan
        key = f"{model} {runnable.network.batch}"
        program = self._programs.pop(key, None)
        if program is None:
            program = self.runtime.prepare(runnable, self.settings)
            self._warn_of_stand_ins(runnable)
        try:
            warm_up(program, plan.seconds, self.machine)
            series = run_series(
                program,
                seconds=plan.seconds,
                fewest=plan.fewest_runs,
                interval=plan.interval,
                machine=self.machine,
                cpus=self._cpus,
                meter=meter,
            )
        except BaseException:
            program.close()
            raise
        if program.precision != self.settings.precision:
            self._warn(
                f"{runnable.reference} was computed in {program.precision}, and "
                f"{self.settings.precision} was asked for"
            )
        precision = program.precision
        if self._has_room():
            self._programs[key] = program
        else:
            program.close()
        return Round(
            model=model,
            run=run,
            precision=precision,
            batch=runnable.network.batch,
            median_s=series.median_s,
            fastest_s=min(series.times_s),
            low_s=series.percentile(0.1),
            high_s=series.percentile(0.9),
            runs=0 if series.is_disturbed else len(series.times_s),
            left_out=series.left_out,
            times_s=series.times_s,
            energy_j=series.energy_j,
            others_cpus=series.load.others,
        )

    def _keep(self, round_: Round) -> None:
        self.rounds.append(round_)
        if self.recorder is not None:
            self.recorder.add(round_, self.machine.today())

    def _fail(self, network: Network, error: MnetCostError) -> None:
        # The one that is under way counts as done.
        self._total -= self._missing(network) - 1
        self.failures[network] = Failure(reference=network.reference, error=error)

    def _warn(self, text: str) -> None:
        self.warnings[text] = None

    def _peak_memory(self, network: Network, runnable: Runnable) -> int | None:
        """Of a network, once, in a process of its own."""
        if not self.plan.memory:
            return None
        known = [each.peak_memory_bytes for each in self.rounds
                 if (each.model, each.batch) == network[1:] and each.peak_memory_bytes]  # fmt: skip
        if known or network in self._peaks:
            return known[0] if known else self._peaks[network]
        from mnet_cost.measure.runs.memory import can_tell, peak_memory_of

        peak = self._peaks[network] = peak_memory_of(
            runnable.reference, network.batch, self.runtime.name, self.settings
        )
        if not can_tell():
            self._warn("memory is unknown: the operating system does not tell a process's peak")
        elif peak is None:
            self._warn(f"memory of {network.reference} is unknown: its own process failed")
        return peak

    def _warn_of_stand_ins(self, runnable: Runnable) -> None:
        """Say which layers run as operators that stand for them; a model file that the runtime
        runs as it is has its own."""
        takes = self.runtime.takes
        if takes is not None and runnable.given(takes) is not None:
            return
        for step in runnable.network.steps:
            if step.layer.built_otherwise:
                self._warn(
                    f"{runnable.reference}: `{step.name}` ({step.layer.kind}) runs as other "
                    "operators that give the same; runtimes have one of their own, which takes "
                    "another time"
                )

    def _has_room(self) -> bool:
        """Whether so much memory is free that a network may stay for the next round."""
        free, most = self.machine.free_memory(), self.machine.memory()
        return free is not None and most is not None and free > _FREE * most

    def _close(self) -> None:
        for program in self._programs.values():
            program.close()
        self._programs.clear()

    def _wait(self) -> None:
        """Wait until others leave the machine alone, where somebody has the patience."""
        if not self.plan.patient:
            return
        said_at = -_SAY_EVERY_S
        while self._waited < self.plan.patience_s:
            before = self.machine.usage()
            self.machine.sleep(_SAMPLE_S)
            load = load_between(before, self.machine.usage(), self._cpus)
            if not self._is_busy(load):
                return
            if self._waited - said_at >= _SAY_EVERY_S:
                said_at = self._waited
                self.say(f"waiting: {self._others(load)}")
            self._waited += _SAMPLE_S
        self._warn(
            f"{self.plan.patience_s:g} s of waiting are over, and others still used the machine"
        )

    def _is_busy(self, load: Load) -> bool:
        others, stolen = load.others or 0.0, load.stolen or 0.0
        return others > _BUSY * len(self._cpus) or stolen > _STOLEN

    def _others(self, load: Load) -> str:
        count = len(self._cpus)
        cpus = f"{count} CPU{'s' if count > 1 else ''}"
        said = [f"other programs keep {load.others:.1f} of {cpus} busy"] if load.others else []
        if load.stolen and load.stolen > _STOLEN:
            said.append(f"the host takes {100 * load.stolen:.0f} % of the time")
        return ", ".join(said)

    def _judge(self, session: Session) -> None:
        """Warn of what makes these times less sure than they look."""
        found = session.environment
        load = Load(found.others_during, found.stolen, None)
        if self._is_busy(load):
            self._warn(
                f"this machine was not quiet: {self._others(load)}. Times may be longer than on a "
                "quiet one; --patient waits until others are done"
            )
        disturbed = list(dict.fromkeys(each.model for each in self.rounds if each.runs == 0))
        if disturbed:
            more = f" and {len(disturbed) - _NAMED} more" if len(disturbed) > _NAMED else ""
            self._warn(
                "other programs got the CPU in every run of a round of "
                f"{', '.join(disturbed[:_NAMED])}{more}: times of such rounds may be several times "
                "too long"
            )
        share = max(
            [each.left_out / (each.left_out + each.runs) for each in self.rounds if each.runs],
            default=0,
        )
        if share > _INTERRUPTED:
            self._warn(
                f"other programs got the CPU in up to {100 * share:.0f} % of the runs of a "
                "network: those are left out"
            )
        if session.noise is not None and session.noise > _LOUD:
            self._warn(
                f"rounds differ by {100 * session.noise:.0f} % in the median: no error below that "
                "says anything; more rounds on a quieter machine help"
            )
        if found.cpu_quota is not None and found.cpu_quota < self.settings.threads:
            self._warn(
                f"a limit of {found.cpu_quota:g} CPUs holds {self.settings.threads} threads up"
            )
