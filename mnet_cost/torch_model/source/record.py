"""What each layer constructs and calls, recorded as data.

The rules of the layers run with a `Recorder`, an emitter that calls nothing and writes down what it
is asked to call. Padding with a convolution, and a split with the selection of its parts, are then
rewritten as the single calls that a person would write.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from mnet_cost.layers.axes import channel_axis
from mnet_cost.layers.base import both
from mnet_cost.layers.conv import Conv2d, DepthwiseConv2d, is_same
from mnet_cost.layers.pool import MaxPool2d
from mnet_cost.network import Network, Step
from mnet_cost.tensors import TensorType
from mnet_cost.torch_model.graph import emit, output_values, refuse_unbuildable
from mnet_cost.torch_model.names import module_path
from mnet_cost.torch_model.same_padding import SameConv2d, same_max_pool2d


@dataclass(eq=False)
class RecordedValue:
    """The result of a call: a tensor, or anything else that a function returns."""

    path: str = ""
    """The path of the layer whose output it is; empty for a value inside a layer."""
    channels: int | None = None
    """The number of channels; None for a value without axes or inside a layer."""


class Ref(NamedTuple):
    """The module at a path, as the target of a call."""

    path: str


class Made(NamedTuple):
    """How the module of a layer is constructed."""

    factory: Any
    """The module class."""
    arguments: Mapping[str, Any]
    scope: str = ""
    """The path of the call that the layer is in."""
    same: bool = False
    """Whether `SameConv2d` with the same arguments but `padding` computes the same."""


@dataclass(eq=False)
class Op:
    """A call of a function or a module."""

    path: str
    """The path of the layer that it belongs to."""
    scope: str
    """The path of the call that the layer is in."""
    target: Any
    """A function, or `Ref` to a module."""
    arguments: Mapping[str, Any]
    """Constants, values and tuples of values by the name of the argument.

    `*n` stands for the n-th argument that has no name, `=name` for an option of a module's call.
    """
    results: list[RecordedValue]
    alternative: Any = None
    """Another function that computes the same, and its arguments."""
    line: int = 0
    """The line of the spec where the layer's entry stands."""


class Recording(NamedTuple):
    """All operations of a network."""

    ops: list[Op]
    """In the order in which they run."""
    made: dict[str, Made]
    """The modules by path."""
    values: dict[int, RecordedValue]
    """The value of each tensor, by its index in `Network.tensors`."""


_NAMES: dict[Any, tuple[str, ...]] = {
    nn.LSTM: ("input_size", "hidden_size", "num_layers", "bias", "batch_first"),
    nn.GRU: ("input_size", "hidden_size", "num_layers", "bias", "batch_first"),
    nn.RNN: ("input_size", "hidden_size", "num_layers", "nonlinearity", "bias", "batch_first"),
    F.max_pool2d: ("input", "kernel_size", "stride", "padding", "dilation"),
    F.avg_pool2d: ("input", "kernel_size", "stride", "padding"),
    F.adaptive_avg_pool2d: ("input", "output_size"),
    F.adaptive_max_pool2d: ("input", "output_size"),
    torch.flatten: ("input", "start_dim", "end_dim"),
    torch.unflatten: ("input", "dim", "sizes"),
    torch.transpose: ("input", "dim0", "dim1"),
    torch.permute: ("input", "dims"),
    torch.narrow: ("input", "dim", "start", "length"),
    torch.select: ("input", "dim", "index"),
    torch.split: ("input", "sizes", "dim"),
    torch.mean: ("input", "dim"),
    torch.amax: ("input", "dim"),
    torch.amin: ("input", "dim"),
    torch.sum: ("input", "dim"),
    torch.prod: ("input", "dim"),
    torch.var: ("input", "dim"),
    torch.std: ("input", "dim"),
    torch.linalg.vector_norm: ("x", "ord", "dim"),
    torch.unsqueeze: ("input", "dim"),
    torch.cat: ("tensors", "dim"),
    torch.group_norm: ("input", "num_groups"),
    torch.movedim: ("input", "source", "destination"),
    operator.add: ("input", "other"),
    operator.sub: ("input", "other"),
    operator.mul: ("input", "other"),
    operator.truediv: ("input", "other"),
}
"""Names of positional arguments of functions whose signature does not have them."""

_DEFAULTS: dict[Any, dict[str, Any]] = {
    nn.LSTM: {
        "num_layers": 1,
        "bias": True,
        "batch_first": False,
        "bidirectional": False,
        "proj_size": 0,
    },
    nn.GRU: {"num_layers": 1, "bias": True, "batch_first": False, "bidirectional": False},
    nn.RNN: {
        "num_layers": 1,
        "nonlinearity": "tanh",
        "bias": True,
        "batch_first": False,
        "bidirectional": False,
    },
    F.max_pool2d: {"padding": 0, "dilation": 1},
    F.avg_pool2d: {"padding": 0, "count_include_pad": True},
    torch.flatten: {"end_dim": -1},
    torch.mean: {"keepdim": False},
    torch.amax: {"keepdim": False},
    torch.amin: {"keepdim": False},
    torch.sum: {"keepdim": False},
    torch.prod: {"keepdim": False},
    torch.var: {"keepdim": False},
    torch.std: {"keepdim": False},
    torch.linalg.vector_norm: {"keepdim": False},
}

_SQUARES = frozenset(
    ("kernel_size", "stride", "padding", "dilation", "output_padding", "output_size", "kernel")
)


def bound(target: Any, given: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a call by name, defaults too; (3, 3) becomes 3 where torch takes both."""
    named: dict[str, Any] = {}
    names = _NAMES.get(target) or _positional(target, len(given))
    for name, value in (*zip(names, given, strict=False), *options.items()):
        alike = name in _SQUARES and isinstance(value, tuple) and len(set(value)) == 1
        named[name] = value[0] if alike else value
    return named


def defaults(target: Any) -> dict[str, Any]:
    """The default of each argument of a function or class that has a default."""
    if target in _DEFAULTS:
        return _DEFAULTS[target]
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # built-in functions have no signature
        return {}
    return {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.default is not parameter.empty
    }


def _positional(target: Any, count: int) -> tuple[str, ...]:
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    return (*names[:count], *(f"*{i}" for i in range(count - len(names))))


class Recorder:
    """An `Emitter` that writes down the calls of the rules instead of making them."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.made: dict[str, Made] = {}
        self.path = ""
        self.scope = ""
        self.line = 0
        self.shared: str | None = None
        self.reused = False  # `SameConv2d` pads for the size that it gets

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> RecordedValue:
        """Record a call of a function; returns the value that stands for its result."""
        return self._record(function, bound(function, arguments, options))

    def module(
        self, factory: Callable[..., Any], *arguments: Any, **options: Any
    ) -> Callable[..., RecordedValue]:
        """Record the layer's module; returns a function that records a call of it."""
        path = self.path if self.shared is None else self.shared
        if self.shared is None:
            self.made[path] = Made(factory, bound(factory, arguments, options), self.scope)
        return lambda *inputs, **options: self._record(
            Ref(path),
            {f"*{i}": value for i, value in enumerate(inputs)}
            | {f"={name}": value for name, value in options.items()},
        )

    def _record(self, target: Any, arguments: dict[str, Any]) -> RecordedValue:
        result = RecordedValue()
        self.ops.append(Op(self.path, self.scope, target, arguments, [result], line=self.line))
        return result


def record(network: Network) -> Recording:
    """The recording of a network; `UsageError` for a layer that torch has no rule for."""
    refuse_unbuildable(network)
    recorder = Recorder()
    values: dict[int, RecordedValue] = {}
    for index in network.inputs:
        values[index] = RecordedValue(
            network.tensors[index].name, _channels(network.tensors[index].type)
        )
    for step in network.steps:
        recorder.path, recorder.scope = module_path(step.name), module_path(step.block_path)
        recorder.line = step.line
        shared = None if step.shares is None else network.steps[step.shares].name
        recorder.shared = None if shared is None else module_path(shared)
        first = len(recorder.ops)
        for index, value in zip(step.outputs, emit(recorder, network, step, values), strict=True):
            values[index] = value
            value.path = value.path or module_path(network.tensors[index].name)
            value.channels = value.channels or _channels(network.tensors[index].type)
        _join_same_padding(recorder, network, step, first)
        _join_split(recorder, first)
    recorder.scope = ""
    outputs = output_values(recorder, network, values)
    return Recording(
        recorder.ops, recorder.made, values | dict(zip(network.outputs, outputs, strict=True))
    )


def _channels(type_: TensorType) -> int | None:
    return type_.shape[channel_axis(type_)] if type_.shape else None


def _join_same_padding(recorder: Recorder, network: Network, step: Step, first: int) -> None:
    """Turn padding and a convolution or pool into a single call that pads as `same` says."""
    layer = step.layer
    if not isinstance(layer, (Conv2d, DepthwiseConv2d, MaxPool2d)) or not is_same(layer.padding):
        return
    if not isinstance(layer, MaxPool2d) and (layer.gain or not layer.trained):
        return  # `SameConv2d` has a trained kernel, as it is
    for i in range(first, len(recorder.ops)):
        op = recorder.ops[i]
        before = recorder.ops[i - 1] if i > first else None
        padded = before is not None and before.target is F.pad
        if isinstance(op.target, Ref):
            made = recorder.made[op.target.path]
            recorder.made[op.target.path] = made._replace(same=True)
            if padded:
                assert before is not None
                arguments = {k: v for k, v in made.arguments.items() if k != "padding"}
                recorder.made[op.target.path] = Made(SameConv2d, arguments, made.scope, True)
        elif isinstance(layer, MaxPool2d) and op.target is F.max_pool2d:
            if both(layer.dilation) != (1, 1):
                return
            kernel, stride = both(layer.kernel), both(layer.stride)
            if kernel[0] != kernel[1] or stride[0] != stride[1]:
                return
            same = {"x": op.arguments["input"], "kernel": kernel[0], "stride": stride[0]}
            if padded:
                op.target, op.arguments = same_max_pool2d, same
            else:
                op.alternative = (same_max_pool2d, same)
        else:
            continue
        if padded:
            assert before is not None
            x = before.arguments["input"]
            op.arguments = {
                name: x if value is before.results[0] else value
                for name, value in op.arguments.items()
            }
            del recorder.ops[i - 1]
        return


def _join_split(recorder: Recorder, first: int) -> None:
    """Turn a split and the selections of its parts into a single call with several results."""
    ops = recorder.ops[first:]
    if len(ops) < 3 or ops[0].target is not torch.split:
        return
    split, *parts = ops
    split.results = [part.results[0] for part in parts]
    sizes = split.arguments["sizes"]
    if len(set(sizes)) == 1:
        dim = split.arguments["dim"]
        split.target = torch.chunk
        split.arguments = {"input": split.arguments["input"], "chunks": len(sizes), "dim": dim}
    del recorder.ops[first + 1 :]
