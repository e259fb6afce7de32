"""`mnet-cost devices [NAME ...] [--for MODEL]`."""

from __future__ import annotations

import argparse

from mnet_cost.cli.bar import watched
from mnet_cost.cli.fit_check import add_fit_option, check_fits
from mnet_cost.cli.options import (
    KNOB_OPTIONS,
    Subparsers,
    add_command,
    add_knob_options,
    add_lower_bound_option,
    add_output_options,
    add_setting_options,
    analyzed,
    given_knobs,
    refuse_total,
)


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "devices",
        "the device profiles that are shipped; one whole, several side by side, or all for a model",
        "mnet-cost devices --for mobilenet_v2 --precision int8",
    )
    parser.add_argument(
        "devices",
        nargs="*",
        metavar="NAME|FILE",
        help="of one, every number with its source; several side by side; `init NAME` writes a new "
        "profile to fill in",
    )
    parser.add_argument(
        "--for",
        dest="model",
        metavar="MODEL",
        help="compare devices for this network: those named, or all that are shipped",
    )
    parser.add_argument(
        "--class",
        metavar="CLASS",
        dest="device_class",
        help="profiles of one class alone, such as phone or board; with init that of the new "
        "profile (board)",
    )
    add_knob_options(parser)
    group = parser.add_argument_group("analysis")
    add_setting_options(group)
    add_lower_bound_option(group)
    add_fit_option(parser)
    add_output_options(parser)
    parser.set_defaults(run=run, convention="paper")


def run(options: argparse.Namespace) -> int:
    """List the profiles, show some, or compare them for a network."""
    from mnet_cost.cli.output import emit
    from mnet_cost.devices import device_names, load_device
    from mnet_cost.devices.choice import check_class
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.report.devices import device_report, devices_report, devices_side_by_side

    if options.devices[:1] == ["init"]:
        return _init(options)
    names = list(dict.fromkeys(options.devices))
    if options.device_class is not None and names:
        message = "`--class` chooses among all profiles"
        raise UsageError(Problem(message, hint="leave it out, or the names of the devices"))
    if options.model is not None:
        return _choose(options, names or ["all"])
    settings = (*KNOB_OPTIONS, "threads", "runtime")
    if options.settings or any(getattr(options, name) is not None for name in settings):
        message = "knobs, threads and a runtime are for a network"
        raise UsageError(Problem(message, hint="name it: `--for MODEL`"))
    check_class(options.device_class)
    devices = [
        device
        for device in map(load_device, watched(names or device_names(), "reading device profiles"))
        if options.device_class in (None, device.device_class)
    ]
    if not names:
        report = devices_report(devices)
    elif len(names) == 1:
        report = device_report(devices[0])
    else:
        report = devices_side_by_side(devices)
    emit(report, options, names)
    return 0


def _init(options: argparse.Namespace) -> int:
    """Write a profile to fill in, and say what comes next."""
    from mnet_cost.cli.output import print_text, write_new
    from mnet_cost.devices.template import device_template
    from mnet_cost.errors import Problem, UsageError

    if len(options.devices) != 2 or options.model is not None:
        hint = "mnet-cost devices init my_board --class board"
        raise UsageError(Problem("`devices init` takes one name, of a new profile", hint=hint))
    name = options.devices[1]
    text = device_template(name, options.device_class or "board")
    path = options.output or f"{name}.yaml"
    write_new(path, text)
    print_text(f"{path}: replace each FILL_IN, then `mnet-cost devices ./{path}` shows the profile")
    return 0


def _choose(options: argparse.Namespace, names: list[str]) -> int:
    from mnet_cost.cli.output import emit
    from mnet_cost.models.library import load_model
    from mnet_cost.report.device_choice import device_choice

    options.device = names
    (analysis,) = analyzed([load_model(options.model, given_knobs(options))], options)
    report = device_choice(analysis, options.model)
    emit(report, options, [options.model, *names])
    status = refuse_total([analysis])
    return check_fits(options, [analysis], [options.model], status)
