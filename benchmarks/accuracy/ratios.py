"""`python benchmarks/accuracy ratios`: how many ratios of two times are inside their intervals.

A pair is two networks that a device ran; the families of both are held out of the fit. The
intervals are those of `mnet-cost compare`. Rows tell similar pairs from dissimilar ones.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import combinations, combinations_with_replacement, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from others import XNNPACK_TILE
from protocols import Coefficients, without_family
from runtimes import FitOfFew, fits_of_few, unknown_tables
from shared import PROCESSORS, common_coefficients
from summary import four_digits
from tables import TFLITE, Run, make_run, measured_together, ncnn_runs, read

from mnet_cost.analysis.times import deviation_of_ratio
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit, Spread
from mnet_cost.devices.sourced import Sourced
from mnet_cost.measure.arrays import Array
from mnet_cost.measure.coefficient_solver import NOISE, Solution, expected_seconds, solve

THREADS = (1, 2, 4, 8)
MAX_NETWORKS = 136
"""Networks of a large table that are used: their pairs are many."""
DISTANCES = (0.0, 0.1, 0.2, 0.4, 0.6, 1.0, 2.0)
"""Edges of the groups of pairs. 0: the same shares of all terms, 2: no term in common."""


class Pair(NamedTuple):
    """Two networks on one device."""

    distance: float
    """Sum of the differences of the shares that cost terms have of their times, 0 to 2."""
    error: float
    """Logarithm of the estimated ratio over the measured one."""
    half_width: float
    """Half width of the interval, in logarithms."""


class RatioRow(NamedTuple):
    """A row of the results: pairs of a table whose distances are in one group."""

    table: str
    distance: str
    """`all`, or the edges of the group."""
    pairs: int
    inside: float
    """Percentage of the ratios that are inside their interval."""
    half_width: float
    """The median, as a percentage upwards."""


def ratio_rows() -> Iterator[RatioRow]:
    """For each table a row of all pairs, then a row for each group of distances."""
    for table, pairs in _tables():
        yield _row(table, "all", pairs)
        for low, high in pairwise(DISTANCES):
            group = [
                pair
                for pair in pairs
                if low <= pair.distance < high or pair.distance == high == DISTANCES[-1]
            ]
            if group:
                yield _row(table, f"{low:g} to {high:g}", group)


def _tables() -> Iterator[tuple[str, list[Pair]]]:
    for threads in THREADS:
        words = "one thread" if threads == 1 else f"{threads} threads"
        coefficients = Coefficients(ncnn_runs(threads))
        width = shared_coefficients(threads=threads).measured.width
        pairs = [
            pair
            for run in coefficients.runs
            for first, other in _family_pairs(run)
            for pair in _pairs_of_families(run, first, other, coefficients.without(first), width)
        ]
        yield f"ncnn, {words}", pairs
    common, width = common_coefficients(ncnn_runs()), shared_coefficients().measured.width
    v2, mnasnet = (
        make_run(read(f"pixel1_{name}.csv"), TFLITE, XNNPACK_TILE)
        for name in ("mobilenet_v2", "mnasnet")
    )
    grids = [
        _pairs(measured, held_out, common, width)
        for measured, held_out in ((v2, mnasnet), (mnasnet, v2))
    ]
    yield "Pixel 1, README grids", [pair for grid_pairs in grids for pair in grid_pairs]
    common_4, width_4 = (
        common_coefficients(ncnn_runs(4)),
        shared_coefficients(threads=4).measured.width,
    )
    hosted = [row for row in read("pixel3_hosted.csv") if row.runtime == "tflite"]
    yield (
        "TFLite hosted models, 4 threads",
        [
            pair
            for rows in measured_together(hosted).values()
            if rows[0].precision == "fp32"
            for run in [make_run(rows, TFLITE, XNNPACK_TILE)]
            for first, other in _family_pairs(run)
            for pair in _pairs_of_families(run, first, other, common_4, width_4)
        ],
    )
    for rows in measured_together(read("fbnet_space.csv")).values():
        run = make_run(rows, TFLITE, XNNPACK_TILE)
        measured, held_out = (
            run.only(range(16)),
            run.only(range(16, min(len(run.rows), MAX_NETWORKS))),
        )
        summed = ", sums of blocks" if run.name == "sum_of_blocks" else ""
        yield f"FBNet space, {run.device}{summed}", list(_pairs(measured, held_out, common, width))
    yield from _runtime_tables()


def _runtime_tables() -> Iterator[tuple[str, list[Pair]]]:
    """Runtimes without shared coefficients, from one and from four networks of other families."""
    by_title: dict[str, list[Pair]] = {}
    for (_, precision, threads), tables in unknown_tables().items():
        words = f"{precision}, {'one thread' if threads == '1' else 'several threads'}"
        for rows in tables:
            for count in (1, 4):
                title = f"other runtimes, {words}, from {count}"
                pairs = by_title.setdefault(title, [])
                for chosen in fits_of_few(rows, count, apart=2):
                    pairs += _chosen_pairs(chosen)
    yield from by_title.items()


def _chosen_pairs(chosen: FitOfFew) -> Iterator[Pair]:
    trial, parameters = chosen.trial, chosen.solution.parameters
    fit = _fit(chosen.solution, trial.shared.measured)
    amounts = trial.amounts[chosen.held_out]
    term_times = amounts * trial.coefficients * np.exp(parameters[1:])
    shares = term_times / term_times.sum(1, keepdims=True)
    expected = expected_seconds(amounts, trial.coefficients, parameters)
    errors = np.log(expected / chosen.seconds[chosen.held_out])
    models = [row.model for row, out in zip(chosen.rows, chosen.held_out, strict=True) if out]
    for i, j in combinations(range(len(models)), 2):
        if models[i] != models[j]:
            width = trial.shared.measured.width
            yield Pair(
                float(np.abs(shares[i] - shares[j]).sum()),
                float(errors[i] - errors[j]),
                width * deviation_of_ratio(fit, shares[i].tolist(), shares[j].tolist()),
            )


def _family_pairs(run: Run) -> Iterator[tuple[str, str]]:
    """Every two families of a run, and every family with itself."""
    yield from combinations_with_replacement(sorted(set(run.families)), 2)


def _row(table: str, distance: str, pairs: Sequence[Pair]) -> RatioRow:
    inside = 100 * float(np.mean([abs(pair.error) <= pair.half_width for pair in pairs]))
    half_width = 100 * float(np.expm1(np.median([pair.half_width for pair in pairs])))
    return RatioRow(table, distance, len(pairs), inside, half_width)


def _pairs_of_families(
    run: Run, first: str, other: str, common: Array, width: float
) -> Iterator[Pair]:
    """Pairs of a network of each of two families; the fit has neither family."""
    measured = without_family(without_family(run, first), other)
    if not measured.rows:
        return
    held_out = run.only(i for i, family in enumerate(run.families) if family in (first, other))
    yield from _pairs(measured, held_out, common, width, between=first != other)


def _pairs(
    measured: Run, held_out: Run, common: Array, width: float, between: bool = False
) -> Iterator[Pair]:
    """Pairs of `held_out`; with `between` only pairs of two families."""
    solution = solve(measured.amounts, measured.seconds, common, PROCESSORS.spreads)
    fit = _fit(solution, Spread(width=width, noise=NOISE))
    expected = expected_seconds(held_out.amounts, common, solution.parameters)
    errors = np.log(expected / held_out.seconds)
    term_times = held_out.amounts * common * np.exp(solution.parameters[1:])
    shares = term_times / term_times.sum(1, keepdims=True)
    for i, j in combinations(range(len(held_out.rows)), 2):
        if held_out.rows[i].model == held_out.rows[j].model or (
            between and held_out.families[i] == held_out.families[j]
        ):
            continue
        yield Pair(
            float(np.abs(shares[i] - shares[j]).sum()),
            float(errors[i] - errors[j]),
            width * deviation_of_ratio(fit, shares[i].tolist(), shares[j].tolist()),
        )


def _fit(solution: Solution, spread: Spread) -> CoefficientFit:
    triangle = tuple(tuple(row[: i + 1]) for i, row in enumerate(solution.covariance.tolist()))
    return CoefficientFit(
        scale_s=Sourced(value=1.0, source="cancels in a ratio", basis="fitted"),
        deviations={},
        covariance=triangle,
        spread=spread,
    )


def show(folder: Path | None) -> None:
    """Print the rows, and write them to `folder` if there is one."""
    rows = list(ratio_rows())
    for row in rows:
        print(
            f"{row.table:42}  distance {row.distance:10}  {row.pairs:6,} pairs  "
            f"{row.inside:5.1f} % inside  +{row.half_width:.0f} %"
        )
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "ratios.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(RatioRow._fields)
        for row in rows:
            writer.writerow(four_digits(row))
