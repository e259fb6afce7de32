"""What entries that are a `use` are written with: the path to the entry whose weights they use."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.blocks.grammar import Grammar
from mnet_cost.importing.blocks.sharing import Path, Sharing


class SharedNames:
    """The entries that are a `use`, and the names of what they use, which may be inside blocks."""

    def __init__(self, grammar: Grammar) -> None:
        self.ids: dict[int, Mapping[int, str]] = {}
        """By rule, names of its slots: a rule is named after those that it calls."""
        sharing = Sharing(grammar)
        self._paths: dict[tuple[int, int], Path] = {}
        self._named: dict[int, set[int]] = {}
        if not sharing.owner:
            return
        for number, rule in grammar.rules.items():
            for at in range(len(rule.slots)):
                if sharing.is_use(number, at):
                    path = self._paths[number, at] = sharing.path(number, at)
                    for called, slot in path:
                        self._named.setdefault(called, set()).add(slot)

    def named(self, number: int) -> set[int]:
        """Slots of a rule on the way to what some entry uses: they need names."""
        return self._named.get(number, set())

    def used(self, number: int, at: int) -> str | None:
        """What an entry uses the weights of; None where it has its own."""
        path = self._paths.get((number, at))
        return None if path is None else ".".join(self.ids[rule][slot] for rule, slot in path)

    def inner_name(self, number: int, at: int) -> str | None:
        """The name inside of a block of what an entry uses; None where it is in no block."""
        path = self._paths.get((number, at), ())
        return self.ids[path[-1][0]][path[-1][1]] if len(path) > 1 else None
