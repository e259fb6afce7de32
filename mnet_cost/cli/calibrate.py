"""`mnet-cost calibrate --from measurements.csv -o profile.yaml`; `--runtime NAME` measures this
machine (`calibrate_machine.py`)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mnet_cost.cli.bar import Bar
from mnet_cost.cli.options import Subparsers, add_command, add_notes_option, count
from mnet_cost.report import FORMATS

if TYPE_CHECKING:
    from mnet_cost.report.types import Report


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "calibrate",
        "a device profile from measured times, with its error on held-out times",
        "mnet-cost calibrate --runtime onnxruntime -o this_machine.yaml",
        "The CSV has the columns model and latency_ms, and where rows differ device, runtime, "
        "runtime_version, precision, threads, batch, family, role, source.",
    )
    times = parser.add_mutually_exclusive_group(required=True)
    times.add_argument(
        "--from",
        metavar="FILE",
        action="append",
        dest="measurements",
        help="measured times: a CSV, or what another tool printed; may be repeated",
    )
    parser.add_argument(
        "--model",
        metavar="[LOGGED=]MODEL",
        action="append",
        default=[],
        help="the network that another tool ran, which it calls LOGGED; may be repeated",
    )
    times.add_argument(
        "--runtime",
        metavar="NAME",
        help="measure this machine with it: peaks, small graphs, whole networks "
        "({measured_runtimes})",
    )
    machine = parser.add_argument_group("measuring this machine")
    machine.add_argument("--threads", metavar="N", type=count, help="of the runtime (1)")
    machine.add_argument("--minutes", metavar="M", type=float, help="how long it takes at most (3)")
    machine.add_argument(
        "--quick",
        action="store_true",
        help="set the scale by one network in 20 s, with what is known of the runtime",
    )
    machine.add_argument(
        "--record",
        metavar="CSV",
        help="where the rows go as they are measured, and where it goes on from (beside -o)",
    )
    machine.add_argument("--patient", action="store_true", help="wait while others use the machine")
    parser.add_argument(
        "--where",
        metavar="COLUMN=VALUE",
        action="append",
        default=[],
        help="take these rows only; may be repeated",
    )
    parser.add_argument(
        "--device", metavar="NAME|FILE", help="the profile that it extends: peaks, memory, power"
    )
    parser.add_argument(
        "--form",
        choices=("auto", "coefficients", "roofline"),
        help="cost coefficients of terms, or a rate, a bandwidth, constants (auto: what errs less)",
    )
    parser.add_argument(
        "--basis",
        choices=("calibrated", "fitted"),
        help="calibrated: measured by yourself; fitted: published by others (calibrated)",
    )
    parser.add_argument(
        "--kernels",
        metavar="RULE,...",
        help="what the runtime fuses, folds and copies (those of the runtime, else of --device)",
    )
    parser.add_argument(
        "--tile", metavar="N", type=int, help="channels that the runtime computes or packs together"
    )
    parser.add_argument("--name", metavar="NAME", help="of the profile (of the output file)")
    parser.add_argument("--title", metavar="TEXT", help="what the device is")
    parser.add_argument("--class", metavar="CLASS", dest="device_class", help="{device_classes}")
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        help="form of the report on the fit (text)",
    )
    add_notes_option(parser)
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "-o", "--output", metavar="FILE", help="write the profile there, whole or not at all"
    )
    target.add_argument(
        "--into",
        metavar="FILE",
        help="put the fit into this profile of your own, in place of its section `latency`",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fit, write the profile, and print how far off it is; 130 where somebody stopped measuring."""
    from mnet_cost.torch_model.installed import require

    if options.runtime is not None:
        from mnet_cost.cli.calibrate_machine import run_machine

        return run_machine(options)

    require("numpy", "numpy")
    from mnet_cost.measure.request import CalibrationRequest, calibrate_files
    from mnet_cost.report.calibrate import calibration_report

    _refuse(options)
    kernels = options.kernels
    request = CalibrationRequest(
        measurements=tuple(options.measurements),
        models=tuple(options.model),
        where=_where(options.where),
        device=options.device,
        form=options.form or "auto",
        basis=options.basis or "calibrated",
        kernels=None if kernels is None else _split(kernels),
        tile=options.tile,
        name=options.name,
        title=options.title,
        device_class=options.device_class,
        output=options.output,
        into=options.into,
    )
    with Bar("fitting", at_once=True):
        profile = calibrate_files(request)
    target = options.into if options.output is None else options.output
    report = calibration_report(
        profile.name, profile.calibrations, profile.unread, profile.notes, profile.runtime_version
    )
    write_profile(options, target, profile.text, report)
    return 0


def write_profile(
    options: argparse.Namespace, target: str | None, text: str, report: Report
) -> None:
    """Write the text to its file, or print it, and say how far off the fit is."""
    from mnet_cost.cli.output import encoding_of, print_text, terminal_width, wants_color
    from mnet_cost.paths import write_whole
    from mnet_cost.report import render

    is_file = target not in (None, "-")
    stream = sys.stdout if is_file else sys.stderr  # stdout is the profile's without a file
    form = options.format or "text"
    shown = render(
        report, form, terminal_width(), wants_color(), encoding_of(stream), options.notes
    )
    if is_file:
        write_whole(str(target), text)
        print_text(shown)
    else:
        print_text(text)
        print(shown, file=sys.stderr)


_OF_A_MACHINE = ("threads", "minutes", "quick", "record", "patient")


def _refuse(options: argparse.Namespace) -> None:
    """Raise `UsageError` for an option that is for measuring."""
    from mnet_cost.errors import Problem, UsageError

    for option in _OF_A_MACHINE:
        if getattr(options, option):
            hint = "`--where threads=N` takes rows" if option == "threads" else None
            message = f"`--{option}` is for measuring this machine: `--runtime NAME`"
            raise UsageError(Problem(message, hint=hint))


def _where(settings: Sequence[str]) -> dict[str, str]:
    """Values by column, of `COLUMN=VALUE` texts."""
    from mnet_cost.errors import MeasurementError, Problem

    where = {}
    for setting in settings:
        column, equals, value = setting.partition("=")
        if not equals:
            hint = "write COLUMN=VALUE, as in `--where threads=1`"
            raise MeasurementError(Problem(f"`--where {setting}` chooses nothing", hint=hint))
        where[column.strip()] = value.strip()
    return where


def _split(text: str) -> tuple[str, ...]:
    """Words that stand between commas."""
    return tuple([word.strip() for word in text.split(",") if word.strip()])
