"""What all sections of a profile share: keys, words, and numbers with unit, source and basis.

Problems are gathered, not raised, so that all of a file come at once. Not here: what sections
there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mnet_cost.devices.sourced import NUMBER_BASES, Sourced
from mnet_cost.errors import Problem, Span, UnitError, did_you_mean, one_of
from mnet_cost.tensors import PRECISIONS
from mnet_cost.units import format_si, parse_quantity
from mnet_cost.yamlfile import Node

ORIGIN = ("basis", "source")
FILL_IN = "FILL_IN"
"""What stands in a new profile where a user has to write something."""
MAX_TILE = 65536
_RANGE = ("low", "high")
_NUMBER_KEYS = (
    *("value", *_RANGE, "macs", "vector", "tile", "sparse"),
    *("level", "size", "bandwidth", *ORIGIN),
)

PLAUSIBLE = {
    "B": (64.0, 1e15),
    "B/s": (1e3, 1e16),
    "MAC/s": (1e3, 1e18),
    "op/s": (1e3, 1e18),
    "s": (0.0, 60.0),
    "MAC": (1.0, 1e18),
    "W": (1e-6, 1e4),
    "J/MAC": (1e-16, 1e-6),
    "J/B": (1e-16, 1e-6),
}
"""No device is outside of these: a number that is has lost its prefix, or has one too many."""


class Stated(NamedTuple):
    """A number together with what the user wrote, for messages that compare two of them."""

    sourced: Sourced
    node: Node


def missing_keys(node: Node, required: Sequence[str], known: Sequence[str]) -> list[str]:
    """Required keys that are neither there nor meant by an unknown key, which is reported."""
    unknown = [key for key in node.keys if key not in known]
    return [
        key
        for key in required
        if key not in node.value and not any(did_you_mean(other, (key,)) for other in unknown)
    ]


class Reader:
    """Reads the parts of one profile; `problems` grows along the way."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, message: str, node: Node | Span, hint: str | None = None) -> None:
        """Note what is wrong, and go on."""
        span = node if isinstance(node, Span) else node.span()
        self.problems.append(Problem(message, span, hint))

    def keys(
        self, node: Node, what: str, required: Sequence[str], optional: Sequence[str] = ()
    ) -> None:
        """Report keys that `what` does not have, and those that it lacks."""
        known = (*required, *optional)
        for key, key_node in node.keys.items():
            if key not in known:
                hint = did_you_mean(key, known) or f"{what} has {', '.join(known)}"
                self.problem(f"{what} has no `{key}`", key_node, hint)
        if missing := missing_keys(node, required, known):
            self.problem(f"{what} must state {', '.join(f'`{key}`' for key in missing)}", node)

    def text(self, values: Mapping[str, Node], key: str) -> str:
        """The words behind `key`; empty where there are none, which is reported."""
        node = values.get(key)
        if node is None:
            return ""
        if isinstance(node.value, str) and node.value.strip():
            return node.value.strip()
        self.problem(f"`{key}` must be text", node)
        return ""

    def word(self, values: Mapping[str, Node], key: str, words: Sequence[str]) -> str:
        """One of `words` behind `key`."""
        text = self.text(values, key)
        if text and text not in words:
            hint = did_you_mean(text, words) or f"`{key}` is {one_of(words)}"
            self.problem(f"`{text}` is no {key}", values[key], hint)
        return text

    def origin(self, node: Node, place: Node) -> tuple[str, str]:
        """Basis and source of a mapping; what is missing is reported at `place`."""
        if missing := missing_keys(node, ORIGIN, _NUMBER_KEYS):
            hints = {
                "source": 'write where it is from: `source: "vendor data sheet, page 3"`',
                "basis": f"`basis` is {one_of(NUMBER_BASES)}",
            }
            what = f"`{place.value}`" if isinstance(place.value, str) else "this level"
            lacks = " and no ".join(f"`{key}`" for key in missing)
            self.problem(f"{what} states no {lacks}", place, hints[missing[-1]])
        return self.word(node.value, "basis", NUMBER_BASES), self.text(node.value, "source")

    def quantity(
        self, node: Node, unit: str, zero: bool = False, most: float | None = None
    ) -> float | None:
        """The number that a scalar states, in `unit`; `most` for what is no number of a device."""
        if isinstance(node.value, (dict, list, bool, type(None))):
            self.problem("a number with its unit must stand here", node)
            return None
        try:
            value = parse_quantity(str(node.value), unit)
        except UnitError as error:
            self.problems += [problem._replace(span=node.span()) for problem in error.problems]
            return None
        low, high = PLAUSIBLE[unit]
        high = most or high
        if value == 0 and not zero:
            hint = "leave it out where it is not known: unknown is not zero"
            self.problem(f"`{node.value}` cannot be zero", node, hint)
            return None
        if not low <= value <= high:
            bound = (
                f"under {format_si(low, unit)}" if value < low else f"over {format_si(high, unit)}"
            )
            self.problem(f"`{node.value}` is absurd: {bound}", node, "check the prefix")
            return None
        return value

    def quantities(
        self, node: Node, place: Node, units: Mapping[str, str]
    ) -> dict[str, Stated | None]:
        """The quantities of a mapping, by key.

        Each is `25.6 GB/s`, with the source and basis of the mapping, or has its own:
        `{value: 25.6 GB/s, basis: ..., source: ...}`.
        """
        stated: dict[str, Stated | None] = {}
        plain = [
            key
            for key in units
            if key in node.value and not isinstance(node.value[key].value, dict)
        ]
        shared = self.origin(node, place) if plain else ("", "")
        for key, unit in units.items():
            if key not in node.value:
                continue
            child = node.value[key]
            if isinstance(child.value, dict):
                stated[key] = self.own(child, node.keys[key], unit)
            else:
                value = self.quantity(child, unit)
                basis, source = shared
                stated[key] = (
                    None
                    if value is None
                    else Stated(Sourced(value=value, source=source, basis=basis), child)
                )
        return stated

    def own(self, node: Node, place: Node, unit: str, zero: bool = False) -> Stated | None:
        """A quantity with a source and basis of its own, and a range if it states one."""
        self.keys(node, f"`{place.value}`", ("value",), (*_RANGE, *ORIGIN))
        basis, source = self.origin(node, place)
        stated = {
            key: self.quantity(node.value[key], unit, zero)
            for key in ("value", *_RANGE)
            if key in node.value
        }
        value, low, high = (stated.get(key) for key in ("value", *_RANGE))
        if value is None:
            return None
        hint = "a range holds its value: `low` <= `value` <= `high`"
        written = node.value["value"].value
        if low is not None and low > value:
            where = node.value["low"]
            self.problem(f"`low` ({where.value}) is over the value ({written})", where, hint)
        if high is not None and high < value:
            where = node.value["high"]
            self.problem(f"`high` ({where.value}) is under the value ({written})", where, hint)
        return Stated(
            Sourced(value=value, source=source, basis=basis, low=low, high=high),
            node.value["value"],
        )

    def sourced(
        self, values: Mapping[str, Node], place: Node, unit: str, zero: bool = False
    ) -> Sourced | None:
        """The quantity behind the key `place`, which must have an origin of its own."""
        node = values[place.value]
        if not self.is_own(node, place):
            return None
        stated = self.own(node, place, unit, zero)
        return None if stated is None else stated.sourced

    def number(
        self, node: Node, place: Node, least: int, most: int, whole: bool = False
    ) -> Sourced | None:
        """A number without a unit, with a source and basis of its own."""
        if not self.is_own(node, place):
            return None
        self.keys(node, f"`{place.value}`", ("value",), ORIGIN)
        basis, source = self.origin(node, place)
        if "value" not in node.value:
            return None
        value = node.value["value"].value
        kinds = (int,) if whole else (int, float)
        if type(value) not in kinds or not least <= value <= most:
            kind = "a whole number" if whole else "a number"
            message = f"`{place.value}` must be {kind} from {least} to {most}"
            self.problem(message, node.value["value"])
            return None
        return Sourced(value=value, source=source, basis=basis)

    def check_precision(self, place: Node) -> None:
        """A key that should be a precision."""
        precision = place.value
        if precision not in PRECISIONS:
            hint = did_you_mean(precision, PRECISIONS) or f"one of {one_of(PRECISIONS)}"
            self.problem(f"there is no precision `{precision}`", place, hint)

    def is_own(self, node: Node, place: Node) -> bool:
        """Whether a number is a mapping with its origin; if not, that is reported."""
        if isinstance(node.value, dict):
            return True
        hint = f"write `{place.value}: {{value: ..., basis: ..., source: ...}}`"
        self.problem(f"`{place.value}` must be a mapping", node, hint)
        return False
