"""`python benchmarks/accuracy energy`: errors of predicted energies, on MLPerf Tiny.

Two methods predict each network of a run from each other network of the same run: watts times the
measured time, and joules per mult-add. Shipped profiles of the boards predict by their own watts
and times, on runs that neither was taken from. There are only microcontrollers and their
accelerators: no published table of energies of other devices is known to us.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from microcontrollers import microcontroller_runs
from protocols import Forecast, datasheet_board
from rich.console import Console
from rich.table import Table
from summary import four_digits
from tables import MCU, read

from mnet_cost.analysis import analyze
from mnet_cost.devices import load_device
from mnet_cost.devices.coefficients import MICROCONTROLLERS
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import Networks
from mnet_cost.models.library import load_model

ALL = "all boards"
WATTS = "watts of one network x measured time"
MULT_ADDS = "joules per mult-add of one network"
AS_SHIPPED = "profile"
BOARD_OUT = "profile, board held out of the shared cost coefficients"


class ShippedProfile(NamedTuple):
    """A shipped profile of a measured board, and the measurements that it was made from."""

    profile: str
    device: str
    processor: str
    runtime: str | None
    """None: the profile does not depend on the runtime."""
    made_from: tuple[str, ...]
    """Runs, or versions of the results, that its watts or times come from."""


SHIPPED = (
    ShippedProfile(
        "stm32l4r5", "nucleo_l4r5zi", "Cortex-M4 120 MHz", None, ("mlcommons/tiny_results_v1.2",)
    ),
    ShippedProfile(
        "stm32l4r5_tflm", "nucleo_l4r5zi", "Cortex-M4 120 MHz", "tflm",
        ("mlcommons/tiny_results_v1.2",),
    ),
    ShippedProfile(
        "stm32l4r5_cube_ai", "nucleo_l4r5zi", "Cortex-M4 120 MHz", "x-cube-ai",
        ("mlcommons/tiny_results_v1.2", "Krai/NUCLEO-L4R5ZI_X-CUBE-AI-8.0"),
    ),
    ShippedProfile(
        "stm32h7a3", "nucleo_h7a3zi_q", "Cortex-M7 280 MHz", None, ("mlcommons/tiny_results_v1.2",)
    ),
    ShippedProfile(
        "stm32h7a3_cube_ai", "nucleo_h7a3zi_q", "Cortex-M7 280 MHz", "x-cube-ai",
        ("mlcommons/tiny_results_v1.2", "Krai/NUCLEO-H7A3ZI-Q_X-CUBE-AI-8.0"),
    ),
)  # fmt: skip
"""`stm32l4r5_tflm` was fitted to the times of the only run of its runtime, so that only energies
are held out there. The measurements have no energies of the STM32U575."""


class EnergyRow(NamedTuple):
    """One row of the results. Errors in percent of the measured energy."""

    board: str
    processor: str
    method: str
    runs: int
    forecasts: int
    median: float
    mean: float
    bias: float
    """Median of the errors with their sign."""
    in_range: float | None = None
    """Percentage of the measured energies inside the estimate's range, where it has two ends."""


_NETWORKS = Networks()


def energy_rows() -> list[EnergyRow]:
    """Rows of the boards in the order of the file, of all boards together, and of profiles."""
    runs = measured_runs()
    boards: dict[tuple[str, str], list[list[Measurement]]] = defaultdict(list)
    for run in runs:
        if len({row.model for row in run}) > 1:
            boards[run[0].device, run[0].processor].append(run)
    rows = []
    all_errors: dict[str, list[float]] = {WATTS: [], MULT_ADDS: []}
    for (device, processor), board_runs in boards.items():
        for method, errors in _errors_within(board_runs).items():
            all_errors[method] += errors
            rows.append(_row(device, processor, method, len(board_runs), errors))
    used = sum(len(board_runs) for board_runs in boards.values())
    rows += [_row(ALL, "", method, used, errors) for method, errors in all_errors.items()]
    forecasts = list(datasheet_board(microcontroller_runs(MICROCONTROLLERS)))
    for shipped in SHIPPED:
        rows += _profile_rows(shipped, runs, forecasts)
    return rows


def measured_runs() -> list[list[Measurement]]:
    """Rows with energy, by run. A result that was submitted again is in the first run only."""
    runs: dict[tuple[str, ...], list[Measurement]] = defaultdict(list)
    results = set()
    for row in read("mlperf_tiny.csv"):
        result = (row.device, row.processor, row.model, row.latency_s, row.energy_j)
        if row.energy_j is not None and result not in results:
            results.add(result)
            runs[row.device, row.processor, row.runtime, row.run, row.source].append(row)
    return list(runs.values())


def _errors_within(runs: Sequence[Sequence[Measurement]]) -> dict[str, list[float]]:
    """Relative errors of each network from each other network of its run, by method."""
    errors: dict[str, list[float]] = {WATTS: [], MULT_ADDS: []}
    for run in runs:
        for known, new in permutations(run, 2):
            if known.model != new.model:
                watts = _joules(known) / known.latency_s
                per_mult_add = _joules(known) / _mult_adds(known)
                errors[WATTS].append(watts * new.latency_s / _joules(new) - 1)
                errors[MULT_ADDS].append(per_mult_add * _mult_adds(new) / _joules(new) - 1)
    return errors


def _profile_rows(
    shipped: ShippedProfile, runs: Sequence[Sequence[Measurement]], forecasts: Sequence[Forecast]
) -> Iterator[EnergyRow]:
    device = load_device(shipped.profile)
    held_out = [
        run
        for run in runs
        if (run[0].device, run[0].processor) == (shipped.device, shipped.processor)
        and shipped.runtime in (None, run[0].runtime)
        and not any(word in (run[0].run, run[0].source.split("@")[0]) for word in shipped.made_from)
    ]
    rows = [row for run in held_out for row in run]
    if not rows:
        return
    errors, inside = [], []
    for row in rows:
        (estimate,) = analyze(
            load_model(row.model), devices=[device], precision=row.precision
        ).devices
        energy = estimate.energy
        assert energy is not None
        how = energy.how
        errors.append(energy.energy_j / _joules(row) - 1)
        if energy.high_j is not None:
            inside.append(energy.low_j <= _joules(row) <= energy.high_j)
    method = f"{AS_SHIPPED}, {how}"
    profile_row = _row(shipped.profile, shipped.processor, method, len(held_out), errors)
    yield profile_row._replace(in_range=100 * sum(inside) / len(inside) if inside else None)
    if device.latency or device.power_w is None:
        return
    estimates = {
        (forecast.device, forecast.run, forecast.model, forecast.measured_s): forecast.estimate_s
        for forecast in forecasts
    }
    predicted = [
        row for row in rows if (row.device, row.run, row.model, row.latency_s) in estimates
    ]
    if predicted:
        watts = device.power_w.value
        errors = [
            watts * estimates[row.device, row.run, row.model, row.latency_s] / _joules(row) - 1
            for row in predicted
        ]
        count = len({(row.run, row.source) for row in predicted})
        yield _row(shipped.profile, shipped.processor, BOARD_OUT, count, errors)


def _row(board: str, processor: str, method: str, runs: int, errors: Sequence[float]) -> EnergyRow:
    percentages = 100 * np.array(errors)
    absolute = np.abs(percentages)
    return EnergyRow(
        board, processor, method, runs, len(errors),
        float(np.median(absolute)), float(np.mean(absolute)), float(np.median(percentages)),
    )  # fmt: skip


def _joules(row: Measurement) -> float:
    assert row.energy_j is not None
    return row.energy_j


def _mult_adds(row: Measurement) -> int:
    return sum(kernel.mult_adds for kernel in _NETWORKS.kernels(row, MCU))


def show(folder: Path | None) -> None:
    """Print all rows, and write them to `folder` as CSV if there is one."""
    rows = energy_rows()
    table = Table(box=None, header_style="bold")
    for name in EnergyRow._fields:
        is_text = name in ("board", "processor", "method")
        table.add_column(name, justify="left" if is_text else "right")
    for row in rows:
        table.add_row(
            *row[:3], str(row.runs), str(row.forecasts),
            f"{row.median:.1f}", f"{row.mean:.1f}", f"{row.bias:+.1f}",
            "-" if row.in_range is None else f"{row.in_range:.0f}",
        )  # fmt: skip
    console = Console(width=190)
    console.print(table)
    console.print(
        "median, mean: absolute error in % of the measured energy; bias: median error with its "
        "sign; in_range: % of measured energies inside the range of the estimate"
    )
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "energy.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(EnergyRow._fields)
            for row in rows:
                writer.writerow(four_digits(row))
