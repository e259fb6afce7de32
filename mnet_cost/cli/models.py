"""`mnet-cost models [NAME ...]` and `mnet-cost models show MODEL`."""

from __future__ import annotations

import argparse

from mnet_cost.cli.bar import Bar
from mnet_cost.cli.options import (
    Subparsers,
    add_command,
    add_output_options,
    add_precision_option,
    chosen_devices,
)


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "models",
        "the networks that are shipped, with counts, published accuracy and sources",
        "mnet-cost models mobilenet_v2 vit --cost; mnet-cost models show mobilenet_v2",
        "`show MODEL` shows one whole: knobs, variants, published figures beside ours.",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="NAME",
        help="names, patterns such as `*tiny*`, or words: only networks that have all words, or, "
        "where each is a name, the networks of each; `show MODEL` for one",
    )
    cost = parser.add_argument_group("cost")
    cost.add_argument(
        "--cost", action="store_true", help="bytes of weights, peak memory and time, too"
    )
    cost.add_argument(
        "--device",
        metavar="NAME|FILE",
        action="append",
        default=[],
        help="time on this one; may be repeated; `all` for all that are shipped, `none` for none",
    )
    add_precision_option(cost)
    add_output_options(parser)
    parser.set_defaults(run=run, threads=None, runtime=None)


def run(options: argparse.Namespace) -> int:
    """List the models, or show one; 2 where a file could not be read, after the others."""
    from mnet_cost.cli.output import emit, say
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.models.library import load_model
    from mnet_cost.report.model_list import models_report
    from mnet_cost.report.model_page import model_report

    with_cost = options.cost or bool(options.device)
    if options.words[:1] == ["show"]:
        if len(options.words) != 2 or with_cost:
            hint = "mnet-cost models show mobilenet_v1; its cost is `analyze mobilenet_v1`"
            raise UsageError(Problem("`models show` takes one model", hint=hint))
        reference = options.words[1]
        emit(model_report(reference, load_model(reference)), options, [reference])
        return 0
    devices = chosen_devices(options) if with_cost else None
    with Bar("analyzing networks") as bar:
        report, broken = models_report(options.words, devices, options.precision, bar)
    emit(report, options, options.device)
    for error in broken:
        say(error, "left out: ")
    return 2 if broken else 0
