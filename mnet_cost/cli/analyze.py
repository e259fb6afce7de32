"""`mnet-cost analyze MODEL`."""

from __future__ import annotations

import argparse

from mnet_cost.cli.options import (
    Subparsers,
    add_analysis_options,
    add_command,
    add_knob_options,
    add_output_options,
    chosen_devices,
    given_knobs,
    warn,
)


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "analyze",
        "what a network costs, and where its time goes",
        "mnet-cost analyze specs/mobilenet_v1.yaml --alpha 0.5 --device pixel_1 --by layer",
    )
    parser.add_argument("model", metavar="MODEL", help="NAME_OR_PATH[:variant][@knob=value,...]")
    add_knob_options(parser)
    add_analysis_options(parser)
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Analyze and print."""
    from mnet_cost.analysis import analyze
    from mnet_cost.cli.output import emit
    from mnet_cost.models.library import load_model
    from mnet_cost.report.analysis import analysis_report

    model = load_model(options.model, given_knobs(options))
    devices = chosen_devices(options)
    analysis = analyze(
        model.spec,
        model.knobs,
        devices,
        precision=options.precision,
        convention=options.convention,
    )
    warn(model, analysis.network.warnings)
    emit(analysis_report(analysis, options.by, options.lower_bound), options)
    return refuse_total([analysis.unmodelled], options.lower_bound)


def refuse_total(unmodelled: list[tuple[str, ...]], lower_bound: bool) -> int:
    """Exit status 3, and words on stderr, where totals were refused."""
    import sys

    names = [name for one in unmodelled for name in one]
    if not names or lower_bound:
        return 0
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    print(
        f"mnet-cost: no total: the cost of {listed} is unknown\n"
        "hint: --lower-bound gives the sum of the rest",
        file=sys.stderr,
    )
    return 3
