"""`python benchmarks/accuracy differences`: how far apart runtimes, and versions of one, are.

Both are the spread by which a band is widened where an estimate is not of the runtime, or of the
version, that was measured: what four of five differences stay below, as a standard deviation.
Each core counts once for runtimes, each pair of versions once for versions. Not here: PyTorch
without compiling, which is no runtime for inference and takes three times as long as those.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from microcontrollers import microcontroller_runs
from tables import Run, make_run, measured_together, read

from mnet_cost.devices.coefficients import MICROCONTROLLERS, shared_coefficients
from mnet_cost.devices.latency_models import DEFAULT_SHARED
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.measure.coefficient_solver import solve
from mnet_cost.measure.measurements import Measurement

IN_BAND, SIGMAS = 0.8, 1.2816
"""The share of a normal distribution that is within so many standard deviations."""
FEWEST = 3
"""Networks of a run whose scale is compared."""

OF_RUNTIMES = (
    "ncnn_cpu.csv", "tflite_known_models.csv", "pixel_mobilenet_v3.csv", "xnnpack.csv", "mnn.csv",
    "bolt.csv", "tnn.csv", "tengine.csv", "paddle_lite.csv", "mlperf_inference.csv",
    "isp_timm.csv",
)  # fmt: skip
"""Tables of processors that several runtimes have in common."""
OF_VERSIONS = (
    "tflite_known_models.csv", "pixel_mobilenet_v3.csv", "xnnpack.csv", "bolt.csv",
    "paddle_lite.csv", "mlperf_inference.csv", "timm_i9.csv",
)  # fmt: skip
"""Tables of runtimes of which one device ran several versions."""

_CHIP = re.compile(
    r"Snapdragon [0-9]+|Kirin [0-9]+|RK[0-9]+|BCM[0-9]+|Raspberry Pi [34]|Core Ultra \w+ \w+|Core "
    r"i[0-9]-\w+|Loongson \w+|Xavier"
)
_SAME_CHIP = {"Raspberry Pi 4": "BCM2711", "Raspberry Pi 3": "BCM2837"}
_CORE = re.compile(r"Cortex-(A[0-9]+) ([0-9.]+) GHz|(Kryo|Carmel)[0-9 ]*? ([0-9.]+) GHz")
_KRYO = {"Snapdragon 835": "A73", "Snapdragon 845": "A75", "Snapdragon 855": "A76"}
"""The cores of Arm that Kryo of these chips are."""


class Difference(NamedTuple):
    """What two of one kind took on one machine, as a logarithm of a ratio."""

    where: str
    first: str
    other: str
    logarithm: float
    group: str
    """What counts once."""


def spread_of(differences: Sequence[Difference]) -> float:
    """The standard deviation that four of five differences speak for; each group counts once."""
    counts: dict[str, int] = defaultdict(int)
    for difference in differences:
        counts[difference.group] += 1
    sizes = np.array([abs(difference.logarithm) for difference in differences])
    weights = np.array([1 / counts[difference.group] for difference in differences])
    order = np.argsort(sizes)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(sizes[order][np.searchsorted(reached, IN_BAND)]) / SIGMAS


def between_runtimes() -> list[Difference]:
    """Differences of the scales of two runtimes on one core, per clock, at one precision and
    number of threads: fitted as those of a runtime that nobody knows."""
    scales: dict[tuple[str, str, int], dict[str, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for file in OF_RUNTIMES:
        for rows in measured_together(read(file)).values():
            first, machine = rows[0], _machine(rows[0])
            enough = len({row.model for row in rows}) >= FEWEST
            if machine is None or not enough or first.precision not in ("fp32", "fp16"):
                continue
            if first.runtime == "torch":
                continue
            run = make_run(rows, DEFAULT_KERNEL_RULES, 1)
            core, clock = machine
            place = (core, first.precision, first.threads or 0)
            scales[place][_family(first.runtime)].append(_log_scale(run) + np.log(clock))
    return [
        difference
        for (core, precision, threads), runtimes in scales.items()
        for difference in _of_scales(
            f"{core}, {precision}, {threads or 'all'} threads", core, runtimes
        )
    ]


def between_runtimes_of_microcontrollers() -> list[Difference]:
    """The same of chips of microcontrollers at int8. Not here: the reference kernels of TensorFlow
    Lite Micro, which are made to be read and take ten times as long."""
    scales: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for kind in (MICROCONTROLLERS, f"{MICROCONTROLLERS}_tflm"):
        for run in microcontroller_runs(kind):
            assert run.processor is not None
            chip = scales[run.group, run.processor.core]
            scale = _log_scale(run, MICROCONTROLLERS) + np.log(run.processor.clock_hz)
            chip[_family(run.runtime)].append(scale)
    return [
        difference
        for (chip, core), runtimes in scales.items()
        for difference in _of_scales(f"{chip} ({core})", core, runtimes)
    ]


def _of_scales(
    where: str, core: str, runtimes: Mapping[str, Sequence[float]]
) -> Iterator[Difference]:
    """Differences of each two runtimes of one place, from logarithms of their scales."""
    for first, other in combinations(sorted(runtimes), 2):
        apart = float(np.mean(runtimes[other]) - np.mean(runtimes[first]))
        yield Difference(where, first, other, apart, core)


def _log_scale(run: Run, file: str = DEFAULT_SHARED) -> float:
    shared = shared_coefficients(file, run.precision, run.threads or 4)
    fixed = np.full(len(TERM_NAMES), 1e-6)
    return float(
        solve(run.amounts, run.seconds, np.array(shared.coefficients), fixed).parameters[0]
    )


def _machine(row: Measurement) -> tuple[str, float] | None:
    """Chip and core, and the clock that the source states; None where they are not told."""
    chip = _CHIP.search(row.processor)
    if chip is None:
        return None
    name = _SAME_CHIP.get(chip[0], chip[0])
    core = _CORE.search(row.processor)
    if core is None:  # one machine, at whatever clock
        return f"{name} ({row.device})", 1.0
    kind = core[1] or _KRYO.get(name, core[3])
    if core[1] and row.device.endswith("_little"):
        *_, core = _CORE.finditer(row.processor)
        kind = core[1]
    return f"{name} {kind}", float(core[2] or core[4])


def _family(runtime: str) -> str:
    first = runtime.partition("-")[0]
    if first in ("tflite", "xnnpack"):
        return "tflite"  # which calls XNNPACK
    return runtime if first in ("torch", "paddle", "x") else first


def between_versions() -> list[Difference]:
    """Differences of times of one network on one device under two versions of a runtime."""
    tables: dict[tuple[str, ...], dict[str, dict[tuple[str, int], list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row in (row for file in OF_VERSIONS for row in read(file)):
        build = _BUILD.search(row.run)
        place = (
            row.device, _family(row.runtime), row.precision, str(row.threads),
            build[0] if build else "",
        )  # fmt: skip
        times = tables[place][row.version or _BUILD.sub("", row.run).rstrip("-")]
        times[row.model, row.batch].append(np.log(row.latency_s))
    return list(_differences(tables))


_BUILD = re.compile("armv[78]|neon|opencl|gcc|llvm")
"""What a version was built for, which is no version."""


def _differences(
    tables: Mapping[tuple[str, ...], Mapping[str, Mapping[tuple[str, int], list[float]]]],
) -> Iterator[Difference]:
    for (device, runtime, precision, threads, build), versions in tables.items():
        where = f"{device}, {runtime} {build}, {precision}, {threads} threads"
        for first, other in combinations(sorted(versions), 2):
            for network in versions[first].keys() & versions[other].keys():
                times = [np.median(versions[version][network]) for version in (first, other)]
                yield Difference(
                    where, first, other, float(times[1] - times[0]),
                    f"{runtime}: {first} to {other}",
                )  # fmt: skip


def spreads(name: str = DEFAULT_SHARED) -> dict[str, float]:
    """The spreads that a file of shared coefficients has, by their keys."""
    if name == MICROCONTROLLERS:
        return {"other_runtimes": spread_of(between_runtimes_of_microcontrollers())}
    if name != DEFAULT_SHARED:
        return {}
    return {
        "other_runtimes": spread_of(between_runtimes()),
        "other_versions": spread_of(between_versions()),
    }


def show() -> None:
    """Print all spreads, and the largest differences of each kind."""
    for title, differences in (
        ("runtimes", between_runtimes()),
        ("runtimes of microcontrollers", between_runtimes_of_microcontrollers()),
        ("versions", between_versions()),
    ):
        groups = {difference.group for difference in differences}
        sizes = np.abs([difference.logarithm for difference in differences])
        print(
            f"{title}: {len(differences)} differences of {len(groups)} groups, spread "
            f"{spread_of(differences):.3f}, median {np.median(sizes):.3f}"
        )
        for line in _by_pair(differences):
            print(f"  {line}")


def _by_pair(differences: Iterable[Difference]) -> Iterator[str]:
    pairs: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for difference in differences:
        place = (difference.where, difference.first, difference.other)
        pairs[place].append(difference.logarithm)
    for (where, first, other), logarithms in sorted(pairs.items()):
        yield f"{where}: {first} to {other}: {np.median(logarithms):+.3f} of {len(logarithms)}"
