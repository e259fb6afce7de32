"""Networks by their references, measured, each with its analysis beside: the rules of `measure`.

All that can be wrong with what is asked for is said before anything runs. Not here: how times are
taken (`rounds.py`), and how results are shown.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.devices import DeviceProfile, with_runtime, with_threads
from mnet_cost.devices.choice import Device, choose_devices
from mnet_cost.errors import OutputError, Problem, UsageError, did_you_mean
from mnet_cost.measure.runs.machine import Machine
from mnet_cost.measure.runs.pinning import parse_cpus
from mnet_cost.measure.runs.references import runnable_for
from mnet_cost.measure.runs.rounds import REFERENCE, Plan, Progress, Say, check_plan, measure
from mnet_cost.measure.runs.sessions import Session
from mnet_cost.measure.runtimes import RUNTIMES, installed_runtimes, load_runtime
from mnet_cost.measure.runtimes.base import RunSettings, Runtime
from mnet_cost.models.library import model_names, split_reference
from mnet_cost.models.types import BATCH, Model
from mnet_cost.search.single import word_of
from mnet_cost.tensors import PRECISIONS

_ROUNDS = 3
_MANY_ROUNDS = 1000
"""Where the time decides."""
_MOST_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRequest:
    """What a user asks of `measure`."""

    networks: Mapping[str, Model]
    """By their reference, which has their knobs but for the batch: `reference_of`."""
    runtime: Runtime
    settings: RunSettings
    plan: Plan
    devices: Sequence[DeviceProfile] = ()
    """Profiles whose estimates stand beside."""
    precision: str | None = None
    """Of the analyses; None for that of each spec."""
    output: str | None = None
    """The CSV file of rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredNetworks:
    """What was measured, and what was estimated of the same networks."""

    session: Session
    analyses: tuple[Analysis, ...]
    """Of each of `session.timed`."""


def plan_measure(
    networks: Mapping[str, Model],
    *,
    runtime: str | Runtime | None,
    threads: int = 1,
    precision: str | None = None,
    on: str = "cpu",
    rounds: int | None = None,
    seconds: float = 0.5,
    minutes: Any = None,
    pin: str | None = None,
    patient: bool = False,
    reference: str | None = None,
    memory: bool = False,
    energy: str | None = None,
    devices: Iterable[Device] = (),
    output: str | None = None,
) -> MeasureRequest:
    """What the options of `measure` ask for.

    Raises `UsageError` for a value that cannot be, `MissingPackageError` for a runtime that is not
    installed, `DeviceError` for a profile, `OutputError` for a file that takes no rows.
    """
    if output is not None and not output.lower().endswith(".csv"):
        hint = "rows go to a file that ends in .csv; --format is the form of the report"
        raise OutputError(Problem(f"{output}: is no CSV file by its name", hint=hint))
    settings = _settings(threads, precision, on)
    chosen = runtime_named(runtime) if runtime is None or isinstance(runtime, str) else runtime
    most_s = _seconds(minutes)
    plan = Plan(
        rounds=rounds if rounds is not None else _ROUNDS if most_s is None else _MANY_ROUNDS,
        seconds=seconds,
        most_s=most_s,
        cpus=None if pin is None else parse_cpus(pin, Machine(), threads),
        patient=patient,
        reference=REFERENCE if reference is None else None if reference == "none" else reference,
        memory=memory,
        energy=energy,
    )
    return MeasureRequest(
        networks=networks,
        runtime=chosen,
        settings=settings,
        plan=plan,
        devices=_devices(devices, chosen, settings),
        precision=precision,
        output=output,
    )


def measure_request(
    request: MeasureRequest,
    *,
    progress: Progress | None = None,
    say: Say | None = None,
    machine: Machine | None = None,
) -> MeasuredNetworks:
    """Measure the networks of a request.

    Raises what `analyze` raises of a network, and what `rounds.measure` does, before anything runs.
    """
    check_plan(request.plan, request.settings, machine or Machine())
    analyses = {
        reference: analyze(model, devices=request.devices, precision=request.precision)
        for reference, model in request.networks.items()
    }
    with tempfile.TemporaryDirectory(prefix="mnet-cost-") as folder:
        runnables = []
        for number, (reference, analysis) in enumerate(analyses.items()):
            own = Path(folder) / str(number)
            own.mkdir()
            runnables.append(runnable_for(without_batch(reference), analysis.network, own))
        session = measure(
            runnables, request.runtime, request.settings, request.plan,
            progress=progress, say=say, output=request.output, machine=machine,
        )  # fmt: skip
    by_network = {
        (without_batch(reference), analysis.network.batch): analysis
        for reference, analysis in analyses.items()
    }
    return MeasuredNetworks(
        session=session,
        analyses=tuple(by_network[timed.reference, timed.batch] for timed in session.timed),
    )


def reference_of(model: Model, text: str | None = None) -> str:
    """What names a network at its knobs: `mobilenet_v1@alpha=0.5,batch=8`.

    `text` is what the user wrote for it; without it, the name or the path of its spec.
    """
    knobs = dict(model.knobs)
    if text is None:
        spec = model.spec
        base = spec.title if spec.title in model_names() or not spec.path else spec.path
    else:
        name, variant, given = split_reference(text)
        base = name if variant is None else f"{name}:{variant}"
        knobs = {**given, **knobs}  # a model file has taken its sizes out of those of the model
    settings = [f"{name}={word_of(value)}" for name, value in knobs.items()]
    return f"{base}@{','.join(settings)}" if settings else base


def without_batch(reference: str) -> str:
    """A reference without its batch: rows and results have that beside."""
    start = max(reference.rfind("/"), reference.rfind("\\")) + 1
    base, _, settings = reference[start:].partition("@")
    kept = [each for each in settings.split(",") if each and not each.startswith(f"{BATCH}=")]
    return reference[:start] + base + ("@" + ",".join(kept) if kept else "")


def runtime_named(name: str | None) -> Runtime:
    """The runtime of a name; `UsageError` where none is named, or it is none of ours."""
    if name is None:
        raise UsageError(Problem("which runtime is to be measured?", hint=_runtimes()))
    if name not in RUNTIMES:
        hint = did_you_mean(name, RUNTIMES) or _runtimes()
        raise UsageError(Problem(f"networks cannot be measured with `{name}` here", hint=hint))
    return load_runtime(name)


def _runtimes() -> str:
    """What can be asked for, and how to install the first one where none is."""
    here = installed_runtimes()
    others = [name for name in RUNTIMES if name not in here]
    if here:
        said = [f"`--runtime {here[0]}`; installed: {', '.join(here)}"]
    else:
        first = others[0]
        install = f"python -m pip install 'mnet-cost[{RUNTIMES[first].extra}]'"
        said = [f"`--runtime {first}`, after {install}"]
    said += [f"not installed: {', '.join(others)}"] if others else []
    return "; ".join(said)


def _settings(threads: int, precision: str | None, on: str) -> RunSettings:
    """How to run; `UsageError` for a precision that is none."""
    if precision is not None and precision not in PRECISIONS:
        hint = did_you_mean(precision, PRECISIONS) or f"it is {', '.join(PRECISIONS)}"
        raise UsageError(Problem(f"there is no precision `{precision}`", hint=hint))
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise TypeError(f"threads are a whole number, not {threads!r}")
    return RunSettings(threads=threads, precision=precision or "fp32", device=on)


def _devices(
    devices: Iterable[Device], runtime: Runtime, settings: RunSettings
) -> tuple[DeviceProfile, ...]:
    """Profiles as they are under the runtime that is measured, with its version and threads.

    What is no processor stays as it is. Raises `DeviceError` for a profile whose times are fitted
    to those of another runtime.
    """
    version = re.match(r"\d+(\.\d+)*", runtime.version())
    asked = f"{runtime.name}@{version[0]}" if version else runtime.name
    profiles = choose_devices(devices)
    return tuple(
        with_threads(with_runtime(profile, asked), settings.threads)
        if profile.pipeline
        else profile
        for profile in profiles
    )


def _seconds(minutes: Any) -> float | None:
    """Minutes as seconds; `UsageError` for what is no time."""
    if minutes is None:
        return None
    try:
        seconds = float(minutes) * 60
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds <= _MOST_SECONDS:
        message = f"minutes are more than 0 and a week at most, not `{minutes}`"
        raise UsageError(Problem(message, hint="write `--minutes 3`"))
    return seconds
