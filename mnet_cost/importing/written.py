"""The spec of a graph of layers: folded as far as it stays the same network, else flat.

Each form is elaborated and compared with the graph layer by layer (`check.py`) before it is kept.
Of two forms that are right the shorter one is taken. A form that is not right is never written:
the next simpler one is, and if even the flat one is not, that is an error of this program. The size
of images is a knob where no layer holds a number that depends on it, and where the spec is the
same network as the graph at twice the size as well.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.errors import SpecError
from mnet_cost.importing.blocks.fold import folded
from mnet_cost.importing.check import difference
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.resolution import FACTOR, image_inputs, resized, resolution_literals
from mnet_cost.importing.write import NO_KNOBS, Data, Knobs, UnwritableError, flat_data, spec_data
from mnet_cost.models.dump import dump_data
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.network import elaborate

MOST_FOLDED = 20_000
"""Layers of a graph that is folded; a larger one is written flat."""

_HELP = "pixels on each side"


class Written(NamedTuple):
    """The plain data of a spec, and what a reader has to know of how it was made."""

    data: Data
    notes: tuple[str, ...] = ()


class Resolution(NamedTuple):
    """Whether the size of images can be a knob."""

    knobs: Knobs
    at: dict[str, int]
    """Values of the knobs at which the spec is compared with `graph`."""
    graph: LayerGraph | None
    """The graph with images of that size; None where there is no knob."""
    notes: tuple[str, ...] = ()


def written(graph: LayerGraph, flat: bool = False) -> Written:
    """The shortest right spec of a graph; with `flat` an entry for each of its layers.

    Raises `AssertionError` where not even the flat spec is the graph.
    """
    free = resolution(graph)
    notes = free.notes
    if not flat and len(graph.layers) > MOST_FOLDED:
        notes = (*notes, f"more than {MOST_FOLDED:,} layers: written flat")
    elif not flat:
        right: list[tuple[int, int, Data]] = []
        for number, grammar in enumerate(folded([graph])):
            try:
                data = spec_data(grammar, free.knobs)
            except UnwritableError:
                continue
            if wrong(data, graph) is None and _is_free(data, free):
                right.append((dump_data(data).count("\n"), number, data))
        if right:
            return Written(_noted(min(right, key=lambda form: form[:2])[2], notes), notes)
        notes = (*notes, "no folded form was the same network: written flat")
    data = flat_data(graph, free.knobs)
    if wrong(data, graph) is None and not _is_free(data, free):
        data = flat_data(graph)
    what = wrong(data, graph)
    assert what is None, f"the written spec is another network: {what}"
    return Written(_noted(data, free.notes), notes)


def resolution(graph: LayerGraph) -> Resolution:
    """The knob for the size of images, or why it is none."""
    images = image_inputs(graph)
    sizes = {graph.inputs[number].type.shape[-2:] for number in images}
    if not images or len(sizes) > 1:
        return Resolution(NO_KNOBS, {}, None)
    ((height, width),) = sizes
    literals = resolution_literals(graph)
    larger = None if literals else resized(graph)
    if larger is None:
        first = literals[0] if literals else None
        where = ""
        if first is not None:
            layer = graph.layers[first.layer]
            where = f", since {layer.kind} ({layer.origin.nodes[-1]}) holds a size: {first.reason}"
        note = f"right at {height}x{width} only{where}"
        return Resolution(NO_KNOBS, {}, None, (note,))
    names = ("resolution",) * 2 if height == width else ("image_height", "image_width")
    declared = {names[0]: {"default": height, "help": _HELP if height == width else "rows"}}
    if height != width:
        declared[names[1]] = {"default": width, "help": "columns"}
    texts = {(number, axis): names[axis - 1] for number in images for axis in (1, 2)}
    at = {names[0]: FACTOR * height, names[1]: FACTOR * width}
    return Resolution(Knobs(declared, None, texts), at, larger)


def _noted(data: Data, notes: tuple[str, ...]) -> Data:
    """The data with what a reader has to know, in its source."""
    return {**data, "source": "; ".join((data["source"], *notes))} if notes else data


def _is_free(data: Data, free: Resolution) -> bool:
    """Whether a spec is the graph at the other size as well."""
    if free.graph is None:
        return True
    try:
        network = elaborate(spec_from_data(data), free.at)
    except SpecError:
        return False
    return difference(network, free.graph) is None


def wrong(data: Data, graph: LayerGraph) -> str | None:
    """In what a written spec is not the graph; None if it is."""
    try:
        network = elaborate(spec_from_data(data))
    except SpecError as error:
        return str(error)
    return difference(network, graph)
