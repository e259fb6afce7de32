"""`mnet-cost models`."""

from __future__ import annotations

import argparse

from mnet_cost.cli.options import Subparsers, add_command, add_output_options


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "models",
        "the networks that are shipped, with variants, counts and sources",
        "mnet-cost models mobilenet",
    )
    parser.add_argument("search", nargs="?", metavar="TEXT", help="only names that contain TEXT")
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List the models."""
    from mnet_cost.cli.output import emit
    from mnet_cost.report.catalog import models_report

    emit(models_report(options.search), options)
    return 0
