"""`mnet-cost explain MODEL [LAYER]`."""

from __future__ import annotations

import argparse

from mnet_cost.cli.options import (
    Subparsers,
    add_analysis_options,
    add_command,
    add_knob_options,
    add_model_argument,
    add_output_options,
    analyzed,
    given_knobs,
    refuse_total,
)


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "explain",
        "each number as a formula, with its values and the line of the spec",
        "mnet-cost explain mobilenet_v1 middle.3.conv2d",
    )
    add_model_argument(parser)
    parser.add_argument("layer", nargs="?", metavar="LAYER", help="a layer or a block, by its path")
    add_knob_options(parser)
    add_analysis_options(parser, rows=())
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Explain the totals, or one layer or block."""
    from mnet_cost.cli.output import emit
    from mnet_cost.models.library import load_model
    from mnet_cost.report.explain import explain_report

    (analysis,) = analyzed([load_model(options.model, given_knobs(options))], options)
    report = explain_report(analysis, options.layer)
    emit(report, options, [options.model, *options.device])
    return refuse_total([analysis]) if options.layer is None else 0
