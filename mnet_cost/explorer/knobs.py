"""Which control each knob of a network gets on the page, and its range.

A number that changes sizes alone gets a slider, in a range in which the network does not break: a
bit beyond what sources publish, else from a quarter to four times, and for classes what data sets
have. A flag, a word, a choice, and a number that changes which layers there are get a select, of
values that are legal. A knob of which no other value is legal gets nothing. Ranges come from what
sources publish, and are tried by elaborating the network. Not here: at which settings costs are
recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from mnet_cost.errors import MnetCostError
from mnet_cost.models.types import BATCH, Knob, Model
from mnet_cost.network import Network, elaborate
from mnet_cost.search.usual_values import TASK, is_number
from mnet_cost.tensors import HeightWidth

_MOST_BATCH = 64
_MOST_CHOICES = 12
"""Selects for choices: each value is a structure of its own."""
_MOST_VALUES = 5
"""Values of a number that changes which layers there are."""
_MOST_LAYERS = 25_000
"""To record more takes half a minute and more."""
_CLASSES = (2, 21_841)
"""Of a classifier: from two to those of ImageNet-21k. Source: arXiv:2104.10972, section 1."""
_UNSTATED = 4
"""A range of a number of which nothing is published goes down and up by as much."""
_LOG = 8
"""Where nothing is published, a range whose ends differ by such a factor is logarithmic."""
_POSITIONS = 150
"""Of a slider, about."""
_PLACES = 240
"""Of a logarithmic slider."""
_WIDER = Fraction(5, 4)
"""A range goes beyond what is published by as much."""
_STEPS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64)
"""Of whole numbers: the least one is taken by which a network can grow and shrink."""


class Slider(NamedTuple):
    """A control for a number that changes sizes."""

    name: str
    help: str
    default: int | float
    low: int | float
    high: int | float
    step: int | float
    published: tuple[int | float, ...] = ()
    of: str = "network"
    """`device` for a factor on a number of the devices."""
    is_log: bool = False
    """Whether equal distances are equal ratios."""

    @property
    def is_whole(self) -> bool:
        return isinstance(self.default, int)

    def positions(self) -> list[int | float]:
        """All values that it can have; of a long logarithmic one some, at equal ratios."""
        low, step = Fraction(str(self.low)), Fraction(str(self.step))
        number = int if self.is_whole else float
        count = int((Fraction(str(self.high)) - low) / step)
        places: Iterable[int] = range(count + 1)
        if self.is_log and count > _PLACES:
            ratio = (self.high / self.low) ** (1 / _PLACES)
            near = [self.low * ratio**i for i in range(_PLACES + 1)]
            places = dict.fromkeys([round((value - self.low) / self.step) for value in near])
        return [number(low + i * step) for i in places]


class Select(NamedTuple):
    """A control with some values."""

    name: str
    help: str
    default: Any
    values: tuple[Any, ...]
    published: tuple[Any, ...] = ()


class Fixed(NamedTuple):
    """A knob that cannot move."""

    name: str
    help: str
    default: Any
    why: str


Control = Slider | Select | Fixed


def controls_of(model: Model, network: Network) -> tuple[Control, ...]:
    """A control for each knob of `model`, then for choices, and for the batch.

    `network` is that of the model at its own setting.
    """
    if len(network.steps) > _MOST_LAYERS:
        why = f"a network of more than {_MOST_LAYERS:,} layers is shown at one setting"
        return tuple(
            [
                Fixed(name, help_of(model, name), _plain(value), why)
                for name, value in network.knobs.items()
            ]
        )
    trial = _Trial(model, network)
    found = [_control(trial, knob) for knob in model.spec.knobs.values()]
    choices = [
        Select(name, "", model.knobs.get(name, options[0]), options)
        for name, options in network.choices.items()
        if name not in model.spec.knobs
    ]
    return (*found, *choices[:_MOST_CHOICES], _batch(trial))


def help_of(model: Model, name: str) -> str:
    """What the spec says of a knob."""
    knob = model.spec.knobs.get(name)
    return "" if knob is None else knob.help


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, HeightWidth) else value


def left_out_choices(network: Network) -> int:
    """How many choices of a network have no control."""
    return max(len([name for name in network.choices if "." in name]) - _MOST_CHOICES, 0)


class _Trial:
    """What a network is with other values of one knob."""

    def __init__(self, model: Model, network: Network) -> None:
        self._model = model
        self.network = network
        self.values = network.knobs

    def at(self, name: str, value: Any) -> Network | None:
        """The network with another value of a knob; None where it breaks."""
        try:
            return elaborate(self._model.spec, {**self._model.knobs, name: value})
        except MnetCostError:
            return None

    def keeps_layers(self, name: str, value: Any) -> bool | None:
        """Whether a value changes sizes alone; None where it breaks the network."""
        other = self.at(name, value)
        if other is None:
            return None
        return [step.name for step in other.steps] == [step.name for step in self.network.steps]


def _batch(trial: _Trial) -> Slider:
    now = trial.values[BATCH]
    return Slider(BATCH, "examples per inference", now, 1, max(_MOST_BATCH, 2 * now), 1)


def _control(trial: _Trial, knob: Knob) -> Control:
    now = trial.values[knob.name]
    help_ = knob.help
    if isinstance(now, HeightWidth):
        return Fixed(knob.name, help_, _plain(now), "a height and a width have no slider")
    if isinstance(now, bool):
        values: Sequence[Any] = (True, False)
        return _select(trial, knob, values)
    if knob.choices:
        return _select(trial, knob, knob.choices)
    if isinstance(now, str):
        return _select(trial, knob, [word for word in knob.published if isinstance(word, str)])
    published = [value for value in knob.published if is_number(value)]
    if isinstance(now, int) and all(isinstance(value, int) for value in published):
        return _whole(trial, knob, now, published)
    return _real(trial, knob, float(now), [float(value) for value in published])


def _select(trial: _Trial, knob: Knob, values: Sequence[Any]) -> Control:
    """A select of those values that do not break the network."""
    now = trial.values[knob.name]
    legal = list(dict.fromkeys([*values, now]))
    legal = [value for value in legal if value == now or trial.at(knob.name, value) is not None]
    if len(legal) < 2:
        why = "no other value is known" if len(values) < 2 else "every other value breaks it"
        return Fixed(knob.name, knob.help, now, why)
    published = tuple([value for value in knob.published if value in legal])
    return Select(knob.name, knob.help, now, tuple(legal), published)


def _whole(trial: _Trial, knob: Knob, now: int, published: list[int]) -> Control:
    """A slider of a whole number whose neighbours have the same layers, else a select."""
    name = knob.name
    step = next((step for step in _STEPS if _moves(trial, name, now, step)), None)
    if step is None or any(trial.keeps_layers(name, value) is False for value in published):
        near = range(max(now - _MOST_VALUES // 2, 0), now + _MOST_VALUES // 2 + 1)
        values = sorted({now, *published} if len(published) > 1 else {now, *published, *near})
        return _select(trial, knob, values[: 2 * _MOST_VALUES])
    is_known = len(published) > 1 and name not in TASK
    low, high = _reach([now, *published], is_known)
    if name in TASK:
        low, high = min(low, Fraction(_CLASSES[0])), max(high, Fraction(_CLASSES[1]))
    is_log = not is_known and high >= _LOG * low
    if not is_log:
        step *= _coarser((high - low) / step, [value - now for value in published], step)

    def legal(value: Fraction) -> bool:
        return value >= 1 and trial.keeps_layers(name, int(value)) is True

    low, high = _within(now, step, low, high, legal)
    inside = _inside(published, low, high)
    return Slider(name, knob.help, now, int(low), int(high), step, inside, is_log=is_log)


def _coarser(positions: Fraction, distances: Sequence[int], step: int) -> int:
    """How many steps are one, so that a slider has no more positions than there is room for.

    Published values are positions if that can be.
    """
    rounds: list[int] = [digit * 10**zeros for zeros in range(16) for digit in (1, 2, 5)]
    fitting = next(times for times in rounds if positions / times <= _POSITIONS)
    best: int = fitting
    for times in rounds:
        if times <= fitting and all(distance % (step * times) == 0 for distance in distances):
            best = times
    # With a few more positions all that is published is among them; with many more it is not.
    return best if positions / best <= 4 * _POSITIONS else fitting


def _moves(trial: _Trial, name: str, now: int, step: int) -> bool:
    """Whether a step up and one down are legal and change sizes alone."""
    return all(
        value >= 1 and trial.keeps_layers(name, value) is True for value in (now - step, now + step)
    )


def _real(trial: _Trial, knob: Knob, now: float, published: list[float]) -> Control:
    name = knob.name
    is_known = len(published) > 1
    low, high = _reach([now, *published], is_known)
    is_log = not is_known and high >= _LOG * low
    step = Fraction(1, 100)
    while (high - low) / step > (20 if is_log else 2) * _POSITIONS:
        step *= 10

    def legal(value: Fraction) -> bool:
        return value > 0 and trial.keeps_layers(name, float(value)) is True

    low, high = _within(Fraction(str(now)), step, low, high, legal)
    if low == high:
        return _select(trial, knob, sorted({now, *published}))
    inside = _inside(published, low, high)
    ends = float(low), float(high)
    return Slider(name, knob.help, now, *ends, float(step), inside, is_log=is_log)


def _reach(values: Sequence[int | float], is_known: bool) -> tuple[Fraction, Fraction]:
    """Ends of a range: a bit beyond what is published; without that, further."""
    numbers = [Fraction(str(value)) for value in values]
    wider = _WIDER if is_known else _UNSTATED
    return min(numbers) / wider, max(numbers) * wider


def _within(
    now: int | Fraction,
    step: int | Fraction,
    low: Fraction,
    high: Fraction,
    legal: Callable[[Fraction], bool],
) -> tuple[Fraction, Fraction]:
    """The ends of the range around `now`, in whole steps, that are legal: both are looked for by
    halving, since what breaks a network at one value mostly does at those beyond."""
    now, step = Fraction(now), Fraction(step)
    down = _most(lambda count: legal(now - count * step), math.floor((now - low) / step))
    up = _most(lambda count: legal(now + count * step), math.floor((high - now) / step))
    return now - down * step, now + up * step


def _most(is_legal: Callable[[int], bool], count: int) -> int:
    """The most steps up to `count` that are legal, if those below the first illegal ones are."""
    if count <= 0 or is_legal(count):
        return max(count, 0)
    legal, illegal = 0, count
    while illegal - legal > 1:
        middle = (legal + illegal) // 2
        if is_legal(middle):
            legal = middle
        else:
            illegal = middle
    return legal


def _inside(published: Sequence[Any], low: int | Fraction, high: int | Fraction) -> tuple[Any, ...]:
    return tuple(sorted({value for value in published if low <= value <= high}))


def without_unused(controls: Sequence[Control], used: Container[str]) -> tuple[Control, ...]:
    """The controls, of which those of the network that no number depends on cannot move."""
    why = "no number of this page depends on it"
    return tuple(
        [
            Fixed(control.name, control.help, control.default, why)
            if isinstance(control, Slider) and control.of == "network" and control.name not in used
            else control
            for control in controls
        ]
    )


def control_data(control: Control) -> dict[str, Any]:
    """A control as the document has it."""
    name, help_, default = control[:3]
    data: dict[str, Any] = {"name": name, "help": help_, "default": default, "of": "network"}
    if isinstance(control, Slider):
        return {
            **data,
            "of": control.of,
            "control": "slider",
            "min": control.low,
            "max": control.high,
            "step": control.step,
            "whole": control.is_whole,
            "is_log": control.is_log,
            "published": list(control.published),
        }
    if isinstance(control, Select):
        values, published = list(control.values), list(control.published)
        return {**data, "control": "select", "values": values, "published": published}
    return {**data, "control": "fixed", "why": control.why}
