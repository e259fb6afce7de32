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
    refuse_total,
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
    emit(
        analysis_report(analysis, options.by, options.lower_bound),
        options,
        [options.model, *options.device],
    )
    return refuse_total([analysis.unmodelled], options.lower_bound)
