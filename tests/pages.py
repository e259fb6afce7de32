"""Pages of the documentation whose blocks are run: what a block shows is what it gives.

A page is Markdown. Its blocks are run in order, in a folder of their own in which `specs` and
`benchmarks` are those of the checkout:

- a fence with the word `console` holds commands after `$ `, each followed by what it prints, on
  stdout and then stderr. After `<!-- lines: N -->` the first N lines are shown, and `...`;
- `pycon` holds a Python session. All sessions and `python` blocks of a page share their names;
- a fence with a file name (`:caption: NAME`, or the second word of the fence) is that file; with
  `:caption: NAME, at the end` it is added to the file. It is written, not run.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import partial
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from mnet_cost.cli import main

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

_FENCE = re.compile(
    r"^(?:<!-- lines: (?P<lines>\d+) -->\n)?(?P<open>(?P<fence>`{3,})(?P<info>[^`\n]*)\n)"
    r"(?P<body>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_OPTION = re.compile(r":(\w+):[ ]*([^\n]*)\n")
_NEEDED = {"export": "torch", "train": "torch", "calibrate": "numpy", "fit": "numpy"}
"""Commands that need an optional package: without it their blocks are left as they are."""


class Block(NamedTuple):
    """A fence: the words after it, what is in it, and how many lines of output are shown."""

    words: tuple[str, ...]
    body: str
    lines: int | None
    start: int
    """Where the body begins in the text of the page."""

    @property
    def language(self) -> str:
        """`console` for ```` ```console ```` and for ```` ```{code-block} console ````."""
        words = [word for word in self.words if not word.startswith("{")]
        return words[0] if words else ""

    @property
    def file_name(self) -> str | None:
        """The file that the block is, or None."""
        caption = dict(_OPTION.findall(self.body)).get("caption")
        if not self.words[0].startswith("{"):
            return self.words[1] if len(self.words) > 1 else None
        return caption if self.words[0] == "{code-block}" else None

    @property
    def content(self) -> str:
        """The body without the options of a directive."""
        head = re.match(rf"(?:{_OPTION.pattern})+\n?", self.body)
        return self.body[head.end() :] if head and self.words[0] == "{code-block}" else self.body


def pages() -> tuple[Path, ...]:
    """README and whatever is in `docs/`, what is generated apart."""
    found = [path for path in sorted(DOCS.rglob("*.md")) if "generated" not in path.parts]
    return (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *found)


def blocks_of(text: str) -> Iterator[Block]:
    """The fences of a page, in order."""
    for match in _FENCE.finditer(text):
        words = tuple(match["info"].split()) or ("",)
        lines = int(match["lines"]) if match["lines"] else None
        yield Block(words, match["body"], lines, match.start("body"))


def commands_of(block: Block) -> list[str]:
    """What stands after `$ ` in a block; in `sh` every line that is a command of ours."""
    if block.language == "sh":
        return [line for line in block.content.splitlines() if line.startswith("mnet-cost ")]
    return re.findall(r"^\$ (mnet-cost [^\n]*)$", block.content, re.MULTILINE)


def fresh_text(text: str, folder: Path) -> str:
    """A page as it is when all of its blocks are run in `folder`.

    A page that says `<!-- needs: torch -->` stays as it is where that package is not installed.
    """
    packages = re.findall(r"^<!-- needs: (\w+) -->$", text, re.MULTILINE)
    if any(find_spec(package) is None for package in packages):
        return text
    for name in ("specs", "benchmarks"):
        os.symlink(ROOT / name, folder / name)
    names: dict[str, Any] = {"__name__": "__main__"}
    parts, end = [], 0
    with chdir(folder):
        for block in blocks_of(text):
            parts += [text[end : block.start], _fresh(block, folder, names)]
            end = block.start + len(block.body)
    return "".join([*parts, text[end:]])


def _fresh(block: Block, folder: Path, names: dict[str, Any]) -> str:
    if block.language == "console":
        return _console(block, folder)
    if block.language == "pycon":
        return _session(block, folder, names)
    if block.file_name is not None:
        name, comma, _ = block.file_name.partition(", at the end")
        with (folder / name).open("a" if comma else "w", encoding="utf-8") as file:
            file.write(block.content)
    elif block.language == "python":
        exec(compile(block.content, "<page>", "exec"), names)
    return block.body


def _console(block: Block, folder: Path) -> str:
    head, *runs = re.split(r"^\$ ", block.body, flags=re.MULTILINE)
    parts = [head]
    for run in runs:
        command, _, shown = run.partition("\n")
        words = shlex.split(command, comments=True)
        needed = _NEEDED.get(words[1]) if words[0] == "mnet-cost" else None
        if needed is None or find_spec(needed) is not None:
            shown = _first_lines(_without_places(output_of(command), folder), block.lines)
        parts.append(f"$ {command}\n{shown}")
    return "".join(parts)


def _first_lines(text: str, count: int | None) -> str:
    lines = text.splitlines(keepends=True)
    return text if count is None or len(lines) <= count else "".join(lines[:count]) + "...\n"


def _without_places(text: str, folder: Path) -> str:
    """Paths below the folder and the checkout as from there on."""
    return text.replace(f"{folder}/", "").replace(f"{ROOT}/", "")


def output_of(command: str) -> str:
    """What a command prints: one of ours in this process, anything else by a shell."""
    if not re.search(r"[|<>;&$]", command) and command.startswith("mnet-cost "):
        return _captured(lambda: main(shlex.split(command)[1:]))
    program = (
        f'mnet-cost() {{ {shlex.quote(sys.executable)} -m mnet_cost "$@"; }}\nexport -f mnet-cost\n'
    )
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        ["bash", "-c", program + command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    return done.stdout + done.stderr


def _captured(call: Callable[[], object]) -> str:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        call()
    return out.getvalue() + err.getvalue()


def _session(block: Block, folder: Path, names: dict[str, Any]) -> str:
    parts = []
    for example in doctest.DocTestParser().get_examples(block.content):
        lines = example.source.splitlines()
        parts += [f"{'... ' if i else '>>> '}{line}".rstrip() for i, line in enumerate(lines)]
        code = compile(example.source, "<page>", "single")
        parts += _without_places(_captured(partial(_run, code, names)), folder).splitlines()
    return "\n".join(parts) + "\n"


def _run(code: Any, names: dict[str, Any]) -> None:
    try:
        exec(code, names)
    except Exception as error:  # a session shows it, as Python does
        print(f"Traceback (most recent call last):\n  ...\n{type(error).__name__}: {error}")
