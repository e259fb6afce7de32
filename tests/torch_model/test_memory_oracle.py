"""Peak memory against an allocator that is driven by the module as it runs, node by node.

From the run come the order, who reads what for the last time, and the sizes of what is made; from
the layers only whether they make a view or may write over an input. What a module makes on the way
inside a layer (a copy with padding, a transposed view) is no tensor of the network and is left out.
Tokens take what the spec says, though torch wants them as int64.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from oracle import build, examples  # noqa: E402
from random_networks import random_network, random_spec  # noqa: E402
from torch import fx  # noqa: E402

from mnet_cost.analysis.memory import trace_memory  # noqa: E402
from mnet_cost.layers.rearrange import ExpandBatch  # noqa: E402
from mnet_cost.layers.reshape import Identity  # noqa: E402
from mnet_cost.models.library import load_model  # noqa: E402
from mnet_cost.network import Network, Step, elaborate  # noqa: E402
from mnet_cost.tensors import DTYPES, TensorType  # noqa: E402
from mnet_cost.torch_model import modules  # noqa: E402
from mnet_cost.torch_model.graph import TENSOR  # noqa: E402

FP32 = DTYPES["fp32"]


class Allocator(fx.Interpreter):  # type: ignore[misc]
    """Runs a module and keeps account of the memory that its tensors take."""

    def __init__(self, module: fx.GraphModule, network: Network) -> None:
        super().__init__(module)
        tensors = network.tensors
        self.types: dict[str, TensorType] = {tensor.name: tensor.type for tensor in tensors}
        self.steps: dict[str, Step] = {
            tensors[index].name: step for step in network.steps for index in step.outputs
        }
        """What makes each tensor; inputs of the network are not here."""
        self.readers = {
            node.meta[TENSOR]: {end for user in node.users for end in self._ends(user, node)}
            for node in module.graph.nodes
            if TENSOR in node.meta
        }
        """Nodes that have still to read each tensor; the output of the graph is the caller."""
        self.memory: dict[str, str] = {}
        """For each tensor the tensor that its memory was allocated for."""
        self.bytes: dict[str, int] = {}
        """Of the memory that is taken, by the tensor that it was made for; weights take none."""
        self.elements: dict[str, int] = {}
        """Of each tensor that was made."""
        self.live: dict[str, int] = {}
        """Bytes taken while each step runs."""

    def _ends(self, node: fx.Node, source: fx.Node) -> set[fx.Node]:
        """What is made of a source by a node: itself, or through nodes inside a layer what that
        makes."""
        if node.op == "output":
            return {node}
        if not self._is_read(node, source):
            return set()
        if TENSOR in node.meta:
            return {node}
        return {end for user in node.users for end in self._ends(user, node)}

    @staticmethod
    def _is_read(node: fx.Node, source: fx.Node) -> bool:
        """Whether a node reads elements of a source, and not the number of examples alone."""
        return node.target is not modules.for_each or node.args[0] is source

    def _sources(self, node: fx.Node) -> list[str]:
        """The tensors that a node is made of, in their order."""
        names: list[str] = []
        for source in node.all_input_nodes:
            if not self._is_read(node, source):
                continue
            names += [source.meta[TENSOR]] if TENSOR in source.meta else self._sources(source)
        return names

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        name = n.meta.get(TENSOR)
        if name is not None:
            size = value.numel() * (self.types[name].dtype or FP32).bytes
            self.elements[name] = value.numel()
            step = self.steps.get(name)
            is_static = step is not None and step.is_static
            home = None if step is None or is_static else self._home(n, step, name, size)
            self.memory[name] = name if home is None else home
            if home is None and not is_static:  # else it is a weight
                self.bytes[name] = size
            if step is not None:
                self._read(n, step)
        return value

    def _home(self, node: fx.Node, step: Step, output: str, size: int) -> str | None:
        """The memory of an input that the output takes, if it does."""
        sources = self._sources(node)
        for name in sources:
            home = self.memory[name]
            if step.layer.effect == "view":
                return home
            held = [tensor for tensor, where in self.memory.items() if where == home]
            unread = {reader for tensor in held for reader in self.readers[tensor]} <= {node}
            fits = home in self.steps and unread and self.bytes.get(home) == size
            # All that is read there is as long as the output: nothing is read twice, or in part.
            read = [source for source in sources if self.memory[source] == home]
            fits = fits and all(self.elements[source] == self.elements[output] for source in read)
            if step.layer.effect == "elementwise" and fits:
                return home
        return None

    def _read(self, node: fx.Node, step: Step) -> None:
        """After `node` nobody waits for it; after a whole step what nobody waits for is freed."""
        for readers in self.readers.values():
            readers.discard(node)
        self.live[step.name] = sum(self.bytes.values())
        if node.meta[TENSOR] == [name for name, maker in self.steps.items() if maker is step][-1]:
            needed = {self.memory[name] for name in self.memory if self.readers[name]}
            self.bytes = {name: size for name, size in self.bytes.items() if name in needed}


def allocated(network: Network) -> list[int]:
    """Bytes that are taken while each step of a network runs."""
    allocator = Allocator(build(network), network)
    allocator.run(*examples(network))
    return [allocator.live[step.name] for step in network.steps]


@pytest.mark.parametrize("seed", range(200))
def test_random_networks(seed: int) -> None:
    # An identity has no node, nor has `expand_batch`. A dropout has, and is a view as well.
    text = re.sub('"(identity|expand_batch)": {}', '"dropout": {}', json.dumps(random_spec(seed)))
    network = random_network(seed, json.loads(text))
    assert not any(isinstance(step.layer, (Identity, ExpandBatch)) for step in network.steps)
    trace = trace_memory(network, FP32)
    live = allocated(network)
    assert list(trace.live_bytes) == live
    assert trace.peak_bytes == max(live)


@pytest.mark.parametrize(
    "name", ["mobilenet_v1", "mobilenet_v2", "shufflenet_v2", "densenet", "ssd300_mobilenet_v1"]
)
def test_networks_of_the_library(name: str) -> None:
    network = elaborate(load_model(name).spec)
    assert trace_memory(network, FP32).peak_bytes == max(allocated(network))


def test_mobilenet_v1_at_its_peak() -> None:
    # The first pointwise convolution: 32 channels of 112 x 112 in, 64 out, 4 bytes each.
    network = elaborate(load_model("mobilenet_v1").spec)
    assert max(allocated(network)) == (32 + 64) * 112 * 112 * 4
