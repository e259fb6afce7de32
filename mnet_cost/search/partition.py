"""Where a network may be cut into units whose costs are worked out apart: blocks with choices.

A unit is an entry: of the top list, or of a block that holds several blocks with choices. Only what
a file says decides, so that it is the same for all networks of a space. Units belong together where
an entry of one names a tensor of the other; a block whose entries name each other's tensors stays
whole. Not here: whether one tensor alone passes from unit to unit, which a network shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from mnet_cost.expressions import ExpressionError, parse_expression
from mnet_cost.models.types import (
    ArgumentBody,
    Block,
    BlockBody,
    Entry,
    GroupBody,
    LayerBody,
    ModelSpec,
    UseBody,
    Value,
)
from mnet_cost.yamlfile import Node


class Units(NamedTuple):
    """The units of a space in the order in which they run."""

    paths: tuple[tuple[str, ...], ...]
    """The paths of each: one, but for a list of entries without a name, which has those of all of
    its entries."""
    links: tuple[tuple[int, int], ...]
    """(first, last) of units that belong together, with all between them."""


def find_units(spec: ModelSpec, choices: Collection[str], layers: Collection[str]) -> Units:
    """The units of `spec` whose `choices`, by their paths, are looked for.

    `layers` are the names of layers in networks that have been seen: they tell how many copies an
    entry can have.
    """
    finder = _Finder(spec, choices, layers)
    paths: list[tuple[str, ...]] = []
    starts = []
    for entry in spec.entries:
        starts.append(len(paths))
        paths += finder.units_of(entry, "")
    starts.append(len(paths))
    inputs = [declared.name for declared in spec.inputs]
    links = []
    for first, last in _links(spec.entries, (*inputs, "input")):
        if last > 0:  # what the first entry reads is what enters
            links.append((starts[max(first, 0)], starts[last + 1] - 1))
    heads = [reference.parts[0] for reference in spec.outputs]
    for index, entry in enumerate(spec.entries):
        if not set(heads).isdisjoint(_names(entry)):
            links.append((starts[index], len(paths) - 1))
    return Units(tuple(paths), tuple(links))


def reuses(spec: ModelSpec) -> bool:
    """Whether any entry uses the weights of another one."""
    lists = [spec.entries, *[b.entries for b in spec.blocks.values() if isinstance(b, Block)]]
    return any(isinstance(entry.body, UseBody) for entries in lists for entry in _all(entries))


class _Finder:
    def __init__(self, spec: ModelSpec, choices: Collection[str], layers: Collection[str]) -> None:
        self.spec = spec
        self.owners = {path.rpartition(".")[0] for path in choices}
        """Paths of entries in which choices are written."""
        self.copies: dict[str, int] = {}
        """The most copies seen of each path."""
        for name in (*layers, *choices):
            parts = name.split(".")
            for place, part in enumerate(parts):
                if part.isdigit():
                    path = ".".join(parts[:place])
                    self.copies[path] = max(int(part), self.copies.get(path, 0))

    def units_of(self, entry: Entry, prefix: str) -> list[tuple[str, ...]]:
        """The units in an entry of a list at `prefix`, which ends with a dot unless it is empty."""
        if not entry.name:
            return [tuple(prefix + name for name in _names(entry))]
        path = prefix + entry.name
        inner = self._inner_entries(entry)
        if inner is None or sum(owner.startswith(f"{path}.") for owner in self.owners) < 2:
            return [(path,)]
        places = [path]
        if entry.repeat is not None:
            places = [f"{path}.{number}" for number in range(1, self.copies.get(path, 0) + 1)]
        return [
            unit
            for place in places
            for child in inner
            for unit in self.units_of(child, f"{place}.")
        ]

    def _inner_entries(self, entry: Entry) -> Sequence[Entry] | None:
        """The entries of the block or list that an entry calls; None where it must stay whole."""
        body = entry.body
        if isinstance(body, BlockBody):
            block = self.spec.blocks[body.block]
            if not isinstance(block, Block) or block.inputs:
                return None
            given = (*body.arguments.values(), *block.arguments.values())
            # Sizes that are handed down are those of tensors outside of what reads them.
            if any(_heads_in(value.node) for value in given if value is not None):
                return None
            entries = block.entries
        elif isinstance(body, GroupBody) and not body.inline:
            entries = body.entries
            own = {name for child in entries for name in (*_names(child), "input", "previous")}
            if any(head not in own for child in entries for head in _heads(child)):
                return None  # it names a tensor of the list around it
        else:
            return None
        return None if list(_links(entries, ("input",))) else entries


def _names(entry: Entry) -> list[str]:
    """The names that an entry has in its list."""
    if entry.name:
        return [entry.name]
    assert isinstance(entry.body, GroupBody)
    return [name for child in entry.body.entries for name in _names(child)]


def _all(entries: Sequence[Entry]) -> Iterator[Entry]:
    """`entries` with those of the anonymous lists in them."""
    for entry in entries:
        yield entry
        if isinstance(entry.body, GroupBody):
            yield from _all(entry.body.entries)


def _links(entries: Sequence[Entry], inputs: Collection[str]) -> Iterator[tuple[int, int]]:
    """(index of an entry that is named, index of the entry that names it); -1 for an input."""
    index_of = {name: index for index, entry in enumerate(entries) for name in _names(entry)}
    for index, entry in enumerate(entries):
        for head in _heads(entry):
            if head in index_of and index_of[head] < index:
                yield index_of[head], index
            elif head in inputs and index > 0:
                yield -1, index


def _heads(entry: Entry) -> set[str]:
    """First parts of all that an entry and the lists in it name, but for `previous`.

    Within a list of its own, `input` is what enters that list.
    """
    heads: set[str] = set()
    for reference in entry.sources or ():
        heads.add(reference.parts[0])
    body = entry.body
    if isinstance(body, UseBody):
        heads.add(body.reference.parts[0])
    for value in _values(entry):
        heads |= _heads_in(value.node)
    if isinstance(body, GroupBody):
        inner = set().union(*[_heads(child) for child in body.entries])
        own = {name for child in body.entries for name in _names(child)}
        heads |= inner - own - {"input"}
    return heads - {"previous"}


def _values(entry: Entry) -> list[Value]:
    """The values that are written in an entry."""
    body = entry.body
    values = [value for value in (entry.when, entry.repeat) if value is not None]
    if isinstance(body, LayerBody):
        values += [value for _, _, value in body.fields]
    elif isinstance(body, BlockBody):
        values += body.arguments.values()
    elif isinstance(body, ArgumentBody):
        values += body.fields.values()
    return values


def _heads_in(node: Node) -> set[str]:
    """First parts of the tensors whose sizes a value takes."""
    raw = node.value
    if isinstance(raw, str):
        try:
            expression = parse_expression(raw)
        except ExpressionError:
            return set()
        return {use.name.partition(".")[0] for use in expression.references}
    parts = raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list) else ()
    return set().union(*[_heads_in(part) for part in parts])
