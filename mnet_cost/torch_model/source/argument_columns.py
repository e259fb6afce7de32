"""What differs between the calls of a class: columns of arguments, and the parameters they need.

A column has the value of an argument in each call. If all values are equal, the constant is
written. Other columns become parameters of the constructor: equal columns share a parameter, and a
column that is a multiple of a parameter is written as `2 * parameter` or `parameter // 2`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mnet_cost.escaping import quoted
from mnet_cost.torch_model.names import ATTRIBUTES, variable

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()
"""The value of a column for a call that does not have the layer."""

_CHANNELS = frozenset(
    (
        "in_channels", "out_channels", "num_features", "num_channels", "groups", "num_groups",
        "in_features", "out_features", "normalized_shape", "features", "width", "context",
        "channels", "embedding_dim", "input_size", "hidden_size",
    )
)  # fmt: skip

CHANNELS = "channels"
"""The kind of all arguments that count channels or features."""

_NATURAL = {"stride": 1, "dilation": 1, "groups": 1, "flag": False}


def kind_of(argument: str) -> str:
    """What an argument means; only columns of the same kind share a parameter."""
    return CHANNELS if argument in _CHANNELS else argument


@dataclass(eq=False)
class ConstructorParameter:
    """A parameter of a class's constructor."""

    values: list[Any]
    """In each call; MISSING where no layer of the call uses it."""
    kind: str
    """As `kind_of` says."""
    argument: str
    """The name of the first argument that it is for."""
    layer: str
    """The name of the first layer that it is for; empty if the spec does not name that layer."""
    name: str = ""
    """Set by `ConstructorParameters.settle`."""
    default: Any = MISSING
    """MISSING if it has none."""


@dataclass(eq=False)
class ArgumentExpression:
    """How an argument is written: a constant, or a text with parameters."""

    form: str
    """A format string with `{}` for each parameter, such as `{} // 2`."""
    parameters: tuple[ConstructorParameter, ...] = ()
    constant: Any = MISSING
    """The constant; MISSING if it is no constant."""
    values: Sequence[Any] = ()
    """In each call."""

    def text(self, prefix: str = "") -> str:
        """The expression with `prefix` before each parameter."""
        if self.constant is not MISSING:
            return shown(self.constant)
        return self.form.format(*(prefix + parameter.name for parameter in self.parameters))


@dataclass(eq=False)
class ArgumentColumn:
    """The values of an argument in all calls of a class."""

    values: list[Any]
    """In each call; MISSING for a call that does not have the layer."""
    argument: str
    layer: str
    """The layer's name; empty if the spec does not name it."""
    kind: str
    """As `kind_of` says."""
    expression: ArgumentExpression = field(default_factory=lambda: ArgumentExpression(""))


Named = Callable[[Any], str]


def shown(value: Any) -> str:
    """A constant, a tuple or list of them, or a function, as Python text."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "torch.inf" if value > 0 else "-torch.inf"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (tuple, list)):
        inner = ", ".join(map(shown, value))
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if callable(value):
        from mnet_cost.torch_model.source.text import function_name

        return function_name(value)
    return repr(value)


def same(first: Any, second: Any) -> bool:
    """Whether two constants have the same type and value, so that they are written alike."""
    return type(first) is type(second) and bool(first == second)


def defined(values: Sequence[Any]) -> list[Any]:
    """The values that are not MISSING."""
    return [value for value in values if value is not MISSING]


def all_same(values: Sequence[Any]) -> bool:
    """Whether all values that are not MISSING are the same constant; some must be there."""
    there = defined(values)
    return all(same(there[0], value) for value in there[1:])


class ConstructorParameters:
    """The parameters of a class's constructor, added as columns and guards ask for them."""

    def __init__(self, inputs: list[Any], outputs: list[Any]) -> None:
        self.declared: list[ConstructorParameter] = []
        self.sizes = (inputs, outputs)
        """Channels of the first input and the last output of each call."""

    def resolve(self, columns: Sequence[ArgumentColumn]) -> None:
        """Set the expression of each column, first of those that have a value in every call."""
        whole = [column for column in columns if not gaps(column.values)]
        parts = [column for column in columns if gaps(column.values)]
        for column in (*whole, *parts):
            column.expression = self._expression(column)

    def _expression(self, column: ArgumentColumn) -> ArgumentExpression:
        if not defined(column.values):
            return ArgumentExpression("None", (), None)
        if all_same(column.values):
            return ArgumentExpression("", (), defined(column.values)[0])
        alike = [parameter for parameter in self.declared if parameter.kind == column.kind]
        for parameter in alike:
            if _agree(column.values, parameter.values, same):
                _extend(parameter, column.values)
                return ArgumentExpression("{}", (parameter,), values=parameter.values)
        for parameter in self.declared:
            form = _multiple(column, parameter)
            if form:
                return ArgumentExpression(form, (parameter,), values=column.values)
        values = list(column.values)
        if column.kind == CHANNELS:  # known in calls that leave the layer out, too
            for size in self.sizes:
                if not gaps(size) and _agree(values, size, same):
                    values = list(size)
                    break
        made = ConstructorParameter(values, column.kind, column.argument, column.layer)
        self.declared.append(made)
        return ArgumentExpression("{}", (made,), values=made.values)

    def flag(self, values: list[bool], layer: str) -> ConstructorParameter:
        """The boolean parameter with these values in the calls, made if there is none yet."""
        for parameter in self.declared:
            if parameter.kind == "flag" and parameter.values == values:
                return parameter
        made = ConstructorParameter(list(values), "flag", layer, layer)
        self.declared.append(made)
        return made

    def settle(self, modules: Iterable[str]) -> None:
        """Set names and defaults, and put the parameters in the order of the signature.

        `modules` are the names of the class's modules, which no parameter may have.
        """
        names = {"i", *modules, *ATTRIBUTES}  # i counts copies
        for parameter in self.declared:
            parameter.name = _unique(
                [variable(name) for name in _candidates(parameter, *self.sizes)], names
            )
            names.add(parameter.name)
            parameter.default = _default(parameter)
        self.declared.sort(
            key=lambda parameter: (
                parameter.default is not MISSING,
                parameter.kind != CHANNELS,
                parameter.name not in ("in_channels", "in_features"),
            )
        )


def gaps(values: Sequence[Any]) -> bool:
    """Whether a value is MISSING."""
    return any(value is MISSING for value in values)


def _agree(values: Sequence[Any], others: Sequence[Any], test: Callable[[Any, Any], bool]) -> bool:
    pairs = [
        (value, other)
        for value, other in zip(values, others, strict=True)
        if value is not MISSING and other is not MISSING
    ]
    return bool(pairs) and all(test(*pair) for pair in pairs)


def _extend(parameter: ConstructorParameter, values: Sequence[Any]) -> None:
    for i, value in enumerate(values):
        if parameter.values[i] is MISSING:
            parameter.values[i] = value


def _whole(values: Sequence[Any]) -> bool:
    return all(type(value) is int for value in defined(values))


def _multiple(column: ArgumentColumn, parameter: ConstructorParameter) -> str | None:
    """The form of a column that is a multiple or a fraction of a parameter; None if it is not."""
    if not _whole(column.values) or not _whole(parameter.values):
        return None
    covered = all(
        other is not MISSING or value is MISSING
        for value, other in zip(column.values, parameter.values, strict=True)
    )
    if not covered:
        return None
    if column.argument == "padding" and parameter.kind == "kernel_size":
        halved = _agree(column.values, parameter.values, lambda a, b: a == b // 2)
        return "{} // 2" if halved else None
    if column.kind != CHANNELS or parameter.kind != CHANNELS:
        return None
    for factor in range(2, 17):
        if _agree(column.values, parameter.values, lambda a, b, k=factor: a == k * b):  # type: ignore[misc]
            return f"{factor} * {{}}"
        if _agree(column.values, parameter.values, lambda a, b, k=factor: a * k == b):  # type: ignore[misc]
            return f"{{}} // {factor}"
    return None


def _candidates(
    parameter: ConstructorParameter, inputs: list[Any], outputs: list[Any]
) -> list[str]:
    word = "features" if parameter.argument in ("in_features", "out_features") else "channels"
    if parameter.kind == CHANNELS:
        first = _agree(parameter.values, inputs, same)
        last = _agree(parameter.values, outputs, same)
        if first and last:
            return [word, f"in_{word}"]
        if first or last:
            return [f"in_{word}" if first else f"out_{word}"]
        if parameter.layer:
            return [f"{parameter.layer}_{word}"]
        if parameter.argument.endswith(f"_{word}") and not parameter.argument.startswith(
            ("in_", "out_")
        ):
            return [parameter.argument]
        return [word, f"hidden_{word}", f"inner_{word}"]
    if parameter.kind == "function":
        return [re.sub(r"_\d+$", "", parameter.layer) or "activation"]
    if parameter.kind == "flag":
        return [parameter.argument]
    return [parameter.argument, f"{parameter.layer or 'other'}_{parameter.argument}"]


def _unique(names: Sequence[str], taken: set[str]) -> str:
    for name in names:
        if name not in taken:
            return name
    number = 2
    while f"{names[-1]}_{number}" in taken:
        number += 1
    return f"{names[-1]}_{number}"


def _default(parameter: ConstructorParameter) -> Any:
    if gaps(parameter.values) or None in parameter.values:
        return None
    if parameter.kind == CHANNELS:
        return MISSING
    natural = _NATURAL.get(parameter.kind)
    if natural is not None and natural in parameter.values:
        return natural
    for value in parameter.values:
        if 2 * sum(same(value, other) for other in parameter.values) > len(parameter.values):
            return value
    return MISSING
