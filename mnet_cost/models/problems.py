"""Problems of a model file: the list of them, and the wording that messages share.

All problems of a file are shown at once, so code that finds one adds it and goes on. Not here: what
is checked, and how a problem looks as text, which is `errors.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mnet_cost.errors import Problem, ProblemList, did_you_mean, meant_names, one_of
from mnet_cost.yamlfile import Node

MISSING_SPACE = "a space is missing after the colon"


class Problems(ProblemList):
    """The problems of one file, each at a node."""

    def add(self, message: str, node: Node, hint: str | None = None) -> None:
        """Add a problem at the place of `node`."""
        self.append(Problem(message, node.span(), hint))

    def in_order(self) -> list[Problem]:
        """Each problem once, by its place in the file."""
        last = (float("inf"), 0)
        return sorted(
            dict.fromkeys(self), key=lambda p: (p.span.line, p.span.column) if p.span else last
        )


def all_of(names: Sequence[str]) -> str:
    """`a`, `b` and `c`."""
    return one_of(names).replace(" or ", " and ")


def key_hint(
    key: str,
    known: Iterable[str],
    otherwise: str | None,
    other_names: Mapping[str, str] | None = None,
) -> str | None:
    """A hint for an unknown key, else `otherwise`; `other_names` as for `meant_names`."""
    if ":" in key:
        return MISSING_SPACE
    return did_you_mean(key, known, other_names) or otherwise


def meant_by(
    key: str, known: Iterable[str], other_names: Mapping[str, str] | None = None
) -> str | None:
    """The known key that `key` stands for, if there is one; `other_names` as for `meant_names`."""
    return next(iter(meant_names(key, known, other_names)), None)


def shown(node: Node) -> str:
    """A value as a message shows it."""
    value = node.value
    if isinstance(value, (list, dict, type(None))):
        return "nothing" if value is None else "a list" if isinstance(value, list) else "a mapping"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
