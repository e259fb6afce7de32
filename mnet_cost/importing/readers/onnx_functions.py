"""Functions of an ONNX file, inlined: each call becomes the nodes of the function.

A call `block_1` gives its nodes and their tensors names that begin with `block_1/`. The size of the
result is bounded before it is made, since a few functions that call each other twice can stand for
more nodes than memory holds. Works on decoded messages; not here: attributes as values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.importing.graph import MAX_NODES
from mnet_cost.importing.readers.contents import Unreadable

Message = Mapping[str, Any]
Key = tuple[str, str, str]
"""Domain, operator and overload: what a node and its function have in common."""

_MAX_DEPTH = 32
_LONGEST_NAME = 200


def standard(domain: str) -> str:
    """The domain, where the standard one, which has two names, is ''."""
    return "" if domain == "ai.onnx" else domain


class NodeNames:
    """Names of nodes: those of the file, with a number behind where a name is taken."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def unique(self, message: Message, before: str = "") -> str:
        """The name for the node of `message`; `before` is the name of the call it is part of."""
        name = (message.get("name", "") or message.get("operator", "") or "node")[:_LONGEST_NAME]
        base = f"{before}/{name.lstrip('/')}" if before else name
        if base not in self._counts:
            self._counts[base] = 1
            return base
        while True:
            self._counts[base] += 1
            name = f"{base}_{self._counts[base]}"
            if name not in self._counts:
                self._counts[name] = 1
                return name


class Plain(NamedTuple):
    """A node that calls no function, with the names that it has in the whole graph."""

    name: str
    message: Message
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: tuple[Message, ...]
    metadata: Sequence[memoryview]


class Functions:
    """The functions of a model, by which calls are inlined."""

    def __init__(self, functions: Iterable[Message], versions: Mapping[str, int]) -> None:
        self._functions: dict[Key, Message] = {}
        self._versions = versions
        for function in functions:
            key = _key(function, "name")
            if key in self._functions:
                raise Unreadable(
                    f"there are two functions `{_shown(key)}`", "export the model again"
                )
            self._functions[key] = function
        self._names = NodeNames()
        self._left = MAX_NODES

    def inlined(self, nodes: Iterable[Message]) -> Iterator[Plain]:
        """`nodes` with all calls inlined; raises `Unreadable` where that has no end."""
        for node in nodes:
            yield from self._plain(
                Plain(
                    self._names.unique(node),
                    node,
                    tuple(node["inputs"]),
                    tuple(node["outputs"]),
                    tuple(node["attributes"]),
                    node["metadata"],
                ),
                (),
            )

    def _plain(self, node: Plain, within: tuple[Key, ...]) -> Iterator[Plain]:
        self._left -= 1
        if self._left < 0:
            raise Unreadable(
                f"there are more than {MAX_NODES:,} nodes",
                "import a part of the model: `onnx.utils.extract_model` cuts one out",
            )
        key = _key(node.message, "operator")
        function = self._functions.get(key)
        if function is None:
            yield node
            return
        if key in within:
            raise Unreadable(f"function `{_shown(key)}` calls itself", "export the model again")
        if len(within) == _MAX_DEPTH:
            raise Unreadable(
                f"functions call each other more than {_MAX_DEPTH} deep",
                "`onnx.inliner.inline_local_functions` replaces calls by nodes",
            )
        self._check_versions(function, key)
        yield from self._body(node, function, (*within, key))

    def _body(self, call: Plain, function: Message, within: tuple[Key, ...]) -> Iterator[Plain]:
        names = {"": ""} | dict.fromkeys(function["inputs"], "")
        names |= dict(zip(function["inputs"], call.inputs, strict=False))
        passed = [name for name in function["outputs"] if name in names]
        for formal, actual in zip(function["outputs"], call.outputs, strict=False):
            if formal not in passed and actual:
                names[formal] = actual
        attributes = {attribute["name"]: attribute for attribute in function["defaults"]}
        attributes |= {attribute["name"]: attribute for attribute in call.attributes}
        for message in function["nodes"]:
            yield from self._plain(
                Plain(
                    self._names.unique(message, call.name),
                    message,
                    tuple(_inner(name, names, call.name) for name in message["inputs"]),
                    tuple(_inner(name, names, call.name) for name in message["outputs"]),
                    tuple(_referred(message["attributes"], attributes)),
                    message["metadata"] or call.metadata,
                ),
                within,
            )
        for formal, actual in zip(function["outputs"], call.outputs, strict=False):
            if formal in passed and actual:  # an input that comes out as it is
                same: Message = {"operator": "Identity", "domain": ""}
                name = self._names.unique(same, call.name)
                yield Plain(name, same, (names[formal],), (actual,), (), call.metadata)

    def _check_versions(self, function: Message, key: Key) -> None:
        for opset in function["opsets"]:
            domain, version = standard(opset.get("domain", "")), opset.get("version", 0)
            used = self._versions.get(domain, version)
            if used != version:
                raise Unreadable(
                    f"function `{_shown(key)}` has operators of version {version}, the model of "
                    f"version {used} ({domain or 'the standard operators'})",
                    "`onnx.inliner.inline_local_functions(model, convert_version=True)` makes "
                    "them the same",
                )


def _key(message: Message, name: str) -> Key:
    domain = standard(message.get("domain", ""))
    return domain, message.get(name, ""), message.get("overload", "")


def _shown(key: Key) -> str:
    return "::".join(filter(None, key[:2])) + (f":{key[2]}" if key[2] else "")


def _inner(name: str, names: dict[str, str], call: str) -> str:
    """The name in the whole graph of a tensor inside a call."""
    if name not in names:
        # Many calls of a function with long names would take more memory than the file.
        shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}_{len(names)}"
        names[name] = f"{call}/{shown}"
    return names[name]


def _referred(attributes: Iterable[Message], given: Mapping[str, Message]) -> Iterator[Message]:
    """`attributes` of a node in a function, with those of the call where it refers to them."""
    for attribute in attributes:
        if not attribute.get("refers_to"):
            yield attribute
        elif attribute["refers_to"] in given:
            yield {**given[attribute["refers_to"]], "name": attribute.get("name", "")}
