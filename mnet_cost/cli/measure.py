"""`mnet-cost measure MODEL... --runtime NAME`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mnet_cost.cli.options import (
    Subparsers,
    add_command,
    add_knob_options,
    add_notes_option,
    count,
    given_batches,
    given_knobs,
)
from mnet_cost.report import FORMATS

if TYPE_CHECKING:
    from mnet_cost.measure.runs.request import MeasureRequest
    from mnet_cost.measure.runtimes.base import Runtime
    from mnet_cost.models.types import Model

_STOPPED, _FAILED = 130, 2
_OF_RUNNING = (
    "threads", "precision", "on", "rounds", "seconds", "minutes", "pin", "patient", "reference",
    "memory", "energy",
)  # fmt: skip
"""Options of `add_running_options` beside the runtime."""


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "measure",
        "how long networks take on this machine, beside what was estimated",
        "mnet-cost measure mobilenet_v1 lenet5 --runtime onnxruntime --device my_laptop.yaml",
        "Rounds with a small reference network in between, so that drift cancels. Weights are "
        "random. Status 2: a network could not be measured; the others were.",
    )
    parser.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="NAME_OR_PATH[:variant][@knob=value,...]; a path may be git:REV:PATH",
    )
    add_knob_options(parser, batch="examples per inference (1); of several, `1,8,32`, each")
    add_running_options(parser)
    beside = parser.add_argument_group("estimates beside")
    beside.add_argument(
        "--device",
        metavar="NAME|FILE",
        action="append",
        default=[],
        help="a device profile whose estimate is compared; may be repeated",
    )
    output = parser.add_argument_group("output")
    output.add_argument("--format", choices=tuple(FORMATS), help="form of the report (text)")
    output.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="add a row for each network and round to this CSV file, as they are measured, for "
        "`calibrate --from`; what it has is not measured again",
    )
    add_notes_option(output)
    parser.set_defaults(run=run)


def add_running_options(parser: argparse.ArgumentParser) -> None:
    """How networks run, and how they are measured: for commands that measure."""
    running = parser.add_argument_group("running")
    running.add_argument("--runtime", metavar="NAME", help="what runs them: {measured_runtimes}")
    running.add_argument("--threads", metavar="N", type=count, help="of the runtime (1)")
    running.add_argument("--precision", metavar="P", help="{precisions} (fp32)")
    running.add_argument(
        "--on",
        choices=("cpu", "cuda"),
        help="what they run on, where the runtime has a choice (cpu)",
    )
    measuring = parser.add_argument_group("measuring")
    measuring.add_argument(
        "--rounds", metavar="N", type=count, help="rounds, each in an order of its own (3)"
    )
    measuring.add_argument(
        "--seconds",
        metavar="S",
        type=float,
        help="the most for each network in each round; it ends before where the median is known "
        "to 1%% (0.5)",
    )
    measuring.add_argument(
        "--minutes", metavar="M", help="as many rounds as there is time for, one at least"
    )
    measuring.add_argument(
        "--pin", metavar="CPU,...", help="CPUs to run on: 2, 0-3, none (as many as threads)"
    )
    measuring.add_argument(
        "--patient",
        action="store_true",
        help="wait until other programs leave the machine alone, for 10 minutes at most",
    )
    measuring.add_argument(
        "--reference",
        metavar="MODEL|none",
        help="the network that tells drift ({reference_network})",
    )
    measuring.add_argument(
        "--memory", action="store_true", help="peak memory, each network in a process of its own"
    )
    measuring.add_argument(
        "--energy",
        metavar="auto|rapl|jetson|FILE",
        help="energy by a counter of the machine, or by a meter's log: CSV with time and watts",
    )


def run(options: argparse.Namespace) -> int:
    """Measure, and print what was measured; 2 where a network could not be, 130 where somebody
    stopped it."""
    from mnet_cost.cli.bar import Bar
    from mnet_cost.cli.output import encoding_of, print_text, say, terminal_width, wants_color
    from mnet_cost.measure.runs.request import measure_request
    from mnet_cost.report import render
    from mnet_cost.report.measured import measured_report

    request = _request(options)
    with Bar("measuring") as bar:
        measured = measure_request(request, progress=bar, say=say)
    for failure in measured.session.failures:
        say(failure.error)
    if measured.session.timed:
        report = measured_report(measured)
        shown = render(
            report, options.format or "text", terminal_width(), wants_color(),
            encoding_of(sys.stdout), options.notes,
        )  # fmt: skip
        print_text(shown)
    if measured.session.interrupted:
        say(stopped(options.output))
        return _STOPPED
    return _FAILED if measured.session.failures else 0


def _request(options: argparse.Namespace) -> MeasureRequest:
    """What the options ask for."""
    from mnet_cost.cli.output import refuse_inputs
    from mnet_cost.measure.runs.request import runtime_named

    runtime = runtime_named(options.runtime)
    if options.output is not None:
        refuse_inputs(options.output, [*options.models, *options.device])
    return plan_of(options, _at_each_batch(options), runtime, options.device, options.output)


def _at_each_batch(options: argparse.Namespace) -> dict[str, Model]:
    """The networks of the command line by their references, once for each size of `--batch`."""
    from mnet_cost.measure.runs.request import reference_of
    from mnet_cost.search.networks import at_batches

    batches = given_batches(options)
    networks = zip(options.models, named_in_order(options), strict=True)
    return {
        reference_of(each, name) if batches else reference: each
        for name, (reference, model) in networks
        for each in (at_batches(model, batches) if batches else [model])
    }


def named_in_order(options: argparse.Namespace) -> list[tuple[str, Model]]:
    """The networks of the command line, in its order, each with its reference; their warnings go to
    stderr."""
    from mnet_cost.cli.output import say
    from mnet_cost.measure.runs.request import reference_of
    from mnet_cost.models.library import load_model
    from mnet_cost.search.networks import with_knobs

    models = with_knobs([load_model(name) for name in options.models], given_knobs(options))
    for problem in dict.fromkeys(problem for model in models for problem in model.spec.warnings):
        say(problem, "warning: ")
    return [
        (reference_of(model, name), model)
        for name, model in zip(options.models, models, strict=True)
    ]


def plan_of(
    options: argparse.Namespace,
    networks: Mapping[str, Model],
    runtime: Runtime,
    devices: Sequence[str] = (),
    output: str | None = None,
) -> MeasureRequest:
    """What `add_running_options` asks for."""
    from mnet_cost.measure.runs.request import plan_measure

    given = given_running(options)
    return plan_measure(networks, runtime=runtime, devices=devices, output=output, **given)


def given_running(options: argparse.Namespace) -> dict[str, Any]:
    """Options of `add_running_options` that somebody wrote, without the runtime."""
    values = {name: getattr(options, name) for name in _OF_RUNNING}
    return {
        name: value for name, value in values.items() if value is not None and value is not False
    }


def stopped(output: str | None) -> str:
    """What is left after Ctrl-C, and how to go on."""
    if output is not None and not os.path.exists(output):
        return "stopped before anything was measured"
    if output is None:
        return "stopped; with -o FILE.csv, the same command goes on where it was stopped"
    return f"stopped; what was measured is in {shlex.quote(output)}: the same command goes on there"
