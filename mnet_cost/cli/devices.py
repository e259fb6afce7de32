"""`mnet-cost devices [NAME]`."""

from __future__ import annotations

import argparse

from mnet_cost.cli.options import Subparsers, add_command, add_output_options


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "devices",
        "the device profiles that are shipped; of one, every number with its source",
        "mnet-cost devices pixel_1",
    )
    parser.add_argument("device", nargs="?", metavar="NAME|FILE", help="show this profile whole")
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List the profiles, or show one."""
    from mnet_cost.cli.output import emit
    from mnet_cost.report.catalog import device_report, devices_report

    emit(device_report(options.device) if options.device else devices_report(), options)
    return 0
