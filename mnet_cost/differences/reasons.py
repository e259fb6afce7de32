"""Reasons why two networks differ, and how they are told from entries of both specs.

A reason is what a reader of both specs would point at: an entry that says something else, one that
was added or removed, a block that is another one. Not here: which of them a layer has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from mnet_cost.differences.snapshots import LayerSnapshot, SpecEntry
from mnet_cost.models.naming import WORD
from mnet_cost.models.types import MODIFIERS
from mnet_cost.yamlfile import Node

What = Literal[
    "knob", "input", "let", "block", "changed", "replaced", "added", "removed", "peak", "rest"
]
"""`knob` to `block`: what was changed is no layer; `changed` to `removed`: an entry or a call.
`peak`: another layer needs most memory now. `rest`: what has no cause that was found."""


class Reason(NamedTuple):
    """One thing that is not the same in two networks. Equal reasons are one."""

    what: What
    text: str
    first: str = ""
    """Place in the first spec, as `net.yaml:12`; empty where there is none."""
    other: str = ""


Reasons = frozenset[Reason]
Values = tuple[tuple[str, str], ...]
"""What an entry says."""
NOTHING: Reasons = frozenset()

REST = Reason("rest", "what else differs")
MANY = Reason("rest", "many changes together")

DECIDING = ("when", "repeat")
"""Modifiers that decide whether there is a layer."""

_MOST_TOGETHER = 12
"""Reasons that are told together: nobody reads more, and sets of all would grow with the square of
the changes."""


def bounded(reasons: Reasons) -> Reasons:
    """`reasons`, or that they are many."""
    return reasons if len(reasons) <= _MOST_TOGETHER else frozenset((MANY,))


def values_text(first: str, other: str) -> str:
    """`64 -> 128`."""
    return f"{first or 'none'} -> {other or 'none'}"


def entry_pairs(first: LayerSnapshot, other: LayerSnapshot) -> list[tuple[SpecEntry, SpecEntry]]:
    """The entries around a pair that stand for each other, outermost first.

    Where one layer stands in more blocks than the other, calls of one name, or else of one block,
    stand for each other.
    """
    if len(first.entries) == len(other.entries):
        return list(zip(first.entries, other.entries, strict=True))
    calls, other_calls = first.entries[:-1], other.entries[:-1]
    pairs = _in_order(calls, other_calls, lambda call: call.name)
    pairs = pairs or _in_order(calls, other_calls, lambda call: call.block)
    return [*pairs, (first.entry, other.entry)]


def _in_order(
    calls: Sequence[SpecEntry], others: Sequence[SpecEntry], key: Callable[[SpecEntry], str]
) -> list[tuple[SpecEntry, SpecEntry]]:
    """Pairs of calls with one `key`, the innermost first taken, and those around them around."""
    pairs: list[tuple[SpecEntry, SpecEntry]] = []
    left = list(calls)
    for call in reversed(others):
        same = [place for place, each in enumerate(left) if key(each) == key(call)]
        if same:
            pairs.append((left[same[-1]], call))
            del left[same[-1] :]
    return pairs[::-1]


def changed_entry(first: SpecEntry, other: SpecEntry, decides: bool | None = None) -> Reason:
    """The reason that an entry says something else; of it, what decides whether there is a layer,
    or what does not, where both are told apart."""
    old, new = dict(first.values), dict(other.values)
    before, head = head_of(first), head_of(other)
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    if decides is not None:
        keys = [key for key in keys if (key in DECIDING) == decides]
    if before != head:
        text = f"`{before or 'layers'}` -> `{head or 'layers'}`"
    else:
        changes = []
        for key in keys:
            name, change = key.rpartition(".")[2], values_text(old.get(key, ""), new.get(key, ""))
            changes.append(change if key == head else f"`{name}` {change}")
        text = " ".join([*([f"`{head}`"] if head else []), ", ".join(changes)])
    return Reason("changed", text, first.place, other.place)


def head_of(entry: SpecEntry) -> str:
    """The kind or block that an entry is of; empty for a list of entries."""
    heads = [key.partition(".")[0] for key, _ in entry.values]
    return next((head for head in heads if head not in (*MODIFIERS, "layers")), "")


def differing_keys(first: SpecEntry, other: SpecEntry) -> set[str]:
    old, new = dict(first.values), dict(other.values)
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def words_of(values: Iterable[tuple[str, str]]) -> set[str]:
    return {word for _, text in values for word in WORD.findall(text)}


def place_of(node: Node | None) -> str:
    return "" if node is None else f"{node.source.path}:{node.line}"


def new_entry(entry: SpecEntry, is_added: bool) -> Reasons:
    """The reason that an entry is in one spec only."""
    head = f"`{head_of(entry) or entry.name}`"
    if is_added:
        return frozenset((Reason("added", f"{head} added", "", entry.place),))
    return frozenset((Reason("removed", f"{head} removed", entry.place),))


def block_reason(first: str, other: str, place: str, other_place: str) -> Reason:
    return Reason("block", f"block `{first}` -> `{other}`", place, other_place)
