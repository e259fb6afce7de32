"""The spec of a graph of layers: folded as far as it stays the same network, else flat.

Each form is elaborated and compared with the graph layer by layer (`check.py`) before it is kept.
Of two forms that are right the shorter one is taken. A form that is not right is never written:
the next simpler one is, and if even the flat one is not, that is an error of this program.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.errors import SpecError
from mnet_cost.importing.blocks.fold import folded
from mnet_cost.importing.check import difference
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.write import NO_KNOBS, Data, Knobs, UnwritableError, flat_data, spec_data
from mnet_cost.models.dump import dump_data
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.network import elaborate

MOST_FOLDED = 20_000
"""Layers of a graph that is folded; a larger one is written flat."""


class Written(NamedTuple):
    """The plain data of a spec, and what a reader has to know of how it was made."""

    data: Data
    notes: tuple[str, ...] = ()


def written(graph: LayerGraph, flat: bool = False, knobs: Knobs = NO_KNOBS) -> Written:
    """The shortest right spec of a graph; with `flat` an entry for each of its layers.

    Raises `AssertionError` where not even the flat spec is the graph.
    """
    notes: tuple[str, ...] = ()
    if not flat and len(graph.layers) > MOST_FOLDED:
        notes = (f"more than {MOST_FOLDED:,} layers: written flat",)
    elif not flat:
        right: list[tuple[int, int, Data]] = []
        for number, grammar in enumerate(folded([graph])):
            try:
                data = spec_data(grammar, knobs)
            except UnwritableError:
                continue
            text = dump_data(data)
            if wrong(data, graph) is None:
                right.append((text.count("\n"), number, data))
        if right:
            return Written(min(right, key=lambda form: form[:2])[2])
        notes = ("no folded form was the same network: written flat",)
    data = flat_data(graph, knobs)
    what = wrong(data, graph)
    assert what is None, f"the written spec is another network: {what}"
    return Written(data, notes)


def wrong(data: Data, graph: LayerGraph) -> str | None:
    """In what a written spec is not the graph; None if it is."""
    try:
        network = elaborate(spec_from_data(data))
    except SpecError as error:
        return str(error)
    return difference(network, graph)
