"""Values that the knobs of a model usually have: what `fit` tries where nobody states any.

They come from what the spec says of a knob: its choices, or the values that a source has published.
Numbers that are not whole, such as multipliers, go in steps of 0.05 between published values, a
resolution in steps of 32 pixels, and whole numbers have the published values alone: those between
them may be no network. A knob of which
less than two values are published keeps its value, and so does the number of classes, which is not
the size of a network but its task. Not here: whether a setting holds.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from mnet_cost.models.types import Knob, Model

RESOLUTION = "resolution"
TASK = ("classes",)
_PIXELS = 32
"""What most networks divide a side by."""
_STEP = Fraction(1, 20)


def usual_values(model: Model) -> dict[str, tuple[Any, ...]]:
    """Knob -> its usual values in ascending order, for each knob that has two of them or more.

    Knobs that the model sets are left out, as are those of the task.
    """
    return {
        name: values
        for name, knob in model.spec.knobs.items()
        if name not in model.knobs and name not in TASK and len(values := values_of(knob)) > 1
    }


def values_of(knob: Knob) -> tuple[Any, ...]:
    """The usual values of one knob in ascending order; its default alone where none are known."""
    if knob.choices:
        return _ascending(knob.choices)
    numbers = [value for value in knob.published if is_number(value)]
    if len(set(numbers)) < 2:
        return (knob.default,)
    if any(isinstance(number, float) for number in numbers):
        first, last = Fraction(str(min(numbers))), Fraction(str(max(numbers)))
        steps = int((last - first) / _STEP)
        numbers += [float(first + i * _STEP) for i in range(steps + 1)]
    elif knob.name == RESOLUTION:
        first_multiple = -(-min(numbers) // _PIXELS) * _PIXELS
        numbers += range(first_multiple, max(numbers) + 1, _PIXELS)
    if is_number(knob.default):
        numbers.append(knob.default)
    return _ascending(numbers)


def is_number(value: Any) -> bool:
    """Whether the value of a knob is a number; flags are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _ascending(values: Any) -> tuple[Any, ...]:
    """Each value once, numbers in order; what is no number as it stands."""
    distinct = dict.fromkeys(values)
    if all(map(is_number, distinct)):
        return tuple(sorted(distinct))
    return tuple(distinct)
