"""By how much resident memory grows while a network is prepared and run: at most, in bytes.

Each network has a process of its own, since what one network leaves behind would hide what the next
one takes. Linux forgets the largest size of a process when somebody asks it to
(`/proc/self/clear_refs`, Linux kernel documentation, filesystems/proc); elsewhere it is unknown.

    python -m mnet_cost.measure.runs.memory REQUEST
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runs.references import runnable_for
from mnet_cost.measure.runtimes.base import RunSettings, Runtime

_STATUS = Path("/proc/self/status")
_FORGET = Path("/proc/self/clear_refs")
_PEAK = "5"
"""What is written there to forget the largest resident size."""
_RUNS = 3
_TIMEOUT_S = 900.0


def can_tell() -> bool:
    """Whether the operating system says how much memory a process took at most."""
    return _STATUS.exists() and os.access(_FORGET, os.W_OK)


def peak_memory_of(reference: str, batch: int, runtime: str, settings: RunSettings) -> int | None:
    """The growth of a process that prepares and runs the network of a reference.

    None where it cannot be told: another operating system, a network that only this process has, a
    child that failed or took too long.
    """
    if not can_tell():
        return None
    request = {"reference": reference, "batch": batch, "runtime": runtime, **asdict(settings)}
    # Without -P, modules of the working directory would come first.
    command = [sys.executable, "-P", "-m", __name__, json.dumps(request)]
    paths = [path for path in sys.path if path]  # this package, wherever it was imported from
    child = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, env=child,
            check=True, text=True,
        )  # fmt: skip
        growth = json.loads(done.stdout.rpartition("\n{")[2].join(("{", "")))["growth_bytes"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None
    return growth if isinstance(growth, int) and growth > 0 else None


def growth_of(runnable: Runnable, runtime: Runtime, settings: RunSettings) -> int | None:
    """The growth of this process while `runtime` prepares the network and runs it.

    Files that the runtime reads are there already: writing them takes memory that no run takes.
    """
    before = _settle()
    if before is None:
        return None
    program = runtime.prepare(runnable, settings)
    try:
        for _ in range(_RUNS):
            program.time()
        after = _kilobytes("VmHWM")
    finally:
        program.close()
    return None if after is None else max(0, after - before) * 1024


def _settle() -> int | None:
    """Give back what is free, forget the largest size; the size now, in kilobytes."""
    gc.collect()
    with suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps what was freed
    try:
        _FORGET.write_text(_PEAK, encoding="ascii")
    except OSError:
        return None
    return _kilobytes("VmRSS")


def _kilobytes(key: str) -> int | None:
    """A size in the status of this process; the system gives them in kilobytes of 1024."""
    with suppress(OSError, ValueError, IndexError):
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1])
    return None


def _child(request: Mapping[str, Any]) -> int | None:
    from mnet_cost.measure.runtimes import RUNTIMES, load_runtime
    from mnet_cost.models.library import load_model
    from mnet_cost.models.types import BATCH
    from mnet_cost.network import elaborate

    model = load_model(request["reference"])
    network = elaborate(model.spec, {**model.knobs, BATCH: request["batch"]})
    name = request["runtime"]
    settings = RunSettings(
        threads=request["threads"], precision=request["precision"], device=request["device"]
    )
    with tempfile.TemporaryDirectory() as folder:
        runnable = runnable_for(request["reference"], network, Path(folder))
        runtime = load_runtime(name)
        if "onnx" in RUNTIMES[name].packages:
            runnable.onnx()
        return growth_of(runnable, runtime, settings)


if __name__ == "__main__":
    print("\n" + json.dumps({"growth_bytes": _child(json.loads(sys.argv[1]))}))
