"""Sections: the parts that a model file has at its top, and how each is taken out of the root.

A section of the wrong form is reported, and read as if it were empty. Not here: the content of
each section, which a module of its own reads.
"""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.filekinds import MODEL, mistaken
from mnet_cost.models.problems import Problems, all_of, key_hint, shown
from mnet_cost.yamlfile import Node

FORMAT = 1

SECTIONS = (
    "format",
    "name",
    "source",
    "extends",
    "precision",
    "knobs",
    "let",
    "input",
    "blocks",
    "layers",
    "outputs",
    "variants",
    "published",
    "budgets",
)
REQUIRED = ("format", "name", "input", "layers")


class Sections:
    """The sections below the root of one file."""

    def __init__(self, root: Node, problems: Problems) -> None:
        self.root = root
        self.problems = problems

    def check(self) -> None:
        """Problems of the root: unknown and missing sections, and a format that is not ours."""
        if (problem := mistaken(self.root, MODEL)) is not None:
            self.problems.append(problem)
            return
        for key, node in self.root.keys.items():
            if key not in SECTIONS:
                hint = key_hint(key, SECTIONS, f"a model file has {all_of(SECTIONS)}")
                self.problems.add(f"a model file has no part `{key}`", node, hint)
        missing = [key for key in REQUIRED if self.get(key) is None]
        if missing:
            self.problems.add(f"a model file needs {all_of(missing)}", self.root)
        version = self.get("format")
        if version is not None and (version.value != FORMAT or version.value is True):
            self.problems.add(f"this program reads format {FORMAT}, not {shown(version)}", version)

    def get(self, section: str) -> Node | None:
        """The node of a section, or None where the file does not have it."""
        node: Node | None = self.root.value.get(section)
        return node

    def keys(self, section: str) -> Mapping[str, Node]:
        """The key nodes of a section, also of those keys whose values have a problem."""
        node = self.get(section)
        return {} if node is None else node.keys

    def mapping(self, section: str, form: str) -> Mapping[str, Node]:
        """A section that is a mapping; `form` shows how one is written."""
        node = self.get(section)
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            self.problems.add(f"`{section}` is a mapping: {form}", node)
            return {}
        mapping: Mapping[str, Node] = node.value
        return mapping

    def text(self, section: str) -> str:
        """A section that is a text."""
        node = self.get(section)
        if node is None:
            return ""
        if not isinstance(node.value, str) or not node.value.strip():
            self.problems.add(f"`{section}` needs a text", node)
            return ""
        text: str = node.value
        return text
