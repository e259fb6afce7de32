"""Activations: what those of any dialect become.

Fields that have their default are left out. Not here: functions that `elementwise` has by their
name alone (`exp`), which `elementwise.py` maps.
"""

from __future__ import annotations

from math import inf

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import non_default
from mnet_cost.importing.mapping.elementwise import binary, function, known_result, operation
from mnet_cost.importing.mapping.owners import is_trained
from mnet_cost.importing.mapping.values import Unmapped, Value, mixing


def clamp(b: Builder, x: Value, low: float | None, high: float | None) -> Value:
    """min(max(x, low), high), where a bound may be None or infinite, which bounds nothing."""
    low, high = None if low == -inf else low, None if high == inf else high
    for bound, name in ((low, "maximum"), (high, "minimum")):
        if x.known is not None and bound is not None:
            result = known_result(name, (x, Value((), known=(bound,))))
            if result is None:
                raise Unmapped("bounds what is not known")
            x = result
    if x.known is not None or (low is None and high is None):
        return x
    if (low, high) == (0, 6):
        return function(b, x, "relu6")
    if (low, high) == (0, None):
        return function(b, x, "relu")
    return operation(b, x, "clamp", low=low, high=high)


def gelu(b: Builder, x: Value, approximation: str) -> Value:
    """GELU with the error function (`none`) or with a hyperbolic tangent (`tanh`)."""
    if approximation == "none":
        return function(b, x, "gelu")
    if approximation == "tanh":
        return operation(b, x, "gelu_tanh")
    raise Unmapped(f"has the approximation {approximation}")


def leaky_relu(b: Builder, x: Value, slope: float) -> Value:
    """x where above 0, else slope * x."""
    return function(b, x, "leaky_relu", slope=non_default(slope, 0.01))


def elu(b: Builder, x: Value, alpha: float) -> Value:
    """x where above 0, else alpha * (exp(x) - 1)."""
    return operation(b, x, "elu", number=non_default(alpha, 1))


def prelu(b: Builder, x: Value, slope: Value) -> Value:
    """x where above 0, else slope * x: one trained slope, or one for each place of an axis.

    slope [C], or broadcast: [C, 1, 1]. PyTorch's slopes are those of axis 1.
    """
    stored = slope.stored
    if stored is None or not is_trained(stored):
        raise Unmapped("has slopes that are not trained")
    if stored.elements == 1:
        return b.layer("prelu", (x,), x.shape, {"per_channel": False}, owns=[stored])
    places = [i for i, size in enumerate(slope.shape) if size != 1]
    if len(places) != 1:
        raise Unmapped("has slopes for more than one axis")
    axis = 1 if slope.rank == 1 else places[0] - slope.rank
    if x.shape[axis] != stored.elements:
        raise Unmapped(f"has {stored.elements} slopes for {x.shape[axis]} channels")
    return b.layer("prelu", (x,), x.shape, {"axis": x.axis(axis)}, owns=[stored])


def softmax(b: Builder, x: Value, axis: int) -> Value:
    """Shares along an axis."""
    return b.layer("softmax", (x,), x.shape, {"axis": x.axis(axis)})


def log_softmax(b: Builder, x: Value, axis: int) -> Value:
    """The logarithm of shares along an axis."""
    return operation(b, softmax(b, x, axis), "log")


def gated(b: Builder, x: Value, axis: int) -> Value:
    """The first half of an axis times the sigmoid of the second one."""
    place = x.place(axis)
    size = x.shape[place]
    if isinstance(size, Batch):
        raise mixing()
    if size % 2:
        raise Unmapped(f"halves an axis of {size}")
    half = (*x.shape[:place], size // 2, *x.shape[place + 1 :])
    first, second = b.outputs("split", (x,), (half, half), {"parts": 2, "axis": x.axis(place)})
    return binary(b, first, function(b, second, "sigmoid"), "multiply")
