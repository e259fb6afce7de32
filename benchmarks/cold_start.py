"""CPU time of whole `mnet-cost` processes, beside a process that only imports three packages.

    python benchmarks/cold_start.py [ROUNDS]

Each round runs every command once, since machines change speed. Goal: `analyze` takes at most 1.5
times the CPU time of `import networkx, yaml, rich.table`, and less than 80 MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent

COMMANDS = {
    "import networkx, yaml, rich.table": [
        sys.executable, "-c", "import networkx, yaml, rich.table",
    ],
    "mnet-cost analyze specs/mobilenet_v1.yaml --alpha 0.5": [
        sys.executable, "-m", "mnet_cost", "analyze", "specs/mobilenet_v1.yaml", "--alpha", "0.5",
    ],
    "mnet-cost analyze ... --format json": [
        sys.executable, "-m", "mnet_cost", "analyze", "specs/mobilenet_v1.yaml", "--alpha", "0.5",
        "--format", "json",
    ],
    "mnet-cost compare full vs separable": [
        sys.executable, "-m", "mnet_cost", "compare", "full", "vs", "separable",
    ],
    "mnet-cost --help": [sys.executable, "-m", "mnet_cost", "--help"],
    "python -c pass": [sys.executable, "-c", "pass"],
}  # fmt: skip


def cpu_seconds(command: list[str]) -> tuple[float, int]:
    """(user and system seconds, peak resident kB) of one run."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def main() -> None:
    """Print median and least time, ratio to the imports and peak memory of each command."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    memory: dict[str, int] = {}
    for command in COMMANDS.values():
        cpu_seconds(command)  # writes bytecode and fills the file cache
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            seconds, kilobytes = cpu_seconds(command)
            times[name].append(seconds)
            memory[name] = max(memory.get(name, 0), kilobytes)
    reference = median(times["import networkx, yaml, rich.table"])
    print(f"{rounds} interleaved rounds, CPU time; python {sys.version.split()[0]}\n")
    print(f"{'command':56} {'median ms':>9} {'min ms':>7} {'ratio':>6} {'peak MB':>8}")
    for name, command_times in times.items():
        median_s = median(command_times)
        print(
            f"{name:56} {median_s * 1e3:9.0f} {min(command_times) * 1e3:7.0f} "
            f"{median_s / reference:6.2f} {memory[name] / 1e3:8.1f}"
        )


if __name__ == "__main__":
    main()
