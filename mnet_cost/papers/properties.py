"""Properties of layers as tables of layers print them: `Conv dw / s2`, `3 x 3 x 32 dw`.

Each is a function from the layers of a row to the words of the table: those of the MobileNets
paper for single layers, of MobileNetV2 and V3 for blocks. Sizes are height x width x channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mnet_cost.analysis.work import LayerCost
from mnet_cost.layers.activation import HardSwish, Relu, Relu6
from mnet_cost.layers.base import Layer, both
from mnet_cost.layers.conv import Conv2d, DepthwiseConv2d
from mnet_cost.layers.elementwise import Multiply
from mnet_cost.layers.linear import Linear
from mnet_cost.network import Network
from mnet_cost.tensors import TensorType

NOTHING = "-"


class Layers:
    """The layers of a row within their network."""

    def __init__(self, network: Network, costs: Sequence[LayerCost]) -> None:
        self.costs = costs
        self.input: TensorType = network.tensors[costs[0].step.inputs[0]].type
        self.output: TensorType = costs[-1].output

    def all(self, kind: type[Layer]) -> list[LayerCost]:
        """Those of one kind."""
        return [cost for cost in self.costs if isinstance(cost.step.layer, kind)]

    def has(self, kind: type[Layer]) -> bool:
        """Whether any is of that kind."""
        return bool(self.all(kind))

    def depthwise(self) -> LayerCost | None:
        """The first depthwise convolution, which makes a block what it is."""
        return next(iter(self.all(DepthwiseConv2d)), None)


def _size(type: TensorType) -> str:
    shape = type.shape if len(type.shape) >= 3 else (*type.shape[-1:], 1, 1)
    return f"{shape[-2]} x {shape[-1]} x {shape[-3]}"


def _kernel(layers: Layers) -> tuple[Any, Any] | None:
    found = layers.all(DepthwiseConv2d) or layers.all(Conv2d)
    return both(found[0].step.layer.kernel) if found else None  # type: ignore[attr-defined]


def _input(layers: Layers) -> str:
    return _size(layers.input)


def _channels(layers: Layers) -> str:
    shape = layers.output.shape
    return str(shape[-3] if len(shape) >= 3 else shape[-1])


def _copies(layers: Layers) -> str:
    """A block is repeated as often as its depthwise convolution, a layer as often as itself."""
    kind = DepthwiseConv2d if layers.depthwise() else type(layers.costs[0].step.layer)
    return str(len(layers.all(kind)))


def _stride(layers: Layers) -> str:
    """Of the first convolution that has one; `s` of a block is that of its first copy."""
    for cost in layers.costs:
        stride = both(getattr(cost.step.layer, "stride", 1))[0]
        if stride not in (None, 1):
            return str(stride)
    return "1"


def _type(layers: Layers) -> str:
    names = {DepthwiseConv2d: "Conv dw", Conv2d: "Conv", Linear: "FC"}
    layer = layers.costs[0].step.layer
    return f"{names.get(type(layer), 'Avg Pool')} / s{_stride(layers)}"


def _filter(layers: Layers) -> str:
    layer, shape = layers.costs[0].step.layer, layers.input.shape
    if isinstance(layer, Linear):
        return f"{shape[-1]} x {_channels(layers)}"
    kernel = _kernel(layers)
    if kernel is None:
        return f"Pool {shape[-2]} x {shape[-1]}"
    window = f"{kernel[0]} x {kernel[1]} x {shape[-3]}"
    own_kernel = isinstance(layer, DepthwiseConv2d)
    return f"{window} dw" if own_kernel else f"{window} x {_channels(layers)}"


def _window(layers: Layers) -> str:
    kernel = _kernel(layers)
    return f"{kernel[0]}x{kernel[1]}" if kernel else NOTHING


def _expanded(layers: Layers) -> str:
    found = layers.depthwise()
    return str(found.output.shape[-3]) if found else NOTHING


def _expansion(layers: Layers) -> str:
    found = layers.depthwise()
    return f"{found.output.shape[-3] / layers.input.shape[-3]:g}" if found else NOTHING


def _squeeze(layers: Layers) -> str:
    return "SE" if layers.has(Multiply) else NOTHING


def _activation(layers: Layers) -> str:
    if layers.has(HardSwish):
        return "HS"
    return "RE" if layers.has(Relu) or layers.has(Relu6) else NOTHING


PROPERTIES: Mapping[str, tuple[str, Callable[[Layers], str]]] = {
    "copies": ("n", _copies),
    "type": ("type / stride", _type),
    "filter": ("filter", _filter),
    "input": ("input", _input),
    "kernel": ("kernel", _window),
    "expansion": ("t", _expansion),
    "expanded": ("exp size", _expanded),
    "channels": ("out", _channels),
    "squeeze": ("SE", _squeeze),
    "activation": ("NL", _activation),
    "stride": ("s", _stride),
}
"""By key: the title of the column, and the rule. The order is that of the columns."""
