"""What the fields of a layer may hold.

A layer's dataclass fields are its YAML schema. Each carries a `FieldKind` that converts a value
from a spec (or refuses it), describes itself for `mnet-cost layers` and gives its JSON Schema.
Not here: where the value was written; whoever calls `convert` knows that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from operator import index
from typing import Any, ClassVar, NamedTuple

from mnet_cost.errors import one_of
from mnet_cost.tensors import (
    MAX_SIZE,
    Check,
    HeightWidth,
    RuleViolation,
    agreed_value,
    floor,
    is_condition,
    is_number,
    is_word,
)

Json = dict[str, Any]

ROUNDING_HINT = "use floor(...), round(...) or make_divisible(...)"

ANY_WHOLE = -MAX_SIZE
"""The `minimum` of whole numbers that may be negative."""

MAX_COUNT = 2**53
"""Largest count that a field states: up to it, doubles hold every whole number."""

SAME = "same"
"""The word for the shape of the first input."""

EXPRESSION_SCHEMA: Json = {"type": "string", "maxLength": 200}


def _a(value: object) -> str:
    """A value of the wrong type, as a message names it."""
    if isinstance(value, bool):
        return "the flag `true`" if value else "the flag `false`"
    if isinstance(value, str):
        return f"the word `{value}`"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, HeightWidth):
        return f"{value}: only the height and width of an input can differ"
    return "nothing" if value is None else f"{value}"


def field_values(layer: Any) -> dict[str, Any]:
    """The fields of a layer by name, with values as JSON has them."""
    return {field.name: _plain(getattr(layer, field.name)) for field in dataclasses.fields(layer)}


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


class FieldKind:
    """What one field may hold."""

    words: frozenset[str] = frozenset()
    """Words of the field itself; they come before names of knobs and arguments."""
    lists: ClassVar[tuple[bool, bool]] = (False, False)
    """(whether it takes a list of numbers, whether it takes one number for equal ones)."""

    def convert(self, value: Any, check: Check) -> Any:
        """The field's value for a value of a spec.

        Raises `RuleViolation` for a value that it refuses; the message goes on after the
        field's name.
        """
        raise NotImplementedError

    def words_of_list(self, length: int) -> tuple[str, ...] | None:
        """What the numbers of a list of that length are, if each has a meaning: height, width."""
        return None

    def describe(self) -> str:
        """A few words for the documentation: `whole number >= 1`."""
        raise NotImplementedError

    def schema(self) -> Json:
        """JSON Schema of the values, without expressions and choices."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, repr=False)
class Whole(FieldKind):
    """A whole number: 8, 8.0 or an array of such, from `minimum` to `maximum`."""

    minimum: int = 1
    maximum: int = MAX_SIZE

    def convert(self, value: Any, check: Check) -> Any:
        if type(value) is int:
            if self.minimum <= value <= self.maximum:
                return value
        elif not is_number(value):
            raise RuleViolation(f"needs a whole number, not {_a(value)}")
        elif isinstance(value, float):
            if value != value or value in (float("inf"), float("-inf")):
                raise RuleViolation(f"needs a whole number, not {value}")
            check(value == floor(value), "needs a whole number, not {}: " + ROUNDING_HINT, value)
            value = int(value)
        elif not isinstance(value, int):
            check(value == floor(value), "needs whole numbers")
        check(value >= self.minimum, "must be at least {}, not {}", self.minimum, value)
        check(value <= self.maximum, "must be at most {}, not {}", self.maximum, value)
        return value

    def describe(self) -> str:
        return "whole number" if self.minimum == ANY_WHOLE else f"whole number >= {self.minimum}"

    def schema(self) -> Json:
        return {"type": "number", "minimum": self.minimum, "maximum": self.maximum}


@dataclasses.dataclass(frozen=True, repr=False)
class Real(FieldKind):
    """A number between `low` and `high`."""

    low: float | None = None
    high: float | None = None

    def convert(self, value: Any, check: Check) -> Any:
        if not is_number(value):
            raise RuleViolation(f"needs a number, not {_a(value)}")
        if self.low is not None:
            check(value >= self.low, "must be at least {}, not {}", self.low, value)
        if self.high is not None:
            check(value <= self.high, "must be at most {}, not {}", self.high, value)
        return value

    def describe(self) -> str:
        if self.low is not None and self.high is not None:
            return f"number from {self.low:g} to {self.high:g}"
        return "number" if self.low is None else f"number >= {self.low:g}"

    def schema(self) -> Json:
        bounds = {"minimum": self.low, "maximum": self.high}
        return {"type": "number"} | {k: v for k, v in bounds.items() if v is not None}


@dataclasses.dataclass(frozen=True, repr=False)
class Flag(FieldKind):
    """true or false."""

    def convert(self, value: Any, check: Check) -> Any:
        if is_condition(value):
            return agreed_value(value)
        raise RuleViolation(f"needs `true` or `false`, not {_a(value)}")

    def describe(self) -> str:
        return "true or false"

    def schema(self) -> Json:
        return {"type": "boolean"}


@dataclasses.dataclass(frozen=True, repr=False)
class Word(FieldKind):
    """One of the field's own words, or any word if it has none of its own."""

    options: tuple[str, ...] = ()

    @property
    def words(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset(self.options)

    def convert(self, value: Any, check: Check) -> Any:
        if not is_word(value):
            raise RuleViolation(f"needs a word, not {_a(value)}")
        value = agreed_value(value)
        if self.options and value not in self.options:
            raise RuleViolation(f"needs {one_of(self.options)}, not `{value}`")
        return value

    def describe(self) -> str:
        return " | ".join(self.options) or "a word"

    def schema(self) -> Json:
        return {"enum": list(self.options)} if self.options else {"type": "string"}


@dataclasses.dataclass(frozen=True, repr=False)
class Pair(FieldKind):
    """A whole number for both directions, or [height, width]; `axes` for other ones."""

    lists: ClassVar[tuple[bool, bool]] = (True, True)

    minimum: int = 1
    axes: tuple[str, ...] = ("height", "width")

    def convert(self, value: Any, check: Check) -> Any:
        whole = Whole(self.minimum)
        if not isinstance(value, list):
            return whole.convert(value, check)
        if len(value) != len(self.axes):
            raise RuleViolation(f"needs a number or [{', '.join(self.axes)}], not {_a(value)}")
        return tuple(whole.convert(item, check) for item in value)

    def words_of_list(self, length: int) -> tuple[str, ...] | None:
        return self.axes

    def describe(self) -> str:
        return f"{Whole(self.minimum).describe()}, or [{', '.join(self.axes)}]"

    def schema(self) -> Json:
        item, count = Whole(self.minimum).schema(), len(self.axes)
        listed = {"type": "array", "minItems": count, "maxItems": count}
        return {"anyOf": [item, listed | {"items": _or_expression(item)}]}


@dataclasses.dataclass(frozen=True, repr=False)
class Triple(Pair):
    """A whole number for all directions, or [depth, height, width]."""

    axes: tuple[str, ...] = ("depth", "height", "width")


@dataclasses.dataclass(frozen=True, repr=False)
class RealPair(FieldKind):
    """A number for both directions, or [height, width], each at least `low`."""

    lists: ClassVar[tuple[bool, bool]] = (True, True)

    low: float = 0.0

    def convert(self, value: Any, check: Check) -> Any:
        real = Real(self.low)
        if not isinstance(value, list):
            return real.convert(value, check)
        if len(value) != 2:
            raise RuleViolation(f"needs a number or [height, width], not {_a(value)}")
        return tuple(real.convert(item, check) for item in value)

    def words_of_list(self, length: int) -> tuple[str, ...] | None:
        return Pair.axes

    def describe(self) -> str:
        return f"{Real(self.low).describe()}, or [height, width]"

    def schema(self) -> Json:
        item = Real(self.low).schema()
        listed = {"type": "array", "minItems": 2, "maxItems": 2, "items": _or_expression(item)}
        return {"anyOf": [item, listed]}


@dataclasses.dataclass(frozen=True, repr=False)
class Sides(FieldKind):
    """Padding: a number, [height, width], [top, bottom, left, right], and perhaps words."""

    lists: ClassVar[tuple[bool, bool]] = (True, True)
    forms: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("height", "width"),
        ("top", "bottom", "left", "right"),
    )
    """The lists that it takes, each with names of what is in it."""

    options: tuple[str, ...] = ("same", "valid")
    minimum: int = 0

    @property
    def words(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset(self.options)

    def convert(self, value: Any, check: Check) -> Any:
        whole = Whole(self.minimum)
        if is_word(value):
            value = agreed_value(value)
            if value in self.words:
                return value
        if isinstance(value, list):
            if len(value) not in map(len, self.forms):
                raise RuleViolation(f"needs {self.describe()}, not {_a(value)}")
            return tuple(whole.convert(item, check) for item in value)
        if not is_number(value):
            raise RuleViolation(f"needs {self.describe()}, not {_a(value)}")
        return whole.convert(value, check)

    def words_of_list(self, length: int) -> tuple[str, ...] | None:
        return next((form for form in self.forms if len(form) == length), None)

    def describe(self) -> str:
        lists = [f"[{', '.join(form)}]" for form in self.forms]
        return " | ".join((*self.options, "number", *lists))

    def schema(self) -> Json:
        item = Whole(self.minimum).schema()
        lists = [
            {"type": "array", "minItems": n, "maxItems": n, "items": _or_expression(item)}
            for n in map(len, self.forms)
        ]
        words = [{"enum": list(self.options)}] if self.options else []
        return {"anyOf": [*words, item, *lists]}


class SignalEnds(Sides):
    """Padding of a signal: a number, [before, after], and perhaps words."""

    forms: ClassVar[tuple[tuple[str, ...], ...]] = (("before", "after"),)


class VolumeSides(Sides):
    """Padding of a volume: a number, [depth, height, width], all six sides, and perhaps words."""

    forms: ClassVar[tuple[tuple[str, ...], ...]] = (
        Triple.axes,
        ("front", "back", "top", "bottom", "left", "right"),
    )


@dataclasses.dataclass(frozen=True, repr=False)
class Sizes(FieldKind):
    """A list of whole numbers, each at least `minimum`."""

    lists: ClassVar[tuple[bool, bool]] = (True, False)

    minimum: int = 1

    def convert(self, value: Any, check: Check) -> Any:
        if not isinstance(value, list) or not value:
            raise RuleViolation(f"needs {self.describe()}, not {_a(value)}")
        whole = Whole(self.minimum)
        return tuple(whole.convert(item, check) for item in value)

    def describe(self) -> str:
        return f"list of whole numbers >= {self.minimum}"

    def schema(self) -> Json:
        item = _or_expression(Whole(self.minimum).schema())
        return {"type": "array", "minItems": 1, "items": item}


class Shape(Sizes):
    """A shape: a list of sizes, or `same` for that of the first input."""

    words: ClassVar[frozenset[str]] = frozenset((SAME,))  # type: ignore[misc]

    def convert(self, value: Any, check: Check) -> Any:
        if is_word(value):
            return Word((SAME,)).convert(value, check)
        return Sizes.convert(self, value, check)

    def describe(self) -> str:
        return f"{SAME} | {Sizes.describe(self)}"

    def schema(self) -> Json:
        return {"anyOf": [{"enum": [SAME]}, Sizes.schema(self)]}


class Shapes(FieldKind):
    """A list of shapes."""

    words: ClassVar[frozenset[str]] = Shape.words  # type: ignore[misc]
    lists: ClassVar[tuple[bool, bool]] = (True, False)

    def convert(self, value: Any, check: Check) -> Any:
        if not isinstance(value, list) or not value:
            raise RuleViolation(f"needs {self.describe()}, not {_a(value)}")
        shape = Shape()
        return tuple([shape.convert(item, check) for item in value])

    def describe(self) -> str:
        return f"list of shapes, each {Shape().describe()}"

    def schema(self) -> Json:
        return {"type": "array", "minItems": 1, "items": Shape().schema()}


@dataclasses.dataclass(frozen=True, repr=False)
class Numbers(FieldKind):
    """One of some words, or a list of numbers."""

    lists: ClassVar[tuple[bool, bool]] = (True, False)

    options: tuple[str, ...] = ()

    @property
    def words(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset(self.options)

    def convert(self, value: Any, check: Check) -> Any:
        if is_word(value):
            return Word(self.options).convert(value, check)
        if not isinstance(value, list) or not value:
            raise RuleViolation(f"needs {self.describe()}, not {_a(value)}")
        real = Real()
        return tuple([real.convert(item, check) for item in value])

    def describe(self) -> str:
        return " | ".join((*self.options, "list of numbers"))

    def schema(self) -> Json:
        listed = {"type": "array", "minItems": 1, "items": _or_expression(Real().schema())}
        return {"anyOf": [{"enum": list(self.options)}, listed]}


@dataclasses.dataclass(frozen=True, repr=False)
class Axis(FieldKind):
    """The name of an axis of an image, a sequence or a vector, or its number from the end."""

    options: ClassVar[tuple[str, ...]] = (
        "channels", "depth", "height", "width", "length", "features",
    )  # fmt: skip

    @property
    def words(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset(self.options)

    def convert(self, value: Any, check: Check) -> Any:
        value = agreed_value(value)
        if isinstance(value, str):
            if value not in self.words:
                raise RuleViolation(f"needs {self.describe()}, not `{value}`")
            return value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not is_number(value) or not hasattr(value, "__index__"):
            raise RuleViolation(f"needs {self.describe()}, not {_a(value)}")
        number = index(value)
        if number >= 0:
            raise RuleViolation(
                f"must be below 0, counted from the end (-1 is the last axis), not {number}: "
                "shapes leave out the batch, which comes first"
            )
        return number

    def describe(self) -> str:
        return " | ".join((*self.options, "-1 for the last, -2, ..."))

    def schema(self) -> Json:
        return {"anyOf": [{"enum": list(self.options)}, {"type": "number", "maximum": -1}]}


AXIS = Axis()


@dataclasses.dataclass(frozen=True, repr=False)
class Axes(FieldKind):
    """One axis or a list of axes, each by its name or its number from the end."""

    lists: ClassVar[tuple[bool, bool]] = (True, True)

    @property
    def words(self) -> frozenset[str]:  # type: ignore[override]
        return AXIS.words

    def convert(self, value: Any, check: Check) -> Any:
        if not isinstance(value, list):
            return (AXIS.convert(value, check),)
        if not value:
            raise RuleViolation("needs at least one axis")
        return tuple([AXIS.convert(item, check) for item in value])

    def describe(self) -> str:
        return f"{AXIS.describe()}, or a list of them"

    def schema(self) -> Json:
        listed = {"type": "array", "minItems": 1, "items": _or_expression(AXIS.schema())}
        return {"anyOf": [AXIS.schema(), listed]}


def _or_expression(schema: Json) -> Json:
    return {"anyOf": [schema, EXPRESSION_SCHEMA]}


class LayerField(NamedTuple):
    """One field of a layer kind as the spec language sees it."""

    name: str
    kind: FieldKind
    default: Any
    required: bool
    help: str


def spec_field(kind: FieldKind, help: str, default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field that holds `kind`; required when it has no default."""
    return dataclasses.field(default=default, metadata={"kind": kind, "help": help})


def fields_of(layer: type) -> Mapping[str, LayerField]:
    """The fields of a layer class by name, in the order of the class."""
    fields = {}
    for field in dataclasses.fields(layer):
        missing = field.default is dataclasses.MISSING
        fields[field.name] = LayerField(
            field.name,
            field.metadata["kind"],
            None if missing else field.default,
            missing,
            field.metadata["help"],
        )
    return fields
