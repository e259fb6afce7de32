"""Activations of Keras: layers, functions, and those that are an argument of a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnet_cost.importing.mapping import activations as family
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import binary, function, number, operation
from mnet_cost.importing.mapping.keras.parameters import (
    argument,
    flag,
    real,
    stored,
)
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.operands import axis_of, is_image, made
from mnet_cost.importing.mapping.values import Unmapped, Value


def _kind(name: str) -> Callable[[Builder, Value], Value]:
    return lambda b, x: function(b, x, name)


def _operation(name: str) -> Callable[[Builder, Value], Value]:
    return lambda b, x: operation(b, x, name)


def _hard_sigmoid(b: Builder, x: Value) -> Value:
    """relu6(x + 3) / 6, which was 0.2 * x + 0.5 between 0 and 1 before Keras 3."""
    if b.graph.versions.get("", 3) >= 3:
        return function(b, x, "hard_sigmoid")
    scaled = operation(b, x, "multiply", number=0.2)
    return family.clamp(b, operation(b, scaled, "add", number=0.5), 0, 1)


_FUNCTIONS: Mapping[str, Callable[[Builder, Value], Value]] = {
    "linear": lambda b, x: x,
    "relu": lambda b, x: family.clamp(b, x, 0, None),
    "relu6": lambda b, x: family.clamp(b, x, 0, 6),
    "sigmoid": _kind("sigmoid"),
    "tanh": _kind("tanh"),
    "silu": _kind("silu"),
    "swish": _kind("silu"),
    "gelu": lambda b, x: family.gelu(b, x, "none"),
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _kind("hard_swish"),
    "hard_swish": _kind("hard_swish"),
    "elu": lambda b, x: family.elu(b, x, 1),
    "selu": _operation("selu"),
    "softplus": _operation("softplus"),
    "exponential": _operation("exp"),
    "mish": _operation("mish"),
    "leaky_relu": lambda b, x: family.leaky_relu(b, x, 0.2),
}


def activated(b: Builder, x: Value, activation: Any, axis: int) -> Value:
    """x with the activation that a layer has as an argument; `axis` has the channels.

    A function that somebody has registered is none that is known by its name.
    """
    if activation is None:
        return x
    name = _name(activation)
    if name == "softmax":
        return family.softmax(b, x, axis)
    if name == "log_softmax":
        return family.log_softmax(b, x, axis)
    if name not in _FUNCTIONS:
        raise Unmapped(f"has the activation `{name[:60]}`")
    return _FUNCTIONS[name](b, x)


def _name(activation: Any) -> str:
    """The name of a function: that of its class or its package where it is none of Keras."""
    if not isinstance(activation, dict):
        return str(activation)
    name = activation.get("config")
    if isinstance(name, dict):
        name = name.get("name")
    own = activation.get("module") in (None, "builtins", "keras.activations")
    if own and activation.get("registered_name") in (None, name, "function"):
        return str(name)
    return str(activation.get("registered_name") or activation.get("class_name"))


def activation(b: Builder, call: Call) -> Value:
    """Activation."""
    axis = 1 if is_image(call, 0) else -1
    return _made(b, call, activated(b, call.input(0), argument(call, "activation"), axis))


def _made(b: Builder, call: Call, value: Value) -> Value:
    return made(b, call, value, is_image=is_image(call, 0))


def relu(b: Builder, call: Call) -> Value:
    """ReLU, with a largest value, a slope below 0, or a bound that is not 0."""
    x = call.input(0)
    slope = real(call, "negative_slope", 0.0)
    most = argument(call, "max_value")
    most = None if most is None else real(call, "max_value", 0.0)
    if real(call, "threshold", 0.0) or (slope and most is not None):
        raise Unmapped("has a threshold, or a slope and a largest value")
    result = family.leaky_relu(b, x, slope) if slope else family.clamp(b, x, 0, most)
    return _made(b, call, result)


def leaky_relu(b: Builder, call: Call) -> Value:
    """LeakyReLU."""
    name = "negative_slope" if argument(call, "negative_slope") is not None else "alpha"
    return _made(b, call, family.leaky_relu(b, call.input(0), real(call, name, 0.3)))


def elu(b: Builder, call: Call) -> Value:
    """ELU."""
    return _made(b, call, family.elu(b, call.input(0), real(call, "alpha", 1.0)))


def prelu(b: Builder, call: Call) -> Value:
    """PReLU: a slope for each element, or one along each of `shared_axes`."""
    x = call.input(0)
    shared = argument(call, "shared_axes", [])
    if not isinstance(shared, list) or any(type(axis) is not int for axis in shared):
        raise Unmapped("has no axes as `shared_axes`")
    places = {axis_of(call, 0, axis) for axis in shared}
    sizes = [1 if place in places else size for place, size in enumerate(x.shape)][1:]
    slope = stored(call, "alpha", sizes)
    if sum(size != 1 for size in sizes) <= 1:
        return _made(b, call, family.prelu(b, x, slope))
    above, below = family.clamp(b, x, 0, None), binary(b, x, number(0), "minimum")
    return _made(b, call, binary(b, above, binary(b, below, slope, "multiply"), "add"))


def softmax(b: Builder, call: Call) -> Value:
    """Softmax along one axis."""
    axis = argument(call, "axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if type(axis) is not int:
        raise Unmapped("has shares along several axes")
    return _made(b, call, family.softmax(b, call.input(0), axis_of(call, 0, axis)))


def gelu(b: Builder, call: Call) -> Value:
    """The function gelu, which is by tanh unless it says otherwise."""
    by = "tanh" if flag(call, "approximate", default=True) else "none"
    return _made(b, call, family.gelu(b, call.input(0), by))


def _named(name: str) -> Rule:
    return lambda b, call: _made(b, call, _FUNCTIONS[name](b, call.input(0)))


RULES: Mapping[str, Rule] = {
    "Activation": activation,
    "ReLU": relu,
    "LeakyReLU": leaky_relu,
    "PReLU": prelu,
    "ELU": elu,
    "Softmax": softmax,
    "ops.Relu": _named("relu"),
    "ops.Relu6": _named("relu6"),
    "ops.Sigmoid": _named("sigmoid"),
    "ops.Tanh": _named("tanh"),
    "ops.Silu": _named("silu"),
    "ops.Gelu": gelu,
    "ops.HardSigmoid": _named("hard_sigmoid"),
    "ops.HardSilu": _named("hard_silu"),
    "ops.HardSwish": _named("hard_silu"),
    "ops.Elu": elu,
    "ops.Selu": _named("selu"),
    "ops.Softplus": _named("softplus"),
    "ops.Softmax": softmax,
    "ops.Mish": _named("mish"),
}
