"""The spec of a graph of layers: folded as far as it stays the same network, else flat.

Each form is elaborated and compared with the graph layer by layer (`check.py`) before it is kept.
Of two forms that are right the shorter one is taken. A form that is not right is never written:
the next simpler one is, and if even the flat one is not, that is an error of this program. Ways to
have the size of images as a knob are tried in the order in which `image_sizes.py` gives them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from mnet_cost.errors import SpecError
from mnet_cost.importing.blocks.arguments import NotRecoveredError
from mnet_cost.importing.blocks.fold import folded
from mnet_cost.importing.blocks.grammar import Grammar
from mnet_cost.importing.check import difference
from mnet_cost.importing.flat import Data
from mnet_cost.importing.image_sizes import Program, Resolution, resolutions
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.write import UnwritableError, flat_data, spec_data
from mnet_cost.models.dump import dump_data
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.network import elaborate

MOST_FOLDED = 20_000
"""Layers of a graph that is folded; a larger one is written flat."""


class Written(NamedTuple):
    """The plain data of a spec, and what a reader has to know of how it was made."""

    data: Data
    graph: LayerGraph
    """The layers of the spec."""
    notes: tuple[str, ...] = ()


def written(graph: LayerGraph, flat: bool = False, program: Program | None = None) -> Written:
    """The shortest right spec of a graph; with `flat` an entry for each of its layers.

    `program` is what the graph was made of, where that can be run at other sizes. Raises
    `AssertionError` where not even the flat spec is the graph.
    """
    is_large = len(graph.layers) > MOST_FOLDED
    for free in resolutions(graph, program):
        notes = free.notes
        if is_large and not flat:
            notes = (*notes, f"more than {MOST_FOLDED:,} layers: written flat")
        elif not flat:
            data = _best(free)
            if data is not None:
                return Written(_noted(data, notes), free.graphs[0], notes)
            if free.knobs.declared:
                continue
            notes = (*notes, "no folded form was the same network: written flat")
        data = _flat(free)
        if data is not None:
            return Written(_noted(data, notes), free.graphs[0], notes)
    data = flat_data(graph)
    what = wrong(data, graph)
    assert what is None, f"the written spec is another network: {what}"
    return Written(_noted(data, notes), graph, notes)


def _best(free: Resolution) -> Data | None:
    """The shortest folded form that is right at all sizes; None where none is."""
    if len(free.graphs[0].layers) > MOST_FOLDED:
        return None
    if (len(free.graphs) > 1 or free.proofs[1:]) and _flat(free) is None:
        return None  # which is known sooner than by folding
    forms: list[tuple[int, int, Data]] = []
    for number, grammar in enumerate(folded(free.graphs)):
        with suppress(UnwritableError, NotRecoveredError):
            data = spec_data(grammar, free.knobs)
            forms.append((dump_data(data).count("\n"), number, data))
    for _, _, data in sorted(forms, key=lambda form: form[:2]):
        if wrong(data, free.graphs[0]) is None and _is_free(data, free):
            return data
    return None


def _flat(free: Resolution) -> Data | None:
    """The flat form; None where it is not right at all sizes."""
    try:
        data = spec_data(Grammar(free.graphs), free.knobs, named=True)
    except NotRecoveredError:
        return None
    return data if wrong(data, free.graphs[0]) is None and _is_free(data, free) else None


def _noted(data: Data, notes: tuple[str, ...]) -> Data:
    """The data with what a reader has to know, in its source."""
    return {**data, "source": "; ".join((data["source"], *notes))} if notes else data


def _is_free(data: Data, free: Resolution) -> bool:
    """Whether a spec is the graph at all other sizes at which it is known."""
    for proof in free.proofs:
        try:
            network = elaborate(spec_from_data(data), proof.at)
        except SpecError:
            if proof.may_refuse:
                continue
            return False
        if proof.graph is None or difference(network, proof.graph) is not None:
            return False
    return True


def wrong(data: Data, graph: LayerGraph) -> str | None:
    """In what a written spec is not the graph; None if it is."""
    try:
        network = elaborate(spec_from_data(data))
    except SpecError as error:
        return str(error)
    return difference(network, graph)
