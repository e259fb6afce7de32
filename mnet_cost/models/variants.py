"""Variants: patches of a model file, applied to its nodes before anything is compiled.

Mappings merge key by key, anything else replaces, null removes. An entry of `layers` is patched by
its name; a list stands in its place. What a file extends is patched by the same rules. Nodes keep
their places, so an error in a patched model still shows the line where the user wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from mnet_cost.errors import did_you_mean, one_of
from mnet_cost.models.naming import defined_name, entry_names, model_name_problem
from mnet_cost.models.problems import Problems
from mnet_cost.models.types import MODIFIERS
from mnet_cost.yamlfile import Node

MAX_VARIANTS = 100
"""Most variants of a file: each is applied to all of it when the file is checked."""

PATCHED = ("precision", "knobs", "let", "input", "blocks", "layers", "outputs")
_WORDS = ("precision",)
"""Parts that are a word: null removes it."""


def variant_names(root: Node, problems: Problems) -> tuple[str, ...]:
    """The names of the variants of a file."""
    node = root.value.get("variants")
    if node is None or node.value is None:
        return ()
    if not isinstance(node.value, dict):
        problems.add("`variants` is a mapping from name to patch", node)
        return ()
    if len(node.keys) > MAX_VARIANTS:
        problems.add(f"more than {MAX_VARIANTS} variants", list(node.keys.values())[MAX_VARIANTS])
        return ()
    for key in node.keys.values():
        bad = model_name_problem(key, "a variant's name")
        if bad:
            problems.append(bad)
    return tuple(node.value)


def apply_variant(root: Node, name: str, problems: Problems) -> Node:
    """`root` with the variant `name` applied and the section `variants` left out."""
    patch = root.value["variants"].value[name]
    if patch.value is None or patch.value == {}:
        return _without(root, "variants")
    if not isinstance(patch.value, dict):
        problems.add("a variant is a mapping of what it changes", patch)
        return root
    result = _without(root, "variants")
    for section, change in patch.value.items():
        key = patch.keys[section]
        if section not in PATCHED:
            hint = did_you_mean(section, PATCHED) or f"a variant changes {one_of(PATCHED)}"
            problems.add(f"a variant has no part `{section}`", key, hint)
            continue
        if section in _WORDS and change.value is None:
            result = _without(result, section)
            continue
        base = result.value.get(section)
        merged = _patch_section(section, base, change, problems)
        if merged is not None:
            result = _with(result, section, merged, key)
    return result


def apply_patches(parent: Node, root: Node, problems: Problems) -> Node:
    """`root` with the network of `parent`, changed by the parts of `root` as by those of a variant.

    What is said about a network does not come along, only the parts that make it.
    """
    result = _without(root, "extends")
    for section in PATCHED:
        base, change = parent.value.get(section), root.value.get(section)
        if section in _WORDS and change is not None and change.value is None:
            result = _without(result, section)
        elif change is not None:
            merged = _patch_section(section, base, change, problems)
            if merged is not None:
                result = _with(result, section, merged, root.keys[section])
        elif base is not None:
            result = _with(result, section, base, parent.keys[section])
    return result


def _patch_section(
    section: str, base: Node | None, change: Node, problems: Problems
) -> Node | None:
    if change.value is None and section not in ("layers", "outputs"):
        return base  # nothing below `knobs:` is no knob to change
    if section == "layers" and isinstance(change.value, dict):
        return _patch_layers(base, change, problems)
    if section == "knobs" and isinstance(change.value, dict):
        return _patch_knobs(base, change)
    if base is not None and isinstance(base.value, dict) and isinstance(change.value, dict):
        return _merge(_named_as_in(change, base) if section == "let" else base, change)
    return change


def _named_as_in(change: Node, base: Node) -> Node:
    """A `let` in which a name that `change` has, too, is spelled as there: with its parameters."""
    spelled = {defined_name(key): key for key in change.value}
    result = base.like({spelled.get(defined_name(key), key): base.value[key] for key in base.value})
    result.keys = {spelled.get(defined_name(key), key): node for key, node in base.keys.items()}
    return result


def changes_nothing(root: Node, name: str) -> bool:
    """Whether the variant `name` is there and its patch is empty: it only gives a name."""
    variants = root.value.get("variants")
    if variants is None or not isinstance(variants.value, dict):
        return False
    patch = variants.value.get(name)
    return patch is not None and (patch.value is None or patch.value == {})


def sets_knobs_alone(root: Node, name: str) -> bool:
    """Whether the patch of the variant `name` has other values of knobs, and nothing else."""
    variants = root.value.get("variants")
    if variants is None or not isinstance(variants.value, dict):
        return False
    patch = variants.value.get(name)
    return patch is not None and isinstance(patch.value, dict) and list(patch.value) == ["knobs"]


def patched_knobs(root: Node, name: str | None) -> Mapping[str, Node]:
    """The knobs of a file by name, with the variant `name` applied."""
    knobs: Node | None = root.value.get("knobs")
    if name is not None:
        patch = root.value["variants"].value[name]
        change = patch.value.get("knobs") if isinstance(patch.value, dict) else None
        if change is not None and isinstance(change.value, dict):
            knobs = _patch_knobs(knobs, change)
    return knobs.value if knobs is not None and isinstance(knobs.value, dict) else {}


def with_section(node: Node, key: str, value: Node | None) -> Node:
    """A mapping with another value at `key`, which must be there; without it for None."""
    return _without(node, key) if value is None else _with(node, key, value, node.keys[key])


def _copy(node: Node) -> Node:
    copy = node.like(dict(node.value))
    copy.keys = dict(node.keys)
    return copy


def _without(node: Node, key: str) -> Node:
    copy = _copy(node)
    copy.value.pop(key, None)
    copy.keys.pop(key, None)
    return copy


def _with(node: Node, key: str, value: Node, key_node: Node) -> Node:
    copy = _copy(node)
    copy.value[key] = value
    copy.keys[key] = key_node
    return copy


def _merge(base: Node, change: Node) -> Node:
    merged = _copy(base)
    for key, value in change.value.items():
        if value.value is None:
            merged.value.pop(key, None)
            merged.keys.pop(key, None)
        else:
            merged.value[key] = value
            merged.keys[key] = change.keys[key]
    return merged


def _patch_knobs(base: Node | None, change: Node) -> Node:
    if base is None or not isinstance(base.value, dict):
        return change
    defaults = _copy(change)
    for key, value in change.value.items():
        before = base.value.get(key)
        if value.value is not None and before is not None and isinstance(before.value, dict):
            if isinstance(value.value, dict):
                defaults.value[key] = _merge(before, value)
            else:
                defaults.value[key] = _with(before, "default", value, change.keys[key])
    return _merge(base, defaults)


def _patch_layers(base: Node | None, change: Node, problems: Problems) -> Node | None:
    if base is None or not isinstance(base.value, list):
        return base
    places = _places(base)
    patched: dict[tuple[int, ...], list[Node]] = {}
    for name, patch in change.value.items():
        place = places.get(name)
        if place is None:
            problems.add(
                f"there is no entry `{name}` in `layers`",
                change.keys[name],
                did_you_mean(name, places)
                or "an entry is called by its `id`, else by its kind, with `_2` for the second",
            )
        elif patch.value is None:
            patched[place] = []
        elif isinstance(patch.value, list):
            patched[place] = patch.value
        else:
            entry = base.value[place[0]]
            for number in place[1:]:
                entry = entry.value["layers"].value[number]
            patched[place] = [_patch_entry(entry, patch)]
    return _with_entries(base, (), patched)


def _with_entries(
    entries: Node, at: tuple[int, ...], patched: Mapping[tuple[int, ...], list[Node]]
) -> Node:
    """The list at the place `at`, with what stands in place of the entries in it."""
    around = {place[: len(at) + 1] for place in patched if len(place) > len(at) + 1}
    result: list[Node] = []
    for number, entry in enumerate(entries.value):
        place = (*at, number)
        if place in around:
            group = _with_entries(entry.value["layers"], place, patched)
            result.append(_with(entry, "layers", group, entry.keys["layers"]))
        else:
            result += patched.get(place, (entry,))
    return entries.like(result)


@lru_cache(maxsize=4)
def _places(entries: Node) -> Mapping[str, tuple[int, ...]]:
    """`entry_names` of a list, which each variant of a file may patch."""
    return entry_names(entries)


def _patch_entry(entry: Node, patch: Node) -> Node:
    entry = _as_mapping(entry)
    if isinstance(patch.value, str) and entry.keys.keys().isdisjoint(MODIFIERS):
        return patch
    patch = _as_mapping(patch)
    if not isinstance(patch.value, dict):
        return patch  # compiling it will say what an entry is
    replaced = any(key not in MODIFIERS for key in patch.value)
    kept = [key for key in entry.value if not replaced or key in MODIFIERS]
    # An entry stands where its kind was written.
    result = (patch if replaced else entry).like({key: entry.value[key] for key in kept})
    result.value.update(patch.value)
    result.keys = {**{key: entry.keys[key] for key in kept}, **patch.keys}
    for key in [key for key in MODIFIERS if key in patch.value and patch.value[key].value is None]:
        del result.value[key], result.keys[key]
    return result


def _as_mapping(entry: Node) -> Node:
    """An entry that is a word alone as `WORD: {}`; any other one as it is."""
    if not isinstance(entry.value, str):
        return entry
    mapping = entry.like({entry.value: entry.like(None)})
    mapping.keys = {entry.value: entry}
    return mapping
