"""The `latency` section of a profile: fits to measured times, by precision.

Each function reads one part and notes what is wrong in its reader.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mnet_cost.devices.coefficients import (
    MICROCONTROLLERS,
    SHARED_NAMES,
    SharedCoefficients,
    prior_covariance,
    shared_coefficients,
)
from mnet_cost.devices.latency_models import (
    DEFAULT_SHARED,
    CoefficientFit,
    FittedOn,
    HeldOut,
    LatencyFit,
    RooflineFit,
    Spread,
)
from mnet_cost.devices.reader import MAX_TILE, Reader
from mnet_cost.devices.sourced import Sourced
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import did_you_mean, one_of
from mnet_cost.yamlfile import Node

FORMS = ("coefficients", "roofline")

LONGEST_S = 1e5
"""Time of a network, about a day: a small processor takes minutes for a large one."""
_LARGEST_DEVIATION = 5.0
"""Of a logarithm: a coefficient 150 times the shared one is a mistake, not a device."""

_ROUNDED = 0.5e-4
"""The largest rounding error of a covariance, which is written with four decimals."""


def read_latency(
    reader: Reader, node: Node | None, device_class: str | None, threads: int
) -> dict[str, LatencyFit]:
    """Fits by precision; what is wrong is reported and left out."""
    fits: dict[str, LatencyFit] = {}
    if node is None:
        return fits
    if not isinstance(node.value, dict) or not node.value:
        reader.problem("`latency` must be a mapping from a precision to a fit", node)
        return fits
    for precision, child in node.value.items():
        place = node.keys[precision]
        reader.check_precision(place)
        if not isinstance(child.value, dict):
            reader.problem(f"`{precision}` must be a mapping with a fit", child)
            continue
        fit = _fit(reader, child, place, device_class, threads)
        if fit is not None:
            fits[precision] = fit
    return fits


def _fit(
    reader: Reader, node: Node, place: Node, device_class: str | None, threads: int
) -> LatencyFit | None:
    what = f"the fit `{place.value}`"
    stated = [form for form in FORMS if form in node.value]
    known = ("band", *FORMS, "fitted_on", "held_out")
    reader.keys(node, what, known[:1], known[1:])
    spread = _spread(reader, node.value.get("band"))
    seen = _fitted_on(reader, node.value.get("fitted_on"))
    held_out = _held_out(reader, node.value.get("held_out"))
    if len(stated) != 1:
        hint = "`coefficients` of terms, or a `roofline` of a rate, a bandwidth and constants"
        mistyped = (key for key in node.keys if key not in known and did_you_mean(key, FORMS))
        if stated:
            reader.problem(f"{what} states both `coefficients` and `roofline`", place, hint)
        elif not any(mistyped):  # which is reported already
            reader.problem(f"{what} must state {one_of(FORMS)}", place, hint)
        return None
    (form,) = stated
    part = node.value[form]
    if not isinstance(part.value, dict):
        reader.problem(f"`{form}` must be a mapping", part)
        return None
    if spread is None:
        return None
    if form == "roofline":
        return _roofline(reader, part, node.keys[form], spread, seen, held_out)
    shared = shared_coefficients(
        _shared_name(reader, part, device_class), str(place.value), threads
    )
    return _coefficients(reader, part, node.keys[form], shared, spread, seen, held_out)


def _shared_name(reader: Reader, node: Node, device_class: str | None) -> str:
    """The file that the coefficients refer to; profiles were written before there were several."""
    first = MICROCONTROLLERS if device_class == "microcontroller" else DEFAULT_SHARED
    if "shared" not in node.value:
        return first
    name = reader.word(node.value, "shared", SHARED_NAMES)
    return name if name in SHARED_NAMES else first


def _coefficients(
    reader: Reader,
    node: Node,
    place: Node,
    shared: SharedCoefficients,
    spread: Spread,
    seen: FittedOn | None,
    held_out: HeldOut | None,
) -> CoefficientFit | None:
    stated = _OLD_KEY if _OLD_KEY in node.value else _KEY
    reader.keys(node, f"`{place.value}`", ("scale", stated, "covariance"), ("shared", "tile"))
    scale = _sourced(reader, node, "scale", "s")
    deviations = _deviations(reader, node.value.get(stated), stated, shared)
    covariance = _covariance(reader, node.value.get("covariance"), prior_covariance(shared))
    if scale is None or covariance is None:
        return None
    tile = 1
    if "tile" in node.value:
        value = node.value["tile"].value
        if type(value) is int and 1 <= value <= MAX_TILE:
            tile = value
        else:
            message = f"`tile` must be a whole number from 1 to {MAX_TILE}"
            reader.problem(message, node.value["tile"])
    return CoefficientFit(
        scale_s=scale,
        deviations=deviations,
        covariance=covariance,
        spread=spread,
        tile=tile,
        shared=shared.name,
        fitted_on=seen,
        held_out=held_out,
    )


_KEY, _OLD_KEY = "relative", "deviations"
"""Coefficients relative to the scale, or, as older profiles have them, logarithms of coefficients
over the shared ones. Those follow a shared coefficient that is fitted anew; these stay what was
measured."""


def _deviations(
    reader: Reader, node: Node | None, key: str, shared: SharedCoefficients
) -> dict[str, float]:
    """Logarithms of coefficients over the shared ones, by term."""
    deviations: dict[str, float] = {}
    if node is None:
        return deviations
    if not isinstance(node.value, dict):
        values = "logarithms" if key == _OLD_KEY else "coefficients"
        reader.problem(f"`{key}` must be a mapping from terms to {values}", node)
        return deviations
    largest = math.exp(_LARGEST_DEVIATION)
    for name, child in node.value.items():
        if name not in TERM_NAMES:
            hint = did_you_mean(name, TERM_NAMES) or f"there are {', '.join(TERM_NAMES)}"
            reader.problem(f"there is no term `{name}`", node.keys[name], hint)
        elif key == _OLD_KEY:
            value = _real(reader, child, -_LARGEST_DEVIATION, _LARGEST_DEVIATION)
            if value is not None:
                deviations[name] = value
        elif not (common := shared.coefficients[TERM_NAMES.index(name)]):
            message = f"the coefficients `{shared.name}` have no term `{name}`"
            reader.problem(message, node.keys[name])
        else:
            value = _real(reader, child, common / largest, common * largest)
            if value is not None:
                deviations[name] = math.log(value / common)
    return deviations


def _covariance(
    reader: Reader, node: Node | None, prior: Sequence[Sequence[float]]
) -> tuple[tuple[float, ...], ...] | None:
    """The lower triangle, from rows by name; terms without a row keep what devices differ by."""
    if node is None:
        return None
    names = ("scale", *TERM_NAMES)
    if not isinstance(node.value, dict) or next(iter(node.value), "") != "scale":
        hint = "`scale: [...]`, then a term a row, in order: `mnet-cost calibrate` writes it"
        reader.problem("`covariance` must be a mapping of rows, the scale first", node, hint)
        return None
    rows: list[int] = []
    full = [[0.0] * (i + 1) for i in range(len(names))]
    for i, row in enumerate(prior, start=1):
        full[i][i] = row[-1]
    for name, child in node.value.items():
        if name not in names:
            hint = did_you_mean(name, names) or f"there are {', '.join(names)}"
            reader.problem(f"there is no term `{name}`", node.keys[name], hint)
            return None
        index = names.index(name)
        if rows and index <= rows[-1]:
            hint = f"the order is {', '.join(names)}"
            reader.problem(f"`{name}` stands out of order", node.keys[name], hint)
            return None
        rows.append(index)
        if not isinstance(child.value, list) or len(child.value) != len(rows):
            message = f"row {len(rows)} of a lower triangle must have {len(rows)} numbers"
            reader.problem(message, child)
            return None
        for column, cell in zip(rows, child.value, strict=True):
            value = _real(reader, cell, -100.0, 100.0)
            if value is None:
                return None
            full[index][column] = value
        if full[index][index] < 0:
            hint = "the last number of a row is the variance, those before are covariances"
            reader.problem("a variance cannot be negative", child.value[-1], hint)
            return None
    wrong = _impossible([[full[i][j] for j in rows if j <= i] for i in rows])
    if wrong is not None:
        name = names[rows[wrong]]
        hint = "a covariance is at most the root of the product of two variances"
        reader.problem(
            f"the covariances of `{name}` are too large for its variance and those before it",
            node.keys[name],
            hint,
        )
        return None
    return tuple(map(tuple, full))


def _impossible(triangle: Sequence[Sequence[float]]) -> int | None:
    """The first row with which no random numbers have these covariances; None where some do.

    Cholesky's decomposition, with as much added to variances as rounding may have taken.
    """
    rounding = len(triangle) * _ROUNDED
    root: list[list[float]] = []
    for i, row in enumerate(triangle):
        root_row: list[float] = []
        for j, value in enumerate(row):
            other = root[j] if j < i else root_row
            rest = value - sum([a * b for a, b in zip(root_row, other, strict=False)])
            if j < i:
                root_row.append(rest / other[j])
            elif rest + rounding <= 0:
                return i
            else:
                root_row.append(math.sqrt(rest + rounding))
        root.append(root_row)
    return None


def _roofline(
    reader: Reader,
    node: Node,
    place: Node,
    spread: Spread,
    seen: FittedOn | None,
    held_out: HeldOut | None,
) -> RooflineFit | None:
    reader.keys(node, f"`{place.value}`", ("macs",), ("bytes", "inference", "kernel"))
    macs = _sourced(reader, node, "macs", "MAC/s")
    bandwidth = _sourced(reader, node, "bytes", "B/s")
    inference, kernel = (_sourced(reader, node, key, "s") for key in ("inference", "kernel"))
    if macs is None:
        return None
    return RooflineFit(
        macs_per_s=macs,
        bytes_per_s=bandwidth,
        inference_s=inference,
        kernel_s=kernel,
        spread=spread,
        fitted_on=seen,
        held_out=held_out,
    )


def _sourced(reader: Reader, node: Node, key: str, unit: str) -> Sourced | None:
    if key not in node.value:
        return None
    return reader.sourced(node.value, node.keys[key], unit)


def _spread(reader: Reader, node: Node | None) -> Spread | None:
    if node is None:
        return None
    if not isinstance(node.value, dict):
        reader.problem("`band` must be a mapping: `{width: ..., noise: ...}`", node)
        return None
    reader.keys(node, "`band`", ("width", "noise"))
    width, noise = (
        _real(reader, node.value[key], 1e-4, 100.0) if key in node.value else None
        for key in ("width", "noise")
    )
    return None if width is None or noise is None else Spread(width=width, noise=noise)


def _fitted_on(reader: Reader, node: Node | None) -> FittedOn | None:
    if node is None:
        return None
    keys = ("networks", "families", "mult_adds", "latency", "terms")
    if not isinstance(node.value, dict):
        reader.problem(f"`fitted_on` must be a mapping with {', '.join(keys)}", node)
        return None
    reader.keys(node, "`fitted_on`", keys, ("small_graphs",))
    if any(key not in node.value for key in keys):
        return None
    small_graphs: float | None = 0
    if "small_graphs" in node.value:
        small_graphs = _real(reader, node.value["small_graphs"], 0, 1e6, whole=True)
    networks = _real(reader, node.value["networks"], 0 if small_graphs else 1, 1e6, whole=True)
    families = _words(reader, node.value["families"])
    mult_adds = _range(reader, node.value["mult_adds"], "MAC")
    latency = _range(reader, node.value["latency"], "s")
    terms = _words(reader, node.value["terms"], TERM_NAMES)
    if networks is None or small_graphs is None or mult_adds is None or latency is None:
        return None
    return FittedOn(
        networks=int(networks),
        small_graphs=int(small_graphs),
        families=families,
        mult_adds=mult_adds,
        latency_s=latency,
        terms=terms,
    )


def _held_out(reader: Reader, node: Node | None) -> HeldOut | None:
    if node is None:
        return None
    keys = ("protocol", "measurements", "median", "mean")
    if not isinstance(node.value, dict):
        reader.problem(f"`held_out` must be a mapping with {', '.join(keys)}", node)
        return None
    beside = ("by_mult_adds", "noise_floor")
    reader.keys(node, "`held_out`", keys, ("worst", "worst_error", *beside))
    protocol = reader.text(node.value, "protocol")
    numbers = [
        _real(reader, node.value[key], 0, 1e6, key == "measurements") if key in node.value else None
        for key in keys[1:]
    ]
    count, median, mean = numbers
    if count is None or median is None or mean is None:
        return None
    worst = reader.text(node.value, "worst") if "worst" in node.value else None
    error = node.value.get("worst_error")
    worst_error = None if error is None else _real(reader, error, -1, 1e6)
    by_mult_adds, noise_floor = (
        _real(reader, node.value[key], 0, 1e6) if key in node.value else None for key in beside
    )
    return HeldOut(
        protocol=protocol,
        measurements=int(count),
        median=median,
        mean=mean,
        worst=worst,
        worst_error=worst_error,
        by_mult_adds=by_mult_adds,
        noise_floor=noise_floor,
    )


def _range(reader: Reader, node: Node, unit: str) -> tuple[float, float] | None:
    if not isinstance(node.value, list) or len(node.value) != 2:
        reader.problem("a range is `[least, most]`", node)
        return None
    most = LONGEST_S if unit == "s" else None
    low, high = (reader.quantity(end, unit, most=most) for end in node.value)
    if low is None or high is None:
        return None
    if low > high:
        reader.problem("a range is `[least, most]`: these are turned around", node)
        return None
    return low, high


def _words(reader: Reader, node: Node, known: Sequence[str] = ()) -> tuple[str, ...]:
    if not isinstance(node.value, list):
        reader.problem("a list of words must stand here", node)
        return ()
    words = []
    for child in node.value:
        if not isinstance(child.value, str):
            reader.problem("a word must stand here", child)
        elif known and child.value not in known:
            hint = did_you_mean(child.value, known) or f"there are {', '.join(known)}"
            reader.problem(f"there is no term `{child.value}`", child, hint)
        else:
            words.append(child.value)
    return tuple(words)


def _real(reader: Reader, node: Node, low: float, high: float, whole: bool = False) -> float | None:
    value = node.value
    kinds = (int,) if whole else (int, float)
    if type(value) not in kinds or not math.isfinite(value) or not low <= value <= high:
        what = "a whole number" if whole else "a number"
        reader.problem(f"{what} from {low:,.10g} to {high:,.10g} must stand here", node)
        return None
    return float(value)
