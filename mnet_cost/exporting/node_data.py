"""Node data of Google Model Explorer: numbers that colour the nodes of the user's own file.

A set is one JSON document, `{"results": {tensor: {"value": number}}, "gradient": [...]}`, which the
viewer shows under the name of its file; so each set is a file. A node is found by the name of a
tensor that it makes, or by its own, which torch.export gives the tensor as well. Source:
node_data_builder.py of ai-edge-model-explorer 0.1.34, and how its page reads files. Not here: how
layers got the names of their tensors (`importing/`).
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
"""A tensor of this name would make the viewer take the document for one of several graphs."""
FUSED = "fused"


class LayerNumbers(NamedTuple):
    """The numbers of one layer, and the tensor of the file by which its node is found."""

    tensor: str
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
    analysis: Analysis, origins: Mapping[str, Origin], device: DeviceEstimate | None = None
) -> list[LayerNumbers]:
    """The numbers of each layer that has an origin, by the names of steps, in their order.

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
        if origin is None or not origin.tensors:
            continue
        kernel = kernels.get(name)
        bound = FUSED if name in fused else None
        known = cost.work is not None
        numbers.append(
            LayerNumbers(
                origin.tensors[0],
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

    Numbers of layers that share a tensor are added up. Raises `OutputError` for a tensor whose name
    the viewer cannot take, and where no set has a number.
    """
    layers = list(numbers)
    if any(layer.tensor == _TAKEN for layer in layers):
        hint = "give the tensor another name in the file"
        raise OutputError(
            Problem(f"a tensor is called `{_TAKEN}`, which node data cannot say", hint=hint)
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
            sums[layer.tensor] = sums.get(layer.tensor, 0) + number
    results = {
        tensor: {"value": number if factor == 1 else number * factor}
        for tensor, number in sums.items()
    }
    return NodeData(stem + ending, {"results": results, "gradient": list(_GRADIENT)})


def _words(layers: Sequence[LayerNumbers]) -> dict[str, dict[str, str]]:
    """What limits each layer; a kernel comes before what is fused at the same tensor."""
    words: dict[str, str] = {}
    for layer in layers:
        if layer.bound is not None and words.get(layer.tensor, FUSED) == FUSED:
            words[layer.tensor] = layer.bound
    return {
        tensor: {"value": word, "bgColor": _COLORS[word.partition(":")[0]]}
        for tensor, word in words.items()
    }
