"""Values of a swept knob as they are typed: `0.25:1.0:0.01`, `0.25,0.5,1.0`, `96:160:32,224`.

A range has both ends, and its steps are exact decimals: the third value of `0.1:0.5:0.1` is 0.3. A
part with a colon that begins like a number is a range; any other part is one value, read as after
`--set`: a number, a flag, a word, or a height and a width. Not here: what a knob can be set to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from mnet_cost.errors import Problem, Source, Span, UsageError
from mnet_cost.expressions import MAX_MAGNITUDE
from mnet_cost.tensors import HeightWidth
from mnet_cost.yamlfile import parse_scalar

MAX_VALUES = 1_000_000
"""Most values of one knob."""

_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,2})?")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_LIKE_A_NUMBER = re.compile(r"[-+]?\.?(?:[0-9]|inf|nan)", re.IGNORECASE)
_NOT_FINITE = re.compile(r"[-+]?\.?(?:inf(?:inity)?|nan)", re.IGNORECASE)
_SIDES = re.compile(r"([0-9]{1,16}) ?[xX] ?([0-9]{1,16})")
_FORM = "a range is FIRST:LAST:STEP, as in `0.25:1.0:0.05`"


class _Part(NamedTuple):
    """What stands between two commas."""

    text: str
    span: Span

    def refused(self, message: str, hint: str | None = None) -> UsageError:
        """The error that shows this part."""
        return UsageError(Problem(message, self.span, hint))


def parse_values(text: str, option: str) -> tuple[Any, ...]:
    """The values that `text` states, in its order; `option` is where it was written.

    `96:224:1` gives ints, since all of its numbers are whole; `0.25:1.0:0.25` gives floats. Raises
    `UsageError` for a range that is empty, reversed or endless, for what is no finite number, and
    for a value that is there twice.
    """
    places: dict[tuple[bool, Any], _Part] = {}
    values: list[Any] = []
    for part in _parts(text, option):
        for value in _values(part):
            key = _key(value)
            if key in places:
                raise _twice(value, places[key], part)
            places[key] = part
            values.append(value)
        if len(values) > MAX_VALUES:
            raise part.refused(f"these are more than {MAX_VALUES:,} values")
    return tuple(values)


def given_values(value: Any, option: str) -> tuple[Any, ...]:
    """The values that a Python argument states: a text as it is typed, a list, an array, or one."""
    if isinstance(value, str):
        return parse_values(value, option)
    if isinstance(value, HeightWidth) or not isinstance(value, Iterable):
        return (_plain(value),)
    values = tuple(_plain(item) for item in value)
    if not values:
        raise UsageError(Problem(f"{option} has no value", hint="give it one value or more"))
    if len(values) > MAX_VALUES:
        raise UsageError(f"{option} has more than {MAX_VALUES:,} values")
    keys: set[tuple[bool, Any]] = set()
    for item in values:
        if isinstance(item, float) and not math.isfinite(item):
            raise UsageError(f"{option}: {item} is no finite number")
        if not isinstance(item, (bool, int, float, str, tuple)):
            raise TypeError(f"{option} needs numbers, flags or words, not {item!r}")
        if _key(item) in keys:
            raise UsageError(Problem(f"{option}: {item} is there twice", hint=_ONCE))
        keys.add(_key(item))
    return values


_ONCE = "each value makes points of its own: state it once"


def _plain(value: Any) -> Any:
    """A number of NumPy as one of Python."""
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value


def _key(value: Any) -> tuple[bool, Any]:
    """What two equal settings have in common: 1 and 1.0, `96x96` and 96, but not 1 and true."""
    if isinstance(value, str) and (sides := _SIDES.fullmatch(value)):
        height, width = int(sides[1]), int(sides[2])
        return False, height if height == width else (height, width)
    return isinstance(value, bool), value


def _parts(text: str, option: str) -> Iterator[_Part]:
    """The parts of `text`, each with its place."""
    source, at = Source(option, text), 0
    for raw in text.split(","):
        word = raw.strip()
        start = at + len(raw) - len(raw.lstrip()) if word else at
        part = _Part(word, Span(source, 1, start + 1, start + max(len(word), 1) + 1))
        if not word:
            raise part.refused("a value is missing here", "write `0.25,0.5,1.0` or `0.25:1.0:0.05`")
        yield part
        at += len(raw) + 1


def _values(part: _Part) -> Iterable[Any]:
    if ":" in part.text and _LIKE_A_NUMBER.match(part.text):
        return _range(part)
    try:
        value = parse_scalar(part.text)
    except ValueError as reason:
        raise part.refused(str(reason)) from None
    if _NOT_FINITE.fullmatch(part.text):
        raise part.refused(f"`{part.text}` is not a finite number")
    return (value,)


def _range(part: _Part) -> Iterable[Any]:
    """The values from the first to the last, both included."""
    words = [word.strip() for word in part.text.split(":")]
    if len(words) == 2:
        hint = f"write `{part.text}:STEP`, as in `{part.text}:{_likely_step(words)}`"
        raise part.refused(f"the range `{part.text}` has no step", hint)
    if len(words) != 3:
        raise part.refused(f"`{part.text}` is no range", _FORM)
    for word in words:
        if _SIDES.fullmatch(word):
            hint = "list them: `96x128,192x256`"
            raise part.refused(
                f"`{part.text}` is no range: a height and a width have no step", hint
            )
        if not _NUMBER.fullmatch(word):
            missing = "a number is missing" if not word else f"`{word}` is no finite number"
            raise part.refused(f"{missing} in the range `{part.text}`", _FORM)
    first, last, step = map(Fraction, words)
    if max(abs(first), abs(last)) > MAX_MAGNITUDE:
        raise part.refused(f"the range `{part.text}` leaves the numbers up to 2^53")
    if step == 0:
        raise part.refused(f"the range `{part.text}` never ends: its step is 0", _FORM)
    if step < 0 or last < first:
        return _refuse_reversed(part, words, first, last, step)
    steps, rest = divmod(last - first, step)
    if steps >= MAX_VALUES:
        raise part.refused(
            f"the range `{part.text}` has more than {MAX_VALUES:,} values", "take a larger step"
        )
    if rest:
        below, above = _shown(last - rest), _shown(last - rest + step)
        raise part.refused(
            f"the steps of `{part.text}` do not meet {words[1]}, and a range has both ends",
            f"end it at {below} or {above}, or add the end: "
            f"`{words[0]}:{below}:{words[2]},{words[1]}`",
        )
    number = int if all(_WHOLE.fullmatch(word) for word in words) else float
    return (number(first + i * step) for i in range(int(steps) + 1))


def _refuse_reversed(
    part: _Part, words: list[str], first: Fraction, last: Fraction, step: Fraction
) -> Iterable[Any]:
    low, high = (words[1], words[0]) if last < first else (words[0], words[1])
    upwards = f"{low}:{high}:{words[2].lstrip('-')}"
    if step < 0:
        raise part.refused(
            f"the step of `{part.text}` is negative: a range goes upwards", f"write `{upwards}`"
        )
    raise part.refused(
        f"the range `{part.text}` is empty: {words[1]} is less than {words[0]}",
        f"write `{upwards}`",
    )


def _likely_step(words: list[str]) -> str:
    return "1" if all(_WHOLE.fullmatch(word) for word in words) else "0.05"


def _shown(value: Fraction) -> str:
    return str(int(value)) if value.denominator == 1 else repr(float(value))


def _twice(value: Any, first: _Part, other: _Part) -> UsageError:
    where = f"in `{first.text}` and in `{other.text}`" if first.text != other.text else ""
    message = f"{value} is there twice" + (f", {where}" if where else "")
    return other.refused(message, _ONCE)
