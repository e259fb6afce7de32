"""The keys of a profile that say what an accelerator does not run: `operators`, the list of its
kinds; `fallback`, the profile of the processor beside it; `crossing`, the memory between the two.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mnet_cost.devices.library import operator_list_names, operator_list_path
from mnet_cost.devices.reader import Reader
from mnet_cost.devices.types import DeviceProfile, MemoryLevel
from mnet_cost.errors import DeviceError, did_you_mean, one_of
from mnet_cost.paths import is_below, is_yaml
from mnet_cost.shipped import shown_path
from mnet_cost.yamlfile import Node

if TYPE_CHECKING:
    from mnet_cost.devices.operators import OperatorList

KEYS = ("operators", "fallback", "crossing")


def read_operators(reader: Reader, values: Mapping[str, Node], path: str) -> OperatorList | None:
    """The list that `operators` names: a shipped one, or a file seen from the profile's folder."""
    name = reader.text(values, "operators")
    if not name:
        return None
    folder = os.path.dirname(path)
    if "/" in name or os.sep in name or is_yaml(name):
        found = os.path.normpath(os.path.join(folder, name))
    elif name in operator_list_names():
        found = shown_path(operator_list_path(name))
    else:
        names = operator_list_names()
        hint = did_you_mean(name, names) or f"there are {', '.join(names)}; or name a file"
        reader.problem(f"there is no list of operators `{name}`", values["operators"], hint)
        return None
    from mnet_cost.devices.operators import load_operators  # for accelerators alone

    try:
        return load_operators(found)
    except DeviceError as error:
        if all(problem.span for problem in error.problems) and is_below(found, folder):
            reader.problems += error.problems
        else:  # of a file that is somewhere else, no lines are shown
            hint = first_problem(error)
            reader.problem(f"`{name}` is no list of operators", values["operators"], hint)
        return None


def first_problem(error: DeviceError) -> str:
    """What is first wrong in another file, with its place, as a hint."""
    first = error.problems[0]
    place = f"{first.span}: " if first.span else ""
    return f"{place}{first.message}" + (f"; {first.hint}" if first.hint else "")


def read_fallback(
    reader: Reader, values: Mapping[str, Node], load: Callable[[str], DeviceProfile]
) -> DeviceProfile | None:
    """The profile that `fallback` names, which cannot itself fall back to another."""
    name = reader.text(values, "fallback")
    if not name:
        return None
    try:
        device = load(name)
    except DeviceError as error:
        message = f"`{name}` cannot run what the accelerator does not"
        reader.problem(message, values["fallback"], first_problem(error))
        return None
    if device.operators is not None:
        message = f"`{name}` is an accelerator itself, which does not run all layers"
        reader.problem(message, values["fallback"], "name the profile of a processor")
        return None
    return device


def read_crossing(
    reader: Reader, values: Mapping[str, Node], memory: Sequence[MemoryLevel]
) -> MemoryLevel | None:
    """The level of `memory` that `crossing` names."""
    name = reader.text(values, "crossing")
    if not name:
        return None
    level = next((level for level in memory if level.name == name), None)
    if level is None:
        names = [level.name for level in memory]
        hint = did_you_mean(name, names) or (f"this profile has {one_of(names)}" if names else None)
        reader.problem(f"there is no memory level `{name}`", values["crossing"], hint)
    return level


def check_operators(reader: Reader, values: Mapping[str, Node], profile: DeviceProfile) -> None:
    """What is beside an accelerator needs the list that says what does not run on it."""
    if profile.operators is not None:
        return
    for key in ("fallback", "crossing"):
        if key in values:
            hint = "`operators` names the list of what the accelerator runs"
            reader.problem(f"`{key}` without `operators`", values[key], hint)
