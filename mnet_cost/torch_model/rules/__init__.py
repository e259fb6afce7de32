"""What torch does for each layer kind: a rule for each kind, listed in `RULES`.

A rule is a function, see `emitter.Rule`, that calls functions and makes a module through an
`Emitter`. Tensors are [N, *shape]. Padding that differs between sides, and reshapes, are built for
the sizes of the network. Not here: the order of layers, and what becomes of their values.
"""

from __future__ import annotations

import operator

import torch
from torch.nn import functional as F

from mnet_cost.layers import Layer
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
from mnet_cost.layers.along import Cumulative, Flip, TopK
from mnet_cost.layers.arithmetic import Elementwise
from mnet_cost.layers.attention import Attention, MatMul, ScaledDotProductAttention
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d
from mnet_cost.layers.conv1d3d import Conv1d, Conv3d
from mnet_cost.layers.detection import BoxDecode, NonMaxSuppression, RoiAlign, RoiPool
from mnet_cost.layers.dynamic_conv import DeformConv2d, DynamicConv2d
from mnet_cost.layers.elementwise import Add, Concat, Multiply
from mnet_cost.layers.gather import Gather, Scatter
from mnet_cost.layers.grid_sample import GridSample
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
from mnet_cost.layers.parameters import ClassToken, Embedding, Parameter, PositionEmbedding, Scale
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
from mnet_cost.layers.rearrange import (
    ExpandBatch,
    Fold,
    PixelShuffle,
    PixelUnshuffle,
    Roll,
    Unfold,
    WindowMerge,
    WindowPartition,
)
from mnet_cost.layers.recurrent import Gru, Lstm, Rnn
from mnet_cost.layers.reduce import Reduce
from mnet_cost.layers.reshape import Dropout, Flatten, Identity, Pad, Reshape, Resize, Transpose
from mnet_cost.layers.rms_norm import RmsNorm
from mnet_cost.layers.select import Slice, Split, Take
from mnet_cost.layers.stored import Constant, RelativePositionBias, WindowMask
from mnet_cost.torch_model.emitter import Rule
from mnet_cost.torch_model.rules.arithmetic import elementwise, reduce
from mnet_cost.torch_model.rules.norms import (
    activation,
    batch_norm,
    group_norm,
    instance_norm,
    l2_normalize,
    layer_norm,
    leaky_relu,
    local_response_norm,
    prelu,
    rms_norm,
    softmax,
)
from mnet_cost.torch_model.rules.positions import (
    cumulative,
    flip,
    fold,
    gather,
    grid_sample,
    scatter,
    top_k,
)
from mnet_cost.torch_model.rules.rearrange import (
    expand_batch,
    pixel_shuffle,
    pixel_unshuffle,
    roll,
    unfold,
    window_merge,
    window_partition,
)
from mnet_cost.torch_model.rules.sequences import (
    attention,
    class_token,
    embedding,
    gru,
    linear,
    lstm,
    matmul,
    position_embedding,
    rnn,
    scale,
    scaled_dot_product_attention,
)
from mnet_cost.torch_model.rules.shapes import (
    box_decode,
    channel_shuffle,
    concat,
    dropout,
    flatten,
    identity,
    joined,
    non_max_suppression,
    pad,
    reshape,
    resize,
    roi_align,
    roi_pool,
    slice_,
    split,
    take,
    to_image,
    to_sequence,
    transpose,
)
from mnet_cost.torch_model.rules.stored import (
    constant,
    parameter,
    relative_position_bias,
    window_mask,
)
from mnet_cost.torch_model.rules.windows import (
    adaptive,
    avg_pool,
    conv_transpose2d,
    convolution,
    deform_conv2d,
    depthwise_conv2d,
    dynamic_conv2d,
    global_avg_pool,
    global_max_pool,
    max_pool,
)

RULES: dict[type[Layer], Rule] = {
    Conv2d: convolution,
    DepthwiseConv2d: depthwise_conv2d,
    ConvTranspose2d: conv_transpose2d,
    DynamicConv2d: dynamic_conv2d,
    DeformConv2d: deform_conv2d,
    Conv1d: convolution,
    Conv3d: convolution,
    Linear: linear,
    BatchNorm: batch_norm,
    LayerNorm: layer_norm,
    RmsNorm: rms_norm,
    GroupNorm: group_norm,
    InstanceNorm: instance_norm,
    LocalResponseNorm: local_response_norm,
    L2Normalize: l2_normalize,
    Relu: activation(F.relu),
    Relu6: activation(F.relu6),
    LeakyRelu: leaky_relu,
    Prelu: prelu,
    Sigmoid: activation(torch.sigmoid),
    HardSigmoid: activation(F.hardsigmoid),
    Tanh: activation(torch.tanh),
    Silu: activation(F.silu),
    HardSwish: activation(F.hardswish),
    Gelu: activation(F.gelu),
    Softmax: softmax,
    MaxPool2d: max_pool,
    AvgPool2d: avg_pool,
    GlobalAvgPool: global_avg_pool,
    GlobalMaxPool: global_max_pool,
    AdaptiveAvgPool2d: adaptive(F.adaptive_avg_pool2d),
    AdaptiveMaxPool2d: adaptive(F.adaptive_max_pool2d),
    Reduce: reduce,
    MaxPool1d: max_pool,
    MaxPool3d: max_pool,
    AvgPool1d: avg_pool,
    AvgPool3d: avg_pool,
    AdaptiveAvgPool1d: adaptive(F.adaptive_avg_pool1d),
    AdaptiveAvgPool3d: adaptive(F.adaptive_avg_pool3d),
    AdaptiveMaxPool1d: adaptive(F.adaptive_max_pool1d),
    AdaptiveMaxPool3d: adaptive(F.adaptive_max_pool3d),
    MatMul: matmul,
    ScaledDotProductAttention: scaled_dot_product_attention,
    Attention: attention,
    Lstm: lstm,
    Gru: gru,
    Rnn: rnn,
    Elementwise: elementwise,
    Add: joined(operator.add),
    Multiply: joined(operator.mul),
    Concat: concat,
    Flatten: flatten,
    Reshape: reshape,
    Transpose: transpose,
    Dropout: dropout,
    Identity: identity,
    Pad: pad,
    Resize: resize,
    ChannelShuffle: channel_shuffle,
    ToSequence: to_sequence,
    ToImage: to_image,
    PixelShuffle: pixel_shuffle,
    PixelUnshuffle: pixel_unshuffle,
    Roll: roll,
    ExpandBatch: expand_batch,
    WindowPartition: window_partition,
    WindowMerge: window_merge,
    Unfold: unfold,
    Scale: scale,
    ClassToken: class_token,
    PositionEmbedding: position_embedding,
    Parameter: parameter,
    Constant: constant,
    RelativePositionBias: relative_position_bias,
    WindowMask: window_mask,
    Embedding: embedding,
    Split: split,
    Slice: slice_,
    Take: take,
    Gather: gather,
    Scatter: scatter,
    GridSample: grid_sample,
    Cumulative: cumulative,
    TopK: top_k,
    Flip: flip,
    Fold: fold,
    BoxDecode: box_decode,
    NonMaxSuppression: non_max_suppression,
    RoiAlign: roi_align,
    RoiPool: roi_pool,
}
"""The rule of each kind that torch can build; the kind `opaque` has none."""

ALIGNS_BATCH: tuple[type[Layer], ...] = (Elementwise, Add, Multiply, MatMul)
"""Kinds whose functions of torch take [1, *shape] where another input is [N, *shape]."""
