"""The networks that a user can name: each shipped spec and each of its variants, and search.

A variant that changes nothing is the network of the file under another name. Files that cannot be
read are listed apart. Not here: what the networks cost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from typing import NamedTuple

from mnet_cost.errors import ModelReferenceError, Problem, SpecError, did_you_mean
from mnet_cost.models.library import model_names, model_path, variants_of
from mnet_cost.models.variants import changes_nothing
from mnet_cost.yamlfile import Node, read_yaml

_NAME = 4.0
"""The score of a word that is a name."""
_CLOSE = 0.8
_AS_GOOD = 0.06
"""Names are found whose score is at most this much below the best score."""
_DIGIT = re.compile("[0-9]")
_SEPARATORS = re.compile(r"[\W_]+")


class Listed(NamedTuple):
    """One network that can be named."""

    name: str
    """The shortest of its names that speaks for itself."""
    names: tuple[str, ...]
    """All names that mean it."""
    family: str
    """The name of its file."""
    path: str
    variant: str | None
    source: str
    root: Node


class Catalog(NamedTuple):
    """All networks, and the files that could not be read."""

    networks: tuple[Listed, ...]
    broken: tuple[SpecError, ...]


def read_catalog() -> Catalog:
    """All shipped networks, by file and in the order of each file."""
    roots: dict[str, Node] = {}
    broken = []
    for family in model_names():
        try:
            roots[family] = read_yaml(model_path(family))
        except SpecError as error:
            broken.append(error)
    counts = Counter(variant for root in roots.values() for variant in variants_of(root))
    alone = {variant for variant, count in counts.items() if count == 1} - set(model_names())
    listed = [
        network for family, root in roots.items() for network in _networks(family, root, alone)
    ]
    return Catalog(tuple(listed), tuple(broken))


def _networks(family: str, root: Node, alone: set[str]) -> list[Listed]:
    """The networks of one file; `alone` are the variants that no other file has."""
    path = model_path(family)
    section = root.value.get("source") if isinstance(root.value, dict) else None
    source = section.value if section is not None and isinstance(section.value, str) else ""
    base = [family]
    changed = []
    for variant in variants_of(root):
        names = [f"{family}:{variant}", *([variant] if variant in alone else [])]
        if changes_nothing(root, variant):
            base += names
        else:
            name = _best(names, family)
            changed.append(Listed(name, tuple(names), family, path, variant, source, root))
    return [Listed(_best(base, family), tuple(base), family, path, None, source, root), *changed]


def _best(names: Sequence[str], family: str) -> str:
    """A variant alone where its name says enough, as `resnet50` does; else the first name."""
    alone = [name for name in names if ":" not in name and name != family]
    telling = (name for name in alone if family in name or _DIGIT.search(name))
    return next(telling, names[0])


def search(networks: Sequence[Listed], words: Sequence[str]) -> tuple[Listed, ...]:
    """The networks that have each of `words` in their names, family or source, best first.

    Where none has them all, and where every word is a name, those of each word, in the order of the
    words. A word with `*` or `?` is a pattern of names. Where a word is in none, those with a name
    that is spelled like it. `ModelReferenceError` if nothing is close.
    """
    texts = [_Texts(network) for network in networks]
    scores = [[text.score(word) for text in texts] for word in words]
    each = range(len(networks))
    names = {_squashed(name) for network in networks for name in (network.name, network.family)}
    are_names = len(words) > 1 and all(_squashed(word) in names for word in words)
    in_all = [i for i in each if all(own[i] >= 1 for own in scores)]
    if in_all and not are_names:
        return _best_first(networks, in_all, scores)
    alike = _alike(scores, len(networks))
    are_parts = are_names or all(max(own, default=0.0) >= 1 for own in scores)
    if alike and not (are_parts and len(words) > 1):
        return _best_first(networks, alike, scores)
    merged: dict[int, None] = {}
    for word, own in zip(words, scores, strict=True):
        matches = _alike([own], len(networks))
        if not matches:
            known = [name for network in networks for name in network.names]
            hint = did_you_mean(word, known) or "`mnet-cost models` lists all"
            raise ModelReferenceError(Problem(f"no network matches `{word}`", hint=hint))
        merged |= dict.fromkeys(_best_first_of(own, matches))
    return tuple(networks[i] for i in merged)


def _best_first_of(own: Sequence[float], matches: Sequence[int]) -> list[int]:
    return sorted(matches, key=lambda i: -own[i])


def _alike(scores: Sequence[Sequence[float]], count: int) -> list[int]:
    """Numbers of the networks that have each word, or a name as much like it as any other."""
    matches = list(range(count))
    for own in scores:
        best = max((own[i] for i in matches), default=0.0)
        least = 1.0 if best >= 1 else max(_CLOSE, best - _AS_GOOD)
        matches = [i for i in matches if own[i] >= least]
    return matches


def _best_first(
    networks: Sequence[Listed], matches: Sequence[int], scores: Sequence[Sequence[float]]
) -> tuple[Listed, ...]:
    ordered = sorted(matches, key=lambda i: -sum([own[i] for own in scores]))
    return tuple(networks[i] for i in ordered)


class _Texts:
    """The texts of one network that words are looked for in."""

    def __init__(self, network: Listed) -> None:
        self.written = [name.lower() for name in network.names]
        self.names = [_squashed(name) for name in network.names]
        self.source = _squashed(network.source)
        parts = [part for name in network.names for part in _SEPARATORS.split(name)]
        self.parts = {*self.names, *(part.lower() for part in parts)}

    def score(self, word: str) -> float:
        """4 for a name or a pattern of one, 3 for the start of one, 2 for a part of one or 1 of the
        source; below 1 how much a name or part of one is like `word`."""
        if "*" in word or "?" in word:
            return _NAME * any(fnmatchcase(name, word.lower()) for name in self.written)
        word = _squashed(word)
        if word in self.names:
            return _NAME
        if any(name.startswith(word) for name in self.names):
            return 3.0
        if any(word in name for name in self.names):
            return 2.0
        if len(word) > 2 and word in self.source:  # a letter or two are in many by chance
            return 1.0
        starts = {part[: len(word) + 1] for part in self.parts}
        like = max(SequenceMatcher(None, word, part).ratio() for part in (*self.parts, *starts))
        # An equal one, which cannot be as good as a name, has words of less than two letters.
        at_start = any(name.startswith(word[:2]) for name in self.names)
        return like * (0.99 if at_start else 0.95)


def _squashed(text: str) -> str:
    """Small letters and digits alone: `MobileNet-V2` is `mobilenetv2`."""
    return _SEPARATORS.sub("", text).lower()
