"""A device profile from YAML, checked: every number has a unit, a source and a standing.

All problems of a file are raised at once, each at the user's own value. Not here: whether the
numbers are true, which only their sources can tell.
"""

from __future__ import annotations

import os

from mnet_cost.devices.hierarchy import read_memory, read_storage
from mnet_cost.devices.library import device_names, device_path
from mnet_cost.devices.reader import Reader
from mnet_cost.devices.sections import (
    read_compute,
    read_energy,
    read_kernels,
    read_overheads,
    read_threads,
)
from mnet_cost.devices.types import CLASSES, TIERS, DeviceProfile
from mnet_cost.errors import DeviceError, Problem, did_you_mean
from mnet_cost.shipped import shown_path
from mnet_cost.yamlfile import Node, read_yaml

FORMAT = 1

_TOP = ("format", "name", "title", "tier", "runtime", "threads", "compute", "memory")
_OPTIONAL_TOP = ("class", "storage", "overhead", "power", "energy", "kernels")


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
            f"there is no device `{text}`",
            hint=did_you_mean(text, names)
            or "`mnet-cost devices` lists them; a profile of your own is named by its path: "
            f"`./{text or 'device'}.yaml`",
        )
    )


def _load(path: str) -> DeviceProfile:
    root = read_yaml(path, error=DeviceError)
    reader = Reader()
    profile = _profile(reader, root, path)
    if reader.problems or profile is None:
        raise DeviceError(reader.problems)
    return profile


def _profile(reader: Reader, root: Node, path: str) -> DeviceProfile | None:
    """What the file says; wrong where the reader has problems."""
    if not isinstance(root.value, dict):
        reader.problem("a device profile is a mapping: `name: ...`, one key a line", root)
        return None
    values = root.value
    if "layers" in values and "compute" not in values:
        reader.problem("this is a model, not a device profile", root.keys["layers"])
        return None
    reader.keys(root, "a device profile", _TOP, _OPTIONAL_TOP)
    version = values.get("format")
    if version is not None and (type(version.value) is not int or version.value != FORMAT):
        reader.problem(f"this version reads `format: {FORMAT}` only", version)
    name, title, runtime = (reader.text(values, key) for key in ("name", "title", "runtime"))
    tier = reader.word(values, "tier", TIERS)
    device_class = reader.word(values, "class", CLASSES)
    threads = read_threads(reader, values.get("threads"))
    compute = read_compute(reader, values.get("compute"))
    memory = read_memory(reader, values.get("memory"))
    storage = None
    if "storage" in values:
        storage = read_storage(reader, values["storage"], root.keys["storage"], memory)
    kernel, inference = read_overheads(reader, values.get("overhead"))
    power = reader.sourced(values, root.keys["power"], "W") if "power" in values else None
    levels = [level.name for level in (*memory, *([storage] if storage else [])) if level.name]
    macs, transfers = read_energy(reader, values.get("energy"), levels)
    return DeviceProfile(
        name=name,
        title=title,
        tier=tier,
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
        kernel_rules=read_kernels(reader, values.get("kernels")),
    )
