"""What a YAML file is: a model, a device profile, or the tables of a paper.

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


def mistaken(root: Node, asked: FileKind) -> Problem | None:
    """The problem of a file whose keys are those of another kind than `asked`; else None."""
    if not root.keys.keys().isdisjoint(asked.marks):
        return None
    for kind in (MODEL, DEVICE, PAPER):
        mark = next((root.keys[mark] for mark in kind.marks if mark in root.keys), None)
        if mark is not None:
            return Problem(f"this is {kind.title}, not {asked.title}", mark.span(), kind.taken)
    return None
