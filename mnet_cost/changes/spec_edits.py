"""Changes of the text of a spec: which number or word of it a field of a layer comes from, and the
spec with others in their place.

A field may be a number, an expression, or an argument that a call gave further out: the place is
where a person would change it. What the change makes of the network is not foreseen here. Whoever
edits elaborates the new text and looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from mnet_cost.errors import Source
from mnet_cost.layers import names_of
from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import MODIFIERS, Block, ModelSpec
from mnet_cost.network import Network, Step
from mnet_cost.yamlfile import Node

_TOKEN = re.compile(r"(?<![\w.])(?:[0-9]+(?![\w.])|[A-Za-z_]\w*)")
"""Whole numbers and names in an expression, without parts of other numbers and of dotted names."""


class Token(NamedTuple):
    """A whole number or a word in the text of a spec."""

    start: int
    """Index of its first character."""
    text: str


class EditedLine(NamedTuple):
    """A line of a spec before and after a change."""

    number: int
    before: str
    after: str


Edits = Mapping[Token, str]
"""What stands in the place of each token."""


def edited_spec(spec: ModelSpec, edits: Edits) -> ModelSpec:
    """The same variant of the spec with other tokens; `SpecError` where that is no spec."""
    return parse_spec(_edited(spec.root.source.text, edits), spec.variant, spec.path)


def edited_lines(spec: ModelSpec, edits: Edits) -> tuple[EditedLine, ...]:
    """The lines that a change is in, in order."""
    source = spec.root.source
    after = Source(source.path, _edited(source.text, edits))
    before_it = (Source(source.path, source.text[: token.start]) for token in edits)
    numbers = sorted({len(text.lines()) for text in before_it})
    return tuple([EditedLine(line, source.line(line), after.line(line)) for line in numbers])


def _edited(text: str, edits: Edits) -> str:
    for token in sorted(edits, reverse=True):
        end = token.start + len(token.text)
        text = text[: token.start] + edits[token] + text[end:]
    return text


def numbers_of(network: Network, step: Step, field: str) -> tuple[Token, ...]:
    """Whole numbers in the text that a field of a layer is made of, those nearest to it first."""
    return tuple([token for token in _of_field(network, step, field) if token.text.isdecimal()])


def words_of(network: Network, step: Step, field: str) -> tuple[Token, ...]:
    """Words and names in that text, those nearest to the field first."""
    return tuple([token for token in _of_field(network, step, field) if not token.text.isdecimal()])


def _of_field(network: Network, step: Step, field: str) -> tuple[Token, ...]:
    node = _fields(step.node).get(field)
    return () if node is None else tuple(dict.fromkeys(_tokens(network, node, step.block_path)))


def kind_of(network: Network, step: Step) -> Token | None:
    """The word that says of which kind a layer is; None where it is not in the text."""
    node = _kind(step.node)
    if node is None:
        return None
    for token in _tokens(network, node, step.block_path):
        if token.text in names_of(step.layer.kind):
            return token
    return None


def _kind(entry: Node) -> Node | None:
    """The node of the kind of an entry."""
    if isinstance(entry.value, str):
        return entry
    keys = [key for name, key in entry.keys.items() if name not in MODIFIERS]
    return keys[0] if len(keys) == 1 else None


def _fields(entry: Node) -> Mapping[str, Node]:
    """Fields or arguments that an entry gives, by name."""
    kind = _kind(entry)
    if kind is None or not isinstance(entry.value, dict):
        return {}
    value = entry.value[str(kind.value)].value
    return value if isinstance(value, dict) else {}


def _tokens(network: Network, node: Node, path: str) -> Iterator[Token]:
    """Tokens of a value that is written in the block of `path`: its own, then those of arguments
    that it names, at the calls which gave them."""
    if isinstance(node.value, list):
        for item in node.value:
            yield from _tokens(network, item, path)
        return
    written = _written(network.spec, node)
    if written is None:
        return
    start, text = written
    names = []
    for match in _TOKEN.finditer(text):
        yield Token(start + match.start(), match[0])
        if not match[0].isdecimal():
            names.append(match[0])
    for name in dict.fromkeys(names):
        given = _argument(network, name, path)
        if given is not None:
            yield from _tokens(network, *given)


def _written(spec: ModelSpec, node: Node) -> tuple[int, str] | None:
    """Where the text of a scalar starts, and the text; None where it stands in another file, was
    put together by a patch, or is written with escapes or over several lines."""
    if node.source is not spec.root.source or isinstance(node.value, (dict, list)):
        return None
    first, last = node.extent
    raw = node.source.text[first:last]
    if node.quoted:
        first, raw = first + 1, raw[1:-1]
    if isinstance(node.value, str):
        return (first, raw) if raw == node.value else None
    return (first, raw) if raw.isdecimal() and int(raw) == node.value else None


def _argument(network: Network, name: str, path: str) -> tuple[Node, str] | None:
    """The value of an argument of the innermost block around `path` that has it, and the path of
    the block in which that is written; None where no block has it, or more was bound than text."""
    while path:
        call = network.calls.get(path)
        outer = _outer(network, path)
        block = None if call is None else network.spec.blocks.get(call.block)
        if call is not None and isinstance(block, Block) and name in block.arguments:
            given = _fields(call.node).get(name)
            if given is not None:
                return given, outer
            default = block.arguments[name]
            return None if default is None else (default.node, path)
        if call is not None and call.block != "group":
            return None  # the names of a block end here
        path = outer
    return None


def _outer(network: Network, path: str) -> str:
    """The path of the next block outwards; empty at the top."""
    while path:
        path = path.rpartition(".")[0]
        if path in network.calls:
            return path
    return path


def all_of(tokens: Iterable[Token], text: str) -> dict[Token, str]:
    """Edits that put the same text in the place of each token."""
    return dict.fromkeys(tokens, text)
