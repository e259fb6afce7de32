"""A knob of a program, recovered from imports at several of its values.

The layers have to be the same ones at all values, but for numbers. A number that differs becomes an
expression of the knob: a multiple, a quotient, or a rounded product as in programs. The last value
takes no part in finding expressions: the spec has to give that network exactly, layer by layer, or
the knob is not offered, and the reason names the layer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from mnet_cost.errors import SpecError, UsageError
from mnet_cost.importing.blocks.arguments import NotRecoveredError
from mnet_cost.importing.blocks.fold import folded
from mnet_cost.importing.blocks.leaves import Number
from mnet_cost.importing.check import difference, other_structure
from mnet_cost.importing.flat import Data
from mnet_cost.importing.image_sizes import Program, Resolution, resolutions
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.resolution import resized
from mnet_cost.importing.write import NO_KNOBS, Knobs, UnwritableError, spec_data
from mnet_cost.models.dump import dump_data
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.network import elaborate
from mnet_cost.tensors import ceil, floor, make_divisible, round_even

_ROUNDINGS: tuple[tuple[str, Callable[[float], int]], ...] = (
    ("make_divisible({})", make_divisible),
    ("floor({})", floor),
    ("round({})", round_even),
    ("make_divisible({}, 4)", lambda value: int(make_divisible(value, 4))),
    ("make_divisible({}, 16)", lambda value: int(make_divisible(value, 16))),
    ("ceil({})", ceil),
)
"""How programs make a whole number of channels of a product, as text and as function."""

_MOST_DIVIDED = 1024


class NotOfferedError(UsageError):
    """A knob that cannot be recovered, and why."""


class Sample(NamedTuple):
    """The model at one value of the knob."""

    value: int | float
    graph: LayerGraph
    program: Program | None = None
    """What it runs at other sizes of images, where that is known."""


def with_knob(name: str, samples: Sequence[Sample]) -> Data:
    """Plain data of a spec with a knob that gives all of the samples, the last one unseen.

    Raises `NotOfferedError`, which says where, for fewer than three samples, for layers that come
    and go with the knob, and for numbers that no expression gives.
    """
    unlike = _unlike(name, samples)
    if unlike is not None:
        data = _with_repeats(name, samples)
        if data is None:
            raise NotOfferedError(unlike)
        return data
    seen = samples[:-1]
    free = _resolution_beside(name, samples)
    grammars = folded([sample.graph for sample in seen])
    reason = ""
    for rounding in range(len(_ROUNDINGS)):
        expressions = Expressions(name, [sample.value for sample in seen], rounding)
        right: list[tuple[int, Data]] = []
        for grammar in reversed(grammars):
            try:
                sizes = expressions.sizes([sample.graph for sample in seen])
                declared = {name: _declared(samples), **free.knobs.declared}
                knobs = Knobs(declared, expressions.text, {**sizes, **free.knobs.sizes})
                data = _named(spec_data(grammar, knobs), name)
            except UnwritableError:
                continue
            except NotRecoveredError as error:
                reason = reason or _number_reason(name, seen, error)
                continue
            wrong = _wrong(data, name, samples) or _wrong_larger(data, name, samples, free)
            if wrong is None:
                right.append((dump_data(data).count("\n"), data))
            else:
                reason = reason or wrong
        if right:
            return min(right, key=lambda form: form[0])[1]
    raise NotOfferedError(f"no knob `{name}`: {reason}")


def _resolution_beside(name: str, samples: Sequence[Sample]) -> Resolution:
    """The knob for the size of images beside another one: where it is one at all values of that."""
    free = [next(resolutions(sample.graph, sample.program)) for sample in samples]
    is_offered = all(
        each.proofs and len(each.graphs) == 1 and each.knobs == free[0].knobs for each in free
    )
    if is_offered and name not in free[0].knobs.declared:
        return free[0]
    return Resolution(NO_KNOBS, ())


def _wrong_larger(data: Data, name: str, samples: Sequence[Sample], free: Resolution) -> str | None:
    """In what a spec is not the model on larger images; None where their size is no knob."""
    for proof in free.proofs:
        for sample in samples:
            larger = resized(sample.graph)
            assert larger is not None, "a graph without sizes can be asked at any size"
            try:
                network = elaborate(spec_from_data(data), {**proof.at, name: sample.value})
            except SpecError as error:
                return str(error)
            what = difference(network, larger)
            if what is not None:
                return f"at {sample.value} on larger images, {what}"
    return None


def _declared(samples: Sequence[Sample]) -> Data:
    seen = ", ".join(str(sample.value) for sample in samples[:-1])
    return {
        "default": samples[0].value,
        "help": f"recovered from imports at {seen}; exact at {samples[-1].value}",
    }


def _with_repeats(name: str, samples: Sequence[Sample]) -> Data | None:
    """A spec whose knob says how often blocks are repeated; None where the samples differ in more.

    Each sample is folded by itself: the results have to be the same but for `repeat`.
    """
    expressions = Expressions(name, [sample.value for sample in samples[:-1]])
    for place in (-1, 0):
        grammars = [folded([sample.graph])[place] for sample in samples[:-1]]
        try:
            forms = [spec_data(grammar) for grammar in grammars]
        except UnwritableError:
            continue
        merged = _merged(forms, expressions)
        if merged is None:
            continue
        data = {**forms[0], "knobs": {name: _declared(samples)}}
        data = {**{key: data[key] for key in ("format", "name", "source", "knobs")}, **data}
        data |= merged
        if _wrong(data, name, samples) is None:
            return data
    return None


def _merged(forms: Sequence[Data], expressions: Expressions) -> Data | None:
    """What is the same in all forms, with expressions where `repeat` differs; else None."""
    try:
        return {
            key: _same(expressions, [form.get(key) for form in forms])
            for key in ("blocks", "layers")
            if key in forms[0]
        }
    except _DifferError:
        return None


class _DifferError(Exception):
    """Forms that differ in more than `repeat`."""


def _same(expressions: Expressions, values: Sequence[Any]) -> Any:
    first = values[0]
    if all(value == first for value in values):
        return first
    if all(isinstance(value, list) and len(value) == len(first) for value in values):
        return [_same(expressions, part) for part in zip(*values, strict=True)]
    if not all(isinstance(value, dict) for value in values):
        raise _DifferError
    counts = tuple([value.get("repeat", 1) for value in values])
    rest = [{key: part for key, part in value.items() if key != "repeat"} for value in values]
    if any(part.keys() != rest[0].keys() for part in rest):
        raise _DifferError
    same = {key: _same(expressions, [part[key] for part in rest]) for key in rest[0]}
    if len(set(counts)) == 1:
        return same | ({"repeat": counts[0]} if "repeat" in first else {})
    text = expressions.text(counts)
    if text is None:
        raise _DifferError
    return same | {"repeat": text}


def _unlike(name: str, samples: Sequence[Sample]) -> str | None:
    """Why samples differ in more than numbers; None where they do not.

    Raises `NotOfferedError` for too few values.
    """
    if len(samples) < 3 or len({sample.value for sample in samples}) < len(samples):
        raise NotOfferedError(
            f"a knob is recovered from at least three different values of `{name}`: the last one "
            "shows whether it is right"
        )
    first = samples[0]
    for sample in samples[1:]:
        unlike = other_structure(first.graph, sample.graph)
        if unlike is not None:
            return f"no knob `{name}`: from {first.value} to {sample.value} {unlike}"
    return None


def _number_reason(name: str, seen: Sequence[Sample], error: NotRecoveredError) -> str:
    graph = seen[0].graph
    layer = graph.layers[error.layer % len(graph.layers)]
    values = ", ".join(map(str, error.values))
    at = ", ".join(str(sample.value) for sample in seen)
    nodes = ", ".join(layer.origin.nodes) or layer.kind
    return f"no expression of {at} gives {values} as `{error.place}` of {layer.kind} ({nodes})"


def _wrong(data: Data, name: str, samples: Sequence[Sample]) -> str | None:
    """At which value, and in what, a spec is not the model; None if it is at all of them."""
    try:
        spec = spec_from_data(data)
        for sample in samples:
            what = difference(elaborate(spec, {name: sample.value}), sample.graph)
            if what is not None:
                return f"at {sample.value}, {what}"
    except SpecError as error:
        return str(error)
    return None


class Expressions:
    """Expressions of a knob for values at some of its own values."""

    def __init__(self, name: str, at: Sequence[int | float], rounding: int = 0) -> None:
        self.name = name
        self.at = list(at)
        self._first = rounding

    def text(self, values: tuple[Number, ...]) -> str | None:
        """The first expression that gives all of the values."""
        if not all(isinstance(value, (int, float)) and value > 0 for value in values):
            return None
        numbers = [value for value in values if isinstance(value, (int, float))]
        return next(self._texts(numbers), None)

    def sizes(self, graphs: Sequence[LayerGraph]) -> dict[tuple[int, int], str]:
        """Texts of the sizes of inputs that differ between graphs.

        Raises `NotOfferedError` for a size that no expression gives.
        """
        texts: dict[tuple[int, int], str] = {}
        for number, declared in enumerate(graphs[0].inputs):
            for axis in range(len(declared.type.shape)):
                sizes = tuple([graph.inputs[number].type.shape[axis] for graph in graphs])
                if len(set(sizes)) > 1:
                    text = self.text(sizes)
                    if text is None:
                        raise NotOfferedError(
                            f"no knob `{self.name}`: the input `{declared.name}` has sizes "
                            + ", ".join(map(str, sizes))
                        )
                    texts[number, axis] = text
        return texts

    def _texts(self, values: Sequence[int | float]) -> Iterator[str]:
        name, at = self.name, self.at
        if all(isinstance(k, int) for k in at):  # else a product is whole by chance
            factor = values[0] / at[0]
            if factor.is_integer() and [factor * k for k in at] == list(values):
                yield name if factor == 1 else f"{int(factor)} * {name}"
            yield from self._quotients(values)
        for text, function in (*_ROUNDINGS[self._first :], *_ROUNDINGS[: self._first]):
            yield from self._rounded(values, text, function, name, at)
            most = [max(1, k) for k in at]
            if most != at:
                yield from self._rounded(values, text, function, f"max(1, {name})", most)

    def _quotients(self, values: Sequence[int | float]) -> Iterator[str]:
        """Quotients of a size, and numbers of positions, which are products of two of them."""
        for divisor in range(1, min(_MOST_DIVIDED, int(max(self.at))) + 1):
            rounded = [int(k) // divisor for k in self.at]
            part = self.name if divisor == 1 else f"{self.name} // {divisor}"
            inner = part if divisor == 1 else f"({part})"
            for more in (0, 1, -1, 2):
                end = "" if not more else f" + {more}" if more > 0 else f" - {-more}"
                if (divisor > 1 or more) and list(values) == [size + more for size in rounded]:
                    yield part + end
                if list(values) == [size * size + more for size in rounded]:
                    yield f"{inner} * {inner}{end}"

    def _rounded(
        self,
        values: Sequence[int | float],
        text: str,
        function: Callable[[float], int],
        name: str,
        at: Sequence[int | float],
    ) -> Iterator[str]:
        """A whole number times the knob, rounded."""
        middle = values[0] / at[0]
        whole = [int(v) for v, k in zip(values, at, strict=True) if k == 1]
        near = range(max(int(middle * 0.8) - 8, 1), int(middle * 1.2) + 9)
        candidates = whole[:1] or sorted(near, key=lambda c: (-_twos(c), abs(c - middle)))
        for constant in candidates:
            if all(function(constant * k) == v for v, k in zip(values, at, strict=True)):
                yield text.format(f"{constant} * {name}")
                return


def _twos(number: int) -> int:
    """The power of two in a number, of at most 64: programs write widths with many."""
    return min(number & -number, 64)


_WIDTH = "make_divisible({} * {})"
_FEWEST = 3
"""Uses from which on a rounded product has a name."""


def _named(data: Data, knob: str) -> Data:
    """The data with `width(32)` for `make_divisible(32 * knob)` where that stands often."""
    pattern = re.compile(rf"make_divisible\((\d+) \* {re.escape(knob)}\)")
    uses = sum(len(pattern.findall(text)) for text in _texts_in(data))
    if uses < _FEWEST:
        return data
    arguments = {
        name for block in data.get("blocks", {}).values() for name in block.get("arguments", ())
    }
    name = "scaled" if "width" in arguments or knob == "width" else "width"
    named = _replaced(data, pattern, rf"{name}(\1)")
    ordered: Data = {}
    for key, value in named.items():
        ordered[key] = value
        if key == "knobs":
            ordered["let"] = {f"{name}(channels)": _WIDTH.format("channels", knob)}
    return ordered


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner)


def _replaced(value: Any, pattern: re.Pattern[str], text: str) -> Any:
    if isinstance(value, str):
        return pattern.sub(text, value)
    if isinstance(value, dict):
        return {key: _replaced(inner, pattern, text) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, pattern, text) for inner in value]
    return value
