"""Warnings about knobs and blocks that nothing uses.

A name counts as used where the model or a variant writes it, whatever it stands for there. There
are no warnings for a file with problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from itertools import chain

from mnet_cost.errors import Problem, Source, did_you_mean, first_warnings
from mnet_cost.models.naming import WORD
from mnet_cost.models.sections import Sections
from mnet_cost.yamlfile import Node

_DECLARING = ("knobs", "blocks")


def unused(sections: Sections, used_by_model: Set[str]) -> tuple[Problem, ...]:
    """Warnings about knobs and blocks that neither the model nor a variant uses."""
    variants = sections.get("variants")
    patches = list(variants.value.values()) if variants and variants.value else []
    patched = [
        (name, section) for patch in patches for name, section in (patch.value or {}).items()
    ]
    used = set(used_by_model)
    for name, section in patched:
        if name in _DECLARING and isinstance(section.value, dict):
            used |= {word for value in section.value.values() for word in _words_of(value)}
        else:
            used |= _words_of(section)
    warnings: list[Iterator[Problem]] = []
    for part in _DECLARING:
        own = sections.keys(part)
        warnings.append(_unused_of_model(part, own, used, sections.root.source))
        added = [key for name, section in patched if name == part for key in section.keys.values()]
        warnings.append(_additions(part, own, added, used))
    return first_warnings(chain.from_iterable(warnings))


def unused_additions(
    sections: Sections, without_variant: Sections, used: Set[str]
) -> tuple[Problem, ...]:
    """Warnings about knobs and blocks that the variant in `sections` adds and nothing uses."""
    warnings: list[Iterator[Problem]] = []
    for part in _DECLARING:
        own, patched = without_variant.keys(part), sections.keys(part)
        warnings.append(_additions(part, own, patched.values(), used))
    return first_warnings(chain.from_iterable(warnings))


def _unused_of_model(
    part: str, own: Mapping[str, Node], used: Set[str], source: Source
) -> Iterator[Problem]:
    for name, key in own.items():
        if name not in used and key.source is source:  # what a file extends is as it is
            yield _warning(part, key, None)


def _additions(
    part: str, own: Mapping[str, Node], added: Iterable[Node], used: Set[str]
) -> Iterator[Problem]:
    for key in added:
        name = str(key.value)
        if name not in used and name not in own:
            yield _warning(part, key, did_you_mean(name, own))


def _warning(part: str, key: Node, hint: str | None) -> Problem:
    return Problem(f"the {part.removesuffix('s')} `{key.value}` is not used", key.span(), hint)


def _words_of(node: Node) -> set[str]:
    if isinstance(node.value, dict):
        words = set(node.value)
        for value in node.value.values():
            words |= _words_of(value)
        return words
    if isinstance(node.value, list):
        return {word for item in node.value for word in _words_of(item)}
    return set(WORD.findall(node.value)) if isinstance(node.value, str) else set()
