"""Figures of forecasts: errors, shares within 10 and 20 %, rank correlation, bands, baselines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from protocols import Forecast

from mnet_cost.measure.arrays import Array


class Summary(NamedTuple):
    """One row of the results; all figures but `spearman` and the count are percentages."""

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
    """Share of measurements inside their band, which aims at 80 %."""
    band: float
    """Median half width, as a percentage upwards."""
    mult_adds_median: float
    mult_adds_mean: float
    line_median: float
    line_mean: float
    """Mult-adds with a constant."""
    roofline_median: float
    roofline_mean: float
    """A rate and a bandwidth. Where nothing was measured, all three baselines are the peak rate."""


COLUMNS = Summary._fields


def four_digits(row: Iterable[object]) -> list[object]:
    """The cells of a CSV row, numbers with a point as text of four digits."""
    return [f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row]


def summarize(table: str, protocol: str, forecasts: Sequence[Forecast], width: float) -> Summary:
    """The figures of some forecasts; a band reaches `width` sigmas up and down."""
    errors = np.array([forecast.error for forecast in forecasts])
    shares = _shares(forecasts, [forecast.estimate_s for forecast in forecasts])
    mult_adds = _shares(forecasts, [forecast.mult_adds_s for forecast in forecasts])
    line = _shares(forecasts, [forecast.line_s for forecast in forecasts])
    roofline = _shares(forecasts, [forecast.roofline_s for forecast in forecasts])
    half_widths = width * np.array([forecast.sigma for forecast in forecasts])
    return Summary(
        table,
        protocol,
        len(forecasts),
        median=_percent(np.median(shares)),
        mean=_percent(np.mean(shares)),
        within_10=_percent(np.mean(shares < 0.1)),
        within_20=_percent(np.mean(shares < 0.2)),
        spearman=_rank_correlation(forecasts),
        in_band=_percent(np.mean(np.abs(errors) <= half_widths)),
        band=_percent(np.expm1(np.median(half_widths))),
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
    measured = np.array([forecast.measured_s for forecast in forecasts])
    shares: Array = np.abs(np.array(estimates) / measured - 1)
    return shares


def _rank_correlation(forecasts: Sequence[Forecast]) -> float | None:
    runs: dict[tuple[str, str], list[Forecast]] = defaultdict(list)
    for forecast in forecasts:
        runs[forecast.device, forecast.run].append(forecast)
    correlations = [
        spearman(
            [forecast.estimate_s for forecast in run_forecasts],
            [forecast.measured_s for forecast in run_forecasts],
        )
        for run_forecasts in runs.values()
        if len({forecast.model for forecast in run_forecasts}) >= 5
    ]
    return float(np.median(correlations)) if correlations else None


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Rank correlation; equal values share their mean rank."""
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: Sequence[float]) -> Array:
    numbers = np.asarray(values, dtype=np.float64)
    smaller = (numbers[:, None] > numbers[None, :]).sum(1)
    equal = (numbers[:, None] == numbers[None, :]).sum(1)
    return np.asarray(smaller + (equal - 1) / 2, dtype=np.float64)


def width_of(forecasts: Sequence[Forecast], share: float = 0.8) -> float:
    """How many sigmas a band has to reach to hold that share of the measurements."""
    return float(
        np.quantile([abs(forecast.error) / forecast.sigma for forecast in forecasts], share)
    )
