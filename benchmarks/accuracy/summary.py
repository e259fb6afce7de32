"""Forecasts as figures: errors, shares within 10 and 20 %, rank correlation, bands, baselines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from protocols import Forecast

from mnet_cost.measure.arrays import Array


class Summary(NamedTuple):
    """One row of the results. Shares and errors in percent, times are not shown."""

    table: str
    protocol: str
    forecasts: int
    median: float
    mean: float
    within_10: float
    within_20: float
    spearman: float | None
    """Median over runs of at least 5 networks."""
    in_band: float
    """Share of measurements in the band that is to hold 80 %."""
    band: float
    """Median half width, as a percentage upwards."""
    mult_adds_median: float
    mult_adds_mean: float
    line_median: float
    line_mean: float
    """Mult-adds with a constant."""
    roofline_median: float
    roofline_mean: float
    """A rate and a bandwidth; on data sheets all three are the peak alone."""


COLUMNS = Summary._fields


def summarize(table: str, protocol: str, forecasts: Sequence[Forecast], width: float) -> Summary:
    """The figures of some forecasts; `width` is how many sigmas the band reaches."""
    errors = np.array([one.error for one in forecasts])
    shares = _shares(forecasts, [one.estimate_s for one in forecasts])
    mult_adds = _shares(forecasts, [one.mult_adds_s for one in forecasts])
    line = _shares(forecasts, [one.line_s for one in forecasts])
    roofline = _shares(forecasts, [one.roofline_s for one in forecasts])
    half = width * np.array([one.sigma for one in forecasts])
    return Summary(
        table,
        protocol,
        len(forecasts),
        *(100 * float(one) for one in (np.median(shares), np.mean(shares))),
        *(100 * float(np.mean(shares < limit)) for limit in (0.1, 0.2)),
        _ranks_agree(forecasts),
        100 * float(np.mean(np.abs(errors) <= half)),
        100 * float(np.expm1(np.median(half))),
        *(100 * float(one) for one in (np.median(mult_adds), np.mean(mult_adds))),
        *(100 * float(one) for one in (np.median(line), np.mean(line))),
        *(100 * float(one) for one in (np.median(roofline), np.mean(roofline))),
    )


def _shares(forecasts: Sequence[Forecast], estimates: Sequence[float]) -> Array:
    measured = np.array([one.measured_s for one in forecasts])
    return np.abs(np.array(estimates) / measured - 1)


def _ranks_agree(forecasts: Sequence[Forecast]) -> float | None:
    runs: dict[tuple[str, str], list[Forecast]] = defaultdict(list)
    for one in forecasts:
        runs[one.device, one.run].append(one)
    found = [
        spearman([one.estimate_s for one in some], [one.measured_s for one in some])
        for some in runs.values()
        if len({one.model for one in some}) >= 5
    ]
    return float(np.median(found)) if found else None


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Rank correlation; equal values share their mean rank."""
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: Sequence[float]) -> Array:
    numbers = np.asarray(values, dtype=np.float64)
    below = (numbers[:, None] > numbers[None, :]).sum(1)
    equal = (numbers[:, None] == numbers[None, :]).sum(1)
    return np.asarray(below + (equal - 1) / 2, dtype=np.float64)


def width_of(forecasts: Sequence[Forecast], share: float = 0.8) -> float:
    """How many sigmas hold that share of the measurements."""
    return float(np.quantile([abs(one.error) / one.sigma for one in forecasts], share))
