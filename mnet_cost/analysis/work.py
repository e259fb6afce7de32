"""Work and bytes of each layer at a batch size and precision.

Needs a `Network`; returns one `LayerCost` a step, in schedule order. Weights used twice are
stored once: the later user has no params of its own, or just a bias, but reads them. What is made
of stored tensors alone is counted once a run, not for each example, as torch does it. Not here:
fusion, caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from mnet_cost.errors import Problem, UsageError
from mnet_cost.layers import Work
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import Network, Step
from mnet_cost.tensors import DTYPES, PRECISIONS, DType, TensorType, floor, is_equal
from mnet_cost.units import format_count

DEFAULT = "fp32"
"""The precision where neither the spec nor a user states one."""

_Held = Literal["own", "tied", "first kernel", "another's"]
"""Where the weights of a layer are. own: its own. tied: its kernel is another layer's matrix. first
kernel: tied, and it is the first for which that matrix is a kernel. another's: all of them are."""


class LayerCost(NamedTuple):
    """What one step costs at the batch and precision of the analysis."""

    step: Step
    output: TensorType
    work: Work | None
    """For one example; None where it is unknown."""
    mult_adds: int
    vector_ops: int
    params: int
    weights: int
    buffers: int
    weight_bytes: int
    """Stored params and constants. 0 where they are another layer's."""
    read_weight_bytes: int
    """Params and constants read: its own, or those of another layer."""
    input_bytes: int
    output_bytes: int

    def __repr__(self) -> str:
        if self.work is None:
            return f"<LayerCost {self.step.name}: unknown>"
        # Counts can be arrays, which have no short form.
        counts = [
            format_count(count) if isinstance(count, int) else str(count)
            for count in (self.mult_adds, self.params)
        ]
        return f"<LayerCost {self.step.name}: {counts[0]} mult-adds, {counts[1]} params>"

    @property
    def traffic_bytes(self) -> int:
        """All bytes that the layer reads and writes."""
        return self.read_weight_bytes + self.input_bytes + self.output_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over layers. With unmodelled layers among them, lower bounds."""

    mult_adds: int = 0
    vector_ops: int = 0
    params: int = 0
    weights: int = 0
    buffers: int = 0
    weight_bytes: int = 0
    activation_bytes: int = 0
    """Bytes of all outputs written."""
    traffic_bytes: int = 0

    @property
    def flops(self) -> int:
        """1 mult-add is 2 FLOPs."""
        return 2 * self.mult_adds


def find_precision(name: str) -> DType:
    """The type of that name; `UsageError` when no analysis can be asked for it."""
    if name in PRECISIONS:
        return DTYPES[name]
    hint = "there are " + ", ".join(PRECISIONS)
    raise UsageError(Problem(f"there is no precision `{name}`", hint=hint))


def settle_precision(spec: ModelSpec, asked: str | None) -> DType:
    """The precision of an analysis of `spec`: the one that it states, else the one asked for.

    Without both it is fp32. `UsageError` for another one than the spec states.
    """
    stated = spec.precision
    if stated is None:
        return find_precision(DEFAULT if asked is None else asked)
    if asked is None or asked == stated.name:
        return stated
    find_precision(asked)
    node = spec.node.value["precision"]
    raise UsageError(
        Problem(
            f"{spec.title} is in {stated.name}, as it states ({node.span()}), not in {asked}",
            hint="ask for no precision, or take the line `precision` out of the spec",
        )
    )


def count_work(network: Network, precision: DType) -> tuple[LayerCost, ...]:
    """The cost of each step of `network`, batch included."""
    tensors = network.tensors
    # A layer costs the same on the same types, and elaboration shares equal ones: so the
    # copies of a block are counted once. The network keeps the objects, and so their ids, alive.
    counted: dict[tuple[object, ...], LayerCost] = {}
    costs = []
    needed: frozenset[int] | None = None
    """Stored tensors and results of them that a runtime stores; worked out where there are any."""
    counted_kernels: set[int] = set()
    """Steps whose matrix is a kernel that is counted among the weights already."""
    for step in network.steps:
        held: _Held = "own" if step.shares is None else "another's"
        if step.tied_to is not None:
            held = _held(network, step, counted_kernels)
        if step.is_static:  # once a run
            inputs = tuple([tensors[index].type for index in step.inputs])
            cost = _count(step, held, inputs, tensors[step.output].type, 1, precision)
            if needed is None:
                needed = _folded(network)
            costs.append(cost._replace(weight_bytes=_stored(step, cost, needed, precision)))
            continue
        key: tuple[object, ...]
        if len(step.inputs) == 1:  # nearly always
            key = (id(step.layer), held, id(tensors[step.inputs[0]].type))
        else:
            types = [tensors[index].type for index in step.inputs]
            key = (id(step.layer), held, *map(id, types))
        if step.precision is not None:
            key = (*key, id(step.precision))
        same = counted.get(key)
        if same is None:
            inputs = tuple([tensors[index].type for index in step.inputs])
            output = tensors[step.output].type
            same = counted[key] = _count(step, held, inputs, output, network.batch, precision)
            costs.append(same)
        else:
            costs.append(LayerCost(step, *same[1:]))
    return tuple(costs)


def _folded(network: Network) -> frozenset[int]:
    """Stored tensors, and results of them alone, that other layers or the caller read.

    A runtime makes these beforehand and stores them in the place of what they are made of. Of a
    view it stores the tensor that it is of.
    """
    roots: dict[int, int] = {}
    taken: set[int] = set()
    for step in network.steps:
        if not step.is_static:
            taken.update(step.inputs)
        elif step.inputs and step.layer.effect == "view":
            source = step.inputs[0]
            roots.update(dict.fromkeys(step.outputs, roots.get(source, source)))
        if step.tied_to is not None:
            taken.update(network.steps[step.tied_to].outputs)
    taken.update(network.outputs)
    return frozenset([roots.get(tensor, tensor) for tensor in taken])


def _stored(step: Step, cost: LayerCost, needed: frozenset[int], precision: DType) -> Any:
    """Bytes in which a runtime stores what a static step makes."""
    if needed.isdisjoint(step.outputs) or (step.inputs and step.layer.effect == "view"):
        return 0
    if step.tied_to is not None or step.shares is not None:
        return cost.weight_bytes
    return cost.output.elements * (cost.output.dtype or precision).bytes


def _held(network: Network, step: Step, counted_kernels: set[int]) -> _Held:
    """How a step that takes the matrix of another holds it."""
    assert step.tied_to is not None
    owner = network.steps[step.tied_to]
    if step.layer.effort != "linear" or owner.layer.effort == "linear":
        return "tied"
    if step.tied_to in counted_kernels:
        return "tied"
    counted_kernels.add(step.tied_to)
    return "first kernel"


def _count(
    step: Step,
    held: _Held,
    inputs: tuple[TensorType, ...],
    output: TensorType,
    batch: int,
    precision: DType,
) -> LayerCost:
    work = step.layer.work(inputs, output)
    if work is None:
        return LayerCost(step, output, None, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    width = precision.bytes
    input_bytes = work.input_elements * width
    if any(tensor.dtype is not None for tensor in inputs):
        input_bytes = _typed_bytes(step, work, inputs, precision)
    written = work.output_elements * (width if output.dtype is None else output.dtype.bytes)
    if step.precision is not None:
        width = step.precision.bytes
    read = step.layer.stored_with_weights(work) * width
    params, weights, own = work.params, work.weights, held != "another's"
    stored = read
    if own and held != "own":
        rows, columns = step.layer.matrix(inputs) or (0, 0)
        params = params - rows * columns
        weights = weights if held == "first kernel" else 0
        stored = read - rows * columns * width
    return LayerCost(
        step,
        output,
        work,
        work.mult_adds * batch,
        work.vector_ops * batch,
        params if own else 0,
        weights if own else 0,
        work.buffers if own else 0,
        stored if own else 0,
        read if step.layer.reads_params else 0,
        input_bytes * batch,
        written * batch,
    )


def _typed_bytes(step: Step, work: Work, inputs: tuple[TensorType, ...], precision: DType) -> Any:
    """Bytes read where an input has a dtype of its own, like an image of bytes."""
    elements = sum(tensor.elements for tensor in inputs)
    stored = sum(tensor.elements * (tensor.dtype or precision).bytes for tensor in inputs)
    if not step.layer.reads_params:
        return stored + (work.input_elements - elements) * (step.precision or precision).bytes
    widths = {(tensor.dtype or precision).bytes for tensor in inputs}
    if len(widths) == 1:
        return work.input_elements * widths.pop()
    if is_equal(work.input_elements, elements):
        return stored
    # As large a part of each. A product of two sizes would be too large for a double.
    return floor(work.input_elements * (stored / elements))


def add_up(costs: Sequence[LayerCost]) -> Totals:
    """Sums over `costs`."""
    return Totals(
        mult_adds=sum([cost.mult_adds for cost in costs]),
        vector_ops=sum([cost.vector_ops for cost in costs]),
        params=sum([cost.params for cost in costs]),
        weights=sum([cost.weights for cost in costs]),
        buffers=sum([cost.buffers for cost in costs]),
        weight_bytes=sum([cost.weight_bytes for cost in costs]),
        activation_bytes=sum([cost.output_bytes for cost in costs]),
        traffic_bytes=sum([cost.traffic_bytes for cost in costs]),
    )
