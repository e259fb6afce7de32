"""Reads the models that Keras saves (`.keras`) as a `Graph`, without Keras.

Such a file is a zip archive in which `config.json` says all but the elements of weights: layers
with their arguments, and the calls that lead from one to the other (keras.io/api/models/
model_saving_apis, keras/src/models/functional.py of 3.15). Nothing else of it is opened, and
nothing is run: the code of a `Lambda` stays text. Models inside of a model are put in the place of
their calls. What a layer has stored follows from its arguments and its input, so mapping says it.
Not here: what layers mean.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.errors import ModelFileError, Problem
from mnet_cost.files import open_file
from mnet_cost.importing.graph import MAX_NODES, Graph, Node, Reference, Tensor
from mnet_cost.importing.readers.archive import Archive, ArchiveError
from mnet_cost.importing.readers.contents import Unreadable, contents, mistaken_format
from mnet_cost.importing.readers.keras_json import (
    DAMAGED,
    Given,
    arguments_of,
    dtype_of,
    items,
    listed,
    mapping,
    placed,
    references_in,
    resolved,
    shape_of,
    tensors_in,
    text,
    value_of,
)
from mnet_cost.importing.readers.order import in_order
from mnet_cost.models.types import Scope
from mnet_cost.paths import Named, naming

CONFIG, ARGUMENTS, NAMED, WEIGHTS = "config", "arguments", "named", "weights"
"""Attributes of each node: the arguments of its layer; those of the call by position, and by name,
with an `Input` for each tensor; a name for what the layer has stored, the same at each call."""
OWN = ""
OPERATIONS = "ops"
"""Domains of Keras's own layers and of its functions. What others have registered has the domain
`custom`, in which nothing has a rule."""
_CUSTOM = "custom"
_MODELS = ("Functional", "Sequential", "Model")
_MAX_DEPTH = 50
"""Most models inside of each other."""
_MOST_ARGUMENTS = 10 * MAX_NODES
_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_SAVE = "`model.save('net.keras')` of Keras 3 writes files that can be read"


def read_keras(path: Named) -> Graph:
    """The graph of the model in a `.keras` file. Raises `ModelFileError`."""
    name = os.fsdecode(path)
    try:
        with naming(path, "cannot be read", ModelFileError), open_file(path) as file:
            archive = Archive(file)
            if "config.json" not in archive.members:
                raise Unreadable("is a zip archive without the `config.json` of Keras", _SAVE)
            config = archive.json("config.json")
            about = archive.json("metadata.json") if "metadata.json" in archive.members else {}
        return graph_of(config, about, name)
    except ArchiveError as problem:
        mistaken = mistaken_format(contents(path))
        if mistaken is None or "zip archive" in mistaken[0]:
            raise ModelFileError(Problem(f"{name}: {problem}", hint=_SAVE)) from None
        what, hint = mistaken
        raise ModelFileError(Problem(f"{name}: is {what}, no model of Keras", hint=hint)) from None
    except Unreadable as reason:
        raise ModelFileError(Problem(f"{name}: {reason}", hint=reason.hint)) from None
    except RecursionError:
        raise ModelFileError(
            Problem(f"{name}: its values are nested too deep", hint=DAMAGED)
        ) from None


def graph_of(config: Any, about: Any, path: str) -> Graph:
    """The graph of what `config.json` and `metadata.json` hold; `path` is for names.

    Raises `Unreadable`.
    """
    file = os.path.basename(path)
    version = text(about.get("keras_version")) if isinstance(about, dict) else ""
    model = mapping(config, "the model")
    reader = _Reader()
    inputs, outputs = reader.model(model)
    major = version.partition(".")[0]
    stem = file.removesuffix(".keras")
    return Graph(
        dialect="keras",
        name=_IN_A_NAME.sub("_", stem) or "model",
        source=f"{file}, a model of Keras {version[:20]}".rstrip(),
        inputs=tuple(inputs),
        outputs=tuple([Tensor(name, None, None) for name in outputs]),
        nodes=tuple(reader.nodes),
        stored={},
        tensors=reader.tensors,
        versions={OWN: int(major) if major.isdecimal() and len(major) < 4 else 3},
    )


class _Place(NamedTuple):
    """Where in the model of the file layers are."""

    scopes: tuple[Scope, ...] = ()
    path: str = ""
    """In front of the names of layers."""
    owner: str = ""
    """In front of the names of what they have stored: that of a model which is in several others
    is the same in all of them."""
    is_shared: bool = False

    def inside(self, layer: Mapping[str, Any], own: str) -> _Place:
        """The place of the layers of a model, which is a layer called `own` here."""
        scopes = (*self.scopes, Scope(own, _name_of(layer)))
        is_shared = self.is_shared or _object_of(layer) is not None
        return _Place(scopes, f"{own}/", f"{self.owner_of(layer)}/", is_shared)

    def owner_of(self, layer: Mapping[str, Any]) -> str:
        """A name for what a layer has stored."""
        number = _object_of(layer)
        if number is None or self.is_shared:  # inside of a shared model names say it
            return f"{self.owner}{_name_of(layer)}"
        return f"object {number}"


def _object_of(layer: Mapping[str, Any]) -> int | None:
    """The number of a layer that is in several models of a file."""
    number = layer.get("shared_object_id")
    return number if type(number) is int else None


class _Reader:
    """The nodes so far. A model inside of another one is read once for each call of it."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = {}
        self._names: set[str] = set()
        self._inputs: list[Tensor] = []
        self._calls = 0

    def model(self, model: Mapping[str, Any]) -> tuple[list[Tensor], list[str]]:
        """The inputs of the model of a file, and the names of its outputs."""
        outputs = self._model(model, None, _Place())
        if not self._inputs:
            raise Unreadable("its model has no inputs", DAMAGED)
        return self._inputs, outputs

    def _model(
        self,
        model: Mapping[str, Any],
        given: Sequence[str] | None,
        place: _Place,
    ) -> list[str]:
        """Names of the outputs of a model; `given` are those of its inputs, None at the top."""
        kind = text(model.get("class_name"))
        config = mapping(model.get("config"), "the arguments of a model")
        layers = config.get("layers")
        if layers is None:
            raise Unreadable(
                f"`{kind[:60]}` is a class of its own, and the file does not say what it does",
                "Functional and Sequential models are read; a model of a class is called in one",
            )
        if len(place.scopes) > _MAX_DEPTH:
            raise Unreadable(f"has more than {_MAX_DEPTH} models inside of each other")
        entries = [mapping(layer, "a layer") for layer in items(layers, "the layers")]
        if _is_chain(kind, config):
            return self._sequential(entries, config, given, place)
        return self._functional(entries, config, given, place)

    def _sequential(
        self,
        layers: list[Mapping[str, Any]],
        config: Mapping[str, Any],
        given: Sequence[str] | None,
        place: _Place,
    ) -> list[str]:
        if layers and _class_of(layers[0]) == "InputLayer":
            first, layers = layers[0], layers[1:]
            x = self._input(first) if given is None else None
        elif given is None:
            x = self._input(_implied_input(layers, config))
        names = list(given) if given is not None else [x or ""]
        for number, layer in enumerate(layers):
            arguments: list[Any] = [Reference(name) for name in names]
            behind = layers[number + 1] if number + 1 < len(layers) else {}
            shapes = {0: (_built_on(behind), None)}
            names = self._applied(layer, arguments, {}, shapes, 1, place)
        return names

    def _functional(
        self,
        layers: list[Mapping[str, Any]],
        config: Mapping[str, Any],
        given: Sequence[str] | None,
        place: _Place,
    ) -> list[str]:
        entries = {_name_of(layer): layer for layer in layers}
        if len(entries) < len(layers):
            raise Unreadable("two layers of a model have one name", DAMAGED)
        heads = [tensor.key for tensor in listed(config.get("input_layers"))]
        is_old = any(map(_is_old, layers))
        ends = [_counted(x, entries, is_old) for x in listed(config.get("output_layers"))]
        values: dict[str, list[str]] = {}
        if given is not None and len(given) != len(heads):
            raise Unreadable(f"calls a model of {len(heads)} inputs with {len(given)}", DAMAGED)
        for number, head in enumerate(heads):
            layer = entries.get(head.rpartition(":")[0])
            if layer is None:
                own = head.rpartition(":")[0][:60]
                raise Unreadable(f"has no layer `{own}`, which is an input", DAMAGED)
            values[head] = [self._input(layer) if given is None else given[number]]
        calls, read = _calls(entries, values)
        for tensor in ends:
            read.setdefault(tensor.key, {}).setdefault(tensor.output, (None, None))
        for node in in_order(calls, values):
            (key,) = node.outputs
            declared = read.get(key, {})
            arguments, named = (
                resolved(node.attributes[part], values) for part in ("args", "kwargs")
            )
            count = max(declared, default=0) + 1
            if count > _MOST_ARGUMENTS:
                raise Unreadable(f"reads output {count - 1} of a layer", DAMAGED)
            layer = node.attributes["layer"]
            values[key] = self._applied(layer, arguments, named, declared, count, place)
        return [value_of(tensor, values) for tensor in ends]

    def _input(self, layer: Mapping[str, Any]) -> str:
        """An input of the model of the file."""
        config = mapping(layer.get("config", {}), "the arguments of an input")
        name = self._unique(text(config.get("name") or layer.get("name")) or "input")
        shape = config.get("batch_shape", config.get("batch_input_shape"))
        axes = None if shape is None else tuple(shape_of(shape, name, is_input=True))
        self._inputs.append(Tensor(name, dtype_of(config.get("dtype")), axes))
        return name

    def _unique(self, name: str) -> str:
        unique, number = name, 1
        while unique in self._names:
            number += 1
            unique = f"{name}:{number}"
        self._names.add(unique)
        return unique

    def _applied(
        self,
        layer: Mapping[str, Any],
        arguments: Sequence[Any],
        named: Mapping[str, Any],
        declared: Mapping[int, tuple[Any, Any]],
        count: int,
        place: _Place,
    ) -> list[str]:
        """Names of the outputs of a layer or a model that is called."""
        self._calls += 1
        if self._calls > MAX_NODES:
            raise Unreadable(f"calls more than {MAX_NODES:,} layers")
        kind, own = _class_of(layer), f"{place.path}{_name_of(layer)}"
        config = mapping(layer.get("config", {}), f"the arguments of `{own[:60]}`")
        read = [*references_in([*arguments, *named.values()])]
        places = iter(range(len(read)))
        if kind in _MODELS and "layers" in config:
            return self._model(layer, read, place.inside(layer, own))
        name = self._unique(own)
        outputs = [name] if count == 1 else [f"{name}:{i}" for i in range(count)]
        for i, output in enumerate(outputs):
            self._names.add(output)
            shape, dtype = declared.get(i, (None, None))
            if shape is None and kind == "Lambda" and isinstance(config.get("output_shape"), list):
                shape = [None, *config["output_shape"]]
            axes = None if shape is None else tuple(shape_of(shape, output, is_input=False))
            self.tensors[output] = Tensor(output, dtype_of(dtype), axes)
        attributes = {
            CONFIG: config,
            ARGUMENTS: placed(list(arguments), places),
            NAMED: placed(dict(named), places),
            WEIGHTS: place.owner_of(layer),
        }
        domain = _domain(layer)
        self.nodes.append(
            Node(name, kind, domain, tuple(read), tuple(outputs), attributes, place.scopes)
        )
        return outputs


def _is_old(layer: Mapping[str, Any]) -> bool:
    """Whether a layer is called as in files of Keras 2, whose calls are lists."""
    calls = layer.get("inbound_nodes")
    return isinstance(calls, list) and any(isinstance(call, list) for call in calls)


def _counted(tensor: Given, entries: Mapping[str, Mapping[str, Any]], is_old: bool) -> Given:
    """A tensor whose call is counted from 0. Where outputs of a model are named, the call of a
    model in it is counted from 1 (`functional_from_config`); in Keras 2 it always is."""
    kind = _class_of(entries.get(tensor.layer, {}))
    is_model = kind in (_MODELS if is_old else ("Functional", "Model"))
    return tensor._replace(call=tensor.call - 1) if is_model and tensor.call else tensor


def _old_calls(value: Any, entries: Mapping[str, Mapping[str, Any]]) -> Any:
    """Arguments of Keras 2 with calls that are counted from 0."""
    if isinstance(value, Given):
        return _counted(value, entries, is_old=True)
    if isinstance(value, list):
        return [_old_calls(part, entries) for part in value]
    if isinstance(value, dict):
        return {name: _old_calls(part, entries) for name, part in value.items()}
    return value


def _is_chain(kind: str, config: Mapping[str, Any]) -> bool:
    """Whether a model has its layers one after the other, and no calls."""
    return kind == "Sequential" or "input_layers" not in config


def _calls(
    entries: Mapping[str, Mapping[str, Any]], heads: Mapping[str, Any]
) -> tuple[list[Node], dict[str, dict[int, tuple[Any, Any]]]]:
    """(The calls of layers, what the file states of each output of each call).

    A call is a node of the layers that it reads, whose names stand for all of their outputs.
    """
    calls = []
    read: dict[str, dict[int, tuple[Any, Any]]] = {}
    seen = 0
    for name, layer in entries.items():
        for number, inbound in enumerate(items(layer.get("inbound_nodes", []), "the calls")):
            key = f"{name}:{number}"
            if key in heads:
                continue
            args, kwargs = arguments_of(inbound)
            if isinstance(inbound, list):
                args, kwargs = _old_calls(args, entries), _old_calls(kwargs, entries)
            tensors = [*tensors_in([args, *kwargs.values()])]
            seen += len(tensors) + 1
            if seen > _MOST_ARGUMENTS:
                raise Unreadable(f"its layers read more than {_MOST_ARGUMENTS:,} tensors")
            for tensor in tensors:
                stated = read.setdefault(tensor.key, {})
                if stated.get(tensor.output, (None,))[0] is None:
                    stated[tensor.output] = (tensor.shape, tensor.dtype)
            keys = tuple(dict.fromkeys(tensor.key for tensor in tensors))
            parts = {"args": args, "kwargs": kwargs, "layer": layer}
            calls.append(Node(name, _class_of(layer), "", keys, (key,), parts))
    return calls, read


def _implied_input(
    layers: Sequence[Mapping[str, Any]], config: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The input of a chain that has no layer for it; its shape may be that of the first layer."""
    first = layers[0] if layers else {}
    own = first.get("config")
    stated = own.get("batch_input_shape") if isinstance(own, dict) else None
    shape = config.get("build_input_shape") or stated or _built_on(first)
    is_whole = _class_of(first) == "Embedding" if layers else False
    name = {"name": "input", "batch_shape": shape, "dtype": "int32" if is_whole else "float32"}
    return {"config": name}


def _built_on(layer: Mapping[str, Any]) -> Any:
    """The shape that a layer was made for, where it has one input and the file states it."""
    built = layer.get("build_config")
    shape = built.get("input_shape") if isinstance(built, dict) else None
    is_plain = isinstance(shape, list) and all(x is None or type(x) is int for x in shape)
    return shape if is_plain else None


def _domain(layer: Mapping[str, Any]) -> str:
    module, registered = layer.get("module"), layer.get("registered_name")
    if registered not in (None, _class_of(layer)) or not isinstance(module, (str, type(None))):
        return _CUSTOM
    if module is None or module.partition(".")[0] == "keras":
        is_operation = module is not None and ".ops." in f"{module}."
        return OPERATIONS if is_operation else OWN
    return _CUSTOM


def _class_of(layer: Mapping[str, Any]) -> str:
    return text(layer.get("class_name")) or "unnamed"


def _name_of(layer: Mapping[str, Any]) -> str:
    config = layer.get("config")
    own = config.get("name") if isinstance(config, dict) else None
    name = text(layer.get("name")) or text(own) or _class_of(layer)
    if len(name) > 1000:
        raise Unreadable("a name has more than 1,000 characters")
    return name
