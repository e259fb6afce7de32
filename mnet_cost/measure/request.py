"""From files of measured times to the text of a device profile: the rules of `calibrate`.

A request says which rows to take and what the user states; what nobody states follows from the
measurements, then from the profile that is extended. Not here: the fit (`calibrate.py`), the form
of the text (`profiles.py`), and writing a file.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mnet_cost.devices import CLASSES, KERNEL_RULES, DeviceProfile, load_device
from mnet_cost.devices.latency_models import LatencyFit
from mnet_cost.devices.load import is_device_path, parse_device
from mnet_cost.errors import (
    DeviceError,
    MeasurementError,
    OutputError,
    Problem,
    did_you_mean,
    one_of,
)
from mnet_cost.measure.calibrate import Calibration, Form, calibrate
from mnet_cost.measure.measurements import Measurement, of_one_setting
from mnet_cost.measure.networks import read_rows
from mnet_cost.measure.profiles import profile_text, with_latency
from mnet_cost.measure.versions import (
    as_of_profile,
    base_notes,
    mixed_versions,
    runtime_notes,
    version_notes,
    version_of,
    version_to_state,
)
from mnet_cost.paths import naming, same_file


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRequest:
    """What a user asks of `calibrate`; None is left to the measurements and to `device`."""

    measurements: tuple[str, ...]
    """Paths of CSV files, and of outputs of other tools."""
    models: tuple[str, ...] = ()
    """Networks of the outputs of other tools: `NAME`, or `NAME_IN_THE_LOG=NAME`."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Values by column: other rows are not taken."""
    device: str | None = None
    """Name or path of the profile that the new one extends."""
    form: Form = "auto"
    basis: str = "calibrated"
    """`calibrated` or `fitted`."""
    kernels: tuple[str, ...] | None = None
    """Rules of kernels."""
    tile: int | None = None
    """Output channels that the runtime computes, or keeps, together."""
    name: str | None = None
    title: str | None = None
    device_class: str | None = None
    output: str | None = None
    """The file that the text is for: names and paths in it follow. `-` is none."""
    into: str | None = None
    """The profile whose section `latency` is replaced, instead of a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedProfile:
    """A profile with a fit to measurements, and how far off the fit is."""

    name: str
    text: str
    """YAML, as `load_device` reads it from a file."""
    calibrations: Mapping[str, Calibration]
    """The fits, by precision."""
    unread: tuple[str, ...]
    """Columns of the CSV files of which nothing was taken."""
    runtime_version: str | None = None
    """The version, or the date, that its times are of."""
    notes: tuple[str, ...] = ()
    """What is to be said of the runtime of the measurements, and of its version."""


def calibrate_files(request: CalibrationRequest) -> CalibratedProfile:
    """Fit each precision among the measurements that `request` chooses.

    Raises `MeasurementError` for rows that cannot be or are too few, `DeviceError` for a profile or
    a rule that is not there, `OutputError` for a target that is read or takes no fit.
    """
    _check_files(request)
    base = _base(request)
    rows, unread, said_of_tools = read_rows(request.measurements, request.where, request.models)
    first = of_one_setting(rows)
    rules = _rules(request, base)
    device_class = _device_class(request, base)
    threads = _threads(request, first, base)
    calibrations: dict[str, Calibration] = {}
    problems = list(mixed_versions(rows))
    for precision in dict.fromkeys(row.precision for row in rows):
        chosen = tuple(row for row in rows if row.precision == precision)
        try:
            calibration = calibrations[precision] = calibrate(
                chosen,
                rules=rules,
                tile=_tile(request, chosen[0], base),
                device_class=device_class,
                threads=threads,
                base=base,
                runtime=base.runtime if request.into and base else first.runtime,
                form=request.form,
                source=_source(chosen, request.measurements),
            )
            # A profile states its rules once, for all precisions.
            rules = calibration.kernel_rules
        except MeasurementError as error:
            problems += error.problems
    if problems:
        raise MeasurementError(problems)
    fits = {precision: calibration.fit for precision, calibration in calibrations.items()}
    version = version_of(rows)
    notes = (*said_of_tools, *runtime_notes(rows), *version_notes(rows))
    stated = version
    if request.into and base:
        stated = version_to_state(rows, base)
        fits, said = as_of_profile(fits, rows, base)
        calibrations = {
            precision: replace(calibration, fit=fits[precision])
            for precision, calibration in calibrations.items()
        }
        notes += (*said, *_fits_that_go(base, fits))
    elif base:
        notes += base_notes(rows, base)
    target = request.into if request.output is None else request.output
    name = _words(request.name) or _name(target) or first.device or "mine"
    if request.into:
        comment = _comment(request, name)[1:]
        text = with_latency(request.into, fits, request.basis, comment, threads, stated)
    else:
        text = profile_text(
            name=name,
            title=_words(request.title) or _title(first, base),
            basis=request.basis,
            runtime=first.runtime or (base.runtime if base else "any"),
            threads=threads,
            kernels=calibrations[first.precision].kernel_rules,
            fits=fits,
            extends=_extends(request.device, target),
            device_class=request.device_class if base else device_class,
            comment=_comment(request, name),
            runtime_version=version,
        )
    _check_text(text, target)
    return CalibratedProfile(
        name=name, text=text, calibrations=calibrations, unread=unread, runtime_version=version,
        notes=notes,
    )  # fmt: skip


def _fits_that_go(base: DeviceProfile, fits: Mapping[str, LatencyFit]) -> tuple[str, ...]:
    """That a profile had a fit at a precision of which nothing was measured now."""
    gone = [precision for precision in base.latency if precision not in fits]
    if not gone:
        return ()
    return (
        f"gone from the profile: its fit at {' and '.join(gone)}, of which there are no rows; "
        "another `--from` with its table keeps it",
    )


_OF_A_NEW_PROFILE = ("device", "kernels", "name", "title", "class")


def _check_files(request: CalibrationRequest) -> None:
    """Raise an error for a file read twice, and for a target that is read or can take no fit."""
    inputs = [*request.measurements]
    for i, path in enumerate(inputs):
        if any(same_file(path, other) for other in inputs[:i]):
            hint = "its rows would count twice"
            raise MeasurementError(Problem(f"{path}: is read already by `--from`", hint=hint))
    if request.device is not None and is_device_path(request.device):
        inputs.append(request.device)
    target = request.into if request.output is None else request.output
    if target and any(same_file(target, name) for name in inputs):
        raise OutputError(f"{target}: is read by this command: choose another file")
    if request.into is None:
        return
    if not is_device_path(request.into):
        hint = (
            f"a path ends in .yaml, or is `./{request.into}`; of a shipped profile: "
            f"`--device {shlex.quote(request.into)} -o FILE`"
        )
        raise OutputError(Problem(f"`--into {request.into}` names no file", hint=hint))
    for option in _OF_A_NEW_PROFILE:
        if getattr(request, "device_class" if option == "class" else option) is not None:
            hint = "write it into the file, or leave out `--into` and name a new one with `-o`"
            message = f"`--{option}` is for a new profile: `--into` keeps what its file says"
            raise OutputError(Problem(message, hint=hint))


def _base(request: CalibrationRequest) -> DeviceProfile | None:
    if request.device is None:
        return None if request.into is None else load_device(request.into)
    base = load_device(request.device)
    if base.extends is not None:
        hint = f"its peaks are those of `{base.extends}`: extend that one"
        message = f"`{request.device}` extends another profile, and cannot be extended"
        raise DeviceError(Problem(message, hint=hint))
    return base


def _threads(request: CalibrationRequest, first: Measurement, base: DeviceProfile | None) -> int:
    """The value in the measurements, or, where they state none, in the profile."""
    threads = first.threads or (base.threads if base else 1)
    if base and base.cores and threads > base.cores.value:
        cores = int(base.cores.value)
        s = "s" if cores > 1 else ""
        message = f"measured with {threads} threads, and {base.name} has {cores} core{s}"
        raise MeasurementError(Problem(message, first.span, base.cores.source))
    if request.into and base and threads != base.threads:
        hint = f"take others with `--where threads={base.threads}`, or write a new one with `-o`"
        message = f"measured with {threads} threads, and {request.into} is of {base.threads}"
        raise MeasurementError(Problem(message, first.span, hint))
    return threads


def _words(text: str | None) -> str:
    return "" if text is None else text.strip()


def _name(target: str | None) -> str:
    return "" if target in (None, "-") else Path(str(target)).stem


_HALVES = "[\ud800-\udfff]"
"""Of characters: bytes of a path that are no UTF-8 text."""


def _extends(device: str | None, target: str | None) -> str | None:
    """The profile to extend, as it is seen from the file that does so."""
    if device is None or not is_device_path(device):
        return device
    path = device
    if target not in (None, "-"):
        with naming(device, "cannot be read", DeviceError):
            path = os.path.relpath(device, Path(str(target)).parent)
    if re.search(_HALVES, path):
        message = f"{path}: a profile cannot name this path, which is not UTF-8 text"
        raise DeviceError(Problem(message, hint="rename it, or copy the profile elsewhere"))
    return path if is_device_path(path) else os.path.join(".", path)


def _check_text(text: str, target: str | None) -> None:
    """Raise `MeasurementError` where the profile could not be read: of a fit to nonsense."""
    try:
        parse_device(text, target if target is not None else "-")
    except DeviceError as error:
        hint = "is `latency_ms` in milliseconds, and are all rows of one device?"
        head = Problem("no device is like what these times say: nothing is written", hint=hint)
        raise MeasurementError((head, *error.problems)) from None


def _rules(request: CalibrationRequest, base: DeviceProfile | None) -> frozenset[str] | None:
    """The only rules that may be: stated by the user, or in the profile that a fit is put into."""
    if request.into and base:
        return base.kernel_rules
    if request.kernels is None:
        return None
    for word in request.kernels:
        if word not in KERNEL_RULES:
            hint = did_you_mean(word, KERNEL_RULES) or f"there are {', '.join(KERNEL_RULES)}"
            raise DeviceError(Problem(f"there is no rule of kernels `{word}`", hint=hint))
    return frozenset(request.kernels)


def _tile(request: CalibrationRequest, first: Measurement, base: DeviceProfile | None) -> int:
    if request.tile is not None:
        if not 1 <= request.tile <= 65536:
            hint = "channels that the runtime computes together: 4 or 8 on most processors"
            message = "`--tile` must be a whole number from 1 to 65536"
            raise DeviceError(Problem(message, hint=hint))
        return int(request.tile)
    rate = base.compute.get(first.precision) if base else None
    return int(rate.tile.value) if rate and rate.tile else 1


def _device_class(request: CalibrationRequest, base: DeviceProfile | None) -> str | None:
    asked: str | None = request.device_class
    if asked is not None and asked not in CLASSES:
        hint = did_you_mean(asked, CLASSES) or f"it is {one_of(CLASSES)}"
        raise DeviceError(Problem(f"there is no class `{asked}`", hint=hint))
    return asked or (base.device_class if base else None)


def _source(rows: tuple[Measurement, ...], paths: tuple[str, ...]) -> str:
    sources = list(dict.fromkeys(row.source for row in rows if row.source))
    count = f"{len(rows)} measurement{'s' if len(rows) > 1 else ''}"
    if not sources:
        names = ", ".join(dict.fromkeys(Path(path).name for path in paths))
        return f"fitted to {count} in {names}"
    more = ", ..." if len(sources) > 3 else ""
    return f"fitted to {count} of {', '.join(sources[:3])}{more}"


def _title(first: Measurement, base: DeviceProfile | None) -> str:
    runtime = f", with {first.runtime}" if first.runtime else ""
    if base is not None:
        return f"{base.title}{runtime}"
    return f"{first.processor or first.device or 'a device that was measured'}{runtime}"


def _comment(request: CalibrationRequest, name: str) -> tuple[str, ...]:
    quote = shlex.quote
    words = ["mnet-cost calibrate", *(f"--from {quote(path)}" for path in request.measurements)]
    words += [f"--model {quote(model)}" for model in request.models]
    words += [f"--where {quote(f'{column}={value}')}" for column, value in request.where.items()]
    kernels = None if request.kernels is None else ",".join(request.kernels)
    for option, value in (
        ("device", request.device),
        ("into", request.into),
        ("kernels", kernels),
        ("tile", request.tile),
    ):
        words += [] if value is None else [f"--{option} {quote(str(value))}"]
    words += [] if request.form == "auto" else [f"--form {request.form}"]
    words += [] if request.basis == "calibrated" else [f"--basis {request.basis}"]
    lines, line = [f"Device profile: {name}, fitted to measured times by"], " "
    for word in words:
        if len(line) + len(word) > 90:
            lines.append(line)
            line = "   "
        line += f" {word}"
    return (*lines, line)
