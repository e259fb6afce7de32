"""What a training step costs: mult-adds forward and backward, and the memory that it holds.

Activations are those that torch's autograd keeps in eager mode for the module of the network: each
tensor once, however many layers keep it, views as the memory that they are views of, no layer in
place. Inputs come in the precision of the training, bytes of an image too; numbers of tokens are
int64. A step needs a rule of its own here only where its layer does (`Layer.kept`). Not here: the
loss, gradients of activations on their way, workspaces of kernels, what an allocator wastes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mnet_cost.analysis.work import LayerCost, add_up, count_work
from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean
from mnet_cost.layers.base import INDEX_BYTES, Given, Kept
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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTensor:
    """What is in memory from the forward to the backward pass."""

    name: str
    bytes: int
    """Of the whole memory that it lies in, which can be more than a tensor."""
    inside: bool = False
    """Whether `name` is a layer that keeps something beside tensors of the network, like
    statistics, indices or a padded copy; else it is the tensor."""


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
    """A moving average of the params, if one is kept."""
    statistic_bytes: int
    """Running statistics of norms."""
    activation_bytes: int
    kept: tuple[KeptTensor, ...] = field(repr=False)
    """What `activation_bytes` are, largest first."""
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
    precision: str = "fp32",
    *,
    optimizer: str = "sgd_momentum",
    weight_average: bool = False,
) -> TrainingCost:
    """The cost of one step at the network's batch, all of its params trained.

    With fp16 or bf16 (mixed precision) all activations are assumed to be kept at that precision,
    and beside the fp32 params a copy of them at it; what torch's autocast leaves at fp32 is then
    underestimated. Raises `ModelReferenceError` for an unknown optimizer or precision.
    """
    state = _state_size(optimizer)
    if precision not in TRAINING_PRECISIONS:
        raise ModelReferenceError(
            Problem(
                f"there is no training in `{precision}`",
                hint="there are " + ", ".join(TRAINING_PRECISIONS),
            )
        )
    dtype = DTYPES[precision]
    costs = count_work(network, DTYPES["fp32"])
    totals = add_up(costs)
    given, homes, wanted = _flow(network, costs)
    kept = _kept_tensors(network, given, homes, wanted, dtype)
    backward = [
        step.layer.backward_mult_adds(given[i], network.tensors[step.output].type)
        for i, step in enumerate(network.steps)
        if wanted[step.output]
    ]
    params = totals.weight_bytes
    return TrainingCost(
        batch=network.batch,
        precision=precision,
        optimizer=optimizer,
        forward_mult_adds=totals.mult_adds,
        input_gradient_mult_adds=network.batch * sum(inputs for inputs, _ in backward),
        weight_gradient_mult_adds=network.batch * sum(weights for _, weights in backward),
        weight_bytes=params,
        cast_weight_bytes=totals.params * dtype.bytes if precision != "fp32" else 0,
        gradient_bytes=params,
        optimizer_bytes=state * params,
        average_bytes=params if weight_average else 0,
        statistic_bytes=totals.buffers * DTYPES["fp32"].bytes,
        activation_bytes=sum(one.bytes for one in kept),
        kept=kept,
        unmodelled=tuple(cost.step.name for cost in costs if cost.work is None),
    )


def _state_size(optimizer: str) -> int:
    if optimizer not in OPTIMIZERS:
        raise ModelReferenceError(
            Problem(
                f"there is no optimizer `{optimizer}`",
                hint=did_you_mean(optimizer, OPTIMIZERS) or "there are " + ", ".join(OPTIMIZERS),
            )
        )
    return OPTIMIZERS[optimizer]


class _Flow(NamedTuple):
    """What is known of each step's inputs, of each tensor's memory, and of its gradient."""

    given: list[tuple[Given, ...]]
    """By step."""
    homes: list[int]
    """By tensor: the first tensor in the same memory."""
    wanted: list[bool]
    """By tensor: whether its gradient is calculated."""


def _flow(network: Network, costs: tuple[LayerCost, ...]) -> _Flow:
    """Forward for what needs a gradient and is a view, back from the outputs for what gets one."""
    tensors = network.tensors
    needs, turned, gapped = ([False] * len(tensors) for _ in range(3))
    homes, all_given = list(range(len(tensors))), []
    for step, cost in zip(network.steps, costs, strict=True):
        layer = step.layer
        given = tuple(Given(tensors[i].type, needs[i], turned[i], gapped[i]) for i in step.inputs)
        all_given.append(given)
        trained = cost.work is None or cost.work.params > 0
        needing = trained or (layer.differentiable and any(x.needs_gradient for x in given))
        viewed = bool(given) and layer.is_view_in_training(given)
        is_turned = layer.is_turned(given)
        for output in step.outputs:
            needs[output] = needing
            long_axes = sum(size > 1 for size in tensors[output].type.shape)
            turned[output] = is_turned and long_axes > 1
            gapped[output] = viewed and layer.is_gapped(given)
            if viewed:
                homes[output] = homes[step.inputs[0]]
    wanted = [False] * len(tensors)
    for index in network.outputs:
        wanted[index] = needs[index]
    for step in reversed(network.steps):
        got = any(wanted[output] for output in step.outputs)
        for output in step.outputs:
            wanted[output] = got
        if got or not step.layer.differentiable:
            for index in step.inputs:
                wanted[index] = wanted[index] or needs[index]
    return _Flow(all_given, homes, wanted)


def _kept_tensors(
    network: Network,
    all_given: list[tuple[Given, ...]],
    homes: list[int],
    wanted: list[bool],
    precision: DType,
) -> tuple[KeptTensor, ...]:
    """Each tensor that some layer keeps, and what a layer keeps besides, largest first."""
    tensors, batch = network.tensors, network.batch
    whole: dict[int, int] = {}  # with the bytes of an element
    found = []
    for step, given in zip(network.steps, all_given, strict=True):
        if not wanted[step.output]:
            continue
        kept = step.layer.kept(given, tensors[step.output].type)
        if kept is None:
            continue
        copied = 0
        for number in kept.inputs:
            if step.layer.packs(given[number]):
                copied += given[number].type.elements
            else:
                whole[homes[step.inputs[number]]] = precision.bytes
        for number in kept.numbers:
            whole[homes[step.inputs[number]]] = INDEX_BYTES
        if kept.output:
            whole[homes[step.output]] = precision.bytes
        beside = _beside(kept, precision, batch) + copied * precision.bytes * batch
        if beside:
            found.append(KeptTensor(name=step.name, bytes=beside, inside=True))
    for index, width in whole.items():
        tensor = tensors[index]
        elements = tensor.type.elements
        if tensor.producer is not None:
            step = network.steps[tensor.producer]
            if step.is_weight:
                continue
            elements = step.layer.memory_in_training(tensor.type)
        found.append(KeptTensor(name=tensor.name, bytes=elements * width * batch))
    return tuple(sorted(found, key=lambda one: -one.bytes))


def _beside(kept: Kept, precision: DType, batch: int) -> int:
    """Bytes that a layer keeps beside tensors of the network."""
    fp32 = DTYPES["fp32"].bytes
    per_example = kept.elements * precision.bytes + kept.statistics * fp32 + kept.bytes
    return per_example * batch + kept.once * fp32
