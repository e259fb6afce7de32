"""`mnet-cost compare A [vs] B [C ...]`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mnet_cost.cli.fit_check import add_fit_option, check_fits
from mnet_cost.cli.options import (
    Subparsers,
    add_analysis_options,
    add_command,
    add_knob_options,
    add_output_options,
    analyzed,
    given_batches,
    given_knobs,
    refuse_total,
)
from mnet_cost.cli.watch import Watched, add_watch_option, watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mnet_cost.analysis import Analysis
    from mnet_cost.models.types import Model
    from mnet_cost.report import Report


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "compare",
        "networks side by side: totals and times, each with its ratio to the first network's",
        "mnet-cost compare full vs separable --device pixel_1",
        "Knobs go to every network that has them. Of two networks it also says why the ratio of "
        "times is not that of mult-adds, and, of one family, what causes the differences.",
    )
    parser.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="two or more, with or without `vs` between; git:REV:PATH is one in a git revision",
    )
    add_knob_options(parser, batch="examples per inference (1); of several, `1,8,32`, each")
    add_analysis_options(parser)
    comparison = parser.add_argument_group("comparison")
    comparison.add_argument(
        "--diff",
        action="store_true",
        default=None,
        help="what differs between two networks, whatever they are: all causes, and each layer "
        "beside the layer that it is in the other; causes of two networks of one family are always "
        "shown",
    )
    comparison.add_argument(
        "--why",
        action="store_true",
        default=None,
        help="why the ratios of times are not those of mult-adds, and the ranges of both; of two "
        "networks it is always shown",
    )
    comparison.add_argument(
        "--plot",
        metavar="FILE",
        help="a picture of the times with their ranges, and of accuracies where they are known: "
        ".png, .svg",
    )
    add_watch_option(parser)
    add_fit_option(parser)
    add_output_options(parser)
    parser.set_defaults(run=run, by=None)


def run(options: argparse.Namespace) -> int:
    """Analyze all and print them side by side."""
    from mnet_cost.cli.output import emit, refuse_inputs
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.models.library import load_model
    from mnet_cost.report.compare import compare_report
    from mnet_cost.report.rows import distinct
    from mnet_cost.search.networks import with_knobs

    names = [name for name in options.models if name.lower() != "vs"]
    if len(names) < 2:
        raise UsageError(
            Problem(
                f"a comparison needs two networks, not {len(names)}",
                hint="mnet-cost compare full vs separable",
            )
        )
    batches = given_batches(options)
    if batches and options.diff:
        hint = "name the network twice, each with its batch: lenet5@batch=1 lenet5@batch=8"
        raise UsageError(Problem("a diff is of networks at one batch", hint=hint))
    if options.plot is not None:
        from mnet_cost.report.compare_plot import check_compare_plot

        if batches:
            raise UsageError(f"a plot is of networks at one batch, such as `--batch {batches[0]}`")
        check_compare_plot(options.plot)
        refuse_inputs(options.plot, [*names, *options.device])
    knobs = given_knobs(options)

    def write(report: Report, analyses: Sequence[Analysis]) -> None:
        emit(report, options, [*names, *options.device])
        if options.plot is not None:
            from mnet_cost.report.compare_plot import plot_compare

            plot_compare(options.plot, names, analyses)

    def once() -> Watched:
        models = with_knobs([load_model(name) for name in names], knobs)
        if batches:
            return _compare_batches(options, names, models, batches)
        analyses = analyzed(models, options)
        report = compare_report(names, analyses, options.by, options.why, options.diff)
        return Watched(
            report, distinct(names), analyses, write=lambda report: write(report, analyses)
        )

    if options.watch:
        watch(options, names, once)
    report, shown, analyses, *_ = once()
    write(report, analyses)
    status = refuse_total(analyses[:: max(len(batches), 1)])
    return check_fits(options, analyses, shown, status)


def _compare_batches(
    options: argparse.Namespace, names: list[str], models: list[Model], batches: list[int]
) -> Watched:
    """Networks at several batch sizes: a row for each network, size and device."""
    from mnet_cost.report.batches import at_batch, batches_report
    from mnet_cost.search.networks import at_batches

    analyses = [analyzed(at_batches(model, batches), options) for model in models]
    every = [analysis for by_batch in analyses for analysis in by_batch]
    return Watched(batches_report(names, analyses), at_batch(names, analyses), every)
