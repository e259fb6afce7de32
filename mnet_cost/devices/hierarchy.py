"""The memory of a profile: levels from the innermost outwards, and storage beside them."""

from __future__ import annotations

from mnet_cost.devices.reader import ORIGIN, Reader, Stated
from mnet_cost.devices.types import MemoryLevel
from mnet_cost.yamlfile import Node


def read_memory(reader: Reader, node: Node | None) -> tuple[MemoryLevel, ...]:
    """All levels; outwards they get larger and not faster."""
    levels: list[MemoryLevel] = []
    if node is None:
        return ()
    if not isinstance(node.value, list) or not node.value:
        reader.problem("`memory` must be a list of levels, innermost first", node)
        return ()
    inner: dict[str, tuple[str, Stated]] = {}  # the last size and bandwidth that are known
    lines: dict[str, int] = {}
    for child in node.value:
        read = _level(reader, child, child)
        if read is None:
            continue
        level, size, bandwidth = read
        if level.name in lines:
            reader.problem(
                f"the level `{level.name}` is already stated at line {lines[level.name]}",
                child.value["level"],
            )
        elif level.name:
            lines[level.name] = child.line
        _check_order(reader, inner, "size", level.name, size)
        _check_order(reader, inner, "bandwidth", level.name, bandwidth)
        levels.append(level)
    return tuple(levels)


def read_storage(
    reader: Reader, node: Node, place: Node, memory: tuple[MemoryLevel, ...]
) -> MemoryLevel | None:
    """The level that is beside `memory`, behind the key `place`."""
    read = _level(reader, node, place)
    if read is None:
        return None
    level = read[0]
    if level.name and level.name in (other.name for other in memory):
        message = f"the level `{level.name}` is already stated in `memory`"
        reader.problem(message, node.value["level"])
    return level


def _level(
    reader: Reader, node: Node, place: Node
) -> tuple[MemoryLevel, Stated | None, Stated | None] | None:
    """One memory level, and its size and bandwidth as stated."""
    if not isinstance(node.value, dict):
        reader.problem("a memory level is a mapping: `{level: DRAM, size: ..., ...}`", node)
        return None
    reader.keys(node, "a memory level", ("level",), ("size", "bandwidth", *ORIGIN))
    name = reader.text(node.value, "level")
    place = node.value.get("level", place)
    if "size" not in node.value and "bandwidth" not in node.value:
        reader.problem("a memory level must state a `size`, a `bandwidth` or both", place)
        return None
    quantities = reader.quantities(node, place, {"size": "B", "bandwidth": "B/s"})
    size, bandwidth = quantities.get("size"), quantities.get("bandwidth")
    level = MemoryLevel(
        name=name,
        size_bytes=size.sourced if size else None,
        bytes_per_s=bandwidth.sourced if bandwidth else None,
    )
    return level, size, bandwidth


def _check_order(
    reader: Reader,
    inner: dict[str, tuple[str, Stated]],
    what: str,
    name: str,
    stated: Stated | None,
) -> None:
    if stated is None:
        return
    if what in inner:
        other, before = inner[what]
        here, there = stated.sourced.value, before.sourced.value
        wrong = here <= there if what == "size" else here > there
        if wrong:
            relation = "is not larger" if what == "size" else "is faster"
            reader.problem(
                f"`{name}` ({stated.node.value}) {relation} than `{other}` "
                f"({before.node.value}), which is further inside",
                stated.node,
                "levels stand innermost first: L1, L2, ..., DRAM",
            )
            return
    inner[what] = (name, stated)
