"""Budgets of a model file: what its network may cost, a list of entries.

    budgets:
      - {device: pixel_1, latency: 20 ms, params: 4.3 M, reason: "one frame of the camera"}
      - {variant: full, at: {alpha: 0.5}, mult_adds: 1.3 G}

Here is the form alone, and which entries are about a variant. Budgets are no part of the network:
what their keys mean is up to whoever checks them (`budgets/entries.py`). They do not come along
where another file extends this one.
"""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.errors import did_you_mean, one_of
from mnet_cost.models.sections import Sections
from mnet_cost.models.variants import changes_nothing, with_section
from mnet_cost.yamlfile import Node

SECTION = "budgets"
MAX_BUDGETS = 1000
"""Most entries of a file."""

_FORM = "as in `- {device: pixel_1, latency: 20 ms, params: 4.3 M}`"


def check_budgets(root: Sections, variants: Sequence[str]) -> None:
    """Problems of the form of the section: a list of mappings, each of a variant that is there."""
    section = root.get(SECTION)
    if section is None:
        return
    if not isinstance(section.value, list) or not section.value:
        root.problems.add("`budgets` is a list of entries with limits", section, _FORM)
        return
    if len(section.value) > MAX_BUDGETS:
        root.problems.add(f"more than {MAX_BUDGETS:,} budgets", section.value[MAX_BUDGETS])
        return
    for entry in section.value:
        if not isinstance(entry.value, dict):
            root.problems.add("a budget is a mapping of limits", entry, _FORM)
            continue
        named = entry.value.get("variant")
        if named is not None and named.value not in variants:
            hint = did_you_mean(named.text, variants) or (
                f"there is {one_of(variants)}" if variants else "the file has no variants"
            )
            root.problems.add(f"there is no variant `{named.text}`", named, hint)


def own_budgets(root: Node, variant: str | None) -> list[Node]:
    """The entries below `root` that are about a variant, or about the network without one."""
    section = root.value.get(SECTION)
    entries = section.value if section is not None and isinstance(section.value, list) else []
    return [
        entry
        for entry in entries
        if isinstance(entry.value, dict)
        and _variant(entry, root) == changing_variant(root, variant)
    ]


def keep_own_budgets(patched: Node, root: Node, variant: str) -> Node:
    """`patched`, which is `root` with its variant, with only the budgets that are about it."""
    if SECTION not in root.value:
        return patched
    entries = [
        with_section(entry, "variant", None) if "variant" in entry.value else entry
        for entry in own_budgets(root, variant)
    ]
    section = root.value[SECTION].like(entries) if entries else None
    return with_section(patched, SECTION, section)


def _variant(entry: Node, root: Node) -> str | None:
    named = entry.value.get("variant")
    return None if named is None else changing_variant(root, named.text)


def changing_variant(root: Node, variant: str | None) -> str | None:
    """The variant; None for one that only gives a name."""
    return None if variant is None or changes_nothing(root, variant) else variant
