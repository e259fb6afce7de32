"""`mnet-cost calibrate --runtime NAME -o this_machine.yaml`: measures this machine."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path

from mnet_cost.errors import DeviceError, OutputError, Problem, UsageError, did_you_mean, one_of

_MINUTES = 3.0
_LEAST_MINUTES, _MOST_MINUTES = 0.2, 24 * 60.0
_STOPPED = 130
_OF_ROWS = ("device", "into", "kernels", "tile", "form", "basis", "where", "model")


def run_machine(options: argparse.Namespace) -> int:
    """Measure, fit, write the profile and print how far off it is; 130 where somebody stopped it:
    the rows are kept, and no profile is written."""
    from mnet_cost.cli.bar import Bar
    from mnet_cost.cli.calibrate import write_profile
    from mnet_cost.cli.measure import stopped
    from mnet_cost.cli.output import say
    from mnet_cost.measure.runs.request import runtime_named
    from mnet_cost.torch_model.installed import require

    _refuse(options)
    output, record = options.output, _record(options)
    minutes = _minutes(options.minutes)
    runtime = runtime_named(options.runtime)
    require("numpy", "numpy")

    from mnet_cost.measure.runs.machine_profile import PRECISION, MachineRequest, calibrate_machine
    from mnet_cost.report.calibrate import calibration_report

    request = MachineRequest(
        runtime=runtime,
        record=record,
        name=(options.name or "").strip() or Path(record if output == "-" else output).stem,
        threads=options.threads or 1,
        seconds=60 * minutes,
        quick=options.quick,
        title=options.title,
        device_class=options.device_class,
        comment=_comment(options),
        patient=options.patient,
    )
    try:
        with Bar("measuring, seconds") as bar:
            profile = calibrate_machine(request, progress=bar, say=say)
    except KeyboardInterrupt:
        say(stopped(record))
        return _STOPPED
    calibrations = {PRECISION: profile.calibration}
    report = calibration_report(
        request.name, calibrations, (), profile.notes, profile.runtime_version
    )
    write_profile(options, output, profile.text, report)
    return 0


def _refuse(options: argparse.Namespace) -> None:
    """Raise an error for options that do not go together."""
    from mnet_cost.devices import CLASSES

    for option in _OF_ROWS:
        if getattr(options, option):
            message = f"`--{option}` is for rows of a file: `--from FILE`"
            raise UsageError(Problem(message, hint="measuring this machine needs none"))
    if options.output is None:
        hint = "`-o this_machine.yaml`; the rows go to this_machine.csv"
        raise UsageError(Problem("where does the profile go?", hint=hint))
    if options.quick and options.minutes is not None:
        raise UsageError("`--quick` takes 20 s: it goes without `--minutes`")
    asked = options.device_class
    if asked is not None and asked not in CLASSES:
        hint = did_you_mean(asked, CLASSES) or f"it is {one_of(CLASSES)}"
        raise DeviceError(Problem(f"there is no class `{asked}`", hint=hint))


def _record(options: argparse.Namespace) -> str:
    """The file of the rows."""
    from mnet_cost.cli.output import refuse_same
    from mnet_cost.paths import check_writable

    record: str | None = options.record
    if record is None:
        if options.output == "-":
            hint = "`--record rows.csv`"
            raise UsageError(Problem("where do the rows go, with `-o -`?", hint=hint))
        root, ending = os.path.splitext(options.output)
        record = f"{root}.csv" if ending.lower() != ".csv" else f"{options.output}.csv"
    if not record.lower().endswith(".csv"):
        raise OutputError(Problem(f"{record}: is no CSV file by its name", hint="rows.csv"))
    refuse_same(options.output, record)
    if options.output != "-":
        check_writable(options.output)
    return record


def _minutes(minutes: float | None) -> float:
    if minutes is None:
        return _MINUTES
    if not _LEAST_MINUTES <= minutes <= _MOST_MINUTES:
        hint = "`--minutes 3`, or `--quick`, which takes 20 s"
        raise UsageError(Problem(f"{minutes:g} minutes is no time to measure in", hint=hint))
    return minutes


def _comment(options: argparse.Namespace) -> tuple[str, ...]:
    words = [f"--runtime {shlex.quote(options.runtime)}"]
    words += [] if options.threads is None else [f"--threads {options.threads}"]
    words += [] if options.minutes is None else [f"--minutes {options.minutes:g}"]
    words += ["--quick"] if options.quick else []
    return ("Device profile: this machine, measured by", f"  mnet-cost calibrate {' '.join(words)}")
