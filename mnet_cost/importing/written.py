"""The spec of a graph of layers: folded as far as it stays the same network, else flat.

Each form is elaborated and compared with the graph layer by layer (`check.py`) before it is kept.
Of two forms that are right the shorter one is taken. A form that is not right is never written:
the next simpler one is, and if even the flat one is not, that is an error of this program. The size
of images is a knob where no layer holds a number that depends on it, and where the spec is the
same network as the graph at twice the size as well. Where layers hold such numbers, a program can
be exported at other sizes (`other_sizes.py`): then the spec has to be what comes of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from mnet_cost.errors import SpecError
from mnet_cost.importing.blocks.arguments import NotRecoveredError
from mnet_cost.importing.blocks.fold import folded
from mnet_cost.importing.blocks.grammar import Grammar
from mnet_cost.importing.check import difference
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.other_sizes import related, second_size, third_size
from mnet_cost.importing.resolution import FACTOR, image_inputs, resized, resolution_literals
from mnet_cost.importing.write import NO_KNOBS, Data, Knobs, UnwritableError, flat_data, spec_data
from mnet_cost.models.dump import dump_data
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.network import elaborate

MOST_FOLDED = 20_000
"""Layers of a graph that is folded; a larger one is written flat."""

_HELP = "pixels on each side"

AtSize = Callable[[int, int], LayerGraph | None]
"""The graph on images of a height and width; None where the program does not run on them."""


class Written(NamedTuple):
    """The plain data of a spec, and what a reader has to know of how it was made."""

    data: Data
    notes: tuple[str, ...] = ()


class Proof(NamedTuple):
    """What a spec has to be at other values of its knobs."""

    at: Mapping[str, Any]
    graph: LayerGraph
    may_refuse: bool = False
    """Whether the spec need not give a network there."""


class Resolution(NamedTuple):
    """Whether the size of images can be a knob."""

    knobs: Knobs
    graphs: tuple[LayerGraph, ...]
    """The graph that is written; also at a second size where layers hold sizes."""
    proofs: tuple[Proof, ...] = ()
    notes: tuple[str, ...] = ()


def written(graph: LayerGraph, flat: bool = False, at_size: AtSize | None = None) -> Written:
    """The shortest right spec of a graph; with `flat` an entry for each of its layers.

    `at_size` exports the same program on other images; it is called where layers hold sizes.
    Raises `AssertionError` where not even the flat spec is the graph.
    """
    free = resolution(graph, at_size)
    if len(free.graphs) > 1:
        data = _best(free) if not flat else _flat(free)
        if data is not None:
            return Written(data)
        free = resolution(graph)
    notes = free.notes
    if not flat and len(graph.layers) > MOST_FOLDED:
        notes = (*notes, f"more than {MOST_FOLDED:,} layers: written flat")
    elif not flat:
        data = _best(free)
        if data is not None:
            return Written(_noted(data, notes), notes)
        notes = (*notes, "no folded form was the same network: written flat")
    data = _flat(free)
    if data is None:
        data = flat_data(graph)
    what = wrong(data, graph)
    assert what is None, f"the written spec is another network: {what}"
    return Written(_noted(data, free.notes), notes)


def _best(free: Resolution) -> Data | None:
    """The shortest folded form that is right at all sizes; None where none is."""
    if len(free.graphs[0].layers) > MOST_FOLDED:
        return None
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


def resolution(graph: LayerGraph, at_size: AtSize | None = None) -> Resolution:
    """The knob for the size of images, or why it is none."""
    images = image_inputs(graph)
    sizes = {graph.inputs[number].type.shape[-2:] for number in images}
    if not images or len(sizes) > 1:
        return Resolution(NO_KNOBS, (graph,))
    ((height, width),) = sizes
    literals = resolution_literals(graph)
    if literals and at_size is not None and not literals[0].is_stored:
        proven = _proven(graph, at_size)
        if proven is not None:
            return proven
    larger = None if literals else resized(graph)
    if larger is None:
        first = literals[0] if literals else None
        where = ""
        if first is not None:
            layer = graph.layers[first.layer]
            where = f", since {layer.kind} ({layer.origin.nodes[-1]}) holds a size: {first.reason}"
        note = f"right at {height}x{width} only{where}"
        return Resolution(NO_KNOBS, (graph,), notes=(note,))
    proof = Proof(_at((height, width), (FACTOR * height, FACTOR * width)), larger)
    return Resolution(_size_knobs(graph), (graph,), (proof,))


def _proven(graph: LayerGraph, at_size: AtSize) -> Resolution | None:
    """The graph at two sizes, of which a spec is made that is right at both, and at a third."""
    size = graph.inputs[image_inputs(graph)[0]].type.shape[-2:]
    larger, odd = second_size(*size), third_size(*size)
    second = at_size(*larger)
    graphs = None if second is None else related((graph, second))
    if second is None or graphs is None:
        return None
    proofs = [Proof(_at(size, larger), graphs[1])]
    third = at_size(*odd)
    if third is not None:
        at_third = (related((graph, second, third)) or (third,))[-1]
        proofs.append(Proof(_at(size, odd), at_third, may_refuse=True))
    return Resolution(_size_knobs(graph), graphs, tuple(proofs))


def _size_knobs(graph: LayerGraph) -> Knobs:
    """The knobs for the size of images."""
    images = image_inputs(graph)
    height, width = graph.inputs[images[0]].type.shape[-2:]
    names = _size_names((height, width))
    declared = {names[0]: {"default": height, "help": _HELP if height == width else "rows"}}
    if height != width:
        declared[names[1]] = {"default": width, "help": "columns"}
    return Knobs(
        declared, None, {(number, axis): names[axis - 1] for number in images for axis in (1, 2)}
    )


def _size_names(size: tuple[int, ...]) -> tuple[str, str]:
    """Names of the knobs for the height and the width of images of a size."""
    return ("image_height", "image_width") if size[0] != size[1] else ("resolution",) * 2


def _at(size: tuple[int, ...], other: tuple[int, int]) -> dict[str, Any]:
    """Values of the knobs of images of a size at which they have the other size."""
    names = _size_names(size)
    if names[0] == names[1]:
        return {names[0]: other if other[0] != other[1] else other[0]}
    return dict(zip(names, other, strict=True))


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
        if difference(network, proof.graph) is not None:
            return False
    return True


def wrong(data: Data, graph: LayerGraph) -> str | None:
    """In what a written spec is not the graph; None if it is."""
    try:
        network = elaborate(spec_from_data(data))
    except SpecError as error:
        return str(error)
    return difference(network, graph)
