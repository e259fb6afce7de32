"""Reads the text of an ncnn model (`.param`) as a `Graph`. Its weights (`.bin`) are not opened.

Each line is a layer: its type, its name, how many blobs it reads and makes, their names, and
parameters as `number=value` (github.com/Tencent/ncnn, docs/developer-guide/param-and-model-file-
structure.md). Blobs have no batch and, but for inputs, no shapes. What a layer has stored follows
from parameters, as operators.md there says; each such tensor is an attribute. Not here: what
layers mean.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from mnet_cost.errors import ModelFileError, Problem
from mnet_cost.importing.graph import (
    MAX_NODES,
    Batch,
    Graph,
    Node,
    Quantization,
    Reference,
    Stored,
    Tensor,
)
from mnet_cost.importing.readers.contents import Unreadable, contents, mistaken_format
from mnet_cost.importing.readers.order import in_order
from mnet_cost.paths import Named

MAGIC = "7767517"
"""The first line."""
MAX_BYTES = 64 * 2**20
MAX_BLOBS = 10 * MAX_NODES
"""Most blobs that layers read and make together."""
_LONGEST_WORD = 1000
_ARRAY = -23300
"""Keys of lists are this minus the number of the parameter."""
_MOST_ELEMENTS = 2**31 - 1
_MOST_LISTED = 4096
_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")

Parameters = Mapping[int, Any]
Sizes = Mapping[str, tuple[int, ...]]


def read_ncnn(path: Named) -> Graph:
    """The graph of a `.param` file. Raises `ModelFileError`."""
    return graph_of(contents(path), os.fsdecode(path))


def graph_of(data: memoryview, path: str) -> Graph:
    """The graph of the contents of a `.param` file; `path` is for names and errors.

    Raises `ModelFileError`.
    """
    try:
        return _graph(_text(data), os.path.basename(path))
    except Unreadable as reason:
        raise ModelFileError(Problem(f"{path}: {reason}", hint=reason.hint)) from None


def _text(data: memoryview) -> list[str]:
    if bytes(data[:4]) == b"\xdd\x86\x76\x00":
        raise Unreadable(
            "it is an ncnn model in binary form (`.param.bin`)", "import the `.param` file"
        )
    if len(data) > MAX_BYTES:
        raise Unreadable(f"it has more than {MAX_BYTES // 2**20} MiB", "it should be a short text")
    try:
        lines = str(data, "utf-8").splitlines()
    except UnicodeDecodeError:
        lines = []
    if not lines or lines[0].strip() != MAGIC:
        mistaken = mistaken_format(data)
        what = f", but {mistaken[0]}" if mistaken and mistaken[0] != "a text" else ""
        raise Unreadable(
            f"it is no ncnn model{what}", f"the first line of a `.param` file is {MAGIC}"
        )
    return lines


def _graph(lines: list[str], file: str) -> Graph:
    rows = [(number, line) for number, line in enumerate(lines[2:], 3) if line.strip()]
    if len(rows) > MAX_NODES:
        raise Unreadable(f"it has {len(rows):,} layers: more than {MAX_NODES:,}")
    counts = lines[1].split() if len(lines) > 1 else []
    if len(counts) != 2 or counts[0] != str(len(rows)):
        stated = counts[0] if counts else "no number"
        raise Unreadable(
            f"it has {len(rows):,} layers, and its second line says {stated[:20]}",
            "the file is cut, or was changed by hand: convert the model again",
        )
    reader = _Layers()
    for number, line in rows:
        reader.add(number, line)
    return reader.graph(file)


class _Layers:
    """The layers so far."""

    def __init__(self) -> None:
        self._inputs: list[Tensor] = []
        self._nodes: list[Node] = []
        self._names: set[str] = set()
        self._stored: dict[str, Stored] = {}
        self._blobs = 0

    def add(self, number: int, line: str) -> None:
        """The layer of a line."""
        kind, name, bottoms, tops, words = _parts(number, line)
        self._blobs += len(bottoms) + len(tops)
        if self._blobs > MAX_BLOBS:
            raise Unreadable(f"its layers read and make more than {MAX_BLOBS:,} blobs")
        while name in self._names:  # converters give some names twice
            name = f"{name}:{number}"
        self._names.add(name)
        parameters = _parameters(number, words)
        if kind == "Input":
            self._inputs += [Tensor(top, "float32", _input_shape(parameters)) for top in tops]
            return
        attributes: dict[str, Any] = {"parameters": parameters}
        for tensor in self._tensors(number, kind, name, parameters):
            self._stored[tensor.name] = tensor
            attributes[tensor.name.rpartition(".")[2]] = Reference(tensor.name)
        self._nodes.append(Node(name, kind, "", bottoms, tops, attributes))

    def _tensors(self, number: int, kind: str, name: str, parameters: Parameters) -> list[Stored]:
        rule = _STORED.get(kind)
        if rule is None:
            return []
        try:
            sizes = rule(parameters)
        except (TypeError, ValueError, ArithmeticError, KeyError):
            raise Unreadable(
                f"line {number}: the parameters of {kind} do not say what it has stored"
            ) from None
        is_int8 = kind in _WITH_INT8 and bool(parameters.get(8, 0))
        tensors = []
        for part, shape in sizes.items():
            elements = 1
            for size in shape:
                elements *= size
            if min(shape) < 1 or elements > _MOST_ELEMENTS:
                raise Unreadable(f"line {number}: {kind} has a `{part}` of shape {list(shape)}")
            quantized = Quantization("int8", 0) if is_int8 and part == "weight" else None
            dtype = "int8" if quantized else "float32"
            trained = part not in ("mean", "variance", "constant")
            tensors.append(Stored(f"{name}.{part}", dtype, shape, None, trained, quantized))
        return tensors

    def graph(self, file: str) -> Graph:
        """The model: outputs are blobs that no layer reads."""
        nodes = in_order(self._nodes, [tensor.name for tensor in self._inputs])
        read = {name for node in nodes for name in node.inputs}
        outputs = [name for node in nodes for name in node.outputs if name not in read]
        stem = file.removesuffix(".param").removesuffix(".ncnn")
        return Graph(
            dialect="ncnn",
            name=_IN_A_NAME.sub("_", stem) or "model",
            source=f"{file}, a model of ncnn",
            inputs=tuple(self._inputs),
            outputs=tuple([Tensor(name, "float32", None) for name in outputs]),
            nodes=nodes,
            stored=self._stored,
            tensors={},
            versions={},
        )


def _parts(number: int, line: str) -> tuple[str, str, tuple[str, ...], tuple[str, ...], list[str]]:
    """(type, name, blobs that it reads, blobs that it makes, words of parameters) of a line."""
    words = line.split()
    if any(len(word) > _LONGEST_WORD for word in words[:4]):
        raise Unreadable(f"line {number}: a word has more than {_LONGEST_WORD:,} characters")
    try:
        kind, name, reads, makes = words[:4]
        first, second = int(reads), int(makes)
    except ValueError:
        first = second = -1
        kind = name = ""
    if first < 0 or second < 0 or len(words) < 4 + first + second:
        raise Unreadable(
            f"line {number} is no layer: type, name, numbers of blobs, their names, parameters",
            "the file is damaged, or was changed by hand: convert the model again",
        )
    blobs = words[4 : 4 + first + second]
    return kind, name, tuple(blobs[:first]), tuple(blobs[first:]), words[4 + first + second :]


def _parameters(number: int, words: list[str]) -> dict[int, Any]:
    """Values by the numbers of the parameters; a list is a tuple."""
    parameters: dict[int, Any] = {}
    for word in words:
        key, _, value = word.partition("=")
        try:
            place = int(key)
            if place <= _ARRAY:
                length, *elements = value.split(",")
                if int(length) != len(elements) or len(elements) > _MOST_LISTED:
                    raise ValueError
                parameters[_ARRAY - place] = tuple([_number(element) for element in elements])
            elif not value.lstrip("-").isalpha():
                parameters[place] = _number(value)
        except ValueError:
            raise Unreadable(f"line {number}: `{word[:40]}` is no parameter") from None
    return parameters


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _input_shape(parameters: Parameters) -> tuple[Any, ...] | None:
    """The shape of an input, where the file states it, with an axis for the batch."""
    sizes = [parameters.get(place, 0) for place in (2, 11, 1, 0)]  # channels, depth, height, width
    stated = [size for size in sizes if isinstance(size, int) and size > 0]
    return (Batch(1), *stated) if stated else None


def _kernel(parameters: Parameters, axes: int = 2) -> Sizes:
    """Kernel [K, C / groups, ...] and bias [K] of a convolution."""
    channels, width = int(parameters[0]), int(parameters[1])
    window = (int(parameters.get(11, width)), width) if axes == 2 else (width,)
    positions = channels
    for size in window:
        positions *= size
    depth, rest = divmod(int(parameters[6]), positions)
    if rest:
        raise ValueError
    return {"weight": (channels, depth, *window)} | _bias(parameters, 5, channels)


def _matrix(parameters: Parameters) -> Sizes:
    features = int(parameters[0])
    depth, rest = divmod(int(parameters[2]), features)
    if rest:
        raise ValueError
    return {"weight": (features, depth)} | _bias(parameters, 1, features)


def _bias(parameters: Parameters, place: int, size: int) -> dict[str, tuple[int, ...]]:
    return {"bias": (size,)} if parameters.get(place, 0) else {}


def _statistics(parameters: Parameters) -> Sizes:
    size = (int(parameters[0]),)
    return {"scale": size, "shift": size, "mean": size, "variance": size}


def _affine(size: int, flag: int) -> Callable[[Parameters], Sizes]:
    """A scale and a shift of as many elements as one parameter says, unless another one is 0."""

    def rule(parameters: Parameters) -> Sizes:
        if not parameters.get(flag, 1):
            return {}
        elements = (int(parameters[size]),)
        return {"scale": elements, "shift": elements}

    return rule


def _scale(parameters: Parameters) -> Sizes:
    if int(parameters[0]) == -233:  # the factors are the second input
        return {}
    return {"scale": (int(parameters[0]),)} | _bias(parameters, 1, int(parameters[0]))


def _constant(parameters: Parameters) -> Sizes:
    sizes = [int(parameters.get(place, 0)) for place in (2, 11, 1, 0)]
    return {"constant": tuple([size for size in sizes if size]) or (1,)}


def _embedding(parameters: Parameters) -> Sizes:
    return {"weight": (int(parameters[1]), int(parameters[0]))} | _bias(
        parameters, 2, int(parameters[0])
    )


def _attention(parameters: Parameters) -> Sizes:
    features = int(parameters[0])
    depth, rest = divmod(int(parameters[2]), features)
    if rest:
        raise ValueError
    key, value = int(parameters.get(3, features)), int(parameters.get(4, features))
    return {
        "query": (features, depth),
        "key": (features, key),
        "value": (features, value),
        "output": (depth, features),
    }


_STORED: Mapping[str, Callable[[Parameters], Sizes]] = {
    "Convolution": _kernel,
    "ConvolutionDepthWise": _kernel,
    "Convolution1D": lambda parameters: _kernel(parameters, 1),
    "Deconvolution": _kernel,
    "InnerProduct": _matrix,
    "BatchNorm": _statistics,
    "LayerNorm": _affine(0, 2),
    "GroupNorm": _affine(1, 3),
    "InstanceNorm": _affine(0, 2),
    "Scale": _scale,
    "PReLU": lambda parameters: {"slope": (int(parameters[0]),)},
    "MemoryData": _constant,
    "Embed": _embedding,
    "MultiHeadAttention": _attention,
}
"""Shapes of what layers have stored, by type."""
_WITH_INT8 = frozenset(("Convolution", "ConvolutionDepthWise", "InnerProduct"))
