"""What a YAML file is: a model, a device profile, the tables of a paper, or budgets.

Each reader takes one kind. For a file of another kind the error names that kind and its command;
without this, the reader would report each key as unknown.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.errors import Problem
from mnet_cost.yamlfile import Node


class FileKind(NamedTuple):
    """One kind of file: its name, keys that no other kind has, and a hint with its commands."""

    title: str
    marks: tuple[str, ...]
    taken: str
    unless: tuple[str, ...] = ()
    """Keys of a file of another kind, which may have those of `marks` as well."""


MODEL = FileKind(
    "a model",
    ("layers", "input", "knobs", "let", "blocks", "outputs", "variants"),
    "`mnet-cost analyze` takes a model",
)
DEVICE = FileKind(
    "a device profile",
    ("basis", "compute", "latency"),
    "`mnet-cost devices` and `--device` take a device profile",
)
PAPER = FileKind("the tables of a paper", ("tables",), "`mnet-cost paper` takes tables of a paper")
BUDGETS = FileKind(
    "a file of budgets", ("budgets",), "`mnet-cost check` takes a file of budgets", ("extends",)
)  # a model has budgets, too, and one that extends another may have nothing else


def mistaken(root: Node, asked: FileKind) -> Problem | None:
    """The problem of a file whose keys are those of another kind than `asked`; else None."""
    if not root.keys.keys().isdisjoint(asked.marks):
        return None
    kind = kind_of(root)
    if kind is None or kind is asked:
        return None
    mark = next(root.keys[mark] for mark in kind.marks if mark in root.keys)
    return Problem(f"this is {kind.title}, not {asked.title}", mark.span(), kind.taken)


def kind_of(root: Node) -> FileKind | None:
    """The kind of file that has keys of `root`, a mapping; None where no kind does."""
    for kind in (MODEL, DEVICE, PAPER, BUDGETS):
        if not root.keys.keys().isdisjoint(kind.marks) and root.keys.keys().isdisjoint(kind.unless):
            return kind
    return None
