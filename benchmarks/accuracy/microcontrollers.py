"""Published measurements of microcontrollers as runs, and what share of a peak cores reach.

Runtimes are of three kinds, by which coefficients are shared (`mnet_cost.devices.coefficients`):
compilers, as those of vendors; interpreters that call optimized kernels; and the reference kernels
of TensorFlow Lite Micro.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from shared import log_peak_share
from tables import MCU, Processor, Run, make_run, read

from mnet_cost.devices.coefficients import shared_name
from mnet_cost.measure.arrays import Array
from mnet_cost.measure.measurements import Measurement

FILES = ("mlperf_tiny.csv", "microcontrollers.csv")

LEAST = 3
"""Networks of a run that says something of relative costs."""

_CORES = {
    "Cortex-M4": ("cortex_m4", 2.0), "Cortex-M7": ("cortex_m7", 2.0),
    "Cortex-M33": ("cortex_m33", 2.0),
    "Xtensa LX7": ("xtensa_lx7", 16.0),
}  # fmt: skip
"""By the name in `processor`: the word of profiles, and int8 multiply-adds per cycle. SMLAD takes
two 16-bit products, to which int8 is widened (Arm, DSP capabilities of Cortex-M4 and Cortex-M7; the
M33 has the same instruction); EE.VMULAS.S8.ACCX of the ESP32-S3 takes 16 (espressif/esp-nn).
Not here: cores of which nobody states what they take at most, RISC-V among them."""

_VECTORS = ("xtensa_lx7",)

_SAME_CHIP = {"nucleo_l4r5zi_p": "nucleo_l4r5zi"}
"""Boards with the chip of another one: held out with it."""


def is_another_network(row: Measurement) -> bool:
    """Whether a time is of less than the network that its row names.

    From v1.1 of MLPerf Tiny on, two submitters run its MobileNet in half the time that they and
    others took before, and their other networks do not gain. X-CUBE-AI 9 takes 0.89 cycles for a
    mult-add there, and 1.60 for one of the same layers with other weights on the same core
    (STM32 model zoo). So the compilers seem to leave out channels that are always zero in the
    weights of the benchmark, which no structure tells.
    """
    return (
        row.model == "mlperf_tiny_mobilenet_v1"
        and row.run.startswith(("STMicroelectronics/", "plumerai/"))
        and re.search(r"tiny_results_v1\.[1-3]", row.source) is not None
    )


def microcontroller_runs(
    kind: str | None = None, precision: str = "int8", *, least: int = LEAST
) -> list[Run]:
    """Runs of at least `least` networks on cores whose peak is known, the best time of each.

    `kind` is a file of shared coefficients; None for the runs of all.
    """
    together: dict[tuple[object, ...], list[Measurement]] = defaultdict(list)
    for file in FILES:
        for row in read(file):
            if row.precision == precision and not is_another_network(row):
                version = row.source if "tiny_results" in row.source else ""
                together[row.device, row.runtime, row.run, version].append(row)
    runs = []
    for rows in together.values():
        core = re.fullmatch(r"(.+) ([\d.]+) MHz", rows[0].processor)
        fastest: dict[str, Measurement] = {}
        for row in sorted(rows, key=lambda row: row.latency_s):
            fastest.setdefault(row.model, row)
        name = shared_name(rows[0].runtime, "microcontroller", "in_order")
        if (
            core is None
            or core[1] not in _CORES
            or len(fastest) < least
            or kind not in (None, name)
        ):
            continue
        word, macs = _CORES[core[1]]
        chip = _SAME_CHIP.get(rows[0].device, rows[0].device)
        processor = Processor(chip, word, float(core[2]) * 1e6, None, None, False, 1, macs)
        runs.append(make_run(tuple(fastest.values()), MCU, 1, processor))
    return runs


def core_shares(runs: Iterable[Run], coefficients: Array) -> dict[str, tuple[float, float]]:
    """(median, standard deviation) of `log_peak_share` by core; of other cores as `in_order`.

    Each runtime on a chip counts once. A core that few of them ran on has the spread of all cores.
    Cores with vectors, whose peak is far from what others reach, say nothing of other cores.
    """
    shares: dict[str, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        share = log_peak_share(run, coefficients)
        if share is not None and run.processor:
            shares[run.processor.core][run.group, run.runtime].append(share)
    by_core = {
        core: [float(np.mean(values)) for values in found.values()]
        for core, found in sorted(shares.items())
    }
    plain = [values for core, values in by_core.items() if core not in _VECTORS]
    everything = [value for values in plain for value in values]
    medians = [float(np.median(values)) for values in plain]
    spread = _spread(everything, _UNKNOWN)
    return {
        "in_order": (float(np.median(medians)), spread),
        **{core: (float(np.median(values)), _spread(values, spread))
           for core, values in by_core.items()},
    }  # fmt: skip


_FEW = 3  # runtimes on chips that a spread is taken from
_UNKNOWN = 0.5
"""Spread of the logarithm of a share where too few were measured: a factor of 1.6."""


def _spread(values: Sequence[float], otherwise: float) -> float:
    return float(np.std(values)) if len(values) >= _FEW else otherwise


def share_of(run: Run, shares: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    """The share of its peak that the core of a run reaches."""
    assert run.processor is not None
    return shares.get(run.processor.core, shares["in_order"])
