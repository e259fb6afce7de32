"""`python benchmarks/accuracy coefficients`: shared coefficients, fitted anew, as
`specs/coefficients/shared.yaml`.

Those of processors are the middle of what one-thread runs of ncnn say, those of microcontrollers of
MLPerf Tiny's runs on Arm cores; shares of the peak are of the same runs. Bands are as wide as holds
80 % of what is left out. Other runtimes are not in it: they are what it can be tried on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tables import Run

from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.measure.arrays import Array
from mnet_cost.measure.coefficient_solver import NOISE, share_coefficients, solve

START = {
    "pointwise": 1.0,
    # Multiplications are multiplications; depthwise ones reuse nothing, and have no panels.
    "winograd": 1.0, "dense": 1.5, "windows": 1.3, "stem": 1.0,
    "depthwise_3x3": 3.0, "depthwise_5x5": 3.0,
    "matmul": 2.0, "unpacked": 1.0, "unpacked_depthwise": 3.0,
    # An element is loads and stores, of which a core does a fifth as many as multiplications.
    "depthwise_elements": 5.0, "pointwise_elements": 5.0, "dense_elements": 5.0,
    "weights": 4.0, "vector_weights": 6.0, "pooling": 5.0, "elementwise": 5.0, "move": 10.0,
    # Additions of a transform, an exponential, a power with a window.
    "winograd_tiles": 15.0, "curve": 15.0, "lrn": 30.0,
    "kernel": 0.03,
}  # fmt: skip
"""Where the fit starts, and what a term keeps that no network of a training set has: orders of
magnitude from what the operations are, not from the measurements."""

SPREADS = dict.fromkeys(TERM_NAMES, 0.2) | {
    "matmul": 0.5, "lrn": 0.5, "kernel": 0.5, "windows": 0.3,
}  # fmt: skip
"""How far devices differ, as standard deviations of logarithms. 0.2 and 0.3 do equally well on what
is held out (`docs/accuracy.md`). Two terms are in one network each, and little is known of them;
kernel launches are a matter of the runtime more than of the device."""


def start() -> Array:
    """In the order of `TERMS`."""
    return np.array([START[name] for name in TERM_NAMES])


def spreads() -> Array:
    """In the order of `TERMS`."""
    return np.array([SPREADS[name] for name in TERM_NAMES])


def common_coefficients(runs: Iterable[Run]) -> Array:
    """Cost coefficients that these runs have in common."""
    return share_coefficients([(run.amounts, run.seconds) for run in runs], start(), spreads())


def reached(run: Run, coefficients: Array) -> float | None:
    """Logarithm of the share of its peak that a run reaches in large 1x1 convolutions."""
    peak = run.processor.peak_macs_per_s(run.precision) if run.processor else None
    if peak is None:
        return None
    fixed = np.full(len(TERM_NAMES), 1e-6)
    scale = solve(run.amounts, run.seconds, coefficients, fixed).parameters[0]
    return float(np.log(1e6) - scale - np.log(peak * (run.threads or 1)))


def peak_shares(runs: Sequence[Run], coefficients: Array) -> dict[str, tuple[float, float]]:
    """(middle, spread) of the logarithm of the share, by pipeline; each chip counts once."""
    shares: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        share = reached(run, coefficients)
        if share is not None and run.processor and run.processor.out_of_order is not None:
            pipeline = "out_of_order" if run.processor.out_of_order else "in_order"
            shares[pipeline][run.group].append(share)
    found = {}
    for pipeline, groups in sorted(shares.items()):
        middles = [float(np.mean(some)) for some in groups.values()]
        found[pipeline] = (float(np.median(middles)), float(np.std(middles)))
    return found


class Kind(NamedTuple):
    """What one section of the file is made of."""

    name: str
    source: str
    runs: Sequence[Run]
    measured: float
    """Half width of bands, in standard deviations."""
    unmeasured: float
    held_out: str
    shares: Mapping[str, tuple[float, float]]
    """Logarithm of the share of the peak and its spread, by pipeline."""


def write(path: Path, kinds: Iterable[Kind], when: str) -> None:
    """Fit to all runs of each kind and write the file."""
    lines = [
        "# Cost coefficients of terms that devices have in common, relative to a multiplication",
        "# in a large 1x1 convolution. `python benchmarks/accuracy coefficients` writes this file:",
        "# do not edit it.",
        "# coefficient; spread: standard deviation of its logarithm from device to device.",
        "# share: of a core's peak that large 1x1 convolutions reach.",
        "# width: half a band that holds 80 %, in standard deviations of the posterior.",
        "format: 1",
        f"made: {when}",
    ]
    for kind in kinds:
        coefficients = common_coefficients(kind.runs)
        lines += [
            "",
            f"{kind.name}:",
            f'  source: "{kind.source}"',
            f'  held_out: "{kind.held_out}"',
            "  terms:",
            *(
                f"    {name}: {{coefficient: {coefficient:.4g}, spread: {SPREADS[name]:g}}}"
                for name, coefficient in zip(TERM_NAMES, coefficients, strict=True)
            ),
            "  peak_share:",
            *(
                f"    {pipeline}: {{share: {np.exp(middle):.3f}, spread: {spread:.3f}}}"
                for pipeline, (middle, spread) in kind.shares.items()
            ),
            f"  measured: {{width: {kind.measured:.3g}, noise: {NOISE:g}}}",
            f"  unmeasured: {{width: {kind.unmeasured:.3g}, noise: {NOISE:g}}}",
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
