"""`mnet-cost reconcile MODEL --with [NAME=]NUMBER`."""

from __future__ import annotations

import argparse

from mnet_cost.cli.options import (
    Subparsers,
    add_command,
    add_knob_options,
    add_lower_bound_option,
    add_model_argument,
    add_output_options,
    given_knobs,
)


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "reconcile",
        "why a tool or a paper prints another number of mult-adds",
        "mnet-cost reconcile mobilenet_v1 --with thop=588962304",
        "The causes add up to the difference. Status 1: nothing explains a number.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "--with",
        metavar="[NAME=]NUMBER",
        action="append",
        required=True,
        dest="figures",
        help="a number as it is printed: thop=588962304, 0.57G, '568.74 MMac'; may be repeated. "
        "NAME is {conventions}, or another tool; without it all are compared",
    )
    add_knob_options(parser, batch="examples that the number is of (1)")
    add_lower_bound_option(parser.add_argument_group("analysis"))
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Explain each number; 1 where nothing explains one."""
    from mnet_cost.cli.options import refuse_unknown_work
    from mnet_cost.cli.output import emit, say
    from mnet_cost.models.library import load_model
    from mnet_cost.network import elaborate
    from mnet_cost.reconciliation.figures import read_figure
    from mnet_cost.reconciliation.search import reconcile_network
    from mnet_cost.report.reconcile import reconcile_report

    figures = [read_figure(text) for text in options.figures]
    model = load_model(options.model, given_knobs(options))
    network = elaborate(model.spec, model.knobs)
    for problem in (*model.spec.warnings, *network.warnings):
        say(problem, "warning: ")
    result = reconcile_network(network, figures)
    if result.unmodelled and not options.lower_bound:
        return refuse_unknown_work(result.unmodelled)
    emit(reconcile_report(result), options, [options.model])
    return int(not all(each.is_explained for each in result.figures))
