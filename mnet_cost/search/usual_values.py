"""Values that the knobs of a model usually have: what `fit` tries where nobody states any.

They come from what the spec says of a knob: its choices, or the values that a source has published.
Multipliers go in steps of 0.05 between published values, a resolution in steps of 32 pixels, and
other numbers have the published values alone: those between them may be no network. A knob of which
less than two values are published keeps its value, and so does the number of classes, which is not
the size of a network but its task. Not here: whether a setting holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from mnet_cost.analysis.costs import network_costs
from mnet_cost.errors import MnetCostError
from mnet_cost.models.types import Knob, Model
from mnet_cost.network import elaborate

RESOLUTION = "resolution"
TASK = ("classes",)
_PIXELS = 32
"""What most networks divide a side by."""
_STEP = Fraction(1, 20)


def usual_values(model: Model, *, without_cost: bool = False) -> dict[str, tuple[Any, ...]]:
    """Knob -> its usual values in ascending order, for each knob that has two of them or more.

    Knobs that the model sets are left out, as are those of the task and those that change no cost,
    such as a rate of dropout; `without_cost` has the latter, too.
    """
    values = {}
    for name, knob in model.spec.knobs.items():
        tried = values_of(knob)
        if name in model.knobs or name in TASK or len(tried) < 2:
            continue
        if changes_cost(model, name, tried):
            values[name] = tried
        elif without_cost:
            values[name] = _ascending([knob.default, *(knob.choices or knob.published)])
    return values


def values_of(knob: Knob) -> tuple[Any, ...]:
    """The usual values of one knob in ascending order; its default alone where none are known."""
    if knob.choices:
        return _ascending(knob.choices)
    numbers = [value for value in knob.published if _is_number(value)]
    if len(set(numbers)) < 2:
        return (knob.default,)
    if any(isinstance(number, float) for number in numbers):
        first, last = Fraction(str(min(numbers))), Fraction(str(max(numbers)))
        steps = int((last - first) / _STEP)
        numbers += [float(first + i * _STEP) for i in range(steps + 1)]
    elif knob.name == RESOLUTION:
        first_multiple = -(-min(numbers) // _PIXELS) * _PIXELS
        numbers += range(first_multiple, max(numbers) + 1, _PIXELS)
    if _is_number(knob.default):
        numbers.append(knob.default)
    return _ascending(numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _ascending(values: Any) -> tuple[Any, ...]:
    """Each value once, numbers in order; what is no number as it stands."""
    distinct = dict.fromkeys(values)
    if all(map(_is_number, distinct)):
        return tuple(sorted(distinct))
    return tuple(distinct)


def changes_cost(model: Model, name: str, values: Sequence[Any]) -> bool:
    """Whether a cost depends on a knob between the first and the last of `values`; it is taken to
    where one of them breaks."""
    costs = []
    for value in (values[0], values[-1]):
        try:
            network = elaborate(model.spec, {**model.knobs, name: value})
            costs.append(network_costs(network))
        except MnetCostError:
            return True
    return costs[0] != costs[1]
