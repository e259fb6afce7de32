"""What both readers of programs of torch.export share: names, sizes, and the `Graph` of a program.

One reader has the live program (`exported.py`), the other the file that torch saves of it
(`pt2.py`). Both give the same graph. Not here: torch, and the form of files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.importing.graph import (
    MAX_NODES,
    Batch,
    Dimension,
    Graph,
    Node,
    Reference,
    Stored,
    Tensor,
)
from mnet_cost.models.types import Scope

Size = int | str
"""A size as a program has it: a number, or an expression of symbols as text."""


class ProgramError(ValueError):
    """A program that cannot be a graph; the message goes on after the name of the file."""


class Argument(NamedTuple):
    """A placeholder of a program, and the parameter, buffer or constant that it stands for."""

    name: str
    dtype: str
    sizes: tuple[Size, ...]
    path: str | None = None
    """Of what is stored, in the module: `conv1.weight`; None for an input."""
    is_parameter: bool = False
    values: tuple[Any, ...] | None = None
    storage: object = None
    """Equal for two that are the same memory; None where that is not known."""


class Operation(NamedTuple):
    """A node of a program. In `arguments` a tensor, or a size that is calculated, is a `Reference`
    with its name in the program."""

    name: str
    operator: str
    arguments: Mapping[str, Any]
    outputs: tuple[str, ...]
    scopes: tuple[Scope, ...] = ()


class Declared(NamedTuple):
    """The type and the sizes of a tensor between nodes."""

    dtype: str
    sizes: tuple[Size, ...]


WRAPPERS = ("higher_order.wrap_with_set_grad_enabled", "higher_order.wrap_with_autocast")
"""Operators that only run a graph within a program: `with torch.no_grad()`, `torch.autocast`."""


class Inner(NamedTuple):
    """A graph within a program, with its own names."""

    inputs: Sequence[str]
    outputs: Sequence[str]
    operations: Sequence[Operation]
    tensors: Mapping[str, Declared]


def inlined(
    wrapper: Operation, operands: Sequence[Any], inner: Inner
) -> tuple[list[Operation], dict[str, Declared]]:
    """The operations of a graph that `wrapper` runs on `operands`, in the names of the program.

    With them what is said of the tensors between them. Raises `ProgramError` where inputs or
    outputs are not as many as those of the wrapper.
    """
    if len(operands) != len(inner.inputs) or len(wrapper.outputs) > len(inner.outputs):
        raise ProgramError(f"has a graph in `{wrapper.name}` with other inputs or outputs")
    given = dict(zip(inner.inputs, operands, strict=True))
    results: dict[str, str] = {}
    passed_on = []
    for output, name in zip(inner.outputs, wrapper.outputs, strict=False):
        if output in given or output in results:
            passed_on.append((output, name))
        else:
            results[output] = name

    def named(name: str) -> str:
        return results.get(name) or (f"{wrapper.name}.{name}" if name else "")

    def value(argument: Any) -> Any:
        if isinstance(argument, Reference):
            return given.get(argument.name, Reference(named(argument.name)))
        if isinstance(argument, list):
            return [value(part) for part in argument]
        return argument

    operations = [
        Operation(
            f"{wrapper.name}.{name}",
            operator,
            {key: value(argument) for key, argument in arguments.items()},
            tuple([named(output) for output in outputs]),
            scopes or wrapper.scopes,
        )
        for name, operator, arguments, outputs, scopes in inner.operations
    ]
    for output, name in passed_on:
        source = given[output] if output in given else Reference(results[output])
        operations.append(
            Operation(name, "aten.alias.default", {"self": source}, (name,), wrapper.scopes)
        )
    tensors = {named(name): x for name, x in inner.tensors.items() if name not in given}
    return operations, tensors


def program_graph(
    name: str,
    source: str,
    arguments: Sequence[Argument],
    operations: Sequence[Operation],
    tensors: Mapping[str, Declared],
    outputs: Iterable[str],
) -> Graph:
    """The graph of a program. Raises `ProgramError`.

    The batch is the symbol of the first axis of the first input that has one there. What is stored
    has its path as name, or that of its placeholder where a tensor is called like the path.
    """
    if len(operations) > MAX_NODES:
        raise ProgramError(f"has {len(operations):,} nodes; the most are {MAX_NODES:,}")
    inputs = [argument for argument in arguments if argument.path is None]
    shape = _shapes(
        next((x.sizes[0] for x in inputs if x.sizes and isinstance(x.sizes[0], str)), None)
    )
    taken = {argument.name for argument in arguments} | set(tensors)
    names: dict[str, str] = {}
    stored: dict[str, Stored] = {}
    same_storage: dict[str, str] = {}
    first: dict[object, str] = {}
    for argument in arguments:
        if argument.path is None:
            continue
        called = argument.name if argument.path in taken else argument.path
        sizes = tuple([_plain(size, argument.path) for size in argument.sizes])
        stored[called] = Stored(
            called, argument.dtype, sizes, argument.values, trained=argument.is_parameter
        )
        names[argument.name] = called
        if argument.storage is not None:
            other = first.setdefault(argument.storage, called)
            if other != called:
                same_storage[called] = names[argument.name] = other
    return Graph(
        dialect="aten",
        name=name,
        source=source,
        inputs=tuple([Tensor(x.name, x.dtype, shape(x.sizes)) for x in inputs]),
        outputs=tuple(
            [
                _output(names.get(output, output), tensors, stored, inputs, shape)
                for output in outputs
            ]
        ),
        nodes=_nodes(operations, names),
        stored=stored,
        tensors={key: Tensor(key, x.dtype, shape(x.sizes)) for key, x in tensors.items()},
        versions={},
        same_storage=same_storage,
    )


def _plain(size: Size, path: str) -> int:
    if isinstance(size, str):
        raise ProgramError(f"`{path}` is stored, and has the size {size}")
    return size


def _shapes(batch: str | None) -> Callable[[Sequence[Size]], tuple[Dimension, ...]]:
    """A function from sizes to a shape, with `batch` as the size that is the batch."""
    dimensions: dict[Size, Dimension] = {}

    def shape(sizes: Sequence[Size]) -> tuple[Dimension, ...]:
        for size in sizes:
            if size not in dimensions:
                dimensions[size] = _dimension(size, batch)
        return tuple([dimensions[size] for size in sizes])

    return shape


def _output(
    name: str,
    tensors: Mapping[str, Declared],
    stored: Mapping[str, Stored],
    inputs: Sequence[Argument],
    shape: Callable[[Sequence[Size]], tuple[Dimension, ...]],
) -> Tensor:
    if name in stored:
        return Tensor(name, stored[name].dtype, stored[name].shape)
    declared: Declared | Argument | None = tensors.get(name)
    if declared is None:
        declared = next((argument for argument in inputs if argument.name == name), None)
    if declared is None:
        raise ProgramError(f"has the output `{name}`, which no node makes")
    return Tensor(name, declared.dtype, shape(declared.sizes))


def _nodes(operations: Iterable[Operation], names: Mapping[str, str]) -> tuple[Node, ...]:
    """The nodes, with tensors by their names in the graph.

    Who reads a tensor after an operator has written into it (`add_`) reads that operator's output.
    """
    current = dict(names)
    nodes = []
    for name, operator, given, outputs, scopes in operations:
        arguments = {key: _renamed(value, current) for key, value in given.items()}
        nodes.append(Node(name, operator, "", (), outputs, arguments, scopes))
        written = given.get("self", given.get("input"))
        if _WRITES.fullmatch(operator) and isinstance(written, Reference) and len(outputs) == 1:
            current[written.name] = outputs[0]
    return tuple(nodes)


_WRITES = re.compile(r"aten\.[a-z]\w*_\.\w+")


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Reference):
        return Reference(names[value.name]) if value.name in names else value
    if isinstance(value, list):
        return [_renamed(part, names) for part in value]
    return value


def scopes_of(stack: Iterable[tuple[str, str]]) -> tuple[Scope, ...]:
    """Scopes from the (path, class with its module) of each module call around a node."""
    return tuple(
        [Scope(path, kind.rpartition(".")[2]) for path, kind in stack if kind != _NO_STACK]
    )


_NO_STACK = "_empty_nn_module_stack_from_metadata_hook"
"""What torch writes as path and class of a node that no module called."""


def operator_name(target: str) -> str:
    """The name of an operator: `aten.conv2d.default` for `torch.ops.aten.conv2d.default`."""
    return target.removeprefix("torch.ops.")


def model_name(name: str) -> str:
    """`name` as a name of a spec may be."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "model"


def _dimension(size: Size, batch: str | None) -> Dimension:
    """A size as a dimension: symbols other than that of the batch stay text."""
    if isinstance(size, int):
        return size
    if batch is not None and size == batch:
        return Batch()
    for pattern in (r"(\d+)\*(.+)", r"(.+)\*(\d+)"):
        product = re.fullmatch(pattern, size)
        if product and batch in product.groups():
            times = product[1] if product[2] == batch else product[2]
            return Batch(int(times)) if int(times) else 0
    return size


_TOKEN = re.compile(r"\s*([A-Za-z_]\w*|-?\d+|'[^'\\]*'|[(),=])")
_MAX_EXPRESSION = 10_000
_MAX_NESTING = 50


def expression_text(written: str) -> str:
    """An expression of sizes as people write it: `2*s77` for what SymPy writes as
    `Mul(Integer(2), Symbol('s77', positive=True, integer=True))`.

    Older files have `2*s77` itself. Raises `ProgramError` for what is neither.
    """
    if not written.isprintable() or len(written) > _MAX_EXPRESSION:
        raise ProgramError("has a size that is no expression")
    if "(" not in written or not ("'" in written or "Integer" in written):
        return written.replace(" ", "")
    text, end = _expression(written, 0, 0)
    if written[end:].strip():
        raise ProgramError(f"has a size that is no expression: {written[:60]}")
    return text


def _expression(written: str, start: int, depth: int) -> tuple[str, int]:
    """(the text of the expression that begins at `start`, where it ends)."""
    token = _TOKEN.match(written, start)
    if token is None or depth > _MAX_NESTING:
        raise ProgramError(f"has a size that is no expression: {written[:60]}")
    word, position = token[1], token.end()
    following = _TOKEN.match(written, position)
    if following is None or following[1] != "(":
        return word.strip("'"), position
    operands: list[str] = []
    position = following.end()
    while (token := _TOKEN.match(written, position)) and token[1] != ")":
        if token[1] == ",":
            position = token.end()
            continue
        operand, position = _expression(written, position, depth + 1)
        following = _TOKEN.match(written, position)
        if following is not None and following[1] == "=":  # positive=True: an assumption
            _, position = _expression(written, following.end(), depth + 1)
        else:
            operands.append(operand)
    if token is None or not operands:
        raise ProgramError(f"has a size that is no expression: {written[:60]}")
    if word in ("Symbol", "Integer"):
        return operands[0], token.end()
    if word in _SIGNS:
        return _SIGNS[word].join([_in_brackets(operand) for operand in operands]), token.end()
    return f"{word}({','.join(operands)})", token.end()


_SIGNS = {"Mul": "*", "Add": "+", "Pow": "**", "FloorDiv": "//", "PythonMod": "%", "Mod": "%"}


def _in_brackets(operand: str) -> str:
    return operand if re.fullmatch(r"\w+", operand) else f"({operand})"
