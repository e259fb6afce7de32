"""Layer kinds: one frozen dataclass each, listed in `LAYERS`.

To add a kind, write its class in the file of its family and one line here. Nothing registers
itself: what this tuple does not name is not a kind.
"""

from __future__ import annotations

from mnet_cost.layers.activation import (
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    Prelu,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
)
from mnet_cost.layers.arithmetic import Elementwise
from mnet_cost.layers.attention import Attention, MatMul, ScaledDotProductAttention
from mnet_cost.layers.base import Layer, Work
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d
from mnet_cost.layers.conv1d3d import Conv1d, Conv3d
from mnet_cost.layers.detection import BoxDecode, NonMaxSuppression, RoiAlign, RoiPool
from mnet_cost.layers.elementwise import Add, Concat, Multiply
from mnet_cost.layers.layout import ChannelShuffle, ToImage, ToSequence
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    L2Normalize,
    LayerNorm,
    LocalResponseNorm,
)
from mnet_cost.layers.opaque import Opaque
from mnet_cost.layers.parameters import (
    ClassToken,
    Embedding,
    Parameter,
    PositionEmbedding,
    Scale,
)
from mnet_cost.layers.pool import (
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    AvgPool2d,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool2d,
)
from mnet_cost.layers.pool1d3d import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool3d,
    MaxPool1d,
    MaxPool3d,
)
from mnet_cost.layers.recurrent import Gru, Lstm
from mnet_cost.layers.reduce import Reduce
from mnet_cost.layers.reshape import Dropout, Flatten, Identity, Pad, Reshape, Resize, Transpose
from mnet_cost.layers.rms_norm import RmsNorm
from mnet_cost.layers.select import Slice, Split, Take
from mnet_cost.layers.stored import Constant, RelativePositionBias, WindowMask

__all__ = ["KINDS", "LAYERS", "Layer", "Work"]

LAYERS: tuple[type[Layer], ...] = (
    # convolutions
    Conv2d,
    DepthwiseConv2d,
    ConvTranspose2d,
    Conv1d,
    Conv3d,
    # linear
    Linear,
    # norms
    BatchNorm,
    LayerNorm,
    RmsNorm,
    GroupNorm,
    InstanceNorm,
    LocalResponseNorm,
    L2Normalize,
    # activations
    Relu,
    Relu6,
    LeakyRelu,
    Prelu,
    Sigmoid,
    HardSigmoid,
    Tanh,
    Silu,
    HardSwish,
    Gelu,
    Softmax,
    # pools
    MaxPool2d,
    AvgPool2d,
    GlobalAvgPool,
    GlobalMaxPool,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    MaxPool1d,
    MaxPool3d,
    AvgPool1d,
    AvgPool3d,
    AdaptiveAvgPool1d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool3d,
    Reduce,
    # attention
    MatMul,
    ScaledDotProductAttention,
    Attention,
    # recurrent
    Lstm,
    Gru,
    # several inputs
    Elementwise,
    Add,
    Multiply,
    Concat,
    # rearranging
    Flatten,
    Reshape,
    Transpose,
    Dropout,
    Identity,
    Pad,
    Resize,
    ChannelShuffle,
    ToSequence,
    ToImage,
    # stored tensors
    Scale,
    ClassToken,
    PositionEmbedding,
    Parameter,
    Constant,
    RelativePositionBias,
    WindowMask,
    Embedding,
    # picking
    Split,
    Slice,
    Take,
    # detection
    BoxDecode,
    NonMaxSuppression,
    RoiAlign,
    RoiPool,
    # not modelled
    Opaque,
)
"""Every layer kind, by family."""


def _by_kind(layers: tuple[type[Layer], ...]) -> dict[str, type[Layer]]:
    kinds: dict[str, type[Layer]] = {}
    for layer in layers:
        for name in (layer.kind, *layer.aliases):
            if name in kinds:
                raise ValueError(f"`{name}` names both {kinds[name].__name__} and {layer.__name__}")
            kinds[name] = layer
    return kinds


KINDS = _by_kind(LAYERS)
"""The layer kind for each name that a spec may use, aliases too."""
