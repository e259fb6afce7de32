"""`mnet-cost calibrate --from measurements.csv -o profile.yaml`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mnet_cost.cli.bar import Bar
from mnet_cost.cli.options import Subparsers, add_command, add_notes_option
from mnet_cost.report import FORMATS


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "calibrate",
        "a device profile from measured times, with its error on held-out times",
        "mnet-cost calibrate --from times.csv --device raspberry_pi_4 -o my_pi.yaml",
        "The CSV has the columns model and latency_ms, and where rows differ device, runtime, "
        "runtime_version, precision, threads, batch, family, source.",
    )
    parser.add_argument(
        "--from",
        metavar="FILE",
        required=True,
        action="append",
        dest="measurements",
        help="measured times: a CSV, or what another tool printed; may be repeated",
    )
    parser.add_argument(
        "--model",
        metavar="[LOGGED=]MODEL",
        action="append",
        default=[],
        dest="models",
        help="the network that another tool ran, which it calls LOGGED; may be repeated",
    )
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
        default="auto",
        help="cost coefficients of terms, or a rate, a bandwidth, constants (auto: what errs less)",
    )
    parser.add_argument(
        "--basis",
        choices=("calibrated", "fitted"),
        default="calibrated",
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
    """Fit, write the profile, and print how far off it is."""
    from mnet_cost.torch_model.installed import require

    require("numpy", "numpy")

    from mnet_cost.cli.output import (
        encoding_of,
        print_text,
        terminal_width,
        wants_color,
    )
    from mnet_cost.measure.request import CalibrationRequest, calibrate_files
    from mnet_cost.paths import write_whole
    from mnet_cost.report import render
    from mnet_cost.report.calibrate import calibration_report

    kernels = options.kernels
    request = CalibrationRequest(
        measurements=tuple(options.measurements),
        models=tuple(options.models),
        where=_where(options.where),
        device=options.device,
        form=options.form,
        basis=options.basis,
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
    is_file = target not in (None, "-")
    stream = sys.stdout if is_file else sys.stderr  # stdout is the profile's without a file
    report = calibration_report(
        profile.name, profile.calibrations, profile.unread, profile.notes, profile.runtime_version
    )
    form = options.format or "text"
    encoding = encoding_of(stream)
    shown = render(report, form, terminal_width(), wants_color(), encoding, options.notes)
    if is_file:
        write_whole(target, profile.text)
        print_text(shown)
    else:
        print_text(profile.text)
        print(shown, file=sys.stderr)
    return 0


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
