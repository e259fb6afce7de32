"""The network of a spec and knob values: layers, tensors with types, a schedule.

`Network.steps` are in the order in which they run; that order is an input of the memory
analysis, since two valid orders of one graph can need very different memory. Structure
(predecessors, paths, what reaches an output) is asked of `Network.graph`, a networkx DiGraph
that is built when it is first asked for. No results are kept on the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.errors import ModelReferenceError, Problem, UsageError, did_you_mean
from mnet_cost.layers import Layer
from mnet_cost.models.types import ModelSpec
from mnet_cost.tensors import DType, TensorType
from mnet_cost.yamlfile import Node

if TYPE_CHECKING:
    import networkx as nx

    from mnet_cost.yamlfile import Node


class Tensor(NamedTuple):
    """A tensor of the network: an input of it, or an output of a step."""

    name: str
    type: TensorType
    producer: int | None
    """Index into `Network.steps` of the step that makes it; None for an input of the network."""


class Step(NamedTuple):
    """One layer applied to tensors."""

    name: str
    """Its path: `middle.3.conv2d`."""
    layer: Layer
    inputs: tuple[int, ...]
    """Indices into `Network.tensors`."""
    outputs: tuple[int, ...]
    node: Node
    """The entry of the spec that wrote it."""
    block_path: str
    """Path of the block call that it stands in; empty at the top."""
    shares: int | None = None
    """Index of the step whose weights it uses as well; None where it has its own."""
    is_static: bool = False
    """Whether its outputs are stored tensors, or made of stored tensors alone: they are the same
    for all examples. torch makes them once a run, whatever the batch, and a runtime beforehand."""
    tied_to: int | None = None
    """Index of the step whose trained matrix is its kernel; its bias, if any, is its own."""
    precision: DType | None = None
    """Of its outputs and of what it stores, where the spec states it."""

    def __eq__(self, other: object) -> bool:
        """Whether it is the same layer at the same place, and from the same line of a spec."""
        return isinstance(other, Step) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self.name)

    def _identity(self) -> tuple[object, ...]:
        return (
            self.name,
            self.layer,
            self.inputs,
            self.outputs,
            self.line,
            self.block_path,
            self.shares,
            self.tied_to,
        )

    def __repr__(self) -> str:
        return f"<Step {self.name}: {self.layer.kind}>"

    @property
    def output(self) -> int:
        """Index of the tensor that it makes, the first of several."""
        return self.outputs[0]

    @property
    def line(self) -> int:
        """Line of the spec that wrote it."""
        return self.node.line


class Call(NamedTuple):
    """One use of a block, or one copy of a repeated entry."""

    path: str
    block: str
    """Name of the block, or `group` for an anonymous one."""
    node: Node
    """The entry that wrote it."""
    copy: int | None
    """Its number, from 1, if it is a copy of a repeated entry."""
    inputs: tuple[int, ...] = ()
    """Indices into `Network.tensors`, in the order of the block's inputs."""

    @property
    def line(self) -> int:
        """Line of the spec that wrote it."""
        return self.node.line


class Network:
    """An elaborated spec. Immutable; `with_schedule` gives the same network in another order."""

    __slots__ = ("_graph", "calls", "choices", "inputs", "knobs", "outputs", "spec", "stated",
                 "steps", "tensors", "warnings")  # fmt: skip

    def __init__(
        self,
        spec: ModelSpec,
        knobs: Mapping[str, Any],
        tensors: tuple[Tensor, ...],
        steps: tuple[Step, ...],
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
        calls: Mapping[str, Call],
        choices: Mapping[str, tuple[Any, ...]],
        warnings: tuple[Problem, ...] = (),
        stated: tuple[str, ...] = (),
    ) -> None:
        self.spec = spec
        self.knobs = knobs
        self.tensors = tensors
        self.steps = steps
        self.inputs = inputs
        self.outputs = outputs
        self.calls = calls
        self.choices = choices
        self.warnings = warnings
        self.stated = stated
        self._graph: nx.DiGraph[str] | None = None

    @property
    def batch(self) -> Any:
        """Examples per inference."""
        return self.knobs["batch"]

    def dtype_of(self, type_: TensorType) -> DType | None:
        """The dtype of a tensor; None where it is the precision of the spec or of the analysis."""
        return None if type_.dtype == self.spec.precision else type_.dtype

    def batch_of(self, step: Step) -> Any:
        """Examples for which a step runs: once where it is static."""
        return 1 if step.is_static else self.batch

    def is_static(self, tensor: int) -> bool:
        """Whether a tensor is stored, or made of stored tensors alone."""
        producer = self.tensors[tensor].producer
        return producer is not None and self.steps[producer].is_static

    @property
    def schedule(self) -> tuple[str, ...]:
        """Names of the steps in the order in which they run."""
        return tuple(step.name for step in self.steps)

    @property
    def graph(self) -> nx.DiGraph[str]:
        """Inputs and steps as nodes (attributes `layer`, `type`), tensors as edges.

        An edge's `ports` are the positions at which its target reads the tensor.
        """
        if self._graph is None:
            self._graph = _graph_of(self)
        return self._graph

    def step(self, name: str) -> Step:
        """The step of that name; `ModelReferenceError` when there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        names = [step.name for step in self.steps]
        raise ModelReferenceError(
            Problem(
                f"{self.spec.title} has no layer `{name}`",
                hint=did_you_mean(name, names) or "`mnet-cost analyze` lists the layers",
            )
        )

    def owner_of(self, step: Step) -> Step | None:
        """The step whose weights, or whose matrix, a step uses; None where they are its own."""
        index = step.tied_to if step.shares is None else step.shares
        return None if index is None else self.steps[index]

    def with_schedule(self, names: Sequence[str]) -> Network:
        """The same network with its steps in the order of `names`.

        Raises `UsageError` unless `names` has each step once, and after its inputs.
        """
        place = {name: i for i, name in enumerate(names)}
        old = {step.name: i for i, step in enumerate(self.steps)}
        if len(place) != len(names) or place.keys() != old.keys():
            wrong = sorted(place.keys() ^ old.keys()) or [
                name for name in place if list(names).count(name) > 1
            ]
            raise UsageError(
                f"a schedule names each of the {len(old)} layers once: see `{wrong[0]}`"
            )
        for before, after in self.graph.edges:
            if before in place and place[before] > place[after]:
                raise UsageError(f"the schedule has `{after}` before its input `{before}`")
        moved = {old[name]: i for i, name in enumerate(names)}
        steps = tuple(
            step._replace(
                shares=None if step.shares is None else moved[step.shares],
                tied_to=None if step.tied_to is None else moved[step.tied_to],
            )
            for step in (self.steps[old[name]] for name in names)
        )
        tensors = tuple(
            tensor if tensor.producer is None else tensor._replace(producer=moved[tensor.producer])
            for tensor in self.tensors
        )
        return Network(
            self.spec, self.knobs, tensors, steps, self.inputs, self.outputs, self.calls,
            self.choices, self.warnings, self.stated,
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        """Whether it is the same spec with the same knobs, in the same order."""
        if not isinstance(other, Network):
            return NotImplemented
        return (
            (self.spec, self.knobs, self.tensors) == (other.spec, other.knobs, other.tensors)
            and (self.inputs, self.outputs) == (other.inputs, other.outputs)
            and self.steps == other.steps
        )

    def __hash__(self) -> int:
        return hash((len(self.steps), self.inputs, self.outputs))

    def __reduce__(self) -> tuple[Any, ...]:
        """What goes to another process: all but the graph, which is built again when asked for."""
        return Network, (
            self.spec, self.knobs, self.tensors, self.steps, self.inputs, self.outputs, self.calls,
            self.choices, self.warnings, self.stated,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<Network {self.spec.title}: {len(self.steps)} layers>"


def _graph_of(network: Network) -> nx.DiGraph[str]:
    import networkx as nx  # 0.2 s: only when structure is asked for

    graph: nx.DiGraph[str] = nx.DiGraph()
    tensors = network.tensors
    for index in network.inputs:
        graph.add_node(tensors[index].name, layer=None, type=tensors[index].type)
    for step in network.steps:
        graph.add_node(step.name, layer=step.layer, type=tensors[step.output].type)
    for step in network.steps:
        for port, index in enumerate(step.inputs):
            tensor = tensors[index]
            source = tensor.name if tensor.producer is None else network.steps[tensor.producer].name
            if graph.has_edge(source, step.name):
                graph.edges[source, step.name]["ports"] += (port,)
            else:
                graph.add_edge(source, step.name, ports=(port,))
    nx.freeze(graph)
    return graph


def dead_ends(network: Network) -> tuple[Step, ...]:
    """Steps whose output nobody reads, though it is no output of the network.

    What only leads to such a step is not needed either; the end of it is the place to look. A
    trained tensor whose weights another layer takes is needed.
    """
    read = {index for step in network.steps for index in step.inputs} | set(network.outputs)
    ends = [step for step in network.steps if read.isdisjoint(step.outputs)]
    if ends:
        taken = {network.steps[step.tied_to] for step in network.steps if step.tied_to is not None}
        ends = [step for step in ends if not step.layer.is_stored or step not in taken]
    return tuple(ends)
