"""`python benchmarks/accuracy coefficients`: fits the files of `specs/coefficients` anew.

Cost coefficients of processors are fitted to runs of ncnn, those of microcontrollers to runs of
MLPerf Tiny on Arm cores, and so are the shares of the peak. A band is as wide as it takes to hold
80 % of held-out measurements. Other runtimes are not used, so that the file can be tested on them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from tables import Run

from mnet_cost.devices.coefficients import Caches
from mnet_cost.devices.terms import TERM_NAMES, moved_together
from mnet_cost.measure.arrays import Array
from mnet_cost.measure.coefficient_solver import NOISE, share_coefficients, solve

START = {
    "pointwise": 1.0,
    # Mult-adds cost about the same everywhere, but depthwise ones reuse no operand.
    "winograd": 1.0, "dense": 1.5, "windows": 1.3, "stem": 1.0,
    "depthwise_3x3": 3.0, "depthwise_5x5": 3.0,
    "matmul": 2.0, "unpacked": 1.0, "unpacked_depthwise": 3.0,
    # An element is loaded and stored; a core does about five mult-adds in that time.
    "depthwise_elements": 5.0, "pointwise_elements": 5.0, "dense_elements": 5.0,
    "weights": 4.0, "vector_weights": 6.0, "pooling": 5.0, "elementwise": 5.0, "move": 10.0,
    "permute": 10.0,
    # The additions of a transform, an exponential, a power over a window.
    "winograd_tiles": 15.0, "curve": 15.0, "lrn": 30.0,
    # The four or sixteen elements around one are gathered; an exponential has some ten operations
    # that need no memory. Windows outside of packs are read one element at a time.
    "resize": 20.0, "softmax": 5.0, "unpacked_pooling": 20.0,
    # What comes from the main memory takes twice as long again.
    "far_weights": 4.0, "far_elements": 3.0,
    # The set-up of a kernel is shared by its groups, the loop over them is not.
    "kernel": 0.03, "groups": 0.015,
}  # fmt: skip
"""Start of the fit. A term that is in no network of the measurements keeps its value. These are
orders of magnitude of the operations, not taken from measurements."""

SPREADS = dict.fromkeys(TERM_NAMES, 0.2) | {
    "matmul": 0.5, "lrn": 0.5, "kernel": 0.5, "windows": 0.3, "resize": 0.5, "softmax": 0.5,
    "groups": 0.5, "unpacked_pooling": 0.5, "far_weights": 0.5, "far_elements": 0.5,
}  # fmt: skip
"""How far devices differ, as standard deviations of logarithms. 0.2 and 0.3 are equally good for
held-out measurements (`docs/explanation/accuracy.md`). Two terms are in one network each, so that
little is known about them; a kernel launch depends on the runtime more than on the device."""


class Beginning(NamedTuple):
    """What is taken before anything is measured, in the order of `TERM_NAMES`."""

    start: Array
    """Cost coefficients; 0 for terms that such runs do not have."""
    spreads: Array
    start_spread: float = 1.0
    """Standard deviation of the logarithms of `start`."""
    together: float = 0.0
    """The same of what all terms but products have in common, over devices."""

    @property
    def has(self) -> Any:
        """Which terms there are."""
        return self.start > 0

    @property
    def moved(self) -> Array:
        """`together` by term."""
        return np.array(moved_together(self.together))


def beginning(start: Mapping[str, float], spreads: Mapping[str, float]) -> Beginning:
    """Of the terms that `start` names."""
    return Beginning(
        np.array([start.get(name, 0.0) for name in TERM_NAMES]),
        np.array([spreads[name] for name in TERM_NAMES]),
    )


PROCESSORS = beginning(START, SPREADS)

DOT_PRODUCTS = 0.7
"""Half the logarithm of 4: devices with and without 8-bit dot products lie so far to both sides of
the middle in the rate of products over channels, beside all else."""

_NPU_START = {
    "pointwise": 1.0, "windows": 1.0, "stem": 1.0, "matmul": 2.0,
    # Depthwise convolutions fill one row of an array of some tens.
    "depthwise_3x3": 30.0, "depthwise_5x5": 30.0,
    # 10 TMAC/s beside 50 GB/s of main memory for weights, and ten times that inside.
    "weights": 500.0, "vector_weights": 500.0,
    **dict.fromkeys(
        ("depthwise_elements", "pointwise_elements", "dense_elements", "pooling", "elementwise",
         "curve", "move", "permute"), 200.0,
    ),
    "lrn": 1000.0,
    # 2 us for an operator, 100 us for a call; three channels are kept as 32.
    "kernel": 20.0, "inference": 1000.0, "image": 6000.0,
}  # fmt: skip
"""Orders of magnitude, as in `START`, of one large array of multipliers. An inference is a call
from the processor, and its image is normalized at the width of the array."""

_NPU_SPREADS = dict.fromkeys(TERM_NAMES, 0.2) | {
    "matmul": 0.5, "lrn": 0.5, "kernel": 0.5, "move_kernels": 0.5, "inference": 0.5, "image": 0.5,
    "permute": 0.5, "weights": 0.6, "vector_weights": 0.6,
}  # fmt: skip
"""Arrays are alike and main memories are not: weights take 6 to 107 GB/s on the measured boards."""

NPU_FLOAT = beginning(_NPU_START, _NPU_SPREADS)
NPU_INT8 = beginning(
    {**_NPU_START, "move_kernels": 50.0},
    {name: max(spread, 0.3) for name, spread in _NPU_SPREADS.items()},
)
"""Parts of a concatenation have scales of their own, so that each is written anew. There are boards
of fewer kinds with fp16 than with int8, which differ more."""


def common_coefficients(runs: Iterable[Run], first: Beginning = PROCESSORS) -> Array:
    """Cost coefficients that these runs have in common, in the order of `TERM_NAMES`."""
    coefficients = np.zeros(len(TERM_NAMES))
    coefficients[first.has] = share_coefficients(
        [(run.amounts[:, first.has], run.seconds) for run in runs],
        first.start[first.has],
        first.spreads[first.has],
        start_spread=first.start_spread,
        together=first.moved[first.has],
    )
    return coefficients


def log_peak_share(run: Run, coefficients: Array) -> float | None:
    """Logarithm of the share of its peak that a run reaches in large 1x1 convolutions.

    None: the peak is unknown.
    """
    peak = run.processor.peak_macs_per_s(run.precision) if run.processor else None
    if peak is None:
        return None
    fixed = np.full(len(TERM_NAMES), 1e-6)
    scale = solve(run.amounts, run.seconds, coefficients, fixed).parameters[0]
    return float(np.log(1e6) - scale - np.log(peak * (run.threads or 1)))


def peak_shares(runs: Sequence[Run], coefficients: Array) -> dict[str, tuple[float, float]]:
    """(median, standard deviation) of `log_peak_share` by pipeline; each chip counts once."""
    shares: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        share = log_peak_share(run, coefficients)
        if share is not None and run.processor and run.processor.out_of_order is not None:
            pipeline = "out_of_order" if run.processor.out_of_order else "in_order"
            shares[pipeline][run.group].append(share)
    by_pipeline = {}
    for pipeline, groups in sorted(shares.items()):
        means = [float(np.mean(group_shares)) for group_shares in groups.values()]
        by_pipeline[pipeline] = (float(np.median(means)), float(np.std(means)))
    return by_pipeline


class Section(NamedTuple):
    """What one section of the file is made of."""

    name: str
    source: str
    runs: Sequence[Run]
    measured: float
    """Half width of bands in standard deviations, for devices with measurements."""
    unmeasured: float
    """The same for devices that are known by their data sheet alone."""
    held_out: str
    """The errors of held-out measurements, in words."""
    shares: Mapping[str, tuple[float, float]]
    """Logarithm of the share of the peak and its spread, by pipeline."""
    coefficients: Array
    first: Beginning = PROCESSORS


def write(
    path: Path,
    sections: Iterable[Section],
    date: str,
    caches: Caches | None = None,
    apart: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Write a file. `apart` is how far apart runtimes, and versions of one, were seen to be."""
    lines = [
        "# Cost coefficients of terms that devices have in common, relative to a multiplication",
        "# in a large 1x1 convolution. `python benchmarks/accuracy coefficients` writes this file:",
        "# do not edit it.",
        "# coefficient; spread: standard deviation of its logarithm from device to device.",
        "# share: of a core's peak that large 1x1 convolutions reach.",
        "# together: the same of what all terms but products over channels have in common.",
        "# width: half a band that holds 80 %, in standard deviations of the posterior.",
        "format: 1",
        f"made: {date}",
    ]
    if caches is not None:
        lines += [
            "# Bytes up to which caches hold the weights of a network from one inference to the",
            "# next, and what goes in and out of a kernel; and bytes from which none do.",
            "caches:",
            f"  weights: [{caches.weights[0]:.0f}, {caches.weights[1]:.0f}]",
            f"  activations: [{caches.activations[0]:.0f}, {caches.activations[1]:.0f}]",
        ]
    if apart:
        lines += [
            "# Standard deviations of the logarithm of a time on one device, over runtimes or",
            "# over versions of one: what four of five differences speak for.",
            *(f"{name}: {{spread: {spread:.3f}}}" for name, spread in apart.items()),
        ]
    for section in sections:
        lines += [
            "",
            f"{section.name}:",
            f'  source: "{section.source}"',
            f'  held_out: "{section.held_out}"',
            "  terms:",
            *(
                f"    {name}: {{coefficient: {coefficient:.4g}, spread: {spread:g}}}"
                for name, coefficient, spread in zip(
                    TERM_NAMES, section.coefficients, section.first.spreads, strict=True
                )
                if coefficient
            ),
            "  peak_share:" if section.shares else "  peak_share: {}",
            *(
                f"    {pipeline}: {{share: {np.exp(middle):.3f}, spread: {spread:.3f}}}"
                for pipeline, (middle, spread) in section.shares.items()
            ),
            *(
                [f"  together: {{spread: {section.first.together:g}}}"]
                if section.first.together
                else []
            ),
            f"  measured: {{width: {section.measured:.3g}, noise: {NOISE:g}}}",
            f"  unmeasured: {{width: {section.unmeasured:.3g}, noise: {NOISE:g}}}",
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
