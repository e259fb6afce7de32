"""Design spaces: the networks that a spec describes with its choices and knobs, as axes of options.

Axes are the choices of a spec (`{choose: [3, 5, 7]}`), its knobs that have `choices`, and knobs for
which values are given. A sample is one index for each axis, so a million of them are an array of
bytes. Not here: what they cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mnet_cost.errors import ModelReferenceError, Problem, UsageError, did_you_mean
from mnet_cost.models.types import BATCH, Model
from mnet_cost.network.knobs import knob_values
from mnet_cost.search.single import knob_array
from mnet_cost.search.tracing import BrokenNetwork, Sources, trace
from mnet_cost.search.words import Words

Samples = npt.NDArray[Any]
"""One row for each axis of a space, one column for each sample: indices of options, as uint8 or,
with more than 256 options on an axis, as uint16."""

MAX_OPTIONS = 65_535
_DRAWN_TOGETHER = 1 << 16
"""Samples are drawn in pieces of this size, so that many samples begin with the few."""


class Axis(NamedTuple):
    """A knob or choice, and what it can be."""

    name: str
    """The name of a knob, or the path of a choice."""
    options: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A model with axes along which it is varied; other knobs are as the model has them."""

    reference: str
    """The model as it was asked for."""
    model: Model
    axes: tuple[Axis, ...]

    def __repr__(self) -> str:
        return f"<Space {self.reference}: {len(self.axes)} axes, {self.points:.3g} points>"

    @property
    def points(self) -> int:
        """Combinations of options. Some can be the same network: a block that is left out has
        options as well."""
        return prod([len(axis.options) for axis in self.axes])

    def draw(self, count: int, seed: int) -> Samples:
        """`count` samples, every combination of options as likely as any other.

        The same seed gives the same samples, and more samples begin with fewer ones.
        """
        pieces = list(self.draws(count, seed))
        return np.concatenate(pieces, axis=1) if len(pieces) != 1 else pieces[0]

    def draws(self, count: int, seed: int) -> Iterator[Samples]:
        """`draw` in pieces."""
        if count < 1:
            raise UsageError(f"a sample has at least 1 network, not {count}")
        generator = np.random.default_rng(seed)
        counts = [len(axis.options) for axis in self.axes]
        for start in range(0, count, _DRAWN_TOGETHER):
            drawn = np.empty((len(counts), _DRAWN_TOGETHER), self.dtype)
            first = 0
            for together in _fit_in_a_number(counts):
                last = first + len(together)
                _draw_rows(generator, together, drawn[first:last])
                first = last
            yield drawn[:, : min(count - start, _DRAWN_TOGETHER)]

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        """The type of the indices of samples."""
        most = max([len(axis.options) for axis in self.axes], default=1)
        return np.uint8 if most <= 1 << 8 else np.uint16

    def setting(self, sample: Sequence[int] | Samples) -> dict[str, Any]:
        """The option of each axis in a sample, by the axis' name."""
        return {
            axis.name: axis.options[int(index)]
            for axis, index in zip(self.axes, sample, strict=True)
        }

    def reached(self, sample: Sequence[int] | Samples) -> dict[str, Any]:
        """`setting` without the choices of blocks that are left out: what `analyze` takes.

        Raises what `elaborate` raises.
        """
        setting = self.setting(sample)
        choices = trace(self.model, setting).network.choices
        return {
            name: option for name, option in setting.items() if "." not in name or name in choices
        }

    def reference_of(self, sample: Sequence[int] | Samples) -> str:
        """A reference to the network of a sample: `ofa_mobilenet_v3@depth1=2,...`."""
        settings = [f"{name}={_text(option)}" for name, option in self.reached(sample).items()]
        separator = "," if "@" in self.reference else "@"
        return self.reference + separator + ",".join(settings)

    def columns(
        self, samples: Samples, reached: npt.NDArray[np.bool_] | None = None
    ) -> dict[str, Any]:
        """The options of samples by axis, as columns of numbers, flags or words.

        Where `reached` is false an option is of no block: NaN then, or an empty word.
        """
        columns = {}
        for number, axis in enumerate(self.axes):
            options, places = knob_array(axis.options, axis.options), samples[number]
            if reached is not None and not reached[number].all():
                places = np.where(reached[number], places, len(axis.options))
                if isinstance(options, Words):
                    options = Words.joined([options, Words.of([""])])
                else:
                    options = np.append(options.astype(np.float64), np.nan)
            if isinstance(options, Words):
                columns[axis.name] = options[places]
            else:
                columns[axis.name] = np.take(_narrow(options), places, mode="clip")
        return columns


def _narrow(options: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same numbers in fewer bytes, where these hold them: a space has many columns."""
    if options.dtype.kind not in "if":
        return options
    narrow = options.astype(np.int16 if options.dtype.kind == "i" else np.float32)
    return narrow if np.array_equal(narrow, options, equal_nan=True) else options


def _fit_in_a_number(counts: Sequence[int]) -> list[list[int]]:
    """`counts` in runs whose products are below 2^32."""
    runs: list[list[int]] = []
    for count in counts:
        if runs and prod(runs[-1]) * count < 1 << 32:
            runs[-1].append(count)
        else:
            runs.append([count])
    return runs


def _draw_rows(generator: np.random.Generator, counts: Sequence[int], rows: Samples) -> None:
    """Fill each of `rows` with random numbers below its count.

    They are the digits of one number: to draw takes most of the time.
    """
    drawn = generator.integers(0, prod(counts), rows.shape[1], np.uint32)
    for row, count in zip(rows[:-1], counts, strict=False):
        rest = drawn // np.uint32(count)
        np.subtract(drawn, rest * np.uint32(count), out=row, casting="unsafe")
        drawn = rest
    rows[-1] = drawn


def describe_space(
    model: Model, knobs: Mapping[str, Sequence[Any]] | None = None, reference: str | None = None
) -> Space:
    """The space of `model`: its choices, its knobs with `choices`, and `knobs` with their values.

    What the model sets itself is no axis. Raises `UsageError` for values that a knob cannot have
    and where nothing is left to choose, `ModelReferenceError` for an unknown knob.
    """
    spec, given = model.spec, dict(knobs or {})
    axes: dict[str, tuple[Any, ...]] = {}
    for name, knob in spec.knobs.items():
        if name in given:
            axes[name] = _values(model, name, given.pop(name))
        elif knob.choices and name not in model.knobs:
            axes[name] = knob.choices
    if BATCH in given:
        axes[BATCH] = _values(model, BATCH, given.pop(BATCH))
    choices = _find_choices(model, axes)
    for name, options in choices.items():
        if name in given:
            options = _options(name, options, given.pop(name))
        if name not in model.knobs:
            axes[name] = options
    for name in given:
        known = [*spec.knobs, BATCH, *choices]
        problem = Problem(f"{spec.title} has no knob `{name}`", hint=did_you_mean(name, known))
        raise ModelReferenceError(problem)
    if not axes:
        raise UsageError(
            Problem(
                f"{spec.title} has nothing to choose: no `choose`, and no knob with `choices`",
                hint="give values of a knob, as in --set resolution=192,224",
            )
        )
    axes = {name: options for name, options in axes.items() if len(options) > 1} or axes
    return Space(
        reference=reference or _reference(model),
        model=_with_single_options(model, axes, given={**choices, **axes}),
        axes=tuple(Axis(name, options) for name, options in axes.items()),
    )


def with_choices(space: Space, choices: Mapping[str, Sequence[Any]]) -> Space:
    """`space` with choices that only some of its networks have."""
    known = {axis.name for axis in space.axes} | set(space.model.knobs)
    axes = [Axis(name, tuple(options)) for name, options in choices.items() if name not in known]
    return Space(reference=space.reference, model=space.model, axes=(*space.axes, *axes))


def _find_choices(model: Model, axes: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Any, ...]]:
    """The choices of the networks that are met where all that decides structure is varied
    together."""
    setting = {name: options[0] for name, options in axes.items()}
    choices: dict[str, tuple[Any, ...]] = {}
    deciding: Sources = frozenset()
    number = 0
    while True:
        try:
            traced = trace(model, setting)
            decisions, met = traced.decisions, dict(traced.network.choices)
        except BrokenNetwork as broken:
            decisions, met = broken.decisions, dict(broken.choices)
        deciding = deciding.union(*decisions.values())
        # In the order of the network that has most of them.
        choices = {**met, **choices} if len(met) > len(choices) else {**choices, **met}
        number += 1
        options = {**axes, **choices}
        varied = {name: options[name] for name in deciding if name in options}
        if number >= max([len(values) for values in varied.values()], default=0):
            return choices
        for name, values in varied.items():
            setting[name] = values[number % len(values)]


def _values(model: Model, name: str, values: Sequence[Any]) -> tuple[Any, ...]:
    """Values of a knob, each of which it can have."""
    if not values:
        raise UsageError(f"the knob `{name}` has no values to choose from")
    if len(values) > MAX_OPTIONS:
        raise UsageError(f"the knob `{name}` has more than {MAX_OPTIONS:,} values")
    for value in values:
        knob_values(model.spec, {name: value})
    return tuple(dict.fromkeys(values))


def _options(name: str, options: Sequence[Any], wanted: Sequence[Any]) -> tuple[Any, ...]:
    """The options of a choice that are wanted."""
    for option in wanted:
        if option not in options:
            listed = ", ".join(map(str, options))
            raise UsageError(f"`{name}` is one of {listed}, not {option}")
    if not wanted:
        raise UsageError(f"the choice `{name}` has no options left")
    return tuple(dict.fromkeys(wanted))


def _with_single_options(
    model: Model, axes: Mapping[str, Sequence[Any]], given: Mapping[str, Sequence[Any]]
) -> Model:
    """`model` with what has one value alone set to it."""
    single = {
        name: options[0]
        for name, options in given.items()
        if len(options) == 1 and name not in axes and name not in model.knobs
    }
    return model._replace(knobs={**model.knobs, **single}) if single else model


def _reference(model: Model) -> str:
    settings = ",".join(f"{name}={_text(value)}" for name, value in model.knobs.items())
    return model.spec.title + (f"@{settings}" if settings else "")


def _text(value: Any) -> str:
    """A value as references have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
