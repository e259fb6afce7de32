"""How well `calibrate --runtime` predicts networks: replayed from recorded times.

The rows of `accuracy/measurements/onnxruntime_*.csv` (47 networks and 87 small graphs on one core
with AVX-512) go through the plan of the command: it chooses the graphs, whose times are those of
the file, and what it has measured is fitted. All other networks are predicted. No machine has to be
quiet.

The shared coefficients of ONNX Runtime were fitted to these same rows, on this same core, so they
know more than those of a user's machine do. Beside them stand those of ncnn, which never saw it.

    python benchmarks/machine_profile.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnet_cost.devices import load_device
from mnet_cost.devices.coefficients import SharedCoefficients, shared_coefficients
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.measure.arrays import Array
from mnet_cost.measure.coefficient_solver import deviation
from mnet_cost.measure.fit_rows import measured_times
from mnet_cost.measure.fitting import BESIDE_SMALL_GRAPHS
from mnet_cost.measure.measurements import Measurement, read_measurements
from mnet_cost.measure.mult_adds_alone import left_out_by_mult_adds
from mnet_cost.measure.networks import Networks, kernels_of
from mnet_cost.measure.runs.machine_plan import WHOLE_NETWORKS, MachinePlan
from mnet_cost.measure.runs.small_graphs import candidates
from mnet_cost.measure.settings import Setting
from mnet_cost.measure.trials import Trial, trial_of

FOLDER = Path(__file__).resolve().parent / "accuracy" / "measurements"
RUNTIME, DEVICE, TILE = "onnxruntime", "avx512_server_core", 16
CACHE_BYTES = 32 * 2**20
MORE_AT_ONCE = 5
NUMBERS_OF_NETWORKS = (0, 1, 4, 6)


class Errors(NamedTuple):
    """Of networks that were not measured."""

    networks: int
    median: float
    mean: float
    within_10: float
    within_20: float
    spearman: float
    in_band: float
    mult_adds: float
    """Mean of the same by mult-adds alone, at the rate of the networks that were measured."""
    of_new_families: float
    """Mean of those whose family was not measured."""


def recorded() -> tuple[list[Measurement], dict[str, Measurement]]:
    """The networks, and the small graphs by their reference."""
    networks = read_measurements(FOLDER / "onnxruntime_avx512_core.csv")
    graphs = read_measurements(FOLDER / "onnxruntime_small_graphs.csv")
    return list(networks), {row.model: row for row in graphs}


def replay(shared: SharedCoefficients, setting: Setting, measured: int) -> tuple[int, Errors]:
    """How many graphs the plan measures, and the errors, with so many networks measured.

    The graphs are chosen as they are on a machine with time enough: the first ones, then by fits.
    """
    networks, graphs = recorded()
    plan = MachinePlan(setting, shared, TILE, CACHE_BYTES, Networks())
    whole = [next(row for row in networks if row.model == name) for name in WHOLE_NETWORKS]
    unknown = {candidate.reference for candidate in candidates()} - graphs.keys()
    rows = [graphs[name] for name in plan.first(unknown)] + whole[:measured]
    while more := plan.more(rows, MORE_AT_ONCE, unknown):
        rows += [graphs[name] for name in more]
    others = [row for row in networks if row not in rows]
    return sum(row.is_small_graph for row in rows), errors_of(rows, others, shared, setting)


def errors_of(
    rows: Sequence[Measurement],
    others: Sequence[Measurement],
    shared: SharedCoefficients,
    setting: Setting,
) -> Errors:
    """Errors of `others`, predicted by a fit to `rows`."""
    trial, seconds = _trial([*rows, *others], shared, setting)
    seen = np.arange(len(seconds)) < len(rows)
    out = np.logical_not(seen)
    solution = trial.solved(seconds, seen)
    ratios = trial.predicted(solution, out) / seconds[out]
    band = BESIDE_SMALL_GRAPHS if any(row.is_small_graph for row in rows) else shared.measured
    sigmas = deviation(trial.amounts[out], trial.coefficients, solution, band.noise)
    off = np.abs(ratios - 1)
    known = {row.family for row in rows}
    new = np.array([row.family not in known for row in others])
    return Errors(
        len(others),
        float(np.median(off)),
        float(off.mean()),
        float((off <= 0.1).mean()),
        float((off <= 0.2).mean()),
        spearman(ratios * seconds[out], seconds[out]),
        float((np.abs(np.log(ratios)) <= band.width * sigmas).mean()),
        _by_mult_adds(rows, others, setting),
        float(off[new].mean()),
    )


def _trial(
    rows: Sequence[Measurement], shared: SharedCoefficients, setting: Setting
) -> tuple[Trial, Array]:
    kernels = kernels_of(rows, setting.rules)
    measured = measured_times(tuple(rows), kernels, load_device(DEVICE), "")
    return trial_of(measured, setting, TILE, shared), measured.seconds


def _by_mult_adds(
    rows: Sequence[Measurement], others: Sequence[Measurement], setting: Setting
) -> float:
    every = [*rows, *others]
    kernels = kernels_of(every, setting.rules)
    mult_adds = np.array([float(sum(kernel.mult_adds for kernel in own)) for own in kernels])
    seconds = np.array([row.latency_s for row in every])
    groups = ["measured"] * len(rows) + ["other"] * len(others)
    small = np.array([row.is_small_graph for row in every])
    predicted = left_out_by_mult_adds(mult_adds, seconds, groups, small)[len(rows) :]
    return float(np.abs(predicted / seconds[len(rows) :] - 1).mean())


def spearman(first: Array, second: Array) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def priors() -> dict[str, tuple[SharedCoefficients, Setting]]:
    """What is taken of the machine before it is measured."""
    own, other = shared_coefficients("onnxruntime"), shared_coefficients("ncnn")
    rules = runtime_rules(RUNTIME)
    return {
        "ONNX Runtime's (they know these rows)": (own, Setting(RUNTIME, rules, "onnxruntime")),
        "ncnn's (they do not)": (
            replace(other, caches=own.caches), Setting(RUNTIME, rules, "ncnn"),
        ),
    }  # fmt: skip


def show(label: str, errors: Errors) -> None:
    print(
        f"{label:28} {errors.networks:8} {100 * errors.median:7.1f} {100 * errors.mean:6.1f} "
        f"{100 * errors.within_10:7.0f} {100 * errors.within_20:7.0f} {errors.spearman:8.4f} "
        f"{100 * errors.in_band:6.0f} {100 * errors.of_new_families:11.1f} "
        f"{100 * errors.mult_adds:9.1f}"
    )


def main() -> None:
    for name, (shared, setting) in priors().items():
        print(f"\nshared coefficients: {name}")
        print(
            f"{'measured':28} {'networks':>8} {'median':>7} {'mean':>6} {'in 10 %':>7} "
            f"{'in 20 %':>7} {'Spearman':>8} {'band':>6} {'new family':>11} {'mult-adds':>9}"
        )
        networks, _ = recorded()
        first = next(row for row in networks if row.model == WHOLE_NETWORKS[0])
        quick = errors_of([first], [row for row in networks if row != first], shared, setting)
        show("1 network (--quick)", quick)
        for measured in NUMBERS_OF_NETWORKS:
            graphs, errors = replay(shared, setting, measured)
            show(f"{graphs} graphs, {measured} networks", errors)


if __name__ == "__main__":
    main()
