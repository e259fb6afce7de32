"""`mnet-cost validate MODEL... --runtime NAME [--device PROFILE]`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from mnet_cost.cli.options import (
    Subparsers,
    add_command,
    add_knob_options,
    add_output_options,
    count,
    given_knobs,
)

if TYPE_CHECKING:
    from mnet_cost.measure.runs.rounds import Plan


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "validate",
        "the estimate beside the run, in total and kernel by kernel",
        "mnet-cost validate mobilenet_v1 --runtime onnxruntime --device this-machine.yaml",
        "Networks run here with random weights, or were recorded. Each measured kernel is joined "
        "to the lines of the spec whose layers it runs.",
    )
    parser.add_argument(
        "models",
        metavar="MODEL",
        nargs="*",
        help="NAME_OR_PATH[:variant][@knob=value,...], a spec or a model file; with --from all "
        "that were recorded",
    )
    running = parser.add_argument_group("runs")
    running.add_argument("--runtime", metavar="NAME", help="what runs them: {measurable}")
    running.add_argument(
        "--threads", metavar="N", type=count, default=1, help="threads of the processor (1)"
    )
    running.add_argument(
        "--precision", metavar="P", default="fp32", help="in which to compute: {precisions} (fp32)"
    )
    running.add_argument(
        "--on",
        choices=("cpu", "cuda"),
        default="cpu",
        help="what runs them, where the runtime has both (cpu)",
    )
    running.add_argument(
        "--rounds",
        metavar="N",
        type=count,
        help="times that all networks are measured, apart from each other (3)",
    )
    running.add_argument("--patient", action="store_true", help="wait while others use the machine")
    running.add_argument(
        "--memory", action="store_true", help="measure by how much memory grows, too"
    )
    running.add_argument(
        "--energy",
        metavar="WHERE",
        help="measure energy, too: auto, rapl, jetson, or the log of a meter",
    )
    running.add_argument(
        "--record", metavar="FILE", help="write what was measured to FILE, for --from"
    )
    running.add_argument(
        "--from",
        metavar="FILE",
        action="append",
        default=[],
        dest="recorded",
        help="runs that --record wrote, in the place of measuring; may be repeated",
    )
    estimate = parser.add_argument_group("estimate")
    estimate.add_argument(
        "--device",
        metavar="NAME|FILE",
        help="the profile whose estimate is asked for; without it, kernels are measured alone",
    )
    estimate.add_argument(
        "--top", metavar="N", type=count, help="kernels to show, worst estimated first (15)"
    )
    add_knob_options(parser)
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure or read, and print estimates beside it; 2 where a network could not be measured."""
    from mnet_cost.cli.bar import Bar
    from mnet_cost.cli.output import emit, refuse_inputs, say
    from mnet_cost.devices.load import load_device
    from mnet_cost.errors import MnetCostError
    from mnet_cost.measure.runs.validation_request import ValidationRequest, answer
    from mnet_cost.measure.runtimes.base import RunSettings
    from mnet_cost.models.library import load_model
    from mnet_cost.report.validation import TOP, validation_report
    from mnet_cost.search.networks import with_knobs

    knobs = given_knobs(options)
    models = with_knobs([load_model(name) for name in options.models], knobs)
    inputs = [*options.models, *options.recorded, options.device or ""]
    refuse_inputs(options.record or "", inputs)
    request = ValidationRequest(
        models=[*zip(options.models, models, strict=True)],
        device=None if options.device is None else load_device(options.device),
        runtime=options.runtime,
        settings=RunSettings(
            threads=options.threads, precision=options.precision, device=options.on
        ),
        plan=_plan(options),
        recorded=options.recorded,
        record=options.record,
    )
    with Bar("measuring", at_once=not options.recorded) as bar:
        validated = answer(request, bar, say)
    for problem in dict.fromkeys(
        problem
        for each in validated.validations
        for problem in (*each.analysis.network.spec.warnings, *each.analysis.network.warnings)
    ):
        say(problem, "warning: ")
    if validated.validations:
        report = validation_report(validated.validations, options.top or TOP)
        emit(report, options, inputs)
    for name, error in validated.failures:
        say(error if isinstance(error, MnetCostError) else str(error), f"{name}: ")
    if validated.interrupted:
        say("stopped: what had been measured until then is shown, without kernels")
        return 130
    return 2 if validated.failures else 0


def _plan(options: argparse.Namespace) -> Plan:
    from mnet_cost.measure.runs.rounds import Plan

    plan = Plan(patient=options.patient, memory=options.memory, energy=options.energy)
    return plan if options.rounds is None else replace(plan, rounds=options.rounds)
