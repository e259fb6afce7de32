"""Layer kinds: one frozen dataclass each, listed in `FAMILIES`.

To add a kind, write its class in the file of its family and one line here. Nothing registers
itself: what the table does not name is not a kind. A file is imported when a kind in it is first
asked for, so kinds that a spec does not use cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mnet_cost.layers.base import Layer, Work

__all__ = ["ALIASES", "FAMILIES", "KINDS", "LAYERS", "SHORT_FORMS", "Layer", "Work", "names_of"]

FAMILIES: Mapping[str, Mapping[str, str]] = {
    "Convolutions": {
        "conv2d": "conv.Conv2d",
        "depthwise_conv2d": "conv.DepthwiseConv2d",
        "conv1d": "conv1d3d.Conv1d",
        "conv3d": "conv1d3d.Conv3d",
        "conv_transpose2d": "conv.ConvTranspose2d",
        "dynamic_conv2d": "dynamic_conv.DynamicConv2d",
        "deform_conv2d": "dynamic_conv.DeformConv2d",
    },
    "Linear layers and matrix products": {
        "linear": "linear.Linear",
        "matmul": "attention.MatMul",
    },
    "Attention": {
        "attention": "attention.Attention",
        "scaled_dot_product_attention": "attention.ScaledDotProductAttention",
    },
    "Recurrent layers": {
        "lstm": "recurrent.Lstm",
        "gru": "recurrent.Gru",
        "rnn": "recurrent.Rnn",
    },
    "Normalization": {
        "batch_norm": "norm.BatchNorm",
        "layer_norm": "norm.LayerNorm",
        "rms_norm": "rms_norm.RmsNorm",
        "group_norm": "norm.GroupNorm",
        "instance_norm": "norm.InstanceNorm",
        "local_response_norm": "norm.LocalResponseNorm",
        "l2_normalize": "norm.L2Normalize",
    },
    "Activations": {
        "relu": "activation.Relu",
        "relu6": "activation.Relu6",
        "leaky_relu": "activation.LeakyRelu",
        "prelu": "activation.Prelu",
        "sigmoid": "activation.Sigmoid",
        "hard_sigmoid": "activation.HardSigmoid",
        "tanh": "activation.Tanh",
        "silu": "activation.Silu",
        "hard_swish": "activation.HardSwish",
        "gelu": "activation.Gelu",
        "softmax": "activation.Softmax",
    },
    "Element by element": {
        "elementwise": "arithmetic.Elementwise",
        "add": "elementwise.Add",
        "multiply": "elementwise.Multiply",
    },
    "Reductions": {
        "reduce": "reduce.Reduce",
        "cumulative": "along.Cumulative",
        "top_k": "along.TopK",
    },
    "Pooling": {
        "max_pool2d": "pool.MaxPool2d",
        "max_pool1d": "pool1d3d.MaxPool1d",
        "max_pool3d": "pool1d3d.MaxPool3d",
        "avg_pool2d": "pool.AvgPool2d",
        "avg_pool1d": "pool1d3d.AvgPool1d",
        "avg_pool3d": "pool1d3d.AvgPool3d",
        "global_avg_pool": "pool.GlobalAvgPool",
        "global_max_pool": "pool.GlobalMaxPool",
        "adaptive_avg_pool2d": "pool.AdaptiveAvgPool2d",
        "adaptive_avg_pool1d": "pool1d3d.AdaptiveAvgPool1d",
        "adaptive_avg_pool3d": "pool1d3d.AdaptiveAvgPool3d",
        "adaptive_max_pool2d": "pool.AdaptiveMaxPool2d",
        "adaptive_max_pool1d": "pool1d3d.AdaptiveMaxPool1d",
        "adaptive_max_pool3d": "pool1d3d.AdaptiveMaxPool3d",
    },
    "Stored tensors": {
        "scale": "parameters.Scale",
        "class_token": "parameters.ClassToken",
        "position_embedding": "parameters.PositionEmbedding",
        "embedding": "parameters.Embedding",
        "parameter": "parameters.Parameter",
        "constant": "stored.Constant",
        "relative_position_bias": "stored.RelativePositionBias",
        "window_mask": "stored.WindowMask",
    },
    "Parts and joins": {
        "concat": "elementwise.Concat",
        "split": "select.Split",
        "slice": "select.Slice",
        "take": "select.Take",
        "gather": "gather.Gather",
        "scatter": "gather.Scatter",
    },
    "Other shapes and other orders": {
        "flatten": "reshape.Flatten",
        "reshape": "reshape.Reshape",
        "transpose": "reshape.Transpose",
        "to_sequence": "layout.ToSequence",
        "to_image": "layout.ToImage",
        "channel_shuffle": "layout.ChannelShuffle",
        "pixel_shuffle": "rearrange.PixelShuffle",
        "pixel_unshuffle": "rearrange.PixelUnshuffle",
        "window_partition": "rearrange.WindowPartition",
        "window_merge": "rearrange.WindowMerge",
        "unfold": "rearrange.Unfold",
        "fold": "rearrange.Fold",
        "roll": "rearrange.Roll",
        "flip": "along.Flip",
        "expand_batch": "rearrange.ExpandBatch",
        "pad": "reshape.Pad",
        "resize": "reshape.Resize",
        "grid_sample": "grid_sample.GridSample",
    },
    "No work at inference": {
        "dropout": "reshape.Dropout",
        "identity": "reshape.Identity",
    },
    "Detection": {
        "box_decode": "detection.BoxDecode",
        "non_max_suppression": "detection.NonMaxSuppression",
        "roi_align": "detection.RoiAlign",
        "roi_pool": "detection.RoiPool",
    },
    "Not modelled": {
        "opaque": "opaque.Opaque",
    },
}
"""Every layer kind, in groups: its name, and the file and class that it is in."""

ALIASES: Mapping[str, str] = {
    "lrn": "local_response_norm",
    "mul": "multiply",
    "multi_head_attention": "attention",
    "nms": "non_max_suppression",
}
"""Other names that a spec may use, and the kind that each means."""


SHORT_FORMS: Mapping[str, tuple[str, ...]] = {
    "elementwise": (
        "exp", "log", "sqrt", "rsqrt", "square", "reciprocal", "absolute", "negate", "sign",
        "floor", "ceil", "round", "trunc", "expm1", "log1p", "log2", "log10", "sin", "cos", "tan",
        "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "erf", "softplus",
        "mish", "elu", "selu", "softsign", "log_sigmoid", "gelu_tanh", "hard_tanh", "clamp",
        "logical_not", "is_nan", "is_infinite", "bitwise_not", "subtract", "divide", "power",
        "minimum", "maximum", "modulo", "equal", "not_equal", "less", "less_or_equal", "greater",
        "greater_or_equal", "logical_and", "logical_or", "logical_xor", "bitwise_and",
        "bitwise_or", "bitwise_xor", "add_product", "select",
    ),
}  # fmt: skip
"""Words that a spec may use for a kind with one of its operations; see `short_forms.py`."""


class _Kinds(Mapping[str, type[Layer]]):
    """The class of each kind by its names, imported when it is asked for."""

    def __init__(self) -> None:
        places = {kind: place for kinds in FAMILIES.values() for kind, place in kinds.items()}
        self._places = places | {alias: places[kind] for alias, kind in ALIASES.items()}
        self._places |= {word: "" for words in SHORT_FORMS.values() for word in words}
        self._imported: dict[str, type[Layer]] = {}

    def __getitem__(self, name: str) -> type[Layer]:
        kind = self._imported.get(name)
        if kind is None:
            module, _, class_name = self._places[name].partition(".")
            if module:
                kind = getattr(import_module(f"mnet_cost.layers.{module}"), class_name)
            else:
                kind = import_module("mnet_cost.layers.short_forms").short_form(name)
            assert kind is not None
            self._imported[name] = kind
        return kind

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


KINDS: Mapping[str, type[Layer]] = _Kinds()
"""The layer kind for each name that a spec may use: kinds, aliases and short forms."""

if TYPE_CHECKING:
    LAYERS: tuple[type[Layer], ...]
    """The class of every layer kind, in the order of `FAMILIES`."""


def __getattr__(name: str) -> Any:
    if name == "LAYERS":  # imports all of them
        layers = tuple(KINDS[kind] for kinds in FAMILIES.values() for kind in kinds)
        globals()["LAYERS"] = layers
        return layers
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def names_of(kind: str) -> tuple[str, ...]:
    """The names of a kind: its own, and its aliases."""
    return (kind, *[alias for alias, meant in ALIASES.items() if meant == kind])
