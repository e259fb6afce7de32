"""CPU time of `mnet-cost check`: the whole library, and a hook on one changed spec.

    python benchmarks/check.py [ROUNDS]

Goals: check of the whole library, each network with limits on counts, memory and the time on a
fitted device, within 5 s of CPU; a run as pre-commit starts it on one changed spec, with budgets
beside it or in it, within 0.5 s. Whole processes, beside `analyze` of the same spec and a process
that only imports three packages: medians. With limits that nothing is within, causes and changes of
knobs are looked for as well.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from mnet_cost.models.catalog import read_catalog
from mnet_cost.shipped import specs_folder

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
ROOT = Path(__file__).resolve().parent.parent
DEVICE = "pixel_1_tflite"
OWN = f"""
budgets:
  - {{device: {DEVICE}, latency: 1 s, params: 5 M, peak_memory: 8 MB, reason: one frame}}
  - {{at: {{alpha: 0.5}}, device: {DEVICE}, latency: 1 s, params: 2 M}}
"""


def seconds(folder: Path, command: list[str]) -> float:
    """CPU time of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
    }  # fmt: skip
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, stdout=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip
    if done.returncode > 1:
        raise SystemExit(f"{command} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def library_budget(limits: str) -> str:
    """A budget of every network of the library."""
    names = [network.name for network in read_catalog().networks]
    entries = [f"  - {{model: {name}, device: {DEVICE}, {limits}}}\n" for name in names]
    return f"format: 1\nbudgets:\n{''.join(entries)}"


def main() -> None:
    """Print the median of each command."""
    check = ["-m", "mnet_cost", "check"]
    commands = {
        "import networkx, yaml, rich.table": ["-c", "import networkx, yaml, rich.table"],
        "analyze net.yaml": ["-m", "mnet_cost", "analyze", "net.yaml", "--device", DEVICE],
        "check --skip-others net.yaml (beside)": [*check, "--skip-others", "net.yaml"],
        "check --skip-others own.yaml (in it)": [*check, "--skip-others", "own.yaml"],
        "check library.yaml": [*check, "library.yaml"],
        "check library.yaml --format json": [*check, "library.yaml", "--format", "json"],
        "check tight.yaml, nothing within": [*check, "tight.yaml"],
    }
    with TemporaryDirectory() as name:
        folder = Path(name)
        spec = (specs_folder() / "mobilenet_v1.yaml").read_text(encoding="utf-8")
        (folder / "net.yaml").write_text(spec, encoding="utf-8")
        (folder / "own.yaml").write_text(spec + OWN, encoding="utf-8")
        entry = f"{{model: net.yaml, device: {DEVICE}, latency: 1 s, params: 5 M}}"
        (folder / "budget.yaml").write_text(f"format: 1\nbudgets:\n  - {entry}\n")
        wide = "latency: 100 s, params: 1 G, peak_memory: 100 GB, mult_adds: 1 T"
        (folder / "library.yaml").write_text(library_budget(wide))
        (folder / "tight.yaml").write_text(library_budget("latency: 1 us, params: 1, mult_adds: 1"))
        times: dict[str, list[float]] = {title: [] for title in commands}
        for number in range(ROUNDS + 1):
            for title, command in commands.items():
                spent = seconds(folder, command)
                if number:  # the first compiles
                    times[title].append(spent)
    for title, spent_s in times.items():
        print(f"{title:42} {median(spent_s):6.3f} s")


if __name__ == "__main__":
    main()
