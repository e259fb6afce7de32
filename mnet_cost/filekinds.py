"""What a YAML file is: a model, a device profile, or the tables of a paper.

Each reader takes one of them. A file of another kind is called what it is, with the command that
takes it, where a reader would say of each key that it does not know it.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.errors import Problem
from mnet_cost.yamlfile import Node


class FileKind(NamedTuple):
    """One kind of file: what it is called, keys that no other kind has, and who takes it."""

    title: str
    marks: tuple[str, ...]
    taken: str


MODEL = FileKind("a model", ("layers", "input"), "`mnet-cost analyze` takes a model")
DEVICE = FileKind(
    "a device profile",
    ("basis", "compute", "latency"),
    "`mnet-cost devices` and `--device` take a device profile",
)
PAPER = FileKind("the tables of a paper", ("tables",), "`mnet-cost paper` takes tables of a paper")


def mistaken(root: Node, asked: FileKind) -> Problem | None:
    """The problem of a mapping that is of another kind than the one asked for."""
    if not root.keys.keys().isdisjoint(asked.marks):
        return None
    for kind in (MODEL, DEVICE, PAPER):
        mark = next((root.keys[mark] for mark in kind.marks if mark in root.keys), None)
        if mark is not None:
            return Problem(f"this is {kind.title}, not {asked.title}", mark.span(), kind.taken)
    return None
