"""The picture of a report in the README: what a command prints, as SVG for light and dark pages.

`python docs/picture.py` writes both files; a test holds their text to what the command prints.
"""

from __future__ import annotations

import os
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, DIMMED_MONOKAI, TerminalTheme
from rich.text import Text

from mnet_cost.cli import main

COMMAND = "mnet-cost analyze mobilenet_v1 --alpha 0.5"
WIDTH = 100
FOLDER = Path(__file__).resolve().parent
THEMES: dict[str, TerminalTheme] = {"light": DEFAULT_TERMINAL_THEME, "dark": DIMMED_MONOKAI}


class _Terminal(StringIO):
    """A stream that takes colours."""

    def isatty(self) -> bool:
        return True


def report() -> str:
    """What the command prints in a terminal that is `WIDTH` columns wide, with ANSI colours."""
    out = _Terminal()
    kept = dict(os.environ)
    os.environ.pop("NO_COLOR", None)
    os.environ |= {"COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    try:
        with redirect_stdout(out):
            status = main(shlex.split(COMMAND)[1:])
    finally:
        os.environ.clear()
        os.environ |= kept
    assert status == 0
    return out.getvalue()


def picture(theme: TerminalTheme) -> str:
    """The report as SVG."""
    console = Console(record=True, width=WIDTH, file=StringIO(), legacy_windows=False)
    console.print(Text.from_ansi(report()), end="")
    svg = console.export_svg(title=COMMAND, theme=theme, unique_id="report")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


if __name__ == "__main__":
    for name, theme in THEMES.items():
        (FOLDER / f"picture-{name}.svg").write_text(picture(theme), encoding="utf-8")
