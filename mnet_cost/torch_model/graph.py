"""A network as a `torch.fx.GraphModule`, which torch compiles, exports, traces and trains.

Modules are registered under the paths of their layers, so `state_dict` has
`middle.3.conv2d.weight`; a layer without parameters is a function call in the graph. The module is
built for the sizes of the network, on the device of the surrounding `torch.device`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx, nn

from mnet_cost.errors import Problem, UsageError
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.network import Network, Step, elaborate
from mnet_cost.torch_model import modules
from mnet_cost.torch_model.names import module_path
from mnet_cost.torch_model.rules import ALIGNS_BATCH, RULES

TENSOR = "tensor"
"""The key of `Node.meta` that holds the name of the tensor, in the network, that a node makes."""

LAYER = "layer"
"""The key of `Node.meta` that holds the name of the layer that a node is of. Nodes that are of none
(inputs, the output, what is the same for all examples made one for each) do not have it."""


class GraphEmitter:
    """An `Emitter` that makes a node of a graph from each call, and the modules of the layers."""

    def __init__(self) -> None:
        self.graph = fx.Graph()
        self.modules: dict[str, nn.Module] = {}
        self.layer: str | None = None
        """The name of the layer that is being emitted."""
        self.path = ""
        """The path of its module."""
        self.shared: str | None = None
        """The path of the layer whose module it uses; None if it has its own."""
        self.reused = False

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> fx.Node:
        """The node of a call of a function."""
        return self._of_layer(self.graph.call_function(function, arguments, options))

    def module(
        self, factory: Callable[..., Any], *arguments: Any, **options: Any
    ) -> Callable[..., fx.Node]:
        """Construct the layer's module; returns a function that makes a node for a call of it."""
        path = self.path if self.shared is None else self.shared
        if self.shared is None:
            self.modules[path] = factory(*arguments, **options)
        return lambda *inputs, **options: self._of_layer(
            self.graph.call_module(path, inputs, options)
        )

    def _of_layer(self, node: fx.Node) -> fx.Node:
        if self.layer is not None:
            node.meta[LAYER] = self.layer
        return node


def build_module(
    model: Model | ModelSpec | Network, knobs: Mapping[str, Any] | None = None
) -> fx.GraphModule:
    """The torch module of a model with `knobs`, in training mode, with the values of `initialize`.

    It takes the network's inputs in the order of the spec, each as [N, *shape], and returns the
    output, or a tuple of the outputs. A static tensor is [1, *shape] inside. On the meta device it
    has no values. Raises `SpecError` for sizes that do not fit and `UsageError` for a layer that
    torch cannot build.
    """
    if isinstance(model, Model):
        model, knobs = model.spec, {**model.knobs, **(knobs or {})}
    network = model if isinstance(model, Network) else elaborate(model, knobs)
    refuse_unbuildable(network)
    emitter = GraphEmitter()
    values: dict[int, Any] = {}
    for index in network.inputs:
        name = network.tensors[index].name
        node = emitter.graph.placeholder("self_" if name == "self" else name)
        node.target = node.name  # Python's own words get another name: `class`
        node.meta[TENSOR] = name
        values[index] = node
    roots = {step.shares for step in network.steps}
    for number, step in enumerate(network.steps):
        emitter.layer, emitter.path = step.name, module_path(step.name)
        emitter.reused = step.shares is not None or number in roots
        shared = None if step.shares is None else network.steps[step.shares].name
        emitter.shared = None if shared is None else module_path(shared)
        for index, value in zip(step.outputs, emit(emitter, network, step, values), strict=True):
            values[index] = value
            value.meta.setdefault(TENSOR, network.tensors[index].name)
    for path, owner in tied_paths(network):
        emitter.modules[path].weight = emitter.modules[owner].weight
    emitter.layer = None
    outputs = tuple(output_values(emitter, network, values))
    emitter.graph.output(outputs[0] if len(outputs) == 1 else outputs)
    module = fx.GraphModule(_tree(emitter.modules), emitter.graph, network.spec.name)
    if not any(parameter.is_meta for parameter in module.parameters()):
        initialize(module)
    return module


def tied_paths(network: Network) -> list[tuple[str, str]]:
    """(path of a module, path of the one whose `weight` is its own as well), in order."""
    return [
        (module_path(step.name), module_path(network.steps[step.tied_to].name))
        for step in network.steps
        if step.tied_to is not None
    ]


def _tree(by_path: Mapping[str, nn.Module]) -> nn.Module:
    """A module that has the others at their paths, in the order of the layers."""
    root = nn.Module()
    known = {"": root}
    for path, module in by_path.items():
        above, _, name = path.rpartition(".")
        _container(known, above).add_module(name, module)
    return root


def _container(known: dict[str, nn.Module], path: str) -> nn.Module:
    container = known.get(path)
    if container is None:
        above, _, name = path.rpartition(".")
        container = known[path] = nn.Module()
        _container(known, above).add_module(name, container)
    return container


def emit(emitter: Any, network: Network, step: Step, values: Mapping[int, Any]) -> list[Any]:
    """The values of a step's outputs, emitted by the rule of its layer's kind.

    `values` has the value of each tensor before it, by the tensor's index in the network.
    """
    layer = step.layer
    types = tuple(network.tensors[index].type for index in step.inputs)
    outputs = tuple(network.tensors[index].type for index in step.outputs)
    inputs = [values[index] for index in step.inputs]
    if not step.is_static and not isinstance(layer, ALIGNS_BATCH):
        static = [network.is_static(index) for index in step.inputs]
        if any(static):
            like = values[network.inputs[0]] if all(static) else inputs[static.index(False)]
            inputs = [
                emitter.call(modules.for_each, value, like, len(type_.shape)) if once else value
                for value, type_, once in zip(inputs, types, static, strict=True)
            ]
    results = RULES[type(layer)](emitter, layer, inputs, types, outputs)
    return results if isinstance(results, list) else [results]


def output_values(emitter: Any, network: Network, values: Mapping[int, Any]) -> list[Any]:
    """The values of the network's outputs: those that are the same for all examples, for each."""
    like = values[network.inputs[0]]
    return [
        emitter.call(modules.for_each, values[index], like, len(network.tensors[index].type.shape))
        if network.is_static(index)
        else values[index]
        for index in network.outputs
    ]


def refuse_unbuildable(network: Network) -> None:
    """Raise `UsageError`, with every layer that torch has no rule for, if there is any."""
    problems = [
        Problem(
            f"torch cannot build `{step.name}`: a layer `{step.layer.kind}` says no more than "
            + ("shapes and what it costs" if step.layer.states_work else "a shape"),
            step.node.span(),
            "describe it with layers that are known (`mnet-cost layers`)",
        )
        for step in network.steps
        if type(step.layer) not in RULES
    ]
    if problems:
        raise UsageError(problems)


def initialize(module: nn.Module, seed: int | None = None) -> nn.Module:
    """Give all parameters and buffers of a module their usual initial values; returns the module.

    The same `seed` gives the same values, and torch's generator stays as it was; without a seed
    they are drawn from that generator. A module that was built on the meta device can be used after
    `to_empty` and this. Convolutions: normal with variance 2 / fan out (arXiv:1502.01852); linear
    layers: normal with deviation 0.01, in attention uniform with variance 2 / (fan in + fan out);
    their biases: 0; all others as torch initializes them.
    """
    with torch.random.fork_rng(enabled=seed is not None, devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        for part in reversed(list(module.modules())):  # attention after its linear layers
            _initialize(part)
    return module


_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d)


def _initialize(module: nn.Module) -> None:
    if isinstance(module, _CONVOLUTIONS):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.01)
    elif isinstance(module, modules.Attention):
        for inner in (module.query, module.key, module.value, module.out):
            nn.init.xavier_uniform_(inner.weight)
    elif hasattr(module, "reset_parameters"):
        module.reset_parameters()
    if isinstance(module, (*_CONVOLUTIONS, nn.Linear)) and module.bias is not None:
        nn.init.zeros_(module.bias)
