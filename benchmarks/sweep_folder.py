"""A large sweep into a folder: rows a CPU second, memory, and two workers beside one.

    python benchmarks/sweep_folder.py [POINTS] [ROUNDS]

`mnet-cost sweep` of MobileNet V1 over alpha and 1,000 resolutions, on one fitted device, with seven
metrics: first by one process, with and without files of points, then with one and with two workers
in turns. CPU time is that of the process and of all that it started, memory that of the largest of
them. A rate counts each point once; each is evaluated twice (for the front, and for its row).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

POINTS = int(float(sys.argv[1])) if len(sys.argv) > 1 else 20_000_000
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
METRICS = "mult_adds,params,weight_bytes,traffic,peak_memory,latency,lower_bound"


class Cost(NamedTuple):
    """What a command took, with all processes that it started and waited for."""

    wall_s: float
    cpu_s: float
    most_bytes: int
    """Resident memory of the process that had most."""
    file_bytes: int
    """Of all files of points."""


def sweep(*options: str) -> Cost:
    """One sweep into a new folder."""
    rows = POINTS // 1000
    step = round(0.75 / (rows - 1), 7)
    alphas = f"0.25:{0.25 + step * (rows - 1):.7f}:{step:.7f}"
    folder = Path(tempfile.mkdtemp(prefix="sweep-")) / "points"
    command = [
        sys.executable, "-m", "mnet_cost", "sweep", "mobilenet_v1", "--alpha", alphas,
        "--resolution", "32:1031:1", "--device", "pixel_1_tflite",
        "--metrics", METRICS, "--pareto", "top1,latency", "-o", f"{folder}/", *options,
    ]  # fmt: skip
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"status {status} of {' '.join(command)}")
    size = sum(file.stat().st_size for file in folder.glob("points/*"))
    shutil.rmtree(folder.parent)
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, size)


def main() -> None:
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    print(f"{POINTS:,} points")
    for what, options in (("all points", ()), ("the front only", ("--front-only",))):
        cost = sweep(*options)
        print(
            f"{what:16} {POINTS / cost.cpu_s / 1e6:6.2f} M points/CPU s, "
            f"{cost.most_bytes / 1e6:4.0f} MB resident, {cost.file_bytes / POINTS:5.1f} bytes a row"
        )
    walls: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for workers, times in walls.items():
            times.append(sweep("--scheduler", f"local:{workers}").wall_s)
    one, two = (median(walls[workers]) for workers in (1, 2))
    print(f"one worker {one:.1f} s, two workers {two:.1f} s: {one / two:.2f}x")


if __name__ == "__main__":
    main()
