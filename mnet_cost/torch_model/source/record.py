"""What each layer constructs and calls, recorded as data: the rules carried out by a listener."""

from __future__ import annotations

import inspect
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
from mnet_cost.torch_model.graph import emit, refuse_unbuildable
from mnet_cost.torch_model.names import module_path
from mnet_cost.torch_model.same import SameConv2d, same_max_pool2d


@dataclass(eq=False)
class Value:
    """A tensor, or what a function gave."""

    path: str = ""
    """Of the layer whose output it is; empty for what is only within a layer."""
    channels: int | None = None


class Ref(NamedTuple):
    """The module at a path, as what is called."""

    path: str


class Made(NamedTuple):
    """How the module of a layer is constructed."""

    factory: Any
    arguments: Mapping[str, Any]
    scope: str = ""
    same: bool = False
    """Whether `SameConv2d` without its padding would be the same."""


@dataclass(eq=False)
class Op:
    """A call of a function or a module."""

    path: str
    """Of the layer that it belongs to."""
    scope: str
    target: Any
    arguments: Mapping[str, Any]
    """Constants, values, and tuples of values by their name, or `*n`."""
    results: list[Value]
    alternative: Any = None
    """What else would do the same: a function and its arguments."""
    line: int = 0


class Recording(NamedTuple):
    """All that a network does, and the values of its tensors."""

    ops: list[Op]
    made: dict[str, Made]
    values: dict[int, Value]


_NAMES: dict[Any, tuple[str, ...]] = {
    nn.LSTM: ("input_size", "hidden_size", "num_layers", "bias", "batch_first"),
    nn.GRU: ("input_size", "hidden_size", "num_layers", "bias", "batch_first"),
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
    torch.unsqueeze: ("input", "dim"),
    torch.cat: ("tensors", "dim"),
    torch.group_norm: ("input", "num_groups"),
    torch.movedim: ("input", "source", "destination"),
}
"""Names of arguments where the signature does not say them."""

_DEFAULTS: dict[Any, dict[str, Any]] = {
    nn.LSTM: {"num_layers": 1, "bias": True, "batch_first": False, "bidirectional": False},
    nn.GRU: {"num_layers": 1, "bias": True, "batch_first": False, "bidirectional": False},
    F.max_pool2d: {"padding": 0, "dilation": 1},
    F.avg_pool2d: {"padding": 0, "count_include_pad": True},
    torch.flatten: {"end_dim": -1},
    torch.mean: {"keepdim": False},
    torch.amax: {"keepdim": False},
}

_SQUARES = frozenset(
    ("kernel_size", "stride", "padding", "dilation", "output_padding", "output_size", "kernel")
)


def bound(target: Any, given: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name, pairs of equal numbers as one number; defaults stay."""
    found: dict[str, Any] = {}
    names = _NAMES.get(target) or _positional(target, len(given))
    for name, value in (*zip(names, given, strict=False), *options.items()):
        alike = name in _SQUARES and isinstance(value, tuple) and len(set(value)) == 1
        found[name] = value[0] if alike else value
    return found


def defaults(target: Any) -> dict[str, Any]:
    """The default of each argument that has one."""
    if target in _DEFAULTS:
        return _DEFAULTS[target]
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # built-in functions tell nothing
        return {}
    return {one.name: one.default for one in parameters if one.default is not one.empty}


def _positional(target: Any, count: int) -> tuple[str, ...]:
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    return (*names[:count], *(f"*{i}" for i in range(count - len(names))))


class Recorder:
    """An `Emitter` that keeps what it is told."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.made: dict[str, Made] = {}
        self.path = ""
        self.scope = ""
        self.line = 0
        self.shared: str | None = None
        self.reused = False  # written convolutions pad by the size that they meet

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Value:
        """The value of a call of a function."""
        return self._record(function, bound(function, arguments, options))

    def module(
        self, factory: Callable[..., Any], *arguments: Any, **options: Any
    ) -> Callable[..., Value]:
        """What records a call of the layer's module."""
        path = self.path if self.shared is None else self.shared
        if self.shared is None:
            self.made[path] = Made(factory, bound(factory, arguments, options), self.scope)
        return lambda *inputs, **options: self._record(
            Ref(path),
            {f"*{i}": value for i, value in enumerate(inputs)}
            | {f"={name}": value for name, value in options.items()},
        )

    def _record(self, target: Any, arguments: dict[str, Any]) -> Value:
        result = Value()
        self.ops.append(Op(self.path, self.scope, target, arguments, [result], line=self.line))
        return result


def record(network: Network) -> Recording:
    """Carry out the rules of a network's layers; `UsageError` where one has none."""
    refuse_unbuildable(network)
    recorder = Recorder()
    values: dict[int, Value] = {}
    for index in network.inputs:
        values[index] = Value(network.tensors[index].name, _channels(network.tensors[index].type))
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
        _say_same(recorder, network, step, first)
        _say_split(recorder, first)
    return Recording(recorder.ops, recorder.made, values)


def _channels(type_: TensorType) -> int | None:
    return type_.shape[channel_axis(type_)] if type_.shape else None


def _say_same(recorder: Recorder, network: Network, step: Step, first: int) -> None:
    """Turn padding and a convolution or a pool into one that pads as `same` says."""
    layer = step.layer
    if not isinstance(layer, (Conv2d, DepthwiseConv2d, MaxPool2d)) or not is_same(layer.padding):
        return
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


def _say_split(recorder: Recorder, first: int) -> None:
    """Turn a split and what takes its parts into one call with several results."""
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
