"""`mnet-cost analyze MODEL`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mnet_cost.cli.fit_check import add_fit_option, check_fits, with_misfits
from mnet_cost.cli.options import (
    Subparsers,
    add_analysis_options,
    add_command,
    add_knob_options,
    add_model_argument,
    add_output_options,
    analyzed,
    count,
    given_batches,
    given_knobs,
    refuse_total,
)
from mnet_cost.cli.watch import Watched, add_watch_option, watch

if TYPE_CHECKING:
    from mnet_cost.analysis import Analysis
    from mnet_cost.analysis.sparsity import Zeros
    from mnet_cost.models.types import Model
    from mnet_cost.report import Report


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "analyze",
        "what a network costs, and where its time goes",
        "mnet-cost analyze specs/mobilenet_v1.yaml --alpha 0.5 --device pixel_1 --by layer",
    )
    add_model_argument(parser)
    add_knob_options(parser, batch="examples per inference (1); of several, `1,8,32`, each")
    add_analysis_options(parser, rows=("layer", "block", "kind", "kernel"))
    memory = parser.add_argument_group("memory")
    memory.add_argument(
        "--schedule",
        choices=("spec", "best"),
        default="spec",
        help="order of the layers: as in the spec, or the one with the least peak memory (spec)",
    )
    what_if = parser.add_argument_group("what if")
    what_if.add_argument(
        "--sparsity",
        metavar="[LAYER=]SHARE[:2:4]",
        action="append",
        default=[],
        help="the share of weights that are zero, anywhere or in fours (2:4), of all layers, of "
        "one, or of a kind such as `conv2d 1x1`; may be repeated",
    )
    what_if.add_argument(
        "--what-if",
        metavar="CHANGES",
        help="times with other numbers of the devices, beside the real ones: `bandwidth=x2,"
        "l2=1MiB`; {changes} or a memory level, with xN, /N or a quantity",
    )
    parser.add_argument_group("advice").add_argument(
        "--advise",
        metavar="N",
        type=count,
        nargs="?",
        const=3,
        help="the N changes with the most to gain on the first device (3), each analyzed: knobs, "
        "precision, order of layers, and lines of the spec",
    )
    parser.add_argument_group("kernels").add_argument(
        "--top",
        metavar="N",
        type=count,
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
        help="{optimizers} (sgd_momentum)",
    )
    add_watch_option(parser)
    add_fit_option(parser)
    add_output_options(parser)
    parser.set_defaults(run=run)


def _analyze_batches(
    options: argparse.Namespace, model: Model, batches: Sequence[int], zeros: Sequence[Zeros]
) -> Watched:
    """Analyses of several batch sizes, and their report."""
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.report.batches import at_batch, batches_report
    from mnet_cost.search.networks import at_batches

    for option, is_set in (
        ("--training", options.training),
        ("--what-if", options.what_if is not None),
        ("--advise", options.advise is not None),
        ("--top", options.top is not None),
        (f"--by {options.by}", options.by != "block"),
    ):
        if is_set:
            message = f"`{option}` is for a single batch"
            raise UsageError(
                Problem(message, hint=f"leave it out, or write `--batch {batches[0]}`")
            )
    analyses = analyzed(at_batches(model, batches), options, options.schedule, zeros)
    report = batches_report([options.model], [analyses])
    return Watched(report, at_batch([options.model], [analyses]), analyses)


def run(options: argparse.Namespace) -> int:
    """Analyze and print; again and again with --watch."""
    from mnet_cost.analysis.sparsity import parse_zeros
    from mnet_cost.cli.output import emit
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.models.library import load_model

    if options.top is not None and options.by != "kernel":
        raise UsageError(Problem("`--top` is for kernels", hint="`--by kernel --top 5`"))
    batches = given_batches(options)
    knobs = given_knobs(options)
    zeros = parse_zeros(options.sparsity)

    def once() -> Watched:
        model = load_model(options.model, knobs)
        if batches:
            return _analyze_batches(options, model, batches, zeros)
        analysis, report = _analyze(options, model, zeros)
        return Watched(report, [options.model], [analysis])

    if options.watch:
        watch(options, [options.model], once)
    report, names, analyses, *_ = once()
    emit(report, options, [options.model, *options.device])
    status = refuse_total(analyses[:1])
    return check_fits(options, analyses, names if batches else None, status)


def _analyze(
    options: argparse.Namespace, model: Model, zeros: Sequence[Zeros]
) -> tuple[Analysis, Report]:
    """One analysis, and the report of all that was asked for."""
    from mnet_cost.analysis.training import training_cost
    from mnet_cost.report.analysis import analysis_report

    (analysis,) = analyzed([model], options, options.schedule, zeros)
    training = None
    if options.training:
        training = training_cost(analysis.network, analysis.precision, optimizer=options.optimizer)
    report = analysis_report(analysis, options.by, training, options.top)
    if any(estimate.is_partly_placed for estimate in analysis.devices):
        from mnet_cost.changes.fallback_changes import return_changes
        from mnet_cost.report.placement import with_placements

        changes = [(each, return_changes(analysis, each)) for each in analysis.devices]
        report = with_placements(report, analysis, changes)
    if options.what_if is not None:
        from mnet_cost.changes.what_if import compare_what_if, parse_changes
        from mnet_cost.report.what_if import with_what_if

        what_ifs = compare_what_if(analysis, parse_changes(options.what_if))
        report = with_what_if(report, analysis, what_ifs)
    if options.advise is not None:
        from mnet_cost.changes.advice import find_advice
        from mnet_cost.cli.bar import Bar
        from mnet_cost.report.advice import with_advice

        with Bar("analyzing changes") as bar:
            report = with_advice(report, find_advice(analysis, options.advise, bar))
    return analysis, with_misfits(report, options, [analysis])
