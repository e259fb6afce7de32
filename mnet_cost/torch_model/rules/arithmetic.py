"""Rules of functions of each element and of reductions (see `emitter.Rule`)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from mnet_cost.layers.arithmetic import OPERATIONS, Elementwise
from mnet_cost.layers.reduce import Reduce
from mnet_cost.torch_model import modules
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
    if OPERATIONS[name].is_of_bits:
        return e.call(modules.of_bits, name.removeprefix("bitwise_"), *xs)
    if name in _INFIX:
        return e.call(_INFIX[name], *xs)
    operation = OPERATIONS[name]
    function = getattr(F, operation.torch, None) or getattr(torch, operation.torch)
    result = e.call(function, *xs, **options)
    return e.call(torch.where, result, 1.0, 0.0) if operation.is_flag else result


_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "mean": torch.mean,
    "sum": torch.sum,
    "max": torch.amax,
    "min": torch.amin,
    "variance": torch.var,
    "deviation": torch.std,
    "log_sum_exp": torch.logsumexp,
}
_ORDERS = {"norm": 2, "l1": 1}
"""Orders of vector norms."""


def reduce(e: Emitter, layer: Reduce, xs: list[Any], types: Types, outputs: Types) -> Any:
    (x,), places = xs, layer.places(types[0])
    if layer.operation == "product":
        for place in sorted(places):  # the first axis first: others keep their numbers from the end
            x = e.call(torch.prod, x, place, keepdim=layer.keep)
        return x
    if layer.operation in _ORDERS:
        order = _ORDERS[layer.operation]
        return e.call(torch.linalg.vector_norm, x, order, places, keepdim=layer.keep)
    if layer.operation == "sum_square":
        return e.call(torch.sum, e.call(torch.square, x), places, keepdim=layer.keep)
    if layer.operation == "log_sum":
        return e.call(torch.log, e.call(torch.sum, x, places, keepdim=layer.keep))
    options = {"correction": 0} if layer.operation in ("variance", "deviation") else {}
    return e.call(_REDUCTIONS[layer.operation], x, places, keepdim=layer.keep, **options)
