"""What differs between the calls of a class: columns of arguments, and the parameters they need.

A column has one value for each call. Equal values are written as they are; columns that are equal
share a parameter, and one that is a multiple of another is written as such.
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
    """What an argument means: columns of one kind may share a parameter."""
    return CHANNELS if argument in _CHANNELS else argument


@dataclass(eq=False)
class Parameter:
    """A parameter of a constructor, and its value in each call."""

    values: list[Any]
    kind: str
    argument: str
    layer: str
    """Of the first layer that it is for; empty if that has no name of its own."""
    name: str = ""
    default: Any = MISSING


@dataclass(eq=False)
class Expression:
    """A constant, or parameters within a text."""

    form: str
    parameters: tuple[Parameter, ...] = ()
    constant: Any = MISSING
    values: Sequence[Any] = ()
    """In each call."""

    def text(self, prefix: str = "") -> str:
        """The expression with `prefix` before each parameter."""
        if self.constant is not MISSING:
            return shown(self.constant)
        return self.form.format(*(prefix + one.name for one in self.parameters))


@dataclass(eq=False)
class Column:
    """The values of one argument in all calls of a class."""

    values: list[Any]
    argument: str
    layer: str
    kind: str
    found: Expression = field(default_factory=lambda: Expression(""))


Named = Callable[[Any], str]


def shown(value: Any) -> str:
    """A constant as Python writes it."""
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
    """Whether two constants are written alike."""
    return type(first) is type(second) and bool(first == second)


def defined(values: Sequence[Any]) -> list[Any]:
    """Those that are there."""
    return [value for value in values if value is not MISSING]


def all_same(values: Sequence[Any]) -> bool:
    """Whether those that are there are one constant."""
    there = defined(values)
    return all(same(there[0], value) for value in there[1:])


class Parameters:
    """The parameters that a class turns out to need."""

    def __init__(self, inputs: list[Any], outputs: list[Any]) -> None:
        self.found: list[Parameter] = []
        self.sizes = (inputs, outputs)
        """Channels of the first input and the last output of each call."""

    def resolve(self, columns: Sequence[Column]) -> None:
        """Find the expression of each column; those known for every call first."""
        whole = [column for column in columns if not gaps(column.values)]
        parts = [column for column in columns if gaps(column.values)]
        for column in (*whole, *parts):
            column.found = self._expression(column)

    def _expression(self, column: Column) -> Expression:
        if not defined(column.values):
            return Expression("None", (), None)
        if all_same(column.values):
            return Expression("", (), defined(column.values)[0])
        alike = [one for one in self.found if one.kind == column.kind]
        for one in alike:
            if _agree(column.values, one.values, same):
                _extend(one, column.values)
                return Expression("{}", (one,), values=one.values)
        for one in self.found:
            form = _multiple(column, one)
            if form:
                return Expression(form, (one,), values=column.values)
        values = list(column.values)
        if column.kind == CHANNELS:  # known in calls that leave the layer out, too
            for size in self.sizes:
                if not gaps(size) and _agree(values, size, same):
                    values = list(size)
                    break
        made = Parameter(values, column.kind, column.argument, column.layer)
        self.found.append(made)
        return Expression("{}", (made,), values=made.values)

    def flag(self, values: list[bool], layer: str) -> Parameter:
        """A parameter that says whether something is there."""
        for one in self.found:
            if one.kind == "flag" and one.values == values:
                return one
        made = Parameter(list(values), "flag", layer, layer)
        self.found.append(made)
        return made

    def settle(self, modules: Iterable[str]) -> None:
        """Give defaults, and names that are none of an attribute: `modules` are others there."""
        names = {"i", *modules, *ATTRIBUTES}  # i counts copies
        for one in self.found:
            one.name = _unique([variable(name) for name in _candidates(one, *self.sizes)], names)
            names.add(one.name)
            one.default = _default(one)
        self.found.sort(
            key=lambda one: (
                one.default is not MISSING,
                one.kind != CHANNELS,
                one.name not in ("in_channels", "in_features"),
            )
        )


def gaps(values: Sequence[Any]) -> bool:
    """Whether some call has no value."""
    return any(value is MISSING for value in values)


def _agree(values: Sequence[Any], others: Sequence[Any], test: Callable[[Any, Any], bool]) -> bool:
    pairs = [
        (value, other)
        for value, other in zip(values, others, strict=True)
        if value is not MISSING and other is not MISSING
    ]
    return bool(pairs) and all(test(*pair) for pair in pairs)


def _extend(parameter: Parameter, values: Sequence[Any]) -> None:
    for i, value in enumerate(values):
        if parameter.values[i] is MISSING:
            parameter.values[i] = value


def _whole(values: Sequence[Any]) -> bool:
    return all(type(value) is int for value in defined(values))


def _multiple(column: Column, parameter: Parameter) -> str | None:
    """How a column follows from a parameter by one factor, if it does."""
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


def _candidates(one: Parameter, inputs: list[Any], outputs: list[Any]) -> list[str]:
    word = "features" if one.argument in ("in_features", "out_features") else "channels"
    if one.kind == CHANNELS:
        first = _agree(one.values, inputs, same)
        last = _agree(one.values, outputs, same)
        if first and last:
            return [word, f"in_{word}"]
        if first or last:
            return [f"in_{word}" if first else f"out_{word}"]
        if one.layer:
            return [f"{one.layer}_{word}"]
        if one.argument.endswith(f"_{word}") and not one.argument.startswith(("in_", "out_")):
            return [one.argument]
        return [word, f"hidden_{word}", f"inner_{word}"]
    if one.kind == "function":
        return [re.sub(r"_\d+$", "", one.layer) or "activation"]
    if one.kind == "flag":
        return [one.argument]
    return [one.argument, f"{one.layer or 'other'}_{one.argument}"]


def _unique(names: Sequence[str], taken: set[str]) -> str:
    for name in names:
        if name not in taken:
            return name
    number = 2
    while f"{names[-1]}_{number}" in taken:
        number += 1
    return f"{names[-1]}_{number}"


def _default(one: Parameter) -> Any:
    if gaps(one.values):
        return None
    if one.kind == CHANNELS:
        return MISSING
    natural = _NATURAL.get(one.kind)
    if natural is not None and natural in one.values:
        return natural
    for value in one.values:
        if 2 * sum(same(value, other) for other in one.values) > len(one.values):
            return value
    return MISSING
