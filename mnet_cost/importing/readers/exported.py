"""Reads programs of torch.export that are in memory.

The graph is that of the file which torch would save. `modules.py` exports modules for it.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from sympy.printing.repr import srepr
from torch import fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from mnet_cost.errors import ModelFileError
from mnet_cost.importing.graph import FEW, Graph, Reference
from mnet_cost.importing.readers.program import (
    WRAPPERS,
    Argument,
    Declared,
    Inner,
    Operation,
    ProgramError,
    Size,
    expression_text,
    inlined,
    model_name,
    operator_name,
    program_graph,
    scopes_of,
)
from mnet_cost.importing.readers.pt2 import VALUE_CODES

_LAYOUTS = {
    torch.strided: "strided",
    torch.sparse_coo: "sparse_coo",
    torch.sparse_csr: "sparse_csr",
}
_SMALL_FLOATS = {
    torch.float8_e4m3fn: "float8e4m3fn",
    torch.float8_e5m2: "float8e5m2",
    torch.float8_e4m3fnuz: "float8e4m3fnuz",
    torch.float8_e5m2fnuz: "float8e5m2fnuz",
}


def from_exported(program: ExportedProgram, name: str | None = None) -> Graph:
    """The graph of a program. `name` is that of the model; else the class of its root module.

    Raises `ModelFileError` for a program with inputs that are no tensors.
    """
    try:
        return _Program(program).graph(name)
    except ProgramError as problem:
        raise ModelFileError(f"the exported program {problem}") from None


class _Program:
    """A program, with its nodes as a file has them: outputs by name, without `getitem`."""

    def __init__(self, program: ExportedProgram, module: fx.GraphModule | None = None) -> None:
        self._program = program
        self._module = module or program.graph_module
        """All of it, or a graph within it."""
        self._nodes = list(self._module.graph.nodes)
        self._values = {node.name: node.meta.get("val") for node in self._nodes}
        self._names: dict[str, str] = {}
        """The output that a `getitem` takes, where an earlier one takes the same."""
        self._texts: dict[Any, Size] = {}
        self._tensors: dict[str, Declared] = {}

    def graph(self, name: str | None) -> Graph:
        """The program as a graph."""
        operations = self._operations()
        root = next((x.scopes[0].class_name for x in operations if x.scopes), "model")
        return program_graph(
            model_name(name or root),
            f"{name or root}, exported by torch {torch.__version__}",
            list(self._arguments()),
            operations,
            self._tensors,
            self._outputs(),
        )

    def _operations(self) -> list[Operation]:
        """The nodes; those of graphs that the program only runs are among them."""
        operations = []
        for node in self._nodes:
            if node.op != "call_function" or node.target is operator.getitem:
                continue
            operation = self._operation(node)
            if operation.operator not in WRAPPERS:
                operations.append(operation)
                continue
            inner = self._inner_graph(node)
            given = list(operation.arguments.values())
            inner_operations, tensors = inlined(
                operation, given[len(given) - len(inner.inputs) :], inner
            )
            operations += inner_operations
            self._tensors.update({x: y for x, y in tensors.items() if x not in self._tensors})
        return operations

    def _inner_graph(self, node: fx.Node) -> Inner:
        (place,) = [x for x in node.args if isinstance(x, fx.Node) and x.op == "get_attr"]
        reader = _Program(self._program, getattr(self._module, place.target))
        operations = reader._operations()
        (output,) = [x for x in reader._nodes if x.op == "output"]
        results = output.args[0] if isinstance(output.args[0], (tuple, list)) else output.args
        inputs = [x.name for x in reader._nodes if x.op == "placeholder"]
        for name in inputs:
            reader._declare(name, reader._values[name])
        return Inner(inputs, [getattr(x, "name", "") for x in results], operations, reader._tensors)

    def _arguments(self) -> Iterator[Argument]:
        stored = {**self._program.state_dict, **self._program.constants}
        for spec in self._program.graph_signature.input_specs:
            name = getattr(spec.arg, "name", "")
            value = self._values.get(name)
            if spec.kind == InputKind.CUSTOM_OBJ:
                raise ProgramError("has an object of a class of its own among its inputs")
            if (
                spec.kind == InputKind.TOKEN
                or value is None
                or isinstance(value, (bool, str, float))
            ):
                continue
            if not isinstance(value, torch.Tensor):
                if isinstance(value, int):
                    continue  # a number that the program was exported with
                raise ProgramError(f"has the input `{name}`, which is a number and no tensor")
            declared = self._declared(value)
            if spec.kind == InputKind.USER_INPUT:
                yield Argument(name, declared.dtype, declared.sizes)
                continue
            is_parameter = spec.kind == InputKind.PARAMETER
            tensor = stored.get(spec.target)
            yield Argument(
                name,
                declared.dtype,
                declared.sizes,
                spec.target,
                is_parameter,
                None if is_parameter else _elements(tensor, declared.dtype),
                _storage(tensor),
            )

    def _outputs(self) -> Iterator[str]:
        for spec in self._program.graph_signature.output_specs:
            if spec.kind in (OutputKind.USER_OUTPUT, OutputKind.LOSS_OUTPUT):
                name = getattr(spec.arg, "name", "")
                if isinstance(self._values.get(name), torch.Tensor):
                    yield self._names.get(name, name)

    def _operation(self, node: fx.Node) -> Operation:
        value = node.meta.get("val")
        outputs: list[str] = []
        if isinstance(value, (tuple, list)):
            self._name_parts(node, value, outputs)
        elif not (value is None and _returns_nothing(node.target)):
            outputs.append("" if value is None else node.name)
            self._declare(node.name, value)
        stack = node.meta.get("nn_module_stack") or {}
        return Operation(
            node.name,
            operator_name(_target(node.target)),
            {key: self._argument(x) for key, x in _by_name(node).items()},
            tuple(outputs),
            scopes_of((path, _class(kind)) for path, kind in stack.values()),
        )

    def _name_parts(self, node: fx.Node, values: Sequence[Any], outputs: list[str]) -> None:
        """Add the names of the outputs of a node that has several, as a file calls them."""
        takers: dict[int, fx.Node] = {}
        for user in node.users:
            if user.target is operator.getitem:
                taker = takers.setdefault(user.args[1], user)
                self._names[user.name] = taker.name
        for i, value in enumerate(values):
            if isinstance(value, (list, tuple)):
                if i in takers:
                    self._name_parts(takers[i], value, outputs)
                else:
                    outputs += [f"{node.name}_unused_{i}_{j}" for j in range(len(value))]
                continue
            name = takers[i].name if i in takers else f"{node.name}_unused_{i}"
            outputs.append("" if value is None else name)
            self._declare(name, value)

    def _declare(self, name: str, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            self._tensors[name] = self._declared(value)

    def _declared(self, tensor: torch.Tensor) -> Declared:
        return Declared(_dtype(tensor.dtype), tuple([self._size(size) for size in tensor.shape]))

    def _size(self, size: int | torch.SymInt) -> Size:
        if isinstance(size, int):
            return size
        expression = size.node.expr
        if expression not in self._texts:
            text = expression_text(srepr(expression))
            self._texts[expression] = int(text) if text.isdecimal() else text
        return self._texts[expression]

    def _argument(self, value: Any) -> Any:
        """The value of an argument: plain data, a `Reference`, or a list of those."""
        if isinstance(value, fx.Node):
            if value.op == "get_attr":
                return value.target  # a graph within the program
            return Reference(self._names.get(value.name, value.name))
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (list, tuple)):
            return [self._argument(part) for part in value]
        if isinstance(value, dict):
            return {key: self._argument(part) for key, part in value.items()}
        if isinstance(value, torch.dtype):
            return _dtype(value)
        if isinstance(value, torch.device):
            return value.type
        if isinstance(value, torch.layout):
            return _LAYOUTS.get(value, str(value))
        if isinstance(value, complex):
            return [value.real, value.imag]
        return str(value).removeprefix("torch.")


def _by_name(node: fx.Node) -> dict[str, Any]:
    """The arguments of a node by the names of its operator, or by position where it has none."""
    target = node.target
    if isinstance(target, torch._ops.OpOverload):
        names = [argument.name for argument in target._schema.arguments]
        given: dict[str, Any] = {**dict(zip(names, node.args, strict=False)), **node.kwargs}
        return {name: given[name] for name in names if name in given}
    if isinstance(node.meta.get("val"), (torch.SymInt, torch.SymFloat, torch.SymBool)):
        return dict(zip(inspect.signature(target).parameters, node.args, strict=False))
    return {**{str(i): value for i, value in enumerate(node.args)}, **node.kwargs}


def _target(target: Any) -> str:
    """The name of an operator as a file has it."""
    module = target.__module__.replace("torch._ops", "torch.ops")
    return f"{module}.{target.__name__}"


def _returns_nothing(target: Any) -> bool:
    return isinstance(target, torch._ops.OpOverload) and not target._schema.returns


def _class(kind: Any) -> str:
    return kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"


def _dtype(dtype: torch.dtype) -> str:
    """A type as ONNX calls it."""
    return _SMALL_FLOATS.get(dtype) or str(dtype).removeprefix("torch.")


def _elements(tensor: torch.Tensor | None, dtype: str) -> tuple[Any, ...] | None:
    """The elements of a constant, where they are few and there are some."""
    if not _is_real(tensor) or tensor is None or tensor.numel() > FEW or dtype not in VALUE_CODES:
        return None
    return tuple(tensor.detach().cpu().reshape(-1).tolist())


def _storage(tensor: torch.Tensor | None) -> object:
    """What is equal for tensors that are the same memory."""
    if not _is_real(tensor) or tensor is None:
        return None if tensor is None else id(tensor)
    return (
        tensor.untyped_storage().data_ptr(),
        tensor.storage_offset(),
        tuple(tensor.shape),
        tensor.stride(),
    )


def _is_real(tensor: torch.Tensor | None) -> bool:
    """Whether a tensor has elements, which those of a meta device and of a trace have not."""
    return (
        type(tensor) in (torch.Tensor, torch.nn.Parameter)
        and tensor is not None
        and tensor.device.type != "meta"
        and tensor.layout == torch.strided
    )
