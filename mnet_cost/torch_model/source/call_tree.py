"""The calls of blocks in a network as a tree: what each constructs, calls, takes and returns.

A call becomes an `Instance`, which is a module, where it has modules of its own or calls those of
another instance once more. Any other call is dissolved: its operations belong to the instance
around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from torch.nn import functional as F

from mnet_cost.models.types import Block
from mnet_cost.network import Call, Network
from mnet_cost.torch_model.names import module_path
from mnet_cost.torch_model.source.record import Made, Op, RecordedValue, Recording, Ref


class NotAloneError(Exception):
    """The call at `path` cannot be a module of its own."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class ModuleSequence(NamedTuple):
    """Modules named 1, 2, ... that become an `nn.Sequential`."""

    elements: tuple[Made | Instance, ...]


@dataclass(eq=False)
class Act:
    """A call that an instance makes: of a function, of a layer's module or of another instance."""

    name: str
    """The path of the layer or instance, as seen from the instance that makes the call."""
    target: Any
    """A function; `Ref` to a module by its path in the instance; None for a module elsewhere."""
    arguments: Mapping[str, Any]
    """As in `Op.arguments`."""
    results: list[RecordedValue]
    child: Instance | None = None
    """The instance that is called, if it is one."""
    alternative: Any = None
    """As in `Op.alternative`."""
    line: int = 0
    """The line of the spec where the entry stands."""


@dataclass(eq=False)
class Instance:
    """A call of a block that is a module, or the network itself."""

    path: str
    """From the network; empty for the network."""
    family: tuple[Any, ...]
    """Equal for calls that may share a class: those of a block, or of a group of layers."""
    name: str
    """Of the block, the group or the network; the class is called after it."""
    inputs: dict[str, RecordedValue] = field(default_factory=dict)
    """The values that `forward` takes, by the names of its arguments."""
    outputs: list[RecordedValue] = field(default_factory=list)
    """The values that `forward` returns."""
    made: dict[str, Made | Instance | ModuleSequence] = field(default_factory=dict)
    """The modules that it constructs, by their paths in it."""
    acts: list[Act] = field(default_factory=list)
    """Its calls, in the order in which they run."""
    shares: Instance | None = None
    """The instance whose modules it calls once more, so that it constructs none."""


def values_in(argument: Any) -> Iterator[RecordedValue]:
    """The values in an argument of a call: the argument itself, or those in its tuples."""
    if isinstance(argument, RecordedValue):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for element in argument:
            yield from values_in(element)


def relative(path: str, scope: str) -> str:
    """`path` as seen from `scope`, a path above it; the empty scope is the network."""
    return path[len(scope) + 1 :] if scope else path


def inside(path: str, scope: str) -> bool:
    """Whether `path` is below `scope`."""
    return not scope or path.startswith(f"{scope}.")


class CallTree:
    """The instances of a network, each after the instances inside it.

    Calls at the paths in `dissolved` are no instances. Raises `NotAloneError` for a call whose
    operations do not follow each other.
    """

    def __init__(self, network: Network, recording: Recording, dissolved: Iterable[str]) -> None:
        self.network = network
        self.recording = recording
        self.calls = {module_path(path): call for path, call in network.calls.items()}
        self.ops = _needed(network, recording)
        self.dissolved = set(dissolved)
        self._parents: dict[str, str] = {}
        self.shares: dict[str, str] = {}
        self._dissolve()
        self.instances: dict[str, Instance] = {}
        self._grow()
        self._connect()

    # --- which calls are modules

    def parent(self, path: str) -> str:
        """The call around the call at `path`."""
        parent = self._parents.get(path)
        if parent is None:
            parent = path.rpartition(".")[0]
            while parent and parent not in self.calls:
                parent = parent.rpartition(".")[0]
            self._parents[path] = parent
        return parent

    def owner(self, scope: str) -> str:
        """The nearest call from `scope` outwards that is a module."""
        while scope in self.dissolved:
            scope = self.parent(scope)
        return scope

    def chain(self, scope: str) -> tuple[str, ...]:
        """The paths of the instances around an operation in `scope`, the network's first."""
        scope = self.owner(scope)
        modules = [scope]
        while scope:
            scope = self.owner(self.parent(scope))
            modules.append(scope)
        return tuple(reversed(modules))

    def _dissolve(self) -> None:
        own: dict[str, int] = dict.fromkeys(self.calls, 0)
        for made in self.recording.made.values():
            for scope in self._around(made.scope):
                own[scope] += 1
        inner: dict[str, list[Op]] = {path: [] for path in self.calls}
        for op in self.ops:
            for scope in self._around(op.scope):
                inner[scope].append(op)
        for path in self.calls:
            refs = [op for op in inner[path] if isinstance(op.target, Ref)]
            if not inner[path] or (not own[path] and not refs):
                self.dissolved.add(path)
            elif not own[path] and path not in self.dissolved:
                original = _original(path, refs)
                if original in self.calls and original not in self.dissolved:
                    self.shares[path] = original
                else:
                    self.dissolved.add(path)
        for path in self.shares:  # calls inside a call that shares modules share them, too
            for other in self.calls:
                if inside(other, path) and other in self.shares:
                    self.shares[other] = f"{self.shares[path]}.{relative(other, path)}"
        changed = True
        while changed:
            before = len(self.dissolved)
            for op in self.ops:
                if isinstance(op.target, Ref):
                    self._reach(op.scope, op.target.path)
            changed = len(self.dissolved) != before

    def _around(self, scope: str) -> Iterator[str]:
        while scope:
            yield scope
            scope = self.parent(scope)

    def _reach(self, scope: str, target: str) -> None:
        """Dissolve the calls around `scope` that do not have the module at `target` inside."""
        owner = self.owner(scope)
        while owner and not inside(target, owner):
            shared = self.shares.get(owner)
            if shared is not None and inside(target, shared) and shared not in self.dissolved:
                target, owner = shared, self.owner(self.parent(owner))
                continue
            self.dissolved.add(owner)
            self.shares.pop(owner, None)
            owner = self.owner(self.parent(owner))

    # --- instances

    def _grow(self) -> None:
        kept = [path for path in self.calls if path not in self.dissolved]
        for path in sorted(kept, key=lambda path: -path.count(".")):
            call = self.calls[path]
            name = next(part for part in reversed(path.split(".")) if not part.isdigit())
            group = call.block not in self.network.spec.blocks
            family = ("group", call.node.source.path, call.line) if group else ("block", call.block)
            self.instances[path] = Instance(path, family, name if group else call.block)
        self.instances[""] = Instance("", ("network",), self.network.spec.name)
        for path, original in self.shares.items():
            if path not in self.dissolved:
                self.instances[path].shares = self.instances[original]
        for path, made in self.recording.made.items():
            owner = self.owner(made.scope)
            self.instances[owner].made[relative(path, owner)] = made
        for path in kept:
            if path not in self.shares:
                owner = self.owner(self.parent(path))
                self.instances[owner].made[relative(path, owner)] = self.instances[path]
        first: dict[str, int] = {}
        for number, path in enumerate(self.recording.made):
            first[path] = number
            for scope in self._around(self.recording.made[path].scope):
                first.setdefault(scope, number)
        for path, instance in self.instances.items():
            below = f"{path}." if path else ""
            ordered = sorted(instance.made.items(), key=lambda item: first[below + item[0]])
            instance.made = dict(ordered)

    def _connect(self) -> None:
        makers: dict[RecordedValue, tuple[str, ...]] = {}
        placed: dict[str, Act] = {}
        for value in (self.recording.values[index] for index in self.network.inputs):
            makers[value] = ("",)
        used: dict[str, dict[RecordedValue, None]] = {path: {} for path in self.instances}
        given: dict[str, dict[RecordedValue, None]] = {path: {} for path in self.instances}
        for op in self.ops:
            chain = self.chain(op.scope)
            for outer, path in pairwise(chain):
                acts = self.instances[outer].acts
                if path not in placed:
                    ref = self._module(path, outer)
                    line = self.calls[path].line
                    placed[path] = Act(
                        relative(path, outer), ref, {}, [], self.instances[path], line=line
                    )
                    acts.append(placed[path])
                elif acts[-1] is not placed[path]:
                    raise NotAloneError(path)
            owner = chain[-1]
            target = op.target
            if isinstance(target, Ref):
                target = Ref(self._seen(target.path, owner))
            whole, line = self._whole(op, owner)
            name = relative(whole, owner)
            act = Act(name, target, op.arguments, op.results, None, op.alternative, line)
            self.instances[owner].acts.append(act)
            for value in op.results:
                makers[value] = chain
            for argument in op.arguments.values():
                for value in values_in(argument):
                    _cross(makers[value], chain, value, given, used)
        outputs = [self.recording.values[index] for index in self.network.outputs]
        for value in outputs:
            _cross(makers[value], ("",), value, given, used)
        for path, instance in self.instances.items():
            instance.inputs = self._named_inputs(path, used[path])
            instance.outputs = [value for value in makers if value in given[path]]
        root = self.instances[""]
        root.outputs = outputs
        for path, act in placed.items():
            instance = self.instances[path]
            act.arguments = dict(instance.inputs)
            act.results = instance.outputs

    def _module(self, path: str, outer: str) -> Ref | None:
        """The module of the call at `path`, as seen from the call at `outer`; None outside it."""
        original = self.shares.get(path, path)
        for scope in (outer, self.shares.get(outer)):
            if scope is not None and inside(original, scope):
                return Ref(relative(original, scope))
        return None

    def _whole(self, op: Op, owner: str) -> tuple[str, int]:
        """Path and line of the layer, or of the outermost dissolved call around it."""
        path, scope, line = op.path, op.scope, op.line
        while scope != owner:
            path, scope, line = scope, self.parent(scope), self.calls[scope].line
        return path, line

    def _seen(self, target: str, owner: str) -> str:
        if not inside(target, owner):  # the module of another instance, which `owner` shares
            target = f"{owner}.{relative(target, self.shares[owner])}"
        return relative(target, owner)

    def _named_inputs(
        self, path: str, used: Mapping[RecordedValue, None]
    ) -> dict[str, RecordedValue]:
        if not path:
            values = [self.recording.values[index] for index in self.network.inputs]
            return {"x": values[0]} if len(values) == 1 else {value.path: value for value in values}
        call: Call = self.calls[path]
        block = self.network.spec.blocks.get(call.block)
        names = (block.inputs if isinstance(block, Block) else ()) or ("x",)
        inputs: dict[str, RecordedValue] = {}
        for name, index in zip(names, call.inputs, strict=False):
            value = self.recording.values[index]
            if value in used:
                inputs[name] = value
        number = 0
        for value in set_minus(used, inputs.values()):
            while (name := f"other_{number + 1}" if number else "other") in names:
                number += 1
            inputs[name] = value
            number += 1
        return inputs


def set_minus(
    values: Iterable[RecordedValue], others: Iterable[RecordedValue]
) -> list[RecordedValue]:
    """The `values` that are not among `others`, in order."""
    without = set(others)
    return [value for value in values if value not in without]


def _cross(
    maker: tuple[str, ...],
    user: tuple[str, ...],
    value: RecordedValue,
    given: dict[str, dict[RecordedValue, None]],
    used: dict[str, dict[RecordedValue, None]],
) -> None:
    """Note that a value leaves the instances of its maker and enters those of its user."""
    common = 0
    while common < min(len(maker), len(user)) and maker[common] == user[common]:
        common += 1
    for path in maker[common:]:
        given[path][value] = None
    for path in user[common:]:
        used[path][value] = None


def _needed(network: Network, recording: Recording) -> list[Op]:
    """The operations that an output of the network depends on, in their order."""
    needed = {recording.values[index] for index in network.outputs}
    needed_ops = []
    for op in reversed(recording.ops):
        if needed.isdisjoint(op.results):
            continue
        needed_ops.append(op)
        for argument in op.arguments.values():
            needed.update(values_in(argument))
    return needed_ops[::-1]


def _original(path: str, refs: list[Op]) -> str | None:
    """The path of the call whose modules the operations `refs` in `path` call; None if several."""
    originals = set()
    for op in refs:
        tail = f".{relative(op.path, path)}"
        if not op.target.path.endswith(tail):
            return None
        originals.add(op.target.path.removesuffix(tail))
    return originals.pop() if len(originals) == 1 else None


def keyed(acts: Iterable[Act]) -> dict[tuple[str, int], Act]:
    """Acts by (name, number among the acts of that name); the numbers of paddings start at 100."""
    by_key: dict[tuple[str, int], Act] = {}
    for act in acts:
        number = 100 if act.target is F.pad else 0
        while (act.name, number) in by_key:
            number += 1
        by_key[act.name, number] = act
    return by_key
