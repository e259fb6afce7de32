"""Which layers each node of an exported ONNX model does, and names of its nodes after them.

torch's exporter says of a node in which modules it was called, so each call of a graph is put into
a module of its own while it is exported. What the exporter then folds or merges (a batch norm into
its convolution, equal functions of one tensor) is found by the tensors: a node does the layers
between its inputs and its output.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import fx, nn

from mnet_cost.torch_model.graph import LAYER

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

SCOPES = "pkg.torch.onnx.name_scopes"
"""The key of metadata that lists the paths of the modules around a node, then the node's name."""
_CLASSES = "pkg.torch.onnx.class_hierarchy"
_CALLS = "calls-of-layers"  # no path of a layer begins with it, since names have no `-`


class _Call(nn.Module):
    """A call of a graph, as a module. A module that it calls stays where it is registered."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._function = (function,)  # in a tuple, which registers nothing

    def forward(self, *arguments: Any, **options: Any) -> Any:
        return self._function[0](*arguments, **options)


def with_calls(module: fx.GraphModule) -> fx.GraphModule:
    """A copy of `module`, with the same layers and weights, that `layers_of_nodes` can follow."""
    copied = fx.GraphModule(module, copy.deepcopy(module.graph))
    calls = nn.ModuleList()
    for node in copied.graph.nodes:
        if node.op == "call_function":
            function = node.target
        elif node.op == "call_module":
            function = copied.get_submodule(node.target)
        else:
            continue
        node.op, node.target = "call_module", f"{_CALLS}.{len(calls)}"
        calls.append(_Call(function))
    copied.add_module(_CALLS, calls)
    copied.recompile()
    return copied


def calls_of(exported: fx.Graph) -> dict[str, int]:
    """The number of the call that each node of a graph of torch.export was traced from, by its
    name: of the graph that was made of `with_calls(module)`."""
    numbers: dict[str, int] = {}
    for node in exported.nodes:
        for path, _ in node.meta.get("nn_module_stack", {}).values():
            head, _, number = path.partition(".")
            if head == _CALLS:
                numbers[node.name] = int(number)
    return numbers


def name_nodes(
    graph: GraphProto, module: fx.GraphModule, numbers: Mapping[str, int]
) -> dict[str, tuple[str, ...]]:
    """Name the nodes of a graph that was exported of `with_calls(module)` after their layers.

    `numbers` is what `calls_of` says. A node is called `middle.3.conv2d`, and where the layer is
    several nodes, the others `middle.3.conv2d/2` and so on. Returns the names of the layers that
    each node does, by its name, in order. Nodes of no layer keep their names behind a `/`, and are
    not in the result.
    """
    calls = [node for node in module.graph.nodes if node.op in ("call_function", "call_module")]
    nodes = list(nodes_of(graph))
    own = [_take_layer(node, calls, numbers) for node in nodes]
    joined = _joined(module, {layer for layer in own if layer is not None})
    times = Counter(layer for done in joined.values() for layer in done)
    layers: dict[str, tuple[str, ...]] = {}
    counts: Counter[str] = Counter()
    for node, layer in zip(nodes, own, strict=True):
        if layer is None:
            node.name = f"/{node.name}"
            continue
        done = joined.get(layer, (layer,))
        name = next(name for name in done if times[name] < 2)
        counts[name] += 1
        node.name = name if counts[name] == 1 else f"{name}/{counts[name]}"
        layers[node.name] = done
    return layers


def scopes_of(node: NodeProto) -> list[str]:
    """The paths of the modules around a node, then its name; empty where that is not known."""
    return _listed(node, SCOPES)


def nodes_of(graph: GraphProto) -> Iterator[NodeProto]:
    """The nodes of a graph and of the graphs inside its nodes."""
    for node in graph.node:
        yield node
        for inner in graphs_of(node):
            yield from nodes_of(inner)


def graphs_of(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs inside a node."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _listed(node: NodeProto, key: str) -> list[str]:
    for entry in node.metadata_props:
        if entry.key == key:
            return [str(item) for item in ast.literal_eval(entry.value)]
    return []


def _take_layer(
    node: NodeProto, calls: Sequence[fx.Node], numbers: Mapping[str, int]
) -> str | None:
    """The layer of the call that a node was exported from, whose module is taken out of the lists
    of modules around it."""
    scopes, classes = scopes_of(node), _listed(node, _CLASSES)
    number = None if scopes else _number(node, numbers)
    for place, scope in enumerate(scopes):
        head, _, written = scope.partition(".")
        if head == _CALLS:
            number = int(written)
            for entry in node.metadata_props:
                listed = {SCOPES: scopes, _CLASSES: classes}.get(entry.key)
                if listed is not None:
                    entry.value = repr(listed[:place] + listed[place + 1 :])
            break
    layer: str | None = None if number is None else calls[number].meta.get(LAYER)
    return layer


def _number(node: NodeProto, numbers: Mapping[str, int]) -> int | None:
    """The number of a call by the name of a tensor: that of an exported node, and what the exporter
    appends to it when it writes a node anew (`split_split_0`)."""
    for name in node.output:
        while name:
            if name in numbers:
                return numbers[name]
            name = name.rpartition("_")[0]
    return None


def _joined(module: fx.GraphModule, present: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The layers that the nodes of a layer do, in order, where they are more than itself.

    `present` are the layers that have nodes. One that has none was merged with an equal one, or
    folded into the layer that reads it. What is the same for all inputs is folded beforehand, and
    dropout does nothing: such layers are none's.
    """
    order: dict[str, None] = {}
    classes = _classes(module.graph)
    equal: dict[int, set[str]] = {}
    fed: dict[fx.Node, bool] = {}
    for node in module.graph.nodes:
        fed[node] = node.op == "placeholder" or any(fed[other] for other in node.all_input_nodes)
        layer = node.meta.get(LAYER)
        if layer is None:
            continue
        equal.setdefault(classes[node], set()).add(layer)
        if layer in present or (fed[node] and not _is_dropout(module, node)):
            order[layer] = None
    joined: dict[str, set[str]] = {}
    readers: dict[str, set[str]] = {}
    for node in reversed(module.graph.nodes):
        layer = node.meta.get(LAYER)
        if layer is None or layer in present:
            continue
        found = readers.setdefault(layer, set())
        twins = equal[classes[node]].intersection(present)
        for user in () if twins else node.users:
            reader = user.meta.get(LAYER)
            if reader is not None and reader != layer:
                found |= {reader} if reader in present else readers[reader]
        found |= twins
    for layer in order:
        for taker in readers.get(layer, ()):
            joined.setdefault(taker, {taker}).add(layer)
    return {
        taker: tuple(layer for layer in order if layer in layers)
        for taker, layers in joined.items()
    }


class _Made(NamedTuple):
    """What stands for a tensor among the arguments of a call."""

    by: int


def _classes(graph: fx.Graph) -> dict[fx.Node, int]:
    """A number for each node, the same for those that call the same with the same tensors."""
    numbers: dict[Any, int] = {}
    classes: dict[fx.Node, int] = {}
    for node in graph.nodes:
        same: Any = node
        if node.op in ("call_function", "call_module"):
            arguments = fx.map_arg((node.args, node.kwargs), lambda other: _Made(classes[other]))
            same = (node.op, node.target, repr(arguments))
        classes[node] = numbers.setdefault(same, len(numbers))
    return classes


def _is_dropout(module: fx.GraphModule, node: fx.Node) -> bool:
    return node.op == "call_module" and isinstance(
        module.get_submodule(str(node.target)), nn.Dropout
    )
