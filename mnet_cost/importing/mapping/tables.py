"""Rules of operators in files that are imported when a model first has one of their operators.

A model has few of the many operators, and a file of rules imports its families. Not here: what the
operators are, which the table of each dialect says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module

from mnet_cost.importing.mapping.mapper import Rule


class LazyRules(Mapping[str, Rule]):
    """The rules in `RULES` of some files, by operator.

    `files` has the operators of each file of `package`, as words. Each rule is put through `made`.
    """

    def __init__(
        self, package: str, files: Mapping[str, str], made: Callable[[Rule], Rule] = lambda x: x
    ) -> None:
        self._package = package
        self._made = made
        self._files = {name: file for file, names in files.items() for name in names.split()}
        self._rules: dict[str, Rule] = {}

    def __getitem__(self, name: str) -> Rule:
        rule = self._rules.get(name)
        if rule is None:
            file = import_module(f"{self._package}.{self._files[name]}")
            rule = self._rules[name] = self._made(file.RULES[name])
        return rule

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
