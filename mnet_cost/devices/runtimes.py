"""A profile with another runtime, or of another version of its own.

What a data sheet says is of the hardware, so any runtime can be put on it: its kernel rules, its
shared coefficients and its share of the peak follow from its name. A fit is of the runtime whose
times it was made of. Another version of that runtime is much the same: the fit stays, and its scale
becomes less sure by what versions were seen to differ in.
"""

from __future__ import annotations

import re
from dataclasses import replace
from shlex import quote
from typing import NamedTuple

from mnet_cost.devices.coefficients import (
    is_measured_runtime,
    is_named_runtime,
    named_runtimes,
    shared_name_of,
    spread_of_versions,
)
from mnet_cost.devices.latency_models import LatencyFit, RooflineFit
from mnet_cost.devices.rules import is_accelerated, is_eager, runtime_rules
from mnet_cost.devices.types import ComputeRate, DeviceProfile
from mnet_cost.errors import DeviceError, Problem, did_you_mean

ANY = "any"
"""The runtime of a data sheet that nobody has chosen one for."""

OTHER_RUNTIMES = (
    "armnn", "bolt", "executorch", "mnn", "paddle-lite", "tengine", "tnn", "tvm",
)  # fmt: skip
"""Runtimes that there are, of which nothing is known here: no slips of those that are known."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,59}")
"""Names of runtimes that may be asked for, and of their versions."""
_DATE = re.compile(r"(?:19|20)\d\d(?:-\d\d){0,2}")
_PACKS = frozenset(("pack_channels", "block_channels"))


class Runtime(NamedTuple):
    """What a user asks for: `tflite`, or `tflite@2.16`."""

    name: str
    version: str | None = None
    """None where none is asked for."""


def parse_runtime(text: str) -> Runtime:
    """The runtime that a text means; `DeviceError` for what is none."""
    if not isinstance(text, str):
        raise DeviceError(f"a runtime is a name, such as `tflite`, not {text!r}")
    name, at, version = text.partition("@")
    if not NAME.fullmatch(name) or (at and not NAME.fullmatch(version)):
        hint = "a name, and behind `@` a version or a date: `tflite`, `tflite@2.16`"
        raise DeviceError(Problem(f"`{text}` is no runtime", hint=hint))
    return Runtime(name, version if at else None)


def is_date(text: str) -> bool:
    """Whether a version is a year, a month or a day, as in 2020-03-27."""
    return _DATE.fullmatch(text) is not None


def same_version(first: str, other: str) -> bool:
    """Whether one is the other, or says less of the same: 2.16 and 2.16.1, 2020 and 2020-03."""
    short, long = sorted((re.split(r"[.-]", first), re.split(r"[.-]", other)), key=len)
    return long[: len(short)] == short


def named(runtime: str, version: str | None) -> str:
    """Words for a runtime and its version: `tflite 2.16`, `tflite of 2020-03`."""
    if version is None:
        return runtime
    return f"{runtime} of {version}" if is_date(version) else f"{runtime} {version}"


def with_runtime(device: DeviceProfile, runtime: str) -> DeviceProfile:
    """`device` as it would be under `runtime` (`tflite`, `tflite@2.16`); itself under its own.

    A name that nobody knows is that of a runtime with Winograd's tiles. Raises `DeviceError` for
    what is no processor, for a fit to times of another runtime, and for what is no runtime.
    """
    asked = parse_runtime(runtime)
    if asked.name != device.runtime:
        reason = _against(device, asked.name)
        if reason is not None:
            message = f"{device.name} cannot be given the runtime `{asked.name}`"
            raise DeviceError(Problem(message, hint=reason))
        device = _under(device, asked.name)
    return device if asked.version is None else _of_version(device, asked.version)


def takes_runtime(device: DeviceProfile, runtime: str) -> bool:
    """Whether `with_runtime` gives `device` a runtime."""
    name = parse_runtime(runtime).name
    return name == device.runtime or _against(device, name) is None


def _against(device: DeviceProfile, name: str) -> str | None:
    """Why a device cannot have another runtime, and what could."""
    if device.pipeline is None:
        return "a profile of processor cores states its `pipeline`; this one does not"
    if is_accelerated(name):
        return f"`{name}` runs on something else than processor cores, which these are"
    if device.latency:
        fitted = f"its times are fitted to those of `{device.runtime}`"
        others = siblings_of_runtime(device, name)
        if others:
            return f"{fitted}; to those of `{name}` are: {', '.join(others)}"
        if device.extends is not None:
            return f"{fitted}; its data sheet takes any: `--device {quote(device.extends)}`"
        return f"{fitted}; a data sheet takes any: a profile without `latency`"
    return None


def siblings_of_runtime(device: DeviceProfile, name: str) -> tuple[str, ...]:
    """Names of shipped profiles of the same board that are fitted to times of a runtime."""
    from mnet_cost.devices.siblings import siblings  # reads profiles, which this is to change

    return tuple(
        other.name for other in siblings(device) if other.latency and other.runtime == name
    )


def runtime_notes(device: DeviceProfile, precision: str, basis: str | None) -> tuple[str, ...]:
    """What is to be said of the runtime where its times at a precision were not measured; `basis`
    is that of the estimate."""
    measured = device.basis != "datasheet" and precision in device.latency
    if device.pipeline is None or measured:
        return ()
    if basis == "bound":
        return (_OF_EAGER,) if is_eager(device.runtime) else ()
    notes = []
    name, version = device.runtime, device.asked_version or device.runtime_version
    if name != ANY and not is_measured_runtime(
        name, device.device_class, device.pipeline, precision
    ):
        notes.append(_taken_for_others(device, precision))
    if version is not None:
        notes.append(
            f"no times of {named(name, version)} in particular were measured: what is known of "
            "other versions is taken"
        )
    return tuple(notes)


_OF_EAGER = (
    "PyTorch without compiling takes some three times as long as runtimes for inference: a data "
    "sheet gives a lower bound alone"
)
"""The median over nine networks on each of six machines is 2.9 to 3.5 times the fastest of ONNX
Runtime and OpenVINO (`isp_timm.csv` in `benchmarks/accuracy/measurements`)."""


def _taken_for_others(device: DeviceProfile, precision: str) -> str:
    """What a runtime is taken for that nobody measured on cores of this kind."""
    name = device.runtime
    meant = meant_runtime(name)
    question = f" ({meant})" if meant else ""
    wider = "and the band is wider by what runtimes differ"
    if device.device_class == "microcontroller":
        return (
            f"nothing is known of the runtime `{name}` on microcontrollers{question}: it is taken "
            f"to be as fast as what compilers of vendors make, {wider}"
        )
    if is_named_runtime(name):
        return (
            f"no times of `{name}` on such cores were measured: cost coefficients of "
            f"{shared_name_of(device, precision)} are taken, {wider}"
        )
    has = "has" if "winograd" in device.kernel_rules else "does not have"
    return (
        f"nothing is known of the runtime `{name}`{question}: it is taken as one that {has} "
        f"Winograd's tiles, {wider}"
    )


def meant_runtime(name: str) -> str | None:
    """A question for what may be a slip of the name of a known runtime; None for other names."""
    if is_named_runtime(name) or name in OTHER_RUNTIMES:
        return None
    return did_you_mean(name, named_runtimes())


def version_note(device: DeviceProfile) -> str | None:
    """How an estimate is marked where its fit is to times of another version than is asked for."""
    if device.asked_version is None or device.basis == "datasheet":
        return None
    own = device.runtime_version
    asked = named(device.runtime, device.asked_version)
    measured = named(device.runtime, own) if own else f"a version of {device.runtime} not stated"
    return (
        f"for {asked}, and fitted to times of {measured}: the band is wider by what versions differ"
    )


def _under(device: DeviceProfile, name: str) -> DeviceProfile:
    """A data sheet's profile of processor cores, under another runtime."""
    rules = runtime_rules(name)
    compute = {
        precision: _of_other_packs(rate, device.kernel_rules, rules)
        for precision, rate in device.compute.items()
    }
    return replace(
        device,
        runtime=name,
        runtime_version=None,
        asked_version=None,
        kernel_rules=rules,
        compute=compute,
    )


def _of_other_packs(
    rate: ComputeRate, before: frozenset[str], after: frozenset[str]
) -> ComputeRate:
    """Without the tile where it would be the size of packs, which is another number."""
    return replace(rate, tile=None) if _PACKS & after - before else rate


def _of_version(device: DeviceProfile, version: str) -> DeviceProfile:
    """A profile for an estimate of a version of its runtime."""
    own, fits = device.runtime_version, device.latency
    if own is not None and same_version(own, version):
        return device
    if device.asked_version is None:  # else they are wider already
        fits = {precision: widened(fit) for precision, fit in fits.items()}
    return replace(device, latency=fits, asked_version=version)


def widened(fit: LatencyFit, spread: float | None = None) -> LatencyFit:
    """A fit whose scale is less sure, by a standard deviation of its logarithm: that of versions
    without one."""
    spread = spread_of_versions() if spread is None else spread
    if isinstance(fit, RooflineFit):
        noise = (fit.spread.noise**2 + spread**2) ** 0.5
        return replace(fit, spread=replace(fit.spread, noise=noise))
    first, *rest = fit.covariance
    return replace(fit, covariance=((first[0] + spread**2,), *rest))
