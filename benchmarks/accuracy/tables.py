"""Published measurements as runs: networks that a device ran with one runtime, setting and date."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.terms import network_amounts
from mnet_cost.devices.coefficients import Caches
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.measure.arrays import Array
from mnet_cost.measure.measurements import Measurement, read_measurements
from mnet_cost.measure.networks import Networks
from mnet_cost.measure.rooflines import RIDGES

HERE = Path(__file__).resolve().parent

NCNN, TFLITE, MCU, QNN = (runtime_rules(name) for name in ("ncnn", "tflite", "tflm", "qnn"))


class Processor(NamedTuple):
    """A row of processors.csv. None: unknown."""

    soc_group: str
    core: str
    clock_hz: float
    fp32_macs_per_cycle: float | None
    fp16_macs_per_cycle: float | None
    out_of_order: bool | None
    pack: int
    int8_macs_per_cycle: float | None = None

    def peak_macs_per_s(self, precision: str) -> float | None:
        """Peak mult-adds per second of one core."""
        macs = {
            "fp32": self.fp32_macs_per_cycle,
            "fp16": self.fp16_macs_per_cycle,
            "int8": self.int8_macs_per_cycle,
        }[precision]
        return None if macs is None else macs * self.clock_hz


class Run(NamedTuple):
    """Networks that were measured together, and the work that they need."""

    device: str
    runtime: str
    precision: str
    threads: int | None
    name: str
    rows: tuple[Measurement, ...]
    amounts: Array
    """[networks, terms]: the amount of work of each cost term."""
    seconds: Array
    """[networks]: measured times."""
    families: tuple[str, ...]
    mult_adds: Array
    roofline_work: Array
    """[networks, ridges]: sum over kernels of max(mult-adds, ridge * bytes)."""
    processor: Processor | None = None

    def only(self, indices: Iterable[int]) -> Run:
        """The same run with the networks of these indices."""
        chosen = list(indices)
        return self._replace(
            rows=tuple(self.rows[i] for i in chosen),
            amounts=self.amounts[chosen],
            seconds=self.seconds[chosen],
            families=tuple(self.families[i] for i in chosen),
            mult_adds=self.mult_adds[chosen],
            roofline_work=self.roofline_work[chosen],
        )

    @property
    def group(self) -> str:
        """The chip, where it is known: runs of devices with one chip have one group."""
        return self.processor.soc_group if self.processor else self.device


def processors() -> dict[str, Processor]:
    """The processor of each device."""
    with (HERE / "processors.csv").open(newline="", encoding="utf-8") as file:
        return {
            row["device"]: Processor(
                row["soc_group"],
                row["core"],
                float(row["clock_ghz"]) * 1e9,
                float(row["fp32_macs_per_cycle"]) if row["fp32_macs_per_cycle"] else None,
                float(row["fp16_macs_per_cycle"]) if row["fp16_macs_per_cycle"] else None,
                {"true": True, "false": False}.get(row["out_of_order"]),
                int(row["pack"] or 1),
            )
            for row in csv.DictReader(file)
        }


_NETWORKS = Networks()


def make_run(
    rows: Sequence[Measurement],
    rules: frozenset[str],
    tile: int,
    processor: Processor | None = None,
    caches: Caches | None = None,
) -> Run:
    """A run of rows that were measured together."""
    kernels = [_NETWORKS.kernels(row, rules) for row in rows]  # of each network
    first = rows[0]
    return Run(
        first.device, first.runtime, first.precision, first.threads, first.run, tuple(rows),
        np.array(
            [np.sum(network_amounts(network, rules, tile, caches), axis=0) for network in kernels]
        ),
        np.array([row.latency_s for row in rows]),
        tuple(row.family for row in rows),
        np.array([float(sum(kernel.mult_adds for kernel in network)) for network in kernels]),
        np.array([_roofline_work(network) for network in kernels]),
        processor,
    )  # fmt: skip


def _roofline_work(kernels: Sequence[Kernel]) -> Array:
    mult_adds = np.array([float(kernel.mult_adds) for kernel in kernels])
    moved = np.array([float(kernel.traffic_bytes) for kernel in kernels])
    work: Array = np.maximum(mult_adds, RIDGES[:, None] * moved).sum(1)
    return work


def read(name: str) -> tuple[Measurement, ...]:
    """The rows of a file in `measurements/`."""
    return read_measurements(HERE / "measurements" / name)


def measured_together(rows: Iterable[Measurement]) -> dict[tuple[object, ...], list[Measurement]]:
    """Rows that were measured together, by device, runtime, precision, threads and run."""
    runs: dict[tuple[object, ...], list[Measurement]] = defaultdict(list)
    for row in rows:
        runs[row.device, row.runtime, row.precision, row.threads, row.run].append(row)
    return runs


def ncnn_runs(
    threads: int = 1, precisions: Sequence[str] = ("fp32", "fp16"), least: int = 8
) -> list[Run]:
    """Runs of ncnn with `threads` threads and at least `least` networks."""
    known = processors()
    runs = []
    rows = [
        row for row in read("ncnn_cpu.csv")
        if row.threads == threads and row.precision in precisions
    ]  # fmt: skip
    for key, run_rows in measured_together(rows).items():
        if len(run_rows) < least:
            continue
        processor = known[str(key[0])]
        tile = processor.pack * (2 if run_rows[0].precision == "fp16" else 1)
        runs.append(make_run(run_rows, NCNN, tile, processor))
    return runs


def runs_of(
    files: Sequence[str],
    precision: str,
    runtimes: Sequence[str],
    threads: int | None,
    tile: int,
    least: int = 4,
) -> list[Run]:
    """Runs of runtimes whose names begin so, of at least `least` networks of two families."""
    runs = []
    for file in files:
        for rows in measured_together(read(file)).values():
            first = rows[0]
            named = any(first.runtime in (name, f"{name}-xnnpack") for name in runtimes)
            several = len(rows) >= least and len({row.family for row in rows}) > 1
            if named and several and (first.precision, first.threads) == (precision, threads):
                runs.append(make_run(rows, runtime_rules(first.runtime), tile))
    return runs


def npu_runs(precision: str) -> list[Run]:
    """Runs of NPUs of Snapdragon boards, with each of three runtimes that call one compiler."""
    rows = [
        row for row in read("snapdragon_npu.csv")
        if row.precision == precision and "qnn" in row.runtime.split("-")
    ]  # fmt: skip
    return [make_run(run_rows, QNN, 1) for run_rows in measured_together(rows).values()]
