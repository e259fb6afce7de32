"""A module as an ONNX model: torch's exporter, then our names, then the checker of `onnx`.

Inputs and outputs have the names of the spec, nodes those of their layers (`onnx_layers.py`), and
initializers the path of their layer (`middle.3.conv2d.weight`; constants of the exporter
`middle.3.conv2d.val_4`). The exporter writes equal initializers once, and leaves a bias of zeros
out.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import fx
from torch.nn import functional as F

from mnet_cost.errors import MnetCostError, Problem
from mnet_cost.tensors import ceil_div
from mnet_cost.torch_model.installed import require
from mnet_cost.torch_model.modules import convolve_each
from mnet_cost.torch_model.onnx_layers import (
    calls_of,
    graphs_of,
    name_nodes,
    nodes_of,
    scopes_of,
    with_calls,
)

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

MAX_ONNX_BYTES = 2**31 - 1
"""The most bytes that a protobuf message, and so an ONNX file by itself, can have."""

Sizes = tuple[dict[int, Any], ...] | None
"""For each input the axes that may have any size, as torch's exporters take them; None: no axis."""


class ExportError(MnetCostError):
    """A network, or weights, that the chosen format cannot hold."""


class OnnxModel(NamedTuple):
    """A model, and the names of the layers that each of its nodes does, by the node's name."""

    model: ModelProto
    layers: Mapping[str, tuple[str, ...]]


class Names(NamedTuple):
    """The names of inputs and outputs, in their order; several may have the same name."""

    inputs: Sequence[str]
    outputs: Sequence[str]


def onnx_model(
    title: str, module: fx.GraphModule, inputs: tuple[torch.Tensor, ...], names: Names, sizes: Sizes
) -> OnnxModel:
    """`module` as an ONNX model that the checker of `onnx` accepts; `title` is for errors.

    `inputs` are examples, [N, *shape] each. An output with the name of an input or of an output
    before it gets a number: `x_2`. Raises `ExportError` where the weights are too large for a file,
    the exporter has no operator for a function, or the checker refuses the model, and
    `MissingPackageError` without `onnx` and `onnxscript`.
    """
    _refuse_missing(title, module, sizes)
    size = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    if size > MAX_ONNX_BYTES:
        raise ExportError(
            Problem(
                f"{title} has {size / 1e9:.1f} GB of weights: one ONNX file holds no "
                "more than 2.1 GB",
                hint="write a .pt2, which holds any size",
            )
        )
    require("onnx", extra="onnx")
    require("onnxscript", extra="onnx")
    module = _with_operators(module)
    program = _exported(title, with_calls(module), inputs, sizes)
    model = program.model_proto
    layers = name_nodes(model.graph, module, calls_of(program.exported_program.graph))
    _rename(model.graph, names, frozenset(module.state_dict()))
    _check(title, model)
    return OnnxModel(model, layers)


def _refuse_missing(title: str, module: fx.GraphModule, sizes: Sizes) -> None:
    """Raise `ExportError` for what no ONNX operator does, where the exporter would not notice."""
    projected = [
        path
        for path, part in module.named_modules()
        if isinstance(part, torch.nn.LSTM) and part.proj_size
    ]
    if projected:
        raise ExportError(
            Problem(
                f"{title}: ONNX has no LSTM with a projection: `{projected[0]}`",
                hint="write a .pt2",
            )
        )
    if sizes and any(node.target is convolve_each for node in module.graph.nodes):
        raise ExportError(
            Problem(
                f"{title}: ONNX has no `dynamic_conv2d` for any number of examples, since each "
                "has groups of its own",
                hint="export it for a fixed batch, or write a .pt2",
            )
        )


def _with_operators(module: fx.GraphModule) -> fx.GraphModule:
    """`module` without adaptive pools for which the exporter has no operator.

    The result shares its layers and weights with `module`.
    """
    graph = copy.deepcopy(module.graph)
    for node in graph.nodes:
        reduction = _ADAPTIVE.get(node.target)
        if reduction is not None:
            node.target = reduction
    return fx.GraphModule(module, graph)


def _adaptive_max(x: torch.Tensor, size: int | tuple[int, ...]) -> torch.Tensor:
    """`F.adaptive_max_pool2d` by other functions, and those of other axes."""
    return _adaptive(x, size, torch.amax)


def _adaptive_mean(x: torch.Tensor, size: int | tuple[int, ...]) -> torch.Tensor:
    """`F.adaptive_avg_pool3d` by other functions."""
    return _adaptive(x, size, torch.mean)


def _adaptive(x: torch.Tensor, size: int | tuple[int, ...], reduce: Any) -> torch.Tensor:
    """Windows reduced along rows, then along columns: each row of a window is as long."""
    sizes = size if isinstance(size, tuple) else (size,)
    for axis, windows in zip(range(-len(sizes), 0), sizes, strict=True):
        length = x.shape[axis]
        starts = [i * length // windows for i in range(windows)]
        ends = [ceil_div((i + 1) * length, windows) for i in range(windows)]
        reduced = [
            reduce(x.narrow(axis, start, end - start), axis, keepdim=True)
            for start, end in zip(starts, ends, strict=True)
        ]
        x = torch.cat(reduced, axis)
    return x


_ADAPTIVE: Mapping[Any, Any] = {
    F.adaptive_max_pool1d: _adaptive_max,
    F.adaptive_max_pool2d: _adaptive_max,
    F.adaptive_max_pool3d: _adaptive_max,
    F.adaptive_avg_pool3d: _adaptive_mean,
}


def _exported(
    title: str, module: fx.GraphModule, inputs: tuple[torch.Tensor, ...], sizes: Sizes
) -> Any:
    """The `torch.onnx.ONNXProgram` of a module."""
    logs = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [log.level for log in logs]
    for log in logs:  # they report operators of packages that are not used here
        log.setLevel(logging.ERROR)
    # torch computes attention in another way where a bias of scores needs a gradient, and the
    # exporter then fails on the strides of its result.
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter's packages warn about each other
            program = torch.onnx.export(
                module, inputs, dynamic_shapes=sizes, dynamo=True, verbose=False
            )
            assert program is not None
            return program
    except torch.onnx.OnnxExporterError as error:
        raise _refused(title, "torch cannot export it as ONNX", error.__cause__ or error) from None
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)


def _check(title: str, model: ModelProto) -> None:
    import onnx

    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise _refused(title, "its ONNX model is not valid", error) from None


def _refused(title: str, what: str, error: BaseException) -> ExportError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ExportError(Problem(f"{title}: {what}: {reason}", hint="write a .pt2"))


# --- names


def _rename(graph: GraphProto, names: Names, weights: frozenset[str]) -> None:
    """Name inputs, outputs and initializers; other values with such a name get a number."""
    _own_outputs(graph)
    taken: set[str] = set()
    new: dict[str, str] = {}
    values = [*graph.input, *graph.output]
    for value, name in zip(values, [*names.inputs, *names.outputs], strict=True):
        new[value.name] = _unique(name, taken)
    scopes = _scopes(graph)
    for tensor in graph.initializer:
        name = tensor.name
        if name not in weights and scopes.get(name):
            name = f"{scopes[name]}.{name}"
        new[tensor.name] = _unique(name, taken)
    for node in nodes_of(graph):
        for name in node.output:
            if name and name not in new:
                new[name] = _unique(name, taken)
    _replace(graph, new)


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate)
    return candidate


def _own_outputs(graph: GraphProto) -> None:
    """Let each output be the result of a node, and of no other output."""
    from onnx import helper

    made = {name for node in graph.node for name in node.output}
    for number, output in enumerate(graph.output):
        if output.name in made:
            made.remove(output.name)
            continue
        own = f"output.{number}"  # no value of the exporter has a name like this
        graph.node.append(helper.make_node("Identity", [output.name], [own]))
        output.name = own


def _scopes(graph: GraphProto) -> dict[str, str]:
    """For each value the path of the first layer that reads it; empty where that is not known."""
    scopes: dict[str, str] = {}
    for node in graph.node:
        paths = scopes_of(node)[:-1]
        for name in node.input:
            scopes.setdefault(name, paths[-1] if paths else "")
    return scopes


def _replace(graph: GraphProto, new: Mapping[str, str]) -> None:
    """Give all values of a graph, and of the graphs inside its nodes, their new names."""
    for value in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        value.name = new.get(value.name, value.name)
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new.get(name, name) for name in names]
        for inner in graphs_of(node):
            _replace(inner, new)
