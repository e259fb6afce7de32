"""When something is there: a comparison of parameters that says so for every call, or a flag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mnet_cost.torch_model.source.columns import MISSING, Expression, Parameter, Parameters, gaps


class _Test(NamedTuple):
    form: str
    parameters: tuple[Parameter, ...]
    holds: tuple[bool, ...]


def condition(
    mask: tuple[bool, ...],
    label: str,
    parameters: Parameters,
    channels: Sequence[Expression],
) -> Expression:
    """What is true for the calls in `mask`."""
    for one in parameters.found:
        if tuple(value is not MISSING for value in one.values) == mask:
            return Expression("{} is not None", (one,))
    for test in _tests(parameters, channels, label == "add"):
        if test.holds == mask:
            return Expression(test.form, test.parameters)
    return Expression("{}", (parameters.flag(list(mask), _flag_name(label)),))


def _flag_name(label: str) -> str:
    return "residual" if label == "add" else f"has_{label}"


def _tests(
    parameters: Parameters,
    channels: Sequence[Expression],
    residual: bool,
) -> Iterator[_Test]:
    strides = [
        _Test("{} == 1", (one,), tuple(value == 1 for value in one.values))
        for one in parameters.found
        if one.kind == "stride" and not gaps(one.values)
    ]
    distinct: dict[str, Expression] = {}
    for one in channels:
        key = one.form + "".join(str(id(parameter)) for parameter in one.parameters)
        distinct.setdefault(key, one)
    values = [(one, list(one.values)) for one in distinct.values() if not gaps(one.values)]
    values.sort(key=lambda one: [one[1] != size for size in parameters.sizes])
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
        opposite = tuple(not one for one in stride.holds)
        yield stride._replace(form=stride.form.replace("==", "!="), holds=opposite)


_Equal = tuple[Expression, Expression, tuple[bool, ...]]


def _pairs(equal: Sequence[_Equal]) -> Iterator[_Test]:
    for first, second, holds in equal:
        own = (*first.parameters, *second.parameters)
        yield _Test(f"{first.form} == {second.form}", own, holds)
        opposite = tuple(not one for one in holds)
        yield _Test(f"{first.form} != {second.form}", own, opposite)


def _combined(strides: Sequence[_Test], equal: Sequence[_Equal]) -> Iterator[_Test]:
    for stride in strides:
        for first, second, holds in equal:
            both = tuple(a and b for a, b in zip(stride.holds, holds, strict=True))
            own = (*stride.parameters, *first.parameters, *second.parameters)
            form = f"{first.form} == {second.form}"
            yield _Test(f"{stride.form} and {form}", own, both)
            form = form.replace("==", "!=")
            opposite = tuple(not one for one in both)
            yield _Test(f"{stride.form.replace('==', '!=')} or {form}", own, opposite)
