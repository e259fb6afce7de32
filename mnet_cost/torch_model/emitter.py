"""The interface between the rules of layers and what is built from them.

A rule is written once and calls an `Emitter`: that of `graph.py` makes nodes of a torch.fx graph,
that of `source/record.py` records calls, which become lines of Python. What stands for a tensor, a
value, is the emitter's own: a node, or a `RecordedValue`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch

from mnet_cost.tensors import TensorType


class Emitter(Protocol):
    """What a rule calls functions and makes modules with, for one layer at a time."""

    reused: bool
    """Whether the layer's module is called elsewhere, too, perhaps with inputs of other sizes."""

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The value of a call of a function of torch or of `modules.py`.

        `arguments` and `options` are values, tuples of values, and constants.
        """

    def module(
        self, factory: Callable[..., Any], *arguments: Any, **options: Any
    ) -> Callable[..., Any]:
        """Make the layer's module, `factory(*arguments, **options)`; a layer has one at most.

        Returns a function that takes values, and constants by name, and returns the value of a call
        of the module.
        """


Types = tuple[TensorType, ...]
Rule = Callable[[Emitter, Any, list[Any], Types, Types], Any]
"""(emitter, layer, values of its inputs, their types, types of its outputs) -> value, or values.

A tensor is [N, *shape]: types leave the axis of the batch out.
"""


def folded(e: Emitter, x: Any, type_: TensorType, trailing: int) -> Any:
    """x, [N, *shape] for `type_`, with all axes but the last `trailing` ones joined with N."""
    extra = len(type_.shape) - trailing
    return x if extra == 0 else e.call(torch.flatten, x, 0, extra)


def unfolded(e: Emitter, x: Any, type_: TensorType, trailing: int) -> Any:
    """x with the axes that `folded` joined apart again: [N, *shape] for `type_`."""
    leading = type_.shape[:-trailing]
    return e.call(torch.unflatten, x, 0, (-1, *leading)) if leading else x


def aligned(e: Emitter, xs: list[Any], types: Types) -> list[Any]:
    """`xs` with axes of size 1 behind N, so that all have equally many: torch then aligns the axes
    of examples from the last on, and never N with one of them."""
    rank = max(len(type_.shape) for type_ in types)
    level = []
    for x, type_ in zip(xs, types, strict=True):
        for _ in range(rank - len(type_.shape)):
            x = e.call(torch.unsqueeze, x, 1)
        level.append(x)
    return level
