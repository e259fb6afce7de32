"""Which layers of a network an accelerator runs, by a list of what its runtime maps to it.

For each layer a place and, where it is not the accelerator, why; then what crosses between the
accelerator and the processor. What no document says is `unknown`, never one or the other. Norms
that are folded into weights are where the weights are, and so are layers without work. Not here:
what the list says (`devices/operators.py`), times (`fallback.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.work import LayerCost
from mnet_cost.devices.operators import (
    REFERENCES,
    Condition,
    Limits,
    OperatorList,
    setting_names,
)
from mnet_cost.expressions import ExpressionError, parse_expression
from mnet_cost.layers import FAMILIES
from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.base import both
from mnet_cost.layers.conv import is_same, sides
from mnet_cost.layers.fields import Word, fields_of
from mnet_cost.network import Network, Step
from mnet_cost.tensors import (
    DType,
    RuleViolation,
    TensorType,
    agreed,
    axis_names,
    is_number,
    largest,
)

Place = Literal["accelerator", "processor", "unknown", "none"]
"""none: it is made beforehand, of stored tensors alone."""

_WITHOUT_WORK = frozenset(FAMILIES["No work at inference"])
_SIZE = re.compile(r"[A-Za-z_]\w*\.\w+")


class Placed(NamedTuple):
    """Where one layer runs."""

    step: Step
    place: Place
    reason: str
    """Why it does not run on the accelerator, or is not known to; empty where it does."""
    after: str = ""
    """The layer whose place decides: one that it reads from, where the reason is that alone."""


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
    accelerated_mult_adds: Any
    """Of `mult_adds`, those that are known to be done on the accelerator."""
    processor_mult_adds: Any
    """Of `mult_adds`, those that are known not to be."""

    def __repr__(self) -> str:
        counts = f"{len(self.off)} layers off the accelerator, {len(self.unknown)} unknown"
        return f"<Placement by {self.operators.name}: {counts}>"

    @property
    def off(self) -> tuple[Placed, ...]:
        """Layers that run on the processor."""
        return tuple([layer for layer in self.layers if layer.place == "processor"])

    @property
    def unknown(self) -> tuple[Placed, ...]:
        """Layers of which the list does not say where they run."""
        return tuple([layer for layer in self.layers if layer.place == "unknown"])

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
    judged: dict[tuple[object, ...], tuple[Place, str]] = {}
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
        mult_adds=sum([cost.mult_adds for cost in costs]),
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
    judged: dict[tuple[object, ...], tuple[Place, str]],
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
        return Placed(step, host.place, host.reason and f"folded into {host.step.name}",
                      host.after or host.step.name if host.reason else "")  # fmt: skip
    if step.layer.kind in _WITHOUT_WORK:
        if not writers:
            return Placed(step, "accelerator", "")
        return writers[0]._replace(step=step)
    inputs = tuple([network.tensors[tensor].type for tensor in step.inputs])
    output = network.tensors[step.output].type
    own = step.precision or precision
    key = (id(step.layer), *map(id, inputs), id(output), own.name)
    if key not in judged:
        judged[key] = _judge(operators, step, inputs, output, own.name, network.batch_of(step))
    where, reason = judged[key]
    if operators.partition == "prefix" and where != "processor":
        causes = [writer for writer in writers if writer.place == "processor"]
        if where == "accelerator":
            causes += [writer for writer in writers if writer.place == "unknown"]
        if causes:
            cause = causes[0].after or causes[0].step.name
            return Placed(step, causes[0].place, f"after {cause}", cause)
    return Placed(step, where, reason)


def _judge(
    operators: OperatorList,
    step: Step,
    inputs: tuple[TensorType, ...],
    output: TensorType,
    precision: str,
    batch: Any,
) -> tuple[Place, str]:
    """Where a layer runs by itself, and why not on the accelerator."""
    kind = listed_kind(step, inputs, output)
    if kind == "opaque":
        return "unknown", "nobody knows what an `opaque` layer does"
    if kind in operators.refused:
        return "processor", f"`{kind}` is not supported"
    parts = operators.made_of.get(kind, (kind,))
    for part in parts:
        if part not in operators.limits:
            what = f"`{part}`, a part of it," if part != kind else f"`{part}`"
            if operators.unlisted == "processor":
                return "processor", f"{what} is not in the list"
            return "unknown", f"the list does not name {what.rstrip(',')}"
    scope = _Scope(step, inputs, output, batch)
    for condition in operators.every_layer:
        if failed := _unmet(condition, scope):
            return failed
    for part in parts:
        if failed := _beyond(operators.limits[part], part, kind, scope, operators, precision):
            return failed
    scope.hidden = frozenset()
    for part in (kind, *(part for part in parts if part != kind)):
        doubt = operators.unsure.get(part)
        if doubt and (part != kind or not any(_unmet(each, scope) for each in doubt.when)):
            return "unknown", doubt.text
    return "accelerator", ""


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
    scope: _Scope,
    operators: OperatorList,
    precision: str,
) -> tuple[Place, str] | None:
    """The place of a layer that exceeds what `part` of it has to keep to; None where none does."""
    precisions = limits.precisions or operators.precisions
    if precision not in precisions:
        return "processor", f"it runs in {' or '.join(precisions)}, not in {precision}"
    scope.hidden = frozenset() if part == kind else frozenset(setting_names(part))
    for condition in limits.needs:
        if failed := _unmet(condition, scope):
            return failed
    return None


def _unmet(condition: Condition, scope: _Scope) -> tuple[Place, str] | None:
    """The place of a layer that does not meet a condition; None where it does.

    A condition on what the layer does not have, as the height of a vector, tells nothing.
    """
    expression = parse_expression(condition.expression)
    wanted = condition.text or condition.expression
    try:
        if agreed(expression.evaluate(scope)):
            return None
        sizes = _SIZE.findall(condition.expression)
        names = dict.fromkeys([*sizes, *(use.name for use in expression.names)])
        shown = dict.fromkeys([scope.shown(name) for name in names])
    except (_NoSuchSize, ExpressionError, RuleViolation):
        return "unknown", f"it is not known whether it meets {wanted}"
    return "processor", f"needs {wanted}" + (f"; it has {', '.join(shown)}" if shown else "")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


class _NoSuchSize(ValueError):
    """A condition names a size or a setting that the layer does not have."""


class _Names(dict[str, Any]):
    """Values by name, each looked up when it is asked for."""

    def __init__(self, look_up: Callable[[str], Any]) -> None:
        super().__init__()
        self.look_up = look_up

    def __missing__(self, name: str) -> Any:
        return self.look_up(name)


class _Scope:
    """What conditions of a layer are evaluated in."""

    functions: frozenset[str] = frozenset()

    def __init__(
        self, step: Step, inputs: tuple[TensorType, ...], output: TensorType, batch: Any
    ) -> None:
        self.step = step
        self.tensors = dict(zip(REFERENCES, (inputs[0] if inputs else output, output), strict=True))
        self.inputs = inputs
        self.output = output
        self.batch = batch
        self.hidden: frozenset[str] = frozenset()
        """Settings of the kind whose conditions are asked, which this layer does not have."""
        self.names: dict[str, Any] = _Names(self.named)

    def named(self, name: str) -> Any:
        """What a name of a condition stands for; raises `_NoSuchSize` where the layer has none."""
        first, output = self.tensors["input"], self.output
        common = {
            "batch": self.batch,
            "inputs": len(self.inputs),
            "rank": len(output.shape) + 1,
            "input_rank": len(first.shape) + 1,
            "elements": output.elements,
            "input_elements": first.elements,
        }
        if name in common:
            return common[name]
        if name in self.hidden:
            raise _NoSuchSize(name)
        return self._setting(name)

    def _setting(self, name: str) -> Any:
        layer = self.step.layer
        if name == "axis":
            return -named_axis(self.tensors["input"], getattr(layer, "axis", None), layer.kind)
        if name == "padding":
            return self._padding()
        field = self._field_of_word(name)
        if field is not None:
            return str(getattr(layer, field)) == name
        stem, _, side = name.rpartition("_")
        if side in ("height", "width") and hasattr(layer, stem):
            value = getattr(layer, stem)
            if value is None and stem == "size":
                value = tuple(self.output.shape[-2:])
            if value is None and stem == "scale":
                value = self._scale()
            return both(value)[-2 if side == "height" else -1]
        if not hasattr(layer, name):
            raise _NoSuchSize(name)
        value = getattr(layer, name)
        if name == "scale" and value is None:
            value = self._scale()
        if isinstance(value, tuple):
            most = value[0]
            for other in value[1:]:
                most = largest(most, other)
            return most
        if not is_number(value) and not isinstance(value, bool):
            raise _NoSuchSize(name)
        return value

    def _scale(self) -> tuple[Any, Any]:
        before, after = self.tensors["input"].shape[-2:], self.output.shape[-2:]
        return after[0] / before[0], after[1] / before[1]

    def _padding(self) -> Any:
        """The most rows or columns on one side."""
        layer: Any = self.step.layer
        if not is_same(layer.padding):
            most, *others = sides(layer.padding)
            for other in others:
                most = largest(most, other)
            return most
        most = 0
        for axis in (0, 1):
            size, count = self.tensors["input"].shape[axis - 2], self.output.shape[axis - 2]
            span = both(getattr(layer, "dilation", 1))[axis] * (both(layer.kernel)[axis] - 1) + 1
            total = largest((count - 1) * both(layer.stride)[axis] + span - size, 0)
            most = largest(most, (total + 1) // 2)
        return most

    def _field_of_word(self, word: str) -> str | None:
        """The field that may hold a word, such as `mode` for `nearest`; None for other names."""
        for name, spec in fields_of(type(self.step.layer)).items():
            if isinstance(spec.kind, Word) and word in spec.kind.options:
                return name
        return None

    def shown(self, name: str) -> str:
        """What a name of a condition stands for, with the name."""
        reference, _, axis = name.rpartition(".")
        if reference:
            return f"{name} {_shown(self.size(reference, axis))}"
        field = self._field_of_word(name)
        if field is not None:
            return f"{field} {getattr(self.step.layer, field)}"
        return f"{name} {_shown(self.named(name))}"

    def size(self, reference: str, axis: str) -> Any:
        x = self.tensors[reference]
        names = axis_names(len(x.shape), x.layout)
        if axis not in names:
            raise _NoSuchSize(axis)
        return x.shape[names.index(axis) - len(names)]

    def call(self, name: str, arguments: list[Any]) -> Any:
        raise _NoSuchSize(name)

    def mark(self, valid: Any) -> None:
        """Candidates for which a division would fail: the condition is asked of one at a time."""
        if not agreed(valid):
            raise _NoSuchSize("a quotient")


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
