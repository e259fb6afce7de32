"""What other tools count for each kind of layer, beside our own mult-adds.

Each tool has a table with a rule for every kind, so no kind is left to a default. Some counts
depend on how a network is written, which a spec does not say: the rule then states how it takes the
network to be written, and the count if it is written otherwise. A layer whose count a spec cannot
give at all is not covered. `benchmarks/peers` runs the tools; the tests hold the rules to what they
printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from mnet_cost.layers import Layer, Work
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
from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.base import both
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d, is_same, sides
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
from mnet_cost.tensors import TensorType, floor, product


class Counted(NamedTuple):
    """A layer and what it works on."""

    layer: Any
    inputs: tuple[TensorType, ...]
    """The types of one example, as are `output` and `work`."""
    output: TensorType
    work: Work
    batch: int
    """Examples for which it runs: 1 where it reads stored tensors alone."""
    examples: int = 1
    """Examples in the batch."""


Amount = Callable[[Counted], Any]
"""Mult-adds that a tool counts more than we do (less, if negative), for the whole batch. Like rules
of work, arithmetic that also holds on arrays of candidates."""


class Part(NamedTuple):
    """One itemized difference."""

    what: str
    amount: Amount


class Rule(NamedTuple):
    """What a tool makes of a kind: `parts`, unless it is not covered."""

    parts: tuple[Part, ...] = ()
    written: str = ""
    """How the layer is taken to be written, where the tool counts another way differently."""
    otherwise: str = ""
    """The other way."""
    otherwise_amount: Amount | None = None
    """The mult-adds that are counted then, instead of the sum of `parts`."""
    not_covered: str = ""
    """Why it is not known what the tool counts."""
    is_beyond: Callable[[Counted], Any] | None = None
    """Whether `not_covered` holds for a layer; None if it holds for all layers."""


Rules = Mapping[type[Layer], Rule]

AS_OURS = Rule()
"""The same as the convention of the paper."""


def _none(counted: Counted) -> Any:
    return 0


def _outputs(counted: Counted) -> Any:
    return counted.batch * counted.output.elements


def _inputs(counted: Counted) -> Any:
    return counted.batch * counted.inputs[0].elements


def _bias(counted: Counted) -> Any:
    return counted.layer.bias * _outputs(counted)


def left_out(counted: Counted) -> Any:
    """The layer at nothing."""
    return -counted.batch * counted.work.mult_adds


def at_one_position(counted: Counted) -> Any:
    """A linear layer at its weights once, whatever the positions."""
    return counted.batch * (counted.work.weights - counted.work.mult_adds)


def _images(counted: Counted) -> Any:
    """Images, signals or volumes in the batch: axes in front can only be joined with the batch."""
    own_axes = counted.layer.own_axes(counted.output)
    return counted.batch * product(counted.output.shape[:-own_axes])


def _params(counted: Counted) -> Any:
    return counted.batch * counted.work.params


def _stored_params(counted: Counted) -> Any:
    """A module that has a stored tensor has outputs for all examples."""
    return counted.examples * counted.work.params


def _params_per_image(counted: Counted) -> Any:
    return _images(counted) * counted.work.params


def _rule(what: str, amount: Amount) -> Rule:
    return Rule((Part(what, amount),))


_NOTHING: tuple[type[Layer], ...] = (
    LocalResponseNorm, L2Normalize, Reduce,
    Relu, Relu6, LeakyRelu, Sigmoid, HardSigmoid, Tanh, Silu, HardSwish, Gelu,
    MaxPool2d, GlobalMaxPool, AdaptiveMaxPool2d,
    MaxPool1d, MaxPool3d, AdaptiveMaxPool1d, AdaptiveMaxPool3d,
    Elementwise, Add, Multiply, Concat,
    Constant, WindowMask,
    Flatten, Reshape, Transpose, Dropout, Identity, Pad, ChannelShuffle, ToSequence, ToImage,
    PixelShuffle, PixelUnshuffle, Roll, ExpandBatch, Flip, WindowPartition, WindowMerge, Unfold,
    Fold, Split, Slice, Take, Gather, Scatter, Cumulative, TopK, GridSample,
    BoxDecode, NonMaxSuppression, RoiAlign, RoiPool,
)  # fmt: skip
"""Kinds for which all torch tools count nothing, however they are written."""

_ANY_FORM = dict.fromkeys(_NOTHING, AS_OURS)


# Transposed convolutions


def _is_cut(counted: Counted) -> Any:
    """Whether torch has no such transposed convolution, so that its output is cut or padded."""
    layer = counted.layer
    if not is_same(layer.padding):
        top, bottom, left, right = sides(layer.padding)
        return (top != bottom) | (left != right)
    high, wide = (
        dilation * (kernel - 1) + 1 - stride
        for dilation, kernel, stride in zip(
            both(layer.dilation), both(layer.kernel), both(layer.stride), strict=True
        )
    )  # removed from the output, half of it on each side if that divides
    return ((high > 0) & (high % 2 != 0)) | ((wide > 0) & (wide % 2 != 0))


_CUT = "torch has no such padding: it depends on how the output is cut to size"


def at_outputs(counted: Counted) -> Any:
    """A kernel at each position of the output instead of the input."""
    positions = product(counted.output.shape[:-3]) * (
        counted.output.shape[-2] * counted.output.shape[-1]
    )
    return counted.batch * (counted.work.weights * positions - counted.work.mult_adds)


_AT_OUTPUTS = Part("transposed convolutions at positions of the output", at_outputs)
_BIAS = Part("bias at 1 per output", _bias)


_CONSTANT = "a constant kernel: it is counted in a module, and not where a function takes it"
_CUT_OR_CONSTANT = f"{_CUT}; or {_CONSTANT}"


def _is_constant(counted: Counted) -> bool:
    return not counted.layer.trained


def _is_cut_or_constant(counted: Counted) -> Any:
    return _is_constant(counted) | _is_cut(counted)


_BESIDE_CONSTANTS = Rule(not_covered=_CONSTANT, is_beyond=_is_constant)
"""Of tools that look at modules and their params."""

_SCALED = "a kernel with a gain: it depends on how the kernel is made"


def _is_scaled(counted: Counted) -> bool:
    return bool(counted.layer.gain)


def _is_made(counted: Counted) -> bool:
    return _is_constant(counted) or _is_scaled(counted)


_BESIDE_SCALED = Rule(not_covered=_SCALED, is_beyond=_is_scaled)
_BESIDE_MADE = Rule(not_covered=f"{_CONSTANT}; or {_SCALED}", is_beyond=_is_made)
"""As `_BESIDE_CONSTANTS`, of convolutions that can have a gain."""


# Norms


def _affine_norm(count: int) -> Amount:
    """`count` operations for each element, and as many again where the norm is affine."""
    return lambda counted: count * (1 + counted.layer.affine) * _outputs(counted)


def _statistics_norm(counted: Counted) -> Any:
    return (4 + counted.layer.affine) * _outputs(counted)


def _axis(counted: Counted) -> int:
    """The axis that a norm or a PReLU works along, counted from the end."""
    return named_axis(counted.inputs[0], counted.layer.axis, counted.layer.kind)


def _is_turned(counted: Counted) -> Any:
    return _axis(counted) != -1


# Pools


def _adaptive_pool(counted: Counted) -> Any:
    """thop divides sizes in double precision, and cuts the product off."""
    (x,) = counted.inputs
    windows: Any = 1
    for axis in range(1 - counted.layer.own_axes(x), 0):
        windows = windows * (x.shape[axis] / counted.output.shape[axis])
    return floor((windows + 1) * _outputs(counted))


# Attention and recurrence


def _units(counted: Counted) -> Any:
    """Units that make a step, in all layers and directions."""
    steps = counted.batch * product(counted.inputs[0].shape[:-1])
    return steps * counted.layer.layers * (1 + counted.layer.bidirectional) * counted.layer.features


def _without_projection(counted: Counted) -> Any:
    whole = replace(counted.layer, projection=None).work(counted.inputs, counted.output)
    return counted.batch * (whole.mult_adds - counted.work.mult_adds)


def _recurrent_params(counted: Counted) -> Any:
    return counted.batch * product(counted.inputs[0].shape[:-1]) * counted.work.params


def _softmax(counted: Counted) -> Any:
    size = counted.inputs[0].shape[_axis(counted)]
    return _outputs(counted) // size * (3 * size - 1)


def _softmax_of_scores(counted: Counted) -> Any:
    rows = counted.batch * product(counted.output.shape[:-1]) * counted.layer.heads
    return left_out(counted) + rows * (3 * counted.inputs[1].shape[-2] - 1)


def _features(counted: Counted) -> Any:
    query = counted.inputs[0]
    return query.shape[-1] if counted.layer.features is None else counted.layer.features


def _products(counted: Counted) -> Any:
    """Mult-adds of an attention layer beside its projections."""
    context = counted.inputs[counted.layer.context_place(len(counted.inputs))]
    pairs = product(counted.output.shape[:-1]) * context.shape[-2]
    return counted.batch * 2 * pairs * _features(counted)


def without_products(counted: Counted) -> Any:
    """Attention at its projections alone."""
    return -_products(counted)


def _first_factor(counted: Counted) -> Any:
    """fvcore multiplies the first factor with the columns, though it may meet several matrices."""
    first = counted.inputs[0].elements * counted.output.shape[-1]
    return counted.batch * (first - counted.work.mult_adds)


def _left_out_if_fused(counted: Counted) -> Any:
    """torch's fused kernel takes values of as many features as the query has; else ptflops sees the
    products."""
    return left_out(counted) * (counted.inputs[0].shape[-1] == counted.output.shape[-1])


_GROUPED = "nn.MultiheadAttention has no kv_heads: it depends on how attention is written"


def _is_grouped(counted: Counted) -> bool:
    return counted.layer.kv_heads is not None


_OF_ATTENTION = "it depends on gradients, on the device and on how attention is written"
_OF_RECURRENCE = "it depends on the kernels of the device"

_UNSEEN = Part("products of activations at nothing", left_out)
_DEFORMED = Rule(
    (Part("deformable convolutions at nothing", left_out),),
    "torchvision.ops.deform_conv2d",
    "samples and a convolution of them",
    _none,
)


def _samples(counted: Counted) -> Any:
    return 4 * counted.batch * counted.layer.sampled_elements(counted.inputs)


TORCH: Rules = _ANY_FORM | dict.fromkeys(
    (
        Conv2d, DepthwiseConv2d, ConvTranspose2d, Conv1d, Conv3d, DynamicConv2d, Linear, MatMul,
        BatchNorm, LayerNorm, RmsNorm, GroupNorm, InstanceNorm, Prelu, Softmax, AvgPool2d,
        AvgPool1d, AvgPool3d, GlobalAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d,
        AdaptiveAvgPool3d, Resize, Scale, ClassToken, PositionEmbedding, Parameter,
        RelativePositionBias, Embedding,
    ),
    AS_OURS,
) | {
    DeformConv2d: _DEFORMED,
    Attention: Rule(not_covered=_OF_ATTENTION),
    ScaledDotProductAttention: Rule(not_covered=_OF_ATTENTION),
    Lstm: Rule(not_covered=_OF_RECURRENCE),
    Gru: Rule(not_covered=_OF_RECURRENCE),
    Rnn: Rule(not_covered=_OF_RECURRENCE),
}  # fmt: skip

_FUSED_PRODUCTS = Part("products in fused attention at nothing", without_products)
_FUSED_ATTENTION = Part("products in fused attention at nothing", left_out)
_FUSED = "F.scaled_dot_product_attention"
_MULTIHEAD = "nn.MultiheadAttention with gradients"
_PLAIN = "products and a softmax"

PTFLOPS: Rules = {
    **TORCH,
    **dict.fromkeys((Conv2d, DepthwiseConv2d), _BESIDE_SCALED._replace(parts=(_BIAS,))),
    **dict.fromkeys((Conv1d, Conv3d), Rule((_BIAS,))),
    ConvTranspose2d: Rule(
        (_BIAS,), not_covered=_CUT, is_beyond=lambda counted: counted.layer.bias & _is_cut(counted)
    ),
    Linear: Rule(
        (_BIAS,),
        written="over contiguous tensors",
        otherwise="over turned ones (torch adds the bias apart)",
        otherwise_amount=lambda counted: 0 if len(counted.inputs[0].shape) > 1 else _bias(counted),
    ),
    ScaledDotProductAttention: Rule(
        (_FUSED_ATTENTION._replace(amount=_left_out_if_fused),), _FUSED, _PLAIN, _none
    ),
    Attention: Rule(not_covered="it depends on the batch and on how attention is written"),
    Gru: Rule(not_covered="it depends on the batch and on the kernels of the device"),
    Rnn: Rule(not_covered="it depends on the batch and on the kernels of the device"),
    DeformConv2d: _DEFORMED._replace(otherwise_amount=_bias),
}

_STATISTICS = _rule("layer, group and instance norm at 5 per element", _statistics_norm)


def _inputs_of_images(counted: Counted) -> Any:
    """fvcore knows the pool of images alone, not those of signals and volumes."""
    is_image = counted.inputs[0].layout not in ("signal", "volume")
    return _inputs(counted) if is_image else 0


_ADAPTIVE_PER_INPUT = Part("adaptive average pooling at 1 per input", _inputs_of_images)

_FVCORE_UPSAMPLING = {"nearest": 1, "bilinear": 4, "bicubic": 0}
_THOP_UPSAMPLING = {"nearest": 1, "bilinear": 11, "bicubic": 259}

FVCORE: Rules = {
    **TORCH,
    **dict.fromkeys((Conv2d, DepthwiseConv2d), _BESIDE_SCALED),
    DeformConv2d: _DEFORMED._replace(otherwise_amount=_samples),
    BatchNorm: _rule("batch-norm at 2 per element", _affine_norm(1)),
    LayerNorm: _STATISTICS,
    GroupNorm: _STATISTICS,
    InstanceNorm: _STATISTICS,
    GlobalAvgPool: Rule((_ADAPTIVE_PER_INPUT,), "adaptive_avg_pool2d", "a mean", _none),
    AdaptiveAvgPool2d: Rule((_ADAPTIVE_PER_INPUT,)),
    Resize: _rule(
        "upsampling at 1 or (bilinear) 4 per output",
        lambda counted: _FVCORE_UPSAMPLING[counted.layer.mode] * _outputs(counted),
    ),
    MatMul: _rule("matrix products at the size of the first factor", _first_factor),
    ScaledDotProductAttention: Rule((_FUSED_ATTENTION,), _FUSED, _PLAIN, _none),
    Attention: Rule((_FUSED_PRODUCTS,), _MULTIHEAD, _PLAIN, _none, _GROUPED, _is_grouped),
    Lstm: _rule("recurrent layers at nothing", left_out),
    Gru: _rule("recurrent layers at nothing", left_out),
    Rnn: _rule("recurrent layers at nothing", left_out),
    GridSample: _rule("samples of a grid at 4 per output", lambda counted: 4 * _outputs(counted)),
}

TIMM: Rules = {
    **FVCORE,
    GlobalAvgPool: Rule(
        (_ADAPTIVE_PER_INPUT,),
        "nn.AdaptiveAvgPool2d, as before its classifiers",
        "a mean, as in its squeeze-and-excitation",
        _none,
    ),
    AdaptiveAvgPool2d: Rule(
        not_covered="timm's VGG has no such pool where the image is large enough, and another one "
        "before its classifier"
    ),
}
"""What fvcore makes of timm's models."""

THOP: Rules = {
    **TORCH,
    **dict.fromkeys((Conv2d, DepthwiseConv2d), _BESIDE_MADE),
    DynamicConv2d: Rule((_UNSEEN,)),
    ConvTranspose2d: Rule(
        (_AT_OUTPUTS,), not_covered=_CUT_OR_CONSTANT, is_beyond=_is_cut_or_constant
    ),
    BatchNorm: _rule("batch-norm at 4 per element", _affine_norm(2)),
    LayerNorm: Rule(
        (Part("layer norm at 4 per element", _affine_norm(2)),),
        not_covered="along another axis than the last it depends on whether nn.LayerNorm itself is "
        "called (4 per element) or a class made of it (nothing)",
        is_beyond=_is_turned,
    ),
    InstanceNorm: Rule(
        (Part("instance norm at 4 per element", _affine_norm(2)),),
        "nn.InstanceNorm2d",
        "nn.GroupNorm with a group for each channel",
        _none,
    ),
    Prelu: Rule((Part("PReLU at 1 per element", _outputs),), "nn.PReLU", "a function", _none),
    Softmax: Rule(
        (Part("softmax of n elements at 3 n - 1", _softmax),), "nn.Softmax", "a function", _none
    ),
    **{
        kind: Rule((Part("average pooling at 1 per output", _outputs),), name, "a function", _none)
        for kind, name in (
            (AvgPool2d, "nn.AvgPool2d"),
            (AvgPool1d, "nn.AvgPool1d"),
            (AvgPool3d, "nn.AvgPool3d"),
        )
    },
    GlobalAvgPool: Rule(
        (
            Part(
                "adaptive average pooling at 1 per input and output",
                lambda counted: _inputs(counted) + _outputs(counted),
            ),
        ),
        "nn.AdaptiveAvgPool2d",
        "a function or a mean",
        _none,
    ),
    **{
        kind: Rule(
            (Part("adaptive average pooling at 1 per input and output", _adaptive_pool),),
            name,
            "a function",
            _none,
        )
        for kind, name in (
            (AdaptiveAvgPool2d, "nn.AdaptiveAvgPool2d"),
            (AdaptiveAvgPool1d, "nn.AdaptiveAvgPool1d"),
            (AdaptiveAvgPool3d, "nn.AdaptiveAvgPool3d"),
        )
    },
    Resize: Rule(
        (),
        "F.interpolate",
        "nn.Upsample",
        lambda counted: _THOP_UPSAMPLING[counted.layer.mode] * _outputs(counted),
    ),
    MatMul: Rule((_UNSEEN,)),
    ScaledDotProductAttention: Rule(
        (_UNSEEN,),
        _FUSED,
        "products and nn.Softmax",
        _softmax_of_scores,
    ),
    Attention: Rule(
        (Part("nn.MultiheadAttention at nothing", left_out),),
        "nn.MultiheadAttention",
        "linear layers and functions",
        without_products,
        _GROUPED,
        _is_grouped,
    ),
    Lstm: Rule(
        (
            Part(
                "LSTM beside its products",
                lambda counted: (8 + 8 * counted.layer.bias) * _units(counted),
            ),
            Part("LSTM with states as large as its units", _without_projection),
        )
    ),
    Gru: _rule(
        "GRU beside its products", lambda counted: (7 + 6 * counted.layer.bias) * _units(counted)
    ),
    Rnn: _rule(
        "RNN beside its products", lambda counted: (1 + 2 * counted.layer.bias) * _units(counted)
    ),
}

_NORM_PARAMS = Part("params of norms, once", _params_per_image)
_OWN_PARAMS = Rule((), "a parameter beside modules", "a module of its own", _params)
_STORED_PARAMS = _OWN_PARAMS._replace(otherwise_amount=_stored_params)


def is_pointwise(layer: Conv2d) -> Any:
    """Whether a linear layer does the same."""
    pointwise: Any = layer.groups == 1
    for size in (*both(layer.kernel), *both(layer.stride)):
        pointwise = pointwise & (size == 1)
    return pointwise if is_same(layer.padding) else pointwise & (sum(sides(layer.padding)) == 0)


def _pointwise_params(counted: Counted) -> Any:
    """A convolution that may be a linear layer over positions: then its params once."""
    as_linear = _params(counted) + left_out(counted)
    is_linear = counted.layer.bias & is_pointwise(counted.layer)  # linear layers have a bias
    return _bias(counted) + is_linear * (as_linear - _bias(counted))


def _batch_norm_params(counted: Counted) -> Any:
    """Positions of a sequence are joined with the batch, like axes in front of an image."""
    return counted.batch * product(counted.output.shape[: _axis(counted)]) * counted.work.params


def _turned_batch_norm_params(counted: Counted) -> Any:
    return _params(counted) if len(counted.inputs[0].shape) == 2 else _batch_norm_params(counted)


TORCHINFO: Rules = {
    **TORCH,
    Conv2d: _BESIDE_MADE._replace(
        parts=(_BIAS,),
        written="nn.Conv2d",
        otherwise="nn.Linear over positions",
        otherwise_amount=_pointwise_params,
    ),
    DepthwiseConv2d: _BESIDE_MADE._replace(parts=(_BIAS,)),
    **dict.fromkeys((Conv1d, Conv3d), _BESIDE_CONSTANTS._replace(parts=(_BIAS,))),
    DynamicConv2d: Rule((_UNSEEN,)),
    DeformConv2d: Rule((_BIAS,)),
    ConvTranspose2d: Rule(
        (_AT_OUTPUTS, _BIAS), not_covered=_CUT_OR_CONSTANT, is_beyond=_is_cut_or_constant
    ),
    Linear: Rule(
        (
            Part(
                "bias at 1 per output",
                lambda counted: counted.batch * (counted.work.params - counted.work.weights),
            ),
            Part("linear layers over positions at one of them", at_one_position),
        )
    ),
    BatchNorm: Rule(
        (Part("batch-norm params, once", _batch_norm_params),),
        "nn.BatchNorm1d over positions joined with the batch",
        "nn.BatchNorm1d over turned axes",
        _turned_batch_norm_params,
        "along another axis it depends on which axes are joined or turned",
        lambda counted: not counted.layer.is_native(counted.inputs[0]),
    ),
    LayerNorm: _rule("params of norms, once", _params),
    RmsNorm: _rule("params of norms, once", _params),
    GroupNorm: Rule((_NORM_PARAMS,)),
    InstanceNorm: Rule((_NORM_PARAMS,)),
    Prelu: Rule(
        (Part("PReLU params, once", _params),),
        "nn.PReLU",
        "a function",
        _none,
        "over sequences and frames it depends on which axes are joined or turned",
        lambda counted: (len(counted.inputs[0].shape), _axis(counted)) not in ((1, -1), (3, -3)),
    ),
    MatMul: Rule((_UNSEEN,)),
    ScaledDotProductAttention: Rule((_UNSEEN,)),
    Attention: Rule(
        (Part("nn.MultiheadAttention at nothing", left_out),),
        "nn.MultiheadAttention",
        "linear layers and functions",
        lambda counted: _params(counted) + left_out(counted),
        _GROUPED,
        _is_grouped,
    ),
    Lstm: _rule(
        "recurrent layers at their params in each step",
        lambda counted: _recurrent_params(counted) + left_out(counted),
    ),
    Gru: _rule(
        "recurrent layers at their params in each step",
        lambda counted: _recurrent_params(counted) + left_out(counted),
    ),
    Rnn: _rule(
        "recurrent layers at their params in each step",
        lambda counted: _recurrent_params(counted) + left_out(counted),
    ),
    Scale: _OWN_PARAMS,
    ClassToken: _OWN_PARAMS,
    PositionEmbedding: _OWN_PARAMS,
    Parameter: _STORED_PARAMS,
    RelativePositionBias: _STORED_PARAMS,
    Embedding: _rule("params of embeddings, once", _params),
}

_NOT_HELD = Rule(not_covered="no figure of such a network has been reproduced")

OPENVINO: Rules = {
    **dict.fromkeys(TORCH, _NOT_HELD),
    **dict.fromkeys((Relu6, GlobalAvgPool, Flatten, Reshape, Dropout, Identity), AS_OURS),
    Relu: Rule((), "ReLU6, as in the zoo's MobileNet V1", "ReLU", _outputs),
    **dict.fromkeys(
        (Conv2d, DepthwiseConv2d),
        _NOT_HELD._replace(is_beyond=lambda counted: counted.layer.bias or counted.layer.gain),
    ),
    Linear: _NOT_HELD._replace(is_beyond=lambda counted: len(counted.output.shape) > 1),
    BatchNorm: _rule("folded bias at 1 per element", _outputs),
}
"""What the zoo's MobileNet V1 has. The tool counts operations of a converted graph, which no spec
tells. ReLU at 2 operations: openvinotoolkit/model_analyzer, layer_provider.py@d9fe351."""
