"""The sections of a profile beside its memory: rates, overheads, energy, rules of kernels.

Each function reads one section and notes what is wrong in its reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnet_cost.devices.reader import MAX_TILE, ORIGIN, Reader
from mnet_cost.devices.rules import KERNEL_RULES
from mnet_cost.devices.runtimes import NAME as VERSION
from mnet_cost.devices.sourced import Sourced
from mnet_cost.devices.types import ComputeRate
from mnet_cost.errors import did_you_mean, one_of
from mnet_cost.yamlfile import Node

MAX_THREADS = 4096
MAX_SPARSE_SPEEDUP = 16


def read_threads(reader: Reader, node: Node | None) -> int:
    """How many threads the profile is for; 1 where that is wrong, which is reported."""
    if node is None:
        return 1
    if type(node.value) is int and 1 <= node.value <= MAX_THREADS:
        return node.value
    reader.problem(f"`threads` must be a whole number from 1 to {MAX_THREADS}", node)
    return 1


def read_version(reader: Reader, node: Node | None) -> str | None:
    """Which version of its runtime the times of a profile are of, or which date."""
    if node is None:
        return None
    text = node.value
    if isinstance(text, str) and VERSION.fullmatch(text):
        return text
    hint = 'in quotes, a version or a date: `runtime_version: "2.10"`, `"2020-03"`'
    reader.problem("`runtime_version` must be text without blanks", node, hint)
    return None


def read_cores(reader: Reader, values: Mapping[str, Node], place: Node | None) -> Sourced | None:
    """How many cores the processor has."""
    if place is None:
        return None
    return reader.number(values["cores"], place, 1, MAX_THREADS, whole=True)


def read_compute(reader: Reader, node: Node | None) -> dict[str, ComputeRate]:
    """The rates by precision."""
    rates: dict[str, ComputeRate] = {}
    if node is None:
        return rates
    if not isinstance(node.value, dict) or not node.value:
        reader.problem("`compute` must be a mapping from a precision to its rates", node)
        return rates
    for precision, child in node.value.items():
        place = node.keys[precision]
        reader.check_precision(place)
        if not isinstance(child.value, dict):
            reader.problem(f"`{precision}` must be a mapping: `{{macs: ..., source: ...}}`", child)
            continue
        optional = ("vector", "tile", "sparse", *ORIGIN)
        reader.keys(child, f"`{precision}`", ("macs",), optional)
        figures = reader.quantities(child, place, {"macs": "MAC/s", "vector": "op/s"})
        macs, vector = figures.get("macs"), figures.get("vector")
        tile = sparse = None
        if "tile" in child.value:
            tile = reader.number(child.value["tile"], child.keys["tile"], 1, MAX_TILE, whole=True)
        if "sparse" in child.value:
            sparse = reader.number(
                child.value["sparse"], child.keys["sparse"], 1, MAX_SPARSE_SPEEDUP
            )
        if macs:
            rates[precision] = ComputeRate(
                macs_per_s=macs.sourced,
                vector_ops_per_s=vector.sourced if vector else None,
                tile=tile,
                sparse_speedup=sparse,
            )
    return rates


def read_overheads(reader: Reader, node: Node | None) -> tuple[Sourced | None, Sourced | None]:
    """Seconds per kernel and per inference."""
    if node is None:
        return None, None
    if not isinstance(node.value, dict) or not node.value:
        reader.problem("`overhead` must be a mapping with `kernel`, `inference` or both", node)
        return None, None
    reader.keys(node, "`overhead`", (), ("kernel", "inference"))
    kernel, inference = (
        reader.sourced(node.value, node.keys[key], "s", zero=True) if key in node.value else None
        for key in ("kernel", "inference")
    )
    return kernel, inference


def read_energy(
    reader: Reader, node: Node | None, levels: Sequence[str]
) -> tuple[dict[str, Sourced], dict[str, Sourced]]:
    """Joules per mult-add by precision, and per byte by the name of one of `levels`."""
    macs: dict[str, Sourced] = {}
    transfers: dict[str, Sourced] = {}
    if node is None:
        return macs, transfers
    if not isinstance(node.value, dict) or not node.value:
        reader.problem("`energy` must be a mapping with `macs`, `bytes` or both", node)
        return macs, transfers
    reader.keys(node, "`energy`", (), ("macs", "bytes"))
    for key, unit, what, energies in (
        ("macs", "J/MAC", "a precision to energy per mult-add", macs),
        ("bytes", "J/B", "a memory level to energy per byte", transfers),
    ):
        child = node.value.get(key)
        if child is None:
            continue
        if not isinstance(child.value, dict) or not child.value:
            reader.problem(f"`{key}` must be a mapping from {what}", child)
            continue
        for name, place in child.keys.items():
            if key == "macs":
                reader.check_precision(place)
            elif levels and name not in levels:
                hint = did_you_mean(name, levels) or f"this profile has {one_of(levels)}"
                reader.problem(f"there is no memory level `{name}`", place, hint)
            if sourced := reader.sourced(child.value, place, unit):
                energies[name] = sourced
    return macs, transfers


def read_kernels(reader: Reader, node: Node | None, unstated: frozenset[str]) -> frozenset[str]:
    """The words of `KERNEL_RULES` that a profile states, or those that are taken without."""
    if node is None:
        return unstated
    if not isinstance(node.value, list):
        hint = "what the runtime does: `kernels: [fold_norms, fuse_clamps]`"
        reader.problem("`kernels` must be a list of words", node, hint)
        return unstated
    words: set[str] = set()
    for child in node.value:
        word = child.value
        if not isinstance(word, str) or word not in KERNEL_RULES:
            hint = one_of(tuple(KERNEL_RULES))
            if isinstance(word, str):
                hint = did_you_mean(word, KERNEL_RULES) or hint
                reader.problem(f"there is no rule of kernels `{word}`", child, hint)
            else:
                reader.problem("a rule of kernels is one word", child, hint)
        elif word in words:
            reader.problem(f"`{word}` is already stated", child)
        else:
            words.add(word)
    return frozenset(words)
