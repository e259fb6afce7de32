"""`mnet-cost analyze MODEL`."""

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
        "analyze",
        "what a network costs, and where its time goes",
        "mnet-cost analyze specs/mobilenet_v1.yaml --alpha 0.5 --device pixel_1 --by layer",
    )
    add_model_argument(parser)
    add_knob_options(parser)
    add_analysis_options(parser, rows=("layer", "block", "kind", "kernel"))
    parser.add_argument_group("kernels").add_argument(
        "--top",
        metavar="N",
        type=_count,
        help="with --by kernel, as many as take longest on the first device (15; in CSV all)",
    )
    training = parser.add_argument_group("training")
    training.add_argument(
        "--training",
        action="store_true",
        help="what a training step costs as well: mult-adds and memory, in torch",
    )
    training.add_argument(
        "--optimizer",
        metavar="NAME",
        default="sgd_momentum",
        help="sgd, sgd_momentum, rmsprop, rmsprop_momentum, adam or adamw (sgd_momentum)",
    )
    add_output_options(parser)
    parser.set_defaults(run=run)


def _count(text: str) -> int:
    """A number of rows."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"`{text}` is no whole number from 1")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Analyze and print."""
    from mnet_cost.analysis.training import training_cost
    from mnet_cost.cli.output import emit
    from mnet_cost.errors import ModelReferenceError, Problem
    from mnet_cost.models.library import load_model
    from mnet_cost.report.analysis import analysis_report

    if options.top is not None and options.by != "kernel":
        raise ModelReferenceError(Problem("`--top` is for kernels", hint="`--by kernel --top 5`"))
    (analysis,) = analyzed([load_model(options.model, given_knobs(options))], options)
    training = None
    if options.training:
        training = training_cost(analysis.network, options.precision, optimizer=options.optimizer)
    emit(
        analysis_report(analysis, options.by, options.lower_bound, training, options.top),
        options,
        [options.model, *options.device],
    )
    return refuse_total([analysis.unmodelled], options.lower_bound)
