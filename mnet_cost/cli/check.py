"""`mnet-cost check [MODEL...]`: whether networks are within their budgets."""

from __future__ import annotations

import argparse
import os
from functools import partial
from typing import TYPE_CHECKING

from mnet_cost.cli.options import Subparsers, add_command, add_notes_option
from mnet_cost.cli.watch import Watched, add_watch_option, watch
from mnet_cost.report import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mnet_cost.budgets.entries import Budget
    from mnet_cost.budgets.judgements import CheckResult
    from mnet_cost.devices import DeviceProfile
    from mnet_cost.report import Report

_OWN_FORMATS = ("junit", "sarif", "github")


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "check",
        "whether networks are within their budgets, and what makes them too dear",
        "mnet-cost check mobilenet_v1 --device pixel_1 --limit 'latency<=20ms'",
        "Budgets stand in a spec, in a file (budget.yaml beside the spec is found), or in --limit. "
        "Status 1: a limit is not kept.",
    )
    parser.add_argument(
        "models",
        metavar="MODEL",
        nargs="*",
        help="NAME_OR_PATH[:variant][@knob=value,...], or a file of budgets (budget.yaml)",
    )
    budgets = parser.add_argument_group("budgets")
    budgets.add_argument(
        "--budget",
        metavar="FILE",
        action="append",
        default=[],
        dest="budgets",
        help="a file of budgets, in the place of those in and beside the specs; may be repeated",
    )
    budgets.add_argument(
        "--limit",
        metavar="M<=NUMBER",
        action="append",
        default=[],
        dest="limits",
        help="a limit on all models: 'params<=2M', 'latency@DEVICE<=20ms'; may be repeated",
    )
    budgets.add_argument(
        "--device",
        metavar="NAME|FILE",
        action="append",
        default=[],
        help="a device profile for --limit, and for models without budgets with --baseline; may be "
        "repeated",
    )
    budgets.add_argument(
        "--precision",
        metavar="P",
        help="for --limit and --baseline: {precisions} (that of the spec, else fp32)",
    )
    baseline = parser.add_argument_group("baseline")
    baseline.add_argument(
        "--baseline",
        metavar="FILE|git:REV",
        help="compare with what `check --format json` wrote, or with a revision of the repository: "
        "git:main, git:HEAD~1:specs/net.yaml",
    )
    baseline.add_argument(
        "--tolerance",
        metavar="M=SHARE%,...",
        help="by how much numbers may grow: 'mult_adds=2%%,latency=5%%' (counts 0%%, times 1%%)",
    )
    checks = parser.add_argument_group("checks")
    checks.add_argument(
        "--fail-on",
        metavar="VERDICT,...",
        default="over",
        help="what fails beside `over`: undecided, warn; `never` for nothing (over)",
    )
    checks.add_argument(
        "--skip-others",
        action="store_true",
        help="leave out files that are neither a model nor budgets, as a hook is given them",
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--format",
        choices=(*FORMATS, *_OWN_FORMATS),
        help="form of the report (text; with -o by the ending of FILE)",
    )
    output.add_argument("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all")
    output.add_argument(
        "--report",
        metavar="FILE",
        action="append",
        default=[],
        dest="reports",
        help="write a report to FILE as well, by its ending: .xml is JUnit, .sarif SARIF; may be "
        "repeated",
    )
    add_notes_option(output)
    add_watch_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check and print; 1 where a limit fails. Again and again with --watch."""
    from mnet_cost.report.check import check_report

    _check_endings(options.reports)

    def once() -> Watched:
        result = _checked(options)
        write = partial(_emit, result, options)
        return Watched(check_report(result), (), result.analyses, result, write)

    if options.watch:
        watch(options, [*options.models, *options.budgets], once)
    result = _checked(options)
    _emit(result, options, check_report(result))
    return int(bool(result.failing))


def _checked(options: argparse.Namespace) -> CheckResult:
    """What the check says."""
    from mnet_cost.budgets.check import check_budgets, read_tolerances
    from mnet_cost.budgets.files import plan_checks, refuse_nothing, refuse_unused
    from mnet_cost.budgets.verdicts import failing_verdicts
    from mnet_cost.cli.output import say
    from mnet_cost.devices.choice import choose_devices

    fail_on = failing_verdicts(options.fail_on)
    tolerances = read_tolerances(options.tolerance, options.baseline)
    devices = choose_devices(options.device)
    refuse_unused(options.limits, devices, options.precision, options.baseline)
    plan = plan_checks(
        options.models,
        options.budgets,
        _typed(options, devices),
        skip_others=options.skip_others,
        devices=None if options.baseline is None else devices,
        precision=options.precision,
    )
    unused = ["--device"] * bool(options.device)
    unused += ["--precision"] * (options.precision is not None)
    if unused and plan.budgets and all(planned.budget.node for planned in plan.budgets):
        are = "are" if len(unused) > 1 else "is"
        say(f"{' and '.join(unused)} {are} not used: all budgets say theirs")
    for name in plan.without:
        say(f"{name}: there is no budget, so nothing was checked")
    if not options.skip_others:
        refuse_nothing(plan)
    return check_budgets(plan, fail_on, options.baseline, tolerances, options.tolerance)


def _check_endings(paths: list[str]) -> None:
    """Refuse files whose ending stands for no format before the work, not after it."""
    if not paths:
        return
    from mnet_cost.errors import OutputError, Problem, one_of
    from mnet_cost.report.check_files import CHECK_FORMATS

    known = [ending for endings in (*CHECK_FORMATS.values(), *FORMATS.values())
             for ending in endings if ending]  # fmt: skip
    for path in paths:
        ending = os.path.splitext(path)[1].lower()
        if ending not in known:
            hint = f"an ending is {one_of(known)}"
            raise OutputError(Problem(f"{path}: no report is written as `{ending}`", hint=hint))


def _typed(options: argparse.Namespace, devices: Sequence[DeviceProfile]) -> list[Budget]:
    """The budgets that --limit states."""
    if not options.limits:
        return []
    from mnet_cost.budgets.entries import typed_budgets

    precisions = () if options.precision is None else (options.precision,)
    return typed_budgets(options.limits, devices, precisions)


def _emit(result: CheckResult, options: argparse.Namespace, report: Report) -> None:
    """Write all reports that are asked for; on GitHub, annotations and a summary as well."""
    from mnet_cost.cli.output import emit

    inputs = [*options.models, *options.budgets, *options.device]
    asked, target = options.format, options.output
    for path in options.reports:
        options.format, options.output = None, path
        if (form := _own_form(path)) is not None:
            _write(result, form, path, inputs)
        else:
            emit(report, options, inputs)
    options.format, options.output = asked, target
    form = asked or (None if target is None else _own_form(target))
    if form in _OWN_FORMATS:
        _write(result, form, target, inputs)
    elif asked is None and target is None and os.environ.get("GITHUB_ACTIONS") == "true":
        _on_github(result, options)
    else:
        emit(report, options, inputs)


def _own_form(path: str) -> str | None:
    """The format of a check alone that a file's ending stands for."""
    from mnet_cost.report.check_files import CHECK_FORMATS

    ending = os.path.splitext(path)[1].lower()
    return next((form for form, endings in CHECK_FORMATS.items() if ending in endings), None)


def _write(result: CheckResult, form: str, target: str | None, inputs: list[str]) -> None:
    """Write a file of another program, or print it."""
    from mnet_cost.cli.output import print_text
    from mnet_cost.errors import OutputError
    from mnet_cost.paths import same_file, write_whole
    from mnet_cost.report.check_files import write_check

    text = write_check(result, form)
    if target is None or target == "-":
        if text:
            print_text(text)
        return
    if any(same_file(target, name) for name in inputs):
        raise OutputError(f"{target}: is read by this command: choose another file")
    write_whole(target, text)


def _on_github(result: CheckResult, options: argparse.Namespace) -> None:
    """The text, annotations, and a summary of the step where GitHub takes one."""
    import secrets
    import sys

    from mnet_cost.cli.output import encoding_of, print_text, terminal_width
    from mnet_cost.report import render
    from mnet_cost.report.check import check_report
    from mnet_cost.report.check_files import as_plain_output, write_check

    report = check_report(result)
    encoding = encoding_of(sys.stdout)
    text = render(report, "text", terminal_width(), False, encoding, options.notes)
    print_text(as_plain_output(text, secrets.token_hex(16)))
    annotations = write_check(result, "github")
    if annotations:
        print_text(annotations)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        from mnet_cost.cli.output import append_text

        append_text(summary, render(report, "markdown") + "\n")
