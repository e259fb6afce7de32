"""Forecasts for runtimes by what `mnet-cost calibrate` makes of one, four or all other networks.

Of runtimes that no shared coefficients were fitted to, tables are as any that a user may have. Of
the others, the coefficients are fitted without the chip and the family that are predicted. The
setting, kernel rules and shared coefficients, is chosen by the networks that count as measured.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from coefficient_files import (
    TFLITE_FILES,
    WIDE,
    XNNPACK_TILE,
    like_ncnn,
    onnxruntime_run,
    tflite_beginning,
)
from others import ForecastTable
from protocols import (
    Coefficients,
    Forecast,
    baselines,
    forecast,
    of_family,
    unseen_device,
    without_family,
)
from tables import Run, make_run, measured_together, read, runs_of

from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import Spread
from mnet_cost.measure.arrays import Array, Mask
from mnet_cost.measure.calibrate import trials_of
from mnet_cost.measure.coefficient_solver import Solution, deviation
from mnet_cost.measure.fit_rows import measured_times
from mnet_cost.measure.fitting import FEWEST_FOR_BAND, band_of
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import kernels_of
from mnet_cost.measure.runs.machine_plan import WHOLE_NETWORKS
from mnet_cost.measure.settings import own_setting, settings_to_try
from mnet_cost.measure.trials import Trial, choose_trial

UNKNOWN_FILES = (
    "paddle_lite.csv", "paddleclas.csv", "tengine.csv", "bolt.csv", "mnn.csv", "tnn.csv",
    "mlperf_inference.csv", "shufflenet_v2_paper.csv",
)  # fmt: skip
"""Tables with runtimes that have no shared coefficients of their own."""

_PROTOCOLS = {
    1: "1 network measured (drawn), new family",
    4: "4 networks measured (drawn), new family",
    None: "other families measured, new family",
}
SEVERAL = 4
"""Threads where a table does not state them."""
DRAWS = 2
LEAST = 5
"""Networks of a table; of fewer, four measured ones leave none."""


class FitOfFew(NamedTuple):
    """What some networks of a table say of those of another family."""

    rows: Sequence[Measurement]
    run: Run
    seconds: Array
    measured: list[int]
    held_out: Mask
    trial: Trial
    solution: Solution
    band: Spread


def fits_of_few(
    rows: Sequence[Measurement], count: int | None, apart: int = 1
) -> Iterator[FitOfFew]:
    """`apart` families at a time from `count` networks of the others, drawn at random; None for
    all."""
    first = rows[0]
    own = own_setting(first.runtime, None, None, first.precision)
    threads = first.threads or SEVERAL
    measured = measured_times(tuple(rows), kernels_of(rows, own.rules), None, "")
    trials = trials_of(measured, settings_to_try(own), 1, threads)
    run = make_run(rows, own.rules, 1)
    families = np.array(run.families)
    draw = random.Random(1)
    for _ in range(1 if count is None else DRAWS):
        for left_out in combinations(sorted(set(run.families)), apart):
            out: Mask = np.isin(families, left_out)
            others = [int(i) for i in np.flatnonzero(~out)]
            if not others:
                continue
            drawn = others if count is None else draw.sample(others, min(count, len(others)))
            seen: Mask = np.isin(np.arange(len(rows)), drawn)
            few = len(drawn) < FEWEST_FOR_BAND
            tried = [trial.of_another_runtime() for trial in trials] if few else trials
            choice = choose_trial(tried, measured, seen)
            trial = tried[choice.place]
            band = band_of(tried, measured, trial, seen)
            yield FitOfFew(rows, run, run.seconds, drawn, out, trial, choice.solution, band)


def few_networks(rows: Sequence[Measurement], count: int | None) -> Iterator[Forecast]:
    """Forecasts of each family."""
    for fit in fits_of_few(rows, count):
        trial, out = fit.trial, fit.held_out
        estimates = trial.predicted(fit.solution, out)
        sigmas = fit.band.width * deviation(
            trial.amounts[out], trial.coefficients, fit.solution, fit.band.noise
        )
        held_out = fit.run.only(int(i) for i in np.flatnonzero(out))
        simple = baselines(fit.run.only(fit.measured), held_out)
        for i, row in enumerate(held_out.rows):
            yield Forecast(
                row.device, row.run, row.model, row.family, row.latency_s,
                float(estimates[i]), float(sigmas[i]),
                *(float(times_s[i]) for times_s in simple),
            )  # fmt: skip


def runtime_tables() -> Iterator[ForecastTable]:
    """Runtimes without shared coefficients, TensorFlow Lite on unseen devices, ONNX Runtime."""
    for (runtime, precision, threads), tables in unknown_tables().items():
        title = f"{runtime}, {precision}, {'one thread' if threads == '1' else 'several threads'}"
        for count, protocol in _PROTOCOLS.items():
            forecasts = [item for rows in tables for item in few_networks(rows, count)]
            yield title, protocol, forecasts, 1.0
    for precision in ("fp32", "int8"):
        runs = runs_of(TFLITE_FILES, precision, ("tflite", "xnnpack"), 1, XNNPACK_TILE)
        tflite = Coefficients(runs, tflite_beginning(precision))
        width = shared_coefficients("tflite", precision).measured.width
        for count, protocol in _PROTOCOLS.items():
            forecasts = list(unseen_device(tflite, count))
            yield (
                f"TFLite and XNNPACK, {precision}, one thread",
                f"unseen device, {protocol}",
                forecasts,
                width,
            )
    width = shared_coefficients("onnxruntime").measured.width
    for count, protocol in _PROTOCOLS.items():
        title = "ONNX Runtime, one AVX-512 core, coefficients without the family"
        yield title, protocol, list(_onnxruntime(count)), width
        if count is not None:
            protocol = protocol.replace("drawn", "chosen")
            yield title, protocol, list(_onnxruntime(count, chosen=True)), width


def _onnxruntime(count: int | None, chosen: bool = False) -> Iterator[Forecast]:
    """Each family from networks of others, by coefficients of those and of all small graphs.

    The networks are drawn at random, or the first that `calibrate --runtime` measures.
    """
    run = onnxruntime_run()
    coefficients = Coefficients([run], like_ncnn("fp32", 1.0))
    networks = [i for i, row in enumerate(run.rows) if not row.is_small_graph]
    whole = run.only(networks)
    draw = random.Random(1)
    prior = coefficients.first
    prior = prior._replace(spreads=np.maximum(prior.spreads, WIDE))
    for _ in range(1 if chosen or count is None else DRAWS):
        for family in sorted(set(whole.families)):
            others = without_family(whole, family)
            if chosen:
                models = [row.model for row in others.rows]
                first = [models.index(name) for name in WHOLE_NETWORKS if name in models]
                others = others.only(first[:count])
            elif count is not None:
                others = others.only(draw.sample(range(len(others.rows)), count))
            yield from forecast(
                others, of_family(whole, family), coefficients.without(family), prior
            )


def unknown_tables() -> dict[tuple[str, str, str], list[Sequence[Measurement]]]:
    """Tables by runtime, precision and threads (`1` or `more`)."""
    tables: dict[tuple[str, str, str], list[Sequence[Measurement]]] = {}
    for file in UNKNOWN_FILES:
        for rows in measured_together(read(file)).values():
            first = rows[0]
            known = first.runtime.startswith(("tflite", "xnnpack", "ncnn", "onnxruntime"))
            if known or len(rows) < LEAST or len({row.family for row in rows}) < 2:
                continue
            key = (first.runtime, first.precision, "1" if first.threads == 1 else "more")
            tables.setdefault(key, []).append(rows)
    return tables
