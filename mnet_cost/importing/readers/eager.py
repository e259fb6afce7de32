"""What a module of PyTorch runs on inputs of some shapes: its operators, without any elements.

That takes a tenth of the time of an export or less, so it is asked at sizes where nothing but
`the same as before` or `refused` has to be known. `forward` runs on the meta device. Not here:
graphs, which `modules.py` makes.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mnet_cost.importing.runs import View

_SHAPED = frozenset(
    ("expand", "empty", "zeros", "ones", "full", "arange", "linspace", "new_zeros", "new_ones",
     "new_full", "new_empty", "empty_strided", "new_empty_strided")
)  # fmt: skip
"""Operators whose numbers are sizes of their outputs, which may be others for other inputs."""

_VIEWS = frozenset(("view", "_unsafe_view", "_reshape_alias"))
"""Operators that give the same elements another shape."""


_MOVES = frozenset(("permute", "transpose", "t"))
"""Operators that only change the order of axes, which their numbers say: on a square image an axis
is as long as another one by chance."""


def operators_at(
    module: torch.nn.Module,
    shapes: Mapping[str, Sequence[int]],
    dtypes: Mapping[str, str] | None = None,
) -> tuple[Hashable, ...] | None:
    """The operators that `forward` runs, in their order, with what they do to their axes.

    That is which axes stay as long as they are, and the numbers that they are given, without sizes
    that only say how large an output is. What reshapes has its shapes instead (`View`). `shapes`
    has the shape of each input with the batch in front, by the name of the argument; one input may
    have any name. `dtypes` has types other than `float32`. None where the module raises something.
    """
    recorder = _Recorder()
    inputs = [
        torch.empty(
            tuple(shape), dtype=getattr(torch, (dtypes or {}).get(name, "float32")), device="meta"
        )
        for name, shape in shapes.items()
    ]
    named = {} if len(inputs) == 1 else dict(zip(shapes, inputs, strict=True))
    on_meta = {
        name: tensor.to("meta")
        for name, tensor in (*module.named_parameters(), *module.named_buffers())
    }
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad(), torch.device("meta"), recorder:
            given = () if named else tuple(inputs)
            torch.func.functional_call(module, on_meta, given, named)
    except Exception:  # any code may run here
        return None
    finally:
        module.train(was_training)
    return tuple(recorder.operators)


class _Recorder(TorchDispatchMode):  # type: ignore[misc]
    """Remembers which operators are run."""

    def __init__(self) -> None:
        super().__init__()
        self.operators: list[Hashable] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        named = kwargs or {}
        name = function.overloadpacket.__name__
        output = function(*args, **named)
        x = args[0] if args else None
        if name in _VIEWS and x is not None:
            self.operators.append(View(tuple(x.shape), tuple(output.shape)))
            return output
        numbers = () if name in _SHAPED else _numbers([*args, *named.values()])
        kept = None if name in _MOVES else _kept_axes(x, output)
        self.operators.append((str(function), numbers, kept))
        return output


def _kept_axes(x: Any, output: Any) -> Hashable:
    """Of each axis of a tensor, whether it is as long afterwards."""
    if not isinstance(x, torch.Tensor) or not isinstance(output, torch.Tensor):
        return None
    if x.dim() != output.dim():
        return x.dim(), output.dim()
    return tuple([a == b for a, b in zip(x.shape, output.shape, strict=True)])


def _numbers(value: Any) -> Hashable:
    """What operators are given, with the number of axes of a tensor in its place."""
    if isinstance(value, torch.Tensor):
        return f"{value.dim()} axes"
    if isinstance(value, (list, tuple)):
        return tuple([_numbers(part) for part in value])
    return value if isinstance(value, (int, float, str, bool)) else str(value)
