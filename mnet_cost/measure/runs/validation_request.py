"""What `validate` is asked for: networks that are measured here or were recorded, and a profile.

All that can be wrong is found before anything is measured, and what was measured is written before
anything is made of it. Not here: how times are taken (`rounds.py`), and what is said of them
(`validate.py`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import MnetCostError, Problem, UsageError, did_you_mean
from mnet_cost.measure.runs.run_files import Run, network_of, read_runs, run_of, runs_text
from mnet_cost.measure.runs.validate import Validation, validate_run
from mnet_cost.measure.runtimes import load_runtime
from mnet_cost.measure.runtimes.base import RunError, RunSettings, Runtime, RuntimeProfile
from mnet_cost.models.library import split_reference
from mnet_cost.models.types import BATCH, Model
from mnet_cost.network import Network, elaborate
from mnet_cost.paths import write_whole
from mnet_cost.search.single import word_of

if TYPE_CHECKING:
    from mnet_cost.measure.runs.artifacts import Runnable
    from mnet_cost.measure.runs.rounds import Plan, Session

Progress = Callable[[int, int], None]
Say = Callable[[str], None]

_PROFILED_S = 1.0
_FEWEST_PROFILED, _MOST_PROFILED = 5, 50
"""Inferences with a profiler: as many as fit in a second, within these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationRequest:
    """Networks and how they ran, or are to run."""

    models: Sequence[tuple[str, Model]] = ()
    """Each with the reference that it was loaded by. With `recorded` those of it that are meant;
    all of them where there is none."""
    device: DeviceProfile | None = None
    runtime: str | None = None
    settings: RunSettings = field(default_factory=RunSettings)
    plan: Plan | None = None
    """None for the usual one."""
    recorded: Sequence[str] = ()
    """Files of runs, which are looked at in the place of measuring."""
    record: str | None = None
    """The file to write the runs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """What came of a request."""

    validations: tuple[Validation, ...]
    failures: tuple[tuple[str, Exception], ...] = ()
    """Networks that could not be measured, each with the reason."""
    interrupted: bool = False
    """Whether somebody stopped it before all rounds were measured."""


def answer(
    request: ValidationRequest, progress: Progress | None = None, say: Say | None = None
) -> Validated:
    """Measure or read what is asked for, and set the estimates beside it.

    Raises `UsageError` for a request that cannot be, `RunError` and `MissingPackageError` where
    nothing can be measured, `MeasurementError` for runs of other networks than are there.
    """
    if request.recorded:
        return _of_records(request)
    if request.runtime is None:
        hint = "`--runtime onnxruntime` measures here, `--from FILE` reads what was recorded"
        raise UsageError(Problem("which runtime is it?", hint=hint))
    if not request.models:
        raise UsageError("name a network to measure: MODEL")
    runtime = load_runtime(request.runtime)
    networks = [_named(name, model) for name, model in request.models]
    runs, failures, interrupted = measured_runs(
        networks, runtime, request.settings, request.plan, progress, say
    )
    if request.record is not None and runs:
        write_whole(request.record, runs_text([run for run, _ in runs], request.record))
    if not runs and failures:
        error = failures[0][1]
        raise error if isinstance(error, MnetCostError) else RunError(f"{failures[0][0]}: {error}")
    validations = [validate_run(run, network, request.device) for run, network in runs]
    return Validated(validations=tuple(validations), failures=failures, interrupted=interrupted)


def _named(loaded_by: str, model: Model) -> tuple[str, Network]:
    """What names a network in results, its batch apart, and the network."""
    name, variant, given = split_reference(loaded_by)
    knobs = {**given, **model.knobs}  # sizes of a model file are in the first alone
    changed = [f"{knob}={word_of(value)}" for knob, value in knobs.items() if knob != BATCH]
    reference = name if variant is None else f"{name}:{variant}"
    reference += f"@{','.join(changed)}" if changed else ""
    return reference, elaborate(model.spec, model.knobs)


def measured_runs(
    networks: Sequence[tuple[str, Network]],
    runtime: Runtime,
    settings: RunSettings,
    plan: Plan | None = None,
    progress: Progress | None = None,
    say: Say | None = None,
) -> tuple[list[tuple[Run, Network]], tuple[tuple[str, Exception], ...], bool]:
    """Networks in rounds without a profiler, then once more with it: their runs, what failed, and
    whether somebody stopped it, after which nothing is profiled."""
    from mnet_cost.measure.runs.artifacts import Runnable
    from mnet_cost.measure.runs.rounds import Plan, measure

    with tempfile.TemporaryDirectory(prefix="mnet-cost-") as folder:
        runnables = {
            (reference, network.batch): Runnable(reference, network, Path(folder))
            for reference, network in networks
        }
        session = measure(
            [*runnables.values()], runtime, settings, plan or Plan(), progress=progress, say=say
        )
        runs = [
            _run(runnables[timed.reference, timed.batch], runtime, settings, session, timed)
            for timed in session.timed
        ]
    failures = tuple([(failure.reference, failure.error) for failure in session.failures])
    return runs, failures, session.interrupted


def _run(
    runnable: Runnable, runtime: Runtime, settings: RunSettings, session: Session, timed: Any
) -> tuple[Run, Network]:
    profile = None
    if not session.interrupted:
        profile = profiled(runnable, runtime, settings, timed.median_s)
    nodes = {node for kernel in profile.kernels for node in kernel.nodes} if profile else set()
    layers_of_node = None
    if not nodes.issubset(runnable.layers):
        layers_of_node = runnable.layers_of_node()
    run = run_of(
        timed,
        session,
        runnable.network,
        device=settings.device,
        profile=profile,
        layers_of_node=layers_of_node,
    )
    return run, runnable.network


def profiled(
    runnable: Runnable, runtime: Runtime, settings: RunSettings, inference_s: float
) -> RuntimeProfile | None:
    """What the kernels of a network take; None where the runtime does not say it."""
    program = runtime.prepare(runnable, settings)
    try:
        count = round(_PROFILED_S / max(inference_s, 1e-9))
        return program.profile(min(max(count, _FEWEST_PROFILED), _MOST_PROFILED))
    finally:
        program.close()


def _of_records(request: ValidationRequest) -> Validated:
    if request.runtime is not None or request.record is not None:
        word = "--runtime" if request.runtime is not None else "--record"
        raise UsageError(f"recorded runs are not measured again: leave out `{word}`")
    runs = [run for path in request.recorded for run in read_runs(path)]
    validations = []
    if not request.models:
        for run in runs:
            validations.append(validate_run(run, network_of(run), request.device))
    for name, model in request.models:
        reference, network = _named(name, model)
        found = [run for run in runs if _is_of(run, reference)]
        if not found:
            known = list(dict.fromkeys(run.reference for run in runs))
            hint = did_you_mean(reference, known) or f"there are {', '.join(known[:5])}"
            raise UsageError(Problem(f"no run of `{reference}` was recorded", hint=hint))
        for run in found:
            same = network_of(run, network)
            validations.append(validate_run(run, same, request.device))
    return Validated(validations=tuple(validations))


def _is_of(run: Run, reference: str) -> bool:
    """Whether a run is of the network of a reference; files are known by their names, since a
    recorded path begins in the folder of the record."""
    return _last_part(run.reference) == _last_part(reference)


def _last_part(reference: str) -> str:
    return reference[max(reference.rfind("/"), reference.rfind("\\")) + 1 :]
