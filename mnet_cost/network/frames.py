"""What `elaborate` knows at one place of a spec: names, inputs, and results of earlier entries.

A `Frame` is one list of entries being walked. Lookups raise `Failed` with the user's own line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn, Protocol

from mnet_cost.errors import Problem, Source, did_you_mean
from mnet_cost.models.types import MODIFIERS, Block, Function, GroupBody, Reference, Value
from mnet_cost.network.types import Call
from mnet_cost.tensors import Check
from mnet_cost.yamlfile import Node

_LONGEST_TRAIL = 8

UNKNOWN = -1
"""The tensor of an entry that failed."""


class Failed(Exception):
    """An entry cannot be elaborated, and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = ""
        """That of the entry, once it is known."""


class LimitFailed(Failed):
    """A limit on the whole network is reached: later entries would only repeat the error."""


class FunctionFailed(Exception):
    """A function of `let` cannot be evaluated; the caller adds the place of the call."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class UnknownInputError(Exception):
    """An input is the output of an entry that failed: there is nothing more to say."""


class BlockResult(NamedTuple):
    """What a block call or a named group leaves behind: its output, and the names inside it."""

    tensor: int
    bindings: dict[str, Any]
    body: GroupBody | tuple[Block, Mapping[str, Value]]
    """What was walked: a group, or a block and the arguments given to it."""
    defined_in: Frame
    """The list that it is written in."""
    body_frame: Frame
    """The list of its own entries."""
    first_step: int
    end_step: int


class Outputs(NamedTuple):
    """What a layer with several outputs leaves behind."""

    tensors: tuple[int, ...]


class Copies(NamedTuple):
    """What a repeated entry leaves behind; `tensor` is the last copy's."""

    tensor: int
    copies: list[Any]


class Absent(NamedTuple):
    """What an entry that is not there leaves behind: its input, if that is one tensor."""

    tensor: int | None
    reason: str


class ArgumentNames(dict[str, Any]):
    """Values of a block's arguments, in front of the names of the file, which are not copied."""

    __slots__ = ("file_names",)

    def __init__(self, file_names: Mapping[str, Any]) -> None:
        super().__init__()
        self.file_names = file_names

    def __missing__(self, name: str) -> Any:
        return self.file_names[name]


class Evaluator(Protocol):
    """The parts of an elaboration that a scope hands on to."""

    functions: dict[str, Function]
    check: Check
    source: Source
    """The text of the spec: trails name the file of lines that stand in another one."""

    def function(self, name: str, arguments: list[Any]) -> Any: ...
    def size(self, frame: Frame, reference: str, axis: str) -> Any: ...
    def choice(self, frame: Frame, path: str, choices: tuple[Value, ...]) -> Any: ...


class _Scope:
    """Names and their values, and what all expressions of an elaboration share."""

    __slots__ = ("names", "run")

    def __init__(self, run: Evaluator, names: dict[str, Any]) -> None:
        self.run = run
        self.names = names

    @property
    def functions(self) -> dict[str, Function]:
        """The functions of `let`."""
        return self.run.functions

    def call(self, name: str, arguments: list[Any]) -> Any:
        """The value of a function of `let`."""
        return self.run.function(name, arguments)

    def mark(self, valid: Any) -> None:
        """Mark the candidates that are not `valid`."""
        self.run.check(valid, "is not a value that an expression can have")


class FunctionScope(_Scope):
    """The scope of a function of `let`: its parameters over the file's names."""

    __slots__ = ()

    def size(self, reference: str, axis: str) -> Any:
        """Never reached: a function that names a tensor does not compile."""
        raise KeyError(reference)


class Frame(_Scope):
    """One list of entries being walked, and the scope in which its values are evaluated."""

    __slots__ = (
        "bindings", "block", "bound", "caller", "depth", "here", "inputs", "made_by", "original",
        "outer", "path", "previous",
    )  # fmt: skip

    def __init__(self, run: Evaluator, names: dict[str, Any], path: str, depth: int) -> None:
        super().__init__(run, names)
        self.path = path
        self.depth = depth
        self.original = path  # where `use` walks something once more, the path of the first time
        self.here = path  # path of the entry whose values are being evaluated
        self.inputs: dict[str, int] = {}  # what enters, by name
        self.previous: int | Outputs | None = None  # None where several tensors enter
        self.bindings: dict[str, Any] = {}  # what each entry left, by its name
        self.bound: dict[str, tuple[Value, Frame]] = {}  # where each argument was written
        self.made_by: Call | None = None
        self.block: Block | None = None  # whose entries these are, where it may use itself
        self.caller: Frame | None = None
        self.outer: Frame | None = None  # for an anonymous block, the list whose names it sees

    def size(self, reference: str, axis: str) -> Any:
        """A size of the tensor that `reference` names."""
        return self.run.size(self, reference, axis)

    def choose(self, what: str, choices: tuple[Value, ...]) -> Any:
        """The option that the knobs pick for the field or argument `what` of this entry."""
        return self.run.choice(self, f"{self.here}.{what}", choices)

    def path_of(self, name: str) -> str:
        """Full name of an entry of this list."""
        return f"{self.path}.{name}" if self.path else name

    def trail(self) -> tuple[str, ...]:
        """The calls that led to this list, the innermost first."""
        steps = []
        frame: Frame | None = self
        while frame is not None:
            call = frame.made_by
            if call is not None:
                steps.append(f"in {call.block} ({call.path}), {call.node.line_in(self.run.source)}")
            frame = frame.caller
        if len(steps) > _LONGEST_TRAIL:
            left_out = len(steps) - _LONGEST_TRAIL
            steps[_LONGEST_TRAIL // 2 : -_LONGEST_TRAIL // 2] = [f"... {left_out} more ..."]
        return tuple(steps)

    def origin(self, value: Value) -> tuple[Value, Frame]:
        """Where a value was first written: the name of an argument leads to the caller."""
        if value.name is None or value.name not in self.bound:
            return value, self
        return self.origin_of(value.name)

    def origin_of(self, argument: str) -> tuple[Value, Frame]:
        """Where the value of an argument was first written."""
        value, where = self.bound[argument]
        # A default is written in the block itself, and leads nowhere else.
        return (value, where) if where is self else where.origin(value)

    def resolve(self, reference: Reference) -> int:
        """Index of the tensor that `reference` names."""
        parts, node = reference.parts, reference.node
        if parts == ("previous",):
            if self.previous is None:
                choices = " or ".join(f"`from: {name}`" for name in self.inputs)
                raise Failed(
                    Problem(
                        "there are several inputs here, and `previous` does not say which one",
                        node.span(),
                        f"say which one: {choices}",
                        self.trail(),
                    )
                )
            if isinstance(self.previous, Outputs):
                raise self._several(self.previous, "the entry before", "ID", node)
            return known(self.previous)
        binding = self.binding(reference)
        if isinstance(binding, Outputs):
            raise self._several(binding, f"`{reference}`", str(reference), node)
        tensor = binding if isinstance(binding, int) else binding.tensor
        if tensor is None:
            message = f"`{reference}` is not there: its {binding.reason}"
            raise Failed(Problem(message, node.span(), None, self.trail()))
        return known(tensor)

    def resolve_all(self, reference: Reference) -> list[int]:
        """Indices of the tensors that `ID.*` names: of all copies of an entry, or all its outputs.

        None of them where the entry is left out.
        """
        entry = Reference(reference.parts[:-1], reference.node)
        binding = self.binding(entry)
        if binding == UNKNOWN:
            raise UnknownInputError
        if isinstance(binding, Absent):
            return []
        if isinstance(binding, Outputs):
            return [known(tensor) for tensor in binding.tensors]
        if isinstance(binding, Copies):
            copies = binding.copies
            return [known(copy if isinstance(copy, int) else copy.tensor) for copy in copies]
        message = f"`{entry}` has one output and no copies"
        raise Failed(Problem(message, entry.node.span(), f"write `{entry}`", self.trail()))

    def _several(self, outputs: Outputs, what: str, name: str, node: Node) -> Failed:
        last = len(outputs.tensors) - 1
        hint = f"say which one: `{name}.0` to `{name}.{last}`"
        if name == "ID":
            hint = f"give it an id and {hint}"
        return Failed(Problem(f"{what} has {last + 1} outputs", node.span(), hint, self.trail()))

    def binding(self, reference: Reference) -> Any:
        """What the entry that a path leads to left behind."""
        parts = reference.parts
        binding = self.lookup(parts[0])
        for depth in range(1, len(parts)):
            binding = self._part(binding, depth, reference)
        return binding

    def lookup(self, name: str) -> Any:
        """What the entry or input `name` left in this list or, for a group, around it."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.inputs:
                return frame.inputs[name]
            if name in frame.bindings:
                return frame.bindings[name]
            frame = frame.outer
        return UNKNOWN  # an entry that failed left nothing

    def _part(self, binding: Any, depth: int, reference: Reference) -> Any:
        """What part `depth` of a path leads to inside `binding`, where the parts before led."""
        if binding == UNKNOWN:
            raise UnknownInputError
        part, so_far = reference.parts[depth], ".".join(reference.parts[:depth])
        hint = None
        if isinstance(binding, BlockResult):
            if part in binding.bindings:
                return binding.bindings[part]
            message = f"`{so_far}` has nothing called `{part}`"
            hint = did_you_mean(part, binding.bindings) or (
                "it has " + ", ".join(f"`{name}`" for name in list(binding.bindings)[:8])
            )
        elif isinstance(binding, Copies):
            if part.isdigit() and 1 <= int(part) <= len(binding.copies):
                return binding.copies[int(part) - 1]
            last = len(binding.copies)
            copies = f"copies 1 to {last}" if last > 1 else "one copy"
            message = f"`{so_far}` has {copies}, no `{part}`"
            if not part.isdigit():
                hint = f"in its last copy it is `{so_far}.{last}.{part}`"
        elif isinstance(binding, Absent):
            message = f"`{so_far}` is not there: its {binding.reason}"
        elif isinstance(binding, Outputs):
            if part.isdigit() and int(part) < len(binding.tensors):
                return binding.tensors[int(part)]
            message = f"`{so_far}` has outputs 0 to {len(binding.tensors) - 1}, no `{part}`"
        elif part == "0":
            return binding
        else:
            message = f"`{so_far}` is a single layer: there is no `{part}` inside it"
        raise Failed(Problem(message, reference.node.span(), hint, self.trail()))


def known(tensor: int | None) -> int:
    """`tensor`, unless it is the output of an entry that failed."""
    if tensor is None or tensor == UNKNOWN:
        raise UnknownInputError
    return tensor


def fail(frame: Frame, node: Node, message: str, hint: str | None = None) -> NoReturn:
    """Give up the entry being walked."""
    raise Failed(Problem(message, kind_node(node).span(), hint, frame.trail()))


def limit(frame: Frame, node: Node, message: str) -> NoReturn:
    """Give up the whole network."""
    raise LimitFailed(Problem(message, kind_node(node).span(), None, frame.trail()))


def kind_node(node: Node) -> Node:
    """The kind in the node of an entry: what to underline."""
    if isinstance(node.value, dict):
        return next((key for word, key in node.keys.items() if word not in MODIFIERS), node)
    return node
