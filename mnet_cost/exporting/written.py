"""A file that was made of a network, with what is in it and what is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mnet_cost.exporting.loops import LayerNests
from mnet_cost.network import Step


class Written(NamedTuple):
    """The text of a file, and what it says of the network."""

    text: str
    mult_adds: int
    """Of one example, in the file."""
    all_mult_adds: int
    """Of one example, of the network: a lower bound while `unknown` is not empty."""
    left_out: tuple[str, ...]
    """Layers with mult-adds, or of unknown work, that the format cannot say."""
    unknown: tuple[str, ...]
    """Layers of unknown work."""
    notes: tuple[str, ...]
    """What else is not in the file, a sentence each."""


def summary(
    text: str, layers: Sequence[LayerNests], others: Sequence[Step], notes: tuple[str, ...]
) -> Written:
    """The file with its counts; layers without mult-adds are named by their kinds."""
    kinds = Counter(step.layer.kind for step in others if not step.layer.is_stored)
    named = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    without = (f"layers without mult-adds are left out: {named}",) if named else ()
    return Written(
        text,
        sum(nest.mult_adds for layer in layers for nest in layer.nests),
        sum(layer.mult_adds or 0 for layer in layers),
        tuple([layer.step.name for layer in layers if not layer.nests]),
        tuple([layer.step.name for layer in layers if layer.mult_adds is None]),
        (*notes, *without),
    )
