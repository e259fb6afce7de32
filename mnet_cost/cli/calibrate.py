"""`mnet-cost calibrate --from measurements.csv -o profile.yaml`."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mnet_cost.cli.bar import Bar
from mnet_cost.cli.options import Subparsers, add_command, add_notes_option
from mnet_cost.report import FORMATS

if TYPE_CHECKING:
    from mnet_cost.devices import DeviceProfile
    from mnet_cost.errors import Problem
    from mnet_cost.measure.measurements import Measurement


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "calibrate",
        "a device profile from measured times, with its error on held-out times",
        "mnet-cost calibrate --from times.csv --device raspberry_pi_4 -o my_pi.yaml",
        "The CSV has the columns model and latency_ms, and where rows differ device, runtime, "
        "precision, threads, batch, family, source.",
    )
    parser.add_argument(
        "--from",
        metavar="CSV",
        required=True,
        action="append",
        dest="measurements",
        help="measured times; may be repeated",
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
        help="cost coefficients for processors, roofline for accelerators (auto: what errs less)",
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
        write_whole,
    )
    from mnet_cost.errors import MeasurementError
    from mnet_cost.measure.calibrate import calibrate
    from mnet_cost.measure.measurements import of_one_setting
    from mnet_cost.measure.networks import read_rows
    from mnet_cost.measure.profiles import profile_text, with_latency
    from mnet_cost.report import render
    from mnet_cost.report.calibrate import calibration_report

    _check_files(options)
    base = _base(options)
    rows, unread = read_rows(options.measurements, _where(options))
    first = of_one_setting(rows)
    rules = _rules(options, first, base)
    device_class = _device_class(options, base)
    threads = _threads(options, first, base)
    found = {}
    problems: list[Problem] = []
    precisions = list(dict.fromkeys(row.precision for row in rows))
    with Bar("fitting", at_once=True) as bar:
        for i, precision in enumerate(precisions):
            some = tuple(row for row in rows if row.precision == precision)
            try:
                found[precision] = calibrate(
                    some,
                    rules=rules,
                    tile=_tile(options, some[0], base),
                    device_class=device_class,
                    threads=threads,
                    base=base,
                    runtime=base.runtime if options.into and base else first.runtime,
                    form=options.form,
                    source=_source(some, options.measurements),
                )
            except MeasurementError as error:
                problems += error.problems
            bar(i + 1, len(precisions))
    if problems:
        raise MeasurementError(problems)
    fits = {precision: one.fit for precision, one in found.items()}
    target = options.into if options.output is None else options.output
    name = _words(options.name) or _name(target) or first.device or "mine"
    if options.into:
        text = with_latency(options.into, fits, options.basis, _comment(options, name)[1:])
    else:
        text = profile_text(
            name=name,
            title=_words(options.title) or _title(first, base),
            basis=options.basis,
            runtime=first.runtime or (base.runtime if base else "any"),
            threads=threads,
            kernels=rules,
            fits=fits,
            extends=_extends(options.device, target),
            device_class=options.device_class if base else device_class,
            comment=_comment(options, name),
        )
    _check_text(text, target)
    profile = None if target == "-" else target
    stream = sys.stderr if profile is None else sys.stdout  # which else is the profile's
    form = options.format or "text"
    report = calibration_report(name, found, unread)
    encoding = encoding_of(stream)
    shown = render(report, form, terminal_width(), wants_color(), encoding, options.notes)
    if profile is None:
        print_text(text)
        print(shown, file=sys.stderr)
    else:
        write_whole(profile, text)
        print_text(shown)
    return 0


_OF_A_NEW_PROFILE = ("device", "kernels", "name", "title", "class")


def _check_files(options: argparse.Namespace) -> None:
    """Raise an error for a file read twice, and for a target that is read or can take no fit."""
    from mnet_cost.devices.load import is_device_path
    from mnet_cost.errors import MeasurementError, OutputError, Problem
    from mnet_cost.paths import same_file

    inputs = [*options.measurements]
    for i, path in enumerate(inputs):
        if any(same_file(path, other) for other in inputs[:i]):
            hint = "its rows would count twice"
            raise MeasurementError(Problem(f"{path}: is read already by `--from`", hint=hint))
    if options.device is not None and is_device_path(options.device):
        inputs.append(options.device)
    target = options.into if options.output is None else options.output
    if target and any(same_file(target, name) for name in inputs):
        raise OutputError(f"{target}: is read by this command: choose another file")
    if options.into is None:
        return
    if not is_device_path(options.into):
        hint = (
            f"a path ends in .yaml, or is `./{options.into}`; of a shipped profile: "
            f"`--device {shlex.quote(options.into)} -o FILE`"
        )
        raise OutputError(Problem(f"`--into {options.into}` names no file", hint=hint))
    for option in _OF_A_NEW_PROFILE:
        if getattr(options, "device_class" if option == "class" else option) is not None:
            hint = "write it into the file, or leave out `--into` and name a new one with `-o`"
            message = f"`--{option}` is for a new profile: `--into` keeps what its file says"
            raise OutputError(Problem(message, hint=hint))


def _base(options: argparse.Namespace) -> DeviceProfile | None:
    from mnet_cost.devices import load_device
    from mnet_cost.errors import DeviceError, Problem

    if options.device is None:
        return None if options.into is None else load_device(options.into)
    base = load_device(options.device)
    if base.extends is not None:
        hint = f"its peaks are those of `{base.extends}`: extend that one"
        message = f"`{options.device}` extends another profile, and cannot be extended"
        raise DeviceError(Problem(message, hint=hint))
    return base


def _threads(options: argparse.Namespace, first: Measurement, base: DeviceProfile | None) -> int:
    """Of the measurements, or where they do not say, of the profile."""
    from mnet_cost.errors import MeasurementError, Problem

    threads = first.threads or (base.threads if base else 1)
    if base and base.cores and threads > base.cores.value:
        cores = int(base.cores.value)
        s = "s" if cores > 1 else ""
        message = f"measured with {threads} threads, and {base.name} has {cores} core{s}"
        raise MeasurementError(Problem(message, first.span, base.cores.source))
    if options.into and base and threads != base.threads:
        hint = f"take others with `--where threads={base.threads}`, or write a new one with `-o`"
        message = f"measured with {threads} threads, and {options.into} is of {base.threads}"
        raise MeasurementError(Problem(message, first.span, hint))
    return threads


def _words(text: str | None) -> str:
    return "" if text is None else text.strip()


def _name(target: str | None) -> str:
    return "" if target in (None, "-") else Path(str(target)).stem


_HALVES = "[\ud800-\udfff]"
"""Of characters: bytes of a path that are no UTF-8 text."""


def _extends(device: str | None, target: str | None) -> str | None:
    """The profile to extend, as it is seen from the file that does so."""
    from mnet_cost.devices.load import is_device_path
    from mnet_cost.errors import DeviceError, Problem
    from mnet_cost.paths import naming

    if device is None or not is_device_path(device):
        return device
    path = device
    if target not in (None, "-"):
        with naming(device, "cannot be read", DeviceError):
            path = os.path.relpath(device, Path(str(target)).parent)
    if re.search(_HALVES, path):
        message = f"{path}: a profile cannot name this path, which is not UTF-8 text"
        raise DeviceError(Problem(message, hint="rename it, or copy the profile elsewhere"))
    return path if is_device_path(path) else os.path.join(".", path)


def _check_text(text: str, target: str | None) -> None:
    """Raise `MeasurementError` where the profile could not be read: of a fit to nonsense."""
    from mnet_cost.devices.load import parse_device
    from mnet_cost.errors import DeviceError, MeasurementError, Problem

    try:
        parse_device(text, target if target is not None else "-")
    except DeviceError as error:
        hint = "is `latency_ms` in milliseconds, and are all rows of one device?"
        head = Problem("no device is like what these times say: nothing is written", hint=hint)
        raise MeasurementError((head, *error.problems)) from None


def _where(options: argparse.Namespace) -> dict[str, str]:
    from mnet_cost.errors import MeasurementError, Problem

    found = {}
    for one in options.where:
        column, equals, value = one.partition("=")
        if not equals:
            hint = "write COLUMN=VALUE, as in `--where threads=1`"
            raise MeasurementError(Problem(f"`--where {one}` chooses nothing", hint=hint))
        found[column.strip()] = value.strip()
    return found


def _rules(
    options: argparse.Namespace, first: Measurement, base: DeviceProfile | None
) -> frozenset[str]:
    from mnet_cost.devices import KERNEL_RULES
    from mnet_cost.devices.rules import runtime_rules
    from mnet_cost.errors import DeviceError, Problem, did_you_mean

    if options.into and base:
        return base.kernel_rules
    if options.kernels is None:
        # Measured with another runtime than the profile's, its rules are not those.
        same = base is not None and first.runtime in ("", base.runtime)
        return base.kernel_rules if base and same else runtime_rules(first.runtime)
    words = [word.strip() for word in options.kernels.split(",") if word.strip()]
    for word in words:
        if word not in KERNEL_RULES:
            hint = did_you_mean(word, KERNEL_RULES) or f"there are {', '.join(KERNEL_RULES)}"
            raise DeviceError(Problem(f"there is no rule of kernels `{word}`", hint=hint))
    return frozenset(words)


def _tile(options: argparse.Namespace, first: Measurement, base: DeviceProfile | None) -> int:
    from mnet_cost.errors import DeviceError, Problem

    if options.tile is not None:
        if not 1 <= options.tile <= 65536:
            hint = "channels that the runtime computes together: 4 or 8 on most processors"
            message = "`--tile` must be a whole number from 1 to 65536"
            raise DeviceError(Problem(message, hint=hint))
        return int(options.tile)
    rate = base.compute.get(first.precision) if base else None
    return int(rate.tile.value) if rate and rate.tile else 1


def _device_class(options: argparse.Namespace, base: DeviceProfile | None) -> str | None:
    from mnet_cost.devices import CLASSES
    from mnet_cost.errors import DeviceError, Problem, did_you_mean, one_of

    asked: str | None = options.device_class
    if asked is not None and asked not in CLASSES:
        hint = did_you_mean(asked, CLASSES) or f"it is {one_of(CLASSES)}"
        raise DeviceError(Problem(f"there is no class `{asked}`", hint=hint))
    return asked or (base.device_class if base else None)


def _source(rows: tuple[Measurement, ...], paths: list[str]) -> str:
    sources = list(dict.fromkeys(one.source for one in rows if one.source))
    count = f"{len(rows)} measurement{'s' if len(rows) > 1 else ''}"
    if not sources:
        names = ", ".join(dict.fromkeys(Path(path).name for path in paths))
        return f"fitted to {count} in {names}"
    more = ", ..." if len(sources) > 3 else ""
    return f"fitted to {count} of {', '.join(sources[:3])}{more}"


def _title(first: Measurement, base: DeviceProfile | None) -> str:
    runtime = f", with {first.runtime}" if first.runtime else ""
    if base is not None:
        return f"{base.title}{runtime}"
    return f"{first.processor or first.device or 'a device that was measured'}{runtime}"


def _comment(options: argparse.Namespace, name: str) -> tuple[str, ...]:
    quote = shlex.quote
    words = ["mnet-cost calibrate", *(f"--from {quote(path)}" for path in options.measurements)]
    words += [f"--where {quote(one)}" for one in options.where]
    for option in ("device", "into", "kernels", "tile"):
        value = getattr(options, option)
        words += [] if value is None else [f"--{option} {quote(str(value))}"]
    words += [] if options.form == "auto" else [f"--form {options.form}"]
    words += [] if options.basis == "calibrated" else [f"--basis {options.basis}"]
    lines, line = [f"Device profile: {name}, fitted to measured times by"], " "
    for word in words:
        if len(line) + len(word) > 90:
            lines.append(line)
            line = "   "
        line += f" {word}"
    return (*lines, line)
