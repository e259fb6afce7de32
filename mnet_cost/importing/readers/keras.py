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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mnet_cost.errors import ModelFileError, Problem
from mnet_cost.files import open_file
from mnet_cost.importing.graph import MAX_NODES, Batch, Graph, Node, Reference, Shape, Tensor
from mnet_cost.importing.readers.archive import Archive, ArchiveError
from mnet_cost.importing.readers.contents import Unreadable, contents, mistaken_format
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
_DAMAGED = "the file is damaged, or was changed by hand: save the model again"


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor among the arguments of a call: the input of the node with that number."""

    number: int


class _Call(NamedTuple):
    """A tensor as a layer gives it: which layer, which of its calls, which output."""

    layer: str
    call: int
    output: int
    shape: Any = None
    """As the file states it, where it does."""
    dtype: Any = None

    @property
    def key(self) -> str:
        return f"{self.layer}:{self.call}"


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
    except ArchiveError:
        mistaken = mistaken_format(contents(path))
        if mistaken is not None and "zip archive" not in mistaken[0]:
            hint = _SAVE if "HDF5" in mistaken[0] else mistaken[1]
            problem = ArchiveError(f"is {mistaken[0]}, no model of Keras 3")
            raise ModelFileError(Problem(f"{name}: {problem}", hint=hint)) from None
        raise ModelFileError(Problem(f"{name}: {problem}", hint=_SAVE)) from None
    except Unreadable as reason:
        raise ModelFileError(Problem(f"{name}: {reason}", hint=reason.hint)) from None


def graph_of(config: Any, about: Any, path: str) -> Graph:
    """The graph of what `config.json` and `metadata.json` hold; `path` is for names.

    Raises `Unreadable`.
    """
    file = os.path.basename(path)
    version = _text(about.get("keras_version")) if isinstance(about, dict) else ""
    model = _mapping(config, "the model")
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
        outputs = self._model(model, None, (), "")
        if not self._inputs:
            raise Unreadable("its model has no inputs", _DAMAGED)
        return self._inputs, outputs

    def _model(
        self,
        model: Mapping[str, Any],
        given: Sequence[str] | None,
        scopes: tuple[Scope, ...],
        path: str,
    ) -> list[str]:
        """Names of the outputs of a model; `given` are those of its inputs, None at the top."""
        kind = _text(model.get("class_name"))
        config = _mapping(model.get("config"), "the arguments of a model")
        layers = config.get("layers")
        if layers is None:
            raise Unreadable(
                f"`{kind[:60]}` is a class of its own, and the file does not say what it does",
                "Functional and Sequential models are read; a model of a class is called in one",
            )
        if len(scopes) > _MAX_DEPTH:
            raise Unreadable(f"has more than {_MAX_DEPTH} models inside of each other")
        entries = [_mapping(layer, "a layer") for layer in _list(layers, "the layers")]
        if _is_chain(kind, config):
            return self._sequential(entries, config, given, scopes, path)
        return self._functional(entries, config, given, scopes, path)

    def _sequential(
        self,
        layers: list[Mapping[str, Any]],
        config: Mapping[str, Any],
        given: Sequence[str] | None,
        scopes: tuple[Scope, ...],
        path: str,
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
            names = self._applied(layer, arguments, {}, shapes, 1, scopes, path)
        return names

    def _functional(
        self,
        layers: list[Mapping[str, Any]],
        config: Mapping[str, Any],
        given: Sequence[str] | None,
        scopes: tuple[Scope, ...],
        path: str,
    ) -> list[str]:
        entries = {_name_of(layer): layer for layer in layers}
        if len(entries) < len(layers):
            raise Unreadable("two layers of a model have one name", _DAMAGED)
        heads = [tensor.key for tensor in _listed(config.get("input_layers"))]
        ends = _listed(config.get("output_layers"))
        values: dict[str, list[str]] = {}
        if given is not None and len(given) != len(heads):
            raise Unreadable(f"calls a model of {len(heads)} inputs with {len(given)}", _DAMAGED)
        for number, head in enumerate(heads):
            layer = entries.get(head.rpartition(":")[0])
            if layer is None:
                raise Unreadable(f"has no layer `{head[:60]}`, which is an input", _DAMAGED)
            values[head] = [self._input(layer) if given is None else given[number]]
        calls, read = _calls(entries, values)
        for tensor in ends:
            read.setdefault(tensor.key, {}).setdefault(tensor.output, (None, None))
        for node in in_order(calls, values):
            (key,) = node.outputs
            declared = read.get(key, {})
            arguments, named = (
                _resolved(node.attributes[part], values) for part in ("args", "kwargs")
            )
            count = max(declared, default=0) + 1
            if count > _MOST_ARGUMENTS:
                raise Unreadable(f"reads output {count - 1} of a layer", _DAMAGED)
            layer = node.attributes["layer"]
            values[key] = self._applied(layer, arguments, named, declared, count, scopes, path)
        return [_value(tensor, values) for tensor in ends]

    def _input(self, layer: Mapping[str, Any]) -> str:
        """An input of the model of the file."""
        config = _mapping(layer.get("config", {}), "the arguments of an input")
        name = self._unique(_text(config.get("name") or layer.get("name")) or "input")
        shape = config.get("batch_shape", config.get("batch_input_shape"))
        axes = None if shape is None else tuple(_shape(shape, name, is_input=True))
        self._inputs.append(Tensor(name, _dtype(config.get("dtype")), axes))
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
        scopes: tuple[Scope, ...],
        path: str,
    ) -> list[str]:
        """Names of the outputs of a layer or a model that is called."""
        self._calls += 1
        if self._calls > MAX_NODES:
            raise Unreadable(f"calls more than {MAX_NODES:,} layers")
        kind, own = _class_of(layer), f"{path}{_name_of(layer)}"
        config = _mapping(layer.get("config", {}), f"the arguments of `{own[:60]}`")
        read = [*_references([*arguments, *named.values()])]
        places = iter(range(len(read)))
        if kind in _MODELS and "layers" in config:
            inner = (*scopes, Scope(own, _name_of(layer) if kind != "Model" else kind))
            return self._model(layer, read, inner, f"{own}/")
        name = self._unique(own)
        outputs = [name] if count == 1 else [f"{name}:{i}" for i in range(count)]
        for i, output in enumerate(outputs):
            self._names.add(output)
            shape, dtype = declared.get(i, (None, None))
            if shape is None and kind == "Lambda" and isinstance(config.get("output_shape"), list):
                shape = [None, *config["output_shape"]]
            axes = None if shape is None else tuple(_shape(shape, output, is_input=False))
            self.tensors[output] = Tensor(output, _dtype(dtype), axes)
        shared = layer.get("shared_object_id")
        attributes = {
            CONFIG: config,
            ARGUMENTS: _placed(list(arguments), places),
            NAMED: _placed(dict(named), places),
            WEIGHTS: f"object {shared}" if isinstance(shared, int) else own,
        }
        domain = _domain(layer)
        self.nodes.append(Node(name, kind, domain, tuple(read), tuple(outputs), attributes, scopes))
        return outputs


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
        for number, inbound in enumerate(_list(layer.get("inbound_nodes", []), "the calls")):
            key = f"{name}:{number}"
            if key in heads:
                continue
            args, kwargs = _arguments(inbound)
            tensors = [*_tensors([args, *kwargs.values()])]
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


def _arguments(inbound: Any) -> tuple[list[Any], dict[str, Any]]:
    """(Arguments by position, arguments by name) of a call, with a `_Call` for each tensor."""
    if isinstance(inbound, dict):  # Keras 3
        args = _plain(_list(inbound.get("args", []), "the arguments of a call"))
        kwargs = _mapping(inbound.get("kwargs", {}), "the arguments of a call")
        return args, {name: _plain(value) for name, value in kwargs.items()}
    tensors: list[Any] = []
    kwargs = {}
    for entry in _list(inbound, "the arguments of a call"):  # Keras 2: [layer, call, output, named]
        tensors.append(_call(entry))
        kwargs = entry[3] if len(entry) > 3 and isinstance(entry[3], dict) else kwargs
    named = {
        name: _call(value) if _is_call(value) else _plain(value) for name, value in kwargs.items()
    }
    return [tensors if len(tensors) > 1 else tensors[0]] if tensors else [], named


def _plain(value: Any) -> Any:
    """A value of JSON, with a `_Call` for each tensor and a `slice` for each slice."""
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    if value.get("class_name") == "__keras_tensor__" and isinstance(config, dict):
        made = _call(config.get("keras_history"))
        return made._replace(shape=config.get("shape"), dtype=config.get("dtype"))
    if value.get("class_name") == "__slice__" and isinstance(config, dict):
        bounds = [config.get(name) for name in ("start", "stop", "step")]
        if all(bound is None or type(bound) is int for bound in bounds):
            return slice(*bounds)
    if value.get("class_name") == "__ellipsis__":
        return ...
    return {name: _plain(part) for name, part in value.items()}


def _is_call(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 3
        and isinstance(value[0], str)
        and type(value[1]) is type(value[2]) is int
    )


def _call(value: Any) -> _Call:
    if not _is_call(value):
        raise Unreadable("names a tensor in a way that is not known", _DAMAGED)
    if min(value[1:3]) < 0:
        raise Unreadable(f"reads output {value[2]} of call {value[1]}", _DAMAGED)
    return _Call(value[0], value[1], value[2])


def _listed(value: Any) -> list[_Call]:
    """The tensors of a structure of them: one, a list, or by name."""
    if _is_call(value):
        return [_call(value)]
    parts = value.values() if isinstance(value, dict) else _list(value, "the inputs and outputs")
    return [tensor for part in parts for tensor in _listed(part)]


def _tensors(value: Any) -> Iterator[_Call]:
    if isinstance(value, _Call):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)


def _resolved(value: Any, values: Mapping[str, list[str]]) -> Any:
    """Arguments with references in the place of tensors."""
    if isinstance(value, _Call):
        return Reference(_value(value, values))
    if isinstance(value, list):
        return [_resolved(part, values) for part in value]
    if isinstance(value, dict):
        return {name: _resolved(part, values) for name, part in value.items()}
    return value


def _value(tensor: _Call, values: Mapping[str, list[str]]) -> str:
    made = values.get(tensor.key)
    if made is None or tensor.output >= len(made):
        raise Unreadable(
            f"reads output {tensor.output} of call {tensor.call} of `{tensor.layer[:60]}`, which "
            "nothing makes",
            _DAMAGED,
        )
    return made[tensor.output]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Reference):
        yield value.name
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _references(part)


def _placed(value: Any, places: Iterator[int]) -> Any:
    """Arguments with the numbers of inputs in the place of references, in their order."""
    if isinstance(value, Reference):
        return Input(next(places))
    if isinstance(value, list):
        return [_placed(part, places) for part in value]
    if isinstance(value, dict):
        return {name: _placed(part, places) for name, part in value.items()}
    return value


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


def _shape(value: Any, name: str, *, is_input: bool) -> Shape:
    """A shape with the batch in front. Sizes that the file leaves open are symbols."""
    sizes: list[Any] = list(_list(value, f"the shape of `{name[:60]}`"))
    if any(size is not None and (type(size) is not int or size < 0) for size in sizes):
        raise Unreadable(f"`{name[:60]}` has a shape that is none", _DAMAGED)
    axes = {3: ("length",), 4: ("height", "width"), 5: ("depth", "height", "width")}
    symbols = ("batch", *axes.get(len(sizes), ()), "channels")
    for place, size in enumerate(sizes):
        if size is None and place == 0:
            sizes[0] = Batch(1)
        elif size is None:
            known = place < len(symbols) and len(symbols) == len(sizes)
            sizes[place] = (symbols[place] if known else f"size_{place}") if is_input else "?"
    return tuple(sizes)


def _dtype(value: Any) -> str | None:
    """A type as ONNX calls it; that of a policy is its name."""
    if isinstance(value, dict):
        config = value.get("config")
        value = config.get("name") if isinstance(config, dict) else None
    return value if isinstance(value, str) and value.isidentifier() and len(value) < 20 else None


def _domain(layer: Mapping[str, Any]) -> str:
    module, registered = layer.get("module"), layer.get("registered_name")
    if registered not in (None, _class_of(layer)) or not isinstance(module, (str, type(None))):
        return _CUSTOM
    if module is None or module.partition(".")[0] == "keras":
        is_operation = module is not None and ".ops." in f"{module}."
        return OPERATIONS if is_operation else OWN
    return _CUSTOM


def _class_of(layer: Mapping[str, Any]) -> str:
    return _text(layer.get("class_name")) or "unnamed"


def _name_of(layer: Mapping[str, Any]) -> str:
    config = layer.get("config")
    own = config.get("name") if isinstance(config, dict) else None
    name = _text(layer.get("name")) or _text(own) or _class_of(layer)
    if len(name) > 1000:
        raise Unreadable("a name has more than 1,000 characters")
    return name


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"{what} should be an object of JSON", _DAMAGED)
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Unreadable(f"{what} should be a list of JSON", _DAMAGED)
    return value
