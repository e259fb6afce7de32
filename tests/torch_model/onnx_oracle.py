"""An exported ONNX file beside the module: the checker, the names, and onnxruntime's values."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import onnxruntime
import torch
from oracle import build, examples
from torch import fx

from mnet_cost.layers.detection import NonMaxSuppression
from mnet_cost.network import Network
from mnet_cost.torch_model.export import export_network

TOLERANCE = 1e-3
"""Of the largest value of an output: float32 sums of another order, through a whole network."""

MOST_ROWS = 0.95
"""Of boxes that are kept: at the threshold, rounding decides which one is."""


def stirred(network: Network) -> fx.GraphModule:
    """The module with weights under which outputs depend on all of the input, and no two alike.

    Kernels have the variance that keeps that of images (arXiv:1502.01852, equation 10): with less,
    a deep network is close to constant, and which of its boxes is the best is left to rounding.
    Biases, factors and statistics are not all zeros and ones.
    """
    module = build(network, "cpu")
    numbers = torch.Generator().manual_seed(3)
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if tensor.dim() == 1:
            noise = torch.rand(tensor.shape, generator=numbers)
            tensor.copy_(0.5 + noise if name.endswith("running_var") else tensor + 0.2 * noise)
        elif tensor.dim() > 1:
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=numbers)
    return module


def onnx_disagreements(network: Network, dynamic_batch: bool = False) -> list[str]:
    """What the ONNX file of `network` has other than the module: names, shapes, values."""
    torch.manual_seed(0)
    module = stirred(network)
    inputs = tuple(
        tensor - 0.5 if tensor.is_floating_point() else tensor
        for tensor in examples(network, "cpu")
    )
    with TemporaryDirectory() as folder:
        weights, path = Path(folder) / "weights.pt", Path(folder) / "net.onnx"
        torch.save(module.state_dict(), weights)
        export_network(network, str(path), str(weights), dynamic_batch=dynamic_batch)
        onnx.checker.check_model(str(path), full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(path), options)
    found = _names(network, session)
    if dynamic_batch:
        inputs = tuple(torch.cat((tensor, tensor.flip(0), tensor)) for tensor in inputs)
    given = {
        value.name: tensor.numpy()
        for value, tensor in zip(session.get_inputs(), inputs, strict=True)
    }
    with torch.no_grad():
        results = module(*inputs)
    expected = results if isinstance(results, tuple) else (results,)
    detects = any(isinstance(step.layer, NonMaxSuppression) for step in network.steps)
    for value, wanted, had in zip(
        session.get_outputs(), expected, session.run(None, given), strict=True
    ):
        compare = _boxes if detects and wanted.dim() == 3 else _values
        found += compare(value.name, wanted, torch.from_numpy(had))
    return found


def _names(network: Network, session: Any) -> list[str]:
    wanted = [network.tensors[index].name for index in network.inputs]
    had = [value.name for value in session.get_inputs()]
    found = [] if had == wanted else [f"inputs are called {had}, not {wanted}"]
    for value, index in zip(session.get_outputs(), network.outputs, strict=True):
        name = network.tensors[index].name
        if value.name != name and value.name.rpartition("_")[0] != name:
            found.append(f"an output is called {value.name}, not {name}")
    return found


def _values(name: str, wanted: torch.Tensor, had: torch.Tensor) -> list[str]:
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
    return [f"{name} is off by {error:.1e} of its largest value"] if error > TOLERANCE else []


def _boxes(name: str, wanted: torch.Tensor, had: torch.Tensor) -> list[str]:
    """Rows in any order: boxes are sorted by scores, of which some differ by rounding alone."""
    if wanted.shape != had.shape:
        return [f"{name} is {list(had.shape)}, not {list(wanted.shape)}"]
    most = max(wanted.abs().max().item(), 1e-6)
    nearest = torch.cdist(wanted.double(), had.double(), p=torch.inf).amin(-1)
    share = (nearest <= TOLERANCE * most).double().mean().item()
    return [f"{name} has {share:.1%} of the rows"] if share < MOST_ROWS else []
