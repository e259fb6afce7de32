"""Operators of ONNX that move elements, and those that calculate with shapes."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat, take, transpose
from mnet_cost.importing.mapping.values import Unmapped, Value


def shape(b: Builder, call: Call) -> Value:
    """Shape: sizes as known numbers."""
    x = call.input(0)
    sizes = x.shape[call.get("start", 0) : call.get("end", None)]
    return Value((len(sizes),), "int64", known=sizes, static=True)


def reshape(b: Builder, call: Call) -> Value:
    """Reshape: 0 stands for the size of the input, -1 for what remains."""
    x, target = call.input(0), call.input(1).known
    if target is None:
        raise Unmapped("has a shape that is not known")
    sizes = [
        x.shape[i] if size == 0 and not call.get("allowzero", 0) else size
        for i, size in enumerate(target)
    ]
    return b.reshaped_to(x, sizes)


def flatten(b: Builder, call: Call) -> Value:
    """Flatten: into two axes, cut in front of `axis`."""
    x = call.input(0)
    axis = call.get("axis", 1)
    if axis != 1 or x.batch_axis not in (0, None):
        raise Unmapped("joins other axes than those behind the first")
    return b.reshaped_to(x, (x.shape[0], -1))


def gather(b: Builder, call: Call) -> Value:
    """Gather with one known index."""
    index = call.input(1)
    if index.number is None or index.rank:
        raise Unmapped("has indices that are not one known number")
    return take(b, call.input(0), call.get("axis", 0), index.number)


RULES: Mapping[str, Rule] = {
    "Shape": shape,
    "Reshape": reshape,
    "Flatten": flatten,
    "Gather": gather,
    "Transpose": lambda b, call: transpose(
        b, call.input(0), call.get("perm", range(call.input(0).rank)[::-1])
    ),
    "Concat": lambda b, call: concat(
        b, [x for x in call.inputs if x is not None], call.get("axis", 0)
    ),
    "Identity": lambda b, call: call.input(0),
}
