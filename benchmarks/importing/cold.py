"""CPU time of `mnet-cost analyze model.onnx` as a whole process, beside onnx-tool on the same file.

    python benchmarks/importing/cold.py FOLDER [--peer PYTHON] [--rounds N]

FOLDER keeps the ONNX files of the networks (`mnet-cost export`, which needs torch and onnx); those
that are there are not made again. PYTHON is an interpreter that has onnx-tool. Each round runs each
command once, since machines change speed; bytecode is written before. Goals: 0.65 of onnx-tool's
CPU time for MobileNet V1, 0.45 for ResNet-50.
"""

from __future__ import annotations

import argparse
import compileall
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = {
    "mobilenet_v1": "mobilenet_v1",
    "mobilenet_v2": "mobilenet_v2",
    "resnet50": "resnet:resnet50",
    "vit_b_16": "vit:vit_b_16",
}
_PEER = """
import sys, onnx_tool
model = onnx_tool.Model(sys.argv[1])
model.graph.shape_infer(None)
model.graph.profile()
model.graph.print_node_map()
"""


def cpu_seconds(command: list[str]) -> float:
    """User and system seconds of one run."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print median CPU times and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peer")
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    compileall.compile_dir(str(ROOT / "mnet_cost"), quiet=2)
    ours = [sys.executable, "-m", "mnet_cost", "analyze"]
    commands: dict[tuple[str, str], list[str]] = {}
    for name, reference in NETWORKS.items():
        path = options.folder / f"{name}.onnx"
        if not path.exists():
            export = [sys.executable, "-m", "mnet_cost", "export", reference, "-o", str(path)]
            subprocess.run(export, cwd=ROOT, check=True)
        commands[name, "mnet-cost file.onnx"] = [*ours, str(path)]
        commands[name, "mnet-cost name"] = [*ours, reference]
        if options.peer:
            commands[name, "onnx-tool"] = [options.peer, "-c", _PEER, str(path)]
    times: dict[tuple[str, str], list[float]] = {key: [] for key in commands}
    for command in commands.values():
        cpu_seconds(command)
    for _ in range(options.rounds):
        for key, command in commands.items():
            times[key].append(cpu_seconds(command))
    print(f"{options.rounds} interleaved rounds, CPU time, median s")
    print(f"{'network':14} {'file.onnx':>9} {'name':>7} {'x of name':>9} {'onnx-tool':>9} {'x':>6}")
    for name in NETWORKS:
        file_s = median(times[name, "mnet-cost file.onnx"])
        name_s = median(times[name, "mnet-cost name"])
        peer_s = median(times.get((name, "onnx-tool"), [float("nan")]))
        print(
            f"{name:14} {file_s:9.3f} {name_s:7.3f} {file_s / name_s:9.2f} "
            f"{peer_s:9.3f} {file_s / peer_s:6.2f}"
        )


if __name__ == "__main__":
    main()
