"""`mnet-cost sensitivity MODEL [LAYER]`."""

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
        "sensitivity",
        "what a channel less or more changes, layer by layer",
        "mnet-cost sensitivity mobilenet_v2 --device pixel_1_tflite",
        "Layers that have to change together are one row. Each row is the whole network analyzed "
        "again.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "layer", nargs="?", metavar="LAYER", help="a layer or a block, by its path; all without it"
    )
    add_knob_options(parser)
    add_analysis_options(parser, rows=())
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Analyze each group narrower and wider, and print the differences."""
    from mnet_cost.changes.sensitivity import find_sensitivities
    from mnet_cost.cli.bar import Bar
    from mnet_cost.cli.output import emit
    from mnet_cost.models.library import load_model
    from mnet_cost.report.sensitivity import sensitivity_report

    (analysis,) = analyzed([load_model(options.model, given_knobs(options))], options)
    with Bar("analyzing groups") as bar:
        result = find_sensitivities(analysis, options.layer, bar)
    emit(sensitivity_report(result), options, [options.model, *options.device])
    return refuse_total([analysis])
