"""A device profile from YAML, checked: every number has a unit, a source and a standing.

All problems of a file are raised at once, each at the user's own value. Not here: whether the
numbers are true, which only their sources can tell.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.devices.library import device_names, device_path
from mnet_cost.devices.types import (
    STANDINGS,
    TIERS,
    ComputeRate,
    DeviceProfile,
    MemoryLevel,
    Sourced,
)
from mnet_cost.errors import DeviceError, Problem, Span, UnitError, did_you_mean, one_of
from mnet_cost.shipped import shown_path
from mnet_cost.tensors import PRECISIONS
from mnet_cost.units import format_si, parse_quantity
from mnet_cost.yamlfile import Node, read_yaml

FORMAT = 1
MAX_THREADS = 4096

_PLAUSIBLE = {
    "B": (64.0, 1e15),
    "B/s": (1e3, 1e16),
    "MAC/s": (1e3, 1e18),
    "op/s": (1e3, 1e18),
    "s": (0.0, 60.0),
}
"""No device is outside of these: a number that is has lost its prefix, or has one too many."""

_TOP = ("format", "name", "title", "tier", "runtime", "threads", "compute", "memory")
_OPTIONAL_TOP = ("storage", "overhead")
_ORIGIN = ("standing", "source")
_NUMBER_KEYS = ("value", "macs", "vector", "level", "size", "bandwidth", *_ORIGIN)


def load_device(name_or_path: str | os.PathLike[str]) -> DeviceProfile:
    """The shipped profile of that name, or the one in that file; `DeviceError` if it is bad.

    Text with a path separator, or that ends in .yaml or .yml, is a path.
    """
    text = os.fspath(name_or_path)
    is_path = not isinstance(name_or_path, str) or "/" in text or os.sep in text
    if is_path or text.endswith((".yaml", ".yml")):
        return _load(text)
    names = device_names()
    if text in names:
        return _load(shown_path(device_path(text)))
    raise DeviceError(
        Problem(
            f"there is no device `{text}`; there are " + ", ".join(f"`{name}`" for name in names),
            hint=did_you_mean(text, names)
            or f"a profile of your own is named by its path: `./{text or 'device'}.yaml`",
        )
    )


def _load(path: str) -> DeviceProfile:
    root = read_yaml(path, error=DeviceError)
    reader = _ProfileReader(path)
    profile = reader.profile(root)
    if reader.problems or profile is None:
        raise DeviceError(reader.problems)
    return profile


def _missing(node: Node, required: Sequence[str], known: Sequence[str]) -> list[str]:
    """Required keys that are neither there nor meant by an unknown key, which is reported."""
    unknown = [key for key in node.keys if key not in known]
    return [
        key
        for key in required
        if key not in node.value and not any(did_you_mean(other, (key,)) for other in unknown)
    ]


class _Stated(NamedTuple):
    """A number together with what the user wrote, for messages that compare two of them."""

    sourced: Sourced
    node: Node


class _ProfileReader:
    """Reads one profile; `problems` grows along the way."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def problem(self, message: str, node: Node | Span, hint: str | None = None) -> None:
        span = node if isinstance(node, Span) else node.span()
        self.problems.append(Problem(message, span, hint))

    def profile(self, root: Node) -> DeviceProfile | None:
        if not isinstance(root.value, dict):
            self.problem("a device profile is a mapping: `name: ...`, one key a line", root)
            return None
        if "layers" in root.value and "compute" not in root.value:
            self.problem("this is a model, not a device profile", root.keys["layers"])
            return None
        self.keys(root, "a device profile", _TOP, _OPTIONAL_TOP)
        values = root.value
        version = values.get("format")
        if version is not None and (type(version.value) is not int or version.value != FORMAT):
            self.problem(f"this version reads `format: {FORMAT}` only", version)
        name, title, runtime = (self.text(values, key) for key in ("name", "title", "runtime"))
        tier = self.word(values, "tier", TIERS)
        threads = self.threads(values.get("threads"))
        compute = self.compute(values.get("compute"))
        memory = self.memory(values.get("memory"))
        storage = None
        if "storage" in values and (read := self.level(values["storage"], root.keys["storage"])):
            storage = read[0]
        kernel, inference = self.overheads(values.get("overhead"))
        return DeviceProfile(
            name,
            title,
            tier,
            runtime,
            threads,
            compute,
            memory,
            storage,
            kernel,
            inference,
            self.path,
        )

    # What all parts share.

    def keys(
        self, node: Node, what: str, required: Sequence[str], optional: Sequence[str] = ()
    ) -> None:
        """Report keys that `what` does not have, and those that it lacks."""
        known = (*required, *optional)
        for key, key_node in node.keys.items():
            if key not in known:
                hint = did_you_mean(key, known) or f"{what} has {', '.join(known)}"
                self.problem(f"{what} has no `{key}`", key_node, hint)
        if missing := _missing(node, required, known):
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
        """Standing and source of a mapping; what is missing is reported at `place`."""
        if missing := _missing(node, _ORIGIN, _NUMBER_KEYS):
            hints = {
                "source": 'write where it is from: `source: "vendor data sheet, page 3"`',
                "standing": f"`standing` is {one_of(STANDINGS)}",
            }
            what = f"`{place.value}`" if isinstance(place.value, str) else "this level"
            lacks = " and no ".join(f"`{key}`" for key in missing)
            self.problem(f"{what} states no {lacks}", place, hints[missing[-1]])
        return self.word(node.value, "standing", STANDINGS), self.text(node.value, "source")

    def quantity(self, node: Node, unit: str, zero: bool = False) -> float | None:
        """The number that a scalar states, in `unit`."""
        if isinstance(node.value, (dict, list, bool, type(None))):
            self.problem("a number with its unit must stand here", node)
            return None
        try:
            value = parse_quantity(str(node.value), unit)
        except UnitError as error:
            self.problems += [problem._replace(span=node.span()) for problem in error.problems]
            return None
        low, high = _PLAUSIBLE[unit]
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
    ) -> dict[str, _Stated | None]:
        """The quantities of a mapping, by key.

        Each is `25.6 GB/s`, with the source and standing of the mapping, or has its own:
        `{value: 25.6 GB/s, standing: ..., source: ...}`.
        """
        found: dict[str, _Stated | None] = {}
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
                found[key] = self.own(child, node.keys[key], unit)
            else:
                value = self.quantity(child, unit)
                standing, source = shared
                found[key] = (
                    None if value is None else _Stated(Sourced(value, source, standing), child)
                )
        return found

    def own(self, node: Node, place: Node, unit: str, zero: bool = False) -> _Stated | None:
        """A quantity with a source and standing of its own."""
        self.keys(node, f"`{place.value}`", ("value",), _ORIGIN)
        standing, source = self.origin(node, place)
        if "value" not in node.value:
            return None
        value = self.quantity(node.value["value"], unit, zero)
        return (
            value
            if value is None
            else _Stated(Sourced(value, source, standing), node.value["value"])
        )

    # The parts of a profile.

    def threads(self, node: Node | None) -> int:
        value: Any = None if node is None else node.value
        if node is None or (type(value) is int and 1 <= value <= MAX_THREADS):
            return value or 1
        self.problem(f"`threads` must be a whole number from 1 to {MAX_THREADS}", node)
        return 1

    def compute(self, node: Node | None) -> dict[str, ComputeRate]:
        rates: dict[str, ComputeRate] = {}
        if node is None:
            return rates
        if not isinstance(node.value, dict) or not node.value:
            self.problem("`compute` must be a mapping from a precision to its rates", node)
            return rates
        for precision, child in node.value.items():
            place = node.keys[precision]
            if precision not in PRECISIONS:
                hint = did_you_mean(precision, PRECISIONS) or f"one of {one_of(PRECISIONS)}"
                self.problem(f"there is no precision `{precision}`", place, hint)
            if not isinstance(child.value, dict):
                self.problem(
                    f"`{precision}` must be a mapping: `{{macs: ..., source: ...}}`", child
                )
                continue
            self.keys(child, f"`{precision}`", ("macs",), ("vector", *_ORIGIN))
            found = self.quantities(child, place, {"macs": "MAC/s", "vector": "op/s"})
            macs, vector = found.get("macs"), found.get("vector")
            if macs:
                rates[precision] = ComputeRate(macs.sourced, vector.sourced if vector else None)
        return rates

    def level(
        self, node: Node, place: Node
    ) -> tuple[MemoryLevel, _Stated | None, _Stated | None] | None:
        """One memory level, and its size and bandwidth as stated."""
        if not isinstance(node.value, dict):
            self.problem("a memory level is a mapping: `{level: DRAM, size: ..., ...}`", node)
            return None
        self.keys(node, "a memory level", ("level",), ("size", "bandwidth", *_ORIGIN))
        name = self.text(node.value, "level")
        place = node.value.get("level", place)
        if "size" not in node.value and "bandwidth" not in node.value:
            self.problem("a memory level must state a `size`, a `bandwidth` or both", place)
            return None
        found = self.quantities(node, place, {"size": "B", "bandwidth": "B/s"})
        size, bandwidth = found.get("size"), found.get("bandwidth")
        level = MemoryLevel(
            name, size.sourced if size else None, bandwidth.sourced if bandwidth else None
        )
        return level, size, bandwidth

    def memory(self, node: Node | None) -> tuple[MemoryLevel, ...]:
        levels: list[MemoryLevel] = []
        if node is None:
            return ()
        if not isinstance(node.value, list) or not node.value:
            self.problem("`memory` must be a list of levels, innermost first", node)
            return ()
        inner: dict[str, tuple[str, _Stated]] = {}  # the last size and bandwidth that are known
        lines: dict[str, int] = {}
        for child in node.value:
            read = self.level(child, child)
            if read is None:
                continue
            level, size, bandwidth = read
            if level.name in lines:
                self.problem(
                    f"the level `{level.name}` is already stated at line {lines[level.name]}",
                    child.value["level"],
                )
            elif level.name:
                lines[level.name] = child.line
            self.order(inner, "size", level.name, size)
            self.order(inner, "bandwidth", level.name, bandwidth)
            levels.append(level)
        return tuple(levels)

    def order(
        self, inner: dict[str, tuple[str, _Stated]], what: str, name: str, stated: _Stated | None
    ) -> None:
        """Outwards, levels get larger and not faster."""
        if stated is None:
            return
        if what in inner:
            other, before = inner[what]
            here, there = stated.sourced.value, before.sourced.value
            wrong = here <= there if what == "size" else here > there
            if wrong:
                relation = "is not larger" if what == "size" else "is faster"
                self.problem(
                    f"`{name}` ({stated.node.value}) {relation} than `{other}` "
                    f"({before.node.value}), which is further inside",
                    stated.node,
                    "levels stand innermost first: L1, L2, ..., DRAM",
                )
                return
        inner[what] = (name, stated)

    def overheads(self, node: Node | None) -> tuple[Sourced | None, Sourced | None]:
        """Seconds per kernel and per inference."""
        if node is None:
            return None, None
        if not isinstance(node.value, dict) or not node.value:
            self.problem("`overhead` must be a mapping with `kernel`, `inference` or both", node)
            return None, None
        self.keys(node, "`overhead`", (), ("kernel", "inference"))
        found: dict[str, Sourced] = {}
        for key in ("kernel", "inference"):
            child = node.value.get(key)
            if child is None:
                continue
            if not isinstance(child.value, dict):
                hint = f"write `{key}: {{value: ..., standing: ..., source: ...}}`"
                self.problem(f"`{key}` must be a mapping", child, hint)
            elif stated := self.own(child, node.keys[key], "s", zero=True):
                found[key] = stated.sourced
        return found.get("kernel"), found.get("inference")
