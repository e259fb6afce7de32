"""A device profile from YAML, checked: every number has a unit, a source and a basis.

All problems of a file are raised at once, each at the user's own value. Not here: whether the
numbers are true, which only their sources can tell.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from mnet_cost.devices.fallbacks import (
    KEYS,
    check_operators,
    first_problem,
    read_crossing,
    read_fallback,
    read_operators,
)
from mnet_cost.devices.hierarchy import read_memory, read_storage
from mnet_cost.devices.library import device_names, device_path
from mnet_cost.devices.measured import read_latency
from mnet_cost.devices.reader import FILL_IN, Reader
from mnet_cost.devices.rules import is_known_runtime, runtime_rules
from mnet_cost.devices.sections import (
    read_compute,
    read_cores,
    read_energy,
    read_kernels,
    read_overheads,
    read_threads,
    read_version,
)
from mnet_cost.devices.threads import rates_of_threads, with_power_of_threads
from mnet_cost.devices.types import CLASSES, CORES, PIPELINES, PROFILE_BASES, DeviceProfile
from mnet_cost.errors import DeviceError, Problem, Source, did_you_mean
from mnet_cost.filekinds import DEVICE, mistaken
from mnet_cost.paths import is_yaml
from mnet_cost.shipped import shown_path
from mnet_cost.yamlfile import Node, parse_yaml, read_yaml

FORMAT = 1

_TOP = ("format", "name", "title", "basis", "runtime", "threads")
_PEAKS = ("compute", "memory")
_OPTIONAL_TOP = (
    "class", "storage", "overhead", "power", "energy", "kernels", "pipeline", "core", "cores",
    "latency", "extends", "runtime_version", *KEYS,
)  # fmt: skip


_TAKEN_OVER: Mapping[str, tuple[str, ...]] = {
    "compute": ("compute",),
    "memory": ("memory",),
    "storage": ("storage",),
    "overhead": ("kernel_overhead_s", "inference_overhead_s"),
    "class": ("device_class",),
    "power": ("power_w", "power_stated"),
    "energy": ("mac_energy_j", "byte_energy_j"),
    "kernels": ("kernel_rules",),
    "pipeline": ("pipeline",),
    "core": ("core",),
    "cores": ("cores",),
    "operators": ("operators",),
    "fallback": ("fallback",),
    "crossing": ("crossing",),
}
"""Fields that a profile has from the one that it extends, by the key that would state them."""
_CHAINED = {
    "extends": "a profile that is extended cannot extend another",
    "fallback": "a profile that another falls back to cannot fall back itself",
}
_KEPT = frozenset(("fallback",))
"""Keys that what a profile extends must not have either, or profiles could name each other in a
ring."""


def load_device(
    name_or_path: str | os.PathLike[str], *, without: Collection[str] = ()
) -> DeviceProfile:
    """The shipped profile of that name, or the one in that file; `DeviceError` if it is bad.

    Text with a path separator, or that ends in .yaml or .yml, is a path. `without`: keys, of
    `extends` and `fallback`, that it must not have, since another profile names it by them.
    """
    text = os.fspath(name_or_path)
    if not isinstance(name_or_path, str) or is_device_path(text):
        return _load(text, without)
    names = device_names()
    if text in names:
        return _load(shown_path(device_path(text)), without)
    from mnet_cost.devices.other_names import OTHER_DEVICES

    raise DeviceError(
        Problem(
            f"there is no device `{text}`",
            hint=did_you_mean(text, names, OTHER_DEVICES)
            or "`mnet-cost devices` lists them; a profile of your own is named by its path: "
            f"`./{text or 'device'}.yaml`",
        )
    )


def is_device_path(text: str) -> bool:
    """Whether a name is that of a file, not of a shipped profile."""
    return "/" in text or os.sep in text or is_yaml(text)


def _load(path: str, without: Collection[str]) -> DeviceProfile:
    return _checked(read_yaml(path, error=DeviceError), path, without)


def parse_device(text: str, path: str) -> DeviceProfile:
    """The profile that `text` would be in the file `path`; `DeviceError` if it is bad."""
    return _checked(parse_yaml(Source(path, text), DeviceError), path, ())


def _checked(root: Node, path: str, without: Collection[str]) -> DeviceProfile:
    reader = Reader()
    if FILL_IN in root.source.text and (blanks := list(_blanks(root))):
        raise DeviceError(blanks)
    for key in without:
        if isinstance(root.value, dict) and key in root.value:
            raise DeviceError(Problem(_CHAINED[key], root.keys[key].span()))
    profile = _profile(reader, root, path, without)
    if reader.problems or profile is None:
        raise DeviceError(reader.problems)
    return profile


def _blanks(node: Node) -> Iterator[Problem]:
    """A problem for each value of a new profile that nobody has filled in."""
    children: Iterable[Node] = ()
    if isinstance(node.value, dict):
        children = node.value.values()
    elif isinstance(node.value, list):
        children = node.value
    elif node.value == FILL_IN:
        hint = "a line that says what nobody knows can go, unless the profile needs it"
        yield Problem("this is to be filled in", node.span(), hint)
    for child in children:
        yield from _blanks(child)


def _profile(
    reader: Reader, root: Node, path: str, without: Collection[str]
) -> DeviceProfile | None:
    """What the file says; wrong where the reader has problems."""
    if not isinstance(root.value, dict):
        reader.problem("a device profile is a mapping: `name: ...`, one key a line", root)
        return None
    values = root.value
    if (problem := mistaken(root, DEVICE)) is not None:
        reader.problems.append(problem)
        return None
    # What is measured needs no peaks, and what extends a profile has them from there.
    complete = "extends" in values or "latency" in values
    required = _TOP if complete else (*_TOP, *_PEAKS)
    reader.keys(root, "a device profile", required, (*_PEAKS, *_OPTIONAL_TOP))
    base = _base(reader, root, path, without) if "extends" in values else None
    version = values.get("format")
    if version is not None and (type(version.value) is not int or version.value != FORMAT):
        reader.problem(f"this version reads `format: {FORMAT}` only", version)
    name, title, runtime = (reader.text(values, key) for key in ("name", "title", "runtime"))
    basis = reader.word(values, "basis", PROFILE_BASES)
    device_class = reader.word(values, "class", CLASSES)
    pipeline = reader.word(values, "pipeline", PIPELINES)
    core = reader.word(values, "core", CORES)
    threads = read_threads(reader, values.get("threads"))
    cores = read_cores(reader, values, root.keys.get("cores"))
    compute = read_compute(reader, values.get("compute"))
    memory = read_memory(reader, values.get("memory"))
    storage = None
    if "storage" in values:
        storage = read_storage(reader, values["storage"], root.keys["storage"], memory)
    kernel, inference = read_overheads(reader, values.get("overhead"))
    power = reader.sourced(values, root.keys["power"], "W") if "power" in values else None
    levels = [level.name for level in (*memory, *([storage] if storage else [])) if level.name]
    macs, transfers = read_energy(reader, values.get("energy"), levels)
    known_class = device_class or (base.device_class if base else None)
    stated = DeviceProfile(
        name=name,
        title=title,
        basis=basis,
        runtime=runtime,
        threads=threads,
        compute=compute,
        memory=memory,
        storage=storage,
        kernel_overhead_s=kernel,
        inference_overhead_s=inference,
        path=path,
        device_class=device_class or None,
        power_w=power,
        mac_energy_j=macs,
        byte_energy_j=transfers,
        kernel_rules=read_kernels(reader, values.get("kernels"), runtime_rules(runtime)),
        pipeline=pipeline or None,
        core=core or None,
        cores=cores,
        latency=read_latency(reader, values.get("latency"), known_class, threads),
        extends=None if base is None else base.name,
        runtime_version=read_version(reader, values.get("runtime_version")),
        operators=read_operators(reader, values, path),
        fallback=read_fallback(reader, values, lambda name: _other(name, path, ("fallback",))),
        crossing=read_crossing(reader, values, memory or (base.memory if base else ())),
    )
    profile = stated if base is None else _over(base, stated, values)
    if not reader.problems:
        _check_whole(reader, values, profile)
    return profile


def _check_whole(reader: Reader, values: Mapping[str, Node], profile: DeviceProfile) -> None:
    """What only all of a profile shows: parts that are right by themselves contradict each other.

    A basis says whether times were measured, so it goes with a fit to them.
    """
    basis = profile.basis
    if basis in ("fitted", "calibrated") and "latency" not in values:
        hint = (
            "`basis: datasheet` where no times are known; `mnet-cost calibrate --from TIMES.csv "
            "--into FILE` fits the profile to some"
        )
        reader.problem(f"`basis: {basis}` without a fit in `latency`", values["basis"], hint)
    if basis == "datasheet" and "latency" in values:
        hint = "`fitted` to published times, or `calibrated` by times of the very device"
        reader.problem("`basis: datasheet` with a fit in `latency`", values["basis"], hint)
    names = [level.name for level in profile.memory if level.name in profile.byte_energy_j]
    for inner, outer in pairwise(names):
        energies = [profile.byte_energy_j[name].value for name in (inner, outer)]
        if energies[0] > energies[1] and "energy" in values:
            message = f"a byte of `{inner}` takes more energy than one of `{outer}` outside of it"
            reader.problem(message, values["energy"].value["bytes"].keys[inner])
    if profile.cores and profile.threads > profile.cores.value:
        cores = int(profile.cores.value)
        message = f"{profile.threads} threads, but {cores} core{'s' if cores > 1 else ''}"
        reader.problem(message, values["threads"])
    check_operators(reader, values, profile)


def _base(reader: Reader, root: Node, path: str, without: Collection[str]) -> DeviceProfile | None:
    """The profile that `extends` names: a shipped one, or a file seen from this file's folder."""
    name = reader.text(root.value, "extends")
    node = root.value["extends"]
    if not name:
        return None
    try:
        return _other(name, path, ("extends", *_KEPT.intersection(without)))
    except DeviceError as error:
        reader.problem(f"`{node.value}` cannot be extended", node, first_problem(error))
        return None


def _other(name: str, path: str, without: Collection[str]) -> DeviceProfile:
    """The profile that the one in the file `path` names, which must not have the keys `without`."""
    if is_device_path(name):
        name = os.path.join(os.path.dirname(path), name)
    return load_device(name, without=without)


def _over(base: DeviceProfile, stated: DeviceProfile, values: Mapping[str, Node]) -> DeviceProfile:
    """`stated` where the file says something, and else `base`. Fits are never taken over: they are
    of a runtime."""
    taken = {
        field: getattr(base, field)
        for key, fields in _TAKEN_OVER.items()
        if key not in values
        for field in fields
    }
    if stated.runtime != base.runtime and is_known_runtime(stated.runtime):
        for field in ("kernel_rules", *KEYS):  # another runtime does other things
            taken.pop(field, None)
    if stated.threads != base.threads:
        drawn = with_power_of_threads(base, stated.threads)
        for_threads = {
            "compute": rates_of_threads(base, stated.threads),
            "power_w": drawn.power_w,
            "power_stated": drawn.power_stated,
        }
        taken.update({field: value for field, value in for_threads.items() if field in taken})
    return replace(stated, **taken)
