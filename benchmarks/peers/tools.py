"""The totals of other tools for a torch module: mult-adds, as each of them counts.

One function for each tool, of a module and its inputs by name. torch.utils.flop_counter and fvcore
are asked as their documentation shows. Modules are changed by some tools: give each a new one.
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

    given = list(inputs.values())
    return int(summary(module, input_data=given, verbose=0).total_mult_adds)


def _fvcore(module: nn.Module, inputs: Inputs) -> int:
    from fvcore.nn import FlopCountAnalysis

    found = FlopCountAnalysis(module, tuple(inputs.values()))
    found.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    return int(found.total())


def _ptflops(module: nn.Module, inputs: Inputs) -> int:
    from ptflops import get_model_complexity_info

    given = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    with contextlib.redirect_stdout(io.StringIO()):
        found, _ = get_model_complexity_info(
            module, (1,), backend="aten", as_strings=False, print_per_layer_stat=False,
            input_constructor=lambda _: given,
        )  # fmt: skip
    if found is None:
        raise RuntimeError("ptflops could not run the module")
    return int(found)


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
"""How each tool is asked. torch is asked with gradients and without."""


def version_of(tool: str) -> str:
    """`thop 0.1.1`: the tool and its version without what follows the third number."""
    return f"{tool} {'.'.join(re.findall(r'[0-9]+', version(tool))[:3])}"
