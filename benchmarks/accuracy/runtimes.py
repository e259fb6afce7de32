"""Forecasts for runtimes by what `mnet-cost calibrate` makes of one, four or all other networks.

Of runtimes that no shared coefficients were fitted to, tables are as any that a user may have. Of
the others, the coefficients are fitted without the chip and the family that are predicted. The
setting, kernel rules and shared coefficients, is chosen by the networks that count as measured.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
from protocols import Forecast, baselines
from tables import make_run, measured_together, read

from mnet_cost.measure.calibrate import trials_of
from mnet_cost.measure.coefficient_solver import deviation
from mnet_cost.measure.fitting import choose_trial, measured_times
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import kernels_of
from mnet_cost.measure.settings import own_setting, settings_to_try

UNKNOWN_FILES = (
    "paddle_lite.csv", "paddleclas.csv", "tengine.csv", "bolt.csv", "mnn.csv", "tnn.csv",
    "mlperf_inference.csv", "shufflenet_v2_paper.csv",
)  # fmt: skip
"""Tables with runtimes that have no shared coefficients of their own."""

DRAWS = 2
LEAST = 5
"""Networks of a table; of fewer, four measured ones leave none."""


def few_networks(rows: Sequence[Measurement], count: int | None) -> Iterator[Forecast]:
    """Each family from `count` networks of other families, drawn at random; None for all."""
    first = rows[0]
    own = own_setting(first.runtime, None, None, first.precision)
    threads = first.threads or 4
    measured = measured_times(tuple(rows), kernels_of(rows, own.rules), None, "")
    trials = trials_of(measured, settings_to_try(own), 1, threads)
    run = make_run(rows, own.rules, 1)
    families = np.array(run.families)
    draw = random.Random(1)
    for _ in range(1 if count is None else DRAWS):
        for family in sorted(set(run.families)):
            out = families == family
            others = [int(i) for i in np.flatnonzero(~out)]
            if not others:
                continue
            drawn = others if count is None else draw.sample(others, min(count, len(others)))
            seen = np.isin(np.arange(len(rows)), drawn)
            choice = choose_trial(trials, measured, seen)
            trial = trials[choice.place]
            estimates = trial.predicted(choice.solution, out)
            band = trial.shared.measured
            sigmas = band.width * deviation(
                trial.amounts[out], trial.coefficients, choice.solution, band.noise
            )
            held_out = run.only(int(i) for i in np.flatnonzero(out))
            simple = baselines(run.only(drawn), held_out)
            for i, row in enumerate(held_out.rows):
                yield Forecast(
                    row.device, row.run, row.model, row.family, row.latency_s,
                    float(estimates[i]), float(sigmas[i]),
                    *(float(times_s[i]) for times_s in simple),
                )  # fmt: skip


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
