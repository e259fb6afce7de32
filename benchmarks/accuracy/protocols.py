"""What is left out, and how well it is then predicted.

A `Forecast` is one held-out measurement with its estimate, its band, and three baselines that were
fitted to the same measurements. Family out: no network of its family was seen, on any device. Chip
out: no device with its chip was seen, but for the measurements that the protocol grants.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from shared import common_coefficients, peak_shares, spreads
from tables import Run

from mnet_cost.measure.arrays import Array
from mnet_cost.measure.coefficient_solver import NOISE, deviation, expected_seconds, solve

FOLDS = 5
DRAWS = 3
CHOSEN = (
    "mobilenet_v1", "networks/ncnn_resnet18.yaml", "networks/ncnn_squeezenet.yaml",
    "shufflenet_v2", "networks/ncnn_mobilenet_v2.yaml", "mnasnet",
)  # fmt: skip
"""Networks that are worth measuring first: each shows terms that the others lack."""


class Forecast(NamedTuple):
    """One measurement that was held out. Times in seconds."""

    device: str
    run: str
    model: str
    family: str
    measured_s: float
    estimate_s: float
    sigma: float
    """Standard deviation of the logarithm that the fit gives its estimate."""
    mult_adds_s: float
    """Baseline: mult-adds at one rate."""
    line_s: float
    """Baseline: mult-adds and a constant."""
    roofline_s: float
    """Baseline: a rate and a bandwidth."""

    @property
    def error(self) -> float:
        """Logarithm of estimate over measured."""
        return float(np.log(self.estimate_s / self.measured_s))


class Coefficients:
    """Shared cost coefficients with families and chips left out, each fitted once."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        chips = sorted({run.group for run in runs})
        self.fold = {chip: i % FOLDS for i, chip in enumerate(chips)}
        self._known: dict[tuple[int | None, str], Array] = {}

    def without(self, family: str, chip: str | None = None) -> Array:
        """Cost coefficients of runs without a family, and without the fold that a chip is in."""
        fold = None if chip is None else self.fold[chip]
        key = (fold, family)
        if key not in self._known:
            self._known[key] = common_coefficients(self.seen(family, fold))
        return self._known[key]

    def seen(self, family: str, fold: int | None) -> list[Run]:
        """Those runs."""
        return [
            without_family(run, family)
            for run in self.runs
            if fold is None or self.fold[run.group] != fold
        ]


def without_family(run: Run, family: str) -> Run:
    """The run with the networks of other families."""
    return run.only(i for i, one in enumerate(run.families) if one != family)


def of_family(run: Run, family: str) -> Run:
    """The run with the networks of one family."""
    return run.only(i for i, one in enumerate(run.families) if one == family)


def forecast(
    seen: Run, unseen: Run, coefficients: Array, prior: Array | None = None
) -> list[Forecast]:
    """`unseen` of a device, from what was `seen` of it."""
    prior = spreads() if prior is None else prior
    solution = solve(seen.amounts, seen.seconds, coefficients, prior)
    estimates = expected_seconds(unseen.amounts, coefficients, solution.parameters)
    sigmas = deviation(unseen.amounts, coefficients, solution, NOISE)
    others = baselines(seen, unseen)
    return [
        Forecast(
            unseen.device, unseen.name, row.model, row.family, float(unseen.seconds[i]),
            float(estimates[i]), float(sigmas[i]), *(float(one[i]) for one in others),
        )
        for i, row in enumerate(unseen.rows)
    ]  # fmt: skip


class Baselines(NamedTuple):
    """What simpler ways predict of the same networks from the same measurements, in seconds."""

    mult_adds_s: Array
    """Mult-adds at one rate."""
    line_s: Array
    """Mult-adds and a constant."""
    roofline_s: Array
    """A rate and a bandwidth, fitted."""


def baselines(seen: Run, unseen: Run) -> Baselines:
    """By least squares of relative errors; the rate alone is a median."""
    x, y = seen.mult_adds, seen.seconds
    rate = float(np.exp(np.median(np.log(y / x))))
    slope, constant = rate, 0.0
    if len(y) > 1:
        columns = np.stack([x / y, 1 / y], axis=1)
        slope, constant = np.linalg.lstsq(columns, np.ones(len(y)), rcond=None)[0]
        if constant < 0:  # a negative constant is no physics: without it
            slope, constant = float(np.sum(x / y) / np.sum((x / y) ** 2)), 0.0
        if slope <= 0:
            slope, constant = 0.0, float(np.sum(1 / y) / np.sum(1 / y**2))
    relative = seen.busy / y[:, None]
    each = relative.sum(0) / (relative**2).sum(0)
    best = int(np.argmin(((relative * each - 1) ** 2).sum(0)))
    return Baselines(
        rate * unseen.mult_adds,
        slope * unseen.mult_adds + constant,
        each[best] * unseen.busy[:, best],
    )


def known_device(coefficients: Coefficients) -> Iterator[Forecast]:
    """Family out; the device and its other families are known."""
    for run, family in _families(coefficients):
        seen = without_family(run, family)
        yield from forecast(seen, of_family(run, family), coefficients.without(family))


def unseen_device(
    coefficients: Coefficients, measured: int | None, chosen: bool = False
) -> Iterator[Forecast]:
    """Family and chip out; so many networks of other families are measured, None for all.

    Drawn at random, three times over, or the first of `CHOSEN`.
    """
    draw = random.Random(1)
    for _ in range(1 if chosen or measured is None else DRAWS):
        for run, family in _families(coefficients):
            others = [i for i, one in enumerate(run.families) if one != family]
            if chosen:
                rank = {_short(name): i for i, name in enumerate(CHOSEN)}
                known = [i for i in others if _short(run.rows[i].model) in rank]
                others = sorted(known, key=lambda i: rank[_short(run.rows[i].model)])[:measured]
            elif measured is not None:
                others = draw.sample(others, min(measured, len(others)))
            if others:
                seen, unseen = run.only(others), of_family(run, family)
                yield from forecast(seen, unseen, coefficients.without(family, run.group))


def datasheet(coefficients: Coefficients) -> Iterator[Forecast]:
    """Family and chip out, nothing measured: a share of the peak that others reach."""
    for run, family in _families(coefficients):
        common = coefficients.without(family, run.group)
        shares = peak_shares(coefficients.seen(family, coefficients.fold[run.group]), common)
        yield from _from_peak(run, of_family(run, family), common, shares)


def _from_peak(
    run: Run, unseen: Run, coefficients: Array, shares: Mapping[str, tuple[float, float]]
) -> Iterator[Forecast]:
    peak = run.processor.peak_macs_per_s(run.precision) if run.processor else None
    if peak is None or run.processor is None or run.processor.out_of_order is None:
        return
    peak *= run.threads or 1
    middle, spread = shares["out_of_order" if run.processor.out_of_order else "in_order"]
    total = (unseen.amounts * coefficients).sum(1)
    parts = unseen.amounts * coefficients / total[:, None]
    sigma = np.sqrt(spread**2 + (parts**2 @ spreads() ** 2) + NOISE**2)
    for i, row in enumerate(unseen.rows):
        lower_bound = float(unseen.mult_adds[i] / peak)
        yield Forecast(
            run.device, run.name, row.model, row.family, float(unseen.seconds[i]),
            float(1e6 / peak / np.exp(middle) * total[i]), float(sigma[i]), lower_bound,
            lower_bound, lower_bound, )  # fmt: skip


def unseen_board(runs: Sequence[Run], measured: int) -> Iterator[Forecast]:
    """Board out: each network of it from so many of its others, families known from elsewhere."""
    for board in sorted({run.group for run in runs}):
        coefficients = common_coefficients(run for run in runs if run.group != board)
        for run in runs:
            if run.group != board:
                continue
            for some in combinations(range(len(run.rows)), measured):
                others = [i for i in range(len(run.rows)) if i not in some]
                yield from forecast(run.only(some), run.only(others), coefficients)


def datasheet_board(runs: Sequence[Run]) -> Iterator[Forecast]:
    """Board out, nothing measured."""
    for board in sorted({run.group for run in runs}):
        seen = [run for run in runs if run.group != board]
        coefficients = common_coefficients(seen)
        shares = peak_shares(seen, coefficients)
        for run in runs:
            if run.group == board:
                yield from _from_peak(run, run, coefficients, shares)


def halves(run: Run, coefficients: Array, draws: int = 20) -> Iterator[Forecast]:
    """One device: each half from the other, at random."""
    draw = random.Random(1)
    for _ in range(draws):
        order = list(range(len(run.rows)))
        draw.shuffle(order)
        half = len(order) // 2
        yield from forecast(run.only(order[:half]), run.only(order[half:]), coefficients)


def one_network(run: Run, coefficients: Array, measured: int = 0) -> Iterator[Forecast]:
    """One device: all from a single network."""
    others = [i for i in range(len(run.rows)) if i != measured]
    yield from forecast(run.only([measured]), run.only(others), coefficients)


def _families(coefficients: Coefficients) -> Iterator[tuple[Run, str]]:
    for run in coefficients.runs:
        for family in sorted(set(run.families)):
            if any(one != family for one in run.families):
                yield run, family


def _short(model: str) -> str:
    return model.rpartition("/")[2]
