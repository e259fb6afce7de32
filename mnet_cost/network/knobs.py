"""Values of knobs: defaults, what the user set, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean, one_of
from mnet_cost.expressions import MAX_MAGNITUDE
from mnet_cost.layers.fields import Whole
from mnet_cost.models.types import BATCH, MAX_BATCH, Knob, ModelSpec
from mnet_cost.tensors import RuleViolation, require


def knob_values(spec: ModelSpec, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(value of every knob, options picked for choices) for what the user set.

    Names with a dot are choices, known only once the spec is elaborated.
    """
    values = {name: knob.default for name, knob in spec.knobs.items()}
    values[BATCH] = 1
    chosen = {}
    for name, value in given.items():
        if name == BATCH:
            values[BATCH] = _batch(value)
        elif name in values:
            values[name] = _knob_value(spec, spec.knobs[name], value)
        elif "." in name:
            chosen[name] = value
        else:
            known = [*spec.knobs, BATCH]
            raise ModelReferenceError(
                Problem(
                    f"{spec.title} has no knob `{name}`",
                    hint=did_you_mean(name, known)
                    or f"it has {one_of(known).replace(' or ', ' and ')}",
                )
            )
    return values, chosen


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


def _batch(value: Any) -> Any:
    try:
        batch = Whole().convert(value, require)
    except RuleViolation as violation:
        raise ModelReferenceError(f"batch {violation}") from None
    if isinstance(batch, int) and batch > MAX_BATCH:
        raise ModelReferenceError(f"batch must be at most {MAX_BATCH}, not {batch}")
    return batch


def _knob_value(spec: ModelSpec, knob: Knob, value: Any) -> Any:
    if hasattr(value, "dtype"):
        return value
    wanted = type(knob.default)
    fits = (
        isinstance(value, wanted)
        if wanted in (bool, str)
        else isinstance(value, (int, float)) and not isinstance(value, bool)
    )
    if not fits:
        what = {bool: "true or false", str: "a word"}.get(wanted, "a number")
        raise ModelReferenceError(
            f"the knob `{knob.name}` of {spec.title} needs {what}, not {value!r}"
        )
    if not isinstance(value, str) and not abs(value) <= MAX_MAGNITUDE:  # nor what is no number
        raise ModelReferenceError(
            f"the knob `{knob.name}` of {spec.title} needs a number up to 2^53"
        )
    if knob.choices and value not in knob.choices:
        listed = ", ".join(map(str, knob.choices))
        raise ModelReferenceError(
            f"the knob `{knob.name}` of {spec.title} is one of {listed}, not {value}"
        )
    return value
