"""Parts of a network: a layer, or all layers of a block, by its path.

Commands and budgets that are about a part ask here which layers it has, and what to say where there
are none.
"""

from __future__ import annotations

from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean
from mnet_cost.network.types import Network


class PartError(ModelReferenceError):
    """A part that a network does not have."""


def is_within(name: str, part: str | None) -> bool:
    """Whether a layer of that name is `part`, or in the block of that path; None is all."""
    return part is None or name == part or name.startswith(f"{part}.")


def check_part(network: Network, part: str) -> None:
    """Raise `PartError` where a network has no layer at or below the path of a part."""
    names = [step.name for step in network.steps]
    if any(is_within(name, part) for name in names):
        return
    prefixes = {name.rsplit(".", depth)[0] for name in names for depth in range(1, 4)}
    entries = [name.partition(".")[0] for name in names]
    known = dict.fromkeys([*entries, *network.calls, *sorted(prefixes), *names])
    message = f"{network.spec.title} has no layer or block `{part}`"
    hint = did_you_mean(part, list(known)) or "`mnet-cost analyze --by layer` lists the layers"
    raise PartError(Problem(message, hint=hint))
