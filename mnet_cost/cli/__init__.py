"""The command line: one file per command; it parses, calls and prints. No arithmetic here.

Exit status: 0 fine; 1 a check failed; 2 bad input or usage; 3 a total was refused because of
layers of unknown cost. Data goes to stdout, words to stderr.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import NoReturn

from mnet_cost import __version__
from mnet_cost.cli.help_lists import fill_help

COMMANDS: Mapping[str, str] = {
    name: {"import": "import_model"}.get(name, name)  # `import` is a keyword of Python
    for name in (
        "analyze", "compare", "explore", "sweep", "fit", "check", "sensitivity", "explain",
        "reconcile", "paper", "models", "train", "import", "export", "draw", "measure",
        "validate", "calibrate", "devices", "layers", "schema",
    )
}  # fmt: skip
"""Modules with `add_parser(subparsers)`, by command; each parser names its `run`."""


_EXAMPLES = """examples:
  mnet-cost analyze mobilenet_v1 --alpha 0.5     what it costs, and where the time goes
  mnet-cost compare full vs separable            two networks side by side
  mnet-cost devices --for mobilenet_v2           where a network runs how fast

`mnet-cost COMMAND --help` shows the options of a command, with an example."""


class _Parser(argparse.ArgumentParser):
    """Argparse with a hint below what it says about a mistyped word, and lists in help texts."""

    def format_help(self) -> str:
        fill_help(self)
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        from mnet_cost.errors import did_you_mean
        from mnet_cost.escaping import printable

        mistyped = _MISTYPED.search(message)
        hint = None
        if mistyped:
            words = re.findall(r"'([^']+)'", message[mistyped.end() :]) or list(_options(self))
            hint = did_you_mean(mistyped[1] or mistyped[2], words, _OTHER_OPTIONS)
        shown = printable(message)
        super().error(f"{shown}\nhint: {hint}" if hint else shown)


_OTHER_OPTIONS = {
    "width": "--alpha",
    "widthmult": "--alpha",
    "widthmultiplier": "--alpha",
    "resolutionmultiplier": "--rho",
    "size": "--resolution",
    "imagesize": "--resolution",
    "imgsz": "--resolution",
    "inputsize": "--resolution",
    "batchsize": "--batch",
    "bs": "--batch",
    "dtype": "--precision",
    "quantization": "--precision",
    "target": "--device",
    "hardware": "--device",
    "outfile": "--output",
    "knob": "--set",
}
"""What other tools call options, without capitals and separators: for hints."""
_MISTYPED = re.compile(r"invalid choice: '([^']+)'|unrecognized arguments: (--[\w-]+)")


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """All options of a parser and of the commands below it."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _options(command)


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the commands, by name."""
    return {
        name: command
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, command in action.choices.items()
    }


def build_parser(names: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of the command line, of these commands alone."""
    parser = _Parser(
        prog="mnet-cost",
        description="What a vision network costs: mult-adds, params, memory, time.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"mnet-cost {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name in names:
        import_module(f"mnet_cost.cli.{COMMANDS[name]}").add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    from mnet_cost.errors import MnetCostError

    given = sys.argv[1:] if arguments is None else arguments
    is_completed = "_ARGCOMPLETE" in os.environ  # a shell asks what a word may become
    # The others take as long to import and to declare as a small network to analyze.
    is_named = given and given[0] in COMMANDS and not is_completed
    parser = build_parser(given[:1] if is_named else COMMANDS)
    if is_completed:
        from mnet_cost.cli.completion import complete

        complete(parser)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:  # the command says so: its usage and its options are the way out
        asked = _commands(parser).get(options.command, parser)
        asked.error(f"unrecognized arguments: {' '.join(unknown)}")
    if options.command is None:
        parser.print_help()
        return 0
    try:
        status: int = options.run(options)
    except MnetCostError as error:
        from mnet_cost.cli.output import say

        say(error)
        return 2
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has seen enough
        return 0
    return status


def entry_point() -> None:
    """What the console script calls."""
    import gc

    from mnet_cost.escaping import PLAIN

    gc.disable()  # a short process: collecting what lives until the end only costs time
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)
    try:
        status = main()
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
