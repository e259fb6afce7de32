"""The totals of other tools for a torch module: mult-adds, as each tool counts them.

There is a function for each tool, which takes a module and its inputs by name. torch's counter and
fvcore are called as their documentation shows. Some tools change the module: give each a new one.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from importlib.metadata import version

import torch
from torch import Tensor, nn

Inputs = dict[str, Tensor]
Counter = Callable[[nn.Module, Inputs], int]


def _thop(module: nn.Module, inputs: Inputs) -> int:
    from thop import profile

    return int(profile(module, inputs=tuple(inputs.values()), verbose=False)[0])


def _torchinfo(module: nn.Module, inputs: Inputs) -> int:
    from torchinfo import summary

    return int(summary(module, input_data=[*inputs.values()], verbose=0).total_mult_adds)


def _fvcore(module: nn.Module, inputs: Inputs) -> int:
    from fvcore.nn import FlopCountAnalysis

    flops = FlopCountAnalysis(module, tuple(inputs.values()))
    flops.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    return int(flops.total())


def _ptflops(module: nn.Module, inputs: Inputs) -> int:
    from ptflops import get_model_complexity_info

    arguments = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    with contextlib.redirect_stdout(io.StringIO()):
        mult_adds, _ = get_model_complexity_info(
            module, (1,), backend="aten", as_strings=False, print_per_layer_stat=False,
            input_constructor=lambda _: arguments,
        )  # fmt: skip
    if mult_adds is None:
        raise RuntimeError("ptflops could not run the module")
    return int(mult_adds)


def _torch(module: nn.Module, inputs: Inputs) -> int:
    """Half of its FLOPs: it counts 2 for a mult-add."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        module(*inputs.values())
    flops = counter.get_total_flops()
    if flops % 2:
        raise RuntimeError("an odd number of FLOPs")
    return flops // 2


def _torch_without_gradients(module: nn.Module, inputs: Inputs) -> int:
    with torch.no_grad():
        return _torch(module, inputs)


COUNTERS: dict[str, tuple[Counter, ...]] = {
    "torch": (_torch, _torch_without_gradients),
    "fvcore": (_fvcore,),
    "ptflops": (_ptflops,),
    "thop": (_thop,),
    "torchinfo": (_torchinfo,),
}
"""The counters of each tool: torch's depends on whether gradients are on."""


def version_of(tool: str) -> str:
    """The tool and the first three numbers of its version: `thop 0.1.1`."""
    return f"{tool} {'.'.join(re.findall(r'[0-9]+', version(tool))[:3])}"
