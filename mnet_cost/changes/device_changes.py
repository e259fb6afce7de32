"""What `--what-if` says: `bandwidth=x2, l2=1MiB`, and which numbers of a device that means.

A change is a factor (`x2`, `/4`) or a quantity with its unit. Keys are those of `KEYS` and the
names of the memory levels of a profile, in any case: a factor of a level is one of its bandwidth,
and the unit of a quantity tells bandwidth from size. Not here: what becomes of the profile.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from mnet_cost.devices import DeviceProfile, MemoryLevel
from mnet_cost.devices.coefficients import shared_coefficients, unmeasured_fit
from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit, RooflineFit
from mnet_cost.devices.reader import PLAUSIBLE
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import DeviceError, Problem, Source, Span, UnitError, did_you_mean
from mnet_cost.units import format_capacity, format_si, parse_quantity

OPTION = "--what-if"

KEYS: Mapping[str, str] = {
    "macs": "MAC/s",
    "vector": "op/s",
    "bandwidth": "B/s",
    "launch": "s",
    "inference": "s",
}
"""Units of what can be changed on any device: peaks of the precision, the bandwidth of the main
memory, the overheads of a kernel and of an inference."""

THREADS = "threads"
"""What a profile states as well, but what its other numbers do not follow from."""

_FACTOR = re.compile(r"(?P<way>[xX/])\s*(?P<number>.*)")
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+([eE][-+]?[0-9]{1,6})?|[0-9]+\.")
_EXAMPLE = "write for example `bandwidth=x2,l2=1MiB`"

Place = Literal["macs", "vector", "bandwidth", "size", "launch", "inference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One part of the option's text."""

    key: str
    value: str
    factor: float | None
    """None for a quantity, whose unit depends on the key."""
    span: Span
    value_span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number of a device, before and after."""

    place: Place
    level: str | None
    """The memory level that it is of."""
    unit: str
    before: float | None
    after: float
    change: Change

    @property
    def ratio(self) -> float | None:
        """After over before; None where nothing was known before, or it was 0."""
        if self.change.factor is not None:
            return self.change.factor
        return self.after / self.before if self.before else None

    @property
    def text(self) -> str:
        """`bandwidth x2`, `L2 1 MiB`."""
        name = self.change.key.lower()
        if name not in KEYS and self.level is not None:
            name = self.level
        new = shown(self.after, self.unit)
        return f"{name} {new if self.change.factor is None else self.change.value}"


def shown(value: float, unit: str) -> str:
    """A quantity as people read it."""
    return format_capacity(value) if unit == "B" else format_si(value, unit)


def parse_changes(text: str) -> tuple[Change, ...]:
    """The changes in a text, separated by commas; `DeviceError` for a part that is no change."""
    source, problems, changes, at = Source(OPTION, text), [], [], 0
    for part in text.split(","):
        span = _span(source, at, part)
        key, equals, value = (half.strip() for half in part.partition("="))
        if not part.strip():
            problems.append(Problem("a change is missing here", span, _EXAMPLE))
        elif not (key and equals and value):
            problems.append(Problem(f"`{part.strip()}` is no `KEY=VALUE`", span, _EXAMPLE))
        else:
            place = at + part.index("=") + 1
            value_span = _span(source, place, part.partition("=")[2])
            key_span = _span(source, at, part.partition("=")[0])
            # Why threads cannot be changed is to be said, whatever the value.
            factor = None if key.lower() == THREADS else _factor(value, value_span, problems)
            changes.append(
                Change(key=key, value=value, factor=factor, span=key_span, value_span=value_span)
            )
        at += len(part) + 1
    if problems:
        raise DeviceError(problems)
    return tuple(changes)


def _span(source: Source, at: int, part: str) -> Span:
    """Where the words of `part` are, which starts at `at`."""
    start = at + len(part) - len(part.lstrip())
    return Span(source, 1, start + 1, max(start + len(part.strip()), start + 1) + 1)


def _factor(value: str, span: Span, problems: list[Problem]) -> float | None:
    """The factor of `x2` or `/4`; None for a quantity, and for a text that is neither."""
    match = _FACTOR.fullmatch(value)
    if match is None:
        plain = value.rstrip("xX")
        if _NUMBER.fullmatch(plain):
            hint = f"write `x{plain}` for a factor, or a quantity with its unit"
            problems.append(Problem(f"`{value}` is no factor and has no unit", span, hint))
        return None
    number = match["number"]
    if number.startswith(("-", "\N{MINUS SIGN}")):
        problems.append(Problem(f"`{value}` is negative: a factor is larger than 0", span))
        return None
    if not _NUMBER.fullmatch(number):
        hint = "a factor is `x2` or `/4`"
        problems.append(Problem(f"`{value}` is no factor", span, hint))
        return None
    factor = float(number)
    if factor and match["way"] == "/":
        factor = 1 / factor
    if not factor or math.isinf(factor):
        zero = not number.partition("e")[0].strip("0.")
        what = "zero: a factor is larger than 0" if zero else "too small or too large"
        problems.append(Problem(f"`{value}` is {what}", span))
        return None
    return factor


def fit_of(device: DeviceProfile, precision: str) -> LatencyFit | None:
    """The fit that gives the device's times: from measurements, or derived from its data sheet."""
    fit = device.latency.get(precision)
    rate = device.compute.get(precision)
    return unmeasured_fit(device, rate, precision) if fit is None and rate is not None else fit


def find_figures(
    device: DeviceProfile, changes: Iterable[Change], precision: str
) -> tuple[Figure, ...]:
    """The numbers of `device` that `changes` mean, with their new values.

    `DeviceError` with all that is wrong: keys that the device does not have, values that are no
    such quantity, factors of what is unknown.
    """
    problems: list[Problem] = []
    figures: dict[tuple[Place, str | None], Figure] = {}
    for change in changes:
        try:
            figure = _figure(device, change, precision)
        except DeviceError as error:
            problems += error.problems
            continue
        known = (figure.place, figure.level)
        if known in figures:
            message = f"`{change.key}` is stated already by `{figures[known].change.key}`"
            problems.append(Problem(message, change.span))
        else:
            figures[known] = figure
    vector = figures.get(("vector", None))
    if vector and precision not in device.compute and ("macs", None) not in figures:
        message = f"{device.name} has no {precision} rate that `vector` could go with"
        problems.append(Problem(message, vector.change.span, "state `macs` as well"))
    problems += _disorder(device, figures)
    if problems:
        raise DeviceError(problems)
    return tuple(figures.values())


def _figure(device: DeviceProfile, change: Change, precision: str) -> Figure:
    key = change.key.lower()
    if key == THREADS:
        some = "1 thread" if device.threads == 1 else f"{device.threads} threads"
        raise _error(
            f"`threads` cannot be changed: the numbers of {device.name} are those of {some}",
            change.span,
            "change what other threads would bring: `macs=x2`",
        )
    place: Place
    if key == "macs":
        place, level, before = "macs", None, _macs(device, precision)
    elif key == "vector":
        rate = device.compute.get(precision)
        place, level = "vector", None
        before = rate.vector_ops_per_s.value if rate and rate.vector_ops_per_s else None
    elif key == "launch":
        place, level, before = "launch", None, _launch(device, precision)
    elif key == "inference":
        place, level, before = "inference", None, _inference(device, precision, change)
    else:
        return _of_memory(device, change, precision)
    return _changed(device, change, place, level, KEYS[key], before, f"`{key}`")


def _of_memory(device: DeviceProfile, change: Change, precision: str) -> Figure:
    main = device.main_memory
    if change.key.lower() == "bandwidth":
        before = _bandwidth(device, precision)
        if main is None and before is None:
            raise _error(f"{device.name} states no memory", change.span)
        level = main.name if main else None
        return _changed(device, change, "bandwidth", level, "B/s", before, "`bandwidth`")
    memory = _level(device, change)
    if change.factor is None and "/" not in change.value:
        before = memory.size_bytes.value if memory.size_bytes else None
        return _changed(
            device, change, "size", memory.name, "B", before, f"size of `{memory.name}`"
        )
    before = memory.bytes_per_s.value if memory.bytes_per_s else None
    if main is not None and memory.name == main.name:
        before = _bandwidth(device, precision)
    hint = None
    if before is None and change.factor is not None and memory.size_bytes:
        hint = (
            f"a factor is one of the bandwidth; the size is {shown(memory.size_bytes.value, 'B')}: "
            f"write a new one, as in `{memory.name}=1MiB`"
        )
    what = f"bandwidth of `{memory.name}`"
    return _changed(device, change, "bandwidth", memory.name, "B/s", before, what, hint)


def _level(device: DeviceProfile, change: Change) -> MemoryLevel:
    """The level that the key of a change names."""
    levels = [*device.memory, *([device.storage] if device.storage else [])]
    names = [level.name for level in levels]
    for same in (str, str.lower):
        wanted = same(change.key)
        for level in levels:
            if same(level.name) == wanted:
                return level
    keys = [*KEYS, *names]
    has = f"{device.name} has {', '.join(keys)}"
    meant = did_you_mean(change.key.lower(), keys) or did_you_mean(change.key.upper(), keys)
    raise _error(
        f"{device.name} has no `{change.key}` to change",
        change.span,
        f"{meant} {has}" if meant else has,
    )


def _changed(
    device: DeviceProfile,
    change: Change,
    place: Place,
    level: str | None,
    unit: str,
    before: float | None,
    what: str,
    hint: str | None = None,
) -> Figure:
    """The figure with its new value, which has to make sense."""
    if change.factor is None:
        try:
            after = parse_quantity(change.value, unit)
        except UnitError as error:
            raise DeviceError(
                [problem._replace(span=change.value_span) for problem in error.problems]
            ) from None
        written = f"`{change.value}`"
        if after == 0:
            raise _error(f"{written} is zero: write a number larger than 0", change.value_span)
    elif before is None:
        raise _error(
            f"{device.name} states no {what}, and unknown {change.value} is unknown",
            change.value_span,
            hint or "state a quantity with its unit instead of a factor",
        )
    else:
        after = before * change.factor
        written = f"`{change.value}` of {shown(before, unit)}"
    low, high = PLAUSIBLE[unit]
    if not low <= after <= high:
        bound = f"under {shown(low, unit)}" if after < low else f"over {shown(high, unit)}"
        raise _error(f"{written} is absurd: {bound}", change.value_span)
    return Figure(place=place, level=level, unit=unit, before=before, after=after, change=change)


def _macs(device: DeviceProfile, precision: str) -> float | None:
    """The peak, or the fitted rate where no peak is known."""
    rate, fit = device.compute.get(precision), device.latency.get(precision)
    if rate is not None:
        return rate.macs_per_s.value
    return fit.macs_per_s.value if isinstance(fit, RooflineFit) else None


def _bandwidth(device: DeviceProfile, precision: str) -> float | None:
    """The bandwidth of the main memory; the fitted bandwidth where that is not known."""
    main, fit = device.main_memory, device.latency.get(precision)
    if main is not None and main.bytes_per_s:
        return main.bytes_per_s.value
    if isinstance(fit, RooflineFit) and fit.bytes_per_s:
        return fit.bytes_per_s.value
    return None


def _launch(device: DeviceProfile, precision: str) -> float | None:
    """Seconds that an estimate takes to launch a kernel."""
    fit = fit_of(device, precision)
    if isinstance(fit, CoefficientFit):
        return _counted(device, fit, precision, "kernel")
    sourced = fit.kernel_s if fit else device.kernel_overhead_s
    return sourced.value if sourced else None


def _counted(device: DeviceProfile, fit: CoefficientFit, precision: str, term: str) -> float:
    """Seconds of a term that is counted one by one."""
    shared = shared_coefficients(fit.shared, precision, device.threads)
    coefficient = shared.coefficients[TERM_NAMES.index(term)] * fit.scale_s.value
    # Amounts are in millions, and one coefficient is that of a million.
    return coefficient * math.exp(fit.deviations.get(term, 0.0)) * 1e6


def _inference(device: DeviceProfile, precision: str, change: Change) -> float | None:
    """Seconds that an estimate takes for each inference besides its kernels."""
    fit = fit_of(device, precision)
    if isinstance(fit, CoefficientFit):
        if seconds := _counted(device, fit, precision, "inference"):
            return seconds
        raise _error(
            f"the time on {device.name} has no part that is for each inference: it is a sum over "
            "kernels",
            change.span,
        )
    sourced = fit.inference_s if fit else device.inference_overhead_s
    return sourced.value if sourced else None


def _disorder(
    device: DeviceProfile, figures: Mapping[tuple[Place, str | None], Figure]
) -> list[Problem]:
    """Levels that would no longer grow, or would get faster, outwards."""
    problems = []
    order = f"levels stand innermost first: {', '.join(level.name for level in device.memory)}"
    places: tuple[tuple[Place, str, str], ...] = (
        ("size", "B", "not be larger"),
        ("bandwidth", "B/s", "be faster"),
    )
    for place, unit, relation in places:
        inner: tuple[str, float, Figure | None] | None = None
        for level in device.memory:
            figure = figures.get((place, level.name))
            sourced = level.size_bytes if place == "size" else level.bytes_per_s
            if figure is None and sourced is None:
                continue
            value = figure.after if figure else sourced.value if sourced else 0.0
            if inner is not None:
                name, before, other = inner
                wrong = value <= before if place == "size" else value > before
                blamed = figure or other
                if wrong and blamed is not None:  # what the profile itself says is in order
                    message = (
                        f"`{level.name}` ({shown(value, unit)}) would {relation} than `{name}` "
                        f"({shown(before, unit)}), which is further inside"
                    )
                    problems.append(Problem(message, blamed.change.value_span, order))
            inner = (level.name, value, figure)
    return problems


def _error(message: str, span: Span, hint: str | None = None) -> DeviceError:
    return DeviceError(Problem(message, span, hint))
