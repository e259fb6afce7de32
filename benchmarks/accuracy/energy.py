"""`python benchmarks/accuracy energy`: how far energies of MLPerf Tiny are off when predicted.

Two ways to go from one network to another on a board, each network from each other one of the same
run: watts times the measured time, and joules per mult-add. And the shipped profiles of such
boards: their watts times their own time, without the runs that watts or times were taken from. Not
here: energy of anything but microcontrollers and their accelerators, of which no table was found.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from protocols import Forecast, datasheet_board
from rich.console import Console
from rich.table import Table
from tables import MCU, microcontroller_runs, read

from mnet_cost.analysis import analyze
from mnet_cost.devices import load_device
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import Networks
from mnet_cost.models.library import load_model

ALL = "all boards"
WATTS = "watts of one network x measured time"
MULT_ADDS = "joules per mult-add of one network"
AS_SHIPPED = "profile"
BOARD_OUT = "profile, board left out of the shared cost coefficients"


class Shipped(NamedTuple):
    """A profile of a board that was measured, and what it was made of."""

    profile: str
    device: str
    processor: str
    runtime: str | None
    """None: estimates are the same for all."""
    seen: tuple[str, ...]
    """Runs, or versions of the results, that its watts or times come from."""


SHIPPED = (
    Shipped(
        "stm32l4r5", "nucleo_l4r5zi", "Cortex-M4 120 MHz", None, ("mlcommons/tiny_results_v1.2",)
    ),
    Shipped(
        "stm32l4r5_tflm", "nucleo_l4r5zi", "Cortex-M4 120 MHz", "tflm",
        ("mlcommons/tiny_results_v1.2",),
    ),
    Shipped(
        "stm32l4r5_cube_ai", "nucleo_l4r5zi", "Cortex-M4 120 MHz", "x-cube-ai",
        ("mlcommons/tiny_results_v1.2", "Krai/NUCLEO-L4R5ZI_X-CUBE-AI-8.0"),
    ),
    Shipped(
        "stm32h7a3", "nucleo_h7a3zi_q", "Cortex-M7 280 MHz", None, ("mlcommons/tiny_results_v1.2",)
    ),
    Shipped(
        "stm32h7a3_cube_ai", "nucleo_h7a3zi_q", "Cortex-M7 280 MHz", "x-cube-ai",
        ("mlcommons/tiny_results_v1.2", "Krai/NUCLEO-H7A3ZI-Q_X-CUBE-AI-8.0"),
    ),
)  # fmt: skip
"""`stm32l4r5_tflm` was fitted to times of the only run of that runtime: its energies are new, its
times are not. The STM32U575 has no energies among the measurements."""


class Figures(NamedTuple):
    """One row of the results. Errors in percent of the measured energy."""

    board: str
    processor: str
    how: str
    runs: int
    forecasts: int
    median: float
    mean: float
    bias: float
    """Median of the errors with their sign."""
    in_range: float | None = None
    """Share of the measured energies in the range of the estimate, where it has two ends."""


_NETWORKS = Networks()


def figures() -> list[Figures]:
    """All rows: boards in the order of the file, all of them together, profiles."""
    runs = measured_runs()
    boards: dict[tuple[str, str], list[list[Measurement]]] = defaultdict(list)
    for run in runs:
        if len({one.model for one in run}) > 1:
            boards[run[0].device, run[0].processor].append(run)
    rows = []
    together: dict[str, list[float]] = {WATTS: [], MULT_ADDS: []}
    for (device, processor), some in boards.items():
        for how, found in _from_one_another(some).items():
            together[how] += found
            rows.append(_figures(device, processor, how, len(some), found))
    used = sum(len(some) for some in boards.values())
    rows += [_figures(ALL, "", how, used, found) for how, found in together.items()]
    forecasts = list(datasheet_board(microcontroller_runs()))
    for one in SHIPPED:
        rows += _of_profile(one, runs, forecasts)
    return rows


def measured_runs() -> list[list[Measurement]]:
    """Rows with energy by what was measured together; a result sent in again stands here once."""
    found: dict[tuple[str, ...], list[Measurement]] = defaultdict(list)
    seen = set()
    for row in read("mlperf_tiny.csv"):
        result = (row.device, row.processor, row.model, row.latency_s, row.energy_j)
        if row.energy_j is not None and result not in seen:
            seen.add(result)
            found[row.device, row.processor, row.runtime, row.run, row.source].append(row)
    return list(found.values())


def _from_one_another(runs: Sequence[Sequence[Measurement]]) -> dict[str, list[float]]:
    errors: dict[str, list[float]] = {WATTS: [], MULT_ADDS: []}
    for run in runs:
        for known, new in permutations(run, 2):
            if known.model != new.model:
                a, b = _joules(known), _joules(new)
                errors[WATTS].append(a / known.latency_s * new.latency_s / b - 1)
                errors[MULT_ADDS].append(a / _mult_adds(known) * _mult_adds(new) / b - 1)
    return errors


def _of_profile(
    one: Shipped, runs: Sequence[Sequence[Measurement]], forecasts: Sequence[Forecast]
) -> Iterator[Figures]:
    device = load_device(one.profile)
    new = [
        run
        for run in runs
        if (run[0].device, run[0].processor) == (one.device, one.processor)
        and one.runtime in (None, run[0].runtime)
        and not any(word in (run[0].run, run[0].source.split("@")[0]) for word in one.seen)
    ]
    rows = [row for run in new for row in run]
    if not rows:
        return
    shipped, inside = [], []
    for row in rows:
        (estimate,) = analyze(
            load_model(row.model), devices=[device], precision=row.precision
        ).devices
        energy = estimate.energy
        assert energy is not None
        how = energy.how
        shipped.append(energy.energy_j / _joules(row) - 1)
        if energy.high_j is not None:
            inside.append(energy.low_j <= _joules(row) <= energy.high_j)
    found = _figures(one.profile, one.processor, f"{AS_SHIPPED}, {how}", len(new), shipped)
    yield found._replace(in_range=100 * sum(inside) / len(inside) if inside else None)
    if device.latency or device.power_w is None:
        return
    estimates = {(it.device, it.run, it.model, it.measured_s): it.estimate_s for it in forecasts}
    known = [row for row in rows if (row.device, row.run, row.model, row.latency_s) in estimates]
    if known:
        watts = device.power_w.value
        left_out = [
            watts * estimates[row.device, row.run, row.model, row.latency_s] / _joules(row) - 1
            for row in known
        ]
        count = len({(row.run, row.source) for row in known})
        yield _figures(one.profile, one.processor, BOARD_OUT, count, left_out)


def _figures(board: str, processor: str, how: str, runs: int, errors: Sequence[float]) -> Figures:
    shares = 100 * np.array(errors)
    sizes = np.abs(shares)
    return Figures(
        board, processor, how, runs, len(errors),
        float(np.median(sizes)), float(np.mean(sizes)), float(np.median(shares)),
    )  # fmt: skip


def _joules(row: Measurement) -> float:
    assert row.energy_j is not None
    return row.energy_j


def _mult_adds(row: Measurement) -> int:
    return sum(kernel.mult_adds for kernel in _NETWORKS.kernels(row, MCU))


def show(folder: Path | None) -> None:
    """Print all rows, and write them to `folder` as CSV if there is one."""
    rows = figures()
    table = Table(box=None, header_style="bold")
    for name in Figures._fields:
        words = name in ("board", "processor", "how")
        table.add_column(name, justify="left" if words else "right")
    for row in rows:
        table.add_row(
            *row[:3], str(row.runs), str(row.forecasts),
            f"{row.median:.1f}", f"{row.mean:.1f}", f"{row.bias:+.1f}",
            "-" if row.in_range is None else f"{row.in_range:.0f}",
        )  # fmt: skip
    console = Console(width=190)
    console.print(table)
    console.print(
        "median, mean: absolute error in % of the measured energy; bias: median error; "
        "in_range: % of measured energies in the range of the estimate"
    )
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "energy.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(Figures._fields)
            for row in rows:
                writer.writerow([f"{one:.4g}" if isinstance(one, float) else one for one in row])
