"""Whether ratios of two networks' times are inside their intervals, the more alike or the less.

Pairs of networks that one device ran, of which its fit has seen neither family. What is held
against the measurements is `compare`'s interval itself.
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
from shared import common_coefficients, spreads
from tables import TFLITE, Run, make_run, ncnn_runs, read, together

from mnet_cost.analysis.latency import deviation_of_ratio
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit, Spread
from mnet_cost.devices.sourced import Sourced
from mnet_cost.measure.arrays import Array
from mnet_cost.measure.coefficient_solver import NOISE, Solution, expected_seconds, solve

THREADS = (1, 2, 4, 8)
FEW = 136
"""Networks of a large table that are looked at: pairs of them are many."""
APART = (0.0, 0.1, 0.2, 0.4, 0.6, 1.0, 2.0)
"""Sums of differences of shares, from alike to nothing in common: edges of what is counted."""


class Pair(NamedTuple):
    """Two networks on one device."""

    apart: float
    """Sum of the differences of the shares of their terms, 0 to 2."""
    error: float
    """Logarithm of the estimated ratio over the measured one."""
    half_width: float
    """Of the interval, in logarithms."""


class Held(NamedTuple):
    """A row of the results: pairs that are so far apart, and how many are inside, in percent."""

    table: str
    apart: str
    pairs: int
    inside: float
    half_width: float
    """The median, as a percentage upwards."""


def ratio_rows() -> Iterator[Held]:
    """All pairs of each table, then by how far apart they are."""
    for table, found in _tables():
        yield _held(table, "all", found)
        for low, high in pairwise(APART):
            some = [one for one in found if low <= one.apart < high or one.apart == high == 2.0]
            if some:
                yield _held(table, f"{low:g} to {high:g}", some)


def _tables() -> Iterator[tuple[str, list[Pair]]]:
    for threads in THREADS:
        words = "one thread" if threads == 1 else f"{threads} threads"
        coefficients = Coefficients(ncnn_runs(threads))
        width = shared_coefficients(threads=threads).measured.width
        pairs = [
            pair
            for run in coefficients.runs
            for first, other in _families(run)
            for pair in _family_pairs(run, first, other, coefficients.without(first), width)
        ]
        yield f"ncnn, {words}", pairs
    common, width = common_coefficients(ncnn_runs()), shared_coefficients().measured.width
    v2, mnasnet = (
        make_run(read(f"pixel1_{name}.csv"), TFLITE, XNNPACK_TILE)
        for name in ("mobilenet_v2", "mnasnet")
    )
    grids = [_pairs(seen, run, common, width) for seen, run in ((v2, mnasnet), (mnasnet, v2))]
    yield "Pixel 1, README grids", [pair for some in grids for pair in some]
    common_4, width_4 = (
        common_coefficients(ncnn_runs(4)),
        shared_coefficients(threads=4).measured.width,
    )
    hosted = [row for row in read("pixel3_hosted.csv") if row.runtime == "tflite"]
    yield (
        "TFLite hosted models, 4 threads",
        [
            pair
            for some in together(hosted).values()
            if some[0].precision == "fp32"
            for run in [make_run(some, TFLITE, XNNPACK_TILE)]
            for first, other in _families(run)
            for pair in _family_pairs(run, first, other, common_4, width_4)
        ],
    )
    for some in together(read("fbnet_space.csv")).values():
        run = make_run(some, TFLITE, XNNPACK_TILE)
        seen, unseen = run.only(range(16)), run.only(range(16, min(len(run.rows), FEW)))
        how = ", sums of blocks" if run.name == "sum_of_blocks" else ""
        yield f"FBNet space, {run.device}{how}", list(_pairs(seen, unseen, common, width))


def _families(run: Run) -> Iterator[tuple[str, str]]:
    """Each two families of a run, and each with itself."""
    yield from combinations_with_replacement(sorted(set(run.families)), 2)


def _held(table: str, apart: str, pairs: Sequence[Pair]) -> Held:
    inside = 100 * float(np.mean([abs(one.error) <= one.half_width for one in pairs]))
    half_width = 100 * float(np.expm1(np.median([one.half_width for one in pairs])))
    return Held(table, apart, len(pairs), inside, half_width)


def _family_pairs(run: Run, first: str, other: str, common: Array, width: float) -> Iterator[Pair]:
    """Pairs of a network of each of two families, from all but those."""
    seen = without_family(without_family(run, first), other)
    if not seen.rows:
        return
    unseen = run.only(i for i, family in enumerate(run.families) if family in (first, other))
    yield from _pairs(seen, unseen, common, width, between=first != other)


def _pairs(
    seen: Run, unseen: Run, common: Array, width: float, between: bool = False
) -> Iterator[Pair]:
    """Pairs of `unseen`, of two families where it is `between` them."""
    solution = solve(seen.amounts, seen.seconds, common, spreads())
    fit = _fit(solution, Spread(width, NOISE))
    expected = expected_seconds(unseen.amounts, common, solution.parameters)
    errors = np.log(expected / unseen.seconds)
    parts = unseen.amounts * common * np.exp(solution.parameters[1:])
    shares = parts / parts.sum(1, keepdims=True)
    for i, j in combinations(range(len(unseen.rows)), 2):
        if unseen.rows[i].model == unseen.rows[j].model or (
            between and unseen.families[i] == unseen.families[j]
        ):
            continue
        yield Pair(
            float(np.abs(shares[i] - shares[j]).sum()),
            float(errors[i] - errors[j]),
            width * deviation_of_ratio(fit, shares[i].tolist(), shares[j].tolist()),
        )


def _fit(solution: Solution, spread: Spread) -> CoefficientFit:
    triangle = tuple(tuple(row[: i + 1]) for i, row in enumerate(solution.covariance.tolist()))
    return CoefficientFit(Sourced(1.0, "of no use to a ratio", "fitted"), {}, triangle, spread)


def show(folder: Path | None) -> None:
    """Print the rows, and write them to `folder`."""
    rows = list(ratio_rows())
    for row in rows:
        print(
            f"{row.table:42}  apart {row.apart:10}  {row.pairs:6,} pairs  "
            f"{row.inside:5.1f} % inside  +{row.half_width:.0f} %"
        )
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "ratios.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Held._fields)
        for row in rows:
            writer.writerow([f"{one:.4g}" if isinstance(one, float) else one for one in row])
