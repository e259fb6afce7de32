"""Names: which ones a user may choose, and which ones entries have.

An entry is called by its `id`, else by its kind, with `_2`, `_3` from the second on; no two
entries of a list have the same name. Not here: what a name that is used stands for, which is
`references.py` for tensors and `values.py` for numbers and words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from mnet_cost.errors import Problem, TooManyProblemsError
from mnet_cost.models.problems import MISSING_SPACE, Problems
from mnet_cost.models.types import MODIFIERS, RESERVED
from mnet_cost.yamlfile import Node

WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)

_OPERATORS = frozenset(("and", "or", "not", "if", "else", "true", "false"))
_MODEL_NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_NOT_IN_NAMES = re.compile(r"\W", re.ASCII)


def name_problem(node: Node, what: str) -> Problem | None:
    """The problem with a name that the user chose, if there is one."""
    name = node.value
    if not isinstance(name, str) or not WORD.fullmatch(name):
        hint = None
        if isinstance(name, str) and ":" in name:
            hint = MISSING_SPACE
        elif isinstance(name, str) and name.isascii():
            mended = _NOT_IN_NAMES.sub("_", name)
            hint = f"as in `{mended}`" if WORD.fullmatch(mended) else None
        return Problem(
            f"{what} is a letter a-z or `_`, then letters, digits and `_`", node.span(), hint
        )
    if name in RESERVED or name in _OPERATORS:
        return Problem(f"`{name}` is a word of the language: choose another name", node.span())
    return None


def model_name_problem(node: Node, what: str) -> Problem | None:
    """The problem with the name of a model or variant, if there is one."""
    if _MODEL_NAME.fullmatch(node.value):
        return None
    return Problem(f"{what} is letters, digits, `_`, `.`, `-`", node.span())


class EntryNames:
    """The names given so far in one list, inline groups included."""

    def __init__(self, inputs: Mapping[str, Node], problems: Problems) -> None:
        self._inputs = inputs  # what enters the list, whose names its entries cannot have
        self._problems = problems
        self._counts: dict[str, int] = {}
        self._taken: dict[str, Node] = {}
        self._automatic: set[str] = set()

    def name(self, base: str, identity: Node | None, node: Node, used: bool = False) -> str:
        """The name of the next entry: its id, else one made of `base`, which `used` repeats."""
        return self._by_base(base, node, used) if identity is None else self._by_id(identity)

    def _by_id(self, identity: Node) -> str:
        name = str(identity.value)
        if name in self._automatic:
            self._problems.add(
                f"the id `{name}` is the name that an entry without id has, "
                f"at {self._taken[name].line_in(identity.source)}",
                identity,
            )
        elif name in self._taken:
            self._problems.add(
                f"the id `{name}` is taken at {self._taken[name].line_in(identity.source)}",
                identity,
            )
        elif name in self._inputs:
            line = self._inputs[name].line_in(identity.source)
            self._problems.add(f"the id `{name}` is the name of an input, at {line}", identity)
        self._taken.setdefault(name, identity)
        return name

    def _by_base(self, base: str, node: Node, used: bool) -> str:
        count = self._counts.get(base, 0) + 1
        if used and base in self._taken and base not in self._automatic:
            count = max(count, 2)  # after the id that it uses once more
        self._counts[base] = count
        name = base if count == 1 else f"{base}_{count}"
        if name in self._automatic:
            line = self._taken[name].line_in(node.source)
            self._problems.add(
                f"this entry is called `{name}`, like the one at {line}",
                node,
                "give one of them an `id`",
            )
        elif name in self._inputs:
            line = self._inputs[name].line_in(node.source)
            self._problems.add(
                f"this entry is called `{name}`, like the input at {line}",
                node,
                "give it an `id`",
            )
        elif name in self._taken:
            line = node.line_in(self._taken[name].source)
            self._problems.add(
                f"the id `{name}` is the name that the entry at {line} has without id",
                self._taken[name],
            )
        self._taken[name] = node
        self._automatic.add(name)
        return name


def entry_names(entries: Node) -> dict[str, tuple[int, ...]]:
    """Where each entry of a list is, by its name; the first one where a name is taken twice.

    That is its number in the list, after that of the group where it is in one without a name.
    Entries that are none are passed over: compiling them says what is wrong.
    """
    places: dict[str, tuple[int, ...]] = {}
    with suppress(TooManyProblemsError):
        _add_names(entries, (), EntryNames({}, Problems()), places)
    return places


def _add_names(
    entries: Node, at: tuple[int, ...], naming: EntryNames, places: dict[str, tuple[int, ...]]
) -> None:
    for number, entry in enumerate(entries.value):
        kinds = [key for key in entry.keys if key not in MODIFIERS]
        if isinstance(entry.value, str):
            name = naming.name(entry.value, None, entry)
        elif len(kinds) == 1:
            (kind,), identity, body = kinds, entry.value.get("id"), entry.value[kinds[0]]
            used = kind == "use" and isinstance(body.value, str)
            if kind == "layers" and identity is None and "repeat" not in entry.value:
                if isinstance(body.value, list):
                    _add_names(body, (*at, number), naming, places)
                continue
            base = last_name(body.value.split(".")) if used else kind
            name = naming.name("group" if kind == "layers" else base, identity, entry, used=used)
        else:
            continue
        places.setdefault(name, (*at, number))


def defined_name(key: str) -> str:
    """What a key of `let` defines: `width` for `width(channels)`; the key where that is no name."""
    name = WORD.match(key)
    return key if name is None else name[0]


def last_name(parts: Sequence[str]) -> str:
    """The last part of a path that is a name and no number of a copy."""
    return next((part for part in reversed(parts) if not part.isdigit()), "use")
