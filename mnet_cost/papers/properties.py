"""Properties of layers as tables of layers print them: `Conv dw / s2`, `3 x 3 x 32 dw`.

Each is a function from the layers of a row to the words of the table: those of the MobileNets
paper for single layers, of MobileNetV2 and V3 for blocks. Sizes are height x width x channels. For
a property that a layer does not have (the filter of a ReLU) the function raises `PaperError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from mnet_cost.analysis.work import LayerCost
from mnet_cost.errors import PaperError
from mnet_cost.layers.activation import HardSwish, Relu, Relu6
from mnet_cost.layers.axes import channel_axis
from mnet_cost.layers.base import Layer, both
from mnet_cost.layers.conv import Conv2d, DepthwiseConv2d
from mnet_cost.layers.elementwise import Multiply
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.pool import (
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    AvgPool2d,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool2d,
)
from mnet_cost.network import Network
from mnet_cost.tensors import Size, TensorType

NOTHING = "-"


class Layers:
    """The layers of a row within their network; `costs` has at least one."""

    def __init__(self, network: Network, costs: Sequence[LayerCost]) -> None:
        self.network = network
        self.costs = costs
        self.output: TensorType = costs[-1].output

    @property
    def input(self) -> TensorType:
        """The type of the first layer's first input; `PaperError` if it has no input."""
        step = self.costs[0].step
        if not step.inputs:
            raise PaperError(f"`{step.name}` is a `{step.layer.kind}`, which has no input")
        return self.network.tensors[step.inputs[0]].type

    @property
    def layer(self) -> Layer:
        """The first layer, of which the others are copies; `PaperError` if kinds differ."""
        kinds = sorted({cost.step.layer.kind for cost in self.costs})
        if len(kinds) > 1:
            raise PaperError(f"the row is of layers of {len(kinds)} kinds: {', '.join(kinds)}")
        return self.costs[0].step.layer

    def all(self, kind: type[Layer]) -> list[LayerCost]:
        """The costs of the layers of a kind."""
        return [cost for cost in self.costs if isinstance(cost.step.layer, kind)]

    def has(self, kind: type[Layer]) -> bool:
        """Whether a layer is of that kind."""
        return bool(self.all(kind))

    def depthwise(self) -> LayerCost | None:
        """The first depthwise convolution, which is the middle of a block; None without any."""
        return next(iter(self.all(DepthwiseConv2d)), None)


def _size(shape: Sequence[Size]) -> str:
    if len(shape) == 1:
        return f"1 x 1 x {shape[0]}"
    if len(shape) < 3:
        raise PaperError(f"{list(shape)} is not the size of an image, nor of a vector")
    return f"{shape[-2]} x {shape[-1]} x {shape[-3]}"


def _channels_of(tensor: TensorType) -> Any:
    if not tensor.shape:
        raise PaperError("a single number has no channels")
    return tensor.shape[channel_axis(tensor)]


def _kernel(layers: Layers) -> tuple[Any, Any] | None:
    convolutions = layers.all(DepthwiseConv2d) or layers.all(Conv2d)
    return both(cast("Conv2d", convolutions[0].step.layer).kernel) if convolutions else None


def _input(layers: Layers) -> str:
    return _size(layers.input.shape)


def _channels(layers: Layers) -> str:
    return str(_channels_of(layers.output))


def _copies(layers: Layers) -> str:
    """The number of copies: of a block's depthwise convolutions, or else of the layers."""
    kind = DepthwiseConv2d if layers.depthwise() else type(layers.costs[0].step.layer)
    return str(len(layers.all(kind)))


def _stride(layers: Layers) -> str:
    """Of the first layer that has one; `s` of a block is that of its first copy."""
    for cost in layers.costs:
        stride = both(getattr(cost.step.layer, "stride", 1))[0]
        if stride not in (None, 1):
            return str(stride)
    return "1"


_TYPES: Mapping[type[Layer], str] = {
    Conv2d: "Conv",
    DepthwiseConv2d: "Conv dw",
    Linear: "FC",
    AvgPool2d: "Avg Pool",
    GlobalAvgPool: "Avg Pool",
    AdaptiveAvgPool2d: "Avg Pool",
    MaxPool2d: "Max Pool",
    GlobalMaxPool: "Max Pool",
    AdaptiveMaxPool2d: "Max Pool",
}
"""What papers call them; all others go by their own name."""


def _type(layers: Layers) -> str:
    layer = layers.layer
    name = _TYPES.get(type(layer)) or layer.kind.replace("_", " ").title()
    return f"{name} / s{_stride(layers)}"


def _filter(layers: Layers) -> str:
    layer = layers.layer
    rule = _FILTERS.get(type(layer))
    if rule is None:
        raise PaperError(f"`{layers.costs[0].step.name}` is a `{layer.kind}`, which has no filter")
    return rule(layers, layer)


def _conv_filter(layers: Layers, layer: Any) -> str:
    rows, columns = both(layer.kernel)
    return f"{rows} x {columns} x {layers.input.shape[-3] // layer.groups} x {_channels(layers)}"


def _depthwise_filter(layers: Layers, layer: Any) -> str:
    rows, columns = both(layer.kernel)
    return f"{rows} x {columns} x {layers.input.shape[-3]} dw"


def _matrix(layers: Layers, layer: Any) -> str:
    return f"{layers.input.shape[-1]} x {_channels(layers)}"


def _window(layers: Layers, layer: Any) -> str:
    rows, columns = both(layer.kernel)
    return f"Pool {rows} x {columns}"


def _image(layers: Layers, layer: Any) -> str:
    rows, columns = layers.input.shape[-2:]
    return f"Pool {rows} x {columns}"


_FILTERS: Mapping[type[Layer], Callable[[Layers, Any], str]] = {
    Conv2d: _conv_filter,
    DepthwiseConv2d: _depthwise_filter,
    Linear: _matrix,
    AvgPool2d: _window,
    MaxPool2d: _window,
    GlobalAvgPool: _image,
    GlobalMaxPool: _image,
}
"""How filters are written. Adaptive pools have windows of several sizes, so they have none."""


def _kernel_size(layers: Layers) -> str:
    kernel = _kernel(layers)
    return f"{kernel[0]}x{kernel[1]}" if kernel else NOTHING


def _expanded(layers: Layers) -> str:
    depthwise = layers.depthwise()
    return str(_channels_of(depthwise.output)) if depthwise else NOTHING


def _expansion(layers: Layers) -> str:
    depthwise = layers.depthwise()
    if depthwise is None:
        return NOTHING
    return f"{_channels_of(depthwise.output) / _channels_of(layers.input):g}"


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
    "kernel": ("kernel", _kernel_size),
    "expansion": ("t", _expansion),
    "expanded": ("exp size", _expanded),
    "channels": ("out", _channels),
    "squeeze": ("SE", _squeeze),
    "activation": ("NL", _activation),
    "stride": ("s", _stride),
}
"""For each key of a cell the title of its column and its function, in the order of columns."""
