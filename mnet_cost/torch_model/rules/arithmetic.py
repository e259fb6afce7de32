"""The rule of functions of each element (see `emitter.Rule`)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from mnet_cost.layers.arithmetic import OPERATIONS, Elementwise
from mnet_cost.torch_model.emitter import Emitter, Types, aligned

_INFIX: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "multiply": operator.mul,
    "subtract": operator.sub,
    "divide": operator.truediv,
}
"""Functions that have a sign in Python, which also takes a number in front."""


def elementwise(e: Emitter, layer: Elementwise, xs: list[Any], types: Types, outputs: Types) -> Any:
    name, number = layer.operation, layer.number
    xs = aligned(e, xs, types)
    if name == "select":
        condition, then, otherwise = xs
        return e.call(torch.where, e.call(operator.gt, condition, 0), then, otherwise)
    options: dict[str, Any] = {}
    if name == "clamp":
        bounds = {"min": layer.low, "max": layer.high}
        options = {bound: value for bound, value in bounds.items() if value is not None}
    elif number is not None and name in ("minimum", "maximum"):
        # torch has both for tensors alone.
        return e.call(torch.clamp, *xs, **{"max" if name == "minimum" else "min": number})
    elif number is not None and name == "elu":
        options = {"alpha": number}
    elif number is not None and name == "add_product":
        options = {"value": number}
    elif number is not None:
        xs = [number, *xs] if layer.reversed else [*xs, number]
    elif name == "gelu_tanh":
        options = {"approximate": "tanh"}
    if name in _INFIX:
        return e.call(_INFIX[name], *xs)
    torch_name = OPERATIONS[name].torch
    return e.call(getattr(F, torch_name, None) or getattr(torch, torch_name), *xs, **options)
