"""What other tools count for each kind of layer, beside our own mult-adds.

For each tool a table with a rule for every kind, so that nothing is left to a default. What is
counted may depend on how a network is written, which a spec does not say: a rule then names the
way it takes for granted, and what another way would give. What a spec cannot tell at all is not
covered. `benchmarks/peers` runs the tools; the tests hold the rules to what they printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from mnet_cost.layers.attention import Attention, MatMul, ScaledDotProductAttention
from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.base import both
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d, is_same, sides
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
from mnet_cost.layers.parameters import ClassToken, Embedding, Parameter, PositionEmbedding, Scale
from mnet_cost.layers.pool import (
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    AvgPool2d,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool2d,
)
from mnet_cost.layers.recurrent import Gru, Lstm
from mnet_cost.layers.reshape import Dropout, Flatten, Identity, Pad, Reshape, Resize, Transpose
from mnet_cost.layers.select import Slice, Split, Take
from mnet_cost.tensors import TensorType, floor, product


class Counted(NamedTuple):
    """A layer and what it works on."""

    layer: Any
    inputs: tuple[TensorType, ...]
    """Of one example, like `output` and `work`."""
    output: TensorType
    work: Work
    batch: int


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
    """What is counted then, instead of the sum of `parts`."""
    not_covered: str = ""
    """Why it is not known what the tool counts."""
    is_beyond: Callable[[Counted], Any] | None = None
    """Of which layers that is so; without it of all, if there is such a reason."""


Rules = Mapping[type[Layer], Rule]

AS_OURS = Rule()
"""The same as the convention of the paper."""


def _none(one: Counted) -> Any:
    return 0


def _outputs(one: Counted) -> Any:
    return one.batch * one.output.elements


def _inputs(one: Counted) -> Any:
    return one.batch * one.inputs[0].elements


def _bias(one: Counted) -> Any:
    return one.layer.bias * _outputs(one)


def _left_out(one: Counted) -> Any:
    return -one.batch * one.work.mult_adds


def _images(one: Counted) -> Any:
    """Images in the batch: axes in front of an image can only be joined with the batch."""
    return one.batch * product(one.output.shape[:-3])


def _params(one: Counted) -> Any:
    return one.batch * one.work.params


def _params_per_image(one: Counted) -> Any:
    return _images(one) * one.work.params


def _rule(what: str, amount: Amount) -> Rule:
    return Rule((Part(what, amount),))


_NOTHING: tuple[type[Layer], ...] = (
    LocalResponseNorm, L2Normalize,
    Relu, Relu6, LeakyRelu, Sigmoid, HardSigmoid, Tanh, Silu, HardSwish, Gelu,
    MaxPool2d, GlobalMaxPool, AdaptiveMaxPool2d,
    Add, Multiply, Concat,
    Flatten, Reshape, Transpose, Dropout, Identity, Pad, ChannelShuffle, ToSequence, ToImage,
    Split, Slice, Take,
    BoxDecode, NonMaxSuppression, RoiAlign, RoiPool,
)  # fmt: skip
"""Kinds for which all torch tools count nothing, however they are written."""

_ANY_FORM = dict.fromkeys(_NOTHING, AS_OURS)


# Transposed convolutions


def _is_cut(one: Counted) -> Any:
    """Whether torch has no such transposed convolution, so that its output is cut or padded."""
    layer = one.layer
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


def _at_outputs(one: Counted) -> Any:
    """A kernel at each position of the output instead of the input."""
    positions = product(one.output.shape[:-3]) * (one.output.shape[-2] * one.output.shape[-1])
    return one.batch * (one.work.weights * positions - one.work.mult_adds)


_AT_OUTPUTS = Part("transposed convolutions at positions of the output", _at_outputs)
_BIAS = Part("bias at 1 per output", _bias)


# Norms


def _affine_norm(count: int) -> Amount:
    """`count` operations for each element, and as many again where the norm is affine."""
    return lambda one: count * (1 + one.layer.affine) * _outputs(one)


def _statistics_norm(one: Counted) -> Any:
    return (4 + one.layer.affine) * _outputs(one)


def _axis(one: Counted) -> int:
    """The axis that a norm or a PReLU works along, counted from the end."""
    return named_axis(one.inputs[0], one.layer.axis, one.layer.kind)


def _is_turned(one: Counted) -> Any:
    return _axis(one) != -1


# Pools


def _adaptive_pool(one: Counted) -> Any:
    """thop divides sizes in double precision, and cuts the product off."""
    (x,) = one.inputs
    windows = (x.shape[-2] / one.output.shape[-2]) * (x.shape[-1] / one.output.shape[-1])
    return floor((windows + 1) * _outputs(one))


# Attention and recurrence


def _units(one: Counted) -> Any:
    """Units that make a step, in all layers and directions."""
    steps = one.batch * product(one.inputs[0].shape[:-1])
    return steps * one.layer.layers * (1 + one.layer.bidirectional) * one.layer.features


def _recurrent_params(one: Counted) -> Any:
    return one.batch * product(one.inputs[0].shape[:-1]) * one.work.params


def _softmax(one: Counted) -> Any:
    size = one.inputs[0].shape[_axis(one)]
    return _outputs(one) // size * (3 * size - 1)


def _softmax_of_scores(one: Counted) -> Any:
    rows = one.batch * product(one.output.shape[:-1]) * one.layer.heads
    return _left_out(one) + rows * (3 * one.inputs[1].shape[-2] - 1)


def _features(one: Counted) -> Any:
    query = one.inputs[0]
    return query.shape[-1] if one.layer.features is None else one.layer.features


def _products(one: Counted) -> Any:
    """What an attention layer multiplies beside its projections."""
    pairs = product(one.output.shape[:-1]) * one.inputs[-1].shape[-2]
    return one.batch * 2 * pairs * _features(one)


def _without_products(one: Counted) -> Any:
    return -_products(one)


def _first_factor(one: Counted) -> Any:
    """fvcore multiplies the first factor with the columns, though it may meet several matrices."""
    first = one.inputs[0].elements * one.output.shape[-1]
    return one.batch * (first - one.work.mult_adds)


_OF_ATTENTION = "it depends on gradients, on the device and on how attention is written"
_OF_RECURRENCE = "it depends on the kernels of the device"

TORCH: Rules = _ANY_FORM | dict.fromkeys(
    (
        Conv2d, DepthwiseConv2d, ConvTranspose2d, Linear, MatMul, BatchNorm, LayerNorm, GroupNorm,
        InstanceNorm, Prelu, Softmax, AvgPool2d, GlobalAvgPool, AdaptiveAvgPool2d, Resize, Scale,
        ClassToken, PositionEmbedding, Parameter, Embedding,
    ),
    AS_OURS,
) | {
    Attention: Rule(not_covered=_OF_ATTENTION),
    ScaledDotProductAttention: Rule(not_covered=_OF_ATTENTION),
    Lstm: Rule(not_covered=_OF_RECURRENCE),
    Gru: Rule(not_covered=_OF_RECURRENCE),
}  # fmt: skip

_FUSED_PRODUCTS = Part("products in fused attention at nothing", _without_products)
_FUSED_ATTENTION = Part("products in fused attention at nothing", _left_out)
_FUSED = "F.scaled_dot_product_attention"
_MULTIHEAD = "nn.MultiheadAttention with gradients"
_PLAIN = "products and a softmax"

PTFLOPS: Rules = {
    **TORCH,
    Conv2d: Rule((_BIAS,)),
    DepthwiseConv2d: Rule((_BIAS,)),
    ConvTranspose2d: Rule(
        (_BIAS,), not_covered=_CUT, is_beyond=lambda one: one.layer.bias & _is_cut(one)
    ),
    Linear: Rule(
        (_BIAS,),
        written="over contiguous tensors",
        otherwise="over turned ones (torch adds the bias apart)",
        otherwise_amount=lambda one: 0 if len(one.inputs[0].shape) > 1 else _bias(one),
    ),
    ScaledDotProductAttention: Rule((_FUSED_ATTENTION,), _FUSED, _PLAIN, _none),
    Attention: Rule(not_covered="it depends on the batch and on how attention is written"),
    Gru: Rule(not_covered="it depends on the batch and on the kernels of the device"),
}

_STATISTICS = _rule("layer, group and instance norm at 5 per element", _statistics_norm)
_ADAPTIVE_PER_INPUT = Part("adaptive average pooling at 1 per input", _inputs)

FVCORE: Rules = {
    **TORCH,
    BatchNorm: _rule("batch-norm at 2 per element", _affine_norm(1)),
    LayerNorm: _STATISTICS,
    GroupNorm: _STATISTICS,
    InstanceNorm: _STATISTICS,
    GlobalAvgPool: Rule((_ADAPTIVE_PER_INPUT,), "adaptive_avg_pool2d", "a mean", _none),
    AdaptiveAvgPool2d: Rule((_ADAPTIVE_PER_INPUT,)),
    Resize: _rule(
        "upsampling at 1 or (bilinear) 4 per output",
        lambda one: (4 if one.layer.mode == "bilinear" else 1) * _outputs(one),
    ),
    MatMul: _rule("matrix products at the size of the first factor", _first_factor),
    ScaledDotProductAttention: Rule((_FUSED_ATTENTION,), _FUSED, _PLAIN, _none),
    Attention: Rule((_FUSED_PRODUCTS,), _MULTIHEAD, _PLAIN, _none),
    Lstm: _rule("recurrent layers at nothing", _left_out),
    Gru: _rule("recurrent layers at nothing", _left_out),
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

_UNSEEN = Part("products of activations at nothing", _left_out)

THOP: Rules = {
    **TORCH,
    ConvTranspose2d: Rule((_AT_OUTPUTS,), not_covered=_CUT, is_beyond=_is_cut),
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
    AvgPool2d: Rule(
        (Part("average pooling at 1 per output", _outputs),), "nn.AvgPool2d", "a function", _none
    ),
    GlobalAvgPool: Rule(
        (
            Part(
                "adaptive average pooling at 1 per input and output",
                lambda one: _inputs(one) + _outputs(one),
            ),
        ),
        "nn.AdaptiveAvgPool2d",
        "a function or a mean",
        _none,
    ),
    AdaptiveAvgPool2d: Rule(
        (Part("adaptive average pooling at 1 per input and output", _adaptive_pool),),
        "nn.AdaptiveAvgPool2d",
        "a function",
        _none,
    ),
    Resize: Rule(
        (),
        "F.interpolate",
        "nn.Upsample",
        lambda one: (11 if one.layer.mode == "bilinear" else 1) * _outputs(one),
    ),
    MatMul: Rule((_UNSEEN,)),
    ScaledDotProductAttention: Rule(
        (_UNSEEN,),
        _FUSED,
        "products and nn.Softmax",
        _softmax_of_scores,
    ),
    Attention: Rule(
        (Part("nn.MultiheadAttention at nothing", _left_out),),
        "nn.MultiheadAttention",
        "linear layers and functions",
        _without_products,
    ),
    Lstm: _rule("LSTM beside its products", lambda one: (8 + 8 * one.layer.bias) * _units(one)),
    Gru: _rule("GRU beside its products", lambda one: (7 + 6 * one.layer.bias) * _units(one)),
}

_NORM_PARAMS = Part("params of norms, once", _params_per_image)
_OWN_PARAMS = Rule((), "a parameter beside modules", "a module of its own", _params)


def _is_pointwise(layer: Conv2d) -> Any:
    """Whether a linear layer does the same, and has a bias as those have."""
    found: Any = layer.bias & (layer.groups == 1)
    for size in (*both(layer.kernel), *both(layer.stride)):
        found = found & (size == 1)
    return found if is_same(layer.padding) else found & (sum(sides(layer.padding)) == 0)


def _pointwise_params(one: Counted) -> Any:
    """A convolution that may be a linear layer over positions: then its params once."""
    as_linear = _params(one) + _left_out(one)
    return _bias(one) + _is_pointwise(one.layer) * (as_linear - _bias(one))


def _batch_norm_params(one: Counted) -> Any:
    """Positions of a sequence are joined with the batch, like axes in front of an image."""
    if _axis(one) == -3:
        return _params_per_image(one)
    return one.batch * product(one.output.shape[:-1]) * one.work.params


def _turned_batch_norm_params(one: Counted) -> Any:
    return _params(one) if len(one.inputs[0].shape) == 2 else _batch_norm_params(one)


TORCHINFO: Rules = {
    **TORCH,
    Conv2d: Rule((_BIAS,), "nn.Conv2d", "nn.Linear over positions", _pointwise_params),
    DepthwiseConv2d: Rule((_BIAS,)),
    ConvTranspose2d: Rule((_AT_OUTPUTS, _BIAS), not_covered=_CUT, is_beyond=_is_cut),
    Linear: Rule(
        (
            Part(
                "bias at 1 per output",
                lambda one: one.batch * (one.work.params - one.work.weights),
            ),
            Part(
                "linear layers over positions at one of them",
                lambda one: one.batch * (one.work.weights - one.work.mult_adds),
            ),
        )
    ),
    BatchNorm: Rule(
        (Part("batch-norm params, once", _batch_norm_params),),
        "nn.BatchNorm1d over positions joined with the batch",
        "nn.BatchNorm1d over turned axes",
        _turned_batch_norm_params,
        "along another axis it depends on which axes are joined or turned",
        lambda one: _axis(one) not in (-3, -1),
    ),
    LayerNorm: _rule("params of norms, once", _params),
    GroupNorm: Rule((_NORM_PARAMS,)),
    InstanceNorm: Rule((_NORM_PARAMS,)),
    Prelu: Rule(
        (Part("PReLU params, once", _params),),
        "nn.PReLU",
        "a function",
        _none,
        "over sequences and frames it depends on which axes are joined or turned",
        lambda one: (len(one.inputs[0].shape), _axis(one)) not in ((1, -1), (3, -3)),
    ),
    MatMul: Rule((_UNSEEN,)),
    ScaledDotProductAttention: Rule((_UNSEEN,)),
    Attention: Rule(
        (Part("nn.MultiheadAttention at nothing", _left_out),),
        "nn.MultiheadAttention",
        "linear layers and functions",
        lambda one: _params(one) + _left_out(one),
    ),
    Lstm: _rule(
        "recurrent layers at their params in each step",
        lambda one: _recurrent_params(one) + _left_out(one),
    ),
    Gru: _rule(
        "recurrent layers at their params in each step",
        lambda one: _recurrent_params(one) + _left_out(one),
    ),
    Scale: _OWN_PARAMS,
    ClassToken: _OWN_PARAMS,
    PositionEmbedding: _OWN_PARAMS,
    Parameter: _OWN_PARAMS,
    Embedding: _rule("params of embeddings, once", _params),
}

_NOT_HELD = Rule(not_covered="no figure of such a network has been reproduced")

OPENVINO: Rules = {
    **dict.fromkeys(TORCH, _NOT_HELD),
    **dict.fromkeys((Relu6, GlobalAvgPool, Flatten, Reshape, Dropout, Identity), AS_OURS),
    Relu: Rule((), "ReLU6, as in the zoo's MobileNet V1", "ReLU", _outputs),
    **dict.fromkeys(
        (Conv2d, DepthwiseConv2d), _NOT_HELD._replace(is_beyond=lambda one: one.layer.bias)
    ),
    Linear: _NOT_HELD._replace(is_beyond=lambda one: len(one.output.shape) > 1),
    BatchNorm: _rule("folded bias at 1 per element", _outputs),
}
"""What the zoo's MobileNet V1 has. The tool counts operations of a converted graph, which no spec
tells. ReLU at 2 operations: openvinotoolkit/model_analyzer, layer_provider.py@d9fe351."""
