"""Text from outside, escaped for the place where it is written.

Names, titles, sources, paths and arguments come from files and command lines that nobody has read.
Each place that they are written to has one function here: it gives back text that is shown as it
is, and that can be neither code nor markup nor a formula nor an order to a terminal there.
Also here: signs for output in encodings that lack ours.
"""

from __future__ import annotations

import codecs
import re
from typing import Any

# Patterns are texts: `re` compiles them when they are first used, which most runs never do.

# --- terminals, comments, and what all other places have in common

# Characters that Python calls printable, and that nobody sees: fillers, variation selectors.
_UNSEEN = (
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


def is_visible(character: str) -> bool:
    """Whether a character is visible and changes nothing else: no control character, no change of
    direction, no blank other than U+0020."""
    return character.isprintable() and not re.match(_UNSEEN, character)


def printable(text: str) -> str:
    """`text` on one line, each character that is not visible as `\\n`, `\\x1b` or `\\u202e`."""
    if text.isprintable() and (text.isascii() or not re.search(_UNSEEN, text)):
        return text
    return "".join(c if is_visible(c) else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """As `printable`, but line breaks stay."""
    return "\n".join(map(printable, text.split("\n")))


# --- encodings

PLAIN = "mnet_cost_plain"
"""Name of the error handler for characters that an encoding lacks (`codecs`)."""

_PLAIN_SIGNS = {
    "µ": "u",
    "\N{GREEK SMALL LETTER MU}": "u",
    "≥": ">=",
    "≤": "<=",
    "\N{MULTIPLICATION SIGN}": "x",
    "·": "|",
    "\N{EN DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "…": "...",
    "│": "|",
    **dict.fromkeys("▏▎▍▌▋▊▉█", "#"),
}


def plain(text: str, encoding: str) -> str:
    """`text` in characters that `encoding` has: a sign becomes one of the same meaning (`us` for
    `µs`), any other character `\\xe9` or `\\u540d`."""
    return text if text.isascii() else text.encode(encoding, PLAIN).decode(encoding)


def _in_plain_signs(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    signs = (_PLAIN_SIGNS.get(c) or c.encode("ascii", "backslashreplace").decode() for c in lacking)
    return "".join(signs), error.end


codecs.register_error(PLAIN, _in_plain_signs)


# --- Python and YAML

_QUOTES = '"(?="|$)'


def quoted(text: str) -> str:
    """A literal in double quotes that Python, and YAML, read as exactly `text`."""
    return '"' + printable(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def docstring_line(text: str) -> str:
    """A line within three double quotes, which Python reads as `printable(text)`."""
    return re.sub(_QUOTES, r'\\"', printable(text).replace("\\", "\\\\"))


# --- data

_NOT_PLAIN_JSON = "[^\n -~]"
_FORMULA_SIGNS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # full width: some spreadsheets take them


def json_text(data: Any, indent: int | None = 2) -> str:
    """JSON in ASCII, which every encoding has, on one line without `indent`. Texts are exact, but
    for halves of characters (undecodable bytes of a path), which JSON cannot hold: those are
    shown."""
    import json

    text = json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False)
    return re.sub(_NOT_PLAIN_JSON, lambda match: _json_character(match[0]), text) + "\n"


def _json_character(character: str) -> str:
    if "\ud800" <= character <= "\udfff":
        return f"\\\\u{ord(character):04x}"
    pair = character.encode("utf-16-be").hex()
    return "".join(f"\\u{pair[i : i + 4]}" for i in range(0, len(pair), 4))


def csv_cell(text: str) -> str:
    """A text for `csv.writer`: spreadsheets take one in front of which an apostrophe stands for
    text, whatever formula it looks like."""
    shown = printable_lines(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA_SIGNS) else shown


# --- markup

_MARKDOWN = (
    r"[\\`*<&~$|]"  # code, emphasis, tags, entities, strikethrough, formulas, cells of tables
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis, which does not begin or end within a word
    r"|\](?=[(\[:])"  # links, and what they may refer to
    r"|:(?=//)|(?<=www)\."  # addresses, which GitHub makes links of
    r"|#(?=#*$)"  # the end of a heading
)
_MARKDOWN_START = r"[0-9]+(?=[.)](?:\s|$))|(?=[!-/:-@\[\]-`{-~])"


def html_text(text: str) -> str:
    """The content of an element, or of an attribute in quotes."""
    from html import escape

    return escape(printable_lines(text))


def markdown_cell(text: str) -> str:
    """Text within a line of Markdown, as in a table; it is put on one line."""
    return re.sub(_MARKDOWN, r"\\\g<0>", printable(text.replace("\n", " ")))


def markdown_line(text: str) -> str:
    """Text at the start of a line of Markdown: no heading, list, quotation, rule or code."""
    line = markdown_cell(text.strip(" \n"))
    start = re.match(_MARKDOWN_START, line)
    return f"{start[0]}\\{line[start.end() :]}" if start else line


# --- file names

_NOT_IN_FILE_NAMES = r"[^\w.=,@-]+"
_DEVICE_NAMES = r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)"  # of Windows
_LONGEST_FILE_NAME = 200  # bytes: most systems take 255, and a number or an ending is added


def file_name(text: str) -> str:
    """A name for a file or folder, made of `text`: letters, digits and `_.=,@-`, no longer than a
    system takes; not hidden, no option of a command, not `..`."""
    name = re.sub(_NOT_IN_FILE_NAMES, "-", printable(text)).lstrip(".-")
    name = name.encode()[:_LONGEST_FILE_NAME].decode(errors="ignore").rstrip(".")
    return f"_{name}" if not name or re.match(_DEVICE_NAMES, name) else name
