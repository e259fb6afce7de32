"""onnxruntime on the CPU: how a session is made, and what its own profiler says of kernels.

A profile is made by a session of its own, since the profiler takes time: some microseconds a node.
The graph that this session runs is saved beside it, and leads from kernels to nodes of the file
(`onnx_kernels.py`).
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime

from mnet_cost.errors import Problem
from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runtimes.base import (
    Program,
    RunError,
    RunSettings,
    Runtime,
    RuntimeKernel,
    RuntimeProfile,
)
from mnet_cost.measure.runtimes.onnx_kernels import Operation, Work, operations_of, works

_PROVIDERS = ["CPUExecutionProvider"]
_WARM_UP = 3
_KERNEL = "_kernel_time"
_ENTRIES = {
    # Random weights can make numbers so small that arithmetic on them takes many times as long.
    "session.set_denormal_as_zero": "1",
    # Threads that spin after a run would take the processor from whatever is measured next.
    "session.force_spinning_stop": "1",
}


class OnnxRuntime:
    """The adapter."""

    name = "onnxruntime"
    packages: tuple[str, ...] = ("onnxruntime", "onnx", "torch", "onnxscript")

    def version(self) -> str:
        """Of the package."""
        return str(onnxruntime.__version__)

    def environment(self, settings: RunSettings) -> Mapping[str, str]:
        """The provider, and how sessions are made."""
        return {
            "provider": _PROVIDERS[0],
            "graph optimization": "all",
            "execution": "sequential",
            "denormals": "zero",
            "build": str(onnxruntime.get_build_info()),
        }

    def prepare(self, runnable: Runnable, settings: RunSettings) -> Program:
        """A session of the network's ONNX file. See `Runtime.prepare`."""
        _refuse(settings)
        return _Program(runnable, settings)


def runtime(name: str) -> Runtime:
    """The adapter of that name."""
    return OnnxRuntime()


def _refuse(settings: RunSettings) -> None:
    if settings.precision != "fp32":
        raise RunError(
            Problem(
                f"onnxruntime runs networks in fp32 here, not in {settings.precision}: an ONNX "
                "file holds its precision, and those of networks are exported in fp32",
                hint="leave --precision out",
            )
        )
    if settings.device != "cpu":
        raise RunError(
            Problem(
                f"onnxruntime runs networks on the CPU here, not on `{settings.device}`",
                hint="measure with `--runtime torch`",
            )
        )


class _Program:
    """A session and its inputs."""

    precision = "fp32"

    def __init__(self, runnable: Runnable, settings: RunSettings) -> None:
        self._runnable = runnable
        self._threads = settings.threads
        self._session: Any = _session(runnable, _options(settings.threads))
        self._binding = _bound(self._session, runnable)

    def time(self) -> float:
        """Seconds of one inference."""
        start = time.perf_counter()
        self._session.run_with_iobinding(self._binding)
        return time.perf_counter() - start

    def profile(self, runs: int) -> RuntimeProfile:
        """What kernels took, by onnxruntime's profiler, which counts whole microseconds: `seconds`
        is the mean of the middle half of the runs, so that short kernels are no whole numbers."""
        with tempfile.TemporaryDirectory(dir=self._runnable.folder) as folder:
            events, operations = _profiled(self._runnable, self._threads, runs, Path(folder))
        return _profile(self._runnable, runs, events, operations)

    def close(self) -> None:
        """Let the session go."""
        self._session = self._binding = None


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3  # errors; a saved graph is warned of otherwise
    for key, value in _ENTRIES.items():
        options.add_session_config_entry(key, value)
    return options


def _session(runnable: Runnable, options: Any) -> Any:
    return onnxruntime.InferenceSession(str(runnable.onnx()), options, providers=_PROVIDERS)


def _bound(session: Any, runnable: Runnable) -> Any:
    binding = session.io_binding()
    for taken, value in zip(session.get_inputs(), runnable.inputs(), strict=True):
        binding.bind_cpu_input(taken.name, value.numpy())
    for made in session.get_outputs():
        binding.bind_output(made.name)
    return binding


def _profiled(
    runnable: Runnable, threads: int, runs: int, folder: Path
) -> tuple[list[dict[str, Any]], list[Operation]]:
    """The events of so many runs after the first ones, and the graph that ran."""
    import onnx

    optimized = folder / "optimized.onnx"
    options = _options(threads)
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    options.optimized_model_filepath = str(optimized)
    # Weights go to a file of their own, which is not read.
    file = "session.optimized_model_external_initializers_"
    options.add_session_config_entry(f"{file}file_name", "weights.bin")
    options.add_session_config_entry(f"{file}min_size_in_bytes", "1024")
    session = _session(runnable, options)
    binding = _bound(session, runnable)
    for _ in range(_WARM_UP + runs):
        session.run_with_iobinding(binding)
    events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    graph = onnx.load(optimized, load_external_data=False).graph
    return events, operations_of(graph)


def _profile(
    runnable: Runnable, runs: int, events: Sequence[Mapping[str, Any]], optimized: list[Operation]
) -> RuntimeProfile:
    import onnx

    graph = onnx.load(runnable.onnx(), load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value.name for value in graph.input if value.name not in stored]
    work_of = _by_name(optimized, works(inputs, operations_of(graph), optimized))
    taken: dict[tuple[str, str], list[float]] = {}
    whole: list[float] = []
    for event in events:
        name = event["name"]
        if event["cat"] == "Node" and name.endswith(_KERNEL):
            key = (name.removesuffix(_KERNEL), event["args"]["op_name"])
            taken.setdefault(key, []).append(event["dur"] / 1e6)
        elif name == "model_run":
            whole.append(event["dur"] / 1e6)
    kernels = [
        RuntimeKernel(
            name=name,
            operator=operator,
            seconds=_middle(times[_WARM_UP:]),
            nodes=work_of.get(name, Work(())).nodes,
            is_layout=work_of.get(name, Work(())).is_layout,
        )
        for (name, operator), times in taken.items()
    ]
    return RuntimeProfile(
        kernels=tuple(kernels), runs=runs, inference_s=statistics.median(whole[_WARM_UP:])
    )


def _by_name(operations: Sequence[Operation], found: Sequence[Work]) -> dict[str, Work]:
    """What kernels do, by their name, where the name is of one alone."""
    counts = Counter(operation.name for operation in operations)
    return {
        operation.name: work
        for operation, work in zip(operations, found, strict=True)
        if counts[operation.name] == 1
    }


def _middle(times: Sequence[float]) -> float:
    """The mean of the middle half."""
    quarter = len(times) // 4
    return statistics.fmean(sorted(times)[quarter : len(times) - quarter])
