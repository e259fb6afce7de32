"""Protocols: which measurements are held out, and forecasts of them from the others.

A `Forecast` is a held-out measurement with its estimate, its band, and three baselines fitted to
the same measurements as the estimate. "Family out": fits use no network of its family, on any
device. "Chip out": fits use no device with its chip, except for what the protocol lets it measure.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from microcontrollers import core_shares, share_of
from shared import PROCESSORS, Beginning, common_coefficients, peak_shares
from tables import Run

from mnet_cost.measure.arrays import Array
from mnet_cost.measure.coefficient_solver import NOISE, deviation, expected_seconds, solve

FOLDS = 5
DRAWS = 3
MOST_CHOICES = 40
CHOSEN = (
    "mobilenet_v1", "networks/ncnn_resnet18.yaml", "networks/ncnn_squeezenet.yaml",
    "shufflenet_v2", "networks/ncnn_mobilenet_v2.yaml", "mnasnet",
)  # fmt: skip
"""Networks to measure first: each has cost terms that the others lack."""


class Forecast(NamedTuple):
    """A held-out measurement and its estimates. Times in seconds."""

    device: str
    run: str
    model: str
    family: str
    measured_s: float
    estimate_s: float
    sigma: float
    """Standard deviation of the logarithm of the estimate, as the fit gives it."""
    mult_adds_s: float
    """Baseline: mult-adds at one rate."""
    line_s: float
    """Baseline: mult-adds and a constant."""
    roofline_s: float
    """Baseline: a rate and a bandwidth."""

    @property
    def error(self) -> float:
        """Logarithm of the estimated over the measured time."""
        return float(np.log(self.estimate_s / self.measured_s))


class Coefficients:
    """Shared cost coefficients without a family or a chip; each fit is made once."""

    def __init__(self, runs: Sequence[Run], first: Beginning = PROCESSORS) -> None:
        self.runs, self.first = runs, first
        chips = sorted({run.group for run in runs})
        self.fold = {chip: i % FOLDS for i, chip in enumerate(chips)}
        self._fitted: dict[tuple[int | None, str], Array] = {}

    def without(self, family: str, chip: str | None = None) -> Array:
        """Cost coefficients of runs without `family` and without the fold that `chip` is in."""
        fold = None if chip is None else self.fold[chip]
        key = (fold, family)
        if key not in self._fitted:
            self._fitted[key] = common_coefficients(self.training_runs(family, fold), self.first)
        return self._fitted[key]

    def training_runs(self, family: str, fold: int | None) -> list[Run]:
        """The runs without `family` and without the chips of `fold`."""
        return [
            without_family(run, family)
            for run in self.runs
            if fold is None or self.fold[run.group] != fold
        ]


def without_family(run: Run, family: str) -> Run:
    """The run with the networks of other families."""
    return run.only(i for i, other in enumerate(run.families) if other != family)


def of_family(run: Run, family: str) -> Run:
    """The run with the networks of one family."""
    return run.only(i for i, other in enumerate(run.families) if other == family)


def forecast(
    measured: Run, held_out: Run, coefficients: Array, prior: Beginning = PROCESSORS
) -> list[Forecast]:
    """Forecasts of `held_out` from `measured`, networks that the same device ran.

    `coefficients` are the shared ones, `prior` says how far those of a device differ from them.
    """
    solution = solve(
        measured.amounts, measured.seconds, coefficients, prior.spreads, together=prior.moved
    )
    estimates = expected_seconds(held_out.amounts, coefficients, solution.parameters)
    sigmas = deviation(held_out.amounts, coefficients, solution, NOISE)
    simple = baselines(measured, held_out)
    return [
        Forecast(
            held_out.device, held_out.name, row.model, row.family, float(held_out.seconds[i]),
            float(estimates[i]), float(sigmas[i]), *(float(times_s[i]) for times_s in simple),
        )
        for i, row in enumerate(held_out.rows)
    ]  # fmt: skip


class Baselines(NamedTuple):
    """Estimates of simpler methods from the same measurements, in seconds, of each network."""

    mult_adds_s: Array
    """Mult-adds at one rate."""
    line_s: Array
    """Mult-adds and a constant."""
    roofline_s: Array
    """A rate and a bandwidth, fitted."""


def baselines(measured: Run, held_out: Run) -> Baselines:
    """Fits by least squares of relative errors; the rate of the first baseline is a median."""
    x, y = measured.mult_adds, measured.seconds
    rate = float(np.exp(np.median(np.log(y / x))))
    slope, constant = rate, 0.0
    if len(y) > 1:
        columns = np.stack([x / y, 1 / y], axis=1)
        slope, constant = np.linalg.lstsq(columns, np.ones(len(y)), rcond=None)[0]
        if constant < 0:  # a negative constant has no meaning: fit without it
            slope, constant = float(np.sum(x / y) / np.sum((x / y) ** 2)), 0.0
        if slope <= 0:
            slope, constant = 0.0, float(np.sum(1 / y) / np.sum(1 / y**2))
    relative = measured.roofline_work / y[:, None]
    rates = relative.sum(0) / (relative**2).sum(0)
    best = int(np.argmin(((relative * rates - 1) ** 2).sum(0)))  # of the ridges
    return Baselines(
        rate * held_out.mult_adds,
        slope * held_out.mult_adds + constant,
        rates[best] * held_out.roofline_work[:, best],
    )


def known_device(coefficients: Coefficients) -> Iterator[Forecast]:
    """Family out: each family of each run from its other families."""
    for run, family in _families(coefficients):
        measured = without_family(run, family)
        common, prior = coefficients.without(family), coefficients.first
        yield from forecast(measured, of_family(run, family), common, prior)


def unseen_device(
    coefficients: Coefficients, count: int | None, chosen: bool = False
) -> Iterator[Forecast]:
    """Family and chip out: each family from `count` networks of other families, None for all.

    The networks are drawn at random, `DRAWS` times, or the first of `CHOSEN`.
    """
    draw = random.Random(1)
    for _ in range(1 if chosen or count is None else DRAWS):
        for run, family in _families(coefficients):
            others = [i for i, other in enumerate(run.families) if other != family]
            if chosen:
                rank = {_file_name(name): i for i, name in enumerate(CHOSEN)}
                known = [i for i in others if _file_name(run.rows[i].model) in rank]
                others = sorted(known, key=lambda i: rank[_file_name(run.rows[i].model)])[:count]
            elif count is not None:
                others = draw.sample(others, min(count, len(others)))
            if others:
                common = coefficients.without(family, run.group)
                held_out, prior = of_family(run, family), coefficients.first
                yield from forecast(run.only(others), held_out, common, prior)


def datasheet(coefficients: Coefficients) -> Iterator[Forecast]:
    """Family and chip out, nothing measured: by the share of the peak that other devices reach."""
    for run, family in _families(coefficients):
        common = coefficients.without(family, run.group)
        shares = peak_shares(
            coefficients.training_runs(family, coefficients.fold[run.group]), common
        )
        if run.processor is not None and run.processor.out_of_order is not None:
            share = shares.get("out_of_order" if run.processor.out_of_order else "in_order")
            if share is not None:  # at int8 few peaks are known
                yield from _from_peak(run, of_family(run, family), common, share)


def _from_peak(
    run: Run, held_out: Run, coefficients: Array, share: tuple[float, float]
) -> Iterator[Forecast]:
    peak = run.processor.peak_macs_per_s(run.precision) if run.processor else None
    if peak is None:
        return
    peak *= run.threads or 1
    log_share, spread = share
    total = (held_out.amounts * coefficients).sum(1)
    term_shares = held_out.amounts * coefficients / total[:, None]
    sigma = np.sqrt(spread**2 + (term_shares**2 @ PROCESSORS.spreads**2) + NOISE**2)
    for i, row in enumerate(held_out.rows):
        lower_bound = float(held_out.mult_adds[i] / peak)
        yield Forecast(
            run.device, run.name, row.model, row.family, float(held_out.seconds[i]),
            float(1e6 / peak / np.exp(log_share) * total[i]), float(sigma[i]), lower_bound,
            lower_bound, lower_bound, )  # fmt: skip


def unseen_board(runs: Sequence[Run], count: int) -> Iterator[Forecast]:
    """Board out: from each choice of `count` networks of a run its other networks.

    Families are not held out: other boards ran the same networks. Of more than `MOST_CHOICES`
    choices so many are drawn.
    """
    draw = random.Random(1)
    for board in sorted({run.group for run in runs}):
        rest = [run for run in runs if run.group != board]
        if not rest:
            continue
        coefficients = common_coefficients(rest)
        for run in runs:
            if run.group != board or len(run.rows) <= count:
                continue
            choices = list(combinations(range(len(run.rows)), count))
            if len(choices) > MOST_CHOICES:
                choices = draw.sample(choices, MOST_CHOICES)
            for chosen in choices:
                others = [i for i in range(len(run.rows)) if i not in chosen]
                yield from forecast(run.only(chosen), run.only(others), coefficients)


def datasheet_board(runs: Sequence[Run], single: Sequence[Run] = ()) -> Iterator[Forecast]:
    """Board out, nothing measured: from the share of the peak that other boards reach.

    `single` are runs of too few networks for coefficients, that know a share all the same.
    """
    for board in sorted({run.group for run in (*runs, *single)}):
        others = [run for run in runs if run.group != board]
        known = [*others, *(run for run in single if run.group != board)]
        if not others:
            continue
        coefficients = common_coefficients(others)
        shares = core_shares(known, coefficients)
        for run in (*runs, *single):
            if run.group == board:
                yield from _from_peak(run, run, coefficients, share_of(run, shares))


def halves(run: Run, coefficients: Array, draws: int = 20) -> Iterator[Forecast]:
    """One run: one half from the other, drawn at random `draws` times."""
    draw = random.Random(1)
    for _ in range(draws):
        order = list(range(len(run.rows)))
        draw.shuffle(order)
        half = len(order) // 2
        yield from forecast(run.only(order[:half]), run.only(order[half:]), coefficients)


def one_network(run: Run, coefficients: Array, index: int = 0) -> Iterator[Forecast]:
    """One run: all other networks from the network at `index`."""
    others = [i for i in range(len(run.rows)) if i != index]
    yield from forecast(run.only([index]), run.only(others), coefficients)


def _families(coefficients: Coefficients) -> Iterator[tuple[Run, str]]:
    """Each family of each run that has others too."""
    for run in coefficients.runs:
        for family in sorted(set(run.families)):
            if any(other != family for other in run.families):
                yield run, family


def _file_name(model: str) -> str:
    return model.rpartition("/")[2]
