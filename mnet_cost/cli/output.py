"""Where reports go: to stdout, or to a file that is written whole or not at all."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mnet_cost.errors import OutputError

if TYPE_CHECKING:
    from mnet_cost.report import Report

_ENDINGS = {
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
}
_FILE_WIDTH = 120
_NARROWEST = 60


def emit(report: Report, options: argparse.Namespace) -> None:
    """Print `report`, or write it to the file that -o names."""
    from mnet_cost.report import render

    target: str | None = options.output
    form = options.format or (
        _ENDINGS.get(Path(target).suffix.lower(), "text") if target else "text"
    )
    if target:
        write_whole(target, render(report, form, _FILE_WIDTH))
        return
    text = render(report, form, terminal_width(), wants_color())
    sys.stdout.write(text)
    sys.stdout.flush()


def print_text(text: str) -> None:
    """Print a text that is no report."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def terminal_width() -> int:
    """Columns to fill: of the terminal, or what COLUMNS says; 100 where neither is known."""
    return max(_NARROWEST, shutil.get_terminal_size((100, 24)).columns)


def wants_color() -> bool:
    """Whether stdout is a terminal that shows colours, and nobody objects (NO_COLOR)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def write_whole(target: str, text: str) -> None:
    """Write a file so that it is never there half: `OutputError` where that is impossible."""
    path = Path(target)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "is a directory")
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(path)
    except OSError as reason:
        draft.unlink(missing_ok=True) if draft.parent.is_dir() else None
        why = (reason.strerror or str(reason)).lower()
        raise OutputError(f"{target}: cannot be written: {why}") from None
