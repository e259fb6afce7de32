"""`mnet-cost sweep MODEL...`: every combination of knob values, or some networks of a design space,
and which of them are worth it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mnet_cost.cli.options import (
    BY_SPEC,
    Subparsers,
    add_command,
    add_lower_bound_option,
    add_notes_option,
    add_runtime_option,
    count,
)

if TYPE_CHECKING:
    from mnet_cost.cli.bar import Bar
    from mnet_cost.search.summary import Summary
    from mnet_cost.search.sweep_request import SweepRequest

_RANGES = {
    "alpha": "width multipliers: `0.25:1.0:0.01`, both ends included, or `0.25,0.5,1.0`",
    "rho": "resolution multipliers",
    "resolution": "pixels on each side: `96:224:32`, or `480x640` for a height and a width",
    "batch": "examples per inference",
}


def add_parser(subparsers: Subparsers) -> None:
    """The command and its options."""
    parser = add_command(
        subparsers,
        "sweep",
        "every combination of knob values: what each costs, and which no other is better than",
        "mnet-cost sweep mobilenet_v1 --alpha 0.25:1.0:0.05 --resolution 128:224:32 "
        "--device pixel_1_tflite",
        "Needs NumPy; files of Parquet and pictures need `mnet-cost[sweep]`.",
    )
    parser.add_argument(
        "models", metavar="MODEL", nargs="+", help="NAME_OR_PATH[:variant][@knob=value,...]"
    )
    add_range_options(parser)
    group = parser.add_argument_group("analysis")
    group.add_argument(
        "--device",
        metavar="NAME|FILE",
        action="append",
        default=[],
        help="a device profile; may be repeated (none)",
    )
    add_runtime_option(group)
    group.add_argument("--threads", metavar="N", type=int, help="threads of processors")
    group.add_argument(
        "--precision",
        metavar="P,...",
        help=f"{{precisions}}, or several ({BY_SPEC})",
    )
    group.add_argument(
        "--convention", metavar="NAME", default="paper", help="{conventions} (paper)"
    )
    group.add_argument("--metrics", metavar="M,...", help="what to calculate (all): {metrics}")
    add_lower_bound_option(group)
    front = parser.add_argument_group("front")
    front.add_argument(
        "--pareto",
        metavar="M,...",
        help="metrics of the front: `mult_adds,latency@DEVICE,top1`; the first is that of --top, "
        "and `mult_adds:more` takes more of one as better",
    )
    front.add_argument(
        "--top", metavar="N", type=count, default=0, help="the best points instead of the front"
    )
    front.add_argument(
        "--limit",
        metavar="M<=NUMBER",
        action="append",
        default=[],
        dest="limits",
        help="only points within it are on the front: 'latency@DEVICE<=20ms', 'params<=2M'; may "
        "be repeated",
    )
    _add_space_options(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o",
        "--output",
        metavar="FILE|FOLDER/",
        help="all points: .parquet, .csv, .json, or a folder of many files, where a sweep that "
        "ended goes on",
    )
    output.add_argument(
        "--front-only", action="store_true", help="write the points of the front alone"
    )
    output.add_argument(
        "--plot", metavar="FILE", help="a picture of the first two metrics of the front: .png, .svg"
    )
    output.add_argument("--force", action="store_true", help="write over a file that is there")
    output.add_argument(
        "--format", choices=("text", "json", "markdown", "html"), help="form of the report (text)"
    )
    add_notes_option(output)
    work = parser.add_argument_group("work on a folder")
    work.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="share the work out: `local:4` for processes here, `tcp://host:8786` for a scheduler "
        "of dask.distributed (this process)",
    )
    work.add_argument(
        "--task-points",
        metavar="N",
        type=count,
        help="points of a task, which are a file (a hundredth of all, 1 to 10 million)",
    )
    parser.set_defaults(run=run)


def add_range_options(parser: argparse.ArgumentParser) -> None:
    """--alpha, --rho, --resolution, --batch and --set, each with several values."""
    knobs = parser.add_argument_group("knobs")
    for name, help_text in _RANGES.items():
        knobs.add_argument(f"--{name}", metavar="VALUES", help=help_text)
    knobs.add_argument(
        "--set",
        metavar="KNOB=VALUES",
        action="append",
        default=[],
        dest="settings",
        help="any other knob, or a choice by its path; may be repeated",
    )


def _add_space_options(parser: argparse.ArgumentParser) -> None:
    spaces = parser.add_argument_group(
        "design spaces: all choices of the spec, and the knobs above"
    )
    spaces.add_argument("--sample", metavar="N", type=int, help="so many random networks")
    spaces.add_argument(
        "--search",
        metavar="NAME",
        help="{searches}: networks that no other is better than; `exact` finds all of them, "
        "optuna needs `mnet-cost[search]`",
    )
    spaces.add_argument(
        "--evaluations", metavar="N", type=int, help="networks that a search may look at"
    )
    spaces.add_argument("--seed", metavar="N", type=int, help="of what is drawn (0)")
    spaces.add_argument("--storage", metavar="URL", help="where Optuna goes on: sqlite:///study.db")


def run(options: argparse.Namespace) -> int:
    """Evaluate all points and print the report."""
    from mnet_cost.cli.bar import Bar
    from mnet_cost.cli.output import emit, say
    from mnet_cost.report.sweep import sweep_report
    from mnet_cost.search.summary import Summary
    from mnet_cost.torch_model.installed import require

    require("numpy", extra="sweep")
    request = _request(options)
    _check_files(options, request)
    request = _searched(request)
    summary = Summary(request, options.top)
    with Bar("points", rate=True) as bar:
        try:
            if _is_folder(options):
                _fill_folder(options, request, summary, bar)
            else:
                _write(options, request, summary, bar)
        except KeyboardInterrupt as interrupt:
            for note in getattr(interrupt, "__notes__", ()):  # where the points so far are
                say(note)
            raise
    target, options.output = options.output, None
    emit(sweep_report(request, summary), options, options.models)
    options.output = target
    return refuse_point_totals(summary.without_totals)


def _searched(request: SweepRequest) -> SweepRequest:
    """The request with what its search finds, where it has one."""
    if request.selection is None or not request.selection.is_search:
        return request
    from mnet_cost.cli.bar import Bar
    from mnet_cost.search.space_search import search_spaces

    with Bar("searching", rate=True) as bar:
        return search_spaces(request, bar)


def refuse_point_totals(without: int) -> int:
    """Exit status 3, and words on stderr, where some points are without totals."""
    from mnet_cost.cli.output import say
    from mnet_cost.errors import Problem

    if not without:
        return 0
    said = f"{without:,} points have no totals: some of their layers have no cost rule"
    say(Problem(said, hint="--lower-bound gives the sums of the rest"))
    return 3


def _request(options: argparse.Namespace) -> SweepRequest:
    from mnet_cost.devices.choice import choose_devices
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.metrics import named
    from mnet_cost.models.library import load_model
    from mnet_cost.search.selection import plan_selection
    from mnet_cost.search.sweep_request import plan_sweep

    axes = given_axes(options)
    names = [name for name in options.models if name.lower() != "vs"]
    models = [load_model(name) for name in names]
    selection = plan_selection(
        sample=options.sample, search=options.search, evaluations=options.evaluations,
        seed=options.seed, storage=options.storage,
    )  # fmt: skip
    if not axes and len(names) < 2 and selection is None:
        hint = "--alpha 0.25:1.0:0.05, for example; --sample 1000 is for design spaces"
        raise UsageError(Problem("a sweep needs values of a knob", hint=hint))
    return plan_sweep(
        names,
        models,
        axes,
        choose_devices(options.device, options.threads, runtime=options.runtime),
        precisions=given_precisions(options),
        convention=options.convention,
        metrics=None if options.metrics is None else named(words(options.metrics)),
        objectives=options.pareto,
        lower_bound=options.lower_bound,
        front_only=options.front_only,
        limits=options.limits,
        selection=selection,
    )


def given_precisions(options: argparse.Namespace) -> list[str] | None:
    """The precisions of --precision; None without it."""
    return None if options.precision is None else words(options.precision)


def words(text: str) -> list[str]:
    """The parts of a text between commas."""
    return [word.strip() for word in text.split(",")]


def given_axes(options: argparse.Namespace) -> dict[str, Sequence[Any]]:
    """The values of each knob that the command line states."""
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.search.ranges import parse_values

    texts = {
        name: (f"--{name}", text)
        for name in _RANGES
        if (text := getattr(options, name)) is not None
    }
    for setting in options.settings:
        knob, equals, text = setting.partition("=")
        if not equals or not knob:
            raise UsageError(
                Problem(f"`--set {setting}` is no setting", hint="--set classes=10,100")
            )
        if knob in texts:
            raise UsageError(f"the knob `{knob}` is set twice")
        texts[knob] = (f"--set {knob}", text)
    return {knob: parse_values(text, option) for knob, (option, text) in texts.items()}


def _check_files(options: argparse.Namespace, request: SweepRequest) -> None:
    """Refuse files before the work, not after it."""
    if request.selection is not None and _is_folder(options):
        from mnet_cost.errors import Problem, UsageError

        hint = "-o points.parquet, for example"
        raise UsageError(Problem("a folder has the points of a grid, no samples", hint=hint))
    if _is_folder(options):
        from mnet_cost.search.sweep_shares import check_folder_request

        check_folder_request(request, options.top, options.scheduler)
    else:
        for option in ("scheduler", "task_points"):
            if getattr(options, option) is not None:
                from mnet_cost.errors import Problem, UsageError

                hint = "-o points/, for example"
                said = f"--{option.replace('_', '-')} needs a folder to write to"
                raise UsageError(Problem(said, hint=hint))
    if options.front_only and options.output is None:
        from mnet_cost.errors import Problem, UsageError

        raise UsageError(Problem("--front-only is about what is written", hint="add -o FILE"))
    if options.output is not None and not _is_folder(options):
        from mnet_cost.search.sweep_files import refuse_existing

        refuse_existing(options.output, options.force)
    if options.plot is not None:
        from mnet_cost.report.sweep_plot import check_plot

        check_plot(options.plot, request, options.force)


def _is_folder(options: argparse.Namespace) -> bool:
    """Whether points are written to a folder of files."""
    if options.output is None:
        return False
    from mnet_cost.search.sweep_files import is_folder

    return is_folder(options.output)


def _fill_folder(
    options: argparse.Namespace, request: SweepRequest, summary: Summary, bar: Bar
) -> None:
    """Write all points to a folder; then the picture, which is of the front alone: the other points
    may be more than one process can draw."""
    from mnet_cost.cli.output import say
    from mnet_cost.search.sweep_shares import sweep_to_folder

    before, tasks = sweep_to_folder(
        options.output, request, summary, scheduler=options.scheduler, force=options.force,
        task_points=options.task_points, progress=bar,
    )  # fmt: skip
    if before:
        say(f"{options.output}: {before} of {tasks} tasks were done before")
    if options.plot is not None:
        from mnet_cost.report.sweep_plot import plot_sweep

        plot_sweep(options.plot, request, summary, (), force=options.force)


def _write(options: argparse.Namespace, request: SweepRequest, summary: Summary, bar: Bar) -> None:
    """Write all points, or only evaluate them; then the picture, whose points are evaluated anew
    where a file has taken the others."""
    from mnet_cost.search.sweep import sweep_tables

    tables = sweep_tables(request, summary, bar)
    if options.output is not None:
        from mnet_cost.search.sweep_files import write_sweep

        write_sweep(options.output, request, tables, summary, force=options.force)
    if options.plot is not None:
        from mnet_cost.report.sweep_plot import plot_sweep
        from mnet_cost.search.sweep import evaluate

        drawn = tables if options.output is None else evaluate(request)
        plot_sweep(options.plot, request, summary, drawn, force=options.force)
    for _ in tables:
        pass
