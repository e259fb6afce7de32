"""What `validate` is asked for: networks that are measured here or were recorded, and a profile.

All that can be wrong is found before anything is measured, and what was measured is written before
anything is made of it. Not here: how networks are measured (`request.py`), and what is said of
their times (`validate.py`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.choice import Device, choose_devices
from mnet_cost.errors import MnetCostError, OutputError, Problem, UsageError, did_you_mean
from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runs.machine import Machine
from mnet_cost.measure.runs.references import runnable_for
from mnet_cost.measure.runs.request import MeasureRequest, without_batch
from mnet_cost.measure.runs.rounds import Progress, Say, check_plan, measure
from mnet_cost.measure.runs.run_files import (
    Run,
    is_record,
    network_of,
    read_runs,
    run_of,
    runs_text,
)
from mnet_cost.measure.runs.sessions import Failure, Session, Timed
from mnet_cost.measure.runs.validate import NOT_PROFILED, Validation, validate_run
from mnet_cost.measure.runtimes.base import RunSettings, Runtime, RuntimeProfile
from mnet_cost.measure.tools.base import ToolRun
from mnet_cost.models.types import Model
from mnet_cost.network import elaborate
from mnet_cost.paths import check_writable, write_whole

_SHOWN = 8
_PROFILED_S = 1.0
_FEWEST_PROFILED, _MOST_PROFILED = 5, 50
"""Inferences with a profiler: as many as fit in a second, within these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationRequest:
    """Networks, and how they ran or are to run."""

    measuring: MeasureRequest | None = None
    """What to measure; None where runs were recorded."""
    recorded: Sequence[str] = ()
    """Files of runs, which are looked at in the place of measuring."""
    models: Mapping[str, Model] = field(default_factory=dict)
    """Of what was recorded the networks that are meant, by their reference; all without any."""
    logged: Mapping[str, str] = field(default_factory=dict)
    """How other tools call those networks, by their reference; the rest has its own name."""
    device: DeviceProfile | None = None
    """Whose estimate is asked for."""
    record: str | None = None
    """The file to write the runs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """What came of a request."""

    validations: tuple[Validation, ...]
    failures: tuple[Failure, ...] = ()
    """Networks that could not be measured, or not be profiled, each with the reason."""
    interrupted: bool = False
    """Whether somebody stopped it before all was measured."""


def one_profile(device: Device) -> DeviceProfile:
    """The profile that is compared with; `UsageError` for a word that stands for several."""
    profiles = choose_devices([device])
    if len(profiles) != 1:
        raise UsageError(
            Problem(f"`{device}` is not one profile", hint="name one, or leave it out")
        )
    return profiles[0]


def check_record(path: str) -> None:
    """`OutputError` for a file that cannot take a record, or is of something else by its name."""
    if not path.lower().endswith(".json"):
        hint = "runs go to a file that ends in .json"
        raise OutputError(Problem(f"{path}: is no JSON file by its name", hint=hint))
    check_writable(path)


def validate_request(
    request: ValidationRequest,
    *,
    progress: Progress | None = None,
    say: Say | None = None,
    machine: Machine | None = None,
) -> Validated:
    """Measure or read what is asked for, and set the estimates beside it.

    Raises `UsageError` for a request that cannot be, `MeasurementError` for recorded runs of other
    networks than are there, and what `rounds.measure` raises.
    """
    if request.measuring is None:
        return Validated(validations=tuple(_recorded(request)))
    if request.record is not None:
        check_record(request.record)
    runs = measured_runs(request.measuring, progress=progress, say=say, machine=machine)
    if request.record is not None and runs.runs:
        write_whole(request.record, runs_text([*runs.runs], request.record))
    return Validated(
        validations=tuple(
            [validate_run(run, runnable.network, request.device) for run, runnable in runs.items()]
        ),
        failures=runs.failures,
        interrupted=runs.interrupted,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRuns:
    """Networks that were measured, as runs."""

    runs: tuple[Run, ...]
    runnables: tuple[Runnable, ...]
    """Of each run."""
    failures: tuple[Failure, ...]
    interrupted: bool

    def items(self) -> list[tuple[Run, Runnable]]:
        """Each run with its network."""
        return [*zip(self.runs, self.runnables, strict=True)]


def measured_runs(
    request: MeasureRequest,
    *,
    progress: Progress | None = None,
    say: Say | None = None,
    machine: Machine | None = None,
) -> MeasuredRuns:
    """The networks of a request in rounds without a profiler, then each once with it.

    Where somebody stops it, nothing more is profiled. What cannot be profiled is a failure that
    leaves its run without kernels.
    """
    check_plan(request.plan, request.settings, machine or Machine())
    networks = {
        reference: elaborate(model.spec, model.knobs)
        for reference, model in request.networks.items()
    }
    with tempfile.TemporaryDirectory(prefix="mnet-cost-") as folder:
        runnables: dict[tuple[str, int], Runnable] = {}
        for number, (reference, network) in enumerate(networks.items()):
            own = Path(folder) / str(number)
            own.mkdir()
            name = without_batch(reference)
            runnables[name, network.batch] = runnable_for(name, network, own)
        session = measure(
            [*runnables.values()], request.runtime, request.settings, request.plan,
            progress=progress, say=say, output=request.output, machine=machine,
        )  # fmt: skip
        failures, interrupted, runs = [*session.failures], session.interrupted, []
        for timed in session.timed:
            runnable, profile = runnables[timed.reference, timed.batch], None
            warnings: tuple[str, ...] = (NOT_PROFILED,)
            try:
                if not interrupted:
                    profile = profiled(runnable, request.runtime, request.settings, timed.median_s)
                    warnings = ()
            except KeyboardInterrupt:
                interrupted = True
            except MnetCostError as error:
                failures.append(Failure(reference=timed.reference, error=error))
            run = _run(runnable, request.settings, session, timed, profile)
            runs.append(replace(run, warnings=(*warnings, *run.warnings)))
    return MeasuredRuns(
        runs=tuple(runs),
        runnables=tuple([runnables[timed.reference, timed.batch] for timed in session.timed]),
        failures=tuple(failures),
        interrupted=interrupted,
    )


def _run(
    runnable: Runnable,
    settings: RunSettings,
    session: Session,
    timed: Timed,
    profile: RuntimeProfile | None,
) -> Run:
    nodes = {node for kernel in profile.kernels for node in kernel.nodes} if profile else set()
    layers_of_node: Mapping[str, tuple[str, ...]] = {}
    if not nodes.issubset(runnable.layers):
        layers_of_node = runnable.layers_of_node()
    return run_of(
        timed,
        session,
        runnable.network,
        device=settings.device,
        profile=profile,
        layers_of_node=layers_of_node,
    )


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


def _recorded(request: ValidationRequest) -> list[Validation]:
    told = [path for path in request.recorded if not is_record(path)]
    runs = [run for path in request.recorded if path not in told for run in read_runs(path)]
    validations = _told(request, told) if told else []
    return [*validations, *_of_records(request, runs)] if runs else validations


def _told(request: ValidationRequest, paths: Sequence[str]) -> list[Validation]:
    """Outputs of other tools, of the networks that are named."""
    from mnet_cost.measure.runs.tool_runs import run_of_tool
    from mnet_cost.measure.tools.reading import read_tool_runs, unknown

    validations = []
    for path in paths:
        runs = read_tool_runs(path)
        if runs is None:
            raise unknown(path)
        if not request.models or (len(runs) == 1 < len(request.models) and not request.logged):
            message = f"{path} does not say which network it is of"
            hint = "name one: mnet-cost validate MODEL --from FILE"
            raise UsageError(Problem(message, hint=hint))
        for reference, model in request.models.items():
            network = elaborate(model.spec, model.knobs)
            name = without_batch(reference)
            if len(runs) == len(request.models) == 1 and not request.logged:
                output = runs[0]  # a device has a name of its own for it
            else:
                output = _called(request.logged.get(reference, name), network.batch, runs)
            run = run_of_tool(output, name, network)
            validations.append(validate_run(run, network, request.device))
    return validations


def _called(name: str, batch: int, runs: Sequence[ToolRun]) -> ToolRun:
    """The run that a tool calls by a name; `UsageError` where there is not one alone."""
    found = [run for run in runs if run.network == name and run.batch in (None, batch)]
    if len(found) == 1:
        return found[0]
    known = list(dict.fromkeys(run.network for run in runs))
    where = f"{runs[0].span.source.path}: `{name}` stands there"
    if found:
        hint = "leave one of them alone in the file"
        raise UsageError(Problem(f"{where} {len(found)} times, in several settings", hint=hint))
    hint = f"there are {', '.join(known[:_SHOWN])}; `{known[0]}=MODEL` says which network that is"
    raise UsageError(Problem(f"{where} nowhere", hint=hint))


def _of_records(request: ValidationRequest, runs: Sequence[Run]) -> list[Validation]:
    if not request.models:
        return [validate_run(run, network_of(run), request.device) for run in runs]
    validations = []
    for reference, model in request.models.items():
        found = [run for run in runs if _is_of(run, without_batch(reference))]
        if not found:
            known = list(dict.fromkeys(run.reference for run in runs))
            hint = did_you_mean(reference, known) or f"there are {', '.join(known[:5])}"
            raise UsageError(Problem(f"no run of `{reference}` was recorded", hint=hint))
        network = elaborate(model.spec, model.knobs)
        for run in found:
            validations.append(validate_run(run, network_of(run, network), request.device))
    return validations


def _is_of(run: Run, reference: str) -> bool:
    """Whether a run is of the network of a reference; files are known by their names, since a
    recorded path begins in the folder of the record."""
    return _last_part(run.reference) == _last_part(reference)


def _last_part(reference: str) -> str:
    return reference[max(reference.rfind("/"), reference.rfind("\\")) + 1 :]
