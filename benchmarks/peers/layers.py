"""Small modules of every kind of layer, as people write them with torch and torchvision.

A case is a spec and one or more modules that are the same network, each with a few words that say
how it is written. Where tools count the forms differently, a convention assumes the first. What no
library has (a trained vector that is added, say) is written here as people write it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torchvision.ops
from torch import Tensor, nn
from torch.nn import functional as F

MakeModule = Callable[[], nn.Module]


class Case(NamedTuple):
    """One network of few layers."""

    inputs: Mapping[str, tuple[int, ...]]
    """Shapes of one example."""
    layers: str
    """The spec's `layers`, in YAML."""
    forms: dict[str, MakeModule]
    """What makes the module, by the words for how it is written."""
    dtype: torch.dtype = torch.float32
    batched: bool = True


class FunctionModule(nn.Module):
    """A module that calls a function of one to four tensors."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(
        self, x: Tensor, y: Tensor | None = None, z: Tensor | None = None, w: Tensor | None = None
    ) -> Tensor:
        return self.function(*[tensor for tensor in (x, y, z, w) if tensor is not None])


class TrainedTensor(nn.Module):
    """A module that calls a function of its input and a trained tensor.

    `alone`: without a child module, which some tools count in another way.
    """

    def __init__(
        self, shape: tuple[int, ...], function: Callable[..., Tensor], alone: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape))
        self.function = function
        if not alone:
            self.rest = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self.weight)


class ConstantKernel(nn.Module):
    """A module that calls a function of its input and a buffer, as timm's BlurPool2d does."""

    def __init__(
        self, shape: tuple[int, ...], function: Callable[[Tensor, Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.ones(shape))
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self.get_buffer("kernel"))


class StoredQuery(nn.Module):
    """A linear layer on as many trained numbers, repeated to [5, 12], added to the input."""

    def __init__(self, trained: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(trained))
        self.query = nn.Linear(12, 12)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.weight.repeat(9)[:60].view(5, 12)
        query: Tensor = self.query(rows[None])
        return x + query


class SelfAttention(nn.Module):
    """torch's MultiheadAttention of a sequence to itself, or to a context."""

    def __init__(
        self, width: int, heads: int, context: int | None = None, bias: bool = True
    ) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(
            width, heads, bias=bias, batch_first=True, kdim=context, vdim=context
        )

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        context = x if y is None else y
        mixed: Tensor = self.inner(x, context, context, need_weights=False)[0]
        return mixed


class BiasedAttention(SelfAttention):
    """torch's MultiheadAttention with a bias of scores for each example and head."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        assert y is not None
        bias = y.flatten(0, 1)
        mixed: Tensor = self.inner(x, x, x, need_weights=False, attn_mask=bias)[0]
        return mixed


class LinearAttention(nn.Module):
    """Attention as timm and many others write it: one projection for query, keys and values."""

    def __init__(self, width: int, heads: int, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        by_head = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = by_head.unbind(0)
        if self.fused:
            mixed = F.scaled_dot_product_attention(query, key, value)
        else:
            scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
            mixed = scores.softmax(-1) @ value
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected


def _split_heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


AttentionFunction = Callable[..., Tensor]
"""Of query, key, value, and perhaps a bias of scores."""


def _fused_attention(heads: int, kv_heads: int | None = None) -> AttentionFunction:
    def function(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
        query = _split_heads(query, heads)
        key, value = (_split_heads(x, kv_heads or heads) for x in (key, value))
        grouped = kv_heads is not None
        mixed = F.scaled_dot_product_attention(query, key, value, bias, enable_gqa=grouped)
        return mixed.transpose(-3, -2).flatten(-2)

    return function


def _plain_attention(heads: int, kv_heads: int | None = None) -> AttentionFunction:
    def function(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
        query = _split_heads(query, heads)
        key, value = (_split_heads(x, kv_heads or heads) for x in (key, value))
        if kv_heads is not None:
            key, value = (x.repeat_interleave(heads // kv_heads, -3) for x in (key, value))
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
        scores = scores if bias is None else scores + bias
        return (scores.softmax(-1) @ value).transpose(-3, -2).flatten(-2)

    return function


def _with_channels_last(inner: nn.Module) -> nn.Module:
    return nn.Sequential(
        FunctionModule(_channels_to_end), inner, FunctionModule(_channels_to_front)
    )


def _channels_to_end(x: Tensor) -> Tensor:
    return x.movedim(-3, -1).contiguous()  # as a layer norm leaves it


def _channels_to_front(x: Tensor) -> Tensor:
    return x.movedim(-1, -3)


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of an image, as in torchvision's ConvNeXt and in timm."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


def _joined_frames(make: MakeModule) -> MakeModule:
    """A module that joins frames of images with the batch, as torch's modules want it."""
    return lambda: nn.Sequential(
        nn.Flatten(0, 1), make(), FunctionModule(lambda x: x.unflatten(0, (-1, 2)))
    )


class CalledTwice(nn.Module):
    """One module, applied again to its own result."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.inner(F.relu(self.inner(x)))
        return output


class OfTwo(nn.Module):
    """A module of an image and what belongs to its positions."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor, y: Tensor, z: Tensor | None = None) -> Tensor:
        output: Tensor = self.inner(x, y, z)
        return output


class DeformedBySampling(nn.Module):
    """A deformable convolution of 3x3 taps as a product of sampled elements; samples alone count
    nothing, so the places where they lie are made up."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.inner = nn.Conv2d(9 * channels_in, channels, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        grid = y.unflatten(1, (-1, 2))[:, :9].movedim(2, -1).flatten(1, 2)
        sampled = F.grid_sample(x, grid, align_corners=False)
        output: Tensor = self.inner(sampled.unflatten(2, (9, -1)).flatten(1, 2))
        return output


class LastState(nn.Module):
    """The last state of a recurrent module."""

    def __init__(self, inner: nn.LSTM) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        state: Tensor = self.inner(x)[1][0][-1]
        return state


def _permuted(inner: nn.Module) -> nn.Module:
    return nn.Sequential(FunctionModule(lambda x: x.mT), inner, FunctionModule(lambda x: x.mT))


def _joined_positions(inner: nn.Module) -> nn.Module:
    """Positions of a sequence of 5 joined with the batch."""
    return nn.Sequential(nn.Flatten(0, 1), inner, FunctionModule(lambda x: x.unflatten(0, (-1, 5))))


def _rectified(x: Tensor, slopes: Tensor) -> Tensor:
    return torch.where(x > 0, x, x * slopes)


def _convolved_each(x: Tensor, kernel: Tensor) -> Tensor:
    joined = F.conv2d(x.flatten(0, 1)[None], kernel.flatten(0, 1), padding=1, groups=len(x))
    return joined[0].unflatten(0, (len(x), -1))


def _shuffled(x: Tensor) -> Tensor:
    return x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


def _windows(x: Tensor) -> Tensor:
    """Windows of [3, 5], each a sequence, of images [N, 8, 6, 10]."""
    return x.view(-1, 8, 2, 3, 2, 5).permute(0, 2, 4, 3, 5, 1).reshape(-1, 4, 15, 8)


def _merged(x: Tensor) -> Tensor:
    """What `_windows` does, undone."""
    return x.view(-1, 2, 2, 3, 5, 8).permute(0, 5, 1, 3, 2, 4).reshape(-1, 8, 6, 10)


def _suppressed(boxes: Tensor, scores: Tensor) -> Tensor:
    best = torchvision.ops.nms(boxes[0], scores[0], 0.5)[:3]
    return boxes[:, best]


def _regions(pool: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda maps, boxes: pool(maps, [boxes[0]], (2, 2))


def _decoded(x: Tensor) -> Tensor:
    centers, sizes = x[..., :2] * 0.1 + 0.5, (x[..., 2:] * 0.2).exp()
    return torch.cat((centers - sizes / 2, centers + sizes / 2), -1)


IMAGE = {"x": (8, 6, 10)}
FRAMES = {"x": (2, 8, 6, 10)}
SEQUENCE = {"x": (5, 12)}
SIGNAL = {"x": (4, 11)}
VOLUME = {"x": (4, 5, 7, 8)}


def _with_bias(x: Tensor, table: Tensor) -> Tensor:
    """Scores with a number for each head and each pair of 4 positions, looked up in a table."""
    index = torch.zeros(16, dtype=torch.int64)
    return x + table[index].view(4, 4, 2).permute(2, 0, 1)


def _module(layers: str, inputs: Mapping[str, tuple[int, ...]], make: MakeModule) -> Case:
    return Case(inputs, layers, {"module": make})


def _function(
    layers: str, inputs: Mapping[str, tuple[int, ...]], function: Callable[..., Tensor]
) -> Case:
    return Case(inputs, layers, {"function": lambda: FunctionModule(function)})


def _either(
    layers: str,
    inputs: Mapping[str, tuple[int, ...]],
    make: MakeModule,
    function: Callable[..., Tensor],
) -> Case:
    return Case(inputs, layers, {"module": make, "function": lambda: FunctionModule(function)})


CASES: tuple[Case, ...] = (
    # convolutions
    _module("[{conv2d: {channels: 4, kernel: 3}}]", IMAGE,
            lambda: nn.Conv2d(8, 4, 3, padding=1, bias=False)),
    _module("[{conv2d: {channels: 4, kernel: [3, 1], stride: 2, padding: 0, groups: 2, "
            "bias: true}}]", IMAGE, lambda: nn.Conv2d(8, 4, (3, 1), stride=2, groups=2)),
    _module("[{conv2d: {channels: 4, kernel: 3, padding: [0, 1, 0, 1], stride: 2, bias: true}}]",
            IMAGE, lambda: nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(8, 4, 3, stride=2))),
    _module("[{depthwise_conv2d: {kernel: 3, stride: 2, padding: 1, bias: true}}]", IMAGE,
            lambda: nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8)),
    _module("[{depthwise_conv2d: {kernel: 3, multiplier: 2, padding: 2, dilation: 2}}]", IMAGE,
            lambda: nn.Conv2d(8, 16, 3, padding=2, dilation=2, groups=8, bias=False)),
    _module("[{conv_transpose2d: {channels: 4, kernel: 2, stride: 2, padding: 0}}]",
            {"x": (8, 12, 12)}, lambda: nn.ConvTranspose2d(8, 4, 2, stride=2, bias=False)),
    _module("[{conv_transpose2d: {channels: 6, kernel: 3, stride: 2, padding: 1, "
            "output_padding: 1, groups: 2, bias: true}}]", IMAGE,
            lambda: nn.ConvTranspose2d(8, 6, 3, stride=2, padding=1, output_padding=1, groups=2)),
    _module("[{conv_transpose2d: {channels: 6, kernel: 4, stride: 2, bias: true}}]", IMAGE,
            lambda: nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1)),
    _module("[{conv_transpose2d: {channels: 6, kernel: 3, dilation: 2}}]", IMAGE,
            lambda: nn.ConvTranspose2d(8, 6, 3, padding=2, dilation=2, bias=False)),
    Case(IMAGE, "[{depthwise_conv2d: {kernel: 3, stride: 2, padding: 1, trained: false}}]", {
        "function of a buffer": lambda: ConstantKernel(
            (8, 1, 3, 3), lambda x, w: F.conv2d(x, w, None, 2, 1, 1, 8)),
        "module": lambda: nn.Conv2d(8, 8, 3, 2, 1, groups=8, bias=False).requires_grad_(False),
    }),
    Case(IMAGE, "[{conv_transpose2d: {channels: 4, kernel: 2, stride: 2, trained: false}}]", {
        "function of a buffer": lambda: ConstantKernel(
            (8, 4, 2, 2), lambda x, w: F.conv_transpose2d(x, w, None, 2)),
        "module": lambda: nn.ConvTranspose2d(8, 4, 2, 2, bias=False).requires_grad_(False),
    }),
    Case(IMAGE, "[{conv_transpose2d: {channels: 6, kernel: 3, stride: 2, bias: true}}]", {
        "padding 1, output_padding 1":
            lambda: nn.ConvTranspose2d(8, 6, 3, stride=2, padding=1, output_padding=1),
        "cut": lambda: nn.Sequential(
            nn.ConvTranspose2d(8, 6, 3, stride=2), FunctionModule(lambda x: x[..., :-1, :-1])),
    }),
    Case({"x": (8, 6, 10), "y": (4, 8, 3, 3)}, "[{dynamic_conv2d: {}, from: [x, y]}]",
         {"groups for each example": lambda: FunctionModule(_convolved_each)}),
    Case({"x": (8, 6, 10), "y": (36, 6, 10)},
         "[{deform_conv2d: {channels: 4, kernel: 3, bias: true}, from: [x, y]}]", {
        "torchvision.ops.deform_conv2d":
            lambda: OfTwo(torchvision.ops.DeformConv2d(8, 4, 3, padding=1)),
        "samples and a convolution": lambda: DeformedBySampling(8, 4),
    }),
    Case({"x": (8, 6, 10), "y": (18, 6, 10), "z": (9, 6, 10)},
         "[{deform_conv2d: {channels: 4, kernel: 3}, from: [x, y, z]}]", {
        "torchvision.ops.deform_conv2d":
            lambda: OfTwo(torchvision.ops.DeformConv2d(8, 4, 3, padding=1, bias=False)),
    }),
    # linear
    _module("[{linear: {features: 7}}]", {"x": (12,)}, lambda: nn.Linear(12, 7)),
    _module("[{linear: {features: 7, bias: false}}]", {"x": (12,)},
            lambda: nn.Linear(12, 7, bias=False)),
    Case(SEQUENCE, "[{linear: {features: 7}}]", {
        "module": lambda: nn.Linear(12, 7),
        "of a transposed input": lambda: nn.Sequential(
            FunctionModule(lambda x: x.mT.contiguous().mT), nn.Linear(12, 7)),
    }),
    Case({"x": (3, 5, 12)}, "[{linear: {features: 7}}]", {
        "module": lambda: nn.Linear(12, 7),
        "of a transposed input": lambda: nn.Sequential(
            FunctionModule(lambda x: x.mT.contiguous().mT), nn.Linear(12, 7)),
    }),
    _module("[{linear: {features: 7, bias: false}}]", {"x": (3, 5, 12)},
            lambda: nn.Linear(12, 7, bias=False)),
    # norms
    _module("[batch_norm]", IMAGE, lambda: nn.BatchNorm2d(8)),
    _module("[{batch_norm: {affine: false}}]", IMAGE, lambda: nn.BatchNorm2d(8, affine=False)),
    _module("[batch_norm]", {"x": (12,)}, lambda: nn.BatchNorm1d(12)),
    _module("[layer_norm]", SEQUENCE, lambda: nn.LayerNorm(12)),
    _module("[layer_norm]", {"x": (12,)}, lambda: nn.LayerNorm(12)),
    _module("[{layer_norm: {bias: false}}]", SEQUENCE, lambda: nn.LayerNorm(12, bias=False)),
    _module("[{layer_norm: {affine: false}}]", SEQUENCE,
            lambda: nn.LayerNorm(12, elementwise_affine=False)),
    Case(IMAGE, "[layer_norm]", {
        "of permuted axes": lambda: _with_channels_last(nn.LayerNorm(8)),
        "subclass": lambda: LayerNorm2d(8),
    }),
    _module("[{group_norm: {groups: 2}}]", IMAGE, lambda: nn.GroupNorm(2, 8)),
    _module("[{group_norm: {groups: 2, affine: false}}]", IMAGE,
            lambda: nn.GroupNorm(2, 8, affine=False)),
    Case(IMAGE, "[instance_norm]", {
        "module": lambda: nn.InstanceNorm2d(8),
        "GroupNorm": lambda: nn.GroupNorm(8, 8, affine=False),
    }),
    Case(IMAGE, "[{instance_norm: {affine: true}}]", {
        "module": lambda: nn.InstanceNorm2d(8, affine=True),
        "GroupNorm": lambda: nn.GroupNorm(8, 8),
    }),
    _module("[local_response_norm]", IMAGE, lambda: nn.LocalResponseNorm(5)),
    _function("[l2_normalize]", IMAGE, lambda x: F.normalize(x, dim=1)),
    # activations
    _either("[relu]", IMAGE, nn.ReLU, F.relu),
    _either("[relu6]", IMAGE, nn.ReLU6, F.relu6),
    _either("[leaky_relu]", IMAGE, nn.LeakyReLU, F.leaky_relu),
    Case(IMAGE, "[prelu]", {
        "module": lambda: nn.PReLU(8),
        "function": lambda: TrainedTensor((8,), F.prelu),
    }),
    Case(IMAGE, "[{prelu: {per_channel: false}}]", {
        "module": nn.PReLU,
        "function": lambda: TrainedTensor((1,), F.prelu),
    }),
    _either("[sigmoid]", IMAGE, nn.Sigmoid, torch.sigmoid),
    _either("[hard_sigmoid]", IMAGE, nn.Hardsigmoid, F.hardsigmoid),
    _either("[tanh]", IMAGE, nn.Tanh, torch.tanh),
    _either("[silu]", IMAGE, nn.SiLU, F.silu),
    _either("[hard_swish]", IMAGE, nn.Hardswish, F.hardswish),
    _either("[gelu]", IMAGE, nn.GELU, F.gelu),
    _either("[softmax]", {"x": (12,)}, lambda: nn.Softmax(-1), lambda x: x.softmax(-1)),
    _either("[softmax]", SEQUENCE, lambda: nn.Softmax(-1), lambda x: x.softmax(-1)),
    _either("[softmax]", IMAGE, lambda: nn.Softmax(1), lambda x: x.softmax(1)),
    # pools
    _either("[{max_pool2d: {kernel: 3, stride: 2, padding: 1}}]", IMAGE,
            lambda: nn.MaxPool2d(3, 2, 1), lambda x: F.max_pool2d(x, 3, 2, 1)),
    _either("[{avg_pool2d: {kernel: 2, stride: 2, padding: 0}}]", IMAGE,
            lambda: nn.AvgPool2d(2), lambda x: F.avg_pool2d(x, 2)),
    _either("[{avg_pool2d: {kernel: 3, padding: 1, count_include_pad: true}}]", IMAGE,
            lambda: nn.AvgPool2d(3, 1, 1), lambda x: F.avg_pool2d(x, 3, 1, 1)),
    Case(IMAGE, "[{global_avg_pool: {keep: true}}]", {
        "module": lambda: nn.AdaptiveAvgPool2d(1),
        "function": lambda: FunctionModule(lambda x: F.adaptive_avg_pool2d(x, 1)),
        "mean": lambda: FunctionModule(lambda x: x.mean((2, 3), keepdim=True)),
    }),
    Case({"x": (3, 7, 11)}, "[global_avg_pool]", {
        "module": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        "function": lambda: FunctionModule(lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1)),
        "mean": lambda: FunctionModule(lambda x: x.mean((2, 3))),
    }),
    Case(IMAGE, "[global_max_pool]", {
        "module": lambda: nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten()),
        "function": lambda: FunctionModule(lambda x: x.amax((2, 3))),
    }),
    _either("[{adaptive_avg_pool2d: {size: 2}}]", IMAGE,
            lambda: nn.AdaptiveAvgPool2d(2), lambda x: F.adaptive_avg_pool2d(x, 2)),
    _either("[{adaptive_avg_pool2d: {size: [3, 7]}}]", {"x": (7, 11, 13)},
            lambda: nn.AdaptiveAvgPool2d((3, 7)), lambda x: F.adaptive_avg_pool2d(x, (3, 7))),
    _either("[{adaptive_avg_pool2d: {size: [9, 4]}}]", {"x": (3, 7, 3)},
            lambda: nn.AdaptiveAvgPool2d((9, 4)), lambda x: F.adaptive_avg_pool2d(x, (9, 4))),
    _either("[{adaptive_max_pool2d: {size: 2}}]", IMAGE,
            lambda: nn.AdaptiveMaxPool2d(2), lambda x: F.adaptive_max_pool2d(x, 2)),
    # signals and volumes
    _module("[{conv1d: {channels: 6, kernel: 3, stride: 2, padding: 1, groups: 2, bias: true}}]",
            SIGNAL, lambda: nn.Conv1d(4, 6, 3, 2, 1, groups=2)),
    _module("[{conv1d: {channels: 6, kernel: 1}}]", SIGNAL, lambda: nn.Conv1d(4, 6, 1, bias=False)),
    _module("[{conv3d: {channels: 6, kernel: 3, stride: 2, padding: 1, bias: true}}]",
            VOLUME, lambda: nn.Conv3d(4, 6, 3, 2, 1)),
    _module("[{conv3d: {channels: 4, kernel: [1, 3, 3], padding: [0, 1, 1], groups: 4}}]",
            VOLUME, lambda: nn.Conv3d(4, 4, (1, 3, 3), padding=(0, 1, 1), groups=4, bias=False)),
    _module("[{conv1d: {channels: 6, kernel: 1}}, batch_norm]", SIGNAL,
            lambda: nn.Sequential(nn.Conv1d(4, 6, 1, bias=False), nn.BatchNorm1d(6))),
    _module("[{conv3d: {channels: 6, kernel: 1}}, batch_norm]", VOLUME,
            lambda: nn.Sequential(nn.Conv3d(4, 6, 1, bias=False), nn.BatchNorm3d(6))),
    _module("[{max_pool1d: {kernel: 2, stride: 2, padding: 0}}, {group_norm: {groups: 2}}]", SIGNAL,
            lambda: nn.Sequential(nn.MaxPool1d(2), nn.GroupNorm(2, 4))),
    _module("[{max_pool3d: {kernel: 2, stride: 2, padding: 0}}, {group_norm: {groups: 2}}]", VOLUME,
            lambda: nn.Sequential(nn.MaxPool3d(2), nn.GroupNorm(2, 4))),
    _module("[{conv1d: {channels: 6, kernel: 1}}, global_avg_pool]", SIGNAL,
            lambda: nn.Sequential(nn.Conv1d(4, 6, 1, bias=False), nn.AdaptiveAvgPool1d(1))),
    _module("[{conv3d: {channels: 6, kernel: 1}}, global_avg_pool]", VOLUME,
            lambda: nn.Sequential(nn.Conv3d(4, 6, 1, bias=False), nn.AdaptiveAvgPool3d(1))),
    _either("[{avg_pool1d: {kernel: 2, stride: 2, padding: 0}}]", SIGNAL,
            lambda: nn.AvgPool1d(2), lambda x: F.avg_pool1d(x, 2)),
    _either("[{avg_pool3d: {kernel: 2, stride: 2, padding: 0}}]", VOLUME,
            lambda: nn.AvgPool3d(2), lambda x: F.avg_pool3d(x, 2)),
    _either("[{adaptive_avg_pool1d: {size: 3}}]", SIGNAL,
            lambda: nn.AdaptiveAvgPool1d(3), lambda x: F.adaptive_avg_pool1d(x, 3)),
    _either("[{adaptive_avg_pool3d: {size: [1, 2, 3]}}]", VOLUME,
            lambda: nn.AdaptiveAvgPool3d((1, 2, 3)), lambda x: F.adaptive_avg_pool3d(x, (1, 2, 3))),
    _either("[{adaptive_max_pool1d: {size: 3}}]", SIGNAL,
            lambda: nn.AdaptiveMaxPool1d(3), lambda x: F.adaptive_max_pool1d(x, 3)),
    _either("[{adaptive_max_pool3d: {size: 2}}]", VOLUME,
            lambda: nn.AdaptiveMaxPool3d(2), lambda x: F.adaptive_max_pool3d(x, 2)),
    # attention
    _function("[{matmul: {}, from: [x, y]}]", {"x": (5, 12), "y": (12, 7)}, torch.matmul),
    _function("[{matmul: {transpose_second: true}, from: [x, y]}]",
              {"x": (3, 5, 12), "y": (3, 7, 12)}, lambda x, y: x @ y.mT),
    _function("[{matmul: {}, from: [x, y]}]", {"x": (1, 5, 12), "y": (3, 12, 7)}, torch.matmul),
    _function("[{matmul: {}, from: [x, y]}]", {"x": (3, 5, 12), "y": (1, 12, 7)}, torch.matmul),
    Case({"x": (5, 12), "y": (7, 12), "z": (7, 12)},
         "[{scaled_dot_product_attention: {heads: 2}, from: [x, y, z]}]", {
        "F.scaled_dot_product_attention": lambda: FunctionModule(_fused_attention(2)),
        "products and softmax": lambda: FunctionModule(_plain_attention(2)),
    }),
    Case({"x": (5, 12), "y": (7, 4), "z": (7, 6), "w": (6, 5, 7)},
         "[{scaled_dot_product_attention: {heads: 6, kv_heads: 2}, from: [x, y, z, w]}]", {
        "F.scaled_dot_product_attention": lambda: FunctionModule(_fused_attention(6, 2)),
        "products and softmax": lambda: FunctionModule(_plain_attention(6, 2)),
    }),
    Case({"x": (5, 12), "y": (7, 4), "z": (7, 4), "w": (6, 5, 7)},
         "[{scaled_dot_product_attention: {heads: 6, kv_heads: 2}, from: [x, y, z, w]}]", {
        "F.scaled_dot_product_attention": lambda: FunctionModule(_fused_attention(6, 2)),
        "products and softmax": lambda: FunctionModule(_plain_attention(6, 2)),
    }),
    Case({"x": (5, 12), "y": (2, 5, 5)},
         "[{attention: {heads: 2, score_bias: true}, from: [x, y]}]", {
        "MultiheadAttention": lambda: BiasedAttention(12, 2),
    }),
    Case(SEQUENCE, "[{attention: {heads: 2}}]", {
        "MultiheadAttention": lambda: SelfAttention(12, 2),
        "linear layers and F.scaled_dot_product_attention": lambda: LinearAttention(12, 2, True),
        "linear layers, products and softmax": lambda: LinearAttention(12, 2, False),
    }),
    Case({"x": (5, 12), "y": (7, 10)}, "[{attention: {heads: 2}, from: [x, y]}]", {
        "MultiheadAttention": lambda: SelfAttention(12, 2, 10),
    }),
    # recurrent
    _module("[{lstm: {features: 6}}]", SEQUENCE, lambda: nn.LSTM(12, 6, batch_first=True)),
    _module("[{lstm: {features: 6, layers: 3, bidirectional: true}}]", SEQUENCE,
            lambda: nn.LSTM(12, 6, num_layers=3, bidirectional=True, batch_first=True)),
    _module("[{lstm: {features: 6, projection: 4}}]", SEQUENCE,
            lambda: nn.LSTM(12, 6, proj_size=4, batch_first=True)),
    _module("[{lstm: {features: 6, bias: false}}]", SEQUENCE,
            lambda: nn.LSTM(12, 6, bias=False, batch_first=True)),
    _module("[{gru: {features: 6}}]", SEQUENCE, lambda: nn.GRU(12, 6, batch_first=True)),
    _module("[{gru: {features: 6, layers: 3, bidirectional: true}}]", SEQUENCE,
            lambda: nn.GRU(12, 6, num_layers=3, bidirectional=True, batch_first=True)),
    _module("[{gru: {features: 6, bias: false}}]", SEQUENCE,
            lambda: nn.GRU(12, 6, bias=False, batch_first=True)),
    _module("[{rnn: {features: 6}}]", SEQUENCE, lambda: nn.RNN(12, 6, batch_first=True)),
    _module("[{rnn: {features: 6, layers: 3, bidirectional: true}}]", SEQUENCE,
            lambda: nn.RNN(12, 6, num_layers=3, bidirectional=True, batch_first=True)),
    _module("[{rnn: {features: 6, bias: false, function: relu}}]", SEQUENCE,
            lambda: nn.RNN(12, 6, bias=False, nonlinearity="relu", batch_first=True)),
    # reductions
    *[_function(f"[{{reduce: {{operation: {name}, axes: [height, width]}}}}]", IMAGE, function)
      for name, function in (
          ("mean", lambda x: x.mean((2, 3))), ("sum", lambda x: x.sum((2, 3))),
          ("max", lambda x: x.amax((2, 3))), ("min", lambda x: x.amin((2, 3))),
          ("product", lambda x: x.prod(2).prod(2)),
          ("norm", lambda x: torch.linalg.vector_norm(x, dim=(2, 3))),
          ("variance", lambda x: x.var((2, 3), correction=0)),
          ("deviation", lambda x: x.std((2, 3), correction=0)),
      )],
    _module("[rms_norm]", SEQUENCE, lambda: nn.RMSNorm(12)),
    _module("[{rms_norm: {affine: false}}]", SEQUENCE,
            lambda: nn.RMSNorm(12, elementwise_affine=False)),
    # functions of each element
    _either("[{elementwise: {operation: softplus}}]", IMAGE, nn.Softplus, F.softplus),
    _either("[{elementwise: {operation: mish}}]", IMAGE, nn.Mish, F.mish),
    _either("[{elementwise: {operation: elu}}]", IMAGE, nn.ELU, F.elu),
    _either("[{elementwise: {operation: selu}}]", IMAGE, nn.SELU, F.selu),
    _either("[{elementwise: {operation: softsign}}]", IMAGE, nn.Softsign, F.softsign),
    _either("[{elementwise: {operation: log_sigmoid}}]", IMAGE, nn.LogSigmoid, F.logsigmoid),
    _either("[{elementwise: {operation: clamp, low: 0, high: 1}}]", IMAGE,
            lambda: nn.Hardtanh(0, 1), lambda x: x.clamp(0, 1)),
    _either("[{elementwise: {operation: gelu_tanh}}]", IMAGE, lambda: nn.GELU("tanh"),
            lambda x: F.gelu(x, approximate="tanh")),
    *[_function(f"[{{elementwise: {{operation: {name}}}}}]", IMAGE, function)
      for name, function in (
          ("exp", torch.exp), ("log", torch.log), ("sqrt", torch.sqrt), ("rsqrt", torch.rsqrt),
          ("square", torch.square), ("reciprocal", torch.reciprocal), ("absolute", torch.abs),
          ("negate", torch.neg), ("sign", torch.sign), ("floor", torch.floor),
          ("ceil", torch.ceil), ("round", torch.round), ("sin", torch.sin), ("cos", torch.cos),
          ("erf", torch.erf), ("add, number: 2", lambda x: x + 2),
          ("multiply, number: 2", lambda x: x * 2), ("subtract, number: 2", lambda x: x - 2),
          ("divide, number: 2", lambda x: x / 2), ("power, number: 3", lambda x: x**3),
          ("minimum, number: 2", lambda x: x.clamp(max=2)),
      )],
    *[_function(f"[{{elementwise: {{operation: {name}}}, from: [x, y]}}]",
                {"x": (8, 6, 10), "y": (8, 1, 1)}, function)
      for name, function in (
          ("subtract", torch.sub), ("divide", torch.div), ("power", torch.pow),
          ("minimum", torch.minimum), ("maximum", torch.maximum),
      )],
    _function("[{elementwise: {operation: add_product}, from: [x, y, z]}]",
              {"x": (8, 6, 10), "y": (8, 6, 10), "z": (8, 1, 1)}, torch.addcmul),
    _function("[{elementwise: {operation: select}, from: [x, y, z]}]",
              {"x": (8, 6, 10), "y": (8, 6, 10), "z": (8, 1, 1)},
              lambda x, y, z: torch.where(x > 0, y, z)),
    # several inputs
    _function("[{add: [x, y]}]", {"x": (8, 6, 10), "y": (8, 6, 10)}, torch.add),
    _function("[{multiply: [x, y]}]", {"x": (8, 6, 10), "y": (8, 6, 10)}, torch.mul),
    _function("[{concat: [x, y]}]", {"x": (8, 6, 10), "y": (4, 6, 10)},
              lambda x, y: torch.cat((x, y), 1)),
    # rearranging
    _either("[flatten]", IMAGE, nn.Flatten, lambda x: x.flatten(1)),
    _function("[{reshape: {shape: [4, 120]}}]", IMAGE, lambda x: x.reshape(-1, 4, 120)),
    _function("[{transpose: {axes: [1, 0]}}]", SEQUENCE, lambda x: x.transpose(1, 2)),
    _either("[dropout]", SEQUENCE, nn.Dropout, lambda x: F.dropout(x, training=False)),
    _either("[identity]", SEQUENCE, nn.Identity, lambda x: x),
    _either("[{pad: {padding: 1}}]", IMAGE, lambda: nn.ZeroPad2d(1),
            lambda x: F.pad(x, (1, 1, 1, 1))),
    Case(IMAGE, "[{resize: {scale: 2}}]", {
        "F.interpolate": lambda: FunctionModule(lambda x: F.interpolate(x, scale_factor=2)),
        "Upsample": lambda: nn.Upsample(scale_factor=2),
    }),
    Case(IMAGE, "[{resize: {size: [5, 20], mode: bilinear}}]", {
        "F.interpolate":
            lambda: FunctionModule(lambda x: F.interpolate(x, size=(5, 20), mode="bilinear")),
        "Upsample": lambda: nn.Upsample(size=(5, 20), mode="bilinear"),
    }),
    _function("[{channel_shuffle: {groups: 2}}]", IMAGE, _shuffled),
    Case(IMAGE, "[{resize: {scale: 2, mode: bicubic}}]", {
        "F.interpolate":
            lambda: FunctionModule(lambda x: F.interpolate(x, scale_factor=2, mode="bicubic")),
        "Upsample": lambda: nn.Upsample(scale_factor=2, mode="bicubic"),
    }),
    _either("[{pad: {padding: 1, mode: reflect}}]", IMAGE, lambda: nn.ReflectionPad2d(1),
            lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect")),
    _either("[{pixel_shuffle: {factor: 2}}]", IMAGE, lambda: nn.PixelShuffle(2),
            lambda x: F.pixel_shuffle(x, 2)),
    _either("[{pixel_unshuffle: {factor: 2}}]", IMAGE, lambda: nn.PixelUnshuffle(2),
            lambda x: F.pixel_unshuffle(x, 2)),
    _function("[{roll: {shift: [-1, 2]}}]", IMAGE, lambda x: x.roll((-1, 2), (2, 3))),
    _function("[expand_batch]", IMAGE, lambda x: x.expand(x.shape[0], -1, -1, -1)),
    _function("[{window_partition: {window: [3, 5]}}]", IMAGE, _windows),
    _function("[{window_merge: {window: [3, 5], height: 6}}]", {"x": (4, 15, 8)}, _merged),
    _either("[{unfold: {kernel: 2, stride: 2}}]", IMAGE, lambda: nn.Unfold(2, stride=2),
            lambda x: F.unfold(x, 2, stride=2)),
    _function("[{flip: {axes: [height, width]}}]", IMAGE, lambda x: x.flip(2, 3)),
    _either("[{fold: {size: [4, 6], kernel: 2, stride: 2, padding: 0}}]", {"x": (12, 6)},
            lambda: nn.Fold((4, 6), 2, stride=2), lambda x: F.fold(x, (4, 6), 2, stride=2)),
    _function("[to_sequence]", IMAGE, lambda x: x.flatten(2).transpose(1, 2)),
    _function("[{to_image: {height: 2, width: 3}}]", {"x": (6, 12)},
              lambda x: x.transpose(1, 2).unflatten(-1, (2, 3))),
    # trained tensors
    Case(IMAGE, "[scale]", {
        "beside modules": lambda: TrainedTensor((8, 1, 1), torch.mul),
        "alone": lambda: TrainedTensor((8, 1, 1), torch.mul, alone=True),
    }),
    Case(SEQUENCE, "[class_token]", {
        "beside modules": lambda: TrainedTensor(
            (1, 1, 12), lambda x, w: torch.cat((w.expand(x.shape[0], -1, -1), x), 1)),
        "alone": lambda: TrainedTensor(
            (1, 1, 12), lambda x, w: torch.cat((w.expand(x.shape[0], -1, -1), x), 1), alone=True),
    }),
    Case(SEQUENCE, "[position_embedding]", {
        "beside modules": lambda: TrainedTensor((1, 5, 12), torch.add),
        "alone": lambda: TrainedTensor((1, 5, 12), torch.add, alone=True),
    }),
    Case(SEQUENCE, "[{id: p, parameter: {shape: [5, 12]}}, {add: [x, p]}]", {
        "beside modules": lambda: TrainedTensor((5, 12), torch.add),
        "alone": lambda: TrainedTensor((5, 12), torch.add, alone=True),
    }),
    _function("[{id: c, constant: {shape: [5, 12], values: sine}}, {add: [x, c]}]", SEQUENCE,
              lambda x: x + torch.ones(5, 12)),
    Case({"x": (4, 2, 4, 4)},
         "[{id: b, relative_position_bias: {window: 2, heads: 2}}, {add: [x, b]}]", {
        "beside modules": lambda: TrainedTensor((9, 2), _with_bias),
        "alone": lambda: TrainedTensor((9, 2), _with_bias, alone=True),
    }),
    _function("[{id: m, window_mask: {size: 4, window: 2, shift: 1}}, {add: [x, m]}]",
              {"x": (4, 2, 4, 4)}, lambda x: x + torch.ones(4, 1, 4, 4)),
    # a linear layer on a stored tensor alone runs once, whatever the batch
    _module("[{id: p, parameter: {shape: [5, 12], trained: 7}}, {linear: {features: 12}}, "
            "{add: [x, previous]}]", SEQUENCE, lambda: StoredQuery(7)),
    Case({"x": (5,)}, "[{embedding: {vocabulary: 9, features: 4}}]",
         {"module": lambda: nn.Embedding(9, 4)}, torch.int64),
    # picking
    _function("[{id: parts, split: {parts: 2}}, {add: [parts.0, parts.1]}]", IMAGE,
              lambda x: torch.add(*x.chunk(2, 1))),
    _function("[{slice: {axis: channels, start: 2, stop: 6}}]", IMAGE, lambda x: x[:, 2:6]),
    _function("[{take: {index: 0}}]", SEQUENCE, lambda x: x[:, 0]),
    # at positions, and along an axis
    _function("[{gather: {axis: -1}, from: [x, y]}]", {"x": (8, 10), "y": (8, 3)},
              lambda x, y: x.gather(2, y.long())),
    _function("[{gather: {of: slices, axis: -2, shared: 0}, from: [x, y]}]",
              {"x": (5, 12), "y": (3,)},
              lambda x, y: x.gather(1, y.long()[..., None].expand(-1, -1, 12))),
    _function("[{scatter: {axis: -1, operation: add}, from: [x, y, z]}]",
              {"x": (8, 10), "y": (8, 3), "z": (8, 3)},
              lambda x, y, z: x.scatter_add(2, y.long(), z)),
    _function("[{grid_sample: {}, from: [x, y]}]", {"x": (8, 6, 10), "y": (3, 5, 2)},
              lambda x, y: F.grid_sample(x, y, align_corners=False)),
    _function("[{grid_sample: {mode: nearest}, from: [x, y]}]",
              {"x": (8, 6, 10), "y": (3, 5, 2)},
              lambda x, y: F.grid_sample(x, y, mode="nearest", align_corners=False)),
    _function("[{cumulative: {operation: sum, axis: length}}]", SEQUENCE, lambda x: x.cumsum(1)),
    _function("[{cumulative: {operation: product, axis: length}}]", SEQUENCE,
              lambda x: x.cumprod(1)),
    _function("[{id: best, top_k: {count: 3, axis: length}, from: x}]", SEQUENCE,
              lambda x: x.topk(3, 1)[0]),
    # detection
    _function("[box_decode]", {"x": (6, 4)}, _decoded),
    Case({"x": (6, 4), "y": (6,)}, "[{non_max_suppression: {regions: 3}, from: [x, y]}]",
         {"function": lambda: FunctionModule(_suppressed)}, batched=False),
    Case({"x": (8, 6, 10), "y": (6, 4)}, "[{roi_align: {size: 2}, from: [x, y]}]",
         {"function": lambda: FunctionModule(_regions(torchvision.ops.roi_align))}, batched=False),
    Case({"x": (8, 6, 10), "y": (6, 4)}, "[{roi_pool: {size: 2}, from: [x, y]}]",
         {"function": lambda: FunctionModule(_regions(torchvision.ops.roi_pool))}, batched=False),
    # frames of images
    _module("[{conv2d: {channels: 4, kernel: 3, bias: true}}]", FRAMES,
            _joined_frames(lambda: nn.Conv2d(8, 4, 3, padding=1))),
    _module("[{conv_transpose2d: {channels: 4, kernel: 2, stride: 2, bias: true}}]", FRAMES,
            _joined_frames(lambda: nn.ConvTranspose2d(8, 4, 2, stride=2))),
    _module("[batch_norm]", FRAMES, _joined_frames(lambda: nn.BatchNorm2d(8))),
    _module("[{group_norm: {groups: 2}}]", FRAMES, _joined_frames(lambda: nn.GroupNorm(2, 8))),
    _module("[{instance_norm: {affine: true}}]", FRAMES,
            _joined_frames(lambda: nn.InstanceNorm2d(8, affine=True))),
    Case(FRAMES, "[prelu]", {
        "of joined frames": _joined_frames(lambda: nn.PReLU(8)),
        "slopes of an axis": lambda: TrainedTensor((8, 1, 1), _rectified, alone=True),
    }),
    _module("[{global_avg_pool: {keep: true}}]", FRAMES,
            _joined_frames(lambda: nn.AdaptiveAvgPool2d(1))),
    _module("[{adaptive_avg_pool2d: {size: 4}}]", FRAMES,
            _joined_frames(lambda: nn.AdaptiveAvgPool2d(4))),
    # sequences
    Case(SEQUENCE, "[batch_norm]", {
        "of joined positions": lambda: _joined_positions(nn.BatchNorm1d(12)),
        "of permuted axes": lambda: _permuted(nn.BatchNorm1d(12)),
    }),
    Case(SEQUENCE, "[prelu]", {
        "of permuted axes": lambda: _permuted(nn.PReLU(12)),
        "of joined positions": lambda: _joined_positions(nn.PReLU(12)),
    }),
    _module("[{lstm: {features: 6, output: last}}]", SEQUENCE,
            lambda: LastState(nn.LSTM(12, 6, batch_first=True))),
    _module("[{attention: {heads: 3, bias: false}}]", SEQUENCE,
            lambda: SelfAttention(12, 3, bias=False)),
    # one module, called again
    _module("[{id: c, conv2d: {channels: 8, kernel: 3, bias: true}}, relu, {use: c}]", IMAGE,
            lambda: CalledTwice(nn.Conv2d(8, 8, 3, padding=1))),
    _module("[{id: c, linear: {features: 12}}, relu, {use: c}]", SEQUENCE,
            lambda: CalledTwice(nn.Linear(12, 12))),
    _module("[{id: c, batch_norm: {}}, relu, {use: c}]", IMAGE,
            lambda: CalledTwice(nn.BatchNorm2d(8))),
    # a convolution that may be a linear layer
    Case(IMAGE, "[{conv2d: {channels: 4, kernel: 1, bias: true}}]", {
        "convolution": lambda: nn.Conv2d(8, 4, 1),
        "linear layer over positions": lambda: _with_channels_last(nn.Linear(8, 4)),
    }),
)  # fmt: skip
