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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import onnxruntime
import torch

from mnet_cost.errors import Problem
from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runtimes.base import (
    Program,
    RunError,
    RunSettings,
    Runtime,
    RuntimeKernel,
    RuntimeProfile,
    middle_mean,
)
from mnet_cost.measure.runtimes.onnx_kernels import Operation, Work, read_file, works
from mnet_cost.measure.runtimes.refusals import refused_file

_PROVIDERS = ["CPUExecutionProvider"]
_WARM_UP = 3
"""Profiled runs that are not looked at."""
_KERNEL = "_kernel_time"
_TINY, _TINY_RUNS = 100, 50
"""Kernels of the network that tells what profiling takes, and its runs."""
_CONTROL = frozenset({"If", "Loop", "Scan"})
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
    takes: str | None = ".onnx"

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

    def __init__(self, runnable: Runnable, settings: RunSettings) -> None:
        self._runnable = runnable
        self.precision = "int8" if runnable.given_int8(".onnx") else "fp32"
        self._threads = settings.threads
        self._session: Any = _session(runnable, _options(settings.threads))
        self._binding = _bound(self._session, runnable)

    def time(self) -> float:
        """Seconds of one inference."""
        with _without_denormals():
            start = time.perf_counter()
            self._session.run_with_iobinding(self._binding)
            return time.perf_counter() - start

    def profile(self, runs: int) -> RuntimeProfile:
        """What kernels took, by onnxruntime's profiler, which counts whole microseconds: `seconds`
        is the mean of the middle half of the runs, so that short kernels are no whole numbers."""
        return profile_of(self._runnable, profiled(self._runnable, self._threads, runs))

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
    """A session that has run once: some networks are refused when they run."""
    path = str(runnable.onnx())
    try:
        with _without_denormals():
            session = onnxruntime.InferenceSession(path, options, providers=_PROVIDERS)
            session.run_with_iobinding(_bound(session, runnable))
            return session
    except Exception as error:  # its errors have no class in common
        raise refused_file(runnable, "onnxruntime", error) from None


@contextmanager
def _without_denormals() -> Iterator[None]:
    """Within it, this thread computes with zeros in place of denormal numbers.

    onnxruntime sets this for the threads that it makes, and for the one that makes the first
    session of a process, for ever: so that other computations stay as they are, it is undone.
    """
    tiny = numpy.float32(1e-40)
    were_zeros = bool(tiny * numpy.float32(1) == 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(were_zeros)


def _bound(session: Any, runnable: Runnable) -> Any:
    binding = session.io_binding()
    for taken, value in zip(session.get_inputs(), runnable.inputs(), strict=True):
        binding.bind_cpu_input(taken.name, value.numpy())
    for made in session.get_outputs():
        binding.bind_output(made.name)
    return binding


class Profiled(NamedTuple):
    """What the profiler says of some runs."""

    runs: list[list[Mapping[str, Any]]]
    """For each run the events of kernels, in the order in which they ended."""
    whole_s: list[float]
    """What each run took."""
    optimized: list[Operation]
    """The graph that ran."""


def profiled(runnable: Runnable, threads: int, runs: int) -> Profiled:
    """Profile so many runs, after the first ones."""
    with tempfile.TemporaryDirectory(dir=runnable.folder) as folder:
        optimized = Path(folder) / "optimized.onnx"
        options = _options(threads)
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        options.optimized_model_filepath = str(optimized)
        # Weights go to a file of their own, which is not read.
        file = "session.optimized_model_external_initializers_"
        options.add_session_config_entry(f"{file}file_name", "weights.bin")
        options.add_session_config_entry(f"{file}min_size_in_bytes", "1024")
        session = _session(runnable, options)
        binding = _bound(session, runnable)
        with _without_denormals():
            for _ in range(_WARM_UP - 1 + runs):
                session.run_with_iobinding(binding)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        _, operations = read_file(optimized)
    kernels: list[list[Mapping[str, Any]]] = [[]]
    whole_s: list[float] = []
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith(_KERNEL):
            if event["args"]["op_name"] in _CONTROL:  # what runs inside is part of it
                kernels[-1] = [inner for inner in kernels[-1] if inner["ts"] < event["ts"]]
            kernels[-1].append(event)
        elif event["name"] == "model_run":
            whole_s.append(event["dur"] / 1e6)
            kernels.append([])
    return Profiled(kernels[_WARM_UP:-1], whole_s[_WARM_UP:], operations)


def profile_of(runnable: Runnable, measured: Profiled) -> RuntimeProfile:
    """The kernels of profiled runs, and the nodes of the ONNX file that they do."""
    inputs, file = read_file(runnable.onnx())
    done = works(inputs, file, measured.optimized)
    taken: dict[tuple[str, str], list[float]] = {}
    for run in measured.runs:
        for event in run:
            taken.setdefault(_key(event), []).append(event["dur"] / 1e6)
    work_of = _work_of(measured, done)
    kernels = [
        RuntimeKernel(
            name=key[0],
            operator=key[1],
            seconds=middle_mean(times) * len(times) / len(measured.runs),
            nodes=work_of[key].nodes,
            is_layout=work_of[key].is_layout,
        )
        for key, times in taken.items()
    ]
    return RuntimeProfile(
        kernels=tuple(kernels),
        runs=len(measured.runs),
        overhead_s=profiling_overhead_s(),
        inference_s=statistics.median(measured.whole_s),
    )


@cache
def profiling_overhead_s() -> float:
    """What the profiler adds to the time of each kernel, in seconds, measured here and now: what it
    says of a kernel that does next to nothing, less what one more such kernel takes without it.

    On an x86 server core at some 3 GHz 1.2 us with onnxruntime 1.32 and whole microseconds.
    """
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Erf", [f"x.{number}"], [f"x.{number + 1}"], name=f"erf.{number}")
        for number in range(_TINY)
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
        for name in ("x.0", f"x.{_TINY}")
    ]
    graph = helper.make_graph(nodes, "tiny", ends[:1], ends[1:])
    opset = helper.make_opsetid("", 13)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    with _without_denormals():
        return _overhead_s(model, {"x.0": numpy.ones(1, numpy.float32)})


def _overhead_s(model: bytes, feed: Mapping[str, Any]) -> float:
    plain = onnxruntime.InferenceSession(model, _options(1), providers=_PROVIDERS)
    whole = []
    for _ in range(_TINY_RUNS):
        start = time.perf_counter()
        plain.run(None, feed)
        whole.append(time.perf_counter() - start)
    options = _options(1)
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(model, options, providers=_PROVIDERS)
        for _ in range(_TINY_RUNS):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    taken = [event["dur"] / 1e6 for event in events if event["cat"] == "Node"]
    return max(middle_mean(taken) - statistics.median(whole) / _TINY, 0.0)


def _key(event: Mapping[str, Any]) -> tuple[str, str]:
    """The name and the operator of a kernel."""
    return event["name"].removesuffix(_KERNEL), event["args"]["op_name"]


def _work_of(measured: Profiled, done: Sequence[Work]) -> dict[tuple[str, str], Work]:
    """What each kernel does.

    Kernels run in the order of the saved graph. A node without a name is reported by its operator
    and a number. Where the order is another one, names decide, if they are of one node alone.
    """
    keys = [_key(event) for event in measured.runs[0]]
    found: dict[tuple[str, str], Work] = dict.fromkeys(keys, Work(()))
    counts = Counter(keys)
    ordered = [(operation.name, operation.operator) for operation in measured.optimized]
    if len(keys) == len(ordered) and all(
        key[1] == operator and name in ("", key[0])
        for key, (name, operator) in zip(keys, ordered, strict=True)
    ):
        ordered = keys
    twice = Counter(ordered)
    for key, work in zip(ordered, done, strict=True):
        if counts[key] == 1 and twice[key] == 1:
            found[key] = work
    return found
