"""What a rule may do, whoever carries it out.

The rules are written once: `graph.py` carries them out as nodes of a torch.fx graph, `source/` as
lines of Python. What stands for a tensor is a node there and a name here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch

from mnet_cost.tensors import TensorType


class Emitter(Protocol):
    """Where the layers of one network are emitted, one after the other."""

    reused: bool
    """Whether the module of the layer at hand has other inputs elsewhere: it cannot be made for the
    sizes of one."""

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What a function of torch or of `modules.py` returns for values and constants."""

    def module(
        self, factory: Callable[..., Any], *arguments: Any, **options: Any
    ) -> Callable[..., Any]:
        """The module of the layer at hand, to be called with values, and constants by name. A layer
        has one at most."""


Types = tuple[TensorType, ...]
Rule = Callable[[Emitter, Any, list[Any], Types, Types], Any]
"""(emitter, layer, its input values, their types, types of its outputs) -> its value or values.

Types are without the batch, as everywhere.
"""


def folded(e: Emitter, x: Any, type_: TensorType, trailing: int) -> Any:
    """x with the axes in front of the last `trailing` joined with the batch."""
    extra = len(type_.shape) - trailing
    return x if extra == 0 else e.call(torch.flatten, x, 0, extra)


def unfolded(e: Emitter, x: Any, type_: TensorType, trailing: int) -> Any:
    """What `folded` did, undone."""
    leading = type_.shape[:-trailing]
    return e.call(torch.unflatten, x, 0, (-1, *leading)) if leading else x
