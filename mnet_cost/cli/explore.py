"""`mnet-cost explore MODEL [vs MODEL ...] -o page.html`."""

from __future__ import annotations

import argparse

from mnet_cost.cli.options import (
    Subparsers,
    add_analysis_options,
    add_command,
    add_knob_options,
    chosen_devices,
    given_knobs,
    refuse_unknown_work,
)


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "explore",
        "a page with sliders: one HTML file that calculates costs anew, without a server",
        "mnet-cost explore full vs separable --device pixel_1 -o page.html",
        "The file works offline in any browser of 2023 or later. Its numbers are those of "
        "`analyze` at each setting of the sliders. Of several networks, a slider moves all that "
        "have its knob.",
    )
    parser.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="one, or several with or without `vs` between; "
        "NAME_OR_PATH[:variant][@knob=value,...]",
    )
    add_knob_options(parser)
    add_analysis_options(parser, rows=())
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o", "--output", metavar="FILE", help="write the page to FILE, whole or not at all"
    )
    output.add_argument(
        "--open", action="store_true", help="show the page in a browser, without FILE a passing one"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the page, and open it."""
    from mnet_cost.cli.bar import Bar
    from mnet_cost.cli.output import print_text, say
    from mnet_cost.errors import OutputError, Problem, UsageError
    from mnet_cost.explorer.explore import explore_page
    from mnet_cost.models.library import load_model
    from mnet_cost.paths import same_file

    names = [name for name in options.models if name.lower() != "vs"]
    target: str | None = options.output
    if not names:
        hint = "mnet-cost explore mobilenet_v1 -o page.html"
        raise UsageError(Problem("there is no network to explore", hint=hint))
    if target is None and not options.open:
        raise UsageError(Problem("a page goes to a file", hint="add `-o page.html`, or `--open`"))
    if target == "-" and options.open:
        raise UsageError("a page on stdout cannot be opened: leave out `-o -` or `--open`")
    if target and any(same_file(target, name) for name in (*names, *options.device)):
        raise OutputError(f"{target}: is read by this command: choose another file")
    models = [load_model(name) for name in names]
    devices = chosen_devices(options)
    with Bar("working out the page", at_once=True):
        page = explore_page(
            names,
            models,
            devices,
            given_knobs(options),
            threads=options.threads,
            runtime=options.runtime,
            precision=options.precision,
            convention=options.convention,
            lower_bound=options.lower_bound,
        )
    for model in models:
        for problem in model.spec.warnings:
            say(problem, "warning: ")
    if target == "-":
        print_text(page.text)
    else:
        if target is None:
            target = _passing_file()
            say(f"the page is {target}")
        page.write(target)
    if options.open and target is not None:
        _open(target)
    return refuse_unknown_work(page.unmodelled) if page.unmodelled else 0


def _passing_file() -> str:
    """A new file among those of passing use."""
    import os
    import tempfile

    handle, path = tempfile.mkstemp(prefix="mnet-cost-", suffix=".html")
    os.close(handle)
    return path


def _open(path: str) -> None:
    import webbrowser
    from pathlib import Path

    from mnet_cost.cli.output import say

    if not webbrowser.open(Path(path).resolve().as_uri()):
        say(f"no browser was found: open {path} in one")
