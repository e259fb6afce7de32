"""Conditions of a list of operators, asked of one layer: what their names stand for.

Sizes are those of the network, whole or recorded. A condition on what the layer does not have, such
as the height of a vector, tells nothing. Not here: which conditions a layer has to meet
(`placement.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from mnet_cost.devices.operators import REFERENCES, Condition
from mnet_cost.expressions import ExpressionError, parse_expression
from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.base import both, on_each_axis
from mnet_cost.layers.conv import is_same
from mnet_cost.layers.fields import Word, fields_of
from mnet_cost.network import Step
from mnet_cost.tensors import RuleViolation, TensorType, agreed, axis_names, is_number, largest

Place = Literal["accelerator", "processor", "unknown", "none"]
"""none: it is made beforehand, of stored tensors alone."""

_SIZE = re.compile(r"[A-Za-z_]\w*\.\w+")


class Verdict(NamedTuple):
    """Where a layer runs by itself; as the fields of `Placed`."""

    place: Place
    reason: str = ""
    found: str = ""


def names_of(condition: Condition) -> tuple[str, ...]:
    """The names that a condition uses, sizes of tensors apart."""
    return tuple([use.name for use in parse_expression(condition.expression).names])


def unmet(condition: Condition, scope: LayerScope) -> Verdict | None:
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
        return Verdict("unknown", f"not known whether it meets: {wanted}")
    return Verdict("processor", f"needs {wanted}", ", ".join(shown))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _largest(values: Sequence[Any]) -> Any:
    most = values[0]
    for other in values[1:]:
        most = largest(most, other)
    return most


class _NoSuchSize(ValueError):
    """A condition names a size or a setting that the layer does not have."""


class _Names(dict[str, Any]):
    """Values by name, each looked up when it is asked for."""

    def __init__(self, look_up: Callable[[str], Any]) -> None:
        super().__init__()
        self.look_up = look_up

    def __missing__(self, name: str) -> Any:
        return self.look_up(name)


class LayerScope:
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
            return _largest(value)
        if not is_number(value) and not isinstance(value, bool):
            raise _NoSuchSize(name)
        return value

    def _scale(self) -> tuple[Any, Any]:
        before, after = self.tensors["input"].shape[-2:], self.output.shape[-2:]
        return after[0] / before[0], after[1] / before[1]

    def _padding(self) -> Any:
        """The most rows or columns on one side, in any direction."""
        layer: Any = self.step.layer
        padding = layer.padding
        if not is_same(padding):
            if padding is None or (isinstance(padding, str) and padding != "valid"):
                raise _NoSuchSize("padding")
            sides = padding if isinstance(padding, tuple) else (padding,)
            return 0 if padding == "valid" else _largest(sides)
        before, after = self.tensors["input"].shape, self.output.shape
        axes = layer.own_axes(self.tensors["input"]) - 1
        return _largest(
            [
                (largest((count - 1) * stride + dilation * (kernel - 1) + 1 - size, 0) + 1) // 2
                for size, count, kernel, stride, dilation in zip(
                    before[-axes:],
                    after[-axes:],
                    on_each_axis(layer.kernel, axes),
                    on_each_axis(layer.stride, axes),
                    on_each_axis(getattr(layer, "dilation", 1), axes),
                    strict=True,
                )
            ]
        )

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
