"""Guards: the conditions of modules and lines that only some calls of a class have.

A guard is an expression of constructor parameters that is true for exactly these calls. It is the
presence of an optional parameter, a comparison of channels or strides, or else a flag made for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mnet_cost.torch_model.source.argument_columns import (
    MISSING,
    ArgumentExpression,
    ConstructorParameter,
    ConstructorParameters,
    gaps,
)


class _Test(NamedTuple):
    """A comparison that may be a guard, and in which calls it is true."""

    form: str
    parameters: tuple[ConstructorParameter, ...]
    holds: tuple[bool, ...]


def guard(
    mask: tuple[bool, ...],
    label: str,
    parameters: ConstructorParameters,
    channels: Sequence[ArgumentExpression],
) -> ArgumentExpression:
    """An expression that is true for the calls in `mask` alone.

    `label` is the name of the layer that they have, `channels` the expressions that may be
    compared. A flag is added to `parameters` where no comparison fits.
    """
    for parameter in parameters.declared:
        if tuple(value is not MISSING and value is not None for value in parameter.values) == mask:
            # from here on None says something: who constructs the class has to pass it on
            parameter.values[:] = [None if v is MISSING else v for v in parameter.values]
            return ArgumentExpression("{} is not None", (parameter,))
    for test in _tests(parameters, channels, label == "add"):
        if test.holds == mask:
            return ArgumentExpression(test.form, test.parameters)
    return ArgumentExpression("{}", (parameters.flag(list(mask), _flag_name(label)),))


def _flag_name(label: str) -> str:
    return "residual" if label == "add" else f"has_{label}"


def _tests(
    parameters: ConstructorParameters,
    channels: Sequence[ArgumentExpression],
    residual: bool,
) -> Iterator[_Test]:
    """All comparisons, in the order of preference; a `residual` depends on stride and channels."""
    strides = [
        _Test("{} == 1", (parameter,), tuple(value == 1 for value in parameter.values))
        for parameter in parameters.declared
        if parameter.kind == "stride" and not gaps(parameter.values)
    ]
    distinct: dict[str, ArgumentExpression] = {}
    for expression in channels:
        key = expression.form + "".join(str(id(parameter)) for parameter in expression.parameters)
        distinct.setdefault(key, expression)
    values = [
        (expression, list(expression.values))
        for expression in distinct.values()
        if not gaps(expression.values)
    ]
    values.sort(key=lambda pair: [pair[1] != size for size in parameters.sizes])
    equal = []
    for i, (first, row) in enumerate(values):
        for second, other in values[i + 1 :]:
            holds = tuple(a == b for a, b in zip(row, other, strict=True))
            equal.append((first, second, holds))
    pairs = list(_pairs(equal))
    combined = list(_combined(strides, equal))
    yield from (*combined, *pairs) if residual else (*pairs, *combined)
    for stride in strides:
        yield stride
        opposite = tuple(not held for held in stride.holds)
        yield stride._replace(form=stride.form.replace("==", "!="), holds=opposite)


_Equal = tuple[ArgumentExpression, ArgumentExpression, tuple[bool, ...]]


def _pairs(equal: Sequence[_Equal]) -> Iterator[_Test]:
    for first, second, holds in equal:
        own = (*first.parameters, *second.parameters)
        yield _Test(f"{first.form} == {second.form}", own, holds)
        opposite = tuple(not held for held in holds)
        yield _Test(f"{first.form} != {second.form}", own, opposite)


def _combined(strides: Sequence[_Test], equal: Sequence[_Equal]) -> Iterator[_Test]:
    for stride in strides:
        for first, second, holds in equal:
            both = tuple(a and b for a, b in zip(stride.holds, holds, strict=True))
            own = (*stride.parameters, *first.parameters, *second.parameters)
            form = f"{first.form} == {second.form}"
            yield _Test(f"{stride.form} and {form}", own, both)
            form = form.replace("==", "!=")
            opposite = tuple(not held for held in both)
            yield _Test(f"{stride.form.replace('==', '!=')} or {form}", own, opposite)
