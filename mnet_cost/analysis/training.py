"""What a training step costs: mult-adds forward and backward, and the memory that it holds.

Activations are those that torch's autograd saves in eager mode for the module of the network: each
tensor once, however many layers save it, views as the memory that they are views of, no layer in
place. Inputs come in the precision of the training, bytes of an image too; numbers of tokens are
int64. The rules are those of the layers (`Layer.saved_tensors`). Not here: the loss, gradients of
activations on their way, workspaces of kernels, what an allocator wastes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mnet_cost.analysis.work import LayerCost, add_up, count_work, settle_precision
from mnet_cost.errors import Problem, UsageError, did_you_mean
from mnet_cost.layers.gradient import INDEX_BYTES, GradInput, Saved
from mnet_cost.network import Network
from mnet_cost.tensors import DTYPES, DType

OPTIMIZERS: Mapping[str, int] = {
    "sgd": 0,
    "sgd_momentum": 1,
    "rmsprop": 1,
    "rmsprop_momentum": 2,
    "adam": 2,
    "adamw": 2,
}
"""Numbers that each optimizer keeps for each param (torch.optim; a counter for each trained tensor,
which some of them have as well, is not counted)."""

TRAINING_PRECISIONS = ("fp32", "fp16", "bf16")


class SavedTensor(NamedTuple):
    """A tensor that autograd holds in memory from the forward to the backward pass."""

    name: str
    bytes: int
    """Of the whole memory that it lies in, for the whole batch. A view holds all of its memory."""
    inside: bool = False
    """True: `name` is a layer that saves something that is no tensor of the network, such as
    statistics, indices or a padded copy. False: `name` is the tensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCost:
    """One training step: forward, backward, update. Counts include the batch."""

    batch: int
    precision: str
    """Of activations and of the products; params, gradients and statistics are fp32."""
    optimizer: str
    forward_mult_adds: int
    input_gradient_mult_adds: int
    """For gradients of activations: none where nothing before the layer is trained."""
    weight_gradient_mult_adds: int
    weight_bytes: int
    cast_weight_bytes: int
    """The copy of the params at a precision below fp32."""
    gradient_bytes: int
    optimizer_bytes: int
    average_bytes: int
    """A moving average of the params, if there is one."""
    statistic_bytes: int
    """Buffers: running statistics of norms, constant kernels."""
    activation_bytes: int
    saved_tensors: tuple[SavedTensor, ...] = field(repr=False)
    """The tensors whose sizes add up to `activation_bytes`, largest first."""
    unmodelled: tuple[str, ...]
    """Names of layers whose cost is unknown; with some, all the rest are lower bounds."""

    @property
    def backward_mult_adds(self) -> int:
        return self.input_gradient_mult_adds + self.weight_gradient_mult_adds

    @property
    def mult_adds(self) -> int:
        """Mult-adds of the whole step."""
        return self.forward_mult_adds + self.backward_mult_adds

    @property
    def memory_bytes(self) -> int:
        """The estimate of the peak: the sum of all that is held when the backward pass starts."""
        return (
            self.weight_bytes + self.cast_weight_bytes + self.gradient_bytes
            + self.optimizer_bytes + self.average_bytes + self.statistic_bytes
            + self.activation_bytes
        )  # fmt: skip


def training_cost(
    network: Network,
    precision: str | None = None,
    *,
    optimizer: str = "sgd_momentum",
    weight_average: bool = False,
) -> TrainingCost:
    """The cost of one step at the network's batch, all of its params trained.

    With fp16 or bf16 (mixed precision) all activations are assumed to be kept at that precision,
    and beside the fp32 params a copy of them at it; what torch's autocast leaves at fp32 is then
    underestimated. Without a `precision` it is the one that the spec states, else fp32. Raises
    `UsageError` for an unknown optimizer or precision.
    """
    state = _state_size(optimizer)
    precision = settle_precision(network.spec, precision).name
    if precision not in TRAINING_PRECISIONS:
        raise UsageError(
            Problem(
                f"there is no training in `{precision}`",
                hint="there are " + ", ".join(TRAINING_PRECISIONS),
            )
        )
    dtype = DTYPES[precision]
    costs = count_work(network, DTYPES["fp32"])
    totals = add_up(costs)
    flow = _gradient_flow(network, costs)
    saved_tensors = _saved_tensors(network, flow, dtype)
    backward = [
        (
            *step.layer.backward_mult_adds(flow.inputs[i], network.tensors[step.output].type),
            network.batch_of(step),
        )
        for i, step in enumerate(network.steps)
        if flow.has_gradient[step.output]
    ]
    params = totals.params * DTYPES["fp32"].bytes
    return TrainingCost(
        batch=network.batch,
        precision=precision,
        optimizer=optimizer,
        forward_mult_adds=totals.mult_adds,
        input_gradient_mult_adds=sum(inputs * batch for inputs, _, batch in backward),
        weight_gradient_mult_adds=sum(weights * batch for _, weights, batch in backward),
        weight_bytes=params,
        cast_weight_bytes=totals.params * dtype.bytes if precision != "fp32" else 0,
        gradient_bytes=params,
        optimizer_bytes=state * params,
        average_bytes=params if weight_average else 0,
        statistic_bytes=totals.buffers * DTYPES["fp32"].bytes,
        activation_bytes=sum(saved.bytes for saved in saved_tensors),
        saved_tensors=saved_tensors,
        unmodelled=tuple(
            cost.step.name for cost in costs if cost.work is None or cost.step.layer.states_work
        ),
    )


def _state_size(optimizer: str) -> int:
    if optimizer not in OPTIMIZERS:
        raise UsageError(
            Problem(
                f"there is no optimizer `{optimizer}`",
                hint=did_you_mean(optimizer, OPTIMIZERS) or "there are " + ", ".join(OPTIMIZERS),
            )
        )
    return OPTIMIZERS[optimizer]


class _GradientFlow(NamedTuple):
    """What is known of each step's inputs, of each tensor's memory, and of its gradient."""

    inputs: list[tuple[GradInput, ...]]
    """One entry for each step."""
    memory: list[int]
    """For each tensor, the first tensor in the same memory."""
    has_gradient: list[bool]
    """For each tensor, whether its gradient is calculated."""


def _gradient_flow(network: Network, costs: tuple[LayerCost, ...]) -> _GradientFlow:
    """Forward for what needs a gradient and is a view, back from the outputs for what gets one."""
    tensors = network.tensors
    needs_gradient, permuted, strided, static = ([False] * len(tensors) for _ in range(4))
    memory, inputs_by_step = list(range(len(tensors))), []
    for step, cost in zip(network.steps, costs, strict=True):
        layer = step.layer
        inputs = tuple(
            GradInput(tensors[i].type, needs_gradient[i], permuted[i], strided[i], static[i])
            for i in step.inputs
        )
        inputs_by_step.append(inputs)
        is_trained = cost.work is None or cost.work.params > 0
        passes_gradient = layer.differentiable and any(
            x.needs_gradient and layer.passes_gradient(i) for i, x in enumerate(inputs)
        )
        is_view = bool(inputs) and layer.is_view_in_training(inputs)
        is_permuted = layer.is_permuted(inputs)
        for output in step.outputs:
            dtype = tensors[output].type.dtype
            is_whole = dtype is not None and "int" in dtype.name  # positions, say
            needs_gradient[output] = (is_trained or passes_gradient) and not is_whole
            long_axes = sum(size > 1 for size in tensors[output].type.shape)
            permuted[output] = is_permuted and long_axes > 1
            strided[output] = is_view and layer.is_strided(inputs)
            static[output] = step.is_static
            if is_view:
                memory[output] = memory[step.inputs[0]]
    has_gradient = [False] * len(tensors)
    for index in network.outputs:
        has_gradient[index] = needs_gradient[index]
    for step in reversed(network.steps):
        arrives = any(has_gradient[output] for output in step.outputs)
        for output in step.outputs:
            has_gradient[output] = arrives
        if arrives or not step.layer.differentiable:
            for position, index in enumerate(step.inputs):
                if step.layer.passes_gradient(position):
                    has_gradient[index] = has_gradient[index] or needs_gradient[index]
    return _GradientFlow(inputs_by_step, memory, has_gradient)


def _saved_tensors(
    network: Network, flow: _GradientFlow, precision: DType
) -> tuple[SavedTensor, ...]:
    """Each tensor that some layer saves, and what a layer saves besides, largest first."""
    tensors = network.tensors
    element_bytes: dict[int, int] = {}  # of each tensor that is saved as it is
    saved_tensors = []
    for step, inputs in zip(network.steps, flow.inputs, strict=True):
        if not flow.has_gradient[step.output]:
            continue
        saved = step.layer.saved_tensors(inputs, tensors[step.output].type)
        if saved is None:
            continue
        copied, batch = 0, network.batch_of(step)
        for position in saved.inputs:
            if step.layer.makes_contiguous(inputs[position]):
                copied += inputs[position].type.elements
            else:
                element_bytes[flow.memory[step.inputs[position]]] = precision.bytes
        for position in saved.index_inputs:
            element_bytes[flow.memory[step.inputs[position]]] = INDEX_BYTES
        if saved.output:
            element_bytes[flow.memory[step.output]] = precision.bytes
        inside = _bytes_inside(saved, precision, batch) + copied * precision.bytes * batch
        if inside:
            saved_tensors.append(SavedTensor(step.name, inside, inside=True))
    for index, width in element_bytes.items():
        tensor = tensors[index]
        elements, batch = tensor.type.elements, network.batch
        if tensor.producer is not None:
            step = network.steps[tensor.producer]
            if step.layer.is_stored and step.layer.is_view_in_training(()):
                continue  # it is the memory of the weights
            types = tuple([tensors[i].type for i in step.inputs])
            elements = step.layer.memory_in_training(types, tensor.type)
            batch = network.batch_of(step)
        saved_tensors.append(SavedTensor(tensor.name, elements * width * batch))
    return tuple(sorted(saved_tensors, key=lambda saved: -saved.bytes))


def _bytes_inside(saved: Saved, precision: DType, batch: int) -> int:
    """Bytes that a layer saves besides tensors of the network."""
    fp32 = DTYPES["fp32"].bytes
    per_example = saved.elements * precision.bytes + saved.statistics * fp32 + saved.bytes
    once = saved.per_batch * fp32 + saved.static[0] * precision.bytes + saved.static[1]
    return per_example * batch + once
