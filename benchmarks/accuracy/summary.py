"""Forecasts as figures: errors, shares within 10 and 20 %, rank correlation, bands, baselines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

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
        median=_percent(np.median(shares)),
        mean=_percent(np.mean(shares)),
        within_10=_percent(np.mean(shares < 0.1)),
        within_20=_percent(np.mean(shares < 0.2)),
        spearman=_ranks_agree(forecasts),
        in_band=_percent(np.mean(np.abs(errors) <= half)),
        band=_percent(np.expm1(np.median(half))),
        mult_adds_median=_percent(np.median(mult_adds)),
        mult_adds_mean=_percent(np.mean(mult_adds)),
        line_median=_percent(np.median(line)),
        line_mean=_percent(np.mean(line)),
        roofline_median=_percent(np.median(roofline)),
        roofline_mean=_percent(np.mean(roofline)),
    )


def _percent(share: np.floating[Any]) -> float:
    return 100 * float(share)


def _shares(forecasts: Sequence[Forecast], estimates: Sequence[float]) -> Array:
    measured = np.array([one.measured_s for one in forecasts])
    shares: Array = np.abs(np.array(estimates) / measured - 1)
    return shares


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
