"""Which device profiles a user means: names, files, `all`, `none`, under which runtime, and with
how many threads.

The command line and Python ask here alike. Not here: what is in a profile (`load.py`), and how a
profile changes with its runtime (`runtimes.py`) and the number of threads (`threads.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from mnet_cost.devices.library import default_devices, device_names
from mnet_cost.devices.load import load_device
from mnet_cost.devices.runtimes import (
    parse_runtime,
    siblings_of_runtime,
    takes_runtime,
    with_runtime,
)
from mnet_cost.devices.threads import takes_threads, with_threads
from mnet_cost.devices.types import CLASSES, DeviceProfile
from mnet_cost.errors import DeviceError, Problem, did_you_mean, one_of

ALL, NONE = "all", "none"
"""Words for every shipped profile, and for no profile."""

Device = DeviceProfile | str | os.PathLike[str]
"""What stands for a device: a profile, the name of a shipped one, or the path of a file."""


def choose_devices(
    asked: Iterable[Device] | None = None,
    threads: int | None = None,
    device_class: str | None = None,
    runtime: str | None = None,
) -> tuple[DeviceProfile, ...]:
    """The profiles that `asked` names, each once; the default ones where it is None.

    `all` stands for every shipped profile, `none` alone for no profile. With `threads`, a device
    that is asked for by itself must be able to run so many. Of `all`, devices that cannot are left
    as they are; of the default ones, those that are no processors. With `device_class`, those of
    that class alone. With `runtime`, such as `tflite` or `tflite@2.16`, a device that is asked for
    by itself must take it. Of `all`, what was measured under another one is left out, and what is
    no processor stays as it is. A default device is replaced by what its board was measured as
    under that runtime, or by its data sheet. Raises `DeviceError` for a name or a class that is
    not there, `TypeError` for what is no device.
    """
    check_class(device_class)
    named = [] if asked is None else _checked(asked)
    wanted = list(default_devices()) if asked is None else list(named)
    if NONE in wanted and len(wanted) > 1:
        raise DeviceError(
            "the device `none` is for no device at all: leave it out, or leave out the others"
        )
    has_all = ALL in wanted
    if has_all:
        wanted = [*device_names(), *(device for device in wanted if device != ALL)]
    elif wanted == [NONE]:
        return ()
    profiles = [
        (device, device if isinstance(device, DeviceProfile) else load_device(device))
        for i, device in enumerate(wanted)
        if isinstance(device, DeviceProfile) or device not in wanted[:i]
    ]
    profiles = [
        (device, profile)
        for device, profile in profiles
        if device_class in (None, profile.device_class)
    ]
    if runtime is not None:
        profiles = [
            (device, changed)
            for device, profile in profiles
            if (changed := _under(profile, runtime, device in named, has_all)) is not None
        ]
    if threads is None:
        return tuple([profile for _, profile in profiles])
    return tuple(
        [
            with_threads(profile, threads)
            if device in named or (takes_threads(profile, threads) if has_all else profile.pipeline)
            else profile
            for device, profile in profiles
        ]
    )


def _under(
    profile: DeviceProfile, runtime: str, is_named: bool, has_all: bool
) -> DeviceProfile | None:
    """The profile that is meant where a runtime is asked for; None for none."""
    if is_named or takes_runtime(profile, runtime):
        return with_runtime(profile, runtime)
    if profile.pipeline is None:
        return profile
    if has_all:
        return None
    others = siblings_of_runtime(profile, parse_runtime(runtime).name)
    return with_runtime(load_device(others[0] if others else profile.extends or ""), runtime)


def check_class(device_class: str | None) -> None:
    """Raise `DeviceError` for what is no class of devices; None is none."""
    if device_class is not None and device_class not in CLASSES:
        hint = did_you_mean(device_class, CLASSES) or f"it is {one_of(CLASSES)}"
        raise DeviceError(Problem(f"there is no class `{device_class}`", hint=hint))


def _checked(asked: Iterable[Device]) -> list[Device]:
    if isinstance(asked, (str, os.PathLike, DeviceProfile)):
        shown = asked.name if isinstance(asked, DeviceProfile) else os.fspath(asked)
        raise TypeError(f'devices are a list, even a single one: devices=["{shown}"]')
    try:
        devices = list(asked)
    except TypeError:
        raise TypeError(f"devices are a list, not {type(asked).__name__}") from None
    for device in devices:
        if not isinstance(device, (str, os.PathLike, DeviceProfile)):
            raise TypeError(f"a device is a name, a path or what load_device gives, not {device!r}")
    return devices
