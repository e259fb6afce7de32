"""Reads an ONNX file as a `Graph`, without the package onnx, and without a look at large tensors.

The package takes longer to import than a whole analysis. Nothing that a file names is opened:
contents in other files (`external_data`) are never needed, since costs depend on sizes alone.
Functions of the file are inlined. Not here: what operators mean (`mapping/onnx/`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from mnet_cost.errors import ModelFileError, Problem
from mnet_cost.importing.graph import (
    FEW,
    FEW_WHOLE,
    NO_TENSORS,
    Dimension,
    Graph,
    Node,
    Shape,
    Stored,
    Subgraph,
    Tensor,
)
from mnet_cost.importing.readers.contents import Unreadable, contents, mistaken_format
from mnet_cost.importing.readers.elements import from_bytes, from_codes, size_bytes
from mnet_cost.importing.readers.onnx_functions import (
    Functions,
    Message,
    Plain,
    standard,
)
from mnet_cost.importing.readers.onnx_messages import MESSAGES, TENSOR_TYPES
from mnet_cost.importing.readers.onnx_scopes import scopes_of
from mnet_cost.importing.readers.onnx_trained import is_mask, signature_of, with_trained
from mnet_cost.importing.readers.order import in_order
from mnet_cost.importing.readers.protobuf import Reader, WireError
from mnet_cost.paths import Named

OPSETS = range(7, 29)
"""Versions of the standard operators that are known: from the first one with today's rules of
broadcasting to that of ONNX 1.23."""

_MOST_BYTES = 2**31
"""Of a protocol buffer: larger weights are in files of their own."""
_EXTERNAL = 1
"""TensorProto.DataLocation.EXTERNAL."""
_AGAIN = "export the model again"


_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_PRODUCER = 60
_ATTRIBUTES = {
    1: "float", 2: "int", 3: "bytes", 4: "tensor", 5: "graph", 6: "floats", 7: "ints", 8: "texts",
    9: "tensors", 10: "graphs", 11: "sparse_tensor",
}  # fmt: skip
"""AttributeProto.AttributeType, and the field that holds the value."""
_LISTS = {
    "float32": "floats", "complex64": "floats", "float64": "doubles", "complex128": "doubles",
    "int64": "int64s", "uint32": "uint64s", "uint64": "uint64s", "string": "texts",
}  # fmt: skip
"""The field that holds the elements of a type where they are a list; `int32s` for all others."""


def read_onnx(path: Named) -> Graph:
    """The graph of the ONNX file at `path`; raises `ModelFileError`, which names the file."""
    shown = os.fspath(path)
    return _read(contents(path), shown, os.path.basename(shown))


def parse_onnx(data: bytes, name: str = "model.onnx") -> Graph:
    """The graph of an ONNX file with these bytes; `name` is the name that the file would have."""
    return _read(memoryview(data), name, name)


def _read(data: memoryview, shown: str, name: str) -> Graph:
    try:
        try:
            return _graph(_model(data), name)
        except WireError as problem:
            raise _no_model(data, str(problem)) from None
    except Unreadable as problem:
        raise ModelFileError(Problem(f"{shown}: {problem}", hint=problem.hint)) from None


def _model(data: memoryview) -> Message:
    """The decoded message of a file."""
    if len(data) > _MOST_BYTES:
        raise Unreadable(
            f"{len(data):,} bytes are more than the {_MOST_BYTES:,} that an ONNX file can have",
            "weights of larger models are in files beside the `.onnx` file",
        )
    model = Reader(data, MESSAGES).message("model")
    if "graph" not in model:
        raise _no_model(data, "it has no graph")
    return model


def _no_model(data: memoryview, damage: str) -> Unreadable:
    other = mistaken_format(data)
    if other is not None:
        return Unreadable(f"this is {other[0]}, no ONNX file", other[1])
    return Unreadable(
        f"this is no ONNX file, or a damaged one: {damage}", "export or download the file again"
    )


def _graph(model: Message, file_name: str) -> Graph:
    """The graph of a decoded message; raises `Unreadable`."""
    message = model["graph"]
    versions = {
        standard(opset.get("domain", "")): opset.get("version", 0) for opset in model["opsets"]
    }
    stored, notes = with_trained(
        _all_stored(message), signature_of(message["metadata"]), message["values"]
    )
    inputs = tuple(_tensor(value) for value in message["inputs"])
    _refuse_repeated((tensor.name for tensor in inputs), "inputs")
    inputs = tuple(tensor for tensor in inputs if tensor.name not in stored)
    functions = Functions(model["functions"], versions)
    unsorted = [_node(plain) for plain in functions.inlined(message["nodes"])]
    if any(not node.domain for node in unsorted):
        _check_version(versions.get(""))
    nodes = in_order(unsorted, (*stored, *(tensor.name for tensor in inputs)))
    outputs = tuple(_tensor(value) for value in message["outputs"])
    made = {name for node in nodes for name in node.outputs}
    made.update(stored, (tensor.name for tensor in inputs))
    for tensor in outputs:
        if tensor.name not in made:
            raise Unreadable(f"nothing makes the output `{tensor.name}`", _AGAIN)
    if not outputs:
        raise Unreadable("the graph has no outputs", _AGAIN)
    stem = file_name.rpartition(".")[0] or file_name
    producer = f"{model.get('producer', '')} {model.get('producer_version', '')}".strip()
    return Graph(
        dialect="onnx",
        name=_NOT_IN_NAMES.sub("_", stem).strip("_.-") or "model",
        source=file_name + (f", written by {producer[:_LONGEST_PRODUCER]}" if producer else ""),
        inputs=inputs,
        outputs=outputs,
        nodes=nodes,
        stored=stored,
        tensors={tensor.name: tensor for tensor in (*map(_tensor, message["values"]), *outputs)},
        versions=versions,
        notes=notes,
    )


def _check_version(version: int | None) -> None:
    if version in OPSETS:
        return
    known = f"{OPSETS.start} to {OPSETS.stop - 1}"
    if version is None:
        raise Unreadable("the file does not say the version of its operators (opset)", _AGAIN)
    raise Unreadable(
        f"version {version} of the standard operators (opset) is not known: {known} are",
        "`onnx.version_converter.convert_version` converts it, or export with `opset_version=18`",
    )


def _refuse_repeated(names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Unreadable(f"two {what} are called `{name}`", _AGAIN)
        seen.add(name)


def _all_stored(graph: Message) -> Mapping[str, Stored]:
    tensors = [_stored(message) for message in graph["initializers"]]
    tensors += [_stored_sparse(message) for message in graph["sparse_initializers"]]
    _refuse_repeated((tensor.name for tensor in tensors), "stored tensors")
    return {tensor.name: tensor for tensor in tensors}


def _stored(message: Message) -> Stored:
    name = message.get("name", "")
    shape = _stored_shape(name, message["sizes"])
    dtype = TENSOR_TYPES.get(message.get("type", 0))
    if dtype is None:
        raise Unreadable(
            f"the stored tensor `{name}` has the type {message.get('type', 0)}, which ONNX 1.23 "
            "does not have",
            _AGAIN,
        )
    tensor = Stored(name, dtype, shape)
    tensor = tensor._replace(values=_values(message, tensor))
    raw = message.get("raw")
    if raw is not None and len(shape) > 1 and is_mask(dtype, raw):
        return tensor._replace(trained=False)
    return tensor


def _stored_shape(name: str, sizes: Iterable[int]) -> tuple[int, ...]:
    shape = tuple(sizes)
    if any(size < 0 for size in shape):
        raise Unreadable(f"the stored tensor `{name}` has a negative size: {list(shape)}", _AGAIN)
    return shape


def _stored_sparse(message: Message) -> Stored:
    """A tensor of which the file has the elements that are not 0: as large as the whole."""
    values = message.get("values", {})
    name = values.get("name", "")
    dtype = TENSOR_TYPES.get(values.get("type", 0), "float32")
    return Stored(name, dtype, _stored_shape(name, message["sizes"]))


def _values(message: Message, tensor: Stored) -> tuple[Any, ...] | None:
    """The elements of a stored tensor where they are few and in the file; else None."""
    if message.get("location") == _EXTERNAL or message["external"]:
        return None
    count, raw = tensor.elements, message.get("raw")
    is_few = count <= (FEW_WHOLE if tensor.dtype in ("int32", "int64") else FEW)
    if raw is not None and len(raw):
        needed = size_bytes(tensor.dtype, tensor.shape)
        if len(raw) != needed:
            raise Unreadable(
                f"the stored tensor `{tensor.name}`, {tensor.dtype} {list(tensor.shape)}, has "
                f"{len(raw):,} bytes instead of {needed if needed is None else f'{needed:,}'}",
                "the file is damaged: export or download it again",
            )
        return from_bytes(tensor.dtype, raw, count) if is_few else None
    if not is_few:
        return None
    listed = message[_LISTS.get(tensor.dtype, "int32s")]
    if tensor.dtype in ("complex64", "complex128"):
        listed = list(map(complex, listed[::2], listed[1::2]))
    elif tensor.dtype == "string":
        listed = list(map(_text, listed))
    elif tensor.dtype in ("uint32", "uint64"):
        listed = [element % 2 ** int(tensor.dtype[4:]) for element in listed]
    elif tensor.dtype not in _LISTS:
        listed = from_codes(tensor.dtype, listed, count)
    # A file without its weights still has their sizes.
    return tuple(listed) if len(listed) == count else None


def _node(plain: Plain) -> Node:
    message = plain.message
    return Node(
        name=plain.name,
        operator=message.get("operator", ""),
        domain=standard(message.get("domain", "")),
        inputs=plain.inputs,
        outputs=plain.outputs,
        attributes={
            attribute.get("name", ""): _attribute(attribute) for attribute in plain.attributes
        },
        scopes=scopes_of(message.get("name", ""), plain.metadata),
    )


def _attribute(message: Message) -> Any:
    field = _ATTRIBUTES.get(message.get("type", 0))
    if field is None:  # files of the first versions do not state the type
        field = next((field for field in _ATTRIBUTES.values() if message.get(field)), "")
    value = message.get(field)
    if field in ("float", "int"):
        return value or 0
    if field == "bytes":
        return _text(value or b"")
    if field in ("floats", "ints"):
        return tuple(value or ())
    if field == "texts":
        return tuple(map(_text, value or ()))
    if field == "tensors":
        return tuple(map(_stored, value or ()))
    if field == "graphs":
        return tuple(Subgraph(len(part)) for part in value or ())
    if field == "graph":
        return Subgraph(len(value or b""))
    if value is None:
        return None  # a type, which no operator on tensors has
    return _stored(value) if field == "tensor" else _stored_sparse(value)


def _text(data: memoryview | bytes) -> str:
    return str(data, "utf-8", "replace")


def _tensor(message: Message) -> Tensor:
    name = message.get("name", "")
    types = message.get("type", {})
    form = types.get("tensor")
    if form is None:
        other = next((form for form in NO_TENSORS if form in types), None)
        return Tensor(name, other, None)
    shape: Shape | None = None
    if "shape" in form:
        shape = tuple(_size(size, name, axis) for axis, size in enumerate(form["shape"]["sizes"]))
    return Tensor(name, TENSOR_TYPES.get(form.get("type", 0)), shape)


def _size(message: Message, name: str, axis: int) -> Dimension:
    """A size of a declared shape; one that is open and has no name is called after its place.

    Some programs write -1 for one that is open. No other negative number means anything.
    """
    value = message.get("value", -1)
    if value < -1:
        raise Unreadable(
            f"the size of axis {axis} of `{name}` is {value}: none is negative", _AGAIN
        )
    return value if value >= 0 else message.get("symbol") or f"{name}.{axis}"
