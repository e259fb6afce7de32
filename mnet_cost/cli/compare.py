"""`mnet-cost compare A [vs] B [C ...]`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from mnet_cost.models.library import Model


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "compare",
        "networks side by side: ratios, and why mult-adds and time part",
        "mnet-cost compare full vs separable --device pixel_1",
        "Knobs go to every network that has them.",
    )
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="two or more, with or without `vs` between"
    )
    add_knob_options(parser)
    add_analysis_options(parser)
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Analyze all and print them side by side."""
    from mnet_cost.analysis import analyze
    from mnet_cost.cli.analyze import refuse_total
    from mnet_cost.cli.output import emit
    from mnet_cost.errors import ModelReferenceError, Problem
    from mnet_cost.models.library import load_model
    from mnet_cost.report.compare import compare_report

    names = [name for name in options.models if name != "vs"]
    if len(names) < 2:
        raise ModelReferenceError(
            Problem(
                f"a comparison needs two networks, not {len(names)}",
                hint="mnet-cost compare full vs separable",
            )
        )
    models = _with_knobs([load_model(name) for name in names], given_knobs(options))
    devices = chosen_devices(options)
    analyses = [
        analyze(
            model.spec,
            model.knobs,
            devices,
            precision=options.precision,
            convention=options.convention,
        )
        for model in models
    ]
    for model, analysis in zip(models, analyses, strict=True):
        warn(model, analysis.network.warnings)
    emit(compare_report(names, analyses, options.by, options.lower_bound), options)
    return refuse_total([analysis.unmodelled for analysis in analyses], options.lower_bound)


def _with_knobs(models: list[Model], knobs: dict[str, Any]) -> list[Model]:
    """`models` with each knob set in those that have it; an error if none has it."""
    from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean

    known = {name for model in models for name in model.spec.knobs} | {"batch"}
    for name in knobs:
        if name not in known and "." not in name:
            raise ModelReferenceError(
                Problem(f"no network here has the knob `{name}`", hint=did_you_mean(name, known))
            )
    return [
        model._replace(
            knobs={
                **{
                    name: value
                    for name, value in knobs.items()
                    if name in model.spec.knobs or name == "batch" or "." in name
                },
                **model.knobs,
            }
        )
        for model in models
    ]
