"""`mnet-cost compare A [vs] B [C ...]`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mnet_cost.cli.fit_check import add_fit_option, check_fits
from mnet_cost.cli.options import (
    Subparsers,
    add_analysis_options,
    add_command,
    add_knob_options,
    add_output_options,
    analyzed,
    given_knobs,
    refuse_total,
)

if TYPE_CHECKING:
    from mnet_cost.models.types import Model


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "compare",
        "networks side by side: totals and times, each with its ratio to the first network's",
        "mnet-cost compare full vs separable --device pixel_1",
        "Knobs go to every network that has them. Of two networks it also says why the ratio of "
        "times is not that of mult-adds, and, of one family, which blocks differ.",
    )
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="two or more, with or without `vs` between"
    )
    add_knob_options(parser)
    add_analysis_options(parser)
    parser.add_argument_group("comparison").add_argument(
        "--why",
        action="store_true",
        default=None,
        help="why the ratios of times are not those of mult-adds, and the ranges of both; of two "
        "networks it is always shown",
    )
    add_fit_option(parser)
    add_output_options(parser)
    parser.set_defaults(run=run, by=None)


def run(options: argparse.Namespace) -> int:
    """Analyze all and print them side by side."""
    from mnet_cost.cli.output import emit
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.models.library import load_model
    from mnet_cost.report.compare import compare_report
    from mnet_cost.report.rows import distinct

    names = [name for name in options.models if name.lower() != "vs"]
    if len(names) < 2:
        raise UsageError(
            Problem(
                f"a comparison needs two networks, not {len(names)}",
                hint="mnet-cost compare full vs separable",
            )
        )
    models = _with_knobs([load_model(name) for name in names], given_knobs(options))
    analyses = analyzed(models, options)
    report = compare_report(names, analyses, options.by, options.lower_bound, options.why)
    emit(report, options, [*names, *options.device])
    unmodelled = [analysis.unmodelled for analysis in analyses]
    status = refuse_total(unmodelled, options.lower_bound)
    return check_fits(options, analyses, distinct(names), status)


def _with_knobs(models: list[Model], knobs: dict[str, Any]) -> list[Model]:
    """`models` with each knob set in those that have it; an error if none has it."""
    from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean

    own = [_settings_of(model, any("." in name for name in knobs)) for model in models]
    for name in knobs:
        if not any(name in settings for settings in own):
            known = {setting for settings in own for setting in settings}
            raise ModelReferenceError(
                Problem(f"no network here has the knob `{name}`", hint=did_you_mean(name, known))
            )
    return [
        model._replace(
            knobs={**model.knobs, **{name: knobs[name] for name in knobs if name in settings}}
        )
        for model, settings in zip(models, own, strict=True)
    ]


def _settings_of(model: Model, with_choices: bool) -> set[str]:
    """Names that can be set in a model; choices are known only once it is elaborated."""
    from mnet_cost.network import elaborate

    names = {*model.spec.knobs, "batch"}
    return names | set(elaborate(model.spec, model.knobs).choices) if with_choices else names
