"""Rules of norms and activations (see `emitter.Rule`)."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mnet_cost.layers import Layer
from mnet_cost.layers.activation import LeakyRelu, Prelu, Softmax
from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.norm import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    L2Normalize,
    LayerNorm,
    LocalResponseNorm,
)
from mnet_cost.layers.rms_norm import RmsNorm
from mnet_cost.tensors import TensorType
from mnet_cost.torch_model import modules
from mnet_cost.torch_model.emitter import Emitter, Rule, Types, folded, unfolded

_BATCH_NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d, 4: nn.BatchNorm3d}
"""By the number of axes from the channels on."""


def batch_norm(e: Emitter, layer: BatchNorm, xs: list[Any], types: Types, outputs: Types) -> Any:
    (type_,), axis = types, named_axis(types[0], layer.axis, layer.kind)
    native = layer.is_native(type_)
    trailing = -axis if native else 1
    factory = _BATCH_NORMS[trailing]
    norm = e.module(factory, type_.shape[axis], eps=layer.epsilon, affine=layer.affine)
    if native:
        return unfolded(e, norm(folded(e, xs[0], type_, trailing)), type_, trailing)
    turned = TensorType((*_without(type_.shape, axis), type_.shape[axis]))
    x = folded(e, e.call(torch.movedim, xs[0], axis, -1), turned, 1)
    return e.call(torch.movedim, unfolded(e, norm(x), turned, 1), -1, axis)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    place = len(shape) + axis
    return shape[:place] + shape[place + 1 :]


def layer_norm(e: Emitter, layer: LayerNorm, xs: list[Any], types: Types, outputs: Types) -> Any:
    (type_,), axis = types, named_axis(types[0], layer.axis, layer.kind)
    x = xs[0] if axis == -1 else e.call(torch.movedim, xs[0], axis, -1)
    if layer.affine:
        x = e.module(nn.LayerNorm, type_.shape[axis], eps=layer.epsilon, bias=layer.bias)(x)
    else:
        x = e.call(F.layer_norm, x, (type_.shape[axis],), eps=layer.epsilon)
    return x if axis == -1 else e.call(torch.movedim, x, -1, axis)


def rms_norm(e: Emitter, layer: RmsNorm, xs: list[Any], types: Types, outputs: Types) -> Any:
    (type_,), axis = types, named_axis(types[0], layer.axis, layer.kind)
    x = xs[0] if axis == -1 else e.call(torch.movedim, xs[0], axis, -1)
    if layer.affine:
        x = e.module(nn.RMSNorm, type_.shape[axis], eps=layer.epsilon)(x)
    else:
        x = e.call(F.rms_norm, x, (type_.shape[axis],), eps=layer.epsilon)
    return x if axis == -1 else e.call(torch.movedim, x, -1, axis)


def group_norm(e: Emitter, layer: GroupNorm, xs: list[Any], types: Types, outputs: Types) -> Any:
    (type_,) = types
    return _group_norm(e, xs[0], type_, layer.groups, layer)


def _group_norm(e: Emitter, x: Any, type_: TensorType, groups: int, layer: Any) -> Any:
    own = layer.own_axes(type_)
    channels, *sizes = type_.shape[-own:]
    single = channels // groups * prod(sizes) == 1
    x = folded(e, x, type_, own)
    if layer.affine:
        factory = modules.GroupNormOfOne if single else nn.GroupNorm
        x = e.module(factory, groups, channels, eps=layer.epsilon)(x)
    else:
        function = torch.group_norm if single else F.group_norm
        x = e.call(function, x, groups, eps=layer.epsilon)
    return unfolded(e, x, type_, own)


def instance_norm(
    e: Emitter, layer: InstanceNorm, xs: list[Any], types: Types, outputs: Types
) -> Any:
    (type_,) = types
    return _group_norm(
        e, xs[0], type_, type_.shape[-layer.own_axes(type_)], layer
    )  # a group for each channel


def local_response_norm(
    e: Emitter, layer: LocalResponseNorm, xs: list[Any], types: Types, outputs: Types
) -> Any:
    x = folded(e, xs[0], types[0], 3)
    x = e.call(F.local_response_norm, x, layer.size, alpha=layer.alpha, beta=layer.beta, k=layer.k)
    return unfolded(e, x, types[0], 3)


def l2_normalize(
    e: Emitter, layer: L2Normalize, xs: list[Any], types: Types, outputs: Types
) -> Any:
    axis = named_axis(types[0], layer.axis, layer.kind)
    return e.call(F.normalize, xs[0], dim=axis, eps=layer.epsilon)


def activation(function: Callable[..., Any]) -> Rule:
    def rule(e: Emitter, layer: Layer, xs: list[Any], types: Types, outputs: Types) -> Any:
        return e.call(function, xs[0])

    return rule


def leaky_relu(e: Emitter, layer: LeakyRelu, xs: list[Any], types: Types, outputs: Types) -> Any:
    return e.call(F.leaky_relu, xs[0], layer.slope)


def prelu(e: Emitter, layer: Prelu, xs: list[Any], types: Types, outputs: Types) -> Any:
    axis = named_axis(types[0], layer.axis, layer.kind)
    slopes = types[0].shape[axis] if layer.per_channel else 1
    axes = -1 - axis if layer.per_channel else 0
    return e.module(modules.PRelu, slopes, axes)(xs[0])


def softmax(e: Emitter, layer: Softmax, xs: list[Any], types: Types, outputs: Types) -> Any:
    return e.call(F.softmax, xs[0], dim=named_axis(types[0], layer.axis, layer.kind))
