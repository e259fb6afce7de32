"""What eager PyTorch says of a network: params, mult-adds and the shape of its output.

Nothing here knows mnet_cost: operators are counted where the dispatcher of torch runs them, on the
meta device, in evaluation mode.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_aten = torch.ops.aten


class Eager(NamedTuple):
    """What a network is in eager PyTorch, with one example."""

    params: int
    mult_adds: int
    output: tuple[int, ...]
    """With the batch."""


class MultAdds(TorchDispatchMode):  # type: ignore[misc]
    """Counts the mult-adds of convolutions and products of matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        output = function(*args, **(kwargs or {}))
        self.total += _mult_adds(function.overloadpacket, args, output)
        return output


def _mult_adds(operator: Any, args: Any, output: Any) -> int:
    if operator == _aten.convolution:
        x, kernel, is_transposed = args[0], args[1], args[6]
        return int((x if is_transposed else output).numel() * kernel.numel() // kernel.shape[0])
    if operator == _aten.mm:
        return int(output.numel() * args[0].shape[-1])
    if operator == _aten.addmm:
        return int(output.numel() * args[1].shape[-1])
    if operator == _aten.bmm:
        return int(output.numel() * args[0].shape[-1])
    if operator == _aten.baddbmm:
        return int(output.numel() * args[1].shape[-1])
    if "scaled_dot" in str(operator):
        query, key, value = args[:3]
        scores = query.numel() // query.shape[-1] * key.shape[-2]
        return int(scores * (query.shape[-1] + value.shape[-1]))
    return 0


def eager(module: torch.nn.Module, shape: tuple[int, ...]) -> Eager:
    """Runs a module on the meta device, on one example: `shape` has no batch."""
    module = module.eval()
    counter = MultAdds()
    with torch.no_grad(), counter:
        output = module(torch.empty((1, *shape), device="meta"))
    while isinstance(output, (tuple, list)):
        output = output[0]
    params = sum(parameter.numel() for parameter in module.parameters())
    return Eager(params, counter.total, tuple(output.shape))
