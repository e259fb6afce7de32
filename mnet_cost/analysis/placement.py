"""Which layers of a network an accelerator runs, by a list of what its runtime maps to it.

For each layer a place and, where it is not the accelerator, why; then what crosses between the
accelerator and the processor. What no document says is `unknown`, never one or the other. Norms
that are folded into weights are where the weights are, and so are layers without work. Not here:
what the list says (`devices/operators.py`), times (`fallback.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.layer_conditions import LayerScope, Place, Verdict, names_of, unmet
from mnet_cost.analysis.work import LayerCost
from mnet_cost.devices.operators import Limits, OperatorList, setting_names
from mnet_cost.layers import FAMILIES
from mnet_cost.network import Network, Step
from mnet_cost.tensors import DType, TensorType

_WITHOUT_WORK = frozenset(FAMILIES["No work at inference"])


class Placed(NamedTuple):
    """Where one layer runs."""

    step: Step
    place: Place
    reason: str
    """Why it does not run on the accelerator, or is not known to; empty where it does."""
    found: str = ""
    """What the layer has instead of what it needs."""
    after: str = ""
    """The layer whose place decides, where the reason is that alone."""
    is_operator: bool = True
    """Whether it is an operator of its own: not what is folded into weights, nor what has no
    work."""


class Crossing(NamedTuple):
    """A tensor that one unit writes and the other reads."""

    tensor: str
    writer: Place
    reader: Place
    bytes: Any
    """Of the whole batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the layers of a network run."""

    operators: OperatorList
    precision: str
    layers: tuple[Placed, ...]
    """One a step, in the order of the network."""
    crossings: tuple[Crossing, ...] | None
    """Between layers, so without input and output of the network; None where a place is unknown."""
    mult_adds: Any
    """None where those of a layer are unknown."""
    accelerated_mult_adds: Any
    """Of `mult_adds`, those that are known to be done on the accelerator."""
    processor_mult_adds: Any
    """Of `mult_adds`, those that are known not to be."""

    def __repr__(self) -> str:
        counts = f"{len(self.off)} layers off the accelerator, {len(self.unknown)} unknown"
        return f"<Placement by {self.operators.name}: {counts}>"

    @property
    def off(self) -> tuple[Placed, ...]:
        """Operators that run on the processor."""
        return self._operators("processor")

    @property
    def unknown(self) -> tuple[Placed, ...]:
        """Operators of which the list does not say where they run."""
        return self._operators("unknown")

    @property
    def accelerated(self) -> tuple[Placed, ...]:
        """Operators that run on the accelerator."""
        return self._operators("accelerator")

    def _operators(self, place: Place) -> tuple[Placed, ...]:
        return tuple([each for each in self.layers if each.place == place and each.is_operator])

    @property
    def is_whole(self) -> bool:
        """Whether all layers are known to run on the accelerator."""
        return not self.off and not self.unknown

    @property
    def crossing_bytes(self) -> Any:
        """Bytes of all crossings; None where they are unknown."""
        return None if self.crossings is None else sum([each.bytes for each in self.crossings])

    @property
    def other_precision(self) -> str | None:
        """The precision to ask for, where the accelerator runs none of the layers in this one."""
        precisions = self.operators.precisions
        return None if self.precision in precisions else precisions[0]


def place(
    network: Network,
    costs: Sequence[LayerCost],
    kernels: Sequence[Kernel],
    operators: OperatorList,
    precision: DType,
) -> Placement:
    """Where each layer of `network` runs, at `precision` unless the spec states another.

    `kernels` are those that the runtime makes of it, by which norms are folded.
    """
    folded = _folded(kernels)
    place_of: dict[int, Place] = {}  # by tensor; one of the network's inputs is wherever it is read
    layers: dict[str, Placed] = {}
    judged: dict[tuple[object, ...], Verdict] = {}
    for step in network.steps:
        placed = _placed(network, step, operators, precision, folded, layers, judged)
        layers[step.name] = placed
        place_of.update(dict.fromkeys(step.outputs, placed.place))
    each = tuple(layers.values())
    sums: dict[Place, Any] = dict.fromkeys(("accelerator", "processor", "unknown", "none"), 0)
    for cost, placed in zip(costs, each, strict=True):
        sums[placed.place] = sums[placed.place] + cost.mult_adds
    return Placement(
        operators=operators,
        precision=precision.name,
        layers=each,
        crossings=_crossings(network, place_of, precision),
        mult_adds=sum(sums.values()) if all(cost.work is not None for cost in costs) else None,
        accelerated_mult_adds=sums["accelerator"],
        processor_mult_adds=sums["processor"],
    )


def _folded(kernels: Sequence[Kernel]) -> dict[str, str]:
    """Layers that become part of the weights of another one, by name, with that one's name."""
    folded = {}
    for kernel in kernels:
        if not kernel.multiplies:
            continue
        for cost in kernel.layers[1:]:
            if not cost.step.layer.is_foldable:
                break
            folded[cost.step.name] = kernel.name
    return folded


def _placed(
    network: Network,
    step: Step,
    operators: OperatorList,
    precision: DType,
    folded: dict[str, str],
    layers: dict[str, Placed],
    judged: dict[tuple[object, ...], Verdict],
) -> Placed:
    if step.is_static or step.layer.kind == "expand_batch":  # a copy of a stored tensor
        return Placed(step, "none", "")
    writers = [
        layers[network.steps[producer].name]
        for tensor in step.inputs
        if (producer := network.tensors[tensor].producer) is not None
    ]
    writers = [writer for writer in writers if writer.place != "none"]
    if step.name in folded:
        host = layers[folded[step.name]]
        return Placed(step, host.place, host.reason, host.found, host.after, is_operator=False)
    if step.layer.kind in _WITHOUT_WORK:
        if not writers:
            return Placed(step, "accelerator", "", is_operator=False)
        return writers[0]._replace(step=step, is_operator=False)
    inputs = tuple([network.tensors[tensor].type for tensor in step.inputs])
    output = network.tensors[step.output].type
    own = step.precision or precision
    key = (id(step.layer), *map(id, inputs), id(output), own.name)
    if key not in judged:
        judged[key] = _judge(operators, step, inputs, output, own.name, network.batch_of(step))
    verdict = judged[key]
    if operators.partition == "prefix" and verdict.place != "processor":
        causes = [writer for writer in writers if writer.place == "processor"]
        if verdict.place == "accelerator":
            causes += [writer for writer in writers if writer.place == "unknown"]
        if causes:
            cause = causes[0].after or causes[0].step.name
            return Placed(step, causes[0].place, f"after {cause}", after=cause)
    return Placed(step, *verdict)


def _judge(
    operators: OperatorList,
    step: Step,
    inputs: tuple[TensorType, ...],
    output: TensorType,
    precision: str,
    batch: Any,
) -> Verdict:
    """Where a layer runs by itself, and why not on the accelerator."""
    kind = listed_kind(step, inputs, output)
    if kind == "opaque":
        return Verdict("unknown", "nobody knows what an `opaque` layer does")
    if kind in operators.refused:
        return Verdict("processor", f"not supported: {operators.refused[kind]}")
    parts = operators.made_of.get(kind, (kind,))
    for part in parts:
        if part not in operators.limits:
            what = "it" if part == kind else f"`{part}`, a part of it"
            if operators.unlisted == "processor":
                return Verdict(
                    "processor", "not supported" if part == kind else f"{what}, is not supported"
                )
            return Verdict("unknown", f"the list does not name {what}")
    scope = LayerScope(step, inputs, output, batch)
    for condition in operators.every_layer:
        if failed := unmet(condition, scope):
            return failed
    for part in parts:
        if failed := _beyond(operators.limits[part], part, kind, scope, operators, precision):
            return failed
    for part in (kind, *(part for part in parts if part != kind)):
        doubt = operators.unsure.get(part)
        if doubt and (part != kind or not any(unmet(each, scope) for each in doubt.when)):
            return Verdict("unknown", doubt.text)
    return Verdict("accelerator")


def listed_kind(step: Step, inputs: tuple[TensorType, ...], output: TensorType) -> str:
    """What a list calls a layer: an operation of `elementwise` by its name, and a convolution with
    a group for each channel `depthwise_conv2d`."""
    layer = step.layer
    if layer.kind == "elementwise":
        return str(layer.operation)  # type: ignore[attr-defined]
    if layer.kind == "conv2d":
        sizes = layer.convolution(inputs, output)
        if sizes is not None and sizes.is_depthwise:
            return "depthwise_conv2d"
    return layer.kind


def _beyond(
    limits: Limits,
    part: str,
    kind: str,
    scope: LayerScope,
    operators: OperatorList,
    precision: str,
) -> Verdict | None:
    """The place of a layer that exceeds what `part` of it has to keep to; None where none does."""
    precisions = limits.precisions or operators.precisions
    if precision not in precisions:
        return Verdict("processor", f"runs in {' or '.join(precisions)} alone", precision)
    # What a converter makes of a layer has settings that the list's `made_of` vouches for.
    hidden = frozenset() if part == kind else frozenset(setting_names(part))
    for condition in limits.needs:
        if hidden.isdisjoint(names_of(condition)) and (failed := unmet(condition, scope)):
            return failed
    return None


def _crossings(
    network: Network, place_of: dict[int, Place], precision: DType
) -> tuple[Crossing, ...] | None:
    """Tensors that are read by another unit than the one that writes them, each once."""
    if "unknown" in place_of.values():
        return None
    crossings: dict[int, Crossing] = {}
    for step in network.steps:
        reader = place_of[step.output]
        for tensor in step.inputs:
            writer = place_of.get(tensor, "none")
            if "none" not in (writer, reader) and writer != reader:
                type_ = network.tensors[tensor].type
                size = type_.elements * (type_.dtype or precision).bytes * network.batch
                name = network.tensors[tensor].name
                crossings[tensor] = Crossing(name, writer, reader, size)
    return tuple(crossings.values())
