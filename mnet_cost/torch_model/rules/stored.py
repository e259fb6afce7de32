"""Rules of stored tensors, which have no inputs: [1, *shape] (see `emitter.Rule`)."""

from __future__ import annotations

from typing import Any

from mnet_cost.layers.base import both
from mnet_cost.layers.parameters import Parameter
from mnet_cost.layers.stored import ANGLES, Constant, RelativePositionBias, WindowMask
from mnet_cost.torch_model import modules
from mnet_cost.torch_model.emitter import Emitter, Types


def parameter(e: Emitter, layer: Parameter, xs: list[Any], types: Types, outputs: Types) -> Any:
    options = {} if layer.trained is None else {"trained": layer.trained}
    return e.module(modules.Parameter, *layer.shape, **options)()


def constant(e: Emitter, layer: Constant, xs: list[Any], types: Types, outputs: Types) -> Any:
    options = {"base": layer.base} if layer.values in ANGLES else {}
    return e.module(modules.Constant, layer.values, *layer.shape, **options)()


def relative_position_bias(
    e: Emitter, layer: RelativePositionBias, xs: list[Any], types: Types, outputs: Types
) -> Any:
    window = _pair(layer.window)
    signed = layer.distances == "signed"
    return e.module(modules.RelativePositionBias, layer.heads, window, signed=signed)()


def window_mask(e: Emitter, layer: WindowMask, xs: list[Any], types: Types, outputs: Types) -> Any:
    sizes = [_pair(value) for value in (layer.size, layer.window, layer.shift)]
    return e.module(modules.WindowMask, *sizes)()


def _pair(value: Any) -> tuple[int, int]:
    height, width = both(value)
    return height, width
