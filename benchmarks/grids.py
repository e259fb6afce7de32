"""Grids of settings beside a hand-written NumPy program for MobileNet V1 that computes less.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/grids.py [ROUNDS]

The hand-written program knows one network: it has four outputs (mult-adds, params, bytes moved, a
roofline) and works in chunks of 8,000 points, which was its best. Ours has seven: mult-adds,
params, weight bytes, traffic, peak memory, the latency on one fitted device with its rules of
kernels, and the lower bound. CPU time; both take turns in one run; medians. Rules are recorded and
results kept in each run.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from time import process_time
from typing import Any

import numpy as np

import mnet_cost
from mnet_cost.search.grids import GridSweep

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
SEVEN = (
    "mult_adds", "params", "weight_bytes", "traffic", "peak_memory", "latency", "lower_bound",
)  # fmt: skip
DEVICE = "pixel_1_tflite"

V1 = (  # channels out, stride: arXiv:1704.04861, Table 1
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1),
    (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip
PEAK_MACS_PER_S, BYTES_PER_S = 19.2e9, 12.8e9
CHUNK = 8_000


def by_hand(alphas: np.ndarray[Any, Any], resolutions: np.ndarray[Any, Any]) -> list[Any]:
    """Mult-adds, params, bytes and a roofline of MobileNet V1 at all pairs, in chunks of rows."""
    rows_at_once = max(1, CHUNK // len(resolutions))
    results = [np.empty((len(alphas), len(resolutions))) for _ in range(4)]
    for top in range(0, len(alphas), rows_at_once):
        alpha = alphas[top : top + rows_at_once, None]
        shape = alpha.shape[0], len(resolutions)
        mult_adds, params, moved, seconds = (np.zeros(shape) for _ in range(4))
        side = resolutions[None, :]
        channels: Any = 3.0

        def count(macs: Any, weights: Any, elements: Any) -> None:
            nonlocal mult_adds, params, moved, seconds
            traffic = 4.0 * (weights + elements)
            mult_adds += macs
            params += weights
            moved += traffic
            seconds += np.maximum(macs / PEAK_MACS_PER_S, traffic / BYTES_PER_S)

        out = np.floor(32 * alpha)
        before, side = side, np.ceil(side / 2)
        count(27 * out * side * side, 27 * out, 3.0 * before * before + out * side * side)
        channels = out
        for width, stride in V1:
            before, side = side, np.ceil(side / stride)
            area = side * side
            count(9 * channels * area, 9 * channels, channels * (before * before + area))
            out = np.floor(width * alpha)
            count(channels * out * area, channels * out, (channels + out) * area)
            channels = out
        count(channels * 1000, channels * 1000 + 1000, channels + 1000)
        for result, value in zip(results, (mult_adds, params, moved, seconds), strict=True):
            result[top : top + rows_at_once] = value
    return results


def ours(
    model: str,
    axes: Mapping[str, Sequence[Any]],
    metrics: Sequence[str] = SEVEN,
    devices: Sequence[str] = (DEVICE,),
) -> list[Any]:
    """Everything asked for, as grids of rows and columns."""
    profiles = [mnet_cost.load_device(name) for name in devices]
    sweep = GridSweep(mnet_cost.load_model(model), axes, profiles, metrics=metrics)
    return list(sweep.parts())


def seconds(work: Callable[[], object]) -> float:
    """CPU time."""
    gc.collect()
    start = process_time()
    result = work()
    spent = process_time() - start
    del result
    return spent


def steps(low: float, high: float, count: int) -> list[float]:
    """`count` numbers from `low` to `high`."""
    return [low + (high - low) * i / (count - 1) for i in range(count)]


GRIDS: tuple[tuple[str, int, dict[str, Sequence[Any]]], ...] = (
    ("mobilenet_v1", 10_000, {"alpha": steps(0.25, 1.0, 100), "resolution": range(96, 196)}),
    ("mobilenet_v1", 1_000_000, {"alpha": steps(0.25, 1.0, 1000), "resolution": range(96, 1096)}),
    ("mobilenet_v1", 10_000_000, {"alpha": steps(0.25, 1.0, 10000), "resolution": range(96, 1096)}),
    ("resnet50", 1_000_000, {"classes": range(10, 1010), "resolution": range(96, 1096)}),
    ("mobilenet_v2", 1_000_000, {"alpha": steps(0.25, 1.4, 1000), "resolution": range(96, 1096)}),
    ("mobilenet_v3_large", 1_000_000,
     {"alpha": steps(0.25, 1.4, 1000), "resolution": range(96, 1096)}),
    ("efficientnet_b0", 1_000_000, {"classes": range(10, 1010), "resolution": range(96, 1096)}),
)  # fmt: skip


def main() -> None:
    alphas, resolutions = np.array(steps(0.25, 1.0, 1000)), np.arange(96.0, 1096.0)
    print(f"{'':42} {'ms':>9} {'M points/s':>11} {'x by hand':>10}")
    for model, points, axes in GRIDS:
        for what, metrics in (
            ("all seven", SEVEN),
            ("without the lower bound", [name for name in SEVEN if name != "lower_bound"]),
        ):
            mine, theirs = [], []
            run = partial(ours, model, axes, metrics)
            for _ in range(ROUNDS if points <= 1_000_000 else max(ROUNDS // 3, 1)):
                theirs.append(seconds(partial(by_hand, alphas, resolutions)))
                mine.append(seconds(run))
            rate = points / median(mine)
            by_hand_rate = 1e6 / median(theirs)
            print(
                f"{f'{model} {points:,} {what}':42} {median(mine) * 1e3:9.1f} {rate / 1e6:11.2f} "
                f"{rate / by_hand_rate:10.2f}"
            )
    print(f"by hand: {by_hand_rate / 1e6:.2f} M points/s in the last rounds")


if __name__ == "__main__":
    main()
