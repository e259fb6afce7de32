"""Where reports go: to stdout, or to a file that is written whole or not at all. And words, to
stderr."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from mnet_cost.errors import MnetCostError, OutputError, Problem, one_of
from mnet_cost.escaping import printable
from mnet_cost.paths import naming, same_file, write_whole

if TYPE_CHECKING:
    from mnet_cost.report import Report

_NARROWEST = 60


def emit(report: Report, options: argparse.Namespace, inputs: Iterable[str] = ()) -> None:
    """Print `report`, or write it to the file that -o names, which is none of `inputs`."""
    from mnet_cost.report import render

    target: str | None = options.output
    if target is None or target == "-":
        form = options.format or "text"
        encoding = encoding_of(sys.stdout)
        print_text(render(report, form, terminal_width(), wants_color(), encoding, options.notes))
        return
    refuse_inputs(target, inputs)
    form = options.format or _form_of(target)
    write_whole(target, render(report, form, None, notes=options.notes))


def refuse_inputs(target: str, inputs: Iterable[str]) -> None:
    """`OutputError` for a file to write that the command reads."""
    if any(target and same_file(target, name) for name in inputs):
        raise OutputError(f"{target}: is read by this command: choose another file")


def refuse_same(output: str | None, record: str) -> None:
    """`OutputError` where the report and the record would be one file: one would be lost."""
    if output is not None and same_file(output, record):
        raise OutputError(f"{record}: is for the record and for the output: choose two files")


def _form_of(target: str) -> str:
    """The format that a file's ending stands for; `OutputError` for one of something else."""
    from mnet_cost.report import FORMATS

    ending = Path(target).suffix.lower()
    for form, endings in FORMATS.items():
        if ending in endings:
            return form
    known = [ending for endings in FORMATS.values() for ending in endings if ending]
    hint = f"an ending is {one_of(known)}; any other one needs --format"
    raise OutputError(Problem(f"{target}: no report is written as `{ending}`", hint=hint))


def print_text(text: str) -> None:
    """Write `text` to stdout; `OutputError` where that is impossible, a closed pipe apart."""
    if sys.stdout is None:
        raise OutputError("stdout is closed")
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as reason:
        why = (reason.strerror or str(reason)).lower()
        raise OutputError(f"stdout: cannot be written: {why}") from None


def say(said: str | Problem | MnetCostError, about: str = "") -> None:
    """Say something on stderr after `mnet-cost: ` and `about`: a text on one line, whatever is in
    it; a problem or an error with its own lines."""
    if isinstance(said, Problem):
        shown = said.render()
    else:
        shown = printable(said) if isinstance(said, str) else str(said)
    print(f"mnet-cost: {about}{shown}", file=sys.stderr)


def encoding_of(stream: TextIO | None) -> str:
    """The encoding of a stream; UTF-8 for one that takes any character."""
    return getattr(stream, "encoding", None) or "utf-8"


def terminal_width() -> int | None:
    """Columns to fill: what COLUMNS says, or those of the terminal; None for a pipe or a file,
    which takes lines of any length."""
    columns = os.environ.get("COLUMNS", "")
    if not (columns.isdecimal() and int(columns)) and not on_terminal():
        return None
    return max(_NARROWEST, shutil.get_terminal_size((100, 24)).columns)


def on_terminal() -> bool:
    """Whether somebody sees stdout as it is written."""
    return sys.stdout is not None and sys.stdout.isatty()


def wants_color() -> bool:
    """Whether stdout is a terminal that shows colours, and nobody objects (NO_COLOR)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return on_terminal()


def write_new(target: str, text: str) -> None:
    """Write a file that is not there yet; `OutputError` where it is, or cannot be written."""
    with naming(target, "cannot be written", shown="-o"):
        try:
            with open(target, "x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            hint = "choose another name, or remove the file"
            raise OutputError(Problem(f"{target}: is there already", hint=hint)) from None


def append_text(target: str, text: str) -> None:
    """Add text to the end of a file; `OutputError` where that is impossible."""
    with naming(target, "cannot be written"), open(target, "ab") as file:
        file.write(text.encode("utf-8", "backslashreplace"))
