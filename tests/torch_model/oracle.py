"""A network against the torch module that is built for it: `disagreements` lists where they differ.

The module is run, on the meta device or on a CPU, layer by layer, and what comes out is compared
with what the network says: shapes of all tensors, mult-adds, params, weights and buffers of each
layer. Mult-adds are counted twice: by torch's flop counter, which knows some operations and passes
over others without a word, and by `Products`, which stops at a product that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import fx, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from mnet_cost.analysis.work import add_up, count_work
from mnet_cost.layers.parameters import Embedding
from mnet_cost.layers.rearrange import ExpandBatch
from mnet_cost.layers.reshape import Identity
from mnet_cost.network import Network
from mnet_cost.tensors import DTYPES
from mnet_cost.torch_model import build_module
from mnet_cost.torch_model.graph import TENSOR
from mnet_cost.torch_model.names import module_path

aten = torch.ops.aten

PRODUCT = re.compile(
    r"conv|mm$|mm_|matmul|_mv|^mv$|^dot$|vdot|attention|rnn|lstm|gru|linear|einsum"
)
"""Names of operations that may multiply and accumulate."""
NO_PRODUCT = frozenset(("upsample_bilinear2d",))


_WITHOUT_NODE = (Identity, ExpandBatch)
"""Kinds that are no node of a graph of torch: their input is their output."""


def _convolution(x: Any, weight: Any, bias: Any, *settings: Any) -> int:
    """Each element of the kernels, at each position: of the output, or transposed of the input."""
    transposed = settings[3]
    output = None if transposed else _convolved(x, weight, *settings[:3])
    positions = x.shape[2:].numel() if output is None else output
    return int(x.shape[0] * positions * weight.numel())


def _convolved(x: Any, weight: Any, stride: Any, padding: Any, dilation: Any) -> int:
    """Positions of the output, found by walking a window over each axis."""
    total = 1
    for axis, size in enumerate(x.shape[2:]):
        span = dilation[axis] * (weight.shape[2 + axis] - 1)
        last = size + 2 * padding[axis] - span
        total *= len(range(0, last, stride[axis]))
    return total


def _mm(a: Any, b: Any) -> int:
    return int(a.numel() * b.shape[-1])


def _attention(query: Any, key: Any, value: Any, *_: Any) -> int:
    pairs = query.shape[:-1].numel() * key.shape[-2]
    return int(pairs * (query.shape[-1] + value.shape[-1]))


def _rnn_layer(x: Any, of_input: Any, of_state: Any, *_: Any) -> int:
    """x [T, N, F]: two kernels at each step of each example."""
    return int(x.shape[:2].numel() * (of_input.numel() + of_state.numel()))


COUNTED: dict[Any, Callable[..., int]] = {
    aten.convolution: _convolution,
    aten.mm: _mm,
    aten.bmm: _mm,
    aten.addmm: lambda _, a, b, *__: _mm(a, b),
    aten.baddbmm: lambda _, a, b, *__: _mm(a, b),
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten.mkldnn_rnn_layer: _rnn_layer,
}


class Products(TorchDispatchMode):  # type: ignore[misc]
    """Adds up the mult-adds of the operations that run, from the shapes of what they are given."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0
        self.seen: set[str] = set()

    def __torch_dispatch__(
        self, operation: Any, types: Any, arguments: Any = (), options: Any = None
    ) -> Any:
        packet = operation.overloadpacket
        name = packet.__name__
        count = COUNTED.get(packet)
        if count is not None:
            self.total += count(*arguments)
            self.seen.add(name)
        elif PRODUCT.search(name) and name not in NO_PRODUCT:
            raise NotImplementedError(f"{name} may be a product, and nobody counts it")
        return operation(*arguments, **(options or {}))


class Executed(NamedTuple):
    """The measurements of a run of a module."""

    shapes: dict[str, tuple[int, ...]]
    """Of each tensor of the network that has a node of its own, batch included."""
    mult_adds: dict[str, int]
    """Until each of these tensors was there, by `Products`."""
    total: int
    outputs: tuple[Any, ...]
    operations: set[str]
    """The kinds of products that ran."""


class _Run(fx.Interpreter):  # type: ignore[misc]
    def __init__(self, module: fx.GraphModule, products: Products) -> None:
        super().__init__(module)
        self.products = products
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.mult_adds: dict[str, int] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        name = n.meta.get(TENSOR)
        if name is not None:
            self.shapes[name] = tuple(result.shape)
            self.mult_adds[name] = self.products.total
        return result


def execute(module: fx.GraphModule, inputs: tuple[Any, ...]) -> Executed:
    """Run `module` node by node."""
    with torch.no_grad(), Products() as products:
        run = _Run(module, products)
        result = run.run(*inputs)
    outputs = result if isinstance(result, tuple) else (result,)
    return Executed(run.shapes, run.mult_adds, products.total, outputs, products.seen)


def numbers_of_tokens(network: Network) -> set[int]:
    """Tensors that an embedding looks up, and those that they are parts or copies of."""
    tokens: set[int] = set()
    for step in reversed(network.steps):
        if isinstance(step.layer, Embedding) or tokens.intersection(step.outputs):
            tokens.update(step.inputs)
    return tokens


def examples(network: Network, device: str = "meta") -> tuple[Any, ...]:
    """Inputs for the module of a network: random, but tokens are all number 0."""
    tokens = numbers_of_tokens(network)
    made = []
    for index in network.inputs:
        shape = (network.batch, *network.tensors[index].type.shape)
        if index in tokens:
            made.append(torch.zeros(shape, dtype=torch.int64, device=device))
        else:
            made.append(torch.rand(shape, device=device))
    return tuple(made)


def build(network: Network, device: str = "meta") -> fx.GraphModule:
    """The module of `network` on `device`, for inference."""
    with torch.device(device):
        return build_module(network).eval().requires_grad_(False)


KERNELS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear)
RECURRENT = (nn.LSTM, nn.GRU, nn.RNN)


def kernel_elements(module: nn.Module) -> int:
    """Elements of the kernels of convolutions, linear layers and recurrent layers."""
    total, seen = 0, set()
    for part in module.modules():
        if isinstance(part, KERNELS):
            total += part.weight.numel() * (part.weight not in seen)
            seen.add(part.weight)
        elif isinstance(part, RECURRENT):
            total += sum(p.numel() for name, p in part.named_parameters() if "weight_" in name)
    return total


def stored_elements(module: nn.Module) -> tuple[int, int, int]:
    """(params, weights, buffers) of a module; the counters of batches left out."""
    params = sum(parameter.numel() for parameter in module.parameters())
    buffers = sum(
        buffer.numel()
        for name, buffer in module.named_buffers()
        if not name.endswith("num_batches_tracked")
    )
    return params, kernel_elements(module), buffers


def disagreements(network: Network, device: str = "meta") -> list[str]:
    """Each place where the network and its module on `device` say different things."""
    differences: list[str] = []

    def compare(what: str, ours: Any, torchs: Any) -> None:
        if ours != torchs:
            differences.append(f"{what}: {ours} here, {torchs} in torch")

    module = build(network, device)
    inputs = examples(network, device)
    with FlopCounterMode(display=False) as flops:
        executed = execute(module, inputs)
    tensors = network.tensors
    for index in network.inputs:
        tensor = tensors[index]
        compare(tensor.name, (network.batch, *tensor.type.shape), executed.shapes.get(tensor.name))
    totals = [0, 0, 0, 0]
    tied = 0
    """Elements of kernels that are another layer's matrix."""
    stored = dict(module.named_modules())
    before = 0
    for step in network.steps:
        types = tuple(tensors[index].type for index in step.inputs)
        work = step.layer.work(types, tensors[step.output].type)
        if work is None:
            raise ValueError(f"{step.name}: nothing is known of `{step.layer.kind}`")
        own = (work.params, work.weights, work.buffers) if step.shares is None else (0, 0, 0)
        batch = network.batch_of(step)
        totals = [a + b for a, b in zip(totals, (work.mult_adds * batch, *own), strict=True)]
        path = module_path(step.name)
        has = stored_elements(stored[path]) if path in stored else (0, 0, 0)
        if step.tied_to is not None:
            owner = module_path(network.steps[step.tied_to].name)
            if stored[path].weight is not stored[owner].weight:
                differences.append(f"{step.name}: its weights are not those of {owner}")
            # Its parts are its own in all but this: a module alone has all its weights.
            tied += stored[path].weight.numel()
        compare(f"{step.name}: params, weights, buffers", own, has)
        for index in step.outputs:
            name = tensors[index].name
            if isinstance(step.layer, _WITHOUT_NODE):  # the node of its input stands for it
                compare(name, tensors[index].type.shape, types[0].shape)
                continue
            compare(name, (batch, *tensors[index].type.shape), executed.shapes.get(name))
        if not isinstance(step.layer, _WITHOUT_NODE):
            until = executed.mult_adds.get(tensors[step.outputs[-1]].name, before)
            compare(f"{step.name}: mult-adds", work.mult_adds * batch, until - before)
            before = until
    compare("mult-adds, operations", totals[0], executed.total)
    if device == "meta":  # elsewhere it passes over fused operations
        compare("mult-adds, flop counter", 2 * totals[0], flops.get_total_flops())
    counted = add_up(count_work(network, DTYPES["fp32"]))
    compare("params, tied", counted.params, totals[1] - tied)
    of_network = (counted.params, counted.weights, counted.buffers)
    compare("params, weights, buffers", of_network, stored_elements(module))
    outputs = [(network.batch, *tensors[index].type.shape) for index in network.outputs]
    compare("outputs", outputs, [tuple(output.shape) for output in executed.outputs])
    return differences
