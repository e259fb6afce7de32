"""Steps and tensors of a network as they come to be: layers applied to typed tensors.

Equal layers and equal types are one object each, so that a layer on the same types is inferred
once however often it is repeated. Not here: which layer comes next; the walk knows.
"""

from __future__ import annotations

from typing import Any

from mnet_cost.errors import Problem
from mnet_cost.layers import Layer
from mnet_cost.layers.axes import Doubt, doubt, read_as
from mnet_cost.models.types import MAX_LAYERS, Entry, LayerBody, ModelSpec
from mnet_cost.network.budget import Budget
from mnet_cost.network.doubts import Noted, judge
from mnet_cost.network.evaluation import Evaluation
from mnet_cost.network.frames import Failed, Frame, Outputs, fail, kind_node, limit
from mnet_cost.network.inference import can_share, can_tie, excess, infer_outputs
from mnet_cost.network.types import Step, Tensor
from mnet_cost.tensors import Check, DType, RuleViolation, TensorType
from mnet_cost.yamlfile import Node

_VERBS = frozenset(("cannot", "joins", "needs"))  # messages of rules that go on after the kind
_MOST_SHOWN = 8
"""Inputs that a message names. Of more, it names the first of each type."""


class NetworkBuilder:
    """The steps and tensors of a network so far, and what makes the next ones."""

    def __init__(self, spec: ModelSpec, check: Check, budget: Budget) -> None:
        self.spec = spec
        self.check = check
        self.budget = budget
        self.tensors: list[Tensor] = []
        self.steps: list[Step] = []
        self._made: dict[tuple[Any, ...], tuple[LayerBody, Layer]] = {}
        """Layers by the identity of their body, which this keeps alive, and field values."""
        self._doubts: dict[tuple[int, ...], Doubt] = {}
        """By the same as `_inferred`, where there is one."""
        self._noted: list[Noted] = []
        self._static: set[int] = set()
        """Tensors that are stored, or made of stored ones alone."""
        self._types: dict[Any, TensorType] = {}
        self._inferred: dict[tuple[int, ...], tuple[TensorType, ...]] = {}
        """Output types by the identities of a layer and its input types, which steps keep alive."""
        self._shared: set[tuple[int, ...]] = set()
        """Layers and their input types, by identity, of which the second has the weights of the
        first."""

    def layer(self, frame: Frame, body: LayerBody, values: Evaluation) -> Layer:
        """The layer that `body` describes in `frame`."""
        if body.layer is not None:
            return body.layer
        given = [values.number(frame, value, name, kind) for name, kind, value in body.fields]
        key = (id(body), *given)
        try:
            made = self._made.get(key)
        except TypeError:  # arrays have no hash
            made, key = None, ()
        if made is not None:
            return made[1]
        fields = dict(zip([name for name, _, _ in body.fields], given, strict=True))
        layer = body.kind(**body.constants, **fields)
        if key:
            self._made[key] = (body, layer)
        return layer

    def place(
        self,
        frame: Frame,
        entry: Entry,
        path: str,
        sources: tuple[int, ...],
        layer: Layer,
        precision: DType | None = None,
    ) -> int | Outputs:
        """Apply `layer` to tensors; the index of its output, or of each of several."""
        if layer.arity[1] == 0:
            sources = ()
        tensors, steps = self.tensors, self.steps
        key: tuple[int, ...]
        if len(sources) == 1:  # nearly always
            types = [tensors[sources[0]].type]
            key = (id(layer), id(types[0]))
        else:
            types = [tensors[index].type for index in sources]
            key = (id(layer), *map(id, types))
        if precision is not None:
            self._check_precision(frame, entry, layer)
        elif self.spec.precision is not None and layer.has_precision():
            precision = self.spec.precision
        if precision is not None:
            key = (*key, id(precision))
        results = self._inferred.get(key)
        if results is None:
            given = tuple(types)
            try:
                results = infer_outputs(layer, given, self.check)
            except RuleViolation as violation:
                raise Failed(self._misfit(frame, entry, sources, layer, str(violation))) from None
            if precision is not None:
                results = tuple([result.stored_as(precision) for result in results])
            results = tuple([self._checked(result, entry.node, frame) for result in results])
            self._inferred[key] = results
            doubtful = doubt(layer, given)
            if doubtful is not None:
                self._doubts[key] = doubtful
        if self._doubts and key in self._doubts:
            about = self._doubts[key]
            self._noted.append(Noted(frame, entry, layer, sources[about.number], about))
        if len(steps) >= MAX_LAYERS:
            limit(frame, entry.node, f"more than {MAX_LAYERS:,} layers")
        first = len(tensors)
        is_static = layer.is_stored or (bool(self._static) and self._folds(layer, sources))
        if is_static:
            self._static.update(range(first, first + len(results)))
        if len(results) == 1:  # nearly always
            tensors.append(Tensor(path, results[0], len(steps)))
            steps.append(
                Step(
                    path, layer, sources, (first,), entry.node, frame.path, None, is_static, None,
                    precision,
                )
            )  # fmt: skip
            return first
        self.budget.spend("outputs of layers that have several", len(results), frame, entry.node)
        self.budget.spend("characters of names", len(results) * len(path), frame, entry.node)
        for number, result in enumerate(results):
            tensors.append(Tensor(f"{path}.{number}", result, len(steps)))
        outputs = tuple(range(first, len(tensors)))
        steps.append(
            Step(
                path, layer, sources, outputs, entry.node, frame.path, None, is_static, None,
                precision,
            )
        )  # fmt: skip
        return Outputs(outputs)

    def _check_precision(self, frame: Frame, entry: Entry, layer: Layer) -> None:
        if not layer.has_precision():
            fail(
                frame,
                kind_node(entry.node),
                f"`{layer.kind}` is a view of its input, and has the precision of that",
                "leave out `precision`",
            )

    def _folds(self, layer: Layer, sources: tuple[int, ...]) -> bool:
        """Whether a runtime knows the result of `layer` on these tensors beforehand."""
        return layer.is_known and bool(sources) and self._static.issuperset(sources)

    def input(self, frame: Frame, name: str, type_: TensorType, node: Node) -> int:
        """An input of the network; the index of its tensor."""
        self.tensors.append(Tensor(name, self._checked(type_, node, frame), None))
        return len(self.tensors) - 1

    def _checked(self, type_: TensorType, node: Node, frame: Frame) -> TensorType:
        """`type_`, or the one equal to it that is already there; no tensor is too large."""
        too_large = excess(type_, self.check)
        if too_large is not None:
            fail(frame, node, too_large)
        try:
            return self._types.setdefault((type_.shape, type_.dtype, type_.layout), type_)
        except TypeError:  # arrays have no hash
            return type_

    def _misfit(
        self, frame: Frame, entry: Entry, sources: tuple[int, ...], layer: Layer, message: str
    ) -> Problem:
        named = sources
        if len(sources) > _MOST_SHOWN:
            first: dict[TensorType, int] = {}
            for index in sources:
                first.setdefault(self.tensors[index].type, index)
            named = tuple(first.values())[:_MOST_SHOWN]
        shown = [f"{self._named(index)} is {self.tensors[index].type}" for index in named]
        if len(named) < len(sources):
            shown.append(f"and {len(sources) - len(named):,} more inputs")
        if not message.startswith("`"):
            verb = message.partition(" ")[0] in _VERBS
            message = f"`{layer.kind}`{'' if verb else ':'} {message}"
        text = f"{message}: {', '.join(shown)}" if shown else message
        hint = layer.shape_hint(tuple([self.tensors[index].type for index in sources]))
        return Problem(text, kind_node(entry.node).span(), hint, frame.trail())

    def _named(self, index: int) -> str:
        """A tensor as messages name it: `image` (line 3)."""
        tensor = self.tensors[index]
        node = (
            self.spec.inputs[index].node  # inputs are the first tensors, in this order
            if tensor.producer is None
            else self.steps[tensor.producer].node
        )
        return f"`{tensor.name}` ({self._line(node)})"

    def _line(self, node: Node) -> str:
        return node.line_in(self.spec.node.source)

    def doubts(self) -> tuple[list[Problem], list[Problem]]:
        """(Warnings, errors) about axes that nobody named, for each entry the first time."""
        if not self._noted:
            return [], []
        left, wrong = judge(self._noted, self.steps, self.tensors)
        warnings: dict[Node, Problem] = {}
        errors: dict[Node, Problem] = {}
        for noted in left:
            warnings.setdefault(noted.entry.node, self._doubt(noted))
        for noted, reader in wrong:
            read = read_as(reader.layer)
            because = f", and `{reader.name}` ({self._line(reader.node)}) as {read}s"
            errors.setdefault(noted.entry.node, self._doubt(noted, because))
        return list(warnings.values()), list(errors.values())

    def _doubt(self, noted: Noted, because: str = "") -> Problem:
        text = (
            f"`{noted.layer.kind}` treats {self._named(noted.tensor)}, "
            f"{self.tensors[noted.tensor].type}, as {noted.doubt.treated_as}{because}"
        )
        span = kind_node(noted.entry.node).span()
        return Problem(text, span, noted.doubt.hint, noted.frame.trail())

    def share(self, frame: Frame, entry: Entry, original: range, first: int) -> None:
        """Give the steps from `first` on the weights of the steps in `original`."""
        if len(original) != len(self.steps) - first:
            fail(frame, entry.node, "with this input the block has different layers")
        for old, new in zip(original, range(first, len(self.steps)), strict=True):
            mine, theirs = self.steps[new], self.steps[old]
            root = old if theirs.shares is None else theirs.shares
            self.steps[new] = mine._replace(shares=root, tied_to=None)
            pair = (*self._identity(theirs), *self._identity(mine))
            if pair in self._shared:
                continue
            same = can_share(theirs.layer, self._types_of(theirs), mine.layer, self._types_of(mine))
            try:
                self.check(
                    same,
                    f"`{mine.name}` cannot use the weights of `{theirs.name}` "
                    f"({self._line(theirs.node)}): its input is {self._input_types(mine)}, "
                    f"that of `{theirs.name}` is {self._input_types(theirs)}",
                )
            except RuleViolation as violation:
                fail(frame, entry.node, str(violation))
            self._shared.add(pair)

    def tie(self, frame: Frame, entry: Entry, owner: int) -> None:
        """Give the last step the trained matrix of the step `owner` for a kernel."""
        step, theirs = self.steps[-1], self.steps[owner]
        if theirs.shares is not None:
            owner, theirs = theirs.shares, self.steps[theirs.shares]
        if theirs.tied_to is not None:
            owner, theirs = theirs.tied_to, self.steps[theirs.tied_to]
        assert entry.weights_of is not None
        node, name = entry.weights_of.node, f"`{theirs.name}` ({self._line(theirs.node)})"
        matrix = theirs.layer.matrix(self._types_of(theirs))
        if matrix is None:
            fail(
                frame,
                node,
                f"{name} has no trained matrix that another layer could use"
                + (f": {theirs.layer.no_matrix}" if theirs.layer.no_matrix else ""),
                "`linear`, `embedding` and a `parameter` of two axes have one",
            )
        wanted = step.layer.matrix(self._types_of(step))
        assert wanted is not None  # or it would take no weights
        try:
            self.check(
                can_tie(theirs.layer, self._types_of(theirs), step.layer, self._types_of(step)),
                f"`{step.name}` cannot take the weights of {name}: it needs {{}} x {{}}, and those "
                "are {} x {}",
                *wanted,
                *matrix,
            )
        except RuleViolation as violation:
            fail(frame, node, str(violation))
        if step.precision != theirs.precision:
            stated = "no precision" if theirs.precision is None else f"`{theirs.precision.name}`"
            fail(frame, node, f"`{step.name}` has the weights of {name}, which states {stated}",
                 "state the same `precision` for both")  # fmt: skip
        self.steps[-1] = step._replace(tied_to=owner)

    def _identity(self, step: Step) -> tuple[int, ...]:
        return id(step.layer), *[id(self.tensors[index].type) for index in step.inputs]

    def _input_types(self, step: Step) -> str:
        return ", ".join(str(self.tensors[index].type) for index in step.inputs) or "nothing"

    def _types_of(self, step: Step) -> tuple[TensorType, ...]:
        return tuple([self.tensors[index].type for index in step.inputs])
