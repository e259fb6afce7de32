"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mnet_cost.cli.bar import watched
from mnet_cost.report import FORMATS

if TYPE_CHECKING:
    from mnet_cost.analysis import Analysis
    from mnet_cost.analysis.sparsity import Zeros
    from mnet_cost.devices import DeviceProfile
    from mnet_cost.errors import Problem
    from mnet_cost.models.types import Model

KNOB_OPTIONS = ("alpha", "rho", "resolution", "batch")

Subparsers = Any  # argparse keeps the type of `add_subparsers` to itself


def add_command(
    subparsers: Subparsers, name: str, summary: str, example: str, description: str = ""
) -> argparse.ArgumentParser:
    """A parser for one command, with an example in its help."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}. {description}".strip(),
        epilog=f"example: {example}",
        allow_abbrev=False,
    )
    return parser


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """MODEL."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="NAME_OR_PATH[:variant][@knob=value,...]; a path may be git:REV:PATH",
    )


def add_knob_options(
    parser: argparse.ArgumentParser, batch: str = "examples per inference (1)"
) -> None:
    """--alpha, --rho, --resolution, --batch (with `batch` as its help) and --set."""
    knobs = parser.add_argument_group("knobs")
    knobs.add_argument("--alpha", metavar="A", help="width multiplier")
    knobs.add_argument("--rho", metavar="R", help="resolution multiplier")
    knobs.add_argument(
        "--resolution",
        metavar="N|HxW",
        help="pixels on each side of the input, or height x width: 480x640",
    )
    knobs.add_argument("--batch", metavar="N", help=batch)
    knobs.add_argument(
        "--set",
        metavar="KNOB=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="any other knob, or a choice by its path; may be repeated",
    )


GRAINS = ("layer", "block", "kind")


def add_analysis_options(parser: argparse.ArgumentParser, rows: Sequence[str] = GRAINS) -> None:
    """--device, --precision, --convention, --lower-bound, and --by where there are `rows`."""
    group = parser.add_argument_group("analysis")
    group.add_argument(
        "--device",
        metavar="NAME|FILE",
        action="append",
        default=[],
        help="a device profile; may be repeated; `all` for all that are shipped, "
        "`none` for none ({default_devices})",
    )
    add_setting_options(group)
    if rows:
        group.add_argument("--by", choices=rows, default="block", help="rows to show (block)")
    group.add_argument(
        "--convention",
        metavar="NAME",
        default="paper",
        help="what counts as a mult-add: {conventions} (paper)",
    )
    add_lower_bound_option(group)


def add_setting_options(group: argparse._ArgumentGroup) -> None:
    """--runtime, --threads and --precision: how a device runs a network."""
    add_runtime_option(group)
    group.add_argument(
        "--threads",
        metavar="N",
        type=int,
        help="threads of processors, as devices gain from them (those of each profile)",
    )
    add_precision_option(group)


def add_runtime_option(group: argparse._ArgumentGroup) -> None:
    """--runtime."""
    group.add_argument(
        "--runtime",
        metavar="NAME[@VERSION]",
        help="what runs networks on processors: {runtimes}, or any other (that of each profile)",
    )


BY_SPEC = "that of the spec, else fp32"


def add_precision_option(group: argparse._ArgumentGroup) -> None:
    """--precision."""
    group.add_argument("--precision", metavar="P", help=f"{{precisions}} ({BY_SPEC})")


def add_lower_bound_option(group: argparse._ArgumentGroup) -> None:
    """--lower-bound."""
    group.add_argument(
        "--lower-bound",
        action="store_true",
        help="give totals although some layers have no cost rule",
    )


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """--format, -o and --notes."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--format",
        choices=tuple(FORMATS),
        help="form of the report (text; with -o by the ending of FILE)",
    )
    group.add_argument("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all")
    add_notes_option(group)


def add_notes_option(group: argparse._ActionsContainer) -> None:
    """--notes, or -v."""
    group.add_argument(
        "-v", "--notes", action="store_true", help="all notes, and what each column holds"
    )


def count(text: str) -> int:
    """A number of rows, for `type` of an option."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"`{text}` is no whole number from 1")
    return int(text)


def given_knobs(options: argparse.Namespace) -> dict[str, Any]:
    """Knob values from the command line."""
    from mnet_cost.models.library import split_setting

    knobs = {}
    for name in KNOB_OPTIONS:
        text = getattr(options, name)
        if text is not None:
            knobs[name] = split_setting(f"{name}={text}")[1]
    for setting in options.settings:
        name, value = split_setting(setting)
        knobs[name] = value
    return knobs


def given_batches(options: argparse.Namespace) -> list[int]:
    """The sizes that `--batch 1,8,32` states; none where there is one size at most."""
    from mnet_cost.errors import Problem, UsageError

    text: str | None = options.batch
    if text is None or "," not in text:
        return []
    sizes = [part.strip() for part in text.split(",")]
    wrong = next((part for part in sizes if not re.fullmatch("[0-9]{1,16}", part)), None)
    if wrong is not None:
        message = f"a batch is a whole number from 1 on, not `{wrong}`"
        raise UsageError(Problem(message, hint="write `--batch 1,8,32`"))
    batches = [int(part) for part in sizes]
    for batch in batches:
        if batches.count(batch) > 1:
            raise UsageError(f"batch {batch} is asked for twice")
    options.batch = None  # the knob is set for each size
    return batches


def chosen_devices(options: argparse.Namespace) -> tuple[DeviceProfile, ...]:
    """The profiles that --device names, of a --class alone; the default ones without it."""
    from mnet_cost.devices.choice import choose_devices

    device_class = vars(options).get("device_class")
    return choose_devices(options.device or None, options.threads, device_class, options.runtime)


def analyzed(
    models: Iterable[Model],
    options: argparse.Namespace,
    schedule: str = "spec",
    sparsity: Sequence[Zeros] = (),
) -> list[Analysis]:
    """The analyses that the options ask for, which give lower bounds with --lower-bound; warnings
    about the models go to stderr."""
    from mnet_cost.analysis import analyze
    from mnet_cost.cli.output import say

    devices = chosen_devices(options)
    analyses: list[Analysis] = []
    said: list[Problem] = []
    for model in watched(models, "analyzing networks"):
        analysis = analyze(
            model,
            devices=devices,
            precision=options.precision,
            convention=options.convention,
            schedule=schedule,
            sparsity=sparsity,
        )
        for problem in (*model.spec.warnings, *analysis.network.warnings):
            if problem not in said:  # the same network can be asked for twice
                said.append(problem)
                say(problem, "warning: ")
        analyses.append(analysis.with_lower_bounds() if options.lower_bound else analysis)
    return analyses


def refuse_total(analyses: Iterable[Analysis]) -> int:
    """Exit status 3, and words on stderr, where totals were refused."""
    names = [
        name for analysis in analyses if not analysis.has_totals for name in analysis.unmodelled
    ]
    return refuse_unknown_work(names) if names else 0


def refuse_unknown_work(names: Sequence[str]) -> int:
    """Exit status 3, and words on stderr, since the work of the layers `names` is unknown."""
    from mnet_cost.cli.output import say
    from mnet_cost.errors import Problem

    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    say(
        Problem(
            f"no total: the cost of {listed} is unknown",
            hint="--lower-bound gives the sum of the rest",
        )
    )
    return 3
