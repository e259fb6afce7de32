"""Goes through the nodes of a graph, and gives each to the rule of its operator.

The batch is the first axis of each input, where the file has it as a symbol or as a number. A node
without a rule becomes `opaque`, with the shape that the file states. What would make an import
wrong is refused, with the node's name: examples that are mixed, control flow, shapes that nobody
knows. Not here: operators, which `onnx/`, `aten/` and `tflite/` have, each in a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.errors import ModelFileError, Problem
from mnet_cost.importing.graph import (
    NO_TENSORS,
    Batch,
    Graph,
    Node,
    Reference,
    Shape,
    Stored,
    Tensor,
)
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.owners import is_trained
from mnet_cost.importing.mapping.stored import constant
from mnet_cost.importing.mapping.values import (
    ALONE,
    Dim,
    Misfit,
    Refused,
    Unmapped,
    Value,
    concrete,
    has_batch,
    layer_shape,
    mixing,
)
from mnet_cost.tensors import MAX_SIZE


class Call(NamedTuple):
    """One node, with values in the place of the names of its tensors."""

    node: Node
    inputs: tuple[Value | None, ...]
    """By position; None for one that is left out."""
    arguments: Mapping[str, Any]
    """Attributes, or arguments by name; a tensor among them is a `Value`."""
    declared: tuple[tuple[Dim | str, ...] | None, ...]
    """Shapes that the file states for the outputs; a size that it leaves open is a symbol."""
    dtypes: tuple[str | None, ...]
    """Types of the outputs, where the file states them."""

    def input(self, number: int) -> Value:
        """An input that has to be there, or `Unmapped`."""
        value = self.optional(number)
        if value is None:
            raise Unmapped(f"has no input {number}")
        return value

    def optional(self, number: int) -> Value | None:
        """An input, or None where it is left out."""
        return self.inputs[number] if number < len(self.inputs) else None

    def get(self, name: str, default: Any = None) -> Any:
        """An argument, or `default` where it is left out or None."""
        value = self.arguments.get(name)
        return default if value is None else value

    def tensor(self, name: str) -> Value:
        """An argument that has to be a tensor, or `Unmapped`."""
        value = self.arguments.get(name)
        if not isinstance(value, Value):
            raise Unmapped(f"has no tensor `{name}`")
        return value

    def stated(self, number: int = 0) -> tuple[Dim, ...] | None:
        """The shape that the file states for an output; None where it leaves a size open."""
        declared = self.declared[number]
        if declared is None:
            return None
        sizes = tuple([size for size in declared if not isinstance(size, str)])
        return sizes if len(sizes) == len(declared) else None

    def unread(self, number: int = 0) -> Value | None:
        """What stands for an output that nobody reads; None where the file leaves its size open."""
        if self.declared[number] is None:
            return Value(())
        shape = self.stated(number)
        return None if shape is None else Value(shape)


Rule = Callable[[Builder, Call], Value | list[Value]]
"""Maps one call: adds layers, and returns the value of the output, or those of all outputs."""


class Table(NamedTuple):
    """The operators of a dialect."""

    rules: Mapping[str, Rule]
    refused: Mapping[str, str]
    """Why an operator is refused, by its name: `is control flow`."""


def map_graph(
    graph: Graph,
    table: Table,
    shapes: Mapping[str, Sequence[int]] | None = None,
    has_batch: bool = True,
    sizes: Mapping[str, int] | None = None,
) -> LayerGraph:
    """The layers of a graph.

    `shapes` gives sizes of inputs, with the batch, where the file leaves them open; `sizes` those
    of symbols of the file. Without `has_batch` all axes are axes of one example. Raises
    `ModelFileError` for what is refused.
    """
    return _Mapper(graph, table, shapes or {}, has_batch, sizes or {}).mapped()


class _Mapper:
    def __init__(
        self,
        graph: Graph,
        table: Table,
        shapes: Mapping[str, Sequence[int]],
        has_batch: bool,
        sizes: Mapping[str, int],
    ) -> None:
        self._graph = graph
        self._table = table
        self._has_batch = has_batch
        self._shapes = {
            tensor.name: self._input_shape(tensor, shapes.get(tensor.name))
            for tensor in graph.inputs
        }
        for name in shapes:
            if name not in self._shapes:
                raise ModelFileError(
                    Problem(
                        f"{graph.source}: has no input `{name}`",
                        hint="its inputs: " + ", ".join(f"`{x.name}`" for x in graph.inputs),
                    )
                )
        self._symbols: dict[str, Dim] = {**sizes, **self._sizes_of_symbols(shapes)}
        for tensor in graph.inputs:
            if has_batch and tensor.shape and isinstance(tensor.shape[0], str):
                self._symbols[tensor.shape[0]] = ALONE
        self._fixed = self._fixed_batch()
        self._builder = Builder(graph, self._fixed)
        self._values: dict[str, Value] = {}

    def mapped(self) -> LayerGraph:
        """The layers."""
        for tensor in self._graph.inputs:
            self._enter(tensor)
        for node in self._graph.nodes:
            self._map(node)
        outputs = []
        for tensor in self._graph.outputs:
            value = self._value(tensor.name)
            if value is None:
                raise self._bad_output(tensor.name, "is made by no node")
            try:
                self._builder.wire(value)
            except Unmapped as problem:
                raise self._bad_output(tensor.name, str(problem)) from None
            outputs.append(value)
        return self._builder.finished(outputs, self._values)

    def _bad_output(self, name: str, why: str) -> ModelFileError:
        return ModelFileError(Problem(f"{self._graph.source}: output `{name}` {why}"))

    def _input_shape(self, tensor: Tensor, given: Sequence[int] | None) -> Shape:
        """The shape of an input: as given, else as in the file."""
        declared = tensor.shape
        if tensor.dtype in NO_TENSORS:
            raise ModelFileError(
                Problem(
                    f"{self._graph.source}: input `{tensor.name}` has the type {tensor.dtype}, and "
                    "layers work on tensors",
                    hint="export the model with tensors alone as its inputs",
                )
            )
        if given is None:
            if declared is None:
                raise self._missing(tensor.name)
            return declared
        if declared is not None and len(declared) != len(given):
            raise ModelFileError(
                Problem(
                    f"{self._graph.source}: input `{tensor.name}` has {len(declared)} axes, "
                    f"not {len(given)}",
                    hint=f"the file has {_shown(declared)}: give all sizes, the batch first",
                )
            )
        for stated, size in zip(declared or (), given, strict=False):
            if isinstance(stated, int) and stated != size:
                raise ModelFileError(
                    Problem(
                        f"{self._graph.source}: input `{tensor.name}` is {_shown(declared or ())}, "
                        f"and {list(given)} was given",
                        hint="sizes that the file fixes stay; export the model at another size",
                    )
                )
        if declared and isinstance(declared[0], Batch):
            return (declared[0], *given[1:])
        return tuple(given)

    def _missing(self, name: str) -> ModelFileError:
        return ModelFileError(
            Problem(
                f"{self._graph.source}: the file does not state the shape of its input `{name}`",
                hint=f"give it, with the batch first: `FILE@{name}=1x3x224x224`, or for `import` "
                f"--shape {name}=1,3,224,224",
            )
        )

    def _open_size(self, name: str, symbol: str) -> ModelFileError:
        shape = self._shapes[name]
        setting = f"`FILE@{symbol}=224`, or for `import` " if symbol.isidentifier() else ""
        sizes = ",".join(str(size) if isinstance(size, int) else "224" for size in shape[1:])
        return ModelFileError(
            Problem(
                f"{self._graph.source}: input `{name}` is {_shown(shape)}, and the size `{symbol}` "
                "is not known",
                hint=f"give it: {setting}--shape {name}=1,{sizes}",
            )
        )

    def _sizes_of_symbols(self, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
        """Sizes that symbols of the file have, from the shapes that were given."""
        sizes = {}
        for tensor in self._graph.inputs:
            if tensor.name in shapes and tensor.shape is not None:
                for symbol, size in zip(tensor.shape, shapes[tensor.name], strict=True):
                    if isinstance(symbol, str):
                        sizes[symbol] = size
        return sizes

    def _fixed_batch(self) -> int | None:
        """The examples that the file is for; None where any number is."""
        if not self._has_batch:
            return 1
        fixed = {
            shape[0]
            for tensor in self._graph.inputs
            if (shape := tensor.shape) and isinstance(shape[0], int)
        }
        if len(fixed) > 1:
            sizes = ", ".join(map(str, sorted(fixed)))
            raise ModelFileError(
                Problem(
                    f"{self._graph.source}: the first axes of the inputs have sizes {sizes}, so "
                    "they are not the batch",
                    hint="with `--no-batch` the first axis is one like the others",
                )
            )
        return fixed.pop() if fixed else None

    def _enter(self, tensor: Tensor) -> None:
        shape: list[Any] = list(self._shapes[tensor.name])
        for i, size in enumerate(shape):
            if i == 0 and self._has_batch and size != 0:
                shape[0] = size if isinstance(size, Batch) else Batch(1)
            elif isinstance(size, str) and size in self._symbols:
                shape[i] = self._symbols[size]
            elif isinstance(size, str):
                raise self._open_size(tensor.name, size)
            elif isinstance(size, int) and not 0 < size <= MAX_SIZE:
                raise ModelFileError(
                    Problem(f"{self._graph.source}: input `{tensor.name}` has a size {size}")
                )
        try:
            value = self._builder.input(tensor.name, tuple(shape), tensor.dtype)
        except Unmapped as problem:
            raise ModelFileError(
                Problem(f"{self._graph.source}: input `{tensor.name}` {problem}")
            ) from None
        self._values[tensor.name] = value

    def _value(self, name: str) -> Value | None:
        value = self._values.get(name)
        if value is None and name in self._graph.stored:
            stored = self._graph.stored[name]
            value = stored_value(stored)
            self._values[name] = value
        return value

    def _map(self, node: Node) -> None:
        self._builder.at(node)
        try:
            why = self._table.refused.get(rule_name(node))
            if why is not None:
                raise Refused(why)
            call = self._call(node)
            outputs = self._made(call)
            self._check(call, outputs)
        except Refused as refused:
            raise ModelFileError(
                Problem(f"{self._graph.source}: {described(node)} {refused}", hint=refused.hint)
            ) from None
        for name, value in zip(node.outputs, outputs, strict=False):
            if name:
                self._values[name] = value

    def _made(self, call: Call) -> list[Value]:
        rule = self._table.rules.get(rule_name(call.node))
        if rule is None:
            return self._opaque_or_refused(call, Unmapped("has no rule"))
        count = len(self._builder.layers)
        try:
            made = rule(self._builder, call)
        except Unmapped as problem:
            self._builder.undo(count)
            return self._opaque_or_refused(call, problem)
        return [made] if isinstance(made, Value) else made

    def _call(self, node: Node) -> Call:
        declared, dtypes = [], []
        for name in node.outputs:
            tensor = self._graph.tensors.get(name)
            declared.append(None if tensor is None else self._declared(tensor.shape))
            dtypes.append(None if tensor is None else tensor.dtype)
        inputs = tuple([self._value(name) if name else None for name in node.inputs])
        for name, value in zip(node.inputs, inputs, strict=True):
            if name and value is None:
                raise Refused(f"reads `{name}`, which nothing makes")
        arguments = {name: self._argument(value) for name, value in node.attributes.items()}
        return Call(node, inputs, arguments, tuple(declared), tuple(dtypes))

    def _argument(self, value: Any) -> Any:
        if isinstance(value, Reference):
            return self._value(value.name)
        if isinstance(value, Stored):
            return stored_value(value)
        if isinstance(value, (list, tuple)) and not isinstance(value, Batch):
            return [self._argument(part) for part in value]
        return value

    def _declared(self, shape: Shape | None) -> tuple[Dim | str, ...] | None:
        """A shape that the file states; the batch is not marked in it where the file has a number
        for it."""
        if shape is None:
            return None
        return tuple(
            [self._symbols.get(size, size) if isinstance(size, str) else size for size in shape]
        )

    def _opaque_or_refused(self, call: Call, reason: Unmapped) -> list[Value]:
        try:
            return self._opaque(call, reason)
        except Unmapped as problem:  # sizes that no layer can have
            raise Refused(f"{reason}, and cannot be opaque either: {problem}") from None

    def _opaque(self, call: Call, reason: Unmapped) -> list[Value]:
        """Outputs of a node without a rule, as the file states them.

        What it makes of constants alone is a constant, which a runtime has made beforehand.
        """
        inputs = _tensors((*call.inputs, *call.arguments.values()))
        self._refuse_mixing(call, inputs)
        if all(
            x.static and not any(map(is_trained, self._builder.owners.sources(x))) for x in inputs
        ):
            shapes = [call.stated(number) for number in range(len(call.declared))]
            complete = [shape for shape in shapes if shape is not None and _is_one_for_all(shape)]
            if len(complete) == len(shapes):
                return [
                    constant(self._builder, shape, dtype, None)
                    for shape, dtype in zip(complete, call.dtypes, strict=True)
                ]
        self._builder.notes[f"{call.node.operator} {reason}: it is `opaque`"] = None
        values = []
        for number, name in enumerate(call.node.outputs):
            if not name:  # nobody reads it
                values.append(Value(()))
                continue
            shape = self._complete(call, number)
            if shape is None:
                raise Refused(
                    f"{reason}, and the file does not state the shape of its output",
                    None if isinstance(reason, Misfit) else _WITH_SHAPES.get(self._graph.dialect),
                )
            values.append(self._opaque_output(call, number, shape, inputs))
        return values

    def _refuse_mixing(self, call: Call, inputs: Sequence[Value]) -> None:
        """Refuse what works along the batch, or multiplies it with itself, as far as it shows."""
        for shape in call.declared:
            if sum(isinstance(size, Batch) for size in shape or ()) > 1:
                raise mixing()
        for name in ("dim", "dims", "axis", "axes"):
            given = call.arguments.get(name)
            axes = given if isinstance(given, list) else [given]
            for x in inputs[:1]:
                batch = x.batch_axis
                if batch is not None and any(axis in (batch, batch - x.rank) for axis in axes):
                    raise mixing()

    def _complete(self, call: Call, number: int) -> tuple[Dim, ...] | None:
        """The shape that the file states for an output, where it leaves no size open, or only that
        of the batch, which then is the first axis as it is of an input."""
        stated, complete = call.declared[number], call.stated(number)
        if stated is None or complete is not None:
            return complete
        sizes = [size for size in stated if not isinstance(size, str)]
        inputs = _tensors((*call.inputs, *call.arguments.values()))
        is_batch = self._has_batch and any(x.shape[:1] == (Batch(1),) for x in inputs)
        if not is_batch or not isinstance(stated[0], str) or len(sizes) + 1 < len(stated):
            return None
        return (Batch(1), *sizes)

    def _opaque_output(
        self, call: Call, number: int, shape: tuple[Dim, ...], inputs: Sequence[Value]
    ) -> Value:
        # A spec has no `opaque` that reads nothing: of stored tensors alone it reads parameters.
        activations = [x for x in inputs if x.wire is not None] or inputs
        if self._has_batch and not has_batch(shape):
            with_batch = [x for x in activations if x.batch_axis is not None]
            if with_batch:
                if not shape or shape[0] != (self._fixed or shape[0]):
                    raise Refused("has no rule, and its output has no batch")
                shape = (Batch(1), *shape[1:])
        fields: dict[str, Any] = {"operation": _word(call.node.operator)}
        fields["shape"] = list(layer_shape(shape))
        try:
            return self._builder.layer(
                "opaque", activations, shape, fields, dtype=call.dtypes[number]
            )
        except Unmapped as problem:
            raise Refused(f"has no rule, and {problem}") from None

    def _check(self, call: Call, outputs: Sequence[Value]) -> None:
        """Our shapes against those that the file states."""
        for number, (value, stated) in enumerate(zip(outputs, call.declared, strict=False)):
            if stated is None:
                continue
            batch = self._builder.batch
            ours = [concrete(size, batch) for size in value.shape]
            theirs = [size if isinstance(size, str) else concrete(size, batch) for size in stated]
            differ = [x != y and not isinstance(y, str) for x, y in zip(ours, theirs, strict=False)]
            if len(ours) != len(theirs) or any(differ):
                name = call.node.outputs[number]
                raise Refused(
                    f"makes `{name}` of shape {_shown(value.shape)}, and the file says "
                    f"{_shown(stated)}"
                )


def _tensors(arguments: Iterable[Any]) -> list[Value]:
    """The values among arguments, and in lists of them."""
    values: list[Value] = []
    for argument in arguments:
        if isinstance(argument, Value):
            values.append(argument)
        elif isinstance(argument, list):
            values += _tensors(argument)
    return values


_WITH_SHAPES = {
    "onnx": "export the model with shapes, or let onnx.shape_inference.infer_shapes add them"
}
"""The way out where a shape is missing."""


def _is_one_for_all(shape: Sequence[Dim]) -> bool:
    """Whether a tensor that does not depend on the input can be stored once for all examples."""
    return all(size == ALONE for size in shape if isinstance(size, Batch))


def stored_value(stored: Stored) -> Value:
    """The value of a tensor that is stored in the file."""
    return Value(stored.shape, stored.dtype, None, stored, stored.values, static=True)


def rule_name(node: Node) -> str:
    """The name of a node's operator in a table: with its domain, but for the standard one."""
    return f"{node.domain}.{node.operator}" if node.domain else node.operator


def described(node: Node) -> str:
    """A node as messages name it."""
    return f"node `{node.name}` ({node.operator})"


def _shown(shape: Sequence[Any]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"


def _word(operator: str) -> str:
    """The name of an operator as a word of the language."""
    word = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in operator)
    return word.strip("_").lower() or "unnamed"
