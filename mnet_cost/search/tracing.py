"""Which knobs and choices each entry of a network depends on, found while it is elaborated.

A value depends on the names in its expression, and an argument on what was bound to it, however
deep it is handed down. So whoever sets all that an entry has read to the same values, and gives it
the same input, gets the same layers. Sizes of tensors are no part of it: which entries may be
told apart although they speak of each other's tensors is decided in `partition.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mnet_cost.errors import SpecError
from mnet_cost.expressions import Expression, ExpressionError, parse_expression
from mnet_cost.models.types import Constant, Function, Model, ModelSpec, Value
from mnet_cost.network import Network, elaborate
from mnet_cost.network.evaluation import Evaluation
from mnet_cost.network.frames import Frame
from mnet_cost.yamlfile import Node

Sources = frozenset[str]
"""Names of knobs and paths of choices."""

_NONE: Sources = frozenset()


class TracedNetwork(NamedTuple):
    """A network, and what its entries have read on the way to it."""

    network: Network
    reads: Mapping[str, Sources]
    """By the path of an entry, what its own values depend on."""
    decisions: Mapping[str, Sources]
    """By the path of an entry, what decides whether it is there, how often, and what it calls."""
    input_reads: Sources
    """What the types of the network's inputs depend on."""


class BrokenNetwork(SpecError):
    """A network that cannot be elaborated, and what was seen of it until it broke."""

    def __init__(self, error: SpecError, tracing: _Tracing) -> None:
        super().__init__(error.problems)
        self.path = tracing.failed[0] if tracing.failed else ""
        """Of the first entry that failed, which all before it do not depend on; empty where the
        network as a whole did."""
        self.reads = tracing.reads
        self.decisions = tracing.decisions
        self.input_reads = tracing.input_reads()
        self.choices = tracing.choices
        self.names = [tensor.name for tensor in tracing.tensors]
        """Of the layers before it, among others."""

    @property
    def cause(self) -> str:
        """The first line of what is wrong, without its place."""
        return self.problems[0].message.partition("\n")[0]


def trace(model: Model, setting: Mapping[str, Any]) -> TracedNetwork:
    """Elaborate `model` with `setting`: values of knobs, and options of choices by their paths.

    Options of choices that the network does not reach with these knobs are ignored. Raises
    `BrokenNetwork` where the network breaks, and what else `elaborate` raises.
    """
    fixed = {**model.knobs, **{name: setting[name] for name in setting if "." not in name}}
    picked = {name: option for name, option in setting.items() if "." in name}
    traces: list[_Tracing] = []

    def evaluation(*arguments: Any) -> Evaluation:
        traces.append(_Tracing(model.spec, picked, *arguments))
        return traces[-1]

    try:
        network = elaborate(model.spec, fixed, evaluation=evaluation)
    except SpecError as error:
        if not traces:
            raise
        raise BrokenNetwork(error, traces[0]) from None
    (tracing,) = traces
    return TracedNetwork(network, tracing.reads, tracing.decisions, tracing.input_reads())


class _Tracing(Evaluation):
    """An evaluation that notes what each value depends on."""

    def __init__(self, spec: ModelSpec, picked: Mapping[str, Any], *arguments: Any) -> None:
        super().__init__(*arguments)
        self.reads: dict[str, Sources] = {}
        self.decisions: dict[str, Sources] = {}
        self._spec = spec
        self._picked = picked
        self._knobs = frozenset(self.names)
        self._let = _let_sources(spec, self._knobs)
        self._bound: dict[tuple[int, str, int], Sources] = {}
        """What a value depended on when it was bound to an argument: by the list in which it is
        written, the path of the call, and the value."""
        self._frames: list[Frame] = []  # alive, since `_bound` has their ids
        self._options: set[str] = set()
        """Choices met while the value at hand is evaluated."""

    def input_reads(self) -> Sources:
        """What the sizes of the inputs depend on."""
        sizes = [size for declared in self._spec.inputs for size in declared.sizes]
        return _NONE.union(*[self._named(size.node) for size in sizes])

    def evaluate(self, frame: Frame, value: Value) -> Any:
        """The value, and a note of what it depends on."""
        if value.constant:
            return super().evaluate(frame, value)
        here = frame.here
        self._options = set()
        result = None
        try:
            result = super().evaluate(frame, value)
        finally:  # that it fails depends on the same
            sources = self._sources(frame, value.node) | self._options
            if sources:
                self._frames.append(frame)
                self._bound[id(frame), here, id(value)] = sources
                self.reads[here] = self.reads.get(here, _NONE) | sources
                if type(result) is str:  # it may name what a block calls, however deep inside
                    self._note_decision(here, sources)
        return result

    def decide(self, frame: Frame, value: Value) -> Any:
        """The value, and a note of what the structure depends on."""
        here = frame.here
        try:
            return super().decide(frame, value)
        finally:
            self._note_decision(here, self._sources(frame, value.node) | self._options)

    def choice(self, frame: Frame, path: str, choices: tuple[Value, ...]) -> Any:
        """The option, which is set only once its choice is reached."""
        if path in self._picked:
            self.chosen[path] = self._picked[path]  # type: ignore[index]
        self._options.add(path)
        return super().choice(frame, path, choices)

    def _note_decision(self, here: str, sources: Sources) -> None:
        if sources:
            # A list of entries without a name of its own stands at the path of the list around it.
            here = here.rstrip(".")
            self.decisions[here] = self.decisions.get(here, _NONE) | sources

    def _sources(self, frame: Frame, node: Node) -> Sources:
        """What an expression, or any part of a list or choice, depends on in `frame`."""
        sources = _NONE
        for expression in _expressions(node):
            for use in expression.names:
                sources |= self._of_name(frame, use.name)
            for use in expression.functions:
                sources |= self._let.get(use.name, _NONE)
        return sources

    def _named(self, node: Node) -> Sources:
        """What a value at the top depends on, where there are no arguments."""
        sources = _NONE
        for expression in _expressions(node):
            for use in (*expression.names, *expression.functions):
                sources |= _of_global(use.name, self._let, self._knobs)
        return sources

    def _of_name(self, frame: Frame, name: str) -> Sources:
        if name in frame.bound:
            while frame.outer is not None:  # a list of entries sees the names around it
                frame = frame.outer
            value, where = frame.bound[name]
            return self._bound.get((id(where), frame.path, id(value)), _NONE)
        return _of_global(name, self._let, self._knobs)


def _expressions(node: Node) -> list[Expression]:
    """All expressions in a value; a word is one that names nothing."""
    raw = node.value
    if isinstance(raw, str):
        try:
            return [parse_expression(raw)]
        except ExpressionError:
            return []
    parts = raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list) else ()
    return [expression for part in parts for expression in _expressions(part)]


def _let_sources(spec: ModelSpec, knobs: frozenset[str]) -> dict[str, Sources]:
    """What each name of `let` depends on; it is read from top to bottom."""
    let: dict[str, Sources] = {}
    for definition in spec.definitions:
        sources = _NONE
        for expression in _definition(definition):
            for use in (*expression.names, *expression.functions):
                if use.name not in getattr(definition, "parameters", ()):
                    sources |= _of_global(use.name, let, knobs)
        let[definition.name] = sources
    return let


def _definition(definition: Function | Constant) -> list[Expression]:
    if isinstance(definition, Function):
        return [definition.expression]
    return _expressions(definition.value.node)


def _of_global(name: str, let: Mapping[str, Sources], knobs: frozenset[str]) -> Sources:
    if name in let:
        return let[name]
    return frozenset((name,)) if name in knobs else _NONE
