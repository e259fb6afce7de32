"""Writes model files: a spec's data as YAML text that a person can read and edit.

Sections stand in their usual order; a value stands on one line, in flow style, unless the line
would be too wide, or an expression would need quotes there that it does not need in a block. A long
list of numbers or names goes on on the next line.
`parse_spec(dump_spec(spec)) == spec`. Lost here: comments, columns, and how numbers were written,
except published figures, whose digits say how exact they are.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from yaml.emitter import Emitter
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from mnet_cost.escaping import printable, quoted
from mnet_cost.models.sections import SECTIONS
from mnet_cost.models.types import ModelSpec
from mnet_cost.printed import Printed
from mnet_cost.yamlfile import MAX_DIGITS, parse_scalar

WIDEST_LINE = 100

_FEW_WORDS = 4
_LONGEST_WORD = 24

_AFTER_BLANK = frozenset(
    ("input", "blocks", "layers", "outputs", "variants", "published", "budgets")
)
_ALWAYS_BLOCKS = frozenset(("knobs", "let", "blocks", "layers", "variants"))


def dump_spec(spec: ModelSpec) -> str:
    """YAML text of a spec, with its variant applied; the text does not name the variant."""
    if not spec.published:
        return dump_data(spec.data)
    published: dict[str, list[dict[str, Any]]] = {}
    for row in spec.published:
        beside = {
            "variant": row.variant,
            "at": dict(row.at),
            "dataset": row.dataset,
            "note": row.note,
        }
        given = {name: value for name, value in beside.items() if value}
        published.setdefault(row.source, []).append(given | row.figures)
    return dump_data(spec.data | {"published": published})


def dump_data(data: Mapping[str, Any]) -> str:
    """YAML text of the plain data of a model file."""
    lines: list[str] = []
    sections = [name for name in SECTIONS if name in data]
    for name in (*sections, *(name for name in data if name not in SECTIONS)):
        if name in _AFTER_BLANK and lines:
            lines.append("")
        value = data[name]
        if name == "published" and _is_rows_by_source(value):
            lines.append("published:")
            for source, rows in value.items():
                lines += [f"  {_key(source)}:", *_block(rows, "    ", quotes_allowed=True)]
        elif name in _ALWAYS_BLOCKS and isinstance(value, (dict, list)) and value:
            lines += [f"{_key(name)}:", *_block(value, "  ", quotes_allowed=name == "knobs")]
        else:
            lines += _named(name, value, "", quotes_allowed=False)
    return "\n".join(lines) + "\n"


def _is_rows_by_source(value: Any) -> bool:
    """Whether `value` has the form of the section `published`."""
    rows = value.values() if isinstance(value, dict) else ()
    return bool(rows) and all(isinstance(row, list) and row for row in rows)


def _block(value: dict[str, Any] | list[Any], indent: str, quotes_allowed: bool) -> Iterator[str]:
    """The lines of a mapping or list that does not fit on one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _named(key, inner, indent, quotes_allowed)
        return
    for item in value:
        line = None
        if not (isinstance(item, dict) and len(item) == 1):
            line = _line(item, len(indent) + 2, quotes_allowed)
        if line is not None:
            yield f"{indent}- {line}"
        else:
            first, *rest = _block(item, indent + "  ", quotes_allowed)
            yield f"{indent}- {first.removeprefix(indent + '  ')}"
            yield from rest


def _named(key: str, value: Any, indent: str, quotes_allowed: bool) -> Iterator[str]:
    """The lines of `key: value`."""
    start = f"{indent}{_key(key)}:"
    line = None
    if not _holds_entries({key: value}):
        line = _line(value, len(start) + 1, quotes_allowed)
    if line is not None:
        yield f"{start} {line}"
    elif _is_list_of_words(value, quotes_allowed):
        yield from _wrapped(f"{start} [", value)
    else:
        yield start
        yield from _block(value, indent + "  ", quotes_allowed)


def _is_list_of_words(value: Any, quotes_allowed: bool) -> bool:
    """Whether `value` is a list of numbers or short names, of which several stand on a line."""
    return (
        isinstance(value, list)
        and len(value) > _FEW_WORDS
        and not any(isinstance(item, (dict, list)) for item in value)
        and (quotes_allowed or not _needs_flow_quotes(value))
        and all(len(_flow(item)) <= _LONGEST_WORD for item in value)
    )


def _wrapped(start: str, words: list[Any]) -> Iterator[str]:
    """A list in flow style on as many lines as it needs; `start` ends with its bracket."""
    line, indent = start, " " * len(start)
    for number, word in enumerate(words):
        text = _flow(word) + ("]" if number == len(words) - 1 else ",")
        if number and len(line) + 1 + len(text) > WIDEST_LINE:
            yield line
            line = indent + text
        else:
            line += f" {text}" if number else text
    yield line


def _line(value: Any, column: int, quotes_allowed: bool) -> str | None:
    """`value` on one line that begins at `column`; None where it is better written as a block."""
    if not isinstance(value, (dict, list)):
        return dump_scalar(value)
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    if not quotes_allowed and _needs_flow_quotes(value):
        return None
    if _holds_entries(value):
        return None
    text = _flow(value)
    return text if column + len(text) <= WIDEST_LINE else None


def _holds_entries(value: Any) -> bool:
    """Whether `value` has a list of layers in it with entries that are more than a word."""
    if isinstance(value, list):
        return any(map(_holds_entries, value))
    if not isinstance(value, dict):
        return False
    layers = value.get("layers")
    if isinstance(layers, list) and not all(isinstance(entry, str) for entry in layers):
        return True
    return any(map(_holds_entries, value.values()))


def _needs_flow_quotes(value: Any) -> bool:
    """Whether `value` has a text in it that needs quotes inside {} and [], but not in a block."""
    if isinstance(value, dict):
        return any(map(_needs_flow_quotes, value.values()))
    if isinstance(value, list):
        return any(map(_needs_flow_quotes, value))
    return isinstance(value, str) and not _is_plain(value, True) and _is_plain(value, False)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{_key(k, in_flow=True)}: {_flow(v)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return dump_scalar(value, in_flow=True)


def _key(key: str, in_flow: bool = False) -> str:
    # A key is the text as written, whatever a value of that text would mean.
    plain = _may_be_plain(key, in_flow) and key != "<<"
    return key if plain else quoted(key)


def dump_scalar(value: Any, in_flow: bool = False) -> str:
    """A value that is no list or mapping, as it is written; `in_flow`: inside {} or []."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Printed):
        return value.text  # digits, a point and a prefix are plain in every place
    if isinstance(value, str):
        return value if _is_plain(value, in_flow) else quoted(value)
    if isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        return hex(value)  # the reader takes so large a number in no other form
    return repr(value)


@lru_cache(maxsize=4096)
def _is_plain(text: str, in_flow: bool) -> bool:
    """Whether `text` without quotes is read as this very text."""
    try:
        return parse_scalar(text) is text and _may_be_plain(text, in_flow)
    except ValueError:
        return False


def _is_text_to_all(text: str) -> bool:
    """Whether readers of YAML 1.1 take `text` for a text, too: not for a truth, as they do `yes`
    and `on`, a null, a date or a number in another base."""
    tag = _RESOLVER.resolve(  # type: ignore[no-untyped-call]
        ScalarNode, text, (True, False)
    )
    return bool(tag == Resolver.DEFAULT_SCALAR_TAG)


def _may_be_plain(text: str, in_flow: bool) -> bool:
    if in_flow and text.count("(") != text.count(")"):
        return False  # the reader takes it for an expression that a comma cut in two
    if printable(text) != text:
        return False  # what does not show is written as an escape
    if not _is_text_to_all(text):
        return False
    analysis = _EMITTER.analyze_scalar(text)
    fits = analysis.allow_flow_plain if in_flow else analysis.allow_block_plain
    return bool(text and fits and not analysis.multiline)


_RESOLVER = Resolver()
"""Knows what plain scalars mean in YAML 1.1; like other readers, it takes `y` and `n` for texts."""
_EMITTER = Emitter(io.StringIO(), allow_unicode=True)
"""Knows which texts YAML can hold without quotes; it never writes."""
