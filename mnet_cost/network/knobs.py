"""Values of knobs: defaults, what the user set, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

from mnet_cost.errors import ModelReferenceError, Problem, UsageError, did_you_mean, one_of
from mnet_cost.expressions import MAX_MAGNITUDE
from mnet_cost.layers.fields import Whole
from mnet_cost.models.types import BATCH, MAX_BATCH, Knob, ModelSpec
from mnet_cost.tensors import (
    Check,
    HeightWidth,
    RuleViolation,
    agreed,
    as_doubles,
    floor,
    instead,
    is_array,
    is_number,
    is_symbolic,
    require,
    within,
)

_SIDES = re.compile(r"([0-9]{1,16}) ?[xX] ?([0-9]{1,16})")


def knob_values(
    spec: ModelSpec, given: Mapping[str, Any], check: Check = require
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(value of every knob, options picked for choices) for the values that the user set.

    `check` marks the candidates of an array that the knob cannot have. Names with a dot are
    choices, which are known only when the spec is elaborated. Raises `ModelReferenceError` for an
    unknown knob and `UsageError` for a value that the knob cannot have.
    """
    values = {name: knob.default for name, knob in spec.knobs.items()}
    values[BATCH] = 1
    chosen = {}
    for name, value in given.items():
        if is_array(value):
            value = as_doubles(value)
        if name == BATCH:
            values[BATCH] = _batch(value, check)
        elif name in values:
            values[name] = _knob_value(spec, spec.knobs[name], value, check)
        elif "." in name:
            chosen[name] = value
        else:
            known = [*spec.knobs, BATCH]
            raise ModelReferenceError(
                Problem(
                    f"{spec.title} has no knob `{name}`",
                    hint=did_you_mean(name, known)
                    or f"it has {one_of(known).replace(' or ', ' and ')}"
                    + (_OF_A_FILE if spec.origins else ""),
                )
            )
    return values, chosen


_OF_A_FILE = "; `mnet-cost import` makes a spec of a model file, with a knob where sizes can change"


def refuse_unknown_choices(
    spec: ModelSpec, chosen: Mapping[str, Any], choices: Mapping[str, Any]
) -> None:
    """`ModelReferenceError` for a picked option of a choice that the spec does not have.

    A choice in a copy that is not there is ignored, so numbers of copies do not count.
    """
    shapes = {_without_numbers(name) for name in choices}
    for name in chosen:
        if _without_numbers(name) not in shapes:
            hint = did_you_mean(name, choices) or (
                "it has " + ", ".join(f"`{choice}`" for choice in list(choices)[:8])
                if choices
                else "it has no choices"
            )
            raise ModelReferenceError(Problem(f"{spec.title} has no choice `{name}`", hint=hint))


def _without_numbers(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split(".") if not part.isdigit())


def _batch(value: Any, check: Check) -> Any:
    if is_array(value) and is_number(value):
        return _marked(value, (value == floor(value)) & within(value, MAX_BATCH) & (value >= 1),
                       1, check)  # fmt: skip
    try:
        batch = Whole().convert(value, require)
    except RuleViolation as violation:
        raise UsageError(f"batch {violation}") from None
    if batch > MAX_BATCH:
        raise UsageError(f"batch must be at most {MAX_BATCH}, not {batch}")
    return batch


def _sides(value: Any) -> tuple[Any, Any] | None:
    """The height and width that a value of a knob states: `480x640` or (480, 640)."""
    if isinstance(value, str) and (written := _SIDES.fullmatch(value)):
        return int(written[1]), int(written[2])
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return value[0], value[1]
    return None


def _marked(value: Any, valid: Any, default: Any, check: Check) -> Any:
    """The array `value`, with `default` where it is not `valid`; `check` marks these candidates."""
    check(valid, "is not a value of the knob")
    return instead(value, valid, default)


def _knob_array(knob: Knob, value: Any, check: Check) -> Any:
    valid = value == value
    if is_number(value):
        valid = within(value, MAX_MAGNITUDE)
        if knob.multiple_of > 1:
            known = instead(value, valid, knob.default)  # NaN has no remainder
            valid = valid & (known % knob.multiple_of == 0)
    if knob.choices:
        listed = [value == choice for choice in knob.choices]
        valid = valid & reduce(or_, listed)
    return _marked(value, valid, knob.default, check)


def _nearest(value: Any, multiple_of: int) -> str | None:
    """The multiples on both sides of a value; None where they are not known, or not positive."""
    if is_symbolic(value) or value <= 0:
        return None
    below = int(value // multiple_of) * multiple_of
    return f"{below} or {below + multiple_of}" if below else f"{multiple_of}"


def _knob_value(spec: ModelSpec, knob: Knob, value: Any, check: Check) -> Any:
    wanted = type(knob.default)
    if wanted not in (bool, str) and (sides := _sides(value)) is not None:
        height, width = (_knob_value(spec, knob, side, check) for side in sides)
        return height if agreed(height == width) else HeightWidth(height, width)
    if is_array(value) and value.dtype.kind in {bool: "b", str: "U"}.get(wanted, "iuf"):
        return _knob_array(knob, value, check)
    fits = (
        isinstance(value, wanted)
        if wanted in (bool, str)
        else is_symbolic(value) or (isinstance(value, (int, float)) and not isinstance(value, bool))
    )
    if not fits:
        what = {bool: "true or false", str: "a word"}.get(wanted, "a number")
        raise UsageError(f"the knob `{knob.name}` of {spec.title} needs {what}, not {value!r}")
    if not isinstance(value, str) and not agreed(within(value, MAX_MAGNITUDE)):  # NaN is not
        raise UsageError(f"the knob `{knob.name}` of {spec.title} needs a number up to 2^53")
    if knob.choices and not any(agreed(value == choice) for choice in knob.choices):
        listed = ", ".join(map(str, knob.choices))
        raise UsageError(f"the knob `{knob.name}` of {spec.title} is one of {listed}, not {value}")
    if knob.multiple_of > 1 and not agreed(value % knob.multiple_of == 0):
        raise UsageError(
            Problem(
                f"the knob `{knob.name}` of {spec.title} is a multiple of {knob.multiple_of}, "
                f"not {value}",
                hint=_nearest(value, knob.multiple_of),
            )
        )
    return value
