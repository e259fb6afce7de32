"""An exported ONNX file beside the module: the checker, the names, and onnxruntime's values."""

from __future__ import annotations

import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import onnxruntime
import torch
from oracle import build, examples
from torch import fx
from torch.nn.modules.batchnorm import _BatchNorm

from mnet_cost.layers.detection import NonMaxSuppression
from mnet_cost.network import Network
from mnet_cost.torch_model.export import export_network

TOLERANCE = 1e-3
"""Of the largest value of an output: float32 sums of another order, through a whole network."""

ROUNDING = TOLERANCE / 4
"""The same of float32 against float64: two modules that are each off by more may be off by twice as
much from each other."""

GAINS = (1.0, 0.7, 0.5, 0.3)
"""Of weights, the first under which the module in float32 has the values that it has in float64:
under others rounding alone decides what a deep network gives, and nothing can be compared."""

ROUNDING_ALONE = "rounding alone decides the values of this network"
"""What is said where there is no such gain: often each norm sees but a few values of an image."""

MOST_ROWS = 0.95
"""Of boxes that are kept: at the threshold, rounding decides which one is."""


def stirred(
    network: Network, inputs: tuple[torch.Tensor, ...], gain: float = 1.0
) -> fx.GraphModule:
    """The module with weights under which outputs depend on all of the input, and no two alike.

    Kernels have `gain` times the deviation that keeps that of images (arXiv:1502.01852, equation
    10): with less, a deep network is close to constant, and which of its boxes is the best is left
    to rounding.
    Biases and factors are not all zeros and ones. Norms have statistics of `inputs`: with others
    the values of a deep network grow from block to block, until rounding alone decides them.
    """
    module = build(network, "cpu")
    numbers = torch.Generator().manual_seed(3)
    for tensor in module.state_dict().values():
        if not tensor.is_floating_point():
            continue
        if tensor.dim() == 1:
            tensor.add_(0.2 * torch.rand(tensor.shape, generator=numbers))
        elif tensor.dim() > 1:
            tensor.normal_(0, gain * (2 / tensor[0].numel()) ** 0.5, generator=numbers)
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    hooks = [norm.register_forward_pre_hook(_take_statistics) for norm in norms]
    with torch.no_grad():
        module(*inputs)
    for hook in hooks:
        hook.remove()
    return module


def _take_statistics(norm: _BatchNorm, inputs: tuple[torch.Tensor, ...]) -> None:
    """Set the statistics of a norm to those of its input, of one value left as they are."""
    (x,) = inputs
    if x.numel() > x.shape[1]:
        axes = [axis for axis in range(x.dim()) if axis != 1]
        norm.running_mean.copy_(x.mean(axes))
        norm.running_var.copy_(x.var(axes) + 0.01)


def is_exportable(network: Network) -> bool:
    """Whether ONNX has all that the network does; `export_network` refuses what it has not."""
    return all(getattr(step.layer, "projection", None) is None for step in network.steps)


def onnx_disagreements(network: Network, dynamic_batch: bool = False) -> list[str]:
    """What the ONNX file of `network` has other than the module: names, shapes, values."""
    disagreements: list[str] = []
    for gain in GAINS:
        torch.manual_seed(0)
        inputs = tuple(
            tensor - 0.5 if tensor.is_floating_point() else tensor
            for tensor in examples(network, "cpu")
        )
        module = stirred(network, inputs, gain)
        disagreements = _compared(network, module, inputs, dynamic_batch)
        if not disagreements or not _differences(
            network, _in_double(module, inputs), module(*inputs), ROUNDING
        ):
            return disagreements
    return [*disagreements, ROUNDING_ALONE]


def _in_double(module: fx.GraphModule, inputs: tuple[torch.Tensor, ...]) -> Any:
    doubles = [tensor.double() if tensor.is_floating_point() else tensor for tensor in inputs]
    with torch.no_grad():
        return copy.deepcopy(module).double()(*doubles)


def _compared(
    network: Network,
    module: fx.GraphModule,
    inputs: tuple[torch.Tensor, ...],
    dynamic_batch: bool,
) -> list[str]:
    with TemporaryDirectory() as folder:
        weights, path = Path(folder) / "weights.pt", Path(folder) / "net.onnx"
        torch.save(module.state_dict(), weights)
        export_network(network, str(path), str(weights), dynamic_batch=dynamic_batch)
        onnx.checker.check_model(str(path), full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(path), options)
    if dynamic_batch:
        inputs = tuple(torch.cat((tensor, tensor.flip(0), tensor)) for tensor in inputs)
    given = {
        value.name: tensor.numpy()
        for value, tensor in zip(session.get_inputs(), inputs, strict=True)
    }
    with torch.no_grad():
        expected = module(*inputs)
    had = tuple(torch.from_numpy(array) for array in session.run(None, given))
    return _names(network, session) + _differences(network, expected, had)


def _differences(
    network: Network, expected: Any, had: Any, tolerance: float = TOLERANCE
) -> list[str]:
    """The differences between outputs of the network and the expected outputs."""
    detects = any(isinstance(step.layer, NonMaxSuppression) for step in network.steps)
    differences = []
    for index, wanted, given in zip(network.outputs, _listed(expected), _listed(had), strict=True):
        compare = _boxes if detects and wanted.dim() == 3 else _values
        differences += compare(network.tensors[index].name, wanted, given, tolerance)
    return differences


def _listed(outputs: Any) -> tuple[torch.Tensor, ...]:
    return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)


def _names(network: Network, session: Any) -> list[str]:
    wanted = [network.tensors[index].name for index in network.inputs]
    had = [value.name for value in session.get_inputs()]
    disagreements = [] if had == wanted else [f"inputs are called {had}, not {wanted}"]
    for value, index in zip(session.get_outputs(), network.outputs, strict=True):
        name = network.tensors[index].name
        if value.name != name and value.name.rpartition("_")[0] != name:
            disagreements.append(f"an output is called {value.name}, not {name}")
    return disagreements


def _values(name: str, wanted: torch.Tensor, had: torch.Tensor, tolerance: float) -> list[str]:
    if wanted.shape != had.shape:
        return [f"{name} is {list(had.shape)}, not {list(wanted.shape)}"]
    wanted, had = wanted.double(), had.double()
    finite = wanted.isfinite()
    if not torch.equal(finite, had.isfinite()):
        return [f"{name} is finite elsewhere"]
    if not torch.equal(wanted[~finite].nan_to_num(), had[~finite].nan_to_num()):
        return [f"{name} has other infinities"]
    wanted, had = wanted[finite], had[finite]
    if not wanted.numel():
        return []
    most = max(wanted.abs().max().item(), 1e-6)
    error = (wanted - had).abs().max().item() / most
    return [f"{name} is off by {error:.1e} of its largest value"] if error > tolerance else []


def _boxes(name: str, wanted: torch.Tensor, had: torch.Tensor, tolerance: float) -> list[str]:
    """Rows in any order: boxes are sorted by scores, of which some differ by rounding alone."""
    if wanted.shape != had.shape:
        return [f"{name} is {list(had.shape)}, not {list(wanted.shape)}"]
    most = max(wanted.abs().max().item(), 1e-6)
    nearest = torch.cdist(wanted.double(), had.double(), p=torch.inf).amin(-1)
    share = (nearest <= tolerance * most).double().mean().item()
    return [f"{name} has {share:.1%} of the rows"] if share < MOST_ROWS else []
