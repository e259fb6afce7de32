"""Versions of runtimes in tables of measured times: which one a fit is of, and whether rows of
several can be fitted together.

Whoever states no version may state a date, which tells versions apart as well. Not here: how a band
is widened for another version (`devices/runtimes.py`).
"""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import median

from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.coefficients import spread_of_runtimes
from mnet_cost.devices.latency_models import DEFAULT_SHARED, CoefficientFit, LatencyFit
from mnet_cost.devices.runtimes import (
    ANY,
    NAME,
    meant_runtime,
    named,
    same_version,
    widened,
)
from mnet_cost.errors import Problem
from mnet_cost.measure.measurements import Measurement

LEAST_APART = 0.1
"""Logarithm of the ratio of two versions that is no noise: the median of networks measured twice.
Repeated runs of one release differ by less than 3 % in the tables of `benchmarks/accuracy`."""
_SHOWN = 4


def version_of(rows: Sequence[Measurement]) -> str | None:
    """The version, or the date, that all rows agree on; None where they do not, or state none."""
    versions = {row.version for row in rows}
    if len(versions) != 1:
        return None
    (version,) = versions
    return version if NAME.fullmatch(version) else None


def version_to_state(rows: Sequence[Measurement], profile: DeviceProfile) -> str | None:
    """The version that an existing profile may state: not that of another runtime."""
    ran = rows[0].runtime
    is_its_own = not ran or (profile.runtime != ANY and _is_same_runtime(ran, profile.runtime))
    return version_of(rows) if is_its_own else None


def mixed_versions(rows: Sequence[Measurement]) -> Iterator[Problem]:
    """A problem where rows are of versions that took different times for the same networks."""
    column = "runtime_version" if any(row.runtime_version for row in rows) else "date"
    counted = Counter(row.version for row in rows if row.version)
    if len(counted) < 2:
        return
    apart = [
        (abs(logarithm), first, other)
        for first, other in combinations(counted, 2)
        if (logarithm := _ratio(rows, first, other)) is not None
    ]
    most, first, other = max(apart, default=(0.0, "", ""))
    if most <= LEAST_APART:
        return
    place = next(row for row in rows if row.version == other)
    words = ", ".join(f"`{version}` ({count})" for version, count in counted.most_common(_SHOWN))
    more = ", ..." if len(counted) > _SHOWN else ""
    yield Problem(
        f"rows of several versions: {words}{more}; `{other}` and `{first}` are "
        f"{100 * math.expm1(most):.0f} % apart on the same networks",
        place.span,
        f"a fit is of one: `--where {shlex.quote(f'{column}={counted.most_common(1)[0][0]}')}`",
    )


def _ratio(rows: Sequence[Measurement], first: str, other: str) -> float | None:
    """Median logarithm of the ratio of times of networks that both versions ran; None for none."""
    times: dict[str, dict[tuple[str, str, int], list[float]]] = {first: {}, other: {}}
    for row in rows:
        if row.version in times:
            network = (row.precision, row.model, row.batch)
            times[row.version].setdefault(network, []).append(math.log(row.latency_s))
    ratios = [
        median(times[other][network]) - median(logarithms)
        for network, logarithms in times[first].items()
        if network in times[other]
    ]
    return median(ratios) if ratios else None


def version_notes(rows: Sequence[Measurement]) -> tuple[str, ...]:
    """That rows are of several versions, where nothing says that they differ."""
    versions = list(dict.fromkeys(row.runtime_version for row in rows if row.runtime_version))
    if len(versions) < 2:
        return ()
    words = ", ".join(versions[:_SHOWN]) + (", ..." if len(versions) > _SHOWN else "")
    return (f"rows of several versions ({words}): the profile states none",)


def runtime_notes(rows: Sequence[Measurement]) -> tuple[str, ...]:
    """That the runtime of a table may be a known one, misspelt: it is fitted as an unknown one."""
    ran = rows[0].runtime
    meant = meant_runtime(ran) if ran else None
    return (f"nothing is known of the runtime `{ran}`: {meant}",) if meant else ()


def as_of_profile(
    fits: Mapping[str, LatencyFit], rows: Sequence[Measurement], profile: DeviceProfile
) -> tuple[dict[str, LatencyFit], tuple[str, ...]]:
    """The fits as they are put into a profile that states its runtime, and what is to be said.

    Times of another runtime, or of another version, than it states are no times of its own: their
    bands are as much wider as those differ.
    """
    ran, version = rows[0].runtime, version_of(rows)
    own, stated = profile.runtime, profile.runtime_version
    if ran and own == ANY:
        note = f"the profile says `runtime: {ANY}`, and these are times of {named(ran, version)}"
        return dict(fits), (f"{note}: `runtime: {ran}` says so to its readers",)
    if ran and not _is_same_runtime(ran, own):
        note = (
            f"these are times of {named(ran, version)}, and the profile is of `{own}`: the band is "
            "wider by what runtimes differ"
        )
        return {name: widened(fit, _spread_over_runtimes(fit)) for name, fit in fits.items()}, (
            note,
        )
    if stated and version and not same_version(stated, version):
        note = (
            f"these are times of {named(own, version)}, and the profile is of "
            f"{named(own, stated)}: the band is wider by what versions differ"
        )
        return {name: widened(fit) for name, fit in fits.items()}, (note,)
    return dict(fits), ()


def _spread_over_runtimes(fit: LatencyFit) -> float:
    """By what runtimes differ on cores of the kind that a fit is of."""
    return spread_of_runtimes(fit.shared if isinstance(fit, CoefficientFit) else DEFAULT_SHARED)


def _is_same_runtime(first: str, other: str) -> bool:
    """Whether one is the other, or says less of the same: `tflite` and `tflite-gpu`."""
    return f"{first}-".startswith(f"{other}-") or f"{other}-".startswith(f"{first}-")


def base_notes(rows: Sequence[Measurement], base: DeviceProfile) -> tuple[str, ...]:
    """That a new profile is of another runtime than the one that it extends."""
    ran, own = rows[0].runtime, base.runtime
    if not ran or own == ANY or _is_same_runtime(ran, own):
        return ()
    return (
        f"these are times of {ran}, and {base.name} is of {own}: its peaks, memory and power are "
        "taken, not what its runtime does",
    )
