"""CPU time of commands over the whole library, and of reading each of its files.

    python benchmarks/library.py [ROUNDS]

Goals: `mnet-cost models --cost` within 3 s of CPU on one core, process start included; each file
read and compiled within 50 ms. All figures are medians. Torch is not loaded.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import process_time

from mnet_cost.models.catalog import read_catalog
from mnet_cost.models.library import model_names, model_path
from mnet_cost.models.load import read_spec

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5


def command_seconds(*arguments: str) -> float:
    """CPU time of one `mnet-cost` process."""

    def children_seconds() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = children_seconds()
    command = [sys.executable, "-m", "mnet_cost", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ})
    return children_seconds() - before


def read_milliseconds(path: str) -> float:
    """CPU time of reading and compiling one file: the median of ROUNDS."""
    times_ms = []
    for _ in range(ROUNDS):
        before = process_time()
        read_spec(path)
        times_ms.append((process_time() - before) * 1e3)
    return median(times_ms)


def main() -> None:
    networks = read_catalog().networks
    commands: dict[tuple[str, ...], list[float]] = {
        ("models",): [],
        ("models", "--cost"): [],
        ("paper",): [],
        ("analyze", "full", "--device", "none"): [],
    }
    for _ in range(ROUNDS):  # interleaved: these machines change speed
        for arguments, seconds in commands.items():
            seconds.append(command_seconds(*arguments))
    print(f"{len(model_names())} files, {len(networks)} networks; {ROUNDS} rounds")
    for arguments, seconds in commands.items():
        print(f"{'mnet-cost ' + ' '.join(arguments):<40} {median(seconds):6.2f} s CPU")
    times = {name: read_milliseconds(model_path(name)) for name in model_names()}
    slowest = max(times, key=lambda name: times[name])
    lines = max(len(Path(model_path(name)).read_text().splitlines()) for name in times)
    print(f"{'reading a file, median':<40} {median(times.values()):6.2f} ms")
    print(f"{'reading the slowest file, ' + slowest:<40} {times[slowest]:6.2f} ms")
    print(f"{'lines of the longest file':<40} {lines:6}")


if __name__ == "__main__":
    main()
