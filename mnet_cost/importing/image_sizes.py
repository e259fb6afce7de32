"""Whether the size of images can be a knob of a spec, and at which sizes that has to be proven.

Ways to have the knob are given one after the other, the freest first; the last one has none. Who
writes the spec takes the first that is right everywhere where it has a proof. A file is known at
its own size alone, so no layer of it may hold a number that depends on sizes. A program is run at
other sizes, without elements: what it runs has to be the same there, or it is exported there, and
the spec has to be what comes of that. Where that fails, it may hold at multiples of a number.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from math import gcd
from typing import Any, NamedTuple

from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.other_sizes import related, second_size, third_size
from mnet_cost.importing.resolution import FACTOR, image_inputs, resized, resolution_literals
from mnet_cost.importing.runs import operator_names, runs_alike
from mnet_cost.importing.write import NO_KNOBS, Knobs

_HELP = "pixels on each side"

LARGE = (4, 5)
"""How many times as high and wide the largest images are on which a program is run."""

Size = tuple[int, int]
"""A height and a width."""


OperatorsAt = Callable[[int, int], tuple[Hashable, ...] | None]
"""What a program runs on images of a height and a width; None where it refuses them."""


def _unknown(height: int, width: int) -> None:
    """Nothing is known of what runs at a size."""


class Program(NamedTuple):
    """A model that can be run on images of other sizes."""

    graph_at: Callable[[int, int], LayerGraph | None]
    """The graph on images of a height and width, by an export; None where that is refused."""
    operators_at: OperatorsAt = _unknown
    """What it runs there, which is known in less time."""
    is_file: bool = False
    """Whether `graph_at` is a file that was written at one size, so that its numbers stay."""


class Proof(NamedTuple):
    """What a spec has to be at other values of its knobs."""

    at: Mapping[str, Any]
    graph: LayerGraph | None
    """None where the spec has to be refused."""
    may_refuse: bool = False
    """Whether the spec need not give a network there."""


class Resolution(NamedTuple):
    """A way in which the size of images is a knob, or none."""

    knobs: Knobs
    graphs: tuple[LayerGraph, ...]
    """The graph that is written; also at other sizes where numbers follow from them."""
    proofs: tuple[Proof, ...] = ()
    notes: tuple[str, ...] = ()


def resolutions(graph: LayerGraph, program: Program | None = None) -> Iterator[Resolution]:
    """Ways to have the size of images as a knob, the freest first; the last has none."""
    images = image_inputs(graph)
    sizes = {graph.inputs[number].type.shape[-2:] for number in images}
    if not images or len(sizes) > 1:
        yield Resolution(NO_KNOBS, (graph,))
        return
    ((height, width),) = sizes
    literals = resolution_literals(graph)
    larger = None if literals else resized(graph)
    if program is not None and program.is_file:
        if larger is not None:
            yield from _of_file(graph, program, larger, (height, width))
    elif program is not None:
        yield from _Program(graph, program, (height, width), larger).resolutions()
    elif larger is not None:
        yield _alike(graph, larger)
    where = "" if program is None else f", since {_OTHER[program.is_file]}"
    if literals:
        first = literals[0]
        layer = graph.layers[first.layer]
        where = f", since {layer.kind} ({layer.origin.nodes[-1]}) holds a size: {first.reason}"
    yield Resolution(NO_KNOBS, (graph,), notes=(f"right at {height}x{width} only{where}",))


_OTHER = {
    False: "the program is another one at other sizes",
    True: "a number of the file holds a size",
}


def _of_file(
    graph: LayerGraph, program: Program, larger: LayerGraph, size: Size
) -> Iterator[Resolution]:
    """The knob of a file none of whose layers holds a size.

    A number of it may be a size where there is no layer, as a reshape to the shape that a tensor
    has already. So its operators are mapped once more, at a size where they fit.
    """
    free = _alike(graph, larger)
    height, width = size
    for other in (third_size(height, width), (height + 32, width + 96), second_size(height, width)):
        mapped = program.graph_at(*other)
        if mapped is not None:
            yield free._replace(proofs=(*free.proofs, Proof(_at(size, other), mapped)))
            return


def _alike(graph: LayerGraph, larger: LayerGraph, multiple_of: int = 1) -> Resolution:
    """The knob of a graph without a number that depends on sizes."""
    height, width = graph.inputs[image_inputs(graph)[0]].type.shape[-2:]
    proof = Proof(_at((height, width), (FACTOR * height, FACTOR * width)), larger)
    return Resolution(_size_knobs(graph, multiple_of), (graph,), (proof,))


class _Program:
    """A program with what it runs at its own size."""

    def __init__(
        self, graph: LayerGraph, program: Program, size: Size, larger: LayerGraph | None
    ) -> None:
        self.graph = graph
        self.program = program
        self.size = size
        self.larger = larger
        """The layers at twice the size, where none of them holds a size."""
        self.own = program.operators_at(*size)

    def resolutions(self) -> Iterator[Resolution]:
        """The ways in which its size is a knob."""
        height, width = self.size
        odd = third_size(height, width)
        small = (max(height - height // 3, 1), max(width - width // 4 - 1, 1))
        large = (LARGE[0] * height + 1, LARGE[1] * width + 2)
        if self.larger is not None and all(map(self._is_alike, (odd, small, large))):
            yield _alike(self.graph, self.larger)
            return
        squares = (FACTOR * height, FACTOR * width)
        if all(map(self._refuses, (odd, squares, second_size(height, width)))):
            return
        second = self._graph_at(second_size(height, width))
        if second is not None and related((self.graph, second)) is None:
            second = None
        if second is not None and all(self._has_same_names(odd, size) for size in (small, large)):
            yield from self._proven(second, odd)
        multiple_of = self._multiple_of()
        if multiple_of is None:
            return
        if self.larger is not None:
            yield _alike(self.graph, self.larger, multiple_of)
        elif second is not None:
            near = (height + multiple_of, width + 3 * multiple_of)
            yield from self._proven(second, near, multiple_of)

    def _proven(self, second: LayerGraph, at: Size, multiple_of: int = 1) -> Iterator[Resolution]:
        """Of the graph at two sizes a spec is made that has to be right at a third as well; or it
        is made of the graph at all three."""
        third = self._graph_at(at)
        if third is None and multiple_of > 1:
            return
        knobs = _size_knobs(self.graph, multiple_of)
        larger, other = _at(self.size, second_size(*self.size)), _at(self.size, at)
        both = related((self.graph, second))
        three = None if third is None else related((self.graph, second, third))
        last = third if three is None else three[2]
        assert both is not None, "that was asked before the third export"
        proofs = (Proof(larger, both[1]), Proof(other, last, may_refuse=True))
        yield Resolution(knobs, both, proofs)
        if three is not None:
            yield Resolution(knobs, three, (Proof(larger, three[1]), Proof(other, three[2])))

    def _multiple_of(self) -> int | None:
        """The least number with multiples of which the program runs the same; None without one."""
        if self.own is None:
            return None
        found = gcd(*self.size)
        if found == 1 or not self._is_alike_at_multiples(found):
            return None
        for prime in _primes(found):
            if found > prime and self._is_alike_at_multiples(found // prime):
                found //= prime
        return found if found > 1 else None

    def _is_alike_at_multiples(self, number: int) -> bool:
        height, width = self.size
        half = (height // 2 // number or 1, width // 2 // number or 1)
        sizes = [(height + a * number, width + b * number) for a, b in ((1, 3), (2, 1), (3, 2))]
        sizes += [(half[0] * number, half[1] * number), second_size(height, width)]
        sizes.append((LARGE[0] * height, LARGE[1] * width))
        return all(map(self._is_alike, sizes))

    def _is_alike(self, size: Size) -> bool:
        other = self.program.operators_at(*size)
        return self.own is not None and other is not None and runs_alike(self.own, other)

    def _has_same_names(self, size: Size, other: Size) -> bool:
        """Whether the same operators run at two sizes, whatever their numbers; also where one of
        the sizes is refused."""
        runs = [self.program.operators_at(*each) for each in (size, other)]
        return None in runs or operator_names(runs[0] or ()) == operator_names(runs[1] or ())

    def _refuses(self, size: Size) -> bool:
        return self.own is not None and self.program.operators_at(*size) is None

    def _graph_at(self, size: Size) -> LayerGraph | None:
        return None if self._refuses(size) else self.program.graph_at(*size)


def _primes(number: int) -> Iterator[int]:
    """The prime factors of a number, the smallest first, each as often as it divides it."""
    prime = 2
    while prime * prime <= number:
        while number % prime == 0:
            yield prime
            number //= prime
        prime += 1
    if number > 1:
        yield number


def _size_knobs(graph: LayerGraph, multiple_of: int = 1) -> Knobs:
    """The knobs for the size of images."""
    images = image_inputs(graph)
    height, width = graph.inputs[images[0]].type.shape[-2:]
    names = _size_names((height, width))
    sides = {names[0]: (height, _HELP if height == width else "rows")}
    if height != width:
        sides[names[1]] = (width, "columns")
    multiple = {"multiple_of": multiple_of} if multiple_of > 1 else {}
    declared = {
        name: {"default": side, **multiple, "help": what} for name, (side, what) in sides.items()
    }
    return Knobs(
        declared, None, {(number, axis): names[axis - 1] for number in images for axis in (1, 2)}
    )


def _size_names(size: tuple[int, ...]) -> tuple[str, str]:
    """Names of the knobs for the height and the width of images of a size."""
    return ("image_height", "image_width") if size[0] != size[1] else ("resolution",) * 2


def _at(size: tuple[int, ...], other: Size) -> dict[str, Any]:
    """Values of the knobs of images of a size at which they have the other size."""
    names = _size_names(size)
    if names[0] == names[1]:
        return {names[0]: other if other[0] != other[1] else other[0]}
    return dict(zip(names, other, strict=True))
