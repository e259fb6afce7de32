"""`elaborate(spec, knobs)`: one walk that resolves names, values, structure and shapes.

A block may speak of its input, so shapes are needed while the structure is still being made:
there is no separate pass for either. An error stops the top-level entry it is in; entries that
do not depend on that one go on, so that all independent errors come at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from mnet_cost.errors import MAX_PROBLEMS, Problem, SpecError, first_warnings
from mnet_cost.layers.fields import Whole
from mnet_cost.models.calls import arity_problem, weights_problem
from mnet_cost.models.entries import copies_problem
from mnet_cost.models.types import (
    MAX_BLOCK_DEPTH,
    ArgumentBody,
    Block,
    BlockBody,
    Body,
    Entry,
    GroupBody,
    LayerBody,
    ModelSpec,
    Reference,
    UseBody,
    Value,
)
from mnet_cost.network.budget import Budget
from mnet_cost.network.builder import NetworkBuilder
from mnet_cost.network.evaluation import Evaluation, EvaluationBySide
from mnet_cost.network.frames import (
    UNKNOWN,
    Absent,
    ArgumentNames,
    BlockResult,
    Copies,
    Failed,
    Frame,
    LimitFailed,
    Outputs,
    UnknownInputError,
    fail,
    kind_node,
    known,
)
from mnet_cost.network.kind_arguments import kind_of_argument
from mnet_cost.network.knobs import knob_values, refuse_unknown_choices
from mnet_cost.network.types import Call, Network, Step, dead_ends
from mnet_cost.tensors import (
    DTYPES,
    Check,
    HeightWidth,
    TensorType,
    require,
)
from mnet_cost.yamlfile import Node


def elaborate(
    spec: ModelSpec,
    knobs: Mapping[str, Any] | None = None,
    check: Check = require,
    evaluation: Callable[..., Evaluation] = Evaluation,
) -> Network:
    """The network for `knobs` (defaults elsewhere; the built-in knob `batch` is 1).

    With NumPy arrays as knob values and a `Mask` as `check`, sizes are arrays of doubles, exact up
    to 2^53; structure (`when`, `repeat`, kinds) must then be the same for all candidates.
    `evaluation` makes what evaluates the values: another one can watch what they depend on.
    Raises `SpecError` for sizes that do not fit, `ModelReferenceError` for knobs that are not there
    and `UsageError` for values that a knob cannot have.
    """
    elaboration = _Elaboration(spec, dict(knobs or {}), check, evaluation)
    extension = spec.extension
    if extension is None:
        return elaboration.network()
    try:
        network = elaboration.network()
    except SpecError as error:
        raise SpecError(extension.explained(error.problems)) from None
    network.warnings = tuple(extension.explained(network.warnings))
    return network


class _Elaboration:
    """The structure of one network as it comes to be; `values` evaluates what it needs."""

    def __init__(
        self,
        spec: ModelSpec,
        knobs: dict[str, Any],
        check: Check,
        evaluation: Callable[..., Evaluation],
    ) -> None:
        self.spec = spec
        self.budget = Budget()
        self.builder = NetworkBuilder(spec, check, self.budget)
        self.steps = self.builder.steps
        self.tensors = self.builder.tensors
        self.calls: dict[str, Call] = {}
        self.problems: list[Problem] = []
        self._callees: dict[tuple[int, str, int], Block | LayerBody] = {}
        """What an entry stands for, by it (the spec keeps it alive), its argument and inputs."""
        self.knobs, chosen = knob_values(spec, knobs, check)
        self._stated = tuple(knobs)
        self.values = evaluation(self.knobs, chosen, check, self.tensors, spec.node, self.budget)

    def network(self) -> Network:
        """Walk the whole spec."""
        try:
            by_side = None
            if any(isinstance(value, HeightWidth) for value in self.knobs.values()):
                by_side = self.values.define_by_side(self.spec.definitions)
            else:
                self.values.define(self.spec.definitions)
            top, inputs = self._inputs(by_side)
            layers = self.spec.node.value["layers"]
            self.budget.spend_list(self.spec.entries, "", top, layers)
        except Failed as failure:
            raise SpecError(failure.problem) from None
        for entry in self.spec.entries:
            try:
                self.entry(top, entry)
            except Failed as failure:
                self.problems.append(failure.problem)
                is_limit = isinstance(failure, LimitFailed)
                self.values.failed.append("" if is_limit else failure.path or top.here)
                self._poison(top, entry)
                if is_limit or len(self.problems) >= MAX_PROBLEMS:
                    break
            except UnknownInputError:
                self._poison(top, entry)
        outputs = self._outputs(top)
        if self.problems:
            raise SpecError(dict.fromkeys(self.problems))
        if not self.steps:
            raise SpecError(
                Problem("nothing is left of the network", self.spec.node.value["layers"].span())
            )
        refuse_unknown_choices(self.spec, self.values.chosen, self.values.choices)
        network = Network(
            self.spec,
            {**self.knobs, **self.values.chosen},
            tuple(self.tensors),
            tuple(self.steps),
            inputs,
            outputs,
            self.calls,
            self.values.choices,
            stated=self._stated,
        )
        network.warnings = self._warnings(network)
        return network

    # --- knobs, `let`, inputs, outputs

    def _inputs(self, by_side: EvaluationBySide | None) -> tuple[Frame, tuple[int, ...]]:
        top = Frame(self.values, self.values.names, "", 0)
        indices = []
        for declared in self.spec.inputs:
            scopes = [(self.values, top)] * len(declared.sizes)
            if by_side is not None and len(scopes) > 2 and declared.layout != "sequence":
                scopes[-2:] = [(values, Frame(values, values.names, "", 0)) for values in by_side]
            sizes = tuple(
                values.number(scope, size, declared.name, Whole())
                for (values, scope), size in zip(scopes, declared.sizes, strict=True)
            )
            dtype = self.spec.precision if declared.dtype is None else DTYPES[declared.dtype]
            index = self.builder.input(
                top,
                declared.name,
                TensorType(sizes, dtype, declared.layout or "input"),
                declared.node,
            )
            top.inputs[declared.name] = index
            indices.append(index)
        if len(indices) == 1:
            top.inputs["input"] = indices[0]
            top.previous = indices[0]
        return top, tuple(indices)

    def _outputs(self, top: Frame) -> tuple[int, ...]:
        if not self.spec.outputs:
            if isinstance(top.previous, Outputs):
                return top.previous.tensors
            return () if top.previous in (None, UNKNOWN) else (top.previous,)
        indices = []
        for reference in self.spec.outputs:
            try:
                indices.append(top.resolve(reference))
            except Failed as failure:
                self.problems.append(failure.problem)
            except UnknownInputError:
                pass
        return tuple(indices)

    def _warnings(self, network: Network) -> tuple[Problem, ...]:
        """Warnings about a network; raises `SpecError` where layers contradict each other."""
        warnings, wrong = self.builder.doubts()
        if wrong:
            raise SpecError(wrong)
        ends: dict[Node, list[Step]] = {}
        for step in dead_ends(network):
            ends.setdefault(step.node, []).append(step)
        for node, steps in ends.items():
            more = f" (and {len(steps) - 1} more of this line)" if len(steps) > 1 else ""
            warnings.append(Problem(f"no output depends on `{steps[0].name}`{more}", node.span()))
        read = {index for step in self.steps for index in step.inputs}
        for index, declared in zip(network.inputs, self.spec.inputs, strict=True):
            if index not in read:
                warnings.append(
                    Problem(f"no layer reads the input `{declared.name}`", declared.node.span())
                )
        return first_warnings(warnings)

    def _poison(self, frame: Frame, entry: Entry) -> None:
        frame.bindings[entry.name] = UNKNOWN
        frame.previous = UNKNOWN

    # --- entries

    def entry(self, frame: Frame, entry: Entry) -> None:
        """Walk one entry and leave its value in `frame`."""
        body, name = entry.body, entry.name
        plain = entry.when is None and entry.repeat is None and entry.weights_of is None
        if type(body) is LayerBody and plain:
            # Nearly every entry: kept short, since this is where the time goes.
            frame.here = path = f"{frame.path}.{name}" if frame.path else name
            sources = self.sources(frame, entry)
            layer = body.layer or self.builder.layer(frame, body, self.values)
            output = self.builder.place(frame, entry, path, sources, layer, entry.precision)
            frame.previous = frame.bindings[name] = output
            return
        frame.here = frame.path_of(name)
        if entry.when is not None:
            present = self.values.decide(frame, entry.when)
            if not isinstance(present, bool):
                span = frame.origin(entry.when)[0].node.span()
                message = f"`when` needs a condition, true or false, not {shown(present)}"
                raise Failed(Problem(message, span, None, frame.trail()))
            if not present:
                self._skip(frame, entry, "`when` is false")
                return
        if entry.repeat is not None:
            count = self.values.decide(frame, entry.repeat)
            problem = copies_problem(count)
            if problem:
                span = frame.origin(entry.repeat)[0].node.span()
                raise Failed(Problem(problem, span, None, frame.trail()))
            if not count:
                self._skip(frame, entry, "`repeat` is 0")
                return
            value: Any = self._repeat(frame, entry, int(count))
        else:
            path = frame.path if isinstance(body, GroupBody) and body.inline else frame.here
            value = self.body(frame, entry, path, self.sources(frame, entry), body)
            if name:
                frame.bindings[name] = value
        frame.previous = value if isinstance(value, (int, Outputs)) else value.tensor

    def _skip(self, frame: Frame, entry: Entry, reason: str) -> None:
        """Leave `entry` out: it stands for its input, if that is one tensor."""
        stands_for = None
        if entry.sources is None:
            stands_for = frame.previous if isinstance(frame.previous, int) else None
        elif len(entry.sources) == 1 and not entry.sources[0].is_several:
            try:
                stands_for = frame.resolve(entry.sources[0])
            except UnknownInputError:
                stands_for = UNKNOWN
            except Failed:
                pass  # what it would read is not there either: then it stands for nothing
        absent = Absent(stands_for, reason)
        if entry.name:
            frame.bindings[entry.name] = absent
        elif isinstance(entry.body, GroupBody):  # its entries are named in this list
            for name in _inline_names(entry.body):
                frame.bindings[name] = Absent(None, reason)

    def _repeat(self, frame: Frame, entry: Entry, count: int) -> Copies:
        sources = self.sources(frame, entry)
        if count > 1 and len(sources) > 1:
            fail(
                frame,
                entry.node,
                f"each copy reads the copy before it: {count} copies cannot have {len(sources)} "
                "inputs",
                "repeat a block or `layers` that holds this entry",
            )
        copies: list[Any] = []
        path = frame.path_of(entry.name)
        if not isinstance(entry.body, (BlockBody, GroupBody)):  # those charge what is in them
            self.budget.spend("entries", count, frame, entry.node)
            self.budget.spend("characters of names", count * len(path), frame, entry.node)
        tensor = UNKNOWN
        for number in range(1, count + 1):
            frame.here = f"{path}.{number}"
            value = self.body(frame, entry, frame.here, sources, entry.body, number)
            copies.append(value)
            if isinstance(value, Outputs):
                fail(
                    frame, entry.node, "a copy must have one output, because the next copy reads it"
                )
            tensor = value if isinstance(value, int) else value.tensor
            sources = (tensor,)
        result = Copies(tensor, copies)
        frame.bindings[entry.name] = result
        return result

    def sources(self, frame: Frame, entry: Entry) -> tuple[int, ...]:
        """Indices of an entry's inputs."""
        if entry.sources is not None:
            if any(reference.is_several for reference in entry.sources):
                return self._all_sources(frame, entry, entry.sources)
            return tuple([frame.resolve(reference) for reference in entry.sources])
        previous = frame.previous
        if previous is None or isinstance(previous, Outputs):
            return (frame.resolve(Reference(("previous",), entry.node)),)
        if previous == UNKNOWN:
            raise UnknownInputError
        return (previous,)

    def _all_sources(
        self, frame: Frame, entry: Entry, references: tuple[Reference, ...]
    ) -> tuple[int, ...]:
        """Indices of inputs among which are all copies of an entry: how many, is known here."""
        sources: list[int] = []
        for reference in references:
            if reference.is_several:
                sources += frame.resolve_all(reference)
            else:
                sources.append(frame.resolve(reference))
        self.budget.spend("inputs of layers", len(sources), frame, entry.node)
        if not sources:
            named = ", ".join(f"`{reference}`" for reference in references)
            fail(frame, entry.node, f"no input is left: of {named} there is none")
        body = entry.body
        if isinstance(body, LayerBody):
            problem = arity_problem(body.kind, len(sources))
            if problem:
                fail(frame, entry.node, *problem)
        elif isinstance(body, GroupBody) and len(sources) != 1:
            fail(frame, entry.node, f"`layers` has one input, not {len(sources)}")
        return tuple(sources)

    def body(
        self,
        frame: Frame,
        entry: Entry,
        path: str,
        sources: tuple[int, ...],
        body: Body,
        copy: int | None = None,
    ) -> Any:
        """Walk what an entry holds; returns what it leaves behind."""
        if isinstance(body, LayerBody):
            return self.layer(frame, entry, path, sources, body)
        if isinstance(body, BlockBody):
            block = self.spec.blocks[body.block]
            assert isinstance(block, Block)
            return self.block(frame, entry, path, sources, block, body.arguments, copy)
        if isinstance(body, GroupBody):
            return self.group(frame, entry, path, sources, body, copy)
        if isinstance(body, ArgumentBody):
            return self.argument(frame, entry, path, sources, body, copy)
        return self.use(frame, entry, path, sources, body, copy)

    def layer(
        self, frame: Frame, entry: Entry, path: str, sources: tuple[int, ...], body: LayerBody
    ) -> int | Outputs:
        """Place one layer; the index of its output, or of each of several."""
        owner = None if entry.weights_of is None else self._owner(frame, entry.weights_of)
        layer = self.builder.layer(frame, body, self.values)
        output = self.builder.place(frame, entry, path, sources, layer, entry.precision)
        if owner is not None:
            problem = weights_problem(body.kind)
            if problem is not None:  # of a kind that an argument names
                fail(frame, entry.node, *problem)
            self.builder.tie(frame, entry, owner)
        return output

    def _owner(self, frame: Frame, reference: Reference) -> int:
        """The step of the layer that a reference of `weights_of` names."""
        binding = frame.binding(reference)
        index = self._producer(binding)
        if index is None:
            self._refuse_reference(frame, reference, binding, "is not one layer with weights")
        return index

    # --- blocks

    def block(
        self,
        frame: Frame,
        entry: Entry,
        path: str,
        sources: tuple[int, ...],
        block: Block,
        arguments: Mapping[str, Value],
        copy: int | None,
        reuse_of: Frame | None = None,
    ) -> BlockResult:
        """Walk a block's entries with its arguments bound.

        `reuse_of` is the frame of an earlier call, whose arguments are taken once more.
        """
        body_frame = self._enter(frame, entry, path, block.name, copy, sources)
        names = block.inputs or ("input",)
        if len(sources) != len(names):
            fail(frame, entry.node, f"`{block.name}` has {len(names)} inputs, not {len(sources)}")
        body_frame.inputs = dict(zip(names, sources, strict=True))
        body_frame.previous = sources[0] if len(sources) == 1 else None
        if block.recursion is not None:
            self._limit_recursion(frame, entry, block, block.recursion)
            body_frame.block = block
        if block.arguments:
            body_frame.names = ArgumentNames(self.values.names)
            self.budget.spend("arguments", len(block.arguments), frame, entry.node)
            for name, default in block.arguments.items():
                if name in arguments:
                    if reuse_of is not None:
                        body_frame.names[name] = reuse_of.names[name]
                        body_frame.bound[name] = reuse_of.bound[name]
                        continue
                    given, where = arguments[name], frame
                else:
                    assert default is not None  # required ones were checked at the call
                    given, where = default, body_frame
                body_frame.names[name] = self.values.evaluate(where, given)
                body_frame.bound[name] = (given, where)
        return self._walk(frame, body_frame, entry, block.entries, (block, arguments), frame)

    def group(
        self,
        frame: Frame,
        entry: Entry,
        path: str,
        sources: tuple[int, ...],
        body: GroupBody,
        copy: int | None,
        defined_in: Frame | None = None,
    ) -> BlockResult:
        """Walk an anonymous block, which sees the names around it.

        `defined_in` is the list that it is written in; by default `frame`.
        """
        defined_in = defined_in or frame
        if body.inline:
            body_frame = Frame(self.values, frame.names, path, frame.depth + 1)
            body_frame.bindings = frame.bindings
            body_frame.caller = frame
            self._limit_depth(frame, entry, body_frame.depth)
        else:
            body_frame = self._enter(frame, entry, path, "group", copy, sources)
        body_frame.names = defined_in.names
        body_frame.bound = defined_in.bound
        body_frame.outer = defined_in
        body_frame.inputs = {"input": sources[0]}
        body_frame.previous = sources[0]
        return self._walk(frame, body_frame, entry, body.entries, body, defined_in)

    def _enter(
        self,
        frame: Frame,
        entry: Entry,
        path: str,
        block: str,
        copy: int | None,
        sources: tuple[int, ...],
    ) -> Frame:
        body_frame = Frame(self.values, self.values.names, path, frame.depth + 1)
        self._limit_depth(frame, entry, body_frame.depth)
        body_frame.caller = frame
        call = Call(path, block, entry.node, copy, sources)
        body_frame.made_by = self.calls[path] = call
        return body_frame

    def _limit_depth(self, frame: Frame, entry: Entry, depth: int) -> None:
        if depth > MAX_BLOCK_DEPTH:
            message = f"blocks are nested more than {MAX_BLOCK_DEPTH} deep"
            hint = "end a block that uses itself with `when`" if _has_recursion(frame) else None
            fail(frame, entry.node, message, hint)

    def _limit_recursion(self, frame: Frame, entry: Entry, block: Block, bound: int) -> None:
        """Refuse a call of `block` that is inside as many others of it as it allows."""
        inside = 0
        outer: Frame | None = frame
        while outer is not None:
            inside += outer.block is block
            outer = outer.caller
        if inside >= bound:
            fail(
                frame,
                entry.node,
                f"`{block.name}` uses itself more than {bound} deep",
                f"end it with `when` in this entry, or raise `recursion: {bound}` of the block",
            )

    def _walk(
        self,
        frame: Frame,
        body_frame: Frame,
        entry: Entry,
        entries: tuple[Entry, ...],
        body: GroupBody | tuple[Block, Mapping[str, Value]],
        defined_in: Frame,
    ) -> BlockResult:
        first = len(self.steps)
        self.budget.spend_list(entries, body_frame.path, frame, entry.node)
        try:
            for child in entries:
                self.entry(body_frame, child)
        except Failed as failure:
            failure.path = failure.path or body_frame.here
            raise
        if body_frame.previous is None:
            fail(
                frame,
                entry.node,
                "no entry of this block is left, and it cannot stand for one of its inputs",
            )
        if isinstance(body_frame.previous, Outputs):
            fail(
                frame,
                entry.node,
                "the output of a block is that of its last entry, which has several outputs",
                "end the block with a layer that has one output",
            )
        end = len(self.steps)
        return BlockResult(
            known(body_frame.previous),
            body_frame.bindings,
            body,
            defined_in,
            body_frame,
            first,
            end,
        )

    def argument(
        self,
        frame: Frame,
        entry: Entry,
        path: str,
        sources: tuple[int, ...],
        body: ArgumentBody,
        copy: int | None,
    ) -> Any:
        """Walk an entry whose kind is the value of an argument."""
        key = (id(body), str(frame.names[body.argument]), len(sources))
        callee = self._callees.get(key)
        if callee is None:
            callee = kind_of_argument(self.spec, frame, entry, body, len(sources))
            self._callees[key] = callee
        if isinstance(callee, Block):
            if entry.precision is not None:
                message = f"`{callee.name}` is a block: `precision` stands beside a layer"
                fail(frame, kind_node(entry.node), message, "write it beside the layers inside")
            return self.block(frame, entry, path, sources, callee, body.fields, copy)
        return self.layer(frame, entry, path, sources, callee)

    def use(
        self,
        frame: Frame,
        entry: Entry,
        path: str,
        sources: tuple[int, ...],
        body: UseBody,
        copy: int | None,
    ) -> Any:
        """Walk what a reference names once more, with the same weights."""
        binding = frame.binding(body.reference)
        first = len(self.steps)
        if isinstance(binding, BlockResult):
            original = range(binding.first_step, binding.end_step)
            value: Any = self._reuse_block(frame, binding, entry, path, sources, copy)
        elif (index := self._producer(binding)) is not None:
            original = range(index, index + 1)
            layer, precision = self.steps[index].layer, self.steps[index].precision
            problem = arity_problem(type(layer), len(sources))
            if problem:
                fail(frame, entry.node, *problem)
            value = self.builder.place(frame, entry, path, sources, layer, precision)
        else:
            message = "is not one layer or block that can be used again"
            self._refuse_reference(frame, body.reference, binding, message)
        self.budget.spend("layers used again", len(original), frame, entry.node)
        self.builder.share(frame, entry, original, first)
        return value

    def _refuse_reference(
        self, frame: Frame, reference: Reference, binding: Any, message: str
    ) -> NoReturn:
        """Give up an entry that takes weights from what has none."""
        hint = None
        if isinstance(binding, Absent):
            message = f"is not there: its {binding.reason}"
        elif isinstance(binding, Copies):
            hint = f"for its first copy write `{reference}.1`"
        elif isinstance(binding, BlockResult) and binding.bindings:
            hint = f"name a layer in it, such as `{reference}.{next(iter(binding.bindings))}`"
        fail(frame, reference.node, f"`{reference}` {message}", hint)

    def _producer(self, binding: Any) -> int | None:
        """The step that a layer left a binding for; None for anything else."""
        if isinstance(binding, Outputs):
            return self.tensors[binding.tensors[0]].producer
        return self.tensors[known(binding)].producer if isinstance(binding, int) else None

    def _reuse_block(
        self,
        frame: Frame,
        binding: BlockResult,
        entry: Entry,
        path: str,
        sources: tuple[int, ...],
        copy: int | None,
    ) -> BlockResult:
        """Walk the block or group that left `binding` once more, with the same arguments."""
        body, original = binding.body, binding.body_frame.original
        self.values.renamed.append((path, original))
        try:
            if isinstance(body, GroupBody):
                if len(sources) != 1:
                    fail(frame, entry.node, f"`layers` has one input, not {len(sources)}")
                value = self.group(frame, entry, path, sources, body, copy, binding.defined_in)
            else:
                block, arguments = body
                value = self.block(
                    frame, entry, path, sources, block, arguments, copy, binding.body_frame
                )
        finally:
            self.values.renamed.pop()
        value.body_frame.original = original
        return value


def shown(value: Any) -> str:
    """A value as a message shows it."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "nothing" if value is None else f"`{value}`" if isinstance(value, str) else f"{value}"


def _inline_names(group: GroupBody) -> Iterator[str]:
    """Names that the entries of an inline group have in the list around it."""
    for entry in group.entries:
        if entry.name:
            yield entry.name
        elif isinstance(entry.body, GroupBody):
            yield from _inline_names(entry.body)


def _has_recursion(frame: Frame) -> bool:
    """Whether a list of layers is in a block that is in itself."""
    names: list[str] = []
    outer: Frame | None = frame
    while outer is not None:
        if outer.made_by is not None and outer.made_by.block != "group":
            names.append(outer.made_by.block)
        outer = outer.caller
    return len(set(names)) < len(names)
