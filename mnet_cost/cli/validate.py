"""`mnet-cost validate MODEL... --runtime NAME [--device PROFILE]`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mnet_cost.cli.measure import add_running_options
from mnet_cost.cli.options import (
    Subparsers,
    add_command,
    add_knob_options,
    add_output_options,
    count,
)

if TYPE_CHECKING:
    from mnet_cost.measure.runs.validation_request import ValidationRequest

_STOPPED, _FAILED = 130, 2


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "validate",
        "the estimate beside the run, in total and kernel by kernel",
        "mnet-cost validate mobilenet_v1 --runtime onnxruntime --device this-machine.yaml",
        "Networks run here with random weights, or were recorded. Each measured kernel is joined "
        "to the lines of the spec whose layers it runs. Status 2: a network could not be measured; "
        "the others were.",
    )
    parser.add_argument(
        "models",
        metavar="MODEL",
        nargs="*",
        help="NAME_OR_PATH[:variant][@knob=value,...], a spec or a model file; with --from those "
        "of the recorded runs that are meant (all), LOGGED=MODEL where a tool calls one LOGGED",
    )
    add_knob_options(parser)
    beside = parser.add_argument_group("estimate beside")
    beside.add_argument(
        "--device",
        metavar="NAME|FILE",
        help="the profile whose estimate is compared; without it, kernels have their times alone",
    )
    beside.add_argument(
        "--top", metavar="N", type=count, help="kernels to show, worst estimated first (15)"
    )
    add_running_options(parser)
    records = parser.add_argument_group("records")
    records.add_argument(
        "--record", metavar="FILE", help="write what was measured to a JSON file, for --from"
    )
    records.add_argument(
        "--from",
        metavar="FILE",
        action="append",
        default=[],
        dest="recorded",
        help="runs that --record wrote, or what a tool printed of MODEL (benchmark_model, trtexec, "
        "ExecuTorch, onnxruntime_perf_test, benchncnn), in the place of measuring; may be repeated",
    )
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure or read, and print the estimates beside it; 2 where a network could not be measured,
    130 where somebody stopped it."""
    from mnet_cost.cli.bar import Bar
    from mnet_cost.cli.output import emit, say
    from mnet_cost.measure.runs.validation_request import validate_request
    from mnet_cost.report.validation import TOP, validation_report

    request = _request(options)
    with Bar("measuring") as bar:
        validated = validate_request(request, progress=bar, say=say)
    for failure in validated.failures:
        say(failure.error, f"{failure.reference}: ")
    if validated.validations:
        report = validation_report(validated.validations, options.top or TOP)
        emit(report, options, _inputs(options))
    if validated.interrupted:
        say("stopped: kernels were not measured of all networks")
        return _STOPPED
    return _FAILED if validated.failures else 0


def _inputs(options: argparse.Namespace) -> list[str]:
    return [*options.models, *options.recorded, *([options.device] if options.device else [])]


def _request(options: argparse.Namespace) -> ValidationRequest:
    """What the options ask for."""
    from mnet_cost.cli.measure import given_running, named_in_order, plan_of
    from mnet_cost.cli.output import refuse_inputs, refuse_same
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.measure.runs.request import runtime_named
    from mnet_cost.measure.runs.validation_request import (
        ValidationRequest,
        check_record,
        one_profile,
    )
    from mnet_cost.measure.tools.rows import parted
    from mnet_cost.paths import check_writable

    if options.record is not None:
        check_record(options.record)
        refuse_same(options.output, options.record)
    for target in filter(None, (options.record, options.output)):
        refuse_inputs(target, _inputs(options))
        if target != "-":
            check_writable(target)
    device = None if options.device is None else one_profile(options.device)
    if options.recorded:
        beside = {"runtime": options.runtime, "record": options.record, **given_running(options)}
        for option, given in beside.items():
            if given is not None:
                raise UsageError(f"recorded runs are not measured again: leave out `--{option}`")
        named = [parted(name) for name in options.models]
        options.models = [reference for _, reference in named]
        models = named_in_order(options)
        logged = {
            reference: name for (reference, _), (name, _) in zip(models, named, strict=True) if name
        }
        return ValidationRequest(
            recorded=options.recorded, models=dict(models), logged=logged, device=device
        )
    if not options.models:
        hint = "MODEL names one; `--from FILE` reads what was recorded"
        raise UsageError(Problem("there is no network to measure", hint=hint))
    runtime = runtime_named(options.runtime)
    return ValidationRequest(
        measuring=plan_of(options, dict(named_in_order(options)), runtime),
        device=device,
        record=options.record,
    )
