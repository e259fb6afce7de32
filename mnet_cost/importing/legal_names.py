"""Names that a spec may have: words that are none of the language, each used once.

A name is never like the one that an entry without `id` has (`conv2d_2`). Not here: which name says
best what a block is (`names.py`).
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

from mnet_cost.layers import KINDS
from mnet_cost.models.naming import WORD
from mnet_cost.models.types import RESERVED

LONGEST_NAME = 100
NOT_ENTRIES = (*KINDS, "input", "previous")
"""What no entry can be called."""

_WORDS = frozenset((*RESERVED, "and", "or", "not", "if", "else", "true", "false"))
_NUMBERED = re.compile(r"(.*?)_?[0-9]+")


def legal(name: str, taken: Container[str] = ()) -> str | None:
    """`name` where an entry or block may have it, changed by little; None where nothing is left."""
    name = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:LONGEST_NAME]
    if name and not WORD.fullmatch(name):
        name = f"n_{name}"
    if not name:
        return None
    if name in _WORDS or name in KINDS:
        name += "_"
    numbered = _NUMBERED.fullmatch(name)
    if numbered is not None and (numbered[1] in KINDS or numbered[1] in _WORDS):
        name += "_"
    return name if name not in taken else None


def unique(wishes: Mapping[int, str], taken: set[str]) -> dict[int, str]:
    """A name for each wish, which is added to `taken`: the wish itself where nobody else has it,
    else with a number."""
    counts: dict[str, int] = {}
    for wish in wishes.values():
        counts[wish] = counts.get(wish, 0) + 1
    names: dict[int, str] = {}
    numbered: dict[str, int] = {}
    for at, wish in wishes.items():
        name = legal(wish, taken) if counts[wish] == 1 else None
        while name is None:
            numbered[wish] = numbered.get(wish, 0) + 1
            joint = "" if wish[-1:].isalpha() else "_of_"
            name = legal(f"{wish[: LONGEST_NAME - 10]}{joint}{numbered[wish]}", taken)
        taken.add(name)
        names[at] = name
    return names
