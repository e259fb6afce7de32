"""References: the tensor that a name or path stands for.

A reference points backwards: at `previous`, at an input of the list, or at an earlier entry. Not
here: whether the rest of a path is there, and which tensor it is, which `elaborate` works out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mnet_cost.errors import did_you_mean
from mnet_cost.models.types import ALL, MAX_PATH, Reference
from mnet_cost.models.values import Names, ValueCompiler
from mnet_cost.yamlfile import Node

_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.\w+)*(\.\*)?\Z", re.ASCII)


def compile_reference(
    node: Node,
    names: Names,
    values: ValueCompiler,
    later: Mapping[Any, Node] = MappingProxyType({}),
    own: str | None = None,
    several: bool = False,
) -> Reference | None:
    """The tensor that `node` names, or None after a problem.

    `later` are the ids of the whole list, `own` is that of the entry itself. With `several` it may
    be all copies of an entry, or all its outputs: `ID.*`.
    """
    problems = values.problems
    text = node.value
    if not isinstance(text, str) or not _REFERENCE.match(text):
        problems.add("an input is named by `previous`, `input` or an id", node)
        return None
    parts = tuple(text.split("."))
    if len(parts) > MAX_PATH:
        problems.add(f"a path has at most {MAX_PATH} parts, not {len(parts):,}", node)
        return None
    head = parts[0]
    values.used.add(head)
    if parts[-1] == ALL and not several:
        problems.add(
            f"`{text}` is all copies or outputs of an entry, and here one tensor is named", node
        )
        return None
    if len(parts) > 1 and head in ("previous", "input"):
        problems.add(f"`{head}` has no parts: a path starts with an id", node)
        return None
    if head in names.tensors:
        return Reference(parts, node)
    if head == own:
        problems.add("an entry cannot be its own input", node)
    elif head in later:
        problems.add(
            f"`{head}` comes later, at {later[head].line_in(node.source)}: "
            "an input that points forward would make a cycle",
            node,
        )
    elif head == "input":
        inputs = [name for name in names.tensors if name != "previous"]
        problems.add(
            "`input` is not one tensor here: there are several inputs",
            node,
            "name one of " + ", ".join(inputs) if inputs else None,
        )
    else:
        hint = did_you_mean(head, names.tensors)
        if hint is None:
            hint = "an input is `previous`, `input` or the id of an earlier entry"
        problems.add(f"there is no `{head}` before this", node, hint)
    return None
