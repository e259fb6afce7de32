"""The networks that a user can name: each shipped spec and each of its variants, and search.

A variant that changes nothing is the network of the file under another name. Files that cannot be
read are listed apart. Not here: what the networks cost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from mnet_cost.errors import ModelReferenceError, Problem, SpecError, did_you_mean
from mnet_cost.models.library import model_names, model_path, variants_of
from mnet_cost.models.variants import changes_nothing
from mnet_cost.yamlfile import Node, read_yaml

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

    For a word that no network has, those with a name of similar spelling. Raises
    `ModelReferenceError` where there is none.
    """
    totals = dict.fromkeys(range(len(networks)), 0.0)
    texts = [_Texts(network) for network in networks]
    for word in words:
        scores = {index: texts[index].score(_squashed(word)) for index in totals}
        best = max(scores.values(), default=0.0)
        least = 1.0 if best >= 1 else max(_CLOSE, best - _AS_GOOD)
        totals = {index: totals[index] + score for index, score in scores.items() if score >= least}
    if not totals:
        text = " ".join(words)
        names = [name for network in networks for name in network.names]
        hint = did_you_mean(text, names) or "`mnet-cost models` lists all"
        raise ModelReferenceError(Problem(f"no network matches `{text}`", hint=hint))
    return tuple(networks[index] for index in sorted(totals, key=lambda index: -totals[index]))


class _Texts:
    """The texts of one network that words are looked for in."""

    def __init__(self, network: Listed) -> None:
        self.names = [_squashed(name) for name in network.names]
        self.source = _squashed(network.source)
        parts = [part for name in network.names for part in _SEPARATORS.split(name)]
        self.parts = {*self.names, *(part.lower() for part in parts)}

    def score(self, word: str) -> float:
        """How well `word` fits: 4 a name, 3 the start of one, 2 a part of one, 1 a part of the
        source; below 1 the similarity of spelling to a name or a part of one."""
        if word in self.names:
            return 4.0
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
