"""YAML text to nodes that know where they were written.

Reads libyaml's events, because its composer and loader end the process on some 30 kB of nested
brackets. Scalars follow the YAML 1.2 core schema. Anchors, aliases, tags, merge keys, several
documents and duplicate keys are refused with a hint; size and depth are bounded. All problems
of a text are raised at once. Not here: what the values mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from mnet_cost.errors import (
    MnetCostError,
    Problem,
    ProblemList,
    Source,
    Span,
    SpecError,
    TooManyProblemsError,
)
from mnet_cost.files import open_file
from mnet_cost.paths import naming

MAX_BYTES = 16 * 2**20
MAX_DEPTH = 64
MAX_DIGITS = 30
_MAX_NUMBER_TEXT = 100

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_OTHER_BASE = re.compile(r"0(o[0-7]+|x[0-9a-fA-F]+)\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NUMBER_START = frozenset("0123456789-+.")
_YAML_TAG = "tag:yaml.org,2002:"
NO_KEYS: dict[str, Any] = {}  # shared by all scalars and lists; never written to


class Node:
    """One value of a YAML text and where it stands.

    `value` is None, bool, int, float or str for a scalar, a list of nodes for a sequence, a
    dict from text to node for a mapping; `keys` holds a mapping's key nodes. `line` and
    `column` count from 1, `end` is the column after a scalar. `quoted`: the text starts one
    column further, after the quote.
    """

    __slots__ = ("_start", "_stop", "keys", "quoted", "source", "value")

    def __init__(
        self, value: Any, source: Source, start: Any, stop: Any, quoted: bool = False
    ) -> None:
        self.value = value
        self.source = source
        self._start = start  # the parser's marks: turned into numbers only when asked for
        self._stop = stop
        self.quoted = quoted
        self.keys: dict[str, Node] = NO_KEYS

    @property
    def line(self) -> int:
        return int(self._start.line) + 1

    @property
    def column(self) -> int:
        return int(self._start.column) + 1

    @property
    def end(self) -> int:
        one_line = self._stop.line == self._start.line and not isinstance(self.value, (dict, list))
        return max(int(self._stop.column) + 1 if one_line else 0, self.column + 1)

    @property
    def extent(self) -> tuple[int, int]:
        """Where it starts and stops in the text of its source, with its quotes."""
        return int(self._start.index), int(self._stop.index)

    @property
    def text(self) -> str:
        """A scalar as it is written, without quotes: 70.0 stays `70.0`."""
        if isinstance(self.value, str):
            return self.value
        return self.source.text[self._start.index : self._stop.index]

    def span(self) -> Span:
        """The place in the text that an error underlines."""
        return Span(self.source, self.line, self.column, self.end)

    def line_in(self, source: Source) -> str:
        """Its line as a text about `source` names it: `line 3`, and of which file if of another."""
        return f"line {self.line}" + ("" if self.source is source else f" of {self.source.path}")

    def plain(self) -> Any:
        """The value as plain Python data, without places."""
        value = self.value
        if isinstance(value, dict):
            return {key: node.plain() for key, node in value.items()}
        return [node.plain() for node in value] if isinstance(value, list) else value

    def like(self, value: Any) -> Node:
        """A node with another value at the same place."""
        return Node(value, self.source, self._start, self._stop, self.quoted)


def read_text(
    path: str, error: type[MnetCostError] = SpecError, most_bytes: int = MAX_BYTES
) -> Source:
    """The UTF-8 text of the file at `path`.

    Raises `error` where it cannot be read, is larger than `most_bytes` or is not UTF-8.
    """
    with naming(path, "cannot be read", error), open_file(path) as file:
        data = file.read(most_bytes + 1)
    source = text_of(data, path, error, most_bytes)
    source.is_file = True
    return source


def text_of(
    data: bytes, path: str, error: type[MnetCostError] = SpecError, most_bytes: int = MAX_BYTES
) -> Source:
    """The text of `data`, which was read from `path`.

    Raises `error` where it is larger than `most_bytes` or is not UTF-8.
    """
    if len(data) > most_bytes:
        raise error(f"{path}: is larger than {most_bytes // 2**20} MiB, which is the limit")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        line = data.count(b"\n", 0, reason.start) + 1
        byte = data[reason.start]
        raise error(
            Problem(
                f"{path}:{line}: is not UTF-8 text: byte 0x{byte:02x}",
                hint="save the file with the encoding UTF-8",
            )
        ) from None
    return Source(path, text)


def read_yaml(path: str, error: type[MnetCostError] = SpecError) -> Node:
    """The root node of a YAML file; raises `error` with every problem found."""
    return parse_yaml(read_text(path, error), error)


def parse_yaml(source: Source, error: type[MnetCostError] = SpecError) -> Node:
    """The root node of a YAML text; raises `error` with every problem found."""
    reader = _Reader(source)
    root = None
    with suppress(TooManyProblemsError):
        try:
            root = reader.read()
        except yaml.MarkedYAMLError as reason:
            reader.problems.append(_syntax_problem(source, reason))
        except (yaml.reader.ReaderError, UnicodeEncodeError):
            reader.problems.append(_character_problem(source))
    if reader.problems:
        raise error(reader.problems)
    if root is None:
        raise error(f"{source.path}: is empty")
    return root


def _character_problem(source: Source) -> Problem:
    """The first character that YAML does not allow; parsers count to it in different units."""
    match = _NOT_YAML.search(source.text)
    if match is None:
        return Problem(f"{source.path}: has a character that cannot stand in YAML")
    breaks = list(_LINE_BREAK.finditer(source.text, 0, match.start()))
    column = match.start() - (breaks[-1].end() if breaks else 0) + 1
    return Problem(
        f"the character U+{ord(match[0]):04X} cannot stand in YAML",
        Span(source, len(breaks) + 1, column, column + 1),
    )


def parse_scalar(text: str) -> Any:
    """A plain scalar's value by the core schema; `ValueError` says what is refused and why."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    if _INTEGER.match(text):
        digits = text.lstrip("+-")
        if len(digits) > 1 and digits[0] == "0":
            short = digits.lstrip("0") or "0"
            octal = "" if set(short) & {"8", "9"} else f", or 0o{short} for an octal number"
            raise ValueError(f"`{text}` starts with 0: write {short}{octal}")
        if len(digits) > MAX_DIGITS:
            raise ValueError(f"a number of {len(digits)} digits is too long")
        return int(text)
    if _FLOAT.match(text):
        if len(text) > _MAX_NUMBER_TEXT:
            raise ValueError(f"a number of {len(text)} characters is too long")
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise ValueError(f"`{text}` is too large for a number")
        return value
    if _OTHER_BASE.match(text):
        if len(text) > MAX_DIGITS:
            raise ValueError(f"a number of {len(text) - 2} digits is too long")
        return int(text, 0)
    if _NOT_FINITE.match(text):
        raise ValueError(f"`{text}` is not a finite number")
    return text


def _events(text: str) -> Callable[[], Any]:
    """A function that gives the next event: libyaml's where it is there, else PyYAML's own."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:
        events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        return lambda: next(events)
    get_event: Callable[[], Any] = CParser(text).get_event
    return get_event


_PARENTHESES = re.compile(r"\([^()\n]*(\([^()\n]*\)[^()\n]*)*\)(?=\s*[,}\]])")
"""Parentheses up to the end of a value, with calls of functions in them."""


_LONGEST_LIST = 200
"""Most characters of a list in a hint: it may be nested as deep as it is long."""


def tuple_as_list(text: str) -> str | None:
    """`[3, 5]` for the tuple `(3, 5)`, also for nested tuples; None for a text that is no tuple."""
    inside = text.strip()
    if not (inside.startswith("(") and inside.endswith(")")) or len(inside) > _LONGEST_LIST:
        return None
    depth, start, parts = 0, 1, []
    for place, character in enumerate(inside):
        depth += (character == "(") - (character == ")")
        if depth == 0 and place < len(inside) - 1:
            return None
        if character == "," and depth == 1:
            parts.append(inside[start:place])
            start = place + 1
    if not parts:
        return None
    last = inside[start:-1].rstrip()
    parts += [last] if last else []
    listed = ",".join(_with_blanks_before(part, tuple_as_list(part)) for part in parts).strip()
    return f"[{listed}]" if listed else None


def _with_blanks_before(part: str, listed: str | None) -> str:
    return part if listed is None else part[: len(part) - len(part.lstrip())] + listed


class _Reader:
    """One pass over the events with an explicit stack."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = ProblemList()
        self.cut = 0  # parentheses that a comma left open
        self.listed = 0  # where the last list of another language ends, whose parts are no news

    def problem(
        self, message: str, event: Any, hint: str | None = None, length: int | None = None
    ) -> None:
        last = self.problems[-1] if self.problems else None
        span = Node(None, self.source, event.start_mark, event.end_mark).span()
        if length:
            span = span._replace(end=span.column + length)
        if not (last and last.span and (last.message, last.span.line) == (message, span.line)):
            self.problems.append(Problem(message, span, hint))

    def read(self) -> Node | None:
        """The root node, or None for a text without one; fills `problems`."""
        source = self.source
        next_event = _events(source.text)
        stack: list[tuple[Node, str | None, bool]] = []  # what was open around the open node
        root: Node | None = None
        node = Node(None, source, None, None)  # the open collection; at the top there is none
        key: str | None = None  # the key of the open mapping that waits for its value
        in_flow = False  # inside { } or [ ]
        documents = 0
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                plain = event.implicit[0]
                text = event.value
                new = Node(text, source, event.start_mark, event.end_mark, not plain)
                if event.tag is not None or event.anchor is not None:
                    self._refuse_properties(event)
                if in_flow and plain and text.count("(") != text.count(")"):
                    if self._cut_by_comma(event, text):
                        if key is None and type(node.value) is dict:
                            key = text  # what follows is not the user's, either
                        continue
                elif key is None and type(node.value) is dict:
                    pass  # a key is the text as written
                elif plain and (not text or text[0] in _NUMBER_START or text in _WORDS):
                    try:
                        new.value = parse_scalar(text)
                    except ValueError as reason:
                        self.problem(str(reason), event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                new = Node([], source, event.start_mark, event.end_mark)
                if kind is MappingStartEvent:
                    new.value, new.keys = {}, {}
                if event.tag is not None or event.anchor is not None:
                    self._refuse_properties(event)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                node, key, in_flow = stack.pop()
                continue
            elif kind is AliasEvent:
                self.problem(
                    f"`*{event.anchor}` is a YAML alias, which a spec cannot use",
                    event,
                    "for a product put the star between two factors: `8 * alpha`; "
                    "for reuse write a block or `let`",
                )
                new = Node(None, source, event.start_mark, event.end_mark)
                if key is None and type(node.value) is dict:
                    key = ""  # a problem is enough: it is not one of the form of a key, too
                    continue
            elif kind is DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self.problem("a file holds one document: `---` starts a second one", event)
                    return None
                continue
            elif kind is StreamEndEvent:
                return root if root is None or root.value is not None else None
            else:
                continue

            container = node.value
            if type(container) is dict:
                if key is None:
                    key = self._key(event, new, node)
                    if kind is ScalarEvent:
                        continue
                else:
                    container.setdefault(key, new)
                    key = None
            elif type(container) is list:
                container.append(new)
            else:
                root = new
            if kind is MappingStartEvent or kind is SequenceStartEvent:
                if len(stack) == MAX_DEPTH:
                    self.problem(f"more than {MAX_DEPTH} levels of nesting", event)
                    return None
                stack.append((node, key, in_flow))
                node, key, in_flow = new, None, bool(event.flow_style)

    def _key(self, event: Any, new: Node, mapping: Node) -> str:
        text: str = new.value if type(new.value) is str else ""
        if type(event) is not ScalarEvent:
            self.problem("a key must be a word, not a list or mapping", event)
        elif text in mapping.keys:
            line = mapping.keys[text].line
            self.problem(f"`{text}` is already set at line {line}", event)
        elif text == "<<" and not new.quoted:
            self.problem("merge keys (`<<`) cannot be used; write a block or `let`", event)
        elif not text:
            self.problem("a key is missing before the colon", event)
        else:
            mapping.keys[text] = new
        return text

    def _cut_by_comma(self, event: Any, text: str) -> bool:
        """Report an expression that a comma cut in two; whether this is the second part."""
        if event.start_mark.index < self.listed:
            return True
        missing = text.count("(") - text.count(")")
        if missing > 0:
            whole = _PARENTHESES.match(self.source.text, event.start_mark.index)
            listed = tuple_as_list(whole[0]) if whole else None
            if whole and listed:
                message = f"`{whole[0]}` is not a list: a list is written in square brackets"
                self.problem(message, event, f"write `{listed}`", len(whole[0]))
                self.listed = whole.end()
                return False
            self.cut += missing
            self.problem(
                f"`{text}` leaves a parenthesis open: inside {{}} and [] a comma ends the value",
                event,
                'put the whole expression in quotes: "max(a, b)"',
            )
            return False
        if self.cut == 0:
            self.problem(
                f"`{text}` closes a parenthesis that is not open", event, "put a text in quotes"
            )
        self.cut = max(0, self.cut + missing)
        return True

    def _refuse_properties(self, event: Any) -> None:
        if event.anchor is not None:
            self.problem(
                f"`&{event.anchor}` is a YAML anchor, which a spec cannot use",
                event,
                "write a block or `let`",
                len(event.anchor) + 1,
            )
        if event.tag is not None:
            tag = str(event.tag)
            if tag.startswith(_YAML_TAG):
                shown, hint = "!!" + tag.removeprefix(_YAML_TAG), "leave it out"
            else:
                shown, hint = tag, "for negation write `not x`"
            message = f"`{shown}` is a YAML tag, which a spec cannot use"
            self.problem(message, event, hint, len(shown))


_SYNTAX_HINTS = (
    ("cannot start any token", "put the value in quotes"),
    ("mapping values are not allowed", "one `key: value` a line, or {key: value, ...}"),
    ("did not find expected key", "check the indent of this line and the quotes before it"),
    ("did not find expected ',' or", "a bracket or brace before this is not closed"),
    ("could not find expected ':'", "write `key: value`, with a space after the colon"),
    ("block sequence entries are not allowed", "the dash must be indented below its key"),
    ("expected comment or line break", "a value that starts with `>` or `|` needs quotes"),
    ("did not find expected '-' indicator", "check the indent: this list has entries with a dash"),
    ("expected whitespace or line break", "for negation write `not x`"),
    ("unexpected end of stream", "a quote before this is not closed"),
)


def _too_deep(source: Source, mark: Any) -> Span:
    """The bracket that is one too many, where all stand on one line; else where the parser was."""
    depth = 1  # of the mapping that all is in
    for column, character in enumerate(source.line(mark.line + 1)[: mark.column], start=1):
        depth += (character in "[{") - (character in "]}")
        if depth > MAX_DEPTH:
            return Span(source, mark.line + 1, column, column + 1)
    return Span(source, mark.line + 1, mark.column + 1, mark.column + 2)


_PLAIN_BREAKS = frozenset(("\n", "\r", "\r\n"))


def _cause(source: Source, line: int) -> Problem | None:
    """A character that looks like another one, and so may be why line `line` cannot be read.

    Where there is none, it may be why the line before had no key, and went on in this one.
    """
    from mnet_cost.lookalikes import lookalike_in_yaml  # only errors need it

    breaks = [match[0] for match in _LINE_BREAK.finditer(source.text)]
    before = breaks[line - 2] if 1 < line <= len(breaks) + 1 else "\n"
    if before not in _PLAIN_BREAKS and not _PLAIN_BREAKS.isdisjoint(breaks):
        end = len(source.line(line - 1)) + 1
        message = f"U+{ord(before):04X} stands here, which ends a line"
        return Problem(message, Span(source, line - 1, end, end + 1), "remove it")
    for number in (line, line - 1):
        text = source.line(number)
        if number < line and ": " in text:
            break
        cause = None if text.isascii() else lookalike_in_yaml(text)
        if cause is not None:
            column = cause.offset + 1
            return Problem(cause.message, Span(source, number, column, column + 1), cause.hint)
    return None


def _syntax_problem(source: Source, reason: yaml.MarkedYAMLError) -> Problem:
    mark = reason.problem_mark or reason.context_mark
    for marked in (reason.problem_mark, reason.context_mark):
        cause = _cause(source, marked.line + 1) if marked else None
        if cause is not None:
            return cause
    span = Span(source, mark.line + 1, mark.column + 1, mark.column + 2) if mark else None
    text = reason.problem or reason.context or "cannot be read"
    if mark and "nesting depth" in text:  # newer parsers have a limit of their own
        return Problem(f"more than {MAX_DEPTH} levels of nesting", _too_deep(source, mark))
    at_end = span is not None and not source.line(span.line).strip()
    if reason.context_mark and (at_end or "unexpected end of stream" in text):
        # The parser stopped at the end of the text: what was left open says more.
        mark = reason.context_mark
        span = Span(source, mark.line + 1, mark.column + 1, mark.column + 2)
    hint = next((hint for part, hint in _SYNTAX_HINTS if part in text), None)
    if span and "\t" in source.line(span.line):
        hint = "YAML indents with blanks, not with tabs"
    return Problem(f"not valid YAML: {text}", span, hint)
