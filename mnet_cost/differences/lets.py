"""Which layers a changed definition of `let` changes: by taking it back.

The text of a definition may change without a change of any value: `round` or `floor` of a whole
number. So the other network is elaborated with the old definition, and the layers that have other
fields then, or are not there, are those that the change reaches.
"""

from __future__ import annotations

from collections.abc import Collection

from mnet_cost.differences.definitions import let_texts
from mnet_cost.errors import MnetCostError
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import Network, elaborate

_MOST_TAKEN_BACK = 16
"""Definitions that are taken back, each with an elaboration of its own."""


def layers_of_lets(first: ModelSpec, other: Network) -> dict[str, frozenset[str]]:
    """Names of the layers of `other` that a definition changes, or would add, by its name.

    Definitions that are not in both specs, or cannot be taken back alone, are left out; so are
    those that change something only together (`max(a, b)`).
    """
    old, new = let_texts(first), let_texts(other.spec)
    changed = [name for name in new if name in old and old[name][0] != new[name][0]]
    layers: dict[str, frozenset[str]] = {}
    for name in changed[:_MOST_TAKEN_BACK]:
        reached = _reached(first, other, (name,))
        if reached is not None:
            layers[name] = reached
    without_effect = [name for name, reached in layers.items() if not reached]
    if len(without_effect) > 1 and _reached(first, other, without_effect) != frozenset():
        for name in without_effect:
            del layers[name]
    return layers


def _reached(first: ModelSpec, other: Network, names: Collection[str]) -> frozenset[str] | None:
    """Layers that differ without the new definitions of some names; None where they cannot be."""
    old = {each.name: each for each in first.definitions if each.name in names}
    definitions = tuple([old.get(each.name, each) for each in other.spec.definitions])
    try:
        network = elaborate(other.spec.with_definitions(definitions), other.knobs)
    except MnetCostError:
        return None
    now, then = ({step.name: step.layer for step in each.steps} for each in (other, network))
    return frozenset([name for name in now.keys() | then.keys() if now.get(name) != then.get(name)])
