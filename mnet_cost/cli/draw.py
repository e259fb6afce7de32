"""`mnet-cost draw MODEL [BLOCK] -o FILE`."""

from __future__ import annotations

import argparse
from typing import Literal

from mnet_cost.cli.options import (
    Subparsers,
    add_analysis_options,
    add_command,
    add_knob_options,
    add_model_argument,
    analyzed,
    given_knobs,
    refuse_total,
)


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "draw",
        "the architecture of a network as a figure with its costs, or as a graph",
        "mnet-cost draw mobilenet_v1 --device pixel_1_tflite -o mobilenet_v1.svg",
        "Times are those of the first device. PNG needs matplotlib: python -m pip install "
        "'mnet-cost[sweep]'.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "block",
        nargs="?",
        metavar="BLOCK",
        help="a block to draw alone, by its path, with its layers; of copies the first",
    )
    add_knob_options(parser)
    add_analysis_options(parser, rows=())
    output = parser.add_argument_group("output")
    output.add_argument(
        "--by",
        choices=("block", "layer"),
        help="what is a box (block; of a BLOCK alone layer)",
    )
    output.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="net.svg or net.png: a figure; net.dot (or .gv) and net.graphml: a graph, costs as "
        "attributes, for Graphviz and others",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Analyze and draw."""
    from mnet_cost.cli.output import refuse_inputs
    from mnet_cost.drawing.files import check_ending, write_drawing
    from mnet_cost.models.library import load_model

    check_ending(options.output)
    refuse_inputs(options.output, [options.model, *options.device])
    (analysis,) = analyzed([load_model(options.model, given_knobs(options))], options)
    by: Literal["block", "layer"] = options.by or ("layer" if options.block else "block")
    write_drawing(options.output, analysis, by, options.block)
    return refuse_total([analysis])
