"""Reads the programs that `torch.export.save` writes (`.pt2`), without torch.

Such a file is a zip archive in which JSON says all but the elements of tensors: operators with
their arguments by name, types and sizes, modules. Nothing of it is run or unpickled, and weights
are not looked at. The form is that of torch 2.8 and later, or of 2.5 to 2.7, which wrote other
names (torch/_export/serde/schema.py and torch/export/pt2_archive of those versions).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mnet_cost.errors import ModelFileError, Problem
from mnet_cost.files import open_file
from mnet_cost.importing.graph import FEW, MAX_NODES, Graph, Reference
from mnet_cost.importing.readers.archive import Archive, ArchiveError
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
from mnet_cost.models.types import Scope
from mnet_cost.paths import Named, naming

_OLD_PROGRAM = "serialized_exported_program.json"
_MAJOR_VERSIONS = range(5, 9)
"""Of the form of programs: 5 is that of torch 2.4, 8 that of torch 2.5 to 2.14."""
_SMALL_BYTES = 1024
"""Members of at most so many bytes are read for the values of constants."""

DTYPES: Mapping[int, str] = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32",
    8: "float64", 9: "complex32", 10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16",
    28: "uint16", 29: "float8e4m3fn", 30: "float8e5m2", 31: "float8e4m3fnuz", 32: "float8e5m2fnuz",
    33: "float8e8m0", 34: "uint32", 35: "uint64",
}  # fmt: skip
"""ScalarType, as ONNX calls types."""
_LAYOUTS: Mapping[int, str] = {
    1: "sparse_coo", 2: "sparse_csr", 3: "sparse_csc", 4: "sparse_bsr", 5: "sparse_bsc",
    6: "_mkldnn", 7: "strided",
}  # fmt: skip
_MEMORY_FORMATS: Mapping[int, str] = {
    1: "contiguous_format", 2: "channels_last", 3: "channels_last_3d", 4: "preserve_format",
}  # fmt: skip
VALUE_CODES: Mapping[str, str] = {
    "uint8": "B", "int8": "b", "int16": "h", "int32": "i", "int64": "q", "float16": "e",
    "float32": "f", "float64": "d", "bool": "?",
}  # fmt: skip
"""Types whose elements are read, with their letters in the module `struct`."""


def read_pt2(path: Named) -> Graph:
    """The graph of the program in the file at `path`. Raises `ModelFileError`."""
    try:
        with naming(path, "cannot be read", ModelFileError), open_file(path) as file:
            archive = Archive(file)
            return _Program(archive, _program_name(archive), Path(path)).graph()
    except (ArchiveError, ProgramError) as problem:
        raise ModelFileError(
            Problem(f"{path}: {problem}", hint="`torch.export.save` writes files that can be read")
        ) from None


def _program_name(archive: Archive) -> str:
    """The member that holds the program."""
    programs = [
        name
        for name in archive.members
        if name.rpartition("/")[2] == _OLD_PROGRAM
        or (name.endswith(".json") and name.split("/")[-2:-1] == ["models"])
    ]
    if not programs:
        kinds = {
            "data.pkl": "has weights, and no program: it is a file of `torch.save`",
            "config.json": "is a model of Keras, no program of torch.export",
        }
        for name in archive.members:
            what = kinds.get(name.rpartition("/")[2])
            if what is not None:
                raise ProgramError(what)
        if any("/aotinductor/" in f"/{name}" for name in archive.members):
            raise ProgramError("has compiled code (AOTInductor), and no program")
        raise ProgramError("is a zip archive without a program of torch.export")
    if len(programs) > 1:
        raise ProgramError(f"has {len(programs)} programs, and only a file with one is read")
    return programs[0]


class _Program:
    """The program of an archive. The JSON may hold anything, so each value is checked."""

    def __init__(self, archive: Archive, member: str, path: Path) -> None:
        self._archive = archive
        self._path = path
        self._root, _, self._file_name = member.rpartition("/")
        self._root = self._root.removesuffix("models")
        self._file = _mapping(archive.json(member), "the program")
        module = _mapping(self._file.get("graph_module"), "`graph_module`")
        self._graph = _mapping(module.get("graph"), "`graph`")
        self._signature = _mapping(module.get("signature"), "`signature`")
        self._small: dict[str, bytes] = {}

    def graph(self) -> Graph:
        """The program as a graph."""
        version = _mapping(self._file.get("schema_version"), "`schema_version`").get("major")
        if version not in _MAJOR_VERSIONS:
            raise ProgramError(
                f"has a program of version {_shown(version)}; "
                f"{_MAJOR_VERSIONS[0]} to {_MAJOR_VERSIONS[-1]} are read"
            )
        written = self._file.get("torch_version")
        by = f", written by torch {written}" if isinstance(written, str) else ""
        tensors = self._tensors()
        arguments = self._arguments(tensors)
        nodes = _list(self._graph.get("nodes"), "`nodes`")
        if len(nodes) > MAX_NODES:
            raise ProgramError(f"has {len(nodes):,} nodes; the most are {MAX_NODES:,}")
        operations = _operations(nodes, tensors)
        for argument in arguments:
            tensors.pop(argument.name, None)
        return program_graph(
            model_name(self._path.stem),
            f"{self._path.name}{by}",
            arguments,
            operations,
            tensors,
            self._outputs(),
        )

    def _tensors(self) -> dict[str, Declared]:
        values = _mapping(self._graph.get("tensor_values"), "`tensor_values`")
        return {name: _declared(meta, name) for name, meta in values.items()}

    def _arguments(self, tensors: Mapping[str, Declared]) -> list[Argument]:
        payloads = self._payloads()
        arguments = []
        for spec in _list(self._signature.get("input_specs"), "`input_specs`"):
            kind, content = _choice(spec, "an input")
            if kind in ("constant_input", "token"):
                continue  # a number or a flag that the program was exported with
            if kind == "custom_obj":
                raise ProgramError("has an object of a class of its own among its inputs")
            name, is_tensor = _argument_name(_mapping(content, "an input").get("arg"), kind)
            if name is None:
                continue  # None was passed for it
            if not is_tensor:
                raise ProgramError(f"has the input `{name}`, which is a number and no tensor")
            meta = tensors.get(name)
            if meta is None:
                raise ProgramError(f"does not say of which type `{name}` is")
            if kind == "user_input":
                arguments.append(Argument(name, meta.dtype, meta.sizes))
                continue
            if kind not in _STORED_NAMES:
                raise ProgramError(f"has an input of the kind {_shown(kind)}")
            path = _text(content.get(_STORED_NAMES[kind]), f"the name of `{name}`")
            payload = payloads.get(path)
            arguments.append(
                Argument(
                    name,
                    meta.dtype,
                    meta.sizes,
                    path,
                    is_parameter=kind == "parameter",
                    values=None if kind == "parameter" else self._values(payload, meta),
                    storage=_storage(payload),
                )
            )
        return arguments

    def _payloads(self) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """(member, what the file says of it) for each stored tensor by its path in the module."""
        stem = self._file_name.removesuffix(".json")
        payloads: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for folder in ("weights", "constants"):
            place = f"{self._root}data/{folder}/"
            config = f"{place}{stem}_{folder}_config.json"
            if config not in self._archive.members:
                continue  # older versions pickle what is stored
            content = _mapping(self._archive.json(config), f"`{config}`").get("config")
            for path, payload in _mapping(content, f"`{config}`").items():
                said = _mapping(payload, f"`{path}`")
                member = said.get("path_name")
                if isinstance(member, str) and said.get("use_pickle") is not True:
                    payloads[path] = (place + member, said)
        return payloads

    def _values(
        self, payload: tuple[str, Mapping[str, Any]] | None, declared: Declared
    ) -> tuple[Any, ...] | None:
        """The elements of a constant, where they are few and lie one after another."""
        code = VALUE_CODES.get(declared.dtype)
        count = 1
        for size in declared.sizes:
            count *= size if isinstance(size, int) else FEW + 1
        if payload is None or code is None or count > FEW:
            return None
        member, said = payload
        meta = _mapping(said.get("tensor_meta"), f"`{member}`")
        offset = _size(meta.get("storage_offset"), member)
        strides = [_size(x, member) for x in _list(meta.get("strides"), f"`{member}`")]
        info = self._archive.members.get(member)
        if info is None or info.file_size > _SMALL_BYTES or not isinstance(offset, int):
            return None
        if not _is_row_major(declared.sizes, strides):
            return None
        if member not in self._small:
            self._small[member] = self._archive.content(member, _SMALL_BYTES)
        elements = struct.Struct(f"<{count}{code}")
        data = self._small[member]
        start = offset * struct.calcsize(code)
        if not 0 <= start <= len(data) - elements.size:
            return None  # those of a meta device have no elements
        return elements.unpack_from(data, start)

    def _outputs(self) -> Iterator[str]:
        for spec in _list(self._signature.get("output_specs"), "`output_specs`"):
            kind, content = _choice(spec, "an output")
            if kind not in ("user_output", "loss_output"):
                continue  # what the program changes in its buffers
            argument = _mapping(content, "an output").get("arg")
            name, is_tensor = _argument_name(argument, kind)
            if name is not None and is_tensor:
                yield name


_STORED_NAMES = {
    "parameter": "parameter_name",
    "buffer": "buffer_name",
    "tensor_constant": "tensor_constant_name",
}


def _storage(payload: tuple[str, Mapping[str, Any]] | None) -> object:
    """What is equal for tensors that are the same memory; None where the file does not say it."""
    if payload is None:
        return None
    member, said = payload
    meta = _mapping(said.get("tensor_meta"), f"`{member}`")
    device = meta.get("device")
    if not isinstance(device, dict) or device.get("type") == "meta":
        return None  # without elements, all tensors are in one member
    sizes = tuple([_size(x, member) for x in _list(meta.get("sizes"), member)])
    strides = tuple([_size(x, member) for x in _list(meta.get("strides"), member)])
    return (member, _size(meta.get("storage_offset"), member), sizes, strides)


def _is_row_major(sizes: Iterable[Size], strides: list[Size]) -> bool:
    step = 1
    for size, stride in zip(reversed(tuple(sizes)), reversed(strides), strict=False):
        if not isinstance(size, int) or (size != 1 and stride != step):
            return False
        step *= size
    return True


def _operations(
    nodes: Iterable[Any], tensors: dict[str, Declared], depth: int = 0
) -> list[Operation]:
    """The nodes of a program, each with a name of its own; those of graphs that it only runs are
    among them, and their tensors are added to `tensors`."""
    operations = []
    for node, operation in _written_operations(nodes):
        inner = _inner_graph(node, operation, depth)
        if inner is None:
            operations.append(operation)
            continue
        given = list(operation.arguments.values())
        count = len(inner.inputs)
        inlined_operations, between = inlined(operation, given[len(given) - count :], inner)
        operations += inlined_operations
        tensors.update({name: x for name, x in between.items() if name not in tensors})
    return operations


_MAX_DEPTH = 20


def _inner_graph(node: Mapping[str, Any], operation: Operation, depth: int) -> Inner | None:
    """The graph that a node only runs, else None."""
    if operation.operator not in WRAPPERS:
        return None
    if depth > _MAX_DEPTH:
        raise ProgramError(f"has graphs in graphs, more than {_MAX_DEPTH} deep")
    for given in node["inputs"]:
        kind, content = _choice(given.get("arg"), f"an argument of `{operation.name}`")
        if kind == "as_graph":
            what = f"the graph of `{operation.name}`"
            graph = _mapping(_mapping(content, what).get("graph"), what)
            values = _mapping(graph.get("tensor_values"), what)
            tensors = {name: _declared(meta, name) for name, meta in values.items()}
            names = [
                [_argument_name(x, what)[0] or "" for x in _list(graph.get(part), what)]
                for part in ("inputs", "outputs")
            ]
            operations = _operations(_list(graph.get("nodes"), what), tensors, depth + 1)
            return Inner(names[0], names[1], operations, tensors)
    return None


def _written_operations(nodes: Iterable[Any]) -> Iterator[tuple[Mapping[str, Any], Operation]]:
    """Each node of a program as it is written, and what it says."""
    taken: set[str] = set()
    for number, entry in enumerate(nodes):
        node = _mapping(entry, f"node {number}")
        target = _text(node.get("target"), f"the operator of node {number}")
        outputs: list[str] = []
        for output in _list(node.get("outputs"), f"the outputs of node {number}"):
            outputs += _output_names(output, number)
        name = node.get("name")
        if not isinstance(name, str) or not name or name in taken:  # older files have no names
            name = outputs[0] if outputs else f"{operator_name(target)}_{number}"
            while name in taken:
                name = f"{name}_{number}"
        taken.add(name)
        yield (
            node,
            Operation(
                name,
                operator_name(target),
                _named_arguments(_list(node.get("inputs"), f"the arguments of `{name}`"), name),
                tuple(outputs),
                _scopes(_mapping(node.get("metadata"), f"`{name}`").get("nn_module_stack")),
            ),
        )


def _named_arguments(inputs: list[Any], node: str) -> dict[str, Any]:
    """Arguments by name; those without a name, as of control flow, by their position."""
    arguments: dict[str, Any] = {}
    for position, entry in enumerate(inputs):
        given = _mapping(entry, f"an argument of `{node}`")
        name = _text(given.get("name"), f"the name of an argument of `{node}`")
        kind, content = _choice(given.get("arg"), f"an argument of `{node}`")
        arguments[name or str(position)] = _argument(kind, content, node)
    return arguments


def _argument(kind: str, content: Any, node: str) -> Any:
    """The value of an argument: plain data, a `Reference`, or a list of those."""
    what = f"an argument of `{node}`"
    if kind == "as_none":
        return None
    if kind == "as_tensor":
        return Reference(_text(_mapping(content, what).get("name"), what))
    if kind == "as_float":
        return _real(content, what)
    if kind in ("as_int", "as_bool", "as_string", "as_operator"):
        return _plain(content, what)
    if kind == "as_floats":
        return [_real(part, what) for part in _list(content, what)]
    if kind in ("as_ints", "as_bools", "as_strings"):
        return [_plain(part, what) for part in _list(content, what)]
    if kind in ("as_int_lists", "as_float_lists"):
        return [[_plain(x, what) for x in _list(part, what)] for part in _list(content, what)]
    if kind == "as_tensors":
        return [_argument("as_tensor", part, node) for part in _list(content, what)]
    if kind == "as_nested_tensors":
        return [_argument("as_tensors", part, node) for part in _list(content, what)]
    if kind in ("as_sym_int", "as_sym_float", "as_sym_bool", "as_optional_tensor"):
        return _argument_or_name(content, node)
    if kind in ("as_sym_ints", "as_sym_floats", "as_sym_bools", "as_optional_tensors"):
        return [_argument_or_name(part, node) for part in _list(content, what)]
    if kind == "as_scalar_type":
        return _named(DTYPES, content, what)
    if kind == "as_memory_format":
        return _named(_MEMORY_FORMATS, content, what)
    if kind == "as_layout":
        return _named(_LAYOUTS, content, what)
    if kind == "as_device":
        return _text(_mapping(content, what).get("type"), what)
    if kind == "as_graph":
        return _text(_mapping(content, what).get("name"), what)
    if kind == "as_custom_obj":
        return _text(_mapping(content, what).get("class_fqn"), what)
    if kind == "as_complex":
        number = _mapping(content, what)
        return [_plain(number.get("real"), what), _plain(number.get("imag"), what)]
    if kind == "as_string_to_argument":
        return {
            key: _argument(*_choice(part, what), node)
            for key, part in _mapping(content, what).items()
        }
    raise ProgramError(f"has {what} of the kind {_shown(kind)}")


def _argument_or_name(content: Any, node: str) -> Any:
    """A number, or a `Reference` to one that is calculated."""
    kind, value = _choice(content, f"an argument of `{node}`")
    if kind == "as_name":
        return Reference(_text(value, f"an argument of `{node}`"))
    return _argument(kind, value, node)


def _output_names(output: Any, node: int) -> list[str]:
    what = f"an output of node {node}"
    kind, content = _choice(output, what)
    if kind == "as_none":
        return [""]
    if kind == "as_tensors":
        return [_text(_mapping(part, what).get("name"), what) for part in _list(content, what)]
    name, _ = _argument_name(output, what)
    return [name or ""]


def _argument_name(argument: Any, what: str) -> tuple[str | None, bool]:
    """(name, whether it is a tensor) of an input or output; no name for a plain number or None."""
    content = _mapping(argument, what)
    if set(content) == {"name"}:  # that of a parameter is always a tensor
        return _text(content["name"], what), True
    kind, value = _choice(argument, what)
    if kind == "as_tensor":
        return _text(_mapping(value, what).get("name"), what), True
    if kind in ("as_sym_int", "as_sym_float", "as_sym_bool"):
        name = _mapping(value, what).get("as_name")
        return (None if name is None else _text(name, what)), False
    return None, False


def _declared(meta: Any, name: str) -> Declared:
    content = _mapping(meta, f"`{name}`")
    sizes = _list(content.get("sizes"), f"the sizes of `{name}`")
    return Declared(
        _named(DTYPES, content.get("dtype"), f"`{name}`"), tuple([_size(x, name) for x in sizes])
    )


def _size(size: Any, name: str) -> Size:
    kind, content = _choice(size, f"a size of `{name}`")
    if kind == "as_int" and type(content) is int and content >= 0:
        return content
    if kind == "as_expr":
        expression = _mapping(content, f"a size of `{name}`").get("expr_str")
        return expression_text(_text(expression, f"a size of `{name}`"))
    raise ProgramError(f"has {_shown(content)} as a size of `{name}`")


def _scopes(stack: Any) -> tuple[Scope, ...]:
    """The modules around a node, of a text such as `key,path,class;key,path,class`."""
    if not isinstance(stack, str):
        return ()
    calls = [call.split(",") for call in stack.split(";")]
    return scopes_of((call[1], call[-1]) for call in calls if len(call) >= 3)


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ProgramError(f"is no program of torch.export: {what} is {_shown(value)}")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ProgramError(f"is no program of torch.export: {what} is {_shown(value)}")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise ProgramError(f"is no program of torch.export: {what} is {_shown(value)}")
    return value


def _plain(value: Any, what: str) -> bool | int | float | str:
    if not isinstance(value, (bool, int, float, str)):
        raise ProgramError(f"is no program of torch.export: {what} is {_shown(value)}")
    return value


def _real(value: Any, what: str) -> bool | int | float | str:
    """A number; torch writes those that JSON does not have as words."""
    return float(value) if value in ("Infinity", "-Infinity", "NaN") else _plain(value, what)


def _choice(value: Any, what: str) -> tuple[str, Any]:
    """(key, value) of a mapping with a single key, as torch writes what may be of several kinds."""
    content = _mapping(value, what)
    if len(content) != 1:
        raise ProgramError(f"is no program of torch.export: {what} has {len(content)} kinds")
    return next(iter(content.items()))


def _named(names: Mapping[int, str], number: Any, what: str) -> str:
    name = names.get(number) if type(number) is int else None
    if name is None:
        raise ProgramError(f"is no program of torch.export: {what} has {_shown(number)} as type")
    return name


def _shown(value: Any) -> str:
    """A value in a message: short whatever it is."""
    if value is None:
        return "missing"
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return str(value)[:40] if isinstance(value, (int, float)) else repr(value[:40])
