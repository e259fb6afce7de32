"""`mnet-cost calibrate --from measurements.csv -o profile.yaml`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mnet_cost.cli.options import Subparsers, add_command

if TYPE_CHECKING:
    from mnet_cost.devices import DeviceProfile
    from mnet_cost.measure.measurements import Measurement


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "calibrate",
        "a device profile from measured times, with its error on what it did not see",
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
        choices=("auto", "prices", "roofline"),
        default="auto",
        help="prices for processors, roofline for accelerators (auto: what errs less)",
    )
    parser.add_argument(
        "--tier",
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
    parser.add_argument("--class", metavar="CLASS", dest="device_class", help="kind of machine")
    parser.add_argument(
        "--format",
        choices=("text", "json", "csv", "markdown", "html"),
        help="form of the report on the fit (text)",
    )
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
    from mnet_cost.cli.output import print_text, terminal_width, wants_color, write_whole
    from mnet_cost.errors import MissingPackageError, OutputError
    from mnet_cost.measure.measurements import chosen, of_one_setting, read_measurements
    from mnet_cost.measure.profiles import profile_text, with_latency
    from mnet_cost.report import render
    from mnet_cost.report.calibrate import calibration_report

    try:
        from mnet_cost.measure.calibrate import calibrate
    except ImportError as error:
        raise MissingPackageError(
            f"`calibrate` needs NumPy: {error}; install it with `pip install 'mnet-cost[numpy]'`"
        ) from None
    base = _base(options)
    read = tuple(row for path in options.measurements for row in read_measurements(path))
    rows = chosen(read, _where(options))
    first = of_one_setting(rows)
    inputs = {Path(path).resolve() for path in options.measurements}
    if options.output and Path(options.output).resolve() in inputs:
        raise OutputError(f"{options.output}: is read by this command: choose another file")
    rules = _rules(options, first, base)
    device_class = _device_class(options, base)
    threads = base.threads if options.into and base else first.threads
    threads = threads or (base.threads if base else 1)
    found = {}
    for precision in dict.fromkeys(one.precision for one in rows):
        some = tuple(one for one in rows if one.precision == precision)
        found[precision] = calibrate(
            some,
            rules=rules,
            tile=_tile(options, some[0], base),
            device_class=device_class,
            threads=threads,
            form=options.form,
            source=_source(some, options.measurements),
        )
    fits = {precision: one.fit for precision, one in found.items()}
    target = options.output or options.into
    name = options.name or (Path(target).stem if target else first.device or "mine")
    if options.into:
        text = with_latency(options.into, fits, options.tier, _comment(options, name)[1:])
    else:
        text = profile_text(
            name=name,
            title=options.title or _title(first, base),
            tier=options.tier,
            runtime=first.runtime or (base.runtime if base else "any"),
            threads=threads,
            kernels=rules,
            fits=fits,
            extends=options.device,
            device_class=None if base else device_class,
            comment=_comment(options, name),
        )
    report = calibration_report(name, found)
    shown = render(report, options.format or "text", terminal_width(), wants_color())
    if target and target != "-":
        write_whole(target, text)
        print_text(shown)
    else:
        print_text(text)
        print(shown, file=sys.stderr)
    return 0


def _base(options: argparse.Namespace) -> DeviceProfile | None:
    from mnet_cost.devices import load_device

    name = options.device or options.into
    return None if name is None else load_device(name)


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
        if options.kernels is not None:
            raise DeviceError("`--kernels` is for a new profile: `--into` keeps those of its file")
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
    from mnet_cost.errors import DeviceError

    if options.tile is not None:
        if not 1 <= options.tile <= 65536:
            raise DeviceError("`--tile` must be a whole number from 1 to 65536")
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
    if not sources:
        names = ", ".join(Path(path).name for path in paths)
        return f"fitted to {len(rows)} measurements in {names}"
    more = ", ..." if len(sources) > 3 else ""
    return f"fitted to {len(rows)} measurements of {', '.join(sources[:3])}{more}"


def _title(first: Measurement, base: DeviceProfile | None) -> str:
    runtime = f", with {first.runtime}" if first.runtime else ""
    if base is not None:
        return f"{base.title}{runtime}"
    return f"{first.processor or first.device or 'a device that was measured'}{runtime}"


def _comment(options: argparse.Namespace, name: str) -> tuple[str, ...]:
    words = ["mnet-cost calibrate", *(f"--from {path}" for path in options.measurements)]
    words += [f"--where {one}" for one in options.where]
    for option in ("device", "into", "kernels", "tile"):
        value = getattr(options, option)
        words += [] if value is None else [f"--{option} {value}"]
    words += [] if options.form == "auto" else [f"--form {options.form}"]
    words += [] if options.tier == "calibrated" else [f"--tier {options.tier}"]
    lines, line = [f"Device profile: {name}, fitted to measured times by"], " "
    for word in words:
        if len(line) + len(word) > 90:
            lines.append(line)
            line = "   "
        line += f" {word}"
    return (*lines, line)
