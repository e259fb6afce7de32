"""Node data of Google Model Explorer: numbers that colour the nodes of the user's own file.

A set is one JSON document, `{"results": {tensor: {"value": number}}, "gradient": [...]}`, which the
viewer shows under the name of its file; so each set is a file. Its page finds a node by an id, or
by the attribute `tensor_name` of an output. In an ONNX file (model-explorer-onnx 0.4.2) the id is
the name of the node, and there is no such attribute; a node of a TFLite file is found by its
tensor, and torch.export calls both alike. Source: node_data_builder.py of ai-edge-model-explorer
0.1.34, how its page reads files (`genOutputTensorIdToNodeIdMap`), and the page itself. Not
here: how layers got these names (`importing/`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.errors import OutputError, Problem
from mnet_cost.models.types import Origin
from mnet_cost.units import file_unit

SetName = Literal["latency", "mult_adds", "traffic", "bound"]

_KEYS: Mapping[SetName, str] = {
    "latency": "latency_s",
    "mult_adds": "mult_adds",
    "traffic": "traffic_bytes",
    "bound": "bound",
}
"""The number of each set, with its unit in the program."""
_GRADIENT = (
    {"stop": 0, "bgColor": "#ffffff"},
    {"stop": 0.2, "bgColor": "#ffe9a8"},
    {"stop": 1, "bgColor": "#d7301f"},
)
"""From nothing to the largest number of a set."""
_COLORS = {
    "compute": "#9ecae1",
    "memory": "#fdae6b",
    "overhead": "#bdbdbd",
    "fused": "#f0f0f0",
    "unknown": "#ffffff",
}
"""Of what limits a kernel, by the first word."""
_TAKEN = "results"
"""A place of this name would make the viewer take the document for one of several graphs."""
FUSED = "fused"


class LayerNumbers(NamedTuple):
    """The numbers of one layer, and what of the file they stand at."""

    place: str
    """The name of the node, or of its tensor, by which the viewer finds it."""
    mult_adds: int | None = None
    traffic_bytes: int | None = None
    latency_s: float | None = None
    """None where it is not known, and of a layer that is fused into another one."""
    bound: str | None = None
    """`compute`, `memory:DRAM`, `overhead`, `unknown`, or `fused`."""


class NodeData(NamedTuple):
    """One set: the ending of its file, and the document."""

    name: str
    """With its unit: `latency_ms`."""
    document: dict[str, Any]

    @property
    def text(self) -> str:
        """The file."""
        return json.dumps(self.document, indent=1) + "\n"


def numbers_of(
    analysis: Analysis,
    origins: Mapping[str, Origin],
    device: DeviceEstimate | None = None,
    by_node: bool = False,
) -> list[LayerNumbers]:
    """The numbers of each layer that has an origin, by the names of steps, in their order.

    They stand at the first tensor of the layer; with `by_node` at the node that makes it, the last
    one of several that are one layer.

    Mult-adds and bytes are those of the layer. The time and what limits it are those of the kernel
    on `device`, at the layer that it is named after; layers that are fused into it have `fused`. A
    layer of unknown work has no numbers.
    """
    kernels = {} if device is None else {each.kernel.name: each for each in device.kernels}
    fused = {
        cost.step.name
        for each in kernels.values()
        for cost in each.kernel.layers
        if cost.step.name != each.kernel.name
    }
    numbers = []
    for cost in analysis.layers:
        name = cost.step.name
        origin = origins.get(name)
        names = () if origin is None else origin.nodes[-1:] if by_node else origin.tensors
        if not names:
            continue
        kernel = kernels.get(name)
        bound = FUSED if name in fused else None
        known = cost.work is not None
        numbers.append(
            LayerNumbers(
                names[0],
                cost.mult_adds if known else None,
                cost.traffic_bytes if known else None,
                None if kernel is None else kernel.latency_s,
                bound if kernel is None else kernel.bound,
            )
        )
    return numbers


def node_data(
    numbers: Iterable[LayerNumbers], sets: Sequence[SetName] = tuple(_KEYS)
) -> tuple[NodeData, ...]:
    """The sets that have numbers, each as a document.

    Numbers of layers at the same place are added up. Raises `OutputError` for a name that the
    viewer cannot take, and where no set has a number.
    """
    layers = list(numbers)
    if any(layer.place == _TAKEN for layer in layers):
        hint = "give it another name in the file"
        raise OutputError(
            Problem(f"a node or tensor is called `{_TAKEN}`, which node data cannot say", hint=hint)
        )
    made = tuple([data for name in sets if (data := _set(name, layers)).document["results"]])
    if not made:
        raise OutputError("no layer has a number that a viewer could show")
    return made


def _set(name: SetName, layers: Sequence[LayerNumbers]) -> NodeData:
    if name == "bound":
        return NodeData(name, {"results": _words(layers)})
    key = _KEYS[name]
    stem, ending, factor = file_unit(key)
    sums: dict[str, float] = {}
    for layer in layers:
        number = getattr(layer, key)
        if number is not None:
            sums[layer.place] = sums.get(layer.place, 0) + number
    results = {
        place: {"value": number if factor == 1 else number * factor}
        for place, number in sums.items()
    }
    return NodeData(stem + ending, {"results": results, "gradient": list(_GRADIENT)})


def _words(layers: Sequence[LayerNumbers]) -> dict[str, dict[str, str]]:
    """What limits each layer; a kernel comes before what is fused at the same place."""
    words: dict[str, str] = {}
    for layer in layers:
        if layer.bound is not None and words.get(layer.place, FUSED) == FUSED:
            words[layer.place] = layer.bound
    return {
        place: {"value": word, "bgColor": _COLORS[word.partition(":")[0]]}
        for place, word in words.items()
    }
