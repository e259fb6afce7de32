"""The best size within limits: the time of a million sizes, and whether it is that of brute force.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/fit.py [ROUNDS]

MobileNet V1 with 1,000 values of alpha and 1,000 of the resolution, within a latency and a number
of params, for several aims and for the end of the band; then the usual sizes of four families. Then
2,000 sizes of two families are analyzed one by one by `mnet_cost.analyze`, and the best within each
of some limits is compared with what `fit` gives for the same sizes. CPU seconds, the median over
rounds, warm: once before.
"""

from __future__ import annotations

import gc
import random
import sys
from itertools import product
from statistics import median
from time import process_time
from typing import Any

import mnet_cost

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
DEVICE = "pixel_1_tflite"
ALPHAS = [round(0.25 + 0.001 * i, 3) for i in range(1000)]
SIDES = list(range(96, 1096))
QUESTIONS: dict[str, dict[str, Any]] = {
    "10^6 sizes, most mult-adds": {"maximize": "mult_adds"},
    "10^6 sizes, widest": {"maximize": "alpha"},
    "10^6 sizes, most top-1": {},
    "10^6 sizes, confidence 0.9": {"maximize": "mult_adds", "confidence": 0.9},
}


def timed(*names: str, **options: Any) -> tuple[float, mnet_cost.Fit]:
    """(CPU seconds, the fit)."""
    gc.collect()
    start = process_time()
    fit = mnet_cost.fit(*names, devices=[DEVICE], limits=["latency<=30ms", "params<=3M"], **options)
    return process_time() - start, fit


def report(title: str, runs: list[tuple[float, mnet_cost.Fit]]) -> None:
    """The median of all runs but the first."""
    best = runs[0][1].best
    seconds = median(run[0] for run in runs[1:])
    print(f"{title:32} {seconds:5.2f} s  {best.reference if best else None}")


def speed() -> None:
    """A million sizes, and the usual ones of three families."""
    for title, options in QUESTIONS.items():
        runs = [
            timed("mobilenet_v1", alpha=ALPHAS, resolution=SIDES, **options)
            for _ in range(ROUNDS + 1)
        ]
        report(title, runs)
    families = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large")
    runs = [timed(*families) for _ in range(ROUNDS + 1)]
    report("usual sizes of four families", runs)


def exactness() -> None:
    """2,000 sizes of two families, each analyzed alone."""
    alphas, sides = ALPHAS[:1000:20], SIDES[:400:20]
    rows: list[tuple[str, int, int, tuple[float, float]]] = []
    for name, alpha, side in product(("mobilenet_v1", "mobilenet_v2"), alphas, sides):
        analysis = mnet_cost.analyze(name, alpha=alpha, resolution=side, devices=[DEVICE])
        (phone,) = analysis.devices
        rows.append((
            f"{name}@alpha={alpha},resolution={side}", analysis.totals.mult_adds,
            analysis.totals.params, (1e3 * (phone.latency_s or 0), 1e3 * (phone.high_s or 0)),
        ))  # fmt: skip
    generator, equal, asked = random.Random(1), 0, 40
    for trial in range(asked):
        most_ms, most_params = generator.uniform(5, 200), generator.uniform(2e5, 6e6)
        place = trial % 2
        fitting = [row for row in rows if row[3][place] <= most_ms and row[2] <= most_params]
        fit = mnet_cost.fit(
            "mobilenet_v1", "mobilenet_v2", alpha=alphas, resolution=sides, devices=[DEVICE],
            limits=[f"latency<={most_ms!r}ms", f"params<={most_params!r}"], maximize="mult_adds",
            confidence=0.9 if trial % 2 else None,
        )  # fmt: skip
        wanted = min(fitting, key=lambda row: (-row[1], row[2]), default=None)
        equal += (fit.best.reference if fit.best else None) == (wanted[0] if wanted else None)
    print(f"{len(rows):,} sizes analyzed one by one: {equal} of {asked} answers are equal")


if __name__ == "__main__":
    speed()
    exactness()
