"""Reads a TFLite file as a `Graph`, without TensorFlow and without a look at large tensors.

The package of generated accessors takes longer to import than a whole analysis, and follows any
offset. Operators have their names of the schema, and options are attributes. The first subgraph is
the model. Tensors are numbers in the file, so names that are missing or not unique are made unique.
Not here: what operators mean, and which axes an image has.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.errors import ModelFileError, Problem
from mnet_cost.importing.graph import (
    FEW,
    FEW_WHOLE,
    MAX_NODES,
    Batch,
    Dimension,
    Graph,
    Node,
    Quantization,
    Shape,
    Stored,
    Tensor,
)
from mnet_cost.importing.readers.contents import Unreadable, contents, mistaken_format
from mnet_cost.importing.readers.elements import from_bytes, size_bytes
from mnet_cost.importing.readers.flatbuffers import FlatBufferError, Reader
from mnet_cost.importing.readers.order import in_order
from mnet_cost.importing.readers.tflite_schema import (
    BUILTINS,
    CUSTOM,
    IDENTIFIER,
    NAMES,
    OPTIONS,
    PLACEHOLDER,
    TABLES,
    TENSOR_TYPES,
    VERSION,
)
from mnet_cost.paths import Named

MAX_RANK = 16
"""Most axes of a tensor: runtimes have at most eight."""
MAX_TENSORS = 4 * MAX_NODES
MAX_OPERANDS = 10 * MAX_NODES
"""Most inputs and outputs of all nodes together: lists of a file can be one list."""
_LONGEST_NAME = 1000
_LONGEST_PART = 200  # of a name that other tensors have, too
_LONGEST_DESCRIPTION = 60
_ALL_TABLES = {**TABLES, **{operator: options.fields for operator, options in OPTIONS.items()}}
_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


def read_tflite(path: Named) -> Graph:
    """The graph of a TFLite file. Raises `ModelFileError`."""
    return graph_of(contents(path), os.fsdecode(path))


def graph_of(data: memoryview, path: str) -> Graph:
    """The graph of the contents of a TFLite file; `path` is for names and errors.

    Raises `ModelFileError`.
    """
    hint: str | None = "download or convert it again"
    try:
        if data[4:8] != IDENTIFIER:
            raise _no_tflite(data)
        return _File(data, path).graph()
    except FlatBufferError as reason:
        message = f"it is damaged: {reason}"
    except Unreadable as reason:
        message, hint = str(reason), reason.hint
    raise ModelFileError(Problem(f"{path}: {message}", hint=hint)) from None


def _no_tflite(data: memoryview) -> Unreadable:
    mistaken = mistaken_format(data)
    if mistaken is not None:
        return Unreadable(f"it is no TFLite file, but {mistaken[0]}", mistaken[1])
    return Unreadable("it is no TFLite file", "a TFLite file has `TFL3` as its bytes 4 to 7")


class _FileTensor(NamedTuple):
    """A tensor of the subgraph."""

    declared: Tensor
    stored: Stored | None
    """Where the file has its contents."""
    contents: tuple[int, bool] | None
    """Which buffer they are in, and whether that is one of another file."""


class _File:
    """The tables of a file, and the graph that they are."""

    def __init__(self, data: memoryview, path: str) -> None:
        self._data = data
        self._path = path
        self._reader = Reader(data, _ALL_TABLES)
        self._model = self._reader.root("model")
        if self._model["version"] != VERSION:
            raise Unreadable(f"its schema has version {self._model['version']}, not {VERSION}")
        if not self._model["subgraphs"]:
            raise Unreadable("it has no graph")
        self._subgraph = self._model["subgraphs"][0]
        if len(self._subgraph["tensors"]) > MAX_TENSORS:
            raise Unreadable(
                f"it has {len(self._subgraph['tensors']):,} tensors: more than {MAX_TENSORS:,}"
            )
        self._names = _unique_names([tensor["name"] for tensor in self._subgraph["tensors"]])
        self._inputs = self._numbers(self._subgraph["inputs"], "an input of the model")
        self._first_input = self._names[self._inputs[0]] if self._inputs else None
        self._batch = self._declared_batch()

    def graph(self) -> Graph:
        """The model."""
        tensors = [self._tensor(i) for i in range(len(self._names))]
        nodes = self._nodes()
        inputs = self._inputs
        outputs = self._numbers(self._subgraph["outputs"], "an output of the model")
        given = set(inputs)
        stored = {
            tensor.declared.name: tensor.stored
            for i, tensor in enumerate(tensors)
            if tensor.stored is not None and i not in given
        }
        made = {name for node in nodes for name in node.outputs}
        for i in outputs:
            if i not in given and self._names[i] not in made and self._names[i] not in stored:
                raise Unreadable(f"nothing makes its output `{self._names[i]}`")
        name = os.path.basename(self._path)
        description = (self._model["description"] or "").strip(" .")
        return Graph(
            dialect="tflite",
            name=_IN_A_NAME.sub("_", os.path.splitext(name)[0]) or "model",
            source=f"{name}, {description[:_LONGEST_DESCRIPTION]}" if description else name,
            inputs=tuple([tensors[i].declared for i in inputs]),
            outputs=tuple([tensors[i].declared for i in outputs]),
            nodes=in_order(nodes, [*stored, *[self._names[i] for i in inputs]]),
            stored=stored,
            tensors={
                tensor.declared.name: tensor.declared
                for tensor in tensors
                if tensor.declared.name in made
            },
            versions={"": self._model["version"]},
            same_storage=_same_storage(tensors, stored),
        )

    def _declared_batch(self) -> int:
        """The batch that shapes of the file have where it is open: that of its first input."""
        for i in self._inputs:
            tensor = self._subgraph["tensors"][i]
            if tensor["signature"] and tensor["signature"][0] < 0 and tensor["shape"]:
                return max(1, int(tensor["shape"][0]))
        return 1

    def _numbers(self, numbers: Sequence[int], what: str) -> tuple[int, ...]:
        """Numbers of tensors, checked."""
        for number in numbers:
            if not 0 <= number < len(self._subgraph["tensors"]):
                raise Unreadable(f"{what} is tensor {number}, which is not there")
        return tuple(numbers)

    # Tensors

    def _tensor(self, number: int) -> _FileTensor:
        table, name = self._subgraph["tensors"][number], self._names[number]
        sizes = table["shape"]
        if len(sizes) > MAX_RANK:
            raise Unreadable(f"tensor `{name}` has {len(sizes):,} axes: more than {MAX_RANK}")
        if any(size < 0 for size in sizes):
            raise Unreadable(f"tensor `{name}` has a size below 0: {list(sizes)}")
        dtype = _named(TENSOR_TYPES, table["type"], f"tensor `{name}` has type")
        quantization = _quantization(table["quantization"], dtype, name, len(sizes))
        declared = Tensor(name, dtype, self._shape(table, name), quantization)
        if table["external_buffer"]:
            stored = Stored(name, dtype, sizes, quantization=quantization)
            return _FileTensor(declared, stored, (table["external_buffer"], True))
        data = self._contents(table["buffer"], name)
        if not data and 0 not in sizes and not table["is_variable"]:
            return _FileTensor(declared, None, None)
        if table["is_variable"] and not data:
            # A state that begins as zeros: nothing of it is in the file.
            stored = Stored(name, dtype, sizes, trained=False, quantization=quantization)
            return _FileTensor(declared, stored, None)
        stored = Stored(name, dtype, sizes, quantization=quantization)
        if table["sparsity"] is None:
            stored = _with_values(stored, data, table["quantization"])
        return _FileTensor(declared, stored, (table["buffer"], False) if data else None)

    def _shape(self, table: Mapping[str, Any], name: str) -> Shape:
        """The shape with the batch and sizes that are open, as the signature says."""
        sizes, signature = table["shape"], table["signature"]
        if len(signature) != len(sizes):
            return tuple(sizes)
        shape: list[Dimension] = list(sizes)
        for axis, (size, stated) in enumerate(zip(sizes, signature, strict=True)):
            if stated < 0 and axis == 0 and size % self._batch == 0:
                shape[axis] = Batch(max(1, size // self._batch))
            elif stated < 0:
                shape[axis] = f"axis_{axis}" if name == self._first_input else f"{name}[{axis}]"
        return tuple(shape)

    def _contents(self, number: int, name: str) -> memoryview:
        """The bytes of a buffer; empty where there are none."""
        buffers = self._model["buffers"]
        if number == 0 and not buffers:
            return self._data[:0]
        if number >= len(buffers):
            raise Unreadable(f"tensor `{name}` is in buffer {number}, which is not there")
        buffer = buffers[number]
        # Files of more than 2 GB have contents behind the tables.
        first, size = buffer["offset"], buffer["size"]
        if first <= 1:
            return buffer["data"] or self._data[:0]
        if first + size > len(self._data):
            raise Unreadable(f"buffer {number} goes on behind the end of the file")
        return self._data[first : first + size]

    # Operators

    def _nodes(self) -> tuple[Node, ...]:
        operators = self._subgraph["operators"]
        if len(operators) > MAX_NODES:
            raise Unreadable(f"it has {len(operators):,} operators: more than {MAX_NODES:,}")
        operands = sum(len(operator["inputs"]) + len(operator["outputs"]) for operator in operators)
        if operands > MAX_OPERANDS:
            raise Unreadable(
                f"its operators have {operands:,} operands: more than {MAX_OPERANDS:,}"
            )
        codes = [_operator_of(code) for code in self._model["codes"]]
        return tuple([self._node(i, operator, codes) for i, operator in enumerate(operators)])

    def _node(
        self, number: int, table: Mapping[str, Any], codes: Sequence[tuple[str, str]]
    ) -> Node:
        if table["code"] >= len(codes):
            raise Unreadable(f"operator {number} has code {table['code']}, which is not there")
        operator, domain = codes[table["code"]]
        name = f"{operator}:{number}"
        what = f"node {name}: an input or output"
        left_out = -1
        inputs = [i for i in table["inputs"] if i != left_out]
        self._numbers([*inputs, *table["outputs"]], what)
        return Node(
            name=name,
            operator=operator,
            domain=domain,
            inputs=tuple(["" if i == left_out else self._names[i] for i in table["inputs"]]),
            outputs=tuple([self._names[i] for i in table["outputs"]]),
            attributes={} if domain else self._attributes(operator, table, name),
        )

    def _attributes(self, operator: str, table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        """Options by their names of the schema, all of them."""
        options = OPTIONS.get(operator)
        values: Mapping[str, Any]
        if options is None:
            return {}
        if not table["options_type"] or table["options"] is None:
            fields = options.fields.values()
            values = {field.name: () if field.repeated else field.default for field in fields}
        elif table["options_type"] == options.number:
            values = self._reader.table(operator, table["options"])
        else:
            raise Unreadable(f"node {name}: its options are those of another operator")
        return {
            option: _named(NAMES[option], value, f"node {name}: `{option}` is")
            if option in NAMES
            else value
            for option, value in values.items()
        }


def _unique_names(names: Sequence[str | None]) -> list[str]:
    """Names of tensors, each once: those of the file, with the tensor's number where need be."""
    unique: dict[str, None] = {}
    for number, name in enumerate(names):
        wanted = name[:_LONGEST_NAME] if name else f"tensor:{number}"
        while wanted in unique:
            wanted = f"{wanted[:_LONGEST_PART]}:{number}"
        unique[wanted] = None
    return list(unique)


def _named(names: Sequence[str], number: int, what: str) -> str:
    if not 0 <= number < len(names):
        raise Unreadable(f"{what} {number}, which the schema does not have")
    return names[number]


def _operator_of(code: Mapping[str, Any]) -> tuple[str, str]:
    """(operator, domain) of an operator code: the domain is empty for builtin operators."""
    # Codes above 127 are in a field that old files do not have.
    number = max(code["old_code"], code["code"])
    if number == CUSTOM:
        return (code["custom_code"] or "")[:_LONGEST_NAME] or "unnamed", "custom"
    if 0 <= number < len(BUILTINS) and number != PLACEHOLDER:
        return BUILTINS[number], ""
    return f"BUILTIN_{number}", ""


def _quantization(
    table: Mapping[str, Any] | None, dtype: str, name: str, rank: int
) -> Quantization | None:
    if table is None or not (table["scales"] or table["details_type"]):
        return None
    if len(table["scales"]) <= 1:
        return Quantization(dtype)
    if not 0 <= table["axis"] < rank:
        raise Unreadable(
            f"tensor `{name}` is quantized along axis {table['axis']}, which is not there"
        )
    return Quantization(dtype, table["axis"])


def _with_values(
    stored: Stored, data: memoryview, quantization: Mapping[str, Any] | None
) -> Stored:
    """A stored tensor with its values where they are few: the real ones where it is quantized with
    one scale. Its contents must have its size."""
    expected = size_bytes(stored.dtype, stored.shape)
    if expected is None:
        return stored
    if len(data) != expected:
        raise Unreadable(
            f"tensor `{stored.name}` has {len(data):,} bytes: a {stored.dtype} of shape "
            f"{list(stored.shape)} takes {expected:,}"
        )
    is_real = stored.quantization is not None or stored.dtype.startswith(("float", "bfloat"))
    if stored.elements > (FEW if is_real else FEW_WHOLE):
        return stored
    values = from_bytes(stored.dtype, data, stored.elements)
    if stored.quantization is None or quantization is None:
        return stored._replace(values=values)
    if len(quantization["scales"]) != 1:
        return stored
    (scale,), zero = quantization["scales"], sum(quantization["zero_points"][:1])
    return stored._replace(values=tuple([scale * (value - zero) for value in values]))


def _same_storage(tensors: Sequence[_FileTensor], stored: Mapping[str, Stored]) -> dict[str, str]:
    """Tensors that have the contents of an earlier one as the same tensor, and its name."""
    first: dict[tuple[Any, ...], str] = {}
    same = {}
    for tensor in tensors:
        own = stored.get(tensor.declared.name)
        if own is None or tensor.contents is None:
            continue
        earlier = first.setdefault((tensor.contents, own.dtype, own.shape), own.name)
        if earlier != own.name:
            same[own.name] = earlier
    return same
