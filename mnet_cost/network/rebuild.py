"""A network with the fields of some layers changed: the same steps, their types inferred anew.

Structure stays as it is: which layers there are and what each reads. So what a spec decides by
sizes (`when`, `repeat`) is not decided again, and all fields that nobody changes keep the values
that elaboration gave them. All rules and limits hold as they do for a spec.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mnet_cost.errors import Problem, UsageError
from mnet_cost.layers import Layer
from mnet_cost.models.calls import known_fields
from mnet_cost.network.inference import can_share, can_tie, excess, infer_outputs
from mnet_cost.network.types import Network, Step, Tensor
from mnet_cost.tensors import RuleViolation, TensorType, require


class MisfitError(UsageError):
    """A changed network is none: `step` is the name of the layer that does not fit, `reason` what
    its rule says."""

    def __init__(self, step: Step, reason: str) -> None:
        self.step = step.name
        self.reason = reason
        super().__init__(
            Problem(f"`{step.name}` ({step.layer.kind}) does not fit any more: {reason}")
        )


def changed_layer(layer: Layer, fields: Mapping[str, Any]) -> Layer:
    """The layer with other values of some fields, each checked as a value of a spec is.

    Raises `RuleViolation` for a field that the kind does not have, and for a value that it refuses.
    """
    known = known_fields(type(layer))
    values = {}
    for name, value in fields.items():
        if name not in known:
            raise RuleViolation(f"`{layer.kind}` has no field `{name}`")
        given = list(value) if isinstance(value, tuple) else value
        try:
            values[name] = known[name].kind.convert(given, require)
        except RuleViolation as violation:
            raise RuleViolation(f"`{name}` {violation}") from None
    return replace(layer, **values)


def with_layers(network: Network, layers: Mapping[int, Layer]) -> Network:
    """`network` with other layers at some steps, by index, in the same schedule.

    Raises `MisfitError` for the first layer whose rule refuses its new inputs, and for one that no
    longer can use the weights of another.
    """
    tensors = list(network.tensors)
    steps = list(network.steps)
    types = {tensor.type: tensor.type for tensor in tensors}
    """Equal types are one object, so that equal layers on them are counted once."""
    moved: set[int] = set()
    """Tensors of another type than before."""
    touched: list[int] = []
    for index, step in enumerate(steps):
        layer = layers.get(index, step.layer)
        if layer is step.layer and moved.isdisjoint(step.inputs):
            continue
        touched.append(index)
        steps[index] = step = step._replace(layer=layer)
        for output, type_ in zip(step.outputs, _outputs(step, _types_of(step, tensors)),
                                 strict=True):  # fmt: skip
            if type_ != tensors[output].type:
                moved.add(output)
                tensors[output] = tensors[output]._replace(type=types.setdefault(type_, type_))
    changed = set(touched)
    for index, step in enumerate(steps):
        if step.shares is not None and (index in changed or step.shares in changed):
            _check_sharing(step, steps[step.shares], tensors, can_share)
        if step.tied_to is not None and (index in changed or step.tied_to in changed):
            _check_sharing(step, steps[step.tied_to], tensors, can_tie)
    return Network(
        network.spec, network.knobs, tuple(tensors), tuple(steps), network.inputs, network.outputs,
        network.calls, network.choices, network.warnings, network.stated,
    )  # fmt: skip


def _types_of(step: Step, tensors: Sequence[Tensor]) -> tuple[TensorType, ...]:
    """Types of what a step reads."""
    return tuple([tensors[index].type for index in step.inputs])


def _outputs(step: Step, inputs: tuple[TensorType, ...]) -> tuple[TensorType, ...]:
    try:
        outputs = infer_outputs(step.layer, inputs, require)
    except RuleViolation as violation:
        raise MisfitError(step, str(violation)) from None
    if step.precision is not None:
        outputs = tuple([output.stored_as(step.precision) for output in outputs])
    if len(outputs) != len(step.outputs):
        raise MisfitError(step, f"it makes {len(outputs)} tensors, not {len(step.outputs)}")
    for output in outputs:
        too_large = excess(output, require)
        if too_large is not None:
            raise MisfitError(step, too_large)
    return outputs


def _check_sharing(
    step: Step, root: Step, tensors: Sequence[Tensor], can: Callable[..., Any]
) -> None:
    if not can(root.layer, _types_of(root, tensors), step.layer, _types_of(step, tensors)):
        raise MisfitError(step, f"it cannot use the weights of `{root.name}`")
