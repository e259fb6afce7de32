"""--watch: analyze again when a file changes, and say what moved.

Files are looked at three times a second: the spec, those that it extends, budgets, and device
profiles that are files. Errors of a spec that is being edited are said, and waiting goes on. Ctrl-C
ends it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    from mnet_cost.analysis import Analysis
    from mnet_cost.budgets.judgements import CheckResult
    from mnet_cost.errors import MnetCostError
    from mnet_cost.report import Report

INTERVAL_S = 0.3
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"
_NAMED = 4

Signature = dict[str, tuple[int, int, int] | None]
"""Time, size and number of each file; None where it is not there."""


class Watched(NamedTuple):
    """One run of a command: its report, and the analyses that are in it."""

    report: Report
    names: Sequence[str]
    """One for each analysis."""
    analyses: Sequence[Analysis]
    verdicts: CheckResult | None = None
    """What a check says, whose numbers are compared in the place of the analyses'."""
    write: Callable[[Report], None] | None = None
    """Writes the report, with what moved in it, for commands that do not only `emit` it."""


def add_watch_option(parser: argparse.ArgumentParser) -> None:
    """--watch, in a group of its own."""
    parser.add_argument_group("watching").add_argument(
        "--watch",
        action="store_true",
        help="run again when the spec, a file that it extends, budgets or a profile change, and "
        "say what moved; Ctrl-C ends it",
    )


def watch(
    options: argparse.Namespace, references: Sequence[str], run: Callable[[], Watched]
) -> NoReturn:
    """Show what `run` gives, and again after each change of a file that it reads.

    `references` are the networks that were asked for. Only Ctrl-C ends it. Raises `UsageError`
    where there is nothing to wait for, what the first run raises, unless the error is in a file
    that can be mended, and `OutputError` where a report cannot be written.
    """
    from mnet_cost.cli.output import emit, print_text, say
    from mnet_cost.errors import MnetCostError, OutputError

    _refuse_unwatchable(options, references)
    inputs = [*references, *options.device]
    files = _named_files(references, options.device)
    last: Watched | None = None
    while True:
        before = signature_of(files)
        try:
            now = run()
        except MnetCostError as error:
            read = _files_of_error(error)
            if isinstance(error, OutputError) or (
                last is None and not _can_be_mended(error, files)
            ):
                raise
            say(error)
        else:
            if _clears(options):
                print_text(_CLEAR)
            report = now.report if last is None else _with_moved(now, last)
            if now.write is not None:
                now.write(report)
            else:
                emit(report, options, inputs)
            last, read = now, _files_of(now)
        # What was read since is as it was before, as far as anybody knows.
        files |= read
        before = signature_of(files) | before
        say(f"waiting for changes of {_listed(files)}; Ctrl-C ends it")
        _wait_for_change(files, before)


def _wait_for_change(files: Iterable[str], before: Signature) -> None:
    """Wait until a file is another one than before, and has stayed so for a while: an editor may
    be writing it."""
    now = signature_of(files)
    while all(now[name] == before[name] for name in now):
        sleep(INTERVAL_S)
        now = signature_of(files)
    while True:
        sleep(INTERVAL_S)
        later = signature_of(files)
        if later == now:
            return
        now = later


def signature_of(files: Iterable[str]) -> Signature:
    """The state of files."""
    found: Signature = {}
    for name in sorted(files):
        try:
            state = os.stat(name)
        except (OSError, ValueError):
            found[name] = None
        else:
            found[name] = (state.st_mtime_ns, state.st_size, state.st_ino)
    return found


def _with_moved(now: Watched, last: Watched) -> Report:
    """The report with what moved above everything else."""
    if now.verdicts is not None and last.verdicts is not None:
        from mnet_cost.report.check_moved import check_moved_tables

        moved = check_moved_tables(last.verdicts, now.verdicts)
    else:
        from mnet_cost.report.moved import moved_tables

        moved = moved_tables(now.names, last.analyses, now.analyses)
    return now.report._replace(answer=(*moved, *now.report.answer))


def _refuse_unwatchable(options: argparse.Namespace, references: Iterable[str]) -> None:
    """`UsageError` for what does not change, or could not be read between two reports."""
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.models.library import is_revision

    for name in references:
        if name.partition("@")[0].partition(":")[0] == "-":
            raise UsageError("`--watch` needs a file: stdin is read once")
        if is_revision(name):
            raise UsageError(f"`--watch` needs a file: `{name}` is a revision, which never changes")
    if options.format not in (None, "text") and options.output in (None, "-"):
        hint = "name a file by -o, which is written anew after each change"
        raise UsageError(Problem(f"`--watch` prints text, not {options.format}", hint=hint))


def _clears(options: argparse.Namespace) -> bool:
    """Whether the report takes the place of the last one on a screen."""
    from mnet_cost.cli.output import on_terminal

    return options.output in (None, "-") and on_terminal()


def _named_files(references: Iterable[str], devices: Iterable[str]) -> set[str]:
    """The files that the command line names."""
    from mnet_cost.devices.load import is_device_path
    from mnet_cost.models.library import is_path, split_reference

    names = [split_reference(reference)[0] for reference in references]
    return {*filter(is_path, names), *filter(is_device_path, devices)}


def _can_be_mended(error: MnetCostError, files: Iterable[str]) -> bool:
    """Whether an error is in a file, or of one that is there, and not in the command line."""
    from mnet_cost.errors import UsageError

    if _files_of_error(error):
        return True
    return not isinstance(error, UsageError) and any(signature_of(files).values())


def _files_of(run: Watched) -> set[str]:
    """The files of specs, those that they extend, and those of budgets and devices."""
    specs = [analysis.network.spec for analysis in run.analyses]
    devices = [estimate.device for analysis in run.analyses for estimate in analysis.devices]
    files = set()
    for each in run.verdicts.judgements if run.verdicts is not None else ():
        specs.append(each.spec)
        devices += each.budget.devices
        if each.budget.node is not None:
            files.add(each.budget.node.source.path)
    for spec in specs:
        files.add(spec.path)
        if spec.extension is not None:
            files |= {source.path for source in spec.extension.named}
    files |= {device.path for device in devices}
    return set(filter(os.path.exists, files))


def _files_of_error(error: MnetCostError) -> set[str]:
    """The files in which an error is."""
    spans = [problem.span for problem in error.problems if problem.span is not None]
    return {span.source.path for span in spans if span.source.is_file}


def _listed(files: Iterable[str]) -> str:
    """Some names of files; those of the user's first."""
    from mnet_cost.shipped import specs_folder

    own = [name for name in sorted(files) if specs_folder() not in Path(name).resolve().parents]
    names = own or sorted(files)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
