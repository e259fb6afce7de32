"""Errors that show the user's own line.

    MnetCostError            something the user can mend; the command line exits with 2
    ├── SpecError            a model file says something it cannot mean
    ├── DeviceError          a device profile does
    ├── PaperError           a file of printed tables does
    ├── MeasurementError     a file of measured times does
    ├── BudgetError          a budget does, or cannot be checked
    ├── ModelReferenceError  a model, variant, knob or layer that is not there
    ├── UsageError           an option, a setting or a combination of them that cannot be
    ├── UnitError            text that is not a quantity of the unit asked for
    ├── MissingPackageError  an optional package that a command needs is not installed
    └── OutputError          a result that could not be written

One error carries every problem found, not only the first. The library raises and never prints.
"""

from __future__ import annotations

import heapq
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar, NamedTuple, Self

from mnet_cost.escaping import is_visible, printable

MAX_PROBLEMS = 100
"""Problems that one error shows at most."""

_WIDEST_LINE = 110
_KEPT_BEFORE_CARET = 60
_LONGEST_MESSAGE = 1000
_LONGEST_NAME = 80
_SHORTEST_START = 3  # characters: what begins with fewer is not meant
_MOST_MEANT = 3
_MOST_CANDIDATES = 500
_MOST_COMPARED = 30_000
_WORD_START, _WORD_END = re.compile(r"\w+"), re.compile(r"\w+\Z")
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # those of YAML


class Source:
    """The text of one file, kept so that errors can quote it.

    `is_file` says whether `path` leads to it: text from stdin only has a name.
    """

    __slots__ = ("_lines", "is_file", "path", "text")

    def __init__(self, path: str, text: str, is_file: bool = False) -> None:
        self.path = path
        self.text = text
        self.is_file = is_file
        self._lines: list[str] | None = None

    def lines(self) -> list[str]:
        """All lines, without their line breaks."""
        if self._lines is None:
            self._lines = _LINE_BREAK.split(self.text)
        return self._lines

    def line(self, number: int) -> str:
        """Line `number`, counted from 1, without its line break; empty past the end."""
        lines = self.lines()
        return lines[number - 1] if 0 < number <= len(lines) else ""


class Span(NamedTuple):
    """A part of one line of a source. Line and columns count from 1; `end` is exclusive."""

    source: Source
    line: int
    column: int
    end: int

    def __str__(self) -> str:
        return f"{self.source.path}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """One thing that is wrong: a message, its place, a hint, and the calls that led there."""

    message: str
    span: Span | None = None
    hint: str | None = None
    trail: tuple[str, ...] = ()

    def render(self) -> str:
        """The problem as lines of text: place and message, the line with a caret, trail, hint."""
        place = f"{self.span}: " if self.span else ""
        lines = [printable(f"{place}{_shortened(self.message)}")]
        if self.span:
            lines += _quote(self.span)
        lines += [printable(f"      {_shortened(step)}") for step in self.trail]
        if self.hint:
            lines.append(printable(f"hint: {_shortened(self.hint)}"))
        return "\n".join(lines)


class TooManyProblemsError(Exception):
    """A `ProblemList` is full: the code that fills it stops and raises the problems so far."""


class ProblemList(list[Problem]):
    """Problems so far, at most `MAX_PROBLEMS`, since a hostile file can have millions.

    Adding one more raises `TooManyProblemsError`.
    """

    def append(self, problem: Problem) -> None:
        """Add a problem."""
        if len(self) >= MAX_PROBLEMS:
            super().append(Problem(f"more than {MAX_PROBLEMS} problems: the rest is not shown"))
            raise TooManyProblemsError
        super().append(problem)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add problems, one after another."""
        for problem in problems:
            self.append(problem)

    def __iadd__(self, problems: Iterable[Problem]) -> Self:  # type: ignore[override, misc]
        self.extend(problems)
        return self


def first_warnings(warnings: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each of `warnings` once, at most `MAX_PROBLEMS`, and then a warning that there are more."""
    shown: dict[Problem, None] = {}
    for warning in warnings:
        if warning not in shown and len(shown) == MAX_PROBLEMS:
            shown[Problem(f"more than {MAX_PROBLEMS} warnings: the rest is not shown")] = None
            break
        shown[warning] = None
    return tuple(shown)


class MnetCostError(Exception):
    """Base of all errors that a user can mend."""

    names_lookalikes: ClassVar[bool] = True
    """Whether a problem marks code, so that a character in it that looks like another one is the
    cause of the problem."""

    def __init__(self, problems: Problem | str | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        bounded = ProblemList()
        with suppress(TooManyProblemsError):
            bounded += (problems,) if isinstance(problems, Problem) else problems
        shown = map(_caused, bounded) if self.names_lookalikes else bounded
        self.problems: tuple[Problem, ...] = tuple(dict.fromkeys(shown))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n\n".join(problem.render() for problem in self.problems)


class SpecError(MnetCostError):
    """A model file says something it cannot mean."""


class DeviceError(MnetCostError):
    """A device profile says something it cannot mean, or is not there."""


class PaperError(MnetCostError):
    """A file of printed tables says something it cannot mean, or a paper or table is not there."""


class MeasurementError(MnetCostError):
    """A file of measured times says something it cannot mean, or too little to be fitted."""

    names_lookalikes = False  # its problems mark whole rows, with the words of their sources


class BudgetError(MnetCostError):
    """A budget says something it cannot mean, or is of a network that is not there."""


class ModelReferenceError(MnetCostError):
    """A model, variant, knob or layer that is not there, or a reference that names none."""


class ModelFileError(MnetCostError):
    """A model file of another tool, or a model in another form, that cannot be imported."""


class UsageError(MnetCostError):
    """What is asked for cannot be done: an unknown option or setting, a value that is out of its
    range, or settings that exclude each other."""


class UnitError(MnetCostError):
    """Text that is not a quantity of the unit asked for."""


class MissingPackageError(MnetCostError):
    """A package that only some commands need is not installed."""


class OutputError(MnetCostError):
    """A result that could not be written."""


def _caused(problem: Problem) -> Problem:
    """`problem`, or the problem of a character in the marked text that looks like another one."""
    span = problem.span
    if span is None:
        return problem
    line = span.source.line(span.line)
    first, last = span.column - 1, span.end - 1
    # The word around tells more. Names are short, and a line may be a megabyte.
    before = _WORD_END.search(line, max(0, first - _LONGEST_NAME), first)
    after = _WORD_START.match(line, last, last + _LONGEST_NAME)
    start = before.start() if before and _WORD_START.match(line, first) else first
    end = after.end() if after and _WORD_START.match(line, last - 1, last) else last
    text = line[start:end]
    if text.isascii():
        return problem
    from mnet_cost.lookalikes import lookalike

    cause = lookalike(text)
    if cause is None:
        return problem
    column = start + 1 + cause.offset
    span = Span(span.source, span.line, column, column + 1)
    return Problem(cause.message, span, cause.hint, problem.trail)


def did_you_mean(
    name: str, candidates: Iterable[str], other_names: Mapping[str, str] | None = None
) -> str | None:
    """A hint with the candidates that `name` may stand for (`meant_names`), or None."""
    names = meant_names(name, candidates, other_names)
    return f"did you mean {one_of(names)}?" if names else None


def meant_names(
    name: str, candidates: Iterable[str], other_names: Mapping[str, str] | None = None
) -> list[str]:
    """The candidates that `name` may stand for, the likeliest first; empty where none is close.

    Tried in this order: one that differs only in capitals and separators; that of `other_names`, a
    mapping whose keys have neither; candidates that begin with `name`; one of similar spelling.
    """
    if not 0 < len(name) <= _LONGEST_NAME:
        return []
    words = list(dict.fromkeys(candidates))
    bare = _bare(name)
    same = [word for word in words if _bare(word) == bare]
    if same:
        return same[:1]
    if other_names and other_names.get(bare) in words:
        return [other_names[bare]]
    if len(name) >= _SHORTEST_START:
        starting = heapq.nsmallest(_MOST_MEANT, (word for word in words if word.startswith(name)))
        if starting:
            return starting
    return _closest(name, words)


def _bare(name: str) -> str:
    """A name in small letters and without separators."""
    return "".join(filter(str.isalnum, name)).lower()


def _closest(name: str, words: list[str]) -> list[str]:
    from difflib import get_close_matches  # only errors need it

    # To compare two names takes the product of their lengths: few of the longest are compared.
    most = min(_MOST_CANDIDATES, _MOST_COMPARED // len(name) ** 2)
    lengths = range(len(name) // 2, 2 * len(name) + 3)  # others cannot be close
    some = heapq.nsmallest(most, (word for word in words if len(word) in lengths))
    close = get_close_matches(name.casefold(), [word.casefold() for word in some], 1, 0.6)
    alike = [word for word in some if close and word.casefold() == close[0]]
    return get_close_matches(name, alike, 1, 0.0)


def one_of(names: Sequence[str]) -> str:
    """`a`, `b` or `c`."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 3] + "..."


def _quote(span: Span) -> list[str]:
    line = span.source.line(span.line)
    start, end = span.column - 1, max(span.end - 1, span.column)
    if len(line) > _WIDEST_LINE:
        cut = max(0, start - _KEPT_BEFORE_CARET)
        line = ("..." if cut else "") + line[cut : cut + _WIDEST_LINE]
        shift = cut - (3 if cut else 0)
        start, end = start - shift, min(end - shift, len(line))
    # Every invisible character becomes one blank: the columns below must still fit.
    line = "".join(c if is_visible(c) else " " for c in line).rstrip()
    carets = max(1, _width(line[start:end]))
    gutter = f"{span.line:>5} | "
    pointer = " " * (len(gutter) - 2) + "| " + " " * _width(line[:start]) + "^" * carets
    return [gutter + line, pointer]
