"""`mnet-cost layers [KIND]`."""

from __future__ import annotations

import argparse

from mnet_cost.cli.options import Subparsers, add_command, add_output_options


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "layers",
        "the layer kinds; of one, its fields and cost rules",
        "mnet-cost layers conv2d",
    )
    parser.add_argument("kind", nargs="?", metavar="KIND", help="document this kind")
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List the kinds, or document one."""
    from mnet_cost.cli.output import emit
    from mnet_cost.report.layers import layer_report, layers_report

    emit(layer_report(options.kind) if options.kind else layers_report(), options)
    return 0
